"""Keeps a cell on a worker from touching the world: what would be an effect there is not begun."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from .travel import PLACES

# What changes, or asks, something outside of the process.
_EFFECTS: Final = frozenset({
    "builtins.input", "glob.glob", "os.chdir", "os.chflags", "os.chmod", "os.chown", "os.exec", "os.fork",
    "os.forkpty", "os.kill", "os.killpg", "os.link", "os.lockf", "os.mkdir", "os.posix_spawn",
    "os.putenv", "os.remove", "os.removexattr", "os.rename", "os.rmdir", "os.setxattr", "os.spawn",
    "os.startfile", "os.symlink", "os.system", "os.truncate", "os.unsetenv", "os.utime", "pty.spawn",
    "shutil.chown", "shutil.copyfile", "shutil.copytree", "shutil.make_archive", "shutil.move",
    "shutil.rmtree", "shutil.unpack_archive", "signal.pthread_kill", "smtplib.connect", "socket.bind",
    "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendmsg", "socket.sendto",
    "sqlite3.connect", "subprocess.Popen", "syslog.openlog", "tempfile.mkdtemp", "tempfile.mkstemp",
    "urllib.Request", "webbrowser.open",
})  # fmt: skip
_LOOKS: Final = frozenset(("os.listdir", "os.scandir", "os.walk"))
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# What every machine has: time zones, fonts, what the system says of itself.
_EVERYWHERE: Final = (
    "/usr/share/zoneinfo",
    "/usr/share/fonts",
    "/proc/",
    "/sys/",
    "/dev/null",
    "/dev/urandom",
    "/etc/localtime",
    "/etc/timezone",
)


class StaysHome(BaseException):
    """Ends a cell that would have touched the world; no `except Exception` stops it."""


class Fence:
    """While it is up, whoever would touch the world is stopped before."""

    def __init__(self) -> None:
        self._up = False
        self.why: str | None = None
        sys.addaudithook(self._hook())

    def raised(self) -> None:
        self._up, self.why = True, None

    def lowered(self) -> None:
        self._up = False

    def _hook(self) -> Callable[[str, tuple[Any, ...]], None]:
        def hear(event: str, arguments: tuple[Any, ...]) -> None:
            if self._up:
                self._judge(event, arguments)

        return hear

    def _judge(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = bool((flags or 0) & _WRITES) or (
                isinstance(mode, str) and not set("wax+").isdisjoint(mode)
            )
            if not isinstance(path, int) and (writes or not anywhere(path)):
                self._stop(f"it opens `{_text(path)}`, and files are those of this machine")
        elif event in _LOOKS:
            if arguments and not isinstance(arguments[0], int) and not anywhere(arguments[0]):
                self._stop("it lists a directory, and files are those of this machine")
        elif event in _EFFECTS:
            self._stop(f"it acts on the world outside (`{event}`)")

    def _stop(self, why: str) -> None:
        if self.why is None:
            self.why = why
        raise StaysHome(why)


def anywhere(path: object) -> bool:
    """Is that a file which every machine has that has the same packages?"""
    text = _text(path)
    up, own = text.startswith((*PLACES, *_EVERYWHERE)), _of_matplotlib()
    return up or (own is not None and text.startswith(own))


def _of_matplotlib() -> tuple[str, ...] | None:
    """Where matplotlib keeps what it knows of fonts."""
    library: Any = sys.modules.get("matplotlib")
    if library is None or not hasattr(library, "get_cachedir"):
        return None
    return library.get_cachedir(), library.get_configdir()


def _text(path: object) -> str:
    with suppress(TypeError, ValueError):
        return os.path.abspath(os.fsdecode(path))  # type: ignore[arg-type]  # noqa: PTH100  # in an audit hook
    return ""
