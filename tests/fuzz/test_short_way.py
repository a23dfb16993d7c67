"""What a run that can only bind names has left is seen the short way as it is seen the long one."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from itertools import pairwise

import pytest

from reactive_kernel.cell import CellId, Observation, Outcome
from reactive_kernel.observe import Observer

from .drive import Mismatch, drive
from .notebooks import Operation, Story

Seen = tuple[object, ...]
SEEDS = range(300)


class Noted:
    """What is seen of the runs of a story, and how often the short way was taken."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.short = 0


def told(story: Story, patched: pytest.MonkeyPatch, *, shortly: bool) -> tuple[Mismatch | None, Noted]:
    noted = Noted()
    finish: Callable[..., Observation] = Observer.finish
    inert: Callable[..., Observation | None] = vars(Observer)["_finish_inert"]

    def note(self: Observer, outcome: Outcome, error: BaseException | None) -> Observation:
        seen = finish(self, outcome, error)
        parts = [getattr(seen, each.name) for each in dataclasses.fields(seen)]
        noted.seen.append((*parts, known(self)))
        return seen

    def look(self: Observer, begun: object) -> Observation | None:
        found = inert(self, begun) if shortly else None
        noted.short += found is not None
        return found

    with patched.context() as here:
        here.setattr(Observer, "finish", note)
        here.setattr(Observer, "_finish_inert", look)
        mismatch, _ = drive(story)
    return mismatch, noted


def known(observer: Observer) -> object:
    """Every version of a name, as far as it can be told from another one."""
    made: dict[CellId, dict[str, object]] = vars(observer.names)["_versions"]
    return {
        cell: {name: (type(vars(each)["value"]), vars(each)["reach"].kinds) for name, each in left.items()}
        for cell, left in made.items()
    }


USUAL = (
    "{a} = {n}",
    "{a} = {b} + 1",
    "{a} = {b} > 2",
    "{a} = {b} * 1.0",
    "{a}, {c} = {b}, {n}",
    "{a} = {b}\n{a} += 1",
    "{a} = f'{{{b}!s:.9}}'",
    "{a} = None if {b} else {c}",
    "for {c} in range({n}):\n    {a} = {c}",
    "{b} = {c} = {n}",
)
OTHERS = (
    "{a} += {n}",
    "{a} = 7 // {b}",
    "if {b}:\n    {a} = {n}",
    "{a} = [{b}, {n}]",
    "{a} = ({b}, {c})",
    "{a} = {b}\n{a}",
    "def {a}():\n    global {b}\n    {b} = {n}",
    "{a} = len([{b}])",
    "del {a}",
)


def simple(seed: int) -> Story:
    """A notebook whose cells bind numbers and the like for the most part, and what somebody does to it."""
    fate = random.Random(seed)

    def source() -> str:
        a, b, c = fate.choices("uvwxyz", k=3)
        return fate.choice(USUAL if fate.random() < 0.8 else OTHERS).format(
            a=a, b=b, c=c, n=fate.randrange(4)
        )

    letters = "uvwxyz"[: fate.randrange(3, 7)]
    names = [f"c{letter}" for letter in letters]
    chain = [f"{letters[0]} = 1", *(f"{b} = {a} + 1" for a, b in pairwise(letters))]
    cells = tuple(zip(names, chain))
    operations = [Operation("stale")]
    for _ in range(fate.randrange(4, 12)):
        cell = (fate.choice(names),)
        operations.append(
            fate.choice(
                (
                    Operation("edit_run", cell, source()),
                    *(Operation("edit_run", (names[0],), f"u = {fate.randrange(9)}") for _ in range(5)),
                    Operation("run", cell),
                    Operation("edit", cell, source()),
                    Operation("move", cell, place=fate.randrange(len(names))),
                    Operation("mode", cell, word=fate.choice(("off", "auto"))),
                    Operation("cascade", word=fate.choice(("auto", "lazy"))),
                    Operation("stale"),
                )
            )
        )
    return Story(cells, tuple(operations), mutating=fate.random() < 0.5)


def test_both_ways_see_the_same(monkeypatch: pytest.MonkeyPatch):
    short = 0
    for seed in SEEDS:
        story = simple(seed)
        mismatch, one = told(story, monkeypatch, shortly=True)
        assert mismatch is None, f"seed {seed}: {mismatch} {story}"
        _, other = told(story, monkeypatch, shortly=False)
        assert one.seen == other.seen, f"seed {seed}: {story}"
        short += one.short
    assert short > 2 * len(SEEDS)
