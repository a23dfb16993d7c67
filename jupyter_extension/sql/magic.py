"""`%sql` and `%%sql` in IPython: what a cell asks for, done and shown."""

from __future__ import annotations

import atexit
import sys
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, cast

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import (
    Magics,
    line_cell_magic,
    magics_class,
    no_var_expand,
)
from IPython.display import display  # pyright: ignore[reportUnknownVariableType]  # typed in part

from . import line as lines
from .caller import unused
from .catalog import Catalogs, defines
from .comms import answering, variables
from .connections import Connections, Unconnected
from .database import Database, Failed, Target
from .execution import Names, Path, Progress, Result, Wrong, run
from .facts import ANY, resources, unasked
from .lineage import Lineage, lineage
from .pages import Nonsense, Tables
from .query import Statement, Unreadable, pointed, statements
from .secrecy import forget
from .sources import Called, Sources, called, sources
from .table import Shown, bundle
from .watch import Unwatchable, Watcher

TABLES_TARGET, SQL_TARGET = "reactive.table", "reactive.sql"
# Seconds after which a result is shown as far as it has come, and between two such words.
_SLOW, _TICK = 0.3, 0.25
_NO_TABLES = frozenset[str]()


class SqlError(Exception):
    """What went wrong with a SQL cell, in words: nobody wants to see our own frames."""

    def _render_traceback_(self) -> list[str]:
        return [f"SqlError: {self}"]


class Stopped(KeyboardInterrupt):
    """Somebody interrupted a statement: that is known by its name, and nobody wants to see our own frames."""

    def _render_traceback_(self) -> list[str]:
        return [f"KeyboardInterrupt: {self}"]


Stopped.__name__ = KeyboardInterrupt.__name__


class Observer(Protocol):
    """A kernel that wants to know what a run did to the world outside."""

    def resources_touched(
        self, reads: frozenset[str], writes: frozenset[str], unproven: str | None
    ) -> None: ...

    def tables_changed(self, resources: frozenset[str]) -> None: ...

    def connection_changed(self, name: str, server: str, problem: str | None) -> None: ...

    def transactions_open(self, connections: frozenset[str]) -> None: ...


@magics_class
class SqlMagics(Magics):
    """The magics of one shell, with its connections and the tables it shows."""

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.connections = Connections(self._hear)
        self.tables = Tables()
        self.catalogs = Catalogs(self.connections)
        # Front ends that want to know when tables, columns or connections are others.
        self._listeners: dict[str, Any] = {}
        self._watchers: dict[Database, Watcher] = {}
        # What the transaction that is open on a connection has changed so far.
        self._uncommitted: dict[Database, frozenset[str]] = {}
        # Which tables of each database cells have read.
        self._met: dict[str, frozenset[str]] = {}

    # IPython would paste values into the text before anybody has read it.
    @no_var_expand
    @line_cell_magic
    def sql(self, line: str, cell: str | None = None) -> object:
        """Run SQL, or connect: %sql postgresql://…, %%sql [NAME <<] [--on …] [--as …] [--limit N]."""
        try:
            if cell is not None:
                return self._ask(lines.parse_cell(line, cell), Screen(self.tables))
            return self._order(lines.parse_line(line))
        except (lines.Misused, Failed, Wrong, Unconnected, Unwatchable) as problem:
            raise SqlError(str(problem)) from None
        except Unreadable as problem:
            text = line if cell is None else cell
            raise SqlError(f"{problem.message}\n{pointed(text, problem.position)}") from None

    def _order(self, order: lines.Order) -> object:
        if isinstance(order, lines.Connect):
            forget(self._shell, Target(order.url).secrets())
            _say(f"{order.name}: {self.connect(order.name, order.url).server}")
            return None
        if isinstance(order, lines.Tell):
            return self._tell(order.name)
        if isinstance(order, lines.Watch):
            return self._watch(order)
        return self._ask(order, Screen(self.tables) if unused(self._shell) else Quiet())

    def connect(self, name: str, url: str) -> Database:
        """Open a connection; also for a front end that asks for one, in a thread of its own."""
        database = self.connections.connect(name, Target(url))
        self._tell_transactions()
        return database

    def _tell(self, name: str) -> None:
        database = self.connections.get(name)
        if database.lost:
            database.reconnect()
        state = "a transaction is open" if database.in_transaction else "no transaction is open"
        _say(f"{name}: {database.server}; {state}")
        _tell_notices(database)

    def _watch(self, order: lines.Watch) -> None:
        """Have the readers of these tables run again whenever somebody changes them."""
        observer = self._observer
        if observer is None:
            raise lines.Misused("--watch has cells run again, and this kernel has none do so.")
        if not order.tables:
            raise lines.Misused("Which tables? It is %sql --watch TABLE...")
        database = self.connections.get(order.name)
        watcher = self._watchers.get(database)
        if watcher is None:
            watcher = self._watchers[database] = Watcher(database.address, observer.tables_changed)
        watcher.add(order.tables)
        how = "by triggers" if watcher.by_triggers else "by looking at the counts of changed rows"
        _say(f"{order.name}: {', '.join(order.tables)} watched, {how}")

    def close(self) -> None:
        """Leave all servers, and nothing behind there."""
        self.catalogs.close()
        while self._watchers:
            self._watchers.popitem()[1].close()
        self.connections.close()

    # Asking

    def _ask(self, order: lines.Ask, screen: Screen | Quiet) -> object:
        ask = self._frames if order.on == lines.FRAMES else self._statements
        result = ask(order, screen)
        if order.into is None and isinstance(screen, Screen):
            return None
        rows = None if result is None or result.table is None else SHAPES[order.shape](result.table)
        if order.into is None:
            return rows
        self._shell.user_ns[order.into] = rows
        return None

    def _statements(self, order: lines.Ask, screen: Screen | Quiet) -> Result | None:
        parts = statements(order.sql)
        if not parts:
            raise lines.Misused("There is no statement here.")
        last: Result | None = None
        with self.connections.get(order.on).held() as database:
            try:
                for part in parts:
                    last = self._statement(database, order, part, screen)
            finally:
                self._tell_transactions()
        return last

    def _tell_transactions(self) -> None:
        if self._observer is not None:
            self._observer.transactions_open(self.connections.in_transaction)

    def _statement(
        self, database: Database, order: lines.Ask, part: Statement, screen: Screen | Quiet
    ) -> Result:
        touched = Touched(self._observer, database, part, self._uncommitted, self._met)
        screen.begin()

        def watch(progress: Progress) -> None:
            _tell_notices(database)
            screen.progress(progress)

        try:
            result = run(database, order.sql, part, self._names(), order.limit, watch)
        except KeyboardInterrupt:
            screen.stop()
            raise Stopped(_how_it_stopped(database)) from None
        except BaseException:
            screen.stop()
            raise
        finally:
            _tell_notices(database)
            touched.tell()
            if defines(part.text, lineage(_without_places(part))):
                self._tell_defined(order.on)
        screen.end(result, in_transaction=database.in_transaction)
        return result

    def _frames(self, order: lines.Ask, screen: Screen | Quiet) -> Result | None:
        from .frames import Unusable, run_frames  # DuckDB takes a while to import

        last: Result | None = None
        for part in statements(order.sql):
            screen.begin()
            try:
                last = run_frames(order.sql, part, self._names(), order.limit)
            except Unusable as problem:
                raise Wrong(str(problem)) from None
            screen.end(last, in_transaction=False)
        return last

    def _names(self) -> Names:
        return Names(self._shell.user_ns.__contains__, self._value)

    def _value(self, path: Path) -> object:
        found: Any = self._shell.user_ns[path[0]]
        for attribute in path[1:]:
            found = getattr(found, attribute)
        return found

    # Around it

    @property
    def _shell(self) -> Any:
        return self.shell

    @property
    def _observer(self) -> Observer | None:
        kernel: object = getattr(self._shell, "kernel", None)
        return cast("Observer", kernel) if hasattr(kernel, "resources_touched") else None

    def _tell_defined(self, name: str) -> None:
        """Tell those who complete names that there may be others now."""
        self.catalogs.forget(name)
        for comm in list(self._listeners.values()):
            comm.send({"op": "changed", "on": name})

    def _hear(self, name: str, server: str, problem: str | None) -> None:
        if problem is None:
            self._tell_defined(name)
        observer = self._observer
        if observer is not None:
            observer.connection_changed(name, server, problem)

    def serve_tables(self, comm: Any, opened: Mapping[str, Any]) -> None:
        """Answer what a front end asks of the tables that are shown."""
        comm.on_msg(answering(comm, self.tables.answer))

    def serve_names(self, comm: Any, opened: Mapping[str, Any]) -> None:
        """Answer what can be written in a SQL cell."""
        self._listeners[comm.comm_id] = comm

        def gone(message: object) -> None:
            self._listeners.pop(comm.comm_id, None)

        comm.on_close(gone)
        comm.on_msg(answering(comm, self._names_for))

    def _names_for(self, request: Mapping[str, object]) -> tuple[dict[str, object], list[bytes]]:
        operation, on = request.get("op"), str(request.get("on") or lines.DEFAULT)
        if operation == "catalog":
            return {"op": operation, "on": on, **self.catalogs.of(on)}, []
        if operation == "names":
            return {"op": operation, "names": variables(self._shell.user_ns)}, []
        if operation == "connections":
            return {"op": operation, "names": [*self.connections.names(), lines.FRAMES]}, []
        raise Nonsense(f"{operation!r} is not known; there are catalog, names and connections.")


class Touched:
    """Tells the kernel what a statement did to which tables. Where no kernel asks, it costs nothing."""

    def __init__(
        self,
        observer: Observer | None,
        database: Database,
        statement: Statement,
        uncommitted: dict[Database, frozenset[str]],
        met: dict[str, frozenset[str]],
    ) -> None:
        self._observer = observer
        self._database = database
        self._uncommitted = uncommitted
        self._met = met
        self._lineage = Lineage()
        self._before = Sources()
        if observer is not None:
            self._lineage = lineage(_without_places(statement)) or Lineage(changes=True, unknown=True)
            # What a statement drops can be found only before it has.
            self._before = sources(database, self._lineage)

    def tell(self) -> None:
        if self._observer is None:
            return
        # Also by the names that the analyser knew before anything had run.
        place = unasked(self._database.name)
        reads, writes = (resources(each, place) for each in (self._lineage.reads, self._lineage.writes))
        found = self._before | sources(self._database, self._lineage) | Sources(reads, writes)
        functions = called(self._database, self._lineage.functions)
        self._met[self._database.place] = met = self._met.get(self._database.place, _NO_TABLES) | found.reads
        changed = found.writes
        if functions.changing or (self._lineage.unknown and not self._lineage.functions):
            # Nobody knows what it changes: it may be whatever anybody has read.
            changed |= met
            self._observer.tables_changed(met)
        writes = found.writes | self._ended(changed)
        self._observer.resources_touched(found.reads, writes, self._unproven(functions))

    def _ended(self, writes: frozenset[str]) -> frozenset[str]:
        """What a transaction had changed that is over now: others see it only now, or nobody ever will."""
        changed = self._uncommitted.pop(self._database, frozenset())
        if not self._database.in_transaction:
            return changed
        self._uncommitted[self._database] = changed | writes
        return frozenset()

    def _unproven(self, found: Called) -> str | None:
        if self._lineage.unknown and not self._lineage.functions:
            return "What the statement changes in the database is known to nobody but its author."
        if found.changing:
            return f"It calls {_listed(found.changing)}; what that changes in the database is not known."
        if found.reading:
            return f"It calls {_listed(found.reading)}; which tables that reads is not known."
        return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _without_places(statement: Statement) -> str:
    text, at, pieces = statement.text, 0, list[str]()
    for place in statement.places:
        pieces += [text[at : place.start - statement.start], f' "{ANY}" ' if place.identifier else " null "]
        at = place.end - statement.start
    return "".join([*pieces, text[at:]])


# What is shown


class Quiet:
    """Nothing is shown: the rows are somebody's value."""

    def begin(self) -> None:
        pass

    def progress(self, progress: Progress) -> None:
        pass

    def stop(self) -> None:
        pass

    def end(self, result: Result, *, in_transaction: bool) -> None:
        if result.table is None or in_transaction or result.notes:
            _say("\n".join([_summary(result, in_transaction=in_transaction), *result.notes]))


class Screen:
    """Shows each result in the cell: the first rows soon, the rest when it is there."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._id = ""
        self._shown = False
        self._next = 0.0
        self._last: Progress | None = None

    def begin(self) -> None:
        self._id = uuid.uuid4().hex
        self._shown = False
        self._next = _SLOW
        self._last = None

    def progress(self, progress: Progress) -> None:
        """Show how far it has come, now and then."""
        if progress.block is None or progress.seconds < self._next:
            return
        self._next = progress.seconds + _TICK
        self._last = progress
        self._show(progress, "so far, {} …", coming=True)

    def stop(self) -> None:
        """An error or an interrupt: no more rows come."""
        if self._last is not None:
            self._show(self._last, "had come, {}, when it was stopped", coming=False)

    def _show(self, progress: Progress, words: str, *, coming: bool) -> None:
        if progress.first is None:
            return
        amount = f"{progress.bytes / 1e6:,.1f} MB, {progress.seconds:.1f} s"
        summary = f"{progress.rows:,} rows {words.format(amount)}"
        shown = Shown(self._id, progress.columns, progress.rows, summary, coming=coming)
        self._display(bundle(shown, progress.first))

    def end(self, result: Result, *, in_transaction: bool) -> None:
        summary = _summary(result, in_transaction=in_transaction)
        if result.table is None:
            _say("\n".join([summary, *result.notes]))
            return
        self._tables.keep(self._id, result.table)
        shown = Shown(self._id, result.columns, result.rows, summary, result.notes, cut=result.cut)
        self._display(bundle(shown, result.table))

    def _display(self, data: dict[str, object]) -> None:
        cast("Any", display)(data, raw=True, display_id=self._id, update=self._shown)
        self._shown = True


def _summary(result: Result, *, in_transaction: bool) -> str:
    parts: list[str] = []
    if result.table is None or not result.status.startswith("SELECT"):
        parts.append(result.status)
    if result.table is not None:
        parts.append(f"{result.rows:,} row{'' if result.rows == 1 else 's'} × {len(result.columns)}")
        parts += [f"{result.bytes / 1e6:,.1f} MB"] if result.bytes >= 100_000 else []
    parts.append(f"{result.seconds * 1000:,.0f} ms" if result.seconds < 1 else f"{result.seconds:,.1f} s")
    parts += ["a transaction is open"] if in_transaction else []
    return " · ".join(parts)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _how_it_stopped(database: Database) -> str:
    if database.lost:
        return "The server did not answer; the connection is closed, and the next statement opens a new one."
    after = (
        " The transaction that is open has failed with it; ROLLBACK ends it."
        if database.in_transaction
        else ""
    )
    return f"The statement was cancelled on the server.{after}"


def _tell_notices(database: Database) -> None:
    while database.notices:
        sys.stderr.write(f"{database.notices.popleft()}\n")


def _pandas(table: Any) -> object:
    import pandas as pd  # the user's own, and not everybody's

    return table.to_pandas(types_mapper=cast("Any", pd).ArrowDtype)


def _polars(table: Any) -> object:
    import polars as pl  # the user's own, and not everybody's

    return pl.from_arrow(table)


def _arrow(table: Any) -> object:
    return table


SHAPES: Mapping[lines.Shape, Callable[[Any], object]] = {
    lines.Shape.PANDAS: _pandas,
    lines.Shape.ARROW: _arrow,
    lines.Shape.POLARS: _polars,
}


def load(shell: InteractiveShell) -> SqlMagics:
    """Give a shell the magics, and its kernel the tables' comm."""
    magics = SqlMagics(shell)
    shell.register_magics(magics)
    kernel: Any = getattr(shell, "kernel", None)
    if kernel is not None and hasattr(kernel, "comm_manager"):
        kernel.comm_manager.register_target(TABLES_TARGET, magics.serve_tables)
        kernel.comm_manager.register_target(SQL_TARGET, magics.serve_names)
    if kernel is not None and hasattr(kernel, "connects_with"):
        kernel.connects_with(magics.connect)
    atexit.register(magics.close)
    return magics
