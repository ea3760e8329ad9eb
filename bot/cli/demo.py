"""``signoff demo``: see ``bot.demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    folder: Annotated[
        Path, typer.Option("--dir", help="Where everything is written; made anew each time.")
    ] = Path("demo"),
    hands_free: Annotated[
        bool, typer.Option("--hands-free", help="Play both approvers too, then stop.")
    ] = False,
    customers: Annotated[int, typer.Option(min=10, max=100_000, help="Rows in the sample database.")] = 3000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same customers.")] = 7,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0: any that is free.")] = 0,
) -> None:
    """Play the whole way of a request on generated customers, over the real API, with you as the approvers."""
    from bot.demo import play

    raise typer.Exit(play(folder, hands_free=hands_free, customers=customers, seed=seed, port=port))
