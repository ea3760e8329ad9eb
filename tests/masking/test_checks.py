"""Check digits: each function against python-stdnum, and what each scheme promises."""

from __future__ import annotations

import random

import pytest
from stdnum import damm, luhn, verhoeff
from stdnum.iso7064 import mod_11_2, mod_11_10, mod_37_36, mod_97_10

from masking import checks

DIGITS = "0123456789"
PEERS = [
    (checks.luhn, luhn, DIGITS),
    (checks.verhoeff, verhoeff, DIGITS),
    (checks.damm, damm, DIGITS),
    (checks.mod_11_10, mod_11_10, DIGITS),
    (checks.mod_11_2, mod_11_2, DIGITS),
    (checks.mod_37_36, mod_37_36, checks.ALPHANUMERIC),
    (checks.mod_97_10, mod_97_10, checks.ALPHANUMERIC),
]
NAMES = [check.__name__ for check, _, _ in PEERS]


@pytest.mark.parametrize(("check", "peer", "alphabet"), PEERS, ids=NAMES)
def test_a_check_agrees_with_an_independent_one_on_thousands_of_numbers(check, peer, alphabet):
    rng = random.Random(7)
    valid = 0

    for _ in range(4000):
        text = "".join(rng.choice(alphabet) for _ in range(rng.randint(2, 18)))
        assert check(text) == peer.is_valid(text), text
        valid += check(text)

    assert valid > 10


@pytest.mark.parametrize(("check", "peer", "alphabet"), PEERS, ids=NAMES)
def test_a_check_sees_every_single_wrong_digit(check, peer, alphabet):
    rng = random.Random(11)
    seen = 0

    for _ in range(150):
        body = "".join(rng.choice(DIGITS) for _ in range(rng.randint(5, 14)))
        valid = next(
            (
                body + "".join(tail)
                for tail in (a + b for a in DIGITS for b in DIGITS)
                if check(body + "".join(tail))
            ),
            None,
        )
        if valid is None:
            continue
        seen += 1
        for place, char in enumerate(valid):
            for other in DIGITS:
                if other != char:
                    assert not check(valid[:place] + other + valid[place + 1 :])

    assert seen > 100


@pytest.mark.parametrize("check", [checks.verhoeff, checks.damm], ids=["verhoeff", "damm"])
def test_verhoeff_and_damm_see_every_swap_of_neighbours(check):
    rng = random.Random(13)

    for _ in range(300):
        valid = checks.completed("".join(rng.choice(DIGITS) for _ in range(9)) + "?", check)
        for place in range(len(valid) - 1):
            if valid[place] != valid[place + 1]:
                assert not check(valid[:place] + valid[place + 1] + valid[place] + valid[place + 2 :])


@pytest.mark.parametrize("check", [check for check, _, _ in PEERS], ids=NAMES)
@pytest.mark.parametrize("text", ["", "-", "٣٣٣", "²³", "12a4é", "１２３"])
def test_what_is_outside_the_alphabet_is_false_and_no_error(check, text):
    assert check(text) is False


def test_the_published_examples_of_the_papers_hold():
    assert checks.luhn("79927398713")
    assert checks.verhoeff("2363")
    assert checks.damm("5724")
    assert checks.mod_11_10("07945")
    assert checks.mod_11_2("079X")
    assert checks.mod_97_10("79444")


@pytest.mark.parametrize(
    ("year", "month", "day", "there"),
    [
        (2000, 2, 29, True),
        (1900, 2, 29, False),
        (2023, 2, 29, False),
        (2024, 4, 31, False),
        (2024, 13, 1, False),
        (2024, 1, 0, False),
        (2024, 12, 31, True),
    ],
)
def test_a_day_is_a_day_of_the_gregorian_calendar(year, month, day, there):
    assert checks.is_date(year, month, day) is there


def test_a_template_nothing_completes_is_an_error():
    with pytest.raises(ValueError, match="no check character"):
        checks.completed("12?", lambda _: False)


def test_separators_are_dropped_and_letters_raised():
    assert checks.bare(" 12-3.4/(a)+b\u00a0") == "1234AB"
