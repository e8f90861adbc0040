"""How a language says dates, times and durations: the words for what a rule of `normalization_tts_trm.py` found."""

import re

from .languages_english_tts_trm import ENGLISH_PARTICLES
from .languages_german_tts_trm import GERMAN_DATED, GERMAN_NUMBERED
from .verbalization_tts_trm import NumberWords, after, any_of, before, spelled


class TimeWords(NumberWords):
    """The words of one language for a date or a time; see [`NumberWords`]."""

    def date(self, match: re.Match) -> str | None:
        """`11/5/2023`, `5. Mai`, `2023-11-05`; None where month or day do not exist."""
        groups = match.groupdict()
        if groups.get("month"):
            month = int(groups["month"])
        else:
            short = self.language.short_months
            month = next(i for i, name in enumerate(short, 1) if groups["name"].startswith(name))
        day, year = groups.get("day"), groups.get("year")
        if month > 12 >= int(day or 13) and year and re.search("[/-]", match[0]):
            # The order of another country.
            month, day = int(day or 0), str(month)
        if not 1 <= month <= 12 or (day and not 1 <= int(day) <= 31):
            return None
        if self.language.family == "de" and not year and GERMAN_NUMBERED.search(before(match)):
            return None
        spoken = [self.language.months[month - 1]] if self.language.months else [self.words(month)]
        if day and self.language.family == "de":
            ordinal = self.words(int(day), "ordinal")
            dative = GERMAN_DATED.search(before(match))
            spoken.insert(0, self._inflected(ordinal, match) or f"{ordinal}{'n' if dative else 'r'}")
        elif day and self.language.code == "en-gb":
            article = "" if re.search(r"\bthe\s$", before(match), re.IGNORECASE) else "the "
            spoken.insert(0, f"{article}{self.words(int(day), 'ordinal')} of")
        elif day:
            spoken.append(self.words(int(day), "ordinal"))
        if year:
            year = int(year) + (0 if len(year) == 4 else 2000 if int(year) < 50 else 1900)
            comma = "," if day and self.language.family == "en" else ""
            spoken[-1] += comma
            spoken.append(self.words(year, "year"))
        return " ".join(spoken)

    def days(self, match: re.Match) -> str | None:
        """English days of one month, `May 5-7` and `3, 5 and 7 May`; None for `May 3 and 20 people`."""
        parts = re.findall(r"\d+|,|and|or|&|to|[-–—]", re.sub(r"(?<=\d)(?:st|nd|rd|th)", "", match["days"]))
        days = [int(part) for part in parts if part.isdigit()]
        rest = re.match(r"\s([a-z]+)", after(match))
        if match[0][0].isdigit() and re.search(rf"(?:{any_of(self.language.months)})\s$", before(match)):
            return None
        counted = rest and match[0][-1].isdigit() and rest[1] not in ENGLISH_PARTICLES and rest[1].endswith(("s", "e"))
        if counted or not 1 <= min(days) <= max(days) <= 31 or days != sorted(days):
            return None
        joined = {"&": self.language.and_, "-": self.language.to, "–": self.language.to, "—": self.language.to}
        spoken = " ".join(
            self.words(int(part), "ordinal") if part.isdigit() else joined.get(part, part) for part in parts
        ).replace(" ,", ",")
        month = self.month(match)
        if " of " in match[0]:
            return f"{spoken} of {month}"
        if self.language.code != "en-gb":
            return f"{month} {spoken}"
        article = "" if re.search(r"\bthe\s$", before(match), re.IGNORECASE) else "the "
        return f"{article}{spoken} of {month}"

    def month(self, match: re.Match) -> str | None:
        """`Jan.`"""
        number = next(i for i, name in enumerate(self.language.short_months, 1) if match["name"].startswith(name))
        return self.language.months[(number - 1) % 12]

    def first_day(self, match: re.Match) -> str:
        """The first of two days, `1.-5. Mai`."""
        ordinal = self.words(int(match["day"]), "ordinal")
        return f"{self._inflected(ordinal, match) or ordinal + 'r'} {self.language.to} "

    def until(self, match: re.Match) -> str:
        """A dash between two times, days or sums."""
        return f" {self.language.to} "

    def moment(self, match: re.Match) -> str | None:
        """`2023-11-05T14:30:00Z`."""
        date, time = self.date(match), self.time(match)
        if date is None or time is None:
            return None
        time += self._seconds(match)
        if match["zone"] or match["offset"]:
            time += f" {spelled('UTC')}"
        if match["offset"]:
            hours, minutes = match["offset"][1:3], match["offset"][-2:]
            sign = self.language.minus if match["offset"][0] == "-" else self.language.symbols.get("+", "+")
            time += f" {sign} {self.words(int(hours))}" + (f" {self.words(int(minutes))}" if int(minutes) else "")
        return f"{date}, {time}"

    def exact_time(self, match: re.Match) -> str | None:
        """`11:59:59 p.m.`, `23:59:59 Uhr`."""
        time = self.time(match)
        return None if time is None else time + self._seconds(match)

    def time(self, match: re.Match) -> str | None:
        """`5:30 pm`, `18:05`, `0930 hours`; None where there is no such time."""
        groups = match.groupdict()
        hour, minute, half = int(groups["hour"]), int(groups["minute"] or 0), groups.get("half")
        if hour > (12 if half else 24) or minute > 59:
            return None
        if "military" in groups:
            # 0930 hours.
            spoken = [f"oh {self.words(each)}" if each < 10 else self.words(each) for each in (hour, minute)]
            return f"{spoken[0]} {spoken[1] if minute else 'hundred'}"
        if self.language.family == "de":
            return f"{self.counted(hour, '')} Uhr" + (f" {self.words(minute)}" if minute else "")
        minutes = "" if not minute else f" oh {self.words(minute)}" if minute < 10 else f" {self.words(minute)}"
        if half:
            return f"{self.words(hour)}{minutes} {spelled(half + 'm')}"
        if hour == minute == 0:
            return "midnight"
        return self.words(hour) + (minutes or (" o'clock" if hour <= 12 else " hundred"))

    def _seconds(self, match: re.Match) -> str:
        one, many = self.language.units.get("s", ("", ""))
        seconds = int(match["seconds"] or 0)
        spoken = f" {self.language.and_} {self.counted(seconds, one)} {one if seconds == 1 else many}"
        return spoken if seconds else ""

    def lap(self, match: re.Match) -> str:
        """`1:59.40`, minutes and seconds."""
        (one, many), seconds = self.language.units.get("min", ("", "")), self.language.units.get("s", ("", ""))[1]
        minutes = int(match["minutes"])
        part = self.words(match["seconds"].replace(",", "."))
        return f"{self.counted(minutes, one)} {one if minutes == 1 else many} {part} {seconds}"

    def duration(self, match: re.Match) -> str:
        """`01:23:45` as hours, minutes and seconds, what is zero left out."""
        *others, last = self._duration(match) or [f"{self.words(0)} {self.language.units.get('s', ('', 'seconds'))[1]}"]
        return f"{' '.join(others)} {self.language.and_} {last}" if others else last

    def hours_and_minutes(self, match: re.Match) -> str | None:
        """`1h 23m`, `4m 30s`."""
        return " ".join(self._duration(match)) or None

    def _duration(self, match: re.Match) -> list[str]:
        groups, parts = match.groupdict(), []
        for name, unit in (("hours", "h"), ("minutes", "min"), ("seconds", "s")):
            one, many = self.language.units.get(unit, (name, name))
            if value := int(groups.get(name) or 0):
                parts.append(f"{self.counted(value, one)} {one if value == 1 else many}".replace("' ", "'"))
        return parts
