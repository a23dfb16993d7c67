"""The graph and the variables beside a notebook; a long cascade."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from .pages import cell, kernel_knows, open_lab, run, select

SHOP = (
    "net = 10",
    "rate = 0.2",
    "tax = net * rate",
    "open('bill.txt', 'w').write(str(net + tax))",
    "bill = open('bill.txt').read()",
)
CELLS = 300
SLOW = 100  # milliseconds


def node(page: Page, title: str) -> Locator:
    return page.locator(".jp-reactive-Node").filter(
        has=page.locator(f"text.jp-reactive-Node-title:text-is('{title}')")
    )


def command(page: Page, name: str) -> None:
    page.evaluate("id => window.jupyterapp.commands.execute(id)", name)


@pytest.mark.parametrize("seven", [False, True], ids=["jupyterlab", "notebook 7"])
def test_the_graph_shows_who_feeds_whom_and_leads_there(lab, tab, seven):
    page = tab.page
    path = lab.notebook(f"graph-{seven}.ipynb", *SHOP)
    if seven:
        page.goto(lab.address(f"/notebooks/{path}"))
    else:
        open_lab(page, lab, path)
    kernel_knows(page)
    for place in (0, 1, 3):
        run(page, place)
        expect(cell(page, place)).to_have_attribute("data-reactive-freshness", "fresh")
    page.locator(".jp-Toolbar-item[data-jp-item-name=reactive-graph]").click()
    # Five cells, and the file between the one that writes it and the one that reads it.
    expect(page.locator(".jp-reactive-Node")).to_have_count(6)
    expect(node(page, "file")).to_contain_text("bill.txt")
    expect(node(page, "cell 3")).to_have_attribute(
        "aria-label", re.compile("up to date; writes tax; reads from cell 1, cell 2")
    )
    expect(page.locator(".jp-reactive-Wire-label", has_text="rate")).to_have_count(1)
    node(page, "cell 3").click()
    expect(cell(page, 2)).to_have_class(re.compile("jp-mod-active"))
    expect(node(page, "cell 3")).to_have_class(re.compile("jp-mod-selected"))
    expect(node(page, "cell 1")).to_have_class(re.compile("jp-mod-parent"))
    expect(node(page, "cell 4")).to_have_class(re.compile("jp-mod-child"))
    expect(cell(page, 1)).to_have_class(re.compile("jp-reactive-isParent"))
    expect(cell(page, 3)).to_have_class(re.compile("jp-reactive-isChild"))
    expect(cell(page, 3).locator(".jp-reactive-Badge")).to_contain_text("reads it")
    assert tab.complaints == []


def test_the_keyboard_walks_through_the_graph(lab, desk):
    page = desk.page
    open_lab(page, lab, lab.notebook("walk.ipynb", "a = 1", "b = a + 1", "c = b + 1"))
    kernel_knows(page)
    select(page, 0)
    page.keyboard.press("g")
    page.keyboard.press("g")
    node(page, "cell 1").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(node(page, "cell 3")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(cell(page, 1)).to_have_class(re.compile("jp-mod-active"))
    assert desk.complaints == []


def test_the_graph_follows_states_and_edits(lab, desk):
    page = desk.page
    open_lab(page, lab, lab.notebook("follow.ipynb", "a = 1 / 0", "b = a", "c = 3"))
    kernel_knows(page)
    command(page, "reactive:show-graph")
    expect(node(page, "cell 2")).to_have_attribute("data-sight", "new")
    run(page, 1)
    expect(node(page, "cell 1")).to_have_attribute("data-sight", "error")
    expect(node(page, "cell 2")).to_have_attribute("data-sight", "blocked")
    expect(page.locator(".jp-reactive-Wire")).to_have_count(1)
    cell(page, 2).locator(".cm-content").click()
    page.keyboard.press("End")
    page.keyboard.type(" + b")
    page.keyboard.press("Escape")
    select(page, 0)
    expect(page.locator(".jp-reactive-Wire")).to_have_count(2)
    assert desk.complaints == []


def test_variables_are_listed_with_their_writers_and_readers(lab, desk):
    page = desk.page
    open_lab(page, lab, lab.notebook("variables.ipynb", "words = ['a', 'b']", "count = len(words)"))
    kernel_knows(page)
    command(page, "reactive:show-variables")
    expect(page.locator(".jp-reactive-Nothing:visible")).to_have_text("There are no variables yet.")
    run(page, 0)
    row = page.locator(".jp-reactive-Variables-table tbody tr", has_text="words")
    expect(row).to_contain_text("list")
    expect(page.locator(".jp-reactive-Variables-table tbody tr")).to_have_count(2)
    row.get_by_label("Go to cell 2").click()
    expect(cell(page, 1)).to_have_class(re.compile("jp-mod-active"))
    page.locator(".jp-reactive-Variables-search").fill("int")
    expect(page.locator(".jp-reactive-Variables-table tbody tr")).to_have_count(1)
    assert desk.complaints == []


def test_a_long_cascade_leaves_the_page_free_to_draw(lab, desk):
    page = desk.page
    chain = [f"x{place} = x{place - 1} + 1" for place in range(1, CELLS)]
    open_lab(page, lab, lab.notebook("long.ipynb", "x0 = 0", *chain))
    kernel_knows(page)
    command(page, "reactive:show-graph")
    expect(page.locator(".jp-reactive-Node")).to_have_count(CELLS)
    page.evaluate(FRAMES)
    run(page, 0)
    expect(page.locator("[data-reactive-outcome=ok]")).to_have_count(CELLS, timeout=180_000)
    expect(page.locator(".jp-reactive-Status")).to_contain_text(f"{CELLS} cells have run")
    frames = page.evaluate("() => window.frames_")
    slow = [took for took in frames if took > SLOW]
    print(f"{len(frames)} frames, {len(slow)} over {SLOW} ms, the longest {max(frames):.0f} ms")
    # Drawing anew for each of the messages, of which there are more than one for each cell, would take more.
    assert len(slow) < CELLS / 4
    assert desk.complaints == []


FRAMES = """() => {
    window.frames_ = [];
    let last = performance.now();
    const count = () => {
        const now = performance.now();
        window.frames_.push(now - last);
        last = now;
        requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
}"""
