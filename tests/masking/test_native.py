"""The compiled loops and Python alone give the same spans with the same scores."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from masking import Engine, EngineConfig, MaskingError, Span, native, scanner
from masking.detect import run_rules
from masking.detect.names import BIAS, narrowed_alone
from masking.letters import LETTER, TOKEN_BITS, Letters, page_of_classes, page_of_lower
from masking.names.features import TOKEN
from masking.names.table import load
from masking.names.tagger import MEMO_MAX, Tagger
from masking.program import program
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


PARTS = (
    *("example", "xxxx", "***", "...", "your_", "change_me", "dummy", "redact", "${", "{{", "%(", "env[", "vault.", "not-a-secret", "pass", "pwd", "user"),
    *("self.", "config", "2024-01-02", "12:30", "a->b", "a::b", "x(y)", "[1]", "https://", "./", "4f1b9c02-d7e8-4a36-9b1c-02d7e85a3641", "Hello", "WORLD"),
    *("winter", "string", "None", "sk_", "tok-", "AAAA", "99", "7f", "_", "-", ".", "+", "=", ":", "$", "@", "#", "&", "!", "%s", "PASS", "the", " at ", " dot "),
    *("a1B2c3", "q7Rt2Kw9", "zz", "0", "  ", "   ", "auvea", "rhyth", "\u212a", "\u017f", "é", "\u00a0"),
)  # fmt: skip
SETTINGS = (
    *("password: {}", 'password = "{}"', "DB_PASSWORD={}\n", "my password is {}", "token = {}", 'secret: "{}"', "tool --api-key {}", "Authorization: Bearer {}"),
    *("Cookie: sid={}", "PGPASSWORD={} psql", "tool --password={}", "tool --password '{}'", "tool --password {}", "datadog_api_key: {}", "ghp_{}", "login bo password {}"),
    *("curl -u bo:{} x", "sshpass -p '{}' ssh", "mysql -p{}", "echo {} | passwd --stdin b", "https://bo:{}@h.example/x", "://{}", "http://a:b@{}@c", "a{}[at]{}.co"),
    *("{} (at) {} (dot) {}", "x(at)y{}dot {}", "{} at {} dot com", "host=h password={} user=x"),
)  # fmt: skip


@needs_native
def test_validators_and_finders_in_c_say_what_those_in_python_say():
    """Every setting of a secret, a URL's credentials and an address that is said, with values put together from what matters to them."""
    config = EngineConfig(off=frozenset(), threshold=0.1, names=False)
    fast, slow = Engine(config), Engine(config, native=False)
    r = random.Random(29)

    def value():
        return "".join(r.choices(PARTS, k=r.randrange(1, 5)))

    made = [r.choice(SETTINGS) for _ in range(4000)]
    drawn = [form.format(*(value() for _ in range(form.count("{}")))) for form in made]

    assert not [text for text in drawn if fast.scan(text) != slow.scan(text)]


@needs_native
def test_native_and_python_agree_on_what_is_an_address_and_what_a_section():
    fast, slow = Engine(EVERYTHING), Engine(EVERYTHING, native=False)
    numbers = ("0", "1", "2", "4", "7", "8", "10", "39", "40", "255", "256", "01", "007")
    quads = [
        f"{a}.{b}.{c}.{d}"
        for a in numbers
        for b in numbers
        for c in ("1", "3", "8", "40")
        for d in ("4", "0", "39")
    ]
    quads += ["1.1.1.1", "1.2.3.4", "4.3.2.1", "8.8.4.4", "5.6.7.8", "12.13.14.15"]

    for form in ("see {} below", "client {} is up", "version {}"):
        assert [q for q in quads if fast.scan(form.format(q)) != slow.scan(form.format(q))] == []


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
        *(f"x(at)yy{' ' * before}dot{' ' * after}zz" for before in range(5) for after in range(5)),
        *(f"x{' ' * before}[at]{' ' * after}yy.zz" for before in range(4) for after in range(4)),
        "x[at]" + "y" * 62 + ".zz, x[at]" + "y" * 63 + ".zz, x[at]" + "y" * 64 + ".zz",
        "x" * 39 + "." + "x" * 40 + "[at]yy.zz " + "x" * 41 + "[at]yy.zz",
        "x[at]yy.aa.bb.cc.dd.ee.ff x[at]yy." + "z" * 63 + " x[at]yy." + "z" * 64,
        "http://a:b@c@d[ http://a:@b http://:b@c http://a:b@ http://a:"
        + "b" * 256
        + "@c http://a:"
        + "b" * 257
        + "@c",
        "http://" + "a" * 128 + ":b@c http://" + "a" * 129 + ":b@c",
        *("0A" * n + " " + "A0" * n for n in (3, 8, 9, 12, 13, 17, 18, 32, 33)),
        "\x00\x00",
    ],
)
def test_native_and_python_agree_at_the_edges(text):
    assert _outcome(Engine(EVERYTHING), text) == _outcome(Engine(EVERYTHING, native=False), text)


_PIECES = (
    *("John", "Smith", "mc", "Mc", "Mac", "De", "Donald", "aB", "XMLp", "IRCallee", ".md", ".", "-", "'", " ", "  ", ",", "\n", "A", "b", "_"),
    *("12", "1234567", "SW1A", "1AA", "K1A", "0B1", "4B", "--opt", " -x", "tel", "fax", "echo", "OSLO", "IBM", "QQXZ", "3", "9034", "Maple", "$", "@", "x.y"),
)  # fmt: skip


@needs_native
def test_what_of_a_value_is_a_name_is_the_same_in_c():
    r = random.Random(5)
    scanner = Engine()._rules.scanner
    told = set()

    for n in range(8_000):
        pieces, most = (_PIECES, 7) if n % 3 else (tuple("aAbBZz019 .,-'\n_"), 14)
        value = "".join(r.choice(pieces) for _ in range(r.randint(1, most)))
        beside = r.random() < 0.3, r.random() < 0.3
        want = narrowed_alone(value, *beside)
        told.add(want and (want[0] > 0, want[1] < len(value), want[2]))
        assert scanner.narrowed(value, *beside) == want, (value, beside)

    assert len(told) == 9, "none, and each of its eight kinds, is met"


_WORDS_OF_ALL_KINDS = (
    *("Иван", "Петров", "señor", "Señora", "Tél", "José", "García", "Müller", "echo", "Exit", "Tel", "Fax", "李明", "山田", "ΣΑΣ", "Σίσυφος"),
    *("İpek", "McÉa", "é", "Ö", "von", "Å", "aÉ", "Straße", "ǅ", "Ann", "Lee", "O’Brien", "d’Été", "Kelvin \u212a", "e\u0301a"),
)  # fmt: skip


@needs_native
def test_names_in_every_script_and_words_that_are_none_are_found_alike():
    r = random.Random(8)
    fast, slow = Engine(), Engine(native=False)

    for _ in range(1500):
        words = [r.choice(_WORDS_OF_ALL_KINDS) for _ in range(r.randint(1, 4))]
        text = (
            r.choice(("Dear ", "Mr. ", "My name is ", "", '"', "call ", "Señor "))
            + r.choice((" ", "  ", "\n", "-", ". ", ", ", "")).join(words)
            + r.choice((" said", "7", "_x", ".", "! ", "("))
        )
        assert fast.scan(text) == slow.scan(text), text


@needs_native
@pytest.mark.parametrize("value", ["é", "a" * 257])
def test_what_is_not_short_and_ascii_is_not_narrowed_in_c(value):
    with pytest.raises(ValueError, match="ASCII"):
        Engine()._rules.scanner.narrowed(value, False, False)


@needs_native
def test_numbers_of_every_length_are_worth_the_same():
    fast, slow = Tagger(BIAS), Tagger(BIAS, native=False)
    r = random.Random(6)

    for n in range(400):
        number = "".join(r.choice("0123456789") for _ in range(n % 70 + 1))
        text = f"Ann {number} Lee, {number[:5]} Oslo {number[:4]}\n{number} {'٣' * (n % 9)}{number[:3]} to Bo"
        assert fast.find(text) == slow.find(text), text


_COMMON_LETTERS = ((0xC0, 0x24F), (0x1E00, 0x1EFF), (0x370, 0x52F), (0x5D0, 0x5EA), (0x620, 0x64A), (0x3041, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3))  # fmt: skip
"""``is_common_letter`` of ``native/names.c``."""


def test_the_letters_that_c_rates_by_itself_are_letters_to_str_too():
    for first, last in _COMMON_LETTERS:
        classes = b"".join(page_of_classes(page) for page in range(first >> 8, (last >> 8) + 1))
        for code in range(first, last + 1):
            if classes[code - (first & ~0xFF)] & TOKEN_BITS == LETTER:
                assert chr(code).isalpha(), hex(code)


@needs_native
def test_words_of_every_script_are_worth_the_same():
    fast, slow = Tagger(BIAS), Tagger(BIAS, native=False)
    r = random.Random(9)
    ranges = (*_COMMON_LETTERS[:6], (0x41, 0x5A), (0x61, 0x7A), (0xAA, 0xBA), (0x1E00, 0x1FFF), (0x2160, 0x2188), (0x4E00, 0x4E40), (0xAC00, 0xAC40))  # fmt: skip
    letters = [chr(code) for first, last in ranges for code in range(first, last + 1)]
    alphabets = (letters, "abcXYZéÉñßǅσΣσςΑάİıﬁ", "".join(map(chr, range(0x410, 0x450))))

    for n in range(2400):
        alphabet = alphabets[n % 3]
        words = [
            "".join(r.choice(alphabet) for _ in range(r.randint(1, 7)))
            + r.choice(("", "", "", "'" + r.choice(alphabet), "’" + r.choice(alphabet) + "é"))
            for _ in range(r.randint(1, 5))
        ]
        text = r.choice(("Dear ", "Mr. ", "My name is ", "")) + " ".join(words)
        assert fast.find(text) == slow.find(text), ascii(text)


def _row_of_numbers(r):
    def group():
        if r.random() < 0.7:
            return "".join(
                r.choice("0123456789")
                for _ in range(r.choice((1, 2, 3, 3, 4, 4, 5, 6, 7, 8, 10, 12, 16, 19)))
            )
        return "".join(r.choice("0123456789ABx") for _ in range(r.choice((3, 8, 9, 17, 26, 34))))

    join = r.choice((" ", "-", ".", "/", None))
    row = r.choice(("", "+", "(", "+(", "call ", "x", "A-", "+ ", "ip "))
    for _ in range(r.randint(1, 20)):
        apart = r.choice((" ", "-", ".", "/", ") ", " (", "+", "  ", " - ", ", ", "\n"))
        row += group() + (join if join and r.random() < 0.85 else apart)
    return row + r.choice(("", "x12", " x123", "x123456", "x1234567", "A", "Z"))


@needs_native
def test_what_may_stand_in_a_row_of_numbers_is_the_same_in_c():
    config = EngineConfig(off=frozenset(), threshold=0.001)
    fast, slow = Engine(config), Engine(config, native=False)
    r = random.Random(10)

    for _ in range(700):
        text = _row_of_numbers(r)
        assert fast.explain(text) == slow.explain(text), text
        assert fast.scan(text) == slow.scan(text), text


@needs_native
def test_every_finder_over_shapes_has_a_program():
    assert all(program(pattern, 0) for rule in run_rules() for pattern, _ in rule.forms.patterns)


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
        kind = page_of_classes(ord(char) >> 8)[ord(char) & 255] & TOKEN_BITS
        alone = TOKEN.findall(char)

        assert bool(kind) == bool(alone)
        assert (kind in {1, 2}) == (len(TOKEN.findall(char * 2)) == 1)


@needs_native
def test_what_is_no_text_is_refused():
    tagger = Tagger(BIAS)

    for wrong in (None, 7, b"Ann"):
        with pytest.raises(TypeError):
            tagger.native.find(wrong)


def _tagger(**changed):
    arguments = {
        "letters": Letters.native(),
        "table": load().raw,
        "ask_word": lambda _: (0,) * 12,
        "bias": 90,
        "hopeless": -150,
        "slack": 1.0,
        "seed": 1,
        "words_max": 100,
        "word_chars_max": 64,
        "stretch_max": 60,
    }
    return native.tagger_type(*(arguments | changed).values())


@needs_native
@pytest.mark.parametrize(
    "wrong",
    [
        {"letters": object()},
        {"letters": None},
        {"table": b""},
        {"table": load().raw[:-1]},
        {"table": b"X" + load().raw[1:]},
        {"table": load().raw[:120] + b"\xff" * 4 + load().raw[124:]},
        {"table": load().raw[:124] + b"\xff" * 4 + load().raw[128:]},
        {"bias": 1 << 30},
        {"words_max": 0},
        {"words_max": 1 << 30},
        {"word_chars_max": 0},
        {"word_chars_max": 65},
        {"stretch_max": 0},
        {"stretch_max": 600},
        {"slack": "x"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_arguments_out_of_range_are_refused(wrong):
    assert _tagger().find("Ann of nowhere") is not None
    with pytest.raises((TypeError, ValueError)):
        _tagger(**wrong)


@needs_native
@pytest.mark.parametrize("answer", [None, (1,), ("x",) * 12, (1 << 40,) * 12, (-1,) * 12, RuntimeError("no")])
def test_an_answer_that_cannot_be_used_is_an_error_and_no_crash(answer):
    def word(_):
        if isinstance(answer, Exception):
            raise answer
        return answer

    tagger = _tagger(ask_word=word)

    with pytest.raises((TypeError, ValueError, RuntimeError, OverflowError)):
        tagger.find("አnn")  # of a script that C leaves to Python


@needs_native
@pytest.mark.parametrize("answer", [None, b"", b"x" * 255, "x" * 256, RuntimeError("no")])
def test_a_page_that_cannot_be_used_is_an_error_and_no_crash(answer):
    def page(number):
        if number == 0:
            return page_of_classes(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises((TypeError, RuntimeError)):
        native.letters_type(page_of_lower, page_of_lower)
    with pytest.raises((TypeError, RuntimeError)):
        _tagger(letters=native.letters_type(page, page_of_lower)).find("Ann Иван")


MISSING = object()


def _parts(monkeypatch, **changed):
    """What the scanner of a plain engine is built from, with some parts changed (``MISSING``: left out)."""
    taken = {}
    monkeypatch.setattr(scanner, "scanner_type", taken.update)
    Engine(EngineConfig(names=False))
    taken.update(changed)
    return {name: part for name, part in taken.items() if part is not MISSING}


@needs_native
def test_the_scanner_built_from_its_parts_scans(monkeypatch):
    spans = native.scanner_type(_parts(monkeypatch)).scan("mail ann@example.org", False, True)

    assert [(s.start, s.end, s.type) for s in spans] == [(5, 20, "EMAIL_ADDRESS")]


@needs_native
@pytest.mark.parametrize(
    "wrong",
    [
        {"rules": MISSING},
        {"letters": object()},
        {"tagger": object()},
        {"runs": object()},
        {"off": ["URL"]},
        {"span": Engine.scan},
        {"numbers": (0.4, 3.2, 0.5, 2.5, 1000, 20, 1, 100, 1000)},
        {"numbers": (0.4, 3.2, 0.5, 2.5, 40, 20, 1, 0, 1000)},
        {"reasons": ("form",)},
        {"verhoeff": b""},
        {"phone_codes": b"\0"},
        {"literals": [(b"", (0,))]},
        {"literals": [(b"ab", (0,)), (b"ab", (0,))]},
        {"literals": [(b"ab", (1 << 20,))]},
        {"literals": [(b"ab", (-1000,))]},
        {"literals": [(b"a" * 256, (0,))]},
        {"folded_bits": b"\0"},
        {"caps_chars": "12"},
        {"vocabularies": [(b"", ())]},
        {"vocabularies": []},
        {"rules": [()]},
        {"text_rules": [("x", None, None, (), 99, 0, False, b"")]},
        {"text_rules": [("x", None, None, (), 1, 0, False, b"")]},
        {"text_rules": [("x", None, None, (), 2, 0, False, b"")]},
        {"text_rules": [("x", None, None, (), 0, 0, False, b"\5a")]},
        {"no_names": [str(n) for n in range(1000)]},
        {"names": (b"", b"", 0.8, 0)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_parts_that_do_not_fit_are_refused(monkeypatch, wrong):
    with pytest.raises((TypeError, ValueError, KeyError, OverflowError)):
        native.scanner_type(_parts(monkeypatch, **wrong))


@needs_native
@pytest.mark.parametrize(
    "answer",
    [None, [None], [Span(0, 99, "X", 1.0)], [Span(-1, 2, "X", 1.0)], [Span(3, 2, "X", 1.0)], RuntimeError()],
)
def test_a_rule_whose_answer_cannot_be_used_fails_the_scan(monkeypatch, answer):
    def find(_):
        if isinstance(answer, Exception):
            raise answer
        return answer

    built = native.scanner_type(
        _parts(monkeypatch, text_rules=[("x", find, None, (), 0, 0, False, b"")], literals=[(b"ab", ())])
    )

    with pytest.raises((TypeError, ValueError, AttributeError, RuntimeError)):
        built.scan("some text", False, True)


@needs_native
@pytest.mark.parametrize(
    "answer",
    [3, (), (0,), ("a", "b"), (-1, 4), (4, 4), (5, 4), (0, 10_000), RuntimeError()],
    ids=repr,
)
def test_bounds_of_a_name_that_cannot_be_used_fail_the_scan(monkeypatch, answer):
    def narrowed(*_):
        if isinstance(answer, Exception):
            raise answer
        return answer

    taken = {}
    monkeypatch.setattr(scanner, "scanner_type", taken.update)
    Engine()
    built = native.scanner_type({**taken, "narrowed": narrowed})

    with pytest.raises((TypeError, ValueError, RuntimeError)):
        built.scan("My name is Siobhán O'Brien-Walsh, says Jean-Luc Müller.", False, True)


@needs_native
def test_conditions_that_cannot_be_used_fail_the_scan(monkeypatch):
    for answer in (
        None,
        (),
        (None, b"x", b"", b"", 0, b""),
        (None, b"", b"", b"", 5, b""),
        (None, b"", b"", b"", 0, b"x"),
    ):
        built = native.scanner_type(_parts(monkeypatch, prepare=lambda _, a=answer: a))

        with pytest.raises((TypeError, ValueError)):
            built.scan("password: hunter2 ghp_" + "a" * 36, False, True)


@needs_native
def test_one_long_span_over_many_others_is_settled_in_linear_time():
    engine = Engine()

    def spent(count):
        text = "4111 " * count
        start = time.process_time()
        engine.scan(text)
        return time.process_time() - start

    spent(1000)
    assert spent(16_000) < 12 * min(spent(4000) for _ in range(3)) + 0.1


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
