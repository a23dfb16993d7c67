"""`%%sql --on frames`: DuckDB over the frames that the query names, and over nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from jupyter_extension.sql.facts import facts
from jupyter_extension.sql.frames import Unusable, query
from jupyter_extension.sql.query import statements

FRAME = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})


def rows(sql: str, variables: Mapping[str, object] | None = None, **values: object) -> list[dict[str, Any]]:
    [statement] = statements(sql)
    named = {"df": FRAME} if variables is None else variables
    return query(statement, lambda path: values[path[0]], named.__getitem__).to_pylist()


@pytest.mark.parametrize(
    "frame",
    [
        FRAME,
        pl.from_pandas(FRAME),
        pa.Table.from_pandas(FRAME),
        FRAME.to_dict("list"),
        FRAME.to_dict("records"),
    ],
    ids=["pandas", "polars", "arrow", "dict", "list"],
)
def test_a_frame_is_a_table_by_its_name(frame: object):
    assert rows("select max(a) as m, count(*) as n from df", {"df": frame}) == [{"m": 3, "n": 3}]


def test_values_are_bound():
    assert rows("select a from df where b = {what}", what="y") == [{"a": 2}]
    assert rows("select a from df where b = {what}", what="y' or true --") == []


def test_what_only_duckdb_understands_works_as_well():
    assert rows("from df select a where a > 2") == [{"a": 3}]


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("select * from df", {"df"}),
        ("select * from df join other using (c) where c > {least}", {"df", "other", "least"}),
        ("with q as (select * from df) select * from q", {"df"}),
        ("from df", {"df"}),
    ],
)
def test_the_graph_knows_what_a_query_reads(sql: str, names: set[str]):
    found = facts("result << --on frames", sql)
    assert (found.reads, found.writes, found.manual) == (names, {"result"}, False)


def test_nothing_but_named_variables_is_found(tmp_path: Path):
    (tmp_path / "t.csv").write_text("a\n1\n")
    hidden = FRAME  # noqa: F841  # DuckDB would find it by looking through the stack
    for sql in (
        "select * from hidden",
        f"select * from '{tmp_path}/t.csv'",
        f"select * from read_csv('{tmp_path}/t.csv')",
        f"attach '{tmp_path}/t.db' as x",
        f"copy (select 1) to '{tmp_path}/out.csv'",
        "set enable_external_access = true",
    ):
        with pytest.raises(Exception, match=r"hidden|t\.csv|disabled|locked"):
            rows(sql, {})
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_what_is_no_frame_is_named():
    with pytest.raises(Unusable, match="`df` is no data frame"):
        rows("select * from df", {"df": 7})
