"""The record of one kernel: every message under a dense number, in memory first, then on disk."""

from __future__ import annotations

import json
import sqlite3
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from threading import RLock
from typing import TypeAlias

from .fold import Fold, Frozen
from .heap import give_back
from .message import Head, Message, line_of, output_in
from .packed import packed, unpacked
from .shelf import Shelved
from .spill import Spill

PIECE = 1 << 20  # bytes of records that leave memory together
PART = 1 << 20  # bytes of a snapshot that are sent together
LINE = 50  # bytes that a record costs in memory beside its own
LARGE = 1 << 16  # bytes of a record that is written alone, for a cell may show it from there


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept of a kernel."""

    memory: int = 8 << 20
    disk: int = 1 << 30
    age: float = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a record: all up to `seq` is known."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Records `first` to `last`, on disk; a single one as it is."""

    first: int
    last: int
    number: int
    written: float


@dataclass(slots=True)
class Epoch:
    """The records of one process. `lines` begin after what is on disk; up to `floor` nothing is left."""

    name: str
    seq: int = 0
    floor: int = 0
    lines: list[bytes] = field(default_factory=list[bytes])
    size: int = 0
    pieces: list[Piece] = field(default_factory=list[Piece])
    readers: int = 0
    successor: Epoch | None = None

    @property
    def first(self) -> int:
        """The number of the first record in memory."""
        return self.seq - len(self.lines) + 1

    def cut(self, size: int) -> list[bytes]:
        """The oldest lines in memory that have this size together, or a large one; they stay."""
        cut: list[bytes] = []
        for line in self.lines:
            if size <= 0 or (cut and len(line) > LARGE):
                break
            cut.append(line)
            if len(line) > LARGE:
                break
            size -= len(line) + LINE
        return cut

    def forget(self, count: int) -> None:
        """Let go of the oldest lines in memory."""
        self.size -= sum(len(line) + LINE for line in self.lines[:count])
        del self.lines[:count]

    def holding(self, seq: int) -> Piece | None:
        place = bisect_right(self.pieces, seq, key=lambda piece: piece.first) - 1
        return self.pieces[place] if place >= 0 and seq <= self.pieces[place].last else None


# What a reader meets next.
@dataclass(frozen=True, slots=True)
class Lines:
    lines: list[bytes]


@dataclass(frozen=True, slots=True)
class OnDisk:
    piece: Piece


@dataclass(frozen=True, slots=True)
class Gap:
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class NewEpoch:
    pass


@dataclass(frozen=True, slots=True)
class Nothing:
    """All is read; more may come."""


@dataclass(frozen=True, slots=True)
class Ended:
    """All is read, and the kernel is gone."""


Step: TypeAlias = Lines | OnDisk | Gap | NewEpoch | Nothing | Ended


@dataclass(frozen=True, slots=True)
class Welcome:
    epoch: str
    seq: int
    floor: int
    execution_state: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is to be seen after record `seq`."""

    epoch: str
    seq: int
    fold: Frozen

    def parts(self) -> Iterator[bytes]:
        """The messages that bring it to a client; reads from disk what is there."""
        head = json.dumps({"type": "snapshot", "epoch": self.epoch, "seq": self.seq})[:-1].encode()
        cells: list[bytes] = []
        other: list[bytes] = []
        size = 0
        for kind, drawn in self._pieces():
            if size and size + len(drawn) > PART:
                yield _part(head, cells, other, b', "more": true}')
                cells, other, size = [], [], 0
            (cells if kind == "cell" else other).append(drawn)
            size += len(drawn)
        yield _part(head, cells, other, b"}")

    def _pieces(self) -> Iterator[tuple[str, bytes]]:
        for run in self.fold.cells:
            yield "cell", run.drawn()
        for draw in self.fold.other:
            yield "other", draw()


def _part(head: bytes, cells: list[bytes], other: list[bytes], end: bytes) -> bytes:
    return b'%b, "cells": {%b}, "other": [%b]%b' % (head, b", ".join(cells), b", ".join(other), end)


class Log:
    """The record of one kernel. Any thread may call anything."""

    def __init__(
        self,
        epoch: str,
        *,
        spill: Spill,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
        complain: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._lock = RLock()
        self._spill = spill
        self._limits = limits or Limits()
        self._clock = clock
        self._complain = complain
        self._epoch = Epoch(epoch)
        self._fold = self._new_fold()
        # Large records: which number they have, then where they were written.
        self._large: dict[int, str] = {}
        self._written: dict[str, tuple[int, slice]] = {}
        self._readers = 0
        self._told = ""
        self._ended = False
        self._closed = False
        self._listeners: list[Callable[[], None]] = []
        self.records = 0
        self.bytes = 0
        self.gaps = 0

    def _new_fold(self) -> Fold:
        return Fold(self._spill, self._limits.memory // 2, self._recorded)

    # Writing

    def append(self, message: Message) -> None:
        """Give the message the next number. `tidy` and `announce` follow, once for many."""
        with self._lock:
            epoch = self._epoch
            epoch.seq += 1
            line = line_of(epoch.seq, message)
            epoch.lines.append(line)
            epoch.size += len(line) + LINE
            self.records += 1
            self.bytes += len(line)
            if len(line) > LARGE:
                self._large[epoch.seq] = message.msg_id
            self._fold.take(message)

    def begin(self, epoch: str) -> None:
        """A new process: its records start anew."""
        with self._lock:
            old, self._epoch = self._epoch, Epoch(epoch)
            old.successor = self._epoch
            self._large.clear()
            self._fold.restart()
            if not old.readers:
                self._abandon(old)

    def restore(self, cursor: Cursor, parts: Iterable[bytes]) -> None:
        """Stand where another log stood, with what these parts of its snapshot say; readers are told."""
        fold = self._new_fold()
        for part in parts:
            fold.recall(part)
        with self._lock:
            self.lose()
            if cursor.epoch != self._epoch.name:
                self.begin(cursor.epoch)
            self._epoch.seq = self._epoch.floor = cursor.seq
            self._fold = fold

    def inherit(self, parts: Iterable[bytes]) -> None:
        """Show what another log showed; what was said since then nobody knows, so that it takes a number."""
        self.restore(Cursor(self._epoch.name, 1), parts)
        with self._lock:
            self._fold.wonder()

    def lose(self) -> None:
        """Something was said that nobody can know any more: that takes a number, too."""
        with self._lock:
            self._epoch.seq += 1
            self._raise_floor(self._epoch, self._epoch.seq)
            self._epoch.forget(len(self._epoch.lines))
            self._large.clear()

    def forget(self, cells: list[str]) -> None:
        with self._lock:
            self._fold.forget(cells)

    def answered(self, parent: str) -> None:
        with self._lock:
            self._fold.answered(parent)

    def end(self) -> None:
        """The kernel is gone: when the last reader has left, nothing is left behind."""
        with self._lock:
            self._ended = True
            self._close_if_unread()

    def close(self) -> None:
        """Leave nothing behind, whoever reads."""
        with self._lock:
            self._ended = self._closed = True
            self._spill.close()

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def is_read(self) -> bool:
        return self._readers > 0

    def _close_if_unread(self) -> None:
        if self._ended and not self._readers:
            self.close()

    # Telling that there is more to read

    def listen(self, listener: Callable[[], None]) -> None:
        with self._lock:
            self._listeners = [*self._listeners, listener]

    def unlisten(self, listener: Callable[[], None]) -> None:
        with self._lock:
            self._listeners = [other for other in self._listeners if other != listener]

    def announce(self) -> None:
        for listener in self._listeners:
            listener()

    # Keeping to the limits

    def tidy(self) -> None:
        """Move to disk what memory has too much of, and drop what disk has too much of."""
        limit = self._limits.memory // 2
        while self._epoch.size > limit:
            with self._lock:
                epoch, first = self._epoch, self._epoch.first
                lines = epoch.cut(min(PIECE, epoch.size - limit // 2))
            last = first + len(lines) - 1
            try:
                # Written without the lock: a slow disk holds up nobody who reads or records.
                [number] = self._spill.put(packed(lines) if len(lines) > 1 else lines[0])
            except (sqlite3.Error, OSError) as error:
                self._complain(f"records {first} to {last} are lost, the disk does not take them: {error}")
                with self._lock:
                    self._raise_floor(epoch, last)
                    epoch.forget(len(lines))
                    self._large.pop(first, None)
                continue
            with self._lock:
                epoch.pieces.append(Piece(first, last, number, self._clock()))
                epoch.forget(len(lines))
                if epoch is self._epoch and first in self._large:
                    self._written[self._large.pop(first)] = number, output_in(lines[0])
            del lines
            give_back()
        with self._lock:
            self._tidy_fold()
            self._age()

    def _recorded(self, msg_id: str, head: Head) -> Shelved | None:
        """The output as it stands in a record on disk."""
        number, output = self._written.get(msg_id, (0, slice(0)))
        held = self._spill.hold(number)
        return (
            Shelved(self._spill, number, output.stop - output.start, head=head, part=output) if held else None
        )

    def _tidy_fold(self) -> None:
        try:
            self._spill.sweep()
            self._fold.tidy()
        except (sqlite3.Error, OSError) as error:
            self._complain(f"outputs stay in memory, the disk does not take them: {error}")

    def _age(self) -> None:
        epoch, oldest = self._epoch, self._clock() - self._limits.age
        floor, full = epoch.floor, self._spill.size > self._limits.disk
        while epoch.pieces and (self._spill.size > self._limits.disk or epoch.pieces[0].written < oldest):
            self._raise_floor(epoch, epoch.pieces[0].last)
        if epoch.floor > floor and epoch.name != self._told:
            self._told = epoch.name
            why = "the disk may not hold more" if full else "they are too old"
            self._complain(f"its oldest records are dropped from now on, {why}; what cells show stays")
        excess = self._fold.shelved - self._limits.disk if self._spill.size > self._limits.disk else 0
        if excess > 0:
            self.gaps += 1
            given = self._fold.shed(excess)
            self._complain(f"{given:,} bytes of output are not kept, the disk may not hold more")
            self._spill.sweep()

    def _raise_floor(self, epoch: Epoch, floor: int) -> None:
        gone = [piece for piece in epoch.pieces if piece.last <= floor]
        epoch.pieces = epoch.pieces[len(gone) :]
        epoch.floor = floor
        self.gaps += 1
        self._drop(gone)

    def _abandon(self, epoch: Epoch) -> None:
        self._drop(epoch.pieces)
        epoch.pieces, epoch.lines, epoch.floor = [], [], epoch.seq

    def _drop(self, pieces: list[Piece]) -> None:
        numbers = {piece.number for piece in pieces}
        if self._written and numbers:
            self._written = {name: place for name, place in self._written.items() if place[0] not in numbers}
        self._spill.drop(*numbers)

    # Reading

    @property
    def cursor(self) -> Cursor:
        with self._lock:
            return Cursor(self._epoch.name, self._epoch.seq)

    @property
    def memory(self) -> int:
        return self._epoch.size + self._fold.size

    @property
    def disk(self) -> int:
        return self._spill.size

    @property
    def execution_state(self) -> str:
        with self._lock:
            return self._fold.execution_state

    def _welcome(self) -> Welcome:
        epoch = self._epoch
        return Welcome(epoch.name, epoch.seq, epoch.floor, self._fold.execution_state)

    def _snapshot(self) -> Snapshot:
        return Snapshot(self._epoch.name, self._epoch.seq, self._fold.frozen())

    def snapshot(self) -> Snapshot:
        with self._lock:
            return self._snapshot()

    def open(self, cursor: Cursor | None) -> tuple[Welcome, Snapshot | None, Reader]:
        """Start reading after the cursor, or after a snapshot if what follows it is not there any more."""
        with self._lock:
            epoch = self._epoch
            known = cursor is not None and cursor.epoch == epoch.name
            if known and cursor is not None and epoch.floor <= cursor.seq <= epoch.seq:
                return self._welcome(), None, Reader(self, epoch, cursor.seq)
            return self._welcome(), self._snapshot(), Reader(self, epoch, epoch.seq)

    def enter(self, epoch: Epoch) -> None:
        with self._lock:
            epoch.readers += 1
            self._readers += 1

    def leave(self, epoch: Epoch) -> None:
        with self._lock:
            epoch.readers -= 1
            self._readers -= 1
            if epoch.successor is not None and not epoch.readers:
                self._abandon(epoch)
            self._close_if_unread()

    def step(self, epoch: Epoch, seq: int, size: int) -> Step:
        """What follows the record `seq`: about this many bytes."""
        with self._lock:
            if seq < epoch.floor:
                return Gap(seq + 1, epoch.floor) if epoch.successor is None else NewEpoch()
            if seq < epoch.first - 1:
                piece = epoch.holding(seq + 1)
                assert piece is not None, "between floor and memory everything is on disk"
                return OnDisk(piece)
            if seq < epoch.seq:
                return Lines(_about(epoch.lines, seq + 1 - epoch.first, size))
            if epoch.successor is not None:
                return NewEpoch()
            return Ended() if self._ended else Nothing()

    def load(self, piece: Piece, seq: int) -> Lines | None:
        """What the piece has after the record `seq`; none if it was dropped in between. Reads from disk."""
        body = self._spill.get(piece.number)
        if body is None:
            return None
        lines = [body] if piece.first == piece.last else unpacked(body)
        return Lines(lines[seq + 1 - piece.first :])

    def resume(self, epoch: Epoch, seq: int) -> tuple[Welcome, Snapshot | None, Epoch, int]:
        """Where a reader of this epoch goes on that knows its first `seq` records and gets no more of it."""
        with self._lock:
            now = self._epoch
            if epoch.successor is now and seq == epoch.seq and now.floor == 0:
                return Welcome(now.name, 0, 0, self._fold.execution_state), None, now, 0
            return self._welcome(), self._snapshot(), now, now.seq


class Reader:
    """One client's way through a log."""

    def __init__(self, log: Log, epoch: Epoch, seq: int) -> None:
        self._log = log
        self._epoch = epoch
        self.seq = seq
        log.enter(epoch)

    @property
    def place(self) -> Cursor:
        return Cursor(self._epoch.name, self.seq)

    @property
    def behind(self) -> int:
        return self._epoch.seq - self.seq

    def step(self, size: int) -> Step:
        return self._log.step(self._epoch, self.seq, size)

    def load(self, piece: Piece) -> Lines | None:
        return self._log.load(piece, self.seq)

    def turn(self) -> tuple[Welcome, Snapshot | None]:
        """Go on to the process that followed, or past what is lost."""
        welcome, snapshot, epoch, seq = self._log.resume(self._epoch, self.seq)
        self._log.enter(epoch)
        self._log.leave(self._epoch)
        self._epoch, self.seq = epoch, seq
        return welcome, snapshot

    def close(self) -> None:
        self._log.leave(self._epoch)


def _about(lines: list[bytes], start: int, size: int) -> list[bytes]:
    stop = start
    while stop < len(lines) and size > 0:
        size -= len(lines[stop])
        stop += 1
    return lines[start:stop]
