"""Scripts: what `--to reactive_script` writes runs under plain Python and prints what the notebook prints."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from jupyter_extension.export.links import links
from jupyter_extension.export.plain import plain
from jupyter_extension.export.script import arranged, moved, script_of
from jupyter_extension.export.text import indented
from reactive_kernel.cell import Cell, CellId
from reactive_kernel.runner import Result, Standing, execute_notebook

REPOSITORY = Path(__file__).parents[2]
SPEC = {"name": "reactive", "display_name": "Python 3 (Reactive)", "language": "python"}


def translated(source: str, *known: str) -> str:
    return plain(source, known).text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("x = 1  # as it is", "x = 1  # as it is"),
        ("%matplotlib inline\nx = 1", "# Only in a notebook: %matplotlib inline\nx = 1"),
        ("!ls -l", 'shell("ls -l")'),
        ("files = !ls", 'files = lines("ls")'),
        ("!echo {x} $y $HOME {z}", 'shell("echo {x} $y $HOME {z}")'),
        ("!echo {x} $y $HOME", 'shell("echo " + str(x) + " " + str(y) + " $HOME")'),
        ("!awk '{print $1}'", "shell(\"awk '{print $1}'\")"),
        ("%cd -q data", 'os.chdir(os.path.expanduser("data"))'),
        ("%env KEY=value", 'os.environ.update({"KEY": "value"})'),
        ("here = %pwd", "here = os.getcwd()"),
        ("%run other.py", 'globals().update(runpy.run_path("other.py", run_name="__main__"))'),
        ("%time x = f(1)", "x = f(1)"),
        ("y = %time f(1)", "y = (f(1))"),
        ("%%time\nx = 1", "x = 1"),
        ("%timeit f(1)", "# Only in a notebook: %timeit f(1)"),
        ("print?", "# Only in a notebook: ?print"),
        ("%%html\n<b>x</b>", "# Only in a notebook:\n#   %%html\n#   <b>x</b>"),
        ("if x:\n    %matplotlib inline", "if x:\n    pass  # Only in a notebook: %matplotlib inline"),
        ("é = !ls\nü = %pwd", 'é = lines("ls")\nü = os.getcwd()'),
        ("%%bash\necho a", 'shell([\'bash\'], """\\\necho a\n""")'),
        ("%%capture out\nprint('''a\n  b''')", "with captured() as out:\n    print('''a\n  b''')"),
        ("%sql postgresql://u@h/d --name p", 'connect("postgresql://u@h/d", name="p")'),
        ("rows = %sql select {x} as a", 'rows = sql("select {x} as a", {"x": x})'),
        ("%sql --watch t", "# Only in a notebook: %sql --watch t"),
        (
            "%%sql top << --on frames --limit 3\nselect a from df",
            'top = sql("""\\\nselect a from df\n""", {"df": df}, on="frames", limit=3)',
        ),
        ("%%sql\nselect 1", 'sql("""\\\nselect 1\n""", show=True)'),
        ("1 +", "# Not plain Python: 1 +"),
    ],
)
def test_what_ipython_adds_becomes_plain_python(source, text):
    assert translated(source, "x", "y", "df") == text


def test_lines_inside_a_string_keep_their_place():
    assert indented('x = """a\n b\n"""\ny = f"""\n{x}\n"""\nz') == (
        '    x = """a\n b\n"""\n    y = f"""\n{x}\n"""\n    z'
    )


def standing(reads: str = "", writes: str = "", parents: str = "") -> Standing:
    return Standing(
        reads=tuple(reads.split()), writes=tuple(writes.split()), parents=tuple(map(CellId, parents.split()))
    )


def order_of(**standings: Standing) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    cells = [Cell(CellId(name), name) for name in standings]
    known = {CellId(name): each for name, each in standings.items()}
    taken = links(cells, known)
    order = arranged([cell.id for cell in cells], known, taken)
    moves = moved(order, {cell.id: number for number, cell in enumerate(cells, 1)}, known, taken)
    lines = {cell: (*each.before, *each.after) for cell, each in moves.items() if each.before or each.after}
    return " ".join(order), lines


def test_cells_stay_in_their_order_where_they_can():
    made = {"a": standing(writes="x"), "b": standing("x", "x", "a"), "c": standing("x", parents="b")}
    assert order_of(**made) == ("a b c", {})


def test_what_a_cell_needs_from_below_goes_right_before_it():
    made = {
        "a": standing(writes="x"),
        "b": standing("y x", parents="d a"),
        "c": standing(),
        "d": standing(writes="y"),
    }
    assert order_of(**made) == ("a d b c", {})


def test_a_name_is_read_before_it_is_written_anew():
    made = {
        "a": standing("x", parents="c"),
        "b": standing("y", parents="d"),
        "c": standing(writes="x"),
        "d": standing("x", "x y", "c"),
    }
    assert order_of(**made) == ("c a d b", {})


def test_a_name_that_no_order_saves_is_kept_under_another():
    made = {
        "a": standing(writes="x"),
        "b": standing("x y", parents="a d"),
        "c": standing(writes="x"),
        "d": standing("x", "y", "c"),
        "e": standing("x", parents="c"),
    }
    order, lines = order_of(**made)
    assert order == "a c d b e"
    assert lines == {
        "a": ("x_of_cell_1 = x",),
        "b": ("x = x_of_cell_1",),
        "c": ("x_of_cell_3 = x",),
        "e": ("x = x_of_cell_3",),
    }


CELLS = (
    new_markdown_cell("# Prices"),
    "print('total', double(price))",
    "price = 20",
    "%matplotlib inline\n%load_ext jupyter_extension.sql\nimport pandas as pd",
    "df = pd.DataFrame({'euros': [price * n for n in range(9)]})",
    "%%sql top << --on frames\nselect euros from df where euros > {price} order by euros desc limit 3",
    "print(top.euros.tolist())",
    "x = 1",
    "print('x', x, later)",
    "x = 2",
    "later = x",
    "print(x)",
    new_code_cell("print('before'); 1 / 0", metadata={"tags": ["raises-exception"]}),
    new_code_cell("print('never')", metadata={"tags": ["skip-execution"]}),
    "def double(x):\n    return x * 2",
    "!echo hello {price}",
    "files = !echo a; echo b\nprint(files)",
    '%%capture out\nprint("""a\nb""")',
    "print(out.stdout)",
    "import asyncio\nawait asyncio.sleep(0)\nawaited = 5",
    "print(awaited)",
    "exec('hidden = 4')",
    "print(hidden)",
    "xs = [1]",
    "print(xs)",
    "xs.append(2)",
    "print(xs)",
    new_markdown_cell("the end"),
)


@pytest.fixture(scope="module")
def result() -> Result:
    cells = [new_code_cell(each) if isinstance(each, str) else each for each in CELLS]
    return execute_notebook(new_notebook(cells=cells, metadata={"kernelspec": SPEC}))


def printed(result: Result) -> list[str]:
    texts = [
        output.text
        for cell in result.notebook.cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == "stdout"
    ]
    return sorted("".join(texts).splitlines())


def test_a_script_prints_what_the_notebook_prints(result, tmp_path):
    assert result.failed == ()
    (tmp_path / "made.py").write_text(script_of(result))
    path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "made.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    # The order of the cells is another, what they print is not.
    assert sorted(done.stdout.splitlines()) == printed(result)
    assert "ZeroDivisionError" in done.stderr


def test_a_script_says_what_it_left_out_and_in_which_order_it_is(result):
    text = script_of(result)
    assert "# In the order in which the notebook's cells need each other: 2, 14, 1, 3" in text
    assert "# It did not run: it is switched off\n#   print('never')" in text
    assert text.index("# # Prices") < text.index("print('total'") < text.index("# the end")


def test_a_script_of_an_ordinary_notebook_is_its_code():
    cells = [new_code_cell("x = 1"), new_code_cell("print(x)")]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": SPEC})
    assert script_of(execute_notebook(notebook)) == (
        "#!/usr/bin/env python3\n\n# %% cell 1\nx = 1\n\n# %% cell 2\nprint(x)\n"
    )
