"""A filter that masks every record of Python's ``logging`` before a handler writes it.

    handler.addFilter(MaskingFilter(Engine()))

It belongs on handlers: a filter on a logger does not see the records of the loggers below it (docs.python.org, ``logging.Filter``). The message with its
arguments, the exception and the stack, and every extra field are masked; what cannot be masked is withheld, and the record still comes.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any, Final

from masking.engine import Engine
from masking.errors import MaskingError
from masking.operators import Numbering
from masking.tables import mask_under

WITHHELD: Final = "[withheld: masking failed]"
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_CHARS_MAX: Final = 1 << 20


class MaskingFilter(logging.Filter):
    """Changes the record in place, so that no handler after it sees more (Python 3.11 has no other way); the exception is kept as masked
    text only. Numbers count within one record. Always lets the record pass."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine

    def filter(self, record: logging.LogRecord) -> bool:
        numbering = Numbering()
        record.msg, record.args = self._text(_message(record), numbering), None
        record.__dict__.pop("message", None)
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
        record.exc_info = None
        record.exc_text = self._text(record.exc_text, numbering) if record.exc_text else None
        record.stack_info = self._text(record.stack_info, numbering) if record.stack_info else None
        for name, value in list(vars(record).items()):
            if name not in _STANDARD:
                record.__dict__[name] = self._extra(name, value, numbering)
        return True

    def _text(self, text: str, numbering: Numbering) -> str:
        try:
            return self._engine.mask_text(text[:_CHARS_MAX], numbering).text
        except MaskingError:
            return WITHHELD

    def _extra(self, name: str, value: Any, numbering: Numbering) -> Any:
        plain = value if isinstance(value, (dict, list, str, int, float, bool, type(None))) else str(value)
        try:
            return mask_under(self._engine, name, plain, numbering)
        except MaskingError:
            return WITHHELD


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit, or whose own text fails: logging would print them raw
        return str(record.msg)
