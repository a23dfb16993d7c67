"""What people do with a notebook in a page, and what they see of it."""

import json
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

expect.set_options(timeout=30_000)


def cell(page: Page, place: int) -> Locator:
    return page.locator(".jp-Notebook .jp-CodeCell").nth(place)


def count_of(page: Page, place: int) -> Locator:
    return cell(page, place).locator(".jp-InputPrompt")


def text_of(page: Page, place: int) -> Locator:
    """The first output of a cell."""
    return cell(page, place).locator(".jp-OutputArea-output").first


def notebook(page: Page) -> Locator:
    return page.locator(".jp-Notebook")


def open_lab(page: Page, lab, path: str) -> None:
    """In the JupyterLab that the page shows, or in a new one."""
    if page.url.startswith(f"{lab.url}/lab/"):
        page.evaluate(OPEN, path)
    else:
        # A workspace of its own: Lab would open the other tests' notebooks as well.
        page.goto(lab.address(f"/lab/workspaces/{path.removesuffix('.ipynb')}/tree/{path}"))


OPEN = "path => void window.jupyterapp.commands.execute('docmanager:open', { path })"

CONNECTED = """() => {
    const { jupyterapp } = window;
    const kernel = jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel;
    return !jupyterapp || kernel?.connectionStatus === 'connected';
}"""


def kernel_is(page: Page, state: str) -> None:
    # Before there is one, the indicator calls it idle.
    page.wait_for_function(CONNECTED)
    page.wait_for_selector(f".jp-Notebook-ExecutionIndicator[data-status={state}]", state="attached")


def kernel_is_idle(page: Page) -> None:
    kernel_is(page, "idle")


def kernel_knows(page: Page) -> None:
    """The kernel has the document: what runs from now on reruns its readers."""
    expect(notebook(page)).to_have_attribute("data-reactive-mode", "auto")
    expect(cell(page, 0)).to_have_attribute("data-reactive-freshness", "new")


def stream_is(page: Page, state: str) -> None:
    expect(notebook(page)).to_have_attribute("data-reactive-stream", state)


def select(page: Page, place: int) -> None:
    """Into command mode, on this cell."""
    cell(page, place).locator(".jp-InputPrompt").click()


def run(page: Page, place: int) -> None:
    cell(page, place).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")


def save(page: Page) -> None:
    page.keyboard.press("Control+s")


def is_saved(page: Page) -> None:
    """Cells, too, are called dirty, when their text is not what ran: this is about the tab."""
    expect(page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)


def saved_text(path: Path, place: int) -> str:
    """What a cell has written, as it is on disk."""
    outputs = json.loads(path.read_text())["cells"][place]["outputs"]
    return "".join("".join(output.get("text", "")) for output in outputs)
