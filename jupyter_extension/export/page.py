"""What the page of an executed notebook tells of each cell, beside what the cell shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from reactive_kernel.cell import Cell, CellId, Freshness, Mode, Outcome, Resource
from reactive_kernel.drawing import DARK, LIGHT, picture
from reactive_kernel.notebook import document
from reactive_kernel.runner import Result, Standing

from .links import diagram, links

# Of long lists of names so many are shown.
_SHOWN_NAMES = 12
# The states of a cell, in the order in which they are counted, with their signs.
_SIGNS = {
    "fresh": "✓",
    "failed": "✗",
    "failed as it should": "✗",
    "blocked": "⊘",
    "stale": "↻",
    "interrupted": "■",
    "off": "○",
    "not run": "○",
}


@dataclass(frozen=True)
class Name:
    """A name, and where it comes from if a cell made it."""

    name: str
    title: str = ""
    target: str = ""


@dataclass(frozen=True)
class View:
    """What is told of one cell."""

    label: str
    state: str
    sign: str
    freshness: str
    outcome: str
    reason: str
    reads: tuple[Name, ...]
    writes: tuple[Name, ...]


@dataclass(frozen=True)
class Page:
    """What is told of the whole notebook."""

    cells: Mapping[str, View]
    summary: str
    failures: tuple[str, ...]
    graph: str
    style: str


def page_of(result: Result, *, dark: bool = False) -> Page:
    cells = document(result.notebook)
    standings = {cell.id: result.cells.get(cell.id, Standing()) for cell in cells}
    labels = {cell.id: f"cell {number}" for number, cell in enumerate(cells, 1)}
    taken = links(cells, standings)
    failed = {failure.cell for failure in result.failed}
    views = {
        str(cell.id): _view(cell, standings[cell.id], taken[cell.id], labels, failed)
        for cell in cells
        if cell.source.strip()
    }
    drawn = diagram(cells, standings, result.cycles)
    graph = picture(drawn, anchor) if drawn.arrows else ""
    style = LIGHT + DARK if dark else LIGHT
    return Page(views, _summary(list(views.values())), tuple(map(str, result.failed)), graph, style)


def anchor(cell: CellId) -> str:
    return f"#cell-id={quote(cell)}"


def _view(
    cell: Cell,
    standing: Standing,
    taken: Mapping[Resource, CellId],
    labels: Mapping[CellId, str],
    failed: Collection[CellId],
) -> View:
    state = _state(cell, standing, failed)
    reads = [_name(name, taken.get(name), labels) for name in standing.reads]
    return View(
        labels[cell.id],
        state,
        _SIGNS[state],
        standing.freshness.value,
        "" if standing.outcome is None else standing.outcome.value,
        "" if state.startswith(("fresh", "failed")) else standing.reason or "",
        _shown(reads),
        _shown([Name(name) for name in standing.writes]),
    )


def _state(cell: Cell, standing: Standing, failed: Collection[CellId]) -> str:
    """One word for both what a cell shows and how its run ended."""
    if cell.mode is Mode.OFF:
        return "off"
    if standing.outcome is Outcome.ERROR:
        return "failed" if cell.id in failed else "failed as it should"
    if standing.outcome is Outcome.BLOCKED or standing.outcome is Outcome.INTERRUPTED:
        return standing.outcome.value
    return "not run" if standing.freshness is Freshness.NEW else standing.freshness.value


def _name(name: Resource, maker: CellId | None, labels: Mapping[CellId, str]) -> Name:
    return Name(name) if maker is None else Name(name, f"from {labels[maker]}", anchor(maker))


def _shown(names: Sequence[Name]) -> tuple[Name, ...]:
    if len(names) <= _SHOWN_NAMES:
        return tuple(names)
    rest = names[_SHOWN_NAMES - 1 :]
    title = ", ".join(name.name for name in rest)
    return (*names[: _SHOWN_NAMES - 1], Name(f"and {len(rest)} more", title))


def _summary(views: Sequence[View]) -> str:
    cells = "1 cell" if len(views) == 1 else f"{len(views)} cells"
    counts = Counter(view.state for view in views)
    if set(counts) <= {"fresh"}:
        return f"{cells}, {'all ' if len(views) > 1 else ''}fresh" if views else "no cells"
    return f"{cells}: " + ", ".join(f"{counts[state]} {state}" for state in _SIGNS if counts[state])
