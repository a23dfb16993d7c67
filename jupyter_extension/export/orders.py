"""What a cell wants of IPython, once its syntax is rewritten into calls: which, and where in the text."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import cast


@dataclass(frozen=True)
class Order:
    """What a cell wants of IPython."""

    kind: str
    line: str
    name: str = ""
    body: str = ""

    def __str__(self) -> str:
        return {"system": f"!{self.line}", "getoutput": f"!!{self.line}"}.get(
            self.kind, f"%{self.name} {self.line}".rstrip()
        )


# The requests to IPython's shell that its syntax stands for, and how many texts they take.
_ARGUMENTS = {"system": 1, "getoutput": 1, "run_line_magic": 2, "run_cell_magic": 3, "show_usage": 0}


def order_of(node: ast.AST) -> Order | None:
    """What is asked for by `get_ipython().KIND("...", ...)`."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return None
    shell, kind = node.func.value, node.func.attr
    if not (isinstance(shell, ast.Call) and isinstance(shell.func, ast.Name)):
        return None
    texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
    if shell.func.id != "get_ipython" or len(texts) != _ARGUMENTS.get(kind) or len(texts) != len(node.args):
        return None
    words = list(map(str, texts))
    if kind in ("system", "getoutput"):
        return Order(kind, words[0])
    return Order(kind, *words[1:2], *words[:1], *words[2:]) if words else Order(kind, "")


_CALL = re.compile(r"get_ipython\(\)\.(?:system|getoutput|run_line_magic|run_cell_magic|show_usage)\(.*\)")


def as_typed(text: str) -> str:
    """The lines as they stand in the cell."""

    def typed(found: re.Match[str]) -> str:
        order = order_of(ast.parse(found[0], mode="eval").body)
        if order is None:
            return found[0]
        if order.kind == "run_cell_magic":
            return f"%%{order.name} {order.line}".rstrip() + f"\n{order.body}"
        return f"?{order.line}" if order.name.startswith("pinfo") else str(order)

    return _CALL.sub(typed, text)


class Places:
    """Where in the text a node stands: the tree counts lines and bytes."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    def span(self, node: ast.AST) -> tuple[int, int]:
        placed = cast("ast.expr", node)
        assert placed.end_lineno is not None
        assert placed.end_col_offset is not None
        return self._at(placed.lineno, placed.col_offset), self._at(placed.end_lineno, placed.end_col_offset)

    def lines(self, node: ast.stmt) -> tuple[int, int]:
        return self._starts[node.lineno - 1], self._starts[node.end_lineno or node.lineno]

    def _at(self, line: int, column: int) -> int:
        before = self._lines[line - 1].encode()[:column].decode()
        return self._starts[line - 1] + len(before)
