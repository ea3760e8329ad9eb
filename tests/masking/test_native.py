"""The compiled loops and Python alone give the same spans with the same scores."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from masking import Engine, EngineConfig, MaskingError, native
from masking.detect.names import BIAS
from masking.names.tagger import MEMO_MAX, TOKEN, Tagger, page_of_classes
from tests.masking.texts import STRANGE, texts

ROOT = Path(__file__).resolve().parents[2]
EVERYTHING = EngineConfig(off=frozenset(), threshold=0.1)
needs_native = pytest.mark.skipif(not native.available, reason=f"masking's compiled loops: {native.reason}")


def _outcome(engine, text):
    try:
        return engine.scan(text)
    except MaskingError as e:
        return str(e)


def _differences(seed, count):
    fast, slow = Engine(EVERYTHING), Engine(EVERYTHING, native=False)
    return [text for text in texts(seed, count) if _outcome(fast, text) != _outcome(slow, text)]


@needs_native
def test_native_and_python_agree_on_thousands_of_texts():
    assert not _differences(7, 5000)


@needs_native
@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5))
def test_native_and_python_agree_on_a_hundred_thousand_texts(seed):
    assert not _differences(100 + seed, 20_000)


@needs_native
def test_explanations_agree_too():
    fast, slow = Engine(), Engine(native=False)

    assert all(fast.explain(text) == slow.explain(text) for text in texts(11, 300))


@needs_native
@pytest.mark.parametrize(
    "text",
    [
        "",
        "a" * 100_000,
        "Ann" * 40_000,
        "7" * 100_000,
        "7A" * 50_000,
        "'" * 1000,
        "Ann'" + "b" * 50,
        "Ann’" + "b" * 19 + " Ann’" + "b" * 20 + " Ann’" + "b" * 21 + "'c",
        "A\u0301nn " * 300,
        "😀Ann😀Smith" * 200,
        "\ud83d Ann \udfff Smith",
        "Ann Smith " * 500,
        "Ann Smith, " * 500,
        "1 " * 40 + "4111 1111 1111 1111",
        "+(1) " * 100,
        "(+1)(",
        "+",
        "A0",
        "0",
        "_A0",
        "+ (0",
        "0000 0000 0000 " + "0" * 64 + " " + "0" * 65 + " 123-45-6789",
        "A-A 0 A-A 0A A.A.",
        "é0 0é",
        "\x00\x00",
    ],
)
def test_native_and_python_agree_at_the_edges(text):
    assert _outcome(Engine(EVERYTHING), text) == _outcome(Engine(EVERYTHING, native=False), text)


@needs_native
def test_they_agree_when_the_memory_of_words_has_overflowed():
    fast, slow = Tagger(BIAS), Tagger(BIAS, native=False)
    text = " ".join(
        f"Ann Wo{'abcdefghij'[n % 10]}{chr(0x4E00 + n % 20_000)}{chr(0x4E00 + n // 7)}"
        for n in range(MEMO_MAX + 5000)
    )

    assert fast.find(text) == slow.find(text)
    assert fast.find("Ann Smith of Paris") == slow.find("Ann Smith of Paris")


def test_a_page_of_classes_says_what_the_pattern_of_tokens_says():
    for char in STRANGE:
        kind = page_of_classes(ord(char) >> 8)[ord(char) & 255]
        alone = TOKEN.findall(char)

        assert bool(kind) == bool(alone)
        assert (kind in {1, 2}) == (len(TOKEN.findall(char * 2)) == 1)


@needs_native
def test_what_is_no_text_is_refused():
    tagger = Tagger(BIAS)

    for wrong in (None, 7, b"Ann"):
        with pytest.raises(TypeError):
            tagger._native.find(wrong)


@needs_native
def test_arguments_out_of_range_are_refused():
    def row(_):
        return (0.0,) * 12

    good = [row, row, page_of_classes, (0.0,) * 9, 1.0, (0.0,) * 12, 1, 100, 64, 60]
    for place, wrong in (
        (3, (0.0,) * 8),
        (5, (0.0,)),
        (7, 0),
        (7, 1 << 30),
        (8, 0),
        (9, 0),
        (9, 600),
        (4, "x"),
    ):
        with pytest.raises((TypeError, ValueError)):
            native.tagger_type(*[wrong if i == place else value for i, value in enumerate(good)])


@needs_native
@pytest.mark.parametrize("answer", [None, (1.0,), ("x",) * 12, RuntimeError("no")])
def test_an_answer_that_cannot_be_used_is_an_error_and_no_crash(answer):
    def word(_):
        if isinstance(answer, Exception):
            raise answer
        return answer

    tagger = native.tagger_type(word, word, page_of_classes, (0.0,) * 9, 1.0, (0.0,) * 12, 1, 100, 64, 60)

    with pytest.raises((TypeError, RuntimeError)):
        tagger.find("Ann")


@needs_native
def test_threads_share_one_engine():
    engine = Engine()
    sample = list(texts(5, 120))
    wanted = [_outcome(engine, t) for t in sample]
    wrong = []

    def work():
        wrong.extend(t for t, want in zip(sample, wanted, strict=True) if _outcome(engine, t) != want)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert not wrong


def test_masking_works_where_nothing_was_built():
    """A fresh process in which the binary cannot be imported."""
    code = (
        "import sys, json; sys.modules['masking._native'] = None\n"
        "from masking import Engine, native\n"
        "text = 'mail Ann Smith, 123-45-6789'\n"
        "print(json.dumps([native.available, native.reason, Engine().mask_text(text).text]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    available, reason, masked = json.loads(done.stdout)
    assert not available
    assert "not built" in reason
    assert masked == "mail [PERSON_1], [US_SSN_1]"


@needs_native
@pytest.mark.slow
def test_nothing_is_read_or_written_out_of_bounds():
    """gcc's address and undefined-behaviour checks stand in front of two thousand texts."""
    compiler = shutil.which("gcc")
    library = (
        compiler
        and subprocess.run(
            [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
        ).stdout.strip()
    )
    if not library or not Path(library).is_absolute():
        pytest.skip("there is no gcc with its address checker")

    done = subprocess.run(
        [sys.executable, "-m", "tests.masking.sanitized"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert "checked 2000 texts" in done.stdout
