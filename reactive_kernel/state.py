"""What the session knows of one cell: its text, its latest run, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from .cell import BUILTINS, Activity, Cell, CellFacts, CellId, Mode, Outcome, Reason, Resource, kept
from .event import RunFinished
from .fixed import altered, fixed
from .graph import Entry, entry_of

# A number that tells one version of a resource from every other: the run that made it.
Stamp: TypeAlias = int


@fixed
class Ran:
    """What a cell's latest run took and left."""

    source: str
    outcome: Outcome
    reads: Mapping[Resource, Stamp | None]
    stamps: Mapping[Resource, Stamp]
    entry: Entry
    # What it changed in place.
    changed: frozenset[Resource]
    unproven: str | None
    # Is it so only because of what others had done to what it ran on?
    spoiled: bool = False
    # Does it go by the content of what it read alone, and not by which objects hold it?
    aloof: bool = False
    # May it have asked which of the objects that it read are one?
    discerning: bool = False
    # Reads that went with objects which other reads had anew already.
    mixed: frozenset[Resource] = frozenset()


@fixed
class Account:
    """What a cell's latest run took and left: resources, each with the run that made the version."""

    reads: Mapping[Resource, Stamp | None]
    left: Mapping[Resource, Stamp]
    changed: frozenset[Resource]
    unproven: str | None


@fixed
class Flight:
    """What a run that is under way was started with."""

    source: str
    facts: CellFacts
    reads: Mapping[Resource, Stamp | None]
    # The reads that it had only as other names of objects which it changed before.
    shares: frozenset[Resource]
    # What to say if it had to start on inputs that nobody could put back as they were.
    spoiled: str | None = None
    mixed: frozenset[Resource] = frozenset()


@dataclass
class State:
    """What the session knows of one cell."""

    cell: Cell
    facts: CellFacts
    ran: Ran | None = None
    flight: Flight | None = None
    run: int | None = None
    execution_count: int | None = None
    # Names whose version is not the one that the latest run read.
    mismatched: set[Resource] = field(default_factory=set[Resource])
    # Parents that are not fresh.
    behind: set[CellId] = field(default_factory=set[CellId])
    activity: Activity = Activity.IDLE
    fresh: bool = False
    interrupted: bool = False
    # Somebody asked for a run that could not be: the cell shows that, and not what it showed before.
    refused: bool = False
    # Why the last attempt to run it was given up.
    blocked: Reason | None = None
    # Names that scratch code rebound under it.
    nudged: frozenset[Resource] = frozenset()
    # When it may run: what somebody chose, else what its text asks for.
    mode: Mode = field(init=False)

    def __post_init__(self) -> None:
        self.write(self.cell, self.facts)

    def write(self, cell: Cell, facts: CellFacts) -> None:
        """Give it that text and mode."""
        self.cell, self.facts = cell, facts
        self.mode = cell.mode or (Mode.MANUAL if facts.manual else Mode.AUTO)

    @property
    def edited(self) -> bool:
        return self.ran is not None and self.ran.source != self.cell.source

    @property
    def must_run(self) -> bool:
        """Would a run show something else, as far as its own inputs go?"""
        lost = self.interrupted or self.refused
        return self.ran is None or bool(self.edited or self.mismatched or lost or self.nudged)

    @property
    def succeeded(self) -> bool:
        return self.ran is not None and self.ran.outcome is Outcome.OK

    @property
    def barren(self) -> bool:
        """Is there nothing that it leaves for others to read, whatever it may have left before?"""
        ran = self.ran
        failed = ran is not None and ran.outcome is not Outcome.OK
        return failed or self.blocked is not None or self.mode is Mode.OFF

    @property
    def spared(self) -> bool:
        """Is that for good, so that others need not wait for what it might leave?"""
        return self.barren and (self.fresh or self.blocked is not None or self.mode is Mode.OFF)

    @property
    def proven(self) -> bool:
        """Has its run shown what it writes?"""
        return self.fresh and self.succeeded


def stamps_of(event: RunFinished, old: Mapping[Resource, Stamp]) -> dict[Resource, Stamp]:
    """The versions that a run left: none if it failed, the old ones where it left the same again."""
    if event.outcome is not Outcome.OK:
        return {}
    seen = event.seen
    written = seen.bound | seen.deleted | seen.changed
    return {name: old.get(name, event.run) if name in seen.equal else event.run for name in written}


def learned(flight: Flight, event: RunFinished, before: Entry) -> Entry:
    """What static analysis said, corrected by what the run did, and by the reads that earlier runs showed."""
    seen, guess = event.seen, entry_of(flight.facts)
    early = (before.early | seen.early) - seen.vain
    known = (before.reads | (before.above - before.shares)) - seen.vain
    found = (known | seen.reads) - guess.reads - guess.above
    reads, above = guess.reads | (found - BUILTINS), guess.above | (found & BUILTINS)
    if event.outcome is not Outcome.OK:
        return altered(guess, early=kept(early), reads=kept(reads), above=kept(above))
    others = seen.changed - (flight.reads.keys() - flight.shares)
    # What it may take away, and did not find, it need not have either.
    shares = (others | seen.untried) - reads - above
    return altered(
        guess,
        early=kept(early),
        reads=kept(reads),
        above=kept(above | shares),
        shares=kept(shares),
        changes=kept(seen.changed),
        writes=kept(seen.bound | seen.deleted | seen.changed),
        latent=seen.latent,
    )


def untied(ran: Ran) -> Entry:
    """What a fresh cell reads and writes: names that it should share and did not find concern it no more."""
    entry = ran.entry
    gone = (entry.shares & entry.writes) - ran.stamps.keys()
    if not gone:
        return entry
    return altered(entry, writes=entry.writes - gone, above=entry.above - gone, shares=entry.shares - gone)
