"""Finds the languages that other packages bring in through the entry point group `reactive_kernel.magics`."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from .cell import MagicAnalyser

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "reactive_kernel.magics"


@cache
def load() -> Mapping[str, MagicAnalyser]:
    """The analyser of every magic that an installed package registers."""
    # Most sessions never meet such a magic, and this import takes longer than the whole package.
    from importlib.metadata import entry_points

    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    found = {point.name: _loaded(point) for point in points}
    return MappingProxyType({name: analyser for name, analyser in found.items() if analyser is not None})


def _loaded(point: EntryPoint) -> MagicAnalyser | None:
    try:
        return point.load()
    # Whatever a package raises when it is imported, the other magics still work.
    except Exception as error:  # noqa: BLE001
        why = f"{type(error).__name__}: {error}"
        warnings.warn(f"The magic `{point.name}` ({point.value}) cannot be analysed: {why}", stacklevel=3)
        return None


class LoadedWhenAsked(Mapping[str, MagicAnalyser]):
    """The same mapping, loaded when somebody first looks into it."""

    def __getitem__(self, name: str) -> MagicAnalyser:
        return load()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(load())

    def __len__(self) -> int:
        return len(load())
