"""Notebooks that others wrote, under stock nbconvert: the kernel shows what ipykernel shows.

Each is run under both kernels, and verified in a third one; two at a time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from jupyter_core.utils import ensure_event_loop
from nbconvert.exporters import NotebookExporter
from traitlets.config import Config

from jupyter_extension.export.plain import plain
from reactive_kernel.afresh import Verified, verify_notebook
from reactive_kernel.command import main
from reactive_kernel.notebook import with_ids
from reactive_kernel.runner import Options
from reactive_kernel.verify import compare

PLACE = Path(__file__).parent / "notebooks"
NOTEBOOKS = sorted(PLACE.glob("*/*.ipynb"))
# Cells that draw from a generator that nobody seeds, by their places among all cells.
BY_CHANCE = {"Custom Display Logic": {12, 14, 16, 19, 21, 47}, "code-cells": {48}}
SECONDS = 100

each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@dataclass(frozen=True)
class Ran:
    stock: nbformat.NotebookNode
    ours: nbformat.NotebookNode
    verified: Verified


def emptied(place: Path) -> Path:
    """A directory for one run; all runs of a notebook find the same one, as some show its name."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    return place


def executed(path: Path, kernel: str, place: Path) -> nbformat.NotebookNode:
    """What nbconvert makes of a copy of the notebook."""
    config = Config()
    config.ExecutePreprocessor.update(
        {
            "enabled": True,
            "kernel_name": kernel,
            "allow_errors": True,
            "timeout": SECONDS,
            "startup_timeout": SECONDS,
            "shutdown_kernel": "immediate",
        }
    )
    copy = shutil.copy(path, emptied(place))
    text, _ = NotebookExporter(config=config).from_filename(str(copy))
    return with_ids(nbformat.reads(text, as_version=4))


def ran(path: Path, place: Path) -> Ran:
    try:
        return ran_in_this_thread(path, place)
    finally:
        # nbclient makes a loop for every thread, and leaves it.
        ensure_event_loop().close()


def ran_in_this_thread(path: Path, place: Path) -> Ran:
    own = place / path.stem
    stock, ours = executed(path, "python3", own), executed(path, "reactive", own)
    shutil.copy(path, emptied(own))
    options = Options(path=str(own), timeout=SECONDS, kernel="reactive")
    return Ran(stock, ours, verify_notebook(ours, options))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Future[Ran]]]:
    place = tmp_path_factory.mktemp("notebooks")
    with ThreadPoolExecutor(2) as pool:
        yield {path: pool.submit(ran, path, place) for path in NOTEBOOKS}
        pool.shutdown(cancel_futures=True)


def by_chance(path: Path) -> set[int]:
    return BY_CHANCE.get(path.stem, set())


def test_there_are_thirty():
    assert len(NOTEBOOKS) >= 30


@each
def test_the_kernel_shows_what_ipykernel_shows(path, runs):
    done = runs[path].result(SECONDS)
    pairs = enumerate(zip(done.stock.cells, done.ours.cells, strict=True))
    different = {
        place: change
        for place, (stock, ours) in pairs
        if stock.cell_type == "code" and (change := compare(stock.outputs, ours.outputs)) is not None
    }
    assert {place: change for place, change in different.items() if place not in by_chance(path)} == {}
    assert any(cell.execution_count for cell in done.ours.cells if cell.cell_type == "code")


@each
def test_a_fresh_run_shows_the_same(path, runs):
    done = runs[path].result(SECONDS)
    verdict = done.verified.verdict
    assert done.verified.stopped is None
    chance = {done.ours.cells[place].id for place in by_chance(path)}
    others = [
        found for found in verdict.differences if not any(f"({cell})" in found.called for cell in chance)
    ]
    failing = any(
        output.output_type == "error" for cell in done.ours.cells for output in cell.get("outputs", ())
    )
    # Behind a failed cell nothing runs in a verification; nbconvert goes on.
    assert [str(found) for found in others if not (failing and "does not run" in found.words)] == []
    assert verdict.compared


@each
def test_the_text_alone_shows_a_graph_and_no_problem_where_there_is_none(path, runs, capsys):
    assert main(["graph", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["cells"]
    code = main(["check", str(path)])
    out, err = capsys.readouterr()
    assert err == ""
    cells = runs[path].result(SECONDS).stock.cells
    failing = {
        output.ename for cell in cells for output in cell.get("outputs", ()) if output.output_type == "error"
    }
    assert code == 0 or failing & {"NameError", "SyntaxError"}, out


@each
def test_every_cell_is_python_once_it_is_translated(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            compile(plain(cell.source, ()).text, str(path), "exec", dont_inherit=True)
