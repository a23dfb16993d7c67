"""What runs leave in files and directories and find there, against what a fresh run would."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from os.path import lexists
from pathlib import Path
from typing import Protocol

from .cell import CellId, Resource
from .event import Run
from .files import Touched
from .graph import shared
from .namespace import Namespace, Place


class Document(Protocol):
    """What has to be known of the document."""

    def in_force(self, name: Resource, cell: CellId) -> CellId | None: ...


class OnDisk:
    """Nobody puts files back: it can be said who made them, and who finds another one than it should."""

    def __init__(self, names: Namespace, document: Document, texts: Mapping[CellId, str]) -> None:
        self._names = names
        self._document = document
        # What the cells that have run ran on.
        self._texts = texts
        # For cells that listed directories: what they met there of cells below, or of runs of their own.
        self._met: dict[CellId, frozenset[Resource]] = {}
        # For cells that write on in files: those that others had begun.
        self._begun: dict[CellId, frozenset[Resource]] = {}

    def forget(self, cell: CellId) -> None:
        """The cell has run, and met nothing in any directory."""
        self._met.pop(cell, None)

    def traces(self, run: Run) -> frozenset[Resource]:
        """Files that only earlier runs of the cell itself have made, as far as a fresh run would go."""
        return frozenset(
            name
            for name in self._names.made(run.cell)
            if is_file(name) and _is_there(name)
            if self._document.in_force(name, run.cell) is None
        )

    def outdated(self, run: Run, touched: Touched, traces: Collection[Resource]) -> frozenset[Place]:
        """What is gone now, and the cells above its makers that met it in a directory."""
        files = {name for name in touched.writes if is_file(name)}
        gone = frozenset(name for name in files if not _is_there(name))
        self.forget(run.cell)
        found = frozenset((cell, name) for cell, met in self._met.items() for name in met & gone)
        if any(name.startswith("dir:") for name in touched.reads):
            listed = {name for name in traces if _folder(name) in touched.reads}
            # What it makes itself it would meet in a fresh run, too.
            early = frozenset(self._early(run, touched.reads)) - touched.writes
            self._met[run.cell] = early | listed
        return found

    def _early(self, run: Run, reads: Collection[Resource]) -> Iterator[Resource]:
        """What is in the directories that a run listed, and only cells below it make."""
        # Also what a cell made whose new text says nothing of it.
        for name in self._names.outside:
            if is_file(name) and _folder(name) in reads:
                makers = self._names.makers(name)
                alone = makers and run.cell not in makers and self._document.in_force(name, run.cell) is None
                if alone and _is_there(name):
                    yield name

    def overtaken(self, run: Run, touched: Touched) -> str | None:
        """Does the run read a file that would not be there, or would be another, in a fresh run?"""
        listed = {name for name in self._names.orphans if _folder(name) in touched.reads}
        begun = self._begun_by_others(run, touched)
        for name in sorted({*touched.reads, *filter(_is_there, listed)}):
            if not is_file(name):
                continue
            # Before they write a file some look whether it is there: that is no reading of it.
            asked = name in touched.looked and name in touched.writes and _is_there(name)
            gone = name in touched.cleared and not _is_there(name)
            if asked or gone or self._document.in_force(name, run.cell) is not None:
                continue
            path = name.partition(":")[2]
            if any(writer != run.cell for writer in self._names.makers(name)):
                return f"It reads `{path}`, which a cell below has written since: nobody can put that back."
            if name in self._names.orphans or name in begun or self._wrote_before(run, name):
                return (
                    f"It reads `{path}`, which was written by a cell that does not write it any more:"
                    " remove the file, or have a cell write it."
                )
        return None

    def _begun_by_others(self, run: Run, touched: Touched) -> frozenset[Resource]:
        """The files that the run wrote on in, and that another cell, now or at an earlier run, had begun."""
        known = self._begun.pop(run.cell, frozenset[Resource]())
        written_on = (name for name in touched.reads & touched.writes if is_file(name) and _is_there(name))
        begun = frozenset(
            name
            for name in written_on
            if name in known or self._document.in_force(name, run.cell) not in (None, run.cell)
        )
        if begun:
            self._begun[run.cell] = begun
        return begun

    def _wrote_before(self, run: Run, name: Resource) -> bool:
        """Is the file one that only an earlier text of the cell wrote?"""
        wrote = self._names.version(run.cell, name) is True
        return wrote and self._texts.get(run.cell, run.source) != run.source

    def overwritten(self, run: Run, writes: Collection[Resource]) -> frozenset[Place]:
        """The versions of files, and of what is in directories, that are not there any more."""
        found: set[Place] = set()
        for name in writes:
            if not is_file(name):
                continue
            folder = _folder(name)
            for writer in self._names.makers(name):
                if writer != run.cell:
                    found.add((writer, name))
                    # Is there an entry now where there was none, or none where there was one?
                    if self._names.version(writer, name) is not _is_there(name):
                        found.add((writer, folder))
        self._names.spend(found)
        return frozenset(found)


def is_file(resource: Resource) -> bool:
    """Is it one file, of which it can be said who made it?"""
    return resource[:5] == "file:" and not shared(resource)


def _folder(file: Resource) -> Resource:
    return f"dir:{Path(file[5:]).parent}"


def _is_there(file: Resource) -> bool:
    return lexists(file[5:])
