"""What recording costs, what the stream gives, beside a server without: `python -m benchmarks.replay`."""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import websocket
import zmq

from jupyter_extension.replay.log import Limits, Log
from jupyter_extension.replay.recording import Key, Recording
from jupyter_extension.replay.spill import Spill
from jupyter_extension.replay.tap import Address, Tap
from tests.replay.server import Server, Stream, running

from .row import HEADER, Row, line
from .timing import in_turn

SMALL, LARGE, COSTED = 20_000, 200, 10_000
MEGABYTE = 1 << 20
V1 = "v1.kernel.websocket.jupyter.org"
NO_LIMITS = ("--ZMQChannelsWebsocketConnection.limit_rate=False",)
PRINTS = "import sys\nfor i in range({count}):\n    sys.stdout.write(f'{{i}}\\n'); sys.stdout.flush()"
DISPLAYS = (
    "from IPython.display import display, HTML\nfor i in range({count}):\n    display(HTML('x' * 1_000_000))"
)
ROUNDS = 3
QUIET = 3.0  # seconds without a message after which the stock server has lost the last one
WITHOUT = ("--ServerApp.jpserver_extensions=jupyter_extension=False",)


def row(what: str, measured: float, must: float, aim: float, detail: str) -> Row:
    """More is better: these are ratios to a server without recording."""
    return Row(what, measured, must, aim, detail, larger=True)


class Fast:
    """A client that reads a kernel's websocket as fast as it comes, looking only for the end."""

    def __init__(self, server: Server, kernel: str) -> None:
        path = f"/api/kernels/{kernel}/channels?session_id={os.urandom(8).hex()}"
        self.wire = server.connect(path, subprotocols=[V1])

    def ask(self, code: str) -> bytes:
        """Send a request; its id."""
        header = {"msg_id": os.urandom(8).hex(), "msg_type": "execute_request", "session": "benchmark"}
        header |= {"username": "", "version": "5.4", "date": "2026-01-01T00:00:00Z"}
        content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}}
        content |= {"allow_stdin": False, "stop_on_error": True}
        parts = [json.dumps(part).encode() for part in (header, {}, {}, content)]
        self.wire.send_binary(_v1("shell", parts))
        return str(header["msg_id"]).encode()

    def run(self, code: str) -> float:
        """Messages a second that come of this. The stock server may lose any of them, the last one, too."""
        begin = last = time.perf_counter()
        mark, count = self.ask(code), 0
        self.wire.settimeout(QUIET)
        try:
            while not self._ends(self.wire.recv(), mark):
                last, count = time.perf_counter(), count + 1
        except websocket.WebSocketTimeoutException:
            pass
        return count / (last - begin)

    @staticmethod
    def _ends(raw: str | bytes, mark: bytes) -> bool:
        return len(raw) < 4096 and isinstance(raw, bytes) and mark in raw and b'"idle"' in raw


def _v1(channel: str, parts: list[bytes]) -> bytes:
    pieces = [channel.encode(), *parts]
    offsets = [8 * (len(pieces) + 2)]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    table = [len(offsets), *offsets]
    return b"".join([*(number.to_bytes(8, "little") for number in table), *pieces])


def drain(stream: Stream, end: bytes) -> float:
    """Seconds until the raw bytes of a stream have this in them."""
    begin, tail = time.perf_counter(), b""
    stream.wire.sock.settimeout(120)
    while end not in (data := tail + stream.wire.sock.recv(MEGABYTE)):
        tail = data[-len(end) :]
    return time.perf_counter() - begin


def throughput() -> Iterator[Row]:
    """The kernel's websocket with and without the extension; then the stream against the former."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plain = stack.enter_context(running(home / "plain", *NO_LIMITS, *WITHOUT, extensions=()))
        ours = stack.enter_context(running(home / "ours", *NO_LIMITS))
        kernels = {server.url: server.kernel() for server in (plain, ours)}
        for server in (plain, ours):
            _rate(server, kernels[server.url], "1")
        for what, code, count in (("20,000 small", PRINTS, SMALL), ("200 x 1 MB", DISPLAYS, LARGE)):
            rates: dict[str, list[float]] = {plain.url: [], ours.url: []}
            for place in range(ROUNDS):
                # In turn, and each first every other time: the machine's mood strikes both.
                for server in (plain, ours) if place % 2 else (ours, plain):
                    rates[server.url].append(_rate(server, kernels[server.url], code.format(count=count)))
            without, with_it = (median(rates[server.url]) for server in (plain, ours))
            detail = f"{with_it:.0f}/s against {without:.0f}/s"
            yield row(f"kernel websocket, {what}, with / without", with_it / without, 0.85, 0.97, detail)
            yield _streamed(ours, kernels[ours.url], what, count, with_it)


def _rate(server: Server, kernel: str, code: str) -> float:
    """With a client of its own: one that waits for its turn would be given up by the server."""
    client = Fast(server, kernel)
    try:
        return client.run(code)
    finally:
        client.wire.shutdown()


def _streamed(server: Server, kernel: str, what: str, count: int, live: float) -> Row:
    """All that the last rounds recorded, to one client."""
    watch = server.stream(kernel)
    end = watch.welcomes[0]["seq"]
    start = max(watch.welcomes[0]["floor"], end - count)
    watch.wire.shutdown()
    stream = server.stream(kernel, {"epoch": watch.welcomes[0]["epoch"], "seq": start})
    rate = (end - start) / drain(stream, b'"message", "seq": %d, ' % end)
    stream.wire.shutdown()
    return row(f"stream, {what}, / kernel websocket", rate / live, 1, 3, f"{rate:.0f}/s")


def recording() -> Iterator[Row]:
    """What a message costs the server with nobody connected, and how soon a snapshot comes."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = [
            stack.enter_context(running(home / "plain", *NO_LIMITS, *WITHOUT, extensions=())),
            stack.enter_context(running(home / "ours", *NO_LIMITS)),
        ]
        costs = in_turn(ROUNDS, {server.url: partial(_cost, server) for server in servers})
        without, with_it = (median(costs[server.url]) for server in servers)
        detail = f"{with_it:.0f} us against {without:.0f} us: who records tells the server of activity"
        yield Row("server CPU per recorded message", with_it - without, 60, 20, detail, "us")
        yield _snapshot(servers[1])


def _cost(server: Server) -> float:
    kernel = server.kernel()
    client = Fast(server, kernel)
    client.run("1")
    done = Path(tempfile.mkdtemp()) / "done"
    before = server.process.cpu_times()
    client.ask(f"{PRINTS.format(count=COSTED)}\nopen({str(done)!r}, 'w').close()")
    client.wire.close()
    while not done.exists():
        time.sleep(0.05)
    time.sleep(1)  # what is still on its way
    after = server.process.cpu_times()
    server.ask("DELETE", f"/api/kernels/{kernel}")
    return (after.user + after.system - before.user - before.system) / COSTED * 1e6


def _snapshot(server: Server) -> Row:
    kernel = server.kernel()
    page = server.page(kernel)
    for cell in range(50):
        page.execute("for i in range(100):\n    print(i, flush=True); display(i)", f"cell{cell}")
    page.close()
    times: list[float] = []
    for _ in range(5):
        wire = server.connect(f"/reactive/kernels/{kernel}/stream")
        begin = time.perf_counter()
        stream = Stream(wire)
        tail = b""
        while b'"snapshot"' not in (tail := tail[-20:] + wire.sock.recv(4096)):
            pass
        times.append(1000 * (time.perf_counter() - begin))
        stream.wire.shutdown()
    return Row("first byte of a snapshot, 10,000 messages", median(times), 50, 10, "after hello", "ms")


def idle() -> Iterator[Row]:
    """What the recorders of 100 kernels that say nothing hold."""
    count, process = 100, psutil.Process()
    context: zmq.Context[Any] = zmq.Context()
    publisher = context.socket(zmq.PUB)
    port = publisher.bind_to_random_port("tcp://127.0.0.1")
    address = Address(f"tcp://127.0.0.1:{port}", Key(b"", "sha256"))
    with tempfile.TemporaryDirectory() as directory:
        before = process.memory_info().rss
        recordings = [_recording(Path(directory), str(number)) for number in range(count)]
        taps = [Tap(context, recording, address) for recording in recordings]
        time.sleep(1)
        each = (process.memory_info().rss - before) / count / 1000
        for tap in taps:
            tap.end()
        for tap in taps:
            tap.stop()
    publisher.close()
    context.term()
    yield Row("memory of an idle kernel's recorder, of 100", each, 1000, 100, "resident", "kB")


def _recording(directory: Path, name: str) -> Recording:
    def make_log(epoch: str) -> Log:
        return Log(epoch, spill=Spill(directory / name), limits=Limits())

    return Recording(name, make_log, instead_of_tracebacks=None, note=print, warn=print)


PACED = """
import sys, time
start = time.time()
for i in range({count}):
    while time.time() < start + i / 2000: time.sleep(0.0002)
    sys.stdout.write(f"T={{time.time():.4f}};\\n"); sys.stdout.flush()
"""


def crowd() -> Iterator[Row]:
    """Fifty clients of one kernel that prints 2,000 lines a second."""
    with tempfile.TemporaryDirectory() as directory, running(Path(directory), *NO_LIMITS) as server:
        kernel = server.kernel()
        page = server.page(kernel)
        page.execute("1")
        streams = [server.stream(kernel) for _ in range(50)]
        count, before = 20_000, server.process.cpu_times()
        begin = time.perf_counter()
        page.run(PACED.format(count=count))
        page.close()
        worst = _worst([stream.wire.sock for stream in streams], count)
        took, after = time.perf_counter() - begin, server.process.cpu_times()
        busy = (after.user + after.system - before.user - before.system) / took
        detail = f"{count / took:.0f}/s to 50 clients, server {busy:.0%} of a core"
        yield Row("50 clients at 2,000/s: the slowest is behind by", worst, 1, 0.2, detail, "s")


def _worst(sockets: list[socket.socket], count: int) -> float:
    """The longest that any line took to any client; each must get all of them."""
    mark = b"T=1"  # as the lines begin, and the code in the input's echo does not
    got = dict.fromkeys(sockets, 0)
    rest = dict.fromkeys(sockets, b"")
    worst = 0.0
    while any(number < count for number in got.values()):
        ready, _, _ = select.select(sockets, [], [], 30)
        assert ready, f"Clients have {sorted(got.values())[:3]} of {count} lines."
        for each in ready:
            lines = (rest[each] + each.recv(MEGABYTE)).split(mark)
            got[each] += len(lines) - 1
            rest[each] = lines[-1][-2:]
            if len(lines) > 2:
                worst = max(worst, time.time() - float(b"1" + lines[1].partition(b";")[0]))
    return worst


MEASURES = (throughput, recording, idle, crowd)


def rows(names: Sequence[str] = ()) -> Iterator[Row]:
    for measure in MEASURES:
        if not names or measure.__name__ in names:
            yield from measure()


def main() -> int:
    print(HEADER)
    for each in rows(sys.argv[1:]):
        print(line(each), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
