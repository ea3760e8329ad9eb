"""Files and folders: each looked through by ``masking.flow``, its masked copy written beside a report.

Decided here: what is walked (regular files; links and devices are not followed), and that a copy appears under its name only once it
is whole, and never in place of a file that is there. A file that fails has a sentence; the others go on. Names of files are data too:
they are shown and copied masked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from masking.engine import Engine
from masking.errors import MaskingError
from masking.flow import mask_flow
from masking.operators import Writing
from masking.tally import Tally

FILES_MAX: Final = 1_000_000
PART: Final = ".part"


@dataclass(slots=True)
class FileReport:
    """One file. ``name`` is masked; ``error`` is empty, or a sentence that holds nothing of the file."""

    name: str
    bytes: int = 0
    format: str = ""
    tally: Tally = field(default_factory=Tally)
    error: str = ""


class _Nowhere:
    """Takes what is written when no copies are wanted."""

    def write(self, data: bytes) -> int:
        return len(data)

    def flush(self) -> None:
        return


def walk(roots: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """(file, its path below its root) of every regular file, in order of name."""
    for root in roots:
        if not root.is_dir():
            yield root, Path(root.name)
            continue
        for folder, below, names in os.walk(root, followlinks=False):
            below.sort()
            for name in sorted(names):
                file = Path(folder) / name
                if file.is_file() and not file.is_symlink():
                    yield file, Path(root.name) / file.relative_to(root)


def mask_file(
    engine: Engine,
    file: Path,
    below: Path,
    *,
    out: Path | None = None,
    fmt: str = "auto",
    told: Callable[[int], None] | None = None,
    writing: Writing | None = None,
) -> FileReport:
    """Look through *file*; with *out*, write its masked copy below that folder, its values by *writing*."""
    shown = Path(*(engine.mask_text(part).text.replace("/", "_") for part in below.parts))
    report = FileReport(str(shown))

    def heard(count: int) -> None:
        report.bytes += count
        if told is not None:
            told(count)

    try:
        with file.open("rb") as source:
            if out is None:
                report.format = mask_flow(
                    engine, source, _Nowhere(), fmt, writing=writing, tally=report.tally, told=heard  # type: ignore[arg-type]
                )  # fmt: skip
            else:
                target = out / shown
                if target.exists():
                    raise MaskingError("a copy of that name is there already, and nothing is overwritten")
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_name(target.name + PART)
                try:
                    with part.open("xb") as sink:
                        report.format = mask_flow(
                            engine, source, sink, fmt, writing=writing, tally=report.tally, told=heard
                        )
                    part.rename(target)
                finally:
                    part.unlink(missing_ok=True)
    except MaskingError as error:
        report.error = str(error)
    except OSError as error:
        report.error = f"cannot be read or written: {error.strerror}"
    return report
