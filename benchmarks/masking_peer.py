"""Runs one peer over a corpus, in that peer's own environment: python masking_peer.py NAME < docs.jsonl > result.json

Prints {"mb_per_s", "load_s", "rss_mb", "p50_ms", "p95_ms", "spans": {id: [[s, e, TYPE, score]]}, "note"}.
"""

from __future__ import annotations

import json
import resource
import sys
import time

NAMES = {
    "EMAIL": "EMAIL_ADDRESS", "PHONE": "PHONE_NUMBER", "SSN": "US_SSN", "CREDIT_CARD": "CREDIT_CARD", "IP_ADDRESS": "IP_ADDRESS", "IP": "IP_ADDRESS", "EmailFilth": "EMAIL_ADDRESS", "PhoneFilth": "PHONE_NUMBER",
    "CreditCardFilth": "CREDIT_CARD", "SocialSecurityNumberFilth": "US_SSN", "IBAN": "IBAN_CODE", "US_SSN": "US_SSN",
}  # fmt: skip


def presidio():
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    try:
        import spacy

        spacy.load("en_core_web_sm")
        engine, note = (
            AnalyzerEngine(
                nlp_engine=NlpEngineProvider(
                    nlp_configuration={
                        "nlp_engine_name": "spacy",
                        "models": [{"lang_code": "en", "model_name": "en_core_web_sm"}],
                    }
                ).create_engine()
            ),
            "en_core_web_sm",
        )
    except (ImportError, OSError):
        import spacy
        from presidio_analyzer.nlp_engine import SpacyNlpEngine

        nlp = SpacyNlpEngine()
        nlp.nlp = {"en": spacy.blank("en")}
        engine, note = (
            AnalyzerEngine(nlp_engine=nlp, supported_languages=["en"]),
            "pattern recognizers only: no spaCy model could be installed",
        )
    return (
        lambda t: [[r.start, r.end, r.entity_type, r.score] for r in engine.analyze(t, language="en")]
    ), note


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

    return scan, "regex engine"


def scrubadub():
    import scrubadub as lib

    s = lib.Scrubber()
    return (
        lambda t: [
            [f.beg, f.end, NAMES.get(type(f).__name__, type(f).__name__), 1.0] for f in s.iter_filth(t)
        ]
    ), "default detectors"


def _signoff(note, *, names=True, native=True):
    sys.path.insert(0, ".")
    from dataclasses import replace

    from masking import Engine
    from masking import native as loops
    from masking.cli import EVERYTHING

    engine = Engine(replace(EVERYTHING, names=names), native=native and loops.available)
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


def main():
    docs = [json.loads(line) for line in sys.stdin]
    start = time.process_time()
    scan, note = globals()[sys.argv[1].replace("-", "_")]()
    scan("warm up: John Smith, a@example.org")
    load = time.process_time() - start
    budget, spans, seen, times = 25.0, {}, 0, []
    start = time.process_time()
    for d in docs:
        one = time.perf_counter()
        spans[d["id"]] = scan(d["text"])
        times.append(time.perf_counter() - one)
        seen += len(d["text"].encode())
        if time.process_time() - start > budget:
            break
    spent = time.process_time() - start
    block = "\n".join(d["text"] for d in docs[:1500])
    whole = None
    if len(spans) == len(docs):
        start = time.process_time()
        scan(block)
        whole = len(block.encode()) / (time.process_time() - start) / 1e6
    times.sort()
    print(json.dumps({"mb_per_s": seen / spent / 1e6, "whole_mb_per_s": whole, "load_s": load, "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "p50_ms": times[len(times) // 2] * 1e3, "p95_ms": times[len(times) * 95 // 100] * 1e3, "docs": len(spans), "spans": spans, "note": note}))  # fmt: skip


main()
