"""Tells the reactive kernel what a SQL cell reads and writes: the analyser of `%sql` and `%%sql`.

It opens no connection. Which database a table is in, and what is behind a view, only a run can tell.
"""

from __future__ import annotations

from collections.abc import Iterable

from reactive_kernel.cell import CellFacts, Resource, Unparsable

from .line import DEFAULT, FRAMES, Ask, Misused, parse_cell, parse_line
from .lineage import Lineage, Table, lineage
from .query import Statement, Unreadable, rewrite, statements

# What stands for an identifier that only a run will know.
ANY = "reactive any"


def facts(line: str, body: str) -> CellFacts:
    """The facts of `%sql line`, or of `%%sql line` above a body."""
    try:
        order = parse_cell(line, body) if body else parse_line(line)
    except Misused as problem:
        return CellFacts(problem=Unparsable(str(problem)))
    return _facts(order, above=bool(body)) if isinstance(order, Ask) else CellFacts()


def _facts(order: Ask, *, above: bool) -> CellFacts:
    written = frozenset([order.into] if order.into else [])
    if order.on == FRAMES:
        from .frames import names_in  # DuckDB takes a while to import

        return CellFacts(reads=names_in(order.sql), writes=written)
    try:
        parts = statements(order.sql)
    except Unreadable as problem:
        at = order.sql.count("\n", 0, problem.position) + 2 if above else None
        return CellFacts(writes=written, problem=Unparsable(problem.message, at))
    found = [_lineage(part) for part in parts]
    database = unasked(order.on)
    return CellFacts(
        reads=_names(parts).union(*(resources(each.reads, database) for each in found)),
        writes=written.union(*(resources(each.writes, database) for each in found)),
        # What Postgres' parser does not understand, an older or a newer server might.
        manual=any(each.changes or each.unknown for each in found),
        sessions=frozenset([order.on]),
    )


def _names(parts: Iterable[Statement]) -> frozenset[Resource]:
    return frozenset[Resource]().union(*(part.names for part in parts))


def _lineage(statement: Statement) -> Lineage:
    unknown = {place.path: ANY for place in statement.places if place.identifier}
    found = lineage(rewrite(statement, lambda name: True, unknown).sql)
    return found if found is not None else Lineage(changes=True, unknown=True)


def unasked(connection: str) -> str:
    """How the database of a connection is called that nobody has asked."""
    return "?" if connection == DEFAULT else f"?{connection}"


def resources(tables: Iterable[Table], database: str) -> frozenset[Resource]:
    """How tables are called in the graph. Without a connection, `public` is assumed."""
    known = (table for table in tables if ANY not in (table.name, table.schema))
    return frozenset(f"table:{database}/{table.schema or 'public'}.{table.name}" for table in known)
