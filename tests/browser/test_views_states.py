"""States, reasons and modes of cells, as people see, hear and reach them."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from .conftest import user_settings
from .gates import Gate
from .pages import cell, kernel_is_idle, kernel_knows, notebook, open_lab, run, select

CHAIN = ("x = 1", "y = x + 1\ny", "z = y + 1\nz")


def badge(page: Page, place: int) -> Locator:
    return cell(page, place).locator(".jp-reactive-Badge")


def button(page: Page, place: int) -> Locator:
    return badge(page, place).locator("button")


def looks(page: Page, place: int, sight: str) -> None:
    expect(badge(page, place)).to_have_attribute("data-sight", sight)


def tool(page: Page, name: str) -> Locator:
    """A button of the notebook's toolbar."""
    return page.locator(f".jp-Toolbar-item[data-jp-item-name={name}]")


def command(page: Page, name: str, **arguments: str) -> None:
    page.evaluate("([id, args]) => window.jupyterapp.commands.execute(id, args)", [name, arguments])


def opened(page: Page, lab, name: str, *sources: str, seven: bool = False) -> None:
    path = lab.notebook(name, *sources)
    if seven:
        page.goto(lab.address(f"/notebooks/{path}"))
    else:
        open_lab(page, lab, path)
    kernel_knows(page)
    looks(page, 0, "new")


def edit(page: Page, place: int, text: str) -> None:
    """Type at the end of a cell's first line and leave it before it would run by itself."""
    cell(page, place).locator(".cm-line").first.click()
    page.keyboard.press("End")
    page.keyboard.type(text)
    page.keyboard.press("Escape")


@pytest.mark.parametrize("seven", [False, True], ids=["jupyterlab", "notebook 7"])
def test_a_stale_cell_says_why_in_words_and_leads_to_the_cause(lab, tab, seven):
    page = tab.page
    opened(page, lab, f"why-{seven}.ipynb", *CHAIN, seven=seven)
    tool(page, "reactive-mode").click()
    expect(notebook(page)).to_have_attribute("data-reactive-mode", "lazy")
    run(page, 2)
    looks(page, 2, "ok")
    edit(page, 0, "0")
    run(page, 0)
    looks(page, 1, "stale")
    expect(button(page, 1)).to_have_attribute("aria-label", "Cell 2: stale, x changed in cell 1.")
    # The kind, the names and the cells, for programs.
    expect(badge(page, 1).locator("[title*='input-changed'][title*='x'][title*='c0']")).to_have_count(1)
    button(page, 1).hover()
    tip = page.locator(".jp-reactive-Tip")
    expect(tip).to_contain_text("stale: x changed in cell 1")
    tip.locator("button", has_text="Cell 1").click()
    expect(cell(page, 0)).to_have_class(re.compile("jp-mod-active"))
    expect(tip).to_have_count(0)
    button(page, 2).click()
    expect(cell(page, 1)).to_have_class(re.compile("jp-mod-active"))
    page.locator(
        "button[title*='Run every stale cell'], [title*='Run every stale cell'] button"
    ).first.click()
    looks(page, 2, "ok")
    assert tab.complaints == []


def test_the_keyboard_reaches_the_reason_and_leaves_it(lab, desk):
    page = desk.page
    opened(page, lab, "keys.ipynb", "x = 1 / 0", "x + 1")
    run(page, 1)
    looks(page, 1, "blocked")
    kernel_is_idle(page)
    select(page, 1)
    page.keyboard.press("g")
    page.keyboard.press("w")
    expect(button(page, 1)).to_be_focused()
    expect(page.locator(".jp-reactive-Tip")).to_contain_text("blocked: x comes from cell 1, which failed")
    page.keyboard.press("Escape")
    expect(page.locator(".jp-reactive-Tip")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(cell(page, 0)).to_have_class(re.compile("jp-mod-active"))
    assert desk.complaints == []


def test_a_badge_covers_neither_the_number_nor_the_toolbar(lab, desk):
    page = desk.page
    opened(page, lab, "place.ipynb", "1")
    run(page, 0)
    looks(page, 0, "ok")
    cell(page, 0).locator(".jp-cell-toolbar").wait_for()
    overlaps = page.evaluate(
        """() => {
            const own = document.querySelector('.jp-reactive-Badge-button').getBoundingClientRect();
            const number = document.createRange();
            number.selectNodeContents(document.querySelector('.jp-InputPrompt'));
            const others = [number, ...document.querySelectorAll('.jp-cell-toolbar, .jp-InputArea-editor')];
            return others.map(other => other.getBoundingClientRect())
                .filter(({left, right}) => left < own.right && right > own.left).length;
        }"""
    )
    assert overlaps == 0
    assert desk.complaints == []


def test_every_run_can_be_seen_however_short(lab, desk):
    page = desk.page
    opened(page, lab, "flash.ipynb", *CHAIN)
    # What takes longer than a flash is drawn as running; on a busy machine anything may.
    page.evaluate(
        """() => {
            window.seen = new Set();
            const textOf = element => element.closest('.jp-CodeCell')?.querySelector('.cm-line').textContent;
            const see = element => window.seen.add(textOf(element));
            const animate = Element.prototype.animate;
            Element.prototype.animate = function(...how) {
                see(this);
                return animate.apply(this, how);
            };
            const watch = new MutationObserver(changes => changes.map(({target}) => target)
                .filter(target => target.dataset.sight === 'running').forEach(see));
            const what = {subtree: true, attributeFilter: ['data-sight']};
            watch.observe(document.querySelector('.jp-Notebook'), what);
        }"""
    )
    run(page, 0)
    looks(page, 2, "ok")
    page.wait_for_function("() => window.seen.size === 3")
    assert desk.complaints == []


def test_a_running_cell_shows_the_time_and_the_status_bar_what_is_left(lab, desk):
    page = desk.page
    opened(page, lab, "time.ipynb", "import time\ntime.sleep(600)\nx = 1", "x + 1")
    run(page, 0)
    looks(page, 0, "running")
    looks(page, 1, "queued")
    expect(badge(page, 0)).to_contain_text(re.compile(r"\d s"))
    status = page.locator(".jp-reactive-Status")
    expect(status).to_contain_text("2 cells left")
    expect(status).to_contain_text("Live")
    command(page, "notebook:interrupt-kernel")
    expect(badge(page, 0)).not_to_have_attribute("data-sight", "running")
    expect(status).not_to_contain_text("left")
    expect(status.locator(".jp-reactive-Progress")).to_be_hidden()
    assert desk.complaints == []


@pytest.mark.parametrize("seven", [False, True], ids=["jupyterlab", "notebook 7"])
def test_the_mode_of_a_cell_is_chosen_in_its_toolbar_and_kept_with_it(lab, tab, seven):
    page = tab.page
    opened(page, lab, f"mode-{seven}.ipynb", *CHAIN, seven=seven)
    select(page, 1)
    cell(page, 1).locator(".jp-cell-toolbar .jp-reactive-ModeButton button").click()
    page.locator(".lm-Menu-item", has_text="Off: Never Run").click()
    looks(page, 1, "off")
    expect(button(page, 1)).to_have_attribute("aria-label", re.compile("^Cell 2: off"))
    run(page, 0)
    looks(page, 0, "ok")
    looks(page, 1, "off")
    select(page, 1)
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(badge(page, 1)).not_to_have_attribute("data-sight", "off")
    assert tab.complaints == []


def test_the_property_inspector_sets_the_mode(lab, desk):
    page = desk.page
    opened(page, lab, "inspector.ipynb", *CHAIN)
    select(page, 2)
    command(page, "property-inspector:show-panel")
    page.locator(".jp-reactive-ModeTool select").select_option("manual")
    expect(badge(page, 2)).to_contain_text("manual")
    run(page, 0)
    looks(page, 1, "ok")
    looks(page, 2, "new")
    assert desk.complaints == []


def test_shortcuts_of_ours_are_nobody_elses(lab, desk):
    page = desk.page
    opened(page, lab, "shortcuts.ipynb", "1")
    clashes = page.evaluate(
        """() => {
            const all = window.jupyterapp.commands.keyBindings;
            const begins = (long, short) => short.every((key, place) => long[place] === key);
            const clash = (one, other) => begins(one.keys, other.keys) || begins(other.keys, one.keys);
            const ours = all.filter(({command}) => command.startsWith('reactive:'));
            const others = all.filter(({command}) => !command.startsWith('reactive:'));
            return [ours.length, ours.flatMap(one => others.filter(other => clash(one, other)).map(
                other => `${one.command} and ${other.command}: ${other.keys}`))];
        }"""
    )
    assert clashes[0] >= 7
    assert clashes[1] == []
    assert desk.complaints == []


def test_commands_are_in_menus_and_in_the_palette(lab, desk):
    page = desk.page
    opened(page, lab, "menus.ipynb", *CHAIN)
    page.locator(".lm-MenuBar-item", has_text="Run").click()
    page.locator(".lm-Menu-item", has_text="Run Stale Cells").click()
    looks(page, 2, "ok")
    command(page, "apputils:activate-command-palette")
    page.keyboard.type("dependency graph")
    expect(page.locator(".lm-CommandPalette-item", has_text="Show Dependency Graph")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".jp-reactive-Node")).to_have_count(3)
    assert desk.complaints == []


def test_in_the_dark_states_stand_out_from_the_page(lab, desk):
    page = desk.page
    opened(page, lab, "dark.ipynb", "x = 1 / 0", "x + 1")
    run(page, 1)
    looks(page, 1, "blocked")
    for theme in ("JupyterLab Dark", "JupyterLab Dark High Contrast", "JupyterLab Light"):
        page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        page.wait_for_function("theme => document.body.dataset.jpThemeName === theme", arg=theme)
        # JupyterLab stumbles over its own splash where the next one comes before this one has faded.
        page.wait_for_selector("#jupyterlab-splash", state="detached")
        assert page.evaluate(CONTRAST, ".jp-reactive-Badge[data-sight=blocked]") >= 3
        assert page.evaluate(CONTRAST, ".jp-reactive-Badge[data-sight=error]") >= 3
    assert desk.complaints == []


# How much lighter one colour is than the other, as WCAG counts; 3 is what it asks of pictures.
CONTRAST = """selector => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const light = colour => {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        const parts = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(part => part / 255)
            .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
    };
    const paper = getComputedStyle(document.querySelector('.jp-NotebookPanel-notebook')).backgroundColor;
    const ink = getComputedStyle(document.querySelector(selector)).color;
    const [low, high] = [light(paper), light(ink)].sort((one, other) => one - other);
    return (high + 0.05) / (low + 0.05);
}"""


def test_nothing_shows_on_another_kernel(lab, desk):
    page = desk.page
    open_lab(page, lab, lab.notebook("other.ipynb", "print(1)", kernel="python3"))
    kernel_is_idle(page)
    run(page, 0)
    expect(cell(page, 0).locator(".jp-OutputArea-output")).to_have_text("1\n")
    assert page.locator(".jp-reactive-Badge").count() == 0
    expect(page.locator(".jp-reactive-Status")).to_be_hidden()
    expect(tool(page, "reactive-mode")).to_be_hidden()
    assert desk.complaints == []


DETACHED = """() => {
    const { content } = window.jupyterapp.shell.currentWidget;
    return content.widgets.filter(cell => !cell.isAttached).length;
}"""
SCROLL = """() => {
    const { content } = window.jupyterapp.shell.currentWidget;
    content.activeCellIndex = content.widgets.length - 1;
    return content.scrollToItem(content.widgets.length - 1, 'center');
}"""


def test_cells_out_of_the_page_are_right_when_scrolled_to(lab, tab):
    page = tab.page
    tall = "\n".join(["#"] * 30)
    sources = ["x = 1", *(f"{tall}\nprint(x + {place})" for place in range(1, 20))]
    with user_settings("@jupyterlab/notebook-extension/tracker", {"windowingMode": "full"}):
        opened(page, lab, "windowed.ipynb", *sources)
        assert page.evaluate(DETACHED) > 10
        page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        kernel_is_idle(page)
        page.evaluate(SCROLL)
        last = cell(page, 19)
        expect(last.locator(".jp-OutputArea-output")).to_have_text("20\n")
        expect(last.locator(".jp-reactive-Badge[data-sight=ok]")).to_be_visible()
        # A rerun while they are away.
        page.evaluate("() => window.jupyterapp.shell.currentWidget.content.scrollToItem(0)")
        cell(page, 0).locator(".cm-content").click()
        page.keyboard.press("Control+a")
        page.keyboard.type("x = 100")
        page.keyboard.press("Control+Enter")
        expect(last).not_to_be_in_viewport()
        expect(cell(page, 1).locator(".jp-OutputArea-output")).to_have_text("101\n")
        page.evaluate(SCROLL)
        expect(last.locator(".jp-OutputArea-output")).to_have_text("119\n")
        expect(last).to_have_attribute("data-reactive-freshness", "fresh")
        expect(last.locator(".jp-reactive-Badge[data-sight=ok]")).to_be_visible()
    assert tab.complaints == []


def test_the_clock_of_a_running_cell_goes_on_after_a_reload(lab, tab):
    page, gate = tab.page, Gate(lab.root, "clock")
    opened(page, lab, "clock.ipynb", gate.source)
    run(page, 0)
    clock = cell(page, 0).locator(".jp-reactive-Badge-word")
    expect(clock).to_have_text(re.compile(r"^[2-9]\.\d s$"))
    before = clock.text_content()
    page.reload()
    expect(clock).to_have_text(re.compile(r"\d"))
    # In minutes and seconds where the page took long.
    after = clock.text_content()
    assert ":" in after or float(after.split()[0]) > float(before.split()[0])
    gate.open()
    looks(page, 0, "ok")
    assert tab.complaints == []
