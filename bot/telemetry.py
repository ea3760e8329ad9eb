"""What the process tells about itself: one JSON object a line, from closed lists, holding nothing of any request (T50, I10).

Decided here, the same at every level:

- our own lines (``signoff.*``) are a fixed template whose arguments, like the extra fields, must be numbers, ids of ours,
  names of reasons and types, or one of the few fields of fixed words; anything else is shown as its kind and length;
- other people's lines give their logger, level, template (never the arguments) and place, and nothing below WARNING:
  libraries log whole bodies (bolt-python logs the raw body of a request whose signature is wrong);
- an exception gives its types and its frames (file, line, function) without locals, and its message only when it is one of
  our faults, whose messages hold no value by contract (``bot.errors``);
- a redaction filter runs over the finished line as a second net.

Deliberately absent: a debug mode that shows more.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, TextIO

from bot.errors import SignoffError
from bot.secret import Secret

OURS: Final = ("signoff", "bot", "adapters", "masking", "audit")
"""Top-level logger names that are ours."""

FIELDS: Final = frozenset(
    {
        "account", "actor", "agent", "attempts", "bytes", "code", "count", "depth", "duration_ms", "epoch", "event",
        "fault", "grant", "head", "key_id", "kind", "level", "limit", "method", "path", "person", "pid", "port",
        "reason", "request", "revision", "route", "rule_hash", "seconds", "seq", "size", "state", "status", "surface",
        "topic", "version", "why",
    }
)  # fmt: skip
"""Extra fields that are written; any other is dropped and counted in ``dropped``."""
WORDS: Final = frozenset({"event", "kind", "limit", "method", "route", "state", "surface", "topic", "why"})
"""Fields of fixed words: the writer passes a constant, never a value."""
TEXT_MAX: Final = 300
FRAMES_MAX: Final = 30

_OUR_ID: Final = re.compile(
    r"(?:req|grt)_[0-9a-z]{26}|sha256:[0-9a-f]{64}|(?:agent|person|local|group):[a-z0-9][a-z0-9._-]{0,63}"
    r"|[a-z2-7]{16}|[A-Z][A-Za-z0-9]{2,60}(?:Error|Exception|Fault|Warning|Timeout|Busy|Unknown|Conflict|Retry|GiveUp)"
)
_HEX: Final = re.compile(r"[0-9a-f]{16,64}")
_NET: Final = re.compile(
    r"(?P<key>\b(?:sok|sop)_[a-z2-7]{8,}_?[a-z2-7]*)"
    r"|(?P<webhook>\bwh(?:sec|sk)_[A-Za-z0-9+/=]{8,})"
    r"|(?P<slack>\bx(?:ox[a-z]|app)-[A-Za-z0-9-]{8,})"
    r"|(?P<jwt>\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2})"
    r"|(?P<pem>-----BEGIN [A-Z ]{0,40}-----)"
    r"|(?P<bearer>(?i:\b(?:bearer|basic)) +[A-Za-z0-9._~+/=-]{8,})"
    r"|(?P<url>\b[a-z][a-z0-9+.-]{1,20}://[^\s/@:]{1,200}:[^\s/@]{1,200}@)"
    r"|(?P<email>[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,255})"
    r"|(?P<ssn>\b\d{3}[- ]\d{2}[- ]\d{4}\b)"
    r"|(?P<digits>(?<![0-9A-Za-z_.-])\d(?:[ -]?\d){11,18}(?![0-9A-Za-z_]))"
)


class Line(logging.Formatter):
    """One record as one JSON object. Pure but for ``traceback``, which reads no locals."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(json.dumps(_shape(record), ensure_ascii=True))


class Plain(logging.Formatter):
    """The same, for a terminal: time, level, logger, words, fields."""

    def format(self, record: logging.LogRecord) -> str:
        shape = _shape(record)
        head = [str(shape.pop(name)) for name in ("at", "level", "logger", "event")]
        tail = [f"{name}={json.dumps(value)}" for name, value in shape.items()]
        return redact(" ".join([*(json.dumps(part)[1:-1] for part in head), *tail]))


def configure(
    level: Literal["debug", "info", "warning", "error"],
    shape: Literal["json", "text"],
    stream: TextIO | None = None,
) -> None:
    """Install the one handler, and hooks for what nobody caught. Harmless when repeated."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Line() if shape == "json" else Plain())
    handler.addFilter(_at_least(getattr(logging, level.upper())))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
    # A library that was imported first may have its own handlers or levels: nothing goes past ours.
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and not _is_ours(name):
            logger.handlers.clear()
            logger.propagate = True
            logger.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def redact(text: str) -> str:
    """The second net: what looks like a secret or personal data is replaced by its kind. Linear in *text*."""
    return _NET.sub(lambda match: f"[{match.lastgroup}]", text)


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] in OURS


def _at_least(level: int) -> logging.Filter:
    class _Gate(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            return record.levelno >= (level if _is_ours(record.name) else max(level, logging.WARNING))

    return _Gate()


def _shape(record: logging.LogRecord) -> dict[str, object]:
    ours = _is_ours(record.name)
    shape: dict[str, object] = {
        "at": (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=record.created)).isoformat(
            timespec="milliseconds"
        ),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": _event(record, ours=ours),
    }
    if ours:
        shape |= _fields(record)
    else:
        shape["place"] = f"{_short(record.pathname)}:{record.lineno}"
    if record.exc_info and record.exc_info[1] is not None:
        shape["error"] = describe(record.exc_info[1])
    return shape


def _event(record: logging.LogRecord, *, ours: bool) -> str:
    template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
    if not ours:
        # Without arguments the text may have been put together by the library already.
        return template[:TEXT_MAX] if record.args else "(withheld)"
    if not record.args:
        return template[:TEXT_MAX]
    try:
        args = record.args
        # logging unpacks a lone mapping, so a plain %s would print all of it.
        shown: object = (
            {name: _plain(value) for name, value in args.items()}
            if isinstance(args, Mapping) and "%(" in template
            else tuple(_plain(value) for value in ((args,) if isinstance(args, Mapping) else args))
        )
        return (template % shown)[:TEXT_MAX]
    except (TypeError, ValueError, KeyError):
        return template[:TEXT_MAX]


_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = {}
    dropped = 0
    for name, value in vars(record).items():
        if name in _STANDARD:
            continue
        if name not in FIELDS:
            dropped += 1
        elif name in WORDS and isinstance(value, str):
            fields[name] = value[:TEXT_MAX]
        else:
            fields[name] = _plain(value)
    return fields | ({"dropped": dropped} if dropped else {})


def _plain(value: object) -> str | int | float | bool | None:
    """*value* when it is of a kind that holds nothing of a request, else its kind and length."""
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return str(value.value) if isinstance(value.value, str) else value.name
        case BaseException():
            return type(value).__name__
        case type():
            return value.__name__
        case Secret():
            return str(value)
        case Path():
            return str(value)
        case bytes():
            return f"<{len(value)} bytes>"
        case str() if _OUR_ID.fullmatch(value) or _HEX.fullmatch(value) or value in _FIXED:
            return value
        case str():
            return f"<{len(value)} characters>"
        case _:
            return f"<{type(value).__name__}>"


_FIXED: Final = frozenset(
    {
        "card", "callback", "notice", "anchor", "sqlite", "console", "slack", "teams", "api", "sweep", "outbox",
        "policy", "masking", "started", "stopped", "127.0.0.1", "::1",
    }
)  # fmt: skip
"""Words of ours that may stand as arguments."""


def describe(error: BaseException) -> list[dict[str, object]]:
    """*error* and what caused it: types, frames without locals, and a message only where it is ours to show."""
    chain: list[dict[str, object]] = []
    at: BaseException | None = error
    while at is not None and len(chain) < 8:
        frames = traceback.extract_tb(at.__traceback__, limit=-FRAMES_MAX)
        link: dict[str, object] = {
            "type": type(at).__name__,
            "frames": [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames],
        }
        if isinstance(at, SignoffError):
            link["why"] = str(at)[:TEXT_MAX]
        if isinstance(at, BaseExceptionGroup):
            link["members"] = [type(member).__name__ for member in at.exceptions[:10]]
        chain.append(link)
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return chain


def _short(path: str) -> str:
    return "/".join(Path(path).parts[-3:])


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("signoff").critical("stopped by an error", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        logging.getLogger("signoff").critical(
            "a thread was stopped by an error", exc_info=(args.exc_type, args.exc_value, args.exc_traceback)
        )


__all__ = ["FIELDS", "Line", "Plain", "Secret", "configure", "describe", "redact"]
