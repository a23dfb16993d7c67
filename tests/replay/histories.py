"""Generated histories of a kernel: what three cells and a few threads might say, in any order."""

from __future__ import annotations

from itertools import count
from typing import Any

from hypothesis import strategies as st

from jupyter_extension.replay.message import Message

from .messages import (
    asks,
    begins,
    clears,
    closes,
    comments,
    fails,
    message,
    opens,
    prints,
    results,
    shows,
    status,
    updates,
)

CELLS = ("a", "b", "c")
EPOCH = "epoch"

crumbs = st.text(st.sampled_from("xyz\n\r\b é\U0001f600"), min_size=1, max_size=6)
words = st.sampled_from(["one", "two", "three"])
displays = st.sampled_from(["d1", "d2"])
SAID = ("print", "print", "print", "show", "display", "display", "update", "result", "error")
RARE = ("clear", "later", "busy", "idle", "ask", "loose", "stray", EPOCH)
COMM = ("open", "open", "state", "state", "state", "custom", "talk", "close")
AREA = ("area", "area", "asks", "asks", "asks", "leaves", "sets", "close area")
REACTIVE = ("cells", "cells", "graph", "connection", "ready")
kinds = st.sampled_from(("begin", "begin", *SAID, *RARE, *COMM, *AREA, *REACTIVE))

comms = st.sampled_from(["m1", "m2", "m3"])
areas = st.sampled_from(["o1", "o2"])
buffer = st.binary(max_size=3) | st.just(b"\xff" * 9000)  # the latter is worth a place on disk
entries = st.dictionaries(st.sampled_from(CELLS), st.none() | st.integers(0, 3), max_size=3)


@st.composite
def states(draw: st.DrawFn) -> tuple[dict[str, Any], list[bytes]]:
    """A widget's state as it travels: binary values are taken out of it, and named by their paths."""
    state: dict[str, Any] = draw(st.dictionaries(st.sampled_from("xyz"), st.integers(0, 3), max_size=3))
    paths: list[list[str | int]] = []
    for key in draw(st.sets(st.sampled_from("uvw"))):
        where = draw(st.sampled_from(["itself", "in a list", "in an object"]))
        if where == "in a list":
            state[key] = [1, None]
        elif where == "in an object":
            state[key] = {"a": 1}
        paths.append({"itself": [key], "in a list": [key, 1], "in an object": [key, "b"]}[where])
    return {"state": state, "buffer_paths": paths}, [draw(buffer) for _ in paths]


@st.composite
def histories(draw: st.DrawFn) -> list[Message | str]:
    """Messages, and `EPOCH` where the kernel was started again. Some come late, for a run that is over."""
    numbers = count(1)
    runs: list[tuple[str, str]] = []
    history: list[Message | str] = []
    for kind in draw(st.lists(kinds, min_size=1, max_size=40)):
        if kind == EPOCH:
            history.append(EPOCH)
        elif kind == "begin" or not runs:
            number = next(numbers)
            runs.append((draw(st.sampled_from(CELLS)), f"r{number}"))
            history.append(begins(*runs[-1], code=draw(words), count=number))
        else:
            cell, run = draw(st.sampled_from(runs[-3:]))
            history.append(_said(draw, kind, cell, run))
    return history


def _said(draw: st.DrawFn, kind: str, cell: str, run: str) -> Message:  # noqa: PLR0912  # a table of what is said
    match kind:
        case "open" | "state" | "custom" | "talk" | "close":
            return _comm(draw, kind, draw(comms))
        case "area" | "asks" | "leaves" | "sets" | "close area":
            return _area(draw, kind, draw(areas), run)
        case "cells" | "graph" | "connection" | "ready":
            return _reactive(draw, kind)
        case "print":
            return prints(cell, run, draw(crumbs), draw(st.sampled_from(["stdout", "stdout", "stderr"])))
        case "loose":
            return prints(None, draw(st.sampled_from(["", "t1"])), draw(crumbs))
        case "stray":
            return prints(draw(st.sampled_from(CELLS)), "nobody", draw(crumbs))
        case "show":
            return shows(cell, run, draw(words), buffers=(b"\0\xff",))
        case "display":
            return shows(cell, run, draw(words), draw(displays))
        case "update":
            return updates(cell, run, draw(words), draw(displays))
        case "result":
            return results(cell, run, draw(words))
        case "error":
            return fails(cell, run, draw(words))
        case "clear":
            return clears(cell, run, wait=False)
        case "later":
            return clears(cell, run, wait=True)
        case "ask":
            return asks(cell, run)
        case "busy" | "idle":
            return status(kind, run)
        case _:
            return message("comm_msg", {"comm_id": "?", "data": {}}, run=run, cell=cell)


def _comm(draw: st.DrawFn, kind: str, comm: str) -> Message:
    match kind:
        case "open":
            data, buffers = draw(states() | st.just(({"a": 1}, [b"x"])))
            return opens(comm, data, *buffers)
        case "state":
            data, buffers = draw(states())
            method = draw(st.sampled_from(["update", "echo_update"]))
            return comments(comm, {"method": method, **data}, *buffers)
        case "custom":
            return comments(comm, {"method": "custom", "content": draw(words)})
        case "talk":
            return comments(comm, draw(words), b"y")
        case _:
            return closes(comm)


def _area(draw: st.DrawFn, kind: str, comm: str, run: str) -> Message:
    """An output widget."""
    output = {"output_type": "stream", "name": "stdout", "text": draw(words)}
    state: dict[str, Any] = {"outputs": draw(st.sampled_from([[], [output]]))}
    match kind:
        case "area":
            state |= {"_model_name": "OutputModel", "msg_id": draw(st.sampled_from(["", run]))}
            return opens(comm, {"state": state, "buffer_paths": []})
        case "close area":
            return closes(comm)
        case "asks" | "leaves":
            state = {"msg_id": run if kind == "asks" else ""}
    return comments(comm, {"method": "update", "state": state, "buffer_paths": []})


def _reactive(draw: st.DrawFn, kind: str) -> Message:
    match kind:
        case "cells":
            return message("reactive_cells", {"cells": draw(entries)})
        case "graph":
            return message("reactive_graph", {"cells": draw(entries), "cycles": draw(st.lists(words))})
        case "connection":
            name = draw(st.sampled_from(["db", "other"]))
            return message("reactive_connection", {"name": name, "server": draw(words)})
        case _:
            cells = {cell: value for cell, value in draw(entries).items() if value is not None}
            graph = {"cells": dict(cells), "cycles": draw(st.lists(words))}
            data = {"op": "ready", "protocol": 1, "mode": "auto", "cells": cells, "graph": graph}
            return message("comm_msg", {"comm_id": "reactive", "data": data})
