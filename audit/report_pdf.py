"""The evidence report as a PDF: the same report, the same words as its page (``audit.report``). Needs the extra ``reports``.

Decided here: the layout, and that the same report gives the same bytes (no clock, no random id: ReportLab's *invariant* mode). The
words "evidence" and "judgement" stand as they do on the page; nothing here says that a control is met.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from importlib.util import find_spec
from io import BytesIO
from typing import Any, Final

from audit.chain import b64u
from audit.controls import TOPICS
from audit.report import LISTED_MAX, Report, histogram

PROOF_CHARS: Final = 104
"""A line of a head on A4; longer ones are broken, since a PDF has no scroll bar."""
WIDTH_POINTS: Final = 470.0
"""A4 less the margins and the frame's padding."""
HEADING_NEEDS: Final = 90.0
"""A heading goes to the next page rather than stand without the beginning of what it heads."""
DAYS_MAX: Final = 40


def is_available() -> bool:
    return find_spec("reportlab") is not None


def pdf(report: Report) -> bytes:
    """*report* as a PDF. ``ImportError`` without the extra."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.platypus import SimpleDocTemplate

    out = BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=20 * mm,
        rightMargin=20 * mm,
        topMargin=18 * mm,
        bottomMargin=18 * mm,
        title=f"Evidence report: {report.framework.name}",
        author=report.origin,
        subject=f"{report.since} to {report.until}",
        invariant=1,
    )
    document.build(list(_story(report)), onFirstPage=_foot(report), onLaterPages=_foot(report))
    return out.getvalue()


def _foot(report: Report) -> Any:
    def draw(canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setFont("Helvetica", 8)
        canvas.setFillGray(0.35)
        canvas.drawString(
            57, 30, f"{report.origin}: entries evidence controls; whether a control is met is not said here"
        )
        canvas.drawRightString(538, 30, f"{document.page}")
        canvas.restoreState()

    return draw


def _story(r: Report) -> Iterator[Any]:
    from reportlab.platypus import CondPageBreak, Paragraph, Preformatted, Spacer

    style = _styles()
    yield Paragraph("Evidence report", style["title"])
    yield Paragraph(escape(r.framework.name), style["lead"])
    yield Paragraph(f"Log {_code(r.origin)}, {r.since} to {r.until}", style["body"])
    yield Spacer(1, 12)
    judgement = "The entries below <b>evidence</b> controls. Whether a control is met is a judgement that this report does not make. "
    yield Paragraph(judgement + escape(r.framework.note), style["note"])
    yield CondPageBreak(HEADING_NEEDS)
    yield Paragraph("Population", style["h2"])
    whole = (
        "every number in the range is present once, every link holds, and all stand under the signed head below"
        if r.whole
        else "BROKEN: entries are missing or were changed; run `signoff audit verify`"
    )
    yield _table(
        ("what", "value"),
        [
            ("entries in the period", f"{r.last - r.first + 1} (numbers {r.first} to {r.last})"),
            ("requests", str(r.requests)),
            ("completeness", whole),
        ],
        (0.28, 0.72),
    )
    yield Spacer(1, 4)
    yield Preformatted(r.note, style["code"], maxLineLength=PROOF_CHARS)
    yield from _bars("Entries per day", sorted(r.by_day.items())[-DAYS_MAX:])
    yield CondPageBreak(HEADING_NEEDS)
    yield Paragraph("Controls", style["h2"])
    yield _table(("control", "evidenced by", "entry types", "entries"), _controls(r), (0.4, 0.2, 0.3, 0.1))
    yield CondPageBreak(HEADING_NEEDS)
    yield Paragraph("Sample", style["h2"])
    yield Paragraph(
        f"Seed {_code(r.seed)}: the {len(r.samples)} requests with the smallest SHA-256 of seed, a bar, and entry number. The hash is that of the "
        "entry as a leaf of the tree, SHA-256 of a zero byte and the entry's bytes, written as the next entry names it. The path of each to the signed head "
        "above stands at the end.",
        style["body"],
    )
    if r.samples:
        drawn = [(str(s.seq), s.request, b64u(s.leaf_hash)) for s in r.samples]
        yield _table(("entry", "request", "hash of the leaf"), drawn, (0.1, 0.38, 0.52))
    yield CondPageBreak(HEADING_NEEDS)
    yield Paragraph("Exceptions", style["h2"])
    if r.exceptions:
        rows = [(e.kind, str(e.seq), e.request, e.text) for e in r.exceptions[:LISTED_MAX]]
        yield _table(("kind", "entry", "request", "what"), rows, (0.18, 0.1, 0.32, 0.4))
    else:
        yield Paragraph("None in the period.", style["body"])
    if len(r.exceptions) > LISTED_MAX:
        yield Paragraph(f"{len(r.exceptions) - LISTED_MAX} more are not listed.", style["body"])
    yield CondPageBreak(HEADING_NEEDS)
    yield Paragraph("Approvers", style["h2"])
    yield Paragraph(
        "By pseudonym. Votes under two seconds after the request appeared were hardly read.", style["body"]
    )
    yield _table(
        ("person", "approved", "denied", "share approved", "median time", "under 2 s"),
        [
            (
                ref,
                str(a.approved),
                str(a.denied),
                f"{a.approved * 100 // max(a.approved + a.denied, 1)} %",
                a.median_text,
                str(a.fast),
            )
            for ref, a in sorted(r.approvers.items())
        ],
        (0.3, 0.13, 0.12, 0.17, 0.15, 0.13),
    )
    yield from _bars("Time to vote", histogram([s for a in r.approvers.values() for s in a.seconds]))
    if r.samples:
        yield from _proofs(r)


def _proofs(r: Report) -> Iterator[Any]:
    """The path of each sample, under the one head that the report shows: what its page holds in a file for each."""
    from reportlab.platypus import CondPageBreak, Paragraph, Preformatted

    style = _styles()
    yield CondPageBreak(HEADING_NEEDS)
    yield Paragraph("Proofs of the sample", style["h2"])
    yield Paragraph(
        f"For each entry the hashes (base64, from the leaf up) that lead from its own to the root of the signed head of {r.head_size} entries, as in RFC 6962, "
        "section 2.1.1. The HTML report holds the same as C2SP tlog-proof files with the entries in them, and "
        f"{_code('signoff audit prove ENTRY > FILE')} makes one; {_code('leaves.jsonl')} of an exported bundle has the entry's bytes.",
        style["body"],
    )
    for s in r.samples:
        lines = [b64encode(h).decode("ascii") for h in s.path]
        pairs = ["  ".join(lines[at : at + 2]) for at in range(0, len(lines), 2)]
        yield CondPageBreak(HEADING_NEEDS / 2)
        yield Paragraph(f"entry {s.seq}, request {_code(s.request)}", style["cell"])
        yield Preformatted(
            "\n".join(pairs) or "(the tree has one entry: its root is the leaf's hash)", style["code"]
        )


def _controls(r: Report) -> list[tuple[str, str, str, str]]:
    rows = []
    for topic, (heading, types) in TOPICS.items():
        controls = r.framework.controls.get(topic, ())
        if controls:
            named = "\n".join(f"{c.id} {c.title}" for c in controls)
            rows.append((named, heading, ", ".join(types), str(sum(r.counts[t] for t in types))))
    return rows


def _styles() -> dict[str, Any]:
    from reportlab.lib.colors import HexColor
    from reportlab.lib.styles import ParagraphStyle

    body = ParagraphStyle("body", fontName="Helvetica", fontSize=9.5, leading=13)
    return {
        "title": ParagraphStyle("title", body, fontName="Helvetica-Bold", fontSize=18, leading=22),
        "lead": ParagraphStyle("lead", body, fontSize=11.5, leading=16),
        "h2": ParagraphStyle(
            "h2", body, fontName="Helvetica-Bold", fontSize=12, leading=15, spaceBefore=12, spaceAfter=4
        ),
        "body": body,
        "cell": ParagraphStyle("cell", body, fontSize=8, leading=10, splitLongWords=1),
        "head": ParagraphStyle("head", body, fontName="Helvetica-Bold", fontSize=8, leading=10),
        "note": ParagraphStyle(
            "note", body, backColor=HexColor("#fff8c5"), borderColor=HexColor("#d4a72c"), borderWidth=0.6, borderPadding=5
        ),
        "code": ParagraphStyle(
            "code", body, fontName="Courier", fontSize=7, leading=9, backColor=HexColor("#f6f8fa"), borderPadding=4
        ),
    }  # fmt: skip


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], shares: Sequence[float]) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Paragraph, Table, TableStyle

    style, line = _styles(), HexColor("#d0d7de")
    cells = [[Paragraph(escape(text), style["head"]) for text in head]]
    cells += [[Paragraph(escape(text).replace("\n", "<br/>"), style["cell"]) for text in row] for row in rows]
    table = Table(cells, colWidths=[WIDTH_POINTS * share for share in shares], repeatRows=1, hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("GRID", (0, 0), (-1, -1), 0.4, line),
                ("BACKGROUND", (0, 0), (-1, 0), HexColor("#f6f8fa")),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
    )
    return table


def _bars(title: str, values: Sequence[tuple[str, int]]) -> Iterator[Any]:
    """A bar chart with its numbers in it, so that it says the same without colour."""
    from reportlab.graphics.shapes import Drawing, Rect, String
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Spacer

    top = max((n for _, n in values), default=0) or 1
    height = 13 * len(values) + 20
    drawing = Drawing(WIDTH_POINTS, height)
    drawing.add(String(0, height - 11, title, fontName="Helvetica-Bold", fontSize=9))
    for row, (label, n) in enumerate(values):
        y = height - 28 - row * 13
        drawing.add(String(0, y, label, fontName="Helvetica", fontSize=8))
        drawing.add(Rect(70, y - 2, 340 * n / top, 9, fillColor=HexColor("#0969da"), strokeColor=None))
        drawing.add(String(76 + 340 * n / top, y, str(n), fontName="Helvetica", fontSize=8))
    yield Spacer(1, 6)
    yield drawing


def _code(text: str) -> str:
    return f"<font face='Courier'>{escape(text)}</font>"
