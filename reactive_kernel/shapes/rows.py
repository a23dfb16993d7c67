"""Says of long lists whether they hold the same objects, by what lies in memory: a tenth of the time."""

from __future__ import annotations

import sys
from ctypes import c_void_p, sizeof, string_at
from typing import Any, Final

from ..memory import same_memory
from .shape import LIST, identical

_POINTER: Final = sizeof(c_void_p)
# A list keeps where its items are, and then for how many there is room.
_PLACE: Final = list.__basicsize__ - 2 * _POINTER
# So many items are compared at once, while the processor still has them at hand.
_STEP: Final = 8192


def same_row(value: list[Any], state: list[Any]) -> bool:
    """Does a list hold what was noted of it? Others may change it meanwhile, but must not know the note."""
    length = LIST.__len__(value)
    if length != len(state):
        return False
    if length < _STEP or not _FOUND:
        return identical(LIST.__iter__(value), state)
    start = _items_of(state)
    return all(
        _lie_at(
            LIST.__getitem__(value, slice(at, at + _STEP)), start + at * _POINTER, min(_STEP, length - at)
        )
        for at in range(0, length, _STEP)
    )


def _lie_at(some: list[Any], place: int, length: int) -> bool:
    """Are those the objects that a part of another list holds?"""
    return len(some) == length and same_memory(_items_of(some), place, length * _POINTER)


def _items_of(row: list[Any]) -> int:
    """Where the items of a list are that nobody else can change: elsewhere as soon as it grows."""
    return c_void_p.from_address(id(row) + _PLACE).value or 0


def _finds() -> bool:
    """Do lists keep their items as we think?"""
    row: list[Any] = [object(), 1, "two", None]
    expected = b"".join(bytes(c_void_p(id(each))) for each in row)
    place = _items_of(row)
    return place != 0 and string_at(place, len(expected)) == expected


_FOUND: Final = sys.implementation.name == "cpython" and _finds()
