"""`%reactive`: what people ask the kernel from within the notebook."""

from __future__ import annotations

import codecs
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import field
from pathlib import Path
from typing import Any, cast

from IPython import display

from .cell import CellId, Outcome
from .event import CascadeChosen
from .files.hook import ear
from .fixed import fixed
from .publish import Publication
from .session import Session

# Seconds that a fresh run which was interrupted has to take its kernel down.
_GRACE = 15.0

HELP = """\
%reactive                    how the notebook is: which cells are not up to date, and why
%reactive why NAME           who wrote a name, who reads it, which version is in force
%reactive why CELL           what a cell read, at which versions, and why it is fresh or not (number or id)
%reactive mode auto|lazy     rerun what depends on a change, or only mark it
%reactive verify             run everything in a fresh process and compare with what the cells show here
                             (--timeout SECONDS, --skip-manual)
%reactive help               this"""


@fixed
class Host:
    """The kernel, as far as the magic asks it."""

    document: Session
    # Whoever asks or steps the document holds this.
    turn: AbstractContextManager[object]
    live: Callable[[], Mapping[str, object]]
    latest: Callable[[CellId], Publication | None]
    choose: Callable[[CascadeChosen], None]
    # Where a cell ran, and why there, in a sentence, if there is a choice.
    place: Callable[[CellId], str | None]
    # How the process was when the kernel began: a fresh run begins there, too.
    directory: str = field(default_factory=os.getcwd)
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


class ReactiveMagic:
    """Its words are methods; a document that nobody has told of has no answers."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._words: Mapping[str, Callable[[str], None]] = {
            "": self._overview,
            "why": self._why,
            "mode": self._mode,
            "verify": self._verify,
            "help": self._help,
        }

    def __call__(self, line: str) -> None:
        # Files and programs of ours are not what the cell reads and writes.
        ear.quietly(self._answer, (line,), {})

    def _answer(self, line: str) -> None:
        word, _, rest = line.strip().partition(" ")
        answer = self._words.get(word)
        if answer is None:
            _say(f"There is no `%reactive {word}`.\n{HELP}")
        elif word in ("help", "mode") or self._host.document.cells:
            answer(rest.strip())
        else:
            _say("No front end has told this kernel of a notebook, so there is nothing to ask about.")

    def _help(self, rest: str) -> None:
        _say(HELP)

    def _overview(self, rest: str) -> None:
        # Not before somebody asks: kernels start faster without it.
        from .explain import overview

        with self._host.turn:
            found = overview(self._host.document)
        _show(str(found), found.html())

    def _why(self, asked: str) -> None:
        # Not before somebody asks: kernels start faster without it.
        from .explain import why

        with self._host.turn:
            found = why(self._host.document, asked, self._host.live().keys(), self._host.place)
        _show(str(found), found.html())

    def _mode(self, asked: str) -> None:
        host = self._host
        if asked not in ("", "auto", "lazy"):
            _say(f"The mode is `auto` or `lazy`, not `{asked}`.")
            return
        if asked:
            host.choose(CascadeChosen(asked == "auto"))
        if host.document.auto:
            _say("auto: cells run again when their inputs change.")
        else:
            _say("lazy: cells whose inputs change are marked stale, and run when somebody asks for them.")

    def _verify(self, options: str) -> None:
        # Not before somebody asks: kernels start faster without it.
        from .verify import MARK

        if MARK in os.environ:
            _say("This is a fresh run itself.")
            return
        with tempfile.TemporaryDirectory(prefix="reactive-") as place:
            path = Path(place, "notebook.ipynb")
            with self._host.turn:
                # What is no JSON would not have been shown, either: any text will do for it.
                path.write_text(json.dumps(_notebook(self._host), default=repr), encoding="utf-8")
            self._run_afresh(path, shlex.split(options))

    def _run_afresh(self, path: Path, options: list[str]) -> None:
        """Let the command compare, in a process of its own, and show what it says as it says it."""
        host = self._host
        command = [sys.executable, "-m", "reactive_kernel.command", "verify", str(path), "--own"]
        with subprocess.Popen(
            [*command, "--directory", host.directory, *options],
            cwd=path.parent,
            env=dict(host.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                _relay(process)
            except KeyboardInterrupt:
                _stop(process)
                raise


def _relay(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    while piece := cast("Any", process.stdout).read1():
        sys.stdout.write(decoder.decode(piece))
        sys.stdout.flush()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _show(text: str, html: str) -> None:
    cast("Any", display).display({"text/plain": text, "text/html": html}, raw=True)


# The document as a notebook, with what its cells show


def _notebook(host: Host) -> dict[str, object]:
    cells = [_cell(host, cell) for cell in host.document.cells]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _cell(host: Host, cell: CellId) -> dict[str, object]:
    document, latest = host.document, host.latest(cell)
    status = document.status(cell)
    # Another cell may have had the id before this one.
    ran = latest is not None and latest.run == status.run and cell != document.running
    shown = latest.shown if ran and latest is not None else []
    own: dict[str, object] = {"mode": document.mode(cell).value, "marked": status.freshness.value}
    if status.outcome is Outcome.BLOCKED and status.reason is not None:
        own["verify"] = f"it is blocked here, too: {status.reason.message}"
    elif shown is None:
        own["verify"] = "it showed more than the kernel keeps"
    return {
        "cell_type": "code",
        "id": cell,
        "source": document.cell(cell).source,
        "metadata": {"reactive": own},
        "execution_count": status.execution_count,
        "outputs": [_output(msg_type, content) for msg_type, content in shown or ()],
    }


def _output(msg_type: str, content: Mapping[str, Any]) -> dict[str, object]:
    """A message's content as nbformat stores it."""
    if msg_type == "stream":
        return {"output_type": msg_type, "name": content["name"], "text": content["text"]}
    if msg_type == "error":
        kept = {key: content[key] for key in ("ename", "evalue", "traceback")}
        return {"output_type": msg_type, **kept}
    count = {"execution_count": content["execution_count"]} if msg_type == "execute_result" else {}
    return {"output_type": msg_type, "data": content["data"], "metadata": content["metadata"], **count}
