"""Compares memory as it lies: where C has a function for it, without copies, up to the first difference."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Final


def _memcmp() -> Callable[[int, int, int], int] | None:
    try:
        library = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
        found = library.memcmp
    except (OSError, AttributeError):
        return None
    found.argtypes, found.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t), ctypes.c_int
    return found


_COMPARE: Final = _memcmp()


def same_memory(one: int, other: int, size: int) -> bool:
    """Do so many bytes at both addresses agree? Whoever asks holds both."""
    if _COMPARE is None:
        return ctypes.string_at(one, size) == ctypes.string_at(other, size)
    return not _COMPARE(one, other, size)
