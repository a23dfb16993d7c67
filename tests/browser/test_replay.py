"""Nothing that a kernel says is lost on its way to the page, whatever happens in between."""

import os
import signal

import pytest
from playwright.sync_api import expect

from .conftest import running
from .gates import Gate
from .network import network_to, no_stream
from .pages import (
    cell,
    count_of,
    is_saved,
    kernel_is,
    kernel_is_idle,
    kernel_knows,
    open_lab,
    run,
    save,
    saved_text,
    stream_is,
    text_of,
)

CHAIN = ("x = 1", "y = x + 1\nprint('y is', y)")


@pytest.mark.parametrize("kernel", ["reactive", "python3"])
def test_a_reload_in_mid_run_loses_doubles_and_misplaces_nothing(lab, tab, kernel):
    page, gate = tab.page, Gate(lab.root, f"reload-{kernel}")
    path = lab.notebook(f"reload-{kernel}.ipynb", gate.source, "print('second')", kernel=kernel)
    open_lab(page, lab, path)
    stream_is(page, "live")
    kernel_is_idle(page)
    run(page, 0)
    expect(text_of(page, 0)).to_have_text(gate.half)
    page.reload()
    expect(text_of(page, 0)).to_have_text(gate.half)
    expect(count_of(page, 0)).to_have_text("[*]:")
    kernel_is(page, "busy")
    gate.open()
    expect(text_of(page, 0)).to_have_text(gate.whole)
    expect(count_of(page, 0)).to_have_text("[1]:")
    kernel_is_idle(page)
    assert text_of(page, 1).count() == 0
    save(page)
    is_saved(page)
    assert saved_text(lab.root / path, 0) == gate.whole
    assert tab.complaints == []


def test_what_ran_while_no_page_was_open_is_there_afterwards(lab, tab):
    page, gate = tab.page, Gate(lab.root, "alone")
    path = lab.notebook("alone.ipynb", gate.source, "print('then', i)")
    open_lab(page, lab, path)
    kernel_knows(page)
    run(page, 0)
    expect(text_of(page, 0)).to_have_text(gate.half)
    page.goto("about:blank")
    gate.open()
    gate.is_past(page)
    open_lab(page, lab, path)
    expect(text_of(page, 0)).to_have_text(gate.whole)
    expect(text_of(page, 1)).to_have_text("then 29\n")
    expect(count_of(page, 0)).to_have_text("[1]:")
    expect(cell(page, 1)).to_have_attribute("data-reactive-freshness", "fresh")
    assert tab.complaints == []


def test_two_tabs_show_the_same(lab, tab):
    page, gate = tab.page, Gate(lab.root, "two")
    path = lab.notebook("two.ipynb", gate.source, "n = i\nprint('then', n)")
    open_lab(page, lab, path)
    kernel_knows(page)
    other = page.context.new_page()
    open_lab(other, lab, path)
    kernel_knows(other)
    run(page, 0)
    for each in (page, other):
        expect(text_of(each, 0)).to_have_text(gate.half)
        expect(count_of(each, 0)).to_have_text("[*]:")
        expect(cell(each, 1)).to_have_attribute("data-reactive-activity", "queued")
    gate.open()
    for each in (page, other):
        expect(text_of(each, 0)).to_have_text(gate.whole)
        expect(text_of(each, 1)).to_have_text("then 29\n")
        expect(count_of(each, 1)).to_have_text("[2]:")
    run(other, 1)
    for each in (page, other):
        expect(count_of(each, 1)).to_have_text("[3]:")
        expect(text_of(each, 1)).to_have_text("then 29\n")
    assert tab.complaints == []


def test_a_cut_network_loses_nothing(lab, tab):
    page, gate = tab.page, Gate(lab.root, "cut")
    with network_to(lab.port) as network:
        open_lab(page, lab.behind(network.port), lab.notebook("cut.ipynb", gate.source, "print('then', i)"))
        kernel_knows(page)
        run(page, 0)
        expect(text_of(page, 0)).to_have_text(gate.half)
        network.cut()
        stream_is(page, "lost")
        gate.open()
        gate.is_past(page)
        network.mend()
        stream_is(page, "live")
        expect(text_of(page, 0)).to_have_text(gate.whole)
        expect(text_of(page, 1)).to_have_text("then 29\n")
        expect(count_of(page, 0)).to_have_text("[1]:")
        # What is asked for now arrives.
        run(page, 1)
        expect(count_of(page, 1)).to_have_text("[3]:")


def test_what_is_asked_into_a_dead_connection_is_asked_again(lab, tab):
    page, log = tab.page, lab.root / "dead.log"
    with network_to(lab.port) as network:
        counted = f"open({str(log)!r}, 'a').write('run ')"
        open_lab(page, lab.behind(network.port), lab.notebook("dead.ipynb", *CHAIN, counted))
        kernel_knows(page)
        kernel_is_idle(page)
        network.swallow(b"/channels")
        run(page, 2)
        run(page, 0)
        expect(text_of(page, 1)).to_have_text("y is 2\n")
        expect(count_of(page, 2)).to_have_text("[1]:")
        expect(count_of(page, 0)).to_have_text("[2]:")
        run(page, 1)
        expect(count_of(page, 1)).to_have_text("[4]:")
    assert log.read_text() == "run "


def test_a_server_that_stood_still_goes_on(fragile, tab):
    page, gate = tab.page, Gate(fragile.root, "still")
    open_lab(page, fragile, fragile.notebook("still.ipynb", gate.source, "print('then', i)"))
    kernel_knows(page)
    run(page, 0)
    expect(text_of(page, 0)).to_have_text(gate.half)
    os.kill(fragile.process.pid, signal.SIGSTOP)
    try:
        stream_is(page, "lost")
        gate.open()
        gate.is_past(page)
    finally:
        os.kill(fragile.process.pid, signal.SIGCONT)
    stream_is(page, "live")
    expect(text_of(page, 0)).to_have_text(gate.whole)
    expect(text_of(page, 1)).to_have_text("then 29\n")
    expect(count_of(page, 0)).to_have_text("[1]:")


def test_a_server_that_was_killed_is_met_again(tab, tmp_path_factory):
    page, root = tab.page, tmp_path_factory.mktemp("killed")
    options = ("lab", root, "--LabApp.expose_app_in_browser=True")
    # Lab's own word, once the server has been away for long.
    said = page.locator(".jp-Dialog")
    page.add_locator_handler(said, said.get_by_role("button").last.click)
    with running(*options) as server:
        open_lab(page, server, server.notebook("killed.ipynb", *CHAIN, "print('x is', x)"))
        kernel_knows(page)
        run(page, 0)
        expect(text_of(page, 1)).to_have_text("y is 2\n")
        server.process.kill()
        stream_is(page, "lost")
        # For whatever kernel there will be.
        run(page, 2)
        expect(count_of(page, 2)).to_have_text("[*]:")
    with running(*options, port=server.port, token=server.token):
        # On a busy machine half a minute is not enough: Lab knocks at a new server more and more seldom.
        expect(text_of(page, 2)).to_have_text("x is 1\n", timeout=90_000)
        stream_is(page, "live")
        # It ran once, what it needs before it, and the other reader of that.
        for place, count in enumerate(("[1]:", "[2]:", "[3]:")):
            expect(count_of(page, place)).to_have_text(count)
        run(page, 1)
        expect(count_of(page, 1)).to_have_text("[4]:")


def test_without_a_stream_live_messages_are_shown(lab, tab):
    page = tab.page
    with no_stream(page):
        open_lab(page, lab, lab.notebook("absent.ipynb", *CHAIN))
    kernel_knows(page)
    stream_is(page, "live")
    run(page, 0)
    expect(text_of(page, 1)).to_have_text("y is 2\n")
    expect(count_of(page, 1)).to_have_text("[2]:")
    run(page, 1)
    expect(count_of(page, 1)).to_have_text("[3]:")
    expect(text_of(page, 1)).to_have_text("y is 2\n")


def test_a_reload_leaves_a_saved_notebook_as_it_is(lab, tab):
    page = tab.page
    path = lab.notebook("calm.ipynb", *CHAIN, "from IPython.display import HTML\nHTML('<b>bold</b>')")
    open_lab(page, lab, path)
    kernel_knows(page)
    run(page, 0)
    expect(count_of(page, 1)).to_have_text("[2]:")
    run(page, 2)
    expect(text_of(page, 2)).to_have_text("bold")
    expect(count_of(page, 2)).to_have_text("[3]:")
    kernel_is_idle(page)
    save(page)
    is_saved(page)
    before = (lab.root / path).read_text()
    page.reload()
    stream_is(page, "live")
    expect(cell(page, 1)).to_have_attribute("data-reactive-freshness", "fresh")
    is_saved(page)
    assert (lab.root / path).read_text() == before
    # Its displays are still live: what comes next is shown in place.
    run(page, 0)
    expect(count_of(page, 1)).to_have_text("[2]:")
    assert tab.complaints == []


def test_outputs_that_somebody_cleared_stay_away(lab, tab):
    page = tab.page
    open_lab(page, lab, lab.notebook("cleared.ipynb", *CHAIN))
    kernel_knows(page)
    run(page, 0)
    expect(text_of(page, 1)).to_have_text("y is 2\n")
    page.evaluate("() => void window.jupyterapp.commands.execute('editmenu:clear-all')")
    expect(text_of(page, 1)).to_have_count(0)
    save(page)
    is_saved(page)
    page.reload()
    expect(cell(page, 1)).to_have_attribute("data-reactive-freshness", "fresh")
    assert text_of(page, 1).count() == 0
    assert tab.complaints == []


def test_displays_are_brought_up_to_date_across_reloads(lab, tab):
    page = tab.page
    first = "from IPython.display import display\nh = display('one', display_id='d')"
    open_lab(page, lab, lab.notebook("displays.ipynb", first, "h.update('two')", "h.update('three')"))
    kernel_is_idle(page)
    stream_is(page, "live")
    run(page, 0)
    expect(text_of(page, 0)).to_have_text("'three'")
    save(page)
    is_saved(page)
    page.reload()
    expect(text_of(page, 0)).to_have_text("'three'")
    expect(cell(page, 1)).to_have_attribute("data-reactive-freshness", "fresh")
    run(page, 1)
    expect(text_of(page, 0)).to_have_text("'two'")
    assert tab.complaints == []


def test_notebook_7_survives_a_reload_in_mid_run(lab, tab):
    page, gate = tab.page, Gate(lab.root, "seven-reload")
    page.goto(lab.address("/notebooks/" + lab.notebook("seven-reload.ipynb", gate.source)))
    kernel_knows(page)
    run(page, 0)
    expect(text_of(page, 0)).to_have_text(gate.half)
    page.reload()
    expect(text_of(page, 0)).to_have_text(gate.half)
    expect(count_of(page, 0)).to_have_text("[*]:")
    gate.open()
    expect(text_of(page, 0)).to_have_text(gate.whole)
    expect(count_of(page, 0)).to_have_text("[1]:")
    assert tab.complaints == []


def test_input_can_be_given_after_a_reload(lab, tab):
    page = tab.page
    open_lab(page, lab, lab.notebook("input.ipynb", "name = input('who? ')\nprint('hello', name)"))
    kernel_knows(page)
    run(page, 0)
    expect(cell(page, 0).locator(".jp-Stdin-input")).to_be_visible()
    page.reload()
    field = cell(page, 0).locator(".jp-Stdin-input")
    field.fill("you")
    field.press("Enter")
    expect(cell(page, 0).locator(".jp-OutputArea")).to_contain_text("hello you")
    expect(count_of(page, 0)).to_have_text("[1]:")
    expect(cell(page, 0).locator(".jp-Stdin-input")).to_have_count(0)
    assert tab.complaints == []
