"""What does not fit into memory: one SQLite file per kernel, made when it is first needed."""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from pathlib import Path
from threading import Lock

# A piece has about a megabyte. In large pages, with a cache that holds it, it is written five times as fast.
PRAGMAS = """
PRAGMA page_size=32768; PRAGMA cache_size=-1536;
PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE;
"""
SCHEMA = "CREATE TABLE piece (id INTEGER PRIMARY KEY, body BLOB NOT NULL)"


class Spill:
    """Numbered pieces of bytes on disk. Any thread may call; nothing survives `close`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._database: sqlite3.Connection | None = None
        self._closed = False
        self._sizes: dict[int, int] = {}
        self._holders: dict[int, int] = {}
        self._released: deque[int] = deque()
        self._next = 0
        self.size = 0

    def put(self, *bodies: bytes) -> list[int]:
        """Keep each of these; answers their numbers."""
        with self._lock:
            rows = [(self._next + place, body) for place, body in enumerate(bodies, 1)]
            self._open().executemany("INSERT INTO piece VALUES (?, ?)", rows)
            for number, body in rows:
                self._sizes[number] = len(body)
                self.size += len(body)
            self._next += len(rows)
            self._shrink()
            return [number for number, _ in rows]

    def get(self, number: int) -> bytes | None:
        """The piece of this number; none if it was dropped."""
        with self._lock:
            if self._closed or number not in self._sizes:
                return None
            row: tuple[bytes] = (
                self._open().execute("SELECT body FROM piece WHERE id = ?", (number,)).fetchone()
            )
            self._shrink()
            return row[0]

    def _shrink(self) -> None:
        """Its cache is of use within one call; with many files it would hold more than their records."""
        self._open().execute("PRAGMA shrink_memory")

    def hold(self, number: int) -> bool:
        """Keep this piece until it was dropped or released once more; false if it has gone already."""
        with self._lock:
            held = number in self._sizes
            if held:
                self._holders[number] = self._holders.get(number, 1) + 1
            return held

    def release(self, number: int) -> None:
        """Drop the piece when it suits: takes no lock, so a finalizer may call it at any moment."""
        self._released.append(number)

    def sweep(self) -> None:
        """Drop what was released."""
        if self._released:
            self.drop(*(self._released.popleft() for _ in range(len(self._released))))

    def drop(self, *numbers: int) -> None:
        with self._lock:
            self._drop(list(numbers))

    def _drop(self, numbers: list[int]) -> None:
        known = [number for number in numbers if number in self._sizes and self._is_last(number)]
        if self._closed or not known:
            return
        self._open().executemany("DELETE FROM piece WHERE id = ?", [(number,) for number in known])
        self.size -= sum(self._sizes.pop(number) for number in known)

    def _is_last(self, number: int) -> bool:
        holders = self._holders.pop(number, 1) - 1
        if holders > 1:
            self._holders[number] = holders
        return holders == 0

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._database is not None:
                self._database.close()
                self._database = None
                self._path.unlink(missing_ok=True)

    def _open(self) -> sqlite3.Connection:
        if self._closed:
            raise ValueError("The kernel's records are closed.")
        if self._database is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            # Outputs hold secrets: the file is nobody else's from its first moment.
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self._database = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            # The file ends with this process, so nothing has to survive a crash: no journal, no fsync.
            self._database.executescript(PRAGMAS)
            self._database.execute(SCHEMA)
        return self._database


def sweep(directory: Path) -> None:
    """Delete what servers left that were killed: files end with the number of their process."""
    for path in directory.glob("*-*.sqlite"):
        owner = path.stem.rpartition("-")[2]
        if owner.isdigit() and not _runs(int(owner)):
            path.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    if os.name != "posix":
        return True  # to ask would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
