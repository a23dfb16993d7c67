"""Runs cells of other kernels, one at a time, in a process that does nothing else.

Each runs as if nothing else had ever run there. What cannot be undone ends the process, and another begins.
"""

from __future__ import annotations

import importlib
import io
import os
import pickle
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, cast

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Type
from traitlets.config import Config

from ..analysis import analyze
from ..cell import NOTHING, CellFacts, CellId, Observation, Outcome, Resource
from ..event import Run
from ..fixed import fixed
from ..objects import reach
from ..observe import Observer
from ..switches import Showing
from .fence import Fence, anywhere
from .placement import imported
from .task import Done, Home, Result, Shown, Task
from .travel import Span, bundled, loads, meet, memory

_CELL = CellId("elsewhere")
# Resources whose state is another one on each machine, or that whoever reads them also changes.
_OF_THIS_MACHINE = ("cwd:", "environ:", "random:", "table:")
_LENGTH = struct.Struct("!Q")


@fixed
class Asked:
    """A task with the bytes of what it takes: names, and the bundle that they are in."""

    task: Task
    given: tuple[tuple[frozenset[Resource], bytes], ...]


@fixed
class Answer:
    result: Result
    # Is the process still as if nothing had run in it?
    clean: bool


def send(to: BinaryIO, message: object) -> None:
    blob = pickle.dumps(message, protocol=5)
    to.write(_LENGTH.pack(len(blob)))
    to.write(blob)
    to.flush()


def receive(source: BinaryIO) -> Any:
    """The next message; raises EOFError when there will be none."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    blob = source.read(length)
    if len(blob) < length:
        raise EOFError
    return pickle.loads(blob)  # noqa: S301  # what is sent here runs here


# IPython, showing things to us


class _Shows:
    """What the cell under way shows, in order."""

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self.source = ""
        # What it shows that only a front end of this kernel's own could show.
        self.why: str | None = None


_SHOWS = _Shows()


class _Stream(io.TextIOBase):
    encoding = "UTF-8"  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]  # a property there

    def __init__(self, name: str) -> None:
        self.name = name

    def writable(self) -> bool:
        return True

    def write(self, text: Any, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if text:
            _SHOWS.shown.append((self.name, text, None))
        return len(text)


class _Result(DisplayHook):
    def quiet(self) -> bool:
        return bool(self.semicolon_at_end_of_expression(_SHOWS.source))

    def __call__(self, result: object = None) -> None:
        if result is None or self.quiet():
            return
        found, metadata = cast("tuple[dict[str, Any], dict[str, Any]]", self.compute_format_data(result))
        if found:
            _SHOWS.shown.append(("execute_result", found, metadata))


class _Displays(DisplayPublisher):
    def publish(
        self,
        data: Mapping[str, object],
        metadata: Mapping[str, object] | None = None,
        source: object = None,
        *,
        transient: Mapping[str, object] | None = None,
        update: bool = False,
        **others: object,
    ) -> None:
        if update or transient:
            _SHOWS.why = "it updates what it shows"
        _SHOWS.shown.append(("display_data", dict(data), dict(metadata or {})))

    def clear_output(self, wait: bool = False) -> None:  # noqa: FBT001, FBT002  # as IPython calls it
        _SHOWS.shown.append(("clear_output", wait, None))


class _Shell(InteractiveShell):
    """IPython without a terminal and without a memory. What fails here runs again at home."""

    displayhook_class = Type(_Result)
    display_pub_class = Type(_Displays)

    def showtraceback(self, *arguments: Any, **named: Any) -> None:
        pass

    def showsyntaxerror(self, *arguments: Any, **named: Any) -> None:
        pass


def _shell() -> _Shell:
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    return _Shell.instance(config=config)


class _Alone:
    """The document of a bench: nobody else is in it."""

    outside = NOTHING

    def __contains__(self, cell: object) -> bool:
        return True

    def everything(self, cell: CellId) -> dict[Resource, CellId | None]:
        return {}

    def in_force(self, name: Resource, cell: CellId) -> CellId | None:
        return None

    def is_fresh(self, cell: CellId) -> bool:
        return True

    def below(self, cell: CellId, other: CellId) -> bool:
        return False


class Bench:
    """Runs tasks."""

    def __init__(self) -> None:
        sys.stdout, sys.stderr = cast("Any", _Stream("stdout")), cast("Any", _Stream("stderr"))
        self._shell = _shell()
        self._live = cast("dict[str, object]", self._shell.user_ns)
        self._bare = frozenset(self._live)
        self._observer = Observer(self._live, _Alone())
        self._observer.follow(Showing(cast("Any", self._shell)))
        self._fence = Fence()
        self._prelude: tuple[str, ...] = ()
        # What it defined, whatever tasks bind to those names.
        self._defined: dict[str, object] = {}
        self.clean = True

    def run(self, asked: Asked) -> Result:
        """Run a task; afterwards the process is as before, or `clean` no more."""
        task = asked.task
        try:
            self._prepare(task)
            for names, blob in asked.given:
                held = loads(blob)
                self._live.update({name: held[name] for name in names})
        except Exception as error:  # noqa: BLE001  # whatever it is, it is no reason for the cell to fail
            self.clean = False
            return Home(f"a worker cannot make what it needs ({type(error).__name__}: {error})")
        try:
            return self._observed(task, analyze(task.source, {}))
        finally:
            self._forget()

    def _prepare(self, task: Task) -> None:
        """Have what it uses imported and defined, as it is wherever those cells have run."""
        if task.prelude != self._prelude or not self._prelude:
            for name in self._defined:
                self._live.pop(name, None)
            self._prelude, self._defined = (), {}
            for source in task.prelude:
                self._shell.run_cell(source, store_history=False).raise_error()
            self._prelude = task.prelude
            live = self._live
            self._defined = {name: live[name] for name in live if name not in self._bare}
        for name in imported(task.source):
            # What an import does to the process belongs to the import.
            importlib.import_module(name)

    def _forget(self) -> None:
        names = self._observer.names
        names.keep_only(())
        for name in [name for name in self._live if name not in self._bare and name not in self._defined]:
            del self._live[name]
        self._live.update(self._defined)

    def _observed(self, task: Task, facts: CellFacts) -> Result:
        observer, live = self._observer, self._live
        there = [name for name in live if name not in self._bare]
        observer.names.adopt(there)
        before = _ids(live[name] for name in there)
        spans = [each for name in there for each in memory(live[name])]
        run = Run(_CELL, 1, task.source, facts, dict.fromkeys(sorted(task.reads)), task.touches)
        threads = threading.active_count()
        observer.begin(run)
        failed = self._run(task.source)
        seen = observer.finish(Outcome.OK, None)
        changed = bool(seen.changes or seen.changed or seen.deleted)
        if changed or _ids(live[name] for name in there) != before:
            # Some of it may be the definitions': the next task gets them anew.
            self._prelude, changed = (), True
        left = self._left_over(seen, threads)
        self.clean = left is None and self._fence.why is None
        why = self._fence.why or failed or left or ("it changes an object that it reads" if changed else None)
        why = why or self._amiss(seen)
        return Home(why) if why is not None else self._leaving(task, seen, before, spans)

    def _run(self, source: str) -> str | None:
        """Run the cell's code; answer why it failed, if it did."""
        _SHOWS.shown, _SHOWS.source, _SHOWS.why = [], source, None
        self._fence.raised()
        try:
            done = self._shell.run_cell(source, store_history=False)
        finally:
            self._fence.lowered()
        error = done.error_before_exec or done.error_in_exec
        return None if error is None else f"it fails ({type(error).__name__}), and is to fail here"

    def _left_over(self, seen: Observation, threads: int) -> str | None:
        """What the run left in the process that nobody puts back before the next one, if anything."""
        if around := sorted(name for name in seen.bound if name.startswith(("around:", "module:"))):
            return f"it sets something in a library (`{around[0]}`)"
        if threading.active_count() > threads:
            return "it leaves a thread at work"
        figures: Any = getattr(sys.modules.get("matplotlib._pylab_helpers"), "Gcf", None)
        return "it leaves a figure of pyplot's open" if figures is not None and figures.figs else None

    def _amiss(self, seen: Observation) -> str | None:
        """Why what the run did does not count, though it changed nothing."""
        if seen.unproven is not None:
            return f"on a worker nobody can say what it did: {seen.unproven}"
        if outside := sorted(name for name in seen.bound if ":" in name):
            return f"it leaves something outside of names (`{outside[0]}`)"
        own = sorted(name for name in seen.reads if name.startswith(_OF_THIS_MACHINE))
        if own:
            return f"it goes by what this process is like (`{own[0]}`)"
        files = sorted(name for name in seen.reads if name.startswith(("file:", "dir:")))
        if any(not anywhere(name.partition(":")[2]) for name in files):
            return "it looks at files, and files are those of this machine"
        if _written():
            return "it writes past Python to what shows"
        shown = _SHOWS.shown
        if any(what == "stderr" and "Warning" in str(text) for what, text, _ in shown):
            return "it warns, and says from where"
        if any(isinstance(data, dict) and _is_bound(cast("Collection[str]", data)) for _, data, _ in shown):
            return "it shows a widget, whose other end is this kernel"
        return _SHOWS.why

    def _leaving(
        self, task: Task, seen: Observation, before: frozenset[int], spans: Sequence[Span]
    ) -> Result:
        """What it leaves, in bytes."""
        live = self._live
        values = {name: live[name] for name in sorted(seen.bound) if name in live}
        left, refused = bundled(values)
        for name, value in values.items():
            if name not in refused and (not before.isdisjoint(_ids((value,))) or meet(memory(value), spans)):
                refused[name] = "it shares objects with what the cell reads"
        for name in sorted(refused.keys() & task.needed):
            return Home(f"`{name}` cannot travel: {refused[name]}")
        if any(not bundle.names.isdisjoint(refused) for bundle in left):
            left = [bundle for bundle in left if bundle.names.isdisjoint(refused)]
        goes_by = frozenset(
            name for name in seen.reads if ":" in name and not name.startswith(("file:", "dir:"))
        )
        kept = frozenset(name for bundle in left for name in bundle.names)
        return Done(tuple(_SHOWS.shown), tuple(left), goes_by, frozenset(values) - kept)


def _ids(values: Any) -> frozenset[int]:
    """The objects behind values that may change; modules are the same everywhere."""
    return frozenset[int]().union(*(reach(each).ids for each in values if type(each) is not type(sys)))


def _is_bound(data: Collection[str]) -> bool:
    return any(kind.startswith("application/vnd.jupyter") for kind in data)


def _written() -> bool:
    """Has something been written to the process's own outputs, past Python?"""
    written = False
    for number in (1, 2):
        if os.lseek(number, 0, os.SEEK_END):
            written = True
            os.ftruncate(number, 0)
    return written


def _watch(parent: int) -> None:
    """Nobody needs a bench whose worker is gone."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)


def _aside() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the worker, out of the way of what cells do to standard streams."""
    source, to = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123  # as a file descriptor
        os.dup2(nothing.fileno(), 0)
    for number in (1, 2):
        with tempfile.TemporaryFile() as sink:
            os.dup2(sink.fileno(), number)
    return source, to


def main() -> None:
    sys.dont_write_bytecode = True
    sys.path[:] = [place for place in sys.path if place and place != os.getcwd()]  # noqa: PTH109  # the path's own words are strings
    source, to = _aside()
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()
    bench = Bench()
    # The first run of all brings what IPython imports when it is needed.
    bench.run(Asked(Task("print()\n1", (), (), (), NOTHING, NOTHING, NOTHING), ()))
    bench.clean = True
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        while bench.clean:
            result = bench.run(receive(source))
            send(to, Answer(result, bench.clean))
