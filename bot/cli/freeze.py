"""``signoff freeze`` and ``unfreeze``: stop everything that grants; denials keep working (A7)."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli._io import CONFIG, ConfigOption, JsonOption, Speaker, agreed, shown
from bot.cli._local import administer


def add_to(app: typer.Typer) -> None:
    app.command("freeze")(freeze)
    app.command("unfreeze")(unfreeze)


def freeze(
    reason: Annotated[str, typer.Argument(help="Why; shown, masked, to everybody who asks.")],
    config: ConfigOption = CONFIG,
    is_json: JsonOption = False,
) -> None:
    """Grant and redeem nothing from now on. Works beside a running server, at once."""
    state = agreed(administer(config, lambda bot: bot.desk.freeze(None, reason), masking=True))
    Speaker(is_json).answer({"frozen": True, "at": state.at.isoformat(), "reason": state.reason},
                            f"Frozen: {shown(state.reason)}", "Lift it with: signoff unfreeze")  # fmt: skip


def unfreeze(config: ConfigOption = CONFIG, is_json: JsonOption = False) -> None:
    """Lift the freeze. Harmless when there is none."""
    agreed(administer(config, lambda bot: bot.desk.unfreeze(None)))
    Speaker(is_json).answer({"frozen": False}, "Not frozen.")
