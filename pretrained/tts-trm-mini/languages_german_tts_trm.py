"""The table of German.

The rules that read it are in `normalization_tts_trm.py`; `languages_tts_trm.py` says what a field means.
"""

import re

from .languages_tts_trm import Language, directions, in_any_case, letter_names, names_of, table, unit_table

GERMAN_DATIVES = (
    "am im vom zum beim zur dem den des ab bis seit einem meinem deinem seinem ihrem unserem eurem keinem jedem diesem "
    "einen meinen deinen seinen ihren unseren euren keinen jeden diesen eines meines deines seines ihres unseres jedes "
    "einer meiner deiner seiner ihrer unserer jeder dieser"
).split()
GERMAN_PREPOSITIONS = "in|mit|von|auf|an|aus|bei|nach|seit|zu|unter|vor|über|neben|zwischen|hinter|während|wegen"
GERMAN_FEMININES = (
    r"(?:Klasse|Etage|\w*[Ll]iga|Runde|Woche|Auflage|Armee|Division|Stufe|Halbzeit|HZ|Staffel|Folge|Ausgabe|Etappe|Hälfte"
    r"|Lesung|Min\.|Minute|Stunde)(?!\w)"
)
GERMAN_NEUTERS = (
    r"(?:\w+(?:chen|lein|ment|um)|Kind|Jahr|Jahrhundert|Jh|Mal|OG|UG|Obergeschoss|Stockwerk|Tor|Haus|Buch|Spiel|Lied|Auto|Bild|Land|Team|Semester|"
    r"Quartal|Kapitel|Leben|Konzert|Album)\b"
)
# Before the number of a part or a version, which is no date.
# Before a date that is in the dative: `am Dienstag, 3. Dezember`, `bis spätestens 31. Januar`.
GERMAN_DATED = re.compile(
    r"\b(?:am|vom|zum|bis|ab|seit|dem)\s(?:(?:Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonnabend|Sonntag"
    r"|Mo|Di|Mi|Do|Fr|Sa|So)\b\.?,?|spätestens|frühestens|einschließlich|inklusive|voraussichtlich|etwa|circa|ca\.)\s$"
)
GERMAN_NUMBERED = re.compile(
    r"\b(?:Version|Kap\.|Kapitel|Abschnitt|Punkt|Ziff\.|Ziffer|Nr\.|Abb\.|Tab\.|Python|Android|iOS"
    r"|Raum|Zimmer|Zi\.|Büro|Saal|Halle|Update|Release|Firmware|Modell)\s$"
)
# Nouns that are counted, so that a number with a dot before them is an ordinal even without an article.
GERMAN_COUNTED = (
    "FC SV SC OG UG Obergeschoss Stockwerk Platz Stock Etage Klasse Liga Bundesliga Runde Tag Woche Monat Jahr "
    "Jahrhundert Jh Kapitel Weltkrieg Teil Akt Geburtstag Jahrestag Versuch Mal Auflage Advent Reich Armee Division "
    "Semester Schritt Stufe Halbzeit Quartal Feiertag Weihnachtstag Weihnachtsfeiertag Spieltag Halbjahr Rang Preis "
    "HZ Min Minute Satz Staffel Folge Ausgabe Etappe Hälfte Lesung Vorsitzende"
)

GERMAN = Language(
    code="de",
    thousands=".",
    decimal=",",
    point="Komma",
    minus="minus",
    to="bis",
    by="mal",
    out_of="von",
    score="zu",
    percent="Prozent",
    and_="und",
    ordinal=r"(?<![\w.,:/])(?P<number>\d+)\.(?=\s\w|[,;)])",
    decade=r"(?<!\w)(?P<number>\d{1,4})er(?P<ending>n)?(?![^\W\d_-])",
    day_range=r"(?<![\w.,])(?P<day>\d{1,2})\.\s?[-–]\s?(?=\d{1,2}\.\s?(?:\d|[A-ZÄÖÜ]))",
    postal=r"(?:(?<=, )|(?<=D-)|(?<![\s\S]))(?P<number>\d{5})(?= [A-ZÄÖÜ][a-zäöüß]+)(?<!00)",
    phrases=(
        (r"(?<=\d)x\b(?!\s?[\d+*/=)−-])", "mal"),
        (r"\bv\.(?=\s\d{1,2}(?:[:.]\d\d)?\s?[-–]\s?\d)", "von"),
        (r"\bv\.(?=\s\d{1,2}\.(?:\d|\s?(?:Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez)))", "vom"),
        (r"(?<=\d\. )HZ\b", "Halbzeit"),
        (r"(?<=\d\. )Min\.", "Minute"),
        (r"\bRi\.(?=\s[A-ZÄÖÜ])", "Richtung"),
        (r"(?<![\w.])s\.(?=\sS\.\s?\d)", "siehe"),
        (r"\bSo\.?-(?=\s(?:u\.|und)\sFeiert)", "Sonn-"),
        (r"(?i:Blutdruck|RR)\W{1,3}(?:\w{1,4}\W){0,2}\d{2,3}(?P<take>/)(?=\d{2,3}\b)", " zu "),
        (r"(?<=\d)(?P<take>/)(?=\d{2,3}\s?mmHg\b)", " zu "),
        (r"(?<!\w)[vV](?=\d+\.\d)", "Version"),
        *((rf"\bDr\.\s(?P<take>{word}\.)", word) for word in "med phil jur theol oec habil".split()),
        (r"\bDr\.\s(?P<take>rer\.\s?nat\.)", "rerum naturalium"),
        (r"\bDr\.\s(?P<take>h\.\s?c\.)", "honoris causa"),
        (r"\bCo\.(?=\s(?:KG|OHG|KGaA)\b)", "Co"),
        (r"§§", "Paragraphen"),
        (r"(?<![\w:])1(?P<take>\s?:\s?)(?=\d{1,3}(?:\.\d{3})+(?!\d))", " zu "),
        (r"¶+(?=\s?\d)", "Absatz"),
        (r"\d(?P<take>\s?f\.)(?=[\s,;)]|$)", " folgende"),
        (r"\bPs\.(?=\s\d)", "Psalm"),
        (r":\d{1,2}\s(?P<take>i\.\s?E(?:\.(?!\s*$)|(?=\.)))", "im Elfmeterschießen"),
        (r"\bv\. ?d\.(?=\s[A-ZÄÖÜ][a-zäöüß])", "von der"),
        (r"(?<=[a-zäöüß])(?:[:*_]|/-?)(?=in(?:nen)?\b)", " "),
        (r"\bAbs\.\s?\d{1,3}[a-z]?\s(?P<take>S\.)(?=\s?\d)", "Satz"),
        (
            r":\s?\d{1,3}(?:\s\(\d{1,3}:\d{1,3}(?:,\s?\d{1,3}:\d{1,3})*\))?\s(?P<take>n\.\s?V(?:\.(?!\s*$)|(?=\.)))",
            "nach Verlängerung",
        ),
        (
            r"\b(?:unter|über|ab|mit|von|vor|seit|nach|bis)\s\d{1,3}\s(?P<take>J\.)(?=\s[a-zß-öø-ÿ]|[,;)]|\s*$)",
            "Jahren",
        ),
        (r"\d\s(?P<take>J\.)(?=\s[a-zß-öø-ÿ]|[,;:)]|\s*$)", "Jahre"),
        (r"\b(?:Fax|Telefax|Durchwahl|Tel\.?|Telefon|Fon):?\s(?P<take>-)(?=\d{1,4}\b)", ""),
        (r"\bGr\.(?=\s(?:X{0,3}[SML]\b|\d))", "Größe"),
        *(
            (rf"(?:\b\d\.\s?|\b(?:im|ins|vom|zum|das)\s)(?P<take>{short})(?!\w)", f"{word}geschoss")
            for short, word in {"EG": "Erd", "OG": "Ober", "UG": "Unter", "DG": "Dach", "ZG": "Zwischen"}.items()
        ),
        *(
            (rf"\d(?P<take>-{sign}-)(?=\w)", f" {word} ")
            for sign, word in {r"Mio\.": "Millionen", r"Mrd\.": "Milliarden", "%": "Prozent", "€": "Euro"}.items()
        ),
        (r"(?<![\w*])\*(?=\s?\d{4}\b)", "geboren"),
        (r"(?<![\w*])\*(?=\s?\d{1,2}\.\s?(?:[A-Z]|\d{1,2}\.))", "geboren am"),
        (r"†(?=\s?\d{4}\b)", "gestorben"),
        (r"†(?=\s?\d{1,2}\.)", "gestorben am"),
        *directions("N=Nord; S=Süd; O=Ost; E=Ost; W=West"),
        (r"(?<=\d\. )WK\b", "Weltkrieg"),
        (r"(?<=-)Zi\.(?=-)", "Zimmer"),
        (r"\bSo\.?(?=\s(?:geschl|und Feiertag|u\. Feiertag))", "Sonntag"),
        (r"(?:(?<=[Uu]m )|(?<=gegen )|(?<=ab )|(?<=bis )|(?<=vor )|(?<=nach ))½\s?(?=\d)", "halb "),
        (r"(?<!\w)km(?=\s\d)", "Kilometer"),
        (r"\bgeb\.(?=\s\d{1,2}\.)", "geboren am"),
        (r"\bgest\.(?=\s\d{1,2}\.)", "gestorben am"),
        (r"\bGeb\.(?=\s\d{1,3}(?![\d.]))", "Gebäude"),
        (r"\d\s?V\s?/\s?\d(?:,\d)?\s?(?P<take>A)\b", " Ampere"),
        (r"(?<=\d)\s?x(?=\s(?:tgl|täglich|pro|am Tag|wöch))", " mal"),
        (r"\bv\.(?=\s\d{1,2}\.\s?[-–])", "vom"),
    ),
    books=names_of(
        """
        Mose Mos; Josua Jos; Richter; Rut Ruth; Samuel Sam; Könige Kön; Chronik Chr; Esra; Nehemia; Ester; Hiob;
        Psalm Psalmen Ps; Sprüche Spr; Prediger Pred; Hoheslied; Jesaja Jes; Jeremia Jer; Klagelieder; Hesekiel
        Hes; Daniel Dan; Hosea Hos; Joel; Amos; Jona; Micha; Nahum; Habakuk; Sacharja Sach; Maleachi; Matthäus
        Matth Mt; Markus Mk; Lukas Lk; Johannes Joh; Apostelgeschichte Apg; Römer Röm; Korinther Kor; Galater
        Gal; Epheser Eph; Philipper Phil; Kolosser Kol; Thessalonicher Thess; Timotheus Tim; Titus; Hebräer
        Hebr; Jakobus Jak; Petrus Petr; Judas; Offenbarung Offb
        """
    ),
    first_books=("Erster", "Zweiter", "Dritter", "Vierter", "Fünfter"),
    dates=(
        r"(?<![\w.,])(?P<day>\d{1,2})\.\s?MONTH\.?(?:\s(?P<year>\d{4})\b)?",
        r"(?<!\w)MONTH\s(?P<year>\d{4})(?!\w)",
        r"(?<![\w.])(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4}|\d\d)?(?![\d])",
    ),
    times=(
        r"(?<![\w:.,])(?P<hour>[01]?\d|2[0-4])(?:(?:[:.]|\s:\s)(?P<minute>[0-5]\d))?\s?Uhr(?!\w)",
        r"(?<![\w:.,])(?P<hour>[01]?\d|2[0-4])\.(?P<minute>[0-5]\d)(?=\s?(?:[-–]|bis)\s?(?:[01]?\d|2[0-4])\.[0-5]\d\s?(?:h|Uhr)\b)",
        r"(?<![\w:.,])(?P<hour>[01]?\d|2[0-4])\.(?P<minute>[0-5]\d)\s?h(?!\w)",
        r"(?<=\d\. )(?P<hour>[01]?\d|2[0-4])(?P<minute>(?!))?\s?h(?!\w)",
        r"\b(?:[Uu]m|[Gg]egen|[Bb]is|[Aa]b)\s(?P<take>(?P<hour>[6-9]|1\d|2[0-4])(?P<minute>(?!))?\s?h)(?![\w/])",
        r"(?<=[-–])(?P<hour>1[3-9]|2[0-4])(?P<minute>(?!))?\s?h(?!\w)",
        r"(?<![\w:])(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?:\sh(?!\w))?(?![\w:])",
    ),
    months=tuple("Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()),
    short_months=tuple("Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez".split()),
    currencies={
        "€": ("Euro", "Euro", "Cent", "Cent"),
        "₹": ("Rupie", "Rupien", "", ""),
        "₿": ("Bitcoin", "Bitcoin", "", ""),
        "₽": ("Rubel", "Rubel", "Kopeke", "Kopeken"),
        "₺": ("Lira", "Lira", "", ""),
        "₩": ("Won", "Won", "", ""),
        "T€": ("tausend Euro", "tausend Euro", "", ""),
        "ct": ("Cent", "Cent", "", ""),
        "Ct": ("Cent", "Cent", "", ""),
        "EUR": ("Euro", "Euro", "Cent", "Cent"),
        "$": ("Dollar", "Dollar", "Cent", "Cent"),
        "USD": ("Dollar", "Dollar", "Cent", "Cent"),
        "£": ("Pfund", "Pfund", "Penny", "Pence"),
        "¥": ("Yen", "Yen", "Sen", "Sen"),
        "CHF": ("Franken", "Franken", "Rappen", "Rappen"),
        "GBP": ("Pfund", "Pfund", "Penny", "Pence"),
        "JPY": ("Yen", "Yen", "Sen", "Sen"),
    },
    magnitudes={
        "Bio.": "Billionen",
        "Billionen": "Billionen",
        "Tsd.": "tausend",
        "Mio.": "Millionen",
        "Mrd.": "Milliarden",
        "Millionen": "Millionen",
        "Milliarden": "Milliarden",
    },
    single={
        "Millionen": "eine Million",
        "Milliarden": "eine Milliarde",
        "Billionen": "eine Billion",
        "tausend": "tausend",
    },
    units=unit_table(
        """
        km/h=Kilometer pro Stunde|Kilometer pro Stunde; m/s=Meter pro Sekunde|Meter pro Sekunde;
        m/s²=Meter pro Sekunde zum Quadrat|Meter pro Sekunde zum Quadrat; px=Pixel|Pixel; Px=Pixel|Pixel;
        Tkm=tausend Kilometer|tausend Kilometer; Tbl.=Tablette|Tabletten; Pr.=Prise|Prisen;
        mmol=Millimol|Millimol; mol=Mol|Mol; dl=Deziliter|Deziliter;
        mmHg=Millimeter Quecksilbersäule|Millimeter Quecksilbersäule;
        km=Kilometer|Kilometer; cm=Zentimeter|Zentimeter; mm=Millimeter|Millimeter; m=Meter|Meter;
        km²=Quadratkilometer|Quadratkilometer; m²=Quadratmeter|Quadratmeter; m³=Kubikmeter|Kubikmeter;
        kg=Kilogramm|Kilogramm; mg=Milligramm|Milligramm; g=Gramm|Gramm; t=Tonne|Tonnen; l=Liter|Liter;
        ml=Milliliter|Milliliter; °C=Grad Celsius|Grad Celsius; °=Grad|Grad; h=Stunde|Stunden; Std.=Stunde|Stunden;
        min=Minute|Minuten; Min.=Minute|Minuten; s=Sekunde|Sekunden; ms=Millisekunde|Millisekunden;
        kB=Kilobyte|Kilobyte; MB=Megabyte|Megabyte; GB=Gigabyte|Gigabyte; TB=Terabyte|Terabyte; Hz=Hertz|Hertz;
        kHz=Kilohertz|Kilohertz; MHz=Megahertz|Megahertz; GHz=Gigahertz|Gigahertz; W=Watt|Watt;
        kW=Kilowatt|Kilowatt; kWh=Kilowattstunde|Kilowattstunden; V=Volt|Volt; dB=Dezibel|Dezibel;
        Std=Stunde|Stunden; Min=Minute|Minuten; Sek.=Sekunde|Sekunden; Sek=Sekunde|Sekunden;
        cm²=Quadratzentimeter|Quadratzentimeter; cm³=Kubikzentimeter|Kubikzentimeter; qm=Quadratmeter|Quadratmeter;
        m2=Quadratmeter|Quadratmeter; m3=Kubikmeter|Kubikmeter; km2=Quadratkilometer|Quadratkilometer;
        ha=Hektar|Hektar; nm=Nanometer|Nanometer; µm=Mikrometer|Mikrometer; μm=Mikrometer|Mikrometer;
        µg=Mikrogramm|Mikrogramm; μg=Mikrogramm|Mikrogramm; cl=Zentiliter|Zentiliter; EL=Esslöffel|Esslöffel;
        TL=Teelöffel|Teelöffel; Mbit/s=Megabit pro Sekunde|Megabit pro Sekunde;
        MB/s=Megabyte pro Sekunde|Megabyte pro Sekunde; km/s=Kilometer pro Sekunde|Kilometer pro Sekunde;
        kcal=Kilokalorie|Kilokalorien; kJ=Kilojoule|Kilojoule; hPa=Hektopascal|Hektopascal;
        kPa=Kilopascal|Kilopascal; Pa=Pascal|Pascal; bar=Bar|Bar; mA=Milliampere|Milliampere;
        mAh=Milliamperestunde|Milliamperestunden; Wh=Wattstunde|Wattstunden; MW=Megawatt|Megawatt;
        GW=Gigawatt|Gigawatt; MWh=Megawattstunde|Megawattstunden; Ω=Ohm|Ohm; kV=Kilovolt|Kilovolt;
        ″=Zoll|Zoll; kbit/s=Kilobit pro Sekunde|Kilobit pro Sekunde; Gbit/s=Gigabit pro Sekunde|Gigabit pro Sekunde;
        fps=Bild pro Sekunde|Bilder pro Sekunde; Msp.=Messerspitze|Messerspitzen; Pck.=Päckchen|Päckchen;
        °F=Grad Fahrenheit|Grad Fahrenheit; ℃=Grad Celsius|Grad Celsius;
        ℉=Grad Fahrenheit|Grad Fahrenheit; ºC=Grad Celsius|Grad Celsius; Pkt.=Punkt|Punkte; Zi.=Zimmer|Zimmer;
        Bp.=Basispunkt|Basispunkte;
        Stk.=Stück|Stück
        """
    ),
    fractions={"½": "ein halb", "⅓": "ein Drittel", "⅔": "zwei Drittel", "¼": "ein Viertel", "¾": "drei Viertel"},
    abbreviations=in_any_case(
        """
        z. B.=zum Beispiel; z.B.=zum Beispiel; d. h.=das heißt; d.h.=das heißt; u. a.=unter anderem; u.a.=unter anderem;
        o. ä.=oder ähnlich; o.ä.=oder ähnlich; i. d. R.=in der Regel; i.d.R.=in der Regel; u. U.=unter Umständen;
        u.U.=unter Umständen; v. a.=vor allem; v.a.=vor allem; s. o.=siehe oben; s.o.=siehe oben; s. u.=siehe unten;
        s.u.=siehe unten; z. T.=zum Teil; z.T.=zum Teil; n. Chr.=nach Christus; v. Chr.=vor Christus;
        bzw.=beziehungsweise;
        usw.=und so weiter; etc.=et cetera; evtl.=eventuell; ggf.=gegebenenfalls; inkl.=inklusive; exkl.=exklusive;
        vgl.=vergleiche; sog.=sogenannt; zzgl.=zuzüglich; bspw.=beispielsweise; Str.=Straße; str.=straße;
        Hbf.=Hauptbahnhof;
        Jh.=Jahrhundert; Jhd.=Jahrhundert; geb.=geboren; gest.=gestorben; Tel.=Telefon; lt.=laut; zw.=zwischen;
        u.=und; u. s. w.=und so weiter; ff.=fortfolgende; n. V.=nach Vereinbarung; n.V.=nach Vereinbarung; gem.=gemäß;
        bzgl.=bezüglich; einschl.=einschließlich; zzt.=zurzeit; z. Zt.=zurzeit; z.Zt.=zurzeit; m. E.=meines Erachtens;
        m.E.=meines Erachtens; a. D.=außer Dienst; a.D.=außer Dienst; i. H. v.=in Höhe von; Abt.=Abteilung;
        entspr.=entsprechend; insb.=insbesondere; ggü.=gegenüber; i. A.=im Auftrag; i.A.=im Auftrag; verh.=verheiratet;
        ehem.=ehemalig; jew.=jeweils; i. V. m.=in Verbindung mit;
        i.V.m.=in Verbindung mit; a. a. O.=am angegebenen Ort; a.a.O.=am angegebenen Ort; ebd.=ebenda;
        geschl.=geschlossen; Strg=Steuerung; max.=maximal; mind.=mindestens; allg.=allgemein;
        Mio.=Millionen; Mrd.=Milliarden; Tsd.=tausend; p. a.=pro Jahr; p.a.=pro Jahr; e. V.=e V; e.V.=e V;
        Whg.=Wohnung; Fa.=Firma; MwSt.=Mehrwertsteuer; MwSt=Mehrwertsteuer; USt.=Umsatzsteuer; Entf.=Entfernung;
        Std.=Stunden; Min.=Minuten; Sek.=Sekunden; Mwst.=Mehrwertsteuer; Bsp.=Beispiel; Bhf.=Bahnhof;
        ausschl.=ausschließlich; urspr.=ursprünglich; versch.=verschiedene; zus.=zusammen; WLAN=W LAN; tägl.=täglich;
        wg.=wegen; gegr.=gegründet; telef.=telefonisch; Mitgl.=Mitglied; Pers.=Personen; Aufg.=Aufgabe;
        Anm.=Anmerkung; tgl.=täglich; wö.=wöchentlich; wtl.=wöchentlich; mtl.=monatlich; jährl.=jährlich;
        Tbl.=Tabletten; Bj.=Baujahr; z. Hd.=zu Händen; z.Hd.=zu Händen; z. H.=zu Händen; d. Gr.=der Große;
        d. J.=der Jüngere; d. Ä.=der Ältere; B. Sc.=Bachelor of Science; B.Sc.=Bachelor of Science;
        M. Sc.=Master of Science; M.Sc.=Master of Science; Ausf.=Ausfahrt; vllt.=vielleicht; b. Bed.=bei Bedarf;
        Az.=Aktenzeichen; Postf.=Postfach; Abf.=Abfahrt; Ank.=Ankunft; Anf.=Anfang; o. g.=oben genannt;
        o.g.=oben genannt; u. g.=unten genannt; s. a.=siehe auch; i. Allg.=im Allgemeinen; o. B.=ohne Befund;
        u. v. m.=und vieles mehr; u.v.m.=und vieles mehr; u. v. a.=und viele andere; jr.=junior; Kfm.=Kaufmann;
        Fam.=Familie; Frl.=Fräulein; mfg=mit freundlichen Grüßen; MfG=mit freundlichen Grüßen; et al.=et al;
        Bez.=Bezirk; Ew.=Einwohner; Einw.=Einwohner; Temp.=Temperatur;
        ü. NN=über Normalnull; ü.NN=über Normalnull; ü. M.=über Meer; Kfz=K F Z
        """
    ),
    before_number=table(
        """
        Art.-Nr.=Artikelnummer; Kd.-Nr.=Kundennummer; Best.-Nr.=Bestellnummer; Tel.-Nr.=Telefonnummer;
        Nr.=Nummer; Nrn.=Nummern; Abs.=Absatz; Art.=Artikel; Bd.=Band; Kap.=Kapitel; S.=Seite; Abb.=Abbildung;
        Tab.=Tabelle;
        Ziff.=Ziffer; Pkt.=Punkt; ca.=circa; Ca.=Circa; max.=maximal; min.=minimal; mind.=mindestens; Jg.=Jahrgang;
        Zi.=Zimmer; Kl.=Klasse; Bl.=Blatt; Z.=Zeile; V.=Vers; Aufl.=Auflage; Gl.=Gleis; Hs.=Haus; Pl.=Platz;
        op.=Opus; Op.=Opus; Max.=maximal; Mind.=mindestens; No.=Nummer; H.=Heft; Abt.=Abteilung; Ref.=Referat
        """
    ),
    titles=table(
        "Dr=Doktor; Prof=Professor; Hr=Herr; Hrn=Herrn; Fr=Frau; St=Sankt; Mag=Magister; Dipl=Diplom; Ing=Ingenieur"
    ),
    may_end=frozenset(["usw.", "etc.", "u.a.", "u. a.", "o.ä.", "o. ä.", "v. Chr.", "n. Chr.", "Str.", "Jh.", "Hbf."]),
    starters=frozenset(
        """
        Aber Alle Alles Als Also Am An Auch Auf Aus Bei Beide Bis Da Damals Danach Dann Darum Das Dass Daher
        Damit Dazu Dein Deine Dem Den Denn Der Deshalb Die Dies Diese Dieser Dieses Doch Dort Du Durch Ein Eine
        Einen Einer Eines Er Erst Es Etwas Euer Für Gegen Gestern Hat Heute Hier Ich Ihr Ihre Im Immer In Ist Ja
        Jede Jeder Jedes Jetzt Kein Keine Man Manche Mein Meine Mit Morgen Nach Nachdem Nein Nicht Nichts
        Niemand Noch Nun Nur Ob Oder Ohne Sehr Sein Seine Seit Sie Sind So Solche Soll Trotzdem Um Und Unser
        Unter Viele Vielleicht Vom Von Vor Wann War Waren Warum Was Weil Welche Wem Wen Wenn Wer Wie Wir Wird Wo
        Zu Zuerst Zum Zur Zwei Zwischen
        """.split()
    ),
    # bis Fr. Müller kommt
    before_weekday=r"(?:bis|am|ab|jeden)\s(?!Fr\.\s[A-ZÄÖÜ])",
    weekdays=table("Mo=Montag; Di=Dienstag; Mi=Mittwoch; Do=Donnerstag; Fr=Freitag; Sa=Samstag; So=Sonntag"),
    counted_words=frozenset(
        """
        abschnitt akt anhang artikel band buch kapitel klasse lektion paragraph phase seite staffel stufe tafel
        teil typ weltkrieg
        """.split()
    ),
    rulers=frozenset(
        """
        Albrecht Alexander August Benedikt Christian Elisabeth Ernst Franz Friedrich Friedrichs Georg Gregor
        Gustav Heinrich Heinrichs Innozenz Johann Johannes Joseph Karl Karls Katharina Konrad Leo Leopold Ludwig
        Ludwigs Maria Max Maximilian Napoleon Napoleons Nikolaus Otto Ottos Paul Peter Philipp Pius Rudolf Urban
        Wilhelm Wilhelms
        """.split()
    ),
    letters=letter_names("a be ze de e eff ge ha i jott ka ell emm enn o pe ku err ess te u vau we ix ypsilon zett"),
    read_as_words=frozenset(
        """
        AIDS ALDI ASCII BAFÖG COVID DAX DIN DOS FIFA FIFO GEMA IKEA IMAX JPEG LAN LASER LEGO MODEM NASA NATO
        ÖPNV OPEC PIN RADAR RAM ROM SAP SIM SONAR TÜV UEFA UNESCO UNICEF UNIX WAN WAV WEG ZIP ZDF AB ABER ALLE
        ALLES ALS ALSO ALT AM AN AUCH AUF AUS BALD BEI BIN BIS BIST DA DAMIT DANN DAS DASS DEIN DEM DEN DENN DER
        DES DICH DIE DIES DIR DOCH DORT DU DURCH EIN EINE EINEM EINEN EINER ENDE ER ERST ES ETWAS EUCH EUER FALL
        FÜR GANZ GAR GEHT GELD GERN GIB GROSS GUT HALB HALT HAT HATTE HAUS HERR HEUTE HIER HILFE ICH IHM IHN IHR
        IHRE IM IMMER IN IST JA JAHR JEDE JEDER JETZT KANN KEIN KEINE KLEIN KOMM LAND LANGE LASS LEBEN LEUTE MAL
        MAN MANN MEHR MEIN MEINE MICH MIR MIT MUSS NACH NEIN NEU NEUE NICHT NIE NOCH NUN NUR OB ODER OFT OHNE
        ORT PAAR RAUS RECHT ROT RUHE SAG SATZ SCHON SEHR SEI SEIN SEINE SEIT SICH SIE SIND SO SOLL STOP STOPP
        SUPER TAG TEIL TOR TOT TUN UM UND UNS UNTER VIEL VOLL VOM VON VOR WANN WAR WARUM WAS WEIL WELT WEM WEN
        WENN WER WIE WIEDER WILL WIR WIRD WO WOHL WORT ZEIT ZU ZUM ZUR ZWEI
        """.split()
    ),
    per="pro",
    episodes=("Staffel", "Folge"),
    handle="at",
    hashtag="Hashtag",
    factorial="Fakultät",
    keys=("Stern", "Raute"),
    signs={
        "+": "plus",
        "-": "minus",
        "–": "minus",
        "−": "minus",
        "*": "mal",
        "×": "mal",
        "·": "mal",
        "x": "mal",
        "/": "geteilt durch",
        "÷": "geteilt durch",
        ":": "geteilt durch",
        "=": "gleich",
        "^": "hoch",
    },
    symbols={
        "&": "und",
        "+": "plus",
        "=": "gleich",
        "@": "at",
        "%": "Prozent",
        "‰": "Promille",
        "±": "plus minus",
        "≈": "etwa",
        "≠": "ungleich",
        "≤": "kleiner gleich",
        "≥": "größer gleich",
        "∞": "unendlich",
        "√": "Wurzel aus",
        "π": "Pi",
        "°": "Grad",
        "$": "Dollar",
        "€": "Euro",
        "£": "Pfund",
        "¥": "Yen",
        "§": "Paragraph",
        "№": "Nummer",
        "℃": "Grad Celsius",
        "℉": "Grad Fahrenheit",
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
        "\\": "Backslash",
        ":": "Doppelpunkt",
        "?": "Fragezeichen",
    },
)
