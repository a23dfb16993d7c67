"""Tells when a first import begins and when it is over."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import cast


class Imports:
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
