"""Kernels behind a gateway: the same stream, though no socket of theirs can be reached."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .server import Server, kernel_gateway, running
from .test_losses import halves, lines, reads

WITHOUT = "--ServerApp.jpserver_extensions=jupyter_extension=False"


@pytest.fixture(scope="module", params=["a server", "Kernel Gateway"])
def gateway(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("gateway")
    if request.param == "Kernel Gateway":
        with kernel_gateway(directory) as gateway:
            yield gateway
    else:
        # Deaf to what its kernels say first: any gateway is, for a moment.
        with running(directory, WITHOUT, extensions=("tests.replay.deaf",)) as gateway:
            yield gateway


def behind(gateway: Server) -> tuple[str, str]:
    return f"--GatewayClient.url={gateway.url}", f"--GatewayClient.auth_token={gateway.token}"


@pytest.fixture(scope="module")
def server(gateway: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server"), *behind(gateway)) as server:
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


def test_a_kernel_that_outlives_the_server(gateway: Server, server: Server, tmp_path: Path):
    with running(tmp_path / "first", *behind(gateway)) as first:
        kernel = first.kernel()
        stream = first.stream(kernel)
        cursor = stream.cursor
        first.process.kill()
        first.process.wait()
    # Another server, which has never heard of it.
    stream = server.stream(kernel, cursor)
    stream.until_snapshot()
    assert stream.welcomes[0]["epoch"] != cursor["epoch"]
    page = server.page(kernel)
    stream.until_idle(page.run("print('alive')"))
    assert "alive" in stream.text
    page.close()
    stream.close()
