"""All that is measured, by room: which issue promised it, and how it is measured, at length or for a look."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .row import Point, Row, absent

Found = Iterable[Row | Point | Mapping[str, Any]]


class Effort(Enum):
    """Figures that count take minutes; tiny sizes show that everything works."""

    FULL = "full"
    QUICK = "quick"


@dataclass(frozen=True)
class Group:
    """Rows that are measured together."""

    name: str
    issue: int
    about: str
    measure: Callable[[Effort], Found]


def _analysis(_: Effort) -> Found:
    from . import analysis

    return analysis.rows()


def _kernel(effort: Effort) -> Found:
    from . import kernels

    return kernels.rows() if effort is Effort.FULL else kernels.few_rows()


def _observation(effort: Effort) -> Found:
    from . import observation

    return observation.rows() if effort is Effort.FULL else observation.cells()


def _replay(effort: Effort) -> Found:
    from . import replay

    return replay.rows() if effort is Effort.FULL else replay.rows(("idle",))


def _sql(effort: Effort) -> Found:
    from . import sql

    return sql.rows(3 if effort is Effort.FULL else 1)


def _front(effort: Effort) -> Found:
    if why := _no_browser():
        return [absent("notebooks in the browser", why)]
    from . import front

    return front.rows() if effort is Effort.FULL else [front.bundle()]


def _no_browser() -> str:
    """Why nothing can be measured in a browser."""
    if not find_spec("playwright") or not shutil.which("chromium"):
        return "Playwright or Chromium is not installed"
    built = Path(__file__).parents[1] / "jupyter_extension" / "labextension" / "static"
    return "" if built.exists() else "the front end is not built: see CONTRIBUTING.md"


def _cascades(effort: Effort) -> Found:
    from . import cascades

    return cascades.rows(cascades.FULL if effort is Effort.FULL else cascades.QUICK)


def _growth(effort: Effort) -> Found:
    from . import growth

    return growth.rows(growth.FULL if effort is Effort.FULL else growth.QUICK)


def _scale(effort: Effort) -> Found:
    if not find_spec("distributed"):
        return [absent("cells on a cluster", "Dask is not installed: pip install jupyter-reactive[dask]")]
    from . import scale

    return scale.rows(scale.FULL if effort is Effort.FULL else scale.QUICK)


GROUPS = (
    Group("analysis", 2, "reading a cell's source, beside ast.parse", _analysis),
    Group("kernel", 2, "one cell, one edit, one cascade, beside plain ipykernel", _kernel),
    Group("observation", 3, "seeing what cells do, beside the cells' own time", _observation),
    Group("replay", 4, "recording kernels and telling it to front ends, beside a server without", _replay),
    Group("sql", 5, "rows into frames, beside other drivers and tools", _sql),
    Group("front", 6, "notebooks in the browser, beside JupyterLab without the extension", _front),
    Group("cascades", 8, "one edit and all that follows, beside marimo, ipyflow, FlowBook", _cascades),
    Group("scale", 10, "cells on a Dask cluster, beside the same kernel without one", _scale),
    Group("growth", 8, "start, opening, memory, long cells, long documents", _growth),
)
