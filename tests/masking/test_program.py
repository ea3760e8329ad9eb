"""A program finds what ``re`` (or ``regex``) finds, place for place: the compiled loops ask Python no more."""

from __future__ import annotations

import random

import pytest

from masking import detect, native
from masking.confirm import compile_search, is_simple
from masking.program import program
from tests.masking.texts import texts

PATTERNS = [(r, p) for r in detect.recognizers() for p in r.patterns if p.regex]
needs_loops = pytest.mark.skipif(not native.available, reason="the compiled loops are not built")


def _by_program(steps, text, at):
    found = native.search(steps, text, 0, len(text), at)
    if found is None or found is NotImplemented:
        return found
    start, end, group_start, group_end = found
    return (start, end), (group_start, group_end)


def _by_search(search, text, group):
    match = search(text, 0, len(text))
    return match and (match.span(), match.span(group) if group else (-1, -1))


def _mangled(text, rng):
    """Two edits: a character more, less or another, or a case turned."""
    for _ in range(2):
        i = rng.randrange(len(text) + 1)
        cut = rng.randrange(2)
        text = text[:i] + rng.choice(["", " ", "-", "1", "a", "Z", "_", "\n", "\x1c", '"']) + text[i + cut :]
        if rng.random() < 0.2:
            text = text[:i] + text[i:].swapcase()
    return text


def test_most_patterns_have_a_program():
    without = [
        r.name
        for r, p in PATTERNS
        if program(p.regex, p.group, ignore_case=p.ignore_case, simple=is_simple(p.regex)) is None
    ]

    assert len(without) < len(PATTERNS) / 50, without


@needs_loops
def test_a_program_finds_what_its_pattern_finds():
    rng = random.Random(17)
    wrong, found, given_up = [], 0, 0
    for recognizer, pattern in PATTERNS:
        simple = is_simple(pattern.regex)
        steps = program(pattern.regex, pattern.group, ignore_case=pattern.ignore_case, simple=simple)
        if steps is None:
            continue
        search = compile_search(pattern.regex, ignore_case=pattern.ignore_case)
        examples = [t for t in (*recognizer.positive, *recognizer.negative) if t.isascii()]
        for example in examples:
            for text in (example, *(_mangled(example, rng) for _ in range(8))):
                here, there = _by_program(steps, text, False), _by_search(search, text, pattern.group)
                given_up += here is NotImplemented
                found += bool(there)
                if here is not NotImplemented and here != there:
                    wrong.append((recognizer.name, text, here, there))

    assert not wrong
    assert found > 2000
    assert given_up < 20


@needs_loops
@pytest.mark.parametrize(
    ("pattern", "group", "text"),
    [
        ("a|ab", 0, "xab"),
        ("(?:a|ab)(c|bcd)(d*)", 2, "abcd"),
        ("(a+?)b{2,3}", 1, "aabbb"),
        ("(?<!x)(?<=ab)c(?!d)", 0, "xabc abcd abc"),
        (r"\bfoo\b(?=[.,])", 0, "foobar foo foo,"),
        ("(?>a+)b|aac", 0, "aac aab"),
        ("a++b|a+c", 0, "aac"),
        ("(?:ab?){2,4}c", 0, "ababaac"),
        ("(?i:k)1S", 0, "K1s K1S"),
        (r"[^\s\d]+\s{2,}x", 0, "ab1 cd  x"),
        (r"(?:x(y)?)z", 1, "xz xyz"),
        (r"end\Z", 0, "end end"),
        ("(?:a|b|cd)*e", 0, "abcdcdbe"),
        ("(?s:a.)b.c", 0, "a\nb\nc a\nbxc"),
    ],
)
def test_a_program_tries_in_the_same_order(pattern, group, text):
    steps = program(pattern, group)

    assert steps is not None
    for at in range(len(text)):
        assert _by_program(steps, text[at:], False) == _by_search(compile_search(pattern), text[at:], group)
        assert _by_program(steps, text[at:], True) == _by_search(
            compile_search(pattern, at=True), text[at:], group
        )


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?:a*)*b", "^a", "a$", "((?:ab)|c)+"])
def test_what_is_not_understood_has_no_program(pattern):
    assert program(pattern, 1) is None


@needs_loops
def test_a_program_that_takes_too_long_gives_up():
    steps = program("(?:a|aa)*b", 0)

    assert native.search(steps, "a" * 60, 0, 60, False) is NotImplemented


@needs_loops
@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("number", [-3, 1 << 20, 99])
def test_a_program_with_a_number_out_of_place_is_refused_or_harmless(place, number):
    nodes, *rest = program("(ab|[cd]{2,3})(?<!x)e", 1)
    for node in range(len(nodes) // 20):
        at = 20 * node + 4 * place
        changed = nodes[:at] + number.to_bytes(4, "little", signed=True) + nodes[at + 4 :]
        try:
            native.search((changed, *rest), "xabe cde", 0, 8, False)
        except ValueError:
            continue


@needs_loops
def test_random_texts_are_found_the_same_by_programs():
    chosen = [(r, p) for r, p in PATTERNS if not p.regex.startswith("(?<![A-Za-z0-9")][
        :: max(1, len(PATTERNS) // 60)
    ]
    for text in texts(5, 60):
        ascii_text = text.encode("ascii", "ignore").decode()[:600]
        for _, pattern in chosen:
            steps = program(
                pattern.regex, pattern.group, ignore_case=pattern.ignore_case, simple=is_simple(pattern.regex)
            )
            search = compile_search(pattern.regex, ignore_case=pattern.ignore_case)
            here = steps and _by_program(steps, ascii_text, False)
            if here is not NotImplemented and steps:
                assert here == _by_search(search, ascii_text, pattern.group)
