"""Functions behind values: which global names calling what a name holds may touch."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from dis import opmap
from functools import lru_cache
from types import (
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
    NoneType,
)

from .cell import CellFacts, Latent, Resource
from .identity import identity
from .shapes import shape

# So many objects behind one name are searched for functions.
_SEARCHED = 2000
_ATOMS: frozenset[type] = frozenset(
    (int, float, complex, bool, str, bytes, bytearray, range, NoneType, BuiltinFunctionType, ModuleType)
)
# Libraries whose objects hold data rather than the notebook's functions.
_OF_LIBRARIES = frozenset(("numpy", "pandas", "polars", "pyarrow", "matplotlib", "torch", "scipy"))


def latent_of(
    values: Mapping[Resource, object], live: dict[str, object], facts: CellFacts
) -> dict[Resource, Latent]:
    """What calling the functions that can be reached from the new values may touch."""
    result: dict[Resource, Latent] = {}
    for name, value in values.items():
        if type(value) in _ATOMS:
            continue
        reads: set[str] = set()
        writes: set[str] = set()
        for code in _codes(value, live):
            loaded, stored = globals_of(code)
            reads |= loaded
            writes |= stored
        if reads or writes:
            # Which globals a function changes in place, only its source can say.
            writes |= facts.latent.get(name, Latent()).writes
            result[name] = Latent(frozenset(reads), frozenset(writes))
    return result


def _codes(value: object, live: dict[str, object]) -> Iterator[CodeType]:
    """The code of every function of the notebook that can be reached from a value."""
    seen: set[int] = {identity(live)}
    todo = [value]
    while todo and len(seen) < _SEARCHED:
        found = todo.pop()
        kind = type(found)
        if kind in _ATOMS or identity(found) in seen:
            continue
        seen.add(identity(found))
        if kind is FunctionType:
            if found.__globals__ is live:  # type: ignore[attr-defined]  # by its kind
                yield found.__code__  # type: ignore[attr-defined]  # by its kind
            todo += _around(found)  # type: ignore[arg-type]  # by its kind
        elif kind is MethodType:
            todo += (found.__func__, found.__self__)  # type: ignore[attr-defined]  # by its kind
        elif isinstance(found, type):
            if found.__module__ == "__main__":
                todo += vars(found).values()
                todo += found.__bases__
        elif kind.__module__ != "__main__" and (form := shape(found)).kind == "instance":
            # Through what a library keeps for itself one comes everywhere.
            todo += form.parts(found)
        elif kind.__module__.partition(".")[0] not in _OF_LIBRARIES:
            if kind is GeneratorType or kind is CoroutineType:
                yield found.gi_code if kind is GeneratorType else found.cr_code  # type: ignore[attr-defined]  # by its kind
            todo.append(kind)
            held = gc.get_referents(found)
            if not _ATOMS.issuperset(map(type, held)):
                todo += held


def _around(function: FunctionType) -> Iterator[object]:
    """What a function holds besides its code and globals."""
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from function.__dict__.values()
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # noqa: PERF203  # an empty cell has no other way to say so
            continue


_LOAD = opmap["LOAD_GLOBAL"]
_STORES = frozenset((opmap["STORE_GLOBAL"], opmap["DELETE_GLOBAL"]))
_NAMED = frozenset(code for name, code in opmap.items() if name in ("LOAD_NAME", "LOAD_CLASSDICT_OR_GLOBAL"))
_EXTENDED = opmap["EXTENDED_ARG"]
_STORE_NAME = opmap["STORE_NAME"]
_OWN_LOCALS = 0x2


@lru_cache(maxsize=4096)
def globals_of(code: CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """The global names that a code object, with those inside it, loads and stores."""
    loaded: set[str] = set()
    stored: set[str] = set()
    instructions = code.co_code
    extended = 0
    for at in range(0, len(instructions), 2):
        operation, argument = instructions[at], instructions[at + 1] | extended
        extended = argument << 8 if operation == _EXTENDED else 0
        if operation == _LOAD:
            loaded.add(code.co_names[argument >> _LOAD_SHIFT])
        elif operation in _NAMED:
            loaded.add(code.co_names[argument])
        elif operation in _STORES:
            stored.add(code.co_names[argument])
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner_loaded, inner_stored = globals_of(constant)
            loaded |= inner_loaded
            stored |= inner_stored
    return frozenset(loaded), frozenset(stored)


@lru_cache(maxsize=1024)
def stored_by(code: CodeType) -> frozenset[str]:
    """The names that a module's code binds where it runs."""
    if code.co_flags & _OWN_LOCALS:
        return frozenset()
    found: set[str] = set()
    extended = 0
    for at in range(0, len(code.co_code), 2):
        operation, argument = code.co_code[at], code.co_code[at + 1] | extended
        extended = argument << 8 if operation == _EXTENDED else 0
        if operation == _STORE_NAME:
            found.add(code.co_names[argument])
    return frozenset(found)


def _shift_of_load() -> int:
    """Since 3.11 the lowest bit of LOAD_GLOBAL's argument says something else."""
    # It is compiled, and never runs.
    code: CodeType = (lambda: (first, second)).__code__  # type: ignore[name-defined]  # noqa: F821
    arguments = [code.co_code[at + 1] for at in range(0, len(code.co_code), 2) if code.co_code[at] == _LOAD]
    return 1 if max(arguments) > 1 else 0


_LOAD_SHIFT = _shift_of_load()
