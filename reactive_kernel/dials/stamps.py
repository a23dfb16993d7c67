"""The number that Python gives a dictionary at each of its changes: to ask for it is cheaper than to look.

It is what PEP 509 calls the version of a dictionary. Pythons before 3.13 have it, but no way to ask for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ctypes import c_uint64
from functools import partial
from typing import Any, Final

# It stands in the dictionary itself, after what every object has and how many keys there are.
_PLACE: Final = object.__basicsize__ + 8


def _number_of(dictionary: dict[Any, Any]) -> c_uint64:
    """The dictionary's number, as it is whenever somebody asks while the dictionary is there."""
    return c_uint64.from_address(id(dictionary) + _PLACE)


class Stamps:
    """Says whether dictionaries are as they were when this was made: only where `STAMPED` says it can."""

    def __init__(self, dictionaries: Iterable[dict[Any, Any]]) -> None:
        self.held = [*dictionaries]
        self._numbers = [_number_of(each) for each in self.held]
        self._were = [each.value for each in self._numbers]

    def unchanged(self) -> bool:
        return [each.value for each in self._numbers] == self._were


def _shows_changes() -> bool:
    """Does that number change with whatever is done to a dictionary, also to that of an instance?"""
    trial: dict[str, object] = {"kept": 1, "changed": 1}
    owner = _Owner()
    changes: tuple[Callable[[], object], ...] = (
        lambda: trial.__setitem__("changed", 2),
        lambda: trial.__setitem__("new", 1),
        lambda: trial.__delitem__("new"),
        lambda: trial.update(kept=2),
        lambda: trial.pop("kept"),
        lambda: trial.setdefault("kept", 3),
        trial.clear,
    )
    # So often that Python has its short cuts ready.
    settings = (partial(owner.set, each) for each in range(100))
    return all(_shows(_number_of(trial), each) for each in changes) and all(
        _shows(_number_of(vars(owner)), each) for each in settings
    )


class _Owner:
    def __init__(self) -> None:
        self.held: object = None

    def set(self, held: object) -> None:
        self.held = held


def _shows(number: c_uint64, change: Callable[[], object]) -> bool:
    before = number.value
    change()
    return number.value != before


STAMPED: Final = _shows_changes()
