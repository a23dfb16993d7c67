"""Jupyter kernels, each asked as its front end asks it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from jupyter_client.manager import KernelManager

from ..kernels import PLAIN, REACTIVE, Kernel, home, started
from ..shapes import HEAD, Cells


class Driven:
    """A kernel and its document."""

    def __init__(self, kernel: Kernel, cells: Cells) -> None:
        self.kernel = kernel
        self.cells = dict(cells)

    def last(self, name: str) -> object:
        return self.kernel.value(name)


class Reactive(Driven):
    """Ours: the cell is run, the kernel does the rest."""

    def rerun(self, head: int) -> float:
        return self.kernel.run(f"x0 = {head}", HEAD)


class Plain(Driven):
    """Plain ipykernel: somebody runs all cells by hand, as fast as requests can be sent."""

    def rerun(self, head: int) -> float:
        self.cells[HEAD] = f"x0 = {head}"
        return self.kernel.run_all(list(self.cells.items()))


class IpyflowKernel(Kernel):
    """Hears what ipyflow's comm answers."""

    def __init__(self, manager: KernelManager) -> None:
        super().__init__(manager)
        self.answers: list[dict[str, Any]] = []

    def hear(self, header: bytes, content: bytes) -> None:
        if b'"comm_msg"' in header:
            self.answers.append(json.loads(content)["data"])


class Ipyflow(Driven):
    """ipyflow in reactive mode: its front end runs the cell and all below it, and asks what else there is.

    This is what its extension for JupyterLab does, less what it draws. It also looks for stale cells above,
    of which there are none here.
    """

    kernel: IpyflowKernel

    def __init__(self, kernel: IpyflowKernel, cells: Cells) -> None:
        super().__init__(kernel, cells)
        self.places = {cell: place for place, (cell, _) in enumerate(cells)}
        self.children: Mapping[str, Sequence[str]] = {}
        kernel.comm = "ipyflow-benchmark"
        data = {"interface": "jupyterlab", "exec_mode": "reactive", "cell_metadata_by_id": self._sources()}
        kernel.ask("comm_open", {"comm_id": kernel.comm, "target_name": "ipyflow", "data": data})
        self._execute(list(self.cells))
        self._schedule()

    def rerun(self, head: int) -> float:
        self.cells[HEAD] = f"x0 = {head}"
        seconds, done, due = 0.0, set[str](), self._below([HEAD])
        while due:
            done |= set(due)
            seconds += self._execute(due)
            took, ready = self._schedule()
            seconds += took
            due = [cell for cell in self._below(ready) if cell not in done]
        return seconds + self.kernel.tell(type="reactivity_cleanup")

    def _sources(self) -> Mapping[str, object]:
        places = enumerate(self.cells.items())
        return {cell: {"index": at, "content": text, "type": "code"} for at, (cell, text) in places}

    def _execute(self, cells: Sequence[str]) -> float:
        return self.kernel.run_all([(cell, self.cells[cell]) for cell in cells])

    def _schedule(self) -> tuple[float, Sequence[str]]:
        """Send all sources and learn the graph; the cells that became ready."""
        self.kernel.answers.clear()
        seconds = self.kernel.tell(
            type="compute_exec_schedule", cell_metadata_by_id=self._sources(), is_reactively_executing=False
        )
        [plan] = [each for each in self.kernel.answers if each["type"] == "compute_exec_schedule"]
        self.children = plan["cell_children"]
        return seconds, [*plan["new_ready_cells"], *plan["forced_reactive_cells"]]

    def _below(self, cells: Sequence[str]) -> list[str]:
        """These cells and all that follow from them, in the document's order."""
        found: set[str] = set()
        waiting = list(cells)
        while waiting:
            cell = waiting.pop()
            if cell not in found:
                found.add(cell)
                waiting += self.children.get(cell, ())
        return sorted(found & self.places.keys(), key=self.places.__getitem__)


class FlowbookKernel(Kernel):
    """Hears what FlowBook says of cells that are out of date."""

    def __init__(self, manager: KernelManager) -> None:
        super().__init__(manager)
        self.stale: list[str] = []

    def hear(self, header: bytes, content: bytes) -> None:
        if b'"flowbook_update"' in header:
            said = json.loads(content)["flowbook"]
            if "stale_cells" in said:
                self.stale = said["stale_cells"]


class Flowbook(Driven):
    """FlowBook marks what is out of date; its user runs that by hand, one cell after the other."""

    kernel: FlowbookKernel

    def __init__(self, kernel: FlowbookKernel, cells: Cells) -> None:
        super().__init__(kernel, cells)
        self.order = [cell for cell, _ in cells]
        for cell in self.order:
            self._run(cell)

    def _run(self, cell: str) -> float:
        return self.kernel.run(self.cells[cell], cell, cell_id=cell, cell_order=self.order)

    def rerun(self, head: int) -> float:
        self.cells[HEAD] = f"x0 = {head}"
        seconds = self._run(HEAD)
        while self.kernel.stale:
            seconds += self._run(min(self.kernel.stale, key=self.order.index))
        return seconds


@contextmanager
def reactive(cells: Cells) -> Iterator[Reactive]:
    with home(), started(REACTIVE) as kernel:
        kernel.open(cells)
        yield Reactive(kernel, cells)


@contextmanager
def plain(python: str, cells: Cells) -> Iterator[Plain]:
    with home(), started(PLAIN, python) as kernel:
        kernel.run_all(cells)
        yield Plain(kernel, cells)


@contextmanager
def ipyflow(python: str, cells: Cells) -> Iterator[Ipyflow]:
    with home(), started("ipyflow.kernel", python, IpyflowKernel) as kernel:
        yield Ipyflow(kernel, cells)


@contextmanager
def flowbook(python: str, cells: Cells) -> Iterator[Flowbook]:
    with home(), started("flowbook.kernel", python, FlowbookKernel) as kernel:
        yield Flowbook(kernel, cells)
