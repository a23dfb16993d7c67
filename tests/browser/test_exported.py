"""JupyterLab finds nothing to change in a notebook that was exported in the order of dependency."""

import json
import subprocess
import sys

from playwright.sync_api import expect

from .pages import is_saved, kernel_is_idle, kernel_knows, open_lab, text_of

UPSIDE_DOWN = ("print('total', double(price))", "price = 20", "def double(x):\n    return x * 2")


def without_outputs(notebook: dict) -> dict:
    cells = [{**cell, "outputs": [], "execution_count": None} for cell in notebook["cells"]]
    metadata = {key: value for key, value in notebook["metadata"].items() if key != "language_info"}
    return {**notebook, "cells": cells, "metadata": metadata}


def test_lab_changes_nothing_in_an_exported_notebook(lab, desk):
    page = desk.page
    written = lab.root / lab.notebook("written.ipynb", *UPSIDE_DOWN)
    # As JupyterLab names it.
    named = written.read_text().replace('"display_name": "reactive"', '"display_name": "Python 3 (Reactive)"')
    written.write_text(named)
    done = [sys.executable, "-m", "nbconvert", "--to", "reactive_notebook", "--output", "exported", written]
    subprocess.run(done, cwd=lab.root, check=True, capture_output=True, timeout=100)
    exported = json.loads((lab.root / "exported.ipynb").read_text())
    open_lab(page, lab, "exported.ipynb")
    kernel_knows(page)
    kernel_is_idle(page)
    expect(text_of(page, 0)).to_have_text("total 40\n")
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
    is_saved(page)
    saved = json.loads((lab.root / "exported.ipynb").read_text())
    assert saved == exported
    assert without_outputs(saved) == without_outputs(json.loads(written.read_text()))
    assert desk.complaints == []
