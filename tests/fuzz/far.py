"""What a kernel's process says of itself when it is asked from outside, as JSON."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Collection, Mapping

from . import portrait as pen
from . import world

_OF_THE_SESSION = frozenset(("In", "Out", "get_ipython", "exit", "quit", "open"))


def begin(directory: str) -> None:
    """Work in that directory from now on, with nothing in the environment of what cells put there."""
    os.chdir(directory)
    warnings.simplefilter("ignore")
    for name in [name for name in os.environ if name.startswith("FUZZ_")]:
        del os.environ[name]


def portrait(names: Mapping[str, object], only: Collection[str] | None) -> str:
    """The portrait of a namespace without what IPython keeps there."""
    mine = [name for name in names if not name.startswith("_") and name not in _OF_THE_SESSION]
    return json.dumps(pen.portrait(dict(names), mine if only is None else only))


def states(reach: Collection[str]) -> str:
    return json.dumps(world.states(frozenset(reach)))
