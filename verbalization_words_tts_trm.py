"""How a language says what is not a number: titles, abbreviations, Roman numerals, addresses, signs, formulas."""

import re
import unicodedata

from .languages_english_tts_trm import ENGLISH_PARTICLES
from .languages_german_tts_trm import GERMAN_DATIVES
from .languages_tts_trm import Language
from .verbalization_time_tts_trm import TimeWords
from .verbalization_tts_trm import MAX_DIGITS, after, any_of, before, spelled

# Without it emoji have their English names.
try:
    import emoji
except ImportError:
    emoji = None  # type: ignore[assignment]

# Before the name of a person: titles in six languages, and first names that no ruler has.
PERSONS = (
    "King|Queen|Pope|Emperor|Empress|Prince|Princess|Tsar|Czar|Sultan|Pharaoh|Duke|Shah|Saint|St|Mr|Sir|Lord"
    "|König|Königin|Papst|Kaiser|Kaiserin|Zar|Pharao|Herzog|Fürst|Prinz|[Rr]oi|[Rr]eine|[Pp]ape|[Ee]mpereur|[Pp]haraon"
    "|[Rr]ey|[Rr]eina|[Pp]apa|[Ee]mperador|[Ee]mperatriz|[Ff]araón|[Ss]ultán|[Zz]ar|[Rr]e|[Rr]egina|[Ii]mperatore|[Ff]araone"
    "|[Rr]ei|[Rr]ainha|[Ii]mperador|[Ii]mperatriz|[Ff]araó|[Ss]ultão|[Cc]zar|[Dd]om|[Dd]on|[Dd]uque|[Dd]uca"
    "|Thomas|Samuel|Walter|Harry|Frank|Albert|Arthur|Alfred|David|Michael|Daniel|Stephen|Thurston|Martin|Harold|Howard"
)
# Units of which somebody takes two times so much, and a race, `4x100 m`.
DOSES = frozenset("mg g kg µg μg ml mL cl l L".split())
RELAY = re.compile(r"4\s?[x×]\s?[124]00\s?m\b")
NUMERAL = re.compile(r"\d(?:[\d.,'’ ]*\d)?")
ROMAN_DIGITS = {
    **{"M": 1000, "CM": 900, "D": 500, "CD": 400, "C": 100, "XC": 90, "L": 50, "XL": 40},
    **{"X": 10, "IX": 9, "V": 5, "IV": 4, "I": 1},
}
# Of an address or a file's ending, what is said letter by letter.
CONSONANTS = re.compile("[b-df-hj-np-tv-xzB-DF-HJ-NP-TV-XZ]{1,6}")
# Marks that nobody reads aloud.
SILENT = "*_`|^~™®©•·←→↑↓■□●○★☆♪{}[]\\\u200d\ufe0f¹†‡¶"


class SpokenWords(TimeWords):
    """The words of one language for a match of a rule; see [`NumberWords`]."""

    def __init__(self, language: Language) -> None:
        super().__init__(language)
        self.person = re.compile(rf"\b(?:{PERSONS}|{any_of(language.rulers)})\s(?:[A-ZÀ-Þ][\w.-]*\s){{0,2}}$")

    def weekday(self, match: re.Match) -> str:
        """`Mon`"""
        return self._day_name(match)

    def _day_name(self, match: re.Match) -> str:
        day = match["day"]
        return self.language.weekdays.get(day) or self.language.weekdays[day.lower()]

    def last_weekday(self, match: re.Match) -> str:
        """With a dot that ends the sentence, unless it goes on."""
        ended = not re.match(r"\s*[a-z\d,;:&–-]", after(match))
        return self._day_name(match) + ("." if ended else "")

    def state(self, match: re.Match) -> str:
        """`St. Louis, Mo.`"""
        return self._with_end(self.language.short_states[match["state"]], match)

    def dialled(self, match: re.Match) -> str:
        """`*67#`"""
        names = dict(zip("*#", self.language.keys, strict=True))
        return " ".join(names.get(each) or self.digits(each) for each in match["code"])

    def senator(self, match: re.Match) -> str:
        """`(D-CA)`, the party and the state of a member of Congress."""
        return f"{spelled(match['party'])}, {self.language.states[match['state']]}"

    def to_weekday(self, match: re.Match) -> str:
        """The dash and the second day of `Mon-Fri`."""
        return f" {self.language.to} {self._day_name(match)}"

    def handle(self, match: re.Match) -> str:
        """`@anna_b` and `#TwoWords`."""
        name = re.sub(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])|_+|(?<=\D)(?=\d)", " ", match["name"]).strip()
        name = re.sub(r"\d+", lambda number: self.words(int(number[0][:MAX_DIGITS])), name)
        return f"{self.language.handle if match['mark'] == '@' else self.language.hashtag} {name}"

    def title(self, match: re.Match) -> str | None:
        """A title before a name; at the end of a sentence its dot is one, and `St` is a street behind a name."""
        name, rest = match["name"], after(match)
        if f"{name}." in self.language.before_number and re.match(r"\s?(?:\d|[IVXLC]+\b)", rest):
            return None
        ended = match[0].endswith(".") and not re.match(r"\s*\S", rest)
        begins = re.match(rf"\s(?:{any_of(self.language.starters)})\b", rest)
        if (
            name == "St"
            and self.language.family == "en"
            and re.search(r"\b(?:[A-Z][a-z]+(?:['’]s)?|\d+(?:st|nd|rd|th)) $", before(match))
        ):
            if begins or not re.match(r"\s[A-Z]", rest):
                dot = match[0].endswith(".") and (ended or begins)
                return "Street." if dot else "Street"
        elif name == "Dr" and self.language.family == "en" and self._street(match):
            return "Drive." if ended or begins else "Drive"
        elif match[0] == "St" and not re.match(r"\s[A-Z]", rest):
            return None
        if not match[0].endswith(".") and (begins or self.language.family == "de" and name in ("Fr", "St")):
            return None if name not in ("Dr", "Mr", "Mrs", "Ms", "Prof") else self.language.titles[name]
        return self.language.titles[name] + ("." if ended else "")

    @staticmethod
    def _street(match: re.Match) -> bool:
        """Whether the name of a street stands before a match."""
        if re.search(r"\d (?:[A-Z][a-z]+ )+$", before(match)):
            return True
        name = re.search(r"\b(?:along|at|down|from|near|of|off|on|to|up) (?:[A-Z][a-z]+ )+$", before(match))
        return bool(name) and not re.match(r"\s[A-Z]", after(match))

    def counted_abbreviation(self, match: re.Match) -> str:
        """`No.` before a number."""
        return self.language.before_number[match["short"]]

    def dotted(self, match: re.Match) -> str | None:
        """`U.S.A.`: letters, unless it is an abbreviation of the table."""
        if match[0] in self.language.abbreviations:
            return None
        return self._with_end(spelled(match["letters"]) + (match["plural"] or ""), match)

    def abbreviation(self, match: re.Match) -> str | None:
        """An abbreviation of the table; its dot may end the sentence, too."""
        units, magnitudes = self.language.units, self.language.magnitudes
        measured = match[0] in units or match[0].rstrip(".") in units or match[0] in magnitudes
        if measured and re.search(r"(?:[\d½⅓⅔¼¾]\s?|[\w€$]/)$", before(match)):
            # `30 min.` at the end of a sentence, `15 €/Std.`
            return None
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
        ruler = base in self.language.rulers or self.is_person(before(match), bool(match["dot"]), after(match))
        alone = len(written) == 1
        if written == "I" and not re.match(r"\s*(?:$|[.,;:!?)\n])|\s(?:of|was|is|von|war|und|and)\b", after(match)):
            ruler = ruler and bool(match["dot"])
        if (alone and not ruler) or (not ruler and number > 39):
            return None
        if ruler:
            return self._ruler(number, name, match)
        # Rocky IV, Apollo XI.
        return self.words(number) + ("." if match["dot"] else "")

    def is_person(self, text: str, dot: bool, rest: str) -> bool:
        """Whether the name behind `text` is that of a person: a title or a first name stands before it.

        In German a dot is the mark of an ordinal, if the sentence continues behind it.
        """
        ordinal = self.language.family == "de" and dot and bool(re.match(r"\s+[a-zß-öø-ÿ]", rest))
        return ordinal or bool(self.person.search(text))

    def counted_roman(self, match: re.Match) -> str | None:
        """`Vol. III`."""
        number = self._roman(match["roman"])
        return None if number is None else self.words(number)

    def clause(self, match: re.Match) -> str | None:
        """The second part of `4(b)(ii)`; a single letter stays one, `4(i)`."""
        number = self._roman(match["roman"])
        return f" ({self.words(number)})" if number and len(match["roman"]) > 1 else None

    def _ruler(self, number: int, name: str, match: re.Match) -> str | None:
        """`the eighth`; in German the dot behind it belongs to the number, unless the text ends there."""
        if self.language.family not in ("en", "de"):
            return None
        spoken, rest = self.words(number, "ordinal"), after(match)
        ended = match["dot"] and (
            self.language.family == "en" or re.match(rf"\s*$|\s+(?:{any_of(self.language.starters)})\b", rest)
        )
        dot = "." if ended and not re.match("[,;:]", rest) else ""
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
        word = re.search(r"(\w+)\s$", match.string[max(0, match.start("roman") - 12) : match.start("roman")])
        article = word[1].lower() if word else ""
        if article in GERMAN_DATIVES:
            return f"{spoken}n"
        if not article and match[0].endswith(("Jahrhundert", "Jh")):
            return f"{spoken}s"
        return spoken if article in ("der", "die", "das", "diese", "jede") else self._ending(spoken, match, "r")

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
        if match[0] in "µμ":
            return "micro" if re.match(r"[A-Za-z]", after(match)) else "mu"
        return unicodedata.name(match[0], "").split(" LETTER ")[-1].removeprefix("FINAL ").lower()

    def formula(self, match: re.Match) -> str:
        """The elements of `H₂SO₄`."""
        return spelled(match[0])

    def minus_in_formula(self, match: re.Match) -> str | None:
        """`x = 3y - 1`."""
        return f" {self.language.minus} " if "=" in before(match) + after(match) else None

    def file_ending(self, match: re.Match) -> str:
        """`.txt`, letter by letter where it cannot be spoken."""
        ending = match["ending"]
        return f" {self.language.symbols.get('.', '.')} {spelled(ending) if CONSONANTS.fullmatch(ending) else ending}"

    def colon(self, match: re.Match) -> str:
        """The colon before the port of an address."""
        return f" {self.language.symbols.get(':', ':')} "

    def power(self, match: re.Match) -> str:
        """`m²`"""
        return self.power_of(2 if match[0] == "²" else 3)

    def power_of(self, exponent: int) -> str:
        """What stands behind the base of a square or a cube."""
        if self.language.family == "de":
            return " Quadrat" if exponent == 2 else " hoch drei"
        return " squared" if exponent == 2 else " cubed"

    def address(self, match: re.Match) -> str:
        """`www.example.com/a?b=1`, an e-mail address or a path: its words, and its signs by name."""
        text = re.sub(r"^(?:https?://|~)", "", match[0]).rstrip("/")
        spoken = []
        for part in re.findall(r"\d+|[^\W\d_]+|[\W_]", text):
            if part.isdecimal():
                spoken.append(self.words(int(part)) if len(part) <= 4 and part[0] != "0" else self.digits(part))
            elif part.isalpha() and (len(part) == 1 or CONSONANTS.fullmatch(part)):
                spoken.append(spelled(part))
            else:
                spoken.append(self.language.symbols.get(part, " " if part in SILENT else part))
        return " ".join(spoken)

    def symbol(self, match: re.Match) -> str:
        """A sign on its own, `&`."""
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

    # -- formulas --------------------------------------------------------------------------------------------------

    def arithmetic(self, match: re.Match) -> str | None:
        """`5-3=2`: every sign between numbers is one of reckoning."""
        if not re.search(r"[=*×·÷^−]", match[0]):
            return None
        spoken = []
        for part in re.findall(r"\d[\d.,'’]*(?<![.,])|\S", match[0]):
            spoken.append(self.words(self.value(part)) if part[0].isdigit() else self.language.signs.get(part, ""))
        return " ".join(filter(None, spoken))

    def exponent(self, match: re.Match) -> str:
        """`10⁶`."""
        digits = "".join(str(unicodedata.digit(each)) for each in match["exponent"])
        minus = f"{self.language.minus} " if match["minus"] else ""
        return f" {self.language.signs.get('^', '')} {minus}{self.words(int(digits))}"

    def factorial(self, match: re.Match) -> str:
        """`5! = 120`."""
        return f" {self.language.factorial}"

    def between(self, match: re.Match) -> str:
        """The bars of `1-0-1`, which is no range."""
        return ", "

    def divided(self, match: re.Match) -> str:
        """The bar of `n(n + 1)/2`."""
        return f" {self.language.signs.get('/', '')} "

    def molecule(self, match: re.Match) -> str | None:
        """`H2SO4`: its elements letter by letter, and how many of each; None for what may be a word, `COP26`."""
        if re.match(r"[A-Z]{3,}\d+$", match[0]):
            return None
        parts = re.findall(r"[A-Za-z]+|\d+", match[0])
        return " ".join(self.words(int(part)) if part.isdigit() else spelled(part) for part in parts)

    def dimensions(self, match: re.Match) -> str:
        """`30x40x50 cm`, `1.5" x 3.5"`."""
        numbers = [self.words(self.value(number)) for number in NUMERAL.findall(match[0].replace("x", " x "))]
        groups = match.groupdict()
        sign = "″" if groups.get("inches") else groups.get("unit")
        unit = f" {self.language.units[sign][1]}" if sign in self.language.units else ""
        # 2 x 500 mg, and a relay.
        counted = sign in DOSES or (self.language.family != "en" and RELAY.match(match[0]))
        return f" {self.language.signs.get('x') if counted else self.language.by} ".join(numbers) + unit

    # -- numbers that are codes -----------------------------------------------------------------------------------

    def version(self, match: re.Match) -> str | None:
        """`2.13.0`, and its stage: `2.13.0rc1`."""
        first, *others = match["numbers"].split(".")
        if self.language.thousands == "." and all(len(part) == 3 for part in others):
            return None  # a large number
        if len(others) > 1 and len(first) <= 3 and all(len(part) == 3 for part in others):
            # The points of another country.
            return self.words(int("".join((first, *others))))
        numbers = f" {self.language.symbols.get('.', 'point')} ".join(map(self.part, (first, *others)))
        if not match["stage"]:
            return numbers
        stage = match["stage"] if len(match["stage"]) > 2 else spelled(match["stage"])
        return f"{numbers} {stage} {self.part(match['build']) if match['build'] else ''}".rstrip()

    def part(self, digits: str) -> str:
        """A part of a code: a number, or its digits where it begins with zero or is too long for one."""
        return self.digits(digits) if digits[0] == "0" else self.words(digits)

    def digit_groups(self, match: re.Match) -> str | None:
        """A telephone number or an account: digits one by one, with a pause after each group."""
        written = match["take"] if "take" in match.re.groupindex else match[0]
        groups = re.findall(r"\d+", written)
        if sum(map(len, groups)) > 3 * MAX_DIGITS or (
            len(groups) > 1 and all(self.may_be_year(each) for each in groups)
        ):
            return None
        plus = f"{self.language.symbols.get('+', 'plus')} " if written.startswith("+") else ""
        return plus + ", ".join(self.digits(group) for group in groups)

    def characters(self, match: re.Match) -> str:
        """A hexadecimal code, one character after the other, with a pause after each group."""
        written = match["take"] if "take" in match.re.groupindex else match[0]
        return ", ".join(
            " ".join(self.words(int(each)) if each.isdecimal() else spelled(each) for each in group)
            for group in re.split("[ :-]", written)
        )

    def postal(self, match: re.Match) -> str:
        """A code behind the name of its state."""
        state = self.language.states[match["state"]]
        return f"{spelled(state) if len(state) == 3 and ' ' in state else state} {self.digits(match['code'])}"

    def verse(self, match: re.Match) -> str | None:
        """The beginning of `John 3:16-17`; from 9:00 to 5 are times."""
        last = re.match(r"\s?[-–]\s?(\d+)", after(match))
        if not last or int(last[1]) <= int(match["verse"]) or not re.search(r"[^\W\d_]{2,}\.?\s$", before(match)):
            return None
        return f"{self.words(int(match['chapter']))} {self.words(int(match['verse']))}"

    def book_verse(self, match: re.Match) -> str:
        """`1 Cor. 13:4-7`."""
        number = self.language.first_books[int(match["ordinal"]) - 1] if match["ordinal"] else ""
        chapter, verse = self.words(int(match["chapter"])), self.words(int(match["verse"]))
        end = " ".join(self.words(int(part)) for part in re.findall(r"\d+", match["last"] or ""))
        last = f" {self.language.to} {end}" if end else ""
        return f"{number} {self.language.books[match['book']]} {chapter} {verse}{last}".strip()

    def episode(self, match: re.Match) -> str:
        """`S02E07`"""
        season, episode = self.language.episodes
        return f"{season} {self.words(int(match['season']))}, {episode} {self.words(int(match['episode']))}"

    def lineage(self, match: re.Match) -> str:
        """`B.1.1.7`"""
        dot = self.language.symbols.get(".", ".")
        return f" {dot} ".join([spelled(match["letter"]), *map(self.part, match["numbers"].split("."))])

    def exponential(self, match: re.Match) -> str:
        """`10^-6`, `x^2`."""
        if not match["minus"] and match["exponent"] in ("2", "3"):
            return self.power_of(int(match["exponent"]))
        minus = f"{self.language.minus} " if match["minus"] else ""
        return f" {self.language.signs.get('^', '')} {minus}{self.part(match['exponent'])}"

    def scientific(self, match: re.Match) -> str:
        """`1.5e-3`."""
        signs, minus = self.language.signs, f"{self.language.minus} " if match["minus"] in ("-", "−") else ""
        power = (
            f"{signs.get('×', '')} {self.words(10)} {signs.get('^', '')} {minus}{self.words(int(match['exponent']))}"
        )
        return f"{self.words(self.value(match['number'].replace('.', self.language.decimal)))} {power}"

    def inches(self, match: re.Match) -> str | None:
        """`27"`, unless the sign ends a quotation."""
        if self.ends_quotation(match):
            return None
        one, many = self.language.units["″"]
        noun = re.match(r"[ -]([a-z]{3,})\b", after(match))
        describes = self.language.family == "en" and noun and noun[1] not in ENGLISH_PARTICLES
        return self.quantity(match, one, one if describes else many)
