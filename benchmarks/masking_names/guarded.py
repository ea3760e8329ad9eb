"""Runs a script that may read nothing but what it was handed: python guarded.py FOLDER[:FOLDER…] SCRIPT ARGUMENT…

Opening or listing anything outside these folders, starting a program and using the network raise ``PermissionError``. What the environment has installed is
read as well. Everything else, Python's own library included, is read by nobody but the import system, for sources of this machine are what the
model once was made from and must not be again. What an extension does by itself is not seen.
"""

from __future__ import annotations

import os
import pathlib
import runpy
import sys
import sysconfig
from typing import Any, Final

FORBIDDEN: Final = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "socket.")
LISTS: Final = ("open", "os.listdir", "os.scandir")
_IMPORT: Final = "<frozen importlib._bootstrap_external>"


class Guard:
    """The hook. *allowed* are folders below which everything may be read and written."""

    def __init__(self, allowed: list[pathlib.Path]) -> None:
        paths = sysconfig.get_paths()
        self.packages = tuple(os.path.realpath(paths[name]) + "/" for name in ("purelib", "platlib"))
        self.allowed = tuple(os.path.realpath(folder) + "/" for folder in allowed) + self.packages

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(FORBIDDEN):
            raise PermissionError(f"{event} has no place in making the model")
        if event in LISTS:
            path = arguments[0] if arguments else "."
            if isinstance(path, (str, bytes, os.PathLike)) and not self.may(os.fsdecode(path)):
                raise PermissionError(f"the model is not made from {os.fsdecode(path)}")

    def may(self, path: str) -> bool:
        real = os.path.realpath(path)
        return real == os.devnull or (real + "/").startswith(self.allowed) or _importing()


def _importing() -> bool:
    """Whether it is the import system itself that asks, not what a module does while it is imported."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename == _IMPORT


def main() -> None:
    folders, script, *rest = sys.argv[1:]
    sys.argv = [script, *rest]
    sys.addaudithook(Guard([pathlib.Path(folder) for folder in folders.split(os.pathsep)]))
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
