"""Who reads whose resources: an index that answers, and changes, at the cost of what a change touches."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType

from .cell import BUILTINS, NOTHING, CellFacts, CellId, Cycle, Latent, Resource
from .fixed import fixed

# Cells are ranked with gaps, so that a cell put between two others changes nobody else's rank.
_GAP = 1 << 32
_NO_LATENT: Mapping[Resource, Latent] = MappingProxyType({})


def shared(resource: Resource) -> bool:
    """Do readers take what all writers above left together, rather than what the nearest one left?"""
    return resource.startswith("dir:") or resource == "file:*"


def plain(key: Resource) -> Resource:
    """The resource behind a key of a cell's inputs: a shared one has a key for each of its writers."""
    return key.partition("|")[0] if ":" in key else key


@fixed
class Entry:
    """What the graph knows of one cell: its source's facts, refined by what its runs really did."""

    # Reads that take the nearest writer above and, where there is none, the nearest below.
    reads: frozenset[Resource] = NOTHING
    # Reads that look above only: builtins, and names that the cell itself may have written before.
    above: frozenset[Resource] = NOTHING
    # The part of `above` that it does not need: other names of objects that it changes.
    shares: frozenset[Resource] = NOTHING
    writes: frozenset[Resource] = NOTHING
    # The part of `writes` that a run changed in place, and so found there.
    changes: frozenset[Resource] = NOTHING
    # The part of `writes` that it, or a function that it calls, was seen to look for before it writes it.
    early: frozenset[Resource] = NOTHING
    # What functions that it calls may write, as long as no run has shown whether they do.
    may: frozenset[Resource] = NOTHING
    # The part of `writes` that only a run on other inputs has shown; but for objects changed in place.
    faded: frozenset[Resource] = NOTHING
    # Its writes are promises that it did not keep: who only shares what is there looks past it.
    barren: bool = False
    # What travels with the names it writes ("" for whatever travels with all of them).
    latent: Mapping[Resource, Latent] = field(default_factory=lambda: _NO_LATENT)
    # What its own functions touch if the cell calls them itself.
    calls: tuple[Latent, ...] = ()


def entry_of(facts: CellFacts) -> Entry:
    """The entry of a cell that never ran: what static analysis says."""
    own = facts.maybe & facts.writes
    return Entry(
        reads=facts.reads - own if own else facts.reads,
        above=facts.builtins | own if own else facts.builtins,
        writes=facts.writes,
        latent=facts.latent,
        calls=tuple(latent for name in ("", *sorted(facts.uses)) if (latent := facts.latent.get(name))),
    )


@dataclass
class _Trace:
    """One cell's resolved needs."""

    # Every resource the cell needs, itself or through functions it may call, and the cell that writes it.
    inputs: dict[Resource, CellId | None] = field(default_factory=dict[Resource, "CellId | None"])
    # The needs that only functions have: they never make a cycle a problem.
    deferred: set[Resource] = field(default_factory=set[Resource])
    # What functions that the cell may call would write.
    touches: set[Resource] = field(default_factory=set[Resource])


class Graph:
    """The document's cells and the edges between them.

    Changes are collected by `arrange`, `put` and `drop`; `settle` then works out the edges anew for the
    cells that they concern and says which cells' inputs are no longer what they were.
    """

    def __init__(self) -> None:
        self._rank: dict[CellId, int] = {}
        self._at: dict[int, CellId] = {}
        self._entries: dict[CellId, Entry] = {}
        self._writers: dict[Resource, list[int]] = {}
        self._readers: dict[Resource, list[int]] = {}
        self._traces: dict[CellId, _Trace] = {}
        self._dependents: dict[CellId, dict[Resource, set[CellId]]] = {}
        self._untraced: set[CellId] = set()
        # The edges that point up the document: only they can close a cycle.
        self._upward: dict[CellId, set[Resource]] = {}
        self._yielding: set[CellId] = set()
        self._cycles: tuple[Cycle, ...] = ()
        self._looped: dict[CellId, Cycle] = {}
        self.touched: set[CellId] = set()
        # The resources that got or lost a writer, or whose writer moved.
        self.shifted: set[Resource] = set()
        # The same since the run under way began.
        self.shaken: set[Resource] = set()
        # The resources besides names that some cell writes.
        self.outside: set[Resource] = set()

    # The document

    def arrange(self, order: Sequence[CellId]) -> None:
        """Give the document's cells that order; what is new in it joins, what it leaves out is dropped."""
        members = set(order)
        for cell in [cell for cell in self._rank if cell not in members]:
            self.drop(cell)
        steady = set(_longest_rise([self._rank[cell] for cell in order if cell in self._rank]))
        ranks = self._place(order, steady)
        if ranks is None:
            ranks = self._place(order, set()) or {}
        for cell, rank in ranks.items():
            self._move(cell, rank)

    def _place(self, order: Sequence[CellId], steady: set[int]) -> dict[CellId, int] | None:
        """Ranks for the cells that have to move so that the steady ones may stay; None if they do not fit."""
        ranks: dict[CellId, int] = {}
        waiting: list[CellId] = []
        low = 0 if steady else max(self._at, default=0)
        for cell in order:
            rank = self._rank.get(cell)
            if rank is None or rank not in steady:
                waiting.append(cell)
                continue
            step = (rank - low) // (len(waiting) + 1)
            if not step:
                return None
            ranks |= {each: low + step * number for number, each in enumerate(waiting, 1)}
            waiting, low = [], rank
        ranks |= {each: low + _GAP * number for number, each in enumerate(waiting, 1)}
        return ranks

    def _move(self, cell: CellId, rank: int) -> None:
        entry = self._entries.get(cell, Entry())
        if cell in self._rank:
            self.drop(cell)
        self._rank[cell] = rank
        self._at[rank] = cell
        self._untraced.add(cell)
        self.put(cell, entry)

    def put(self, cell: CellId, entry: Entry) -> None:
        """Let `cell` read and write what `entry` says."""
        old = self._entries.get(cell)
        if old is entry or old == entry:
            return
        self._entries[cell] = entry
        self._untraced.add(cell)
        before = old or Entry()
        left, leaves = before.writes | before.may, entry.writes | entry.may
        rank = self._rank[cell]
        moved = left ^ leaves
        self.shifted |= moved
        self.shaken |= moved
        for name in left - leaves:
            self._retrace_readers(name, rank)
            _discard(self._writers, name, rank)
            if name not in self._writers:
                self.outside.discard(name)
        for name in leaves - left:
            if ":" in name:
                self.outside.add(name)
            insort(self._writers.setdefault(name, []), rank)
            self._retrace_readers(name, rank)
        for name in leaves & left:
            if (
                entry.barren != before.barren
                or entry.latent.get(name) != before.latent.get(name)
                or entry.latent.get("") != before.latent.get("")
            ):
                self._retrace_readers(name, rank)

    def drop(self, cell: CellId) -> None:
        """Take a cell out of the document."""
        self.put(cell, Entry())
        self._forget_trace(cell)
        del self._entries[cell]
        del self._at[self._rank.pop(cell)]
        self._untraced.discard(cell)
        self.touched.add(cell)

    # Questions

    def __contains__(self, cell: CellId) -> bool:
        return cell in self._rank

    def rank(self, cell: CellId) -> int:
        """A number that grows along the document."""
        return self._rank[cell]

    def entry(self, cell: CellId) -> Entry:
        return self._entries[cell]

    def inputs(self, cell: CellId) -> Mapping[Resource, CellId | None]:
        """Every resource that the cell needs and whose version it takes."""
        return self._traces[cell].inputs

    def touches(self, cell: CellId) -> set[Resource]:
        """What functions that the cell may call would write."""
        trace = self._traces.get(cell)
        return trace.touches if trace is not None else set()

    def forget_touches(self, cell: CellId) -> None:
        """Its text is another one, so what it calls has to be worked out anew."""
        touches = self.touches(cell)
        if touches:
            touches.clear()
            self._untraced.add(cell)

    def parents(self, cell: CellId) -> set[CellId]:
        return {writer for writer in self._traces[cell].inputs.values() if writer is not None}

    def children(self, cell: CellId) -> set[CellId]:
        return {child for readers in self._dependents.get(cell, {}).values() for child in readers}

    def readers(self, cell: CellId, name: Resource) -> Iterable[CellId]:
        """The cells that take `name` from `cell`."""
        return self._dependents.get(cell, {}).get(name, ())

    def taken(self, cell: CellId) -> set[Resource]:
        """The names that other cells take from this one."""
        return set(self._dependents.get(cell, ()))

    def users(self, name: Resource) -> Iterator[CellId]:
        """The cells that need `name`, whoever writes it."""
        return (self._at[rank] for rank in self._readers.get(name, ()))

    def writers(self, name: Resource) -> Iterator[CellId]:
        """The cells that write `name`, in document order."""
        return (self._at[rank] for rank in self._writers.get(name, ()))

    def written(self) -> Iterable[Resource]:
        """Every resource that some cell writes."""
        return self._writers.keys()

    def resolve(self, name: Resource, cell: CellId | None) -> CellId | None:
        """The cell whose version of `name` a read in `cell` takes (None: a read at the document's end)."""
        found = self.resolve_above(name, cell)
        # Only names look below: other resources have no versions that could be put back in time.
        if found is not None or cell is None or ":" in name:
            return found
        writers = self._writers.get(name, ())
        index = bisect_right(writers, self._rank[cell])
        return self._at[writers[index]] if index < len(writers) else None

    def resolve_above(self, name: Resource, cell: CellId | None) -> CellId | None:
        """The nearest cell above `cell` that writes `name`."""
        return next(self.above(name, cell), None)

    def _resolve_shared(self, name: Resource, cell: CellId) -> CellId | None:
        """The nearest cell above that left something behind the name, as far as anybody knows."""
        return next((writer for writer in self.above(name, cell) if not self._entries[writer].barren), None)

    def above(self, name: Resource, cell: CellId | None) -> Iterator[CellId]:
        """The writers of `name` above `cell` (above the document's end for None), nearest first."""
        writers = self._writers.get(name, [])
        start = len(writers) if cell is None else bisect_left(writers, self._rank[cell])
        for index in range(start - 1, -1, -1):
            yield self._at[writers[index]]

    def following(self, name: Resource, cell: CellId) -> Iterator[CellId]:
        """The writers of `name` below `cell`, nearest first."""
        writers = self._writers.get(name, [])
        for index in range(bisect_right(writers, self._rank[cell]), len(writers)):
            yield self._at[writers[index]]

    def others(self, name: Resource, cell: CellId) -> list[tuple[Resource, CellId]]:
        """The writers above of a shared resource besides the nearest, with the keys that they have."""
        if ":" not in name or not shared(name):
            return []
        return [(f"{name}|{writer}", writer) for writer in self.above(name, cell)][1:]

    def key(self, cell: CellId, name: Resource, writer: CellId) -> Resource:
        """Under which key the cell takes the resource from that writer."""
        if ":" not in name or self._traces[cell].inputs.get(name) == writer:
            return name
        key = f"{name}|{writer}"
        return key if key in self._traces[cell].inputs else name

    def cycles(self) -> tuple[Cycle, ...]:
        return self._cycles

    def cycle(self, cell: CellId) -> Cycle | None:
        """The cycle that the cell is on, if any."""
        return self._looped.get(cell)

    def upward(self, cell: CellId) -> set[CellId]:
        """The parents of the cell that stand below it."""
        inputs = self._traces[cell].inputs
        return {writer for name in self._upward.get(cell, ()) if (writer := inputs[name]) is not None}

    def reach(
        self,
        start: Iterable[CellId],
        along: Callable[[CellId], Iterable[CellId]],
        through: Callable[[CellId], bool],
    ) -> set[CellId]:
        """The cells reached from `start` along an edge relation, through cells that `through` lets pass."""
        seen: set[CellId] = set()
        todo = list(start)
        while todo:
            for cell in along(todo.pop()):
                if cell not in seen and through(cell):
                    seen.add(cell)
                    todo.append(cell)
        return seen

    # Edges

    @property
    def reordered(self) -> bool:
        """Does some cell stand above one that it needs?"""
        return bool(self._upward)

    @property
    def unsettled(self) -> bool:
        """Has anything changed since the edges were worked out?"""
        return bool(self._untraced)

    def settle(self) -> set[CellId]:
        """Work out the edges that changed; answer the cells that may touch other resources than before."""
        changed: set[CellId] = set()
        # Whoever gave way to a cycle may not have to any more.
        untraced, self._untraced = self._untraced | (self._yielding & self._rank.keys()), set()
        had_upward = bool(self._upward)
        for cell in untraced:
            if self._retrace(cell):
                changed.add(cell)
        # A cycle is also over when its cells have left the document.
        if had_upward or self._upward or self._looped:
            changed |= self._untie()
        self.touched |= changed | untraced
        return changed

    def _retrace_readers(self, name: Resource, rank: int) -> None:
        """Have those cells traced anew for whom the writer at `rank` makes a difference."""
        readers = self._readers.get(name)
        if not readers:
            return
        writers = self._writers.get(name, [])
        before = bisect_left(writers, rank)
        after = bisect_right(writers, rank)
        low = 0 if before == 0 else bisect_right(readers, rank)
        if ":" in name and shared(name):
            after = len(writers)
        while after < len(writers) and self._entries[self._at[writers[after]]].barren:
            after += 1
        high = bisect_right(readers, writers[after]) if after < len(writers) else len(readers)
        self._untraced.update(self._at[reader] for reader in readers[low:high])
        # Whoever gave way to a cycle looks at all writers below.
        self._untraced.update(cell for cell in self._yielding if self._reads(cell, name))
        # The first writer, if it reads the name itself, takes it from the second.
        if before == 1 and _holds(readers, writers[0]):
            self._untraced.add(self._at[writers[0]])

    def _reads(self, cell: CellId, name: Resource) -> bool:
        return cell in self._traces and name in self._traces[cell].inputs

    def _trace(self, cell: CellId) -> _Trace:
        """Resolve what the cell needs: its reads, then what the functions among them will read."""
        entry = self._entries[cell]
        trace = _Trace()
        for name in entry.reads:
            trace.inputs[name] = self.resolve(name, cell)
            if ":" in name:
                trace.inputs.update(self.others(name, cell))
        for name in entry.above - entry.shares:
            trace.inputs[name] = (self.resolve if name in entry.early else self.resolve_above)(name, cell)
        for name in entry.shares:
            trace.inputs[name] = self._resolve_shared(name, cell)
        todo = list(entry.calls)
        todo += [latent for name, writer in trace.inputs.items() for latent in self._carried(name, writer)]
        while todo:
            latent = todo.pop()
            trace.touches |= latent.writes
            for name in latent.reads:
                if name in trace.inputs:
                    continue
                own = name in entry.writes and name not in entry.changes
                if own and (latent := entry.latent.get(name)):
                    todo.append(latent)
                only_above = (own and name not in entry.early) or name in BUILTINS
                writer = (self.resolve_above if only_above else self.resolve)(name, cell)
                trace.inputs[name] = writer
                trace.deferred.add(name)
                todo += self._carried(name, writer)
        return trace

    def _carried(self, name: Resource, writer: CellId | None) -> list[Latent]:
        """What calling the object that `writer` leaves behind `name` may touch."""
        if writer is None or not (latent := self._entries[writer].latent):
            return []
        return [found for key in (name, "") if (found := latent.get(key))]

    def _retrace(self, cell: CellId) -> bool:
        old = self._traces.get(cell)
        new = self._trace(cell)
        rank = self._rank[cell]
        if old is None or old.inputs != new.inputs:
            self._forget_trace(cell)
            for name, writer in new.inputs.items():
                insort(self._readers.setdefault(name, []), rank)
                if writer is not None:
                    self._dependents.setdefault(writer, {}).setdefault(plain(name), set()).add(cell)
                    self.touched.add(writer)
        self._traces[cell] = new
        # The same writer may have moved from above to below.
        self._upward.pop(cell, None)
        upward = {name for name, writer in new.inputs.items() if writer and self._rank[writer] > rank}
        if upward:
            self._upward[cell] = upward
        return old is None or old.inputs != new.inputs or old.touches != new.touches

    def _forget_trace(self, cell: CellId) -> None:
        trace = self._traces.pop(cell, None)
        self._upward.pop(cell, None)
        if trace is None:
            return
        rank = self._rank[cell]
        for name, writer in trace.inputs.items():
            _discard(self._readers, name, rank)
            if writer is not None:
                self._unlink(writer, plain(name), cell)

    def _unlink(self, writer: CellId, name: Resource, cell: CellId) -> None:
        self.touched.add(writer)
        names = self._dependents.get(writer, {})
        if name in names:
            names[name].discard(cell)
            if not names[name]:
                del names[name]
            if not names:
                del self._dependents[writer]

    # Cycles

    def _untie(self) -> set[CellId]:
        """Let deferred reads give way where they close a cycle, and find the cycles that remain."""
        changed: set[CellId] = set()
        self._yielding = set()
        for cell in sorted(self._upward, key=self.rank):
            trace = self._traces[cell]
            for name in sorted(self._upward[cell] & trace.deferred):
                writer = trace.inputs[name]
                if writer is not None and self._leads_to(cell, writer):
                    self._give_way(cell, name, writer)
                    changed.add(cell)
        changed |= self._doubt_cycles()
        self._cycles = tuple(self._find_cycles())
        looped = {cell: cycle for cycle in self._cycles for cell in cycle.cells}
        changed |= {cell for cell in looped.keys() ^ self._looped.keys() if cell in self._rank}
        self._looped = looped
        return changed

    def _doubt_cycles(self) -> set[CellId]:
        """A cycle of what functions might do is none, until a run has shown it on the inputs of now."""
        changed: set[CellId] = set()
        for cycle in list(self._find_cycles()):
            for cell in cycle.cells:
                inputs = self._traces[cell].inputs
                for name in sorted(inputs):
                    writer = inputs[name]
                    if writer is None or writer not in cycle.cells:
                        continue
                    if self._only_might(cell, name, writer) and self._leads_to(cell, writer):
                        self._give_way(cell, name, writer)
                        changed.add(cell)
        return changed

    def _only_might(self, cell: CellId, name: Resource, writer: CellId) -> bool:
        """Has nobody seen yet that the cell takes the name from that writer, as their inputs are?"""
        entry = self._entries[writer]
        deferred = name in self._traces[cell].deferred and name not in entry.writes
        return deferred or name in entry.faded

    def _give_way(self, cell: CellId, name: Resource, writer: CellId) -> None:
        """Mutual recursion: whoever calls needs both cells, but they do not need each other.

        Further from here there can be a cell that needs nothing from here.
        """
        self._unlink(writer, name, cell)
        self._yielding.add(cell)
        below = self._rank[writer] > self._rank[cell]
        upward = self._upward.setdefault(cell, set())
        upward.discard(name)
        others = self.following(name, writer if below else cell)
        nearer = () if below else self.above(name, writer)
        found = next((each for each in chain(nearer, others) if self._may_take(cell, name, each)), None)
        self._traces[cell].inputs[name] = found
        if found is not None:
            self._dependents.setdefault(found, {}).setdefault(name, set()).add(cell)
            self.touched.add(found)
            if self._rank[found] > self._rank[cell]:
                upward.add(name)
        if not upward:
            del self._upward[cell]

    def _may_take(self, cell: CellId, name: Resource, writer: CellId) -> bool:
        """May it take the name from there? What it needs for certain may well close a cycle."""
        certain = name not in self._traces[cell].deferred and name not in self._entries[writer].faded
        return certain or not self._leads_to(cell, writer)

    def _leads_to(self, start: CellId, goal: CellId) -> bool:
        return goal in self.reach([start], self.children, lambda _: True)

    def _find_cycles(self) -> Iterator[Cycle]:
        found: set[CellId] = set()
        for cell in sorted(self._upward, key=self.rank):
            if cell in found:
                continue
            down = self.reach([cell], self.children, lambda _: True)
            if cell not in down:
                continue
            loop = down & self.reach([cell], self.parents, lambda _: True)
            found |= loop
            names = {
                name
                for member in loop
                for name, writer in self._traces[member].inputs.items()
                if writer in loop
            }
            yield Cycle(tuple(sorted(loop, key=self.rank)), tuple(sorted(names)))


def _discard(index: dict[Resource, list[int]], name: Resource, rank: int) -> None:
    ranks = index.get(name)
    if ranks is None:
        return
    position = bisect_left(ranks, rank)
    if position < len(ranks) and ranks[position] == rank:
        del ranks[position]
    if not ranks:
        del index[name]


def _holds(ranks: Sequence[int], rank: int) -> bool:
    position = bisect_left(ranks, rank)
    return position < len(ranks) and ranks[position] == rank


def _longest_rise(ranks: Sequence[int]) -> list[int]:
    """The longest rising subsequence: the cells that need not move."""
    tails: list[int] = []
    at: list[int] = []
    before: list[int] = []
    for index, rank in enumerate(ranks):
        length = bisect_left(tails, rank)
        before.append(at[length - 1] if length else -1)
        if length == len(tails):
            tails.append(rank)
            at.append(index)
        else:
            tails[length] = rank
            at[length] = index
    rise: list[int] = []
    index = at[-1] if at else -1
    while index >= 0:
        rise.append(ranks[index])
        index = before[index]
    return rise[::-1]
