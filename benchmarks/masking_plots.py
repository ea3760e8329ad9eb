"""Bar charts as SVG, light and dark, without a plotting library: ``bars(title, rows, path, …)`` writes ``path-light.svg`` and ``path-dark.svg``."""

from __future__ import annotations

import html
import math
from pathlib import Path

THEMES = {
    "light": {"ink": "#1c2430", "dim": "#5b6675", "line": "#dfe4ea", "ours": "#2f6fb0", "theirs": "#b9c2cc", "back": "#ffffff"},
    "dark": {"ink": "#e6eaf0", "dim": "#9aa5b4", "line": "#2c3542", "ours": "#6aa9e6", "theirs": "#4b5666", "back": "#0f141b"},
}  # fmt: skip
LEFT, WIDTH, STEP = 250, 430, 26


def bars(
    title: str, rows: list[tuple[str, float, str]], path: Path, *, is_log: bool = False, note: str = ""
) -> None:
    """*rows* are (name, value, what is written beside it); a name that begins with ``signoff`` is ours. *is_log*: from the decade of the least."""
    values = [value for _, value, _ in rows if value > 0]
    low = 10 ** math.floor(math.log10(min(values))) if is_log else 0.0
    high = max(values)

    def width(value: float) -> float:
        if value <= 0:
            return 0
        part = math.log(value / low) / math.log(high / low) if is_log else value / high
        return max(2.0, WIDTH * part)

    height = 62 + STEP * len(rows)
    for theme, c in THEMES.items():
        parts = [
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="800" height="{height}" viewBox="0 0 800 {height}" font-family="system-ui,sans-serif" font-size="13">'
                f"<title>{html.escape(title)}</title>"
                f'<rect width="800" height="{height}" fill="{c["back"]}"/><text x="16" y="26" font-size="15" font-weight="600" fill="{c["ink"]}">{html.escape(title)}</text>'
                f'<text x="16" y="44" font-size="12" fill="{c["dim"]}">{html.escape(note)}</text>'
            )
        ]
        for i, (name, value, label) in enumerate(rows):
            y = 56 + STEP * i
            fill = c["ours"] if name.startswith("signoff") else c["theirs"]
            parts.append(
                f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end" fill="{c["ink"]}">{html.escape(name)}</text>'
                f'<rect x="{LEFT}" y="{y}" width="{width(value):.1f}" height="19" rx="2" fill="{fill}"/>'
                f'<text x="{LEFT + 8 + width(value):.1f}" y="{y + 14}" fill="{c["ink"]}">{html.escape(label)}</text>'
            )
        Path(f"{path}-{theme}.svg").write_text("".join([*parts, "</svg>\n"]), "utf-8")


def picture(name: str, alt: str) -> str:
    """The pair of images for a page in docs/: the one for dark pages where the reader's page is dark."""
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="images/{name}-dark.svg">'
        f'<img alt="{html.escape(alt)}" src="images/{name}-light.svg"></picture>'
    )
