"""Card → page: whole, masked spans marked, look-alikes said (T12, T13, T14)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.cards import LONG_CHARS, marked, view
from bot.core.visible import visible
from masking import Engine
from masking.masked import _make
from tests.support.clock import START
from tests.support.gallery import LEAVES, a_card, leaf, preview


def plain(markup: str) -> str:
    import html
    import re

    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@given(st.lists(st.text(max_size=60), max_size=12))
def test_t14_every_leaf_stands_on_the_page_whole(texts):
    leaves = tuple(leaf(n, f"k{n}", text) for n, text in enumerate(texts))

    shown = view(a_card("req_1", START, preview=preview(leaves, ())))

    assert [plain(x.value) for x in shown.leaves] == [visible(t, allow="\n\t") for t in texts]


def test_what_masking_writes_is_what_the_page_marks():
    masked = Engine().mask_text("mail ann@example.org, card 4111 1111 1111 1111")

    shown = marked(masked)

    assert shown.count("<mark") == sum(count for _, count in masked.hidden) == 2
    assert "…1111" in shown


def test_an_agent_cannot_fake_a_mask():
    assert "<mark" not in marked(_make("[EMAIL_ADDRESS_1]"))


@pytest.mark.parametrize(("chars", "long"), [(LONG_CHARS, False), (LONG_CHARS + 1, True)])
def test_a_long_value_folds(chars, long):
    shown = view(a_card("req_1", START, preview=preview((leaf(0, "k", "x" * chars),), ())))

    assert shown.leaves[0].is_long is long


def test_a_look_alike_is_said_beside_the_value():
    shown = view(a_card("req_1", START, preview=preview((*LEAVES, leaf(9, "host", "pаypal.com")))))

    assert shown.leaves[-1].warning is not None
    assert shown.warnings == (shown.leaves[-1].warning,)
