"""The nouns of the core: cells, what their source says of them, and what can be wrong with them."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from enum import Enum
from types import MappingProxyType
from typing import Final, NewType, TypeAlias

from .fixed import fixed

CellId = NewType("CellId", str)

# A resource is anything one cell can leave behind for another. Python names are written plainly;
# everything else carries its kind before a colon (`file:PATH`, `table:...`, `random:MODULE`), which no
# identifier can contain, so the two never meet.
Resource: TypeAlias = str

NOTHING: frozenset[Resource] = frozenset()
# One of each of the sets of names that are kept: those of one cell, and of many cells, are often the same.
_KEPT: dict[frozenset[Resource], frozenset[Resource]] = {}
_MOST_KEPT: Final = 100_000


def kept(names: Iterable[Resource]) -> frozenset[Resource]:
    """The same names in a set that others may have, too, for what is kept long: each set takes room."""
    found = frozenset(names)
    if not found:
        return NOTHING
    if len(_KEPT) > _MOST_KEPT:
        _KEPT.clear()
    return _KEPT.setdefault(found, found)


# Names that are there without any cell. `_` and its kin come and go in `builtins` with the display hook;
# IPython adds a few names of its own.
BUILTINS = frozenset(name for name in dir(builtins) if name.strip("_")) | {
    "copyright", "credits", "display", "exit", "get_ipython", "help", "license", "quit",
}  # fmt: skip

_NO_LATENT: Mapping[Resource, Latent] = MappingProxyType({})
_NO_HOLDING: Mapping[tuple[CellId, Resource], frozenset[int]] = MappingProxyType({})


class Mode(str, Enum):
    """When a cell may run: by itself, only when asked for, or never."""

    AUTO = "auto"
    MANUAL = "manual"
    OFF = "off"


class Freshness(str, Enum):
    """Whether a cell shows what a run of the whole document would show."""

    NEW = "new"
    FRESH = "fresh"
    STALE = "stale"


class Activity(str, Enum):
    """What a cell is doing now."""

    IDLE = "idle"
    QUEUED = "queued"
    RUNNING = "running"


class Outcome(str, Enum):
    """How a cell's latest run ended."""

    OK = "ok"
    ERROR = "error"
    BLOCKED = "blocked"
    INTERRUPTED = "interrupted"


@fixed
class Cell:
    """A cell of the document. `mode` is None where nobody chose one."""

    id: CellId
    source: str
    mode: Mode | None = None
    # Words that people put on it, as far as they say where it is to run: `remote`, `local`.
    tags: frozenset[str] = NOTHING


@fixed
class Unparsable:
    """The source cannot be read."""

    message: str
    line: int | None = None

    def __str__(self) -> str:
        return self.message if self.line is None else f"{self.message} (line {self.line})"


@fixed
class Latent:
    """What a function defined by the cell will touch when somebody calls it."""

    reads: frozenset[Resource] = NOTHING
    writes: frozenset[Resource] = NOTHING


@fixed
class CellFacts:
    """What a cell's source says it takes from outside and leaves behind."""

    reads: frozenset[Resource] = NOTHING
    writes: frozenset[Resource] = NOTHING
    # Names read only inside function bodies: needed by whoever calls the function, not by this cell.
    defers: frozenset[Resource] = NOTHING
    # Builtin names it reads, at its top level or in functions: a read only where a cell above rebinds them.
    builtins: frozenset[Resource] = NOTHING
    problem: Unparsable | None = None

    # The part of `reads` that a branch of the cell itself may have written before the read.
    maybe: frozenset[Resource] = NOTHING
    # The parts of `writes` that are not bindings: names deleted, and names whose object is visibly changed.
    deletes: frozenset[Resource] = NOTHING
    mutates: frozenset[Resource] = NOTHING
    # Names that an `except ... as name` may take away.
    erases: frozenset[Resource] = NOTHING
    # Which latent reads and writes travel with which written name; "" holds those of anonymous functions.
    latent: Mapping[Resource, Latent] = field(default_factory=lambda: _NO_LATENT)
    # Own function and class names that the cell's top level itself reads, and so may call.
    uses: frozenset[Resource] = NOTHING
    # The source may touch names that it does not spell out (`exec`, `globals()`, star imports, magics).
    dynamic: bool = False
    # The source changes a world that is not rolled back: its default mode is `manual`.
    manual: bool = False
    # What it works in that has a state of its own (connections to databases): while one of them is in the
    # middle of something, the cell does not run by itself.
    sessions: frozenset[str] = frozenset()
    # What it does beyond looking, in the words of `analysis/verbs.py`. Cells of equal facts may differ in it.
    verbs: frozenset[str] = field(default=frozenset(), compare=False)


# What a magic's language brings: from the text after the magic's name and the lines below (empty for a
# line magic) to facts.
MagicAnalyser: TypeAlias = Callable[[str, str], CellFacts]


@fixed
class Cycle:
    """The cells wait for each other."""

    cells: tuple[CellId, ...]
    names: tuple[Resource, ...]


@fixed
class Blocked:
    """Another cell has to work (or be allowed to run) first."""

    by: tuple[CellId, ...]
    names: tuple[Resource, ...]


Problem: TypeAlias = Unparsable | Cycle | Blocked


# That nobody changes a value is for the type checker to see; where many are made, they are made faster so.
@fixed
class Reason:
    """Why a cell is stale, blocked or running again: a kind for programs, a sentence for people."""

    kind: str
    message: str
    cells: tuple[CellId, ...] = ()
    names: tuple[Resource, ...] = ()


@fixed
class Observation:
    """What a run really read and left behind."""

    # Names bound (also by code that only the run could know), deleted, and whose object changed in place.
    bound: frozenset[Resource] = NOTHING
    deleted: frozenset[Resource] = NOTHING
    changed: frozenset[Resource] = NOTHING
    # The part of `bound` that is soundly equal to what this cell left there before.
    equal: frozenset[Resource] = NOTHING
    # Those whose content is what this cell left there before, though in other objects.
    alike: frozenset[Resource] = NOTHING
    # Did it leave no object that others might share, so that content is all it goes by?
    aloof: bool = False
    # May it have asked which of the objects that it read are one? And did it do what it did before?
    discerning: bool = False
    repeats: bool = False
    # Reads that the source does not show.
    reads: frozenset[Resource] = NOTHING
    # Did it turn out too late that something it read could not be put back?
    stuck: bool = False
    # Names it writes, and looked for in vain before.
    early: frozenset[Resource] = NOTHING
    # Names it found and took away itself before it looked for them in vain: no need of anybody else's.
    vain: frozenset[Resource] = NOTHING
    # Names that it may take away, and that were not there: nobody could see whether it does.
    untried: frozenset[Resource] = NOTHING
    # What functions reachable from the values of written names will touch when called.
    latent: Mapping[Resource, Latent] = field(default_factory=lambda: _NO_LATENT)
    # Versions (who made it, its name) that mean a state of an object which nobody can put back.
    spent: frozenset[tuple[CellId, Resource]] = frozenset()
    # The objects that this run changed, and those that some run changed behind the versions whose objects
    # are known to be among them now; an object is a number.
    changes: frozenset[int] = frozenset()
    holding: Mapping[tuple[CellId, Resource], frozenset[int]] = field(default_factory=lambda: _NO_HOLDING)
    # Files that are gone now, and the cells above their makers that met them in a directory.
    outdated: frozenset[tuple[CellId, Resource]] = frozenset()
    # Why nobody can say what the run read or wrote, if so.
    unproven: str | None = None
