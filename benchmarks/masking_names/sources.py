"""Source code out of pinned wheels, read as text: what the model learns to take for no names, and what it is measured on.

A list (``training.txt``, ``held.txt``) names wheels and their hashes and nothing else; what of a wheel is read is decided by its
bytes and by a seed, so that it is the same everywhere. Nothing of a wheel is installed or run, and no other path is read.
"""

from __future__ import annotations

import hashlib
import pathlib
import random
import re
import zipfile
from typing import Final

HERE: Final = pathlib.Path(__file__).resolve().parent
TRAINING: Final = HERE / "training.txt"
HELD: Final = HERE / "held.txt"
LANGUAGES: Final = {"python": (".py",), "c": (".h", ".c"), "shell": (".sh", ""), "yaml": (".yaml", ".yml")}
FILE_MIN: Final = 200
FILE_MAX: Final = 60_000
"""Bytes: a longer one is a table or generated."""
_SHEBANG: Final = re.compile(rb"#!.*sh\b")
_PIN: Final = re.compile(
    r"^(?P<name>[\w.-]+)==\S+ .*?(?P<hashes>(?:--hash=sha256:[0-9a-f]{64}\s*)+)", re.MULTILINE
)
_COPYLEFT: Final = re.compile(rb"General Public Licen[sc]e")
"""The packages are under permissive licences; a file of another one that they carry is left out."""
CREDITS: Final = re.compile(
    r"(?i:author|copyright|written by|contribut|thanks|maintain|modified by|suggested by|credit|@\w+\.|street|university)|\([cC]\)|\b[Bb]y [A-Z]\w+ [A-Z]|\b(?:from|of|and|to) [A-Z]\w+ (?:[A-Z]\. )?[A-Z]\w+"
)
"""Comments with people in them are not text without names."""


def pins(listed: pathlib.Path) -> dict[str, set[str]]:
    """The SHA-256 that each package of the list may have."""
    text = listed.read_text().replace("\\\n", " ")
    return {m["name"]: set(re.findall(r"[0-9a-f]{64}", m["hashes"])) for m in _PIN.finditer(text)}


def wheels(listed: pathlib.Path, folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Each package of the list with its wheel in *folder*, in the list's order. Raises ``ValueError`` where one is missing or another."""
    there = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in sorted(folder.glob("*.whl"))}
    out = {}
    for name, hashes in pins(listed).items():
        found = [there[digest] for digest in sorted(hashes) if digest in there]
        if not found:
            raise ValueError(f"{folder} has no {name} with the hash that {listed.name} names")
        out[name] = found[0]
    return out


def files(wheel: pathlib.Path, language: str) -> list[tuple[str, str]]:
    """The files of one language in a wheel: path and text, by path."""
    out = []
    with zipfile.ZipFile(wheel) as archive:
        for info in sorted(archive.infolist(), key=lambda i: i.filename):
            suffix = pathlib.PurePosixPath(info.filename).suffix
            if not FILE_MIN < info.file_size < FILE_MAX or suffix not in LANGUAGES[language]:
                continue
            raw = archive.read(info)
            if _COPYLEFT.search(raw) or (language == "shell" and not suffix and not _SHEBANG.match(raw[:64])):
                continue
            out.append((info.filename, raw.decode("utf-8", "replace")))
    return out


def some(listed: pathlib.Path, folder: pathlib.Path, language: str, each: int) -> list[tuple[str, str]]:
    """At most *each* files of a language of every wheel, chosen by a seed: ``package/path`` and text."""
    out = []
    for name, wheel in wheels(listed, folder).items():
        found = files(wheel, language)
        random.Random(f"{name} {language}").shuffle(found)
        out += [(f"{name}/{path}", text) for path, text in found[:each]]
    return out
