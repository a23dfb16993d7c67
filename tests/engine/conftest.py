"""One cluster for all tests of a process: a real scheduler, on loopback, that ends with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reactive_kernel.engine.cluster import Cluster, LocalCluster


@pytest.fixture(scope="session")
def local() -> Iterator[LocalCluster]:
    cluster = LocalCluster(2)
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def engine(local: LocalCluster) -> str:
    """How people name it."""
    return local.address.replace("tcp://", "dask://")


@pytest.fixture(scope="session")
def cluster(engine: str) -> Iterator[Cluster]:
    found = Cluster(engine)
    yield found
    found.close()
