"""What a process has beside its namespace: a directory, random states, the environment."""

from __future__ import annotations

import os
import random
import re
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from zlib import crc32

Contents = Mapping[str, bytes | None]
# The text of a file that is not there any more; no cell writes it.
GONE = b"\0"

# By which words a source gives away that it reaches into the world.
_SIGNS = {
    "files": re.compile(r"\bopen\(|\bos\.(?!environ)|\bPath\(|\bshutil\.|to_csv|read_csv|np\.save|np\.load"),
    "random": re.compile(r"\brandom\b"),
    "numpy": re.compile(r"\bnp\.random\b"),
    "environ": re.compile(r"\benviron\b"),
}
_MEMORY = Path("/dev/shm")


def reach_of(sources: Iterable[str]) -> frozenset[str]:
    """Which parts of the world sources may touch."""
    text = "\n".join(sources)
    return frozenset(part for part, sign in _SIGNS.items() if sign.search(text))


class World:
    """A world of its own for as long as the block lasts; the one around it is as before afterwards."""

    def __init__(self, reach: frozenset[str], contents: Contents | None = None, seed: int = 0) -> None:
        self._reach = reach
        self._contents = contents or {}
        self._seed = seed
        self._outside: dict[str, Any] = {}
        self.directory = ""

    def __enter__(self) -> World:
        self._outside["path"] = sys.path[:]
        # What libraries think of how cells are written is no part of what cells show.
        self._quiet = warnings.catch_warnings()
        self._quiet.__enter__()
        warnings.simplefilter("ignore")
        if "files" in self._reach:
            self._outside["cwd"] = os.getcwd()  # noqa: PTH109  # as it was, to the letter
            where = _MEMORY if _MEMORY.is_dir() else None
            self.directory = os.path.realpath(tempfile.mkdtemp(prefix="fuzz", dir=where))
            os.chdir(self.directory)
            lay_out(self._contents)
        if "random" in self._reach:
            self._outside["random"] = random.getstate()
            random.seed(self._seed)
        if "numpy" in self._reach:
            import numpy as np

            self._outside["numpy"] = np.random.get_state()
            np.random.seed(self._seed)
        if "environ" in self._reach:
            self._outside["environ"] = dict(os.environ)
            for name in [name for name in os.environ if name.startswith("FUZZ_")]:
                del os.environ[name]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        outside = self._outside
        sys.path[:] = outside["path"]
        self._quiet.__exit__(kind, error, trace)
        if "cwd" in outside:
            os.chdir(outside["cwd"])
            shutil.rmtree(self.directory, ignore_errors=True)
        if "random" in outside:
            random.setstate(outside["random"])
        if "numpy" in outside:
            import numpy as np

            np.random.set_state(outside["numpy"])
        if "environ" in outside and dict(os.environ) != outside["environ"]:
            os.environ.clear()
            os.environ.update(outside["environ"])


def contents(reach: frozenset[str], directory: str = ".") -> dict[str, bytes | None]:
    """Every file below a directory with what is in it; None for a directory."""
    found: dict[str, bytes | None] = {}
    if "files" not in reach:
        return found
    for path in sorted(Path(directory).rglob("*")):
        inside = path.relative_to(directory).as_posix()
        found[inside] = path.read_bytes() if path.is_file() else None
    return found


def changes(before: Contents, after: Contents) -> dict[str, bytes | None]:
    """What to lay out to come from the one to the other."""
    made = {name: text for name, text in after.items() if name not in before or before[name] != text}
    return made | dict.fromkeys(before.keys() - after.keys(), GONE)


def lay_out(files: Contents) -> None:
    """Put files into the working directory."""
    for name, text in files.items():
        if text is None:
            Path(name).mkdir(parents=True, exist_ok=True)
        elif text == GONE and Path(name).is_dir():
            shutil.rmtree(name)
        elif text == GONE:
            Path(name).unlink(missing_ok=True)
        else:
            Path(name).write_bytes(text)


def random_states(reach: frozenset[str]) -> str:
    return str(states(reach & {"random", "numpy"})) if reach & {"random", "numpy"} else ""


def states(reach: frozenset[str]) -> dict[str, str]:
    """The random states and the environment, to be compared."""
    found: dict[str, str] = {}
    if "random" in reach:
        found["random"] = str(crc32(repr(random.getstate()).encode()))
    if "numpy" in reach:
        import numpy as np

        kind, keys, *rest = np.random.get_state()
        found["numpy.random"] = f"{kind} {crc32(keys.tobytes())} {rest}"
    if "environ" in reach:
        found["os.environ"] = str(
            {name: os.environ[name] for name in sorted(os.environ) if name.startswith("FUZZ_")}
        )
    return found
