"""Lists that other code holds, too."""

from __future__ import annotations

import sys
import warnings
from abc import abstractmethod
from collections.abc import Iterable, MutableSequence
from typing import Any, cast

from .dial import IMPORTS, Lasting, same, same_items


class SharedList(Lasting):
    """A list that others hold, too."""

    @abstractmethod
    def _live(self) -> MutableSequence[Any]: ...

    def read(self) -> tuple[object, ...]:
        return tuple(self._live())

    def write(self, state: tuple[object, ...]) -> None:
        self._live()[:] = state

    def alike(self, old: tuple[object, ...], new: tuple[object, ...]) -> bool:
        return same_items(old, new)

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
    return any(same(item, each) for each in items)


class SearchPath(SharedList):
    resource = "path:"
    read_under = frozenset((IMPORTS, "sys"))

    def _live(self) -> MutableSequence[str]:
        return sys.path


class Warnings(SharedList):
    resource = "warnings:"
    read_under = frozenset(("warnings",))

    def _live(self) -> MutableSequence[Any]:
        return cast("MutableSequence[Any]", warnings.filters)

    def write(self, state: tuple[object, ...]) -> None:
        super().write(state)
        # Python remembers what the filters said of a warning until it hears that they changed: this tells it.
        with warnings.catch_warnings():
            pass
