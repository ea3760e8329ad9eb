"""An evidence report over a period: what the log shows, and for which controls that is evidence.

Population with its completeness proven, a sample drawn by a published seed with a proof for
each, the exceptions, and how approvers behaved. The word is "evidences": whether a control is
met is for the auditor to say. Reads the leaves once, in order; renders to HTML that needs
nothing from outside (plots are inline SVG).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from html import escape
from typing import Any, Final

from audit.canonical import decode
from audit.chain import b64u, leaf_hash
from audit.checkpoint import parse_checkpoint, split_note
from audit.controls import FRAMEWORKS, TOPICS, Framework
from audit.entry import ts_text, ts_us
from audit.exceptions import Exceptional, Exceptions
from audit.query import first_at_or_after
from audit.reader import Reader
from audit.walk import us_of

FAST_US: Final = 2_000_000
"""A decision in under two seconds after the request appeared was hardly read."""

SAMPLE_MAX: Final = 200
LISTED_MAX: Final = 500


@dataclass(slots=True)
class Approver:
    """One person's votes in the period (by pseudonym)."""

    approved: int = 0
    denied: int = 0
    fast: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def median_seconds(self) -> float:
        times = sorted(self.seconds)
        return times[len(times) // 2] if times else 0.0

    @property
    def median_text(self) -> str:
        """To a tenth where a second matters."""
        return f"{self.median_seconds:.1f} s" if self.median_seconds < 10 else f"{self.median_seconds:.0f} s"


@dataclass(frozen=True, slots=True)
class Sample:
    """*proof* is the C2SP tlog-proof file, the entry in it; *path* the hashes in it, from the entry's sibling up."""

    seq: int
    request: str
    proof: str
    leaf_hash: bytes = b""
    path: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Report:
    framework: Framework
    origin: str
    since: str
    until: str
    first: int
    last: int
    note: str
    seed: str
    counts: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    whole: bool = True
    samples: list[Sample] = field(default_factory=list)
    exceptions: list[Exceptional] = field(default_factory=list)
    approvers: dict[str, Approver] = field(default_factory=dict)
    by_day: Counter[str] = field(default_factory=Counter)

    @property
    def head_size(self) -> int:
        return parse_checkpoint(split_note(self.note)[0]).size


@dataclass(slots=True)
class _Seen:
    """What the scan remembers between entries."""

    asked: dict[str, int] = field(default_factory=dict)
    created: list[tuple[int, str]] = field(default_factory=list)
    begun: dict[str, tuple[int, str]] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    """Requests whose break-glass was not reviewed yet, with the entry."""
    exceptions: Exceptions = field(default_factory=Exceptions)


def make(
    reader: Reader, framework: str, since: datetime, until: datetime, seed: str, sample_size: int = 25
) -> Report:
    """The report of *framework* (a key of ``FRAMEWORKS``) over entries from *since* to before *until*."""
    first = first_at_or_after(reader.connection, ts_us(since))
    end = first_at_or_after(reader.connection, ts_us(until))
    note = reader.latest_note(end)[1]
    report = Report(
        FRAMEWORKS[framework],
        parse_checkpoint(split_note(note)[0]).origin,
        ts_text(ts_us(since)),
        ts_text(ts_us(until)),
        first,
        end - 1,
        note,
        seed,
    )
    seen, expected = _Seen(), first
    before = ""
    for seq, leaf, stored in reader.leaves(first, end):
        entry, hashed = decode(leaf), leaf_hash(leaf)
        linked = not before or entry.get("prev") == before
        report.whole &= seq == expected and hashed == stored and linked
        expected, before = seq + 1, b64u(hashed)
        _take(report, seen, seq, entry)
    report.whole &= expected == end
    report.requests = len(seen.created)
    for jti, (seq, request) in seen.begun.items():
        report.exceptions.append(
            Exceptional(
                "begin without end",
                seq,
                request,
                f"use of grant {jti} began and no end is recorded in the period",
            )
        )
    for request, seq in seen.broken.items():
        report.exceptions.append(
            Exceptional("break-glass unreviewed", seq, request, "no review is recorded in the period")
        )
    report.exceptions.sort(key=lambda e: e.seq)
    for seq, request in draw(seen.created, seed, min(sample_size, SAMPLE_MAX)):
        proof = reader.proof(seq)
        report.samples.append(Sample(seq, request, proof.text, leaf_hash(proof.extra or b""), proof.hashes))
    return report


def draw(population: Sequence[tuple[int, str]], seed: str, size: int) -> list[tuple[int, str]]:
    """The *size* members with the smallest SHA-256(seed|seq), in order: anybody can draw the same again."""
    ranked = sorted(population, key=lambda item: sha256(f"{seed}|{item[0]}".encode()).digest())
    return sorted(ranked[:size])


def _take(report: Report, seen: _Seen, seq: int, body: Mapping[str, Any]) -> None:
    kind, request = str(body["type"]), str(body.get("req") or "")
    data: Mapping[str, Any] = body.get("data") or {}
    us = us_of(str(body["ts"]))
    report.counts[kind] += 1
    report.by_day[str(body["ts"])[:10]] += 1
    if kind == "request.created":
        seen.asked[request] = us
        seen.created.append((seq, request))
    elif kind == "vote.cast":
        _vote(report, seen, body, data, request, us)
    elif kind == "grant.used.begin":
        seen.begun[str(data.get("jti"))] = (seq, request)
    elif kind == "grant.used.end":
        seen.begun.pop(str(data.get("jti")), None)
    elif kind == "break_glass.used":
        seen.broken[request] = seq
    elif kind == "break_glass.reviewed":
        seen.broken.pop(request, None)
        if us >= int(data.get("until") or us + 1):
            report.exceptions.append(
                Exceptional("break-glass review late", seq, request, "the review came after its time")
            )
    report.exceptions += seen.exceptions.take(seq, body, us)


def _vote(
    report: Report, seen: _Seen, body: Mapping[str, Any], data: Mapping[str, Any], request: str, us: int
) -> None:
    approver = report.approvers.setdefault(str(body["act"]["ref"]), Approver())
    if data.get("choice") == "approve":
        approver.approved += 1
    else:
        approver.denied += 1
    if request in seen.asked:
        taken = us - seen.asked[request]
        approver.seconds.append(taken / 1_000_000)
        approver.fast += taken < FAST_US


# --- rendering

_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #d0d7de}"
    "table{border-collapse:collapse;width:100%;margin:.6rem 0}td,th{border:1px solid #d0d7de;padding:.25rem .5rem;text-align:left;vertical-align:top}"
    "th{background:#f6f8fa}td.n{text-align:right}code,pre{font:12px ui-monospace,monospace}pre{background:#f6f8fa;padding:.6rem;overflow:auto}"
    ".note{background:#fff8c5;border:1px solid #d4a72c;padding:.5rem .8rem}@media print{h2{break-after:avoid}tr{break-inside:avoid}}"
)


def html(report: Report) -> str:
    """The report as one page without scripts or outside resources; prints to PDF as it is."""
    return "".join(
        (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Evidence report: {escape(report.framework.name)}</title>',
            f"<style>{_STYLE}</style>",
            *_sections(report),
            "</html>\n",
        )
    )


def _sections(r: Report) -> Iterator[str]:
    yield f"<h1>Evidence report</h1><p>{escape(r.framework.name)}<br>Log <code>{escape(r.origin)}</code>, {r.since} to {r.until}</p>"
    yield '<p class="note">The entries below <b>evidence</b> controls. Whether a control is met is a judgement that this report does not make. '
    yield f"{escape(r.framework.note)}</p>"
    yield "<h2>Population</h2>"
    yield _table(
        ("what", "value"),
        [
            ("entries in the period", f"{r.last - r.first + 1} (numbers {r.first} to {r.last})"),
            ("requests", str(r.requests)),
            (
                "completeness",
                "every number in the range is present once, every link holds, and all stand under the signed head below"
                if r.whole
                else "BROKEN: entries are missing or were changed; run `signoff audit verify`",
            ),
        ],
    )
    yield f"<pre>{escape(r.note)}</pre>"
    yield _bars("Entries per day", sorted(r.by_day.items()))
    yield "<h2>Controls</h2>" + _controls(r)
    yield f"<h2>Sample</h2><p>Seed <code>{escape(r.seed)}</code>: the {len(r.samples)} requests with the smallest SHA-256 of seed, a bar, and entry number. Each proof is a C2SP tlog-proof with the entry in it.</p>"
    for sample in r.samples:
        yield f"<details><summary>entry {sample.seq}, request <code>{escape(sample.request)}</code></summary><pre>{escape(sample.proof)}</pre></details>"
    yield "<h2>Exceptions</h2>"
    yield (
        _table(
            ("kind", "entry", "request", "what"),
            [(e.kind, str(e.seq), e.request, e.text) for e in r.exceptions[:LISTED_MAX]],
        )
        if r.exceptions
        else "<p>None in the period.</p>"
    )
    if len(r.exceptions) > LISTED_MAX:
        yield f"<p>{len(r.exceptions) - LISTED_MAX} more are not listed.</p>"
    yield "<h2>Approvers</h2><p>By pseudonym. Votes under two seconds after the request appeared were hardly read.</p>"
    rows = [
        (
            ref,
            str(a.approved),
            str(a.denied),
            f"{a.approved * 100 // max(a.approved + a.denied, 1)} %",
            a.median_text,
            str(a.fast),
        )
        for ref, a in sorted(r.approvers.items())
    ]
    yield _table(("person", "approved", "denied", "share approved", "median time", "under 2 s"), rows)
    yield _bars("Time to vote", histogram([s for a in r.approvers.values() for s in a.seconds]))


def _controls(r: Report) -> str:
    rows = []
    for topic, (heading, types) in TOPICS.items():
        controls = r.framework.controls.get(topic, ())
        if controls:
            count = sum(r.counts[t] for t in types)
            named = "<br>".join(f"<b>{escape(c.id)}</b> {escape(c.title)}" for c in controls)
            rows.append(
                f'<tr><td>{named}</td><td>{escape(heading)}</td><td><code>{", ".join(types)}</code></td><td class="n">{count}</td></tr>'
            )
    return (
        "<table><tr><th>control</th><th>evidenced by</th><th>entry types</th><th>entries</th></tr>"
        + "".join(rows)
        + "</table>"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(h)}</th>" for h in head)
    return (
        f"<table><tr>{top}</tr>"
        + "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
        + "</table>"
    )


def histogram(seconds: Sequence[float]) -> list[tuple[str, int]]:
    """Times in classes that a reader can judge."""
    edges = (
        (2, "under 2 s"),
        (10, "2-10 s"),
        (60, "10-60 s"),
        (600, "1-10 min"),
        (3600, "10-60 min"),
        (float("inf"), "over 1 h"),
    )
    counts = Counter(next(label for edge, label in edges if s < edge) for s in seconds)
    return [(label, counts[label]) for _, label in edges]


def _bars(title: str, values: Sequence[tuple[str, int]]) -> str:
    """A bar chart as inline SVG, with the numbers in it, so that it says the same without colour."""
    values = values[-60:]
    top = max((n for _, n in values), default=0) or 1
    height = 18 * len(values) + 24
    bars = "".join(
        f'<text x="0" y="{i * 18 + 34}">{escape(label)}</text><rect x="90" y="{i * 18 + 22}" width="{n * 420 // top}" height="14" fill="#0969da"/>'
        f'<text x="{96 + n * 420 // top}" y="{i * 18 + 34}">{n}</text>'
        for i, (label, n) in enumerate(values)
    )
    return f'<svg role="img" aria-label="{escape(title)}" width="600" height="{height + 8}" font-size="12" font-family="sans-serif"><text x="0" y="12" font-weight="bold">{escape(title)}</text>{bars}</svg>'
