"""Notebooks written top to bottom give the same outputs, byte for byte, as under ipykernel."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

NOTEBOOKS: dict[str, Sequence[str]] = {
    "names and text": (
        "x = 1\nprint(x)",
        "def double(n): return n * 2\ndouble(x)",
        "x = 5\nprint(double(x)); x",
        "print(x); x += 1; print(x)",
        "import sys; print('out'); print('err', file=sys.stderr); print('out')",
        "x;",
        "",
        "# nothing",
    ),
    "results and history": (
        "1 + 1",
        "_ * 21",
        "print(_, __, Out, In[1])",
        "_i, _ii",
        "_2 + _1",
        "%history -n 1-2",
        "In[:2]",
        "Out.keys()",
    ),
    "errors": (
        "x = 1 / 0",
        "print('goes on')",
        "x",
        "def f():\n    raise ValueError('deep')\nf()",
        "y = = 2",
        "import sys; sys.exit(3)",
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise RuntimeError('chained') from e",
        "assert False, 'no'",
        "print('end')",
    ),
    "displays": (
        "from IPython.display import HTML, Markdown, clear_output, display, update_display",
        "display(HTML('<b>bold</b>'), Markdown('*it*')); display({'text/plain': 'raw'}, raw=True)",
        "h = display('first', display_id='shown')",
        "update_display('second', display_id='shown'); h.update('third')",
        "print('gone'); clear_output(); print('stays')",
        "print('gone'); clear_output(wait=True)",
        "class Rich:\n    def _repr_html_(self): return '<i>rich</i>'\n"
        "    def __repr__(self): return 'rich'\nRich()",
        "display(Rich(), metadata={'text/html': {'isolated': True}})",
    ),
    "figures": (
        "%matplotlib inline\nimport matplotlib.pyplot as plt",
        "plt.plot([1, 2, 3]);",
        "fig, ax = plt.subplots(); ax.bar(['a', 'b'], [1, 2])",
        "fig",
        "plt.close('all'); print('closed')",
    ),
    "tables": (
        "import pandas as pd, numpy as np",
        "df = pd.DataFrame({'a': np.arange(4), 'b': list('wxyz')}); df",
        "df['c'] = df['a'] ** 2\ndf = df[df.a > 1]",
        "df",
        "df.describe()",
        "df.a.sum()",
    ),
    "magics": (
        "%env READY=1",
        "import os; os.environ['READY']",
        "%%bash\necho from bash; echo oops >&2",
        "%%bash --out text\necho kept",
        "text",
        "!echo shell",
        "files = !printf 'a\\nb\\n'\nfiles",
        "%%capture out\nprint('caught'); 1 + 1",
        "out.stdout, out.outputs",
        "%%writefile made.txt\nline",
        "%cat made.txt",
        "%who_ls str",
        "%pwd\n1",
        "%nonsense",
        "len?",
        "%%javascript\n1",
    ),
    "async": (
        "import asyncio\nasync def slow(n):\n    await asyncio.sleep(0.01); print(n); return n",
        "await slow(1)",
        "await asyncio.gather(*(slow(n) for n in range(3)))",
        "async with asyncio.timeout(5) if hasattr(asyncio, 'timeout') else asyncio.Lock():\n    print('in')",
        "task = asyncio.create_task(slow(7)); await task",
        "await asyncio.sleep(0); 1 / 0",
    ),
    "names rebound and mutated": (
        "xs = [1]\nxs.append(2)",
        "ys = xs; ys.append(3); xs",
        "xs = xs + [4]; ys, xs",
        "for i in range(2): xs.append(i)\nxs",
        "del ys\n'ys' in globals()",
        "globals()['made'] = 9; made",
        "exec('other = made + 1'); other",
        "from math import *\nsqrt(16)",
    ),
}


def notebook(sources: Sequence[str], kernel: str) -> Any:
    cells = [new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
    document = new_notebook(cells=[new_markdown_cell("# Title", id="title"), *cells])
    document.metadata.kernelspec = {"name": kernel, "display_name": kernel, "language": "python"}
    return document


def run(arguments: Sequence[str], place: Path, typed: str | None = None, timeout: float = 100) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    # Tracebacks, and what `hash` orders, are to be the same in both processes.
    environment |= {"PYTHONHASHSEED": "0"}
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=place,
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def outputs(file: Path) -> str:
    """The outputs of every cell, without what names the process or the time."""
    document = nbformat.read(file, as_version=4)
    shown = [
        {"outputs": joined(cell.outputs), "execution_count": cell.execution_count}
        for cell in document.cells
        if cell.cell_type == "code"
    ]
    text = json.dumps(shown, indent=1, sort_keys=True)
    return re.sub(r"ipykernel_\d+/\d+\.py", "ipykernel_N/N.py", re.sub(r"0x[0-9a-f]+", "0x", text))


def joined(shown: Sequence[Any]) -> list[Any]:
    """The outputs with the text of one stream in one piece: where it is cut, only time decides."""
    whole: list[Any] = []
    for output in shown:
        if whole and output.output_type == "stream" and whole[-1].get("name") == output.name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


NBCONVERT = (
    "nbconvert",
    "--to",
    "notebook",
    "--execute",
    "--allow-errors",
    "--output",
    "done.ipynb",
    "in.ipynb",
)


def executed(command: Sequence[str], sources: Sequence[str], kernel: str, place: Path) -> str:
    place.mkdir()
    nbformat.write(notebook(sources, kernel), place / "in.ipynb")
    run(command, place)
    return outputs(place / "done.ipynb")


def same(command: Sequence[str], sources: Sequence[str], folder: Path) -> None:
    # One place for both, one after the other: paths may be shown.
    place = folder / "work"
    reactive = executed(command, sources, "reactive", place)
    place.rename(folder / "reactive")
    assert reactive == executed(command, sources, "python3", place)


@pytest.mark.parametrize("part", [slice(0, 3), slice(3, None)], ids=["basics", "libraries"])
def test_nbconvert_gives_the_same_outputs(part: slice, tmp_path: Path):
    # Few notebooks: most of the time goes into starting programs.
    titles = sorted(NOTEBOOKS, key=lambda title: title != "results and history")[part]
    same(NBCONVERT, [source for title in titles for source in NOTEBOOKS[title]], tmp_path)


def test_papermill_gives_the_same_outputs(tmp_path: Path):
    sources = [source for title in ("names and text", "displays", "tables") for source in NOTEBOOKS[title]]
    command = ("papermill", "in.ipynb", "done.ipynb", "--no-progress-bar", "-p", "given", "3")
    same(command, [*sources, "print(given)"], tmp_path)


def test_papermill_stops_at_an_error(tmp_path: Path):
    nbformat.write(notebook(("x = 1", "1 / 0", "print('never')"), "reactive"), tmp_path / "in.ipynb")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        run(("papermill", "in.ipynb", "done.ipynb", "--no-progress-bar"), tmp_path)
    assert "never\\n" not in outputs(tmp_path / "done.ipynb")


def eventually(attempt: Callable[[], str]) -> str:
    """Every other time jupyter_console waits for ever at its first prompt, with any kernel: start again."""
    for _ in range(9):
        with suppress(subprocess.TimeoutExpired):
            return attempt()
    return attempt()


@pytest.mark.timeout(200)
def test_the_console_prints_the_same(tmp_path: Path):
    typed = "x = 1\nx + 1\n_ * 2\nprint('text')\n1 / 0\nx = 5\nx\ny\n!echo shell\nexit()\n"

    def printed(kernel: str) -> str:
        command = ("jupyter_console", "--simple-prompt", "--kernel", kernel)
        said = eventually(lambda: run(command, tmp_path, typed, timeout=9))
        # The banner brings another tip every time.
        said = re.sub(r"^Tip: .*\n", "", said, flags=re.MULTILINE)
        return re.sub(r"ipykernel_\d+/\d+\.py", "ipykernel_N/N.py", said)

    assert printed("reactive") == printed("python3")
