"""`python -m reactive_kernel -f FILE`: start the kernel."""

from __future__ import annotations

from threading import Thread
from typing import Any

import zmq
from ipykernel.kernelapp import IPKernelApp
from traitlets import default

from .kernel import ReactiveKernel
from .outlet import Stream, outgoing, outlets
from .publish import StampingSession

UNFETCHED = 10_000  # messages that the kernel keeps for each listener
LAST_WORDS = 2.0  # seconds that the control thread has to end its last answer


class ReactiveKernelApp(IPKernelApp):
    """ipykernel's application with our kernel, and a session that stamps its messages."""

    name = "reactive-kernel"
    _outgoing: zmq.Context[Any] | None = None

    def init_iopub(self, context: zmq.Context[Any]) -> None:
        own = self._outgoing = outgoing()
        # A machine may be too busy for a while to fetch what a cell prints: then the kernel must not drop it.
        own.sndhwm = UNFETCHED
        with outlets():
            super().init_iopub(own)

    def close(self) -> None:
        super().close()
        if self._outgoing is not None:
            self._outgoing.term()

    def start(self) -> None:
        try:
            super().start()
        finally:
            # At exit ipykernel stops the listeners' thread first: a control thread still flushing its last
            # answer then fails on a closed socket, and the user reads of it.
            control: Thread | None = self.control_thread
            if control is not None and control.is_alive():
                self.control_thread.stop()
                control.join(LAST_WORDS)

    @default("outstream_class")
    def _default_outstream_class(self) -> str:
        return f"{Stream.__module__}.{Stream.__name__}"

    @default("kernel_class")
    def _default_kernel_class(self) -> type[ReactiveKernel]:
        return ReactiveKernel

    @default("session")
    def _default_session(self) -> StampingSession:
        return StampingSession(parent=self)


if __name__ == "__main__":
    ReactiveKernelApp.launch_instance()
