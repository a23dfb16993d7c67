"""Functions, classes and their instances."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from types import MappingProxyType, MemberDescriptorType
from typing import Any, Final, cast

from ..identity import identity
from .containers import agree_dict, same_dict, same_dicts
from .own import is_own, names_of, own_modules_of
from .shape import ABSENT, DICT, HEAP, CannotRestore, Mutable, Shape, alike_by_value, identical, unless_atoms


class Enclosed(Mutable):
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
            return ABSENT

    def alike(self, value: Any, state: Any) -> bool:
        return self.take(value) is state

    def agree(self, one: Any, other: Any) -> bool:
        return alike_by_value(one, other)

    def put(self, value: Any, state: Any) -> None:
        if state is ABSENT:
            del value.cell_contents
        else:
            value.cell_contents = state


class Function(Mutable):
    kind = "function"

    def parts(self, value: Any) -> Iterable[object]:
        yield from value.__closure__ or ()
        home = value.__globals__.get("__name__")
        if is_own(home):
            yield sys.modules.get(home)
        elif home != "__main__":
            # A library's: only what the notebook gave it to enclose is of interest.
            return
        yield from own_modules_of(value.__code__)
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
            and (not keywords or same_dict(keywords, state[3]))
            and same_dict(value.__dict__, state[4])
        )

    def put(self, value: Any, state: Any) -> None:
        value.__code__, value.__defaults__ = state[0], state[1]
        if state[2] is not None:
            state[2].clear()
            state[2].update(state[3])
        value.__kwdefaults__ = state[2]
        value.__dict__.clear()
        value.__dict__.update(state[4])


class Partial(Mutable):
    """A function with some of its arguments. It goes by whether it has fields: asking for them makes them."""

    kind = "function"

    @staticmethod
    def _held(value: Any) -> tuple[object, tuple[object, ...], dict[str, object], dict[str, object] | None]:
        return value.__reduce__()[2]

    def parts(self, value: Any) -> Iterable[object]:
        *held, fields = self._held(value)
        return (*held, *(fields or {}).values())

    def take(self, value: Any) -> object:
        *held, fields = self._held(value)
        return (*held, None if fields is None else dict(fields))

    def alike(self, value: Any, state: Any) -> bool:
        *held, fields = self._held(value)
        if not identical(held, state[:3]) or (fields is None) is not (state[3] is None):
            return False
        return fields is None or same_dict(fields, state[3])

    def put(self, value: Any, state: Any) -> None:
        *held, before = state
        fields = self._held(value)[3]
        if before is None:
            fields = None
        elif fields is None:
            fields = dict(before)
        else:
            fields.clear()
            fields.update(before)
        value.__setstate__((*held, fields))


_NO_CLASSES: Final[Mapping[int, type]] = MappingProxyType({})
# What a class holds that is not its user's doing.
_OF_CLASSES = frozenset(
    (
        *("__dict__", "__weakref__", "__doc__", "__abstractmethods__", "_abc_impl", "__module__"),
        *("__annotations__", "__annotate_func__", "__annotations_cache__", "__static_attributes__"),
        *("__firstlineno__", "__slotnames__"),
    )
)


class Class(Mutable):
    """A class that the notebook made."""

    kind = "function"

    def parts(self, value: Any) -> Iterable[object]:
        # Whoever makes a subclass calls what made the class.
        return (*self._own(value).values(), *value.__bases__, cast("object", type(value)))

    def take(self, value: Any) -> object:
        return self._own(value), value.__bases__, _registered(value)

    def agree(self, one: Any, other: Any) -> bool:
        return one[1] is other[1] and agree_dict(one[0], other[0]) and one[2].keys() == other[2].keys()

    def alike(self, value: Any, state: Any) -> bool:
        return (
            value.__bases__ is state[1]
            and same_dict(self._own(value), state[0])
            and _registered(value).keys() == state[2].keys()
        )

    def put(self, value: Any, state: Any) -> None:
        own, bases, registered = state
        try:
            for name in self._own(value).keys() - own.keys():
                type.__delattr__(value, name)
            for name, held in own.items():
                if vars(value).get(name, ABSENT) is not held:
                    type.__setattr__(value, name, held)
            if value.__bases__ is not bases:
                value.__bases__ = bases
        except (TypeError, AttributeError):
            raise CannotRestore from None
        if list(self._own(value)) != list(own):
            # Their order shows in `vars` and `dir` only; better to make the class again than to differ.
            raise CannotRestore
        if _registered(value).keys() != registered.keys():
            _register(value, registered)

    @staticmethod
    def _own(value: type) -> dict[str, object]:
        return {name: held for name, held in vars(value).items() if name not in _OF_CLASSES}


def _registered(value: type) -> Mapping[int, type]:
    """The classes that an abstract one counts as its own."""
    if "_abc_impl" not in vars(value):
        return _NO_CLASSES
    found = [each() for each in _abc_of(value)[0]]
    return {identity(each): each for each in found if each is not None}


def _abc_of(value: type) -> Any:
    return cast("Any", sys.modules["_abc"])._get_dump(value)


def _register(value: type, wanted: Mapping[int, type]) -> None:
    abc: Any = sys.modules["_abc"]
    abc._reset_registry(value)
    for each in value.__mro__:
        # They remember what they were asked.
        if "_abc_impl" in vars(each):
            abc._reset_caches(each)
    for each in wanted.values():
        abc._abc_register(value, each)


class Instance(Mutable):
    """An instance of a class written in Python, and what it inherits from a builtin container."""

    def __init__(self, kind: type, base: Shape | None) -> None:
        super().__init__(kind="instance")
        self._base = base
        self._has_dict = kind.__dictoffset__ != 0
        self._kind = kind
        self._slots = _slots_of(kind)

    def _fields(self, value: Any) -> dict[str, object]:
        if not self._has_dict:
            return {}
        fields: dict[str, object] = object.__getattribute__(value, "__dict__")
        return fields

    def _slotted(self, value: Any) -> tuple[object, ...]:
        return tuple(_slot(descriptor, value) for descriptor in self._slots_in(value))

    def _slotted_all(self, values: Sequence[Any]) -> list[list[object]]:
        """What each slot holds in all of them."""
        return [_slot_of_all(descriptor, values) for descriptor in self._slots_in(values[0])]

    def _slots_in(self, value: object) -> Sequence[Any]:
        """An object may have got another class, whose slots lie where those of its own lay."""
        kind = type(value)
        return self._slots if kind is self._kind else _slots_of(kind)

    def parts(self, value: Any) -> Iterable[object]:
        return self.spread((value,))

    def spread(self, values: Sequence[Any]) -> list[object]:
        held: list[object] = [type(values[0])]
        if self._has_dict:
            fields = list(map(self._fields, values))
            held += unless_atoms(lambda: chain.from_iterable(map(DICT.values, fields)))
        if self._slots:
            held += unless_atoms(lambda: chain.from_iterable(self._slotted_all(values)))
        if self._base is not None:
            held += chain.from_iterable(map(self._base.parts, values))
        return held

    def take(self, value: Any) -> object:
        return self.take_all((value,))[0]

    def take_all(self, values: Sequence[Any]) -> list[Any]:
        fields = map(DICT.copy, map(self._fields, values))
        slotted = zip(*self._slotted_all(values)) if self._slots else repeat(())
        bases = map(self._base.take, values) if self._base is not None else repeat(None)
        return list(zip(map(type, values), fields, slotted, bases))

    def all_alike(self, values: Sequence[Any], states: Sequence[Any]) -> bool:
        kinds, fields, slots, bases = zip(*states)
        return (
            identical(map(type, values), kinds)
            and (not self._has_dict or same_dicts(list(map(self._fields, values)), fields))
            and all(map(identical, self._slotted_all(values), zip(*slots)))
            and (self._base is None or all(map(self._base.alike, values, bases)))
        )

    def alike(self, value: Any, state: Any) -> bool:
        kind, fields, slots, base = state
        return (
            type(value) is kind
            and same_dict(self._fields(value), fields)
            and identical(self._slotted(value), slots)
            and (self._base is None or self._base.alike(value, base))
        )

    def agree(self, one: Any, other: Any) -> bool:
        return (
            one[0] is other[0]
            and agree_dict(one[1], other[1])
            and len(one[2]) == len(other[2])
            and all(map(alike_by_value, one[2], other[2]))
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
        for descriptor, held in zip(self._slots_in(value), slots):
            if held is not ABSENT:
                descriptor.__set__(value, held)
            elif _slot(descriptor, value) is not ABSENT:
                descriptor.__delete__(value)
        if self._base is not None:
            self._base.put(value, base)

    def weight(self, state: Any) -> int:
        return 200 + 60 * len(state[1]) + (self._base.weight(state[3]) if self._base is not None else 0)


def _slots_of(kind: type) -> list[Any]:
    return [
        descriptor
        for cls in kind.__mro__
        for descriptor in vars(cls).values()
        if type(descriptor) is MemberDescriptorType and cls.__flags__ & HEAP
    ]


def _slot(descriptor: Any, value: object) -> object:
    try:
        return descriptor.__get__(value)
    except AttributeError:
        return ABSENT


def _slot_of_all(descriptor: Any, values: Sequence[Any]) -> list[object]:
    try:
        return list(map(descriptor.__get__, values))
    except AttributeError:
        return [_slot(descriptor, value) for value in values]


_ARGUMENTS: Final[Any] = vars(BaseException)["args"]


class Error(Mutable):
    """An exception: its arguments and fields, not the frames it went through."""

    kind = "instance"
    restores = False

    def parts(self, value: Any) -> Iterable[object]:
        arguments, fields = self._held(value)
        return [*arguments, *DICT.values(fields)]

    def take(self, value: Any) -> object:
        arguments, fields = self._held(value)
        return arguments, DICT.copy(fields)

    def alike(self, value: Any, state: Any) -> bool:
        arguments, fields = self._held(value)
        return arguments is state[0] and same_dict(fields, state[1])

    @staticmethod
    def _held(value: Any) -> tuple[tuple[object, ...], dict[str, object]]:
        fields: dict[str, object] = object.__getattribute__(value, "__dict__")
        return _ARGUMENTS.__get__(value), fields


class Namespace(Mutable):
    kind = "instance"

    def parts(self, value: Any) -> Iterable[object]:
        return list(names_of(value).values())

    def take(self, value: Any) -> object:
        return dict(names_of(value))

    def alike(self, value: Any, state: Any) -> bool:
        return same_dict(names_of(value), state)

    def put(self, value: Any, state: Any) -> None:
        names_of(value).clear()
        names_of(value).update(state)


class Cached(Mutable):
    """A function that remembers what it answered. Whoever runs cells has it forget what may be outdated."""

    kind = "cached"
    restores = False

    def parts(self, value: Any) -> Iterable[object]:
        return (value.__wrapped__,)


# Which shape has which type


class Random(Mutable):
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
