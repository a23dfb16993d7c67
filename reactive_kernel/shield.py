"""What no interrupt strikes: the books that user code has us keep."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import CodeType, TracebackType
from typing import Any, TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., Any])

_shielded: set[CodeType] = set()


def shielded(function: _F) -> _F:
    """Keep interrupts out of a function that user code calls without knowing."""
    _shielded.add(cast("Any", function).__code__)
    return function


def is_shielded(code: CodeType) -> bool:
    return code in _shielded


class Turn:
    """A lock that its thread may take again. Nothing interrupts the main thread while it has it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0
        self._main = threading.main_thread().ident

    @property
    def busy(self) -> bool:
        """Has the main thread the lock, or waits for it?"""
        return self._depth > 0

    def __enter__(self) -> None:
        if threading.get_ident() == self._main:
            self._depth += 1
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
        if threading.get_ident() == self._main:
            self._depth -= 1
