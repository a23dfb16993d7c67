"""A Jupyter kernel that keeps notebooks consistent."""

from __future__ import annotations

from . import magics as _magics
from ._version import __version__
from .analysis import analyze as _analyze
from .cell import CellFacts, Unparsable

__all__ = ["CellFacts", "Unparsable", "__version__", "analyze"]

_MAGICS = _magics.LoadedWhenAsked()


def analyze(source: str) -> CellFacts:
    """What a cell takes from outside and leaves behind, with the magics that are installed."""
    return _analyze(source, _MAGICS)
