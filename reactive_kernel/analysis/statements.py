"""Reads statements: in the order of the text, paths part and meet."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from enum import Enum

from .definitions import last_name, read_annotations
from .expressions import mutate_by_call
from .scope import Function, Loop, Module, Scope
from .verbs import FRESH, OWN, UNKNOWN, makes
from .walk import ANY, Readers, sometimes, visit, walk

# Methods that change their object where their result is thrown away. (pandas has an `add` and an `append`
# that return a new object, so a call whose result is used proves nothing.)
MUTATORS = {
    "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "fit", "insert", "partial_fit",
    "remove", "reverse", "rotate", "sort", "update",
}  # fmt: skip
# Context managers that swallow exceptions: what their block binds may be unbound after it.
SWALLOWING = frozenset({"assertRaises", "raises", "suppress"})


def _expression(scope: Scope, node: ast.Expr) -> None:
    value = node.value
    ANY[type(value)](scope, value)
    if type(value) is ast.Call:
        func = value.func
        if type(func) is ast.Attribute and func.attr in MUTATORS:
            mutate_by_call(scope, func)


def _assign(scope: Scope, node: ast.Assign) -> None:
    value = node.value
    if type(value) is ast.Lambda and scope is scope.module:
        _assign_lambda(scope.module, node.targets, value)
    else:
        ANY[type(value)](scope, value)
    targets = node.targets
    if scope is scope.module and len(targets) == 1 and type(targets[0]) is ast.Name:
        name = targets[0].id
        if makes(value):
            scope.originate(name, FRESH)
        elif type(value) is ast.Lambda:
            scope.originate(name, OWN)
        else:
            scope.store(name)
        return
    for target in targets:
        ANY[type(target)](scope, target)


def _assign_lambda(module: Module, targets: Iterable[ast.AST], value: ast.Lambda) -> None:
    """Walk `f = g = lambda: ...`: what the lambda touches travels with both names."""
    record = module.record
    module.record = reads, writes = set[str](), set[str]()
    visit(module, value)
    module.record = record
    for target in targets:
        into = module.record_of(target.id if isinstance(target, ast.Name) else "")
        into[0].update(reads)
        into[1].update(writes)


def _augmented(scope: Scope, node: ast.AugAssign) -> None:
    target = node.target
    scope.module.verbs.add("op")
    if type(target) is ast.Name:
        name = target.id
        scope.load(name)
        visit(scope, node.value)
        scope.say(name, "+=")
        # What is surely the cell's own stays so.
        scope.originate(name, scope.module.origins.get(name, UNKNOWN) if name in scope.bound else UNKNOWN)
    else:
        # What is changed in place is the item, wherever that came from.
        scope.module.verbs.add("+=")
        visit(scope, target)
        visit(scope, node.value)


def _annotated(scope: Scope, node: ast.AnnAssign) -> None:
    target = node.target
    if node.value is not None:
        if type(node.value) is ast.Lambda and scope is scope.module:
            _assign_lambda(scope.module, (target,), node.value)
        else:
            visit(scope, node.value)
        visit(scope, target)
    elif isinstance(target, ast.Name):
        if isinstance(scope, Function) and node.simple:
            # It binds nothing, but makes the name local.
            scope.store(target.id)
    else:
        walk(scope, ast.iter_child_nodes(target))
    if not isinstance(scope, Function):
        read_annotations(scope, (node.annotation,))


def _bind_import(scope: Scope, name: str, origin: str) -> None:
    if scope is not scope.module:
        # The names of functions are not followed.
        scope.module.verbs.add("&?")
    scope.originate(name, origin)


def _import(scope: Scope, node: ast.Import) -> None:
    for alias in node.names:
        name = alias.asname or alias.name.partition(".")[0]
        _bind_import(scope, name, f"{alias.name if alias.asname else name}:")


def _import_from(scope: Scope, node: ast.ImportFrom) -> None:
    for alias in node.names:
        if alias.name == "*":
            scope.module.dynamic = True
            scope.module.verbs.add("import *")
        else:
            _bind_import(scope, alias.asname or alias.name, f"{'.' * node.level}{node.module}:{alias.name}")
    if node.module == "__future__" and any(alias.name == "annotations" for alias in node.names):
        scope.module.annotations = "never"


def _global(scope: Scope, node: ast.Global) -> None:
    scope.declare_global(node.names)


def _nonlocal(scope: Scope, node: ast.Nonlocal) -> None:
    scope.declare_nonlocal(node.names)


def _raise(scope: Scope, node: ast.Raise) -> None:
    scope.module.verbs.add("raise")
    visit(scope, node.exc)
    visit(scope, node.cause)
    scope.dead = True


def _assert(scope: Scope, node: ast.Assert) -> None:
    scope.module.verbs.add("op")
    visit(scope, node.test)
    if node.msg is not None:
        sometimes(scope, (node.msg,))


def _continue(scope: Scope, node: ast.Continue) -> None:
    if scope.loops:
        loop = scope.loops[-1]
        loop.rounds.append(set(scope.trail[loop.mark :]))
    scope.dead = True


def _break(scope: Scope, node: ast.Break) -> None:
    if scope.loops:
        loop = scope.loops[-1]
        loop.exits.append(set(scope.trail[loop.mark :]))
    scope.dead = True


# Compound statements: paths part and meet


def _apart(scope: Scope, nodes: Iterable[ast.AST]) -> set[str] | None:
    """Walk one path of several and return what it surely binds, or None if it does not come out."""
    mark = len(scope.trail)
    scope.dead = False
    scope.depth += 1
    walk(scope, nodes)
    scope.depth -= 1
    names = scope.take_back(mark)
    dead, scope.dead = scope.dead, False
    return None if dead else names


def _meet(scope: Scope, paths: Iterable[set[str] | None]) -> None:
    """Go on where paths meet: only what all of them bind is surely bound."""
    live = [path for path in paths if path is not None]
    if live:
        scope.settle(sorted(live[0].intersection(*live[1:])))
    else:
        scope.dead = True


def _if(scope: Scope, node: ast.If) -> None:
    paths: list[set[str] | None] = []
    scope.module.verbs.add("op")
    visit(scope, node.test)
    mark = len(scope.trail)
    branch = node
    while True:
        path = _apart(scope, branch.body)
        # What the tests up to this one bind, this path has bound too.
        paths.append(path if path is None else path.union(scope.trail[mark:]))
        # A chain of `elif` is as deep as it is long.
        following = branch.orelse[0] if len(branch.orelse) == 1 else None
        if not isinstance(following, ast.If):
            break
        branch = following
        visit(scope, branch.test)
    path = _apart(scope, branch.orelse)
    paths.append(path if path is None else path.union(scope.trail[mark:]))
    scope.take_back(mark)
    _meet(scope, paths)


def _loop(scope: Scope, body: Iterable[ast.AST], orelse: Iterable[ast.AST], runs: _Runs) -> None:
    loop = Loop(len(scope.trail))
    scope.loops.append(loop)
    loop.rounds.append(_apart(scope, body))
    scope.loops.pop()
    exits = loop.exits
    if runs is not _Runs.FOREVER:
        mark = len(scope.trail)
        # Where the body surely ran, the loop ends after one of its rounds.
        if runs is _Runs.ONCE:
            _meet(scope, loop.rounds)
        path = _apart(scope, orelse)
        bound = scope.take_back(mark)
        exits.append(path if path is None else path | bound)
    _meet(scope, exits)


class _Runs(Enum):
    """How often the body of a loop surely runs."""

    NEVER = 0
    ONCE = 1
    FOREVER = 2


def _while(scope: Scope, node: ast.While) -> None:
    scope.module.verbs.add("op")
    visit(scope, node.test)
    endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
    _loop(scope, node.body, node.orelse, _Runs.FOREVER if endless else _Runs.NEVER)


def _for(scope: Scope, node: ast.For | ast.AsyncFor) -> None:
    scope.module.verbs.add("for" if type(node) is ast.For else "await")
    visit(scope, node.iter)
    runs = _Runs.ONCE if _is_filled(node.iter) else _Runs.NEVER
    _loop(scope, (node.target, *node.body), node.orelse, runs)


def _is_filled(node: ast.AST) -> bool:
    """Whether an iterable surely holds something: `range(10)`, `["a", "b"]`."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return any(not isinstance(item, ast.Starred) for item in node.elts)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return False
    first = node.args[0] if node.args else None
    if node.func.id == "range" and len(node.args) == 1:
        return isinstance(first, ast.Constant) and isinstance(first.value, int) and first.value > 0
    return node.func.id in ("enumerate", "tqdm", "trange") and first is not None and _is_filled(first)


def _with(scope: Scope, node: ast.With | ast.AsyncWith) -> None:
    swallows = False
    scope.module.verbs.add("with" if type(node) is ast.With else "await")
    for item in node.items:
        visit(scope, item.context_expr)
        visit(scope, item.optional_vars)
        swallows = swallows or last_name(item.context_expr) in SWALLOWING
    if swallows:
        _apart(scope, node.body)
    else:
        walk(scope, node.body)


def _try(scope: Scope, node: ast.Try) -> None:
    # Any statement of the body may have failed when a handler or `finally` starts.
    paths = [_apart(scope, (*node.body, *node.orelse))]
    paths += [_apart(scope, (handler,)) for handler in node.handlers]
    last = _apart(scope, node.finalbody)
    _meet(scope, paths)
    if last is None:
        scope.dead = True
    else:
        scope.settle(sorted(last))


def _handler(scope: Scope, node: ast.ExceptHandler) -> None:
    visit(scope, node.type)
    name = node.name
    if name is not None and scope is scope.module:
        scope.module.erases.add(name)
    if name is None:
        walk(scope, node.body)
    elif scope.ordered and name not in scope.bound:
        # The name lives as long as the handler. That it also ends what was bound before is seen at run time.
        scope.bound.add(name)
        walk(scope, node.body)
        scope.bound.discard(name)
    else:
        scope.store(name)
        walk(scope, node.body)


def _match(scope: Scope, node: ast.Match) -> None:
    scope.module.verbs.add("match")
    visit(scope, node.subject)
    paths = [_apart(scope, ast.iter_child_nodes(case)) for case in node.cases]
    if not any(case.guard is None and _irrefutable(case.pattern) for case in node.cases):
        paths.append(set())
    _meet(scope, paths)


def _irrefutable(pattern: ast.pattern) -> bool:
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or _irrefutable(pattern.pattern)
    return isinstance(pattern, ast.MatchOr) and any(map(_irrefutable, pattern.patterns))


def _match_name(scope: Scope, node: ast.MatchAs | ast.MatchStar) -> None:
    if isinstance(node, ast.MatchAs):
        visit(scope, node.pattern)
    if node.name is not None:
        scope.store(node.name)


def _match_mapping(scope: Scope, node: ast.MatchMapping) -> None:
    walk(scope, node.keys)
    walk(scope, node.patterns)
    if node.rest is not None:
        scope.store(node.rest)


READERS: Readers = {
    ast.AnnAssign: _annotated,
    ast.Assert: _assert,
    ast.Assign: _assign,
    ast.AsyncFor: _for,
    ast.AsyncWith: _with,
    ast.AugAssign: _augmented,
    ast.Break: _break,
    ast.Continue: _continue,
    ast.ExceptHandler: _handler,
    ast.Expr: _expression,
    ast.For: _for,
    ast.Global: _global,
    ast.If: _if,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Match: _match,
    ast.MatchAs: _match_name,
    ast.MatchMapping: _match_mapping,
    ast.MatchStar: _match_name,
    ast.Nonlocal: _nonlocal,
    ast.Raise: _raise,
    ast.Try: _try,
    ast.While: _while,
    ast.With: _with,
}
if sys.version_info >= (3, 11):
    READERS[ast.TryStar] = _try
