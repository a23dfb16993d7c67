"""A cell that reruns with an unchanged text runs from what that was compiled to before."""

from __future__ import annotations

import ast
import warnings
from typing import Any, Final, TypeAlias, cast

from ipykernel.compiler import XCachingCompiler

# Texts of so many characters together are known; their code takes about ten times as much.
_MOST: Final = 4_000_000

# A text, the name of its file, and the compiler's flags.
_Key: TypeAlias = tuple[str, str, int]


class Compiler(XCachingCompiler):
    """IPython's compiler, which takes the statements of a text that it knows as they are.

    What it warns of is shown at each run: a text of which it has something to say is compiled each time.
    """

    @classmethod
    def take_over(cls, shell: Any) -> Compiler:
        """Compile for that shell from now on."""
        vars(shell.compile).update(shell=shell, again=None, known={}, size=0)
        shell.compile.__class__ = cls
        return cast("Compiler", shell.compile)

    shell: Any
    # The text that reruns, until it is read.
    again: str | None
    known: dict[_Key, ast.Module | None]
    size: int

    def ast_parse(self, source: str, filename: str = "<unknown>", symbol: str = "exec") -> ast.AST:
        again, self.again = self.again, None
        ready = self._ready(source, filename) if source.rstrip("\n") == again and self._usual() else None
        return ready or super().ast_parse(source, filename, symbol)

    def __call__(self, source: Any, *arguments: Any, **named: Any) -> Any:
        statements = source.body if isinstance(source, (ast.Module, ast.Interactive)) else ()
        code = getattr(statements[0], "code", None) if statements else None
        return code or super().__call__(cast("Any", source), *arguments, **named)

    def _usual(self) -> bool:
        """Does the cell run as it stands, and show its last expression?"""
        return not self.shell.ast_transformers and self.shell.ast_node_interactivity == "last_expr"

    def _ready(self, source: str, filename: str) -> ast.Module | None:
        """The text's statements with their code, if there can be any."""
        flags = self.flags | (ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if self.shell.autoawait else 0)
        key = source, filename, flags
        if key not in self.known:
            self.known[key] = None if "__future__" in source else self._compiled(source, filename, flags)
            self.size += len(source)
            self._make_room()
        found = self.known.get(key)
        # Whoever gets it may add to its statements.
        return None if found is None else ast.Module([*found.body], [])

    def _make_room(self) -> None:
        while self.size > _MOST:
            oldest = next(iter(self.known))
            self.size -= len(oldest[0])
            del self.known[oldest]

    def _compiled(self, source: str, filename: str, flags: int) -> ast.Module | None:
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                tree = cast("ast.Module", super().ast_parse(source, filename))
                last = tree.body[-1] if tree.body else None
                made = [_statement(each, filename, flags, shown=each is last) for each in tree.body]
        except (OverflowError, SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
            return None
        return None if told else ast.Module(made, [])


def _statement(node: ast.stmt, filename: str, flags: int, *, shown: bool) -> ast.stmt:
    """Stands for a statement, of which nobody needs more than its code."""
    shown = shown and isinstance(node, ast.Expr)
    whole = ast.Interactive([node]) if shown else ast.Module([node], [])
    made = ast.Expr(ast.Constant(None)) if shown else ast.Pass()
    code = compile(whole, filename, "single" if shown else "exec", flags, dont_inherit=True)
    cast("Any", made).code = code
    return made
