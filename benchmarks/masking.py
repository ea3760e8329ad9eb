"""Masking beside its peers in one run: python benchmarks/masking.py [--peers DIR] [--docs N]; writes docs/performance-masking.md.

DIR holds one virtual environment per peer (DIR/presidio-analyzer, DIR/datafog, DIR/scrubadub); a peer that is not
there is left out and said to be. Times are CPU time of one process; the corpus is ``masking_corpus`` with a fixed seed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from masking_corpus import documents  # noqa: E402

PEERS = (
    ("signoff", None),
    ("signoff-python", None),
    ("signoff-no-names", None),
    ("signoff-no-names-python", None),
    ("presidio", "presidio-analyzer"),
    ("datafog", "datafog"),
    ("scrubadub", "scrubadub"),
)
TYPES = (
    "PERSON",
    "LOCATION",
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "US_SSN",
    "IP_ADDRESS",
    "IBAN_CODE",
    "ADDRESS",
)
PATHOLOGICAL = (
    *("a.", "1.", "1 ", "@", "a@a.", "+1(", "Aa ", "://", "eyJ", "4111 ", "[PERSON_1]"),
    *("::", "Mr. ", "password: ", "-----BEGIN ", "0.0.0.0 ", "Иван "),
)


def overlap(docs, spans):
    tp = gold = right = pred = 0
    for d in docs:
        got = spans.get(str(d["id"]))
        if got is None:
            continue
        coarse = {"ADDRESS": "LOCATION"}
        got = [(s, e, coarse.get(t, t)) for s, e, t, p in got if p >= 0.4 and t in TYPES]
        want = [(s, e, coarse.get(t, t)) for s, e, t in d["spans"]]
        gold += len(want)
        pred += len(got)
        tp += sum(any(t == u and a < e and s < b for a, b, u in got) for s, e, t in want)
        right += sum(any(t == u and a < e and s < b for a, b, u in want) for s, e, t in got)
    p, r = right / max(pred, 1), tp / max(gold, 1)
    return p, r, 5 * p * r / max(4 * p + r, 1e-9)


def run(name, python, docs):
    data = "\n".join(json.dumps(d) for d in docs)
    done = subprocess.run(
        [python, str(HERE / "masking_peer.py"), name],
        input=data,
        capture_output=True,
        text=True,
        cwd=HERE.parent,
        timeout=600,
        check=False,
    )
    return (
        json.loads(done.stdout.splitlines()[-1])
        if done.returncode == 0 and done.stdout
        else {"error": done.stderr.strip().splitlines()[-1:] or ["no answer"]}
    )


def hostile():
    sys.path.insert(0, str(HERE.parent))
    import time

    from masking import Engine

    engine = Engine()
    clean = "The quick report was finished on time and nobody complained about it. " * 15000
    rows = []

    def spent(text):
        start = time.process_time()
        engine.scan(text)
        return time.process_time() - start

    base = spent(clean[: 1 << 20])
    for unit in PATHOLOGICAL:
        rows.append((unit, spent(unit * ((1 << 20) // len(unit))) / base))
    return base, rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", default="build/peers")
    parser.add_argument("--docs", type=int, default=6000)
    parser.add_argument("--out", default=str(HERE.parent / "docs" / "performance-masking.md"))
    options = parser.parse_args()
    docs = list(documents(1, options.docs))
    size = sum(len(d["text"].encode()) for d in docs)
    lines = ["# Masking: measured", "", "Made by `python benchmarks/masking.py`. CPU time of one process, all in one run on one machine: trust the ratios, not the numbers.", "",
        f"Corpus: {len(docs)} documents, {size / 1e3:.0f} KB, generated with a fixed seed (chat, logs, JSON, SQL, letters, code). Its sentences are ours, so that its accuracy flatters us; the development sets below do not.", "",
        "| detector | MB/s, a document a call | MB/s, one long text | p50 ms | p95 ms | load s | memory MB | P | R | F2 | note |", "|---|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, folder in PEERS:
        python = (
            sys.executable if folder is None else str(pathlib.Path(options.peers, folder, "bin", "python"))
        )
        if folder and not pathlib.Path(python).exists():
            lines.append(f"| {name} | not installed |")
            continue
        r = run(name, python, docs)
        if "error" in r:
            lines.append(f"| {name} | did not run: {r['error'][0][:80]} |")
            continue
        p, rec, f2 = overlap(docs, r["spans"])
        whole = f"{r['whole_mb_per_s']:.2f}" if r["whole_mb_per_s"] else "–"
        lines.append(
            f"| {name} | {r['mb_per_s']:.3f} | {whole} | {r['p50_ms']:.3f} | {r['p95_ms']:.3f} | {r['load_s']:.2f} | {r['rss_mb']:.0f} | {p:.3f} | {rec:.3f} | {f2:.3f} | {r['note']} ({r['docs']} docs) |"
        )
        print(lines[-1], flush=True)
    base, rows = hostile()
    lines += [
        "",
        f"## Hostile input\n\n1 MiB of each, as a multiple of 1 MiB of plain English ({base:.2f} s):",
        "",
        "| repeated | times |",
        "|---|---|",
    ]
    lines += [f"| `{unit}` | {times:.1f} |" for unit, times in rows]
    lines += [
        "",
        "## Development sets",
        "",
        "Shared scorer, overlap with the same type, threshold 0.4, without ORG, NRP, DATE, MRN, NPI.",
        "",
        "```",
    ]
    shared = HERE.parent.parent / "shared" / "masking"
    if shared.exists() and importlib.util.find_spec("masking"):
        lines.append(
            subprocess.run(
                [sys.executable, str(HERE / "masking_dev.py"), str(shared)],
                capture_output=True,
                text=True,
                check=True,
            ).stdout.rstrip()
        )
    lines += ["```", ""]
    pathlib.Path(options.out).write_text("\n".join(lines))


main()
