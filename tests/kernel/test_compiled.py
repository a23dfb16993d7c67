"""A cell that reruns with an unchanged text does what it did when it was compiled for the first time."""

from __future__ import annotations

import ast
import re
from types import SimpleNamespace

import pytest
from ipykernel.compiler import XCachingCompiler

from reactive_kernel import compiled

from .conversation import Conversation, plain

RERUNS = 3


def shown(kernel: Conversation, body: str, *between: str) -> list[str]:
    """What a cell that reads `n` shows at each of its reruns; code of no cell runs before the last one."""
    kernel.document(head="n = 0", cell=body)
    found: list[str] = []
    for number in range(1, RERUNS + 1):
        for code in between if number == RERUNS else ():
            kernel.execute(code)
        kernel.execute(f"n = {number}", "head")
        found.append(kernel.text("cell"))
    return found


def test_each_rerun_shows_its_last_expression(kernel: Conversation):
    assert shown(kernel, "m = n + 1\nm * 10") == ["20", "30", "40"]


def test_each_rerun_fails_where_it_fails(kernel: Conversation):
    kernel.document(head="n = 0", cell="m = n\nif m:\n    raise ValueError(f'at {m}')\nk = m")
    tracebacks: list[str] = []
    for number in range(1, RERUNS + 1):
        kernel.execute(f"n = {number}", "head")
        (error,) = kernel.outputs["cell"]
        tracebacks.append(plain("\n".join(error["content"]["traceback"])))
    first, *others = tracebacks
    assert "----> 3" in first
    assert [re.sub(r"\d+", "-", each) for each in others] == [re.sub(r"\d+", "-", first)] * 2


def test_each_rerun_warns(kernel: Conversation):
    assert [text.count("SyntaxWarning") for text in shown(kernel, "print(n is 3)")] == [1] * RERUNS


@pytest.mark.parametrize("line", ["from __future__ import annotations\n", "async def f(): pass\n", "%pwd\n"])
def test_whatever_stands_before_it(kernel: Conversation, line: str):
    assert [text.splitlines()[-1] for text in shown(kernel, f"{line}print(n)")] == ["1", "2", "3"]


_DOUBLES = """
import ast
class Doubles(ast.NodeTransformer):
    def visit_Constant(self, node):
        return ast.Constant(node.value * 2)
get_ipython().ast_transformers.append(Doubles())
"""


def test_a_transformer_that_came_meanwhile_is_heeded(kernel: Conversation):
    try:
        assert shown(kernel, "n + 100", _DOUBLES)[:-1] == ["101", "102"]
        # The head was rewritten, too.
        assert kernel.text("cell") == "206"
    finally:
        kernel.execute("get_ipython().ast_transformers.clear()")


def test_what_a_cell_shows_can_be_set_meanwhile(kernel: Conversation):
    try:
        setting = "get_ipython().ast_node_interactivity = 'all'"
        assert shown(kernel, "n\nn + 1", setting) == ["2", "3", "34"]
    finally:
        kernel.execute("get_ipython().ast_node_interactivity = 'last_expr'")


def test_as_many_texts_are_known_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(compiled, "_MOST", 15)
    usual = {"ast_transformers": [], "ast_node_interactivity": "last_expr", "autoawait": True}
    compiler = compiled.Compiler.take_over(SimpleNamespace(compile=XCachingCompiler(), **usual))

    def rerun(source: str) -> ast.AST:
        compiler.again = source
        return compiler.ast_parse(f"{source}\n", "a.py").body[0]

    first = rerun("x = 1")
    assert rerun("y = 1") is not first
    assert rerun("x = 1") is first
    # Each of them takes six characters.
    rerun("z = 1")
    assert rerun("x = 1") is not first
