"""Loads what other packages bring to the shell: entry points of the group `reactive_kernel.extensions`.

Such an entry point has the name of a magic; its value is an IPython extension that brings the magic. It is
imported when somebody first uses it: kernels of those who do not start as fast as without.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

GROUP = "reactive_kernel.extensions"


class Extensions:
    """The extensions of one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._shell.events.register("pre_run_cell", self._announce)

    def load(self) -> None:
        """Load all of them, for somebody who wants what one of them does without having used its magic."""
        for module in installed().values():
            self._shell.extension_manager.load_extension(module)

    def _announce(self, about: Any) -> None:
        """Tell the shell of the magics, before the first code that may use one."""
        code: str = about.raw_cell
        if "%" in code or "magic" in code:
            self._shell.events.unregister("pre_run_cell", self._announce)
            magics = self._shell.magics_manager
            for name, module in installed().items():
                # What somebody has loaded under that name stays.
                if not any(name in magics.magics[kind] for kind in ("line", "cell")):
                    magics.register_lazy(name, module)


@cache
def installed() -> Mapping[str, str]:
    """The extensions by the magics that they bring."""
    # Finding out takes as long as a start of the shell; most sessions never ask.
    from importlib.metadata import entry_points

    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    return MappingProxyType({point.name: point.value for point in points})
