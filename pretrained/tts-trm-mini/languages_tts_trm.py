"""How languages write and say numbers, money, dates, units and abbreviations: the tables of `normalization_tts_trm.py`.

A language without a table here still has its numbers spoken, by the library; the rest of it is left as it is written.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Language:
    """What the rules need to know of a language; words as they are spoken, keys as they are written."""

    # ISO 639-1, as num2words takes it.
    code: str
    thousands: str = ","  # separator in numbers
    decimal: str = "."
    # How the decimal separator is said.
    point: str = "point"
    minus: str = "minus"
    to: str = "to"  # in ranges
    score: str = "to"  # in 3:2
    percent: str = "percent"
    and_: str = "and"
    # Pattern with the group `number`.
    ordinal: str = ""
    decade: str = ""
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
    single: dict[str, str] = field(default_factory=dict)  # one of these
    units: dict[str, tuple[str, str]] = field(default_factory=dict)  # one, many
    fractions: dict[str, str] = field(default_factory=dict)
    abbreviations: dict[str, str] = field(default_factory=dict)
    # Abbreviations that may end a sentence before a capital.
    may_end: frozenset[str] = frozenset()
    # Before a Roman numeral that is no ordinal.
    counted_words: frozenset[str] = frozenset()
    letters: dict[str, str] = field(default_factory=dict)  # names of letters
    # Words in capitals that are said letter by letter though they have a vowel.
    spelled: frozenset[str] = frozenset()
    symbols: dict[str, str] = field(default_factory=dict)


def _letters(names: str) -> dict[str, str]:
    return dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", names.split(), strict=True))


ENGLISH = Language(
    code="en",
    ordinal=r"(?<![\w.,:/])(?P<number>\d+)(?:st|nd|rd|th)\b",
    decade=r"(?<!\w)['’]?(?P<century>\d\d)?(?P<decade>\d0)s\b",
    phrases=(
        (r"(?<=[a-z] )St\.(?=\s+[a-z]|[,;])", "Street"),
        (r"(?<=[a-z] )St\.(?=\s*$)", "Street."),
        (r"(?<=\d)x\b", "times"),
    ),
    dates=(
        r"(?<!\w)MONTH\.?\s(?P<day>\d{1,2})(?:st|nd|rd|th)?(?:,?\s(?P<year>\d{4})\b)?(?![\w:]|[.,/]\d)",
        r"(?<![\w.,])(?P<day>\d{1,2})(?:st|nd|rd|th)?\sMONTH(?:,?\s(?P<year>\d{4})\b)?(?!\w)",
        r"(?<!\w)MONTH\s(?P<year>\d{4})(?!\w)",
        r"(?<![\w/])(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}|\d\d)(?![\w/])",
    ),
    times=(
        r"(?<![\w:])(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?\s?(?P<half>[apAP])(?:\.m\.(?!\s*$|\s+[A-Z])|\.m|[mM](?!\w))",
        r"(?<![\w:])(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?![\w:])",
    ),
    months=tuple("January February March April May June July August September October November December".split()),
    short_months=tuple("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Sept".split()),
    currencies={
        "$": ("dollar", "dollars", "cent", "cents"),
        "€": ("euro", "euros", "cent", "cents"),
        "£": ("pound", "pounds", "penny", "pence"),
        "¥": ("yen", "yen", "sen", "sen"),
        "₹": ("rupee", "rupees", "paisa", "paise"),
        "USD": ("dollar", "dollars", "cent", "cents"),
        "EUR": ("euro", "euros", "cent", "cents"),
        "GBP": ("pound", "pounds", "penny", "pence"),
    },
    magnitudes={
        "k": "thousand",
        "K": "thousand",
        "M": "million",
        "m": "million",
        "bn": "billion",
        "B": "billion",
        "tn": "trillion",
        "million": "million",
        "billion": "billion",
        "trillion": "trillion",
        "thousand": "thousand",
    },
    units={
        "km/h": ("kilometer per hour", "kilometers per hour"),
        "m/s": ("meter per second", "meters per second"),
        "km": ("kilometer", "kilometers"),
        "cm": ("centimeter", "centimeters"),
        "mm": ("millimeter", "millimeters"),
        "m": ("meter", "meters"),
        "km²": ("square kilometer", "square kilometers"),
        "m²": ("square meter", "square meters"),
        "m³": ("cubic meter", "cubic meters"),
        "mi": ("mile", "miles"),
        "mph": ("mile per hour", "miles per hour"),
        "ft": ("foot", "feet"),
        "yd": ("yard", "yards"),
        "kg": ("kilogram", "kilograms"),
        "mg": ("milligram", "milligrams"),
        "g": ("gram", "grams"),
        "lb": ("pound", "pounds"),
        "lbs": ("pound", "pounds"),
        "oz": ("ounce", "ounces"),
        "l": ("liter", "liters"),
        "L": ("liter", "liters"),
        "ml": ("milliliter", "milliliters"),
        "°C": ("degree Celsius", "degrees Celsius"),
        "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
        "°": ("degree", "degrees"),
        "h": ("hour", "hours"),
        "hrs": ("hour", "hours"),
        "min": ("minute", "minutes"),
        "s": ("second", "seconds"),
        "ms": ("millisecond", "milliseconds"),
        "kB": ("kilobyte", "kilobytes"),
        "KB": ("kilobyte", "kilobytes"),
        "MB": ("megabyte", "megabytes"),
        "GB": ("gigabyte", "gigabytes"),
        "TB": ("terabyte", "terabytes"),
        "Hz": ("hertz", "hertz"),
        "kHz": ("kilohertz", "kilohertz"),
        "MHz": ("megahertz", "megahertz"),
        "GHz": ("gigahertz", "gigahertz"),
        "W": ("watt", "watts"),
        "kW": ("kilowatt", "kilowatts"),
        "kWh": ("kilowatt hour", "kilowatt hours"),
        "V": ("volt", "volts"),
        "dB": ("decibel", "decibels"),
        "px": ("pixel", "pixels"),
    },
    fractions={"½": "one half", "⅓": "one third", "⅔": "two thirds", "¼": "one quarter", "¾": "three quarters"},
    abbreviations={
        "Mr.": "Mister",
        "Mrs.": "Missus",
        "Ms.": "Miss",
        "Dr.": "Doctor",
        "Prof.": "Professor",
        "St.": "Saint",
        "Jr.": "Junior",
        "Sr.": "Senior",
        "Gen.": "General",
        "Col.": "Colonel",
        "Capt.": "Captain",
        "Lt.": "Lieutenant",
        "Sgt.": "Sergeant",
        "Rev.": "Reverend",
        "Hon.": "Honorable",
        "Gov.": "Governor",
        "Sen.": "Senator",
        "Mt.": "Mount",
        "Ave.": "Avenue",
        "Blvd.": "Boulevard",
        "Rd.": "Road",
        "vs.": "versus",
        "etc.": "et cetera",
        "e.g.": "for example",
        "i.e.": "that is",
        "approx.": "approximately",
        "dept.": "department",
        "est.": "established",
        "Inc.": "Incorporated",
        "Ltd.": "Limited",
        "Co.": "Company",
        "Corp.": "Corporation",
        "No.": "Number",
        "no.": "number",
        "Fig.": "Figure",
        "vol.": "volume",
        "Vol.": "Volume",
        "pp.": "pages",
        "p.": "page",
        "a.m.": "a m",
        "p.m.": "p m",
        "Ph.D.": "p h d",
        "U.S.": "u s",
        "U.K.": "u k",
    },
    may_end=frozenset(["etc."]),
    counted_words=frozenset("Act Book Chapter Part Phase Section Type Vol Volume War".split()),
    letters=_letters(
        "ay bee see dee ee eff gee aitch eye jay kay el em en oh pee cue ar ess tee you vee double-you ex why zee"
    ),
    spelled=frozenset("AI API CEO CIA CPU EU FAQ FBI GPU ID IP IQ OK UFO UK UN URL USA USB".split()),
    symbols={
        "&": "and",
        "+": "plus",
        "=": "equals",
        "@": "at",
        "%": "percent",
        "§": "section",
        "#": "number",
        "×": "times",
        "÷": "divided by",
        "~": "about",
        "<": "less than",
        ">": "greater than",
        ".": "dot",
        "/": "slash",
        "-": "dash",
        "_": "underscore",
        ":": "colon",
        "?": "question mark",
    },
)

GERMAN = Language(
    code="de",
    thousands=".",
    decimal=",",
    point="Komma",
    minus="minus",
    to="bis",
    score="zu",
    percent="Prozent",
    and_="und",
    ordinal=r"(?<![\w.,:/])(?P<number>\d+)\.(?=\s\w)",
    decade=r"(?<!\w)(?P<number>\d{4}|\d0)er\b",
    phrases=((r"(?<=\d)x\b", "mal"),),
    dates=(
        r"(?<![\w.,])(?P<day>\d{1,2})\.\s?MONTH\.?(?:\s(?P<year>\d{4})\b)?",
        r"(?<!\w)MONTH\s(?P<year>\d{4})(?!\w)",
        r"(?<![\w.])(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4}|\d\d)?(?![\d])",
    ),
    times=(
        r"(?<![\w:.,])(?P<hour>[01]?\d|2[0-4])(?:[:.](?P<minute>[0-5]\d))?\s?Uhr(?!\w)",
        r"(?<![\w:])(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?![\w:])",
    ),
    months=tuple("Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()),
    short_months=tuple("Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez".split()),
    currencies={
        "€": ("Euro", "Euro", "Cent", "Cent"),
        "EUR": ("Euro", "Euro", "Cent", "Cent"),
        "$": ("Dollar", "Dollar", "Cent", "Cent"),
        "USD": ("Dollar", "Dollar", "Cent", "Cent"),
        "£": ("Pfund", "Pfund", "Penny", "Pence"),
        "¥": ("Yen", "Yen", "Sen", "Sen"),
        "CHF": ("Franken", "Franken", "Rappen", "Rappen"),
    },
    magnitudes={
        "Tsd.": "tausend",
        "Mio.": "Millionen",
        "Mrd.": "Milliarden",
        "Millionen": "Millionen",
        "Milliarden": "Milliarden",
    },
    single={"Millionen": "eine Million", "Milliarden": "eine Milliarde", "tausend": "tausend"},
    units={
        "km/h": ("Kilometer pro Stunde", "Kilometer pro Stunde"),
        "m/s": ("Meter pro Sekunde", "Meter pro Sekunde"),
        "km": ("Kilometer", "Kilometer"),
        "cm": ("Zentimeter", "Zentimeter"),
        "mm": ("Millimeter", "Millimeter"),
        "m": ("Meter", "Meter"),
        "km²": ("Quadratkilometer", "Quadratkilometer"),
        "m²": ("Quadratmeter", "Quadratmeter"),
        "m³": ("Kubikmeter", "Kubikmeter"),
        "kg": ("Kilogramm", "Kilogramm"),
        "mg": ("Milligramm", "Milligramm"),
        "g": ("Gramm", "Gramm"),
        "t": ("Tonne", "Tonnen"),
        "l": ("Liter", "Liter"),
        "ml": ("Milliliter", "Milliliter"),
        "°C": ("Grad Celsius", "Grad Celsius"),
        "°": ("Grad", "Grad"),
        "h": ("Stunde", "Stunden"),
        "Std.": ("Stunde", "Stunden"),
        "min": ("Minute", "Minuten"),
        "Min.": ("Minute", "Minuten"),
        "s": ("Sekunde", "Sekunden"),
        "ms": ("Millisekunde", "Millisekunden"),
        "kB": ("Kilobyte", "Kilobyte"),
        "MB": ("Megabyte", "Megabyte"),
        "GB": ("Gigabyte", "Gigabyte"),
        "TB": ("Terabyte", "Terabyte"),
        "Hz": ("Hertz", "Hertz"),
        "kHz": ("Kilohertz", "Kilohertz"),
        "MHz": ("Megahertz", "Megahertz"),
        "GHz": ("Gigahertz", "Gigahertz"),
        "W": ("Watt", "Watt"),
        "kW": ("Kilowatt", "Kilowatt"),
        "kWh": ("Kilowattstunde", "Kilowattstunden"),
        "V": ("Volt", "Volt"),
        "dB": ("Dezibel", "Dezibel"),
    },
    fractions={"½": "ein halb", "⅓": "ein Drittel", "⅔": "zwei Drittel", "¼": "ein Viertel", "¾": "drei Viertel"},
    abbreviations={
        "z. B.": "zum Beispiel",
        "z.B.": "zum Beispiel",
        "d. h.": "das heißt",
        "d.h.": "das heißt",
        "u. a.": "unter anderem",
        "u.a.": "unter anderem",
        "o. ä.": "oder ähnlich",
        "bzw.": "beziehungsweise",
        "usw.": "und so weiter",
        "etc.": "et cetera",
        "ca.": "circa",
        "evtl.": "eventuell",
        "ggf.": "gegebenenfalls",
        "inkl.": "inklusive",
        "vgl.": "vergleiche",
        "Dr.": "Doktor",
        "Prof.": "Professor",
        "Hr.": "Herr",
        "Fr.": "Frau",
        "Nr.": "Nummer",
        "Str.": "Straße",
        "St.": "Sankt",
        "Abs.": "Absatz",
        "Art.": "Artikel",
        "Bd.": "Band",
        "Kap.": "Kapitel",
        "geb.": "geboren",
        "max.": "maximal",
        "min.": "minimal",
        "Tel.": "Telefon",
    },
    may_end=frozenset(["usw.", "etc."]),
    counted_words=frozenset("Akt Band Buch Kapitel Phase Teil Typ Weltkrieg".split()),
    letters=_letters("a be ze de e eff ge ha i jott ka ell emm enn o pe ku err ess te u vau we ix ypsilon zett"),
    spelled=frozenset("ADAC AG API CDU CPU CSU EDV EU FDP GPU ID IP IT KI SPD URL USA USB".split()),
    symbols={
        "&": "und",
        "+": "plus",
        "=": "gleich",
        "@": "at",
        "%": "Prozent",
        "§": "Paragraph",
        "#": "Nummer",
        "×": "mal",
        "÷": "geteilt durch",
        "~": "etwa",
        "<": "kleiner als",
        ">": "größer als",
        ".": "Punkt",
        "/": "Schrägstrich",
        "-": "Strich",
        "_": "Unterstrich",
        ":": "Doppelpunkt",
        "?": "Fragezeichen",
    },
)

LANGUAGES = {language.code: language for language in (ENGLISH, GERMAN)}
