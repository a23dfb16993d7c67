"""Sentences for people: why a cell is stale, blocked or runs again, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .cell import CellId, Cycle, Reason, Resource, Unparsable

Label = Callable[[CellId], str]


def _list(items: Sequence[str]) -> str:
    shown = items if len(items) <= 4 else [*items[:3], f"{len(items) - 3} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _names(names: Iterable[Resource]) -> str:
    return _list([f"`{name}`" for name in names])


def _cells(cells: Iterable[CellId], label: Label) -> str:
    return _list([label(cell) for cell in cells])


def edited() -> Reason:
    return Reason("edited", "The text was changed after the last run.")


def syntax(problem: Unparsable) -> Reason:
    return Reason("syntax", f"Python cannot read this cell: {problem}.")


def interrupted() -> Reason:
    return Reason("interrupted", "An interrupt stopped this cell, or the plan that it was part of.")


def refused() -> Reason:
    return Reason("refused", "When this cell was to run, it could not; it can now.")


def unproven(why: str) -> Reason:
    return Reason("unproven", why)


def ran_on_changed(spoiled: Sequence[tuple[Resource, CellId]], label: Label) -> str:
    names = _names(name for name, _ in spoiled)
    makers = _cells(dict.fromkeys(maker for _, maker in spoiled), label)
    return f"It ran on {names} as another cell had changed it: {makers} could not run again before it."


def used_up(names: Sequence[Resource]) -> str:
    """For a cell that does not run by itself."""
    return f"What it left in {_names(names)} has been changed since and cannot be put back: run it again."


RESTLESS = "It ran again and again: what it leaves decides what it finds. Give what it changes another name."


def input_changed(names: Sequence[Resource], cells: Sequence[CellId], label: Label) -> Reason:
    verb = "has" if len(names) == 1 else "have"
    where = f" (from {_cells(cells, label)})" if cells else ""
    return Reason(
        "input-changed",
        f"{_names(names)}{where} {verb} changed since this cell ran.",
        tuple(cells),
        tuple(names),
    )


def rebound(names: Sequence[Resource]) -> Reason:
    message = (
        f"{_names(names)} got another value outside of the document; running this cell uses the document's."
    )
    return Reason("input-changed", message, (), tuple(names))


def input_stale(names: Sequence[Resource], cells: Sequence[CellId], label: Label) -> Reason:
    verb = "is" if len(cells) == 1 else "are"
    message = f"It reads {_names(names)} from {_cells(cells, label)}, which {verb} not up to date."
    return Reason("input-stale", message, tuple(cells), tuple(names))


def input_failed(names: Sequence[Resource], cells: Sequence[CellId], label: Label) -> Reason:
    message = f"It needs {_names(names)} from {_cells(cells, label)}, which failed; repair that first."
    return Reason("input-failed", message, tuple(cells), tuple(names))


def input_blocked(names: Sequence[Resource], cells: Sequence[CellId], label: Label) -> Reason:
    verb = "is" if len(cells) == 1 else "are"
    message = f"It needs {_names(names)} from {_cells(cells, label)}, which {verb} blocked."
    return Reason("input-failed", message, tuple(cells), tuple(names))


def input_off(names: Sequence[Resource], cells: Sequence[CellId], label: Label) -> Reason:
    message = f"It needs {_names(names)} from {_cells(cells, label)}, which is switched off."
    return Reason("input-off", message, tuple(cells), tuple(names))


def input_missing(names: Sequence[Resource], cells: Sequence[CellId], label: Label) -> Reason:
    message = f"It needs {_names(names)} from {_cells(cells, label)}, which has not run; run that first."
    return Reason("input-missing", message, tuple(cells), tuple(names))


def off() -> Reason:
    return Reason("off", "This cell is switched off; set its mode to auto or manual to run it.")


def cycle(found: Cycle, label: Label) -> Reason:
    message = (
        f"{_cells(found.cells, label).capitalize()} wait for each other through {_names(found.names)}; "
        "define one of these names above its first use."
    )
    return Reason("cycle", message, found.cells, found.names)
