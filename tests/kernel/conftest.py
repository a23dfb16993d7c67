"""Kernels for the tests: real processes, one for each module where possible."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from .conversation import TIMEOUT, Conversation

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def kernelspec(developer: object) -> Path:
    """The kernel `reactive` as it is in this checkout, installed in the tests' own home."""
    place = Path(os.environ["JUPYTER_DATA_DIR"], "kernels", "reactive")
    place.mkdir(parents=True, exist_ok=True)
    spec = json.loads((REPOSITORY / "reactive_kernel/kernelspec/kernel.json").read_text())
    spec["argv"][0] = sys.executable
    spec["env"] = {"PYTHONPATH": os.pathsep.join((str(REPOSITORY), "${PYTHONPATH}"))}
    (place / "kernel.json").write_text(json.dumps(spec))
    return place


@contextmanager
def process(path: str | None = None) -> Iterator[Conversation]:
    """A kernel of its own, shut down at the end; `path` is one more place for modules."""
    manager = KernelManager(kernel_name="reactive")
    # Under pytest ipykernel leaves what child processes print where it was.
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    if path is not None:
        environment["PYTHONPATH"] = path
    manager.start_kernel(env=environment)
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=TIMEOUT)
        conversation = Conversation(manager, client)
        yield conversation
        client = conversation.client
    finally:
        client.stop_channels()
        # Killed, it could not say which of its lines ran, where that is counted.
        manager.shutdown_kernel(now="coverage" not in sys.modules)
        manager.cleanup_resources()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    with process() as kernel:
        kernel.tells_stacks(tmp_path_factory.mktemp("stacks") / "stacks.txt")
        yield kernel


@pytest.fixture
def kernel(shared: Conversation) -> Iterator[Conversation]:
    """The module's kernel with a new comm and an empty document."""
    if shared.lost:
        shared.revive()
    shared.open()
    shared.do({"op": "configure", "mode": "auto"})
    shared.sync({})
    shared.outputs.clear()
    yield shared
    if not shared.lost:
        shared.close()


@pytest.fixture(scope="session")
def starter() -> Callable[..., AbstractContextManager[Conversation]]:
    """Starts a kernel of one's own."""
    return process


@pytest.fixture
def alone() -> Iterator[Conversation]:
    """A kernel that no other test has used, and that nobody has told a document."""
    with process() as kernel:
        yield kernel
