"""Objects that keep their state to themselves."""

from __future__ import annotations

import gc
import re
import sys
from collections import deque
from collections.abc import Iterable
from typing import Any, Final, cast

from .shape import CannotRestore, Mutable

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


_COUNT: Final = re.compile(r"\bcount=(\d+)")


class Lock(Mutable):
    """A lock: whether, or how often, it is held."""

    kind = "instance"

    def take(self, value: Any) -> object:
        # How often its owner has taken a lock only its description tells.
        found = _COUNT.search(repr(value))
        return int(found[1]) if found else int(value.locked())

    def alike(self, value: Any, state: Any) -> bool:
        return self.take(value) == state

    def agree(self, one: Any, other: Any) -> bool:
        return one == other

    def put(self, value: Any, state: Any) -> None:
        try:
            for _ in range(cast("int", self.take(value)), state):
                if not value.acquire(blocking=False):
                    raise CannotRestore
            for _ in range(state, cast("int", self.take(value))):
                value.release()
        except RuntimeError:
            # Another thread has it.
            raise CannotRestore from None


class Memory(Mutable):
    """Memory in the layout of C: numbers, arrays and structures of `ctypes`."""

    kind = "array"

    def take(self, value: Any) -> object:
        return bytes(value)

    def alike(self, value: Any, state: Any) -> bool:
        return bytes(value) == state

    def agree(self, one: Any, other: Any) -> bool:
        return one == other

    def put(self, value: Any, state: Any) -> None:
        ctypes: Any = sys.modules["ctypes"]
        ctypes.memmove(ctypes.addressof(value), state, len(state))

    def weight(self, state: Any) -> int:
        return len(state)


class Sealed(Opaque):
    """An object whose inside is nobody's business."""

    def parts(self, value: Any) -> Iterable[object]:
        return ()
