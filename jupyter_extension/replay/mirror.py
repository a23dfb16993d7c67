"""Copies one kernel's record to a store at the store's own pace: a reader of it, as every client is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from threading import Event, Thread

from .log import Cursor, Ended, Lines, Log, Nothing, OnDisk, Reader
from .store import Astray, Shared, StoreLost, recorder_of

BATCH = 1 << 18  # bytes of records that are written together
REST = 0.02  # seconds between two looks for more
PATIENCE = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds between attempts to reach the store
LAST = 5.0  # seconds that the end of a server may take for it


class Mirror:
    """The thread that does it. Nobody waits for a store that is gone; when it is back, it gets everything."""

    def __init__(self, kernel: str, log: Log, shared: Shared, warn: Callable[[str], None]) -> None:
        self._kernel = kernel
        self._log = log
        self._store = shared.store
        self._terms = shared.terms
        self._warn = warn
        self._keeper = recorder_of(log.cursor.epoch)
        self._bell = Event()
        self._over = Event()
        self._leaves = False
        self._lost = False
        # When the store heard of us last, how much it got since it was trimmed, and how much it may get.
        self._beaten = 0.0
        self._written = 0
        self._most = self._terms.limit
        self._reader: Reader | None = None
        log.listen(self._bell.set)
        self._thread = Thread(target=self._run, name=f"mirror {kernel}", daemon=True)
        self._thread.start()

    @property
    def behind(self) -> int:
        """How many records the store has yet to get."""
        reader = self._reader
        return self._log.cursor.seq if reader is None else reader.behind

    def end(self) -> None:
        """The kernel is gone: write what is left, unless the store is, too."""
        self._over.set()
        self._bell.set()

    def leave(self) -> None:
        """The server stops: as `end`, but what was recorded stays for others."""
        self._leaves = True
        self.end()

    def join(self) -> None:
        self._thread.join(LAST)

    def _run(self) -> None:
        waits = chain(PATIENCE, repeat(PATIENCE[-1]))
        try:
            while not self._copied() and not self._over.wait(next(waits)):
                pass
        finally:
            self._log.unlisten(self._bell.set)

    def _copied(self) -> bool:
        """Is there nothing more to do? Otherwise the store failed."""
        try:
            self._copy()
        except Astray:
            return self._is_taken()
        except StoreLost as error:
            self._tell_lost(error)
            return False
        return True

    def _is_taken(self) -> bool:
        """Does another server record this kernel by now?"""
        try:
            held = self._store.held(self._kernel)
        except StoreLost:
            return False
        taken = held is not None and held.keeper not in ("", self._keeper)
        if taken:
            self._warn("another server shares its records by now")
        return taken

    def _tell_lost(self, error: StoreLost) -> None:
        if not self._lost:
            self._warn(f"its records are not shared for now, and stay on this server: {error}")
        self._lost = True

    def _copy(self) -> None:
        """Until the record ends, or the store fails."""
        try:
            self._go_on_where_it_stands()
            while self._step():
                pass
        finally:
            self._close()

    def _close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()

    def _go_on_where_it_stands(self) -> None:
        held = self._store.held(self._kernel)
        known = held is not None and not held.ended and recorder_of(held.epoch) == self._keeper
        self._open(held.cursor if held is not None and known else None)
        # At once: for whoever looks there now, nobody records this kernel.
        self._beaten = 0.0
        self._beat()
        if self._lost:
            self._warn("its records are shared again")
        self._lost = False

    def _open(self, cursor: Cursor | None) -> None:
        """Read on after the cursor; if that cannot be done, after what the record amounts to now."""
        self._close()
        _, snapshot, self._reader = self._log.open(cursor)
        if snapshot is not None:
            size = 0

            def counted() -> Iterator[bytes]:
                nonlocal size
                for part in snapshot.parts():
                    size += len(part)
                    yield part

            self._store.trim(self._kernel, Cursor(snapshot.epoch, snapshot.seq), counted())
            self._written, self._most = 0, max(self._terms.limit, size)

    def _step(self) -> bool:
        reader = self._reader
        assert reader is not None
        self._bell.clear()
        step = reader.step(BATCH)
        if isinstance(step, OnDisk):
            step = reader.load(step.piece)
        match step:
            case Lines(lines):
                self._write(reader, lines)
            case Nothing():
                self._rest()
            case Ended():
                self._finish()
                return False
            case None:
                pass  # dropped from the disk in between: the next step is a gap
            case _:
                self._open(None)
        self._beat()
        return True

    def _write(self, reader: Reader, lines: list[bytes]) -> None:
        self._store.append(self._kernel, reader.place.epoch, reader.seq + 1, lines)
        reader.seq += len(lines)
        self._written += sum(map(len, lines))
        if self._written > self._most:
            self._open(None)

    def _rest(self) -> None:
        self._bell.wait(self._terms.lease / 3)
        # Some more may come: a piece for every record would cost more than the records.
        self._over.wait(REST)

    def _beat(self) -> None:
        now = time.monotonic()
        if now - self._beaten > self._terms.lease / 4:
            if not self._store.hold(self._kernel, self._keeper, self._terms.lease):
                raise Astray  # it has forgotten everything
            self._beaten = now

    def _finish(self) -> None:
        if self._leaves:
            self._store.hold(self._kernel, "", 0)
        else:
            self._store.end(self._kernel)
