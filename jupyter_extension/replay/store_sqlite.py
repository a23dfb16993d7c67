"""Records for all servers of one machine, in one SQLite file."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from .log import Cursor
from .packed import packed, unpacked
from .store import ENDED, Astray, Held, StoreLost

SCHEMA = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS kernel (
    name TEXT PRIMARY KEY, epoch TEXT, base INTEGER, seq INTEGER, ended INTEGER,
    keeper TEXT, until REAL, expires REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS past (kernel TEXT, place INTEGER, body BLOB, PRIMARY KEY (kernel, place));
CREATE TABLE IF NOT EXISTS piece (
    kernel TEXT, epoch TEXT, last INTEGER, body BLOB, PRIMARY KEY (kernel, epoch, last)
);
"""
LOOK = 0.05  # seconds between two looks for what another server has written
PATIENCE = 10.0  # seconds to wait for another server's turn
AT_ONCE = 4  # pieces that are read together


class SqliteStore:
    def __init__(self, path: str, age: float) -> None:
        self._path = Path(path).expanduser()
        self._age = age
        self._lock = Lock()
        self._open: sqlite3.Connection | None = None

    def append(self, kernel: str, epoch: str, first: int, lines: list[bytes]) -> None:
        with self._turn() as database:
            row = database.execute("SELECT epoch, seq FROM kernel WHERE name = ?", (kernel,)).fetchone()
            if row is None or row[0] != epoch or first > row[1] + 1:
                raise Astray
            seq: int = row[1]
            if new := lines[seq + 1 - first :]:
                last = seq + len(new)
                database.execute("INSERT INTO piece VALUES (?, ?, ?, ?)", (kernel, epoch, last, packed(new)))
                database.execute("UPDATE kernel SET seq = ? WHERE name = ?", (last, kernel))

    def read(self, kernel: str, epoch: str, after: int) -> list[bytes]:
        with self._turn("BEGIN") as database:
            rows = database.execute(
                "SELECT last, body FROM piece WHERE kernel = ? AND epoch = ? AND last > ?"
                " ORDER BY last LIMIT ?",
                (kernel, epoch, after, AT_ONCE),
            ).fetchall()
        return [line for last, body in rows for line in following(last, body, after)]

    def tail(self, kernel: str, epoch: str, after: int, seconds: float) -> list[bytes]:
        deadline = time.monotonic() + seconds
        while not (lines := self.read(kernel, epoch, after)) and time.monotonic() < deadline:
            time.sleep(LOOK)
        return lines

    def trim(self, kernel: str, cursor: Cursor, parts: Iterable[bytes]) -> None:
        # Drawn before the turn: it may take long.
        rows = [(kernel, place, part) for place, part in enumerate(parts)]
        with self._turn() as database:
            self._sweep(database)
            kept = database.execute("SELECT keeper, until FROM kernel WHERE name = ?", (kernel,)).fetchone()
            self._forget(database, kernel)
            database.executemany("INSERT INTO past VALUES (?, ?, ?)", rows)
            standing = (kernel, cursor.epoch, cursor.seq, cursor.seq, 0, *(kept or ("", 0.0)))
            database.execute(
                "INSERT INTO kernel VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*standing, time.time() + self._age)
            )

    def past(self, kernel: str) -> list[bytes]:
        with self._turn("BEGIN") as database:
            rows = database.execute("SELECT body FROM past WHERE kernel = ? ORDER BY place", (kernel,))
            return [body for (body,) in rows]

    def held(self, kernel: str) -> Held | None:
        now = time.time()
        with self._turn("BEGIN") as database:
            row = database.execute(
                "SELECT epoch, base, seq, CASE WHEN until > ? THEN keeper ELSE '' END, ended"
                " FROM kernel WHERE name = ? AND expires > ?",
                (now, kernel, now),
            ).fetchone()
        return None if row is None else Held(*row[:4], ended=bool(row[4]))

    def hold(self, kernel: str, keeper: str, seconds: float) -> bool:
        now = time.time()
        with self._turn() as database:
            done = database.execute(
                "UPDATE kernel SET keeper = ?, until = ?, expires = ? WHERE name = ?",
                (keeper, now + seconds, now + self._age, kernel),
            )
            return done.rowcount == 1

    def end(self, kernel: str) -> None:
        with self._turn() as database:
            database.execute(
                "UPDATE kernel SET ended = 1, until = 0, expires = ? WHERE name = ?",
                (time.time() + ENDED, kernel),
            )

    def close(self) -> None:
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    @staticmethod
    def _forget(database: sqlite3.Connection, kernel: str) -> None:
        for table, column in (("kernel", "name"), ("past", "kernel"), ("piece", "kernel")):
            database.execute(f"DELETE FROM {table} WHERE {column} = ?", (kernel,))  # noqa: S608  # our own words

    def _sweep(self, database: sqlite3.Connection) -> None:
        gone = database.execute("SELECT name FROM kernel WHERE expires <= ?", (time.time(),)).fetchall()
        for (kernel,) in gone:
            self._forget(database, kernel)

    @contextmanager
    def _turn(self, begin: str = "BEGIN IMMEDIATE") -> Generator[sqlite3.Connection, None, None]:
        """A transaction of our own; of a reader, if it begins as one."""
        try:
            with self._lock, self._connected() as database:
                database.execute(begin)
                yield database
        except (sqlite3.Error, OSError) as error:
            raise StoreLost(str(error)) from error

    def _connected(self) -> sqlite3.Connection:
        if self._open is None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Outputs hold secrets: the file is nobody else's from its first moment.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
            self._open = sqlite3.connect(self._path, PATIENCE, isolation_level=None, check_same_thread=False)
            self._open.executescript(SCHEMA)
        return self._open


def following(last: int, piece: bytes, after: int) -> list[bytes]:
    """The lines of the piece that follow the number `after`; the piece ends with the number `last`."""
    lines = unpacked(piece)
    return lines[max(0, len(lines) - (last - after)) :]
