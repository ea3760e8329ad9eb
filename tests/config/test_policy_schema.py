"""manifest/policy.schema.json says the same as the loader, as far as a schema can."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest

from bot.core import policy_load
from bot.core.policy_load import PolicyError, load_policy
from bot.core.yaml_strict import read

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "manifest/policy.schema.json").read_text())
CHECK = jsonschema.Draft202012Validator(SCHEMA)

GOOD = """
version: 1
groups: {owners: {members: [person:ana, person:bo]}, leads: {slack_usergroup: S01}}
rules:
  - name: exports
    when: action == "db.export"
    require: [{group: owners, approvals: 2}]
    decide_within: 30m
    grant_valid_for: 5m
    surfaces: [slack:#x, console]
    remind_after: [10m]
    escalate: {after: 20m, to: [group:leads]}
    assurance: console
    preview: {show: [query], reveal: owners}
    cumulative: {amount: "1", within: 24h, above: 3, per: [agent]}
    deny_threshold: 2
    recheck_at_redeem: true
    notify_direct: true
    second_look: 10s
    no_reciprocal_within: 24h
    wants_resolved: true
    standing: {uses_max: 20, valid_max: 7d, same: [resource, parameters]}
  - {name: staged, when: "true", stages: [[{group: owners}], [{group: leads}]]}
  - {name: none, when: "true", deny: true}
  - {name: all, when: "true", allow: true}
denial_memory: 15m
editor_cool_down: 1d
break_glass: {group: owners, reviewers: "group:leads", review_within: 24h, per_week_max: 2}
"""


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_full_language_passes_both():
    load_policy(GOOD)

    assert list(CHECK.iter_errors(read(GOOD).value)) == []


@pytest.mark.parametrize(
    "change",
    [
        ("version: 1", "version: 2"),
        ("version: 1", "version: 1\nextra: 1"),
        ("denial_memory: 15m", "denial_memory: 15 minutes"),
        ("denial_memory: 15m", "denial_memory: 900"),
        ("person:ana", "ana"),
        ("approvals: 2", "approvals: 0"),
        ("approvals: 2", "approvals: 21"),
        ("approvals: 2", "aprovals: 2"),
        ("deny: true", "deny: false"),
        ("deny: true", "deny: true, allow: true"),
        ('- {name: none, when: "true", deny: true}', '- {name: none, when: "true"}'),
        ("slack:#x", "fax:1"),
        ("assurance: console", "assurance: none"),
        ("per: [agent]", "per: [moon]"),
        ("per: [agent]", "per: []"),
        ("above: 3", "above: -1"),
        ("name: exports", "name: ''"),
        ("[[{group: owners}], [{group: leads}]]", "[]"),
        ("[[{group: owners}], [{group: leads}]]", "[[]]"),
        ("recheck_at_redeem: true", "recheck_at_redeem: 1"),
    ],
)  # fmt: skip
def test_what_the_schema_refuses_the_loader_refuses_too(change):
    text = GOOD.replace(*change, 1)
    assert text != GOOD

    assert list(CHECK.iter_errors(read(text).value))
    with pytest.raises(PolicyError):
        load_policy(text)


@pytest.mark.parametrize(
    ("at", "struct"),
    [
        (SCHEMA, policy_load.PolicyIn),
        (SCHEMA["$defs"]["group"], policy_load.GroupIn),
        (SCHEMA["$defs"]["seat"], policy_load.SeatIn),
        (SCHEMA["$defs"]["rule"], policy_load.RuleIn),
        (SCHEMA["$defs"]["rule"]["properties"]["escalate"], policy_load.EscalateIn),
        (SCHEMA["$defs"]["rule"]["properties"]["preview"], policy_load.PreviewIn),
        (SCHEMA["$defs"]["rule"]["properties"]["cumulative"], policy_load.CumulativeIn),
    ],
)
def test_both_know_the_same_words(at, struct):
    fields = msgspec.structs.fields(struct)

    assert set(at["properties"]) == {field.name for field in fields}
    assert set(at.get("required", ())) == {field.name for field in fields if field.required}
    assert at["additionalProperties"] is False
