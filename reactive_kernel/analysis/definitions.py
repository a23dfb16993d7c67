"""Reads functions and classes, and the annotations and type parameters that go with them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from typing import Any

from .scope import ClassBody, Function, Inner, Module, Scope, mangled
from .verbs import OWN
from .walk import Readers, visit, walk

# A decorator gets the function and may call it at once; these do not.
CALM_DECORATORS = {
    "abstractmethod", "asynccontextmanager", "cache", "cached_property", "classmethod", "contextmanager",
    "fixture", "jit", "lru_cache", "njit", "overload", "property", "singledispatch", "staticmethod",
    "total_ordering", "wraps",
}  # fmt: skip
if sys.version_info < (3, 14):
    # Later, it asks for the annotations, which are evaluated then.
    CALM_DECORATORS.add("dataclass")


def _lambda(scope: Scope, node: ast.Lambda) -> None:
    _defaults(scope, node.args)
    function = Function(scope, _parameters(node.args))
    visit(function, node.body)
    function.finish()


def _defaults(scope: Scope, args: ast.arguments) -> None:
    walk(scope, args.defaults)
    for default in args.kw_defaults:
        visit(scope, default)


def _all_args(args: ast.arguments) -> list[ast.arg]:
    found = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    if args.vararg is not None:
        found.append(args.vararg)
    if args.kwarg is not None:
        found.append(args.kwarg)
    return found


def _parameters(args: ast.arguments) -> set[str]:
    return {arg.arg for arg in _all_args(args)}


def read_annotations(scope: Scope, nodes: Iterable[ast.AST | None]) -> None:
    """Annotations are read at once, or when somebody asks for them, or never: as this Python has it."""
    how = scope.module.annotations
    if how == "never":
        return
    if how == "evaluated":
        for node in nodes:
            visit(scope, node)
    else:
        _later(scope, nodes)


def _later(scope: Scope, nodes: Iterable[ast.AST | None]) -> None:
    """Walk what is evaluated lazily, but sees the names of a class around it."""
    function = Function(scope, set())
    for node in nodes:
        visit(function, node)
    if isinstance(scope, ClassBody):
        scope.lazy |= {scope.mangle(name) for name in function.loads - function.names}
    else:
        function.finish()


def _type_scope(scope: Scope, node: Any) -> Scope:
    """The scope that holds the type parameters of a function, class or alias."""
    parameters: list[Any] = getattr(node, "type_params", [])
    if not parameters:
        return scope
    names = {parameter.name for parameter in parameters}
    if isinstance(node, ast.ClassDef):
        # Within the class, its private names have another spelling.
        names |= {mangled(node.name, name) for name in names}
    inner = Inner(scope, names, sees_class=True)
    for parameter in parameters:
        _later(inner, (getattr(parameter, "bound", None), getattr(parameter, "default_value", None)))
    return inner


def _function(scope: Scope, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    decorators = node.decorator_list
    if decorators:
        scope.module.verbs.add("decorator")
        walk(scope, decorators)
    args = node.args
    _defaults(scope, args)
    module = scope.module
    record = module.record
    if scope is module:
        module.record = module.record_of(node.name)
        _note_decorators(module, node.name, decorators)
    inner = _type_scope(scope, node)
    everything = _all_args(args)
    notes = [arg.annotation for arg in everything if arg.annotation is not None]
    if notes or node.returns is not None:
        read_annotations(inner, [*notes, node.returns])
    function = Function(inner, {arg.arg for arg in everything})
    walk(function, node.body)
    function.finish()
    module.record = record
    if decorators:
        scope.store(node.name)
    else:
        scope.originate(node.name, OWN)


def _class(scope: Scope, node: ast.ClassDef) -> None:
    scope.module.verbs.add("class")
    walk(scope, node.decorator_list)
    module = scope.module
    record = module.record
    if scope is module:
        module.record = module.record_of(node.name)
        _note_decorators(module, node.name, node.decorator_list)
    inner = _type_scope(scope, node)
    walk(inner, node.bases)
    for keyword in node.keywords:
        visit(inner, keyword.value)
    body = ClassBody(inner, node.name)
    walk(body, node.body)
    body.finish()
    module.record = record
    scope.store(node.name)


def _note_decorators(module: Module, name: str, decorators: Iterable[ast.AST]) -> None:
    for decorator in decorators:
        if last_name(decorator) not in CALM_DECORATORS:
            module.loaded.add(name)


def last_name(node: ast.AST) -> str:
    """`lru_cache` of `functools.lru_cache(maxsize=None)`."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _type_alias(scope: Scope, node: Any) -> None:
    _later(_type_scope(scope, node), (node.value,))
    scope.store(node.name.id)


READERS: Readers = {
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.FunctionDef: _function,
    ast.Lambda: _lambda,
}
if sys.version_info >= (3, 12):
    READERS[ast.TypeAlias] = _type_alias
