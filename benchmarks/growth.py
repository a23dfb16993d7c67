"""What grows with the notebook, and what must not: start, opening, memory, long cells, long documents."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from statistics import fmean, median

import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session

from .analysis import notebook_cells
from .contestants import marimo_server
from .contestants.jupyter import FlowbookKernel, IpyflowKernel
from .kernels import PATIENCE, PLAIN, QUIET, REACTIVE, Kernel, execution, home, ordinary, started
from .peers import NotInstalled, environment
from .row import Row, absent
from .shapes import HEAD, Cells, Shape, chain, fan
from .timing import in_turn, ratio, timed, told


@dataclass(frozen=True)
class Plan:
    rounds: int
    cells: int
    small: int
    large: int
    starts: int


FULL = Plan(rounds=15, cells=1000, small=100, large=10_000, starts=15)
QUICK = Plan(rounds=2, cells=30, small=10, large=100, starts=2)


# Other kernels: the peer, its module, and who listens to it.
KERNELS: dict[str, tuple[str, str, type[Kernel]]] = {
    "ipyflow": ("ipyflow", "ipyflow.kernel", IpyflowKernel),
    "FlowBook": ("flowbook", "flowbook.kernel", FlowbookKernel),
}

# Growth


def growth(plan: Plan, shape: Shape) -> Row:
    """The first cell gets another text, and all follow: what one of them costs, in two documents."""
    heads = count(1)

    def head(kernel: Kernel, cells: int) -> float:
        return kernel.run(f"x0 = {next(heads)}", HEAD) / (cells + 1)

    with home(), started(REACTIVE) as small, started(REACTIVE) as large:
        small.open(shape(plan.small))
        large.open(shape(plan.large))
        # As long a time for the small one as for the large one: what else runs then meets both alike.
        repeats = plan.large // plan.small // 4 or 1
        acts = {
            "large": lambda: head(large, plan.large),
            "small": lambda: fmean(head(small, plan.small) for _ in range(repeats)),
        }
        in_turn(1, acts)
        times = in_turn(max(2, plan.rounds // 3), acts)
    what = f"cost per rerun cell, {shape.__name__} of {plan.large:,} / of {plan.small:,}"
    detail = f"{told(times['large'])} / {told(times['small'])} a cell"
    return Row(what, ratio(times["large"], times["small"]), 1.2, 1.0, detail)


# A long cell


def assignments(number: int, nonce: int) -> str:
    return "\n".join(f"a{i} = {nonce + i}" for i in range(number))


def long_cell(plan: Plan, number: int = 300) -> Iterator[Row]:
    """A cell of plain assignments, whose text is new each time."""
    nonces = count(10**6, 1000)

    def act(kernel: Kernel) -> float:
        return kernel.run(assignments(number, next(nonces)), HEAD, cell_id=HEAD, cell_order=[HEAD])

    with ExitStack() as stack:
        stack.enter_context(home())
        reactive = stack.enter_context(started(REACTIVE))
        reactive.open([(HEAD, "a0 = 0")])
        kernels = {"ipykernel": stack.enter_context(started(PLAIN)), "ours": reactive}
        missing = dict(_peers(stack, kernels))
        acts = {name: partial(act, kernel) for name, kernel in kernels.items()}
        in_turn(2, acts)
        close = {name: acts[name] for name in ("ipykernel", "ours")}
        times = in_turn(plan.rounds * 10, close) | in_turn(
            plan.rounds // 5 or 1, {k: v for k, v in acts.items() if k not in close}
        )
    what = f"a cell of {number} plain assignments / ipykernel"
    detail = f"{told(times['ours'])} / {told(times['ipykernel'])}"
    yield Row(what, ratio(times["ours"], times["ipykernel"]), 1.1, 1.02, detail)
    for peer in ("ipyflow", "FlowBook"):
        what = f"a cell of {number} plain assignments, {peer} / ipykernel"
        if peer in times:
            detail = f"{told(times[peer])} / {told(times['ipykernel'])}"
            yield Row(what, ratio(times[peer], times["ipykernel"]), detail=detail)
        else:
            yield absent(what, missing[peer])


def _peers(stack: ExitStack, kernels: dict[str, Kernel]) -> Iterator[tuple[str, str]]:
    """Start the other kernels; says why one is not there."""
    for name, (peer, module, kind) in KERNELS.items():
        try:
            kernels[name] = stack.enter_context(started(module, environment(peer).python, kind))
        except NotInstalled as error:
            yield name, f"not installed: {error}"
        except Exception as error:  # noqa: BLE001  # whatever ails a peer is a line of the table
            yield name, f"{type(error).__name__}: {error}"


# Start


def first_result(python: str, module: str) -> float:
    """Seconds from starting a kernel's process to the answer of its first cell."""
    with tempfile.TemporaryDirectory() as directory:
        path, details = write_connection_file(str(Path(directory, "kernel.json")))
        session = Session(key=details["key"].encode(), signature_scheme=details["signature_scheme"])
        with zmq.Context() as context, context.socket(zmq.DEALER) as shell:
            # Otherwise the tenth of a second between two attempts to connect is what one would measure.
            shell.reconnect_ivl, shell.linger = 1, 0
            shell.connect(f"tcp://{details['ip']}:{details['shell_port']}")
            start = time.perf_counter()
            process = subprocess.Popen(
                [python, "-m", module, "-f", path, *QUIET],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=directory if module == PLAIN else None,
            )
            try:
                content = {**execution(""), "user_expressions": {"value": "1 + 1"}}
                session.send(shell, "execute_request", content)
                while not shell.poll(1000):
                    if process.poll() is not None or time.perf_counter() - start > PATIENCE:
                        raise TimeoutError(f"{module} did not answer.")
                took = time.perf_counter() - start
                reply = json.loads(shell.recv_multipart()[-1])
                assert reply["user_expressions"]["value"]["data"]["text/plain"] == "2", reply
                return took
            finally:
                process.kill()
                process.wait()


def start(plan: Plan) -> Iterator[Row]:
    with home():
        acts: dict[str, Callable[[], float]] = {
            "ipykernel": lambda: first_result(sys.executable, PLAIN),
            "ours": lambda: first_result(sys.executable, REACTIVE),
        }
        in_turn(1, acts)
        times = in_turn(plan.starts, acts)
        yield Row(
            "kernel start to first result / ipykernel",
            ratio(times["ours"], times["ipykernel"]),
            1.25,
            1.1,
            f"{told(times['ours'])} / {told(times['ipykernel'])}, {plan.starts} each",
        )
        for name, peer, module in (
            ("ipyflow", "ipyflow", "ipyflow.kernel"),
            ("FlowBook", "flowbook", "flowbook.kernel"),
        ):
            yield _start_of(name, peer, module, times["ipykernel"])


def _start_of(name: str, peer: str, module: str, plain: list[float]) -> Row:
    what = f"kernel start to first result, {name} / ipykernel"
    try:
        python = environment(peer).python
        first_result(python, module)
        times = [first_result(python, module) for _ in range(3)]
    except (NotInstalled, TimeoutError) as error:
        return absent(what, str(error))
    return Row(what, ratio(times, plain), detail=f"{told(times)} / {told(plain)}")


# Opening


def _real(number: int) -> Cells:
    """A notebook of cells as people write them."""
    texts = notebook_cells(number // 16 + 1)[:number]
    return [(f"c{place}", text) for place, text in enumerate(texts)]


def opening(plan: Plan) -> Iterator[Row]:
    """A notebook nobody has run: from its cells to the graph of them, as a front end hears it."""
    for kind, cells in (("real cells", _real(plan.cells)), ("a chain", chain(plan.cells - 1))):
        times: list[float] = []
        with home():
            for _ in range(max(2, plan.rounds // 3)):
                with started(REACTIVE) as kernel:
                    times.append(timed(lambda: kernel.introduce(cells)))  # noqa: B023  # called at once
        what = f"{plan.cells:,} cells opened to graph known, {kind}"
        yield Row(what, median(times) * 1000, 300.0, 100.0, f"{told(times)}, each in a new kernel", "ms")
    yield _opening_of_marimo(plan)


def _opening_of_marimo(plan: Plan) -> Row:
    what = f"{plan.cells:,} cells opened to graph known, a chain, marimo"
    try:
        with marimo_server.page(environment("marimo").python, chain(plan.cells - 1)) as page:
            seconds = page.instantiate(run=False)
    except (NotInstalled, OSError, RuntimeError, TimeoutError) as error:
        return absent(what, str(error))
    return Row(what, seconds * 1000, detail="its page's first request, with nothing run", unit="ms")


# Memory


def memory(plan: Plan, rounds: int = 2) -> Row:
    """All cells run once, in fresh processes; resident memory of each."""
    cells = [(f"c{i}", ordinary(i)) for i in range(plan.cells)]
    beyond: list[float] = []
    idle: list[float] = []
    with home():
        for _ in range(min(rounds, plan.rounds)):
            with started(PLAIN) as plain, started(REACTIVE) as reactive:
                idle.append((reactive.memory()[0] - plain.memory()[0]) / 1e6)
                plain.run_all(cells)
                reactive.introduce(cells)
                reactive.run_all(cells)
                beyond.append((reactive.memory()[0] - plain.memory()[0]) / 1e6)
    what = f"memory for {plan.cells:,} small cells run, over ipykernel"
    detail = f"resident; {median(idle):.1f} MB of it before any cell"
    return Row(what, median(beyond), 20.0, 5.0, detail, "MB")


def rows(plan: Plan) -> Iterator[Row]:
    for shape in (chain, fan):
        yield growth(plan, shape)
    yield from long_cell(plan)
    yield from start(plan)
    yield from opening(plan)
    yield memory(plan)
