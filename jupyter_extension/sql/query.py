"""Reads the text of SQL cells: which statements it holds, and where Python's values go in.

Postgres' own lexer says what is a string, a comment, a cast or a body in dollar quotes: those are left alone.
A value never becomes text: it is bound. Only a quoted identifier does, and only where `{name!i}` asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import pglast
from pglast.parser import ParseError, Token

_NAME = re.compile(r"[^\W\d]\w*\Z")
_COMMENTS = frozenset({"SQL_COMMENT", "C_COMMENT"})
# The longest name that Postgres keeps apart from others.
_NAME_BYTES = 63


class Unreadable(Exception):
    """The text of a cell makes no sense; says why, and where in the text."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class Unquotable(ValueError):
    """A text cannot be the name of anything in Postgres; says why."""


@dataclass(frozen=True)
class Place:
    """Where a value goes in: `{path}`, `:path`, or `{path!i}`; positions count characters of the cell."""

    start: int
    end: int
    path: tuple[str, ...]
    identifier: bool = False
    # `:name` is one only if somebody knows the name; `{name}` always is.
    optional: bool = False

    @property
    def name(self) -> str:
        return self.path[0]

    def __str__(self) -> str:
        return ".".join(self.path)


@dataclass(frozen=True)
class Statement:
    """One statement of a cell, from `start` in the cell's text on, without its semicolon."""

    text: str
    start: int
    places: tuple[Place, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The Python names that its text spells out."""
        return frozenset(place.name for place in self.places)


@dataclass(frozen=True)
class Rewritten:
    """A statement as the server gets it: `$n` where values go in, which it is given beside the text."""

    sql: str
    # What `$1`, `$2`, ... stand for.
    paths: tuple[tuple[str, ...], ...]
    # Pairs of positions, in `sql` and in the cell: text runs on from each pair in step.
    steps: tuple[tuple[int, int], ...]

    def origin(self, position: int) -> int:
        """The position in the cell's text of a position in `sql`."""
        there, here = max(step for step in self.steps if step[0] <= position)
        following = [step[1] for step in self.steps if step[0] > position]
        return min([here + position - there, *following])


@lru_cache(maxsize=256)
def statements(text: str) -> tuple[Statement, ...]:
    """The statements of a cell, in order; nothing of a comment that stands alone."""
    tokens = scan(text)
    places = tuple(_places(text, tokens))
    found: list[Statement] = []
    for part in _parts(tokens):
        start, end = part[0].start, part[-1].end + 1
        own = tuple(place for place in places if start <= place.start < end)
        numbered = [token for token in part if token.name == "PARAM"]
        if own and numbered:
            raise Unreadable(
                "`$1` and `{name}` cannot stand in one statement; use {name}.", numbered[0].start
            )
        found.append(Statement(text[start:end], start, own))
    return tuple(found)


def scan(text: str) -> list[Token]:
    """What Postgres' lexer sees, comments left out."""
    try:
        return [token for token in pglast.scan(text) if token.name not in _COMMENTS]
    except ParseError as error:
        raise Unreadable(str(error.args[0]), _position(error)) from None


def _position(error: ParseError) -> int:
    return error.args[1] if len(error.args) > 1 and isinstance(error.args[1], int) else 0


def _parts(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens between semicolons, but for those in a `BEGIN ATOMIC` body or in brackets."""
    part: list[Token] = []
    depth = 0
    for before, token in pairwise([None, *tokens]):
        assert token is not None
        if token.name == "ASCII_59" and depth == 0:
            if part:
                yield part
            part = []
            continue
        part.append(token)
        if token.name in ("ASCII_40", "ATOMIC") or (token.name == "CASE" and depth):
            depth += token.name != "ATOMIC" or (before is not None and before.name == "BEGIN_P")
        elif depth and token.name in ("ASCII_41", "END_P"):
            depth -= 1
    if part:
        yield part


# Places


def _places(text: str, tokens: Sequence[Token]) -> Iterator[Place]:
    brackets = 0
    index = 0
    while index < len(tokens):
        token = tokens[index]
        char = text[token.start] if token.end == token.start else ""
        brackets += (char == "[") - (char == "]")
        if char == "{":
            place, index = _braced(text, tokens, index)
            yield place
            continue
        if char == ":" and brackets <= 0:
            place = _coloned(text, tokens, index)
            if place is not None:
                yield place
        index += 1


def _braced(text: str, tokens: Sequence[Token], index: int) -> tuple[Place, int]:
    start = tokens[index].start
    last = index
    while last < len(tokens) and text[tokens[last].start] != "}":
        last += 1
    if last == len(tokens):
        raise Unreadable("`{` has no `}`. A value goes in as {name} or {name.attribute}.", start)
    end = tokens[last].end + 1
    inside = text[start + 1 : end - 1].strip()
    path, mark, kind = inside.partition("!")
    names = tuple(part.strip() for part in path.split("."))
    if not all(_NAME.match(name) for name in names) or (mark and kind.strip() != "i"):
        raise Unreadable(
            f"{{{inside}}} is neither a name nor an attribute. A value goes in as {{name}} or "
            "{name.attribute}, an identifier as {name!i}; compute anything else in Python first.",
            start,
        )
    return Place(start, end, names, identifier=bool(mark)), last + 1


def _coloned(text: str, tokens: Sequence[Token], index: int) -> Place | None:
    """`:name` where the lexer sees a colon by itself: `::` is a token of its own."""
    colon = tokens[index]
    following = tokens[index + 1] if index + 1 < len(tokens) else None
    if following is None or following.start != colon.end + 1:
        return None
    name = text[following.start : following.end + 1]
    return Place(colon.start, following.end + 1, (name,), optional=True) if _NAME.match(name) else None


# What the server gets


def rewrite(
    statement: Statement,
    knows: Callable[[str], bool],
    identifiers: Mapping[tuple[str, ...], str],
    stand_in: Callable[[int], str] = "${}".format,
) -> Rewritten:
    """Put `$n`, or what stands in for it, for values, and quoted identifiers for `{name!i}`."""
    pieces: list[str] = []
    steps = [(0, statement.start)]
    paths: list[tuple[str, ...]] = []
    length = 0
    at = statement.start
    for place in statement.places:
        if place.optional and not knows(place.name):
            continue
        before = statement.text[at - statement.start : place.start - statement.start]
        if place.identifier:
            inserted = quoted(identifiers[place.path])
        else:
            if place.path not in paths:
                paths.append(place.path)
            inserted = stand_in(paths.index(place.path) + 1)
        # Spaces keep it from growing together with its neighbours: `U&{name!i}`, `1{x}`.
        pieces += [before, f" {inserted} "]
        steps.append((length + len(before), place.start))
        length += len(before) + len(inserted) + 2
        steps.append((length, place.end))
        at = place.end
    pieces.append(statement.text[at - statement.start :])
    return Rewritten("".join(pieces), tuple(paths), tuple(steps))


def quoted(name: str) -> str:
    """A name as an identifier. The only way that anything of Python's gets into the text of a statement."""
    if not name:
        raise Unquotable("an identifier cannot be empty")
    if "\0" in name:
        raise Unquotable("an identifier cannot hold a null character")
    if len(name.encode("utf-8", "replace")) > _NAME_BYTES:
        raise Unquotable(f"an identifier of more than {_NAME_BYTES} bytes would be cut off")
    return '"' + name.replace('"', '""') + '"'


def with_known(statement: Statement, knows: Callable[[str], bool]) -> Statement:
    """The statement without those `:name` that nobody knows."""
    kept = tuple(place for place in statement.places if not place.optional or knows(place.name))
    return replace(statement, places=kept)


def pointed(text: str, position: int) -> str:
    """The line of a text that a position is in, and a caret below it."""
    position = min(max(position, 0), len(text))
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    line = text[start : end if end >= 0 else len(text)]
    indent = re.sub(r"[^\t]", " ", line[: position - start])
    number = text.count("\n", 0, position) + 1
    return f"LINE {number}: {line}\n{' ' * len(f'LINE {number}: ')}{indent}^"
