"""Persons by what people write before a name: a form of address, or the words that introduce oneself.

A model sees a word and its neighbours; these are grammar, so they hold for names that no list has. Sources: forms of address of the
Unicode CLDR person-name data (titles by locale); phrases of self-introduction of common phrase books.
"""

from __future__ import annotations

import re
from typing import Final

from masking.prefix import begins
from masking.rules import TextRule
from masking.spans import Span
from masking.view import View

SCORE: Final = 0.82
_TITLE: Final = (
    r"(?:Mr|Mrs|Ms|Mx|Dr|Prof|Rev|Hon|Sgt|Capt|Lt|Col|Gen|Sr|Sra|Srta|Mme|Mlle|Hr|Fr)\.|(?:Mrs?|Ms|Mx|Miss|Prof|Professor|Doctor|Herr|Herrn|Frau|Señora?|Señorita|Monsieur|Madame|"
    r"Mademoiselle|Signora?|Senhora?|Mevrouw|Meneer|Pan|Pani|Sir|Dame|Lord|Lady|Don|Doña|Dom|Dona|Sheikh|Rabbi|Imam|Judge|Justice|Senator|Officer|Nurse|Coach|Captain|Sergeant)"
)
_WORD: Final = r"[^\W\d_a-zß-öø-ÿ][^\W\d_]*(?:['’-][^\W\d_]+)*"
_INITIAL: Final = r"[^\W\d_a-zß-öø-ÿ]\."
_PARTICLE: Final = r"(?:de la|de los|van der|van den|von der|de|la|van|von|der|den|del|della|bin|binti|ibn|al|el|da|dos|das|du|di|le|y|ten|ter|zu)"
_NAME: Final = rf"(?:{_INITIAL} ?){{0,2}}{_WORD}(?: (?:{_PARTICLE} )?(?:{_INITIAL} ?)?{_WORD}){{0,3}}"
_TITLED: Final = re.compile(rf"(?<![\w.'’-])(?:{_TITLE}) (?:(?:{_TITLE}) )?({_NAME})")
_INTRODUCED: Final = re.compile(
    r"(?<!\w)(?i:my name is|my name's|the name is|i am called|me llamo|mi nombre es|se llama|je m['’]appelle|je me nomme|mon nom est|ich heiße|ich heisse|mein name ist|"
    r"mi chiamo|il mio nome è|me chamo|meu nome é|mijn naam is|ik heet|jag heter|mitt namn är|jeg heter|mitt navn er|mit navn er|jeg hedder|nimeni on|nazywam się|"
    r"jmenuji se|volám sa|a nevem|benim adım|adım|меня зовут|мене звати|με λένε|نام من|اسمي) "
    rf"({_NAME})"
)
_ABBREVIATED: Final = "mr mrs ms mx dr prof rev hon sgt capt lt col gen sr sra srta mme mlle hr fr"
_WRITTEN_OUT: Final = (
    "mr mrs ms miss prof professor doctor herr herrn frau señor señora señorita monsieur madame mademoiselle signor signora senhor senhora "
    "mevrouw meneer pan pani sir dame lord lady don doña dom dona sheikh rabbi imam judge justice senator officer nurse coach captain sergeant"
)
_LITERALS: Final = (
    *(f"{title}. ".capitalize() for title in _ABBREVIATED.split()),
    *(f"{title} ".capitalize() for title in _WRITTEN_OUT.split()),
    *(
        "my name",
        "the name is",
        "i am called",
        "me llamo",
        "mi nombre es",
        "se llama",
        "je m'appelle",
        "je m?appelle",
        "je me nomme",
        "mon nom est",
        "ich hei",
    ),
    *(
        "mein name ist",
        "mi chiamo",
        "il mio nome ",
        "me chamo",
        "meu nome ",
        "mijn naam is",
        "ik heet",
        "jag heter",
        "mitt namn ",
        "jeg heter",
        "mitt navn er",
        "mit navn er",
    ),
    *(
        "jeg hedder",
        "nimeni on",
        "nazywam si",
        "jmenuji se",
        "vol",
        "a nevem",
        "benim ad",
        "ad?m",
        "adim",
        "???? ????? ",
        "?? ???? ",
        "??? ?? ",
        "???? ",
    ),
)
"""What a match begins with, in small letters (``?`` stands for what is not Latin-1)."""
_NO_NAME: Final = frozenset(
    [
        "the",
        "this",
        "that",
        "these",
        "those",
        "i",
        "we",
        "you",
        "he",
        "she",
        "it",
        "they",
        "a",
        "an",
        "and",
        "or",
        "but",
        "not",
        "no",
        "yes",
        "please",
        "dear",
        "sir",
        "madam",
        "president",
        "chairman",
        "chair",
        "speaker",
        "justice",
        "minister",
        "general",
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "today",
        "tomorrow",
        "is",
        "are",
        "was",
        "were",
        "will",
        "would",
        "has",
        "have",
        "had",
        "info",
        "warn",
        "warning",
        "error",
        "debug",
        "trace",
        "fatal",
    ]
)
_PIECE: Final = re.compile(r"\S+")
_HOUSE: Final = re.compile(r"\d[\w-]*[,.]? (?:[\w.'’-]+ ){1,3}$")
"""``123 Oak Dr. Springfield``: the end of a street's name, no doctor."""


def find(view: View) -> list[Span]:
    return find_at(view, [m.start() for m in _STARTS.finditer(view.low)])


def find_at(view: View, places: list[int]) -> list[Span]:
    text = view.folded
    titled: list[Span] = []
    introduced: list[Span] = []
    after_title = after_words = 0
    for at in sorted(set(places)):
        first = text[at]
        if (
            at >= after_title
            and (first in _TITLE_FIRST or first > "\xff")
            and (match := _TITLED.match(text, at)) is not None
        ):
            after_title = match.end()
            if not match[0].startswith("Dr") or not _HOUSE.search(text, max(0, at - 48), at):
                _add(titled, text, match.start(1), match.end(1), "a form of address stands before it")
        if (
            at >= after_words
            and (first in _WORDS_FIRST or first > "\xff")
            and (match := _INTRODUCED.match(text, at)) is not None
        ):
            after_words = match.end()
            _add(introduced, text, match.start(1), match.end(1), "the words before it introduce a person")
    return titled + introduced


def _first(pattern: re.Pattern[str]) -> frozenset[str]:
    """The characters of Latin-1 that a match may begin with, as the pattern itself says."""
    _, sets = begins(pattern.pattern)
    return frozenset(chr(c) for c in range(256) if not sets or sets[0][0] >> c & 1)


_TITLE_FIRST: Final = _first(_TITLED)
_WORDS_FIRST: Final = _first(_INTRODUCED)
_STARTS: Final = re.compile(
    b"(?="
    + b"|".join(re.escape(t.lower().encode("latin-1")) for t in sorted(_LITERALS, key=len, reverse=True))
    + b")"
)


def _add(out: list[Span], text: str, start: int, end: int, why: str) -> None:
    """As many words as can be a name: up to the first that cannot."""
    stop = start
    for word in _PIECE.finditer(text, start, end):
        if word[0].strip(".,'’").lower() in _NO_NAME:
            break
        stop = word.end()
    value = text[start:stop]
    if len(value) > 1 and max(map(len, value.split())) > 1:
        out.append(Span(start, stop, "PERSON", SCORE, "name-cue", why))


TEXT_RULES: tuple[TextRule, ...] = (
    TextRule(
        name="name-cue",
        type="PERSON",
        find=find,
        source="Unicode CLDR person names; forms of address",
        literals=_LITERALS,
        find_at=find_at,
        positive=(
            "signed, Mrs Patel",
            "Ms. Xiuying Li will join",
            "Me llamo Guadalupe Hernández Ruiz y vivo en Sevilla",
            "Herr Prof. Øksnevad kommt",
            "je m'appelle Chloé Lefèvre, j'habite à Lyon",
            "ask Dr. van der Meulen",
        ),
        negative=(
            "123 Oak Dr. Springfield",
            "Dear Sir or Madam,",
            "Mr. President, the house",
            "my name is not important",
            "the ms word file",
            "Dr. who",
            "Miss March",
        ),
    ),
)  # fmt: skip
