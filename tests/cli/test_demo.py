"""The demo plays to its end; every step in it is checked by itself."""

from __future__ import annotations

import sqlite3

import pytest

from bot.demo import make_customers
from tests.cli.test_commands import signoff


@pytest.mark.slow
def test_the_demo_plays_hands_free_and_again(tmp_path):
    folder = tmp_path / "demo"

    for _ in range(2):
        done = signoff("demo", "--hands-free", "--dir", folder, "--customers", "200")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "✗" not in done.stdout
    assert (folder / "exports/or.csv").read_text().startswith("name,email,ssn,card,churn")


def test_the_demo_empties_no_folder_of_others(tmp_path):
    (tmp_path / "mine").write_text("precious")

    done = signoff("demo", "--hands-free", "--dir", tmp_path)
    assert done.returncode == 1
    assert (tmp_path / "mine").read_text() == "precious"


def test_the_same_seed_makes_the_same_customers_and_none_could_be_real(tmp_path):
    first = make_customers(tmp_path / "a.sqlite3", 500, 7)

    assert first == make_customers(tmp_path / "b.sqlite3", 500, 7)
    assert first != make_customers(tmp_path / "c.sqlite3", 500, 8)
    assert all(row[3].startswith("9") and row[2].endswith("@mail.example") for row in first)
    with sqlite3.connect(tmp_path / "a.sqlite3") as database:
        assert database.execute("SELECT count(*) FROM customers").fetchone() == (500,)
    database.close()
