"""``signoff mask``: text, JSON, NDJSON or CSV in, masked out; or spans (see ``masking.cli``, which does the work)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.cli._io import CommandError
from bot.config import load
from bot.masking_config import engine_config
from masking.cli import EVERYTHING, FORMATS, mask_stream, spans_stream
from masking.engine import Engine
from masking.errors import MaskingError


def add_to(app: typer.Typer) -> None:
    app.command("mask")(mask)


def mask(
    spans: Annotated[
        bool, typer.Option("--spans", help='Read lines {"id","text"}, write lines {"id","spans"}.')
    ] = False,
    shape: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "auto",
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Use the masking section of this configuration.")
    ] = None,
) -> None:
    """Mask stdin into stdout. On a fault the output ends and nothing unmasked is written."""
    if shape not in FORMATS:
        raise CommandError(f"--format is one of {', '.join(FORMATS)}")
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    settings = engine_config(load(config).masking) if config is not None else None
    try:
        if spans:
            spans_stream(Engine(settings or EVERYTHING), source, sink)
        else:
            mask_stream(Engine(settings), source, sink, shape)
    except MaskingError as error:
        raise CommandError(f"masking failed, the output ends here: {error}") from None
