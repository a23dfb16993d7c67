"""What the kernel tells: of the document, and in which order it goes out."""

from __future__ import annotations

import threading
from collections import deque
from functools import cached_property
from typing import Any, cast

from ipykernel.iostream import OutStream
from ipykernel.ipkernel import IPythonKernel

from . import magics, wire
from .analysis import analyze
from .cell import CellFacts
from .outlet import Outlet, Stream
from .publish import Parcel, StampingSession
from .session import Session
from .shield import Turn

# Seconds to wait for the output thread before code runs without its statuses being on the wire.
_FLUSH_TIMEOUT = 10.0


class Delivery(IPythonKernel):
    """An IPython kernel that has a document, and tells front ends of it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.document = Session(self._analyse)
        # Requests are taken in by any thread; whoever steps the document or tells of it holds this.
        self._turn = Turn()
        self._comms: set[str] = set()
        # What is to go out with whatever goes out next.
        self._parcel = Parcel()
        self._late: deque[Parcel] = deque()

    @cached_property
    def _out(self) -> StampingSession:
        """The session that every message goes out through."""
        return cast("StampingSession", self.session)

    def _parent(self) -> dict[str, Any]:
        return cast("dict[str, Any]", self.get_parent("shell"))

    def _analyse(self, source: str) -> CellFacts:
        return analyze(source, magics.load() if "%" in source else {})

    def _tell(self) -> None:
        """Publish what changed, if some front end has asked to hear of it."""
        with self._turn:
            self._report()
            self._deliver()

    def _report(self, parent: dict[str, Any] | None = None) -> None:
        if not self._comms:
            return
        parent = self._parent() if parent is None else parent
        statuses = self.document.changes()
        if statuses:
            self._publish("reactive_cells", wire.cells(statuses), self._parcel, parent)
        edges = self.document.edge_changes()
        if edges:
            told = wire.graph(edges, self.document.graph.cycles())
            self._publish("reactive_graph", told, self._parcel, parent)

    def _publish(
        self,
        msg_type: str,
        content: wire.Json,
        parcel: Parcel | None = None,
        parent: dict[str, Any] | None = None,
    ) -> None:
        self._out.send(
            self.iopub_socket if parcel is None else cast("Any", parcel),
            msg_type,
            dict(content),
            parent=self._parent() if parent is None else parent,
            ident=self._topic(msg_type),
        )

    def _catch_up(self) -> None:
        """Have what programs wrote until now counted to what runs now."""
        with self._turn:
            for stream in (self._stdout, self._stderr):
                if isinstance(stream, Stream):
                    stream.catch_up()

    def _deliver(self, *, wait: bool = False) -> None:
        """Put what was written so far, then what was told, on the wire; perhaps wait until it is there.

        Code that runs next may hold the interpreter for a minute; the output thread could not send then.
        """
        with self._turn:
            parcel, self._parcel = self._parcel, Parcel()
            if self.iopub_thread is None:
                parcel.send(self.iopub_socket.send_multipart)
                return
            streams = [
                cast("Any", each) for each in (self._stdout, self._stderr) if isinstance(each, OutStream)
            ]
            written = [stream for stream in streams if stream._flush_pending]
            if parcel.empty and not (written or wait):
                return
            thread = self.iopub_thread
            if isinstance(thread, Outlet):
                for stream in written:
                    stream._flush()
                if thread.post(parcel.send, _FLUSH_TIMEOUT):
                    return
            sent = self._schedule(parcel, written)
        if wait:
            sent.wait(_FLUSH_TIMEOUT)

    def _schedule(self, parcel: Parcel, written: list[Any]) -> threading.Event:
        """Have the output thread do it; the event says when it has."""
        thread, sent = self.iopub_thread, threading.Event()
        # What a stream flushes is sent by an event of its own; the parcel, and what follows, comes after.
        late = bool(written or self._late)
        if late:
            self._late.append(parcel)

        def send() -> None:
            if late:
                self._late.popleft()
            parcel.send(thread._really_send)
            sent.set()

        def flush() -> None:
            for stream in written:
                stream._flush()
            thread.schedule(send)

        thread.schedule(flush if late else send)
        return sent
