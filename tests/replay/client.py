"""A client that keeps what it is told, as a page would: a snapshot's messages, then what follows."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from jupyter_extension.replay.log import Gap, Lines, Log, NewEpoch, OnDisk, Reader, Snapshot

from .messages import message, wire

EPOCH = wire(message("epoch", {}))


def shuffled(snapshot: Snapshot, seed: int = 0) -> list[dict[str, Any]]:
    """All messages of a snapshot; the cells in any order, for that must not matter."""
    cells, other = folded(snapshot)
    runs = list(cells.values())
    Random(seed).shuffle(runs)
    return [message for run in runs for message in run["messages"]] + other


def folded(snapshot: Snapshot) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The cells and the rest of a snapshot, from all its parts."""
    parts = [json.loads(part) for part in snapshot.parts()]
    assert [part.get("more", False) for part in parts] == [True] * (len(parts) - 1) + [False]
    cells: dict[str, Any] = {}
    other: list[dict[str, Any]] = []
    for part in parts:
        assert not cells.keys() & part["cells"].keys()
        cells |= part["cells"]
        other += part["other"]
    return cells, other


def read(
    reader: Reader, size: int = 1 << 20, known: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """What is known and what there is to read, without gap or repeat; `EPOCH` where a process followed."""
    got = [] if known is None else known
    while True:
        step = reader.step(size)
        if isinstance(step, OnDisk):
            step = reader.load(step.piece)
            assert step is not None
        if isinstance(step, Lines):
            for line in map(json.loads, step.lines):
                assert line["seq"] == reader.seq + 1
                reader.seq += 1
                got.append(line["msg"])
        elif isinstance(step, NewEpoch):
            _, snapshot = reader.turn()
            got = [*got, EPOCH] if snapshot is None else shuffled(snapshot)
        else:
            assert not isinstance(step, Gap)
            return got


def record(log: Log, history: list[Any]) -> None:
    """Have the log take a generated history."""
    for said in history:
        if isinstance(said, str):
            log.begin(f"{log.cursor.epoch}+")
        else:
            log.append(said)
        log.tidy()
