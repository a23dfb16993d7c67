"""Settings by name: the environment, options of pandas and matplotlib."""

from __future__ import annotations

import os
import sys
import warnings
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from operator import is_
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final, cast

from ..fixed import fixed
from ..identity import identity
from .dial import DIGITS, EXACT, SUBPROCESS, Lasting, same, same_items
from .stamps import STAMPED, Stamps

_HOLDERS: Final = frozenset((list, dict, set, tuple))
_OPAQUE: Final = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType, Enum)
# So many containers below one mapping are looked into; what lies further on counts by its identity.
_MOST: Final = 500
_MISSING: Final = object()
# They look past what a subclass of `dict` makes of its items.
_KEYS = cast("Callable[[Any], Collection[Any]]", dict.keys)
_VALUES = cast("Callable[[Any], Collection[Any]]", dict.values)


@fixed
class _Holder:
    """A container, and what it held."""

    itself: Any
    keys: tuple[object, ...]
    items: tuple[object, ...]

    def refill(self) -> None:
        dictionary = _dictionary(self.itself)
        if dictionary is not None:
            if [*dictionary] != [*self.keys] or not all(map(is_, dictionary.values(), self.items)):
                dictionary.clear()
                dictionary.update(zip(self.keys, self.items))
        elif isinstance(self.itself, list):
            self.itself[:] = self.items
        elif isinstance(self.itself, set):
            kept = cast("set[object]", self.itself)
            kept.clear()
            kept.update(self.items)


_Holders = Mapping[int, _Holder]


def _is_holder(value: object) -> bool:
    """Can what is behind the value change while the value stays the same object?"""
    kind = type(value)
    if kind in EXACT or kind in DIGITS or value is None:
        return False
    if kind is tuple:
        return any(map(_is_holder, cast("tuple[object, ...]", value)))
    return kind in _HOLDERS or (not isinstance(value, _OPAQUE) and _is_plain(kind))


class _Plain:
    pass


def _is_plain(kind: type) -> bool:
    """Do instances keep everything in their dictionaries, nothing in slots or in C?"""
    return (
        kind.__basicsize__ == _Plain.__basicsize__
        and kind.__itemsize__ == 0
        and kind.__dictoffset__ != 0
        and not any(vars(each).get("__slots__") for each in kind.__mro__)
    )


def _dictionary(holder: Any) -> dict[Any, Any] | None:
    """The dictionary that holds the content of a mapping or an instance."""
    if isinstance(holder, dict):
        return cast("dict[Any, Any]", holder)
    return None if type(holder) in _HOLDERS else cast("dict[Any, Any]", vars(holder))


def _held(root: dict[Any, Any]) -> list[_Holder]:
    """A mapping and the containers in it."""
    todo: list[Any] = [root]
    seen = {identity(root)}
    found: list[_Holder] = []
    for holder in todo:
        dictionary = _dictionary(holder)
        keys: tuple[Any, ...] = () if dictionary is None else tuple(_KEYS(dictionary))
        items: tuple[Any, ...] = tuple(holder if dictionary is None else _VALUES(dictionary))
        found.append(_Holder(holder, keys, items))
        for item in items:
            if len(todo) < _MOST and identity(item) not in seen and _is_holder(item):
                seen.add(identity(item))
                todo.append(item)
    return found


def _alike_in(one: object, old: _Holders, other: object, new: _Holders, depth: int = 20) -> bool:
    """Were two values alike when their containers were noted?"""
    was, became = old.get(identity(one)), new.get(identity(other))
    if was is None or became is None:
        return was is became and same(one, other)
    if type(one) is not type(other) or not depth or len(was.items) != len(became.items):
        return False
    return same_items(was.keys, became.keys) and all(
        _alike_in(a, old, b, new, depth - 1) for a, b in zip(was.items, became.items)
    )


@dataclass(frozen=True, eq=False)
class _Settings:
    """Settings by their full names, and what the containers among them held."""

    values: Mapping[Any, Any]
    holders: _Holders

    def like(self, key: object, other: _Settings) -> bool:
        """Is a setting the same in both, or in neither?"""
        if key not in self.values or key not in other.values:
            return (key in self.values) is (key in other.values)
        return _alike_in(self.values[key], self.holders, other.values[key], other.holders)

    def behind(self, key: object) -> Iterator[_Holder]:
        """The containers in a setting."""
        todo = [self.values[key]]
        seen: set[int] = set()
        for value in todo:
            holder = self.holders.get(identity(value))
            if holder is not None and identity(value) not in seen:
                seen.add(identity(value))
                todo += holder.items
                yield holder

    def taking(self, key: object, other: _Settings) -> _Settings:
        """These settings, but one of them as it is in others."""
        values = {name: value for name, value in self.values.items() if name != key}
        if key not in other.values:
            return _Settings(values, self.holders)
        values[key] = other.values[key]
        holders = {**self.holders, **{identity(each.itself): each for each in other.behind(key)}}
        return _Settings(values, holders)


class _Look:
    """Says fast whether a mapping and all containers in it still hold the same objects."""

    def __init__(self, holders: Sequence[_Holder]) -> None:
        self.root = holders[0].itself
        stamped = [each for each in holders if STAMPED and isinstance(each.itself, dict)]
        self._stamps = Stamps([each.itself for each in stamped])
        # A thread may have changed them after they were noted.
        self._missed = not _Contents(stamped).unchanged()
        known = {identity(each) for each in stamped}
        self._others = _Contents([each for each in holders if identity(each) not in known])

    def unchanged(self) -> bool:
        return not self._missed and self._stamps.unchanged() and self._others.unchanged()


class _Contents:
    """Says whether containers still hold the same objects, by asking for each of them."""

    def __init__(self, holders: Sequence[_Holder]) -> None:
        dictionaries = [_dictionary(each.itself) for each in holders]
        self._keys = [_KEYS(each) for each in dictionaries if each is not None]
        self._items: list[Collection[object]] = [
            each.itself if inner is None else _VALUES(inner) for each, inner in zip(holders, dictionaries)
        ]
        self._were_keys = [list(each.keys) for each, inner in zip(holders, dictionaries) if inner is not None]
        self._were = [*chain.from_iterable(each.items for each in holders)]
        self._lengths = [len(each.items) for each in holders]

    def unchanged(self) -> bool:
        return (
            [*map(len, self._items)] == self._lengths
            and all(map(is_, chain.from_iterable(self._items), self._were))
            and [*map(list, self._keys)] == self._were_keys
        )


class Mapped(Lasting):
    """A mapping of settings, whose values may be lists and other containers that are changed in place."""

    def __init__(self) -> None:
        self._last: tuple[_Look, _Settings] | None = None
        # Two states that were found to be the same, when one was to be put in the other's place.
        self._twins: tuple[_Settings, _Settings] | None = None

    @abstractmethod
    def _live(self) -> Any: ...

    def available(self) -> bool:
        return isinstance(self._live(), dict)

    def read(self) -> _Settings:
        root = self._live()
        if self._last is not None and self._last[0].root is root and self._last[0].unchanged():
            return self._last[1]
        holders = _held(root)
        by_id = {identity(each.itself): each for each in holders}
        settings = _Settings(self._flat(by_id[identity(root)], by_id), by_id)
        self._last = _Look(holders), settings
        return settings

    def _flat(self, root: _Holder, holders: _Holders) -> dict[Any, Any]:
        return dict(zip(root.keys, root.items))

    def write(self, state: _Settings) -> None:
        now = self.read()
        if now is state or (self._twins and self._twins[0] is now and self._twins[1] is state):
            return
        differing = self._differing(now, state)
        if not differing:
            self._twins = now, state
        for key in differing:
            if key not in state.values:
                self._drop(key)
                continue
            for holder in state.behind(key):
                holder.refill()
            self._put(key, state.values[key])

    def _put(self, key: Any, value: object) -> None:
        dict.__setitem__(self._live(), key, value)

    def _drop(self, key: Any) -> None:
        dict.__delitem__(self._live(), key)

    def alike(self, old: _Settings, new: _Settings) -> bool:
        return old is new or not self._differing(old, new)

    def _differing(self, old: _Settings, new: _Settings) -> list[Any]:
        # Of hundreds nearly all are the same object in both, and no container.
        held, before = {*old.holders, *new.holders}, old.values.get
        doubtful = [
            key
            for key, value in new.values.items()
            if before(key, _MISSING) is not value or identity(value) in held
        ]
        doubtful += [key for key in old.values if key not in new.values]
        return [key for key in doubtful if not old.like(key, new)]

    def carry(self, state: _Settings, before: _Settings, after: _Settings) -> _Settings:
        for key in self._differing(before, after):
            if state.like(key, before):
                state = state.taking(key, after)
        return state


class Environ(Mapped):
    resource = "environ:"
    read_under = frozenset(("os", "pathlib", "subprocess", "tempfile", SUBPROCESS))

    def _live(self) -> Any:
        return getattr(os.environ, "_data", None)

    def write(self, state: _Settings) -> None:
        super().write(state)
        live = self._live()
        if [*live] != [*state.values]:
            # A variable that was taken away and put back came last.
            live.clear()
            live.update(state.values)

    def alike(self, old: _Settings, new: _Settings) -> bool:
        return super().alike(old, new) and [*old.values] == [*new.values]

    # The environment's own methods tell the system, and so the programs that are started.
    def _put(self, key: Any, value: Any) -> None:
        names = cast("Any", os.environ)
        os.environ[names.decodekey(key)] = names.decodevalue(value)

    def _drop(self, key: Any) -> None:
        del os.environ[cast("Any", os.environ).decodekey(key)]


class Matplotlib(Mapped):
    """`rcParams` but for the backend: that is the session's, and lazily chosen by whoever draws first."""

    resource = "options:matplotlib"
    read_under = frozenset(("matplotlib", "mpl_toolkits", "pandas", "pylab", "seaborn"))

    def _live(self) -> Any:
        return getattr(sys.modules.get("matplotlib"), "rcParams", None)

    def _flat(self, root: _Holder, holders: _Holders) -> dict[Any, Any]:
        flat = super()._flat(root, holders)
        flat.pop("backend", None)
        return flat


class Pandas(Mapped):
    resource = "options:pandas"
    read_under = frozenset(("pandas",))

    def _module(self) -> Any:
        return sys.modules.get("pandas._config.config")

    def _live(self) -> Any:
        return getattr(self._module(), "_global_config", None)

    def available(self) -> bool:
        return super().available() and isinstance(getattr(self._module(), "_registered_options", None), dict)

    def _flat(self, root: _Holder, holders: _Holders) -> dict[Any, Any]:
        return dict(_options(root, holders, ""))

    def _put(self, key: str, value: object) -> None:
        group = self._live()
        *path, name = key.split(".")
        for each in path:
            group = group.setdefault(each, {})
        group[name] = value
        option = self._module()._registered_options.get(key)
        if option is not None and option.cb is not None:
            # `set_option` would check the value, too, and speak of options on their way out.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                option.cb(key)

    def _drop(self, key: str) -> None:
        """An option that was registered later was not set yet."""
        option = self._module()._registered_options.get(key)
        if option is not None:
            self._put(key, option.defval)

    def _differing(self, old: _Settings, new: _Settings) -> list[Any]:
        registered = self._module()._registered_options
        return [
            key
            for key in super()._differing(old, new)
            if (key in old.values and key in new.values)
            or key not in registered
            or not same({**old.values, **new.values}[key], registered[key].defval)
        ]


def _options(group: _Holder, holders: _Holders, prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in zip(group.keys, group.items):
        if type(value) is dict and identity(cast("object", value)) in holders:
            yield from _options(holders[identity(cast("object", value))], holders, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", cast("object", value)
