"""Keeps cells from taking away what the kernel itself runs on."""

from __future__ import annotations

import builtins
from types import ModuleType
from typing import cast

_NEEDED = dict(vars(builtins))


class _Builtins(ModuleType):
    def __delattr__(self, name: str) -> None:
        if name in _NEEDED:
            raise AttributeError(
                f"The builtin `{name}` cannot be deleted: the kernel itself runs on it. "
                "A cell may bind another object to the name."
            )
        super().__delattr__(name)


def keep_builtins() -> None:
    """From now on deleting a builtin is an error, in the cell that tries."""
    cast("ModuleType", builtins).__class__ = _Builtins


def restore_builtins() -> None:
    """Put back what was taken out of the module's dictionary by hand."""
    names = builtins.__dict__
    if len(names) < len(_NEEDED) or not names.keys() >= _NEEDED.keys():
        names.update({name: value for name, value in _NEEDED.items() if name not in names})
