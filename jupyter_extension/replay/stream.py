"""The websocket that brings a kernel's record to front ends, each at its own pace."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from threading import Thread
from typing import Any, TypeVar

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.ioloop import PeriodicCallback
from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketHandler

from .asked import Forget, Hello, Ping, Refused, asked
from .log import Cursor, Ended, Gap, Lines, Log, NewEpoch, Nothing, OnDisk, Reader, Snapshot, Step, Welcome
from .recorders import Recorded, Recorders
from .store import StoreLost

BATCH = 1 << 18  # bytes on their way to one client at any time, but for a single larger record
SHARED = 2  # batches that are kept for clients at the same place
PACE = 0.01  # seconds between two looks for news
SHARE = 0.0004  # seconds that each client adds to it: many are told of more at a time
BEAT = 500  # milliseconds between two looks at who is still there
BEATS = 6  # pings within the time after which a silent peer has vanished
FROM_CLIENT = 1 << 20  # bytes of a frame that a client may send
READ = 8 << 20  # bytes that are read of a frame, so that a close with a reason can be sent
UNSENT = 16 << 20  # bytes of answers to control frames and the like, unsent, that cut a client off
TOO_BIG, GONE, FORBIDDEN = 1009, 1000, 1008

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Batch:
    """Records in the frames of the websocket."""

    count: int
    chunks: list[bytes]


class News:
    """Tells the clients of one kernel that there is more to read, some hundred times a second at most."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._rung = False
        self._next = 0.0
        self.readers: dict[asyncio.Event, Reader] = {}
        self._batches: dict[Cursor, Batch] = {}

    def batch(self, reader: Reader) -> Step | Batch:
        """What the reader meets next; records are put into frames once for all who are at the same place."""
        place = reader.place
        if place in self._batches:
            return self._batches[place]
        step = reader.step(BATCH)
        return self.framed(place, step.lines) if isinstance(step, Lines) else step

    def framed(self, place: Cursor, lines: list[bytes]) -> Batch:
        batch = self._batches[place] = Batch(len(lines), list(_chunks(lines)))
        if len(self._batches) > SHARED:
            del self._batches[next(iter(self._batches))]
        return batch

    def add(self, bell: asyncio.Event, reader: Reader) -> None:
        if not self.readers:
            self._log.listen(self._ring)
        self.readers[bell] = reader

    def remove(self, bell: asyncio.Event) -> None:
        self.readers.pop(bell, None)
        if not self.readers:
            self._log.unlisten(self._ring)

    def _ring(self) -> None:
        """From any thread, for every batch of records."""
        if not self._rung and not self._loop.is_closed():
            self._rung = True
            self._loop.call_soon_threadsafe(self._rest)

    def _rest(self) -> None:
        wait = self._next - self._loop.time()
        if wait > 0:
            self._loop.call_later(wait, self._tell)
        else:
            self._tell()

    def _tell(self) -> None:
        self._next = self._loop.time() + PACE + SHARE * len(self.readers)
        self._rung = False
        # Those who come to the same places now get all that there is by now.
        self._batches.clear()
        for bell in self.readers:
            bell.set()


class Streams:
    """All clients of this server's streams."""

    def __init__(self, recorders: Recorders, silence: float) -> None:
        self.recorders = recorders
        self.silence = silence
        self._news: dict[Log, News] = {}
        self._handlers: set[StreamHandler] = set()
        self._heart: PeriodicCallback | None = None

    def news(self, log: Log) -> News:
        if log not in self._news:
            self._news[log] = News(log)
        return self._news[log]

    def enter(self, handler: StreamHandler) -> None:
        self._handlers.add(handler)
        if self._heart is None:
            self._heart = PeriodicCallback(self._beat, BEAT)
            self._heart.start()

    def leave(self, handler: StreamHandler) -> None:
        self._handlers.discard(handler)
        self._news = {log: news for log, news in self._news.items() if news.readers}
        if self._heart is not None and not self._handlers:
            self._heart.stop()
            self._heart = None

    def _beat(self) -> None:
        for handler in list(self._handlers):
            handler.beat()

    def behind(self, log: Log) -> list[int]:
        """How many records each client has yet to get."""
        return [reader.behind for reader in self._news[log].readers.values()] if log in self._news else []

    def clients(self, log: Log) -> int:
        return sum(handler.log_read is log for handler in self._handlers)

    def close(self) -> None:
        for handler in list(self._handlers):
            handler.close(1001, "The server stops.")
            handler.stop()


class StreamHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):  # pyright: ignore[reportIncompatibleMethodOverride]  # theirs differ, too
    """One client."""

    auth_resource = "kernels"
    # The server's pings depend on its settings, and drop those who listen only: these are our own.
    ping_interval = 0  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]  # properties of Tornado's
    max_message_size = READ  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]  # properties of Tornado's

    def initialize(self, streams: Streams) -> None:
        self._streams = streams

    def set_default_headers(self) -> None:
        """Those of pages have no meaning on a websocket."""

    def get_compression_options(self) -> None:
        """None: a record is sent to many clients as it stands."""

    # Coming and going

    @ws_authenticated
    async def get(self, kernel_id: str) -> None:
        if not self.check_origin() or not await self._may_execute():
            raise web.HTTPError(403)
        recording = await self._found(kernel_id)
        if recording is None:
            raise web.HTTPError(404, "Kernel does not exist: %s", kernel_id)
        self._recording = recording
        self.log_read = recording.log
        await super().get(kernel_id)

    async def _found(self, kernel_id: str) -> Recorded | None:
        try:
            return await self._streams.recorders.find(kernel_id)
        except StoreLost as error:
            # Not that there is no such kernel: the client is to come again.
            raise web.HTTPError(503, "The shared records cannot be read: %s", error) from error

    async def _may_execute(self) -> bool:
        allowed = self.authorizer.is_authorized(self, self.current_user, "execute", "kernels")
        return bool(await ensure_async(allowed))

    def open(self, *args: str, **kwargs: str) -> None:
        assert self.ws_connection is not None
        # An attribute of every protocol that there is, but of no type.
        self._wire: IOStream = getattr(self.ws_connection, "stream")  # noqa: B009
        self._wire.max_write_buffer_size = UNSENT + READ
        self.set_nodelay(True)
        self._loop = asyncio.get_running_loop()
        self._writing = asyncio.Lock()
        self._feeding: asyncio.Task[None] | None = None
        self._heard = self._pinged = self._loop.time()
        self._streams.enter(self)

    def on_close(self) -> None:
        self.stop()

    def stop(self) -> None:
        self._streams.leave(self)
        # A cancelled task that is kept keeps its frames, in a circle, with what was being told, and so does
        # an error. Where many come and go, that is a lot of memory until Python looks for circles.
        feeding, self._feeding = self._feeding, None
        if feeding is not None:
            feeding.cancel()
        if self._wire.error is not None:
            self._wire.error.with_traceback(None)

    # The peer's life

    def on_pong(self, data: bytes) -> None:
        self._heard = self._loop.time()

    def on_ping(self, data: bytes) -> None:
        self._heard = self._loop.time()

    def beat(self) -> None:
        """Ask a peer that is silent whether it is there, and give up one that does not answer."""
        now = self._loop.time()
        silence = self._streams.silence
        if now - self._heard >= silence:
            self.log.info(
                "A client of kernel %s was given up: %d s of silence.", self._recording.name, silence
            )
            self._wire.close()
        elif now - self._pinged >= silence / BEATS and not self._is_closing():
            self._pinged = now
            self.ping(b"")

    def _is_closing(self) -> bool:
        return self.ws_connection is None or self.ws_connection.is_closing()

    # What it says

    async def on_message(self, message: str | bytes) -> None:
        """Awaited before the next message is read: a client that does not listen is not heard either."""
        self._heard = self._loop.time()
        if len(message if isinstance(message, bytes) else message.encode()) > FROM_CLIENT:
            self.close(TOO_BIG, "A message has at most 1 MiB.")
            return
        try:
            await self._answer(message)
        except StreamClosedError:
            self.stop()

    async def _answer(self, message: str | bytes) -> None:
        try:
            wish = asked(message)
        except Refused as refusal:
            await self._say({"type": "error", "message": str(refusal)})
            return
        match wish:
            case Ping():
                await self._say({"type": "pong"})
            case Forget(cells):
                self._recording.log.forget(cells)
            case Hello(cursor):
                if await self._may_execute():
                    await self._feed_from(cursor)
                else:
                    self.close(FORBIDDEN, "You may not execute code on this kernel.")

    async def _feed_from(self, cursor: Cursor | None) -> None:
        if self._feeding is not None:
            self._feeding.cancel()
            await asyncio.wait([self._feeding])
        self._feeding = asyncio.create_task(self._feed(cursor))

    # What it is told

    async def _feed(self, cursor: Cursor | None) -> None:
        log, bell = self._recording.log, asyncio.Event()
        welcome, snapshot, reader = log.open(cursor)
        news = self._streams.news(log)
        news.add(bell, reader)
        try:
            await self._welcome(welcome, snapshot)
            while await self._go_on(reader, news, bell):
                pass
            self.close(GONE, "The kernel was shut down.")
        except StreamClosedError:
            pass
        except Exception:
            self.log.exception("The stream of kernel %s failed.", self._recording.name)
            self.close(1011)
            raise
        finally:
            news.remove(bell)
            reader.close()

    async def _go_on(self, reader: Reader, news: News, bell: asyncio.Event) -> bool:
        """Tell what follows; false when nothing ever will."""
        bell.clear()
        step: Step | Batch | None = news.batch(reader)
        if isinstance(step, OnDisk):
            piece = step.piece
            loaded = await _aside(lambda: reader.load(piece))
            step = loaded and news.framed(reader.place, loaded.lines)
        match step:
            case Batch(count, chunks):
                await self._write(chunks)
                reader.seq += count
            case Gap(first, last):
                await self._say({"type": "gap", "from": first, "to": last})
                _, snapshot = reader.turn()
                await self._welcome(None, snapshot)
            case NewEpoch():
                await self._welcome(*reader.turn())
            case Nothing():
                await bell.wait()
            case Ended():
                return False
            case _:
                pass  # dropped from the disk in between: the next step is a gap
        return True

    async def _welcome(self, welcome: Welcome | None, snapshot: Snapshot | None) -> None:
        if welcome is not None:
            told = {"epoch": welcome.epoch, "seq": welcome.seq, "floor": welcome.floor}
            await self._say({"type": "welcome", **told, "execution_state": welcome.execution_state})
        if snapshot is not None:
            parts = snapshot.parts()
            while (part := await _aside(lambda: next(parts, None))) is not None:
                await self._send([part])

    async def _say(self, message: dict[str, Any]) -> None:
        await self._send([json.dumps(message).encode()])

    async def _send(self, payloads: list[bytes]) -> None:
        await self._write(_chunks(payloads))

    async def _write(self, chunks: Iterable[bytes]) -> None:
        """Returns when the system has taken all of it."""
        async with self._writing:
            for chunk in chunks:
                if self._is_closing():
                    # The last frame is sent: nothing may follow it, and nobody reads on.
                    raise StreamClosedError
                written = self._wire.write(chunk)
                if not written.done():
                    await written
                    # It took what had to wait: that is a sign of life, too.
                    self._heard = self._loop.time()


def _chunks(payloads: list[bytes]) -> Iterator[bytes]:
    """The frames of these messages, in chunks of about a batch; a large message in several frames."""
    chunk: list[bytes] = []
    size = 0
    for payload in payloads:
        for frame in _frames(payload):
            chunk += frame
            size += len(frame[1])
            if size >= BATCH:
                yield b"".join(chunk)
                chunk, size = [], 0
    if chunk:
        yield b"".join(chunk)


def _frames(payload: bytes) -> Iterator[tuple[bytes, bytes]]:
    if len(payload) <= BATCH:
        yield _head(0x81, len(payload)), payload
        return
    # Pings and pongs may come between the frames of one message, but not into the middle of a frame.
    for start in range(0, len(payload), BATCH):
        piece = payload[start : start + BATCH]
        last = start + BATCH >= len(payload)
        yield _head((0x80 if last else 0) | (0 if start else 1), len(piece)), piece


@lru_cache(maxsize=4096)
def _head(first: int, size: int) -> bytes:
    if size < 126:
        return struct.pack("!BB", first, size)
    return struct.pack("!BBH", first, 126, size) if size < 1 << 16 else struct.pack("!BBQ", first, 127, size)


async def _aside(work: Callable[[], T]) -> T:
    """On a thread that ends with the work: what reads from disk or draws a megabyte holds up nobody."""
    loop = asyncio.get_running_loop()
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except Exception as error:  # noqa: BLE001  # handed to the one who waits for it
            done.set_exception(error)

    Thread(target=run, name="replay", daemon=True).start()
    return await asyncio.shield(asyncio.wrap_future(done, loop=loop))
