"""One edit, and everything that follows from it: the same documents in all tools, from 10 cells to 10,000."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import count
from math import inf, log

from .contestants.contestant import Contestant, WrongAnswer
from .contestants.entries import (
    FLOWBOOK,
    IPYFLOW,
    MARIMO,
    MARIMO_INSIDE,
    OURS,
    OURS_INSIDE,
    PLAIN,
    Entry,
    entries,
)
from .peers import NotInstalled
from .row import Point, Row, absent
from .shapes import SHAPES, Cells, last_value
from .timing import in_turn, ratio, told

# Seconds for one rerun: who would need more is not asked for so many cells.
PATIENCE = 3.0
# What takes so long is hardly disturbed by what else runs for a moment: it is measured once.
LONG = 1.0
# What is promised or shown beside it is measured, however long it takes.
PROMISED = {(MARIMO, 1000), (MARIMO_INSIDE, 1000), (IPYFLOW, 200), (OURS, 3000), (OURS, 10_000)}


@dataclass(frozen=True)
class Plan:
    """Which documents, and how often each is changed."""

    sizes: Mapping[str, Sequence[int]]
    rounds: int
    versus_marimo: int
    versus_ipyflow: int


FULL = Plan(
    {
        "chain": (10, 50, 200, 1000, 3000, 10_000),
        "fan": (10, 200, 1000, 10_000),
        "grid": (10, 200, 1000, 10_000),
    },
    rounds=3,
    versus_marimo=1000,
    versus_ipyflow=200,
)
QUICK = Plan(dict.fromkeys(SHAPES, (10, 30)), rounds=2, versus_marimo=30, versus_ipyflow=30)


@dataclass(frozen=True)
class Sweep:
    """All points, and why some tools have none."""

    points: tuple[Point, ...]
    missing: Mapping[str, str]

    def times(self, shape: str, cells: int, tool: str) -> Sequence[float]:
        found = [each for each in self.points if (each.shape, each.cells, each.tool) == (shape, cells, tool)]
        return found[0].seconds if found else ()


def sweep(plan: Plan) -> Sweep:
    missing: dict[str, str] = {}
    points: list[Point] = []
    for shape, sizes in plan.sizes.items():
        lines: dict[str, list[Point]] = {each.name: [] for each in entries()}
        for number, size in enumerate(sizes):
            taking_part = [
                each
                for each in entries()
                if each.name not in missing and _asked(lines[each.name], number, size)
            ]
            for point in _measure(shape, size, taking_part, plan.rounds, missing):
                lines[point.tool].append(point)
        points += (point for line in lines.values() for point in line)
    return Sweep(tuple(points), missing)


def _asked(line: Sequence[Point], number: int, size: int) -> bool:
    """Whether the tool took part in all smaller documents, and will not take too long for this one."""
    if number == 0:
        return True
    if len(line) < number:
        return False
    last = line[-1]
    return (last.tool, size) in PROMISED or last.middle * (size / last.cells) ** _steepness(line) < PATIENCE


def _steepness(line: Sequence[Point]) -> float:
    """With which power of the size the time has grown of late."""
    if len(line) < 2:
        return 1.0
    before, last = line[-2:]
    return max(1.0, log(last.middle / before.middle) / log(last.cells / before.cells))


def _measure(
    shape: str, size: int, taking_part: Sequence[Entry], rounds: int, missing: dict[str, str]
) -> Iterator[Point]:
    cells = SHAPES[shape](size)
    with ExitStack() as stack:
        acts: dict[str, Callable[[], float]] = {}
        slow: dict[str, Callable[[], float]] = {}
        times: dict[str, list[float]] = {}
        for entry in taking_part:
            try:
                contestant = stack.enter_context(entry.open(cells))
                act = partial(_rerun, contestant, cells, count(1))
                # A first rerun that nobody counts, and that shows who gets it right.
                took = act()
            except Exception as error:  # noqa: BLE001  # whatever ails a peer is a line of the table
                missing[entry.name] = _words(error)
            else:
                again = partial(_or_never, act, entry.name, missing)
                if took > PATIENCE and size <= 1000:
                    # Nor does it matter then that this was the first time.
                    times[entry.name] = [took]
                elif took > LONG or size > 1000:
                    slow[entry.name] = again
                else:
                    acts[entry.name] = again
        times |= in_turn(rounds, acts) | in_turn(1, slow)
    times = {name: seconds for name, seconds in times.items() if name not in missing}
    for name, seconds in times.items():
        yield Point(shape, size, name, tuple(seconds))
    shown = ", ".join(f"{name} {told(seconds)}" for name, seconds in times.items())
    print(f"  {shape} of {size:,}: {shown}", file=sys.stderr, flush=True)


def _or_never(act: Callable[[], float], name: str, missing: dict[str, str]) -> float:
    """The seconds that it takes, for ever if it breaks: whoever did is not asked again."""
    if name in missing:
        return inf
    try:
        return act()
    except Exception as error:  # noqa: BLE001  # as above
        missing[name] = _words(error)
        return inf


def _words(error: Exception) -> str:
    prefix = "not installed" if isinstance(error, NotInstalled) else type(error).__name__
    return f"{prefix}: {error}"


def _rerun(contestant: Contestant, cells: Cells, heads: Iterator[int]) -> float:
    head = next(heads)
    seconds = contestant.rerun(head)
    name = f"x{len(cells) - 1}"
    if (found := contestant.last(name)) != (expected := last_value(cells, head)):
        raise WrongAnswer(f"`{name}` is {found} where it should be {expected}")
    return seconds


# Rows

Bounds = tuple[float | None, float | None]


def rows(plan: Plan) -> Iterator[Row | Point]:
    found = sweep(plan)
    yield from compared(plan, found)
    yield from found.points


def compared(plan: Plan, found: Sweep) -> Iterator[Row]:
    for shape in SHAPES:
        yield _compared(found, shape, plan.versus_marimo, (OURS, MARIMO), (4.0, 10.0))
        yield _compared(found, shape, plan.versus_marimo, (OURS_INSIDE, MARIMO_INSIDE))
    for shape in SHAPES:
        yield _compared(found, shape, plan.versus_ipyflow, (OURS, IPYFLOW), (20.0, 60.0))
    for tool in (FLOWBOOK, PLAIN):
        yield _compared(found, "chain", plan.versus_ipyflow, (OURS, tool))


def _compared(
    found: Sweep, shape: str, cells: int, pair: tuple[str, str], bounds: Bounds = (None, None)
) -> Row:
    ours, theirs = pair
    inside = "in process" if ours == OURS_INSIDE else "end to end"
    what = f"{shape} of {cells:,}, {inside}: times as fast as {theirs.partition(',')[0]}"
    if theirs == PLAIN:
        what = f"{shape} of {cells:,}: times as fast as ipykernel asked for each cell"
    mine, other = found.times(shape, cells, ours), found.times(shape, cells, theirs)
    if not mine or not other:
        why = found.missing.get(theirs if mine else ours, "too slow to be asked")
        return absent(what, why, must=bounds[0], aim=bounds[1], larger=True)
    detail = f"{told(mine)} against {told(other)}"
    return Row(what, ratio(other, mine), *bounds, detail, larger=True)
