"""Street addresses and postcodes by grammar: what the model of names leaves out.

Sources: Universal Postal Union, S42 templates; USPS Publication 28 (suffixes, secondary units, ZIP+4); Royal Mail PAF
postcode format; Canada Post. Each form needs a house number or a postcode: a street's name alone is the model's.
"""

from __future__ import annotations

from typing import Final

from masking.recognizer import Literals, Pattern, Recognizer

_SUFFIX: Final = [
    "street",
    "st",
    "avenue",
    "ave",
    "boulevard",
    "blvd",
    "road",
    "rd",
    "lane",
    "ln",
    "drive",
    "dr",
    "court",
    "ct",
    "circle",
    "cir",
    "place",
    "pl",
    "square",
    "sq",
    "terrace",
    "ter",
    "highway",
    "hwy",
    "parkway",
    "pkwy",
    "way",
    "trail",
    "crescent",
    "close",
    "row",
    "alley",
    "loop",
    "plaza",
    "turnpike",
    "expressway",
    "grove",
    "gardens",
    "mews",
    "hill",
    "park",
    "view",
    "walk",
    "path",
    "pike",
    "cove",
    "crossing",
]
_LITERAL: Final = (
    *(
        f" {s}"
        for s in _SUFFIX
        if s not in {"st", "dr", "pl", "row", "view", "hill", "park", "path", "close", "way"}
    ),
    *(" st.", " st,", " st ", " st\n", " dr.", " dr,", " pl,", " way,", " close,", " park,", " hill,"),
)
_UNIT: Final = r"(?:,?\s(?i:apt|apartment|suite|ste|unit|floor|fl|room|rm|#)\.?\s?#?[A-Za-z0-9-]{1,6})?"
_TAIL: Final = r"(?:,?\s{1,2}[A-Z][\w.' -]{1,28}?,?\s(?:[A-Z]{2})\s\d{5}(?:-\d{4})?)?"

RECOGNIZERS: tuple[Recognizer, ...] = (
    Recognizer(
        name="street-address",
        type="ADDRESS",
        patterns=(
            Pattern(
                Literals(_LITERAL, before=48, after=64), 0.8,
                r"(?<![\w.$])(?<!\d[:/-])\d{1,6}[A-Za-z]?(?:[ -]\d{1,4})?,?\s(?:(?:[NSEW]|NE|NW|SE|SW|North|South|East|West)\.?\s)?(?:[A-Z0-9][\w'’.-]{0,24}\s){1,4}"
                r"(?:" + "|".join(f"[{s[0].upper()}{s[0]}]{s[1:]}" for s in _SUFFIX) + r")\b\.?" + _UNIT + _TAIL,
            ),
        ),
        source="USPS Publication 28, appendix C",
        positive=("lives at 123 Main Street", "ship to 1600 Pennsylvania Avenue NW", "742 Evergreen Terrace, Springfield, IL 62704", "55 W 42nd St, Suite 5"),
        negative=("12 monkeys on the street", "walk down the street", "drive safely", "5 place settings"),
    ),
    Recognizer(
        name="po-box",
        type="ADDRESS",
        patterns=(Pattern(Literals(("box ", "postfach "), before=8, after=10), 0.75, r"\b(?:(?i:p\.?\s?o\.?\s?box)|Postfach)\s\d{1,7}\b"),),
        source="USPS Publication 28, section 28",
        positive=("PO Box 1234", "P.O. Box 99"),
        negative=("box 12", "checkbox 3"),
    ),
    Recognizer(
        name="unit",
        type="ADDRESS",
        patterns=(
            Pattern(
                Literals(("apt. ", "apt ", "suite ", "flat ", "apartment ", "ste. "), before=0, after=14, at=True), 0.6,
                r"(?<![\w-])(?:(?:Apt|Ste)\.?|APT\.?|Apartment|APARTMENT|Suite|SUITE|Flat|FLAT) (?:#|No\. ?)?(?:\d{1,5}[A-Za-z]?|[A-Z]\d{1,4})(?![\w%-]|[.,]\d)",
            ),
        ),
        anti_context=("test", "version", "rate", "fee", "screen", "tax", "software"),
        source="USPS Publication 28, appendix C2: secondary unit designators",
        positive=("at Apt. 573, please", "Suite 199", "Flat 4B"),
        negative=("flat 5% fee", "the suite of tools", "test suite 12", "apt install", "flat 2.5 rate"),
    ),
    Recognizer(
        name="military",
        type="ADDRESS",
        patterns=(
            Pattern(
                Literals((" aa ", " ae ", " ap "), before=6, after=12), 0.85,
                r"(?<!\w)(?i:[AFD]PO,?) (?i:A[AEP]) \d{5}(?:-\d{4})?(?!\w)",
            ),
            Pattern(
                Literals(("unit ", "psc "), before=0, after=24, at=True), 0.75,
                r"(?<!\w)(?i:unit|psc) \d{1,5},? (?i:box) \d{1,5}(?!\w)",
            ),
        ),
        source="USPS Publication 28, section 238: military addresses",
        positive=("to FPO AP 15834", "APO AE 09012-1234", "PSC 1234 Box 5678", "Unit 9585 Box 2519"),
        negative=("unit 12 passed", "the AE 12345 model"),
    ),
    Recognizer(
        name="german-street",
        type="ADDRESS",
        patterns=(
            Pattern(
                Literals(("straße", "strasse", "str.", "weg ", "platz ", "allee ", "gasse "), before=30, after=40), 0.75,
                r"(?<![\w])[A-ZÄÖÜ][\wäöüß.-]{1,28}?(?:straße|strasse|str\.|weg|platz|allee|gasse)\s\d{1,4}\s?[a-h]?\b(?:,?\s(?:D-)?\d{5}\s[A-ZÄÖÜ][\wäöüß-]{2,24})?",
            ),
        ),
        source="DIN 5008",
        positive=("wohnt Hauptstraße 12, 10115 Berlin", "Lindenweg 4a", "Goethestr. 7"),
        negative=("auf dem Weg", "die Straße"),
    ),
    Recognizer(
        name="street-first",
        type="ADDRESS",
        patterns=(
            Pattern(
                Literals(("rue ", "avenue ", "calle ", "via ", "rua ", "plaza ", "piazza ", "avenida ", "boulevard ", "carrer ", "paseo ", "corso ", "chemin ", "place "), before=12, after=50), 0.7,
                r"(?<![\w])(?:\d{1,4}(?:\s?(?:bis|ter))?,?\s(?:[Rr]ue|[Aa]venue|[Bb]oulevard|[Cc]hemin|[Pp]lace|[Qq]uai)\s(?:(?:de|du|des|la|le|les|l['’])\s?){0,3}[A-Z][\w'’-]{1,24}(?:[ -][A-Z][\w'’-]{1,24}){0,3}"
                r"|(?:Calle|Via|Rua|Plaza|Piazza|Avenida|Carrer|Paseo|Corso)\s(?:(?:de|del|della|dei|do|da|dos|la|las|los)\s){0,3}[A-Z][\w'’-]{1,24}(?:\s(?:(?:de|di|da)\s)?[A-Z][\w'’-]{1,24}){0,3},?\s(?:n[º°.]\s?)?\d{1,5}\b)",
            ),
        ),
        source="UPU S42, templates FR, ES, IT, PT",
        positive=("habite 12 rue de la Paix", "Calle Gran Vía 28", "Via Garibaldi 12", "Rua Augusta, 1500"),
        negative=("via email", "rue the day", "place your order"),
    ),
    Recognizer(
        name="us-state-zip",
        type="ADDRESS",
        patterns=(
            Pattern(
                Literals(tuple(f" {s} " for s in ["al", "ak", "az", "ar", "ca", "co", "ct", "de", "fl", "ga", "hi", "id", "il", "in", "ia", "ks", "ky", "la", "me", "md", "ma", "mi", "mn", "ms", "mo", "mt", "ne", "nv", "nh", "nj", "nm", "ny", "nc", "nd", "oh", "ok", "or", "pa", "ri", "sc", "sd", "tn", "tx", "ut", "vt", "va", "wa", "wv", "wi", "wy", "dc"]), before=30, after=12), 0.75,
                r"(?<![\w])(?:[A-Z][\w.'-]{1,20}\s?){1,3},\s[A-Z]{2}\s\d{5}(?:-\d{4})?(?!\d)",
            ),
        ),
        source="USPS Publication 28, section 24",
        positive=("Springfield, IL 62704", "New York, NY 10001-1234"),
        negative=("id in 12345", "Section, OK 1"),
    ),
    Recognizer(
        name="postcode-with-word",
        type="ADDRESS",
        patterns=(
            Pattern(
                Literals(("zip", "postal code", "postcode", "post code", "plz"), 0, 36), 0.7,
                r"(?<![^\W_])(?i:zip(?:\s?code)?|postal code|post\s?code|plz)(?![^\W_])(?:\s?[:=]|\s+is)?\s{0,2}(\d{5}(?:-\d{4})?|[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}|[A-Z]\d[A-Z]\s?\d[A-Z]\d|\d{4}(?:\s?[A-Z]{2})?)(?![\w])", group=1,
            ),
        ),
        source="UPU postal code formats",
        positive=("ZIP: 90210", "zip code 02139-4307"),
        negative=("zip file 2020a", "unzip 12345"),
    ),
)  # fmt: skip
