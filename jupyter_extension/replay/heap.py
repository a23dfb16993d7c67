"""Memory that nobody uses any more, and the allocator keeps."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from threading import Lock

EVERY = 10.0  # seconds
HEAPS = 4  # as many threads may take memory at a time; most of the time they wait for the interpreter anyway
M_ARENA_MAX = -8  # as glibc's malloc.h has it

_busy = Lock()
_latest = [0.0]


def give_back() -> None:
    """Return it to the system, now and then: a record that went to disk leaves holes in its thread's heap.

    By itself glibc shrinks heaps at their ends only.
    """
    if time.monotonic() - _latest[0] < EVERY or not _busy.acquire(blocking=False):
        return
    try:
        _latest[0] = time.monotonic()
        _libc("malloc_trim")(0)
    finally:
        _busy.release()


def use_few() -> None:
    """Have threads share heaps: there is one for each kernel, and each heap has holes of its own."""
    _libc("mallopt")(M_ARENA_MAX, HEAPS)


@lru_cache(maxsize=2)
def _libc(name: str) -> Callable[..., int]:
    if sys.platform == "linux":
        # Some systems have another libc, which needs none of this.
        return getattr(ctypes.CDLL(None), name, _nothing)
    return _nothing


def _nothing(*_: int) -> int:
    return 0
