"""What a front end must be told to show what the whole record would: the messages of each cell's last run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import ClassVar

from .areas import Areas
from .comms import Comms, data_of, outputs_in, state_of
from .entries import Entry, Run, Shown, Text, shelved_in, weight
from .message import Head, Json, Message, made, message_of, stamped, text
from .reactive import ReactiveState
from .shelf import COST, Drawn, Shelf, Shelved, notice_of_nobody

# Requests that never reach the shell, and the one with which servers and clients only look who is there.
ASIDE = frozenset(
    {
        "kernel_info_request",
        "interrupt_request",
        "shutdown_request",
        "debug_request",
        "usage_request",
        "create_subshell_request",
        "delete_subshell_request",
        "list_subshell_request",
    }
)
SHOWS = frozenset({"stream", "display_data", "execute_result", "error", "clear_output"})
# Runs of requests without a cell (a console, startup, threads of no run) that are kept.
LOOSE = 1000


@dataclass(frozen=True, slots=True)
class FrozenRun:
    cell: str
    number: int | None
    msg_id: str
    over: bool
    messages: list[Drawn]

    def drawn(self) -> bytes:
        head = {"run": self.number, "msg_id": self.msg_id, "over": self.over}
        messages = b", ".join(drawn for drawn in (draw() for draw in self.messages) if drawn)
        return b'%b: {%b, "messages": [%b]}' % (
            json.dumps(self.cell).encode(),
            json.dumps(head)[1:-1].encode(),
            messages,
        )


@dataclass(frozen=True, slots=True)
class Frozen:
    """The fold at one moment: it can be drawn later, and on another thread."""

    cells: list[FrozenRun]
    other: list[Drawn]


def _nowhere(msg_id: str, head: Head) -> None:
    """No output stands in a record on disk."""


class Fold:
    """Takes messages one by one, in order; forgets what later ones replace."""

    def __init__(
        self,
        shelf: Shelf | None = None,
        limit: int = 1 << 22,
        recorded: Callable[[str, Head], Shelved | None] = _nowhere,
    ) -> None:
        self._shelf = shelf
        self._recorded = recorded
        self._limit = limit
        self._cells: dict[str, Run] = {}
        self._runs: dict[str, Run] = {}
        self._shown = 0
        self._reset("starting")

    @property
    def size(self) -> int:
        """Bytes of memory, about."""
        return self._shown + self._comms.size + self._reactive.size

    def _reset(self, state: str) -> None:
        self._loose: dict[str, Run] = {}
        self._unkept = 0
        self._displays: dict[str, list[tuple[Run, Shown]]] = {}
        self._inputs: dict[str, Message] = {}
        self._comms = Comms()
        self._areas = Areas()
        self._reactive = ReactiveState()
        self._busy: set[str] = set()
        self._state = state
        self._status: Message | None = None

    # What comes in

    def take(self, message: Message) -> None:
        if message.channel == "stdin":
            if message.kind == "input_request":
                self._inputs[message.parent.msg_id] = message
        elif message.channel == "iopub":
            take = self._TAKE.get(message.kind)
            if take is not None:
                take(self, message)

    def restart(self) -> None:
        """A new process: the old one's cells stay as they are until they run again."""
        for run in (*self._loose.values(), *self._areas.runs.values()):
            self._drop(run)
        for run in self._cells.values():
            run.over = True
        for shown in (shown for entries in self._displays.values() for _, shown in entries):
            self._shown += shown.settle()
        self._reset("starting")

    def recall(self, part: bytes) -> None:
        """Take in what another fold has told in a part of its snapshot."""
        told: Json = json.loads(part)
        for cell, shown in told["cells"].items():
            for said in shown["messages"]:
                self.take(stamped(message_of("iopub", said), cell))
            if shown["over"] and cell in self._cells:
                self._cells[cell].over = True
        for said in sorted(told["other"], key=_rank):
            asks = said["header"]["msg_type"] == "input_request"
            self.take(message_of("stdin" if asks else "iopub", said))

    def wonder(self) -> None:
        """What the kernel does now nobody knows before it says so."""
        self._busy, self._state, self._status = set(), "starting", None

    def forget(self, cells: Iterable[str]) -> None:
        """The user cleared these outputs; what the cells still say will be shown."""
        for cell in cells:
            run = self._cells.get(cell)
            if run is not None:
                self._clear(run)
                run.forgotten = True

    def answered(self, to: str) -> None:
        """Input was given; front ends name the request for it, its run, or nothing."""
        self._inputs = {
            run: message for run, message in self._inputs.items() if to and to not in (run, message.msg_id)
        }

    @property
    def execution_state(self) -> str:
        return "busy" if self._busy else self._state

    def _begin(self, message: Message) -> None:
        cell = message.stamp.cell
        if cell is None:
            return
        old = self._cells.pop(cell, None)
        if old is not None:
            self._drop(old)
        run = self._new_run(message)
        run.begin = message
        self._cells[cell] = self._runs[run.msg_id] = run
        self._shown += message.size + COST

    @staticmethod
    def _new_run(message: Message) -> Run:
        return Run(message.parent.msg_id, message.stamp.cell, message.stamp.run)

    def _run_of(self, message: Message) -> Run | None:
        """The run that shows this message; none if its cell has begun another one since."""
        taker = self._areas.taker(message.parent.msg_id)
        if taker is not None:
            return self._areas.runs.get(taker) or self._fill(taker, self._comms.outputs(taker))
        cell, parent = message.stamp.cell, message.parent.msg_id
        if cell is not None:
            run = self._cells.get(cell)
            if run is None:
                run = self._cells[cell] = self._new_run(message)
            return run if run.msg_id == parent else None
        if parent not in self._loose:
            self._loose[parent] = self._new_run(message)
            if len(self._loose) > LOOSE:
                eldest = self._loose.pop(next(iter(self._loose)))
                self._unkept += bool(eldest.entries)
                self._drop(eldest)
        return self._loose[parent]

    def _fill(self, comm: str, outputs: Iterable[Json]) -> Run:
        """What an output widget shows, before it takes more of which the kernel does not know."""
        run = self._areas.runs[comm] = Run("", None)
        for output in outputs:
            message = made(text(output.get("output_type")), output)
            if message.kind == "stream":
                self._write(run, message)
            else:
                self._append(run, Shown(message))
        return run

    def _cleared_for(self, message: Message) -> Run | None:
        """The run that takes this output, after a clear that waited for it."""
        run = self._run_of(message)
        if run is not None and run.clear is not None:
            self._clear(run)
        return run

    def _stream(self, message: Message) -> None:
        run = self._cleared_for(message)
        if run is not None:
            self._write(run, message)

    def _write(self, run: Run, message: Message) -> None:
        name, crumb = text(message.body.get("name")), message.body.get("text")
        if isinstance(crumb, list):
            # Lab joins the lines of a list itself, and by its own rules: leave them to it.
            self._append(run, Shown(message))
            return
        last = run.entries[-1] if run.entries else None
        if not isinstance(last, Text) or last.name != name:
            last = Text(message, name)
            self._append(run, last)
        self._shown += last.add(text(crumb))

    def _show(self, message: Message) -> None:
        display = _display_of(message) if message.kind == "display_data" else None
        if display is not None:
            # A display shown once more brings those that are there up to date, as IPython promises.
            self._update(message)
        run = self._cleared_for(message)
        if run is None:
            return
        if self._areas.taker(message.parent.msg_id) is not None:
            # JupyterLab's output widgets hear of no updates.
            display = None
        shown = Shown(message, display)
        self._append(run, shown)
        if display is not None:
            self._displays.setdefault(display, []).append((run, shown))

    def _update(self, message: Message) -> None:
        for _, shown in self._displays.get(_display_of(message) or "", ()):
            self._shown += shown.update(message)

    def _clear_output(self, message: Message) -> None:
        run = self._run_of(message)
        if run is None:
            return
        if message.body.get("wait") is True:
            run.clear = message
        else:
            self._clear(run)

    def _status_told(self, message: Message) -> None:
        state, parent = text(message.body.get("execution_state")), message.parent
        if state == "idle":
            self._inputs.pop(parent.msg_id, None)
            self._end(parent.msg_id)
        if parent.kind in ASIDE:
            if self._state == "starting" and state != "starting":
                self._state, self._status = "idle", message
            return
        self._status = message
        if state == "busy":
            self._busy.add(parent.msg_id)
        elif state == "idle" and parent.msg_id in self._busy:
            self._busy.discard(parent.msg_id)
            self._state = "idle"
        else:
            # An idle of nobody's, or a word on the process itself.
            self._busy.clear()
            self._state = state

    def _end(self, msg_id: str) -> None:
        run = self._runs.get(msg_id)
        if run is not None:
            run.over = True

    def _comm(self, message: Message) -> None:
        outdated = self._areas.take(message)
        if outdated is not None:
            self._clear(outdated)
        self._comms.take(message)
        data = data_of(message)
        if message.kind == "comm_open" and ("behind" in data or "clearing" in data):
            # Another fold has told it.
            run = self._fill(text(message.body.get("comm_id")), outputs_in(state_of(message) or {}))
            run.clear = made("clear_output", {"wait": True}) if "clearing" in data else None
        self._reactive.ready(message)

    def _reactive_told(self, message: Message) -> None:
        self._reactive.take(message)

    _TAKE: ClassVar[dict[str, Callable[[Fold, Message], None]]] = {
        "execute_input": _begin,
        "stream": _stream,
        "display_data": _show,
        "execute_result": _show,
        "error": _show,
        "update_display_data": _update,
        "clear_output": _clear_output,
        "status": _status_told,
        "comm_open": _comm,
        "comm_msg": _comm,
        "comm_close": _comm,
        "reactive_cells": _reactive_told,
        "reactive_graph": _reactive_told,
        "reactive_connection": _reactive_told,
    }

    # What is kept

    def _append(self, run: Run, entry: Entry) -> None:
        run.entries.append(entry)
        self._shown += entry.size

    def _clear(self, run: Run) -> None:
        for entry in run.entries:
            self._shown -= entry.size
            if isinstance(entry, Shown) and entry.display is not None:
                self._undisplay(entry.display, entry)
        run.entries = []
        run.clear = None

    def _undisplay(self, display: str, entry: Shown) -> None:
        left = [(run, shown) for run, shown in self._displays.get(display, ()) if shown is not entry]
        if left:
            self._displays[display] = left
        else:
            self._displays.pop(display, None)

    def _drop(self, run: Run) -> None:
        self._clear(run)
        if run.begin is not None:
            self._runs.pop(run.msg_id, None)
            self._shown -= run.begin.size + COST

    def tidy(self) -> None:
        """Move entries to the shelf until half of the limit is left, the largest runs first."""
        if self._shelf is None or self.size <= self._limit:
            return
        if self._comms.size > self._limit // 4:
            self._comms.shelve(self._shelf)
        for run in sorted(self._all_runs(), key=weight, reverse=True):
            if self.size <= self._limit // 2:
                return
            self._shelve(run, self._shelf)

    def _shelve(self, run: Run, shelf: Shelf) -> None:
        """Displays stay, for they may be updated; of text that may go on, what is there leaves."""
        kept: list[Entry] = []
        leaving: list[Text | Shown] = []
        last = run.entries[-1] if run.entries else None
        for entry in run.entries:
            record = self._record_of(entry)
            if record is not None:
                self._put(leaving, kept, shelf)
                kept.append(record)
            elif isinstance(entry, Shelved) or entry is last or (isinstance(entry, Shown) and entry.display):
                self._put(leaving, kept, shelf)
                kept.append(entry)
            else:
                leaving.append(entry)
        self._put(leaving, kept, shelf)
        self._shown -= weight(run)
        run.entries = kept
        self._shown += weight(run)
        if isinstance(last, Text):
            self._shown -= last.shelve(shelf)

    def _record_of(self, entry: Entry) -> Shelved | None:
        """A large output that was written as a record is not written again."""
        if isinstance(entry, Shown) and not entry.display and entry.msg_id:
            return self._recorded(entry.msg_id, entry.head)
        return None

    @staticmethod
    def _put(leaving: list[Text | Shown], kept: list[Entry], shelf: Shelf) -> None:
        if leaving:
            drawn = b", ".join(entry.frozen()() for entry in leaving)
            kept.append(Shelved.put(shelf, drawn, head=leaving[0].head))
            leaving.clear()

    @property
    def shelved(self) -> int:
        """Bytes on the shelf."""
        return sum(each.bytes for each in self._all_shelved())

    def shed(self, count: int) -> int:
        """Give up the oldest of what is on the shelf, so many bytes; a word says so in its place."""
        given = 0
        for each in sorted(self._all_shelved(), key=lambda each: each.number):
            if given >= count:
                break
            given += each.bytes
            each.lose()
        return given

    def _all_shelved(self) -> Iterator[Shelved]:
        entries = chain.from_iterable(run.entries for run in self._all_runs())
        shown = chain.from_iterable(shelved_in(entry) for entry in entries)
        return (each for each in chain(shown, self._comms.shelved()) if not each.lost)

    def _all_runs(self) -> Iterator[Run]:
        return chain(self._cells.values(), self._loose.values(), self._areas.runs.values())

    # What goes out

    def frozen(self) -> Frozen:
        cells = [
            FrozenRun(cell, run.number, run.msg_id, run.over, run.frozen())
            for cell, run in self._cells.items()
            if run.visible
        ]
        other = [Shown(message).frozen() for message in self._others()] + self._comms.frozen(
            self._areas.runs, self._areas.asking
        )
        if self._unkept:
            words = f"[The output of {self._unkept:,} earlier requests without a cell is not kept.]\n"
            other.append(partial(notice_of_nobody, words))
        for run in self._loose.values():
            other += run.frozen()
        other += [Shown(message).frozen() for message in self._inputs.values()]
        return Frozen(cells, other)

    def _others(self) -> Iterator[Message]:
        if self._status is not None:
            yield made("status", {"execution_state": self.execution_state}, like=self._status)
        yield from self._reactive.messages()


def _rank(said: Json) -> int:
    """What output widgets take now does not mean what was shown before, and what a comm said once of the
    notebook's state is older than that state."""
    kind = str(said["header"]["msg_type"])
    return 0 if kind in SHOWS else 1 if kind.startswith("comm_") else 2


def _display_of(message: Message) -> str | None:
    transient: object = message.body.get("transient")
    if not isinstance(transient, dict):
        return None
    value: Json = transient  # pyright: ignore[reportUnknownVariableType]  # an object of JSON
    return text(value.get("display_id")) or None
