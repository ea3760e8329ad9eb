"""What the deep tier adds to the fast one, in one list of spans.

Decided here: that nothing the fast tier hides is shown because of it, and which type stands where both saw something. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from masking.spans import Span

RULE: Final = "deep"
"""The rule name of every span of the deep tier."""


def joined(fast: list[Span], deep: list[Span], text: str, *, soft: frozenset[str]) -> list[Span]:
    """*fast* with what *deep* adds. Both are sorted and free of overlaps, and so is the result.

    Every character under *fast* is under the result. A fast span whose rule is in *soft* (the linear model's) grows over a
    deep one that overlaps it, and takes its type where that covers at least half of it; every other fast span stays as it is and
    cuts the deep one.
    """
    firm = [span for span in fast if span.rule not in soft]
    own = [span for span in fast if span.rule in soft]
    model = sorted([*own, *deep], key=lambda s: (s.start, s.end))
    grown: list[Span] = []
    group: list[Span] = []
    for span in model:
        if group and span.start >= max(s.end for s in group):
            grown.append(_one(group))
            group = []
        group.append(span)
    if group:
        grown.append(_one(group))
    return sorted([*firm, *_around(grown, firm, own, text)])


def _one(group: list[Span]) -> Span:
    """Spans that overlap in a chain, as one: the deep tier's type where it covers half, else the fast tier's longest."""
    if len(group) == 1:
        return group[0]
    start, end = group[0].start, max(s.end for s in group)
    deep = [s for s in group if s.rule == RULE]
    fast = [s for s in group if s.rule != RULE]
    covered = sum(s.end - s.start for s in deep)
    side = deep if 2 * covered >= end - start or not fast else fast
    chosen = max(side, key=lambda s: (s.end - s.start, s.score))
    return replace(chosen, start=start, end=end)


def _around(grown: list[Span], firm: list[Span], keep: list[Span], text: str) -> list[Span]:
    """What of *grown* lies outside *firm* (sorted, apart), where there is a letter or digit in it or a part of *keep*."""
    out: list[Span] = []
    at = 0
    for span in grown:
        while at < len(firm) and firm[at].end <= span.start:
            at += 1
        left, i = span.start, at
        cuts = []
        while i < len(firm) and firm[i].start < span.end:
            cuts.append((left, firm[i].start))
            left = firm[i].end
            i += 1
        cuts.append((left, span.end))
        for start, end in cuts:
            if start < end and (
                any(c.isalnum() for c in text[start:end])
                or any(k.start < end and start < k.end for k in keep)
            ):
                out.append(replace(span, start=start, end=end))
    return out
