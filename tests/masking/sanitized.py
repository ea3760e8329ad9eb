"""The compiled loops built with gcc's address and undefined-behaviour checks, beside Python: python -m tests.masking.sanitized

Builds a second binary in a temporary folder, loads it in a process that has the checkers in front of everything
(Python's own memory pools off, so that each overrun is one of the C library's), and compares some thousand texts.
Ends with another status than 0 when a checker speaks or a text differs. Needs gcc with its libasan and libubsan.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from hatch_build import FLAGS, ROOT, compile_native

CHECKS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-O1", "-g")
COUNT = 2000

CHILD = """
import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location

spec = spec_from_file_location("masking._native", sys.argv[1], loader=ExtensionFileLoader("masking._native", sys.argv[1]))
module = module_from_spec(spec)
spec.loader.exec_module(module)
sys.modules["masking._native"] = module
from masking import Engine, EngineConfig, MaskingError, native
from tests.masking.texts import texts

assert native.available and native.run_finder_type is module.RunFinder, native.reason
config = EngineConfig(off=frozenset(), threshold=0.1)
fast, slow = Engine(config), Engine(config, native=False)
for text in texts(int(sys.argv[2]), int(sys.argv[3])):
    answers = []
    for engine in (fast, slow):
        try:
            answers.append(engine.scan(text))
        except MaskingError as error:
            answers.append(str(error))
    assert answers[0] == answers[1], repr(text)
from masking.letters import Letters
from masking.names.table import load
for answer in (None, (1,), ("x",) * 12, (1 << 40,) * 12):
    tagger = module.Tagger(Letters.native(), load().raw, lambda _: answer, 90, -150, 1.0, 1, 100, 64, 60)
    try:
        tagger.find("አnn")
    except (TypeError, ValueError, OverflowError):
        continue
    raise AssertionError("an unusable answer was used")
from masking.program import program
import random
rng = random.Random(int(sys.argv[2]))
nodes, *rest = program("(ab|[cd]{2,3}e*?|(?:f|gh)*)(?<!xy)(?=z|[0-9]+)\\b", 1)
for _ in range(4000):
    changed = bytearray(nodes)
    for _ in range(rng.randrange(1, 4)):
        at = 4 * rng.randrange(len(nodes) // 4)
        changed[at : at + 4] = rng.choice([-2, -1, 0, 1, 5, 17, 1 << 30, rng.randrange(64)]).to_bytes(4, "little", signed=True)
    text = "".join(rng.choices("abcdefghxyz0 ", k=40))
    try:
        module.search((bytes(changed), *rest), text, rng.randrange(40), 40, False)
    except ValueError:
        continue
print("checked", sys.argv[3], "texts")
"""


def _library(name: str) -> str:
    done = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def main(seed: int = 3, count: int = COUNT) -> int:
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder, "_native.abi3.so")
        flags = tuple(f for f in FLAGS if f not in {"-O2", "-g0", "-D_FORTIFY_SOURCE=2"}) + CHECKS
        problem = compile_native(flags, binary)
        if problem:
            print(f"the compiled loops cannot be built with the checks: {problem}", file=sys.stderr)
            return 1
        env = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONMALLOC": "malloc",
            "LD_PRELOAD": f"{_library('libasan.so')} {_library('libubsan.so')}",
            # The interpreter keeps memory to its end on purpose.
            "ASAN_OPTIONS": "detect_leaks=0",
        }
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(binary), str(seed), str(count)], env=env, cwd=ROOT, check=False
        )
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
