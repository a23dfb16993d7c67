"""What people do with a notebook in nbclassic, and what they see of it."""

from playwright.sync_api import Locator, Page, expect


def open_classic(page: Page, server, path: str) -> None:
    page.goto(server.address("/nbclassic/notebooks/" + path))


def notebook(page: Page) -> Locator:
    return page.locator("#notebook")


def cell(page: Page, place: int) -> Locator:
    return page.locator("#notebook .code_cell").nth(place)


def count_of(page: Page, place: int) -> Locator:
    return cell(page, place).locator(".input_prompt")


def text_of(page: Page, place: int) -> Locator:
    """What a cell has printed."""
    return cell(page, place).locator(".output_text")


def state_of(page: Page, place: int) -> Locator:
    return cell(page, place).locator(".reactive-state")


def is_(page: Page, place: int, **states: str) -> None:
    for name, value in states.items():
        expect(cell(page, place)).to_have_attribute(f"data-reactive-{name}", value)


def kernel_knows(page: Page) -> None:
    """The kernel has the document: what runs from now on reruns its readers."""
    expect(notebook(page)).to_have_attribute("data-reactive-mode", "auto")
    is_(page, 0, freshness="new")


def stream_is(page: Page, state: str) -> None:
    expect(notebook(page)).to_have_attribute("data-reactive-stream", state)


def kernel_is(page: Page, state: str) -> None:
    expect(page.locator("#kernel_indicator_icon")).to_have_class(f"kernel_{state}_icon")


def select(page: Page, place: int) -> None:
    """Into command mode, on this cell."""
    count_of(page, place).click()


def run(page: Page, place: int) -> None:
    cell(page, place).locator(".CodeMirror").click()
    page.keyboard.press("Control+Enter")


def type_at_end(page: Page, place: int, text: str) -> None:
    cell(page, place).locator(".CodeMirror").click()
    page.keyboard.press("Control+End")
    # At once: on a busy machine more time than typing may rest could pass between two keys.
    page.keyboard.insert_text(text)


def typing_rests(page: Page, milliseconds: int) -> None:
    """Typing counts as stopped after so long."""
    page.evaluate(
        "delay => { Jupyter.notebook.config.data.reactive = { autoRunDelay: delay }; }", milliseconds
    )


def do(page: Page, action: str) -> None:
    page.evaluate("action => { Jupyter.keyboard_manager.actions.call(action); }", action)


def save(page: Page) -> None:
    page.evaluate("() => Jupyter.notebook.save_notebook()")


def is_saved(page: Page) -> None:
    page.wait_for_function("() => !Jupyter.notebook.dirty")
