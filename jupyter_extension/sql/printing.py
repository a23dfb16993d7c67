"""Has values of types that become no column of their own come, and go, as the texts that the server prints.

asyncpg makes objects of most: ranges, points, rows. Nobody but the server can say how it would print those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from .types import ELEMENTS, KINDS

READ = KINDS.keys() | ELEMENTS.keys()


def print_builtin(settings: Any, names: Mapping[int, str]) -> None:
    """Have what comes with Postgres, and is read by nobody here, come as text."""
    for oid in names.keys() - READ:
        _print(settings, oid, names[oid], "pg_catalog", str)


def print_met(settings: Any, rows: Iterable[Any]) -> None:
    """The same for types that a statement brought up, as asyncpg has found them described."""
    for row in rows:
        name = str(row["name"])
        if row["elemtype"] and name.startswith("_"):
            # Elsewhere, too, arrays are called after what is in them.
            _print(settings, row["oid"], f"{name[1:]}[]", row["ns"], literal(row["elemdelim"].decode()))
        else:
            _print(settings, row["oid"], name, row["ns"], str)


def _print(settings: Any, oid: int, name: str, schema: str, write: Callable[[Any], str]) -> None:
    settings.add_python_codec(oid, name, schema, [], "scalar", write, str, "text")


def literal(delimiter: str) -> Callable[[object], str]:
    """What writes an array as the server reads it."""

    def write(value: object) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, list):
            return "{" + delimiter.join(map(write, cast("list[object]", value))) + "}"
        return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'

    return write
