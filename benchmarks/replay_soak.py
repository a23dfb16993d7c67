"""Twenty kernels talk, forty clients come and go at random: `python -m benchmarks.replay_soak`.

Ends by itself, after `--seconds`. Every client checks that what it is told has no hole.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import websocket

from tests.replay.server import Server, Stream, running

TALK = """
import sys, time, random
end = time.time() + {seconds}
i = 0
while time.time() < end:
    for _ in range(random.randint(1, {burst})):
        sys.stdout.write(f"{{i}}\\n"); sys.stdout.flush()
        i += 1
    time.sleep(random.random() * 0.1)
print("end", i)
"""


# The stock server keeps all that nobody reads, without limit: that is not what is measured here.
UNBUFFERED = "--MappingKernelManager.buffer_offline_messages=False"


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
    """What it shows is a row of numbers without a hole, from the first one if it was told everything."""
    folded = stream.cells.get("c", {"messages": []})["messages"]
    text = "".join(message["content"].get("text", "") for message in folded) + stream.text
    numbers = [int(line) for line in text.splitlines() if line.isdigit()]
    start = 0 if stream.cells else (numbers[0] if numbers else 0)
    if numbers != list(range(start, start + len(numbers))):
        tally.problems += 1


def client(server: Server, kernels: list[str], seed: int, end: float, tally: Tally) -> None:
    lottery = random.Random(seed)
    cursors: dict[str, object] = {}
    while time.monotonic() < end:
        kernel = lottery.choice(kernels)
        try:
            cursors[kernel] = visit(server, kernel, cursors.get(kernel), lottery, tally)
        except (AssertionError, OSError) as error:
            tally.problems += 1
            print(f"client {seed}: {error!r}", flush=True)


def whole(server: Server, kernels: list[str], tally: Tally) -> int:
    """At the end, every kernel's cell shows every line."""
    lines = 0
    for kernel in kernels:
        stream = server.stream(kernel)
        stream.until_snapshot()
        while "end" not in (shown := _shown(stream)):
            stream.next()
        said = int(shown.split("end")[1])
        numbers = shown.split("end")[0].split()
        tally.problems += numbers != [str(number) for number in range(said)]
        lines += said
        stream.close()
    return lines


def _shown(stream: Stream) -> str:
    folded = stream.cells.get("c", {"messages": []})["messages"]
    return "".join(message["content"].get("text", "") for message in folded) + stream.text


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    for name, default in (("seconds", 600), ("kernels", 20), ("clients", 40), ("burst", 5), ("seed", 1)):
        options.add_argument(f"--{name}", type=int, default=default)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as directory, running(Path(directory), UNBUFFERED) as server:
        kernels = [server.kernel() for _ in range(given.kernels)]
        for kernel in kernels:
            page = server.page(kernel)
            page.run(TALK.format(seconds=given.seconds, burst=given.burst))
            page.until(lambda message: message["header"]["msg_type"] == "execute_input")
            page.close()
        tallies, end = [Tally() for _ in range(given.clients)], time.monotonic() + given.seconds
        threads = [
            threading.Thread(target=client, args=(server, kernels, given.seed + place, end, tally))
            for place, tally in enumerate(tallies)
        ]
        for thread in threads:
            thread.start()
        memory: list[int] = []
        while time.monotonic() < end:
            time.sleep(min(given.seconds / 20, 15))
            memory.append(server.process.memory_info().rss >> 20)
            print(f"{len(memory):>3}  {memory[-1]} MB, {server.process.num_threads()} threads", flush=True)
        for thread in threads:
            thread.join()
        last = Tally()
        lines = whole(server, kernels, last)
        return _report(tallies, last, lines, memory)


def _report(tallies: list[Tally], last: Tally, lines: int, memory: list[int]) -> int:
    total = {name: sum(getattr(tally, name) for tally in tallies) for name in Tally.__dataclass_fields__}
    problems = total["problems"] + last.problems
    half = memory[len(memory) // 2 :]
    print(json.dumps({**total, "lines": lines, "problems": problems}))
    print(f"memory in the second half: {min(half)} to {max(half)} MB; lost: {problems or 'nothing'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
