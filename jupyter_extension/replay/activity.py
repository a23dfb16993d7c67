"""When a kernel was last active and what it does: told to the server by the one who hears it anyway.

The server listens to each kernel once more for this, and takes longer over a message than recording it
takes. Its own function goes on deciding what a message means; it only gets to see fewer of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import zmq
from zmq.eventloop.zmqstream import ZMQStream

Frames: TypeAlias = list[bytes]
THEIRS = "jupyter_server."  # whose function may be told less: others may count on every message


class Activity:
    """What the server's watch over one kernel would hear, without what later messages make needless."""

    def __init__(self, stream: ZMQStream, hear: Callable[[Frames], object]) -> None:
        self._stream = stream
        self._hear = hear
        self._news: dict[tuple[str, str], Frames] = {}
        stream.socket.unsubscribe(b"")

    # In the thread that records

    def note(self, kind: str, answers: str, frames: Frames) -> None:
        """A message of this kind, answering one of that kind: what the server does goes by the two alone."""
        # To where the later one stands: of two states that is the one that holds.
        self._news.pop((kind, answers), None)
        self._news[kind, answers] = frames

    def tell(self) -> None:
        """After a batch."""
        if self._news:
            news, self._news = self._news, {}
            self._stream.io_loop.add_callback(self._told, list(news.values()))

    def over(self) -> None:
        """Nobody records any more: the server listens for itself again."""
        self._stream.io_loop.add_callback(self._given_back)

    # In the server's loop

    def _told(self, news: list[Frames]) -> None:
        for frames in news:
            if not self._stream.closed():
                self._hear(frames)

    def _given_back(self) -> None:
        if not self._stream.closed():
            self._stream.socket.subscribe(b"")


def taken_over(kernel: Any) -> Activity | None:
    """The watch over this kernel, if the server has begun one as it always does; else it stays as it is."""
    stream: object = getattr(kernel, "_activity_stream", None)
    if not isinstance(stream, ZMQStream) or stream.closed() or stream.socket.type != zmq.SUB:
        return None
    hear: Callable[[Frames], object] | None = getattr(stream, "_recv_callback", None)
    if hear is None or not getattr(hear, "__module__", "").startswith(THEIRS):
        return None
    return Activity(stream, hear)
