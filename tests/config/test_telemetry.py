"""T50, I10: no log line, at any level, holds anything of a request."""

from __future__ import annotations

import io
import json
import logging
import pickle
import sys
import warnings

import pytest

from bot import telemetry
from bot.core.reasons import Reason
from bot.errors import StoreFault
from bot.secret import Secret

CANARY = "canary-7f3a Zoë Quxley 078-05-1120"


@pytest.fixture
def lines():
    """Configured telemetry; calling it gives the parsed lines so far. Everything is put back afterwards."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, sys.excepthook, logging.raiseExceptions)
    others = {
        n: (lg.handlers[:], lg.propagate, lg.level)
        for n, lg in logging.root.manager.loggerDict.items()
        if isinstance(lg, logging.Logger)
    }
    stream = io.StringIO()
    telemetry.configure("debug", "json", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level = before[0], before[1]
    sys.excepthook, logging.raiseExceptions = before[2], before[3]
    for name, (handlers, propagate, level) in others.items():
        logger = logging.getLogger(name)
        logger.handlers[:], logger.propagate = handlers, propagate
        logger.setLevel(level)


def test_our_line_has_time_level_logger_event_and_allowed_fields(lines):
    logging.getLogger("signoff.desk").info(
        "decided",
        extra={"request": "req_" + "0" * 26, "status": 200, "reason": Reason.LATE, "method": "POST"},
    )

    (line,) = lines()
    assert line | {"at": ""} == {
        "at": "", "level": "info", "logger": "signoff.desk", "event": "decided",
        "request": "req_" + "0" * 26, "status": 200, "reason": "late", "method": "POST",
    }  # fmt: skip
    assert line["at"].endswith("+00:00")


def test_a_field_outside_the_list_is_dropped_and_counted(lines):
    logging.getLogger("signoff.desk").info("x", extra={"payload": CANARY, "body": CANARY})

    assert lines()[0]["dropped"] == 2
    assert "canary" not in json.dumps(lines())


@pytest.mark.parametrize(
    "value", [CANARY, CANARY.encode(), [CANARY], {CANARY: 1}, ValueError(CANARY), Secret(CANARY), "Quxley"]
)
def test_an_argument_or_field_of_another_kind_is_shown_as_its_kind(lines, value):
    log = logging.getLogger("signoff.desk")

    log.info("got %s", value)
    log.info("got %(it)s", {"it": value})
    log.info("x", extra={"agent": value})

    text = json.dumps(lines())
    assert "canary" not in text
    assert "Quxley" not in text
    assert len(lines()) == 3


def test_a_wrong_template_still_gives_a_line(lines):
    logging.getLogger("signoff.desk").info("%d of %d", *["x"])

    assert lines()[0]["event"] == "%d of %d"


@pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR])
def test_a_library_line_gives_its_template_and_never_its_arguments(lines, level):
    logging.getLogger("slack_bolt.App").log(level, "body: %s", CANARY)
    logging.getLogger("slack_bolt.App").log(level, f"body: {CANARY}")

    first, second = lines()
    assert first["event"] == "body: %s"
    assert second["event"] == "(withheld)"
    assert second["place"].startswith("tests/config/test_telemetry.py:")


@pytest.mark.parametrize(
    "name", ["slack_bolt.App", "aiohttp.access", "uvicorn.access", "botbuilder", "asyncio"]
)
def test_libraries_say_nothing_below_warning(lines, name):
    logger = logging.getLogger(name)
    logger.setLevel(logging.DEBUG)

    logger.info("body: %s", CANARY)
    logger.debug("body: %s", CANARY)

    assert lines() == []


def test_an_unknown_exception_gives_types_and_frames_but_no_message_and_no_locals(lines):
    def fails(secret):
        try:
            raise KeyError(secret)
        except KeyError as e:
            raise ValueError(f"bad {secret}") from e

    try:
        fails(CANARY)
    except ValueError:
        logging.getLogger("signoff.desk").exception("failed")

    error = lines()[0]["error"]
    assert [link["type"] for link in error] == ["ValueError", "KeyError"]
    assert error[0]["frames"][-1].endswith(" fails")
    assert "canary" not in json.dumps(lines())


def test_a_fault_of_ours_keeps_its_message(lines):
    try:
        raise StoreFault("the disk is full")
    except StoreFault:
        logging.getLogger("signoff.desk").exception("failed")

    assert lines()[0]["error"][0]["why"] == "the disk is full"


def test_an_uncaught_exception_is_a_line_without_its_message(lines, capsys):
    try:
        raise RuntimeError(CANARY)
    except RuntimeError as e:
        sys.excepthook(RuntimeError, e, e.__traceback__)

    assert lines()[0]["error"][0]["type"] == "RuntimeError"
    assert "canary" not in json.dumps(lines()) + capsys.readouterr().err


def test_a_warning_is_a_line_without_its_text(lines):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn(CANARY, stacklevel=1)

    assert lines()[0]["logger"] == "py.warnings"
    assert "canary" not in json.dumps(lines())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("sok_abcdefghijklmnop_" + "a" * 59, "key"),
        ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "webhook"),
        ("xoxb-123456789012-abcdef", "slack"),
        ("eyJhbGciOiJFZERTQSJ9.eyJpc3MiOiJ4In0.c2ln", "jwt"),
        ("-----BEGIN PRIVATE KEY-----", "pem"),
        ("Bearer abcdef0123456789", "bearer"),
        ("postgres://u:hunter2@", "url"),
        ("zoe.quxley@corp.example", "email"),
        ("078-05-1120", "ssn"),
        ("4111 1111 1111 1111", "digits"),
    ],
)
def test_the_second_net_replaces_what_looks_like_a_secret_or_personal_data(text, kind):
    assert telemetry.redact(f"x {text} y") == f"x [{kind}] y"


def test_the_second_net_leaves_our_ids_and_times_alone():
    line = '{"at": "2026-11-23T21:00:00.123+00:00", "request": "req_01jd9q3y5n8w6z1k2m4p7r9t0v", "seq": 123456789}'

    assert telemetry.redact(line) == line


def test_the_plain_shape_escapes_control_characters():
    record = logging.makeLogRecord(
        {"name": "signoff.x", "msg": "a\x1b[31m\nb", "levelname": "INFO", "created": 0.0}
    )

    shown = telemetry.Plain().format(record)

    assert "\x1b" not in shown
    assert "\n" not in shown


def test_a_secret_never_shows_itself():
    secret = Secret("hunter2")

    assert [repr(secret), str(secret), f"{secret}", f"{secret!r:>5}", f"{[secret]}"] == [
        "***",
        "***",
        "***",
        "  ***",
        "[***]",
    ]
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2")
    assert secret != Secret("hunter3")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
