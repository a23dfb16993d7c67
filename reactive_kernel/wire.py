"""Our messages on the wire, to and from events: parsed once, here, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias, cast

from .cell import Cell, CellId, Cycle, Mode, Reason
from .event import CascadeChosen, CellEdited, DocumentSynced, Edges, RunRequested, StaleRequested, Status
from .fixed import fixed
from .graph import plain
from .session import Session

if TYPE_CHECKING:
    from .variables import Variable

PROTOCOL = 1
TARGET = "reactive"

Json: TypeAlias = Mapping[str, object]


@fixed
class Malformed:
    """A message that makes no sense, and why."""

    message: str


@fixed
class ConnectRequested:
    """Somebody wants a database connection."""

    url: str
    name: str | None


@fixed
class VariablesRequested:
    """Somebody wants to know what the names stand for."""


Request: TypeAlias = (
    DocumentSynced
    | CellEdited
    | RunRequested
    | StaleRequested
    | CascadeChosen
    | ConnectRequested
    | VariablesRequested
)


class _Nonsense(Exception):
    """Carries the sentence for `Malformed` out of nested parsing."""


def parse_open(data: object) -> Malformed | None:
    """What is wrong with the data of a `comm_open`, if anything."""
    protocol = cast("Json", data).get("protocol") if isinstance(data, Mapping) else None
    if protocol == PROTOCOL and type(protocol) is int:
        return None
    return Malformed(f"This kernel speaks protocol {PROTOCOL}; the front end asked for {protocol!r}.")


def parse(data: object, session: Session) -> Request | Malformed:
    """The request that a `comm_msg` makes."""
    try:
        if not isinstance(data, Mapping):
            raise _Nonsense("A message is an object with an `op`.")
        message = cast("Json", data)
        operation = message.get("op")
        parser = _PARSERS.get(operation) if isinstance(operation, str) else None
        if parser is None:
            known = ", ".join(f"`{name}`" for name in _PARSERS)
            raise _Nonsense(f"Unknown `op` {operation!r}; known are {known}.")
        return parser(message, session)
    except _Nonsense as nonsense:
        return Malformed(str(nonsense))


def _text(message: Json, key: str) -> str:
    value = message.get(key)
    if not isinstance(value, str):
        raise _Nonsense(f"`{key}` has to be a string, not {value!r}.")
    return value


def _id(message: Json, key: str = "id") -> CellId:
    value = _text(message, key)
    if not value:
        raise _Nonsense(f"`{key}` is empty.")
    return CellId(value)


def _known(cell: CellId, session: Session) -> CellId:
    if cell not in session:
        raise _Nonsense(f"There is no cell {cell!r} in the document; sync it first.")
    return cell


def parse_mode(value: object) -> Mode | None:
    """The mode that a cell's metadata or a sync names; None where it names none, or none that exists."""
    return Mode(value) if value in ("auto", "manual", "off") else None


def _mode(message: Json) -> Mode | None:
    value = message.get("mode")
    mode = parse_mode(value)
    if mode is None and value is not None:
        raise _Nonsense(f"A cell's `mode` is `auto`, `manual` or `off`, not {value!r}.")
    return mode


def _tags(message: Json) -> frozenset[str]:
    tags = message.get("tags")
    if tags is None:
        return frozenset()
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in cast("list[object]", tags)):
        raise _Nonsense("`tags` has to be a list of strings.")
    return frozenset(cast("list[str]", tags))


def _list(message: Json, key: str) -> list[object]:
    value = message.get(key)
    if not isinstance(value, list):
        raise _Nonsense(f"`{key}` has to be a list.")
    return cast("list[object]", value)


def _sync(message: Json, session: Session) -> DocumentSynced:
    cells: list[Cell] = []
    seen: set[CellId] = set()
    for number, item in enumerate(_list(message, "cells"), 1):
        if not isinstance(item, Mapping):
            raise _Nonsense(f"Cell {number} of the sync is not an object.")
        entry = cast("Json", item)
        cell = Cell(_id(entry), _text(entry, "source"), _mode(entry), _tags(entry))
        if cell.id in seen:
            raise _Nonsense(f"Two cells have the id {cell.id!r}; every cell needs an id of its own.")
        seen.add(cell.id)
        cells.append(cell)
    return DocumentSynced(tuple(cells))


def _edit(message: Json, session: Session) -> CellEdited:
    return CellEdited(_known(_id(message), session), _text(message, "source"))


def _run(message: Json, session: Session) -> RunRequested | StaleRequested:
    if "cells" not in message:
        if message.get("stale") is True:
            return StaleRequested()
        raise _Nonsense("`run` takes `cells`, a list of ids, or `stale: true`.")
    cells = _list(message, "cells")
    for cell in cells:
        if not isinstance(cell, str):
            raise _Nonsense(f"A cell's id is a string, not {cell!r}.")
        _known(CellId(cell), session)
    return RunRequested(tuple(CellId(cast("str", cell)) for cell in cells))


def _configure(message: Json, session: Session) -> CascadeChosen:
    mode = message.get("mode")
    if mode not in ("auto", "lazy"):
        raise _Nonsense(f"`mode` is `auto` or `lazy`, not {mode!r}.")
    return CascadeChosen(mode == "auto")


def _connect(message: Json, session: Session) -> ConnectRequested:
    name = message.get("name")
    if name is not None and not isinstance(name, str):
        raise _Nonsense("`name` has to be a string.")
    return ConnectRequested(_text(message, "url"), name)


def _variables(message: Json, session: Session) -> VariablesRequested:
    return VariablesRequested()


_PARSERS = {
    "sync": _sync,
    "edit": _edit,
    "run": _run,
    "configure": _configure,
    "connect": _connect,
    "variables": _variables,
}


# To the front end


def ready(session: Session) -> Json:
    """The whole state, for a front end that has just opened the comm."""
    return {
        "op": "ready",
        "protocol": PROTOCOL,
        "mode": "auto" if session.auto else "lazy",
        **cells({cell: session.status(cell) for cell in session.cells}),
        "graph": graph({cell: session.edges(cell) for cell in session.cells}, session.graph.cycles()),
    }


def answer(request: Request | Malformed, data: object, session: Session) -> Json | None:
    """What came of an edit, if its message has a number under which to answer."""
    number = cast("Json", data).get("ask") if isinstance(data, Mapping) else None
    if not isinstance(request, CellEdited) or type(number) is not int:
        return None
    cell = request.cell
    status = _status(session.status(cell))
    return {"op": "edit", "ask": number, "cell": status, "auto": session.runs_unasked(cell)}


def error(problem: Malformed, about: object) -> Json:
    return {"op": "error", "message": problem.message, "about": about}


def variables(found: Mapping[str, Variable], session: Session) -> Json:
    """What the names stand for, who made that, and who reads it."""
    return {
        "op": "variables",
        "variables": [
            {
                "name": name,
                "type": variable.type,
                "shape": None if variable.shape is None else list(variable.shape),
                "size": variable.size,
                "summary": variable.summary,
                "cell": session.versions.source_of(name, None),
                "readers": [cell for cell in session.graph.users(name) if name in session.edges(cell).reads],
            }
            for name, variable in found.items()
        ],
    }


def cells(changes: Mapping[CellId, Status | None]) -> Json:
    """The content of `reactive_cells`."""
    return {"cells": {cell: _status(status) for cell, status in changes.items()}}


def graph(changes: Mapping[CellId, Edges | None], cycles: Iterable[Cycle]) -> Json:
    """The content of `reactive_graph`."""
    return {
        "cells": {cell: _edges(edges) for cell, edges in changes.items()},
        "cycles": [list(cycle.cells) for cycle in cycles],
    }


def connection(name: str, server: str, problem: str | None) -> Json:
    """The content of `reactive_connection`."""
    return {"name": name, "status": "error" if problem else "ok", "server": server, "error": problem}


def _status(status: Status | None) -> Json | None:
    if status is None:
        return None
    return {
        "freshness": status.freshness,
        "activity": status.activity,
        "outcome": status.outcome,
        "run": status.run,
        "execution_count": status.execution_count,
        "reason": _reason(status.reason),
    }


def _reason(reason: Reason | None) -> Json | None:
    if reason is None:
        return None
    return {
        "kind": reason.kind,
        "message": reason.message,
        "cells": list(reason.cells),
        "names": list(dict.fromkeys(map(plain, reason.names))),
    }


def _edges(edges: Edges | None) -> Json | None:
    if edges is None:
        return None
    return {
        "reads": list(edges.reads),
        "writes": list(edges.writes),
        "parents": list(edges.parents),
        "children": list(edges.children),
    }
