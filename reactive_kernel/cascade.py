"""Follows the plan: cell after cell, and whatever arrives meanwhile between two of them."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Generator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from .cell import CellId
from .event import Interrupted, Refuse, Run, VersionsLost
from .intake import CONVERSATION, Intake
from .runs import REMOVED, Requested

# Requests that may run cells, or step the document.
_CAREFUL = CONVERSATION | {"execute_request"}
# Seconds after which it is time to see whether anybody else has come: to look takes as long as a short cell.
_LOOK_INTERVAL = 0.005

# Was this message taken in while a cell awaits?
meanwhile: ContextVar[bool] = ContextVar("meanwhile", default=False)


class Cascade(Intake):
    """Runs what the plan says, in the main thread, until it is done or somebody takes it over."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._latest: Requested | None = None
        # The request that has left the plan to the one that waits next.
        self._left: Requested | None = None
        self._cascading = False
        self._looked = 0.0
        # Has nobody looked yet since this cascade began?
        self._begins = False
        # Has the kernel called itself idle while others were let in between two cells?
        self._idle_told = False
        self._finished: list[Future[None]] = []
        # Who had SIGINT before the handlers under way, and before the one that ended while others waited.
        self._before: list[Any] = []
        self._between: Any = None

    async def _finish(self) -> None:
        """Have what is planned done, in the main thread, and wait for it."""
        done: Future[None] = Future()
        with self._turn:
            if not (self.document.under_way or self.document.shifted or self._cascading):
                return
            self._finished.append(done)
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and not self._cascading and not meanwhile.get():
            await self._cascade(None)
        else:
            self.io_loop.add_callback(self._pump)
        await asyncio.wrap_future(done)

    async def _pump(self, *, unasked: bool = False) -> None:
        """Follow the plan as soon as nobody else does; `unasked`: there is no request that says so."""
        async with self._main_asyncio_lock:
            busy = unasked and self.document.under_way
            if busy:
                # A server that takes it for idle would end it in the middle of a long run.
                self._publish_status("busy", "shell")
            if await self._cascade(None) or busy:
                # Who asked for it may have been told long ago that it is over: nobody else says so.
                self._publish_status("idle", "shell")

    async def _cascade(self, request: Requested | None) -> bool:
        """Follow the plan to its end, or until a later request takes it over.

        Answers whether the kernel has called itself busy anew for it.
        """
        busy = False
        with self._guarded():
            while True:
                self._heed_interrupt()
                with self._turn:
                    action = self.document.advance()
                    if not isinstance(action, Run):
                        self._end_run()
                    if action is None:
                        if self._settle():
                            continue
                        # Under the same lock: no request falls between the plan's end and ours.
                        self._end_cascade()
                        return busy
                    if isinstance(action, Refuse):
                        self._tell()
                if isinstance(action, Refuse):
                    self._refuse(action.cell, action.reason)
                else:
                    await self._run(action)
                # Before others are let in: an interrupt is not meant for what they bring.
                self._heed_interrupt()
                if await self._taken_over(request):
                    return busy
                if self._idle_told and self.document.under_way:
                    self._idle_told = False
                    self._publish_status("busy", "shell")
                    busy = True

    @contextmanager
    def _guarded(self) -> Generator[None, None, None]:
        """While a plan is followed, an interrupt hits user code only; elsewhere it is noted."""
        outermost = not self._cascading
        if not outermost:
            yield
            return
        self._forget_idle_interrupt()
        self._cascading, self._calm, self._begins, self._idle_told = True, False, True, False
        self._left = None
        # What called for the plan was the last to be read.
        self._received = max(self._received, time.monotonic())
        try:
            with self._interrupts.heard():
                yield
        finally:
            self._end_run()
            self._cascading = False
            self._history.release()

    def _settle(self) -> bool:
        """Put all names at the document's end; answer whether that takes further runs."""
        self.names.displace(self.document.shifted)
        self.document.shifted.clear()
        lost = self.names.settle(lambda name: self.document.versions.source_of(name, None))
        if lost:
            self.document.step(VersionsLost(frozenset(lost)))
        return bool(lost)

    def _end_cascade(self) -> None:
        self._tell()
        finished, self._finished = self._finished, []
        self._answer_dropped()
        for done in finished:
            done.set_result(None)

    def _answer_dropped(self) -> None:
        """Answer requests whose cells will not run: they left the document, or an interrupt came."""
        for cell, requests in self._requests.items():
            reply: dict[str, Any] = {"status": "aborted"}
            if cell not in self.document:
                reply = REMOVED
            for request in requests:
                self._reply(request, reply)
        self._requests.clear()

    # What arrives meanwhile

    async def _serve(self, message: Any) -> None:
        left = self._left
        await super()._serve(message)
        if left is not None and left is self._left:
            # It has not gone on with the plan that was left to it.
            self.io_loop.add_callback(self._pump)

    def _served(self) -> None:
        if not self._others_wait():
            self._let_go()

    async def _taken_over(self, request: Requested | None) -> bool:
        """Let what has arrived be served; has somebody else taken the plan over?"""
        now = time.monotonic()
        if now - self._looked < _LOOK_INTERVAL and not self._begins:
            return False
        self._looked, self._calm = now, False
        self._end_run()
        # What came with the request that began this may be read, and not handed over: what goes on without it
        # runs cells that it asks for, and they run again.
        begins, self._begins = self._begins and self.document.under_way, False
        unread = self._unread()
        # A message goes through three tasks before it is taken in.
        received = self._receive(thoroughly=unread or begins)
        for _ in range(3 if received else 1):
            await asyncio.sleep(0)
        if unread or received or self._arrived > 1:
            # More may be on their way: a burst is taken in before what it asks for is run for another reason.
            self._looked = 0.0
        if self._arrived < 2:
            return False
        goes_on = self._next_is_for_a_cell() and not self._aborting
        if request is not None and not self._waits(request) and goes_on:
            self._left = request
            return True
        before = (self._get_shell_context_var(self._shell_parent_ident), self._parent())
        self._idle_told = False
        self._cascading = False
        self._main_asyncio_lock.release()
        try:
            await asyncio.sleep(0)
        finally:
            await self._main_asyncio_lock.acquire()
            self._cascading = True
            self.set_parent(*before)
        return request is not None and self._latest is not request and not self._waits(request)

    def _waits(self, request: Requested) -> bool:
        """Has the request's own cell yet to run?"""
        return request in self._requests.get(CellId(request.parent["metadata"]["cellId"]), ())

    def _publish_status(self, status: str, channel: str, parent: Any = None) -> None:
        super()._publish_status(status, channel, parent)
        if status == "idle" and channel == "shell":
            self._idle_told = True

    # Interrupts

    def _heed_interrupt(self) -> None:
        if self._interrupts.seen:
            self._end_run()
            self._interrupts.forget()
            self._step(Interrupted())
            self._answer_dropped()
            if self._others_wait() and (self._latest is None or self._latest.stops_others):
                self._abort_queues(None)

    def _forget_idle_interrupt(self) -> None:
        """An interrupt of nothing is no interrupt of what comes next."""
        if not self.document.under_way:
            self._interrupts.forget()

    def pre_handler_hook(self) -> None:
        """An interrupt must not strike the books of requests that run cells, nor what is beside a plan."""
        if threading.current_thread() is not threading.main_thread():
            return
        kind = self._parent().get("header", {}).get("msg_type")
        handler: Any = signal.default_int_handler
        if kind in _CAREFUL or self.document.under_way:
            if self._between is None:
                self._forget_idle_interrupt()
            handler = self._interrupts
        before = signal.signal(signal.SIGINT, handler)
        self._before.append(before if self._between is None else self._between)
        self._between = None

    def post_handler_hook(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._between = self._before.pop()
        if self._others_wait():
            # What comes before the next one begins is meant for all that wait.
            signal.signal(signal.SIGINT, self._interrupts)
        else:
            self._let_go()

    def _let_go(self) -> None:
        """Nobody waits whom an interrupt could be meant for."""
        if self._between is not None:
            signal.signal(signal.SIGINT, self._between)
            self._between = None
