"""A fresh process, top to bottom: the cells one after another in an empty namespace, as `python` would.

It shares nothing with the kernel. What a cell that fails did is undone by starting again without it.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass, field

from reactive_kernel.cell import Cell, CellId

from .execution import Shown, blank, execute
from .portrait import portrait
from .world import GONE, Contents, World, changes, contents, lay_out, random_states, states

# What the process in which the document is run again has drawn before.
_ELSEWHERE = 4711


@dataclass
class Replay:
    """What a fresh run gives."""

    shown: dict[CellId, Shown] = field(default_factory=dict[CellId, Shown])
    # None: they depend on what was in the world before.
    names: dict[str, str] | None = None
    files: dict[str, bytes | None] = field(default_factory=dict[str, bytes | None])
    states: dict[str, str] = field(default_factory=dict[str, str])
    # The random states before and after each cell.
    draws: dict[CellId, tuple[str, str]] = field(default_factory=dict[CellId, tuple[str, str]])
    # Cells that depend on what was in the world before, or on names that only a cell below binds.
    unclear: frozenset[CellId] = frozenset()

    @property
    def failed(self) -> bool:
        return any(shown.error is not None for shown in self.shown.values())


class _Builtins(dict[str, object]):
    """The builtins; it notes the names that were looked for in vain."""

    def __init__(self) -> None:
        super().__init__(vars(builtins))
        self.missed: list[str] = []

    def __missing__(self, name: str) -> object:
        self.missed.append(name)
        raise KeyError(name)


def replay(cells: Sequence[Cell], reach: frozenset[str], files: Contents, *, whole: bool) -> Replay:
    """Run the cells; `whole`: also tell what stands at the end."""
    first = _Replaying(cells, reach, _Start(files), whole=whole)
    here = first.result
    if reach & {"files", "random", "numpy"}:
        _compare(here, _Replaying(cells, reach, _Start({}, _ELSEWHERE), whole=whole).result)
    if any(first.litter.values()):
        # The world is not rolled back, so what failed cells wrote may be there for those below, or not.
        _compare(here, _Replaying(cells, reach, _Start(files, littered=True), whole=whole).result)
    return here


def _compare(here: Replay, there: Replay) -> None:
    """Take out of one what is otherwise in the other."""
    here.unclear |= there.unclear | {cell for cell in here.shown if here.shown[cell] != there.shown[cell]}
    here.unclear |= _after_unseeded(here, there)
    if here.names != there.names or here.unclear:
        here.names = None
    here.files = {name: text for name, text in here.files.items() if there.files.get(name, GONE) == text}
    here.states = {name: state for name, state in here.states.items() if there.states[name] == state}


def _after_unseeded(here: Replay, there: Replay) -> frozenset[CellId]:
    """Every cell from the first on that draws from states which nobody has seeded."""
    cells = list(here.shown)
    for at, cell in enumerate(cells):
        (before, after), (elsewhere, then) = here.draws[cell], there.draws.get(cell, ("", ""))
        if before != elsewhere and after not in (before, then):
            return frozenset(cells[at:])
    return frozenset()


@dataclass(frozen=True)
class _Start:
    """The world that a run finds, and whether files that failed cells wrote stay in it."""

    files: Contents
    seed: int = 0
    littered: bool = False


class _Replaying:
    """The same cells again and again, each time without one more of those that fail."""

    def __init__(self, cells: Sequence[Cell], reach: frozenset[str], start: _Start, *, whole: bool) -> None:
        self._cells, self._reach, self._start = cells, reach, start
        self._failed: set[CellId] = set()
        self._missed: set[tuple[int, str]] = set()
        self._bound: dict[str, int] = {}
        # What cells did to files before they failed.
        self.litter: dict[CellId, dict[str, bytes | None]] = {}
        self.result = Replay()
        while not self._round(whole=whole):
            pass
        if any(self._bound.get(name, -1) > at for at, name in self._missed):
            # What was missed elsewhere may be missed because of that.
            first = min(at for at, _ in self._missed)
            self.result.unclear = frozenset(cell.id for cell in cells[first:])

    def _round(self, *, whole: bool) -> bool:
        """Run what has not failed; answer whether nothing of it failed now."""
        live = blank()
        live["__builtins__"] = known = _Builtins()
        self._bound = {}
        with World(self._reach, self._start.files, self._start.seed):
            for at, cell in enumerate(self._cells):
                if cell.id in self._failed:
                    if self._start.littered:
                        lay_out(self.litter[cell.id])
                    continue
                before = contents(self._reach)
                if self._run(at, cell, live, known) is not None:
                    self._failed.add(cell.id)
                    self.litter[cell.id] = changes(before, contents(self._reach))
                    return not whole and at == len(self._cells) - 1
            if whole:
                self._tell(live)
        return True

    def _run(self, at: int, cell: Cell, live: dict[str, object], known: _Builtins) -> BaseException | None:
        known.missed.clear()
        drawn = random_states(self._reach)
        self.result.shown[cell.id], error = execute(cell.source, cell.id, live)
        self.result.draws[cell.id] = (drawn, random_states(self._reach))
        missed = [*known.missed, *([str(error.name)] if isinstance(error, NameError) else [])]
        self._missed |= {(at, name) for name in missed if name not in self._bound}
        for name in live.keys() - self._bound.keys():
            self._bound[name] = at
        return error

    def _tell(self, live: dict[str, object]) -> None:
        result = self.result
        result.names = portrait(live)
        result.files, result.states = contents(self._reach), states(self._reach)
