"""Listens to what kernels publish, each in a thread of its own: a busy server loop loses nothing."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any

import zmq

from .message import Json
from .recording import Key, Recording

DELIMITER = b"<IDS|MSG>"
BATCH = 500  # messages that are taken in before anybody is told of them
QUIET = 100  # ms of silence after which a process that has ended has said everything
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

    def end(self) -> None:
        """The kernel is gone: record what is still on its way, then end."""
        self._order(None)

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    def _order(self, order: Address | None) -> None:
        if self._thread.is_alive():
            self._orders.put(order)
            self._bell.send(b"!")

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

    def _listen(self, key: Key) -> Address | None:
        """Record until there is an order, and all that was on its way by then."""
        poller = zmq.Poller()
        poller.register(self._ear, zmq.POLLIN)
        poller.register(self._wakes, zmq.POLLIN)
        while self._wakes.fileno() not in (ready := dict(poller.poll())):
            self._take(key)
        assert ready
        self._wakes.recv(1)
        order = self._orders.get()
        while self._ear.poll(QUIET):
            self._take(key)
        self._ear.close()
        if order is not None:
            self._ear = self._connect(order)
        return order

    def _take(self, key: Key) -> None:
        receive, recording = self._ear.recv_multipart, self._recording
        try:
            for _ in range(BATCH):
                frames = receive(zmq.NOBLOCK)
                start = frames.index(DELIMITER) + 2 if DELIMITER in frames else len(frames)
                message = frames[start:]
                if message and key.fits(frames[start - 1], message):
                    recording.heard(message)
                else:
                    recording.forged()
        except zmq.Again:
            pass
        recording.settle()
