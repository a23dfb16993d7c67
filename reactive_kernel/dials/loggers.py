"""Loggers: their levels, handlers and filters. Whether a run logged shows in what the loggers remember."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from .dial import Lasting, same

_State = tuple[object, ...]
_UNSET: Final[_State] = (0, True, False, (), ())
_ROOT: Final = ""
# What the machinery around the notebook logs is its own affair.
_MACHINERY: Final = frozenset(
    ("asyncio", "comm", "concurrent", "ipykernel", "IPython", "parso", "tornado", "traitlets", "zmq")
)
_PARTS: Final = 4


class Loggers(Lasting):
    resource = "logging:"
    read_under = frozenset(("logging",))

    def _logging(self) -> Any:
        return sys.modules.get("logging")

    def available(self) -> bool:
        return hasattr(self._logging(), "getLogger") and hasattr(self._logging(), "root")

    def _live(self) -> Iterator[tuple[str, Any]]:
        """The loggers of the notebook and of its libraries."""
        root = self._logging().root
        yield _ROOT, root
        for name, logger in list(root.manager.loggerDict.items()):
            if hasattr(logger, "handlers") and name.partition(".")[0] not in _MACHINERY:
                yield name, logger

    def read(self) -> Mapping[str, _State]:
        found = {
            name: state
            for name, logger in self._live()
            if (
                state := (
                    logger.level,
                    logger.propagate,
                    logger.disabled,
                    tuple(logger.handlers),
                    tuple(logger.filters),
                )
            )
            != _UNSET
        }
        disabled = self._logging().root.manager.disable
        return {**found, "disable()": (disabled,)} if disabled else found

    def write(self, state: Mapping[str, _State]) -> None:
        for name, logger in self._live():
            level, propagate, disabled, handlers, filters = cast("Any", state.get(name, _UNSET))
            logger.level, logger.propagate, logger.disabled = level, propagate, disabled
            logger.handlers[:] = handlers
            logger.filters[:] = filters
        manager = self._logging().root.manager
        manager.disable = state.get("disable()", (0,))[0]
        self.forget()

    def alike(self, old: Mapping[str, _State], new: Mapping[str, _State]) -> bool:
        return old.keys() == new.keys() and all(map(_alike, old.values(), map(new.__getitem__, old)))

    def carry(
        self, state: Mapping[str, _State], before: Mapping[str, _State], after: Mapping[str, _State]
    ) -> Mapping[str, _State]:
        changed = {
            name
            for name in before.keys() | after.keys()
            if not _alike(before.get(name, ()), after.get(name, ()))
        }
        kept = {name: each for name, each in state.items() if name not in changed}
        return {**kept, **{name: after[name] for name in changed if name in after}}

    def forget(self) -> None:
        """Have the loggers forget what they worked out for whoever logged."""
        for _, logger in self._live():
            logger._cache.clear()

    def asked(self) -> bool:
        """Has anybody logged since?"""
        return any(logger._cache for _, logger in self._live())


def _alike(old: object, new: object, depth: int = _PARTS) -> bool:
    """Do two of what loggers hold the same? Handlers that a rerun makes anew are others, but do the same."""
    if same(old, new):
        return True
    if type(old) is not type(new) or not depth:
        return False
    if isinstance(old, (tuple, list)):
        one, other = cast("_State", old), cast("_State", new)
        return len(one) == len(other) and all(_alike(a, b, depth) for a, b in zip(one, other))
    if type(old).__module__ not in ("logging", "logging.handlers"):
        return False
    held, holds = vars(old), vars(new)
    return held.keys() == holds.keys() and all(
        name == "lock" or _alike(each, holds[name], depth - 1) for name, each in held.items()
    )
