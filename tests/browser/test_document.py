"""The kernel knows the notebook as its user sees it, and cells run when their typing stops, or do not."""

import json
from contextlib import AbstractContextManager

from playwright.sync_api import Page, Route, WebSocket, expect

from .conftest import user_settings
from .pages import (
    cell,
    count_of,
    is_saved,
    kernel_is,
    kernel_knows,
    notebook,
    open_lab,
    run,
    select,
    stream_is,
    text_of,
)

NEVER = 3_600_000  # milliseconds
CHAIN = ("x = 1", "y = x + 1\nprint('y is', y)")

# Undo takes together what was done within half a second.
ALONE = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.undoManager.stopCapturing()"


def delay(milliseconds: int) -> AbstractContextManager[None]:
    """Typing counts as stopped after so long, in pages that are opened meanwhile."""
    return user_settings("jupyter-reactive/plugin", {"autoRunDelay": milliseconds})


def do(page: Page, command: str) -> None:
    page.evaluate("command => void window.jupyterapp.commands.execute(command)", command)


def type_at_end(page: Page, place: int, text: str) -> None:
    cell(page, place).locator(".cm-content").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(text)


def fresh(page: Page, *places: int) -> None:
    for place in places:
        expect(cell(page, place)).to_have_attribute("data-reactive-freshness", "fresh")


def test_leaving_a_cell_saves_it_and_runs_nothing(lab, tab):
    page = tab.page
    with delay(NEVER):
        path = lab.notebook("leaving.ipynb", *CHAIN)
        open_lab(page, lab, path)
        kernel_knows(page)
        run(page, 0)
        fresh(page, 0, 1)
        type_at_end(page, 0, "0")
        select(page, 1)
        expect(cell(page, 0)).to_have_attribute("data-reactive-freshness", "stale")
        is_saved(page)
    assert json.loads((lab.root / path).read_text())["cells"][0]["source"] == ["x = 10"]
    # What runs next is the first run since: leaving caused none.
    run(page, 1)
    expect(text_of(page, 1)).to_have_text("y is 11\n")
    expect(count_of(page, 0)).to_have_text("[3]:")
    assert tab.complaints == []


def test_what_should_not_run_unasked_does_not(lab, tab):
    page = tab.page
    touched = lab.root / "touched"
    sources = ("a = 1", f"!touch {touched}", "c = 1", "d = 1")
    with delay(100):
        path = lab.notebook("unasked.ipynb", *sources)
        manual = json.loads((lab.root / path).read_text())
        manual["cells"][2]["metadata"] = {"reactive": {"mode": "manual"}}
        (lab.root / path).write_text(json.dumps(manual))
        open_lab(page, lab, path)
        kernel_knows(page)
        type_at_end(page, 0, " + (")
        type_at_end(page, 1, "\n")
        type_at_end(page, 2, "0")
        # Each is told before the next one is asked about, so this is the last word on all of them.
        type_at_end(page, 3, "0")
        expect(count_of(page, 3)).to_have_text("[1]:")
        type_at_end(page, 0, "1)")
        expect(count_of(page, 0)).to_have_text("[2]:")
        for place in (1, 2):
            expect(cell(page, place)).to_have_attribute("data-reactive-freshness", "new")
    assert not touched.exists()
    assert tab.complaints == []


def test_undo_runs_what_was_there_before(lab, tab):
    page = tab.page
    with delay(200):
        open_lab(page, lab, lab.notebook("undo.ipynb", *CHAIN))
        kernel_knows(page)
        type_at_end(page, 0, "0")
        expect(text_of(page, 1)).to_have_text("y is 11\n")
        page.keyboard.press("Control+z")
        expect(text_of(page, 1)).to_have_text("y is 2\n")
        type_at_end(page, 0, "5")
        # Once by hand, and not once more when the typing has stopped.
        page.keyboard.press("Control+Enter")
        expect(text_of(page, 1)).to_have_text("y is 16\n")
        type_at_end(page, 1, " # more")
        expect(count_of(page, 1)).to_have_text("[7]:")
    assert tab.complaints == []


def test_cells_that_move_come_and_go_are_where_the_kernel_thinks(lab, desk):
    page = desk.page
    open_lab(page, lab, lab.notebook("moves.ipynb", "x = 1", "print('x is', x)", "x = 2"))
    kernel_knows(page)
    do(page, "notebook:run-all-cells")
    fresh(page, 0, 1, 2)
    expect(text_of(page, 1)).to_have_text("x is 1\n")
    select(page, 2)
    do(page, "notebook:move-cell-up")
    expect(text_of(page, 2)).to_have_text("x is 2\n")
    do(page, "notebook:cut-cell")
    expect(text_of(page, 1)).to_have_text("x is 1\n")
    select(page, 0)
    do(page, "notebook:paste-cell-below")
    expect(cell(page, 1)).to_have_attribute("data-reactive-freshness", "new")
    run(page, 1)
    expect(text_of(page, 2)).to_have_text("x is 2\n")
    select(page, 1)
    page.evaluate(ALONE)
    do(page, "notebook:delete-cell")
    expect(text_of(page, 1)).to_have_text("x is 1\n")
    do(page, "notebook:undo-cell-action")
    run(page, 1)
    expect(text_of(page, 2)).to_have_text("x is 2\n")
    select(page, 1)
    do(page, "notebook:change-cell-to-markdown")
    expect(text_of(page, 1)).to_have_text("x is 1\n")
    assert desk.complaints == []


def test_cells_that_are_split_merged_and_doubled_are_known(lab, desk):
    page = desk.page
    open_lab(page, lab, lab.notebook("splits.ipynb", "x = 1\nx = 2", "print('x is', x)"))
    kernel_knows(page)
    do(page, "notebook:run-all-cells")
    expect(text_of(page, 1)).to_have_text("x is 2\n")
    cell(page, 0).locator(".cm-content").click()
    page.keyboard.press("Control+Home")
    page.keyboard.press("End")
    do(page, "notebook:split-cell-at-cursor")
    expect(cell(page, 2)).to_be_visible()
    do(page, "notebook:run-all-cells")
    fresh(page, 0, 1, 2)
    expect(text_of(page, 2)).to_have_text("x is 2\n")
    select(page, 0)
    do(page, "notebook:merge-cell-below")
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(2)
    run(page, 0)
    fresh(page, 0, 1)
    do(page, "notebook:duplicate-below")
    expect(cell(page, 1)).to_have_attribute("data-reactive-freshness", "new")
    assert desk.complaints == []


def test_an_edit_is_told_alone(lab, tab):
    page, sent = tab.page, []

    def listen(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(str(frame)))

    page.on("websocket", listen)
    open_lab(page, lab, lab.notebook("told-alone.ipynb", "x = 1", *("pass" for _ in range(50))))
    kernel_knows(page)
    sent.clear()
    type_at_end(page, 0, "0")
    expect(count_of(page, 0)).to_have_text("[1]:")
    said = [frame for frame in sent if '"op"' in frame]
    assert [op for frame in said for op in ("sync", "edit", "run") if f'"op":"{op}"' in frame] == [
        "edit",
        "edit",
        "run",
    ]
    assert max(map(len, said)) < 1000
    assert tab.complaints == []


def test_what_runs_before_there_is_a_kernel_is_not_lost(lab, tab):
    page, held = tab.page, []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/sessions?*", hold)
    open_lab(page, lab, lab.notebook("early.ipynb", *CHAIN))
    while not held:
        page.wait_for_timeout(20)
    cell(page, 0).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(count_of(page, 0)).to_have_text("[*]:")
    for route in held:
        route.continue_()
    expect(text_of(page, 1)).to_have_text("y is 2\n")
    expect(count_of(page, 0)).to_have_text("[1]:")
    assert tab.complaints == []


def test_another_kernel_and_none_at_all(lab, desk):
    page = desk.page
    open_lab(page, lab, lab.notebook("another.ipynb", *CHAIN))
    kernel_knows(page)
    change = "name => window.jupyterapp.shell.currentWidget.sessionContext.changeKernel({ name })"
    page.evaluate(change, "python3")
    kernel_is(page, "idle")
    stream_is(page, "live")
    expect(page.locator("[data-reactive-mode], [data-reactive-freshness]")).to_have_count(0)
    run(page, 0)
    expect(count_of(page, 0)).to_have_text("[1]:")
    page.evaluate(change, "reactive")
    kernel_knows(page)
    run(page, 0)
    expect(text_of(page, 1)).to_have_text("y is 2\n")
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    expect(page.locator("[data-reactive-mode], [data-reactive-freshness]")).to_have_count(0)
    expect(notebook(page)).to_be_visible()
    assert desk.complaints == []
