"""Writes names.bin from names.json.gz and gazetteer.txt.gz: python benchmarks/masking_names/pack.py

``train.py`` does it itself; after a merge that changed either source, run it again (a test says so). ``make model`` makes all three.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from masking.names.table import build

DATA = pathlib.Path(__file__).resolve().parents[2] / "masking" / "data"


def sources(data: pathlib.Path = DATA) -> bytes:
    """SHA-256 over both source files, in this order."""
    return hashlib.sha256(
        (data / "names.json.gz").read_bytes() + (data / "gazetteer.txt.gz").read_bytes()
    ).digest()


def gazetteer(data: pathlib.Path = DATA) -> dict[str, int]:
    """Lower-case word to flags (see ``masking.names.features``)."""
    out: dict[str, int] = {}
    for line in gzip.decompress((data / "gazetteer.txt.gz").read_bytes()).decode().split("\n"):
        flags, _, words = line.partition(" ")
        if words:
            out.update(dict.fromkeys(words.split(" "), int(flags)))
    return out


def weights(data: pathlib.Path = DATA) -> tuple[dict[str, tuple[int, int]], tuple[float, ...]]:
    """The features with what each adds (relative to O, in hundredths), and the transitions in rows."""
    model = json.loads(gzip.decompress((data / "names.json.gz").read_bytes()))
    flat = model["weights"]
    rows = {}
    for i, name in enumerate(model["features"].split("\x01")):
        o, person, place = flat[3 * i : 3 * i + 3]
        rows[name] = (person - o, place - o)
    return rows, tuple(float(x) for row in model["transitions"] for x in row)


def inputs(data: pathlib.Path = DATA) -> str:
    """The digest of what the model was made from (``inputs.digest``)."""
    return json.loads(gzip.decompress((data / "names.json.gz").read_bytes())).get("inputs", "")


def pack(data: pathlib.Path = DATA) -> int:
    """How many bytes were written."""
    rows, transitions = weights(data)
    raw = build(rows, gazetteer(data), transitions, sources(data))
    (data / "names.bin").write_bytes(raw)
    return len(raw)


if __name__ == "__main__":
    print(pack(), "bytes")
