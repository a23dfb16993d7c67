"""Loggers: their levels, handlers and filters. Whether a run logged shows in what the loggers remember."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from operator import attrgetter, is_, itemgetter
from typing import Any, Final, cast

from .dial import Lasting, same
from .stamps import STAMPED, Stamps

_State = tuple[object, ...]
_UNSET: Final[_State] = (0, True, False, (), ())
_ROOT: Final = ""
# What the machinery around the notebook logs is its own affair.
_MACHINERY: Final = frozenset(
    ("asyncio", "comm", "concurrent", "ipykernel", "IPython", "parso", "tornado", "traitlets", "zmq")
)
_PARTS: Final = 4
_STATE = attrgetter("level", "propagate", "disabled", "handlers", "filters")


class Loggers(Lasting):
    resource = "logging:"
    read_under = frozenset(("logging",))

    def __init__(self) -> None:
        self._were: list[object] = []
        self._found: list[tuple[str, Any]] = []
        self._stamps: Stamps | None = None
        self._look: list[object] = []
        self._last: Mapping[str, _State] = {}

    def _logging(self) -> Any:
        return sys.modules.get("logging")

    def available(self) -> bool:
        return hasattr(self._logging(), "getLogger") and hasattr(self._logging(), "root")

    def _live(self) -> list[tuple[str, Any]]:
        """The loggers of the notebook and of its libraries."""
        root = self._logging().root
        others = root.manager.loggerDict
        if not self._knows(root, others):
            stamped = STAMPED and type(others) is dict
            self._stamps = Stamps((cast("dict[str, Any]", others),)) if stamped else None
            pairs = list(cast("dict[str, Any]", others).items())
            self._were, self._found = [each for _, each in pairs], self._find(root, pairs)
            self._look.clear()
        return self._found

    def _knows(self, root: object, others: dict[str, object]) -> bool:
        if not self._found or root is not self._found[0][1]:
            return False
        if self._stamps is not None:
            return self._stamps.held[0] is others and self._stamps.unchanged()
        # A logger comes, or takes the place of one that waits for it.
        return len(others) == len(self._were) and all(map(is_, others.values(), self._were))

    def _find(self, root: Any, others: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        waiting = self._logging().PlaceHolder
        found = [
            (name, each)
            for name, each in others
            if name.partition(".")[0] not in _MACHINERY and type(each) is not waiting
        ]
        return [(_ROOT, root), *found]

    def read(self) -> Mapping[str, _State]:
        live = self._live()
        look: list[object] = list(map(_STATE, map(itemgetter(1), live)))
        look.append(self._logging().root.manager.disable)
        if look != self._look:
            # The lists of handlers and filters are the loggers' own.
            self._look = [(*each[:3], *map(list, each[3:])) for each in cast("list[Any]", look[:-1])]
            self._look.append(look[-1])
            self._last = self._ask(live)
        return self._last

    def _ask(self, live: list[tuple[str, Any]]) -> Mapping[str, _State]:
        states = {
            name: (each.level, each.propagate, each.disabled, tuple(each.handlers), tuple(each.filters))
            for name, each in live
        }
        found: dict[str, _State] = {name: state for name, state in states.items() if state != _UNSET}
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
            if logger._cache:
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
