"""`jupyter reactive run`, with a real kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

OLD = new_output("stream", name="stdout", text="old\n")

FIGURE = """\
%matplotlib inline
import matplotlib.pyplot as plt
plt.plot([1, 2]);"""

WIDGET = """\
from ipywidgets import Output
area = Output()
with area:
    print("inside")
area"""


@pytest.fixture(scope="module")
def ran(module_desk):
    """One notebook in which everything happens, written to another file."""
    module_desk.write(
        new_markdown_cell("# Out of order"),
        "total = double(4)\ntotal",
        "print('a')\nprint('b')",
        FIGURE,
        "handle = display('one', display_id=True)",
        "handle.update('two')",
        "from IPython.display import clear_output\nprint('x'); clear_output(wait=True); print('y')",
        new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}),
        new_code_cell("print('never')", metadata={"tags": ["skip-execution"]}, outputs=[OLD]),
        new_code_cell("print('by hand')", metadata={"reactive": {"mode": "manual"}}),
        new_code_cell("  ", outputs=[OLD], execution_count=7),
        WIDGET,
        "import sys; print('warned', file=sys.stderr)",
        "print(z)",
        "exec('z = 2')",
        "z = 1",
        "'done'",
        "import os; os.path.basename(os.getcwd())",
        "def double(x):\n    return x * factor",
        "factor = 10",
    )
    out = module_desk.place / "out.ipynb"
    return module_desk.run("run", "nb.ipynb", "--output", "out.ipynb", path=out)


def test_a_run_without_failures_ends_with_0_and_says_what_it_wrote(ran):
    assert (ran.code, ran.out, ran.err) == (0, "", "Ran 17 cells, wrote out.ipynb.\n")


def test_the_notebook_that_was_read_stays_as_it_was(ran):
    assert "double(4)" in (ran.path.parent / "nb.ipynb").read_text()
    assert "execute_result" not in (ran.path.parent / "nb.ipynb").read_text()


def test_a_helper_at_the_end_is_there_for_the_first_cell(ran):
    assert ran.shown("c2") == ["40"]
    assert ran.cell("c2").execution_count == ran.cell("c2").outputs[0].execution_count
    assert ran.cell("c2").execution_count > ran.cell("c20").execution_count


def test_text_of_one_stream_is_one_output(ran):
    assert ran.shown("c3") == ["a\nb\n"]
    assert ran.cell("c13").outputs[0].name == "stderr"


def test_a_figure_is_in_the_cell_that_drew_it(ran):
    (figure,) = ran.cell("c4").outputs
    assert figure.output_type == "display_data"
    assert figure.data["image/png"]


def test_an_update_changes_the_display_of_another_cell(ran):
    assert (ran.shown("c5"), ran.shown("c6")) == (["'two'"], [])


def test_cleared_output_is_gone(ran):
    assert ran.shown("c7") == ["y\n"]


def test_an_expected_error_is_no_failure(ran):
    assert ran.shown("c8") == ["division by zero"]


def test_cells_that_nobody_wants_run_keep_what_they_show(ran):
    assert ran.shown("c9") == ["old\n"]


def test_manual_cells_run_when_everything_is_run(ran):
    assert ran.shown("c10") == ["by hand\n"]


def test_a_cell_without_text_shows_nothing(ran):
    assert (ran.shown("c11"), ran.cell("c11").execution_count) == ([], None)


def test_an_output_widget_keeps_what_is_printed_into_it(ran):
    states = nbformat.read(ran.path, as_version=4).metadata.widgets
    models = states["application/vnd.jupyter.widget-state+json"]["state"].values()
    (area,) = [model["state"] for model in models if model["model_name"] == "OutputModel"]
    assert [output["text"] for output in area["outputs"]] == ["inside\n"]
    assert len(ran.cell("c12").outputs) == 1


def test_a_cell_that_ran_twice_shows_its_last_run(ran):
    # Only its run shows that the cell below writes `z`, nearer than the one that the text shows.
    assert ran.shown("c14") == ["2\n"]
    assert ran.cell("c14").execution_count > ran.cell("c15").execution_count


def test_the_kernel_starts_beside_the_notebook(ran):
    assert ran.shown("c18") == [repr(ran.path.parent.name)]


def test_the_file_says_nothing_of_the_time_of_the_run(ran):
    assert "iopub" not in ran.path.read_text()


def test_a_failure_names_the_cell_and_what_it_blocked(desk):
    desk.write("a = 1", "b = a / 0", new_code_cell("c = b + 1", outputs=[OLD]), "d = c", "print('fine')")
    done = desk.run("run", "nb.ipynb")
    assert done.code == 1
    assert done.err.splitlines() == [
        "cell 2 (c2) `b = a / 0` failed: ZeroDivisionError: division by zero",
        "  cell 3 (c3) `c = b + 1` did not run: It needs `b` from cell 2, which failed; repair that first.",
        "  cell 4 (c4) `d = c` did not run: It needs `c` from cell 3, which is blocked.",
        "Ran 3 cells, wrote nb.ipynb.",
    ]
    # What could run is in the file, and what could not shows nothing.
    assert (done.shown("c2"), done.shown("c3"), done.shown("c5")) == (["division by zero"], [], ["fine\n"])


def test_errors_may_be_allowed_and_cycles_are_named(desk):
    desk.write("x = y", "y = x", "1 /")
    done = desk.run("run", "nb.ipynb", "--allow-errors")
    assert done.code == 0
    cycle = "Cell 1 and cell 2 wait for each other through `x` and `y`; define one of these names above its"
    assert done.err.splitlines()[0] == f"cell 1 (c1) `x = y` did not run: {cycle} first use."
    assert "cell 3 (c3) `1 /` failed: SyntaxError: invalid syntax" in done.err
    assert done.shown("c1") == []


def test_parameters_follow_the_cell_that_is_tagged(desk, marked):
    desk.write("early = n", marked("n = 1\nname = 'x'", tags=["parameters"]), "print(n, name, flags)")
    values = ("-p", "n=5", "-p", "name=it's", "-p", "flags=[true, null]", "-p", "unused=1")
    done = desk.run("run", "nb.ipynb", *values)
    assert done.code == 0
    assert done.err.splitlines() == [
        "jupyter reactive: cell 1 takes `n` from cell 2, not from -p; "
        "move it below the cell tagged `parameters`",
        "jupyter reactive: no cell reads `unused`, which -p sets",
        "Ran 4 cells, wrote nb.ipynb.",
    ]
    cells = nbformat.read(done.path, as_version=4).cells
    assert [cell.id for cell in cells if cell is not cells[2]] == ["c1", "c2", "c3"]
    assert cells[2].metadata.tags == ["injected-parameters"]
    assert cells[2].source == '# Parameters\nn = 5\nname = "it\'s"\nflags = [True, None]\nunused = 1'
    assert done.shown("c3") == ["5 it's [True, None]\n"]


def test_a_cell_may_take_too_long(desk):
    desk.write("print('before')", "import time\nwhile True: time.sleep(0.1)", "print('after')")
    done = desk.run("run", "nb.ipynb", "--timeout", "1.5")
    assert done.code == 1
    assert done.err.splitlines() == [
        "cell 2 (c2) `import time` failed: KeyboardInterrupt: ",
        "cell 3 (c3) `print('after')` did not run",
        "jupyter reactive: cell 2 took longer than 1.5 s; what ran until then is in nb.ipynb",
    ]
    assert (done.shown("c1"), done.shown("c3")) == (["before\n"], [])


def test_an_interrupt_saves_what_there_is(desk):
    path = desk.write("print('before')", "open('began', 'w').close()\nimport time\ntime.sleep(100)")
    process = subprocess.Popen(
        desk.command("run", "nb.ipynb"),
        env=desk.environment,
        cwd=desk.place,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while not (desk.place / "began").exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (
        130,
        "jupyter reactive: interrupted; what ran until then is in nb.ipynb\n",
    )
    first, second = nbformat.read(path, as_version=4).cells
    assert first.outputs[0].text == "before\n"
    assert second.outputs[0].ename == "KeyboardInterrupt"


def test_an_interrupt_before_any_cell_ran_writes_nothing(desk):
    before = desk.write(new_code_cell("import time\ntime.sleep(30)", outputs=[OLD])).read_bytes()
    process = subprocess.Popen(
        desk.command("run", "nb.ipynb"),
        env={**desk.environment, "TMPDIR": str(desk.place)},
        cwd=desk.place,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while not list(desk.place.glob("tmp*.json")) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert err == "jupyter reactive: interrupted before any cell ran; nothing was written\n"
    assert process.returncode == 128 + signal.SIGTERM
    assert (desk.place / "nb.ipynb").read_bytes() == before


def test_a_kernel_may_die(desk):
    desk.write("print('before')", "import os, time\ntime.sleep(0.5)\nos._exit(3)", "print('after')")
    done = desk.run("run", "nb.ipynb")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "jupyter reactive: the kernel died while cell 2 was running; what ran until then is in nb.ipynb"
    )
    assert done.shown("c1") == ["before\n"]


def test_a_kernel_that_is_not_reactive_is_refused(desk):
    before = desk.write("x = 1").read_bytes()
    done = desk.run("run", "nb.ipynb", "--kernel", "python3")
    assert (done.code, done.err.splitlines()[-1]) == (
        2,
        "jupyter reactive: kernel 'python3' is not a reactive one",
    )
    assert done.path.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_a_notebook_without_code_is_written_through_a_link(desk):
    path = desk.write(new_markdown_cell("words"), name="real.ipynb")
    path.chmod(0o640)
    (desk.place / "nb.ipynb").symlink_to(path)
    done = desk.run("run", "nb.ipynb")
    assert (done.code, done.err) == (0, "Ran 0 cells, wrote nb.ipynb.\n")
    assert done.path.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_may_set_parameters_and_options_go_before_it(desk):
    desk.write("print(n, name, day, rate)")
    (desk.place / "values.yaml").write_text("n: 1\nname: yes\nday: 2026-11-21\nrate: .inf\n")
    done = desk.run("run", "nb.ipynb", "-f", "values.yaml", "-p", "n=2")
    assert (done.code, done.shown("c1")) == (0, ["2 True 2026-11-21 inf\n"])
    (desk.place / "values.yaml").write_text("- 1")
    done = desk.run("run", "nb.ipynb", "-f", "values.yaml")
    assert (done.code, done.err) == (2, "jupyter reactive: values.yaml does not map names to values\n")


def test_only_some_cells_and_what_they_need_may_run(desk, marked):
    desk.write(
        "print(helper())",
        new_code_cell("a = 1 / 0", outputs=[OLD]),
        marked("print('tagged', helper())", tags=["mine"]),
        "b = a",
        "def helper(): return k",
        "k = 3",
    )
    done = desk.run("run", "nb.ipynb", "--only", "c1", "mine")
    assert (done.code, done.err) == (0, "Ran 4 cells, wrote nb.ipynb.\n")
    assert (done.shown("c1"), done.shown("c3")) == (["3\n"], ["tagged 3\n"])
    assert (done.shown("c2"), done.cell("c4").execution_count) == (["old\n"], None)
    done = desk.run("run", "nb.ipynb", "--only", "4")
    assert done.code == 1
    assert done.err.splitlines()[:2] == [
        "cell 2 (c2) `a = 1 / 0` failed: ZeroDivisionError: division by zero",
        "  cell 4 (c4) `b = a` did not run: It needs `a` from cell 2, which failed; repair that first.",
    ]
    done = desk.run("run", "nb.ipynb", "--only", "7")
    assert (done.code, done.err) == (
        2,
        "jupyter reactive: no code cell has the id, the number or the tag '7'\n",
    )
