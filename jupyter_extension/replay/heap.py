"""Memory that nobody uses any more, and the allocator keeps."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from threading import Lock

EVERY = 10.0  # seconds

_busy = Lock()
_latest = [0.0]


def give_back() -> None:
    """Return it to the system, now and then: a record that went to disk leaves holes in its thread's heap.

    With a thread for each kernel there are many heaps, and glibc by itself shrinks them at their ends only.
    """
    if time.monotonic() - _latest[0] < EVERY or not _busy.acquire(blocking=False):
        return
    try:
        _latest[0] = time.monotonic()
        _trim()(0)
    finally:
        _busy.release()


@lru_cache(maxsize=1)
def _trim() -> Callable[[int], int]:
    if sys.platform == "linux":
        # Some systems have another libc, which needs no trimming.
        return getattr(ctypes.CDLL(None), "malloc_trim", _nothing)
    return _nothing


def _nothing(_: int) -> int:
    return 0
