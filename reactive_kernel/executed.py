"""Code that a run makes from strings: what it reads and binds, which no source shows."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dis import opmap
from inspect import CO_OPTIMIZED
from types import CodeType, FrameType
from typing import Final

from .cell import NOTHING, Resource
from .functions import globals_of, stored_by
from .shield import shielded

# How calls look in the bytecode of the Pythons that there are; the argument is how many values they pass.
_CALLS: Final = frozenset(opmap[name] for name in ("CALL", "CALL_FUNCTION", "PRECALL") if name in opmap)


class _Executed:
    """Collects such code, while a run is watched for it."""

    def __init__(self) -> None:
        self._installed = False
        self._thread: int | None = None
        self._names: object = None
        # And whether it binds names of the function that executed it, and not the notebook's.
        self._codes: list[tuple[CodeType, bool]] = []

    def start(self, names: object) -> None:
        if not self._installed:
            # There is no way to take a hook out again, so it comes when it is first needed and has a switch.
            self._installed = True
            sys.addaudithook(self._hook())
        self._codes, self._names = [], names
        self._thread = threading.get_ident()

    def stop(self) -> tuple[frozenset[Resource], frozenset[Resource]]:
        """The names that the code read, and those that it bound where it ran."""
        if self._thread is None:
            return NOTHING, NOTHING
        self._thread = None
        loaded = frozenset(name for code, _ in self._codes for name in globals_of(code)[0])
        return loaded, frozenset(name for code, own in self._codes if not own for name in stored_by(code))

    def _hook(self) -> Callable[[str, tuple[object, ...]], None]:
        @shielded
        def hear(event: str, arguments: tuple[object, ...]) -> None:
            if event != "exec" or self._thread != threading.get_ident():
                return
            code, frame = arguments[0], sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # documented
            if isinstance(code, CodeType) and (code.co_filename.startswith("<") or self._shares(frame)):
                self._codes.append((code, _binds_own(frame)))

        # No method: Python would take much longer to call it, at every event there is.
        return hear

    def _shares(self, frame: FrameType) -> bool:
        """Is a file's code executed among the notebook's names, by a cell or by `%run -i`?"""
        runs_file = frame.f_code.co_name == "execfile" and frame.f_locals.get("glob") is self._names
        return runs_file or frame.f_globals is self._names


def _binds_own(frame: FrameType) -> bool:
    """Does a function execute a text without saying among which names? Then that binds none but its own."""
    code, at = frame.f_code, frame.f_lasti
    if not code.co_flags & CO_OPTIMIZED or at < 0:
        return False
    return code.co_code[at] in _CALLS and code.co_code[at + 1] == 1


executed: Final = _Executed()
