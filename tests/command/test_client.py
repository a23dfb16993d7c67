"""The client class, for those who use nbclient or papermill."""

from __future__ import annotations

import json
import socket

import nbformat
import papermill
import pytest
from jupyter_client.connect import LocalPortCache
from jupyter_client.manager import KernelManager
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from papermill.engines import papermill_engines
from papermill.exceptions import PapermillExecutionError

from jupyter_extension.papermill import ReactiveEngine
from reactive_kernel.client import ReactiveNotebookClient
from reactive_kernel.runner import CannotRun

SPEC = {"name": "reactive", "display_name": "Python 3 (Reactive)", "language": "python"}


@pytest.fixture(autouse=True)
def path(monkeypatch, desk):
    monkeypatch.setenv("PYTHONPATH", desk.environment["PYTHONPATH"])
    monkeypatch.chdir(desk.place)


def notebook(*sources):
    cells = [new_code_cell(each) if isinstance(each, str) else each for each in sources]
    for number, cell in enumerate(cells, 1):
        cell["id"] = f"c{number}"
    return new_notebook(cells=cells, metadata={"kernelspec": SPEC})


def shown(notebook, number):
    return [output.text for output in notebook.cells[number - 1].outputs]


def test_cells_run_after_those_that_they_need_and_listeners_hear_of_each():
    heard = []

    def hook(name):
        return lambda **about: heard.append((name, about["cell"].id))

    tagged = new_code_cell("n = 1", metadata={"tags": ["parameters"]})
    client = ReactiveNotebookClient(
        notebook(tagged, "print(double(n))", "def double(x): return 2 * x"),
        parameters={"n": 21},
        **{name: hook(name) for name in ("on_cell_start", "on_cell_executed")},
    )
    done = client.execute()
    assert shown(done, 3) == ["42\n"]
    injected = done.cells[1].id
    assert heard == [
        (name, cell)
        for cell in ("c1", injected, "c3", "c2")
        for name in ("on_cell_start", "on_cell_executed")
    ]


def test_only_some_cells_may_run():
    client = ReactiveNotebookClient(
        notebook("a = 1", "print(a)", "print('other')", "print(a, a)"), only=["2"]
    )
    done = client.execute()
    assert [cell.execution_count is not None for cell in done.cells] == [True, True, False, False]
    # A client can run its notebook again.
    assert shown(client.execute(), 2) == ["1\n"]


def test_a_failure_raises_what_nbclient_raises_and_names_what_it_blocked():
    client = ReactiveNotebookClient(notebook("a = 1 / 0", "b = a", "print('fine')"))
    with pytest.raises(CellExecutionError, match=r"(?s)a = 1 / 0.*\(c2\) `b = a` did not run") as raised:
        client.execute()
    assert raised.value.ename == "ZeroDivisionError"
    assert shown(client.nb, 3) == ["fine\n"]


def test_failures_may_be_allowed():
    names = {"allow_error_names": ["ZeroDivisionError"]}
    for allowed in ({"allow_errors": True}, names):
        done = ReactiveNotebookClient(notebook("1 / 0"), **allowed).execute()
        assert done.cells[0].outputs[0].ename == "ZeroDivisionError"
    tagged = new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]})
    with pytest.raises(CellExecutionError):
        ReactiveNotebookClient(notebook(tagged), force_raise_errors=True).execute()


def test_time_may_run_out_by_cell_and_kernels_may_die():
    slow = notebook("print('before')", "import time\nwhile True: time.sleep(0.05)")
    client = ReactiveNotebookClient(slow, timeout_func=lambda cell: 1 if "while" in cell.source else None)
    with pytest.raises(CellTimeoutError, match="cell 2 took longer than 1 s"):
        client.execute()
    assert shown(slow, 1) == ["before\n"]
    with pytest.raises(DeadKernelError, match="died while cell 1 was running"):
        ReactiveNotebookClient(notebook("import os\nos._exit(1)")).execute()


def test_a_kernel_that_one_brings_stays():
    manager = KernelManager(kernel_name="reactive")
    manager.start_kernel()
    try:
        other = ReactiveNotebookClient(notebook("x = 2", "print(x)"), manager)
        assert shown(other.execute(), 2) == ["2\n"]
        assert manager.is_alive()
    finally:
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def test_a_kernel_that_is_not_reactive_is_refused():
    with pytest.raises(CannotRun, match="'python3' is not a reactive one"):
        ReactiveNotebookClient(notebook("x = 1"), kernel_name="python3").execute()


def test_a_kernel_whose_port_somebody_took_is_started_on_others(monkeypatch):
    with socket.socket() as quicker:
        quicker.bind(("127.0.0.1", 0))
        quicker.listen()
        taken = quicker.getsockname()[1]
        first, usual = [taken], LocalPortCache.find_available_port
        monkeypatch.setattr(
            LocalPortCache, "find_available_port", lambda *asked: first.pop() if first else usual(*asked)
        )
        assert shown(ReactiveNotebookClient(notebook("print(1)")).execute(), 1) == ["1\n"]
        assert first == []


def test_a_kernel_that_never_starts_is_told(tmp_path, monkeypatch):
    spec = {"argv": ["false"], "display_name": "None", "language": "python"}
    place = tmp_path / "kernels" / "reactive"
    place.mkdir(parents=True)
    (place / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    with pytest.raises(CannotRun, match="'reactive' does not start: Kernel died before"):
        ReactiveNotebookClient(notebook("x = 1"), kernel_name="reactive").execute()


# papermill


@pytest.fixture
def engine():
    papermill_engines.register("reactive", ReactiveEngine)
    return {"engine_name": "reactive", "progress_bar": False}


def test_papermill_runs_notebooks_through_the_engine(engine):
    tagged = new_code_cell("n = 1", metadata={"tags": ["parameters"]})
    cells = (tagged, new_markdown_cell("# words"), "print(double(n))", "def double(x): return 2 * x")
    nbformat.write(notebook(*cells), "a.ipynb")
    done = papermill.execute_notebook("a.ipynb", "out.ipynb", parameters={"n": 4}, **engine)
    written = nbformat.read("out.ipynb", as_version=4)
    assert shown(done, 4) == shown(written, 4) == ["8\n"]
    assert {cell.metadata.papermill.status for cell in written.cells} == {"completed"}
    assert not written.metadata.papermill.exception


def test_papermill_tells_of_failures_of_the_engine(engine):
    nbformat.write(notebook("a = 1 / 0", "b = a", "print('fine')"), "a.ipynb")
    with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
        papermill.execute_notebook("a.ipynb", "out.ipynb", **engine)
    written = nbformat.read("out.ipynb", as_version=4)
    assert written.metadata.papermill.exception is True
    assert any(
        cell.outputs and cell.outputs[0].get("text") == "fine\n"
        for cell in written.cells
        if "outputs" in cell
    )


def test_papermill_is_told_of_cells_that_wait_for_each_other(engine):
    nbformat.write(notebook("x = y", "y = x"), "a.ipynb")
    with pytest.raises(CellExecutionError, match="wait for each other"):
        papermill.execute_notebook("a.ipynb", "out.ipynb", **engine)
