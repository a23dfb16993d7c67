"""The kernel: takes requests in, from front ends and from languages' extensions."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, cast

from ipykernel.comm.comm import BaseComm

from . import wire
from .cascade import Cascade, meanwhile
from .cell import CellId, Resource
from .event import CascadeChosen, NamesTouched, RunRequested, SessionsBusy
from .extensions import Extensions, installed
from .namespace import of_the_session
from .objects import Survey
from .overtaking import Header
from .own_magic import Host, ReactiveMagic
from .publish import Publication
from .runs import REMOVED, Requested
from .widgets import from_browser


class ReactiveKernel(Cascade):
    """An IPython kernel that knows its document and reruns what depends on what changed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._connect: Callable[[str, str], None] | None = None
        # Connections on which a transaction is open.
        self._busy_sessions: frozenset[str] = frozenset()
        self._extensions = Extensions(self.shell)
        self.shell_handlers["comm_open"] = self._comm_open
        self.shell_handlers["comm_msg"] = self._comm_msg
        self.shell_handlers["comm_close"] = self._comm_close
        self.comm_manager.register_target(wire.TARGET, lambda comm, message: None)
        cast("Any", self.shell).register_magic_function(ReactiveMagic(self._host()), "line", "reactive")

    def _host(self) -> Host:
        """What the magic `%reactive` may know of us, and do."""
        asked = self._latest_of, self._choose, self._told_place
        return Host(self.document, self._turn, lambda: self.names.live, *asked)

    def _latest_of(self, cell: CellId) -> Publication | None:
        return self._out.latest(cell)

    def _choose(self, event: CascadeChosen) -> None:
        """Change the mode, and tell all front ends, whoever of them has asked for it."""
        with self._turn:
            self._step(event)
            for comm in self._comms:
                cast("BaseComm", self.comm_manager.get_comm(comm)).send(dict(wire.ready(self.document)))

    async def dispatch_shell(
        self, msg: Any, /, subshell_id: str | None = None, *, concurrent: bool = False
    ) -> None:
        if concurrent:
            meanwhile.set(True)
        await super().dispatch_shell(msg, subshell_id, concurrent=concurrent)

    # Code

    def do_complete(self, code: str, cursor_pos: int) -> Any:
        """Complete Python; in cells of other languages it would be noise, and take its time."""
        head = code.lstrip()[:100].partition("\n")[0].split()
        if head and head[0].startswith("%%") and head[0][2:] in installed() and "\n" in code[:cursor_pos]:
            nothing: dict[str, Any] = {"status": "ok", "matches": [], "metadata": {}}
            return nothing | {"cursor_start": cursor_pos, "cursor_end": cursor_pos}
        return cast("Any", super().do_complete(code, cursor_pos))

    async def execute_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Run a cell with what it needs and what needs it; code without a cell runs by itself."""
        content = parent.get("content", {})
        metadata: dict[str, object] = parent.get("metadata") or {}
        cell = metadata.get("cellId")
        in_main = threading.current_thread() is threading.main_thread()
        if not isinstance(content.get("code"), str):
            self.log.error("An execute_request without code was ignored.")
        elif in_main and isinstance(cell, str) and cell and not content.get("silent", False):
            await self._cell_request(CellId(cell), Requested(stream, ident, parent))
        elif in_main and self.document.cells:
            await self._scratch_request(stream, ident, parent)
        elif in_main:
            with self._interrupts.run(calm=False):
                await super().execute_request(stream, ident, parent)
        else:
            await super().execute_request(stream, ident, parent)

    async def _cell_request(self, cell: CellId, request: Requested) -> None:
        own: object = request.parent["metadata"].get("reactive")
        mode = wire.parse_mode(cast("wire.Json", own).get("mode")) if isinstance(own, dict) else None
        source: str | None = request.parent["content"]["code"]
        if self._overtaking.overtook(cell, request.parent["header"]):
            # What came another way was sent later: it says what the cell holds, and whether it is there.
            if cell not in self.document:
                self._reply(request, REMOVED)
                return
            source = mode = None
        self._tagged(cell, request.parent["metadata"])
        self._requests.setdefault(cell, []).append(request)
        self._cause = request
        self._latest = request
        self._take(RunRequested((cell,), source, mode))
        try:
            await self._cascade(request)
        finally:
            self.set_parent(request.ident, request.parent)

    async def _scratch_request(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Code of no cell: it may look at everything, and what it rebinds is not the document's."""
        before = dict(self.names.live)
        survey = self.observer.glance(self._analyse(parent["content"]["code"]))
        with self._interrupts.run(calm=False):
            await super().execute_request(stream, ident, parent)
        self._take_scratch(before, survey)

    def _take_scratch(self, before: Mapping[str, object], survey: Survey | None = None) -> None:
        """See what code of no cell did: new names are nobody's, changed ones make their readers stale."""
        names, final = self.names, self.document.versions.source_of
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

    # Comms

    async def _comm_open(self, stream: Any, ident: Any, message: dict[str, Any]) -> None:
        content = message["content"]
        if content.get("target_name") not in self.comm_manager.targets:
            self._extensions.load()
        self.comm_manager.comm_open(stream, ident, message)
        if content.get("target_name") != wire.TARGET:
            return
        with self._told_as_busy(ident, message):
            self._opened(
                cast("BaseComm", self.comm_manager.get_comm(content["comm_id"])), content.get("data")
            )

    def _opened(self, comm: BaseComm, data: object) -> None:
        # ipykernel hands what comes on a comm to the subshell that last published on it; ours goes
        # where it says.
        setattr(comm, "_reply_subshell_for", _as_addressed)  # noqa: B010  # not an attribute of its type
        problem = wire.parse_open(data)
        if problem is not None:
            comm.send(dict(wire.error(problem, data)))
            comm.close()
            return
        with self._turn:
            self._comms.add(comm.comm_id)
            comm.send(dict(wire.ready(self.document)))
            self.document.changes()
            self.document.edge_changes()

    async def _comm_close(self, stream: Any, ident: Any, message: dict[str, Any]) -> None:
        comm = message["content"].get("comm_id", "")
        with self._told_as_busy(ident, message) if comm in self._comms else nullcontext():
            self._comms.discard(comm)
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
        with self._told_as_busy(ident, message):
            request = self._take_in(content.get("data"), content["comm_id"], message["header"])
            if isinstance(request, wire.ConnectRequested):
                await self._open_connection(request)
            elif request:
                await self._finish()

    @contextmanager
    def _told_as_busy(self, ident: Any, message: dict[str, Any]) -> Generator[None, None, None]:
        """Messages taken in while a cell awaits get no statuses from ipykernel; ours say when it is over."""
        telling = meanwhile.get()
        if telling:
            self._publish_status("busy", "shell")
        try:
            yield
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

    def _take_in(self, data: object, comm_id: str, header: Header) -> wire.ConnectRequested | bool:
        """Take a request in; answer whether it is over only when the plan is, or what takes longer."""
        comm = cast("BaseComm", self.comm_manager.get_comm(comm_id))
        with self._turn:
            request = wire.parse(data, self.document)
            if isinstance(request, wire.Malformed):
                comm.send(dict(wire.error(request, data)))
            elif isinstance(request, wire.VariablesRequested):
                from .variables import variables  # only who looks at the variables waits for it

                comm.send(dict(wire.variables(variables(self._own_names()), self.document)))
                return False
            elif isinstance(request, wire.ConnectRequested):
                return request
            elif isinstance(request, CascadeChosen):
                self._choose(request)
            else:
                self._overtaking.told(request, header)
                self._step(request)
            answer = wire.answer(request, data, self.document)
            if answer is not None:
                comm.send(dict(answer))
            return True

    def _own_names(self) -> dict[str, object]:
        """What the notebook and its user have bound; another thread may be binding more."""
        hidden = cast("Any", self.shell).user_ns_hidden
        return {
            name: value
            for name, value in dict(self.names.live).items()
            if not of_the_session(name) and hidden.get(name, self) is not value
        }

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
        holding = in_main and not meanwhile.get()
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
        self.io_loop.add_callback(self._pump, unasked=True)

    def transactions_open(self, connections: frozenset[str]) -> None:
        """Cells on these connections do not rerun by themselves for now, and those on all others do.

        Called in any thread.
        """
        if connections != self._busy_sessions:
            self._busy_sessions = connections
            self._take(SessionsBusy(connections))
            # It may have been code of no cell that ended a transaction: nobody else follows the plan.
            self.io_loop.add_callback(self._pump, unasked=True)

    def connection_changed(self, name: str, server: str, problem: str | None) -> None:
        """A database connection was opened or replaced, or could not be."""
        if self._comms:
            self._publish("reactive_connection", wire.connection(name, server, problem))

    def connects_with(self, connect: Callable[[str, str], None]) -> None:
        """Have `connect(name, url)` open the connections that front ends ask for."""
        self._connect = connect


def _as_addressed(data: object, subshell_id: str | None) -> str | None:
    return subshell_id
