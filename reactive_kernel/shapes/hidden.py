"""Objects that keep their state to themselves."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterable
from typing import Any, cast

from .shape import Mutable

# Asked of the class this way, no class of classes has a say in it.
_DICTIONARY_AT: Any = vars(type)["__dictoffset__"]


def held_inside(value: object) -> list[object]:
    """What an object holds where only C code sees it. It relies on its containers: these stay as they are."""
    found: list[object] = []
    fields = _DICTIONARY_AT.__get__(type(value)) != 0
    for held in gc.get_referents(value):
        kind = cast("Any", type(held))
        if fields and not issubclass(kind, type):
            # It may be the value of a field as well.
            found.append(held)
        elif kind is dict:
            found += [*held.keys(), *held.values()]
        elif kind in (list, set, deque, bytearray):
            found += held
        elif not issubclass(kind, type):
            found.append(held)
    return found


class Opaque(Mutable):
    """An object that keeps its state to itself."""

    sees = False

    kind = "opaque"
    restores = False

    def parts(self, value: Any) -> Iterable[object]:
        return held_inside(value)


class Sealed(Opaque):
    """An object whose inside is nobody's business."""

    def parts(self, value: Any) -> Iterable[object]:
        return ()
