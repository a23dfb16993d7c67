"""What can be told of values without their addresses, and which of them share objects.

Two namespaces with equal portraits cannot be told apart by a program that keeps to values and `is`
(atoms' identity aside). Nothing of the kernel has a part in this.
"""

from __future__ import annotations

import logging
import warnings
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MappingProxyType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any
from zlib import crc32

_ATOMS = frozenset(
    (int, float, complex, bool, str, bytes, range, slice, type(None), type(...), type(NotImplemented))
)
_PLAIN = frozenset((MemberDescriptorType, GetSetDescriptorType, WrapperDescriptorType))
# What every class holds, or `dataclass` leaves in one.
_NOISE = frozenset(
    (
        *("__dict__", "__weakref__", "__module__", "__doc__"),
        *("__dataclass_fields__", "__dataclass_params__", "__slotnames__"),
    )
)
# What loggers were asked before is no part of what they are.
_WORKED_OUT = (logging.Logger, "_cache")


def portrait(names: Mapping[str, object], only: Iterable[str] | None = None) -> dict[str, str]:
    """A description of what stands behind each name; objects met before are told by their number."""
    wanted = names.keys() if only is None else names.keys() & set(only)
    pen = _Pen()
    return {name: pen.draw(names[name]) for name in sorted(wanted) if not name.startswith("__")}


def behind(names: Mapping[str, object], only: Iterable[str]) -> list[object]:
    """The objects themselves that the portrait of those names tells of, in its order."""
    pen = _Pen()
    for name in sorted(names.keys() & set(only)):
        pen.draw(names[name])
    return pen.kept


class _Pen:
    """Describes objects one after another, and remembers which it has met."""

    def __init__(self) -> None:
        self._met: dict[int, int] = {}
        # Nothing met may go while another could take its address.
        self.kept: list[object] = []
        self._memory: dict[int, tuple[int, int]] = {}

    def draw(self, value: object) -> str:
        kind = type(value)
        if kind in _ATOMS:
            return repr(value)
        if kind is tuple:
            return f"({self._all(value)})"  # type: ignore[arg-type]  # by its kind
        if issubclass(kind, ModuleType):
            return f"module {value.__name__}"  # type: ignore[attr-defined]  # by its kind
        if kind is frozenset:
            return self._new(value, kind)
        if kind.__module__ == "numpy" and kind.__name__ != "ndarray" and hasattr(value, "itemsize"):
            # A scalar, as immutable as other numbers.
            return repr(value)
        if id(value) in self._met:
            return f"#{self._met[id(value)]}"
        self._met[id(value)] = number = len(self._met) + 1
        self.kept.append(value)
        return f"#{number}:{self._new(value, kind)}"

    def _all(self, values: Iterable[object]) -> str:
        return ", ".join([self.draw(each) for each in values])

    def _pairs(self, items: Iterable[tuple[object, object]]) -> str:
        return ", ".join([f"{self.draw(key)}: {self.draw(each)}" for key, each in items])

    def _new(self, value: Any, kind: type) -> str:
        if kind is list:
            return f"[{self._all(value)}]"
        if kind is dict:
            return f"{{{self._pairs(value.items())}}}"
        if kind is set or kind is frozenset:
            return f"{kind.__name__} {sorted([self.draw(each) for each in value])}"
        if kind is bytearray:
            return repr(value)
        if drawn := _BY_TYPE.get(kind):
            return drawn(self, value)
        if isinstance(value, type):
            return self._class(value)
        home = kind.__module__.partition(".")[0]
        if home in _LIBRARIES:
            return _LIBRARIES[home](self, value)
        if kind in _PLAIN:
            return repr(value)
        return self._instance(value, kind)

    # Code

    def _function(self, value: FunctionType) -> str:
        parts = [value.__qualname__, told_of(value.__code__)]
        parts.append(self._all(value.__closure__ or ()))
        parts.append(self._all(value.__defaults__ or ()))
        parts.append(self._pairs(sorted((value.__kwdefaults__ or {}).items())))
        parts.append(self._pairs(sorted(value.__dict__.items())))
        return f"function {' | '.join(parts)}"

    def _cell(self, value: CellType) -> str:
        try:
            return f"cell {self.draw(value.cell_contents)}"
        except ValueError:
            return "cell empty"

    def _method(self, value: MethodType) -> str:
        return f"method {self.draw(value.__func__)} of {self.draw(value.__self__)}"

    def _builtin(self, value: BuiltinFunctionType) -> str:
        return f"builtin {value.__qualname__} of {self.draw(value.__self__)}"

    def _property(self, value: property) -> str:
        return f"property {self._all((value.fget, value.fset, value.fdel))}"

    def _wrapped(self, value: Any) -> str:
        return f"{type(value).__name__} {self.draw(value.__func__)}"

    def _generator(self, value: GeneratorType[Any, Any, Any]) -> str:
        frame = value.gi_frame
        if frame is None:
            return f"generator {value.__qualname__} at its end"
        return f"generator {value.__qualname__} at {frame.f_lasti} with {self._pairs(frame.f_locals.items())}"

    def _class(self, value: type) -> str:
        if value.__module__ not in ("__main__", "builtins") or value.__module__ == "builtins":
            return repr(value)
        fields = [(name, each) for name, each in vars(value).items() if name not in _NOISE]
        return f"class {value.__qualname__} ({self._all(value.__bases__)}) {{{self._pairs(fields)}}}"

    # Objects

    def _instance(self, value: Any, kind: type) -> str:
        """Anything else: its class, its attributes, and what it holds as a container."""
        words = [self.draw(kind)]
        if isinstance(value, dict):
            # An `OrderedDict` has an order of its own beside the dict's.
            items = OrderedDict.items(value) if isinstance(value, OrderedDict) else dict.items(value)
            words.append(f"{{{self._pairs(items)}}}")
            if hasattr(value, "default_factory"):
                words.append(self.draw(value.default_factory))
        elif isinstance(value, (list, tuple)):
            words.append(f"[{self._all(kind.__base__.__iter__(value) if kind.__base__ else value)}]")
        elif isinstance(value, deque):
            words.append(f"[{self._all(value)}] {value.maxlen}")
        elif isinstance(value, (set, frozenset)):
            words.append(str(sorted(self.draw(each) for each in value)))
        elif isinstance(value, BaseException):
            words.append(self._all(value.args))
        fields = [
            (name, each)
            for name, each in getattr(value, "__dict__", {}).items()
            if (kind, name) != _WORKED_OUT
        ]
        fields += [(name, getattr(value, name)) for name in _slots(kind) if hasattr(value, name)]
        if fields:
            words.append(f"with {self._pairs(fields)}")
        if len(words) == 1:
            words.append(self._reduced(value))
        return " ".join(words)

    def _reduced(self, value: Any) -> str:
        """What an object of a library or of the interpreter says it is made of, as to be pickled."""
        with warnings.catch_warnings():
            # Iterators of itertools are said to lose this one day.
            warnings.simplefilter("ignore")
            try:
                made = value.__reduce_ex__(2)
            except TypeError:
                return "opaque"
        return made if isinstance(made, str) else self._all(made[1:3])

    def _random(self, value: Any) -> str:
        return f"random {crc32(repr(value.getstate()).encode())}"

    def _partial(self, value: partial[Any]) -> str:
        return (
            f"partial {self.draw(value.func)} {self._all(value.args)} {self._pairs(value.keywords.items())}"
        )

    def _proxy(self, value: Any) -> str:
        return f"proxy {self._pairs(value.items())}"

    def _view(self, value: Any) -> str:
        return f"{type(value).__name__} of {self.draw(dict(value.mapping))}"

    def _file(self, value: Any) -> str:
        return f"file {value.name} {getattr(value, 'mode', None)} {value.closed}"

    # Libraries

    def _numpy(self, value: Any) -> str:
        import numpy as np

        if isinstance(value, np.ndarray):
            inside = self._all(value.ravel()) if value.dtype.hasobject else value.tolist()
            return f"array {value.dtype} {value.shape} {inside} {self._place(value)} {value.flags.writeable}"
        if isinstance(value, np.random.Generator):
            return f"generator {value.bit_generator.state}"
        if isinstance(value, np.random.RandomState):
            kind, keys, *rest = value.get_state()
            return f"state {kind} {crc32(keys.tobytes())} {rest}"
        return f"{type(value).__name__} {value!r}"

    def _place(self, array: Any) -> str:
        """Which arrays lie in one memory, and how far from the first of them that was met."""
        root = array
        while getattr(root, "base", None) is not None:
            root = root.base
        self.kept.append(root)
        start = array.__array_interface__["data"][0]
        number, first = self._memory.setdefault(id(root), (len(self._memory) + 1, start))
        return f"in memory {number} at {start - first} by {array.strides if array.base is not None else ''}"

    def _pandas(self, value: Any) -> str:
        import pandas as pd

        if isinstance(value, pd.DataFrame):
            columns = [self._series(value.iloc[:, at]) for at in range(value.shape[1])]
            return f"frame {self._index(value.columns)} {self._index(value.index)} {columns} {value.attrs}"
        if isinstance(value, pd.Series):
            return f"series {value.name!r} {self._index(value.index)} {self._series(value)} {value.attrs}"
        if isinstance(value, pd.Index):
            return f"index {self._index(value)}"
        if hasattr(value, "obj") and hasattr(value, "keys"):
            # What it keeps of the frame from when it was first asked is what it answers from then on.
            kept = getattr(value, "_cache", {}).get("_obj_with_exclusions")
            return f"{type(value).__name__} {self.draw(value.obj)} by {value.keys!r}, kept {self.draw(kept)}"
        return f"{type(value).__name__} {value!r}"

    def _series(self, value: Any) -> str:
        return f"{value.dtype} {value.tolist()}"

    def _index(self, value: Any) -> str:
        return f"{value.names} {value.dtype} {value.tolist()}"


def _slots(kind: type) -> list[str]:
    """The names in the slots of a class of the notebook."""
    found: list[str] = []
    for base in kind.__mro__:
        own = vars(base).get("__slots__", ()) if base.__module__ == "__main__" else ()
        found += [own] if isinstance(own, str) else own
    return [name for name in found if name not in ("__dict__", "__weakref__")]


@lru_cache(maxsize=10_000)
def told_of(code: CodeType) -> str:
    """What a code object does."""
    constants = [told_of(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {code.co_freevars} {constants}"


_LIBRARIES: Mapping[str, Callable[[_Pen, Any], str]] = {"numpy": _Pen._numpy, "pandas": _Pen._pandas}


def _by_type() -> dict[type, Callable[[_Pen, Any], str]]:
    import io
    import random

    return {
        FunctionType: _Pen._function,
        CellType: _Pen._cell,
        MethodType: _Pen._method,
        BuiltinFunctionType: _Pen._builtin,
        property: _Pen._property,
        staticmethod: _Pen._wrapped,
        classmethod: _Pen._wrapped,
        GeneratorType: _Pen._generator,
        MappingProxyType: _Pen._proxy,
        partial: _Pen._partial,
        random.Random: _Pen._random,
        io.TextIOWrapper: _Pen._file,
        io.BufferedReader: _Pen._file,
        type({}.keys()): _Pen._view,
        type({}.values()): _Pen._view,
        type({}.items()): _Pen._view,
    }


_BY_TYPE = _by_type()
