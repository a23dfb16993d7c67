"""Which shape has which type."""

from __future__ import annotations

import functools
import gc
import itertools
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from copy import copy
from types import (
    BuiltinFunctionType,
    CellType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    NoneType,
    SimpleNamespace,
)
from typing import Any, Final

from .around import MODULE, Imported, LibraryClass, OwnModule, Touched
from .classes import Cached, Class, Enclosed, Error, Function, Instance, Namespace, Partial, Random
from .containers import Bytes, Default, Deque, Dict, Fixed, List, Ordered, Set
from .hidden import Lock, Memory, Opaque, Sealed
from .iterators import Buffer, Counting, File, Generator, Moving, Passing, Reduced, held_by_frame
from .loggers import LOGGER, Handler
from .own import is_own, is_own_module
from .shape import ATOMS, HEAP, Shape, hashes_itself

CACHED: Final = type(functools.lru_cache(lambda: None))

ATOM: Final = Shape(kind="atom")
ATOM.bare = True
# Modules and classes of libraries, and the machinery around the notebook.
AROUND: Final = Shape(kind="atom")
AROUND.bare = AROUND.around = True
_METHOD = Shape(lambda value: (value.__self__, value.__func__), "function")

_NOTHING: dict[object, object] = {}
_VIEWS: tuple[object, ...] = (_NOTHING.keys(), _NOTHING.values(), _NOTHING.items())
_BACKWARDS: Iterable[object] = reversed([*_NOTHING])
_ITERATED: tuple[Iterable[object], ...] = ([], (), "", "é", b"", range(0), range(1 << 70), _BACKWARDS)
# Those that count besides, or remember that they have begun, are not among them.
_PASSING: tuple[type, ...] = (
    *(itertools.accumulate, itertools.chain, itertools.compress, itertools.filterfalse),
    *(itertools.pairwise, itertools.starmap),
)

SHAPES: dict[type, Shape] = {
    **dict.fromkeys(ATOMS, ATOM),
    tuple: Fixed(tuple),
    frozenset: Fixed(frozenset),
    list: List(),
    dict: Dict(),
    OrderedDict: Ordered(),
    Counter: Dict(),
    defaultdict: Default(),
    set: Set(),
    bytearray: Bytes(),
    deque: Deque(),
    memoryview: Shape(lambda value: (value.obj,), "array"),
    MappingProxyType: Shape(gc.get_referents),
    CellType: Enclosed(),
    FunctionType: Function(),
    MethodType: _METHOD,
    type(threading.Lock()): Lock(),
    type(threading.RLock()): Lock(),
    BuiltinFunctionType: Shape(
        lambda value: () if issubclass(type(value.__self__), (ModuleType, type)) else (value.__self__,),
        "function",
    ),
    functools.partial: Partial(),
    property: Shape(lambda value: (value.fget, value.fset, value.fdel), "function"),
    classmethod: Shape(lambda value: (value.__func__,), "function"),
    staticmethod: Shape(lambda value: (value.__func__,), "function"),
    functools.cached_property: Shape(lambda value: (value.func,), "function"),
    CACHED: Cached(),
    SimpleNamespace: Namespace(),
    FrameType: Shape(held_by_frame, "function"),
    GeneratorType: Generator(),
    CoroutineType: Generator(),
    enumerate: Counting(lambda value: repr(value.__reduce__()[1][1])),
    itertools.count: Counting(repr),
    **{kind: Passing() for kind in _PASSING},
    zip: Shape(gc.get_referents, "iterator"),
    map: Shape(gc.get_referents, "iterator"),
    filter: Shape(gc.get_referents, "iterator"),
    **{kind: Shape(gc.get_referents) for kind in map(type, _VIEWS)},
    **{type(iter(value)): Reduced() for value in _ITERATED},
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
        *(("_weakrefset", "WeakSet"), ("weakref", "WeakSet"), ("asyncio.queues", "Queue")),
        *(("asyncio.locks", name) for name in ("Condition", "Event", "Lock", "Semaphore")),
        *(("multiprocessing.queues", name) for name in ("Queue", "SimpleQueue")),
        *(("multiprocessing.synchronize", "SemLock"), ("multiprocessing.synchronize", "Event")),
        *(("multiprocessing.connection", "_ConnectionBase"), ("_ctypes", "_Pointer")),
    )
)
_OF_CTYPES = frozenset(("_ctypes", name) for name in ("Array", "Structure", "Union", "_SimpleCData"))
_LOGGING = frozenset(("logging", name) for name in ("Filter", "Formatter", "Handler"))
_LOCKS = frozenset(("threading", name) for name in ("Barrier", "BoundedSemaphore", "Condition", "Semaphore"))
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
        if not isinstance(shape, Instance):
            # Classes of the notebook come and go; of others there are only so many.
            SHAPES[kind] = shape
        elif kind.__module__ != "__main__":
            SHAPES[kind] = shape
    return shape


def shape(value: object) -> Shape:
    """How the object keeps its state."""
    kind = type(value)
    if issubclass(kind, ModuleType):
        return _OWN_MODULE if kind is ModuleType and is_own_module(value) else AROUND
    if not issubclass(kind, type):
        return shape_of(kind)
    if _looks_up(kind):
        return _OPAQUE
    home = value.__module__
    return _CLASS if home == "__main__" or is_own(home) else AROUND


def changed_by_name(value: object) -> Shape:
    """How something around the notebook keeps its state, for a cell whose source changes it."""
    if value is sys.modules:
        return _IMPORTED
    if isinstance(value, ModuleType):
        return MODULE
    return _LIBRARY_CLASS if isinstance(value, type) else _TOUCHED


_CLASS = Class()
_LIBRARY_CLASS = LibraryClass()
_IMPORTED = Imported()
_OWN_MODULE = OwnModule()
_SEALED = Sealed()
_TOUCHED = Touched()
_OPAQUE = Opaque()


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
    if known := _special(kind):
        return known
    if package in _MACHINERY and package != "builtins":
        return AROUND
    if package in _CONSTANT or issubclass(kind, _enum()) or kind.__qualname__ == "_tuplegetter":
        return ATOM
    if package == "random":
        return Random() if kind.__name__ == "Random" else ATOM
    if package in ("_io", "io"):
        return Buffer() if kind.__name__ in ("StringIO", "BytesIO") else File("opaque")
    if issubclass(kind, BaseException):
        return Error()
    base = next((each for each in _BUILTIN_BASES if issubclass(kind, each)), None)
    if _hidden(kind, base) <= 0:
        shape = SHAPES.get(base) if base is not None else None
        if base is not None and not kind.__flags__ & HEAP:
            return shape or Opaque()
        return Instance(kind, None if shape is ATOM else shape)
    if any("__next__" in vars(cls) for cls in kind.__mro__):
        return Moving()
    return Opaque()


def _special(kind: type) -> Shape | None:
    """The shape of what cells hand things on with, of whatever package it is."""
    for cls in kind.__mro__:
        name = cls.__module__, cls.__name__
        if name in _SEALED_TYPES:
            return _SEALED
        if name in _LOCKS:
            return Instance(kind, None)
        if name in _OF_CTYPES:
            return Memory()
        if name in (("logging", "Logger"), ("logging", "LoggerAdapter")):
            return LOGGER if cls.__name__ == "Logger" else Instance(kind, None)
        if name in _LOGGING:
            return Handler(kind, None)
    return None


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
        if cls.__flags__ & HEAP
    )
    size = kind.__basicsize__ - (base or object).__basicsize__ - 8 * slots
    size -= 8 * (kind.__dictoffset__ > 0) + 8 * (kind.__weakrefoffset__ > 0)
    if kind.__flags__ & HEAP and not _in_python(kind, base or object):
        return max(size, 1)
    return size


def _in_python(kind: type, base: type) -> bool:
    """Are all classes between the type and its builtin base written in Python?"""
    return all(
        "__module__" in vars(cls) and cls.__flags__ & HEAP
        for cls in kind.__mro__
        if not any(cls is each for each in base.__mro__)
    )
