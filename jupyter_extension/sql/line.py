"""Reads the line of `%sql` and `%%sql`: what is asked for, before any SQL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

_INTO = re.compile(r"\s*([^\W\d]\w*)\s*<<(?:\s+|\Z)")
_OPTION = re.compile(r"\s*--([a-z]+)(?:[=\s]+([^\s\-]\S*))?")
_URL = re.compile(r"\s*(?:postgres(?:ql)?://|postgres(?:ql)?\+\w+://)\S*", re.IGNORECASE)
_OTHER_URL = re.compile(r"\s*(\w[\w+]*)://")
_OF_ASKING = ("on", "as", "limit")
OPTIONS = (*_OF_ASKING, "name", "watch")
FRAMES = "frames"
DEFAULT = "default"


class Shape(str, Enum):
    """What a result's rows become."""

    PANDAS = "pandas"
    ARROW = "arrow"
    POLARS = "polars"


class Misused(Exception):
    """The line cannot be followed; says what would be understood."""


@dataclass(frozen=True)
class Connect:
    url: str
    name: str


@dataclass(frozen=True)
class Tell:
    """Say which connection there is."""

    name: str


@dataclass(frozen=True)
class Watch:
    tables: tuple[str, ...]
    name: str


@dataclass(frozen=True)
class Ask:
    """Run statements."""

    sql: str
    into: str | None = None
    on: str = DEFAULT
    shape: Shape = Shape.PANDAS
    limit: int | None = None


Order: TypeAlias = Connect | Tell | Watch | Ask


def parse_line(line: str) -> Order:
    """What `%sql ...` asks for."""
    into, options, rest = _split(line)
    for option in options.keys() - set(OPTIONS):
        raise Misused(f"--{option} is not known; there are --{', --'.join(OPTIONS)}.")
    name = options.pop("name", None) or options.get("on") or DEFAULT
    if _URL.match(rest):
        url, _, after = rest.strip().partition(" ")
        _, late, _ = _split(after)
        if late.keys() - {"name", "on"}:
            raise Misused("A connection is opened by %sql URL [--name NAME].")
        return Connect(url, late.get("name") or late.get("on") or name)
    if other := _OTHER_URL.match(rest):
        raise Misused(f"{other[1]}:// is no Postgres. It is %sql postgresql://user@host/database.")
    if "watch" in options:
        words = " ".join([options["watch"], rest]).split()
        return Watch(tuple(word.rstrip(",") for word in words), name)
    if not rest.strip():
        return Tell(name)
    return _ask(rest, into, options)


def parse_cell(line: str, body: str) -> Ask:
    """What `%%sql ...` asks for: the statements are below."""
    into, options, rest = _split(line)
    if rest.strip():
        raise Misused(
            f"{rest.strip()!r} is not understood. It is %%sql [NAME <<] [--on CONNECTION] "
            "[--as pandas|arrow|polars] [--limit N], and the statements stand below."
        )
    return _ask(body, into, options)


def _ask(sql: str, into: str | None, options: dict[str, str]) -> Ask:
    for name, value in options.items():
        if name not in _OF_ASKING:
            raise Misused(f"--{name} is not known here; there are --on, --as and --limit.")
        if not value:
            raise Misused(f"--{name} wants a value.")
    shapes = [shape.value for shape in Shape]
    shape = options.get("as", Shape.PANDAS.value)
    if shape not in shapes:
        raise Misused(f"--as is one of {', '.join(shapes)}, not {shape!r}.")
    limit = options.get("limit")
    if limit is not None and not limit.isdecimal():
        raise Misused(f"--limit is a number of rows, not {limit!r}.")
    number = None if limit is None else int(limit)
    return Ask(sql, into, options.get("on", DEFAULT), Shape(shape), number)


def _split(line: str) -> tuple[str | None, dict[str, str], str]:
    """`NAME <<`, the options at the beginning, and what follows them."""
    into: str | None = None
    options: dict[str, str] = {}
    while True:
        if into is None and (match := _INTO.match(line)):
            into = match[1]
        elif match := _OPTION.match(line):
            options[match[1]] = match[2] or ""
        else:
            return into, options, line
        line = line[match.end() :]
