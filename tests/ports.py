"""Ports for kernels that no other process picks.

jupyter_client lets go of a port as soon as it has found it free. Until the kernel takes it, whoever asks for
"any port" may be given it: of thousands of kernels beside each other, one dies of that. Its server starts it
anew on other ports, and its pages wait for a minute.
"""

from __future__ import annotations

import os
import re
import socket
from contextlib import suppress
from itertools import cycle


def taken_here() -> None:
    """Have this process, and each that tests beside others, take ports of its own."""
    try:
        from jupyter_client.connect import LocalPortCache
    except ImportError:
        return  # the core's tests need no Jupyter

    # Below what the system hands out by itself.
    worker = int(re.sub(r"\D", "", os.environ.get("PYTEST_XDIST_WORKER", "")) or 0)
    first = 20_000 + 2_000 * (worker % 6)
    # Not all from the first one on: the servers that a test starts have the same stretch, as has a worker of
    # the same name in another run of the tests.
    begin = os.getpid() * 101 % 2_000
    stretch = cycle([*range(first + begin, first + 2_000), *range(first, first + begin)])

    def free(self: LocalPortCache, ip: str) -> int:
        for port in stretch:
            with socket.socket() as probe, suppress(OSError):
                probe.bind((ip, port))
                return port
        raise AssertionError

    LocalPortCache.find_available_port = free
