"""Action, type and env stand on cards and in the log as they are: personal data in them never gets that far (I10, T18)."""

from __future__ import annotations

import pytest

from bot.core.reasons import Reason, Refused
from bot.ports import Page
from tests.support.office import SAMPLE, Desk


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "pay.4111111111111111"},
        {"resource": SAMPLE["resource"] | {"type": "123-45-6789"}},
        {"resource": SAMPLE["resource"] | {"env": "212-555-0143"}},
    ],
    ids=["action", "type", "env"],
)
async def test_i10_data_hidden_in_a_word_is_refused_and_kept_nowhere(desk: Desk, changes):
    answer = await desk.ask(**changes)

    assert isinstance(answer, Refused)
    assert answer.reason is Reason.MASKING_FAILED
    assert await desk.store.read(lambda tx: tx.requests(Page(10))) == []
    assert (await desk.entries())[-1] == "command.refused"


@pytest.mark.parametrize(
    "word", ["prod", "staging-eu-1", "eu-central-1", "dev2", "postgres", "k8s.deployment", "iban"]
)
async def test_ordinary_words_pass(desk: Desk, word):
    answer = await desk.ask(resource={"type": word, "id": "x", "env": word})

    assert not isinstance(answer, Refused)
