"""The state of a document and what follows from an event: which cells are stale, and what runs next."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from . import reason
from .altered import altered
from .cell import (
    NOTHING,
    Activity,
    Cell,
    CellFacts,
    CellId,
    Latent,
    Mode,
    Outcome,
    Reason,
    Resource,
    kept,
)
from .event import (
    Action,
    CascadeChosen,
    CellEdited,
    DocumentSynced,
    Edges,
    Event,
    Interrupted,
    NamesTouched,
    Refuse,
    Run,
    RunFinished,
    RunRequested,
    SessionsBusy,
    StaleRequested,
    Status,
    VersionsLost,
)
from .graph import Entry, Graph, entry_of, plain
from .ledger import Ledger, Place
from .plan import Policy, plan
from .standing import Standing
from .state import Account, Flight, Ran, Stamp, State, learned, stamps_of, untied
from .versions import FAILED, Versions

_NO_STAMPS: Mapping[Resource, Stamp] = MappingProxyType({})
# So many times may one plan rerun a cell to restore what others have used up.
_REWINDS = 6
# So often may one event make a cell fresh, or correct a guess, before nothing more is proven by it.
_DOUBTS = 3
# So often may one cell run before the plan has come to its end.
_LAPS = 12


Analyse: TypeAlias = Callable[[str], CellFacts]


class Session:
    """The document, its graph, and the plan under way: `step` takes an event, `advance` says what to do."""

    def __init__(self, analyse: Analyse) -> None:
        self.graph = Graph()
        self.auto = True
        self.synced = False
        self._analyse = analyse
        self._states: dict[CellId, State] = {}
        self._order: tuple[CellId, ...] = ()
        self._standing = Standing(self.graph, self._states)
        self._runs = 0
        self._plan: deque[CellId] = deque()
        self._planned: set[CellId] = set()
        self._requested: set[CellId] = set()
        self._rewinds: dict[CellId, int] = {}
        self._laps: Counter[CellId] = Counter()
        self._releases: Counter[CellId] = Counter()
        self._ties: Counter[Place] = Counter()
        # Is everything that is stale to run, whatever the mode?
        self._settling = False
        # Was it so in the plan that ended last? And how often has its end cost whom a version?
        self._settled = False
        self._losses: Counter[CellId] = Counter()
        self._running: CellId | None = None
        self._ledger = Ledger()
        self.versions = Versions(self.graph, self._states, self._ledger)
        self._policy = Policy(self._automatic, self._behind, True)
        self._busy: frozenset[str] = frozenset()
        self._handlers: Mapping[type[Event], Callable[..., None]] = {
            DocumentSynced: self._document_synced,
            CellEdited: self._cell_edited,
            RunRequested: self._run_requested,
            StaleRequested: self._stale_requested,
            CascadeChosen: self._cascade_chosen,
            RunFinished: self._run_finished,
            Interrupted: self._interrupted,
            NamesTouched: self._names_touched,
            VersionsLost: self._versions_lost,
            SessionsBusy: self._sessions_busy,
        }

    # Questions

    @property
    def cells(self) -> tuple[CellId, ...]:
        return self._order

    @property
    def running(self) -> CellId | None:
        return self._running

    @property
    def under_way(self) -> bool:
        """Is there anything left to run?"""
        return bool(self._plan)

    @property
    def planned(self) -> tuple[CellId, ...]:
        """What is left to run, and what runs now, in order."""
        return tuple(self._plan)

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

    def runs_unasked(self, cell: CellId) -> bool:
        """May the cell run when its typing stops?"""
        state = self._states[cell]
        return self._automatic(cell) and state.facts.problem is None

    def account(self, cell: CellId) -> Account | None:
        """What the cell's latest run took and left; None if it never ran."""
        ran = self._states[cell].ran
        return None if ran is None else Account(ran.reads, ran.stamps, ran.changed, ran.unproven)

    def mode(self, cell: CellId) -> Mode:
        """When the cell may run: what somebody chose, else what its text asks for."""
        return self._states[cell].mode

    # Events

    def step(self, event: Event) -> None:
        """Take in what has happened."""
        if not isinstance(event, (RunFinished, VersionsLost)):
            self._losses.clear()
        self._handlers[type(event)](event)

    def advance(self) -> Action | None:
        """What to do next; None when the plan is done."""
        while True:
            while self._plan:
                action = self._decide(self._states[self._plan[0]])
                if action is not None:
                    return action
            self._requested.clear()
            self._tie_at_end()
            lost = self._spent_at_end()
            if not lost and not self._plan:
                self._rewinds.clear()
                self._laps.clear()
                self._releases.clear()
                self._ties.clear()
                self._settled, self._settling = self._settling, False
                return None
            self._replan(lost, requested=lost)

    def _document_synced(self, event: DocumentSynced) -> None:
        self.synced = True
        order = tuple(dict.fromkeys(cell.id for cell in event.cells))
        for cell in self._states.keys() - set(order):
            self._remove(cell)
        rearranged = order != self._order
        if rearranged:
            self._order = order
            self._standing.arrange(order)
            self.graph.arrange(order)
        known = [cell for cell in event.cells if cell.id in self._states]
        switched = {cell.id for cell in known if self._states[cell.id].cell.mode != cell.mode}
        barren = {cell for cell in switched if self._states[cell].barren}
        edited = {cell.id for cell in event.cells if self._write(cell)}
        moved = self._settle(edited | switched)
        if rearranged:
            self._tie_everywhere()
        self._withdraw(edited)
        # What moved or went away reruns its readers; a new text only marks them.
        self._rerun({cell for cell in moved - edited if self._states[cell].mismatched})
        self._reconsider(moved | switched)
        freed = {child for cell in switched for child in self.graph.children(cell) if self._released(child)}
        turned = {cell for cell in switched if self._states[cell].barren != (cell in barren)}
        readers = {child for cell in turned for child in self.graph.children(cell)}
        self._rerun(freed | {cell for cell in readers if self._states[cell].mismatched})
        self._reorder(rearranged=rearranged)

    def _cell_edited(self, event: CellEdited) -> None:
        if self._write(altered(self._states[event.cell].cell, source=event.source)):
            self._reconsider(self._settle({event.cell}))
            self._withdraw({event.cell})
            self._reorder()

    def _run_requested(self, event: RunRequested) -> None:
        edited = False
        for cell in event.cells:
            if cell not in self._states:
                self._append(Cell(cell, event.source or "", event.mode))
                continue
            old = self._states[cell].cell
            source = old.source if event.source is None else event.source
            edited |= self._write(altered(old, source=source, mode=event.mode or old.mode))
        if self._planned.issuperset(event.cells) and not (edited or self.graph.unsettled):
            self._requested.update(event.cells)
            return
        self._reconsider(self._settle(set(event.cells)))
        wanted = set(event.cells)
        # Somebody who asks for a blocked cell wants what blocks it tried again.
        wanted |= {
            cell
            for cell in self.graph.reach(wanted, self.graph.parents, self._behind)
            if self._automatic(cell) and self._failed(cell)
        }
        self._replan(self._to_be_left(wanted), requested=wanted)

    def _stale_requested(self, event: StaleRequested) -> None:
        stale = {cell for cell, state in self._states.items() if not state.fresh and self._automatic(cell)}
        unproven = {cell for cell in stale if (ran := self._states[cell].ran) and ran.unproven}
        self._settling = True
        self._replan(stale, requested=unproven)

    def _cascade_chosen(self, event: CascadeChosen) -> None:
        self.auto = event.auto
        self._policy = Policy(self._automatic, self._behind, event.auto)

    def _run_finished(self, event: RunFinished) -> None:
        self._running = None
        state = self._states.get(event.cell)
        if state is None or state.flight is None:
            # It has left the document, but what it used up is used up.
            self._ledger.spend(event)
            self._settle(self._outdate(event))
            return
        flight, state.flight = state.flight, None
        steady = state.succeeded and state.blocked is None
        old = state.ran.stamps if state.ran is not None and steady else _NO_STAMPS
        stamps = stamps_of(event, old)
        state.ran = self._as_ran(state, flight, event, stamps)
        for name in event.seen.alike & old.keys() & stamps.keys():
            self.versions.take_for(name, stamps[name], old[name], repeats=event.seen.repeats)
        state.execution_count = event.execution_count
        state.activity = Activity.IDLE
        state.interrupted = event.outcome is Outcome.INTERRUPTED
        state.refused = False
        state.blocked = None
        state.nudged = NOTHING
        self._ledger.enter(event, stamps, self._states)
        self._enter(state)
        self._compare(event.cell)
        lost = {name for name in old.keys() | stamps.keys() if old.get(name) != stamps.get(name)}
        if not (steady and state.succeeded):
            lost |= self.graph.taken(event.cell)
            # Others are in force at the document's end now, or not any more.
            self.graph.shifted |= old.keys() | stamps.keys()
        affected = self._affected(event.cell, lost)
        affected |= self._left({name: old[name] for name in old.keys() - stamps.keys()})
        outdated = self._outdate(event)
        rewired = self._settle({event.cell} | affected | outdated)
        if state.interrupted:
            return
        if event.seen.stuck and self._automatic(event.cell) and self.versions.used_up(event.cell):
            # Once those are made again that made what it should have found, it can run on that.
            self._replan((), requested={event.cell})
        self._reconsider(affected | rewired)
        self._rerun(outdated | {cell for cell in affected | rewired if self._states[cell].mismatched})
        if rewired:
            self._reorder()

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

    def _as_ran(
        self, state: State, flight: Flight, event: RunFinished, stamps: Mapping[Resource, Stamp]
    ) -> Ran:
        """What the run took and left; the reads that earlier runs of the same text showed count, too."""
        same_text = state.ran is not None and state.ran.source == flight.source
        before = state.ran.entry if state.ran is not None and same_text else Entry()
        return Ran(
            source=flight.source,
            outcome=event.outcome,
            reads={**self._looked_up(event), **flight.reads},
            stamps=stamps,
            entry=self._with_latent(learned(flight, event, before), event),
            changed=event.seen.changed,
            unproven=event.seen.unproven or flight.spoiled,
            spoiled=event.seen.stuck or (event.seen.unproven is None and flight.spoiled is not None),
            aloof=event.seen.aloof or event.outcome is not Outcome.OK,
            discerning=event.seen.discerning,
            mixed=flight.mixed,
        )

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

    def _interrupted(self, event: Interrupted) -> None:
        dropped = self._planned
        for cell in dropped:
            state = self._states[cell]
            state.activity = Activity.IDLE
            state.interrupted = state.interrupted or cell in self._requested or state.must_run
        self._plan.clear()
        self._planned = set()
        self._requested.clear()
        self._settle(dropped)

    def _sessions_busy(self, event: SessionsBusy) -> None:
        changed, self._busy = self._busy ^ event.sessions, event.sessions
        concerned = {cell for cell, state in self._states.items() if state.facts.sessions & changed}
        # What they do not do by themselves is part of why they are stale.
        self._standing.busy = event.sessions
        for cell in concerned:
            self._standing.touch(cell)
        # What waited for the end of a transaction need wait no longer.
        self._rerun({cell for cell in concerned if self._waited(self._states[cell])})

    def _waited(self, state: State) -> bool:
        """Would the cell have rerun by itself, had nothing held it?"""
        return bool(state.mismatched) or any(name.startswith("table:") for name in state.nudged)

    def _names_touched(self, event: NamesTouched) -> None:
        readers: set[CellId] = set()
        for name in event.names:
            if name.startswith("table:"):
                # Somebody outside wrote it, whoever else does in the document.
                for cell in self.graph.users(name):
                    self._states[cell].nudged |= {name}
                    readers.add(cell)
                continue
            writer = self.versions.source_of(name, None)
            state = self._states[writer] if writer is not None else None
            if writer is None or state is None or state.ran is None:
                continue
            if event.lasting:
                self._runs += 1
                state.ran = altered(state.ran, stamps={**state.ran.stamps, name: self._runs})
                readers |= self._affected(writer, {name})
            else:
                for cell in self._affected(writer, {name}) - {writer}:
                    self._states[cell].nudged |= {name}
                    readers.add(cell)
        self._settle(readers)
        if event.lasting:
            self._rerun(readers)

    def _versions_lost(self, event: VersionsLost) -> None:
        """Their makers are to run again, unless they already did so for that."""
        self._settling = self._settled
        makers = {maker for maker, _ in event.versions}
        self._losses.update(makers)
        again = {maker for maker in makers if self._losses[maker] <= _DOUBTS}
        self._ledger.spent |= {place for place in event.versions if place[0] in again}
        for maker in makers & self._states.keys() - again:
            self._leave_used_up(self._states[maker], {name for cell, name in event.versions if cell == maker})

    def _looked_up(self, event: RunFinished) -> dict[Resource, Stamp | None]:
        """The versions of names that the run looked up unannounced; a failed run may have missed them."""
        if event.outcome is not Outcome.OK:
            return {}
        found: dict[Resource, Stamp | None] = {}
        for name in event.seen.reads | event.seen.changed | event.seen.untried:
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
            return FAILED
        return self.versions.own(writer, name)

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

    def _remove(self, cell: CellId) -> None:
        del self._states[cell]
        self._ledger.forget(cell)
        self._standing.touch(cell)
        self._drop_from_plan({cell})

    def _enter(self, state: State) -> None:
        """Tell the graph what the cell reads and writes, as far as anybody can know now."""
        if state.ran is None or state.edited:
            entry = self._foreseen(state, entry_of(state.facts))
        elif state.proven:
            entry = state.ran.entry
        else:
            # A rerun may write what the latest run happened not to write.
            learned = state.ran.entry
            entry = self._foreseen(state, altered(learned, writes=learned.writes | state.facts.writes))
        spared = state.spared
        self.graph.put(state.cell.id, entry if entry.barren == spared else altered(entry, barren=spared))

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

    def _left(self, stamps: Mapping[Resource, Stamp]) -> set[CellId]:
        """The cells whose latest run read one of these versions, wherever they would read the name now."""
        return {
            reader
            for name, stamp in stamps.items()
            for reader in self.graph.users(name)
            if (ran := self._states[reader].ran) is not None and ran.reads.get(name) == stamp
        }

    def _to_be_left(self, cells: Iterable[CellId]) -> set[CellId]:
        """The cells that read names which the new texts of `cells` do not write any more."""
        if not self.auto:
            return set()
        left: set[CellId] = set()
        for cell in cells:
            state = self._states[cell]
            if state.edited and state.ran is not None:
                gone = state.ran.stamps.keys() - state.facts.writes
                left |= self._left({name: state.ran.stamps[name] for name in gone})
        return left

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
        gained: Counter[CellId] = Counter()
        foreseen: Counter[CellId] = Counter()
        while todo or self.graph.unsettled:
            changed = self.graph.settle()
            for cell in changed:
                self._compare(cell)
                foreseen[cell] += 1
                self._foresee(cell, more_only=foreseen[cell] > _DOUBTS)
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
            self.graph.put(cell, altered(seen, may=seen.may | entry.may) if more_only else seen)

    def _foreseen(self, state: State, entry: Entry) -> Entry:
        return altered(entry, may=kept(self.graph.touches(state.cell.id) - entry.writes))

    def _refresh(self, cells: Iterable[CellId], gained: Counter[CellId]) -> None:
        """Carry freshness, gained or lost, down the document."""
        todo = deque(cells)
        while todo:
            cell = todo.popleft()
            state = self._states.get(cell)
            if state is None:
                continue
            self._standing.touch(cell)
            # What a cell really wrote may close a cycle that what it might write does not: no proof at all.
            fresh = gained[cell] < _DOUBTS and self._is_fresh(state)
            if fresh == state.fresh:
                continue
            state.fresh = fresh
            gained[cell] += fresh
            if fresh and state.ran is not None:
                state.ran = altered(state.ran, entry=untied(state.ran))
            self._enter(state)
            for child in self.graph.children(cell):
                self._weigh(child, cell)
                todo.append(child)

    # The plan

    def _automatic(self, cell: CellId) -> bool:
        state = self._states[cell]
        return state.mode is Mode.AUTO and not state.facts.sessions & self._busy

    def _failed(self, cell: CellId) -> bool:
        ran = self._states[cell].ran
        return ran is not None and ran.outcome is not Outcome.OK

    def _behind(self, cell: CellId) -> bool:
        return not self._states[cell].fresh or self._failed(cell)

    def _released(self, cell: CellId) -> bool:
        state = self._states[cell]
        return state.blocked is not None and self._standing.obstacle(state) is None

    def _rerun(self, cells: set[CellId]) -> None:
        """Let cells whose inputs changed rerun, if that is the mode."""
        ran = {cell for cell in cells if self._states[cell].ran is not None or cell in self._planned}
        if (self.auto or self._settling) and ran and not ran <= self._planned:
            self._replan(ran)

    def _replan(self, changed: Iterable[CellId], requested: Iterable[CellId] = ()) -> None:
        """Make a plan of what was asked for, what changed, and what is left of the plan under way."""
        self._requested |= set(requested)
        wanted = {*changed, *self._plan}
        made = plan(self.graph, self._requested, wanted, self._policy)
        before = self._planned
        self._plan = deque(made.run)
        self._planned = set(made.run)
        for cell in before ^ self._planned:
            if cell in self._states and cell != self._running:
                queued = cell in self._planned
                self._states[cell].activity = Activity.QUEUED if queued else Activity.IDLE
                self._standing.touch(cell)

    def _reorder(self, *, rearranged: bool = False) -> None:
        """What is left of the plan may have to run in another order now."""
        if self._plan and (rearranged or self.graph.reordered):
            self._replan(())

    def _drop_from_plan(self, cells: set[CellId]) -> None:
        dropped = cells & self._planned
        if not dropped:
            return
        self._plan = deque(cell for cell in self._plan if cell not in dropped)
        self._planned -= dropped
        self._requested -= dropped
        for cell in dropped & self._states.keys():
            self._states[cell].activity = Activity.IDLE
            self._standing.touch(cell)

    def _withdraw(self, edited: set[CellId]) -> None:
        """Do not run what an edit made obsolete: the old text, and cells that wait for the new one."""
        if not self._planned or not edited:
            return
        waiting = self.graph.reach(edited, self.graph.children, lambda cell: cell not in self._requested)
        self._drop_from_plan((edited | waiting) - self._requested)

    def _decide(self, state: State) -> Action | None:
        """Run, refuse or pass over the first cell of the plan."""
        cell = state.cell.id
        requested = cell in self._requested
        obstacle = self._standing.obstacle(state)
        if obstacle is not None:
            self._leave_plan(state)
            state.refused = state.refused or requested
            self._block(state, obstacle)
            return Refuse(cell, obstacle) if requested else None
        if not (requested or (state.must_run and self._automatic(cell))):
            self._leave_plan(state)
            self._block(state, None)
            return None
        self._laps[cell] += 1
        if self._laps[cell] > _LAPS and state.ran is not None:
            self._leave_plan(state)
            state.ran = altered(state.ran, unproven=reason.RESTLESS)
            self._settle({cell})
            return None
        if self._tie(self.versions.loose(cell, self.versions.sources(cell))):
            return None
        spent = self._spent_inputs(cell)
        if spent:
            self._replan(spent, requested=spent)
            return None
        self._leave_plan(state)
        return self._start(state)

    def _block(self, state: State, why: Reason | None) -> None:
        """Note, or take back, that the cell cannot run: its readers then have no version to read."""
        cell = state.cell.id
        before, state.blocked = state.blocked, why
        affected: set[CellId] = set()
        if (before is None) != (why is None):
            self._enter(state)
            affected = self._shift(cell)
        rewired = self._settle({cell} | affected)
        self._reconsider(affected)
        self._release(affected)
        if before is not None and why is None:
            # What it left long ago is read again, also by those whom the plan does not know.
            self._let_run({each for each in rewired if self._states[each].mismatched} - {cell})

    def _shift(self, cell: CellId) -> set[CellId]:
        """Others can read what the cell left now, or cannot any more; answer its readers."""
        entry = self.graph.entry(cell)
        self.graph.shifted |= entry.writes | entry.may
        return self._affected(cell, self.graph.taken(cell))

    def _reconsider(self, cells: Iterable[CellId]) -> None:
        """Do not go on saying what blocks a cell, if that has changed and no run of it will tell."""
        for cell in cells:
            state = self._states.get(cell)
            if state is None or state.blocked is None:
                continue
            if not (self.auto and self._automatic(cell)) or state.ran is None:
                self._block(state, self._standing.obstacle(state))

    def _release(self, cells: Iterable[CellId]) -> None:
        """What blocked those may be gone."""
        self._let_run({cell for cell in cells if self._released(cell)})

    def _let_run(self, freed: set[CellId]) -> None:
        """Have those run of which nothing blocks the way any more; not for ever where they do so in turn."""
        self._releases.update(freed)
        self._rerun({cell for cell in freed if self._releases[cell] <= _DOUBTS})

    def _leave_plan(self, state: State) -> None:
        cell = state.cell.id
        self._plan.popleft()
        self._planned.discard(cell)
        self._requested.discard(cell)
        state.activity = Activity.IDLE
        self._standing.touch(cell)

    def _start(self, state: State) -> Run:
        cell = state.cell.id
        inputs = self.graph.inputs(cell)
        self._runs += 1
        self._running = cell
        reads = {name: self.versions.stamp(cell, name, writer) for name, writer in inputs.items()}
        outrun = {writer for writer in inputs.values() if writer is not None and self._is_outrun(writer)}
        spoiled = sorted(self.versions.used_up(cell).items())
        # Some may have come to it by others that were expected to leave their own, and nobody told it.
        others = state.mismatched | {
            name
            for name, stamp in reads.items()
            if state.ran is not None
            and state.ran.reads.get(name) != stamp
            and not self.versions.agrees(state, name, inputs[name])
        }
        again = self._runs_again(state, others, self.versions.made_alike)
        state.flight = Flight(
            state.cell.source,
            state.facts,
            reads,
            self.graph.entry(cell).shares,
            reason.ran_on_changed(spoiled, self.label) if spoiled else None,
            kept(name for name, writer in inputs.items() if writer in outrun),
        )
        state.run = self._runs
        state.activity = Activity.RUNNING
        return Run(
            cell,
            self._runs,
            state.cell.source,
            state.facts,
            {name: self.versions.source_of(name, cell) for name in inputs},
            kept(self.graph.touches(cell)),
            self.graph.entry(cell).shares,
            again=again,
            rewinds=again and not (state.must_run or others),
        )

    def _is_outrun(self, writer: CellId) -> bool:
        """Is what the writer left to be made once more, of objects that others have anew already?

        A class may have been made once more, and an instance that its cell left be one of the old class.
        """
        if self._states[writer].fresh:
            return False
        behind = self.graph.reach({writer}, self.graph.parents, self._behind) | {writer}
        states = [self._states[each] for each in behind]
        alike = self.versions.same_content
        return any(each.mismatched and self._runs_again(each, each.mismatched, alike) for each in states)

    def _runs_again(
        self, state: State, others: Iterable[Resource], alike: Callable[[State, Resource], bool]
    ) -> bool:
        """Will it do what it did, with other objects at most behind those names?"""
        ran = state.ran
        if ran is None or ran.unproven or not state.succeeded:
            return False
        if state.edited or state.interrupted or state.nudged:
            return False
        return all(alike(state, name) for name in others)

    # Versions that somebody used up

    def _spent_inputs(self, cell: CellId) -> set[CellId]:
        """The cells to rerun so that this one finds its inputs as they were left."""
        makers = set(self.versions.used_up(cell).values())
        return self._together({maker for maker in makers if self._rewind(maker)})

    def _spent_at_end(self) -> set[CellId]:
        """The cells to rerun so that the document's end shows their names as they were left."""
        if not self._ledger.spent or not (self.auto or self._settling):
            return set()
        lost: dict[CellId, set[Resource]] = {}
        for maker, name in self._ledger.spent:
            if self.versions.source_of(name, None) == maker and self.versions.is_spent(maker, name, None):
                lost.setdefault(maker, set()).add(name)
        for maker in lost.keys() - {cell for cell in lost if self._automatic(cell)}:
            self._leave_used_up(self._states[maker], lost[maker])
        return self._together({maker for maker in lost if self._rewind(maker)})

    def _together(self, makers: set[CellId]) -> set[CellId]:
        """All that were rerun so far, if these undo each other's work in turn: in order they do not."""
        if all(self._rewinds[maker] <= _DOUBTS for maker in makers):
            return makers
        return makers | {cell for cell in self._rewinds.keys() & self._states.keys() if self._automatic(cell)}

    def _leave_used_up(self, state: State, names: Iterable[Resource]) -> None:
        """Nobody may rerun the cell; so say that what it left is not there any more."""
        if state.ran is not None and state.ran.unproven is None:
            state.ran = altered(state.ran, unproven=reason.used_up(sorted(names)))
            self._settle({state.cell.id})

    def _rewind(self, maker: CellId) -> bool:
        count = self._rewinds[maker] = self._rewinds.get(maker, 0) + 1
        return count <= _REWINDS and self._automatic(maker)

    # Objects that versions share

    def _tie(self, loose: Mapping[CellId, set[Resource]]) -> bool:
        """Let those cells know of the names, which makes them run again; answer whether there are any.

        Some cannot run, and forget it: they are not told for ever.
        """
        self._ties.update((changer, name) for changer, names in loose.items() for name in names)
        told = {
            changer: {name for name in names if self._ties[changer, name] <= _DOUBTS}
            for changer, names in loose.items()
        }
        loose = {changer: names for changer, names in told.items() if names}
        for changer, names in loose.items():
            state = self._states[changer]
            assert state.ran is not None
            entry = state.ran.entry
            shares = names - entry.reads - entry.above
            entry = altered(
                entry, writes=entry.writes | names, above=entry.above | shares, shares=entry.shares | shares
            )
            state.ran = altered(state.ran, entry=entry, reads={**dict.fromkeys(names), **state.ran.reads})
            self._enter(state)
        if loose:
            self._settle(set(loose))
            if self._settling:
                self._replan(loose)
            self._rerun(set(loose))
            self._reorder()
        return bool(loose)

    def _tie_everywhere(self) -> None:
        """Cells have come between others: look at every version behind which an object was changed."""
        self._tie(self._loose_behind(self._ledger.places()))

    def _loose_behind(self, places: Iterable[Place]) -> dict[CellId, set[Resource]]:
        """Who misses that it changes one of those versions for a cell that reads it, or for the end."""
        loose: dict[CellId, set[Resource]] = {}
        for maker, name in places:
            for reader in (*self.graph.readers(maker, name), None):
                if reader is not None or self.versions.source_of(name, None) == maker:
                    for changer, names in self.versions.loose(reader, [(maker, name)]).items():
                        loose.setdefault(changer, set()).update(names)
        return loose

    def _tie_at_end(self) -> None:
        """Do the same for what stands at the document's end, and for whom a run showed to read more."""
        if not self._ledger.holds:
            return
        shifted = [
            (maker, name) for name in self.graph.shifted if (maker := self.versions.source_of(name, None))
        ]
        loose = self.versions.loose(None, shifted)
        unchecked = {place for place in self._ledger.unchecked() if place[0] in self._states}
        for changer, names in self._loose_behind(unchecked).items():
            loose.setdefault(changer, set()).update(names)
        self._tie(loose)
