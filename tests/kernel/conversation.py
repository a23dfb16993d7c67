"""Talks to a kernel as a front end does, over real sockets, and keeps what a front end would show."""

from __future__ import annotations

import queue
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGUSR2
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

TIMEOUT = 30.0
OUTPUTS = ("stream", "display_data", "execute_result", "error")

Message = dict[str, Any]


@dataclass
class Exchange:
    """A request and everything that was published until the kernel was idle for it."""

    msg_id: str
    messages: list[Message] = field(default_factory=list)
    reply: Message | None = None

    @property
    def ran(self) -> list[str]:
        """The cells that ran, in order."""
        return [cell_of(m) for m in self.messages if m["msg_type"] == "execute_input"]

    @property
    def statuses(self) -> list[tuple[str, str]]:
        """Every status: whose it was ("own" for this request's) and what it said."""
        return [
            ("own" if parent_of(m) == self.msg_id else parent_of(m), m["content"]["execution_state"])
            for m in self.messages
            if m["msg_type"] == "status"
        ]

    @property
    def content(self) -> Message:
        assert self.reply is not None
        return self.reply["content"]

    @property
    def answers(self) -> list[Message]:
        """The data of every comm message that the kernel sent."""
        return [m["content"]["data"] for m in self.messages if m["msg_type"] == "comm_msg"]

    def of_type(self, msg_type: str) -> list[Message]:
        return [m for m in self.messages if m["msg_type"] == msg_type]

    def changes(self) -> dict[str, list[Message]]:
        """What `reactive_cells` said of each cell, in order."""
        said: dict[str, list[Message]] = {}
        for message in self.of_type("reactive_cells"):
            for cell, status in message["content"]["cells"].items():
                said.setdefault(cell, []).append(status)
        return said

    def shown(self) -> str:
        """What this request's own parent shows, wherever else things were shown."""
        return "".join(
            text_of(m) for m in self.messages if m["msg_type"] in OUTPUTS and parent_of(m) == self.msg_id
        )


def cell_of(message: Message) -> str:
    return message["metadata"].get("cellId", "")


def parent_of(message: Message) -> str:
    return message["parent_header"].get("msg_id", "")


def text_of(output: Message) -> str:
    """What a person would read, without colours."""
    content = output["content"]
    if output["msg_type"] == "stream":
        return content["text"]
    if output["msg_type"] == "error":
        return f"{content['ename']}: {content['evalue']}"
    return content["data"].get("text/plain", "")


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


class Conversation:
    """One front end's side."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        # Where the kernel writes what its threads are at.
        self._stacks: Path | None = None
        self._begin(client)

    def _begin(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.comm = ""
        self._comms: list[str] = []
        self.log: list[Message] = []
        self.cells: dict[str, Message] = {}
        self.graph: dict[str, Message] = {}
        self.cycles: list[list[str]] = []
        self.outputs: dict[str, list[Message]] = {}
        self.replies: dict[str, Message] = {}
        # Has it stopped to answer?
        self.lost = False

    # Those that stop to answer

    def tells_stacks(self, path: Path) -> None:
        """Have the kernel write there what its threads are at, when somebody asks."""
        dump = f"__import__('faulthandler').register({SIGUSR2:d}, open({str(path)!r}, 'w'))"
        self.client.execute_interactive(dump, silent=True, store_history=False, timeout=TIMEOUT)
        self._stacks = path

    def revive(self) -> None:
        """Start it anew, so that one failure does not bring others with it."""
        self.client.stop_channels()
        self.manager.restart_kernel(now=True)
        client = self.manager.blocking_client()
        client.start_channels()
        client.wait_for_ready(timeout=TIMEOUT)
        self._begin(client)
        if self._stacks is not None:
            self.tells_stacks(self._stacks)

    def _whereabouts(self) -> str:
        if not self.manager.is_alive():
            return "The kernel is gone."
        if self._stacks is None:
            return "The kernel lives."
        self.manager.signal_kernel(SIGUSR2)
        end = time.monotonic() + 5
        while not self._stacks.stat().st_size and time.monotonic() < end:
            time.sleep(0.05)
        return f"The kernel lives. {self._stacks.read_text()}"

    # Sending

    def send(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        subshell: str | None = None,
        channel: str = "shell",
    ) -> str:
        """Send a message and do not wait."""
        message = self.client.session.msg(msg_type, dict(content), metadata=dict(metadata or {}))
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        getattr(self.client, f"{channel}_channel").send(message)
        return message["header"]["msg_id"]

    def ask(self, source: str, cell: str | None = None, **content: Any) -> str:
        """Send an `execute_request` and do not wait."""
        metadata = {} if cell is None else {"cellId": cell}
        request = {
            "code": source,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
            **content,
        }
        return self.send("execute_request", request, metadata)

    def tell(self, data: Any, subshell: str | None = None) -> str:
        """Send a comm message and do not wait."""
        return self.send("comm_msg", {"comm_id": self.comm, "data": data}, subshell=subshell)

    def delivered(self) -> None:
        """Wait until the kernel has got what was sent: what leaves later has had an answer."""
        asked = self.send("kernel_info_request", {}, channel="control")
        while self.client.get_control_msg(timeout=TIMEOUT)["parent_header"]["msg_id"] != asked:
            pass

    # Receiving

    def receive(self) -> Message:
        """The next message from iopub, with the time of its arrival."""
        assert not self.lost, "The kernel has stopped to answer before."
        try:
            message = self.client.get_iopub_msg(timeout=TIMEOUT)
        except queue.Empty:
            self.lost = True
            news = f"Nothing came for {TIMEOUT} s after {self.tail()}\n{self._whereabouts()}"
            raise AssertionError(news) from None
        message["arrived"] = time.monotonic()
        self.log.append(message)
        self._show(message)
        return message

    def tail(self) -> str:
        return "; ".join(f"{m['msg_type']} {str(m['content'])[:200]}" for m in self.log[-8:])

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        """Receive until a message is as wanted."""
        while True:
            message = self.receive()
            if wanted(message):
                return message

    def until_text(self, text: str) -> Message:
        """The message with which the text is complete: what is printed may come in pieces."""
        come = ""

        def complete(message: Message) -> bool:
            nonlocal come
            come += message["content"]["text"] if message["msg_type"] == "stream" else ""
            return text in come

        return self.until(complete)

    def until_running(self, cell: str) -> Message:
        return self.until(
            lambda m: (
                m["msg_type"] == "reactive_cells"
                and (m["content"]["cells"].get(cell) or {}).get("activity") == "running"
            )
        )

    def finish(self, msg_id: str, since: int | None = None) -> Exchange:
        """Receive until the kernel is idle for the message; and its reply, if it has one."""
        start = len(self.log) if since is None else since
        if not any(_is_idle(message, msg_id) for message in self.log[start:]):
            self.until(lambda message: _is_idle(message, msg_id))
        return Exchange(msg_id, self.log[start:])

    def reply_to(self, msg_id: str) -> Message:
        """The reply to a request on the shell channel."""
        while msg_id not in self.replies:
            message = self.client.get_shell_msg(timeout=TIMEOUT)
            message["arrived"] = time.monotonic()
            self.replies[parent_of(message)] = message
        return self.replies[msg_id]

    def _show(self, message: Message) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind == "reactive_cells":
            _merge(self.cells, content["cells"])
        elif kind == "reactive_graph":
            _merge(self.graph, content["cells"])
            self.cycles = content["cycles"]
        elif kind == "execute_input":
            self.outputs[cell_of(message)] = []
        elif kind in OUTPUTS:
            self.outputs.setdefault(cell_of(message), []).append(message)

    # What people do

    def open(self, data: Any = None) -> Exchange:
        """Open the comm; the kernel's whole state is the start."""
        self.comm = uuid.uuid4().hex
        self._comms.append(self.comm)
        content = {"comm_id": self.comm, "target_name": "reactive", "data": {"protocol": 1}}
        if data is not None:
            content["data"] = data
        exchange = self.finish(self.send("comm_open", content))
        for answer in exchange.answers:
            if answer["op"] == "ready":
                self.cells, self.graph = dict(answer["cells"]), dict(answer["graph"]["cells"])
        return exchange

    def close(self) -> None:
        """Close every comm that was opened."""
        while self._comms:
            self.finish(self.send("comm_close", {"comm_id": self._comms.pop(), "data": {}}))

    def do(self, data: Any, subshell: str | None = None) -> Exchange:
        """Send a comm message and wait until all that it caused is over."""
        return self.finish(self.tell(data, subshell))

    def sync(self, document: Mapping[str, str], **modes: str) -> Exchange:
        """Tell the kernel the document."""
        return self.do(synced(document, modes))

    def edit(self, cell: str, source: str) -> Exchange:
        return self.do({"op": "edit", "id": cell, "source": source})

    def run(self, *cells: str) -> Exchange:
        return self.do({"op": "run", "cells": list(cells)})

    def run_stale(self) -> Exchange:
        return self.do({"op": "run", "stale": True})

    def execute(self, source: str, cell: str | None = None, **content: Any) -> Exchange:
        """Run code, as a cell or as nobody's, and wait until the kernel is idle for it."""
        exchange = self.finish(self.ask(source, cell, **content))
        exchange.reply = self.reply_to(exchange.msg_id)
        return exchange

    def document(self, **cells: str) -> Exchange:
        """A document whose cells all have run."""
        self.sync(cells)
        return self.run(*cells)

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def subshell(self) -> str:
        """A new subshell's id."""
        msg_id = self.send("create_subshell_request", {}, channel="control")
        while True:
            message = self.client.get_control_msg(timeout=TIMEOUT)
            if parent_of(message) == msg_id:
                self.finish(msg_id)
                return message["content"]["subshell_id"]

    # What people see

    def text(self, cell: str) -> str:
        """What the cell's latest run shows."""
        return "".join(text_of(output) for output in self.outputs.get(cell, []))

    def state(self, cell: str) -> str:
        """The cell's freshness and outcome, as in `fresh ok`; its activity in front, if it has one."""
        status = self.cells[cell]
        parts = [status["activity"], status["freshness"], status["outcome"] or "-"]
        return " ".join(parts[1:] if status["activity"] == "idle" else parts)

    def states(self) -> dict[str, str]:
        return {cell: self.state(cell) for cell in self.cells}

    def why(self, cell: str) -> str | None:
        """The kind of the reason for the cell's state."""
        reason = self.cells[cell]["reason"]
        return reason and reason["kind"]

    def value(self, expression: str) -> str:
        """What scratch code sees."""
        exchange = self.execute(f"print({expression})")
        return exchange.shown().removesuffix("\n")


def synced(document: Mapping[str, str], modes: Mapping[str, str] | None = None) -> Message:
    """The comm message that tells the whole document."""
    cells: list[Message] = [{"id": cell, "source": source} for cell, source in document.items()]
    for cell in cells:
        if modes and cell["id"] in modes:
            cell["mode"] = modes[cell["id"]]
    return {"op": "sync", "cells": cells}


def check(kernel: Conversation) -> None:
    """Kernel and graph are right: a small cascade through a new document does what it should."""
    kernel.document(first="s = 1", second="t = s + 1", third="print(s, t)")
    assert kernel.text("third") == "1 2\n"
    assert kernel.execute("s = 40", "first").ran == ["first", "second", "third"]
    assert kernel.text("third") == "40 41\n"
    assert set(kernel.states().values()) == {"fresh ok"}
    assert kernel.graph["third"]["parents"] == ["first", "second"]


def _merge(into: dict[str, Message], news: Mapping[str, Message | None]) -> None:
    for cell, entry in news.items():
        if entry is None:
            into.pop(cell, None)
        else:
            into[cell] = entry


def _is_idle(message: Message, msg_id: str) -> bool:
    return (
        message["msg_type"] == "status"
        and parent_of(message) == msg_id
        and message["content"]["execution_state"] == "idle"
    )
