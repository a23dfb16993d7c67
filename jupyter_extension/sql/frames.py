"""Queries data frames by their variables' names, with DuckDB, which sees those and nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, cast

import duckdb

from .arrow import pa
from .execution import Names, Path, Progress, Result
from .lineage import lineage
from .query import Statement, Unreadable, rewrite, statements, with_known
from .types import Column, Kind


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
    sql = _without_values(statement)
    found = lineage(sql)
    if found is not None:
        return frozenset(table.name for table in found.reads if table.schema is None)
    # What only DuckDB understands. It looks for the columns, too, so it is asked second.
    return frozenset(connection.get_table_names(sql))


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
) -> Any:
    """The rows of one statement. `value` knows what to bind, `frame` the variables."""
    if any(place.identifier for place in statement.places):
        raise Unusable("`{name!i}` names no data frame: write its variable's name.")
    rewritten = rewrite(statement, lambda name: True, {})
    with _closed() as connection:
        for name in sorted(tables_in(connection, statement)):
            _register(connection, name, frame(name))
        values = [value(path) for path in rewritten.paths]
        connection.execute(rewritten.sql, values or None)
        with warnings.catch_warnings():
            # A relation would spare a copy, but nothing stops it before it is done.
            warnings.simplefilter("ignore", UserWarning)
            return cast("Any", connection.to_arrow_table())


def run_frames(text: str, statement: Statement, names: Names, limit: int | None) -> Result:
    """One statement of a cell's text, with what Python knows."""
    progress = Progress()

    def value(path: Path) -> object:
        if not names.knows(path[0]):
            raise Unusable(f"`{path[0]}` is not defined.")
        return names.value(path)

    try:
        table = query(with_known(statement, names.knows), value, lambda name: value((name,)))
    except duckdb.Error as error:
        raise Unusable(str(error)) from None
    columns = tuple(Column(field.name, str(field.type), Kind.PRINTED) for field in table.schema)
    cut = limit is not None and table.num_rows > limit
    kept = table.slice(0, limit) if cut else table
    rows = kept.num_rows
    return Result(statement, columns, kept, rows, f"SELECT {rows}", progress.seconds, (), cut, kept.nbytes)


def _register(connection: duckdb.DuckDBPyConnection, name: str, value: object) -> None:
    try:
        connection.register(name, _table(value))
    except (duckdb.Error, TypeError, ValueError) as error:
        # What DuckDB says of a value of another kind is about DuckDB.
        why = "" if isinstance(error, duckdb.Error) else f": {error}"
        raise Unusable(
            f"`{name}` is no data frame that can be read; its type is {type(value).__name__}{why}"
        ) from None


def _table(value: object) -> object:
    """Arrow for what is a plain collection; frames as they are."""
    if isinstance(value, dict):
        return pa.table(value)
    if isinstance(value, list):
        return pa.Table.from_pylist(value)
    return value


def _closed() -> duckdb.DuckDBPyConnection:
    """A database in memory that finds no variable, no file and no server by itself."""
    connection = duckdb.connect(":memory:")
    connection.execute("set python_enable_replacements = false")
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")
    return connection
