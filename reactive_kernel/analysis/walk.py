"""One ordered walk over the tree of a cell: `ANY` says which function reads which kind of node."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from .scope import Scope

Reader = Callable[[Scope, Any], None]
Readers = dict[type[ast.AST], Reader]


def walk(scope: Scope, nodes: Iterable[ast.AST]) -> None:
    for node in nodes:
        ANY[type(node)](scope, node)


def visit(scope: Scope, node: ast.AST | None) -> None:
    if node is not None:
        ANY[type(node)](scope, node)


def sometimes(scope: Scope, nodes: Iterable[ast.AST]) -> None:
    """Walk what may not be evaluated: what a `:=` binds there is not surely bound."""
    mark = len(scope.trail)
    walk(scope, nodes)
    if len(scope.trail) > mark:
        scope.take_back(mark)


def nothing(scope: Scope, node: ast.AST) -> None:
    """Read a node that names nothing."""


def children(scope: Scope, node: ast.AST) -> None:
    """Read a node that only holds others, evaluated one after the other."""
    for field in node._fields:
        value: object = getattr(node, field)
        if isinstance(value, ast.AST):
            ANY[type(value)](scope, value)
        elif isinstance(value, list):
            for item in value:  # pyright: ignore[reportUnknownVariableType]  # an AST's lists are mixed
                if isinstance(item, ast.AST):
                    ANY[type(item)](scope, item)


class _AnyNode(Readers):
    def __missing__(self, kind: type[ast.AST]) -> Reader:
        return self.setdefault(kind, children)


# A table and not a visitor class: looking up methods by name takes longer than what most of them do.
ANY = _AnyNode({ast.Constant: nothing, ast.Pass: nothing})
