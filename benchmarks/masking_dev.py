"""Scores the engine on the development sets: python benchmarks/masking_dev.py ../shared/masking [--errors TYPE]

Writes the predictions of ``signoff mask --spans`` under build/preds/signoff and runs the shared scorer with the
standard names mapped to its coarse ones. --errors prints missed and wrong spans of one coarse type.
"""

from __future__ import annotations

import importlib.util
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from masking import Engine
from masking.cli import EVERYTHING

COARSE = {
    "EMAIL_ADDRESS": "EMAIL", "CREDIT_CARD": "CARD", "PHONE_NUMBER": "PHONE", "US_SSN": "SSN", "US_ITIN": "SSN", "IBAN_CODE": "IBAN", "IP_ADDRESS": "IP",
    "URL_CREDENTIALS": "URL", "US_DRIVER_LICENSE": "DRIVER_LICENSE", "MEDICAL_RECORD": "MRN", "POSTAL_CODE": "LOCATION", "UK_POSTCODE": "LOCATION",
}  # fmt: skip
EXCLUDE = {"ORG", "NRP", "DATE", "MRN", "NPI"}


def main() -> None:
    root = pathlib.Path(sys.argv[1])
    spec = importlib.util.spec_from_file_location("score", root / "score.py")
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    meta = json.loads((root / "dev" / "META.json").read_text())
    engine = Engine(EVERYTHING, native="--python" not in sys.argv)
    f2 = []
    for name, m in meta.items():
        gold = [json.loads(line) for line in (root / "dev" / f"{name}.jsonl").open()]
        preds = {}
        for d in gold:
            preds[d["id"]] = [
                (s.start, s.end, COARSE.get(s.type, s.type), s.score) for s in engine.scan(d["text"])
            ]
        types = [t for t in m["eval_types"] if t not in EXCLUDE]
        r = score.score(gold, preds, types, 0.4)
        o = r["overlap"]["micro"]
        f2.append(o["f2"])
        print(
            f"{name:24s} P {o['p']:.3f} R {o['r']:.3f} F1 {o['f1']:.3f} F2 {o['f2']:.3f} strict F1 {r['strict']['micro']['f1']:.3f} hidden {r['anyrecall_all']:.3f}"
        )
        for t, v in r["overlap"]["per"].items():
            print(
                f"    {t:16s} P {v['p'] or 0:.3f} R {v['r'] or 0:.3f} F2 {v['f2'] or 0:.3f} gold {v['gold']} pred {v['pred']}"
            )
        if "--errors" in sys.argv:
            kind = sys.argv[sys.argv.index("--errors") + 1]
            for d in gold:
                g = [s for s in d["spans"] if score.co(s[2]) == kind]
                p = [s for s in preds[d["id"]] if score.co(s[2]) == kind]
                miss = [d["text"][s:e] for s, e, _ in g if not any(a < e and s < b for a, b, *_ in p)]
                wrong = [d["text"][s:e] for s, e, *_ in p if not any(a < e and s < b for a, b, _ in g)]
                if kind in types and (miss or wrong):
                    print(
                        "   ",
                        "MISS" if miss else "    ",
                        miss,
                        "WRONG" if wrong else "",
                        wrong,
                        "|",
                        d["text"][:160].replace("\n", "\\n"),
                    )
    print(f"macro F2 {sum(f2) / len(f2):.4f}")


main()
