"""False positives on source code, in findings a KB: python benchmarks/masking_source_code.py WHEELS | --machine [--examples] [--each N]

WHEELS is the folder that ``make model`` or ``make model-held`` fills (build/model/wheels): programs of ``masking_names/held.txt``, none of which
the model was trained on. ``--machine`` reads what this machine has instead (every second path; no two machines have the same). Every type is on; URLs and
e-mail addresses are not counted (they are there), and lines that name authors and licences and lists of references (``.. [1]``) are left out, for what is found
there is true. Tests are left out of packages: their names and addresses are examples of such.
"""

from __future__ import annotations

import argparse
import collections
import pathlib
import random
import re
import sys
import sysconfig
from zlib import crc32

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "masking_names"))
from sources import CREDITS, FILE_MAX, FILE_MIN, HELD, LANGUAGES, some

from masking import Engine
from masking.cli import EVERYTHING

TRUE = frozenset({"EMAIL_ADDRESS", "URL_CREDENTIALS", "URL"})
LICENCE = re.compile(r"(?i)licen[cs]e|all rights reserved|warrant|redistribut|free software|foundation")
MACHINE = {
    "python": ((sysconfig.get_path("stdlib"), "/usr/lib/python3"), ("*.py",)),
    "c": (("/usr/include",), ("*.h",)),
    "shell": (("/etc/init.d", "/usr/bin", "/usr/sbin", "/usr/lib/git-core"), ("*",)),
    "yaml": (("/usr/lib", "/usr/share", "/etc"), ("*.yaml", "*.yml")),
}


def machine(language, count):
    roots, patterns = MACHINE[language]
    found = sorted(
        {
            path
            for root in roots
            for pattern in patterns
            for path in pathlib.Path(root).rglob(pattern)
            if crc32(str(path.relative_to(root)).encode()) % 2
        }
    )
    found = [
        p for p in found if p.is_file() and not p.is_symlink() and FILE_MIN < p.stat().st_size < FILE_MAX
    ]
    if language == "shell":
        found = [p for p in found if re.match(rb"#!.*sh\b", p.read_bytes()[:64])]
    random.Random(13).shuffle(found)
    return [(str(path), path.read_text(errors="replace")) for path in found[:count]]


REFERENCE = re.compile(r"(?m)^[ \t]*(?:\.\. )?\[\d+\]_? .*(?:\n[ \t]*\S.*)*")
"""From the number to the next empty line."""
TESTS = re.compile(r"(?:^|/)(?:tests?|testing)/|/test_[^/]*$|_test\.py$")


def without_credits(text):
    text = REFERENCE.sub("", text)
    return "\n".join(
        line for line in text.split("\n") if not CREDITS.search(line) and not LICENCE.search(line)
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("wheels", nargs="?", type=pathlib.Path)
    parser.add_argument("--machine", action="store_true")
    parser.add_argument("--examples", action="store_true")
    parser.add_argument("--each", type=int, default=60, help="files of a language of each package")
    asked = parser.parse_args()
    engine = Engine(EVERYTHING)
    for language in LANGUAGES:
        chosen = machine(language, 200) if asked.machine else some(HELD, asked.wheels, language, asked.each)
        chosen = [(name, text) for name, text in chosen if asked.machine or not TESTS.search(name)]
        size, kinds = 0, collections.Counter()
        for name, raw in chosen:
            text = without_credits(raw)
            size += len(text.encode())
            for span in engine.scan(text):
                if span.type in TRUE:
                    continue
                kinds[span.type] += 1
                if asked.examples:
                    line = text[text.rfind("\n", 0, span.start) + 1 :].split("\n")[0][:110]
                    print(f"  {language} {span.type} {text[span.start : span.end]!r} {name} | {line}")
        total = sum(kinds.values())
        print(
            f"{language:7s} {len(chosen):4d} files {size / 1000:7.0f} KB {total:4d} findings {1000 * total / max(size, 1):.3f} a KB  {dict(kinds.most_common())}",
            flush=True,
        )


main()
