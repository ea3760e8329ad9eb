"""Seven ways in which tools of this kind have failed, each as one test with the name that THREATS.md section 1.4 gives it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from bot.core.ids import AccountKey
from tests.flows.steps import approved, ask, body, look, redeem, vote
from tests.support.http import ConsoleVisitor, problem
from tests.support.server import ROOT, Site, install, running

SLACK = """
slack:
  team: T0SIGNOFF
  app: A0SIGNOFF
  bot_token: env:SLACK_BOT_TOKEN
  signing_secret: env:SLACK_SIGNING_SECRET
  channels: {"#approvals": C0APPROVALS}
"""


@pytest.mark.parametrize("secret", ["", " ", "short"])
def test_empty_signing_secret_refuses_start(tmp_path: Path, secret: str):
    """T25, I13: the whole process, not only the verifier, refuses; and nothing listens meanwhile."""
    site = install(tmp_path / "signoff")
    file = site.folder / "signoff.yaml"
    file.write_text(file.read_text() + SLACK)
    env = os.environ | {"SLACK_BOT_TOKEN": "xoxb-" + "1" * 20, "SLACK_SIGNING_SECRET": secret}

    ended = subprocess.run(site.command(), env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert ended.returncode != 0
    assert "listens" not in ended.stdout
    assert "signing_secret" in ended.stderr


def test_click_uses_same_authorizer_as_api(site: Site):
    """T03, T04, I3: the same person is refused for the same reason, whichever way they come; the log cannot tell a difference."""
    request = ask(site, on_behalf_of="person:bo")["id"]
    for who, code in (("eve", "separated"), ("bo", "separated"), ("mia", "not-eligible")):
        assert vote(site, who, request).json()["code"] == code
        with ConsoleVisitor(site, who) as clicker:
            assert clicker.vote(request, "approve").status_code in (403, 404)

    rows = site.rows(
        "SELECT leaf FROM audit_leaf WHERE req = ? AND type = 'vote.refused' ORDER BY seq", request
    )
    reasons = [json.loads(leaf[0])["data"]["reason"] for leaf in rows]
    assert reasons == ["separated", "separated", "separated", "separated", "not-eligible", "not-eligible"]


NOBODY = """\
version: 1
groups:
  owners: {members: []}
rules:
  - name: exports
    when: action == "db.export"
    require: [{group: owners}]
"""


@pytest.mark.parametrize("policy", [NOBODY, "", "version: 1\nrules: []\n", "version: 1\n", "{"])
def test_empty_approver_list_means_nobody(tmp_path: Path, policy: str):
    """I13, I9: the server runs, so that people may look and deny, but nothing can be asked into being."""
    site = install(tmp_path / "signoff")
    (site.folder / "policy.yaml").write_text(policy)
    try:
        site.start()
        answer = site.call("bot", "POST", "/v1/requests", body())

        assert answer.json().get("state", "denied") == "denied"
        assert answer.json().get("grant") is None
        assert site.rows("SELECT count(*) FROM grant_") == [(0,)]
        assert site.call(None, "GET", "/readyz").status_code == 503
    finally:
        site.stop()


CLAIMS = [
    "approved",
    "approver",
    "approvers",
    "decision",
    "state",
    "status",
    "policy",
    "rule",
    "risk",
    "skip_mask",
    "surface",
    "quorum",
    "grant",
    "owners",
]


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.parametrize("value", [True, "approved", {"by": "person:ana"}])
def test_body_cannot_claim_approval(site: Site, name: str, value: object):
    """T02: a closed schema at the door; inside the payload the same words are data that people see, and decide nothing."""
    refused = site.call("bot", "POST", "/v1/requests", body() | {name: value})
    asked = body()
    asked["parameters"][name] = value
    inside = site.call("bot", "POST", "/v1/requests", asked)

    assert problem(refused) == (422, "schema")
    assert (inside.json()["state"], inside.json()["grant"]) == ("pending", None)


def test_executed_bytes_equal_approved_bytes(site: Site):
    """I4: what the executor presents is hashed again, in whatever order and spacing; a duplicate key, which parsers read differently, is refused."""
    seen, payload = approved(site)
    token = seen["grant"]["token"]
    headers = {"content-type": "application/json"}
    changed = json.dumps({"token": token, "payload": payload}).replace(
        '"rows": 3', '"rows": 3, "rows": 3000000'
    )
    twice = site.call("bot", "POST", "/v1/grants/redeem", content=changed.encode(), headers=headers)
    more = payload | {"parameters": payload["parameters"] | {"rows": 3_000_000}}
    reordered = {name: payload[name] for name in reversed(payload)}

    assert problem(twice) == (400, "duplicate-key")
    assert problem(redeem(site, token, more)) == (409, "wrong-payload")
    assert redeem(site, token, reordered).json()["payload_hash"] == seen["payload_hash"]


def test_quorum_counts_persons_not_votes(site: Site):
    """I2, T04: four votes by one person, by console, by two tokens and again, are one; the second person decides."""
    request = ask(site)["id"]
    second = {"authorization": f"Bearer {site.second_tokens['ana']}"}
    with ConsoleVisitor(site, "ana") as ana:
        ana.vote(request, "approve")
    for _ in range(2):
        vote(site, "ana", request)
        site.call(None, "POST", f"/v1/requests/{request}/votes", {"choice": "approve"}, headers=second)

    assert look(site, request)["state"] == "pending"
    assert site.rows("SELECT count(*) FROM vote WHERE request = ?", request) == [(1,)]
    assert vote(site, "bo", request).json()["state"] == "approved"


def test_same_email_other_tenant_is_a_stranger():
    """T04, T28: the key of an account is platform, team and id; the same user id, name and e-mail elsewhere is nobody."""
    from adapters.slack.people import FOREIGN, judge
    from bot.config_chat import SlackSettings
    from bot.secret import Secret

    settings = SlackSettings(
        team="T0SIGNOFF",
        app="A0SIGNOFF",
        bot_token=Secret("x" * 20),
        signing_secret=Secret("s" * 32),
        channels={},
    )
    ana = {
        "id": "U0ANA", "team_id": "T0SIGNOFF", "deleted": False, "is_bot": False, "name": "ana",
        "profile": {"email": "ana@example.org"},
    }  # fmt: skip

    assert judge(ana, "U0ANA", settings) == AccountKey("slack:T0SIGNOFF:U0ANA")
    assert judge(ana | {"team_id": "T0OTHER"}, "U0ANA", settings) == FOREIGN
    assert judge(ana | {"id": "U0BO"}, "U0BO", settings) == AccountKey(
        "slack:T0SIGNOFF:U0BO"
    )  # same e-mail, other person


@pytest.mark.parametrize(
    ("grid", "is_known"),
    [
        ({"enterprise_id": "E0OURS", "teams": ["T0SIGNOFF", "T0OTHER"]}, True),
        ({"enterprise_id": "E0OURS"}, True),
        ({"enterprise_id": "E0OURS", "teams": ["T0OTHER"]}, False),
        ({"enterprise_id": "E0OURS", "teams": "T0SIGNOFF"}, False),
        ({"enterprise_id": "E0THEIRS", "teams": ["T0SIGNOFF"]}, False),
        ({}, False),
        (None, False),
        ("E0OURS", False),
    ],
    ids=str,
)
def test_t28_on_enterprise_grid_an_account_of_another_organisation_or_workspace_is_a_stranger(grid, is_known):
    from adapters.slack.people import FOREIGN, judge
    from bot.config_chat import SlackSettings
    from bot.secret import Secret

    settings = SlackSettings(
        team="T0SIGNOFF", app="A0SIGNOFF", bot_token=Secret("x" * 20), signing_secret=Secret("s" * 32), channels={},
        enterprise="E0OURS",
    )  # fmt: skip
    ana = {"id": "U0ANA", "team_id": "T0SIGNOFF", "deleted": False, "is_bot": False, "enterprise_user": grid}

    assert judge(ana, "U0ANA", settings) == (AccountKey("slack:T0SIGNOFF:U0ANA") if is_known else FOREIGN)


def test_the_policy_that_these_tests_spoil_works_unspoilt(tmp_path: Path):
    with running(tmp_path / "signoff") as site:
        assert site.call(None, "GET", "/readyz").status_code == 200
        assert ask(site)["state"] == "pending"
