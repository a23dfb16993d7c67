"""Single values that a whole process goes by."""

from __future__ import annotations

import os
import sys
from contextvars import ContextVar
from typing import Any, cast

from .dial import FILES_RELATIVE, SUBPROCESS, Dial, same, same_items


class Directory(Dial):
    """The working directory, or None where it was removed."""

    resource = "cwd:"
    read_under = frozenset(("glob", "os", "pathlib", FILES_RELATIVE, SUBPROCESS))

    def read(self) -> str | None:
        try:
            return os.getcwd()  # noqa: PTH109  # a string compares faster than a path
        except FileNotFoundError:
            return None

    def write(self, state: str | None) -> None:
        if state is not None and state != self.read():
            os.chdir(state)

    def alike(self, old: str | None, new: str | None) -> bool:
        return old == new


class NumpyOptions(Dial):
    """How arrays are printed, and what happens at floating point errors.

    Since numpy 2 both belong to the context: they are read and put back in that of the caller.
    """

    resource = "options:numpy"
    read_under = frozenset(("numpy", "pandas"))

    def __init__(self) -> None:
        self._looked: tuple[object, object] | None = None
        self._last: tuple[object, ...] = ()

    def _module(self) -> Any:
        return sys.modules.get("numpy")

    def available(self) -> bool:
        # numpy gets them one with the others, so that half of it has neither.
        numpy = self._module()
        return hasattr(numpy, "set_printoptions") and hasattr(numpy, "setbufsize")

    def read(self) -> tuple[object, ...]:
        looked, last = self._look(), self._looked
        if looked is None or last is None or looked[0] is not last[0] or looked[1] is not last[1]:
            self._looked, self._last = looked, self._ask()
        return self._last

    def _look(self) -> tuple[object, object] | None:
        """What holds the options since numpy 2: others each time that somebody sets one."""
        printing = getattr(sys.modules.get("numpy._core.printoptions"), "format_options", None)
        errors = getattr(sys.modules.get("numpy._core.umath"), "_extobj_contextvar", None)
        if type(printing) is not ContextVar or type(errors) is not ContextVar:
            return None
        options = cast("ContextVar[dict[str, object]]", printing).get()
        # A formatter is a dictionary of somebody who may change it.
        if options.get("formatter", self) is not None:
            return None
        return options, cast("ContextVar[object]", errors).get()

    def _ask(self) -> tuple[object, ...]:
        numpy = self._module()
        printing, errors = numpy.get_printoptions(), numpy.geterr()
        if printing["formatter"] is not None:
            # It is the dictionary of who set it.
            printing["formatter"] = tuple(printing["formatter"].items())
        return (*printing.values(), *errors.values(), numpy.geterrcall(), numpy.getbufsize())

    def write(self, state: tuple[Any, ...]) -> None:
        numpy = self._module()
        *printing, divide, over, under, invalid, call, size = state
        options = dict(zip(numpy.get_printoptions(), printing))
        if options["formatter"] is not None:
            options["formatter"] = dict(options["formatter"])
        numpy.set_printoptions(**options)
        numpy.seterr(divide=divide, over=over, under=under, invalid=invalid)
        numpy.seterrcall(call)
        numpy.setbufsize(size)

    def alike(self, old: tuple[object, ...], new: tuple[object, ...]) -> bool:
        # The size is a new number each time.
        return same(old[-1], new[-1]) and same_items(old[:-1], new[:-1])


class Interpreter(Dial):
    """What Python lets any code have: how deep it may go, how long a thread may work."""

    resource = "interpreter:"

    def read(self) -> tuple[int, float]:
        return sys.getrecursionlimit(), sys.getswitchinterval()

    def write(self, state: tuple[int, float]) -> None:
        limit, interval = state
        sys.setrecursionlimit(limit)
        sys.setswitchinterval(interval)

    def alike(self, old: tuple[int, float], new: tuple[int, float]) -> bool:
        return old == new


class Decimal(Dial):
    """Precision, rounding and traps of the current decimal context. Its flags change all the time."""

    resource = "decimal:"
    read_under = frozenset(("decimal",))
    _SETTINGS = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")

    def _context(self) -> Any:
        return sys.modules["decimal"].getcontext()

    def available(self) -> bool:
        return hasattr(sys.modules.get("decimal"), "getcontext")

    def read(self) -> tuple[object, ...]:
        context = self._context()
        traps = tuple([signal for signal, on in context.traps.items() if on])
        return (context, *[getattr(context, name) for name in self._SETTINGS], traps)

    def write(self, state: tuple[Any, ...]) -> None:
        context, *settings, traps = state
        if self._context() is not context:
            sys.modules["decimal"].setcontext(context)
        for name, value in zip(self._SETTINGS, settings):
            setattr(context, name, value)
        for signal in context.traps:
            context.traps[signal] = signal in traps

    def alike(self, old: tuple[object, ...], new: tuple[object, ...]) -> bool:
        return same_items(old[1:], new[1:])


class Locale(Dial):
    resource = "locale:"
    read_under = frozenset(("calendar", "datetime", "locale", "pandas", "time"))

    def available(self) -> bool:
        return hasattr(sys.modules.get("locale"), "setlocale")

    def read(self) -> str:
        locale = cast("Any", sys.modules["locale"])
        return locale.setlocale(locale.LC_ALL)

    def write(self, state: str) -> None:
        locale = cast("Any", sys.modules["locale"])
        locale.setlocale(locale.LC_ALL, state)

    def alike(self, old: str, new: str) -> bool:
        return old == new
