"""The same sequences through a real kernel: over its sockets, in its protocol, in IPython."""

from __future__ import annotations

import ast
import json
import os
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from reactive_kernel.cell import Cell, CellId, Mode

from ..kernel.conversation import TIMEOUT, Conversation, Message, cell_of, synced
from .campaign import Figures
from .drive import Document, Mismatch, Tally
from .execution import Shown
from .judge import Claim, Stands, Verdict, alike, final, mid_way
from .notebooks import Kinds, Operation, Story, sequence
from .oracle import Fresh, fresh_run
from .world import contents, reach_of
from .writer import LISTS, NUMBERS

REPOSITORY = Path(__file__).parents[2]
# What a fresh run gives for these is read from the kernel's namespace, too.
PLAIN = (*NUMBERS, *LISTS)


# What the kernel's process says of itself, asked by an expression that binds no name.
_FAR = "__import__('tests.fuzz.far', fromlist=['far'])"
# What a cell that is to be interrupted prints when it has come half way.
HALF_WAY = "-- half way --"


@contextmanager
def kernel() -> Iterator[Conversation]:
    """A kernel of this checkout, with a front end that has opened the comm."""
    manager = KernelManager(kernel_name="reactive")
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, "-m", "reactive_kernel", "-f", "{connection_file}"], language="python"
    )
    path = os.pathsep.join((str(REPOSITORY), os.environ.get("PYTHONPATH", "")))
    manager.start_kernel(env={**os.environ, "PYTHONPATH": path})
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=TIMEOUT)
        talk = Conversation(manager, client)
        talk.open()
        yield talk
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def drive(talk: Conversation, story: Story) -> tuple[Mismatch | None, Tally]:
    """Carry a sequence out in a new document of a kernel that may have seen others."""
    with tempfile.TemporaryDirectory() as directory:
        talk.do({"op": "configure", "mode": "auto"})
        talk.do(synced({}))
        talk.outputs.clear()
        talk.value(f"{_FAR}.begin({directory!r})")
        try:
            return _carried_out(talk, story, directory)
        finally:
            talk.value(f"{_FAR}.begin({str(REPOSITORY)!r})")


def _carried_out(talk: Conversation, story: Story, directory: str) -> tuple[Mismatch | None, Tally]:
    since = len(talk.log)
    tally = Tally()
    front = _FrontEnd(talk, story, directory)
    for number, operation in enumerate(story.operations, 1):
        if operation.kind == "interrupt" or not front.carry_out(operation):
            continue
        if operation.steps is None:
            front.wait()
            tally.checks += 1
            for kind, message in front.problems(tally):
                return Mismatch(kind, number, message), tally
    front.run_stale()
    tally.checks += 1
    for kind, message in front.end_problems(tally):
        return Mismatch(kind, len(story.operations) + 1, message), tally
    ran = (message for message in talk.log[since:] if message["msg_type"] == "execute_input")
    tally.runs = sum(cell_of(message) != "" for message in ran)
    return None, tally


class _FrontEnd:
    def __init__(self, talk: Conversation, story: Story, directory: str) -> None:
        self._talk = talk
        self._directory = directory
        self._reach = reach_of(story.sources) if story.mutating else None
        self._lazy = False
        self._document = Document()
        self._pending: list[tuple[str, int]] = []
        for at, (name, source) in enumerate(story.cells):
            self._document.apply(Operation("insert", (name,), source, at))
        self._tell(self._sync())
        self.wait()

    def carry_out(self, operation: Operation) -> bool:
        """Send what the operation means; answer whether it means anything."""
        if not self._document.apply(operation):
            return False
        cells = [name for name in operation.cells if self._document.place(name) is not None]
        if operation.halt and self._stop_half_way(operation, cells):
            return True
        if operation.kind in ("edit_run", "append"):
            self._send(self._talk.ask(operation.source, cells[0]))
        elif operation.kind == "edit":
            self._tell({"op": "edit", "id": cells[0], "source": operation.source})
        elif operation.kind == "run":
            self._tell({"op": "run", "cells": cells})
        elif operation.kind == "stale":
            self._tell({"op": "run", "stale": True})
        elif operation.kind == "cascade":
            self._lazy = operation.word == "lazy"
            self._tell({"op": "configure", "mode": operation.word})
        else:
            self._tell(self._sync())
        return True

    def _stop_half_way(self, operation: Operation, cells: list[str]) -> bool:
        """Run with a text that waits for its interrupt before that line; then the cell has its own again."""
        place = self._document.place(operation.cells[0])
        if place is None:
            return False
        source = self._document.cells[place].source
        waiting = _waiting(source, operation.halt)
        if waiting is None:
            return False
        self.wait()
        self._tell({"op": "edit", "id": operation.cells[0], "source": waiting})
        self._tell({"op": "run", "cells": cells})
        self._tell({"op": "edit", "id": operation.cells[0], "source": source}, after=True)
        return True

    def run_stale(self) -> None:
        # In lazy mode what a run makes stale waits until somebody asks again.
        for _ in range(4 if self._lazy else 1):
            self._tell({"op": "run", "stale": True})
            self.wait()

    def wait(self) -> None:
        """Until all that was sent is over; what has come half way is interrupted."""
        for msg_id, since in self._pending:
            over = any(_is_idle(message, msg_id) for message in self._talk.log[since:])
            while not over:
                message = self._talk.receive()
                over = _is_idle(message, msg_id)
                if message["msg_type"] == "stream" and HALF_WAY in message["content"]["text"]:
                    self._talk.interrupt()
        self._pending.clear()

    def _sync(self) -> dict[str, object]:
        cells = self._document.cells
        modes = {cell.id: cell.mode.value for cell in cells if cell.mode is not None}
        return synced({cell.id: cell.source for cell in cells}, modes)

    def _tell(self, data: dict[str, object], *, after: bool = False) -> None:
        if after:
            self.wait()
        self._send(self._talk.tell(data))

    def _send(self, msg_id: str) -> None:
        self._pending.append((msg_id, len(self._talk.log)))

    # The promise

    def problems(self, tally: Tally) -> Iterator[tuple[str, str]]:
        yield from self._document_problems()
        if self._reach is None:
            yield from self._rule_problems(tally)
        else:
            yield from _judged(mid_way(self._claims(), self._reach, self._files()), tally)

    def end_problems(self, tally: Tally) -> Iterator[tuple[str, str]]:
        yield from self._document_problems()
        if self._reach is None:
            yield from self._rule_problems(tally)
            return
        stands = Stands(self._portrait, self._files(), self._ask(f"states({set(self._reach)!r})"))
        yield from _judged(final(self._claims(), self._reach, stands), tally)

    def _files(self) -> dict[str, bytes | None]:
        return contents(self._reach or frozenset(), self._directory)

    def _portrait(self, only: Collection[str] | None) -> Mapping[str, str]:
        return self._ask(f"portrait(globals(), {None if only is None else sorted(only)!r})")

    def _ask(self, call: str) -> dict[str, str]:
        """What the kernel's process says of itself."""
        said = self._talk.value(f"{_FAR}.{call}")
        assert said.startswith("{"), said
        return json.loads(said)

    def _claims(self) -> list[Claim]:
        return [self._claim(cell) for cell in self._document.cells]

    def _claim(self, cell: Cell) -> Claim:
        status = self._talk.cells[cell.id]
        reason = status["reason"] or {"kind": None, "message": "", "cells": ()}
        return Claim(
            cell,
            status["freshness"],
            status["outcome"],
            reason["kind"],
            reason["message"],
            tuple(reason["cells"]),
            self._shown(cell.id),
        )

    def _document_problems(self) -> Iterator[tuple[str, str]]:
        """Does the kernel speak of the same cells, and are they all at rest?"""
        ours = {cell.id for cell in self._document.cells}
        if set(self._talk.cells) != ours:
            yield "document", f"the kernel speaks of {sorted(self._talk.cells)}"
            return
        for cell in self._document.cells:
            if (activity := self._talk.cells[cell.id]["activity"]) != "idle":
                yield "activity", f"{cell.id} is {activity} at rest"

    def _rule_problems(self, tally: Tally) -> Iterator[tuple[str, str]]:
        cells = tuple(self._document.cells)
        fresh = fresh_run(cells)
        if fresh is None:
            tally.undecided += 1
            return
        for cell in cells:
            status = self._talk.cells[cell.id]
            if status["freshness"] == "fresh" and cell.mode is not Mode.OFF:
                want, have = fresh.shown[cell.id], self._shown(cell.id)
                if want is None or alike(want) != alike(have):
                    yield "fresh", f"{cell.id} is marked fresh and shows {have}; a fresh run gives {want}"
        if all(self._talk.state(cell.id) == "fresh ok" for cell in cells):
            yield from self._name_problems(fresh)

    def _shown(self, cell: CellId) -> Shown:
        outputs = self._talk.outputs.get(cell, [])
        # Warnings go to the other stream, and are no part of what is compared.
        streams = [each["content"] for each in outputs if each["msg_type"] == "stream"]
        text = "".join(each["text"] for each in streams if each["name"] == "stdout")
        errors = [each["content"] for each in outputs if each["msg_type"] == "error"]
        return Shown(text, f"{errors[0]['ename']}: {errors[0]['evalue']}" if errors else None)

    def _name_problems(self, fresh: Fresh) -> Iterator[tuple[str, str]]:
        have = ast.literal_eval(
            self._talk.value(f"{{k: repr(v) for k, v in list(globals().items()) if k in {PLAIN}}}")
        )
        for name in PLAIN:
            want = fresh.values.get(name)
            if have.get(name) != want:
                yield "name", f"{name} is {have.get(name)} at the end; a fresh run gives {want}"


def _judged(verdict: Verdict, tally: Tally) -> Iterator[tuple[str, str]]:
    tally.undecided += verdict.undecided
    tally.unproven += verdict.unproven
    yield from verdict.problems


def _waiting(source: str, line: int) -> str | None:
    """The source with an endless wait before one of its lines, where Python allows one."""
    lines = source.split("\n")
    if line > len(lines):
        return None
    indent = " " * (len(lines[line - 1]) - len(lines[line - 1].lstrip()))
    wait = [f"{indent}print({HALF_WAY!r}, flush=True)", f"{indent}while True: pass"]
    waiting = "\n".join([*lines[: line - 1], *wait, *lines[line - 1 :]])
    try:
        compile(waiting, "", "exec")
    except SyntaxError:
        return None
    return waiting


def _is_idle(message: Message, msg_id: str) -> bool:
    return (
        message["msg_type"] == "status"
        and message["parent_header"].get("msg_id") == msg_id
        and message["content"]["execution_state"] == "idle"
    )


def campaign(
    seeds: range, kinds: Kinds | None = None, most: int = 5, seconds: float = float("inf")
) -> Figures:
    """Drive the sequences of those seeds through one kernel; answer as the other campaign does."""
    figures = Figures()
    end = time.monotonic() + seconds
    with kernel() as talk:
        for seed in seeds:
            story = sequence(seed, kinds)
            try:
                mismatch, tally = drive(talk, story)
            except Exception:
                print(f"\nseed {seed}, through the kernel, broke off:\n{story}\n", flush=True)
                raise
            figures.add(Figures(1, [seed] if mismatch else [], tally))
            if mismatch is not None:
                print(f"\nseed {seed}, through the kernel: {mismatch}\n{story}\n", flush=True)
            if len(figures.failed) >= most or time.monotonic() > end:
                break
    return figures
