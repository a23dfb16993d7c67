"""Loggers and handlers. What a logger itself was told is a dial."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from .classes import Instance
from .shape import Shape


class Handler(Instance):
    """Something that logs: what it writes to, unless that is everybody's."""

    def spread(self, values: Sequence[Any]) -> list[object]:
        common = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__)
        return [held for held in super().spread(values) if not any(held is each for each in common)]


def around_logger(logger: Any) -> list[object]:
    """What a logger hands messages to."""
    above = [logger.parent] if logger.propagate and logger.parent is not None else []
    return [*logger.handlers, *logger.filters, *above]


LOGGER = Shape(around_logger, "logger")
