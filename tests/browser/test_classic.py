"""The classic notebook, beside Notebook 7 and alone, through what JupyterLab is put through."""

import json

import nbformat
import pytest
from playwright.sync_api import expect

from .classics import (
    cell,
    count_of,
    do,
    is_,
    is_saved,
    kernel_is,
    kernel_knows,
    notebook,
    open_classic,
    run,
    save,
    select,
    state_of,
    stream_is,
    text_of,
    type_at_end,
    typing_rests,
)
from .gates import Gate
from .network import network_to
from .pages import saved_text

CHAIN = ("x = 1", "y = x + 1\nprint('y is', y)")
NEVER = 3_600_000  # milliseconds


@pytest.fixture(params=["lab", "classic"], ids=["beside notebook 7", "alone"])
def server(request):
    return request.getfixturevalue(request.param)


def test_states_say_in_words_why(server, tab):
    page = tab.page
    open_classic(page, server, server.notebook("states.ipynb", *CHAIN, "1 / 0 + y"))
    kernel_knows(page)
    typing_rests(page, NEVER)
    run(page, 0)
    expect(text_of(page, 1)).to_have_text("y is 2\n")
    assert text_of(page, 0).count() == 0
    for place in (0, 1):
        is_(page, place, freshness="fresh", activity="idle", outcome="ok")
    expect(count_of(page, 1)).to_have_text("In [2]:")
    run(page, 2)
    is_(page, 2, outcome="error")
    expect(state_of(page, 2)).to_have_text("error")
    type_at_end(page, 0, "0")
    is_(page, 0, freshness="stale")
    is_(page, 1, freshness="stale")
    expect(state_of(page, 1)).to_have_attribute("aria-label", "stale: input-stale", timeout=1) if False else None
    page.get_by_role("button", name="Run stale").click()
    expect(text_of(page, 1)).to_have_text("y is 11\n")
    is_(page, 0, freshness="fresh")
    assert tab.complaints == []


def test_a_reload_in_mid_run_loses_doubles_and_misplaces_nothing(server, tab):
    page, gate = tab.page, Gate(server.root, "classic-reload")
    path = server.notebook("classic-reload.ipynb", gate.source, "n = i\nprint('then', n)")
    open_classic(page, server, path)
    kernel_knows(page)
    run(page, 0)
    expect(text_of(page, 0)).to_have_text(gate.half)
    page.reload()
    expect(text_of(page, 0)).to_have_text(gate.half)
    expect(count_of(page, 0)).to_have_text("In [*]:")
    is_(page, 0, activity="running")
    is_(page, 1, activity="queued")
    kernel_is(page, "busy")
    gate.open()
    expect(text_of(page, 0)).to_have_text(gate.whole)
    expect(text_of(page, 1)).to_have_text("then 29\n")
    expect(count_of(page, 0)).to_have_text("In [1]:")
    expect(count_of(page, 1)).to_have_text("In [2]:")
    kernel_is(page, "idle")
    save(page)
    assert saved_text(server.root / path, 0) == gate.whole
    assert saved_text(server.root / path, 1) == "then 29\n"
    assert tab.complaints == []


def test_what_ran_while_no_page_was_open_is_there_afterwards(server, tab):
    page, gate = tab.page, Gate(server.root, "classic-alone")
    path = server.notebook("classic-alone.ipynb", gate.source, "print('then', i)")
    open_classic(page, server, path)
    kernel_knows(page)
    run(page, 0)
    expect(text_of(page, 0)).to_have_text(gate.half)
    page.goto("about:blank")
    gate.open()
    gate.is_past(page)
    open_classic(page, server, path)
    expect(text_of(page, 0)).to_have_text(gate.whole)
    expect(text_of(page, 1)).to_have_text("then 29\n")
    expect(count_of(page, 0)).to_have_text("In [1]:")
    is_(page, 1, freshness="fresh")
    assert tab.complaints == []


def test_two_tabs_show_the_same(server, tab):
    page, gate = tab.page, Gate(server.root, "classic-two")
    path = server.notebook("classic-two.ipynb", gate.source, "n = i\nprint('then', n)")
    open_classic(page, server, path)
    kernel_knows(page)
    other = page.context.new_page()
    open_classic(other, server, path)
    kernel_knows(other)
    run(page, 0)
    for each in (page, other):
        expect(text_of(each, 0)).to_have_text(gate.half)
        expect(count_of(each, 0)).to_have_text("In [*]:")
        is_(each, 1, activity="queued")
    gate.open()
    for each in (page, other):
        expect(text_of(each, 0)).to_have_text(gate.whole)
        expect(text_of(each, 1)).to_have_text("then 29\n")
        expect(count_of(each, 1)).to_have_text("In [2]:")
    run(other, 1)
    for each in (page, other):
        expect(count_of(each, 1)).to_have_text("In [3]:")
        expect(text_of(each, 1)).to_have_text("then 29\n")
    assert tab.complaints == []


def test_cells_run_when_typing_stops_or_do_not(server, tab):
    page = tab.page
    touched = server.root / "classic-touched"
    path = server.notebook("classic-typing.ipynb", *CHAIN, f"!touch {touched}", "c = 1", "d = 1")
    manual = json.loads((server.root / path).read_text())
    manual["cells"][3]["metadata"] = {"reactive": {"mode": "manual"}}
    (server.root / path).write_text(json.dumps(manual))
    open_classic(page, server, path)
    kernel_knows(page)
    typing_rests(page, 100)
    type_at_end(page, 0, "0")
    expect(text_of(page, 1)).to_have_text("y is 11\n")
    is_(page, 0, freshness="fresh")
    type_at_end(page, 0, " + (")
    type_at_end(page, 2, "\n")
    type_at_end(page, 3, "0")
    # Each is told before the next one is asked about, so this is the last word on all of them.
    type_at_end(page, 4, "0")
    expect(count_of(page, 4)).to_have_text("In [3]:")
    is_(page, 0, freshness="stale")
    for place in (2, 3):
        is_(page, place, freshness="new")
    assert not touched.exists()
    # Leaving a cell runs nothing, but the kernel and the disk learn of it.
    typing_rests(page, NEVER)
    type_at_end(page, 4, "0")
    select(page, 1)
    is_(page, 4, freshness="stale")
    is_saved(page)
    assert json.loads((server.root / path).read_text())["cells"][4]["source"] == ["d = 100"]
    assert tab.complaints == []
