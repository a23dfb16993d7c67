"""One notebook at many values of its parameters: a grid of points, each as a run of its own would show it.

A few kernels take the points in turn. From one point to the next only the cell of the parameters changes, so
that what does not depend on it stays; on a cluster the kernels share what they have in common.
"""

from __future__ import annotations

import ast
import copy
import csv
import hashlib
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, cast

import nbformat
from nbclient.util import run_sync
from nbformat import NotebookNode

from .cell import Freshness
from .fixed import fixed
from .notebook import BadParameter, code_cells, document, save, set_parameters, tags
from .runner import Options, Runner, kernel_for, synced

# The tag of cells whose values are the columns of the table.
_RESULT = "result"
_MOST = 10_000
_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?")
# How numpy writes its numbers: `np.float64(1.5)`.
_NUMBER = re.compile(r"np\.\w+\((.*)\)", re.DOTALL)


@fixed
class Point:
    """Values of all parameters."""

    number: int
    values: Mapping[str, object]

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.values.items())


@fixed
class Outcome:
    """What came of a point: its notebook, and what failed in it."""

    point: Point
    notebook: NotebookNode
    failures: tuple[str, ...]
    seconds: float

    @property
    def state(self) -> str:
        return "failed" if self.failures else "ok"


def spread(text: str, value: Callable[[str], object]) -> list[object]:
    """The values that `1..8`, `0..100..10` or `a,b` stand for."""
    found = _RANGE.fullmatch(text.strip())
    if found is not None:
        first, last = int(found[1]), int(found[2])
        step = int(found[3]) if found[3] else (1 if last >= first else -1)
        if not step or (last - first) * step < 0:
            raise BadParameter(f"{text} leads nowhere")
        return list(range(first, last + (1 if step > 0 else -1), step))
    whole, start = value(text), text.strip()[:1]
    if isinstance(whole, tuple) and start != "(":
        return list(cast("tuple[object, ...]", whole))
    if isinstance(whole, str) and start not in ("'", '"'):
        return [value(each.strip()) for each in text.split(",")]
    return [whole]


def grid(values: Mapping[str, Sequence[object]]) -> list[Point]:
    """All combinations; the last parameter changes fastest."""
    combined = itertools.islice(itertools.product(*values.values()), _MOST + 1)
    points = [Point(number, dict(zip(values, each))) for number, each in enumerate(combined, 1)]
    if len(points) > _MOST:
        raise BadParameter(f"these are more than {_MOST} points")
    return points


class Sweep:
    """The points of a notebook, and the directory where what came of them is."""

    def __init__(self, notebook: NotebookNode, points: Sequence[Point], place: Path, name: str) -> None:
        self._notebook = notebook
        self.points = points
        self._place = place
        self._name = name
        self._outcomes: dict[int, Outcome] = {}

    def path(self, point: Point) -> Path:
        return self._place / f"{self._name}-{point.number:0{len(str(len(self.points)))}}.ipynb"

    def _mark(self, point: Point) -> str:
        """What the point is of: another text, or other values, are another point."""
        told = [[cell.source for _, cell in code_cells(self._notebook)], repr(sorted(point.values.items()))]
        return hashlib.sha256(json.dumps(told).encode("utf-8", "surrogatepass")).hexdigest()

    def take_up(self) -> list[Point]:
        """Take over what an earlier sweep has finished; answer what is left."""
        left: list[Point] = []
        for point in self.points:
            found = self._finished(point)
            if found is None:
                left.append(point)
            else:
                self._outcomes[point.number] = found
        return left

    def _finished(self, point: Point) -> Outcome | None:
        try:
            notebook = cast("NotebookNode", nbformat.read(self.path(point), as_version=4))
        except (OSError, ValueError, nbformat.ValidationError):
            return None
        told = cast("Mapping[str, Any]", notebook.metadata.get("reactive", {}).get("sweep", {}))
        if told.get("of") != self._mark(point) or told.get("state") != "ok":
            return None
        return Outcome(point, notebook, (), float(told.get("seconds", 0.0)))

    def note(self, outcome: Outcome) -> None:
        """Write a point's notebook, and remember it for the table."""
        told = {"of": self._mark(outcome.point), "state": outcome.state, "seconds": outcome.seconds}
        outcome.notebook.metadata.setdefault("reactive", {})["sweep"] = told
        save(outcome.notebook, self.path(outcome.point))
        self._outcomes[outcome.point.number] = outcome

    def rows(self) -> list[dict[str, object]]:
        """The table: parameters, results, and how each point ended."""
        return [_row(self._outcomes[number]) for number in sorted(self._outcomes)]


def _row(outcome: Outcome) -> dict[str, object]:
    ended = {"state": outcome.state, "seconds": round(outcome.seconds, 3)}
    results = dict(_results(outcome.notebook)) if not outcome.failures else {}
    return {**outcome.point.values, **results, **ended}


def _results(notebook: NotebookNode) -> Iterator[tuple[str, object]]:
    """What cells tagged `result` show, else the last cell: a dict has a column for each key."""
    cells = [cell for _, cell in code_cells(notebook)]
    chosen = [cell for cell in cells if _RESULT in tags(cell)] or cells[-1:]
    for cell in chosen:
        for output in cell.outputs:
            if output.output_type == "execute_result" and "text/plain" in output.data:
                value = _read(output.data["text/plain"])
                if isinstance(value, dict):
                    yield from ((str(key), each) for key, each in cast("dict[object, object]", value).items())
                else:
                    yield cell.source.strip().splitlines()[-1], value


def _read(text: str) -> object:
    try:
        return ast.literal_eval(_NUMBER.sub(r"\1", text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text


def write_table(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    """Write rows as CSV, or as Parquet where the name ends so."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".parquet":
        import pyarrow as pa  # of this module's users only this one needs it
        import pyarrow.parquet as pq

        held = {name: _column([row.get(name) for row in rows]) for name in columns}
        pq.write_table(cast("Any", pa).table(held), path)  # pyright: ignore[reportUnknownMemberType]  # typed in part
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def _column(values: list[object]) -> list[object]:
    """A column has one type, or is text."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1 and kinds <= {int, float, str, bool}:
        return values
    if kinds <= {int, float}:
        return [None if value is None else float(cast("float", value)) for value in values]
    return [None if value is None else str(value) for value in values]


# Running


class _Points(Runner):
    """One kernel that takes points in turn."""

    def __init__(
        self,
        notebook: NotebookNode,
        options: Options,
        points: SimpleQueue[Point],
        ended: Callable[[Outcome], None],
    ) -> None:
        self._points = points
        self._ended = ended
        self.under_way: Point | None = None
        self.began = False
        super().__init__(notebook, options, kernel_name=options.kernel or kernel_for(notebook))

    async def _speak(self) -> None:
        await self._introduce()
        while self._stopped is None:
            try:
                self.under_way = point = self._points.get_nowait()
            except Empty:
                return
            self.began, began = True, time.monotonic()
            set_parameters(self.nb, point.values)
            self._document = document(self.nb)
            await self._ask(op="sync", cells=[synced(cell) for cell in self._document])
            behind = [
                cell.id
                for cell in self._asked_for
                if self._standing(cell.id).freshness is not Freshness.FRESH
            ]
            if behind:
                await self._ask(op="run", cells=behind)
            failures = tuple(map(str, self._failures())) + ((self._stopped,) if self._stopped else ())
            self._ended(Outcome(point, copy.deepcopy(self.nb), failures, time.monotonic() - began))
            self.under_way = None


def sweep(
    work: Sweep, notebook: NotebookNode, points: Sequence[Point], options: Options, jobs: int
) -> Iterator[Outcome]:
    """Run the points, a few at a time; answer each when it is over."""
    waiting: SimpleQueue[Point] = SimpleQueue()
    over: SimpleQueue[Outcome] = SimpleQueue()
    for point in points:
        waiting.put(point)
    with ThreadPoolExecutor(max(1, min(jobs, len(points)))) as pool:
        for number in range(min(jobs, len(points))):
            named = replace(options, keep=f"{options.keep}-{number}" if options.keep else "")
            pool.submit(_take_points, notebook, named, waiting, over)
        try:
            for _ in points:
                outcome = over.get()
                work.note(outcome)
                yield outcome
        except BaseException:
            # What is under way comes to its end; who sweeps again goes on from there.
            _drain(waiting)
            raise


def _drain(waiting: SimpleQueue[Point]) -> None:
    with suppress(Empty):
        while True:
            waiting.get_nowait()


def _take_points(
    notebook: NotebookNode, options: Options, waiting: SimpleQueue[Point], over: SimpleQueue[Outcome]
) -> None:
    """Take points until there are no more, in another kernel whenever one has died or was stopped."""
    while not waiting.empty():
        runner = _Points(copy.deepcopy(notebook), options, waiting, over.put)
        try:
            why = run_sync(runner.run)().stopped or "the kernel ended"
        except Exception as error:  # noqa: BLE001  # one kernel's trouble is not that of the other points
            why = str(error) or type(error).__name__
        with suppress(Empty):
            if runner.under_way is not None or not runner.began:
                point = runner.under_way or waiting.get_nowait()
                over.put(Outcome(point, runner.nb, (why,), 0.0))
