"""The report over files as data and as one HTML page: our own words, counts and masked text, nothing else.

Decided here: everything that came from a file is escaped; the page loads nothing and runs nothing (its policy says so to the browser).
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any, Final

from masking.files import FileReport
from masking.tally import Tally

BAR_WIDTH: Final = 420
FILES_DRAWN: Final = 20
_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430;background:#fff}
h1{font-size:1.5rem;margin-bottom:0}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #dfe4ea;vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
code{font:13px/1.5 ui-monospace,monospace;overflow-wrap:anywhere}.bad{color:#a11}svg{max-width:100%;height:auto}
svg text{font:13px system-ui,sans-serif;fill:#1c2430}svg rect{fill:#3b6ea8}:root{color-scheme:light dark}
@media(prefers-color-scheme:dark){body{color:#e6eaf0;background:#0f141b}th,td{border-color:#2c3542}.bad{color:#ff8f8f}svg text{fill:#e6eaf0}svg rect{fill:#6aa9e6}}
"""


def total(reports: Sequence[FileReport]) -> Tally:
    tally = Tally()
    for report in reports:
        tally.add(report.tally)
    return tally


def as_data(reports: Sequence[FileReport]) -> dict[str, Any]:
    """For ``--json``: totals, examples, one row a file."""
    tally = total(reports)
    return {
        "files": len(reports),
        "failed": sum(bool(r.error) for r in reports),
        "bytes": sum(r.bytes for r in reports),
        "found": tally.total,
        "types": dict(tally.counts.most_common()),
        "examples": tally.examples,
        "by_file": [
            {
                "file": r.name,
                "bytes": r.bytes,
                "format": r.format,
                "types": dict(r.tally.counts.most_common()),
            }
            | ({"error": r.error} if r.error else {})
            for r in reports
        ],
    }


def as_html(reports: Sequence[FileReport]) -> str:
    """One page that needs nothing but itself."""
    tally = total(reports)
    size = sum(r.bytes for r in reports)
    failed = sum(bool(r.error) for r in reports)
    top = sorted(reports, key=lambda r: -r.tally.total)[:FILES_DRAWN]
    return "".join(
        [
            (
                '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" '
                "content=\"default-src 'none'; style-src 'unsafe-inline'\"><title>What masking found</title>"
            ),
            f"<style>{_STYLE}</style></head><body><h1>What masking found</h1>",
            f"<p>{tally.total:,} values in {len(reports):,} files ({size:,} bytes). All text here is masked.</p>",
            f"<p class=bad>{failed:,} of the files could not be looked through to their end; the table says why.</p>"
            if failed
            else "",
            "<h2>By type</h2>",
            _bars([(kind, count) for kind, count in tally.counts.most_common()]),
            "<h2>By file</h2>",
            _bars([(r.name, r.tally.total) for r in top if r.tally.total]),
            '<h2>Types</h2><table><tr><th>type</th><th class="n">found</th><th>masked examples</th></tr>',
            *(
                f'<tr><td>{_safe(kind)}</td><td class="n">{count:,}</td><td>'
                + "<br>".join(f"<code>{_safe(e)}</code>" for e in tally.examples.get(kind, ()))
                + "</td></tr>"
                for kind, count in tally.counts.most_common()
            ),
            '</table><h2>Files</h2><table><tr><th>file</th><th>format</th><th class="n">bytes</th><th class="n">found</th></tr>',
            *(
                f"<tr><td>{_safe(r.name)}{f'<br><span class=bad>{_safe(r.error)}</span>' if r.error else ''}</td><td>{_safe(r.format)}</td>"
                f'<td class="n">{r.bytes:,}</td><td class="n">{r.tally.total:,}</td></tr>'
                for r in reports
            ),
            "</table></body></html>\n",
        ]
    )


def _bars(rows: list[tuple[str, int]]) -> str:
    """Horizontal bars as inline SVG."""
    if not rows:
        return "<p>Nothing.</p>"
    most = max(count for _, count in rows)
    parts = [f'<svg role="img" width="760" height="{24 * len(rows)}" viewBox="0 0 760 {24 * len(rows)}">']
    for i, (name, count) in enumerate(rows):
        width = max(1, round(BAR_WIDTH * count / most))
        short = name if len(name) <= 34 else "…" + name[-33:]
        parts.append(
            f'<text x="240" y="{24 * i + 16}" text-anchor="end">{_safe(short)}</text>'
            f'<rect x="250" y="{24 * i + 4}" width="{width}" height="16" rx="2"/>'
            f'<text x="{256 + width}" y="{24 * i + 16}">{count:,}</text>'
        )
    return "".join([*parts, "</svg>"])


def _safe(text: str) -> str:
    """*text* for HTML; what a browser would not show or would turn round is shown as its number."""
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return html.escape(shown, quote=True).encode("utf-8", "replace").decode()
