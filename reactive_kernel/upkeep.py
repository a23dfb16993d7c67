"""The cells of a document, the graph between them, and which of them are fresh: kept in step."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from .cell import NOTHING, Cell, CellFacts, CellId, Latent, Mode, Outcome, Resource, kept
from .event import Edges, RunFinished, Status
from .fixed import altered
from .graph import Entry, Graph, entry_of, plain
from .ledger import Ledger
from .standing import Standing
from .state import Account, Flight, Ran, Stamp, State, learned, untied
from .versions import UNSEEN, UNSURE, Versions

# So often may one event make a cell fresh, or correct a guess, before nothing more is proven by it.
DOUBTS: Final = 3

Analyse: TypeAlias = Callable[[str], CellFacts]


class Upkeep:
    """What is known of the cells; it knows nothing of plans."""

    def __init__(self, analyse: Analyse) -> None:
        self.graph = Graph()
        self._analyse = analyse
        self._states: dict[CellId, State] = {}
        self._order: tuple[CellId, ...] = ()
        self._standing = Standing(self.graph, self._states)
        self._ledger = Ledger()
        self.versions = Versions(self.graph, self._states, self._ledger)

    # Questions

    @property
    def cells(self) -> tuple[CellId, ...]:
        return self._order

    @property
    def shifted(self) -> set[Resource]:
        """Names whose version at the document's end may be another now; whoever settles them clears it."""
        return self.graph.shifted

    def __contains__(self, cell: object) -> bool:
        return cell in self._states

    def cell(self, cell: CellId) -> Cell:
        return self._states[cell].cell

    def facts(self, cell: CellId) -> CellFacts:
        return self._states[cell].facts

    def status(self, cell: CellId) -> Status:
        return self._standing.status(cell)

    def changes(self) -> dict[CellId, Status | None]:
        """The cells whose status is not what was published last; None for one that was removed."""
        return self._standing.changes()

    def edges(self, cell: CellId) -> Edges:
        return self._standing.edges(cell)

    def edge_changes(self) -> dict[CellId, Edges | None]:
        """The cells whose edges are not what was published last; None for one that was removed."""
        return self._standing.edge_changes()

    def label(self, cell: CellId) -> str:
        """How people call the cell: by its place among the code cells."""
        return self._standing.label(cell)

    def account(self, cell: CellId) -> Account | None:
        """What the cell's latest run took and left; None if it never ran."""
        ran = self._states[cell].ran
        return None if ran is None else Account(ran.reads, ran.stamps, ran.changed, ran.unproven)

    def mode(self, cell: CellId) -> Mode:
        """When the cell may run: what somebody chose, else what its text asks for."""
        return self._states[cell].mode

    # The document

    def _write(self, cell: Cell) -> bool:
        """Give a cell its text and mode; was the text another one before?"""
        state = self._states.get(cell.id)
        if state is None:
            state = self._states[cell.id] = State(cell, self._analyse(cell.source))
            edited = True
        elif state.cell == cell:
            return False
        else:
            edited, barren = state.cell.source != cell.source, state.barren
            state.write(cell, self._analyse(cell.source) if edited else state.facts)
            if edited:
                # What the old text would have called says nothing of the new one.
                self.graph.forget_touches(cell.id)
            if barren != state.barren:
                self._shift(cell.id)
        self._standing.touch(cell.id)
        self._enter(state)
        return edited

    def _append(self, cell: Cell) -> None:
        self._order += (cell.id,)
        self._standing.arrange(self._order)
        self.graph.arrange(self._order)
        self._write(cell)

    def _enter(self, state: State) -> None:
        """Tell the graph what the cell reads and writes, as far as anybody can know now."""
        if state.ran is None or state.edited:
            entry = self._foreseen(state, entry_of(state.facts))
        elif state.proven:
            entry = state.ran.entry
        else:
            entry = state.ran.entry
            if not state.facts.writes <= entry.writes:
                # A rerun may write what the latest run happened not to write.
                entry = altered(entry, writes=entry.writes | state.facts.writes)
            entry = self._foreseen(state, entry)
        spared = state.spared
        self.graph.put(state.cell.id, entry if entry.barren == spared else altered(entry, barren=spared))

    def _shift(self, cell: CellId) -> set[CellId]:
        """Others can read what the cell left now, or cannot any more; answer its readers."""
        entry = self.graph.entry(cell)
        self.graph.shifted |= entry.writes | entry.may
        return self._affected(cell, self.graph.taken(cell))

    # What runs left

    def _as_ran(
        self, state: State, flight: Flight, event: RunFinished, stamps: Mapping[Resource, Stamp]
    ) -> Ran:
        """What the run took and left; the reads that earlier runs of the same text showed count, too."""
        same_text = state.ran is not None and state.ran.source == flight.source
        before = state.ran.entry if state.ran is not None and same_text else Entry()
        return Ran(
            source=flight.source,
            outcome=event.outcome,
            reads={**self._looked_up(event), **flight.reads, **self._moved_under(flight, event)},
            stamps=stamps,
            entry=self._with_latent(learned(flight, event, before), event),
            changed=event.seen.changed,
            unproven=event.seen.unproven or flight.spoiled,
            spoiled=event.seen.stuck or (event.seen.unproven is None and flight.spoiled is not None),
            aloof=event.seen.aloof or event.outcome is not Outcome.OK,
            discerning=event.seen.discerning,
            mixed=flight.mixed,
        )

    def _moved_under(self, flight: Flight, event: RunFinished) -> dict[Resource, Stamp]:
        """What it read and has other writers now than when it began, if it changed objects.

        Whose versions it changed was found by where everybody stands now: it has to do so once more.
        """
        if not event.seen.changes:
            return {}
        return dict.fromkeys(flight.reads.keys() & self.graph.shaken, UNSURE)

    def _with_latent(self, entry: Entry, event: RunFinished) -> Entry:
        """What a run changed calls what it called before, too."""
        changed = event.seen.changed & entry.writes
        if not changed:
            return entry
        latent = dict(entry.latent)
        for name in changed:
            maker = self.versions.nearest(name, event.cell)
            old = self.graph.entry(maker).latent.get(name) if maker is not None else None
            if old is not None:
                new = latent.get(name, Latent())
                latent[name] = Latent(old.reads | new.reads, old.writes | new.writes)
        return altered(entry, latent=latent)

    def _looked_up(self, event: RunFinished) -> dict[Resource, Stamp | None]:
        """The versions of names that the run looked up unannounced."""
        # Whose these names were when it looked them up, nobody knows: an edit came while it ran.
        unsure = event.seen.reads & self.graph.shaken
        if event.outcome is not Outcome.OK:
            there = self.versions.nearest
            return {
                name: UNSEEN
                for name in event.seen.reads
                if name in unsure or there(name, event.cell) is not None
            }
        found: dict[Resource, Stamp | None] = dict.fromkeys(unsure, UNSURE)
        for name in (event.seen.reads | event.seen.changed | event.seen.untried) - unsure:
            maker = self.versions.nearest(name, event.cell)
            for each, writer in ((name, maker), *self.graph.others(name, event.cell)):
                found[each] = self._as_found(each, writer, event.cell)
        return found

    def _as_found(self, name: Resource, writer: CellId | None, reader: CellId) -> Stamp | None:
        """The version that the writer left, as the reader's run found it."""
        if writer is None:
            return None
        if self.versions.is_spent(writer, plain(name), reader):
            # It found what somebody has made of it since.
            return UNSURE
        return self.versions.own(writer, name)

    def _outdate(self, event: RunFinished) -> set[CellId]:
        """Note who would not find in a directory any more what it found there."""
        found: set[CellId] = set()
        for cell, file in event.seen.outdated:
            state = self._states.get(cell)
            # Of some it was said at once that nobody can tell.
            if state is not None and state.ran is not None and state.ran.unproven is None:
                state.nudged |= {file}
                found.add(cell)
        return found

    def _left(self, stamps: Mapping[Resource, Stamp]) -> set[CellId]:
        """The cells whose latest run read one of these versions, wherever they would read the name now."""
        return {
            reader
            for name, stamp in stamps.items()
            for reader in self.graph.users(name)
            if (ran := self._states[reader].ran) is not None and ran.reads.get(name) == stamp
        }

    # Freshness

    def _weigh(self, cell: CellId, parent: CellId) -> None:
        """Note whether the cell waits for its parent to be fresh."""
        behind = self._states[cell].behind
        if self._states[parent].fresh:
            behind.discard(parent)
        else:
            behind.add(parent)

    def _affected(self, writer: CellId, names: Iterable[Resource]) -> set[CellId]:
        """Compare the readers of the writer's names with the versions that are in force now."""
        readers: set[CellId] = set()
        for resource in names:
            for cell in self.graph.readers(writer, resource):
                state = self._states[cell]
                name = self.graph.key(cell, resource, writer)
                readers.add(cell)
                self._weigh(cell, writer)
                if self.versions.agrees(state, name, writer):
                    state.mismatched.discard(name)
                else:
                    state.mismatched.add(name)
        return readers

    def _compare(self, cell: CellId) -> None:
        """Compare all that the cell needs with what its latest run read."""
        state = self._states[cell]
        inputs = self.graph.inputs(cell)
        state.mismatched = {
            name for name, writer in inputs.items() if not self.versions.agrees(state, name, writer)
        }
        if state.ran is not None:
            # Of what many write together, one that it read may have left.
            state.mismatched |= {plain(key) for key in state.ran.reads if "|" in key and key not in inputs}
        state.behind = set()
        for parent in self.graph.parents(cell):
            self._weigh(cell, parent)

    def _is_fresh(self, state: State) -> bool:
        return not (
            state.must_run
            or state.behind
            or state.blocked
            or (state.ran and state.ran.unproven)
            or self.graph.cycle(state.cell.id)
            # What is switched off does not run with the rest of the document.
            or state.mode is Mode.OFF
        )

    def _settle(self, cells: Iterable[CellId]) -> set[CellId]:
        """Work out edges and freshness after a change to `cells`; answer those with other inputs."""
        rewired: set[CellId] = set()
        todo = set(cells)
        gained: defaultdict[CellId, int] = defaultdict(int)
        foreseen: defaultdict[CellId, int] = defaultdict(int)
        while todo or self.graph.unsettled:
            changed = self.graph.settle()
            for cell in changed:
                self._compare(cell)
                foreseen[cell] += 1
                self._foresee(cell, more_only=foreseen[cell] > DOUBTS)
            rewired |= changed
            self._refresh(todo | changed, gained)
            todo.clear()
        return rewired

    def _foresee(self, cell: CellId, *, more_only: bool) -> None:
        """Enter what functions that the cell calls would write, if no run has shown whether they do.

        What a cell may write can decide which functions it calls; then the guess may only grow.
        """
        state, entry = self._states[cell], self.graph.entry(cell)
        if not state.proven:
            seen = self._foreseen(state, entry)
            if more_only:
                seen = altered(seen, may=seen.may | entry.may, faded=seen.faded | entry.faded)
            self.graph.put(cell, seen)

    def _foreseen(self, state: State, entry: Entry) -> Entry:
        touches = self.graph.touches(state.cell.id)
        faded = NOTHING
        if state.mismatched:
            faded = entry.writes - state.facts.writes - entry.changes - entry.shares - touches
        if not (touches or entry.may or faded or entry.faded):
            return entry
        return altered(entry, may=kept(touches - entry.writes), faded=kept(faded))

    def _refresh(self, cells: Iterable[CellId], gained: defaultdict[CellId, int]) -> None:
        """Carry freshness, gained or lost, down the document."""
        todo = deque(cells)
        queued = set(todo)
        while todo:
            cell = todo.popleft()
            queued.discard(cell)
            state = self._states.get(cell)
            if state is None:
                continue
            self._standing.touch(cell)
            # What a cell really wrote may close a cycle that what it might write does not: no proof at all.
            fresh = gained[cell] < DOUBTS and self._is_fresh(state)
            if fresh == state.fresh:
                continue
            state.fresh = fresh
            gained[cell] += fresh
            if fresh and state.ran is not None and (entry := untied(state.ran)) is not state.ran.entry:
                state.ran = altered(state.ran, entry=entry)
            self._enter(state)
            for child in self.graph.children(cell):
                self._weigh(child, cell)
                if child not in queued:
                    queued.add(child)
                    todo.append(child)
