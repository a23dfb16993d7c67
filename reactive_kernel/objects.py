"""Object graphs: what can be reached from a value, and which of it a run has changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from .cell import NOTHING
from .shapes import ATOMS, MODULE, CannotRestore, Shape, shape

# So many objects behind one value are looked at; whoever has more is called vast.
MOST: Final = 500_000
_NO_IDS: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Reach:
    """What can be reached from a value: the objects that may change, and which kinds there are."""

    # By their ids: whoever only remembers the objects must not keep them alive.
    ids: frozenset[int] = _NO_IDS
    kinds: frozenset[str] = NOTHING
    vast: bool = False


NOWHERE: Final = Reach()
_ATOM: Final = Reach(kinds=frozenset(("atom",)))


def reach(value: object) -> Reach:
    """Look at everything behind a value."""
    if type(value) in ATOMS:
        return _ATOM
    found = _Walk((value,))
    return Reach(frozenset(found.changing), frozenset(found.kinds), found.vast)


class _Walk:
    """Everything that can be reached from some values, each object once."""

    def __init__(self, roots: Iterable[object], most: int = MOST) -> None:
        self.kinds: set[str] = set()
        # The objects that may change, and their shapes.
        self.changing: dict[int, tuple[object, Shape]] = {}
        self.vast = False
        self._go(roots, most)

    def _go(self, roots: Iterable[object], most: int) -> None:
        todo = list(roots)
        # Holds what it has seen: the parts of some objects are made when asked for.
        seen: dict[int, object] = {}
        changing, kinds = self.changing, self.kinds
        while todo:
            value = todo.pop()
            if type(value) in ATOMS:
                continue
            key = id(value)
            if key in seen:
                continue
            seen[key] = value
            form = shape(value)
            kinds.add(form.kind)
            if form.bare:
                continue
            if form.changes:
                changing[key] = value, form
            todo += form.parts(value)
            if len(seen) > most:
                self.vast = True
                return


@dataclass(frozen=True)
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


class Survey:
    """The state of everything behind some values, to be compared with what it is later."""

    def __init__(self, values: Iterable[object], modules: Collection[object] = ()) -> None:
        walk = _Walk(values)
        self.vast = walk.vast
        self.kinds = walk.kinds
        self._places = [(value, form, form.take(value)) for value, form in walk.changing.values()]
        self._places += [(module, MODULE, MODULE.take(module)) for module in modules]

    def changes(self) -> list[Change]:
        """The objects that are not as they were."""
        return [
            Change(value, form, state) for value, form, state in self._places if not form.alike(value, state)
        ]

    def opaque(self) -> list[object]:
        """The objects that nobody can see into."""
        return [value for value, form, _ in self._places if form.kind == "opaque" and not form.sees]
