"""The evidence report in the console and as files, and the banner of alarms: what each says, to whom, and that it is journalled."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from adapters.stores.sqlite import SqliteStore
from audit import report as reports
from audit import report_pdf
from audit.chain import b64u
from audit.checkpoint import open_checkpoint
from audit.controls import FRAMEWORKS
from audit.merkle import verify_inclusion
from audit.reader import Reader
from bot.alerts import Alert
from bot.core.ids import RequestId
from bot.core.request import Choice
from tests.audit.logs import T0, filled, verifier
from tests.support.clock import START, ManualClock
from tests.support.console import House, open_house
from tests.support.keys import journal
from tests.support.office import close_desk, library_on
from tests.support.rand import SeededRand

PERIOD = f"from={START:%Y-%m-%d}&to={START:%Y-%m-%d}"
ALARM = Alert(
    "gap", "begin 7", "entry 7: a grant <b>began</b> and no end is recorded", RequestId("req_" + "0" * 26)
)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = ManualClock()
    store = SqliteStore(tmp_path / "signoff.sqlite3", clock, journal(SeededRand(3)))
    made = await open_house(
        tmp_path, store=lambda _: store, library=library_on(store), alarms=lambda: (ALARM,)
    )
    asked = await made.desk.ask()
    await made.desk.service.vote(asked.request.id, made.desk.actor("ana"), Choice.APPROVE)
    await made.desk.service.vote(asked.request.id, made.desk.actor("bo"), Choice.APPROVE)
    yield made
    await close_desk(made.desk)


async def newest(house: House) -> str:
    return (await house.desk.store.read(lambda tx: tx.audit_row(tx.audit_head()[0] - 1))).type


async def size(house: House) -> int:
    return (await house.desk.store.read(lambda tx: tx.audit_head()))[0]


@pytest.mark.parametrize("framework", sorted(FRAMEWORKS))
async def test_the_page_says_what_is_evidence_and_never_that_a_control_is_met(house: House, framework: str):
    sam = await house.signed_in("sam")

    text = (await sam.get(f"/audit/report?framework={framework}&{PERIOD}&seed=7")).text

    assert "<strong>evidence</strong>" in text
    assert not re.search(r"\bcompl(iant|ies|y with)\b|certif", text, re.I)
    assert "every number in the range is present once" in text
    assert "the 1 requests with the smallest SHA-256" in text
    assert "c2sp.org/tlog-proof@v1" in text
    for control in {c.id for controls in FRAMEWORKS[framework].controls.values() for c in controls}:
        assert f"<b>{control}</b>" in text.replace("&#39;", "'")
    assert await newest(house) == "audit.exported"


async def test_opening_the_form_reads_nothing_and_writes_nothing(house: House):
    sam = await house.signed_in("sam")
    before = await size(house)

    assert 'name="framework"' in (await sam.get("/audit/report")).text
    assert await size(house) == before


async def test_t35_the_report_is_for_auditors_and_administrators(house: House):
    ana, root = await house.signed_in("ana"), await house.signed_in("root")

    assert (await ana.get(f"/audit/report?framework=soc2&{PERIOD}")).status_code == 404
    assert (await ana.get("/audit/report")).status_code == 404
    assert (await root.get(f"/audit/report?framework=soc2&{PERIOD}")).status_code == 200


@pytest.mark.parametrize(
    "query", ["framework=sox&" + PERIOD, "framework=soc2&from=2026-12-01&to=2026-11-01", "framework=soc2&from=x&to=y"]
)  # fmt: skip
async def test_what_is_no_period_or_framework_is_told_so(house: House, query: str):
    sam = await house.signed_in("sam")
    before = await size(house)

    answer = await sam.get(f"/audit/report?{query}")

    assert answer.status_code == 400
    assert "Choose a framework" in answer.text
    assert await size(house) == before


async def test_the_files_hold_the_report_of_the_page(house: House):
    sam = await house.signed_in("sam")
    page = (await sam.get(f"/audit/report?framework=soc2&{PERIOD}&seed=7")).text
    links = [url.replace("&amp;", "&") for url in re.findall(r'href="(/audit/evidence\?[^"]+)"', page)]

    assert len(links) == (2 if report_pdf.is_available() else 1)
    whole = await sam.get(links[0])
    assert "Evidence report" in whole.text
    assert "Seed <code>7</code>" in whole.text
    assert whole.headers["content-disposition"].endswith('.html"')
    if report_pdf.is_available():
        printed = await sam.get(links[1])
        assert printed.content.startswith(b"%PDF-")
        assert printed.headers["content-type"] == "application/pdf"
    assert (await sam.get(links[0] + "x&as=docx")).status_code == 404


async def test_alarms_stand_on_every_page_for_those_who_look_after_the_log(house: House):
    sam, ana = await house.signed_in("sam"), await house.signed_in("ana")

    inbox, audit = (await sam.get("/")).text, (await sam.get("/audit")).text

    assert "1 alarm about the audit log" in inbox
    assert "a grant &lt;b&gt;began&lt;/b&gt; and no end" in inbox
    assert 'id="alarms"' in audit
    assert f"/requests/{ALARM.request}" in audit
    assert "alarm" not in (await ana.get("/")).text


# --- the PDF itself


def made(seed: str = "42") -> reports.Report:
    log = filled(requests=40)
    return reports.make(Reader(log), "soc2", T0 - timedelta(days=1), T0 + timedelta(days=30), seed, 10)


def test_a_pdf_is_the_same_bytes_for_the_same_report_and_others_for_another():
    pytest.importorskip("reportlab", reason="the extra reports is not installed")

    assert report_pdf.pdf(made()) == report_pdf.pdf(made())
    assert report_pdf.pdf(made()) != report_pdf.pdf(made("43"))


def text_of(report: reports.Report) -> str:
    """What stands in the PDF, a line of it after another."""
    from reportlab import rl_config

    before, rl_config.pageCompression = rl_config.pageCompression, 0
    try:
        raw = report_pdf.pdf(report)
    finally:
        rl_config.pageCompression = before
    return " ".join(re.findall(r"\((.*?)(?<!\\)\) Tj", raw.decode("latin-1")))


def test_each_sample_in_a_pdf_can_be_checked_from_the_paper_alone():
    pytest.importorskip("reportlab", reason="the extra reports is not installed")
    report = made()
    words = text_of(report).split()

    head = open_checkpoint(report.note, [verifier()], report.origin)
    assert b64encode(head.root).decode() in words
    for sample in report.samples:
        hashed = next(w for w in words if w == b64u(sample.leaf_hash))
        path = [b64encode(h).decode() for h in sample.path]
        at = words.index(path[0])
        assert words[at : at + len(path)] == path
        leaf, steps = urlsafe_b64decode(hashed + "="), [b64decode(w) for w in words[at : at + len(path)]]
        assert verify_inclusion(leaf, sample.seq, head.size, steps, head.root)


def test_a_pdf_says_what_the_page_says():
    pytest.importorskip("reportlab", reason="the extra reports is not installed")

    text = text_of(made())
    for words in (
        "Evidence report",
        "judgement that this report does not make",
        "CC6.1",
        "320",
        "None in the period.",
        "p_ana",
    ):
        assert words in text, words
    assert "ompliant" not in text
