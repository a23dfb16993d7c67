"""What stands behind the notebook's names, in a few words.

Only types that are known are looked into, and none of their subclasses: nobody's `__repr__` or `__len__`
runs, nothing is changed, and a big object takes no longer than a small one. Any thread may ask while a
cell runs.
"""

from __future__ import annotations

import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from pathlib import Path, PosixPath, WindowsPath
from types import BuiltinFunctionType, FunctionType, ModuleType, NoneType
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

from .fixed import fixed

# So many names are told of, so many items and characters of each.
MOST: Final = 2000
_ITEMS: Final = 8
_CHARACTERS: Final = 120
# Longer numbers take long to write, and Python refuses the longest.
_BITS: Final = 512
# Frames of more columns are not asked for their size.
_COLUMNS: Final = 1000

_KIND: Any = vars(type)["__qualname__"]
_ATOMS: Final = frozenset((bool, float, complex, NoneType, range, slice, type(Ellipsis)))
_CONSTANTS: Final = frozenset(
    (datetime, date, time, timedelta, Decimal, Fraction, UUID, Path, PosixPath, WindowsPath)
)
_BRACKETS: Final[Mapping[type, str]] = {
    list: "[]",
    tuple: "()",
    set: "{}",
    frozenset: "{}",
    deque: "[]",
    dict: "{}",
    OrderedDict: "{}",
}
_TEXTS: Final = frozenset((str, bytes, bytearray))


@fixed
class Variable:
    """A name's value: its type, how many items it has each way, the bytes that it takes, a few words."""

    type: str
    shape: tuple[int, ...] | None = None
    size: int | None = None
    summary: str = ""


def variables(live: Mapping[str, object]) -> dict[str, Variable]:
    """Every name of them that is not a module's."""
    found = [(name, value) for name, value in live.items() if not issubclass(type(value), ModuleType)]
    return {name: describe(value) for name, value in sorted(islice(found, MOST), key=lambda item: item[0])}


def describe(value: object) -> Variable:
    """A value in a few words."""
    kind = type(value)
    name: str = _KIND.__get__(kind)
    look = _look_for(kind)
    if look is None:
        return Variable(name)
    try:
        shape, size, summary = look(value)
    except Exception:  # noqa: BLE001  # it changes while we look: another thread runs the cells
        return Variable(name)
    return Variable(name, shape, size, _short(summary))


_Seen: TypeAlias = "tuple[tuple[int, ...] | None, int | None, str]"


def _look_for(kind: type) -> Callable[[Any], _Seen] | None:
    if kind in _BRACKETS:
        return _container
    if kind in _TEXTS:
        return _text
    if kind in _ATOMS or kind in _CONSTANTS or kind is int:
        return _atom
    if kind is FunctionType:
        return _function
    if kind is type:
        return _class
    if kind is BuiltinFunctionType:
        return lambda value: (None, None, f"{value.__name__}()")
    return next((look for module, name, look in _LIBRARIES if _is(kind, module, name)), None)


def _is(kind: type, module: str, name: str) -> bool:
    return kind is getattr(sys.modules.get(module), name, _is)


def _short(text: str) -> str:
    return text if len(text) <= _CHARACTERS else f"{text[: _CHARACTERS - 1]}…"


# Python's own


def _atom(value: object) -> _Seen:
    return None, sys.getsizeof(value), _written(value)


def _written(value: object) -> str:
    """A value of a type whose `repr` is Python's own; of others the type."""
    kind = type(value)
    if kind is int:
        number = cast("int", value)
        return repr(number) if number.bit_length() <= _BITS else f"a number of {number.bit_length()} bits"
    if kind in _TEXTS:
        text = cast("Any", value)
        return repr(text[:_CHARACTERS])
    if kind in _BRACKETS:
        return f"{_BRACKETS[kind][0]}…{_BRACKETS[kind][1]}"
    return repr(value) if kind in _ATOMS or kind in _CONSTANTS else f"<{_KIND.__get__(kind)}>"


def _text(value: Any) -> _Seen:
    return (len(value),), sys.getsizeof(value), _written(value)


def _container(value: Any) -> _Seen:
    kind: Any = value.__class__
    opening, closing = _BRACKETS[kind]
    if kind in (dict, OrderedDict):
        items = [f"{_written(key)}: {_written(held)}" for key, held in islice(value.items(), _ITEMS)]
    else:
        items = [_written(held) for held in islice(value, _ITEMS)]
    more = ", …" if len(value) > len(items) else "," if kind is tuple and len(items) == 1 else ""
    return (len(value),), sys.getsizeof(value), f"{opening}{', '.join(items)}{more}{closing}"


def _function(value: Any) -> _Seen:
    code = value.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return None, None, f"{value.__name__}({', '.join(names)})"


def _class(value: type) -> _Seen:
    return None, None, f"class {_KIND.__get__(value)}"


# Libraries'


def _array(value: Any) -> _Seen:
    few = f": {_listed(value.tolist())}" if value.ndim == 1 and value.size <= _ITEMS and _plain(value) else ""
    return tuple(value.shape), value.nbytes, f"{value.dtype}{few}"


def _plain(array: Any) -> bool:
    return array.dtype.kind in "biuf"


def _listed(values: Iterable[object]) -> str:
    return f"[{', '.join(map(_written, values))}]"


def _frame(value: Any) -> _Seen:
    names = [_written(name) if type(name) is not str else name for name in value.columns[:_ITEMS]]
    more = ", …" if len(value.columns) > len(names) else ""
    size = int(value.memory_usage().sum()) if len(value.columns) <= _COLUMNS else None
    return tuple(value.shape), size, f"{', '.join(names)}{more}"


def _series(value: Any) -> _Seen:
    name = f"{_written(value.name)}: " if value.name is not None else ""
    return tuple(value.shape), int(value.memory_usage()), f"{name}{value.dtype}"


def _index(value: Any) -> _Seen:
    return tuple(value.shape), int(value.memory_usage()), str(value.dtype)


def _polars(value: Any) -> _Seen:
    words = ", ".join(value.columns[:_ITEMS]) if hasattr(value, "columns") else str(value.dtype)
    return tuple(value.shape) or None, int(value.estimated_size()), words


def _arrow(value: Any) -> _Seen:
    names = value.column_names
    words = ", ".join(names[:_ITEMS]) + (", …" if len(names) > _ITEMS else "")
    return (value.num_rows, value.num_columns), value.nbytes, words


def _tensor(value: Any) -> _Seen:
    size = value.numel() * value.element_size()
    return tuple(value.shape), size, f"{value.dtype} on {value.device}"


_LIBRARIES: Final[tuple[tuple[str, str, Callable[[Any], _Seen]], ...]] = (
    ("numpy", "ndarray", _array),
    ("pandas", "DataFrame", _frame),
    ("pandas", "Series", _series),
    ("pandas", "Index", _index),
    ("pandas", "RangeIndex", _index),
    ("pandas", "DatetimeIndex", _index),
    ("polars", "DataFrame", _polars),
    ("polars", "Series", _polars),
    ("pyarrow", "Table", _arrow),
    ("pyarrow", "RecordBatch", _arrow),
    ("torch", "Tensor", _tensor),
)
