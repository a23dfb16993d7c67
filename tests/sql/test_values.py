"""What Python's values become in the server, and that none of them ever becomes SQL."""

from __future__ import annotations

import datetime
import ipaddress
import uuid
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest

from jupyter_extension.sql.database import Database, Target
from jupyter_extension.sql.execution import Wrong
from jupyter_extension.sql.watch import Watcher

from .talk import results, rows, value

UTC = datetime.timezone.utc
BERLIN = ZoneInfo("Europe/Berlin")
SOME = uuid.UUID("9a3c6d3e-58b6-4f4d-8c39-2b1a6f2c7a11")


@pytest.mark.parametrize(
    ("given", "kind", "printed"),
    [
        (1, "int4", "1"),
        (1.0, "int4", "1"),
        (np.int64(7), "int8", "7"),
        (np.float32(1.5), "float8", "1.5"),
        (np.bool_(True), "bool", "true"),
        (0.1, "float8", "0.1"),
        (0.1, "numeric", "0.1"),
        (float("nan"), "numeric", "NaN"),
        (Decimal("12345678901234567890.123456789"), "numeric", "12345678901234567890.123456789"),
        ("a'b\\c\"d{e}:f$1", "text", "a'b\\c\"d{e}:f$1"),
        ("", "text", ""),
        (b"\x00\xff", "bytea", "\\x00ff"),
        ({"a": [1, None, "x"]}, "jsonb", '{"a": [1, null, "x"]}'),
        ([1, 2], "jsonb", "[1, 2]"),
        ("text", "jsonb", '"text"'),
        ({"n": np.int64(1), "w": pd.Timestamp("2020-01-02")}, "json", '{"n": 1, "w": "2020-01-02T00:00:00"}'),
        ([1, None, 3], "int4[]", "{1,NULL,3}"),
        ((1, 2), "int4[]", "{1,2}"),
        ([[1, 2], [3, 4]], "int4[]", "{{1,2},{3,4}}"),
        ([], "text[]", "{}"),
        (np.array([1.5, 2]), "float8[]", "{1.5,2}"),
        (pd.Series(["a", None, "c"]), "text[]", "{a,NULL,c}"),
        (pl.Series([1, 2]), "int8[]", "{1,2}"),
        ([pd.Timestamp("2020-01-01", tz="UTC"), pd.NaT], "timestamptz[]", '{"2020-01-01 00:00:00+00",NULL}'),
        (datetime.date(2020, 1, 2), "date", "2020-01-02"),
        (pd.Timestamp("2020-01-02 03:04:05.000006"), "timestamp", "2020-01-02 03:04:05.000006"),
        (np.datetime64("2020-01-02"), "date", "2020-01-02"),
        (np.datetime64("2020-01-02T03:04:05.000000006", "ns"), "timestamp", "2020-01-02 03:04:05"),
        (datetime.datetime(2020, 1, 2, tzinfo=UTC), "timestamptz", "2020-01-02 00:00:00+00"),
        (datetime.datetime(2020, 7, 2, 2, tzinfo=BERLIN), "timestamptz", "2020-07-02 00:00:00+00"),
        (float("inf"), "timestamptz", "infinity"),
        (float("-inf"), "date", "-infinity"),
        ("2020-01-02", "date", "2020-01-02"),
        (datetime.timedelta(days=-1, seconds=1.5), "interval", "-1 days +00:00:01.5"),
        (pd.Timedelta("1 day 2 h"), "interval", "1 day 02:00:00"),
        (datetime.time(1, 2, 3), "time", "01:02:03"),
        (SOME, "uuid", str(SOME)),
        (str(SOME), "uuid", str(SOME)),
        (ipaddress.ip_address("10.0.0.1"), "inet", "10.0.0.1/32"),
        ("10.0.0.0/8", "cidr", "10.0.0.0/8"),
        (None, "int4", None),
        (pd.NA, "text", None),
        (pd.NaT, "timestamp", None),
        (None, "int4[]", None),
    ],
)
def test_a_value_becomes_what_the_place_takes(
    database: Database, given: object, kind: str, printed: str | None
):
    database.execute("set time zone 'UTC'")
    assert value(database, f"select ({{x}}::{kind})::text", x=given) == printed


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ("5", "int4"),
        (1.5, "int4"),
        (True, "int4"),
        (2**40, "int4"),
        ("x", "float8"),
        (5, "text"),
        (object(), "text"),
        (object(), "jsonb"),
        (float("nan"), "jsonb"),
        ("a\0b", "text"),
        ({"a": "\0"}, "jsonb"),
        ("abc", "int4[]"),
        (5, "int4[]"),
        ("no date", "date"),
        (7, "timestamptz"),
        ("no", "uuid"),
        ("t", "bool"),
        (datetime.datetime(2020, 1, 1, tzinfo=UTC), "timestamp"),
        (b"x", "text"),
        ("x", "bytea"),
        ([1], "int4"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_place(database: Database, given: object, kind: str):
    with pytest.raises(Wrong) as caught:
        value(database, f"select 1,\n {{x}}::{kind}", x=given)
    assert "`x`" in str(caught.value)
    assert f"LINE 2:  {{x}}::{kind}\n{' ' * 9}^" in str(caught.value)


def test_a_time_without_a_zone_is_meant_in_that_of_the_session(database: Database):
    database.execute("set time zone 'Asia/Tokyo'")
    sql = "select {t}::timestamptz = timestamptz '2020-01-01 00:00+09'"
    assert value(database, sql, t=pd.Timestamp("2020-01-01")) is True


def test_attributes_are_bound(database: Database):
    assert value(database, "select {a.b.c}::int + {a.b.c}", a=SimpleNamespace(b=SimpleNamespace(c=2))) == 4


def test_a_list_goes_into_any(database: Database):
    found = rows(
        database, "select i from generate_series(1, 9) i where i = any({some}) order by i", some=[2, 5]
    )
    assert found == [(2,), (5,)]


@pytest.mark.parametrize(
    ("sql", "named"),
    [("select {nobody}", "`nobody` is not defined"), ("select {a.nothing}", "`a.nothing` cannot be read")],
)
def test_what_nobody_knows_is_named(database: Database, sql: str, named: str):
    with pytest.raises(Wrong, match=named):
        value(database, sql, a=1)


# Attacks


ATTACKS = [
    "'; drop table victim; --",
    "' or '1'='1",
    "'' ; drop table victim",
    "\\'; drop table victim; --",
    "\\",
    "$$; drop table victim; $$",
    "$1",
    "$1$drop table victim$1$",
    "{other}",
    ":other",
    "%s %(x)s ?",
    "/* */ -- \n; drop table victim",
    "\u02bc; drop table victim; --",
    "\uff07; drop table victim; --",
    '"; drop table victim; --',
    "reactive.p1",
    "'||(select secret from victim)||'",
    "\x1b[31m\r\n\t\x08",
    "𝕏'😀\\u0027",
    "x" * 100_000 + "'",
]
PLACES = [
    "select {evil}::text as t",
    "select :evil::text as t",
    "select {evil}::text as t -- {evil} '",
    "select left('$1', 0) || {evil}::text as t",
    "with q as (select {evil}::text as t) select t from q",
    "select x as t from unnest(array[{evil}::text]) x",
    "select ({list}::text[])[1] as t",
    "select ({json}::jsonb)->>'k' as t",
    "insert into kept values ({evil}) returning t",
    "update kept set t = {evil} returning t",
]


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_a_value_is_never_read_as_sql(database: Database, attack: str):
    database.execute("create table victim as select 'untold' as secret")
    database.execute("create table kept (t text)")
    database.execute("insert into kept values ('')")
    given: dict[str, object] = {"evil": attack, "list": [attack], "json": {"k": attack}, "other": "gotcha"}
    for sql in PLACES:
        found = results(database, sql, given)[0].table["t"].to_pylist()
        assert found[-1] == attack
    assert value(database, "select secret from victim") == "untold"


@pytest.mark.parametrize(
    "attack", ['a"; drop table victim; --', 'a" , "b', "a.b", "A b", "ä😀", 'x"', "select", 'U&"\\0061"']
)
def test_an_identifier_is_one_name_whatever_is_in_it(database: Database, attack: str):
    database.execute("create table victim as select 'untold' as secret")
    results(database, "create table {t!i} (x int); insert into {t!i} values (7)", {"t": attack})
    assert value(database, "select x from {t!i}", t=attack) == 7
    names = rows(
        database,
        "select relname from pg_class where oid = {q}::regclass",
        q='"' + attack.replace('"', '""') + '"',
    )
    assert names == [(attack,)]
    assert value(database, "select secret from victim") == "untold"


@pytest.mark.parametrize("attack", [1, None, b"t", ["t"], "", "a\0", "x" * 64])
def test_what_is_no_name_is_refused_and_nothing_runs(database: Database, attack: object):
    with pytest.raises(Wrong, match="t!i"):
        results(database, "create table {t!i} (x int)", {"t": attack})


def test_a_str_that_changes_what_it_says_is_asked_once(database: Database):
    class Fickle(str):
        __slots__ = ()

        def replace(self, *_: object) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]  # that is the point
            return '"; drop table victim; --'

        def encode(self, *_: object) -> bytes:
            return b"harmless"

    database.execute("create table victim as select 'untold' as secret")
    with pytest.raises(Wrong, match="does not exist"):
        results(database, "select * from {t!i}", {"t": Fickle("harmless")})
    assert value(database, "select secret from victim") == "untold"


def test_text_in_strings_and_comments_is_the_users_own(database: Database):
    strings = "select '{evil} :evil $1' as a, $${evil}$$ as b, \"c\""
    sql = f"{strings} from (select 1 as c) s /* {{evil}} */ where 1 = {{one}} -- :evil"
    assert rows(database, sql, evil="x", one=1) == [("{evil} :evil $1", "{evil}", 1)]


def test_nothing_goes_into_the_body_of_a_block(database: Database):
    results(
        database, "do $$ begin raise notice '{evil} :evil $1'; end $$", {"evil": "'; drop table victim; --"}
    )
    assert list(database.notices) == ["NOTICE:  {evil} :evil $1"]


NAMES = [
    'x"; drop table victim; --',
    "x'); drop table victim; --",
    "$$; drop table victim; $$",
    "{evil}:evil$1",
]


@pytest.mark.parametrize("name", NAMES)
def test_what_things_are_called_in_the_database_is_never_read_as_sql(database: Database, url: str, name: str):
    database.execute("create table victim as select 'untold' as secret")
    given = {"name": name, "kind": f"{name} ", "evil": "'; drop table victim; --"}
    # A point and a limit have the query wrapped, and values are bound by their types' names.
    made = "create schema {name!i}; create table {name!i}.{name!i} ({name!i} point, y text)"
    results(database, f"{made}; create domain {{name!i}}.{{kind!i}} as text", given)
    results(database, "insert into {name!i}.{name!i} values ('(1,2)', {evil})", given)
    [result] = results(
        database,
        "select *, {evil}::{name!i}.{kind!i} as z from {name!i}.{name!i} where y = {evil}",
        given,
        limit=5,
    )
    assert result.table.to_pylist() == [{name: "(1,2)", "y": given["evil"], "z": given["evil"]}]
    quoted = ".".join(['"' + name.replace('"', '""') + '"'] * 2)
    watcher = Watcher(Target(url), lambda changed: None)
    try:
        watcher.add([quoted])
        assert watcher.by_triggers
        results(database, "delete from {name!i}.{name!i}", given)
    finally:
        watcher.close()
        results(database, "drop schema {name!i} cascade", given)
    assert value(database, "select secret from victim") == "untold"


def test_where_the_server_takes_no_value_it_says_so(database: Database):
    with pytest.raises(Wrong, match="syntax error"):
        results(database, "create role {name}", {"name": "x"})


def test_a_bound_value_leaves_nothing_behind_in_the_session(database: Database):
    assert value(database, "select {x}::text", x="kept?") == "kept?"
    assert value(database, "select coalesce(current_setting('reactive.p1', true), '')") == ""
    assert not database.in_transaction


def test_values_are_bound_within_the_users_own_transaction(database: Database):
    results(database, "begin; create table mine (x int); insert into mine values (1)")
    assert value(database, "select x from mine where x = {x}", x=1) == 1
    assert database.in_transaction
    results(database, "rollback")
