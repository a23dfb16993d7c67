"""What an event costs, in operations: nobody's clock decides, and every size gives the same count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import pytest

from benchmarks import shapes
from benchmarks.counting import CORE, OBSERVATION, Call, counting
from benchmarks.inside.reactive_document import Document as Observed
from reactive_kernel.analysis import analyze
from reactive_kernel.cell import Cell, CellFacts, CellId, Observation, Outcome
from reactive_kernel.event import CellEdited, DocumentSynced, Run, RunFinished, RunRequested
from reactive_kernel.namespace import Namespace
from reactive_kernel.session import Session

SIZES = (10, 300)

Shape = Callable[[int], dict[str, str]]


@pytest.fixture
def counts() -> Iterator[Counter[str]]:
    """What the graph traced, and the session compared or worked out to say of it."""
    with counting(*CORE) as counted:
        yield counted


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
        self.counts["cells analysed"] += 1
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
    assert counts["cells analysed"] == 1
    # It still reads and writes the same.
    assert counts["cells traced"] == 0
    # Edited, asked for, running, done.
    assert 0 < counts["statuses worked out"] <= 4
    assert counts["cells compared"] <= 2
    assert counts["edges worked out"] <= 1


@pytest.mark.parametrize("number", SIZES)
def test_a_cell_that_writes_and_reads_other_names_costs_itself_and_whom_it_reads(
    counts: Counter[str], number: int
):
    document = Document(independent(number), counts)
    document.told.clear()
    document.edit("c5", "other = x4")
    assert document.run("c5") == ["c5"]
    assert set(document.told) == {"c4", "c5"}
    assert (counts["cells analysed"], counts["cells traced"]) == (1, 1)
    assert counts["cells compared"] <= 2
    assert counts["edges worked out"] <= 2


@pytest.mark.parametrize("number", SIZES)
@pytest.mark.parametrize("shape", [chain, fan])
def test_a_cascade_runs_every_cell_once_and_analyses_none(counts: Counter[str], shape: Shape, number: int):
    document = Document(shape(number), counts)
    document.told.clear()
    assert document.run("c0") == list(shape(number))
    assert (counts["cells analysed"], counts["edges worked out"]) == (0, 0)
    assert counts["cells traced"] <= number
    assert counts["cells compared"] <= number
    # Each is told to be queued, out of date, running and done.
    assert max(Counter(document.told).values()) <= 4
    assert number <= counts["statuses worked out"] <= 4 * number


@pytest.mark.parametrize("shape", [chain, fan])
def test_a_cell_that_waits_is_not_told_again_that_it_does(counts: Counter[str], shape: Shape):
    document = Document(shape(10), counts)
    document.edit("c0", "x0 = 1")
    document.told.clear()
    assert document.run("c0") == list(shape(10))
    # Queued, running and done; not that now another cell is why it has to run.
    assert set(Counter(document.told).values()) == {3}


@pytest.mark.parametrize("number", SIZES)
def test_moving_an_independent_cell_traces_one(counts: Counter[str], number: int):
    document = Document(independent(number), counts)
    first, *others = document.cells()
    document.sync(*others[:4], first, *others[4:])
    assert (counts["cells analysed"], counts["cells traced"]) == (0, 1)
    assert counts["cells compared"] <= 1


@pytest.mark.parametrize("number", SIZES)
def test_an_inserted_cell_is_analysed_and_traced_alone(counts: Counter[str], number: int):
    document = Document(chain(number), counts)
    cells = document.cells()
    document.sync(*cells[:3], Cell(CellId("new"), "y = x1"), *cells[3:])
    assert (counts["cells analysed"], counts["cells traced"]) == (1, 1)


@pytest.mark.parametrize("number", SIZES)
def test_a_removed_cell_has_its_readers_traced(counts: Counter[str], number: int):
    document = Document(chain(number), counts)
    cells = document.cells()
    document.sync(*cells[:4], *cells[5:])
    assert (counts["cells analysed"], counts["cells traced"]) == (0, 1)


# With the runs observed as the kernel observes them: what is looked at, and copied


def lists(number: int) -> list[tuple[str, str]]:
    """Cells that hold something which may change, behind which is something else that may."""
    return [(f"c{i}", f"x{i} = [{i}, [0]]") for i in range(number)]


def observed(cells: shapes.Cells, cell: str, source: str) -> dict[str, int]:
    """What it costs to give a cell another text and run it, with all that follows."""
    document = Observed()
    document.open(list(cells))
    document.edit(cell, f"{source}  # for the first time")
    analyses = Call("cells analysed", document.session, "_analyse")
    with counting(analyses, *CORE, *OBSERVATION) as counted:
        document.edit(cell, source)
    return dict(counted)


@pytest.mark.parametrize(
    "source", ["x5 = [2, [1]]", "x4.append(1)", "unknown(x4) if x4 is None else 0", "len(x4)", "del x4[:]"]
)
def test_an_edit_costs_the_same_however_many_other_cells_hold_objects(source: str):
    few, many = (observed(lists(number), "c5", source) for number in SIZES)
    assert few == many
    assert few["cells analysed"] == 1


def test_of_an_edited_chain_one_cell_is_analysed_and_no_object_copied():
    costs = observed(shapes.chain(SIZES[-1]), "c0", "x0 = 5")
    assert costs["cells analysed"] == 1
    assert costs.get("objects noted", 0) == costs.get("bytes copied", 0) == 0


def test_only_what_a_cell_may_change_is_noted_and_copied():
    costs = observed(lists(10), "c5", "x4.append(1)")
    # The list, and the one that is in it.
    assert (costs["surveys"], costs["objects noted"]) == (1, 2)
    assert 0 < costs["bytes copied"] < 500


def test_a_cell_that_calls_what_changes_nothing_copies_nothing():
    costs = observed(lists(10), "c5", "len(x4), max(x3[:1])")
    assert costs.get("surveys", 0) == costs.get("objects noted", 0) == costs.get("bytes copied", 0) == 0


def compared(*asked: str) -> int:
    """How often values are compared with what they were, where two cells have new texts and some are run."""
    document = Observed()
    document.open([("list", "xs = [[1], [2]]"), ("read", "len(xs)"), ("unread", "ys = [[1], [2]]")])
    for cell, source in (("list", "xs = [[1], [2]]  # new"), ("unread", "ys = [[1], [2]]  # new")):
        document.session.step(CellEdited(CellId(cell), source))
    with counting(Call("compared", Namespace, "compare")) as counted:
        document.run(*map(CellId, asked))
    return counted["compared"]


def test_what_a_run_left_is_compared_only_where_that_spares_somebody_a_run():
    assert compared("list") == 1
    assert compared("list", "read") == 0
    assert compared("unread") == 0
