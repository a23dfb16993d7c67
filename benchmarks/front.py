"""What the extension costs JupyterLab, beside JupyterLab without it: `python -m benchmarks.front`.

Needs Chromium and a built front end, as the browser tests do.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import SWITCHES, Server, running

from .row import HEADER, line, of
from .timing import in_turn

CELLS, ROUNDS, TURNS, KEYS = 500, 10, 10, 30
CASCADE, CASCADES, FRAME = 300, 3, 100  # milliseconds
KILOBYTE = 1000
BUNDLE = Path(__file__).parent.parent / "jupyter_extension" / "labextension" / "static"

Row = dict[str, object]

OPEN = """async ([path, cells]) => {
    const { commands } = window.jupyterapp;
    const frame = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)));
    const begin = performance.now();
    const panel = await commands.execute('docmanager:open', { path });
    await panel.context.ready;
    while (panel.content.widgets.length < cells || !panel.content.widgets[0].node.isConnected) {
        await frame();
    }
    await frame();
    const took = performance.now() - begin;
    await panel.sessionContext.ready;
    return took;
}"""

CLOSE = """async () => {
    const { shell } = window.jupyterapp;
    for (const widget of [...shell.widgets('main')]) {
        await widget.sessionContext?.shutdown();
        widget.dispose();
    }
}"""

# From the key to the picture after it.
LISTEN = """() => {
    window.latencies = [];
    addEventListener('keydown', () => {
        const begin = performance.now();
        requestAnimationFrame(() => setTimeout(() => window.latencies.push(performance.now() - begin)));
    }, true);
}"""

RUN_ALL = "notebook:run-all-cells"
# Into the first cell, with another text, so that nothing it leaves is as before.
DO = """command => {
    const { content } = window.jupyterapp.shell.currentWidget;
    content.activeCellIndex = 0;
    content.model.cells.get(0).sharedModel.setSource(`x0 = ${Math.random()}`);
    void window.jupyterapp.commands.execute(command);
}"""
COUNT = """() => {
    const { content } = window.jupyterapp.shell.currentWidget;
    return content.widgets.at(-1).model.executionCount ?? 0;
}"""
WATCH = """() => {
    const waits = (window.waits = []);
    let last = performance.now();
    const next = now => {
        waits.push(now - last);
        last = now;
        if (waits === window.waits) {
            requestAnimationFrame(next);
        }
    };
    requestAnimationFrame(next);
}"""


def row(what: str, measured: float, must: float, detail: str, aim: float | None = None) -> Row:
    return {"what": what, "measured": measured, "must": must, "aim": must if aim is None else aim} | {
        "detail": detail
    }


def bundle() -> Row:
    """All that a browser fetches of ours, as servers and proxies send it."""
    files = [file for file in BUNDLE.iterdir() if file.suffix != ".map"]
    size = sum(len(gzip.compress(file.read_bytes())) for file in files) / KILOBYTE
    return row("the extension for JupyterLab, compressed, kB", size, 300, f"{len(files)} files")


@dataclass(frozen=True)
class Place:
    """A JupyterLab of its own, and the page in which it is open."""

    server: Server
    page: Page

    def opened(self, kernel: str, cells: int = CELLS) -> float:
        sources = [f"x{place} = {place}" for place in range(cells)]
        path = self.server.notebook("long.ipynb", *sources, kernel=kernel)
        return self.page.evaluate(OPEN, [path, cells])

    def idle(self) -> None:
        indicator = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
        self.page.wait_for_selector(indicator, state="attached", timeout=60_000)

    def closed(self) -> None:
        self.page.evaluate(CLOSE)

    def ready(self, kernel: str) -> None:
        """For typing, in the middle of a long notebook."""
        self.opened(kernel)
        self.idle()
        self.page.locator(".jp-CodeCell .cm-content").nth(2).click()

    def typed(self) -> list[float]:
        """How long each of some keys takes to be seen."""
        self.page.evaluate("() => { window.latencies.length = 0; }")
        self.page.keyboard.type("a" * KEYS, delay=30)
        self.page.wait_for_function(f"() => window.latencies.length >= {KEYS}")
        return self.page.evaluate("() => window.latencies")


@contextmanager
def place(browser: Browser, root: Path, *, extended: bool) -> Iterator[Place]:
    config, files = root / "config", root / "files"
    files.mkdir(parents=True)
    (config / "labconfig").mkdir(parents=True)
    disabled = {"disabledExtensions": {"jupyter-reactive": not extended}}
    (config / "labconfig" / "page_config.json").write_text(json.dumps(disabled))
    os.environ["JUPYTER_CONFIG_DIR"] = str(config)
    with (
        running("lab", files, "--LabApp.expose_app_in_browser=True") as server,
        browser.new_context() as context,
    ):
        page = context.new_page()
        page.goto(server.address("/lab"))
        page.wait_for_selector(".jp-Launcher", timeout=60_000)
        page.evaluate(LISTEN)
        yield Place(server, page)


def opening(ours: Place, plain: Place, kernel: str) -> Row:
    acts = {"ours": lambda: opened(ours, kernel), "plain": lambda: opened(plain, kernel)}
    # The first time, each fetches what opening takes.
    in_turn(1, acts)
    what = f"opening a notebook of {CELLS} cells ({kernel}), beside JupyterLab alone"
    return compared(what, in_turn(ROUNDS, acts))


def opened(where: Place, kernel: str) -> float:
    time = where.opened(kernel)
    where.idle()
    where.closed()
    return time


def typing(ours: Place, plain: Place, kernel: str) -> Row:
    for where in (ours, plain):
        where.ready(kernel)
    # A few keys here, a few there; no cell runs by itself meanwhile.
    times = in_turn(TURNS, {"ours": lambda: median(ours.typed()), "plain": lambda: median(plain.typed())})
    for where in (ours, plain):
        where.closed()
    return compared(f"typing in a notebook of {CELLS} cells ({kernel}), beside JupyterLab alone", times)


def compared(what: str, times: Mapping[str, Sequence[float]]) -> Row:
    """The fastest of each: whatever else a machine does only takes time."""
    ours, plain = times["ours"], times["plain"]
    detail = f"{min(ours):.0f} ms, {min(plain):.0f} ms; in the middle {median(ours):.0f}, {median(plain):.0f}"
    return row(what, min(ours) / min(plain), 1.1, f"fastest of {len(ours)}: {detail}")


def cascade(ours: Place, plain: Place) -> Row:
    """A chain whose every cell reruns because the first one ran; JupyterLab alone is told to run them all."""
    chains = waits_in(ours, "reactive", "notebook:run-cell"), waits_in(plain, "python3", RUN_ALL)
    slow, others = (median(sum(wait > FRAME for wait in waits) for waits in chain) for chain in chains)
    longest, longer = (max(max(waits) for waits in chain) for chain in chains)
    what = f"frames over {FRAME} ms while {CASCADE} cells rerun"
    detail = f"of {CASCADES}; the longest {longest:.0f} ms; JupyterLab alone: {others:.0f}, {longer:.0f} ms"
    return row(what, slow, max(5, others), detail, aim=0)


def waits_in(where: Place, kernel: str, again: str) -> list[list[float]]:
    """Between the frames that a page draws while its cells run once more, each time."""
    sources = ["x0 = 0", *(f"x{place} = x{place - 1} + 1\nx{place}" for place in range(1, CASCADE))]
    path, page = where.server.notebook("chain.ipynb", *sources, kernel=kernel), where.page
    page.evaluate(OPEN, [path, CASCADE])
    where.idle()
    chain: list[list[float]] = []
    for command in (RUN_ALL, *[again] * CASCADES):
        before = page.evaluate(COUNT)
        page.evaluate(WATCH)
        page.evaluate(DO, command)
        page.wait_for_function(f"before => ({COUNT})() > before", arg=before, timeout=120_000)
        chain.append(page.evaluate("() => window.waits"))
        where.idle()
    where.closed()
    # The first time, all that a page does only once is done.
    return chain[1:]


def rows() -> Iterator[Row]:
    yield bundle()
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in ("HOME", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
            os.environ[name] = str(root / name.lower())
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=SWITCHES)
        stack.callback(browser.close)
        ours = stack.enter_context(place(browser, root / "with", extended=True))
        plain = stack.enter_context(place(browser, root / "without", extended=False))
        for kernel in ("python3", "reactive"):
            yield opening(ours, plain, kernel)
            yield typing(ours, plain, kernel)
        yield cascade(ours, plain)


def main() -> int:
    print(HEADER)
    for each in rows():
        print(line(of(each)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
