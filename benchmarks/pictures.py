"""Cost against size, one line for each tool: one sees what grows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from .row import Point

# Told apart without colours, too.
MARKS = ("o", "s", "^", "D", "v", "P", "X")
COLOURS = ("#0b6e4f", "#7bc8a4", "#7a7a7a", "#c0392b", "#e8a49c", "#2c5aa0", "#8e5ea2")


def draw(points: Sequence[Point], directory: Path) -> list[str]:
    """Writes every picture as SVG and PNG; their names."""
    import matplotlib

    matplotlib.use("agg")
    # The same figures give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "performance"
    directory.mkdir(parents=True, exist_ok=True)
    return [
        _picture(shape, list(found), directory)
        for shape, found in groupby(points, key=lambda each: each.shape)
    ]


def _picture(shape: str, points: Sequence[Point], directory: Path) -> str:
    import matplotlib.pyplot as plt

    figure, (whole, each) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
    tools = list(dict.fromkeys(point.tool for point in points))
    for place, tool in enumerate(tools):
        line = [point for point in points if point.tool == tool]
        look = {**_look(place), "label": tool}
        sizes = [point.cells for point in line]
        whole.plot(sizes, [point.middle * 1000 for point in line], **look)
        each.plot(sizes, [point.middle * 1000 / point.cells for point in line], **look)
        least, most = ([pick(point.seconds) * 1000 for point in line] for pick in (min, max))
        whole.fill_between(sizes, least, most, color=look["color"], alpha=0.15, linewidth=0)
    _axes(whole, f"{shape}: one edit, until all is done", "milliseconds")
    _axes(each, "the same per cell", "milliseconds per cell")
    handles, labels = whole.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    name = f"performance-{shape}"
    figure.savefig(directory / f"{name}.svg", metadata={"Date": None})
    figure.savefig(directory / f"{name}.png", dpi=110)
    plt.close(figure)
    return name


def _look(place: int) -> dict[str, Any]:
    return {
        "marker": MARKS[place % len(MARKS)],
        "color": COLOURS[place % len(COLOURS)],
        "linewidth": 2.4 if place == 0 else 1.3,
        "markersize": 5,
    }


def _axes(axes: Any, title: str, unit: str) -> None:
    axes.set(xscale="log", yscale="log", title=title, xlabel="cells that follow", ylabel=unit)
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
