"""Cells as plain Python: what IPython adds becomes calls that any Python knows, or a comment that says so."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from string import Formatter

from reactive_kernel.analysis.magic import Unreadable, parse_python, to_python

from ..sql.line import FRAMES, Ask, Connect, Misused, parse_cell, parse_line
from ..sql.query import Unreadable as UnreadableSql
from ..sql.query import statements
from .orders import Order, Places, as_typed, order_of
from .text import commented, indented, quoted

# Programs that a magic or an alias of IPython's starts.
_PROGRAMS = frozenset({"bash", "sh", "perl", "ruby", "pypy"})
_ALIASES = frozenset({"cat", "cp", "ldir", "lf", "lk", "ll", "ls", "lx", "man", "mkdir", "mv", "rm", "rmdir"})
_FUTURE = re.compile(r"(?m)^from __future__ import .*$\n?")
_DOLLAR = re.compile(r"\$(\$|[^\W\d]\w*)")
_BUILTINS = frozenset(dir(builtins))
_ALIAS_OF = {"ldir": "ls -d */", "lf": "ls -l", "lk": "ls -l", "ll": "ls -l", "lx": "ls -l"}


@dataclass
class Plain:
    """A cell's text as plain Python, and what has to stand above it in the script."""

    text: str
    imports: set[str] = field(default_factory=set[str])
    helpers: set[str] = field(default_factory=set[str])


class _Elsewhere(Exception):
    """There is nothing in plain Python for it."""


def plain(source: str, known: Collection[str]) -> Plain:
    """The cell; `known` are the names that the notebook defines."""
    cell = _Cell(known)
    future = "".join(f"{match.strip()}\n" for match in _FUTURE.findall(source))
    text = cell.translated(_FUTURE.sub("", source))
    found = Plain(text.strip("\n"), cell.imports, cell.helpers)
    found.imports |= set(future.splitlines())
    if _names_display(text) and "display" not in known:
        found.helpers.add("display")
    return found


def _names_display(text: str) -> bool:
    try:
        return any(
            isinstance(node, ast.Name) and node.id == "display" for node in ast.walk(parse_python(text))
        )
    except (SyntaxError, Unreadable):
        return False


class _Cell:
    """Translates one cell, and remembers what that needs."""

    def __init__(self, known: Collection[str]) -> None:
        self._known = known
        self.imports: set[str] = set()
        self.helpers: set[str] = set()

    def translated(self, source: str) -> str:
        try:
            tree, text = _parsed(source)
        except (SyntaxError, Unreadable):
            return commented(source, "Not plain Python:")
        replaced = self._with_calls_replaced(tree, text)
        return self._awaited(replaced) if _awaits(replaced) else replaced

    def _with_calls_replaced(self, tree: ast.Module, text: str) -> str:
        places = Places(text)
        edits: list[tuple[int, int, str]] = []
        for statement in tree.body:
            edits += self._edits_of(statement, places, text)
        for start, end, new in sorted(edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def _edits_of(self, statement: ast.stmt, places: Places, text: str) -> list[tuple[int, int, str]]:
        try:
            return list(self._edits(statement, places))
        except _Elsewhere:
            start, end = places.lines(statement)
            said = commented(as_typed(text[start:end]), "Only in a notebook:")
            return [(start, end, f"{said}\n")]

    def _edits(self, statement: ast.stmt, places: Places) -> Iterator[tuple[int, int, str]]:
        alone = {
            id(node.value): node
            for node in ast.walk(statement)
            if isinstance(node, ast.Expr) and order_of(node.value) is not None
        }
        for node in ast.walk(statement):
            order = order_of(node)
            if order is None:
                continue
            nested = id(node) in alone and statement is not alone[id(node)]
            new = self._within_a_block(order) if nested else self._call(order, alone=id(node) in alone)
            yield (*places.span(node), new)

    def _within_a_block(self, order: Order) -> str:
        try:
            text = self._call(order, alone=True)
        except _Elsewhere:
            return f"pass  # Only in a notebook: {order}"
        return text if "\n" not in text else f"pass  # Only in a notebook: {order}"

    def _call(self, order: Order, *, alone: bool) -> str:
        if order.kind == "system":
            return self._shell(order.line)
        if order.kind == "getoutput":
            return self._lines(order.line)
        if order.kind == "run_cell_magic":
            return self._cell_magic(order.name, order.line.strip(), order.body)
        if order.kind == "run_line_magic":
            return self._line_magic(order.name, order.line.strip(), alone=alone)
        raise _Elsewhere

    # Magics of a line

    def _line_magic(self, name: str, line: str, *, alone: bool) -> str:
        if name == "time":
            inner = self.translated(line).strip("\n")
            return inner if alone else f"({inner})"
        if name == "sql":
            return self._sql_line(line)
        if name in _ALIASES:
            return self._shell(f"{_ALIAS_OF.get(name, name)} {line}".rstrip())
        if name in ("system", "sx"):
            return self._lines(line)
        if name in ("cd", "pwd", "env", "set_env"):
            return self._environment(name, line)
        if name == "run" and alone and line.endswith(".py"):
            self.imports.add("import runpy")
            return f'globals().update(runpy.run_path({self._text(line)}, run_name="__main__"))'
        if name == "pylab" and alone:
            return "from pylab import *"
        raise _Elsewhere

    def _environment(self, name: str, line: str) -> str:
        self.imports.add("import os")
        if name == "pwd":
            return "os.getcwd()"
        if name == "cd":
            place = line.removeprefix("-q").strip(" \"'") or "~"
            return f"os.chdir(os.path.expanduser({self._text(place)}))"
        key, _, value = line.partition("=") if "=" in line else line.partition(" ")
        if not key:
            return "dict(os.environ)"
        if not value:
            return f"os.environ[{quoted(key.strip())}]"
        return f"os.environ.update({{{quoted(key.strip())}: {self._text(value.strip())}}})"

    # Magics of a cell

    def _cell_magic(self, name: str, line: str, body: str) -> str:
        program = line if name == "script" else name
        if name == "time":
            return self.translated(body)
        if name == "capture":
            return self._captured(line, body)
        if name in ("writefile", "file"):
            return self._written(line, body)
        if name == "sql":
            return self._sql_cell(line, body)
        if name in ("!", "sx", "system"):
            return self._shell(body.rstrip("\n"))
        if name in ("python", "python3") and not line:
            self.imports.add("import sys")
            return self._program("[sys.executable]", body)
        if (name in _PROGRAMS and not line) or (name == "script" and line and not line.startswith("-")):
            return self._program(repr(program.split()), body)
        raise _Elsewhere

    def _captured(self, line: str, body: str) -> str:
        words = [word for word in line.split() if not word.startswith("-")]
        if len(words) > 1:
            raise _Elsewhere
        self.helpers.add("captured")
        name = f" as {words[0]}" if words else ""
        return f"with captured(){name}:\n{indented(self.translated(body))}"

    def _written(self, line: str, body: str) -> str:
        words = line.split()
        if not words or any(word.startswith("-") for word in words[:-1] if word != "-a"):
            raise _Elsewhere
        mode = "a" if "-a" in words[:-1] else "w"
        path = self._text(words[-1].strip("\"'"))
        return f'with open({path}, "{mode}", encoding="utf-8") as file:\n    file.write({quoted(body)})'

    # The system

    def _shell(self, command: str) -> str:
        self.helpers.add("shell")
        return f"shell({self._text(command)})"

    def _lines(self, command: str) -> str:
        self.helpers.add("lines")
        return f"lines({self._text(command)})"

    def _program(self, words: str, body: str) -> str:
        self.helpers.add("shell")
        return f"shell({words}, {quoted(body)})"

    def _text(self, text: str) -> str:
        """The source of a text, with Python's values in it where IPython puts them."""
        known = {*self._known, *_BUILTINS}
        parts: list[str] = []
        for literal, expression in _fields(text):
            if not _names_in(expression) <= known:
                return quoted(text)
            parts += self._dollars(literal)
            parts += [f"str({expression})"] if expression else []
        return " + ".join(parts) or '""'

    def _dollars(self, literal: str) -> Iterator[str]:
        at = 0
        for match in _DOLLAR.finditer(literal):
            if match[1] in self._known:
                if before := literal[at : match.start()]:
                    yield quoted(before)
                yield f"str({match[1]})"
                at = match.end()
        if rest := literal[at:]:
            yield quoted(rest)

    # SQL

    def _sql_line(self, line: str) -> str:
        try:
            order = parse_line(line)
        except Misused:
            raise _Elsewhere from None
        if isinstance(order, Connect):
            self.imports.add("from jupyter_extension.sql.calls import connect")
            name = "" if order.name == "default" else f", name={quoted(order.name)}"
            return f"connect({quoted(order.url)}{name})"
        if isinstance(order, Ask):
            return self._ask(order, show=False)
        raise _Elsewhere

    def _sql_cell(self, line: str, body: str) -> str:
        try:
            return self._ask(parse_cell(line, body), show=True)
        except Misused:
            raise _Elsewhere from None

    def _ask(self, order: Ask, *, show: bool) -> str:
        self.imports.add("from jupyter_extension.sql.calls import sql")
        arguments = [quoted(order.sql)]
        if names := self._bound(order):
            arguments.append("{" + ", ".join(f'"{name}": {name}' for name in names) + "}")
        arguments += [f"on={quoted(order.on)}"] if order.on != "default" else []
        arguments += [f"shape={quoted(order.shape.value)}"] if order.shape.value != "pandas" else []
        arguments += [f"limit={order.limit}"] if order.limit is not None else []
        arguments += ["show=True"] if show and order.into is None else []
        call = f"sql({', '.join(arguments)})"
        return call if order.into is None else f"{order.into} = {call}"

    def _bound(self, order: Ask) -> list[str]:
        """The names that the statements take values from: those that the notebook knows, or that must be."""
        if order.on == FRAMES:
            from ..sql.frames import names_in  # DuckDB takes a while to import

            return sorted(names_in(order.sql) & set(self._known))
        try:
            parts = statements(order.sql)
        except UnreadableSql:
            return []
        places = [place for part in parts for place in part.places]
        return sorted({each.name for each in places if not each.optional or each.name in self._known})

    # Waiting

    def _awaited(self, text: str) -> str:
        """Python outside of a notebook waits only in functions."""
        tree = parse_python(text)
        written = sorted(
            {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not _loads(node)}
            & set(self._known)
            | {each for node in tree.body for each in _defined(node)}
        )
        self.helpers.add("wait")
        names = f"    global {', '.join(written)}\n" if written else ""
        return f"async def cell():\n{names}{indented(text)}\n\n\nwait(cell())"


def _fields(text: str) -> list[tuple[str, str]]:
    """The text in pieces, each with the expression in braces behind it."""
    try:
        pieces = [(literal, expression or "") for literal, expression, _, _ in Formatter().parse(text)]
        for _, expression in pieces:
            parse_python(expression)
    except (SyntaxError, ValueError, Unreadable):
        # Braces of another language: IPython leaves the whole text as it is.
        return [(text, "")]
    return pieces


def _names_in(expression: str) -> set[str]:
    return {node.id for node in ast.walk(parse_python(expression)) if isinstance(node, ast.Name)}


def _loads(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Load)


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)


def _parsed(source: str) -> tuple[ast.Module, str]:
    """The cell as Python, what IPython adds turned into calls of its shell."""
    if not source.lstrip().startswith("In ["):
        try:
            return parse_python(source), source
        except SyntaxError:
            pass
    text = to_python(source).text
    return parse_python(text), text


def _awaits(text: str) -> bool:
    try:
        compile(text, "<cell>", "exec", dont_inherit=True)
    except SyntaxError:
        return True
    return False
