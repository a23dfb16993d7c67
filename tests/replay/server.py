"""A real Jupyter server in a process of its own, and the clients that the tests need, which all wait."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import websocket

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
EXTENSIONS = ("jupyter_extension", "tests.replay.blocking")


# ipykernel drops what nobody fetches in time, and a busy machine may not: that is not the server's to lose.
PATIENT = """
thread = get_ipython().kernel.iopub_thread
thread.schedule(lambda: setattr(thread.socket, "sndhwm", 0))
"""


def until(true: Callable[[], bool], what: str) -> None:
    """Nothing tells when a process has let go of a socket, or a file is there: look until it is so."""
    deadline = time.monotonic() + 2 * PATIENCE
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Server:
    """The server; one token opens everything."""

    def __init__(self, url: str, token: str, process: psutil.Process, runtime: Path, log: Path) -> None:
        self.url, self.token, self.process, self.runtime, self.log = url, token, process, runtime, log
        self.wires: list[websocket.WebSocket] = []

    @property
    def files(self) -> list[Path]:
        return sorted((self.runtime / "reactive-replay").glob("*"))

    def ask(self, method: str, path: str, body: object = None, *, token: str | None = "") -> Any:
        """What the server answers; its status and nothing else where it refuses."""
        token = self.token if token == "" else token
        headers = {"Authorization": f"token {token}"} if token else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE * 2) as reply:
                text = reply.read().decode()
                return json.loads(text) if "json" in reply.headers.get("Content-Type", "") else text
        except HTTPError as refusal:
            with refusal:
                return refusal.code

    until = staticmethod(until)

    def kernel(self, name: str = "python3") -> str:
        return self.ask("POST", "/api/kernels", {"name": name})["id"]

    def connect(self, path: str, *, token: str | None = "", **options: Any) -> websocket.WebSocket:
        token = self.token if token == "" else token
        header = {"Authorization": f"token {token}"} if token else {}
        url = self.url.replace("http", "ws") + path
        wire = websocket.WebSocket(skip_utf8_validation=True)  # done in Python, and slowly
        wire.connect(url, timeout=PATIENCE, header=header, **options)
        self.wires.append(wire)
        return wire

    def cookie(self) -> str:
        """What a browser has after logging in."""
        with urllib.request.urlopen(f"{self.url}/api/status?token={self.token}", timeout=PATIENCE) as reply:
            return "; ".join(line.partition(";")[0] for line in reply.headers.get_all("Set-Cookie"))

    def stream(self, kernel: str, cursor: object = None) -> Stream:
        """A client that was welcomed; without a cursor it has its snapshot, too."""
        stream = Stream(self.connect(f"/reactive/kernels/{kernel}/stream"), cursor)
        stream.until(lambda message: message["type"] == "welcome")
        if cursor is None:
            stream.until_snapshot()
        return stream

    def page(self, kernel: str, session: str | None = None) -> Page:
        session = session or uuid4().hex
        return Page(self.connect(f"/api/kernels/{kernel}/channels?session_id={session}"), session)


class Stream:
    """A client of the stream."""

    def __init__(self, wire: websocket.WebSocket, cursor: object = None) -> None:
        self.wire = wire
        self.records: list[dict[str, Any]] = []
        self.cells: dict[str, Any] = {}
        self.other: list[Any] = []
        self.welcomes: list[dict[str, Any]] = []
        self.gaps: list[dict[str, Any]] = []
        self.seq = -1
        self.hello(cursor)

    def hello(self, cursor: object = None) -> None:
        self.snapshot: dict[str, Any] | None = None
        self.say({"type": "hello", "protocol": 1, "cursor": cursor})

    def say(self, message: object) -> None:
        self.wire.send(json.dumps(message))

    @property
    def cursor(self) -> dict[str, Any]:
        return {"epoch": self.welcomes[-1]["epoch"], "seq": self.seq}

    @property
    def text(self) -> str:
        """What was printed, of all records."""
        return "".join(self.texts)

    @property
    def texts(self) -> list[str]:
        said = [record["msg"] for record in self.records]
        return [each["content"]["text"] for each in said if each["header"]["msg_type"] == "stream"]

    def next(self) -> dict[str, Any] | None:
        """The next message, taken in as a page would; none when the server has closed."""
        raw = self.wire.recv()
        if not raw:
            return None
        message = json.loads(raw)
        self._take(message)
        return message

    def _take(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "welcome":
                self.welcomes.append(message)
                self.seq = message["seq"] if self.seq < 0 or message["seq"] == 0 else self.seq
            case "snapshot":
                self.cells |= message["cells"]
                self.other += message["other"]
                self.seq = message["seq"]
                self.snapshot = None if message.get("more") else message
            case "message":
                if not self.gaps and self.records and self.records[-1]["epoch"] == self.welcomes[-1]["epoch"]:
                    assert message["seq"] == self.records[-1]["seq"] + 1
                self.seq = message["seq"]
                self.records.append({**message, "epoch": self.welcomes[-1]["epoch"]})
            case "gap":
                self.gaps.append(message)
            case _:
                pass

    def until(self, found: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Read on to the first message that this is true of."""
        while (message := self.next()) is not None:
            if found(message):
                return message
        raise AssertionError("The server has closed the stream.")

    def until_idle(self, run: str) -> None:
        self.until(lambda message: is_idle(message.get("msg"), run))

    def until_over(self, run: str) -> None:
        """Read on until the run is over, as far as the snapshot does not say so."""
        if not any(is_idle(message, run) for message in self.other):
            self.until_idle(run)

    def until_replied(self, run: str) -> None:
        """Read on until the run is over and its reply is there, in whatever order."""
        while not (any(is_idle(said, run) for said in self.said) and self.replied(run)):
            assert self.next() is not None

    def shown(self, cell: str = "c") -> str:
        """What the cell shows: the snapshot's text and what came after."""
        folded = self.cells.get(cell, {"messages": []})["messages"]
        return "".join(message["content"].get("text", "") for message in folded) + self.text

    def until_shown(self, text: str, cell: str = "c") -> None:
        """Read on until the cell shows this. A page may have seen more than is recorded by now."""
        while self.shown(cell) != text:
            assert self.next() is not None

    @property
    def said(self) -> list[dict[str, Any]]:
        return [record["msg"] for record in self.records]

    def replied(self, run: str) -> bool:
        replies = [record["msg"] for record in self.records if record["channel"] == "shell"]
        return any(reply["parent_header"]["msg_id"] == run for reply in replies)

    def until_snapshot(self) -> dict[str, Any]:
        """Read on until the last part of the snapshot that answers the last hello."""
        while self.snapshot is None:
            assert self.next() is not None
        return self.snapshot

    def closing(self) -> int:
        """Read to the end; the code that the server closed with."""
        while self.wire.connected:
            opcode, frame = self.wire.recv_data(control_frame=True)
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                return int.from_bytes(frame[:2], "big")
            if opcode == websocket.ABNF.OPCODE_TEXT:
                self._take(json.loads(frame))
        raise AssertionError("closed without a word")

    def close(self) -> None:
        hang_up(self.wire)


class Page:
    """A front end on the kernel's own websocket, as stock pages speak."""

    def __init__(self, wire: websocket.WebSocket, session: str) -> None:
        self.wire, self.session = wire, session

    def send(self, kind: str, content: dict[str, Any], channel: str = "shell", **parts: Any) -> str:
        header = {"msg_id": uuid4().hex, "msg_type": kind, "session": self.session}
        header |= {"username": "", "version": "5.4", "date": "2026-01-01T00:00:00Z"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, **parts}
        self.wire.send(json.dumps({"channel": channel, "buffers": [], **message}))
        return header["msg_id"]

    def run(self, code: str, cell: str | None = "c", *, stdin: bool = False) -> str:
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": stdin, "stop_on_error": True}
        return self.send("execute_request", content, metadata={} if cell is None else {"cellId": cell})

    def until(self, found: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            message = json.loads(self.wire.recv())
            if found(message):
                return message

    def until_idle(self, run: str) -> None:
        self.until(lambda message: is_idle(message, run))

    def execute(self, code: str, cell: str | None = "c") -> str:
        run = self.run(code, cell)
        self.until_idle(run)
        return run

    def close(self) -> None:
        hang_up(self.wire)

    def vanish(self) -> None:
        """As a lost network does: nothing is said."""
        self.wire.sock.shutdown(socket.SHUT_RDWR)
        self.wire.sock.close()


def hang_up(wire: websocket.WebSocket) -> None:
    if wire.connected:
        wire.send_close()
    wire.shutdown()


def is_idle(message: dict[str, Any] | None, run: str) -> bool:
    if not message or message["header"]["msg_type"] != "status":
        return False
    return message["content"]["execution_state"] == "idle" and message["parent_header"].get("msg_id") == run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(
    directory: Path,
    *options: str,
    extensions: tuple[str, ...] = EXTENSIONS,
    instead_of: Server | None = None,
) -> Iterator[Server]:
    """A server over this directory, until the end of the block; in the place of one that has gone."""
    given = [*options, *(f"--ServerApp.jpserver_extensions={extension}=True" for extension in extensions)]
    with started(
        directory, lambda port, token: _command(port, token, directory) + given, instead_of
    ) as found:
        yield found


@contextmanager
def kernel_gateway(directory: Path, instead_of: Server | None = None) -> Iterator[Server]:
    """A Jupyter Kernel Gateway, until the end of the block."""
    with started(directory, _gateway_command, instead_of) as gateway:
        yield gateway


@contextmanager
def started(
    directory: Path, command_of: Callable[[int, str], list[str]], before: Server | None = None, base: str = ""
) -> Iterator[Server]:
    """What the command starts, as soon as it answers under its base."""
    port = free_port() if before is None else urlsplit(before.url).port
    token = secrets.token_hex(8) if before is None else before.token
    runtime = directory / "runtime"
    directory.mkdir(exist_ok=True, parents=True)
    command = command_of(port, token)
    environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), "PYTHONPATH": str(ROOT)}
    environment |= {"JUPYTER_CONFIG_DIR": str(directory / "config"), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    log = directory / "server.log"
    with log.open("ab") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=directory)
    try:
        server = Server(f"http://127.0.0.1:{port}{base}", token, psutil.Process(process.pid), runtime, log)
        _wait_for(server, process)
        yield server
        for wire in server.wires:
            wire.shutdown()
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def _command(port: int, token: str, directory: Path) -> list[str]:
    settings = {"port": port, "port_retries": 0, "ip": "127.0.0.1", "open_browser": False, "allow_root": True}
    given = [f"--ServerApp.{name}={value}" for name, value in settings.items()]
    given += [f"--ServerApp.root_dir={directory}", f"--IdentityProvider.token={token}"]
    return [sys.executable, "-m", "jupyter_server", *given]


def _gateway_command(port: int, token: str) -> list[str]:
    settings = {"port": port, "port_retries": 0, "ip": "127.0.0.1", "auth_token": token}
    given = [f"--KernelGatewayApp.{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-m", "kernel_gateway", *given]


def _wait_for(server: Server, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 2 * PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, server.log.read_text()
        try:
            # A proxy answers before what stands behind it.
            if isinstance(server.ask("GET", "/api"), dict):
                return
        except (URLError, ConnectionError):
            pass
        time.sleep(0.1)
    raise AssertionError(server.log.read_text())
