"""Two servers and one store: who loses a server finds the records at the other one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .redis_server import PASSWORD, RedisServer, redis_server
from .server import Server, running, until
from .test_losses import halves, lines

LEASE = "--ReplayApp.store_lease=8"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@contextmanager
def sharing(directory: Path, redis: RedisServer, *options: str) -> Iterator[Server]:
    """A server whose records go to that Redis; the password is in a file, as it should be."""
    directory.mkdir()
    config = directory / "jupyter_server_config.py"
    config.write_text(f"c = get_config()\nc.ReplayApp.store = {redis.url!r}\n")
    with running(directory, f"--ServerApp.config_file={config}", LEASE, *options) as server:
        yield server


@pytest.fixture(scope="module")
def server(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with sharing(tmp_path_factory.mktemp("servers") / "stays", redis) as server:
        yield server


def metric(server: Server, name: str, kernel: str) -> int:
    told = server.ask("GET", "/reactive/metrics").splitlines()
    return next(int(line.split()[1]) for line in told if line.startswith(f'{name}{{kernel="{kernel}"}}'))


def test_a_front_end_whose_server_dies_finds_its_records_at_another(
    server: Server, redis: RedisServer, tmp_path: Path
):
    gate = tmp_path / "gate"
    with sharing(tmp_path / "dies", redis) as first:
        kernel = first.kernel()
        page, stream = first.page(kernel), first.stream(kernel)
        run = page.run(halves(gate))
        stream.until(lambda message: "24" in json.dumps(message))
        # While the first one lives, the other one tells what it records, as it comes.
        live = server.stream(kernel, stream.cursor)
        gate.touch()
        live.until_idle(run)
        # A copy that is behind begins with what it has.
        assert (live.shown() if live.cells else stream.text + live.text) == lines(50)
        assert live.gaps == []
        until(lambda: metric(first, "reactive_unshared_records", kernel) == 0, "records are not shared")
        first.process.kill()
        first.process.wait()
    cursor = live.cursor
    live.until(lambda message: message["type"] == "welcome")
    assert live.closing() == 1000
    assert live.said[-1]["content"] == {"execution_state": "dead"}
    late, again = server.stream(kernel), server.stream(kernel, stream.cursor)
    assert late.shown() == lines(50)
    assert again.closing() == 1000
    assert stream.text + again.text == lines(50)
    assert cursor["epoch"] == stream.welcomes[0]["epoch"]
    for each in (live, late, again):
        each.close()
    assert PASSWORD not in server.log.read_text() + first.log.read_text()
    assert f"shared through redis://127.0.0.1:{redis.port}/0" in server.log.read_text()


def test_who_may_not_execute_and_kernels_that_nobody_knows(server: Server):
    assert server.ask("GET", "/reactive/kernels/nobody/stream", token=None) == 403
    assert server.ask("GET", "/reactive/kernels/nobody/stream") == 404


def test_a_redis_that_goes_and_comes_back_costs_nothing(server: Server, redis: RedisServer):
    kernel = server.kernel()
    page, stream = server.page(kernel), server.stream(kernel)
    stream.until_idle(page.run("print(1)", "a"))
    redis.kill()
    stream.until_idle(page.run("print(2)", "b"))
    until(lambda: "its records are not shared for now" in server.log.read_text(), "nobody is told")
    assert server.ask("GET", "/reactive/kernels/nobody/stream") == 503
    redis.start()
    until(lambda: "its records are shared again" in server.log.read_text(), "it is not found again")
    assert stream.text == "1\n2\n"
    assert PASSWORD not in server.log.read_text()
    page.close()
    stream.close()
