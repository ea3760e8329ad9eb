"""Programs that nobody here wrote, as ``make interop-chat`` installs them: where they are, how they are started and ended.

They come from npm into ``build/interop-chat`` (pins: package.json beside this file) and are never part of Signoff. A server of theirs
is started under ``loopback.cjs``, so that it listens on the loopback address alone, and without telemetry.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

HERE = Path(__file__).parent
NODE = Path(os.environ.get("SIGNOFF_INTEROP_CHAT", HERE.parents[1] / "build" / "interop-chat"))
START_SECONDS = 60


def needs(package: str) -> pytest.MarkDecorator:
    """Skips, saying why, where *package* or node is not installed."""
    missing = [
        what
        for what, is_there in (
            ("node", shutil.which("node") is not None),
            (package, (NODE / "node_modules" / package / "package.json").exists()),
        )
        if not is_there
    ]
    return pytest.mark.skipif(
        bool(missing), reason=f"{', '.join(missing)} is not installed: make interop-chat"
    )


def script(package: str, path: str) -> list[str]:
    return ["node", "--require", str(HERE / "loopback.cjs"), str(NODE / "node_modules" / package / path)]


@contextlib.contextmanager
def served(command: list[str], folder: Path, ping: str) -> Iterator[None]:
    """*command* runs in *folder* until the end; yields when *ping* answers anything. Its words are in *folder*/program.log."""
    log = folder / "program.log"
    env = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    env |= {"TEAMSAPPTESTER_BROWSER": "none", "NO_COLOR": "1"}
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdout=out,
            stderr=out,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        _wait(process, ping, log)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], ping: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        with contextlib.suppress(httpx.TransportError):
            httpx.get(ping, timeout=5)
            return
        time.sleep(0.05)
    raise AssertionError(f"{ping} never answered: {log.read_text(errors='replace')[-3000:]}")
