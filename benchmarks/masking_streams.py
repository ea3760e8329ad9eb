"""How fast whole files go through ``masking.flow``: ``python -m benchmarks.masking_streams``. CPU time, in one process.

The corpus of ``masking_corpus`` (seeded, dense: two or three values a line) as text, CSV, NDJSON and one JSON document. Beside
each stands the bare scan of the same characters, which is the limit: what lies between is reading, numbering and writing, and
that masked text is scanned a second time. The second number is of ordinary text, one value in twenty lines.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import time
from collections.abc import Callable
from statistics import median

from benchmarks.masking_corpus import documents
from masking import Engine
from masking.flow import mask_flow

ROUNDS = 3
PLAIN = "the order was shipped on time, and nobody on the team had anything to add to it"


class _Sink(io.RawIOBase):
    def write(self, data: object, /) -> int:
        return len(data)  # type: ignore[arg-type]


def _files(texts: list[str]) -> dict[str, bytes]:
    rows = [
        {"ts": f"2026-05-03T10:11:{i % 60:02d}Z", "level": "info", "id": i, "msg": text, "user": {"email": f"ann{i}@example.com"}, "tags": ["a", "b"]}
        for i, text in enumerate(texts)
    ]  # fmt: skip
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(["id", "level", "email", "note"])
    writer.writerows([i, "info", f"ann{i}@example.com", text] for i, text in enumerate(texts))
    lines = [json.dumps(row) for row in rows]
    return {
        "text": "\n".join(texts).encode(),
        "csv": table.getvalue().encode(),
        "ndjson": "\n".join(lines).encode(),
        "json": ("[" + ",\n".join(lines) + "]").encode(),
    }


def _seconds(do: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        do()
        times.append(time.process_time() - start)
    return median(times)


def measure(count: int) -> list[tuple[str, str, float, float]]:
    """(what, format, MB/s through the stream, MB/s of the scan alone)."""
    engine = Engine()
    dense = [d["text"].replace("\n", " ") for d in documents(11, count)]
    sparse = [text if i % 20 == 0 else PLAIN for i, text in enumerate(dense)]
    out = []
    for what, texts in (("dense", dense), ("sparse", sparse)):
        for fmt, data in _files(texts).items():
            text = data.decode()
            stream = _seconds(lambda d=data, f=fmt: mask_flow(engine, io.BytesIO(d), _Sink(), f))  # type: ignore[misc]
            bare = _seconds(lambda t=text: engine.scan(t))  # type: ignore[misc]
            out.append((what, fmt, len(data) / 1e6 / stream, len(data) / 1e6 / bare))
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=12_000)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = measure(asked.documents)
    if asked.json:
        print(
            json.dumps([dict(zip(("what", "format", "mb_s", "scan_mb_s"), row, strict=True)) for row in rows])
        )
        return
    print("| values | format | MB/s through the stream | MB/s of the bare scan | times |")
    print("|---|---|---|---|---|")
    for what, fmt, stream, bare in rows:
        print(f"| {what} | {fmt} | {stream:.1f} | {bare:.1f} | {bare / stream:.1f} |")


if __name__ == "__main__":
    main()
