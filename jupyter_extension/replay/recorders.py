"""One recording for every kernel of the server, from its start to its end."""

from __future__ import annotations

import os
import re
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from logging import Logger
from pathlib import Path
from typing import Any, Protocol

from .log import Limits, Log
from .recording import Recording
from .spill import Spill, sweep

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Listens(Protocol):
    """A tap: it records a kernel until it is told that the kernel is gone."""

    def move(self, kernel: Any) -> None: ...
    def end(self) -> None: ...
    def stop(self) -> None: ...


class Recorders:
    """Follows a kernel manager, whatever its class: its kernels' starts, restarts and ends."""

    def __init__(
        self,
        kernels: Any,
        make_tap: Callable[[Recording, Any], Listens],
        *,
        directory: Path,
        limits: Limits,
        log: Logger,
        adopts: bool = False,
    ) -> None:
        self._kernels = kernels
        self._make_tap = make_tap
        self._directory = directory
        self._limits = limits
        self._log = log
        self._adopts = adopts
        self._recordings: dict[str, Recording] = {}
        self._taps: dict[str, Listens] = {}
        self._ending: list[tuple[Recording, Listens]] = []

    # What is asked of them

    def recording(self, kernel_id: str) -> Recording | None:
        return self._recordings.get(kernel_id)

    def ensure(self, kernel_id: str) -> Recording | None:
        """The kernel's recording, begun now if nobody saw its start; none if there is no such kernel."""
        if kernel_id not in self._recordings and kernel_id in self._kernels:
            self._begin(kernel_id)
        return self._recordings.get(kernel_id)

    async def find(self, kernel_id: str) -> Recording | None:
        """As `ensure`; a gateway may also have a kernel that outlived the server that started it."""
        found = self.ensure(kernel_id)
        if found is not None or not self._adopts or not UUID.fullmatch(kernel_id):
            return found
        await self._kernels.start_kernel(kernel_id=kernel_id)
        if self._kernels.get_kernel(kernel_id).has_kernel:
            return self.ensure(kernel_id)
        self._kernels.remove_kernel(kernel_id)
        return None

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
            return watch(kernel_id)

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
            lambda epoch: self._make_log(kernel_id, epoch),
            instead_of_tracebacks=self._instead_of_tracebacks(),
            note=self._log.info,
            warn=self._log.warning,
            elsewhere=self._adopts,
        )
        self._recordings[kernel_id] = recording
        self._taps[kernel_id] = self._make_tap(recording, kernel)
        self._watch_restarts(kernel, recording, self._taps[kernel_id])
        self._log.info("Kernel %s is recorded%s.", kernel_id, " through its gateway" * self._adopts)

    def _make_log(self, kernel_id: str, epoch: str) -> Log:
        def complain(sentence: str) -> None:
            self._log.warning("Kernel %s: %s", kernel_id, sentence)

        spill = Spill(self._directory / f"{kernel_id}-{os.getpid()}.sqlite")
        return Log(epoch, spill=spill, limits=self._limits, complain=complain)

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
        self._log.info("Kernel %s is gone, after %d records.", kernel_id, recording.log.records)
        self._ending = [pair for pair in self._ending if not pair[0].log.closed]
        self._ending.append((recording, tap))

    def close(self) -> None:
        """The server stops: leave no thread and no file behind."""
        for kernel_id in list(self._recordings):
            self._end(kernel_id)
        for recording, tap in self._ending:
            tap.stop()
            recording.log.close()
        self._ending.clear()


async def _value(result: Any) -> Any:
    return await result if isawaitable(result) else result
