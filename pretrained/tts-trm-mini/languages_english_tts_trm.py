"""The tables of American and British English.

The rules that read them are in `normalization_tts_trm.py`; `languages_tts_trm.py` says what a field means.
"""

from dataclasses import replace

from .languages_tts_trm import Language, directions, letter_names, names_of, table, unit_table

ROAD = r"(?:\bI-|\bUS-|\bUS |\b(?:Rte|Hwy|Rt)\.? |\b(?:Route|Highway|Interstate) )\d{1,3} "
DIGITS = "oh one two three four five six seven eight nine"
DIRECTIONS = {"N": "North", "S": "South", "E": "East", "W": "West"}
MONTHS = "(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*"
# Days of one month, `5-7` or `3, 5 and 7`.
NTH = r"\d{1,2}(?:st|nd|rd|th)?"
SOME_DAYS = rf"(?P<days>{NTH}(?:\s?[-–—]\s?|\sto\s){NTH}|{NTH}(?:,\s{NTH}){{0,5}},?\s(?:and|or|&)\s{NTH})"
STREETS = {
    "Ave": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Ln": "Lane",
    "Ct": "Court",
    "Pl": "Place",
    "Sq": "Square",
    "Pkwy": "Parkway",
    "Hwy": "Highway",
}
DATE = rf"(?:{MONTHS}\.?\s(?:\d\d?,?\s)?|\d\d?\s{MONTHS}\.?\s)"
# Whose parts are named by directions.
PLACES = (
    "Africa|America|Asia|Australia|Carolina|Dakota|England|Europe|Germany|Ireland|Korea|Macedonia|Pacific|Sudan"
    "|Timor|Vietnam|Virginia|Wales|Yemen|Yorkshire"
)

# Before a small v that is a numeral.
NOT_NUMBERED = "".join(f"(?<!{word} )" for word in "act Act book chapter Chapter page part Part section scene".split())
# Before `5p` that is a time.
NOT_TIMED = "".join(f"(?<!\\b{word} )" for word in "at by til till until from".split())
# Words after `a 5 km` that are not the noun.
ENGLISH_PARTICLES = (
    "and apart are away before but deep for from had has high into its long more off onto over per tall than that the "
    "thick was were wide with"
).split()
# What money is spent on.
ENGLISH_DEALS = (
    "acquisition bill bond bonus budget contract cut deal debt deficit donation fine fund gift grant hit investment "
    "loan lawsuit loss market note package plan prize program project question settlement stake valuation"
).split()

ENGLISH = Language(
    code="en",
    ordinal=r"(?<![\w.,:/])(?P<number>\d+(?:,\d{3})*)(?:st|nd|rd|th)\b",
    decade=(
        r"(?:(?:(?<=[Uu]nder[- ])|(?<=[Oo]ver[- ])|(?<=[A-Z]-))(?P<age>\d\d?)"
        r"|(?<!\w)(?<!\d[.,])['’]?(?P<century>\d{1,2})?(?P<decade>\d0))['’]?s\b"
    ),
    books=names_of(
        """
        Genesis Gen; Exodus Exod Ex; Leviticus Lev; Numbers Num; Deuteronomy Deut; Joshua Josh; Judges Judg;
        Ruth; Samuel Sam; Kings Kgs; Chronicles Chron Chr; Ezra; Nehemiah Neh; Esther; Job; Psalm Psalms Ps;
        Proverbs Prov; Ecclesiastes Eccl; Isaiah Isa; Jeremiah Jer; Lamentations Lam; Ezekiel Ezek; Daniel Dan;
        Hosea Hos; Joel; Amos; Obadiah; Jonah; Micah Mic; Nahum; Habakkuk Hab; Zephaniah Zeph; Haggai; Zechariah
        Zech; Malachi Mal; Matthew Matt Mt; Mark Mk; Luke Lk; John Jn; Acts; Romans Rom; Corinthians Cor;
        Galatians Gal; Ephesians Eph; Philippians Phil; Colossians Col; Thessalonians Thess; Timothy Tim; Titus;
        Philemon; Hebrews Heb; James Jas; Peter Pet; Jude; Revelation Rev
        """
    ),
    first_books=("First", "Second", "Third"),
    phrases=(
        (r"(?<=\d)[xX]\b(?!\s?[\d+*/=)−-])", "times"),
        (r"\bRt\.(?=\sHon\b)", "Right"),
        (r"\d\s(?P<take>in\.)(?=[,;)]|\s[a-z(]|\s*$)", "inches"),
        (r"(?<![\w.])fl\.(?=\s(?:c\.\s?)?\d{3,4}\b)", "flourished"),
        (r"(?<![\w.])r\.(?=\s(?:c\.\s?)?\d{3,4}\s?[-–])", "reigned"),
        (r"(?<!\w)M\s?[-–]\s?F(?=,?\s\d)", "Monday to Friday"),
        (r"\b(?:GMT|UTC)(?P<take>[-−])(?=\d)", " minus "),
        *(
            (rf"\b(?:Ave|St|Blvd|Rd|Dr|Street|Avenue)\.?,?\s(?P<take>{short})(?!\w)", word)
            for short, word in {"NW": "Northwest", "NE": "Northeast", "SW": "Southwest", "SE": "Southeast"}.items()
        ),
        *(
            (rf"\b(?:[Ww]inds?:?|from the|to the)\s(?P<take>{short})(?!\w)", word)
            for short, word in {"NW": "northwest", "NE": "northeast", "SW": "southwest", "SE": "southeast"}.items()
        ),
        (r"(?<=\d)in\b(?!-)", "inches"),
        (rf"{NOT_TIMED}(?<![\d.,:])\d{{1,2}}(?P<take>p)\b(?!\.\s?m\b)", "pence"),
        (r"(?:[ap]\.?m\.?|\d)(?P<take>\s?[-–]\s?)(?=(?:noon|midnight)\b)", " to "),
        (r"\b(?:noon|midnight)(?P<take>\s?[-–]\s?)(?=\d)", " to "),
        (r"\d(?P<take>ff?\.)(?=[,;)]|\s[a-z]|\s*$)", " and following"),
        (r"\b[Cc]h\.\s\d{1,3},\s(?P<take>v\.)(?=\s\d)", "verse"),
        (r"(?<!\w)[dD]\.(?=\s\d{1,2}/\d{1,2}/\d{2,4}\b)", "died"),
        (r"(?<!\w)[bB]\.(?=\s\d{1,2}/\d{1,2}/\d{2,4}\b)", "born"),
        (r"\d\s(?P<take>ft\.)(?=\s\d{1,2}\sin\b)", "feet"),
        (r"\d\s(?P<take>st\.?)(?=\s\d{1,2}\slbs?\b)", "stone"),
        (r"\d\s?V\s?/\s?\d(?:\.\d)?\s?(?P<take>A)\b", " amperes"),
        *(
            (
                rf"\b(?i:feels like|highs?|lows?|temp|temperatures?)(?:\s[a-z]+){{0,2}}\s\d{{1,3}}(?P<take>{letter})\b",
                word,
            )
            for letter, word in {"F": " Fahrenheit", "C": " Celsius"}.items()
        ),
        (r"(?<=[-.]\d{4} )x(?=\d{2,5}\b)", "extension "),
        (r"\b(?:after|every|for|in|within)\s\d{1,3}(?P<take>d)\b(?!['’])", "days"),
        (r"\bWW(?:II|2)\b", "World War Two"),
        (r"\bWW[I1]\b", "World War One"),
        (rf"(?<=[a-z] ){NOT_NUMBERED}v\.?(?= (?:the )?[A-Z])", "versus"),
        (r"\d(?:st|nd|rd|th)\s(?P<take>[Ff]l(?:\.(?!\s+[A-Z])|(?=\.)))", "floor"),
        *((rf"(?<![\w.]){letter}\.(?=\s(?:{PLACES})\b)", word) for letter, word in DIRECTIONS.items()),
        (r"(?<![\w-])50-50\b", "fifty-fifty"),
        (r"\d(?:st|nd|rd|th)\s(?P<take>c\.)(?=\s)", "century"),
        (r"(?<=\s)['’](?=[1-9]\d(?![\w'’]))", ""),
        *(
            (rf"(?<=[\w%])/{short}\b(?:\.(?=\s[a-z]|,))?", f" per {word}")
            for short, word in {"mo": "month", "yr": "year", "hr": "hour", "wk": "week"}.items()
        ),
        (r"(?<!\w)[vV](?=\d+\.\d)", "version"),
        (r"(?<!\w)[ACDFG](?P<take>#)(?!\w)", " sharp"),
        (
            r"(?<!\w)[A-G](?P<take>b)(?=[\s-](?:major|minor|clarinet|trumpet|alto|sax|horn|scale|chord|Major|Minor))",
            " flat",
        ),
        (r"¶+(?=\s?\d)", "paragraph"),
        (r"(?<![\w/])20/20(?=\s(?:vision|hindsight|eyesight)\b)", "twenty twenty"),
        *((rf"(?<!\w){lines}(?=p\b)", word) for lines, word in {"1080": "ten eighty ", "720": "seven twenty "}.items()),
        *(
            (rf"\d[A-Za-z]?\s(?:[A-Z][a-z]+\.?\s|\d+(?:st|nd|rd|th)\s){{1,3}}(?P<take>{short})(?![\w.])", word)
            for short, word in STREETS.items()
        ),
        *(
            (rf"\d[A-Za-z]?\s(?:[A-Z][a-z]+\s){{1,3}}(?P<take>{short})(?=\s[a-z]|\s*$)", word)
            for short, word in {"St": "Street", "Dr": "Drive"}.items()
        ),
        (r"§§", "sections"),
        (r"(?<![\w:])1(?P<take>\s?:\s?)(?=\d{1,3}(?:,\d{3})+(?!\d))", " to "),
        (r"\bft\.?\s\d{1,2}\s(?P<take>in\b)", "inches"),
        *directions("N=North; S=South; E=East; W=West"),
        *((rf"(?<!\w)['’]0{digit}\b", f"oh {name}") for digit, name in enumerate(DIGITS.split())),
        (r"(?<![\w-])[A-F](?P<take>-)(?=[,;.!?)]|$|\s(?!and\b|or\b|\d))", " minus"),
        (r"(?i:\bblood pressure|\bBP)\W{1,3}(?:\w{1,4}\W){0,2}\d{2,3}(?P<take>/)(?=\d{2,3}\b)", " over "),
        (r"(?<=\d)(?P<take>/)(?=\d{2,3}\s?mmHg\b)", " over "),
        (r"(?<![\w/])(?:[yY]/[yY]|YoY|yoy)(?![\w/])", "year over year"),
        (r"(?<!\w)QoQ(?!\w)", "quarter over quarter"),
        # Of a line; basis points are fewer.
        (r"\d[\d,]{3,9}\s?(?P<take>bps)(?!\w)", " bits per second"),
        (r"(?:\w\s|\()(?P<take>est\.)(?=[),;])", "estimated"),
        (r"(?<![a-z.])\.NET\b", " dot net"),
        (r"\bPss?\.(?=\s\d)", "Psalm"),
        (rf"(?<![\w.])b\.(?=\s(?:c\.\s?|{DATE})?[12]\d{{3}}\b)", "born"),
        (r"(?<![\w.])(?:d\.(?=\s(?:c\.\s?)?1\d{3}\b)|†(?=\s?\d))", "died"),
        *((rf"{ROAD}(?P<take>{letter}(?:\.(?=\s[a-z]))?)(?!\w)", word) for letter, word in DIRECTIONS.items()),
    ),
    days=(
        rf"(?<!\w)MONTH\.?\s{SOME_DAYS}(?![\w/%–-]|[:.,]\d|\s?[ap]\.?m\b|\s{MONTHS}\b)",
        rf"(?<![\w.,:/–-]){SOME_DAYS}\s(?:of\s)?MONTH(?![\w]|\.\w)",
    ),
    dates=(
        r"(?<!\w)MONTH\.?\s(?P<day>\d{1,2})(?:st|nd|rd|th)?(?:,?\s(?P<year>\d{4})\b)?(?![\w:]|[.,/]\d)",
        r"(?<![\w.,])(?P<day>\d{1,2})(?:st|nd|rd|th)?\sMONTH(?:,?\s(?P<year>\d{4})\b)?(?!\w)",
        r"(?<!\w)MONTH\s(?P<year>\d{4})(?!\w)",
        r"(?<![\w/])(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}|\d\d)(?![\w/])",
        r"(?<![\w-])(?P<month>\d{1,2})-(?P<day>\d{1,2})-(?P<year>\d{4})(?![\w-])",
        r"(?<![\w-])(?P<day>\d{1,2})-MONTH-(?P<year>\d{4}|\d\d)(?![\w-])",
    ),
    times=(
        r"(?<![\w:])(?P<military>)(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)(?=\s(?:hours|hrs)\b)",
        r"\b(?:at|by|until|till|before|after|from|since)\s(?P<take>(?P<military>)(?P<hour>0\d)(?P<minute>[0-5]\d))(?![\w:/-]|[.,]\d)",
        r"(?<![\w:])(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))?\s?(?P<half>[apAP])(?:\.m\.(?!\s*$|\s+[A-Z])|\.m|[mM](?!\w))",
        r"\b(?:at|by|till?|until|from)\s(?P<take>(?P<hour>\d{1,2})(?P<minute>(?!))?(?P<half>[ap]))(?![\w.])",
        r"\b(?:at|by|till?|until|from)\s(?P<take>(?P<hour>\d{1,2})(?P<minute>(?!))?(?P<half>[ap]))(?=\.(?!\w|\s?m\b))",
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
        "US$": ("dollar", "dollars", "cent", "cents"),
        "C$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
        "A$": ("Australian dollar", "Australian dollars", "cent", "cents"),
        "₿": ("bitcoin", "bitcoins", "", ""),
        "₽": ("ruble", "rubles", "kopeck", "kopecks"),
        "₩": ("won", "won", "", ""),
        "₺": ("lira", "liras", "kurush", "kurush"),
        "₴": ("hryvnia", "hryvnias", "kopiyka", "kopiykas"),
        "₪": ("shekel", "shekels", "agora", "agorot"),
        "₦": ("naira", "naira", "kobo", "kobo"),
        "₱": ("peso", "pesos", "centavo", "centavos"),
        "₫": ("dong", "dong", "", ""),
        "¢": ("cent", "cents", "cent", "cents"),
        "CHF": ("franc", "francs", "centime", "centimes"),
        "JPY": ("yen", "yen", "sen", "sen"),
        "USD": ("dollar", "dollars", "cent", "cents"),
        "EUR": ("euro", "euros", "cent", "cents"),
        "GBP": ("pound", "pounds", "penny", "pence"),
        "CAD": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
        "AUD": ("Australian dollar", "Australian dollars", "cent", "cents"),
        "NZD": ("New Zealand dollar", "New Zealand dollars", "cent", "cents"),
        "INR": ("rupee", "rupees", "paisa", "paise"),
        "Rs.": ("rupee", "rupees", "paisa", "paise"),
        "CNY": ("yuan", "yuan", "fen", "fen"),
    },
    magnitudes={
        "T": "trillion",
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
    units=unit_table(
        """
        km/h=kilometer per hour|kilometers per hour; m/s=meter per second|meters per second;
        m/s²=meter per second squared|meters per second squared; px=pixel|pixels; Px=pixel|pixels;
        km=kilometer|kilometers; cm=centimeter|centimeters; mm=millimeter|millimeters; m=meter|meters;
        km²=square kilometer|square kilometers; m²=square meter|square meters; m³=cubic meter|cubic meters;
        mi=mile|miles; mph=mile per hour|miles per hour; ft=foot|feet; yd=yard|yards; kg=kilogram|kilograms;
        mg=milligram|milligrams; g=gram|grams; lb=pound|pounds; lbs=pound|pounds; oz=ounce|ounces; l=liter|liters;
        L=liter|liters; ml=milliliter|milliliters; °C=degree Celsius|degrees Celsius;
        °F=degree Fahrenheit|degrees Fahrenheit; ℃=degree Celsius|degrees Celsius;
        ℉=degree Fahrenheit|degrees Fahrenheit; °=degree|degrees; h=hour|hours; hrs=hour|hours;
        min=minute|minutes; s=second|seconds; ms=millisecond|milliseconds; kB=kilobyte|kilobytes;
        KB=kilobyte|kilobytes; MB=megabyte|megabytes; GB=gigabyte|gigabytes; TB=terabyte|terabytes; Hz=hertz|hertz;
        kHz=kilohertz|kilohertz; MHz=megahertz|megahertz; GHz=gigahertz|gigahertz; W=watt|watts;
        kW=kilowatt|kilowatts; kWh=kilowatt hour|kilowatt hours; V=volt|volts; dB=decibel|decibels;
        px=pixel|pixels; hr=hour|hours; secs=second|seconds; sec=second|seconds; mins=minute|minutes;
        yrs=year|years; yr=year|years; wks=week|weeks; ft²=square foot|square feet; sq ft=square foot|square feet;
        cm²=square centimeter|square centimeters; cm³=cubic centimeter|cubic centimeters; ha=hectare|hectares;
        nm=nanometer|nanometers; µm=micrometer|micrometers; μm=micrometer|micrometers; µg=microgram|micrograms;
        μg=microgram|micrograms; cl=centiliter|centiliters; gal=gallon|gallons; tsp=teaspoon|teaspoons;
        tbsp=tablespoon|tablespoons; kn=knot|knots; km/s=kilometer per second|kilometers per second;
        ft/s=foot per second|feet per second; Mbps=megabit per second|megabits per second;
        Gbps=gigabit per second|gigabits per second; kbps=kilobit per second|kilobits per second;
        Mbit/s=megabit per second|megabits per second; MB/s=megabyte per second|megabytes per second;
        GB/s=gigabyte per second|gigabytes per second; fps=frame per second|frames per second;
        rpm=revolution per minute|revolutions per minute; bpm=beat per minute|beats per minute;
        dpi=dot per inch|dots per inch; ppm=part per million|parts per million; kcal=kilocalorie|kilocalories;
        cal=calorie|calories; kJ=kilojoule|kilojoules; Pa=pascal|pascals; kPa=kilopascal|kilopascals;
        hPa=hectopascal|hectopascals; mA=milliampere|milliamperes; mAh=milliampere hour|milliampere hours;
        Ah=ampere hour|ampere hours; Wh=watt hour|watt hours; mW=milliwatt|milliwatts; MW=megawatt|megawatts;
        GW=gigawatt|gigawatts; MWh=megawatt hour|megawatt hours; kV=kilovolt|kilovolts; Ω=ohm|ohms;
        Nm=newton meter|newton meters; km2=square kilometer|square kilometers; m2=square meter|square meters;
        m3=cubic meter|cubic meters; ºC=degree Celsius|degrees Celsius; ºF=degree Fahrenheit|degrees Fahrenheit;
        º=degree|degrees; MP=megapixel|megapixels; pts=point|points;
        mmHg=millimeter of mercury|millimeters of mercury; ″=inch|inches; Tbsp=tablespoon|tablespoons;
        µL=microliter|microliters; μL=microliter|microliters; µl=microliter|microliters; μl=microliter|microliters;
        µs=microsecond|microseconds; μs=microsecond|microseconds; mol/L=mole per liter|moles per liter; mol=mole|moles;
        Tsp=teaspoon|teaspoons; qt=quart|quarts; pt=pint|pints; fl oz=fluid ounce|fluid ounces;
        yds=yard|yards; mL=milliliter|milliliters; dL=deciliter|deciliters; dl=deciliter|deciliters;
        mmol=millimole|millimoles; doz=dozen|dozen;
        c.=cup|cups; mos=month|months; mo=month|months; wk=week|weeks;
        bps=basis point|basis points; bp=basis point|basis points
        """
    ),
    fractions={"½": "one half", "⅓": "one third", "⅔": "two thirds", "¼": "one quarter", "¾": "three quarters"},
    abbreviations=table(
        """
        vs.=versus; etc.=et cetera; e.g.=for example; i.e.=that is; dept.=department; Dept.=Department;
        Inc.=Incorporated; Ltd.=Limited; Corp.=Corporation; Bros.=Brothers; a.m.=a m; p.m.=p m; Ph.D.=p h d; U.S.=u s;
        U.K.=u k; U.N.=u n; U.S.A.=u s a; E.U.=e u; D.C.=d c; B.C.=b c; A.D.=a d; Jr.=Junior; Sr.=Senior; Ave.=Avenue;
        Blvd.=Boulevard; Rd.=Road; Hwy.=Highway; Mt.=Mount; Ft.=Fort; w/o=without; w/=with;
        W/=With; W/o=Without; b/c=because; a.k.a.=a k a;
        asap=as soon as possible; et al.=et al; cf.=compare; Assn.=Association; Univ.=University; ext.=extension;
        Pl.=Place; Rte.=Route; Pkwy.=Parkway; Sq.=Square; Ln.=Lane; appt.=appointment; incl.=including; excl.=excluding;
        govt.=government; Govt.=Government; misc.=miscellaneous; avg.=average; qty.=quantity; Intl.=International;
        intl.=international; mgr.=manager; asst.=assistant; attn.=attention; Attn.=Attention; esp.=especially;
        apt.=apartment; dist.=distance; temp.=temperature; pkg.=package;
        pls=please; thx=thanks; msg=message; btw=by the way; tbh=to be honest; idk=I don't know; imo=in my opinion;
        imho=in my humble opinion; c/o=care of; Hrs.=Hours; Hrs:=Hours:; assoc.=associate; Assoc.=Associate;
        ea.=each; viz.=namely; Bldg.=Building; bldg.=building; SpO2=s p o two; SpO₂=s p o two; B.Sc.=b s c; M.Sc.=m s c;
        LL.M.=l l m; LL.B.=l l b; Ed.D.=e d d
        """
    )
    | {"TL;DR": "t l d r", "tl;dr": "t l d r"},
    before_number=table(
        """
        No.=Number; no.=number; Nos.=Numbers; nos.=numbers; Fig.=Figure; fig.=figure; Figs.=Figures; figs.=figures;
        Eq.=Equation; eq.=equation; Eqs.=Equations; eqs.=equations; vv.=verses; ll.=lines; Sec.=Section; sec.=section;
        Ch.=Chapter; ch.=chapter; Vol.=Volume; vol.=volume; pp.=pages; p.=page; Art.=Article; art.=article;
        approx.=approximately; Approx.=Approximately; est.=established; Est.=Established; Op.=Opus; op.=opus;
        ca.=about; c.=about; max.=at most; min.=at least; Apt.=Apartment; Ref.=Reference; Ver.=Version; v.=version;
        alt.=altitude; Alt.=Altitude; Ep.=Episode; ep.=episode; pt.=part;
        Tel.=Telephone; tel.=telephone; Rm.=Room; Ste.=Suite; cl.=clause; Pt.=Part; Lat.=Latitude;
        lat.=latitude; Long.=Longitude; long.=longitude
        """
    ),
    titles=table(
        """
        Mr=Mister; Mrs=Missus; Ms=Miss; Dr=Doctor; Prof=Professor; St=Saint; Gen=General; Col=Colonel; Capt=Captain;
        Lt=Lieutenant; Sgt=Sergeant; Cpl=Corporal; Maj=Major; Cmdr=Commander; Rev=Reverend; Hon=Honorable; Gov=Governor;
        Sen=Senator; Rep=Representative; Pres=President; Messrs=Messieurs; Fr=Father; Supt=Superintendent;
        Insp=Inspector
        """
    ),
    may_end=frozenset(
        (
            "etc. Inc. Ltd. Corp. Co. a.m. p.m. Ph.D. U.S. U.K. U.N. U.S.A. E.U. D.C. B.C. A.D. Jr. Sr. Ave. Blvd. Rd. "
            "Pl. Pkwy. Sq. Ln."
        ).split()
    ),
    starters=frozenset(
        """
        A About After All Also Although An And Another Any Are As At Be Because Before But By Can Did Do Does
        During Each Even Every Everyone Everybody Few Finally First For From Had Has Have He Her Here His How
        However I If In Is It Its Just Last Later Let Like Many Maybe Meanwhile More Most My Next No Nobody None
        Nor Not Nothing Now Of On Once One Only Or Our Out Over Perhaps Please She Since So Some Somebody Soon
        Still Such Than That The Their Then There These They This Those Though Thus To Today Tomorrow Two Under
        Until Was We Well Were What When Where Which While Who Why Will With Would Yes Yesterday Yet You Your
        """.split()
    ),
    weekdays=table(
        """
        Mon=Monday; Tue=Tuesday; Tues=Tuesday; Wed=Wednesday; Thu=Thursday; Thur=Thursday; Thurs=Thursday; Fri=Friday;
        Sat=Saturday; Sun=Sunday
        """
    ),
    before_weekday=(
        r"(?:[Cc]losed|[Oo]pen|[Oo]n|[Aa]nd|&|[Ee]very|[Nn]ext|[Ll]ast|[Tt]his|[Uu]ntil|[Bb]y)\s"
        r"|(?=(?:Mon|Tues?|Wed|Thur?s?|Fri)\.)"
    ),
    states=table(
        """
        AL=Alabama; AK=Alaska; AZ=Arizona; AR=Arkansas; CA=California; CO=Colorado; CT=Connecticut; DE=Delaware;
        DC=D C; FL=Florida; GA=Georgia; HI=Hawaii; ID=Idaho; IL=Illinois; IN=Indiana; IA=Iowa; KS=Kansas; KY=Kentucky;
        LA=Louisiana; ME=Maine; MD=Maryland; MA=Massachusetts; MI=Michigan; MN=Minnesota; MS=Mississippi; MO=Missouri;
        MT=Montana; NE=Nebraska; NV=Nevada; NH=New Hampshire; NJ=New Jersey; NM=New Mexico; NY=New York;
        NC=North Carolina; ND=North Dakota; OH=Ohio; OK=Oklahoma; OR=Oregon; PA=Pennsylvania; RI=Rhode Island;
        SC=South Carolina; SD=South Dakota; TN=Tennessee; TX=Texas; UT=Utah; VT=Vermont; VA=Virginia; WA=Washington;
        WV=West Virginia; WI=Wisconsin; WY=Wyoming
        """
    ),
    short_states=table(
        """
        Ala=Alabama; Ariz=Arizona; Ark=Arkansas; Calif=California; Colo=Colorado; Conn=Connecticut; Del=Delaware;
        Fla=Florida; Ga=Georgia; Ill=Illinois; Ind=Indiana; Kan=Kansas; Ky=Kentucky; La=Louisiana; Md=Maryland;
        Mass=Massachusetts; Mich=Michigan; Minn=Minnesota; Miss=Mississippi; Mo=Missouri; Mont=Montana; Neb=Nebraska;
        Nev=Nevada; Okla=Oklahoma; Ore=Oregon; Pa=Pennsylvania; Tenn=Tennessee; Tex=Texas; Vt=Vermont; Va=Virginia;
        Wash=Washington; Wis=Wisconsin; Wyo=Wyoming
        """
    ),
    counted_words=frozenset(
        """
        act annex appendix article book canto chapter class figure grade episode games league level lesson mark
        no number olympiad page part phase plate psalm scene season section stage step super bowl table title
        type vol volume war world
        """.split()
    ),
    rulers=frozenset(
        """
        Alexander Benedict Catherine Charles Christian Clement Edward Elizabeth Francis Frederick George Gregory
        Gustav Henry Innocent James John Joseph Julius Leo Leopold Louis Ludwig Mary Mehmed Murad Napoleon
        Nicholas
        Otto Paul Peter Philip Pius Ptolemy Ramesses Ramses Richard Robert Rudolf Tudor Urban Victor Vittorio
        Wilhelm William
        """.split()
    ),
    letters=letter_names(
        "ay bee see dee ee eff gee aitch eye jay kay el em en oh pee cue ar ess tee you vee double-you ex why zee"
    ),
    read_as_words=frozenset(
        """
        AIDS ASAP ASCII BASIC CAPTCHA COVID DOS EPCOT FEMA FIFA FIFO GIF GUI HUD IKEA IMAX JPEG KISS LAN LASER
        LEGO LIDAR MAC MIDI MIRV MODEM NAFTA NASA NASCAR NATO NIMBY OPEC OSHA PIN PNG RADAR RAID RAM REM RIP ROM
        SARS SCUBA SIM SOAP SONAR SQUID SWAT TARP TASER TIFF TOEFL UEFA UNESCO UNICEF UNIX WAN WASP WAV WIMP
        YOLO ZIP MAX MINI PLUS PRO ULTRA
        A ABLE ABOUT ACT ADD AGAIN AGE AGO AIR ALL ALSO AM AN AND ANY ARE ARM ART AS ASK AT ATE AWAY
        BABY BACK BAD BAG BAN BAR BE BED BEEN BEST BET BIG BIT BLUE BODY BOOK BOTH BOX BOY BUS BUT BUY BY CALL
        CAME CAN CAR CARE CASE CAT CITY COLD COME COST CRY CUP CUT DAD DAY DEAD DEAL DEAR DEEP DID DIE DO DOES
        DOG DONE DOOR DOWN DRY DUE EACH EAR EASY EAT EGG ELSE END EVEN EVER EVIL EYE FACE FACT FALL FAN FAR FAST
        FAT FEAR FEEL FEET FEW FILL FIND FINE FIRE FISH FIT FIVE FIX FLY FOOD FOR FOUR FREE FROM FULL FUN FUNNY
        GAME GAVE GET GIRL GIVE GO GOD GOES GONE GOOD GOT GREAT GUN GUY HAD HALF HAND HAPPY HARD HAS HAT HATE
        HAVE HE HEAD HEAR HELP HER HERE HEY HI HIM HIS HIT HOLD HOLY HOME HOPE HOT HOUR HOUSE HOW HUGE I ICE
        IDEA IF ILL IN INTO IS IT ITS JOB JOIN JOY JUST KEEP KEY KID KILL KIND KNEW KNOW LAND LAST LATE LATER
        LAW LAY LEAD LEAVE LEFT LEG LESS LET LIE LIFE LIKE LINE LIST LIVE LONG LOOK LOSE LOST LOT LOVE LOW LUCK
        MAD MADE MAKE MAN MANY MAP MAY MAYBE ME MEAN MEAT MEN MET MIND MINE MISS MOM MONEY MOON MORE MOST MOVE
        MUCH MUST MY NAME NEAR NEED NEVER NEW NEWS NEXT NICE NIGHT NINE NO NONE NOR NOT NOTE NOW ODD OF OFF
        OFTEN OH OIL OLD ON ONCE ONE ONLY OPEN OR OTHER OUR OUT OVER OWN PAGE PAID PAIN PART PAST PAY PEACE PLAN
        PLAY POOR PULL PUSH PUT QUIET QUIT RAIN RAN RATE READ READY REAL RED REST RICH RIDE RIGHT RISE RISK ROAD
        ROOM RULE RUN SAD SAFE SAID SALE SAME SAT SAVE SAW SAY SEA SEE SEEN SELL SEND SENT SET SEX SHE SHOW SHUT
        SICK SIDE SIN SING SIT SIX SIZE SLOW SNOW SO SOLD SOME SON SONG SOON SORRY STAY STEP STOP STORY SUCH SUN
        SURE TAKE TALK TAX TEA TEAM TELL TEN TEST THAN THAT THE THEIR THEM THEN THERE THESE THEY THING THINK
        THIS THOSE THREE TIE TIME TINY TO TODAY TOLD TOO TOOK TOP TOTAL TOWN TRUE TRY TURN TWO UGLY UNDER UNTIL
        UP UPON USE USED VERY VOTE WAIT WAKE WALK WALL WANT WAR WARM WARN WAS WASH WATER WAY WE WEAR WEEK WELL
        WENT WERE WHAT WHEN WHERE WHICH WHILE WHITE WHO WHOLE WHY WIDE WIFE WILD WILL WIN WIND WINE WISE WISH
        WITH WOMAN WON WORD WORK WORLD WORSE WORST WOULD WOW WRONG YEAH YEAR YES YET YOU YOUNG YOUR ZERO
        """.split()
    ),
    signs={
        "+": "plus",
        "-": "minus",
        "–": "minus",
        "−": "minus",
        "*": "times",
        "×": "times",
        "·": "times",
        "x": "times",
        "/": "divided by",
        "÷": "divided by",
        ":": "divided by",
        "=": "equals",
        "^": "to the power of",
    },
    symbols={
        "&": "and",
        "+": "plus",
        "=": "equals",
        "@": "at",
        "%": "percent",
        "‰": "per mille",
        "±": "plus or minus",
        "≈": "about",
        "≠": "is not equal to",
        "≤": "less than or equal to",
        "≥": "greater than or equal to",
        "∞": "infinity",
        "√": "square root of",
        "π": "pi",
        "°": "degrees",
        "$": "dollars",
        "€": "euros",
        "£": "pounds",
        "¥": "yen",
        "¢": "cents",
        "§": "section",
        "№": "number",
        "℃": "degrees Celsius",
        "℉": "degrees Fahrenheit",
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
        "\\": "backslash",
        ":": "colon",
        "?": "question mark",
    },
)

BRITISH = replace(
    ENGLISH,
    code="en-gb",
    domains=f"{ENGLISH.domains}|co.uk|org.uk|ac.uk|ie",
    dates=(
        *ENGLISH.dates[:3],
        r"(?<![\w/])(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4}|\d\d)(?![\w/])",
        r"(?<![\w-])(?P<day>\d{1,2})-(?P<month>\d{1,2})-(?P<year>\d{4})(?![\w-])",
    ),
    letters={**ENGLISH.letters, "Z": "zed"},
    states={},
    short_states={},
)
