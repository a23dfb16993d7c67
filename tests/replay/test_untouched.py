"""The kernel's own websocket is what it is without the extension."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .server import Server, is_idle, running

WITHOUT = "--ServerApp.jpserver_extensions=jupyter_extension=False"
CODE = """
import sys
from comm import create_comm
from IPython.display import display
print("out"); print("err", file=sys.stderr)
display({"text/plain": "é"}, raw=True, display_id="d")
create_comm(target_name="t", data={"a": 1}, buffers=[b"\\x00\\xff"], comm_id="fixed")
1 / 0
"""
OWN = ("msg_id", "date", "session", "started")


def told(server: Server) -> list[Any]:
    """What a page is told of one run, without what differs between any two runs."""
    kernel = server.kernel()
    page = server.page(kernel)
    page.execute("1")
    page.close()
    page = server.page(kernel, "fixed")
    run = page.run(CODE)
    messages: list[Any] = []
    while True:
        raw = page.wire.recv()
        if isinstance(raw, bytes):
            start = int.from_bytes(raw[4:8], "big")
            stop = int.from_bytes(raw[8:12], "big")
            messages.append(raw[stop:])
            raw = raw[start:stop]
        message = json.loads(raw)
        messages.append({part: _plain(value) for part, value in message.items() if part not in OWN})
        if is_idle(message, run):
            break
    page.close()
    # Replies and broadcasts come by different sockets, so their order is nobody's promise.
    return sorted((json.dumps(each, default=repr, sort_keys=True) for each in messages if each), key=str)


def _plain(value: Any) -> Any:
    return (
        {name: each for name, each in value.items() if name not in OWN} if isinstance(value, dict) else value
    )


@pytest.mark.timeout(90)
def test_a_page_is_told_the_same_with_and_without_the_extension(tmp_path: Path):
    with running(tmp_path / "plain", WITHOUT, extensions=()) as plain, running(tmp_path / "ours") as ours:
        expected = [each for each in told(plain) if "execute_reply" not in each]
        got = [each for each in told(ours) if "execute_reply" not in each]
    assert got == expected
    assert any("\\\\xff" in each for each in got)
    assert not any("cellId" in each for each in got)
