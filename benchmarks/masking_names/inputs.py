"""What the model is made from, as one digest: a test says when the committed model was made from something else.

The training sentences stand beside the repository and are named by their hashes (``training.sha256``); Python is taken without comments,
docstrings and layout, for they change nothing.
"""

from __future__ import annotations

import ast
import hashlib
import pathlib
from typing import Final

HERE: Final = pathlib.Path(__file__).resolve().parent
SCRIPTS: Final = ("gazetteer.py", "train.py", "templates.py", "technical.py", "sources.py")
LISTS: Final = ("requirements.txt", "training.txt", "training.sha256", "scowl.txt.gz", "surnames.txt.gz")
FEATURES: Final = HERE.parents[1] / "masking" / "names" / "features.py"


def digest(here: pathlib.Path = HERE, features: pathlib.Path = FEATURES) -> str:
    """SHA-256 in hexadecimal over scripts, lists and features, in this order."""
    whole = hashlib.sha256()
    for name in LISTS:
        whole.update(hashlib.sha256((here / name).read_bytes()).digest())
    for path in (*(here / name for name in SCRIPTS), features):
        whole.update(_meaning(path.read_text()).encode())
    return whole.hexdigest()


def _meaning(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [line for line in body if not _is_text(line)]
    return ast.dump(tree)


def _is_text(line: ast.AST) -> bool:
    return (
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
    )


def training_files(folder: pathlib.Path, here: pathlib.Path = HERE) -> list[str]:
    """The names of training files that are missing, changed or not in the list."""
    wanted = {}
    for line in (here / "training.sha256").read_text().splitlines():
        sha256, _, name = line.partition("  ")
        wanted[name] = sha256
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.jsonl")}
    return sorted(name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name))
