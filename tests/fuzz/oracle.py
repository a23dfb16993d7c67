"""What a fresh run of a document gives: every cell once, on the values that rule 1 gives it.

It knows nothing of sessions, plans and versions: it runs everything, always, and before each cell puts every
name at its value by brute force. What it shares with the kernel is who reads and writes what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from reactive_kernel.analysis import analyze
from reactive_kernel.cell import Cell, CellFacts, CellId, Mode
from reactive_kernel.graph import Entry, Graph, entry_of
from reactive_kernel.plan import in_order

from .execution import Shown, blank, execute
from .latent import latent_of

# So often may a run correct what the analysis guessed, before the document counts as undecided.
ROUNDS = 12

facts_of = lru_cache(maxsize=50_000)(analyze)


@dataclass
class Fresh:
    """What a fresh run gives."""

    # None: the cell does not run, because it is switched off, blocked or on a cycle.
    shown: dict[CellId, Shown | None]
    # The names that stand at the document's end, with who made them.
    names: dict[str, str]
    makers: dict[str, CellId]
    # The same names' plain representations.
    values: dict[str, str]
    order: tuple[CellId, ...] = ()


def fresh_run(cells: tuple[Cell, ...], seen: Mapping[CellId, Entry] | None = None) -> Fresh | None:
    """What a fresh run gives; None where what cells write decides who is first, and the reverse.

    `seen`: what runs have shown of some cells. It has to show again.
    """
    learned: dict[CellId, Entry] = dict(seen or {})
    proven = frozenset(learned)
    for _ in range(ROUNDS):
        run = _Round(cells, learned, proven)
        run.everything()
        if run.learned == learned and run.made.keys() == proven:
            return run.result()
        learned, proven = run.learned, frozenset(run.made)
    return None


@dataclass
class _Round:
    """One run of everything, with what is known so far of who writes what."""

    cells: tuple[Cell, ...]
    known: Mapping[CellId, Entry]
    # The cells whose writes a run has shown.
    proven: frozenset[CellId]
    learned: dict[CellId, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sources = {cell.id: cell.source for cell in self.cells}
        self.facts: dict[CellId, CellFacts] = {cell.id: facts_of(cell.source) for cell in self.cells}
        self.off = {cell.id for cell in self.cells if cell.mode is Mode.OFF}
        self.graph = graph_of(
            [cell.id for cell in self.cells],
            {cell: self.known.get(cell) or entry_of(facts) for cell, facts in self.facts.items()},
        )
        self._foresee()
        self.order = in_order(self.graph, self.sources)
        self.live = blank()
        self.made: dict[CellId, dict[str, object]] = {}
        self.shown: dict[CellId, Shown | None] = {}

    def _foresee(self) -> None:
        """A cell whose writes nobody has seen may write what functions that it calls would write."""
        graph, more = self.graph, True
        while more:
            more = False
            for cell in self.facts.keys() - self.proven:
                entry, touches = graph.entry(cell), graph.touches(cell)
                if not touches <= entry.writes | entry.may:
                    graph.put(cell, replace(entry, may=entry.may | touches))
                    more = True
            graph.settle()

    def everything(self) -> None:
        for cell in self.order:
            self.shown[cell] = None
            blocked = any(parent not in self.made for parent in self.graph.parents(cell) - {cell})
            if blocked or cell in self.off or self.graph.cycle(cell):
                continue
            self._place(cell)
            self._run(cell)

    def _place(self, cell: CellId | None) -> None:
        """Put every name at the value that rule 1 gives the cell (None: the document's end)."""
        self.live.clear()
        self.live.update(blank())
        inputs = self.graph.inputs(cell) if cell else {}
        for name in set(self.graph.written()):
            makers = [maker for maker in self.graph.above(name, cell) if name in self.made.get(maker, ())]
            maker = inputs[name] if name in inputs else next(iter(makers), None)
            value = self.made.get(maker, {}).get(name, _GONE) if maker is not None else _GONE
            if value is not _GONE:
                self.live[name] = value

    def _run(self, cell: CellId) -> None:
        facts = self.facts[cell]
        inputs, touches = self.graph.inputs(cell), frozenset(self.graph.touches(cell))
        for name in (facts.writes | touches) - inputs.keys():
            # What stands there afterwards is the cell's own.
            self.live.pop(name, None)
        before = dict(self.live)
        self.shown[cell], error = execute(self.sources[cell], cell, self.live)
        missed = {str(error.name)} if isinstance(error, NameError) else set[str]()
        known, vain = self.known.get(cell, Entry()), missed & before.keys()
        missed -= vain
        early = (known.early - vain) | (missed & inputs.keys() & facts.writes)
        guess = replace(entry_of(facts), early=early)
        reads = guess.reads | ((missed - inputs.keys() | known.reads - vain) - guess.above)
        if error is not None:
            self.learned[cell] = replace(guess, reads=reads)
            return
        written = {name for name in facts.writes if name in self.live} | (facts.deletes - self.live.keys())
        written |= {name for name, value in self.live.items() if before.get(name, _GONE) is not value}
        written |= before.keys() - self.live.keys()
        self.made[cell] = {name: self.live.get(name, _GONE) for name in written}
        latent = latent_of([name for name in written if name in self.live], self.live, facts)
        self.learned[cell] = replace(guess, reads=reads, writes=frozenset(written), latent=latent)

    def result(self) -> Fresh:
        self._place(None)
        last = {name: self.graph.resolve(name, None) for name in self.graph.written()}
        makers = {name: maker for name, maker in last.items() if maker is not None}
        standing = {name: describe(value) for name, value in self.live.items() if name not in blank()}
        values = {name: repr(self.live[name]) for name in standing}
        return Fresh(self.shown, standing, makers, values, self.order)


_GONE = object()


def graph_of(order: list[CellId], entries: Mapping[CellId, Entry]) -> Graph:
    """The graph of a document, made at once."""
    graph = Graph()
    graph.arrange(order)
    for cell, entry in entries.items():
        graph.put(cell, entry)
    graph.settle()
    return graph


def plain_run(cells: tuple[Cell, ...]) -> list[Shown]:
    """Top to bottom in one namespace, as any Python would: nothing of the kernel has a part in it."""
    live = blank()
    return [execute(cell.source, cell.id, live)[0] for cell in cells]


# Values


def describe(value: object, depth: int = 6) -> str:
    """What can be told of a value without its address."""
    if depth == 0:
        return "..."
    inner = depth - 1
    if isinstance(value, FunctionType):
        cells = [describe(cell.cell_contents, inner) for cell in value.__closure__ or ()]
        defaults = [describe(each, inner) for each in value.__defaults__ or ()]
        more = {name: describe(each, inner) for name, each in (value.__kwdefaults__ or {}).items()}
        return f"function {value.__qualname__} {_code(value.__code__)} {cells} {defaults} {more}"
    if isinstance(value, MethodType):
        return f"method {describe(value.__func__, inner)} of {describe(value.__self__, inner)}"
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    if isinstance(value, property):
        return f"property {describe(value.fget, inner)}"
    if isinstance(value, type):
        if value.__module__ != "__main__":
            return repr(value)
        bases = [describe(base, inner) for base in value.__bases__]
        return f"class {value.__qualname__} {bases} {_fields(value, inner)}"
    if type(value).__module__ == "__main__":
        return f"a {describe(type(value), inner)} with {_fields(value, inner)}"
    if isinstance(value, (list, tuple, set)):
        return f"{type(value).__name__} {[describe(each, inner) for each in value]}"
    return repr(value)


def _fields(value: Any, depth: int) -> dict[str, str]:
    left_out = ("__dict__", "__weakref__", "__module__", "__doc__", "__slotnames__")
    return {name: describe(each, depth) for name, each in vars(value).items() if name not in left_out}


def _code(code: CodeType) -> str:
    constants = [_code(each) if isinstance(each, CodeType) else repr(each) for each in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {constants}"
