"""Rows of named cells: what a frame or a partition is masked by."""

from __future__ import annotations

from masking import Engine
from masking.operators import Operator
from masking.rewriter import Rewriter
from masking.tables import BATCH_ROWS, mask_columns, mask_rows, mask_under

ENGINE = Engine()


def test_cells_that_hide_nothing_keep_their_value_and_kind():
    row = {"id": 7, "ratio": 0.5, "ok": True, "none": None, "note": "the quick fox", "when": object()}

    (masked,) = mask_rows(ENGINE, [row])

    assert masked == row
    assert all(masked[name] is row[name] for name in row)


def test_a_columns_name_is_the_key_of_its_cells():
    rows = [{"first_name": "Ngozi", "ssn": 123456788}, {"first_name": "Ola", "ssn": None}]

    assert list(mask_rows(ENGINE, rows)) == [
        {"first_name": "[PERSON_1]", "ssn": "[US_SSN_1]"},
        {"first_name": "[PERSON_2]", "ssn": None},
    ]


def test_equal_values_share_a_number_over_all_batches():
    rows = [{"mail": f"user{n % 3}@example.org"} for n in range(2 * BATCH_ROWS + 1)]

    masked = [row["mail"] for row in mask_rows(ENGINE, rows)]

    assert masked == [f"[EMAIL_ADDRESS_{n % 3 + 1}]" for n in range(2 * BATCH_ROWS + 1)]


def test_only_the_chosen_columns_are_looked_at():
    row = {"mail": "a@example.org", "copy": "a@example.org"}

    assert list(mask_rows(ENGINE, [row], columns=["copy"])) == [
        {"mail": "a@example.org", "copy": "[EMAIL_ADDRESS_1]"}
    ]


def test_lists_and_objects_in_cells_are_masked_as_json():
    row = {
        "who": {"password": "hunter2", "n": 1},
        "mails": ["a@example.org", 2],
        "empty": [],
        "a@example.org": {"x": 1},
    }

    assert list(mask_rows(ENGINE, [row], Rewriter(Operator.REDACT))) == [
        {
            "who": {"password": "[PASSWORD]", "n": 1},
            "mails": ["[EMAIL_ADDRESS]", 2],
            "empty": [],
            "a@example.org": {"x": 1},
        }
    ]


def test_names_of_columns_are_data_too_and_stay_apart():
    writing = Rewriter(Operator.REDACT)

    assert mask_columns(ENGINE, ["id", "a@example.org", "b@example.org"], writing) == [
        "id",
        "[EMAIL_ADDRESS]",
        "[EMAIL_ADDRESS]'",
    ]
    assert mask_columns(ENGINE, []) == []


def test_a_value_is_masked_under_its_key_even_when_the_key_is_masked():
    assert mask_under(ENGINE, "a@example.org", {"password": "hunter2"}) == {"password": "[PASSWORD_1]"}
