"""A running kernel with a cluster: only cells tagged `remote` leave it, and it says where they ran."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager


@pytest.fixture(scope="module")
def client(engine: str) -> Iterator[BlockingKernelClient]:
    manager = KernelManager()
    argv = [sys.executable, "-m", "reactive_kernel", "-f", "{connection_file}", "--log-level=ERROR"]
    argv += ["--HistoryManager.hist_file=:memory:", f"--ReactiveKernel.engine={engine}"]
    manager._kernel_spec = KernelSpec(argv=argv)
    manager.start_kernel()
    found = manager.blocking_client()
    found.start_channels()
    found.wait_for_ready(timeout=60)
    yield found
    found.stop_channels()
    manager.shutdown_kernel(now=True)


def shown(client: BlockingKernelClient, cell: str, source: str, *tags: str) -> str:
    """What a cell shows as text."""
    content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}}
    content |= {"allow_stdin": False, "stop_on_error": True}
    message = client.session.msg("execute_request", content, metadata={"cellId": cell, "tags": [*tags]})
    client.shell_channel.send(message)
    found: list[str] = []
    while True:
        said = client.get_iopub_msg(timeout=60)
        if said["parent_header"].get("msg_id") != message["header"]["msg_id"]:
            continue
        if said["msg_type"] == "status" and said["content"]["execution_state"] == "idle":
            return "".join(found)
        if said["msg_type"] == "stream":
            found.append(said["content"]["text"])
        elif said["msg_type"] in ("execute_result", "display_data"):
            found.append(said["content"]["data"]["text/plain"])
        elif said["msg_type"] == "error":
            found.append(said["content"]["ename"])


def test_only_tagged_cells_leave_and_the_kernel_says_where_they_ran(client: BlockingKernelClient):
    shown(client, "a", "xs = [1, 2]")
    assert shown(client, "b", "total = sum(xs)\nprint('there')\ntotal", "remote") == "there\n3"
    assert shown(client, "c", "total + 1") == "4"
    shown(client, "d", "xs2 = xs", "remote")
    assert "It ran on a worker." in shown(client, "w", "%reactive why b")
    assert "shares objects with what the cell reads" in shown(client, "w", "%reactive why d")
    assert "worker" not in shown(client, "w", "%reactive why c")
