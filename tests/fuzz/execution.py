"""Runs a cell's source as any Python would, and keeps what it shows."""

from __future__ import annotations

import builtins
import io
import re
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any


@lru_cache(maxsize=50_000)
def compiled(source: str, name: str) -> CodeType:
    # What this module imports from the future is not for the cells.
    return compile(source, name, "exec", dont_inherit=True)


# Where an object lies nobody can foresee.
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


@dataclass(frozen=True)
class Shown:
    """What a cell shows after a run."""

    text: str
    error: str | None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _ADDRESS.sub(" at 0x", self.text))
        if self.error is not None:
            object.__setattr__(self, "error", _ADDRESS.sub(" at 0x", self.error))

    def __str__(self) -> str:
        return repr(self.text) + (f" and {self.error}" if self.error else "")


def blank() -> dict[str, object]:
    return {"__name__": "__main__", "__builtins__": builtins}


def execute(
    source: str, name: str, live: dict[str, object], halt: int = 0
) -> tuple[Shown, BaseException | None]:
    """Run a cell's source as a module's, and catch what it shows; an interrupt strikes before line `halt`."""
    out = io.StringIO()
    error: BaseException | None = None
    with redirect_stdout(out):
        try:
            code = compiled(source, name)
            if halt:
                _until(halt, name, lambda: exec(code, live))
            else:
                exec(code, live)
        except Exception as caught:  # noqa: BLE001  # whatever a cell raises is what it shows
            error = caught
        except KeyboardInterrupt as caught:
            if not halt:
                raise
            error = caught
    return Shown(out.getvalue(), None if error is None else _words(error)), error


def _words(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "KeyboardInterrupt"
    # How deep the stack was when a recursion ended decides about its message.
    said = "" if isinstance(error, RecursionError) else f": {error}"
    return type(error).__name__ + said


def _until(line: int, name: str, run: Callable[[], None]) -> None:
    """Run something until a frame of that name comes to that line."""

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != name:
            return None
        if event == "line" and frame.f_lineno == line:
            sys.settrace(before)
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
