"""Makes a sequence that shows a mismatch as small as it gets."""

from __future__ import annotations

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
    for at in reversed(range(len(operations))):
        yield replace(sequence, operations=operations[:at] + operations[at + 1 :])
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
    if operation.steps is not None:
        yield replace(operation, steps=None)
    for at in range(len(operation.cells) if len(operation.cells) > 1 else 0):
        yield replace(operation, cells=operation.cells[:at] + operation.cells[at + 1 :])
    for shorter in _shorter(operation.source):
        yield replace(operation, source=shorter)


def _shorter(source: str) -> Iterator[str]:
    lines = source.split("\n")
    for at in range(len(lines) if len(lines) > 1 else 0):
        yield "\n".join(lines[:at] + lines[at + 1 :])
