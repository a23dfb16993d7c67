"""Reads expressions."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from .scope import Inner, Scope
from .verbs import ASKING, CALLERS, arguments, asked, changed_root, handed_over, is_suspect, may_be_called
from .walk import ANY, Readers, sometimes, visit, walk

# Methods that change their object wherever they are called.
ALWAYS_MUTATORS = frozenset({"pop", "popitem", "popleft", "setdefault"})
# `list.append(xs, 1)` changes no `list`.
CONTAINER_TYPES = frozenset({"bytearray", "dict", "list", "set"})

_SHELL_METHODS = {"getoutput": 1, "run_cell_magic": 3, "run_line_magic": 2, "system": 1}


def _name(scope: Scope, node: ast.Name) -> None:
    kind = type(node.ctx)
    if kind is ast.Load:
        name = node.id
        scope.load(name)
        scope.module.bare.add(name)
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
    kind = type(node.ctx)
    if kind is not ast.Load:
        _change(scope, node, node.value, "attr=" if kind is ast.Store else "del attr")
        return
    verbs = scope.module.verbs
    verbs.add(".")
    root, path = _path(scope, node)
    if root:
        scope.say(root, f"&{path}")
    elif is_suspect(node.attr):
        verbs.add("?()")


def _path(scope: Scope, node: ast.Attribute) -> tuple[str, str]:
    """Walk a chain of attributes; return the name it starts from, if any, and the path: `np.random.seed`."""
    path = node.attr
    value = node.value
    while type(value) is ast.Attribute:
        path = f"{value.attr}.{path}"
        value = value.value
    if type(value) is ast.Name:
        root = value.id
        scope.load(root)
        return root, f"{root}.{path}"
    ANY[type(value)](scope, value)
    return "", path


def _subscript(scope: Scope, node: ast.Subscript) -> None:
    value, index = node.value, node.slice
    kind = type(node.ctx)
    if kind is not ast.Load:
        _change(scope, node, value, "item=" if kind is ast.Store else "del item")
        return
    verbs = scope.module.verbs
    verbs.add("[]")
    _operand(scope, value)
    if type(index) is not ast.Constant:
        if may_be_called(index):
            verbs.add("&()")
        ANY[type(index)](scope, index)


def _operand(scope: Scope, value: ast.AST) -> None:
    """Walk what is not passed on: what an item is taken from, what an operator works on."""
    if type(value) is ast.Name:
        scope.load(value.id)
    else:
        ANY[type(value)](scope, value)


def _change(scope: Scope, node: ast.Attribute | ast.Subscript, value: ast.AST, verb: str) -> None:
    root = changed_root(value)
    if root is None:
        scope.module.verbs.add(verb)
    else:
        scope.say(root, verb)
    _operand(scope, value)
    if type(node) is ast.Subscript:
        ANY[type(node.slice)](scope, node.slice)
    _mutate(scope, node)


def _call(scope: Scope, node: ast.Call) -> None:
    func = node.func
    name = ""
    if type(func) is ast.Name:
        name = func.id
        scope.load(name)
        scope.say(name, f"{name}{arguments(node.args)}")
    elif type(func) is ast.Attribute:
        name = func.attr
        if name in _SHELL_METHODS and _shell_call(scope, node):
            return
        if name in ALWAYS_MUTATORS:
            mutate_by_call(scope, func)
        root, path = _path(scope, func)
        if root:
            scope.say(root, f"{path}{arguments(node.args)}")
        else:
            scope.module.verbs.add(f".{name}{arguments(node.args)}")
    else:
        scope.module.verbs.add("?()")
        ANY[type(func)](scope, func)
    if name in CALLERS:
        verb = handed_over(name, node)
        if verb:
            scope.module.verbs.add(verb)
    for value in node.args:
        ANY[type(value)](scope, value)
    for keyword in node.keywords:
        value = keyword.value
        ANY[type(value)](scope, value)
        if keyword.arg in ASKING:
            _ask(scope, func, keyword)


def _ask(scope: Scope, func: ast.AST, keyword: ast.keyword) -> None:
    """Read a keyword argument that may ask for a change in place."""
    verb = asked(keyword)
    if verb == "inplace=" and type(func) is ast.Attribute:
        if type(func.value) is ast.Name:
            scope.say(func.value.id, verb)
        else:
            scope.module.verbs.add(verb)
        if _is_true(keyword.value) and keyword.arg == "inplace":
            mutate_by_call(scope, func)
    elif verb:
        scope.module.verbs.add(verb)


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
    verbs = scope.module.verbs
    verbs.add("op")
    while isinstance(left, ast.BinOp):
        if type(left.op) is ast.Mod:
            # `"%(name)s" % x` looks items up.
            verbs.add("[]")
        rights.append(left.right)
        left = left.left
    _operand(scope, left)
    for right in reversed(rights):
        _operand(scope, right)


def _unary(scope: Scope, node: ast.UnaryOp) -> None:
    if type(node.operand) is not ast.Constant:
        scope.module.verbs.add("op")
        ANY[type(node.operand)](scope, node.operand)


def _boolean(scope: Scope, node: ast.BoolOp) -> None:
    scope.module.verbs.add("op")
    visit(scope, node.values[0])
    sometimes(scope, node.values[1:])


def _compare(scope: Scope, node: ast.Compare) -> None:
    verbs = scope.module.verbs
    for operator in node.ops:
        kind = type(operator)
        if kind is ast.In or kind is ast.NotIn:
            verbs.add("in")
        elif kind is not ast.Is and kind is not ast.IsNot:
            verbs.add("op")
    _operand(scope, node.left)
    _operand(scope, node.comparators[0])
    if len(node.comparators) > 1:
        sometimes(scope, node.comparators[1:])


def _conditional(scope: Scope, node: ast.IfExp) -> None:
    scope.module.verbs.add("op")
    visit(scope, node.test)
    sometimes(scope, (node.body,))
    sometimes(scope, (node.orelse,))


def _sequence(scope: Scope, node: ast.Tuple | ast.List) -> None:
    if type(node.ctx) is ast.Store:
        scope.module.verbs.add("unpack")
    for item in node.elts:
        ANY[type(item)](scope, item)


def _set(scope: Scope, node: ast.Set) -> None:
    # Its items are hashed and compared.
    scope.module.verbs.add("op")
    for item in node.elts:
        ANY[type(item)](scope, item)


def _starred(scope: Scope, node: ast.Starred) -> None:
    scope.module.verbs.add("unpack")
    visit(scope, node.value)


def _dict(scope: Scope, node: ast.Dict) -> None:
    scope.module.verbs.add("op")
    for key, value in zip(node.keys, node.values):
        if key is not None:
            ANY[type(key)](scope, key)
        else:
            scope.module.verbs.add("unpack")
        ANY[type(value)](scope, value)


def _joined(scope: Scope, node: ast.JoinedStr) -> None:
    scope.module.verbs.add("op")
    for item in node.values:
        ANY[type(item)](scope, item)


def _formatted(scope: Scope, node: ast.FormattedValue) -> None:
    visit(scope, node.value)
    visit(scope, node.format_spec)


def _walrus(scope: Scope, node: ast.NamedExpr) -> None:
    visit(scope, node.value)
    scope.leak(node.target.id)


def _await(scope: Scope, node: ast.Await) -> None:
    scope.module.verbs.add("await")
    visit(scope, node.value)


def _yield(scope: Scope, node: ast.Yield | ast.YieldFrom) -> None:
    scope.module.verbs.update(("yield",) if type(node) is ast.Yield else ("yield", "for"))
    visit(scope, node.value)


def _comprehension(scope: Scope, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
    if type(node) is ast.SetComp:
        scope.module.verbs.add("op")
    _generators(scope, node.generators, (node.elt,))


def _dict_comprehension(scope: Scope, node: ast.DictComp) -> None:
    scope.module.verbs.add("op")
    _generators(scope, node.generators, (node.key, node.value))


def _generators(scope: Scope, generators: Sequence[ast.comprehension], results: Iterable[ast.AST]) -> None:
    # Only the first iterable is evaluated outside, and surely. The body of a generator expression counts as
    # run at once: it mostly is, and nothing tells when it is not.
    visit(scope, generators[0].iter)
    verbs = scope.module.verbs
    verbs.add("for")
    names: set[str] = set()
    for generator in generators:
        targets(generator.target, names)
        if generator.ifs:
            verbs.add("op")
        if generator.is_async:
            verbs.add("await")
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
    ast.Await: _await,
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
    ast.Set: _set,
    ast.SetComp: _comprehension,
    ast.Starred: _starred,
    ast.Subscript: _subscript,
    ast.Tuple: _sequence,
    ast.UnaryOp: _unary,
    ast.Yield: _yield,
    ast.YieldFrom: _yield,
}
