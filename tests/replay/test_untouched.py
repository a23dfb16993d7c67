"""The kernel's own websocket is what it is without the extension, byte for byte."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from jupyter_extension.replay.message import parts_of
from jupyter_extension.replay.overhear import V1, from_json, from_v1, to_v1

from .fixed import DATE
from .server import Server, running

WITHOUT = "--ServerApp.jpserver_extensions=jupyter_extension=False"
CODE = """
import sys
from comm import create_comm
from IPython.display import display
print("out"); print("err", file=sys.stderr)
display({"text/plain": "é"}, raw=True, display_id="d")
create_comm(target_name="t", data={"a": 1}, buffers=[b"\\x00\\xff"], comm_id="fixed")
input("who? ")
1 / 0
"""
Frames = dict[str, list[str | bytes]]


class Client:
    """Speaks one of the two protocols, always with the same bytes, and keeps what it gets."""

    def __init__(self, server: Server, kernel: str, protocols: list[str]) -> None:
        path = f"/api/kernels/{kernel}/channels?session_id=client"
        self._wire = server.connect(path, subprotocols=protocols)
        self._v1 = bool(protocols)

    def say(self, name: str, kind: str, channel: str, content: dict[str, object]) -> None:
        header = {"msg_id": name, "msg_type": kind, "session": "client", "username": "", "date": DATE}
        message = {"header": {**header, "version": "5.4"}, "parent_header": {}, "content": content}
        message["metadata"] = {"cellId": "c"}
        if self._v1:
            self._wire.send_binary(to_v1(channel, parts_of(message)))
        else:
            self._wire.send(json.dumps({"channel": channel, "buffers": [], **message}))

    def answers(self, name: str) -> Frames:
        """All frames that answer this request, as they are; each channel has an order of its own."""
        frames: Frames = {"iopub": [], "shell": [], "stdin": []}
        while not self._is_over(frames):
            raw = self._wire.recv()
            channel, [header, parent, *_] = (from_v1 if self._v1 else from_json)(raw)
            if json.loads(parent).get("msg_id") == name:
                frames[channel].append(raw)
            if json.loads(header)["msg_type"] == "input_request":
                self.say("answer", "input_reply", "stdin", {"value": "Ann", "status": "ok"})
        self._wire.shutdown()
        return frames

    def _is_over(self, frames: Frames) -> bool:
        last = frames["iopub"][-1:]
        raw = last[0] if last else ""
        text = raw.decode(errors="replace") if isinstance(raw, bytes) else raw
        return '"idle"' in text and len(frames["shell"]) == 1


def told(server: Server, protocols: list[str]) -> Frames:
    kernel = server.kernel("fixed")
    client = Client(server, kernel, protocols)
    content = {"code": CODE, "silent": False, "store_history": False, "user_expressions": {}}
    client.say("run", "execute_request", "shell", {**content, "allow_stdin": True, "stop_on_error": True})
    return client.answers("run")


@pytest.fixture
def _fixed_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "data" / "kernels" / "fixed"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "tests.replay.fixed", "-f", "{connection_file}"]
    text = {"argv": argv, "display_name": "Fixed", "language": "python", "env": {"PYTHONHASHSEED": "0"}}
    (spec / "kernel.json").write_text(json.dumps(text))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "data"))


@pytest.mark.usefixtures("_fixed_kernel")
def test_a_page_is_told_the_same_bytes_with_and_without_the_extension(tmp_path: Path):
    with running(tmp_path / "plain", WITHOUT, extensions=()) as plain, running(tmp_path / "ours") as ours:
        for protocols in ([], [V1]):
            expected, got = told(plain, protocols), told(ours, protocols)
            assert got == expected
            assert [len(frames) for frames in got.values()] == [8, 1, 1]
            assert "cellId" not in repr(got)
