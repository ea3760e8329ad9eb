"""The command line: ``signoff``.

Decided here: what happens to an error (a sentence on stderr, an exit code, never a traceback of values), and that ``audit verify`` is assembled
without the application, which would take more memory than any walk over a log (``bot.cli.audit_verify``).
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any


def __getattr__(name: str) -> Any:
    """``app``, the whole command line, when somebody asks for it."""
    if name != "app":
        raise AttributeError(name)
    from bot.cli._all import app

    return app


def _app() -> Any:
    if sys.argv[1:3] == ["audit", "verify"]:
        from bot.cli.audit_verify import alone

        return alone
    from bot import telemetry
    from bot.cli._all import app

    telemetry.configure("error", "text")
    return app


def _usage(sentence: str) -> str:
    """What is wrong with the options, as one JSON object for stderr."""
    return (
        json.dumps({"type": "usage", "title": "Wrong options", "detail": sentence}, ensure_ascii=False) + "\n"
    )


def main() -> None:
    """Run the command line; the process ends with one of ``Exit``."""
    # Not at the top: a process that helps `audit verify` imports this file, since it is the program's first, and needs none of it.
    import typer
    from typer._click.exceptions import ClickException  # typer carries its own, and names it nowhere else

    from bot.cli._io import CommandError, Exit
    from bot.errors import SignoffError

    ours = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv
    is_json = "--json" in ours
    try:
        # Alone, the parser prints its own text and ends the process; for a program that reads JSON, it raises instead.
        ended = _app()(standalone_mode=not is_json)
        sys.exit(ended if isinstance(ended, int) else 0)
    except SignoffError as error:
        code = error.code if isinstance(error, CommandError) else Exit.FAILED
        if is_json:
            sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        sys.stderr.write(_usage(str(error)) if is_json and code is Exit.USAGE else f"signoff: {error}\n")
        sys.exit(int(code))
    except ClickException as error:
        sys.stderr.write(_usage(error.format_message()))
        sys.exit(error.exit_code)
    except typer.Abort:
        sys.exit(int(Exit.FAILED))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:
        from bot import telemetry

        telemetry.configure("error", "text")
        # The one place that may: whatever is left is a mistake of ours, told without its message, which could hold values.
        logging.getLogger("signoff").critical("stopped by an error of its own", exc_info=True)
        sys.exit(int(Exit.BROKEN))
