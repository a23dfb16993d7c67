"""A Postgres of our own for every test run: the embedded one, in a directory that goes away with it."""

from __future__ import annotations

import fcntl
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from jupyter_extension.sql import embedded
from jupyter_extension.sql.database import Database, Target


@contextmanager
def new_place() -> Iterator[Path]:
    """A directory for a server. Root's server runs as somebody else, who has to get in."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)
        wait_for_the_end(Path(directory))


def wait_for_the_end(place: Path) -> None:
    """Wait until no keeper, and so no server, is at work there."""
    with (place / "keeper.lock").open("a") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with new_place() as directory:
        monkeypatch.setenv("REACTIVE_POSTGRES_DIR", str(directory))
        yield directory


@pytest.fixture(scope="session")
def server() -> Iterator[embedded.Server]:
    with new_place() as directory:
        before = os.environ.get("REACTIVE_POSTGRES_DIR")
        os.environ["REACTIVE_POSTGRES_DIR"] = str(directory)
        try:
            server = embedded.attach()
        finally:
            os.environ.pop("REACTIVE_POSTGRES_DIR")
            if before is not None:
                os.environ["REACTIVE_POSTGRES_DIR"] = before
        yield server
        server.release()


@pytest.fixture(scope="session")
def url(server: embedded.Server) -> str:
    return server.url


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """A connection of the test's own, and a schema that is gone after it."""
    database = Database.open("default", Target(url))
    schema = f"test_{uuid.uuid4().hex}"
    database.execute(f"create schema {schema}")
    database.execute(f"set search_path to {schema}, public")
    yield database
    database.close()
    cleaner = Database.open("cleaner", Target(url))
    cleaner.execute(f"drop schema {schema} cascade")
    cleaner.close()


@pytest.fixture(scope="module")
def guarded(server: embedded.Server) -> Iterator[Path]:
    """A user whom the server asks for a password."""
    owner = Database.open("owner", Target(server.url))
    hba = server.sockets.parent / "cluster" / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text(f"local all guarded scram-sha-256\n{before}")
    owner.execute("create role guarded login password 'marked-secret!'")
    owner.execute("select pg_reload_conf()")
    yield server.sockets
    hba.write_text(before)
    owner.execute("drop role guarded")
    owner.close()
