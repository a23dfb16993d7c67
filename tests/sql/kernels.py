"""Kernels for tests of the magics: what a front end sends them, and what it gets."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

REPOSITORY = Path(__file__).parents[2]
TIMEOUT = 60.0
Message = dict[str, Any]


@dataclass
class Ran:
    """What came of a cell."""

    reply: Message
    messages: list[Message] = field(default_factory=list)

    def of_type(self, *kinds: str) -> list[Message]:
        return [message for message in self.messages if message["msg_type"] in kinds]

    def text(self, stream: str = "stdout") -> str:
        said = (each["content"] for each in self.of_type("stream"))
        return "".join(each["text"] for each in said if each["name"] == stream)

    @property
    def error(self) -> str:
        [error] = self.of_type("error")
        assert error["content"]["ename"] == "SqlError"
        return error["content"]["evalue"]

    @property
    def bundles(self) -> list[dict[str, Any]]:
        """What is shown in the end, in the order in which it was first shown."""
        shown: dict[str, dict[str, Any]] = {}
        for message in self.of_type("display_data", "update_display_data"):
            content = message["content"]
            shown[content["transient"].get("display_id", str(len(shown)))] = content["data"]
        return list(shown.values())

    @property
    def result(self) -> str:
        [result] = self.of_type("execute_result")
        return result["content"]["data"]["text/plain"]


class Kernel:
    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client
        self.log: list[Message] = []

    def start(self, source: str, cell: str | None = None) -> str:
        """Ask for a run and do not wait."""
        content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
        metadata = {} if cell is None else {"cellId": cell}
        return self.send("execute_request", {**content, "user_expressions": {}}, metadata)

    def send(
        self, kind: str, content: Message, metadata: Message | None = None, subshell: str | None = None
    ) -> str:
        message = self.client.session.msg(kind, content, metadata=metadata)
        if subshell is not None:
            message["header"]["subshell_id"] = subshell
        self.client.shell_channel.send(message)
        return message["header"]["msg_id"]

    def receive(self) -> Message:
        message = self.client.get_iopub_msg(timeout=TIMEOUT)
        self.log.append(message)
        return message

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        while True:
            message = self.receive()
            if wanted(message):
                return message

    def finish(self, request: str) -> Ran:
        start = len(self.log)
        self.until(lambda message: _is_idle(message, request))
        reply = self.client.get_shell_msg(timeout=TIMEOUT)
        while reply["parent_header"].get("msg_id") != request:
            reply = self.client.get_shell_msg(timeout=TIMEOUT)
        self.log.append(reply)
        return Ran(reply, self.log[start:])

    def run(self, source: str, cell: str | None = None) -> Ran:
        return self.finish(self.start(source, cell))

    def sql(self, body: str, line: str = "") -> Ran:
        return self.run(f"%%sql {line}\n{body}")

    def value(self, expression: str) -> str:
        return self.run(expression).result

    def subshell(self) -> str:
        """A way to ask while a cell runs."""
        self.client.control_channel.send(self.client.session.msg("create_subshell_request", {}))
        return self.client.get_control_msg(timeout=TIMEOUT)["content"]["subshell_id"]

    def ask(self, comm: str, subshell: str | None = None, **request: object) -> Message:
        """Ask on a comm, and get the answer."""
        sent = self.send("comm_msg", {"comm_id": comm, "data": request}, subshell=subshell)
        answer = self.until(_answers)
        self.until(lambda message: _is_idle(message, sent))
        return answer

    def open(self, target: str, **data: object) -> str:
        comm = uuid.uuid4().hex
        sent = self.send("comm_open", {"comm_id": comm, "target_name": target, "data": data})
        self.until(lambda message: _is_idle(message, sent))
        return comm


def _answers(message: Message) -> bool:
    """Is it more than word, unasked, that something has changed?"""
    return message["msg_type"] == "comm_msg" and message["content"]["data"].get("op") != "changed"


def _is_idle(message: Message, request: str) -> bool:
    own = message["parent_header"].get("msg_id") == request
    return own and message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"


@contextmanager
def kernel(
    module: str = "ipykernel_launcher", path: str = "", log: Path | None = None, **environment: str
) -> Iterator[Kernel]:
    """A kernel of its own, shut down at the end; `path`: one more place for modules, `log`: for its words."""
    manager = KernelManager()
    manager._kernel_spec = KernelSpec(  # pyright: ignore[reportPrivateUsage]  # no other way to give one
        argv=[sys.executable, "-m", module, "-f", "{connection_file}"], display_name=module, language="python"
    )
    kept = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    places = os.pathsep.join(filter(None, [str(REPOSITORY), path]))
    with ExitStack() as files:
        told = {"stdout": files.enter_context(log.open("wb")), "stderr": subprocess.STDOUT} if log else {}
        manager.start_kernel(env={**kept, "PYTHONPATH": places, **environment}, **told)
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=TIMEOUT)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        if manager.has_kernel:
            # Killed, it could not say which of its lines ran, where that is counted.
            manager.shutdown_kernel(now="coverage" not in sys.modules)
        manager.cleanup_resources()
