"""The filter for Python's logging: nothing of a canary reaches a handler, whatever way it comes."""

from __future__ import annotations

import io
import logging

import pytest

from masking import Engine, EngineConfig
from masking.logs import WITHHELD, MaskingFilter

CANARY = "canary.person@example.org"
ENGINE = Engine()


class _Rude:
    def __str__(self):
        raise ValueError(CANARY)


@pytest.fixture
def said():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(MaskingFilter(ENGINE))
    logger = logging.getLogger("someone.else")
    logger.addHandler(handler)
    logger.setLevel(1)
    logger.propagate = False
    yield logger, stream
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    "level", [1, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL]
)
def test_the_message_and_its_arguments_are_masked_at_every_level(said, level):
    logger, stream = said

    logger.log(level, "mail %s and %s, then %s", CANARY, "b@example.org", CANARY)

    assert stream.getvalue() == "mail [EMAIL_ADDRESS_1] and [EMAIL_ADDRESS_2], then [EMAIL_ADDRESS_1]\n"


def test_exceptions_and_stacks_are_masked(said):
    logger, stream = said

    try:
        try:
            raise KeyError(CANARY)
        except KeyError as error:
            raise ValueError(f"no {CANARY}") from error
    except ValueError:
        logger.exception("it failed")
    logger.info("here", stack_info=True)

    told = stream.getvalue()
    assert "canary" not in told.replace("CANARY", "")
    assert "ValueError: no [EMAIL_ADDRESS_" in told
    assert "Traceback" in told
    assert "Stack (most recent call last)" in told


def test_extra_fields_are_masked_under_their_names():
    record = logging.makeLogRecord(
        {"msg": "x", "password": "hunter2", "who": {"mail": CANARY}, "n": 3, "thing": _Reply()}
    )

    assert MaskingFilter(ENGINE).filter(record)

    assert (record.password, record.who, record.n, record.thing) == (
        "[PASSWORD_1]",
        {"mail": "[EMAIL_ADDRESS_1]"},
        3,
        "reply to [EMAIL_ADDRESS_1]",
    )


class _Reply:
    def __str__(self):
        return f"reply to {CANARY}"


def test_arguments_that_do_not_fit_still_show_nothing(said):
    logger, stream = said

    logger.info("one %s two %s", *[CANARY])
    logger.info("rude %s", _Rude())
    logger.info(CANARY, 1)

    assert "canary" not in stream.getvalue()
    assert len(stream.getvalue().splitlines()) == 3


def test_what_cannot_be_masked_is_withheld_and_the_record_still_comes():
    record = logging.makeLogRecord({"msg": CANARY * 3, "who": CANARY * 3, "exc_text": CANARY * 3})

    assert MaskingFilter(Engine(EngineConfig(text_chars_max=10))).filter(record)

    assert (record.getMessage(), record.who, record.exc_text) == (WITHHELD,) * 3


def test_a_handler_that_comes_later_sees_no_more():
    record = logging.makeLogRecord({"msg": "%s", "args": (CANARY,)})
    record.getMessage()
    MaskingFilter(ENGINE).filter(record)

    assert logging.Formatter("%(message)s").format(record) == "[EMAIL_ADDRESS_1]"
    assert CANARY not in repr(vars(record))
