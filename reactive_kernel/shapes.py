"""How each type keeps its state: what it holds, how to note it, how to tell a change, how to put it back."""

from __future__ import annotations

import functools
import gc
import itertools
import os
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from itertools import chain, repeat
from operator import is_
from pathlib import Path
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    NoneType,
    SimpleNamespace,
    WrapperDescriptorType,
)
from typing import TYPE_CHECKING, Any, Final, cast

from .equality import same

_ABSENT: Final = object()

# The builtins under names that say what is in them.
_LIST: Final = list[object] if TYPE_CHECKING else list
_DICT: Final = dict[Any, object] if TYPE_CHECKING else dict
_SET: Final = set[object] if TYPE_CHECKING else set
_DEQUE: Final = deque[object] if TYPE_CHECKING else deque
_ORDERED: Final = OrderedDict[Any, object] if TYPE_CHECKING else OrderedDict


# Two states are alike only if the functions that they hold are the same ones.
_same: Final = functools.partial(same, functions=False)


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


def _unless_atoms(held: Callable[[], Iterable[object]]) -> list[object]:
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


def _flat(values: Sequence[Iterable[object]]) -> Iterable[object]:
    return values[0] if len(values) == 1 else chain.from_iterable(values)


def _as_long(values: Iterable[Any], states: Iterable[Any]) -> bool:
    return list(map(len, values)) == list(map(len, states))


def _identical(one: Iterable[object], other: Iterable[object]) -> bool:
    return all(map(is_, one, other))


class _Mutable(Shape):
    changes = True
    restores = True


class _Fixed(Shape):
    """A container that never changes: what it holds might."""

    def __init__(self, exact: type) -> None:
        super().__init__()
        self._iterate: Callable[[Any], Iterator[object]] = exact.__iter__  # type: ignore[attr-defined]

    def parts(self, value: Any) -> Iterable[object]:
        return self._iterate(value)

    def spread(self, values: Sequence[Any]) -> list[object]:
        return _unless_atoms(lambda: _flat(values))


class _List(_Mutable):
    def parts(self, value: Any) -> Iterable[object]:
        # A subclass may have an `__iter__` and a `__len__` of its own.
        return _LIST.__iter__(value)

    def spread(self, values: Sequence[Any]) -> list[object]:
        return _unless_atoms(lambda: _flat(values))

    def take(self, value: Any) -> object:
        return _LIST.copy(value)

    def take_all(self, values: Sequence[Any]) -> list[Any]:
        return list(map(_LIST.copy, values))

    def alike(self, value: Any, state: Any) -> bool:
        return _LIST.__len__(value) == len(state) and _identical(_LIST.__iter__(value), state)

    def all_alike(self, values: Sequence[Any], states: Sequence[Any]) -> bool:
        return _as_long(values, states) and _identical(
            chain.from_iterable(values), chain.from_iterable(states)
        )

    def agree(self, one: Any, other: Any) -> bool:
        return len(one) == len(other) and all(map(_same, one, other))

    def put(self, value: Any, state: Any) -> None:
        _LIST.__setitem__(value, slice(None), state)

    def weight(self, state: Any) -> int:
        return 56 + 8 * len(state)


class _Dict(_Mutable):
    def parts(self, value: Any) -> Iterable[object]:
        return self.spread((value,))

    def spread(self, values: Sequence[Any]) -> list[object]:
        # Few keys can change.
        keys = _unless_atoms(lambda: chain.from_iterable(map(_DICT.__iter__, values)))
        return keys + _unless_atoms(lambda: chain.from_iterable(map(_DICT.values, values)))

    def take(self, value: Any) -> object:
        return _copied(value)

    def take_all(self, values: Sequence[Any]) -> list[Any]:
        return list(map(_DICT.copy, values))

    def alike(self, value: Any, state: Any) -> bool:
        return _same_dict(value, state)

    def all_alike(self, values: Sequence[Any], states: Sequence[Any]) -> bool:
        return _same_dicts(values, states)

    def agree(self, one: Any, other: Any) -> bool:
        return _agree_dict(one, other)

    def put(self, value: Any, state: Any) -> None:
        _DICT.clear(value)
        _DICT.update(value, state)

    def weight(self, state: Any) -> int:
        return 64 + 100 * len(state)


class _Ordered(_Mutable):
    """A dictionary that keeps an order of its own beside that of the dictionary that it is."""

    def parts(self, value: Any) -> Iterable[object]:
        return [*_DICT.__iter__(value), *_DICT.values(value)]

    def take(self, value: Any) -> object:
        # Its own copy would ask the keys for their hashes.
        return tuple(_DICT.__iter__(value)), tuple(_DICT.values(value)), tuple(_ORDERED.__iter__(value))

    def alike(self, value: Any, state: Any) -> bool:
        now: Any = self.take(value)
        return _as_long(now, state) and all(map(_identical, now, state))

    def agree(self, one: Any, other: Any) -> bool:
        return _as_long(one, other) and all(all(map(_same, a, b)) for a, b in zip(one, other))

    def put(self, value: Any, state: Any) -> None:
        keys, values, order = state
        _ORDERED.clear(value)
        for key, held in zip(keys, values):
            _ORDERED.__setitem__(value, key, held)
        for key in order:
            _ORDERED.move_to_end(value, key)

    def weight(self, state: Any) -> int:
        return 64 + 200 * len(state[0])


class _Default(_Dict):
    # Looking up what it does not have changes it.
    kind = "plain"

    def take(self, value: Any) -> object:
        return _copied(value), value.default_factory

    def take_all(self, values: Sequence[Any]) -> list[Any]:
        return list(map(self.take, values))

    def spread(self, values: Sequence[Any]) -> list[object]:
        return super().spread(values) + [value.default_factory for value in values]

    def alike(self, value: Any, state: Any) -> bool:
        return value.default_factory is state[1] and super().alike(value, state[0])

    def all_alike(self, values: Sequence[Any], states: Sequence[Any]) -> bool:
        return False

    def agree(self, one: Any, other: Any) -> bool:
        return one[1] is other[1] and _agree_dict(one[0], other[0])

    def put(self, value: Any, state: Any) -> None:
        _DICT.clear(value)
        _DICT.update(value, state[0])
        value.default_factory = state[1]

    def weight(self, state: Any) -> int:
        return super().weight(state[0])


class _Set(_Mutable):
    def parts(self, value: Any) -> Iterable[object]:
        return _SET.__iter__(value)

    def spread(self, values: Sequence[Any]) -> list[object]:
        return _unless_atoms(lambda: _flat(values))

    def take(self, value: Any) -> object:
        return tuple(_SET.__iter__(value)), _SET.copy(value)

    def alike(self, value: Any, state: Any) -> bool:
        # In the same order, too: that is what a loop over the set would see.
        return _SET.__len__(value) == len(state[0]) and _identical(_SET.__iter__(value), state[0])

    def agree(self, one: Any, other: Any) -> bool:
        return len(one[0]) == len(other[0]) and all(map(_same, one[0], other[0]))

    def put(self, value: Any, state: Any) -> None:
        for fill in (state[1], state[0]):
            _SET.clear(value)
            _SET.update(value, fill)
            if self.alike(value, state):
                return
        raise CannotRestore

    def weight(self, state: Any) -> int:
        return 200 + 80 * len(state[0])


class _Bytes(_Mutable):
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


class _Deque(_Mutable):
    def parts(self, value: Any) -> Iterable[object]:
        return _DEQUE.__iter__(value)

    def take(self, value: Any) -> object:
        return list(_DEQUE.__iter__(value))

    def alike(self, value: Any, state: Any) -> bool:
        return _DEQUE.__len__(value) == len(state) and _identical(_DEQUE.__iter__(value), state)

    def agree(self, one: Any, other: Any) -> bool:
        return len(one) == len(other) and all(map(_same, one, other))

    def put(self, value: Any, state: Any) -> None:
        _DEQUE.clear(value)
        _DEQUE.extend(value, state)

    def weight(self, state: Any) -> int:
        return 600 + 8 * len(state)


class _Cell(_Mutable):
    """The variable of an enclosing function."""

    kind = "function"

    def parts(self, value: Any) -> Iterable[object]:
        try:
            return (value.cell_contents,)
        except ValueError:
            return ()

    def take(self, value: Any) -> object:
        try:
            return value.cell_contents
        except ValueError:
            return _ABSENT

    def alike(self, value: Any, state: Any) -> bool:
        return self.take(value) is state

    def agree(self, one: Any, other: Any) -> bool:
        return _same(one, other)

    def put(self, value: Any, state: Any) -> None:
        if state is _ABSENT:
            del value.cell_contents
        else:
            value.cell_contents = state


class _Function(_Mutable):
    kind = "function"

    def parts(self, value: Any) -> Iterable[object]:
        yield from value.__closure__ or ()
        home = value.__globals__.get("__name__")
        if is_own(home):
            yield sys.modules.get(home)
        elif home != "__main__":
            # A library's: only what the notebook gave it to enclose is of interest.
            return
        yield from value.__defaults__ or ()
        yield from (value.__kwdefaults__ or {}).values()
        yield from value.__dict__.values()

    def take(self, value: Any) -> object:
        keywords = value.__kwdefaults__
        return (
            value.__code__,
            value.__defaults__,
            keywords,
            dict(keywords) if keywords else None,
            dict(value.__dict__),
        )

    def alike(self, value: Any, state: Any) -> bool:
        keywords = value.__kwdefaults__
        return (
            value.__code__ is state[0]
            and value.__defaults__ is state[1]
            and keywords is state[2]
            and (not keywords or _same_dict(keywords, state[3]))
            and _same_dict(value.__dict__, state[4])
        )

    def put(self, value: Any, state: Any) -> None:
        value.__code__, value.__defaults__ = state[0], state[1]
        if state[2] is not None:
            state[2].clear()
            state[2].update(state[3])
        value.__kwdefaults__ = state[2]
        value.__dict__.clear()
        value.__dict__.update(state[4])


def _copied(value: dict[Any, object]) -> dict[Any, object]:
    # Of a subclass `copy` may call methods; of others it does not even ask for hashes.
    plain = type(value).__iter__ is _DICT.__iter__
    return _DICT.copy(value) if plain else dict(_DICT.items(value))


def _same_dict(one: dict[Any, object], other: dict[Any, object]) -> bool:
    """Do they hold the same objects, in the same order? A subclass may have methods of its own."""
    return (
        _DICT.__len__(one) == len(other)
        and _identical(_DICT.__iter__(one), other)
        and _identical(_DICT.values(one), other.values())
    )


def _same_dicts(ones: Sequence[dict[Any, object]], others: Sequence[dict[Any, object]]) -> bool:
    return (
        list(map(_DICT.__len__, ones)) == list(map(len, others))
        and _identical(chain.from_iterable(map(_DICT.__iter__, ones)), chain.from_iterable(others))
        and _identical(
            chain.from_iterable(map(_DICT.values, ones)), chain.from_iterable(map(_DICT.values, others))
        )
    )


def _agree_dict(one: Mapping[Any, object], other: Mapping[Any, object]) -> bool:
    return (
        len(one) == len(other)
        and all(map(_same, one, other))
        and all(map(_same, one.values(), other.values()))
    )


# What a class holds that is not its user's doing.
_OF_CLASSES = frozenset(
    (
        *("__dict__", "__weakref__", "__doc__", "__abstractmethods__", "_abc_impl", "__module__"),
        *("__annotations__", "__annotate_func__", "__annotations_cache__", "__static_attributes__"),
        *("__firstlineno__", "__slotnames__"),
    )
)


class _Class(_Mutable):
    """A class that the notebook made."""

    kind = "function"

    def parts(self, value: Any) -> Iterable[object]:
        return [*self._own(value).values(), *value.__bases__]

    def take(self, value: Any) -> object:
        return self._own(value), value.__bases__

    def agree(self, one: Any, other: Any) -> bool:
        return one[1] is other[1] and _agree_dict(one[0], other[0])

    def alike(self, value: Any, state: Any) -> bool:
        return value.__bases__ is state[1] and _same_dict(self._own(value), state[0])

    def put(self, value: Any, state: Any) -> None:
        own, bases = state
        try:
            for name in self._own(value).keys() - own.keys():
                type.__delattr__(value, name)
            for name, held in own.items():
                if vars(value).get(name, _ABSENT) is not held:
                    type.__setattr__(value, name, held)
            if value.__bases__ is not bases:
                value.__bases__ = bases
        except (TypeError, AttributeError):
            raise CannotRestore from None
        if list(self._own(value)) != list(own):
            # Their order shows in `vars` and `dir` only; better to make the class again than to differ.
            raise CannotRestore

    @staticmethod
    def _own(value: type) -> dict[str, object]:
        return {name: held for name, held in vars(value).items() if name not in _OF_CLASSES}


class _Instance(_Mutable):
    """An instance of a class written in Python, and what it inherits from a builtin container."""

    def __init__(self, kind: type, base: Shape | None) -> None:
        super().__init__(kind="instance")
        self._base = base
        self._has_dict = kind.__dictoffset__ != 0
        self._slots = [
            descriptor
            for cls in kind.__mro__
            for descriptor in vars(cls).values()
            if type(descriptor) is MemberDescriptorType and cls.__flags__ & _HEAP
        ]

    def _fields(self, value: Any) -> dict[str, object]:
        if not self._has_dict:
            return {}
        fields: dict[str, object] = object.__getattribute__(value, "__dict__")
        return fields

    def _slotted(self, value: Any) -> tuple[object, ...]:
        return tuple(_slot(descriptor, value) for descriptor in self._slots)

    def _slotted_all(self, values: Sequence[Any]) -> list[list[object]]:
        """What each slot holds in all of them."""
        return [_slot_of_all(descriptor, values) for descriptor in self._slots]

    def parts(self, value: Any) -> Iterable[object]:
        return self.spread((value,))

    def spread(self, values: Sequence[Any]) -> list[object]:
        held: list[object] = [type(values[0])]
        if self._has_dict:
            fields = list(map(self._fields, values))
            held += _unless_atoms(lambda: chain.from_iterable(map(_DICT.values, fields)))
        if self._slots:
            held += _unless_atoms(lambda: chain.from_iterable(self._slotted_all(values)))
        if self._base is not None:
            held += chain.from_iterable(map(self._base.parts, values))
        return held

    def take(self, value: Any) -> object:
        return self.take_all((value,))[0]

    def take_all(self, values: Sequence[Any]) -> list[Any]:
        fields = map(_DICT.copy, map(self._fields, values))
        slotted = zip(*self._slotted_all(values)) if self._slots else repeat(())
        bases = map(self._base.take, values) if self._base is not None else repeat(None)
        return list(zip(map(type, values), fields, slotted, bases))

    def all_alike(self, values: Sequence[Any], states: Sequence[Any]) -> bool:
        kinds, fields, slots, bases = zip(*states)
        return (
            _identical(map(type, values), kinds)
            and (not self._has_dict or _same_dicts(list(map(self._fields, values)), fields))
            and all(map(_identical, self._slotted_all(values), zip(*slots)))
            and (self._base is None or all(map(self._base.alike, values, bases)))
        )

    def alike(self, value: Any, state: Any) -> bool:
        kind, fields, slots, base = state
        return (
            type(value) is kind
            and _same_dict(self._fields(value), fields)
            and _identical(self._slotted(value), slots)
            and (self._base is None or self._base.alike(value, base))
        )

    def agree(self, one: Any, other: Any) -> bool:
        return (
            one[0] is other[0]
            and _agree_dict(one[1], other[1])
            and len(one[2]) == len(other[2])
            and all(map(_same, one[2], other[2]))
            and (self._base is None or one[3] is other[3] or self._base.agree(one[3], other[3]))
        )

    def put(self, value: Any, state: Any) -> None:
        kind, fields, slots, base = state
        if type(value) is not kind:
            try:
                object.__setattr__(value, "__class__", kind)
            except TypeError:
                raise CannotRestore from None
        if self._has_dict:
            now = self._fields(value)
            now.clear()
            now.update(fields)
        for descriptor, held in zip(self._slots, slots):
            if held is not _ABSENT:
                descriptor.__set__(value, held)
            elif _slot(descriptor, value) is not _ABSENT:
                descriptor.__delete__(value)
        if self._base is not None:
            self._base.put(value, base)

    def weight(self, state: Any) -> int:
        return 200 + 60 * len(state[1]) + (self._base.weight(state[3]) if self._base is not None else 0)


def _slot(descriptor: Any, value: object) -> object:
    try:
        return descriptor.__get__(value)
    except AttributeError:
        return _ABSENT


def _slot_of_all(descriptor: Any, values: Sequence[Any]) -> list[object]:
    try:
        return list(map(descriptor.__get__, values))
    except AttributeError:
        return [_slot(descriptor, value) for value in values]


_ARGUMENTS: Final[Any] = vars(BaseException)["args"]


class _Error(_Mutable):
    """An exception: its arguments and fields, not the frames it went through."""

    kind = "instance"
    restores = False

    def parts(self, value: Any) -> Iterable[object]:
        arguments, fields = self._held(value)
        return [*arguments, *_DICT.values(fields)]

    def take(self, value: Any) -> object:
        arguments, fields = self._held(value)
        return arguments, _DICT.copy(fields)

    def alike(self, value: Any, state: Any) -> bool:
        arguments, fields = self._held(value)
        return arguments is state[0] and _same_dict(fields, state[1])

    @staticmethod
    def _held(value: Any) -> tuple[tuple[object, ...], dict[str, object]]:
        fields: dict[str, object] = object.__getattribute__(value, "__dict__")
        return _ARGUMENTS.__get__(value), fields


class _Reduced(_Mutable):
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


# Asked of the class this way, no class of classes has a say in it.
_DICTIONARY_AT: Any = vars(type)["__dictoffset__"]


def _held_inside(value: object) -> list[object]:
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


class _Moving(_Mutable):
    """An iterator or open file whose place nobody can tell: whoever may have used it has changed it."""

    restores = False
    guesses = True

    def __init__(self, kind: str = "iterator") -> None:
        super().__init__(kind=kind)

    def parts(self, value: Any) -> Iterable[object]:
        return _held_inside(value)

    def alike(self, value: Any, state: Any) -> bool:
        return False


class _File(_Moving):
    """An open file; once it is closed nothing changes any more."""

    def take(self, value: Any) -> object:
        return getattr(value, "closed", False)

    def alike(self, value: Any, state: Any) -> bool:
        return bool(state) and bool(self.take(value))


class _Buffer(_Mutable):
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


class _Counting(_Moving):
    """An iterator that says how far it has come."""

    guesses = False

    def __init__(self, tell: Callable[[Any], object]) -> None:
        super().__init__()
        self._tell = tell

    def take(self, value: Any) -> object:
        return self._tell(value)

    def alike(self, value: Any, state: Any) -> bool:
        return self.take(value) == state


class _Generator(_Moving):
    """A generator: where it stands, and what it holds there."""

    guesses = False

    def take(self, value: Any) -> object:
        frame = value.gi_frame if type(value) is GeneratorType else value.cr_frame
        if frame is None:
            return None
        # Until Python 3.10 what it works on is the frame's own.
        return frame.f_lasti, (*gc.get_referents(value), *_held_by_frame(frame))

    def alike(self, value: Any, state: Any) -> bool:
        now: Any = self.take(value)
        if now is None or state is None:
            return now is state
        return now[0] == state[0] and len(now[1]) == len(state[1]) and _identical(now[1], state[1])


def _held_by_frame(frame: Any) -> list[object]:
    """What a suspended frame works on, but not the world around it."""
    around = (frame.f_globals, frame.f_builtins)
    return [
        held
        for held in gc.get_referents(frame)
        if type(held) is not FrameType and not any(held is each for each in around)
    ]


class _Opaque(_Mutable):
    """An object that keeps its state to itself."""

    sees = False

    kind = "opaque"
    restores = False

    def parts(self, value: Any) -> Iterable[object]:
        return _held_inside(value)


class _Sealed(_Opaque):
    """An object whose inside is nobody's business."""

    def parts(self, value: Any) -> Iterable[object]:
        return ()


class _Touched(_Opaque):
    """What stands around the notebook, in a cell whose source changes it: who may have, did."""

    sees = True
    guesses = True

    def parts(self, value: Any) -> Iterable[object]:
        return ()

    def alike(self, value: Any, state: Any) -> bool:
        return False


def _names(value: Any) -> dict[str, object]:
    return cast("dict[str, object]", vars(value))


class Module(_Mutable):
    """A module whose own names a cell may set."""

    kind = "module"

    def take(self, value: Any) -> object:
        return dict(_names(value))

    def alike(self, value: Any, state: Any) -> bool:
        return _same_dict(_names(value), state)

    def put(self, value: Any, state: Any) -> None:
        held = _names(value)
        for name in held.keys() - state.keys():
            del held[name]
        held.update(state)

    def weight(self, state: Any) -> int:
        return 100 * len(state)


MODULE = Module()


class _OwnModule(Module):
    """A module that the notebook's people wrote: its values are theirs."""

    def parts(self, value: Any) -> Iterable[object]:
        return [held for name, held in _names(value).items() if name[:2] != "__"]


_LIBRARIES = tuple(
    {
        os.path.realpath(path) + os.sep
        for path in (sys.prefix, sys.base_prefix, *map(str, sys.path))
        if "site-packages" in path
    }
    | {os.path.realpath(Path(os.__file__).parent) + os.sep}
)
_ours: dict[str, bool] = {}


def is_own(name: object) -> bool:
    """Is the module of that name one that the notebook's people wrote, or made?"""
    if not isinstance(name, str) or name == "__main__":
        return False
    known = _ours.get(name)
    if known is None:
        module = sys.modules.get(name)
        spec = getattr(module, "__spec__", None)
        if module is None or spec is None:
            return False
        origin = spec.origin if isinstance(spec.origin, str) else ""
        root = __name__.partition(".")[0]
        own = origin.endswith((".py", ".pyc")) and name.partition(".")[0] != root
        known = _ours[name] = own and not os.path.realpath(origin).startswith(_LIBRARIES)
    return known


def _is_own_module(module: Any) -> bool:
    name = _names(module).get("__name__")
    if name == "__main__":
        return False
    # One that no file stands for was made by a cell.
    return is_own(name) or _names(module).get("__spec__") is None


class _Random(_Mutable):
    """A generator of random numbers of the standard library."""

    kind = "instance"

    def take(self, value: Any) -> object:
        return value.getstate()

    def alike(self, value: Any, state: Any) -> bool:
        return bool(value.getstate() == state)

    def put(self, value: Any, state: Any) -> None:
        value.setstate(state)

    def weight(self, state: Any) -> int:
        return 20_000


class _Namespace(_Mutable):
    kind = "instance"

    def parts(self, value: Any) -> Iterable[object]:
        return list(_names(value).values())

    def take(self, value: Any) -> object:
        return dict(_names(value))

    def alike(self, value: Any, state: Any) -> bool:
        return _same_dict(_names(value), state)

    def put(self, value: Any, state: Any) -> None:
        _names(value).clear()
        _names(value).update(state)


class _Cached(_Mutable):
    """A function that remembers what it answered. Whoever runs cells has it forget what may be outdated."""

    kind = "cached"
    restores = False

    def parts(self, value: Any) -> Iterable[object]:
        return (value.__wrapped__,)


# Which shape has which type

CACHED: Final = type(functools.lru_cache(lambda: None))

ATOM: Final = Shape(kind="atom")
ATOM.bare = True
# Modules and classes of libraries, and the machinery around the notebook.
AROUND: Final = Shape(kind="atom")
AROUND.bare = AROUND.around = True
_HEAP = 1 << 9
ATOMS: frozenset[type] = frozenset(
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
_METHOD = Shape(lambda value: (value.__self__, value.__func__), "function")

_NOTHING: dict[object, object] = {}
_VIEWS: tuple[object, ...] = (_NOTHING.keys(), _NOTHING.values(), _NOTHING.items())
_BACKWARDS: Iterable[object] = reversed([*_NOTHING])
_ITERATED: tuple[Iterable[object], ...] = ([], (), "", "é", b"", range(0), range(1 << 70), _BACKWARDS)

SHAPES: dict[type, Shape] = {
    **dict.fromkeys(ATOMS, ATOM),
    tuple: _Fixed(tuple),
    frozenset: _Fixed(frozenset),
    list: _List(),
    dict: _Dict(),
    OrderedDict: _Ordered(),
    Counter: _Dict(),
    defaultdict: _Default(),
    set: _Set(),
    bytearray: _Bytes(),
    deque: _Deque(),
    memoryview: Shape(lambda value: (value.obj,), "array"),
    MappingProxyType: Shape(gc.get_referents),
    CellType: _Cell(),
    FunctionType: _Function(),
    MethodType: _METHOD,
    BuiltinFunctionType: Shape(
        lambda value: () if issubclass(type(value.__self__), (ModuleType, type)) else (value.__self__,),
        "function",
    ),
    functools.partial: Shape(lambda value: (value.func, value.args, value.keywords), "function"),
    property: Shape(lambda value: (value.fget, value.fset, value.fdel), "function"),
    classmethod: Shape(lambda value: (value.__func__,), "function"),
    staticmethod: Shape(lambda value: (value.__func__,), "function"),
    functools.cached_property: Shape(lambda value: (value.func,), "function"),
    CACHED: _Cached(),
    SimpleNamespace: _Namespace(),
    FrameType: Shape(_held_by_frame, "function"),
    GeneratorType: _Generator(),
    CoroutineType: _Generator(),
    enumerate: _Counting(lambda value: repr(value.__reduce__()[1][1])),
    itertools.count: _Counting(repr),
    zip: Shape(gc.get_referents, "iterator"),
    map: Shape(gc.get_referents, "iterator"),
    filter: Shape(gc.get_referents, "iterator"),
    **{kind: Shape(gc.get_referents) for kind in map(type, _VIEWS)},
    **{type(iter(value)): _Reduced() for value in _ITERATED},
}

# Objects of these packages are the machinery around the notebook, not its values.
_MACHINERY = frozenset(
    (
        *("IPython", "ipykernel", "ipywidgets", "traitlets", "comm", "zmq", "tornado", "asyncio", "logging"),
        *("threading", "_thread", "concurrent", "multiprocessing", "socket", "ssl", "selectors", "queue"),
        *(
            "jupyter_client",
            "weakref",
            "contextvars",
            "types",
            "typing",
            "abc",
            "importlib",
            "inspect",
            "ast",
        ),
        *("reactive_kernel", "jupyter_extension", "warnings", "signal", "builtins", "ctypes"),
    )
)
# But what these hold, cells use to hand things on.
_SEALED_TYPES = frozenset(
    (
        *(("queue", "Queue"), ("_queue", "SimpleQueue"), ("socket", "socket"), ("_thread", "_local")),
        *(("threading", "Event"), ("threading", "Thread"), ("decimal", "Context"), ("_decimal", "Context")),
        *(("weakref", name) for name in ("WeakValueDictionary", "WeakKeyDictionary")),
        *(("_weakrefset", "WeakSet"), ("weakref", "WeakSet")),
    )
)
# Values of these that do not change, or only to remember what they worked out.
_CONSTANT = frozenset(
    (
        *("datetime", "decimal", "fractions", "uuid", "pathlib", "re", "enum", "numbers", "ipaddress"),
        *(
            "zoneinfo",
            "operator",
            "string",
            "pyarrow",
            "dateutil",
            "pytz",
            "_struct",
            "_decimal",
            "_operator",
        ),
        "_random",
    )
)
_BUILTIN_BASES: tuple[type, ...] = (
    list,
    OrderedDict,
    defaultdict,
    dict,
    set,
    bytearray,
    deque,
    tuple,
    frozenset,
    str,
    int,
    float,
)

# What other packages bring: from a type to its shape, or None.
Extension = Callable[[type], "Shape | None"]
_EXTENSIONS: dict[str, Extension] = {}


def extend(package: str, extension: Extension) -> None:
    """Let `extension` say how the types of a package keep their state."""
    _EXTENSIONS[package] = extension


def shape_of(kind: type) -> Shape:
    """How objects of the type keep their state."""
    if hashes_itself(kind):
        return _find(kind)
    shape = SHAPES.get(kind)
    if shape is None:
        shape = _find(kind)
        if not isinstance(shape, _Instance):
            # Classes of the notebook come and go; of others there are only so many.
            SHAPES[kind] = shape
        elif kind.__module__ != "__main__":
            SHAPES[kind] = shape
    return shape


def shape(value: object) -> Shape:
    """How the object keeps its state."""
    kind = type(value)
    if issubclass(kind, ModuleType):
        return _OWN_MODULE if kind is ModuleType and _is_own_module(value) else AROUND
    if not issubclass(kind, type):
        return shape_of(kind)
    if _looks_up(kind):
        return _OPAQUE
    home = value.__module__
    return _CLASS if home == "__main__" or is_own(home) else AROUND


def changed_by_name(value: object) -> Shape:
    """How something around the notebook keeps its state, for a cell whose source changes it."""
    if isinstance(value, ModuleType):
        return MODULE
    return _CLASS if isinstance(value, type) else _TOUCHED


_CLASS = _Class()
_OWN_MODULE = _OwnModule()
_SEALED = _Sealed()
_TOUCHED = _Touched()
_OPAQUE = _Opaque()


def _looks_up(kind: type) -> bool:
    """Does the class of a class run code of its own whenever somebody asks the class for anything?"""
    return kind.__getattribute__ is not type.__getattribute__


def _find(kind: type[Any]) -> Shape:
    if _looks_up(type(kind)):
        return _OPAQUE
    package = package_of(kind)
    for cls in kind.__mro__:
        extension = _EXTENSIONS.get(package_of(cls))
        if extension is not None and (found := extension(cls)):
            return found if package_of(cls) == package else _with_methods(found)
    if any((cls.__module__, cls.__name__) in _SEALED_TYPES for cls in kind.__mro__):
        return _SEALED
    if package in _MACHINERY and package != "builtins":
        return AROUND
    if package in _CONSTANT or issubclass(kind, _enum()) or kind.__qualname__ == "_tuplegetter":
        return ATOM
    if package == "random":
        return _Random() if kind.__name__ == "Random" else ATOM
    if package in ("_io", "io"):
        return _Buffer() if kind.__name__ in ("StringIO", "BytesIO") else _File("opaque")
    if issubclass(kind, BaseException):
        return _Error()
    base = next((each for each in _BUILTIN_BASES if issubclass(kind, each)), None)
    if _hidden(kind, base) <= 0:
        shape = SHAPES.get(base) if base is not None else None
        if base is not None and not kind.__flags__ & _HEAP:
            return shape or _Opaque()
        return _Instance(kind, None if shape is ATOM else shape)
    if any("__next__" in vars(cls) for cls in kind.__mro__):
        return _Moving()
    return _Opaque()


def package_of(kind: type) -> str:
    """The package that a class says it is from."""
    module: object = kind.__module__
    return module.partition(".")[0] if type(module) is str else ""


def _with_methods(shape: Shape) -> Shape:
    """The same for a subclass from elsewhere, whose methods may do anything."""
    other = copy(shape)
    other.kind = "instance"
    return other


def _enum() -> type:
    enum = sys.modules.get("enum")
    return enum.Enum if enum is not None else NoneType


def _hidden(kind: type, base: type | None) -> int:
    """How many bytes of an instance are neither slots nor fields: a state that only C code sees."""
    if base is not None and base.__itemsize__:
        return 0 if _in_python(kind, base) else 1
    slots = sum(
        type(held) is MemberDescriptorType
        for cls in kind.__mro__
        for held in vars(cls).values()
        if cls.__flags__ & _HEAP
    )
    size = kind.__basicsize__ - (base or object).__basicsize__ - 8 * slots
    size -= 8 * (kind.__dictoffset__ > 0) + 8 * (kind.__weakrefoffset__ > 0)
    if kind.__flags__ & _HEAP and not _in_python(kind, base or object):
        return max(size, 1)
    return size


def _in_python(kind: type, base: type) -> bool:
    """Are all classes between the type and its builtin base written in Python?"""
    return all(
        "__module__" in vars(cls) and cls.__flags__ & _HEAP
        for cls in kind.__mro__
        if not any(cls is each for each in base.__mro__)
    )
