"""Makes a sequence that shows a mismatch as small as it gets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from .notebooks import Operation, Story

TRIES = 3000


def shrink(sequence: Story, fails: Callable[[Story], bool]) -> Story:
    """Leave out whatever is not needed for `fails` to hold."""
    tries = 0
    progress = True
    while progress:
        progress = False
        for smaller in _smaller(sequence):
            tries += 1
            if tries > TRIES:
                return sequence
            if fails(smaller):
                sequence, progress = smaller, True
                break
    return sequence


def _smaller(sequence: Story) -> Iterator[Story]:
    cells, operations = sequence.cells, sequence.operations
    # Many at once first: what is left is tried one by one.
    for size in (8, 4, 2, 1):
        for at in reversed(range(0, len(operations), size) if len(operations) >= size else ()):
            yield replace(sequence, operations=operations[:at] + operations[at + size :])
    for at in reversed(range(len(cells))):
        yield replace(sequence, cells=cells[:at] + cells[at + 1 :])
    for at, (name, source) in enumerate(cells):
        for shorter in _shorter(source):
            yield replace(sequence, cells=(*cells[:at], (name, shorter), *cells[at + 1 :]))
    for at, operation in enumerate(operations):
        for simpler in _simpler(operation):
            yield replace(sequence, operations=(*operations[:at], simpler, *operations[at + 1 :]))


def _simpler(operation: Operation) -> Iterator[Operation]:
    if operation.amid:
        yield replace(operation, amid=False)
    if operation.halt:
        yield replace(operation, halt=0)
    if operation.kind == "edit_run":
        yield replace(operation, kind="run", source="")
    if operation.steps is not None:
        yield replace(operation, steps=None)
    for at in range(len(operation.cells) if len(operation.cells) > 1 else 0):
        yield replace(operation, cells=operation.cells[:at] + operation.cells[at + 1 :])
    for shorter in _shorter(operation.source):
        yield replace(operation, source=shorter)


def _shorter(source: str) -> Iterator[str]:
    lines = source.split("\n")
    for at in range(len(lines) if len(lines) > 1 else 0):
        # With a block goes all that is in it.
        depth = _depth(lines[at])
        end = next((to for to in range(at + 1, len(lines)) if _depth(lines[to]) <= depth), len(lines))
        if end > at + 1:
            yield "\n".join(lines[:at] + lines[end:])
            body = [line[4:] for line in lines[at + 1 : end]]
            yield "\n".join(lines[:at] + body + lines[end:])
        yield "\n".join(lines[:at] + lines[at + 1 :])
    for long, short in _SIMPLER:
        if (simpler := long.sub(short, source)) != source:
            yield simpler


# What values can be written in a simpler way.
_SIMPLER = (
    (re.compile(r"  # the same$"), ""),
    (re.compile(r"\[[^\[\]]+, [^\[\]]+\](?= *$)", re.MULTILINE), "[1]"),
    (re.compile(r"= list\(.*\)$", re.MULTILINE), "= [1]"),
    (re.compile(r"^import heapq, bisect$|^import bisect\n|^import heapq\n", re.MULTILINE), ""),
    (re.compile(r"(print\([^()]*), [^()]*\)"), r"\1)"),
)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
