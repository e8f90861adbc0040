"""The rules of French, Spanish, Italian and Portuguese: gender, ordinals, dates, times, money and acronyms.

These languages count alike: a number takes the gender of its noun, dates and years are cardinal numbers, and large
numbers are joined to their noun by `de`. What only one of them does is in a table by its code.
"""

import re

from .languages_romance_tts_trm import FEMININE, NO_NOUN
from .languages_tts_trm import COUNTRY_TELEPHONES, Language
from .normalization_numbers_tts_trm import DASH, DASHES, DIGIT, WrittenRule
from .normalization_tts_trm import Normalizer
from .verbalization_tts_trm import COMMON_FRACTIONS, MAX_DIGITS, after, any_of, before, spelled

MASCULINE_RULERS = frozenset("Andrea Luca Nicola".split())
FEMININE_RULERS = frozenset("Isabel Élisabeth Elizabeth Catherine Beatriz Inés".split())
# Articles and the like, before which a degree sign makes an ordinal: `il 3° posto`.
ARTICLES = re.compile(
    r"(?:^|[.!?:;,(]\s?|\b(?:il|lo|la|i|gli|le|un|una|uno|quel|quella|questo|questa|su[oa]|a[il]|all[oa]|de[il]|dell[oa]|"
    r"ne[il]|nell[oa]|da[il]|dall[oa]|su[il]|sull[oa]|o|os|as?|na?|no|d[oa]s?|aos?|às?|um|uma|sua|seu|este|esta|el|los|las|su|al"
    r"|les|du|aux?|son|cette|ce)\s|\b(?:[Ll]|[Aa]ll|[Dd]ell|[Nn]ell|[Dd]all|[Ss]ull|[Uu]n)['’])$",
    re.IGNORECASE,
)
# Before a day and a month in digits.
DATED = re.compile(
    r"\b(?:le|el|il|du|au|del|dal|al|nel|em|até|desde|día|dia|jour|giorno|lun\w+|mar\w+|mer\w+|ven\w+)\s$", re.I
)
FEMININE_HALF = {"un demi": "une demi", "medio": "media", "mezzo": "mezza", "meio": "meia"}
HALVES = frozenset((*FEMININE_HALF, *FEMININE_HALF.values()))
# Words of digits: `veintiuno` before a noun, and hundreds that have a gender.
SPANISH_ONE = ((r"veintiuno$", "veintiún", "veintiuna"), (r"uno$", "un", "una"))
ARTICLES_BEFORE_ROMAN = frozenset(
    "le la les du au el los las del al il lo dell dal nel o a os as do da no na ao".split()
)
# Abbreviations of what Roman numerals count.
COUNTED_SHORT = ("s", "ss", "sec", "secc", "séc", "sécs", "cap", "chap", "art", "vol", "t")
# Ordinals in Roman numerals: `XIXe`, and in Italian before the century.
CENTURIES = {
    "fr": r"(?<!\w)(?P<take>(?P<roman>[IVXLCDM]+)(?P<ending>(?<=(?<![A-Z])I)ers?|[eè]?re|i?[eè]mes?|e|ᵉ))(?!\w)",
    "it": r"(?<!\w)(?P<take>(?P<roman>[IVXLCDM]+))(?=\s(?:secol[oi]|sec\.)(?!\w))",
}


class RomanceNormalizer(Normalizer):
    """Rules of a Romance language; see [`Normalizer`]."""

    def __init__(self, language: Language) -> None:
        code = language.code[:2]
        self.feminine_noun = re.compile(FEMININE[code], re.IGNORECASE)
        self.no_noun = frozenset(NO_NOUN[code].split())
        self.code = code
        super().__init__(language)
        # What is no plain sentence in these languages, besides: `M. Dupont`, `François Ier`.
        short = r"|\b[A-Z]{1,2}\.\s[A-ZÀ-Þ]|\b[IVXLCDM]+(?:er|re|e|ème)\b|\b(?:Me|Gal)\s(?:de\s)?[A-ZÀ-Þ]"
        self.last_word = re.compile(self.last_word.pattern + short)

    # -- rules ----------------------------------------------------------------------------------------------------

    def _word_rules(self) -> list[WrittenRule]:
        elided = r"(?<=[ldnsmtLDNSMT]['’])(?P<letters>[A-ZÀ-ÖØ-Þ]{2,6})(?![\w'’])"
        counted = rf"(?<!\w)(?i:{any_of(COUNTED_SHORT)})\.\s?(?P<take>(?P<roman>[IVXLCDM]{{2,}}|[IVX]))(?!\w)"
        between = r"(?:\s(?:y|e|et|o|ou|a|à|al)\s|\s?[-–]\s?)"
        second = rf"(?<=[IVXLCDM]){between}(?P<take>(?P<roman>[IVXLCDM]{{2,}}|[IVX]))(?!\w|['’])"
        return [
            (CENTURIES.get(self.code, ""), self.century),
            (counted, self.counted_roman),
            (second, self.counted_roman),
            (elided, self.capitals),
            *super()._word_rules(),
        ]

    def _weekday_rules(self) -> list[WrittenRule]:
        days, linked = f"(?i:{any_of(self.language.weekdays)})", r"(?:\s(?:a|al|au|e|et|y)\s)"
        closed = r"(?i:fermé|ouvert|cerrado|abierto|chiuso|aperto|fechado|aberto)[aes]{0,2}"
        dot = r"(?:\.(?!\s*$)|(?=\.\s*$))"
        return [
            (rf"(?<!\w)(?P<take>(?P<day>{days})\.?)(?=\s?{DASH}\s?{days}\b)", self.weekday, DASHES),
            (rf"(?<!\w){days}\.?(?P<take>\s?{DASH}\s?(?P<day>{days})\b(?:{dot})?)", self.to_weekday, DASHES),
            (rf"(?<!\w)(?P<take>(?P<day>{days})\.)(?=(?:{linked}{days}\b|,?\s\d|\s{closed}\b))", self.weekday, "."),
            (
                rf"(?<!\w)(?:{days}\.?{linked}|{closed}(?:\s(?:le|il|lo|el|la|o))?\s)"
                rf"(?P<take>(?P<day>{days}){dot})(?!\w)",
                self.weekday,
                ".",
            ),
        ]

    def _number_rules(self) -> list[WrittenRule]:
        phones = [
            (rf"(?<![\w.,]){pattern}(?!\w|[.,-]\d)", self.digit_groups, DIGIT)
            for pattern in COUNTRY_TELEPHONES[self.code]
        ]
        clock = r"\d{1,2}(?:[:.h]\d\d|\s?h\b)"
        until = rf"(?<![\w:.,]){clock}(?P<take>\s?{DASH}\s?)(?={clock})"
        elided = (
            [(r"(?<![\w.,-])(?P<take>1\s)(?=(?P<noun>[aeiouh][^\W\d_]+))", self.elided, DIGIT)]
            if self.code == "it"
            else []
        )
        meters = r"(?<![\w.,])(?P<meters>\d)\s?m\s?(?P<centimeters>\d\d)(?!\w|\s?cm\b)"
        return [
            *phones,
            (until, self.until, DIGIT),
            (rf"(?<![\w:.,])\d{{1,2}}(?P<take>\s?{DASH}\s?)(?=\d{{1,2}}\s?h\b)", self.until, DIGIT, DASHES),
            (meters, self.meters, DIGIT),
            *elided,
            *super()._number_rules(),
        ]

    # -- numbers --------------------------------------------------------------------------------------------------

    def words(self, number: int | str, kind: str = "cardinal") -> str:
        """A number in words; what the library says wrong is put right."""
        if isinstance(number, str):
            return self._decimal(number)
        spoken = super().words(number, "ordinal" if kind == "ordinal" else "cardinal")
        if self.code == "es":
            spoken = re.sub(r"veintiuno(?= (?:mil|mill))", "veintiún", spoken)
            spoken = re.sub(r"\buno(?= (?:mil|mill))", "un", spoken)
            spoken = {"décimoprimero": "undécimo", "décimosegundo": "duodécimo"}.get(spoken, spoken)
        elif self.code == "it":
            # The library says `centodicotto`.
            spoken = spoken.replace("dicotto", "diciotto")
            spoken = re.sub(r"tre$", "tré", spoken) if kind == "cardinal" and number > 20 else spoken
        return spoken

    def _decimal(self, number: str) -> str:
        """`3,14` is read as three and fourteen, zeros one by one; long fractions digit by digit."""
        whole, point, digits = number.partition(".")
        spoken = self.digits(whole) if len(whole) > MAX_DIGITS else self.words(int(whole))
        if not point:
            return spoken
        zeros = len(digits) - len(digits.lstrip("0"))
        if len(digits) > (3 if self.code == "fr" else 2) or zeros == len(digits):
            return f"{spoken} {self.language.point} {self.digits(digits)}"
        return " ".join(
            filter(None, (spoken, self.language.point, self.digits(digits[:zeros]), self.words(int(digits))))
        )

    def counted(self, value: int | str, noun: str) -> str:
        """A number in the gender of its noun: `veintiuna páginas`, `duas horas`, `un'ora`."""
        spoken, noun = self.words(value), noun.strip()
        if not isinstance(value, int) or not noun:
            return spoken
        return self._agreeing(spoken, value, noun, bool(self.feminine_noun.match(noun.split()[0])))

    def _agreeing(self, spoken: str, value: int, noun: str, feminine: bool) -> str:
        if self.code == "fr":
            return spoken + "e" if feminine and re.search(r"(?<!\w)un$|-un$", spoken) else spoken
        if self.code == "es":
            for pattern, masculine_form, feminine_form in SPANISH_ONE:
                if re.search(pattern, spoken):
                    spoken = re.sub(pattern, feminine_form if feminine else masculine_form, spoken)
                    break
            return re.sub(r"(?<=[cn]ient)os\b", "as", spoken) if feminine else spoken
        if self.code == "pt":
            if not feminine:
                return spoken
            spoken = re.sub(r"\bum$", "uma", spoken)
            spoken = re.sub(r"\bdois$|\bdois(?= mil\b)", "duas", spoken)
            return re.sub(r"(?<=[zch]ent)os\b", "as", spoken)
        if value != 1:
            return spoken
        vowel = re.match(r"[aeiouàèéìòùh]", noun, re.IGNORECASE)
        if feminine:
            return "un'" if vowel else "una"
        return "uno" if re.match(r"(?:s[^aeiou]|z|gn|ps|pn|x|y)", noun, re.IGNORECASE) else "un"

    def quantity(self, match: re.Match, one: str, many: str) -> str:
        """A number in the gender of what it counts, `veintiuna libras`."""
        value = self.amount(match)
        noun = one if value == 1 else many
        number = self._counted_unit(value, noun)
        return f"{self.sign_of(match)}{number}{'' if number.endswith(chr(39)) else ' '}{self._joined(value, noun)}"

    def _counted_unit(self, value: int | str, noun: str) -> str:
        if noun in (self.language.percent, self.language.symbols.get("‰")):
            return self.words(value)
        return self.counted(value, noun)

    def _joined(self, value: int | str, noun: str) -> str:
        """After millions a noun has `de`: `un millón de euros`."""
        if isinstance(value, int) and value >= 10**6 and value % 10**6 == 0:
            return self._of(noun)
        return noun

    def part_of(self, fraction: str, top: int, unit: str) -> str:
        """`medio litro`, `media hora`, `tres cuartos de litro`."""
        if top == 1 and self.feminine_noun.match(unit.split()[0]):
            fraction = FEMININE_HALF.get(fraction, fraction)
        return f"{fraction} {unit if fraction in HALVES else self._of(unit)}"

    def whole_and_part(self, whole: int, fraction: str, one: str, many: str) -> str:
        """`un kilo y medio`, `deux heures et demie`."""
        noun = one if whole == 1 else many
        if self.feminine_noun.match(one.split()[0]):
            fraction = FEMININE_HALF.get(fraction, fraction)
        number = self.counted(whole, noun)
        space = "" if number.endswith("'") else " "
        half = {"un demi": "demi", "une demi": "demie"}.get(fraction, fraction)
        return f"{number}{space}{noun} {self.language.and_} {half}"

    def _of(self, noun: str) -> str:
        if self.code == "fr" and re.match(r"[aeiouyéèêh]", noun):
            return f"d'{noun}"
        return f"{'di' if self.code == 'it' else 'de'} {noun}"

    def number(self, match: re.Match) -> str:
        """A number that agrees with the noun behind it, `duas páginas`."""
        written, sign = match["number"], self.sign_of(match)
        if written.isdigit() and written[0] == "0" and len(written) > 1:
            return sign + self.digits(written)
        if label := self._label(match):
            return label
        value = self.value(written)
        noun = re.match(r"\s([^\W\d_]+)", after(match))
        if noun is None or noun[1].lower() in self.no_noun or not isinstance(value, int):
            return sign + self.words(value)
        if self._counts(value, noun[1]):
            return sign + self.counted(value, noun[1])
        return sign + self.words(value)

    def _counts(self, value: int, word: str) -> bool:
        """Whether the word behind a number is what it counts, as far as its form shows: `1 página`, `21 páginas`."""
        plural = word.endswith(("s", "x"))
        if value == 1:
            return word[0].islower() and (self.code == "it" or not plural)
        return plural and self.code != "it"

    def meters(self, match: re.Match) -> str:
        """`1m80`."""
        meters = int(match["meters"])
        one, many = self.language.units["m"]
        joined = " " if self.code in ("fr", "es") else f" {self.language.and_} "
        unit = one if meters == 1 else many
        return f"{self.counted(meters, one)} {unit}{joined}{self.words(int(match['centimeters']))}"

    def elided(self, match: re.Match) -> str | None:
        """`un'ora`, together with the space."""
        noun = match["noun"]
        return "un'" if noun not in self.no_noun and self.feminine_noun.match(noun) else None

    def large(self, match: re.Match) -> str | None:
        """`3 millions`, `5 mil`."""
        if match["magnitude"] in ("k", "M", "mi", "bi", "tri", "MM") and not re.search(r"\s", match[0]):
            return None
        value, name = self.value(match["number"]), self.language.magnitudes[match["magnitude"]]
        if value == 1:
            return self.language.single.get(name, f"{self.counted(1, name)} {name}")
        noun = re.match(r"\s([^\W\d_]+)", after(match)) if name == "mil" else None
        number = self.counted(value, noun[1] if noun else name)
        return number + name if name == "mila" else f"{number} {name}"

    def money(self, match: re.Match) -> str:
        """`3,50 €`, `1,2 milliards d'euros`."""
        one, many, cent, cents = self.language.currencies[match["unit"]]
        value = self.amount(match)
        if match["magnitude"]:
            name = self.language.magnitudes[match["magnitude"]]
            amount = self.language.single.get(name) if value == 1 else None
            if amount is None:
                amount = self.words(value) + ("mila" if name == "mila" else f" {name}")
            noun = many if name in ("mil", "mille", "mila") else self._of(many)
            return f"{self.sign_of(match)}{amount} {noun}"
        units, _, part = str(value).partition(".")
        if len(part) != 2:
            return self.quantity(match, one, many)
        hundredths = f"{self.counted(int(part), cent)} {cent if int(part) == 1 else cents}"
        whole = self.value(units)
        if whole == 0:
            return self.sign_of(match) + hundredths
        amount = f"{self.sign_of(match)}{self.counted(whole, one)} {one if whole == 1 else self._joined(whole, many)}"
        if int(part) == 0:
            return amount
        joined = {"fr": "", "es": "con ", "it": "e ", "pt": "e "}[self.code]
        return f"{amount} {joined}{hundredths if self.code == 'pt' else self.words(int(part))}"

    def unit(self, match: re.Match) -> str | None:
        """A measure; the sign of degrees after a number before a word makes it an ordinal."""
        if match["unit"] in ("°", "º") and not match["sign"] and self._is_ordinal(match):
            return None
        return super().unit(match)

    def _is_ordinal(self, match: re.Match) -> bool:
        """Whether a number with a raised o stands behind an article, or before a noun where the text begins."""
        if self.code != "it" and match[0].endswith("º"):
            # Degrees are written with another sign.
            return True
        if self.code == "it" and re.match(r"\sp\.", after(match)):
            return True
        article = ARTICLES.search(before(match))
        word = re.match(r"\s([^\W\d_]{2,})", after(match))
        counts = word is not None and word[1].lower() not in self.no_noun
        return bool(article and (counts or article[0].strip(" .!?:;,(")))

    def range(self, match: re.Match) -> str:
        """`5-10 km`, both numbers in the gender of the noun."""
        unit = (match.groupdict().get("unit") or "").strip()
        if not unit or unit in "%‰":
            spoken = super().range(match)
            noun = re.match(r"\s([^\W\d_]+s)\b", after(match))
            if not noun or unit or noun[1].lower() in self.no_noun or ":" in match[0]:
                return spoken
            values = [self.value(match[name]) for name in ("first", "second")]
            return f" {self.language.to} ".join(self.counted(value, noun[1]) for value in values)
        many = (self.language.currencies.get(unit) or self.language.units[unit])[1]
        first, second = (self.counted(self.value(match[name]), many) for name in ("first", "second"))
        magnitude = match.groupdict().get("magnitude")
        counted = many if not magnitude else f"{self.language.magnitudes[magnitude]} {self._of(many)}"
        return f"{first} {self.language.to} {second} {counted}"

    def digit_groups(self, match: re.Match) -> str | None:
        """Telephone numbers; in French two digits are one number."""
        written = match["take"] if "take" in match.re.groupindex else match[0]
        groups = re.findall(r"\d+", re.sub(r"^\+33", "33 ", written))
        pairs = [group for group in groups if len(group) == 2]
        if self.code != "fr" or len(pairs) < 3:
            return super().digit_groups(match)
        spoken = [
            self.digits(group) if group[0] == "0" or len(group) != 2 else self.words(int(group)) for group in groups
        ]
        return ("plus " if written.startswith("+") else "") + ", ".join(spoken)

    def fraction(self, match: re.Match) -> str | None:
        """A half agrees with the noun behind it: `media taza`; `12/8` is one number over the other."""
        top, bottom = int(match["top"]), int(match["bottom"])
        if self.is_rating(match):
            return f"{self.words(top)} {self.language.out_of} {self.words(bottom)}"
        dated = DATED.search(before(match)) and not re.match(r"\s(?:de|des|du|di|del|dei|do|da)\b", after(match))
        if top <= 31 and 1 <= bottom <= 12 and (dated or (top > 12 and (top, bottom) != (24, 7))):
            return self._day_of_month(top, bottom)
        spoken = self._fraction(top, bottom)
        if spoken is None:
            over = {"fr": "sur", "es": "sobre", "it": "su", "pt": "sobre"}[self.code]
            return f"{self.words(top)} {over} {self.words(bottom)}"
        if re.search(r"\d\s$", before(match)):
            return f"{self.language.and_} {spoken}"
        noun = re.match(r"\s([^\W\d_]+)", after(match))
        if noun and noun[1].lower() not in self.no_noun and self.feminine_noun.match(noun[1]):
            return FEMININE_HALF.get(spoken, spoken)
        return spoken

    def fraction_sign(self, match: re.Match) -> str | None:
        """`½ tasse`, in the gender of the noun, which may be an abbreviation."""
        spoken, rest = super().fraction_sign(match), after(match).lstrip()
        short = max((short for short in self.language.abbreviations if rest.startswith(short)), key=len, default="")
        noun = re.match(r"[^\W\d_]+", self.language.abbreviations.get(short, rest))
        feminine = noun and noun[0].lower() not in self.no_noun and self.feminine_noun.match(noun[0])
        return FEMININE_HALF.get(spoken, spoken) if spoken and feminine else spoken

    def _fraction(self, top: int, bottom: int) -> str | None:
        if not 0 < top < bottom <= 10:
            return None
        if (sign := COMMON_FRACTIONS.get((top, bottom))) in self.language.fractions:
            return self.language.fractions[sign]
        part = self.words(bottom, "ordinal")
        plural = part[:-1] + "i" if self.code == "it" else part + "s"
        return f"{self._agreeing(self.words(top), top, part, False)} {part if top == 1 else plural}"

    # -- ordinals -------------------------------------------------------------------------------------------------

    def ordinal(self, match: re.Match) -> str | None:
        """`1er`, `2ª`, `3°` in the gender of its ending; None for degrees and dates."""
        value, ending = self.value(match["number"]), match["ending"]
        if not isinstance(value, int) or value == 0 or value > 1000:
            return None
        if ending in ("°", "o", "a", "i", "e") and self.code in ("it", "pt") and not self._is_ordinal(match):
            return None
        feminine = ending.rstrip("s").endswith(("ª", "a", "re", "de"))
        spoken = self._ordinal(
            value, feminine, short=self.code == "es" and (ending == "er" or self._before_noun(ending, match))
        )
        if self.code == "fr" and value == 2 and ending.startswith(("nd", "d")):
            spoken = "seconde" if feminine else "second"
        return spoken + ("s" if ending.endswith("s") and not spoken.endswith("s") else "")

    def _before_noun(self, ending: str, match: re.Match) -> bool:
        """Whether `21.º` stands before a noun: `vigésimo primer puesto`."""
        noun = re.match(r"\s(?!izq|dcha)([a-zß-öø-ÿ]{3,})", after(match))
        return noun is not None and ending in ("º", "°", "o") and noun[1] not in self.no_noun

    def _ordinal(self, value: int, feminine: bool = False, short: bool = False) -> str:
        spoken = self.words(value, "ordinal")
        if self.code == "fr":
            return re.sub(r"premier$", "première", spoken) if feminine else spoken
        if short and spoken.endswith(("primero", "tercero")):
            return spoken[:-1]
        return re.sub(r"o\b", "a", spoken) if feminine else spoken

    def century(self, match: re.Match) -> str | None:
        """`XIXe siècle`, `XIX secolo`."""
        number = self._roman(match["roman"])
        if number is None:
            return None
        ending = match.groupdict().get("ending") or ""
        if self.code == "fr" and (len(match["roman"]) == 1 and match["roman"] in "CDLM" or number > 100):
            return None
        return self._ordinal(number, feminine="re" in ending)

    def counted_roman(self, match: re.Match) -> str | None:
        """After `s.` or `cap.`, and the second of two, `siglos XV y XVI`."""
        number = self._roman(match["roman"])
        if number is None:
            return None
        text = before(match) + match[0]
        centuries = re.search(
            r"\b(?i:s|sec|séc|siglos?|séculos?|secol[oi])\.?\s(?:[IVXLCDM]+[\W]{1,3}(?:[a-zà]{1,2}\s)?)?[IVXLCDM]+$",
            text,
        )
        ordinal = centuries and (self.code == "it" or number <= 10)
        return self._ordinal(number) if ordinal else self.words(number)

    def roman(self, match: re.Match) -> str | None:
        """A numeral after `capítulo` or `siglo`, or after a ruler's name: ordinals up to ten, where they are said."""
        written, name = match["roman"], match["name"]
        number = self._roman(written)
        if number is None or not written.isupper():
            return None
        dot = "." if match["dot"] else ""
        if name.lower() in self.language.counted_words:
            if written == "I" and self.code == "it" and name[0].islower() and re.match(r"\s[a-z]", after(match)):
                return None
            centuries = name.lower() in ("siglo", "siglos", "século", "séculos", "secolo", "secoli")
            ordinal = centuries and (self.code == "it" or number <= 10)
            return (self._ordinal(number) if ordinal else self.words(number)) + dot
        if name.lower() in ARTICLES_BEFORE_ROMAN and len(written) > 1 and number < 200:
            noun = re.match(r"\s([^\W\d_]+)", after(match))
            feminine = bool(noun and self.feminine_noun.match(noun[1]))
            return self._ordinal(number, feminine, short=self.code == "es" and not feminine) + dot
        ruler = name in self.language.rulers or self.is_person(before(match), False, "")
        if not name[0].isupper() or (len(written) == 1 and not ruler) or number > 39:
            return None
        return self._ruler(number, name, match) if ruler else self.words(number) + dot

    def _ruler(self, number: int, name: str, match: re.Match) -> str | None:
        dot = "." if match["dot"] else ""
        feminine = name in FEMININE_RULERS or (name.endswith("a") and name not in MASCULINE_RULERS)
        if self.code == "fr":
            return (self._ordinal(1, feminine) if number == 1 else self.words(number)) + dot
        if self.code == "it" or number <= 10:
            return self._ordinal(number, feminine) + dot
        return self.words(number) + dot

    # -- time -----------------------------------------------------------------------------------------------------

    def date(self, match: re.Match) -> str | None:
        """`5/11/2023`, `1er mai`; only the first of a month is an ordinal."""
        groups = match.groupdict()
        month = int(groups["month"]) if groups.get("month") else self._month_number(groups["name"])
        day, year = groups.get("day"), groups.get("year")
        if not 1 <= month <= 12 or (day and not 1 <= int(day) <= 31):
            return None
        spoken = [self.language.months[month - 1]]
        if day:
            spoken.insert(0, self._day(int(day), bool(groups.get("first"))))
        if year:
            spoken.append(self.words(int(year) + (0 if len(year) == 4 else 2000 if int(year) < 50 else 1900)))
        if self.code in ("es", "pt"):
            *rest, last = spoken
            return f"{' de '.join(rest)} {groups.get('of') or 'de'} {last}" if rest else last
        return " ".join(spoken)

    def _day(self, day: int, marked: bool = False) -> str:
        """The day of a month; the first is an ordinal, in Spanish only where it is written as one."""
        first = {"fr": "premier", "it": "primo", "es": "primero" if marked else "", "pt": "primeiro"}[self.code]
        return first if day == 1 and first else self.words(day)

    def _day_of_month(self, day: int, month: int) -> str:
        """`25/12`."""
        return f"{self._day(day)} {'de ' if self.code in ('es', 'pt') else ''}{self.language.months[month - 1]}"

    def _month_number(self, name: str) -> int:
        name = name.lower()
        for index, month in enumerate(self.language.months, 1):
            if month == name or month.startswith(name):
                return index
        return next(i for i, month in enumerate(self.language.short_months, 1) if name.startswith(month))

    def month(self, match: re.Match) -> str | None:
        """A short form of a month, where a number is beside it."""
        if not re.search(r"\d\s$|\bde\s$", before(match)) and not re.match(r"\s\d", after(match)):
            return None
        return self.language.months[self._month_number(match["name"]) - 1]

    def first_day(self, match: re.Match) -> str:
        """The first of two days, `5-7 mai`."""
        return f"{self.words(int(match['day']))} {self.language.to} "

    def time(self, match: re.Match) -> str | None:
        """`18h05`, `18:05`."""
        hour, minute = int(match["hour"]), int(match["minute"] or 0)
        unit = match.groupdict().get("unit")
        if hour > 24 or minute > 59:
            return None
        noun = {"fr": "heure", "es": "hora", "it": "ora", "pt": "hora"}[self.code]
        number = self._agreeing(self.words(hour), hour, noun, True)
        many = noun if hour < 2 and self.code == "fr" or hour == 1 else "ore" if self.code == "it" else noun + "s"
        hours = f"{number}{'' if number.endswith(chr(39)) else ' '}{many}"
        if self.code == "fr":
            return f"{hours} {self.words(minute)}" if minute else hours
        spoken = "una" if hour == 1 and self.code == "it" else number
        if not minute:
            return spoken if self.code in ("es", "it") and not unit else hours
        end = f" {many}" if unit and self.code == "es" and ":" in match[0] else ""
        # After noon the hours are those of a timetable: `catorce treinta`.
        joined = " " if self.code == "es" and hour > 12 else f" {self.language.and_} "
        return f"{spoken}{joined}{self.words(minute)}{end}"

    # -- letters --------------------------------------------------------------------------------------------------

    def capitals(self, match: re.Match) -> str | None:
        """Letters one by one, or an acronym as a word: `ONU`."""
        letters = match["letters"]
        if letters in self.language.read_as_letters:
            return spelled(letters)
        word = letters.lower()
        if len(letters) > 2 and re.fullmatch(self.language.pronounceable, letters):
            return None
        if word in self.no_noun or word.capitalize() in self.language.starters:
            return None
        return super().capitals(match)

    def power_of(self, exponent: int) -> str:
        squared = {"fr": ("au carré", "au cube"), "es": ("al cuadrado", "al cubo"), "it": ("al quadrato", "al cubo")}
        return f" {squared.get(self.code, ('ao quadrado', 'ao cubo'))[exponent == 3]}"
