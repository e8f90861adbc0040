"""Written text as it is spoken: numbers, money, dates, times, units, abbreviations, addresses and emoji become words.

Rules are tried in the order of `Normalizer.rules`, each on the whole text; what one has taken the later ones leave
alone. Every character of the result knows the stretch of the written text it stands for, so that times can be given for
the words that the user wrote. Number words are those of num2words, the names of emoji those of the package emoji.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import NamedTuple

from .errors_tts_trm import InputError
from .languages_tts_trm import ENGLISH, LANGUAGES, Language

# Without it numerals are refused.
try:
    from num2words import num2words
except ImportError:
    num2words = None
# Without it emoji have their English names.
try:
    import emoji
except ImportError:
    emoji = None

# Of a number that is read as one; a longer one is read digit by digit.
MAX_DIGITS = 15
# Characters beside a match that its rule may look at: all of a long text would take forever.
NEIGHBOURHOOD = 40
ROMAN_DIGITS = {"X": 10, "IX": 9, "V": 5, "IV": 4, "I": 1}
# Marks that nobody reads aloud.
SILENT = "*_`|^~™®©•·←→↑↓■□●○★☆♪{}[]\\\u200d\ufe0f"
EMOJI = "[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55]"
TELEPHONES = (
    # `+`: digits that could be grouped in any way would take forever.
    r"\+\d{1,3}(?:[ /-]?\(?\d{2,}+\)?)+",
    r"\(\d{2,5}\)[ -]?\d{2,}(?:[ -]\d{2,})*",
    r"(?:1-)?\d{2,5}(?:-\d{2,5}){2,}",
    r"0\d{1,5}[ /-]\d{3,}(?:[ -]\d{2,})*",
    r"\d{3}-\d{4}",
)
MODIFIER = f"(?:\ufe0f|[\U0001f3fb-\U0001f3ff]|\u200d{EMOJI})"


class SpokenText(NamedTuple):
    """A text in words, and for each of its characters the stretch `(start, end)` of the written one."""

    text: str
    origins: list[tuple[int, int]]


def normalize_text(text: str, language: str = "en") -> SpokenText:
    """The words of a written text, in a language by its ISO 639-1 code.

    Raises:
        ValueError: for a numeral, where num2words is missing or does not know the language; names the fix.
    """
    return _normalizer(language)(text)


@lru_cache
def _normalizer(language: str) -> "Normalizer":
    return Normalizer(LANGUAGES.get(language) or Language(code=language, symbols=ENGLISH.symbols))


def _any(words: Iterable[str]) -> str:
    """A pattern for any of these words, longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) or r"(?!)"


def _before(match: re.Match) -> str:
    """The characters before a match, as far as a rule looks."""
    return match.string[max(0, match.start() - NEIGHBOURHOOD) : match.start()]


def _after(match: re.Match) -> str:
    return match.string[match.end() : match.end() + NEIGHBOURHOOD]


def _constant(words: str, match: re.Match) -> str:
    return words


class Normalizer:
    """The rules of one language: patterns, and what says the match in words (None: leave it to the later rules).

    Of a match only the group `take` is replaced, where the pattern has one.
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        thousands, decimal = re.escape(language.thousands), re.escape(language.decimal)
        # repetitions that could be tried from each of their parts have an upper bound: time grows with the text alone
        number = rf"(?:\d{{1,3}}(?:(?:{thousands}|[ \u00a0\u2009\u202f])\d{{3}}){{1,20}}(?!\d)|\d+)(?:{decimal}\d+)?"
        signed = rf"(?P<sign>(?<![\w)])[-−])?(?<![\w.,])(?P<number>{number})"
        money, units = _any(language.currencies), _any(language.units)
        magnitude = rf"\s?(?P<magnitude>{_any(language.magnitudes)})(?!\w)"
        rules = [
            (r"(?:https?://|www\.)[^\s<>()\"']*[^\s<>()\"'.,;:!?]", self.address),
            (r"\b[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", self.address),
            (rf"\b(?:[a-z0-9-]{{1,63}}\.){{1,8}}(?:{language.domains})\b(?:/[\w./?=&#-]*[\w/])?", self.address),
            *((pattern, partial(_constant, words)) for pattern, words in language.phrases),
            *((pattern, self.date) for pattern in self._date_patterns()),
            *((pattern, self.time) for pattern in language.times),
            (
                rf"(?P<money>{money})\s?(?P<first>{number})\s?[–-]\s?(?:{money})?\s?(?P<second>{number})(?![\w–-])",
                self.range,
            ),
            (rf"(?P<unit>{money})\s?(?P<number>{number})(?:{magnitude})?(?!\w)", self.money),
            (rf"(?<![\w.,])(?P<number>{number})(?:{magnitude})?\s?(?P<unit>{money})(?!\w)", self.money),
            *((rf"(?<![\w.,]){pattern}(?!\w)", self.digit_groups) for pattern in TELEPHONES),
            (
                rf"(?<![\w.,])(?P<first>{number})\s?[–-]\s?(?P<second>{number})"
                rf"(?P<unit>\s?(?:%|(?:{units})(?!\w)))?(?![\w–-])",
                self.range,
            ),
            (language.decade, self.decade),
            (rf"{signed}\s?%", self.percent),
            (rf"{signed}\s?(?P<unit>{units})(?!\w)", self.unit),
            (r"(?<![\w.])\d+(?:\.\d+){2,}(?!\w)", self.version),
            (language.ordinal, self.ordinal),
            (r"(?<![\w/.,])(?P<top>\d{1,2})/(?P<bottom>\d{1,2})(?![\w/])", self.fraction),
            (r"(?<![\w:])(?P<first>\d{1,3}):(?P<second>\d{1,3})(?![\w:])", self.range),
            (rf"(?<![\w.,])(?P<number>{number}){magnitude}", self.large),
            (rf"(?P<sign>(?<![\w)])[-−])?(?P<number>{number})", self.number),
            (r"\b(?P<name>[A-ZÄÖÜ][a-zäöüß]+) (?P<take>[IVX]+)(?![\w'])", self.roman),
            (rf"(?<!\w)(?:{_any(language.abbreviations)})(?!\w)", self.abbreviation),
            (r"(?<![\w'.-])(?P<letters>[A-Z]{2,5})(?P<plural>s)?(?![^\W\d])", self.capitals),
            (rf"[{''.join(language.fractions) or '½'}]", self.fraction_sign),
            (rf"{EMOJI}{MODIFIER}*", self.emoji),
            (r"(?<=\w)/(?=\w)", lambda match: " "),
            (rf"[{re.escape('&+=@§#×÷%')}]|(?<!\S)[~<>](?=\s?\d)", self.symbol),
            (rf"[{re.escape(SILENT)}]", lambda match: " "),
        ]
        self.rules = [(re.compile(pattern), rule) for pattern, rule in rules if pattern]
        # words in small letters but for their first, marks between them, and full stops only where a space follows
        self.plain = re.compile(r"(?:[a-zß-öø-ÿ]|[A-ZÄÖÜ](?![A-ZÄÖÜ])|[ \n,;:!?'\"()-]|\.(?=\s|$))*")
        self.last_word = re.compile(rf"(?<!\w)(?:{_any(language.abbreviations)})(?!\w)| [IVX]+\b")

    def __call__(self, text: str) -> SpokenText:
        if self.plain.fullmatch(text) and not self.last_word.search(text):
            # Most sentences: there is nothing for the rules.
            return _join(text, [])
        taken, free = [], [True] * len(text)
        for pattern, rule in self.rules:
            position = 0
            while match := pattern.search(text, position):
                start, end = match.span("take" if "take" in pattern.groupindex else 0)
                position = match.end()
                # What follows the stretch that another rule took may still match.
                if not all(free[start:end]):
                    position = next((place for place in range(free.index(False, start), position) if free[place]), end)
                elif (spoken := rule(match)) is not None:
                    taken.append((start, end, spoken))
                    free[start:end] = [False] * (end - start)
        return _join(text, sorted(taken))

    def _date_patterns(self) -> list[str]:
        month = rf"(?P<name>{_any(self.language.months + self.language.short_months)})\b"
        iso = r"(?<!\d)(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>[0-3]\d)(?!\d)"
        return [iso, *(pattern.replace("MONTH", month) for pattern in self.language.dates)]

    # -- numbers --------------------------------------------------------------------------------------------------

    def words(self, number: int | str, kind: str = "cardinal") -> str:
        """What [`value`] returns, in words; a year that the library cannot say is said as a number."""
        if num2words is None:
            raise InputError(
                f"The text has the number {number}; have numbers spoken with `pip install num2words`, or write it out."
            )
        if isinstance(number, str):
            whole, point, digits = number.partition(".")
            spoken = self.digits(whole) if len(whole) > MAX_DIGITS else self.words(int(whole))
            return f"{spoken} {self.language.point} {self.digits(digits)}" if point else spoken
        try:
            return num2words(number, to=kind, lang=self.language.code).replace(",", "")
        except Exception as error:
            # Each of its languages raises what it likes.
            if kind == "year":
                return self.words(number)
            raise InputError(
                f"The text has the number {number}, which num2words cannot say in {self.language.code!r}; write it out."
            ) from error

    def value(self, written: str) -> int | str:
        """A numeral as it is written, `1.234,5`: an int, or `"1234.5"`, or the digits if they are very many."""
        plain = re.sub(rf"[{self.language.thousands}\s]", "", written).replace(self.language.decimal, ".")
        return plain if "." in plain or len(plain) > MAX_DIGITS else int(plain)

    def quantity(self, match: re.Match, one: str, many: str) -> str:
        """A number and what it counts."""
        value = self.value(match["number"])
        sign = f"{self.language.minus} " if "sign" in match.re.groupindex and match["sign"] else ""
        return f"{sign}{self.counted(value, one)} {one if value == 1 else many}"

    def counted(self, value: int | str, noun: str) -> str:
        """A number before a noun; the German `eins` becomes `ein` or `eine`."""
        if self.language.code == "de" and value == 1:
            return "eine" if noun.endswith("e") else "ein"
        return self.words(value)

    def digits(self, text: str) -> str:
        names = {digit: self.words(int(digit)) for digit in set(text) if digit.isdecimal()}
        return " ".join(names[character] for character in text if character in names)

    @staticmethod
    def may_be_year(written: str) -> bool:
        return written.isdigit() and len(written) == 4 and 1100 <= int(written) < 2100

    def number(self, match: re.Match) -> str:
        written = match["number"]
        sign = f"{self.language.minus} " if match["sign"] else ""
        if written.isdigit() and written[0] == "0" and len(written) > 1:
            return sign + self.digits(written)
        if not sign and self.may_be_year(written):
            return self.words(int(written), "year")
        noun = re.match(r"\s[A-ZÄÖÜ]\w*", _after(match))
        return sign + (self.counted(self.value(written), noun[0]) if noun else self.words(self.value(written)))

    def large(self, match: re.Match) -> str | None:
        # 12B is a room; with money they are clear.
        if match["magnitude"] in ("K", "B", "m"):
            return None
        value, name = self.value(match["number"]), self.language.magnitudes[match["magnitude"]]
        return self.language.single.get(name) if value == 1 and self.language.single else f"{self.words(value)} {name}"

    def range(self, match: re.Match) -> str:
        parts = [
            self.words(int(part), "year") if self.may_be_year(part) else self.words(self.value(part))
            for part in (match["first"], match["second"])
        ]
        unit = (match["unit"] or "").strip() if "unit" in match.re.groupindex else ""
        noun = self.language.percent if unit == "%" else self.language.units[unit][1] if unit else ""
        if "money" in match.re.groupindex:
            noun = self.language.currencies[match["money"]][1]
        between = self.language.score if ":" in match[0] else self.language.to
        return f"{parts[0]} {between} {parts[1]} {noun}".strip()

    def version(self, match: re.Match) -> str | None:
        first, *others = match[0].split(".")
        if self.language.thousands == "." and all(len(part) == 3 for part in others):
            return None  # a large number
        return f" {self.language.symbols.get('.', 'point')} ".join(
            self.words(self.value(part)) for part in (first, *others)
        )

    def digit_groups(self, match: re.Match) -> str:
        plus = f"{self.language.symbols.get('+', 'plus')} " if match[0].startswith("+") else ""
        return plus + ", ".join(self.digits(group) for group in re.findall(r"\d+", match[0]))

    def ordinal(self, match: re.Match) -> str | None:
        spoken = self.words(self.value(match["number"]), "ordinal")
        return spoken if self.language.code != "de" else self._inflected(spoken, match)

    @staticmethod
    def _inflected(spoken: str, match: re.Match) -> str | None:
        """A German ordinal as the word before it asks for; None where that word asks for none."""
        before = re.search(r"(\w+)\s$", _before(match))
        article = before[1].lower() if before else ""
        if article in ("am", "im", "vom", "zum", "beim", "zur", "dem", "den", "des", "ab", "bis", "seit"):
            return f"{spoken}n"
        return spoken if article in ("der", "die", "das") else None

    def decade(self, match: re.Match) -> str:
        if self.language.code == "de":
            return self.words(int(match["number"]), "year") + "er"
        century = f"{self.words(int(match['century']))} " if match["century"] else ""
        decade = self.words(int(match["decade"])) if match["decade"] != "00" else "hundred"
        return century + (decade[:-1] + "ies" if decade.endswith("y") else decade + "s")

    def fraction(self, match: re.Match) -> str | None:
        top, bottom = int(match["top"]), int(match["bottom"])
        if not 0 < top < bottom:
            return f"{self.words(top)} {self.words(bottom)}"
        signs = {"1/2": "½", "1/3": "⅓", "2/3": "⅔", "1/4": "¼", "3/4": "¾"}
        if (sign := signs.get(match[0])) in self.language.fractions:
            spoken = self.language.fractions[sign]
        elif self.language.code == "en":
            spoken = f"{self.words(top)} {self.words(bottom, 'ordinal')}{'s' if top > 1 else ''}"
        elif self.language.code == "de":
            spoken = f"{self.counted(top, '')} {self.words(bottom, 'ordinal')[:-1].capitalize()}el"
        else:
            spoken = f"{self.words(top)} {self.words(bottom)}"
        return f"{self.language.and_} {spoken}" if re.search(r"\d\s$", _before(match)) else spoken

    def fraction_sign(self, match: re.Match) -> str | None:
        spoken = self.language.fractions.get(match[0])
        after_number = spoken and re.search(r"\d\s?$", _before(match))
        return f"{self.language.and_} {spoken}" if after_number else spoken

    # -- money, measures, time ------------------------------------------------------------------------------------

    def money(self, match: re.Match) -> str:
        one, many, cent, cents = self.language.currencies[match["unit"]]
        value = self.value(match["number"])
        if match["magnitude"]:
            name = self.language.magnitudes[match["magnitude"]]
            amount = self.language.single.get(name) if value == 1 and self.language.single else None
            return f"{amount or f'{self.words(value)} {name}'} {many}"
        whole, _, part = str(value).partition(".")
        if len(part) != 2:
            return self.quantity(match, one, many)
        hundredths = f"{self.counted(int(part), cent)} {cent if int(part) == 1 else cents}"
        whole = self.value(whole)
        if whole == 0:
            return hundredths
        amount = f"{self.counted(whole, one)} {one if whole == 1 else many}"
        if int(part) == 0:
            return amount
        return f"{amount} {self.words(int(part))}" if self.language.code == "de" else f"{amount} and {hundredths}"

    def percent(self, match: re.Match) -> str:
        return self.quantity(match, self.language.percent, self.language.percent)

    def unit(self, match: re.Match) -> str:
        return self.quantity(match, *self.language.units[match["unit"]])

    def date(self, match: re.Match) -> str | None:
        groups = match.groupdict()
        if groups.get("month"):
            month = int(groups["month"])
        else:
            short = self.language.short_months
            month = next(i for i, name in enumerate(short, 1) if groups["name"].startswith(name))
        day, year = groups.get("day"), groups.get("year")
        if not 1 <= month <= 12 or (day and not 1 <= int(day) <= 31):
            return None
        spoken = [self.language.months[month - 1]] if self.language.months else [self.words(month)]
        if day and self.language.code == "de":
            ordinal = self.words(int(day), "ordinal")
            spoken.insert(0, self._inflected(ordinal, match) or f"{ordinal}r")
        elif day:
            spoken.append(self.words(int(day), "ordinal"))
        if year:
            year = int(year) + (0 if len(year) == 4 else 2000 if int(year) < 50 else 1900)
            comma = "," if day and self.language.code == "en" else ""
            spoken[-1] += comma
            spoken.append(self.words(year, "year"))
        return " ".join(spoken)

    def time(self, match: re.Match) -> str | None:
        groups = match.groupdict()
        hour, minute, half = int(groups["hour"]), int(groups["minute"] or 0), groups.get("half")
        if hour > (12 if half else 24) or minute > 59:
            return None
        if self.language.code == "de":
            return f"{self.counted(hour, '')} Uhr" + (f" {self.words(minute)}" if minute else "")
        minutes = "" if not minute else f" oh {self.words(minute)}" if minute < 10 else f" {self.words(minute)}"
        if half:
            return f"{self.words(hour)}{minutes} {half.lower()} m"
        return self.words(hour) + (minutes or (" o'clock" if hour <= 12 else " hundred"))

    # -- words ----------------------------------------------------------------------------------------------------

    def roman(self, match: re.Match) -> str | None:
        rest, number = match["take"], 0
        for digit, value in ROMAN_DIGITS.items():
            while rest.startswith(digit) and number < 40:
                rest, number = rest[len(digit) :], number + value
        counted = match["name"] in self.language.counted_words
        if rest or number > 39 or (len(match["take"]) == 1 and not counted):
            return None
        if counted:
            return self.words(number)
        article = {"en": "the", "de": "der"}.get(self.language.code)
        return f"{article} {self.words(number, 'ordinal')}" if article else None

    def abbreviation(self, match: re.Match) -> str:
        spoken, rest = self.language.abbreviations[match[0]], _after(match)
        may_end = match[0] in self.language.may_end and re.match(r"\s+[A-ZÄÖÜ]", rest)
        return f"{spoken}." if may_end or re.match(r"\s*$|\s*\n[^\S\n]*\n", rest) else spoken

    def capitals(self, match: re.Match) -> str | None:
        letters, names = match["letters"], self.language.letters
        if not names or not (letters in self.language.spelled or not set(letters) & set("AEIOUY")):
            return None
        return " ".join(names[letter] for letter in letters) + (match["plural"] or "")

    def address(self, match: re.Match) -> str:
        text = re.sub(r"^https?://", "", match[0]).rstrip("/")
        spoken = []
        for part in re.findall(r"\d+|[^\W\d_]+|[\W_]", text):
            if part.isdecimal():
                spoken.append(self.words(int(part)) if len(part) <= 4 and part[0] != "0" else self.digits(part))
            elif part == "www":
                spoken.append(" ".join([self.language.letters.get("W", "w")] * 3))
            else:
                spoken.append(self.language.symbols.get(part, " " if part in SILENT else part))
        return " ".join(spoken)

    def symbol(self, match: re.Match) -> str:
        return self.language.symbols.get(match[0], " ")

    def emoji(self, match: re.Match) -> str:
        """The name of an emoji; of what is none, nothing."""
        sign = re.sub("[\ufe0f\U0001f3fb-\U0001f3ff]", "", match[0])
        if emoji is not None:
            code = self.language.code if self.language.code in emoji.LANGUAGES else "en"
            name = emoji.demojize(sign, delimiters=("", ""), language=code)
        else:
            name = unicodedata.name(sign[0], "").lower()
        return " " if name == sign else re.sub(r"[_-]+", " ", name)


def _join(text: str, taken: list[tuple[int, int, str]]) -> SpokenText:
    """`text` with the stretches `(start, end, spoken)` replaced, spaces between what would run together."""
    characters: list[str] = []
    origins: list[tuple[int, int]] = []

    def put(spoken: str, places: Iterable[int]) -> None:
        if characters and spoken and characters[-1].isalnum() and spoken[0].isalnum():
            characters.append(" ")
            origins.append((origins[-1][1], origins[-1][1]))
        characters.extend(spoken)
        origins.extend(places)

    position = 0
    for start, end, spoken in [*taken, (len(text), len(text), "")]:
        put(text[position:start], ((place, place + 1) for place in range(position, start)))
        put(spoken, [(start, end)] * len(spoken))
        position = end
    return SpokenText("".join(characters), origins)
