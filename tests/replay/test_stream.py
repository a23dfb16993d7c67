"""The stream of a real server with real kernels, word by word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import websocket

from .server import Page, Server, Stream, hang_up


@pytest.fixture(scope="module")
def kernel(server: Server) -> str:
    return server.kernel()


@pytest.fixture
def page(server: Server, kernel: str) -> Iterator[Page]:
    page = server.page(kernel)
    yield page
    page.close()


@pytest.fixture
def stream(server: Server, kernel: str) -> Iterator[Stream]:
    stream = server.stream(kernel)
    yield stream
    stream.close()


def test_a_welcome_a_snapshot_then_every_message_live(stream: Stream, page: Page):
    welcome = stream.welcomes[0]
    assert set(welcome) == {"type", "epoch", "seq", "floor", "execution_state"}
    run = page.run("import sys; sys.stdout.write('hello\\n'), 1 + 1", "live")
    stream.until_idle(run)
    said = [record for record in stream.records if record["msg"]["parent_header"].get("msg_id") == run]
    kinds = [record["msg"]["header"]["msg_type"] for record in said if record["channel"] == "iopub"]
    assert kinds == ["status", "execute_input", "stream", "execute_result", "status"]
    assert {record["msg"]["metadata"].get("cellId") for record in said} == {"live"}
    assert [record["msg"]["header"]["msg_type"] for record in said if record["channel"] == "shell"] in (
        ["execute_reply"],
        [],
    )


def test_a_cursor_is_resumed_without_snapshot(server: Server, kernel: str, stream: Stream, page: Page):
    page.execute("print('one')", "resumed")
    stream.until(lambda message: "one" in json.dumps(message))
    cursor, before = stream.cursor, len(stream.records)
    run = page.run("print('two')", "resumed")
    stream.until_idle(run)
    later = server.stream(kernel, cursor)
    later.until_idle(run)
    assert later.cells == {}
    assert [r["msg"] for r in later.records] == [r["msg"] for r in stream.records[before:]][
        : len(later.records)
    ]
    later.close()


def test_nothing_follows_the_servers_last_frame(server: Server):
    """Browsers complain of a frame that comes after the connection's end."""
    kernel = server.kernel()
    stream = server.stream(kernel)
    server.ask("DELETE", f"/api/kernels/{kernel}")
    wire = stream.wire
    while wire.recv_frame().opcode != websocket.ABNF.OPCODE_CLOSE:
        pass
    stream.say({"type": "ping"})
    stream.hello()
    wire.send_close()
    with pytest.raises(websocket.WebSocketConnectionClosedException):
        raise AssertionError(wire.recv_frame())
    stream.close()


def test_a_snapshot_has_what_the_cell_shows(server: Server, kernel: str, page: Page, stream: Stream):
    run = page.execute("for i in range(50): print(i)\n1/0", "folded")
    stream.until(lambda message: message.get("msg", {}).get("header", {}).get("msg_type") == "error")
    late = server.stream(kernel)
    shown = late.cells["folded"]
    assert (shown["msg_id"], shown["run"]) == (run, None)
    kinds = [message["header"]["msg_type"] for message in shown["messages"]]
    assert kinds == ["execute_input", "stream", "error"]
    assert shown["messages"][1]["content"]["text"] == "".join(f"{i}\n" for i in range(50))
    late.close()


def test_hello_again_starts_anew(stream: Stream, page: Page):
    stream.until_idle(page.run("print('again')", "again"))
    stream.hello()
    stream.until_snapshot()
    assert len(stream.welcomes) == 2
    assert "again" in stream.cells


def test_a_ping_is_answered(stream: Stream):
    stream.say({"type": "ping"})
    assert stream.until(lambda message: message["type"] != "message") == {"type": "pong"}


def test_what_is_forgotten_is_not_in_later_snapshots(server: Server, kernel: str, stream: Stream, page: Page):
    stream.until_idle(page.run("print('secret')", "forgotten"))
    stream.say({"type": "forget", "cells": ["forgotten"]})
    stream.hello()
    stream.cells.clear()
    stream.until_snapshot()
    assert "forgotten" not in stream.cells


@pytest.mark.parametrize(
    "garbage",
    [
        "",
        "x",
        "[]",
        "null",
        "{}",
        "[" * 50_000,
        '{"type": 1}',
        '{"type": "hello"}',
        '{"type": "hello", "protocol": 2, "cursor": null}',
        '{"type": "hello", "protocol": true, "cursor": null}',
        '{"type": "hello", "protocol": 1, "cursor": 1}',
        '{"type": "hello", "protocol": 1, "cursor": {"epoch": 1, "seq": 1}}',
        '{"type": "hello", "protocol": 1, "cursor": {"epoch": "e", "seq": -1}}',
        '{"type": "hello", "protocol": 1, "cursor": {"epoch": "e", "seq": 1.5}}',
        '{"type": "hello", "protocol": 1, "cursor": {"epoch": "e", "seq": ' + "9" * 5000 + "}}",
        '{"type": "forget"}',
        '{"type": "forget", "cells": "all"}',
        '{"type": "forget", "cells": [1]}',
        '{"type": "unheard of"}',
    ],
)
def test_garbage_is_answered_and_changes_nothing(stream: Stream, garbage: str):
    stream.wire.send(garbage)
    assert stream.until(lambda message: message["type"] != "message")["type"] == "error"
    stream.say({"type": "ping"})
    assert stream.until(lambda message: message["type"] != "message")["type"] == "pong"


def test_a_binary_frame_is_answered(stream: Stream):
    stream.wire.send_binary(b"\x00\xff")
    assert stream.until(lambda message: message["type"] != "message")["type"] == "error"


@pytest.mark.parametrize("size", [(1 << 20) + 1, 3 << 20])
def test_a_frame_that_is_too_large_closes_with_1009(stream: Stream, size: int):
    stream.wire.send("x" * size)
    assert stream.closing() == 1009


def refusal(server: Server, path: str, **options: object) -> tuple[int, bytes]:
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        server.connect(path, **options)
    return refused.value.status_code, refused.value.resp_body


@pytest.mark.parametrize("token", [None, "wrong"])
@pytest.mark.parametrize("name", ["{kernel}", "nobody", "00000000-0000-0000-0000-000000000000"])
def test_without_the_token_nobody_learns_anything(server: Server, kernel: str, token: str | None, name: str):
    status, body = refusal(server, f"/reactive/kernels/{name.format(kernel=kernel)}/stream", token=token)
    assert status == 403
    assert kernel.encode() not in body


def test_another_origin_is_refused_before_anybody_looks_for_the_kernel(server: Server, kernel: str):
    cookie = server.cookie()
    for name in (kernel, "nobody"):
        path = f"/reactive/kernels/{name}/stream"
        assert refusal(server, path, token=None, cookie=cookie, origin="https://elsewhere.example")[0] == 403
    same = server.connect(f"/reactive/kernels/{kernel}/stream", token=None, cookie=cookie)
    hang_up(same)


def test_an_unknown_kernel_is_not_found(server: Server):
    assert refusal(server, "/reactive/kernels/nobody/stream")[0] == 404


def test_the_metrics_count(server: Server, kernel: str, page: Page, stream: Stream):
    stream.until_idle(page.run("print(1)"))

    def figure(name: str) -> int:
        text = server.ask("GET", "/reactive/metrics")
        lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return int(lines[f'{name}{{kernel="{kernel}"}}'])

    # Those that earlier tests closed may take a moment to be gone.
    server.until(lambda: figure("reactive_clients") == 1, "one client, the stream")
    assert figure("reactive_records_total") > 5
    assert server.ask("GET", "/reactive/metrics", token=None) == 403


def test_the_log_is_quiet(server: Server):
    text = Path(server.log).read_text()
    # The stock server has tracebacks of its own for pages that leave while it writes to them.
    assert "jupyter_extension/" not in text
    assert "[E " not in text
