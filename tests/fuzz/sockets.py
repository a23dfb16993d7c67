"""The same sequences through a real kernel: over its sockets, in its protocol, in IPython."""

from __future__ import annotations

import ast
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from reactive_kernel.cell import CellId, Mode

from ..kernel.conversation import TIMEOUT, Conversation, synced
from .campaign import Figures
from .drive import Document, Mismatch, Tally
from .execution import Shown
from .notebooks import Kinds, Operation, Story, sequence
from .oracle import Fresh, fresh_run
from .writer import LISTS, NUMBERS

REPOSITORY = Path(__file__).parents[2]
# What a fresh run gives for these is read from the kernel's namespace, too.
PLAIN = (*NUMBERS, *LISTS)


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
    talk.do({"op": "configure", "mode": "auto"})
    talk.do(synced({}))
    talk.outputs.clear()
    since = len(talk.log)
    tally = Tally()
    front = _FrontEnd(talk, story)
    for number, operation in enumerate((*story.operations, Operation("stale")), 1):
        if operation.kind == "interrupt" or not front.carry_out(operation):
            continue
        if operation.steps is None or number > len(story.operations):
            front.wait()
            tally.checks += 1
            for kind, message in front.problems(tally):
                return Mismatch(kind, number, message), tally
    tally.runs = sum(message["msg_type"] == "execute_input" for message in talk.log[since:])
    return None, tally


class _FrontEnd:
    def __init__(self, talk: Conversation, story: Story) -> None:
        self._talk = talk
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
        if operation.kind in ("edit_run", "append"):
            self._send(self._talk.ask(operation.source, cells[0]))
        elif operation.kind == "edit":
            self._tell({"op": "edit", "id": cells[0], "source": operation.source})
        elif operation.kind == "run":
            self._tell({"op": "run", "cells": cells})
        elif operation.kind == "stale":
            self._tell({"op": "run", "stale": True})
        elif operation.kind == "cascade":
            self._tell({"op": "configure", "mode": operation.word})
        else:
            self._tell(self._sync())
        return True

    def wait(self) -> None:
        """Until all that was sent is over."""
        for msg_id, since in self._pending:
            self._talk.finish(msg_id, since)
        self._pending.clear()

    def _sync(self) -> dict[str, object]:
        cells = self._document.cells
        modes = {cell.id: cell.mode.value for cell in cells if cell.mode is not None}
        return synced({cell.id: cell.source for cell in cells}, modes)

    def _tell(self, data: dict[str, object]) -> None:
        self._send(self._talk.tell(data))

    def _send(self, msg_id: str) -> None:
        self._pending.append((msg_id, len(self._talk.log)))

    def problems(self, tally: Tally) -> Iterator[tuple[str, str]]:
        cells = tuple(self._document.cells)
        fresh = fresh_run(cells)
        if fresh is None:
            tally.undecided += 1
            return
        if set(self._talk.cells) != {cell.id for cell in cells}:
            yield "document", f"the kernel speaks of {sorted(self._talk.cells)}"
            return
        for cell in cells:
            status = self._talk.cells[cell.id]
            if status["activity"] != "idle":
                yield "activity", f"{cell.id} is {status['activity']} at rest"
            if status["freshness"] == "fresh" and cell.mode is not Mode.OFF:
                want, have = fresh.shown[cell.id], self._shown(cell.id)
                if want is None or _comparable(want) != _comparable(have):
                    yield "fresh", f"{cell.id} is marked fresh and shows {have}; a fresh run gives {want}"
        if all(self._talk.state(cell.id) == "fresh ok" for cell in cells):
            yield from self._name_problems(fresh)

    def _shown(self, cell: CellId) -> Shown:
        outputs = self._talk.outputs.get(cell, [])
        text = "".join(each["content"]["text"] for each in outputs if each["msg_type"] == "stream")
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


def _comparable(shown: Shown) -> Shown:
    # IPython words a syntax error in its own way.
    kind, _, _ = (shown.error or "").partition(":")
    return (
        replace(shown, error=kind) if kind in ("SyntaxError", "IndentationError", "RecursionError") else shown
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
            mismatch, tally = drive(talk, story)
            figures.add(Figures(1, [seed] if mismatch else [], tally))
            if mismatch is not None:
                print(f"\nseed {seed}, through the kernel: {mismatch}\n{story}\n", flush=True)
            if len(figures.failed) >= most or time.monotonic() > end:
                break
    return figures
