"""The C2SP tlog-tiles layout: which file holds which hashes, and how entries are bundled.

Pure: names and bytes, no files. Source: c2sp.org/tlog-tiles (paths, partial tiles, entry
bundles with 16-bit length prefixes).
"""

from collections.abc import Iterable, Iterator
from typing import Final

WIDTH: Final = 256
ENTRIES: Final = "entries"


def number_path(n: int) -> str:
    """``1234067`` → ``x001/x234/067``: three digits a directory, all but the last marked."""
    parts = [f"{n % 1000:03d}"]
    while n >= 1000:
        n //= 1000
        parts.append(f"x{n % 1000:03d}")
    return "/".join(reversed(parts))


def tile_path(level: int | str, n: int, width: int = WIDTH) -> str:
    """The path of a tile (*level* a number) or of an entry bundle (*level* is ``ENTRIES``)."""
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{number_path(n)}{partial}"


def tiles_of(size: int) -> Iterator[tuple[int, int, int]]:
    """Every hash tile of a tree of *size*: level, index, width."""
    level = 0
    while size:
        full, rest = divmod(size, WIDTH)
        for n in range(full):
            yield level, n, WIDTH
        if rest:
            yield level, full, rest
        level, size = level + 1, full


def bundle(leaves: Iterable[bytes]) -> bytes:
    """Leaves as an entry bundle: each after its length in two bytes, big end first."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def unbundle(data: bytes) -> list[bytes]:
    """The leaves of an entry bundle; ``ValueError`` when it is cut short."""
    leaves, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise ValueError("an entry bundle ends inside an entry")
        leaves.append(data[at + 2 : end])
        at = end
    return leaves
