import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import jsonschema
import pytest

from audit.canonical import decode
from audit.chain import GENESIS, b64u, leaf_hash, unb64u
from audit.entry import (
    Actor,
    Draft,
    EntryInvalid,
    EntryType,
    Outcome,
    Policy,
    Private,
    Sealed,
    Source,
    Tool,
    disclose,
    seal,
    ts_text,
)
from audit.fields import FIELDS, INT_MAX, LIST_MAX, SUFFIXES, Shape, fault_of, field_of
from audit.formats import CSV_COLUMNS, FORMATS, csv_header, entry_of, safe_cell
from audit.kinds import CODE_OF, KIND_OF, KINDS
from audit.schema import schema
from tests.audit.every import every_type
from tests.audit.logs import AGENT, HASH, ORIGIN, POLICY, SYSTEM, Rand, at

VECTORS = Path(__file__).parent / "vectors"
ROOT = Path(__file__).parents[2]


def sealed(draft: Draft, seq: int = 0, prev: bytes = GENESIS, last_ts_us: int = 0, **kw: object) -> Sealed:
    return seal(
        draft,
        seq=seq,
        prev=prev,
        last_ts_us=last_ts_us,
        origin=ORIGIN,
        source=Source(),
        rand=Rand(b"v"),
        **kw,
    )  # type: ignore[arg-type]


def all_sealed() -> list[Sealed]:
    out: list[Sealed] = []
    prev = GENESIS
    for n, draft in enumerate(every_type()):
        out.append(sealed(draft, n, prev))
        prev = out[-1].leaf_hash
    return out


def reminder(**kw: object) -> Draft:
    return replace(Draft(EntryType.REMINDER_SENT, "e-1", Outcome.SUCCESS, SYSTEM, at(0)), **kw)  # type: ignore[arg-type]


def test_the_bytes_of_every_entry_type_are_frozen():
    """These bytes are hashed and signed in logs that exist. If this fails, the layout needs a new VERSION."""
    frozen = (VECTORS / "leaves.jsonl").read_bytes()

    assert b"".join(s.leaf + b"\n" for s in all_sealed()) == frozen


def test_the_hashes_of_every_entry_type_are_frozen():
    assert [s.leaf_hash.hex() for s in all_sealed()] == (VECTORS / "hashes.txt").read_text().split()


def test_the_frozen_leaves_are_a_chain_in_canonical_form_that_the_schema_accepts():
    check = jsonschema.Draft202012Validator(json.loads((ROOT / "manifest/entry.schema.json").read_text()))
    prev = GENESIS

    for leaf in (VECTORS / "leaves.jsonl").read_bytes().splitlines():
        body = decode(leaf)
        check.validate(body)
        assert body["prev"] == b64u(prev)
        prev = leaf_hash(leaf)


def test_the_published_schema_is_the_one_the_code_has():
    assert json.loads((ROOT / "manifest/entry.schema.json").read_text()) == schema()


def test_the_schema_refuses_free_text_and_unknown_facts():
    check = jsonschema.Draft202012Validator(schema())
    body = decode(sealed(reminder(data={"surface": "console"})).leaf)
    check.validate(body)

    for name, value in (("surface", "free text here"), ("note", "x"), ("spans", 1.5)):
        with pytest.raises(jsonschema.ValidationError):
            check.validate({**body, "data": {name: value}})


def test_codes_and_tags_are_unique_and_frozen():
    assert len(KINDS) == len(EntryType) == len(KIND_OF) == len(CODE_OF)
    assert len({k.tag for k in KINDS}) == len({k.code for k in KINDS}) == len(KINDS)
    table = "".join(f"{k.tag} {k.code} {k.type.value}\n" for k in KINDS)
    assert table == (VECTORS / "kinds.txt").read_text()


@pytest.mark.parametrize(
    "draft",
    [
        reminder(id="has space"),
        reminder(id=""),
        reminder(actor=Actor("human", "maria@acme.example")),
        reminder(actor=Actor("human", "Maria Muster")),
        reminder(actor=Actor("robot", "x")),  # type: ignore[arg-type]
        reminder(actor=Actor("human", "p", "Free Text")),
        reminder(ts=datetime(2026, 1, 1)),
        reminder(request="r 1"),
        reminder(type=EntryType.REVEAL_VIEWED),
        reminder(policy=Policy("exports of personal data", 1, HASH)),
        reminder(policy=Policy("p", 1, "short")),
        reminder(policy=Policy("p", -1, HASH)),
        reminder(policy=Policy("p", True, HASH)),
        reminder(tool=Tool("rm -rf /", "high")),
        reminder(data={"unknown": 1}),
        reminder(data={"comment": "looks good"}),
        reminder(data={"surface": "Looks good to me"}),
        reminder(data={"spans": 1.0}),
        reminder(data={"spans": True}),
        reminder(data={"spans": 2**53}),
        reminder(data={"complete": 1}),
        reminder(data={"votes": (1, 2)}),
        reminder(data={"votes": [1, "2"]}),
        reminder(data={"votes": [0] * (LIST_MAX + 1)}),
        reminder(data={"groups": ["ok", "not ok"]}),
        reminder(data={"_hash": HASH}),
        reminder(data={"X_hash": HASH}),
        reminder(type=EntryType.POLICY_CHANGED),
        reminder(private=(Private("maria", "who", "x"),)),
        reminder(private=(Private("person:p", "Who", "x"),)),
        reminder(private=(Private("person:p", "who", "x"), Private("person:p", "who", "y"))),
        reminder(private=(Private("person:p", "who", "x" * 1_048_577),)),
        reminder(private=(Private("person:p", "who", [object()]),)),
    ],
)
def test_what_may_not_stand_in_the_log_is_refused(draft: Draft):
    with pytest.raises(EntryInvalid):
        sealed(draft)


def test_the_error_never_repeats_the_text_that_was_refused():
    with pytest.raises(EntryInvalid) as e:
        sealed(reminder(data={"surface": "secret canary"}))

    assert "canary" not in str(e.value)


def test_none_means_absent_and_is_not_written():
    assert sealed(reminder(data={"surface": None})).leaf == sealed(reminder()).leaf


def test_a_leaf_of_65535_bytes_is_the_largest():
    def with_lists(n: int, last: int) -> Draft:
        lists = {f"x{i}_ids": ["a" * 120] * LIST_MAX for i in range(n)}
        return reminder(data={**lists, "y_ids": ["b" * 100] * last})

    assert len(sealed(with_lists(0, 500)).leaf) < 65_535
    with pytest.raises(EntryInvalid, match="at most 65535"):
        sealed(with_lists(1, 100))


@pytest.mark.parametrize(
    "kw",
    [
        {"seq": -1},
        {"prev": b"short"},
        {"tenant": "Acme Inc"},
        {"source": Source("r 1")},
        {"origin": "Not An Origin"},
    ],
)
def test_a_place_that_is_no_place_is_refused(kw: dict[str, object]):
    place: dict[str, object] = {
        "seq": 0,
        "prev": GENESIS,
        "last_ts_us": 0,
        "origin": ORIGIN,
        "source": Source(),
        "rand": Rand(b"v"),
    } | kw

    with pytest.raises(EntryInvalid):
        seal(reminder(), **place)  # type: ignore[arg-type]


def test_tenant_policy_tool_and_request_are_written_when_given():
    body = decode(
        sealed(reminder(policy=POLICY, tool=Tool("db.export", "high"), request="r-1"), tenant="acme").leaf
    )

    assert (body["tenant"], body["req"]) == ("acme", "r-1")
    assert body["pol"] == {"hash": HASH, "id": "prod-2of3", "rev": 17}
    assert body["tool"] == {"id": "db.export", "risk": "high"}


def test_a_salt_of_another_length_is_refused():
    with pytest.raises(EntryInvalid):
        disclose(Private("person:p", "who", "x"), b"short")


def test_every_suffix_and_field_has_a_form_that_refuses_a_sentence():
    for name in [*FIELDS, *("x" + s for s in SUFFIXES)]:
        assert fault_of(name, "two words") is not None, name
        assert fault_of(name, ["two words"]) is not None, name
        assert fault_of(name, "maria@acme.example") is not None, name
        field = field_of(name)
        assert field is not None
        assert (field.form is not None) == (field.shape in (Shape.TEXT, Shape.TEXTS))


def test_the_largest_integer_is_kept_exactly():
    assert str(INT_MAX).encode() in sealed(reminder(data={"spans": INT_MAX})).leaf


def test_base64url_is_read_only_in_the_form_it_is_written():
    assert unb64u(b64u(b"\xff\xfe\xfd")) == b"\xff\xfe\xfd"
    for bad in ("_-x=", "AB", "A"):
        with pytest.raises(ValueError):
            unb64u(bad)


def test_times_before_1970_and_the_last_microsecond_are_written_as_they_are():
    assert ts_text(-1) == "1969-12-31T23:59:59.999999Z"
    assert ts_text(1_795_460_136_123_456) == "2026-11-23T18:55:36.123456Z"


def test_every_entry_type_can_be_written_in_every_format_and_carries_seq_and_hash():
    for s in all_sealed():
        entry = entry_of(s.seq, s.leaf)
        for name, render in FORMATS.items():
            data = render(entry)
            assert data.count(b"\n") == 1, name
            if name == "jsonl":
                assert data == s.leaf + b"\n"
            else:
                assert b64u(s.leaf_hash).encode() in data, (name, entry.type)


def test_agents_and_systems_are_told_apart_in_ocsf():
    event = json.loads(FORMATS["ocsf"](entry_of(0, sealed(reminder()).leaf)))
    agent = json.loads(FORMATS["ocsf"](entry_of(0, sealed(reminder(actor=AGENT)).leaf)))

    assert event["actor"]["user"]["type_id"] != agent["actor"]["user"]["type_id"]


def test_ocsf_says_what_kind_of_thing_was_changed():
    found = {}
    for s in all_sealed():
        event = json.loads(FORMATS["ocsf"](entry_of(s.seq, s.leaf)))
        if "entity" in event:
            found[event["unmapped"]["type"]] = event["entity"]

    assert (found["policy.changed"]["type_id"], found["identity.changed"]["type_id"]) == (5, 2)
    assert (found["agent.changed"]["type"], found["vote.cast"]["type"]) == ("agent", "approval request")
    assert found["freeze.set"]["type"] == "service"


def test_a_cef_label_stands_only_beside_its_value():
    without, about = (
        FORMATS["cef"](entry_of(0, sealed(reminder(**kw)).leaf)) for kw in ({}, {"request": "r-1"})
    )

    assert b"cs2" not in without
    assert b"cs2Label=request cs2=r-1" in about


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_t24_a_cell_that_a_spreadsheet_would_run_is_disarmed(cell: str):
    assert safe_cell(cell) == "'" + cell
    assert safe_cell("x" + cell) == "x" + cell
    assert safe_cell("") == ""


def test_the_csv_header_names_every_column():
    row = FORMATS["csv"](entry_of(0, sealed(reminder()).leaf)).decode()

    assert csv_header().strip().split(",") == list(CSV_COLUMNS)
    assert row.count(",") >= len(CSV_COLUMNS) - 1
