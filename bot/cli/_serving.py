"""A server of its own for one command: uvicorn with our settings, which says where it listens and stops in order when it is told to."""

from __future__ import annotations

import json
import signal
import socket
import sys
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import Any, Final

import uvicorn

from bot.cli._io import CommandError
from bot.config import is_loopback
from bot.listening import bound, check_tls, listen

STOP_SECONDS: Final = 10
"""How long answers that are being made may take once it was told to stop."""


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
    """Answer until SIGTERM or SIGINT; then nobody new is heard, what was begun is answered within ``STOP_SECONDS``, and this returns. The address goes to stdout once it listens; *name* begins that sentence. ``ConfigError`` when the
    address or the certificate cannot be used."""
    if certificate is not None and key is not None:
        check_tls(certificate, key)
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
        timeout_graceful_shutdown=STOP_SECONDS,
        ssl_certfile=str(certificate) if certificate else None,
        ssl_keyfile=str(key) if key else None,
    )
    with closing(bound(host, port)) as sock:
        listen(sock, host, port)
        _Server(config, name, is_json).run([sock])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, name: str, is_json: bool) -> None:
        super().__init__(config)
        self._name = name
        self._is_json = is_json

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            port = self.servers[0].sockets[0].getsockname()[1]
            url = f"{'https' if self.config.ssl_certfile else 'http'}://{self.config.host}:{port}"
            text = json.dumps({"listening": url}) if self._is_json else f"{self._name} listens on {url}"
            sys.stdout.write(text + "\n")
            sys.stdout.flush()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop serving. uvicorn's own sends itself the signal again once it has served, and the process would end as one that was killed."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.should_exit = True
