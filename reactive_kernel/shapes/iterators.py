"""Iterators, generators and open files: how far they have come."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from types import FrameType, GeneratorType
from typing import Any

from .hidden import held_inside
from .shape import CannotRestore, Mutable, identical


class Reduced(Mutable):
    """An iterator of a builtin container: how far it has come."""

    kind = "iterator"

    def parts(self, value: Any) -> Iterable[object]:
        return value.__reduce__()[1]

    def take(self, value: Any) -> object:
        reduced = value.__reduce__()
        # Who has come to the end holds nothing any more.
        return (reduced[1][0], *reduced[2:]) if len(reduced) > 2 else (None,)

    def alike(self, value: Any, state: Any) -> bool:
        now: Any = self.take(value)
        return len(now) == len(state) and self._same(now[0], state[0]) and now[1:] == state[1:]

    def leads(self, value: Any, state: Any) -> bool:
        # Whoever has come to the end cannot go back.
        now: Any = self.take(value)
        return len(now) == len(state) and self._same(now[0], state[0])

    def put(self, value: Any, state: Any) -> None:
        if not self.leads(value, state):
            raise CannotRestore
        if len(state) > 1:
            value.__setstate__(state[1])

    @staticmethod
    def _same(one: object, other: object) -> bool:
        # Some make their range or text anew whenever they are asked.
        return one is other or (
            type(one) in (range, str, bytes) and type(one) is type(other) and one == other
        )


class Moving(Mutable):
    """An iterator or open file whose place nobody can tell: whoever may have used it has changed it."""

    restores = False
    guesses = True

    def __init__(self, kind: str = "iterator") -> None:
        super().__init__(kind=kind)

    def parts(self, value: Any) -> Iterable[object]:
        return held_inside(value)

    def alike(self, value: Any, state: Any) -> bool:
        return False


class File(Moving):
    """An open file; once it is closed nothing changes any more."""

    def take(self, value: Any) -> object:
        return getattr(value, "closed", False)

    def alike(self, value: Any, state: Any) -> bool:
        return bool(state) and bool(self.take(value))


class Buffer(Mutable):
    """A file in memory."""

    kind = "iterator"

    def take(self, value: Any) -> object:
        return None if value.closed else (value.getvalue(), value.tell())

    def alike(self, value: Any, state: Any) -> bool:
        return bool(self.take(value) == state)

    def put(self, value: Any, state: Any) -> None:
        if state is None or value.closed:
            raise CannotRestore
        value.seek(0)
        value.truncate()
        value.write(state[0])
        value.seek(state[1])

    def weight(self, state: Any) -> int:
        return 64 + len(state[0]) if state else 64


class Counting(Moving):
    """An iterator that says how far it has come."""

    guesses = False

    def __init__(self, tell: Callable[[Any], object]) -> None:
        super().__init__()
        self._tell = tell

    def take(self, value: Any) -> object:
        return self._tell(value)

    def alike(self, value: Any, state: Any) -> bool:
        return self.take(value) == state


class Passing(Moving):
    """An iterator over others that keeps nothing but what it holds: it is where they are."""

    guesses = False

    def take(self, value: Any) -> object:
        return gc.get_referents(value)

    def alike(self, value: Any, state: Any) -> bool:
        now = gc.get_referents(value)
        return len(now) == len(state) and identical(now, state)


class Generator(Moving):
    """A generator: where it stands, and what it holds there."""

    guesses = False

    def take(self, value: Any) -> object:
        frame = value.gi_frame if type(value) is GeneratorType else value.cr_frame
        if frame is None:
            return None
        # Until Python 3.10 what it works on is the frame's own.
        held = [*gc.get_referents(value), *held_by_frame(frame)]
        if any(type(each) is dict for each in held):
            # Until Python 3.12 it keeps the dictionary in which somebody has looked its variables up.
            looked_up = frame.f_locals
            held = [each for each in held if each is not looked_up]
        return frame.f_lasti, held

    def alike(self, value: Any, state: Any) -> bool:
        now: Any = self.take(value)
        if now is None or state is None:
            return now is state
        return now[0] == state[0] and len(now[1]) == len(state[1]) and identical(now[1], state[1])


def held_by_frame(frame: Any) -> list[object]:
    """What a suspended frame works on, but not the world around it, nor a debugger that follows it."""
    around = (frame.f_globals, frame.f_builtins, frame.f_trace)
    return [
        held
        for held in gc.get_referents(frame)
        if type(held) is not FrameType and not any(held is each for each in around)
    ]
