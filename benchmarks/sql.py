"""What is promised about SQL cells' speed: `python -m benchmarks.sql [ROUNDS]`.

Needs adbc-driver-postgresql, adbc-driver-manager, pandas, psycopg2-binary and sqlalchemy. The figures
are ratios of two things done in turn, in fresh processes on the embedded Postgres; smaller is better.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROWS = 1_000_000
MIXED = f"""create table mixed as select i::int8 as id, (i % 1000)::int4 as k, random() as x,
    (random() * 100000)::numeric(12, 2) as price, 'name ' || (i % 5000) as name,
    timestamptz '2020-01-01' + i * interval '1 second' as moment, i % 2 = 0 as flag,
    case when i % 10 > 0 then (i * 7)::int4 end as maybe from generate_series(1, {ROWS}) i"""
QUERY = "select * from mixed"
SMALL = "select * from mixed limit 1000"
REPEATS = 40


def missing() -> list[str]:
    """What is not there of that which SQL cells are compared with."""
    needed = ("adbc_driver_postgresql", "pandas", "psycopg2", "sqlalchemy")
    return [name for name in needed if find_spec(name) is None]


def memory(name: str) -> int:
    """What the kernel knows of this process' memory: in use now (VmRSS), the most so far (VmHWM)."""
    [line] = [each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith(name)]
    return int(line.split()[1]) * 1024


class Peak:
    """The most memory that is in use while something is done, beyond what was before."""

    def __enter__(self) -> Peak:
        gc.collect()
        # From here on the kernel looks for the most anew.
        Path("/proc/self/clear_refs").write_text("5")
        self._before = memory("VmRSS")
        return self

    def __exit__(self, *_: object) -> None:
        self.bytes = memory("VmHWM") - self._before


# What is compared: each prepares itself, and then gives what is timed.


def shell(url: str) -> Any:
    from IPython.core.interactiveshell import InteractiveShell

    os.environ["DATABASE_URL"] = url
    shell = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "jupyter_extension.sql")
    shell.run_cell_magic("sql", "warm <<", "select 1 as a, 'x' as b, 1.5 as c, now() as d")
    shell.user_ns.pop("warm")
    return shell


def ours(kind: str) -> Callable[[str], Callable[[], Any]]:
    def prepare(url: str) -> Callable[[], Any]:
        place = shell(url)

        def run() -> Any:
            place.run_cell_magic("sql", f"rows << --as {kind}", QUERY)
            return place.user_ns["rows"]

        return run

    return prepare


def read_sql(url: str) -> Callable[[], Any]:
    import pandas as pd
    import sqlalchemy as sa

    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg2:"))
    pd.read_sql(sa.text("select 1"), engine)
    return lambda: pd.read_sql(sa.text(QUERY), engine)


def adbc(kind: str) -> Callable[[str], Callable[[], Any]]:
    def prepare(url: str) -> Callable[[], Any]:
        import adbc_driver_postgresql.dbapi as driver
        import pandas as pd  # noqa: F401  # everybody has it loaded

        connection = driver.connect(url)

        def run() -> Any:
            cursor = connection.cursor()
            cursor.execute(QUERY)
            table = cursor.fetch_arrow_table()
            return table.to_pandas() if kind == "pandas" else table

        return run

    return prepare


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


WAYS: dict[str, Callable[[str], Callable[[], Any]]] = {
    "pandas": ours("pandas"),
    "arrow": ours("arrow"),
    "read_sql": read_sql,
    "adbc-pandas": adbc("pandas"),
    "adbc-arrow": adbc("arrow"),
}
SINGLE: dict[str, Callable[[str], dict[str, float]]] = {"wire": wire, "latency": latency}


def child(way: str, url: str) -> dict[str, float]:
    """What a fresh process finds."""
    if way in SINGLE:
        return SINGLE[way](url)
    run = WAYS[way](url)
    with Peak() as peak:
        began = time.perf_counter()
        rows = run()
        seconds = time.perf_counter() - began
    size = getattr(rows, "nbytes", 0) or int(rows.memory_usage(index=False, deep=True).sum())
    assert len(rows) == ROWS
    return {"seconds": seconds, "peak": peak.bytes, "size": size}


def fresh(way: str, url: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.sql", way, url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(said.splitlines()[-1])


def figures(url: str, rounds: int) -> dict[str, dict[str, float]]:
    """The medians of all ways, taken in turn."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, each in found.items():
            each.append(fresh(way, url))
    return {
        way: {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        for way, runs in found.items()
    }


def compared(found: dict[str, dict[str, float]], url: str) -> Iterator[dict[str, object]]:
    for what, own, other, must, aim in (
        ("%%sql x << to pandas, per pandas.read_sql", "pandas", "read_sql", 1 / 4, 1 / 7),
        ("the same, per ADBC to pandas", "pandas", "adbc-pandas", 1.0, 1 / 1.5),
        ("to Arrow, per ADBC to Arrow", "arrow", "adbc-arrow", 1.0, 1 / 1.5),
    ):
        seconds, base = found[own]["seconds"], found[other]["seconds"]
        yield row(
            what, seconds / base, must, aim, f"{seconds:.2f} s, {base:.2f} s: {base / seconds:.1f}x faster"
        )
    for own in ("arrow", "pandas"):
        peak, size = found[own]["peak"], found[own]["size"]
        detail = f"{peak / 1e6:.0f} MB for {size / 1e6:.0f} MB"
        yield row(f"peak memory per size of the result ({own})", peak / size, 2, 1.3, detail)
    first = fresh("wire", url)["seconds"] * 1000
    yield row("first rows ready for the wire, ms", first, 50, 10, f"{ROWS:,} rows, query to bundle")
    small = fresh("latency", url)
    detail = f"{small['seconds'] * 1000:.1f} ms, {small['base'] * 1000:.1f} ms"
    yield row(
        "1,000 rows, cell to output, per fetch and cell", small["seconds"] / small["base"], 1.5, 1.1, detail
    )


def row(what: str, measured: float, must: float, aim: float, detail: str) -> dict[str, object]:
    return {"what": what, "measured": measured, "must": must, "aim": aim, "detail": detail}


def rows(rounds: int = 5) -> Iterator[dict[str, object]]:
    from jupyter_extension.sql import embedded

    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as place:
        # Root's server runs as somebody else, who has to get in.
        Path(place).chmod(0o711)
        os.environ["REACTIVE_POSTGRES_DIR"] = place
        server = embedded.attach()
        try:
            asyncio.run(_fill(server.url))
            yield from compared(figures(server.url, rounds), server.url)
        finally:
            server.release()


async def _fill(url: str) -> None:
    import asyncpg

    connection: Any = await asyncpg.connect(url)
    await connection.execute(MIXED)
    await connection.execute("vacuum analyze mixed")
    await connection.close()


def main() -> int:
    from .__main__ import HEADER, line

    if len(sys.argv) == 3:
        print(json.dumps(child(*sys.argv[1:])))
        return 0
    print(HEADER)
    for each in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
        print(line(each), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
