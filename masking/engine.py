"""The engine: text or JSON in, spans and masked text out. Pure: no clock, no randomness, no input or output.

Order of work: one literal pass, one pass over digit runs, bounded confirms, validators, context as log-odds,
rules over the whole text (names, addresses), resolve. Every step is linear in the text. Any fault in here is a
:class:`MaskingError`, and then nothing is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from masking.compiled import Compiled, compile_rules
from masking.config import EngineConfig
from masking.deep_join import joined
from masking.document import JSON, MaskedDocument, mask_value
from masking.errors import MaskingError
from masking.masked import Masked, _make
from masking.native import available
from masking.operators import Numbering, Writing, write
from masking.resolve import (
    CERTAIN,
    RANK_CERTAIN,
    RANK_MODEL,
    RANK_PATTERN,
    RANK_STRUCTURE,
    STRUCTURE,
    resolve,
)
from masking.scan import Candidates, scan_literals, scan_runs
from masking.spans import Span, moved
from masking.view import View, fold, is_placeholder

FAULTS: Final = (
    RecursionError,
    MemoryError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
)
"""What a scan may fail with; any of it is a :class:`MaskingError`, and then nothing is shown."""
ROUNDS_MAX: Final = 4
"""Masked text is scanned again until nothing is found; context can only shrink, so two rounds are the rule."""


Deep = Callable[[str], list[Span]]
"""A second reader (``masking.deep``): sorted spans without overlaps. It only ever adds to what is found here."""


class Engine:
    """Immutable after construction but for its memo of shapes; one per process is enough."""

    def __init__(
        self, config: EngineConfig | None = None, *, native: bool = available, deep: Deep | None = None
    ) -> None:
        """*native*: use the compiled loops; without them the same is found, more slowly. *deep*: reads every text as well."""
        self.config = config or EngineConfig()
        self._rules: Compiled = compile_rules(self.config, native=native)
        self._deep = deep
        self._soft = frozenset(rule.name for rule in self._rules.text_rules if rule.model)
        scanner = self._rules.scanner
        self._fast: Any = None if scanner is None or self._rules.allows else scanner.find

    def without_deep(self) -> Engine:
        """The same rules without the second reader."""
        if self._deep is None:
            return self
        plain: Engine = object.__new__(type(self))
        plain.config, plain._rules, plain._deep, plain._soft = self.config, self._rules, None, self._soft
        plain._fast = self._fast
        return plain

    def scan(self, text: str) -> list[Span]:
        """Resolved, non-overlapping, sorted spans at or above the threshold, of the types that are on."""
        fast = self._fast
        if fast is None:
            spans: list[Span] = self._scan(text, line_bound=False)
        else:
            try:
                spans = fast(text)
            except FAULTS as e:
                self._checked(text)
                raise MaskingError(f"scanning failed ({type(e).__name__})") from None
        return spans if self._deep is None else self._deepened(text, spans)

    def explain(self, text: str) -> list[Span]:
        """Every candidate before resolve, however unlikely, each with its rule and reason."""
        view = View(self._checked(text))
        found = self._candidates(view, line_bound=False, threshold=0.0)
        deep = self._deep(view.folded) if self._deep is not None else []
        return sorted([*(span for _, span in found), *deep])

    def mask_text(self, text: str, writing: Writing | None = None) -> Masked:
        """*text* with every found value replaced: by a typed, numbered placeholder, or as *writing* says."""
        if getattr(writing, "once", False):
            assert writing is not None
            return write(text, self.scan_closed(text, line_bound=False), writing)
        writing = writing or Numbering()
        spans = self.scan(text)
        masked = write(text, spans, writing)
        # A placeholder is seldom as long as the value, so a word may now stand near enough to give another number away.
        for _ in range(ROUNDS_MAX):
            spans = self._scan(masked.text, line_bound=False) if spans else []
            if not spans:
                break
            again = write(masked.text, spans, writing)
            hidden = Counter(dict(masked.hidden)) + Counter(dict(again.hidden))
            masked = _make(again.text, tuple(sorted(hidden.items())))
        return masked

    def mask_json(self, value: JSON, writing: Writing | None = None) -> MaskedDocument:
        """Every leaf of *value* masked, keys included; the document has the same shape."""
        return mask_value(self, value, writing)

    def scan_closed(self, text: str, *, line_bound: bool) -> list[Span]:
        """As :meth:`scan`, and what shows itself only once the rest is masked is found as well."""
        spans = self._scan(text, line_bound=line_bound)
        if self._deep is not None:
            spans = self._deepened(text, spans)
        if not spans:
            return spans
        for _ in range(ROUNDS_MAX):
            blank = _blanked(text, spans)
            more = self._scan(blank, line_bound=line_bound)
            if not more:
                break
            spans = sorted([*spans, *more])
        return spans

    def allows(self, value: str) -> bool:
        """Whether the operator said that *value* is never masked."""
        return self._rules.allows and self._rules.allowed(value)

    @staticmethod
    def is_masked(value: str) -> bool:
        """Whether *value* is already one placeholder or token and nothing else."""
        return is_placeholder(value)

    def _scan(self, text: str, *, line_bound: bool) -> list[Span]:
        self._checked(text)
        scanner = self._rules.scanner
        if scanner is not None:
            try:
                answer: Any = scanner.scan(text, line_bound, not self._rules.allows)
            except FAULTS as e:
                raise MaskingError(f"scanning failed ({type(e).__name__})") from None
            if self._rules.allows:
                return self._standing(answer, text, fold(text))
            spans: list[Span] = answer
            return spans
        view = View(text)
        found = self._candidates(view, line_bound=line_bound, threshold=self.config.threshold)
        return self._standing(found, text, view.folded)

    def _standing(self, found: Candidates, text: str, folded: str) -> list[Span]:
        """What of *found* is of a type that is on, not allowed, not masked already, and beaten by nothing else."""
        off = self.config.off
        if off:
            found = [f for f in found if f[1].type not in off]
        if self._rules.allows:
            found = [f for f in found if not self._rules.allowed(text[f[1].start : f[1].end])]
        if "\0" in folded:
            found = [(rank, piece) for rank, span in found for piece in _shown(span, folded)]
        return resolve(found, text)

    def _deepened(self, text: str, spans: list[Span]) -> list[Span]:
        """*spans* and what the second reader adds, of the types that are on and not among the allowed values."""
        assert self._deep is not None
        folded = View(text).folded
        off, allowed = self.config.off, self._rules.allowed
        deep = [
            piece
            for span in self._deep(folded)
            if span.type not in off and not (self._rules.allows and allowed(text[span.start : span.end]))
            for piece in _shown(span, folded)
        ]
        return joined(spans, deep, text, soft=self._soft) if deep else spans

    def _candidates(self, view: View, *, line_bound: bool, threshold: float) -> Candidates:
        found: Candidates = []
        try:
            places = scan_literals(self._rules, view, found, threshold, line_bound)
            scan_runs(self._rules, view, found, threshold, line_bound)
            for number, rule in enumerate(self._rules.text_rules):
                if rule.find_at is not None:
                    spans = rule.find_at(view, places[number]) if number in places else []
                elif (needs := self._rules.needs[number]) and not _holds(view.low, needs):
                    continue
                else:
                    spans = rule.find(view)
                rank = RANK_MODEL if rule.model else rule.rank
                for span in spans:
                    if span.score >= threshold:
                        found.append((rank or _rank(span) or RANK_PATTERN, span))
        except FAULTS as e:
            raise MaskingError(f"scanning failed ({type(e).__name__})") from None
        return found

    def _checked(self, text: str) -> str:
        if not isinstance(text, str):
            raise MaskingError("only text can be scanned")
        if len(text) > self.config.text_chars_max:
            raise MaskingError("the text is longer than the engine may take")
        return text


def _holds(low: bytes, needs: tuple[bytes, ...]) -> bool:
    """Whether one of *needs* stands in the text."""
    for needed in needs:  # noqa: SIM110 - a generator costs more than what it asks
        if needed in low:
            return True
    return False


def _rank(span: Span) -> int:
    """The rank that a form alone earns, or 0."""
    return RANK_STRUCTURE if span.score >= STRUCTURE else RANK_CERTAIN if span.score >= CERTAIN else 0


def _shown(span: Span, folded: str) -> list[Span]:
    """The parts of *span* that do not lie under what is masked already, when anything is left in them."""
    if "\0" not in folded[span.start : span.end]:
        return [span]
    out = []
    at = span.start
    for piece in folded[span.start : span.end].split("\0"):
        if any(c.isalnum() for c in piece):
            out.append(moved(span, at, at + len(piece)))
        at += len(piece) + 1
    return out


def _blanked(text: str, spans: list[Span]) -> str:
    parts = []
    at = 0
    for span in spans:
        parts.append(text[at : span.start])
        parts.append("\0" * (span.end - span.start))
        at = span.end
    parts.append(text[at:])
    return "".join(parts)
