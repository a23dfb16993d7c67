"""Which memory of pandas' frames somebody outside of pandas holds, too.

pandas copies before it writes into memory that several frames share. Of arrays that it handed out
(`to_numpy()`) or was made of (`DataFrame(array, copy=False)`) it knows nothing: these see what is written.
Who else holds memory shows in how often it is referred to.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import Any

from .identity import identity


def exposed(block: Any) -> Any:
    """The array that owns the memory of a block, if others hold it; else None."""
    array = array_of(block.values)
    if array is None or not array.size:
        return None
    owner = array if array.base is None else array.base
    if type(owner) is not type(array):
        # What is no array (text, a mapped file, Arrow's memory) nobody writes into.
        return None
    del array
    return owner if _surplus(block, owner) > _usual() else None


def owner_of(block: Any) -> Any:
    """The array that owns the memory of a block; where it is none of numpy's, what keeps its content."""
    array = array_of(block.values)
    return block.values if array is None else array if array.base is None else array.base


def array_of(values: Any) -> Any:
    """The array of numpy in which a block or a column keeps its content."""
    numpy: Any = sys.modules["numpy"]
    if type(values) is numpy.ndarray:
        return values
    for name in ("_ndarray", "_data"):
        held = getattr(values, name, None)
        if type(held) is numpy.ndarray:
            return held
    return None


def _surplus(block: Any, owner: Any) -> int:
    """How often the memory is referred to, beyond what pandas itself does."""
    arrays: dict[int, Any] = {}
    expected = 0
    seen: set[int] = set()
    for holder in _holders(block):
        values = getattr(holder, "values" if hasattr(holder, "mgr_locs") else "_data", None)
        array = array_of(values)
        # A column of pandas' own kind may be in several blocks.
        key = identity(holder) if values is array else identity(values)
        if array is not None and key not in seen:
            seen.add(key)
            arrays[identity(array)] = array
            expected += 1
        del values, array
    views = [array for array in arrays.values() if array is not owner]
    arrays.clear()
    found = sys.getrefcount(owner) + sum(map(sys.getrefcount, views))
    # Each view refers to its owner, and is referred to by the list here and by who asks.
    return found - expected - 3 * len(views)


def _holders(block: Any) -> list[Any]:
    """The blocks and indices of pandas that share the memory."""
    found = [
        each
        for reference in getattr(block.refs, "referenced_blocks", ())
        if (each := reference()) is not None
    ]
    return found if any(each is block for each in found) else [block, *found]


@lru_cache(maxsize=1)
def _usual() -> int:
    """What counting gives where nobody else holds anything: it differs among versions of Python."""
    pandas: Any = sys.modules["pandas"]
    blocks = pandas.DataFrame({"x": [1, 2]})._mgr.blocks
    array = array_of(blocks[0].values)
    owner = array if array.base is None else array.base
    del array
    return _surplus(blocks[0], owner)
