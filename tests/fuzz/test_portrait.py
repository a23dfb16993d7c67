"""What the fuzz compares namespaces by tells sharing, positions and order, and changes nothing."""

from __future__ import annotations

import pytest

from .execution import blank, execute
from .portrait import portrait

GROUPED = "import pandas as pd\nd = pd.DataFrame({'k': [1], 'x': [2], 'y': [3]}); g = d.groupby('k')"


def of(source: str) -> dict[str, str]:
    """The portrait of what a source leaves."""
    live = blank()
    _, error = execute(source, "cell", live)
    assert error is None
    return portrait(live)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = [1]; b = a", "a = [1]; b = [1]"),
        ("a = [1]; d = {'k': a}", "a = [1]; d = {'k': [1]}"),
        ("a = []; a.append(a)", "a = []; a.append([])"),
        ("a = 1", "a = True"),
        ("a = 0.0", "a = -0.0"),
        ("d = {1: 1, 2: 2}", "d = {2: 2, 1: 1}"),
        ("it = iter([1, 2])", "it = iter([1, 2]); next(it)"),
        ("a = [1]; it = iter(a)", "a = [1]; it = iter([1])"),
        ("g = (v for v in [1, 2])", "g = (v for v in [1, 2]); next(g)"),
        ("def f(m=[]): m.append(1)", "def f(m=[]): m.append(1)\nf()"),
        ("def f(): return 1", "def f(): return 2"),
        ("class K: n = 0", "class K: n = 1"),
        ("class K: __slots__ = 'x'\no = K(); o.x = 1", "class K: __slots__ = 'x'\no = K(); o.x = 2"),
        (
            "from collections import deque; q = deque([1], 2)",
            "from collections import deque; q = deque([1], 3)",
        ),
        (f"{GROUPED}\ng.sum(); d.pop('x')", f"{GROUPED}\nd.pop('x')"),
        ("import random; r = random.Random(1)", "import random; r = random.Random(1); r.random()"),
        (
            "def m():\n k = [0]\n return lambda: k, lambda: k\nf, g = m()",
            "def m():\n k = [0]\n return lambda: k, lambda: k\nf, g = m()[0], m()[1]",
        ),
        (
            "import numpy as np; a = np.arange(4); b = a[1:]",
            "import numpy as np; a = np.arange(4); b = a[1:].copy()",
        ),
        (
            "import numpy as np; a = np.arange(4); b = a[:2]",
            "import numpy as np; a = np.arange(4); b = a[0:4:2]",
        ),
        (
            "import pandas as pd; df = pd.DataFrame({'x': [1]})",
            "import pandas as pd; df = pd.DataFrame({'x': [1.0]})",
        ),
    ],
)
def test_what_a_program_could_tell_apart_has_different_portraits(one: str, other: str):
    assert of(one) != of(other)
    assert of(one) == of(one)


def test_drawing_a_portrait_uses_nothing_up():
    live = blank()
    execute("it = iter([1, 2]); z = zip([1], [2]); g = (v for v in [1])", "cell", live)
    assert portrait(live) == portrait(live)
    shown, _ = execute("print(list(it), list(z), list(g))", "cell", live)
    assert shown.text == "[1, 2] [(1, 2)] [1]\n"
