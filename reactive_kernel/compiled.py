"""A cell that reruns with an unchanged text runs from what that was compiled to before."""

from __future__ import annotations

import ast
import linecache
import re
import warnings
from types import CodeType
from typing import Any, Final, TypeAlias, cast

from ipykernel.compiler import XCachingCompiler

from .fixed import fixed

# Texts of so many characters together are known; their code takes about ten times as much.
_MOST: Final = 4_000_000

# A text, the name of its file, and the compiler's flags.
_Key: TypeAlias = tuple[str, str, int]
# What begins so is no magic's name on a line of its own, whatever the names stand for.
_ASSIGNS = re.compile(r"[^\W\d][\w.]*\s*[=,]")


@fixed
class Text:
    """What IPython made of a cell's text, and what that was compiled to."""

    written: str
    read: str
    name: str
    statements: list[ast.stmt]
    codes: list[CodeType]
    # For tracebacks.
    lines: list[str]

    @property
    def plain(self) -> bool:
        """Will IPython read it so again, whatever the names in it stand for then?"""
        same = self.read.rstrip("\n") == self.written.rstrip("\n")
        return same and ("\n" in self.read.rstrip("\n") or _ASSIGNS.match(self.read) is not None)


class Compiler(XCachingCompiler):
    """IPython's compiler, which takes the statements of a text that it knows as they are.

    What it warns of is shown at each run: a text of which it has something to say is compiled each time.
    """

    @classmethod
    def take_over(cls, shell: Any) -> Compiler:
        """Compile for that shell from now on."""
        vars(shell.compile).update(shell=shell, again=None, known={}, plain={}, size=0)
        shell.compile.__class__ = cls
        return cast("Compiler", shell.compile)

    shell: Any
    # The text that reruns, until it is read.
    again: str | None
    known: dict[_Key, Text | None]
    # Those that are read the same each time, by what is written and the compiler's flags.
    plain: dict[tuple[str, int], Text]
    size: int

    @property
    def way(self) -> int | None:
        """By which flags cells are compiled, if they run as they stand and show their last expression."""
        return self._flags() if self._usual() else None

    def text(self, source: str, way: int) -> Text | None:
        """What is known of a cell's text, if that is all there is to know before it runs."""
        return self.plain.get((source, way))

    def enter(self, text: Text, number: int) -> None:
        """What `cache` does: tracebacks show the text, under that number."""
        self._filename_map[text.name] = number
        linecache.cache[text.name] = len(text.read), None, text.lines, text.name

    def ast_parse(self, source: str, filename: str = "<unknown>", symbol: str = "exec") -> ast.AST:
        again, self.again = self.again, None
        if again is None or source.rstrip("\n") != again.rstrip("\n") or not self._usual():
            return super().ast_parse(source, filename, symbol)
        text = self._text(again, source, filename)
        # Whoever gets the statements may add to them.
        return (
            super().ast_parse(source, filename, symbol)
            if text is None
            else ast.Module([*text.statements], [])
        )

    def __call__(self, source: Any, *arguments: Any, **named: Any) -> Any:
        statements = source.body if isinstance(source, (ast.Module, ast.Interactive)) else ()
        code = getattr(statements[0], "code", None) if statements else None
        return code or super().__call__(cast("Any", source), *arguments, **named)

    def _usual(self) -> bool:
        """Does the cell run as it stands, and show its last expression?"""
        return not self.shell.ast_transformers and self.shell.ast_node_interactivity == "last_expr"

    def _text(self, written: str, read: str, name: str) -> Text | None:
        """The text's statements with their code, if there can be any."""
        flags = self._flags()
        key = read, name, flags
        if key not in self.known:
            text = self.known[key] = None if "__future__" in read else self._compiled(written, *key)
            if text is not None and text.plain:
                self.plain[written, flags] = text
            self.size += len(read)
            self._make_room()
        return self.known.get(key)

    def _flags(self) -> int:
        return self.flags | (ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if self.shell.autoawait else 0)

    def _make_room(self) -> None:
        while self.size > _MOST:
            oldest = next(iter(self.known))
            self.size -= len(oldest[0])
            text = self.known.pop(oldest)
            if text is not None:
                self.plain.pop((text.written, oldest[2]), None)

    def _compiled(self, written: str, read: str, name: str, flags: int) -> Text | None:
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                tree = cast("ast.Module", super().ast_parse(read, name))
                last = tree.body[-1] if tree.body else None
                made = [_statement(each, name, flags, shown=each is last) for each in tree.body]
        except (OverflowError, SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
            return None
        if told:
            return None
        statements, codes = [statement for statement, _ in made], [code for _, code in made]
        return Text(written, read, name, statements, codes, [line + "\n" for line in read.splitlines()])


def _statement(node: ast.stmt, filename: str, flags: int, *, shown: bool) -> tuple[ast.stmt, CodeType]:
    """What stands for a statement of which nobody needs more than its code, and that."""
    shown = shown and isinstance(node, ast.Expr)
    whole = ast.Interactive([node]) if shown else ast.Module([node], [])
    made = ast.Expr(ast.Constant(None)) if shown else ast.Pass()
    code = compile(whole, filename, "single" if shown else "exec", flags, dont_inherit=True)
    cast("Any", made).code = code
    return made, code
