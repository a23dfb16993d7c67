"""Listens to what kernels publish, each in a thread of its own: a busy server loop loses nothing."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from queue import SimpleQueue
from threading import Thread
from typing import Any
from uuid import uuid4

import zmq
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

from .activity import Activity
from .message import Json, parts_of
from .overhear import V1, from_json, from_v1, to_v1
from .recording import Key, Recording

DELIMITER = b"<IDS|MSG>"
BATCH = 500  # messages that are taken in before anybody is told of them
QUIET = 1000  # ms of silence after which a process that has ended has said everything
# What the socket tells of a connection that ends, or has ended and is attempted again.
GOES = zmq.EVENT_DISCONNECTED | zmq.EVENT_CONNECT_RETRIED | zmq.EVENT_CONNECT_DELAYED
REST = 0.01  # seconds between two looks for messages
HUGE = 1 << 30  # bytes of a message that a gateway may send
PATIENCE = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds between attempts to reach a gateway
ASKS = (1, 1, 2, 2, 5, 5, 10, 10, 30)  # seconds in which a process behind a gateway should have spoken
RECONNECT = 5  # ms: a kernel's first output comes soon after it can be connected to


@dataclass(frozen=True, slots=True)
class Address:
    """Where a kernel publishes, and what proves that it is the kernel."""

    url: str
    key: Key
    curve: tuple[bytes, bytes] | None = None

    @classmethod
    def of(cls, kernel: Any) -> Address:
        told: Json = kernel.get_connection_info()
        between = ":" if told["transport"] == "tcp" else "-"
        url = f"{told['transport']}://{told['ip']}{between}{told['iopub_port']}"
        digest = str(told["signature_scheme"]).partition("-")[2]
        public, secret = told.get("curve_publickey"), told.get("curve_secretkey")
        curve = (public.encode(), secret.encode()) if public and secret else None
        return cls(url, Key(told["key"], digest), curve)


class Tap:
    """The thread that records one kernel from its iopub socket."""

    def __init__(self, context: zmq.Context[Any], recording: Recording, address: Address) -> None:
        self._context = context
        self._recording = recording
        self._address = address
        self._hurry = False
        self._activity: Activity | None = None
        self._orders: SimpleQueue[Address | None] = SimpleQueue()
        self._bell, self._wakes = socket.socketpair()
        # Connected at once: the process may be up before the thread is.
        self._ear = self._connect(address)
        self._thread = Thread(target=self._run, name=f"recorder {recording.name}", daemon=True)
        self._thread.start()

    def move(self, kernel: Any) -> None:
        """The kernel was started again; it may publish elsewhere now."""
        address = Address.of(kernel)
        if address != self._address:
            self._address = address
            self._order(address)

    def tells(self, activity: Activity) -> None:
        """The server hears from here, from now on, when the kernel was last active."""
        self._activity = activity

    def end(self) -> None:
        """The kernel is gone: record what is still on its way, then end."""
        self._order(None)

    def stop(self) -> None:
        """The server stops, and kernels may go on talking: end now."""
        self._hurry = True
        self._order(None)
        self._thread.join()

    def _order(self, order: Address | None) -> None:
        if self._thread.is_alive():
            self._orders.put(order)
            try:
                self._bell.send(b"!")
            except OSError:
                return  # it has just ended

    def _connect(self, address: Address) -> zmq.Socket[Any]:
        ear = self._context.socket(zmq.SUB)
        ear.linger = 0
        ear.rcvhwm = 0
        ear.reconnect_ivl = RECONNECT
        if address.curve is not None:
            ear.curve_publickey, ear.curve_secretkey = address.curve
            ear.curve_serverkey = address.curve[0]
        ear.subscribe(b"")
        ear.connect(address.url)
        return ear

    def _run(self) -> None:
        address: Address | None = self._address
        try:
            while address is not None:
                address = self._listen(address.key)
        finally:
            self._bell.close()
            self._wakes.close()
            self._recording.over()
            if self._activity is not None:
                self._activity.over()

    def _listen(self, key: Key) -> Address | None:
        """Record until there is an order, and all that was on its way by then."""
        poller = zmq.Poller()
        poller.register(self._ear, zmq.POLLIN)
        poller.register(self._wakes, zmq.POLLIN)
        while self._wakes.fileno() not in (ready := dict(poller.poll())):
            self._take(key)
            # Many at a time cost the server's loop less than one by one: let some come together.
            time.sleep(REST)
        assert ready
        self._wakes.recv(1)
        order = self._orders.get()
        self._drain(key)
        self._ear.close()
        if order is not None:
            self._ear = self._connect(order)
        return order

    def _drain(self, key: Key) -> None:
        """Record until the connection is gone: it goes when all that came by it was read."""
        gone = self._ear.get_monitor_socket(GOES)
        poller = zmq.Poller()
        for each in (self._ear, gone, self._wakes):
            poller.register(each, zmq.POLLIN)
        while self._ear in (ready := dict(poller.poll(QUIET))) and not self._hurry:
            self._take(key)
        if gone in ready:
            self._take(key)  # what was read in the moment before
        self._ear.disable_monitor()
        gone.close()

    def _take(self, key: Key) -> None:
        ear, recording, activity = self._ear, self._recording, self._activity
        try:
            for _ in range(BATCH):
                frames = _received(ear)
                start = frames.index(DELIMITER) + 2 if DELIMITER in frames else len(frames)
                message = frames[start:]
                if message and key.fits(frames[start - 1], message):
                    heard = recording.heard(message)
                    if activity is not None and heard is not None:
                        activity.note(heard.kind, heard.parent.kind, frames)
                else:
                    recording.forged()
        except zmq.Again:
            pass
        if activity is not None:
            activity.tell()
        recording.settle()


def _received(ear: zmq.Socket[Any]) -> list[bytes]:
    """As `recv_multipart` does, which asks the socket after each frame whether there is another one."""
    frame = ear.recv(zmq.NOBLOCK, copy=False)
    frames = [frame.bytes]
    while frame.more:
        frame = ear.recv(copy=False)
        frames.append(frame.bytes)
    return frames


class GatewayTap:
    """The thread that records a kernel behind a gateway: there is a websocket, and no socket of ZMQ."""

    def __init__(self, recording: Recording, request: Callable[[], HTTPRequest]) -> None:
        self._recording = recording
        self._request = request
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._lost = False
        self._restarts = asyncio.Event()
        self._thread = Thread(target=self._run, name=f"recorder {recording.name}", daemon=True)
        self._thread.start()

    def move(self, kernel: Any) -> None:
        """The gateway knows where the kernel is, but may be too late to hear it start."""
        self._tell(self._restarts.set)

    def tells(self, activity: Activity) -> None:
        """Through a gateway a server knows what the gateway tells it."""

    def end(self) -> None:
        self._tell(self._ended.set)

    def _tell(self, tell: Callable[[], object]) -> None:
        if self._thread.is_alive():
            try:
                self._loop.call_soon_threadsafe(tell)
            except RuntimeError:
                return  # it has just ended

    def stop(self) -> None:
        self.end()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._listen())
        finally:
            self._recording.over()
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    async def _listen(self) -> None:
        attempt = 0
        while not self._ended.is_set():
            try:
                wire = await websocket_connect(self._request(), subprotocols=[V1], max_message_size=HUGE)
            except HTTPClientError as refusal:
                if refusal.code == 404:
                    return  # the gateway has no such kernel any more
            except OSError:
                pass
            else:
                attempt = 0
                await self._record(wire)
            await self._rest(PATIENCE[min(attempt, len(PATIENCE) - 1)])
            attempt += 1

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._ended.wait(), seconds)
        except asyncio.TimeoutError:
            return

    async def _record(self, wire: WebSocketClientConnection) -> None:
        """Until the gateway closes, or the kernel is gone and has said everything."""
        if self._lost:
            self._recording.lost()
        self._lost = True
        ended, meeting = asyncio.create_task(self._ended.wait()), asyncio.create_task(self._meet(wire))
        try:
            while True:
                message = asyncio.ensure_future(wire.read_message())
                await asyncio.wait({message, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not message.done():
                    await asyncio.wait({message}, timeout=QUIET / 1000)
                if not message.done() or (raw := message.result()) is None:
                    return
                self._take(raw)
        finally:
            ended.cancel()
            meeting.cancel()
            wire.close()

    async def _meet(self, wire: WebSocketClientConnection) -> None:
        """Ask who is there after a restart: the gateway may not have told what the process said first."""
        while True:
            await self._restarts.wait()
            self._restarts.clear()
            for seconds in ASKS:
                if not self._recording.expects:
                    break
                await asyncio.sleep(seconds)
                if self._recording.expects:
                    await self._ask(wire)

    async def _ask(self, wire: WebSocketClientConnection) -> None:
        header = {"msg_id": uuid4().hex, "msg_type": "kernel_info_request", "session": self._recording.id}
        header |= {"username": "", "version": "5.4", "date": datetime.now(timezone.utc).isoformat()}
        message: Json = {"header": header, "parent_header": {}, "metadata": {}, "content": {}}
        try:
            if wire.selected_subprotocol == V1:
                await wire.write_message(to_v1("shell", parts_of(message)), binary=True)
            else:
                await wire.write_message(json.dumps({"channel": "shell", "buffers": [], **message}))
        except WebSocketClosedError:
            return  # the one who reads will see it, too

    def _take(self, raw: str | bytes) -> None:
        try:
            channel, frames = from_v1(raw) if isinstance(raw, bytes) else from_json(raw)
        except (ValueError, KeyError, TypeError, AttributeError):
            self._recording.forged()
            return
        if channel == "iopub":
            self._recording.heard(frames)
            self._recording.settle()
        elif channel == "shell":
            self._recording.met(frames)
        if self._recording.expects:
            self._restarts.set()
