"""Widgets: what a cell sets in them, who hears of it, and what comes from the browser."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from operator import is_
from typing import Any, cast

from .cell import Resource
from .equality import same
from .shapes import Shape, extend
from .shapes.shape import Mutable

# Is what happens now the doing of somebody at a widget?
from_browser: ContextVar[bool] = ContextVar("from_browser", default=False)


class Watched:
    """The widgets that cells left in names."""

    def __init__(
        self, live: Callable[[], Mapping[str, object]], touched: Callable[[set[Resource]], None]
    ) -> None:
        self._live = live
        self._touched = touched
        self._known: set[int] = set()

    def heed(self, bound: Iterable[Resource]) -> None:
        """Hear from now on of what the browser sets in those of the names that are widgets."""
        widgets = sys.modules.get("ipywidgets")
        if widgets is None:
            return
        for name in bound:
            value: Any = self._live().get(name)
            if not isinstance(value, widgets.Widget) or id(value) in self._known:
                continue
            if value.has_trait("value"):
                self._known.add(id(value))
                value.observe(self._changed, "value")

    def _changed(self, change: Any) -> None:
        """A value came from the browser: its readers' input changed. What code sets is the cell's doing."""
        if from_browser.get():
            self._touched({name for name, value in self._live().items() if value is change.owner})


class _Widget(Mutable):
    """A widget: what it shows, and who hears of it."""

    kind = "instance"

    def parts(self, value: Any) -> Iterable[object]:
        settings, handlers = self.take(value)
        held = [*settings.values()]
        for row in handlers.values():
            held += row
        if type(value).__module__ == "__main__":
            held.append(cast("object", type(value)))
        return held

    def take(self, value: Any) -> tuple[dict[str, object], dict[object, list[object]]]:
        traits: Mapping[str, Any] = value._trait_values
        names = cast("list[str]", traits.get("keys", ()))
        shown = {name: traits[name] for name in names if name in traits and name[0] != "_"}
        return shown, {key: [each for each in row if _is_own(each)] for key, row in _rows(value)}

    def alike(self, value: Any, state: Any) -> bool:
        settings, handlers = self.take(value)
        # Some settings are there only after somebody has asked for them.
        return all(name in settings and settings[name] is held for name, held in state[0].items()) and (
            _same_handlers(handlers, state[1])
        )

    def agree(self, one: Any, other: Any) -> bool:
        return (
            [*one[0]] == [*other[0]]
            and all(map(same, one[0].values(), other[0].values()))
            and _same_handlers(one[1], other[1])
        )

    def put(self, value: Any, state: Any) -> None:
        settings, handlers = state
        now = value._trait_values
        changed = [name for name, held in settings.items() if now.get(name) is not held]
        # Unheard by those who observe it: in a fresh run nothing is set back.
        now.update(settings)
        for key, row in _rows(value):
            row[:] = [*(each for each in row if not _is_own(each)), *handlers.get(key, ())]
        if changed:
            # Nobody may be there to show it.
            with suppress(Exception):
                value.send_state(changed)

    def weight(self, state: Any) -> int:
        return 200 + 60 * len(state[0])


def _rows(value: Any) -> Iterable[tuple[object, list[Any]]]:
    """Who hears of what the widget does."""
    for name, kinds in value._trait_notifiers.items():
        for kind, row in kinds.items():
            yield (name, kind), row
    for name, held in cast("dict[str, Any]", vars(value)).items():
        if type(held).__name__ == "CallbackDispatcher":
            yield name, held.callbacks


def _is_own(handler: object) -> bool:
    """Is it the notebook's, not the library's or ours? A builtin's method (`seen.append`) is from nowhere."""
    return getattr(handler, "__module__", None) in (None, "__main__")


_Handlers = Mapping[object, "list[object]"]


def _same_handlers(one: _Handlers, other: _Handlers) -> bool:
    return all(
        len(one.get(key, ())) == len(other.get(key, ()))
        and all(map(is_, one.get(key, ()), other.get(key, ())))
        for key in {*one, *other}
    )


def _shape_of(kind: type) -> Shape | None:
    widget = getattr(sys.modules.get("ipywidgets"), "Widget", None)
    return _WIDGET if widget is not None and issubclass(kind, widget) else None


_WIDGET = _Widget()
extend("ipywidgets", _shape_of)
