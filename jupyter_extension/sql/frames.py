"""Queries data frames by their variables' names, with DuckDB, which sees those and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import duckdb

from .query import Statement, Unreadable, rewrite, statements

if TYPE_CHECKING:
    import pyarrow as pa


class Unusable(Exception):
    """A query names a table that is no data frame; says which."""


def names_in(sql: str) -> frozenset[str]:
    """The variables that a query reads: its tables, and what it binds."""
    try:
        parts = statements(sql)
        with _closed() as connection:
            return frozenset[str]().union(*(part.names | tables_in(connection, part) for part in parts))
    except (duckdb.Error, Unreadable):
        # It will say so itself when it runs.
        return frozenset()


def tables_in(connection: duckdb.DuckDBPyConnection, statement: Statement) -> frozenset[str]:
    return frozenset(connection.get_table_names(_without_values(statement)))


def _without_values(statement: Statement) -> str:
    """The statement with NULL for values: DuckDB looks for tables in nothing that has parameters."""
    pieces: list[str] = []
    at = 0
    for place in statement.places:
        pieces += [statement.text[at : place.start - statement.start], " null "]
        at = place.end - statement.start
    return "".join([*pieces, statement.text[at:]])


def query(
    statement: Statement, value: Callable[[tuple[str, ...]], object], frame: Callable[[str], object]
) -> pa.Table:
    """The rows of one statement. `value` knows what to bind, `frame` the variables."""
    if any(place.identifier for place in statement.places):
        raise Unusable("`{name!i}` names no data frame: write its variable's name.")
    rewritten = rewrite(statement, lambda name: True, {})
    with _closed() as connection:
        for name in sorted(tables_in(connection, statement)):
            _register(connection, name, frame(name))
        values = [value(path) for path in rewritten.paths]
        connection.execute(rewritten.sql, values or None)
        return cast("pa.Table", connection.to_arrow_table())


def _register(connection: duckdb.DuckDBPyConnection, name: str, value: object) -> None:
    try:
        connection.register(name, _table(value))
    except (duckdb.Error, TypeError, ValueError) as error:
        kind = type(value).__name__
        raise Unusable(f"`{name}` is no data frame that DuckDB can read, but {kind}: {error}") from None


def _table(value: object) -> object:
    """Arrow for what is a plain collection; frames as they are."""
    import pyarrow as pa

    if isinstance(value, dict):
        return cast("object", pa.table(cast("Any", value)))
    if isinstance(value, list):
        return cast("object", pa.Table.from_pylist(cast("Any", value)))
    return value


def _closed() -> duckdb.DuckDBPyConnection:
    """A database in memory that finds no variable, no file and no server by itself."""
    connection = duckdb.connect(":memory:")
    connection.execute("set python_enable_replacements = false")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection
