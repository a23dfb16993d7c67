"""What runs beside cells: threads and tasks that outlive the run which started them."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Iterable
from contextvars import copy_context
from operator import is_
from types import FrameType
from typing import Any, cast

from .shapes import extend
from .shapes.shape import Mutable

_Task = asyncio.Task[Any]


class Beside:
    """Notes who is at work when a run begins, and says what is new and goes on when it has ended."""

    def __init__(self, names: Callable[[], object]) -> None:
        self._names = names
        self._threads: frozenset[threading.Thread] = frozenset()
        self._tasks: frozenset[_Task] = frozenset()

    def begin(self) -> None:
        self._threads = frozenset(threading.enumerate())
        self._tasks = frozenset(_tasks())

    def left(self) -> str | None:
        """Why nobody can say what the run changes from now on, if so."""
        for thread in threading.enumerate():
            if thread not in self._threads and self._is_users(thread):
                return (
                    f"It started a thread (`{thread.name}`) that goes on after it, and what that does is not"
                    " seen. Wait for it in this cell, with `join()`."
                )
        for task in _tasks():
            if task not in self._tasks and self._is_users_task(task):
                called = getattr(task.get_coro(), "__name__", "?")
                return (
                    f"It started a task (`{called}`) that goes on after it, and what that does is not seen."
                    " Await it in this cell."
                )
        return None

    def _is_users(self, thread: threading.Thread) -> bool:
        """Does it run the notebook's code? Libraries keep threads of their own, which wait."""
        target = getattr(thread, "_target", None) or getattr(thread, "function", None)
        if type(thread).__module__ == "__main__" or (target is not None and _is_own(target)):
            return True
        frame: FrameType | None = sys._current_frames().get(thread.ident or 0)  # pyright: ignore[reportPrivateUsage]  # documented
        names = self._names()
        while frame is not None and frame.f_globals is not names:
            frame = frame.f_back
        return frame is not None

    def _is_users_task(self, task: _Task) -> bool:
        if task.done():
            return False
        frame = getattr(task.get_coro(), "cr_frame", None)
        names = self._names()
        # A library's coroutine (`asyncio.gather`, a client's request) waits for what the notebook asked for.
        return frame is not None and (frame.f_globals is names or _made_by(frame, names))


def _made_by(frame: FrameType, names: object) -> bool:
    return any(
        getattr(getattr(each, "cr_frame", None), "f_globals", None) is names
        for each in frame.f_locals.values()
    )


def _is_own(function: object) -> bool:
    """A builtin's method (`seen.append`) is from no module."""
    return getattr(function, "__module__", None) in (None, "__main__", "builtins")


def _tasks() -> Iterable[_Task]:
    try:
        return asyncio.all_tasks()
    except RuntimeError:
        return ()


class _Thread(Mutable):
    """A thread: it starts once, and what it works on may change then."""

    kind = "instance"
    restores = False

    def parts(self, value: Any) -> Iterable[object]:
        fields: dict[str, Any] = object.__getattribute__(value, "__dict__")
        held: list[object] = [fields.get("_target"), *(fields.get("_args") or ())]
        held += (fields.get("_kwargs") or {}).values()
        held += [each for name, each in fields.items() if name[:1] != "_" and name != "run"]
        return held

    def take(self, value: Any) -> object:
        fields: dict[str, Any] = object.__getattribute__(value, "__dict__")
        started = fields.get("_started")
        own = {name: each for name, each in fields.items() if name[:1] != "_" and name != "run"}
        return started is not None and started.is_set(), own

    def alike(self, value: Any, state: Any) -> bool:
        started, own = cast("Any", self.take(value))
        same = [*own] == [*state[1]] and all(map(is_, own.values(), state[1].values()))
        return same and started is state[0]


_THREAD = _Thread()
extend("threading", lambda kind: _THREAD if issubclass(kind, threading.Thread) else None)


def inherit_context_in_threads() -> None:
    """Let threads know which cell started them, so that what they print goes there however late."""
    start = threading.Thread.start
    if getattr(start, "inherits_context", False):
        return

    def start_in_context(self: threading.Thread) -> None:
        run, context = self.run, copy_context()
        self.run = lambda: context.run(run)
        start(self)

    start_in_context.inherits_context = True  # pyright: ignore[reportFunctionMemberAccess]  # asked for above
    threading.Thread.start = start_in_context
