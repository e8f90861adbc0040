"""Written text as it is spoken: numbers, money, dates, times, units, abbreviations, addresses and emoji become words.

What is only structure, such as Markdown, is taken out first ([`read_markup`]). Then rules are tried in the order of
`Normalizer.rules`, each on the whole text; what one has taken the later ones leave alone, and the last ones read every
digit that is left. Every character of the result knows the stretch of the written text it stands for, so that times can
be given for the words that the user wrote. Number words come from num2words, names of emoji from the package
emoji.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from .languages_tts_trm import Language
from .verbalization_tts_trm import GERMAN_DATIVES, LETTER, MAX_DIGITS, NumberWords, after, any_of, before, spelled

# Without it emoji have their English names.
try:
    import emoji
except ImportError:
    emoji = None  # type: ignore[assignment]

ROMAN_DIGITS = {
    **{"M": 1000, "CM": 900, "D": 500, "CD": 400, "C": 100, "XC": 90, "L": 50, "XL": 40},
    **{"X": 10, "IX": 9, "V": 5, "IV": 4, "I": 1},
}
# Marks that nobody reads aloud.
SILENT = "*_`|^~™®©•·←→↑↓■□●○★☆♪{}[]\\\u200d\ufe0f¹†‡¶"
EMOJI = "[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55]"
DASH = "[-–—−]"
TELEPHONES = (
    # `+`: digits that could be grouped in any way would take forever.
    r"\+\d{1,3}(?: ?\(0\))?(?:[ /.-]?\(?\d{2,}+\)?)+",
    r"\(\d{2,5}\)[ -]?\d{2,}(?:[ .-]\d{2,})*",
    r"(?:1[ .-])?\d{3}([ .-])\d{3}\1\d{4}",
    r"(?:1-)?\d{2,5}(?:-\d{2,5}){2,}",
    r"(?<!\d )0\d{1,5} ?[ /-] ?\d{3,}(?:[ -]\d{2,})*",
    r"0\d(?:[ .]\d\d){3,}",
    r"\d{3}-\d{4}",
    r"\d{1,5}(?:-\d{1,7}){3,8}",
    r"\d{4}(?: \d{4}){2,4}",
    r"(?<!\d )00\d{1,3}(?: \d{2,}){1,5}",
)
# Digits after these words are those of a telephone, however they are grouped.
CALLED = r"(?i:call|dial|phone|telephone|tel|fax|text|mobile|ring|hotline|anrufen|rufen|telefon|fon|handy|mobil|nummer)"
DIGIT, DASHES = "0", "-–—−"
ISO_DATE = r"(?<!\d)(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>[0-3]\d)"
ISO_TIME = (
    r"[T ](?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)(?::(?P<seconds>[0-5]\d))?"
    r"\s?(?P<zone>Z|UTC)?(?P<offset>[-+]\d\d:?\d\d)?(?![\w:]|[.,]\d)"
)
MODIFIER = f"(?:\ufe0f|[\U0001f3fb-\U0001f3ff]|\u200d{EMOJI})"


class SpokenText(NamedTuple):
    """A text in words, and for each of its characters the stretch `(start, end)` of the written one."""

    text: str
    origins: list[tuple[int, int]]


def _constant(words: str, match: re.Match) -> str:
    return words


Say = Callable[[re.Match], str | None]
# Pattern, what says it, and characters of which a text must have one for the rule to be tried, twice.
WrittenRule = tuple[str, Say] | tuple[str, Say, str] | tuple[str, Say, str, str]


class Rule(NamedTuple):
    """A rule made ready."""

    pattern: re.Pattern
    say: Say
    needed: frozenset[str] = frozenset()
    also_needed: frozenset[str] = frozenset()


class Normalizer(NumberWords):
    """The rules of one language: patterns, and what says the match in words (None: leave it to the later rules).

    Of a match only the group `take` is replaced, where the pattern has one.
    """

    def __init__(self, language: Language) -> None:
        super().__init__(language)
        rules = [*self._word_rules(), *self._number_rules(), *self._sign_rules()]
        self.rules = [Rule(re.compile(rule[0]), rule[1], *map(frozenset, rule[2:])) for rule in rules if rule[0]]
        # words in small letters but for their first, marks between them, and full stops only where a space follows
        self.plain = re.compile(r"(?:[a-zß-öø-ÿ]|[A-ZÀ-ÖØ-Þ](?![A-ZÀ-ÖØ-Þ])|[ \n,;:!?'\"()-]|\.(?=\s|$))*")
        short = {*language.abbreviations, *language.before_number, *(f"{title}." for title in language.titles)}
        titles = rf"\b(?:{any_of(language.titles)})\s" if language.titles else r"(?!)"
        days = rf"\b(?:{any_of(language.weekdays)})\b\s?[-,.]" if language.weekdays else r"(?!)"
        self.last_word = re.compile(
            rf"\b(?:[ivxlc]{{2,}}|[vx])\b|(?<!\w)(?:{any_of(short)})(?!\w)|\b[IVXLCDM]+\b"
            rf"|{titles}|{days}|\w\.\w|\w  *- *\w\b.*=|[a-zà-öø-ÿ][A-ZÀ-ÖØ-Þ]|\b[A-F]-\s"
        )

    def __call__(self, text: str, names: bool = True) -> SpokenText:
        if self.plain.fullmatch(text) and not self.last_word.search(text):
            # Most sentences: there is nothing for the rules.
            return _join(text, [])
        taken: list[tuple[int, int, str]] = []
        free, present = bytearray(b"\1" * len(text)), set(text)
        if any(character.isdecimal() for character in present):
            # Digits of other alphabets are numbers, too.
            present.add(DIGIT)
        for rule in self.rules:
            # Most texts have few of the signs that rules look for.
            if (rule.needed and rule.needed.isdisjoint(present)) or (
                rule.also_needed and rule.also_needed.isdisjoint(present)
            ):
                continue
            for start, end, spoken in self._found(text, rule.pattern, rule.say, free):
                taken.append((start, end, self.spell(spoken, names)))
                free[start:end] = bytes(end - start)
        return _join(text, sorted(taken))

    @staticmethod
    def _found(text: str, pattern: re.Pattern, say: Say, free: bytearray) -> Iterator[tuple[int, int, str]]:
        """What a rule says, wherever no other has been; a match that runs into such a place ends before it."""
        position, group = 0, "take" if "take" in pattern.groupindex else 0
        while match := pattern.search(text, position):
            start, end = match.span(group)
            border = free.find(0, start, end)
            if border == start or start == end:
                # Whatever follows the stretch that another rule took may still match.
                position = free.find(1, start) if border == start else match.end() + 1
                if position < 0:
                    return
                continue
            if border > start:
                match = pattern.search(text, match.start(), border)
                if match is None or match.start(group) == match.end(group):
                    position = border
                    continue
            position = max(match.end(), position + 1)
            if (spoken := say(match)) is not None:
                yield *match.span(group), spoken

    def spell(self, spoken: str, names: bool) -> str:
        """What a rule returned, its marked letters by their names or as they are."""
        if LETTER not in spoken:
            return spoken
        table = self.language.letters if names else {}
        return re.sub(f"{LETTER}(.)", lambda match: table.get(match[1].upper(), match[1].lower()), spoken)

    def _word_rules(self) -> list[WrittenRule]:
        """Addresses and names, titles and abbreviations: what digits and dots stand in that are no numbers."""
        language = self.language
        titles, days = any_of(language.titles), any_of(language.weekdays)
        day = rf"(?P<take>(?P<day>{days})\.?)"
        return [
            (r"(?:https?://|www\.)[^\s<>()\"']*[^\s<>()\"'.,;:!?]", self.address),
            (r"\b[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", self.address),
            (rf"\b(?:[a-z0-9-]{{1,63}}\.){{1,8}}(?:{language.domains})\b(?:/[\w./?=&#-]*[\w/])?", self.address),
            (r"(?<![\w&])(?P<mark>[@#])(?P<name>[^\W\d]\w{1,63})", self.handle),
            *((pattern, partial(_constant, words)) for pattern, words in language.phrases),
            (rf"(?<!\w){day}(?=\s?{DASH}\s?(?:{days})\b)", self.weekday),
            (rf"(?<!\w)(?P<from>(?:{days})\.?)\s?(?P<take>{DASH}\s?(?P<day>{days})\b\.?)", self.to_weekday),
            (rf"(?<!\w)(?P<take>(?P<day>{days})\.)(?=,|\s[a-zß-öø-ÿ])", self.weekday),
            (rf"(?<!\w){day}(?=,?\s\d|,\s(?:{any_of((*language.months, *language.short_months))})\b)", self.weekday),
            (
                rf"(?<!\w)(?P<name>{titles})(?:\.(?!\w)|(?=\s(?:(?:and|und)\s(?:{titles})\b|[A-ZÀ-ÖØ-Þ]))|(?<=St)(?=[,;.!?]|$))",
                self.title,
            ),
            (r"(?<!\w)(?P<street>[^\W\d_]{2,30}s)tr\.(?=\s|,|$)", lambda match: f"{match['street']}traße"),
            (
                rf"(?<!\w)(?:{any_of(language.before_number)})\s?(?P<take>(?P<roman>[IVXLCDM]{{2,}}|[VX]))(?!\w)",
                self.counted_roman,
            ),
            (
                rf"(?<!\w)(?P<short>{any_of(language.before_number)})(?=\s?(?:\d|[IVX]{{2,}}\b|[VX]\b|[nN]\.?[º°]?\.?\s?\d))",
                self.counted_abbreviation,
            ),
            (r"(?<![\w.])(?P<letters>(?:[^\W\d_]\.){2,8})(?!\w)", self.dotted),
            (rf"(?<!\w)(?:{any_of(language.abbreviations)})(?!\w)", self.abbreviation),
        ]

    def _number_rules(self) -> list[WrittenRule]:
        language = self.language
        thousands, decimal = re.escape(language.thousands), re.escape(language.decimal)
        # repetitions that could be tried from each of their parts have an upper bound: time grows with the text alone
        groups = rf"\d{{1,3}}(?:(?:{thousands}|['’ \u00a0\u2009\u202f])\d{{3}}){{1,20}}(?!\d)"
        other = rf"\d+{thousands}\d{{1,2}}(?![\d{thousands}{decimal}]|{thousands}\d)"
        if language.thousands == ".":
            # 21.5. is a day of May.
            other = r"\d+\.\d{1,2}(?![\d.])"
        number = rf"(?:{other}|(?:{groups}|\d+)(?:{decimal}\d+)?)"
        sign = r"(?P<sign>(?<![\w)])(?:[-−+]|(?<!\d\s)[–]))?"
        signed = rf"{sign}(?<![\w.,])(?P<number>{number})"
        months = any_of((*language.months, *language.short_months))
        money, units = any_of(language.currencies), any_of(language.units)
        magnitude = rf"\s?(?P<magnitude>{any_of(language.magnitudes)})(?!\w)"
        first, second = rf"(?P<first>{number})", rf"(?P<second>{number})"
        operator = r"\s?[-+−–*×·x/÷:^]\s?"
        clock = r"(?:\d{1,2}(?:[:.]\d\d)?)"
        half = r"[ap]\.?m\b"
        # 2 tbsp. of oil.
        unit = rf"(?P<unit>{units})(?:(?<=[a-z])\.(?=\s[a-zß-öø-ÿ]))?(?!\w)"
        hours = r"(?P<hours>\d{1,3})\s?(?:h|hrs?|hours?|Std\.?)\s?"
        minutes, seconds = r"\s?(?:m|mins?|Min\.?)", r"(?P<seconds>[0-5]?\d)\s?(?:s|secs?|Sek\.?)(?!\w)"
        return [
            (rf"(?<![\w.,]){number}(?:\s?[x×]\s?{number}){{1,3}}\s?{unit}", self.dimensions, DIGIT, "x×"),
            (rf"(?<![\w.,]){number}(?:\s?x\s?{number}){{1,3}}(?!\w|\s?=)", self.dimensions, DIGIT, "x"),
            (
                rf"(?<![\w.,:]){hours}(?P<minutes>[0-5]?\d){minutes}(?:\s?{seconds}|(?!\w))",
                self.hours_and_minutes,
                DIGIT,
            ),
            (rf"(?<![\w.,:])(?P<minutes>\d{{1,3}}){minutes}\s?{seconds}", self.hours_and_minutes, DIGIT),
            (
                rf"(?<![\w/.,])(?:(?P<whole>\d{{1,3}})\s)?(?P<top>\d{{1,2}})/(?P<bottom>\d{{1,2}})\s?{unit}",
                self.fraction_of_unit,
                "/",
            ),
            (f"{ISO_DATE}{ISO_TIME}", self.moment, "-"),
            (
                rf"(?<![\w.,]){number}(?:{operator}{number}){{1,8}}\s?=(?:\s?[-−]?{number})?(?![\w])",
                self.arithmetic,
                DIGIT,
                "=*×·÷^−",
            ),
            (rf"(?<![\w.,]){number}(?:\s?[*×·÷^−]\s?{number}){{1,8}}(?!\w)", self.arithmetic, DIGIT, "=*×·÷^−"),
            (r"(?<![\w:.,])(?P<hours>\d{1,3}):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d)(?![\w:])", self.duration, ":"),
            (rf"(?i:{clock}\s?{half})(?P<take>\s?{DASH}\s?)(?=(?i:{clock}\s?{half}))", self.until, DIGIT, DASHES),
            (
                rf"(?<![\w:.,]){clock}(?P<take>\s?{DASH}\s?)(?={clock}\s?(?:Uhr\b|(?i:{half})))",
                self.until,
                DIGIT,
                DASHES,
            ),
            (r"(?<![\w:.,])\d{1,2}:\d\d(?P<take>\s?[-–—]\s?)(?=\d{1,2}:\d\d(?!\d))", self.until, DIGIT, DASHES),
            (rf"\d(?:st|nd|rd|th)(?P<take>\s?{DASH}\s?)(?=\d{{1,2}}(?:st|nd|rd|th)\b)", self.until, DIGIT, DASHES),
            (rf"(?<=[a-z.])(?P<take>\s?{DASH}\s?)(?=(?:{months})\b)", self.until, DASHES),
            (language.day_range, self.first_day),
            *((pattern, self.date, DIGIT) for pattern in self._date_patterns()),
            *((pattern, self.time, DIGIT) for pattern in language.times),
            (rf"(?<!\w)(?P<name>{any_of(language.short_months)})\.(?=\s|,|$|{DASH})", self.month),
            (
                rf"(?<=[\w.,] )(?P<take>(?P<state>{any_of(language.states)}) (?P<code>\d{{5}}(?:-\d{{4}})?))(?![\w-])",
                self.postal,
                DIGIT,
            ),
            (language.postal, self.spelled_digits, DIGIT),
            (
                rf"(?P<unit>{money})\s?{first}\s?{DASH}\s?(?:{money})?\s?{second}(?:{magnitude})?(?![\w–-])",
                self.range,
                DIGIT,
            ),
            (rf"(?<![\w.,]){first}\s?{DASH}\s?{second}(?:{magnitude})?\s?(?P<unit>{money})(?!\w)", self.range, DIGIT),
            (rf"{sign}(?P<unit>{money})\s?(?P<number>{number})(?:{magnitude})?(?!\w)", self.money, DIGIT),
            (rf"(?P<unit>{money})(?P<sign>[-−])(?P<number>{number})(?:{magnitude})?(?!\w)", self.money, DIGIT),
            (rf"(?<![\w.,]){sign}(?P<number>{number})(?:{magnitude})?\s?(?P<unit>{money})(?!\w)", self.money, DIGIT),
            *((rf"(?<![\w.,]){pattern}(?!\w)", self.digit_groups, DIGIT) for pattern in TELEPHONES),
            (
                rf"(?:{CALLED})\W{{1,3}}(?:\w{{1,8}}\W{{1,2}})?(?P<take>\d[\d ()/-]{{5,20}}\d)(?!\w)",
                self.digit_groups,
                DIGIT,
            ),
            (
                rf"(?<![\w.,]){first}\s?%?\s?{DASH}\s?{second}(?P<unit>\s?(?:[%‰]|(?:{units})(?!\w)))?(?![\w–-])",
                self.range,
                DIGIT,
            ),
            (language.decade, self.decade, DIGIT),
            (rf"{signed}\s?(?P<unit>[%‰])", self.percent, "%‰"),
            (rf"(?<![\w.,])(?P<number>{number})-(?P<unit>{units})(?![\w-])", self.compound_unit, DIGIT, DASHES),
            (rf"\b(?:{language.per}|per|je)\s(?P<take>(?P<unit>{units}))(?!\w)", self.unit_alone),
            (rf"{signed}\s?{unit}", self.unit, DIGIT),
            (r"(?<![\w.,])(?P<feet>\d{1,2})['′](?P<inches>\d{1,2})(?:[\"″]|'')", self.feet, DIGIT, "'′"),
            (r"(?<![\w.])\d+(?:\.\d+){2,}(?!\w)", self.version, DIGIT),
            (language.ordinal, self.ordinal, DIGIT),
            (r"(?<![\w/.,])(?P<top>\d{1,2})/(?P<bottom>\d{1,2})(?:nds?|rds?|ths?)?(?![\w/])", self.fraction, "/"),
            (r"(?<![\w:])(?P<first>\d{1,3}):(?P<second>\d{1,3})(?![\w:])", self.range, DIGIT),
            (rf"(?<![\w.,])(?P<number>{number}){magnitude}", self.large, DIGIT),
            (rf"{sign}(?P<number>{number})", self.number, DIGIT),
            (r"(?P<number>\d+)", self.left_digits, DIGIT),
        ]

    def _sign_rules(self) -> list[WrittenRule]:
        language, letter = self.language, r"[^\W\d_]"
        signs = "".join(sign for sign in language.symbols if sign not in "./-_:?<>~")
        return [
            (
                r"(?<!\w)(?P<take>(?P<roman>[IVXLCDM]{2,})\.?)\s(?:[Cc]entury|Jahrhunderts?|Jh)\b",
                self.century,
            ),
            (
                r"\b(?:der|die|das|dem|den|des|im|am|vom|zum|zur)\s(?P<take>(?P<roman>[IVXLCDM]+)\.)(?=\s[A-ZÀ-ÖØ-Þ])",
                self.century,
            ),
            (
                rf"(?<!\w)(?P<name>{letter}+['’]?s?)\s(?P<take>(?P<roman>[IVXLCDM]+|[ivxlc]+)(?P<dot>\.)?)(?!\w|['’](?!s\b)|\.\w)",
                self.roman,
            ),
            (
                r"(?<![\w'.-])(?P<letters>[^\W\d_]*[a-zà-öø-ÿ])(?P<capitals>[A-ZÀ-ÖØ-Þ]{1,5})(?P<plural>['’]?s)?(?!\w)",
                self.mixed_case,
            ),
            (r"(?<![\w'.-])(?P<letters>[A-ZÀ-ÖØ-Þ](?:&?[A-ZÀ-ÖØ-Þ]){1,5})(?P<plural>['’]?s)?(?!\w)", self.capitals),
            (r"(?<=\d)(?P<letters>[A-Z]{2,4})(?!\w)", self.capitals, DIGIT),
            (r"(?<![\w'.-])(?P<letters>[A-Z]{1,5})(?=[\d-]*\d)(?!\w*[a-z]{2})", self.capitals),
            (rf"[{''.join(language.fractions) or '½'}]", self.fraction_sign),
            (rf"{EMOJI}{MODIFIER}*", self.emoji),
            (
                r"(?<=[\w$€£])/(?=(?:day|hour|hr|h|week|month|year|yr|kg|person|night|min|s|sec|m|km|mi|Tag|Woche|Monat|Jahr|Stunde|Std|Person|Nacht)\b)",
                lambda match: f" {language.per} ",
            ),
            (r"(?<=\w)\s?/\s?(?=\w)", lambda match: " "),
            (rf"[{re.escape(signs)}]|(?<!\S)[~<>](?=\s?\d)|(?<=[\w)] )[<>](?= [\w(])|(?<=\d)[<>](?=\d)", self.symbol),
            (r"(?<=[^\W\d_])[²³]", self.power),
            (r"(?<![\u0370-\u03ff])[\u0391-\u03c9](?![\u0370-\u03ff])", self.greek),
            (rf"[{re.escape(SILENT)}]", lambda match: " "),
            (r"[^\W\d]*?(?P<take>[²³⁰-⁹₀-₉①-⑳])", self.left_digits),
        ]

    def _date_patterns(self) -> list[str]:
        month = rf"(?P<name>{any_of(self.language.months + self.language.short_months)})\b"
        return [rf"{ISO_DATE}(?!\d)", *(pattern.replace("MONTH", month) for pattern in self.language.dates)]

    # -- words ----------------------------------------------------------------------------------------------------

    def weekday(self, match: re.Match) -> str:
        return self.language.weekdays[match["day"]]

    def to_weekday(self, match: re.Match) -> str:
        return f" {self.language.to} {self.language.weekdays[match['day']]}"

    def handle(self, match: re.Match) -> str:
        """`@anna_b` and `#TwoWords`."""
        name = re.sub(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])|_+|(?<=\D)(?=\d)", " ", match["name"]).strip()
        name = re.sub(r"\d+", lambda number: self.words(int(number[0][:MAX_DIGITS])), name)
        return f"{self.language.handle if match['mark'] == '@' else self.language.hashtag} {name}"

    def title(self, match: re.Match) -> str | None:
        """A title before a name; at the end of a sentence its dot is one, and `St` is a street behind a name."""
        name, rest = match["name"], after(match)
        ended = match[0].endswith(".") and not re.match(r"\s*\S", rest)
        begins = re.match(rf"\s(?:{any_of(self.language.starters)})\b", rest)
        if name == "St" and self.language.family == "en" and re.search(r"\b[A-Z][a-z]+ $", before(match)):
            if begins or not re.match(r"\s[A-Z]", rest):
                dot = match[0].endswith(".") and (ended or begins)
                return "Street." if dot else "Street"
        elif name == "Dr" and self.language.family == "en" and re.search(r"\d (?:[A-Z][a-z]+ )+$", before(match)):
            return "Drive." if ended or begins else "Drive"
        elif match[0] == "St" and not re.match(r"\s[A-Z]", rest):
            return None
        if not match[0].endswith(".") and (begins or self.language.family == "de" and name in ("Fr", "St")):
            return None if name not in ("Dr", "Mr", "Mrs", "Ms", "Prof") else self.language.titles[name]
        return self.language.titles[name] + ("." if ended else "")

    def counted_abbreviation(self, match: re.Match) -> str:
        return self.language.before_number[match["short"]]

    def dotted(self, match: re.Match) -> str | None:
        """`U.S.A.`: letters, unless it is an abbreviation of the table."""
        if match[0] in self.language.abbreviations:
            return None
        return self._with_end(spelled(match["letters"]), match)

    def abbreviation(self, match: re.Match) -> str:
        words = self.language.abbreviations[match[0]].split(" ")
        spoken = " ".join(spelled(word) if len(word) == 1 else word for word in words)
        return self._with_end(spoken, match) if match[0].endswith(".") else spoken

    def _with_end(self, spoken: str, match: re.Match) -> str:
        """With the full stop that its dot is, too, at the end of a text or before a word that begins a sentence."""
        rest = after(match)
        begins = re.match(rf"[\"'”’)]*\s+[\"'“„‘(]*(?:{any_of(self.language.starters)})\b", rest)
        may_end = match[0] in self.language.may_end or "letters" in match.re.groupindex
        return f"{spoken}." if re.match(r"\s*$|\s*\n[^\S\n]*\n", rest) or (may_end and begins) else spoken

    @staticmethod
    def _roman(digits: str) -> int | None:
        """The value of a Roman numeral; None for what is none."""
        rest, number = digits.upper(), 0
        for digit, value in ROMAN_DIGITS.items():
            repeats = 0
            while rest.startswith(digit) and repeats < (3 if len(digit) == 1 else 1):
                rest, number, repeats = rest[len(digit) :], number + value, repeats + 1
        return number if number and not rest else None

    def roman(self, match: re.Match) -> str | None:
        """A Roman numeral after a word that is counted, or after the name of a ruler."""
        written, name = match["roman"], match["name"]
        number, base = self._roman(written), re.sub(r"['’]s$", "", name)
        if number is None:
            return None
        if base.lower() in self.language.counted_words:
            if (
                written == "I"
                and not re.match(r"\s*(?:$|[.,;:!?)\n])|\s(?:of|is|was|and)\b", after(match))
                and base[0].islower()
            ):
                return None
            return self.words(number) + ("." if match["dot"] else "")
        if not written.isupper() or not name[0].isupper():
            return None
        ruler = base in self.language.rulers
        alone = len(written) == 1
        if written == "I" and not re.match(r"\s*(?:$|[.,;:!?)\n])|\s(?:of|was|is|von|war|und|and)\b", after(match)):
            ruler = ruler and bool(match["dot"])
        if (alone and not ruler) or (not ruler and number > 39):
            return None
        return self._ruler(number, name, match)

    def counted_roman(self, match: re.Match) -> str | None:
        """`Vol. III`."""
        number = self._roman(match["roman"])
        return None if number is None else self.words(number)

    def _ruler(self, number: int, name: str, match: re.Match) -> str | None:
        """`the eighth`; in German the dot behind it belongs to the number, unless the text ends there."""
        if self.language.family not in ("en", "de"):
            return None
        spoken, rest = self.words(number, "ordinal"), after(match)
        ended = match["dot"] and (
            self.language.family == "en" or re.match(rf"\s*$|\s+(?:{any_of(self.language.starters)})\b", rest)
        )
        dot = "." if ended else ""
        if self.language.family == "en":
            return f"the {spoken}{dot}"
        if re.search(
            r"\b(?:von|unter|mit|bei|zu|nach|seit|König|Kaiser|Papst)\s(?:\w+\s)?$", before(match)
        ) and re.search(r"\b(?:von|unter|mit|bei|zu|nach|seit)\s", before(match)):
            return f"dem {spoken}n{dot}"
        return (
            f"des {spoken}n{dot}" if name.endswith("s") and name[:-1] in self.language.rulers else f"der {spoken}{dot}"
        )

    def century(self, match: re.Match) -> str | None:
        """An ordinal in Roman numerals before what is counted."""
        number = self._roman(match["roman"])
        if number is None:
            return None
        spoken = self.words(number, "ordinal")
        if self.language.family != "de":
            return spoken
        article = re.search(r"(\w+)\s$", match.string[max(0, match.start("roman") - 12) : match.start("roman")])
        return f"{spoken}n" if article and article[1].lower() in GERMAN_DATIVES else spoken

    def capitals(self, match: re.Match) -> str | None:
        """Letters said one by one, unless they are a word; among other words in capitals everything is one."""
        letters = match["letters"].replace("&", "")
        if not self.language.letters or letters in self.language.read_as_words:
            return None
        vowels = set(letters) & set("AEIOUYÄÖÜ")
        if vowels and ("Y" in letters[1:] and len(letters) > 4 or self._shouted(match)):
            return None
        if vowels and len(letters) > 4 and re.search("[AEIOU][^AEIOU]{1,2}[AEIOU]|[^AEIOU][AEIOU][^AEIOU]", letters):
            return None
        and_ = f" {self.language.and_} "
        plural = "s" if "plural" in match.re.groupindex and match["plural"] else ""
        possessive = plural and match["plural"].startswith(("'", "’"))
        spoken = and_.join(spelled(part) for part in match["letters"].split("&"))
        return spoken + ("'s" if possessive else plural)

    def mixed_case(self, match: re.Match) -> str | None:
        """Capitals at the end of a word are letters, and its start if it has no vowel: `ChatGPT`, `GmbH`, `mRNA`."""
        start, capitals = match["letters"], match["capitals"]
        word = len(start) > 1 and set(unicodedata.normalize("NFD", start)) & set("aeiouy")
        if not self.language.letters or len(capitals) == 1 and (word or len(start) > 4):
            return None
        end = capitals if capitals in self.language.read_as_words else spelled(capitals)
        plural = match["plural"] or ""
        return f"{start if word else spelled(start)} {end}{plural.replace('’', chr(39))}"

    def _shouted(self, match: re.Match) -> bool:
        """Whether a neighbour is a longer word in capitals, or the whole text is in capitals."""
        near = before(match) + " " + after(match)
        if set(re.findall(r"\b[A-ZÀ-ÖØ-Þ]{6,}\b", near)) - self.language.read_as_words:
            return True
        words = re.findall(r"[^\W\d_]{2,}", near)
        return len(words) >= 2 and all(word.isupper() for word in words) and not re.search(r"[,;/&]", near)

    @staticmethod
    def greek(match: re.Match) -> str:
        """A Greek letter on its own, as in formulas, by its name."""
        return unicodedata.name(match[0], "").split(" LETTER ")[-1].removeprefix("FINAL ").lower()

    def power(self, match: re.Match) -> str:
        if self.language.family == "de":
            return " Quadrat" if match[0] == "²" else " hoch drei"
        return " squared" if match[0] == "²" else " cubed"

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
            code = self.language.family if self.language.family in emoji.LANGUAGES else "en"
            name = emoji.demojize(sign, delimiters=("", ""), language=code)
        else:
            name = unicodedata.name(sign[0], "").lower()
        return " " if name == sign else re.sub(r"[_-]+", " ", name)


def _join(text: str, taken: list[tuple[int, int, str]]) -> SpokenText:
    """`text` with the stretches `(start, end, spoken)` replaced, spaces between what would run together."""
    characters: list[str] = []
    origins: list[tuple[int, int]] = []

    def put(spoken: str, places: Iterable[tuple[int, int]]) -> None:
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
