"""Everything that we post into Slack, judged by Slack's own types (``@slack/types``) under a strict ``tsc``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.interop_chat.outside import NODE, needs
from tests.support.chat_drawn import Drawn, Pens, everything, hostile

pytestmark = [pytest.mark.interop, needs("@slack/types"), needs("typescript")]

TYPES = {"message": "KnownBlock[]", "modal": "ModalView", "home": "HomeView"}
OPTIONS = ("--noEmit", "--strict", "--exactOptionalPropertyTypes", "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022", "--skipLibCheck")  # fmt: skip


def complaints(folder: Path, drawn: list[Drawn], *, more: str = "") -> list[str]:
    """What tsc says of *drawn*, each as a literal of its type: unknown and missing properties, wrong words."""
    lines = ["import type { KnownBlock, ModalView, HomeView } from '@slack/types';"]
    for n, one in enumerate(drawn):
        value = one.value["blocks"] if one.kind == "message" else one.value
        lines.append(f"export const v{n}: {TYPES[one.kind]} = {json.dumps(value)}; // {one.kind} {one.name}")
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "drawn.ts").write_text("\n".join([*lines, more]), "utf-8")
    link = folder / "node_modules"
    if not link.exists():
        link.symlink_to(NODE.resolve() / "node_modules")
    done = subprocess.run(
        ["node", str(NODE.resolve() / "node_modules/typescript/bin/tsc"), *OPTIONS, "drawn.ts"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    said = [line for line in done.stdout.splitlines() if "error TS" in line]
    assert bool(said) == (done.returncode != 0), done.stdout + done.stderr
    return said


def slack(drawn: list[Drawn]) -> list[Drawn]:
    return [one for one in drawn if one.platform == "slack"]


def test_slacks_types_take_every_message_dialog_and_home_tab(tmp_path: Path):
    drawn = slack(everything(Pens.create()))

    assert {one.kind for one in drawn} == set(TYPES)
    assert len(drawn) > 25
    assert complaints(tmp_path, drawn) == []


def test_slacks_types_take_hostile_text_as_text(tmp_path: Path):
    texts = ("<!channel> *x* `y`", "\u202e\u0000\x1b[2J", "'\"`${7*7}\\", "a" * 500)

    assert (
        complaints(tmp_path, [one for text in texts for one in slack(list(hostile(Pens.create(), text)))])
        == []
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "[{ type: 'section', txt: { type: 'plain_text', text: 'x' } }]",
        "[{ type: 'header', text: { type: 'mrkdwn', text: 'x' } }]",
        "[{ type: 'actions', elements: [{ type: 'button', text: 'Approve', action_id: 'a' }] }]",
        "[{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: 1 }] }] }]",
        "[{ type: 'alarm' }]",
    ],
)
def test_the_judge_refuses_what_is_wrong(tmp_path: Path, wrong: str):
    assert complaints(tmp_path, [], more=f"export const wrong: KnownBlock[] = {wrong};")
