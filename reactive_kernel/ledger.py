"""Who changed which objects behind whose versions, and which versions are used up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import PurePath
from typing import TypeAlias

from .cell import CellId, Resource
from .event import RunFinished
from .graph import shared

# A version: who made it, and its name.
Place: TypeAlias = tuple[CellId, Resource]


class Ledger:
    """What runs did to objects, as far as it concerns versions that others made."""

    def __init__(self) -> None:
        self.spent: set[Place] = set()
        # Who spent what many cells write together, and by which file: that does not matter to every reader.
        self._spenders: dict[Place, set[Place]] = {}
        # By number: the changed objects behind each cell's versions, those that its run changed, and by whom.
        self._holding: dict[CellId, dict[Resource, frozenset[int]]] = {}
        self._changes: dict[CellId, frozenset[int]] = {}
        self._changers: dict[int, set[CellId]] = {}
        # Versions that may hold what a cell below changes without knowing it.
        self._unchecked: set[Place] = set()

    @property
    def holds(self) -> bool:
        """Is there any version behind which an object was changed?"""
        return bool(self._holding)

    def enter(self, event: RunFinished, left: Iterable[Resource], cells: Collection[CellId]) -> None:
        """Take in what a run spent, changed and left."""
        for name in left:
            self.spent.discard((event.cell, name))
            self._spenders.pop((event.cell, name), None)
        self.spend(event)
        self._enter_objects(event, cells)

    def spend(self, event: RunFinished) -> None:
        """Note which versions the run used up."""
        self.spent |= event.seen.spent
        for maker, name in event.seen.spent:
            if ":" in name and shared(name):
                entries = {(event.cell, file) for file in _files(event, maker) if _folder(file) == name}
                self._spenders.setdefault((maker, name), set()).update(entries)

    def _enter_objects(self, event: RunFinished, cells: Collection[CellId]) -> None:
        self._forget_objects(event.cell)
        if event.seen.changes:
            self._changes[event.cell] = event.seen.changes
        for number in event.seen.changes:
            self._changers.setdefault(number, set()).add(event.cell)
        for (maker, name), numbers in event.seen.holding.items():
            if numbers and maker in cells:
                self._holding.setdefault(maker, {})[name] = numbers
                self._unchecked.add((maker, name))

    def forget(self, cell: CellId) -> None:
        """The cell has left the document."""
        self.spent = {place for place in self.spent if place[0] != cell}
        self._forget_objects(cell)

    def _forget_objects(self, cell: CellId) -> None:
        self._holding.pop(cell, None)
        for number in self._changes.pop(cell, ()):
            changers = self._changers[number]
            changers.discard(cell)
            if not changers:
                del self._changers[number]

    def is_spent(self, maker: CellId, name: Resource, matters: Callable[[CellId, Resource], bool]) -> bool:
        """Is the version used up? Of what many write together, `matters` says whose doing counts."""
        if (maker, name) not in self.spent:
            return False
        spenders = self._spenders.get((maker, name))
        return spenders is None or any(matters(cell, file) for cell, file in spenders)

    def places(self) -> Iterator[Place]:
        """The versions behind which an object was changed."""
        return ((maker, name) for maker, held in self._holding.items() for name in held)

    def unchecked(self) -> set[Place]:
        """The versions that came since somebody asked."""
        unchecked, self._unchecked = self._unchecked, set()
        return unchecked

    def loose(
        self, versions: Iterable[Place], misses: Callable[[CellId, Resource, CellId], bool]
    ) -> dict[CellId, set[Resource]]:
        """Who changes an object behind one of the versions and misses that; the names that it misses."""
        found: dict[CellId, set[Resource]] = {}
        for maker, name in versions:
            for number in self._holding.get(maker, {}).get(name, ()):
                for changer in self._changers.get(number, ()):
                    if changer != maker and misses(changer, name, maker):
                        found.setdefault(changer, set()).add(name)
        return found


def _files(event: RunFinished, maker: CellId) -> Iterator[Resource]:
    """The files of which the run used up that cell's version."""
    return (name for cell, name in event.seen.spent if cell == maker and name.startswith("file:"))


def _folder(file: Resource) -> Resource:
    return f"dir:{PurePath(file.partition(':')[2]).parent}"
