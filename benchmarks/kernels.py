"""What the reactive kernel costs beside plain ipykernel: two processes, asked in turn by one client."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import fmean, median
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

PLAIN, REACTIVE = "ipykernel_launcher", "reactive_kernel"
# Every start would warn that TCP is not encrypted.
QUIET = ("--log-level=ERROR",)
# No request of a benchmark takes longer, unless something hangs.
PATIENCE = 120.0

Cells = Sequence[tuple[str, str]]


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
        while self.shell.poll(PATIENCE * 1000 if kind == "execute_request" else 0):
            frames = self.shell.recv_multipart()
            if b'"execute_reply"' in frames[frames.index(b"<IDS|MSG>") + 2]:
                if b'"status": "ok"' not in frames[-1]:
                    raise RuntimeError(f"A benchmark's cell failed: {frames[-1].decode()}")
                break
        return took

    def _until_idle(self, mark: bytes) -> None:
        while self.iopub.poll(PATIENCE * 1000):
            frames = self.iopub.recv_multipart()
            header, parent, _, content = frames[frames.index(b"<IDS|MSG>") + 2 :][:4]
            if mark in parent and b'"status"' in header and b'"idle"' in content:
                return
            if b'"error"' in header:
                raise RuntimeError(f"A benchmark's cell failed: {content.decode()}")
        raise TimeoutError("The kernel did not become idle.")

    def run(self, code: str, cell: str | None = None) -> float:
        return self.ask("execute_request", _execution(code), {} if cell is None else {"cellId": cell})

    def run_all(self, cells: Cells) -> float:
        """Ask for all cells at once; seconds until the last of them is done."""
        start = time.perf_counter()
        for cell, source in cells[:-1]:
            self.session.send(self.shell, "execute_request", _execution(source), metadata={"cellId": cell})
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


def _execution(code: str) -> dict[str, Any]:
    return {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": True,
    }


@contextmanager
def kernel(module: str, cells: Cells | None = None) -> Iterator[Kernel]:
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(argv=[sys.executable, "-m", module, "-f", "{connection_file}", *QUIET])
    manager.start_kernel()
    try:
        started = Kernel(manager)
        if cells is not None:
            started.open(cells)
        yield started
        started.stop()
    finally:
        manager.shutdown_kernel(now=True)


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


def chain(length: int) -> Cells:
    return [("c0", "x0 = 0"), *((f"c{i}", f"x{i} = x{i - 1} + 1") for i in range(1, length + 1))]


def fan(width: int) -> Cells:
    return [("c0", "x0 = 0"), *((f"c{i}", f"x{i} = x0 + {i}") for i in range(1, width + 1))]


def independent(number: int) -> Cells:
    return [(f"c{i}", f"x{i} = {i}") for i in range(number)]


def ordinary(number: int) -> str:
    return f"price_{number % 7} = {number}\namount = 3\ntotal = price_{number % 7} * amount\ntotal"


# Rows


def interleaved(rounds: int, **acts: Callable[[], float]) -> dict[str, list[float]]:
    """Every act in turn, again and again: whatever else the machine does meets all of them alike."""
    times: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(rounds):
        for name, act in acts.items():
            times[name].append(act())
    return times


def ratio_of(over: Sequence[float], under: Sequence[float]) -> float:
    return median(over) / median(under)


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def one_cell(rounds: int = 400) -> dict[str, object]:
    """An ordinary cell of a small document, with a text that the kernel has not seen before."""
    numbers = count(1000)
    document = [(f"c{i}", ordinary(i)) for i in range(10)]
    with kernel(PLAIN) as plain, kernel(REACTIVE, document) as reactive:
        acts = {
            "plain": lambda: plain.run(ordinary(next(numbers))),
            "reactive": lambda: reactive.run(ordinary(next(numbers)), "c9"),
        }
        interleaved(20, **acts)
        times = interleaved(rounds, **acts)
    return {
        "what": "one ordinary cell, request to idle / ipykernel",
        "measured": ratio_of(times["reactive"], times["plain"]),
        "must": 1.15,
        "aim": 1.05,
        "detail": f"{ms(median(times['reactive']))} / {ms(median(times['plain']))}, {rounds} each",
    }


def cascade(shape: Callable[[int], Cells], rounds: int = 7, requests: int = 15) -> list[dict[str, object]]:
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
        interleaved(1, **acts)
        times = interleaved(rounds, **acts)
    name = shape.__name__
    per_cell = median(times["large"])
    return [
        {
            "what": f"a rerun cell, {name} of 1,000 / one request of ipykernel",
            "measured": ratio_of(times["large"], times["plain"]),
            "must": 0.35,
            "aim": 0.2,
            "detail": f"{ms(per_cell)} a cell / {ms(median(times['plain']))}",
        },
        {
            "what": f"a rerun cell, {name} of 1,000 / {name} of 100",
            "measured": ratio_of(times["large"], times["small"]),
            "must": 1.3,
            "aim": 1.0,
            "detail": f"{ms(per_cell)} a cell / {ms(median(times['small']))}",
        },
    ]


def edits(rounds: int = 200) -> dict[str, object]:
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
        interleaved(20, **acts)
        times = interleaved(rounds, **acts)
    return {
        "what": "edit and run one of 5,000 independent cells / one of 50",
        "measured": ratio_of(times["large"], times["small"]),
        "must": 1.5,
        "aim": 1.1,
        "detail": f"{ms(median(times['large']))} / {ms(median(times['small']))}, {rounds} each",
    }


def memory(rounds: int = 5) -> dict[str, object]:
    """Fresh processes that have answered `kernel_info_request` and nothing else."""
    resident: list[float] = []
    shares: list[float] = []
    for _ in range(rounds):
        with kernel(PLAIN) as plain, kernel(REACTIVE) as reactive:
            time.sleep(0.5)
            (plain_rss, plain_pss), (rss, pss) = plain.memory(), reactive.memory()
        resident.append((rss - plain_rss) / 1e6)
        shares.append((pss - plain_pss) / 1e6)
    return {
        "what": "idle memory over ipykernel, MB resident",
        "measured": median(resident),
        "must": 15.0,
        "aim": 5.0,
        "detail": f"proportional share {median(shares):+.1f} MB, of {rounds} pairs",
    }


def rows() -> Iterator[dict[str, object]]:
    with home():
        yield one_cell()
        yield from cascade(chain)
        yield from cascade(fan)
        yield edits()
        yield memory()
