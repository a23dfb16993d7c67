"""Says from the words of a cell (`analysis/verbs.py`) what it cannot have done.

Looking changes nothing. A call does not where what is really behind its name is known (`manners.py`) to leave
its arguments alone.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Final

from .analysis.verbs import CALLERS, is_suspect
from .fixed import fixed
from .manners import METHOD_MANNERS, TURNING_METHODS, UNHARMED, Manner, known, package_of
from .shapes import is_atom

LookUp = Callable[[str], object]

_NONE: Final[frozenset[str]] = frozenset()
# Kinds of objects that run nobody's code; those of libraries are nobody's settings, as a list may be.
_OF_LIBRARIES: Final = frozenset(("array", "frame", "polars", "arrow"))
_STILL: Final = _OF_LIBRARIES | {"steady", "module"}
_ITEMS: Final = frozenset(("item=", "del item", "+="))


@fixed
class _Call:
    """A call by a path: from a global name, or from a module, and then the root ends with a colon."""

    root: str
    path: tuple[str, ...]
    count: int | None

    @property
    def name(self) -> str:
        return self.path[-1] if self.path else self.root


@fixed
class _Question:
    """What is left to ask when the words alone are harmless: what the names stand for."""

    kinds: frozenset[str]
    calls: tuple[_Call, ...] = ()
    passed: tuple[_Call, ...] = ()
    # Is something handed to what may call it? Are methods called of what may be a module by another name?
    hands: bool = False
    aliased: bool = False


def harmless(verbs: frozenset[str], kinds: frozenset[str], look_up: LookUp) -> bool:
    """Can a run that did this not have changed any object of these kinds?

    `look_up` says what a global name stands for, or raises LookupError. It is asked for plain names only, and
    only for names that the cell does not bind. Nobody's code is run.
    """
    question = _question(verbs, kinds)
    return question is not None and _is_harmless(question, look_up)


def turns_nothing(verbs: frozenset[str], kinds: frozenset[str], look_up: LookUp, *, imports: bool) -> bool:
    """Can a run that did this neither have set nor drawn from anything that the whole process goes by?

    `imports`: it imports something, and may so have got hold of anything.
    """
    kinds -= {"atom"}
    if not kinds <= _STILL or _names_turning(verbs):
        return False
    # An item is set in something of those kinds, unless it is in what a path through a module leads to.
    if not imports and kinds <= _OF_LIBRARIES | {"module"} and not verbs.isdisjoint(_ITEMS):
        if any(_leads_into_module(verb, look_up) for verb in verbs):
            return False
        verbs -= _ITEMS
    # With modules among what it reads all calls count, and whatever is set in one of them.
    question = _question(verbs, kinds | {"module"})
    if question is None or not _is_harmless(question, look_up):
        return False
    return not any(_turns(call, look_up) for call in (*question.calls, *question.passed))


@lru_cache(maxsize=4096)
def _names_turning(verbs: frozenset[str]) -> bool:
    """Is there a method by whose name something is drawn?"""
    names = (verb.rpartition("(")[0] if verb[-1] == ")" else verb for verb in verbs)
    return any("." in name and name.rpartition(".")[2] in TURNING_METHODS for name in names)


def _leads_into_module(verb: str, look_up: LookUp) -> bool:
    """Is it a reference to something in a module that may change?"""
    if verb[0] != "&" or verb in ("&()", "&?", "&?."):
        return False
    reference = _parse(verb[1:], None)
    root = _root(reference, look_up)
    return isinstance(root, ModuleType) and not is_atom(_follow(root, reference.path)[0])


def _turns(call: _Call, look_up: LookUp) -> bool:
    manner = _manner_of(*_follow(_root(call, look_up), call.path))
    return manner is not None and manner.turns


@lru_cache(maxsize=4096)
def _question(verbs: frozenset[str], kinds: frozenset[str]) -> _Question | None:
    """What remains to be asked; None where the words alone say that something may have changed."""
    kinds -= {"atom"}
    if not kinds:
        return _Question(kinds)
    calls: list[_Call] = []
    passed: list[_Call] = []
    others: set[str] = set()
    methods = aliased = False
    for verb in verbs:
        if verb[0] == "&":
            others.add(verb) if verb in ("&()", "&?", "&?.") else passed.append(_parse(verb[1:], None))
        elif verb[-1] == ")" and verb[0] != "?":
            path, _, count = verb[:-1].rpartition("(")
            call = _parse(path, 1 if not count else None if count == "*" else int(count))
            methods = methods or bool(call.path)
            if call.root:
                calls.append(call)
            elif _is_harmless_method(call, kinds):
                aliased = True
            else:
                return None
        elif not kinds <= UNHARMED.get(verb, _NONE):
            return None
    question = _Question(
        kinds, tuple(calls), tuple(passed) if methods or "&()" in others else (), "&()" in others, aliased
    )
    # What a name stood for before the cell bound it anew, nobody can tell any more.
    lost = "&?" in others and (aliased or (methods and "polars" in kinds))
    return None if lost or (question.hands and not others.isdisjoint(("&?", "&?."))) else question


def _is_harmless(question: _Question, look_up: LookUp) -> bool:
    kinds = question.kinds
    for call in question.calls:
        if not _is_harmless_call(call, kinds, look_up):
            return False
    return all(_is_harmless_to_pass(each, kinds, look_up, question) for each in question.passed)


def _parse(path: str, count: int | None) -> _Call:
    module, colon, rest = path.rpartition(":")
    if colon:
        return _Call(f"{module}:", tuple(rest.split(".")) if rest else (), count)
    root, *attributes = path.split(".")
    return _Call(root, tuple(attributes), count)


_NOTHING: Final = object()


def _root(call: _Call, look_up: LookUp) -> object:
    if call.root[-1] == ":":
        return sys.modules.get(call.root[:-1], _NOTHING)
    try:
        return look_up(call.root)
    except LookupError:
        return vars(builtins).get(call.root, _NOTHING)


def _follow(value: object, path: tuple[str, ...]) -> tuple[object, tuple[str, ...]]:
    """Go through modules as far as the path does; return what is there and the rest of the path."""
    for at, name in enumerate(path):
        if not isinstance(value, ModuleType):
            return value, path[at:]
        held = vars(value)
        value = held[name] if name in held else sys.modules.get(f"{held.get('__name__')}.{name}", _NOTHING)
    return value, ()


def _is_harmless_call(call: _Call, kinds: frozenset[str], look_up: LookUp) -> bool:
    value, rest = _follow(_root(call, look_up), call.path)
    if rest and not isinstance(value, type):
        return value is not _NOTHING and _is_harmless_method(call, kinds)
    manner = _manner_of(value, rest)
    if manner is None:
        return _is_exception(value) and not rest
    # Under another name nobody has seen what it was given to call.
    return _allows(manner, call.count, kinds) and (not manner.calls or call.name in CALLERS)


def _manner_of(value: object, rest: tuple[str, ...]) -> Manner | None:
    if not rest:
        return known.function(value)
    return known.attribute(value, rest[0]) if isinstance(value, type) and len(rest) == 1 else None


def _is_exception(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException) and value.__module__ == "builtins"


def _is_harmless_method(call: _Call, kinds: frozenset[str]) -> bool:
    manner = METHOD_MANNERS.get(call.path[-1])
    return manner is not None and _allows(manner, call.count, kinds)


def _allows(manner: Manner, count: int | None, kinds: frozenset[str]) -> bool:
    if manner.most is not None and (count is None or count > manner.most):
        return False
    return kinds <= manner.unharmed


def _is_harmless_to_pass(passed: _Call, kinds: frozenset[str], look_up: LookUp, question: _Question) -> bool:
    """May a value be passed on, under names that nobody follows?"""
    value, rest = _follow(_root(passed, look_up), passed.path)
    if isinstance(value, ModuleType):
        return not (question.hands or question.aliased)
    if rest and not isinstance(value, type):
        return not (question.hands and is_suspect(rest[-1]))
    if not question.hands or not callable(value):
        return not _is_recipe(value)
    manner = _manner_of(value, rest)
    if manner is None:
        return isinstance(value, type) and issubclass(value, BaseException) and not rest
    # Nobody has counted the arguments that it will get.
    return manner.most is None and _allows(manner, None, kinds)


def _is_recipe(value: object) -> bool:
    """Is it something of polars that may hold functions, to be called when it is applied?"""
    kind = type(value)
    return (
        kind.__name__ in ("Expr", "LazyFrame", "When", "Then", "ChainedThen")
        and package_of(kind.__module__) == "polars"
    )
