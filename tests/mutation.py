"""How many small wrong changes of ``bot/core`` the tests notice: ``python tests/mutation.py [MODULE ...]``.

Runs mutmut as ``[tool.mutmut]`` in pyproject.toml says, one process at low priority, in a fresh ``mutants`` folder, and prints
the score of each module. Exits 1 below the floor and 2 when mutmut itself did not finish. ``--keep`` goes on where the last run
stopped. docs/assurance-mutation.md explains every survivor.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
MUTANTS: Final = ROOT / "mutants"
FLOOR: Final = 0.90
KILLED: Final = frozenset({1, 3})
"""pytest's exit codes for a failed and for a broken test."""


def main(arguments: list[str]) -> int:
    modules = [name for name in arguments if name != "--keep"]
    if "--keep" not in arguments:
        shutil.rmtree(MUTANTS, ignore_errors=True)
    chosen = [f"bot.core.{name}.*" for name in modules]
    os.nice(10)
    mutmut = Path(sys.executable).with_name("mutmut")
    done = subprocess.run([mutmut, "run", "--max-children", "1", *chosen], cwd=ROOT, check=False)
    if done.returncode != 0:
        return 2
    return report(modules)


def report(modules: list[str]) -> int:
    """Print the table; every mutant that was not killed counts against the score, whatever became of it."""
    total: Counter[str] = Counter()
    print(f"\n{'module':<16}{'mutants':>8}{'killed':>8}{'other':>7}{'score':>9}")
    for meta in sorted((MUTANTS / "bot/core").glob("*.py.meta")):
        name = meta.name.removesuffix(".py.meta")
        codes = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
        if not codes or (modules and name not in modules):
            continue
        killed = sum(code in KILLED for code in codes.values())
        total.update(mutants=len(codes), killed=killed)
        print(
            f"{name:<16}{len(codes):>8}{killed:>8}{len(codes) - killed:>7}{100 * killed / len(codes):>8.1f}%"
        )
    score = total["killed"] / total["mutants"]
    print(
        f"{'all':<16}{total['mutants']:>8}{total['killed']:>8}{total['mutants'] - total['killed']:>7}{100 * score:>8.1f}%"
    )
    return 0 if score >= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
