"""A server extension for the tests: the server hears a kernel only some time after it was started again."""

from __future__ import annotations

from typing import Any

from jupyter_client.connect import ConnectionFileMixin

LATE, SOON = 3000, 100  # ms


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "tests.replay.deaf"}]


def _load_jupyter_server_extension(server: Any) -> None:
    connect = ConnectionFileMixin._create_connected_socket

    def create_connected_socket(self: Any, channel: str, identity: bytes | None = None) -> Any:
        self.context.reconnect_ivl = LATE if channel == "iopub" else SOON
        return connect(self, channel, identity)

    ConnectionFileMixin._create_connected_socket = create_connected_socket
