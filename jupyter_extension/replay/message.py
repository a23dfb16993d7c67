"""One message of a kernel, parsed once from its frames; the frames are kept as they came."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, NoReturn, TypeAlias

Channel: TypeAlias = Literal["iopub", "stdin", "shell"]
Json: TypeAlias = dict[str, Any]
# Header, parent header and metadata, as they came.
Head: TypeAlias = tuple[bytes, bytes, bytes]

# What shows something: its text or data may be large, and is parsed only if it might name a display.
SHOWING = frozenset({"display_data", "execute_result", "update_display_data", "error"})
LARGE = 1 << 16
PARTS = ("header", "parent_header", "metadata", "content")


class Malformed(ValueError):
    """What came is no Jupyter message that a browser could read."""


@dataclass(frozen=True, slots=True)
class Parent:
    """The request that a message answers, as far as it matters here."""

    raw: bytes = b"{}"
    msg_id: str = ""
    kind: str = ""
    session: str = ""
    subshell: str | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """A message's metadata: the cell and the run that it belongs to."""

    raw: bytes = b"{}"
    cell: str | None = None
    run: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """A message with its raw JSON parts; `body` is the parsed content, unless that is large and opaque."""

    channel: Channel
    kind: str
    msg_id: str
    session: str
    parent: Parent
    stamp: Stamp
    header: bytes
    content: bytes
    buffers: tuple[bytes, ...]
    body: Json

    @property
    def head(self) -> Head:
        return self.header, self.parent.raw, self.stamp.raw

    @property
    def size(self) -> int:
        return len(self.header) + len(self.content) + sum(map(len, self.buffers))


def _no_number(name: str) -> NoReturn:
    raise Malformed(f"{name} is not JSON.")


# NaN and Infinity pass Python's parser and break every browser's.
_decode = json.JSONDecoder(parse_constant=_no_number).decode


def _object(raw: bytes) -> Json:
    try:
        value: object = _decode(raw.decode())
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from error
    if not isinstance(value, dict):
        raise Malformed("A part of the message is no object.")
    return value  # pyright: ignore[reportUnknownVariableType]  # an object of JSON


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


@lru_cache(maxsize=1024)
def _parent(raw: bytes) -> Parent:
    """Messages in a row have the same parent, byte for byte, and share this one."""
    value = _object(raw)
    subshell = value.get("subshell_id")
    return Parent(
        raw,
        text(value.get("msg_id")),
        text(value.get("msg_type")),
        text(value.get("session")),
        subshell if isinstance(subshell, str) else None,
    )


@lru_cache(maxsize=1024)
def _stamp(raw: bytes) -> Stamp:
    value = _object(raw)
    cell, run = value.get("cellId"), value.get("run")
    return Stamp(
        raw,
        cell if isinstance(cell, str) else None,
        run if isinstance(run, int) and not isinstance(run, bool) else None,
    )


@lru_cache(maxsize=1024)
def _stamped(metadata: bytes, cell: str) -> Stamp:
    return _stamp(json.dumps(_object(metadata) | {"cellId": cell}).encode())


def _body(kind: str, content: bytes) -> Json:
    if kind in SHOWING and len(content) > LARGE and b'"display_id"' not in content:
        content.decode()  # a frame that is not UTF-8 would close the websocket of every browser
        if content[:1] != b"{" or content[-1:] != b"}":
            raise Malformed("The content is no object.")
        return {}
    return _object(content)


def parse(channel: Channel, frames: list[bytes]) -> Message:
    """The message of these frames: header, parent header, metadata, content, then buffers."""
    if len(frames) < 4:
        raise Malformed("A message has four parts.")
    header, parent_header, metadata, content, *buffers = frames
    try:
        head = _object(header)
        kind = text(head.get("msg_type"))
        return Message(
            channel,
            kind,
            text(head.get("msg_id")),
            text(head.get("session")),
            _parent(parent_header),
            _stamp(metadata),
            header,
            content,
            tuple(buffers),
            _body(kind, content),
        )
    except UnicodeDecodeError as error:
        raise Malformed(str(error)) from error


def sender_of(frames: list[bytes]) -> tuple[str, str]:
    """The session that sent this, and what kind of message it is."""
    header = _object(frames[0]) if frames else {}
    return text(header.get("session")), text(header.get("msg_type"))


def stamped(message: Message, cell: str) -> Message:
    """The message with the cell written into its metadata."""
    return replace(message, stamp=_stamped(message.stamp.raw, cell))


def made(kind: str, content: Json, *, like: Message | None = None, msg_id: str = "") -> Message:
    """A message that no kernel sent: the server's own words, in the place of one like it."""
    if like is not None:
        header = _object(like.header) | {"msg_type": kind} | ({"msg_id": msg_id} if msg_id else {})
        parts = (json.dumps(header).encode(), like.parent.raw, like.stamp.raw)
    else:
        header = {"msg_id": msg_id, "msg_type": kind, "session": "", "username": "", "version": "5.4"}
        parts = (json.dumps(header).encode(), b"{}", b"{}")
    return parse("iopub", [*parts, json.dumps(content).encode()])


def parts_of(message: Json) -> list[bytes]:
    """The frames of a message that came as one JSON object."""
    return [json.dumps(message.get(part)).encode() for part in PARTS]


def message_of(channel: Channel, said: Json) -> Message:
    """The message that a stream or a snapshot tells of."""
    buffers: list[str] = said.get("buffers") or []
    return parse(channel, [*parts_of(said), *map(b64decode, buffers)])


def render(head: Head, content: bytes, buffers: tuple[bytes, ...]) -> bytes:
    """A message as the stream sends it, put together without reading it again."""
    return b"".join(_pieces(head, content, buffers))


def _pieces(head: Head, content: bytes, buffers: tuple[bytes, ...]) -> list[bytes]:
    """What a message is put together from, so that a large content is copied once."""
    start = b'{"header": %b, "parent_header": %b, "metadata": %b, "content": ' % head
    if not buffers:
        return [start, content, b', "buffers": []}']
    pieces = [start, content, b', "buffers": ["']
    for buffer in buffers:
        pieces += b64encode(buffer), b'", "'
    return [*pieces[:-1], b'"]}']


def line_of(seq: int, message: Message) -> bytes:
    """The record as the stream sends it."""
    start = b'{"type": "message", "seq": %d, "channel": "%b", "msg": ' % (seq, message.channel.encode())
    return b"".join([start, *_pieces(message.head, message.content, message.buffers), b"}"])


def output_in(line: bytes) -> slice:
    """Where in a record the message itself stands."""
    return slice(line.index(b'"msg": ') + 7, len(line) - 1)
