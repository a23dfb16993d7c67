"""What the reactive kernel costs beside plain ipykernel: two processes, asked in turn by one client."""

from __future__ import annotations

import ast
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import fmean, median
from subprocess import DEVNULL
from typing import Any, TypeVar

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from .row import Row
from .shapes import Cells, Shape, chain, fan, independent
from .timing import in_turn, ms, ratio

PLAIN, REACTIVE = "ipykernel_launcher", "reactive_kernel"
# Every start would warn that TCP is not encrypted.
QUIET = ("--log-level=ERROR",)
# No request of a benchmark takes longer, unless something hangs.
PATIENCE = 120.0


class Kernel:
    """A kernel in a process of its own, and the least that a client needs to time it."""

    def __init__(self, manager: KernelManager) -> None:
        self.pid: int = manager.provisioner.pid
        self.client = manager.client()
        self.client.start_channels(hb=False, stdin=False)
        self.client.wait_for_ready(timeout=PATIENCE)
        self.session = self.client.session
        self.iopub = self.client.iopub_channel.socket
        self.shell = self.client.shell_channel.socket
        self.comm = "benchmark"

    def ask(self, kind: str, content: dict[str, Any], metadata: dict[str, Any] | None = None) -> float:
        """Send a request; seconds until the kernel is idle again."""
        message = self.session.msg(kind, content, metadata=metadata)
        mark = message["header"]["msg_id"].encode()
        start = time.perf_counter()
        self.session.send(self.shell, message)
        self._until_idle(mark)
        took = time.perf_counter() - start
        if kind == "execute_request":
            reply = self._reply(mark)
            if b'"status": "ok"' not in reply:
                raise RuntimeError(f"A benchmark's cell failed: {reply.decode()}")
        return took

    def _reply(self, mark: bytes) -> bytes:
        """The content of the reply to this request; those to earlier ones are of no use to anybody."""
        while self.shell.poll(PATIENCE * 1000):
            frames = self.shell.recv_multipart()
            _, parent, _, content = frames[frames.index(b"<IDS|MSG>") + 2 :][:4]
            if mark in parent:
                return content
        raise TimeoutError("The kernel did not reply.")

    def _until_idle(self, mark: bytes) -> None:
        while self.iopub.poll(PATIENCE * 1000):
            frames = self.iopub.recv_multipart()
            header, parent, _, content = frames[frames.index(b"<IDS|MSG>") + 2 :][:4]
            if mark in parent and b'"status"' in header and b'"idle"' in content:
                return
            if b'"error"' in header:
                raise RuntimeError(f"A benchmark's cell failed: {content.decode()}")
            self.hear(header, content)
        raise TimeoutError("The kernel did not become idle.")

    def hear(self, header: bytes, content: bytes) -> None:
        """Everything that the kernel says meanwhile."""

    def run(self, code: str, cell: str | None = None, **metadata: Any) -> float:
        known = metadata if cell is None else {"cellId": cell, **metadata}
        return self.ask("execute_request", execution(code), known)

    def value(self, name: str) -> object:
        """What a name stands for, as the kernel writes it."""
        content = {**execution(""), "silent": True, "user_expressions": {"value": name}}
        mark = self.session.send(self.shell, "execute_request", content)["header"]["msg_id"].encode()
        self._until_idle(mark)
        shown = json.loads(self._reply(mark))["user_expressions"]["value"]["data"]
        return ast.literal_eval(shown["text/plain"])

    def run_all(self, cells: Cells) -> float:
        """Ask for all cells at once; seconds until the last of them is done."""
        start = time.perf_counter()
        for cell, source in cells[:-1]:
            self.session.send(self.shell, "execute_request", execution(source), metadata={"cellId": cell})
        self.run(cells[-1][1], cells[-1][0])
        return time.perf_counter() - start

    def open(self, cells: Cells) -> None:
        """Give a reactive kernel a document and run all of it."""
        self.introduce(cells)
        self.tell(op="run", cells=[cell for cell, _ in cells])

    def introduce(self, cells: Cells) -> None:
        """Give a reactive kernel a document and run nothing of it."""
        content = {"comm_id": self.comm, "target_name": "reactive", "data": {"protocol": 1}}
        self.ask("comm_open", content)
        self.tell(op="sync", cells=[{"id": cell, "source": source} for cell, source in cells])

    def tell(self, **data: Any) -> float:
        return self.ask("comm_msg", {"comm_id": self.comm, "data": data})

    def stop(self) -> None:
        self.client.stop_channels()

    def memory(self) -> tuple[int, int]:
        """Resident bytes of the process, and its proportional share of them."""
        found: dict[str, int] = {}
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            key, _, rest = line.partition(":")
            if key in ("Rss", "Pss"):
                found[key] = int(rest.split()[0]) * 1024
        return found["Rss"], found["Pss"]


K = TypeVar("K", bound=Kernel)


def execution(code: str) -> dict[str, Any]:
    return {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": True,
    }


@contextmanager
def started(
    module: str, python: str = sys.executable, kind: type[K] = Kernel, options: Sequence[str] = ()
) -> Iterator[K]:
    manager = KernelManager()
    argv = [python, "-m", module, "-f", "{connection_file}", *QUIET, *options]
    manager._kernel_spec = KernelSpec(argv=argv)
    manager.start_kernel(stdout=DEVNULL, stderr=DEVNULL)
    try:
        found = kind(manager)
        yield found
        found.stop()
    finally:
        manager.shutdown_kernel(now=True)


@contextmanager
def kernel(module: str, cells: Cells | None = None) -> Iterator[Kernel]:
    with started(module) as found:
        if cells is not None:
            found.open(cells)
        yield found


@contextmanager
def home() -> Iterator[None]:
    """A profile of our own: the user's configuration and history neither count nor change."""
    with tempfile.TemporaryDirectory() as directory:
        names = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR")
        before = {name: os.environ.get(name) for name in names}
        os.environ.update({name: str(Path(directory, name.lower())) for name in names})
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


# Documents


def ordinary(number: int) -> str:
    return f"price_{number % 7} = {number}\namount = 3\ntotal = price_{number % 7} * amount\ntotal"


# Rows


def one_cell(rounds: int = 400) -> Row:
    """An ordinary cell of a small document, with a text that the kernel has not seen before."""
    numbers = count(1000)
    document = [(f"c{i}", ordinary(i)) for i in range(10)]
    with kernel(PLAIN) as plain, kernel(REACTIVE, document) as reactive:
        acts = {
            "plain": lambda: plain.run(ordinary(next(numbers))),
            "reactive": lambda: reactive.run(ordinary(next(numbers)), "c9"),
        }
        in_turn(20, acts)
        times = in_turn(rounds, acts)
    return Row(
        what="one ordinary cell, request to idle / ipykernel",
        measured=ratio(times["reactive"], times["plain"]),
        must=1.15,
        aim=1.05,
        detail=f"{ms(median(times['reactive']))} / {ms(median(times['plain']))}, {rounds} each",
    )


def cascade(shape: Shape, rounds: int = 7, requests: int = 15) -> list[Row]:
    """The first cell of a chain or fan gets another text and is run; all others follow."""
    numbers = count(1)

    def head(kernel: Kernel, cells: int) -> float:
        return kernel.run(f"x0 = {next(numbers)}", "c0") / (cells + 1)

    with (
        kernel(PLAIN) as plain,
        kernel(REACTIVE, shape(100)) as small,
        kernel(REACTIVE, shape(1000)) as large,
    ):
        plain.run("x0 = 0")
        acts = {
            "plain": lambda: median(plain.run("x1 = x0 + 1") for _ in range(requests)),
            "large": lambda: head(large, 1000),
            # As many cells in a row as in the large one: a machine that has other things to do counts alike.
            "small": lambda: fmean(head(small, 100) for _ in range(10)),
        }
        in_turn(1, acts)
        times = in_turn(rounds, acts)
    name = shape.__name__
    per_cell = median(times["large"])
    return [
        Row(
            what=f"a rerun cell, {name} of 1,000 / one request of ipykernel",
            measured=ratio(times["large"], times["plain"]),
            must=0.35,
            aim=0.2,
            detail=f"{ms(per_cell)} a cell / {ms(median(times['plain']))}",
        ),
        Row(
            what=f"a rerun cell, {name} of 1,000 / {name} of 100",
            measured=ratio(times["large"], times["small"]),
            must=1.3,
            aim=1.0,
            detail=f"{ms(per_cell)} a cell / {ms(median(times['small']))}",
        ),
    ]


def edits(rounds: int = 200) -> Row:
    """A front end sends a cell's new text and asks to run it, in a document where nobody reads that cell."""
    numbers = count(10**6)

    def edit(kernel: Kernel, cell: int) -> float:
        source = f"x{cell} = {next(numbers)}"
        return kernel.tell(op="edit", id=f"c{cell}", source=source) + kernel.run(source, f"c{cell}")

    with kernel(REACTIVE, independent(50)) as small, kernel(REACTIVE, independent(5000)) as large:
        places = count(1)
        acts = {
            "small": lambda: edit(small, next(places) * 17 % 50),
            "large": lambda: edit(large, next(places) * 1709 % 5000),
        }
        in_turn(20, acts)
        times = in_turn(rounds, acts)
    return Row(
        what="edit and run one of 5,000 independent cells / one of 50",
        measured=ratio(times["large"], times["small"]),
        must=1.5,
        aim=1.1,
        detail=f"{ms(median(times['large']))} / {ms(median(times['small']))}, {rounds} each",
    )


def memory(rounds: int = 5) -> Row:
    """Fresh processes that have answered `kernel_info_request` and nothing else."""
    resident: list[float] = []
    shares: list[float] = []
    for _ in range(rounds):
        with kernel(PLAIN) as plain, kernel(REACTIVE) as reactive:
            time.sleep(0.5)
            (plain_rss, plain_pss), (rss, pss) = plain.memory(), reactive.memory()
        resident.append((rss - plain_rss) / 1e6)
        shares.append((pss - plain_pss) / 1e6)
    return Row(
        what="idle memory over ipykernel, resident",
        unit="MB",
        measured=median(resident),
        must=15.0,
        aim=5.0,
        detail=f"proportional share {median(shares):+.1f} MB, of {rounds} pairs",
    )


def rows() -> Iterator[Row]:
    with home():
        yield one_cell()
        yield from cascade(chain)
        yield from cascade(fan)
        yield edits()
        yield memory()


def few_rows() -> Iterator[Row]:
    """A look at whether it works."""
    with home():
        yield one_cell(20)
        yield edits(5)
        yield memory(1)
