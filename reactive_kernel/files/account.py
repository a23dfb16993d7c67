# A path object for each event would cost more than the event.
# ruff: noqa: PTH112, PTH120
"""Sums up what a run touched, when it is over."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import field
from typing import Final

from ..cell import NOTHING, Resource
from ..fixed import fixed
from .paths import below, count_names
from .stamps import ENTRIES, FOLDER, Stamp, stamp_of, tree_of, unchanged
from .watched import Watched

ANY_FILE: Final[Resource] = "file:*"
# So many paths that one run writes are told apart.
_WRITES = 10_000
_TOO_LARGE: Final = (
    f"It starts a program or moves a directory, and there are too many files (more than {ENTRIES:,}, or a "
    "slow disk) to see which ones changed. Work in a smaller directory."
)


@fixed
class Touched:
    """What a run took from files and directories, and what it left behind."""

    reads: frozenset[Resource] = NOTHING
    writes: frozenset[Resource] = NOTHING
    # Why nobody can say what was touched, if so.
    unproven: str | None = None
    # Some path was looked up from the working directory.
    relative: bool = False
    # A program was started.
    opaque: bool = False
    # The part of `reads` of which the run only asked whether they are there.
    looked: frozenset[Resource] = field(default=NOTHING, compare=False)
    # The part of `writes` that was to be gone and was not there, which the run took well: who removes what is
    # there might not have.
    cleared: frozenset[Resource] = field(default=NOTHING, compare=False)


class Account:
    """Sums a run up when it is over."""

    def __init__(self, run: Watched, written: Collection[Resource]) -> None:
        self._run = run
        self._written = written if isinstance(written, (Set, Mapping)) else frozenset(written)
        self._reads: set[Resource] = set()
        self._writes: set[Resource] = set()
        self._unproven: str | None = None

    def touched(self) -> Touched:
        run = self._run
        compared = [self._compare(top, before) for top, before in run.trees.items()]
        self._unproven = None if all(compared) else _TOO_LARGE
        self._compare_stamps()
        self._sum_up_changes()
        self._sum_up_reads()
        if self._writes or self._unproven:
            self._writes.add(ANY_FILE)
        return Touched(
            reads=frozenset(self._reads),
            writes=frozenset(self._writes),
            looked=frozenset(f"file:{path}" for path in run.looked),
            cleared=frozenset(f"file:{path}" for path in run.cleared if not run.changed.get(path, True)),
            unproven=self._unproven,
            relative=run.relative,
            opaque=bool(run.opaque),
        )

    def _sum_up_changes(self) -> None:
        run = self._run
        for path, existed in run.changed.items():
            names = count_names(path)
            # Who would have removed what is not there removes what comes to be there.
            meant = path in run.cleared or f"file:{path}" in self._written
            if existed or names or meant:
                self._changes(path, existed=existed, exists=names > 0)
                if names > 1 and path not in run.exclusive:
                    run.several.add(path)
            elif not os.path.isdir(parent := os.path.dirname(path)) and parent not in run.replaced:
                # Writing failed for want of the directory.
                self._reads.add(f"file:{parent}")
        if run.several:
            path = min(run.several)
            self._unproven = f"It writes `{path}`, which has other names (hard links): nobody knows them."
        if len(run.changed) > _WRITES:
            self._unproven = f"It writes more than {_WRITES:,} files, too many to follow each of them."
            self._writes = {name for name in self._writes if name.startswith("dir:")}

    def _changes(self, path: str, *, existed: bool, exists: bool) -> None:
        run = self._run
        self._writes.add(f"file:{path}")
        parent = os.path.dirname(path)
        if path in run.exclusive and path not in run.folders:
            self._reads.add(f"file:{path}")
        if path in run.folders or (not existed and os.path.isdir(path)):
            self._writes.add(f"dir:{path}")
        if exists is not existed or path in run.made or (path in run.cleared and not exists):
            self._writes.add(f"dir:{parent}")
        if not exists:
            run.made.discard(path)
        elif not existed:
            run.made.add(path)
        # Who clears or makes a directory comes before those who fill it.
        if parent not in run.replaced and f"file:{parent}" in self._written:
            self._reads.add(f"file:{parent}")

    def _sum_up_reads(self) -> None:
        run = self._run
        self._reads.update(f"file:{path}" for path in run.read)
        self._reads.update(f"dir:{path}" for path in run.listed)
        for name in run.imports:
            if name not in sys.modules:
                self._reads.update(f"file:{path}" for path in run.missed(name))
        if run.opaque or run.folded:
            self._reads.update(self._perhaps_read())
            self._reads.add(ANY_FILE)

    def _perhaps_read(self) -> Iterator[Resource]:
        """What other cells write and this run may have looked at unseen."""
        run = self._run
        own = run.own or frozenset[str]()
        for name in self._written:
            path = name.partition(":")[2]
            folded = path not in run.replaced and os.path.dirname(path) in run.folded
            if folded or (path not in own and any(below(path, top) for top in run.opaque)):
                yield name

    def _compare(self, top: str, before: Mapping[str, Stamp] | None) -> bool:
        """Note what changed in a tree; False where that cannot be said."""
        after = None if before is None else tree_of(top)
        if before is None or after is None:
            return False
        changed = self._run.changed
        for path in before.keys() | after.keys():
            old, new = before.get(path), after.get(path)
            if not unchanged(path, old, new):
                changed.setdefault(path, old is not None)
                if FOLDER in (old, new):
                    self._run.folders.add(path)
        return True

    def _compare_stamps(self) -> None:
        run = self._run
        for path, old in run.stamps.items():
            full = run.databases.get(path, path)
            if full not in run.changed and not unchanged(path, old, stamp_of(path)):
                # Nobody saw whether the change built upon what was there.
                run.reads(full)
                run.changed[full] = old is not None or full != path
