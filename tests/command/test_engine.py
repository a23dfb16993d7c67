"""`jupyter reactive run --engine`: the same notebook, with cells on a cluster."""

from __future__ import annotations

from collections.abc import Iterator

import nbformat
import pytest

from reactive_kernel.engine.cluster import LocalCluster

ANALYSIS = (
    "import numpy as np, matplotlib.pyplot as plt",
    "n = 4",
    "def f(x):\n    return x * n",
    "a = f(1)\nprint(a)",
    "b = np.arange(n) + a\nb",
    "xs = [a]",
    "xs.append(2)",
    "print(xs, sum(xs))",
    "import random\nrandom.seed(1)",
    "random.random()",
    "plt.plot(b)\nplt.show()",
    "1 / 0",
    "c = b.sum()\nc",
    "np.set_printoptions(precision=2)",
    "np.ones(2) / 3",
)


@pytest.fixture(scope="module")
def engine() -> Iterator[str]:
    """A cluster that stays."""
    cluster = LocalCluster(2)
    yield cluster.address.replace("tcp://", "dask://")
    cluster.close()


def outputs(done) -> list[object]:
    return [cell.outputs for cell in nbformat.read(done.path, as_version=4).cells]


def test_a_notebook_shows_what_it_shows_without_a_cluster(desk, engine, marked):
    path = desk.write(*ANALYSIS, marked("sum(b)", tags=["local"]))
    serial = desk.run("run", path, "--output", "serial.ipynb", path=desk.place / "serial.ipynb")
    done = desk.run("run", path, "--engine", engine)
    assert outputs(done) == outputs(serial)
    assert done.code == serial.code == 1
    assert "On workers: 6 of 16." in done.err, done.err
    assert "cell 7 ran here: it changes `xs` in place" in done.err
    assert "cell 10 ran here: it goes by what this process is like" in done.err
    assert "cell 12 ran here: it fails (ZeroDivisionError)" in done.err
    assert "cell 15 ran here: it goes by `options:numpy`, which cell 14 has set" in done.err
    assert "cell 16 ran here: it has the tag `local`" in done.err


def test_what_is_unchanged_never_runs_again_on_the_same_cluster(desk, engine):
    ran = "import time\n", "t = time.time_ns()\nprint(t)", "print(t, k)"
    first = desk.run("run", desk.write("k = 1", *ran), "--engine", engine)
    again = desk.run("run", desk.write("k = 2", *ran), "--engine", engine)
    assert again.shown("c3") == first.shown("c3")
    assert again.shown("c4") == [first.shown("c4")[0].replace(" 1", " 2")]


def test_a_cluster_that_is_not_there_is_named_before_anything_runs(desk):
    path = desk.write("x = 1")
    done = desk.run("run", path, "--engine", "dask://127.0.0.1:9")
    assert done.code == 2
    assert "127.0.0.1:9" in done.err
