"""The reactive kernel's word on its cells, graph and connections, merged from what it told bit by bit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from .message import Json, Message, made, text


class ReactiveState:
    """What a front end that heard everything would know."""

    def __init__(self) -> None:
        self._cells: Json = {}
        self._graph: Json = {}
        self._rest: Json = {}
        self._like: dict[str, Message] = {}
        self._connections: dict[str, Message] = {}

    def take(self, message: Message) -> None:
        if message.kind == "reactive_connection":
            self._connections[text(message.body.get("name"))] = message
            return
        self._like[message.kind] = message
        known = self._cells if message.kind == "reactive_cells" else self._graph
        for cell, value in _object(message.body, "cells").items():
            if value is None:
                known.pop(cell, None)
            else:
                known[cell] = value
        if message.kind == "reactive_graph":
            self._rest = {key: value for key, value in message.body.items() if key != "cells"}

    def ready(self, message: Message) -> None:
        """The kernel tells a front end that has just come everything that it knows."""
        data = _object(message.body, "data")
        if message.kind != "comm_msg" or data.get("op") != "ready":
            return
        for key, kind in (("cells", "reactive_cells"), ("graph", "reactive_graph")):
            self._like[kind] = made(kind, {}, like=message)
            whole = _object(data, key)
            if kind == "reactive_cells":
                self._cells = dict(whole)
            else:
                self._graph = dict(_object(whole, "cells"))
                self._rest = {name: value for name, value in whole.items() if name != "cells"}

    def messages(self) -> Iterator[Message]:
        for kind, like in self._like.items():
            cells = self._cells if kind == "reactive_cells" else self._graph
            body = {"cells": cells} | ({} if kind == "reactive_cells" else self._rest)
            yield replace(like, content=json.dumps(body).encode(), body=body)
        yield from self._connections.values()


def _object(body: Json, key: str) -> Json:
    value: object = body.get(key)
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]
