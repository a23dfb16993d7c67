"""Widgets of ipywidgets in a reactive notebook: what is set in the page, and what is shown in them."""

from playwright.sync_api import Page, expect

from .gates import Gate
from .pages import cell, count_of, kernel_is_idle, kernel_knows, open_lab, run, text_of

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
