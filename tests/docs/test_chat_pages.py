"""What docs/slack.md and docs/teams.md tell a newcomer to paste is taken by the settings as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.config import load

ROOT = Path(__file__).resolve().parents[2]
SECRET = "0123456789abcdef0123456789"


@pytest.mark.parametrize("chat", ["slack", "teams"])
def test_the_settings_that_the_page_shows_are_taken(chat: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / f"{chat}.md").read_text("utf-8"), re.DOTALL)
    shown = next(block for block in blocks if block.startswith(f"{chat}:"))
    (tmp_path / "secrets").mkdir(mode=0o700)
    for name in re.findall(r"secrets/[a-z-]+", shown):
        (tmp_path / name).write_text(SECRET, "utf-8")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "signoff.yaml").write_text(shown, "utf-8")

    config = load(tmp_path)

    assert getattr(config, chat) is not None
    assert getattr(config, chat).channels


@pytest.mark.parametrize("chat", ["slack", "teams"])
def test_the_page_says_what_was_not_tried(chat: str) -> None:
    assert "**Not tried:** real" in (ROOT / "docs" / f"{chat}.md").read_text("utf-8")
