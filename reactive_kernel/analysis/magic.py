"""Reads what IPython adds to Python: rewrites a cell into the Python that IPython would run."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import Formatter
from textwrap import dedent

from ..fixed import fixed

_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

_PROMPT = re.compile(r"((\[nav\]|\[ins\])? )?In \[\d+\]: ")
_ANY_PROMPT = re.compile(rf"{_PROMPT.pattern}|\s*\.{{3,}}: ?")
_DOCTEST = re.compile(r"\s*>>>")
_DOCTEST_PROMPT = re.compile(r"\s*(>>>|\.\.\.)[ \t]?")
_TRIPLE_QUOTE = re.compile(r"(?<!\\)(\"\"\"|''')")

_TOKEN = re.compile(
    r"""(?P<blank>[ \f\t]+|\\\r?\n)
    | (?P<comment>\#[^\n]*)
    | (?P<newline>\r?\n)
    | (?P<string>[rbuftRBUFT]{0,3}
        (?: \"\"\"(?:[^\\]|\\.)*?(?:\"\"\"|\Z) | '''(?:[^\\]|\\.)*?(?:'''|\Z)
          | "(?:[^\\\n"]|\\.)*" | '(?:[^\\\n']|\\.)*' ))
    | (?P<name>\w+)
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<operator>(?:\*\*|//|<<|>>|[-+*/%&|^@:=!<>])=|\*\*|//|<<|>>|->|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_HELP = re.compile(r"(%{0,2}(?!\d)[\w*]+(\.(?!\d)[\w*]+|\[-?[0-9]+\])*)(\?\??)$")
_CELL_HELP = re.compile(r"%%\w+\?")
_ESCAPES = frozenset("!?%,;/")
# What makes the right side of an assignment a command.
_COMMAND = re.compile(r"[ \t]*(!|%[ \t]*[^\W\d])")

# `$name` and `$name.attribute` in what is passed to a magic or the shell; `$$name` is left alone.
_DOLLAR = re.compile(r"\$(\$?[\w.]+)(?=([^']*'[^']*')*[^']*$)")


@fixed
class Rewritten:
    """Python, and the line of the cell that each of its lines comes from."""

    text: str
    origins: Sequence[int]

    def origin(self, line: int | None) -> int | None:
        return self.origins[line - 1] if line and line <= len(self.origins) else line


class Unreadable(Exception):
    """Neither Python nor what IPython makes of it can be read; tells why, and the line of the cell."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def parse(source: str) -> ast.Module:
    """The tree of a cell, whether or not it uses what IPython adds."""
    # A pasted prompt is an annotation to Python: `In [1]: x`.
    if "In [" not in source or not _PROMPT.match(source.lstrip()):
        try:
            return parse_python(source)
        except SyntaxError:
            pass
    rewritten = to_python(source)
    try:
        return parse_python(rewritten.text)
    except SyntaxError as error:
        automagic = _automagic(source)
        if automagic is not None:
            return automagic
        raise Unreadable(error.msg, rewritten.origin(error.lineno)) from None


def parse_python(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            # Python says what it thinks of the source when it runs the cell.
            warnings.simplefilter("ignore")
            return compile(text, "<cell>", "exec", _FLAGS, dont_inherit=True)
    except SyntaxError:
        raise
    except ValueError as error:
        # Null bytes, and surrogates that no encoding knows.
        raise Unreadable(str(error)) from None
    except (MemoryError, RecursionError):
        raise Unreadable("too deeply nested to be read") from None


def to_python(source: str) -> Rewritten:
    lines = (source if source.endswith("\n") else source + "\n").splitlines(keepends=True)
    blank = 0
    while blank < len(lines) - 1 and lines[blank].isspace():
        blank += 1
    lines = dedent("".join(lines[blank:])).splitlines(keepends=True)
    lines = _without_prompts(_without_doctest_prompts(lines))
    if lines and lines[0].startswith("%%") and not _CELL_HELP.match(lines[0]):
        name, _, line = lines[0][2:].rstrip().partition(" ")
        call = f"get_ipython().run_cell_magic({name!r}, {line!r}, {''.join(lines[1:])!r})\n"
        return Rewritten(call, [blank + 1])
    texts: list[str] = []
    origins: list[int] = []
    for first, text in _statements(lines):
        texts.append(text)
        origins += [blank + first + number for number in range(1, text.count("\n") + 1)]
    return Rewritten("".join(texts), origins)


def interpolated(line: str) -> list[ast.Module]:
    """The Python expressions that IPython puts into a line before a magic or the shell gets it."""
    texts: list[str] = []
    try:
        for literal, field, _, _ in Formatter().parse(line):
            texts += [match[1] for match in _DOLLAR.finditer(literal) if match[1][0] != "$"]
            texts += [field] if field else []
        return [parse_python(text.strip()) for text in texts]
    except (SyntaxError, ValueError, Unreadable):
        # Braces of another language: IPython then leaves the whole line as it is.
        return []


def _automagic(source: str) -> ast.Module | None:
    """`pip install x`: a single line that is no Python may name a magic without its `%`."""
    line = source.strip()
    if "\n" in line or not re.match(r"[^\W\d]\w*( [^=]|$)", line):
        return None
    return parse_python(_line_magic(line))


# Prompts


def _without_prompts(lines: list[str]) -> list[str]:
    if lines and (_ANY_PROMPT.match(lines[0]) or (len(lines) > 1 and _ANY_PROMPT.match(lines[1]))):
        return [_ANY_PROMPT.sub("", line, count=1) if _ANY_PROMPT.match(line) else line for line in lines]
    return lines


def _without_doctest_prompts(lines: list[str]) -> list[str]:
    quoted = _quoted(lines)
    if not any(_DOCTEST.match(line) and not inside for line, inside in zip(lines, quoted)):
        return lines
    stripped: list[str] = []
    segment: list[str] = []
    for line, inside in zip(lines, quoted):
        if inside:
            stripped += [*_dedented(segment), line]
            segment = []
        else:
            prompt = _DOCTEST_PROMPT.match(line)
            segment.append(line[prompt.end() :] if prompt else line)
    return stripped + _dedented(segment)


def _dedented(lines: list[str]) -> list[str]:
    return dedent("".join(lines)).splitlines(keepends=True)


def _quoted(lines: list[str]) -> list[bool]:
    """Which lines start within a string that no prompt precedes: examples in a docstring stay."""
    inside: list[bool] = []
    quote, keep = "", False
    for line in lines:
        inside.append(bool(quote) and keep)
        for match in _TRIPLE_QUOTE.finditer(line):
            if not quote:
                quote, keep = match[1], not _DOCTEST_PROMPT.match(line)
            elif quote == match[1]:
                quote = ""
    return inside


# Escapes, magics, help


@dataclass
class _Line:
    """What matters of a logical line: its first token, its first `=`, its last token, its end."""

    begin: int
    start: int
    first: str = ""
    equals: int | None = None
    last: str = ""
    end: int = 0


def _statements(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The logical lines, each with the number of its first physical line, rewritten where they need it."""
    text = "".join(lines)
    at, number = 0, 0
    while at < len(text):
        line = _scan(text, at)
        end, python = _rewrite(text, line)
        yield number, python
        number += text.count("\n", at, end)
        at = end


def _scan(text: str, at: int) -> _Line:
    line = _Line(at, at)
    depth = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        assert match is not None
        kind, at = match.lastgroup, match.end()
        if kind == "newline":
            # A line that starts with an escape is not Python: its brackets mean nothing.
            if depth <= 0 or line.first in _ESCAPES:
                break
        elif kind not in ("blank", "comment"):
            line.last = match[0]
            if not line.first:
                line.start, line.first = match.start(), match[0]
            if kind == "open":
                depth += 1
            elif kind == "close":
                depth = max(0, depth - 1)
            elif match[0] == "=" and depth == 0 and line.equals is None:
                line.equals = match.end()
        elif kind == "comment":
            line.last = "#"
    line.end = at
    return line


def _rewrite(text: str, line: _Line) -> tuple[int, str]:
    """The end of a logical line and the Python that stands for it."""
    begin = line.begin
    before, after = text[begin : line.start], text[line.start : line.end]
    if line.last == "?" and after.count("?") < len(after.rstrip()):
        match = _HELP.search(after)
        if match:
            return line.end, f"{before}{_help(match[1], match[3])}\n"
    if line.first in _ESCAPES:
        content, end = _continued(text, line.start)
        return end, f"{before}{_escaped(content)}\n"
    if line.equals is not None and line.first != "=":
        command = _COMMAND.match(text, line.equals)
        if command:
            start = command.start(1)
            content, end = _continued(text, start)
            call = _captured(content[1:]) if content[0] == "!" else _line_magic(content[1:])
            return end, f"{text[begin:start]}{call}\n"
    return line.end, text[begin : line.end]


def _continued(text: str, start: int) -> tuple[str, int]:
    """The text from `start` to the end of its line, and of those that backslashes join to it."""
    parts: list[str] = []
    at = start
    while True:
        end = text.find("\n", at) + 1 or len(text)
        part, at = text[at:end], end
        if not part.endswith("\\\n") or at >= len(text):
            return " ".join([*parts, part.rstrip()]), at
        parts.append(part.rstrip()[:-1])


def _escaped(content: str) -> str:
    escape = content[:2] if content[:2] in ("!!", "??") else content[:1]
    rest = content[len(escape) :]
    name, _, words = rest.partition(" ")
    if escape == "!":
        return f"get_ipython().system({rest!r})"
    if escape == "!!":
        return _captured(rest)
    if escape == "%":
        return _line_magic(rest)
    if escape in ("?", "??"):
        return _help(rest, escape) if rest else "get_ipython().show_usage()"
    if escape == ",":
        return '{}("{}")'.format(name, '", "'.join(words.split()))
    if escape == ";":
        return f'{name}("{words}")'
    return "{}({})".format(name, ", ".join(words.split())) if name else content


def _captured(command: str) -> str:
    return f"get_ipython().getoutput({command!r})"


def _line_magic(content: str) -> str:
    name, _, line = content.partition(" ")
    return f"get_ipython().run_line_magic({name!r}, {line!r})"


def _help(target: str, escape: str) -> str:
    magic = "pinfo2" if escape == "??" else "psearch" if "*" in target else "pinfo"
    return _line_magic(f"{magic} {target}")
