# A path object for each event would cost more than the event.
# ruff: noqa: PTH112, PTH117, PTH119
"""What the hook hears, and what it means."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final

from .hook import Act, Arguments, at_work, caller, looks_for_modules, module_of
from .paths import directory_of, source_of, text_of, words_of
from .watched import Watched

_ACCESS: Final = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
# The flag of a file that never gets a name.
_UNNAMED: Final[int] = getattr(os, "O_TMPFILE", 0)


def _opened(run: Watched, arguments: Arguments) -> None:
    path, flags = arguments[0], arguments[2]
    full = run.place(source_of(path))
    if full is not None and caller() not in _SHOWING_SOURCE:
        opens(run, full, flags if isinstance(flags, int) else os.O_RDONLY)


def opens(run: Watched, full: str, flags: int) -> None:
    if _UNNAMED and flags & _UNNAMED == _UNNAMED:
        return
    if flags & _ACCESS == os.O_RDONLY and not flags & os.O_CREAT:
        run.reads_through(full)
        return
    if flags & os.O_EXCL:
        run.exclusive.add(full)
        run.replaces(full)
        return
    target = run.followed(full)
    if target != full:
        run.reads(full)
    if os.path.isdir(target):
        # Nobody can write to one: somebody opens a file in it, and says so next.
        return
    run.rewrites(target)
    if flags & os.O_TRUNC:
        run.replaces(target)
    else:
        run.changes(target)


def _listing(run: Watched, path: object) -> str | None:
    if looks_for_modules(at_work()):
        return None
    if isinstance(path, int):
        path = directory_of(path)
    full = run.place(os.curdir if path is None else path)
    return None if full is None else run.followed(full)


def _listed(run: Watched, arguments: Arguments) -> None:
    full = _listing(run, arguments[0])
    if full is not None:
        run.lists(full)


def _scanned(run: Watched, arguments: Arguments) -> None:
    """Nobody hears it when an entry of a scan is asked for its size and times."""
    full = _listing(run, arguments[0])
    if full is not None:
        (run.lists if caller() in _LISTERS else run.searches)(full)


def _removed(run: Watched, arguments: Arguments) -> None:
    full = run.place(arguments[0], arguments[-1])
    if full is not None:
        run.removes(full)


def _tree_removed(run: Watched, arguments: Arguments) -> None:
    path, *others = arguments
    full = run.place(path, others[0] if others and others[0] is not None else -1)
    if full is not None:
        run.clears(full)


def _folder_removed(run: Watched, arguments: Arguments) -> None:
    full = run.place(arguments[0], arguments[-1])
    if full is not None:
        run.removes(full)
        run.folders.add(full)
        run.moved()


# With this mode `tempfile` makes directories; others may be content with one that is there already.
_TEMPORARY = 0o700


def _folder_made(run: Watched, arguments: Arguments) -> None:
    full = run.place(arguments[0], arguments[-1])
    if full is not None:
        run.makes_folder(full, own=arguments[1] == _TEMPORARY)


def _renamed(run: Watched, arguments: Arguments) -> None:
    source, target, source_directory, target_directory = arguments
    run.renames(run.place(source, source_directory), run.place(target, target_directory))


def _linked(run: Watched, arguments: Arguments) -> None:
    source = run.place(arguments[0], arguments[2]) if len(arguments) == 4 else None
    target = run.place(arguments[1], arguments[-1])
    if source is not None:
        run.reads(source)
    if target is not None:
        run.exclusive.add(target)
        run.replaces(target)
        run.moved()


def _altered(run: Watched, arguments: Arguments) -> None:
    """Truncated to a length, or given other times or rights."""
    path, *others = arguments
    full = run.place(path, others[-1] if len(others) > 1 else -1)
    if full is not None:
        full = run.followed(full)
        run.rewrites(full)
        run.changes(full)


def _connection_made(run: Watched, arguments: Arguments) -> None:
    run.connected(arguments[0])


def connects(run: Watched, arguments: Arguments) -> None:
    text = text_of(arguments[0])
    if not text or ":memory:" in text or "mode=memory" in text:
        return
    full = run.place(re.sub(r"\?.*", "", text[5:]) if text.startswith("file:") else text)
    if full is not None:
        run.connects(full)


def _program_started(run: Watched, arguments: Arguments) -> None:
    words, where = words_of(arguments[1]), arguments[2]
    if words and os.path.basename(words[0]) in _HARMLESS:
        return
    place = None if where is None else run.place(where)
    run.starts_program(*(() if place is None else (place,)))
    _named(run, words)


def _command_started(run: Watched, arguments: Arguments) -> None:
    run.starts_program()
    _named(run, words_of(arguments[0]))


def _forked(run: Watched, arguments: Arguments) -> None:
    run.starts_program()


def _named(run: Watched, words: Sequence[str]) -> None:
    """Paths that a program is told of, wherever they are."""
    for word in words:
        for part in (word, *word.split()) if " " in word else (word,):
            path = part.rpartition("=")[2].lstrip("<>").strip("'\";")
            if os.path.isabs(path):
                run.names(path)


def _imported(run: Watched, arguments: Arguments) -> None:
    name = arguments[0]
    if not isinstance(name, str) or "." in name or arguments[1] is not None:
        return
    frame = at_work()
    while frame.f_back is not None and module_of(frame).startswith("importlib."):
        frame = frame.f_back
    if module_of(frame) == "__main__":
        run.imports.add(name)


HEARD: Final[Mapping[str, Act]] = {
    "open": _opened,
    "os.listdir": _listed,
    "os.scandir": _scanned,
    "os.remove": _removed,
    "os.rmdir": _folder_removed,
    "shutil.rmtree": _tree_removed,
    "os.mkdir": _folder_made,
    "os.rename": _renamed,
    "os.link": _linked,
    "os.symlink": _linked,
    "os.truncate": _altered,
    "os.utime": _altered,
    "os.chmod": _altered,
    "sqlite3.connect": connects,
    "sqlite3.connect/handle": _connection_made,
    "import": _imported,
    "subprocess.Popen": _program_started,
    "os.system": _command_started,
    "os.startfile": _command_started,
    "os.posix_spawn": _forked,
    "os.spawn": _forked,
    "os.exec": _forked,
    "os.fork": _forked,
    "os.forkpty": _forked,
    "pty.spawn": _forked,
}


# These open what a traceback shows.
_SHOWING_SOURCE: Final = ("linecache", "tokenize")
# These list a directory and ask its entries for no more than their names and kinds.
_LISTERS: Final = frozenset(
    ("os", "glob", "pathlib", "pathlib._local", "pathlib._abc", "pathlib._os", "shutil")
)
# Programs that libraries ask about the machine.
_HARMLESS: Final = frozenset(
    ("uname", "lscpu", "nproc", "ldconfig", "fc-list", "getconf", "sysctl", "nvidia-smi", "locale", "tput")
)
