"""Where each cell stands, for people: why it is stale, what keeps it from running, and what is news."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from . import reason
from .cell import NOTHING, Activity, CellId, Freshness, Mode, Outcome, Reason, Resource
from .event import Edges, Status
from .graph import Graph
from .state import Ran, State

# Says why some cells keep, by these names, another from being fresh.
_Say: TypeAlias = Callable[[Sequence[Resource], Sequence[CellId], reason.Label], Reason]
# So many sentences are kept: many cells have the same to say, and each has it several times in a plan.
_MOST_SAID = 10_000


class Standing:
    """Statuses, edges and reasons, told from what the session knows; it changes nothing of that."""

    def __init__(self, graph: Graph, states: Mapping[CellId, State]) -> None:
        self._graph = graph
        self._states = states
        self._order: tuple[CellId, ...] = ()
        self._positions: dict[CellId, int] | None = None
        # The cells whose status may not be what was published last.
        self._news: set[CellId] = set()
        self._published: dict[CellId, Status] = {}
        self._published_edges: dict[CellId, Edges] = {}
        self._said: dict[tuple[_Say, tuple[Resource, ...], tuple[CellId, ...]], Reason] = {}
        # The sessions outside that are in the middle of something.
        self.busy: frozenset[str] = frozenset()

    def arrange(self, order: tuple[CellId, ...]) -> None:
        """Those are the code cells now, in that order."""
        self._order = order
        self._positions = None
        self._said.clear()

    def touch(self, cell: CellId) -> None:
        """The cell may stand elsewhere now."""
        self._news.add(cell)

    def label(self, cell: CellId) -> str:
        """How people call the cell: by its place among the code cells."""
        if self._positions is None:
            self._positions = {cell: number for number, cell in enumerate(self._order, 1)}
        return f"cell {self._positions[cell]}" if cell in self._positions else f"cell {cell}"

    # Statuses

    def status(self, cell: CellId) -> Status:
        """What the world may know of the cell."""
        state = self._states[cell]
        return Status(
            _freshness(state),
            state.activity,
            _outcome(state),
            state.run,
            state.execution_count,
            self._why(state),
        )

    def changes(self) -> dict[CellId, Status | None]:
        """The cells whose status is not what was published last; None for one that was removed."""
        result: dict[CellId, Status | None] = {}
        for cell in sorted(self._news, key=self._place):
            if cell not in self._states:
                if self._published.pop(cell, None):
                    result[cell] = None
                continue
            told = self._published.get(cell)
            if told is not None and _still_waits(self._states[cell], told):
                continue
            status = self.status(cell)
            if told != status:
                self._published[cell] = result[cell] = status
        self._news = set()
        return result

    def _place(self, cell: CellId) -> int:
        return self._graph.rank(cell) if cell in self._states else -1

    # Edges

    def edges(self, cell: CellId) -> Edges:
        graph = self._graph
        entry = graph.entry(cell)
        return Edges(
            tuple(
                sorted(
                    name
                    for name, writer in graph.inputs(cell).items()
                    if (writer or (name in entry.reads and ":" not in name)) and "|" not in name
                )
            ),
            tuple(sorted(entry.writes)),
            tuple(sorted(graph.parents(cell), key=graph.rank)),
            tuple(sorted(graph.children(cell), key=graph.rank)),
        )

    def edge_changes(self) -> dict[CellId, Edges | None]:
        """The cells whose edges are not what was published last; None for one that was removed."""
        result: dict[CellId, Edges | None] = {}
        for cell in sorted(self._graph.touched, key=self._place):
            edges = self.edges(cell) if cell in self._states else None
            if self._published_edges.get(cell) == edges:
                continue
            result[cell] = edges
            if edges is None:
                del self._published_edges[cell]
            else:
                self._published_edges[cell] = edges
        self._graph.touched = set()
        return result

    # Reasons

    def obstacle(self, state: State) -> Reason | None:
        """Why the cell cannot run now, however much somebody wants it to."""
        cell = state.cell.id
        if state.mode is Mode.OFF:
            return reason.off()
        if found := self._graph.cycle(cell):
            return reason.cycle(found, self.label)
        for say, hinders in _HINDRANCES if self._is_hindered(cell) else ():
            names, cells = self._through(cell, hinders, self._graph.entry(cell).shares)
            if cells:
                return self._say(say, names, cells)
        return None

    def _is_hindered(self, cell: CellId) -> bool:
        """May one of those hold of a parent? Almost always none does."""
        for writer in self._graph.inputs(cell).values():
            if writer is not None and writer != cell:
                parent = self._states[writer]
                if not parent.succeeded or parent.blocked is not None or parent.mode is Mode.OFF:
                    return True
        return False

    def _through(
        self, cell: CellId, which: Callable[[State], bool], shares: frozenset[Resource] = NOTHING
    ) -> tuple[list[Resource], list[CellId]]:
        """The parents for which something holds, and the names but `shares` that come from them."""
        names: set[Resource] = set()
        cells: set[CellId] = set()
        for name, writer in self._graph.inputs(cell).items():
            if writer is None or writer == cell or name in shares:
                continue
            if which(self._states[writer]):
                names.add(name)
                cells.add(writer)
        return (sorted(names), sorted(cells, key=self._graph.rank)) if cells else ([], [])

    def _say(self, say: _Say, names: Sequence[Resource], cells: Sequence[CellId]) -> Reason:
        key = say, tuple(names), tuple(cells)
        found = self._said.get(key)
        if found is None:
            if len(self._said) >= _MOST_SAID:
                self._said.clear()
            found = self._said[key] = say(names, cells, self.label)
        return found

    def _why(self, state: State) -> Reason | None:
        """Why the cell is not fresh."""
        cell = state.cell.id
        if state.blocked is not None:
            return state.blocked
        if state.mode is Mode.OFF:
            return reason.off()
        if found := self._graph.cycle(cell):
            return reason.cycle(found, self.label)
        if state.facts.problem is not None:
            return reason.syntax(state.facts.problem)
        if state.ran is None or state.fresh:
            return None
        why, busy = self._staleness(state, state.ran), state.facts.sessions & self.busy
        return reason.waits(why, sorted(busy)) if busy else why

    def _staleness(self, state: State, ran: Ran) -> Reason:
        cell = state.cell.id
        if state.edited:
            return reason.edited()
        if state.interrupted:
            return reason.interrupted()
        names, cells = self._through(cell, lambda parent: parent.mode is Mode.OFF)
        if cells:
            return self._say(reason.input_off, names, cells)
        # Another run would not help a cell that was given up.
        if state.mismatched and ran.unproven != reason.RESTLESS:
            writers = {writer for name in state.mismatched if (writer := self._graph.inputs(cell).get(name))}
            makers = sorted(writers, key=self._graph.rank)
            return self._say(reason.input_changed, sorted(state.mismatched), makers)
        if state.refused:
            return reason.refused()
        if state.nudged:
            gone = sorted(name for name in state.nudged if name.startswith("file:"))
            return reason.gone(gone) if gone else reason.rebound(sorted(state.nudged))
        names, cells = self._through(cell, lambda parent: not parent.fresh)
        # What it ran on may have been spoiled because that is not up to date: then that comes first.
        if cells and (ran.unproven is None or ran.spoiled):
            return self._say(reason.input_stale, names, cells)
        return reason.unproven(ran.unproven or reason.UNDECIDED)


def _freshness(state: State) -> Freshness:
    if state.ran is None:
        return Freshness.NEW
    return Freshness.FRESH if state.fresh else Freshness.STALE


def _outcome(state: State) -> Outcome | None:
    return Outcome.BLOCKED if state.blocked else (state.ran.outcome if state.ran else None)


def _still_waits(state: State, told: Status) -> bool:
    """Is it queued, as was told? Why it has to run may change with each cell that runs before it."""
    return (
        state.activity is Activity.QUEUED is told.activity
        and _freshness(state) is told.freshness
        and _outcome(state) is told.outcome
        and (state.run, state.execution_count) == (told.run, told.execution_count)
    )


# What may be the matter with a cell that another one needs, the worst first.
_HINDRANCES: tuple[tuple[_Say, Callable[[State], bool]], ...] = (
    (reason.input_off, lambda parent: parent.mode is Mode.OFF),
    (
        reason.input_failed,
        lambda parent: parent.ran is not None and not parent.succeeded and not parent.blocked,
    ),
    (reason.input_blocked, lambda parent: parent.blocked is not None),
    (reason.input_missing, lambda parent: parent.ran is None),
)
