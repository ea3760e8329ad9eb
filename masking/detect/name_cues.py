"""Persons by what people write before a name: a form of address, or the words that introduce oneself.

A model sees a word and its neighbours; these are grammar, so they hold for names that no list has. Sources: forms of address of the
Unicode CLDR person-name data (titles by locale); phrases of self-introduction of common phrase books.
"""

from __future__ import annotations

import re
from functools import lru_cache
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
_TITLES: Final = frozenset(f"{_ABBREVIATED} {_WRITTEN_OUT}".split()) - {
    "don",
    "dom",
    "dame",
    "hon",
    "gen",
    "pan",
    "fr",
}
_HOUSE: Final = re.compile(r"\d[\w-]*[,.]? (?:[\w.'’-]+ ){1,3}$")
"""``123 Oak Dr. Springfield``: the end of a street's name, no doctor."""


def find(view: View) -> list[Span]:
    return find_at(view, [m.start() for m in _STARTS.finditer(view.low)])


def find_at(view: View, places: list[int]) -> list[Span]:
    text = view.folded
    out: list[Span] = []
    after = 0
    for at in sorted(set(places)):
        if at < after or (at and _NO_START.match(text[at - 1])):
            continue
        first = text[at]
        if first <= "\xff" and first not in _FIRST:
            continue
        cue = _cue(text[at : at + CUE_CHARS])
        if cue is None:
            continue
        start, end, stop, titled = cue
        after = at + stop
        if end and not (titled and text.startswith("Dr", at) and _HOUSE.search(text, max(0, at - 48), at)):
            why = "a form of address stands before it" if titled else "the words before it introduce a person"
            out.append(Span(at + start, at + end, "PERSON", SCORE, "name-cue", why))
    return out


CUE_CHARS: Final = 160
"""No title with its name, and no introduction, is longer."""
_NO_START: Final = re.compile(r"[\w.'’-]")


@lru_cache(maxsize=4096)
def _cue(window: str) -> tuple[int, int, int, bool] | None:
    """The name behind the cue that *window* begins with: its start and end (0 where no word of it can be one), where the cue's
    match ends, whether it is a form of address. A text full of cues has few different windows."""
    titled = _TITLED.match(window)
    match = titled or _INTRODUCED.match(window)
    if match is None:
        return None
    return match.start(1), _name_end(window, match.start(1), match.end(1)), match.end(), titled is not None


def _first(pattern: re.Pattern[str]) -> frozenset[str]:
    """The characters of Latin-1 that a match may begin with, as the pattern itself says."""
    _, sets = begins(pattern.pattern)
    return frozenset(chr(c) for c in range(256) if not sets or sets[0][0] >> c & 1)


_FIRST: Final = _first(_TITLED) | _first(_INTRODUCED)
_STARTS: Final = re.compile(
    b"(?="
    + b"|".join(re.escape(t.lower().encode("latin-1")) for t in sorted(_LITERALS, key=len, reverse=True))
    + b")"
)


def _name_end(text: str, start: int, end: int) -> int:
    """The end of as many words as can be a name: up to the first that cannot. 0: there is none."""
    stop = start
    for word in _PIECE.finditer(text, start, end):
        plain = word[0].strip(".,'’").lower()
        if plain in _NO_NAME or plain in _TITLES:
            break
        stop = word.end()
    value = text[start:stop]
    return stop if len(value) > 1 and any(len(part) > 1 for part in value.split()) else 0


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
