"""What a SQL cell reads and writes, as far as its text shows."""

from __future__ import annotations

import pytest

from jupyter_extension.sql.facts import facts


def cell(body: str, line: str = "") -> tuple[list[str], list[str], bool]:
    found = facts(line, body)
    assert found.problem is None
    plain = "table:?/public."
    return (
        [name.removeprefix(plain) for name in sorted(found.reads)],
        [name.removeprefix(plain) for name in sorted(found.writes)],
        found.manual,
    )


@pytest.mark.parametrize(
    ("body", "reads", "writes"),
    [
        ("select * from t", "t", ""),
        ("select * from a join b using (x), c", "a b c", ""),
        ("select (select max(x) from b) from a where exists (select from c)", "a b c", ""),
        ("with q as (select * from t) select * from q", "t", ""),
        ("with t as (select * from t) select * from t", "t", ""),
        ("with recursive q as (select 1 union select * from q) select * from q join t on true", "t", ""),
        ("with q as (select 1), r as (select * from q) select * from r", "", ""),
        ("select * from (with q as (select 1) select * from q) s, q", "q", ""),
        ("select * from t where x = {name}", "name t", ""),
        ("table t", "t", ""),
        ("values (1)", "", ""),
        ("select count(*), lower(x), now() from t", "t", ""),
        ("select * from generate_series(1, 3)", "", ""),
        ("select * from t for update", "t", ""),
        ("explain select * from t", "t", ""),
        ("explain insert into t select * from u", "t u", ""),
        ("copy t to stdout", "t", ""),
        ("show all", "", ""),
        ("set search_path = a", "", ""),
    ],
)
def test_what_only_reads(body: str, reads: str, writes: str):
    assert cell(body) == (reads.split(), writes.split(), False)


@pytest.mark.parametrize(
    ("body", "reads", "writes"),
    [
        ("insert into t values (1)", "t", "t"),
        ("insert into t select * from u", "t u", "t"),
        ("insert into t values ({x}) on conflict do nothing returning *", "t x", "t"),
        ("update t set x = u.x from u", "t u", "t"),
        ("delete from t using u", "t u", "t"),
        ("merge into t using u on t.x = u.x when matched then delete", "t u", "t"),
        ("with q as (insert into t values (1) returning *) select * from q, u", "t u", "t"),
        ("with q as (delete from t returning *) insert into u select * from q", "t u", "t u"),
        ("create table t (x int)", "", "t"),
        ("create table t (x int references u)", "u", "t"),
        ("create table t as select * from u", "u", "t"),
        ("select * into t from u", "u", "t"),
        ("create view v as select * from t", "t", "v"),
        ("create materialized view v as select * from t", "t", "v"),
        ("refresh materialized view v", "v", "v"),
        ("drop table t, u", "", "t u"),
        ("drop view v", "", "v"),
        ("truncate t, u", "", "t u"),
        ("alter table t add y int", "t", "t"),
        ("alter table t rename to u", "", "t u"),
        ("copy t from stdin", "", "t"),
        ("explain analyze insert into t select * from u", "t u", "t"),
        ("create index on t (x)", "t", ""),
        ("create function f() returns int return 1", "", ""),
        ("create role r", "", ""),
        ("begin", "", ""),
        ("vacuum t", "", ""),
        ("select nextval('s')", "", ""),
        ("select my_function(x) from t", "t", ""),
        ("do $$ begin delete from t; end $$", "", ""),
        ("call p(1)", "", ""),
        ("execute q", "", ""),
        ("select from from from", "", ""),
        ("insert into {t!i} select * from u", "t u", ""),
    ],
)
def test_what_changes_a_database_never_runs_by_itself(body: str, reads: str, writes: str):
    assert cell(body) == (reads.split(), writes.split(), True)


def test_a_result_is_a_name_that_the_cell_writes():
    assert cell("select * from t", "rows << --limit 3") == (["t"], ["rows"], False)


def test_tables_and_names_are_never_mixed_up():
    assert facts("", "select * from t where t.x = {t}").reads == {"t", "table:?/public.t"}


def test_tables_of_different_connections_are_different():
    assert facts("--on prod", "select * from t").reads == {"table:?prod/public.t"}


def test_a_schema_is_kept():
    assert facts("", "select * from s.t").reads == {"table:?/s.t"}


def test_one_line_is_read_like_a_cell():
    assert facts("select * from t where x = :x", "").reads == {"x", "table:?/public.t"}


def test_a_connection_reads_and_writes_nothing():
    assert not facts("postgresql://user@host/db --name prod", "").writes


@pytest.mark.parametrize(
    ("line", "body", "number"), [("", "select 1;\nselect {a+b}", 3), ("--what x", "select 1", None)]
)
def test_what_cannot_be_read_is_a_problem_with_its_line(line: str, body: str, number: int | None):
    problem = facts(line, body).problem
    assert problem is not None
    assert problem.line == number
