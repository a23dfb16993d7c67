"""One notebook at many values of its parameters."""

from __future__ import annotations

import csv

import pyarrow.parquet as pq
import pytest

from reactive_kernel.command import _value
from reactive_kernel.notebook import BadParameter
from reactive_kernel.sweep import grid, spread


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1..4", [1, 2, 3, 4]),
        ("0..20..10", [0, 10, 20]),
        ("2..0", [2, 1, 0]),
        ("a,b", ["a", "b"]),
        ("1, 2.5", [1, 2.5]),
        ("[1, 2]", [[1, 2]]),
        ("'a,b'", ["a,b"]),
        ("'a','b'", ["a", "b"]),
        ("plain", ["plain"]),
    ],
)
def test_a_text_stands_for_values(text, values):
    assert spread(text, _value) == values


def test_a_range_that_leads_nowhere_is_named():
    with pytest.raises(BadParameter, match="leads nowhere"):
        spread("1..4..-1", _value)


def test_a_grid_has_every_combination():
    points = grid({"n": [1, 2], "m": ["a", "b"]})
    assert [str(point) for point in points] == ["n=1, m=a", "n=1, m=b", "n=2, m=a", "n=2, m=b"]


NOTEBOOK = (
    "import time\nshared = time.time_ns()",
    "x = 12 / n\nx",
    "{'x': x, 'name': f'{m}{n}', 'shared': shared}",
)


def test_a_sweep_shares_what_is_alike_and_goes_on_where_it_stopped(desk):
    path = desk.write(*NOTEBOOK)
    asked = ("run", path, "-p", "n=0..2", "-p", "m=a,b", "--sweep", "out", "--jobs", 1)
    first = desk.run(*asked, "--engine", "dask")
    assert first.code == 1
    assert first.err.count("ZeroDivisionError") == 2, first.err
    rows = list(csv.DictReader((desk.place / "out" / "table.csv").read_text().splitlines()))
    assert [row["state"] for row in rows] == ["failed", "failed", "ok", "ok", "ok", "ok"]
    assert [(row["x"], row["name"]) for row in rows[2:]] == [
        ("12.0", "a1"),
        ("12.0", "b1"),
        ("6.0", "a2"),
        ("6.0", "b2"),
    ]
    assert len({row["shared"] for row in rows[2:]}) == 1
    again = desk.run(*asked, "--table", "table.parquet")
    assert "6 points, 4 of them done before." in again.err
    assert pq.read_table(desk.place / "table.parquet").column("x").to_pylist() == [None, None, 12, 12, 6, 6]
