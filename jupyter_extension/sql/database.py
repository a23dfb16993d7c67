"""Holds a connection to Postgres, on a thread with an event loop of its own.

Whoever asks waits in their own thread; an interrupt there cancels the statement on the server.
"""

from __future__ import annotations

import asyncio
import os
import queue
import re
import socket
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from urllib.parse import unquote

import asyncpg
from asyncpg.protocol.protocol import BUILTIN_TYPE_OID_MAP

from . import embedded
from .printing import READ, print_builtin, print_met
from .types import Column, column

T = TypeVar("T")
# Typed in part: whoever takes something out of it says what it is.
_pg: Any = asyncpg

# Seconds between two looks whether somebody wants to interrupt, where waiting itself cannot be interrupted.
_LOOK = 0.05
_CONNECT_TIMEOUT = 15.0
_FAREWELL = 2.0
# Seconds in which most results have come as a whole: they are decoded at once. And bytes that are worth it.
_FIRST = 0.003
_GOOD_MANY = 256 * 1024
# Bytes that may wait to be decoded before the server is asked to wait.
_PENDING = 4 * 1024 * 1024
_VARIABLES = (
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGSERVICE",
    "PGSSLMODE",
)
# Dates and times as numbers: Python's own know neither infinity nor 24:00 nor the years before 1.
_AS_NUMBERS = ("date", "time", "timestamp", "timestamptz", "interval")


class Failed(Exception):
    """The server refused a statement, or could not be reached; says why, without any password."""

    def __init__(self, message: str, *, refusal: Refusal | None = None) -> None:
        super().__init__(message)
        self.refusal = refusal


class Lost(Failed):
    """The connection was lost, and what the statement did is not known."""


@dataclass(frozen=True)
class Refusal:
    """What the server said of a statement. The position counts characters of the text it got, from 0."""

    state: str
    message: str
    position: int | None = None
    detail: str | None = None
    hint: str | None = None
    where: str | None = None


@dataclass(frozen=True)
class Type:
    """A type as the server calls it, for those who write it into a cast."""

    oid: int
    schema: str
    name: str

    @property
    def sql(self) -> str:
        name = f"_{self.name[:-2]}" if self.name.endswith("[]") else self.name
        return ".".join('"' + part.replace('"', '""') + '"' for part in (self.schema, name))


@dataclass(frozen=True)
class Described:
    """What a statement takes and gives."""

    parameters: tuple[Type, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Fetched:
    """What a statement gave that is not read by COPY."""

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[object]]
    # What the server calls the deed: `INSERT 0 3`.
    status: str


@dataclass(frozen=True)
class Target:
    """Where to connect to. None: what the environment says, or else the embedded server."""

    url: str | None = field(default=None, repr=False)

    @staticmethod
    def of_environment() -> Target:
        for name in ("REACTIVE_DATABASE_URL", "DATABASE_URL"):
            if os.environ.get(name):
                return Target(os.environ[name])
        return Target()

    @property
    def embedded(self) -> bool:
        return self.url is None and not any(os.environ.get(name) for name in _VARIABLES)

    def dsn(self) -> str | None:
        """The URL for asyncpg; without the driver that SQLAlchemy's URLs name."""
        return None if self.url is None else re.sub(r"^(postgres(?:ql)?)\+\w+:", r"\1:", self.url.strip())

    def secrets(self) -> list[str]:
        """What must never be shown."""
        found = [os.environ.get("PGPASSWORD", "")]
        if self.url is not None:
            # Also of an address that cannot be read.
            found += re.findall(r"//[^/]*?:([^/]*)@", self.url)
            found += re.findall(r"[?&](?:ssl)?password=([^&]*)", self.url)
        return sorted(
            {word for each in found for word in (each, unquote(each)) if word}, key=len, reverse=True
        )

    def shown(self) -> str:
        """The URL, without its password."""
        if self.url is None:
            return "the embedded Postgres" if self.embedded else "the PG* variables"
        return without_password(self.url)

    def scrub(self, text: str) -> str:
        for secret in self.secrets():
            text = text.replace(secret, "***")
        return text


def without_password(url: str) -> str:
    """A URL with *** for the passwords in it; also one that cannot be read."""
    url = re.sub(r"(//[^/:@]*:)[^/]*@", r"\1***@", url)
    return re.sub(r"([?&](?:ssl)?password=)[^&]*", r"\1***", url)


class Database:
    """One connection, which comes back when it was lost."""

    def __init__(self, name: str, target: Target) -> None:
        self.name = name
        self.target = target
        self.server = ""
        # How tables of this database are called in the graph: `HOST:PORT/DATABASE`.
        self.place = ""
        self.notices: deque[str] = deque(maxlen=10_000)
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(_unheard)
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"sql-{name}", daemon=True)
        self._connection: Any = None
        self._use: embedded.Server | None = None
        self._one = threading.RLock()
        # Was a transaction open when the connection was last seen at work?
        self.in_transaction_when_last_seen = False

    @staticmethod
    def open(name: str, target: Target) -> Database:
        """Connect, and ask the server who it is. Nothing is left behind if that fails."""
        database = Database(name, target)
        database._thread.start()
        try:
            database._connect()
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Leave the server. Twice does no harm."""
        connection, self._connection = self._connection, None
        if self._thread.is_alive():
            self._submit(_leave(connection)).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        if not self._loop.is_closed():
            self._loop.close()
        use, self._use = self._use, None
        if use is not None:
            use.release()

    @contextmanager
    def held(self) -> Generator[Database]:
        """Have it to oneself, for as long as what others do in between would be wrong."""
        with self._one:
            yield self

    @property
    def in_transaction(self) -> bool:
        connection = self._connection
        return connection is not None and not connection.is_closed() and connection.is_in_transaction()

    @property
    def zone(self) -> str:
        """The time zone that the session counts in."""
        return str(self._connection.get_settings().TimeZone)

    @property
    def address(self) -> Target:
        """Where another connection to the same database would go."""
        return self.target if self._use is None else Target(self._use.url)

    @property
    def backend(self) -> int:
        """The number of the server's process for this connection."""
        return int(self._connection.get_server_pid())

    def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Have `heard` called, in the loop's thread, with what comes on a channel; "" when it is lost."""

        def hear(connection: object, pid: int, name: str, payload: str) -> None:
            heard(payload)

        def lost(connection: object) -> None:
            heard("")

        self._connection.add_termination_listener(lost)
        self._wait(self._connection.add_listener(channel, hear))

    @property
    def lost(self) -> bool:
        return self._connection is None or self._connection.is_closed()

    def reconnect(self) -> None:
        """Open the connection again, and have people told what that means."""
        self._connect()
        self.notices.append(
            "The connection was lost and has been opened again. Settings, temporary tables, prepared "
            "statements and locks of the session are gone."
        )

    # What can be asked

    def describe(self, sql: str) -> Described:
        """What a statement takes and gives, which the server knows without running it."""

        async def ask() -> Described:
            statement = await self._connection.prepare(sql)
            return Described(_types(statement), _columns(statement))

        return self._wait(ask())

    def fetch(
        self, sql: str, arguments: Sequence[object] = (), idle: Callable[[], None] | None = None
    ) -> Fetched:
        """Run a statement, and have its rows as Python's values."""

        async def ask() -> Fetched:
            statement = await self._connection.prepare(sql)
            rows = await statement.fetch(*arguments)
            return Fetched(_columns(statement), [tuple(row) for row in rows], statement.get_statusmsg() or "")

        return self._wait(ask(), idle)

    def execute(self, sql: str) -> None:
        """Run a statement of our own that gives nothing."""
        self._wait(self._connection.execute(sql))

    def copy(
        self, sql: str, take: Callable[[list[bytes]], None], idle: Callable[[], None] | None = None
    ) -> None:
        """Have the rows of a query as a binary COPY; `take` gets it piece by piece, in this thread."""
        pipe = _Pipe(self._loop)
        with self._one:
            try:
                # The text is whole: nothing is ever put into it on this side.
                copying = self._connection.copy_from_query(sql, output=pipe.put, format="binary")
                asked = self._submit(pipe.fill(copying))
                for batch in pipe.batches(idle or _nothing):
                    take(batch)
                self._result(asked)
            except BaseException:
                self._cancel()
                raise

    # How

    def _connect(self) -> None:
        target = self.target
        if target.embedded:
            try:
                server = embedded.attach()
            except (embedded.Unavailable, OSError) as error:
                raise Failed(str(error)) from None
            self._use, before = server, self._use
            if before is not None:
                before.release()
            dsn: str | None = server.url
        else:
            dsn = target.dsn()
        self._connection = self._wait(asyncio.wait_for(self._open(dsn), _CONNECT_TIMEOUT))

    async def _open(self, dsn: str | None) -> Any:
        # A pooler may hand out another server's session between two statements: none is kept prepared.
        connection = await _when_up(dsn)
        connection.add_log_listener(self._hear)
        print_builtin(connection._protocol.get_settings(), BUILTIN_TYPE_OID_MAP)
        for name in _AS_NUMBERS:
            await connection.set_type_codec(
                name, schema="pg_catalog", encoder=_same, decoder=_same, format="tuple"
            )
        row = await connection.fetchrow(
            "select current_database(), current_setting('server_version'), "
            "coalesce(host(inet_server_addr()), ''), current_setting('port'), current_user"
        )
        database, version, host, port, user = row
        self.place = f"{host or 'localhost'}:{port}/{database}"
        self.server = f"PostgreSQL {version.split()[0]}, {user}@{host or 'local'}:{port}/{database}"
        return connection

    def _hear(self, connection: object, message: Any) -> None:
        self.notices.append(f"{message.severity}:  {message.message}")

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _wait(self, coroutine: Coroutine[Any, Any, T], idle: Callable[[], None] | None = None) -> T:
        with self._one:
            try:
                asked = self._submit(coroutine)
                while wait([asked], _LOOK).not_done:
                    if idle is not None:
                        idle()
            except BaseException:
                self._cancel()
                raise
            try:
                return self._result(asked)
            finally:
                if not self.lost:
                    self.in_transaction_when_last_seen = self.in_transaction

    def _result(self, asked: Future[T]) -> T:
        try:
            return asked.result()
        except asyncpg.PostgresError as error:
            raise self._refused(error) from None
        except asyncpg.InternalClientError as error:
            # The server has said its last word to a connection that was not asking anything.
            raise self._ended(error) from None
        except (asyncpg.InterfaceError, OSError, asyncio.TimeoutError) as error:
            raise self._unreachable(error) from None
        except (ValueError, TypeError) as error:
            # A URL that cannot be read; its text may hold the password.
            what = f"{self.target.shown()} cannot be read: " if self._connection is None else ""
            raise Failed(f"{what}{self.target.scrub(str(error))}") from None

    def _refused(self, error: Any) -> Failed:
        said = _Said(error, self.target)
        refusal = Refusal(
            said("sqlstate") or "",
            said("message") or str(error),
            said.position(),
            said("detail"),
            said("hint"),
            said("context"),
        )
        if self._connection is None:
            return Lost(f"{self.target.shown()} was refused: {refusal.message} (SQLSTATE {refusal.state})")
        if isinstance(error, _GONE):
            return Lost(f"{refusal.message} (SQLSTATE {refusal.state})", refusal=refusal)
        return Failed(refusal.message, refusal=refusal)

    def _ended(self, error: BaseException) -> Failed:
        """What cannot be asked any more is left, although its end may not have come through."""
        if self._connection is not None:
            self._loop.call_soon_threadsafe(self._connection.terminate)
            self._submit(asyncio.sleep(0)).result()
        return self._unreachable(error)

    def _unreachable(self, error: BaseException) -> Failed:
        said = self.target.scrub(str(error)) or type(error).__name__
        if self._connection is None:
            said = next((words for kind, words in _UNREACHABLE.items() if isinstance(error, kind)), said)
            return Failed(f"{self.target.shown()} cannot be reached: {said}")
        if self._connection.is_closed():
            return Lost(f"The connection to {self.server} was lost: {said}")
        return Failed(said)

    def _cancel(self) -> None:
        """Stop what runs on the server, and come back when the connection can be used again, or is lost.

        An interrupt may strike before anybody knows what has just been submitted; the loop knows.
        """
        if self._connection is not None:
            self._submit(_settled(self._connection)).result()


class _Connection(_pg.Connection):
    """A connection that asks for the texts of what asyncpg would put together from parts."""

    async def _introspect_types(self, typeoids: Iterable[int], timeout: float | None) -> Any:
        """Find out what types are that a statement takes or gives, and nobody has met yet."""
        wanted = set(typeoids)
        found = cast("tuple[list[Any], Any]", await super()._introspect_types(wanted, timeout))
        rows, statement = found
        print_met(self._protocol.get_settings(), [row for row in rows if row["oid"] in wanted - READ])
        return [row for row in rows if row["oid"] in wanted & READ], statement


async def _when_up(dsn: str | None) -> Any:
    """Connect, and wait for a server that is just starting or stopping."""
    while True:
        with suppress(asyncpg.CannotConnectNowError):
            return await _pg.connect(
                dsn, statement_cache_size=0, timeout=_CONNECT_TIMEOUT, connection_class=_Connection
            )
        await asyncio.sleep(_LOOK)


async def _settled(connection: Any) -> None:
    """Cancel what is under way, and wait for that. A server that does not answer then is out of reach."""
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(0)
    try:
        await asyncio.wait_for(connection.fetchval("select 1"), _FAREWELL)
    except asyncpg.PostgresError:
        # The transaction failed with the statement; the connection did not.
        pass
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, asyncio.TimeoutError):
        connection.terminate()


async def _leave(connection: Any) -> None:
    if connection is not None:
        try:
            await connection.close(timeout=_FAREWELL)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, asyncio.TimeoutError):
            connection.terminate()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    # The sockets are closed by what is now in the loop.
    await asyncio.sleep(0)
    await asyncio.sleep(0)


_GONE = (
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
)


_UNREACHABLE: dict[type[BaseException], str] = {
    ConnectionRefusedError: "the connection was refused. Is the server running, and is that its port?",
    socket.gaierror: "there is no host of that name.",
    asyncio.TimeoutError: f"nobody answered within {_CONNECT_TIMEOUT:.0f} seconds.",
}


class _Said:
    """What is in the server's message, without any password."""

    def __init__(self, error: Any, target: Target) -> None:
        self._error = error
        self._target = target

    def __call__(self, name: str) -> str | None:
        value: object = getattr(self._error, name, None)
        return None if value is None else self._target.scrub(str(value))

    def position(self) -> int | None:
        value = self("position")
        return int(value) - 1 if value else None


class _Pipe:
    """Hands bytes from the loop's thread to another one, a good many at a time, and lets only so many wait.

    Each time that one thread wakes the other costs more than to decode a hundred rows.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._batches: queue.SimpleQueue[tuple[list[bytes], bool]] = queue.SimpleQueue()
        self._held: list[bytes] = []
        self._size = 0
        self._waiting = 0
        self._free = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    async def fill(self, copying: Coroutine[Any, Any, T]) -> T:
        try:
            return await copying
        finally:
            self._hand_over(over=True)

    async def put(self, data: bytes) -> None:
        self._held.append(data)
        self._size += len(data)
        self._waiting += len(data)
        if self._size >= _GOOD_MANY:
            self._hand_over()
        elif self._timer is None:
            self._timer = self._loop.call_later(_FIRST, self._hand_over)
        if self._waiting > _PENDING:
            self._free.clear()
            await self._free.wait()

    def _hand_over(self, *, over: bool = False) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._batches.put((self._held, over))
        self._held, self._size = [], 0

    def _taken(self, size: int) -> None:
        self._waiting -= size
        if self._waiting <= _PENDING:
            self._free.set()

    def batches(self, idle: Callable[[], None]) -> Iterator[list[bytes]]:
        """In the other thread: what has come, as it comes."""
        over = False
        while not over:
            try:
                batch, over = self._batches.get(timeout=_LOOK)
            except queue.Empty:
                idle()
                continue
            if batch:
                yield batch
            if not over:
                self._loop.call_soon_threadsafe(self._taken, sum(map(len, batch)))


def _unheard(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody waits for any more need not say that its connection is gone: whoever asks next is told."""
    if not isinstance(context.get("exception"), asyncpg.ConnectionDoesNotExistError):
        loop.default_exception_handler(context)


def _nothing() -> None:
    pass


def _same(value: object) -> object:
    return value


def _types(statement: Any) -> tuple[Type, ...]:
    return tuple(Type(each.oid, each.schema, each.name) for each in statement.get_parameters())


def _columns(statement: Any) -> tuple[Column, ...]:
    attributes: Sequence[Any] = statement.get_attributes()
    return tuple(column(each.name, each.type.oid, each.type.name) for each in attributes)
