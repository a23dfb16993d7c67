"""Notebooks that once went wrong, as small as the shrinker got them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .drive import drive
from .notebooks import Operation, Story, parse


def assert_true(cells: dict[str, str], *operations: Operation) -> None:
    """After each of the operations, what is marked fresh shows what a fresh run shows."""
    mismatch, _ = drive(Story(tuple(cells.items()), operations))
    assert mismatch is None, str(mismatch)


def assert_true_of_objects(cells: dict[str, str], *operations: Operation) -> None:
    """The same where cells meet in objects and files: plain Python says what a fresh run shows."""
    mismatch, _ = drive(Story(tuple(cells.items()), operations, mutating=True))
    assert mismatch is None, str(mismatch)


STALE = Operation("stale")


def test_a_cell_that_reads_and_writes_a_name_takes_it_from_a_new_writer_below():
    cells = {"first": "for i in []:\n    a = i + a", "last": "print(1)"}
    assert_true(cells, Operation("edit_run", ("last",), "a = 1"))


def test_a_cell_that_reads_and_writes_a_name_loses_the_writer_below():
    cells = {"first": "xs = xs + [1]", "last": "xs = [2]"}
    assert_true(cells, Operation("delete", ("last",)))


def test_a_cell_that_left_is_nobodys_parent_any_more():
    cells = {"f": "def h(x):\n    return c", "use": "print(h(1), c)", "last": "c = 4\nb = 2"}
    assert_true(cells, STALE, Operation("delete", ("last",)))


def test_a_writer_that_moves_below_its_reader_can_close_a_cycle():
    cells = {"c1": "print(1)", "c2": "print(2)", "c6": "c = 3\nprint(a, b)"}
    assert_true(cells, Operation("edit", ("c1",), "b = g(c)"), Operation("move", ("c1",), place=6))


def test_after_a_move_the_names_stand_as_at_the_documents_end():
    cells = {"c1": "def h(x):\n    return n", "c2": "def h(x):\n    return c"}
    assert_true(cells, STALE, Operation("move", ("c1",), place=3))


def test_the_reader_of_a_cell_that_was_switched_off_is_not_fresh():
    cells = {"c7": "n = 4", "c8": "print(n)"}
    off, auto = (Operation("mode", ("c7",), word=word) for word in ("off", "auto"))
    assert_true(cells, STALE, off)
    assert_true(cells, STALE, off, STALE, auto)


def test_a_cycle_that_only_real_writes_close_does_not_hang():
    cells = {
        "flag": "k = 0",
        "maybe": "if k:\n    h = 1\nm = z",
        "use": "print(h)\nz = 1",
        "last": "h = z\nk2 = m",
    }
    assert_true(cells, STALE, Operation("edit_run", ("flag",), "k = 1"))


def test_a_run_that_deletes_the_newest_name_did_not_bind_all_the_others():
    cells = {
        "c1": "def g(x, *, k=lambda: b):\n    return x",
        "c2": "n += 1",
        "c5": "del g",
        "c6": "n = 6\nprint(a)",
    }
    assert_true(cells, STALE, Operation("run", ("c1",)))


def test_what_a_failed_run_left_goes_when_another_failure_takes_its_place():
    cells = {"c1": "print(1)", "c2": "import math\nprint(b)"}
    assert_true(cells, STALE, Operation("edit_run", ("c2",), "a = ("), Operation("delete", ("c2",)))


def test_a_cell_that_shows_that_it_was_refused_is_not_fresh_when_its_edit_is_undone():
    cells = {"n": "n = missing", "use": "b = 1"}
    change, undo = Operation("edit_run", ("use",), "print(n)"), Operation("edit", ("use",), "b = 1")
    assert_true(cells, STALE, change, undo)


def test_a_name_that_a_method_misses_before_its_caller_binds_it_is_looked_for_once():
    cells = {
        "use": "b = K(0).m(1)",
        "b": "b = 3",
        "class": "class K:\n    def __init__(self, x=0):\n        self.x = x + b",
    }
    assert_true(cells)


def test_a_new_cell_may_write_what_a_function_that_it_calls_would_write():
    cells = {
        "call": "a = g(1)",
        "read": "if b > 5:\n    a = 3",
        "def": "def g(x):\n    global b\n    b = x + 3",
    }
    without_call = {"read": cells["read"]}
    call, definition = (
        Operation("insert", ("call",), cells["call"], 0),
        Operation("insert", ("def",), cells["def"], 2),
    )
    assert_true(without_call, STALE, call, definition)


def test_what_a_function_would_write_is_forgotten_when_another_takes_its_place():
    cells = {
        "h": "    return x",
        "c": "if c > 1:\n    n = b",
        "call": "print(h(1))",
        "other": "def h(x):\n    global c\n    c = x + 4",
    }
    assert_true(cells, Operation("edit", ("h",), "def h(x, *, k=lambda: n):\n    return x + k()"))


def test_a_function_that_binds_the_same_value_again_still_writes_it():
    cells = {
        "read": "b = 1",
        "def": "def g(x):\n    global c\n    c = x + 3",
        "call": "print(g(1))",
        "broken": "    c = 1 // 4",
    }
    assert_true(cells, STALE, Operation("run", ("call",)), Operation("edit_run", ("read",), "xs = [4, c, 5]"))


def test_a_name_missed_inside_a_function_is_needed_only_as_long_as_the_function_is():
    cells = {
        "first": "print(1)",
        "call": "c = h(0)",
        "def": "def h(x):\n    return sum([x, c])",
        "broken": "c = n",
    }
    assert_true(cells, Operation("edit_run", ("first",), "assert c < 0"), Operation("delete", ("def",)))


def test_a_cell_asked_to_run_with_a_new_text_is_not_fresh_while_it_waits():
    cells = {"lists": "xs = [1]\nys = [1]", "show": "print(xs, ys)"}
    waiting = Operation("edit_run", ("show",), "print(xs, ys)\n1 / 0", steps=0)
    assert_true_of_objects(cells, STALE, Operation("run", ("lists",), steps=1), waiting)


def test_a_list_that_a_failed_cell_appended_to_through_a_generator_is_put_back():
    cells = {
        "list": "xs = [1]",
        "gen": "def gen():\n    for i in range(4):\n        xs.append(i)\n        yield i\nju = gen()",
        "bind": "xs = xs + [3]",
        "broken": "print(next(ju, 'end'))\n1 / 0",
    }
    assert_true_of_objects(cells, STALE)


def test_a_generator_that_a_failed_cell_used_up_is_made_again():
    cells = {"gen": "def gen():\n    yield i\nit = gen()", "use": "print(next(it, None))"}
    assert_true_of_objects(cells, STALE)


def test_a_dict_keeps_its_order_when_what_moved_it_runs_again():
    cells = {
        "import": "from collections import *",
        "dict": "od = OrderedDict(a=1, b=2)",
        "move": "od.move_to_end('a')",
        "show": "print(list(od))",
    }
    assert_true_of_objects(cells, STALE, Operation("run", ("move",)), Operation("run", ("move",)))


def test_a_swap_of_lists_in_a_function_that_changes_one_ends():
    cells = {"x": "xs = [1]", "y": "ys = [1]", "z": "zs = [1]", "swap": "xs, ys = ys, zs"}
    change = Operation("edit_run", ("x",), "def body():\n    xs[-1] += 1\nbody()")
    assert_true_of_objects(cells, change)


def test_what_an_interrupt_left_half_done_is_undone():
    cells = {"list": "xs = [1]", "change": "xs.append(2)\nxs.append(3)", "show": "print(xs)"}
    assert_true_of_objects(cells, STALE, Operation("run", ("change",), halt=2))


def test_a_cell_that_may_set_what_decides_for_whom_it_waits_ends_and_says_so():
    functions = (
        "def f(x):\n    global a\n    a += x\ndef twice(w):\n    return lambda x: w(w(x)) + 1\ng = twice(f)"
    )
    cells = {"functions": functions, "take": "v = a\na = 0", "last": "a = 4"}
    mismatch, tally = drive(Story(tuple(cells.items()), (STALE,)))
    assert mismatch is None, str(mismatch)
    assert tally.unproven


def test_a_cycle_of_what_functions_might_do_keeps_nobody_from_running():
    cells = {"gone": "del f", "def": "def g(x):\n    global c\n    c += x"}
    assert_true(cells, Operation("insert", ("alias",), "f = g", 2))


def test_a_cell_that_was_seen_to_make_its_name_itself_needs_no_other_maker():
    cells = {
        "use": "",
        "def": "def h(x):\n    global a\n    a = x + 3",
        "a": "a = 3",
        "class": "class L:\n    @property\n    def q(self):\n        return a\n"
        "    def m(self, y):\n        return self.q + y",
    }
    use = Operation("edit_run", ("use",), "print(h(4))\nprint(L().m(1))")
    assert_true(cells, use, Operation("edit_run", ("a",), "a = 3\nassert a < 2"))


def test_what_a_function_no_longer_writes_hides_no_cycle_of_what_cells_write():
    cells = {
        "first": "a = 2",
        "def": "def g(x):\n    global a\n    a = x + 5",
        "add": "for i in range(3):\n    a += i",
        "call": "xs = list(map(g, [1, a]))",
        "last": "print(f(a))",
    }
    gone, edit = Operation("delete", ("first",)), Operation("edit", ("last",), "del a")
    assert_true(cells, STALE, gone, edit, Operation("edit_run", ("def",), "xs = [1]"))


def test_what_a_function_of_a_blocked_cell_would_write_closes_a_cycle():
    cells = {
        "show": "print(a, o.m(b))",
        "b": "b = 3",
        "def": "def h(x):\n    global a\n    a = x + 4\nxs = [b]",
        "a": "a = 0",
        "call": "print(h(a))",
        "add": "a += 1\nb += x",
    }
    assert_true(cells, STALE, Operation("delete", ("b",)))


def stories() -> dict[str, Story]:
    """The stories of `counterexamples.txt`, as they are printed when they are found."""
    text = Path(__file__).with_name("counterexamples.txt").read_text(encoding="utf-8")
    parts = (part.partition("\n") for part in re.split(r"^# ", text, flags=re.MULTILINE)[1:])
    return {name: parse(story) for name, _, story in parts}


STORIES = stories()


@pytest.mark.parametrize("name", STORIES)
def test_no_counterexample_comes_back(name: str) -> None:
    mismatch, _ = drive(STORIES[name])
    assert mismatch is None, str(mismatch)


def test_a_story_is_read_as_it_is_printed() -> None:
    assert all(parse(str(story)) == story for story in STORIES.values())
