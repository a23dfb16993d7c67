"""Kernels that restart, die and end, clients that vanish and stall, and what is left behind: nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import websocket

from jupyter_extension.app import ReplayApp

from .server import EXTENSIONS, Server, Stream, hang_up, running
from .test_losses import WAIT


def pid_of(server: Server, kernel: str) -> int:
    page = server.page(kernel)
    page.run("import os; print(os.getpid())", "pid")
    told = page.until(lambda message: message["header"]["msg_type"] == "stream")
    page.close()
    return int(told["content"]["text"])


def test_a_restart_begins_an_epoch_and_old_cells_stay(server: Server):
    kernel = server.kernel()
    page, stream = server.page(kernel), server.stream(kernel)
    stream.until_idle(page.run("print('before')", "a"))
    server.ask("POST", f"/api/kernels/{kernel}/restart")
    stream.until(lambda message: message["type"] == "welcome" and len(stream.welcomes) == 2)
    assert stream.welcomes[1]["execution_state"] != "busy"
    assert "restarting" in [said["content"].get("execution_state") for said in stream.said]
    page.close()
    page = server.page(kernel)
    stream.until_idle(page.run("print('after')", "b"))
    late = server.stream(kernel)
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
    os.kill(pid, signal.SIGKILL)
    stream.until(lambda message: message["type"] == "welcome")
    assert "restarting" in [said["content"].get("execution_state") for said in stream.said]
    assert stream.until(lambda message: message["type"] == "message")["seq"] == 1
    stream.close()
    server.ask("DELETE", f"/api/kernels/{kernel}")


def test_a_kernel_that_is_shut_down_says_dead_and_closes_with_1000(server: Server):
    kernel = server.kernel()
    page, stream = server.page(kernel), server.stream(kernel)
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
        os.kill(pid, signal.SIGKILL)
        assert stream.closing() == 1000
        assert stream.said[-1]["content"] == {"execution_state": "dead"}


def test_a_provisioner_that_puts_each_process_elsewhere(tmp_path: Path):
    with running(tmp_path / "server", extensions=(*EXTENSIONS, "tests.replay.moving")) as server:
        kernel = server.kernel()
        page, stream = server.page(kernel), server.stream(kernel)
        stream.until_idle(page.run("print(1)"))
        server.ask("POST", f"/api/kernels/{kernel}/restart")
        page.close()
        page = server.page(kernel)
        stream.until_idle(page.run("print(2)"))
        os.kill(pid_of(server, kernel), signal.SIGKILL)
        stream.until(lambda message: message["type"] == "welcome" and len(stream.welcomes) == 3)
        page.close()
        page = server.page(kernel)
        stream.until_idle(page.run("print(3)"))
        said = [record for record in stream.records if record["msg"]["metadata"].get("cellId") == "c"]
        texts = [record["msg"]["content"]["text"] for record in said if "text" in record["msg"]["content"]]
        assert "".join(texts) == "1\n2\n3\n"
        assert len(set(re.findall(r"speaks on port (\d+)", server.log.read_text()))) == 3
        page.close()
        stream.close()


LIVES = 8


def held(process: psutil.Process) -> dict[str, int]:
    """What the server holds at this moment."""
    sockets = sum(1 for _ in process.net_connections("inet"))
    return {"threads": process.num_threads(), "sockets": sockets}


def more(now: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: count - before[name] for name, count in now.items()}


def test_nothing_is_left_behind(tmp_path: Path):
    with running(tmp_path / "server", "--ReplayApp.memory_limit=20000") as server:
        _live(server)
        server.until(lambda: server.files == [], "files are left")
        before = held(server.process)
        for _ in range(LIVES):
            _live(server)
        server.until(lambda: server.files == [], "files are left")
        # The server's own pool starts a thread now and then, five at most; a leak would be one for each life.
        server.until(
            lambda: max(more(held(server.process), before).values()) < LIVES,
            f"{LIVES} lives later: {more(held(server.process), before)}",
        )
        page = server.page(server.kernel())
        page.run("for i in range(500): print(i, flush=True)")
        server.until(lambda: server.files != [], "nothing reached the disk")
        page.close()
    assert server.files == []


def test_a_server_stops_while_a_kernel_talks(tmp_path: Path):
    with running(tmp_path / "server", "--ReplayApp.memory_limit=20000") as server:
        page, stream = server.page(kernel := server.kernel()), server.stream(kernel)
        page.run("while True: print('x' * 100, flush=True)")
        while len(stream.texts) < 200:
            stream.next()
        server.until(lambda: server.files != [], "nothing reached the disk")
    assert server.files == []


def _live(server: Server) -> None:
    """A whole life: output beyond memory, clients, a restart, the end."""
    kernel = server.kernel()
    page, streams = server.page(kernel), [server.stream(kernel) for _ in range(3)]
    page.run("for i in range(500): print(i, flush=True)")
    server.until(lambda: server.files != [], "nothing reached the disk")
    server.ask("POST", f"/api/kernels/{kernel}/restart")
    for stream in streams[1:]:
        stream.until(lambda message: message["type"] == "welcome" and message["seq"] == 0)
    server.ask("DELETE", f"/api/kernels/{kernel}")
    assert [stream.closing() for stream in streams] == [1000, 1000, 1000]
    for each in (page, *streams):
        each.close()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that gives up soon who is silent, and keeps nothing for pages that have gone."""
    settings = ("--ReplayApp.silence_limit=6", "--MappingKernelManager.buffer_offline_messages=False")
    with running(tmp_path_factory.mktemp("impatient"), *settings) as server:
        yield server


def test_a_peer_may_be_silent_for_half_a_minute():
    assert ReplayApp().silence_limit == 30


def test_a_peer_that_vanished_is_dropped_and_one_that_only_listens_is_not(impatient: Server):
    kernel = impatient.kernel()
    page, silent, patient = impatient.page(kernel), impatient.stream(kernel), impatient.stream(kernel)
    with ThreadPoolExecutor() as pool:
        heard = pool.submit(patient.until, lambda message: "at last" in json.dumps(message))
        while silent.wire.sock.recv(1 << 16):
            pass  # it reads, so that the end is seen, but answers no ping
        page.run("print('at last')")
        assert heard.result()["type"] == "message"
    for each in (page, patient):
        each.close()
    silent.wire.shutdown()
    impatient.ask("DELETE", f"/api/kernels/{kernel}")


STEPS, LINES = 20, 40  # in each step 2 MB
TALK = f"""{WAIT}
import sys
for step in range({STEPS}):
    wait(f"{{gate}}{{{{step}}}}")
    for line in range({LINES}):
        sys.stdout.write(f"{{{{step}}}}.{{{{line}}}}".ljust(50_000, ".") + "\\n")
        sys.stdout.flush()
"""
TALKED = "".join(f"{step}.{line}".ljust(50_000, ".") + "\n" for step in range(STEPS) for line in range(LINES))


def _talk(server: Server, kernel: str, gate: Path, stalling: int) -> tuple[str, list[Stream]]:
    """Forty megabytes to one client that reads, and to others that do not."""
    page = server.page(kernel)
    run = page.run(TALK.format(gate=gate))
    page.until(lambda message: message["header"]["msg_type"] == "execute_input")
    page.close()
    stalled, reading = [server.stream(kernel) for _ in range(stalling)], server.stream(kernel)
    # The kernel waits for the one that reads, so that nothing piles up but for those that stall.
    for step in range(STEPS):
        Path(f"{gate}{step}").touch()
        while f"{step}.{LINES - 1}." not in (reading.texts or [""])[-1]:
            assert reading.next() is not None
    reading.until_idle(run)
    assert reading.text == TALKED
    reading.close()
    return run, stalled


def test_clients_that_stall_lose_nothing_and_hold_up_nobody(impatient: Server, tmp_path: Path):
    kernel = impatient.kernel()
    _talk(impatient, kernel, tmp_path / "first", stalling=0)
    before = impatient.process.memory_info().rss
    run, stalled = _talk(impatient, kernel, tmp_path / "second", stalling=3)
    grown = impatient.process.memory_info().rss - before
    assert grown < len(TALKED), f"{grown >> 20} MB for three clients that do not read {len(TALKED) >> 20} MB"
    # They stall for as long as the server waits for anybody.
    clients = f'reactive_clients{{kernel="{kernel}"}} 0'
    impatient.until(lambda: clients in impatient.ask("GET", "/reactive/metrics"), "they are still waited for")
    for each in stalled:
        assert _caught_up(impatient, kernel, each, run) == TALKED
    impatient.ask("DELETE", f"/api/kernels/{kernel}")


def _caught_up(server: Server, kernel: str, stalled: Stream, run: str) -> str:
    """What it reads after all, then on a connection of its own, for the server has given it up."""
    with pytest.raises((AssertionError, OSError, websocket.WebSocketException)):
        stalled.until_idle(run)
    again = server.stream(kernel, stalled.cursor)
    again.until_idle(run)
    assert (again.gaps, again.cells) == ([], {})
    again.close()
    return stalled.text + again.text


VISITS = 100


def circles(server: Server) -> float:
    """How many objects of the server Python had to find in circles so far, as nothing else let go of them."""
    told = server.ask("GET", "/metrics").splitlines()
    counted = [line for line in told if line.startswith("python_gc_objects_collected_total{")]
    assert len(counted) == 3
    return sum(float(line.split()[1]) for line in counted)


def visits(server: Server, kernel: str) -> float:
    """How much many visits leave in circles, of all ways to leave."""
    before = circles(server)
    for visit in range(VISITS):
        stream = server.stream(kernel)
        stream.until_shown("x" * 100_000 + "\n")
        if visit % 3 == 0:
            stream.close()
        elif visit % 3 == 1:
            stream.wire.shutdown()
        else:
            stream.hello()
            stream.wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.wire.shutdown()
    return circles(server) - before


def test_a_visit_leaves_nothing_to_be_looked_for(server: Server):
    """What visits leave in circles, with all that they were told, adds up: many come before Python looks."""
    kernel = server.kernel()
    page = server.page(kernel)
    page.until_idle(page.run("print('x' * 100_000)"))
    page.close()
    # What went on in the server before may be found in the first of these.
    left = [visits(server, kernel) for _ in range(2)]
    server.ask("DELETE", f"/api/kernels/{kernel}")
    assert min(left) < 10 * VISITS, left


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
