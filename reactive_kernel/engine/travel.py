"""Values as bytes: what means the same elsewhere travels; of everything else it is said why it does not."""

from __future__ import annotations

import importlib
import io
import os
import pickle  # what comes back from a cluster is as trusted as the cluster, which runs the cells
import site
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, TypeAlias, cast

from .. import libraries  # noqa: F401  # pyright: ignore[reportUnusedImport]  # teaches `shapes` its types
from ..cell import Resource
from ..objects import Reach, changing, reach
from ..shapes import is_atom
from .task import Bundle

# Kinds of objects that mean something else, or nothing, in another process.
_KINDS: Mapping[str, str] = {
    "function": "a function",
    "figure": "a figure",
    "logger": "a logger",
    "opaque": "an object into which nobody can see",
    "cached": "a function that remembers its answers",
    "iterator": "an iterator or a file",
}
# Libraries whose objects stand for something of their process.
_BOUND = frozenset(
    ("_io", "io", "ipywidgets", "logging", "matplotlib", "multiprocessing", "threading", "weakref")
)

# What of an environment belongs to it.
_OWN = ("DLLs", "Lib", "etc", "include", "lib", "lib64", "share")
# A view may be of so many times its own size.
_PART = 4


class CannotTravel(Exception):
    """A value would not be the same elsewhere, and why."""


def _places() -> tuple[str, ...]:
    """Not all that is below a prefix: people keep notebooks beside the environment's own directories."""
    paths = {name: path for name, path in sysconfig.get_paths().items() if name != "data"}
    own = [str(Path(prefix, each)) for prefix in (sys.prefix, sys.base_prefix) for each in _OWN]
    found = (*paths.values(), *own, *site.getsitepackages(), site.getusersitepackages())
    return tuple(sorted({f"{Path(place).resolve()}{os.sep}" for place in found}))


PLACES = _places()


def is_installed(module: ModuleType) -> bool:
    """Is the module one that other machines have, too: no file of the notebook's own?"""
    origin: object = getattr(module, "__file__", None)
    if not isinstance(origin, str):
        spec = getattr(module, "__spec__", None)
        return module.__name__ != "__main__" and spec is not None and spec.origin in ("built-in", "frozen")
    return within(origin)


def within(path: str) -> bool:
    """Is that below where Python and its packages are installed?"""
    return str(Path(path).resolve()).startswith(PLACES)


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.arrays: list[Any] = []

    def reducer_override(self, value: Any, /) -> Any:
        kind = cast("type[object]", type(value))
        if isinstance(value, ModuleType):
            if not is_installed(value):
                raise CannotTravel(f"the module `{value.__name__}` is the notebook's own")
            return importlib.import_module, (value.__name__,)
        named = isinstance(value, (type, FunctionType, BuiltinFunctionType))
        home = str(getattr(value if named else kind, "__module__", ""))
        if home == "__main__":
            what = f"`{value.__qualname__}`" if named else f"an object of `{kind.__qualname__}`"
            raise CannotTravel(f"{what} is of the notebook's own making")
        if kind is object or (not named and home.partition(".")[0] in _BOUND):
            raise CannotTravel(f"an object of type `{home}.{kind.__qualname__}` belongs to its process")
        if kind.__name__ == "ndarray" and home == "numpy":
            return self._array(value)
        if kind.__name__ in ("DataFrame", "Series") and home.partition(".")[0] == "pandas":
            return _frame(value)
        return NotImplemented

    def _array(self, array: Any) -> Any:
        """A view travels with what it views, so that whoever shares memory here does so there."""
        base = array.base
        if base is None:
            # What comes out of this owns its memory, too.
            return array.__reduce__()
        if array.dtype.hasobject:
            self.arrays.append(array)
            return NotImplemented
        if type(base) is not type(array) or base.nbytes > _PART * array.nbytes + _PART:
            raise CannotTravel("an array of it is a small part of something larger")
        offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        if base.dtype.hasobject or base.base is not None or base.ndim == 0 or offset < 0:
            raise CannotTravel("an array of it views memory in a way that nobody can repeat")
        flags = array.flags
        return _view, (base, array.dtype, array.shape, offset, array.strides, flags.writeable)


def _view(base: Any, dtype: Any, shape: Any, offset: int, strides: Any, writeable: Any) -> Any:
    array = type(base)(shape, dtype, base if base.flags.c_contiguous else base.T, offset, strides)
    array.flags.writeable = writeable
    return array


def _frame(frame: Any) -> Any:
    """Frames never see each other's changes, so that each travels with memory of its own."""
    held = (block.values for block in frame._mgr.blocks)
    if any(each.dtype.hasobject and not all(map(is_atom, each.ravel())) for each in held if _plain(each)):
        raise CannotTravel("a frame of it holds objects that can change")
    return pickle.loads, (pickle.dumps(frame, protocol=5),)


def _plain(values: Any) -> bool:
    return type(values).__name__ == "ndarray"


def dumps(values: Mapping[Resource, object]) -> bytes:
    """The values as bytes; raises CannotTravel."""
    file = io.BytesIO()
    pickler = _Pickler(file)
    try:
        pickler.dump(dict(values))
    except CannotTravel:
        raise
    except Exception as error:  # noqa: BLE001  # whatever a class does when it is asked for its state
        raise CannotTravel(f"it cannot be put into bytes ({type(error).__name__}: {error})") from None
    if overlap([_span(each) for each in pickler.arrays if each.nbytes]):
        raise CannotTravel("its arrays share memory, which copies of them would not")
    return file.getvalue()


def loads(blob: bytes) -> dict[Resource, object]:
    return cast("dict[Resource, object]", pickle.loads(blob))  # noqa: S301  # written by ourselves


# From where to where something reaches in memory.
Span: TypeAlias = tuple[int, int]


def _span(array: Any) -> Span:
    low = high = array.__array_interface__["data"][0]
    for length, step in zip(array.shape, array.strides):
        if step < 0:
            low += (length - 1) * step
        else:
            high += (length - 1) * step
    return low, high + array.itemsize


def overlap(spans: Iterable[Span]) -> bool:
    """Do some of them overlap?"""
    return any(later[0] < earlier[1] for earlier, later in pairwise(sorted(spans)))


def memory(value: object) -> list[Span]:
    """The memory of arrays behind a value."""
    held = [each for each in changing(value).values() if type(each).__name__ == "ndarray"]
    return [_span(each) for each in cast("list[Any]", held) if each.nbytes]


def bundled(values: Mapping[Resource, object]) -> tuple[list[Bundle], dict[Resource, str]]:
    """The values as bytes, those together that share objects; and why others cannot travel."""
    behind = {name: reach(value) for name, value in values.items()}
    refused: dict[Resource, str] = {}
    bundles: list[Bundle] = []
    for group in _groups(values, behind):
        why, blob = _packed({name: values[name] for name in sorted(group)}, behind)
        if why is None:
            bundles.append(Bundle(frozenset(group), blob))
        else:
            refused |= dict.fromkeys(group, why)
    return bundles, refused


def _packed(values: Mapping[Resource, object], behind: Mapping[Resource, Reach]) -> tuple[str | None, bytes]:
    try:
        for name, value in values.items():
            _look(value, behind[name])
        return None, dumps(values)
    except CannotTravel as error:
        return str(error), b""


def _look(value: object, behind: Reach) -> None:
    if isinstance(value, ModuleType):
        return
    if behind.vast:
        raise CannotTravel("it holds too many objects to look at all of them")
    for kind, what in _KINDS.items():
        if kind in behind.kinds:
            raise CannotTravel(f"it holds {what}")


def _groups(values: Mapping[Resource, object], behind: Mapping[Resource, Reach]) -> list[set[Resource]]:
    """The names, those together that share objects or memory."""
    found: list[tuple[set[Resource], set[int], list[Span]]] = []
    for name, each in behind.items():
        names, ids, spans = {name}, set(each.ids), memory(values[name]) if "array" in each.kinds else []
        apart: list[tuple[set[Resource], set[int], list[Span]]] = []
        for group in found:
            if ids.isdisjoint(group[1]) and not meet(spans, group[2]):
                apart.append(group)
            else:
                names, ids, spans = names | group[0], ids | group[1], spans + group[2]
        found = [*apart, (names, ids, spans)]
    return [names for names, _, _ in found]


def meet(some: Iterable[Span], others: Iterable[Span]) -> bool:
    """Does any of these overlap with any of those?"""
    ours = list(some)
    return any(one[0] < other[1] and other[0] < one[1] for other in others for one in ours)
