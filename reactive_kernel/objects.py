"""Object graphs: what can be reached from a value, and which of it a run has changed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import chain
from types import ModuleType
from typing import Any, Final, ParamSpec, TypeVar

from .cell import NOTHING
from .fixed import fixed
from .identity import identity
from .shapes import ATOMS, CannotRestore, Shape, changed_by_name, hashes_itself, is_atom, shape

# So many objects behind one value are looked at; whoever has more is called vast.
MOST: Final = 500_000
# So many objects are looked at together; so few, one by one.
_AT_ONCE: Final = 4096
_FEW: Final = 8
_NO_IDS: frozenset[int] = frozenset()

_Asked = ParamSpec("_Asked")
_Answer = TypeVar("_Answer")


def _undisturbed(look: Callable[_Asked, _Answer]) -> Callable[_Asked, _Answer]:
    """Without garbage collection meanwhile: it runs finalizers, and looks at whatever is made here."""

    @wraps(look)
    def looking(*args: _Asked.args, **kwargs: _Asked.kwargs) -> _Answer:
        if not gc.isenabled():
            return look(*args, **kwargs)
        gc.disable()
        try:
            return look(*args, **kwargs)
        finally:
            gc.enable()

    return looking


@fixed
class Reach:
    """What can be reached from a value: the objects that may change, and which kinds there are."""

    # By their ids: whoever only remembers the objects must not keep them alive.
    ids: frozenset[int] = _NO_IDS
    kinds: frozenset[str] = NOTHING
    vast: bool = False


NOWHERE: Final = Reach()
_ATOM: Final = Reach(kinds=frozenset(("atom",)))


@_undisturbed
def reach(value: object) -> Reach:
    """Look at everything behind a value."""
    if is_atom(value):
        return _ATOM
    if (form := shape(value)).around:
        return Reach(frozenset((identity(value),)), frozenset((form.kind,)))
    found = _Walk((value,))
    ids = frozenset(chain.from_iterable(members for _, members in found.changing.values()))
    return Reach(ids, frozenset(found.kinds), found.vast)


class Looked:
    """Remembers what is behind values, for as long as nobody changes any of it."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[object, Reach]] = {}
        self._remembers = False

    @contextmanager
    def remembered(self) -> Generator[None, None, None]:
        """Within, only we change objects, and whoever does so has this forget."""
        self._remembers = True
        try:
            yield
        finally:
            self._remembers = False
            self.forget()

    def forget(self) -> None:
        self._found.clear()

    def forget_behind(self, at: int) -> None:
        """The object is changed: whatever leads to it may lead elsewhere."""
        if self._found:
            kept = {one: each for one, each in self._found.items() if not _may_lead(each[1], at)}
            self._found = kept

    def reach(self, value: object) -> Reach:
        """Look at everything behind a value, unless that was done."""
        if not self._remembers:
            return reach(value)
        known = self._found.get(identity(value))
        if known is None:
            known = self._found[identity(value)] = value, reach(value)
        return known[1]


def _may_lead(behind: Reach, at: int) -> bool:
    return behind.vast or at in behind.ids


def changing(value: object) -> dict[int, object]:
    """The objects behind a value that may change, by their ids."""
    found = _Walk((value,)).changing.values()
    return {at: each for _, members in found for at, each in members.items()}


class _Walk:
    """Everything that can be reached from some values, each object once. Many of a type are seen together."""

    def __init__(self, roots: Iterable[object], most: int = MOST) -> None:
        self.kinds: set[str] = set()
        # The objects that may change, by their ids and by their shapes.
        self.changing: dict[int, tuple[Shape, dict[int, object]]] = {}
        # Holds what it has seen: the parts of some objects are made when asked for.
        self._seen: dict[int, object] = {}
        self._shapes: dict[int, Shape] = {}
        self.vast = not self._go(list(roots), most)

    def _go(self, roots: list[object], most: int) -> bool:
        """Look at everything; answer whether there was no more than that."""
        todo = [roots]
        while todo:
            some = todo.pop()
            if len(some) > _AT_ONCE:
                todo += [some[at : at + _AT_ONCE] for at in reversed(range(0, len(some), _AT_ONCE))]
                continue
            for form, members in self._by_shape(some):
                parts = self._look(form, members)
                if parts:
                    todo.append(parts)
            if len(self._seen) > most:
                return False
        return True

    def _by_shape(self, values: list[object]) -> Iterable[tuple[Shape, dict[int, object]]]:
        """The values that may lead somewhere."""
        if len(values) < _FEW:
            return [(self._shape(value), {identity(value): value}) for value in values if not is_atom(value)]
        found: list[tuple[Shape, dict[int, object]]] = []
        kinds = _kinds_of(values)
        for kind in kinds:
            if not hashes_itself(kind) and kind in ATOMS:
                continue
            some = values if len(kinds) == 1 else [value for value in values if type(value) is kind]
            members = dict(zip(map(identity, some), some))
            if issubclass(kind, (type, ModuleType)):
                found += [(shape(value), {at: value}) for at, value in members.items()]
            else:
                found.append((self._shape(next(iter(members.values()))), members))
        return found

    def _shape(self, value: object) -> Shape:
        kind = type(value)
        # To find the shape of a class of the notebook takes long, and nobody keeps it.
        form = self._shapes.get(identity(kind))
        if form is None:
            form = shape(value)
            if not issubclass(kind, (type, ModuleType)):
                self._shapes[identity(kind)] = form
        return form

    def meet(self, values: Iterable[object]) -> None:
        """Take note of values without asking what they hold."""
        for value in values:
            if not is_atom(value):
                self._note(self._shape(value), {identity(value): value})

    def _look(self, form: Shape, members: dict[int, object]) -> list[object]:
        """Take note of objects of one shape; answer what they hold."""
        seen = self._seen
        if not seen.keys().isdisjoint(members):
            members = {at: value for at, value in members.items() if at not in seen}
            if not members:
                return []
        seen.update(members)
        self._note(form, members)
        return [] if form.bare else form.spread(list(members.values()))

    def _note(self, form: Shape, members: dict[int, object]) -> None:
        self.kinds.add(form.kind)
        if form.changes:
            known = self.changing.setdefault(identity(form), (form, {}))
            known[1].update(members)


def _kinds_of(values: Iterable[object]) -> list[type]:
    """The types of the values, each once."""
    try:
        return list(dict.fromkeys(map(type, values)))
    except Exception:  # noqa: BLE001  # the class of a class may have any `__hash__`
        return list({identity(type(value)): type(value) for value in values}.values())


@fixed
class Change:
    """An object that is not in the state any more that it was in."""

    value: object
    shape: Shape
    before: object

    def undo(self) -> bool:
        """Put the earlier state back; answer whether that was possible."""
        return restore(self.value, self.shape, self.before)


def restore(value: object, form: Shape, state: object) -> bool:
    if not form.restores:
        return False
    try:
        form.put(value, state)
    except CannotRestore:
        return False
    return form.alike(value, state)


@fixed
class _Group:
    """Objects of one type, and the states they were in."""

    shape: Shape
    values: list[object]
    states: list[Any]

    def changes(self) -> Iterator[Change]:
        if len(self.values) > 1 and self.shape.all_alike(self.values, self.states):
            return
        for value, state in zip(self.values, self.states):
            if not self.shape.alike(value, state):
                yield Change(value, self.shape, state)


def _groups(form: Shape, values: Iterable[object]) -> list[_Group]:
    every = list(values)
    parts = [every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE)]
    return [_Group(form, part, form.take_all(part)) for part in parts]


class Survey:
    """The state of everything behind some values, to be compared with what it is later."""

    @_undisturbed
    def __init__(
        self, values: Iterable[object], around: Collection[object] = (), alone: Iterable[object] = ()
    ) -> None:
        """Behind those `alone` nothing else that may change is known to stand: nobody looks for it again."""
        walk = _Walk(values)
        walk.meet(alone)
        self.vast = walk.vast
        self.kinds = walk.kinds
        self._groups = [
            group for form, members in walk.changing.values() for group in _groups(form, members.values())
        ]
        self._groups += [group for value in around for group in _groups(changed_by_name(value), (value,))]

    @_undisturbed
    def changes(self) -> list[Change]:
        """The objects that are not as they were."""
        return [change for group in self._groups for change in group.changes()]

    def lent(self) -> Iterator[tuple[object, Sequence[object]]]:
        """Objects that share something with others now, and what."""
        for group in self._groups:
            if group.shape.kind == "frame":
                for value in group.values:
                    if found := group.shape.lent(value):
                        yield value, found

    def opaque(self) -> list[object]:
        """The objects that nobody can see into."""
        return [
            value
            for group in self._groups
            if group.shape.kind == "opaque" and not group.shape.sees
            for value in group.values
        ]
