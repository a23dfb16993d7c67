"""Process-wide states that a cell may set for others, and that can be noted and put back cheaply: dials.

A dial is a resource like a name: a run reads it, writes it, or lets it be, and every state has a version.
No dial imports the library that it belongs to; as long as that is not there, neither is the dial.

Modules are imported once in a process, so what an import did to a dial (numpy adds warnings filters) lasts:
no rerun would do it again. Such a change is nobody's write; older states get it when they are put back.
"""

from __future__ import annotations

import ctypes
import os
import random
import struct
import sys
import threading
import warnings
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache, wraps
from importlib.machinery import ModuleSpec
from itertools import chain
from operator import is_
from re import Pattern
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final, cast

from .cell import NOTHING, Resource
from .shield import shielded

# Hints about a run that are no modules.
FILES_RELATIVE: Final = "files.relative"
IMPORTS: Final = "imports"
SUBPROCESS: Final = "process"


@dataclass(frozen=True)
class Turned:
    """What a run did with the dials."""

    # Changed, or set to what they were already.
    writes: frozenset[Resource] = NOTHING
    reads: frozenset[Resource] = NOTHING
    # Generators that the run drew from as it found them: reads and writes. Where no seeding is in force
    # above, the draw is no function of the document, and no version of the state is worth keeping.
    drew: frozenset[Resource] = NOTHING
    # Generators that the run left in a state which its source and inputs determine, whatever was there.
    seeded: frozenset[Resource] = NOTHING
    # Generators that the run seeded from the system's entropy: no seeding above is in force below.
    unseeded: frozenset[Resource] = NOTHING


class Dial(ABC):
    """One process-wide state."""

    resource: Resource
    # A run that has one of these modules or hints depends on the state.
    read_under: frozenset[str] = frozenset()

    def available(self) -> bool:
        """Is what the state belongs to there? Never imports anything."""
        return True

    @abstractmethod
    def read(self) -> object:
        """The state, as a value that later changes leave alone."""

    @abstractmethod
    def write(self, state: Any) -> None:
        """Put a state back, exactly."""

    @abstractmethod
    def alike(self, old: Any, new: Any) -> bool:
        """Are two states soundly equal?"""


class Lasting(Dial):
    """A dial that imports change for good."""

    @abstractmethod
    def carry(self, state: Any, before: Any, after: Any) -> object:
        """A state with what an import changed, which happened after it was noted."""


# Equality that runs nobody's code

_EXACT: Final = frozenset((int, bool, str, bytes, Pattern))
_DIGITS: Final = frozenset((float, complex))


def _same(old: object, new: object) -> bool:
    if old is new:
        return True
    kind = type(old)
    if kind is not type(new):
        return False
    if kind in _EXACT:
        return old == new
    if kind in _DIGITS:
        # `repr` tells -0.0 from 0.0, and holds one NaN equal to another.
        return repr(old) == repr(new)
    if kind is BuiltinFunctionType:
        return _same_method(cast("BuiltinFunctionType", old), cast("BuiltinFunctionType", new))
    return kind is tuple and _same_items(cast("tuple[object, ...]", old), cast("tuple[object, ...]", new))


def _same_method(old: BuiltinFunctionType, new: BuiltinFunctionType) -> bool:
    """`"{:.2f}".format` is another object each time."""
    return old.__name__ == new.__name__ and type(old.__self__) is str and _same(old.__self__, new.__self__)


def _same_items(old: Sequence[object], new: Sequence[object]) -> bool:
    if len(old) != len(new):
        return False
    return all(map(is_, old, new)) or all(map(_same, old, new))


# Generators


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


class _Random(Dial):
    """The generator behind `random.random` and its like."""

    resource = "random:random"

    def __init__(self) -> None:
        self._generator: random.Random = cast("Any", random)._inst
        words = self._ask()
        # The object holds the position before the words.
        self._words = _Words(id(self._generator), type(self._generator).__basicsize__, words)

    def _ask(self) -> bytes:
        _, (*words, position), _ = self._generator.getstate()
        return array("i", (position,)).tobytes() + array("I", words).tobytes()

    def read(self) -> tuple[bytes, float | None]:
        words = self._words.look() if self._words else self._ask()
        return words, self._generator.gauss_next  # type: ignore[attr-defined]

    def write(self, state: tuple[bytes, float | None]) -> None:
        words, gauss = state
        (position,) = array("i", words[:4])
        self._generator.setstate((3, (*array("I", words[4:]), position), gauss))

    def alike(self, old: tuple[bytes, float | None], new: tuple[bytes, float | None]) -> bool:
        return old[0] == new[0] and _same(old[1], new[1])


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


class _NumpyRandom(Dial):
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
        return old is new or (old.source is new.source and _same_items(old.content, new.content))


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


# Lists


class _List(Lasting):
    """A list that others hold, too."""

    @abstractmethod
    def _live(self) -> MutableSequence[Any]: ...

    def read(self) -> tuple[object, ...]:
        return tuple(self._live())

    def write(self, state: tuple[object, ...]) -> None:
        self._live()[:] = state

    def alike(self, old: tuple[object, ...], new: tuple[object, ...]) -> bool:
        return _same_items(old, new)

    def carry(
        self, state: tuple[object, ...], before: tuple[object, ...], after: tuple[object, ...]
    ) -> tuple[object, ...]:
        gone = [item for item in before if not _in(item, after)]
        stays = [item for item in state if not _in(item, gone)]
        # What the import put before all that was there, it puts before this, too.
        known = next((at for at, item in enumerate(after) if _in(item, before)), len(after))
        first = [item for item in after[:known] if not _in(item, stays)]
        last = [item for item in after[known:] if not _in(item, before) and not _in(item, stays)]
        return (*first, *stays, *last)


def _in(item: object, items: Iterable[object]) -> bool:
    return any(_same(item, each) for each in items)


class _Path(_List):
    resource = "path:"
    read_under = frozenset((IMPORTS, "sys"))

    def _live(self) -> MutableSequence[str]:
        return sys.path


class _Warnings(_List):
    resource = "warnings:"
    read_under = frozenset(("warnings",))

    def _live(self) -> MutableSequence[Any]:
        return cast("MutableSequence[Any]", warnings.filters)

    def write(self, state: tuple[object, ...]) -> None:
        super().write(state)
        # Python remembers what the filters said of a warning until it hears that they changed: this tells it.
        with warnings.catch_warnings():
            pass


# Mappings

_HOLDERS: Final = frozenset((list, dict, set, tuple))
_OPAQUE: Final = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType, Enum)
# So many containers below one mapping are looked into; what lies further on counts by its identity.
_MOST: Final = 500
# They look past what a subclass of `dict` makes of its items.
_KEYS = cast("Callable[[Any], Collection[Any]]", dict.keys)
_VALUES = cast("Callable[[Any], Collection[Any]]", dict.values)


@dataclass(frozen=True)
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
    if kind in _EXACT or kind in _DIGITS or value is None:
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
    seen = {id(root)}
    found: list[_Holder] = []
    for holder in todo:
        dictionary = _dictionary(holder)
        keys: tuple[Any, ...] = () if dictionary is None else tuple(_KEYS(dictionary))
        items: tuple[Any, ...] = tuple(holder if dictionary is None else _VALUES(dictionary))
        found.append(_Holder(holder, keys, items))
        for item in items:
            if len(todo) < _MOST and id(item) not in seen and _is_holder(item):
                seen.add(id(item))
                todo.append(item)
    return found


def _alike_in(one: object, old: _Holders, other: object, new: _Holders, depth: int = 20) -> bool:
    """Were two values alike when their containers were noted?"""
    was, became = old.get(id(one)), new.get(id(other))
    if was is None or became is None:
        return was is became and _same(one, other)
    if type(one) is not type(other) or not depth or len(was.items) != len(became.items):
        return False
    return _same_items(was.keys, became.keys) and all(
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
            holder = self.holders.get(id(value))
            if holder is not None and id(value) not in seen:
                seen.add(id(value))
                todo += holder.items
                yield holder

    def taking(self, key: object, other: _Settings) -> _Settings:
        """These settings, but one of them as it is in others."""
        values = {name: value for name, value in self.values.items() if name != key}
        if key not in other.values:
            return _Settings(values, self.holders)
        values[key] = other.values[key]
        holders = {**self.holders, **{id(each.itself): each for each in other.behind(key)}}
        return _Settings(values, holders)


class _Look:
    """Says fast whether a mapping and all containers in it still hold the same objects."""

    def __init__(self, holders: Sequence[_Holder]) -> None:
        self.root = holders[0].itself
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


class _Mapping(Lasting):
    """A mapping of settings, whose values may be lists and other containers that are changed in place."""

    def __init__(self) -> None:
        self._last: tuple[_Look, _Settings] | None = None

    @abstractmethod
    def _live(self) -> Any: ...

    def available(self) -> bool:
        return isinstance(self._live(), dict)

    def read(self) -> _Settings:
        root = self._live()
        if self._last is not None and self._last[0].root is root and self._last[0].unchanged():
            return self._last[1]
        holders = _held(root)
        by_id = {id(each.itself): each for each in holders}
        settings = _Settings(self._flat(by_id[id(root)], by_id), by_id)
        self._last = _Look(holders), settings
        return settings

    def _flat(self, root: _Holder, holders: _Holders) -> dict[Any, Any]:
        return dict(zip(root.keys, root.items))

    def write(self, state: _Settings) -> None:
        for key in self._differing(self.read(), state):
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
        return [key for key in {**old.values, **new.values} if not old.like(key, new)]

    def carry(self, state: _Settings, before: _Settings, after: _Settings) -> _Settings:
        for key in self._differing(before, after):
            if state.like(key, before):
                state = state.taking(key, after)
        return state


class _Environ(_Mapping):
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


class _Matplotlib(_Mapping):
    """`rcParams` but for the backend: that is the session's, and lazily chosen by whoever draws first."""

    resource = "options:matplotlib"
    read_under = frozenset(("matplotlib", "mpl_toolkits", "pandas", "pylab", "seaborn"))

    def _live(self) -> Any:
        return getattr(sys.modules.get("matplotlib"), "rcParams", None)

    def _flat(self, root: _Holder, holders: _Holders) -> dict[Any, Any]:
        flat = super()._flat(root, holders)
        flat.pop("backend", None)
        return flat


class _Pandas(_Mapping):
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
            or not _same({**old.values, **new.values}[key], registered[key].defval)
        ]


def _options(group: _Holder, holders: _Holders, prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in zip(group.keys, group.items):
        if type(value) is dict and id(cast("object", value)) in holders:
            yield from _options(holders[id(cast("object", value))], holders, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", cast("object", value)


# Single values


class _Directory(Dial):
    """The working directory, or None where it was removed."""

    resource = "cwd:"
    read_under = frozenset(("glob", "os", "pathlib", FILES_RELATIVE, SUBPROCESS))

    def read(self) -> str | None:
        try:
            return os.getcwd()  # noqa: PTH109  # a string compares faster than a path
        except FileNotFoundError:
            return None

    def write(self, state: str | None) -> None:
        if state is not None and state != self.read():
            os.chdir(state)

    def alike(self, old: str | None, new: str | None) -> bool:
        return old == new


class _NumpyOptions(Dial):
    """How arrays are printed, and what happens at floating point errors.

    Since numpy 2 both belong to the context: they are read and put back in that of the caller.
    """

    resource = "options:numpy"
    read_under = frozenset(("numpy", "pandas"))

    def _module(self) -> Any:
        return sys.modules.get("numpy")

    def available(self) -> bool:
        # numpy gets them one with the others, so that half of it has neither.
        numpy = self._module()
        return hasattr(numpy, "set_printoptions") and hasattr(numpy, "setbufsize")

    def read(self) -> tuple[object, ...]:
        numpy = self._module()
        printing, errors = numpy.get_printoptions(), numpy.geterr()
        if printing["formatter"] is not None:
            # It is the dictionary of who set it.
            printing["formatter"] = tuple(printing["formatter"].items())
        return (*printing.values(), *errors.values(), numpy.geterrcall(), numpy.getbufsize())

    def write(self, state: tuple[Any, ...]) -> None:
        numpy = self._module()
        *printing, divide, over, under, invalid, call, size = state
        options = dict(zip(numpy.get_printoptions(), printing))
        if options["formatter"] is not None:
            options["formatter"] = dict(options["formatter"])
        numpy.set_printoptions(**options)
        numpy.seterr(divide=divide, over=over, under=under, invalid=invalid)
        numpy.seterrcall(call)
        numpy.setbufsize(size)

    def alike(self, old: tuple[object, ...], new: tuple[object, ...]) -> bool:
        # The size is a new number each time.
        return _same(old[-1], new[-1]) and _same_items(old[:-1], new[:-1])


class _Decimal(Dial):
    """Precision, rounding and traps of the current decimal context. Its flags change all the time."""

    resource = "decimal:"
    read_under = frozenset(("decimal",))
    _SETTINGS = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")

    def _context(self) -> Any:
        return sys.modules["decimal"].getcontext()

    def available(self) -> bool:
        return hasattr(sys.modules.get("decimal"), "getcontext")

    def read(self) -> tuple[object, ...]:
        context = self._context()
        traps = tuple([signal for signal, on in context.traps.items() if on])
        return (context, *[getattr(context, name) for name in self._SETTINGS], traps)

    def write(self, state: tuple[Any, ...]) -> None:
        context, *settings, traps = state
        if self._context() is not context:
            sys.modules["decimal"].setcontext(context)
        for name, value in zip(self._SETTINGS, settings):
            setattr(context, name, value)
        for signal in context.traps:
            context.traps[signal] = signal in traps

    def alike(self, old: tuple[object, ...], new: tuple[object, ...]) -> bool:
        return _same_items(old[1:], new[1:])


class _Locale(Dial):
    resource = "locale:"
    read_under = frozenset(("calendar", "datetime", "locale", "pandas", "time"))

    def available(self) -> bool:
        return hasattr(sys.modules.get("locale"), "setlocale")

    def read(self) -> str:
        locale = cast("Any", sys.modules["locale"])
        return locale.setlocale(locale.LC_ALL)

    def write(self, state: str) -> None:
        locale = cast("Any", sys.modules["locale"])
        locale.setlocale(locale.LC_ALL, state)

    def alike(self, old: str, new: str) -> bool:
        return old == new


# Seeding

_RANDOM: Final = "random:random"
_NUMPY_RANDOM: Final = "random:numpy"
_SETTERS: Final = {_RANDOM: ("seed", "setstate"), _NUMPY_RANDOM: ("seed", "set_state")}
# What these return is the state, or draws from it.
_GETTERS: Final = {_RANDOM: ("getstate",), _NUMPY_RANDOM: ("get_state", "get_bit_generator")}
_HOMES: Final = {_RANDOM: "random", _NUMPY_RANDOM: "numpy.random"}

_Function = Callable[..., object]


class _Seedings:
    """Hears of calls that set or hand out a generator's state, and tells whoever watches a run."""

    def __init__(self) -> None:
        self.listener: Dials | None = None

    def attend(self, resource: Resource) -> None:
        """Wrap the functions of a generator's module, those that are not wrapped yet."""
        module = sys.modules.get(_HOMES[resource])
        for names, wrapper in ((_SETTERS, self._setting), (_GETTERS, self._asking)):
            for name in names[resource]:
                function = getattr(module, name, None)
                # A Python function in this place is ours, or somebody's who has a reason.
                if function is not None and not isinstance(function, FunctionType):
                    heard = wrapper(function, resource)
                    # Pickles find a function by these names.
                    heard.__module__, heard.__qualname__ = _HOMES[resource], name
                    setattr(module, name, heard)

    def _asking(self, function: _Function, resource: Resource) -> _Function:
        @wraps(function)
        def heard(*args: object, **kwargs: object) -> object:
            __tracebackhide__ = True
            if self.listener is not None:
                self.listener.state_asked(resource)
            return function(*args, **kwargs)

        return heard

    def _setting(self, function: _Function, resource: Resource) -> _Function:
        @wraps(function)
        def heard(*args: object, **kwargs: object) -> object:
            __tracebackhide__ = True
            listener = self.listener
            if listener is not None:
                listener.before_setting(resource)
            result = function(*args, **kwargs)
            if listener is not None:
                given = next(
                    chain(args, (kwargs[name] for name in ("a", "seed", "state") if name in kwargs)), None
                )
                listener.after_setting(resource, given)
            return result

        return heard


_seedings: Final = _Seedings()


# Imports


class _Imports:
    """Stands first among the finders while a run is watched, and tells when a first import begins and ends.

    What modules import in their turn belongs to the outermost import. A module that is loaded again is the
    wish of the cell: that is no first import.
    """

    def __init__(self, begins: Callable[[], None], ends: Callable[[], None]) -> None:
        self._begins = begins
        self._ends = ends
        self._thread = 0
        self._inside = False
        self.seen = False

    def start(self) -> None:
        self._thread = threading.get_ident()
        self._inside = self.seen = False
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        self._thread = 0
        # Not `remove`: that would compare other people's finders with this.
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def _attends(self) -> bool:
        return not self._inside and self._thread == threading.get_ident()

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not self._attends():
            return None
        self.seen = True
        if name in sys.modules:
            return None
        self._inside = True
        try:
            spec = self._find(name, path, target)
        finally:
            self._inside = False
        if type(spec) is ModuleSpec:
            vars(spec)["attendant"] = self
            spec.__class__ = _Attended
        return spec

    def _find(self, name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return spec
        return None

    def begin(self) -> bool:
        """A module is about to be executed: is that the outermost import?"""
        if not self._attends():
            return False
        self._inside = True
        self._begins()
        return True

    def end(self) -> None:
        self._inside = False
        self._ends()


class _Attended(ModuleSpec):
    """Hears when its module is executed: Python tells the spec before and after.

    A loader of our own would stand in the traceback of every import that fails. Once the module is there,
    its spec is an ordinary one.
    """

    @property
    def _initializing(self) -> bool:
        return vars(self).get("_initializing", False)

    @_initializing.setter
    def _initializing(self, begins: bool) -> None:
        inside = vars(self)
        inside["_initializing"] = begins
        if begins:
            inside["begun"] = inside["attendant"].begin()
            return
        attendant, begun = inside.pop("attendant"), inside.pop("begun", False)
        cast("ModuleSpec", self).__class__ = ModuleSpec
        if begun:
            attendant.end()


# Where specs are shown, this is one like all.
_Attended.__name__ = _Attended.__qualname__ = "ModuleSpec"


# The panel

_ABSENT: Final = object()


@dataclass(frozen=True, eq=False)
class _Noted:
    """A state, and how many changes had come to stay when it was noted."""

    state: object
    age: int


class Dials:
    """All dials: what a run did with them, and their states.

    Printing options of numpy and decimal's context belong to the context: whoever starts, stops, reads and
    writes does so where cells run. What a cell with `await` at its top does to them ends with the cell.
    """

    def __init__(self, arrived: Callable[[], None] = lambda: None) -> None:
        # To be told when an import is over.
        self._tell_of_import = arrived
        everything = (_Random, _NumpyRandom, _Directory, _Environ, _Path, _Warnings, _Locale, _Decimal)
        options = (_Pandas, _Matplotlib, _NumpyOptions)
        self._dials: dict[Resource, Dial] = {each.resource: each() for each in everything + options}
        # Changes that came to stay: imports made them, or brought the dial.
        self._stayed: list[tuple[Resource, object, object]] = []
        self._arrived: set[Resource] = set()
        self._imports = _Imports(self._before_import, self._after_import)
        self._begin()

    def _begin(self) -> None:
        self._noted: dict[Resource, object] = {}
        self._changed: set[Resource] = set()
        self._asked: set[Resource] = set()
        self._drew: set[Resource] = set()
        # How a generator was last set: by something that determines its state?
        self._set: dict[Resource, bool] = {}

    # A run

    def start(self) -> None:
        """Note all states before a run, in the thread and the context in which it will run."""
        self._begin()
        for resource, dial in self._dials.items():
            if dial.available():
                self._note(resource, dial.read())
        _seedings.attend(_RANDOM)
        if _NUMPY_RANDOM in self._noted:
            _seedings.attend(_NUMPY_RANDOM)
        _seedings.listener = self
        self._imports.start()

    def stop(self, modules: Collection[str], used: Collection[str]) -> Turned:
        """What the run did: `modules` are those behind its inputs, `used` says what else it touched."""
        self._imports.stop()
        _seedings.listener = None
        for resource, dial in self._dials.items():
            if self._is_changed(resource, dial):
                self._changed.add(resource)
        generators = _SETTERS.keys()
        drew = self._drew | (self._changed & generators - self._set.keys())
        hints = {*modules, *used, *((IMPORTS,) if self._imports.seen else ())}
        # A new state of settings is the old one but for what was set.
        reads = drew | self._asked | (self._changed - generators)
        reads |= {each for each in self._noted if not hints.isdisjoint(self._dials[each].read_under)}
        return Turned(
            writes=frozenset(self._changed | self._set.keys()),
            reads=frozenset(reads),
            drew=frozenset(drew),
            seeded=frozenset(each for each, determined in self._set.items() if determined),
            unseeded=frozenset(each for each, determined in self._set.items() if not determined),
        )

    def _note(self, resource: Resource, state: object) -> None:
        self._noted[resource] = state
        if resource not in self._arrived:
            self._arrived.add(resource)
            self._stayed.append((resource, _ABSENT, state))

    def _is_changed(self, resource: Resource, dial: Dial) -> bool:
        before = self._noted.get(resource, _ABSENT)
        if not dial.available():
            return before is not _ABSENT
        now = dial.read()
        if before is not _ABSENT:
            return now is not before and not dial.alike(before, now)
        # It came with an import that nobody saw, so what was done with it since is unknown.
        self._note(resource, now)
        return True

    # What the run's calls tell

    @shielded
    def state_asked(self, resource: Resource) -> None:
        """The run got hold of a generator's state."""
        self._asked.add(resource)

    @shielded
    def before_setting(self, resource: Resource) -> None:
        """The run is about to set a generator's state: has it drawn from the old one?"""
        before = self._noted.get(resource, _ABSENT)
        dial = self._dials[resource]
        if resource not in self._set and before is not _ABSENT and not dial.alike(before, dial.read()):
            self._drew.add(resource)

    @shielded
    def after_setting(self, resource: Resource, given: object) -> None:
        """The run has set a generator's state; without anything given, the system's entropy did."""
        self._set[resource] = given is not None

    # Imports

    @shielded
    def _before_import(self) -> None:
        self._at_import: dict[Resource, object] = {}
        for resource, dial in self._dials.items():
            if isinstance(dial, Lasting) and resource in self._noted and dial.available():
                self._at_import[resource] = dial.read()

    @shielded
    def _after_import(self) -> None:
        for resource, dial in self._dials.items():
            if not dial.available():
                continue
            if resource not in self._noted:
                self._note(resource, dial.read())
            elif resource in self._at_import:
                self._stay(resource, cast("Lasting", dial), self._at_import[resource])
        if _NUMPY_RANDOM in self._noted:
            _seedings.attend(_NUMPY_RANDOM)
        self._tell_of_import()

    def _stay(self, resource: Resource, dial: Lasting, before: object) -> None:
        """What the import changed is not what the run changed."""
        after = dial.read()
        if dial.alike(before, after):
            return
        if not dial.alike(self._noted[resource], before):
            self._changed.add(resource)
        self._stayed.append((resource, before, after))
        self._noted[resource] = after

    # States

    def known(self, resource: Resource) -> bool:
        """Is there a dial of that name, whether or not its library is there by now?"""
        return resource in self._dials

    def read(self, resource: Resource) -> object:
        """The state now, to be kept, compared and written back."""
        dial = self._dials[resource]
        return _Noted(dial.read() if dial.available() else _ABSENT, len(self._stayed))

    def before(self, resource: Resource) -> object:
        """The state that the latest run found."""
        return _Noted(self._noted.get(resource, _ABSENT), len(self._stayed))

    def write(self, resource: Resource, state: object) -> None:
        """Put a state back. Raises OSError where that is a directory which is gone."""
        dial = self._dials[resource]
        wanted = self._now(resource, cast("_Noted", state))
        if wanted is not _ABSENT and dial.available():
            dial.write(wanted)

    def alike(self, resource: Resource, old: object, new: object) -> bool:
        """Would two states be the same if they were put back now?"""
        one, other = (self._now(resource, cast("_Noted", each)) for each in (old, new))
        if one is _ABSENT or other is _ABSENT:
            return one is other
        return self._dials[resource].alike(one, other)

    def _now(self, resource: Resource, noted: _Noted) -> object:
        """A state with the changes that have come to stay since."""
        state, dial = noted.state, self._dials[resource]
        for changed, before, after in self._stayed[noted.age :]:
            if changed != resource:
                continue
            if state is _ABSENT:
                state = after
            elif isinstance(dial, Lasting) and before is not _ABSENT:
                state = dial.carry(state, before, after)
        return state
