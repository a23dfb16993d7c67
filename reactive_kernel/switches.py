"""IPython's own settings as dials: how values are shown, which magics there are, what runs around cells.

What the notebook registered is followed and taken back. What libraries register, most of them when they are
loaded, stays like what they do when they are imported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, MutableSequence
from itertools import chain
from operator import is_
from typing import Any, Final

from .dials import Dial

# Hints about a run that are no modules.
SHOWS: Final = "ipython.shows"
MAGICS: Final = "ipython.magics"

HOOKS: Final = (
    "The notebook has IPython call functions around every cell (`events.register`, a transformer), and what"
    " these do is not seen."
)

_ABSENT: Final = object()
_TEXT: Final = (
    "pprint",
    "max_width",
    "max_seq_length",
    "float_format",
    "float_precision",
    "newline",
    "verbose",
)
_SHELL: Final = ("ast_node_interactivity", "autocall", "automagic")


def _is_own(function: object) -> bool:
    """Did the notebook bring it? `"{:.2f}".format` is from nowhere."""
    return getattr(function, "__module__", None) in (None, "__main__")


class _Table:
    """A registry: what the notebook put there, and what stood there before."""

    def __init__(self, live: dict[Any, Any]) -> None:
        self._live = live
        self._others: dict[Any, Any] = {}

    def held(self) -> Collection[object]:
        return self._live.values()

    def read(self) -> Mapping[Any, Any]:
        own = {key: value for key, value in self._live.items() if _is_own(value)}
        self._others.update({key: value for key, value in self._live.items() if key not in own})
        return own

    def write(self, wanted: Mapping[Any, Any]) -> None:
        for key in self.read().keys() - wanted.keys():
            before = self._others.get(key, _ABSENT)
            if before is _ABSENT:
                del self._live[key]
            else:
                self._live[key] = before
        self._live.update(wanted)


class _Row:
    """A list of functions: those of the notebook."""

    def __init__(self, live: MutableSequence[Any]) -> None:
        self._live = live

    def held(self) -> Collection[object]:
        return self._live

    def read(self) -> Mapping[Any, Any]:
        return dict(enumerate([each for each in self._live if _is_own(each)]))

    def write(self, wanted: Mapping[Any, Any]) -> None:
        self._live[:] = [*(each for each in self._live if not _is_own(each)), *wanted.values()]


class _Traits:
    """Settings of an object of IPython's, put back unheard: whoever hears of one sets others by it."""

    def __init__(self, owner: Any, names: Iterable[str]) -> None:
        self._owner = owner
        self._names = [name for name in names if owner.has_trait(name)]
        # Their values are where they can be looked at fast once somebody has asked for them.
        self.read()

    def held(self) -> Collection[object]:
        return [*map(self._owner._trait_values.get, self._names)]

    def read(self) -> Mapping[Any, Any]:
        return {name: getattr(self._owner, name) for name in self._names}

    def write(self, wanted: Mapping[Any, Any]) -> None:
        self._owner._trait_values.update(wanted)


_Group = _Table | _Row | _Traits


class _Registries(Dial):
    """Several registries and settings, as one state."""

    def __init__(self, shell: Any) -> None:
        self._all = [*self._find(shell)]
        self._traits = [each for each in self._all if isinstance(each, _Traits)]
        # Dictionaries' values and lists stay what they are, so that nobody need ask for them again.
        self._views = [each.held() for each in self._all if not isinstance(each, _Traits)]
        self._look: tuple[list[int], list[object]] = [], []
        self._state: tuple[Mapping[Any, Any], ...] | None = None

    def _find(self, shell: Any) -> Iterator[_Group]:
        raise NotImplementedError

    def read(self) -> tuple[Mapping[Any, Any], ...]:
        views = [*self._views, *[each.held() for each in self._traits]]
        lengths, were = self._look
        state = self._state
        if (
            state is None
            or [*map(len, views)] != lengths
            or not all(map(is_, chain.from_iterable(views), were))
        ):
            self._look = [*map(len, views)], [*chain.from_iterable(views)]
            self._state = state = tuple([each.read() for each in self._all])
        return state

    def write(self, state: tuple[Mapping[Any, Any], ...]) -> None:
        if state is self.read():
            return
        for each, wanted in zip(self._all, state):
            each.write(wanted)

    def alike(self, old: tuple[Mapping[Any, Any], ...], new: tuple[Mapping[Any, Any], ...]) -> bool:
        return old is new or all(map(_same, old, new))


def _same(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> bool:
    return old is new or (
        len(old) == len(new)
        and all(map(is_, old, new) if all(type(key) is type for key in old) else [[*old] == [*new]])
        and all(map(_is_same, old.values(), new.values()))
    )


def _is_same(one: object, other: object) -> bool:
    return one is other or (type(one) in (str, int, bool) and type(one) is type(other) and one == other)


class Showing(_Registries):
    """How values are shown."""

    resource = "options:IPython"
    read_under = frozenset((SHOWS,))

    def _find(self, shell: Any) -> Iterator[_Group]:
        for formatter in shell.display_formatter.formatters.values():
            yield _Table(formatter.type_printers)
            yield _Table(formatter.deferred_printers)
            yield _Table(formatter.singleton_printers)
            yield _Traits(formatter, ("enabled",))
        yield _Traits(shell.display_formatter.formatters["text/plain"], _TEXT)
        yield _Traits(shell, _SHELL)


class Magics(_Registries):
    """Which magics there are, and which functions of the notebook's own run around every cell."""

    resource = "magics:"
    read_under = frozenset((MAGICS,))

    def _find(self, shell: Any) -> Iterator[_Group]:
        yield from map(_Table, shell.magics_manager.magics.values())
        transformers = shell.input_transformer_manager
        self._around = [
            *map(_Row, shell.events.callbacks.values()),
            _Row(shell.ast_transformers),
            _Row(shell.input_transformers_post),
            _Row(transformers.cleanup_transforms),
            _Row(transformers.line_transforms),
            _Row(transformers.token_transformers),
        ]
        yield from self._around

    def concerns_all(self) -> bool:
        """Does something of the notebook's own run around every cell?"""
        return any(map(_is_own, chain.from_iterable([each.held() for each in self._around])))
