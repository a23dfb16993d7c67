"""Early cutoff: which of what a run left is what its cell's run before left, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import starmap
from typing import Final

from .around import OF_MODULES, PATCHED
from .cell import NOTHING, CellId, Resource
from .equality import is_simple, same, twins
from .event import Run
from .identity import identity
from .namespace import Namespace
from .objects import Change
from .shapes import shape

_NOT_ALIKE: Final = ("table:", "logging:", PATCHED, OF_MODULES)


class Cutoff:
    """Compares what a run left with the versions that there are, before those are given up."""

    def __init__(
        self,
        names: Namespace,
        is_dial: Callable[[Resource], bool],
        below: Callable[[CellId, CellId], bool],
    ) -> None:
        self._names = names
        self._is_dial = is_dial
        # Does the one cell stand below the other?
        self._below = below
        # Whether what a name holds is, by its content, what it held before the run under way.
        self._contents: dict[Resource, bool] = {}

    def equal(
        self,
        run: Run,
        bound: frozenset[Resource],
        changed: Mapping[Resource, CellId],
        changes: list[Change],
    ) -> frozenset[Resource]:
        """The names whose versions are what the cell's run before left, too. It is asked first of a run."""
        self._contents.clear()
        names, cell = self._names, run.cell
        made = names.made(cell)
        if not made:
            return NOTHING
        again = names.as_before(cell, changes)
        equal = {name for name in bound if name in made and names.still(cell, name)}
        equal |= {
            name for name, maker in changed.items() if name in made and names.as_made(cell, name, maker)
        }
        rest = {name for name in bound - equal if ":" not in name and name in names.live}
        # Who shares an object with a name that matters matters, too: all are compared, or none is.
        matters = rest if run.decisive is None else rest & run.decisive
        if again and matters and rest <= set(made) and self._twins(cell, sorted(rest)):
            equal |= rest
        return frozenset(equal)

    def _twins(self, cell: CellId, names: Sequence[Resource]) -> bool:
        """Are the new values of those names what the old ones are but for who they are?"""
        space = self._names
        for name in names:
            old = space.version(cell, name)
            if is_simple(old) and not same(old, space.live[name]):
                self._contents[name] = False
                return False
        if len(names) == 1:
            # Whoever asks next asks whether what it holds is the same: of one name that is one comparison.
            pairs: list[tuple[object, object]] = []
            alike = self._compared(cell, names[0], pairs)
            return alike and all(starmap(self._pairing(cell, names), pairs))
        may_pair = self._pairing(cell, names)
        return space.compare(cell, names, lambda held: twins(held, may_pair, _alike))

    def _pairing(self, cell: CellId, names: Sequence[Resource]) -> Callable[[object, object], bool]:
        """Which object behind the names may stand for which that was there before."""
        space = self._names
        olds = frozenset[int]().union(*(space.reach(cell, name).ids for name in names))
        news = frozenset[int]().union(*(space.looked.reach(space.live[name]).ids for name in names))
        # Nobody else may know the new ones, and the old ones only who took them from here.
        known = space.held_by(lambda maker: True, news)
        others = space.held_by(lambda maker: maker != cell and not self._below(maker, cell), olds)

        def may_pair(old: object, new: object) -> bool:
            if identity(new) in known or identity(old) in others:
                return False
            return (identity(new) in news or not space.held(identity(new))) and (
                identity(old) in olds or not space.held(identity(old))
            )

        return may_pair

    def _compared(self, cell: CellId, name: Resource, pairs: list[tuple[object, object]]) -> bool:
        """Is the content of what the name holds what it was? Answers also which objects stand for which."""

        def note(old: object, new: object) -> bool:
            pairs.append((old, new))
            return True

        before = self._names.version(cell, name)
        if is_simple(before):
            alike = same(before, self._names.live[name])
        else:
            alike = self._names.compare(cell, (name,), lambda held: twins(held, note, _alike))
        self._contents[name] = alike
        return alike

    def made_again(self, cell: CellId, bound: frozenset[Resource]) -> frozenset[Resource]:
        """The names that hold the same as before, as far as can be told, though what was used up is new.

        Nobody who has an old object may take it for the new one: it is used up, or it was only here.
        """
        names = self._names
        made, spent = names.made(cell), names.spent_of(cell)
        again = {name for name in bound if name in made and self._again(cell, name, spent=name in spent)}
        # What shares an object with something that others have to take anew has to be taken anew, too.
        anew = set[int]().union(*(names.reach(cell, name).ids for name in made if name not in again))
        while torn := {name for name in again if not anew.isdisjoint(names.reach(cell, name).ids)}:
            again -= torn
            anew |= set[int]().union(*(names.reach(cell, name).ids for name in torn))
        return frozenset(again)

    def _again(self, cell: CellId, name: Resource, *, spent: bool) -> bool:
        names = self._names
        if ":" in name:
            kept = self._is_dial(name) or names.is_ground(name)
            return spent or not kept or names.still(cell, name)
        if spent:
            alike = type(names.version(cell, name)) is type(names.live[name])
            return alike and not self._lends(cell, name)
        return names.still(cell, name) or (self._only_here(cell, name) and self._twins(cell, (name,)))

    def _lends(self, cell: CellId, name: Resource) -> bool:
        """Is it a frame of which somebody holds an array?

        Whether that follows the frame is up to who else was given of it: all of them are to take it anew.
        """
        frame, found = self._names.version(cell, name), self._names.reach(cell, name)
        if "frame" not in found.kinds:
            return False
        return any(self._names.version(*place) is not frame for place in self._names.holders(found.ids))

    def _only_here(self, cell: CellId, name: Resource) -> bool:
        """Does nobody else hold what the name held before and does not hold any more?"""
        names = self._names
        gone = names.reach(cell, name).ids - names.looked.reach(names.live[name]).ids
        return all(maker == cell for maker, _ in names.holders(gone))

    def as_it_was(self, cell: CellId, bound: frozenset[Resource]) -> frozenset[Resource]:
        """What a run that does what it did leaves outside: files are what is in them, whoever holds what."""
        outside = {name for name in bound if ":" in name and not name.startswith("table:")}
        kept = {name for name in outside if self._is_dial(name) or self._names.is_ground(name)}
        return frozenset(outside & set(self._names.made(cell)) - kept)

    def alike(self, run: Run, rest: frozenset[Resource]) -> frozenset[Resource]:
        """The names whose content is what it was, in other objects."""
        space, cell = self._names, run.cell
        made = rest.intersection(space.made(cell))
        if run.again:
            # What is outside of the process is as it is: an INSERT that runs again inserts again. And what is
            # around the notebook holds objects, which whoever changes some of it leaves as they were.
            return frozenset(name for name in made if not name.startswith(_NOT_ALIKE))
        if run.decisive is not None:
            made &= run.decisive
        known = self._contents
        return frozenset(
            name
            for name in made & space.live.keys()
            if (known[name] if name in known else self._compared(cell, name, []))
        )


def _alike(old: object, new: object) -> bool:
    """Compare two objects of a library."""
    form = shape(old)
    return shape(new) is form and form.matches(old, new)
