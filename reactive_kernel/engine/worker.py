"""On a worker: hands tasks to benches, processes that run one cell at a time, and keeps the benches."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import BinaryIO, cast

from .._version import __version__
from .bench import Answer, Asked, receive, send
from .task import Bundle, Done, Home, Result, Task, holding

# Packages that both sides need to have alike: values travel as what these say they are.
_ALIKE = ("numpy", "pandas", "polars", "pyarrow", "matplotlib", "scikit-learn", "torch")

_idle: list[_Bench] = []
_lock = threading.Lock()


class _Died(Exception):
    """A bench ended in the middle of a task."""


class _Bench:
    """A process that runs tasks."""

    def __init__(self) -> None:
        environment = {**os.environ, "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from reactive_kernel.engine.bench import main; main()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def run(self, asked: Asked) -> Answer:
        try:
            send(cast("BinaryIO", self._process.stdin), asked)
            return cast("Answer", receive(cast("BinaryIO", self._process.stdout)))
        except (EOFError, OSError) as error:
            raise _Died from error

    def end(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                cast("BinaryIO", pipe).close()
        self._process.kill()
        self._process.wait()


def work(task: Task, upstream: Sequence[Result], blobs: Sequence[bytes]) -> Result:
    """Run a task on the results of others; the function that Dask calls."""
    given: dict[int, tuple[set[str], Bundle]] = {}
    for (name, _), result in zip(task.upstream, upstream):
        bundle = holding(result.left, name) if isinstance(result, Done) else None
        if bundle is None:
            return Home("a cell that it waits for has to run here", inherited=True)
        given.setdefault(id(bundle), (set(), bundle))[0].add(name)
    taken = [(frozenset(names), bundle.blob) for names, bundle in given.values()]
    by_digest = dict(zip(dict.fromkeys(digest for _, digest in task.given), blobs))
    for digest, blob in by_digest.items():
        taken.append((frozenset(name for name, its in task.given if its == digest), blob))
    asked = Asked(replace(task, upstream=(), given=()), tuple(taken))
    for _ in range(2):
        with suppress(_Died):
            return _on_a_bench(asked)
    return Home("the process that ran it on a worker died, twice")


def _on_a_bench(asked: Asked) -> Result:
    with _lock:
        bench = _idle.pop() if _idle else None
    if bench is None:
        bench = _Bench()
    clean = False
    try:
        answer = bench.run(asked)
        clean = answer.clean
        return answer.result
    finally:
        if clean:
            with _lock:
                _idle.append(bench)
        else:
            bench.end()


def close_idle() -> None:
    """End the benches that wait for tasks."""
    with _lock:
        benches = _idle[:]
        _idle.clear()
    for bench in benches:
        bench.end()


def about() -> dict[str, str]:
    """What has to be alike on both sides."""
    found = {"Python": ".".join(map(str, sys.version_info[:2])), "jupyter-reactive": __version__}
    for package in _ALIKE:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
