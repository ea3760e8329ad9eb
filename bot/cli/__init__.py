"""The command line: ``signoff``.

Decided here: what happens to an error (a sentence on stderr, an exit code, never a traceback of values), and that ``audit verify`` is assembled
without the application, which would take more memory than any walk over a log (``bot.cli.audit_verify``).
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from bot.cli._io import CommandError, Exit
from bot.errors import SignoffError


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


def main() -> None:
    """Run the command line; the process ends with one of ``Exit``."""
    try:
        _app()()
    except SignoffError as error:
        code = error.code if isinstance(error, CommandError) else Exit.FAILED
        ours = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv
        if "--json" in ours:
            sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        sys.stderr.write(f"signoff: {error}\n")
        sys.exit(int(code))
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception:
        from bot import telemetry

        telemetry.configure("error", "text")
        # The one place that may: whatever is left is a mistake of ours, told without its message, which could hold values.
        logging.getLogger("signoff").critical("stopped by an error of its own", exc_info=True)
        sys.exit(int(Exit.BROKEN))
