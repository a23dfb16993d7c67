"""Takes the pictures of docs/images from the real thing: `python docs/make_screenshots.py [NAME ...]`.

Needs what the browser tests need. Servers, pages and pictures are the tests' own and JupyterLab's; nothing is
drawn or pasted in. Colours are reduced to a palette, which keeps a picture under 150 kB."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
sys.path.insert(0, str(ROOT))

from tests.browser.conftest import SWITCHES, Server, running  # noqa: E402  # the tree is no package

expect.set_options(timeout=60_000)
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark", "contrast": "JupyterLab Dark High Contrast"}
STATES = (
    "import math",
    "price = 3",
    "count = 4\ntotal = price * count\ntotal",
    "tax = total / rate\ntax",
    "rate = 1 / 0",
    "message = f'{tax:.2f} to pay'\nmessage",
    "import time\ntime.sleep(60)\nlate = 1",
    "later = late + 1",
    "print('sent', total)",
    "old = total",
    "margin = 2",
    "draft = 7",
)
SHOP = (
    "import math",
    "prices = {'tea': 3.5, 'milk': 1.2, 'bread': 2.8}",
    "basket = ['tea', 'bread', 'tea']",
    "rate = 0.19",
    "net = sum(prices[item] for item in basket)\nnet",
    "tax = round(net * rate, 2)",
    "from pathlib import Path\nPath('bill.txt').write_text(f'{net + tax:.2f}')",
    "bill = open('bill.txt').read()\nprint('the bill says', bill)",
    "rounded = math.ceil(net + tax)",
    "print('to pay:', rounded, 'of which tax', tax)",
)


@dataclass(frozen=True)
class Studio:
    """A server, a browser, and the theme that pictures are taken in."""

    browser: Browser
    server: Server
    theme: str

    @contextmanager
    def page(
        self, name: str, sources: tuple[str, ...], modes: dict[int, str], *, width: int = 1280
    ) -> Iterator[Page]:
        path = f"{self.theme}-{name}.ipynb"
        self.server.notebook(path, *sources)
        set_modes(self.server.root / path, modes)
        with self.browser.new_context(
            viewport={"width": width, "height": 940}, device_scale_factor=1.5
        ) as context:
            page = context.new_page()
            page.goto(self.server.address(f"/lab/workspaces/{self.theme}-{name}/tree/{path}"))
            expect(page.locator(".jp-Notebook")).to_have_attribute("data-reactive-mode", "auto")
            run_command(page, "apputils:change-theme", theme=THEMES[self.theme])
            page.locator(".jp-SideBar .lm-TabBar-tab.lm-mod-current[data-id=filebrowser]").click()
            yield page

    def take(self, page: Page, name: str, clip: dict[str, float] | None = None) -> None:
        page.mouse.move(0, 0)
        self.keep(page.screenshot(clip=clip), name)

    def keep(self, picture: bytes, name: str) -> None:
        path = IMAGES / f"{name}-{self.theme}.png"
        Image.open(io.BytesIO(picture)).convert("RGB").quantize(256).save(path, optimize=True)
        sys.stdout.write(f"{path.relative_to(ROOT)} {path.stat().st_size // 1000} kB\n")


def set_modes(path: Path, modes: dict[int, str]) -> None:
    notebook = nbformat.read(path, as_version=4)
    for place, mode in modes.items():
        notebook.cells[place].metadata["reactive"] = {"mode": mode}
    nbformat.write(notebook, path)


def run_command(page: Page, command: str, **arguments: str) -> None:
    page.evaluate("([id, args]) => void window.jupyterapp.commands.execute(id, args)", [command, arguments])


def cell(page: Page, place: int) -> Locator:
    return page.locator(".jp-Notebook .jp-CodeCell").nth(place)


def run(page: Page, *places: int) -> None:
    # One after the other: what a cell shows moves those below it.
    for place in places:
        cell(page, place).locator(".jp-InputPrompt").click()
        expect(cell(page, place)).to_have_class(re.compile("jp-mod-active"))
        page.keyboard.press("Control+Enter")
        expect(cell(page, place).locator(".jp-reactive-Badge[data-sight=new]")).to_have_count(0)


def edit(page: Page, place: int, more: str) -> None:
    cell(page, place).locator(".cm-line").first.click()
    page.keyboard.press("End")
    page.keyboard.type(more)


def shows(page: Page, **sights: str) -> None:
    for place, sight in sights.items():
        badge = cell(page, int(place[1:])).locator(".jp-reactive-Badge")
        expect(badge).to_have_attribute("data-sight", sight)


def around(*shown: Locator, margin: float = 8) -> dict[str, float]:
    boxes = [box for box in (locator.bounding_box() for locator in shown) if box]
    left = min(box["x"] for box in boxes) - margin
    top = min(box["y"] for box in boxes) - margin
    right = max(box["x"] + box["width"] for box in boxes) + margin
    bottom = max(box["y"] + box["height"] for box in boxes) + margin
    return {"x": max(0, left), "y": max(0, top), "width": right - left, "height": bottom - top}


def states(studio: Studio) -> None:
    """Every state of a cell; the toolbar and the status bar around them; a tip."""
    with studio.page("states", STATES, {8: "manual", 9: "off"}) as page:
        run(page, 0, 1, 2, 4, 3, 5, 8, 10)
        shows(page, c8="ok", c4="error", c3="blocked", c5="blocked", c10="ok")
        # Who leaves a cell before its typing has come to rest does not run it.
        edit(page, 10, "5")
        edit(page, 2, "0")
        page.keyboard.press("Control+Enter")
        shows(page, c2="ok", c8="stale", c10="stale")
        run(page, 6)
        shows(page, c6="running", c7="queued", c9="off", c11="new")
        expect(cell(page, 6).locator(".jp-reactive-Badge-word")).to_have_text(re.compile(r"[0-9] s"))
        studio.take(page, "states")
        cell(page, 8).locator(".jp-reactive-Badge-button").hover()
        tip = page.locator(".jp-reactive-Tip")
        expect(tip).to_be_visible()
        studio.keep(page.screenshot(clip=around(cell(page, 7), cell(page, 9), tip)), "tip")
        studio.keep(page.screenshot(clip=around(page.locator(".jp-reactive-Status"), margin=0)), "status")
        run_command(page, "notebook:interrupt-kernel")
        shows(page, c6="stale")


def graph(studio: Studio) -> None:
    """The graph and the variables beside the notebook."""
    with studio.page("graph", SHOP, {}) as page:
        run_command(page, "notebook:run-all-cells")
        shows(page, **{f"c{place}": "ok" for place in range(len(SHOP))})
        run_command(page, "reactive:show-graph")
        expect(page.locator(".jp-reactive-Node")).to_have_count(len(SHOP) + 1)
        cell(page, 4).locator(".jp-InputPrompt").click()
        expect(page.locator(".jp-reactive-Node.jp-mod-parent")).to_have_count(2)
        settled(page)
        studio.take(page, "graph")
        run_command(page, "reactive:show-variables")
        expect(page.locator(".jp-reactive-Variables-table tbody tr")).not_to_have_count(0)
        clip = around(page.locator("#jp-reactive-side"), margin=0)
        table = around(page.locator(".jp-reactive-Variables-table"), margin=12)
        # Nothing stands below the table.
        studio.take(page, "variables", {**clip, "height": table["y"] + table["height"] - clip["y"]})


def classic(studio: Studio) -> None:
    """The classic notebook, which has one theme."""
    if studio.theme != "light":
        return
    studio.server.notebook("classic.ipynb", *STATES)
    with studio.browser.new_context(
        viewport={"width": 1280, "height": 900}, device_scale_factor=1.5
    ) as context:
        page = context.new_page()
        page.goto(studio.server.address("/nbclassic/notebooks/classic.ipynb"))
        expect(page.locator("#notebook")).to_have_attribute("data-reactive-mode", "auto")
        page.evaluate("() => { Jupyter.notebook.config.data.reactive = { autoRun: false }; }")
        page.get_by_role("button", name="Don't show anymore").click()
        cells = page.locator("#notebook .code_cell")
        for place, outcome in ((0, "ok"), (2, "ok"), (4, "error"), (3, "blocked")):
            cells.nth(place).locator(".CodeMirror").click()
            page.keyboard.press("Control+Enter")
            expect(cells.nth(place)).to_have_attribute("data-reactive-outcome", outcome)
        cells.nth(8).locator(".CodeMirror").click()
        page.keyboard.press("Control+Enter")
        expect(cells.nth(8)).to_have_attribute("data-reactive-outcome", "ok")
        cells.nth(2).locator(".CodeMirror").click()
        page.keyboard.press("Control+Home")
        page.keyboard.press("End")
        page.keyboard.type("0")
        expect(cells.nth(8)).to_have_attribute("data-reactive-freshness", "stale")
        for place in (6, 7):
            cells.nth(place).locator(".CodeMirror").click()
            page.keyboard.press("Control+Enter")
        expect(cells.nth(7)).to_have_attribute("data-reactive-activity", "queued")
        page.get_by_role("link", name="Reactive", exact=True).click()
        # It has not seen yet that the banner is gone.
        page.evaluate("() => { window.dispatchEvent(new Event('resize')); }")
        studio.take(page, "classic")
        page.evaluate("() => { Jupyter.notebook.kernel.interrupt(); }")


def settled(page: Page) -> None:
    page.wait_for_function(
        "() => document.getAnimations().every(animation => animation.playState !== 'running')"
    )


PICTURES: dict[str, Callable[[Studio], None]] = {"states": states, "graph": graph, "classic": classic}


def main(names: list[str]) -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        for variable in (
            "HOME",
            "IPYTHONDIR",
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
        ):
            os.environ[variable] = str(Path(home) / variable.lower())
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        root = Path(home) / "work"
        root.mkdir()
        with running("lab", root, "--LabApp.expose_app_in_browser=True") as server:
            for theme in THEMES:
                for name in names or PICTURES:
                    PICTURES[name](Studio(browser, server, theme))


if __name__ == "__main__":
    main(sys.argv[1:])
