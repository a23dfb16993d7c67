"""`python -m reactive_kernel -f FILE`: start the kernel."""

from __future__ import annotations

from ipykernel.kernelapp import IPKernelApp
from traitlets import default

from .kernel import ReactiveKernel
from .publish import StampingSession


class ReactiveKernelApp(IPKernelApp):
    """ipykernel's application with our kernel, and a session that stamps its messages."""

    name = "reactive-kernel"

    @default("kernel_class")
    def _default_kernel_class(self) -> type[ReactiveKernel]:
        return ReactiveKernel

    @default("session")
    def _default_session(self) -> StampingSession:
        return StampingSession(parent=self)


if __name__ == "__main__":
    ReactiveKernelApp.launch_instance()
