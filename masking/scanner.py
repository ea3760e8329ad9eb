"""The compiled scan, put together: everything that ``native/scan.c`` needs of the rules, as plain numbers and bytes.

Nothing is decided here. What a rule means stands in ``masking.scan``, which does the same in Python, and what a pattern
must begin with is read off it by ``masking.prefix``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from masking import prefix
from masking.checks import VERHOEFF
from masking.confirm import is_simple
from masking.context import AFTER, AGAINST, BEFORE, FOR, MORE, Vocabulary, Words
from masking.detect import run_rules
from masking.detect.names import (
    CAPS_CHARS,
    CODE_SCORE,
    CODE_SIGNS,
    CODE_WORDS,
    GLUE,
    LINE_MAX,
    REASON,
    RULE,
    SQL,
    is_code,
    narrowed,
    tagger,
)
from masking.detect.phone import CODES
from masking.detect.secrets import cookie_value, header_value
from masking.detect.secrets_generic import (
    NOT_GIVEN,
    TYPES,
    bare_password,
    environment_password,
    given_password,
    line_password,
    password,
    secret_value,
)
from masking.detect.secrets_table import not_placeholder, random_looking
from masking.letters import Letters
from masking.names.words import NO_NAMES, is_no_name
from masking.native import scanner_type
from masking.program import program
from masking.resolve import CERTAIN, RANK_MODEL, STRUCTURE
from masking.runs import MEMO_MAX
from masking.spans import Span
from masking.view import FOLDED_BITS, fold, ready

if TYPE_CHECKING:
    from masking.compiled import Compiled, Rule
    from masking.recognizer import Validator
    from masking.rules import TextRule

_OWN: Final = {"": 0, "names": 1, "email": 2, "url": 3, "colons": 4, "iban": 5, "labelled": 6, "said": 7}
_CHECKS: Final = {
    "phone": 1,
    "card": 2,
    "ipv4": 3,
    "us/ssn": 4,
    "us/ssn-unissued": 5,
    "us/itin": 6,
    "in/aadhaar": 7,
    "id/nik": 8,
    "ipv4-like-section": 19,
}
"""The rules whose validators ``native/checks.c`` has as well. Both are numbers of ``native/scan.h``."""
_VALIDATORS: Final[dict[Validator, int]] = {
    password: 9,
    bare_password: 10,
    line_password: 11,
    given_password: 12,
    environment_password: 13,
    secret_value: 14,
    random_looking: 15,
    not_placeholder: 16,
    header_value: 17,
    cookie_value: 18,
}
"""Validators that many rules share and ``native/secrets.c`` has as well; numbers of ``native/scan.h``."""


_FINDER_KINDS: Final = {"plain": 0, "card": 1, "phone": 2}


def near_words(text: str, start: int, end: int, line_bound: bool) -> list[str]:
    """The words near a candidate, for a window that the compiled loops leave to Python (``lower`` is no single letter)."""
    return Words(text, start, end, line_bound).line.split()


class _Parts:
    """Numbers for what rules share: words and vocabularies."""

    def __init__(self) -> None:
        self.words: dict[str, int] = {}
        self.vocabularies: dict[tuple[frozenset[str], tuple[str, ...]], int] = {}

    def vocabulary(self, vocabulary: Vocabulary) -> int:
        if not vocabulary:
            return -1
        for word in (
            *sorted(vocabulary.words),
            *(w for phrase in vocabulary.phrases for w in phrase.split()),
        ):
            self.words.setdefault(word, len(self.words))
        return self.vocabularies.setdefault((vocabulary.words, vocabulary.phrases), len(self.vocabularies))

    def tables(self) -> list[tuple[bytes, tuple[tuple[int, ...], ...]]]:
        """Of each vocabulary a bit for each word, and its phrases as numbers of words."""
        size = len(self.words) // 8 + 1
        out = []
        for words, phrases in self.vocabularies:
            bits = sum(1 << self.words[word] for word in words)
            out.append(
                (
                    bits.to_bytes(size, "little"),
                    tuple(tuple(self.words[w] for w in p.split()) for p in phrases),
                )
            )
        return out


def build(rules: Compiled, off: frozenset[str], threshold: float, chars_max: int) -> Any:
    """The compiled scanner over *rules*."""
    parts = _Parts()
    every: dict[Rule, int] = {}
    for row in (*rules.by_literal, rules.index.rules()):
        for rule in row:
            every.setdefault(rule, len(every))
    spoken = [(r, _needs(r), RANK_MODEL if r.model else r.rank) for r in rules.text_rules]
    literals = [
        (
            literal,
            (*(every[r] for r in row), *(-1 - number - capital * len(spoken) for number, capital in said)),
        )
        for literal, row, said in zip(rules.literals, rules.by_literal, rules.said, strict=True)
    ]
    reasons = tuple(
        form + (", words for it" if n & 1 else "") + (", words against it" if n & 2 else "")
        for n in range(4)
        for form in ("form", "check digit")
    )
    rows = [_row(rule, off, parts) for rule in every]
    return scanner_type(
        {
            "letters": Letters.native(),
            "tagger": tagger(native=True).native if any(r.own == "names" for r in rules.text_rules) else None,
            "runs": rules.index.native,
            "fold": fold,
            "folded_bits": FOLDED_BITS,
            "view": ready,
            "words_of": near_words,
            "prepare": _prepare,
            "span": Span,
            "off": off,
            "is_no_name": is_no_name,
            "judge": is_code,
            "narrowed": narrowed,
            "caps_chars": CAPS_CHARS,
            "sql": SQL.search,
            "code_words": CODE_WORDS,
            "no_names": sorted(NO_NAMES),
            "no_passwords": sorted(TYPES),
            "no_given": sorted(NOT_GIVEN),
            "names": ("".join(sorted(GLUE)).encode(), CODE_SIGNS.encode(), CODE_SCORE, LINE_MAX),
            "timeout_literal": "timeout: the window is masked",
            "timeout_run": "timeout: masked",
            "rest": ", rest",
            "verhoeff": b"".join(VERHOEFF),
            "phone_codes": bytes(
                f"{n:0{digits}d}" in CODES for digits in (1, 2, 3) for n in range(10**digits)
            ),
            "t_email": "EMAIL_ADDRESS",
            "t_person": "PERSON",
            "t_location": "LOCATION",
            "n_names": RULE,
            "model_reason": REASON,
            "rules": rows,
            "text_rules": [
                (r.name, r.find, r.find_at, r.own_parts, _OWN[r.own], rank, r.model, needs)
                for r, needs, rank in spoken
            ],
            "places": _places(rules, every),
            "words": list(parts.words),
            "vocabularies": parts.tables(),
            "literals": literals,
            "reasons": reasons,
            "numbers": (
                threshold,
                FOR,
                MORE,
                AGAINST,
                BEFORE,
                AFTER,
                hash(RULE) & 0xFFFFFFFFFFFFFFFF,
                MEMO_MAX,
                chars_max,
            ),
        }
    )


def _places(
    rules: Compiled, every: dict[Rule, int]
) -> tuple[list[tuple[bytes, tuple[tuple[int, float], ...]]], list[tuple[Any, ...]]]:
    """What may stand in a run, for ``native/places.c``; no finders where one of them has no program, and then Python is asked."""
    shapes = [
        (shape, tuple((every[rule], score) for score, rule in placed))
        for shape, placed in rules.index.shapes()
    ]
    finders = []
    for run_rule, (_, rule) in zip(run_rules(), rules.index.finders(), strict=True):
        forms = run_rule.forms
        programs = tuple((program(pattern, 0), score) for pattern, score in forms.patterns)
        if any(steps is None for steps, _ in programs):
            return shapes, []
        finders.append(
            (_FINDER_KINDS[forms.kind], every[rule], forms.letters_min, forms.letters_max, programs)
        )
    return shapes, finders


def _needs(rule: TextRule) -> bytes:
    return b"".join(bytes([len(n)]) + n.encode("latin-1") for n in rule.needs)


def _check(rule: Rule) -> int:
    return _CHECKS.get(rule.name, 0) or (_VALIDATORS.get(rule.validator, 0) if rule.validator else 0)


def _row(rule: Rule, off: frozenset[str], parts: _Parts) -> tuple[Any, ...]:
    return (
        rule, rule.name, rule.type, rule.validator, rule.score, rule.validated_score, rule.group, rule.before,
        rule.after, int(rule.at), parts.vocabulary(rule.context), parts.vocabulary(rule.anti), rule.context_required,
        rule.needs_words, rule.type in off, rule.score >= STRUCTURE, rule.score >= CERTAIN, _check(rule),
    )  # fmt: skip


def _prepare(
    rule: Rule,
) -> tuple[Any, bytes, bytes, bytes, int, bytes, tuple[bytes, bytes, int, int, int] | None]:
    """The search of *rule* and its cheap conditions, as ``prepare`` in ``native/scan.c`` takes them."""
    if rule.search is None:
        return None, b"", b"", b"", 0, b"", None
    case = rule.ignore_case
    steps = program(rule.regex, rule.group, ignore_case=case, simple=is_simple(rule.regex))
    # Where there is a program, Python is asked of windows that are not ASCII alone, and compiles when it is.
    search = rule.search if steps else rule.search.ready()
    if rule.whole:
        return search, b"", b"", b"", 0, b"", steps
    forbidden, first = (
        prefix.begins(rule.regex, ignore_case=case) if rule.at and not rule.before else (None, [])
    )
    run = prefix.must_run(rule.regex, ignore_case=case)
    return (
        search,
        prefix.packed(forbidden) if forbidden else b"",
        b"".join(prefix.packed(chars) for chars in first),
        prefix.packed(run[0]) if run else b"",
        run[1] if run else 0,
        prefix.must_table(prefix.must_hold(rule.regex, ignore_case=case)) or b"",
        steps,
    )
