"""Memory that nobody uses any more, and the allocator keeps."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from threading import Lock

EVERY = 10.0  # seconds
# `M_ARENA_MAX` of glibc's <malloc.h>, and how many: one thread at a time has the interpreter anyhow.
_ARENAS, _ENOUGH = -8, 2

_busy = Lock()
_latest = [0.0]


def share() -> None:
    """Have the threads that start from now on, one for each kernel, take memory from the same few heaps.

    With a heap for each, what one thread gives back is of no use to the others.
    """
    _glibc("mallopt")(_ARENAS, _ENOUGH)


def give_back() -> None:
    """Return it to the system, now and then: a record that went to disk leaves holes.

    glibc by itself shrinks its heaps at their ends only.
    """
    if time.monotonic() - _latest[0] < EVERY or not _busy.acquire(blocking=False):
        return
    try:
        _latest[0] = time.monotonic()
        _glibc("malloc_trim")(0)
    finally:
        _busy.release()


@lru_cache
def _glibc(name: str) -> Callable[..., int]:
    """That function; other systems, and other libraries, have none, and need none."""
    return getattr(ctypes.CDLL(None), name, _nothing) if sys.platform == "linux" else _nothing


def _nothing(*_: int) -> int:
    return 0
