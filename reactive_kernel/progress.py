"""How far a run has come: in one line where somebody watches, now and then in a log."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator
from time import monotonic
from typing import TypeAlias

from .cell import Cell

# Told of every cell that begins, and again every second: how many have begun, of how many, which, since when.
Progress: TypeAlias = Callable[[int, int, Cell, float], None]

# After so many seconds a cell is slow enough to be told of in a log.
_PATIENCE = 30.0
# So long a log may hear nothing of a run whose cells are all quick.
_SILENCE = 60.0
_WIDTH = 60


@contextlib.contextmanager
def progress(*, always: bool = False) -> Generator[Progress]:
    """Shows how far a run has come on the standard error, in one line if that is a terminal."""
    if always or sys.stderr.isatty():
        with _line() as line:
            yield line
    else:
        yield Slow()


@contextlib.contextmanager
def _line() -> Generator[Progress]:
    shown = ""

    def show(begun: int, wanted: int, cell: Cell, seconds: float) -> None:
        time = f" {seconds:.0f} s" if seconds >= 1 else ""
        replace(f"[{begun}/{wanted}]{time} {_first_line(cell)}")

    def replace(text: str) -> None:
        # Blanks, as not everything that shows a carriage return knows how to clear a line.
        nonlocal shown
        before, shown = shown, text
        sys.stderr.write(f"\r{text:<{len(before)}}" + ("" if text else "\r"))
        sys.stderr.flush()

    try:
        yield show
    finally:
        replace("")


class Slow:
    """Tells a log of cells that take long, each time that they have taken twice as long, and of long runs."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._patience = _PATIENCE
        self._told = now()

    def __call__(self, begun: int, wanted: int, cell: Cell, seconds: float) -> None:
        if seconds < 1:
            self._patience = _PATIENCE
        slow = seconds >= self._patience
        if slow:
            self._patience *= 2
        if slow or (seconds < 1 and self._now() - self._told >= _SILENCE):
            self._told = self._now()
            time = f" {seconds:.0f} s" if slow else ""
            sys.stderr.write(f"[{begun}/{wanted}]{time} {_first_line(cell)}\n")
            sys.stderr.flush()


def _first_line(cell: Cell) -> str:
    return next(iter(cell.source.strip().splitlines()), "")[:_WIDTH]
