"""The page that people read: docs/performance.md, from the figures of one run or of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from . import pictures
from .contestants.entries import FLOWBOOK, IPYFLOW, MARIMO, OURS
from .groups import GROUPS
from .result import Machine, Result
from .row import Holds, Point, Row, quantity

WORDS = {
    Holds.AIM: "yes, at its aim",
    Holds.YES: "yes",
    Holds.NO: "**no**",
    Holds.SHOWN: "",
    Holds.ABSENT: "not measured",
}

OPENING = """# Performance

Everything that this project promises about speed, measured in one run on one machine beside the tools that
one would use instead. A ratio from one run needs no trust in anybody's absolute figure: `python -m
benchmarks` makes this page anew on yours, in less than half an hour, and prints which promises hold there.

Each tool has a virtual environment of its own, with the versions named at the end. All do the same work, in
turn, again and again; who begins changes from round to round. A figure is a median; in brackets is where
the middle half lies. "Must" is what has to hold; "aim" is where we want to be. After ± stands twice the
standard error of a ratio: a bound that lies within it counts as reached. Times are not checked in continuous
integration; counts of operations are (`tests/core/test_costs.py`, `tests/kernel/test_costs.py`).
"""

CASCADES = """## One edit, and everything that follows

The first cell gets another text; the clock runs until the last cell that depends on it is done and its user
can know. Every tool is asked as its own front end asks it: marimo through its server's requests and
websocket, ipyflow as its JupyterLab extension does in reactive mode. FlowBook marks cells, and its user
runs them; plain ipykernel's user runs all cells. A last value that is not right ends a tool's line. "In
process" leaves the messages out: the kernel's own work, without a socket. A line ends where one edit would
take longer than {patience:g} s.
"""


def write(results: Sequence[Result], docs: Path) -> None:
    """Page and pictures; the figures are those of the last run, the verdicts those of all."""
    drawn = pictures.draw(results[-1].points, docs / "images")
    (docs / "performance.md").write_text(page(results, drawn), "utf-8")


def page(results: Sequence[Result], drawn: Sequence[str]) -> str:
    return "\n".join(part.rstrip() + "\n" for part in _parts(results, drawn))


def _parts(results: Sequence[Result], drawn: Sequence[str]) -> Iterator[str]:
    last = results[-1]
    yield OPENING
    yield _where(last.machine, len(results))
    yield from _honest(results)
    if drawn:
        from .cascades import PATIENCE

        yield CASCADES.format(patience=PATIENCE)
        yield from (f"![{_caption(name)}](images/{name}.svg)" for name in drawn)
    yield "## All promises"
    kept = _kept(results)
    for name, rows in groupby(last.rows, key=lambda row: row.group):
        yield _section(name, list(rows), kept, len(results))
    yield _versions(last)


def _where(machine: Machine, runs: int) -> str:
    several = f" The verdicts are those of {runs} runs, the figures those of the last." if runs > 1 else ""
    place = f"{machine.cores} cores ({machine.processor}), {machine.memory:g} GB, {machine.system}"
    time = f"{machine.seconds:.0f} s in all, load {machine.load[0]:.1f} when it began"
    return f"{machine.date}, commit `{machine.commit}`: {place}, Python {machine.python}; {time}.{several}"


# Words for what does not flatter us


def _honest(results: Sequence[Result]) -> Iterator[str]:
    kept = _kept(results)
    failing = [row for row in results[-1].rows if row.must is not None and kept[row.what] < len(results)]
    behind = [row for row in results[-1].rows if _behind(row)]
    smaller = list(_outrun(results[-1].points))
    if not failing and not behind and not smaller:
        return
    yield "## Where we are behind"
    lines = [f"- Does not hold: {row.what}: {_figure(row)}, must {_bound(row)}." for row in failing]
    lines += [
        f"- The other is ahead: {row.what}: {_figure(row)} ({row.detail})."
        for row in behind
        if row not in failing
    ]
    yield "\n".join((*lines, *smaller))


def _outrun(points: Sequence[Point]) -> Iterator[str]:
    """The documents that another tool's user has done before ours."""
    middles = {(each.shape, each.cells, each.tool): each.middle for each in points}
    for (shape, cells, tool), other in middles.items():
        ours = middles.get((shape, cells, OURS))
        if tool in (MARIMO, IPYFLOW, FLOWBOOK) and ours is not None and other < ours:
            figures = f"{other * 1000:.3g} ms against {ours * 1000:.3g} ms"
            yield f"- The other is ahead: {shape} of {cells:,}, {tool}: {figures}."


def _behind(row: Row) -> bool:
    """Whether the other tool of a comparison was the faster one."""
    if row.measured is None:
        return False
    if row.must is None and row.what.endswith("/ ipykernel"):
        # Others have rows of this kind, too.
        return row.measured > 1 and not any(tool in row.what for tool in ("ipyflow", "FlowBook"))
    return row.larger and "times as fast" in row.what and row.measured < 1


def _kept(results: Sequence[Result]) -> Mapping[str, int]:
    """In how many runs each promise held."""
    good = (Holds.AIM, Holds.YES)
    names = [row.what for row in results[-1].rows]
    return {
        name: sum(row.holds in good for each in results for row in each.rows if row.what == name)
        for name in names
    }


def _figure(row: Row) -> str:
    return quantity(row.measured, row.unit) or "not measured"


def _bound(row: Row) -> str:
    return f"{'at least' if row.larger else 'at most'} {quantity(row.must, row.unit)}"


# Tables


def _section(name: str, rows: Sequence[Row], kept: Mapping[str, int], runs: int) -> str:
    [about] = [group.about for group in GROUPS if group.name == name]
    head = f"### {name.capitalize()}\n\n{about[0].upper()}{about[1:]}.\n"
    lines = ["| what | measured | must | aim | holds | detail |", "|---|---:|---:|---:|---|---|"]
    lines += (_line(row, kept[row.what], runs) for row in rows)
    return "\n".join((head, *lines))


def _line(row: Row, kept: int, runs: int) -> str:
    holds = WORDS[row.holds]
    if runs > 1 and row.must is not None:
        holds = f"{holds} ({kept} of {runs})"
    cells = (
        row.what,
        _figure(row),
        quantity(row.must, row.unit),
        quantity(row.aim, row.unit),
        holds,
        row.detail,
    )
    return "| " + " | ".join(each.replace("|", "\\|").replace("<<", "\\<\\<") for each in cells) + " |"


def _caption(name: str) -> str:
    return name.replace("-", " ").capitalize()


def _versions(result: Result) -> str:
    own = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    lines = [
        "## Versions",
        "",
        f"This project's own environment: {own}.",
        "",
        "| tool | installed |",
        "|---|---|",
    ]
    for peer, found in result.peers.items():
        lines.append(f"| {peer} | {', '.join(f'{name} {version}' for name, version in found.items())} |")
    return "\n".join(lines)
