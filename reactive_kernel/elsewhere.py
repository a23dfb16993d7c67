"""Runs of cells that happened on a worker: their outputs and names, as if they had happened here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, cast

from ipykernel.jsonutil import encode_images, json_clean  # pyright: ignore[reportUnknownVariableType]  # typed in part
from traitlets import Bool, Enum, Int, Unicode

from .cell import CellId
from .engine.place import Place
from .event import Run
from .in_ipython import CodeRuns
from .namespace import Namespace

if TYPE_CHECKING:
    from .engine.abroad import Abroad
    from .engine.task import Done


class _Engine(Protocol):
    def keep(self, name: str, waiting: Any) -> None: ...
    def close(self) -> None: ...


class Elsewhere(CodeRuns):
    """Sends cells to a cluster, and takes over what they did there."""

    engine = Unicode(
        "",
        help="Where cells run besides this process: `dask` (a local cluster that ends with the kernel),"
        " `dask://HOST:PORT`, or `dask+tls://HOST:PORT` with certificates of Dask's configuration. Empty:"
        " nowhere.",
    ).tag(config=True)
    engine_cells = Enum(
        ("remote", "all"),
        "remote",
        help="Which cells may leave: those tagged `remote`, or all that are not tagged `local` and can.",
    ).tag(config=True)
    engine_workers = Int(
        0, help="How many cells a local cluster runs at a time; 0: as many as there are processors."
    ).tag(config=True)
    engine_spare = Bool(
        False,
        help="May names stay behind on a worker that cannot travel and that no cell reads? For runs of whole"
        " notebooks, after which nobody looks at names.",
    ).tag(config=True)
    engine_keep = Unicode(
        "",
        help="Under which name the cluster keeps results when the kernel ends, so that the same cells need"
        " not run again. Empty: it keeps none.",
    ).tag(config=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._abroad: Abroad | None = None
        self._cluster: _Engine | None = None
        # Why there is no engine, though one was asked for.
        self._no_engine: str | None = None
        # What requests said of cells' tags.
        self._tags: dict[CellId, frozenset[str]] = {}
        self._places_told: dict[CellId, Place] = {}

    def place(self, cell: CellId) -> Place | None:
        """Where the cell ran last, if there is a choice."""
        if self._abroad is None:
            return Place(elsewhere=False, why=self._no_engine) if self._no_engine else None
        return self._abroad.places.get(cell)

    def _told_place(self, cell: CellId) -> str | None:
        """Where the cell ran, in a sentence."""
        place = self.place(cell)
        if place is None:
            return None
        return "It ran on a worker." if place.elsewhere else f"It runs in this kernel: {place.why}."

    def _tagged(self, cell: CellId, metadata: Mapping[str, object]) -> None:
        """Take note of the tags that come with a request."""
        tags = metadata.get("tags")
        if self.engine and isinstance(tags, list):
            found = frozenset(each for each in cast("list[object]", tags) if isinstance(each, str))
            self._tags[cell] = found

    def _engaged(self) -> Abroad | None:
        """The engine, begun when it is first needed."""
        if self._abroad is None and self.engine and self._no_engine is None:
            self._no_engine = self._begin_engine()
            if self._no_engine is not None:
                self.log.error("No cell runs elsewhere: %s", self._no_engine)
        return self._abroad

    def _begin_engine(self) -> str | None:
        """Find the cluster; answer why it cannot be used, if so."""
        # An optional dependency, and slow to import.
        from .engine.abroad import Abroad
        from .engine.cluster import Cluster, NoCluster

        try:
            cluster = Cluster(self.engine, self.engine_workers or None)
        except NoCluster as error:
            return str(error)
        if (why := cluster.differs()) is not None:
            cluster.close()
            return why
        self._cluster = cluster
        whole, spare = self.engine_cells == "all", self.engine_spare
        self._abroad = Abroad(cast("Any", cluster), self.document, self._tags, whole=whole, spare=spare)
        return None

    def _send_ahead(self, run: Run, names: Namespace) -> None:
        """Before a cell runs: send what can be sent of the plan."""
        abroad = self._engaged()
        if abroad is not None:
            abroad.send((run.cell, *self.document.planned), names)

    def _come_back(self, run: Run, names: Namespace) -> dict[str, Any] | None:
        """Take over what a worker did, and answer the reply; None if the cell has to run here."""
        if self._abroad is None:
            return None
        self._error = None
        try:
            with self._interrupts.run(calm=False):
                done = self._abroad.take(run, names, self._interrupts.stop_if_due)
        except KeyboardInterrupt as interrupt:
            return self._fail(interrupt)
        return None if done is None else self._adopted(run, done)

    def _adopted(self, run: Run, done: Done) -> dict[str, Any]:
        from .engine.travel import loads  # no kernel without a cluster waits for what travels

        shell = cast("Any", self.shell)
        names: dict[str, object] = {}
        for bundle in done.left:
            names |= loads(bundle.blob)
        count = shell.execution_count
        if shell.history_manager is not None:
            shell.history_manager.store_inputs(count, run.source, run.source)
        for kind, content, metadata in done.shown:
            self._show(kind, content, metadata, count)
        shell.user_ns.update(names)
        shell.execution_count = count + 1
        self._deliver(wait=True)
        return {"status": "ok", "execution_count": count, "user_expressions": {}, "payload": []}

    def _show(self, kind: str, content: Any, metadata: Any, count: int) -> None:
        shell = cast("Any", self.shell)
        if kind in ("stdout", "stderr"):
            getattr(sys, kind).write(content)
        elif kind == "display_data":
            shell.display_pub.publish(content, metadata)
        elif kind == "clear_output":
            shell.display_pub.clear_output(content)
        else:
            sys.stdout.flush()
            sys.stderr.flush()
            pictures = cast("Any", encode_images(content))
            told = {"execution_count": count, "data": pictures, "metadata": metadata}
            topic = self._topic("execute_result")
            cleaned = cast("dict[str, Any]", json_clean(told))
            self._out.send(self.iopub_socket, "execute_result", cleaned, parent=self._parent(), ident=topic)

    def _gone_on(self, run: Run, names: Namespace) -> None:
        """After a cell has run, here or there."""
        abroad = self._abroad
        if abroad is not None:
            abroad.after(run.cell, names)
            if not self.document.under_way:
                abroad.over()
                if self.engine_keep and self._cluster is not None:
                    with suppress(Exception):
                        self._cluster.keep(self.engine_keep, abroad.kept)
        self._tell_place(run.cell)

    def _tell_place(self, cell: CellId) -> None:
        place = self.place(cell)
        if place is not None and self._comms and self._places_told.get(cell) != place:
            self._places_told[cell] = place
            told = {cell: {"place": "worker" if place.elsewhere else "kernel", "why": place.why}}
            self._publish("reactive_places", {"cells": told}, self._parcel)

    def do_shutdown(self, restart: bool) -> Any:  # noqa: FBT001  # as ipykernel calls it
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None
        return super().do_shutdown(restart)
