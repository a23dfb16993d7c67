"""Who takes what from whom, as the kernel told it at the end of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from reactive_kernel.cell import Cell, CellId, Resource
from reactive_kernel.drawing import Arrow, Box, Diagram
from reactive_kernel.runner import Standing

# For each cell, from which cell it takes what it reads.
Links = Mapping[CellId, Mapping[Resource, CellId]]


def links(cells: Sequence[Cell], standings: Mapping[CellId, Standing]) -> Links:
    """A name is from the nearest parent that writes it, above first; the kernel tells both apart."""
    place = {cell.id: number for number, cell in enumerate(cells)}
    found: dict[CellId, Mapping[Resource, CellId]] = {}
    for cell in cells:
        standing = standings[cell.id]
        taken: dict[Resource, CellId] = {}
        for name in standing.reads:
            makers = [each for each in standing.parents if name in standings[each].writes]
            if makers:
                taken[name] = _nearest(makers, cell.id, place)
        found[cell.id] = taken
    return MappingProxyType(found)


def _nearest(makers: Iterable[CellId], cell: CellId, place: Mapping[CellId, int]) -> CellId:
    def distance(maker: CellId) -> tuple[bool, int]:
        return place[maker] >= place[cell], abs(place[maker] - place[cell])

    return min(makers, key=distance)


def diagram(
    cells: Sequence[Cell], standings: Mapping[CellId, Standing], cycles: tuple[tuple[CellId, ...], ...]
) -> Diagram:
    """What is drawn of the run: cells without text are left out."""
    taken = links(cells, standings)
    boxes = [
        Box(cell.id, f"cell {number}", _first_line(cell), standings[cell.id].reads, standings[cell.id].writes)
        for number, cell in enumerate(cells, 1)
        if cell.source.strip()
    ]
    arrows = [
        Arrow(maker, cell.id, tuple(sorted(name for name, it in taken[cell.id].items() if it == maker)))
        for cell in cells
        for maker in standings[cell.id].parents
    ]
    drawn = {box.id for box in boxes}
    shown = tuple(each for each in arrows if {each.start, each.end} <= drawn)
    return Diagram(tuple(boxes), shown, cycles)


def _first_line(cell: Cell) -> str:
    line = "".join(cell.source.strip().splitlines()[:1])
    return "".join(each if each.isprintable() else " " for each in line)
