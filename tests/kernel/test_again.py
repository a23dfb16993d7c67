"""A cell that runs again does in IPython what it did before, though its text is not read anew."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from .conversation import Conversation, cell_of

# The first rerun of a text is IPython's own: it is the measure of those after it.
RERUNS = 4
HOOKS = """
import re
told = []
def unnumbered(value):
    return re.sub(r"0x[0-9a-f]+|[0-9]+", "#", str(value))
def before(info):
    told.append([info.raw_cell, sorted((name, str(value)) for name, value in vars(info).items())])
def after(result):
    errors = [unnumbered(repr(each)) for each in (result.error_before_exec, result.error_in_exec)]
    told.append([result.info.raw_cell, result.success, errors, unnumbered(result.result)])
get_ipython().events.register("pre_run_cell", before)
get_ipython().events.register("post_run_cell", after)
"""
UNHOOK = """
get_ipython().events.unregister("pre_run_cell", before)
get_ipython().events.unregister("post_run_cell", after)
"""


def looked(kernel: Conversation, expression: str) -> Any:
    """What scratch code sees, as JSON."""
    return json.loads(kernel.execute(f"import json; print(json.dumps({expression}))").shown())


def rerun(kernel: Conversation, body: str, expression: str) -> list[Any]:
    """What is to be seen in IPython after each rerun of a cell that reads `n`."""
    kernel.document(head="n = 0", cell=body)
    found: list[Any] = []
    for number in range(1, RERUNS + 1):
        kernel.execute(f"n = {number}", "head")
        found.append(looked(kernel, expression))
    return found


BODIES = [
    "m = n + 1",
    "m = n + 1\nm",
    "print(n)\nprint('more')",
    "m = n\nraise ValueError('no')",
    "m = n\n\n",
    "import sys\nprint(n, file=sys.stderr)",
]


@pytest.mark.parametrize("body", BODIES)
def test_hooks_are_told_the_same_at_each_rerun(kernel: Conversation, body: str):
    kernel.execute(HOOKS)
    try:
        kernel.document(head="n = 0", cell=body)
        found: list[Any] = []
        for number in range(1, RERUNS + 1):
            kernel.execute("told.clear()")
            kernel.execute(f"n = {number}", "head")
            found.append(looked(kernel, f"[each for each in told if each[0] == {body!r}]"))
        first, *others = found
        assert len(first) == 2
        assert others == [first] * (RERUNS - 1)
    finally:
        kernel.execute(UNHOOK)


@pytest.mark.parametrize("body", BODIES)
def test_the_history_knows_each_rerun(kernel: Conversation, body: str):
    # The latest two are the scratch code that asks, and the cell.
    found = rerun(kernel, body, "[In[-2], _i, _ii, get_ipython().history_manager.input_hist_raw[-2]]")
    first, *others = found
    assert first[0] == first[1] == body.rstrip("\n")
    assert first[2].startswith("n = ")
    assert [[*each[:2], each[3]] for each in others] == [[*first[:2], first[3]]] * (RERUNS - 1)


def test_the_record_of_outputs_has_what_each_rerun_printed(kernel: Conversation):
    outputs = "get_ipython().history_manager.outputs"
    kinds = f"[[each.output_type, str(each.bundle)] for each in {outputs}[get_ipython().execution_count - 2]]"
    if kernel.value("hasattr(get_ipython().history_manager, 'outputs')") == "False":
        pytest.skip("before version 9 IPython keeps no such record")
    found = rerun(kernel, "print('here')\nm = n\n'there'", kinds)
    assert [kind for kind, _ in found[0]] == ["out_stream", "execute_result"]
    assert found == [found[0]] * RERUNS


def shown(kernel: Conversation) -> list[str]:
    """What the cell shows, as people read it, with no number of a run."""
    traces = [message["content"]["traceback"] for message in kernel.outputs["cell"]]
    text = "\n".join(line for trace in traces for line in trace)
    return re.sub(r"\x1b\[[0-9;]*m|In ?\[[0-9]+\]", "", text).splitlines()


FAILING = ["m = 1\nm = 12 // (n - 4)", "m = [n,\n     {7: 0, 8: 0, 9: 0}[n]]", "a, m = 'xy'[:n - 3]"]


@pytest.mark.parametrize("body", FAILING)
def test_a_rerun_that_can_only_bind_names_fails_as_any_other(kernel: Conversation, body: str):
    kernel.document(head="n = 9", cell=body)
    for number in (7, 8, 4):
        kernel.execute(f"n = {number}", "head")
    assert kernel.state("cell") == "fresh error"
    assert {cell_of(message) for message in kernel.outputs["cell"]} == {"cell"}
    rerun = shown(kernel)
    assert any("---->" in line or "----> " in line for line in rerun)
    kernel.execute(body, "cell")
    assert rerun == shown(kernel)
    kernel.execute("n = 9", "head")
    assert (kernel.state("cell"), kernel.outputs["cell"]) == ("fresh ok", [])


def test_a_long_rerun_that_can_only_bind_names_stops(kernel: Conversation):
    kernel.document(head="span = range(2)", cell="m = 0\nfor each in span:\n    m += each")
    for number in (3, 4):
        kernel.execute(f"span = range({number})", "head")
    assert kernel.value("m") == "6"
    msg_id = kernel.ask("span = range(10 ** 12)", "head")
    kernel.until_running("cell")
    kernel.interrupt()
    kernel.finish(msg_id)
    assert kernel.state("cell") == "stale interrupted"
    assert shown(kernel)[-1].startswith("KeyboardInterrupt")
    assert not any("again.py" in line or "interrupt.py" in line for line in shown(kernel))
    kernel.execute("span = range(3)", "head")
    assert (kernel.state("cell"), kernel.value("m")) == ("fresh ok", "3")


def test_what_somebody_puts_in_the_place_of_ipythons_own_is_asked(kernel: Conversation):
    kernel.document(head="n = 0", cell="m = n\nm")
    for number in (1, 2):
        kernel.execute(f"n = {number}", "head")
    kernel.execute(
        "asked = []\nkind = type(get_ipython())\nown = kind.run_ast_nodes\n"
        "def run_ast_nodes(*given, **named):\n    asked.append(1)\n    return own(*given, **named)\n"
        "kind.run_ast_nodes = run_ast_nodes"
    )
    try:
        kernel.execute("n = 3", "head")
        assert kernel.text("cell") == "3"
        # The head, the cell, and the code that asks.
        assert looked(kernel, "len(asked)") == 3
    finally:
        kernel.execute("kind.run_ast_nodes = own")


def test_a_name_that_hides_a_magic_is_read_anew(kernel: Conversation):
    """A line that is nothing but a name is a magic's if there is none of that name."""
    kernel.document(head="n = 0", cell="pwd")
    assert "/" in kernel.text("cell")
    kernel.execute("pwd = 'mine'", "head")
    assert kernel.text("cell") == "'mine'"
