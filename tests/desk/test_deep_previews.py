"""People may be shown less than the rules saw; the rules see what the fast tier found, whatever a slow reader adds in its time."""

from __future__ import annotations

from typing import Any

from bot.core.request import RequestState
from masking import Engine, MaskedDocument, Span
from tests.support.office import POLICY, Desk

SECRETIVE = "zorp"
"""A word that no recognizer knows; the slow reader takes it for a name."""


def _reader(text: str) -> list[Span]:
    at = text.find(SECRETIVE)
    return [] if at < 0 else [Span(at, at + len(SECRETIVE), "PERSON", 0.9, "deep")]


class Reading:
    """The desk's own worker, and a slow reader for previews that counts how often it is asked."""

    def __init__(self, worker: Any) -> None:
        self._worker, self._engine, self.asked = worker, Engine(deep=_reader), 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._worker, name)

    async def preview(self, value: Any, fast: MaskedDocument) -> MaskedDocument:
        self.asked += 1
        return self._engine.mask_json(value)


def reading(desk: Desk) -> Reading:
    desk.office.masker = reader = Reading(desk.office.masker)  # type: ignore[assignment]
    return reader


async def test_i10_a_card_hides_what_the_slow_reader_added_and_the_rules_do_not_see_it(desk: Desk) -> None:
    reading(desk)

    asked = await desk.asked(parameters={"query": "SELECT 1", "alias": SECRETIVE})
    card = await desk.service.card(asked.request.id, desk.actor("ana"))

    shown = {leaf.label.text: leaf.value.text for leaf in card.preview.leaves}
    assert SECRETIVE not in str(shown)
    assert "[PERSON_1]" in shown.values()
    assert "person" not in [name for name, _ in asked.request.classes]


async def test_what_the_slow_reader_says_of_an_action_refuses_nothing(desk: Desk) -> None:
    reading(desk)

    asked = await desk.asked(resource={"type": "postgres", "id": SECRETIVE, "env": "prod"})

    assert asked.request.state is RequestState.PENDING


async def test_a_request_that_no_person_will_see_does_not_wait_for_the_slow_reader(desk: Desk) -> None:
    reader = reading(desk)

    await desk.ask(action="db.wipe")
    assert reader.asked == 0
    await desk.asked()
    assert reader.asked == 1


async def test_what_the_slow_reader_hid_is_revealed_to_the_entitled_as_it_was(desk: Desk) -> None:
    reading(desk)
    asked = await desk.asked(parameters={"alias": SECRETIVE})
    card = await desk.service.card(asked.request.id, desk.actor("ana"))
    leaf = next(leaf.index for leaf in card.preview.leaves if leaf.value.text == "[PERSON_1]")

    revealed = await desk.service.reveal(asked.request.id, desk.actor("ana"), leaf, "to judge")

    assert revealed.value == SECRETIVE  # type: ignore[union-attr]


class PolicyInBetween(Reading):
    """While it reads for the first time, another policy comes in force: exports are forbidden."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk.office.masker)
        self._desk = desk

    async def preview(self, value: Any, fast: MaskedDocument) -> MaskedDocument:
        if not self.asked:
            await self._desk.service.apply_policy(
                POLICY.replace('"db.wipe"', '"db.wipe" || true', 1).replace(EXPORTS, "")
            )
        return await super().preview(value, fast)


EXPORTS = POLICY[POLICY.index("  - name: exports") : POLICY.index("  - name: one owner")]


async def test_i13_a_policy_that_came_in_force_while_a_preview_was_read_judges_the_request(
    desk: Desk,
) -> None:
    desk.office.masker = reader = PolicyInBetween(desk)  # type: ignore[assignment]

    asked = await desk.asked(parameters={"alias": SECRETIVE})

    assert (asked.request.state, asked.request.rule) == (RequestState.DENIED, "forbidden")
    assert asked.request.policy_hash == desk.office.book.policy.hash
    assert (reader.asked, SECRETIVE in asked.request.document) == (1, False)
