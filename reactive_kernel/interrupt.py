"""Interrupts: they strike what user code does, or wait for it; never the kernel's own work."""

from __future__ import annotations

import _thread
import asyncio
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from types import CodeType, FrameType
from typing import Any, cast

from IPython.core.events import EventManager

from .shield import Turn, is_shielded

# Seconds after which an interrupt that could not strike tries again.
_PATIENCE = 0.01
# What calls IPython's hooks, and swallows what they raise.
_HOOKS = cast("Any", EventManager.trigger).__code__


class _Aim(Enum):
    """Where an interrupt has met the main thread."""

    # In nothing of the user's.
    NOWHERE = auto()
    # In books that user code has us keep.
    BOOKS = auto()
    # In a hook, a callback or a task.
    BESIDE = auto()
    # In the cell's code, or in what it called.
    CODE = auto()


class Interrupts:
    """Takes what comes with SIGINT while cells run.

    Where user code runs, it is stopped there and then. An interrupt that comes elsewhere is noted: the plan
    hears of it at the next boundary, and a cell that has begun stops before its first line, or as soon as
    our books are in order.
    """

    def __init__(self, turn: Turn, names: Callable[[], object]) -> None:
        # Has one come of which the plan has not heard?
        self.seen = False
        self._turn = turn
        self._names = names
        # Is one to stop the run under way?
        self._due = False
        self._under_way = False
        # Is it certain that interrupts come here?
        self._heard = False
        # Has the run's own code begun?
        self._begun = False
        # Is the next signal our own?
        self._echo = False
        self._awaited: asyncio.Future[Any] | None = None
        self._first_line: CodeType | None = None

    # Where interrupts come

    @contextmanager
    def heard(self) -> Generator[None, None, None]:
        """Within, interrupts come here. Signals are the main thread's alone."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self)
        try:
            yield
        finally:
            self._heard = False
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def run(self, *, calm: bool) -> Generator[None, None, None]:
        """Within, a cell runs: no interrupt that comes from now on may pass it by.

        `calm`: it cannot put a handler of its own in the place of this one.
        """
        self._echo = self._begun = False
        self._under_way = True
        if not self._heard and signal.getsignal(signal.SIGINT) is not self:
            # A cell before this one has put its own there.
            signal.signal(signal.SIGINT, self)
        self._due |= self.seen
        try:
            yield
        finally:
            self._under_way = self._due = False
            self._heard = calm

    def stop_if_due(self) -> None:
        """Stop a run that an interrupt has not let begin."""
        if self._due and self._under_way:
            self._due = False
            raise KeyboardInterrupt

    def attend(self, shell: Any) -> None:
        """Hear when the code of a cell begins, and what is raised where nobody catches it."""
        run_code = shell.run_code

        async def first_line(*arguments: Any, **named: Any) -> Any:
            self._begun = True
            self.stop_if_due()
            return await run_code(*arguments, **named)

        self._first_line = first_line.__code__
        shell.run_code = first_line
        showtraceback = shell.showtraceback

        def show(*arguments: Any, **named: Any) -> None:
            error = sys.exc_info()[1]
            if isinstance(error, KeyboardInterrupt):
                _leave_out(error, (first_line.__code__, Interrupts.__call__.__code__))
            showtraceback(*arguments, **named)

        shell.showtraceback = show
        unraisable = sys.unraisablehook

        def lost(found: Any) -> None:
            struck = isinstance(found.exc_value, KeyboardInterrupt) and self._under_way
            if struck and threading.current_thread() is threading.main_thread():
                # It struck a finalizer or the like, whose errors Python drops.
                self._due = True
                self._insist()
            else:
                unraisable(found)

        sys.unraisablehook = lost

    def forget(self) -> None:
        """An interrupt of nothing is no interrupt of what comes next."""
        self.seen = self._due = False

    # When one comes

    def __call__(self, number: int, frame: FrameType | None) -> None:
        again, self._echo = self._echo, False
        if again and not self._due:
            return
        self.seen = self._due = True
        aim = self._aim(frame)
        if self._awaited is not None:
            self._cancel(self._awaited, aim)
        elif aim is _Aim.CODE:
            self._due = False
            raise KeyboardInterrupt
        elif aim is _Aim.BESIDE and (again or not self._under_way):
            # A hook that takes its time. IPython catches what it raises, so the cell is still to be stopped.
            raise KeyboardInterrupt
        if self._due and self._under_way:
            self._insist()

    def _cancel(self, future: asyncio.Future[Any], aim: _Aim) -> None:
        """Stop a cell that may await: raise in its code if that runs, else cancel what it awaits."""
        loop = future.get_loop()
        if aim is _Aim.CODE and asyncio.current_task(loop) is future:
            self._due = False
            raise KeyboardInterrupt
        between = aim is _Aim.NOWHERE and asyncio.current_task(loop) is future
        if aim is _Aim.BOOKS or between or not self._begun:
            # Between two statements nothing is awaited that could be cancelled: the next one does not begin.
            return
        self._due = False
        # The loop has to be woken: it may have nothing else to wake for.
        loop.call_soon_threadsafe(future.cancel)
        if aim is not _Aim.NOWHERE:
            # A task that the cell started: anything but a cancellation would go through the loop.
            raise asyncio.CancelledError

    @contextmanager
    def awaiting(self, future: asyncio.Future[Any]) -> Generator[None, None, None]:
        """Within, the run under way is a future that the loop runs."""
        before, self._awaited = self._awaited, future
        try:
            yield
        finally:
            self._awaited = before

    def _aim(self, frame: FrameType | None) -> _Aim:
        if self._turn.busy:
            return _Aim.BOOKS
        names, aim = self._names(), _Aim.NOWHERE
        while frame is not None:
            if frame.f_code is self._first_line:
                return _Aim.CODE
            if is_shielded(frame.f_code) and aim is _Aim.NOWHERE:
                return _Aim.BOOKS
            if frame.f_globals is names or frame.f_code is _HOOKS:
                aim = _Aim.BESIDE
            frame = frame.f_back
        return aim

    def _insist(self) -> None:
        """Come again soon. `Thread.start` takes locks that the interrupted code may have."""
        with suppress(RuntimeError):
            _thread.start_new_thread(self._come_again, ())

    def _come_again(self) -> None:
        time.sleep(_PATIENCE)
        if self._due and self._under_way:
            self._echo = True
            _interrupt_main_thread()


def _leave_out(error: BaseException, ours: tuple[CodeType, ...]) -> None:
    """People read where their code was interrupted, not how."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        if trace.tb_next.tb_frame.f_code in ours:
            trace.tb_next = None
        trace = trace.tb_next


def _interrupt_main_thread() -> None:
    main = threading.main_thread().ident
    if sys.platform != "win32" and main is not None:
        # Unlike `interrupt_main` this ends a system call that waits.
        signal.pthread_kill(main, signal.SIGINT)
    else:
        _thread.interrupt_main()
