"""What a run really read and wrote, as opposed to what its source promised."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final, Protocol

from . import libraries, reason  # pyright: ignore[reportUnusedImport]  # noqa: F401  # teaches `shapes` its types
from .around import PATCHED, Around
from .bindings import Watch, looks_up_names, observe, unproven, watch
from .cell import NOTHING, CellFacts, CellId, Latent, Observation, Outcome, Resource
from .cutoff import Cutoff
from .dials import FILES_RELATIVE, PERVASIVE, SUBPROCESS, Dial, Dials, Turned
from .event import Run
from .files import Files, Touched
from .fixed import altered, fixed
from .functions import latent_of
from .identity import identity
from .inert import is_inert
from .namespace import Namespace, Place
from .objects import Change, Survey, changing, reach
from .on_disk import OnDisk, is_file
from .remembering import Remembering, is_outward
from .shapes import CACHED
from .shield import shielded

# Kinds of values that no run can change.
_CONSTANT = frozenset(("atom", "arrow"))
# What says itself which module it is from.
_FROM_MODULES = (FunctionType, BuiltinFunctionType, type)
# The library behind a kind of value.
_LIBRARIES = {
    "array": "numpy",
    "frame": "pandas",
    "figure": "matplotlib",
    "polars": "polars",
    "logger": "logging",
}
_STARTS_PROGRAMS = re.compile(r"^\s*(?:\w[\w, ]*=\s*)?!|^%%?(?:bash|sh|script|system|sx)\b", re.MULTILINE)
# What goes by which object something is; of `None` and the like there is one.
_IDENTITY = re.compile(r"\bis\b(?!\s+(?:not\s+)?(?:None|True|False|\.\.\.)\b)|\bid\b|\bis_\b|\bis_not\b")
# Methods can be named in a text, and the one of these that draws, too.
_NAMES_SAMPLE = re.compile(r"""(['"])sample\1""")
# States that take so few bytes are always kept; of larger ones, as many bytes as making them anew is worth.
_SMALL = 1 << 18
_BYTES_A_SECOND = 1 << 30


_TORN: Final = (
    "It changes a frame of which an array is held (`to_numpy()`, `values`): nobody can say whether the array"
    " should see that. Take a copy of the array: `to_numpy(copy=True)`."
)


class Document(Protocol):
    """What observation has to know of the document."""

    def __contains__(self, cell: object) -> bool: ...

    def everything(self, cell: CellId) -> dict[Resource, CellId | None]:
        """Every name that the document writes, or wrote until now, at the version in force for the cell."""
        ...

    def in_force(self, name: Resource, cell: CellId) -> CellId | None:
        """The cell whose version of the name is in force where `cell` stands."""
        ...

    def is_fresh(self, cell: CellId) -> bool:
        """Is what the cell left what a fresh process would have of it?"""
        ...

    def below(self, cell: CellId, other: CellId) -> bool:
        """Does the cell stand below the other one?"""
        ...

    @property
    def outside(self) -> Collection[Resource]:
        """What cells write besides names."""
        ...


@fixed
class _Begun:
    """A run that is under way."""

    run: Run
    watch: Watch
    # What the run could change: what was there when it began, and modules that came since.
    surveys: list[Survey]
    # What it goes by of what stands around the notebook, and the part that could not be put back.
    around: frozenset[Resource]
    astray: list[Resource]
    # Names that nobody could put at their versions.
    stuck: list[Resource]
    # The libraries whose settings it goes by.
    libraries: frozenset[str]
    # What earlier runs of the cell have left in directories, and is still there.
    traces: frozenset[Resource]
    # Can it do nothing but bind names?
    inert: bool
    started: float


_UNTOUCHED: Final = Touched()
_UNTURNED: Final = Turned()


def _both(one: Touched, other: Touched) -> Touched:
    if other == _UNTOUCHED:
        return one
    return altered(
        one,
        reads=one.reads | other.reads,
        writes=one.writes | other.writes,
        unproven=one.unproven or other.unproven,
    )


class Observer:
    """Puts each run on the values it should read, and sees what comes of it."""

    def __init__(self, live: dict[str, object], document: Document) -> None:
        self._dials = Dials(self._arrived)
        self._around = Around()
        self._files = Files()
        self.names = Namespace(live, self._dials)
        self._document = document
        self._cutoff = Cutoff(self.names, self._dials.known, document.below)
        self._begun: _Begun | None = None
        # What the run under way touched, by the word of the language that it is written in.
        self._told = _UNTOUCHED
        self._hinted: set[str] = set()
        # Functions that remember their answers, with the globals that these came from.
        self._caches: dict[int, tuple[object, list[Any]]] = {}
        self._remembering = Remembering()
        # Seconds that the latest run of each cell took.
        self._took: dict[CellId, float] = {}
        self._sources: dict[CellId, str] = {}
        self._disk = OnDisk(self.names, document, self._sources)

    # Before

    def begin(self, run: Run, *, alone: bool = True) -> bool:
        """Put the names, and what is behind them, as the run should find them, and look at it.

        `alone`: nobody has other code run around the cell's own, or rewrites that. Answers whether there is
        anything to be seen but names.
        """
        self._take_ground()
        inputs = self._stage(run)
        inert = alone and is_inert(run, self.names.live)
        around = self._read_around(run, inputs)
        surveys: list[Survey] = []
        still = False
        if not inert:
            self._refresh_caches(inputs)
            kinds = self._kinds_read(run, inputs)
            still = alone and self._turns_nothing(run, kinds)
            surveys = self._look(run, inputs, kinds, around)
        self._begun = _Begun(
            run,
            watch(self.names.live, run),
            surveys,
            around,
            self._astray(run, around),
            self.names.stuck(inputs),
            NOTHING if inert else self._libraries(inputs),
            NOTHING if inert else self._disk.traces(run),
            inert,
            time.monotonic(),
        )
        if not inert:
            self._start_outside(run, inputs, still=still)
        return not inert

    def _stage(self, run: Run) -> Mapping[Resource, CellId | None]:
        """Put names at their versions; answer those that the run may look at."""
        names, inputs = self.names, run.inputs
        if turned := names.turned:
            names.stage({dial: self._document.in_force(dial, run.cell) for dial in turned})
        if looks_up_names(run):
            inputs = self._everything(run)
            names.stage(self._surest_last(inputs))
        names.vacate(
            run.facts.writes.union(run.touches, names.made(run.cell), names.debris(run.cell))
            - run.inputs.keys()
        )
        # What a branch may take away has to be there, though nobody reads it: else who could see that?
        if erased := (run.facts.erases | run.facts.deletes) - run.inputs.keys():
            names.stage({name: self._document.in_force(name, run.cell) for name in erased})
        # What it reads is put back last: others may hold the same objects in other states.
        names.stage(self._surest_last(run.inputs))
        self._vacate_shared(run)
        return inputs

    def _vacate_shared(self, run: Run) -> None:
        """Take away what it knows only as another name of what it changes, if it may bind that name itself.

        What stands there afterwards is its own.
        """
        shared = (run.shares & run.facts.writes) - run.facts.erases - run.facts.deletes
        if shared:
            self.names.vacate(shared - self._reached(run.inputs.keys() - shared).keys())

    def _surest_last(self, inputs: Mapping[Resource, CellId | None]) -> Mapping[Resource, CellId | None]:
        """What stale cells left may mean the same objects in other states: it gives way to the rest."""
        if not self.names.follows:
            return inputs
        fresh = self._document.is_fresh
        return dict(sorted(inputs.items(), key=lambda each: each[1] is not None and fresh(each[1])))

    def _look(
        self,
        run: Run,
        inputs: Mapping[Resource, CellId | None],
        kinds: Mapping[Resource, frozenset[str]],
        around: Collection[Resource],
    ) -> list[Survey]:
        survey = self._survey(run, inputs, kinds, around)
        if survey is None:
            return []
        for value, others in survey.lent():
            self.names.lend(identity(value), others)
        return [survey]

    def _astray(self, run: Run, around: Iterable[Resource]) -> list[Resource]:
        """What the run goes by of what stands around the notebook, and could not be put back."""
        names = self.names
        return [
            each
            for each in sorted(around)
            if names.is_ground(each) and names.astray(each, self._document.in_force(each, run.cell))
        ]

    def _start_outside(self, run: Run, inputs: Iterable[Resource], *, still: bool) -> None:
        """Watch what is no name; `still` is who turns no dial."""
        live = self.names.live
        self._dials.start(still=still)
        values = [live[name] for name in inputs if name in live]
        self._files.start(values, opaque=_STARTS_PROGRAMS.search(run.source) is not None)

    def _everything(self, run: Run) -> dict[Resource, CellId | None]:
        """All names at the versions in force, and those gone that nobody writes any more."""
        left = {name: self._document.in_force(name, run.cell) for name in self.names.displaced}
        return left | self._document.everything(run.cell)

    def _libraries(self, inputs: Mapping[Resource, CellId | None]) -> frozenset[str]:
        """The libraries behind what a run reads."""
        live, found = self.names.live, set[str]()
        for name, maker in inputs.items():
            value = live.get(name)
            if origin := _package_of(value):
                found.add(origin)
            if maker is not None:
                found |= {
                    _LIBRARIES[kind] for kind in self.names.reach(maker, name).kinds & _LIBRARIES.keys()
                }
        return frozenset(found)

    def _take_ground(self) -> list[object]:
        """Take note of the modules that came; answer those."""
        arrived = self._around.arrivals()
        for resource, modules in arrived.items():
            self.names.ground(resource, modules, reach(modules).ids)
        return [module for modules in arrived.values() for module in modules]

    def _patched(self, run: Run) -> list[object]:
        """What of libraries the sources set something in, as far as nobody knew of it."""
        names = self.names
        found = self._around.suspects(run.source, names.live)
        new = [value for value in found if PATCHED not in names.touched((identity(value),))]
        if new:
            names.ground(PATCHED, PATCHED, frozenset(map(identity, new)))
        return new

    def _arrived(self) -> None:
        """An import is over: what the run does to the modules that came is to be seen, too."""
        if self._begun is not None:
            modules, patched = self._take_ground(), self._patched(self._begun.run)
            if modules or patched:
                self._begun.surveys.append(Survey(modules, patched))

    def _read_around(self, run: Run, inputs: Mapping[Resource, CellId | None]) -> frozenset[Resource]:
        """What stands around the notebook and the run may go by."""
        found = self._around.named(run.source)
        if self._around.any:
            for name, maker in inputs.items():
                if maker is not None and ":" not in name:
                    found |= self._around.behind(self.names.reach(maker, name).ids)
        return PERVASIVE.union((PATCHED,), found)

    def _kinds_read(
        self, run: Run, inputs: Mapping[Resource, CellId | None]
    ) -> dict[Resource, frozenset[str]]:
        """The kinds of objects behind what the run may look at."""
        live = self.names.live
        return {
            name: self._kinds(name, maker)
            for name, maker in inputs.items()
            # Of names that the source does not spell out, only what is as it should be.
            if name in live and (name in run.inputs or maker is None or not self.names.is_spent(maker, name))
        }

    def _turns_nothing(self, run: Run, kinds: Mapping[Resource, frozenset[str]]) -> bool:
        """Is it known of the run that it neither sets nor draws from what the whole process goes by?"""
        if looks_up_names(run) or "%" in run.source or _NAMES_SAMPLE.search(run.source):
            return False
        from .harmless import turns_nothing  # no start waits for what is known of hundreds of functions

        found = frozenset[str]().union(*kinds.values())
        live = self.names.live.__getitem__
        return turns_nothing(run.facts.verbs, found, live, imports="import" in run.source)

    def _survey(
        self,
        run: Run,
        inputs: Mapping[Resource, CellId | None],
        kinds: Mapping[Resource, frozenset[str]],
        resources: Collection[Resource],
    ) -> Survey | None:
        """Note the state of what the run could change."""
        live = self.names.live
        values = [live[name] for name, found in kinds.items() if not found <= _CONSTANT]
        # Behind its version there was the value alone: a million numbers need not be asked again.
        flat = {identity(live[name]) for name in kinds if self._is_flat(name, inputs[name])}
        modules = [module for each in resources for module in self._around.modules(each)]
        found = frozenset[str]().union(*kinds.values())
        if modules:
            found |= reach(modules).kinds
            values += modules
        self._patched(run)
        around = self._around.suspects(run.source, live)
        if values and _is_harmless(run.facts.verbs, found, live.__getitem__):
            values = []
        alone = [value for value in values if identity(value) in flat]
        rest = [value for value in values if identity(value) not in flat]
        return Survey(rest, around, alone) if values or around else None

    def _refresh_caches(self, inputs: Mapping[Resource, CellId | None]) -> None:
        """Have functions that remember their answers forget those that other globals gave."""
        live, found = self.names.live, dict[int, object]()
        for name, maker in inputs.items():
            if name in live and "cached" in self._kinds(name, maker):
                behind = changing(live[name])
                found.update({at: each for at, each in behind.items() if type(each) is CACHED})
        for each in found.values():
            self._refresh_cache(each)
        self._remembering.begin(found.values())

    def _refresh_cache(self, function: Any) -> None:
        live = self.names.live
        latent = latent_of({"": function.__wrapped__}, live, CellFacts())
        read = self._reached(latent[""].reads if latent else ())
        seen = [self.names.moves, *read.items()]
        # Held, so that no other object can have the place of one of them.
        before = self._caches.get(identity(function))
        if before is None or len(before[1]) != len(seen) or not all(map(_is_same, before[1], seen)):
            function.cache_clear()
            self._caches[identity(function)] = function, seen

    def _reached(self, names: Iterable[Resource]) -> dict[Resource, object]:
        """The values of the names, and of those that functions behind them read."""
        live, todo, found = self.names.live, [*names], dict[Resource, object]()
        while todo:
            name = todo.pop()
            if name in live and name not in found:
                found[name] = live[name]
                latent = latent_of({name: live[name]}, live, CellFacts())
                todo += [each for one in latent.values() for each in one.reads]
        return found

    def _is_flat(self, name: Resource, maker: CellId | None) -> bool:
        behind = self.names.reach(maker, name) if maker is not None else None
        alone = frozenset((identity(self.names.live[name]),))
        # A function may have come to lead to a module that was not there then.
        return (
            behind is not None and not behind.vast and behind.ids == alone and "function" not in behind.kinds
        )

    def _kinds(self, name: Resource, maker: CellId | None) -> frozenset[str]:
        found = self.names.reach(maker, name).kinds if maker is not None else NOTHING
        return found or reach(self.names.live[name]).kinds

    @shielded
    def tell(self, reads: frozenset[Resource], writes: frozenset[Resource], unproven: str | None) -> None:
        """Hear what the run under way did to tables and the like, which nobody else can see."""
        if self._begun is not None:
            self._told = _both(self._told, Touched(reads, writes, unproven))

    @shielded
    def hint(self, word: str) -> None:
        """Hear that the run under way goes by what the word stands for."""
        self._hinted.add(word)

    def follow(self, dial: Dial) -> None:
        """Follow one more process-wide state."""
        self._dials.add(dial)

    # After

    def finish(self, outcome: Outcome, error: BaseException | None) -> Observation:
        """Compare what is there now with what stood there before, and keep what the run left."""
        assert self._begun is not None
        if self._begun.inert and outcome is Outcome.OK:
            seen = self._finish_inert(self._begun)
            if seen is not None:
                return seen
        with self.names.looked.remembered():
            return self._finish(outcome, error)

    def _finish_inert(self, begun: _Begun) -> Observation | None:
        """The same for a run that could do nothing but bind names, as most runs of most cascades do.

        None where there is more to be said of it than which of the names hold what they held before.
        """
        run, facts = begun.run, begun.run.facts
        took = time.monotonic() - begun.started
        wonders = begun.stuck or begun.astray or begun.watch.everything
        if facts.mutates or run.touches or wonders:
            return None
        told = self._hinted or self._told is not _UNTOUCHED or unproven(run) is not None
        if told or run.cell not in self._document or self._around.may_miss(run.source):
            return None
        equal = self.names.rebind(run.cell, facts.writes)
        if equal is None:
            return None
        self._begun = None
        self._files.stop(self._document.outside)
        self._took[run.cell], self._sources[run.cell] = took, run.source
        self._disk.forget(run.cell)
        return Observation(
            bound=facts.writes,
            equal=equal,
            alike=facts.writes - equal if run.again else NOTHING,
            aloof=True,
            reads=begun.around - run.inputs.keys(),
            discerning=self._tells_apart(run),
            repeats=run.again,
            holding=dict.fromkeys(((run.cell, name) for name in facts.writes), frozenset[int]()),
        )

    def _finish(self, outcome: Outcome, error: BaseException | None) -> Observation:
        begun, self._begun = self._begun, None
        assert begun is not None
        run, names = begun.run, self.names
        touched, turned = self._stop_outside(begun)
        took = time.monotonic() - begun.started
        seen = observe(begun.watch, names.live, run, error, names.looked)
        seen = self._with_world(begun, seen, touched, turned)
        seen = self._with_around(begun, seen)
        changes = _changes(begun.surveys)
        touchable = self._touchable(begun, seen, changes)
        if touchable is not None:
            changes = [
                each for each in changes if not each.shape.guesses or identity(each.value) in touchable
            ]
        seen = self._with_doubts(begun, seen, touched, turned, changes, touchable)
        if outcome is not Outcome.OK or run.cell not in self._document:
            return self._given_up(run, seen, touched, turned, changes)
        self._took[run.cell], self._sources[run.cell] = took, run.source
        return self._keep(run, seen, changes)

    def _with_doubts(
        self,
        begun: _Begun,
        seen: Observation,
        touched: Touched,
        turned: Turned,
        changes: Sequence[Change],
        touchable: frozenset[int] | None,
    ) -> Observation:
        """Say why nobody can tell all that the run did, if so: the first reason there is."""
        unseen = next((why for each in begun.surveys if (why := _unseen(each, touchable))), None)
        stuck_names = [name for name in begun.stuck if self._may_have_met(name, begun, seen, touchable)]
        spoiled = reason.ran_on_stuck(stuck_names) if stuck_names else None
        why = seen.unproven or touched.unproven or unseen
        stuck = why is None and spoiled is not None
        doubt = None
        if not begun.inert:
            outside = bool(turned.drew | turned.seeded | touched.writes)
            doubt = self._doubt_answers(begun.run, changes, outside=outside)
        why = why or spoiled or doubt
        if any(each.shape.torn(each.value, each.before) for each in changes):
            why = why or _TORN
        return altered(seen, unproven=why, stuck=stuck) if why != seen.unproven or stuck else seen

    def _given_up(
        self, run: Run, seen: Observation, touched: Touched, turned: Turned, changes: Sequence[Change]
    ) -> Observation:
        """What a run that came to no good end, or whose cell is gone, leaves to nobody."""
        names = self.names
        spent = self._undo(changes)
        for dial in turned.writes:
            self._dials.write(dial, self._dials.before(dial))
        names.discard(run.cell, {name for name in seen.bound | seen.deleted if ":" not in name})
        if run.cell not in self._document:
            names.forget(run.cell)
        names.orphan(filter(is_file, touched.writes))
        return altered(
            seen,
            spent=frozenset(spent) | self._disk.overwritten(run, touched.writes),
            discerning=self._tells_apart(run),
        )

    def _stop_outside(self, begun: _Begun) -> tuple[Touched, Turned]:
        """What the run did besides names."""
        run, live = begun.run, self.names.live
        told, self._told = self._told, _UNTOUCHED
        hinted, self._hinted = self._hinted, set()
        touched = self._files.stop(self._document.outside)
        if begun.inert:
            return told, _UNTURNED
        behind = self._files.behind([live[name] for name in run.inputs if name in live])
        touched = _both(_both(touched, Touched(behind.reads, behind.writes)), told)
        hints = [
            word for word, true in ((FILES_RELATIVE, touched.relative), (SUBPROCESS, touched.opaque)) if true
        ]
        own = {_package_of(live.get(name)) for name in run.facts.writes}
        return touched, self._dials.stop(begun.libraries, [*hints, *hinted, *own])

    def _doubt_answers(self, run: Run, changes: Iterable[Change], *, outside: bool) -> str | None:
        """Why a function that remembers its answers may not have done what it would in a fresh run."""
        answered = [*self._remembering.answered_anew()]
        changed = frozenset(identity(change.value) for change in changes if answered)
        for function in answered:
            latent = latent_of({"": function.__wrapped__}, self.names.live, CellFacts())
            behind = self._reached(latent[""].reads if latent else ())
            ids = reach(function).ids.union(*(reach(value).ids for value in behind.values()))
            if (outside and is_outward(function)) or not changed.isdisjoint(ids - {identity(function)}):
                self._remembering.acts(function)
        return self._remembering.doubt(run.source)

    def _touchable(
        self, begun: _Begun, seen: Observation, changes: Sequence[Change]
    ) -> frozenset[int] | None:
        """The objects that a run did read of those that it was given; None for all of them."""
        run = begun.run
        names = run.facts.reads | run.inputs.keys() | seen.reads
        if not begun.watch.everything:
            guessed = any(change.shape.guesses for change in changes)
            if not run.shares or not (guessed or any(each.opaque() for each in begun.surveys)):
                return None
            # What it knows only as other names of what it changes it does not use.
            names = (names - run.shares) | run.facts.defers
        if not begun.surveys:
            return None
        # An iterator that has come to its end leads no more to what it went over: what did it lead to before?
        led = (
            self.names.reach(maker, name).ids for name, maker in run.inputs.items() if maker and name in names
        )
        return frozenset[int]().union(*led, *(reach(value).ids for value in self._reached(names).values()))

    def _may_have_met(
        self, name: Resource, begun: _Begun, seen: Observation, touchable: frozenset[int] | None
    ) -> bool:
        """May the run have come upon what stands behind the name?"""
        if touchable is None or name in begun.run.inputs or name in seen.reads:
            return True
        return any(not touchable.isdisjoint(reach(value).ids) for value in self._reached([name]).values())

    def _with_world(self, begun: _Begun, seen: Observation, touched: Touched, turned: Turned) -> Observation:
        """Add what the run did outside of the namespace."""
        run = begun.run
        if touched is _UNTOUCHED and turned is _UNTURNED:
            self._disk.forget(run.cell)
            return seen
        unseeded = {
            dial for dial in turned.drew - turned.seeded - turned.unseeded if not self._seeded(dial, run)
        }
        reads = touched.reads | turned.reads
        return altered(
            seen,
            bound=seen.bound | touched.writes | (turned.writes - unseeded),
            reads=seen.reads | (reads - run.inputs.keys()),
            unproven=seen.unproven or self._disk.overtaken(run, touched),
            outdated=self._disk.outdated(run, touched, begun.traces),
        )

    def _with_around(self, begun: _Begun, seen: Observation) -> Observation:
        """Add what the run may have gone by of what stands around the notebook."""
        run, names = begun.run, self.names
        reads = begun.around | self._around.named(run.source)
        missed = self._around.missed(run.source, names.live)
        why = seen.unproven
        if missed is not None:
            why = (
                f"It sets something in `{missed}` of a library, which it finds itself:"
                " nobody can take that back. Import it in a cell above."
            )
        elif begun.astray:
            root = begun.astray[0].partition(":")[2]
            where = f"`{root}`" if root else "a library"
            why = f"It goes by what other cells changed in {where}, which nobody can put back."
        return altered(seen, reads=seen.reads | (reads - run.inputs.keys()), unproven=why)

    def _seeded(self, dial: Resource, run: Run) -> bool:
        return self._document.in_force(dial, run.cell) is not None

    def _keep(self, run: Run, seen: Observation, changes: list[Change]) -> Observation:
        """Keep what a run left, and say what it did to objects that others know."""
        names, cell = self.names, run.cell
        ids = [identity(change.value) for change in changes]
        sharers, held = dict[Resource, CellId](), set[Place]()
        if ids:
            touched = names.touched(ids)
            seen = altered(seen, bound=seen.bound | touched, reads=seen.reads | (touched - run.inputs.keys()))
            sharers, held = self._sharers(run, ids, seen.bound | seen.deleted), names.holders(ids)
        changed = frozenset(sharers)
        names.note(changes, self._worth)
        equal = self._cutoff.equal(run, seen.bound | seen.deleted, sharers, changes)
        if run.again:
            equal |= self._cutoff.as_it_was(cell, seen.bound)
        kept = equal
        if run.rewinds and names.spent_of(cell):
            spent = changed & (names.spent_of(cell) | equal)
            gone = {name for name in seen.deleted if name in equal}
            equal, kept = self._cutoff.made_again(cell, seen.bound).union(spent, gone), NOTHING
        for name in equal & names.spent_of(cell):
            names.succeed(cell, name, sharers.get(name))
        alike = self._cutoff.alike(run, (seen.bound | seen.deleted | changed) - equal)
        names.capture(cell, seen.bound | seen.deleted | changed, kept, sharers)
        held |= {(cell, name) for name in seen.bound | changed if ":" not in name}
        seen = altered(
            seen,
            changed=changed,
            equal=equal,
            alike=alike,
            aloof=not any(names.reach(cell, name).ids for name in seen.bound | changed),
            discerning=self._tells_apart(run),
            repeats=run.again,
            latent={**seen.latent, **self._latent(run, changed)},
            spent=frozenset(names.lost()) | self._disk.overwritten(run, seen.bound),
            holding={place: names.tokens(names.reach(*place).ids) for place in held},
            changes=names.tokens(ids),
        )
        names.clean()
        return seen

    def _tells_apart(self, run: Run) -> bool:
        """May the run ask of two objects whether they are one, itself or through what other cells made?"""
        makers = {maker for maker in run.inputs.values() if maker is not None}
        return _asks_for_identity(run.source) or any(
            _asks_for_identity(self._sources.get(maker, "")) for maker in makers
        )

    def _latent(self, run: Run, changed: Iterable[Resource]) -> dict[Resource, Latent]:
        values = {name: self.names.version(run.cell, name) for name in changed}
        return latent_of(values, self.names.live, run.facts)

    def _sharers(self, run: Run, ids: Iterable[int], others: Collection[Resource]) -> dict[Resource, CellId]:
        """The names in force here behind which one of the objects stands, and who made their versions."""
        return {
            name: maker
            for maker, name in self.names.holders(ids)
            if name not in others
            and ":" not in name
            and maker != run.cell
            and self._document.in_force(name, run.cell) == maker
        }

    def _undo(self, changes: Iterable[Change]) -> set[Place]:
        """A failed run leaves nothing: take its changes back where that is possible."""
        # How far an iterator can be put back depends on what it goes over.
        order = sorted(changes, key=lambda change: change.shape.kind == "iterator")
        self.names.looked.forget()
        self.names.note([change for change in order if not change.undo()], lambda at, weight: False)
        self.names.looked.forget()
        return self.names.lost()

    def _worth(self, at: int, weight: int) -> bool:
        """Is keeping so many bytes cheaper than running those again who made the object?"""
        if weight <= _SMALL:
            return True
        seconds = sum(self._took.get(maker, 0.0) for maker in {cell for cell, _ in self.names.holders((at,))})
        return weight / _BYTES_A_SECOND < seconds

    # Code of no cell

    def glance(self, facts: CellFacts) -> Survey | None:
        """Note the state of what code of no cell could change."""
        live, found = self.names.live, self._reached(facts.reads)
        kinds = frozenset[str]().union(*(reach(value).kinds for value in found.values()))
        if not found or _is_harmless(facts.verbs, kinds, live.__getitem__):
            return None
        return Survey(found.values())

    def disturbed(self, survey: Survey | None) -> set[Place]:
        """The versions of which code of no cell has changed an object."""
        changes = survey.changes() if survey is not None else []
        self.names.note(changes, lambda at, weight: True)
        return self.names.holders(identity(change.value) for change in changes)


def _is_harmless(verbs: frozenset[str], kinds: frozenset[str], look_up: Callable[[str], object]) -> bool:
    """Does nothing that the code does change what it was given?"""
    from .harmless import harmless  # no start waits for what is known of hundreds of functions

    return harmless(verbs, kinds, look_up)


def _changes(surveys: Iterable[Survey]) -> list[Change]:
    """What is not as it was; of what was looked at twice, as it was at first."""
    found: dict[int, Change] = {}
    for survey in surveys:
        for change in survey.changes():
            found.setdefault(identity(change.value), change)
    return list(found.values())


def _unseen(survey: Survey, touchable: frozenset[int] | None) -> str | None:
    """Why nobody can say what the run changed, if so."""
    if survey.vast:
        return "It may have changed what it reads, which holds too many objects to look at all of them."
    opaque = [each for each in survey.opaque() if touchable is None or identity(each) in touchable]
    if not opaque:
        return None
    kind = type(opaque[0])
    return (
        f"It used an object of type `{kind.__module__}.{kind.__qualname__}`,"
        " into which nobody can see: it may have changed."
    )


def _package_of(value: object) -> str:
    """The package that a module, or what was taken from one, is from."""
    if isinstance(value, ModuleType):
        return value.__name__.partition(".")[0]
    home: object = (value if type(value) in _FROM_MODULES else type(value)).__module__
    return home.partition(".")[0] if type(home) is str else ""


@lru_cache(4096)
def _asks_for_identity(source: str) -> bool:
    return _IDENTITY.search(source) is not None


def _is_same(one: Any, other: Any) -> bool:
    return one == other if isinstance(one, int) else one[0] == other[0] and one[1] is other[1]
