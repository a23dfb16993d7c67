"""What is promised about SQL cells' speed: `python -m benchmarks.sql [ROUNDS]`.

The figures are ratios of two things done in turn, in fresh processes on the embedded Postgres, each tool
in an environment of its own.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .inside.sql_ways import QUERY, ROWS
from .peers import NotInstalled, environment
from .row import HEADER, Row, absent, line

MIXED = f"""create table mixed as select i::int8 as id, (i % 1000)::int4 as k, random() as x,
    (random() * 100000)::numeric(12, 2) as price, 'name ' || (i % 5000) as name,
    timestamptz '2020-01-01' + i * interval '1 second' as moment, i % 2 = 0 as flag,
    case when i % 10 > 0 then (i * 7)::int4 end as maybe from generate_series(1, {ROWS}) i"""
# Sockets of the operating system are not for every driver.
USER, PORT = "bench", 5432
OPEN = (f"create role {USER} superuser login", "alter system set listen_addresses = '127.0.0.1'")
SMALL = "select * from mixed limit 1000"
REPEATS = 40


def wire(url: str) -> dict[str, float]:
    """How soon the first rows are decoded, and how soon a front end could have them."""
    from jupyter_extension.sql.database import Database, Target
    from jupyter_extension.sql.execution import Names, Progress, run
    from jupyter_extension.sql.query import statements
    from jupyter_extension.sql.table import Shown, bundle

    database = Database.open("default", Target(url))
    times: list[float] = []
    for _ in range(7):
        began = time.perf_counter()
        first: list[float] = []

        def watch(progress: Progress, first: list[float] = first, began: float = began) -> None:
            if progress.first is not None and not first:
                bundle(Shown("id", progress.columns, progress.rows, ""), progress.first)
                first.append(time.perf_counter() - began)

        [statement] = statements(QUERY)
        run(database, QUERY, statement, Names(lambda name: False, lambda path: None), None, watch)
        times += first
    database.close()
    return {"seconds": statistics.median(times)}


def latency(url: str) -> dict[str, float]:
    """A small query, cell to output in a kernel, per asyncpg's fetch alone and a plain cell's output."""
    import asyncpg
    from jupyter_client.manager import start_new_kernel

    os.environ["DATABASE_URL"] = url
    manager, client = start_new_kernel(kernel_name="python3")
    loop = asyncio.new_event_loop()
    connection = loop.run_until_complete(asyncpg.connect(url))
    times: dict[str, list[float]] = {"cell": [], "fetch": [], "plain": []}
    try:
        until_output(client, "%load_ext jupyter_extension.sql\n1")
        for _ in range(REPEATS):
            times["cell"].append(until_output(client, f"%%sql\n{SMALL}"))
            times["fetch"].append(timed(lambda: loop.run_until_complete(connection.fetch(SMALL))))
            times["plain"].append(until_output(client, "1 + 1"))
    finally:
        loop.run_until_complete(connection.close())
        loop.close()
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    cell, fetch, plain = (statistics.median(each[5:]) for each in times.values())
    return {"seconds": cell, "base": fetch + plain, "fetch": fetch}


def until_output(client: Any, source: str) -> float:
    """Seconds from the request to what it shows."""
    began = time.perf_counter()
    request = client.execute(source)
    shown = 0.0
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != request:
            continue
        if message["msg_type"] in ("display_data", "execute_result"):
            shown = time.perf_counter() - began
        if message["content"].get("execution_state") == "idle":
            client.get_shell_msg(timeout=60)
            return shown


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


SINGLE: dict[str, Callable[[str], dict[str, float]]] = {"wire": wire, "latency": latency}

# Who takes part, and where each is installed: `None` is this very Python.
PLACES: dict[str, str | None] = {
    "pandas": None,
    "arrow": None,
    "read_sql": "pandas.read_sql",
    "adbc-pandas": "ADBC",
    "adbc-arrow": "ADBC",
    "connectorx-pandas": "connectorx",
    "connectorx-arrow": "connectorx",
    "jupysql": "JupySQL",
    "marimo": "marimo SQL",
}
INSIDE = Path(__file__).parent / "inside"


def fresh(way: str, url: str) -> dict[str, float]:
    """What a process of its own finds."""
    if way in SINGLE:
        return _said(sys.executable, "-m", "benchmarks.sql", way, url)
    if (peer := PLACES[way]) is None:
        return _said(sys.executable, "-m", "benchmarks.inside.sql_ways", way, url)
    # Not as a module: its Python has nothing of this project, and must not meet modules of the same names.
    return _said(environment(peer).python, str(INSIDE / "sql_ways.py"), way, url)


def _said(*command: str) -> dict[str, float]:
    root = INSIDE.parents[1]
    run = subprocess.run(command, check=False, capture_output=True, text=True, cwd=root)
    if run.returncode:
        raise RuntimeError((run.stderr.strip().splitlines() or ["no word of why"])[-1])
    # Some tools print more, before and after.
    return next(json.loads(line) for line in run.stdout.splitlines() if line.startswith("{"))


@dataclass(frozen=True)
class Figures:
    """The medians of every way that worked, and why others did not."""

    found: Mapping[str, Mapping[str, float]]
    missing: Mapping[str, str]


def figures(url: str, rounds: int) -> Figures:
    """All ways in turn, again and again."""
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in PLACES}
    missing: dict[str, str] = {}
    for _ in range(rounds):
        for way in PLACES:
            if way not in missing:
                try:
                    runs[way].append(fresh(way, url))
                except (NotInstalled, RuntimeError) as error:
                    missing[way] = str(error)
    found = {way: _medians(each) for way, each in runs.items() if way not in missing}
    return Figures(found, missing)


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


COMPARED = (
    ("%%sql x << to pandas: times as fast as pandas.read_sql", "pandas", "read_sql", 4.0, 7.0),
    ("%%sql to pandas: times as fast as ADBC to pandas", "pandas", "adbc-pandas", 1.0, 1.5),
    ("%%sql to Arrow: times as fast as ADBC to Arrow", "arrow", "adbc-arrow", 1.0, 1.5),
    ("%%sql to pandas: times as fast as JupySQL", "pandas", "jupysql", None, None),
    ("%%sql to pandas: times as fast as connectorx to pandas", "pandas", "connectorx-pandas", None, None),
    ("%%sql to Arrow: times as fast as connectorx to Arrow", "arrow", "connectorx-arrow", None, None),
    ("%%sql to Arrow: times as fast as marimo SQL over ADBC", "arrow", "marimo", None, None),
)


def compared(figures: Figures) -> Iterator[Row]:
    for what, own, other, must, aim in COMPARED:
        lacking = [way for way in (own, other) if way in figures.missing]
        if lacking:
            yield absent(what, figures.missing[lacking[0]], must=must, aim=aim)
            continue
        ours, theirs = figures.found[own], figures.found[other]
        detail = f"{ours['seconds']:.2f} s against {theirs['seconds']:.2f} s"
        detail += f"; peak {ours['peak'] / 1e6:.0f} MB against {theirs['peak'] / 1e6:.0f} MB"
        yield Row(what, theirs["seconds"] / ours["seconds"], must, aim, detail, larger=True)
    for own in ("arrow", "pandas"):
        peak, size = figures.found[own]["peak"], figures.found[own]["size"]
        detail = f"{peak / 1e6:.0f} MB for {size / 1e6:.0f} MB"
        yield Row(f"peak memory per size of the result ({own})", peak / size, 2.0, 1.3, detail)


def single(url: str) -> Iterator[Row]:
    first = fresh("wire", url)["seconds"] * 1000
    yield Row("first rows ready for the wire, ms", first, 50.0, 10.0, f"{ROWS:,} rows, query to bundle", "ms")
    small = fresh("latency", url)
    detail = f"{small['seconds'] * 1000:.1f} ms, {small['base'] * 1000:.1f} ms"
    took = small["seconds"] / small["base"]
    yield Row("1,000 rows, cell to output, per fetch and cell", took, 1.5, 1.1, detail)


def rows(rounds: int = 5) -> Iterator[Row]:
    with server() as url:
        yield from compared(figures(url, rounds))
        yield from single(url)


@contextmanager
def server() -> Iterator[str]:
    """The embedded Postgres with the table in it, on loopback unless its port is somebody else's."""
    from jupyter_extension.sql import embedded

    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as place:
        # Root's server runs as somebody else, who has to get in.
        Path(place).chmod(0o711)
        os.environ["REACTIVE_POSTGRES_DIR"] = place
        running = embedded.attach()
        try:
            asyncio.run(_execute(running.url, MIXED, "vacuum analyze mixed"))
            if _is_free(PORT):
                asyncio.run(_execute(running.url, *OPEN))
                rules = running.sockets.parent / "cluster" / "pg_hba.conf"
                rules.write_text(f"host all {USER} 127.0.0.1/32 trust\n{rules.read_text()}")
                running.release()
                # It listens where it is told to from its start on, so it has to have ended first.
                with Path(place, "keeper.lock").open("a") as lock:
                    fcntl.lockf(lock, fcntl.LOCK_EX)
                running = embedded.attach()
                yield f"postgresql://{USER}@127.0.0.1:{PORT}/postgres"
            else:
                yield running.url
        finally:
            running.release()


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def _execute(url: str, *statements: str) -> None:
    import asyncpg

    connection: Any = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


def main() -> int:
    if len(sys.argv) == 3:
        way, url = sys.argv[1:]
        print(json.dumps(SINGLE[way](url)))
        return 0
    print(HEADER)
    for each in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
        print(line(each), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
