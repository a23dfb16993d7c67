"""A connection: tried first, cancelled on the server, found again when lost, silent on its password."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from jupyter_extension.sql import embedded
from jupyter_extension.sql.connections import Connections, Unconnected
from jupyter_extension.sql.database import Database, Failed, Lost, Target, without_password
from jupyter_extension.sql.execution import Progress, Wrong

from .talk import results, rows, value

SECRET = "marked-secret%21"


@pytest.fixture
def other(url: str) -> Iterator[Database]:
    """A second connection, to look at the first."""
    other = Database.open("other", Target(url))
    yield other
    other.close()


def number(database: Database) -> int:
    return database.fetch("select pg_backend_pid()").rows[0][0]


def state(other: Database, backend: int) -> str | None:
    found = other.fetch("select state from pg_stat_activity where pid = $1", [backend]).rows
    return found[0][0] if found else None


def until(other: Database, backend: int, wanted: str | None) -> None:
    while state(other, backend) != wanted:
        other.fetch("select pg_sleep(0.005)")


# Interrupts


def at_work(other: Database, backend: int) -> None:
    """Wait until a backend runs a statement; one that is only described is over too soon to be that."""
    while not other.fetch(_AT_WORK, [backend]).rows:
        pass


class Striker:
    """Interrupts this process once a backend is at work."""

    def __init__(self, other: Database, backend: int) -> None:
        self._thread = threading.Thread(target=self._strike, args=(other, backend), daemon=True)

    def _strike(self, other: Database, backend: int) -> None:
        at_work(other, backend)
        os.kill(os.getpid(), signal.SIGINT)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._thread.join()


_AT_WORK = """select 1 from pg_stat_activity where pid = $1 and state = 'active'
    and clock_timestamp() - query_start > interval '50 ms'"""


@pytest.mark.parametrize(
    "sql",
    [
        "select pg_sleep(100)",
        "do $$ begin perform pg_sleep(100); end $$",
        "select i, repeat('x', 100) from generate_series(1, 100000000) i",
        "create table t as select i from generate_series(1, 100000000) i",
        "select count(*) from generate_series(1, 1000000000) i",
        "select {n}::int, pg_sleep(100)",
    ],
)
def test_an_interrupt_stops_the_statement_on_the_server(database: Database, other: Database, sql: str):
    backend = number(database)
    with Striker(other, backend), pytest.raises(KeyboardInterrupt):
        results(database, sql, {"n": 1})
    assert state(other, backend) == "idle"
    assert number(database) == backend
    assert not database.in_transaction


def test_an_interrupt_leaves_the_users_transaction_to_the_user(database: Database, other: Database):
    results(database, "begin")
    striker = Striker(other, number(database))
    with striker, pytest.raises(KeyboardInterrupt):
        results(database, "select pg_sleep(100)")
    assert database.in_transaction
    with pytest.raises(Wrong, match="25P02"):
        results(database, "select 1")
    results(database, "rollback")


# Notices


def test_notices_are_heard_while_the_statement_runs(database: Database, other: Database):
    results(database, "select pg_advisory_lock(77)")
    backend = number(other)
    other.execute("create temp table heard (x int)")
    heard: list[str] = []

    def idle() -> None:
        while other.notices:
            heard.append(other.notices.popleft())
            database.execute("select pg_advisory_unlock(77)")

    # It can end only because somebody hears its first notice before it has.
    sql = "do $$ begin raise notice 'waiting'; perform pg_advisory_lock(77); raise warning 'done'; end $$"
    other.fetch(sql, (), idle)
    idle_after = [*heard, *other.notices]
    assert idle_after == ["NOTICE:  waiting", "WARNING:  done"]
    assert number(other) == backend


# Lost connections


def terminate(other: Database, backend: int) -> None:
    other.fetch("select pg_terminate_backend($1)", [backend])
    until(other, backend, None)


def test_a_connection_closed_in_between_comes_back_and_says_what_is_gone(database: Database, other: Database):
    backend = number(database)
    terminate(other, backend)
    assert value(database, "select 1") == 1
    assert number(database) != backend
    assert "temporary tables" in " ".join(database.notices)


def test_a_lost_transaction_is_told_and_nothing_runs_in_its_place(database: Database, other: Database):
    other.execute("create table if not exists public.told (x int)")
    results(database, "begin; insert into public.told values (1)")
    terminate(other, number(database))
    with pytest.raises(Wrong, match="transaction"):
        results(database, "insert into public.told values (2)")
    assert other.fetch("select x from public.told").rows == []
    assert value(database, "select 1") == 1
    other.execute("drop table public.told")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("create table never as select pg_sleep(100)::text", "not known"),
        ("do $$ begin perform pg_sleep(100); end $$", "not known"),
        ("begin; select pg_sleep(100)", "nothing of it was kept"),
    ],
)
def test_only_what_cannot_do_harm_is_tried_again(database: Database, other: Database, sql: str, said: str):
    backend = number(database)

    def cut() -> None:
        at_work(other, backend)
        other.fetch("select pg_terminate_backend($1)", [backend])

    cutter = threading.Thread(target=cut, daemon=True)
    cutter.start()
    with pytest.raises(Wrong, match=said):
        results(database, sql)
    cutter.join()


def test_a_query_cut_off_between_its_rows_is_not_asked_again(database: Database, other: Database):
    backend = number(database)
    cut: list[int] = []

    def watch(progress: Progress) -> None:
        if progress.rows and not cut:
            cut.append(progress.rows)
            other.fetch("select pg_terminate_backend($1)", [backend])

    sql = "select repeat('x', 1000) from generate_series(1, 2000) a, generate_series(1, 2000) b"
    with pytest.raises(Wrong, match="Some rows had come"):
        results(database, sql, watch=watch)
    assert cut


def test_a_query_cut_off_before_its_first_row_is_asked_again(database: Database, other: Database):
    backend = number(database)

    def cut() -> None:
        at_work(other, backend)
        other.fetch("select pg_terminate_backend($1)", [backend])

    cutter = threading.Thread(target=cut, daemon=True)
    cutter.start()
    # The second time it is another backend, which need not wait.
    sql = f"select case when pg_backend_pid() = {backend} then pg_sleep(100)::text else 'again' end"
    assert value(database, sql) == "again"
    cutter.join()


def test_a_restarted_embedded_server_is_found_again(place: Path):
    database = Database.open("default", Target())
    try:
        results(database, "create table kept as select 7 as n")
        keeper = [each for each in psutil.process_iter(["cmdline"]) if _keeps(each, place)]
        others = [each for parent in keeper for each in parent.children(recursive=True)]
        for each in keeper:
            each.kill()
        psutil.wait_procs(others, timeout=30)
        assert value(database, "select n from kept") == 7
    finally:
        database.close()


def _keeps(each: psutil.Process, place: Path) -> bool:
    words = each.info["cmdline"] or []
    return str(place) in words and any(word.endswith("keeper.py") for word in words)


class Wire:
    """Stands between a client and the server, and can be cut or stopped up."""

    def __init__(self, place: Path, real: Path) -> None:
        self._real = str(real / ".s.PGSQL.5432")
        self._open = threading.Event()
        self._open.set()
        self._ends: list[socket.socket] = []
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(place / ".s.PGSQL.5432"))
        self._door.listen()
        self.started = threading.Event()
        # The server has said that it ends the connection; its end itself is never passed on.
        self.dismissed = threading.Event()
        threading.Thread(target=self._let_in, daemon=True).start()

    def _let_in(self) -> None:
        while True:
            try:
                client, _ = self._door.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._real)
            self._ends += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while got := source.recv(65536):
                self._open.wait()
                sink.sendall(got)
                if b"COPY (" in got:
                    self.started.set()
                if b"administrator command" in got:
                    self.dismissed.set()
        except OSError:
            pass

    def stop_up(self) -> None:
        self._open.clear()

    def cut(self) -> None:
        while self._ends:
            with self._ends.pop() as end, suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self.cut()
        self._open.set()


def _copy(database: Database, sql: str) -> None:
    database.copy(sql, lambda pieces: None)


@pytest.fixture
def wire(tmp_path: Path, server: embedded.Server) -> Iterator[tuple[Wire, Database]]:
    wire = Wire(tmp_path, server.sockets)
    database = Database.open("default", Target(f"postgresql://postgres@/postgres?host={tmp_path}"))
    yield wire, database
    database.close()
    wire.close()


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("create table cut_off as select pg_sleep(100)::text", "not known"),
        ("begin; select pg_sleep(100)", "nothing of it was kept"),
    ],
)
def test_a_wire_cut_in_the_middle_of_a_statement_is_told(
    wire: tuple[Wire, Database], other: Database, sql: str, said: str
):
    line, database = wire
    backend = number(database)

    def cut() -> None:
        at_work(other, backend)
        line.cut()

    cutter = threading.Thread(target=cut, daemon=True)
    cutter.start()
    with pytest.raises(Wrong, match=said):
        results(database, sql)
    cutter.join()
    assert value(database, "select 1") == 1
    other.fetch("select pg_terminate_backend($1)", [backend])


def test_a_cut_wire_is_mended(wire: tuple[Wire, Database]):
    line, database = wire
    line.cut()
    assert value(database, "select 1") == 1
    assert "lost" in " ".join(database.notices)


@pytest.mark.parametrize("ask", [Database.describe, Database.fetch, Database.execute, _copy])
def test_a_last_word_without_an_end_is_an_end(
    wire: tuple[Wire, Database], other: Database, ask: Callable[[Database, str], object]
):
    line, database = wire
    other.fetch("select pg_terminate_backend($1)", [number(database)])
    line.dismissed.wait()
    # Until the loop has read it.
    database._wait(asyncio.sleep(0.0))
    database._wait(asyncio.sleep(0.0))
    assert not database.lost
    with pytest.raises(Lost):
        ask(database, "select 1")
    assert database.lost
    assert value(database, "select 1") == 1


def test_an_interrupt_works_though_nothing_comes_through_any_more(wire: tuple[Wire, Database]):
    line, database = wire

    def strike() -> None:
        line.started.wait()
        line.stop_up()
        os.kill(os.getpid(), signal.SIGINT)

    striker = threading.Thread(target=strike, daemon=True)
    striker.start()
    with pytest.raises(KeyboardInterrupt):
        results(database, "select pg_sleep(99)")
    striker.join()
    assert database.lost


needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")


@pytest.fixture
def full(database: Database, other: Database, server: embedded.Server) -> Iterator[str]:
    """A table for whose rows there is no space left on the device."""
    [[schema, table]] = database.fetch("select current_schema()::text, 'full'").rows
    other.execute(f"create table {schema}.{table} (x text)")
    [[path]] = other.fetch(f"select pg_relation_filepath('{schema}.{table}')").rows
    # So that the server need not come back to the file.
    other.execute("checkpoint")
    file = server.sockets.parent / "cluster" / str(path)
    file.unlink()
    file.symlink_to("/dev/full")
    yield f"{schema}.{table}"
    file.unlink()
    file.touch()
    os.chown(file, file.parent.stat().st_uid, file.parent.stat().st_gid)


@needs_full
def test_a_full_disk_is_said_and_the_connection_stays(database: Database, full: str):
    backend = number(database)
    results(database, "create table beside (x int)")
    with pytest.raises(Wrong, match=r"No space left on device \(SQLSTATE 53100\)"):
        results(database, f"insert into {full} select repeat('x', 1000) from generate_series(1, 100)")
    assert number(database) == backend
    assert not database.in_transaction
    with pytest.raises(Wrong, match="53100"):
        results(database, f"begin; insert into beside values (1); insert into {full} values ('x')")
    assert database.in_transaction
    results(database, "rollback; insert into beside values (2)")
    assert rows(database, "select x from beside") == [(2,)]


def test_no_room_for_temporary_files_is_said_and_the_connection_stays(database: Database):
    backend = number(database)
    results(database, "set temp_file_limit = '1MB'; set work_mem = '64kB'")
    with pytest.raises(Wrong, match="53400"):
        results(database, "select * from generate_series(1, 1000000) i order by -i")
    assert number(database) == backend


# Which connection


def test_a_failed_replacement_leaves_the_old_one_and_everybody_hears(url: str):
    heard: list[tuple[str, bool, str | None]] = []
    connections = Connections(lambda name, server, problem: heard.append((name, bool(server), problem)))
    try:
        first = connections.connect("default", Target(url))
        with pytest.raises(Failed):
            connections.connect("default", Target("postgresql://u:hush@/nowhere?host=/nonexistent"))
        assert connections.get("default") is first
        assert value(first, "select 1") == 1
        assert heard[0] == ("default", True, None)
        # The server is the one that stays in use.
        assert heard[1][:2] == ("default", True)
        assert heard[1][2]
        assert "hush" not in str(heard)
    finally:
        connections.close()


def test_a_replacement_closes_the_old_one(url: str, other: Database):
    connections = Connections(lambda *_: None)
    try:
        backend = number(connections.connect("default", Target(url)))
        connections.connect("default", Target(url))
        until(other, backend, None)
    finally:
        connections.close()


def test_an_unknown_connection_is_named_with_those_there_are(url: str):
    connections = Connections(lambda *_: None)
    try:
        connections.connect("prod", Target(url))
        with pytest.raises(Unconnected, match="no connection `test`; open: `prod`"):
            connections.get("test")
    finally:
        connections.close()


@pytest.mark.parametrize("name", ["REACTIVE_DATABASE_URL", "DATABASE_URL"])
def test_the_environment_names_the_default(name: str, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(name, url)
    assert Target.of_environment() == Target(url)


def test_our_own_variable_goes_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://general/")
    monkeypatch.setenv("REACTIVE_DATABASE_URL", "postgresql://ours/")
    assert Target.of_environment() == Target("postgresql://ours/")


def test_postgres_own_variables_are_heeded(server: embedded.Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGHOST", str(server.sockets))
    monkeypatch.setenv("PGUSER", "postgres")
    database = Database.open("default", Target.of_environment())
    try:
        assert value(database, "select current_user::text") == "postgres"
    finally:
        database.close()


def test_an_address_of_sqlalchemys_is_understood(url: str):
    database = Database.open("default", Target(url.replace("postgresql:", "postgresql+psycopg2:")))
    try:
        assert value(database, "select 1") == 1
    finally:
        database.close()


@pytest.mark.parametrize(("mode", "first"), [("require", "80877103"), ("disable", "196608")])
def test_the_address_says_whether_the_wire_must_be_encrypted(mode: str, first: str):
    heard: list[int] = []

    def refuse(door: socket.socket) -> None:
        caller, _ = door.accept()
        with caller:
            heard.append(int.from_bytes(caller.recv(8)[4:], "big"))
            # A server that knows no encryption says so.
            caller.sendall(b"N")

    with socket.create_server(("127.0.0.1", 0)) as door:
        server = threading.Thread(target=refuse, args=(door,), daemon=True)
        server.start()
        url = f"postgresql://u@127.0.0.1:{door.getsockname()[1]}/d?sslmode={mode}"
        with pytest.raises(Failed, match="SSL" if mode == "require" else "closed"):
            Database.open("default", Target(url))
        server.join()
    # What it asks first: whether it may encrypt, or at once who it is talking to.
    assert heard == [int(first)]


# Passwords


def guarded_url(sockets: Path, password: str = "") -> str:
    return f"postgresql://guarded{password and ':' + password}@/postgres?host={sockets}"


def opened(target: Target) -> str:
    database = Database.open("default", target)
    try:
        return value(database, "select current_user::text")
    finally:
        database.close()


def test_a_password_in_the_address_is_used(guarded: Path):
    assert opened(Target(guarded_url(guarded, SECRET))) == "guarded"


def test_a_password_in_the_environment_is_used(guarded: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGPASSWORD", "marked-secret!")
    assert opened(Target(guarded_url(guarded))) == "guarded"


def test_a_password_in_the_users_file_is_used(guarded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
    (tmp_path / "pgpass").write_text("*:*:*:guarded:marked-secret!\n")
    (tmp_path / "pgpass").chmod(0o600)
    assert opened(Target(guarded_url(guarded))) == "guarded"


@pytest.mark.parametrize(
    "make",
    [
        lambda sockets: guarded_url(sockets, "marked-secret"),
        lambda sockets: guarded_url(sockets) + "&password=marked-secret",
        lambda sockets: "postgresql://u:marked-secret@/db?host=/nonexistent",
        lambda sockets: "postgresql://u:marked-secret@localhost:99999/db",
        lambda sockets: "postgresql://u:marked-secret@[::1/db",
        lambda sockets: "postgresql://u:marked-secret@host:port/db",
        lambda sockets: "postgresql://u:marked-secret@localhost:1/db?sslmode=wrong&sslpassword=marked-secret",
        lambda sockets: "postgresql://u:marked-secret@nohost.invalid/db",
    ],
    ids=range(8),
)
def test_no_failure_tells_the_password(guarded: Path, make: Callable[[Path], str]):
    target = Target(make(guarded))
    with pytest.raises(Failed) as caught:
        Database.open("default", target)
    told: Any = caught.value
    seen = [str(told), repr(told), repr(told.__cause__), repr(target), target.shown()]
    assert "marked-secret" not in " ".join(seen)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p@h:1/d", "postgresql://u:***@h:1/d"),
        (
            "postgresql://u:p%40@h/d?password=x&sslmode=require",
            "postgresql://u:***@h/d?password=***&sslmode=require",
        ),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://u:a@b@h/d", "postgresql://u:***@h/d"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str):
    assert without_password(url) == shown


def test_a_lost_statement_is_lost_and_no_mere_failure(database: Database, other: Database):
    terminate(other, number(database))
    with pytest.raises(Lost):
        database.fetch("select 1")
    assert rows(database, "select 1") == [(1,)]
