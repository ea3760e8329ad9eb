"""The command line: ``signoff``. Assembles the commands; each file beside this one holds a family of them.

Decided here: what happens to an error (a sentence on stderr, an exit code, never a traceback of values). Deliberately absent: rules.
"""

from __future__ import annotations

import json
import logging
import sys
from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from bot import telemetry
from bot.cli import (
    agents,
    audit,
    audit_keep,
    data,
    demo,
    doctor,
    freeze,
    keys,
    manifest,
    mask,
    people,
    policy,
    request,
    serve,
    setup,
    witness,
)
from bot.cli._io import CommandError, Exit
from bot.errors import SignoffError

app = typer.Typer(
    name="signoff",
    help="Human approval for AI agents' privileged actions.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (setup, serve, demo, request, doctor, freeze, data):
    module.add_to(app)
for module in (policy, agents, people, keys, audit, mask, manifest, witness):
    app.add_typer(module.family)
audit_keep.add_to(audit.family)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    if version:
        sys.stdout.write(f"signoff {installed_version('signoff')}\n")
        raise typer.Exit(Exit.OK)


def main() -> None:
    """Run the command line; the process ends with one of ``Exit``."""
    telemetry.configure("error", "text")
    try:
        app()
    except SignoffError as error:
        code = error.code if isinstance(error, CommandError) else Exit.FAILED
        if "--json" in sys.argv:
            sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        sys.stderr.write(f"signoff: {error}\n")
        sys.exit(int(code))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:
        # The one place that may: whatever is left is a mistake of ours, told without its message, which could hold values.
        logging.getLogger("signoff").critical("stopped by an error of its own", exc_info=True)
        sys.exit(int(Exit.BROKEN))
