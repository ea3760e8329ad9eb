"""Text of any length, masked as it comes: constant memory, and a value over the edge of two pieces is found whole.

Decided here: how much is held back. A piece is scanned with ``BEHIND`` characters before it (as context) and ``AHEAD``
after it; only what lies before ``AHEAD`` goes out, cut at a line's end where there is one and never inside a finding. So what
goes out was judged with everything that can have a say in it, and the result is that of one scan over the whole
(tests/masking/test_stream.py compares them). What is masked is scanned a second time, as ``Engine.mask_text`` does.

Deliberately absent: files, formats, progress; see ``masking.files``.
"""

from __future__ import annotations

from typing import Final

from masking.engine import Engine
from masking.errors import MaskingError
from masking.operators import Writing, write
from masking.spans import Span, moved
from masking.tally import Tally

BLOCK: Final = 64 * 1024
"""Characters that go out at a time (measured, MB/s: 4 KiB 1.5, 16 KiB 3.4, 64 KiB 4.4, 256 KiB 4.6)."""
AHEAD: Final = 20_480
"""The longest window of any recognizer: a PEM key, 20,100 characters from its first line."""
BEHIND: Final = 1_024
"""Context is 40 characters, the model looks two words back, a line of code is known by its first 200."""
VALUE_CHARS_MAX: Final = 1 << 20
"""A finding longer than this is a fault: it would have to be held whole."""


class _Pass:
    """One scan over the stream. Feed text, take what is decided."""

    def __init__(
        self,
        engine: Engine,
        writing: Writing,
        tally: Tally,
        *,
        closed: bool,
        block: int,
        ahead: int,
        behind: int,
    ) -> None:
        self._engine, self._writing, self._tally, self._closed = engine, writing, tally, closed
        self._block, self._ahead, self._behind = block, ahead, behind
        self._held = ""
        self._done = 0
        """How much of the held text went out already and is context only."""
        self._want = block + ahead

    def feed(self, text: str) -> str:
        self._held += text
        out = []
        while len(self._held) - self._done >= self._want:
            out.append(self._step(last=False))
        return "".join(out)

    def close(self) -> str:
        return self._step(last=True) if len(self._held) > self._done else ""

    def _step(self, *, last: bool) -> str:
        # One block at a time, so that a large feed is no large scan.
        size = len(self._held) if last else min(len(self._held), self._done + self._want)
        text = self._held[:size]
        spans = self._scan(text)
        cut = size if last else self._cut(text, spans)
        if cut is None:
            self._want += self._block
            if self._want > VALUE_CHARS_MAX + self._ahead:
                raise MaskingError("one value is too long to be masked in a stream")
            return ""
        self._want = self._block + self._ahead
        masked = self._write(text[self._done : cut], spans, cut)
        keep = self._keep(text, cut)
        self._held, self._done = self._held[keep:], cut - keep
        return masked

    def _scan(self, text: str) -> list[Span]:
        return self._engine.scan_closed(text, line_bound=False) if self._closed else self._engine.scan(text)

    def _cut(self, text: str, spans: list[Span]) -> int | None:
        """Where what is decided ends; None when one finding reaches over all of it."""
        limit = len(text) - self._ahead
        cut = text.rfind("\n", self._done, limit) + 1
        if cut <= self._done:
            cut = next(
                (i + 1 for i in range(limit - 1, max(self._done, limit - 4096), -1) if text[i].isspace()),
                limit,
            )
        for span in spans:
            if span.start < cut < span.end:
                cut = span.start
                break
            if span.start >= cut:
                break
        return cut if cut > self._done else None

    def _write(self, text: str, spans: list[Span], cut: int) -> str:
        """The piece with its findings replaced; of a finding that began before it, the rest."""
        base = self._done
        inside = [
            moved(s, max(s.start, base) - base, s.end - base) for s in spans if s.end > base and s.end <= cut
        ]
        masked = write(text, inside, self._writing)
        self._tally.count(masked.hidden)
        return masked.text

    def _keep(self, text: str, cut: int) -> int:
        """Where the context for the next piece begins: at a line's start if one is near, never inside a word."""
        floor = max(0, cut - self._behind)
        if floor == 0:
            return 0
        line = text.find("\n", floor, cut) + 1
        if line:
            return line
        return next((i for i in range(floor, cut) if text[i].isspace()), floor)


class TextStream:
    """``feed`` pieces, then ``close``; the answers, put together, are the masked text."""

    def __init__(
        self,
        engine: Engine,
        writing: Writing,
        tally: Tally | None = None,
        *,
        block: int = BLOCK,
        ahead: int = AHEAD,
        behind: int = BEHIND,
    ) -> None:
        self._tally = tally if tally is not None else Tally()
        sizes = {"block": block, "ahead": ahead, "behind": behind}
        self._second: _Pass | None = None
        if getattr(writing, "once", False):
            self._first = _Pass(engine, writing, self._tally, closed=True, **sizes)
            return
        self._first = _Pass(engine, writing, self._tally, closed=False, **sizes)
        # A placeholder is seldom as long as the value, so a word may now stand near enough to give another number away.
        self._second = _Pass(engine.without_deep(), writing, self._tally, closed=True, **sizes)

    def feed(self, text: str) -> str:
        masked = self._first.feed(text)
        return self._told(masked if self._second is None else self._second.feed(masked))

    def close(self) -> str:
        masked = self._first.close()
        return self._told(
            masked if self._second is None else self._second.feed(masked) + self._second.close()
        )

    def _told(self, masked: str) -> str:
        if masked:
            self._tally.look(masked)
        return masked
