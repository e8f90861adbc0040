"""Written text as it is spoken: numbers, money, dates, times, units, abbreviations, addresses and emoji become words.

What is only structure, such as Markdown, is taken out first ([`read_markup`]). Then rules are tried in the order of
`Normalizer.rules`, each on the whole text; what one has taken the later ones leave alone, and the last ones read every
digit that is left. Every character of the result knows the stretch of the written text it stands for, so that times can
be given for the words that the user wrote. Number words come from num2words, names of emoji from the package
emoji.
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from .languages_german_tts_trm import GERMAN_COUNTED
from .languages_tts_trm import FILE_ENDINGS, Language
from .normalization_numbers_tts_trm import DASH, DIGIT, NumberRules, Say, WrittenRule
from .verbalization_tts_trm import LETTER, any_of
from .verbalization_words_tts_trm import SILENT

EMOJI = "[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u2b55]"
MODIFIER = f"(?:\ufe0f|[\U0001f3fb-\U0001f3ff]|\u200d{EMOJI})"


class SpokenText(NamedTuple):
    """A text in words, and for each of its characters the stretch `(start, end)` of the written one."""

    text: str
    origins: list[tuple[int, int]]


def _constant(words: str, match: re.Match) -> str:
    return words


class Rule(NamedTuple):
    """A rule made ready."""

    pattern: re.Pattern
    say: Say
    needed: frozenset[str] = frozenset()
    also_needed: frozenset[str] = frozenset()


class Normalizer(NumberRules):
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
        if language.family == "en":
            days += r"|\b(?:Tues?|Thu(?:rs?)?|Fri)\b"
        months = rf"\b(?:{any_of(language.short_months)})\s?-" if language.short_months else r"(?!)"
        self.last_word = re.compile(
            rf"\b(?:[ivxlc]{{2,}}|[vx])\b|(?<!\w)(?:{any_of(short)})(?!\w)|\b[IVXLCDM]+\b"
            rf"|{titles}|{days}|{months}|\w\.\w|\w  *- *\w\b.*=|[a-zà-öø-ÿ][A-ZÀ-ÖØ-Þ]|\b[A-F]-\s"
            # An abbreviation: a small letter behind its dot, or no vowel in it.
            r"|\.\s[a-zß-öø-ÿ]|\b[b-df-hj-np-tv-xz]{1,4}\.\s"
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
            (r"(?<!\w)[ST](?P<season>\d{1,2})E(?P<episode>\d{1,2})(?!\w)", self.episode, DIGIT),
            (rf"(?<=\()(?P<party>[DRI])-(?P<state>{any_of(language.states)})(?=\))", self.senator, "-"),
            (
                rf"(?<!\w)(?:{nth}\.?\s)?(?P<book>{any_of(language.books)})\.?\s"
                r"(?P<chapter>\d{1,3})\s?[:,]\s?(?P<verse>\d{1,3})(?:\s?[-–]\s?(?P<last>\d{1,3}(?:[:,]\d{1,3})?))?(?![\w:])"
                rf"(?!\s?(?:[%€]|(?:{any_of(language.units)})(?!\w)))",
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
                rf"(?<![\w.])(?P<short>{any_of(language.before_number)})(?=\s?(?:\d|[IVX]{{2,}}\b|[VX]\b|I(?=[,.;:)]|\s[ad]\.)|[nN]\.?[º°]?\.?\s?\d"
                r"|(?<=[Nn]o\.\s)[A-Z]{1,4}[- ]?\d))",
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
            (
                rf"(?<!\w){day}(?=\s?(?:{DASH}|/)\s?(?:{days})\b|\s(?:&|and|or|und|oder|u\.)\s(?:{days})\b)",
                self.weekday,
            ),
            (rf"(?<!\w)(?P<from>(?:{days})\.?)\s?(?P<take>{DASH}\s?(?P<day>{days})\b\.?)", self.to_weekday),
            (
                rf"(?<!\w)(?:{days})(?:\.?\s(?:&|and|or|und|oder|u\.)\s|\.?/)(?P<take>(?P<day>{days}))\b(?!\.)",
                self.weekday,
            ),
            (rf"(?<!\w)(?P<take>(?P<day>{days})\.)(?=,|\s[a-zß-öø-ÿ])", self.weekday),
            (rf"(?<!\w){day}(?=,?\s\d|,\s(?:{months})\b)", self.weekday),
        ]
        if language.family == "en":
            last = rf"(?<!\w)(?:{days})(?:,\s(?:{days})){{0,5}},?\s(?:(?:and|or|&)\s)?(?P<take>(?P<day>{days}))\b"
            rules[:0] = [(last, self.weekday), (rf"(?<!\w){day}(?=,\s(?:(?:and|or)\s)?(?:{days})\b)", self.weekday)]
            # No other words begin with a capital and look like these.
            rules.append((r"(?<![\w'’.-])(?P<take>(?P<day>Tues?|Thu(?:rs?)?|Fri))(?![\w'’.-])", self.weekday))
        if language.before_weekday:
            last = rf"(?<!\w)(?:{language.before_weekday})(?P<take>(?P<day>{days})\.)(?!\w)"
            rules.insert(3, (last, self.last_weekday))
        return rules

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
                rf"(?<!\w)(?:{any_of(language.rulers)})s?,?\s(?:der|die|des|dem|den)\s(?P<take>(?P<roman>[IVXLC]+)\.?)(?!\w)"
                if language.family == "de"
                else "",
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
