"""Tells front ends what there is to write: schemas, tables, columns, types and keywords of a database.

It asks over a connection of its own, so that it can answer while a query runs, and remembers what it heard.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from .connections import Connections
from .database import Database, Failed
from .lineage import Lineage

Content: TypeAlias = Mapping[str, object]

# Others change tables, too: what was heard longer ago than so many seconds is asked for again.
_OLD = 120.0
_MOST_TABLES = 3000
_PATIENCE = "set statement_timeout = 5000; set default_transaction_read_only = on"
# What begins so may leave other tables than there were, or make those of a transaction seen by others.
_DEFINING = {"create", "alter", "drop", "import", "do", "call", "commit", "end", "rollback", "set", "execute"}

_TABLES = f"""
select space.nspname::text, class.relname::text, class.relkind::text,
    array(select own.attname::text from pg_catalog.pg_attribute as own
        where own.attrelid = class.oid and own.attnum > 0 and not own.attisdropped order by own.attnum),
    array(select pg_catalog.format_type(own.atttypid, own.atttypmod) from pg_catalog.pg_attribute as own
        where own.attrelid = class.oid and own.attnum > 0 and not own.attisdropped order by own.attnum)
from pg_catalog.pg_class as class join pg_catalog.pg_namespace as space on space.oid = class.relnamespace
where class.relkind in ('r', 'p', 'v', 'm', 'f')
    and space.nspname <> 'information_schema' and space.nspname not like 'pg\\_%'
    and pg_catalog.has_schema_privilege(space.oid, 'usage')
order by 1, 2 limit {_MOST_TABLES}
"""  # noqa: S608  # a number of ours
_SCHEMAS = """
select nspname::text from pg_catalog.pg_namespace
where nspname not like 'pg\\_toast%' and nspname not like 'pg\\_temp%'
    and pg_catalog.has_schema_privilege(oid, 'usage') order by 1
"""
_TYPES = """
select distinct pg_catalog.format_type(oid, null) from pg_catalog.pg_type
where typtype in ('b', 'e', 'd', 'r') and typcategory not in ('A', 'Z', 'X')
    and pg_catalog.pg_type_is_visible(oid) and typname not like 'pg\\_%' and typname not like 'reg%'
order by 1
"""
_KEYWORDS = """
select word from pg_catalog.pg_get_keywords() where catcode <> 'U' or word in ('insert', 'update', 'delete',
    'set', 'values', 'view', 'index', 'begin', 'commit', 'rollback', 'alter', 'drop', 'if', 'by', 'key',
    'partition', 'over', 'first', 'last', 'nulls', 'explain', 'truncate', 'schema', 'replace', 'temp',
    'materialized', 'refresh', 'recursive', 'rows', 'range', 'filter', 'cascade', 'restrict') order by 1
"""
_PATH = "select name::text from unnest(pg_catalog.current_schemas(false)) as name"
_KINDS = {"r": "table", "p": "table", "v": "view", "m": "materialized view", "f": "foreign table"}


@dataclass(frozen=True)
class _Heard:
    of: Database
    when: float
    content: Content


class Catalogs:
    """What the open connections have, each asked over a second connection."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._heard: dict[str, _Heard] = {}
        self._own: dict[str, tuple[Database, Database]] = {}
        # Front ends ask from any thread.
        self._turn = threading.Lock()

    def of(self, name: str) -> Content:
        """What there is; nothing but that it is not connected, if nobody has opened that connection."""
        database = self._connections.opened(name)
        if database is None:
            return {"connected": False}
        with self._turn:
            heard = self._heard.get(name)
            if heard is None or heard.of is not database or time.monotonic() - heard.when > _OLD:
                heard = self._heard[name] = _Heard(database, time.monotonic(), self._ask(name, database))
            return heard.content

    def forget(self, name: str) -> None:
        """Something has changed there."""
        with self._turn:
            self._heard.pop(name, None)

    def close(self) -> None:
        while self._own:
            self._own.popitem()[1][1].close()

    def _ask(self, name: str, database: Database) -> Content:
        try:
            own = self._connection(name, database)
            tables = [_table(row) for row in own.fetch(_TABLES).rows]
            schemas, types, words, path = (
                [str(row[0]) for row in own.fetch(sql).rows] for sql in (_SCHEMAS, _TYPES, _KEYWORDS, _PATH)
            )
        except Failed as failed:
            return {"connected": True, "server": database.server, "error": str(failed)}
        listed = {"schemas": schemas, "tables": tables, "types": types, "keywords": words}
        return {"connected": True, "server": database.server, "path": path, **listed}

    def _connection(self, name: str, database: Database) -> Database:
        """The second connection to where the first one goes now."""
        before, own = self._own.get(name, (None, None))
        if own is not None and before is database and not own.lost:
            return own
        if own is not None:
            del self._own[name]
            own.close()
        own = Database.open(f"catalog-{name}", database.address)
        self._own[name] = database, own
        own.execute(_PATIENCE)
        return own


def _table(row: Sequence[object]) -> Content:
    schema, name, kind = (str(each) for each in row[:3])
    columns, types = (cast("list[str]", each) for each in row[3:])
    listed = [{"name": column, "type": its} for column, its in zip(columns, types)]
    return {"schema": schema, "name": name, "kind": _KINDS[kind], "columns": listed}


def defines(sql: str, lineage: Lineage | None) -> bool:
    """May the statement leave other tables, columns or types than there were?"""
    word = sql.split(None, 1)[0].lower() if sql.strip() else ""
    if lineage is None or lineage.unknown or word in _DEFINING:
        return True
    # SELECT ... INTO makes a table.
    return word in ("select", "with") and bool(lineage.writes - lineage.reads)
