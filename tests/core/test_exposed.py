"""Whether somebody outside of pandas holds the memory of a frame."""

from __future__ import annotations

from typing import Any

import pytest

from reactive_kernel.exposed import exposed

pandas = pytest.importorskip("pandas", minversion="3")
numpy = pytest.importorskip("numpy")


def columns(frame: Any) -> list[str]:
    """The columns whose memory others hold."""
    return [
        str(frame.columns[at])
        for block in frame._mgr.blocks
        if exposed(block) is not None
        for at in block.mgr_locs.as_array
    ]


@pytest.fixture
def frame() -> Any:
    return pandas.DataFrame({"x": [1, 2], "y": [1.5, 2.5], "t": pandas.to_datetime(["2020", "2021"])})


def test_a_frame_alone_exposes_nothing(frame: Any):
    assert columns(frame) == []


@pytest.mark.parametrize(
    "other",
    [
        "frame['x']",
        "frame.iloc[1:]",
        "frame.copy(deep=False)",
        "frame.set_index('x')",
        "frame.groupby('y')['x'].sum()",
        "frame.sort_values('x')",
        "frame.to_numpy(copy=True)",
        "frame._mgr.copy(deep=False)",
    ],
)
def test_what_pandas_itself_knows_of_is_not_exposed(frame: Any, other: str):
    held = eval(other, {"frame": frame})
    assert columns(frame) == []
    del held


@pytest.mark.parametrize(
    ("other", "column"),
    [
        ("frame['x'].to_numpy()", "x"),
        ("frame['y'].values", "y"),
        ("frame['t'].to_numpy()", "t"),
        ("numpy.asarray(frame['x'])", "x"),
        ("frame['y'].iloc[1:].to_numpy()", "y"),
    ],
)
def test_an_array_that_pandas_gave_away_exposes_its_column(frame: Any, other: str, column: str):
    held = eval(other, {"frame": frame, "numpy": numpy})
    assert columns(frame) == [column]
    del held
    assert columns(frame) == []


def test_an_array_that_a_frame_was_made_of_is_exposed_as_long_as_it_is_held():
    array = numpy.arange(3.0)
    made = pandas.DataFrame(array, copy=False, columns=["a"])
    assert columns(made) == ["a"]
    del array
    assert columns(made) == []
