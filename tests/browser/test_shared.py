"""Pages that share one document, as jupyter-collaboration has them: each line is in it once."""

import os

import pytest
from playwright.sync_api import expect

from .conftest import running
from .gates import Gate
from .pages import cell, count_of, kernel_knows, open_lab, run, text_of


@pytest.fixture(scope="module")
def shared_lab(tmp_path_factory):
    place = tmp_path_factory.mktemp("shared")
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(place / "config")}
    del environment["JUPYTER_CONFIG_PATH"]
    root = place / "root"
    root.mkdir()
    options = ("--LabApp.expose_app_in_browser=True",)
    with running("lab", root, *options, environment=environment) as server:
        yield server


def two_pages(tab, server, path):
    page = tab.page
    open_lab(page, server, path)
    kernel_knows(page)
    other = page.context.new_page()
    open_lab(other, server, path)
    expect(cell(other, 0)).to_have_attribute("data-reactive-freshness", "new")
    assert shares(page)
    assert shares(other)
    return page, other


def shares(page):
    return page.evaluate("() => window.jupyterapp.shell.currentWidget.context.model.collaborative")


def test_runs_and_reruns_are_written_once(shared_lab, tab):
    gate = Gate(shared_lab.root, "shared")
    path = shared_lab.notebook("shared.ipynb", gate.source, "n = i\nprint('then', n)")
    pages = two_pages(tab, shared_lab, path)
    run(pages[0], 0)
    for page in pages:
        expect(text_of(page, 0)).to_have_text(gate.half)
    gate.open()
    for page in pages:
        expect(text_of(page, 0)).to_have_text(gate.whole)
        expect(text_of(page, 1)).to_have_text("then 29\n")
        expect(count_of(page, 1)).to_have_text("[2]:")
    # The page that came later asks, too; nothing is other than before, so nothing reruns.
    run(pages[1], 0)
    for page in pages:
        expect(count_of(page, 0)).to_have_text("[3]:")
        expect(text_of(page, 0)).to_have_text(gate.whole)
        expect(text_of(page, 1)).to_have_text("then 29\n")
    assert [said for said in tab.complaints if "reactive" in said] == []


@pytest.mark.parametrize("asker", [0, 1], ids=["the first page", "the second page"])
def test_who_stays_writes_on_when_the_asker_leaves(shared_lab, tab, asker):
    gate = Gate(shared_lab.root, f"leaves-{asker}")
    path = shared_lab.notebook(f"leaves-{asker}.ipynb", gate.source, "print('then', i)")
    pages = two_pages(tab, shared_lab, path)
    run(pages[asker], 0)
    stays = pages[1 - asker]
    expect(text_of(stays, 0)).to_have_text(gate.half)
    pages[asker].goto("about:blank")
    gate.open()
    gate.is_past(stays)
    expect(text_of(stays, 0)).to_have_text(gate.whole)
    expect(text_of(stays, 1)).to_have_text("then 29\n")
