"""The kernel: takes requests in, runs what the session says, and tells everybody."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from inspect import signature
from typing import Any, cast

import zmq
from ipykernel.comm.comm import BaseComm
from ipykernel.iostream import OutStream
from ipykernel.ipkernel import IPythonKernel
from ipykernel.jsonutil import json_clean  # pyright: ignore[reportUnknownVariableType]  # typed in part
from IPython.core.history import HistoryManager
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Int

from . import magics, wire
from .analysis import analyze
from .beside import Beside, inherit_context_in_threads
from .cell import NOTHING, CellFacts, CellId, Outcome, Reason, Resource
from .event import (
    CascadeChosen,
    DocumentSynced,
    Event,
    Interrupted,
    NamesTouched,
    Refuse,
    Run,
    RunFinished,
    RunRequested,
    SessionsBusy,
)
from .extensions import Extensions, installed
from .guard import keep_builtins, restore_builtins
from .interrupt import Interrupts
from .namespace import MEMORY, Namespace, of_the_session
from .objects import Survey
from .observe import Observer
from .own_magic import Host, ReactiveMagic
from .publish import Parcel, Publication, StampingSession
from .pyplot import Figures
from .session import Session
from .shield import Turn, shielded
from .switches import HOOKS, MAGICS, SHOWS, Magics, Showing
from .variables import variables
from .widgets import Watched, from_browser

# Requests that may run cells, or step the document.
_CAREFUL = frozenset(("execute_request", "comm_open", "comm_msg", "comm_close"))
# Seconds to wait for the output thread before code runs without its statuses being on the wire.
_FLUSH_TIMEOUT = 10.0

# Do IPython's events get to know a cell's metadata? Not before version 9.
_TAKES_META = "cell_meta" in signature(cast("Any", InteractiveShell).run_cell).parameters

# Seconds between two looks, in a cascade of short cells, for messages that no thread has read yet.
_INTAKE_INTERVAL = 0.005

_concurrent: ContextVar[bool] = ContextVar("concurrent", default=False)


@dataclass(frozen=True)
class _Requested:
    """An `execute_request` that waits for its cell to run."""

    stream: Any
    ident: Any
    parent: dict[str, Any]


class _LateHistory:
    """Keeps what reruns add to IPython's history in memory until the cascade is over.

    Every line would be a transaction on the disk, and the next cell would wait for it.
    """

    def __init__(self) -> None:
        self._held: tuple[HistoryManager, int] | None = None

    def hold(self, manager: HistoryManager | None) -> None:
        if self._held is None and manager is not None:
            self._held = manager, manager.db_cache_size
            manager.db_cache_size = sys.maxsize

    def release(self) -> None:
        if self._held is None:
            return
        (manager, size), self._held = self._held, None
        manager.db_cache_size = size
        if manager.save_flag is not None and len(manager.db_input_cache) >= max(size, 1):
            manager.save_flag.set()


class ReactiveKernel(IPythonKernel):
    """An IPython kernel that knows its document and reruns what depends on what changed."""

    version_memory = Int(
        MEMORY,
        help="How many bytes the kernel keeps of what objects were before cells changed them. Beyond that it"
        " gives up the oldest states; where one is needed, the cell that made it runs again.",
    ).tag(config=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.document = Session(self._analyse)
        self._observer: Observer | None = None
        self._connect: Callable[[str, str], None] | None = None
        # Connections on which a transaction is open.
        self._busy_sessions: frozenset[str] = frozenset()
        # Requests are taken in by any thread; whoever steps the document or tells of it holds this.
        self._turn = Turn()
        self._comms: set[str] = set()
        self._requests: dict[CellId, list[_Requested]] = {}
        # Who reruns show under when no front end can put them where they belong.
        self._cause: _Requested | None = None
        self._latest: object = None
        self._arrived = 0
        self._cascading = False
        self._received = 0.0
        # Has the kernel called itself idle while others were let in between two cells?
        self._idle_told = False
        self._finished: list[Future[None]] = []
        self._interrupts = Interrupts(self._turn, self._globals)
        # Who had SIGINT before the handlers under way.
        self._before: list[Any] = []
        self._error: BaseException | None = None
        self._widgets = Watched(lambda: self.names.live, self._came_from_browser)
        self._history = _LateHistory()
        # What is to go out with whatever goes out next.
        self._parcel = Parcel()
        self._late: deque[Parcel] = deque()
        self.shell_handlers["comm_open"] = self._comm_open
        self.shell_handlers["comm_msg"] = self._comm_msg
        self.shell_handlers["comm_close"] = self._comm_close
        self.comm_manager.register_target(wire.TARGET, lambda comm, message: None)
        assert self.shell is not None
        self.shell.events.register("post_run_cell", self._note_error)
        shell = cast("Any", self.shell)
        self._interrupts.attend(shell)
        shell.register_magic_function(ReactiveMagic(self._host()), "line", "reactive")
        self._extensions = Extensions(self.shell)
        inherit_context_in_threads()
        keep_builtins()
        self._magics = Magics(shell)
        self._beside = Beside(self._globals)
        self._figures = Figures(self._cannot_prove)

    def _cannot_prove(self, why: str | None) -> None:
        if why is not None:
            self.observer.tell(NOTHING, NOTHING, why)

    @property
    def _out(self) -> StampingSession:
        """The session that every message goes out through."""
        return cast("StampingSession", self.session)

    def _globals(self) -> object:
        assert self.shell is not None
        return cast("object", self.shell.user_global_ns)

    def _host(self) -> Host:
        """What the magic `%reactive` may know of us, and do."""
        return Host(self.document, self._turn, lambda: self.names.live, self._latest_of, self._choose)

    def _latest_of(self, cell: CellId) -> Publication | None:
        return self._out.latest(cell)

    def _choose(self, event: CascadeChosen) -> None:
        """Change the mode, and tell all front ends, whoever of them has asked for it."""
        with self._turn:
            self._step(event)
            for comm in self._comms:
                cast("BaseComm", self.comm_manager.get_comm(comm)).send(dict(wire.ready(self.document)))

    def do_complete(self, code: str, cursor_pos: int) -> Any:
        """Complete Python; in cells of other languages it would be noise, and take its time."""
        head = code.lstrip()[:100].partition("\n")[0].split()
        if head and head[0].startswith("%%") and head[0][2:] in installed() and "\n" in code[:cursor_pos]:
            nothing: dict[str, Any] = {"status": "ok", "matches": [], "metadata": {}}
            return nothing | {"cursor_start": cursor_pos, "cursor_end": cursor_pos}
        return cast("Any", super().do_complete(code, cursor_pos))

    def _parent(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.get_parent("shell"))

    # The document

    def _analyse(self, source: str) -> CellFacts:
        return analyze(source, magics.load() if "%" in source else {})

    @property
    def observer(self) -> Observer:
        """Sees what runs do to names and objects; made when the first cell with an id appears."""
        assert self.shell is not None
        live = cast("dict[str, object]", self.shell.user_ns)
        if self._observer is None:
            self._observer = self._make_observer(live)
        elif self._observer.names.live is not live:
            self._observer.names.live = live
        return self._observer

    def _make_observer(self, live: dict[str, object]) -> Observer:
        observer = Observer(live, self.document)
        observer.names.memory = self.version_memory
        shell = cast("Any", self.shell)
        observer.follow(Showing(shell))
        observer.follow(self._magics)
        show = shell.display_formatter.format

        def shows(*arguments: Any, **named: Any) -> Any:
            observer.hint(SHOWS)
            return show(*arguments, **named)

        shell.display_formatter.format = shows
        return observer

    def _hint_at_magics(self, run: Run) -> None:
        if "%" in run.source or "get_ipython" in run.inputs:
            self.observer.hint(MAGICS)
        if self._magics.concerns_all():
            self._cannot_prove(HOOKS)

    @property
    def names(self) -> Namespace:
        """The versions of names."""
        return self.observer.names

    def _step(self, event: Event) -> None:
        with self._turn:
            self._take(event)
            self._tell()

    def _take(self, event: Event) -> None:
        """Let the document take in what has happened; what changed is told with whatever goes out next."""
        with self._turn:
            self.document.step(event)
            if isinstance(event, DocumentSynced):
                self.names.keep_only(set(self.document.cells))
            self._report()

    def _tell(self) -> None:
        """Publish what changed, if some front end has asked to hear of it."""
        with self._turn:
            self._report()
            self._deliver()

    def _report(self) -> None:
        if not self._comms:
            return
        statuses = self.document.changes()
        if statuses:
            self._publish("reactive_cells", wire.cells(statuses), self._parcel)
        edges = self.document.edge_changes()
        if edges:
            self._publish("reactive_graph", wire.graph(edges, self.document.graph.cycles()), self._parcel)

    def _publish(self, msg_type: str, content: wire.Json, parcel: Parcel | None = None) -> None:
        self._out.send(
            self.iopub_socket if parcel is None else cast("Any", parcel),
            msg_type,
            dict(content),
            parent=self._parent(),
            ident=self._topic(msg_type),
        )

    # Requests

    async def execute_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Run a cell with what it needs and what needs it; code without a cell runs by itself."""
        content = parent.get("content", {})
        metadata: dict[str, object] = parent.get("metadata") or {}
        cell = metadata.get("cellId")
        in_main = threading.current_thread() is threading.main_thread()
        if not isinstance(content.get("code"), str):
            self.log.error("An execute_request without code was ignored.")
        elif in_main and isinstance(cell, str) and cell and not content.get("silent", False):
            await self._cell_request(CellId(cell), _Requested(stream, ident, parent))
        elif in_main and self.document.cells:
            await self._scratch_request(stream, ident, parent)
        elif in_main:
            with self._interrupts.run():
                await super().execute_request(stream, ident, parent)
        else:
            await super().execute_request(stream, ident, parent)

    async def _cell_request(self, cell: CellId, request: _Requested) -> None:
        own: object = request.parent["metadata"].get("reactive")
        mode = wire.parse_mode(cast("wire.Json", own).get("mode")) if isinstance(own, dict) else None
        self._requests.setdefault(cell, []).append(request)
        self._cause = request
        self._latest = request
        self._take(RunRequested((cell,), request.parent["content"]["code"], mode))
        try:
            await self._cascade(request)
        finally:
            self.set_parent(request.ident, request.parent)

    async def _scratch_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Code of no cell: it may look at everything, and what it rebinds is not the document's."""
        before = dict(self.names.live)
        survey = self.observer.glance(self._analyse(parent["content"]["code"]))
        with self._interrupts.run():
            await super().execute_request(stream, ident, parent)
        self._take_scratch(before, survey)

    def _take_scratch(self, before: Mapping[str, object], survey: Survey | None = None) -> None:
        """See what code of no cell did: new names are nobody's, changed ones make their readers stale."""
        names, final = self.names, self.document.source_of
        rebound = {
            name
            for name in before.keys() | names.live.keys()
            if before.get(name, names) is not names.live.get(name, names) and not of_the_session(name)
        }
        owned = {name for name in rebound if final(name, None) is not None}
        names.adopt(rebound - owned)
        owned |= {name for cell, name in self.observer.disturbed(survey) if final(name, None) == cell}
        if owned:
            self._step(NamesTouched(frozenset(owned), lasting=False))

    async def _comm_open(self, stream: Any, ident: Any, message: dict[str, Any]) -> None:
        content = message["content"]
        if content.get("target_name") not in self.comm_manager.targets:
            self._extensions.load()
        self.comm_manager.comm_open(stream, ident, message)
        if content.get("target_name") != wire.TARGET:
            return
        comm = cast("BaseComm", self.comm_manager.get_comm(content["comm_id"]))
        # ipykernel hands what comes on a comm to the subshell that last published on it; ours goes
        # where it says.
        setattr(comm, "_reply_subshell_for", _as_addressed)  # noqa: B010
        problem = wire.parse_open(content.get("data"))
        if problem is not None:
            comm.send(dict(wire.error(problem, content.get("data"))))
            comm.close()
            return
        with self._turn:
            self._comms.add(content["comm_id"])
            comm.send(dict(wire.ready(self.document)))
            self.document.changes()
            self.document.edge_changes()

    async def _comm_close(self, stream: Any, ident: Any, message: dict[str, Any]) -> None:
        self._comms.discard(message["content"].get("comm_id", ""))
        self.comm_manager.comm_close(stream, ident, message)

    async def _comm_msg(self, stream: Any, ident: Any, message: dict[str, Any]) -> None:
        """A front end's request, in whichever thread and whatever else is running."""
        content = message["content"]
        comm = cast("BaseComm | None", self.comm_manager.comms.get(content.get("comm_id", "")))
        if comm is not None and comm.target_name.startswith(f"{wire.TARGET}."):
            # What front ends ask an extension changes nothing that cells read.
            self.comm_manager.comm_msg(stream, ident, message)
            return
        if content.get("comm_id") not in self._comms:
            self._widget_message(stream, ident, message)
            await self._finish()
            return
        # Messages taken in while a cell awaits get no statuses from ipykernel; ours say when it is over.
        telling = _concurrent.get()
        if telling:
            self._publish_status("busy", "shell")
        try:
            request = self._take_in(content.get("data"), content["comm_id"])
            if isinstance(request, wire.ConnectRequested):
                await self._open_connection(request)
            elif request:
                await self._finish()
        finally:
            self.set_parent(ident, message)
            if telling:
                self._publish_status("idle", "shell")

    def _widget_message(self, stream: Any, ident: Any, message: dict[str, Any]) -> None:
        """Let a widget have its message; its callbacks are code of no cell."""
        watching = bool(self.document.cells) and not self._cascading
        before = dict(self.names.live) if watching else {}
        token = from_browser.set(True)
        try:
            self.comm_manager.comm_msg(stream, ident, message)
        finally:
            from_browser.reset(token)
        if watching:
            self._take_scratch(before)

    def _own_names(self) -> dict[str, object]:
        """What the notebook and its user have bound; another thread may be binding more."""
        hidden = cast("Any", self.shell).user_ns_hidden
        return {
            name: value
            for name, value in dict(self.names.live).items()
            if not of_the_session(name) and hidden.get(name, self) is not value
        }

    def _came_from_browser(self, names: set[Resource]) -> None:
        self._step(NamesTouched(frozenset(names), lasting=True))

    def _take_in(self, data: object, comm_id: str) -> wire.ConnectRequested | bool:
        """Take a request in; answer whether it is over only when the plan is, or what takes longer."""
        comm = cast("BaseComm", self.comm_manager.get_comm(comm_id))
        with self._turn:
            request = wire.parse(data, self.document)
            if isinstance(request, wire.Malformed):
                comm.send(dict(wire.error(request, data)))
            elif isinstance(request, wire.VariablesRequested):
                comm.send(dict(wire.variables(variables(self._own_names()), self.document)))
                return False
            elif isinstance(request, wire.ConnectRequested):
                return request
            elif isinstance(request, CascadeChosen):
                self._choose(request)
            else:
                self._step(request)
            answer = wire.answer(request, data, self.document)
            if answer is not None:
                comm.send(dict(answer))
            return True

    async def _open_connection(self, request: wire.ConnectRequested) -> None:
        """Open a connection in a thread of its own; whatever else arrives goes on meanwhile."""
        if self._connect is None:
            self._extensions.load()
        name = request.name or "default"
        if self._connect is None:
            problem = "This kernel has no database support installed."
            self._publish("reactive_connection", wire.connection(name, "", problem))
            return
        opening = asyncio.create_task(asyncio.to_thread(self._connect, name, request.url))
        in_main = threading.current_thread() is threading.main_thread()
        holding = in_main and not _concurrent.get()
        if holding:
            self._main_asyncio_lock.release()
        try:
            # Whoever connects tells of it, also when it fails.
            await asyncio.wait([opening])
            opening.exception()
        finally:
            if holding:
                await self._main_asyncio_lock.acquire()

    # What a language's extension tells the kernel

    def resources_touched(
        self, reads: frozenset[Resource], writes: frozenset[Resource], unproven: str | None
    ) -> None:
        """A run read and wrote resources that only its language knows of."""
        self.observer.tell(reads, writes, unproven)

    def tables_changed(self, resources: frozenset[Resource]) -> None:
        """Somebody outside changed tables; called in any thread."""
        self._step(NamesTouched(resources, lasting=True))
        self.io_loop.add_callback(self._pump)

    def connection_changed(self, name: str, server: str, problem: str | None) -> None:
        """A database connection was opened or replaced, or could not be."""
        if self._comms:
            self._publish("reactive_connection", wire.connection(name, server, problem))

    def transactions_open(self, connections: frozenset[str]) -> None:
        """Cells on these connections do not rerun by themselves for now, and those on all others do."""
        if connections != self._busy_sessions:
            self._busy_sessions = connections
            self._take(SessionsBusy(connections))

    def connects_with(self, connect: Callable[[str, str], None]) -> None:
        """Have `connect(name, url)` open the connections that front ends ask for."""
        self._connect = connect

    async def dispatch_shell(
        self, msg: Any, /, subshell_id: str | None = None, *, concurrent: bool = False
    ) -> None:
        if concurrent:
            _concurrent.set(True)
        await super().dispatch_shell(msg, subshell_id, concurrent=concurrent)

    async def shell_main(self, subshell_id: str | None, msg: Any) -> None:
        """Count the messages that have arrived in the main thread and are not finished."""
        if subshell_id is not None:
            await super().shell_main(subshell_id, msg)
            return
        self._arrived += 1
        try:
            await super().shell_main(subshell_id, msg)
        finally:
            self._arrived -= 1

    # The plan

    async def _finish(self) -> None:
        """Have what is planned done, in the main thread, and wait for it."""
        done: Future[None] = Future()
        with self._turn:
            if not (self.document.under_way or self.document.shifted or self._cascading):
                return
            self._finished.append(done)
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and not self._cascading and not _concurrent.get():
            await self._cascade(None)
        else:
            self.io_loop.add_callback(self._pump)
        await asyncio.wrap_future(done)

    async def _pump(self) -> None:
        async with self._main_asyncio_lock:
            await self._cascade(None)

    async def _cascade(self, request: _Requested | None) -> None:
        """Follow the plan to its end, or until a later request takes it over."""
        with self._guarded():
            while True:
                self._heed_interrupt()
                with self._turn:
                    action = self.document.advance()
                    if action is None:
                        # Under the same lock: no request falls between the plan's end and ours.
                        self._end_cascade()
                        return
                    if isinstance(action, Refuse):
                        self._tell()
                if isinstance(action, Refuse):
                    self._refuse(action.cell, action.reason)
                else:
                    await self._run(action)
                # Before others are let in: an interrupt is not meant for what they bring.
                self._heed_interrupt()
                if await self._taken_over(request):
                    return

    def _heed_interrupt(self) -> None:
        if self._interrupts.seen:
            self._interrupts.forget()
            self._step(Interrupted())
            self._answer_dropped()

    @contextmanager
    def _guarded(self) -> Generator[None, None, None]:
        """While a plan is followed, an interrupt hits user code only; elsewhere it is noted."""
        outermost = not self._cascading
        if not outermost:
            yield
            return
        self._forget_idle_interrupt()
        self._cascading = True
        try:
            with self._interrupts.heard():
                yield
        finally:
            self._cascading = False
            self._history.release()

    def _end_cascade(self) -> None:
        self.names.displace(self.document.shifted)
        self.document.shifted.clear()
        self.names.settle(lambda name: self.document.source_of(name, None))
        self._tell()
        finished, self._finished = self._finished, []
        self._answer_dropped()
        for done in finished:
            done.set_result(None)

    def _answer_dropped(self) -> None:
        """Answer requests whose cells will not run: they left the document, or an interrupt came."""
        for cell, requests in self._requests.items():
            reply: dict[str, Any] = {"status": "aborted"}
            if cell not in self.document:
                reply = _refusal("Removed", "The cell was removed before it could run.")
            for request in requests:
                self._reply(request, reply)
        self._requests.clear()

    async def _taken_over(self, request: _Requested | None) -> bool:
        """Let what has arrived be served; has somebody else taken the plan over?"""
        # A message goes through three tasks before it is taken in.
        for _ in range(3 if self._receive() else 1):
            await asyncio.sleep(0)
        if self._arrived < 2:
            return False
        before = (self._get_shell_context_var(self._shell_parent_ident), self._parent())
        self._idle_told = False
        self._cascading = False
        self._main_asyncio_lock.release()
        try:
            await asyncio.sleep(0)
        finally:
            await self._main_asyncio_lock.acquire()
            self._cascading = True
            self.set_parent(*before)
        if request is not None and self._latest is not request and not self._waits(request):
            return True
        if self._idle_told:
            self._publish_status("busy", "shell")
        return False

    def _waits(self, request: _Requested) -> bool:
        """Has the request's own cell yet to run?"""
        return request in self._requests.get(CellId(request.parent["metadata"]["cellId"]), ())

    def _publish_status(self, status: str, channel: str, parent: Any = None) -> None:
        super()._publish_status(status, channel, parent)
        if status == "idle" and channel == "shell":
            self._idle_told = True

    def _receive(self) -> int:
        """Read the messages that wait for the main thread; how many were there?"""
        if not self.shell_channel_thread:
            return 0
        now = time.monotonic()
        if now - self._received > _INTAKE_INTERVAL:
            self._collect()
            self._received = now
        pair = self.shell_channel_thread.manager.get_shell_channel_to_subshell_pair(None)
        if pair.to_stream is None or not pair.to_socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
            return 0
        return cast("int", pair.to_stream.flush(zmq.POLLIN))

    def _collect(self) -> None:
        """Have the thread that reads the socket hand over what arrived while a cell held the interpreter."""
        handed_over = threading.Event()

        async def hand_over() -> None:
            # Reading is one pass of its loop, handing over the next.
            for _ in range(4):
                await asyncio.sleep(0)
            handed_over.set()

        self.shell_channel_thread.io_loop.add_callback(hand_over)
        handed_over.wait(timeout=1.0)

    # Runs

    async def _run(self, run: Run) -> None:
        """Run one cell on the versions it should read, and tell the document what came of it."""
        requests = self._requests.pop(run.cell, [])
        request = requests[-1] if requests else None
        parent = self._publish_start(run, request)
        observer = self.observer
        observer.begin(run)
        self._begin_beside(run)
        reply = await self._execute(run, request)
        self._mend()
        self._figures.end()
        self._cannot_prove(self._beside.left())
        outcome = self._outcome(reply)
        seen = observer.finish(outcome, self._error)
        if outcome is Outcome.OK:
            self._widgets.heed(seen.bound)
        with self._turn:
            count = reply.get("execution_count")
            self.document.step(RunFinished(run.cell, run.run, outcome, count, seen))
            if outcome is Outcome.INTERRUPTED:
                self._interrupts.seen = True
        for each in requests:
            self._reply(each, reply)
        self.set_parent(*parent)

    def _begin_beside(self, run: Run) -> None:
        """Note what observation knows nothing of: threads, figures, what IPython is set to."""
        self._hint_at_magics(run)
        self._beside.begin()
        self._figures.begin()

    def _publish_start(self, run: Run, request: _Requested | None) -> tuple[Any, dict[str, Any]]:
        """Say on the wire that the cell runs, before it does; answer whose parent was there before."""
        before = (self._get_shell_context_var(self._shell_parent_ident), self._parent())
        with self._turn:
            self._report()
        hidden = request is None and not self._comms and self._cause is not None
        if request is not None:
            ident, parent = request.ident, request.parent
        elif hidden:
            assert self._cause is not None
            ident, parent = self._cause.ident, self._cause.parent
        else:
            ident, parent = before[0], self._rerun_parent(run)
        self.set_parent(ident, parent)
        publication = Publication(run.cell, run.run, guest=hidden)
        if hidden:
            publication.headline = lambda: self._headline(run.cell, parent)
            # What others wrote under this parent is theirs.
            self._deliver(wait=True)
        self._out.publishes(parent["header"]["msg_id"], publication)
        if not hidden:
            content = {"code": run.source, "execution_count": self.execution_count}
            topic = self._topic("execute_input")
            with self._turn:
                parcel = cast("Any", self._parcel)
                self._out.send(parcel, "execute_input", content, parent=parent, ident=topic)
        self._deliver(wait=True)
        return before

    def _rerun_parent(self, run: Run) -> dict[str, Any]:
        """A request that nobody made: on the wire a rerun looks like a run that somebody asked for."""
        return {
            "header": self._out.msg_header("execute_request"),
            "parent_header": {},
            "metadata": {"cellId": run.cell},
            "content": {},
        }

    def _headline(self, cell: CellId, parent: dict[str, Any]) -> None:
        text = f"── {self.document.label(cell)} ran again ──\n"
        content = {"name": "stdout", "text": text}
        self._out.send(self.iopub_socket, "stream", content, parent=parent, ident=b"stream.stdout")

    def _deliver(self, *, wait: bool = False) -> None:
        """Put what was written so far, then what was told, on the wire; perhaps wait until it is there.

        Code that runs next may hold the interpreter for a minute; the output thread could not send then.
        """
        thread = self.iopub_thread
        streams = [cast("Any", each) for each in (self._stdout, self._stderr) if isinstance(each, OutStream)]
        written = [stream for stream in streams if stream._flush_pending]
        sent = threading.Lock()
        sent.acquire()
        with self._turn:
            parcel, self._parcel = self._parcel, Parcel()
            if thread is None:
                parcel.send(self.iopub_socket.send_multipart)
                return
            if parcel.empty and not (written or wait):
                return

            # What a stream flushes is sent by an event of its own; the parcel, and what follows, comes after.
            late = bool(written or self._late)
            if late:
                self._late.append(parcel)

            def send() -> None:
                if late:
                    self._late.popleft()
                parcel.send(thread._really_send)
                sent.release()

            def flush() -> None:
                for stream in written:
                    stream._flush()
                thread.schedule(send)

            thread.schedule(flush if late else send)
        if wait:
            sent.acquire(timeout=_FLUSH_TIMEOUT)

    async def _execute(self, run: Run, request: _Requested | None) -> dict[str, Any]:
        self._error = None
        try:
            with self._interrupts.run():
                self._interrupts.stop_if_due()
                if request is None and not self._may_await(run.source):
                    reply = self._execute_rerun(run)
                else:
                    reply = await self._execute_awaiting(run, request)
        except KeyboardInterrupt as interrupt:
            # It struck in IPython's own code, before or after the user's.
            reply = self._fail(interrupt)
        except asyncio.CancelledError as cancelled:
            if not self._interrupts.seen:
                raise
            reply = self._fail(KeyboardInterrupt(*cancelled.args))
        except Exception as error:  # noqa: BLE001
            # The user's code can break IPython itself: a hook that raises, a stream that is gone.
            reply = self._fail(error)
        if request is None:
            # Nobody waits for a reply; what was written goes out before anything else is told.
            return reply
        self._deliver(wait=True)
        return cast("dict[str, Any]", json_clean(reply))

    async def _execute_awaiting(self, run: Run, request: _Requested | None) -> dict[str, Any]:
        """Run a cell that may await, or that somebody waits for a reply from."""
        content: dict[str, Any] = request.parent["content"] if request else {}
        return await self.do_execute(
            run.source,
            silent=False,
            store_history=content.get("store_history", True),
            user_expressions=content.get("user_expressions", {}),
            allow_stdin=content.get("allow_stdin", False),
            cell_meta={"cellId": run.cell},
            cell_id=run.cell,
        )

    def _fail(self, error: BaseException) -> dict[str, Any]:
        """Show what went wrong around the user's code as if it had gone wrong in it."""
        self._error = error
        self._mend()
        assert self.shell is not None
        trace = None if isinstance(error, KeyboardInterrupt) else error.__traceback__
        self.shell.showtraceback((type(error), error, trace))
        message = "" if isinstance(error, KeyboardInterrupt) else str(error)
        reply = _refusal(type(error).__name__, message)
        reply["execution_count"] = self.execution_count
        return reply

    def _mend(self) -> None:
        """Put back what user code took away and no code can run without."""
        restore_builtins()
        for name, stream in (("stdout", self._stdout), ("stderr", self._stderr)):
            if not hasattr(getattr(sys, name, None), "write"):
                setattr(sys, name, stream)

    def _may_await(self, source: str) -> bool:
        """Could the cell need the event loop? A transformer of the user's might make any cell need it."""
        assert self.shell is not None
        transformed = _transformers(self.shell.input_transformer_manager) != _STANDARD
        return (
            transformed or self.shell.input_transformers_post != [] or "await" in source or "async" in source
        )

    def _execute_rerun(self, run: Run) -> dict[str, Any]:
        """Run a cell that nobody waits for a reply from: without what only a reply needs."""
        shell = self.shell
        assert shell is not None
        meta = {"cell_meta": {"cellId": run.cell}} if _TAKES_META else {}
        self._history.hold(shell.history_manager)
        self._forward_input(allow_stdin=False)
        try:
            result = shell.run_cell(run.source, store_history=True, cell_id=run.cell, **meta)
        finally:
            self._restore_input()
            if shell.payload_manager is not None:
                shell.payload_manager.clear_payload()
        failed = getattr(shell, "_last_traceback_during_displayhook", False) or not result.success
        return {"status": "error" if failed else "ok", "execution_count": shell.execution_count - 1}

    def _outcome(self, reply: dict[str, Any]) -> Outcome:
        if reply["status"] == "ok":
            return Outcome.OK
        stopped = isinstance(self._error, KeyboardInterrupt) or (
            self._interrupts.seen and isinstance(self._error, asyncio.CancelledError)
        )
        return Outcome.INTERRUPTED if stopped else Outcome.ERROR

    @shielded
    def _note_error(self, result: Any) -> None:
        self._error = (result.error_before_exec or result.error_in_exec) if result is not None else None

    def _refuse(self, cell: CellId, why: Reason) -> None:
        """Answer a request for a cell that cannot run, where the user looks: in the cell."""
        for request in self._requests.pop(cell, []):
            reply = _refusal("Blocked", why.message)
            reply["execution_count"] = self.execution_count
            error = {key: reply[key] for key in ("ename", "evalue", "traceback")}
            self._out.send(
                self.iopub_socket,
                "error",
                error,
                parent=request.parent,
                metadata={"cellId": cell},
                ident=self._topic("error"),
            )
            self._reply(request, reply)

    def _reply(self, request: _Requested, reply: dict[str, Any]) -> None:
        started = cast("dict[str, object]", self.init_metadata(request.parent))
        metadata = cast("dict[str, object]", self.finish_metadata(request.parent, started, reply))
        self._out.send(
            request.stream,
            "execute_reply",
            reply,
            request.parent,
            metadata=cast("dict[str, Any]", json_clean(metadata)),
            ident=request.ident,
        )
        if reply["status"] == "error" and request.parent["content"].get("stop_on_error", True):
            self._abort_queues(None)

    # Interrupts

    def _forget_idle_interrupt(self) -> None:
        """An interrupt of nothing is no interrupt of what comes next."""
        if not self.document.under_way:
            self._interrupts.forget()

    def pre_handler_hook(self) -> None:
        """An interrupt must not strike the books of requests that run cells, nor what is beside a plan."""
        if threading.current_thread() is not threading.main_thread():
            return
        kind = self._parent().get("header", {}).get("msg_type")
        handler: Any = signal.default_int_handler
        if kind in _CAREFUL or self.document.under_way:
            self._forget_idle_interrupt()
            handler = self._interrupts
        self._before.append(signal.signal(signal.SIGINT, handler))

    def post_handler_hook(self) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._before.pop())

    def _cancel_on_sigint(self, future: asyncio.Future[Any]) -> Any:
        return self._interrupts.awaiting(future)


def _transformers(manager: Any) -> int:
    """How many functions rewrite a cell before it is compiled."""
    return len(manager.cleanup_transforms) + len(manager.line_transforms) + len(manager.token_transformers)


_STANDARD = _transformers(TransformerManager())


def _refusal(ename: str, evalue: str) -> dict[str, Any]:
    return {
        "status": "error",
        "ename": ename,
        "evalue": evalue,
        "traceback": [f"{ename}: {evalue}"] if evalue else [ename],
        "user_expressions": {},
        "payload": [],
    }


def _as_addressed(data: object, subshell_id: str | None) -> str | None:
    return subshell_id
