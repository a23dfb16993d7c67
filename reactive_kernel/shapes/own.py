"""Which modules the people who wrote the notebook wrote, too."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dis import opmap
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any, Final, cast

_IMPORT: Final = opmap["IMPORT_NAME"]
_EXTENDED: Final = opmap["EXTENDED_ARG"]

_LIBRARIES = tuple(
    {
        os.path.realpath(path) + os.sep
        for path in (sys.prefix, sys.base_prefix, *map(str, sys.path))
        if "site-packages" in path
    }
    | {os.path.realpath(Path(os.__file__).parent) + os.sep}
)
_ours: dict[str, bool] = {}


def is_own(name: object) -> bool:
    """Is the module of that name one that the notebook's people wrote, or made?"""
    if not isinstance(name, str) or name == "__main__":
        return False
    known = _ours.get(name)
    if known is None:
        module = sys.modules.get(name)
        spec = getattr(module, "__spec__", None)
        if module is None or spec is None:
            return False
        origin = spec.origin if isinstance(spec.origin, str) else ""
        root = __name__.partition(".")[0]
        own = origin.endswith((".py", ".pyc")) and name.partition(".")[0] not in (root, "jupyter_extension")
        own = own and not origin.startswith(_LIBRARIES)
        known = _ours[name] = own and not os.path.realpath(origin).startswith(_LIBRARIES)
    return known


@lru_cache(maxsize=4096)
def _imported_by(code: CodeType) -> tuple[str, ...]:
    """The modules that a function imports when it is called."""
    found = [code.co_names[argument] for operation, argument in _operations(code) if operation == _IMPORT]
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return (*found, *(name for each in inner for name in _imported_by(each)))


def _operations(code: CodeType) -> Iterator[tuple[int, int]]:
    extended = 0
    for at in range(0, len(code.co_code), 2):
        operation, argument = code.co_code[at], code.co_code[at + 1] | extended
        extended = argument << 8 if operation == _EXTENDED else 0
        yield operation, argument


def own_modules_of(code: CodeType) -> Iterator[object]:
    """The modules of one's own that a function imports when it is called, as far as they are there."""
    for name in _imported_by(code):
        if is_own(name):
            yield sys.modules.get(name)


def is_own_module(module: Any) -> bool:
    name = names_of(module).get("__name__")
    if name == "__main__":
        return False
    # One that no file stands for was made by a cell.
    return is_own(name) or names_of(module).get("__spec__") is None


def names_of(value: Any) -> dict[str, object]:
    return cast("dict[str, object]", vars(value))
