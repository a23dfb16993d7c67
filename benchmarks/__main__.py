"""Everything that is promised about speed, beside the other tools, measured in one run.

`python -m benchmarks` measures all of it on this machine (other tools are installed from PyPI first, each
into an environment of its own below the user's cache directory), prints the table, and writes
docs/performance.json, docs/performance.md and the pictures of it in docs/images.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import peers
from .groups import GROUPS, Effort, Group
from .report import write
from .result import Result, load, machine, own_versions, peer_versions, save
from .row import HEADER, Holds, Point, Row, absent, line, of

DOCS = Path(__file__).parents[1] / "docs"


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    names = [group.name for group in GROUPS]
    parser.add_argument("--list", action="store_true", help="say which groups there are, and measure nothing")
    parser.add_argument("--only", nargs="+", choices=names, metavar="GROUP", help="measure these groups only")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that everything works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures go")
    parser.add_argument(
        "--page",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="measure nothing, write docs/performance.md from the figures of one run or of several",
    )
    parser.add_argument("--forget", action="store_true", help="take away the other tools' environments")
    return parser


@contextmanager
def surroundings() -> Iterator[None]:
    """The environment variables as they are now, whatever a group does to them."""
    before = dict(os.environ)
    # What is installed has its bytecode; so must this tree have, or its start is not that of anybody.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def measured(group: Group, effort: Effort) -> Iterator[Row | Point]:
    """What the group finds. If it breaks, that is a row, and the others go on."""
    known: dict[str, Any] = {"issue": group.issue, "group": group.name}
    try:
        with surroundings():
            for each in group.measure(effort):
                yield each if isinstance(each, Point) else replace(of(each), **known)
    except Exception as error:  # noqa: BLE001  # what breaks is told, and is a promise that does not hold
        traceback.print_exc()
        why = f"{type(error).__name__}: {error}"
        yield absent(f"{group.name}: broken off", why, must=0.0, **known)


def run(groups: Sequence[Group], effort: Effort) -> Result:
    before, start = os.getloadavg()[0], time.perf_counter()
    rows: list[Row] = []
    points: list[Point] = []
    print(HEADER, flush=True)
    for group in groups:
        begun = time.perf_counter()
        for each in measured(group, effort):
            if isinstance(each, Point):
                points.append(each)
            else:
                rows.append(each)
                print(line(each), flush=True)
        print(f"  {group.name}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
    where = machine(before, time.perf_counter() - start)
    return Result(where, own_versions(), peer_versions(), tuple(rows), tuple(points))


def verdict(result: Result) -> str:
    promised = [row for row in result.rows if row.must is not None]
    counts = {kind: sum(row.holds is kind for row in promised) for kind in Holds}
    kept = counts[Holds.AIM] + counts[Holds.YES]
    told = f"{kept} of {len(promised)} promises hold, {counts[Holds.AIM]} at their aim"
    return f"{told}; {counts[Holds.NO]} do not, {counts[Holds.ABSENT]} could not be measured."


def main() -> int:
    given = arguments().parse_args()
    if given.list:
        print("\n".join(f"{group.name:<12} issue {group.issue}: {group.about}" for group in GROUPS))
        return 0
    if given.forget:
        peers.forget()
        return 0
    if given.page:
        write([load(path) for path in given.page], DOCS)
        return 0
    chosen = [group for group in GROUPS if not given.only or group.name in given.only]
    result = run(chosen, Effort.QUICK if given.quick else Effort.FULL)
    print(f"\n{result.machine.seconds} s. {verdict(result)}")
    whole = not given.only and not given.quick
    if given.json or whole:
        save(result, given.json or DOCS / "performance.json")
    if whole:
        write([result], DOCS)
    broken = (Holds.NO, Holds.ABSENT)
    return int(any(row.must is not None and row.holds in broken for row in result.rows))


if __name__ == "__main__":
    sys.exit(main())
