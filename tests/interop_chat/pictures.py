"""Pictures of every message: ``python -m tests.interop_chat.pictures NODE_DIR OUT_DIR``.

NODE_DIR holds ``npm i slack-blocks-to-jsx@1.1.1 react@18 react-dom@18 esbuild adaptivecards@3.0.6``; Chromium is the Debian one.
These programs were written by others and draw our JSON; they are no judges of escaping.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from adapters.slack.cards import Cards as SlackCards
from adapters.teams.cards import Cards as TeamsCards
from bot.chat.commands import Command
from bot.chat.pages import help_page
from bot.chat.seal import Place
from bot.core.preview import Button
from tests.support import chat_cards as samples
from tests.support.chat_world import TestKeys

SLACK_JS = """
import React from "react"; import { createRoot } from "react-dom/client"; import { Message } from "slack-blocks-to-jsx";
window.draw = (blocks, theme) => createRoot(document.getElementById("root")).render(
  React.createElement(Message, { blocks, theme, logo: window.logo, name: "Signoff", time: new Date(1795467600000), withoutWrapper: false }));
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


def main(node: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    mac = TestKeys().mac
    slack, teams = SlackCards.create(mac), TeamsCards.create(mac)
    in_slack, in_teams = Place("slack", "T1", "C1"), Place("teams", "t", "c")
    shots: list[tuple[str, str, Any]] = []
    shared = (Button.APPROVE, Button.DENY, Button.DETAILS)
    for name, state in samples.states().items():
        card = replace(state, buttons=shared) if state.state.is_open else state
        shots.append((f"slack-{name}", "slack", slack.message(card, in_slack)["blocks"]))
        shots.append((f"teams-{name}", "teams", teams.message(card, in_teams)))
    page = help_page(Command("signoff", "help"))
    shots += [("slack-help", "slack", slack.page(page)["blocks"]), ("teams-help", "teams", teams.page(page))]
    code = {"slack": bundle(node, "slack", SLACK_JS), "teams": bundle(node, "teams", TEAMS_JS)}
    icon = base64.b64encode((Path(__file__).parents[2] / "manifest/teams/color.png").read_bytes()).decode()
    css = (node / "node_modules/slack-blocks-to-jsx/dist/style.css").read_text(encoding="utf-8")
    button = ".ac-pushButton{font:600 14px Lato,sans-serif;padding:5px 14px;border:1px solid #8886;border-radius:4px;background:transparent;color:inherit}.style-positive{background:#5b5fc7;color:#fff}.style-destructive{color:#c4314b}.ac-actionSet{flex-wrap:wrap;gap:6px}"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for theme in ("light", "dark"):
            for name, kind, value in shots:
                view = browser.new_page(viewport={"width": 760, "height": 200}, device_scale_factor=1.5)
                back = {
                    "slack": {"light": "#fff", "dark": "#1a1d21"},
                    "teams": {"light": "#fff", "dark": "#292929"},
                }[kind][theme]
                script = code[kind].replace("</script", "<\\/script")
                ink = "#d1d2d3" if theme == "dark" else "#1d1c1d"
                view.set_content(
                    f"<style>{css if kind == 'slack' else button} body{{margin:0;background:{back};color:{ink};font-family:Lato,sans-serif}}"
                    f"#root{{padding:12px}}</style><div id=root></div><script>window.logo='data:image/png;base64,{icon}';{script}</script>"
                )
                argument = theme if kind == "slack" else host_config(theme == "dark")
                view.evaluate("([v, a]) => window.draw(v, a)", [value, argument])
                view.wait_for_timeout(150)
                view.locator("#root").screenshot(path=str(out / f"{name}-{theme}.png"))
                view.close()
        browser.close()
    print(json.dumps(sorted(path.name for path in out.glob("*.png"))))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
