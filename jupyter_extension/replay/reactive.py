"""The reactive kernel's word on its cells, graph and connections, merged from what it told bit by bit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from .message import Json, Message, made, text
from .weighed import Weighed


class ReactiveState:
    """What a front end that heard everything would know."""

    def __init__(self) -> None:
        self._cells = Weighed()
        self._graph = Weighed()
        self._rest: Json = {}
        self._mode: Json = {}
        self._like: dict[str, Message] = {}
        self._connections: dict[str, Message] = {}

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        told = sum(message.size for message in self._connections.values())
        return self._cells.size + self._graph.size + told

    def take(self, message: Message) -> None:
        if message.kind == "reactive_connection":
            self._connections[text(message.body.get("name"))] = message
            return
        self._like[message.kind] = message
        if "mode" in message.body:
            self._mode = {"mode": message.body["mode"]}
        known = self._cells if message.kind == "reactive_cells" else self._graph
        told = _object(message.body, "cells")
        known.update({cell: value for cell, value in told.items() if value is not None}, message.size)
        for cell in (cell for cell, value in told.items() if value is None):
            known.drop(cell)
        if message.kind == "reactive_graph":
            self._rest = {key: value for key, value in message.body.items() if key != "cells"}

    def ready(self, message: Message) -> None:
        """The kernel tells a front end that has just come everything that it knows."""
        data = _object(message.body, "data")
        if message.kind != "comm_msg" or data.get("op") != "ready":
            return
        for key, kind in (("cells", "reactive_cells"), ("graph", "reactive_graph")):
            self._like[kind] = made(kind, {}, like=message)
            whole, known = _object(data, key), Weighed()
            if kind == "reactive_cells":
                known.update(whole, message.size // 2)
                self._cells, self._mode = known, {"mode": data.get("mode")}
            else:
                known.update(_object(whole, "cells"), message.size // 2)
                self._graph = known
                self._rest = {name: value for name, value in whole.items() if name != "cells"}

    def messages(self) -> Iterator[Message]:
        for kind, like in self._like.items():
            known, rest = (self._cells, self._mode) if kind == "reactive_cells" else (self._graph, self._rest)
            body = {"cells": known.values()} | rest
            yield replace(like, content=json.dumps(body).encode(), body=body)
        yield from self._connections.values()


def _object(body: Json, key: str) -> Json:
    value: object = body.get(key)
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # an object of JSON
