"""What happens to cells whose worker dies, and whose cluster is gone or comes back."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from reactive_kernel.engine import cluster as cluster_room
from reactive_kernel.engine.cluster import Cluster, LocalCluster, Waiting
from reactive_kernel.engine.task import Done, Home, Result, Task

_NOTHING: frozenset[str] = frozenset()
# Workers in processes of their own, as on other machines.
APART = """
import sys
from distributed import LocalCluster
with LocalCluster(
    n_workers={workers}, threads_per_worker=1, processes=True, host="127.0.0.1", scheduler_port={port},
    dashboard_address=None, memory_limit=0, silence_logs=50,
) as cluster:
    print(cluster.scheduler_address, *(each.process.pid for each in cluster.workers.values()), flush=True)
    sys.stdin.read()
"""


@contextmanager
def apart(workers: int, port: int = 0) -> Iterator[tuple[str, list[int], psutil.Popen]]:
    """A cluster with workers in processes of their own: its name, and the workers."""
    program = APART.format(workers=workers, port=port)
    source = f"if __name__ == '__main__':\n{program}".replace("\n", "\n    ")
    command = [sys.executable, "-c", source]
    process = psutil.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        address, *pids = process.stdout.readline().split()
        yield address.replace("tcp://", "dask://"), [int(pid) for pid in pids], process
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def submitted(cluster: Cluster, source: str) -> Waiting:
    return cluster.submit(Task(source, (), (), (), _NOTHING, _NOTHING, _NOTHING), (), (), 0)


def result_of(cluster: Cluster, source: str) -> Result:
    return submitted(cluster, source).wait(lambda: None)


def test_a_scheduler_that_is_lost_sends_everything_home():
    local = LocalCluster(1)
    cluster = Cluster(local.address.replace("tcp://", "dask://"))
    begun = submitted(cluster, "import time\ntime.sleep(60)")
    local.close()
    assert begun.wait(lambda: None) == Home("the cluster was lost")
    assert result_of(cluster, "y = 1") == Home("the cluster was lost")
    cluster.close()


def test_a_worker_that_is_killed_in_the_middle_of_a_cell_costs_nothing():
    with apart(2) as (engine, _, process):
        cluster = Cluster(engine)
        workers = list(cluster._link.client.scheduler_info()["workers"])
        assert len(workers) == 2
        begun = submitted(cluster, "import time\ntime.sleep(2)\nprint('there')")
        # The process that runs the cell is the child of the worker that has it.
        busy: list[psutil.Process] = []
        while not busy:
            below = process.children(recursive=True)
            busy = [each.parent() for each in below if "bench" in " ".join(each.cmdline())]
        busy[0].kill()
        found = begun.wait(lambda: None)
        assert isinstance(found, Done), found
        assert "".join(str(text) for _, text, _ in found.shown) == "there\n"
        cluster.close()


def test_cells_at_home_draw_the_numbers_that_they_would_draw_without_a_cluster(cluster: Cluster):
    """Dask looks at samples of what it sends, if that is much at once."""
    before = random.getstate()
    for each in [submitted(cluster, f"y = {number}") for number in range(200)]:
        assert isinstance(each.wait(lambda: None), Done)
    assert random.getstate() == before


def test_a_scheduler_that_comes_back_is_used_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cluster_room, "_AGAIN", 0.5)
    with apart(1) as (engine, _, process):
        cluster = Cluster(engine)
        before = submitted(cluster, "y = 1")
        assert isinstance(before.wait(lambda: None), Done)
        begun = submitted(cluster, "import time\ntime.sleep(60)")
        for each in [*process.children(recursive=True), process]:
            each.kill()
        process.wait()
        assert begun.wait(lambda: None) == Home("the cluster was lost")
    assert result_of(cluster, "y = 2") == Home("the cluster was lost")
    with apart(1, int(engine.rpartition(":")[2])):
        while isinstance(result_of(cluster, "y = 3"), Home):
            pass
        # What the one before knew is asked of nobody any more.
        assert not cluster.knows(before)
        cluster.close()
