"""Open comms: those with a state as one opening message, the others with all they said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import TypeAlias

from .entries import Run, outputs_of
from .message import Head, Json, Message, render, text
from .shelf import COST, Drawn, Shelf, Shelved
from .weighed import Weighed

Path: TypeAlias = tuple[str | int, ...]
Buffer: TypeAlias = bytes | Shelved

LARGE = 1 << 12  # bytes of a buffer that is worth a place on disk
BESIDE = ("state", "buffer_paths", "behind", "clearing")  # what is kept apart from the rest of an opening


class Widget:
    """A comm whose kernel keeps a state in step with the front ends."""

    def __init__(self, message: Message) -> None:
        self._head = message.head
        # The state is kept beside, and the content as it was told is of no use any more.
        data = {key: value for key, value in data_of(message).items() if key not in BESIDE}
        self._body = message.body | {"data": data}
        self._state = Weighed()
        self._buffers: dict[Path, Buffer] = {}
        self._merge(message)
        behind: object = data_of(message).get("behind")
        if isinstance(behind, dict):
            self._state.update(behind, len(message.content) // 2)  # pyright: ignore[reportUnknownArgumentType]  # an object of JSON

    @property
    def size(self) -> int:
        return COST + self._state.size + sum(_size(buffer) for buffer in self._buffers.values())

    def update(self, message: Message) -> None:
        if state_of(message) is not None and data_of(message).get("method") in ("update", "echo_update"):
            self._merge(message)

    def _merge(self, message: Message) -> None:
        state, buffers = state_of(message) or {}, dict(_buffers(message))
        replaced = state.keys() | {path[0] for path in buffers}
        self._state.update(state, len(message.content))
        self._buffers = {path: buffer for path, buffer in self._buffers.items() if path[0] not in replaced}
        self._buffers.update(buffers)

    def shelve(self, shelf: Shelf) -> None:
        for path, buffer in self._buffers.items():
            if isinstance(buffer, bytes) and len(buffer) > LARGE:
                self._buffers[path] = Shelved.put(shelf, buffer)

    @property
    def outputs(self) -> list[Json]:
        """What the kernel knows that an output widget shows."""
        return outputs_in(self._state.values())

    def frozen(self, area: Run | None = None) -> Iterator[Drawn]:
        draw = partial(_draw_widget, self._head, self._body, self._state.values(), dict(self._buffers))
        yield draw if area is None else partial(draw, area.frozen(), clearing=area.clear is not None)

    def shelved(self) -> Iterator[Shelved]:
        return (buffer for buffer in self._buffers.values() if isinstance(buffer, Shelved))


def _size(buffer: Buffer) -> int:
    return COST + (len(buffer) if isinstance(buffer, bytes) else 0)


def outputs_in(state: Json) -> list[Json]:
    """What an output widget of this state shows."""
    told: object = state.get("outputs")
    return [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []  # pyright: ignore[reportUnknownVariableType]  # a list of JSON


def _draw_widget(
    head: Head,
    body: Json,
    state: Json,
    buffers: dict[Path, Buffer],
    shown: Sequence[Drawn] | None = None,
    *,
    clearing: bool = False,
) -> bytes:
    # What the disk had no room for has no buffer: a front end shows the widget without it.
    drawn = {path: each if isinstance(each, bytes) else each.body() for path, each in buffers.items()}
    there = {path: each for path, each in drawn.items() if each is not None}
    data = body["data"] | {"state": state, "buffer_paths": [list(path) for path in there]}
    if shown is not None:
        data |= _taken(state, shown)
    if clearing:
        data["clearing"] = True
    return render(head, json.dumps(body | {"data": data}).encode(), tuple(there.values()))


def _taken(state: Json, shown: Sequence[Drawn]) -> Json:
    """The state of an output widget that shows this, and what the kernel has instead."""
    drawn = b", ".join(each for each in (draw() for draw in shown) if each)
    told, outputs = state.get("outputs"), outputs_of(json.loads(b"[%b]" % drawn))
    # The kernel knows what a page has told it: whoever reads this may bring it up to date.
    behind = {} if told == outputs else {"behind": {"outputs": told}}
    return {"state": state | {"outputs": outputs}} | behind


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

    def frozen(self, area: Run | None = None) -> Iterator[Drawn]:
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

    def outputs(self, comm: str) -> list[Json]:
        """What the kernel knows that an output widget shows."""
        widget = self._open.get(comm)
        return widget.outputs if isinstance(widget, Widget) else []

    def frozen(self, areas: Mapping[str, Run], last: Sequence[str]) -> list[Drawn]:
        """As they are, but for the output widgets that show what is in these areas; some at the end."""
        order = [comm for comm in self._open if comm not in last] + [
            comm for comm in last if comm in self._open
        ]
        return list(chain.from_iterable(self._open[comm].frozen(areas.get(comm)) for comm in order))

    def shelved(self) -> Iterator[Shelved]:
        return chain.from_iterable(comm.shelved() for comm in self._open.values())


def _opened(message: Message) -> Widget | Talk:
    if state_of(message) is not None:
        return Widget(message)
    talk = Talk()
    talk.update(message)
    return talk


def data_of(message: Message) -> Json:
    data: object = message.body.get("data")
    return data if isinstance(data, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # an object of JSON


def state_of(message: Message) -> Json | None:
    state: object = data_of(message).get("state")
    return state if isinstance(state, dict) else None  # pyright: ignore[reportUnknownVariableType]  # an object of JSON


def _buffers(message: Message) -> Iterator[tuple[Path, bytes]]:
    paths: object = data_of(message).get("buffer_paths")
    if isinstance(paths, list):
        for path, buffer in zip(paths, message.buffers):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # a list of JSON
            if isinstance(path, list) and path:
                yield tuple(path), buffer  # pyright: ignore[reportUnknownArgumentType]  # as above
