"""Hears what the process does to files, and passes on what the run does."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, Final, TypeAlias
from weakref import WeakSet

from ..shield import shielded
from .watched import Watched

Arguments: TypeAlias = tuple[Any, ...]
Act: TypeAlias = Callable[[Watched, Arguments], None]


class Ear:
    """Hears everything that the process does to files, and passes on what the run does."""

    def __init__(self) -> None:
        self.run: Watched | None = None
        self._installed = False
        # Threads that are noting something: what they do meanwhile is ours.
        self._noting: set[int] = set()
        self._kernels: WeakSet[threading.Thread] = WeakSet()

    def install(self, heard: Mapping[str, Act]) -> bool:
        """Begin to hear; False if that was done before."""
        if self._installed:
            return False
        # There is no way to take a hook out again, so it comes when it is first needed and has a switch.
        self._installed = True
        self._kernels.update(threading.enumerate())
        sys.addaudithook(self._hook(heard))
        return True

    @shielded
    def note(self, act: Act, arguments: Arguments) -> None:
        """Let the run note what is about to happen, if it is the run that does it."""
        run, thread = self.run, threading.get_ident()
        if run is None or thread in self._noting or (thread != run.thread and not self._users()):
            return
        try:
            self._noting.add(thread)
            act(run, arguments)
        finally:
            self._noting.discard(thread)

    def quietly(self, function: Callable[..., Any], arguments: Arguments, named: Mapping[str, Any]) -> Any:
        """Call what has been noted already."""
        thread = threading.get_ident()
        if thread in self._noting:
            return function(*arguments, **named)
        try:
            self._noting.add(thread)
            return function(*arguments, **named)
        finally:
            self._noting.discard(thread)

    def _hook(self, heard: Mapping[str, Act]) -> Callable[[str, Arguments], None]:
        def hear(event: str, arguments: Arguments) -> None:
            if self.run is not None and event in heard:
                self.note(heard[event], arguments)

        # Python asks every hook at every event for an attribute: a method takes four times as long to say no.
        return hear

    def _users(self) -> bool:
        """Did user code start this thread? The kernel's own were there first, or are of its classes."""
        thread = threading.current_thread()
        return thread not in self._kernels and not type(thread).__module__.startswith(_KERNELS)


ear: Final = Ear()
_KERNELS: Final = ("ipykernel.", "IPython.", "reactive_kernel.")
# These look for modules, or for sources: to show in a traceback, to step through, to count lines of.
_SEARCHERS: Final = (
    *("importlib", "zipimport", "pkgutil", "pkg_resources", "linecache", "inspect"),
    *("bdb", "debugpy", "pydevd", "_pydevd_bundle", "coverage"),
)
_OURS: Final = __name__.rpartition(".")[0] + "."


def at_work() -> FrameType:
    """Whose code is at work, seen from an act that the hook calls."""
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # documented
    while frame.f_back is not None and module_of(frame).startswith(_OURS):
        frame = frame.f_back
    return frame


def module_of(frame: FrameType) -> str:
    name: object = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""


def caller() -> str:
    return module_of(at_work())


def looks_for_modules(frame: FrameType) -> bool:
    return module_of(frame).startswith(_SEARCHERS)
