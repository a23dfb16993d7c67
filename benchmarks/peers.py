"""The other tools, each in a virtual environment of its own, made from PyPI once and kept."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

# Nothing that is needed takes longer to install, unless it is built, which no peer should need.
PATIENCE = 600.0


def _same(*names: str) -> tuple[str, ...]:
    """At the versions that this very Python has: the kernels differ in nothing else."""
    return tuple(f"{name}=={version(name)}" for name in names)


JUPYTER = _same("ipykernel", "ipython", "jupyter_client", "pyzmq", "tornado", "traitlets")
FRAMES = _same("numpy", "pandas", "pyarrow")

# What is compared, at which version. A change of a pin makes a new environment.
PINS: dict[str, tuple[str, ...]] = {
    "ipykernel": JUPYTER,
    "ipyflow": ("ipyflow-core==0.0.231", "ipykernel==7.4.0"),
    "marimo": ("marimo==0.25.2",),
    "flowbook": ("flowbook-python==0.1.5",),
    "pandas.read_sql": (*FRAMES, "sqlalchemy==2.1.9", "psycopg2-binary==2.9.13"),
    "ADBC": (*FRAMES, "adbc-driver-postgresql==1.13.0", "adbc-driver-manager==1.13.0"),
    "connectorx": (*FRAMES, "connectorx==0.4.6"),
    "JupySQL": (*FRAMES, "jupysql==0.11.1", "psycopg2-binary==2.9.13", *JUPYTER),
    "marimo SQL": (*FRAMES, "marimo[sql]==0.25.2", "adbc-driver-postgresql==1.13.0", "polars==2.1.0"),
}


@dataclass(frozen=True)
class Environment:
    """Where a peer is installed."""

    peer: str
    place: Path

    @property
    def python(self) -> str:
        return str(self.place / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))


class NotInstalled(Exception):
    """A peer that could not be installed here."""


COMPLETE = "complete.json"
# The word of a peer that has failed once: it is not tried again at every run.
FAILED = "failed.txt"


def cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root, "jupyter-reactive", "benchmarks")


def place(peer: str) -> Path:
    kind = (platform.python_version(), platform.machine(), *PINS[peer])
    mark = hashlib.sha256("\n".join(kind).encode()).hexdigest()[:12]
    return cache() / f"{peer.replace(' ', '-')}-{mark}"


def versions(peer: str) -> dict[str, str]:
    """What is installed for the peer; nothing if it could not be, or has not been yet."""
    listed = place(peer) / COMPLETE
    return json.loads(listed.read_text("utf-8")) if listed.exists() else {}


def environment(peer: str) -> Environment:
    """Where the peer is, installed first if it is not there yet."""
    where = place(peer)
    if not (where / COMPLETE).exists():
        _make(peer, where)
    return Environment(peer, where)


def _make(peer: str, where: Path) -> None:
    failed = where.with_suffix(f".{FAILED}")
    if failed.exists():
        raise NotInstalled(failed.read_text("utf-8"))
    # Left over from an installation that was broken off.
    shutil.rmtree(where, ignore_errors=True)
    where.parent.mkdir(parents=True, exist_ok=True)
    print(f"Installing {peer} ...", file=sys.stderr, flush=True)
    venv.create(where, with_pip=True)
    made = Environment(peer, where)
    _install(made, PINS[peer], failed)
    listed = json.loads(_pip(made, "list", "--format=json").stdout)
    found = {each["name"].lower(): each["version"] for each in listed}
    (where / COMPLETE).write_text(json.dumps(found), "utf-8")


def _install(made: Environment, pins: Sequence[str], failed: Path) -> None:
    try:
        _pip(made, "install", "--quiet", *pins)
    except subprocess.CalledProcessError as error:
        reasons = [each for each in error.stderr.splitlines() if each.startswith("ERROR")]
        why = (reasons or error.stderr.splitlines() or ["pip failed"])[-1]
        failed.write_text(why, "utf-8")
        raise NotInstalled(why) from None
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"not installed within {PATIENCE:.0f} s") from None


def _pip(made: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [made.python, "-m", "pip", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE)


def forget() -> None:
    """Take away all environments, and the words of those that failed."""
    shutil.rmtree(cache(), ignore_errors=True)
