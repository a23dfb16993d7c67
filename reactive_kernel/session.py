"""The state of a document and what follows from an event: which cells are stale, and what runs next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType

from .cell import NOTHING, Activity, Cell, CellId, Outcome, Resource
from .event import (
    CascadeChosen,
    CellEdited,
    DocumentSynced,
    Event,
    Interrupted,
    NamesTouched,
    RunFinished,
    RunRequested,
    SessionsBusy,
    StaleRequested,
    VersionsLost,
)
from .fixed import altered
from .plan import Policy
from .planning import Planning
from .state import Ran, Stamp, State, stamps_of
from .upkeep import DOUBTS, Analyse

_NO_STAMPS: Mapping[Resource, Stamp] = MappingProxyType({})


class Session(Planning):
    """The document, its graph, and the plan under way: `step` takes an event, `advance` says what to do."""

    def __init__(self, analyse: Analyse) -> None:
        super().__init__(analyse)
        self.synced = False
        # How often the end of a plan has cost whom a version.
        self._losses: Counter[CellId] = Counter()
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

    def step(self, event: Event) -> None:
        """Take in what has happened."""
        if not isinstance(event, (RunFinished, VersionsLost)):
            self._losses.clear()
        self._handlers[type(event)](event)

    # Events of the document

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

    def _remove(self, cell: CellId) -> None:
        del self._states[cell]
        self._ledger.forget(cell)
        self._standing.touch(cell)
        self._drop_from_plan({cell})

    def _cell_edited(self, event: CellEdited) -> None:
        if self._write(altered(self._states[event.cell].cell, source=event.source)):
            self._reconsider(self._settle({event.cell}))
            self._withdraw({event.cell})
            self._reorder()

    # Requests

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

    # What has happened

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
        for name in event.seen.alike & old.keys() & stamps.keys():
            self.versions.take_for(name, stamps[name], old[name], repeats=event.seen.repeats)
        self._take_in(state, event, self._as_ran(state, flight, event, stamps))
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

    def _take_in(self, state: State, event: RunFinished, ran: Ran) -> None:
        """The run is the cell's latest from now on, and what it left is known."""
        state.ran = ran
        state.execution_count = event.execution_count
        state.activity = Activity.IDLE
        state.interrupted = event.outcome is Outcome.INTERRUPTED
        state.refused = False
        state.blocked = None
        state.nudged = NOTHING
        self._ledger.enter(event, ran.stamps, self._states)
        self._enter(state)
        self._compare(event.cell)

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
        again = {maker for maker in makers if self._losses[maker] <= DOUBTS}
        self._ledger.spent |= {place for place in event.versions if place[0] in again}
        for maker in makers & self._states.keys() - again:
            self._leave_used_up(self._states[maker], {name for cell, name in event.versions if cell == maker})

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
