"""Trains names.json.gz from the sentences of a folder, own templates and pinned source code; ``make model`` runs it.

    python benchmarks/masking_names/train.py TRAINING WHEELS OUT [--quick] [--without btc_h,wnut17_dev]

TRAINING is ``shared/masking/train``: Broad Twitter Corpus, WNUT17, WikiGold odd sentences (all CC BY 4.0, see NOTICE). WHEELS holds the wheels that
``training.txt`` names, whose sources are text without names. OUT has a ``gazetteer.txt.gz`` and gets ``names.json.gz`` and ``names.bin``.
Nothing else is read, and every choice is seeded: the same input gives the same bytes. One sentence in ten is held out; precision, recall and F2
on it are printed; a section that --without names is not trained on at all and judged whole (that is
how features and data are compared without looking at their own kind of text). ``requirements.txt`` has what it needs; using the model needs nothing of it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pathlib
import random
import sys
import tempfile

import pycrfsuite

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from inputs import digest
from pack import gazetteer, pack
from sources import CREDITS, TRAINING, some
from templates import Filler

from masking.names.features import BOS, TOKEN, beside, kind, own, pair

PER_TEMPLATE = 50
JOINED = 0.3
"""So many own sentences stand behind another one, as in a real text."""
KEEP_MIN = 0.02
DROP = 0.3
EACH = {"python": 15, "c": 20, "shell": 100, "yaml": 80}
"""So many files of a language of each wheel at most."""
PENALTIES = {"c1": 0.2, "c2": 0.1}
ITERATIONS = 60
"""With half the penalties and 110 the model learns its own data and source code by heart: worse on both that it has not seen."""
LINES_MAX = 400
BLOCK = 6
"""Source code is read in pieces of so many lines, and of a file only its beginning."""
LABELS = ("O", "PERSON", "LOCATION")


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


def corpus(asked):
    r = random.Random(7)
    train, held = [], {"public": [], "own": []}
    for path in sorted(asked.training.glob("*.jsonl")):
        for i, (text, spans) in enumerate(from_rows(path)):
            if path.stem in asked.without:
                held.setdefault(path.stem, []).append((text, spans))
            elif i % 10 == 9:
                held["public"].append((text, spans))
            else:
                train.append((case(r, text), spans))
    own = list(Filler(1).sentences(20 if asked.quick else PER_TEMPLATE))
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
    train += [(block, []) for block in technical(asked.wheels)]
    r.shuffle(train)
    return train, held


def technical(wheels):
    """Pieces of source code in which nobody is named."""
    for language, each in EACH.items():
        chosen = some(TRAINING, wheels, language, each)
        print(language, len(chosen), "files", flush=True)
        for _, text in chosen:
            lines = text.split("\n")[:LINES_MAX]
            for at in range(0, len(lines), BLOCK):
                block = "\n".join(lines[at : at + BLOCK])
                if block.strip() and not CREDITS.search(block):
                    yield block


def items(tokens, words, drop=False):
    """*drop* hides the gazetteer and the words' identity for capitalised words: what a name unknown to both looks like."""
    flags = [0 if drop and not t.islower() else words.get(t.lower(), 0) for t in tokens]
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


def learned(train, words, quick):
    """The features with their three weights, and the transitions, that crfsuite learns."""
    chance = random.Random(11)
    trainer = pycrfsuite.Trainer(verbose=False)
    trainer.set_params({**PENALTIES, "max_iterations": 40 if quick else ITERATIONS, "feature.minfreq": 2})
    n = 0
    for text, spans in train:
        tokens, labels = tokenised(text, spans)
        if tokens:
            drop = any(x != "O" for x in labels) and chance.random() < DROP
            trainer.append(items(tokens, words, drop=drop), labels)
            n += len(tokens)
    print(len(train), "texts,", n, "tokens", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        model = str(pathlib.Path(folder) / "model")
        trainer.train(model)
        tagger = pycrfsuite.Tagger()
        tagger.open(model)
        info = tagger.info()
        weights = {}
        for (name, label), w in info.state_features.items():
            weights.setdefault(name, [0.0, 0.0, 0.0])[LABELS.index(label)] = w
        transitions = [[info.transitions.get((a, b), 0.0) for b in LABELS] for a in LABELS]
        tagger.close()
    return weights, transitions


def written(weights, transitions, out):
    """Writes both files of the model, with weights that say something, in hundredths."""
    kept = {k: v for k, v in sorted(weights.items()) if max(map(abs, v)) >= KEEP_MIN and "\x01" not in k}
    flat = [round(w * 100) for v in kept.values() for w in v]
    data = {"inputs": digest(), "features": "\x01".join(kept), "weights": flat, "transitions": transitions}
    raw = gzip.compress(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(), 9, mtime=0)
    (out / "names.json.gz").write_bytes(raw)
    print(len(kept), "features,", len(raw), "bytes;", pack(out), "packed")


def judged(held, out):
    from masking.names import tagger
    from masking.names.table import Table

    table = Table((out / "names.bin").read_bytes())
    tagger.load = lambda: table
    tag = tagger.Tagger(native=False)
    for name, rows in held.items():
        for number, label in enumerate(LABELS[1:], 1):
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("training", type=pathlib.Path)
    parser.add_argument("wheels", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument(
        "--quick", action="store_true", help="a worse model in a fifth of the time, for comparisons"
    )
    parser.add_argument("--without", type=lambda names: names.split(","), default=())
    asked = parser.parse_args()
    train, held = corpus(asked)
    written(*learned(train, gazetteer(asked.out), asked.quick), asked.out)
    judged(held, asked.out)


main()
