"""Everything that is promised about speed, measured in one run: `python -m benchmarks`."""

from __future__ import annotations

import platform
import shutil
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec

from . import analysis, kernels, observation, sql

HEADER = f"{'what':<70} {'measured':>8} {'must':>6} {'aim':>6}  holds  detail"


def rows() -> Iterator[dict[str, object]]:
    yield from analysis.rows()
    yield from observation.rows()
    yield from kernels.rows()
    if missing := sql.missing():
        print(f"SQL cells are left out: {', '.join(missing)} not installed", file=sys.stderr)
    else:
        yield from sql.rows(3)
    if find_spec("playwright") and shutil.which("chromium"):
        yield from import_module("benchmarks.front").rows()
    else:
        print("front ends are left out: Playwright or Chromium not installed", file=sys.stderr)


def line(row: dict[str, object]) -> str:
    measured, must, aim = (float(str(row[key])) for key in ("measured", "must", "aim"))
    holds = "aim" if measured <= aim else "yes" if measured <= must else "NO"
    return f"{row['what']:<70} {measured:>8.2f} {must:>6g} {aim:>6g}  {holds:<5}  {row['detail']}"


def main() -> int:
    versions = ", ".join(f"{name} {version(name)}" for name in ("ipykernel", "ipython", "pyzmq"))
    print(f"Python {platform.python_version()}, {versions}; medians, taken in turn; smaller is better\n")
    print(HEADER)
    start = time.perf_counter()
    for row in rows():
        print(line(row), flush=True)
    print(f"\n{time.perf_counter() - start:.0f} s. 'aim': the aim is met, too.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
