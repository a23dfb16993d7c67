"""Widgets of ipywidgets in a reactive notebook: what is set in the page, and what is shown in them."""

from textwrap import indent

import pytest
from playwright.sync_api import Locator, Page, expect

from .gates import Gate
from .pages import cell, count_of, kernel_is_idle, kernel_knows, open_lab, run, stream_is, text_of

SLIDER = "import ipywidgets as w\ns = w.IntSlider(3)\ns"


def move(page: Page) -> None:
    """One up, by keyboard."""
    handle = cell(page, 0).locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowRight")


def test_a_slider_that_is_moved_reruns_its_readers(lab, desk):
    page = desk.page
    open_lab(page, lab, lab.notebook("slider.ipynb", SLIDER, "print('it is', s.value)"))
    kernel_knows(page)
    run(page, 0)
    expect(text_of(page, 1)).to_have_text("it is 3\n")
    move(page)
    expect(text_of(page, 1)).to_have_text("it is 4\n")
    expect(count_of(page, 0)).to_have_text("[1]:")
    assert desk.complaints == []


def test_a_slider_is_live_after_a_reload_in_mid_run(lab, tab):
    page, gate = tab.page, Gate(lab.root, "slider-reload")
    path = lab.notebook("slider-reload.ipynb", SLIDER, "print('it is', s.value)", gate.source)
    open_lab(page, lab, path)
    kernel_knows(page)
    run(page, 0)
    expect(text_of(page, 1)).to_have_text("it is 3\n")
    run(page, 2)
    expect(text_of(page, 2)).to_have_text(gate.half)
    page.reload()
    expect(text_of(page, 2)).to_have_text(gate.half)
    gate.open()
    expect(text_of(page, 2)).to_have_text(gate.whole)
    kernel_is_idle(page)
    move(page)
    expect(text_of(page, 1)).to_have_text("it is 4\n")
    assert tab.complaints == []


def test_an_output_widget_takes_what_a_rerun_shows_in_it(lab, desk):
    page = desk.page
    area = "import ipywidgets as w\nfrom IPython.display import display\nout = w.Output()\ndisplay(out)"
    inside = "with out:\n    out.clear_output()\n    print('inside', x)\nprint('outside', x)"
    open_lab(page, lab, lab.notebook("area.ipynb", "x = 1", area, inside))
    kernel_knows(page)
    run(page, 2)
    shown = cell(page, 1).locator(".widget-output .jp-OutputArea-output")
    expect(shown).to_have_text("inside 1\n")
    expect(cell(page, 2).locator(".jp-OutputArea-output")).to_have_text(["outside 1\n"])
    cell(page, 0).locator(".cm-content").click()
    page.keyboard.press("End")
    page.keyboard.type("0")
    page.keyboard.press("Control+Enter")
    expect(shown).to_have_text("inside 10\n")
    expect(cell(page, 2).locator(".jp-OutputArea-output")).to_have_text(["outside 10\n"])
    assert desk.complaints == []


HEARING = """import ipywidgets as w
from IPython.display import display
s, out = w.IntSlider(3), w.Output()
@out.capture()
def tell(change):
    print('now', change.new)
s.observe(tell, 'value')
display(s, out)"""


def test_what_a_slider_makes_a_callback_print_is_there_once(lab, desk):
    page = desk.page
    open_lab(page, lab, lab.notebook("hearing.ipynb", HEARING))
    kernel_knows(page)
    run(page, 0)
    move(page)
    expect(shown_in_area(page)).to_contain_text("now 4")
    move(page)
    # What came twice would be before what came next.
    expect(shown_in_area(page)).to_have_text("now 4\nnow 5\n")
    assert desk.complaints == []


AREA = "import ipywidgets as w\nfrom IPython.display import display\nout = w.Output()\ndisplay(out)"


def within(source: str) -> str:
    return "with out:\n" + indent(source, "    ")


def shown_in_area(page: Page) -> Locator:
    return cell(page, 0).locator(".widget-output .jp-OutputArea-output")


def run_both(page: Page, kernel: str) -> None:
    """A reactive kernel runs the second cell by itself."""
    if kernel == "reactive":
        kernel_knows(page)
        run(page, 0)
    else:
        stream_is(page, "live")
        kernel_is_idle(page)
        run(page, 0)
        run(page, 1)


@pytest.mark.parametrize("kernel", ["reactive", "python3"])
def test_an_output_widget_has_all_that_came_around_a_reload_in_mid_run(lab, tab, kernel):
    page, gate = tab.page, Gate(lab.root, f"area-reload-{kernel}")
    inside = f"print('before')\n{within(gate.source)}\nprint('after')"
    open_lab(page, lab, lab.notebook(f"area-reload-{kernel}.ipynb", AREA, inside, kernel=kernel))
    run_both(page, kernel)
    expect(shown_in_area(page)).to_have_text(gate.half)
    page.reload()
    outside = cell(page, 1).locator(".jp-OutputArea-output")
    expect(outside).to_have_text(["before\n"])
    gate.open()
    expect(outside).to_have_text(["before\nafter\n"])
    expect(shown_in_area(page)).to_have_text([gate.whole])
    page.reload()
    expect(shown_in_area(page)).to_have_text([gate.whole])
    expect(outside).to_have_text(["before\nafter\n"])
    assert tab.complaints == []


def test_an_output_widget_has_what_was_shown_in_it_while_no_page_was_open(lab, tab):
    page, gate = tab.page, Gate(lab.root, "area-away", lines=30, stop=0)
    path = lab.notebook("area-away.ipynb", AREA, within(gate.source), kernel="python3")
    open_lab(page, lab, path)
    run_both(page, "python3")
    expect(shown_in_area(page)).to_have_text(gate.half)
    page.goto("about:blank")
    gate.open()
    gate.is_past(page)
    open_lab(page, lab, path)
    expect(shown_in_area(page)).to_have_text([gate.whole])
    expect(cell(page, 1).locator(".jp-OutputArea-output")).to_have_count(0)
    assert tab.complaints == []
