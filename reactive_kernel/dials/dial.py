"""One process-wide state, and how two of its states are compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from operator import is_
from re import Pattern
from types import BuiltinFunctionType
from typing import Any, Final, cast

from ..cell import Resource

# Hints about a run that are no modules.
FILES_RELATIVE: Final = "files.relative"
IMPORTS: Final = "imports"
SUBPROCESS: Final = "process"
# What every run goes by.
PERVASIVE: Final = frozenset(("interpreter:",))


class Dial(ABC):
    """One process-wide state."""

    resource: Resource
    # A run that has one of these modules or hints depends on the state.
    read_under: frozenset[str] = frozenset()

    def available(self) -> bool:
        """Is what the state belongs to there? Never imports anything."""
        return True

    @abstractmethod
    def read(self) -> object:
        """The state, as a value that later changes leave alone."""

    @abstractmethod
    def write(self, state: Any) -> None:
        """Put a state back, exactly."""

    @abstractmethod
    def alike(self, old: Any, new: Any) -> bool:
        """Are two states soundly equal?"""


class Lasting(Dial):
    """A dial that imports change for good."""

    @abstractmethod
    def carry(self, state: Any, before: Any, after: Any) -> object:
        """A state with what an import changed, which happened after it was noted."""


# Equality that runs nobody's code

EXACT: Final = frozenset((int, bool, str, bytes, Pattern))
DIGITS: Final = frozenset((float, complex))


def same(old: object, new: object) -> bool:
    if old is new:
        return True
    kind = type(old)
    if kind is not type(new):
        return False
    if kind in EXACT:
        return old == new
    if kind in DIGITS:
        # `repr` tells -0.0 from 0.0, and holds one NaN equal to another.
        return repr(old) == repr(new)
    if kind is BuiltinFunctionType:
        return _same_method(cast("BuiltinFunctionType", old), cast("BuiltinFunctionType", new))
    return kind is tuple and same_items(cast("tuple[object, ...]", old), cast("tuple[object, ...]", new))


def _same_method(old: BuiltinFunctionType, new: BuiltinFunctionType) -> bool:
    """`"{:.2f}".format` is another object each time."""
    return old.__name__ == new.__name__ and type(old.__self__) is str and same(old.__self__, new.__self__)


def same_items(old: Sequence[object], new: Sequence[object]) -> bool:
    if len(old) != len(new):
        return False
    return all(map(is_, old, new)) or all(map(same, old, new))
