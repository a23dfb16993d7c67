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
_MANY = 1000


class Beside:
    """Notes who is at work when a run begins, and says what is new and goes on when it has ended."""

    def __init__(self, names: Callable[[], object]) -> None:
        self._names = names
        self._threads: frozenset[threading.Thread] = frozenset()
        self._tasks = _Tasks()

    def begin(self, source: str) -> None:
        self._threads = frozenset(threading.enumerate())
        self._tasks.begin(source)

    def left(self) -> str | None:
        """Why nobody can say what the run changes from now on, if so."""
        try:
            return self._left(self._tasks.new())
        finally:
            self._threads = frozenset()

    def _left(self, tasks: Iterable[_Task]) -> str | None:
        for thread in threading.enumerate():
            if thread not in self._threads and self._is_users(thread):
                return (
                    f"It started a thread (`{thread.name}`) that goes on after it, and what that does is not"
                    " seen. Wait for it in this cell, with `join()`."
                )
        for task in tasks:
            if self._is_users_task(task):
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


class _Tasks:
    """The tasks that came since a run began.

    To look at all that there are takes long where a thousand requests wait, each in a task of its own.
    """

    def __init__(self) -> None:
        self._came: list[_Task] | None = None
        # So many may be there before those that have ended are let go.
        self._many = _MANY
        # Those that were there before, where somebody else makes the tasks.
        self._before: frozenset[_Task] | None = None

    def begin(self, source: str) -> None:
        # Who makes one by hand passes the loop by.
        seen = self._takes_note() and "Task(" not in source
        self._came, self._many = [], _MANY
        self._before = None if seen else frozenset(_all_tasks())

    def new(self) -> list[_Task]:
        came, before = self._came or [], self._before
        self._came = self._before = None
        return came if before is None else [task for task in _all_tasks() if task not in before]

    def _takes_note(self) -> bool:
        """Have the loop say which tasks it makes."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if loop.get_task_factory() is None:
            loop.set_task_factory(self._make)
        return loop.get_task_factory() == self._make

    def _make(self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> _Task:
        task: _Task = asyncio.Task(work, loop=loop, **options)
        if self._came is not None:
            self._came.append(task)
            if len(self._came) > self._many:
                self._came = [each for each in self._came if not each.done()]
                self._many = max(_MANY, 2 * len(self._came))
        return task


def _all_tasks() -> Iterable[_Task]:
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
