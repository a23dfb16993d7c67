"""The builtin containers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from .rows import same_row
from .shape import (
    DEQUE,
    DICT,
    LIST,
    ORDERED,
    SET,
    CannotRestore,
    Mutable,
    Shape,
    alike_by_value,
    as_long,
    flat,
    identical,
    unless_atoms,
)


class Fixed(Shape):
    """A container that never changes: what it holds might."""

    def __init__(self, exact: type) -> None:
        super().__init__()
        self._iterate: Callable[[Any], Iterator[object]] = exact.__iter__

    def parts(self, value: Any) -> Iterable[object]:
        return self._iterate(value)

    def spread(self, values: Sequence[Any]) -> list[object]:
        return unless_atoms(lambda: flat(values))


class List(Mutable):
    def parts(self, value: Any) -> Iterable[object]:
        # A subclass may have an `__iter__` and a `__len__` of its own.
        return LIST.__iter__(value)

    def spread(self, values: Sequence[Any]) -> list[object]:
        return unless_atoms(lambda: flat(values))

    def take(self, value: Any) -> object:
        return LIST.copy(value)

    def take_all(self, values: Sequence[Any]) -> list[Any]:
        return list(map(LIST.copy, values))

    def alike(self, value: Any, state: Any) -> bool:
        return same_row(value, state)

    def all_alike(self, values: Sequence[Any], states: Sequence[Any]) -> bool:
        return as_long(values, states) and identical(chain.from_iterable(values), chain.from_iterable(states))

    def agree(self, one: Any, other: Any) -> bool:
        return len(one) == len(other) and all(map(alike_by_value, one, other))

    def put(self, value: Any, state: Any) -> None:
        LIST.__setitem__(value, slice(None), state)

    def weight(self, state: Any) -> int:
        return 56 + 8 * len(state)


class Dict(Mutable):
    def parts(self, value: Any) -> Iterable[object]:
        return self.spread((value,))

    def spread(self, values: Sequence[Any]) -> list[object]:
        # Few keys can change.
        keys = unless_atoms(lambda: chain.from_iterable(map(DICT.__iter__, values)))
        return keys + unless_atoms(lambda: chain.from_iterable(map(DICT.values, values)))

    def take(self, value: Any) -> object:
        return copied(value)

    def take_all(self, values: Sequence[Any]) -> list[Any]:
        return list(map(DICT.copy, values))

    def alike(self, value: Any, state: Any) -> bool:
        return same_dict(value, state)

    def all_alike(self, values: Sequence[Any], states: Sequence[Any]) -> bool:
        return same_dicts(values, states)

    def agree(self, one: Any, other: Any) -> bool:
        return agree_dict(one, other)

    def put(self, value: Any, state: Any) -> None:
        DICT.clear(value)
        DICT.update(value, state)

    def weight(self, state: Any) -> int:
        return 64 + 100 * len(state)


class Ordered(Mutable):
    """A dictionary that keeps an order of its own beside that of the dictionary that it is."""

    def parts(self, value: Any) -> Iterable[object]:
        return [*DICT.__iter__(value), *DICT.values(value)]

    def take(self, value: Any) -> object:
        # Its own copy would ask the keys for their hashes.
        return tuple(DICT.__iter__(value)), tuple(DICT.values(value)), tuple(ORDERED.__iter__(value))

    def alike(self, value: Any, state: Any) -> bool:
        now: Any = self.take(value)
        return as_long(now, state) and all(map(identical, now, state))

    def agree(self, one: Any, other: Any) -> bool:
        return as_long(one, other) and all(all(map(alike_by_value, a, b)) for a, b in zip(one, other))

    def put(self, value: Any, state: Any) -> None:
        keys, values, order = state
        ORDERED.clear(value)
        for key, held in zip(keys, values):
            ORDERED.__setitem__(value, key, held)
        for key in order:
            ORDERED.move_to_end(value, key)

    def weight(self, state: Any) -> int:
        return 64 + 200 * len(state[0])


class Default(Dict):
    # Looking up what it does not have changes it.
    kind = "plain"

    def take(self, value: Any) -> object:
        return copied(value), value.default_factory

    def take_all(self, values: Sequence[Any]) -> list[Any]:
        return list(map(self.take, values))

    def spread(self, values: Sequence[Any]) -> list[object]:
        return super().spread(values) + [value.default_factory for value in values]

    def alike(self, value: Any, state: Any) -> bool:
        return value.default_factory is state[1] and super().alike(value, state[0])

    def all_alike(self, values: Sequence[Any], states: Sequence[Any]) -> bool:
        return False

    def agree(self, one: Any, other: Any) -> bool:
        return one[1] is other[1] and agree_dict(one[0], other[0])

    def put(self, value: Any, state: Any) -> None:
        DICT.clear(value)
        DICT.update(value, state[0])
        value.default_factory = state[1]

    def weight(self, state: Any) -> int:
        return super().weight(state[0])


class Set(Mutable):
    def parts(self, value: Any) -> Iterable[object]:
        return SET.__iter__(value)

    def spread(self, values: Sequence[Any]) -> list[object]:
        return unless_atoms(lambda: flat(values))

    def take(self, value: Any) -> object:
        return tuple(SET.__iter__(value)), SET.copy(value)

    def alike(self, value: Any, state: Any) -> bool:
        # In the same order, too: that is what a loop over the set would see.
        return SET.__len__(value) == len(state[0]) and identical(SET.__iter__(value), state[0])

    def agree(self, one: Any, other: Any) -> bool:
        return len(one[0]) == len(other[0]) and all(map(alike_by_value, one[0], other[0]))

    def put(self, value: Any, state: Any) -> None:
        for fill in (state[1], state[0]):
            SET.clear(value)
            SET.update(value, fill)
            if self.alike(value, state):
                return
        raise CannotRestore

    def weight(self, state: Any) -> int:
        return 200 + 80 * len(state[0])


class Bytes(Mutable):
    def take(self, value: Any) -> object:
        return bytes(value)

    def alike(self, value: Any, state: Any) -> bool:
        return len(value) == len(state) and value == state

    def put(self, value: Any, state: Any) -> None:
        try:
            bytearray.__setitem__(value, slice(None), state)
        except BufferError:
            raise CannotRestore from None

    def weight(self, state: Any) -> int:
        return len(state)


class Deque(Mutable):
    def parts(self, value: Any) -> Iterable[object]:
        return DEQUE.__iter__(value)

    def take(self, value: Any) -> object:
        return list(DEQUE.__iter__(value))

    def alike(self, value: Any, state: Any) -> bool:
        return DEQUE.__len__(value) == len(state) and identical(DEQUE.__iter__(value), state)

    def agree(self, one: Any, other: Any) -> bool:
        return len(one) == len(other) and all(map(alike_by_value, one, other))

    def put(self, value: Any, state: Any) -> None:
        DEQUE.clear(value)
        DEQUE.extend(value, state)

    def weight(self, state: Any) -> int:
        return 600 + 8 * len(state)


def copied(value: dict[Any, object]) -> dict[Any, object]:
    # Of a subclass `copy` may call methods; of others it does not even ask for hashes.
    plain = type(value).__iter__ is DICT.__iter__
    return DICT.copy(value) if plain else dict(DICT.items(value))


def same_dict(one: dict[Any, object], other: dict[Any, object]) -> bool:
    """Do they hold the same objects, in the same order? A subclass may have methods of its own."""
    return (
        DICT.__len__(one) == len(other)
        and identical(DICT.__iter__(one), other)
        and identical(DICT.values(one), other.values())
    )


def same_dicts(ones: Sequence[dict[Any, object]], others: Sequence[dict[Any, object]]) -> bool:
    return (
        list(map(DICT.__len__, ones)) == list(map(len, others))
        and identical(chain.from_iterable(map(DICT.__iter__, ones)), chain.from_iterable(others))
        and identical(
            chain.from_iterable(map(DICT.values, ones)), chain.from_iterable(map(DICT.values, others))
        )
    )


def agree_dict(one: Mapping[Any, object], other: Mapping[Any, object]) -> bool:
    return (
        len(one) == len(other)
        and all(map(alike_by_value, one, other))
        and all(map(alike_by_value, one.values(), other.values()))
    )
