"""The analyzer's side of the dialect: names of kinds, the request, the answer. Pure.

Source: Presidio's REST description (``docs/api-docs/api-docs.yml`` of its repository, version 2.0) and its list of supported
entities. Decided here: our kinds carry Presidio's name where it has one; ours is understood as well. Deliberately absent: what
masking cannot do as asked (``context`` for a whole call, look-around in ad-hoc patterns, ``regex_flags`` but its default): refused by name, never ignored.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import msgspec
import re2

from masking import CustomRecognizer, EngineConfig, Span

THEIRS: Final = {
    "ADDRESS": "LOCATION",
    "DATE": "DATE_TIME",
    "DATE_OF_BIRTH": "DATE_TIME",
    "DEA": "MEDICAL_LICENSE",
    "NPI": "US_NPI",
    "URL_CREDENTIALS": "URL",
}
"""Our name to Presidio's, where they differ. Several of ours can be one of theirs."""
TEXTS_MAX: Final = 10_000
AD_HOC_MAX: Final = 50
REGEX_FLAGS: Final = 26
"""re.DOTALL | re.MULTILINE | re.IGNORECASE: what Presidio uses when nothing is said."""


class DialectError(Exception):
    """The request cannot be done as asked; the sentence says why. Holds nothing of the text."""


class AdHocPattern(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One pattern of an ad-hoc recognizer; *regex* is RE2."""

    regex: str
    name: str = ""
    score: float = 0.5


class AdHoc(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A recognizer that comes with the call. *global_regex_flags* other than the default are refused."""

    supported_entity: str
    name: str = ""
    supported_language: str = "en"
    patterns: tuple[AdHocPattern, ...] = ()
    deny_list: tuple[str, ...] = ()
    deny_list_score: float = 1.0
    context: tuple[str, ...] | None = None
    global_regex_flags: int = REGEX_FLAGS


class Analyze(msgspec.Struct, frozen=True):
    """The body of ``/analyze``. Unknown members are left alone, as Presidio does: clients send their own."""

    text: str | list[str]
    language: str
    correlation_id: str | None = None
    score_threshold: float | None = None
    entities: list[str] | None = None
    return_decision_process: bool | None = None
    ad_hoc_recognizers: list[AdHoc] | None = None
    context: list[str] | None = None
    allow_list: list[str] | None = None
    allow_list_match: Literal["exact", "regex"] = "exact"
    regex_flags: int = REGEX_FLAGS


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be found, with which engine. *entities* empty: everything."""

    texts: tuple[str, ...]
    is_batch: bool
    config: EngineConfig
    threshold: float
    entities: frozenset[str]
    explained: bool


def read_analyze(raw: bytes, base: EngineConfig) -> Wish:
    """The call in *raw* over the operator's own settings *base*, or :class:`DialectError`."""
    try:
        body = msgspec.json.decode(raw, type=Analyze)
    except (msgspec.DecodeError, RecursionError) as error:
        raise DialectError(_told(error)) from None
    texts = (body.text,) if isinstance(body.text, str) else tuple(body.text)
    if not texts or not body.text:
        raise DialectError("No text provided")
    if len(texts) > TEXTS_MAX:
        raise DialectError(f"At most {TEXTS_MAX:,} texts are taken in one call; send several calls")
    if not (len(body.language) == 2 and body.language.isascii() and body.language.isalpha()):
        raise DialectError("language is a code of two letters (ISO 639-1); all are read by the same rules")
    if body.context:
        raise DialectError(
            "context for a whole call is not supported; put the words into an ad-hoc recognizer's context"
        )
    if body.regex_flags != REGEX_FLAGS:
        raise DialectError("regex_flags are not supported; write flags into the pattern, such as (?-i)")
    return Wish(
        texts=texts,
        is_batch=not isinstance(body.text, str),
        config=_config(body, base),
        threshold=body.score_threshold if body.score_threshold is not None else 0.0,
        entities=frozenset(body.entities or ()),
        explained=bool(body.return_decision_process),
    )


def _told(error: Exception) -> str:
    """Msgspec names the place and the expected kind; its messages quote names of members at most."""
    return f"Failed to parse the request: {error}"[:300]


def _config(body: Analyze, base: EngineConfig) -> EngineConfig:
    custom, deny = list(base.custom), list(base.deny)
    ad_hoc = body.ad_hoc_recognizers or []
    if len(ad_hoc) > AD_HOC_MAX:
        raise DialectError(f"At most {AD_HOC_MAX} ad-hoc recognizers are taken in one call")
    for number, one in enumerate(ad_hoc):
        if one.global_regex_flags != REGEX_FLAGS:
            raise DialectError(
                "global_regex_flags are not supported; write flags into the pattern, such as (?-i)"
            )
        for pattern in one.patterns:
            custom.append(
                CustomRecognizer(
                    name=one.name or f"ad-hoc {number + 1}",
                    type=one.supported_entity,
                    pattern=_re2("(?ims)" + pattern.regex),
                    score=min(max(pattern.score, 0.001), 1.0),
                    context=one.context or (),
                )
            )
        deny += [(word, one.supported_entity) for word in one.deny_list]
    allowed = body.allow_list or []
    by_value = body.allow_list_match == "exact"
    return replace(
        base,
        custom=tuple(custom),
        deny=tuple(deny),
        allow=base.allow | {v.casefold() for v in allowed} if by_value else base.allow,
        allow_patterns=base.allow_patterns
        if by_value
        else (*base.allow_patterns, *(_re2("(?ims)" + p) for p in allowed)),
    )


def _re2(pattern: str) -> str:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error:
        raise DialectError("a pattern is not RE2 (no look-around, no back-references); rewrite it") from None
    return pattern


def entity_of(kind: str) -> str:
    return THEIRS.get(kind, kind)


def kinds_of(entities: Iterable[str]) -> frozenset[str]:
    """Our kinds that answer to any of *entities*, by Presidio's name or by ours."""
    asked = frozenset(entities)
    return asked | {ours for ours, theirs in THEIRS.items() if theirs in asked}


def results(spans: Iterable[Span], wish: Wish) -> list[dict[str, Any]]:
    """``RecognizerResultWithAnalysis`` objects, most certain first, as Presidio sorts them."""
    out = []
    for span in sorted(spans, key=lambda s: (-s.score, s.start)):
        if span.score < wish.threshold:
            continue
        if wish.entities and not {span.type, entity_of(span.type)} & wish.entities:
            continue
        out.append(
            {
                "analysis_explanation": _explained(span) if wish.explained else None,
                "end": span.end,
                "entity_type": entity_of(span.type),
                "score": round(span.score, 6),
                "start": span.start,
            }
        )
    return out


def _explained(span: Span) -> dict[str, Any]:
    return {
        "recognizer": span.rule,
        "pattern_name": None,
        "pattern": None,
        "original_score": round(span.score, 6),
        "score": round(span.score, 6),
        "textual_explanation": span.reason,
        "score_context_improvement": 0,
        "supportive_context_word": "",
        "validation_result": True if "check digit" in span.reason else None,
    }
