"""Written text as it is spoken: numbers, money, dates, times, units, abbreviations, addresses and emoji become words.

What is only structure, such as Markdown, is taken out first ([`read_markup`]). Then rules are tried in the order of
`Normalizer.rules`, each on the whole text; what one has taken the later ones leave alone, and the last ones read every
digit that is left. Every character of the result knows the stretch of the written text it stands for, so that times can
be given for the words that the user wrote. Number words come from num2words, names of emoji from the package
emoji.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from .languages_german_tts_trm import GERMAN_COUNTED
from .languages_tts_trm import CALLED, CODE_WORDS, FILE_ENDINGS, TELEPHONES, Language
from .verbalization_tts_trm import LETTER, any_of
from .verbalization_words_tts_trm import SILENT, SpokenWords

EMOJI = "[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55]"
DASH = "[-–—−]"
# Of chemistry, those that stand in common formulas.
ELEMENTS = "Ag|Al|Ba|Br|Ca|Cl|Cr|Cu|Fe|Hg|He|Li|Mg|Mn|Na|Ni|Pb|Si|Zn|[BCFHIKNOPS]"
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


class NumberPatterns(NamedTuple):
    """Parts of the patterns of numbers, of one language."""

    number: str
    sign: str
    # With named groups `sign` and `number`, and so on.
    signed: str
    first: str
    second: str
    magnitude: str
    units: str
    unit: str
    money: str
    months: str


class Normalizer(SpokenWords):
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
        days = (
            rf"\b(?i:{any_of(language.weekdays)})\b(?:\s?[-–,.]|\s(?:and|or|und|oder)\b)"
            if language.weekdays
            else r"(?!)"
        )
        months = rf"\b(?:{any_of(language.short_months)})\s?-" if language.short_months else r"(?!)"
        self.last_word = re.compile(
            rf"\b(?:[ivxlc]{{2,}}|[vx])\b|(?<!\w)(?:{any_of(short)})(?!\w)|\b[IVXLCDM]+\b"
            rf"|{titles}|{days}|{months}|\w\.\w|\w  *- *\w\b.*=|[a-zà-öø-ÿ][A-ZÀ-ÖØ-Þ]|\b[A-F]-\s"
            r"|\b[NESW]\.\s[A-Z]|\b[A-G]b\s|\s[:;]['’]?-?[()DPp]"
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
        titles = any_of(language.titles)
        nth = rf"(?P<ordinal>[1-{max(1, len(language.first_books))}])"
        return [
            (r"(?:https?://|www\.)[^\s<>()\"']*[^\s<>()\"'.,;:!?]", self.address),
            (r"\b[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", self.address),
            (rf"\b(?:[A-Za-z0-9-]{{1,63}}\.){{1,8}}(?:{language.domains})\b(?:/[\w./?=&#-]*[\w/])?", self.address),
            (r"(?<![\w\\])(?:[A-Za-z]:|\\|[\w.-]{1,64})(?:\\[\w.-]*[\w-]){1,16}", self.address, "\\"),
            (
                r"(?<![\w/.])(?:~|\.{1,2})(?:/[\w.-]{0,63}[\w-]){1,16}|(?<![\w/.])(?:/[\w.-]{0,63}[\w-]){2,16}",
                self.address,
                "/",
            ),
            (r"(?<!\w)(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?!\w)", self.characters),
            (r"(?<!\w)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?!\w)", self.characters),
            (r"(?<![\w-])(?=[a-f]*\d+[a-f]+\d|\d*[a-f]+\d+[a-f])[0-9a-f]{7,64}(?![\w-])", self.characters, DIGIT),
            (r"(?<![\w&])(?P<mark>[@#])(?P<name>[^\W\d]\w{1,63})", self.handle),
            (r"\b(?:7[0-8]7|A3\d\d)(?P<take>-)(?=\d)", lambda match: " ", "-"),
            (r"\s(?:->|=>|[→⇒➔])\s", lambda match: ", "),
            (r"(?<=\s)[:;]['’]?-?[()DPp](?![\w)])", lambda match: " ", ":;"),
            (rf"(?<=\()(?P<party>[DRI])-(?P<state>{any_of(language.states)})(?=\))", self.senator, "-"),
            (
                rf"(?<!\w)(?:{nth}\.?\s)?(?P<book>{any_of(language.books)})\.?\s"
                r"(?P<chapter>\d{1,3})\s?[:,]\s?(?P<verse>\d{1,3})(?:\s?[-–]\s?(?P<last>\d{1,3}(?:[:,]\d{1,3})?))?(?![\w:])",
                self.book_verse,
                DIGIT,
            ),
            *((pattern, partial(_constant, words)) for pattern, words in language.phrases),
            *self._weekday_rules(),
            (
                rf"(?<!\w)(?P<name>{titles})(?:\.(?!\w)|(?=\s(?:(?:and|und)\s(?:{titles})\b|[A-ZÀ-ÖØ-Þ]))|(?<=St)(?=[,;.!?]|$))",
                self.title,
            ),
            (r"(?<!\w)(?P<street>[^\W\d_]{2,30}s)tr\.(?=\s|,|$)", lambda match: f"{match['street']}traße"),
            (
                r"(?<!\w)(?P<noun>[^\W\d_]{2,30}(?:n|-N))r\.(?=\s?\d)" if language.family == "de" else "",
                lambda match: f"{match['noun']}ummer",
                DIGIT,
            ),
            (
                rf"(?<!\w)(?:{any_of(language.before_number)})\s?(?P<take>(?P<roman>[IVXLCDM]{{2,}}|[VX]|I(?=[,.;:)]|\s?$)))(?!\w)",
                self.counted_roman,
            ),
            (
                rf"(?<![\w.])(?P<short>{any_of(language.before_number)})(?=\s?(?:\d|[IVX]{{2,}}\b|[VX]\b|I(?=[,.;:)])|[nN]\.?[º°]?\.?\s?\d))",
                self.counted_abbreviation,
            ),
            (r"(?<![\w.])(?P<letters>(?:[^\W\d_]\.){2,8})(?P<plural>s)?(?!\w)", self.dotted),
            (rf"(?<=[a-z], )(?P<state>{any_of(language.short_states)})\.(?!\w)", self.state),
            (rf"(?<!\w)(?:{any_of(language.abbreviations)})(?!\w)", self.abbreviation),
        ]

    def _weekday_rules(self) -> list[WrittenRule]:
        """Short days beside other days, numbers and commas."""
        language, days = self.language, any_of(self.language.weekdays)
        day = rf"(?P<take>(?P<day>{days})\.?)"
        months = any_of((*language.months, *language.short_months))
        rules: list[WrittenRule] = [
            (rf"(?<!\w){day}(?=\s?(?:{DASH}|/)\s?(?:{days})\b|\s(?:&|and|or|und|oder)\s(?:{days})\b)", self.weekday),
            (rf"(?<!\w)(?P<from>(?:{days})\.?)\s?(?P<take>{DASH}\s?(?P<day>{days})\b\.?)", self.to_weekday),
            (rf"(?<!\w)(?:{days})(?:\.?\s(?:&|and|or|und|oder)\s|\.?/)(?P<take>(?P<day>{days}))\b(?!\.)", self.weekday),
            (rf"(?<!\w)(?P<take>(?P<day>{days})\.)(?=,|\s[a-zß-öø-ÿ])", self.weekday),
            (rf"(?<!\w){day}(?=,?\s\d|,\s(?:{months})\b)", self.weekday),
        ]
        if language.before_weekday:
            last = rf"(?<!\w)(?:{language.before_weekday})(?P<take>(?P<day>{days})\.)(?!\w)"
            rules.insert(3, (last, self.last_weekday))
        return rules

    def _number_patterns(self) -> NumberPatterns:
        language = self.language
        thousands, decimal = re.escape(language.thousands), re.escape(language.decimal)
        # repetitions that could be tried from each of their parts have an upper bound: time grows with the text alone
        groups = rf"\d{{1,3}}(?:(?:{thousands}|['’ \u00a0\u2009\u202f])\d{{3}}){{1,20}}(?!\d)"
        if language.thousands == ",":
            # India's, 1,00,000.
            groups += r"|\d{1,2}(?:,\d{2}){1,8},\d{3}(?![\d,])"
        other = rf"\d+{thousands}\d{{1,2}}(?![\d{thousands}{decimal}]|{thousands}\d)"
        if language.thousands == ".":
            other = r"\d+\.\d{1,2}(?!\d|\.\d)"
        # 1.234,5 in a language that writes 1,234.5
        foreign = rf"\d{{1,3}}(?:{decimal}\d{{3}}){{1,20}}{thousands}\d{{1,2}}(?!\d)"
        if language.decimal == ",":
            foreign += r"|[1-9]\d{0,2}(?:,\d{3}){2,20}(?![\d,])"
        # .05
        short = r"(?<![\w.,)])\.\d+(?![\d.])"
        number = rf"(?:{foreign}|{other}|(?:{groups}|\d+)(?:{decimal}\d+)?|{short})"
        sign = r"(?P<sign>(?<![\w)])(?:[-−+]|(?<!\d\s)[–]))?"
        units = any_of(language.units)
        return NumberPatterns(
            number=number,
            sign=sign,
            signed=rf"{sign}(?<![\w.,])(?P<number>{number})",
            first=rf"(?P<first>{number})",
            second=rf"(?P<second>{number})",
            magnitude=rf"\s?(?P<magnitude>{any_of(language.magnitudes)})(?!\w)",
            units=units,
            # 2 tbsp. of oil.
            unit=rf"(?P<unit>{units})(?:(?<=[a-z])\.(?=\s[a-zß-öø-ÿ(]|[,;]))?(?!\w|['’]\w)",
            money=any_of(language.currencies),
            months=any_of((*language.months, *language.short_months)),
        )

    def _number_rules(self) -> list[WrittenRule]:
        p = self._number_patterns()
        return [*self._measure_rules(p), *self._time_rules(p), *self._money_rules(p), *self._quantity_rules(p)]

    def _measure_rules(self, p: NumberPatterns) -> list[WrittenRule]:
        """Sizes, durations, parts of units, moments and sums: what is made of several numbers."""
        operator = r"\s?[-+−–*×·x/÷:^]\s?"
        meters = r"(?<![\w.,])(?P<meters>\d),(?P<centimeters>[1-9]\d)\s?m(?!\w)"
        hours = r"(?P<hours>\d{1,3})\s?(?:h|hrs?|hours?|Std\.?)\s?"
        language = self.language
        minutes, seconds = r"\s?(?:m|mins?|Min\.?)", r"(?P<seconds>[0-5]?\d)\s?(?:s|secs?|Sek\.?)(?!\w)"
        return [
            (
                rf"(?<![\w.,]){p.number}(?:\s?(?:{p.units}|\")?\s?[x×]\s?{p.number}){{1,3}}\s?(?:{p.unit}|(?P<inches>\"))",
                self.dimensions,
                DIGIT,
                "x×",
            ),
            (rf"(?<![\w.,]){p.number}(?:\s?x\s?{p.number}){{1,3}}(?!\w|\s?=)", self.dimensions, DIGIT, "x"),
            (
                rf"(?<![\w.,:]){hours}(?P<minutes>[0-5]?\d){minutes}(?:\s?{seconds}|(?!\w))",
                self.hours_and_minutes,
                DIGIT,
            ),
            (rf"(?<![\w.,:])(?P<minutes>\d{{1,3}}){minutes}\s?{seconds}", self.hours_and_minutes, DIGIT),
            (
                r"(?<![\w/.,])(?:(?P<whole>\d{1,3})(?:\s|-|(?=[½⅓⅔¼¾])))?"
                r"(?:(?P<sign>[½⅓⅔¼¾])|(?P<top>\d{1,2})/(?P<bottom>\d{1,4}))\s?"
                rf"(?:{p.unit}|(?P<inches>[\"″])(?!\w))",
                self.fraction_of_unit,
                "/½⅓⅔¼¾",
            ),
            (f"{ISO_DATE}{ISO_TIME}", self.moment, "-"),
            (rf"(?<![\w.-])(?=[A-Za-z]*\d)(?:(?:{ELEMENTS})\d{{0,2}}){{2,6}}(?![\w-])", self.molecule, DIGIT),
            (
                r"(?<![\w.-])(?:(?:Ag|Ca|Cu|Fe|Mg|Na|Zn)(?:Br|Cl|OH|[FIOS])|[HK](?:Br|Cl))(?![\w-])",
                self.molecule,
                "BCFIOS",
            ),
            (
                r"(?<=[\d ]°)\s?(?P<minutes>\d{1,2})['′’](?:\s?(?P<seconds>\d{1,2}(?:[.,]\d+)?)(?:[\"″”]|''))?"
                if "min" in language.units
                else "",
                self.arc,
                "°",
            ),
            (meters if language.decimal == "," else "", self.meters, DIGIT),
            (
                rf"(?<![\w.,]){p.number}(?:{operator}{p.number}){{1,8}}\s?=(?:\s?[-−]?{p.number})?(?![\w])",
                self.arithmetic,
                DIGIT,
                "=*×·÷^−",
            ),
            (r"(?<=[\w)])(?:\^|\*\*)(?P<minus>[-−])?(?P<exponent>\d+)(?![\w^*])", self.exponential, "^*"),
            (rf"(?<![\w.,]){p.number}(?:\s?[*×·÷^−]\s?{p.number}){{1,8}}(?!\w)", self.arithmetic, DIGIT, "=*×·÷^−"),
        ]

    def _time_rules(self, p: NumberPatterns) -> list[WrittenRule]:
        """Times and dates."""
        language, clock, half = self.language, r"(?:\d{1,2}(?:[:.]\d\d)?)", r"[ap]\.?m\b"
        return [
            (
                r"(?<![\w:.,])(?P<hour>\d{1,2}):(?P<minute>[0-5]\d):(?P<seconds>[0-5]\d)(?:\s?Uhr\b|(?=\s?[apAP]\.?[mM]\b))",
                self.exact_time,
                ":",
            ),
            (
                r"(?<![\w:.,])(?P<hours>\d{1,3}):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d)(?:\s(?:h|Std\.))?(?![\w:])",
                self.duration,
                ":",
            ),
            (
                rf"(?<![\w:.,])(?P<minutes>\d{{1,2}}):(?P<seconds>[0-5]\d(?:[.,]\d\d?|{re.escape(language.decimal)}\d{{3}}))"
                r"(?![\w:]|[.,]\d)",
                self.lap,
                ":",
            ),
            (
                r"(?<![\w:.,])(?P<minutes>2[4-9]|[3-9]\d|\d{3}):(?P<seconds>0\d)(?![\w:]|[.,]\d)",
                self.hours_and_minutes,
                ":",
            ),
            (r"(?<=:\d\d)(?P<take>\s?[-–]\s?)(?=\d{1,3}(?![\d:]))", self.until, DIGIT, DASHES),
            (rf"(?i:{clock}\s?{half})(?P<take>\s?{DASH}\s?)(?=(?i:{clock}\s?{half}))", self.until, DIGIT, DASHES),
            (
                rf"(?<![\w:.,]){clock}(?P<take>\s?{DASH}\s?)(?={clock}\s?(?:Uhr\b|h\b|(?i:{half})))",
                self.until,
                DIGIT,
                DASHES,
            ),
            (r"(?<![\w:.,])\d{1,2}:\d\d(?P<take>\s?[-–—]\s?)(?=\d{1,2}:\d\d(?!\d))", self.until, DIGIT, DASHES),
            (rf"\d(?:st|nd|rd|th)(?P<take>\s?{DASH}\s?)(?=\d{{1,2}}(?:st|nd|rd|th)\b)", self.until, DIGIT, DASHES),
            (
                rf"(?:(?<!\w)(?:{p.months})\.?(?:\s\d{{1,2}})?|\d(?:st|nd|rd|th|\.))(?P<take>\s?{DASH}\s?)(?=(?:{p.months})\b)",
                self.until,
                DASHES,
            ),
            (
                r"(?<![\w:.,])(?P<chapter>\d{1,3}):(?P<verse>[1-9]\d{0,2})(?=\s?[-–]\s?\d{1,3}(?![\d:]))",
                self.verse,
                ":",
                DASHES,
            ),
            *((pattern.replace("MONTH", rf"(?P<name>{p.months})"), self.days, DIGIT) for pattern in language.days),
            (language.day_range, self.first_day),
            *((pattern, self.date, DIGIT) for pattern in self._date_patterns()),
            *((pattern, self.time, DIGIT) for pattern in language.times),
            (rf"(?<!\w)(?P<name>{any_of(language.short_months)})\.(?=\s|,|$|{DASH})", self.month),
            (rf"(?<!\w)(?P<name>{any_of(language.short_months)})(?=\s?{DASH}\s?(?:{p.months})\b)", self.month, DASHES),
            (
                rf"(?<!\w)(?:{p.months}){DASH}(?P<take>(?P<name>{any_of(language.short_months)}))(?!\w)",
                self.month,
                DASHES,
            ),
        ]

    def _money_rules(self, p: NumberPatterns) -> list[WrittenRule]:
        """Postal codes, money and telephones."""
        language = self.language
        return [
            (
                rf"(?<=[\w.,] )(?P<take>(?P<state>{any_of(language.states)}) (?P<code>\d{{5}}(?:-\d{{4}})?))(?![\w-])",
                self.postal,
                DIGIT,
            ),
            (language.postal, self.spelled_digits, DIGIT),
            (
                rf"(?P<unit>{p.money})\s?{p.first}\s?{DASH}\s?(?:{p.money})?\s?{p.second}(?:{p.magnitude})?(?![\w–-])",
                self.range,
                DIGIT,
            ),
            (
                rf"(?<![\w.,]){p.first}\s?{DASH}\s?{p.second}(?:{p.magnitude})?\s?(?P<unit>{p.money})(?!\w)",
                self.range,
                DIGIT,
            ),
            (rf"(?P<unit>{p.money})\s?(?P<number>\d+)-(?=[a-z])", self.compound_money, DIGIT, DASHES),
            (rf"\d(?:{p.magnitude})?(?P<take>\s?{DASH}\s?)(?=(?:{p.money})\s?\d)", self.until, DIGIT, DASHES),
            (rf"(?<![\w.,])(?P<number>\d+),(?:--?|[–—])\s?(?P<unit>{p.money})?(?!\w)", self.even_money, DIGIT, DASHES),
            (rf"{p.sign}(?P<unit>{p.money})\s?(?P<number>{p.number})(?:{p.magnitude})?(?!\w)", self.money, DIGIT),
            (rf"(?P<unit>{p.money})(?P<sign>[-−])(?P<number>{p.number})(?:{p.magnitude})?(?!\w)", self.money, DIGIT),
            (
                rf"(?<![\w.,]){p.sign}(?P<number>{p.number})(?:{p.magnitude})?\s?(?P<unit>{p.money})(?!\w)",
                self.money,
                DIGIT,
            ),
            (r"\b[A-Z]{2}(?P<take>\d{2}(?: ?\d{4}){3,7}(?: ?\d{1,3})?)(?!\w)", self.digit_groups, DIGIT),
            (r"\b[A-Z]{2}(?P<take>\d{2}(?: ?[A-Z\d]{4}){3,7}(?: ?[A-Z\d]{1,3})?)(?!\w)", self.characters, DIGIT),
            *((rf"(?<![\w.,]){pattern}(?!\w)", self.digit_groups, DIGIT) for pattern in TELEPHONES),
            (
                r"(?:(?<=[Dd]ial )|(?<=[Pp]ress )|(?<=[Ww]ähle )|(?<=[Ww]ählen Sie )|(?<=[Tt]apez )"
                r"|(?<![\w*#])(?=[*#]{1,2}\d{1,4}#))"
                r"(?P<code>[*#]{1,2}\d{0,4}(?:[*#]\d{0,8}){0,4})(?!\w)",
                self.dialled,
                "*#",
            ),
            (
                rf"(?<!\w)(?:{CODE_WORDS})(?:\s(?:is|ist|lautet|in|with|auf))?:?\s(?P<take>\d{{3,8}})(?![\w/-]|[.,:]\d)",
                self.digit_groups,
                DIGIT,
            ),
            (
                r"(?<![\w.,])(?P<take>911|999|112|110)(?=\s(?:call|caller|operator|dispatcher|emergency|Notruf)|-(?:call|Notruf|Anruf))",
                self.digit_groups,
                DIGIT,
            ),
            (
                rf"(?<!\w){CALLED}\s(?:(?:the|die|den)\s)?(?P<take>11[0129]|911|999)(?![\w/-]|[.,:]\d|\s[a-zß-öø-ÿ]+s\b)",
                self.digit_groups,
                DIGIT,
            ),
            (
                rf"(?:{CALLED})\W{{1,3}}(?:[^\W\d]{{1,8}}\W{{1,2}})?(?P<take>\d[\d ()/-]{{5,20}}\d)(?!\w)",
                self.digit_groups,
                DIGIT,
            ),
        ]

    def _quantity_rules(self, p: NumberPatterns) -> list[WrittenRule]:
        """Ranges, units, ordinals, fractions and all other numbers."""
        language, decimal, price = self.language, re.escape(self.language.decimal), r"(?:(?<=[$€£])|[$€£]\s?[\d.,]*\d)"
        return [
            (r"(?<![\w.,-])\d{1,3}(?P<take>-)(?=\d{1,3}-\d{1,3}(?![\w-]))", self.between, DIGIT, "-"),
            (r"(?<![\w.,-])\d{1,3}-\d{1,3}(?P<take>-)(?=\d{1,3}(?![\w-]))", self.between, DIGIT, "-"),
            (
                rf"(?<![\w.,])(?<!\d[-–]){p.first}\s?%?\s?{DASH}\s?{p.second}(?P<unit>\s?(?:[%‰]|(?:{p.units})(?!\w)))?"
                r"(?:(?<=[a-z])\.(?=\s[a-zß-öø-ÿ]|[,;]))?(?!(?!x\b)[\w–-])",
                self.range,
                DIGIT,
            ),
            (r"(?<=[A-Za-z²])(?P<take>\s?/\s?)(?=100?\s?(?:km|kg|g|ml|l|m)\b)", self.per, "/"),
            (language.decade, self.decade, DIGIT),
            (
                rf"{p.signed}\s?%-?(?P<ending>ige?[mnrs]?)(?!\w)" if language.family == "de" else "",
                self.percentage,
                "%",
            ),
            (rf"{p.signed}\s?(?P<unit>[%‰])", self.percent, "%‰"),
            (
                rf"(?<![\w.,])(?P<number>{p.number})-(?P<unit>{p.units})(?:\.(?=\s[a-zß-öø-ÿ]))?(?![\w-])",
                self.compound_unit,
                DIGIT,
                DASHES,
            ),
            (rf"\b(?:{language.per}|per|je)\s(?P<take>(?P<unit>{p.units}))(?!\w)", self.unit_alone),
            (rf"{price}(?P<take>/(?P<unit>{p.units}))(?!\w)", self.unit_alone, "/"),
            (
                rf"(?<![\w.,]){p.number}\s?(?P<first>{p.units})?(?P<take>/(?P<unit>{p.units}))(?!\w|/)",
                self.per_unit,
                DIGIT,
                "/",
            ),
            (rf"{price}(?P<take>/)(?=\d)", lambda match: f" {language.per} ", "/"),
            (rf"{p.signed}(?P<plus>\+)?\s?{p.unit}", self.unit, DIGIT),
            (r"(?<![\w.,])(?P<feet>\d{1,2})['′](?P<inches>\d{1,2})(?:[\"″]|'')", self.feet, DIGIT, "'′"),
            (
                rf"(?<![\w.,])(?P<number>{p.number})(?P<mark>[\"″])(?!\d)" if "″" in language.units else "",
                self.inches,
                DIGIT,
                '"″',
            ),
            (r"(?<![\w.])(?P<letter>[A-Z])\.(?P<numbers>\d+(?:\.\d+)+)(?!\w|\.\d)", self.lineage, DIGIT),
            (
                r"(?<![\w.])(?P<numbers>\d+(?:\.\d+){2,}|\d+(?:\.\d+)+(?=-?(?:rc|alpha|beta|dev|[ab]\d)))"
                r"(?:[.-]?(?P<stage>rc|alpha|beta|dev|post|a|b)(?:[.-]?(?P<build>\d+))?)?(?!\w|,\d)",
                self.version,
                DIGIT,
            ),
            (
                r"(?<![\w.,])(?P<number>\d+(?:[.,]\d+)?)(?:e(?P<minus>[-−+])?|E(?P<plus>[-−+]))(?P<exponent>\d{1,3})(?!\w)",
                self.scientific,
                "eE",
            ),
            (r"(?<=\d\.\d)(?P<take>:)(?=\d{2,5}\b)|(?<=\d\.\d\d)(?P<port>:)(?=\d{4,5}\b)", self.colon, ":"),
            (r"(?<=\d)(?P<minus>⁻)?(?P<exponent>[⁰¹²³⁴-⁹]+)", self.exponent, "⁰¹²³⁴⁵⁶⁷⁸⁹"),
            (r"(?<=\d)!(?=\s?[=+*/)−-])", self.factorial, "!"),
            (rf"(?<![\w.,/])(?P<number>\d+{decimal}\d)/(?P<most>\d+)(?![\w/]|[.,]\d)", self.out_of, "/"),
            (r"(?<![\w.,/])(?!1/)(?P<number>\d{1,3})/(?P<most>100)(?![\w/]|[.,]\d)", self.out_of, "/"),
            (language.ordinal, self.ordinal, DIGIT),
            (
                r"(?<![\w/.,])(?P<top>\d{1,2})/(?P<bottom>\d{1,2}|(?<=(?<!\d)1/)\d{3,4})(?:nds?|rds?|ths?)?(?![\w/])",
                self.fraction,
                "/",
            ),
            (
                r"(?<![\w:])(?P<first>\d{1,3})(?::|\s:\s)"
                rf"(?P<second>\d{{1,3}}(?:{re.escape(language.thousands)}\d{{3}}){{0,3}})(?![\w:])",
                self.range,
                DIGIT,
            ),
            (rf"(?<![\w.,])(?P<number>{p.number}){p.magnitude}", self.large, DIGIT),
            (rf"{p.sign}(?P<number>{p.number})", self.number, DIGIT),
            (r"(?P<number>\d+)", self.left_digits, DIGIT),
        ]

    def _sign_rules(self) -> list[WrittenRule]:
        language, letter = self.language, r"[^\W\d_]"
        signs = "".join(sign for sign in language.symbols if sign not in "./-_:?<>~\\")
        return [
            (
                r"(?<!\w)(?P<take>(?P<roman>[IVXLCDM]{2,})\.?)\s(?:[Cc]entury|Jahrhunderts?|Jh)\b",
                self.century,
            ),
            (
                r"\b(?i:der|die|das|dem|den|des|im|am|vom|zum|zur)\s(?P<take>(?P<roman>[IVXLCDM]+)\.)(?=\s[A-ZÀ-ÖØ-Þ])",
                self.century,
            ),
            (
                rf"(?<!\w)(?P<take>(?P<roman>[IVXLC]+)\.)(?=\s(?:{'|'.join(GERMAN_COUNTED.split())})\b)"
                if language.family == "de"
                else "",
                self.century,
                ".",
            ),
            (
                rf"(?<!\w)(?P<name>{letter}+['’]?s?)\s(?P<take>(?P<roman>[IVXLCDM]+|[ivxlc]+)(?P<dot>\.)?)(?!\w|['’](?!s\b)|\.\w)",
                self.roman,
            ),
            (
                r"(?<![\w'.-])(?P<letters>[^\W\d_]*[a-zà-öø-ÿ])(?P<capitals>[A-ZÀ-ÖØ-Þ]{1,5})(?P<plural>['’]?s)?(?!\w)",
                self.mixed_case,
            ),
            (
                r"(?<![\w'.])(?<![^A-Z]-)(?P<letters>[A-ZÀ-ÖØ-Þ](?:&?[A-ZÀ-ÖØ-Þ]){1,5})(?P<plural>['’]?s)?(?!\w)",
                self.capitals,
            ),
            (r"(?<=\d)(?P<letters>[A-Z]{2,4})(?!\w)", self.capitals, DIGIT),
            (r"(?<![\w'.-])(?P<letters>[A-Z]{1,5})(?=[\d-]*\d)(?!\w*[a-z]{2})", self.capitals),
            (rf"[{''.join(language.fractions) or '½'}]", self.fraction_sign),
            (rf"{EMOJI}{MODIFIER}*", self.emoji),
            (
                r"(?<=[\w$€£%])/(?=(?:day|hour|hr|h|week|month|year|yr|kg|person|night|min|s|sec|m|km|mi|Tag|Woche|Monat|Jahr|Stunde|Std|Person|Nacht"
                r"|mois|jour|an|semaine|heure|personne|nuit|mes|día|semana|año|hora|persona|noche|mese|giorno|anno"
                r"|settimana|ora|notte|mês|dia|ano|pessoa|noite)\b)",
                lambda match: f" {language.per} ",
            ),
            (r"(?<=\w\))\s?/\s?(?=[\w(])", self.divided, "/", "=+"),
            (r"(?<=[\w.])\s?/\s?(?=\w)", lambda match: " "),
            (r"(?<=[\w)])(?P<take>\s?[-−–]\s)(?=[\w(])", self.minus_in_formula, "=", "-−–"),
            (
                r"(?<!\w)(?P<letters>[A-Z]{1,4})(?=[₀-₉])|(?<=[₀-₉])(?P<more>[A-Z]{1,4})(?![a-z])",
                self.formula,
                "₀₁₂₃₄₅₆₇₈₉",
            ),
            (rf"(?<=\w)\.(?P<ending>{FILE_ENDINGS})\b", self.file_ending, "."),
            (r"(?<=[\d)])\s?\((?P<roman>[ivx]{1,5})\)", self.clause, "("),
            (r"(?<=[\d)])\((?=\w{1,4}\))", lambda match: " (", "("),
            (
                rf"[{re.escape(signs)}]|(?<!\S)[~<>](?=\s?\d)|(?<=[\w)] )[<>](?= [\w(.$€£])|(?<=\d)[<>](?=\d)",
                self.symbol,
            ),
            (r"(?<=[^\W\d_])[²³]", self.power),
            (r"(?<![\u0370-\u03ff])[\u00b5\u0391-\u03c9](?![\u0370-\u03ff])", self.greek),
            (rf"[{re.escape(SILENT)}]", lambda match: " "),
            (r"[^\W\d]*?(?P<take>[²³⁰-⁹₀-₉①-⑳])", self.left_digits),
        ]

    def _date_patterns(self) -> list[str]:
        month = rf"(?P<name>{any_of(self.language.months + self.language.short_months)})\b"
        slashed = (
            r"(?<![\w./])(?P<year>[12]\d{3})(?P<mark>[./])(?P<month>0[1-9]|1[0-2])(?P=mark)(?P<day>[0-3]\d)(?![\w/])"
        )
        days = any_of((*self.language.weekdays, *self.language.weekdays.values()))
        first, second = ("month", "day") if self.language.code == "en" else ("day", "month")
        after_day = (
            rf"(?<!\w)(?i:{days})(?:-feira)?\.?,?\s(?:(?:le|el|il|dia)\s)?"
            rf"(?P<take>(?P<{first}>\d{{1,2}})/(?P<{second}>\d{{1,2}}))(?![\w/])"
        )
        return [
            rf"{ISO_DATE}(?!\d)",
            slashed,
            after_day,
            *(pattern.replace("MONTH", month) for pattern in self.language.dates),
        ]


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
