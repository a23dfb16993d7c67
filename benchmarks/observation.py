"""What it costs to see what cells do: beside the cells' own time, and beside plain ipykernel."""

from __future__ import annotations

import ast
import builtins
import gc
import io
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import count
from statistics import median
from types import CodeType
from typing import Any, cast

from reactive_kernel.analysis import analyze
from reactive_kernel.cell import Cell, CellId, Outcome
from reactive_kernel.event import CellEdited, DocumentSynced, Run, RunFinished, RunRequested
from reactive_kernel.objects import Survey
from reactive_kernel.observe import Observer
from reactive_kernel.session import Session
from tests.fuzz.campaign import campaign

from .kernels import PLAIN, REACTIVE, Kernel, home, kernel
from .notebooks import notebooks
from .row import HEADER, line, of
from .shapes import Cells
from .timing import in_turn, ms, spread

# The frame of the rows below: eight columns of numbers.
GIGABYTE = 1 << 30
SEQUENCES = range(1000, 1300)
# 10 % of a cell's own time, or 1 ms if that is more: the same as 10 % of 10 ms at least. So 3 % and 0.3 ms.
LEAST = 0.010
TIMES = 3  # that each notebook is run: of each cell the middle one counts


@dataclass(frozen=True)
class Timed:
    """A run: seconds for the cell's own code and for observing it."""

    name: str
    own: float
    observing: float

    @property
    def percent(self) -> float:
        return 100 * self.observing / max(self.own, LEAST)


class Notebook:
    """A notebook under the session, as the kernel would have it, with a clock."""

    def __init__(self, name: str, sources: Sequence[str]) -> None:
        self.name = name
        live: dict[str, object] = {"__name__": "__main__", "__builtins__": builtins}
        self.session = Session(analyze)
        self.observer = Observer(live, self.session.versions)
        self.live = live
        self.numbers = count(1)
        self.cells = [Cell(CellId(f"{name} {at}"), source) for at, source in enumerate(sources, 1)]
        self.session.step(DocumentSynced(tuple(self.cells)))

    def append(self, source: str) -> Timed:
        """Run one more cell."""
        cell = Cell(CellId(f"{self.name} {len(self.cells) + 1}"), source)
        self.cells.append(cell)
        self.session.step(DocumentSynced(tuple(self.cells)))
        return self.run(cell.id)[0]

    def run(self, *cells: CellId) -> list[Timed]:
        self.session.step(RunRequested(cells))
        return list(self._follow())

    def rerun(self) -> list[Timed]:
        """Run all cells again, each with a text that is new to the kernel."""
        for cell in self.cells:
            self.session.step(CellEdited(cell.id, f"{cell.source}\n# again"))
        return self.run(*(cell.id for cell in self.cells))

    def change(self) -> list[Timed]:
        """Change each cell, one after the other, and run it at once: what it leaves decides who else runs."""
        found: list[Timed] = []
        for cell in self.cells:
            self.session.step(CellEdited(cell.id, f"{cell.source}\n# changed"))
            # What it had to make again for that is somebody else's.
            found += [ran for ran in self.run(cell.id) if ran.name == cell.id]
        return found

    def _follow(self) -> Iterator[Timed]:
        while isinstance(action := self.session.advance(), Run):
            yield self._time(action)
        self.observer.names.settle(lambda name: self.session.versions.source_of(name, None))

    def _time(self, run: Run) -> Timed:
        code = _compiled(run.source)
        start = time.perf_counter()
        self.observer.begin(run)
        begun = time.perf_counter()
        _execute(code, self.live)
        ran = time.perf_counter()
        seen = self.observer.finish(Outcome.OK, None)
        done = time.perf_counter()
        self.session.step(RunFinished(run.cell, run.run, Outcome.OK, next(self.numbers), seen))
        return Timed(run.cell, ran - begun, done - ran + begun - start)


def _compiled(source: str) -> tuple[CodeType, CodeType | None]:
    """A cell's statements, and its last line where that is to be shown."""
    tree = ast.parse(source)
    last = tree.body[-1]
    if not isinstance(last, ast.Expr) or source.rstrip().endswith(";"):
        return compile(tree, "<cell>", "exec"), None
    shown = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]  # an `Expr` has one
    return compile(tree, "<cell>", "exec"), compile(shown, "<cell>", "eval")


def _execute(code: tuple[CodeType, CodeType | None], live: dict[str, object]) -> None:
    """Run a cell and work out what it shows, as a kernel does."""
    statements, shown = code
    with redirect_stdout(io.StringIO()):
        exec(statements, live)
        if shown is not None:
            value = eval(shown, live)
            repr(value)
            getattr(value, "_repr_html_", lambda: None)()
        _draw()


def _draw() -> None:
    pyplot: Any = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and pyplot.get_fignums():
        for number in pyplot.get_fignums():
            pyplot.figure(number).savefig(io.BytesIO(), format="png")
        pyplot.close("all")


# Rows


def _imported() -> None:
    """Have the libraries imported: nobody's cell pays for that here."""
    os.environ["MPLBACKEND"] = "agg"
    for name in ("numpy", "pandas", "matplotlib.pyplot"):
        import_module(name)
    warnings.filterwarnings("ignore")


def _share(kind: str, timed: Sequence[Timed]) -> dict[str, object]:
    worst = max(timed, key=lambda each: each.percent)
    over = sum(each.percent > 10 for each in timed)
    return {
        "what": f"observation, % of the cell's own time (10 ms at least), {kind}",
        "measured": median(each.percent for each in timed),
        "must": 10.0,
        "aim": 3.0,
        "detail": (
            f"{ms(median(each.observing for each in timed))} / {ms(median(each.own for each in timed))},"
            f" {len(timed)} runs; {over} over 10 %, worst {worst.name}:"
            f" {ms(worst.observing)} / {ms(worst.own)}"
        ),
    }


def cells() -> Iterator[dict[str, object]]:
    """All cells of the notebooks: first from top to bottom, then so again, then each for itself."""
    _imported()
    timed: dict[str, list[Timed]] = {kind: [] for kind in ("first runs", "reruns", "changes of one cell")}
    for name, sources in notebooks().items():
        took = [_all_ways(name, sources) for _ in range(TIMES)]
        for kind, *same in zip(timed, *took, strict=True):
            timed[kind] += _middle(same)
    yield from map(_share, timed, timed.values())


def _all_ways(name: str, sources: Sequence[str]) -> tuple[list[Timed], list[Timed], list[Timed]]:
    notebook = Notebook(name, sources)
    first = notebook.run(*(cell.id for cell in notebook.cells))
    return first, notebook.rerun(), notebook.change()


def _middle(took: Sequence[Sequence[Timed]]) -> Iterator[Timed]:
    """Of each run the one that stands in the middle."""
    for same in zip(*took, strict=True):
        yield sorted(same, key=lambda each: each.percent)[len(same) // 2]


def _worst(what: str, make: str, reads: Sequence[str], must: float, aim: float) -> dict[str, object]:
    """The slowest observation of cells that only read what `make` made."""
    _imported()
    notebook = Notebook("read", [make])
    notebook.run(notebook.cells[0].id)
    gc.collect()
    times = {source: [notebook.append(source).observing for _ in range(5)] for source in reads}
    slowest = max(times, key=lambda source: median(times[source]))
    return {
        "what": what,
        "measured": median(times[slowest]) * 1000,
        "must": must,
        "aim": aim,
        "detail": f"the slowest of {len(reads)} cells: `{slowest.splitlines()[-1]}`",
    }


def big_frame() -> dict[str, object]:
    rows_of_it = GIGABYTE // 64
    make = f"""
import numpy as np, pandas as pd, matplotlib.pyplot as plt
df = pd.DataFrame({{name: np.arange({rows_of_it}, dtype="f8") for name in "xabcdefg"}})
def look(frame): return frame["a"].iloc[-1] + frame.x.max()"""
    reads = (
        "df.x.mean()",
        "df.head()",
        "df[['x', 'a']].describe()",
        "df.x.iloc[::100_000].plot();",
        "plt.hist(df.x.iloc[:100_000]);",
        "df.iloc[:1000].groupby('x')['a'].sum()",
        "look(df)",
    )
    return _worst("a pure read of a 1 GB frame, ms", make, reads, 5.0, 1.0)


def long_list() -> dict[str, object]:
    make = "xs = list(range(1_000_000))\ndef look(values): return values[-1] + len(values)"
    reads = ("sum(xs)", "len(xs), xs[0], xs[-1]", "[x for x in xs if x % 99_999 == 0]", "look(xs)")
    return _worst("a list of a million ints, read, ms", make, reads, 20.0, 5.0)


def survey() -> dict[str, object]:
    """The look at objects that a cell might change, and the look whether it did."""
    values = [{"id": i, "name": str(i), "score": i / 2} for i in range(100_000)]
    times: list[float] = []
    for _ in range(7):
        start = time.perf_counter()
        assert Survey((values,)).changes() == []
        times.append(time.perf_counter() - start)
    return {
        "what": "a look at 100,000 small dicts before a cell and after, ms",
        "measured": median(times) * 1000,
        "must": 200.0,
        "aim": 100.0,
        "detail": f"best of {len(times)}: {ms(min(times))}",
    }


LOOPS = """
from time import perf_counter
def work(n):
    total, held = 0, {{}}
    for i in range(n):
        held[i % 97] = total
        total += len(str(i)) + held.get(i % 13, 0) % 7
    return total
class Point:
    def __init__(self, x): self.x = x
    def move(self): self.x += 1
points = [Point(i) for i in range(100)]
held = list(range(1000, 1000 + {nonce} * 37 % 512)), [str(i) for i in range({nonce} * 53 % 300)]
began = perf_counter()
for _ in range({n} // 400):
    for point in points:
        point.move()
work({n}), {nonce}
took = perf_counter() - began"""


def user_code(pairs: int = 16, rounds: int = 5, n: int = 300_000) -> dict[str, object]:
    """Loops and functions in both kernels in turn, by a clock in the cell: a request has rows of its own.

    The fastest of some short ones: what else the machine does can only add to it. And of many kernels: where
    things happen to be in the memory of each is worth some hundredths, to the one or to the other.
    """
    ratios: list[float] = []

    def loop(kernel: Kernel, nonces: Iterator[int], cell: str | None = None) -> float:
        kernel.run(LOOPS.format(n=n, nonce=next(nonces)), cell)
        return cast("float", kernel.value("took"))

    for first in range(0, pairs * 100, 100):
        with kernel(PLAIN) as plain, kernel(REACTIVE, [("c0", "0")]) as reactive:
            one, other = count(first), count(first)
            acts = {"plain": partial(loop, plain, one), "reactive": partial(loop, reactive, other, "c0")}
            in_turn(1, acts)
            fastest = {side: min(each) for side, each in in_turn(rounds, acts).items()}
        ratios.append(fastest["reactive"] / fastest["plain"])
    found = spread(ratios)
    return {
        "what": "user code in loops and functions / ipykernel",
        "measured": found.middle,
        "must": 1.0,
        "aim": 1.0,
        "doubt": found.doubt,
        "detail": f"±{found.doubt:.2f}: {pairs} pairs of kernels, "
        f"half of them from {found.low:.2f} to {found.high:.2f}",
    }


def end_to_end(rounds: int = 2) -> dict[str, object]:
    """Each notebook run as a front end runs all cells: from the first request until the last cell is done."""
    times: dict[str, list[float]] = {"plain": [], "reactive": []}
    for name, sources in notebooks().items():
        document = [(f"{name}-{at}", source) for at, source in enumerate(sources)]
        found = in_turn(
            rounds, {"plain": partial(_alone, document), "reactive": partial(_followed, document)}
        )
        for side, each in found.items():
            times[side].append(min(each))
    plain, reactive = sum(times["plain"]), sum(times["reactive"])
    ratios = {name: b / a for name, a, b in zip(notebooks(), times["plain"], times["reactive"])}
    each = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
    return {
        "what": "notebooks, all cells run / ipykernel",
        "measured": reactive / plain,
        # Nobody was promised this: it is what the promises of the other rows come to.
        "must": None,
        "aim": None,
        "detail": f"{reactive:.2f} s / {plain:.2f} s, best of {rounds} each: {each}",
    }


def _alone(document: Cells) -> float:
    with kernel(PLAIN) as plain:
        return plain.run_all(document)


def _followed(document: Cells) -> float:
    with kernel(REACTIVE) as reactive:
        reactive.introduce(document)
        return reactive.run_all(document)


def needless_runs(seeds: range = SEQUENCES) -> dict[str, object]:
    figures = campaign(seeds)
    tally = figures.tally
    return {
        "what": "cells run / cells that had to run, over the fuzz",
        "measured": tally.runs / (tally.runs - tally.needless),
        "must": 1.25,
        "aim": 1.05,
        "detail": f"{figures.count} sequences, {tally.runs} runs, {len(figures.failed)} mismatches",
    }


def rows() -> Iterator[dict[str, object]]:
    yield from cells()
    single: tuple[Callable[[], dict[str, object]], ...] = (big_frame, long_list, survey, needless_runs)
    for act in single:
        yield act()
        gc.collect()
    with home():
        yield user_code()
        yield end_to_end()


if __name__ == "__main__":
    print(HEADER)
    for row in rows():
        print(line(of(row)), flush=True)
