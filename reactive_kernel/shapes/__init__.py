"""How each type keeps its state: what it holds, how to note it, how to tell a change, how to put it back."""

from .own import is_own
from .shape import ATOMS, CannotRestore, Shape, hashes_itself, is_atom
from .table import ATOM, CACHED, Extension, changed_by_name, extend, package_of, shape

__all__ = [
    "ATOM",
    "ATOMS",
    "CACHED",
    "CannotRestore",
    "Extension",
    "Shape",
    "changed_by_name",
    "extend",
    "hashes_itself",
    "is_atom",
    "is_own",
    "package_of",
    "shape",
]
