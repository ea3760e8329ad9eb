"""Masking beside its peers in one run: ``make bench-masking``; writes docs/performance-masking.md and its plots.

``--peers DIR`` holds one environment for each file of ``benchmarks/masking_peers`` (its ``install`` makes them); a peer that is not there is left
out and said to be. Times are CPU time of one process; the corpus is ``masking_corpus`` with a fixed seed. A peer that needs more than
``--seconds`` for the corpus is timed on as many documents as that takes, and the table says how many.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]
from masking_corpus import documents  # noqa: E402
from masking_plots import bars, picture  # noqa: E402

from tests.masking.hostile import NEVER_TWICE, never_twice  # noqa: E402

PEERS = (
    ("signoff", None),
    ("signoff-python", None),
    ("signoff-no-names", None),
    ("signoff-no-names-python", None),
    ("signoff-deep", "signoff-deep"),
    ("presidio-md", "presidio"),
    ("presidio-sm", "presidio"),
    ("presidio-patterns", "presidio"),
    ("datafog", "datafog"),
    ("datafog-core", "datafog-core"),
    ("scrubadub", "scrubadub"),
)
"""Name in ``masking_peer`` and its environment; None: ours."""
ON_DEV = {"signoff", "signoff-no-names", "signoff-deep", "presidio-md", "presidio-sm", "presidio-patterns", "datafog", "datafog-core", "scrubadub"}  # fmt: skip
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
COARSE = {
    "EMAIL_ADDRESS": "EMAIL", "CREDIT_CARD": "CARD", "PHONE_NUMBER": "PHONE", "US_SSN": "SSN", "US_ITIN": "SSN", "IBAN_CODE": "IBAN", "IP_ADDRESS": "IP",
    "URL_CREDENTIALS": "URL", "US_DRIVER_LICENSE": "DRIVER_LICENSE", "MEDICAL_RECORD": "MRN", "POSTAL_CODE": "LOCATION", "UK_POSTCODE": "LOCATION",
}  # fmt: skip
EXCLUDE = {"ORG", "NRP", "DATE", "MRN", "NPI"}
IMAGES = ROOT / "docs" / "images"
PATHOLOGICAL = (
    *("a.", "1.", "1 ", "@", "a@a.", "+1(", "Aa ", "://", "eyJ", "4111 ", "[PERSON_1]"),
    *(
        "::",
        "Mr. ",
        "password: ",
        "-----BEGIN ",
        "0.0.0.0 ",
        "Иван ",
        "geb. ",
        "vrm",
        "auth_key",
        "token",
        "::1 ",
        "rue ",
        "12 Main St ",
    ),
    *(" a.com", "api-key", "x[at]y.co ", "http://a:b@c ", "SW1A 1AA ", "curl -u a:b ", "mysql -pa "),
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


def run(name, python, rows, seconds):
    data = "\n".join([json.dumps({"seconds": seconds}), *(json.dumps(d) for d in rows)])
    try:
        done = subprocess.run(
            [python, str(HERE / "masking_peer.py"), name],
            input=data,
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=900,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired:
        return {"error": ["took more than a quarter of an hour"]}
    if done.returncode == 0 and done.stdout:
        return json.loads(done.stdout.splitlines()[-1])
    return {"error": done.stderr.strip().splitlines()[-1:] or ["no answer"]}


def hostile():
    from masking import Engine

    engine = Engine()
    clean = "The quick report was finished on time and nobody complained about it. " * 15000

    def spent(text):
        start = time.process_time()
        engine.scan(text)
        return time.process_time() - start

    base = spent(clean[: 1 << 20])
    repeated = [(unit, spent(unit * ((1 << 20) // len(unit))) / base) for unit in PATHOLOGICAL]
    return base, repeated, [(name, spent(never_twice(name, 1 << 20)) / base) for name in NEVER_TWICE]


def dev_sets(shared):
    """The shared scorer, and every document with the set it is of; nothing where the shared data are not."""
    if not (shared / "score.py").exists():
        return None, {}, []
    spec = importlib.util.spec_from_file_location("score", shared / "score.py")
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    meta = json.loads((shared / "dev" / "META.json").read_text())
    rows = [
        {**json.loads(line), "set": name}
        for name in meta
        for line in (shared / "dev" / f"{name}.jsonl").open()
    ]
    return score, meta, rows


def scored(score, meta, rows, dev):
    """By set and by type: F2 (overlap, same type) of one detector's spans; None for a set it did not finish."""
    sets, pooled = {}, {}
    for name, m in meta.items():
        gold = [row for row in rows if row["set"] == name]
        found = dev.get(name, {})
        preds = {
            row["id"]: [
                (s, e, COARSE.get(t, t), p)
                for s, e, t, p in found.get(str(row["id"]), found.get(row["id"], []))
            ]
            for row in gold
        }
        types = [t for t in m["eval_types"] if t not in EXCLUDE]
        result = score.score(gold, preds, types, 0.4)
        o, strict = result["overlap"]["micro"], result["strict"]["micro"]
        sets[name] = (o["p"] or 0, o["r"] or 0, o["f2"] or 0, strict["f1"] or 0, result["anyrecall_all"] or 0)
        for kind, v in result["overlap"]["per"].items():
            into = pooled.setdefault(kind, [0.0, 0, 0.0, 0])
            into[0] += (v["r"] or 0) * v["gold"]
            into[1] += v["gold"]
            into[2] += (v["p"] or 0) * v["pred"]
            into[3] += v["pred"]
    by_type = {}
    for kind, (tp, gold, right, pred) in pooled.items():
        if gold:
            p, r = right / max(pred, 1), tp / gold
            by_type[kind] = (5 * p * r / max(4 * p + r, 1e-9), gold)
    return sets, by_type, sum(s[2] for s in sets.values()) / len(sets)


def speed_table(results, docs, missing):
    lines = [
        "| detector | MB/s, a document a call | MB/s, one long text | p50 ms | p95 ms | load s | memory MB | P | R | F2 | what, on how many documents |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, r in results.items():
        p, rec, f2 = overlap(docs, r["spans"])
        whole = f"{r['whole_mb_per_s']:.2f}" if r["whole_mb_per_s"] else "–"
        lines.append(
            f"| {name} | {r['mb_per_s']:.3f} | {whole} | {r['p50_ms']:.3f} | {r['p95_ms']:.3f} | {r['load_s']:.2f} | {r['rss_mb']:.0f} | {p:.3f} | {rec:.3f} | {f2:.3f} | {r['note']} ({r['docs']:,}) |"
        )
    return lines + [f"| {name} | {why} |" for name, why in missing]


def dev_tables(scores, results):
    names = list(next(iter(scores.values()))[0])
    lines = [
        "| detector | macro F2 | " + " | ".join(names) + " |",
        "|---" * (len(names) + 2) + "|",
        *(
            f"| {who} | **{macro:.3f}** | " + " | ".join(f"{sets[n][2]:.3f}" for n in names) + " |"
            for who, (sets, _, macro) in scores.items()
        ),
        "",
        "Precision, recall and the share of labelled values that are hidden whole, whatever they were taken for:",
        "",
        "| detector | " + " | ".join(f"{n} P / R / hidden" for n in names) + " |",
        "|---" * (len(names) + 1) + "|",
        *(
            f"| {who} | "
            + " | ".join(f"{sets[n][0]:.2f} / {sets[n][1]:.2f} / {sets[n][4]:.2f}" for n in names)
            + " |"
            for who, (sets, _, _) in scores.items()
        ),
        "",
        "F2 by type, the four sets pooled (how many are labelled in brackets):",
        "",
    ]
    kinds = sorted({k for _, by, _ in scores.values() for k in by}, key=lambda k: -next(iter(scores.values()))[1].get(k, (0, 0))[1])  # fmt: skip
    first = next(iter(scores.values()))[1]
    lines += [
        "| detector | " + " | ".join(f"{k} ({first.get(k, (0, 0))[1]})" for k in kinds) + " |",
        "|---" * (len(kinds) + 1) + "|",
        *(
            f"| {who} | " + " | ".join(f"{by[k][0]:.3f}" if k in by else "–" for k in kinds) + " |"
            for who, (_, by, _) in scores.items()
        ),
    ]
    if "signoff" in scores and "signoff-deep" in scores:
        fast, deep = scores["signoff"], scores["signoff-deep"]
        rf, rd = results["signoff"], results["signoff-deep"]
        lines += [
            "",
            "### The deep tier",
            "",
            "The same documents, one a call, without a time limit and without its cache. A preview takes it with the limit of `masking.deep.budget_ms`.",
            "",
            "| tier | macro F2 | PERSON F2 | LOCATION F2 | p50 ms | p95 ms | memory MB |",
            "|---|---|---|---|---|---|---|",
            *(
                f"| {label} | {s[2]:.3f} | {s[1]['PERSON'][0]:.3f} | {s[1]['LOCATION'][0]:.3f} | {r['dev_p50_ms']:.2f} | {r['dev_p95_ms']:.2f} | {r['rss_mb']:.0f} |"
                for label, s, r in (("fast", fast, rf), ("fast and deep", deep, rd))
            ),
        ]
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", default="build/peers")
    parser.add_argument("--no-hostile", action="store_true", help="leave the hostile input out")
    parser.add_argument("--docs", type=int, default=6000)
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument(
        "--only", default="", help="run these alone, by commas; of the others what an earlier run kept"
    )
    parser.add_argument(
        "--kept", default=str(ROOT / "build" / "bench-masking"), help="folder for what each detector answered"
    )
    parser.add_argument("--out", default=str(ROOT / "docs" / "performance-masking.md"))
    options = parser.parse_args()
    docs = list(documents(1, options.docs))
    size = sum(len(d["text"].encode()) for d in docs)
    score, meta, dev = dev_sets(ROOT.parent / "shared" / "masking")
    results, missing = {}, []
    kept = pathlib.Path(options.kept)
    kept.mkdir(parents=True, exist_ok=True)
    for name, folder in PEERS:
        answer = kept / f"{name}.json"
        if options.only and name not in options.only.split(","):
            if answer.exists():
                results[name] = json.loads(answer.read_text())
            continue
        answer.unlink(missing_ok=True)
        python = (
            sys.executable if folder is None else str(pathlib.Path(options.peers, folder, "bin", "python"))
        )
        if not pathlib.Path(python).exists():
            missing.append((name, "not installed"))
            continue
        r = run(name, python, docs + (dev if name in ON_DEV else []), options.seconds)
        if "error" in r:
            missing.append((name, f"did not run: {r['error'][0][:120]}"))
        else:
            results[name] = r
            answer.write_text(json.dumps(r))
        print(name, r.get("mb_per_s", r.get("error")), flush=True)
    capped = [n for n, r in results.items() if r["docs"] < len(docs)]
    lines = [
        "# Masking: measured",
        "",
        "Made by `make bench-masking`, which installs the peers (pinned in `benchmarks/masking_peers`), runs everything and writes this page and its plots.",
        "CPU time of one process and thread, all in one run on one machine: trust the ratios, not the numbers. Comparisons with earlier versions, texts",
        "that were not seen before, source code: [performance-masking-notes.md](performance-masking-notes.md).",
        "",
        "## Speed, and accuracy on a corpus of our own",
        "",
        f"{len(docs):,} documents, {size / 1e3:.0f} KB, generated with a fixed seed (chat, logs, JSON, SQL, letters, code). Its sentences are ours, so its accuracy flatters us; the development sets below do not.",
    ]
    if capped:
        lines.append(
            f"{', '.join(capped)} had {options.seconds:.0f} s of CPU time each and did not get through; they are timed on what they did."
        )
    lines += [
        "",
        picture("masking-speed", "Throughput of each detector"),
        "",
        *speed_table(results, docs, missing),
    ]
    bars(
        "Throughput, MB/s, a document a call",
        [
            (n, r["mb_per_s"], f"{r['mb_per_s']:.3g}")
            for n, r in sorted(results.items(), key=lambda i: -i[1]["mb_per_s"])
        ],
        IMAGES / "masking-speed",
        is_log=True,
        note="logarithmic; CPU time of one core, the same generated corpus",
    )
    if score is not None:
        scores = {n: scored(score, meta, dev, r["dev"]) for n, r in results.items() if r["dev"]}
        lines += [
            "",
            "## Accuracy on the development sets",
            "",
            (
                "Four public labelled sets that stand beside the repository, the shared scorer: a value is found when a span of the same type overlaps it; threshold 0.4; without ORG, NRP, DATE, MRN and NPI. "
                "These sets were looked at while the engine was made. F2 weighs recall four times."
            ),
            "",
            picture("masking-accuracy", "Macro F2 of each detector on the development sets"),
            "",
            *dev_tables(scores, results),
        ]
        bars(
            "Macro F2 on the four development sets",
            [(n, s[2], f"{s[2]:.3f}") for n, s in sorted(scores.items(), key=lambda i: -i[1][2])],
            IMAGES / "masking-accuracy",
            note="overlap, same type, threshold 0.4",
        )
        kinds = [k for k in ("PERSON", "LOCATION", "PHONE", "SSN") if "signoff" in scores]
        for kind in kinds:
            bars(
                f"F2 of {kind}, the four development sets pooled",
                [
                    (n, s[1].get(kind, (0.0, 0))[0], f"{s[1].get(kind, (0.0, 0))[0]:.3f}")
                    for n, s in sorted(scores.items(), key=lambda i: -i[1][1].get(kind, (0, 0))[0])
                ],
                IMAGES / f"masking-{kind.lower()}",
                note="overlap, same type, threshold 0.4",
            )
        lines += ["", *(f"{picture(f'masking-{k.lower()}', f'F2 of {k} of each detector')}\n" for k in kinds)]
    base, rows, drawn = (0.0, [], []) if options.no_hostile else hostile()
    lines += ["", f"## Hostile input\n\n1 MiB of each, as a multiple of 1 MiB of plain English ({base:.2f} s):", "", "| repeated | times |", "|---|---|"]  # fmt: skip
    lines += [f"| `{unit}` | {times:.1f} |" for unit, times in rows]
    lines += ["", "The same where no unit is as another: letters and digits in it are drawn anew each time, and what the engine remembers is of no use.", "", "| never repeated | times |", "|---|---|"]  # fmt: skip
    lines += [f"| `{name.strip()}` | {times:.1f} |" for name, times in drawn]
    pathlib.Path(options.out).write_text("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
