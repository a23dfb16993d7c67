"""The generators of random numbers behind `random` and `numpy.random`."""

from __future__ import annotations

import ctypes
import random
import struct
import sys
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from .dial import Dial, same, same_items


class _Words:
    """Finds a Mersenne twister's words where they lie in memory: a fiftieth of the time that asking takes.

    It is trusted only after it gave what the generator said of itself.
    """

    def __init__(self, address: int, length: int, expected: bytes) -> None:
        self._at = 0
        self._expected = expected
        offset = ctypes.string_at(address, length).find(expected)
        if offset >= 0:
            self._at = address + offset

    def __bool__(self) -> bool:
        return self._at != 0

    def look(self) -> bytes:
        return ctypes.string_at(self._at, len(self._expected))

    def unchanged(self) -> bool:
        return self.look() == self._expected


class Random(Dial):
    """The generator behind `random.random` and its like."""

    resource = "random:random"

    def __init__(self) -> None:
        self._generator: Any = cast("Any", random)._inst
        words = self._ask()
        # The object holds the position before the words.
        self._words = _Words(id(self._generator), type(self._generator).__basicsize__, words)

    def _ask(self) -> bytes:
        _, (*words, position), _ = self._generator.getstate()
        return array("i", (position,)).tobytes() + array("I", words).tobytes()

    def read(self) -> tuple[bytes, float | None]:
        words = self._words.look() if self._words else self._ask()
        return words, self._generator.gauss_next

    def write(self, state: tuple[bytes, float | None]) -> None:
        words, gauss = state
        (position,) = array("i", words[:4])
        self._generator.setstate((3, (*array("I", words[4:]), position), gauss))

    def alike(self, old: tuple[bytes, float | None], new: tuple[bytes, float | None]) -> bool:
        return old[0] == new[0] and same(old[1], new[1])


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A state of numpy's generator."""

    generator: Any
    # The bit generator itself: `set_bit_generator` puts another one there.
    source: Any
    state: Mapping[str, Any]
    content: tuple[object, ...]
    # While all of these are unchanged, so is the state.
    looks: tuple[_Words, ...]


class NumpyRandom(Dial):
    """The generator behind `numpy.random.rand` and its like."""

    resource = "random:numpy"

    def __init__(self) -> None:
        self._last: _Drawn | None = None

    def _generator(self) -> Any:
        return getattr(sys.modules.get("numpy.random.mtrand"), "_rand", None)

    def available(self) -> bool:
        return hasattr(self._generator(), "_bit_generator")

    def read(self) -> _Drawn:
        generator = self._generator()
        last = self._last
        if (
            last is not None
            and last.looks
            and last.generator is generator
            and last.source is generator._bit_generator
            and all(look.unchanged() for look in last.looks)
        ):
            return last
        self._last = last = self._ask(generator)
        return last

    def _ask(self, generator: Any) -> _Drawn:
        source, state = generator._bit_generator, generator.get_state(legacy=False)
        looks: list[_Words] = []
        if state["bit_generator"] == "MT19937" and hasattr(source, "ctypes"):
            words = state["state"]["key"].tobytes() + array("i", (state["state"]["pos"],)).tobytes()
            looks.append(_Words(source.ctypes.state_address, len(words), words))
            # Of two normal numbers made at once the object keeps one: to take that leaves the words alone.
            normal = struct.pack("id", state["has_gauss"], state["gauss"])
            looks.append(_Words(id(generator) + _offset_of_normal(generator.__class__), len(normal), normal))
        return _Drawn(
            generator, source, state, tuple(_leaves(state)), tuple(looks) if looks and all(looks) else ()
        )

    def write(self, state: _Drawn) -> None:
        generator = self._generator()
        if generator._bit_generator is not state.source:
            sys.modules["numpy.random.mtrand"].set_bit_generator(state.source)
        generator.set_state(state.state)

    def alike(self, old: _Drawn, new: _Drawn) -> bool:
        return old is new or (old.source is new.source and same_items(old.content, new.content))


@lru_cache(maxsize=1)
def _offset_of_normal(kind: Any) -> int:
    """Where in numpy's generators the stored normal number is, after whether there is one."""
    trial = kind(1)
    trial.standard_normal()
    normal = struct.pack("id", 1, trial.get_state(legacy=False)["gauss"])
    # Where it is not found, the object's head is looked at, which never is what is expected.
    return max(0, ctypes.string_at(id(trial), kind.__basicsize__).find(normal))


def _leaves(state: Mapping[str, Any]) -> Iterator[object]:
    for key, value in state.items():
        yield key
        if isinstance(value, Mapping):
            yield from _leaves(cast("Mapping[str, Any]", value))
        else:
            yield value.tobytes() if hasattr(value, "tobytes") else value
