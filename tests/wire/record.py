"""Writes what the streams of real kernels say: `python tests/wire/record.py`.

Python's tests and those of the front ends read the same files.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from uuid import uuid4

from tornado.websocket import WebSocketClientConnection, websocket_connect

HERE = Path(__file__).parent
PORT = 18765
Json = dict[str, Any]

STORIES: dict[str, tuple[str, list[Json]]] = {
    "cascade": (
        "reactive",
        [
            {"op": "open"},
            {"op": "sync", "cells": [{"id": "a", "source": "x = 1"}, {"id": "b", "source": "print(x)"}]},
            {"execute": "x = 1", "cell": "a"},
            {"op": "edit", "id": "a", "source": "x = ("},
            {"op": "edit", "id": "a", "source": "x = 2"},
            {"op": "run", "cells": ["a"]},
        ],
    ),
    "failure": (
        "reactive",
        [
            {"op": "open"},
            {
                "op": "sync",
                "cells": [
                    {"id": "a", "source": "x = 1 / 0"},
                    {"id": "b", "source": "print(x)"},
                    {"id": "c", "source": "p = q"},
                    {"id": "d", "source": "q = p"},
                ],
            },
            {"execute": "x = 1 / 0", "cell": "a"},
            {"op": "configure", "mode": "lazy"},
            {"op": "sync", "cells": [{"id": "b", "source": "print(x)", "mode": "off"}]},
        ],
    ),
    "outputs": (
        "python3",
        [
            {"execute": "import sys; print('1'); print('2', file=sys.stderr)", "cell": "a"},
            {
                "execute": "from IPython.display import display\nh = display('one', display_id='d')\n6 * 7",
                "cell": "b",
            },
            {"execute": "h.update('two')", "cell": "c"},
            {
                "execute": "from IPython.display import clear_output\nprint('gone')\n"
                "clear_output(wait=True)\nprint('kept')\nclear_output(wait=True)",
                "cell": "d",
            },
            {"execute": "1 / 0", "cell": "e"},
            {"execute": "print('without a cell')", "cell": None},
        ],
    ),
}


@contextmanager
def server(token: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as home:
        command = [
            *(sys.executable, "-m", "jupyter", "server", "--no-browser", "--allow-root"),
            *(f"--ServerApp.port={PORT}", f"--IdentityProvider.token={token}"),
            f"--ServerApp.root_dir={home}",
        ]
        process = subprocess.Popen(command, env={**os.environ, "HOME": home}, stderr=subprocess.DEVNULL)
        try:
            yield f"127.0.0.1:{PORT}"
        finally:
            process.terminate()
            process.wait()


def start(place: str, token: str, kernel: str) -> str:
    """A new kernel's id, as soon as the server is there."""
    request = urllib.request.Request(
        f"http://{place}/api/kernels",
        data=json.dumps({"name": kernel}).encode(),
        headers={"Authorization": f"token {token}"},
    )
    while True:
        try:
            with urllib.request.urlopen(request) as reply:
                return json.load(reply)["id"]
        except URLError:  # noqa: PERF203  # nobody is there yet
            time.sleep(0.1)


async def tell(place: str, token: str, kernel: str, story: list[Json]) -> list[Json]:
    """Play the story to its end; answers all frames of the stream from the kernel's first word on."""
    stream = await websocket_connect(f"ws://{place}/reactive/kernels/{kernel}/stream?token={token}")
    await stream.write_message(json.dumps({"type": "hello", "protocol": 1, "cursor": None}))
    frames: list[Json] = []
    shell = await websocket_connect(f"ws://{place}/api/kernels/{kernel}/channels?token={token}")
    comm = uuid4().hex
    for step in story:
        sent = request(step, comm)
        await shell.write_message(json.dumps(sent))
        await over(stream, frames, sent["header"]["msg_id"])
    stream.close()
    shell.close()
    return frames


def request(step: Json, comm: str) -> Json:
    metadata: Json = {}
    if "execute" in step:
        kind = "execute_request"
        content: Json = {"code": step["execute"], "silent": False, "store_history": True}
        metadata = {"cellId": step["cell"]} if step["cell"] else {}
    elif step["op"] == "open":
        kind = "comm_open"
        content = {"comm_id": comm, "target_name": "reactive", "data": {"protocol": 1}}
    else:
        kind, content = "comm_msg", {"comm_id": comm, "data": step}
    header = {"msg_id": uuid4().hex, "msg_type": kind, "session": "page", "username": "", "version": "5.4"}
    return {
        "header": header,
        "parent_header": {},
        "metadata": metadata,
        "content": content,
        "buffers": [],
        "channel": "shell",
    }


async def over(stream: WebSocketClientConnection, frames: list[Json], msg_id: str) -> None:
    """Wait until the kernel is done with a request."""
    while True:
        said = await stream.read_message()
        assert said is not None
        frame: Json = json.loads(said)
        frames.append(frame)
        message = frame.get("msg", {})
        of_request = message.get("parent_header", {}).get("msg_id") == msg_id
        if of_request and message["content"].get("execution_state") == "idle":
            return


async def snapshot(place: str, token: str, kernel: str) -> list[Json]:
    """What a page that comes now is told."""
    stream = await websocket_connect(f"ws://{place}/reactive/kernels/{kernel}/stream?token={token}")
    await stream.write_message(json.dumps({"type": "hello", "protocol": 1, "cursor": None}))
    frames = [json.loads(str(await stream.read_message())) for _ in range(2)]
    stream.close()
    return frames


async def main() -> None:
    token = secrets.token_hex(8)
    with server(token) as place:
        for name, (spec, story) in STORIES.items():
            kernel = await asyncio.to_thread(start, place, token, spec)
            frames = await tell(place, token, kernel, story)
            late = await snapshot(place, token, kernel)
            record = {"kernel": spec, "live": frames, "late": late}
            (HERE / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
