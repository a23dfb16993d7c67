"""Kernels behind a gateway: the same stream, though no socket of theirs can be reached."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .server import ROOT, Server, Stream, kernel_gateway, running, until
from .test_losses import halves, lines, reads

Json = dict[str, Any]
WITHOUT = "--ServerApp.jpserver_extensions=jupyter_extension=False"


@contextmanager
def gateway_of(kind: str, directory: Path, instead_of: Server | None = None) -> Iterator[Server]:
    if kind == "Kernel Gateway":
        with kernel_gateway(directory, instead_of) as gateway:
            yield gateway
    else:
        # Deaf to what its kernels say first: any gateway is, for a moment.
        deaf = ("tests.replay.deaf",)
        with running(directory, WITHOUT, extensions=deaf, instead_of=instead_of) as gateway:
            yield gateway


@pytest.fixture(scope="module", params=["a server", "Kernel Gateway"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def gateway(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    place = Path(os.environ["JUPYTER_DATA_DIR"], "kernels", "reactive", "kernel.json")
    place.parent.mkdir(parents=True, exist_ok=True)
    spec = json.loads((ROOT / "reactive_kernel/kernelspec/kernel.json").read_text())
    spec["argv"][0] = sys.executable
    # A Kernel Gateway keeps its own environment from kernels.
    spec["env"] = {"PYTHONPATH": str(ROOT)}
    place.write_text(json.dumps(spec))
    with gateway_of(kind, tmp_path_factory.mktemp("gateway")) as gateway:
        yield gateway


def behind(gateway: Server) -> tuple[str, str]:
    return f"--GatewayClient.url={gateway.url}", f"--GatewayClient.auth_token={gateway.token}"


@pytest.fixture(scope="module")
def settings(gateway: Server, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Of all servers before the gateway: they share their records."""
    return *behind(gateway), f"--ReplayApp.store=sqlite:{tmp_path_factory.mktemp('shared')}/records"


@pytest.fixture(scope="module")
def server(settings: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server"), *settings) as server:
        yield server


def test_a_run_with_nobody_there_and_a_new_session(server: Server, tmp_path: Path):
    kernel, gate = server.kernel(), tmp_path / "gate"
    page = server.page(kernel)
    page.run(halves(gate))
    page.until(reads("24"))
    page.close()
    gate.touch()
    stream = server.stream(kernel)
    stream.until_shown(lines(50))
    assert stream.gaps == []
    stream.close()


def test_a_restart_and_the_end(server: Server):
    kernel = server.kernel()
    page, stream = server.page(kernel), server.stream(kernel)
    # Not the page: the stock server may lose the word that the run is over.
    stream.until_idle(page.run("print('before')", "a"))
    server.ask("POST", f"/api/kernels/{kernel}/restart")
    # Nothing runs in the new process, and the gateway may not have told what it said first.
    stream.until(lambda message: message["type"] == "welcome")
    assert "before" in stream.text
    stream.until(lambda message: message["type"] in ("message", "snapshot"))
    page.run("print('af' + 'ter')", "a")
    stream.until(lambda message: "after" in json.dumps(message))
    page.close()
    server.ask("DELETE", f"/api/kernels/{kernel}")
    assert stream.closing() == 1000
    assert stream.said[-1]["content"] == {"execution_state": "dead"}


def test_a_kernel_that_dies_is_restarted_under_a_new_epoch(server: Server):
    kernel = server.kernel()
    page, stream = server.page(kernel), server.stream(kernel)
    page.run("import os; os._exit(1)")
    stream.until(lambda message: message["type"] == "welcome")
    assert "restarting" in [said["content"].get("execution_state") for said in stream.said]
    page.close()
    stream.close()
    server.ask("DELETE", f"/api/kernels/{kernel}")


def test_buffers_come_through(server: Server):
    kernel = server.kernel()
    page, stream = server.page(kernel), server.stream(kernel)
    code = "from comm import create_comm\ncreate_comm(target_name='t', data={}, buffers=[b'\\x00\\xff'])"
    page.run(code)
    opened = stream.until(
        lambda message: message.get("msg", {}).get("header", {}).get("msg_type") == "comm_open"
    )
    assert opened["msg"]["buffers"] == ["AP8="]
    stream.close()
    page.close()


def freshness(message: dict[str, Any], cell: str) -> str | None:
    """What the message says of the cell, if it says that."""
    told = message.get("msg", {})
    if told.get("header", {}).get("msg_type") != "reactive_cells":
        return None
    return told["content"]["cells"].get(cell, {}).get("freshness")


def test_states_and_sql_of_the_reactive_kernel(server: Server):
    kernel = server.kernel("reactive")
    page, stream = server.page(kernel), server.stream(kernel)
    page.send("comm_open", {"comm_id": "r", "target_name": "reactive", "data": {"protocol": 1}})
    stream.until_idle(page.run("import pandas as pd\nn = 2", "a"))
    stream.until_idle(page.run("df = pd.DataFrame({'x': range(n)})", "b"))
    stream.until_idle(page.run("%%sql --on frames\nSELECT sum(x) AS total FROM df", "c"))
    assert "total" in json.dumps(shown(stream, "c"))
    page.run("import pandas as pd\nn = 5", "a")
    # The cascade is the kernel's own: no request of the page stands behind what `c` shows now.
    stream.until(lambda message: "10" in json.dumps(table(message)))
    stream.until(lambda message: freshness(message, "c") == "fresh")
    late = server.stream(kernel)
    told = [each for each in late.other if each["header"]["msg_type"] == "reactive_cells"]
    assert [told[0]["content"]["cells"][cell]["freshness"] for cell in "abc"] == ["fresh"] * 3
    for each in (page, stream, late):
        each.close()
    server.ask("DELETE", f"/api/kernels/{kernel}")


def shown(stream: Stream, cell: str) -> list[Json]:
    return [said["content"].get("data", {}) for said in stream.said if said["metadata"].get("cellId") == cell]


def table(message: Json) -> object:
    return message.get("msg", {}).get("content", {}).get("data", {})


def test_a_kernel_that_outlives_the_server(server: Server, settings: tuple[str, ...], tmp_path: Path):
    with running(tmp_path / "first", *settings) as first:
        kernel = first.kernel()
        page, stream = first.page(kernel), first.stream(kernel)
        stream.until_idle(page.run("print('before')", "a"))
        cursor = stream.cursor
        unshared = f'reactive_unshared_records{{kernel="{kernel}"}} 0'
        until(lambda: unshared in first.ask("GET", "/reactive/metrics"), "records are not shared")
        first.process.kill()
        first.process.wait()
    # Another server, which has never heard of it.
    stream = server.stream(kernel, cursor)
    stream.until_snapshot()
    assert stream.welcomes[0]["epoch"] != cursor["epoch"]
    assert stream.shown("a") == "before\n"
    page = server.page(kernel)
    stream.until_idle(page.run("print('alive')", "b"))
    assert stream.text == "alive\n"
    page.close()
    stream.close()


def test_a_gateway_that_dies_and_is_started_again(kind: str, gateway: Server, server: Server, tmp_path: Path):
    kernel = server.kernel()
    page, stream = server.page(kernel), server.stream(kernel)
    stream.until_idle(page.run("print('before')"))
    gateway.process.kill()
    gateway.process.wait()
    with gateway_of(kind, tmp_path / "again", gateway):
        # It knows nothing of the kernel: who reads is told that it is dead.
        assert stream.closing() == 1000
        assert stream.said[-1]["content"] == {"execution_state": "dead"}
        assert stream.text == "before\n"
        kernel = server.kernel()
        page, stream = server.page(kernel), server.stream(kernel)
        stream.until_idle(page.run("print('after')"))
        assert stream.text == "after\n"
        # Its own end would wait for a gateway that has gone by then.
        server.process.kill()
        server.process.wait()
