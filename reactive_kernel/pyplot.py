"""pyplot's current figure: what one cell leaves open there and another one draws on."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, cast

_WHY = (
    "It draws on a figure of pyplot's that another cell left open, which nobody can put back."
    " Draw a figure in one cell, or hold it in names: `fig, ax = plt.subplots()`."
)


class Figures:
    """Sees runs that take a figure from pyplot which was open before them."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._wrapped: object = None
        self._open: frozenset[int] = frozenset()

    def begin(self) -> None:
        open_ones: Any = getattr(sys.modules.get("matplotlib._pylab_helpers"), "Gcf", None)
        if open_ones is None:
            return
        self._open = frozenset(map(id, open_ones.figs.values()))
        # With the notebook's usual backend every figure is closed at its cell's end.
        if self._open and self._wrapped is not open_ones:
            self._wrapped = open_ones
            for name in ("get_active", "get_fig_manager"):
                setattr(open_ones, name, self._heard(getattr(open_ones, name)))

    def end(self) -> None:
        self._open = frozenset()

    def _heard(self, original: Callable[..., object]) -> Any:
        def heard(*arguments: object) -> object:
            found = original(*arguments)
            if id(found) in self._open:
                self._tell(_WHY)
            return found

        return cast("Any", staticmethod(heard))
