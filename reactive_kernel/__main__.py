"""`python -m reactive_kernel -f FILE`: start the kernel."""

from __future__ import annotations

from typing import Any

import zmq
from ipykernel.kernelapp import IPKernelApp
from traitlets import default

from .kernel import ReactiveKernel
from .publish import StampingSession

UNFETCHED = 10_000  # messages that the kernel keeps for each listener


class ReactiveKernelApp(IPKernelApp):
    """ipykernel's application with our kernel, and a session that stamps its messages."""

    name = "reactive-kernel"

    def init_iopub(self, context: zmq.Context[Any]) -> None:
        # A machine may be too busy for a while to fetch what a cell prints: then the kernel must not drop it.
        context.sndhwm = UNFETCHED
        super().init_iopub(context)  # pyright: ignore[reportUnknownMemberType]
        del context.sndhwm

    @default("kernel_class")
    def _default_kernel_class(self) -> type[ReactiveKernel]:
        return ReactiveKernel

    @default("session")
    def _default_session(self) -> StampingSession:
        return StampingSession(parent=self)


if __name__ == "__main__":
    ReactiveKernelApp.launch_instance()
