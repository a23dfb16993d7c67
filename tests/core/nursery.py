"""A process that has run no cell: it makes a child for each notebook, and for each fresh run of one.

It imports what takes long, listens, and forks at every connection.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field, replace
from importlib import import_module
from importlib.util import find_spec
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, TypeAlias, cast

from reactive_kernel.analysis import analyze
from reactive_kernel.beside import Beside
from reactive_kernel.cell import NOTHING, Cell, CellId, Mode, Outcome
from reactive_kernel.event import (
    CellEdited,
    DocumentSynced,
    Event,
    Interrupted,
    Refuse,
    Run,
    RunFinished,
    RunRequested,
    StaleRequested,
    VersionsLost,
)
from reactive_kernel.observe import Observer
from reactive_kernel.pyplot import Figures
from reactive_kernel.session import Session

from ..fuzz.execution import Shown, blank, execute
from ..fuzz.portrait import portrait
from ..fuzz.world import contents

REPOSITORY = Path(__file__).parents[2]
# Seconds that a child may live.
_LONGEST = 60
_FILES = frozenset(("files",))
Files: TypeAlias = Mapping[str, "bytes | None"]


@dataclass(frozen=True)
class Told:
    """What is said of a cell: by the kernel, or (then it is always fresh) by a fresh run."""

    shown: Shown
    freshness: str = "fresh"
    outcome: str | None = None
    kind: str | None = None
    reason: str = ""

    @property
    def is_fresh(self) -> bool:
        return self.freshness == "fresh"


@dataclass(frozen=True)
class State:
    """Where a notebook stands: its cells, the files at its end, and how many cells have run."""

    cells: Mapping[str, Told]
    files: Files
    runs: int = 0


@dataclass(frozen=True)
class Fresh(State):
    """What a fresh run gives, and what then stands behind each name."""

    names: Mapping[str, str] = field(default_factory=dict[str, str])


def names_of(live: Mapping[str, object]) -> dict[str, str]:
    """What stands behind the user's names."""
    mine = {name: value for name, value in live.items() if name not in _OF_IPYTHON}
    try:
        return portrait(mine)
    except RecursionError:
        return dict.fromkeys(mine, "too deep to be drawn")


_OF_IPYTHON = frozenset(("In", "Out", "get_ipython", "exit", "quit", "open"))


class Bench:
    """A notebook under session and observer, as the kernel would have it, without Jupyter."""

    def __init__(self, cells: Mapping[str, str], modes: Mapping[str, str]) -> None:
        self.cells = [Cell(CellId(name), text, Mode(modes.get(name, "auto"))) for name, text in cells.items()]
        self.session = Session(analyze)
        self.observer = Observer(blank(), self.session.versions)
        self._beside = Beside(lambda: self.observer.names.live)
        self._figures = Figures(self._cannot_prove)
        self.shown: dict[CellId, Shown] = {}
        self.runs = 0
        self._halts: dict[CellId, int] = {}
        self._tell(DocumentSynced(tuple(self.cells)))

    def edit(self, name: str, source: str) -> None:
        """Change a text and do not run it."""
        self._replace(name, source)
        self._tell(CellEdited(CellId(name), source))
        self._follow()

    def run(self, *names: str) -> None:
        """Run cells, or all of them."""
        self._tell(RunRequested(tuple(map(CellId, names)) or tuple(cell.id for cell in self.cells)))
        self._follow()

    def enter(self, name: str, source: str) -> None:
        """Change a text and run it."""
        self._replace(name, source)
        self._tell(RunRequested((CellId(name),), source))
        self._follow()

    def run_stale(self) -> None:
        self._tell(StaleRequested())
        self._follow()

    def arrange(self, cells: Mapping[str, str]) -> None:
        """Insert, delete, rename and move cells: this is the document from now on."""
        modes = {cell.id: cell.mode for cell in self.cells}
        self.cells = [Cell(CellId(name), text, modes.get(CellId(name))) for name, text in cells.items()]
        self._tell(DocumentSynced(tuple(self.cells)))
        self._follow()

    def interrupt(self, name: str, line: int) -> None:
        """Run a cell; an interrupt strikes before that line of it."""
        self._halts[CellId(name)] = line
        self.run(name)

    def state(self) -> State:
        cells = {str(cell): self._told(cell) for cell in self.session.cells}
        return State(cells, contents(_FILES), self.runs)

    def names(self) -> dict[str, str]:
        # Drawing may change what is drawn: classes remember that somebody asked for their slots.
        return elsewhere(lambda: names_of(self.observer.names.live))

    def value(self, expression: str) -> str:
        """What code of no cell sees."""
        return repr(eval(expression, self.observer.names.live))

    def _replace(self, name: str, source: str) -> None:
        self.cells = [replace(cell, source=source) if cell.id == name else cell for cell in self.cells]

    def _tell(self, event: Event) -> None:
        self.session.step(event)
        self.observer.names.keep_only(set(self.session.cells))

    def _follow(self) -> None:
        """Run the plan."""
        names = self.observer.names
        while True:
            while (action := self.session.advance()) is not None:
                if isinstance(action, Refuse):
                    self.shown[action.cell] = Shown("", f"Blocked: {action.reason.message}")
                else:
                    self._run(action)
            names.displace(self.session.shifted)
            self.session.shifted.clear()
            lost = names.settle(lambda name: self.session.versions.source_of(name, None))
            if not lost:
                return
            self.session.step(VersionsLost(frozenset(lost)))

    def _run(self, run: Run) -> None:
        self.observer.begin(run)
        self._beside.begin(run.source)
        self._figures.begin()
        halt = self._halts.pop(run.cell, 0)
        self.shown[run.cell], error = execute(run.source, run.cell, self.observer.names.live, halt)
        outcome = Outcome.OK if error is None else Outcome.ERROR
        if isinstance(error, KeyboardInterrupt):
            outcome = Outcome.INTERRUPTED
        self._figures.end()
        self._cannot_prove(self._beside.left())
        seen = self.observer.finish(outcome, error)
        del error
        self.runs += 1
        self.session.step(RunFinished(run.cell, run.run, outcome, self.runs, seen))
        if outcome is Outcome.INTERRUPTED:
            self._tell(Interrupted())

    def _cannot_prove(self, why: str | None) -> None:
        if why is not None:
            self.observer.tell(NOTHING, NOTHING, why)

    def _told(self, cell: CellId) -> Told:
        status = self.session.status(cell)
        reason = status.reason
        return Told(
            self.shown.get(cell, Shown("", None)),
            status.freshness.value,
            status.outcome and status.outcome.value,
            reason and reason.kind,
            reason.message if reason else "",
        )


# A fresh run


class Plain:
    """Runs cells in one namespace, as any Python would: nothing of the kernel has a part in it."""

    def __init__(self) -> None:
        self.live = blank()

    def run(self, name: str, source: str) -> Shown:
        return execute(source, name, self.live)[0]


class Ipython:
    """The same in IPython, with a loop that lives as long as the process."""

    def __init__(self) -> None:
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        shell = cast("Any", InteractiveShell)
        config = Config({"InteractiveShell": {"colors": "NoColor"}, "HistoryManager": {"enabled": False}})
        self._shell = shell.instance(config=config)
        self._loop = asyncio.new_event_loop()
        self.live: dict[str, object] = self._shell.user_ns

    def run(self, name: str, source: str) -> Shown:
        from IPython.utils.capture import capture_output

        code = self._shell.transform_cell(source)
        with cast("Any", capture_output)() as captured:
            result = self._loop.run_until_complete(
                self._shell.run_cell_async(source, store_history=True, transformed_cell=code)
            )
        error = result.error_in_exec or result.error_before_exec
        text = str(captured.stdout) if error is None else _before_traceback(captured.stdout)
        if prompt := re.search(r"^Out\[\d+\]: \n?", text, re.MULTILINE):
            text = text[: prompt.start()] + text[prompt.end() :].removesuffix("\n")
        text += "".join([str(each.data.get("text/plain", "")) for each in captured.outputs])
        return Shown(text, None if error is None else f"{type(error).__name__}: {error}")


def _before_traceback(text: str) -> str:
    return text.partition("-" * 60)[0]


def fresh(kind: str, cells: Mapping[str, str], failing: frozenset[str]) -> Fresh:
    """Run cells; those known to fail leave nothing behind."""
    python = Plain() if kind == "plain" else Ipython()
    shown: dict[str, Told] = {}
    for name, source in cells.items():
        if name in failing:
            shown[name] = Told(Shown(*elsewhere(lambda: astuple(python.run(name, source)))))  # noqa: B023  # called at once
        else:
            shown[name] = Told(python.run(name, source))
    return Fresh(shown, contents(_FILES), names=names_of(python.live))


def elsewhere(work: Callable[[], object]) -> Any:
    """Let a child do something, so that nothing but its answer comes of it."""
    out, into = os.pipe()
    if not os.fork():
        with os.fdopen(into, "w") as pipe:
            json.dump(work(), pipe)
        os._exit(0)
    os.close(into)
    with os.fdopen(out) as pipe:
        return json.load(pipe)


# Children


def _serve(link: Connection) -> None:
    """Be what the first message says, and answer until nobody asks any more."""
    kind, directory, *rest = link.recv()
    # A cell that waits for ever ends here.
    signal.alarm(_LONGEST)
    os.chdir(directory)
    warnings.simplefilter("ignore")
    if kind != "bench":
        link.send(fresh(kind, *rest))
        return
    bench = Bench(*rest)
    while True:
        try:
            method, arguments = link.recv()
        except EOFError:
            return
        link.send(_answer(bench, method, arguments))


def _answer(bench: Bench, method: str, arguments: tuple[Any, ...]) -> object:
    try:
        return getattr(bench, method)(*arguments)
    except Exception as error:  # noqa: BLE001  # a crash is told to whoever asked
        return error


def main(address: str, *preloaded: str) -> None:
    for name in preloaded:
        if find_spec(name.partition(".")[0]):
            import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with Listener(address) as listener:
        print("ready", flush=True)
        while True:
            link = listener.accept()
            if os.fork():
                link.close()
                continue
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                _serve(link)
            finally:
                sys.stdout.flush()
                os._exit(0)


# Whoever asks


class Nursery:
    """The process, seen from the tests."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._known: dict[object, Fresh] = {}

    def call(self, *message: object) -> Connection:
        link = Client(self._address)
        link.send(message)
        return link

    def fresh(self, kind: str, cells: Mapping[str, str], files: Files, place: Path) -> Fresh:
        """What a fresh process makes of those cells, beginning with those files in an empty directory."""
        key = kind, tuple(cells.items()), tuple(sorted(files.items()))
        if key not in self._known:
            self._known[key] = self._fresh(kind, cells, files, place)
        return self._known[key]

    def _fresh(self, kind: str, cells: Mapping[str, str], files: Files, place: Path) -> Fresh:
        failing: frozenset[str] = frozenset()
        while True:
            directory = place / f"fresh{len(list(place.iterdir()))}" / "notebook"
            lay_out(directory, files)
            with self.call(kind, str(directory), dict(cells), failing) as link:
                state: Fresh = link.recv()
            failed = {name for name, told in state.cells.items() if told.shown.error is not None}
            if failed <= failing:
                return state
            failing |= failed


def lay_out(directory: Path, files: Files) -> None:
    """Make a directory with those files; None stands for a directory in it."""
    directory.mkdir(parents=True)
    for name, content in sorted(files.items()):
        path = directory / name
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


@contextmanager
def nursery(place: Path, *preloaded: str) -> Generator[Nursery]:
    """Start the process; it imports those modules, as far as they are there."""
    address = str(place / "nursery")
    environment = {
        **os.environ,
        "PYTHONPATH": str(REPOSITORY),
        "OPENBLAS_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
    }
    # Not with `-m`: what it sends would be of a module `__main__`.
    command = [sys.executable, "-c", f"from tests.core.nursery import main; main(*{[address, *preloaded]!r})"]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield Nursery(address)
        finally:
            process.terminate()
