"""One Chromium for the run, a Jupyter server per application, a page per test that remembers complaints."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.error import HTTPError, URLError

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

SECOND = 1000  # playwright counts milliseconds
PATIENCE = 30 * SECOND
START = 60  # seconds in which a server has to answer

SWITCHES = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    # Chromium on its own looks for updates, which fail loudly where there is no network.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass(frozen=True)
class Server:
    """A running Jupyter server and the directory that it serves."""

    url: str
    token: str
    root: Path
    process: "subprocess.Popen[bytes]"

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def behind(self, port: int) -> "Server":
        """The same server, reached through another port."""
        return replace(self, url=f"http://127.0.0.1:{port}")

    def address(self, path: str) -> str:
        return f"{self.url}{path}?token={self.token}"

    def get(self, path: str, *, token: str | None) -> tuple[int, object]:
        headers = {"Authorization": f"token {token}"} if token else {}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(self.url + path, headers=headers), timeout=10
            ) as reply:
                return reply.status, json.load(reply)
        except HTTPError as refusal:
            with refusal:
                return refusal.code, None

    def notebook(self, name: str, *sources: str, kernel: str = "reactive") -> str:
        """Write a notebook of these cells, named c0, c1, ...; answers its path on the server."""
        cells = [new_code_cell(source, id=f"c{place}") for place, source in enumerate(sources)]
        spec = {"name": kernel, "display_name": kernel, "language": "python"}
        notebook = new_notebook(cells=cells, metadata={"kernelspec": spec})
        nbformat.write(notebook, self.root / name)
        return name


# Notebook 7 says these without any extension, too; and JupyterLab, with any kernel that has a debugger, where
# a restart comes while it asks for the debugger's state, and in one tab about comms of another.
JUPYTERS_OWN = (
    "Comm not found for comm id",
    "Comm promise not found for comm id",
    "Could not restore the debugger state: Canceled future for debug_request",
    "Cannot read properties of undefined (reading 'schema')",
    "Command 'filebrowser:open-path' not registered.",
)


@dataclass
class Tab:
    """A page, and what it complained about: every error, and the warnings that are ours."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self._note(f"uncaught: {error}\n{error.stack}"))

    def _heard(self, message: ConsoleMessage) -> None:
        said = f"{message.type}: {message.text} ({message.location.get('url')})"
        # Every front end warns about its own menus and shortcuts.
        if message.type == "error" or (message.type == "warning" and "reactive" in said):
            self._note(said)

    def _note(self, complaint: str) -> None:
        if not any(own in complaint for own in JUPYTERS_OWN):
            self.complaints.append(complaint)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    # Not a skip: a run without these tests would say that the front ends work when nobody has looked.
    assert path, "the browser tests need Chromium on PATH (Debian: apt-get install chromium)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def profile(chromium: Browser) -> Iterator[BrowserContext]:
    """What all pages share: each front end's files are fetched once."""
    with chromium.new_context(viewport={"width": 1200, "height": 900}) as context:
        context.set_default_timeout(PATIENCE)
        yield context


@pytest.fixture
def tab(profile: BrowserContext) -> Iterator[Tab]:
    """A page of one's own."""
    before = list(profile.pages)
    tab = Tab(profile.new_page())
    tab.listen()
    yield tab
    for page in profile.pages:
        if page not in before:
            page.close()


@dataclass
class Desk:
    """The page of JupyterLab that tests share, if there is one that is fit for the next test."""

    tab: Tab | None = None

    def clear(self, *, keep: bool) -> None:
        assert self.tab is not None
        if keep:
            self.tab.page.evaluate(CLEAR)
            self.tab.complaints.clear()
        else:
            self.tab.page.close()
            self.tab = None


# Kernels of notebooks that nobody looks at any more would take from the memory and the time of the next.
CLEAR = """async () => {
    const { shell, commands } = window.jupyterapp;
    for (const widget of [...shell.widgets('main')]) {
        await widget.sessionContext?.shutdown();
        widget.dispose();
    }
    shell.collapseRight();
    await commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' });
}"""


@pytest.fixture(scope="session")
def shared() -> Desk:
    return Desk()


@pytest.fixture
def desk(profile: BrowserContext, shared: Desk, request: pytest.FixtureRequest) -> Iterator[Tab]:
    """A page in which JupyterLab may be open already, with nothing in it: opening it takes long.

    Not for tests that load the page again: JupyterLab would bring back what others had open.
    """
    if shared.tab is None:
        shared.tab = Tab(profile.new_page())
        shared.tab.listen()
    failed = request.session.testsfailed
    yield shared.tab
    shared.clear(keep=request.session.testsfailed == failed)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for JupyterLab, Notebook 7 and nbclassic, as in an installation of all three."""
    with running("lab", tmp_path_factory.mktemp("lab"), "--LabApp.expose_app_in_browser=True") as server:
        yield server


@pytest.fixture(scope="session")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running("nbclassic", tmp_path_factory.mktemp("classic")) as server:
        yield server


@pytest.fixture(scope="session")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that tests may stop."""
    with running("lab", tmp_path_factory.mktemp("fragile"), "--LabApp.expose_app_in_browser=True") as server:
        yield server


@contextmanager
def running(
    application: str,
    root: Path,
    *options: str,
    port: int | None = None,
    token: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """`jupyter APPLICATION` on a free port, or on this one, until the block ends."""
    # Two servers share no workspaces: JupyterLab lists those while another one writes them, and reads half.
    own = {"JUPYTERLAB_WORKSPACES_DIR": str(root.with_suffix(".workspaces"))}
    environment = {**(os.environ if environment is None else environment), **own}
    port, token = port or free_port(), token or secrets.token_hex(16)
    log = root.with_suffix(".log")
    command = [
        *(sys.executable, "-m", "jupyter", application, "--no-browser", "--allow-root"),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}"),
        *(f"--IdentityProvider.token={token}", *options),
    ]
    settings_off(Path(environment["JUPYTER_CONFIG_DIR"]))
    with log.open("w") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, cwd=root, env=environment
        )
    server = Server(f"http://127.0.0.1:{port}", token, root, process)
    try:
        wait_for(server, log)
        yield server
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            # Stopped in the middle of saving, a server waits for ever for the thread that does it.
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(server: Server, log: Path) -> None:
    deadline = time.monotonic() + START
    while time.monotonic() < deadline and server.process.poll() is None:
        if answers(server):
            return
        time.sleep(0.1)
    raise AssertionError(f"the server did not start:\n{log.read_text()}")


def answers(server: Server) -> bool:
    try:
        return server.get("/api/status", token=server.token)[0] == 200
    except (URLError, ConnectionError):
        return False


@contextmanager
def user_settings(plugin: str, values: dict[str, object]) -> Iterator[None]:
    """What the user has set, in pages that are opened meanwhile."""
    folder, _, name = plugin.rpartition("/")
    place = Path(os.environ["JUPYTER_CONFIG_DIR"]) / "lab" / "user-settings" / folder
    place.mkdir(parents=True, exist_ok=True)
    settings = place / f"{name}.jupyterlab-settings"
    settings.write_text(json.dumps(values))
    try:
        yield
    finally:
        settings.unlink()


def settings_off(config: Path) -> None:
    """Lab asks at its first start whether to fetch news, and the question covers the page."""
    place = config / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    place.mkdir(parents=True, exist_ok=True)
    (place / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
