"""A cluster of Dask's: takes tasks, and hands back results as they come."""

from __future__ import annotations

import logging
import queue
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from .task import Bundle, Home, Result, Task

# What is larger goes to the workers itself, not through the scheduler.
_LARGE = 1 << 16
# Seconds to find a scheduler, and for a cluster of our own to begin.
_PATIENCE, _BEGINNING = 20.0, 120.0
# Seconds between two looks for a scheduler that was lost.
_AGAIN = 5.0
_LOST = "the cluster was lost"
# Parts of Dask, and of what it stands on, that draw numbers in the process of their user.
_DRAWING = (
    "dask.sizeof",
    "distributed.comm.core",
    "distributed.utils_comm",
    "distributed.worker_state_machine",
    "tornado.ioloop",
)


class NoCluster(Exception):
    """The engine cannot be used, and why."""


@dataclass(eq=False)
class _Link:
    """A connection to a scheduler; what came by one nobody knows by another."""

    client: Any
    # What lies with the workers already, by what is in it.
    scattered: dict[str, Any] = field(default_factory=dict[str, Any])


class Waiting:
    """A result that is to come."""

    def __init__(self, future: Any, link: _Link | None) -> None:
        self.future = future
        self.link = link
        self.result: Result | None = None
        self._there = threading.Event()

    def deliver(self, result: Result) -> None:
        self.result = result
        self._there.set()

    def wait(self, heed: Callable[[], None]) -> Result:
        """Wait; `heed` is called now and then, and may raise."""
        while not self._there.wait(0.05):
            heed()
        assert self.result is not None
        return self.result


def address(engine: str) -> str:
    """Where the scheduler is, as Dask says it: of `dask://HOST:PORT`, or `dask+tls://HOST:PORT`."""
    scheme, found, place = engine.partition("://")
    protocols = {"dask": "tcp", "dask+tls": "tls"}
    if not found or scheme not in protocols or not place.rpartition(":")[2].isdecimal():
        raise NoCluster(
            f"`{engine}` is no engine: it is `dask`, `dask://HOST:PORT` or `dask+tls://HOST:PORT`"
        )
    return f"{protocols[scheme]}://{place}"


class LocalCluster:
    """A scheduler and workers on this machine, in a process of their own that ends with this one."""

    def __init__(self, workers: int | None = None) -> None:
        program = f"from reactive_kernel.engine.local import main; main({workers!r})"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        told: list[bytes] = []
        reader = threading.Thread(
            target=lambda: told.append(cast("BinaryIO", self._process.stdout).readline())
        )
        reader.start()
        reader.join(_BEGINNING)
        self.address = told[0].decode().strip() if told else ""
        if not self.address:
            self.close()
            raise NoCluster("a local Dask cluster does not start; is `jupyter-reactive[dask]` installed?")

    def close(self) -> None:
        with suppress(OSError):
            cast("BinaryIO", self._process.stdin).close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        cast("BinaryIO", self._process.stdout).close()


class Cluster:
    """What the kernel knows of a cluster."""

    def __init__(self, engine: str, workers: int | None = None) -> None:
        try:
            from distributed import Client  # an optional dependency, and slow to import
        except ImportError as error:
            raise NoCluster(
                f"Dask is not installed ({error}): `pip install jupyter-reactive[dask]`"
            ) from None
        _draw_apart()
        # What it says of lost connections would appear in whatever cell runs; the cells' places say it.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        self._local = LocalCluster(workers) if engine == "dask" else None
        self._where = where = self._local.address if self._local else address(engine)
        try:
            self._link = _Link(Client(where, timeout=_PATIENCE, set_as_default=False))
        except (OSError, TimeoutError) as error:
            if self._local is not None:
                self._local.close()
            raise NoCluster(f"the scheduler at {where} cannot be reached ({type(error).__name__})") from None
        self._finished: queue.SimpleQueue[tuple[Waiting, Any] | None] = queue.SimpleQueue()
        self._lost = False
        self._losing = threading.Lock()
        self._closed = threading.Event()
        self._collector = threading.Thread(target=self._collect, daemon=True)
        self._collector.start()

    def differs(self) -> str | None:
        """What on the workers is not as it is here, if anything."""
        return _difference(self._link.client)

    def knows(self, waiting: Waiting) -> bool:
        """Is the result, or will it be, with the cluster as it is now?"""
        return not self._lost and waiting.future is not None and waiting.link is self._link

    def _lose(self) -> None:
        """Whoever waits for a scheduler that is gone waits long: all runs here until it is back."""
        with self._losing:
            if not self._lost and not self._closed.is_set():
                self._lost = True
                if self._local is None:
                    threading.Thread(target=self._find_again, name="cluster", daemon=True).start()

    def _find_again(self) -> None:
        from distributed import Client  # imported when the cluster began

        while not self._closed.wait(_AGAIN):
            with suppress(Exception):
                # A client that finds nobody leaves a thread behind: first see whether there is somebody.
                _knock(self._where)
                client = Client(self._where, timeout=_AGAIN, set_as_default=False)
                if _difference(client) is None:
                    self._go_on_with(_Link(client))
                    return
                client.close(timeout=_AGAIN)

    def _go_on_with(self, link: _Link) -> None:
        with self._losing:
            old, self._link = self._link, link
            self._lost = False
        with suppress(Exception):
            old.client.close(timeout=_AGAIN)

    def submit(
        self, task: Task, upstream: Sequence[Waiting], given: Sequence[Bundle], priority: int
    ) -> Waiting:
        """Have a task done. What a cluster knows already under the task's key it does not do again."""
        link = self._link
        if not all(map(self.knows, upstream)) or self._lost:
            return _not_sent(_LOST)
        from .worker import work

        before = [waiting.future for waiting in upstream]
        try:
            blobs = [_sent(bundle, link) for bundle in given]
            future: Any = link.client.submit(work, task, before, blobs, key=task.key, priority=-priority)
        except Exception as error:  # noqa: BLE001  # a cluster can fail in as many ways as it has parts
            self._lose()
            return _not_sent(f"{_LOST} ({type(error).__name__})")
        waiting = Waiting(future, link)

        def note(done: Any) -> None:
            self._finished.put((waiting, done))

        future.add_done_callback(note)
        return waiting

    def _collect(self) -> None:
        """Fetch results, all at once that have come by then."""
        while (first := self._finished.get()) is not None:
            done: list[tuple[Waiting, Any]] = [first]
            while not self._finished.empty() and (more := self._finished.get()) is not None:
                done.append(more)
            self._deliver(done)
            if self._closed.is_set():
                return

    def _deliver(self, done: Sequence[tuple[Waiting, Any]]) -> None:
        good = [(waiting, future) for waiting, future in done if future.status == "finished"]
        for waiting, future in done:
            if future.status != "finished":
                if future.status in ("cancelled", "lost") and waiting.link is self._link:
                    self._lose()
                waiting.deliver(Home(_of_failure(future)))
        for link in dict.fromkeys(waiting.link for waiting, _ in good if waiting.link is not None):
            its = [(waiting, future) for waiting, future in good if waiting.link is link]
            try:
                results = cast("list[Result]", link.client.gather([future for _, future in its]))
            except Exception as error:  # noqa: BLE001  # a cluster can fail in as many ways as it has parts
                results = [Home(f"its result cannot be fetched ({type(error).__name__})")] * len(its)
            for (waiting, _), result in zip(its, results):
                waiting.deliver(result)

    def keep(self, name: str, waiting: Sequence[Waiting]) -> None:
        """Have the cluster keep these results, and forget those that it kept under the name before."""
        if self._lost:
            return
        done = [each.future for each in waiting if self.knows(each) and each.future.status == "finished"]
        self._link.client.publish_dataset(done, name=f"reactive:{name}", override=True)

    def close(self) -> None:
        self._closed.set()
        self._finished.put(None)
        with suppress(Exception):
            self._link.client.close(timeout=5)
        if self._local is not None:
            self._local.close()


def _draw_apart() -> None:
    """Give Dask a generator of its own: from the one that cells have seeded it would take their numbers."""
    own = random.Random()  # noqa: S311  # for waits and samples, where nobody has anything to guess
    for name in _DRAWING:
        module: Any = sys.modules.get(name)
        if getattr(module, "random", None) is random:
            module.random = own


def _sent(bundle: Bundle, link: _Link) -> Any:
    if len(bundle.blob) < _LARGE:
        return bundle.blob
    if bundle.digest not in link.scattered:
        key = f"reactive-given-{bundle.digest}"
        link.scattered[bundle.digest] = link.client.scatter({key: bundle.blob})[key]
    return link.scattered[bundle.digest]


def _knock(where: str) -> None:
    host, _, port = where.partition("://")[2].rpartition(":")
    socket.create_connection((host.strip("[]"), int(port)), _AGAIN).close()


def _difference(client: Any) -> str | None:
    """What on the workers is not as it is here, if anything."""
    from .worker import about  # it brings IPython

    here = about()
    try:
        there = cast("Mapping[str, Mapping[str, str]]", client.run(about))
    except Exception as error:  # noqa: BLE001  # whatever fails there is why
        return f"the workers cannot run cells ({type(error).__name__}: {error}); they need jupyter-reactive"
    if not there:
        return "the cluster has no workers"
    for found in there.values():
        for package, version in here.items():
            if package in found and found[package] != version:
                return f"the workers have {package} {found[package]}, and here it is {version}"
    return None


def _not_sent(why: str) -> Waiting:
    waiting = Waiting(None, None)
    waiting.deliver(Home(why))
    return waiting


def _of_failure(future: Any) -> str:
    if future.status in ("cancelled", "lost"):
        return _LOST
    with suppress(Exception):
        return f"the cluster could not run it ({type(future.exception(timeout=5)).__name__})"
    return "the cluster could not run it"
