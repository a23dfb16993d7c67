"""Notebooks at random, and what somebody may do to them. The same seed gives the same sequence."""

from __future__ import annotations

import ast
import random
import re
from dataclasses import dataclass, replace
from typing import Literal, cast

from .mutations import Mutator
from .writer import Writer

Kind = Literal[
    "edit",
    "sync_edit",
    "edit_run",
    "insert",
    "delete",
    "move",
    "run",
    "stale",
    "mode",
    "cascade",
    "interrupt",
    "append",
]
# How often each of them comes, where cells meet in names and where they meet in objects.
FREQUENCIES: dict[Kind, int] = {
    "edit": 4,
    "sync_edit": 3,
    "edit_run": 12,
    "insert": 4,
    "delete": 4,
    "move": 4,
    "run": 8,
    "stale": 3,
    "mode": 3,
    "cascade": 1,
    "interrupt": 1,
    "append": 1,
}
OF_MUTATIONS: dict[Kind, int] = {
    "edit": 3,
    "sync_edit": 3,
    "edit_run": 14,
    "insert": 4,
    "delete": 3,
    "move": 3,
    "run": 14,
    "stale": 4,
    "mode": 1,
    "cascade": 1,
    "interrupt": 1,
    "append": 2,
}
Kinds = Literal["names", "mutation"]


@dataclass(frozen=True)
class Operation:
    """One thing that somebody does. Where its cell does not exist it does nothing: any may be left out."""

    kind: Kind
    cells: tuple[str, ...] = ()
    source: str = ""
    place: int = 0
    word: str = ""
    # So many cells of the plan run before the next operation comes; None: the plan runs to its end.
    steps: int | None = None
    # The operation comes while a cell runs, not between two cells.
    amid: bool = False
    # An interrupt strikes before this line of its cell, the first time that the run comes there.
    halt: int = 0

    def __str__(self) -> str:
        parts = [self.kind, *self.cells]
        if self.kind in ("insert", "move"):
            parts.append(f"at {self.place}")
        parts += [self.word] if self.word else []
        parts += (
            [repr(self.source)] if self.kind in ("edit", "sync_edit", "edit_run", "insert", "append") else []
        )
        parts += [f"(then only {self.steps} cells run)"] if self.steps is not None else []
        parts += [f"(interrupted before its line {self.halt})"] if self.halt else []
        return " ".join(parts + (["(while the next cell runs)"] if self.amid else []))


@dataclass(frozen=True)
class Story:
    """A notebook to begin with, nothing of which has run, and the operations on it."""

    cells: tuple[tuple[str, str], ...]
    operations: tuple[Operation, ...]
    # Do its cells meet in objects, files and random states? Then plain Python says what is right.
    mutating: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """Every text that a cell of it ever has."""
        texts = [*(source for _, source in self.cells), *(each.source for each in self.operations)]
        return tuple(text for text in texts if text)

    def __str__(self) -> str:
        lines = []
        for name, source in self.cells:
            lines.append(f"  {name} | " + source.replace("\n", f"\n  {' ' * len(name)} | "))
        return "\n".join([*lines, *(f"  > {operation}" for operation in self.operations)])


# Sequences


@dataclass
class _Draft:
    """The notebook as far as the operations have come."""

    order: list[str]
    sources: dict[str, str]
    previous: dict[str, str]


class Author:
    """Makes up what somebody does to a notebook."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._writer: Writer | Mutator = Writer(self._rng)
        self._frequencies = FREQUENCIES
        self._count = 0
        self._again: Operation | None = None
        # Cells from here on only use what those above define.
        self._first = 0

    def sequence(self) -> Story:
        size = self._rng.randrange(2, 11)
        return self._story([self._writer.cell() for _ in range(size)])

    def mutations(self) -> Story:
        """A story whose cells meet in objects."""
        writer = Mutator(self._rng)
        self._writer, self._frequencies = writer, OF_MUTATIONS
        beginning = writer.beginning()
        self._first = len(beginning)
        size = self._rng.randrange(2, 9)
        return replace(self._story([*beginning, *(writer.cell() for _ in range(size))]), mutating=True)

    def _story(self, sources: list[str]) -> Story:
        cells = tuple((self._name(), source) for source in sources)
        draft = _Draft([name for name, _ in cells], dict(cells), {})
        # Most notebooks have run once before anything else happens.
        operations = [Operation("stale")] if self._rng.random() < 0.8 else []
        hurried = self._rng.random() < 0.25
        for _ in range(self._rng.randrange(3, 15)):
            operation = self._operation(draft)
            if hurried and self._rng.random() < 0.4:
                operation = replace(operation, steps=self._rng.randrange(3), amid=self._rng.random() < 0.3)
            operations.append(operation)
        return Story(cells, tuple(operations))

    def _name(self) -> str:
        self._count += 1
        return f"c{self._count}"

    def _operation(self, draft: _Draft) -> Operation:
        rng = self._rng
        if not draft.order:
            return self._insert(draft)
        cell = self._some_cell(draft)
        kind = rng.choices(list(self._frequencies), list(self._frequencies.values()))[0]
        if kind in ("edit", "sync_edit", "edit_run"):
            source = self._new_source(draft, cell)
            halt = self._halt(source) if kind == "edit_run" else 0
            return Operation(kind, (cell,), source, halt=halt)
        if kind == "insert":
            return self._insert(draft)
        if kind == "append":
            return replace(self._insert(draft, len(draft.order)), kind="append")
        if kind == "delete":
            draft.order.remove(cell)
            return Operation(kind, (cell,))
        if kind == "move":
            draft.order.remove(cell)
            place = self._place(draft)
            draft.order.insert(place, cell)
            return Operation(kind, (cell,), place=place)
        if kind == "run" and self._rng.random() < 0.25 and self._again is not None:
            return self._again
        if kind == "run":
            some = rng.sample(draft.order, min(len(draft.order), rng.choice((1, 1, 1, 2, 3))))
            halt = self._halt(draft.sources[some[0]])
            self._again = Operation(kind, tuple(some))
            return replace(self._again, halt=halt)
        if kind == "mode":
            return Operation(kind, (cell,), word=rng.choice(("auto", "auto", "manual", "off")))
        if kind == "cascade":
            return Operation(kind, word=rng.choice(("auto", "auto", "lazy")))
        return Operation(kind)

    def _some_cell(self, draft: _Draft) -> str:
        """Any cell; where some of them define what all others use, mostly one of the others."""
        later = draft.order[self._first :]
        if self._first and later and self._rng.random() < 0.8:
            return self._rng.choice(later)
        return self._rng.choice(draft.order)

    def _place(self, draft: _Draft) -> int:
        least = min(self._first, len(draft.order)) if self._rng.random() < 0.92 else 0
        return self._rng.randrange(least, len(draft.order) + 1)

    def _halt(self, source: str) -> int:
        """The line at which an interrupt strikes, if one does."""
        lines = source.count("\n") + 1
        if not self._first or lines == 1 or self._rng.random() > 0.06:
            return 0
        return self._rng.randrange(2, lines + 1)

    def _insert(self, draft: _Draft, place: int | None = None) -> Operation:
        name = self._name()
        place = self._place(draft) if place is None else place
        draft.order.insert(place, name)
        draft.sources[name] = self._writer.cell()
        return Operation("insert", (name,), draft.sources[name], place)

    def _new_source(self, draft: _Draft, cell: str) -> str:
        old = draft.sources[cell]
        chance = self._rng.random()
        if (chance < 0.3 or _broken(old)) and cell in draft.previous:
            source = draft.previous[cell]
        elif chance < 0.7:
            source = self._writer.variant(old)
        else:
            source = self._writer.cell()
        draft.previous[cell], draft.sources[cell] = old, source
        return source


def _broken(source: str) -> bool:
    # What was broken half way is mended next.
    return source.endswith("\n1 / 0") and not source.startswith("try")


# So many stories of a hundred meet in objects.
MUTATING = 70


def sequence(seed: int, kinds: Kinds | None = None) -> Story:
    """The sequence with that seed; of that kind, or of whichever it is its turn to be."""
    mutating = kinds == "mutation" or (kinds is None and random.Random(~seed).random() * 100 < MUTATING)
    return Author(seed).mutations() if mutating else Author(seed).sequence()


# Stories as they are printed

_CELL = re.compile(r"  (\w+) \| ?(.*)")
_MORE = re.compile(r"   +\| ?(.*)")
_OPERATION = re.compile(
    r"  > (?P<kind>\w+)(?P<cells>(?: c\d+)*)(?: at (?P<place>\d+))?(?: (?P<word>auto|manual|off|lazy))?"
    r"(?: (?P<source>['\"].*?['\"]))?(?: \(then only (?P<steps>\d+) cells run\))?"
    r"(?: \(interrupted before its line (?P<halt>\d+)\))?(?P<amid> \(while the next cell runs\))?"
)


def parse(text: str) -> Story:
    """The story that was printed like this; its cells meet in objects."""
    cells: list[tuple[str, str]] = []
    operations: list[Operation] = []
    for line in text.strip("\n").split("\n"):
        if more := _MORE.fullmatch(line):
            name, source = cells.pop()
            cells.append((name, f"{source}\n{more[1]}"))
        elif found := _CELL.fullmatch(line):
            cells.append((found[1], found[2]))
        elif found := _OPERATION.fullmatch(line):
            operations.append(_operation(found))
        else:
            raise ValueError(line)
    return Story(tuple(cells), tuple(operations), mutating=True)


def _operation(found: re.Match[str]) -> Operation:
    return Operation(
        cast("Kind", found["kind"]),
        tuple(found["cells"].split()),
        ast.literal_eval(found["source"]) if found["source"] else "",
        int(found["place"] or 0),
        found["word"] or "",
        None if found["steps"] is None else int(found["steps"]),
        bool(found["amid"]),
        int(found["halt"] or 0),
    )
