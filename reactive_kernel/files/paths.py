# A path object for each event would cost more than the event.
# ruff: noqa: PTH109, PTH111, PTH115, PTH118, PTH119
"""Which paths the notebook's work can be about, and where they lead."""

from __future__ import annotations

import os
import shlex
import site
import stat
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final, cast

# The original, which notes nothing.
_lstat = os.lstat


def is_link(path: str) -> bool:
    try:
        return stat.S_ISLNK(_lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def count_names(path: str) -> int:
    """How many names the file at a path has; none if there is no file. A directory has one."""
    try:
        found = _lstat(path)
    except (OSError, ValueError):
        return 0
    return 1 if stat.S_ISDIR(found.st_mode) else found.st_nlink or 1


def below(path: str, top: str) -> bool:
    return path == top or path.startswith(top if top.endswith(os.sep) else top + os.sep)


def cwd() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def directory_of(number: int) -> str | None:
    """The path of an open directory."""
    try:
        return os.readlink(f"/proc/self/fd/{number}")
    except OSError:
        pass
    try:
        import fcntl  # only on Unix

        return os.fsdecode(fcntl.fcntl(number, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))  # pyright: ignore[reportAttributeAccessIssue, reportUnknownArgumentType]  # macOS has it
    except (ImportError, AttributeError, OSError):
        return None


def text_of(path: object) -> str | None:
    if type(path) is str:
        text = path
    elif isinstance(path, (str, bytes, os.PathLike)):
        text = os.fsdecode(cast("str | bytes", path))
    else:
        return None
    return None if "\0" in text else text


def words_of(command: object) -> list[str]:
    if isinstance(command, (list, tuple)):
        return [text for word in cast("Iterable[object]", command) if (text := text_of(word)) is not None]
    text = text_of(command) or ""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def source_of(path: object) -> object:
    """Importing a module may read no more than what was compiled from its source."""
    if type(path) is not str or not path.endswith(".pyc"):
        return path
    folder, name = os.path.split(path)
    above, last = os.path.split(folder)
    return os.path.join(above, name.partition(".")[0] + ".py") if last == "__pycache__" else path


def is_noise(full: str) -> bool:
    return (
        "__pycache__" in full
        or (full.startswith("/dev/") and not full.startswith("/dev/shm/"))  # noqa: S108  # where people do keep files
        or ".ipynb_checkpoints" in full
        or "/joblib_memmapping_folder_" in full
        or full.endswith((".pyc", ".pyo", ".so", ".pyd", ".dylib"))
        or (full.endswith(">") and os.path.basename(full).startswith("<"))
    )


def _noise() -> tuple[str, ...]:
    """Where nobody keeps what a notebook works on: programs, libraries, settings, caches."""
    home = os.path.expanduser("~")
    here = os.path.join(os.path.realpath(cwd() or os.sep), "")
    folders = {"/proc", "/sys", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/usr", "/System", "/Library"}
    folders |= {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()}
    folders.add(str(Path(__file__).parents[1]))
    folders |= {site.getusersitepackages(), os.environ.get("MPLCONFIGDIR", "/proc")}
    folders |= {os.environ.get("XDG_CACHE_HOME", os.path.join(home, ".cache"))}
    hidden = (".ipython", ".jupyter", ".matplotlib", ".config/matplotlib", ".fonts", ".terminfo")
    folders |= {os.path.join(home, *name.split("/")) for name in (*hidden, ".local/share/jupyter")}
    # What IPython and Jupyter keep for themselves (`%cd` writes where it has been), wherever that is.
    settings = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    folders |= {os.environ[name] for name in settings if os.environ.get(name, "").startswith(os.sep)}
    folders |= {os.path.realpath(folder) for folder in folders}
    # Somebody may work below where Python was installed.
    inside = {os.path.join(folder, "") for folder in folders} - {os.sep}
    inside = {folder for folder in inside if not here.startswith(folder)}
    return (*sorted(inside), os.path.join(tempfile.gettempdir(), "ipykernel_"))


NOISE: Final = _noise()
