"""Files behind objects that live longer than the run that opened them."""

from __future__ import annotations

import sys
from typing import Any, Final, cast

from .paths import text_of
from .watched import Watched

# Who holds a file, and under which name it says so.
_NAMES: Final = {
    **dict.fromkeys(
        ("TextIOWrapper", "BufferedReader", "BufferedWriter", "BufferedRandom", "FileIO"), "name"
    ),
    **dict.fromkeys(("ZipFile", "memmap", "File"), "filename"),
}
_MODULES: Final = ("_io", "zipfile", "numpy", "h5py._hl.files")
_READ_ONLY: Final = ("r", "rb")


def may_hold_file(value: object) -> bool:
    """Is it an open file, or the like?"""
    kind = type(value)
    if kind.__name__ in _NAMES and kind.__module__ in _MODULES:
        return True
    sqlite: Any = sys.modules.get("sqlite3")
    return sqlite is not None and isinstance(value, (sqlite.Connection, sqlite.Cursor))


def touch(run: Watched, value: object) -> None:
    """Using an open file may read it, and write it if it is open for that."""
    kind = type(value)
    if kind.__name__ in _NAMES and kind.__module__ in _MODULES:
        if not _is_closed(value):
            _touch_file(run, value, _NAMES[kind.__name__])
    elif (sqlite := sys.modules.get("sqlite3")) is not None:
        _touch_database(run, value, sqlite)


def _is_closed(holder: object) -> bool:
    # HDF5's files are false from then on, and say nothing more. Arrays have no truth.
    return getattr(holder, "closed", False) or (type(holder).__name__ == "File" and not holder)


def _touch_file(run: Watched, holder: object, name: str) -> None:
    path = text_of(getattr(holder, name, None))
    full = None if path is None else run.place(path)
    if full is None:
        return
    if getattr(holder, "mode", "r") in _READ_ONLY:
        run.reads_through(full)
    else:
        run.changes(run.followed(full))


def _touch_database(run: Watched, value: object, sqlite: Any) -> None:
    connection = cast("Any", value).connection if isinstance(value, sqlite.Cursor) else value
    path = run.connections.get(id(connection)) if isinstance(connection, sqlite.Connection) else None
    if path is not None:
        # That it changes is seen from the file itself.
        run.reads(path)
