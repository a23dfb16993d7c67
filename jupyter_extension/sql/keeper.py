"""Keeps the embedded Postgres running while somebody uses it: a program of its own, standard library only.

Whoever uses the server holds a shared lock on `users.lock`, which the operating system takes back when they
end, however they end. The keeper waits for the exclusive lock: once it has it, nobody is left.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Seconds that a server may take to end before it is told so more harshly.
_PATIENCE = 20.0
_LOOK = 0.003


def main(place: Path, program: str, sockets: str, user: int | None) -> int:
    with (place / "keeper.lock").open("a") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return _tell("Another keeper is at work.")
        _ignore_signals_of_the_terminal()
        _remove_orphan(place)
        server = _start(place, program, sockets, user)
        if not _ready(place, server):
            return _tell(f"The server did not start: {_last_words(place)}")
        _tell("ready")
        threading.Thread(target=_stop_when_unused, args=(place, server), daemon=True).start()
        return server.wait()


def _tell(word: str) -> int:
    """Answer whoever started this keeper; perhaps they are gone already."""
    with contextlib.suppress(OSError):
        sys.stdout.write(word + "\n")
        sys.stdout.close()
    return 1


def _ignore_signals_of_the_terminal() -> None:
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_IGN)


def _start(place: Path, program: str, sockets: str, user: int | None) -> subprocess.Popen[bytes]:
    arguments = [program, "-D", str(place / "cluster"), "-k", sockets]
    log = os.open(place / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=place / "cluster",
            env=_environment(),
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            start_new_session=True,
            preexec_fn=_prepared,  # noqa: PLW1509  # the keeper has one thread at that time
        )
    finally:
        os.close(log)


def _environment() -> dict[str, str]:
    """The server needs nothing of the user's surroundings, which may hold secrets."""
    kept = ("PATH", "TZ", "LANG", "LC_ALL", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ}


def _prepared() -> None:
    """What an ignored signal was must not be inherited; and the server ends when its keeper is killed."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP):
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _ready(place: Path, server: subprocess.Popen[bytes]) -> bool:
    while server.poll() is None:
        lines = _lines(place / "cluster" / "postmaster.pid")
        if len(lines) > 7 and lines[0] == str(server.pid) and lines[7].strip() == "ready":
            return True
        time.sleep(_LOOK)
    return False


def _stop_when_unused(place: Path, server: subprocess.Popen[bytes]) -> None:
    with (place / "users.lock").open("a") as users:
        fcntl.lockf(users, fcntl.LOCK_EX)
        # Whoever comes now waits for this lock, which lasts as long as the keeper.
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            server.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(_PATIENCE)
                return


def _remove_orphan(place: Path) -> None:
    """End a server whose keeper is gone, and forget one that is gone itself.

    After a crash the number in the file may be anybody's: Postgres would then refuse to start.
    """
    record = place / "cluster" / "postmaster.pid"
    lines = _lines(record)
    if not lines:
        return
    number = int(lines[0])
    for signal_number in _harsher():
        if not _is_server(number, place):
            record.unlink(missing_ok=True)
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal_number)
        time.sleep(_LOOK)


def _harsher() -> Iterator[int]:
    end = time.monotonic() + _PATIENCE
    yield signal.SIGINT
    while time.monotonic() < end:
        yield 0
    yield signal.SIGKILL
    while True:
        yield 0


def _is_server(number: int, place: Path) -> bool:
    command = ["ps", "-o", "args=", "-p", str(number)]
    try:
        if sys.platform == "linux":
            said = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        else:
            said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return False
    return str(place / "cluster") in said


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _last_words(place: Path) -> str:
    return " ".join(_lines(place / "log")[-5:]) or "it said nothing"


if __name__ == "__main__":
    # Whoever started it has no child to wait for, and leaves no zombie.
    if os.fork():
        os._exit(0)
    os.umask(0o077)
    _place, _program, _sockets, _user = sys.argv[1:]
    sys.exit(main(Path(_place), _program, _sockets, int(_user) if _user else None))
