"""SQL cells in JupyterLab and Notebook 7, with a real Postgres behind them."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from jupyter_extension.sql import embedded
from jupyter_extension.sql.database import Database, Target

ROWS = 5000
QUERY = f"""%%sql
select i as id, 'row ' || i as label, nullif(i % 7, 0) as rest from generate_series(1, {ROWS}) as i"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A Postgres for this module, and how it is reached."""
    before = os.environ.get("REACTIVE_POSTGRES_DIR")
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as place:
        # Root's server runs as somebody else, who has to get in.
        Path(place).chmod(0o711)
        os.environ["REACTIVE_POSTGRES_DIR"] = place
        try:
            server = embedded.attach()
        finally:
            os.environ.pop("REACTIVE_POSTGRES_DIR")
            if before is not None:
                os.environ["REACTIVE_POSTGRES_DIR"] = before
        yield server.url
        server.release()


def open_in(page: Page, lab, path: str, *, notebook: bool = False) -> None:
    page.goto(lab.address(f"/notebooks/{path}" if notebook else f"/lab/workspaces/{path[:-6]}/tree/{path}"))
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", state="attached")
    expect(page.locator(".jp-Notebook")).to_have_attribute("data-reactive-mode", "auto")


def cell(page: Page, place: int) -> Locator:
    return page.locator(".jp-Notebook .jp-CodeCell").nth(place)


def run(page: Page, place: int) -> None:
    cell(page, place).locator(".cm-line").first.click()
    page.keyboard.press("Control+Enter")
    expect(cell(page, place)).to_have_attribute("data-reactive-activity", "idle")
    expect(cell(page, place)).to_have_attribute("data-reactive-outcome", "ok")


def click_first_value(page: Page, grid: Locator) -> None:
    box = grid.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 80, box["y"] + 52)


def complete(page: Page, place: Locator, text: str) -> None:
    """Ask for completions until there are some: a busy machine may be too slow for the first time."""
    line = place.locator(".cm-line").last
    for _ in range(10):
        page.keyboard.press("Tab")
        try:
            expect(line).to_have_text(text, timeout=3000)
        except AssertionError:
            continue
        return
    expect(line).to_have_text(text)


def languages(page: Page) -> list[str]:
    cells = "window.jupyterapp.shell.currentWidget.content.widgets"
    return page.evaluate(f"() => {cells}.map(cell => cell.model.mimeType)")


def test_a_result_is_a_grid_that_pages_sorts_filters_sums_up_and_saves(lab, desk, address, tmp_path):
    page = desk.page
    open_in(page, lab, lab.notebook("grid.ipynb", f"%sql {address}", QUERY))
    run(page, 0)
    run(page, 1)
    result = cell(page, 1).locator(".jp-ReactiveTable")
    words, said = result.locator(".jp-ReactiveTable-words"), result.locator(".jp-ReactiveTable-spoken")
    grid = result.get_by_role("grid")
    expect(words).to_contain_text("5,000 rows × 3")
    expect(grid).to_have_attribute("aria-rowcount", "5000")
    click_first_value(page, grid)
    expect(said).to_have_text("id: 1")
    # Far beyond what the output holds.
    page.keyboard.press("Control+ArrowDown")
    expect(said).to_have_text(f"id: {ROWS}")
    page.keyboard.press("Control+ArrowUp")
    page.keyboard.press("s")
    page.keyboard.press("s")
    page.keyboard.press("ArrowRight")
    expect(said).to_have_text(f"label: row {ROWS}")
    result.get_by_role("button", name="Filter").click()
    result.get_by_label("Column", exact=True).select_option("rest")
    result.get_by_label("Condition").select_option("null")
    result.get_by_role("button", name="Add").click()
    expect(words).to_contain_text("714 of 5,000 rows")
    click_first_value(page, grid)
    expect(said).to_have_text("id: 4998")
    result.get_by_role("button", name="Column").click()
    expect(result.get_by_role("region")).to_contain_text("least7greatest4998")
    with page.expect_download() as download:
        result.get_by_label("Save as a file").select_option("csv")
    download.value.save_as(tmp_path / "result.csv")
    assert (tmp_path / "result.csv").read_text().splitlines()[:2] == [
        '"id","label","rest"',
        '4998,"row 4998",',
    ]
    # The kernel goes; what the output holds stays.
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.shutdown()")
    expect(page.locator(".jp-Notebook-ExecutionIndicator")).not_to_have_attribute("data-status", "idle")
    click_first_value(page, grid)
    page.keyboard.press("Control+ArrowDown")
    expect(result.locator(".jp-ReactiveTable-notes")).to_contain_text("Shown are the first 100 rows.")
    click_first_value(page, grid)
    page.keyboard.press("Control+ArrowUp")
    expect(said).to_have_text("id: 1")
    assert desk.complaints == []


def test_a_connection_is_tried_in_its_dialog_and_sql_is_coloured_and_completed(lab, desk, address):
    page = desk.page
    open_in(page, lab, lab.notebook("write.ipynb", "threshold = 3", "%%sql\nselect rolname from pg_roles"))
    page.evaluate("() => { void window.jupyterapp.commands.execute('reactive:connect'); }")
    dialog = page.locator(".jp-ReactiveConnect-dialog")
    connect = dialog.get_by_role("button", name="Test and connect")
    dialog.get_by_label("Address").fill("postgresql://somebody:hush@127.0.0.1:1/nowhere")
    connect.click()
    expect(dialog.get_by_role("alert")).to_contain_text("somebody:***@127.0.0.1:1/nowhere cannot be reached")
    dialog.get_by_label("Address").fill(address)
    connect.click()
    expect(dialog).to_have_count(0)
    run(page, 0)
    run(page, 1)
    assert languages(page) == ["text/x-ipython", "text/x-sql"]
    page.evaluate("() => window.jupyterapp.commands.execute('reactive:insert-sql-cell')")
    third = cell(page, 2)
    expect(third.locator(".cm-line").last).to_have_text("select ")
    page.keyboard.type("{thr")
    complete(page, third, "select {threshold")
    page.keyboard.type("} = any(array[3]) from pg_catalog.pg_class limit 1 ")
    page.keyboard.press("Escape")
    run(page, 2)
    third.locator(".cm-line").first.click()
    page.keyboard.press("Home")
    page.keyboard.type("# ")
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.content.widgets[2].model.mimeType === 'text/x-ipython'"
    )
    assert desk.complaints == []


def test_notebook_7_shows_rows_so_far_and_then_all_of_them(lab, tab, address):
    page = tab.page
    held = (
        "%%sql\nselect i from generate_series(1, 400000) i "
        "union all select 1 where pg_advisory_xact_lock(7) is not null"
    )
    open_in(page, lab, lab.notebook("nb7.ipynb", f"%sql {address}", held), notebook=True)
    run(page, 0)
    # The last row waits for a lock until the words were seen.
    holder = Database.open("holder", Target(address))
    try:
        holder.execute("select pg_advisory_lock(7)")
        cell(page, 1).locator(".cm-line").first.click()
        page.keyboard.press("Control+Enter")
        words = cell(page, 1).locator(".jp-ReactiveTable-words")
        expect(words.and_(page.locator(".jp-mod-coming"))).to_contain_text("rows so far")
    finally:
        holder.close()
    expect(words.and_(page.locator(":not(.jp-mod-coming)"))).to_contain_text("400,001 rows")
    expect(cell(page, 1).locator(".jp-ReactiveTable")).to_have_count(1)
    assert tab.complaints == []
