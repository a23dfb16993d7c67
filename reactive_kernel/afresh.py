"""Runs a notebook as a fresh process would, and compares what its cells show then with what they show now.

Every cell runs once, from top to bottom, and nothing reruns. Only where a name is defined below its first
reader, and the kernel is a reactive one, the definition goes first.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from time import monotonic

from jupyter_client.kernelspec import KernelSpec
from nbclient.util import run_sync
from nbformat import NotebookNode

from . import analyze, reason
from .cell import Cell, CellId, Freshness, Mode, Reason, Resource
from .event import DocumentSynced
from .fixed import fixed
from .graph import plain
from .notebook import code_cells, document, marked, uncompared
from .plan import in_order
from .runner import KERNEL, CannotRun, Message, Options, Runner, is_reactive, needed, spec_of
from .session import Session
from .verify import MARK, Difference, Verdict, difference

_Say = Callable[[Sequence[Resource], Sequence[CellId], reason.Label], Reason]

_OWN_MAGIC = re.compile(r"(?m)^\s*%reactive\b")
_SHOWN_NOTES = 5


@fixed
class Verified:
    """The comparison, as far as the fresh run came, and what ended that before its time."""

    verdict: Verdict
    stopped: str | None = None
    signal: int | None = None


def verify_notebook(notebook: NotebookNode, options: Options, *, skip_manual: bool = False) -> Verified:
    """Run a copy of the notebook and compare; the notebook itself stays as it is."""
    if not any(_ran(cell) for _, cell in code_cells(notebook)):
        raise CannotRun("no cell has an output or an execution count: there is nothing to compare with")
    seen = Session(analyze)
    seen.step(DocumentSynced(document(notebook)))
    kernel = _kernel_of(notebook, options)
    reach = seen.cells if options.only is None else needed(document(notebook), options.only)
    without = {
        cell for cell in seen.cells if cell not in reach or _left_out(seen, cell, skip_manual=skip_manual)
    }
    fresh = copy.deepcopy(notebook)
    runner = _TopDown(fresh, options, kernel, seen, without)
    result = run_sync(runner.run)()
    pairs = _Pairs(notebook, fresh, seen, runner.done)
    differences, compared = pairs.compared()
    notes = [*_notes(kernel, seen, reach, without, pairs.silent), *_of_fresh_ones(differences)]
    return Verified(Verdict(differences, compared, tuple(notes)), result.stopped, result.signal)


def _ran(cell: NotebookNode) -> bool:
    return bool(cell.get("outputs")) or cell.get("execution_count") is not None


def _left_out(seen: Session, cell: CellId, *, skip_manual: bool) -> bool:
    """Does a fresh run go without the cell?"""
    mode, source = seen.mode(cell), seen.cell(cell).source
    # What only asks the kernel about itself changes nothing, and has nobody to ask.
    asks = all(_OWN_MAGIC.match(line) for line in source.splitlines() if line.strip())
    return mode is Mode.OFF or asks or (skip_manual and mode is Mode.MANUAL)


# The kernel


@fixed
class _Kernel:
    """Which kernel runs the notebook, and what people should know of the choice."""

    name: str
    reactive: bool
    python: bool
    note: str | None = None


def _kernel_of(notebook: NotebookNode, options: Options) -> _Kernel:
    """The kernel that was asked for, else the notebook's own, else ours."""
    if options.program is not None:
        return _Kernel(KERNEL, reactive=True, python=True)
    if options.kernel is not None:
        return _described(options.kernel, spec_of(options.kernel))
    own: Mapping[str, object] = notebook.metadata.get("kernelspec", {})
    name, language = str(own.get("name", KERNEL)), own.get("language", "python")
    try:
        return _described(name, spec_of(name))
    except CannotRun:
        if language != "python" or name == KERNEL:
            raise
    ours = _described(KERNEL, spec_of(KERNEL))
    return replace(ours, note=f"its own kernel {name!r} is not installed; {KERNEL!r} ran it")


def _described(name: str, spec: KernelSpec) -> _Kernel:
    return _Kernel(name, is_reactive(spec), spec.language == "python")


class _TopDown(Runner):
    """One request for each cell, as *Run All* in a front end that knows nothing of the document."""

    def __init__(
        self,
        notebook: NotebookNode,
        options: Options,
        kernel: _Kernel,
        seen: Session,
        without: Collection[CellId],
    ) -> None:
        super().__init__(notebook, options, kernel_name=kernel.name)
        self._kernel = kernel
        self._seen = seen
        self._wanted = [cell for cell in self._in_order() if cell.source.strip() and cell.id not in without]
        self._requests: dict[str, CellId] = {}
        self._asked: CellId | None = None
        # Cells that left nothing for others to read, and what to say of those that need them.
        self._lost: dict[CellId, _Say] = {
            cell.id: reason.input_off if cell.mode is Mode.OFF else reason.input_missing
            for cell in self._document
            if cell.id in without
        }
        # The cells that the run is through with; those that it could not run, with the reason.
        self.done: dict[CellId, str | None] = {}

    def _in_order(self) -> list[Cell]:
        seen = self._seen
        order = in_order(seen.graph, seen.cells) if self._kernel.reactive else seen.cells
        return [seen.cell(cell) for cell in order]

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), MARK: "1"}

    async def _speak(self) -> None:
        for cell in self._wanted:
            why = self._hindrance(cell.id)
            if why is None:
                await self._request(cell)
            if self._stopped is not None:
                return
            self.done[cell.id] = why
            if why is not None:
                self._lost[cell.id] = reason.input_blocked
            # Elsewhere what a cell bound before an error that it was to have is there for others.
            elif cell.id in self._errors and (self._kernel.reactive or not self._may_fail(cell.id)):
                self._lost[cell.id] = reason.input_failed

    async def _request(self, cell: Cell) -> None:
        self._look_for_an_end()
        # A kernel that dies at once has not said what it runs.
        self._asked = self._running = cell.id
        self._began = self._told = monotonic()
        asked = {"code": cell.source, "silent": False, "store_history": True}
        refused = {"allow_stdin": False, "stop_on_error": False}
        await self._converse("execute_request", {**asked, **refused, "user_expressions": {}})

    def _hindrance(self, cell: CellId) -> str | None:
        """Why the cell cannot run, if another one left nothing for it to read."""
        seen = self._seen
        if not self._kernel.python:
            return None
        if self._kernel.reactive and (cycle := seen.graph.cycle(cell)):
            return reason.cycle(cycle, seen.label).message
        inputs = seen.graph.inputs(cell)
        for say in (reason.input_off, reason.input_failed, reason.input_blocked, reason.input_missing):
            lost = {name: it for name, it in inputs.items() if it is not None and self._lost.get(it) is say}
            if lost:
                makers = sorted(set(lost.values()), key=seen.graph.rank)
                return say(sorted(set(map(plain, lost))), makers, seen.label).message
        return None

    def _sent(self, msg_id: str) -> None:
        if self._asked is not None:
            self._requests[msg_id] = self._asked

    def _cell_of(self, message: Message) -> CellId:
        return self._requests.get(message["parent_header"].get("msg_id", ""), CellId(""))


# The comparison


class _Pairs:
    """The cells of the notebook beside those of the fresh run."""

    def __init__(
        self, now: NotebookNode, fresh: NotebookNode, seen: Session, done: Mapping[CellId, str | None]
    ) -> None:
        self._now = {CellId(cell.id): cell for _, cell in code_cells(now)}
        self._fresh = {CellId(cell.id): cell for _, cell in code_cells(fresh)}
        self._seen = seen
        self._done = done
        # Cells that ran and are not compared, and why.
        self.silent = {cell: why for cell in seen.cells if cell in done and (why := self._silence(cell))}

    def _silence(self, cell: CellId) -> str | None:
        if _OWN_MAGIC.search(self._seen.cell(cell).source):
            return "it asks the kernel about itself"
        return uncompared(self._now[cell])

    def compared(self) -> tuple[tuple[Difference, ...], int]:
        cells = [cell for cell in self._seen.cells if cell in self._done and cell not in self.silent]
        found = [self._difference(cell) for cell in cells]
        return tuple(each for each in found if each is not None), len(cells)

    def _difference(self, cell: CellId) -> Difference | None:
        now, why = self._now[cell], self._done[cell]
        line = next(iter(self._seen.cell(cell).source.strip().splitlines()), "")
        called = f"{self._seen.label(cell)} ({cell}) `{line}`"
        fresh = self._fresh[cell].outputs if why is None else why
        found = difference(called, now.outputs, fresh, ran=_ran(now))
        return found and replace(found, marked=marked(now))


def _notes(
    kernel: _Kernel,
    seen: Session,
    reach: Collection[CellId],
    without: Collection[CellId],
    silent: Mapping[CellId, str],
) -> tuple[str, ...]:
    notes = [kernel.note] if kernel.note else []
    for kind in (_of_order(kernel, seen, reach), _of_modes(seen, reach, without), _of_silence(seen, silent)):
        several = list(kind)
        notes += several[:_SHOWN_NOTES]
        if len(several) > _SHOWN_NOTES:
            notes.append(f"and so of {len(several) - _SHOWN_NOTES} more")
    return tuple(notes)


def _those(seen: Session, cells: Collection[CellId]) -> list[CellId]:
    return [cell for cell in seen.cells if cell in cells]


def _of_order(kernel: _Kernel, seen: Session, reach: Collection[CellId]) -> Iterator[str]:
    for cell in _those(seen, reach) if kernel.reactive else ():
        above = sorted(seen.graph.upward(cell), key=seen.graph.rank)
        if above and not seen.graph.cycle(cell):
            yield f"{seen.label(cell)} ran after {', '.join(map(seen.label, above))} below it, which it needs"


def _of_modes(seen: Session, reach: Collection[CellId], without: Collection[CellId]) -> Iterator[str]:
    for cell in _those(seen, reach):
        mode = seen.mode(cell)
        if mode is Mode.OFF:
            yield f"{seen.label(cell)} is switched off and did not run"
        elif mode is Mode.MANUAL and cell in without:
            yield f"{seen.label(cell)} is manual and was left out"
        elif mode is Mode.MANUAL:
            yield f"{seen.label(cell)} is manual and ran all the same; --skip-manual leaves such cells out"


def _of_fresh_ones(differences: Sequence[Difference]) -> Iterator[str]:
    if any(each.marked == Freshness.FRESH.value for each in differences):
        yield (
            "a cell that is marked fresh and differs all the same depends on time, chance or the world "
            "outside, or on something that the kernel does not see"
        )


def _of_silence(seen: Session, silent: Mapping[CellId, str]) -> Iterator[str]:
    for cell, why in silent.items():
        yield f"{seen.label(cell)} was not compared: {why}"
