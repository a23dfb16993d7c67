"""Messages as kernels send them, in a line each."""

from __future__ import annotations

import json
from base64 import b64encode
from itertools import count
from typing import Any

from jupyter_extension.replay.message import Message, parse

_numbers = count(1)


def message(  # noqa: PLR0913  # a message has many parts
    kind: str,
    content: dict[str, Any],
    *,
    run: str = "",
    cell: str | None = None,
    asked: str = "execute_request",
    channel: Any = "iopub",
    buffers: tuple[bytes, ...] = (),
) -> Message:
    header = {"msg_id": f"k{next(_numbers)}", "msg_type": kind, "session": "kernel"}
    parent = {"msg_id": run, "msg_type": asked, "session": "client"} if run else {}
    metadata = {} if cell is None else {"cellId": cell}
    parts = [json.dumps(part).encode() for part in (header, parent, metadata, content)]
    return parse(channel, [*parts, *buffers])


def begins(cell: str | None, run: str, code: str = "1", count: int = 1) -> Message:
    return message("execute_input", {"code": code, "execution_count": count}, run=run, cell=cell)


def prints(cell: str | None, run: str, text: str, name: str = "stdout") -> Message:
    return message("stream", {"name": name, "text": text}, run=run, cell=cell)


def bundle(text: str, display: str | None) -> dict[str, Any]:
    transient = {} if display is None else {"display_id": display}
    return {"data": {"text/plain": text}, "metadata": {}, "transient": transient}


def shows(cell: str | None, run: str, text: str, display: str | None = None, **more: Any) -> Message:
    return message("display_data", bundle(text, display), run=run, cell=cell, **more)


def updates(cell: str | None, run: str, text: str, display: str) -> Message:
    return message("update_display_data", bundle(text, display), run=run, cell=cell)


def results(cell: str | None, run: str, text: str) -> Message:
    content = {"data": {"text/plain": text}, "metadata": {}, "execution_count": 1}
    return message("execute_result", content, run=run, cell=cell)


def fails(cell: str | None, run: str, why: str) -> Message:
    return message("error", {"ename": "E", "evalue": why, "traceback": [why]}, run=run, cell=cell)


def clears(cell: str | None, run: str, *, wait: bool) -> Message:
    return message("clear_output", {"wait": wait}, run=run, cell=cell)


def status(state: str, run: str = "", asked: str = "execute_request") -> Message:
    return message("status", {"execution_state": state}, run=run, asked=asked)


def asks(cell: str | None, run: str) -> Message:
    content = {"prompt": "?", "password": False}
    return message("input_request", content, run=run, cell=cell, channel="stdin")


def opens(comm: str, data: Any, *buffers: bytes) -> Message:
    content = {"comm_id": comm, "target_name": "t", "data": data}
    return message("comm_open", content, buffers=buffers)


def comments(comm: str, data: Any, *buffers: bytes) -> Message:
    return message("comm_msg", {"comm_id": comm, "data": data}, buffers=buffers)


def closes(comm: str) -> Message:
    return message("comm_close", {"comm_id": comm, "data": {}})


def wire(message: Message) -> dict[str, Any]:
    """The message as a client gets it."""
    header, parent, metadata = (json.loads(part) for part in message.head)
    content = json.loads(message.content)
    buffers = [b64encode(buffer).decode() for buffer in message.buffers]
    parts = {"header": header, "parent_header": parent, "metadata": metadata, "content": content}
    return {**parts, "buffers": buffers}
