"""The graph of a document as text: JSON, Graphviz' dot, Mermaid, SVG."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from xml.sax.saxutils import escape

from .cell import CellId, Resource
from .fixed import fixed
from .session import Session

# A label is cut after so many characters, and the list of names on an arrow after so many.
_LONGEST, _LONGEST_NAMES = 34, 26


@fixed
class Box:
    """A cell of the graph."""

    id: CellId
    label: str
    line: str
    reads: tuple[Resource, ...]
    writes: tuple[Resource, ...]


@fixed
class Arrow:
    """Names that one cell takes from another."""

    start: CellId
    end: CellId
    names: tuple[Resource, ...]


@fixed
class Diagram:
    """What is drawn: cells in document order, arrows by the places of their ends."""

    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    cycles: tuple[tuple[CellId, ...], ...]


def diagram(document: Session) -> Diagram:
    """The document's graph, as its cells' text and what is known of their runs shows it."""
    return Diagram(
        tuple(_box(document, cell) for cell in document.cells),
        tuple(arrow for cell in document.cells for arrow in _arrows(document, cell)),
        tuple(cycle.cells for cycle in document.graph.cycles()),
    )


def _box(document: Session, cell: CellId) -> Box:
    edges = document.edges(cell)
    lines = document.cell(cell).source.strip().splitlines()
    line = "".join(character if character.isprintable() else " " for character in "".join(lines[:1]))
    return Box(cell, document.label(cell), line, edges.reads, edges.writes)


def _arrows(document: Session, cell: CellId) -> Iterable[Arrow]:
    graph = document.graph
    for child in sorted(graph.children(cell), key=graph.rank):
        names = (name for name in graph.taken(cell) if child in graph.readers(cell, name))
        yield Arrow(cell, child, tuple(sorted(names)))


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def to_json(drawn: Diagram) -> str:
    content = {
        "cells": [
            {"id": box.id, "reads": list(box.reads), "writes": list(box.writes)} for box in drawn.boxes
        ],
        "edges": [{"from": each.start, "to": each.end, "names": list(each.names)} for each in drawn.arrows],
        "cycles": [list(cycle) for cycle in drawn.cycles],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def to_dot(drawn: Diagram) -> str:
    looped = {cell for cycle in drawn.cycles for cell in cycle}
    lines = ["digraph notebook {", '  node [shape=box, style=rounded, fontname="monospace"];']
    for box in drawn.boxes:
        colour = ", color=red" if box.id in looped else ""
        label = f"{_dotted(box.label)}\\n{_dotted(_cut(box.line, _LONGEST))}"
        lines.append(f'  "{_dotted(box.id)}" [label="{label}"{colour}];')
    for each in drawn.arrows:
        label = _dotted(_cut(", ".join(each.names), _LONGEST_NAMES))
        lines.append(f'  "{_dotted(each.start)}" -> "{_dotted(each.end)}" [label="{label}"];')
    return "\n".join([*lines, "}", ""])


def _dotted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def to_mermaid(drawn: Diagram) -> str:
    # Mermaid allows few ids, so that cells are called by their places.
    called = {box.id: f"c{number}" for number, box in enumerate(drawn.boxes, 1)}
    lines = ["flowchart TD"]
    for box in drawn.boxes:
        label = f"{_coded(box.label)}<br/>{_coded(_cut(box.line, _LONGEST))}"
        lines.append(f'  {called[box.id]}["{label}"]')
    for each in drawn.arrows:
        label = _coded(_cut(", ".join(each.names), _LONGEST_NAMES))
        lines.append(f'  {called[each.start]} -->|"{label}"| {called[each.end]}')
    looped = [called[cell] for cycle in drawn.cycles for cell in cycle]
    if looped:
        lines += ["  classDef cycle stroke:#d33", f"  class {','.join(looped)} cycle"]
    return "\n".join([*lines, ""])


def _coded(text: str) -> str:
    """All that could mean something to Mermaid, Markdown or HTML as a character code."""
    return "".join(each if each.isalnum() or each in " ,._…" else f"#{ord(each)};" for each in text)


# SVG: layers from left to right, so that many readers of one cell make the drawing long, not wide.

_BOX_WIDTH, _BOX_HEIGHT, _COLUMN, _ROW, _MARGIN = 250, 44, 400, 62, 24
# What an arrow takes that passes a layer.
_LANE = 18
# How far an arrow that goes back hangs below the boxes.
_SAG = 34
_SWEEPS = 6

# For a page with this drawing in it, whose own styles may not be touched.
LIGHT = """\
    .notebook-graph { background: #fff; font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
    .notebook-graph .box { fill: #f3f6fa; stroke: #7a8ba0; }
    .notebook-graph .cycle { stroke: #c62828; stroke-width: 2; }
    .notebook-graph .label { fill: #5b6b7f; font-size: 10px; }
    .notebook-graph .line { fill: #16202c; }
    .notebook-graph .arrow { fill: none; stroke: #8ca0b8; stroke-width: 1.3; }
    .notebook-graph .tip { fill: #8ca0b8; }
    .notebook-graph .names { fill: #2f5f98; font-size: 10px; }
    .notebook-graph .names { stroke: #fff; stroke-width: 4; paint-order: stroke; }
"""
DARK = """\
    .notebook-graph { background: #14181d; }
    .notebook-graph .box { fill: #222a33; stroke: #61738a; }
    .notebook-graph .cycle { stroke: #ff6b6b; }
    .notebook-graph .label { fill: #9fb0c3; }
    .notebook-graph .line { fill: #e8edf3; }
    .notebook-graph .arrow { stroke: #64788f; }
    .notebook-graph .tip { fill: #64788f; }
    .notebook-graph .names { fill: #8fc0f5; stroke: #14181d; }
"""


@fixed
class _Stop:
    """A place in a layer: a cell's, or where an arrow passes on its way."""

    layer: int
    cell: CellId | None
    # Document order of the cell, or of the cell that the arrow goes to.
    order: int
    # Tells the arrows that pass a layer from each other.
    arrow: int = -1

    @property
    def height(self) -> int:
        return _LANE if self.cell is None else _ROW


def to_svg(drawn: Diagram) -> str:
    """The drawing as a file, light or dark as whoever looks at it."""
    style = f"{LIGHT}    @media (prefers-color-scheme: dark) {{\n{DARK}    }}\n"
    head, *rest = picture(drawn).splitlines()
    return "\n".join([head, f"  <style>\n{style}  </style>", *rest, ""])


def picture(drawn: Diagram, target: Callable[[CellId], str] | None = None) -> str:
    """The drawing without its style; each cell leads to its target."""
    layers = _layers(drawn)
    order = {box.id: number for number, box in enumerate(drawn.boxes)}
    stops = {box.id: _Stop(layers[box.id], box.id, order[box.id]) for box in drawn.boxes}
    paths = [_path(number, arrow, stops) for number, arrow in enumerate(drawn.arrows)]
    columns = _columns(stops, paths)
    heights = _heights(columns, _neighbours(paths))
    looped = {cell for cycle in drawn.cycles for cell in cycle}
    width = 2 * _MARGIN + max(0, len(columns) - 1) * _COLUMN + _BOX_WIDTH
    height = (
        2 * _MARGIN
        + (_SAG if drawn.cycles else 0)
        + max((int(top) + _ROW for top in heights.values()), default=_ROW)
    )
    body = [_curve([(stop, heights[stop]) for stop in path], drawn.arrows[i]) for i, path in enumerate(paths)]
    for box in drawn.boxes:
        drawing = _rectangle(box, stops[box.id], heights[stops[box.id]], looped=box.id in looped)
        body.append(drawing if target is None else f'  <a href="{escape(target(box.id))}">{drawing}</a>')
    body += [
        _caption([(stop, heights[stop]) for stop in path], drawn.arrows[i]) for i, path in enumerate(paths)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="notebook-graph" width="{width}"'
            f' height="{height}" viewBox="0 0 {width} {height}" role="img"'
            ' aria-label="Which cell reads names of which">',
            '  <defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
            ' orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>',
            *body,
            "</svg>",
        ]
    )


def _layers(drawn: Diagram) -> Mapping[CellId, int]:
    """Each cell right of all that it needs; arrows within a cycle that point up the document are let be."""
    place = {box.id: number for number, box in enumerate(drawn.boxes)}
    ring = {cell: number for number, cycle in enumerate(drawn.cycles) for cell in cycle}
    needs: dict[CellId, list[CellId]] = {box.id: [] for box in drawn.boxes}
    for each in drawn.arrows:
        within = each.start in ring and ring[each.start] == ring.get(each.end)
        if not (within and place[each.start] >= place[each.end]):
            needs[each.end].append(each.start)
    layers: dict[CellId, int] = {}
    for box in drawn.boxes:
        todo = [box.id]
        while todo:
            cell = todo[-1]
            waits = [need for need in needs[cell] if need not in layers]
            if waits:
                todo += waits
                continue
            layers[todo.pop()] = max((layers[need] + 1 for need in needs[cell]), default=0)
    return MappingProxyType(layers)


def _path(number: int, arrow: Arrow, stops: Mapping[CellId, _Stop]) -> list[_Stop]:
    start, end = stops[arrow.start], stops[arrow.end]
    between = [_Stop(layer, None, end.order, number) for layer in range(start.layer + 1, end.layer)]
    return [start, *between, end]


def _columns(stops: Mapping[CellId, _Stop], paths: Iterable[Sequence[_Stop]]) -> list[list[_Stop]]:
    everything = [*stops.values(), *(stop for path in paths for stop in path[1:-1])]
    columns: list[list[_Stop]] = [[] for _ in range(max((stop.layer for stop in everything), default=-1) + 1)]
    for stop in sorted(everything, key=lambda stop: (stop.order, stop.cell is None, stop.arrow)):
        columns[stop.layer].append(stop)
    return columns


def _neighbours(paths: Iterable[Sequence[_Stop]]) -> Mapping[_Stop, list[_Stop]]:
    found: dict[_Stop, list[_Stop]] = {}
    for path in paths:
        for one, other in pairwise(path):
            found.setdefault(one, []).append(other)
            found.setdefault(other, []).append(one)
    return found


def _heights(columns: list[list[_Stop]], neighbours: Mapping[_Stop, list[_Stop]]) -> dict[_Stop, float]:
    """Order the columns so that arrows cross little, by the mean height of neighbours to one side."""
    heights: dict[_Stop, float] = {}
    for column in columns:
        _stack(column, heights)

    def pull(side: int) -> Callable[[_Stop], tuple[float, int]]:
        def mean(stop: _Stop) -> tuple[float, int]:
            beside = [heights[each] for each in neighbours.get(stop, []) if each.layer - stop.layer == side]
            return (sum(beside) / len(beside) if beside else heights[stop], stop.order)

        return mean

    for sweep in range(_SWEEPS):
        side = -1 if sweep % 2 == 0 else 1
        for column in columns if side < 0 else reversed(columns):
            column.sort(key=pull(side))
            _stack(column, heights)
    tallest = max((_extent(column) for column in columns), default=0)
    for column in columns:
        shift = (tallest - _extent(column)) / 2
        for stop in column:
            heights[stop] += shift
    return heights


def _extent(column: Iterable[_Stop]) -> int:
    return sum(stop.height for stop in column)


def _stack(column: Iterable[_Stop], heights: dict[_Stop, float]) -> None:
    top = 0
    for stop in column:
        heights[stop] = top
        top += stop.height


def _left(stop: _Stop) -> int:
    return _MARGIN + stop.layer * _COLUMN


def _middle(stop: _Stop, top: float) -> float:
    return _MARGIN + top + (_BOX_HEIGHT if stop.cell is not None else _LANE) / 2


def _curve(path: Sequence[tuple[_Stop, float]], arrow: Arrow) -> str:
    (start, top), *rest = path
    title = f"<title>{escape(f'{arrow.start} → {arrow.end}: ' + ', '.join(arrow.names))}</title>"
    if (back := _way_back(path)) is not None:
        (x, y), (to_x, to_y) = back
        line = f"M{x:g} {y:g}C{x:g} {y + _SAG:g} {to_x:g} {to_y + _SAG:g} {to_x:g} {to_y:g}"
        return f'  <path class="arrow" marker-end="url(#tip)" d="{line}">{title}</path>'
    x, y = _left(start) + _BOX_WIDTH, _middle(start, top)
    line = [f"M{x} {y:g}"]
    for stop, top in rest:
        to_x, to_y = _left(stop), _middle(stop, top)
        bend = (to_x - x) / 2
        line.append(f"C{x + bend:g} {y:g} {to_x - bend:g} {to_y:g} {to_x} {to_y:g}")
        x, y = to_x, to_y
        if stop.cell is None:
            x += _BOX_WIDTH
            line.append(f"H{x}")
    return f'  <path class="arrow" marker-end="url(#tip)" d="{"".join(line)}">{title}</path>'


def _way_back(path: Sequence[tuple[_Stop, float]]) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """From where below a box to where, if the arrow does not go right: then it closes a cycle."""
    (start, top), (end, end_top) = path[0], path[-1]
    if start.layer < end.layer:
        return None
    half, low = _BOX_WIDTH / 2, _BOX_HEIGHT / 2
    return (
        (_left(start) + half, _middle(start, top) + low),
        (_left(end) + half, _middle(end, end_top) + low),
    )


def _caption(path: Sequence[tuple[_Stop, float]], arrow: Arrow) -> str:
    """The names, before the arrow's end: there arrows from one cell are apart."""
    names = escape(_cut(", ".join(arrow.names), _LONGEST_NAMES))
    if (back := _way_back(path)) is not None:
        x, y = (sum(each) / 2 for each in zip(*back))
        return f'  <text class="names" text-anchor="middle" x="{x:g}" y="{y + 0.75 * _SAG:g}">{names}</text>'
    (before, top), (end, end_top) = path[-2:]
    y = 0.3 * _middle(before, top) + 0.7 * _middle(end, end_top) - 3
    return f'  <text class="names" text-anchor="end" x="{_left(end) - 16}" y="{y:g}">{names}</text>'


def _rectangle(box: Box, stop: _Stop, top: float, *, looped: bool) -> str:
    x, y = _left(stop), _MARGIN + top
    kind = "box cycle" if looped else "box"
    return (
        f"  <g><title>{escape(f'{box.label} ({box.id}): {box.line}')}</title>"
        f'<rect class="{kind}" x="{x}" y="{y:g}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="6"/>'
        f'<text class="label" x="{x + 10}" y="{y + 16:g}">{escape(box.label)}</text>'
        f'<text class="line" x="{x + 10}" y="{y + 33:g}" xml:space="preserve">'
        f"{escape(_cut(box.line, 32))}</text></g>"
    )


FORMATS: Mapping[str, Callable[[Diagram], str]] = MappingProxyType(
    {"json": to_json, "dot": to_dot, "mermaid": to_mermaid, "svg": to_svg}
)
