"""`%reactive` in a notebook: why cells are as they are, who wrote what, and whether all of it holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conversation import Conversation, text_of
from .gate import Gate

NOTHING = {"reads": [], "writes": [], "parents": [], "children": []}


def asked(kernel: Conversation, line: str) -> list[str]:
    """What `%reactive` answers to code of no cell, line by line."""
    return kernel.execute(f"%reactive {line}").shown().splitlines()


def verified(kernel: Conversation, options: str = "") -> list[str]:
    """The same for `verify`, without its progress."""
    return [line for line in asked(kernel, f"verify {options}") if line.strip() and not line.startswith("[")]


def runs(kernel: Conversation, *cells: str) -> tuple[int, ...]:
    return tuple(kernel.cells[cell]["run"] for cell in cells)


# A cell


def test_a_fresh_cell_tells_what_it_read_and_who_reads_it(kernel: Conversation):
    kernel.document(a="x = 1", b="y = x + 1", c="print(y)")
    a, b = runs(kernel, "a", "b")
    assert asked(kernel, "why 2") == [
        f"cell 2 `y = x + 1` is fresh: nothing that it reads has changed since it ran (run {b}).",
        "It reads",
        f"  `x` from cell 1, run {a}",
        "It writes",
        f"  `y` (run {b}), read by cell 3",
        "If what it writes changes, cell 3 runs again.",
    ]


def test_a_stale_cell_tells_which_version_it_read_and_which_is_there_now(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)")
    before = runs(kernel, "a")[0]
    kernel.do({"op": "configure", "mode": "lazy"})
    kernel.execute("x = 2", "a")
    now = runs(kernel, "a")[0]
    assert asked(kernel, "why cell 2")[:3] == [
        "cell 2 `print(x)` is stale: `x` (from cell 1) has changed since this cell ran.",
        "It reads",
        f"  `x` from cell 1, now run {now}; it read run {before}",
    ]
    assert asked(kernel, "why 1")[-1] == "If what it writes changes, cell 2 is marked stale."


def test_what_was_looked_up_while_another_cell_came_to_write_it_is_nobodys(
    kernel: Conversation, tmp_path: Path
):
    gate = Gate(tmp_path / "gate")
    kernel.document(a="x = 1", nearer="pass", b="pass")
    kernel.do({"op": "configure", "mode": "lazy"})
    run = kernel.ask(gate.source + "exec('print(x)')", "b")
    kernel.until_text("on")
    start = len(kernel.log)
    edit = kernel.tell({"op": "edit", "id": "nearer", "source": "x = 2"}, kernel.subshell())
    kernel.until(lambda message: "nearer" in kernel.graph and kernel.graph["nearer"]["writes"] == ["x"])
    gate.open(kernel)
    for request in (run, edit):
        kernel.finish(request, start)
    kernel.run("nearer")
    now = runs(kernel, "nearer")[0]
    [line] = [line for line in asked(kernel, "why 3") if line.startswith("  `x`")]
    assert line.startswith(f"  `x` from cell 2, now run {now}; it read one that is not there any more")


def test_of_what_a_failed_cell_looked_up_by_its_words_the_version_is_not_noted(kernel: Conversation):
    kernel.document(a="x = 1", b="pass")
    kernel.do({"op": "configure", "mode": "lazy"})
    kernel.execute("exec('print(x)')\n1 / 0", "b")
    kernel.execute("x = 2", "a")
    now = runs(kernel, "a")[0]
    [line] = [line for line in asked(kernel, "why 2") if line.startswith("  `x`")]
    assert line.startswith(
        f"  `x` from cell 1, now run {now}; it read one that was not noted, as its run failed"
    )


def test_a_name_that_another_cell_writes_now_was_read_from_where_it_was(kernel: Conversation):
    kernel.document(a="x = 1", c="print(x)")
    made = runs(kernel, "a")[0]
    kernel.do({"op": "configure", "mode": "lazy"})
    kernel.sync({"a": "x = 1", "b": "x = 2", "c": "print(x)"})
    unused = "cell 2, which is to write it, has not run"
    assert asked(kernel, "why c")[2] == f"  `x` from cell 1, run {made}; {unused}"
    kernel.run("b")
    now = runs(kernel, "b")[0]
    assert asked(kernel, "why c")[2] == f"  `x` from cell 2, now run {now}; it read run {made} of cell 1"


def test_a_blocked_cell_tells_by_what(kernel: Conversation):
    kernel.document(a="x = 1 / 0", b="print(x)")
    assert asked(kernel, "why b") == [
        "cell 2 `print(x)` is blocked: it needs `x` from cell 1, which failed; repair that first.",
        "It reads",
        "  `x` from cell 1, which failed",
        "No cell depends on it.",
    ]
    assert asked(kernel, "why a")[0].startswith("cell 1 `x = 1 / 0` failed in run ")


def test_a_cell_that_never_ran_tells_what_it_will_read(kernel: Conversation):
    kernel.sync({"a": "x = 1", "b": "print(x)"})
    assert asked(kernel, "why b") == [
        "cell 2 `print(x)` has never run.",
        "It reads",
        "  `x` from cell 1, which has not run",
        "No cell depends on it.",
    ]


def test_reads_that_no_text_shows_tell_how_they_are_known(kernel: Conversation):
    kernel.document(a="x = y = 1", b="def f(): return x", c="f()", d="eval('y')")
    assert "  `x` from cell 1, run " in asked(kernel, "why c")[3]
    assert asked(kernel, "why c")[3].endswith(" (through a function that it calls)")
    assert asked(kernel, "why d")[2].endswith(" (seen when it ran)")


def test_what_nobody_can_see_is_said(kernel: Conversation):
    kernel.document(a="x = 1", b="globals()['x']")
    answer = asked(kernel, "why b")
    assert answer[0].startswith("cell 2 `globals()['x']` is stale: it looks names up with `globals`")
    assert answer[-2:] == [
        "What the kernel cannot see",
        "  It may touch names that its text does not spell out; those are known only after a run.",
    ]


def test_a_manual_cell_is_only_marked(kernel: Conversation):
    kernel.sync({"a": "x = 1", "b": "print(x)", "c": "print(x + 1)"}, b="manual")
    kernel.run("a", "b", "c")
    assert asked(kernel, "why a")[-1] == (
        "If what it writes changes, cell 3 runs again; cell 2 is marked stale."
    )
    assert asked(kernel, "why b")[1] == "It is manual: it runs only when somebody asks for it."


# A name


def test_a_name_tells_who_wrote_it_and_who_reads_which_version(kernel: Conversation):
    kernel.document(a="xs = [1]", b="len(xs)", c="xs.append(2)", d="sum(xs)")
    a, c = runs(kernel, "a", "c")
    assert asked(kernel, "why xs") == [
        f"`xs` is, at the document's end, what cell 3 left in run {c}.",
        "Written by",
        f"  cell 1 `xs = [1]` binds it in run {a}, read by cells 2 and 3",
        f"  cell 3 `xs.append(2)` changes it in place in run {c}, from what cell 1 left, read by cell 4",
    ]


def test_a_name_that_was_deleted_or_is_not_there_yet_says_so(kernel: Conversation):
    kernel.sync({"a": "x = 1", "b": "del x"})
    assert (
        asked(kernel, "why x")[0] == "`x` has no version yet: cell 2, which is to write it last, has not run."
    )
    kernel.run("a", "b")
    assert " `del x` deletes it in run " in asked(kernel, "why x")[-1]


def test_an_expression_is_answered_for_its_name(kernel: Conversation):
    kernel.document(frame="df = [1]", other="df[0]")
    assert asked(kernel, "why df.shape[0]") == asked(kernel, "why df")


@pytest.mark.parametrize(
    ("what", "answer"),
    [
        ("total", "`total` is written by no cell."),
        ("prize", "No cell writes or reads `prize`. Did you mean `price`?"),
        ("sum", "`sum` is Python's own; no cell writes it."),
        ("mine", "No cell writes or reads `mine`; it was bound outside of the document."),
        ("_", "`_` belongs to this session and not to the notebook."),
        ("9", "There is no cell 9: the document has 2 code cells."),
        ("", "`%reactive why` takes a name, or a cell's number or id."),
    ],
)
def test_what_no_cell_wrote_has_an_answer_too(kernel: Conversation, what: str, answer: str):
    kernel.document(a="price = 1", b="lambda: total")
    kernel.execute("mine = 1")
    kernel.sync({"a": "price = 1", "b": "total"})
    assert asked(kernel, f"why {what}")[0] == answer


def test_a_cell_is_called_by_number_id_or_the_beginning_of_its_id(kernel: Conversation):
    kernel.document(**{"9f3c61d2": "x = 1"})
    answers = [asked(kernel, f"why {name}") for name in ("1", "cell 1", "Cell 1", "9f3c61d2", "9f3c")]
    assert answers[0][0].startswith("cell 1 `x = 1` is fresh")
    assert answers == answers[:1] * 5


def test_files_and_random_states_are_answered_for_like_names(kernel: Conversation, tmp_path: Path):
    path = tmp_path / "prices.csv"
    write, read = (
        f"with open({str(path)!r}, 'w') as f: f.write('1')",
        f"with open({str(path)!r}) as f: f.read()",
    )
    kernel.document(a=write, b=read, c="import random; random.seed(1)", d="random.random()")
    a, c, d = runs(kernel, "a", "c", "d")
    assert f"  the file `{path}` from cell 1, run {a}" in asked(kernel, "why b")
    assert asked(kernel, "why prices.csv") == asked(kernel, f"why {path}")
    assert (
        asked(kernel, f"why {path}")[0]
        == f"The file `{path}` is, at the document's end, what cell 1 left in run {a}."
    )
    assert f"  Python's random state from cell 3, run {c}" in asked(kernel, "why d")
    assert asked(kernel, "why random:random")[-1] == (
        f"  cell 4 `random.random()` writes it in run {d}, from what cell 3 left"
    )


# The whole


def test_the_overview_lists_what_is_amiss(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)", c="1 / 0", d="y = 1")
    kernel.edit("a", "x = 2")
    failed = runs(kernel, "c")[0]
    assert asked(kernel, "") == [
        "4 cells: 2 fresh, 2 stale (auto mode: cells run again when their inputs change).",
        "  cell 1 `x = 2` is stale: the text was changed after the last run.",
        "  cell 2 `print(x)` is stale: it reads `x` from cell 1, which is not up to date.",
        f"  cell 3 `1 / 0` failed in run {failed}, and neither it nor what it reads has changed since.",
        "Ask `%reactive why NAME` or `%reactive why CELL`; `%reactive help` lists the rest.",
    ]


def test_front_ends_get_html_with_everything_escaped(kernel: Conversation):
    kernel.document(a="x = 1 < 2 & 3")
    (shown,) = kernel.execute("%reactive why a").of_type("display_data")
    page = shown["content"]["data"]["text/html"]
    assert "cell 1 <code>x = 1 &lt; 2 &amp; 3</code> is fresh" in page
    assert "<li><code>x</code> (run " in page


def test_the_mode_can_be_chosen_and_front_ends_hear_of_it(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)")
    lazy = kernel.execute("%reactive mode lazy")
    assert [answer["mode"] for answer in lazy.answers if answer["op"] == "ready"] == ["lazy"]
    assert kernel.execute("x = 2", "a").ran == ["a"]
    assert asked(kernel, "mode")[0].startswith("lazy: ")
    assert asked(kernel, "mode fast") == ["The mode is `auto` or `lazy`, not `fast`."]
    kernel.execute("%reactive mode auto")
    assert kernel.execute("x = 3", "a").ran == ["a", "b"]


def test_help_names_every_word_and_other_words_are_refused(kernel: Conversation):
    kernel.document(a="x = 1")
    words = [line.split()[1] for line in asked(kernel, "help") if line.startswith("%reactive ")]
    assert {"why", "mode", "verify", "help"} <= set(words)
    assert asked(kernel, "wy")[0] == "There is no `%reactive wy`."


def test_without_a_document_there_is_nothing_to_ask(alone: Conversation):
    nothing = ["No front end has told this kernel of a notebook, so there is nothing to ask about."]
    assert asked(alone, "why x") == asked(alone, "verify") == asked(alone, "") == nothing


def test_a_cell_that_asks_is_no_part_of_what_it_asks_about(kernel: Conversation):
    kernel.document(a="x = 1", b="%reactive why x", c="%reactive", d="print(x)")
    assert kernel.graph["b"] == kernel.graph["c"] == NOTHING
    assert kernel.text("c").startswith("3 cells: ")
    assert set(kernel.states().values()) == {"fresh ok"}
    assert kernel.execute("x = 2", "a").ran == ["a", "d"]


# Verification


def test_a_document_that_holds_is_told_so_and_no_cell_reads_what_that_took(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)\nx", c="%reactive verify", d="open('/proc/self/stat').close()")
    assert kernel.text("c").splitlines()[-1] == "This notebook: 3 cells show what a fresh run shows."
    assert kernel.graph["c"] == NOTHING
    assert kernel.state("c") == "fresh ok"


def test_a_stale_cell_differs_and_says_that_it_is_stale(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)")
    kernel.edit("a", "x = 2")
    assert verified(kernel) == [
        "cell 2 (b) `print(x)`, marked stale, shows something else in a fresh run:",
        "  --- shown now",
        "  +++ a fresh run",
        "  @@ -1 +1 @@",
        "  -1",
        "  +2",
        "This notebook: 1 of 2 cells differs from a fresh run.",
    ]


def test_a_fresh_cell_that_differs_is_pointed_out(kernel: Conversation):
    kernel.document(a="import os\nprint(os.getpid())")
    answer = verified(kernel)
    assert answer[0] == "cell 1 (a) `import os`, marked fresh, shows something else in a fresh run:"
    assert answer[-2].startswith("note: a cell that is marked fresh and differs all the same depends on time")


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGOoBwAAgQCA05RTSgAAAABJRU5ErkJggg=="
SHOWING = {
    "a": "from IPython.display import clear_output\nprint('x'); clear_output(wait=True); print('y')",
    "b": "handle = display('one', display_id=True)",
    "c": "handle.update('two')",
    "d": "print('gone'); clear_output()",
    "e": "x = 1",
    "f": "x = 2",
    "g": "print(x)\n1 / 0",
    "h": f"import base64\nfrom IPython.display import Image\nImage(base64.b64decode({PIXEL!r}))",
}


def test_what_cells_show_is_known_as_front_ends_show_it(kernel: Conversation):
    kernel.document(**SHOWING)
    kernel.execute("x = 3", "f")
    assert kernel.text("g").startswith("3\n")
    assert verified(kernel) == ["This notebook: 8 cells show what a fresh run shows."]


def test_reruns_that_show_under_another_cell_are_known_too(alone: Conversation):
    for cell, source in (("a", "x = 1"), ("b", "print(x)"), ("a", "x = 2")):
        ran = alone.execute(source, cell)
    assert "cell 2 ran again" in ran.shown()
    assert verified(alone) == ["This notebook: 2 cells show what a fresh run shows."]


def test_what_a_widget_shows_instead_of_the_cell_is_not_the_cells(kernel: Conversation):
    inside = (
        "import ipywidgets\narea = ipywidgets.Output()\nwith area:\n    print('inside')\nprint('outside')"
    )
    kernel.document(a=inside)
    assert verified(kernel) == ["This notebook: 1 cell shows what a fresh run shows."]


def test_what_was_too_much_to_keep_is_not_compared(kernel: Conversation):
    kernel.document(a="print('x' * 5_000_000)", b="print('y')")
    assert verified(kernel) == [
        "note: cell 1 was not compared: it showed more than the kernel keeps",
        "This notebook: 1 cell shows what a fresh run shows.",
    ]


def test_a_long_fresh_run_shows_how_far_it_is_and_can_be_interrupted(kernel: Conversation):
    kernel.sync({"a": "import time", "b": "time.sleep(60)"}, b="manual")
    kernel.run("a")
    request = kernel.ask("%reactive verify")
    kernel.until(lambda m: m["msg_type"] == "stream" and "[2/2] 1 s time.sleep(60)" in m["content"]["text"])
    kernel.interrupt()
    shown = "".join(map(text_of, kernel.finish(request).of_type("error")))
    assert shown.startswith("KeyboardInterrupt")
    assert kernel.value("1 + 1") == "2"


def test_the_time_that_a_cell_may_take_can_be_bounded(kernel: Conversation):
    kernel.sync({"a": "x = 1", "b": "while True: pass"}, b="manual")
    kernel.run("a")
    assert verified(kernel, "--timeout 1")[-1] == (
        "jupyter reactive: cell 2 took longer than 1 s; 1 cell was compared until then"
    )
