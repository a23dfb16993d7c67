"""marimo as its users have it: a server in a process of its own, asked as its page asks it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import websocket

from ..shapes import HEAD, Cells
from .contestant import PATIENCE

SESSION = "s_bench1"
DONE = '{"op": "completed-run"'
IDLE = re.compile(r'"status": ?"idle"')


def notebook(cells: Cells) -> str:
    """A notebook as marimo keeps it."""
    bodies = (f"@app.cell\ndef _():\n    {source}\n    return\n" for _, source in cells)
    return "\n".join(("import marimo", "app = marimo.App()", *bodies))


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Page:
    """One open notebook in marimo's editor, without the browser."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.values: dict[str, object] = {}
        self.finished = 0
        self._until_up()
        self.http = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        address = f"ws://127.0.0.1:{port}/ws?session_id={SESSION}"
        self.wire = websocket.create_connection(address, skip_utf8_validation=True)
        self.heard: SimpleQueue[str] = SimpleQueue()
        # Somebody has to answer its pings while others have their turn: a silent page may only look on.
        Thread(target=self._listen, daemon=True).start()
        self.ids = self._ready()

    def _listen(self) -> None:
        with suppress(OSError, websocket.WebSocketException):
            while raw := self.wire.recv():
                self.heard.put(str(raw))

    def _until_up(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with closing(HTTPConnection("127.0.0.1", self.port, timeout=5)) as probe:
                try:
                    probe.request("GET", "/health")
                    if probe.getresponse().status == 200:
                        return
                except OSError:
                    time.sleep(0.05)
        raise TimeoutError("marimo's server did not come up.")

    def _ready(self) -> list[str]:
        while True:
            message = json.loads(self.heard.get(timeout=PATIENCE))
            if message["op"] == "kernel-ready":
                return message["data"]["cell_ids"]

    def post(self, path: str, **content: object) -> None:
        headers = {"Content-Type": "application/json", "Marimo-Session-Id": SESSION}
        self.http.request("POST", f"/api/kernel/{path}", json.dumps(content), headers)
        reply = self.http.getresponse()
        said = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"marimo refused {path}: {said.decode()}")

    def instantiate(self, *, run: bool) -> float:
        """Seconds until all cells are known, and have run if they are to."""
        start = time.perf_counter()
        self.post("instantiate", objectIds=[], values=[], autoRun=run)
        self._until_done()
        return time.perf_counter() - start

    def rerun(self, head: int) -> float:
        start = time.perf_counter()
        self.post("run", cellIds=[self.ids[0]], codes=[f"x0 = {head}"])
        messages = self._until_done()
        took = time.perf_counter() - start
        self._note(messages)
        return took

    def _until_done(self) -> list[str]:
        messages: list[str] = []
        while not (raw := self.heard.get(timeout=PATIENCE)).startswith(DONE):
            messages.append(raw)
        return messages

    def _note(self, messages: list[str]) -> None:
        """What the names stand for: marimo tells the page after every run."""
        self.finished = sum(bool(IDLE.search(raw)) for raw in messages if raw.startswith('{"op": "cell-op"'))
        for raw in messages:
            if raw.startswith('{"op": "variable-values"'):
                told = json.loads(raw)["data"]["variables"]
                self.values |= {each["name"]: each["value"] for each in told}

    def last(self, name: str) -> object:
        value = self.values.get(name)
        return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value

    def close(self) -> None:
        self.http.close()
        self.wire.close()


@contextmanager
def page(python: str, cells: Cells) -> Iterator[Page]:
    """A page whose cells have not run yet."""
    assert cells[0][0] == HEAD
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        home = Path(directory)
        (home / "notebook.py").write_text(notebook(cells), "utf-8")
        port = free_port()
        process = subprocess.Popen(
            [python, "-m", "marimo", "-q", "edit", "notebook.py", *_options(port)],
            cwd=home,
            env={**os.environ, "XDG_CONFIG_HOME": directory, "XDG_STATE_HOME": directory},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with closing(Page(port)) as opened:
                yield opened
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _options(port: int) -> tuple[str, ...]:
    quiet = ("--headless", "--no-token", "--skip-update-check", "--no-skew-protection", "--no-sandbox")
    return (*quiet, "--host", "127.0.0.1", "--port", str(port))
