"""The rules for numbers, money, measures, dates and times in written text: patterns, and what says a match in words.

[`Normalizer`] tries them in their order, after those of names and abbreviations.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from .languages_tts_trm import CALLED, CODE_WORDS, TELEPHONES
from .verbalization_tts_trm import any_of
from .verbalization_words_tts_trm import SpokenWords

DASH = "[-–—−]"
# Of chemistry, those that stand in common formulas.
ELEMENTS = "Ag|Al|Ba|Br|Ca|Cl|Cr|Cu|Fe|Hg|He|Li|Mg|Mn|Na|Ni|Pb|Si|Zn|[BCFHIKNOPS]"
DIGIT, DASHES = "0", "-–—−"
ISO_DATE = r"(?<!\d)(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>[0-3]\d)"
ISO_TIME = (
    r"[T ](?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)(?::(?P<seconds>[0-5]\d))?"
    r"\s?(?P<zone>Z|UTC)?(?P<offset>[-+]\d\d:?\d\d)?(?![\w:]|[.,]\d)"
)
Say = Callable[[re.Match], str | None]
# Pattern, what says it, and characters of which a text must have one for the rule to be tried, twice.
WrittenRule = tuple[str, Say] | tuple[str, Say, str] | tuple[str, Say, str, str]


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


class NumberRules(SpokenWords):
    """The rules of one language for what has digits; see [`Normalizer`]."""

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
            (
                r"(?<![\w/.,])(?P<whole>\d{1,3})(?:\s|-|(?=½))(?:½|1/2)(?![\w/])" if language.family == "de" else "",
                self.and_a_half,
                "½/",
            ),
            (f"{ISO_DATE}{ISO_TIME}", self.moment, "-"),
            (rf"(?<![\w.-])(?=[A-Za-z]*\d)(?:(?:{ELEMENTS})\d{{0,2}}){{2,6}}(?![\w-])", self.molecule, DIGIT),
            (
                r"(?<![\w.-])(?:(?:Ag|Ca|Cu|Fe|Mg|Na|Zn)(?:Br|Cl|OH|[FIOS])|[HK](?:Br|Cl)|(?:Br|Cl)2)(?![\w-])",
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
            (r"(?<![\w'’])['’]\d\d(?P<take>\s?[-–]\s?['’])(?=\d\d(?![\w'’]))", self.until, DIGIT, DASHES),
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
            (
                rf"{p.sign}(?P<unit>{p.money})\s?(?P<number>{p.number})(?:{p.magnitude})?(?!\w|[.,]\d)",
                self.money,
                DIGIT,
            ),
            (
                rf"(?P<unit>{p.money})(?P<sign>[-−])(?P<number>{p.number})(?:{p.magnitude})?(?!\w|[.,]\d)",
                self.money,
                DIGIT,
            ),
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
            (r"(?<=[A-Z]-)\d+(?P<take>-)(?=\d)", self.between, DIGIT, "-"),
            (
                rf"(?<![\w.,])(?<!\d[-–]){p.first}\s?%?\s?{DASH}\s?{p.second}(?P<unit>\s?(?:[%‰]|(?:{p.units})(?!\w)))?"
                r"(?:(?<=[a-z])\.(?=\s[a-zß-öø-ÿ]|[,;]))?(?!(?!x\b)[\w–-])",
                self.range,
                DIGIT,
            ),
            (r"(?<=[A-Za-z²])(?P<take>\s?/\s?)(?=(?:100?\s?(?:km|kg|g|ml|l|m)|(?:12|24|48|72)\s?h)\b)", self.per, "/"),
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
            (rf"\d(?P<take>-(?P<unit>{p.units})-)(?=[^\W\d_])", self.unit_between, DIGIT, DASHES),
            (rf"\b(?:{language.per}|per|je)\s(?P<take>(?P<unit>{p.units}))(?!\w)", self.unit_alone),
            (rf"{price}(?P<take>/(?P<unit>{p.units}))(?!\w)", self.unit_alone, "/"),
            (
                r"(?:[a-zà-ÿ]{3}|\bab|\bEw)\.?(?P<take>/(?P<unit>km²|m²|km2|m2))(?!\w)"
                if "km²" in language.units
                else "",
                self.unit_alone,
                "/",
            ),
            (r"(?<=\d)-(?=[A-Z](?!\w))", lambda match: " ", "-"),
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
                r"(?:(?<![\w.])|(?<=(?<!\w)[vV]))(?P<numbers>\d+(?:\.\d+){2,}|\d+(?:\.\d+)+(?=-?(?:rc|alpha|beta|dev|[ab]\d)))"
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
                rf"(?P<second>\d{{1,3}}(?:{re.escape(language.thousands)}\d{{3}}){{0,3}})(?![\w:]|\sUhr\b)",
                self.range,
                DIGIT,
            ),
            (rf"(?<![\w.,])(?P<number>{p.number}){p.magnitude}", self.large, DIGIT),
            (rf"{p.sign}(?P<number>{p.number})", self.number, DIGIT),
            (r"(?P<number>\d+)", self.left_digits, DIGIT),
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
