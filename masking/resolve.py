"""Which of several overlapping findings stands.

Order: certain (check digit or unmistakable form), then key name, then pattern with context, then model; within
one rank the longer, then the higher score, then the first. What is left of a beaten finding that was itself
likely is kept as a piece, so that nothing found is shown because something else was found beside it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from masking.names.words import is_no_name
from masking.spans import Span

CERTAIN: Final = 0.9
LEFTOVER_SCORE: Final = 0.8
LEFTOVER_CHARS: Final = 3

RANK_STRUCTURE, RANK_CERTAIN, RANK_KEY, RANK_PATTERN, RANK_MODEL = 5, 4, 3, 2, 1
SECRETS: Final = frozenset({"PASSWORD", "SECRET"})
"""Found by the name before them, whichever pattern found them: what holds them (a URL) does not hide them."""
STRUCTURE: Final = 0.999
"""A score that says: the syntax around it leaves no other reading (``://user:secret@host``)."""


def resolve(candidates: list[tuple[int, Span]], text: str) -> list[Span]:
    """Non-overlapping spans, sorted by start."""
    if len(candidates) > 1:
        candidates.sort(key=_order)
    else:
        return [span for _, span in candidates]
    taken: list[Span] = []
    # Spans are short and sorted buckets of 256 characters keep the overlap test local.
    buckets: dict[int, list[Span]] = {}
    for _, span in candidates:
        cells = range(span.start >> 8, ((span.end - 1) >> 8) + 1)
        rivals = [
            r for cell in cells for r in buckets.get(cell, ()) if r.start < span.end and span.start < r.end
        ]
        pieces = [span] if not rivals else _leftovers(span, rivals, text)
        for piece in pieces:
            taken.append(piece)
            for cell in range(piece.start >> 8, ((piece.end - 1) >> 8) + 1):
                buckets.setdefault(cell, []).append(piece)
    taken.sort()
    return taken


def _order(item: tuple[int, Span]) -> tuple[int, int, float, int, str]:
    rank, span = item
    return (-rank, span.start - span.end, -span.score, span.start, span.type)


def _leftovers(span: Span, rivals: list[Span], text: str) -> list[Span]:
    url = span.type == "URL"
    if (span.score < LEFTOVER_SCORE and not url) or any(r.type == span.type for r in rivals):
        return []
    pieces = []
    at = span.start
    for rival in sorted(rivals):
        pieces.append((at, rival.start))
        at = max(at, rival.end)
    pieces.append((at, span.end))
    out = []
    for left, right in pieces:
        start, end = left, right
        while start < end and not text[start].isalnum():
            start += 1
        while end > start and not text[end - 1].isalnum():
            end -= 1
        if span.rule == "names" and is_no_name(text[start:end]):
            continue
        if url and not {".", "/"} & set(text[start:end]):  # a scheme or a parameter says nothing
            continue
        if end - start >= LEFTOVER_CHARS and (span.type != "EMAIL_ADDRESS" or "@" in text[start:end]):
            out.append(replace(span, start=start, end=end, reason=span.reason + ", rest"))
    return out
