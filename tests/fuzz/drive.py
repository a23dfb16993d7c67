"""Drives session, namespace and observation as the kernel does, without Jupyter, and checks the promise.

After every operation: whatever is marked fresh shows what a fresh run of the document would show.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from reactive_kernel.cell import Cell, CellId, Freshness, Mode, Outcome
from reactive_kernel.event import (
    CascadeChosen,
    CellEdited,
    DocumentSynced,
    Event,
    Interrupted,
    Refuse,
    Run,
    RunFinished,
    RunRequested,
    StaleRequested,
    VersionsLost,
)
from reactive_kernel.observe import Observer
from reactive_kernel.session import Session

from .execution import Shown, blank, execute
from .judge import ENTANGLED, Claim, Stands, Verdict, final, mid_way
from .notebooks import Operation, Story
from .oracle import Fresh, describe, facts_of, fresh_run, graph_of, plain_run
from .portrait import portrait
from .world import World, contents, reach_of, states

# No plan of these small notebooks is longer, unless it never ends.
LONGEST_PLAN = 400


@dataclass(frozen=True)
class Mismatch:
    """Where the kernel and a fresh run differ."""

    kind: str
    after: int
    message: str

    def __str__(self) -> str:
        return f"{self.kind}, after operation {self.after}: {self.message}"


@dataclass
class Tally:
    """How many cells ran, and how many of them would have shown the same without."""

    runs: int = 0
    needless: int = 0
    undecided: int = 0
    checks: int = 0
    # Cells that stayed stale after "run stale" because nobody can say what they read.
    unproven: int = 0

    def add(self, other: Tally) -> None:
        self.runs += other.runs
        self.needless += other.needless
        self.undecided += other.undecided
        self.checks += other.checks
        self.unproven += other.unproven


class Found(Exception):
    def __init__(self, mismatch: Mismatch) -> None:
        super().__init__(str(mismatch))
        self.mismatch = mismatch


@dataclass
class Document:
    """The notebook on the front end's side."""

    cells: list[Cell] = field(default_factory=list)

    def place(self, name: str) -> int | None:
        return next((at for at, cell in enumerate(self.cells) if cell.id == name), None)

    def apply(self, operation: Operation) -> bool:
        """Change the document as the operation says; answer whether it makes sense."""
        if operation.kind in ("stale", "cascade", "interrupt"):
            return True
        name = operation.cells[0]
        at = self.place(name)
        if operation.kind in ("insert", "append"):
            place = operation.place if operation.kind == "insert" else len(self.cells)
            if at is None:
                self.cells.insert(place, Cell(CellId(name), operation.source))
            return at is None
        if operation.kind == "run":
            return any(self.place(name) is not None for name in operation.cells)
        if at is None:
            return False
        if operation.kind in ("edit", "sync_edit", "edit_run"):
            self.cells[at] = replace(self.cells[at], source=operation.source)
        elif operation.kind == "mode":
            self.cells[at] = replace(self.cells[at], mode=Mode(operation.word))
        else:
            cell = self.cells.pop(at)
            if operation.kind == "move":
                self.cells.insert(operation.place, cell)
        return True

    def event(self, operation: Operation) -> Event:
        """What the kernel is told, once the document has changed."""
        cells = tuple(CellId(name) for name in operation.cells if self.place(name) is not None)
        if operation.kind == "edit":
            return CellEdited(cells[0], operation.source)
        if operation.kind in ("edit_run", "append"):
            return RunRequested(cells, operation.source)
        if operation.kind == "run":
            return RunRequested(cells)
        if operation.kind == "stale":
            return StaleRequested()
        if operation.kind == "cascade":
            return CascadeChosen(operation.word == "auto")
        if operation.kind == "interrupt":
            return Interrupted()
        return DocumentSynced(tuple(self.cells))


class Driver:
    """One notebook under the session, as the kernel would have it."""

    def __init__(self, cells: tuple[tuple[str, str], ...], reach: frozenset[str] | None) -> None:
        # Which parts of the world the cells touch; None: the rules say what is right, not plain Python.
        self.reach = reach
        self.document = Document([Cell(CellId(name), source) for name, source in cells])
        self.session = Session(facts_of)
        self.observer = Observer(blank(), self.session.versions)
        self.names = self.observer.names
        self.shown: dict[CellId, Shown] = {}
        self.tally = Tally()
        self.halts: dict[CellId, int] = {}
        self._keys: dict[CellId, object] = {}
        self._asked: set[CellId] = set()
        self._verdicts: dict[object, Verdict] = {}
        self._count = 0
        self.tell(DocumentSynced(tuple(self.document.cells)))

    def tell(self, event: Event) -> None:
        self.session.step(event)
        self.names.keep_only(set(self.session.cells))
        if isinstance(event, RunRequested):
            self._asked.update(event.cells)

    def follow(self, steps: int | None, amid: Event | None = None) -> None:
        """Run the plan, or so many cells of it; `amid` comes while the first of them runs."""
        ran = 0
        while steps is None or ran < steps:
            action = self.session.advance()
            if action is None:
                self.names.displace(self.session.shifted)
                self.session.shifted.clear()
                lost = self.names.settle(lambda name: self.session.versions.source_of(name, None))
                if lost:
                    self.session.step(VersionsLost(frozenset(lost)))
                    continue
                self._asked.clear()
                self.halts.clear()
                break
            if isinstance(action, Refuse):
                self.shown[action.cell] = Shown("", f"Blocked: {action.reason.message}")
                continue
            self._run(action, amid)
            amid = None
            ran += 1
            if ran > LONGEST_PLAN:
                raise Found(Mismatch("endless", 0, "the plan does not end"))
        if amid is not None:
            self.tell(amid)

    def _run(self, run: Run, amid: Event | None) -> None:
        self.observer.begin(run)
        self._run_here(run, amid)

    def _run_here(self, run: Run, amid: Event | None) -> None:
        names = self.names
        self._count_run(run)
        shown, error = execute(run.source, run.cell, names.live, self.halts.pop(run.cell, 0))
        outcome = Outcome.OK if error is None else Outcome.ERROR
        if isinstance(error, KeyboardInterrupt):
            amid = Interrupted()
        if isinstance(amid, Interrupted):
            shown, outcome = Shown(shown.text, "KeyboardInterrupt"), Outcome.INTERRUPTED
        elif amid is not None:
            self.tell(amid)
        seen = self.observer.finish(outcome, error)
        self.shown[run.cell] = shown
        self._count += 1
        self.session.step(RunFinished(run.cell, run.run, outcome, self._count, seen))
        if isinstance(amid, Interrupted):
            self.tell(amid)

    def _count_run(self, run: Run) -> None:
        key = (run.source, portrait(self.names.live, run.inputs))
        self.tally.runs += 1
        # Whoever asks for a blocked cell asks for what blocks it to be tried again, however hopeless.
        failed = run.cell in self.shown and self.shown[run.cell].error is not None
        if run.cell not in self._asked and not failed and self._keys.get(run.cell) == key:
            self.tally.needless += 1
        self._keys[run.cell] = key

    # The promise

    def problems(self, *, at_rest: bool) -> Iterator[tuple[str, str]]:
        """Where what is marked fresh is not what a fresh run gives."""
        self.tally.checks += 1
        if self.reach is None:
            yield from self._graph_problems()
            yield from self._rule_problems(at_rest=at_rest)
            return
        claims, files = self.claims(), contents(self.reach)
        shown = tuple((each.cell, each.outcome, each.shown) for each in claims if each.fresh)
        key = (shown, tuple(files.items()))
        # What was right before an operation that changed nothing is right after it.
        if key not in self._verdicts:
            self._verdicts[key] = mid_way(claims, self.reach, files)
        yield from self._judged(self._verdicts[key])

    def end_problems(self) -> Iterator[tuple[str, str]]:
        """The same after "run stale", and where anything that could be fresh is not."""
        if self.reach is None:
            yield from self.problems(at_rest=True)
            yield from self._unsettled()
            yield from _against_plain_run(self)
            return
        self.tally.checks += 1
        yield from self._graph_problems()
        live = self.names.live
        stands = Stands(lambda names: portrait(live, names), contents(self.reach), states(self.reach))
        yield from self._judged(final(self.claims(), self.reach, stands))

    def _judged(self, verdict: Verdict) -> Iterator[tuple[str, str]]:
        self.tally.undecided += verdict.undecided
        self.tally.unproven += verdict.unproven
        yield from verdict.problems

    def claims(self) -> list[Claim]:
        """What the session says of every cell."""
        session, claims = self.session, list[Claim]()
        for cell in session.cells:
            status = session.status(cell)
            reason = status.reason
            claims.append(
                Claim(
                    session.cell(cell),
                    status.freshness.value,
                    status.outcome and status.outcome.value,
                    reason and reason.kind,
                    reason.message if reason else "",
                    reason.cells if reason else (),
                    self.shown.get(cell),
                )
            )
        return claims

    def _rule_problems(self, *, at_rest: bool) -> Iterator[tuple[str, str]]:
        session = self.session
        fresh = fresh_run(tuple(self.document.cells))
        if fresh is None:
            self.tally.undecided += 1
            return
        claimed = [
            cell for cell in session.cells if self._is_fresh(cell) and session.cell(cell).mode is not Mode.OFF
        ]
        if any(fresh.shown[cell] is None for cell in claimed):
            # What it would wait for if nobody had seen it run it may not need.
            seen = {cell: session.graph.entry(cell) for cell in claimed if self.shown[cell].error is None}
            fresh = fresh_run(tuple(self.document.cells), seen) or fresh
        for cell in claimed:
            status = session.status(cell)
            want, have = fresh.shown[cell], self.shown[cell]
            if want != have:
                yield "fresh", f"{cell} is marked fresh and shows {have}; a fresh run gives {want}"
            if (status.outcome is Outcome.ERROR) != (have.error is not None):
                yield "outcome", f"{cell} says {status.outcome} and shows {have}"
        if at_rest:
            yield from self._name_problems(fresh)

    def _name_problems(self, fresh: Fresh) -> Iterator[tuple[str, str]]:
        session, live = self.session, self.names.live
        written = {name for cell in session.cells for name in session.graph.entry(cell).writes}
        written |= {name for cell in session.cells for name in session.facts(cell).writes}
        for name in live.keys() - blank().keys() - written:
            # What failed runs left may be looked at.
            if all(self._is_fresh(cell) and self.shown[cell].error is None for cell in session.cells):
                yield "leftover", f"{name} stands in the namespace, and no cell writes it"
        for name, maker in fresh.makers.items():
            shown = fresh.shown[maker]
            if shown is None or shown.error is not None or not self._is_fresh(maker):
                continue
            if session.graph.resolve(name, None) != maker:
                # Some cell that is not fresh may write the name below; it says so itself.
                continue
            have = describe(live[name]) if name in live else None
            if have != fresh.names.get(name):
                yield "name", f"{name} is {have} at the end; a fresh run gives {fresh.names.get(name)}"

    def _is_fresh(self, cell: CellId) -> bool:
        return self.session.status(cell).freshness is Freshness.FRESH

    def _graph_problems(self) -> Iterator[tuple[str, str]]:
        """The graph kept up to date is the graph made at once."""
        graph = self.session.graph
        again = graph_of(list(self.session.cells), {cell: graph.entry(cell) for cell in self.session.cells})
        for cell in self.session.cells:
            if dict(graph.inputs(cell)) != dict(again.inputs(cell)):
                takes, should = dict(graph.inputs(cell)), dict(again.inputs(cell))
                yield "graph", f"{cell} takes {takes}; in a graph made at once {should}"
        if graph.cycles() != again.cycles():
            yield "graph", f"cycles {graph.cycles()}; made at once {again.cycles()}"

    def _unsettled(self) -> Iterator[tuple[str, str]]:
        """After "run what is stale": cells that could be fresh and are not."""
        fresh = fresh_run(tuple(self.document.cells))
        if fresh is None:
            return
        session = self.session
        excused: set[CellId] = set()
        for cell in session.cells:
            if session.cell(cell).mode not in (None, Mode.AUTO) or fresh.shown[cell] is None:
                excused.add(cell)
            # It missed a name when it ran last; a fresh run may fail before it gets there.
            if session.graph.entry(cell).early:
                excused.add(cell)
            if self._is_entangled(cell):
                self.tally.unproven += 1
                excused.add(cell)
        excused = {cell for cell in excused if not self._is_fresh(cell)}
        excused |= session.graph.reach(excused, session.graph.children, lambda _: True)
        for cell in session.cells:
            if cell not in excused and not self._is_fresh(cell):
                status = session.status(cell)
                yield "stale", f"{cell} is {status.freshness.value} after `run stale`: {status.reason}"

    def _is_entangled(self, cell: CellId) -> bool:
        """Does the cell say that nobody can tell what it goes by, as what it writes decides that?"""
        why = self.session.status(cell).reason
        return why is not None and any(re.match(sentence, why.message) for sentence in ENTANGLED)


def drive(story: Story, driver: type[Driver] = Driver) -> tuple[Mismatch | None, Tally]:
    """Carry the story out; answer the first mismatch."""
    reach = reach_of(story.sources) if story.mutating else None
    with World(reach or frozenset()):
        return _carried_out(story, driver(story.cells, reach))


def _carried_out(story: Story, driver: Driver) -> tuple[Mismatch | None, Tally]:
    number = 0
    try:
        for number, operation in enumerate(story.operations, 1):
            if driver.document.apply(operation):
                _carry_out(operation, driver)
                resting = not driver.session.under_way and operation.steps is None
                _check(driver.problems(at_rest=resting), number)
        driver.follow(None)
        _check(driver.problems(at_rest=True), number)
        # In lazy mode what a run makes stale waits until somebody asks again.
        for _ in range(1 if driver.session.auto else 4):
            driver.tell(StaleRequested())
            driver.follow(None)
        number += 1
        _check(driver.end_problems(), number)
    except Found as found:
        return replace(found.mismatch, after=found.mismatch.after or number), driver.tally
    except Exception as error:  # noqa: BLE001  # a crash of the kernel is a mismatch, too
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Mismatch(f"crash in {where.name}", number, f"{error!r} in {where.name}"), driver.tally
    return None, driver.tally


def _carry_out(operation: Operation, driver: Driver) -> None:
    event = driver.document.event(operation)
    if operation.halt:
        driver.halts[CellId(operation.cells[0])] = operation.halt
    if operation.amid:
        driver.follow(1, event)
    else:
        driver.tell(event)
    driver.follow(operation.steps)


def _check(problems: Iterator[tuple[str, str]], number: int) -> None:
    for kind, message in problems:
        raise Found(Mismatch(kind, number, message))


def _against_plain_run(driver: Driver) -> Iterator[tuple[str, str]]:
    """The oracle itself: where a plain run top to bottom has no trouble, it is right."""
    cells = tuple(driver.document.cells)
    fresh = fresh_run(cells)
    plain = plain_run(cells)
    if fresh is None or any(shown.error for shown in plain) or any(cell.mode is Mode.OFF for cell in cells):
        return
    for cell, shown in zip(cells, plain):
        if fresh.shown[cell.id] != shown and fresh.order == tuple(each.id for each in cells):
            yield "oracle", f"{cell.id} shows {shown} top to bottom; the oracle says {fresh.shown[cell.id]}"
