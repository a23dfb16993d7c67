"""Sends cells of a plan ahead to a cluster, and says whether what came back is what a run here would give.

What comes back only ever takes the place of a run: the kernel goes through its plan in order, one cell after
the other, and a cell that was sent on other inputs than it has when its turn comes runs here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ..cell import BUILTINS, CellId, Resource
from ..event import Run
from ..fixed import fixed
from ..graph import plain
from ..namespace import Key, Namespace, of_the_session
from ..session import Session
from .place import Place
from .placement import Placement, effect, libraries, of_history, placement, stateful
from .task import Bundle, Done, Home, Result, Task, holding
from .travel import bundled

LOCAL, REMOTE = "local", "remote"


class Waiting(Protocol):
    """A result that is to come."""

    def wait(self, heed: Callable[[], None]) -> Result: ...


class Cluster(Protocol):
    """Where cells go."""

    def submit(
        self, task: Task, upstream: Sequence[Waiting], given: Sequence[Bundle], priority: int
    ) -> Waiting: ...

    def knows(self, waiting: Waiting) -> bool: ...


# A value, and which states of the objects behind it are meant.
_State = tuple[object, Mapping[int, Key]]


@fixed
class _Sent:
    """A cell that is with the cluster."""

    source: str
    makers: Mapping[Resource, CellId]
    texts: Mapping[CellId, str]
    states: Mapping[Resource, _State]
    upstream: Mapping[Resource, tuple[CellId, str]]
    key: str
    waiting: Waiting


@fixed
class _Taken:
    """A cell whose latest run was a worker's."""

    key: str
    waiting: Waiting
    states: Mapping[Resource, _State]


@fixed
class _Considered:
    """What a decision about a cell rests upon, and for whom it waits."""

    source: str
    makers: Mapping[Resource, CellId]
    waits: frozenset[CellId] = frozenset()


class _Stays(Exception):
    """The cell cannot leave, and why."""


class _Waits(Exception):
    """Nobody can tell before these cells have run."""

    def __init__(self, cells: set[CellId]) -> None:
        super().__init__()
        self.cells = frozenset(cells)


class Abroad:
    """The cells that are with the cluster, and those that have come back."""

    def __init__(
        self,
        cluster: Cluster,
        document: Session,
        tagged: Mapping[CellId, frozenset[str]] | None = None,
        *,
        whole: bool,
        spare: bool = False,
    ) -> None:
        self._cluster = cluster
        self._document = document
        # May every cell leave that is not tagged `local`, or only those tagged `remote`?
        self._whole = whole
        # May names stay behind that cannot travel and that no cell takes?
        self._spare = spare
        self.places: dict[CellId, Place] = {}
        # What requests say of tags goes before what was synced.
        self._tagged: Mapping[CellId, frozenset[str]] = {} if tagged is None else tagged
        self._sent: dict[CellId, _Sent] = {}
        self._taken: dict[CellId, _Taken] = {}
        self._considered: dict[CellId, _Considered] = {}
        self._placements: dict[str, Placement] = {}

    @property
    def kept(self) -> list[Waiting]:
        """The results that the document's cells stand on."""
        return [each.waiting for cell, each in self._taken.items() if cell in self._document]

    # Ahead of the plan

    def send(self, cells: Sequence[CellId], names: Namespace) -> None:
        """Send what can be sent of the cells about to run, in order."""
        ahead = set(cells)
        for number, cell in enumerate(cells):
            before = self._considered.get(cell)
            if before is not None and self._same(cell, before) and (not before.waits or before.waits & ahead):
                continue
            self._drop(cell)
            if self._whole or REMOTE in self._tags(cell):
                self._consider(cell, ahead, names, number)
            else:
                self.places.pop(cell, None)

    def _tags(self, cell: CellId) -> frozenset[str]:
        return self._tagged.get(cell, self._document.cell(cell).tags)

    def _same(self, cell: CellId, before: _Considered) -> bool:
        return before.source == self._document.cell(cell).source and before.makers == self._makers(cell)

    def _consider(self, cell: CellId, ahead: set[CellId], names: Namespace, number: int) -> None:
        source, makers = self._document.cell(cell).source, self._makers(cell)
        waits: frozenset[CellId] = frozenset()
        try:
            self._sent[cell] = self._submitted(cell, makers, ahead - {cell}, names, number)
        except _Stays as stays:
            self.places[cell] = Place(elsewhere=False, why=str(stays))
        except _Waits as waiting:
            waits = waiting.cells
        self._considered[cell] = _Considered(source, makers, waits)

    def _makers(self, cell: CellId) -> dict[Resource, CellId]:
        inputs = self._document.graph.inputs(cell)
        return {name: maker for name, maker in inputs.items() if maker is not None}

    def _submitted(
        self,
        cell: CellId,
        makers: Mapping[Resource, CellId],
        ahead: set[CellId],
        names: Namespace,
        number: int,
    ) -> _Sent:
        document = self._document
        self._look(cell, makers)
        prelude: dict[CellId, str] = {}
        rest = self._along(cell, makers, prelude)
        self._calls(cell, prelude)
        upstream: dict[Resource, tuple[CellId, str]] = {}
        values: dict[Resource, CellId] = {}
        late: set[CellId] = set()
        for name, maker in rest.items():
            known = self._with_cluster(name, maker, names)
            if known is not None:
                upstream[name] = maker, known[0]
            elif maker in ahead:
                late.add(maker)
            else:
                values[name] = maker
        if late:
            raise _Waits(late)
        self._keep_together(upstream, values, names)
        states, bundles = self._packed(values, names)
        order = sorted(prelude, key=document.graph.rank)
        graph = document.graph
        task = Task(
            source=document.cell(cell).source,
            prelude=tuple(prelude[each] for each in order),
            upstream=tuple(sorted((name, key) for name, (_, key) in upstream.items())),
            given=tuple(sorted((name, _bundle(bundles, name).digest) for name in values)),
            needed=self._needed(cell),
            reads=frozenset(name for name in graph.inputs(cell) if ":" not in name),
            touches=frozenset(graph.touches(cell)),
        )
        before = [self._waiting(upstream[name][0]) for name, _ in task.upstream]
        by_digest = {bundle.digest: bundle for bundle in bundles}
        given = [by_digest[digest] for digest in dict.fromkeys(digest for _, digest in task.given)]
        waiting = self._cluster.submit(task, before, given, number)
        return _Sent(task.source, makers, prelude, states, upstream, task.key, waiting)

    def _keep_together(
        self, upstream: dict[Resource, tuple[CellId, str]], values: dict[Resource, CellId], names: Namespace
    ) -> None:
        """What shares objects with a value that travels from here travels with it, not from a worker."""
        held = {name: names.reach(maker, name).ids for name, maker in values.items()}
        behind = {name: names.reach(maker, name).ids for name, (maker, _) in upstream.items()}
        known = frozenset[int]().union(*held.values())
        while shared := [name for name, ids in behind.items() if not ids.isdisjoint(known)]:
            for name in shared:
                values[name] = upstream.pop(name)[0]
                known |= behind.pop(name)

    def _look(self, cell: CellId, makers: Mapping[Resource, CellId]) -> None:
        """May the cell leave at all, as far as its text and what is known of it show?"""
        document = self._document
        if LOCAL in self._tags(cell):
            raise _Stays("it has the tag `local`")
        said = self._placement(cell)
        if said.stays is not None:
            raise _Stays(said.stays)
        if said.prelude:
            raise _Stays("it only imports and defines, as do workers for those who use it")
        history = next((each for each in document.cells if self._asks_history(each)), None)
        if history is not None:
            raise _Stays(f"{document.label(history)} reads what the session remembers (`_`, `Out`, `In`)")
        inputs = document.graph.inputs(cell)
        missing = sorted(
            name for name in inputs.keys() - makers.keys() if name not in BUILTINS and ":" not in name
        )
        if missing:
            raise _Stays(f"it reads `{missing[0]}`, which no cell leaves")
        for name, maker in sorted(makers.items()):
            if ":" in name:
                raise _Stays(f"it goes by `{plain(name)}`, which {document.label(maker)} sets or writes")
            if document.graph.rank(maker) > document.graph.rank(cell):
                raise _Stays(f"it takes `{name}` from {document.label(maker)} below it")

    def _asks_history(self, cell: CellId) -> bool:
        facts = self._document.facts(cell)
        return any(of_the_session(name) and of_history(name) for name in facts.reads | facts.defers)

    def _placement(self, cell: CellId) -> Placement:
        source = self._document.cell(cell).source
        if source not in self._placements:
            self._placements[source] = placement(source, self._document.facts(cell))
        return self._placements[source]

    def _along(
        self, cell: CellId, makers: Mapping[Resource, CellId], prelude: dict[CellId, str]
    ) -> dict[Resource, CellId]:
        """Collect the cells whose texts go along; answer what else the cell takes."""
        rest: dict[Resource, CellId] = {}
        for name, maker in makers.items():
            if maker in prelude:
                continue
            if self._goes_along(maker, prelude, {cell}):
                continue
            rest[name] = maker
        return rest

    def _goes_along(self, maker: CellId, prelude: dict[CellId, str], asking: set[CellId]) -> bool:
        """Does the cell only import and define, and so do all that it needs for that?"""
        said = self._placement(maker)
        if maker in asking or not said.prelude or said.stays is not None:
            return False
        found: dict[CellId, str] = {}
        for its in self._makers(maker).values():
            if its not in prelude and its not in found and not self._goes_along(its, found, asking | {maker}):
                return False
        prelude.update(found)
        prelude[maker] = self._document.cell(maker).source
        return True

    def _calls(self, cell: CellId, prelude: Mapping[CellId, str]) -> None:
        """Does it call a library for an effect that nobody sees?"""
        source = self._document.cell(cell).source
        imports: dict[str, str] = {}
        for text in (*prelude.values(), source):
            imports |= libraries(text)
        reads = self._document.graph.inputs(cell)
        for name, library in sorted(imports.items()):
            if name in reads and stateful(library):
                raise _Stays(f"it uses `{library}`, which keeps something of its own in the process")
        if (library := effect(source, imports)) is not None:
            raise _Stays(f"it calls `{library}` for what that does, which nobody sees")

    def _needed(self, cell: CellId) -> frozenset[Resource]:
        """What it leaves that somebody may want."""
        document = self._document
        writes = document.facts(cell).writes
        facts = [document.facts(each) for each in document.cells]
        if not self._spare or any(each.dynamic for each in facts):
            return writes
        used = {name for each in facts for name in each.defers}
        return frozenset(
            name for name in writes if name in used or any(True for _ in document.graph.users(name))
        )

    def _with_cluster(self, name: Resource, maker: CellId, names: Namespace) -> tuple[str, Waiting] | None:
        """Under which key the cluster has, or will have, what the maker leaves."""
        if (sent := self._sent.get(maker)) is not None:
            return sent.key, sent.waiting
        taken = self._taken.get(maker)
        if (
            taken is None
            or not self._cluster.knows(taken.waiting)
            or name not in taken.states
            or not _same(taken.states[name], names.standing(maker, name))
        ):
            return None
        return taken.key, taken.waiting

    def _waiting(self, maker: CellId) -> Waiting:
        return (self._sent.get(maker) or self._taken[maker]).waiting

    def _packed(
        self, makers: Mapping[Resource, CellId], names: Namespace
    ) -> tuple[dict[Resource, _State], list[Bundle]]:
        """The values that cells which ran here left, as bytes."""
        states: dict[Resource, _State] = {}
        for name, maker in sorted(makers.items()):
            state = names.standing(maker, name)
            if state is None:
                raise _Waits({maker})
            states[name] = state
        bundles, refused = bundled({name: state[0] for name, state in states.items()})
        for name, why in sorted(refused.items()):
            raise _Stays(f"`{name}`, which it reads, cannot travel: {why}")
        return states, bundles

    # When its turn comes

    def take(self, run: Run, names: Namespace, heed: Callable[[], None]) -> Done | None:
        """What came back for the run; None if the cell has to run here."""
        sent = self._sent.pop(run.cell, None)
        self._considered.pop(run.cell, None)
        self._taken.pop(run.cell, None)
        if sent is None:
            return None
        why = self._overtaken(sent, run, names)
        result = Home(why) if why is not None else sent.waiting.wait(heed)
        why = result.why if isinstance(result, Home) else self._unlike(result, run.cell)
        self.places[run.cell] = Place(elsewhere=why is None, why=why)
        if why is not None or isinstance(result, Home):
            return None
        self._taken[run.cell] = _Taken(sent.key, sent.waiting, {})
        return result

    def _overtaken(self, sent: _Sent, run: Run, names: Namespace) -> str | None:
        """Why the cell was not sent on what it is to read, if so."""
        makers = {name: maker for name, maker in run.inputs.items() if maker is not None}
        if run.source != sent.source or makers != sent.makers:
            return "what it reads was not known when it could have been sent"
        if any(self._document.cell(cell).source != text for cell, text in sent.texts.items()):
            return "a definition that it uses has changed since it was sent"
        for name, state in sent.states.items():
            if not _same(state, names.standing(sent.makers[name], name)):
                return f"`{name}` has changed since it was sent"
        for name, (maker, key) in sent.upstream.items():
            taken = self._taken.get(maker)
            if taken is None or taken.key != key or name not in taken.states:
                label = self._document.label(maker)
                return f"{label} had to run here, and it was sent on a worker's result of that"
            if not _same(taken.states[name], names.standing(maker, name)):
                return f"`{name}` has changed since it was sent"
        return None

    def _unlike(self, done: Done, cell: CellId) -> str | None:
        """Why the worker was not as this process is for the cell, if so."""
        document = self._document
        for resource in sorted(done.goes_by):
            maker = document.versions.in_force(resource, cell)
            if maker is not None:
                return f"it goes by `{resource}`, which {document.label(maker)} has set"
        return None

    def after(self, cell: CellId, names: Namespace) -> None:
        """The cell has run, here or there: who waits for it may go, or has to go anew."""
        taken = self._taken.get(cell)
        if taken is not None:
            states = {name: names.standing(cell, name) for name in names.made(cell) if ":" not in name}
            kept = {name: state for name, state in states.items() if state is not None}
            self._taken[cell] = _Taken(taken.key, taken.waiting, kept)
            return
        for other, sent in list(self._sent.items()):
            if any(maker == cell for maker, _ in sent.upstream.values()):
                self._drop(other)

    def over(self) -> None:
        """The plan is over: what was sent for nothing is nobody's."""
        for cell in list(self._sent):
            self._drop(cell)
        self._considered.clear()

    def _drop(self, cell: CellId) -> None:
        sent = self._sent.pop(cell, None)
        self._considered.pop(cell, None)
        if sent is not None:
            for other, its in list(self._sent.items()):
                if any(key == sent.key for _, key in its.upstream.values()):
                    self._drop(other)


def _same(one: _State, other: _State | None) -> bool:
    return other is not None and one[0] is other[0] and one[1] == other[1]


def _bundle(bundles: Sequence[Bundle], name: Resource) -> Bundle:
    found = holding(bundles, name)
    assert found is not None
    return found
