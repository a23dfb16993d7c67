"""Open comms: those with a state as one opening message, the others with all they said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .message import Json, Message, text

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Widget:
    """A comm whose kernel keeps a state in step with the front ends."""

    opened: Message
    state: Json
    buffers: dict[Path, bytes]

    def update(self, message: Message) -> None:
        state = _state(message)
        if state is None or _data(message).get("method") not in ("update", "echo_update"):
            return
        self.state.update(state)
        self.buffers = {path: buffer for path, buffer in self.buffers.items() if path[0] not in state}
        self.buffers.update(_buffers(message))

    def messages(self) -> Iterator[Message]:
        data = _data(self.opened) | {
            "state": self.state,
            "buffer_paths": [list(path) for path in self.buffers],
        }
        body = self.opened.body | {"data": data}
        yield replace(
            self.opened, content=json.dumps(body).encode(), body=body, buffers=tuple(self.buffers.values())
        )


@dataclass(slots=True)
class Talk:
    """A comm that only says things."""

    said: list[Message] = field(default_factory=list[Message])

    def update(self, message: Message) -> None:
        self.said.append(message)

    def messages(self) -> Iterator[Message]:
        yield from self.said


class Comms:
    """The comms that the kernel opened and nobody has closed, in order of opening."""

    def __init__(self) -> None:
        self._open: dict[str, Widget | Talk] = {}

    def take(self, message: Message) -> None:
        comm = text(message.body.get("comm_id"))
        if message.kind == "comm_close":
            self._open.pop(comm, None)
        elif message.kind == "comm_open":
            self._open[comm] = _opened(message)
        elif comm in self._open:
            self._open[comm].update(message)

    def messages(self) -> Iterator[Message]:
        for comm in self._open.values():
            yield from comm.messages()


def _opened(message: Message) -> Widget | Talk:
    state = _state(message)
    return Talk([message]) if state is None else Widget(message, dict(state), dict(_buffers(message)))


def _data(message: Message) -> Json:
    data: object = message.body.get("data")
    return data if isinstance(data, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _state(message: Message) -> Json | None:
    state: object = _data(message).get("state")
    return state if isinstance(state, dict) else None  # pyright: ignore[reportUnknownVariableType]


def _buffers(message: Message) -> Iterator[tuple[Path, bytes]]:
    paths: object = _data(message).get("buffer_paths")
    if isinstance(paths, list):
        for path, buffer in zip(paths, message.buffers):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            if isinstance(path, list) and path:
                yield tuple(path), buffer  # pyright: ignore[reportUnknownArgumentType]
