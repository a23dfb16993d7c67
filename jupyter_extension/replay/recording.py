"""What is known of one kernel while it is recorded: its process, its clients, who asked for what."""

from __future__ import annotations

import hmac
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import RLock
from uuid import uuid4

from .log import Log
from .message import LARGE, Channel, Json, Malformed, Message, made, parse, sender_of, stamped

# Kernels number what they say. Replies to others take a number, too, but no more of them between two
# words on iopub than there are threads that answer: beyond, the kernel has dropped some of its words,
# because nobody on a busy machine came to fetch them.
HOLE = 8
# Requests whose cell is remembered, and replies whose repetition is noticed.
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Key:
    """What a kernel signs its messages with."""

    secret: bytes
    digest: str

    def fits(self, signature: bytes, frames: list[bytes]) -> bool:
        if not self.secret:
            return True
        return hmac.compare_digest(self._sign(frames[:4]).hex().encode(), signature)

    def _sign(self, frames: list[bytes]) -> bytes:
        if sum(map(len, frames)) < LARGE:
            return hmac.digest(self.secret, b"".join(frames), self.digest)
        # Frame by frame: no copy is made, and other threads run meanwhile.
        sign = hmac.new(self.secret, digestmod=self.digest)
        for frame in frames:
            sign.update(frame)
        return sign.digest()


class Recording:
    """Puts what taps hear into the log: stamped with its cell, under the right epoch. Any thread may call."""

    def __init__(
        self,
        name: str,
        make_log: Callable[[str], Log],
        *,
        instead_of_tracebacks: str | None,
        note: Callable[[str], None],
        warn: Callable[[str], None],
        elsewhere: bool = False,
    ) -> None:
        self._lock = RLock()
        self.name = name
        self._instead = instead_of_tracebacks
        self._note = note
        self._warn = warn
        # Behind a gateway: what a process says first may be said before anybody can listen.
        self._elsewhere = elsewhere
        self.id, self._processes = uuid4().hex[:12], 0
        self._session = ""
        self._restart_begun = False
        self._relaunched = False
        self._silent = False
        self._said = ("", 0)
        # What was heard last, of a run that was not over then.
        self._interrupted: Message | None = None
        self._cells: OrderedDict[str, str] = OrderedDict()
        self._others: OrderedDict[str, str] = OrderedDict()
        self._replies: OrderedDict[str, str] = OrderedDict()
        self._warned: set[str] = set()
        self._pages: set[int] = set()
        self._owed: OrderedDict[str, str] = OrderedDict()
        self._kept: dict[str, Callable[[], None]] = {}
        self.log = make_log(self._epoch())

    def _epoch(self) -> str:
        self._processes += 1
        return f"{self.id}.{self._processes}"

    # From the kernel

    def heard(self, frames: list[bytes]) -> Message | None:
        """A message on iopub: header, parent header, metadata, content, buffers."""
        try:
            message = parse("iopub", frames)
        except Malformed as error:
            self._warn_once("malformed", f"A message of {self.name} is not recorded: {error}")
            return None
        with self._lock:
            if self._is_another_process(message):
                self._follow(message)
            if self._own_session(message):
                self._session = message.session
            elif message.kind == "status" and message.body.get("execution_state") == "restarting":
                # A gateway says so when the old process is dead.
                self._restart_begun = self._relaunched = True
            if missed := self._missed(message):
                self._miss(missed, self._interrupted or message)
            self._interrupted = None if message.body.get("execution_state") == "idle" else message
            if self._silent and message.kind != "iopub_welcome":
                self._silent = False
                self._miss_before(message)
            self.log.append(self._allowed(self._of_its_cell(message)))
        return message

    def _follow(self, message: Message) -> None:
        """Another process speaks: what it says begins anew, and the old one's late words change nothing."""
        _remember(self._others, self._session)
        self._session = message.session if self._own_session(message) else ""
        self._restart_begun = self._relaunched = False
        self._silent = self._elsewhere
        self.log.begin(self._epoch())
        self._note(f"Kernel {self.name} is another process now: {self.log.cursor.epoch}.")

    def _miss_before(self, message: Message) -> None:
        """A gateway listens again only some time after a process has begun to speak."""
        if message.kind != "status" or message.body.get("execution_state") != "starting":
            self._note(
                f"The first words of kernel {self.name} may be missing: its gateway did not tell them."
            )
            self.log.lose()

    def _missed(self, message: Message) -> int:
        """How many messages the kernel itself has dropped before this one, about."""
        author, _, number = message.msg_id.rpartition("_")
        if not author or not number.isdecimal():
            return 0
        before, self._said = self._said, (author, int(number))
        hole = self._said[1] - before[1] - 1
        return hole if author == before[0] and hole >= HOLE else 0

    def _miss(self, count: int, message: Message) -> None:
        """Say so where it happened: in the cell that was speaking, or else in the one that speaks now."""
        self._warn(f"Kernel {self.name} dropped about {count} of its own messages: they are not recorded.")
        self.log.lose()
        words = f"[About {count:,} messages of the kernel were lost before they could be recorded.]\n"
        notice = made("stream", {"name": "stderr", "text": words}, like=message, msg_id=uuid4().hex)
        self.log.append(self._of_its_cell(notice))

    @property
    def expects(self) -> bool:
        """Whether a process is about to speak, or has begun to and was not heard on iopub."""
        return self._restart_begun or self._silent

    def met(self, frames: list[bytes]) -> None:
        """A reply to the server itself, which asked who is there: it proves which process is."""
        try:
            message = parse("shell", frames)
        except Malformed:
            return
        with self._lock:
            if self._restart_begun and self._is_another_process(message):
                self._follow(message)
        self.log.announce()

    def forged(self) -> None:
        self._warn_once("forged", f"A message of {self.name} is not recorded: its signature is wrong.")

    def _of_its_cell(self, message: Message) -> Message:
        cell = None if message.stamp.cell else self._cells.get(message.parent.msg_id)
        return message if cell is None else stamped(message, cell)

    def _allowed(self, message: Message) -> Message:
        """What the server's policy lets clients see of an error."""
        shown = self._instead is None or not (message.kind == "error" or "traceback" in message.body)
        if shown:
            return message
        hidden = {"ename": "ExecutionError", "evalue": "Execution error", "traceback": [self._instead]}
        body: Json = message.body | hidden
        return replace(message, body=body, content=json.dumps(body).encode())

    def _own_session(self, message: Message) -> bool:
        """Some kernels, and the server itself, speak with the session of the client that asked."""
        session = message.session
        return bool(session) and session != message.parent.session and session not in self._others

    def _is_another_process(self, message: Message) -> bool:
        if not self._session:
            return self._relaunched
        if not self._own_session(message) or message.session == self._session:
            return False
        starts = message.kind == "status" and message.body.get("execution_state") == "starting"
        return self._restart_begun or starts

    # From clients

    def requested(self, frames: list[bytes]) -> None:
        """A request on its way to the kernel. Called before it is sent, so that no output comes earlier."""
        try:
            session, kind = sender_of(frames)
            message = parse("shell", frames) if kind in ("execute_request", "input_reply") else None
        except Malformed:
            return  # the kernel's to refuse
        with self._lock:
            _remember(self._others, session)
            if message is None:
                return
            if message.kind == "input_reply":
                self.log.answered(message.parent.msg_id)
                return
            _remember(self._owed, message.msg_id, session)
            if message.stamp.cell:
                _remember(self._cells, message.msg_id, message.stamp.cell)

    def replied(self, channel: Channel, frames: list[bytes]) -> None:
        """A message for one client, on its way to it. The server may replay it, so it may come twice."""
        try:
            message = parse(channel, frames)
        except Malformed as error:
            self._warn_once("reply", f"A reply of {self.name} is not recorded: {error}")
            return
        with self._lock:
            if message.msg_id in self._replies:
                return
            _remember(self._replies, message.msg_id)
            if message.kind == "execute_reply":
                self._owed.pop(message.parent.msg_id, None)
            self.log.append(self._allowed(self._of_its_cell(message)))
        self.log.announce()

    def page_came(self, page: int) -> None:
        """A front end on the kernel's own websocket."""
        self._pages.add(page)

    def page_went(self, page: int) -> None:
        self._pages.discard(page)

    @property
    def pages(self) -> int:
        return len(self._pages)

    def owes(self, session: str) -> bool:
        """Whether the kernel has yet to reply to this client."""
        return session in self._owed.values()

    def keep(self, session: str, close: Callable[[], None]) -> None:
        """Sockets of a client that has gone are still listened to; `close` closes them."""
        self._kept[session] = close

    def let_go(self, session: str) -> None:
        close = self._kept.pop(session, None)
        if close is not None:
            close()

    def let_all_go(self) -> None:
        """Nobody will answer any more."""
        self._owed.clear()
        for session in list(self._kept):
            self.let_go(session)

    # From the server

    def is_client(self, session: str) -> None:
        """The server's own sessions are no process' either."""
        _remember(self._others, session)

    def restarting(self) -> None:
        """The process is about to be replaced."""
        with self._lock:
            self._restart_begun = True
            self._says("restarting")

    def lost(self) -> None:
        """For a while nobody listened: what was said then is a gap."""
        self._warn(f"What kernel {self.name} said while it could not be reached is not recorded.")
        self.log.lose()
        self.log.announce()

    def relaunched(self) -> None:
        """The new process was started; the old one has said its last word."""
        with self._lock:
            self._relaunched = self._restart_begun

    def dies(self) -> None:
        with self._lock:
            self._says("dead")

    def over(self) -> None:
        """Everything was heard that the kernel had to say."""
        self.dies()
        self.log.end()
        self.log.announce()

    def settle(self) -> None:
        """After a batch: keep to the limits, and tell who listens."""
        self.log.tidy()
        self.log.announce()

    def _says(self, state: str) -> None:
        self.log.append(made("status", {"execution_state": state}, msg_id=uuid4().hex))
        self.log.announce()

    def _warn_once(self, what: str, sentence: str) -> None:
        if what not in self._warned:
            self._warned.add(what)
            self._warn(sentence)


def _remember(known: OrderedDict[str, str], key: str, value: str = "") -> None:
    known[key] = value
    if len(known) > REMEMBERED:
        known.popitem(last=False)
