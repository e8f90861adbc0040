"""How a language says numbers, money and measures: the words for what a rule of `normalization_tts_trm.py` found.

Number words come from num2words.
"""

import re
import unicodedata
from collections.abc import Iterable

from .errors_tts_trm import InputError
from .languages_english_tts_trm import ENGLISH_DEALS, ENGLISH_PARTICLES
from .languages_german_tts_trm import (
    GERMAN_COUNTED,
    GERMAN_DATIVES,
    GERMAN_FEMININES,
    GERMAN_NEUTERS,
    GERMAN_PREPOSITIONS,
)
from .languages_tts_trm import Language

# Without it numerals are refused.
try:
    from num2words import num2words
except ImportError:
    num2words = None
# Of a number that is read as one; a longer one is read digit by digit.
MAX_DIGITS = 15
# Characters around a match that its rule may look at; a whole long text would take forever.
NEIGHBOURHOOD = 40
# Before a letter that is said by its name, in what rules return.
LETTER = "\ue000"
COMMON_FRACTIONS = {(1, 2): "½", (1, 3): "⅓", (2, 3): "⅔", (1, 4): "¼", (3, 4): "¾"}
# That may stand behind a number and a bar, `72/min`.
PER_UNITS = frozenset("min mn h hr s kg km l ml g j m² Min. Min Std Std. Sek.".split())
# Before a mark that somebody gives, `7/10`.
RATED = re.compile(
    r"\b(?:rat(?:e[sd]?|ing)|score[sd]?|graded?|gave|given?|review|note|bewertung|bewertet?|nota|voto|puntuación|punteggio"
    r"|calificación|avaliação|évaluation)\b[^.!?;]{0,30}$",
    re.IGNORECASE,
)
# Words before a number with a point that is a label, besides those that are counted.
LABELS = (
    "abb abs abschnitt android art artigo article artikel artículo articolo bluetooth cap chap fig figur hdmi ios kap "
    "kapitel numpy office pytorch python raum room sala salle sec sección stanza tab usb ver versione version versión "
    "versão windows zimmer"
).split()
# Characters before an inch sign in which a quotation may have begun.
MAX_QUOTATION = 300


def any_of(words: Iterable[str]) -> str:
    """A pattern for any of these words, longest first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) or r"(?!)"


def before(match: re.Match) -> str:
    """The characters before a match, as far as a rule looks."""
    return match.string[max(0, match.start() - NEIGHBOURHOOD) : match.start()]


def after(match: re.Match) -> str:
    """The characters after a match, as far as a rule looks."""
    return match.string[match.end() : match.end() + NEIGHBOURHOOD]


def spelled(letters: str) -> str:
    """Letters that are said one by one, marked for [`Normalizer.spell`]."""
    return " ".join(LETTER + letter for letter in letters if letter.isalnum())


class NumberWords:
    """The number words of one language. A method that takes a match says it, or returns None: it is no such thing."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.numbered = any_of((*language.before_number, *language.counted_words))
        self.labelled = re.compile(rf"\b(?i:{any_of((*language.counted_words, *LABELS))})\.?\s?$|§\s?$")

    # -- numbers --------------------------------------------------------------------------------------------------

    def words(self, number: int | str, kind: str = "cardinal") -> str:
        """What [`value`] returns, in words; a year that the library cannot say is said as a number."""
        if num2words is None:
            raise InputError(
                f"The text has the number {number}; have numbers spoken with `pip install num2words`, or write it out."
            )
        if isinstance(number, str):
            whole, point, digits = number.partition(".")
            if not whole:
                # .05
                return f"{self.language.point} {self.digits(digits)}"
            spoken = self.digits(whole) if len(whole) > MAX_DIGITS else self.words(int(whole))
            return f"{spoken} {self.language.point} {self.digits(digits)}" if point else spoken
        try:
            return num2words(number, to=kind, lang=self.language.number_words or self.language.family).replace(",", "")
        except Exception as error:
            # Each of its languages raises what it likes.
            if kind == "year":
                return self.words(number)
            raise InputError(
                f"The text has the number {number}, which num2words cannot say in {self.language.code!r}; write it out."
            ) from error

    def value(self, written: str) -> int | str:
        """A numeral as it is written, `1.234,5`: an int, or `"1234.5"`, or the digits if they are very many."""
        thousands, decimal = self.language.thousands, self.language.decimal
        if written[0] == ".":
            return written if self.language.family == "en" else f"0{written}"
        if re.fullmatch(rf"\d+{re.escape(thousands)}\d{{1,2}}", written):
            # The point or comma of another country.
            return written.replace(thousands, ".")
        swapped = rf"\d+(?:{re.escape(decimal)}\d{{3}})+{re.escape(thousands)}\d{{1,2}}"
        if re.fullmatch(swapped, written) or (decimal == "," and re.fullmatch(r"\d+(?:,\d{3}){2,}", written)):
            thousands, decimal = decimal, thousands
        plain = re.sub(rf"[{thousands}\s'’]", "", written).replace(decimal, ".")
        return plain if "." in plain or len(plain) > MAX_DIGITS else int(plain)

    def sign_of(self, match: re.Match) -> str:
        """The word for the sign of a number, with a space; empty without one."""
        sign = match.groupdict().get("sign")
        return "" if not sign else f"{self.language.symbols['+']} " if sign == "+" else f"{self.language.minus} "

    def quantity(self, match: re.Match, one: str, many: str) -> str:
        """A number and what it counts; `a 35 mm lens` has one millimeter."""
        value = self.amount(match)
        if self._describes(match):
            many = one
        return f"{self.sign_of(match)}{self.counted(value, one)} {one if value == 1 else many}"

    def _describes(self, match: re.Match) -> bool:
        """Whether an English amount stands before the noun that it describes."""
        if self.language.family != "en" or not (noun := re.match(r"[ -]([a-z]{3,})\b", after(match))):
            return False
        if re.search(r"\b[Aa]n?\s$", before(match)):
            return noun[1] not in ENGLISH_PARTICLES
        return noun[1] in ENGLISH_DEALS and bool(
            re.search(r"\b(?:[Tt]he|[Tt]his|[Tt]hat|[Ii]ts|[Hh]is|[Hh]er|[Tt]heir)\s$", before(match))
        )

    def counted(self, value: int | str, noun: str) -> str:
        """A number before a noun; the German `eins` becomes `ein` or `eine`."""
        if self.language.family == "de" and value == 1:
            return "eine" if noun.endswith("e") else "ein"
        return self.words(value)

    def digits(self, text: str) -> str:
        """A text digit by digit; what is no digit is left out."""
        names = {digit: self.words(int(digit)) for digit in set(text) if digit.isdecimal()}
        return " ".join(names[character] for character in text if character in names)

    def left_digits(self, match: re.Match) -> str:
        """What no other rule has taken, such as small digits above and below a line."""
        digits = "".join(
            str(unicodedata.digit(character))
            if unicodedata.digit(character, -1) >= 0
            else str(round(unicodedata.numeric(character)))
            for character in match["take" if "take" in match.re.groupindex else 0]
        )
        return self.digits(digits)

    def spelled_digits(self, match: re.Match) -> str:
        """A number that is a code, `01310-200`."""
        return self.digits(match["number"])

    @staticmethod
    def may_be_year(written: str) -> bool:
        """Whether a numeral is read as a year where nothing says otherwise."""
        return written.isdigit() and len(written) == 4 and 1100 <= int(written) < 2100

    def number(self, match: re.Match) -> str:
        """A number that no other rule has taken: a year, a code that begins with zero, or what it counts."""
        written = match["number"]
        sign = self.sign_of(match)
        if written.isdigit() and written[0] == "0" and len(written) > 1:
            return sign + self.digits(written)
        if label := self._label(match):
            return label
        if written.isdigit() and len(written) > 4 and re.search(r"[A-Za-z]$", before(match)):
            # KB5036892 is a code.
            return self.digits(written)
        early = re.fullmatch(r"10\d\d", written) and re.search(r"\b(?:[Tt]he year|[Jj]ahre?)\s$", before(match))
        if not sign and (self.may_be_year(written) or early):
            return self.words(int(written), "year")
        if not sign and self._is_model(match):
            first, second = self.words(int(written[:2])), int(written[2:])
            return f"{first} {'oh ' if second < 10 else ''}{self.words(second)}"
        # Article 1 Section 1: what is numbered is not counted.
        numbered = re.search(rf"(?<!\w)(?:{self.numbered})\s?$", before(match), re.IGNORECASE)
        noun = None if numbered else re.match(r"\s[A-ZÄÖÜ]\w*", after(match))
        return sign + (self.counted(self.value(written), noun[0]) if noun else self.words(self.value(written)))

    def _label(self, match: re.Match) -> str | None:
        """`Version 2.07`, `salle 2.07`: what is a label has a point where its language writes a comma in numbers."""
        parts = re.fullmatch(r"(\d+)\.(\d{1,2})", match["number"])
        if not parts or self.language.decimal != "," or not self.labelled.search(before(match)):
            return None
        second = self.digits(parts[2]) if parts[2][0] == "0" else self.words(int(parts[2]))
        return f"{self.words(int(parts[1]))} {self.language.symbols['.']} {second}"

    def _is_model(self, match: re.Match) -> bool:
        """Whether four digits behind English initials are two numbers, `RTX 4090`."""
        return (
            self.language.family == "en"
            and bool(re.fullmatch(r"[1-9](?!00)\d(?!00)\d\d", match["number"]))
            and bool(re.search(r"(?<!\w)[A-Z]{2,5}[ -]?$", before(match)))
        )

    def large(self, match: re.Match) -> str | None:
        """`3 million`, `2.5bn`."""
        # 12B is a room; with money they are clear.
        if match["magnitude"] in ("K", "B", "m", "T"):
            return None
        value, name = self.value(match["number"]), self.language.magnitudes[match["magnitude"]]
        return self.language.single.get(name) if value == 1 and self.language.single else f"{self.words(value)} {name}"

    def range(self, match: re.Match) -> str:
        """`5-10 km`, `3:2`, `$5-10 million`."""
        first, second = match["first"], match["second"]
        parts = [
            self.words(int(part), "year")
            if self.may_be_year(part) or (part.startswith("10") and len(part) == 4 and self.may_be_year(second))
            else self.words(self.value(part))
            for part in (first, second)
        ]
        groups = match.groupdict()
        unit = (groups.get("unit") or "").strip()
        noun = ""
        if unit:
            noun = {"%": self.language.percent, "‰": self.language.symbols.get("‰", "")}.get(unit, "")
            noun = noun or (self.language.currencies.get(unit) or self.language.units[unit])[1]
        if groups.get("magnitude"):
            noun = f"{self.language.magnitudes[groups['magnitude']]} {noun}"
        between = self.language.score if ":" in match[0] else self.language.to
        if between == self.language.to and re.search(r"\b(?:between|zwischen)\s(?:\w+\s)?$", before(match)):
            between = self.language.and_
        return f"{parts[0]} {between} {parts[1]} {noun}".strip()

    def ordinal(self, match: re.Match) -> str | None:
        """`21st`; in German `3.` where a word before or behind it asks for an ordinal."""
        spoken = self.words(self.value(match["number"]), "ordinal")
        if self.language.family != "de":
            return spoken
        if (inflected := self._inflected(spoken, match)) is not None:
            return inflected
        counted = re.match(rf"\.?\s(?:{'|'.join(GERMAN_COUNTED.split())})\b|\.?\s(?:und|bis)\s\d+\.", after(match))
        return self._ending(spoken, match, "r") if counted else None

    def _inflected(self, spoken: str, match: re.Match) -> str | None:
        """A German ordinal as the word before it asks for; None where that word asks for none."""
        # In `der 3., 4. und 5. Versuch` the article is that of the first.
        text = re.sub(r"\d{1,2}\.\s?[-–]\s?$|(?:\d{1,3}\.,?\s(?:(?:und|oder|bis)\s)?)+$", "", before(match))
        if re.search(r"(?:[*†]|\b(?:v|geb|gest)\.)\s?$", text):
            return f"{spoken}n"
        word = re.search(r"(\w+)\s$", text)
        article = word[1].lower() if word else ""
        if article in ("jeder", "dieser") and not re.search(rf"\b(?:{GERMAN_PREPOSITIONS})\s{article}\s$", text):
            return spoken
        if article in GERMAN_DATIVES or re.search(rf"\b(?:{GERMAN_PREPOSITIONS})\s(?:der|dieser)\s$", text):
            return f"{spoken}n"
        if article in ("der", "die", "das", "diese", "jene", "jede", "welche") or re.fullmatch(
            "(?:m|d|s|k)?eine|ihre|unsere|eure", article
        ):
            return spoken
        if re.fullmatch("(?:m|d|s|k)?ein|ihr|unser|euer", article):
            return self._ending(spoken, match, "r")
        return None

    @staticmethod
    def _ending(spoken: str, match: re.Match, masculine: str) -> str:
        """Without an article it has the article's ending: `vierter Versuch`, `viertes Kind`."""
        if re.match(rf"\.?\s{GERMAN_FEMININES}", after(match)):
            return spoken
        return spoken + ("s" if re.match(rf"\.?\s{GERMAN_NEUTERS}", after(match)) else masculine)

    def decade(self, match: re.Match) -> str:
        """`the 1990s`, `'80s`, `under-16s`; `80er`."""
        if self.language.family == "de":
            return self.words(int(match["number"]), "year") + "er" + (match["ending"] or "")
        century, decade = match["century"] or "", match["decade"]
        if match["age"]:
            spoken = self.words(int(match["age"]))
        elif decade == "00" or len(century) == 1:
            number = int(century + decade)
            spoken = (
                self.words(number) if number % 1000 == 0 or len(century) == 1 else f"{self.words(int(century))} hundred"
            )
        else:
            spoken = f"{self.words(int(century))} {self.words(int(decade))}" if century else self.words(int(decade))
        return spoken[:-1] + "ies" if spoken.endswith("y") else spoken + "s"

    def arc(self, match: re.Match) -> str:
        """Minutes and seconds of a degree, `40°26′46″`."""
        one, many = self.language.units["min"]
        minutes, seconds = int(match["minutes"]), match["seconds"]
        spoken = f" {self.counted(minutes, one)} {one if minutes == 1 else many}"
        if seconds:
            one, many = self.language.units["s"]
            value = self.value(seconds.replace(".", self.language.decimal))
            spoken += f" {self.counted(value, one)} {one if value == 1 else many}"
        return spoken

    def per(self, match: re.Match) -> str:
        """The bar of `6 l/100 km`."""
        return f" {self.language.per} "

    def unit_alone(self, match: re.Match) -> str:
        """The unit in `5 kg per m²` and `5 €/kg`."""
        per = f" {self.language.per} " if "/" in match[0] else ""
        return per + self.language.units[match["unit"]][0]

    def unit_between(self, match: re.Match) -> str:
        """The unit of `3,5-mm-Klinke`."""
        return f" {self.language.units[match['unit']][0]} "

    def per_unit(self, match: re.Match) -> str | None:
        """The second unit of `5 mmol/l`, unless both are one in the table."""
        if not match["first"] and match["unit"] not in PER_UNITS:
            # 12/A is a house.
            return None
        joined = f"{match['first']}/{match['unit']}"
        return (
            None if joined in self.language.units else f" {self.language.per} {self.language.units[match['unit']][0]}"
        )

    def compound_unit(self, match: re.Match) -> str:
        """`a 5-km run` has one kilometer."""
        return f"{self.words(self.value(match['number']))} {self.language.units[match['unit']][0]}"

    def feet(self, match: re.Match) -> str:
        """`6'2"`: feet and inches in English and German, minutes and seconds in other languages."""
        feet, inches = int(match["feet"]), int(match["inches"])
        if "ft" in self.language.units or self.language.family == "de":
            return f"{self.words(feet)} {self.language.units.get('ft', ('', 'Fuß'))[1]} {self.words(inches)}"
        units = [(feet, self.language.units.get("min")), (inches, self.language.units.get("s"))]
        return " ".join(f"{self.counted(n, u[0])} {u[n != 1]}" if u else self.words(n) for n, u in units)

    def fraction(self, match: re.Match) -> str | None:
        """`3/4`; of two numbers that are no fraction, `24/7`, one after the other."""
        top, bottom = int(match["top"]), int(match["bottom"])
        if self.is_rating(match):
            return f"{self.words(top)} {self.language.out_of} {self.words(bottom)}"
        if (spoken := self._fraction(top, bottom)) is None:
            between = f" {self.language.out_of} " if top == bottom in (5, 10, 20) else " "
            return f"{self.words(top)}{between}{self.words(bottom)}"
        return f"{self.language.and_} {spoken}" if re.search(r"\d\s$", before(match)) else spoken

    @staticmethod
    def is_rating(match: re.Match) -> bool:
        """Whether a number over five or ten is a mark that somebody gives, `I rate it 7/10`."""
        of = re.match(r"\s(?:of|der|des|de|du|di|del|dei|do|da)\b", after(match))
        return match["bottom"] in ("5", "10") and not of and bool(RATED.search(before(match)))

    def _fraction(self, top: int, bottom: int) -> str | None:
        """A fraction in words; None for two numbers that are none, such as 24/7."""
        whole = bottom <= 10 or bottom in (12, 16, 20, 32, 50, 64) or top == 1 and bottom >= 100
        if not 0 < top < bottom or not whole:
            return None
        if (sign := COMMON_FRACTIONS.get((top, bottom))) in self.language.fractions:
            return self.language.fractions[sign]
        if self.language.family == "en":
            return f"{self.words(top)} {self.words(bottom, 'ordinal')}{'s' if top > 1 else ''}"
        if self.language.family == "de":
            return f"{self.counted(top, '')} {self.words(bottom, 'ordinal')[:-1].capitalize()}el"
        return f"{self.words(top)} {self.words(bottom)}"

    def meters(self, match: re.Match) -> str:
        """`1,80 m`."""
        one, many = self.language.units["m"]
        meters = int(match["meters"])
        return f"{self.counted(meters, one)} {one if meters == 1 else many} {self.words(int(match['centimeters']))}"

    def out_of(self, match: re.Match) -> str:
        """`4.5/5`."""
        number, most = self.value(match["number"]), self.value(match["most"])
        return f"{self.words(number)} {self.language.out_of} {self.words(most)}"

    def fraction_of_unit(self, match: re.Match) -> str | None:
        """`1/2 tsp` and `2 1/2 tsp`."""
        sign = match["sign"] and next(parts for parts, sign in COMMON_FRACTIONS.items() if sign == match["sign"])
        top, bottom = sign or (int(match["top"]), int(match["bottom"]))
        if match["inches"] and (self.ends_quotation(match) or "″" not in self.language.units):
            return None
        spoken, (one, many) = self._fraction(top, bottom), self.language.units[match["unit"] or "″"]
        if spoken is None:
            # 98/100 Pkt.
            rated = match["unit"] in ("Pkt.", "pts") and not match["whole"]
            return f"{self.words(top)} {self.language.out_of} {self.words(bottom)} {many}" if rated else None
        if match["whole"]:
            return self.whole_and_part(int(match["whole"]), spoken, one, many)
        if self.language.family == "de" and (top, bottom) == (1, 2):
            neuter = re.search(r"(?:gramm|Watt|Volt|byte|Pfund|Stück)$", one, re.IGNORECASE)
            spoken = "eine halbe" if one.endswith("e") else "ein halbes" if neuter else "ein halber"
        return self.part_of(spoken, top, one)

    def whole_and_part(self, whole: int, fraction: str, one: str, many: str) -> str:
        """`2 1/2 tsp`."""
        return f"{self._mixed(whole, fraction)} {many}"

    def _mixed(self, whole: int, fraction: str) -> str:
        if fraction == "ein halb":
            return re.sub("eins$", "ein", self.words(whole)) + "einhalb"
        return f"{self.words(whole)} {self.language.and_} {fraction}"

    def and_a_half(self, match: re.Match) -> str:
        """The German `2½`."""
        return self._mixed(int(match["whole"]), self.language.fractions["½"])

    @staticmethod
    def ends_quotation(match: re.Match) -> bool:
        """Whether the sign `"` at the end of a match closes what another one has opened."""
        text = match.string[max(0, match.start() - MAX_QUOTATION) : match.start()]
        _, *quoted = re.split(r'(?:^|[\s(])"(?=\w)', text)
        opened = bool(re.search(r'(?:^|[\s(])"$', text)) or bool(quoted and '"' not in quoted[-1])
        return match[0].endswith('"') and opened

    def part_of(self, fraction: str, top: int, unit: str) -> str:
        """A fraction of a unit, `one half teaspoon`."""
        return f"{fraction} {unit}"

    def fraction_sign(self, match: re.Match) -> str | None:
        """`½`, joined to a number before it."""
        spoken = self.language.fractions.get(match[0])
        after_number = spoken and re.search(r"\d\s?$", before(match))
        return f"{self.language.and_} {spoken}" if after_number else spoken

    # -- money and measures ---------------------------------------------------------------------------------------

    def money(self, match: re.Match) -> str:
        """`$3.50`, `1,2 Mrd. €`."""
        one, many, cent, cents = self.language.currencies[match["unit"]]
        value = self.amount(match)
        if match["magnitude"]:
            name = self.language.magnitudes[match["magnitude"]]
            amount = self.language.single.get(name) if value == 1 and self.language.single else None
            noun = one if self._describes(match) else many
            return f"{self.sign_of(match)}{amount or f'{self.words(value)} {name}'} {noun}"
        units, _, part = str(value).partition(".")
        if len(part) != 2:
            return self.quantity(match, one, many)
        hundredths = f"{self.counted(int(part), cent)} {cent if int(part) == 1 else cents}"
        whole = self.value(units or "0")
        if whole == 0:
            return self.sign_of(match) + hundredths
        amount = f"{self.sign_of(match)}{self.counted(whole, one)} {one if whole == 1 else many}"
        if int(part) == 0:
            return amount
        return (
            f"{amount} {self.words(int(part))}"
            if self.language.family == "de"
            else f"{amount} {self.language.and_} {hundredths}"
        )

    def amount(self, match: re.Match) -> int | str:
        """A sum; dollars are often written in their own way, `$1,000`."""
        own = "$" in (match.groupdict().get("unit") or "") and re.fullmatch(r"[1-9]\d{0,2}(?:,\d{3})+", match["number"])
        return int(match["number"].replace(",", "")) if own else self.value(match["number"])

    def compound_money(self, match: re.Match) -> str:
        """`a $20-bill`."""
        return f"{self.words(self.value(match['number']))}-{self.language.currencies[match['unit']][0]} "

    def even_money(self, match: re.Match) -> str:
        """`5,- €`."""
        if not match["unit"]:
            return self.words(self.value(match["number"]))
        one, many = self.language.currencies[match["unit"]][:2]
        return self.quantity(match, one, many)

    def percent(self, match: re.Match) -> str:
        """`5 %`, `3 ‰`."""
        name = self.language.percent if match["unit"] == "%" else self.language.symbols.get("‰", "")
        return self.quantity(match, name, name)

    def percentage(self, match: re.Match) -> str:
        """The German adjective, `50%ige`."""
        return f"{self.words(self.value(match['number']))}prozent{match['ending']}"

    def unit(self, match: re.Match) -> str | None:
        """`12 km`, `8+ hrs`."""
        one, many = self.language.units[match["unit"]]
        if match[0].endswith("A") and match[0][-2].isdigit():
            # A seat, a house.
            return None
        if "plus" in match.re.groupindex and match["plus"]:
            return f"{self.words(self.value(match['number']))} {self.language.symbols.get('+', '+')} {many}"
        return self.quantity(match, one, many)
