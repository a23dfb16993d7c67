"""What a SQL cell costs the server, in questions: the same however many rows there are."""

import pytest

from benchmarks.counting import Call, counting
from jupyter_extension.sql.database import Database

from .talk import results

QUESTIONS = tuple(Call(name, Database, name) for name in ("describe", "fetch", "copy", "execute"))


@pytest.mark.parametrize("number", [10, 10_000])
def test_a_query_is_described_once_and_its_rows_come_in_one_piece(database: Database, number: int):
    with counting(*QUESTIONS) as counts:
        results(database, f"select i from generate_series(1, {number}) i")
    assert counts == {"describe": 1, "copy": 1}


@pytest.mark.parametrize("number", [10, 10_000])
def test_a_parameter_costs_a_transaction_around_the_query(database: Database, number: int):
    with counting(*QUESTIONS) as counts:
        results(database, "select i from generate_series(1, {last}) i", {"last": number})
    assert counts == {"describe": 1, "fetch": 1, "copy": 1, "execute": 2}


def test_every_statement_of_a_cell_is_asked_for_itself(database: Database):
    with counting(*QUESTIONS) as counts:
        results(database, "select 1; select 2; select 3")
    assert counts == {"describe": 3, "copy": 3}
