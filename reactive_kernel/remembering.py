"""Functions that remember their answers (`lru_cache`): whether one that was called does more than answer.

What such a function prints, changes, draws or writes happens only the first time, whoever calls it then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from .identity import identity

# Those say something, whatever the answer is.
_LOUD: Final = frozenset(("display", "print", "warn"))
# Those draw or write, if that was seen while somebody called them.
_OUTWARD: Final = frozenset(
    (
        *("choice", "choices", "integers", "normal", "permutation", "rand", "randint", "randn", "random"),
        *("randrange", "sample", "shuffle", "standard_normal", "uniform"),
        *("dump", "save", "savefig", "savetxt", "to_csv", "to_excel", "to_json", "to_parquet", "to_pickle"),
        *("unlink", "write", "write_bytes", "write_text", "writelines"),
    )
)
_ASKS: Final = re.compile(r"\.cache_info\b")


class Remembering:
    """Which of the functions that a run may call it called, and which are known to do more than answer."""

    def __init__(self) -> None:
        self._before: list[tuple[Any, Any]] = []
        # Held, so that no other object can have the place of one of them.
        self._acting: dict[int, object] = {}

    def begin(self, functions: Iterable[Any]) -> None:
        self._before = [(function, function.cache_info()) for function in functions]

    def answered_anew(self) -> list[Any]:
        """The functions that had something to work out."""
        return [function for function, before in self._before if function.cache_info().misses > before.misses]

    def acts(self, function: Any) -> None:
        """It was seen to do more than answer."""
        self._acting[identity(function)] = function

    def doubt(self, source: str) -> str | None:
        """Why nobody can say whether the run does what it would in a fresh process, if so."""
        called = [function for function, before in self._before if function.cache_info() != before]
        if self._before and _ASKS.search(source):
            return "It asks for `cache_info`, which depends on who else has called the function."
        for function in called:
            if identity(function) in self._acting or _is_loud(function):
                name = getattr(function, "__name__", "a function")
                return (
                    f"It calls `{name}`, which remembers its answers and does more than answer: whether it"
                    " depends on who called it before. Let it only answer, or take `lru_cache` off it."
                )
        return None


def is_outward(function: Any) -> bool:
    """May it draw random numbers or write files?"""
    return _speaks_of(function, _OUTWARD)


def _is_loud(function: Any) -> bool:
    return _speaks_of(function, _LOUD)


def _speaks_of(function: Any, words: frozenset[str]) -> bool:
    code = getattr(function.__wrapped__, "__code__", None)
    return code is not None and not words.isdisjoint(code.co_names)
