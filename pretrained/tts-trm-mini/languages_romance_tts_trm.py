"""How French and Italian write and say numbers, money, dates, units and abbreviations, and what their sisters share.

The rules that read them are in `normalization_romance_tts_trm.py`; `languages_tts_trm.py` says what a field means.
"""

import re

from .languages_tts_trm import Language, directions, in_any_case, letter_names, names_of, table

# Words of a unit that have no plural, and those after which a word keeps its form: `kilómetros por hora`.
UNCHANGED = re.compile(r"[A-Z]|(?:por|par|per|pro|de|hertz|watt|bar|pascal|joule|byte|bit|lux)$|.+/|all'|d'")


def _plural(words: str, endings: tuple[tuple[str, str], ...]) -> str:
    """`kilómetro cuadrado` for many of them; `endings` are pairs of an ending and that of the plural."""
    spoken: list[str] = []
    for word in words.split():
        if UNCHANGED.match(word) or (spoken and re.match(r"(?:por|par|per)$|all'", spoken[-1])):
            spoken.append(word)
            continue
        ending, plural = next((pair for pair in endings if word.endswith(pair[0])), ("", ""))
        spoken.append(word.removesuffix(ending) + plural if plural else word)
    return " ".join(spoken)


def unit_words(rows: str, *endings: tuple[str, str]) -> dict[str, tuple[str, str]]:
    """`km=kilomètre; ...`: by sign the words for one and for many."""
    return {sign: (words, _plural(words, endings)) for sign, words in table(rows).items()}


def first_days(months: str) -> str:
    """The first of two days of a month, `5-7 mai`."""
    names = "|".join(months.split())
    return rf"(?<![\w.,/-])(?P<day>\d{{1,2}})(?:[º°]|er|\.º)?\s?[-–]\s?(?=\d{{1,2}}\s(?:de\s)?(?i:{names})\b)"


# Nouns by the end of which their gender shows, with the exceptions; plurals have lost their s.
FEMININE = {
    "fr": r"(?!(?:été|comité|côté|lycée|musée|trophée|génie|incendie|silence|million|billion|camion|avion|espion)s?$)"
    r".*(?:tion|sion|té|tée|née|rée|ée|ette|elle|esse|ance|ence|ure|ie|ille|ine|aine|aison)s?$|(?:fille|femme|tasse|cuillère|personne"
    r"|heure|seconde|minute|page|fois|chose|question|livre|tonne|dame|mère|sœur|main|nuit|voix|ville|rue|place|maison"
    r"|chambre|langue|lettre|table|voiture|image|plage|carte|porte|route|pièce|pomme|équipe|étoile|part|nouvelle"
    r"|grande|petite|belle|bonne|autre\s\w+e)s?$",
    "es": r"(?!(?:día|problema|sistema|programa|tema|idioma|clima|planeta|mapa|poeta|diploma|drama|kilograma|fantasma"
    r"|aroma|esquema|dilema|poema|pijama|cometa|tranvía|guardia|policía)s?$)"
    r".*(?:as?|ción|ciones|sión|siones|dad|dades|tad|tades|tud|tudes|umbres?)$|(?:mujer(?:es)?|noche|noches|veces|vez"
    r"|clases?|partes?|calles?|llaves?|tardes?|muertes?|manos?|fotos?|motos?|imagen|imágenes|leyes|ley|razón|razones"
    r"|flor|flores|luz|luces|red|redes|gente|nubes?|bases?|series?|voz|voces|cruces|sales?|torres?)$",
    "it": r"(?!(?:problema|sistema|programma|tema|clima|pianeta|poeta|diploma|dramma|schema|chilogramma|papa|cinema"
    r"|artista|turista|gorilla)$).*(?:a|zione|sione|tà|tù|trice|ice)$|(?:notte|mano|moglie|madre|chiave|nave|parte"
    r"|classe|arte|voce|luce|croce|legge|radice|gente|estate|serie|specie|foto|moto|auto|radio)$",
    "pt": r"(?!(?:dia|problema|sistema|programa|tema|idioma|clima|planeta|mapa|poeta|diploma|drama|quilograma|grama"
    r"|fantasma|aroma|esquema|dilema|poema|pijama|cometa|guarda|telegrama|cinema)s?$)"
    r".*(?:as?|ção|ções|são|sões|dade|dades|gem|gens|ãs?|tudes?)$|(?:mulher(?:es)?|colher(?:es)?|noites?|vez|vezes|mães?|mãos?|mão"
    r"|partes?|tardes?|fotos?|motos?|leis?|flor|flores|luz|luzes|redes?|cor|cores|voz|vozes|bases?|séries?|torres?"
    r"|cidades?|chaves?|classes?|frases?)$",
}
# Words that may follow a number and are not what it counts.
NO_NOUN = {
    "fr": "et ou à au aux de du des d en dans par pour sur sous contre avec sans est sont a ont était furent y "
    "ne se qui "
    "que mais car ni les la le l ces mes tes ses nos vos leurs plus moins puis dans lors vers chez ils elles vous nous "
    "je tu il elle on dès selon sauf",
    "es": "y e o u a al de del en por para con sin es son era eran fue fueron se que pero las los la el lo sus "
    "mis tus ni "
    "como más menos tras según entre nos les después antes además entonces estas estos esas esos unas unos",
    "it": "e ed o a ad al alla alle ai agli da dal dalla di del della dei delle in nel nella per con su sul "
    "sulla è era "
    "all dell nell dall sull sono si che ma tra fra la le il lo i gli fu ha hanno non più meno come dopo "
    "prima anche ancora",
    "pt": "e ou a ao aos à às de do da dos das em no na nos nas por para com sem é são era eram foi foram se "
    "que mas as os "
    "o um uma mais menos como até entre sob sobre depois antes além quando isso essas esses suas seus nós vós",
}
# Acronyms that Spanish, Italian and Portuguese read as words: vowels and consonants in turn, `ONU`, `IVA`, `OTAN`.
OPEN_SYLLABLES = r"[AEIOU]?(?:[^AEIOU][AEIOU])+[^AEIOU]?"
DAY = r"(?P<day>\d{1,2})(?P<first>\.?[º°ª]|er|ro)?"
NUMERIC_DATE = (
    r"(?<![\w/.-])(?P<day>\d{1,2})(?P<dash>[/.-])(?P<month>\d{1,2})(?P=dash)(?P<year>\d{4}|\d\d)(?![\w/-]|\.\d)"
)
CLOCK = r"(?<![\w:])(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?P<unit>\s?h(?:s|rs)?\b)?(?![\w:])"
HOURS = r"(?<![\w:.,])(?P<hour>[01]?\d|2[0-4])\s?(?P<unit>[hH])(?:\s?(?P<minute>[0-5]\d))?(?:min|m)?(?![\w/])"

FEMALE_SAINTS = (
    "Barbara|Caterina|Cecilia|Chiara|Croce|Giulia|Lucia|Maddalena|Margherita|Maria|Marta|Monica|Rita|Rosa|Teresa"
)
FRENCH_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre"
FRENCH = Language(
    code="fr",
    thousands=".",
    decimal=",",
    point="virgule",
    minus="moins",
    to="à",
    by="sur",
    out_of="sur",
    score="à",
    percent="pour cent",
    and_="et",
    ordinal=r"(?<![\w.,:/])(?P<number>\d+)(?P<ending>ers?|[eè]res?|res?|(?<=(?<!\d)2)(?:nde?s?|de?)|i?[eè]mes?|es?|ᵉ)(?![\w'’])",
    day_range=first_days(FRENCH_MONTHS),
    postal=r"(?:(?<=, )|(?<=F-)|(?<![\s\S]))(?P<number>\d{5})(?= [A-ZÀ-Þ][a-zà-ÿ]+)",
    phrases=(
        (r"¶+(?=\s?\d)", "paragraphe"),
        (r"\b[Dd]u\s\d{1,2}(?P<take>\s?[-–]\s?)(?=\d{1,2}\s[a-zéû]{3})", " au "),
        (r"\b[Aa]rt\.(?=\s[LRD]\.?\s?\d)", "article"),
        (r"\b[Aa]rt(?:\.|icles?)\s[LRD](?P<take>\.)(?=\s?\d)", ""),
        (r"\b[Aa]rt(?:\.|icles?)\s[LRD]\.?\s?\d{1,4}(?P<take>-)(?=\d)", " tiret "),
        (r"(?<!\w)M\.(?=\s(?:et\sM(?:me|lle)\b|[A-ZÀ-Þ]))", "monsieur"),
        (r"(?<!\w)[Aa]v\.(?=\s(?:de|du|des|[A-ZÀ-Þ])\b)(?!\sJ\.)", "avenue"),
        (r"(?<!\w)[Aa]v\.(?=\s[A-ZÀ-Þ][a-zà-ÿ])", "avenue"),
        (r"†(?=\s?\d{1,2}(?:er)?\s)", "mort le"),
        (r"†(?=\s?\d{4})", "mort en"),
        *directions("N=nord; S=sud; E=est; O=ouest"),
        (r"(?<![\w.,])24\s?h(?:eures)?\s?/\s?24(?!\w)", "vingt-quatre heures sur vingt-quatre"),
        (r"(?<![\w.,])7\s?j(?:ours)?\s?/\s?7(?!\w)", "sept jours sur sept"),
        (r"\b(?:1re|2e|2de|2nde|Première|Deuxième|Seconde)\s(?P<take>GM)\b", "guerre mondiale"),
        (r"(?<!\w)MM\.(?=\s[A-ZÀ-Þ])", "messieurs"),
        (r"(?<![\w.])M\.(?=\sle\s[A-ZÀ-Þ])", "monsieur"),
        (r"(?<!\w)S\. ?M\.(?=\sl[ea]\s[A-Z])", "Sa Majesté"),
        (r"\b[Dd]ép\.(?=\s\d{1,2}\s?[h:])", "départ"),
        (r"\b[Aa]rr\.(?=\s\d{1,2}\s?[h:])", "arrivée"),
        (r"\b[Ll]es\s(?P<take>[-−])(?=\d{1,2}\sans\b)", "moins de "),
        (r"\b[Ll]es\s(?P<take>\+)(?=\d{1,2}\sans\b)", "plus de "),
        (r"\bla\s(?P<take>MT)\b", "mi-temps"),
        (r"\bSt-(?=[A-ZÀ-Þ][a-zà-ÿ])", "saint-"),
        (r"\bSte-(?=[A-ZÀ-Þ][a-zà-ÿ])", "sainte-"),
        (r"\b[IVXLC]+(?:e|er)\s(?P<take>s\.)", "siècle"),
        (r"(?<!\w)pl\.(?=\s(?:de|du|des|[A-ZÀ-Þ][a-zà-ÿ]+)\b)", "place"),
        (r"(?<!\w)r\.(?=\s(?:de|du|des)\s[A-ZÀ-Þ])", "rue"),
        (r"(?<!\w)Gal(?=\sde\s[A-Z])", "général"),
        (r"(?<!\w)SM(?=\sl[ea]\s[A-Z])", "Sa Majesté"),
        (r"(?<!\w)j\.(?=\sfériés?\b)", "jours"),
        (r"\s[x×]\s(?=\d\s?/\s?j\b)", ", "),
        (r"(?<!\w)km(?=\s\d)", "kilomètre"),
        (r"(?<!\w)Me(?=\s[A-ZÀ-Þ][a-zà-ÿ])", "maître"),
        (r"(?<=\d)x(?!\w|\s?[\d+*/=)−-])", "fois"),
        *(
            (rf"\bC\. {short}\.", f"code {word}")
            for short, word in {"civ": "civil", "pén": "pénal", "trav": "du travail"}.items()
        ),
        (r"(?<!\w)[vV](?=\d+\.\d)", "version"),
        (r"(?<!\w)1ers\b", "premiers"),
    ),
    books=names_of(
        """
        Genèse Gn; Exode Ex; Lévitique Lv; Nombres Nb; Deutéronome Dt; Josué Jos; Juges Jg; Ruth Rt; Samuel; Rois;
        Chroniques; Esdras; Néhémie Ne; Esther Est; Job Jb; Psaume Ps Psaumes; Proverbes Pr; Ecclésiaste Qo; Isaïe
        Is; Jérémie Jr; Ézéchiel Ez; Daniel Dn; Osée Os; Joël Jl; Amos Am; Jonas Jon; Michée Mi; Zacharie Za;
        Malachie Ml; Matthieu Mt; Marc Mc; Luc Lc; Jean Jn; Actes Ac; Romains Rm; Corinthiens Co; Galates Ga;
        Éphésiens Ep; Philippiens Ph; Colossiens Col; Thessaloniciens Th; Timothée Tm; Tite Tt; Hébreux He; Jacques
        Jc; Apocalypse Ap
        """
    ),
    first_books=("premier", "deuxième", "troisième"),
    dates=(rf"(?<![\w.,]){DAY}\sMONTH(?:\.(?=[\s,;)]))?(?:\s(?P<year>\d{{4}})\b)?(?!\w)", NUMERIC_DATE),
    times=(HOURS, CLOCK),
    domains="com|org|net|io|edu|gov|ai|app|dev|eu|info|fr|be|ch|ca",
    months=tuple(FRENCH_MONTHS.split()),
    short_months=tuple("janv févr mars avr mai juin juil août sept oct nov déc".split()),
    currencies={
        "€": ("euro", "euros", "centime", "centimes"),
        "EUR": ("euro", "euros", "centime", "centimes"),
        "$": ("dollar", "dollars", "cent", "cents"),
        "USD": ("dollar", "dollars", "cent", "cents"),
        "$ US": ("dollar américain", "dollars américains", "cent", "cents"),
        "$US": ("dollar américain", "dollars américains", "cent", "cents"),
        "$ CA": ("dollar canadien", "dollars canadiens", "cent", "cents"),
        "£": ("livre", "livres", "penny", "pence"),
        "₿": ("bitcoin", "bitcoins", "", ""),
        "₽": ("rouble", "roubles", "", ""),
        "₹": ("roupie", "roupies", "", ""),
        "¥": ("yen", "yens", "sen", "sen"),
        "CHF": ("franc suisse", "francs suisses", "centime", "centimes"),
        "FCFA": ("franc CFA", "francs CFA", "centime", "centimes"),
    },
    magnitudes=table(
        "k=mille; M=millions; Md=milliards; Mds=milliards; million=million; millions=millions; milliard=milliard; "
        "milliards=milliards"
    ),
    single={"millions": "un million", "milliards": "un milliard", "mille": "mille"},
    units=unit_words(
        """
        kbit/s=kilobit par seconde; Mbit/s=mégabit par seconde; ips=image par seconde; fps=image par seconde; ″=pouce;
        km/h=kilomètre par heure; m/s=mètre par seconde; km=kilomètre; cm=centimètre; mm=millimètre; m=mètre;
        km²=kilomètre carré; m²=mètre carré; m2=mètre carré; m³=mètre cube; m3=mètre cube; cm²=centimètre carré;
        cm³=centimètre cube; ha=hectare; nm=nanomètre; µm=micromètre; kg=kilogramme; mg=milligramme; g=gramme; t=tonne;
        l=litre; L=litre; ml=millilitre; mL=millilitre; cl=centilitre; cL=centilitre; dl=décilitre; °C=degré Celsius;
        °F=degré Fahrenheit; °=degré; h=heure; j=jour; cp=comprimé;
        min=minute; mn=minute; s=seconde; ms=milliseconde; Ko=kilooctet;
        ko=kilooctet; Mo=mégaoctet; Go=gigaoctet; To=téraoctet; MB=mégaoctet; GB=gigaoctet; Hz=hertz; kHz=kilohertz;
        MHz=mégahertz; GHz=gigahertz; W=watt; kW=kilowatt; MW=mégawatt; kWh=kilowattheure; V=volt; A=ampère;
        mA=milliampère; mAh=milliampère-heure; dB=décibel; kcal=kilocalorie; kJ=kilojoule; hPa=hectopascal;
        mmol=millimole; bpm=battement par minute; px=pixel; pt=point; pts=point;
        Mbit/s=mégabit par seconde; Mb/s=mégabit par seconde; Mo/s=mégaoctet par seconde
        """,
        ("hertz", "hertz"),
        ("", "s"),
    )
    | {
        **{sign: (watt, f"{watt}s") for sign, watt in {"W": "watt", "kW": "kilowatt", "MW": "mégawatt"}.items()},
        "pb": ("point de base", "points de base"),
        "m/s²": ("mètre par seconde au carré", "mètres par seconde au carré"),
        **dict.fromkeys(("c. à s.", "c. à soupe", "cuil. à soupe"), ("cuillère à soupe", "cuillères à soupe")),
        **dict.fromkeys(("c. à c.", "c. à café", "cuil. à café"), ("cuillère à café", "cuillères à café")),
    },
    fractions=table("½=un demi; ⅓=un tiers; ⅔=deux tiers; ¼=un quart; ¾=trois quarts"),
    abbreviations=in_any_case(
        """
        n°=numéro; nº=numéro; etc.=et cetera; p. ex.=par exemple; p.ex.=par exemple; c.-à-d.=c'est-à-dire;
        càd=c'est-à-dire;
        cf.=confer; av. J.-C.=avant Jésus-Christ; apr. J.-C.=après Jésus-Christ; ap. J.-C.=après Jésus-Christ;
        J.-C.=Jésus-Christ; bd=boulevard; bd.=boulevard; Bd=boulevard; boul.=boulevard; tél.=téléphone; Tél.=téléphone;
        env.=environ; svp=s'il vous plaît; SVP=s'il vous plaît; stp=s'il te plaît; rdv=rendez-vous; RDV=rendez-vous;
        Cie=compagnie; Sté=société; qqch=quelque chose; qqn=quelqu'un; resp.=respectivement; ex.=exemple;
        max.=maximum; min.=minimum; N.B.=nota bene; P.-S.=post-scriptum; arr.=arrondissement; T°=température;
        c. à c.=cuillère à café; c. à s.=cuillère à soupe; c. à café=cuillère à café; c. à soupe=cuillère à soupe;
        éd.=édition; dép.=département; hab.=habitants; dist.=distance; pers.=personnes; ét.=étage;
        appt.=appartement; bât.=bâtiment; réf.=référence; et al.=et al; t.a.b.=aux tirs au but;
        esc.=escalier; déb.=début; app.=appartement; bcp=beaucoup; Ets=établissements; fbg=faubourg; fg=faubourg;
        sqq.=et suivantes; sq.=et suivante
        """
    ),
    before_number=in_any_case(
        """
        n°=numéro;
        N°=numéro; nº=numéro; Nº=numéro; no=numéro; no.=numéro; nos=numéros; n°s=numéros; art.=article;
        Art.=article; p.=page; pp.=pages; chap.=chapitre; vol.=volume; fig.=figure; al.=alinéa; t.=tome; éq.=équation;
        ch.=chapitre; tel.=téléphone; env.=environ; ap.=appartement; v.=vers; op.=opus; sc.=scène; esc.=escalier;
        app.=appartement; th.=thermostat; alt.=altitude; ép.=épisode; Ép.=épisode
        """
    ),
    weekdays=table("lun=lundi; mar=mardi; mer=mercredi; jeu=jeudi; ven=vendredi; sam=samedi; dim=dimanche"),
    titles=table(
        "Mme=madame; Mmes=mesdames; Mlle=mademoiselle; Mlles=mesdemoiselles; Mgr=monseigneur; Dr=docteur; "
        "Dre=docteure; Pr=professeur; Prof=professeur; St=saint; Ste=sainte; Gal=général; Cdt=commandant; "
        "Vve=veuve; Pdt=président"
    ),
    may_end=frozenset(["etc.", "J.-C.", "av. J.-C.", "apr. J.-C."]),
    starters=frozenset(
        """
        Alors Après Au Aujourd'hui Aussi Avant Avec Ce Cela Celui Ces Cet Cette Chaque Comme Dans De Depuis Des Donc Du
        Elle Elles En Encore Enfin Ensuite Et Il Ils J' Je L' La Le Les Leur Lors Ma Mais Malgré Même Mes Mon Ni Nos
        Notre Nous On Or Ou Où Par Parce Pas Pendant Personne Peut-être Plus Pour Pourquoi Puis Quand Que Quel Quelle
        Qui Rien Sa Sans Selon Ses Si Son Sous Sur Ta Tous Tout Toute Tu Un Une Vers Voici Voilà Vos Votre Vous
        """.split()
    ),
    counted_words=frozenset(
        """
        acte annexe article chapitre chant classe épisode figure guerre leçon livre niveau page partie phase saison
        scène section tableau titre tome type volume guerre partie
        """.split()
    ),
    rulers=frozenset(
        """
        Alexandre Benoît Catherine Charles Clément Édouard Élisabeth Ferdinand François Frédéric Georges Grégoire
        Guillaume Gustave Henri Innocent Jacques Jean Jean-Paul Jules Léon Léopold Louis Napoléon Nicolas Paul Philippe
        Pie Ramsès Richard Urbain
        """.split()
    ),
    letters={
        **letter_names(
            "a bé cé dé e effe gé ache i ji ka elle emme enne o pé ku erre esse té u vé double_vé ixe igrec zède"
        ),
        "É": "e accent aigu",
        "È": "e accent grave",
        "Ç": "cé cédille",
    },
    read_as_words=frozenset(
        """
        ALENA ASSEDIC BAFA CAF CAPES CEDEX CNIL CROUS DOM-TOM DROM ENA FIFA INSEE INED INRA INSERM LASER MEDEF NASA
        OTAN ONU OPEP OVNI PACS PIN RADAR RAM SAMU SICAV SIDA SMIC SONAR UEFA UNESCO UNICEF URSSAF VIP ZAC ZEP
        A AH ALORS AU AUX AVEC BIEN BON CAR CE CES CET COMME DANS DE DES DU ELLE EN ET EUX FAIT FIN IL ILS JE LA LE LES
        LEUR LUI MA MAIS ME MES MOI MOINS MON NE NI NON NOS NOUS OH ON OU OUI PAR PAS PEU PLUS POUR QUE QUI RIEN SA
        SANS SE SES SI SON SUR TA TE TES TOI TON TOUS TOUT TRÈS TU UN UNE VA VOS VOUS
        """.split()
    ),
    pronounceable=r"[AEIOU]?(?:[^AEIOU][AEIOU]){2,}[^AEIOU]?",
    per="par",
    handle="arobase",
    episodes=("saison", "épisode"),
    hashtag="hashtag",
    factorial="factorielle",
    keys=("étoile", "dièse"),
    signs=table(
        "+=plus; -=moins; –=moins; −=moins; *=fois; ×=fois; ·=fois; x=fois; /=divisé par; ÷=divisé par; "
        ":=divisé par; ^=puissance"
    )
    | {"=": "égale"},
    symbols=table(
        "№=numéro; ℃=degrés Celsius; "
        "&=et; +=plus; @=arobase; %=pour cent; ‰=pour mille; ±=plus ou moins; ≈=environ; ≠=différent de; "
        "≤=inférieur ou égal à; ≥=supérieur ou égal à; ∞=l'infini; √=racine de; π=pi; °=degrés; $=dollars; €=euros; "
        "£=livres; ¥=yens; §=paragraphe; #=dièse; ×=fois; ÷=divisé par; ~=environ; <=inférieur à; >=supérieur à; "
        ".=point; /=slash; -=tiret; _=tiret bas; \\=antislash; :=deux points; ?=point d'interrogation"
    )
    | {"=": "égale"},
)

ITALIAN_MONTHS = "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"
ITALIAN = Language(
    code="it",
    thousands=".",
    decimal=",",
    point="virgola",
    minus="meno",
    to="a",
    by="per",
    out_of="su",
    score="a",
    percent="per cento",
    and_="e",
    ordinal=r"(?<![\w.,:/])(?P<number>\d+)(?P<ending>[ºª°]|[°º]?(?:esim)?[oaie])(?![\w])",
    day_range=first_days(ITALIAN_MONTHS),
    postal=r"(?:(?<=, )|(?<=I-)|(?<![\s\S]))(?P<number>\d{5})(?= [A-ZÀ-Þ][a-zà-ÿ]+)",
    phrases=(
        (r"(?<!\w)SS\.(?=\s(?:Annunziata|Concezione|Madre|Trinità|Vergine)\b)", "santissima"),
        (r"(?<!\w)SS\.(?=\s(?:Crocifisso|Nome|Redentore|Rosario|Sacramento|Salvatore)\b)", "santissimo"),
        (r"(?<!\w)SS\.(?=\s[A-Z][a-z]+\se\s[A-Z])", "santi"),
        (rf"(?<!\w)S\.(?=\s(?:{FEMALE_SAINTS})\b)", "santa"),
        (r"(?<!\w)S\.\s(?=[AEIOU][a-zà-ù]{2})", "sant'"),
        (r"\b[Cc]ap\.\s\d{1,3},\s(?P<take>v\.)", "verso"),
        (r"\d°\s(?P<take>p\.)(?!\w)", "piano"),
        (r"(?:†|(?<![\w.])m\.)(?=\s?\d{1,2}\s)", "morto il"),
        (r"¶+(?=\s?\d)", "paragrafo"),
        (r"\b[Dd]al\s\d{1,2}(?P<take>\s?[-–]\s?)(?=\d{1,2}\s[a-z]{3})", " al "),
        (
            r"\b[vV]\.(?=\s(?!Allegato|Art|Cap|Fig|Nota|Pag|Par|Sez|Tab|Vol)(?:[A-ZÀ-Þ][a-zà-ÿ]+\s?){1,3},?\s\d{1,3}\b(?!\.\d))",
            "via",
        ),
        *(
            (rf"(?<=[\w$€£%])/{unit}\b", f" {spoken}")
            for unit, spoken in {
                "mese": "al mese",
                "giorno": "al giorno",
                "anno": "all'anno",
                "settimana": "alla settimana",
                "ora": "all'ora",
                "notte": "a notte",
                "persona": "a persona",
            }.items()
        ),
        (r"(?<=[$€£])/h\b", " all'ora"),
        (r"†(?=\s?\d{4})", "morto nel"),
        *directions("N=nord; S=sud; E=est; O=ovest"),
        (r"\b[12]ª\s(?P<take>G\.?M\b\.?)", "guerra mondiale"),
        (r"\b(?:[Ll]|[Dd]el|[Nn]el|[Aa]l)?la\s(?P<take>I)(?=\s(?:Repubblica|Guerra)\b)", "prima"),
        (r"(?<!\w)S\.p\.A\.|(?<!\w)S\.p\.a\.|\bSpA\b", "esse pi a"),
        (r"(?<!\w)S\.r\.l\.|\bSrl\b", "esse erre elle"),
        (r"(?<!\w)S\. ?M\.(?=\s(?:il|la)\s[A-Z])", "Sua Maestà"),
        (r"(?<!\w)S\. ?S\.(?=\sil\s[A-Z])", "Sua Santità"),
        (r"\b[Pp]art\.(?=\s\d{1,2}[:.]\d\d)", "partenza"),
        (r"\b[Aa]rr\.(?=\s\d{1,2}[:.]\d\d)", "arrivo"),
        (r"(?<!\w)S\.(?=\s[A-ZÀ-Þ][a-zà-ÿ])", "san"),
        (r"(?<!\w)km(?=\s\d)", "chilometro"),
        (r"(?<!\w)['’](?=\d\d\b)", ""),
        (r"(?<=\d)x(?!\w|\s?[\d+*/=)−-])", "per"),
        (r"(?<!\w)[vV](?=\d+\.\d)", "versione"),
    ),
    books=names_of(
        """
        Genesi Gn Gen; Esodo Es; Levitico Lv; Numeri Nm; Deuteronomio Dt; Giosuè Gs; Giudici Gdc; Rut Rt; Samuele
        Sam; Re; Cronache Cr; Esdra; Neemia Ne; Ester Est; Giobbe Gb; Salmo Sal Salmi; Proverbi Pr; Qoelet Qo; Isaia
        Is; Geremia Ger; Ezechiele Ez; Daniele Dn; Osea Os; Gioele Gl; Amos Am; Giona Gio; Michea Mi; Zaccaria Zc;
        Malachia Ml; Matteo Mt; Marco Mc; Luca Lc; Giovanni Gv; Atti At; Romani Rm; Corinzi Cor; Galati Gal; Efesini
        Ef; Filippesi Fil; Colossesi Col; Tessalonicesi Ts; Timoteo Tm; Tito Tt; Ebrei Eb; Giacomo Gc; Pietro Pt;
        Apocalisse Ap
        """
    ),
    first_books=("prima", "seconda", "terza"),
    dates=(rf"(?<![\w.,]){DAY}\sMONTH(?:\.(?=[\s,;)]))?(?:\s(?P<year>\d{{4}})\b)?(?!\w)", NUMERIC_DATE),
    times=(
        r"(?<=\bore )(?P<hour>2[0-4]|[01]?\d)(?:[:.,](?P<minute>[0-5]\d))?(?!\w|[:.]\w)",
        r"(?:(?<=lle )|(?<=\b[Ll]e ))(?P<hour>[01]?\d|2[0-4])\.(?P<minute>[0-5]\d)"
        r"(?![\w:.]\w|\w|\s?(?:[€$%]|euro|milioni|km?\b))",
        CLOCK,
        HOURS,
    ),
    domains="com|org|net|io|edu|gov|ai|app|dev|eu|info|it|ch",
    months=tuple(ITALIAN_MONTHS.split()),
    short_months=tuple("gen feb mar apr mag giu lug ago sett set ott nov dic".split()),
    currencies={
        "€": ("euro", "euro", "centesimo", "centesimi"),
        "EUR": ("euro", "euro", "centesimo", "centesimi"),
        "$": ("dollaro", "dollari", "centesimo", "centesimi"),
        "USD": ("dollaro", "dollari", "centesimo", "centesimi"),
        "US$": ("dollaro", "dollari", "centesimo", "centesimi"),
        "£": ("sterlina", "sterline", "penny", "pence"),
        "₿": ("bitcoin", "bitcoin", "", ""),
        "₽": ("rublo", "rubli", "", ""),
        "₹": ("rupia", "rupie", "", ""),
        "¥": ("yen", "yen", "sen", "sen"),
        "CHF": ("franco svizzero", "franchi svizzeri", "centesimo", "centesimi"),
    },
    magnitudes=table(
        "mln=milioni; Mln=milioni; mld=miliardi; Mld=miliardi; milione=milione; milioni=milioni; miliardo=miliardo; "
        "miliardi=miliardi; mila=mila; k=mila; M=milioni"
    ),
    single={"milioni": "un milione", "miliardi": "un miliardo"},
    units=unit_words(
        """
        ″=pollice; km/h=chilometro all'ora; m/s=metro al secondo; km=chilometro; cm=centimetro; mm=millimetro; m=metro;
        km²=chilometro quadrato; m²=metro quadrato; m2=metro quadrato; mq=metro quadrato; m³=metro cubo; m3=metro cubo;
        mc=metro cubo; cm²=centimetro quadrato; cm³=centimetro cubo; ha=ettaro; nm=nanometro; µm=micrometro;
        kg=chilogrammo; mg=milligrammo; g=grammo; gr=grammo; hg=ettogrammo; t=tonnellata; l=litro; L=litro;
        ml=millilitro; mL=millilitro; cl=centilitro; dl=decilitro; °C=grado Celsius; ºC=grado Celsius;
        °F=grado Fahrenheit; °=grado; º=grado; h=ora; min=minuto; s=secondo; sec=secondo; ms=millisecondo; KB=kilobyte;
        kB=kilobyte; MB=megabyte; GB=gigabyte; TB=terabyte; Hz=hertz; kHz=kilohertz; MHz=megahertz; GHz=gigahertz;
        W=watt; kW=chilowatt; MW=megawatt; kWh=chilowattora; V=volt; A=ampere; mA=milliampere; mAh=milliamperora;
        dB=decibel; kcal=chilocaloria; kJ=chilojoule; hPa=ettopascal; px=pixel; pb=punto base; cpr=compressa;
        Mbps=megabit al secondo;
        MB/s=megabyte al secondo
        """,
        ("ora", "ore"),
        ("essa", "esse"),
        ("ice", "ici"),
        ("co", "chi"),
        ("o", "i"),
        ("ia", "ie"),
        ("ta", "te"),
    )
    | {
        "m/s²": ("metro al secondo quadrato", "metri al secondo quadrato"),
        "bpm": ("battito al minuto", "battiti al minuto"),
        "gg": ("giorno", "giorni"),
        "mmol": ("millimole", "millimoli"),
    },
    fractions=table("½=mezzo; ⅓=un terzo; ⅔=due terzi; ¼=un quarto; ¾=tre quarti"),
    abbreviations=in_any_case(
        """
        dott.ssa=dottoressa; prof.ssa=professoressa; sig.ra=signora; sig.na=signorina;
        n°=numero; nº=numero; ecc.=eccetera; etc.=eccetera; ad es.=ad esempio; p. es.=per esempio; p.es.=per esempio;
        es.=esempio;
        a.C.=avanti Cristo; a. C.=avanti Cristo; d.C.=dopo Cristo; d. C.=dopo Cristo; tel.=telefono; Tel.=telefono;
        cell.=cellulare; c.a.=circa; v.=vedi; cfr.=confronta; Cfr.=confronta; P.S.=post scriptum; N.B.=nota bene;
        p.zza=piazza; P.zza=piazza; v.le=viale; V.le=viale; C.so=corso; c.so=corso; max.=massimo; min.=minimo;
        c.m.=corrente mese; c.d.=cosiddetto; cd.=cosiddetto; all.=allegato; fam.=famiglia; sec.=secolo; ab.=abitanti;
        ved.=vedova; prov.=provincia; vs.=versus; dist.=distanza; pers.=persone; et al.=et al;
        d.c.r.=dopo i calci di rigore; L.go=largo; V.lo=vicolo; rif.=riferimento; lett.=lettera;
        F.lli=fratelli; Ill.mo=illustrissimo; Ill.ma=illustrissima; fest.=festivi; bust.=busta; pizz.=pizzico;
        incl.=inclusa; s.l.m.=sul livello del mare; a.s.=anno scolastico; a.a.=anno accademico;
        sgg.=e seguenti; sc.=scala; q.b.=quanto basta; C.P.=casella postale; P.IVA=partita IVA; P. IVA=partita IVA;
        c.c.=codice civile; c.p.=codice penale; c.p.c.=codice di procedura civile; c.p.p.=codice di procedura penale
        """
    ),
    before_number=in_any_case(
        """
        n.=numero; N.=numero; nr.=numero; n°=numero; N°=numero; nº=numero; nn.=numeri; art.=articolo; Art.=articolo;
        artt.=articoli; pag.=pagina; Pag.=pagina; pagg.=pagine; p.=pagina; pp.=pagine; cap.=capitolo; Cap.=capitolo;
        vol.=volume; fig.=figura; ca.=circa; c.=comma; co.=comma; t.=tomo; ed.=edizione; max.=massimo; min.=minimo;
        tab.=tabella; par.=paragrafo; int.=interno; bin.=binario; op.=opera; alt.=altitudine; ep.=episodio;
        ll.=righe
        """
    ),
    weekdays=table("lun=lunedì; mar=martedì; mer=mercoledì; gio=giovedì; ven=venerdì; sab=sabato; dom=domenica"),
    titles=table(
        "Sig=signor; sig=signor; Sig.ra=signora; sig.ra=signora; Sig.na=signorina; Sigg=signori; Dott=dottor; "
        "dott=dottor; Dr=dottor; Dott.ssa=dottoressa; dott.ssa=dottoressa; Dr.ssa=dottoressa; Prof=professor; "
        "prof=professor; Prof.ssa=professoressa; prof.ssa=professoressa; Ing=ingegner; ing=ingegner; Avv=avvocato; "
        "avv=avvocato; Arch=architetto; arch=architetto; Geom=geometra; Rag=ragionier; On=onorevole; on=onorevole; "
        "Mons=monsignor; Gen=generale; Col=colonnello; Cap=capitano; Sen=senatore; Spett=spettabile; Gent=gentile; "
        "Gent.ma=gentilissima; Gent.mo=gentilissimo; Egr=egregio"
    ),
    may_end=frozenset("ecc. etc. a.C. d.C. S.p.A. S.r.l.".split()),
    starters=frozenset(
        """
        A Ad Adesso Al Alcuni Allora Anche Ancora Appena Che Chi Ci Come Con Così Cosa Da Dal Dalla Davvero Del Della Di
        Dopo Dove Dunque È E Ecco Era Essi Fino Forse Gli Ha Hanno Ho I Ieri Il In Infatti Infine Intanto Invece Io L'
        La Le Lei Lo Loro Lui Ma Mentre Mi Mio Molti Nel Nella Nessuno Niente Noi Non Nulla O Oggi Ogni Ora Per Perché
        Però Più Poi Prima Qualcuno Quale Quando Quanto Quel Quella Quelle Quello Questa Queste Questi Questo Qui Se
        Senza Si Sì Sono Sotto Su Sua Sulla Suo Tra Tu Tutti Tutto Un Una Uno Voi
        """.split()
    ),
    counted_words=frozenset(
        """
        allegato articolo atto canto capitolo classe episodio fase figura gruppo guerra legislatura lezione libro
        livello mondiale numero pagina parte scena secoli secolo serie sezione stagione tabella tipo titolo tomo volume
        """.split()
    ),
    rulers=frozenset(
        """
        Alessandro Amedeo Benedetto Bonifacio Carlo Caterina Clemente Edoardo Elisabetta Emanuele Enrico Federico
        Ferdinando Filippo Francesco Giacomo Giorgio Giovanni Giulio Gregorio Guglielmo Gustavo Innocenzo Leone Luigi
        Massimiliano Napoleone Nicola Ottone Paolo Pietro Pio Ramses Riccardo Roberto Sisto Umberto Urbano Vittorio
        """.split()
    ),
    letters=letter_names(
        "a bi ci di e effe gi acca i i_lunga cappa elle emme enne o pi cu erre esse ti u vu doppia_vu ics ipsilon zeta"
    )
    | {"À": "a", "È": "e", "É": "e", "Ì": "i", "Ò": "o", "Ù": "u"},
    read_as_words=frozenset(
        """
        AIDS ANAS ANSA ATAC BIOS ENEL ENI FIAT INAIL INPS ISTAT RAI TAR UEFA UNESCO UNICEF
        A AD AI AL CHE CI DA DI E ED FA GLI HA HO I IL IN IO LA LE LEI LO LUI MA ME MI NE NO NOI NON O PER PIÙ SE SEI SI
        SÌ SU TE TI TU UN VA VI VOI
        """.split()
    ),
    read_as_letters=frozenset("HIV".split()),
    pronounceable=OPEN_SYLLABLES,
    per="per",
    handle="chiocciola",
    episodes=("stagione", "episodio"),
    hashtag="hashtag",
    factorial="fattoriale",
    keys=("asterisco", "cancelletto"),
    signs=table("+=più; -=meno; –=meno; −=meno; *=per; ×=per; ·=per; x=per; /=diviso; ÷=diviso; :=diviso; ^=elevato a")
    | {"=": "uguale"},
    symbols=table(
        "№=numero; ℃=gradi Celsius; "
        "&=e; +=più; @=chiocciola; %=per cento; ‰=per mille; ±=più o meno; ≈=circa; ≠=diverso da; "
        "≤=minore o uguale a; ≥=maggiore o uguale a; ∞=infinito; √=radice di; π=pi greco; °=gradi; $=dollari; €=euro; "
        "£=sterline; ¥=yen; §=paragrafo; #=cancelletto; ×=per; ÷=diviso; ~=circa; <=minore di; >=maggiore di; .=punto; "
        "/=barra; -=trattino; _=trattino basso; \\=barra inversa; :=due punti; ?=punto interrogativo"
    )
    | {"=": "uguale"},
)
