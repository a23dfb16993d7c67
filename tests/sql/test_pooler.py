"""Behind pgbouncer in transaction mode, where every transaction may meet another server process."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_extension.sql import embedded
from jupyter_extension.sql.database import Database, Target

from .talk import results, rows, value

PROGRAM = shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")

CONFIGURATION = """
[databases]
postgres = host={sockets} user=bounced
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
"""


@pytest.fixture(scope="module")
def pooled(server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a pooler, which must not be root and so is let in without being asked who it is."""
    owner = Database.open("owner", Target(server.url))
    hba = server.sockets.parent / "cluster" / "pg_hba.conf"
    before = hba.read_text()
    hba.write_text(f"local all bounced trust\n{before}")
    owner.execute("create role bounced superuser login")
    owner.execute("select pg_reload_conf()")
    server.sockets.chmod(0o755)
    (server.sockets / ".s.PGSQL.5432").chmod(0o777)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = Path("/tmp") / tmp_path_factory.mktemp("pooler").name
    place.mkdir(mode=0o755, exist_ok=True)
    (place / "pgbouncer.ini").write_text(CONFIGURATION.format(sockets=server.sockets, port=port))
    assert PROGRAM is not None
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    pooler = subprocess.Popen(
        [PROGRAM, *user, str(place / "pgbouncer.ini")], stderr=subprocess.PIPE, text=True
    )
    assert pooler.stderr is not None
    for line in pooler.stderr:
        if "process up" in line:
            break
    yield f"postgresql://bounced@127.0.0.1:{port}/postgres"
    pooler.kill()
    pooler.communicate()
    shutil.rmtree(place)
    server.sockets.chmod(0o700)
    hba.write_text(before)
    owner.execute("drop role bounced")
    owner.close()


def test_every_kind_of_statement_works_behind_a_pooler(pooled: str):
    databases = [Database.open(f"number {number}", Target(pooled)) for number in range(6)]
    try:
        results(databases[0], "drop table if exists pooled; create table pooled (x int, t text)")
        for turn in range(40):
            database = databases[turn % 6]
            results(database, "insert into pooled values ({x}, {t})", {"x": turn, "t": "'; --"})
            assert value(database, "select t from pooled where x = {x}", x=turn) == "'; --"
            assert len(rows(database, "select * from pooled")) == turn + 1
        results(databases[1], "alter table pooled add y int")
        for database in databases:
            assert rows(database, "select * from pooled where x = 0") == [(0, "'; --", None)]
            results(database, "begin; update pooled set y = 1")
            assert database.in_transaction
            results(database, "rollback")
        results(databases[2], "drop table pooled")
    finally:
        for database in databases:
            database.close()
