"""One run of one cell: what it may see, what it did, and what is said of it."""

from __future__ import annotations

from typing import Any, cast

from ipykernel.jsonutil import json_clean  # pyright: ignore[reportUnknownVariableType]  # typed in part
from traitlets import Int

from .beside import Beside, inherit_context_in_threads
from .cell import NOTHING, CellId, Outcome, Reason, Resource
from .elsewhere import Elsewhere
from .event import DocumentSynced, Event, NamesTouched, Run, RunFinished
from .fixed import fixed
from .in_ipython import refusal
from .namespace import MEMORY, Namespace
from .observe import Observer
from .publish import Publication
from .pyplot import Figures
from .switches import HOOKS, MAGICS, SHOWS, Magics, Showing
from .widgets import Watched

REMOVED = refusal("Removed", "The cell was removed before it could run.")


@fixed
class Requested:
    """An `execute_request` that waits for its cell to run."""

    stream: Any
    ident: Any
    parent: dict[str, Any]

    @property
    def stops_others(self) -> bool:
        """Are those behind it not to run where it fails?"""
        return bool(self.parent["content"].get("stop_on_error", True))


class Runs(Elsewhere):
    """Puts cells on the versions that they should read, runs them, and sees what they did."""

    version_memory = Int(
        MEMORY,
        help="How many bytes the kernel keeps of what objects were before cells changed them. Beyond that it"
        " gives up the oldest states; where one is needed, the cell that made it runs again.",
    ).tag(config=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._observer: Observer | None = None
        self._requests: dict[CellId, list[Requested]] = {}
        # Who reruns show under when no front end can put them where they belong.
        self._cause: Requested | None = None
        self._widgets = Watched(lambda: self.names.live, self._came_from_browser)
        self._magics = Magics(self.shell)
        self._beside = Beside(self._globals)
        self._figures = Figures(self._cannot_prove)
        # Who asked for the plan, while what is told is told of its latest run.
        self._asker: tuple[Any, dict[str, Any]] | None = None
        # What the run under way shows under, until that has been said.
        self._unclaimed: tuple[Any, dict[str, Any]] | None = None
        # Of the notebook's own: do functions run around every cell, and is that all that a cell brings?
        self._hooked, self._alone = False, False
        # Has nothing run since somebody looked that could have changed that?
        self._calm = False
        inherit_context_in_threads()

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
        observer = Observer(live, self.document.versions)
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

    def _came_from_browser(self, names: set[Resource]) -> None:
        self._step(NamesTouched(frozenset(names), lasting=True))

    # Runs

    async def _run(self, run: Run) -> None:
        """Run one cell on the versions it should read, and tell the document what came of it."""
        requests = self._requests.pop(run.cell, [])
        request = requests[-1] if requests else None
        observer = self.observer
        self._send_ahead(run, observer.names)
        self._publish_start(run, request)
        if not self._calm:
            self._hooked = self._magics.concerns_all()
            self._alone = not (self._adds_code() or self._hooked)
        watched = observer.begin(run, alone=self._alone)
        self._calm = not watched
        if watched or requests or self._abroad is not None:
            self._claim_outputs()
        if watched:
            self._begin_beside(run)
        reply = self._come_back(run, observer.names)
        if reply is None:
            reply = await self._execute(run, request.parent if request else None, mute=not watched)
        if watched:
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
        self._gone_on(run, observer.names)
        self._unclaimed = None
        for each in requests:
            self._reply(each, reply)

    def _claim_outputs(self) -> None:
        if self._unclaimed is not None:
            claimed, self._unclaimed = self._unclaimed, None
            self.set_parent(*claimed)

    def _begin_beside(self, run: Run) -> None:
        """Note what observation knows nothing of: threads, figures, what IPython is set to."""
        if "%" in run.source or "get_ipython" in run.inputs:
            self.observer.hint(MAGICS)
        if self._hooked:
            self._cannot_prove(HOOKS)
        self._beside.begin(run.source)
        self._figures.begin()

    def _cannot_prove(self, why: str | None) -> None:
        if why is not None:
            self.observer.tell(NOTHING, NOTHING, why)

    def _publish_start(self, run: Run, request: Requested | None) -> None:
        """Say on the wire that the cell runs, before it does; from then on what it shows can be its own."""
        if self._asker is None:
            self._asker = self._get_shell_context_var(self._shell_parent_ident), self._parent()
        before = self._asker
        with self._turn:
            self._report(before[1])
        hidden = request is None and not self._comms and self._cause is not None
        if request is not None:
            ident, parent = request.ident, request.parent
        elif hidden:
            assert self._cause is not None
            ident, parent = self._cause.ident, self._cause.parent
        else:
            ident, parent = before[0], self._rerun_parent(run)
        self._unclaimed = ident, parent
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

    def _end_run(self) -> None:
        """What is told from now on is told to who asked for the plan."""
        if self._asker is not None:
            asker, self._asker = self._asker, None
            self.set_parent(*asker)

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

    # Replies

    def _refuse(self, cell: CellId, why: Reason) -> None:
        """Answer a request for a cell that cannot run, where the user looks: in the cell."""
        for request in self._requests.pop(cell, []):
            reply = refusal("Blocked", why.message)
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

    def _reply(self, request: Requested, reply: dict[str, Any]) -> None:
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
        # Who removes a cell that waits has not said that the others should not run.
        if reply["status"] == "error" and reply is not REMOVED and request.stops_others:
            self._abort_queues(None)
