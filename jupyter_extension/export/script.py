"""An executed notebook as a script: plain Python, in an order in which each cell finds what it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from nbformat import NotebookNode

from reactive_kernel.cell import Cell, CellId, Mode, Outcome, Resource
from reactive_kernel.notebook import document
from reactive_kernel.runner import Result, Standing

from .links import Links, links
from .plain import Plain, plain
from .text import commented, indented

_HELPERS = {
    "display": '''\
def display(*objects, **options):
    """Show objects, as a notebook does, in text."""
    for each in objects:
        print(repr(each))''',
    "shell": '''\
def shell(command, text=None):
    """Run a command of the system, or a program that reads `text`."""
    sys.stdout.flush()
    subprocess.run(command, shell=text is None, input=text, text=True, check=text is not None)''',
    "lines": '''\
def lines(command):
    """What a command of the system prints, line by line."""
    out = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return out.stdout.splitlines()''',
    "captured": '''\
@contextlib.contextmanager
def captured():
    """Keep what is printed, instead of showing it."""
    out, err = io.StringIO(), io.StringIO()
    kept = types.SimpleNamespace(stdout="", stderr="")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            yield kept
        finally:
            kept.stdout, kept.stderr = out.getvalue(), err.getvalue()''',
    "wait": '''\
def wait(awaitable, loop=asyncio.new_event_loop()):
    """Wait for what a cell waits for, in one loop for all cells."""
    return loop.run_until_complete(awaitable)''',
}
_NEEDED = {
    "display": (),
    "shell": ("import subprocess", "import sys"),
    "lines": ("import subprocess",),
    "captured": ("import contextlib", "import io", "import types"),
    "wait": ("import asyncio",),
}


def script_of(result: Result) -> str:
    """The script; what did not run in the notebook is a comment in it."""
    cells = document(result.notebook)
    standings = {
        cell.id: Standing() if cell.mode is Mode.OFF else result.cells.get(cell.id, Standing())
        for cell in cells
    }
    taken = links(cells, standings)
    alive = [cell.id for cell in cells if cell.source.strip() and _ran(standings[cell.id])]
    order = arranged(alive, standings, taken)
    numbers = {cell.id: number for number, cell in enumerate(cells, 1)}
    moves = moved(order, numbers, standings, taken)
    known = frozenset[Resource]().union(*(standings[cell].writes for cell in alive))
    texts = {cell.id: plain(cell.source, known) for cell in cells}
    blocks = [
        block
        for cell in _placed(cells, order)
        for block in _blocks(result.notebook, cell, standings, texts[cell], moves.get(cell))
    ]
    blocks += _words(result.notebook.cells[_end(result.notebook) :])
    live = [texts[cell] for cell in alive]
    failing = any(standings[cell].outcome is Outcome.ERROR for cell in alive)
    return "\n".join([*_head(live, _said(cells, order), failing=failing), *blocks]).rstrip("\n") + "\n"


def _ran(standing: Standing) -> bool:
    return standing.outcome in (Outcome.OK, Outcome.ERROR)


# The order


def arranged(
    alive: Sequence[CellId], standings: Mapping[CellId, Standing], taken: Links
) -> tuple[CellId, ...]:
    """Each cell after those it reads from, and where that can be before those that write it anew."""
    members = set(alive)
    waits = {cell: set(standings[cell].parents) & members for cell in alive}
    rather = _rather_after(alive, standings, taken)
    placed: dict[CellId, None] = {}
    for wanted in alive:
        # What a cell needs goes right before it: the rest stays in the document's order.
        first = _behind(wanted, waits, rather, placed)
        left = [cell for cell in alive if cell in first and cell not in placed]
        while wanted not in placed:
            able = [cell for cell in left if waits[cell] <= placed.keys()] or left
            best = next((cell for cell in able if rather[cell] <= placed.keys()), able[0])
            placed[best] = None
            left.remove(best)
    return tuple(placed)


def _behind(
    cell: CellId,
    waits: Mapping[CellId, set[CellId]],
    rather: Mapping[CellId, set[CellId]],
    placed: Mapping[CellId, None],
) -> set[CellId]:
    """The cell and all that has to come, or should come, before it."""
    found, todo = {cell}, [cell]
    while todo:
        top = todo.pop()
        more = (waits[top] | rather[top]) - found - placed.keys()
        found |= more
        todo += sorted(more)
    return found


def _rather_after(
    alive: Sequence[CellId], standings: Mapping[CellId, Standing], taken: Links
) -> dict[CellId, set[CellId]]:
    """Which cells should come first lest they take a name away before it is read."""
    place = {cell: number for number, cell in enumerate(alive)}
    writers: dict[Resource, list[CellId]] = {}
    for cell in alive:
        for name in standings[cell].writes:
            writers.setdefault(name, []).append(cell)
    after: dict[CellId, set[CellId]] = {cell: set() for cell in alive}
    for several in writers.values():
        for above, below in pairwise(several):
            after[below].add(above)
    for cell in alive:
        for name, maker in taken[cell].items():
            for writer in writers.get(name, ()):
                if writer not in (cell, maker) and place[writer] > place[cell]:
                    after[writer].add(cell)
    return after


@dataclass(frozen=True)
class Moves:
    """Names that have to be kept after a cell, and put back before it, since others use the same."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


def moved(
    order: Sequence[CellId],
    numbers: Mapping[CellId, int],
    standings: Mapping[CellId, Standing],
    taken: Links,
) -> Mapping[CellId, Moves]:
    """What no order can do: the name that a cell reads stands for something else by then."""
    now: dict[Resource, CellId] = {}
    back: dict[CellId, list[tuple[Resource, CellId]]] = {}
    for cell in order:
        for name, maker in taken[cell].items():
            if name.isidentifier() and maker in order and now.get(name) != maker:
                back.setdefault(cell, []).append((name, maker))
                now[name] = maker
        now.update(dict.fromkeys(standings[cell].writes, cell))
    kept = sorted({pair for pairs in back.values() for pair in pairs})
    return {
        cell: Moves(
            tuple(f"{name} = {_kept(name, numbers[maker])}" for name, maker in back.get(cell, ())),
            tuple(f"{_kept(name, numbers[maker])} = {name}" for name, maker in kept if maker == cell),
        )
        for cell in order
    }


def _kept(name: Resource, number: int) -> str:
    return f"{name}_of_cell_{number}"


def _placed(cells: Sequence[Cell], order: Sequence[CellId]) -> Iterator[CellId]:
    """The cells that ran in their order, each of the others after its neighbour above."""
    behind: dict[CellId | None, list[CellId]] = {}
    last: CellId | None = None
    alive = set(order)
    for cell in cells:
        if cell.id in alive:
            last = cell.id
        else:
            behind.setdefault(last, []).append(cell.id)
    yield from behind.get(None, ())
    for cell in order:
        yield cell
        yield from behind.get(cell, ())


# The text


def _said(cells: Sequence[Cell], order: Sequence[CellId]) -> str:
    number = {cell.id: place for place, cell in enumerate(cells, 1)}
    places = [number[cell] for cell in order]
    if places == sorted(places):
        return ""
    listed = ", ".join(map(str, places))
    return f"# In the order in which the notebook's cells need each other: {listed}."


def _head(live: Sequence[Plain], order: str, *, failing: bool) -> Iterator[str]:
    helpers = [name for name in _HELPERS if any(name in each.helpers for each in live)]
    imports = {line for each in live for line in each.imports}
    imports |= {line for name in helpers for line in _NEEDED[name]}
    imports |= {"import traceback"} if failing else set()
    yield "#!/usr/bin/env python3"
    if order:
        yield order
    ordered = sorted(imports, key=lambda line: ("__future__" not in line, "jupyter_extension" in line, line))
    if ordered:
        yield from ("", *ordered)
    for name in helpers:
        yield f"\n\n{_HELPERS[name]}"
    yield "\n" if helpers else ""


def _blocks(
    notebook: NotebookNode,
    cell: CellId,
    standings: Mapping[CellId, Standing],
    text: Plain,
    moves: Moves | None,
) -> Iterator[str]:
    index = next(index for index, each in enumerate(notebook.cells) if each.get("id") == cell)
    number = sum(each.cell_type == "code" for each in notebook.cells[: index + 1])
    yield from _words_above(notebook, index)
    standing = standings[cell]
    source: str = notebook.cells[index].source
    if not source.strip():
        return
    if moves is None:
        why = standing.reason or "it is switched off"
        yield f"# %% cell {number}\n{commented(source, f'It did not run: {why}')}\n"
        return
    body = _guarded(text.text) if standing.outcome is Outcome.ERROR else text.text
    yield "\n".join([f"# %% cell {number}", *moves.before, body, *moves.after, ""])


def _guarded(text: str) -> str:
    """A cell that fails in the notebook, and the notebook goes on."""
    return f"try:\n{indented(text) or '    pass'}\nexcept Exception:\n    traceback.print_exc()"


def _words_above(notebook: NotebookNode, index: int) -> Iterator[str]:
    start = index
    while start and notebook.cells[start - 1].cell_type != "code":
        start -= 1
    yield from _words(notebook.cells[start:index])


def _end(notebook: NotebookNode) -> int:
    """Where nothing but words follows."""
    places = [place for place, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]
    return max(places, default=0)


def _words(cells: Sequence[NotebookNode]) -> Iterator[str]:
    for cell in cells:
        if cell.cell_type == "markdown" and cell.source.strip():
            lines = (f"# {line}".rstrip() for line in cell.source.strip().split("\n"))
            yield "\n".join(["# %% [markdown]", *lines, ""])
