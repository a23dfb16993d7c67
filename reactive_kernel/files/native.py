# A path object for each event would cost more than the event.
# ruff: noqa: PTH112, PTH120, PTH122
"""Libraries that read and write by themselves, and raise no event."""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from types import FunctionType, ModuleType
from typing import Any, Final, cast

from .events import connects, opens
from .hook import Arguments, caller, ear
from .paths import text_of
from .watched import Watched

# Entry points: "r" reads a file or all of a directory, "w" writes one, "m" says in a mode, "d" is a database,
# "q" is a query that names files, "p" starts a program, "k" is a database of keys, "n" an old one.
_POLARS_KINDS = ("csv", "parquet", "ipc", "ipc_stream", "json", "ndjson", "avro", "excel", "delta")
_DUCKDB_READS = ("read_csv", "read_parquet", "read_json", "from_parquet", "from_csv_auto")
_DUCKDB_QUERIES = ("sql", "query", "execute", "from_query")
_DUCKDB_WRITES = ("to_parquet", "to_csv", "write_parquet", "write_csv")
NATIVE: Final[Mapping[str, Mapping[str, str]]] = {
    # What `multiprocessing` starts interpreters with; `subprocess` has its own name for it, and says more.
    "_posixsubprocess": {"fork_exec": "p"},
    "pyarrow": {"memory_map": "m", "input_stream": "r", "output_stream": "w"},
    "pyarrow.parquet": {
        **dict.fromkeys(("read_table", "read_pandas", "read_metadata", "read_schema"), "r"),
        **dict.fromkeys(("ParquetFile.__init__", "ParquetDataset.__init__"), "r"),
        **dict.fromkeys(("write_table", "write_metadata", "write_to_dataset", "ParquetWriter.__init__"), "w"),
    },
    "pyarrow.feather": {"read_feather": "r", "read_table": "r", "write_feather": "w"},
    "pyarrow.csv": {"read_csv": "r", "open_csv": "r", "write_csv": "w"},
    "pyarrow.json": {"read_json": "r", "open_json": "r"},
    "pyarrow.orc": {
        "read_table": "r",
        "ORCFile.__init__": "r",
        "write_table": "w",
        "ORCWriter.__init__": "w",
    },
    "pyarrow.dataset": {"dataset": "r", "parquet_dataset": "r", "write_dataset": "w"},
    # pandas opens what it hands to Arrow by Arrow's own means.
    "pandas.io.parquet": {"read_parquet": "r", "to_parquet": "w"},
    "pandas.io.feather_format": {"read_feather": "r", "to_feather": "w"},
    "pandas.io.orc": {"read_orc": "r", "to_orc": "w"},
    "pandas": {"read_parquet": "r", "read_feather": "r", "read_orc": "r"},
    "polars": {
        **{f"{verb}_{kind}": "r" for verb in ("read", "scan") for kind in _POLARS_KINDS},
        **{f"DataFrame.write_{kind}": "w" for kind in _POLARS_KINDS},
        **{f"LazyFrame.sink_{kind}": "w" for kind in _POLARS_KINDS},
    },
    "duckdb": {
        "connect": "d",
        **dict.fromkeys(_DUCKDB_READS, "r"),
        **{f"DuckDBPyConnection.{name}": "r" for name in _DUCKDB_READS},
        **dict.fromkeys(_DUCKDB_QUERIES, "q"),
        **{f"DuckDBPyConnection.{name}": "q" for name in _DUCKDB_QUERIES},
        **{f"DuckDBPyRelation.{name}": "w" for name in _DUCKDB_WRITES},
    },
    # What `shelve` keeps things in, where Python has one of these.
    "dbm.gnu": {"open": "k"},
    "dbm.ndbm": {"open": "n"},
    "h5py": {"File.__init__": "m"},
    "tables": {"open_file": "m"},
    "cv2": {"imread": "r", "imwrite": "w"},
    "torch.serialization": {"_open_zipfile_writer": "w"},
}
# These read and write in more ways, which nobody hears.
SILENT: Final = frozenset(
    (
        *("duckdb", "h5py", "tables", "cv2", "torch", "netCDF4", "rasterio", "fiona", "pyogrio", "osgeo"),
        *("soundfile", "xgboost", "lightgbm", "tensorflow", "SimpleITK", "pysam", "deltalake"),
    )
)
# A path that is not the first text among the arguments stands behind one of these names.
_PATH_NAMES: Final = (
    *("where", "source", "path", "file", "dest", "sink", "target", "root_path", "base_dir", "name", "query"),
    *("path_or_paths", "output_file", "input_file", "file_name", "filename", "database", "path_or_buffer"),
)
# Marks what is wrapped already.
_TOLD: Final = "__reactive_told__"
_MODES: Final = {"r": os.O_RDONLY, "w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "x": os.O_CREAT | os.O_EXCL}
_KEYED_MODES: Final = {
    "r": os.O_RDONLY,
    "w": os.O_RDWR,
    "c": os.O_RDWR | os.O_CREAT,
    "n": os.O_RDWR | os.O_CREAT | os.O_TRUNC,
}
_H5_MODES: Final = ("r", "r+", "w", "a", "x", "w-")
_QUOTED = re.compile(r"(\bto\s+)?'([^'\n]+)'", re.IGNORECASE)


def _used(run: Watched, arguments: Arguments) -> None:
    kind, given, named = arguments
    paths = _paths(given, named)
    if kind == "p":
        # Up to Python 3.10 `subprocess` comes this way, too, and has told more by now.
        if caller() != "subprocess":
            run.starts_program()
        return
    if kind == "q":
        _queried(run, paths[0] if paths else "")
        return
    if kind in "kn":
        endings = ("",) if kind == "k" else _old_endings()
        for path in paths:
            _keyed(run, [path + ending for ending in endings], str(named.get("flags", (*given, "r")[1])))
        return
    words = (word for word in given if isinstance(word, str))
    mode = named.get("mode") or next((word for word in words if word in _H5_MODES), "r")
    for path in paths:
        if "://" in path:
            continue
        if kind == "d":
            connects(run, (path,))
        elif kind == "m":
            flags = _MODES.get("x" if mode == "w-" else mode, os.O_RDWR | os.O_CREAT)
            full = run.place(path)
            if full is not None:
                opens(run, full, flags)
        else:
            (_takes if kind == "r" else _leaves)(run, path)


def _keyed(run: Watched, paths: Sequence[str], mode: str) -> None:
    for path in paths:
        full = run.place(path)
        if full is not None:
            opens(run, full, _KEYED_MODES.get(mode[:1], os.O_RDWR | os.O_CREAT))


def _old_endings() -> Sequence[str]:
    """A database of that kind is in one file or in two, as the library behind it likes."""
    library = getattr(sys.modules.get("dbm.ndbm"), "library", "")
    return (".db",) if library == "Berkeley DB" else (".pag", ".dir")


def _paths(given: Sequence[object], named: Mapping[str, object]) -> list[str]:
    """The first argument that can be a path, or a list of paths."""
    for value in (*given, *(named[name] for name in _PATH_NAMES if name in named)):
        several = cast("Sequence[object]", value if isinstance(value, (list, tuple)) else (value,))
        # Bytes hold what is to be read, not where it is.
        paths = [text for one in several if not isinstance(one, bytes) and (text := text_of(one)) is not None]
        if paths:
            return paths
    return []


def _takes(run: Watched, path: str) -> None:
    """A library reads a file, all of a directory, or all that a pattern fits."""
    plain = re.split(r"[*?\[]", path, maxsplit=1)[0]
    full = run.place(path if plain == path else os.path.dirname(plain) or os.curdir)
    if full is None:
        return
    run.reads_through(full)
    full = run.followed(full)
    if os.path.isdir(full):
        run.takes_all(full)


def _leaves(run: Watched, path: str) -> None:
    """A library writes a file, or files in a directory."""
    full = run.place(path)
    if full is None:
        return
    full = run.followed(full)
    if os.path.isdir(full) or not os.path.splitext(full)[1]:
        run.grows_in(full)
    if not os.path.isdir(full):
        run.replaces(full)


def _queried(run: Watched, query: str) -> None:
    for to, path in _QUOTED.findall(query):
        if "://" in path or not (os.sep in path or re.search(r"\.\w+$", path)):
            continue
        (_leaves if to else _takes)(run, path)


def wrap_libraries() -> None:
    # It takes a name of its own for `fork_exec`, as long as that is not wrapped.
    importlib.import_module("subprocess")
    for name in NATIVE:
        if (module := sys.modules.get(name)) is not None:
            _wrap_module(module)
    sys.meta_path.insert(0, cast("Any", _Finder))


class _Finder:
    """Wraps a library's entry points as soon as it has been imported."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in NATIVE:
            return None
        for finder in sys.meta_path:
            find = None if finder is _Finder else getattr(finder, "find_spec", None)
            spec = None if find is None else find(name, path, target)
            if spec is not None:
                _wrap_after(spec.loader)
                return spec
        return None


def _wrap_after(loader: Any) -> None:
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        _wrap_module(module)

    loader.exec_module = exec_module


def _wrap_module(module: ModuleType) -> None:
    for entry, kind in NATIVE[module.__name__].items():
        owner: Any = module
        *outer, name = entry.split(".")
        for step in outer:
            owner = getattr(owner, step, None)
        original = getattr(owner, name, None)
        if callable(original) and not isinstance(original, type) and not hasattr(original, _TOLD):
            told = _telling(original, kind)
            setattr(owner, name, told)
            _bring_home(original, told)


def _bring_home(original: Callable[..., Any], told: Callable[..., Any]) -> None:
    """Where a function says that it comes from, there must be the same one: pickles look it up there."""
    home = sys.modules.get(getattr(original, "__module__", None) or "")
    name = getattr(original, "__qualname__", "")
    if home is not None and getattr(home, name, None) is original:
        setattr(home, name, told)


def _telling(original: Callable[..., Any], kind: str) -> Callable[..., Any]:
    if kind == "q":
        return _asking(original)

    @wraps(original)
    def tell(*arguments: Any, **named: Any) -> Any:
        if ear.run is not None:
            ear.note(_used, (kind, arguments, named))
        return original(*arguments, **named)

    setattr(tell, _TOLD, True)
    return tell


_CALL: Final = compile("_original(*_arguments, **_named)", __file__, "eval")


def _asking(original: Callable[..., Any]) -> Callable[..., Any]:
    """A query may name variables of the one who asks, and looks for them in the frame that called."""

    def ask(*arguments: Any, **named: Any) -> Any:
        if ear.run is not None:
            ear.note(_used, ("q", arguments, named))
        asker = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]  # documented
        call = {"_original": original, "_arguments": arguments, "_named": named}
        return eval(_CALL, asker.f_globals, {**asker.f_locals, **call})  # noqa: S307  # a text of ours

    # The library passes over frames of its own.
    own = FunctionType(ask.__code__, {**globals(), "__name__": "duckdb"}, None, None, ask.__closure__)
    setattr(own, _TOLD, True)
    return wraps(original)(own)
