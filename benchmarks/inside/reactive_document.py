"""The reactive kernel without Jupyter: session, observation and the cells' code; answers lines of JSON."""

from __future__ import annotations

import builtins
import json
import sys
import time
from itertools import count
from typing import Any

from reactive_kernel.analysis import analyze
from reactive_kernel.cell import Cell, CellId, Outcome
from reactive_kernel.event import CellEdited, DocumentSynced, Run, RunFinished, RunRequested
from reactive_kernel.observe import Observer
from reactive_kernel.session import Session


class Document:
    """A document under the session, whose runs are observed as the kernel observes them."""

    def __init__(self) -> None:
        self.live: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
        self.session = Session(analyze)
        self.observer = Observer(self.live, self.session.versions)
        self.numbers = count(1)

    def open(self, cells: list[tuple[str, str]]) -> None:
        self.session.step(DocumentSynced(tuple(Cell(CellId(cell), source) for cell, source in cells)))
        self.run(*(CellId(cell) for cell, _ in cells))

    def edit(self, cell: str, source: str) -> None:
        self.session.step(CellEdited(CellId(cell), source))
        self.run(CellId(cell))

    def run(self, *cells: CellId) -> None:
        self.session.step(RunRequested(cells))
        self._tell()
        while isinstance(action := self.session.advance(), Run):
            self._follow(action)
            self._tell()
        self.observer.names.settle(lambda name: self.session.versions.source_of(name, None))

    def _follow(self, run: Run) -> None:
        self.observer.begin(run)
        exec(compile(run.source, "<cell>", "exec"), self.live)
        seen = self.observer.finish(Outcome.OK, None)
        self.session.step(RunFinished(run.cell, run.run, Outcome.OK, next(self.numbers), seen))

    def _tell(self) -> None:
        """Work out what a front end would be told."""
        self.session.changes()
        self.session.edge_changes()


def answer(document: Document, question: dict[str, Any]) -> object:
    start = time.perf_counter()
    if "open" in question:
        document.open(question["open"])
    elif "rerun" in question:
        document.edit("c0", f"x0 = {question['rerun']}")
    else:
        return document.live[question["name"]]
    return time.perf_counter() - start


def main() -> None:
    document = Document()
    for line in sys.stdin:
        print(json.dumps({"answer": answer(document, json.loads(line))}), flush=True)


if __name__ == "__main__":
    main()
