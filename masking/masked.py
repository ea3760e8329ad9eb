"""Text that may be shown. Only this package makes it; whoever holds one need not ask again.

Deliberately absent: any way back to the value, and any way to build one from a plain ``str``
outside ``masking``. Keeps I10 (no plaintext) by type: a card takes ``Masked``, never ``str``.
"""

from __future__ import annotations

from typing import Final, final

_KEY: Final = object()


@final
class Masked:
    """A masked string and the kinds and counts of what it hides.

    ``hidden`` is ``((type, count), …)`` sorted by type. Equal when text and hidden are equal.
    """

    __slots__ = ("_hidden", "_text")

    def __init__(self, text: str, hidden: tuple[tuple[str, int], ...], key: object) -> None:
        if key is not _KEY:
            raise TypeError("only the masking package can make Masked text; call an Engine")
        self._text = text
        self._hidden = hidden

    @property
    def text(self) -> str:
        return self._text

    @property
    def hidden(self) -> tuple[tuple[str, int], ...]:
        return self._hidden

    def __str__(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return f"Masked({len(self._text)} chars, hidden={self._hidden!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Masked) and (self._text, self._hidden) == (other._text, other._hidden)

    def __hash__(self) -> int:
        return hash((self._text, self._hidden))

    def __reduce__(self) -> tuple[object, tuple[str, tuple[tuple[str, int], ...]]]:
        return _rebuild, (self._text, self._hidden)


def _make(text: str, hidden: tuple[tuple[str, int], ...] = ()) -> Masked:
    """For this package (and its worker's pipe) alone."""
    return Masked(text, hidden, _KEY)


_rebuild = _make


def restore(text: str, hidden: tuple[tuple[str, int], ...] = ()) -> Masked:
    """Masked text that this package made earlier and the caller kept, whole and unchanged: the caller vouches
    for that with a hash over what it kept (``preview_hash``). Never for text from anywhere else."""
    return _make(text, hidden)
