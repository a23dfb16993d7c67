"""The list of those who take part."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..peers import environment
from ..shapes import Cells
from . import jupyter, marimo_server
from .contestant import Contestant, Inside

OURS, OURS_INSIDE = "jupyter-reactive", "jupyter-reactive, in process"
MARIMO, MARIMO_INSIDE = "marimo, through its server", "marimo, in process"
IPYFLOW, FLOWBOOK, PLAIN = "ipyflow, reactive mode", "FlowBook, by hand", "ipykernel, all cells by hand"
INSIDE = Path(__file__).parents[1] / "inside"


@dataclass(frozen=True)
class Entry:
    """Somebody who takes part; opening a document may have to install the peer first."""

    name: str
    peer: str | None
    open: Callable[[Cells], AbstractContextManager[Contestant]]


def entries() -> tuple[Entry, ...]:
    return (
        Entry(OURS, None, jupyter.reactive),
        Entry(OURS_INSIDE, None, _ours_inside),
        Entry(PLAIN, "ipykernel", lambda cells: jupyter.plain(_python("ipykernel"), cells)),
        Entry(MARIMO, "marimo", _marimo),
        Entry(MARIMO_INSIDE, "marimo", _marimo_inside),
        Entry(IPYFLOW, "ipyflow", lambda cells: jupyter.ipyflow(_python("ipyflow"), cells)),
        Entry(FLOWBOOK, "flowbook", lambda cells: jupyter.flowbook(_python("flowbook"), cells)),
    )


def _python(peer: str) -> str:
    return environment(peer).python


@contextmanager
def _marimo(cells: Cells) -> Iterator[Contestant]:
    with marimo_server.page(_python("marimo"), cells) as page:
        page.instantiate(run=True)
        yield page


def _marimo_inside(cells: Cells) -> AbstractContextManager[Contestant]:
    return _inside(cells, _python("marimo"), str(INSIDE / "marimo_kernel.py"))


def _ours_inside(cells: Cells) -> AbstractContextManager[Contestant]:
    return _inside(cells, sys.executable, "-m", "benchmarks.inside.reactive_document")


@contextmanager
def _inside(cells: Cells, *command: str) -> Iterator[Contestant]:
    with tempfile.TemporaryDirectory() as home, closing(Inside(command, Path(home))) as contestant:
        contestant.ask(open=cells)
        yield contestant
