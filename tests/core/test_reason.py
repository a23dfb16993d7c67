"""Reasons are sentences that somebody can read who has never heard of resources."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reactive_kernel import reason
from reactive_kernel.cell import CellId

ROOT = Path(__file__).parents[2]
ONE, TWO = (CellId("1"),), (CellId("1"), CellId("2"))


def label(cell: CellId) -> str:
    return f"cell {cell}"


@pytest.mark.parametrize(
    ("names", "cells", "said"),
    [
        (["x"], ONE, "`x` (from cell 1) has changed since this cell ran."),
        (["x", "y"], TWO, "`x` and `y` (from cell 1 and cell 2) have changed since this cell ran."),
        (["cwd:"], ONE, "The working directory (set in cell 1) has changed since this cell ran."),
        (["random:numpy"], ONE, "The random state of numpy (set in cell 1) has changed since this cell ran."),
        (["random:random"], ONE, "Python's random state (set in cell 1) has changed since this cell ran."),
        (["environ:"], ONE, "The environment (set in cell 1) has changed since this cell ran."),
        (["options:pandas"], ONE, "The options of pandas (set in cell 1) have changed since this cell ran."),
        (["file:/home/me/a.csv"], ONE, "The file `a.csv` (from cell 1) has changed since this cell ran."),
        (["file:*"], ONE, "Files that a program may read (from cell 1) have changed since this cell ran."),
        (
            ["table:h:1/shop/public.orders"],
            ONE,
            "The table `public.orders` (from cell 1) has changed since this cell ran.",
        ),
        (
            ["dir:/home/me/in", "x"],
            ONE,
            "`x` and what is in the directory `in` (from cell 1) have changed since this cell ran.",
        ),
    ],
)
def test_a_changed_input_is_called_what_people_call_it(
    names: list[str], cells: tuple[CellId, ...], said: str
):
    assert reason.input_changed(names, cells, label).message == said


def test_a_state_that_is_not_up_to_date_was_set_somewhere():
    said = reason.input_stale(["cwd:"], ONE, label).message
    assert said == "It reads the working directory set in cell 1, which is not up to date."


def test_every_resource_without_a_name_of_its_own_has_words():
    sources = "".join(path.read_text() for path in (ROOT / "reactive_kernel").rglob("*.py"))
    states = set(re.findall(r'"([a-z]+:)"', sources)) - {
        "file:",
        "dir:",
        "table:",
        "random:",
        "module:",
        "options:",
    }
    assert {"cwd:", "environ:", "path:"} <= states
    unnamed = {state for state in states if state in reason.called(state)}
    assert unnamed == set()
