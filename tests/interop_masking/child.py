"""Run by the tests beside this file, in the environment that has the outside packages: python child.py WHAT < in.json > out.json"""

from __future__ import annotations

import json
import sys


def presidio(cases):
    from presidio_anonymizer import AnonymizerEngine
    from presidio_anonymizer.entities import OperatorConfig, RecognizerResult

    engine = AnonymizerEngine()
    out = []
    for case in cases:
        operators = {
            kind: OperatorConfig(one["type"], {k: v for k, v in one.items() if k != "type"})
            for kind, one in case["anonymizers"].items()
        }
        found = [
            RecognizerResult(r["entity_type"], r["start"], r["end"], r["score"])
            for r in case["analyzer_results"]
        ]
        out.append(json.loads(engine.anonymize(case["text"], found, operators).to_json()))
    return out


def decrypt(case):
    from presidio_anonymizer import DeanonymizeEngine
    from presidio_anonymizer.entities import OperatorConfig, OperatorResult

    found = [OperatorResult(i["start"], i["end"], i["entity_type"]) for i in case["items"]]
    operators = {"DEFAULT": OperatorConfig("decrypt", {"key": case["key"]})}
    return DeanonymizeEngine().deanonymize(case["text"], found, operators).text


def pandas(columns):
    import pandas as pd

    from masking import Engine
    from masking.frames import mask_pandas

    frame = pd.DataFrame(columns)
    frame.index = [f"row {n}" for n in range(len(frame))]
    masked = mask_pandas(Engine(), frame)
    twice = pd.DataFrame([["a@example.org", 1, "b@example.org"]], columns=["x", "n", "x"])
    chosen = mask_pandas(Engine(), twice, columns=["n"])
    missing = pd.DataFrame(
        {"n": [1.5, None], "when": [pd.Timestamp("2026-01-02"), pd.NaT], "mail": ["a@example.org", None]}
    )
    kept = mask_pandas(Engine(), missing)
    return {
        "values": masked.to_numpy().tolist(),
        "columns": list(masked.columns),
        "index": list(masked.index),
        "dtypes": [str(d) for d in masked.dtypes],
        "untouched": frame.equals(pd.DataFrame(columns, index=frame.index)),
        "twice": mask_pandas(Engine(), twice).to_numpy().tolist(),
        "chosen": chosen.to_numpy().tolist(),
        "kept": [
            bool(kept["n"].equals(missing["n"])),
            bool(kept["when"].equals(missing["when"])),
            kept["mail"].tolist()[0],
        ],
        "empty": list(mask_pandas(Engine(), pd.DataFrame({"a": []})).shape),
    }


def polars(columns):
    import polars as pl

    from masking import Engine
    from masking.frames import mask_polars

    frame = pl.DataFrame(columns)
    masked = mask_polars(Engine(), frame)
    return {
        "rows": [list(row) for row in masked.rows()],
        "columns": masked.columns,
        "dtypes": [str(d) for d in masked.dtypes],
        "untouched": frame.equals(pl.DataFrame(columns)),
        "empty": list(mask_polars(Engine(), pl.DataFrame({"a": []})).shape),
    }


def ray(job):
    import pandas as pd
    import ray as cluster

    from masking import Engine
    from masking.frames import mask_pandas, ray_mapper, spark_mapper
    from masking.operators import Operator
    from masking.rewriter import Rewriter
    from masking.tokens import TokenKeys, Tokens

    keys = TokenKeys((("k1", b"k" * 32),), "k1")
    frame = pd.DataFrame(
        [{"id": n, "mail": f"user{n % 50}@example.org", "note": f"call {n}"} for n in range(job["rows"])]
    )
    cluster.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        data = cluster.data.from_pandas(frame).repartition(8)
        masked = data.map_batches(ray_mapper(), batch_format="pandas").to_pandas().sort_values("id")
        tokens = (
            data.map_batches(ray_mapper(keys=keys, tenant="t"), batch_format="pandas")
            .to_pandas()
            .sort_values("id")
        )
    finally:
        cluster.shutdown()
    here = Tokens(keys, "t")
    alone = mask_pandas(Engine(), frame, Rewriter(Operator.REDACT))
    parts = list(spark_mapper()(iter([frame.iloc[:10], frame.iloc[10:30]])))
    return {
        "rows": len(masked),
        "same": masked.to_numpy().tolist() == alone.to_numpy().tolist(),
        "mails": sorted(set(masked["mail"])),
        "distinct": len(set(tokens["mail"])),
        "back": [here.detokenize(t) for t in tokens["mail"].tolist()] == frame["mail"].tolist(),
        "spark": [len(p) for p in parts] + sorted({m for p in parts for m in p["mail"]}),
    }


json.dump(globals()[sys.argv[1]](json.load(sys.stdin)), sys.stdout)
