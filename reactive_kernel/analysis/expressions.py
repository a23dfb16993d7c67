"""Reads expressions."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from .scope import Inner, Scope
from .walk import ANY, Readers, sometimes, visit, walk

# Methods that change their object wherever they are called.
ALWAYS_MUTATORS = frozenset({"pop", "popitem", "popleft", "setdefault"})
# `list.append(xs, 1)` changes no `list`.
CONTAINER_TYPES = frozenset({"bytearray", "dict", "list", "set"})

_SHELL_METHODS = {"getoutput": 1, "run_cell_magic": 3, "run_line_magic": 2, "system": 1}


def _name(scope: Scope, node: ast.Name) -> None:
    kind = type(node.ctx)
    if kind is ast.Load:
        scope.load(node.id)
    elif kind is ast.Store:
        scope.store(node.id)
    else:
        scope.delete(node.id)


def root_name(node: ast.AST) -> str | None:
    """The name that a chain of attributes and subscripts starts from."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _mutate(scope: Scope, node: ast.AST) -> None:
    name = root_name(node)
    if name is not None:
        scope.mutate(name)


def _attribute(scope: Scope, node: ast.Attribute) -> None:
    value = node.value
    ANY[type(value)](scope, value)
    if type(node.ctx) is not ast.Load:
        _mutate(scope, node)


def _subscript(scope: Scope, node: ast.Subscript) -> None:
    value = node.value
    ANY[type(value)](scope, value)
    value = node.slice
    ANY[type(value)](scope, value)
    if type(node.ctx) is not ast.Load:
        _mutate(scope, node)


def _call(scope: Scope, node: ast.Call) -> None:
    func = node.func
    if type(func) is ast.Attribute:
        attr = func.attr
        if attr in _SHELL_METHODS and _shell_call(scope, node):
            return
        if attr in ALWAYS_MUTATORS:
            mutate_by_call(scope, func)
    ANY[type(func)](scope, func)
    for value in node.args:
        ANY[type(value)](scope, value)
    for keyword in node.keywords:
        value = keyword.value
        ANY[type(value)](scope, value)
        if keyword.arg == "inplace" and type(func) is ast.Attribute and _is_true(value):
            mutate_by_call(scope, func)


def mutate_by_call(scope: Scope, func: ast.Attribute) -> None:
    name = root_name(func)
    if name is not None and name not in CONTAINER_TYPES:
        scope.mutate(name)


def _is_true(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _shell_call(scope: Scope, node: ast.Call) -> bool:
    """Hand `get_ipython().run_line_magic("name", "args")` and its kin to whoever knows magics."""
    func = node.func
    assert isinstance(func, ast.Attribute)
    if not (isinstance(func.value, ast.Call) and _is_name(func.value.func, "get_ipython")):
        return False
    texts = tuple(
        arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
    )
    if not len(texts) == len(node.args) == _SHELL_METHODS[func.attr]:
        return False
    scope.module.shell_call(scope, func.attr, texts)
    return True


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _binary(scope: Scope, node: ast.BinOp) -> None:
    # A long sum leans to the left, deeper than Python's stack.
    rights: list[ast.AST] = []
    left: ast.AST = node
    while isinstance(left, ast.BinOp):
        rights.append(left.right)
        left = left.left
    ANY[type(left)](scope, left)
    for right in reversed(rights):
        ANY[type(right)](scope, right)


def _boolean(scope: Scope, node: ast.BoolOp) -> None:
    visit(scope, node.values[0])
    sometimes(scope, node.values[1:])


def _compare(scope: Scope, node: ast.Compare) -> None:
    visit(scope, node.left)
    visit(scope, node.comparators[0])
    if len(node.comparators) > 1:
        sometimes(scope, node.comparators[1:])


def _conditional(scope: Scope, node: ast.IfExp) -> None:
    visit(scope, node.test)
    sometimes(scope, (node.body,))
    sometimes(scope, (node.orelse,))


def _sequence(scope: Scope, node: ast.Tuple | ast.List | ast.Set) -> None:
    for item in node.elts:
        ANY[type(item)](scope, item)


def _dict(scope: Scope, node: ast.Dict) -> None:
    for key, value in zip(node.keys, node.values):
        if key is not None:
            ANY[type(key)](scope, key)
        ANY[type(value)](scope, value)


def _joined(scope: Scope, node: ast.JoinedStr) -> None:
    for item in node.values:
        ANY[type(item)](scope, item)


def _formatted(scope: Scope, node: ast.FormattedValue) -> None:
    visit(scope, node.value)
    visit(scope, node.format_spec)


def _walrus(scope: Scope, node: ast.NamedExpr) -> None:
    visit(scope, node.value)
    scope.leak(node.target.id)


def _comprehension(scope: Scope, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
    _generators(scope, node.generators, (node.elt,))


def _dict_comprehension(scope: Scope, node: ast.DictComp) -> None:
    _generators(scope, node.generators, (node.key, node.value))


def _generators(scope: Scope, generators: Sequence[ast.comprehension], results: Iterable[ast.AST]) -> None:
    # Only the first iterable is evaluated outside, and surely. The body of a generator expression counts as
    # run at once: it mostly is, and nothing tells when it is not.
    visit(scope, generators[0].iter)
    names: set[str] = set()
    for generator in generators:
        targets(generator.target, names)
    inner = Inner(scope, names)
    mark = len(scope.trail)
    for index, generator in enumerate(generators):
        if index:
            visit(inner, generator.iter)
        if type(generator.target) is not ast.Name:
            visit(inner, generator.target)
        walk(inner, generator.ifs)
    walk(inner, results)
    if len(scope.trail) > mark:
        scope.take_back(mark)


def targets(node: ast.AST, names: set[str]) -> None:
    if type(node) is ast.Name:
        names.add(node.id)
    elif isinstance(node, (ast.Tuple, ast.List)):
        for item in node.elts:
            targets(item, names)
    elif isinstance(node, ast.Starred):
        targets(node.value, names)


READERS: Readers = {
    ast.Attribute: _attribute,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.Call: _call,
    ast.Compare: _compare,
    ast.Dict: _dict,
    ast.DictComp: _dict_comprehension,
    ast.FormattedValue: _formatted,
    ast.GeneratorExp: _comprehension,
    ast.IfExp: _conditional,
    ast.JoinedStr: _joined,
    ast.List: _sequence,
    ast.ListComp: _comprehension,
    ast.Name: _name,
    ast.NamedExpr: _walrus,
    ast.Set: _sequence,
    ast.SetComp: _comprehension,
    ast.Subscript: _subscript,
    ast.Tuple: _sequence,
}
