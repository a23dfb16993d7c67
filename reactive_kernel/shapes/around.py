"""What stands around the notebook: modules, and classes of libraries."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any, cast

from ..equality import same
from .classes import Class
from .hidden import Opaque
from .own import names_of
from .shape import Mutable


class Touched(Opaque):
    """What stands around the notebook, in a cell whose source changes it: who may have, did."""

    sees = True
    guesses = True

    def parts(self, value: Any) -> Iterable[object]:
        return ()

    def alike(self, value: Any, state: Any) -> bool:
        return False


class Module(Mutable):
    """A module whose own names a cell may set."""

    kind = "module"

    def take(self, value: Any) -> object:
        return dict(names_of(value))

    def alike(self, value: Any, state: Any) -> bool:
        # In whatever order: what was taken away and put back stands last.
        held = names_of(value)
        return len(held) == len(state) and all(
            name in state and state[name] is each for name, each in held.items()
        )

    def put(self, value: Any, state: Any) -> None:
        held = names_of(value)
        for name in held.keys() - state.keys():
            del held[name]
        held.update(state)

    def agree(self, one: Any, other: Any) -> bool:
        return _agree(one, other)

    def weight(self, state: Any) -> int:
        return 100 * len(state)


def _agree(one: Mapping[Any, object], other: Mapping[Any, object]) -> bool:
    """Do those who look up names there get as good as the same? To callers functions are what they do."""
    return one.keys() == other.keys() and all(same(held, other[name]) for name, held in one.items())


class LibraryClass(Class):
    """A class of a library."""

    def agree(self, one: Any, other: Any) -> bool:
        return one[1] is other[1] and one[2].keys() == other[2].keys() and _agree(one[0], other[0])


class Imported(Mutable):
    """`sys.modules`: what cells put there. What was imported stays imported."""

    def take(self, value: Any) -> object:
        return {name: held for name, held in list(value.items()) if not _is_imported(name, held)}

    def alike(self, value: Any, state: Any) -> bool:
        now = cast("dict[str, object]", self.take(value))
        return now.keys() == state.keys() and all(held is state[name] for name, held in now.items())

    def put(self, value: Any, state: Any) -> None:
        now = cast("dict[str, object]", self.take(value))
        for name in now.keys() - state.keys():
            del value[name]
        value.update(state)


def _is_imported(name: str, module: object) -> bool:
    spec = getattr(module, "__dict__", {}).get("__spec__")
    return spec is not None or name in ("__main__", "__mp_main__") or name in sys.builtin_module_names


MODULE = Module()


class OwnModule(Module):
    """A module that the notebook's people wrote: its values are theirs."""

    def parts(self, value: Any) -> Iterable[object]:
        return [held for name, held in names_of(value).items() if name[:2] != "__"]
