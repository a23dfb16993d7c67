"""Notebooks in files, and the command as people start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def kernelspec(developer: object) -> None:
    """The kernel `reactive` as it is in this checkout, installed in the tests' own home."""
    place = Path(os.environ["JUPYTER_DATA_DIR"], "kernels", "reactive")
    place.mkdir(parents=True, exist_ok=True)
    spec = json.loads((REPOSITORY / "reactive_kernel/kernelspec/kernel.json").read_text())
    spec["argv"][0] = sys.executable
    (place / "kernel.json").write_text(json.dumps(spec))


@dataclass(frozen=True)
class Done:
    """What the command did."""

    code: int
    out: str
    err: str
    path: Path

    def cell(self, identity: str) -> nbformat.NotebookNode:
        notebook = nbformat.read(self.path, as_version=4)
        return next(cell for cell in notebook.cells if cell.id == identity)

    def shown(self, identity: str) -> list[str]:
        """What each output of the cell shows as text."""
        return [
            output.get("text") or output.get("evalue") or output.data["text/plain"]
            for output in self.cell(identity).outputs
        ]


@dataclass
class Desk:
    """A directory with notebooks, and the command."""

    place: Path
    environment: Mapping[str, str] = field(
        default_factory=lambda: {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH")))),
        }
    )

    def write(
        self, *sources: str | nbformat.NotebookNode, name: str = "nb.ipynb", **metadata: object
    ) -> Path:
        """A notebook of cells `c1`, `c2`, ..., from texts or from cells."""
        cells = [new_code_cell(each) if isinstance(each, str) else each for each in sources]
        for number, cell in enumerate(cells, 1):
            cell["id"] = f"c{number}"
        path = self.place / name
        nbformat.write(new_notebook(cells=cells, metadata=metadata), path)
        return path

    def command(self, *arguments: object) -> list[str]:
        return [sys.executable, "-m", "reactive_kernel.command", *map(str, arguments)]

    def run(self, *arguments: object, path: Path | None = None) -> Done:
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            cwd=self.place,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        return Done(done.returncode, done.stdout, done.stderr, path or self.place / "nb.ipynb")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def module_desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def marked() -> Callable[..., nbformat.NotebookNode]:
    """A cell with metadata."""

    def make(source: str, **metadata: object) -> nbformat.NotebookNode:
        return new_code_cell(source, metadata=metadata)

    return make
