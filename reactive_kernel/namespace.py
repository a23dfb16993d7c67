"""The user's names and the versions that cells left of them: puts every run on the values it should read.

A version is a value and, for the objects behind it that some run has changed, which of their states it means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from os.path import lexists
from typing import Final, Protocol, TypeAlias, cast

from .cell import CellId, Resource
from .equality import Pairs, is_simple, same
from .fixed import altered
from .identity import identity
from .objects import NOWHERE, Change, Looked, Reach, changing, restore
from .shapes import Shape


class Dials(Protocol):
    """Process-wide states that versions can hold as names hold values."""

    def known(self, resource: Resource) -> bool: ...
    def read(self, resource: Resource) -> object: ...
    def before(self, resource: Resource) -> object: ...
    def write(self, resource: Resource, state: object) -> None: ...
    def alike(self, resource: Resource, old: object, new: object) -> bool: ...


class _Deleted:
    """Stands for a name that a cell deleted: a version like any other."""

    __slots__ = ()


_DELETED: Final = _Deleted()

# Names that IPython itself keeps in the namespace, and changes at every run: they belong to the session.
_OF_THE_SESSION = re.compile(r"In|Out|_+|_\d+|_i+|_i\d+|_[iod]h|__\w+__")
_INITIALS = "IO_"

# What keeps a version: the cell that made it, and its name.
Place: TypeAlias = tuple[CellId, Resource]
# Tells one state of an object from the others.
Key: TypeAlias = int
# Names an object that some run has changed, for those who must not hold it.
Token: TypeAlias = int

# Versions that reach at most so many objects are found by each of them; others are asked one by one.
_FEW = 64
# So many bytes of earlier states are kept.
MEMORY = 1 << 30


def of_the_session(name: Resource) -> bool:
    """Is this one of the names that IPython keeps: `_`, `In`, `_i3`...?"""
    return name[:1] in _INITIALS and _OF_THE_SESSION.fullmatch(name) is not None


@dataclass
class _Version:
    value: object
    reach: Reach = NOWHERE
    # Of the objects behind it that had been changed before it was made: the state they were in.
    keys: dict[int, Key] = field(default_factory=dict[int, Key])


@dataclass
class _Thing:
    """An object that some run has changed, with the states that versions mean."""

    token: Token
    value: object
    shape: Shape
    # The state that versions mean which do not say.
    base: Key
    now: Key
    states: dict[Key, object] = field(default_factory=dict[Key, object])


@dataclass
class _Ground:
    """Something around the notebook, and those of its objects that a fresh run finds as they first were."""

    value: object
    ids: set[int]
    # And those that some version of it has led to.
    known: set[int]


class Namespace:
    """The live dictionary that code runs in, and one version for each cell and name.

    Between plans the dictionary is as at the document's end. A run may move names to other versions, and
    objects to other states; `settle` puts those back, and only those.
    """

    def __init__(self, live: dict[str, object], dials: Dials | None = None) -> None:
        self.live = live
        self.memory = MEMORY
        self.looked = Looked()
        self._dials = dials
        # The states of dials before any cell turned them.
        self._unturned: dict[Resource, object] = {}
        self._grounds: dict[Resource, _Ground] = {}
        self._versions: dict[CellId, dict[Resource, _Version]] = {}
        # What failed runs bound: to be looked at, never to be read by a cell.
        self._debris: dict[CellId, dict[Resource, object]] = {}
        # Names that no cell made: they stay whatever is staged.
        self._scratch: set[Resource] = set(live)
        self._displaced: set[Resource] = set()
        # Objects that are not in the state they were in at the document's end.
        self._moved: set[int] = set()
        # Objects that the run being captured has changed.
        self._changing: frozenset[int] = frozenset()
        self._things: dict[int, _Thing] = {}
        # Objects that were made again, and the names of those in whose place they are.
        self._heirs: dict[int, tuple[object, frozenset[Token]]] = {}
        self._holding: dict[int, set[Place]] = {}
        self._holding_much: set[Place] = set()
        self._numbers = count(1)
        # How often an object came into another state.
        self.moves = 0
        self._weight = 0
        # Objects one of whose states was given up since somebody asked.
        self._poorer: set[int] = set()
        # Objects that could not be put into a state that was kept.
        self._stuck: set[int] = set()
        # Who made a version of what is no name.
        self._outside: dict[Resource, set[CellId]] = {}
        # Files that cells made which do not make them any more.
        self.orphans: set[Resource] = set()
        # Versions that mean a state which nobody can put back.
        self._spent: set[Place] = set()

    # Staging

    def stage(self, inputs: Mapping[Resource, CellId | None]) -> None:
        """Put the names, and the objects behind them, as the given cells left them."""
        for name, maker in inputs.items():
            version = self._put(name, maker)
            if version is not None and self._things:
                self._rewind(version)
        self._displaced.update(inputs)

    def vacate(self, names: Iterable[Resource]) -> None:
        """Take names away that a run will bind and does not read: what stands there then is its own."""
        for name in names:
            if name not in self._scratch and not of_the_session(name):
                self.live.pop(name, None)
                self._displaced.add(name)

    def _put(self, name: Resource, maker: CellId | None) -> _Version | None:
        version = None if maker is None else self._versions.get(maker, {}).get(name)
        if name in self._grounds:
            self._rewind_ground(self._grounds[name], version)
            return None
        if ":" in name:
            self._turn(name, version)
            return None
        if version is not None and version.value is not _DELETED:
            self.live[name] = version.value
            return version
        if name not in self._scratch and not of_the_session(name):
            self.live.pop(name, None)
        return None

    @property
    def follows(self) -> bool:
        """Is there any object whose states differ from version to version?"""
        return bool(self._things)

    @property
    def turned(self) -> Collection[Resource]:
        """The dials that cells have turned, and what they have changed of what stands around them."""
        changed = [name for name in self._grounds if name in self._outside] if self._grounds else []
        return [*self._unturned, *changed]

    def _turn(self, resource: Resource, version: _Version | None) -> None:
        if self._dials is None or resource not in self._unturned:
            return
        state = self._unturned[resource] if version is None else version.value
        # Without a seed in force, whoever draws goes on drawing.
        if version is not None or not resource.startswith("random:"):
            with suppress(OSError):
                self._dials.write(resource, state)

    def ground(self, resource: Resource, value: object, ids: Collection[int]) -> None:
        """There is something around the notebook, or more of it: who comes first finds it as it is now."""
        ground = self._grounds.setdefault(resource, _Ground(value, set(), set()))
        ground.value = value
        ground.ids.update(ids)
        ground.known.update(ids)

    def is_ground(self, resource: Resource) -> bool:
        return resource in self._grounds

    def touched(self, ids: Collection[int]) -> set[Resource]:
        """What stands around the notebook and holds one of those objects."""
        return {name for name, ground in self._grounds.items() if not ground.known.isdisjoint(ids)}

    def astray(self, resource: Resource, maker: CellId | None) -> bool:
        """Does an object around the notebook stand in a state that is not the one which it should be in?"""
        version = None if maker is None else self._versions.get(maker, {}).get(resource)
        wanted = self._wanted(self._grounds[resource], version)
        return any(self._things[at].now != key for at, key in wanted.items())

    def _wanted(self, ground: _Ground, version: _Version | None) -> dict[int, Key]:
        """Which states a version means, and the first ones of what it does not speak of."""
        keys = {at: self._things[at].base for at in _common(ground.ids, self._things)}
        if version is not None:
            for at in _common(version.reach.ids, self._things):
                keys[at] = version.keys.get(at, self._things[at].base)
        return keys

    def _rewind_ground(self, ground: _Ground, version: _Version | None) -> None:
        self._move_all(self._wanted(ground, version))

    def _rewind(self, version: _Version) -> None:
        """Put the objects behind a version into the states it means."""
        self._move_all(self._meant(version))

    def _meant(self, version: _Version) -> dict[int, Key]:
        """The states that a version means, of the objects behind it that were ever changed."""
        found = {at: self._things[at] for at in _common(version.reach.ids, self._things)}
        return {at: version.keys.get(at, thing.base) for at, thing in found.items()}

    def _move_all(self, wanted: Mapping[int, Key]) -> bool:
        """Put objects into states, as far as somebody can; answer whether they are in those now."""
        moving = {at: key for at, key in wanted.items() if self._things[at].now != key}
        # Objects may share memory: moving one moves the other, so all are noted before.
        for at, key in moving.items():
            if key in self._things[at].states:
                self._note_state(self._things[at])
        # How far an iterator can be put back depends on what it goes over.
        for at in sorted(moving, key=lambda at: self._things[at].shape.kind == "iterator"):
            if moving[at] in self._things[at].states:
                self._move(at, self._things[at], moving[at])
        return all(self._things[at].now == key for at, key in moving.items())

    def stuck(self, inputs: Mapping[Resource, CellId | None]) -> list[Resource]:
        """The staged names that could not be put at their versions after all."""
        stuck, self._stuck = self._stuck & self._things.keys(), set()
        if not stuck:
            return []
        versions = {name: self._versions.get(maker, {}).get(name) for name, maker in inputs.items() if maker}
        return sorted(
            name
            for name, version in versions.items()
            if version is not None
            and any(at in stuck and self._things[at].now != key for at, key in self._meant(version).items())
        )

    def _move(self, at: int, thing: _Thing, key: Key) -> None:
        self.moves += 1
        self.looked.forget_behind(at)
        wanted = thing.states[key]
        self._moved.add(at)
        if restore(thing.value, thing.shape, wanted):
            thing.now = key
        else:
            thing.now = next(self._numbers)
            self._stuck.add(at)
            if key in thing.states:
                self._drop_state(thing, key)

    def _note_state(self, thing: _Thing) -> None:
        if thing.now not in thing.states:
            self._save(thing, thing.now, thing.shape.take(thing.value))

    # What runs leave

    def capture(
        self,
        cell: CellId,
        names: Iterable[Resource],
        kept: Collection[Resource] = (),
        shared: Mapping[Resource, CellId] | None = None,
    ) -> None:
        """Keep what a run left behind those names.

        Of `kept`, keep the version that was there before; `shared` are names that the run did not touch,
        but whose version (by that cell) holds an object that it changed.
        """
        before = self._versions.get(cell, {})
        made: dict[Resource, _Version] = {}
        for name in names:
            if shared and name in shared:
                made[name] = self._shared(self._versions[shared[name]][name])
            else:
                made[name] = before[name] if name in kept else self._version(name)
        self._forget(cell)
        self._versions[cell] = made
        for name, version in made.items():
            self._hold((cell, name), version.reach)
            if ":" in name:
                self._outside.setdefault(name, set()).add(cell)
                self.orphans.discard(name)
        self._displaced.update(self._debris.pop(cell, ()))
        self._scratch.difference_update(made)
        self._displaced.update(made)
        self._displaced.update(before)

    def rebind(self, cell: CellId, names: Collection[Resource]) -> frozenset[Resource] | None:
        """Do the same for a run that could do nothing but bind those names, if that is soon done.

        So it is where the cell's run before left simple values of the same types there, and nothing is to be
        told of anybody's versions. Answers the names that hold the same as before; None where it is not so.
        """
        before = self._versions.get(cell)
        if before is None or before.keys() != names or self._spent or self._poorer or cell in self._debris:
            return None
        made: dict[Resource, _Version] = {}
        for name, version in before.items():
            value = self.live.get(name, _DELETED)
            if not is_simple(value) or type(value) is not type(version.value):
                return None
            made[name] = version if same(version.value, value) else _Version(value, version.reach)
        self._versions[cell] = made
        self._scratch.difference_update(made)
        self._displaced.update(made)
        if self._moved or self._heirs:
            self.clean()
        return frozenset(name for name, version in made.items() if before[name] is version)

    def _version(self, name: Resource) -> _Version:
        if name in self._grounds:
            return self._look_around(self._grounds[name])
        if ":" in name:
            if self._dials is None or not self._dials.known(name):
                # Of a file only whether it is there.
                return _Version(lexists(name[5:]) if name.startswith("file:") else None)
            self._unturned.setdefault(name, self._dials.before(name))
            return _Version(self._dials.read(name))
        value = self.live.get(name, _DELETED)
        return _Version(value) if value is _DELETED else self._look(value)

    def _look(self, value: object) -> _Version:
        found = self.looked.reach(value)
        if not found.ids:
            return _Version(value, found)
        return _Version(value, found, {at: self._things[at].now for at in _common(found.ids, self._things)})

    def _look_around(self, ground: _Ground) -> _Version:
        if isinstance(ground.value, tuple):
            found = self._look(cast("object", ground.value))
        else:
            # Nobody looks for what stands behind libraries.
            ids = frozenset(ground.ids)
            keys = {at: self._things[at].now for at in _common(ids, self._things)}
            found = _Version(ground.value, Reach(ids), keys)
        ground.known |= found.reach.ids
        return found

    def _shared(self, version: _Version) -> _Version:
        """A version of the same object after some of what is behind it was changed."""
        meant = self._meant(version)
        self._move_all({at: key for at, key in meant.items() if at not in self._changing})
        made = self._look(version.value)
        for at in made.keys.keys() & version.reach.ids - self._changing:
            made.keys[at] = version.keys.get(at, self._things[at].base)
            if made.keys[at] != self._things[at].now:
                self._poorer.add(at)
        return made

    def discard(self, cell: CellId, names: Iterable[Resource]) -> None:
        """A run failed after binding those names: no cell may read them."""
        self._displaced.update(self._versions.get(cell, ()))
        self._forget(cell)
        self._displaced.update(self._debris.pop(cell, ()))
        for name in [name for name in names if type(self.live.get(name)) is memoryview]:
            # A view would keep its object from being changed.
            del self.live[name]
            self._displaced.add(name)
        self._debris[cell] = {name: self.live[name] for name in names if name in self.live}
        self._displaced.update(self._debris[cell])

    def adopt(self, names: Iterable[Resource]) -> None:
        """Names that code outside of the document bound; they are nobody's version."""
        self._scratch.update(names)

    def keep_only(self, cells: Collection[CellId], orphans: Collection[CellId] = ()) -> None:
        """Forget the versions of all other cells; names of `orphans` stay, as nobody's."""
        for cell in [*self._versions, *self._debris]:
            if cell in cells:
                continue
            names = {*self._debris.pop(cell, ()), *self._versions.get(cell, ())}
            self._forget(cell)
            if cell in orphans:
                self._scratch.update(names)
            else:
                self._displaced.update(names)

    def forget(self, cell: CellId) -> None:
        """The cell has left the document while it ran, and what it left goes with it."""
        self._displaced.update(self._debris.pop(cell, ()), self._versions.get(cell, ()))
        self._forget(cell)

    def _forget(self, cell: CellId) -> None:
        self._spent = {place for place in self._spent if place[0] != cell}
        for name, version in self._versions.pop(cell, {}).items():
            self._release((cell, name), version.reach)
            if ":" in name:
                self._outside[name].discard(cell)
                if version.value is True:
                    self.orphan((name,))

    @property
    def displaced(self) -> Collection[Resource]:
        """Names that may not stand at their version of the document's end, and what failed runs bound."""
        return {*self._displaced, *(name for left in self._debris.values() for name in left)}

    def displace(self, names: Iterable[Resource]) -> None:
        """Another version of these names may be the document's last one now: `settle` looks."""
        self._displaced.update(names)

    def settle(self, final: Callable[[Resource], CellId | None]) -> set[Place]:
        """Put every name and object that was moved at its version of the document's end.

        Answers the versions that this cost: what they mean cannot be put back.
        """
        displaced, self._displaced = self._displaced, set()
        for name in self.turned if self._moved else ():
            if name in self._grounds:
                displaced.discard(name)
                self._put(name, final(name))
        leftovers = {name: value for made in self._debris.values() for name, value in made.items()}
        makers = {name: final(name) for name in displaced}
        for name, maker in makers.items():
            before = self.live.get(name, _DELETED)
            self._put(name, maker)
            if self._things and before is not _DELETED and before is not self.live.get(name, _DELETED):
                # What stood there may have wanted its objects in other states than those who stay.
                self._moved.update(_common(self.looked.reach(before).ids, self._things))
            if maker is None and name in leftovers:
                self.live[name] = leftovers[name]
        self._moved = self._settle_objects(makers, final) if self._things else set()
        return self.lost()

    def _settle_objects(
        self, makers: Mapping[Resource, CellId | None], final: Callable[[Resource], CellId | None]
    ) -> set[int]:
        """Put what is behind those names, and what was moved, into the states of the document's end.

        Answers the objects that versions of the end want in different states, as those of cells do that are
        not up to date: one of these may give way before anybody moves the object again.
        """
        places = {(maker, name) for name, maker in makers.items() if maker}
        wanted: dict[int, Key] = {}
        torn: set[int] = set()
        for cell, name in self.holders(self._moved) | places:
            version = self._versions.get(cell, {}).get(name)
            if version is not None and (makers[name] if name in makers else final(name)) == cell:
                meant = self._meant(version)
                torn.update(at for at, key in meant.items() if wanted.setdefault(at, key) != key)
                self._move_all(meant)
        return torn

    # Versions and what they hold

    def standing(self, cell: CellId, name: Resource) -> tuple[object, Mapping[int, Key]] | None:
        """The value that the cell left there and the states it means, if the objects are in those now."""
        version = self._versions.get(cell, {}).get(name)
        if version is None or version.value is _DELETED or (cell, name) in self._spent:
            return None
        meant = self._meant(version)
        return (
            (version.value, meant) if all(self._things[at].now == key for at, key in meant.items()) else None
        )

    def version(self, cell: CellId, name: Resource) -> object:
        """The value that the cell left behind the name."""
        version = self._versions.get(cell, {}).get(name)
        return _DELETED if version is None else version.value

    @property
    def outside(self) -> Collection[Resource]:
        """What is no name, and some cell has a version of."""
        return self._outside.keys()

    def makers(self, resource: Resource) -> Collection[CellId]:
        """The cells that have versions of what is no name."""
        return self._outside.get(resource, ())

    def orphan(self, files: Iterable[Resource]) -> None:
        """Nobody makes those files any more, unless there is another maker of them."""
        for name in files:
            made = any(self.version(maker, name) is True for maker in self.makers(name))
            if not made and lexists(name[5:]):
                self.orphans.add(name)

    def made(self, cell: CellId) -> Collection[Resource]:
        """The names that the cell left versions of."""
        return self._versions.get(cell, {}).keys()

    def debris(self, cell: CellId) -> Collection[Resource]:
        """The names that the cell bound before it failed."""
        return self._debris.get(cell, {}).keys()

    def reach(self, cell: CellId, name: Resource) -> Reach:
        version = self._versions.get(cell, {}).get(name)
        return NOWHERE if version is None else version.reach

    def holders(self, ids: Iterable[int]) -> set[Place]:
        """The versions behind which one of the objects with those ids stands."""
        wanted = frozenset(ids)
        few = {place for at in _common(wanted, self._holding) for place in self._holding[at]}
        much = {
            (cell, name)
            for cell, name in self._holding_much
            if not wanted.isdisjoint(self._versions[cell][name].reach.ids)
        }
        return few | much

    def lend(self, at: int, others: Iterable[object]) -> None:
        """The object shares those now: they stand behind every version behind which it does."""
        ids = frozenset(map(identity, others))
        for cell, name in self.holders((at,)):
            version = self._versions[cell][name]
            if not ids <= version.reach.ids:
                moved = set(self._moved)
                self._release((cell, name), version.reach)
                self._moved = moved
                version.reach = altered(version.reach, ids=version.reach.ids | ids)
                self._hold((cell, name), version.reach)

    def held(self, at: int) -> bool:
        """Does the object stand behind any version?"""
        return at in self._holding or any(
            at in self._versions[cell][name].reach.ids for cell, name in self._holding_much
        )

    def held_by(self, makers: Callable[[CellId], bool], ids: frozenset[int]) -> frozenset[int]:
        """Those of the objects that stand behind a version of one of the makers."""
        found = {at for at in _common(ids, self._holding) if any(makers(one) for one, _ in self._holding[at])}
        for cell, name in self._holding_much:
            if makers(cell):
                found |= self._versions[cell][name].reach.ids & ids
        return frozenset(found)

    def _unheld(self, ids: Iterable[int]) -> frozenset[int]:
        """Those of the objects that no version holds."""
        left = frozenset(ids) - self._holding.keys()
        for ground in self._grounds.values() if left else ():
            left -= ground.ids
        for cell, name in self._holding_much if left else ():
            left -= self._versions[cell][name].reach.ids
        return left

    def _hold(self, place: Place, found: Reach) -> None:
        if len(found.ids) > _FEW:
            self._holding_much.add(place)
            return
        for at in found.ids:
            self._holding.setdefault(at, set()).add(place)

    def _release(self, place: Place, found: Reach) -> None:
        self._holding_much.discard(place)
        for at in found.ids if len(found.ids) <= _FEW else ():
            places = self._holding.get(at)
            if places is not None:
                places.discard(place)
                if not places:
                    del self._holding[at]
        for at in _common(found.ids, self._things):
            # Whoever holds it now may mean another state.
            self._moved.add(at)

    # States of objects

    def note(self, changes: Iterable[Change], worth: Callable[[int, int], bool]) -> None:
        """A run changed those objects; their earlier states are kept where that is worth it."""
        changes = list(changes)
        self.moves += bool(changes)
        self._changing = frozenset(identity(change.value) for change in changes)
        for change in changes:
            at = identity(change.value)
            thing = self._things.get(at)
            if thing is None:
                key = next(self._numbers)
                thing = self._things[at] = _Thing(next(self._numbers), change.value, change.shape, key, key)
            if thing.now not in thing.states and change.shape.restores:
                weight = change.shape.weight(change.before)
                if weight <= self.memory and (worth(at, weight) or self._is_grounded(at, thing)):
                    self._save(thing, thing.now, change.before)
            thing.now = next(self._numbers)
            for key in [
                key for key, held in thing.states.items() if not thing.shape.leads(thing.value, held)
            ]:
                self._drop_state(thing, key)
            self._moved.add(at)
            self._poorer.add(at)

    def _is_grounded(self, at: int, thing: _Thing) -> bool:
        """Would nobody make the state again that the object is in?"""
        return thing.now == thing.base and any(at in ground.ids for ground in self._grounds.values())

    def lost(self) -> set[Place]:
        """The versions that mean a state which nobody can put back, as far as nobody has been told."""
        poorer, self._poorer = self._poorer, set()
        found: set[Place] = set()
        poorer &= self._things.keys()
        for cell, name in self.holders(poorer):
            version = self._versions[cell][name]
            for at in version.reach.ids & poorer:
                thing = self._things[at]
                key = version.keys.get(at, thing.base)
                if key != thing.now and key not in thing.states:
                    found.add((cell, name))
                    break
        self._spent |= found
        return found

    def spend(self, places: Iterable[Place]) -> None:
        """Those versions are of what is outside, and not there any more."""
        self._spent.update(places)

    def is_spent(self, cell: CellId, name: Resource) -> bool:
        return (cell, name) in self._spent

    def spent_of(self, cell: CellId) -> set[Resource]:
        """The names of which the cell's version means a state that nobody can put back."""
        return {name for maker, name in self._spent if maker == cell}

    def clean(self) -> None:
        """Let go of objects that no version holds any more."""
        for at in self._unheld(self._heirs):
            del self._heirs[at]
        for at in self._unheld(self._moved & self._things.keys()):
            thing = self._things.pop(at)
            self._weight -= self._thing_weight(thing)
            self._moved.discard(at)

    def tokens(self, ids: Iterable[int]) -> frozenset[Token]:
        """The names of those of the objects that some run has changed."""
        ids = frozenset(ids)
        if not ids:
            return ids
        found = {self._things[at].token for at in _common(ids, self._things)}
        for at in _common(ids, self._heirs):
            found |= self._heirs[at][1]
        return frozenset(found)

    def succeed(self, cell: CellId, name: Resource, maker: CellId | None) -> None:
        """The cell made again what others have used up: who changed the old objects changes the new ones."""
        old = self._versions[cell][name].reach.ids
        shared = self._versions[maker].get(name) if maker is not None else None
        new = changing(shared.value if shared is not None else self.live.get(name))
        come = {at: each for at, each in new.items() if at not in old}
        kinds = {type(each) for each in come.values()}
        for kind, tokens in self._tokens_by_type(old - new.keys()).items():
            for at, each in come.items():
                # Where there is no telling which of the new ones it is, it may be any.
                if type(each) is kind or kind not in kinds:
                    known = self._heirs.get(at, (each, frozenset[Token]()))[1]
                    self._heirs[at] = each, known | tokens

    def _tokens_by_type(self, ids: frozenset[int]) -> Mapping[type, frozenset[Token]]:
        found: dict[type, frozenset[Token]] = {}
        changed = [(self._things[at].value, at) for at in _common(ids, self._things)]
        for value, at in changed + [(self._heirs[at][0], at) for at in _common(ids, self._heirs)]:
            found[type(value)] = found.get(type(value), frozenset[Token]()) | self.tokens((at,))
        return found

    def as_before(self, cell: CellId, changes: Collection[Change]) -> bool:
        """Has a run left the objects that it changes as the cell's run before did? It is noted of each."""
        before = [version.keys for version in self._versions.get(cell, {}).values() if version.keys]
        found = [self._is_as_before(change, before) for change in changes]
        return all(found)

    def _is_as_before(self, change: Change, before: Iterable[Mapping[int, Key]]) -> bool:
        at = identity(change.value)
        thing = self._things.get(at)
        key = next((keys[at] for keys in before if at in keys), None)
        if thing is None or key is None or key not in thing.states:
            return False
        now, then = change.shape.take(change.value), thing.states[key]
        if not (change.shape.alike(change.value, then) or change.shape.agree(now, then)):
            return False
        thing.now = key
        return True

    def still(self, cell: CellId, name: Resource) -> bool:
        """Is what the name holds now what the cell left there before, in the same state?"""
        before = self._versions[cell][name]
        if is_simple(before.value) and ":" not in name:
            return same(before.value, self.live.get(name, _DELETED))
        now = self._version(name)
        if name in self._grounds:
            wanted = [self._wanted(self._grounds[name], each) for each in (before, now)]
            return before.value is now.value and wanted[0] == wanted[1]
        if ":" in name:
            dial = self._dials if self._dials is not None and self._dials.known(name) else None
            return dial is not None and dial.alike(name, before.value, now.value)
        if not (before.reach.ids or now.reach.ids):
            return same(before.value, now.value)
        return self._same_version(before, now)

    def compare(self, cell: CellId, names: Iterable[Resource], judge: Callable[[Pairs], bool]) -> bool:
        """Let `judge` compare what the cell left behind the names, as it was then, with what is there."""
        news = {name: self._version(name) for name in names}
        olds = {name: self._versions[cell][name] for name in news}
        behind = [version.reach for version in (*news.values(), *olds.values())]
        if any(each.vast for each in behind):
            return False
        if not any(each.ids for each in behind):
            return judge([(olds[name].value, new.value) for name, new in news.items()])
        moved = self._recall(olds.values(), news.values())
        if moved is None:
            return False
        try:
            return judge([(olds[name].value, new.value) for name, new in news.items()])
        finally:
            self._move_all(moved)

    def _recall(self, olds: Iterable[_Version], news: Collection[_Version]) -> dict[int, Key] | None:
        """Put the objects of old versions into the states they mean; answer which were in which state before.

        None where an object is in the new versions, too, but in another state, or where nobody can.
        """
        known = frozenset(at for version in news for at in version.reach.ids)
        wanted: dict[int, Key] = {}
        for old in olds:
            for at in _common(old.reach.ids, self._things):
                thing = self._things[at]
                key = old.keys.get(at, thing.base)
                if key != thing.now:
                    if at in known or key not in thing.states:
                        return None
                    wanted[at] = key
        moved = {at: self._things[at].now for at in wanted}
        if self._move_all(wanted):
            return moved
        self._move_all(moved)
        return None

    def as_made(self, cell: CellId, name: Resource, maker: CellId) -> bool:
        """Is the maker's version, after what the cell changed of it, what the cell made of it before?"""
        before = self._versions[cell][name]
        return self._same_version(before, self._shared(self._versions[maker][name]))

    def _same_version(self, one: _Version, other: _Version) -> bool:
        if one.value is not other.value or one.reach.ids != other.reach.ids:
            return False
        return all(
            one.keys.get(at, thing.base) == other.keys.get(at, thing.base)
            for at in _common(one.reach.ids, self._things)
            if (thing := self._things[at])
        )

    def _save(self, thing: _Thing, key: Key, state: object) -> None:
        thing.states[key] = state
        self._weight += thing.shape.weight(state)
        while self._weight > self.memory and self._evict():
            pass

    def _evict(self) -> bool:
        """Give up the oldest state of the object whose states take most."""
        based = frozenset(at for ground in self._grounds.values() for at in ground.ids)
        given = [at for at, thing in self._things.items() if thing.states and at not in based]
        heavy = max(given, key=lambda at: self._thing_weight(self._things[at]), default=None)
        if heavy is None:
            return False
        thing = self._things[heavy]
        self._drop_state(thing, min(thing.states))
        self._poorer.add(heavy)
        return True

    def _thing_weight(self, thing: _Thing) -> int:
        return sum(thing.shape.weight(state) for state in thing.states.values())

    def _drop_state(self, thing: _Thing, key: Key) -> None:
        self._weight -= thing.shape.weight(thing.states.pop(key))
        self._poorer.add(identity(thing.value))


def _common(ids: Collection[int], things: Mapping[int, object]) -> list[int]:
    """What is in both, at the cost of the smaller."""
    if not ids:
        return []
    if len(ids) < len(things):
        return [at for at in ids if at in things]
    return [at for at in things if at in ids]
