"""Watches tables: tells when somebody, wherever, has committed a change to one.

A trigger for each statement notifies, once for a transaction; without the right to make one, the server's
own counts of changed rows are looked at now and then. It has its own connection, and leaves no trigger.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping

from .database import Database, Failed, Target
from .query import quoted

# Seconds in which changes are told together, between two looks at the counts, and two tries to connect.
_TOGETHER, _LOOK, _AGAIN = 0.15, 1.0, 1.0
_CHANNEL = "reactive_watch"

_FIND = """
select space.nspname::text, class.relname::text, class.oid::int8 from pg_catalog.pg_class as class
join pg_catalog.pg_namespace as space on space.oid = class.relnamespace
where class.oid = pg_catalog.to_regclass($1)
"""
_COUNTS = """
select schemaname || '.' || relname, n_tup_ins + n_tup_upd + n_tup_del
from pg_catalog.pg_stat_all_tables where relid::int8 = any($1::int8[])
"""
# Triggers of watchers that ended without a word: their backend is gone.
_LEFT_BEHIND = """
select space.nspname::text, own.tgname::text from pg_catalog.pg_trigger as own
join pg_catalog.pg_class as class on class.oid = own.tgrelid
join pg_catalog.pg_namespace as space on space.oid = class.relnamespace
where own.tgname like 'reactive\\_watch\\_%' and not exists (select from pg_catalog.pg_stat_activity
    where pid::text = split_part(own.tgname, '_', 3))
"""


class Unwatchable(Exception):
    """There is no such table; says which."""


class Watcher:
    """Watches some tables of one database until it is closed. `changed` is called in a thread of its own."""

    def __init__(self, target: Target, changed: Callable[[frozenset[str]], None]) -> None:
        self._target = target
        self._changed = changed
        self._tables: dict[int, tuple[str, str]] = {}
        self._triggers: dict[int, str] = {}
        self._counts: Mapping[str, int] = {}
        self._heard: set[str] = set()
        self._wake = threading.Event()
        self._over = threading.Event()
        self._database = self._connect()
        self._thread = threading.Thread(target=self._run, name="sql-watch", daemon=True)
        self._thread.start()

    def add(self, names: Iterable[str]) -> frozenset[str]:
        """Watch these tables, too; answers how the graph calls them."""
        for name in names:
            found = self._database.fetch(_FIND, [name]).rows
            if not found:
                raise Unwatchable(f"There is no table `{name}` in {self._database.server}.")
            schema, table, oid = found[0]
            self._tables[int(str(oid))] = str(schema), str(table)
        self._install(self._database)
        # How long it waits depends on how they are watched.
        self._wake.set()
        return frozenset(self._resource(f"{schema}.{table}") for schema, table in self._tables.values())

    @property
    def by_triggers(self) -> bool:
        """Is every table watched by a trigger?"""
        return self._tables.keys() == self._triggers.keys()

    @property
    def backend(self) -> int:
        return self._database.backend

    def close(self) -> None:
        """Take the triggers away and leave."""
        self._over.set()
        self._wake.set()
        self._thread.join()
        if not self._database.lost:
            for oid, trigger in self._triggers.items():
                _try(self._database, *_removal(self._tables[oid][0], trigger))
        self._database.close()

    # The connection

    def _connect(self) -> Database:
        database = Database.open("watch", self._target)
        database.listen(_CHANNEL, self._hear)
        return database

    def _install(self, database: Database) -> None:
        self._sweep(database)
        for oid, (schema, table) in self._tables.items():
            if oid not in self._triggers:
                trigger = f"reactive_watch_{database.backend}_{secrets.token_hex(4)}"
                if _try(database, *_trigger(schema, table, trigger)):
                    self._triggers[oid] = trigger
        self._counts = self._count(database)

    def _sweep(self, database: Database) -> None:
        for schema, trigger in database.fetch(_LEFT_BEHIND).rows:
            _try(database, *_removal(str(schema), str(trigger)))

    def _resource(self, name: str) -> str:
        return f"table:{self._database.place}/{name}"

    # Hearing

    def _hear(self, name: str) -> None:
        """A table changed; or, without a name, the connection is gone."""
        self._heard |= {name} - {""}
        self._wake.set()

    def _run(self) -> None:
        while not self._over.is_set():
            self._wake.wait(None if self.by_triggers and not self._database.lost else _LOOK)
            # What follows at once belongs to it.
            if self._wake.is_set() and self._over.wait(_TOGETHER):
                return
            self._wake.clear()
            try:
                self._look()
            except Failed:
                self._come_back()
            self._tell()

    def _look(self) -> None:
        if self._database.lost:
            raise Failed("lost")
        if not self.by_triggers:
            now = self._count(self._database)
            self._heard |= {name for name, count in now.items() if self._counts.get(name) != count}
            self._counts = now

    def _count(self, database: Database) -> Mapping[str, int]:
        polled = [oid for oid in self._tables if oid not in self._triggers]
        if not polled:
            return {}
        return {str(name): int(str(count)) for name, count in database.fetch(_COUNTS, [polled]).rows}

    def _come_back(self) -> None:
        """Nobody knows what happened meanwhile: everything may have changed."""
        while not self._over.wait(_AGAIN):
            try:
                database = self._connect()
            except Failed:
                continue
            self._database.close()
            self._database = database
            self._triggers.clear()
            self._install(database)
            self._heard |= {f"{schema}.{table}" for schema, table in self._tables.values()}
            return

    def _tell(self) -> None:
        heard, self._heard = self._heard, set()
        if heard:
            self._changed(frozenset(map(self._resource, heard)))


def _trigger(schema: str, table: str, trigger: str) -> tuple[str, ...]:
    function = f"{quoted(schema)}.{quoted(trigger)}"
    return (
        f"create function {function}() returns trigger language plpgsql as $$ begin "
        f"perform pg_catalog.pg_notify('{_CHANNEL}', tg_table_schema || '.' || tg_table_name); "
        "return null; end $$",
        f"create trigger {quoted(trigger)} after insert or update or delete or truncate "
        f"on {quoted(schema)}.{quoted(table)} for each statement execute function {function}()",
    )


def _removal(schema: str, trigger: str) -> tuple[str, ...]:
    return (f"drop function if exists {quoted(schema)}.{quoted(trigger)}() cascade",)


def _try(database: Database, *statements: str) -> bool:
    """Run statements all together; answer whether they were allowed."""
    try:
        database.execute("; ".join(statements))
    except Failed:
        return False
    return True
