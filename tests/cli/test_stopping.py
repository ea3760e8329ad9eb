"""The servers of one command stop in order: what was begun is answered, nobody new is heard, and the process ends with 0."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.checkpoint import Ed25519Signer, parse_vkey
from bot.rand import OsRand
from tests.support.in_process import answer

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["witness", "mask"])
def served(request, tmp_path) -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """The process, its host and port."""
    folder = tmp_path / "w"
    if request.param == "witness":
        answer("witness", "init", folder, "--name", "witness.example/one")
        log = Ed25519Signer("log.example/a", Ed25519PrivateKey.from_private_bytes(OsRand().bytes(32)))
        answer("witness", "add", folder, parse_vkey(log.vkey).vkey)
        words = ["witness", "serve", folder]
    else:
        words = ["mask", "serve"]
    with subprocess.Popen(
        [sys.executable, "-m", "bot.cli", *map(str, words), "--port", "0", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        url = urlsplit(json.loads(process.stdout.readline())["listening"])
        try:
            yield process, str(url.hostname), int(url.port or 0)
        finally:
            process.kill()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_what_was_begun_is_answered_and_the_process_ends_with_0(served, how):
    process, host, port = served
    with socket.create_connection((host, port), timeout=30) as begun:
        begun.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        with socket.create_connection((host, port), timeout=30) as first:
            first.sendall(b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert re.match(rb"HTTP/1.1 4\d\d", first.recv(200))

        process.send_signal(how)
        with pytest.raises(OSError):
            while True:
                socket.create_connection((host, port), timeout=5).close()
        begun.sendall(b"}")
        answered = begun.recv(200)
    _, said = process.communicate(timeout=30)

    assert re.match(rb"HTTP/1.1 4\d\d", answered)
    assert process.returncode == 0, said
