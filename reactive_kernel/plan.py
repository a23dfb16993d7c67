"""What to run, in which order: a plan is a value that the session follows and may replace."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .cell import CellId
from .fixed import fixed
from .graph import Graph


@fixed
class Plan:
    """The ordered cells about to run. Those that nobody requested run only if their inputs changed."""

    run: tuple[CellId, ...] = ()
    requested: frozenset[CellId] = frozenset()


@fixed
class Policy:
    """What the session knows of cells that planning has to ask."""

    # May it run without having been asked for?
    automatic: Callable[[CellId], bool]
    # Is there something to be had from running it: is it new, stale or failed?
    behind: Callable[[CellId], bool]
    # Do cells rerun when their inputs change, or are they only marked?
    cascade: bool


def plan(graph: Graph, requested: Iterable[CellId], changed: Iterable[CellId], policy: Policy) -> Plan:
    """Plan what was requested or has changed inputs, what it waits for, and what waits for it."""
    asked = frozenset(requested)
    wanted = asked | {cell for cell in changed if policy.automatic(cell)}
    # Ancestors that are not fresh run first: nothing runs on a value that is known to be out of date.
    wanted |= graph.reach(wanted, graph.parents, lambda cell: policy.behind(cell) and policy.automatic(cell))
    if policy.cascade:
        wanted |= graph.reach(wanted, graph.children, policy.automatic)
        wanted |= graph.reach(
            wanted, graph.parents, lambda cell: policy.behind(cell) and policy.automatic(cell)
        )
    return Plan(in_order(graph, wanted), asked)


def in_order(graph: Graph, cells: Iterable[CellId]) -> tuple[CellId, ...]:
    """The cells so that each comes after those it needs; document order decides between the others."""
    ordered = sorted(cells, key=graph.rank)
    if not any(graph.upward(cell) for cell in ordered):
        return tuple(ordered)
    members = set(ordered)
    placed: dict[CellId, None] = {}
    for cell in ordered:
        todo = [cell]
        entered: set[CellId] = set()
        while todo:
            top = todo[-1]
            first_visit = top not in entered
            entered.add(top)
            waits = (
                [
                    parent
                    for parent in sorted(graph.parents(top) & members, key=graph.rank, reverse=True)
                    if parent not in placed and parent not in entered
                ]
                if first_visit
                else []
            )
            if waits:
                todo += waits
            else:
                placed.setdefault(todo.pop())
    return tuple(placed)
