"""The user's names and the versions that cells left of them: puts every run on the values it should read."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from .cell import CellId, Resource


class _Deleted:
    """Stands for a name that a cell deleted: a version like any other."""

    __slots__ = ()


_DELETED: Final = _Deleted()

# Names that IPython itself keeps in the namespace, and changes at every run: they belong to the session.
_OF_THE_SESSION = re.compile(r"In|Out|_+|_\d+|_i+|_i\d+|_[iod]h|__\w+__")


def of_the_session(name: Resource) -> bool:
    """Is this one of the names that IPython keeps: `_`, `In`, `_i3`...?"""
    return _OF_THE_SESSION.fullmatch(name) is not None


class Namespace:
    """The live dictionary that code runs in, and one version for each cell and name.

    Between plans the dictionary is as at the document's end. A run may move names to other versions;
    `settle` puts those back, and only those.
    """

    def __init__(self, live: dict[str, object]) -> None:
        self.live = live
        self._versions: dict[CellId, dict[Resource, object]] = {}
        # What failed runs bound: to be looked at, never to be read by a cell.
        self._debris: dict[CellId, dict[Resource, object]] = {}
        # Names that no cell made: they stay whatever is staged.
        self._scratch: set[Resource] = set(live)
        self._displaced: set[Resource] = set()

    def stage(self, inputs: Mapping[Resource, CellId | None]) -> None:
        """Put the names at the versions that the given cells left."""
        for name, maker in inputs.items():
            self._put(name, maker)
        self._displaced.update(inputs)

    def vacate(self, names: Iterable[Resource]) -> None:
        """Take names away that a run will bind and does not read: what stands there then is its own."""
        for name in names:
            if name not in self._scratch and not of_the_session(name):
                self.live.pop(name, None)
                self._displaced.add(name)

    def capture(self, cell: CellId, names: Iterable[Resource], kept: Collection[Resource] = ()) -> None:
        """Keep what a run left behind those names; of `kept`, the version that was there before."""
        before = self._versions.get(cell, {})
        made: dict[Resource, object] = {}
        for name in names:
            made[name] = before[name] if name in kept else self.live.get(name, _DELETED)
        self._versions[cell] = made
        self._displaced.update(self._debris.pop(cell, ()))
        self._scratch.difference_update(made)
        self._displaced.update(made)
        self._displaced.update(before)

    def discard(self, cell: CellId, names: Iterable[Resource]) -> None:
        """A run failed after binding those names: no cell may read them."""
        self._displaced.update(self._versions.pop(cell, ()))
        self._displaced.update(self._debris.pop(cell, ()))
        self._debris[cell] = {name: self.live[name] for name in names if name in self.live}
        self._displaced.update(self._debris[cell])

    def adopt(self, names: Iterable[Resource]) -> None:
        """Names that code outside of the document bound; they are nobody's version."""
        self._scratch.update(names)

    def revise(self, cell: CellId, name: Resource) -> None:
        """The version of `name` that `cell` made is what the name holds now."""
        self._versions.setdefault(cell, {})[name] = self.live.get(name, _DELETED)

    def keep_only(self, cells: Collection[CellId], orphans: Collection[CellId] = ()) -> None:
        """Forget the versions of all other cells; names of `orphans` stay, as nobody's."""
        for cell in [*self._versions, *self._debris]:
            if cell in cells:
                continue
            names = {**self._debris.pop(cell, {}), **self._versions.pop(cell, {})}
            if cell in orphans:
                self._scratch.update(names)
            else:
                self._displaced.update(names)

    def displace(self, names: Iterable[Resource]) -> None:
        """Another version of these names may be the document's last one now: `settle` looks."""
        self._displaced.update(names)

    def settle(self, final: Callable[[Resource], CellId | None]) -> None:
        """Put every name that was moved at its version of the document's end."""
        displaced, self._displaced = self._displaced, set()
        leftovers = {name: value for made in self._debris.values() for name, value in made.items()}
        for name in displaced:
            maker = final(name)
            self._put(name, maker)
            if maker is None and name in leftovers:
                self.live[name] = leftovers[name]

    def version(self, cell: CellId, name: Resource) -> object:
        """The value that the cell left behind the name."""
        return self._versions.get(cell, {}).get(name, _DELETED)

    def holders(self, values: Collection[int]) -> set[tuple[CellId, Resource]]:
        """The versions that hold one of the objects with those ids."""
        return {
            (cell, name)
            for cell, made in self._versions.items()
            for name, value in made.items()
            if id(value) in values
        }

    def _put(self, name: Resource, maker: CellId | None) -> None:
        value = _DELETED if maker is None else self._versions.get(maker, {}).get(name, _DELETED)
        if value is not _DELETED:
            self.live[name] = value
        elif name not in self._scratch and not of_the_session(name):
            self.live.pop(name, None)
