"""Open comms: those with a state as one opening message, the others with all they said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TypeAlias

from .message import Head, Json, Message, render, text
from .shelf import COST, Drawn, Shelf, Shelved
from .weighed import Weighed

Path: TypeAlias = tuple[str | int, ...]
Buffer: TypeAlias = bytes | Shelved

LARGE = 1 << 12  # bytes of a buffer that is worth a place on disk


class Widget:
    """A comm whose kernel keeps a state in step with the front ends."""

    def __init__(self, message: Message) -> None:
        self._head = message.head
        # The state is kept beside, and the content as it was told is of no use any more.
        data = {key: value for key, value in _data(message).items() if key not in ("state", "buffer_paths")}
        self._body = message.body | {"data": data}
        self._state = Weighed()
        self._buffers: dict[Path, Buffer] = {}
        self._merge(message)

    @property
    def size(self) -> int:
        return COST + self._state.size + sum(_size(buffer) for buffer in self._buffers.values())

    def update(self, message: Message) -> None:
        if _state(message) is not None and _data(message).get("method") in ("update", "echo_update"):
            self._merge(message)

    def _merge(self, message: Message) -> None:
        state, buffers = _state(message) or {}, dict(_buffers(message))
        replaced = state.keys() | {path[0] for path in buffers}
        self._state.update(state, len(message.content))
        self._buffers = {path: buffer for path, buffer in self._buffers.items() if path[0] not in replaced}
        self._buffers.update(buffers)

    def shelve(self, shelf: Shelf) -> None:
        for path, buffer in self._buffers.items():
            if isinstance(buffer, bytes) and len(buffer) > LARGE:
                self._buffers[path] = Shelved.put(shelf, buffer)

    def frozen(self) -> Iterator[Drawn]:
        yield partial(_draw_widget, self._head, self._body, self._state.values(), dict(self._buffers))

    def shelved(self) -> Iterator[Shelved]:
        return (buffer for buffer in self._buffers.values() if isinstance(buffer, Shelved))


def _size(buffer: Buffer) -> int:
    return COST + (len(buffer) if isinstance(buffer, bytes) else 0)


def _draw_widget(head: Head, body: Json, state: Json, buffers: dict[Path, Buffer]) -> bytes:
    # What the disk had no room for has no buffer: a front end shows the widget without it.
    drawn = {path: each if isinstance(each, bytes) else each.body() for path, each in buffers.items()}
    there = {path: each for path, each in drawn.items() if each is not None}
    data = body["data"] | {"state": state, "buffer_paths": [list(path) for path in there]}
    return render(head, json.dumps(body | {"data": data}).encode(), tuple(there.values()))


@dataclass(slots=True)
class Talk:
    """A comm that only says things."""

    said: list[Message | Shelved] = field(default_factory=list["Message | Shelved"])
    size: int = COST

    def update(self, message: Message) -> None:
        self.said.append(message)
        self.size += message.size + COST

    def shelve(self, shelf: Shelf) -> None:
        said = [each for each in self.said if isinstance(each, Message)]
        if said:
            drawn = b", ".join(render(each.head, each.content, each.buffers) for each in said)
            kept = [each for each in self.said if isinstance(each, Shelved)]
            self.said = [*kept, Shelved.put(shelf, drawn, head=said[0].head)]
            self.size = COST * (1 + len(self.said))

    def frozen(self) -> Iterator[Drawn]:
        for each in self.said:
            yield (
                each.drawn
                if isinstance(each, Shelved)
                else partial(render, each.head, each.content, each.buffers)
            )

    def shelved(self) -> Iterator[Shelved]:
        return (each for each in self.said if isinstance(each, Shelved))


class Comms:
    """The comms that the kernel opened and nobody has closed, in order of opening."""

    def __init__(self) -> None:
        self._open: dict[str, Widget | Talk] = {}
        self.size = 0

    def take(self, message: Message) -> None:
        comm = text(message.body.get("comm_id"))
        before = self._size(comm)
        if message.kind == "comm_close":
            self._open.pop(comm, None)
        elif message.kind == "comm_open":
            self._open[comm] = _opened(message)
        elif comm in self._open:
            self._open[comm].update(message)
        self.size += self._size(comm) - before

    def _size(self, comm: str) -> int:
        return self._open[comm].size if comm in self._open else 0

    def shelve(self, shelf: Shelf) -> None:
        """Move out of memory what is large and may never be asked for."""
        for comm in self._open.values():
            comm.shelve(shelf)
        self.size = sum(comm.size for comm in self._open.values())

    def frozen(self) -> list[Drawn]:
        return list(chain.from_iterable(comm.frozen() for comm in self._open.values()))

    def shelved(self) -> Iterator[Shelved]:
        return chain.from_iterable(comm.shelved() for comm in self._open.values())


def _opened(message: Message) -> Widget | Talk:
    if _state(message) is not None:
        return Widget(message)
    talk = Talk()
    talk.update(message)
    return talk


def _data(message: Message) -> Json:
    data: object = message.body.get("data")
    return data if isinstance(data, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # an object of JSON


def _state(message: Message) -> Json | None:
    state: object = _data(message).get("state")
    return state if isinstance(state, dict) else None  # pyright: ignore[reportUnknownVariableType]  # an object of JSON


def _buffers(message: Message) -> Iterator[tuple[Path, bytes]]:
    paths: object = _data(message).get("buffer_paths")
    if isinstance(paths, list):
        for path, buffer in zip(paths, message.buffers):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # a list of JSON
            if isinstance(path, list) and path:
                yield tuple(path), buffer  # pyright: ignore[reportUnknownArgumentType]  # as above
