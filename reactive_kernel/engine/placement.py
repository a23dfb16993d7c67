"""Which cells may leave the kernel's process, as their text shows it."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Iterator
from functools import lru_cache

from ..cell import CellFacts
from ..fixed import fixed
from ..namespace import of_the_session

# Libraries that keep something open, or of their own, in the process: nobody sees what a cell leaves there.
_STATEFUL = frozenset({
    "adbc_driver_manager", "aiohttp", "asyncio", "asyncpg", "concurrent", "connectorx", "cupy", "ctypes",
    "dask", "distributed", "duckdb", "gc", "httpx", "ipywidgets", "jupyter_extension", "multiprocessing",
    "psycopg", "psycopg2", "pyspark", "ray", "reactive_kernel", "requests", "secrets", "signal", "socket",
    "sqlalchemy", "sqlite3", "subprocess", "tempfile", "threading", "urllib", "uuid", "weakref",
})  # fmt: skip
# Libraries of which it is seen what a call leaves in them.
_FOLLOWED = frozenset({
    "IPython", "matplotlib", "numpy", "pandas", "polars", "pylab", "random", "seaborn", "time",
    "warnings", "sys", "scipy",
})  # fmt: skip
# Calls that read and write files, also where a library does that by itself.
_FILES = re.compile(
    r"(read|scan|write|sink|load|save|dump)_(csv|table|excel|parquet|json|ndjson|feather|ipc|avro|pickle|fwf|hdf|orc"
    r"|html|xml|sql\w*|text|bytes|database\w*|delta|stata|spss)|to_(csv|excel|parquet|pickle|feather|sql|hdf|stata|orc)"
    r"|savefig|savez|savez_compressed|savetxt|loadtxt|genfromtxt|memmap|fromfile|tofile|open|iterdir|glob|rglob|mkdir"
    r"|unlink|urlopen|urlretrieve|touch"
)
_SIMPLE = (ast.Constant, ast.UnaryOp, ast.BinOp, ast.operator, ast.unaryop, ast.Tuple, ast.Load)


@fixed
class Placement:
    """What the text of a cell says: may it leave, does it go along with others, or why does it stay?"""

    # Does it do nothing but import and define? Then whoever uses that takes its text along.
    prelude: bool = False
    stays: str | None = None
    # What the modules are called that it imports.
    roots: frozenset[str] = frozenset()


def placement(source: str, facts: CellFacts) -> Placement:
    tree = _tree(source)
    if facts.problem is not None:
        return Placement(stays="Python cannot read it")
    if facts.sessions or any(name.startswith("table:") for name in facts.reads | facts.writes):
        return Placement(stays="it is SQL, whose connection is this kernel's")
    if tree is None:
        return Placement(stays="it is not plain Python: magics and shell commands are this kernel's")
    roots = frozenset(_roots(tree))
    if tree.body and all(map(_defines, tree.body)):
        return Placement(prelude=not _own(roots), stays=_stays(tree, facts, roots), roots=roots)
    return Placement(stays=_stays(tree, facts, roots), roots=roots)


def of_history(name: str) -> bool:
    """Does the name belong to the session: `_`, `Out`, `In`?"""
    return of_the_session(name) and not name.startswith("__")


@lru_cache(maxsize=4096)
def _tree(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _stays(tree: ast.Module, facts: CellFacts, roots: frozenset[str]) -> str | None:
    changed = sorted(facts.mutates & facts.reads)
    if changed:
        return f"it changes `{changed[0]}` in place"
    if gone := sorted(facts.deletes & (facts.reads | facts.deletes)):
        return f"it takes `{gone[0]}` away"
    if facts.dynamic or facts.manual:
        return "nobody can say from its text what it reads" if facts.dynamic else "it changes a world outside"
    if "open" in facts.builtins or any(_names_files(node) for node in ast.walk(tree)):
        return "it reads or writes files, which are those of this machine"
    if "get_ipython" in facts.builtins or "input" in facts.builtins:
        return "it asks this kernel's front end"
    if any(isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)) for node in _outside(tree)):
        return "it awaits in this kernel's event loop"
    if stateful := sorted(roots & _STATEFUL):
        return f"it uses `{stateful[0]}`, which keeps something of its own in the process"
    if own := _own(roots):
        return f"it imports `{own}`, a module of the notebook's own"
    return None


def _names_files(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and _FILES.fullmatch(node.attr) is not None


def effect(source: str, imported: dict[str, str]) -> str | None:
    """The call that the cell makes for its effect on a library, of which nobody sees it.

    `imported` says which library stands behind which name.
    """
    tree = _tree(source)
    for node in _outside(tree) if tree is not None else ():
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            root: ast.expr = node.value.func
            while isinstance(root, (ast.Attribute, ast.Subscript)):
                root = root.value
            library = imported.get(root.id) if isinstance(root, ast.Name) else None
            if library is not None and library not in _FOLLOWED:
                return library
    return None


@lru_cache(maxsize=4096)
def libraries(source: str) -> dict[str, str]:
    """Which library stands behind which name that the source imports."""
    found: dict[str, str] = {}
    tree = _tree(source)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            found |= {(each.asname or each.name.partition(".")[0]): _root(each.name) for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {(each.asname or each.name): _root(node.module) for each in node.names}
    return found


def imported(source: str) -> list[str]:
    """The modules that the source imports."""
    tree = _tree(source)
    found: list[str] = []
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append(node.module)
    return found


def stateful(library: str) -> bool:
    """Does the library keep something of its own in the process?"""
    return library in _STATEFUL


def _root(name: str) -> str:
    return name.partition(".")[0]


def _roots(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (_root(each.name) for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level or node.module is None else _root(node.module)


def _outside(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes outside of functions and classes."""
    todo = list(ast.iter_child_nodes(tree))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            todo += ast.iter_child_nodes(node)


@lru_cache(maxsize=1024)
def _is_own(root: str) -> bool:
    from .travel import within  # it looks at the disk

    try:
        spec = importlib.util.find_spec(root)
    except (ImportError, ValueError):
        return True
    if spec is None:
        return True
    if spec.origin in ("built-in", "frozen"):
        return False
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
    return not places or not within(places[0])


def _own(roots: frozenset[str]) -> str | None:
    return next((root for root in sorted(roots) if root == "." or _is_own(root)), None)


# What imports and defines, and does nothing else


def _defines(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import):
        return True
    if isinstance(node, ast.ImportFrom):
        return node.module != "__future__" and all(each.name != "*" for each in node.names)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return _plain_function(node)
    if isinstance(node, ast.ClassDef):
        return _plain_class(node)
    return _sets_constant(node)


def _plain_function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    defaults = [*node.args.defaults, *(each for each in node.args.kw_defaults if each is not None)]
    return not node.decorator_list and all(map(_constant, defaults))


def _plain_class(node: ast.ClassDef) -> bool:
    if node.decorator_list or node.keywords or getattr(node, "type_params", None):
        return False
    if not all(
        isinstance(base, ast.Name) and base.id in ("object", "Exception", "ValueError") for base in node.bases
    ):
        return False
    return all(_defines(each) or isinstance(each, ast.Pass) or _says(each) for each in node.body)


def _says(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _sets_constant(node: ast.stmt) -> bool:
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and node.value is not None and _constant(node.value)
    return (
        isinstance(node, ast.Assign)
        and all(isinstance(target, ast.Name) for target in node.targets)
        and _constant(node.value)
    )


def _constant(node: ast.AST) -> bool:
    """Is it a value that nobody can change, and that is the same wherever it is made?"""
    return all(isinstance(each, _SIMPLE) for each in ast.walk(node)) and not isinstance(node, ast.operator)
