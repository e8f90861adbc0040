"""How Spanish and Brazilian Portuguese write and say numbers, money, dates, units and abbreviations.

The rules that read them are in `normalization_romance_tts_trm.py`; `languages_tts_trm.py` says what a field means.
"""

from .languages_romance_tts_trm import (
    CLOCK,
    DAY,
    HOURS,
    NUMERIC_DATE,
    OPEN_SYLLABLES,
    first_days,
    unit_words,
)
from .languages_tts_trm import Language, directions, in_any_case, letter_names, names_of, table

SPANISH_MONTHS = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
SPANISH = Language(
    code="es",
    thousands=".",
    decimal=",",
    point="coma",
    minus="menos",
    to="a",
    by="por",
    out_of="sobre",
    score="a",
    percent="por ciento",
    and_="y",
    ordinal=r"(?<![\w.,:/])(?P<number>\d+)(?:\.(?=[ºªoae]))?(?P<ending>[ºª°]|er|ero|era|r[oa]|d[oa]|t[oa]|m[oa]|n[oa]|v[oa])(?!\w)",
    day_range=first_days(SPANISH_MONTHS),
    postal=r"(?:(?<=, )|(?<=E-)|(?<![\s\S]))(?P<number>\d{5})(?= [A-ZÀ-Þ][a-zà-ÿ]+)",
    phrases=(
        (r"¶+(?=\s?\d)", "párrafo"),
        # Of a flat.
        (r"(?<![\d.,])(?:[2-9]|1[0-2])\s(?P<take>hab\.)(?!\s?/)", "habitaciones"),
        (r"\b[Dd]el\s\d{1,2}(?P<take>\s?[-–]\s?)(?=\d{1,2}\sde\b)", " al "),
        (r"(?<!\w)D\.(?=\s[A-ZÀ-Þ][a-zà-ÿ])", "don"),
        (r"(?<!\w)EE\. ?UU\.(?=\s*$|\s+[A-ZÀ-Þ])", "Estados Unidos."),
        (r"(?<!\w)EE\. ?UU\.?|\bEEUU\b", "Estados Unidos"),
        (r"(?<!\w)JJ\. ?OO\.?", "Juegos Olímpicos"),
        (r"†(?=\s?\d{1,2}\sde\s)", "fallecido el"),
        (r"†(?=\s?\d{4})", "fallecido en"),
        *directions("N=norte; S=sur; E=este; O=oeste; W=oeste"),
        (r"\b[12]\.?ª\s(?P<take>GM)\b", "guerra mundial"),
        (r"\b[Ll]a\s(?P<take>I)(?=\s(?:República|Guerra)\b)", "primera"),
        (r"\b[Ll]as\s12\s(?P<take>m\.)", "del mediodía"),
        (r"(?<![\w.])m\.(?=\sen\s(?:1|20)\d)", "murió"),
        (r"(?<![\w.])m\.(?=\s\d{1,2}\s(?:de\s)?[a-z]{3})", "murió el"),
        (r"(?<!\w)[Nn]ac\.(?=\s\d{1,2}[\s/])", "nacido el"),
        (r"(?<![\w.])h\.(?=\s1\d{3}\b)", "hacia"),
        (r"\b[Cc]ap\.\s\d{1,3},\s(?P<take>v\.)", "versículo"),
        (r"\d\s(?P<take>ss\.)", "y siguientes"),
        (r"(?<!\w)Pº(?=\s(?:del?\s)?)", "paseo"),
        (r"(?<![\w.])C\.(?=\s(?:Civil|Penal|Comercio)\b)", "Código"),
        (r"(?<!\w)C/(?=\s?[A-ZÀ-Þ])", "calle "),
        (r"(?<!\w)s/n\b", "sin número"),
        (r"(?<!\w)c/\s?(?=\d)", "cada "),
        (r"\bI(?=\sparte\b)", "primera"),
        (r"(?<!\w)S\. ?M\.(?=\s(?:el|la)\s[A-Z])", "Su Majestad"),
        (r"(?<!\w)S\. ?S\.(?=\sel\s[A-Z])", "Su Santidad"),
        (r"\b[Ss]al\.(?=\s\d{1,2}[:.]\d\d)", "salida"),
        (r"\b[Ll]leg\.(?=\s\d{1,2}[:.]\d\d)", "llegada"),
        (r"\$\s?(?=[\d.,]+\s(?:pesos|MXN)\b)", ""),
        (r"(?<!\w)D\.ª(?=\s[A-ZÀ-Þ])", "doña"),
        (r"(?<!\w)km(?=\s\d)", "kilómetro"),
        (r"(?<!\w)c/u\b", "cada uno"),
        (r"(?<=\d)x(?!\w|\s?[\d+*/=)−-])", "por"),
        (r"(?<!\w)[vV](?=\d+\.\d)", "versión"),
    ),
    books=names_of(
        """
        Génesis Gn; Éxodo Ex; Levítico Lv; Números Nm; Deuteronomio Dt; Josué Jos; Jueces Jue; Samuel Sam Sm; Reyes
        Re; Crónicas Cro; Esdras; Nehemías Neh; Ester; Job; Salmo Sal Salmos; Proverbios Prov Pr; Eclesiastés Ecl;
        Isaías Is; Jeremías Jer Jr; Ezequiel Ez; Daniel Dn; Oseas Os; Joel; Amós Am; Jonás Jon; Miqueas Miq;
        Zacarías Zac; Malaquías Mal; Mateo Mt; Marcos Mc; Lucas Lc; Juan Jn; Hechos Hch; Romanos Rom Rm; Corintios
        Cor Co; Gálatas Gal; Efesios Ef; Filipenses Flp; Colosenses Col; Tesalonicenses Tes; Timoteo Tim; Tito;
        Hebreos Heb; Santiago Stg; Pedro Pe; Apocalipsis Ap
        """
    ),
    first_books=("primera", "segunda", "tercera"),
    dates=(
        rf"(?<![\w.,]){DAY}\sde\sMONTH(?:\.(?=[\s,;)]))?(?:,?\s(?P<of>del?)\s(?P<year>\d{{4}})\b)?(?!\w)",
        rf"(?<![\w.,]){DAY}\sMONTH(?:\.?,?\s(?:(?P<of>del?)\s)?(?P<year>\d{{4}})\b|\.(?=[\s,;)])|(?=\.\s*$))(?!\w)",
        NUMERIC_DATE,
    ),
    times=(CLOCK, HOURS),
    domains="com|org|net|io|edu|gov|ai|app|dev|eu|info|es|mx|ar|co|cl|cat",
    months=tuple(SPANISH_MONTHS.split()),
    short_months=tuple("ene feb mar abr may jun jul ago sept oct nov dic".split()),
    currencies={
        "€": ("euro", "euros", "céntimo", "céntimos"),
        "EUR": ("euro", "euros", "céntimo", "céntimos"),
        "$": ("dólar", "dólares", "centavo", "centavos"),
        "USD": ("dólar", "dólares", "centavo", "centavos"),
        "US$": ("dólar", "dólares", "centavo", "centavos"),
        "£": ("libra", "libras", "penique", "peniques"),
        "₿": ("bitcoin", "bitcoins", "", ""),
        "₽": ("rublo", "rublos", "", ""),
        "₹": ("rupia", "rupias", "", ""),
        "¥": ("yen", "yenes", "sen", "sen"),
        "CHF": ("franco suizo", "francos suizos", "céntimo", "céntimos"),
        "MXN": ("peso", "pesos", "centavo", "centavos"),
    },
    magnitudes=table(
        "k=mil; M=millones; millón=millón; millones=millones; mil=mil; mill.=millones; MM=mil millones; "
        "bill.=billones; "
        "mil M=mil millones"
    ),
    single={"millones": "un millón", "billones": "un billón", "mil": "mil"},
    units=unit_words(
        """
        ″=pulgada; km/h=kilómetro por hora; m/s=metro por segundo; km=kilómetro; cm=centímetro; mm=milímetro; m=metro;
        km²=kilómetro cuadrado; m²=metro cuadrado; m2=metro cuadrado; m³=metro cúbico; m3=metro cúbico;
        cm²=centímetro cuadrado; cm³=centímetro cúbico; ha=hectárea; nm=nanómetro; µm=micrómetro; kg=kilogramo;
        mg=miligramo; g=gramo; gr=gramo; t=tonelada; l=litro; L=litro; ml=mililitro; mL=mililitro; cl=centilitro;
        dl=decilitro; °C=grado Celsius; ºC=grado Celsius; °F=grado Fahrenheit; ºF=grado Fahrenheit; °=grado; º=grado;
        h=hora; min=minuto; s=segundo; ms=milisegundo; KB=kilobyte; kB=kilobyte; MB=megabyte; GB=gigabyte; TB=terabyte;
        Hz=hercio; kHz=kilohercio; MHz=megahercio; GHz=gigahercio; W=vatio; kW=kilovatio; MW=megavatio;
        kWh=kilovatio hora; V=voltio; A=amperio; mA=miliamperio; mAh=miliamperio hora; dB=decibelio; kcal=kilocaloría;
        kJ=kilojulio; hPa=hectopascal; px=píxel; lpm=latido por minuto; Mbps=megabit por segundo;
        MB/s=megabyte por segundo
        """,
        ("byte", "bytes"),
        ("hectopascal", "hectopascales"),
        ("píxel", "píxeles"),
        ("bit", "bits"),
        ("", "s"),
    )
    | {
        "m/s²": ("metro por segundo al cuadrado", "metros por segundo al cuadrado"),
        "mmol": ("milimol", "milimoles"),
        "kWh": ("kilovatio hora", "kilovatios hora"),
        "mAh": ("miliamperio hora", "miliamperios hora"),
        "pb": ("punto básico", "puntos básicos"),
        "comp.": ("comprimido", "comprimidos"),
        "pp": ("punto porcentual", "puntos porcentuales"),
        **dict.fromkeys(("cda.", "cdas."), ("cucharada", "cucharadas")),
        **dict.fromkeys(("cdta.", "cdtas."), ("cucharadita", "cucharaditas")),
    },
    fractions=table("½=medio; ⅓=un tercio; ⅔=dos tercios; ¼=un cuarto; ¾=tres cuartos"),
    abbreviations=in_any_case(
        """
        n.º=número; nº=número; n°=número; a. m.=a m; p. m.=p m; a.m.=a m; p.m.=p m; etc.=etcétera; p. ej.=por
        ejemplo; p.ej.=por ejemplo; ej.=ejemplo; a. C.=antes de Cristo; a.C.=antes de Cristo;
        d. C.=después de Cristo; d.C.=después de Cristo; Ud.=usted; Uds.=ustedes; Vd.=usted; Vds.=ustedes;
        aprox.=aproximadamente; Avda.=avenida; avda.=avenida; Av.=avenida; Pza.=plaza; Pl.=plaza; dcha.=derecha;
        izda.=izquierda; izq.=izquierda; tel.=teléfono; Tel.=teléfono; tfno.=teléfono; Cía.=compañía;
        dpto.=departamento; cdta.=cucharadita; cda.=cucharada; cdas.=cucharadas; cdtas.=cucharaditas;
        Dpto.=departamento; depto.=departamento; S. A.=s a; S.A.=s a; S. L.=s l; S.L.=s l; admón.=administración;
        vs.=versus; máx.=máximo; mín.=mínimo; N. B.=nota bene; pdo.=pasado; q. e. p. d.=que en paz descanse;
        c/=calle; hab.=habitantes; Fdo.=firmado; Ctra.=carretera; ctra.=carretera; cfr.=confróntese; cf.=confróntese;
        prov.=provincia; dist.=distancia; pers.=personas; et al.=et al;
        apdo.=apartado; pta.=puerta; ptas.=pesetas; ref.=referencia;
        incl.=incluido; fest.=festivos; desc.=descanso; esc.=escalera; ppios.=principios; Tª=temperatura
        """
    ),
    before_number=in_any_case(
        """
        alt.=altitud; ep.=episodio; Ep.=episodio; s.=siglo; ss.=siglos; n.º=número; N.º=número; nº=número; Nº=número;
        n°=número; N°=número; núm.=número;
        Núm.=número; no.=número;
        No.=número; n.os=números; art.=artículo; Art.=artículo; pág.=página; págs.=páginas; p.=página; pp.=páginas;
        cap.=capítulo; Cap.=capítulo; vol.=volumen; fig.=figura; km.=kilómetro; párr.=párrafo; t.=tomo;
        aprox.=aproximadamente;
        ext.=extensión; ed.=edición; op.=opus; lín.=línea; máx.=máximo; mín.=mínimo
        """
    ),
    weekdays=table("lun=lunes; mar=martes; mié=miércoles; jue=jueves; vie=viernes; sáb=sábado; dom=domingo"),
    titles=table(
        "Sr=señor; Sra=señora; Srta=señorita; Sres=señores; Sras=señoras; Dr=doctor; Dra=doctora; Dña=doña; Dª=doña; "
        "Prof=profesor; Profa=profesora; Lic=licenciado; Ing=ingeniero; Arq=arquitecto; Gral=general; Cnel=coronel; "
        "Sta=santa; Sto=santo; Fr=fray; Excmo=excelentísimo; Mons=monseñor; Pdte=presidente; Hno=hermano; "
        "Hnos=hermanos; "
        "Vda=viuda; Rvdo=reverendo"
    ),
    may_end=frozenset("etc. a.C. d.C. S.A. S.L. Ud. Uds. Vd. Cía. Tel.".split()) | {"a. C.", "d. C.", "S. A."},
    starters=frozenset(
        """
        A Además Ahora Al Algunos Allí Ante Antes Aquel Aquella Aquí Así Aun Aunque Ayer Cada Como Con Cuando De Del
        Desde Después Dice Donde Durante El Él Ella Ellas Ellos En Entonces Era Es Esa Ese Eso Esta Está Este Esto
        Estos Fue Ha Hace Hasta Hay Hoy La Las Le Les Lo Los Luego Mañana Más Mi Mientras Mis Muchos Muy Nada Nadie Ni
        No Nos Nosotros Nunca O Otro Para Pero Por Porque Pues Que Quien Se Según Ser Si Sí Sin Sobre Son Su Sus También
        Tampoco Te Todo Todos Tras Tu Tú Un Una Uno Usted Y Ya Yo
        """.split()
    ),
    counted_words=frozenset(
        """
        acto anexo artículo canto capítulo clase congreso episodio escena fase figura fascículo grupo guerra lección
        libro lámina mundial nivel número parte página sección siglo siglos tabla temporada tipo título tomo volumen
        """.split()
    ),
    rulers=frozenset(
        """
        Alejandro Alfonso Amadeo Benedicto Carlos Catalina Clemente Eduardo Enrique Felipe Fernando Francisco Gregorio
        Guillermo Gustavo Inocencio Isabel Jacobo Jaime Jorge Juan León Leopoldo Luis Napoleón Nicolás Pablo Pedro Pío
        Ramsés Ricardo Sancho Urbano Victoria
        """.split()
    ),
    letters={
        **letter_names(
            "a be ce de e efe ge hache i jota ka ele eme ene o pe cu erre ese te u uve uve_doble equis i_griega zeta"
        ),
        "Ñ": "eñe",
        "Á": "a",
        "É": "e",
        "Í": "i",
        "Ó": "o",
        "Ú": "u",
    },
    read_as_words=frozenset(
        (
            "CIA PSOE RAE VAR A AL DE DEL EL EN ES HA HE LA LAS LE LO LOS ME MI NI NO O SE SI SÍ SU TE TU UN VA Y YA YO"
        ).split()
    ),
    read_as_letters=frozenset("SUV HIV VIH".split()),
    pronounceable=OPEN_SYLLABLES,
    per="por",
    handle="arroba",
    episodes=("temporada", "episodio"),
    hashtag="hashtag",
    factorial="factorial",
    keys=("asterisco", "almohadilla"),
    signs=table("+=más; -=menos; –=menos; −=menos; *=por; ×=por; ·=por; x=por; /=entre; ÷=entre; :=entre; ^=elevado a")
    | {"=": "igual a"},
    symbols=table(
        "№=número; ℃=grados Celsius; "
        "&=y; +=más; @=arroba; %=por ciento; ‰=por mil; ±=más menos; ≈=aproximadamente; ≠=distinto de; "
        "≤=menor o igual que; ≥=mayor o igual que; ∞=infinito; √=raíz de; π=pi; °=grados; $=dólares; "
        "€=euros; £=libras; "
        "¥=yenes; §=sección; #=almohadilla; ×=por; ÷=entre; ~=aproximadamente; <=menor que; >=mayor que; .=punto; "
        "/=barra; -=guion; _=guion bajo; \\=barra invertida; :=dos puntos; ?=signo de interrogación"
    )
    | {"=": "igual a"},
)

PORTUGUESE_MONTHS = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"
SAINTS = (
    "Bento|Bernardo|Caetano|Carlos|Domingos|Francisco|Gonçalo|Jorge|João|José|Judas|Lucas|Luís|Marcos|Mateus|Miguel"
    "|Paulo|Pedro|Sebastião|Tomé|Vicente"
)
PORTUGUESE = Language(
    code="pt",
    number_words="pt_BR",
    thousands=".",
    decimal=",",
    point="vírgula",
    minus="menos",
    to="a",
    by="por",
    out_of="sobre",
    score="a",
    percent="por cento",
    and_="e",
    ordinal=r"(?<![\w.,:/])(?P<number>\d+)(?:\.(?=[ºª]))?(?P<ending>[ºª°]s?|[oa]s?)(?!\w)",
    day_range=first_days(PORTUGUESE_MONTHS),
    postal=r"(?<![\w.,-])(?P<number>\d{5}-\d{3})(?![\w-])",
    phrases=(
        (r"¶+(?=\s?\d)", "parágrafo"),
        (rf"(?<!\w)S\.(?=\s(?:{SAINTS})\b)", "São"),
        (r"(?<!\w)R\.(?=\s(?:d[aeo]s?\s)?[A-ZÀ-Þ][a-zà-ÿ])", "rua"),
        (r"\bR\.(?=\sXV\b)", "rua"),
        (r"\bXV(?=\sde\s[A-Z])", "quinze"),
        (r"\d\.?º\s(?P<take>T)(?=[\s,.;)]|$)", "tempo"),
        (r"(?<!\w)S\. ?M\.(?=\s[oa]\s[A-Z])", "Sua Majestade"),
        (r"(?<!\w)S\. ?S\.(?=\so\s[A-Z])", "Sua Santidade"),
        (r"\b[Cc]heg\.(?=\s\d{1,2}[:h])", "chegada"),
        (r"†(?=\s?\d)", "falecido em"),
        *directions("N=norte; S=sul; E=leste; L=leste; O=oeste; W=oeste"),
        (r"\b[12]\.?ª\s(?P<take>GM)\b", "guerra mundial"),
        (r"\b(?:[Aa]|[DdNn]a)\s(?P<take>I)(?=\s(?:República|Guerra)\b)", "primeira"),
        (r"(?<![\w.])m\.(?=\sem\s(?:1|20)\d)", "morreu"),
        (r"(?<![\w.])f\.(?=\s\d{1,2}\s(?:de\s)?[a-z]{3})", "falecido em"),
        (r"(?<!\w)[Nn]asc\.(?=\s\d{1,2}[\s/])", "nascido em"),
        (r"(?<![\w.])c\.(?=\s1\d{3}\b)", "cerca de"),
        (r"\b[Cc]ap\.\s\d{1,3},\s(?P<take>v\.)", "versículo"),
        (r"(?<!\w)bl\.(?=\s[A-Z]\b)", "bloco"),
        (r"(?<!\w)s/n[º°]", "sem número"),
        *(
            (rf"(?<![\w/]){hours}/{hours}\s?h\b", f"de {word} em {word} horas")
            for hours, word in {4: "quatro", 6: "seis", 8: "oito", 12: "doze"}.items()
        ),
        (r"\d\.?º\s(?P<take>and\.)", "andar"),
        (r"(?<!\w)D\.(?=\s[A-ZÀ-Þ][a-zà-ÿ])", "dom"),
        (r"(?<!\w)s/n\b", "sem número"),
        (r"(?<!\w)km(?=\s\d)", "quilômetro"),
        (r"(?<!\w)c/\s?", "com "),
        (r"(?<!\w)p/\s", "para "),
        (r"(?<=\d)x(?!\w|\s?[\d+*/=)−-])", "vezes"),
        (r"(?<![\w.,x])\d{1,2}(?P<take>x)(?=\d{1,2}(?![\w.,]|\s?(?:[cmk]?m|px)\b))", " a "),
        (r"(?<!\w)[vV](?=\d+\.\d)", "versão"),
    ),
    books=names_of(
        """
        Gênesis Gn; Êxodo Êx Ex; Levítico Lv; Números Nm; Deuteronômio Dt; Josué Js; Juízes Jz; Rute Rt; Samuel Sm;
        Reis Rs; Crônicas Cr; Esdras; Neemias Ne; Ester Et; Jó; Salmo Sl Salmos; Provérbios Pv; Eclesiastes Ec;
        Isaías Is; Jeremias Jr; Ezequiel Ez; Daniel Dn; Oseias Os; Joel Jl; Amós Am; Jonas Jn; Miqueias Mq; Zacarias
        Zc; Malaquias Ml; Mateus Mt; Marcos Mc; Lucas Lc; João Jo; Atos At; Romanos Rm; Coríntios Co Cor; Gálatas
        Gl; Efésios Ef; Filipenses Fp; Colossenses Cl; Tessalonicenses Ts; Timóteo Tm; Tito Tt; Hebreus Hb; Tiago
        Tg; Pedro Pe; Apocalipse Ap
        """
    ),
    first_books=("primeira", "segunda", "terceira"),
    dates=(
        rf"(?<![\w.,]){DAY}\sde\sMONTH(?:\.(?=[\s,;)]))?(?:,?\s(?P<of>de)\s(?P<year>\d{{4}})\b)?(?!\w)",
        rf"(?<![\w.,]){DAY}\sMONTH(?:\.?,?\s(?:(?P<of>de)\s)?(?P<year>\d{{4}})\b|\.(?=[\s,;)])|(?=\.\s*$))(?!\w)",
        NUMERIC_DATE,
    ),
    times=(CLOCK, HOURS),
    domains="com|org|net|io|edu|gov|ai|app|dev|eu|info|br|pt",
    months=tuple(PORTUGUESE_MONTHS.split()),
    short_months=tuple("jan fev mar abr mai jun jul ago set out nov dez".split()),
    currencies={
        "R$": ("real", "reais", "centavo", "centavos"),
        "BRL": ("real", "reais", "centavo", "centavos"),
        "€": ("euro", "euros", "centavo", "centavos"),
        "EUR": ("euro", "euros", "centavo", "centavos"),
        "$": ("dólar", "dólares", "centavo", "centavos"),
        "US$": ("dólar", "dólares", "centavo", "centavos"),
        "USD": ("dólar", "dólares", "centavo", "centavos"),
        "£": ("libra", "libras", "pêni", "pence"),
        "₿": ("bitcoin", "bitcoins", "", ""),
        "₽": ("rublo", "rublos", "", ""),
        "₹": ("rupia", "rupias", "", ""),
        "¥": ("iene", "ienes", "sen", "sen"),
        "CHF": ("franco suíço", "francos suíços", "centavo", "centavos"),
    },
    magnitudes=table(
        "k=mil; mi=milhões; mil=mil; bi=bilhões; milhão=milhão; milhões=milhões; bilhão=bilhão; bilhões=bilhões; "
        "tri=trilhões; trilhão=trilhão; trilhões=trilhões"
    ),
    single={"milhões": "um milhão", "bilhões": "um bilhão", "trilhões": "um trilhão", "mil": "mil"},
    units=unit_words(
        """
        ″=polegada; km/h=quilômetro por hora; m/s=metro por segundo; km=quilômetro; cm=centímetro; mm=milímetro;
        m=metro; km²=quilômetro quadrado; m²=metro quadrado; m2=metro quadrado; m³=metro cúbico; m3=metro cúbico;
        cm²=centímetro quadrado; cm³=centímetro cúbico; ha=hectare; nm=nanômetro; µm=micrômetro; kg=quilograma;
        mg=miligrama; g=grama; t=tonelada; l=litro; L=litro; ml=mililitro; mL=mililitro; cl=centilitro; dl=decilitro;
        °C=grau Celsius; ºC=grau Celsius; °F=grau Fahrenheit; ºF=grau Fahrenheit; °=grau; º=grau; h=hora; min=minuto;
        s=segundo; seg=segundo; ms=milissegundo; KB=quilobyte; kB=quilobyte; MB=megabyte; GB=gigabyte; TB=terabyte;
        Hz=hertz; kHz=quilohertz; MHz=megahertz; GHz=gigahertz; W=watt; kW=quilowatt; MW=megawatt; kWh=quilowatt-hora;
        V=volt; A=ampere; mA=miliampere; mAh=miliampere-hora; dB=decibel; kcal=quilocaloria; kJ=quilojoule;
        hPa=hectopascal; px=pixel; bpm=batimento por minuto; comp.=comprimido; Mbps=megabit por segundo;
        MB/s=megabyte por segundo
        """,
        ("hertz", "hertz"),
        ("pixel", "pixels"),
        ("el", "éis"),
        ("pascal", "pascais"),
        ("", "s"),
    )
    | {
        "m/s²": ("metro por segundo ao quadrado", "metros por segundo ao quadrado"),
        "mmol": ("milimol", "milimols"),
        "mAh": ("miliampere-hora", "miliamperes-hora"),
        "kWh": ("quilowatt-hora", "quilowatts-hora"),
        "p.p.": ("ponto percentual", "pontos percentuais"),
        "pb": ("ponto-base", "pontos-base"),
        **{sign: (watt, f"{watt}s") for sign, watt in {"W": "watt", "kW": "quilowatt", "MW": "megawatt"}.items()},
        "xíc.": ("xícara", "xícaras"),
        **dict.fromkeys(("col. (sopa)", "col. de sopa"), ("colher de sopa", "colheres de sopa")),
        **dict.fromkeys(("col. (chá)", "col. de chá"), ("colher de chá", "colheres de chá")),
    },
    fractions=table("½=meio; ⅓=um terço; ⅔=dois terços; ¼=um quarto; ¾=três quartos"),
    abbreviations=in_any_case(
        """
        nº=número; n.º=número; n°=número; etc.=etcétera; p. ex.=por exemplo; p.ex.=por exemplo; ex.=exemplo;
        a.C.=antes de Cristo; a. C.=antes de Cristo;
        d.C.=depois de Cristo; d. C.=depois de Cristo; Av.=avenida; av.=avenida; Pça.=praça; Ltda.=limitada;
        Ltda=limitada; Cia.=companhia; tel.=telefone; Tel.=telefone; cel.=celular; obs.=observação; Obs.=observação;
        aprox.=aproximadamente; máx.=máximo; mín.=mínimo; S.A.=s a; S. A.=s a; S/A=s a; vc=você; vcs=vocês; tb=também;
        tbm=também; pq=porque; qdo=quando; hab.=habitantes; vs.=versus; dpto.=departamento; Depto.=departamento;
        apto.=apartamento; Exmo.=excelentíssimo; Exma.=excelentíssima; Ilmo.=ilustríssimo; N.B.=nota bene;
        dist.=distância; a.a.=ao ano;
        a. a.=ao ano; et al.=et al; rod.=rodovia; tb.=também; tbm.=também; V. Sa.=Vossa Senhoria;
        V. Exa.=Vossa Excelência; cx.=caixa; fam.=família; fer.=feriados; env.=envelope;
        xíc.=xícara; cf.=confira; p.p.=pontos percentuais; Pç.=praça; pç.=praça; apt.=apartamento; qto.=quarto;
        qtos.=quartos; col. de sopa=colher de sopa;
        col. de chá=colher de chá
        """
    ),
    before_number=in_any_case(
        """
        nº=número; Nº=número; n.º=número; N.º=número; n°=número; N°=número; no.=número; núm.=número; n.=número;
        art.=artigo; Art.=artigo; arts.=artigos; pág.=página; págs.=páginas; p.=página; pp.=páginas; cap.=capítulo;
        Cap.=capítulo; vol.=volume; fig.=figura; inc.=inciso; aprox.=aproximadamente; ap.=apartamento; alt.=altitude;
        ep.=episódio; Ep.=episódio; cj.=conjunto;
        ed.=edição; op.=opus; máx.=máximo;
        mín.=mínimo; apto.=apartamento; bl.=bloco;
        tab.=tabela; t.=tomo; ag.=agência; est.=estrofe; sl.=sala; séc.=século; sécs.=séculos
        """
    ),
    weekdays=table("seg=segunda; ter=terça; qua=quarta; qui=quinta; sex=sexta; sáb=sábado; dom=domingo"),
    titles=table(
        "Sr=senhor; Sra=senhora; Srta=senhorita; Srs=senhores; Sras=senhoras; Dr=doutor; Dra=doutora; Drs=doutores; "
        "Prof=professor; Profa=professora; Profª=professora; Prof.ª=professora; Drª=doutora; Dr.ª=doutora; "
        "Gal=general; Mal=marechal; "
        "Eng=engenheiro; Engª=engenheira; "
        "Arq=arquiteto; Gen=general; Cel=coronel; Cap=capitão; Ten=tenente; Pe=padre; Sto=santo; Sta=santa; "
        "Dep=deputado; "
        "Sen=senador; Gov=governador; Pres=presidente; Mons=monsenhor"
    ),
    may_end=frozenset("etc. a.C. d.C. S.A. Ltda. Cia.".split()),
    starters=frozenset(
        """
        A Agora Além Ainda Alguns Algumas Antes Ao Aos Apesar Após As Até Cada Com Como Contudo Da Das De Depois Desde
        Do Dos Durante E É Ela Elas Ele Eles Em Entre Então Era Essa Esse Esta Está Este Estes Eu Foi Há Hoje Isso Isto
        Já Logo Mais Mas Me Mesmo Meu Minha Muitos Na Nada Não Nas Nem Nenhum Ninguém No Nos Nós Nossa Nosso Nunca O
        Onde
        Ontem Os Ou Outro Para Pela Pelo Por Porém Porque Quando Quase Que Quem Se Segundo Sem Sempre Seu Seus Só Sob
        Sobre Sua Suas Talvez Também Tem Todos Toda Todo Tudo Um Uma Você Vocês
        """.split()
    ),
    counted_words=frozenset(
        """
        anexo artigo ato canto capítulo classe cena episódio fase figura grupo guerra inciso lição livro nível número
        página parte seção século séculos tabela temporada tipo título tomo volume
        """.split()
    ),
    rulers=frozenset(
        """
        Afonso Alexandre Bento Carlos Catarina Clemente Eduardo Elizabeth Fernando Filipe Francisco Frederico Gregório
        Guilherme Gustavo Henrique Inocêncio Isabel João Jorge Leão Leopoldo Luís Manuel Maria Napoleão Nicolau Paulo
        Pedro Pio Ramsés Ricardo Sancho Sebastião Urbano
        """.split()
    ),
    letters=letter_names(
        "á bê cê dê é efe gê agá i jota cá ele eme ene ó pê quê erre esse tê u vê dáblio xis ípsilon zê"
    )
    | {"Á": "á", "À": "á", "Ã": "ã", "Ç": "cê cedilha", "É": "é", "Ê": "é", "Í": "i", "Ó": "ó", "Ú": "u"},
    read_as_words=frozenset(
        """
        AIDS ANATEL ANVISA BOPE COPOM ENEM FUNAI IBAMA INCRA INPE MERCOSUL USP PROCON SENAI SESC UNESCO UNICEF
        A AO AS ATÉ COM DA DE DO E É EM EU FOI HÁ JÁ LÁ MAIS MAS ME MEU NA NÃO NO O OS OU POR PRA QUE SE SEM SEU SIM
        SÓ SUA
        TE TEM TU UM UMA VAI VOCÊ
        """.split()
    ),
    read_as_letters=frozenset("SUV HIV VIH".split()),
    pronounceable=OPEN_SYLLABLES,
    per="por",
    handle="arroba",
    episodes=("temporada", "episódio"),
    hashtag="hashtag",
    factorial="fatorial",
    keys=("asterisco", "jogo da velha"),
    signs=table(
        "+=mais; -=menos; –=menos; −=menos; *=vezes; ×=vezes; ·=vezes; x=vezes; /=dividido por; ÷=dividido por; "
        ":=dividido por; ^=elevado a"
    )
    | {"=": "igual a"},
    symbols=table(
        "№=número; ℃=graus Celsius; "
        "&=e; +=mais; @=arroba; %=por cento; ‰=por mil; ±=mais ou menos; ≈=aproximadamente; ≠=diferente de; "
        "≤=menor ou igual a; ≥=maior ou igual a; ∞=infinito; √=raiz de; π=pi; °=graus; $=dólares; €=euros; £=libras; "
        "¥=ienes; §=parágrafo; #=jogo da velha; ×=vezes; ÷=dividido por; ~=aproximadamente; <=menor que; >=maior que; "
        ".=ponto; /=barra; -=hífen; _=sublinhado; \\=barra invertida; :=dois pontos; ?=ponto de interrogação"
    )
    | {"=": "igual a"},
)
