"""A network between a page and its server that a test can cut and mend."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from playwright.sync_api import Page, Route, WebSocket

PIECE = 1 << 16


@contextmanager
def no_stream(page: Page) -> Iterator[None]:
    """The server has no streams, and says so only when the kernel has told the page of its cells."""
    waiting: list[Route] = []
    told: list[bool] = []

    def follow(wire: WebSocket) -> None:
        wire.on("framereceived", hear)

    def hear(frame: str | bytes) -> None:
        if (b"reactive_cells" if isinstance(frame, bytes) else "reactive_cells") in frame:  # type: ignore[operator]  # of the same kind
            told.append(True)

    page.on("websocket", follow)
    page.route("**/reactive/version*", lambda route: waiting.append(route))  # noqa: PLW0108  # marks are put on it
    yield
    while not (waiting and told):
        page.wait_for_timeout(20)
    for route in waiting:
        route.fulfill(status=404)


class Network:
    """Carries connections from a port of its own to the server's."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._whole = True
        self._heads: dict[socket.socket, bytes] = {}
        self._holes: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Nothing passes any more, and who tries is turned away."""
        with self._lock:
            self._whole = False
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        with self._lock:
            self._whole = True

    def swallow(self, path: bytes) -> None:
        """What goes over connections made for this path by now arrives nowhere, and nobody is told."""
        with self._lock:
            self._holes |= {client for client, head in self._heads.items() if path in head}

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            if not self._whole:
                client.close()
                return
            server = socket.create_connection(("127.0.0.1", self._server))
            self._open |= {client, server}
        with client, server:
            back = threading.Thread(target=self._carry, args=(server, client, client), daemon=True)
            back.start()
            self._carry(client, server, client)
            back.join()
            with self._lock:
                self._open -= {client, server}
                self._holes.discard(client)
                self._heads.pop(client, None)

    def _carry(self, source: socket.socket, target: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE):
                with self._lock:
                    if source is client and piece.startswith(b"GET "):
                        # A connection may serve several requests, the last of which keeps it.
                        self._heads[client] = piece.partition(b"\r\n")[0]
                    lost = client in self._holes
                if not lost:
                    target.sendall(piece)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def network_to(port: int) -> Iterator[Network]:
    network = Network(port)
    try:
        yield network
    finally:
        network.close()
