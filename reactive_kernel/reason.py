"""Sentences for people: why a cell is stale, blocked or runs again, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from .cell import CellId, Cycle, Reason, Resource, Unparsable

Label = Callable[[CellId], str]


# What resources that are no names are called: with what stands after the colon, and without.
_KINDS: Mapping[str, str] = {
    "file": "the file `{}`",
    "dir": "what is in the directory `{}`",
    "table": "the table `{}`",
    "random": "the random state of {}",
    "options": "the options of {}",
    "module": "the module `{}`",
}
_STATES: Mapping[str, str] = {
    "environ:": "the environment",
    "cwd:": "the working directory",
    "path:": "`sys.path`",
    "warnings:": "the filter of warnings",
    "decimal:": "the decimal context",
    "locale:": "the locale",
    "magics:": "IPython's magics",
    "logging:": "the loggers",
    "interpreter:": "Python's own switches",
    "around:": "what is set in modules and their classes",
    "file:*": "files that a program may read",
    "random:random": "Python's random state",
}


# These words mean several things.
_MANY = ("the options", "the loggers", "files ", "IPython's magics", "Python's own")


def called(name: Resource) -> str:
    """What people call a resource."""
    kind, colon, rest = name.partition(":")
    if not colon:
        return f"`{name}`"
    # Of what several cells make together the key says whose part is meant.
    rest = rest.partition("|")[0]
    if name in _STATES:
        return _STATES[name]
    return _KINDS[kind].format(rest) if kind in _KINDS and rest else f"`{name}`"


def _briefly(name: Resource) -> str:
    """The same without the way to a file, or to a table's database."""
    kind, _, rest = name.partition(":")
    short = rest.rstrip("/").rpartition("/")[2] if kind in ("file", "dir", "table") else ""
    return called(f"{kind}:{short}") if short else called(name)


def _list(items: Sequence[str]) -> str:
    shown = items if len(items) <= 4 else [*items[:3], f"{len(items) - 3} more"]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def _words(names: Iterable[Resource]) -> list[str]:
    # Python names first; several resources may be called the same.
    return list(dict.fromkeys(_briefly(name) for name in sorted(names, key=lambda name: ":" in name)))


def _names(names: Iterable[Resource]) -> str:
    return _list(_words(names))


def _cells(cells: Iterable[CellId], label: Label) -> str:
    return _list([label(cell) for cell in cells])


def _from(names: Iterable[Resource], cells: Iterable[CellId], label: Label) -> str:
    """Who made what a cell reads."""
    states = all(name.endswith(":") or name.startswith(("random:", "options:")) for name in names)
    return f"{'set in' if states else 'from'} {_cells(cells, label)}"


def _start(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def edited() -> Reason:
    return Reason("edited", "The text was changed after the last run.")


def syntax(problem: Unparsable) -> Reason:
    return Reason("syntax", f"Python cannot read this cell: {problem}.")


def interrupted() -> Reason:
    return Reason("interrupted", "An interrupt stopped this cell, or the plan that it was part of.")


def refused() -> Reason:
    return Reason("refused", "This cell could not run when it was its turn; now it can: run it.")


def unproven(why: str) -> Reason:
    return Reason("unproven", why)


def ran_on_changed(spoiled: Sequence[tuple[Resource, CellId]], label: Label) -> str:
    names = _names(name for name, _ in spoiled)
    makers = _cells(dict.fromkeys(maker for _, maker in spoiled), label)
    return f"It ran on {names} as another cell had changed it: {makers} could not run again before it."


def ran_on_stuck(names: Sequence[Resource]) -> str:
    return f"It ran on {_names(names)} as another cell had changed it: what it was could not be put back."


def used_up(names: Sequence[Resource]) -> str:
    """For a cell that does not run by itself."""
    return f"What it left in {_names(names)} has been changed since and cannot be put back: run it again."


RESTLESS = "It ran again and again: what it leaves decides what it finds. Give what it changes another name."

UNDECIDED = (
    "What it may write decides for whom it waits, and those decide what it writes."
    " Give what it changes another name."
)


def input_changed(names: Sequence[Resource], cells: Sequence[CellId], label: Label) -> Reason:
    words = _words(names)
    verb = "has" if len(words) == 1 and not words[0].startswith(_MANY) else "have"
    where = f" ({_from(names, cells, label)})" if cells else ""
    return Reason(
        "input-changed",
        _start(f"{_names(names)}{where} {verb} changed since this cell ran."),
        tuple(cells),
        tuple(names),
    )


def rebound(names: Sequence[Resource]) -> Reason:
    what = _start(_names(names))
    message = f"{what} got another value outside of the document; running this cell uses the document's."
    return Reason("input-changed", message, (), tuple(names))


def gone(names: Sequence[Resource]) -> Reason:
    message = f"It listed a directory where {_names(names)} stood, which a cell has removed since."
    return Reason("input-changed", message, (), tuple(names))


def input_stale(names: Sequence[Resource], cells: Sequence[CellId], label: Label) -> Reason:
    verb = "is" if len(cells) == 1 else "are"
    message = f"It reads {_names(names)} {_from(names, cells, label)}, which {verb} not up to date."
    return Reason("input-stale", message, tuple(cells), tuple(names))


def input_failed(names: Sequence[Resource], cells: Sequence[CellId], label: Label) -> Reason:
    message = f"It needs {_names(names)} {_from(names, cells, label)}, which failed; repair that first."
    return Reason("input-failed", message, tuple(cells), tuple(names))


def input_blocked(names: Sequence[Resource], cells: Sequence[CellId], label: Label) -> Reason:
    verb = "is" if len(cells) == 1 else "are"
    message = f"It needs {_names(names)} {_from(names, cells, label)}, which {verb} blocked."
    return Reason("input-failed", message, tuple(cells), tuple(names))


def input_off(names: Sequence[Resource], cells: Sequence[CellId], label: Label) -> Reason:
    message = f"It needs {_names(names)} {_from(names, cells, label)}, which is switched off."
    return Reason("input-off", message, tuple(cells), tuple(names))


def input_missing(names: Sequence[Resource], cells: Sequence[CellId], label: Label) -> Reason:
    message = f"It needs {_names(names)} {_from(names, cells, label)}, which has not run; run that first."
    return Reason("input-missing", message, tuple(cells), tuple(names))


def waits(why: Reason, sessions: Sequence[str]) -> Reason:
    """A cell that does not run by itself for now."""
    message = f"{why.message} A transaction is open on {_names(sessions)}: meanwhile it runs when asked only."
    return replace(why, message=message)


def off() -> Reason:
    return Reason("off", "This cell is switched off; set its mode to auto or manual to run it.")


def cycle(found: Cycle, label: Label) -> Reason:
    message = (
        f"{_cells(found.cells, label).capitalize()} wait for each other through {_names(found.names)}; "
        "define one of these names above its first use."
    )
    return Reason("cycle", message, found.cells, found.names)
