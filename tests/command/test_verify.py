"""`jupyter reactive verify`, with real kernels."""

from __future__ import annotations

import signal
import subprocess
import time

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_output

NOISE = """\
import time
class Thing: pass
print(Thing(), time.perf_counter() > 0)
print({"one", "two", "three", "four", "five"})
Thing()"""

FIGURE = """\
%matplotlib inline
import matplotlib.pyplot as plt
plt.plot([1, SIZE]);"""

SEVERAL = (
    NOISE,
    "%%time\nsum(range(1000))",
    FIGURE.replace("SIZE", "2"),
    "import pandas as pd\npd.DataFrame({'a': [1, 2]})",
    "import warnings\nwarnings.warn('careful')",
    new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}),
    "from IPython.display import HTML\nHTML('<p>one</p>')",
    "print('10%\\r', end='')\nprint('100%')",
    "  ",
)


def stock(desk, cells, order, name="nb.ipynb"):
    """A notebook as plain ipykernel leaves it when its cells are run in that order, by their numbers."""
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = desk.write(*cells, name=name, kernelspec=spec)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, kernel_name="python3")
    with client.setup_kernel():
        for number in order:
            client.execute_cell(notebook.cells[number - 1], number - 1)
    nbformat.write(notebook, path)
    return path


def change(path, cell, **parts):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[cell - 1].update(parts)
    nbformat.write(notebook, path)


def shows(text, count=1):
    return {"outputs": [new_output("stream", name="stdout", text=text)], "execution_count": count}


@pytest.fixture(scope="module")
def ran(module_desk):
    """A notebook with all that differs from run to run and says nothing, as `run` wrote it."""
    module_desk.write(*SEVERAL)
    return module_desk.run("run", "nb.ipynb").path


def test_two_runs_of_one_program_are_the_same(ran, module_desk):
    before = ran.read_bytes()
    done = module_desk.run("verify", "nb.ipynb")
    assert (done.out, done.err, done.code) == ("nb.ipynb: 8 cells show what a fresh run shows.\n", "", 0)
    assert ran.read_bytes() == before


def test_each_kind_of_difference_has_its_words(ran, module_desk):
    path = ran.with_name("other.ipynb")
    path.write_bytes(ran.read_bytes())
    change(path, 3, source=FIGURE.replace("SIZE", "3"))
    change(path, 4, source="import pandas as pd\npd.DataFrame({'a': [1, 3]})")
    change(path, 5, source="import warnings\nwarnings.warn('reckless')")
    change(path, 6, source="'fine'")
    change(path, 7, source="from IPython.display import HTML\nHTML('<p>two</p>')")
    change(path, 8, source="print('99%\\r', end='')")
    done = module_desk.run("verify", "other.ipynb")
    assert done.code == 1
    unchanged = ("   ", "  @@", "  ---", "  +++")
    assert [line for line in done.out.splitlines() if not line.startswith(unchanged)] == [
        "cell 3 (c3) `%matplotlib inline` the picture differs.",
        "cell 4 (c4) `import pandas as pd` shows something else in a fresh run:",
        "  -1  2",
        "  +1  3",
        "cell 5 (c5) `import warnings` shows something else in a fresh run:",
        "  -<cell>:2: UserWarning: careful",
        "  -  warnings.warn('careful')",
        "  +<cell>:2: UserWarning: reckless",
        "  +  warnings.warn('reckless')",
        "cell 6 (c6) `'fine'` does not fail in a fresh run, as it does here "
        "(ZeroDivisionError: division by zero):",
        "  +'fine'",
        "cell 7 (c7) `from IPython.display import HTML` shows something else in a fresh run:",
        "  -one",
        "  +two",
        "cell 8 (c8) `print('99%\\r', end='')` shows something else in a fresh run:",
        "  -100%",
        "  +99%",
        "other.ipynb: 6 of 8 cells differ from a fresh run.",
    ]


def test_a_notebook_run_out_of_order_is_found_out(desk):
    stock(desk, ("price = 20", "price = 25", "print(price)"), (2, 1, 3))
    done = desk.run("verify", "nb.ipynb")
    assert done.code == 1
    assert done.out.splitlines() == [
        "cell 3 (c3) `print(price)` shows something else in a fresh run:",
        "  --- shown now",
        "  +++ a fresh run",
        "  @@ -1 +1 @@",
        "  -20",
        "  +25",
        "nb.ipynb: 1 of 3 cells differs from a fresh run.",
    ]


def test_what_a_failure_keeps_from_running_is_told_and_the_rest_compared(desk):
    stock(desk, ("a = b", "b = 1", "print(a)", "print('fine')", "print(a + 1)", "c = a"), (2, 1, 3, 4, 5))
    done = desk.run("verify", "nb.ipynb")
    assert done.code == 1
    assert done.out.splitlines() == [
        "cell 1 (c1) `a = b` fails in a fresh run (NameError: name 'b' is not defined).",
        "cell 3 (c3) `print(a)` does not run in a fresh run: "
        "It needs `a` from cell 1, which failed; repair that first:",
        "  --- shown now",
        "  +++ a fresh run",
        "  @@ -1 +0,0 @@",
        "  -1",
        "cell 5 (c5) `print(a + 1)` does not run in a fresh run: "
        "It needs `a` from cell 1, which failed; repair that first:",
        "  --- shown now",
        "  +++ a fresh run",
        "  @@ -1 +0,0 @@",
        "  -2",
        "nb.ipynb: 3 of 6 cells differ from a fresh run.",
    ]


def test_names_defined_below_are_there_for_a_kernel_that_sees_to_it(desk):
    desk.write("print(double(4))", "def double(x): return 2 * x")
    change(desk.place / "nb.ipynb", 1, **shows("8\n"))
    done = desk.run("verify", "nb.ipynb")
    assert (done.out.splitlines(), done.code) == (
        [
            "note: cell 1 ran after cell 2 below it, which it needs",
            "nb.ipynb: 2 cells show what a fresh run shows.",
        ],
        0,
    )
    done = desk.run("verify", "nb.ipynb", "--kernel", "python3")
    assert done.code == 1
    assert "cell 1 (c1) `print(double(4))` fails in a fresh run (NameError: name 'double'" in done.out


@pytest.fixture
def modes(desk, marked):
    desk.write(
        marked("x = 1", reactive={"mode": "manual"}),
        marked("raise SystemError", reactive={"mode": "off"}),
        "print(x)",
        marked("import time; print(time.time())", tags=["nbval-ignore-output"]),
        "%reactive why x",
        "%reactive verify\nprint('both')",
    )
    change(desk.place / "nb.ipynb", 3, **shows("1\n"))
    return desk


def test_cells_that_are_off_do_not_run_and_manual_ones_do(modes):
    done = modes.run("verify", "nb.ipynb")
    assert (done.out.splitlines(), done.code) == (
        [
            "note: cell 1 is manual and ran all the same; --skip-manual leaves such cells out",
            "note: cell 2 is switched off and did not run",
            "note: cell 4 was not compared: it has the tag `nbval-ignore-output`",
            "note: cell 6 was not compared: it asks the kernel about itself",
            "nb.ipynb: 2 cells show what a fresh run shows.",
        ],
        0,
    )


def test_manual_cells_can_be_left_out_with_those_that_need_them(modes):
    done = modes.run("verify", "nb.ipynb", "--skip-manual")
    assert done.code == 1
    assert "does not run in a fresh run: It needs `x` from cell 1, which has not run" in done.out
    assert "note: cell 1 is manual and was left out" in done.out


def test_a_cell_that_never_ran_here_is_no_secret(desk):
    stock(desk, ("x = 1", "print(x)"), (1,))
    done = desk.run("verify", "nb.ipynb")
    assert done.code == 1
    assert done.out.startswith(
        "cell 2 (c2) `print(x)` has not run here; it shows something else in a fresh run:"
    )


def test_a_notebook_without_outputs_has_nothing_to_compare(desk):
    desk.write("x = 1", "print(x)")
    done = desk.run("verify", "nb.ipynb")
    assert (done.code, done.out) == (2, "")
    assert "no cell has an output or an execution count" in done.err


def test_a_cell_that_takes_too_long_is_named(desk):
    desk.write("print('before')", "import time\nwhile True: time.sleep(0.1)", "print('after')")
    change(desk.place / "nb.ipynb", 1, **shows("something\n"))
    done = desk.run("verify", "nb.ipynb", "--timeout", "1.5")
    assert done.code == 2
    assert done.out.splitlines()[-2:] == ["  -something", "  +before"]
    assert done.err == "jupyter reactive: cell 2 took longer than 1.5 s; 1 cell was compared until then\n"


def test_a_kernel_that_dies_is_told_with_its_cell(desk):
    desk.write("print('before')", "import os\nos._exit(3)")
    change(desk.place / "nb.ipynb", 1, **shows("before\n"))
    done = desk.run("verify", "nb.ipynb")
    assert (done.code, done.out) == (2, "")
    assert "the kernel died while cell 2 was running; 1 cell was compared until then" in done.err


def test_an_unknown_kernel_is_refused_or_replaced(desk):
    path = desk.write("print(1)", kernelspec={"name": "gone", "display_name": "Gone", "language": "python"})
    change(path, 1, **shows("1\n"))
    done = desk.run("verify", "nb.ipynb")
    assert (done.code, done.out.splitlines()) == (
        0,
        [
            "note: its own kernel 'gone' is not installed; 'reactive' ran it",
            "nb.ipynb: 1 cell shows what a fresh run shows.",
        ],
    )
    assert desk.run("verify", "nb.ipynb", "--kernel", "gone").code == 2


def test_an_interrupt_ends_the_run_and_leaves_the_file(desk):
    path = desk.write("open('began', 'w').close()\nimport time\ntime.sleep(100)")
    change(path, 1, **shows("1\n"))
    before = path.read_bytes()
    command = desk.command("verify", "nb.ipynb")
    process = subprocess.Popen(
        command,
        env=desk.environment,
        cwd=desk.place,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 60
    while not (desk.place / "began").exists() and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err == "jupyter reactive: interrupted; 0 cells were compared until then\n"
    assert path.read_bytes() == before


def test_only_some_cells_and_what_they_need_may_be_compared(desk):
    desk.write("a = 1", "print(a)", "print('other')")
    for cell in (2, 3):
        change(desk.place / "nb.ipynb", cell, **shows("9\n"))
    done = desk.run("verify", "nb.ipynb", "--only", "c2")
    assert done.code == 1
    assert done.out.splitlines()[-3:] == ["  -9", "  +1", "nb.ipynb: 1 of 2 cells differs from a fresh run."]
