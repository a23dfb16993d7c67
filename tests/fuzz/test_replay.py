"""The oracle of the stories of mutation against a process of its own, and what it leaves undecided."""

from __future__ import annotations

import json
import subprocess
import sys

from reactive_kernel.cell import Cell, CellId

from .notebooks import sequence
from .replay import Replay, replay
from .world import reach_of

# Runs the cells as one program each, and tells what each printed up to the first that fails.
PROGRAM = """
import contextlib, io, json, sys
live, shown = {"__name__": "__main__"}, []
for source in json.load(sys.stdin):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            exec(source, live)
        except Exception as error:
            shown.append([out.getvalue(), type(error).__name__])
            break
    shown.append([out.getvalue(), None])
print(json.dumps(shown))
"""


def replayed(*sources: str) -> Replay:
    cells = [Cell(CellId(f"c{number}"), source) for number, source in enumerate(sources, 1)]
    return replay(cells, reach_of(sources), {}, whole=True)


def texts(result: Replay) -> list[str]:
    return [shown.text for shown in result.shown.values()]


def test_a_replay_shows_what_a_new_process_shows(tmp_path):
    for seed in range(20):
        sources = [source for _, source in sequence(seed, "mutation").cells]
        if "numpy" in str(sources) or "pandas" in str(sources):
            continue
        directory = tmp_path / str(seed)
        directory.mkdir()
        process = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            input=json.dumps(sources),
            capture_output=True,
            text=True,
            cwd=directory,
            check=True,
        )
        result = replayed(*sources)
        mine = [
            [shown.text, shown.error and shown.error.partition(":")[0]] for shown in result.shown.values()
        ]
        right = json.loads(process.stdout)
        if result.unclear:
            continue
        assert mine[: len(right)] == right, f"seed {seed}"


def test_what_a_cell_did_before_it_failed_is_undone():
    assert texts(replayed("xs = [1]", "xs.append(2)\n1 / 0", "print(xs)"))[2] == "[1]\n"


def shown(result: Replay) -> dict[str, str]:
    return {cell: shown.text for cell, shown in result.shown.items() if shown.text}


def test_a_name_that_only_a_cell_below_binds_is_taken_from_there():
    assert shown(replayed("a = 1", "print(b)", "b = 2")) == {"c2": "2\n"}
    assert shown(replayed("print(b)", "c = 5", "b = c + 1")) == {"c1": "6\n"}
    assert shown(replayed("try:\n    print(b)\nexcept NameError:\n    pass", "b = 2")) == {"c1": "2\n"}
    assert shown(replayed("a = 1", "print(f(2))", "def f(x):\n    return x + a", "a = 3")) == {"c2": "3\n"}
    assert not replayed("a = 1", "print(b)").unclear
    # Not from below, what one above would have bound that has to wait itself.
    assert shown(replayed("b = a", "print(b)", "a = 1", "b = 2")) == {"c2": "1\n"}


def test_where_that_makes_another_difference_plain_python_does_not_decide():
    # What the cell below reads, what it changes, and what becomes of what it binds.
    assert replayed("a = 1", "print(b)", "a = 2", "b = a").unclear == {"c2", "c3", "c4"}
    assert replayed("a = [1]", "print(a, b)", "b = 2\na.append(2)").unclear == {"c2", "c3"}
    assert replayed("b.append(1)", "b = []", "print(b)").unclear == {"c1", "c2", "c3"}
    assert replayed("b.append(1)", "1 / 0", "b = []").unclear == {"c1", "c2", "c3"}
    # What it seeds.
    seeding = "random.seed(0)\nr = random.Random(3)"
    assert replayed("import random", "st = random.getstate()\nr.seed(3)", seeding).unclear == {"c2", "c3"}
    # What a class body reads.
    body = "class K:\n    items = xs"
    assert replayed("ys = [1]\nxs = [1]", "o = K()", "xs = ys", body).unclear == {"c2", "c3", "c4"}


def test_unseeded_draws_are_not_to_be_decided():
    assert replayed("import random", "print(random.random())").unclear == {"c2"}
    assert replayed("import random", "random.random()", "print(1)").unclear == {"c2", "c3"}
    assert not replayed("import random", "random.seed(1)", "print(random.random())").unclear


def test_a_file_that_a_failed_cell_wrote_may_be_there_or_not():
    broken, reading = "open('f', 'w').close()\n1 / 0", "import os\nprint(os.path.exists('f'))"
    assert replayed(broken, reading).unclear == {"c2"}
    assert not replayed("open('f', 'w').close()", reading).unclear
