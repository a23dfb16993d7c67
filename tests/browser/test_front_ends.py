"""Every front end opens a reactive notebook, runs a cell and shows its state, without a complaint."""

from playwright.sync_api import expect

from .pages import cell, kernel_is_idle, kernel_knows, open_lab

CHAIN = ("x = 1", "y = x + 1\nprint('y is', y)")


def test_who_has_no_token_learns_nothing(lab):
    assert lab.get("/reactive/version", token=None) == (403, None)


def test_the_server_says_its_version_and_protocol(lab):
    status, answer = lab.get("/reactive/version", token=lab.token)
    assert (status, answer["protocol"]) == (200, 1)
    assert answer["version"]


def test_jupyterlab_shows_a_rerun_in_its_own_cell(lab, desk):
    page = desk.page
    open_lab(page, lab, lab.notebook("lab.ipynb", *CHAIN))
    kernel_knows(page)
    cell(page, 0).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(cell(page, 1).locator(".jp-OutputArea-output")).to_have_text("y is 2\n")
    expect(cell(page, 0).locator(".jp-OutputArea-output")).to_have_count(0)
    for place in (0, 1):
        expect(cell(page, place)).to_have_attribute("data-reactive-freshness", "fresh")
        expect(cell(page, place)).to_have_attribute("data-reactive-activity", "idle")
        expect(cell(page, place)).to_have_attribute("data-reactive-outcome", "ok")
    assert desk.complaints == []


def test_jupyterlab_runs_a_cell_when_typing_stops(lab, desk):
    page = desk.page
    open_lab(page, lab, lab.notebook("typing.ipynb", *CHAIN))
    kernel_knows(page)
    cell(page, 0).locator(".cm-content").click()
    page.keyboard.press("End")
    page.keyboard.type("0")
    expect(cell(page, 1).locator(".jp-OutputArea-output")).to_have_text("y is 11\n")
    expect(cell(page, 0)).to_have_attribute("data-reactive-freshness", "fresh")
    assert desk.complaints == []


def test_jupyterlab_meets_a_restarted_kernel_again(lab, desk):
    page = desk.page
    open_lab(page, lab, lab.notebook("restart.ipynb", *CHAIN))
    kernel_knows(page)
    cell(page, 0).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(cell(page, 1)).to_have_attribute("data-reactive-freshness", "fresh")
    page.evaluate("() => void window.jupyterapp.commands.execute('kernelmenu:restart')")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    expect(cell(page, 1)).to_have_attribute("data-reactive-freshness", "new")
    cell(page, 0).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(cell(page, 1)).to_have_attribute("data-reactive-freshness", "fresh")
    assert desk.complaints == []


def test_other_kernels_are_left_alone(lab, desk):
    page = desk.page
    open_lab(page, lab, lab.notebook("plain.ipynb", "print(1)", kernel="python3"))
    kernel_is_idle(page)
    cell(page, 0).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(cell(page, 0).locator(".jp-OutputArea-output")).to_have_text("1\n")
    assert page.locator("[data-reactive-mode], [data-reactive-freshness]").count() == 0
    assert desk.complaints == []


def test_notebook_7_shows_a_rerun_in_its_own_cell(lab, tab):
    page = tab.page
    page.goto(lab.address("/notebooks/" + lab.notebook("seven.ipynb", *CHAIN)))
    kernel_knows(page)
    cell(page, 0).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    expect(cell(page, 1).locator(".jp-OutputArea-output")).to_have_text("y is 2\n")
    expect(cell(page, 1)).to_have_attribute("data-reactive-freshness", "fresh")
    assert tab.complaints == []


def test_notebook_7_lists_files_without_a_complaint(lab, tab):
    tab.page.goto(lab.address("/tree"))
    expect(tab.page.locator(".jp-DirListing-content")).to_be_visible()
    assert tab.complaints == []
