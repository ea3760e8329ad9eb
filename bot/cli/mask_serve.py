"""``signoff mask serve``: masking behind Presidio's HTTP interface, for clients that exist already.

Decided here: loopback without more; an address that others reach needs TLS and a token. Needs no database and no keys.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from adapters.presidio.app import app as presidio_app
from bot import telemetry
from bot.cli._io import CommandError
from bot.cli._io import JsonOption as JsonFlag
from bot.cli._serving import check_reach, serve_app
from bot.config import is_loopback, load
from bot.masking_config import engine_config
from bot.rand import OsRand
from masking import MaskingError
from masking.cli import EVERYTHING

TOKEN: Final = "SIGNOFF_MASK_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_CHARS_MIN: Final = 32


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 lets the system choose.")] = 5002,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Use the masking section of this configuration.")
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="PEM file for TLS of its own.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM file with the certificate's key.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front terminates TLS.")
    ] = False,
    is_json: JsonFlag = False,
) -> None:
    """Answer Presidio's `/analyze`, `/anonymize` and their like until told to stop. SIGNOFF_MASK_TOKEN, when set, is asked of callers."""
    check_reach(host, certificate, key, behind_proxy=behind_proxy)
    token = os.environ.get(TOKEN) or None
    if token is None and not is_loopback(host):
        raise CommandError(
            f"{host} can be reached from other machines; set {TOKEN} and send it as a bearer token"
        )
    if token is not None and len(token) < TOKEN_CHARS_MIN:
        raise CommandError(f"{TOKEN} must have at least {TOKEN_CHARS_MIN} characters")
    settings = engine_config(load(config).masking) if config is not None else EVERYTHING
    try:
        served = presidio_app(settings, OsRand().bytes, token)
    except MaskingError as error:
        raise CommandError(str(error)) from None
    telemetry.configure("info", "json")
    serve_app(served, host, port, certificate, key, name="Masking", is_json=is_json)
