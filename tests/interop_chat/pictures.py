"""Pictures of everything that we post, light and dark: ``python -m tests.interop_chat.pictures NODE_DIR OUT_DIR [NAME…]``.

NODE_DIR is what ``make interop-chat`` installs (``build/interop-chat``); Chromium is the Debian one.
These programs were written by others and draw our JSON; they are no judges of escaping.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from html import escape
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.support.chat_drawn import Pens, everything

SLACK_JS = """
import React from "react"; import { createRoot } from "react-dom/client"; import { Message } from "slack-blocks-to-jsx";
window.draw = (blocks, theme, bare) => createRoot(document.getElementById("root")).render(
  React.createElement(Message, { blocks, theme, logo: window.logo, name: "Signoff", time: new Date(1795467600000), withoutWrapper: bare }));
"""
TEAMS_JS = """
import * as AC from "adaptivecards";
window.draw = (card, config) => { const c = new AC.AdaptiveCard(); c.hostConfig = new AC.HostConfig(config); c.parse(card);
  document.getElementById("root").appendChild(c.render()); };
"""


def host_config(dark: bool) -> dict[str, Any]:
    text, quiet, back, soft = (
        ("#fff", "#adadad", "#292929", "#1f1f1f") if dark else ("#242424", "#616161", "#fff", "#f5f5f5")
    )
    kinds = {
        "default": text,
        "accent": "#6264a7",
        "good": "#6bb700",
        "warning": "#c19c00" if dark else "#835c00",
        "attention": "#c4314b",
    }
    colors = {k: {"default": v, "subtle": quiet if k == "default" else v} for k, v in kinds.items()}
    return {
        "fontFamily": "Segoe UI, Lato, Liberation Sans, sans-serif",
        "fontTypes": {"default": {"fontFamily": "Segoe UI, Lato, Liberation Sans, sans-serif"}, "monospace": {"fontFamily": "Consolas, Liberation Mono, monospace"}},
        "fontSizes": {"small": 12, "default": 14, "medium": 16, "large": 18, "extraLarge": 24},
        "spacing": {"small": 4, "default": 8, "medium": 14, "large": 20, "extraLarge": 30, "padding": 12},
        "separator": {"lineThickness": 1, "lineColor": "#8884"},
        "containerStyles": {
            "default": {"backgroundColor": back, "foregroundColors": colors},
            "emphasis": {"backgroundColor": soft, "foregroundColors": colors},
        },
        "actions": {"actionsOrientation": "horizontal", "actionAlignment": "left", "buttonSpacing": 8, "showCard": {"actionMode": "inline"}},
    }  # fmt: skip


def bundle(node: Path, name: str, source: str) -> str:
    (node / f"{name}.jsx").write_text(source, encoding="utf-8")
    esbuild = str(node / "node_modules/.bin/esbuild")
    subprocess.run(
        [esbuild, f"{name}.jsx", "--bundle", "--format=iife", f"--outfile={name}.js", "--log-level=error"],
        cwd=node,
        check=True,
    )
    return (node / f"{name}.js").read_text(encoding="utf-8")


FRAMES = """
.frame{border:1px solid #8886;border-radius:10px;max-width:626px;overflow:hidden}
.frame .top,.frame .bottom{display:flex;align-items:center;justify-content:space-between;padding:12px 20px;font-weight:900;font-size:18px}
.frame .bottom{justify-content:flex-end;gap:8px;border-top:1px solid #8884;font-size:14px}
.frame .bottom span{border:1px solid #8886;border-radius:4px;padding:6px 14px;font-weight:700}
.frame .bottom .do{background:#007a5a;color:#fff;border-color:#007a5a}
.frame #root{overflow-wrap:anywhere;padding:4px 20px 12px!important}
.frame.dark select,.frame.dark textarea,.frame.dark input{background:#222529!important;color:#d1d2d3!important}
"""


def framed(view: dict[str, Any], theme: str) -> tuple[str, str]:
    """What stands around the blocks of a dialog or the home tab: the client draws it from the view's own words."""
    if view["type"] == "home":
        return f'<div class="frame {theme}" style="max-width:none"><div class="top">Signoff</div>', "</div>"
    title, close = view["title"]["text"], view["close"]["text"]
    do = f'<span class="do">{escape(view["submit"]["text"])}</span>' if "submit" in view else ""
    bottom = f'<div class="bottom"><span>{escape(close)}</span>{do}</div></div>'
    return f'<div class="frame {theme}"><div class="top">{escape(title)}<span>×</span></div>', bottom


def main(node: Path, out: Path, only: frozenset[str] = frozenset()) -> None:
    out.mkdir(parents=True, exist_ok=True)
    shots: list[tuple[str, str, Any]] = []
    for one in everything(Pens.create()):
        name = f"{one.platform}-{one.name}" + (
            "-dialog" if one.kind == "modal" and one.name == "revealed" else ""
        )
        if not only or name in only:
            shots.append((name, one.platform, one.value))
    code = {"slack": bundle(node, "slack", SLACK_JS), "teams": bundle(node, "teams", TEAMS_JS)}
    icon = base64.b64encode((Path(__file__).parents[2] / "manifest/teams/color.png").read_bytes()).decode()
    css = (node / "node_modules/slack-blocks-to-jsx/dist/style.css").read_text(encoding="utf-8")
    button = ".ac-pushButton{font:600 14px Lato,sans-serif;padding:5px 14px;border:1px solid #8886;border-radius:4px;background:transparent;color:inherit}.style-positive{background:#5b5fc7;color:#fff}.style-destructive{color:#c4314b}.ac-actionSet{flex-wrap:wrap;gap:6px}"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for theme in ("light", "dark"):
            for kind in ("slack", "teams"):
                view = browser.new_page(viewport={"width": 760, "height": 200}, device_scale_factor=1.5)
                back = {
                    "slack": {"light": "#fff", "dark": "#1a1d21"},
                    "teams": {"light": "#fff", "dark": "#292929"},
                }[kind][theme]
                script = code[kind].replace("</script", "<\\/script")
                ink = "#d1d2d3" if theme == "dark" else "#1d1c1d"
                view.set_content(
                    f"<style>{css if kind == 'slack' else button} body{{margin:0;background:{back};color:{ink};font-family:Lato,sans-serif}}"
                    f"#root{{padding:12px}}{FRAMES}</style><div id=all></div>"
                    f"<script>window.logo='data:image/png;base64,{icon}';{script}</script>"
                )
                argument = theme if kind == "slack" else host_config(theme == "dark")
                for name, _, value in (shot for shot in shots if shot[1] == kind):
                    head, tail = framed(value, theme) if value.get("type") in ("modal", "home") else ("", "")
                    frame = f"{head}<div id=root></div>{tail}"
                    view.evaluate("html => { document.getElementById('all').innerHTML = html }", frame)
                    drawn = value["blocks"] if kind == "slack" else value
                    view.evaluate("([v, a, b]) => window.draw(v, a, b)", [drawn, argument, bool(head)])
                    view.wait_for_timeout(60)
                    view.locator("#all").screenshot(path=str(out / f"{name}-{theme}.png"))
                view.close()
        browser.close()
    print(json.dumps(sorted(path.name for path in out.glob("*.png"))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), frozenset(sys.argv[3:]))
