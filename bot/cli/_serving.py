"""A server of its own for one command: uvicorn with our settings, which says where it listens."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import uvicorn

from bot.cli._io import CommandError
from bot.config import is_loopback


def check_reach(host: str, certificate: Path | None, key: Path | None, *, behind_proxy: bool) -> None:
    """An address that other machines reach needs TLS, ours or a proxy's."""
    if (certificate is None) != (key is None):
        raise CommandError("--certificate and --key belong together")
    if not is_loopback(host) and certificate is None and not behind_proxy:
        raise CommandError(
            f"{host} can be reached from other machines; give --certificate and --key, or --behind-proxy"
        )


def serve_app(
    app: Any, host: str, port: int, certificate: Path | None, key: Path | None, *, name: str, is_json: bool
) -> None:
    """Answer until told to stop. The address goes to stdout once it listens; *name* begins that sentence."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=64,
        ssl_certfile=str(certificate) if certificate else None,
        ssl_keyfile=str(key) if key else None,
    )
    _Server(config, name, is_json).run()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, name: str, is_json: bool) -> None:
        super().__init__(config)
        self._name = name
        self._is_json = is_json

    async def startup(self, sockets: object = None) -> None:
        await super().startup()
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            url = f"{'https' if self.config.ssl_certfile else 'http'}://{self.config.host}:{port}"
            text = json.dumps({"listening": url}) if self._is_json else f"{self._name} listens on {url}"
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
