"""From the source of a cell to what it takes from outside and leaves behind."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from ..cell import BUILTINS, CellFacts, MagicAnalyser, Unparsable
from . import definitions, expressions, statements
from .magic import Unreadable, parse
from .recovery import bound_names
from .scope import Module
from .shell import Shell
from .walk import ANY, walk

ANY.update({**expressions.READERS, **definitions.READERS, **statements.READERS})

_NO_MAGICS: Mapping[str, MagicAnalyser] = MappingProxyType({})

# The tree of a source takes a hundred times its length: what is longer than this is no cell.
LONGEST = 2_000_000

# Names by which code reaches names that it does not spell out ...
_REFLECTIVE = frozenset({"eval", "exec", "get_ipython", "globals"})
# ... and those that do so only where they are called at the top level and without an argument.
_REFLECTIVE_AT_TOP = frozenset({"dir", "locals", "vars"})

_NAMED = (ast.AsyncFunctionDef, ast.ClassDef, ast.FunctionDef, ast.MatchAs, ast.MatchStar)


def analyze(source: str, magics: Mapping[str, MagicAnalyser] = _NO_MAGICS) -> CellFacts:
    """What the source of a cell says of it. It never raises, whatever the source."""
    if len(source) > LONGEST:
        return _unreadable(source, f"longer than {LONGEST:,} characters", None)
    try:
        tree = parse(source)
    except Unreadable as error:
        return _unreadable(source, error.message, error.line)
    module = Module(Shell(magics))
    try:
        walk(module, tree.body)
    except RecursionError:
        return _flat_facts(tree)
    if tree.body and type(tree.body[-1]) is ast.Expr:
        module.verbs.add("show")
    facts = module.facts()
    if not facts.dynamic and _is_reflective(tree, facts):
        return replace(facts, dynamic=True)
    return facts


def _unreadable(source: str, message: str, line: int | None) -> CellFacts:
    return CellFacts(
        writes=frozenset(bound_names(source)), problem=Unparsable(message, line), verbs=frozenset(("?()",))
    )


def _is_reflective(tree: ast.Module, facts: CellFacts) -> bool:
    if not _REFLECTIVE.isdisjoint(facts.builtins) or "get_ipython" in facts.writes:
        return True
    suspects = facts.builtins & _REFLECTIVE_AT_TOP
    return bool(suspects) and any(name in suspects for name in _bare_names(tree))


def _bare_names(tree: ast.Module) -> Iterator[str]:
    """The names outside functions and classes, but for those of calls with arguments: `vars(x)`."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            todo += [*node.args, *node.keywords]
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            todo += ast.iter_child_nodes(node)


def _flat_facts(tree: ast.Module) -> CellFacts:
    """A cell nested too deeply for the walk: all it names it reads, all it binds it writes."""
    reads: set[str] = set()
    writes: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (reads if isinstance(node.ctx, ast.Load) else writes).add(node.id)
        elif isinstance(node, ast.alias):
            writes.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, _NAMED) and node.name:
            writes.add(node.name)
    return CellFacts(
        reads=frozenset(reads - BUILTINS),
        writes=frozenset(writes - {"*"}),
        builtins=frozenset(reads & BUILTINS),
        dynamic=True,
        verbs=frozenset(("?()",)),
    )
