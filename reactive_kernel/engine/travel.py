"""Values as bytes: what means the same elsewhere travels, and of everything else it is said why it does not."""

from __future__ import annotations

import importlib
import io
import pickle  # what comes back from a cluster is as trusted as the cluster, which runs the cells
import site
import sys
import sysconfig
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, cast

from ..cell import Resource
from ..objects import Reach, reach
from .task import Bundle

# Kinds of objects that mean something else, or nothing, in another process.
_KINDS: Mapping[str, str] = {
    "iterator": "an iterator",
    "function": "a function",
    "figure": "a figure",
    "logger": "a logger",
    "cached": "a function that remembers its answers",
}
# Libraries whose objects stand for something of their process.
_BOUND = frozenset(("_io", "io", "ipywidgets", "logging", "matplotlib", "multiprocessing", "threading", "weakref"))


class CannotTravel(Exception):
    """A value would not be the same elsewhere, and why."""


def _places() -> tuple[str, ...]:
    found = [*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, *site.getsitepackages()]
    return tuple({str(Path(place).resolve()) for place in (*found, site.getusersitepackages())})


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
        kind = type(value)
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
            self.arrays.append(value)
        return NotImplemented


def dumps(values: Mapping[Resource, object]) -> bytes:
    """The values as bytes; raises CannotTravel."""
    file = io.BytesIO()
    pickler = _Pickler(file)
    try:
        pickler.dump(dict(values))
    except CannotTravel:
        raise
    except Exception as error:  # whatever a class does when it is asked for its state
        raise CannotTravel(f"it cannot be put into bytes ({type(error).__name__}: {error})") from None
    if _overlap(pickler.arrays):
        raise CannotTravel("its arrays share memory, which copies of them would not")
    return file.getvalue()


def loads(blob: bytes) -> dict[Resource, object]:
    return cast("dict[Resource, object]", pickle.loads(blob))  # noqa: S301


def _overlap(arrays: Iterable[Any]) -> bool:
    """Do some of the arrays share memory?"""
    spans = sorted(_span(each) for each in arrays if each.nbytes)
    return any(later[0] < earlier[1] for earlier, later in zip(spans, spans[1:]))


def _span(array: Any) -> tuple[int, int]:
    """From where to where the array reaches in memory."""
    low = high = array.__array_interface__["data"][0]
    for length, step in zip(array.shape, array.strides):
        if step < 0:
            low += (length - 1) * step
        else:
            high += (length - 1) * step
    return low, high + array.itemsize


def bundled(
    values: Mapping[Resource, object], looked: Callable[[object], Reach] = reach
) -> tuple[list[Bundle], dict[Resource, str]]:
    """The values as bytes, those together that share objects; and why others cannot travel."""
    behind = {name: looked(value) for name, value in values.items()}
    refused: dict[Resource, str] = {}
    bundles: list[Bundle] = []
    for group in _groups(behind):
        try:
            for name in group:
                _look(values[name], behind[name])
            names = sorted(group)
            bundles.append(Bundle(frozenset(group), dumps({name: values[name] for name in names})))
        except CannotTravel as error:
            refused |= dict.fromkeys(group, str(error))
    if len(bundles) > 1 and _share_memory(values, bundles):
        why = "its arrays share memory, which copies of them would not"
        return [], refused | dict.fromkeys(values, why)
    return bundles, refused


def _look(value: object, behind: Reach) -> None:
    if isinstance(value, ModuleType):
        return
    if behind.vast:
        raise CannotTravel("it holds too many objects to look at all of them")
    for kind, what in _KINDS.items():
        if kind in behind.kinds:
            raise CannotTravel(f"it holds {what}")


def _groups(behind: Mapping[Resource, Reach]) -> list[set[Resource]]:
    """The names, those together that share objects."""
    found: list[tuple[set[Resource], set[int]]] = []
    for name, each in behind.items():
        names, ids = {name}, set(each.ids)
        apart: list[tuple[set[Resource], set[int]]] = []
        for other, others in found:
            if ids.isdisjoint(others):
                apart.append((other, others))
            else:
                names |= other
                ids |= others
        found = [*apart, (names, ids)]
    return [names for names, _ in found]


def _share_memory(values: Mapping[Resource, object], bundles: Iterable[Bundle]) -> bool:
    """Do arrays of different bundles share memory?"""
    pickler = _Pickler(io.BytesIO())
    if "numpy" not in sys.modules:
        return False
    pickler.dump([values[name] for bundle in bundles for name in sorted(bundle.names)])
    return _overlap(pickler.arrays)
