"""Hears which calls set or hand out the state of a generator."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from itertools import chain
from types import FunctionType
from typing import Final, Protocol

from ..cell import Resource

RANDOM: Final = "random:random"
NUMPY_RANDOM: Final = "random:numpy"
SETTERS: Final = {RANDOM: ("seed", "setstate"), NUMPY_RANDOM: ("seed", "set_state")}
# What these return is the state, or draws from it.
_GETTERS: Final = {RANDOM: ("getstate",), NUMPY_RANDOM: ("get_state", "get_bit_generator")}
_HOMES: Final = {RANDOM: "random", NUMPY_RANDOM: "numpy.random"}

_Function = Callable[..., object]


class Listener(Protocol):
    """Who watches a run."""

    def state_asked(self, resource: Resource) -> None: ...
    def before_setting(self, resource: Resource) -> None: ...
    def after_setting(self, resource: Resource, given: object) -> None: ...


class _Seedings:
    """Hears of calls that set or hand out a generator's state, and tells whoever watches a run."""

    def __init__(self) -> None:
        self.listener: Listener | None = None

    def attend(self, resource: Resource) -> None:
        """Wrap the functions of a generator's module, those that are not wrapped yet."""
        module = sys.modules.get(_HOMES[resource])
        for names, wrapper in ((SETTERS, self._setting), (_GETTERS, self._asking)):
            for name in names[resource]:
                function = getattr(module, name, None)
                # A Python function in this place is ours, or somebody's who has a reason.
                if function is not None and not isinstance(function, FunctionType):
                    heard = wrapper(function, resource)
                    # Pickles find a function by these names.
                    heard.__module__, heard.__qualname__ = _HOMES[resource], name
                    setattr(module, name, heard)

    def _asking(self, function: _Function, resource: Resource) -> _Function:
        @wraps(function)
        def heard(*args: object, **kwargs: object) -> object:
            __tracebackhide__ = True
            if self.listener is not None:
                self.listener.state_asked(resource)
            return function(*args, **kwargs)

        return heard

    def _setting(self, function: _Function, resource: Resource) -> _Function:
        @wraps(function)
        def heard(*args: object, **kwargs: object) -> object:
            __tracebackhide__ = True
            listener = self.listener
            if listener is not None:
                listener.before_setting(resource)
            result = function(*args, **kwargs)
            if listener is not None:
                given = next(
                    chain(args, (kwargs[name] for name in ("a", "seed", "state") if name in kwargs)), None
                )
                listener.after_setting(resource, given)
            return result

        return heard


seedings: Final = _Seedings()
