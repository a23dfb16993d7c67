"""Cells on a Dask cluster on this machine, beside the same kernel without one."""

from __future__ import annotations

import ast
import copy
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from statistics import median

from nbformat import v4

from reactive_kernel.engine.cluster import Cluster, LocalCluster
from reactive_kernel.engine.task import Task
from reactive_kernel.notebook import set_parameters
from reactive_kernel.runner import Options, run
from reactive_kernel.sweep import Point, Sweep, grid, sweep

from .kernels import REACTIVE, Kernel, home, started
from .row import Row
from .shapes import Cells
from .timing import in_turn, ratio, timed, told

WORKERS, BRANCHES, CELLS, POINTS = 2, 4, 50, 8
BURN = """\
def burn(rounds, seed):
    for i in range(rounds):
        seed = (seed * 31 + i) % 1000003
    return seed"""
_NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Plan:
    rounds: int
    # Seconds that a branch takes, and each half of a point of a sweep.
    branch: float
    half: float


FULL = Plan(rounds=3, branch=1.0, half=2.0)
QUICK = Plan(rounds=1, branch=0.05, half=0.05)


def rows(plan: Plan) -> Iterator[Row]:
    with home(), ExitStack() as stack:
        local = LocalCluster(WORKERS)
        stack.callback(local.close)
        engine = local.address.replace("tcp://", "dask://")
        options = (f"--ReactiveKernel.engine={engine}", "--ReactiveKernel.engine_cells=all")
        kernels = {
            "serial": stack.enter_context(started(REACTIVE)),
            "cluster": stack.enter_context(started(REACTIVE, options=options)),
        }
        for kernel in kernels.values():
            kernel.introduce([])
        yield _branches(plan, kernels)
        yield _overhead(plan, kernels)
        yield _resubmitted(plan, engine)
        yield _swept(plan, engine)


def _run(kernel: Kernel, cells: Cells) -> float:
    """Seconds for all cells of a document that the kernel has just been given."""
    kernel.tell(op="sync", cells=[{"id": cell, "source": source} for cell, source in cells])
    return kernel.tell(op="run", cells=[cell for cell, _ in cells])


def _rounds(seconds: float) -> int:
    """So many rounds of the loop take that long here, with nothing else at work."""
    space: dict[str, object] = {}
    exec(BURN, space)
    burn = space["burn"]
    took = min(timed(lambda: burn(300_000, 1)) for _ in range(3))  # type: ignore[operator]  # a function of the cell's text
    return int(300_000 * seconds / took)


def _branches(plan: Plan, kernels: dict[str, Kernel]) -> Row:
    """Cells that need nothing of each other, with texts that nobody has run before."""
    seeds, rounds = count(int(time.time())), _rounds(plan.branch)

    def document(rounds: int) -> Cells:
        head = [("burn", BURN)]
        return [*head, *((f"b{i}", f"x{i} = burn({rounds}, {next(seeds)})") for i in range(BRANCHES))]

    in_turn(2, {name: lambda kernel=kernel: _run(kernel, document(1000)) for name, kernel in kernels.items()})
    acts = {name: lambda kernel=kernel: _run(kernel, document(rounds)) for name, kernel in kernels.items()}
    times = in_turn(plan.rounds, acts)
    what = f"{BRANCHES} independent branches of {plan.branch:g} s, {WORKERS} workers, against serial"
    detail = f"{told(times['serial'])} / {told(times['cluster'])}"
    return Row(what, ratio(times["serial"], times["cluster"]), 1.8, 1.95, detail, larger=True)


def _overhead(plan: Plan, kernels: dict[str, Kernel]) -> Row:
    """Small cells that need nothing of each other: what each costs more on the cluster."""
    seeds = count(int(time.time()))

    def document() -> Cells:
        return [(f"c{i}", f"y{i} = sum([{next(seeds)}, 1])") for i in range(CELLS)]

    acts = {name: lambda kernel=kernel: _run(kernel, document()) for name, kernel in kernels.items()}
    in_turn(1, acts)
    times = in_turn(plan.rounds, acts)
    more = (median(times["cluster"]) - median(times["serial"])) / CELLS
    detail = f"{told(times['cluster'])} / {told(times['serial'])} for {CELLS} cells"
    return Row("overhead per remote cell", more * 1000, 10.0, 3.0, detail, "ms")


def _resubmitted(plan: Plan, engine: str) -> Row:
    """The tasks of a notebook that the cluster knows, from somebody else, until all results are there."""
    tasks = [_task(f"z{i} = sum([{i}, {time.time_ns()}])") for i in range(CELLS)]
    first, again = Cluster(engine), Cluster(engine)
    try:
        kept = _submit(first, tasks)
        times: list[float] = []
        for _ in range(plan.rounds):
            start = time.perf_counter()
            # Let go of at once: the next round asks the cluster anew.
            _submit(again, tasks)
            times.append(time.perf_counter() - start)
        assert len(kept) == CELLS
    finally:
        again.close()
        first.close()
    what = f"an unchanged {CELLS}-cell notebook submitted again, results included"
    return Row(what, median(times) * 1000, 100.0, 20.0, told(times), "ms")


def _submit(cluster: Cluster, tasks: list[Task]) -> list[object]:
    waiting = [cluster.submit(task, (), (), number) for number, task in enumerate(tasks)]
    return [(each, each.wait(lambda: None)) for each in waiting]


def _task(source: str) -> Task:
    return Task(source, (), (), (), _NOTHING, frozenset(("sum",)), _NOTHING)


def _swept(plan: Plan, engine: str) -> Row:
    """Half of the work is the same at all points: beside as many runs, one after the other."""
    seed, rounds = int(time.time()), _rounds(plan.half)
    cells = [
        "n = 0",
        BURN,
        f"one = burn({rounds // 2}, {seed})",
        f"two = burn({rounds // 2}, {seed + 1})",
        f"three = burn({rounds}, one + two + n)",
        "three",
    ]
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for source in cells])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    points = grid({"n": range(1, POINTS + 1)})
    set_parameters(notebook, points[0].values)
    options = Options(program=(sys.executable, "-m", REACTIVE, "-f", "{connection_file}"))
    with tempfile.TemporaryDirectory() as place:
        work = Sweep(notebook, points, Path(place), "point")
        swept = timed(lambda: list(sweep(work, notebook, points, replace(options, engine=engine), WORKERS)))
        found = [row["three"] for row in work.rows()]

    def alone(point: Point) -> object:
        one = copy.deepcopy(notebook)
        set_parameters(one, point.values)
        [output] = run(one, options).notebook.cells[-1].outputs
        return ast.literal_eval(output["data"]["text/plain"])

    start = time.perf_counter()
    if [alone(point) for point in points] != found:
        raise RuntimeError("A sweep shows something else than runs one by one.")
    serial = time.perf_counter() - start
    what = f"sweep of {POINTS}, ancestors half of the time, {WORKERS} workers, against serial reruns"
    return Row(what, serial / swept, 3.0, 3.5, f"{serial:.3g} s / {swept:.3g} s", larger=True)
