"""Traits set without the checks, where the value is known to fit and nobody listens."""

from __future__ import annotations

from typing import Any, cast

from traitlets import All, HasTraits


def put(holder: HasTraits, **values: object) -> None:
    """As `setattr` for each of them, ten times as fast."""
    inner = cast("Any", holder)
    listeners = inner._trait_notifiers
    to_all = any(listeners.get(All, {}).values())
    for name, value in values.items():
        if to_all or name in listeners:
            setattr(holder, name, value)
        else:
            inner._trait_values[name] = value
