"""Twenty kernels talk, forty clients come and go at random: `python -m benchmarks.replay_soak`.

Ends by itself, after `--seconds`. Every client checks that what it is told has no hole. Exits with 1 if
anything was lost, if memory grew from the second quarter to the last, or if threads or files are left.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import websocket

from tests.replay.server import PATIENT, Server, Stream, running

TALK = """
import sys, time, random
end = time.time() + {seconds}
i = globals().get("i", 0)
print("turn", i, flush=True)
while time.time() < end:
    for _ in range(random.randint(1, {burst})):
        sys.stdout.write(f"{{i}}\\n"); sys.stdout.flush()
        i += 1
    time.sleep(random.random() * 0.1)
"""
# What a cell shows has to be told to whoever comes: it is run again and again, so that this does not grow.
TURNS = 20

SETTINGS = (
    # The stock server keeps all that nobody reads, without limit: that is not what is measured here.
    "--MappingKernelManager.buffer_offline_messages=False",
    # So little that it is full long before the end: from then on memory has no reason to grow.
    f"--ReplayApp.memory_limit={1 << 20}",
)
LOOKS = 40  # at the server's memory


@dataclass
class Tally:
    """What the clients saw."""

    visits: int = 0
    records: int = 0
    resumed: int = 0
    problems: int = 0


def visit(server: Server, kernel: str, cursor: object, lottery: random.Random, tally: Tally) -> object:
    """Come, read for a while, and go, politely or not; answers where to go on."""
    stream = server.stream(kernel, cursor)
    count = lottery.randint(1, 2000)
    stream.wire.settimeout(3)  # less than from one ping to the next
    for _ in range(count):
        try:
            message = stream.next()
        except websocket.WebSocketTimeoutException:
            break  # the kernel has nothing more to say
        if message is None or "end " in message.get("msg", {}).get("content", {}).get("text", ""):
            break
    tally.visits += 1
    tally.records += len(stream.records)
    tally.resumed += cursor is not None and not stream.cells
    _check(stream, tally)
    if lottery.random() < 0.5:
        stream.close()
    else:
        stream.wire.shutdown()
    server.wires.remove(stream.wire)
    return stream.cursor if stream.seq >= 0 and lottery.random() < 0.7 else None


def _check(stream: Stream, tally: Tally) -> None:
    """What it shows is a row of numbers without a hole, from the run's first if it was told everything."""
    folded = stream.cells.get("c", {"messages": []})["messages"]
    text = "".join(message["content"].get("text", "") for message in folded) + stream.text
    numbers = [int(line) for line in text.splitlines() if line.isdigit()]
    start = numbers[0] if numbers else 0
    whole = not (stream.cells and numbers) or text.startswith(f"turn {start}\n")
    if not whole or numbers != list(range(start, start + len(numbers))):
        tally.problems += 1


def client(server: Server, kernels: list[str], seed: int, end: float, tally: Tally) -> None:
    lottery = random.Random(seed)
    cursors: dict[str, object] = {}
    while time.monotonic() < end:
        kernel = lottery.choice(kernels)
        try:
            cursors[kernel] = visit(server, kernel, cursors.get(kernel), lottery, tally)
        except (AssertionError, OSError, websocket.WebSocketException) as error:
            tally.problems += 1
            print(f"client {seed}: {error!r}", flush=True)


def whole(server: Server, kernels: list[str], tally: Tally) -> int:
    """At the end, every kernel's cell shows every line of its last run."""
    lines = 0
    for kernel in kernels:
        stream = server.stream(kernel)
        while "end" not in _shown(stream):
            stream.until(lambda message: "end" in json.dumps(message))
        shown = _shown(stream)
        said = int(shown.split("end")[1])
        turn, first, *numbers = shown.split("end")[0].split()
        tally.problems += [turn, *numbers] != ["turn", *map(str, range(int(first), said))]
        lines += said
        stream.close()
    return lines


def _shown(stream: Stream) -> str:
    folded = stream.cells.get("c", {"messages": []})["messages"]
    return "".join(message["content"].get("text", "") for message in folded) + stream.text


def _at_rest(server: Server) -> int:
    """The server's threads when a first kernel has come and gone: pools that it keeps have begun by then."""
    kernel = server.kernel()
    page, stream = server.page(kernel), server.stream(kernel)
    page.until_idle(page.run("print(1)"))
    page.close()
    stream.close()
    server.ask("DELETE", f"/api/kernels/{kernel}")
    server.until(lambda: not server.files, "something is left")
    return server.process.num_threads()


def talking(server: Server, given: argparse.Namespace) -> list[str]:
    """Kernels whose cell prints, in one run after another, until the end."""
    kernels = [server.kernel() for _ in range(given.kernels)]
    for kernel in kernels:
        page = server.page(kernel)
        talk = PATIENT + TALK.format(seconds=given.seconds / TURNS, burst=given.burst)
        for turn in range(TURNS):
            page.run(talk + 'print("end", i)\n' * (turn == TURNS - 1))
        page.until(lambda message: message["header"]["msg_type"] == "execute_input")
        for _ in range(TURNS):
            # What a page asked for is lost if it leaves before the server has passed that on, one by one.
            asked = page.send("kernel_info_request", {}, channel="control")
            page.until(lambda message, asked=asked: message["parent_header"].get("msg_id") == asked)
        page.close()
    return kernels


def watched(server: Server, seconds: float) -> list[int]:
    """The server's memory, looked at now and then until the end."""
    memory: list[int] = []
    for look in range(LOOKS):
        time.sleep(seconds / LOOKS)
        memory.append(server.process.memory_info().rss >> 20)
        print(f"{look + 1:>3}  {memory[-1]} MB, {server.process.num_threads()} threads", flush=True)
    return memory


def left_behind(server: Server, kernels: list[str], threads: int) -> list[str]:
    """What the kernels leave when they are gone."""
    for kernel in kernels:
        server.ask("DELETE", f"/api/kernels/{kernel}")
    try:
        server.until(
            lambda: server.process.num_threads() <= threads and not server.files, "something is left"
        )
    except AssertionError:
        return [f"{server.process.num_threads()} threads, {threads} before", *map(str, server.files)]
    return []


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    for name, default in (("seconds", 600), ("kernels", 20), ("clients", 40), ("burst", 5), ("seed", 1)):
        options.add_argument(f"--{name}", type=int, default=default)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as directory, running(Path(directory), *SETTINGS) as server:
        threads = _at_rest(server)
        kernels = talking(server, given)
        tallies, end = [Tally() for _ in range(given.clients)], time.monotonic() + given.seconds
        with ThreadPoolExecutor(given.clients) as pool:
            for place, tally in enumerate(tallies):
                pool.submit(client, server, kernels, given.seed + place, end, tally)
            memory = watched(server, given.seconds)
        last = Tally()
        lines = whole(server, kernels, last)
        print(server.ask("GET", "/reactive/metrics").partition("# HELP reactive_memory")[0])
        return _report([*tallies, last], lines, memory, left_behind(server, kernels, threads))


def _report(tallies: list[Tally], lines: int, memory: list[int], left: list[str]) -> int:
    total = {name: sum(getattr(tally, name) for tally in tallies) for name in Tally.__dataclass_fields__}
    quarter = len(memory) // 4
    early, late = median(memory[quarter : 2 * quarter]), median(memory[-quarter:])
    grown = late > early * 1.1 + 10
    print(json.dumps({**total, "lines": lines}))
    print(f"lost: {total['problems'] or 'nothing'}; left behind: {left or 'nothing'}")
    print(f"memory: {early:.0f} MB in the second quarter, {late:.0f} MB in the last{': IT GROWS' * grown}")
    return 1 if total["problems"] or left or grown else 0


if __name__ == "__main__":
    sys.exit(main())
