"""One query, one tool, one fresh process: run by a tool's own Python, without anything of this project's.

`python sql_ways.py WAY URL [ROWS]` prints what was found as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROWS = 1_000_000
QUERY = "select * from mixed"

Way = Callable[[str], Callable[[], Any]]


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


# Each prepares itself, and then gives what is timed.


def shell() -> Any:
    from IPython.core.interactiveshell import InteractiveShell

    return InteractiveShell.instance()


def ours(kind: str) -> Way:
    def prepare(url: str) -> Callable[[], Any]:
        os.environ["DATABASE_URL"] = url
        place = shell()
        place.run_line_magic("load_ext", "jupyter_extension.sql")
        place.run_cell_magic("sql", "warm <<", "select 1 as a, 'x' as b, 1.5 as c, now() as d")

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


def adbc(kind: str) -> Way:
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


def connectorx(kind: str) -> Way:
    def prepare(url: str) -> Callable[[], Any]:
        import connectorx as cx
        import pandas as pd  # noqa: F401  # everybody has it loaded

        cx.read_sql(url, "select 1 as a", return_type=kind)
        return lambda: cx.read_sql(url, QUERY, return_type=kind)

    return prepare


def jupysql(url: str) -> Callable[[], Any]:
    place = shell()
    place.run_line_magic("load_ext", "sql")
    place.run_line_magic("config", "SqlMagic.autopandas = True")
    place.run_line_magic("config", "SqlMagic.feedback = 0")
    place.run_line_magic("sql", url.replace("postgresql:", "postgresql+psycopg2:"))
    place.run_line_magic("sql", "warm << select 1 as a")

    def run() -> Any:
        place.run_cell_magic("sql", "rows <<", QUERY)
        return place.user_ns["rows"]

    return run


def marimo(url: str) -> Callable[[], Any]:
    import adbc_driver_postgresql.dbapi as driver
    import marimo as mo

    connection = driver.connect(url)
    mo.sql("select 1 as a", output=False, engine=connection)
    return lambda: mo.sql(QUERY, output=False, engine=connection)


WAYS: dict[str, Way] = {
    "pandas": ours("pandas"),
    "arrow": ours("arrow"),
    "read_sql": read_sql,
    "adbc-pandas": adbc("pandas"),
    "adbc-arrow": adbc("arrow"),
    "connectorx-pandas": connectorx("pandas"),
    "connectorx-arrow": connectorx("arrow"),
    "jupysql": jupysql,
    "marimo": marimo,
}


def size_of(rows: Any) -> int:
    """Bytes of Arrow, pandas or polars."""
    if hasattr(rows, "memory_usage"):
        return int(rows.memory_usage(index=False, deep=True).sum())
    return int(rows.nbytes if hasattr(rows, "nbytes") else rows.estimated_size())


def found(way: str, url: str) -> dict[str, float]:
    run = WAYS[way](url)
    with Peak() as peak:
        began = time.perf_counter()
        rows = run()
        seconds = time.perf_counter() - began
    assert len(rows) == ROWS, len(rows)
    return {"seconds": seconds, "peak": peak.bytes, "size": size_of(rows)}


if __name__ == "__main__":
    print(json.dumps(found(*sys.argv[1:])))
