"""What the server knows of a kernel's activity is what it knows without us, though it hears less."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from zmq.eventloop.zmqstream import ZMQStream

from jupyter_extension.replay.activity import Frames, taken_over

from .server import Server, running
from .test_lifetimes import pid_of

KINDS = ("status", "stream", "comm_msg", "execute_input", "clear_output")
REQUESTS = ("execute_request", "kernel_info_request", "comm_info_request", "history_request", "")
STATES = ("starting", "busy", "idle", "restarting")
BEGINNING = "long ago"


@pytest.fixture(scope="module", params=[True, False], ids=["recorded", "stock"])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with us, and the same one without: what holds of the one holds of the other."""
    options = () if request.param else ("--ServerApp.jpserver_extensions=jupyter_extension=False",)
    extensions = ("jupyter_extension",) if request.param else ()
    with running(tmp_path_factory.mktemp("either"), *options, extensions=extensions) as server:
        yield server


def state(server: Server, kernel: str) -> str:
    return server.ask("GET", f"/api/kernels/{kernel}")["execution_state"]


def becomes(server: Server, kernel: str, expected: str) -> None:
    server.until(lambda: state(server, kernel) == expected, f"{kernel} never was {expected}")


def test_states_and_times_are_told(either: Server, tmp_path: Path):
    kernel = either.kernel()
    page = either.page(kernel)
    page.execute("import pathlib, time")
    becomes(either, kernel, "idle")
    before = either.ask("GET", f"/api/kernels/{kernel}")["last_activity"]
    gate = tmp_path / "gate"
    page.run(f"print('here')\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)")
    becomes(either, kernel, "busy")
    assert either.ask("GET", f"/api/kernels/{kernel}")["last_activity"] > before
    gate.touch()
    becomes(either, kernel, "idle")
    page.close()
    either.ask("DELETE", f"/api/kernels/{kernel}")


def test_they_are_told_of_the_process_that_follows(server: Server):
    """At once: the server's own ear might still be on its way to the new process."""
    kernel = server.kernel()
    page = server.page(kernel)
    page.execute("1")
    server.ask("POST", f"/api/kernels/{kernel}/restart")
    page.close()
    page = server.page(kernel)
    page.run("while True: pass")
    becomes(server, kernel, "busy")
    server.ask("POST", f"/api/kernels/{kernel}/interrupt")
    becomes(server, kernel, "idle")
    pid = pid_of(server, kernel)
    page.run("while True: pass")
    becomes(server, kernel, "busy")
    os.kill(pid, signal.SIGKILL)
    page.until(lambda message: message["content"].get("execution_state") == "restarting")
    page.close()
    page = server.page(kernel)
    page.execute("1")
    becomes(server, kernel, "idle")
    page.close()
    server.ask("DELETE", f"/api/kernels/{kernel}")


def test_an_idle_kernel_is_culled_and_one_that_speaks_is_not(tmp_path: Path):
    options = ("cull_idle_timeout=3", "cull_interval=1", "cull_connected=True", "cull_busy=True")
    with running(tmp_path, *(f"--MappingKernelManager.{option}" for option in options)) as server:
        kernel = server.kernel()
        page = server.page(kernel)
        # Twice as long as a kernel may be silent, and never silent for half of that.
        page.execute("import time\nfor i in range(12):\n    time.sleep(0.5)\n    print(i, flush=True)")
        assert server.ask("GET", f"/api/kernels/{kernel}")["id"] == kernel
        server.until(lambda: server.ask("GET", f"/api/kernels/{kernel}") == 404, "it was not culled")


class Watch:
    """The server's own watch over a kernel that speaks when it is told to."""

    def __init__(self, address: str) -> None:
        ear: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.SUB)
        ear.subscribe(b"")
        ear.connect(address)
        self.stream = ZMQStream(ear)
        self.session = Session(key=b"key")
        self.kernel: Any = SimpleNamespace(execution_state="starting", session=self.session)
        self.kernel.connect_iopub = lambda: self.stream
        self.manager = AsyncMappingKernelManager()
        self.manager._kernels["k"] = self.kernel  # pyright: ignore[reportPrivateUsage]  # no process is needed
        self.manager.start_watching_activity("k")

    def frames(self, kind: str, request: str, execution_state: str) -> Frames:
        parent = {"header": self.session.msg_header(request)} if request else None
        message = self.session.msg(kind, {"execution_state": execution_state}, parent=parent)
        return self.session.serialize(message)

    def known(self, told: Callable[[Frames], object], messages: list[Frames]) -> tuple[str, bool]:
        """What is known after these: the state, and whether they count as activity."""
        self.kernel.last_activity = BEGINNING
        for message in messages:
            told(message)
        return self.kernel.execution_state, self.kernel.last_activity != BEGINNING


@pytest.mark.parametrize("seed", range(100))
def test_less_is_as_good_as_all(seed: int):
    """Batches of messages at random: what is left out would have changed nothing."""

    async def scenario() -> None:
        choose = random.Random(seed)
        watch, stock = Watch("inproc://nobody"), Watch("inproc://nobody")
        hear = stock.stream._recv_callback  # pyright: ignore[reportPrivateUsage]  # as the server calls it
        activity = taken_over(watch.kernel)
        assert activity is not None
        assert hear is not None
        for _ in range(6):
            count = choose.randint(1, 9)
            drawn = [tuple(map(choose.choice, (KINDS, REQUESTS, STATES))) for _ in range(count)]
            expected = stock.known(hear, [stock.frames(*each) for each in drawn])
            watch.kernel.last_activity = BEGINNING
            for kind, request, execution_state in drawn:
                activity.note(kind, request, watch.frames(kind, request, execution_state))
            activity.tell()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert (watch.kernel.execution_state, watch.kernel.last_activity != BEGINNING) == expected, drawn
        for each in (watch, stock):
            each.stream.close()

    asyncio.run(scenario())


def test_a_watch_is_given_back_and_listens_again():
    async def scenario() -> None:
        mouth: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.XPUB)
        address = f"tcp://127.0.0.1:{mouth.bind_to_random_port('tcp://127.0.0.1')}"
        watch = Watch(address)
        assert mouth.recv() == b"\x01"
        activity = taken_over(watch.kernel)
        assert activity is not None
        assert mouth.recv() == b"\x00", "the kernel sends it nothing any more"
        activity.over()
        await asyncio.to_thread(mouth.poll, 10_000)
        assert mouth.recv() == b"\x01"
        mouth.send_multipart(watch.frames("status", "execute_request", "busy"))
        while watch.kernel.execution_state != "busy":  # noqa: ASYNC110  # the server's function tells nobody
            await asyncio.sleep(0.01)
        watch.stream.close()
        mouth.close()

    asyncio.run(scenario())


def test_a_watch_of_somebody_else_stays_as_it_is():
    async def scenario() -> None:
        watch = Watch("inproc://nobody")
        watch.stream.on_recv(lambda frames: None)
        assert taken_over(watch.kernel) is None
        watch.stream.close()
        assert taken_over(watch.kernel) is None
        assert taken_over(SimpleNamespace()) is None

    asyncio.run(scenario())
