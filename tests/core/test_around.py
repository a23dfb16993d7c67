"""What sources set something in, of what stands around a notebook."""

from __future__ import annotations

import fractions
import math
import sys
from fractions import Fraction

import pytest

from reactive_kernel.around import Around


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("math.tau = 3", [math]),
        ("m.tau += 3", [math]),
        ("del math.tau", [math]),
        ("setattr(math, 'tau', 3)", [math]),
        ("vars(math)['tau'] = 3", [math]),
        ("math.__dict__['tau'] = 3", [math]),
        ("math.tau, x = 1, 2", [math]),
        ("def f():\n    math.tau = 3", [math]),
        ("import math as new\nnew.tau = 3", [math]),
        ("import fractions\nfractions.Fraction.note = 1", [Fraction]),
        ("from fractions import Fraction as F\nF.note = 1", [Fraction]),
        ("%matplotlib inline\nmath.tau = 3", [math]),
        ("sys.modules['m'] = math", [sys.modules]),
        ("print(math.tau)", []),
        ("x = math.tau == 3", []),
        ("mine.x = 1", []),
        ("missing.x = 1", []),
    ],
)
def test_what_a_source_sets_something_in(source: str, found: list[object]):
    class Mine: ...

    Mine.__module__ = "__main__"
    live = {"math": math, "m": math, "fractions": fractions, "mine": Mine(), "sys": sys}
    suspects = Around().suspects(source, live)
    assert [id(each) for each in suspects] == [id(each) for each in found]


def test_what_one_source_set_is_looked_at_around_every_run():
    around = Around()
    around.suspects("def patch():\n    math.tau = 3", {"math": math})
    assert around.suspects("patch()", {"math": math}) == [math]


def test_what_a_source_finds_itself_is_missed():
    around = Around()
    source = "alias = math\nalias.tau = 3"
    assert around.suspects(source, {"math": math}) == []
    assert around.missed(source, {"math": math, "alias": math}) == "math"
