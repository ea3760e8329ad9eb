"""What a person, an agent, a group, an action and a word may be called."""

from __future__ import annotations

import pytest

from bot.core.ids import ACTION, NAME, WORD, agent_id, person_id

GOOD_NAMES = ["a", "0", "ana", "ana.lopez", "ana_lopez", "a-b", "a..b", "a" * 64]
BAD_NAMES = [
    "",
    ".",
    "a.",
    ".a",
    "-a",
    "a-",
    "_a",
    "a_",
    "A",
    "Ana",
    "a b",
    "ä",
    "a\n",
    "a" * 65,
    "a:b",
    "a/b",
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_name_is_a_name_with_and_without_its_prefix(name: str) -> None:
    assert person_id(name) == f"person:{name}"
    assert person_id(f"person:{name}") == f"person:{name}"
    assert agent_id(name) == f"agent:{name}"
    assert agent_id(f"agent:{name}") == f"agent:{name}"


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_is_refused_with_the_remedy(name: str) -> None:
    for given in (name, f"person:{name}"):
        with pytest.raises(ValueError) as caught:
            person_id(given)
        assert str(caught.value) == (
            f"{given!r} is not a person's name: use lower-case letters, digits, . _ - (at most 64)"
        )
    for given in (name, f"agent:{name}"):
        with pytest.raises(ValueError) as caught:
            agent_id(given)
        assert str(caught.value) == (
            f"{given!r} is not an agent's name: use lower-case letters, digits, . _ - (at most 64)"
        )


def test_a_prefix_is_taken_off_once_and_only_the_right_one() -> None:
    for wrong in ("person:person:ana", "agent:ana"):
        with pytest.raises(ValueError):
            person_id(wrong)
    for wrong in ("agent:agent:bot", "person:bot"):
        with pytest.raises(ValueError):
            agent_id(wrong)


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_group_may_be_called_so(name: str) -> None:
    assert NAME.fullmatch(name)


@pytest.mark.parametrize(
    "text", ["a", "db.export", "iam:grant", "a-b", "a_b.c2", "db.2", "a_", "a" * 64, "a." + "b" * 62]
)
def test_an_action(text: str) -> None:
    assert ACTION.fullmatch(text)


@pytest.mark.parametrize(
    "text",
    ["", "A", "2a", "_a", ".a", "a.", "a..b", "a b", "a\n", "a" * 65, "a." + "b" * 63, "a/b", "ä", "a.-b"],
)
def test_no_action(text: str) -> None:
    assert not ACTION.fullmatch(text)


@pytest.mark.parametrize("text", ["a", "0", "prod", "eu-1.b_", "a" * 64])
def test_a_word(text: str) -> None:
    assert WORD.fullmatch(text)


@pytest.mark.parametrize("text", ["", ".a", "-a", "_a", "A", "a b", "a\n", "a" * 65, "ä", "a:b"])
def test_no_word(text: str) -> None:
    assert not WORD.fullmatch(text)
