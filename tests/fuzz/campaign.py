"""Drives many sequences, and adds up what they show."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from .drive import Mismatch, Tally, drive
from .notebooks import Kinds, Story, sequence
from .shrink import shrink


@dataclass
class Figures:
    """What driving some sequences has shown."""

    count: int = 0
    failed: list[int] = field(default_factory=list[int])
    tally: Tally = field(default_factory=Tally)

    def add(self, other: Figures) -> None:
        self.count += other.count
        self.failed += other.failed
        self.tally.add(other.tally)

    def __str__(self) -> str:
        tally = self.tally
        needed = tally.runs - tally.needless
        ratio = f"{tally.runs / needed:.3f}" if needed else "-"
        return (
            f"{self.count} sequences, {len(self.failed)} mismatches {self.failed or ''};"
            f" {tally.checks} checks ({tally.undecided} undecided), {tally.unproven} cells unproven;"
            f" {tally.runs} cells run / {needed} had to run = {ratio}"
        )


def counterexample(seed: int, kinds: Kinds | None = None) -> tuple[Story, Mismatch] | None:
    """The sequence of that seed made small, if it shows a mismatch."""
    story = sequence(seed, kinds)
    mismatch, _ = drive(story)
    if mismatch is None:
        return None
    small = shrink(story, lambda smaller: _kind(smaller) == mismatch.kind)
    again, _ = drive(small)
    return small, again or mismatch


def _kind(story: Story) -> str | None:
    mismatch, _ = drive(story)
    return mismatch.kind if mismatch else None


def campaign(
    seeds: range, kinds: Kinds | None = None, most: int = 5, seconds: float = float("inf")
) -> Figures:
    """Drive the sequences of those seeds; stop after so many mismatches or seconds."""
    figures = Figures()
    end = time.monotonic() + seconds
    for seed in seeds:
        mismatch, tally = drive(sequence(seed, kinds))
        figures.add(Figures(1, [seed] if mismatch else [], tally))
        if len(figures.failed) >= most or time.monotonic() > end:
            break
    return figures
