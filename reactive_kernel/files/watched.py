# A path object for each event would cost more than the event.
# ruff: noqa: PTH112, PTH117, PTH118, PTH120, PTH208
"""What one run has touched so far."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field

from ..fixed import fixed
from .paths import NOISE, below, count_names, cwd, directory_of, is_link, is_noise, text_of
from .stamps import FOLDER, Stamp, lasting, stamp_of, tree_of

# So many paths that one run reads are told apart.
_PATHS = 2000


@fixed
class Session:
    """What is remembered from run to run."""

    # Paths made by some run. A rerun finds them there, and counts as their maker all the same.
    made: set[str] = field(default_factory=set[str])
    # Files that databases are kept in -> the database's own. Open connections, by their identity.
    databases: dict[str, str] = field(default_factory=dict[str, str])
    connections: dict[int, str] = field(default_factory=dict[int, str])


class Watched:
    """What one run has touched so far."""

    def __init__(self, session: Session) -> None:
        self.thread = threading.get_ident()
        # Taken from outside: contents or existence, and listings. Beyond the bound directories are kept.
        # Of those that it read, the files of which it only asked whether they are there.
        self.looked: set[str] = set()
        self._looking = False
        self.read: set[str] = set()
        self.listed: set[str] = set()
        self.folded: set[str] = set()
        # Paths changed -> did they exist before? Those that hold nothing from outside any more. Directories.
        self.changed: dict[str, bool] = {}
        self.replaced: set[str] = set()
        self.folders: set[str] = set()
        # To be gone, whatever was there: nobody had asked before.
        self.cleared: set[str] = set()
        # Rewritten while they had other names (hard links).
        self.several: set[str] = set()
        # Made only if nothing stood there, which makes it a read, too.
        self.exclusive: set[str] = set()
        # Files that may change unseen, and trees that programs may change, as they were.
        self.stamps: dict[str, Stamp | None] = {}
        self.trees: dict[str, Mapping[str, Stamp] | None] = {}
        # Where everything may have been read; and what was the run's own before a program started.
        self.opaque: set[str] = set()
        self.own: frozenset[str] | None = None
        # Modules that the notebook's own code asked for.
        self.imports: set[str] = set()
        self.relative = False
        self.made = session.made
        self.databases = session.databases
        self.connections = session.connections
        # What each thread is connecting to.
        self.connecting: dict[int, str] = {}
        self._real: dict[str, str] = {}

    def idle(self) -> bool:
        return not (
            self.read
            or self.listed
            or self.changed
            or self.opaque
            or self.stamps
            or self.trees
            or self.imports
        )

    # Paths

    def place(self, path: object, directory: object = -1) -> str | None:
        """Where a path leads, the links of its directory followed; None where nobody's work is."""
        text = text_of(path)
        if text is None or text.startswith(NOISE):
            return None
        relative = not os.path.isabs(text)
        if relative:
            base = directory_of(directory) if isinstance(directory, int) and directory >= 0 else cwd()
            if base is None:
                return None
            text = os.path.join(base, text)
        full = self._resolved(text)
        if full.startswith(NOISE) or is_noise(full):
            return None
        if relative and directory == -1:
            self.relative = True
        return full

    def _resolved(self, text: str) -> str:
        head, tail = os.path.split(text)
        if tail in ("", os.curdir, os.pardir):
            head, tail = text, ""
        # Programs move things unheard.
        real = self._real.get(head) if self.own is None else None
        if real is None:
            real = self._real[head] = os.path.realpath(head)
        return os.path.join(real, tail) if tail else real

    def moved(self) -> None:
        """Directories or links are not where they were."""
        self._real.clear()

    def followed(self, full: str) -> str:
        """What a path stands for, if it is a link."""
        return os.path.realpath(full) if is_link(full) else full

    # Deeds

    @contextmanager
    def looking(self) -> Generator[None, None, None]:
        """Within, the run asks whether files are there; it does not look into them."""
        self._looking = True
        try:
            yield
        finally:
            self._looking = False

    def reads(self, full: str) -> None:
        if not self._looking:
            self.looked.discard(full)
        elif full not in self.read:
            self.looked.add(full)
        self._adds(full)

    def _adds(self, full: str) -> None:
        if full in self.replaced or full in self.read:
            return
        if len(self.read) < _PATHS:
            self.read.add(full)
        else:
            self.folded.add(os.path.dirname(full))

    def reads_through(self, full: str) -> None:
        """A read that follows a link depends on the link and on what is behind it."""
        if not self._looking:
            self.looked.discard(full)
        if full in self.read or full in self.replaced:
            return
        if is_link(full):
            self.reads(os.path.realpath(full))
        self.reads(full)

    def lists(self, full: str) -> None:
        if full not in self.replaced:
            self.listed.add(full)

    def searches(self, full: str) -> None:
        """Each entry of a directory may have been looked at, too."""
        self.lists(full)
        if full not in self.replaced and os.path.isdir(full):
            for name in os.listdir(full):
                if not is_noise(path := os.path.join(full, name)):
                    self.reads(path)

    def takes_all(self, full: str) -> None:
        """Everything below a directory is read."""
        inside = tree_of(full)
        if inside is None:
            self.opaque.add(full)
            return
        for path, stamp in {**inside, full: FOLDER}.items():
            (self.lists if stamp == FOLDER else self.reads)(path)

    def rewrites(self, full: str) -> None:
        """What a file holds becomes other under all its names."""
        if count_names(full) > 1:
            self.several.add(full)

    def changes(self, full: str) -> None:
        self.reads(full)
        self.changed.setdefault(full, os.path.lexists(full))

    def replaces(self, full: str) -> None:
        self.changed.setdefault(full, os.path.lexists(full))
        self.replaced.add(full)

    def clears(self, full: str) -> None:
        """Everything below a path is to be gone."""
        if full not in self.read and full not in self.changed:
            self.cleared.add(full)
        if not os.path.lexists(full):
            # Nobody will remove it, then.
            self.takes_away(full)

    def removes(self, full: str) -> None:
        asked = full in self.read and os.path.dirname(full) not in self.cleared
        if not asked and (full not in self.changed or self._would_have_replaced(full)):
            self.cleared.add(full)
        self.takes_away(full)

    def _would_have_replaced(self, full: str) -> bool:
        """A file of the run's own that takes the place of whatever stands there; temporary ones take none."""
        return full in self.replaced and full not in self.exclusive

    def takes_away(self, full: str) -> None:
        if is_link(full):
            self.moved()
        self.reads(full)
        self.replaces(full)

    def makes_folder(self, full: str, *, own: bool) -> None:
        """`own`: nobody else is to have made it."""
        if not os.path.lexists(full):
            self.replaces(full)
            self.folders.add(full)
            if own:
                self.exclusive.add(full)
        elif full in self.made:
            self.changed.setdefault(full, True)
            self.folders.add(full)
        else:
            self.reads(full)

    def renames(self, source: str | None, target: str | None) -> None:
        if source is not None and not is_link(source) and os.path.isdir(source):
            self._renames_below(source, target)
        if source is not None:
            self.takes_away(source)
        if target is not None:
            self.replaces(target)
        self.moved()

    def _renames_below(self, source: str, target: str | None) -> None:
        inside = tree_of(source)
        if inside is None:
            self.trees[source] = None
            return
        for path, stamp in {**inside, source: FOLDER}.items():
            self.takes_away(path)
            moved = None if target is None else target + path[len(source) :]
            if moved is not None:
                self.replaces(moved)
            if stamp == FOLDER:
                self.folders.update((path, moved) if moved is not None else (path,))

    def missed(self, name: str) -> Iterator[str]:
        """Where a module that was not found would have been."""
        for folder in sys.path:
            full = self.place(os.path.join(folder, name))
            if full is not None:
                yield full
                yield f"{full}.py"

    # What cannot be seen as it happens

    def look_after(self, path: str) -> None:
        """A file may change unseen: remember how it is."""
        if path not in self.stamps:
            self.stamps[path] = stamp_of(path, lasting)

    def connects(self, full: str) -> None:
        """A database is opened; what is done to it later raises no event."""
        self.reads_through(full)
        full = self.followed(full)
        self.connecting[threading.get_ident()] = full
        for path in (full, f"{full}-wal", f"{full}.wal"):
            self.look_after(path)
            self.databases[path] = full

    def connected(self, connection: object) -> None:
        """The one that this thread wanted is there. Its identity may be that of one that is gone."""
        path = self.connecting.pop(threading.get_ident(), None)
        if path is None:
            self.connections.pop(id(connection), None)
        else:
            self.connections[id(connection)] = path

    def starts_program(self, *extra: str) -> None:
        if self.own is None:
            self.own = frozenset(self.replaced)
        self.becomes_opaque(*extra)

    def becomes_opaque(self, *extra: str) -> None:
        """Another program may read and write whatever lies below where it works."""
        self.relative = True
        for top in {os.path.realpath(path) for path in (cwd(), *extra) if path is not None}:
            self.opaque.add(top)
            self.grows_in(top)

    def grows_in(self, top: str) -> None:
        """Files may change unseen in a directory: remember how it is."""
        if not any(below(top, known) for known in self.trees):
            self.trees[top] = tree_of(top, lasting)

    def names(self, path: str) -> None:
        """A program is told of a path: it may read and write there."""
        full = self.place(path)
        if full is None:
            return
        if os.path.isdir(full):
            self.starts_program(full)
        elif os.path.isdir(os.path.dirname(full)) and not any(below(full, top) for top in self.opaque):
            self.reads_through(full)
            self.look_after(self.followed(full))
