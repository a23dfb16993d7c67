"""From the source of a cell to what it takes from outside and leaves behind."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from types import MappingProxyType

from .cell import CellFacts, MagicAnalyser, Unparsable
from .scope import Module, Scope, walk

_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_NO_MAGICS: Mapping[str, MagicAnalyser] = MappingProxyType({})


def parse(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(source, "<cell>", "exec", _FLAGS, dont_inherit=True)


def analyze(source: str, magics: Mapping[str, MagicAnalyser] = _NO_MAGICS) -> CellFacts:
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return CellFacts(writes=frozenset(re.findall(r"^(\w+)\s*=", source, re.M)), problem=Unparsable(str(error)))
    module = Module(_shell)
    walk(module, tree.body)
    return module.facts()


def _shell(scope: Scope, method: str, texts: tuple[str, ...]) -> None:
    scope.module.dynamic = True
