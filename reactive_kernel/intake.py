"""Takes in what is sent to the kernel: who waits for the main thread, and what is on its way to it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import zmq

from .overtaking import Overtaking
from .runs import Runs

CONVERSATION = frozenset(("comm_open", "comm_msg", "comm_close"))
# What may say, on one way, what is no longer true by what came another.
_ORDERED = frozenset(("execute_request", "comm_msg"))
# Between whom a message goes, and its parts.
_PARTS = b"<IDS|MSG>"
# Seconds after which, in a cascade of short cells, the thread that reads the socket is waited for though
# nothing seems to have come: it may have read what it has not handed over.
_INTAKE_INTERVAL = 0.5
# Seconds after which what that thread has read, and not handed over, was no message.
_PATIENCE = 1.0


def _part(message: Sequence[zmq.Frame], place: int) -> dict[str, Any]:
    # Frames would keep their `bytes`.
    start = next((at for at, frame in enumerate(message) if bytes(frame.buffer) == _PARTS), len(message))
    with suppress(IndexError, ValueError):
        found: object = json.loads(bytes(message[start + place].buffer))
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    return {}


def _header(message: Sequence[zmq.Frame]) -> dict[str, Any]:
    """The header of a message as it comes from the socket; of what is none, nothing."""
    return _part(message, 2)


def _is_for_a_cell(message: Sequence[zmq.Frame], kind: object) -> bool:
    return kind == "execute_request" and bool(_part(message, 4).get("cellId"))


class Intake(Runs):
    """Knows what has come, in two threads: one reads the socket, and the main thread serves."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._overtaking = Overtaking()
        # Messages that have reached the main thread and are not finished.
        self._arrived = 0
        # Who waits for it, in order: may it run a cell?
        self._queue: deque[bool] = deque()
        # Requests to run code that have been read and not reached it, and when the latest of them was read.
        self._coming: set[object] = set()
        self._came = 0.0
        self._received = 0.0
        self._mailbox: zmq.Poller | None = None

    async def shell_channel_thread_main(self, msg: Any) -> None:
        header = _header(msg)
        kind = header.get("msg_type")
        if kind in _ORDERED:
            self._overtaking.arrived(header.get("msg_id"))
        if kind == "execute_request" and header.get("subshell_id") is None:
            self._came = time.monotonic()
            self._coming.add(header.get("msg_id"))
        await super().shell_channel_thread_main(msg)

    async def shell_main(self, subshell_id: str | None, msg: Any) -> None:
        if subshell_id is not None:
            await super().shell_main(subshell_id, msg)
            return
        self._arrived += 1
        try:
            header = _header(msg)
            self._coming.discard(header.get("msg_id"))
            kind = header.get("msg_type")
            # A thousand may wait, and would keep it.
            del header
            if kind in CONVERSATION and self._main_asyncio_lock.locked():
                # A cell that awaits may wait for what comes.
                await super().shell_main(subshell_id, msg)
                return
            self._queue.append(_is_for_a_cell(msg, kind))
            async with self._main_asyncio_lock:
                self._queue.popleft()
                await self._serve(msg)
        finally:
            self._arrived -= 1
            self._served()

    async def _serve(self, message: Any) -> None:
        """It is this message's turn."""
        await self.dispatch_shell(message)

    def _served(self) -> None:
        """A message is finished."""

    # Who is there

    def _next_is_for_a_cell(self) -> bool:
        return bool(self._queue) and self._queue[0]

    def _others_wait(self) -> bool:
        """Is there anybody to run a cell, or a message that no thread has read?"""
        if any(self._queue):
            return True
        if self._unread():
            return True
        if self._coming and time.monotonic() - self._came > _PATIENCE:
            pair = self._pair()
            if pair is None:
                # What was not in order is handed over to nobody.
                self._coming.clear()
            else:
                # Whoever asks a socket what waits takes that word from the loop, which would never look.
                self.io_loop.add_callback(pair.to_stream.flush, zmq.POLLIN)
        return bool(self._coming)

    def _unread(self) -> bool:
        """Has anything come that no thread has read yet? To ask the system does not disturb the socket."""
        if not self.shell_channel_thread:
            return False
        if self._mailbox is None:
            self._mailbox = zmq.Poller()
            self._mailbox.register(cast("Any", self.shell_stream)._fd, zmq.POLLIN)
        return bool(self._mailbox.poll(0))

    def _pair(self) -> Any:
        """The sockets between the threads, if something waits there."""
        pair = self.shell_channel_thread.manager.get_shell_channel_to_subshell_pair(None)
        waits = pair.to_stream is not None and pair.to_socket.getsockopt(zmq.EVENTS) & zmq.POLLIN
        return pair if waits else None

    # What comes while cells run

    def _receive(self, *, thoroughly: bool) -> int:
        """Read the messages that wait for the main thread; how many were there?"""
        if not self.shell_channel_thread:
            return 0
        now = time.monotonic()
        if thoroughly or now - self._received > _INTAKE_INTERVAL:
            self._collect()
            self._received = now
        pair = self._pair()
        return 0 if pair is None else cast("int", pair.to_stream.flush(zmq.POLLIN))

    def _collect(self) -> None:
        """Have the thread that reads the socket hand over what arrived while a cell held the interpreter."""
        handed_over = threading.Event()

        async def hand_over() -> None:
            # Reading is one pass of its loop, handing over the next.
            for _ in range(4):
                await asyncio.sleep(0)
            handed_over.set()

        self.shell_channel_thread.io_loop.add_callback(hand_over)
        handed_over.wait(timeout=1.0)

    def _abort_queues(self, subshell_id: str | None = None) -> None:
        """Abort the requests that have come, also those which no thread has read yet."""
        thread = self.shell_channel_thread
        if subshell_id is not None or not thread:
            super()._abort_queues(subshell_id)
            return
        self._aborting = True

        async def stop_aborting() -> None:
            cast("Any", self.shell_stream).flush(zmq.POLLIN)
            await asyncio.sleep(0)
            # Whoever hands over what was read has waited for this before us.
            async with thread.asyncio_lock:
                pass
            self._post_dummy_stop_aborting_message(None)

        thread.io_loop.add_callback(stop_aborting)
