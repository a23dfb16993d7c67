"""The plan under way: what runs next, what a run makes run again, and what nobody can run."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from . import reason
from .cell import Activity, CellId, Mode, Outcome, Reason, Resource, kept
from .event import Action, Refuse, Run
from .fixed import altered
from .ledger import Place
from .plan import Policy, plan
from .state import Flight, Stamp, State
from .upkeep import DOUBTS, Analyse, Upkeep

# So many times may one plan rerun a cell to restore what others have used up.
_REWINDS: Final = 6
# So often may one cell run before the plan has come to its end.
_LAPS: Final = 12


class Planning(Upkeep):
    """`advance` says what to do next."""

    def __init__(self, analyse: Analyse) -> None:
        super().__init__(analyse)
        self.auto = True
        self._runs = 0
        self._plan: deque[CellId] = deque()
        self._planned: set[CellId] = set()
        self._requested: set[CellId] = set()
        self._rewinds: dict[CellId, int] = {}
        self._laps: defaultdict[CellId, int] = defaultdict(int)
        self._releases: Counter[CellId] = Counter()
        self._ties: Counter[Place] = Counter()
        # Is everything that is stale to run, whatever the mode? And was it so in the plan that ended last?
        self._settling = False
        self._settled = False
        self._running: CellId | None = None
        self._busy: frozenset[str] = frozenset()
        self._policy = Policy(self._automatic, self._behind, True)

    # Questions

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

    def runs_unasked(self, cell: CellId) -> bool:
        """May the cell run when its typing stops?"""
        state = self._states[cell]
        return self._automatic(cell) and state.facts.problem is None

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

    # What to do next

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
        if self._ledger.holds and self._tie(self.versions.loose(cell, self.versions.sources(cell))):
            return None
        spent = self._spent_inputs(cell)
        if spent:
            self._replan(spent, requested=spent)
            return None
        self._leave_plan(state)
        return self._start(state)

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
        self.graph.shaken = set()
        reads = {name: self.versions.stamp(cell, name, writer) for name, writer in inputs.items()}
        others = state.mismatched | self._unheard(state, reads)
        again = self._runs_again(state, others, self.versions.made_alike)
        state.flight = self._flight(state, reads)
        state.run = self._runs
        state.activity = Activity.RUNNING
        return Run(
            cell,
            self._runs,
            state.cell.source,
            state.facts,
            {
                name: None if writer is None else self.versions.source_of(name, cell)
                for name, writer in inputs.items()
            },
            kept(self.graph.touches(cell)),
            self.graph.entry(cell).shares,
            again=again,
            rewinds=again and not (state.must_run or others),
            decisive=self._decisive(cell),
        )

    def _unheard(self, state: State, reads: Mapping[Resource, Stamp | None]) -> set[Resource]:
        """What the cell comes to otherwise than it knows: by others that were expected to leave their own."""
        if state.ran is None:
            return set()
        known, inputs = state.ran.reads, self.graph.inputs(state.cell.id)
        return {
            name
            for name, stamp in reads.items()
            if known.get(name) != stamp and not self.versions.agrees(state, name, inputs[name])
        }

    def _flight(self, state: State, reads: Mapping[Resource, Stamp | None]) -> Flight:
        cell = state.cell.id
        inputs = self.graph.inputs(cell)
        outrun = {writer for writer in inputs.values() if writer is not None and self._is_outrun(writer)}
        spoiled = sorted(self.versions.used_up(cell).items())
        return Flight(
            state.cell.source,
            state.facts,
            reads,
            self.graph.entry(cell).shares,
            reason.ran_on_changed(spoiled, self.label) if spoiled else None,
            kept(name for name, writer in inputs.items() if writer in outrun),
        )

    def _decisive(self, cell: CellId) -> frozenset[Resource]:
        """The names for whose sake somebody would run who need not if they hold what they held."""
        return kept(
            name
            for name in self.graph.taken(cell)
            if not all(map(self._runs_anyhow, self.graph.readers(cell, name)))
        )

    def _runs_anyhow(self, cell: CellId) -> bool:
        """Is it to run whatever becomes of what it reads?"""
        state = self._states[cell]
        return cell in self._requested or (cell in self._planned and (state.edited or state.ran is None))

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

    # The plan

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

    # What blocks the way

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
        self._rerun({cell for cell in freed if self._releases[cell] <= DOUBTS})

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
        if all(self._rewinds[maker] <= DOUBTS for maker in makers):
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
            changer: {name for name in names if self._ties[changer, name] <= DOUBTS}
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
            if not self.versions.provides(maker, name):
                # Its maker is switched off, or has failed: nobody finds what it left.
                continue
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
