"""One recording for every kernel of the server, from its start to its end."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from logging import Logger
from pathlib import Path
from typing import Any, Protocol

from .activity import Activity, taken_over
from .log import Limits, Log
from .mirror import Mirror
from .recording import Recording
from .replica import Replica
from .spill import Spill, sweep
from .store import Shared, StoreLost

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Listens(Protocol):
    """A tap: it records a kernel until it is told that the kernel is gone."""

    def move(self, kernel: Any) -> None: ...
    def tells(self, activity: Activity) -> None: ...
    def end(self) -> None: ...
    def stop(self) -> None: ...


class Recorded(Protocol):
    """A kernel whose record can be read here."""

    name: str
    log: Log


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where records are kept, and how many."""

    directory: Path
    limits: Limits
    shared: Shared | None = None


class Recorders:
    """Follows a kernel manager, whatever its class: its kernels' starts, restarts and ends."""

    def __init__(
        self,
        kernels: Any,
        make_tap: Callable[[Recording, Any], Listens],
        *,
        keeping: Keeping,
        log: Logger,
        adopts: bool = False,
    ) -> None:
        self._kernels = kernels
        self._make_tap = make_tap
        self._directory, self._limits, self._shared = keeping.directory, keeping.limits, keeping.shared
        self._log = log
        self._adopts = adopts
        self._mirrors: dict[str, Mirror] = {}
        self._replicas: dict[str, Replica] = {}
        # What others recorded of kernels that are about to be recorded here.
        self._pasts: dict[str, list[bytes]] = {}
        self._looking = asyncio.Lock()
        self._recordings: dict[str, Recording] = {}
        self._taps: dict[str, Listens] = {}
        self._ending: list[tuple[Recording, Listens, Mirror | None]] = []

    # What is asked of them

    def recording(self, kernel_id: str) -> Recording | None:
        return self._recordings.get(kernel_id)

    def ensure(self, kernel_id: str) -> Recording | None:
        """The kernel's recording, begun now if nobody saw its start; none if there is no such kernel."""
        if kernel_id not in self._recordings and kernel_id in self._kernels:
            self._begin(kernel_id)
        return self._recordings.get(kernel_id)

    async def find(self, kernel_id: str) -> Recorded | None:
        """As `ensure`; or one that outlived the server that started it, or that another server records."""
        if found := self.ensure(kernel_id):
            return found
        # One after the other: two who ask for the same kernel get the same.
        async with self._looking:
            return self.ensure(kernel_id) or await self._adopted(kernel_id) or await self._followed(kernel_id)

    async def _adopted(self, kernel_id: str) -> Recording | None:
        """A kernel that only the gateway knows."""
        if not self._adopts or not UUID.fullmatch(kernel_id):
            return None
        self._pasts[kernel_id] = await asyncio.to_thread(self._past, kernel_id)
        try:
            await self._kernels.start_kernel(kernel_id=kernel_id)
            if self._kernels.get_kernel(kernel_id).has_kernel:
                return self.ensure(kernel_id)
            self._kernels.remove_kernel(kernel_id)
            return None
        finally:
            self._pasts.pop(kernel_id, None)

    def _past(self, kernel_id: str) -> list[bytes]:
        """What another server has recorded of it, as a snapshot."""
        try:
            replica = self._replica(kernel_id)
        except StoreLost as error:
            self._log.warning("Kernel %s: what was recorded of it cannot be read: %s", kernel_id, error)
            return []
        if replica is None:
            return []
        with closing(replica):
            return list(replica.log.snapshot().parts())

    async def _followed(self, kernel_id: str) -> Replica | None:
        """A kernel of another server. May raise `StoreLost`."""
        known = self._replicas.get(kernel_id)
        if known is None or known.ended:
            known = await asyncio.to_thread(self._replica, kernel_id)
            if known is None:
                return None
            known.follow()
            self._replicas[kernel_id] = known
            self._log.info("Kernel %s is another server's: its records are followed.", kernel_id)
        known.asked_for()
        return known

    def _replica(self, kernel_id: str) -> Replica | None:
        """What the store knows of the kernel, read up to now."""
        self._replicas = {name: each for name, each in self._replicas.items() if not each.ended}
        if self._shared is None or (held := self._shared.store.held(kernel_id)) is None:
            return None
        log = self._make_log(kernel_id, "", "copy-")
        replica = Replica(kernel_id, log, self._shared, self._warner(kernel_id))
        try:
            replica.load(held)
        except BaseException:
            replica.close()
            raise
        return replica

    @property
    def all(self) -> dict[str, Recording]:
        return dict(self._recordings)

    # Following the kernel manager

    def follow(self) -> None:
        """Hear of every kernel: the manager keeps its class, three of its methods tell when they are done."""
        watch, remove, start = (
            self._kernels.start_watching_activity,
            self._kernels.remove_kernel,
            self._kernels.start_kernel,
        )

        def start_watching_activity(kernel_id: str) -> Any:
            # The process was launched a moment ago, and has not said anything yet.
            self.ensure(kernel_id)
            watched = watch(kernel_id)
            self._take_over(kernel_id)
            return watched

        async def start_kernel(*args: Any, **kwargs: Any) -> str:
            kernel_id: str = await _value(start(*args, **kwargs))
            self.ensure(kernel_id)
            return kernel_id

        def remove_kernel(kernel_id: str, *args: Any, **kwargs: Any) -> Any:
            removed = remove(kernel_id, *args, **kwargs)
            self._end(kernel_id)
            return removed

        self._kernels.start_watching_activity = start_watching_activity
        self._kernels.start_kernel = start_kernel
        self._kernels.remove_kernel = remove_kernel
        sweep(self._directory)
        for kernel_id in self._kernels.list_kernel_ids():
            self.ensure(kernel_id)

    def _begin(self, kernel_id: str) -> None:
        kernel = self._kernels.get_kernel(kernel_id)
        recording = Recording(
            kernel_id,
            lambda epoch: self._first_log(kernel_id, epoch),
            instead_of_tracebacks=self._instead_of_tracebacks(),
            note=self._log.info,
            warn=self._log.warning,
            elsewhere=self._adopts,
        )
        self._recordings[kernel_id] = recording
        self._taps[kernel_id] = self._make_tap(recording, kernel)
        self._watch_restarts(kernel, recording, self._taps[kernel_id])
        self._log.info("Kernel %s is recorded%s.", kernel_id, " through its gateway" * self._adopts)

    def _take_over(self, kernel_id: str) -> None:
        """The kernel is heard here: the server need not hear it once more to know when it was active."""
        activity = taken_over(self._kernels.get_kernel(kernel_id))
        if activity is not None:
            self._taps[kernel_id].tells(activity)

    def _first_log(self, kernel_id: str, epoch: str) -> Log:
        log = self._make_log(kernel_id, epoch)
        if past := self._pasts.pop(kernel_id, None):
            log.inherit(past)
        if self._shared is not None:
            self._mirrors[kernel_id] = Mirror(kernel_id, log, self._shared, self._warner(kernel_id))
        return log

    def _make_log(self, kernel_id: str, epoch: str, kind: str = "") -> Log:
        spill = Spill(self._directory / f"{kernel_id}-{kind}{os.getpid()}.sqlite")
        return Log(epoch, spill=spill, limits=self._limits, complain=self._warner(kernel_id))

    def _warner(self, kernel_id: str) -> Callable[[str], None]:
        return partial(self._log.warning, "Kernel %s: %s", kernel_id)

    def _instead_of_tracebacks(self) -> str | None:
        return None if self._kernels.allow_tracebacks else self._kernels.traceback_replacement_message

    def _watch_restarts(self, kernel: Any, recording: Recording, tap: Listens) -> None:
        restart: Callable[..., Any] = kernel.restart_kernel

        def relaunched() -> None:
            tap.move(kernel)
            recording.relaunched()

        async def after(restarting: Awaitable[Any]) -> Any:
            try:
                result = await restarting
            except BaseException:
                recording.dies()
                raise
            relaunched()
            return result

        def restart_kernel(*args: Any, **kwargs: Any) -> Any:
            recording.restarting()
            recording.let_all_go()
            result = restart(*args, **kwargs)
            if isawaitable(result):
                return after(result)
            relaunched()
            return result

        kernel.restart_kernel = restart_kernel

    def _end(self, kernel_id: str) -> None:
        recording = self._recordings.pop(kernel_id, None)
        if recording is None:
            return
        recording.let_all_go()
        tap = self._taps.pop(kernel_id)
        tap.end()
        mirror = self._mirrors.pop(kernel_id, None)
        if mirror is not None:
            mirror.end()
        self._log.info("Kernel %s is gone, after %d records.", kernel_id, recording.log.records)
        self._ending = [ending for ending in self._ending if not ending[0].log.closed]
        self._ending.append((recording, tap, mirror))

    def close(self) -> None:
        """The server stops: leave no thread and no file behind."""
        for mirror in self._mirrors.values():
            mirror.leave()
        for kernel_id in list(self._recordings):
            self._end(kernel_id)
        for recording, tap, mirror in self._ending:
            tap.stop()
            if mirror is not None:
                mirror.join()
            recording.log.close()
        self._ending.clear()
        for replica in self._replicas.values():
            replica.close()
        if self._shared is not None:
            self._shared.store.close()

    def unshared(self, kernel_id: str) -> int:
        """How many records the store has yet to get."""
        return self._mirrors[kernel_id].behind if kernel_id in self._mirrors else 0


async def _value(result: Any) -> Any:
    return await result if isawaitable(result) else result
