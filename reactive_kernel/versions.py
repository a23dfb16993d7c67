"""Which version of a resource is in force for whom, and whether it is still as its maker left it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from .cell import CellId, Resource
from .graph import Graph, plain
from .ledger import Ledger
from .state import Stamp, State

# The stamp that a reader of a failed cell sees: no version has it.
FAILED: Final[Stamp] = -1
# That of what a failed run asked for: nobody knows whether it found it.
UNSEEN: Final[Stamp] = -2
# One that nobody left: what was read has been changed, or was another cell's. No version agrees with it.
UNSURE: Final[Stamp] = -3


class Versions:
    """Questions only, to the graph, the cells' states and the ledger."""

    def __init__(self, graph: Graph, states: Mapping[CellId, State], ledger: Ledger) -> None:
        self._graph = graph
        self._states = states
        self._ledger = ledger
        # For versions whose content is that of an earlier one: the first stamp that it had.
        self._contents: dict[tuple[Resource, Stamp], Stamp] = {}
        # For those that a cell made once more in the same way: the first stamp of that make.
        self._makes: dict[tuple[Resource, Stamp], Stamp] = {}

    def __contains__(self, cell: object) -> bool:
        return cell in self._states

    # In force

    def provides(self, cell: CellId, name: Resource) -> bool:
        """Did the cell's latest run leave a version of the name that others may read?"""
        state = self._states[cell]
        return state.ran is not None and not state.barren and plain(name) in state.ran.stamps

    def source_of(self, name: Resource, reader: CellId | None) -> CellId | None:
        """The cell whose version is in force for `reader`, passing over writers that left none."""
        writer = self._graph.inputs(reader).get(name) if reader else self._graph.resolve(name, None)
        if writer is None or self.provides(writer, name):
            return writer
        return self.nearest(name, reader)

    def everything(self, cell: CellId) -> dict[Resource, CellId | None]:
        """Every name that the document writes, or wrote until now, at the version in force for the cell."""
        graph = self._graph
        names = {*graph.written(), *graph.shifted, *graph.inputs(cell)}
        return {name: self.in_force(name, cell) for name in names}

    def in_force(self, name: Resource, cell: CellId) -> CellId | None:
        """The cell whose version of the name is in force where `cell` stands, whether it reads it or not."""
        if cell not in self._states:
            # It has left the document while it ran.
            return None
        return self.source_of(name, cell) if name in self._graph.inputs(cell) else self.nearest(name, cell)

    @property
    def outside(self) -> set[Resource]:
        """What cells write besides names."""
        return self._graph.outside

    def is_fresh(self, cell: CellId) -> bool:
        return cell in self._states and self._states[cell].fresh

    def below(self, cell: CellId, other: CellId) -> bool:
        return cell in self._states and self._graph.rank(cell) > self._graph.rank(other)

    def nearest(self, name: Resource, cell: CellId | None) -> CellId | None:
        """The nearest cell above that left a version of the name."""
        return next((maker for maker in self._graph.above(name, cell) if self.provides(maker, name)), None)

    # As stamps

    def stamp(self, cell: CellId, name: Resource, writer: CellId | None) -> Stamp | None:
        """The version of `name` that a run of `cell` would read now."""
        if writer is None:
            return None
        state = self._states[writer]
        if state.barren:
            if name not in self._graph.entry(cell).shares:
                return FAILED
        elif state.ran is not None and (found := state.ran.stamps.get(plain(name))) is not None:
            return found
        source = self.nearest(name, cell)
        made = self._states[source].ran if source is not None else None
        return made.stamps.get(plain(name)) if made is not None else None

    def own(self, writer: CellId, name: Resource) -> Stamp | None:
        """The version of `name` that this very cell left."""
        state = self._states[writer]
        if state.barren:
            return FAILED
        return state.ran.stamps.get(plain(name)) if state.ran is not None else None

    def agrees(self, state: State, name: Resource, writer: CellId | None) -> bool:
        """Is the version in force now the one that the cell's latest run read, or as good as that?"""
        now = self.stamp(state.cell.id, name, writer)
        if state.ran is None:
            return now is None
        read = state.ran.reads.get(name)
        if now == read or now is None or read is None:
            return now == read
        if name in state.ran.mixed or not state.ran.aloof:
            return False
        # A cell that only looks at what it reads: one version is as good as another.
        known = self._makes if state.ran.discerning else self._contents
        return known.get((name, now), now) == known.get((name, read), read)

    def take_for(self, name: Resource, stamp: Stamp, old: Stamp, *, repeats: bool) -> None:
        """The content of a version is that of an older one; `repeats`: so is what is one object in it."""
        self._contents[name, stamp] = self._contents.get((name, old), old)
        if repeats:
            self._makes[name, stamp] = self._makes.get((name, old), old)

    def same_content(self, state: State, name: Resource) -> bool:
        """Has the version in force the content of the one that the cell's latest run read?"""
        assert state.ran is not None
        known = self._makes if state.ran.discerning else self._contents
        return self._is_known_as(known, state, name)

    def made_alike(self, state: State, name: Resource) -> bool:
        """Was the version in force made as the one was that the cell's latest run read?

        Then what is one object in it, and in others, is as it was: who changes one sees that in the others.
        """
        return self._is_known_as(self._makes, state, name)

    def _is_known_as(
        self, known: Mapping[tuple[Resource, Stamp], Stamp], state: State, name: Resource
    ) -> bool:
        assert state.ran is not None
        now = self.stamp(state.cell.id, name, self._graph.inputs(state.cell.id).get(name))
        read = state.ran.reads.get(name)
        if now is None or read is None:
            return now == read
        return known.get((name, now), now) == known.get((name, read), read)

    # Versions that somebody used up

    def is_spent(self, maker: CellId, name: Resource, reader: CellId | None) -> bool:
        def matters(cell: CellId, file: Resource) -> bool:
            now = self.in_force(file, reader) if reader is not None else self.source_of(file, None)
            # What a cell between did is what the reader should find.
            return now == maker and (
                not self._still_writes(cell, file)
                or not self.below(cell, maker)
                or (reader is not None and not self.below(reader, cell))
            )

        return self._ledger.is_spent(maker, name, matters)

    def _still_writes(self, cell: CellId, name: Resource) -> bool:
        state = self._states.get(cell)
        return state is not None and state.succeeded and name in self._graph.entry(cell).writes

    def used_up(self, cell: CellId) -> dict[Resource, CellId]:
        """The inputs of the cell whose object somebody has changed since, and who made them."""
        if not self._ledger.spent:
            return {}
        return {
            name: maker
            for maker, name in self.sources(cell)
            if maker != cell and self.is_spent(maker, name, cell)
        }

    def sources(self, cell: CellId) -> list[tuple[CellId, Resource]]:
        """The versions that a run of the cell would read."""
        inputs = self._graph.inputs(cell)
        read = [name for name, writer in inputs.items() if writer is not None]
        sources = [(self.source_of(name, cell), plain(name)) for name in read]
        return [(maker, name) for maker, name in sources if maker is not None]

    # Objects that versions share

    def loose(
        self, reader: CellId | None, versions: Iterable[tuple[CellId, Resource]]
    ) -> dict[CellId, set[Resource]]:
        """Cells that change an object which stands behind one of these names, too, and do not know of it.

        They stand between the version's maker and its reader, so a fresh run would change the version.
        """
        return self._ledger.loose(
            versions, lambda changer, name, maker: self._misses(changer, name, maker, reader)
        )

    def _misses(self, changer: CellId, name: Resource, maker: CellId, reader: CellId | None) -> bool:
        rank = self._graph.rank
        between = rank(maker) < rank(changer) and (reader is None or rank(changer) < rank(reader))
        if changer == reader:
            return False
        state = self._states[changer]
        known = state.ran is not None and name in state.ran.entry.writes
        return between and not known and state.succeeded and state.blocked is None
