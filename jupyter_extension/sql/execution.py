"""Runs the statements of a cell, one by one, with values bound, and collects what each gives."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from .advice import advice, in_own_words, meant, remarks, tables_like
from .arrow import Table, pa
from .columns import Decoder
from .database import Database, Described, Failed, Fetched, Lost, Type
from .fetched import arrays_of
from .lineage import Lineage, lineage
from .numbers import united
from .query import Place, Rewritten, Statement, Unquotable, pointed, quoted, rewrite, with_known
from .types import Column, Kind
from .values import Misfit, converted

# How much is decoded at a time, after the first rows, which are decoded as they come.
_BITE = 1 << 20
_SETTING = "reactive.p{}"
_NO_COPY = {
    "from": "COPY FROM STDIN waits for rows that nobody here sends. Put them into arrays, and write "
    "INSERT INTO ... SELECT * FROM unnest({some}, {more}).",
    "to": "COPY TO STDOUT has nowhere to go here. SELECT the rows: their table can be saved as CSV, and "
    "`%%sql rows <<` has them in Python.",
}
# What the server prints is not what it makes a text of: that has the mask of every address.
_PRINTS = {"inet": "case when {0} is not null then pg_catalog.format('%s', {0}) end"}

Path: TypeAlias = tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """What one statement gave."""

    statement: Statement
    columns: tuple[Column, ...]
    # None for statements that give no rows.
    table: Any
    rows: int
    status: str
    seconds: float
    notes: tuple[str, ...] = ()
    # There were more rows than were asked for.
    cut: bool = False
    bytes: int = 0


@dataclass
class Progress:
    """How far the rows of the statement under way have come."""

    rows: int = 0
    bytes: int = 0
    began: float = field(default_factory=time.monotonic)
    columns: tuple[Column, ...] = ()
    # The first rows, as soon as they are there.
    block: list[Any] | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def first(self) -> Table | None:
        """The first rows as a table."""
        return None if self.block is None else _table(self.columns, [self.block], {})


class Wrong(Exception):
    """A statement cannot be run, or was refused: the whole story, with a caret in the user's own text."""


@dataclass(frozen=True)
class Names:
    """What Python knows: whether there is such a name, and what is behind a path."""

    knows: Callable[[str], bool]
    value: Callable[[Path], object]


@dataclass(frozen=True)
class Asked:
    """One statement, ready to be run."""

    text: str
    statement: Statement
    identifiers: Mapping[Path, str]
    rewritten: Rewritten
    values: Sequence[object]
    lineage: Lineage | None

    @property
    def only_reads(self) -> bool:
        """May its rows come by COPY? That takes queries alone, and none that changes anything."""
        words = self.rewritten.sql.lstrip(" \t\r\n(").replace("(", " ").split(None, 1)
        query = bool(words) and words[0].lower() in ("select", "with", "values", "table")
        return query and self.lineage is not None and not self.lineage.changes


Watch: TypeAlias = Callable[[Progress], None]


def run(
    database: Database, text: str, statement: Statement, names: Names, limit: int | None, watch: Watch
) -> Result:
    """Run one statement of a cell's text."""
    asked = _asked(text, statement, names)
    _refuse_copy(asked)
    result = _run(database, asked, limit, watch)
    found = tuple(remarks(statement, asked.lineage, names.knows))
    return replace(result, notes=(*result.notes, *found)) if found else result


def _refuse_copy(asked: Asked) -> None:
    way = asked.lineage.by_copy if asked.lineage is not None else None
    if way is not None:
        raise Wrong(f"{_NO_COPY[way]}\n{pointed(asked.text, asked.statement.start)}")


def _run(database: Database, asked: Asked, limit: int | None, watch: Watch) -> Result:
    if database.lost:
        _come_back(database, asked)
    in_transaction = database.in_transaction
    progress = Progress()
    try:
        return _attempt(database, asked, limit, progress, watch)
    except Lost as lost:
        if not asked.only_reads or in_transaction or progress.rows:
            # This is the word about the transaction; the next statement may run.
            database.in_transaction_when_last_seen = False
            raise Wrong(_story(lost, asked, _unknown_end(asked, in_transaction=in_transaction))) from None
    _come_back(database, asked)
    try:
        return _attempt(database, asked, limit, progress, watch)
    except Lost as lost:
        raise Wrong(_story(lost, asked, "It was lost twice; this was not tried again.")) from None


def _come_back(database: Database, asked: Asked) -> None:
    in_transaction = database.in_transaction_when_last_seen
    try:
        database.reconnect()
    except Failed as failed:
        raise Wrong(_story(failed, asked)) from None
    if in_transaction:
        raise Wrong(
            "The connection was lost, and with it the transaction that was open: nothing of it was kept. "
            "The connection is open again, and this statement has not run."
        )


def _unknown_end(asked: Asked, *, in_transaction: bool) -> str:
    if in_transaction:
        return "The transaction that was open is lost with it: nothing of it was kept."
    if asked.only_reads:
        return "Some rows had come already, so it was not tried again."
    return "Whether the statement took effect is not known, so it was not tried again."


# What goes in


def _asked(text: str, statement: Statement, names: Names) -> Asked:
    statement = with_known(statement, names.knows)
    identifiers = {
        place.path: _identifier(text, place, names) for place in statement.places if place.identifier
    }
    rewritten = rewrite(statement, names.knows, identifiers)
    places = {place.path: place for place in statement.places}
    values = [_value(text, places[path], names) for path in rewritten.paths]
    return Asked(text, statement, identifiers, rewritten, values, lineage(rewritten.sql))


def _value(text: str, place: Place, names: Names) -> object:
    if not names.knows(place.name):
        raise Wrong(f"`{place.name}` is not defined.\n{pointed(text, place.start)}")
    try:
        return names.value(place.path)
    except AttributeError as error:
        raise Wrong(f"`{place}` cannot be read: {error}\n{pointed(text, place.start)}") from None


def _identifier(text: str, place: Place, names: Names) -> str:
    value = _value(text, place, names)
    if not isinstance(value, str):
        kind = type(value).__name__
        raise Wrong(f"`{{{place}!i}}` wants a str, and is a {kind}.\n{pointed(text, place.start)}")
    # A class derived from str may answer something else each time it is asked; this asks none of its methods.
    name = str.__str__(value)
    try:
        quoted(name)
    except Unquotable as error:
        raise Wrong(f"`{{{place}!i}}`: {error}.\n{pointed(text, place.start)}") from None
    return name


def _arguments(database: Database, asked: Asked, types: Sequence[Type]) -> list[object]:
    return [
        _argument(asked, path, value, kind, database.zone)
        for path, value, kind in zip(asked.rewritten.paths, asked.values, types)
    ]


def _argument(asked: Asked, path: Path, value: object, kind: Type, zone: str) -> object:
    try:
        return converted(value, kind.name, zone)
    except Misfit as misfit:
        place = next(each for each in asked.statement.places if each.path == path and not each.identifier)
        many = isinstance(value, (list, tuple, set)) or hasattr(value, "__array__")
        hint = (
            f"\nHINT: A list goes in as `= any({{{place}}})`."
            if many and not kind.name.endswith("[]")
            else ""
        )
        raise Wrong(f"`{place}`: {misfit}.\n{pointed(asked.text, place.start)}{hint}") from None


# What comes out


def _attempt(database: Database, asked: Asked, limit: int | None, progress: Progress, watch: Watch) -> Result:
    sql = asked.rewritten.sql
    try:
        described = database.describe(sql) if asked.only_reads or asked.values else Described((), ())
        arguments = _arguments(database, asked, described.parameters)
        if not asked.only_reads:
            fetched = database.fetch(sql, arguments, lambda: watch(progress))
            return _of_fetched(asked, fetched, limit, progress)
    except Lost:
        raise
    except Failed as failed:
        raise Wrong(_story(failed, asked, _hint(database, asked, failed))) from None
    try:
        reader = _Reader(described.columns, progress, watch)
        _copy(database, asked, _Bound(described, arguments), limit, reader)
        return _of_copied(asked, reader, limit)
    except Lost:
        raise
    except Failed as failed:
        # The text that was refused is not the user's, and a position in it means nothing to them.
        refusal = failed.refusal and replace(failed.refusal, position=None)
        seen = Failed(str(failed), refusal=refusal)
        raise Wrong(_story(seen, asked, _hint(database, asked, seen))) from None


def _of_fetched(asked: Asked, fetched: Fetched, limit: int | None, progress: Progress) -> Result:
    count = len(fetched.rows)
    cut = limit is not None and count > limit
    kept = replace(fetched, rows=fetched.rows[:limit]) if cut else fetched
    notes: dict[str, None] = {}
    table = _table(fetched.columns, [arrays_of(kept, notes)], notes) if fetched.columns else None
    size = 0 if table is None else table.nbytes
    rows = len(kept.rows)
    status, seconds = fetched.status, progress.seconds
    return Result(asked.statement, fetched.columns, table, rows, status, seconds, tuple(notes), cut, size)


@dataclass(frozen=True)
class _Bound:
    """What a statement takes, and what it is given."""

    described: Described
    arguments: Sequence[object]


def _copy(database: Database, asked: Asked, bound: _Bound, limit: int | None, reader: _Reader) -> None:
    sql = _query(asked, bound, limit)
    with _bound(database, bound):
        database.copy(sql, reader.take, reader.idle)
    reader.finish()


def _of_copied(asked: Asked, reader: _Reader, limit: int | None) -> Result:
    notes = reader.decoder.notes
    table = _table(reader.columns, reader.blocks, notes)
    rows, size, seconds = reader.progress.rows, reader.progress.bytes, reader.progress.seconds
    cut = limit is not None and rows > limit
    if limit is not None and cut:
        table, rows = table.slice(0, limit), limit
    said = f"SELECT {rows}"
    return Result(asked.statement, reader.columns, table, rows, said, seconds, tuple(notes), cut, size)


def _query(asked: Asked, bound: _Bound, limit: int | None) -> str:
    """The query as COPY takes it: without parameters, and with the text of what has no form in Arrow."""

    def stand_in(number: int) -> str:
        kind = bound.described.parameters[number - 1].sql
        if bound.arguments[number - 1] is None:
            return f"(null::{kind})"
        return f"(pg_catalog.current_setting('{_SETTING.format(number)}')::{kind})"

    query = rewrite(asked.statement, lambda name: True, asked.identifiers, stand_in).sql
    printed = [column.kind is Kind.PRINTED for column in bound.described.columns]
    if not any(printed) and limit is None:
        # What ends with a comment would comment out what COPY puts behind it.
        return f"{query}\n"
    names = [f"c{number}" for number in range(len(printed))]
    kinds = [column.type for column in bound.described.columns]
    chosen = ", ".join(
        _PRINTS.get(kind, "{}::text").format(name) if text else name
        for name, text, kind in zip(names, printed, kinds)
    )
    called = f"({', '.join(names)})" if names else ""
    most = "" if limit is None else f" limit {limit + 1:d}"
    return f"select {chosen} from (\n{query}\n) as reactive{called}{most}"  # noqa: S608  # no value is in it


@contextmanager
def _bound(database: Database, bound: _Bound) -> Generator[None]:
    """Bind values where COPY can take them: as settings that last as long as the transaction.

    The server itself turns them into texts and back, by their types; none is ever in the text of a query.
    """
    described, arguments = bound.described, bound.arguments
    there = [number for number, value in enumerate(arguments, 1) if value is not None]
    if not there:
        yield
        return
    ours = not database.in_transaction
    if ours:
        database.execute("begin")
    try:
        casts = (f"${at}::{described.parameters[number - 1].sql}::text" for at, number in enumerate(there, 1))
        settings = zip(there, casts)
        calls = [
            f"pg_catalog.set_config('{_SETTING.format(number)}', {cast}, true)" for number, cast in settings
        ]
        database.fetch(f"select {', '.join(calls)}", [arguments[number - 1] for number in there])
        yield
    except BaseException:
        if ours and not database.lost:
            database.execute("rollback")
        raise
    if ours:
        database.execute("commit")


class _Reader:
    """Decodes what comes, the first rows at once and then a good bite at a time."""

    def __init__(self, columns: tuple[Column, ...], progress: Progress, watch: Watch) -> None:
        self.columns = columns
        self.decoder = Decoder(columns)
        self.blocks: list[list[Any]] = []
        self.progress = progress
        self._watch = watch
        self._held: list[bytes] = []
        self._size = 0

    def idle(self) -> None:
        self._watch(self.progress)

    def take(self, pieces: list[bytes]) -> None:
        self._held += pieces
        self._size += sum(map(len, pieces))
        if self._size >= _BITE or not self.progress.rows:
            self._decode()
            self.idle()

    def _decode(self) -> None:
        arrays, rows = self.decoder.feed(self._held)
        self.progress.bytes += self._size
        self.progress.rows += rows
        self._held, self._size = [], 0
        if rows and arrays:
            self.blocks.append(arrays)
            self.progress.columns, self.progress.block = self.columns, self.blocks[0]

    def finish(self) -> None:
        if self._held:
            self._decode()
        self.decoder.finish()


def _table(columns: Sequence[Column], blocks: Sequence[Sequence[Any]], notes: dict[str, None]) -> Any:
    names = _unlike([column.name for column in columns], notes)
    fields: list[Any] = []
    chunks: list[Any] = []
    for number, (name, column) in enumerate(zip(names, columns)):
        arrays = united([block[number] for block in blocks]) if blocks else [_empty(column)]
        fields.append(pa.field(name, arrays[0].type, metadata={"postgres": column.type}))
        chunks.append(pa.chunked_array(arrays))
    return pa.Table.from_arrays(chunks, schema=pa.schema(fields))


def _empty(column: Column) -> Any:
    return arrays_of(Fetched((column,), [], ""), {})[0]


def _unlike(names: Sequence[str], notes: dict[str, None]) -> list[str]:
    """The names, each only once: a frame could not tell two of a kind apart."""
    found: list[str] = []
    for name in names:
        number, new = 1, name
        while new in found or (new != name and new in names):
            number += 1
            new = f"{name}_{number}"
        if new != name:
            notes[f"There are several columns `{name}`; one is called `{new}` here."] = None
        found.append(new)
    return found


# What went wrong


def _story(failed: Failed, asked: Asked, after: str = "") -> str:
    refusal = failed.refusal
    if refusal is None:
        return "\n".join(filter(None, [str(failed), after]))
    lines = [f"{in_own_words(refusal.message, asked.rewritten)} (SQLSTATE {refusal.state})"]
    at = meant(asked.statement, asked.rewritten, refusal)
    lines += [] if at is None else [pointed(asked.text, at)]
    lines += [f"DETAIL: {refusal.detail}"] if refusal.detail else []
    lines += [f"HINT: {refusal.hint}"] if refusal.hint else []
    lines += [f"CONTEXT: {in_own_words(refusal.where, asked.rewritten)}"] if refusal.where else []
    return "\n".join([*lines, after] if after else lines)


def _hint(database: Database, asked: Asked, failed: Failed) -> str:
    """What the server does not know: what was meant in the cell."""
    refusal = failed.refusal
    if refusal is None or refusal.hint:
        return ""
    at = meant(asked.statement, asked.rewritten, refusal)
    said = advice(asked.statement, refusal, at) or tables_like(database, refusal)
    return f"HINT: {said}" if said else ""
