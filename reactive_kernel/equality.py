"""Equality that runs nobody's code: of values that never change, and of graphs of objects that might."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from operator import is_
from types import FunctionType
from typing import Any, cast

from .identity import identity

_SIMPLE: Mapping[type, Callable[[object, object], bool]] = {
    **dict.fromkeys((int, bool, str, bytes, range), lambda a, b: a == b),
    # `repr` tells -0.0 from 0.0, and holds one NaN equal to another.
    float: lambda a, b: (a == b and a != 0) or repr(a) == repr(b),
    complex: lambda a, b: repr(a) == repr(b),
}
# Of these `==` says all there is to say, also of many at once.
_EXACT = frozenset((int, bool, str, bytes, range, type(None)))
_FLOATS = frozenset((float,))
# So many objects of a graph are compared.
_MOST = 20_000


def is_simple(value: object) -> bool:
    """Is there nothing behind the value, so that `same` says all there is to say of it?"""
    return type(value) in _SIMPLE or value is None


def same(old: object, new: object, depth: int = 20, *, functions: bool = True) -> bool:
    """Are two values soundly equal: immutable, of the same types all the way down, and alike?

    Functions are as good as immutable to those who call them, but not to those who ask who they are.
    """
    if old is new:
        return True
    kind = type(old)
    if kind is not type(new):
        return False
    if simple := _SIMPLE.get(kind):
        return simple(old, new)
    if kind is tuple:
        return (
            depth > 0
            and len(old) == len(new) <= 2000  # type: ignore[arg-type]  # by its kind
            and all(same(a, b, depth - 1, functions=functions) for a, b in zip(old, new))  # type: ignore[call-overload]  # by its kind
        )
    if kind is FunctionType and functions:
        return _same_function(old, new) and same(old.__defaults__, new.__defaults__)  # type: ignore[arg-type, attr-defined]  # by its kind
    return False


def _same_function(old: FunctionType, new: FunctionType) -> bool:
    """The same but for what their defaults are."""
    return (
        old.__code__ == new.__code__
        and old.__globals__ is new.__globals__
        and old.__closure__ is None
        and new.__closure__ is None
        and not old.__dict__
        and not new.__dict__
        and old.__qualname__ == new.__qualname__
        and old.__doc__ == new.__doc__
        and old.__kwdefaults__ is None
        and new.__kwdefaults__ is None
        and not old.__annotations__
        and not new.__annotations__
    )


# A pair of objects that have to be alike, and answers the pairs that then have to be.
Pairs = Iterable[tuple[object, object]]


def twins(
    pairs: Pairs, may_pair: Callable[[object, object], bool], alike: Callable[[Any, Any], bool]
) -> bool:
    """Are two graphs of objects the same but for who they are: alike everywhere, sharing the same?

    `may_pair` says of two different objects that may change whether one may stand for the other; `alike`
    compares objects of other libraries.
    """
    matched: dict[int, int] = {}
    taken: dict[int, int] = {}
    held: list[tuple[object, object]] = []
    todo = list(pairs)
    while todo:
        old, new = todo.pop()
        if is_simple(old):
            if not same(old, new):
                return False
            continue
        if identity(old) in matched or identity(new) in taken:
            if matched.get(identity(old)) != identity(new) or taken.get(identity(new)) != identity(old):
                return False
            continue
        matched[identity(old)], taken[identity(new)] = identity(new), identity(old)
        held.append((old, new))
        if old is new:
            continue
        inner = _inside(old, new, alike)
        if (
            inner is None
            or len(held) > _MOST
            or (type(old) not in (tuple, frozenset) and not may_pair(old, new))
        ):
            return False
        todo += inner
    return True


def _inside(old: Any, new: Any, alike: Callable[[Any, Any], bool]) -> list[tuple[object, object]] | None:
    """The pairs of parts that have to be alike for two different objects to be; None if they are not."""
    kind = cast("Any", type(old))
    if kind is not type(new):
        return None
    if kind in (list, tuple, deque, set, frozenset):
        return _pairs(list(old), list(new))
    if kind is dict:
        keys, values = _pairs(list(old), list(new)), _pairs(list(old.values()), list(new.values()))
        return None if keys is None or values is None else keys + values
    if kind is bytearray:
        return [] if old == new else None
    if kind is FunctionType:
        return [(old.__defaults__, new.__defaults__)] if _same_function(old, new) else None
    return [] if alike(old, new) else _fields(old, new)


def _pairs(olds: list[object], news: list[object]) -> list[tuple[object, object]] | None:
    """Which of two rows are left to be compared; None where they differ at first sight."""
    kinds = list(map(type, olds))
    if len(olds) != len(news) or not all(map(is_, kinds, map(type, news))):
        return None
    if _EXACT.issuperset(kinds):
        return [] if olds == news else None
    if _FLOATS.issuperset(kinds) and _bits(olds) == _bits(news):
        return []
    if all(kind in _SIMPLE or kind is type(None) for kind in set(kinds)):
        return [] if all(map(same, olds, news)) else None
    return list(zip(olds, news))


def _bits(values: Iterable[Any]) -> bytes:
    return array("d", values).tobytes()


def _fields(old: Any, new: Any) -> list[tuple[object, object]] | None:
    """The fields of two instances of one class that the notebook made."""
    kind = cast("Any", type(old))
    plain = kind.__module__ == "__main__" and kind.__dictoffset__ and kind.__mro__[1:] == (object,)
    if not plain or "__slots__" in vars(kind):
        return None
    one: dict[str, object] = object.__getattribute__(old, "__dict__")
    other: dict[str, object] = object.__getattribute__(new, "__dict__")
    if list(one) != list(other):
        return None
    return _pairs(list(one.values()), list(other.values()))
