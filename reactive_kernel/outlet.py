"""The way out to all front ends: one socket, which the output thread and whoever runs cells take in turn."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

import zmq
from ipykernel import kernelapp
from ipykernel.iostream import CHILD, IOPubThread, OutStream
from zmq.eventloop.zmqstream import ZMQStream

from .shield import shielded

_AT_ONCE = 1 << 16
_BYTES = {bytes}
# As a number: a flag of an enumeration takes longer to look at than the socket.
_COME = int(zmq.POLLIN)


class _Sending:
    """A message that waits for the output thread."""

    __slots__ = ("_arguments", "_options", "_post")

    def __init__(self, post: Callable[..., object], arguments: Any, options: Any) -> None:
        self._post = post
        self._arguments = arguments
        self._options = options

    def __call__(self) -> None:
        self._post(*self._arguments, **self._options)


class _Listener(ZMQStream):
    """Hears of subscribers, while nobody sends."""

    def __init__(self, socket: Any, io_loop: Any, turn: Any) -> None:
        self._turn = turn
        super().__init__(socket, io_loop)

    def _handle_events(self, fd: Any, events: Any) -> None:
        with self._turn:
            super()._handle_events(fd, events)


class Outlet(IOPubThread):
    """ipykernel's output thread, past which others may send what is not to wait for it.

    To wake the thread and to wait for it takes longer than all else that there is to do for a short cell.
    """

    def __init__(self, socket: Any, *arguments: Any, **options: Any) -> None:
        # Whoever has it, and nobody else, uses the socket, and takes what waits.
        self.turn = threading.RLock()
        # As `send` of pyzmq's own socket, without looking at each part for what we never send.
        self._send: Callable[[bytes, int], object] = cast("Any", super(zmq.Socket, socket)).send
        super().__init__(socket, *arguments, **options)

    def _setup_xpub_listener(self) -> None:
        if cast("Any", self.socket).getsockopt(zmq.TYPE) == zmq.XPUB:
            self._xpub_stream = _Listener(self.socket, self.io_loop, self.turn)
            self._xpub_stream.on_recv(cast("Any", self)._handle_subscription)

    def _handle_event(self, msg: Any) -> None:
        with self.turn:
            super()._handle_event(msg)

    def send_multipart(self, *arguments: Any, **options: Any) -> None:
        self.schedule(cast("Any", _Sending(self._really_send, arguments, options)))

    def _really_send(self, msg: Any, *arguments: Any, **options: Any) -> None:
        plain = not arguments and options == {"copy": True} and set(map(type, msg)) == _BYTES
        if not plain or self.closed or self._check_mp_mode() == CHILD:
            super()._really_send(msg, *arguments, **options)
            return
        for part in msg[:-1]:
            self._send(part, zmq.SNDMORE)
        self._send(msg[-1], 0)

    def post(self, send: Callable[[Callable[..., object]], None], timeout: float) -> bool:
        """Send what waits to be sent, then what `send` sends; False if the thread has to do it.

        Nobody may be interrupted here: half a message would spoil the next one.
        """
        if not self.thread.is_alive() or not self.turn.acquire(timeout=timeout):
            return False
        try:
            self._send_waiting()
            send(self._really_send)
            if cast("Any", self.socket).get(zmq.EVENTS) & _COME:
                # A subscriber came: the thread was not woken for it, or will not be any more.
                self.schedule(lambda: cast("Any", self)._xpub_stream._handle_events(self.socket, 0))
        finally:
            self.turn.release()
        return True

    @property
    def busy(self) -> bool:
        """Does anything wait for the thread?"""
        return bool(self._events)

    def _send_waiting(self) -> None:
        """What is no message (a flush to come, a word to somebody who waits) stays for the thread."""
        events, left = cast("Any", self._events), list[Any]()
        while events:
            event = events.popleft()
            if type(event) is _Sending:
                event()
            else:
                left.append(event)
        events.extendleft(reversed(left))


class Stream(OutStream):
    """A standard stream that can be had at its latest: also what other programs wrote to its descriptor."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # Whoever has it reads the pipe, and writes what it read.
        self._reading = threading.Lock()
        self._look: Any = None
        super().__init__(*arguments, **options)

    @shielded
    def write(self, string: str) -> int | None:
        """An interrupt would leave the lock taken that is taken here."""
        return super().write(string)

    def flush(self) -> None:
        if not self._is_flushed():
            super().flush()

    @shielded
    def _is_flushed(self) -> bool:
        """Is everything on its way already? To have the thread say so would take its time."""
        thread = self.pub_thread
        if self._flush_pending or not isinstance(thread, Outlet) or not self._is_master_process():
            return False
        with thread.turn:
            return not thread.busy

    def _flush(self) -> None:
        thread = self.pub_thread
        if isinstance(thread, Outlet) and self._is_master_process():
            # Nobody passes by what was taken from here and is not sent yet.
            with thread.turn:
                super()._flush()
        else:
            super()._flush()

    def _watch_pipe_fd(self) -> None:
        """As ipykernel does, but that nothing is taken from the pipe that is not written at once."""
        try:
            come = self._pipe()
            while self._should_watch:
                come.poll()
                with self._reading:
                    if not self._read_pipe():
                        return
        except Exception:  # noqa: BLE001  # whoever closes the stream tells of it
            self._exc = cast("Any", sys.exc_info())

    def catch_up(self) -> None:
        """Take what other programs have written so far as written now, before something else is."""
        if self._should_watch and self._is_master_process():
            with self._reading:
                self._read_pipe()

    def _read_pipe(self) -> bool:
        """Write what is in the pipe; False when nothing will come any more."""
        if self._look is None:
            self._look = self._pipe()
        while self._should_watch and self._look.poll(0):
            text = os.read(cast("int", self._fid), _AT_ONCE)
            if not text:
                return False
            self.write(text.decode(errors="replace"))
            os.write(self._original_stdstream_copy, text)
        return self._should_watch

    def _pipe(self) -> Any:
        pipe = select.poll()
        pipe.register(cast("int", self._fid), select.POLLIN)
        return pipe


def outgoing() -> zmq.Context[Any]:
    """Where the socket lives whose messages go out: with a thread of its own that writes to the network.

    Woken for each message, it would take the processor from the cell that is about to run.
    """
    context: zmq.Context[Any] = zmq.Context()
    if hasattr(os, "SCHED_BATCH"):
        context.set(zmq.THREAD_SCHED_POLICY, os.SCHED_BATCH)
    return context


@contextmanager
def outlets() -> Generator[None, None, None]:
    """Within, ipykernel's application makes its output thread one of these."""
    application = cast("Any", kernelapp)
    made, application.IOPubThread = application.IOPubThread, Outlet
    try:
        yield
    finally:
        application.IOPubThread = made
