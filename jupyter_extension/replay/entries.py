"""What a run shows, entry by entry: text, displays, and what of that has moved out of memory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from .message import Head, Json, Message, render
from .shelf import COST, Drawn, Shelf, Shelved

SHOWN = {
    "stream": ("name", "text"),
    "display_data": ("data", "metadata"),
    "execute_result": ("data", "metadata", "execution_count"),
    "error": ("ename", "evalue", "traceback"),
}
# Text arrives in crumbs: so many are kept apart before they are joined.
CRUMBS = 512


class Text:
    """What was written to one stream without anything in between."""

    __slots__ = ("crumbs", "head", "name", "shelved", "size")

    def __init__(self, message: Message, name: str) -> None:
        self.head = message.head
        self.name = name
        self.shelved: tuple[Shelved, ...] = ()
        self.crumbs: list[str] = []
        self.size = COST + len(message.header)

    def add(self, crumb: str) -> int:
        self.crumbs.append(crumb)
        if len(self.crumbs) > CRUMBS:
            self.crumbs = ["".join(self.crumbs)]
        self.size += len(crumb)
        return len(crumb)

    def shelve(self, shelf: Shelf) -> int:
        """Move what is there out of memory; answers how much that was."""
        body = "".join(self.crumbs)
        self.shelved = (*self.shelved, Shelved.put(shelf, body.encode(errors="surrogatepass")))
        self.crumbs = []
        self.size -= len(body)
        return len(body)

    def frozen(self) -> Drawn:
        return partial(_draw_text, self.head, self.name, self.shelved, tuple(self.crumbs))


def _draw_text(head: Head, name: str, shelved: tuple[Shelved, ...], crumbs: tuple[str, ...]) -> bytes:
    early = b"".join(part.drawn() for part in shelved).decode(errors="surrogatepass")
    return render(head, json.dumps({"name": name, "text": early + "".join(crumbs)}).encode(), ())


class Shown:
    """A display, a result, an error, an input: later updates of the display may replace its content."""

    __slots__ = ("buffers", "content", "display", "head", "msg_id", "size")

    def __init__(self, message: Message, display: str | None = None) -> None:
        self.head = message.head
        # The record that says this and nothing else, if there still is one.
        self.msg_id = message.msg_id
        self.display = display
        self.content = message.content
        self.buffers = message.buffers
        self.size = COST + message.size

    def update(self, message: Message) -> int:
        """Show what this message has; answers by how much that is larger."""
        grown = len(message.content) + sum(map(len, message.buffers))
        grown -= len(self.content) + sum(map(len, self.buffers))
        self.content, self.buffers, self.msg_id = message.content, message.buffers, ""
        self.size += grown
        return grown

    def settle(self) -> int:
        """No later display of the same name means this one."""
        body: Json = json.loads(self.content)
        body["transient"] = {}
        self.display, self.content, before = None, json.dumps(body).encode(), len(self.content)
        self.msg_id = ""
        self.size += len(self.content) - before
        return len(self.content) - before

    def frozen(self) -> Drawn:
        return partial(render, self.head, self.content, self.buffers)


Entry = Text | Shown | Shelved


@dataclass(slots=True)
class Run:
    """What one request, or an output widget, has shown so far."""

    msg_id: str
    cell: str | None
    number: int | None = None
    begin: Message | None = None
    clear: Message | None = None
    over: bool = False
    forgotten: bool = False
    entries: list[Entry] = field(default_factory=list[Entry])

    @property
    def visible(self) -> bool:
        return not self.forgotten or not self.over or bool(self.entries)

    def frozen(self) -> list[Drawn]:
        edges = [Shown(message).frozen() for message in (self.begin,) if message]
        edges += [entry.frozen() for entry in self.entries]
        return edges + [Shown(message).frozen() for message in (self.clear,) if message]


def shelved_in(entry: Entry) -> Iterable[Shelved]:
    if isinstance(entry, Shelved):
        return (entry,)
    return entry.shelved if isinstance(entry, Text) else ()


def weight(run: Run) -> int:
    return sum(entry.size for entry in run.entries)


def outputs_of(messages: list[Json]) -> list[Json]:
    """The outputs that a notebook keeps of what these messages show."""
    said = [(message["header"]["msg_type"], message["content"]) for message in messages]
    return [
        {"output_type": kind} | {part: content[part] for part in SHOWN[kind] if part in content}
        for kind, content in said
        if kind in SHOWN
    ]
