"""Finds out which tables a statement's names stand for: by the session's search path, and behind views."""

from __future__ import annotations

from dataclasses import dataclass

from .database import Database, Failed
from .lineage import Lineage, Table
from .query import Unquotable, quoted

_BEHIND = """
with recursive named as (select pg_catalog.to_regclass(name)::oid as oid from unnest($1::text[]) as name),
behind as (
    select oid from named where oid is not null
    union
    select depend.refobjid from behind
    join pg_catalog.pg_rewrite as rule on rule.ev_class = behind.oid
    join pg_catalog.pg_depend as depend on depend.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        and depend.objid = rule.oid and depend.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
)
select space.nspname, class.relname from behind
join pg_catalog.pg_class as class on class.oid = behind.oid
join pg_catalog.pg_namespace as space on space.oid = class.relnamespace
where space.nspname not in ('pg_catalog', 'information_schema')
"""


_VOLATILITY = (
    "select proname::text, provolatile::text from pg_catalog.pg_proc "
    "where proname = any($1::text[]) and provolatile <> 'i'"
)


@dataclass(frozen=True)
class Sources:
    """Resources, as the graph calls them."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()

    def __or__(self, other: Sources) -> Sources:
        return Sources(self.reads | other.reads, self.writes | other.writes)


def sources(database: Database, lineage: Lineage) -> Sources:
    """What is known of the tables now. Nothing, if the server does not answer: a transaction that failed."""
    try:
        return Sources(_found(database, lineage.reads), _found(database, lineage.writes))
    except Failed:
        return Sources()


@dataclass(frozen=True)
class Called:
    """Functions of the user's that do more than compute, for all that is known."""

    changing: tuple[str, ...] = ()
    # Declared to change nothing; but they may read tables.
    reading: tuple[str, ...] = ()


def called(database: Database, names: frozenset[str]) -> Called:
    """What is declared of these functions."""
    if not names or database.lost:
        return Called(tuple(sorted(names)))
    last = {name: name.rpartition(".")[2] for name in sorted(names)}
    try:
        rows = database.fetch(_VOLATILITY, [[*last.values()]]).rows
    except Failed:
        return Called(tuple(sorted(names)))
    changing, reading = ({row[0] for row in rows if row[1] == kind} for kind in "vs")
    return Called(
        tuple(name for name, own in last.items() if own in changing),
        tuple(name for name, own in last.items() if own in reading - changing),
    )


def _found(database: Database, tables: frozenset[Table]) -> frozenset[str]:
    names = [name for table in sorted(tables, key=str) if (name := _name(table))]
    if not names or database.lost:
        return frozenset()
    rows = database.fetch(_BEHIND, [names]).rows
    return frozenset(f"table:{database.place}/{schema}.{name}" for schema, name in rows)


def _name(table: Table) -> str | None:
    try:
        return ".".join(quoted(part) for part in (table.schema, table.name) if part)
    except Unquotable:
        return None
