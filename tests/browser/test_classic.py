"""The classic notebook, beside Notebook 7 and alone, through what JupyterLab is put through."""

import json
import re
from textwrap import indent

import nbformat
import pytest
from playwright.sync_api import expect

from .classics import (
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
from .network import network_to, no_stream
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
    why = "Cell 2: stale, x comes from cell 1, which is not up to date."
    expect(state_of(page, 1)).to_have_attribute("title", why)
    expect(count_of(page, 1)).to_have_attribute("title", re.compile("input-stale.*x.*c0"))
    page.get_by_role("button", name="Run stale").click()
    expect(text_of(page, 1)).to_have_text("y is 11\n")
    is_(page, 0, freshness="fresh")
    assert tab.complaints == []


def test_the_menu_and_the_buttons_say_and_change_how_cells_run(classic, tab):
    page = tab.page
    open_classic(page, classic, classic.notebook("menu.ipynb", *CHAIN))
    kernel_knows(page)
    typing_rests(page, NEVER)
    run(page, 0)
    is_(page, 1, freshness="fresh")
    page.get_by_role("button", name="Readers rerun at once").click()
    expect(notebook(page)).to_have_attribute("data-reactive-mode", "lazy")
    expect(page.get_by_role("button", name="Readers are left stale")).to_have_attribute(
        "aria-pressed", "false"
    )
    type_at_end(page, 0, "0")
    page.keyboard.press("Control+Enter")
    is_(page, 0, freshness="fresh")
    is_(page, 1, freshness="stale")
    page.get_by_role("link", name="Reactive", exact=True).click()
    page.get_by_role("menuitemcheckbox", name="Run Stale Cells").click()
    expect(text_of(page, 1)).to_have_text("y is 11\n")
    select(page, 1)
    page.get_by_role("link", name="Reactive", exact=True).click()
    page.get_by_role("menuitemcheckbox", name="Cell never runs").click()
    expect(state_of(page, 1)).to_have_text("off")
    do(page, "jupyter-notebook:move-cell-up")
    expect(state_of(page, 0)).to_have_attribute("title", re.compile("^Cell 1: off"))
    assert tab.complaints == []


def test_other_kernels_show_no_states_but_lose_nothing(classic, tab):
    page, gate = tab.page, Gate(classic.root, "classic-plain")
    open_classic(page, classic, classic.notebook("classic-plain.ipynb", gate.source, kernel="python3"))
    stream_is(page, "live")
    run(page, 0)
    expect(text_of(page, 0)).to_have_text(gate.half)
    page.reload()
    expect(text_of(page, 0)).to_have_text(gate.half)
    gate.open()
    expect(text_of(page, 0)).to_have_text(gate.whole)
    expect(count_of(page, 0)).to_have_text("In [1]:")
    kernel_is(page, "idle")
    assert page.locator("[data-reactive-mode], [data-reactive-freshness], .reactive-state").count() == 0
    expect(page.get_by_role("link", name="Reactive", exact=True)).to_be_hidden()
    assert tab.complaints == []


def test_a_cut_network_loses_nothing(classic, tab):
    page, gate = tab.page, Gate(classic.root, "classic-cut")
    with network_to(classic.port) as network:
        path = classic.notebook("classic-cut.ipynb", gate.source, "print('then', i)")
        open_classic(page, classic.behind(network.port), path)
        kernel_knows(page)
        run(page, 0)
        expect(text_of(page, 0)).to_have_text(gate.half)
        network.cut()
        stream_is(page, "lost")
        expect(page.locator("#notification_reactive")).to_have_text("Connection lost")
        gate.open()
        gate.is_past(page)
        network.mend()
        stream_is(page, "live")
        expect(text_of(page, 0)).to_have_text(gate.whole)
        expect(text_of(page, 1)).to_have_text("then 29\n")
        expect(count_of(page, 0)).to_have_text("In [1]:")


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


def test_an_output_widget_has_what_a_rerun_showed_in_it_around_a_reload(lab, tab):
    page, gate = tab.page, Gate(lab.root, "classic-area")
    area = "import ipywidgets as w\nfrom IPython.display import display\nout = w.Output()\ndisplay(out)"
    inside = f"print('before')\nwith out:\n{indent(gate.source, '    ')}\nprint('after')"
    open_classic(page, lab, lab.notebook("classic-area.ipynb", area, inside))
    kernel_knows(page)
    run(page, 0)
    expect(text_of(page, 1)).to_have_text("before\n")
    page.reload()
    expect(text_of(page, 1)).to_have_text("before\n")
    gate.open()
    expect(text_of(page, 1)).to_have_text("before\nafter\n")
    expect(text_of(page, 0).last).to_have_text(gate.whole)
    assert tab.complaints == []


def test_a_cell_that_the_page_draws_afresh_is_there_after_a_reload_but_not_what_was_cleared(classic, tab):
    page = tab.page
    open_classic(page, classic, classic.notebook("classic-afresh.ipynb", "print('kept')", "print('cleared')"))
    kernel_knows(page)
    for place, word in enumerate(("kept\n", "cleared\n")):
        run(page, place)
        expect(text_of(page, place)).to_have_text(word)
        is_(page, place, freshness="fresh")
    # What widgets do when they come late.
    page.evaluate("Jupyter.notebook.render_cell_output(Jupyter.notebook.get_cell(0))")
    page.evaluate("Jupyter.notebook.clear_output(1)")
    expect(text_of(page, 1)).to_have_count(0)
    page.reload()
    expect(text_of(page, 0)).to_have_text("kept\n")
    is_(page, 1, freshness="fresh")
    assert text_of(page, 1).count() == 0
    assert tab.complaints == []


def test_an_old_notebook_keeps_its_cells_apart_and_known(classic, tab):
    page = tab.page
    path = classic.notebook("old.ipynb", *CHAIN, "print('twice')", "print('twice')")
    old = json.loads((classic.root / path).read_text())
    old["nbformat_minor"] = 4
    for each in old["cells"]:
        del each["id"]
    (classic.root / path).write_text(json.dumps(old))
    open_classic(page, classic, path)
    kernel_knows(page)
    run(page, 0)
    expect(text_of(page, 1)).to_have_text("y is 2\n")
    run(page, 3)
    expect(text_of(page, 3)).to_have_text("twice\n")
    assert text_of(page, 2).count() == 0
    page.reload()
    # Nothing was saved: what it shows comes from the kernel's record.
    expect(text_of(page, 1)).to_have_text("y is 2\n")
    expect(count_of(page, 3)).to_have_text("In [3]:")
    is_(page, 1, freshness="fresh")
    type_at_end(page, 0, "0")
    expect(text_of(page, 1)).to_have_text("y is 11\n")
    save(page)
    page.reload()
    is_(page, 0, freshness="fresh")
    is_(page, 1, freshness="fresh")
    nbformat.validate(nbformat.read(classic.root / path, as_version=4))
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


def test_leaving_a_cell_while_the_notebook_is_being_saved_asks_nothing(classic, tab):
    page = tab.page
    path = classic.notebook("classic-saving.ipynb", *CHAIN)
    open_classic(page, classic, path)
    kernel_knows(page)
    typing_rests(page, NEVER)
    held = []

    def hold(route):
        """The first save is on the disk, and the page does not know it yet."""
        if route.request.method == "PUT" and not held:
            held.append((route, route.fetch()))
        else:
            route.continue_()

    page.route("**/api/contents/**", hold)
    with page.expect_request(lambda request: request.method == "PUT"):
        type_at_end(page, 0, "0")
        select(page, 1)
    type_at_end(page, 1, "  # y")
    select(page, 0)
    while not held:
        page.evaluate("1")
    with page.expect_request(lambda request: request.method == "PUT") as second:
        held[0][0].fulfill(response=held[0][1])
    assert second.value.response().ok
    expect(page.locator(".modal")).to_have_count(0)
    sources = [each["source"] for each in json.loads((classic.root / path).read_text())["cells"]]
    assert sources[0][0].endswith("0")
    assert sources[1][-1].endswith("# y")
    assert tab.complaints == []


def test_results_of_sql_cells_have_pages(classic, tab):
    page = tab.page
    frame = "import pandas as pd\nframe = pd.DataFrame({'n': range(120)})"
    path = classic.notebook("classic-sql.ipynb", frame, "%%sql --on frames\nselect n from frame order by n")
    open_classic(page, classic, path)
    kernel_knows(page)
    run(page, 1)
    rows = page.locator(".reactive-table tbody tr")
    expect(rows).to_have_count(50)
    expect(rows.last).to_have_text("49")
    page.get_by_role("button", name="Next rows").click()
    expect(rows.first).to_have_text("50")
    page.get_by_role("button", name="Next rows").click()
    expect(rows).to_have_count(20)
    expect(rows.last).to_have_text("119")
    expect(page.get_by_role("button", name="Next rows")).to_be_disabled()
    page.get_by_role("button", name="Previous rows").click()
    expect(rows.last).to_have_text("99")
    assert tab.complaints == []


def test_a_restarted_kernel_is_met_again(server, tab):
    page = tab.page
    open_classic(page, server, server.notebook("classic-restart.ipynb", *CHAIN))
    kernel_knows(page)
    typing_rests(page, NEVER)
    run(page, 0)
    is_(page, 1, freshness="fresh")
    page.evaluate("() => Jupyter.notebook.kernel.restart()")
    is_(page, 1, freshness="new")
    run(page, 0)
    is_(page, 1, freshness="fresh")
    expect(count_of(page, 1)).to_have_text("In [2]:")
    assert tab.complaints == []


def test_input_can_be_given_after_a_reload(server, tab):
    page = tab.page
    cells = ("name = input('who? ')\nprint('hello', name)",)
    open_classic(page, server, server.notebook("classic-input.ipynb", *cells))
    kernel_knows(page)
    run(page, 0)
    expect(page.locator(".raw_input")).to_be_visible()
    page.reload()
    page.locator(".raw_input").fill("you")
    page.locator(".raw_input").press("Enter")
    expect(text_of(page, 0)).to_contain_text("hello you")
    expect(count_of(page, 0)).to_have_text("In [1]:")
    expect(page.locator(".raw_input")).to_have_count(0)
    assert tab.complaints == []


def test_without_a_stream_live_messages_are_shown(server, tab):
    page = tab.page
    with no_stream(page):
        open_classic(page, server, server.notebook("classic-absent.ipynb", *CHAIN))
    kernel_knows(page)
    stream_is(page, "live")
    typing_rests(page, NEVER)
    run(page, 0)
    expect(text_of(page, 1)).to_have_text("y is 2\n")
    expect(count_of(page, 1)).to_have_text("In [2]:")
    run(page, 1)
    expect(count_of(page, 1)).to_have_text("In [3]:")
    expect(text_of(page, 1)).to_have_text("y is 2\n")


def test_what_is_asked_into_a_dead_connection_is_asked_again(classic, tab):
    page, log = tab.page, classic.root / "dead.log"
    with network_to(classic.port) as network:
        counted = f"open({str(log)!r}, 'a').write('run ')"
        path = classic.notebook("classic-dead.ipynb", counted, *CHAIN)
        open_classic(page, classic.behind(network.port), path)
        kernel_knows(page)
        typing_rests(page, NEVER)
        kernel_is(page, "idle")
        network.swallow(b"/channels")
        run(page, 0)
        expect(count_of(page, 0)).to_have_text("In [1]:")
        run(page, 1)
        expect(text_of(page, 2)).to_have_text("y is 2\n")
    assert log.read_text() == "run "
