"""What the style sheet promises: contrast (WCAG 2.2, 1.4.3), reduced motion, nothing from outside."""

from __future__ import annotations

import re

import pytest

from adapters.web.render import HERE, STATIC

CSS = STATIC["console.css"].decode()
TEMPLATES = {path.name: path.read_text() for path in (HERE / "templates").rglob("*.j2")}
TEXT_ON = [
    *[("ink", ground) for ground in ("bg", "panel", "sunk", "wait-bg", "ok-bg", "bad-bg")],
    *[("soft", ground) for ground in ("bg", "panel", "sunk")],
    *[("link", ground) for ground in ("bg", "panel")],
    *[(tone, f"{tone}-bg") for tone in ("ok", "bad", "wait", "cold")],
    *[(tone, "panel") for tone in ("ok", "bad", "wait", "cold")],
    ("accent-ink", "accent"),
    ("panel", "bad"),
    ("mask-ink", "mask"),
    ("mask-soft", "mask"),
]


def palette(selector: str) -> dict[str, str]:
    block = CSS[CSS.index(selector) :].split("}", 1)[0]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block))


def luminance(colour: str) -> float:
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    "selector", [":root {", ':root[data-theme="dark"]', ':root:not([data-theme="light"])']
)
@pytest.mark.parametrize(("text", "ground"), TEXT_ON)
def test_text_stands_out_from_its_ground(selector, text, ground):
    colours = palette(selector)

    assert contrast(colours[text], colours[ground]) >= 4.5


def test_the_dark_colours_are_the_same_by_preference_and_by_choice():
    assert palette(':root[data-theme="dark"]') == palette(':root:not([data-theme="light"])')


def test_black_on_white_is_twenty_one():
    assert round(contrast("#000000", "#ffffff")) == 21


def test_motion_is_reduced_for_those_who_ask():
    assert "prefers-reduced-motion: reduce" in CSS


@pytest.mark.parametrize("text", [CSS, *TEMPLATES.values()])
def test_nothing_comes_from_outside_and_nothing_is_inline(text):
    assert not re.search(
        r"(?<!_)url\(|@import|https?://|<style|\sstyle=|\son[a-z]+=|javascript:|<script>|hx-on|\|\s*safe(?!\s*}})",
        text,
    )


def test_the_one_safe_filter_is_on_our_own_icon_paths():
    assert [name for name, text in TEMPLATES.items() if "| safe" in text] == ["macros.html.j2"]
