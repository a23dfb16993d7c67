"""The embedded Postgres: there at once, shared, for nobody else, and gone with its last user."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from jupyter_extension.sql import embedded

from .conftest import wait_for_the_end

ROOT = Path(__file__).parents[2]
ASK = """
import asyncio, asyncpg, sys
async def ask(url, query):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
"""
USER = f"""{ASK}
from jupyter_extension.sql import embedded
server = embedded.attach()
print(server.url, flush=True)
for line in sys.stdin:
    print(asyncio.run(ask(server.url, line)), flush=True)
"""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="what only root has to care for")


class User:
    """A process that uses the server, as a kernel would."""

    def __init__(self, path: Path | None = None) -> None:
        places = os.pathsep.join(str(each) for each in (ROOT, path) if each is not None)
        environment = {**os.environ, "PYTHONPATH": places}
        command = [sys.executable, "-c", USER]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)

    def hears(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def asks(self, query: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{query}\n")
        self.process.stdin.flush()
        return self.hears()

    def ends(self, number: int | None = None) -> None:
        if number is not None:
            self.process.send_signal(number)
        self.process.communicate()


@contextmanager
def users(count: int, path: Path | None = None) -> Iterator[list[User]]:
    """Processes that start together; `path` is where else they look for modules."""
    them = [User(path) for _ in range(count)]
    try:
        yield them
    finally:
        for user in them:
            user.ends()


@contextmanager
def one_user() -> Iterator[User]:
    with users(1) as [user]:
        user.hears()
        yield user


def servers(place: Path) -> list[psutil.Process]:
    """All processes that have to do with the place, but for the users."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter(["cmdline"]):
        said = " ".join(process.info["cmdline"] or ())
        if str(place) in said:
            found.append(process)
    return found


def left(place: Path) -> list[psutil.Process]:
    """What is still there, after those that are ending have ended."""
    return psutil.wait_procs(servers(place), timeout=60)[1]


def the(kind: str, place: Path) -> psutil.Process:
    """The process with that word in its command; a child that has just been forked still has its parent's."""
    found = [each for each in servers(place) if any(word.endswith(kind) for word in each.cmdline())]
    [process] = [each for each in found if each.ppid() not in {other.pid for other in found}]
    return process


def psql_as(user: int, socket: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [embedded._programs() / "bin" / "psql", "-h", socket, "-U", "postgres", "-c", "select 1"],
        user=user,
        group=user,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def test_the_first_query_starts_a_real_postgres(place: Path):
    with one_user() as user:
        assert user.asks("select split_part(version(), ' ', 1)") == "PostgreSQL"


def test_what_was_written_is_there_next_time(place: Path):
    with one_user() as user:
        user.asks("create table kept as select 7 as n")
    wait_for_the_end(place)
    with one_user() as user:
        assert user.asks("select n from kept") == "7"


def test_kernels_that_start_together_share_one_server(place: Path):
    with users(4) as them:
        assert len({user.hears() for user in them}) == 1
        assert len({user.asks("select pg_postmaster_start_time()::text") for user in them}) == 1
        assert (
            len(
                [
                    each
                    for each in servers(place)
                    if any(word.endswith("keeper.py") for word in each.cmdline())
                ]
            )
            == 1
        )


@pytest.mark.parametrize("number", [None, signal.SIGTERM, signal.SIGKILL])
def test_the_server_ends_with_its_last_user_however_that_ends(place: Path, number: int | None):
    with users(2) as [first, last]:
        assert first.hears() == last.hears()
        first.ends(number)
        assert last.asks("select 1") == "1"
        last.ends(number)
        wait_for_the_end(place)
        assert left(place) == []
        assert not (place / "cluster" / "postmaster.pid").exists()


@pytest.mark.parametrize("kind", ["keeper.py", "-k"])
def test_a_killed_part_is_replaced_at_the_next_attach(place: Path, kind: str):
    with one_user():
        killed = the(kind, place)
        rest = servers(place)
        killed.kill()
        psutil.wait_procs(rest, timeout=60)
        with one_user() as second:
            assert second.asks("select 1") == "1"
    wait_for_the_end(place)
    assert left(place) == []


def test_all_killed_at_once_leave_nothing_that_hinders_the_next(place: Path):
    with one_user() as user:
        user.asks("create table kept as select 7 as n")
        everybody = [*servers(place), psutil.Process(user.process.pid)]
        for process in everybody:
            process.kill()
        psutil.wait_procs(everybody, timeout=60)
    with one_user() as user:
        assert user.asks("select n from kept") == "7"


def test_a_number_that_now_is_anothers_is_no_server(place: Path):
    """After a restart of a container the numbers of processes begin again."""
    with one_user():
        record = (place / "cluster" / "postmaster.pid").read_text().splitlines()
    wait_for_the_end(place)
    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        (place / "cluster" / "postmaster.pid").write_text("\n".join([str(stranger.pid), *record[1:]]) + "\n")
        with one_user() as user:
            assert user.asks("select 1") == "1"
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_interrupt_of_the_terminal_does_not_reach_the_server(place: Path):
    with one_user() as user:
        assert all(os.getsid(each.pid) != os.getsid(user.process.pid) for each in servers(place))


def test_nothing_listens_on_the_network(place: Path):
    with one_user() as user:
        assert user.asks("show listen_addresses") == ""
        assert the("-k", place).net_connections("inet") == []


def test_everything_is_closed_to_others(place: Path):
    with one_user():
        for path in place.iterdir():
            assert path.stat().st_mode & 0o077 == 0, path


@as_root
def test_no_other_user_gets_in_though_the_directory_were_open(place: Path):
    with one_user() as user:
        (place / "socket").chmod(0o755)
        for socket in (place / "socket").iterdir():
            socket.chmod(0o777)
        refused = psql_as(65534, place / "socket")
        assert user.asks("select 1") == "1"
        assert "authentication failed" in refused.stderr


@as_root
def test_roots_server_runs_as_somebody_who_is_nobody_else(place: Path):
    import pwd

    with one_user():
        [number] = {each.uids().effective for each in servers(place) if "-k" in each.cmdline()}
        with pytest.raises(KeyError):
            pwd.getpwuid(number)


@as_root
def test_a_closed_directory_is_not_opened_but_named(place: Path, monkeypatch: pytest.MonkeyPatch):
    home = place / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("REACTIVE_POSTGRES_DIR", str(home / "data"))
    with pytest.raises(embedded.Unavailable, match=r"no other user may enter .*/home"):
        embedded.attach()
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def home(place: Path) -> Path:
    """A closed home whose own environment has the programs, as root's often is."""
    programs = embedded._programs()
    package = place / "home" / embedded._PACKAGE
    package.mkdir(parents=True)
    package.parent.chmod(0o700)
    (package / "__init__.py").touch()
    (package / "pginstall").symlink_to(programs)
    libraries = f"{embedded._PACKAGE}.libs"
    (package.parent / libraries).symlink_to(programs.parents[1] / libraries)
    return package.parent


@as_root
def test_programs_in_a_closed_home_are_copied_once_by_whoever_comes_first(place: Path, home: Path):
    half_made = place / "new-killed"
    half_made.mkdir()
    with users(4, home) as them:
        assert len({user.hears() for user in them}) == 1
        program = Path(the("-k", place).cmdline()[0])
        assert program.is_relative_to(place)
        assert not program.is_relative_to(home)
        assert home.stat().st_mode & 0o777 == 0o700
        assert [path.name for path in place.glob("new-*")] == []
        assert len(list(place.glob("programs-*"))) == 1


def test_a_path_too_long_for_a_socket_does_not_matter(place: Path, monkeypatch: pytest.MonkeyPatch):
    far = place / ("far" * 40)
    monkeypatch.setenv("REACTIVE_POSTGRES_DIR", str(far))
    with one_user() as user:
        assert user.asks("select 1") == "1"
    wait_for_the_end(far)


def test_the_servers_log_holds_no_statement_and_no_value(place: Path):
    with one_user() as user:
        assert user.process.stdin is not None
        user.process.stdin.write("do $$ begin raise exception 'marked-secret'; end $$\n")
        user.ends()
    wait_for_the_end(place)
    assert "marked-secret" not in (place / "log").read_text()


def test_without_the_wheel_a_sentence_says_what_to_do(place: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embedded, "find_spec", lambda name: None)
    with pytest.raises(embedded.Unavailable, match="%sql postgresql://"):
        embedded.attach()
