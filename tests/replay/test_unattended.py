"""Outputs reach the notebook on disk though nobody is there, and never over somebody else's change."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from .server import Server, running
from .test_losses import halves, reads


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = ("--ReplayApp.save_unattended=True", "--ReplayApp.unattended_interval=0.2")
    with running(tmp_path_factory.mktemp("server"), *options) as server:
        yield server


def opened(server: Server, name: str, **sources: str) -> tuple[str, Path]:
    """A notebook of these cells, and its kernel."""
    path = server.log.parent / name
    cells = [new_code_cell(source, id=cell) for cell, source in sources.items()]
    nbformat.write(new_notebook(cells=cells), path)
    asked = {"path": name, "name": name, "type": "notebook", "kernel": {"name": "python3"}}
    return server.ask("POST", "/api/sessions", asked)["kernel"]["id"], path


def outputs(server: Server, path: Path) -> dict[str, Any]:
    # While it is being written, the file is for a moment no notebook.
    answers = iter(lambda: server.ask("GET", f"/api/contents/{path.name}"), None)
    cells = next(answer for answer in answers if isinstance(answer, dict))["content"]["cells"]
    return {cell["id"]: "".join(output.get("text", "") for output in cell["outputs"]) for cell in cells}


def test_what_a_kernel_says_to_nobody_is_written(server: Server, tmp_path: Path):
    gate = tmp_path / "gate"
    code = halves(gate)
    kernel, path = opened(server, "alone.ipynb", a=code, b="edited since")
    page = server.page(kernel)
    page.execute("print('of another text')", "b")
    page.run(code, "a")
    page.until(reads("24"))
    assert outputs(server, path) == {"a": "", "b": ""}
    page.close()
    gate.touch()
    server.until(lambda: outputs(server, path)["a"].endswith("49\n"), "nothing was written")
    assert outputs(server, path)["b"] == ""


def test_a_change_by_somebody_else_is_left_alone(server: Server, tmp_path: Path):
    gate = tmp_path / "gate"
    code = halves(gate)
    kernel, path = opened(server, "shared.ipynb", a=code)
    page = server.page(kernel)
    page.run(code, "a")
    page.until(reads("24"))
    page.close()
    os.utime(path, (time.time() + 60, time.time() + 60))
    gate.touch()
    server.until(lambda: "stay out of shared.ipynb" in server.log.read_text(), "nobody looked")
    assert outputs(server, path) == {"a": ""}
