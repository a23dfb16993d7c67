"""What stands around the notebook and is followed all the same: modules of one's own, and what cells patch.

`module:NAME` is what the modules of that package keep to themselves, as far as the notebook's people wrote
them. `around:` is what cells have set in modules and classes of libraries, and put among `sys.modules`.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any, Final, TypeAlias

from .cell import Resource
from .identity import identity
from .shapes import is_own, shape

PATCHED: Final[Resource] = "around:"
OF_MODULES: Final = "module:"

# Where something is set: a global name, and the attributes that lead from there to what gets it.
Path: TypeAlias = tuple[str, ...]

_SETS: Final = re.compile(
    r"\.\s*\w+\s*(?:,[^=\n]*|:[^=\n]*|[^\w\s=(),.:\]})]{0,3})=(?!=)|\bsetattr\b|\bdelattr\b|\bdel\b|register|__dict__|\bvars\b"
)
_METHOD: Final = re.compile(r"\bdef\s+\w+\s*\(\s*self\b")
_SELF: Final = re.compile(r"\bself\s*\.\s*")
_TABLE: Final = re.compile(r"\bmodules\b")
_ACCESSOR: Final = re.compile(r"\bregister_(dataframe|series|index)_accessor\b")
_ACCESSED: Final = {"dataframe": "DataFrame", "series": "Series", "index": "Index"}
_WORD: Final = re.compile(r"[^\W\d]\w*")
_NO_CODE: Final = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)
_ABSENT: Final = object()


class Around:
    """Knows the modules of one's own that were imported, and what the sources set things in."""

    def __init__(self) -> None:
        # What was there before the first cell is the machinery's.
        self._known = set(sys.modules)
        self._modules: dict[Resource, tuple[ModuleType, ...]] = {}
        self._ids: dict[Resource, set[int]] = {}
        self._suspects: dict[int, object] = {}
        # Sources that set something in what was not there yet.
        self._pending: dict[str, None] = {}

    # Modules of one's own

    def arrivals(self) -> dict[Resource, tuple[ModuleType, ...]]:
        """The modules of one's own that came since somebody asked, with those of the same package."""
        if len(sys.modules) == len(self._known):
            return {}
        fresh = [name for name in tuple(sys.modules) if name not in self._known]
        self._known = set(sys.modules)
        found: dict[Resource, tuple[ModuleType, ...]] = {}
        for name in fresh:
            module = sys.modules.get(name)
            if type(module) is ModuleType and is_own(name):
                resource = f"{OF_MODULES}{name.partition('.')[0]}"
                found[resource] = self._modules[resource] = (*self._modules.get(resource, ()), module)
                self._ids.setdefault(resource, set()).add(identity(module))
        return found

    @property
    def any(self) -> bool:
        """Is there any module of one's own?"""
        return bool(self._modules)

    def modules(self, resource: Resource) -> tuple[ModuleType, ...]:
        return self._modules.get(resource, ())

    def named(self, source: str) -> set[Resource]:
        """Modules of one's own that a source speaks of."""
        if not self._modules:
            return set()
        words = {f"{OF_MODULES}{word}" for word in _WORD.findall(source)}
        return words & self._modules.keys()

    def behind(self, ids: frozenset[int]) -> set[Resource]:
        """Modules of one's own that are among those objects."""
        return {resource for resource, members in self._ids.items() if not members.isdisjoint(ids)}

    # What is patched

    def suspects(self, source: str, live: Mapping[str, object]) -> list[object]:
        """What this source and those before it set something in, of modules and classes of libraries."""
        sets, reaches = _speaks(source)
        if sets or reaches:
            self._pending.setdefault(source)
        for each in tuple(self._pending):
            for value in _set_in(each, live):
                self._suspects.setdefault(identity(value), value)
            if not _waits(each, live):
                del self._pending[each]
        return [*self._suspects.values()]

    def may_miss(self, source: str) -> bool:
        """Might there be anything of that sort at all?"""
        return _speaks(source)[0]

    def missed(self, source: str, live: Mapping[str, object]) -> str | None:
        """Something of a library that the source set something in, and that nobody looked at before."""
        if not _speaks(source)[0]:
            return None
        found = [value for value in _set_in(source, live) if identity(value) not in self._suspects]
        self._suspects.update({identity(value): value for value in found})
        return _name_of(found[0]) if found else None


@lru_cache(maxsize=1024)
def _speaks(source: str) -> tuple[bool, bool]:
    """May a source set something, and does it speak of what has libraries hold something new?"""
    # What functions are given is nobody's module (see `_places`): what methods set is soon passed over.
    told = _SELF.sub("", source) if _METHOD.search(source) else source
    return _SETS.search(told) is not None, bool(_TABLE.search(source) or _ACCESSOR.search(source))


def _name_of(value: Any) -> str:
    return str(value.__name__)


def _set_in(source: str, live: Mapping[str, object]) -> Iterator[object]:
    """What of libraries a source sets something in, as far as that is there."""
    paths, imports = _places(source)
    for path in paths:
        value = _follow(_root(path[0], imports, live), path[1:])
        if isinstance(value, (ModuleType, type)) and shape(value).around:
            yield value
    if _TABLE.search(source):
        yield sys.modules
    pandas = sys.modules.get("pandas")
    for word in _ACCESSOR.findall(source) if pandas is not None else ():
        yield vars(pandas)[_ACCESSED[word]]


def _waits(source: str, live: Mapping[str, object]) -> bool:
    """Does it set something in what is not there yet?"""
    paths, imports = _places(source)
    return any(_root(path[0], imports, live) is _ABSENT for path in paths)


@lru_cache(maxsize=1024)
def _places(source: str) -> tuple[tuple[Path, ...], Mapping[str, tuple[str, str]]]:
    """Where a source sets attributes, and what its names are imported from: a module, and a name there."""
    try:
        tree = ast.parse(_NO_CODE.sub(r"\1pass", source))
    except (SyntaxError, ValueError):
        return (), {}
    nodes = list(ast.walk(tree))
    paths = {path: None for node in nodes for owner in _owners(node) if (path := _path(owner))}
    given = {node.arg for node in nodes if isinstance(node, ast.arg)}
    return tuple(path for path in paths if path[0] not in given), dict(_imports(nodes))


def _owners(node: ast.AST) -> Iterator[ast.AST]:
    """What gets an attribute set, or hands out where it keeps them."""
    if isinstance(node, ast.Attribute):
        if isinstance(node.ctx, (ast.Store, ast.Del)) or node.attr in ("__dict__", "register"):
            yield node.value
    elif isinstance(node, ast.Call) and node.args:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in ("setattr", "delattr", "vars", "__setattr__", "__delattr__", "object"):
            yield node.args[0]


def _path(node: ast.AST) -> Path:
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return (node.id, *reversed(attributes)) if isinstance(node, ast.Name) else ()


def _imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, tuple[str, str]]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                yield (alias.asname, (alias.name, "")) if alias.asname else (root, (root, ""))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, (node.module, alias.name)


def _root(name: str, imports: Mapping[str, tuple[str, str]], live: Mapping[str, object]) -> object:
    module, attribute = imports.get(name, ("", ""))
    if not module:
        return live.get(name, _ABSENT)
    found = sys.modules.get(module, _ABSENT)
    return _follow(found, (attribute,)) if attribute else found


def _follow(value: object, path: Path) -> object:
    """Go through modules and classes; runs nobody's code."""
    for name in path:
        if isinstance(value, ModuleType):
            held = vars(value)
            value = held.get(name, sys.modules.get(f"{held.get('__name__')}.{name}", _ABSENT))
        elif isinstance(value, type):
            value = next((vars(each)[name] for each in value.__mro__ if name in vars(each)), _ABSENT)
        else:
            return _ABSENT
    return value
