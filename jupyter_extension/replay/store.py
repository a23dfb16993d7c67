"""Where records are kept for other servers, too: what every such place can do, and how it is named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from .log import Cursor

ENDED = 60.0  # seconds that records of a kernel stay which has ended: whoever reads them comes to their end


class StoreLost(Exception):
    """The place cannot be reached, or takes nothing; says why, and no password."""


class Astray(Exception):
    """What was to be written does not follow what is there."""


class NoStore(Exception):
    """The place cannot be used at all, and why."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a place has of a kernel: what cells showed after record `base`, then all records up to `seq`."""

    epoch: str
    base: int
    seq: int
    # Which recorder is at work there; empty when none is.
    keeper: str
    ended: bool

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.epoch, self.seq)


class Store(Protocol):
    """Keeps the records of kernels, a while after nobody has held them. Recorders number; a store never does.

    Any thread may call; all but `close` may raise `StoreLost`.
    """

    def append(self, kernel: str, epoch: str, first: int, lines: list[bytes]) -> None:
        """Keep the records from `first` on; what is there already is passed over. May raise `Astray`."""
        ...

    def read(self, kernel: str, epoch: str, after: int) -> list[bytes]:
        """Some of the records that follow the number `after`, in order."""
        ...

    def tail(self, kernel: str, epoch: str, after: int, seconds: float) -> list[bytes]:
        """The same, and wait so long if there are none."""
        ...

    def trim(self, kernel: str, cursor: Cursor, parts: Iterable[bytes]) -> None:
        """Keep the parts of this snapshot instead of everything up to the cursor, whatever was there."""
        ...

    def past(self, kernel: str) -> list[bytes]:
        """The parts that stand for what was trimmed."""
        ...

    def held(self, kernel: str) -> Held | None: ...

    def hold(self, kernel: str, keeper: str, seconds: float) -> bool:
        """Say that the keeper is at work, for so long; false if nothing is there."""
        ...

    def end(self, kernel: str) -> None:
        """The kernel is gone: soon nothing of it is left."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Terms:
    """How a store is used."""

    # Seconds after which a recorder that gives no sign of life counts as gone.
    lease: float = 15.0
    # Bytes of records after which what they amount to is kept instead.
    limit: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Shared:
    """Where records go for other servers to read, and how."""

    store: Store
    terms: Terms


def recorder_of(epoch: str) -> str:
    """Whose epoch it is."""
    return epoch.partition(".")[0]


def place_of(url: str) -> str:
    """The store's name as it may be read by anybody: without user, password and options."""
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss"):
        return f"{parts.scheme}:{parts.path}"
    if "@" in parts.path:
        return f"{parts.scheme}:"  # a slash in a password that is not quoted: all of it may be secret
    number = parts.path if parts.path[1:].isdecimal() else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{number}"


def opened(url: str, prefix: str, age: float) -> Store:
    """The store of this name, which forgets a kernel so many seconds after it was held last."""
    scheme, _, path = url.partition(":")
    if scheme in ("redis", "rediss", "unix"):
        from .store_redis import RedisStore  # its client is an optional dependency

        return RedisStore(url, prefix, age)
    if scheme == "sqlite" and path:
        from .store_sqlite import SqliteStore

        return SqliteStore(path, age)
    raise NoStore("it is `redis://HOST:PORT/NUMBER`, `rediss://...`, `unix://PATH` or `sqlite:PATH`")
