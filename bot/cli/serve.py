"""``signoff serve``: run the bot in the foreground until it is told to stop."""

from __future__ import annotations

import json
import sys

import typer
import uvloop

from bot import telemetry
from bot.app import serve as serve_bot
from bot.cli._io import CONFIG, ConfigOption, JsonOption
from bot.config import load


def add_to(app: typer.Typer) -> None:
    app.command("serve")(serve)


def serve(config: ConfigOption = CONFIG, is_json: JsonOption = False) -> None:
    """Serve the API and the console. Logs go to stderr; the address goes to stdout once it listens."""
    settings = load(config)
    telemetry.configure(settings.log.level, settings.log.format)

    def ready(url: str) -> None:
        sys.stdout.write(json.dumps({"listening": url}) + "\n" if is_json else f"Signoff listens on {url}\n")
        sys.stdout.flush()

    uvloop.run(serve_bot(settings, ready))
