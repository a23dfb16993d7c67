"""What stands around the notebook: modules, and classes of libraries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .containers import same_dict
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
        return same_dict(names_of(value), state)

    def put(self, value: Any, state: Any) -> None:
        held = names_of(value)
        for name in held.keys() - state.keys():
            del held[name]
        held.update(state)

    def weight(self, state: Any) -> int:
        return 100 * len(state)


MODULE = Module()


class OwnModule(Module):
    """A module that the notebook's people wrote: its values are theirs."""

    def parts(self, value: Any) -> Iterable[object]:
        return [held for name, held in names_of(value).items() if name[:2] != "__"]
