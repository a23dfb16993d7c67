"""How the objects of a type keep their state: what every shape says, and what most need to say it."""

from __future__ import annotations

import functools
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import is_
from types import (
    CodeType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodWrapperType,
    NoneType,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any, Final

from ..equality import same

# Types whose objects neither change nor hold what does.
ATOMS: Final[frozenset[type]] = frozenset(
    (
        *(
            int,
            float,
            complex,
            bool,
            str,
            bytes,
            range,
            slice,
            NoneType,
            type(Ellipsis),
            type(NotImplemented),
        ),
        *(object, CodeType, WrapperDescriptorType, MethodDescriptorType, MethodWrapperType),
        *(GetSetDescriptorType, MemberDescriptorType),
    )
)
ABSENT: Final = object()
# What `__flags__` of a class says of one that was made while the program ran.
HEAP: Final = 1 << 9

# The builtins under names that say what is in them.
LIST: Final = list[object] if TYPE_CHECKING else list
DICT: Final = dict[Any, object] if TYPE_CHECKING else dict
SET: Final = set[object] if TYPE_CHECKING else set
DEQUE: Final = deque[object] if TYPE_CHECKING else deque
ORDERED: Final = OrderedDict[Any, object] if TYPE_CHECKING else OrderedDict

# Two states are alike only if the functions that they hold are the same ones.
alike_by_value: Final = functools.partial(same, functions=False)


class CannotRestore(Exception):
    """The object cannot be put back into an earlier state."""


class Shape:
    """Objects that hold others and never change themselves; the base of all others."""

    # The word for it in `manners.py`, which knows what leaves which objects alone.
    kind = "steady"
    # Has it a state of its own that may change?
    changes = False
    # Can an earlier state be put back?
    restores = False
    # Can a change be told?
    sees = True
    # Or is whoever may have changed it said to have done so?
    guesses = False
    # Is it something around the notebook, which is asked only where the source changes it?
    around = False
    # Does it hold nothing, so that nobody need ask?
    bare = False

    def __init__(self, parts: Callable[[Any], Iterable[object]] | None = None, kind: str = "") -> None:
        self._parts = parts
        self.kind = kind or self.kind

    def parts(self, value: Any) -> Iterable[object]:
        """The objects that can be reached from it at once."""
        return () if self._parts is None else self._parts(value)

    def take(self, value: Any) -> object:
        """Its own state, as far as it is not that of its parts."""
        return None

    def alike(self, value: Any, state: Any) -> bool:
        """Is it in the state that was taken? Runs nobody's code."""
        return True

    def agree(self, one: Any, other: Any) -> bool:
        """Are two states soundly equal, though not the same objects?"""
        return False

    def matches(self, one: Any, other: Any) -> bool:
        """Could one of two objects stand for the other, as far as they hold no objects that may change?"""
        return False

    def leads(self, value: Any, state: Any) -> bool:
        """Is there a way from the state that it is in to that one?"""
        return self.restores

    def put(self, value: Any, state: Any) -> None:
        """Put a state back, in place."""
        raise CannotRestore

    def lent(self, value: Any) -> Sequence[object]:
        """What it may come to hold together with others, though it itself stays the same."""
        return ()

    def torn(self, value: Any, state: Any) -> bool:
        """May somebody miss what was changed since, only because that state was kept?"""
        return False

    def weight(self, state: Any) -> int:
        """About how many bytes the state takes."""
        return 64

    # The same for many objects of one type at once, which some types do much faster than one by one.

    def spread(self, values: Sequence[Any]) -> list[object]:
        """The parts of all of them; nothing where none of the parts could change."""
        found: list[object] = []
        for value in values:
            found += self.parts(value)
        return found

    def take_all(self, values: Sequence[Any]) -> list[Any]:
        """The states of all of them."""
        return list(map(self.take, values))

    def all_alike(self, values: Sequence[Any], states: Sequence[Any]) -> bool:
        """Are all of them in the states that were taken? "No" also where asking one by one is as fast."""
        return False


def unless_atoms(held: Callable[[], Iterable[object]]) -> list[object]:
    """What is held, unless nothing of it could change."""
    try:
        return [] if ATOMS.issuperset(map(type, held())) else list(held())
    except Exception:  # noqa: BLE001  # the class of a class may have any `__hash__`
        return list(held())


def is_atom(value: object) -> bool:
    """Is it of a type whose objects neither change nor hold what does?"""
    kind = type(value)
    return type(kind) is type and kind in ATOMS


def hashes_itself(kind: type) -> bool:
    """Does a class decide itself what its hash is?"""
    return type(kind).__hash__ is not type.__hash__


def flat(values: Sequence[Iterable[object]]) -> Iterable[object]:
    return values[0] if len(values) == 1 else chain.from_iterable(values)


def as_long(values: Iterable[Any], states: Iterable[Any]) -> bool:
    return list(map(len, values)) == list(map(len, states))


def identical(one: Iterable[object], other: Iterable[object]) -> bool:
    return all(map(is_, one, other))


class Mutable(Shape):
    changes = True
    restores = True
