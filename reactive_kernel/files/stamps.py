# A path object for each event would cost more than the event.
# ruff: noqa: PTH113, PTH116
"""What files looked like, to tell later whether they changed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from .paths import is_noise

# A directory is compared up to so many entries, and for so long.
ENTRIES = 10_000
_SECONDS = 0.2
# A file system's clock ticks: what was written so shortly ago can change again and keep its time.
_TICK_NS = 20_000_000
_SMALL = 8_000_000


# When it was written and changed, its size and place; then what is in it, if that may change unseen.
Stamp: TypeAlias = tuple[int, ...]
Stamper: TypeAlias = Callable[[str, os.stat_result], Stamp]
FOLDER: Final[Stamp] = ()
_SKIPPED: Final = frozenset(
    (".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".cache", ".pytest_cache")
)


def plain(path: str, found: os.stat_result) -> Stamp:
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def lasting(path: str, found: os.stat_result) -> Stamp:
    """A stamp to which later ones are compared."""
    stamp = plain(path, found)
    settled = time.time_ns() - max(stamp[:2]) > _TICK_NS
    return stamp if settled or found.st_size > _SMALL else (*stamp, _digest(path))


def stamp_of(path: str, stamp: Stamper = plain) -> Stamp | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(found.st_mode):
        return FOLDER
    # An empty write-ahead log comes and goes with those who read.
    return None if not found.st_size and path.endswith("-wal") else stamp(path, found)


def _digest(path: str) -> int:
    try:
        return hash(Path(path).read_bytes()) if os.path.isfile(path) else 0
    except OSError:
        return 0


def unchanged(path: str, old: Stamp | None, new: Stamp | None) -> bool:
    if old is None or new is None:
        return old is new
    return old[:4] == new[:4] and (len(old) < 5 or old[4] == _digest(path))


def tree_of(top: str, stamp: Stamper = plain) -> dict[str, Stamp] | None:
    """The stamps of all that lies below a directory; None if that is too much."""
    found: dict[str, Stamp] = {}
    todo = [top]
    end = time.perf_counter() + _SECONDS
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    if _is_passed_over(entry):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                        found[entry.path] = FOLDER
                    else:
                        found[entry.path] = stamp(entry.path, entry.stat(follow_symlinks=False))
                    if len(found) > ENTRIES or time.perf_counter() > end:
                        return None
        except OSError:
            # What cannot be looked at, or is gone meanwhile, is as good as not there.
            continue
    return found


def _is_passed_over(entry: os.DirEntry[str]) -> bool:
    # The server saves the notebook whenever it likes.
    name = entry.name
    return name in _SKIPPED or name.endswith(".ipynb") or name.startswith(".~") or is_noise(entry.path)
