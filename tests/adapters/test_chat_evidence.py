"""``/audit prove | export | gaps | report`` and the freeze from chat, over SQLite (T35, I7; AUDIT.md 3)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from audit import cli as log
from bot.chat import commands
from bot.chat.commands import Command, Mistake, parse
from bot.core.ids import PersonId
from bot.core.people import Role
from bot.ports import AuditFilter, AuditRow
from tests.support.chat_world import TEAMS_CHANNEL, make_world
from tests.support.fake_connector import FakeConnector
from tests.support.fake_slack import FakeSlack
from tests.support.keys import ORIGIN, journal
from tests.support.markup import teams_words
from tests.support.rand import SeededRand
from tests.support.slack_harness import Harness, harness
from tests.support.teams_harness import TeamsHarness, teams_harness


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[Harness]:
    world = await make_world(tmp_path, database=True)
    async with FakeSlack(world.clock) as fake, harness(world, fake) as made:
        yield made
    await world.store.close()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
async def teams(tmp_path: Path, key: rsa.RSAPrivateKey) -> AsyncIterator[TeamsHarness]:
    world = await make_world(tmp_path, database=True)
    async with FakeConnector(world.clock, key) as fake, teams_harness(world, fake) as made:
        yield made
    await world.store.close()


async def last(slack: Harness | TeamsHarness) -> AuditRow:
    rows = await slack.world.store.read(lambda tx: tx.audit_rows(AuditFilter(limit=1)))
    return rows[0]


def proof_in(message: dict[str, object]) -> str:
    block = next(
        element
        for b in message["blocks"]  # type: ignore[attr-defined]
        if b["type"] == "rich_text"
        for element in b["elements"]
        if element["type"] == "rich_text_preformatted"
    )
    return "".join(part["text"] for part in block["elements"]) + "\n"


async def test_an_auditor_gets_a_proof_that_an_outsider_can_check_and_asking_is_in_the_log(
    slack: Harness,
) -> None:
    await slack.world.ask()

    await slack.type("aud", "/audit", "prove 3")

    vkey = journal(SeededRand(7)).signer.vkey
    entry, checkpoint = log.check_proof(proof_in(slack.fake.responses[-1]), vkey)
    assert (entry.seq, checkpoint.origin) == (3, ORIGIN)
    assert "it holds" in slack.answered
    assert slack.fake.responses[-1]["response_type"] == "ephemeral"
    row = await last(slack)
    data = json.loads(row.leaf)["data"]
    assert (row.type, data["command"], data["first"], data["last"]) == ("audit.exported", "prove", 3, 3)


async def test_t35_missing_and_forbidden_look_alike_and_both_are_journalled(slack: Harness) -> None:
    await slack.type("aud", "/audit", "prove 999999")
    missing = slack.fake.responses[-1]["blocks"]
    assert (await last(slack)).type == "command.refused"

    await slack.type("ana", "/audit", "prove 3")

    assert slack.fake.responses[-1]["blocks"] == missing
    assert (await last(slack)).type == "command.refused"


@pytest.mark.parametrize("words", ["export 0 5 jsonl", "gaps", "report soc2"])
async def test_t35_nobody_but_auditors_and_administrators_gets_evidence(slack: Harness, words: str) -> None:
    await slack.type("ana", "/audit", words)

    assert "or you may not see it" in slack.answered
    assert slack.fake.files == {}
    assert (await last(slack)).type == "command.refused"


async def test_an_export_is_a_file_for_the_one_who_asked_alone_and_holds_the_exact_leaves(
    slack: Harness,
) -> None:
    await slack.world.ask()

    await slack.type("aud", "/audit", "export 2 6 jsonl")

    ((channel, name, content),) = slack.fake.files.values()
    rows = await slack.world.store.read(lambda tx: tx.audit_rows(AuditFilter(before=7, limit=5)))
    assert content == b"".join(row.leaf + b"\n" for row in reversed(rows))
    assert (channel, name) == ("D0AUD", "audit-2-6.jsonl")
    assert "it holds" in slack.answered
    assert "5 (2 to 6)" in slack.answered
    data = json.loads((await last(slack)).leaf)["data"]
    assert (data["first"], data["last"], data["size"], data["format"]) == (2, 6, 5, "jsonl")


@pytest.mark.parametrize("form", commands.FORMS)
async def test_each_format_of_the_grammar_can_be_exported(slack: Harness, form: str) -> None:
    await slack.type("aud", "/audit", f"export 0 4 {form}")

    ((_, name, content),) = slack.fake.files.values()
    assert content.count(b"\n") == (6 if form == "csv" else 5)
    assert name.startswith("audit-0-4.")


async def test_an_export_of_days_ends_with_the_end_of_the_last_day(slack: Harness) -> None:
    today = f"{slack.world.clock.now():%Y-%m-%d}"

    await slack.type("aud", "/audit", f"export {today} {today} jsonl")

    ((_, _, content),) = slack.fake.files.values()
    size, _ = await slack.world.store.read(lambda tx: tx.audit_head())
    assert content.count(b"\n") == size - 1  # all but the entry about this export


async def test_a_changed_leaf_is_said_in_the_answer(slack: Harness) -> None:
    import sqlite3
    from contextlib import closing

    await slack.world.ask()
    await slack.world.store.close()
    with closing(sqlite3.connect(slack.world.store.path)) as raw:  # type: ignore[union-attr]
        for (trigger,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {trigger}")
        raw.execute(
            "UPDATE audit_leaf SET leaf = CAST(replace(CAST(leaf AS TEXT), 'system', 'sistem') AS BLOB) WHERE seq = 3"
        )
        raw.commit()
    await slack.world.store.open()

    await slack.type("aud", "/audit", "export 0 6 jsonl")

    assert "IT DOES NOT HOLD" in slack.answered
    assert "at entry 3" in slack.answered


async def test_when_slack_takes_no_file_the_answer_says_where_to_get_it(slack: Harness) -> None:
    slack.fake.scopes.discard("files:write")

    await slack.type("aud", "/audit", "export 0 4 csv")

    assert slack.fake.files == {}
    assert "files:write" in slack.answered


async def test_t34_a_file_is_never_sent_to_an_address_that_is_not_slacks(slack: Harness) -> None:
    slack.fake.upload_host = slack.fake.host.replace("127.0.0.1", "localhost")

    await slack.type("aud", "/audit", "export 0 4 csv")

    assert slack.fake.files == {}
    assert all(content is None for _, _, content in slack.fake._uploads.values())
    assert "did not arrive" in slack.answered


async def test_gaps_name_a_try_at_self_approval(slack: Harness) -> None:
    await slack.world.ask()
    await slack.settle()
    await slack.click("maria", "approve")

    await slack.type("aud", "/audit", "gaps")

    assert "self-approval" in slack.answered
    row = await last(slack)
    assert (row.type, json.loads(row.leaf)["data"]["query"]) == ("audit.queried", "gaps")


async def test_a_report_is_a_page_about_the_last_ninety_days(slack: Harness) -> None:
    await slack.world.ask()

    await slack.type("aud", "/audit", "report soc2")

    ((channel, name, content),) = slack.fake.files.values()
    assert channel == "D0AUD"
    assert name.startswith("report-soc2-")
    assert b"SOC 2" in content


async def test_report_alone_lists_the_frameworks(slack: Harness) -> None:
    await slack.type("aud", "/audit", "report")

    assert "soc2" in slack.answered


async def test_every_page_of_entries_says_how_the_log_stands(slack: Harness) -> None:
    await slack.type("aud", "/audit", "recent")

    assert "signed up to" in slack.answered


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("prof 3", "Did you mean /audit prove?"),
        ("exprt 1 2 csv", "Did you mean /audit export?"),
        ("gap", "Did you mean /audit gaps?"),
        ("export 1 2 jsnl", "Did you mean jsonl?"),
        ("export 1 2026-01-01 csv", "not how this command is written"),
        ("prove x", "not how this command is written"),
        ("prove -1", "not how this command is written"),
        ("report soc2 2026-01-01", "not how this command is written"),
    ],
)
def test_a_typo_is_answered_with_what_was_meant(typed: str, said: str) -> None:
    answer = parse("audit", typed)

    assert isinstance(answer, Mistake)
    assert said in answer.sentence


@pytest.mark.parametrize(("family", "name"), [(f, n) for f, specs in commands.SPECS.items() for n in specs])
def test_every_command_has_a_help_and_an_example_that_parses(family: str, name: str) -> None:
    spec = commands.SPECS[family][name]

    assert parse(family, f"{name} --help") == Command(family, "help", (name,)) or name == "help"
    assert isinstance(parse(family, spec.example), Command)


async def test_in_teams_an_export_is_a_way_to_the_console_and_a_proof_is_text(teams: TeamsHarness) -> None:
    await teams.world.desk.add_person(None, PersonId("person:aud"), "Aud", frozenset({Role.AUDITOR}))
    for words in ("audit export 2 6 jsonl", "audit prove 3"):
        activity = teams.fake.activity("aud", text=f"<at>Signoff</at> {words}")
        assert (await teams.fake.post(teams.client, activity)).status_code == 202
        await teams.app.tasks.drain()

    export, proof = list(teams.fake.cards["a:29:aud"].values())[-2:]
    link = next(a for b in export["body"] for i in b.get("items", []) for a in i.get("actions", []))
    assert link["url"] == "https://signoff.test/audit/evidence?what=export&from=2&to=6&format=jsonl"
    assert "c2sp.org/tlog-proof@v1" in teams_words(proof)
    assert TEAMS_CHANNEL not in teams.fake.cards


async def test_an_administrator_freezes_from_chat_but_lifts_it_in_the_console_alone(slack: Harness) -> None:
    await slack.world.desk.add_person(None, PersonId("person:cy"), "Cy", frozenset({Role.ADMIN}))

    await slack.type("cy", "/signoff", "freeze key leaked")
    frozen = await slack.world.desk.frozen()
    await slack.type("cy", "/signoff", "unfreeze")

    assert frozen is not None
    assert await slack.world.desk.frozen() is not None
    assert "https://signoff.test/freeze" in slack.answered
    assert (await last(slack)).type == "command.refused"


async def test_nobody_but_an_administrator_freezes(slack: Harness) -> None:
    await slack.type("ana", "/signoff", "freeze because")

    assert await slack.world.desk.frozen() is None
    assert "Only an administrator" in slack.answered
