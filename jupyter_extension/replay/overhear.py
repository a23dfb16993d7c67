"""Stands in front of a kernel's websockets: hears which cell a request is for, and what its client is told.

Not one byte changes: everything goes on as it came, to whatever connection class is configured.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, TypeAlias

from .message import Channel, Json, parts_of
from .recording import Recording

DELIMITER = b"<IDS|MSG>"
V1 = "v1.kernel.websocket.jupyter.org"
REPLIES: dict[str, Channel] = {"shell": "shell", "stdin": "stdin"}
IOPUB = '"channel": "iopub"'
REQUESTS = ("shell", "stdin", "control")

Find: TypeAlias = Callable[[str], Recording | None]


def overhearing(base: type[Any], find: Find) -> type[Any]:
    """The connection class, with an ear."""

    class Overhearing(base):
        def connect(self) -> Any:
            recording = find(self.kernel_id)
            if recording is not None:
                recording.page_came(id(self))
                # The same session again: what was kept for it has the name that its new sockets need.
                recording.let_go(self.session.session)
            return super().connect()  # pyright: ignore[reportUnknownVariableType]  # the base is a server's choice

        def handle_incoming_message(self, incoming_msg: Any) -> None:
            recording = find(self.kernel_id)
            if recording is not None:
                # Before the kernel has it: no output may come earlier than the word on its cell.
                _request(recording, incoming_msg, v1=_speaks_v1(self))
            super().handle_incoming_message(incoming_msg)

        def handle_outgoing_message(self, stream: Any, *rest: Any) -> None:
            recording = find(self.kernel_id)
            if recording is not None:
                _reply(recording, stream, *rest)
            super().handle_outgoing_message(stream, *rest)

        def disconnect(self) -> Any:
            streams: dict[str, Any] = dict(getattr(self, "channels", {}))
            recording = find(self.kernel_id)
            if recording is not None and recording.pages > 1 and recording.owes(self.session.session):
                # The server would close these, and the kernel's answers would be nobody's.
                kept = {name: streams.pop(name) for name in streams.keys() & REPLIES.keys()}
                self.channels = streams
                _keep(recording, self.session.session, kept)
            result: Any = super().disconnect()  # pyright: ignore[reportUnknownVariableType]  # as above
            if recording is not None:
                recording.page_went(id(self))
                for name in streams.keys() & REPLIES.keys():
                    _buffered(recording, REPLIES[name], streams[name])
            return result  # pyright: ignore[reportUnknownVariableType]  # as above

    # Configuration goes by class names: those of the base are found among the parents.
    Overhearing.__name__ = Overhearing.__qualname__ = f"Overhearing{base.__name__}"
    return Overhearing


def _speaks_v1(connection: Any) -> bool:
    return getattr(connection, "subprotocol", None) == V1


def _request(recording: Recording, raw: object, *, v1: bool) -> None:
    try:
        channel, frames = from_v1(raw) if v1 and isinstance(raw, bytes) else from_json(raw)
    except (ValueError, KeyError, TypeError, AttributeError, struct.error, RecursionError):
        return  # garbage: the server's to refuse
    if channel in REQUESTS:
        recording.requested(frames)


def _reply(recording: Recording, stream: Any, parts: list[bytes] | None = None) -> None:
    if parts is None:
        # Through a gateway everything comes as one JSON text, which ends with its channel.
        channel, frames = ("iopub", []) if IOPUB in stream[-30:] else from_json(stream)
    else:
        channel = getattr(stream, "channel", stream)
        frames = _after_signature(parts) if channel in REPLIES else []
    if channel in REPLIES:
        recording.replied(REPLIES[channel], frames)


def _after_signature(parts: list[bytes]) -> list[bytes]:
    return parts[parts.index(DELIMITER) + 2 :] if DELIMITER in parts else []


def _buffered(recording: Recording, channel: Channel, stream: Any) -> None:
    """With nobody connected the server keeps what clients should be told, for the same client alone."""
    keep = getattr(stream, "_recv_callback", None)
    if keep is None or stream.closed():
        return

    def heard(parts: list[bytes]) -> None:
        recording.replied(channel, _after_signature(parts))
        keep(parts)

    stream.on_recv(heard)


def _keep(recording: Recording, session: str, streams: dict[str, Any]) -> None:
    """Go on listening for a client that has gone, until it has every answer that it asked for."""

    def close() -> None:
        for stream in streams.values():
            if not stream.closed():
                stream.close()

    def heard(channel: Channel, parts: list[bytes]) -> None:
        recording.replied(channel, _after_signature(parts))
        if not recording.owes(session):
            recording.let_go(session)

    for name, stream in streams.items():
        stream.on_recv(partial(heard, REPLIES[name]))
    recording.keep(session, close)


def from_v1(raw: bytes) -> tuple[str, list[bytes]]:
    """A count of offsets, the offsets, the channel, the frames."""
    [count] = struct.unpack_from("<Q", raw)
    offsets = struct.unpack_from(f"<{min(count, len(raw))}Q", raw, 8)
    pieces = [raw[start:stop] for start, stop in pairwise(offsets)]
    return pieces[0].decode(), pieces[1:]


def to_v1(channel: str, frames: list[bytes]) -> bytes:
    pieces = [channel.encode(), *frames]
    offsets = [8 * (len(pieces) + 2)]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    return b"".join([struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets), *pieces])


def from_json(raw: Any) -> tuple[str, list[bytes]]:
    """One JSON text, or one with buffers behind it after a table of where they begin."""
    buffers: list[bytes] = []
    if isinstance(raw, bytes):
        [count] = struct.unpack_from("!I", raw)
        starts = [*struct.unpack_from(f"!{min(count, len(raw))}I", raw, 4), len(raw)]
        raw, *buffers = (raw[start:stop] for start, stop in pairwise(starts))
    message: Json = json.loads(str(raw) if isinstance(raw, str) else raw)
    return str(message["channel"]), [*parts_of(message), *buffers]
