"""What people are shown is frozen, whole and the same for ever: I4, I14, T14."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.ids import Digest
from bot.core.preview import VERDICTS, Budget, Button, Card, Leaf, Preview, fits, listed, order
from bot.core.preview_codec import DOMAIN, freeze, preview_hash, thaw
from bot.core.request import Assurance, RequestState
from masking import Engine
from masking.masked import restore
from tests.support.clock import START
from tests.support.preview_reference import build, frozen

ENGINE = Engine()


def leaf(label: str, value: str, index: int = 0, hidden: bool = False) -> Leaf:
    return Leaf(restore(label), "string", restore(value), hidden, index)


PREVIEW = Preview(
    resource=restore("customers"),
    leaves=(
        Leaf(restore("parameters › query"), "string", restore("SELECT ⟦1⟧", (("EMAIL_ADDRESS", 1),)), True, 4),
        Leaf(restore("parameters › [US_SSN_1]", (("US_SSN", 1),)), "number", restore("3"), False, 5),
    ),
    hidden=(("EMAIL_ADDRESS", 2), ("US_SSN", 1)),
    payload_bytes=321,
    justification=restore("call [PHONE_1]", (("PHONE", 1),)),
    context=(leaf("context › ticket", "OPS-1", 9),),
)  # fmt: skip
FROZEN = (
    '{"resource":["customers",[]],'
    '"leaves":[[["parameters › query",[]],"string",["SELECT ⟦1⟧",[["EMAIL_ADDRESS",1]]],true,4],'
    '[["parameters › [US_SSN_1]",[["US_SSN",1]]],"number",["3",[]],false,5]],'
    '"hidden":[["EMAIL_ADDRESS",2],["US_SSN",1]],"payload_bytes":321,'
    '"justification":["call [PHONE_1]",[["PHONE",1]]],'
    '"context":[[["context › ticket",[]],"string",["OPS-1",[]],false,9]],"v":1}'
)
"""Stored for ever and hashed: a change of this text orphans every stored request."""


def test_the_frozen_text_and_its_hash_are_frozen() -> None:
    assert frozen(PREVIEW) == FROZEN
    assert (
        preview_hash(FROZEN)
        == "sha256:" + hashlib.sha256(b"signoff/preview/v1\0" + FROZEN.encode()).hexdigest()
    )
    assert preview_hash("") == "sha256:" + hashlib.sha256(DOMAIN).hexdigest()
    assert preview_hash(FROZEN) == FROZEN_HASH


FROZEN_HASH = "sha256:d762f0210a229eaa6df8f347bfa42e3a388624282510a6f8a4aa3b977f1d5e49"


def test_what_was_frozen_is_thawed_equal() -> None:
    assert thaw(FROZEN, preview_hash(FROZEN)) == PREVIEW


@pytest.mark.parametrize(
    "tampered",
    [FROZEN + " ", FROZEN.replace("customers", "customerz"), FROZEN.replace("321", "320"), "", "{}"],
)
def test_a_text_that_was_changed_is_refused(tampered: str) -> None:
    with pytest.raises(ValueError) as caught:
        thaw(tampered, preview_hash(FROZEN))

    assert str(caught.value) == "the stored preview is not the one that was hashed"


def test_another_hash_is_refused() -> None:
    with pytest.raises(ValueError):
        thaw(FROZEN, Digest("sha256:" + "0" * 64))


masked = st.builds(restore, st.text(max_size=20), st.just(()) | st.just((("EMAIL_ADDRESS", 2),)))
leaves = st.lists(
    st.builds(Leaf, masked, st.sampled_from(["string", "number", "null"]), masked, st.booleans(), st.integers(0, 99)),
    max_size=4,
).map(tuple)  # fmt: skip


@given(
    st.builds(
        Preview,
        masked,
        leaves,
        st.just((("US_SSN", 1),)) | st.just(()),
        st.integers(0, 2**40),
        masked,
        leaves,
    )
)
def test_every_preview_is_thawed_as_it_was_frozen(preview: Preview) -> None:
    text = frozen(preview)

    assert thaw(text, preview_hash(text)) == preview


# --- from a masked document -------------------------------------------------------------------------------

ASKED: dict[str, Any] = {
    "payload": {
        "action": "db.export",
        "parameters": {
            "query": "SELECT 1",
            "to": "maria.lopez@example.org",
            "opt": {"deep": [True, None]},
            "maria.lopez@example.org": 1,
        },
        "resource": {"env": "prod", "id": "customers of maria.lopez@example.org", "type": "postgres"},
    },
    "justification": "ask maria.lopez@example.org",
    "context": {"ticket": "OPS-1", "who": "maria.lopez@example.org"},
}


def built(show: tuple[str, ...] = (), asked: dict[str, Any] = ASKED) -> tuple[Preview, tuple[str, ...]]:
    return build(ENGINE.mask_json(asked), 77, show)


def test_every_leaf_of_the_payload_is_in_the_preview_once() -> None:
    preview, pointers = built()

    assert [(line.label.text, line.kind, line.value.text, line.hidden) for line in preview.leaves] == [
        ("action", "string", "db.export", False),
        ("parameters › query", "string", "SELECT 1", False),
        ("parameters › to", "string", "[EMAIL_ADDRESS_1]", True),
        ("parameters › opt › deep › 0", "boolean", "true", False),
        ("parameters › opt › deep › 1", "null", "null", False),
        ("parameters › [EMAIL_ADDRESS_1]", "number", "1", False),
        ("resource › env", "string", "prod", False),
        ("resource › id", "string", "customers of [EMAIL_ADDRESS_1]", True),
        ("resource › type", "string", "postgres", False),
    ]
    assert [pointers[line.index] for line in preview.leaves] == [
        "/payload/action",
        "/payload/parameters/query",
        "/payload/parameters/to",
        "/payload/parameters/opt/deep/0",
        "/payload/parameters/opt/deep/1",
        "/payload/parameters/maria.lopez@example.org",
        "/payload/resource/env",
        "/payload/resource/id",
        "/payload/resource/type",
    ]


def test_the_claim_stands_apart_from_the_payload() -> None:
    preview, pointers = built()

    assert preview.justification.text == "ask [EMAIL_ADDRESS_1]"
    assert [(line.label.text, line.value.text, pointers[line.index]) for line in preview.context] == [
        ("ticket", "OPS-1", "/context/ticket"),
        ("who", "[EMAIL_ADDRESS_1]", "/context/who"),
    ]


def test_the_resource_and_the_counts_are_the_documents() -> None:
    preview, _ = built()

    assert preview.resource.text == "customers of [EMAIL_ADDRESS_1]"
    assert preview.payload_bytes == 77
    assert preview.hidden == ENGINE.mask_json(ASKED).classes
    assert preview.hidden_count == 5


def test_a_key_that_hides_something_says_so_in_its_label() -> None:
    preview, _ = built()

    assert [line.label.hidden for line in preview.leaves if line.label.hidden] == [(("email_address", 1),)]


def test_what_show_names_comes_first_and_nothing_is_dropped() -> None:
    plain, _ = built()
    shown, _ = built(("to", "opt"))

    assert [line.label.text for line in shown.leaves[:3]] == [
        "parameters › to",
        "parameters › opt › deep › 0",
        "parameters › opt › deep › 1",
    ]
    assert set(shown.leaves) == set(plain.leaves)
    assert len(shown.leaves) == len(plain.leaves)


@pytest.mark.parametrize("show", [(), ("to", "opt"), ("type",), ("nothing",)])
@pytest.mark.parametrize(
    "asked",
    [
        ASKED,
        {"payload": ASKED["payload"]},
        {"payload": {"resource": {"id": ""}, "parameters": {}}, "context": {}, "justification": ""},
        {"payload": {"action": "x", "parameters": [], "ma/r~ia@example.org": {"deep": [[{}], []]}}},
        {"payload": {"resource": "no id"}, "context": {"a": {"b@example.org": [1, {"c": None}]}}},
        {},
    ],
)
def test_what_is_frozen_at_once_is_the_frozen_preview_to_the_byte(
    asked: dict[str, Any], show: tuple[str, ...]
) -> None:
    masked = ENGINE.mask_json(asked)

    preview, pointers = build(masked, 77, show)

    assert freeze(masked, 77, show) == (
        frozen(preview),
        pointers,
        preview.resource.text,
        len(preview.leaves),
    )


def test_a_request_without_claims_has_empty_ones() -> None:
    preview, _ = built(asked={"payload": ASKED["payload"], "justification": "", "context": None})

    assert preview.justification.text == ""
    assert [line.value.text for line in preview.context] in ([], ["null"])


def test_a_parameter_called_justification_is_payload() -> None:
    asked = {
        "payload": {
            "parameters": {"justification": "x", "context": "y"},
            "resource": {"id": "r", "x": {"resource": {"id": "no"}}},
        }
    }

    preview, _ = built(asked=asked)

    assert preview.justification.text == ""
    assert preview.context == ()
    assert preview.resource.text == "r"
    assert [line.value.text for line in preview.leaves] == ["x", "y", "r", "no"]


def test_a_masked_document_freezes_without_what_it_hides_i10() -> None:
    preview, _ = built()

    assert "maria" not in frozen(preview)


# --- order ------------------------------------------------------------------------------------------------


def ordered(pointers: list[str], show: tuple[str, ...]) -> list[str]:
    return [line.label.text for line in order([leaf(pointer, "") for pointer in pointers], pointers, show)]


POINTERS = ["/action", "/parameters/a", "/parameters/b/x", "/parameters/b/y", "/parameters/c", "/resource/id"]


def test_leaves_keep_their_order_unless_show_says_otherwise() -> None:
    assert ordered(POINTERS, ()) == POINTERS
    assert ordered(POINTERS, ("nope",)) == POINTERS


def test_show_orders_by_its_own_order() -> None:
    assert ordered(POINTERS, ("c", "b")) == [
        "/parameters/c",
        "/parameters/b/x",
        "/parameters/b/y",
        "/action",
        "/parameters/a",
        "/resource/id",
    ]


def test_show_names_parameters_by_their_first_key_and_others_by_their_last() -> None:
    assert ordered(POINTERS, ("x",)) == POINTERS
    assert ordered(POINTERS, ("id",))[0] == "/resource/id"
    assert ordered(POINTERS, ("action",))[0] == "/action"
    assert ordered(["/a", "/x/parameters/b", "/x/b/parameters"], ("b",))[0] == "/x/parameters/b"
    assert ordered(["/a", "/parameters"], ("parameters",))[0] == "/parameters"
    assert ordered(["/a", "/parameters/b/"], ("b",))[0] == "/parameters/b/"


@given(st.lists(st.sampled_from(POINTERS), max_size=12), st.lists(st.sampled_from("abcxyz"), max_size=4))
def test_order_drops_nothing_and_adds_nothing(pointers: list[str], show: list[str]) -> None:
    assert sorted(ordered(pointers, tuple(show))) == sorted(pointers)


def test_leaves_and_pointers_that_do_not_match_are_a_bug() -> None:
    with pytest.raises(ValueError):
        order([leaf("a", "")], [], ())


# --- fits -------------------------------------------------------------------------------------------------


def preview_of(*lines: Leaf, context: tuple[Leaf, ...] = ()) -> Preview:
    return Preview(restore(""), lines, (), 0, restore("j" * 500), context)


def test_a_preview_fits_to_the_character_t14() -> None:
    preview = preview_of(leaf("abc", "defgh"), leaf("i", ""))  # 3 + 5 + 4 and 1 + 0 + 4

    assert fits(preview, Budget(17, 2)) is True
    assert fits(preview, Budget(16, 2)) is False


def test_a_preview_fits_to_the_leaf_t14() -> None:
    preview = preview_of(leaf("a", "b"), leaf("a", "b"))

    assert fits(preview, Budget(100, 2)) is True
    assert fits(preview, Budget(100, 1)) is False


def test_the_claim_is_not_counted() -> None:
    assert fits(preview_of(leaf("a", "b"), context=(leaf("c" * 100, "d"),)), Budget(6, 1)) is True


def test_an_empty_preview_fits_anywhere() -> None:
    assert fits(preview_of(), Budget(0, 0)) is True


# --- the card ---------------------------------------------------------------------------------------------


def test_every_state_has_its_words() -> None:
    assert {state.value: words for state, words in VERDICTS.items()} == {
        "pending": "Waiting for a decision",
        "approved": "Approved",
        "denied": "Denied",
        "expired": "Expired, nobody decided in time",
        "cancelled": "Cancelled by the requester",
    }


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), ""),
        (("Ana",), "Ana"),
        (("Ana", "Bo"), "Ana and Bo"),
        (("Ana", "Bo", "Cy"), "Ana, Bo and Cy"),
        (("Ana", "Bo", "Cy", "Di"), "Ana, Bo, Cy and 1 more"),
        (("Ana", "Bo", "Cy", "Di", "Eve"), "Ana, Bo, Cy and 2 more"),
    ],
)
def test_people_are_listed_as_in_a_sentence(names: tuple[str, ...], words: str) -> None:
    assert listed(names, 3) == words


def test_the_buttons_are_frozen() -> None:
    assert [button.value for button in Button] == [
        "approve", "deny", "withdraw", "cancel", "reveal", "details", "open_console",
    ]  # fmt: skip


def a_card(**changes: Any) -> Card:
    fields: dict[str, Any] = dict.fromkeys(
        ("request", "agent", "on_behalf_of", "action", "resource_type", "resource_env", "rule", "rule_words",
         "rule_text", "payload_hash", "preview_hash", "policy_hash", "reason"), "",
    ) | {
        "version": 1, "state": RequestState.PENDING, "owners": (), "preview": PREVIEW, "seats": (), "votes": (),
        "created_at": START, "decide_by": START, "decided_at": None, "assurance": Assurance.CHAT, "grant": None,
        "buttons": (), "deciders": (),
    }  # fmt: skip
    return Card(**(fields | changes))


@pytest.mark.parametrize("state", RequestState)
def test_a_card_says_its_state_in_words(state: RequestState) -> None:
    card = a_card(state=state)

    assert card.verdict == VERDICTS[state]
    assert card.expiry_words == (
        "If nobody decides by then, it expires and nothing runs." if state.is_open else ""
    )
