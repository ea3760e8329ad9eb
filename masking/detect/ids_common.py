"""How the national-id families write their rows: one call per form of a number.

Three degrees of certainty, before context, kept here so that every country means the same by them.
They follow from how often a random chunk of that shape passes the rule by luck.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

from masking.checks import ALPHANUMERIC, Check, bare
from masking.recognizer import Pattern, Recognizer, Shapes, Validator
from masking.spans import THRESHOLD

SURE = 0.9
"""Fewer than one chunk in 500 of that shape passes by luck: stands alone."""
LIKELY = 0.6
"""A printed grouping or a letter form *and* a check of one in ten: stands alone, but loses to a surer rule."""
LUCK = 0.3
"""Bare digits, one in ten passes: below the threshold, so a word beside it must lift it."""
FORM = 0.2
"""A form with no check digit at all; used with ``context_required``."""

NOT_A_PERSON = (
    "order",
    "invoice",
    "tracking",
    "timestamp",
    "epoch",
    "commit",
    "version",
    "build",
    "sku",
    "isbn",
    "checksum",
    "offset",
    "bytes",
    "pid",
)
"""Words beside which a bare number is some system's number and not a person's."""


def any_of(*parts: str | tuple[str, ...]) -> tuple[str, ...]:
    """Every shape that is one choice of each part, joined: ``any_of("AA", ("", " "), "00")``."""
    choices = [(part,) if isinstance(part, str) else part for part in parts]
    return tuple(dict.fromkeys("".join(choice) for choice in product(*choices)))


def grouped(form: str, separators: str = " -") -> tuple[str, ...]:
    """*form* with its spaces written as each of *separators*."""
    return tuple(form.replace(" ", separator) for separator in separators)


def holds(check: Check) -> Validator:
    """The check digit decides: certain or rejected."""

    def validate(text: str) -> bool | None:
        return check(bare(text))

    return validate


def possible(structure: Check) -> Validator:
    """No check digit: the structure can only reject."""

    def validate(text: str) -> bool | None:
        return None if structure(bare(text)) else False

    return validate


def spoiled(text: str, check: Callable[[str], bool | None]) -> tuple[str, ...]:
    """*text* with one character changed so that *check* refuses it (letters stay letters); none where it never does."""
    for place in range(len(text) - 1, -1, -1):
        if not text[place].isalnum():
            continue
        pool = ALPHANUMERIC[:10] if text[place].isdigit() else ALPHANUMERIC[10:]
        for char in pool:
            changed = text[:place] + char + text[place + 1 :]
            if char != text[place].upper() and check(changed) is False:
                return (changed,)
    return ()


def ident(
    name: str,
    type_: str,
    shapes: tuple[str, ...],
    examples: tuple[str, ...],
    source: str,
    *,
    score: float,
    unchecked: float | None = None,
    context: tuple[str, ...],
    check: Check | None = None,
    structure: Check | None = None,
    validator: Validator | None = None,
    regex: str = "",
    ignore_case: bool = False,
    anti: tuple[str, ...] = (),
    required: bool = False,
    negative: tuple[str, ...] = (),
) -> Recognizer:
    """One form of one number.

    *score* is what the form is worth once *check* holds (or with no check, by itself); *unchecked* is
    what it is worth where *validator* has no opinion. The positives
    are *examples*, bare where *score* stands alone and behind the first context word otherwise; the
    negatives are *negative* and, where there is a rule that can refuse, each example spoiled.
    """
    verdict = validator or (holds(check) if check else possible(structure) if structure else None)
    first = unchecked if unchecked is not None else min(score, LUCK) if check else score
    alone = (score if unchecked is None else unchecked) >= THRESHOLD and not required
    refused = (
        tuple(wrong for example in examples for wrong in spoiled(example, verdict))
        if verdict and not structure
        else ()
    )
    lead = context[0]
    return Recognizer(
        name=name,
        type=type_,
        patterns=(Pattern(Shapes(shapes), first, regex, 0, ignore_case),),
        source=source,
        positive=tuple(f"see {example} there" if alone else f"{lead}: {example}" for example in examples),
        negative=(*negative, *(f"{lead}: {wrong}" for wrong in refused)),
        validator=verdict,
        validated_score=score if check or validator else 0.95,
        context=context,
        anti_context=anti,
        context_required=required,
    )
