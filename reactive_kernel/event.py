"""What happens to a document, what is to be done about it, what the world hears of it: all of it values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from .cell import Activity, Cell, CellFacts, CellId, Freshness, Mode, Observation, Outcome, Reason, Resource
from .fixed import fixed

# Events: what has happened.


@fixed
class DocumentSynced:
    cells: tuple[Cell, ...]


@fixed
class CellEdited:
    cell: CellId
    source: str


@fixed
class RunRequested:
    """Somebody asked for these cells; `source` is the text that came with a single one."""

    cells: tuple[CellId, ...]
    source: str | None = None
    mode: Mode | None = None


@fixed
class StaleRequested:
    pass


@fixed
class CascadeChosen:
    """Auto mode (cells rerun when their inputs change) or lazy mode (they are marked)."""

    auto: bool


@fixed
class RunFinished:
    cell: CellId
    run: int
    outcome: Outcome
    execution_count: int | None
    seen: Observation


@fixed
class Interrupted:
    pass


@fixed
class NamesTouched:
    """Names got a new value outside of any cell's run: from scratch code, or from a widget.

    Where the value replaces the version its cell made, the readers rerun (`lasting`); where the
    document says otherwise, they are only marked.
    """

    names: frozenset[Resource]
    lasting: bool


@fixed
class VersionsLost:
    """At the plan's end these versions could not be put back: what a cell left, under a name."""

    versions: frozenset[tuple[CellId, Resource]]


@fixed
class SessionsBusy:
    """These sessions, and no others, are in the middle of something: a transaction is open."""

    sessions: frozenset[str]


Event: TypeAlias = (
    DocumentSynced
    | CellEdited
    | RunRequested
    | StaleRequested
    | CascadeChosen
    | RunFinished
    | Interrupted
    | NamesTouched
    | VersionsLost
    | SessionsBusy
)


# Actions: what is to be done next.


@fixed
class Run:
    """Run the cell on the versions that its inputs name."""

    cell: CellId
    run: int
    source: str
    facts: CellFacts
    inputs: Mapping[Resource, CellId | None]
    touches: frozenset[Resource]
    # The inputs that it has only because it changed objects behind them under another name.
    shares: frozenset[Resource] = frozenset()
    # What it depends on has the content that it had: it will do what it did, with other objects at most.
    again: bool = False
    # It reads the very versions that it read, and makes again what others have used up.
    rewinds: bool = False
    # The names by whose content it is decided whether others run, too (None: all of them).
    decisive: frozenset[Resource] | None = None


@fixed
class Refuse:
    """The cell was asked for and cannot run."""

    cell: CellId
    reason: Reason


Action: TypeAlias = Run | Refuse


@fixed
class Status:
    """What the world may know of a cell."""

    freshness: Freshness
    activity: Activity
    outcome: Outcome | None
    run: int | None
    execution_count: int | None
    reason: Reason | None


@fixed
class Edges:
    """What the world may know of a cell's place in the graph."""

    reads: tuple[Resource, ...]
    writes: tuple[Resource, ...]
    parents: tuple[CellId, ...]
    children: tuple[CellId, ...]
