"""What another server records or recorded, read from a store: a log of our own, under the other's numbers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import chain, repeat
from threading import Event, Thread
from uuid import uuid4

from .log import Cursor, Log
from .message import Json, made, message_of
from .mirror import LAST, PATIENCE
from .store import Held, Shared, StoreLost

WAIT = 0.5  # seconds in which a record is waited for before one looks who is there
SOON = 1.0  # seconds in which a recorder that has just begun says that it is there
IDLE = 30.0  # seconds that it goes on with no reader


class Replica:
    """Follows the recorder of a kernel from afar, for as long as anybody reads here."""

    def __init__(self, kernel: str, log: Log, shared: Shared, warn: Callable[[str], None]) -> None:
        self.name = kernel
        self.log = log
        self._store = shared.store
        self._terms = shared.terms
        self._warn = warn
        self._over = Event()
        self._astray = False
        self._known = True
        self._lost = False
        # When somebody read last, and until when a recorder that is not seen may yet be.
        self._read = time.monotonic()
        self._hope = time.monotonic() + SOON
        self._thread = Thread(target=self._run, name=f"replica {kernel}", daemon=True)

    def load(self, held: Held) -> None:
        """Take in all that there is by now, without waiting for more."""
        self._keep_up(held)
        while lines := self._store.read(self.name, *self._place()):
            self._take(lines)

    def follow(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(LAST)
        self.log.close()

    @property
    def ended(self) -> bool:
        return self._over.is_set()

    def asked_for(self) -> None:
        """Somebody is about to read."""
        self._read = time.monotonic()

    def _place(self) -> tuple[str, int]:
        cursor = self.log.cursor
        return cursor.epoch, cursor.seq

    def _run(self) -> None:
        waits = chain(PATIENCE, repeat(PATIENCE[-1]))
        try:
            while not self._over.is_set() and not self._is_idle():
                if self._went_on():
                    waits = chain(PATIENCE, repeat(PATIENCE[-1]))
                else:
                    self._over.wait(next(waits))
        finally:
            # With no reader left that closes the log, too.
            self._finish()

    def _went_on(self) -> bool:
        try:
            self._go_on()
        except StoreLost as error:
            self._tell_lost(error)
            return False
        self._lost = False
        return True

    def _is_idle(self) -> bool:
        if self.log.is_read:
            self.asked_for()
        return time.monotonic() - self._read > IDLE

    def _tell_lost(self, error: StoreLost) -> None:
        if not self._lost:
            self._warn(f"what another server records of it cannot be read for now: {error}")
        self._lost = True
        self._be_patient()

    def _be_patient(self) -> None:
        """A store that was away may know nothing of recorders that are well: they have to find it first."""
        self._hope = time.monotonic() + self._terms.lease

    def _go_on(self) -> None:
        held = self._store.held(self.name)
        if held is None:
            if self._known:
                self._be_patient()
            self._over.wait(WAIT)
        else:
            self._keep_up(held)
            if lines := self._store.tail(self.name, *self._place(), WAIT):
                self._take(lines)
                return
        self._known = held is not None
        if held is not None and held.ended:
            self._finish()
        elif (held is None or not held.keeper) and time.monotonic() >= self._hope:
            self._give_up()

    def _keep_up(self, held: Held) -> None:
        """Begin anew where the store has no records that follow ours."""
        epoch, seq = self._place()
        if not self._astray and held.epoch == epoch and held.base <= seq:
            return
        if parts := self._store.past(self.name):
            # Not of what is held: that may be older.
            told: Json = json.loads(parts[0])
            self.log.restore(Cursor(told["epoch"], told["seq"]), parts)
            self.log.announce()
            self._astray = False

    def _take(self, lines: list[bytes]) -> None:
        for line in lines:
            told: Json = json.loads(line)
            if told["seq"] != self.log.cursor.seq + 1:
                self._astray = True
                break
            self.log.append(message_of(told["channel"], told["msg"]))
        self.log.tidy()
        self.log.announce()

    def _give_up(self) -> None:
        """Nobody can say what became of the kernel; for who reads here, it is gone."""
        self._warn("the server that recorded it is gone")
        self.log.begin(f"{self.log.cursor.epoch}.left")
        self.log.append(made("status", {"execution_state": "dead"}, msg_id=uuid4().hex))
        self._finish()

    def _finish(self) -> None:
        self._over.set()
        self.log.end()
        self.log.announce()
