"""Finds out what the code that uses a line magic does with its value."""

from __future__ import annotations

import dis
import inspect
from types import FrameType
from typing import Any


def unused(shell: Any) -> bool:
    """Is the value of the line magic that is running nobody's, as of a line by itself in a cell?"""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None and frame.f_globals is not shell.user_global_ns:
        frame = frame.f_back
    if frame is None:
        return False
    following = (each.opname for each in dis.get_instructions(frame.f_code) if each.offset > frame.f_lasti)
    after = next((name for name in following if name != "CACHE"), "")
    # The value is dropped, or is the last of the cell, which the shell would print.
    return after in ("POP_TOP", "PRINT_EXPR", "CALL_INTRINSIC_1")
