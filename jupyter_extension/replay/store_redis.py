"""Records for servers on any machine, in Redis: a stream of pieces for each process of a kernel."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from .log import Cursor
from .packed import packed
from .store import ENDED, Astray, Held, NoStore, StoreLost
from .store_sqlite import following

CONNECTING = 5.0  # seconds
ANSWERING = 20.0  # seconds, of which a tail waits a part
AT_ONCE = 4  # pieces that are read together
TOP = 2**64 - 1  # the second half of an entry's number is never used


class RedisStore:
    """An entry of a stream has the number of the last record in it: by that any of them is found."""

    def __init__(self, url: str, prefix: str, age: float) -> None:
        try:
            from redis import Redis, RedisError  # an optional dependency
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise NoStore(f'it takes `pip install "jupyter-reactive[redis]"` ({error})') from None
        self._failures = (RedisError, OSError)
        self._prefix = prefix
        self._age = int(age * 1000)
        try:
            self._redis: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # typed in part
                url,
                socket_connect_timeout=CONNECTING,
                socket_timeout=ANSWERING,
                # A connection that has lain idle may be gone: a second one tells.
                retry=Retry(NoBackoff(), 1),
                client_name="jupyter-reactive",
            )
        except ValueError:
            # Its own words may have a part of the password in them.
            raise NoStore("its URL cannot be read; are all special characters quoted?") from None

    def append(self, kernel: str, epoch: str, first: int, lines: list[bytes]) -> None:
        with self._reached():
            now, told = self._redis.hmget(self._head(kernel), "epoch", "seq")
            if now != epoch.encode() or first > int(told) + 1:
                raise Astray
            seq = int(told)
            if new := lines[seq + 1 - first :]:
                last, stream = seq + len(new), self._stream(kernel, epoch)
                with self._redis.pipeline() as together:
                    together.xadd(stream, {"": packed(new)}, id=f"{last}-0")
                    together.hset(self._head(kernel), "seq", last)
                    together.pexpire(stream, self._age)
                    together.execute()

    def read(self, kernel: str, epoch: str, after: int) -> list[bytes]:
        return self._following(kernel, epoch, after, None)

    def tail(self, kernel: str, epoch: str, after: int, seconds: float) -> list[bytes]:
        return self._following(kernel, epoch, after, max(1, int(seconds * 1000)))

    def _following(self, kernel: str, epoch: str, after: int, wait: int | None) -> list[bytes]:
        stream = self._stream(kernel, epoch)
        with self._reached():
            found = self._redis.xread({stream: f"{after}-{TOP}"}, AT_ONCE, wait)
        entries = found[0][1] if found else ()
        return [
            line
            for number, fields in entries
            for line in following(int(number.partition(b"-")[0]), fields[b""], after)
        ]

    def trim(self, kernel: str, cursor: Cursor, parts: Iterable[bytes]) -> None:
        head, past = self._head(kernel), uuid4().hex[:12]
        with self._reached():
            for part in parts:
                self._redis.rpush(self._past(kernel, past), part)
            self._redis.pexpire(self._past(kernel, past), self._age)
            epoch, before = self._redis.hmget(head, "epoch", "past")
            told = {"epoch": cursor.epoch, "base": cursor.seq, "seq": cursor.seq, "past": past, "ended": 0}
            with self._redis.pipeline() as together:
                together.hset(head, mapping=told)
                together.pexpire(head, self._age)
                for old in (epoch or b"").decode(), cursor.epoch:
                    together.delete(self._stream(kernel, old))
                if before:
                    together.delete(self._past(kernel, before.decode()))
                together.execute()

    def past(self, kernel: str) -> list[bytes]:
        with self._reached():
            name = self._redis.hget(self._head(kernel), "past")
            return self._redis.lrange(self._past(kernel, name.decode()), 0, -1) if name else []

    def held(self, kernel: str) -> Held | None:
        with self._reached(), self._redis.pipeline() as together:
            together.hmget(self._head(kernel), "epoch", "base", "seq", "ended")
            together.get(self._lease(kernel))
            (epoch, base, seq, ended), keeper = together.execute()
        if epoch is None:
            return None
        return Held(epoch.decode(), int(base), int(seq), (keeper or b"").decode(), ended=ended == b"1")

    def hold(self, kernel: str, keeper: str, seconds: float) -> bool:
        with self._reached():
            epoch, past = self._redis.hmget(self._head(kernel), "epoch", "past")
            if epoch is None:
                return False
            with self._redis.pipeline() as together:
                if seconds > 0:
                    together.set(self._lease(kernel), keeper, px=int(seconds * 1000))
                else:
                    together.delete(self._lease(kernel))
                self._last(together, kernel, epoch, past, self._age)
                together.execute()
            return True

    def end(self, kernel: str) -> None:
        with self._reached():
            epoch, past = self._redis.hmget(self._head(kernel), "epoch", "past")
            if epoch is not None:
                with self._redis.pipeline() as together:
                    together.hset(self._head(kernel), "ended", 1)
                    together.delete(self._lease(kernel))
                    self._last(together, kernel, epoch, past, int(ENDED * 1000))
                    together.execute()

    def _last(self, together: Any, kernel: str, epoch: bytes, past: bytes, age: int) -> None:
        """Have all of it go after this many milliseconds."""
        names = self._head(kernel), self._stream(kernel, epoch.decode()), self._past(kernel, past.decode())
        for name in names:
            together.pexpire(name, age)

    def close(self) -> None:
        with self._reached():
            self._redis.close()

    # All names of a kernel are on one machine of a cluster: the part in braces decides.

    def _head(self, kernel: str) -> str:
        return f"{self._prefix}:{{{kernel}}}:head"

    def _lease(self, kernel: str) -> str:
        return f"{self._prefix}:{{{kernel}}}:keeper"

    def _past(self, kernel: str, name: str) -> str:
        return f"{self._prefix}:{{{kernel}}}:past:{name}"

    def _stream(self, kernel: str, epoch: str) -> str:
        return f"{self._prefix}:{{{kernel}}}:records:{epoch}"

    @contextmanager
    def _reached(self) -> Generator[None, None, None]:
        try:
            yield
        except self._failures as error:
            raise StoreLost(str(error) or type(error).__name__) from error
