"""Recognizers, compiled: one literal automaton, one index of shapes, one search per pattern, context vocabularies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import ahocorasick_rs
import re2

from masking import detect
from masking.config import CustomRecognizer, EngineConfig
from masking.confirm import LazySearch
from masking.context import Vocabulary
from masking.errors import MaskingError
from masking.native import available
from masking.recognizer import Literals, Pattern, Recognizer, Shapes, Validator
from masking.resolve import RANK_KEY
from masking.rules import RunRule, TextRule
from masking.runs import RunIndex
from masking.scanner import build
from masking.spans import Span
from masking.validators import VALIDATORS
from masking.view import View

CUSTOM_WINDOW: Final = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """What the scan needs of one recognizer's one pattern."""

    name: str
    type: str
    score: float
    group: int
    search: LazySearch | None
    whole: bool
    before: int
    after: int
    validator: Validator | None
    validated_score: float
    context: Vocabulary
    anti: Vocabulary
    context_required: bool
    needs_words: bool = False
    """No place of this rule can reach the threshold without a word for it."""
    worded: bool = False
    """Words near it say something for or against it."""
    regex: str = ""
    ignore_case: bool = False
    at: bool = False


@dataclass(frozen=True, slots=True)
class Compiled:
    automaton: Any
    by_literal: tuple[tuple[Rule, ...], ...]
    literals: tuple[bytes, ...]
    index: RunIndex[Rule]
    text_rules: tuple[TextRule, ...]
    said: tuple[tuple[tuple[int, bool], ...], ...] = ()
    """For each literal the numbers of the text rules that it may begin, and whether with a capital only."""
    needs: tuple[tuple[bytes, ...], ...] = ()
    """What each text rule needs."""
    allow: frozenset[str] = frozenset()
    allow_patterns: tuple[Any, ...] = ()
    scanner: Any = None
    """The compiled scan over the same rules, where there is one."""

    @property
    def allows(self) -> bool:
        return bool(self.allow or self.allow_patterns)

    def allowed(self, value: str) -> bool:
        return value.casefold() in self.allow or any(p.fullmatch(value) for p in self.allow_patterns)


def compile_rules(config: EngineConfig, *, native: bool = available) -> Compiled:
    literals: dict[str, list[Rule]] = {}
    shapes: dict[str, list[tuple[float, Rule]]] = {}
    finders = []
    for recognizer in detect.recognizers():
        for pattern in recognizer.patterns:
            rule = _rule(recognizer, pattern, config.threshold)
            if isinstance(pattern.anchor, Literals):
                for literal in pattern.anchor.strings:
                    literals.setdefault(literal.lower(), []).append(rule)
            else:
                for shape in pattern.anchor.shapes:
                    shapes.setdefault(shape, []).append((pattern.score, rule))
    for run_rule in detect.run_rules():
        finders.append((run_rule.find, _run_rule(run_rule)))
    text_rules = [r for r in detect.text_rules() if config.names or not r.model]
    if not native:
        text_rules = [replace(r, find=r.find_without_native or r.find) for r in text_rules]
    text_rules += [_custom(c) for c in config.custom]
    if config.deny:
        text_rules.append(_denied(config))
    spoken: dict[str, list[tuple[int, bool]]] = {}
    for number, text_rule in enumerate(text_rules):
        for literal in text_rule.literals if text_rule.find_at is not None else ():
            spoken.setdefault(literal.lower(), []).append((number, literal[0].isupper()))
    words = sorted({*literals, *spoken})
    compiled = Compiled(
        automaton=ahocorasick_rs.BytesAhoCorasick(
            [w.encode("latin-1", "replace") for w in words] or [b"\0\0\0"]
        ),
        by_literal=tuple(tuple(literals.get(w, ())) for w in words) or ((),),
        literals=tuple(w.encode("latin-1", "replace") for w in words) or (b"\0\0\0",),
        index=RunIndex(shapes, finders, native=native),
        text_rules=tuple(text_rules),
        needs=tuple(tuple(n.encode("latin-1") for n in r.needs) for r in text_rules),
        said=tuple(tuple(spoken.get(w, ())) for w in words) or ((),),
        allow=frozenset(v.casefold() for v in config.allow),
        allow_patterns=tuple(_re2(p) for p in config.allow_patterns),
    )
    if native and config.threshold > 0:
        return replace(compiled, scanner=build(compiled, config.off, config.threshold, config.text_chars_max))
    return compiled


def _denied(config: EngineConfig) -> TextRule:
    patterns = [
        (kind, _re2(rf"(?i)(?:^|[^\pL\pN])({re2.escape(word)})(?:$|[^\pL\pN])")) for word, kind in config.deny
    ]

    def find(view: View) -> list[Span]:
        return [
            Span(match.start(1), match.end(1), kind, 1.0, "deny-list", "listed by the operator")
            for kind, pattern in patterns
            for match in pattern.finditer(view.folded)
        ]

    return TextRule("deny-list", "", find, "configuration", (), (), rank=RANK_KEY)


def _search(pattern: Pattern) -> LazySearch | None:
    if not pattern.regex:
        return None
    at = isinstance(pattern.anchor, Literals) and pattern.anchor.at
    return LazySearch(pattern.regex, ignore_case=pattern.ignore_case, at=at)


def _rule(recognizer: Recognizer, pattern: Pattern, threshold: float) -> Rule:
    anchor = pattern.anchor
    literal = isinstance(anchor, Literals)
    if literal and not pattern.regex:
        raise MaskingError(f"recognizer {recognizer.name}: a literal anchor needs a regex")
    return Rule(
        name=recognizer.name,
        type=recognizer.type,
        score=pattern.score,
        group=pattern.group,
        search=_search(pattern),
        whole=not literal,
        before=anchor.before if isinstance(anchor, Literals) else 0,
        after=anchor.after if isinstance(anchor, Literals) else 0,
        validator=recognizer.validator,
        validated_score=recognizer.validated_score,
        worded=bool(recognizer.context or recognizer.anti_context),
        regex=pattern.regex,
        ignore_case=pattern.ignore_case,
        at=isinstance(anchor, Literals) and anchor.at,
        context=Vocabulary(recognizer.context),
        anti=Vocabulary(recognizer.anti_context),
        context_required=recognizer.context_required,
        needs_words=recognizer.context_required
        or max(pattern.score, recognizer.validated_score if recognizer.validator else 0.0) < threshold,
    )


def _run_rule(rule: RunRule) -> Rule:
    return Rule(
        rule.name,
        rule.type,
        0.0,
        0,
        None,
        True,
        0,
        0,
        rule.validator,
        rule.validated_score,
        Vocabulary(rule.context),
        Vocabulary(rule.anti_context),
        rule.context_required,
        worded=bool(rule.context or rule.anti_context),
    )


def _re2(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise MaskingError("a pattern of the configuration is not RE2") from None


def _custom(custom: CustomRecognizer) -> TextRule:
    pattern = _re2("(?i)" + custom.pattern if custom.ignore_case else custom.pattern)
    if custom.validator and custom.validator not in VALIDATORS:
        raise MaskingError(f"custom recognizer {custom.name}: no validator of that name")
    validator = VALIDATORS[custom.validator] if custom.validator else None
    vocabulary = Vocabulary(custom.context)

    def find(view: View) -> list[Span]:
        from masking.context import Words, moved

        out = []
        for match in pattern.finditer(view.folded):
            start, end = match.span()
            if start == end:
                continue
            score, reason = custom.score, "own pattern"
            verdict = validator(view.folded[start:end]) if validator else None
            if verdict is False:
                continue
            if verdict:
                score, reason = 0.95, "own pattern, validated"
            if vocabulary:
                score = moved(score, vocabulary.count(Words(view.folded, start, end, False)), 0)
            out.append(Span(start, end, custom.type, score, custom.name, reason))
        return out

    return TextRule(custom.name, custom.type, find, "configuration", (), ())


__all__ = ["Compiled", "Rule", "Shapes", "compile_rules"]
