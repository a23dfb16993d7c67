"""A cell on a worker does what it would do at home, or goes home; it never touches the world."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from reactive_kernel import analyze
from reactive_kernel.engine.task import Done, Home, Result, Task
from reactive_kernel.engine.travel import bundled
from reactive_kernel.engine.worker import close_idle, work

PRELUDE = (
    "import os, random, time, numpy as np, pandas as pd",
    "import matplotlib.pyplot as plt",
    "def f(x):\n    return x + n",
    "def push(x):\n    x.append(1)",
    "n = 2",
)


@pytest.fixture(scope="module", autouse=True)
def benches() -> Iterator[None]:
    yield
    close_idle()


def done(source: str, *, needed: str = "", **values: object) -> Result:
    """What comes of a cell that finds those values."""
    bundles, _ = bundled(values)
    given = tuple(sorted((name, bundle.digest) for bundle in bundles for name in bundle.names))
    facts = analyze(source)
    reads = facts.reads | facts.builtins | ({"n"} if "f(" in source else frozenset[str]())
    task = Task(source, PRELUDE, (), given, frozenset(needed.split()), reads, frozenset())
    blobs = {bundle.digest: bundle.blob for bundle in bundles}
    return work(task, (), [blobs[digest] for digest in dict.fromkeys(digest for _, digest in given)])


def shown(result: Result) -> list[tuple[str, object]]:
    assert isinstance(result, Done), result
    return [(kind, content) for kind, content, _ in result.shown]


def test_it_shows_texts_and_values_in_order():
    assert shown(done("print('a')\nf(1)")) == [
        ("stdout", "a"),
        ("stdout", "\n"),
        ("execute_result", {"text/plain": "3"}),
    ]


def test_it_shows_pictures():
    kinds = [kind for kind, _ in shown(done("plt.plot([1, 2]);"))]
    assert kinds == ["display_data"]


def test_no_cell_finds_what_another_has_left():
    assert isinstance(done("n = 40\nleft = 1"), Done)
    assert shown(done("f(1)"))[-1] == ("execute_result", {"text/plain": "3"})
    assert isinstance(done("left"), Home)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("push(xs)", "changes an object"),
        ("f.count = 1", "changes an object"),
        ("x = random.random()", "`random:random`"),
        ("np.random.seed(1)", "`random:numpy`"),
        ("pd.set_option('display.precision', 2)", "`options:pandas`"),
        ("home = os.environ['HOME']", "what this process is like"),
        ("there = os.path.exists('data.csv')", "this process is like|files"),
        ("1 / 0", "ZeroDivisionError"),
        ("it = iter(xs)", "`it` cannot travel: it holds an iterator"),
        ("it = [xs]", "shares objects with what the cell reads"),
        ("it = lambda: 1", "`it` cannot travel"),
        ("import warnings\nwarnings.warn('old')", "warns"),
        ("import ctypes\nctypes.CDLL(None).puts(b'past')\nctypes.CDLL(None).fflush(None)", "past Python"),
    ],
)
def test_it_goes_home_with_the_reason(source, words):
    result = done(source, needed="it", xs=[1])
    assert isinstance(result, Home)
    assert any(each in result.why for each in words.split("|")), result.why


def test_it_is_stopped_before_it_touches_the_world(tmp_path: Path):
    path = tmp_path / "written"
    source = f"def write(to):\n    with open({str(path)!r}, 'a') as file:\n        file.write(to)\nwrite('x')"
    caught = f"try:\n    {source.replace(chr(10), chr(10) + '    ')}\nexcept BaseException:\n    pass"
    connects = "import socket\nsocket.create_connection(('127.0.0.1', 9))"
    for each in (source, caught, f"os.system('touch {path}')", connects):
        result = done(each)
        assert isinstance(result, Home)
        assert "opens" in result.why or "acts on the world" in result.why
    assert not path.exists()


def test_a_name_that_nobody_needs_may_stay_behind():
    result = done("fig, ax = plt.subplots()\nax.plot([1])\ny = 1", needed="y")
    assert isinstance(result, Done)
    assert result.without == {"fig", "ax"}


def test_a_process_that_dies_in_the_middle_of_a_cell_is_replaced():
    close_idle()
    others = set(psutil.Process().children())
    found: list[Result] = []
    thread = threading.Thread(target=lambda: found.append(done("time.sleep(1)\ny = 1")))
    thread.start()
    while not (benches := set(psutil.Process().children()) - others):
        thread.join(0.01)
    benches.pop().kill()
    thread.join()
    assert isinstance(found[0], Done)
