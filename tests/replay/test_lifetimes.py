"""Kernels that restart, die and end, clients that vanish and stall, and what is left behind: nothing."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import websocket

from .server import PATIENCE, Server, Stream, hang_up, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server")) as server:
        yield server


def pid_of(server: Server, kernel: str) -> int:
    page = server.page(kernel)
    page.run("import os; print(os.getpid())", "pid")
    told = page.until(lambda message: message["header"]["msg_type"] == "stream")
    page.close()
    return int(told["content"]["text"])


def test_a_restart_begins_an_epoch_and_old_cells_stay(server: Server):
    kernel = server.kernel()
    page, stream = server.page(kernel), server.stream(kernel)
    page.execute("print('before')", "a")
    stream.until(lambda message: "before" in json.dumps(message.get("msg", {}).get("content")))
    server.ask("POST", f"/api/kernels/{kernel}/restart")
    stream.until(lambda message: message["type"] == "welcome" and len(stream.welcomes) == 2)
    states = [said["content"].get("execution_state") for said in stream.said]
    assert states[-1] != "busy"
    assert "restarting" in states
    page.close()
    page = server.page(kernel)
    run = page.execute("print('after')", "b")
    stream.until_idle(run)
    late = server.stream(kernel)
    late.until_snapshot()
    assert {cell: len(run["messages"]) for cell, run in late.cells.items()} == {"a": 2, "b": 2}
    assert late.welcomes[0]["epoch"] == stream.welcomes[1]["epoch"]
    stale = server.stream(kernel, {"epoch": stream.welcomes[0]["epoch"], "seq": 1})
    stale.until_snapshot()
    for each in (page, stream, late, stale):
        each.close()
    server.ask("DELETE", f"/api/kernels/{kernel}")


def test_a_kernel_that_dies_is_restarted_under_a_new_epoch(server: Server):
    kernel = server.kernel()
    pid = pid_of(server, kernel)
    stream = server.stream(kernel)
    stream.until_snapshot()
    os.kill(pid, signal.SIGKILL)
    stream.until(lambda message: message["type"] == "welcome")
    assert "restarting" in [said["content"].get("execution_state") for said in stream.said]
    stream.until(lambda message: message["type"] == "message")
    assert stream.seq == 1
    stream.close()
    server.ask("DELETE", f"/api/kernels/{kernel}")


def test_a_kernel_that_is_shut_down_says_dead_and_closes_with_1000(server: Server):
    kernel = server.kernel()
    page, stream = server.page(kernel), server.stream(kernel)
    stream.until_snapshot()
    page.execute("print('last words')")
    server.ask("DELETE", f"/api/kernels/{kernel}")
    assert stream.closing() == 1000
    assert "last words" in stream.text
    assert stream.said[-1]["content"] == {"execution_state": "dead"}
    page.close()


def test_a_kernel_that_cannot_be_restarted_is_dead(tmp_path: Path):
    with running(tmp_path / "server", "--KernelRestarter.restart_limit=0") as server:
        kernel = server.kernel()
        pid = pid_of(server, kernel)
        stream = server.stream(kernel)
        stream.until_snapshot()
        os.kill(pid, signal.SIGKILL)
        assert stream.closing() == 1000
        assert stream.said[-1]["content"] == {"execution_state": "dead"}


def until(true: Callable[[], bool], what: str) -> None:
    """Nothing tells when a process has let go of a socket: look until it has."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def held(process: psutil.Process) -> dict[str, int]:
    """What the server holds at this moment."""
    sockets = sum(1 for _ in process.net_connections("inet"))
    return {"threads": process.num_threads(), "sockets": sockets}


def test_nothing_is_left_behind(tmp_path: Path):
    with running(tmp_path / "server", "--ReplayApp.memory_limit=20000") as server:
        _live(server)
        before = held(server.process)
        for _ in range(3):
            _live(server)
        until(lambda: server.files == [], f"{server.files} are left")
        until(lambda: held(server.process) == before, f"{held(server.process)}, not {before}")
        page = server.page(server.kernel())
        page.execute("for i in range(500): print(i, flush=True)")
        assert server.files != []
        page.close()
    assert server.files == []


def test_a_server_stops_while_a_kernel_talks(tmp_path: Path):
    with running(tmp_path / "server", "--ReplayApp.memory_limit=20000") as server:
        page, stream = server.page(kernel := server.kernel()), server.stream(kernel)
        page.run("while True: print('x' * 100, flush=True)")
        while len(stream.texts) < 200:
            stream.next()
        assert server.files != []
    assert server.files == []


def _live(server: Server) -> None:
    """A whole life: output beyond memory, clients, a restart, the end."""
    kernel = server.kernel()
    page, streams = server.page(kernel), [server.stream(kernel) for _ in range(3)]
    page.execute("for i in range(500): print(i, flush=True)")
    assert server.files != []
    server.ask("POST", f"/api/kernels/{kernel}/restart")
    for stream in streams[1:]:
        stream.until(lambda message: message["type"] == "welcome" and message["seq"] == 0)
    server.ask("DELETE", f"/api/kernels/{kernel}")
    assert [stream.closing() for stream in streams] == [1000, 1000, 1000]
    for each in (page, *streams):
        each.close()


@pytest.mark.timeout(90)
def test_a_peer_that_vanished_is_dropped_within_thirty_seconds(server: Server):
    kernel = server.kernel()
    silent, patient = server.stream(kernel), server.stream(kernel)
    silent.until_snapshot()
    silent.wire.sock.settimeout(45)
    start = time.monotonic()
    while silent.wire.sock.recv(1 << 16):
        pass  # it reads, so that the end is seen, but answers no ping
    assert 25 < time.monotonic() - start < 31
    # Who answers pings stays, though it says nothing.
    patient.wire.sock.settimeout(5)
    with pytest.raises(websocket.WebSocketTimeoutException):
        patient.until(lambda _: False)
    patient.close()
    silent.wire.shutdown()
    server.ask("DELETE", f"/api/kernels/{kernel}")


# What the stock server keeps for pages that have gone is not measured.
UNBUFFERED = "--MappingKernelManager.buffer_offline_messages=False"


@pytest.mark.timeout(120)
def test_a_client_that_stalls_for_thirty_seconds_loses_nothing_and_holds_up_nobody(tmp_path: Path):
    with running(tmp_path / "server", UNBUFFERED) as server:
        kernel = server.kernel()
        page, stalled, other = server.page(kernel), server.stream(kernel), server.stream(kernel)
        stalled.until_snapshot()
        before = server.process.memory_info().rss
        start = time.monotonic()
        run = page.run("for i in range(60_000): print(f'{i:01000}', flush=True)")
        page.until(lambda message: message["header"]["msg_type"] == "execute_input")
        page.close()
        other.until_idle(run)
        assert len(other.text) == 60_000 * 1001
        grown = server.process.memory_info().rss - before
        assert grown < 80 << 20, f"{grown >> 20} MB for a client that does not read"
        while time.monotonic() - start < 31:
            time.sleep(0.1)  # the stall is the test
        assert _caught_up(server, kernel, stalled, run) == other.text


def _caught_up(server: Server, kernel: str, stalled: Stream, run: str) -> str:
    """What it reads after all, on a connection of its own if the server has given it up."""
    try:
        stalled.until_idle(run)
    except (AssertionError, OSError, websocket.WebSocketException):
        again = server.stream(kernel, stalled.cursor)
        again.until_idle(run)
        assert again.gaps == []
        return stalled.text + again.text
    return stalled.text


AUTHORIZER = """
from jupyter_server.auth.authorizer import Authorizer

class ReadOnly(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return not (action == "execute" and resource == "kernels")
"""


def test_who_may_not_execute_gets_403_and_not_one_byte(tmp_path: Path):
    directory = tmp_path / "server"
    directory.mkdir()
    config = directory / "jupyter_server_config.py"
    config.write_text(f"{AUTHORIZER}\nc = get_config()\nc.ServerApp.authorizer_class = ReadOnly\n")
    with running(directory, f"--ServerApp.config_file={config}") as server:
        kernel = server.kernel()
        for name in (kernel, "nobody"):
            with pytest.raises(websocket.WebSocketBadStatusException) as refused:
                hang_up(server.connect(f"/reactive/kernels/{name}/stream"))
            assert refused.value.status_code == 403
            assert kernel.encode() not in (refused.value.resp_body or b"")
