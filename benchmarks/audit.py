"""The audit log against its limits, as ``signoff audit bench`` measures them, as rows of a Markdown table.

python benchmarks/audit.py [--entries N] [--appends N] [--processes N] [--dir DIR] [--json]
"""

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from audit.bench import Bench


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--entries", type=int, default=200_000)
    parser.add_argument("--appends", type=int, default=4_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    bench = Bench(os.urandom, arguments.entries, arguments.appends, arguments.processes)
    figures = bench.run(arguments.dir)
    if arguments.json:
        print(json.dumps([asdict(figure) for figure in figures], ensure_ascii=False, indent=1))
        return
    for figure in figures:
        print(f"| {figure.goal} | {figure.figure} | {figure.baseline} | {figure.said} |")


if __name__ == "__main__":
    main()
