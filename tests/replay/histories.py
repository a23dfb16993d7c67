"""Generated histories of a kernel: what three cells and a few threads might say, in any order."""

from __future__ import annotations

from itertools import count

from hypothesis import strategies as st

from jupyter_extension.replay.message import Message

from .messages import asks, begins, clears, fails, message, prints, results, shows, status, updates

CELLS = ("a", "b", "c")
EPOCH = "epoch"

crumbs = st.text(st.sampled_from("xyz\n\r\b é\U0001f600"), min_size=1, max_size=6)
words = st.sampled_from(["one", "two", "three"])
displays = st.sampled_from(["d1", "d2"])
SAID = ("print", "print", "print", "show", "display", "display", "update", "result", "error")
RARE = ("clear", "later", "busy", "idle", "ask", "loose", "stray", EPOCH)
kinds = st.sampled_from(("begin", "begin", *SAID, *RARE))


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


def _said(draw: st.DrawFn, kind: str, cell: str, run: str) -> Message:  # noqa: PLR0912
    match kind:
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
