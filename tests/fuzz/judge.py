"""Whether what a kernel says of a document holds against a fresh process."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from reactive_kernel.cell import Cell, CellId, Mode

from .execution import Shown
from .replay import Replay, replay
from .world import Contents

# Only documents whose cells decide by what they write what others read come to these sentences.
ENTANGLED = (
    r"It ran again and again: what it leaves decides what it finds\.",
    r"What it may write decides for whom it waits, and those decide what it writes\.",
)
# The only sentences for which a cell may stay unproven after "run stale".
UNPROVEN = tuple(
    re.compile(pattern)
    for pattern in (
        *ENTANGLED,
        r"It looks names up with `\w+`: nobody can say what it reads\.",
        r"It reads `\w+`, which belongs to this session and not to the notebook\.",
        # Whether such an array follows its frame is up to pandas.
        r"It changes a frame of which an array is held",
        # The world is not rolled back.
        r"It reads `[^`]+`, which a cell below has written since: nobody can put that back\.",
        r"It reads `[^`]+`, which was written by a cell that does not write it any more: remove the file",
    )
)
# This one may be said only where a cell may not run by itself.
_SPOILED = re.compile(
    r"It ran on .* as another cell had changed it|has been changed since and cannot be put back"
)

Problem = tuple[str, str]


@dataclass(frozen=True)
class Claim:
    """What the kernel says of one cell."""

    cell: Cell
    freshness: str
    outcome: str | None
    kind: str | None
    reason: str
    because_of: tuple[str, ...]
    shown: Shown | None

    @property
    def fresh(self) -> bool:
        return self.freshness == "fresh" and self.cell.mode is not Mode.OFF


@dataclass
class Stands:
    """What there is at the end beside the cells."""

    # The portrait of these names together; of all of them for None.
    portrait: Callable[[Collection[str] | None], Mapping[str, str]]
    files: Contents
    states: Mapping[str, str]


@dataclass
class Verdict:
    problems: list[Problem] = field(default_factory=list)
    undecided: bool = False
    unproven: int = 0


def mid_way(claims: Sequence[Claim], reach: frozenset[str], files: Contents) -> Verdict:
    """Whatever is marked fresh shows what a fresh run of what is marked fresh shows."""
    want = replay([claim.cell for claim in claims if claim.fresh], reach, files, whole=False)
    problems = list(_shown_problems(claims, want))
    if problems:
        # Whether pandas copies depends on who else holds a frame: also on cells that are to run again.
        # What a run of the whole document shows is right.
        cells = [claim.cell for claim in claims if claim.cell.mode is not Mode.OFF]
        everything = replay(cells, reach, files, whole=False)
        if not everything.unclear and not any(_shown_problems(claims, everything)):
            return Verdict(undecided=True)
    return Verdict(problems, bool(want.unclear))


def final(claims: Sequence[Claim], reach: frozenset[str], stands: Stands) -> Verdict:
    """After "run stale": everything that can be is fresh, and names and files are a fresh run's."""
    want = replay([claim.cell for claim in claims if claim.fresh], reach, stands.files, whole=True)
    verdict = Verdict(list(_shown_problems(claims, want)), bool(want.unclear))
    verdict.problems += _blocked_problems(claims)
    for claim in claims:
        if claim.kind == "unproven" and not claim.fresh and _may_be_unproven(claim, claims):
            verdict.unproven += 1
    stale = [(claim, problem) for claim in claims for problem in _stale_problems(claim, claims)]
    plain = _as_it_stands(claims, reach, stands.files) if stale else None
    if plain is not None and (want.unclear or plain.unclear):
        verdict.undecided = True
    else:
        # Where one waits for a cell below it, they may use up the same in turn; it says so itself.
        excused = [claim for claim, _ in stale if plain and plain.reordered and _is_spoiled(claim)]
        verdict.unproven += len(excused)
        verdict.problems += [problem for claim, problem in stale if claim not in excused]
    # What blocked and unproven cells would leave nobody knows.
    at_rest = all(claim.fresh or (claim.outcome == "blocked" and claim.kind != "cycle") for claim in claims)
    if not want.unclear and at_rest:
        complete = all(claim.fresh for claim in claims) and not want.failed
        verdict.problems += _end_problems(want, stands, None if complete else want.names)
    return verdict


def _shown_problems(claims: Sequence[Claim], want: Replay) -> Iterator[Problem]:
    for claim in claims:
        if not claim.fresh or claim.cell.id in want.unclear:
            continue
        right = want.shown[claim.cell.id]
        if claim.shown is None or alike(right) != alike(claim.shown):
            yield (
                "fresh",
                f"{claim.cell.id} is marked fresh and shows {claim.shown}; a fresh run gives {right}",
            )
        elif (claim.outcome == "error") != (right.error is not None):
            yield "outcome", f"{claim.cell.id} says {claim.outcome} and shows {claim.shown}"


def alike(shown: Shown) -> Shown:
    """IPython words a syntax error, and recursion its end, in its own way."""
    kind = (shown.error or "").partition(":")[0]
    return Shown(shown.text, kind) if kind in ("SyntaxError", "IndentationError", "RecursionError") else shown


def _blocked_problems(claims: Sequence[Claim]) -> Iterator[Problem]:
    known = {claim.cell.id: claim for claim in claims}
    for claim in claims:
        if claim.outcome != "blocked" or claim.kind in ("cycle", "off"):
            continue
        blockers = [known[CellId(name)] for name in claim.because_of if name in known]
        if not any(_blocks(each) for each in blockers):
            yield "blocked", f"{claim.cell.id} is blocked by nothing that blocks: {claim.kind} {claim.reason}"


def _blocks(claim: Claim) -> bool:
    return (
        claim.outcome in ("error", "blocked", "interrupted")
        or claim.freshness == "new"
        or claim.cell.mode is Mode.OFF
    )


def _as_it_stands(claims: Sequence[Claim], reach: frozenset[str], files: Contents) -> Replay:
    """All that may run: does any of it need what only a cell below it leaves?"""
    cells = [claim.cell for claim in claims if claim.cell.mode is not Mode.OFF]
    return replay(cells, reach, files, whole=False)


def _is_spoiled(claim: Claim) -> bool:
    return claim.kind == "unproven" and _SPOILED.search(claim.reason) is not None


def _may_be_unproven(claim: Claim, claims: Sequence[Claim]) -> bool:
    if any(pattern.search(claim.reason) for pattern in UNPROVEN):
        return True
    if not _SPOILED.search(claim.reason):
        return False
    # What failed cells did to files stays done; who makes those again has the failed ones run again.
    littered = "the file `" in claim.reason and any(each.outcome == "error" for each in claims)
    return littered or any(_waits(each) for each in claims)


def _waits(claim: Claim) -> bool:
    return claim.cell.mode in (Mode.MANUAL, Mode.OFF)


def _stale_problems(claim: Claim, claims: Sequence[Claim]) -> Iterator[Problem]:
    """A cell that may run by itself and is not fresh, though what it reads is."""
    if claim.fresh or claim.outcome == "blocked" or _waits(claim):
        return
    if claim.kind == "unproven" and _may_be_unproven(claim, claims):
        return
    behind = {each.cell.id for each in claims if not each.fresh}
    if claim.kind == "input-stale" and behind.intersection(claim.because_of):
        return
    if claim.kind == "cycle":
        return
    yield "stale", f"{claim.cell.id} is {claim.freshness} after `run stale`: {claim.kind} {claim.reason}"


def _end_problems(want: Replay, stands: Stands, only: Collection[str] | None) -> Iterator[Problem]:
    """Names and files at the end; `only` these names count: what failed runs bound may be looked at."""
    if want.names is not None:
        have = stands.portrait(only)
        for name in sorted(want.names.keys() | have.keys()):
            if have.get(name) != want.names.get(name):
                yield (
                    "name",
                    f"{name} is {have.get(name)} at the end; a fresh run gives {want.names.get(name)}",
                )
    for name, text in want.files.items():
        if stands.files.get(name) != text:
            yield "file", f"{name} holds {stands.files.get(name)!r}; a fresh run writes {text!r}"
    for name, right in want.states.items():
        if stands.states.get(name) != right:
            yield "state", f"the state of {name} is not that of a fresh run at the end"
