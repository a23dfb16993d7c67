"""A server for many tests, a log on a disk of its own, and JupyterLab's output model under Node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_extension.replay.log import Limits, Log
from jupyter_extension.replay.spill import Spill

from .server import Server, running

LAB = Path(__file__).parent / "lab"
Render = Callable[[list[dict[str, Any]]], dict[str, Any]]


@pytest.fixture
def make_log(tmp_path: Path) -> Iterator[Callable[..., Log]]:
    logs: list[Log] = []

    def make(epoch: str = "e1", **limits: Any) -> Log:
        spill = Spill(tmp_path / f"{len(logs)}.sqlite")
        logs.append(Log(epoch, spill=spill, limits=Limits(**limits)))
        return logs[-1]

    yield make
    for log in logs:
        log.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that need no settings of their own."""
    with running(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Render]:
    """Renders messages with JupyterLab's own output model."""
    bundle = tmp_path_factory.mktemp("lab") / "render.js"
    subprocess.run(["node", LAB / "build.mjs", bundle], check=True)
    with subprocess.Popen(["node", bundle], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as node:
        assert node.stdin is not None
        assert node.stdout is not None
        stdin, stdout = node.stdin, node.stdout

        def render(messages: list[dict[str, Any]]) -> dict[str, Any]:
            stdin.write(json.dumps(messages).encode() + b"\n")
            stdin.flush()
            return json.loads(stdout.readline())

        yield render
        stdin.close()
