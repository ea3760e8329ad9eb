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


def spark(job):
    """A real session on this machine's JVM: a frame of four partitions through ``mapInPandas``, with kinds and with tokens."""
    import os

    from pyspark.sql import SparkSession

    from masking.frames import spark_mapper
    from masking.tokens import TokenKeys, Tokens

    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    keys = TokenKeys((("k1", b"k" * 32),), "k1")
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    try:
        rows = [(n, f"user{n % 50}@example.org", f"call {n}") for n in range(job["rows"])]
        frame = session.createDataFrame(rows, "id long, mail string, note string").repartition(4)
        kinds = frame.mapInPandas(spark_mapper(), frame.schema).orderBy("id").collect()
        tokens = frame.mapInPandas(spark_mapper(keys=keys, tenant="t"), frame.schema).orderBy("id").collect()
        parts = frame.rdd.getNumPartitions()
    finally:
        session.stop()
    here = Tokens(keys, "t")
    return {
        "parts": parts,
        "rows": len(kinds),
        "mails": sorted({row.mail for row in kinds}),
        "kept": [(row.id, row.note) for row in kinds] == [(n, note) for n, _, note in rows],
        "distinct": len({row.mail for row in tokens}),
        "back": [here.detokenize(row.mail) for row in tokens] == [mail for _, mail, _ in rows],
    }


def deep(job):
    """The real model: spans, a second reading from the cache, an expired deadline, and previews through the worker's own process."""
    import asyncio
    import time

    from masking import Engine, EngineConfig, Worker
    from masking.child import DeepSettings
    from masking.deep import Transformer

    model = Transformer()
    text = job["text"]
    first = model(text)
    started = time.perf_counter()
    again = model(text)
    cached = time.perf_counter() - started
    late = Transformer()
    late.until = time.monotonic()
    fast, both = Engine().scan(text), Engine(deep=model).scan(text)

    async def previews():
        async with Worker(deep=DeepSettings(job["budget"])) as worker:
            assert worker.deep_lack == "", worker.deep_lack
            plain = await worker.mask_json(job["value"])
            for _ in range(100):
                shown = await worker.preview(job["value"], plain)
                if shown is not plain:
                    break
                await asyncio.sleep(0.2)  # its process is still loading
            took = []
            for n in range(20):
                value = {**job["value"], "n": n}
                began = time.perf_counter()
                await worker.preview(value, plain)
                took.append(time.perf_counter() - began)
            large = {"rows": [f"Dear Rosalind Okonkwo-Bauer, row {n}" for n in range(3000)]}
            whole = await worker.mask_json(large)
            began = time.perf_counter()
            await worker.preview(large, whole)
            return plain.to_json(), shown.to_json(), sorted(took), time.perf_counter() - began

    plain, shown, took, large = asyncio.run(previews())
    return {
        "found": [[text[s.start : s.end], s.type] for s in first],
        "same_from_cache": first == again,
        "cached_seconds": cached,
        "late": [late(text), late.was_cut],
        "fast": [text[s.start : s.end] for s in fast],
        "both": [text[s.start : s.end] for s in both],
        "off": [s.type for s in Engine(EngineConfig(off=frozenset({"PERSON"})), deep=model).scan(text)],
        "plain": plain,
        "shown": shown,
        "median_seconds": took[len(took) // 2],
        "large_seconds": large,
        "twice": Engine(deep=model).mask_text(Engine(deep=model).mask_text(text).text).text,
        "once": Engine(deep=model).mask_text(text).text,
    }


json.dump(globals()[sys.argv[1]](json.load(sys.stdin)), sys.stdout)
