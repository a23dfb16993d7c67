"""What a run did to files and directories.

Python tells an audit hook which files it opens, lists, renames and removes (`hook.py`, `events.py`). It does
not tell of tests of existence (`lookups.py` wraps `os.stat` and its kin), of what libraries read and
write by themselves (`native.py` wraps their entry points on import), and of what other programs do
(`stamps.py` compares the tree below the working directory with what it was before). `watched.py` keeps what a
run did, `account.py` sums it up.

Resources: `file:PATH` is what a path holds, and whether it exists; `dir:PATH` is which entries a directory
has; `file:*` is any file. A reader of one of the last two takes what all writers above left together.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from itertools import islice
from typing import Final

from ..cell import Resource
from ..fixed import altered
from .account import ANY_FILE, Account, Touched
from .events import HEARD
from .handles import may_hold_file, touch
from .hook import ear
from .lookups import wrap_tests
from .native import SILENT, wrap_libraries
from .watched import Session, Watched

__all__ = ["ANY_FILE", "Files", "Touched"]

# Files that the document writes and that libraries may write unseen: so many are looked at around each run.
_KNOWN = 64
_UNTOUCHED: Final = Touched()


class Files:
    """Watches runs, one at a time."""

    def __init__(self) -> None:
        self._session = Session()
        self._known: tuple[str, ...] = ()
        self._run: Watched | None = None
        # What the run may touch through files that earlier cells left open, even if it closes them.
        self._left_open = _UNTOUCHED

    def start(self, values: Iterable[object] = (), *, opaque: bool) -> None:
        """A run on those values begins in this thread; `opaque`: its source says that it starts programs."""
        self._left_open = _UNTOUCHED
        self._left_open = self.behind(values)
        if ear.install(HEARD):
            wrap_tests()
            wrap_libraries()
        run = self._run = Watched(self._session)
        for path in (*self._known, *self._session.databases):
            run.look_after(path)
        if opaque:
            run.becomes_opaque()
        ear.run = run

    def stop(self, written: Collection[Resource]) -> Touched:
        """The run is over, if it was watched; `written`: the files that other cells are known to write."""
        run, self._run, ear.run = self._run, None, None
        self._known = ()
        if written and not sys.modules.keys().isdisjoint(SILENT):
            self._known = tuple(
                name[5:] for name in islice(written, _KNOWN) if name.startswith("file:") and name != ANY_FILE
            )
        return _UNTOUCHED if run is None or run.idle() else Account(run, written).touched()

    def behind(self, values: Iterable[object]) -> Touched:
        """What a run may touch through open files and connections that earlier runs left in names."""
        holders = [value for value in values if may_hold_file(value)]
        if not holders:
            return self._left_open
        run = Watched(self._session)
        for value in holders:
            touch(run, value)
        found, before = _UNTOUCHED if run.idle() else Account(run, ()).touched(), self._left_open
        return altered(found, reads=found.reads | before.reads, writes=found.writes | before.writes)
