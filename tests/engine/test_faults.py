"""What happens to cells whose cluster is gone."""

from __future__ import annotations

from reactive_kernel.engine.cluster import Cluster, LocalCluster, Waiting
from reactive_kernel.engine.task import Home, Task

_NOTHING: frozenset[str] = frozenset()


def submitted(cluster: Cluster, source: str) -> Waiting:
    return cluster.submit(Task(source, (), (), (), _NOTHING, _NOTHING, _NOTHING), (), (), 0)


def test_a_scheduler_that_is_lost_sends_everything_home():
    local = LocalCluster(1)
    cluster = Cluster(local.address.replace("tcp://", "dask://"))
    begun = submitted(cluster, "import time\ntime.sleep(60)")
    local.close()
    assert begun.wait(lambda: None) == Home("the cluster was lost")
    assert submitted(cluster, "y = 1").wait(lambda: None) == Home("the cluster was lost")
    cluster.close()
