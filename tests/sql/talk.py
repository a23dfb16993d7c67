"""Runs SQL in tests as a cell would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyter_extension.sql.database import Database
from jupyter_extension.sql.execution import Names, Progress, Result, run
from jupyter_extension.sql.query import statements


def names(values: dict[str, object]) -> Names:
    def value(path: tuple[str, ...]) -> object:
        found: Any = values[path[0]]
        for attribute in path[1:]:
            found = getattr(found, attribute)
        return found

    return Names(values.__contains__, value)


def results(
    database: Database,
    sql: str,
    values: dict[str, object] | None = None,
    limit: int | None = None,
    watch: Callable[[Progress], None] = lambda progress: None,
) -> list[Result]:
    known = names(values or {})
    return [run(database, sql, statement, known, limit, watch) for statement in statements(sql)]


def rows(database: Database, sql: str, **values: object) -> list[tuple[Any, ...]]:
    """The rows of the last statement."""
    table = results(database, sql, values)[-1].table
    return [tuple(row.values()) for row in table.to_pylist()]


def value(database: Database, sql: str, **values: object) -> Any:
    [[found]] = rows(database, sql, **values)
    return found
