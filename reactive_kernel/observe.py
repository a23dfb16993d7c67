"""What a run really read and wrote, as opposed to what its source promised."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
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
from typing import Final

from .cell import NOTHING, CellFacts, CellId, Latent, Observation, Resource
from .event import Run
from .namespace import Namespace, of_the_session

_ABSENT: Final = object()
# So many objects behind one name are searched for functions.
_SEARCHED = 2000
_ATOMS: frozenset[type] = frozenset(
    (int, float, complex, bool, str, bytes, bytearray, range, NoneType, BuiltinFunctionType, ModuleType)
)
# Builtins through which code reaches names that it does not spell out.
_REFLECTIVE = frozenset(("eval", "exec", "globals", "get_ipython"))
# Those of them (the last three: at a cell's own top level) whose reads nobody can see.
_UNSEEN = frozenset(("globals",))
_UNSEEN_AT_TOP = frozenset(("dir", "locals", "vars"))
# Libraries whose objects hold data rather than the notebook's functions.
_OF_LIBRARIES = frozenset(("numpy", "pandas", "polars", "pyarrow", "matplotlib", "torch", "scipy"))


@dataclass(frozen=True)
class Watch:
    """What stood in the namespace when a run began, as far as the run is expected to touch it."""

    before: Mapping[Resource, object]
    # The newest name that stays: whatever the run adds comes after it.
    newest: str | None
    everything: bool


def looks_up_names(run: Run) -> bool:
    """May the run reach names that no source spells out?"""
    return run.facts.dynamic or not _REFLECTIVE.isdisjoint(run.inputs)


def watch(live: dict[str, object], run: Run) -> Watch:
    """Look at the namespace before a run."""
    if looks_up_names(run):
        _executed.start()
        return Watch(dict(live), None, True)
    expected = run.facts.writes | run.touches | run.facts.reads
    # A name that the run may delete or bind anew would not stay where it is.
    newest = next((name for name in reversed(live) if name not in expected), None)
    return Watch({name: live.get(name, _ABSENT) for name in expected}, newest, False)


def observe(seen: Watch, names: Namespace, run: Run, error: BaseException | None) -> Observation:
    """Compare the namespace after a run with what stood there before."""
    live, cell, facts = names.live, run.cell, run.facts
    promised = facts.writes - facts.mutates - facts.deletes
    bound = {name for name in promised if name in live}
    for name, value in _current(seen, live):
        if seen.before.get(name, _ABSENT) is not value and not of_the_session(name):
            bound.add(name)
    deleted = {
        name
        for name, value in seen.before.items()
        if name not in live and (value is not _ABSENT or name in facts.deletes) and not of_the_session(name)
    }
    changed = {name for name in facts.mutates - bound if name in live}
    held = names.holders({id(live[name]) for name in changed}) if changed else set[tuple[CellId, str]]()
    return Observation(
        bound=frozenset(bound),
        deleted=frozenset(deleted),
        changed=frozenset(changed),
        equal=frozenset(name for name in bound if same(names.version(cell, name), live[name])),
        # What the graph knew already it knows better: through which function, and so for how long.
        reads=(_missed(error) | _executed.stop()) - run.inputs.keys(),
        latent=_latent(bound, live, facts),
        spent=frozenset(held - {(cell, name) for name in changed}),
        unproven=_unproven(run),
    )


def _current(seen: Watch, live: dict[str, object]) -> Iterator[tuple[str, object]]:
    """The names whose binding may be another than before."""
    if seen.everything:
        yield from live.items()
        return
    for name in seen.before:
        if name in live:
            yield name, live[name]
    for name in reversed(live):
        if name == seen.newest:
            return
        yield name, live[name]


def _missed(error: BaseException | None) -> frozenset[Resource]:
    """A name that the run looked for in vain is a read of it."""
    name = error.name if type(error) is NameError else None
    return frozenset((name,)) if isinstance(name, str) else NOTHING


def _unproven(run: Run) -> str | None:
    """Why nobody can say what the run read, if so."""
    session = sorted(name for name, maker in run.inputs.items() if maker is None and _of_history(name))
    if session:
        return f"It reads `{session[0]}`, which belongs to this session and not to the notebook."
    unseen = _UNSEEN & run.inputs.keys()
    if run.facts.dynamic:
        unseen |= _UNSEEN_AT_TOP & run.facts.builtins
    if not unseen and "get_ipython" in run.inputs and "user_ns" in run.source:
        unseen = frozenset(("user_ns",))
    if not unseen:
        return None
    return (
        f"It looks names up with `{min(unseen)}`: nobody can say what it reads. Name what it needs instead."
    )


def _of_history(name: Resource) -> bool:
    return of_the_session(name) and not name.startswith("__")


class _Executed:
    """Collects the names that code made from strings reads, while a run is watched for it."""

    def __init__(self) -> None:
        self._installed = False
        self._thread: int | None = None
        self._codes: list[CodeType] = []

    def start(self) -> None:
        if not self._installed:
            # There is no way to take a hook out again, so it comes when it is first needed and has a switch.
            self._installed = True
            sys.addaudithook(self._hear)
        self._codes = []
        self._thread = threading.get_ident()

    def stop(self) -> frozenset[Resource]:
        if self._thread is None:
            return NOTHING
        self._thread = None
        return frozenset(name for code in self._codes for name in _globals_of(code)[0])

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if event != "exec" or self._thread != threading.get_ident():
            return
        code = arguments[0]
        if isinstance(code, CodeType) and code.co_filename.startswith("<"):
            self._codes.append(code)


_executed = _Executed()


# Functions behind values


def _latent(bound: Iterable[str], live: dict[str, object], facts: CellFacts) -> dict[Resource, Latent]:
    """What calling the functions that can be reached from the new values may touch."""
    result: dict[Resource, Latent] = {}
    for name in bound:
        value = live[name]
        if type(value) in _ATOMS:
            continue
        reads: set[str] = set()
        writes: set[str] = set()
        for code in _codes(value, live):
            loaded, stored = _globals_of(code)
            reads |= loaded
            writes |= stored
        if reads or writes:
            # Which globals a function changes in place, only its source can say.
            writes |= facts.latent.get(name, Latent()).writes
            result[name] = Latent(frozenset(reads), frozenset(writes))
    return result


def _codes(value: object, live: dict[str, object]) -> Iterator[CodeType]:
    """The code of every function of the notebook that can be reached from a value."""
    seen: set[int] = {id(live)}
    todo = [value]
    while todo and len(seen) < _SEARCHED:
        found = todo.pop()
        kind = type(found)
        if kind in _ATOMS or id(found) in seen:
            continue
        seen.add(id(found))
        if kind is FunctionType:
            if found.__globals__ is live:  # type: ignore[attr-defined]
                yield found.__code__  # type: ignore[attr-defined]
            todo += _around(found)  # type: ignore[arg-type]
        elif kind is MethodType:
            todo += (found.__func__, found.__self__)  # type: ignore[attr-defined]
        elif isinstance(found, type):
            if found.__module__ == "__main__":
                todo += vars(found).values()
                todo += found.__bases__
        elif kind.__module__.partition(".")[0] not in _OF_LIBRARIES:
            if kind is GeneratorType or kind is CoroutineType:
                yield found.gi_code if kind is GeneratorType else found.cr_code  # type: ignore[attr-defined]
            todo.append(kind)
            todo += gc.get_referents(found)


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


@lru_cache(maxsize=4096)
def _globals_of(code: CodeType) -> tuple[frozenset[str], frozenset[str]]:
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
            inner_loaded, inner_stored = _globals_of(constant)
            loaded |= inner_loaded
            stored |= inner_stored
    return frozenset(loaded), frozenset(stored)


def _shift_of_load() -> int:
    """Since 3.11 the lowest bit of LOAD_GLOBAL's argument says something else."""
    code: CodeType = (lambda: (first, second)).__code__  # type: ignore[name-defined]  # noqa: F821
    arguments = [code.co_code[at + 1] for at in range(0, len(code.co_code), 2) if code.co_code[at] == _LOAD]
    return 1 if max(arguments) > 1 else 0


_LOAD_SHIFT = _shift_of_load()


# Equality that runs nobody's code

_SIMPLE: Mapping[type, Callable[[object, object], bool]] = {
    **dict.fromkeys((int, bool, str, bytes, range), lambda a, b: a == b),
    # `repr` tells -0.0 from 0.0, and holds one NaN equal to another.
    **dict.fromkeys((float, complex), lambda a, b: repr(a) == repr(b)),
}


def same(old: object, new: object, depth: int = 20) -> bool:
    """Are two values soundly equal: immutable, of the same types all the way down, and alike?"""
    if old is new:
        return True
    kind = type(old)
    if kind is not type(new):
        return False
    if simple := _SIMPLE.get(kind):
        return simple(old, new)
    if kind is tuple:
        return (
            depth > 0
            and len(old) == len(new) <= _SEARCHED  # type: ignore[arg-type]
            and all(same(a, b, depth - 1) for a, b in zip(old, new))  # type: ignore[call-overload]
        )
    if kind is FunctionType:
        return _same_function(old, new)  # type: ignore[arg-type]
    return False


def _same_function(old: FunctionType, new: FunctionType) -> bool:
    return (
        old.__code__ == new.__code__
        and old.__globals__ is new.__globals__
        and old.__closure__ is None
        and new.__closure__ is None
        and not old.__dict__
        and not new.__dict__
        and old.__qualname__ == new.__qualname__
        and old.__doc__ == new.__doc__
        and same(old.__defaults__, new.__defaults__)
        and old.__kwdefaults__ is None
        and new.__kwdefaults__ is None
        and not old.__annotations__
        and not new.__annotations__
    )
