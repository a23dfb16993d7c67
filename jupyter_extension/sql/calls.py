"""SQL cells as calls, for plain Python: what a script exported from a notebook says instead of `%%sql`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from .connections import Connections, Unconnected
from .database import Failed, Target
from .execution import Names, Path, Progress, Result, Wrong, run
from .line import DEFAULT, FRAMES, Misused, Shape
from .magic import SHAPES
from .query import Unreadable, pointed, statements


class SqlError(Exception):
    """What went wrong with SQL, in words."""


@cache
def _connections() -> Connections:
    return Connections(lambda name, server, problem: None)


def connect(url: str, name: str = DEFAULT) -> None:
    """Open a connection, as `%sql postgresql://… --name NAME` does."""
    try:
        _connections().connect(name, Target(url))
    except Failed as problem:
        raise SqlError(str(problem)) from None


def sql(
    text: str,
    values: Mapping[str, object] | None = None,
    *,
    on: str = DEFAULT,
    shape: str = "pandas",
    limit: int | None = None,
    show: bool = False,
) -> object:
    """Run the statements and answer the rows of the last one; `values` are bound by their names."""
    try:
        result = _asked(text, values or {}, on, limit)
    except (Failed, Wrong, Unconnected, Misused) as problem:
        raise SqlError(str(problem)) from None
    except Unreadable as problem:
        raise SqlError(f"{problem.message}\n{pointed(text, problem.position)}") from None
    rows = None if result is None or result.table is None else SHAPES[Shape(shape)](result.table)
    if show and rows is not None:
        sys.stdout.write(f"{rows}\n")
    return rows


def _asked(text: str, values: Mapping[str, object], on: str, limit: int | None) -> Result | None:
    names = Names(values.__contains__, lambda path: _value(values, path))
    last: Result | None = None
    for part in statements(text):
        if on == FRAMES:
            from .frames import Unusable, run_frames  # DuckDB takes a while to import

            try:
                last = run_frames(text, part, names, limit)
            except Unusable as problem:
                raise Wrong(str(problem)) from None
        else:
            last = run(_connections().get(on), text, part, names, limit, _unwatched)
    return last


def _value(values: Mapping[str, object], path: Path) -> object:
    found = values[path[0]]
    for attribute in path[1:]:
        found = getattr(found, attribute)
    return found


def _unwatched(progress: Progress) -> None:
    """Nobody looks how far it has come."""
