"""The fuzz driver with a cluster: cells run there if they can, and everything else is as it was."""

from __future__ import annotations

from typing import ClassVar

from reactive_kernel.cell import Outcome
from reactive_kernel.engine.abroad import Abroad
from reactive_kernel.engine.cluster import Cluster, LocalCluster
from reactive_kernel.engine.task import Done
from reactive_kernel.engine.travel import loads
from reactive_kernel.event import Event, Run, RunFinished
from tests.fuzz.campaign import Figures
from tests.fuzz.drive import Driver, Mismatch, Tally, drive
from tests.fuzz.execution import Shown
from tests.fuzz.notebooks import Kinds, Story, sequence


def heed() -> None:
    """Nobody interrupts."""


def campaign(seeds: range, kinds: Kinds | None = None, most: int = 5) -> Figures:
    """Drive the sequences of those seeds with a cluster on this machine; stop after so many mismatches."""
    local = LocalCluster(2)
    FarDriver.cluster = Cluster(local.address.replace("tcp://", "dask://"))
    figures = Figures()
    try:
        for seed in seeds:
            mismatch, tally = driven(sequence(seed, kinds))
            figures.add(Figures(1, [seed] if mismatch else [], tally))
            if mismatch is not None:
                print(f"\nseed {seed}: {mismatch}\n{sequence(seed, kinds)}\n", flush=True)
            if len(figures.failed) >= most:
                break
    finally:
        FarDriver.cluster.close()
        local.close()
    print(f"On workers: {FarDriver.away} of {figures.tally.runs} runs.")
    return figures


def driven(story: Story) -> tuple[Mismatch | None, Tally]:
    """Carry the story out; what goes wrong at home, too, other tests are to find."""
    mismatch, tally = drive(story, FarDriver)
    return (None if mismatch is not None and drive(story)[0] is not None else mismatch), tally


class FarDriver(Driver):
    """A notebook whose cells leave the process where they can."""

    cluster: ClassVar[Cluster]
    away: ClassVar[int] = 0

    def __init__(self, cells: tuple[tuple[str, str], ...], reach: frozenset[str] | None) -> None:
        self.abroad: Abroad | None = None
        super().__init__(cells, reach)
        self.abroad = Abroad(self.cluster, self.session, whole=True)

    def _run(self, run: Run, amid: Event | None) -> None:
        abroad = self.abroad
        assert abroad is not None
        abroad.send((run.cell, *self.session.planned), self.names)
        self.observer.begin(run)
        # What comes in the middle of a cell comes in the middle of a run here.
        done = None
        if amid is None and run.cell not in self.halts:
            done = abroad.take(run, self.names, heed)
        if done is None:
            self._run_here(run, amid)
        else:
            self._adopt(run, done)
        abroad.after(run.cell, self.names)
        if not self.session.under_way:
            abroad.over()

    def _adopt(self, run: Run, done: Done) -> None:
        self._count_run(run)
        type(self).away += 1
        for bundle in done.left:
            self.names.live.update(loads(bundle.blob))
        seen = self.observer.finish(Outcome.OK, None)
        text = "".join(str(text) for kind, text, _ in done.shown if kind == "stdout")
        self.shown[run.cell] = Shown(text, None)
        self._count += 1
        self.session.step(RunFinished(run.cell, run.run, Outcome.OK, self._count, seen))
