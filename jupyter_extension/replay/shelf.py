"""What a fold moves out of memory, and what is shown in its place if the disk has no room for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol, TypeAlias

from .message import Head, Message, made, render

# Draws the JSON of one or more messages, separated by commas; may read from disk.
Drawn: TypeAlias = Callable[[], bytes]

COST = 400  # bytes that an entry costs beside its content


class Shelf(Protocol):
    """Where what does not fit into memory goes."""

    def put(self, *bodies: bytes) -> list[int]: ...
    def get(self, number: int) -> bytes | None: ...
    def release(self, number: int) -> None: ...


class Shelved:
    """Messages, text or a buffer that moved out of memory."""

    __slots__ = ("__weakref__", "_head", "_part", "_shelf", "bytes", "lost", "number", "size")

    def __init__(
        self,
        shelf: Shelf,
        number: int,
        count: int,
        *,
        head: Head | None = None,
        part: slice = slice(None),
    ) -> None:
        self._shelf = shelf
        self.number = number
        self.bytes = count
        self._head = head
        self._part = part
        self.lost = False
        self.size = COST

    @classmethod
    def put(cls, shelf: Shelf, body: bytes, *, head: Head | None = None) -> Shelved:
        [number] = shelf.put(body)
        return cls(shelf, number, len(body), head=head)

    def lose(self) -> None:
        """The disk has no room for it any more."""
        if not self.lost:
            self.lost = True
            self._shelf.release(self.number)

    def body(self) -> bytes | None:
        """What was put there; none if it is lost."""
        body = None if self.lost else self._shelf.get(self.number)
        return None if body is None else body[self._part]

    def frozen(self) -> Drawn:
        return self.drawn

    def drawn(self) -> bytes:
        """What was put there, or a word in its place."""
        body = self.body()
        if body is not None:
            return body
        text = f"[{self.bytes:,} bytes of output are not kept: the server's limit is reached.]\n"
        return text.encode() if self._head is None else notice(self._head, text)

    def __del__(self) -> None:
        # Not before: a snapshot under way keeps what it still has to read.
        if not self.lost:
            self._shelf.release(self.number)


def notice(head: Head, text: str) -> bytes:
    """What the server itself has to say, among a run's outputs."""
    header = json.dumps(json.loads(head[0]) | {"msg_type": "stream"}).encode()
    content = json.dumps({"name": "stderr", "text": text}).encode()
    return render((header, *head[1:]), content, ())


def notice_of_nobody(text: str) -> bytes:
    message: Message = made("stream", {})
    return notice(message.head, text)
