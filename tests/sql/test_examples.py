"""The examples run from top to bottom, with nothing set up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.ipynb"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.usefixtures("place")
def test_an_example_runs(example: Path, tmp_path: Path):
    done = tmp_path / "done.ipynb"
    command = [sys.executable, "-m", "reactive_kernel.command", "run", example, "--output", done]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False)
    assert ran.returncode == 0, ran.stderr
    cells = nbformat.read(done, as_version=4).cells
    assert all(cell.execution_count for cell in cells if cell.cell_type == "code")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_kept_without_outputs(example: Path):
    for cell in nbformat.read(example, as_version=4).cells:
        assert cell.cell_type != "code" or (cell.outputs, cell.execution_count) == ([], None), cell.id
