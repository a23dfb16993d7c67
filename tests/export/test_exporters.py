"""The exporters run the notebook in dependency order, then export as nbconvert does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbconvert.exporters import get_exporter
from nbconvert.utils.exceptions import ConversionException
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import sync_playwright
from traitlets.config import Config

from jupyter_extension.export import ReactiveHTMLExporter, ReactiveNotebookExporter

REPOSITORY = Path(__file__).parents[2]
SPEC = {"name": "reactive", "display_name": "Python 3 (Reactive)", "language": "python"}

UPSIDE_DOWN = ("print('total', double(price))", "price = 20", "def double(x):\n    return x * 2")


def notebook(*sources: str | nbformat.NotebookNode, **metadata: object) -> nbformat.NotebookNode:
    cells = [new_code_cell(each) if isinstance(each, str) else each for each in sources]
    for place, cell in enumerate(cells):
        cell["id"] = f"c{place}"
    return new_notebook(cells=cells, metadata={"kernelspec": SPEC, **metadata})


def exported(name: str, *sources: str | nbformat.NotebookNode, **options: object) -> str:
    return get_exporter(name)(**options).from_notebook_node(notebook(*sources))[0]


def test_a_notebook_is_exported_with_the_outputs_of_its_run():
    text = exported("reactive_notebook", "print('y is', x + 1)", "x = 1")
    first = nbformat.reads(text, as_version=4).cells[0]
    assert [output["text"] for output in first.outputs] == ["y is 2\n"]


def test_an_exported_notebook_differs_in_outputs_alone():
    before = notebook(
        new_markdown_cell("words"),
        *UPSIDE_DOWN,
        language_info={"name": "python"},
        title="Mine",
        other={"a": 1},
    )
    text, _ = ReactiveNotebookExporter().from_notebook_node(before)
    after = nbformat.reads(text, as_version=4)
    for cell in after.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    assert after.metadata.pop("language_info").name == before.metadata.pop("language_info").name
    assert after == before


def test_a_notebook_that_fails_is_not_exported_and_says_what_was_blocked():
    with pytest.raises(
        ConversionException, match=r"(?s)cell 2 \(c1\) `y = x / 0` failed.*\(c2\) `y` did not"
    ):
        exported("reactive_html", "x = 1", "y = x / 0", "y")


def test_what_is_known_of_execution_holds_here_too():
    config = Config()
    config.ExecutePreprocessor.update({"enabled": True, "allow_errors": True, "timeout": 50})
    exporter = ReactiveNotebookExporter(config=config)
    assert exporter.timeout == 50
    # Run a second time, from top to bottom, the first cell would fail.
    text, _ = exporter.from_notebook_node(notebook(*UPSIDE_DOWN, "1 / 0"))
    cells = nbformat.reads(text, as_version=4).cells
    assert cells[0].outputs[0].text == "total 40\n"
    assert cells[3].outputs[0].ename == "ZeroDivisionError"


def test_a_cell_that_takes_too_long_is_named():
    with pytest.raises(ConversionException, match="cell 1 took longer than 1 s"):
        exported("reactive_notebook", "while True: pass", timeout=1)


# The page

FORMULA = "Words and $E = mc^2$, and $$\\frac{1}{2}$$ and \\begin{align}a &= b\\end{align}"


@pytest.fixture(scope="module")
def page() -> str:
    cells = (
        new_markdown_cell(FORMULA),
        *UPSIDE_DOWN,
        "broken = price / 0",
        "print(broken)",
        new_code_cell("1 / 0", metadata={"tags": ["raises-exception"]}),
        new_code_cell("never", metadata={"tags": ["skip-execution"]}),
        "%load_ext jupyter_extension.sql\nimport pandas as pd\ndf = pd.DataFrame({'a': range(30)})",
        "%%sql --on frames\nselect a from df where a > 4",
        "from IPython.display import Math\nMath(r'\\sum_i x_i')",
    )
    return ReactiveHTMLExporter(allow_errors=True).from_notebook_node(notebook(*cells))[0]


def cell_in(page: str, identity: str) -> str:
    start = page.index(f'id="cell-id={identity}"')
    return page[page.rindex('class="reactive-cell"', 0, start) : start]


def test_a_page_shows_what_ran_out_of_order(page):
    assert "total 40" in page


@pytest.mark.parametrize(
    ("identity", "freshness", "outcome", "words"),
    [
        ("c1", "fresh", "ok", ('title="from cell 2"', "price", 'href="#cell-id=c3"')),
        ("c2", "fresh", "ok", ("writes", "price")),
        ("c4", "fresh", "error", ("failed", "broken")),
        ("c5", "new", "blocked", ("It needs `broken` from cell 4, which failed; repair that first.",)),
        ("c6", "fresh", "error", ("failed as it should",)),
        ("c7", "new", None, ("off",)),
    ],
)
def test_each_cell_of_a_page_tells_its_state_and_its_names(page, identity, freshness, outcome, words):
    told = cell_in(page, identity)
    assert f'data-reactive-freshness="{freshness}"' in told
    assert (f'data-reactive-outcome="{outcome}"' in told) == (outcome is not None)
    assert all(word in told for word in words), told


def test_a_page_has_the_graph_as_a_picture_and_lists_the_failures(page):
    graph = page[page.index("<svg") : page.index("</svg>")]
    assert "cell 2" in graph
    assert 'href="#cell-id=c1"' in graph
    assert "cell 5 (c5) `print(broken)` did not run" in page[: page.index("<svg")]
    assert "10 cells: 6 fresh, 1 failed, 1 failed as it should, 1 blocked, 1 off" in page


def test_a_page_needs_neither_scripts_nor_anything_from_elsewhere(page):
    assert "<script" not in page
    assert ' src="http' not in page
    assert "<link" not in page
    assert page.count("<math") == 4


def test_a_result_of_sql_is_a_static_table_with_its_count(page):
    shown = page[page.index("select</span>") :]
    assert "25 rows" in shown
    assert "<td" in shown


def test_what_needs_scripts_still_gets_them():
    assert "require" in exported("reactive_html", "from IPython.display import Javascript\nJavascript('1')")


# nbconvert as it is


@pytest.mark.parametrize("form", ["html", "notebook", "slides"])
def test_stock_exports_show_what_a_run_from_top_to_bottom_shows(form):
    config = Config()
    config.ExecutePreprocessor.enabled = True
    cells = ("x = 1", "x = x + 1", "print('x is', x)")
    text, _ = get_exporter(form)(config=config).from_notebook_node(notebook(*cells))
    assert "x is 2" in text


def convert(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-m", "nbconvert", *arguments, "nb.ipynb"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_a_stock_script_is_the_code_of_a_notebook_that_ran(tmp_path):
    language = {"name": "python", "file_extension": ".py", "nbconvert_exporter": "python"}
    cells = ("x = 1", "open('ran', 'w').close()")
    nbformat.write(notebook(*cells, language_info=language), tmp_path / "nb.ipynb")
    done = convert(tmp_path, "--execute", "--to", "script")
    assert done.returncode == 0, done.stderr
    assert "x = 1" in (tmp_path / "nb.py").read_text()
    assert (tmp_path / "ran").exists()


def test_a_failure_ends_nbconvert_with_a_status(tmp_path):
    nbformat.write(notebook("y = 1 / 0", "print(y)", "print('fine')"), tmp_path / "nb.ipynb")
    exporter = "jupyter_extension.export.ReactiveHTMLExporter"
    done = convert(tmp_path, "--to", exporter)
    assert done.returncode == 1
    assert "cell 1 (c0) `y = 1 / 0` failed: ZeroDivisionError: division by zero" in done.stderr
    assert "cell 2 (c1) `print(y)` did not run" in done.stderr
    assert not (tmp_path / "nb.html").exists()


def test_stock_webpdf_prints_with_a_chromium_that_is_there(tmp_path, monkeypatch):
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "Debian: apt-get install chromium"
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    # Where Playwright's own two browsers would be: one with windows, one without.
    without = own.parents[1].name.replace("chromium", "chromium_headless_shell")
    for place in (own, tmp_path / without / "chrome-headless-shell-linux64" / "chrome-headless-shell"):
        place.parent.mkdir(parents=True)
        place.symlink_to(chromium)
    nbformat.write(notebook("x = 1", "print('x is', x)"), tmp_path / "nb.ipynb")
    done = convert(tmp_path, "--execute", "--to", "webpdf", "--WebPDFExporter.disable_sandbox=True")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "nb.pdf").read_bytes().startswith(b"%PDF-")
