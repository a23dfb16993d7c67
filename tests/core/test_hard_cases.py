"""Cases that reactive notebooks get wrong: what a fresh process shows, or why nobody can tell."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .hard_cases import FILES, FRESH, HONEST, UNPROVEN, Sources
from .notebook import Notebook
from .nursery import Nursery, nursery

Make = Callable[..., Notebook]


@pytest.fixture(scope="module")
def light() -> Iterator[Nursery]:
    yield from _nursery("numpy", "pandas")


@pytest.fixture(scope="module")
def heavy() -> Iterator[Nursery]:
    """For what takes long to import."""
    libraries = ("pyarrow.parquet", "matplotlib.pyplot", "networkx", "scipy.sparse")
    yield from _nursery("numpy", "pandas", *libraries, "sklearn.linear_model", "sklearn.model_selection")


def _nursery(*preloaded: str) -> Iterator[Nursery]:
    with tempfile.TemporaryDirectory(prefix="hard") as place, nursery(Path(place), *preloaded) as found:
        yield found


HEAVY = re.compile(r"\b(?:polars|pyarrow|parquet|matplotlib|networkx|scipy|sklearn)\b")
# What the kernel's own dependencies do not bring.
IMPORTED = re.compile(
    r"^ *(?:import|from) (numpy|pandas|polars|pyarrow|matplotlib|networkx|scipy|sklearn)\b", re.MULTILINE
)


@pytest.fixture
def notebook(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes notebooks from their cells; `files` are there from the start."""
    made: list[Notebook] = []

    def make(
        files: dict[str, str] | None = None, modes: dict[str, str] | None = None, **cells: str
    ) -> Notebook:
        for name in set(IMPORTED.findall("\n".join(cells.values()))):
            pytest.importorskip(name)
        home = "heavy" if HEAVY.search("".join(cells.values())) else "light"
        place = tmp_path / str(len(made))
        place.mkdir()
        made.append(Notebook(request.getfixturevalue(home), place, cells, files=files, modes=modes))
        return made[-1]

    yield make
    for each in made:
        each.close()


def cells_of(sources: Sources) -> dict[str, str]:
    return dict(zip("abcdefgh", sources))


# Up to Python 3.10, what draws the objects for comparison asks them for `__getstate__`.
_DRAWN = FRESH if sys.version_info >= (3, 11) else {k: v for k, v in FRESH.items() if "__getattr__" not in k}


@pytest.mark.parametrize("sources", _DRAWN.values(), ids=_DRAWN)
def test_every_cell_shows_what_a_fresh_process_shows(notebook: Make, sources: Sources):
    assert notebook(files=FILES, **cells_of(sources)).exercise().holds()


@pytest.mark.parametrize(("sources", "cell", "word"), UNPROVEN.values(), ids=UNPROVEN)
def test_what_nobody_can_see_is_stale_and_says_why(notebook: Make, sources: Sources, cell: str, word: str):
    assert notebook(files=FILES, **cells_of(sources)).exercise().doubts(cell, word)


@pytest.mark.parametrize("sources", HONEST.values(), ids=HONEST)
def test_a_cell_is_right_or_says_that_nobody_knows(notebook: Make, sources: Sources):
    assert notebook(files=FILES, **cells_of(sources)).exercise().is_honest()


# The document changes


def test_a_redefinition_inserted_between_writer_and_reader(notebook: Make):
    book = notebook(a="x = 1", b="print(x)").run().insert(1, "new", "x = 5").run_stale()
    assert book.shown("b") == "5\n"
    assert book.holds()


def test_a_deleted_definition_leaves_nothing_behind(notebook: Make):
    book = notebook(a="x = 1", b="x = 2", c="print(x)").run().delete("b").run_stale()
    assert book.holds()
    assert "NameError" in book.delete("a").run_stale().shown("c")


def test_a_renamed_variable_is_missed(notebook: Make):
    book = notebook(a="x = 1", b="print(x)").run().enter("a", "y = 1")
    assert "NameError" in book.shown("b")
    assert book.enter("b", "print(y)").holds()


def test_a_moved_cell_is_run_where_it_stands_now(notebook: Make):
    book = notebook(a="xs = [1]", b="xs.append(2)", c="xs.append(3)", d="print(xs)").run()
    assert book.move("c", 1).run_stale().holds()
    assert book.move("d", 2).run_stale().holds()


def test_a_duplicated_cell_does_its_work_twice(notebook: Make):
    book = notebook(a="xs = [1]", b="xs.append(2)", c="print(xs)").run()
    assert book.insert(2, "b2", "xs.append(2)").run_stale().holds()
    assert book.shown("c") == "[1, 2, 2]\n"


def test_a_reader_above_all_writers_takes_the_nearest_below(notebook: Make):
    book = notebook(reader="print(f(1))", near="def f(x): return x", far="def f(x): return -x")
    book.order = ("near", "reader", "far")
    assert book.run().run("reader").enter("near", "def f(x): return x * 2").holds("near", "reader", "far")


def test_cells_run_out_of_order_end_as_in_order(notebook: Make):
    book = notebook(a="n = 1", b="n += 1", c="n *= 3", d="print(n)")
    for cell in "dcabbbacd":
        book.run(cell)
    assert book.holds()


# Errors and interrupts


def test_an_error_after_partial_writes_leaves_none_of_them(notebook: Make):
    book = notebook(a="xs, n = [1], 1", b="xs.append(2)", c="print(xs, n)").run()
    book.enter("b", "xs.append(7)\nn = 5\n1 / 0")
    assert book.status("b").outcome == "error"
    assert not book.status("c").is_fresh
    assert book.enter("b", "xs.append(3)").holds()


def test_an_error_in_a_cell_that_nobody_depends_on_leaves_no_change(notebook: Make):
    book = notebook(a="xs = [1]", b="pass", c="print(xs)").run()
    book.enter("b", "if 1:\n    alias = xs\n    alias.append(2)\n    1 / 0")
    assert book.enter("b", "pass").run_stale().holds()
    assert book.value("xs") == "[1]"


def test_an_interrupt_in_the_middle_of_writing(notebook: Make):
    book = notebook(
        a="xs = [1]", b="for i in range(3):\n    xs.append(i)\nn = len(xs)", c="print(xs, n)"
    ).run()
    book.interrupt("b", 3)
    assert (book.status("b").freshness, book.status("b").outcome) == ("stale", "interrupted")
    assert not book.status("c").is_fresh
    assert book.run_stale().holds()


def test_an_edge_survives_an_error_above(notebook: Make):
    book = notebook(a="x = 1", b="y = x + 1", c="print(y)").run().enter("a", "x = 1 / 0")
    assert book.status("b").outcome == book.status("c").outcome == "blocked"
    assert book.enter("a", "x = 2").holds()
    assert book.enter("a", "x = 3").holds()


# Early cutoff


def runs_of_reader(notebook: Make, first: str, second: str, reader: str = "print(x)") -> int:
    """How often the reader runs again when the text above it changes."""
    book = notebook(a=first, b=reader).run()
    before = book.state.runs
    assert book.enter("a", second).holds()
    return book.state.runs - before - 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("x = 1", "x = 2 - 1"),
        ("x = float('nan')", "x = -float('nan') * 0"),
        ("x = (1, 'a')", "x = tuple([1, 'a'])"),
    ],
    ids=["a number", "NaN", "a tuple"],
)
def test_an_equal_value_reruns_nobody(notebook: Make, first: str, second: str):
    assert runs_of_reader(notebook, first, second) == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *(("x = 1", "x = 1.0"), ("x = 1", "x = True"), ("x = 0.0", "x = -0.0"), ("x = (1,)", "x = (1.0,)")),
        *(("x = {'a': 1, 'b': 2}", "x = {'b': 2, 'a': 1}"), ("x = '1'", "x = b'1'")),
    ],
    ids=["float", "bool", "minus", "nested", "order of keys", "bytes"],
)
def test_equal_is_not_the_same(notebook: Make, first: str, second: str):
    assert runs_of_reader(notebook, first, second) == 1


def test_an_equality_that_lies_is_not_asked(notebook: Make):
    lie = "class L:\n    def __init__(self, v): self.v = v\n    def __eq__(self, other): return True\n"
    assert runs_of_reader(notebook, lie + "x = L(1)", lie + "x = L(2)", "print(x.v)") == 1


def test_an_equality_that_raises_is_not_asked(notebook: Make):
    lie = "class L:\n    def __init__(self, v): self.v = v\n    def __eq__(self, other): raise SystemExit\n"
    assert runs_of_reader(notebook, lie + "x = L(1)", lie + "x = L(2)", "print(x.v)") == 1


def test_an_array_with_equal_content_is_another_array(notebook: Make):
    book = notebook(a="import numpy as np\na = np.zeros(2)", b="b = a", c="a[0] = 1", d="print(b, a is b)")
    assert book.run().enter("a", "import numpy as np\na = np.zeros(2) * 1").holds()


# What no rerun can prove


def test_an_unseeded_draw_is_kept_as_it_ran(notebook: Make):
    book = notebook(a="import random", b="x = random.random()", c="y = x", d="k = 0")
    book.run()
    drawn = book.value("x")
    book.enter("d", "k = 1").run_stale()
    assert book.value("(x, y)") == f"({drawn}, {drawn})"
    assert {told.freshness for told in book.state.cells.values()} == {"fresh"}


def test_the_clock_is_kept_as_it_was_read(notebook: Make):
    book = notebook(a="import time\nstart = time.time_ns()", b="later = start + 1").run()
    began = book.value("start")
    assert book.enter("b", "later = start + 2").run_stale().value("start") == began
    assert {told.freshness for told in book.state.cells.values()} == {"fresh"}


def test_appending_to_a_file_meets_the_file_as_it_is(notebook: Make):
    book = notebook(a="with open('log', 'a') as f:\n    f.write('x') and None", b="k = 1")
    assert book.run().enter("b", "k = 2").holds()
    assert book.state.files["log"] == b"x"
    assert book.run("a").state.files["log"] == b"xx"


def test_appending_to_a_file_that_the_notebook_makes_appends_once(notebook: Make):
    write, append = (
        "with open('log', 'w') as f:\n    f.write('a') and None",
        "with open('log', 'a') as f:\n    f.write('b') and None",
    )
    book = notebook(a=write, b=append, c="print(open('log').read())").run().run("b").run("b")
    assert book.holds()
    assert book.state.files["log"] == b"ab"


def test_a_file_of_a_deleted_cell_stays(notebook: Make):
    book = notebook(a="with open('f', 'w') as f:\n    f.write('a') and None", b="k = 1").run().delete("a")
    assert book.state.files["f"] == b"a"


def test_a_cell_that_removes_what_its_earlier_text_wrote_is_doubted(notebook: Make):
    book = notebook(a="import os", b="open('f', 'w').close()").run().enter("b", "os.remove('f')")
    assert book.doubts("b", "does not write it any more")


# Lifetimes


def test_a_temporary_is_not_kept_alive(notebook: Make):
    book = notebook(
        a="import weakref\nclass T: pass\ndef make():\n    t = T()\n    return weakref.ref(t), [0]",
        b="ref, kept = make()",
        c="print(ref() is None)",
    )
    assert book.exercise().holds()


def test_a_temporary_of_a_cell_is_gone_when_the_cell_deletes_it(notebook: Make):
    book = notebook(
        a="import weakref\nclass T: pass", b="t = T()\nref = weakref.ref(t)\ndel t", c="print(ref() is None)"
    )
    assert book.exercise().holds()


def test_a_finalizer_runs_where_the_last_reference_goes(notebook: Make):
    book = notebook(
        a="class F:\n    def __del__(self): print('gone')",
        b="def f():\n    x = F()\n    print('made')\nf()",
        c="F() and None",
    )
    assert book.exercise().holds()
    assert book.shown("b") == "made\ngone\n"


def test_a_file_closes_where_its_last_reference_goes(notebook: Make):
    book = notebook(a="open('f', 'w').write('1') and None", b="print(open('f').read())")
    assert book.exercise().holds()
    assert book.shown("b") == "1\n"


def test_an_old_value_is_let_go_when_its_name_gets_another(notebook: Make):
    book = notebook(
        a="import weakref\nclass T: pass\nrefs = []",
        b="t = T()\nrefs.append(weakref.ref(t))",
        c="print(len(refs))",
    )
    book.run()
    for _ in range(5):
        book.run("b")
    assert book.value("refs[0]() is t") == "True"
    assert book.holds()


def test_what_a_deleted_cell_made_is_let_go(notebook: Make):
    book = notebook(a="class T: pass\nt = T()", b="k = 1").run()
    book.delete("a")
    assert book.value("[o for o in __import__('gc').get_objects() if type(o).__name__ == 'T']") == "[]"


# What C code keeps for itself


def test_what_a_simple_queue_is_made_of_is_not_put_back(notebook: Make):
    book = notebook(
        a="import queue\nq = queue.SimpleQueue()", b="q.put(1)\nq.put(2)", c="print(q.get(timeout=0.1))"
    )
    assert book.run().enter("b", "pass").is_honest()
