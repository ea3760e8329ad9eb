"""The command line within this process: what a script sees (exit code, stdout, stderr), without two seconds of starting."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from typer.testing import CliRunner

from bot.cli import app
from bot.cli._io import CommandError, Exit
from bot.errors import SignoffError


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def signoff(*args: object, env: dict[str, str] | None = None) -> Done:
    """As ``bot.cli.main`` ends: a fault of ours is a sentence on stderr and its exit code; any other exception is raised."""
    done = CliRunner().invoke(app, [str(arg) for arg in args], env=env)
    if isinstance(done.exception, SignoffError):
        code = done.exception.code if isinstance(done.exception, CommandError) else Exit.FAILED
        return Done(int(code), done.stdout, f"signoff: {done.exception}\n")
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout, done.stderr)


def answer(*args: object, env: dict[str, str] | None = None) -> Any:
    done = signoff(*args, "--json", env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
