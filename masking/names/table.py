"""The model's weights and the gazetteer as one binary table, read as it stands: nothing is built when it is loaded.

``benchmarks/masking_names/pack.py`` writes ``masking/data/names.bin`` from ``names.json.gz`` and ``gazetteer.txt.gz``.
Both are sorted arrays of 64-bit keys behind an index of their first bits; a name is looked up by its :func:`key`, and
none is stored. That an unknown name has a known one's key happens once in 10^14 look-ups. The compiled loops
(``native/names.c``) read the same bytes.

Layout, little endian: ``MAGIC``, SHA-256 of the two sources (32 bytes), nine float64 of transitions, the two counts
(uint32); the index of the weights (uint32, one for each of 2^12 beginnings and one more), of the gazetteer (2^14 and
one more); then, at a multiple of eight, the keys of the weights (uint64), the entries of the gazetteer (uint64, a key
whose last five bits are the flags), and the weights (int16, in hundredths: of PERSON and of LOCATION, relative to O).
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Final, NamedTuple
from zlib import crc32

MAGIC: Final = b"SGNAMES1"
WEIGHT_BITS: Final = 12
WORD_BITS: Final = 14
FLAGS: Final = 31
_HEAD: Final = struct.Struct("<8s32s9dII")
Weight = tuple[int, int]
"""What is added to PERSON and to LOCATION, relative to O, in hundredths."""


def key(name: str) -> int:
    """The 64 bits that stand for *name*: CRC-32 (ISO 3309) of its UTF-8 forwards, then of it backwards."""
    raw = name.encode("utf-8", "surrogatepass")
    return crc32(raw) << 32 | crc32(raw[::-1])


class Layout(NamedTuple):
    """Where in the file each part begins, in bytes."""

    weight_index: int
    word_index: int
    weight_keys: int
    words: int
    weights: int
    end: int


def layout(features: int, words: int) -> Layout:
    """The layout of a table of that many *features* and *words*."""
    weight_index = _HEAD.size
    word_index = weight_index + 4 * ((1 << WEIGHT_BITS) + 1)
    weight_keys = word_index + 4 * ((1 << WORD_BITS) + 1)
    weight_keys += -weight_keys % 8
    gazetteer = weight_keys + 8 * features
    weights = gazetteer + 8 * words
    return Layout(weight_index, word_index, weight_keys, gazetteer, weights, weights + 4 * features)


class Table:
    """``weights``, ``flags`` and ``transitions`` over the bytes of one file; raises ``ValueError`` where it is none."""

    __slots__ = ("_index", "_keys", "_values", "_word_index", "_words", "raw", "sources", "transitions")

    def __init__(self, raw: bytes) -> None:
        if len(raw) < _HEAD.size:
            raise ValueError("the table of names is cut off")
        magic, self.sources, *rest = _HEAD.unpack_from(raw)
        *transitions, features, words = rest
        at = layout(features, words)
        if magic != MAGIC or len(raw) != at.end:
            raise ValueError("this is no table of names")
        self.raw = raw
        self.transitions: tuple[float, ...] = tuple(transitions)
        view = memoryview(raw)
        self._index = view[at.weight_index : at.word_index].cast("I")
        self._word_index = view[at.word_index : at.word_index + 4 * ((1 << WORD_BITS) + 1)].cast("I")
        self._keys = view[at.weight_keys : at.words].cast("Q")
        self._words = view[at.words : at.weights].cast("Q")
        self._values = view[at.weights : at.end].cast("h")

    def weight(self, name: str) -> Weight:
        """What the feature *name* adds; nothing for one that the model does not know."""
        wanted = key(name)
        first = wanted >> (64 - WEIGHT_BITS)
        stop = self._index[first + 1]
        at = bisect_left(self._keys, wanted, self._index[first], stop)
        if at == stop or self._keys[at] != wanted:
            return 0, 0
        return self._values[2 * at], self._values[2 * at + 1]

    def flags(self, word: str) -> int:
        """The gazetteer's flags of a lower-case *word*, 0 for one that it does not hold."""
        wanted = key(word) & ~FLAGS
        first = wanted >> (64 - WORD_BITS)
        stop = self._word_index[first + 1]
        at = bisect_left(self._words, wanted, self._word_index[first], stop)
        if at == stop or self._words[at] & ~FLAGS != wanted:
            return 0
        return self._words[at] & FLAGS


@cache
def load() -> Table:
    """The table of this package; once a process."""
    return Table((files("masking") / "data" / "names.bin").read_bytes())


def build(
    weights: dict[str, Weight], words: dict[str, int], transitions: tuple[float, ...], sources: bytes
) -> bytes:
    """The bytes of a table. Raises ``ValueError`` where two names have one key or a number does not fit."""
    rows = sorted((key(name), pair) for name, pair in weights.items())
    entries = sorted(key(word) & ~FLAGS | flags for word, flags in words.items())
    for keys in ([k for k, _ in rows], [e & ~FLAGS for e in entries]):
        if any(a == b for a, b in pairwise(keys)):
            raise ValueError("two names have the same key")
    at = layout(len(rows), len(entries))
    parts = [
        _HEAD.pack(MAGIC, sources, *transitions, len(rows), len(entries)),
        _index([k for k, _ in rows], WEIGHT_BITS),
        _index(entries, WORD_BITS),
    ]
    parts.append(bytes(at.weight_keys - sum(map(len, parts))))
    parts.append(struct.pack(f"<{len(rows)}Q", *(k for k, _ in rows)))
    parts.append(struct.pack(f"<{len(entries)}Q", *entries))
    parts.append(struct.pack(f"<{2 * len(rows)}h", *(w for _, pair in rows for w in pair)))
    return b"".join(parts)


def _index(keys: list[int], bits: int) -> bytes:
    """For each beginning of *bits* bits, how many of the sorted *keys* come before it."""
    return struct.pack(
        f"<{(1 << bits) + 1}I", *(bisect_left(keys, n << (64 - bits)) for n in range((1 << bits) + 1))
    )
