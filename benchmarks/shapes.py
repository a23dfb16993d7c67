"""Documents of every size: a chain, a fan, a grid of diamonds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt

Cells = Sequence[tuple[str, str]]
# Takes the number of cells below the first one, whose edit has all of them run again.
Shape = Callable[[int], Cells]

HEAD = "c0"


def chain(length: int) -> Cells:
    return [(HEAD, "x0 = 0"), *((f"c{i}", f"x{i} = x{i - 1} + 1") for i in range(1, length + 1))]


def fan(width: int) -> Cells:
    return [(HEAD, "x0 = 0"), *((f"c{i}", f"x{i} = x0 + {i}") for i in range(1, width + 1))]


def grid(number: int) -> Cells:
    """Rows as long as columns; each cell reads its neighbours above and to the left."""
    side = isqrt(number)
    return [(HEAD, "x0 = 0"), *((f"c{i}", f"x{i} = {_crossing(i, side)}") for i in range(1, number + 1))]


def _crossing(number: int, side: int) -> str:
    """One more than the greater neighbour: values stay small."""
    row, column = divmod(number - 1, side)
    above = f"x{number - side}" if row else "x0"
    left = f"x{number - 1}" if column else "x0"
    return f"{above} + 1" if above == left else f"({above} if {above} > {left} else {left}) + 1"


def independent(number: int) -> Cells:
    return [(f"c{i}", f"x{i} = {i}") for i in range(number)]


SHAPES: dict[str, Shape] = {"chain": chain, "fan": fan, "grid": grid}


def last_value(cells: Cells, head: int) -> object:
    """What the last cell comes to after `x0 = head`: whoever has another value has not run all of them."""
    names: dict[str, object] = {}
    for _, source in ((HEAD, f"x0 = {head}"), *cells[1:]):
        exec(source, names)
    return names[f"x{len(cells) - 1}"]
