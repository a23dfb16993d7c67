"""Runs a notebook through the document protocol: one sync, one run, outputs put where they belong."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
import signal
import uuid
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from queue import Empty
from time import monotonic
from types import MappingProxyType
from typing import Any, cast

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager, NoSuchKernel
from jupyter_client.manager import KernelManager
from nbclient.client import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbclient.util import ensure_async, run_sync
from nbformat import NotebookNode

from . import analyze
from .cell import Cell, CellId, Freshness, Mode, Outcome, Resource
from .event import DocumentSynced
from .fixed import fixed
from .notebook import code_cells, document, set_parameters, tags, with_ids
from .progress import Progress
from .session import Session
from .wire import PROTOCOL, TARGET, Json

KERNEL = "reactive"
# The kernel's module, by which a kernelspec of another name shows that it is ours.
_MODULE = "reactive_kernel"
# How often a kernel may die before its first word until that is told.
_STARTS = 3
# Seconds between looks at a silent kernel, and for an interrupted one to come to its end.
_LOOK, _GRACE = 1.0, 10.0
_RAISES = "raises-exception"
_NO_EDGES: Json = MappingProxyType({"reads": [], "writes": [], "parents": []})

Message = dict[str, Any]


class CannotRun(Exception):
    """The notebook cannot even be started, and why."""


@fixed
class Failure:
    """A cell that did not do what it was run for, and the cells that could not run because of it."""

    cell: CellId
    label: str
    line: str
    what: str
    blocked: tuple[Failure, ...] = ()

    def __str__(self) -> str:
        named = f"{self.label} `{self.line}`" if self.line else self.label
        return "\n".join([f"{named} {self.what}", *(f"  {each}" for each in self.blocked)])


@fixed
class Standing:
    """What the kernel says of a cell at the end: its state, and its place in the graph."""

    freshness: Freshness = Freshness.NEW
    outcome: Outcome | None = None
    # Why it is stale or blocked.
    reason: str | None = None
    reads: tuple[Resource, ...] = ()
    writes: tuple[Resource, ...] = ()
    parents: tuple[CellId, ...] = ()


@fixed
class Place:
    """Where a cell ran: elsewhere, or here, and why."""

    elsewhere: bool
    why: str | None = None


@fixed
class Result:
    """The executed notebook, what failed in it, and what ended the run before its time."""

    notebook: NotebookNode
    failed: tuple[Failure, ...] = ()
    stopped: str | None = None
    # The signal that stopped it, if one did.
    signal: int | None = None
    ran: int = 0
    cells: Mapping[CellId, Standing] = field(default_factory=dict[CellId, Standing])
    # Cells that wait for each other.
    cycles: tuple[tuple[CellId, ...], ...] = ()
    # Where each cell ran, if there was a choice.
    places: Mapping[CellId, Place] = field(default_factory=dict[CellId, Place])


@fixed
class Options:
    """How to run a notebook."""

    # The directory that the kernel starts in.
    path: str = ""
    # Seconds that one cell may take.
    timeout: float | None = None
    kernel: str | None = None
    progress: Progress | None = None
    # The program that is the kernel, where no installed kernel is wanted.
    program: tuple[str, ...] | None = None
    # The cells to run, each with what it needs, if not all.
    only: tuple[CellId, ...] | None = None
    # Where cells run besides the kernel, if anywhere, and the name under which the cluster keeps results.
    engine: str = ""
    keep: str = ""


def execute_notebook(
    nb: NotebookNode,
    *,
    path: str = "",
    parameters: Mapping[str, object] | None = None,
    timeout: float | None = None,
    kernel: str | None = None,
    progress: Progress | None = None,
) -> Result:
    """Execute a copy of the notebook in dependency order, in a kernel of its own."""
    notebook = with_ids(copy.deepcopy(nb))
    if parameters:
        set_parameters(notebook, parameters)
    return run(notebook, Options(path, timeout, kernel, progress))


def run(notebook: NotebookNode, options: Options) -> Result:
    """Execute the notebook in place."""
    kernel = options.kernel or kernel_for(notebook)
    spec_of(kernel)
    runner = Runner(notebook, options, kernel_name=kernel)
    return run_sync(runner.run)()


def spec_of(kernel: str) -> KernelSpec:
    """How the kernel of that name is started."""
    try:
        return KernelSpecManager().get_kernel_spec(kernel)
    except NoSuchKernel:
        raise CannotRun(
            f"there is no kernel {kernel!r}; `jupyter kernelspec list` shows those there are"
        ) from None


def needed(cells: Sequence[Cell], only: Iterable[CellId]) -> frozenset[CellId]:
    """These cells and all that they need, as far as the text shows it."""
    seen = Session(analyze)
    seen.step(DocumentSynced(tuple(cells)))
    graph = seen.graph
    return frozenset(only) | graph.reach(set(only), graph.parents, lambda _: True)


def is_reactive(spec: KernelSpec) -> bool:
    return _MODULE in spec.argv


def kernel_for(notebook: NotebookNode) -> str:
    """The notebook's own kernel if that is a reactive one."""
    name: object = notebook.metadata.get("kernelspec", {}).get("name")
    if isinstance(name, str):
        with contextlib.suppress(NoSuchKernel):
            if is_reactive(KernelSpecManager().get_kernel_spec(name)):
                return name
    return KERNEL


class Runner(NotebookClient):
    """nbclient's kernel and outputs; the order of the cells is the kernel's."""

    def __init__(
        self, notebook: NotebookNode, options: Options, km: KernelManager | None = None, **traits: Any
    ) -> None:
        place = options.path and str(Path(options.path).absolute())
        super().__init__(notebook, km, **{"resources": {"metadata": {"path": place}}, **traits})
        # What a run leaves in the file should be what the cells leave, not when they did.
        self.record_timing = False
        # ipykernel warns of unencrypted TCP each time, above the failures that people look for.
        # A history on disk is for people, and runs beside each other would wait for it.
        self.extra_arguments = ["--log-level=ERROR", "--HistoryManager.hist_file=:memory:"]
        if options.engine:
            self.extra_arguments += [
                f"--ReactiveKernel.engine={options.engine}",
                "--ReactiveKernel.engine_cells=all",
                "--ReactiveKernel.engine_spare=True",
                f"--ReactiveKernel.engine_keep={options.keep}",
            ]
        self._options = options
        self._document = document(notebook)
        self._labels = {cell.id: f"cell {number}" for number, cell in enumerate(self._document, 1)}
        self._places = {CellId(cell.id): index for index, cell in code_cells(notebook)}
        asked = {cell.id for cell in self._document} if options.only is None else set(options.only)
        reach = asked if options.only is None else needed(self._document, asked)
        # Nobody runs a cell that is switched off, or without text; nbclient does not either.
        able = [cell for cell in self._document if cell.mode is not Mode.OFF and cell.source.strip()]
        self._asked_for = [cell for cell in able if cell.id in asked]
        self._wanted = [cell for cell in able if cell.id in reach]
        self._untouched = {cell.id for cell in self._document if cell.id not in reach}
        # What the kernel is started with, beside what is known here.
        self._starting: dict[str, Any] = {}
        self._forget()

    def _forget(self) -> None:
        """Nothing has run yet."""
        self._comm = uuid.uuid4().hex
        self._ready = False
        self._statuses: dict[CellId, Json] = {}
        self._edges: dict[CellId, Json] = {}
        self._cycles: tuple[tuple[CellId, ...], ...] = ()
        self._errors: dict[CellId, str] = {}
        self._ran_at: dict[CellId, Place] = {}
        self._begun: dict[CellId, None] = {}
        # Cells whose next output takes the place of those before it.
        self._clearing: set[int] = set()
        self._running: CellId | None = None
        # When it began, and when its progress was told last.
        self._began = self._told = 0.0
        self._deadline: float | None = None
        self._stopped: str | None = None
        self._signal: int | None = None
        self._given_up = False
        self._task: asyncio.Task[Any] | None = None

    # From start to end

    async def run(self) -> Result:
        """Run the document; whatever happens, answer with the notebook as far as it came."""
        self.reset_execution_trackers()
        self._forget()
        self._empty()
        self._task = asyncio.current_task()
        try:
            with self._signals_caught():
                await self._run_in_kernel()
        except asyncio.CancelledError:
            if self._signal is None:
                raise
        except DeadKernelError:
            where = f" while {self._labels[self._running]} was running" if self._running else ""
            self._stopped = self._stopped or f"the kernel died{where}"
        self.set_widgets_metadata()
        standings = {cell.id: self._standing(cell.id) for cell in self._document}
        ran = len(self._begun)
        return Result(
            self.nb,
            tuple(self._failures()),
            self._stopped,
            self._signal,
            ran,
            standings,
            self._cycles,
            self._ran_at,
        )

    def _empty(self) -> None:
        """Take away what earlier runs left: a cell that will not run must not look as if it had."""
        for known in self._document:
            cell = self.nb.cells[self._places[known.id]]
            if known.mode is Mode.OFF or known.id in self._untouched:
                cell.setdefault("outputs", [])
                cell.setdefault("execution_count", None)
            else:
                cell["outputs"], cell["execution_count"] = [], None
                cell.metadata.pop("execution", None)

    async def _run_in_kernel(self) -> None:
        try:
            await self._start_kernel()
            self._look_for_an_end()
            await self._start_client()
            await self._speak()
        except (DeadKernelError, asyncio.CancelledError):
            self.shutdown_kernel = "immediate"
            raise
        finally:
            await self._leave()

    async def _start_kernel(self) -> None:
        if self.km is None:
            self.km = self.create_kernel_manager()
            if self._options.program is not None:
                self.km.kernel_spec_manager = _One(self._options.program)
        if not self.km.has_kernel:
            await self.async_start_new_kernel(**{"env": self._environment(), **self._starting})

    async def _leave(self) -> None:
        """Whoever brought a kernel keeps it."""
        if self.owns_km:
            await self._async_cleanup_kernel()
        elif self.kc is not None:
            await ensure_async(self.kc.stop_channels())
            self.kc = None

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    async def _start_client(self) -> None:
        """As nbclient does, but that what fails is our caller's to tell."""
        for again in reversed(range(_STARTS)):
            try:
                await self._connect()
                break
            except RuntimeError as error:
                if not again or not await self._started_again():
                    raise CannotRun(f"kernel {self.kernel_name!r} does not start: {error}") from error
        assert self.kc is not None
        reply = await self.async_wait_for_reply(await ensure_async(self.kc.kernel_info()))
        if reply is not None:
            self.nb.metadata["language_info"] = reply["content"]["language_info"]

    async def _connect(self) -> None:
        assert self.km is not None
        self.kc = self.km.client()
        await ensure_async(self.kc.start_channels())
        await ensure_async(self.kc.wait_for_ready(timeout=self.startup_timeout))
        self.kc.allow_stdin = False

    async def _started_again(self) -> bool:
        """Whether a kernel of ours that died before its first word was started on other ports.

        Its ports are picked before it takes them, so that another program may have been quicker.
        """
        assert self.km is not None
        if not self.owns_km or await ensure_async(self.km.is_alive()):
            return False
        # This manager goes as well: it would take the same ports once more.
        await self._async_cleanup_kernel()
        await self._start_kernel()
        return True

    async def _speak(self) -> None:
        """The conversation: open, sync, run."""
        await self._introduce()
        await self._ask(op="sync", cells=[synced(cell) for cell in self._document])
        if self._asked_for and self._stopped is None:
            await self._ask(op="run", cells=[cell.id for cell in self._asked_for])

    async def _introduce(self) -> None:
        self._look_for_an_end()
        opening = {"comm_id": self._comm, "target_name": TARGET, "data": {"protocol": PROTOCOL}}
        await self._converse("comm_open", opening)
        if not self._ready:
            raise CannotRun(f"kernel {self.kernel_name!r} is not a reactive one")
        if self._options.only is not None:
            # What follows from the cells that were asked for is not asked for.
            await self._ask(op="configure", mode="lazy")

    async def _ask(self, **data: object) -> None:
        await self._converse("comm_msg", {"comm_id": self._comm, "data": data})

    async def _converse(self, msg_type: str, content: Message) -> None:
        """Send a message, and take in all that it causes."""
        assert self.kc is not None
        message = self.kc.session.msg(msg_type, content)
        sent = message["header"]["msg_id"]
        self._sent(sent)
        self.kc.shell_channel.send(message)
        while True:
            answer = await self._next_message()
            if _is_idle(answer) and answer["parent_header"].get("msg_id") == sent:
                return
            self._take_in(answer)
            await self._heard()

    async def _heard(self) -> None:
        """A message was taken in: here for who follows the run."""

    def _sent(self, msg_id: str) -> None:
        """A request goes out: here for who knows a cell by its request."""

    async def _next_message(self) -> Message:
        assert self.kc is not None
        while True:
            self._look_for_an_end()
            self._tell()
            if self._deadline is not None and self._deadline <= monotonic():
                await self._run_out()
            left = _LOOK if self._deadline is None else min(_LOOK, self._deadline - monotonic())
            try:
                return await ensure_async(self.kc.iopub_channel.get_msg(timeout=max(0.0, left)))
            except Empty:
                client: Any = self.kc  # the classes with sockets have it
                if not await ensure_async(client.is_alive()):
                    raise DeadKernelError("Kernel died") from None

    # Stopping

    async def _run_out(self) -> None:
        """The time of a cell is over, or that of a kernel that was to stop."""
        if self._stopped is not None:
            raise DeadKernelError("Kernel did not stop")
        seconds = None if self._deadline is None else self._deadline - self._began
        where = self._labels[self._running] if self._running else "a cell"
        await self._stop(f"{where} took longer than {seconds:g} s")

    async def _stop(self, why: str) -> None:
        self._stopped = why
        self._deadline = monotonic() + _GRACE
        if self._running is not None and self.km is not None:
            await ensure_async(self.km.interrupt_kernel())

    @contextlib.contextmanager
    def _signals_caught(self) -> Generator[None, None, None]:
        """A signal interrupts the kernel, which is in a group of its own; a second one gives it up."""
        loop = asyncio.get_running_loop()
        caught: list[int] = []
        for number in (signal.SIGINT, signal.SIGTERM):
            # Neither Windows nor a thread other than the main one can.
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self._on_signal, number)
                caught.append(number)
        try:
            yield
        finally:
            for number in caught:
                loop.remove_signal_handler(number)

    def _on_signal(self, number: int) -> None:
        assert self._task is not None
        if self._signal is None and self._running is not None:
            self._signal = number
            self._interrupting = asyncio.ensure_future(self._stop("interrupted"))
            return
        self._signal, self._stopped, self._given_up = number, "interrupted", True
        self._task.cancel()

    def _look_for_an_end(self) -> None:
        # What waits for a kernel to start may swallow the cancellation of its task.
        if self._given_up:
            raise asyncio.CancelledError

    # Messages

    def _take_in(self, message: Message) -> None:
        msg_type, content = message["msg_type"], message["content"]
        if msg_type == "reactive_cells":
            self._note(content)
        elif msg_type == "reactive_graph":
            self._note_edges(content)
        elif msg_type == "reactive_places":
            self._note_places(content)
        elif msg_type == "reactive_connection":
            pass  # What came of it, the cell that asked for it shows.
        elif msg_type.startswith("comm") and content.get("comm_id") == self._comm:
            self._answered(content.get("data", {}))
        else:
            self._route(message)

    def _answered(self, data: Message) -> None:
        if data.get("op") == "ready":
            self._ready = True
            self._note(data)
            self._note_edges(data.get("graph", {}))
        elif data.get("op") == "error":
            raise CannotRun(f"the kernel does not understand: {data.get('message')}")

    def _note(self, content: Json) -> None:
        for cell, status in cast("Mapping[CellId, Json | None]", content.get("cells", {})).items():
            if status is not None:
                self._statuses[cell] = status

    def _note_edges(self, content: Json) -> None:
        for cell, edges in cast("Mapping[CellId, Json | None]", content.get("cells", {})).items():
            if edges is not None:
                self._edges[cell] = edges
        cycles = cast("list[list[CellId]]", content.get("cycles", []))
        self._cycles = tuple(tuple(cycle) for cycle in cycles)

    def _note_places(self, content: Json) -> None:
        for cell, place in cast("Mapping[CellId, Json]", content.get("cells", {})).items():
            elsewhere = place.get("place") == "worker"
            self._ran_at[cell] = Place(elsewhere, cast("str | None", place.get("why")))

    def _route(self, message: Message) -> None:
        """Hand a message to nbclient, as one of the cell that it names."""
        identity = self._cell_of(message)
        index = self._places.get(identity)
        if index is None:
            # Widgets also speak outside of runs; other output that no cell made has no place to go to.
            if message["msg_type"].startswith("comm"):
                self.handle_comm_msg([], message, -1)
            return
        cell = self.nb.cells[index]
        if message["msg_type"] == "execute_input":
            self._begin(identity, index, cell)
        elif message["msg_type"] == "error":
            self._errors[identity] = f"{message['content']['ename']}: {message['content']['evalue']}"
        self.clear_before_next_output = index in self._clearing
        self.process_message(message, cell, index)
        (self._clearing.add if self.clear_before_next_output else self._clearing.discard)(index)

    def _cell_of(self, message: Message) -> CellId:
        """The cell whose run published the message; an unknown one if none did."""
        return CellId(message["metadata"].get("cellId", ""))

    def _begin(self, identity: CellId, index: int, cell: NotebookNode) -> None:
        """A run of the cell begins, perhaps not its first: what it showed before is gone."""
        cell["outputs"] = []
        self.clear_display_id_mapping(index)
        self._clearing.discard(index)
        self._errors.pop(identity, None)
        self._begun[identity] = None
        self._running = identity
        self._began = monotonic()
        if self._stopped is None:
            seconds = self._seconds_for(cell)
            self._deadline = None if seconds is None else self._began + seconds
        self._told = 0.0
        self._tell()

    def _seconds_for(self, cell: NotebookNode) -> float | None:
        """How long the cell may take."""
        return self._options.timeout

    def _tell(self) -> None:
        """Say how far the run has come, at a cell's begin and then once a second."""
        now = monotonic()
        if self._options.progress is None or self._running is None or now - self._told < _LOOK:
            return
        self._told = now
        known = next(cell for cell in self._document if cell.id == self._running)
        self._options.progress(len(self._begun), len(self._wanted), known, now - self._began)

    def output(
        self, outs: list[NotebookNode], msg: Message, display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        """Also join text that the kernel sent in pieces, whose number depends on the time of day."""
        new = super().output(outs, msg, display_id, cell_index)
        if new is None or new.output_type != "stream" or len(outs) < 2:
            return new
        last = outs[-2]
        if last.output_type == "stream" and last.name == new.name:
            last["text"] += new.text
            outs.pop()
        return new

    # What came of it

    def _standing(self, cell: CellId) -> Standing:
        status, edges = self._statuses.get(cell), self._edges.get(cell, _NO_EDGES)
        if status is None:
            return Standing()
        outcome, why = status["outcome"], cast("Json | None", status["reason"])
        return Standing(
            Freshness(status["freshness"]),
            None if outcome is None else Outcome(outcome),
            None if why is None else str(why["message"]),
            tuple(cast("list[Resource]", edges["reads"])),
            tuple(cast("list[Resource]", edges["writes"])),
            tuple(cast("list[CellId]", edges["parents"])),
        )

    def _failures(self) -> list[Failure]:
        """The cells that failed, each with all that could not run because of it."""
        unfinished = [cell for cell in self._wanted if self._what(cell) is not None]
        blockers = {cell.id: self._blockers(cell) for cell in unfinished}
        roots = [cell for cell in unfinished if not blockers[cell.id]]
        return [self._failure(cell, _behind(cell, unfinished, blockers)) for cell in roots]

    def _failure(self, cell: Cell, blocked: list[Cell]) -> Failure:
        lines = cell.source.strip().splitlines()
        what = self._what(cell) or ""
        return Failure(
            cell.id,
            f"{self._labels[cell.id]} ({cell.id})",
            lines[0] if lines else "",
            what,
            tuple(self._failure(each, []) for each in blocked),
        )

    def _what(self, cell: Cell) -> str | None:
        """What is wrong with the cell's run, if anything."""
        status = self._statuses.get(cell.id, {})
        outcome = status.get("outcome")
        if outcome == "ok":
            return None
        if outcome == "blocked":
            return f"did not run: {cast('Json', status['reason'])['message']}"
        if outcome is None:
            return "did not run" if cell.id not in self._begun else "did not end"
        if outcome == "error" and self._may_fail(cell.id):
            return None
        return f"failed: {self._errors.get(cell.id, outcome)}"

    def _may_fail(self, cell: CellId) -> bool:
        """Is an error what the cell is to show?"""
        return _RAISES in tags(self.nb.cells[self._places[cell]])

    def _blockers(self, cell: Cell) -> set[CellId]:
        """The cells that have to be repaired before this one can run."""
        status = self._statuses.get(cell.id, {})
        reason = cast("Json | None", status.get("reason"))
        if status.get("outcome") != "blocked" or reason is None or reason["kind"] == "cycle":
            return set()
        return {
            each
            for each in cast("list[CellId]", reason["cells"])
            if each != cell.id and any(each == wanted.id and self._what(wanted) for wanted in self._wanted)
        }


class _One(KernelSpecManager):
    """Knows one kernel, whatever name it is asked for."""

    def __init__(self, program: tuple[str, ...]) -> None:
        super().__init__()
        self._program = program

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(argv=list(self._program), display_name=kernel_name, language="python")


def _behind(root: Cell, cells: list[Cell], blockers: Mapping[CellId, set[CellId]]) -> list[Cell]:
    """The cells that wait for `root`, in document order, however many others are between."""
    waiting = {root.id}
    grown = True
    while grown:
        more = {cell.id for cell in cells if blockers[cell.id] & waiting}
        grown = not more <= waiting
        waiting |= more
    return [cell for cell in cells if cell.id in waiting - {root.id}]


def synced(cell: Cell) -> Json:
    """The cell as a sync tells of it."""
    mode = {} if cell.mode is None else {"mode": cell.mode.value}
    told = {"tags": sorted(cell.tags)} if cell.tags else {}
    return {"id": cell.id, "source": cell.source, **mode, **told}


def _is_idle(message: Message) -> bool:
    return message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"
