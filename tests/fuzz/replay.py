"""A fresh process, top to bottom: the cells one after another in an empty namespace, as `python` would.

It shares nothing with the kernel. What a cell that fails did is undone by starting again without it. A cell
that misses a name which only one below binds comes after that one, as long as nobody but those who miss the
name can tell the difference.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from dis import get_instructions
from inspect import CO_OPTIMIZED
from types import CodeType

from reactive_kernel.cell import Cell, CellId

from .execution import Shown, blank, compiled, execute
from .portrait import behind, portrait
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
    # Did cells run before some that stand above them?
    reordered: bool = False

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


class _Names(dict[str, object]):
    """A namespace that notes which of its names are looked up, bound, and taken away."""

    def __init__(self, names: Mapping[str, object]) -> None:
        super().__init__(names)
        self.asked: set[str] = set()
        self.stored: set[str] = set()
        self.gone: set[str] = set()

    def __getitem__(self, name: str) -> object:
        self.asked.add(name)
        return super().__getitem__(name)

    def __setitem__(self, name: str, value: object) -> None:
        super().__setitem__(name, value)
        self.stored.add(name)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self.gone.add(name)


def _in_class_bodies(source: str) -> set[str]:
    """The names that class bodies may look up: the interpreter does that past `__getitem__`."""
    names, codes = set[str](), [_code(source)]
    while codes:
        inner = [each for each in codes.pop().co_consts if isinstance(each, CodeType)]
        names.update(*(each.co_names for each in inner if not each.co_flags & CO_OPTIMIZED))
        codes += inner
    return names


def _stored(source: str) -> set[str]:
    """The names that a cell itself binds if it comes to its end."""
    return {each.argval for each in get_instructions(_code(source)) if each.opname == "STORE_NAME"}


def _deleted(source: str) -> set[str]:
    """The names that a cell itself says to delete."""
    try:
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Delete)]
    except SyntaxError:
        return set()
    return {target.id for node in nodes for target in node.targets if isinstance(target, ast.Name)}


def _code(source: str) -> CodeType:
    try:
        return compiled(source, "cell")
    except SyntaxError:
        return compiled("", "cell")


def replay(cells: Sequence[Cell], reach: frozenset[str], files: Contents, *, whole: bool) -> Replay:
    """Run the cells; `whole`: also tell what stands at the end."""
    first = _in_order(cells, reach, files, whole=whole)
    here, order = first.result, first.order
    here.reordered = list(order) != sorted(order)
    if reach & {"files", "random", "numpy"}:
        elsewhere = _Replaying(cells, reach, _Start({}, _ELSEWHERE), order, whole=whole)
        if elsewhere.doubtful:
            # A cell that ran early may have seeded what had that very seed here.
            elsewhere.result.unclear |= _after_early(cells, order)
        _compare(here, elsewhere.result)
    if any(first.litter.values()):
        # The world is not rolled back, so what failed cells wrote may be there for those below, or not.
        littered = _Start(files, littered=True)
        _compare(here, _Replaying(cells, reach, littered, order, whole=whole).result)
    return here


def _in_order(cells: Sequence[Cell], reach: frozenset[str], files: Contents, *, whole: bool) -> _Replaying:
    """Run the cells in document order but for those that miss what only a cell below binds."""
    plain = run = _Replaying(cells, reach, _Start(files), range(len(cells)), whole=whole)
    needs: dict[int, set[int]] = {}
    binders: dict[str, int] = {}
    while True:
        wants: set[tuple[int, int]] = set()
        for at, name in run.missed - run.consequences():
            binder = binders.get(name, run.binder(at, name))
            if run.order.index(binder) > run.order.index(at):
                binders[name] = binder
                wants.add((at, binder))
        if not wants and not run.doubtful:
            return run
        for at, binder in wants:
            needs.setdefault(at, set()).add(binder)
        order = _ordered(len(cells), needs) if wants else None
        if order is None:
            # What was missed elsewhere may be missed because of that.
            first = min(at for at, _ in plain.missed)
            plain.result.unclear = frozenset(cell.id for cell in cells[first:])
            return plain
        run = _Replaying(cells, reach, _Start(files), order, whole=whole)


def _ordered(count: int, needs: Mapping[int, set[int]]) -> tuple[int, ...] | None:
    """The places in an order in which each comes after those that it needs; None if there is none."""
    placed: dict[int, None] = {}
    waiting: set[int] = set()

    def place(at: int) -> bool:
        if at in placed:
            return True
        if at in waiting:
            return False
        waiting.add(at)
        if not all(place(each) for each in sorted(needs.get(at, ()))):
            return False
        placed[at] = None
        return True

    return tuple(placed) if all(place(at) for at in range(count)) else None


def _compare(here: Replay, there: Replay) -> None:
    """Take out of one what is otherwise in the other."""
    here.unclear |= there.unclear | {cell for cell in here.shown if here.shown[cell] != there.shown[cell]}
    here.unclear |= _after_unseeded(here, there)
    if here.names != there.names or here.unclear:
        here.names = None
    here.files = {name: text for name, text in here.files.items() if there.files.get(name, GONE) == text}
    here.states = {name: state for name, state in here.states.items() if there.states[name] == state}


def _after_early(cells: Sequence[Cell], order: Sequence[int]) -> frozenset[CellId]:
    """Every cell from the first on that ran before some which stand above it."""
    first = next((place for place, at in enumerate(order) if at != place), len(order))
    return frozenset(cells[at].id for at in order[first:])


def _after_unseeded(here: Replay, there: Replay) -> frozenset[CellId]:
    """Every cell from the first on that draws from states which nobody has seeded."""
    cells = list(here.shown)
    for at, cell in enumerate(cells):
        (before, after), (elsewhere, then) = here.draws[cell], there.draws.get(cell, ("", ""))
        if before != elsewhere and after not in (before, then):
            return frozenset(cells[at:])
    return frozenset()


@dataclass(frozen=True)
class _Early:
    """A cell that ran before some that stand above it, and what it went by and left."""

    before: frozenset[int]
    names: frozenset[str]
    portrait: Mapping[str, str]
    objects: list[object]
    world: object


@dataclass(frozen=True)
class _Start:
    """The world that a run finds, and whether files that failed cells wrote stay in it."""

    files: Contents
    seed: int = 0
    littered: bool = False


class _Replaying:
    """The same cells again and again, each time without one more of those that fail."""

    def __init__(
        self,
        cells: Sequence[Cell],
        reach: frozenset[str],
        start: _Start,
        order: Sequence[int],
        *,
        whole: bool,
    ) -> None:
        self._cells, self._reach, self._start, self.order = cells, reach, start, order
        self._failed: set[CellId] = set()
        self.missed: set[tuple[int, str]] = set()
        self.bound: dict[str, int] = {}
        self._early: list[_Early] = []
        # Does the order make a difference to others than those who missed a name?
        self.doubtful = False
        # What cells did to files before they failed.
        self.litter: dict[CellId, dict[str, bytes | None]] = {}
        self.result = Replay()
        while not self._round(whole=whole):
            pass

    def consequences(self) -> set[tuple[int, str]]:
        """What was missed because a cell above, which missed something itself, did not come to bind it."""
        starved = {at for at, _ in self.missed if self._cells[at].id in self._failed}
        bound = {at: _stored(self._cells[at].source) for at in starved}
        return {
            (at, name)
            for at, name in self.missed
            if any(name in bound[each] for each in starved if each < at)
        }

    def binder(self, at: int, name: str) -> int:
        """Who binds the name that a cell missed; itself if nobody else below it does."""
        first = self.bound.get(name, at)
        if first != at:
            return first
        below = self.order[self.order.index(at) + 1 :]
        others = (each for each in below if self._cells[each].id not in self._failed)
        return next((each for each in others if name in _stored(self._cells[each].source)), at)

    def _round(self, *, whole: bool) -> bool:
        """Run what has not failed; answer whether nothing of it failed now."""
        live = _Names(blank())
        live["__builtins__"] = known = _Builtins()
        self.bound, self._early, done = {}, [], set[int]()
        with World(self._reach, self._start.files, self._start.seed):
            for at in self.order:
                cell = self._cells[at]
                if cell.id in self._failed:
                    if self._start.littered:
                        lay_out(self.litter[cell.id])
                    done.add(at)
                    self._look_again(live, done)
                    continue
                before = contents(self._reach)
                above = frozenset(range(at)) - done
                run = self._run_early if above else self._run
                if run(at, cell, live, known, above) is not None:
                    self._failed.add(cell.id)
                    self.litter[cell.id] = changes(before, contents(self._reach))
                    # Those that ran early are still to be looked at again.
                    return not whole and at == self.order[-1] and not self._early
                done.add(at)
                self._look_again(live, done)
            if whole:
                self._tell(live)
        return True

    def _run_early(
        self, at: int, cell: Cell, live: _Names, known: _Builtins, above: frozenset[int]
    ) -> BaseException | None:
        """Run a cell before some that stand above it; it may add names, and nothing else."""
        before, world = portrait(live), self._world()
        live.asked.clear()
        live.stored.clear()
        error = self._run(at, cell, live, known, above)
        asked = (live.asked | _in_class_bodies(cell.source)) & before.keys()
        if error is not None or portrait(live, before) != before or self._world() != world:
            self.doubtful = True
        names = frozenset(asked | live.stored | (live.keys() - before.keys()))
        self._early.append(_Early(above, names, portrait(live, names), behind(live, names), world))
        return error

    def _look_again(self, live: _Names, done: set[int]) -> None:
        """Would those that ran early have found and left the same at their own places?"""
        for early in [early for early in self._early if early.before <= done]:
            self._early.remove(early)
            same = portrait(live, early.names) == early.portrait and self._world() == early.world
            if not same or list(map(id, behind(live, early.names))) != list(map(id, early.objects)):
                self.doubtful = True

    def _world(self) -> object:
        return contents(self._reach), states(self._reach)

    def _run(
        self, at: int, cell: Cell, live: _Names, known: _Builtins, _: frozenset[int]
    ) -> BaseException | None:
        known.missed.clear()
        drawn = random_states(self._reach)
        there = live.keys() | live.gone
        self.result.shown[cell.id], error = execute(cell.source, cell.id, live)
        # An exception's name goes with its clause: where nothing was taken away, nobody can tell.
        live.gone &= there | _deleted(cell.source)
        self.result.draws[cell.id] = (drawn, random_states(self._reach))
        missed = [*known.missed, *([str(error.name)] if isinstance(error, NameError) else [])]
        # Who finds a name taken away does not wait for one below that binds it anew.
        self.missed |= {(at, name) for name in missed if name not in self.bound and name not in live.gone}
        for name in live.keys() - self.bound.keys():
            self.bound[name] = at
        return error

    def _tell(self, live: dict[str, object]) -> None:
        result = self.result
        result.names = portrait(live)
        result.files, result.states = contents(self._reach), states(self._reach)
