"""What a language's table holds: how it writes and says numbers, money, dates, units and abbreviations.

What all languages share, such as the shapes of telephone numbers, comes first.

The tables are in `languages_english_tts_trm.py`, `languages_german_tts_trm.py` and the other `languages_*` files. In a
language without a table, numbers are spoken by the library, and the rest is left as it is written.
"""

from dataclasses import dataclass, field

FILE_ENDINGS = (
    "txt|pdf|docx?|xlsx?|pptx?|csv|json|xml|html?|css|js|ts|py|md|zip|gz|exe|dll|jpe?g|png|gif|svg|mp3|mp4|wav|flac|ogg"
    "|sh|ya?ml|ini|cfg|log|sql|cpp|java|tar|bat|iso|apk"
)
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
    r"\d{3}\.\d{3}\.\d{3}-\d{2}",
    r"\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}",
    r"(?<!\d )00\d{1,3}(?: \d{2,}){1,5}",
)
# Telephone numbers as the countries of one language write them.
COUNTRY_TELEPHONES = {
    "fr": (r"0\d(?:[ .-]?\d\d){4}", r"\+33[ .]?(?:\(0\))?\d(?:[ .]?\d\d){4}"),
    "es": (r"[6789]\d{2} \d{3} \d{3}", r"[6789]\d{2}(?: \d\d){3}", r"9\d \d{3} \d\d \d\d", r"[679]\d{8}"),
    "it": (
        r"0\d{1,3}[ /.-]\d{5,8}",
        r"3\d{2}[ /-]?\d{3}[ ]?\d{3,4}",
        r"3\d{2}(?: \d\d){3}(?:\d)?",
        r"80\d \d{3} \d{3}",
    ),
    "pt": (r"\(?\d{2}\)? ?9? ?\d{4}-\d{4}", r"0800(?: \d{3}){2}(?:\d)?", r"9?\d{4}-\d{4}"),
}
# Digits after these words are those of a telephone, however they are grouped.
CALLED = (
    "(?i:call|dial|phone|telephone|tel|fax|text|mobile|ring|hotline"
    "|anrufen|rufen|rufe?|ruft|wählen?|wählt|notruf|telefon|fon|handy|mobil|nummer)"
)
# And after these, what somebody types.
CODE_WORDS = (
    r"(?i:PIN|OTP|PLZ|CEP|zip(?: code)?|postcode|code postal|passcode|password"
    r"|(?:verification|security|access|confirmation|door|your|the|one-time) code"
    r"|Passwort|(?:der |dein |ihr |Zugangs|Bestätigungs|Sicherheits)-?code|card ending|ending in"
    "|ends in|Endung|endet auf|code|código|codice|(?:se )?terminant par|terminad[ao] en|che termina con|com final)"
)


@dataclass(frozen=True)
class Language:
    """What the rules need to know of a language; words as they are spoken, keys as they are written."""

    # ISO 639-1, with a country where it is written and read otherwise there: `en-gb`.
    code: str
    # Its name in num2words, where that is another.
    number_words: str = ""
    # Separators in numbers.
    thousands: str = ","
    decimal: str = "."
    # How the decimal separator is said.
    point: str = "point"
    minus: str = "minus"
    # Word for a range.
    to: str = "to"
    # Word between the sides of 30x40.
    by: str = "by"
    # Words between a rating and the best one, 4.5/5.
    out_of: str = "out of"
    # Word for a score such as 3:2.
    score: str = "to"
    percent: str = "percent"
    and_: str = "and"
    # Pattern with the group `number`.
    ordinal: str = ""
    decade: str = ""
    # Pattern with the group `day`: the first of two days of a month, with the dash.
    day_range: str = ""
    # Patterns with the group `days` and MONTH: several days of one month.
    days: tuple[str, ...] = ()
    # Pattern with the group `number`: a code that is read digit by digit.
    postal: str = ""
    # Short and long names of the books of the Bible, before `3:16`; words for the first of them, the second and so on.
    books: dict[str, str] = field(default_factory=dict)
    first_books: tuple[str, ...] = ()
    # Patterns and what is said for them, before all else.
    phrases: tuple[tuple[str, str], ...] = ()
    # Patterns with some of `day`, `month`, `year`; MONTH stands for a month's name.
    dates: tuple[str, ...] = ()
    # Patterns with `hour`, `minute` and `half` (a or p).
    times: tuple[str, ...] = ()
    # That end an address without www.
    domains: str = "com|org|net|io|edu|gov|ai|app|dev|eu|info|de|uk"
    months: tuple[str, ...] = ()
    short_months: tuple[str, ...] = ()
    # One, many; one hundredth, many.
    currencies: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)
    # 5 M, 5 Mio.
    magnitudes: dict[str, str] = field(default_factory=dict)
    # Magnitudes of exactly one: un millón.
    single: dict[str, str] = field(default_factory=dict)
    # Singular and plural.
    units: dict[str, tuple[str, str]] = field(default_factory=dict)
    fractions: dict[str, str] = field(default_factory=dict)
    # In any place; what needs a number or a name behind it is below.
    abbreviations: dict[str, str] = field(default_factory=dict)
    before_number: dict[str, str] = field(default_factory=dict)
    # Before a name, with and without a dot.
    titles: dict[str, str] = field(default_factory=dict)
    # Abbreviations whose dot also ends the sentence where one of the starters follows.
    may_end: frozenset[str] = frozenset()
    starters: frozenset[str] = frozenset()
    # Short forms, with and without a dot; they are read beside a number, another day or a comma.
    weekdays: dict[str, str] = field(default_factory=dict)
    # Pattern of what stands before a short form with a dot at the end of a sentence.
    before_weekday: str = ""
    # Of which a code of five digits may follow; and the older short forms, with a dot, behind a city and a comma.
    states: dict[str, str] = field(default_factory=dict)
    short_states: dict[str, str] = field(default_factory=dict)
    # Before a Roman numeral that is no ordinal, and names that have one.
    counted_words: frozenset[str] = frozenset()
    rulers: frozenset[str] = frozenset()
    # Names of letters.
    letters: dict[str, str] = field(default_factory=dict)
    # Capitals that are read as words: acronyms, and short words that somebody stresses.
    read_as_words: frozenset[str] = frozenset()
    # Pattern of those that are read as words by their sound, and exceptions that are spelled.
    pronounceable: str = ""
    read_as_letters: frozenset[str] = frozenset()
    # In words: one over another, and what stands before a name with @ or #.
    per: str = "per"
    handle: str = "at"
    # Of a series, S02E07.
    episodes: tuple[str, str] = ("season", "episode")
    hashtag: str = "hashtag"
    # The keys of a telephone, `*` and `#`.
    keys: tuple[str, str] = ("star", "hash")
    factorial: str = "factorial"
    # Signs of arithmetic between numbers.
    signs: dict[str, str] = field(default_factory=dict)
    symbols: dict[str, str] = field(default_factory=dict)

    @property
    def family(self) -> str:
        """The code without a country."""
        return self.code.split("-")[0]


def unit_table(table: str) -> dict[str, tuple[str, str]]:
    """`km=kilometer|kilometers; ...`: by sign the words for one and for many."""
    rows = (row.strip().partition("=") for row in table.split(";"))
    return {sign: (words.split("|")[0], words.split("|")[1]) for sign, _, words in rows}


def table(rows: str) -> dict[str, str]:
    """`Mr.=Mister; ...`"""
    pairs = (row.strip().partition("=") for row in rows.split(";") if row.strip())
    return {written: " ".join(spoken.split()) for written, _, spoken in pairs}


def in_any_case(rows: str) -> dict[str, str]:
    """A table of abbreviations, which may also begin a sentence."""
    spoken = table(rows)
    capital = {written[0].upper() + written[1:]: words for written, words in spoken.items() if len(written) > 2}
    # A name, far more often.
    capital.pop("Max.", None)
    return capital | spoken


def directions(rows: str) -> tuple[tuple[str, str], ...]:
    """`N=north; ...`: phrases for the letter behind degrees, minutes or seconds."""
    return tuple(
        (
            rf"(?:\d(?:[°′″]\s?|['\"]{{1,2}})|°\s?\d\d?['′]\s|['′]\s?\d\d?(?:[.,]\d{{1,4}})?[\"″]\s)(?P<take>{letter})(?![\w-])",
            word,
        )
        for letter, word in table(rows).items()
    )


def names_of(rows: str) -> dict[str, str]:
    """`Genesis Gen; ...`: by each of the words of a row the first one."""
    return {word: row.split()[0] for row in rows.split(";") for word in row.split()}


def letter_names(names: str) -> dict[str, str]:
    """Of the 26 letters, in their order; `_` is a space inside a name."""
    spoken = (name.replace("_", " ") for name in names.split())
    return dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", spoken, strict=True))
