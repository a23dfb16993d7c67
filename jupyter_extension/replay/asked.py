"""What a client of the stream may ask, parsed once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TypeAlias

from .log import Cursor
from .message import Json

PROTOCOL = 1


class Refused(ValueError):
    """The client is told why."""


@dataclass(frozen=True, slots=True)
class Hello:
    cursor: Cursor | None


@dataclass(frozen=True, slots=True)
class Forget:
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Ping:
    pass


Asked: TypeAlias = Hello | Forget | Ping


def asked(raw: str | bytes) -> Asked:
    """What the client asks; `Refused` with a sentence for it if that makes no sense."""
    if isinstance(raw, bytes):
        raise Refused("Binary frames mean nothing here.")
    try:
        message: object = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused("This is not JSON.") from None
    if not isinstance(message, dict):
        raise Refused("A message is an object with a type.")
    return _understood(message)  # pyright: ignore[reportUnknownArgumentType]  # an object of JSON


def _understood(message: Json) -> Asked:
    match message.get("type"):
        case "hello":
            protocol: object = message.get("protocol")
            if type(protocol) is not int or protocol != PROTOCOL:
                raise Refused(f"This server speaks protocol {PROTOCOL}.")
            return Hello(_cursor(message.get("cursor")))
        case "forget":
            return Forget(_cells(message.get("cells")))
        case "ping":
            return Ping()
        case _:
            raise Refused("A message's type is hello, forget or ping.")


def _cursor(value: object) -> Cursor | None:
    match value:
        case None:
            return None
        case {"epoch": str(epoch), "seq": int(seq)} if type(seq) is int and seq >= 0:
            return Cursor(epoch, seq)
        case _:
            raise Refused("A cursor is null or has an epoch and a seq.")


def _cells(value: object) -> list[str]:
    if not isinstance(value, list):
        raise Refused("To forget takes a list of cell ids.")
    cells: list[object] = [*value]
    if not all(isinstance(cell, str) for cell in cells):
        raise Refused("A cell's id is text.")
    return [str(cell) for cell in cells]
