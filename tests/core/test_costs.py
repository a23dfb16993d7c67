"""What an event costs, in operations: nobody's clock decides, and every size gives the same count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from reactive_kernel.analysis import analyze
from reactive_kernel.cell import Cell, CellFacts, CellId, Observation, Outcome
from reactive_kernel.event import CellEdited, DocumentSynced, Run, RunFinished, RunRequested
from reactive_kernel.graph import Graph
from reactive_kernel.session import Session

SIZES = (10, 300)

Shape = Callable[[int], dict[str, str]]


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the graph traced a cell, and the session compared one or worked out what to say of it."""
    counted: Counter[str] = Counter()

    def count(owner: type, name: str) -> None:
        original = getattr(owner, name)

        def counting(self: object, *arguments: object) -> object:
            counted[name] += 1
            return original(self, *arguments)

        monkeypatch.setattr(owner, name, counting)

    count(Graph, "_trace")
    for name in ("_compare", "status", "edges"):
        count(Session, name)
    return counted


class Document:
    """A session whose cells all have run, and bind what they promise."""

    def __init__(self, sources: Mapping[str, str], counts: Counter[str]) -> None:
        self.counts = counts
        self.session = Session(self._analyse)
        self.session.step(DocumentSynced(tuple(Cell(CellId(name), text) for name, text in sources.items())))
        self.told: list[str] = []
        self.run(*sources)
        counts.clear()

    def _analyse(self, source: str) -> CellFacts:
        self.counts["analyse"] += 1
        return analyze(source)

    def _tell(self) -> None:
        self.told += [*self.session.changes(), *self.session.edge_changes()]

    def sync(self, *cells: Cell) -> None:
        self.session.step(DocumentSynced(cells))

    def cells(self) -> list[Cell]:
        return [self.session.cell(cell) for cell in self.session.cells]

    def edit(self, cell: str, source: str) -> None:
        self.session.step(CellEdited(CellId(cell), source))
        self._tell()

    def run(self, *cells: str) -> list[str]:
        """Ask for cells; the cells that ran, in order. Changes are told as the kernel tells them."""
        self.session.step(RunRequested(tuple(map(CellId, cells))))
        ran: list[str] = []
        self._tell()
        while (action := self.session.advance()) is not None:
            assert isinstance(action, Run)
            ran.append(action.cell)
            self._tell()
            seen = Observation(bound=action.facts.writes)
            self.session.step(RunFinished(action.cell, action.run, Outcome.OK, 1, seen))
        self._tell()
        return ran


def chain(length: int) -> dict[str, str]:
    return {"c0": "x0 = 0", **{f"c{i}": f"x{i} = x{i - 1} + 1" for i in range(1, length)}}


def fan(width: int) -> dict[str, str]:
    return {"c0": "x0 = 0", **{f"c{i}": f"x{i} = x0 + {i}" for i in range(1, width)}}


def independent(number: int) -> dict[str, str]:
    return {f"c{i}": f"x{i} = {i}" for i in range(number)}


@pytest.mark.parametrize("number", SIZES)
def test_editing_and_running_an_independent_cell_costs_one_cell(counts: Counter[str], number: int):
    document = Document(independent(number), counts)
    document.told.clear()
    document.edit("c5", "x5 = 50")
    assert document.run("c5") == ["c5"]
    assert set(document.told) == {"c5"}
    assert counts["analyse"] == 1
    # It still reads and writes the same.
    assert counts["_trace"] == 0
    # Edited, asked for, running, done.
    assert counts["status"] <= 4
    assert counts["_compare"] <= 2
    assert counts["edges"] <= 1


@pytest.mark.parametrize("number", SIZES)
def test_a_cell_that_writes_and_reads_other_names_costs_itself_and_whom_it_reads(
    counts: Counter[str], number: int
):
    document = Document(independent(number), counts)
    document.told.clear()
    document.edit("c5", "other = x4")
    assert document.run("c5") == ["c5"]
    assert set(document.told) == {"c4", "c5"}
    assert (counts["analyse"], counts["_trace"]) == (1, 1)
    assert counts["_compare"] <= 2
    assert counts["edges"] <= 2


@pytest.mark.parametrize("number", SIZES)
@pytest.mark.parametrize("shape", [chain, fan])
def test_a_cascade_runs_every_cell_once_and_analyses_none(counts: Counter[str], shape: Shape, number: int):
    document = Document(shape(number), counts)
    document.told.clear()
    assert document.run("c0") == list(shape(number))
    assert (counts["analyse"], counts["edges"]) == (0, 0)
    assert counts["_trace"] <= number
    assert counts["_compare"] <= number
    # Each is told to be queued, out of date, running and done.
    assert max(Counter(document.told).values()) <= 4
    assert counts["status"] <= 4 * number


@pytest.mark.parametrize("number", SIZES)
def test_moving_an_independent_cell_traces_one(counts: Counter[str], number: int):
    document = Document(independent(number), counts)
    first, *others = document.cells()
    document.sync(*others[:4], first, *others[4:])
    assert (counts["analyse"], counts["_trace"]) == (0, 1)
    assert counts["_compare"] <= 1


@pytest.mark.parametrize("number", SIZES)
def test_an_inserted_cell_is_analysed_and_traced_alone(counts: Counter[str], number: int):
    document = Document(chain(number), counts)
    cells = document.cells()
    document.sync(*cells[:3], Cell(CellId("new"), "y = x1"), *cells[3:])
    assert (counts["analyse"], counts["_trace"]) == (1, 1)


@pytest.mark.parametrize("number", SIZES)
def test_a_removed_cell_has_its_readers_traced(counts: Counter[str], number: int):
    document = Document(chain(number), counts)
    cells = document.cells()
    document.sync(*cells[:4], *cells[5:])
    assert (counts["analyse"], counts["_trace"]) == (0, 1)
