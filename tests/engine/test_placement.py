"""What the text of a cell says of where it may run."""

from __future__ import annotations

import pytest

from reactive_kernel import analyze
from reactive_kernel.engine.placement import effect, placement


def said(source: str) -> str | None:
    return placement(source, analyze(source)).stays


@pytest.mark.parametrize(
    "source",
    [
        "import numpy as np",
        "from math import sqrt, pi",
        "def f(x, y=2):\n    return x + y",
        "class Point:\n    '''A point.'''\n    x = 0\n    def move(self): self.x += 1",
        "limit = -3\nname: str = 'a' * 3\npair = (1, 2)",
    ],
)
def test_what_only_imports_and_defines_goes_along(source):
    assert placement(source, analyze(source)).prelude


@pytest.mark.parametrize(
    "source",
    [
        "xs = [1]",
        "x = f(1)",
        "def f(x=[]): pass",
        "@cache\ndef f(): pass",
        "class A(metaclass=M): pass",
        "from os import *",
        "import no_such_module_anywhere",
        "from . import sibling",
    ],
)
def test_what_makes_something_that_can_change_does_not(source):
    assert not placement(source, analyze(source)).prelude


@pytest.mark.parametrize("source", ["y = x + 1", "df.describe()", "print(sum(xs))", "ys = []\nys.append(x)"])
def test_what_looks_and_computes_may_leave(source):
    assert said(source) is None


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("xs.append(1)", "changes `xs` in place"),
        ("df['b'] = 1", "changes `df` in place"),
        ("del x", "takes `x` away"),
        ("%time f()", "not plain Python"),
        ("!ls", "not plain Python"),
        ("open('f').read()", "files"),
        ("df.to_csv('f.csv')", "files"),
        ("plt.savefig('f.png')", "files"),
        ("exec(text)", "nobody can say"),
        ("input()", "front end"),
        ("await f()", "event loop"),
        ("import requests\nr = requests.get(u)", "uses `requests`"),
        ("x = (", "cannot read"),
    ],
)
def test_what_belongs_to_this_process_stays(source, words):
    assert words in (said(source) or "")


def test_a_call_for_its_effect_on_a_library_that_nobody_follows_is_told():
    assert effect("torch.manual_seed(0)\nx = torch.rand(3)", {"torch": "torch"}) == "torch"
    assert effect("plt.plot(x)", {"plt": "matplotlib"}) is None
    assert effect("x = torch.rand(3)", {"torch": "torch"}) is None
