"""What calling the functions behind a value would read and write, told from their code."""

from __future__ import annotations

import dis
import gc
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import CodeType, FunctionType, GeneratorType, ModuleType
from typing import Any

from reactive_kernel.cell import CellFacts, Latent

# So many objects behind one name are searched for functions.
_SEARCHED = 2000
_READING = frozenset(("LOAD_GLOBAL", "LOAD_NAME", "LOAD_CLASSDICT_OR_GLOBAL"))
_WRITING = frozenset(("STORE_GLOBAL", "DELETE_GLOBAL"))


def latent_of(names: Iterable[str], live: dict[str, object], facts: CellFacts) -> Mapping[str, Latent]:
    """For each of these names that leads to functions: the globals that they would touch."""
    found: dict[str, Latent] = {}
    for name in names:
        touched = [_globals_of(code) for code in _codes(live[name], live)]
        reads = frozenset[str]().union(*(loaded for loaded, _ in touched))
        writes = frozenset[str]().union(*(stored for _, stored in touched))
        if reads or writes:
            # Which globals a function changes in place, only its source can say.
            found[name] = Latent(reads, writes | facts.latent.get(name, Latent()).writes)
    return found


def _codes(value: object, live: dict[str, object]) -> Iterator[CodeType]:
    seen = {id(live)}
    todo: list[Any] = [value]
    while todo and len(seen) < _SEARCHED:
        found = todo.pop()
        if id(found) in seen or isinstance(found, (ModuleType, str, int, float)):
            continue
        seen.add(id(found))
        if isinstance(found, FunctionType):
            if found.__globals__ is live:
                yield found.__code__
            todo += _around(found)
        elif isinstance(found, type):
            if found.__module__ == "__main__":
                todo += [*vars(found).values(), *found.__bases__]
        else:
            if isinstance(found, GeneratorType):
                yield found.gi_code
            todo += [type(found), *gc.get_referents(found)]


def _around(function: FunctionType) -> Iterator[object]:
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from function.__dict__.values()
    for cell in function.__closure__ or ():
        # An empty cell has referents, but none of them is there.
        yield from gc.get_referents(cell)


@lru_cache(maxsize=4096)
def _globals_of(code: CodeType) -> tuple[frozenset[str], frozenset[str]]:
    loaded: set[str] = set()
    stored: set[str] = set()
    for instruction in dis.get_instructions(code):
        if instruction.opname in _READING:
            loaded.add(instruction.argval)
        elif instruction.opname in _WRITING:
            stored.add(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            inner_loaded, inner_stored = _globals_of(constant)
            loaded |= inner_loaded
            stored |= inner_stored
    return frozenset(loaded), frozenset(stored)
