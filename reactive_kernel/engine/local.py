"""A Dask cluster on this machine, until whoever started it is gone."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any, cast


def main(workers: int | None) -> None:
    """Print the scheduler's address, and stay until standard input ends."""
    from distributed import LocalCluster  # an optional dependency

    # Tasks run in processes of their own: one worker with as many threads costs less than as many workers.
    with cast("Any", LocalCluster)(
        n_workers=1,
        threads_per_worker=workers or os.cpu_count() or 1,
        processes=False,
        host="127.0.0.1",
        protocol="tcp://",
        dashboard_address=None,
        memory_limit=0,
        silence_logs=50,
    ) as cluster:
        sys.stdout.write(f"{cluster.scheduler_address}\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            sys.stdin.buffer.read()
    from .worker import close_idle

    close_idle()
