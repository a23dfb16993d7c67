"""Measuring in turn: whatever else the machine does meets everybody alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Spread:
    """The middle of what was measured, and where its middle half lies."""

    middle: float
    low: float
    high: float
    count: int

    @property
    def doubt(self) -> float:
        """Twice the standard error of a median, as the middle half tells it."""
        return 2 * 0.93 * (self.high - self.low) / math.sqrt(self.count)


def spread(values: Sequence[float]) -> Spread:
    if len(values) < 2:
        return Spread(values[0], values[0], values[0], 1)
    low, _, high = quantiles(values, n=4, method="inclusive")
    return Spread(median(values), low, high, len(values))


def in_turn(rounds: int, acts: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Every act in turn, again and again; who begins changes from round to round."""
    times: dict[str, list[float]] = {name: [] for name in acts}
    names = list(acts)
    for place in range(rounds):
        first = place % max(1, len(names))
        for name in (*names[first:], *names[:first]):
            times[name].append(acts[name]())
    return times


def ratio(over: Sequence[float], under: Sequence[float]) -> float:
    return median(over) / median(under)


def timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def told(values: Sequence[float]) -> str:
    """Seconds as people read them: the median, and where the middle half of them lies."""
    found = spread(values)
    scale, unit = (1, "s") if found.middle >= 1 else (1000, "ms")
    text = f"{found.middle * scale:.3g}"
    if found.count > 2:
        text += f" ({found.low * scale:.3g}–{found.high * scale:.3g})"
    return f"{text} {unit}"
