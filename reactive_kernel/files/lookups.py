"""Tests of existence, which raise no event."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Final

from .events import opens
from .hook import Act, Arguments, at_work, ear, looks_for_modules, module_of
from .watched import Watched


class Told:
    """A function of `os` that first says which path it is about. Like the original, it is no method."""

    def __init__(self, original: Callable[..., Any], act: Act) -> None:
        self._original = original
        self._act = act
        self.__name__: str = original.__name__
        self.__doc__ = original.__doc__
        self.__module__ = "os"
        self.__wrapped__ = original

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if ear.run is not None:
            ear.note(self._act, (arguments, named))
        return self._original(*arguments, **named)

    def __repr__(self) -> str:
        return repr(self._original)

    def __reduce__(self) -> str:
        return self.__name__


def _looked_up(run: Watched, arguments: Arguments) -> str | None:
    frame = at_work()
    if frame.f_code.co_name in _RESOLVERS:
        return None
    asker = frame.f_back if module_of(frame) in _PATH_MODULES else frame
    if asker is not None and looks_for_modules(asker):
        return None
    given, named = arguments
    path = given[0] if given else named.get("path")
    directory = named.get("dir_fd")
    return run.place(path, -1 if directory is None else directory)


def _stated(run: Watched, arguments: Arguments) -> None:
    full = _looked_up(run, arguments)
    if full is not None:
        (run.reads_through if arguments[1].get("follow_symlinks", True) else run.reads)(full)


def _stated_link(run: Watched, arguments: Arguments) -> None:
    full = _looked_up(run, arguments)
    if full is not None:
        with run.looking():
            run.reads(full)


def _opened_in(run: Watched, arguments: Arguments) -> None:
    """`os.open` does not tell the hook from which directory it starts."""
    given, named = arguments
    full = run.place(given[0], named["dir_fd"]) if len(given) > 1 else None
    if full is not None:
        opens(run, full, given[1])


class _Open(Told):
    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if ear.run is None or named.get("dir_fd") is None:
            return self._original(*arguments, **named)
        ear.note(_opened_in, (arguments, named))
        return ear.quietly(self._original, arguments, named)


# What finds out where a path leads; its answer depends on links alone.
_PATH_MODULES: Final = ("genericpath", "posixpath", "ntpath")
_RESOLVERS: Final = ("realpath", "_joinrealpath")


def wrap_tests() -> None:
    acts = {"stat": _stated, "lstat": _stated_link, "access": _stated}
    for name, act in acts.items():
        _replace(name, Told(getattr(os, name), act))
    _replace("open", _Open(os.open, _opened_in))
    # Python 3.10's pathlib keeps the originals in a class.
    accessor = getattr(sys.modules["pathlib"], "_NormalAccessor", None)
    if accessor is not None:
        accessor.stat = staticmethod(os.stat)


def _replace(name: str, told: Told) -> None:
    original = getattr(os, name)
    for known in ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids"):
        functions: set[object] = getattr(os, known)
        if original in functions:
            functions.add(told)
    setattr(os, name, told)
