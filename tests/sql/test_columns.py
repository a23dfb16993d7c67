"""Every type's values, compared with what the server itself prints."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest

from jupyter_extension.sql.columns import Decoder, Garbled
from jupyter_extension.sql.database import Database
from jupyter_extension.sql.types import column

from .talk import results, rows, value


def text_of(database: Database, expression: str) -> str | None:
    return database.fetch(f"select ({expression})::text").rows[0][0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("true", True),
        ("null::bool", None),
        ("32767::int2", 32767),
        ("(-2147483648)::int4", -2147483648),
        ("9223372036854775807", 9223372036854775807),
        ("4294967295::oid", 4294967295),
        ("1.5::float4", 1.5),
        ("'-infinity'::float8", float("-inf")),
        ("1e308::float8", 1e308),
        ("'ä😀'::text", "ä😀"),
        ("''::text", ""),
        ("'x '::char(3)", "x  "),
        ("'n'::name", "n"),
        ("'\\x00ff0008'::bytea", b"\x00\xff\x00\x08"),
        ("'{\"a\": [1, null]}'::json", '{"a": [1, null]}'),
        ("'{\"a\":1}'::jsonb", '{"a": 1}'),
        ("'9a3c6d3e-58b6-4f4d-8c39-2b1a6f2c7a11'::uuid", "9a3c6d3e-58b6-4f4d-8c39-2b1a6f2c7a11"),
        ("'[1,5)'::int4range", "[1,5)"),
        ("'{[1,2],[5,6]}'::int4multirange", "{[1,3),[5,7)}"),
        ("'10.0.0.1/8'::inet", "10.0.0.1/8"),
        ("'(1,2)'::point", "(1,2)"),
        ("B'101'", "101"),
        ("'24:00:00+01'::timetz", "24:00:00+01"),
        ("'a & b'::tsquery", "'a' & 'b'"),
        ("row(1, 'x')", "(1,x)"),
        ("pg_sleep(0)", ""),
        ("'12.50'::money", "$12.50"),
        ("array[1, null, 3]", [1, None, 3]),
        ("array['a', 'b\"c']", ["a", 'b"c']),
        ("array[[1, 2], [3, 4]]", [[1, 2], [3, 4]]),
        ("'{}'::int[]", []),
        ("null::int[]", None),
        ("array[1.5, 2.25]", [Decimal("1.50"), Decimal("2.25")]),
        ("array['9a3c6d3e-58b6-4f4d-8c39-2b1a6f2c7a11'::uuid]", "{9a3c6d3e-58b6-4f4d-8c39-2b1a6f2c7a11}"),
    ],
)
def test_a_value_is_what_the_server_has(database: Database, expression: str, expected: object):
    found = value(database, f"select {expression}")
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "number",
    [
        "0",
        "1",
        "-1",
        "0.00",
        "1.10",
        "-0.001",
        "9999",
        "10000",
        "10001",
        "12345678.87654321",
        "0.00001",
        "1e17",
        "99999999999999999",
        "123456789012345678",
        "0.123456789012345678",
        "1e30",
        "-1e-30",
        "12345678901234567890123456789012345678",
        "1234567890123456789012345678901234567890.5",
        "1e75",
        "10000.00010000",
        "100000000",
        "0.0000000000000000000000000000000000001",
    ],
)
def test_a_number_keeps_its_digits(database: Database, number: str):
    found = value(database, f"select {number}::numeric")
    assert found == Decimal(number)
    assert format(found, "f") == text_of(database, f"{number}::numeric")


@pytest.mark.parametrize("number", ["'NaN'", "'Infinity'", "'-Infinity'", "1e80", "1e-90"])
def test_what_is_no_decimal_is_shown_as_text_and_said(database: Database, number: str):
    [result] = results(database, f"select {number}::numeric as n union all select 1.5")
    assert result.table["n"].to_pylist()[0] == text_of(database, f"{number}::numeric")
    assert "shown as text" in result.notes[0]


@pytest.mark.parametrize("kind", ["date", "timestamp", "timestamptz"])
@pytest.mark.parametrize(
    "moment",
    ["2000-01-01", "1970-01-01", "1999-12-31", "0001-01-01", "4712-01-01 BC", "9999-12-31", "90000-01-01"],
)
def test_a_time_is_right_in_every_age(database: Database, kind: str, moment: str):
    [result] = results(database, f"select '{moment}'::{kind} as t")
    [found] = result.table["t"].cast("int32" if kind == "date" else "int64").to_pylist()
    unit = "1" if kind == "date" else "1000000"
    epoch = database.fetch(f"select (extract(epoch from '{moment}'::{kind}) * {unit})::numeric::text").rows[
        0
    ][0]
    assert str(found * (86400 if kind == "date" else 1)) == epoch.partition(".")[0]
    assert result.notes == ()


@pytest.mark.parametrize(
    ("kind", "moment"),
    [
        ("date", "infinity"),
        ("date", "-infinity"),
        ("timestamp", "infinity"),
        ("timestamptz", "-infinity"),
        ("timestamp", "294276-12-31"),
        ("interval", "infinity"),
        ("time", "24:00:00"),
    ],
)
def test_what_arrow_has_no_value_for_is_null_and_said(database: Database, kind: str, moment: str):
    [result] = results(database, f"select '{moment}'::{kind} as t")
    assert result.table["t"].to_pylist() == [None]
    assert "shown as NULL" in result.notes[0]


def test_an_interval_keeps_its_months(database: Database):
    found = value(database, "select interval '1 year 2 mons -3 days 04:05:06.7'")
    assert (found.months, found.days, found.nanoseconds) == (14, -3, 14706700000000)


def test_integers_stay_integers_beside_nulls(database: Database):
    [result] = results(database, "select * from (values (1), (null)) v(n)")
    assert str(result.table.schema.field("n").type) == "int32"
    assert result.table["n"].to_pylist() == [1, None]


def test_enums_and_composites_and_domains(database: Database):
    database.execute("create type mood as enum ('so', 'la la')")
    database.execute("create type pair as (a int, b text)")
    database.execute("create domain small as int check (value < 10)")
    sql = "select 'la la'::mood, row(1, 'x y')::pair, 7::small, array['so'::mood]"
    assert rows(database, sql) == [("la la", '(1,"x y")', 7, "{so}")]


def test_columns_of_the_same_name_are_kept_apart_and_said(database: Database):
    [result] = results(database, "select 1 as a, 2 as a, 3 as a_2, 4 as a")
    assert result.table.column_names == ["a", "a_3", "a_2", "a_4"]
    assert result.table.to_pylist() == [{"a": 1, "a_3": 2, "a_2": 3, "a_4": 4}]
    assert len(result.notes) == 2


def test_no_rows_keep_their_types(database: Database):
    [result] = results(database, "select 1 as i, 'x' as t, now() as w, 1.5 as n, array[1] as l where false")
    kinds = [str(field.type) for field in result.table.schema]
    assert kinds == ["int32", "string", "timestamp[us, tz=UTC]", "decimal128(38, 0)", "list<item: int32>"]
    assert result.rows == 0


def test_no_columns_keep_their_rows(database: Database):
    [result] = results(database, "select from generate_series(1, 1000)")
    assert (result.rows, result.table.num_columns) == (1000, 0)


def test_statements_that_copy_does_not_take_give_the_same_types(database: Database):
    sql = """select 1::int2 as a, null::int4 as b, 1.50 as c, date '-infinity' as d,
        timestamp '2020-01-02' as e, timestamptz '0044-03-15 BC' as f,
        interval '1 mon' as g, array[1, 2] as h, '{"a":1}'::jsonb as i,
        '\\x00'::bytea as j, time '12:00' as k, array[[1],[2]] as l, true as m, 'x' as n"""
    [copied] = results(database, sql)
    database.execute("begin")
    database.execute(f"declare c cursor for {sql}")
    [fetched] = results(database, "fetch all from c")
    database.execute("rollback")
    assert fetched.table.schema.equals(copied.table.schema)
    assert fetched.table.equals(copied.table)
    assert fetched.notes == copied.notes


# Adversarial bytes, and rows in pieces


NASTY = [
    b"",
    b"\x00\x03",
    b"\xff\xff\xff\xff",
    b"\x00\x03\x00\x00\x00\x04",
    b"\x00\x03\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x00\x03\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00",
    b"PGCOPY\n\xff\r\n\0",
]


@pytest.mark.parametrize("seed", range(20))
def test_bytes_that_imitate_rows_stay_bytes(database: Database, seed: int):
    draw = random.Random(seed)
    made = [
        (
            number if draw.random() < 0.8 else None,
            draw.choice([None, *(each * draw.randint(1, 3) for each in NASTY)]),
            draw.choice([None, "", "\x01\x03", "ÿ" * draw.randint(0, 400)]),
        )
        for number in range(draw.randint(1, 300))
    ]
    database.execute("create table nasty (n int4, b bytea, t text, at int8)")
    sql = "insert into nasty select * from unnest({n}::int[], {b}::bytea[], {t}::text[]) with ordinality"
    columns = dict(zip("nbt", ([row[at] for row in made] for at in range(3))))
    results(database, sql, columns)
    for order in ("n, b, t", "b, t, n", "t, n, b"):
        at = ["nbt".index(name) for name in order.split(", ")]
        expected = [tuple(row[each] for each in at) for row in made]
        assert rows(database, f"select {order} from nasty order by at") == expected


def copied(database: Database, sql: str) -> tuple[Decoder, bytes]:
    described = database.describe(sql)
    pieces: list[bytes] = []
    database.copy(sql, pieces.extend)
    return Decoder(described.columns), b"".join(pieces)


@pytest.mark.parametrize(
    "cut", [lambda size: [1] * size, lambda size: [7] * (size // 7 + 1), lambda size: [19, 1, 5, 100, size]]
)
def test_rows_come_out_the_same_however_the_stream_is_cut(
    database: Database, cut: Callable[[int], list[int]]
):
    sql = (
        "select i, repeat(chr(64 + i % 7), i % 11) as t, case when i % 3 > 0 then i * 1.5 end as n "
        "from generate_series(1, 90) i"
    )
    decoder, stream = copied(database, sql)
    blocks, at = [], 0
    for size in cut(len(stream)):
        arrays, count = decoder.feed([stream[at : at + size]])
        at += size
        if count:
            blocks.append(arrays)
    decoder.finish()
    got = [[item for block in blocks for item in block[column].to_pylist()] for column in range(3)]
    assert list(zip(*got)) == rows(database, sql)


def test_a_stream_that_ends_within_a_row_is_refused(database: Database):
    decoder, stream = copied(database, "select 1, 'text'")
    decoder.feed([stream[:-4]])
    with pytest.raises(Garbled):
        decoder.finish()


def test_what_is_no_copy_is_refused():
    with pytest.raises(Garbled):
        Decoder([column("a", 23, "int4")]).feed([b"HTTP/1.1 400 Bad Request\r\n"])


def test_generated_tables_come_out_as_the_server_prints_them(database: Database):
    database.execute("""create table many as select i as i, (i * 7919 % 1000)::int2 as s, i::int8 << 33 as l,
        sqrt(abs(i)) as f, (i % 977)::numeric / 7 as n, (i || ' ' || repeat('ä', i % 40)) as t,
        case when i % 5 > 0 then timestamptz '2000-01-01' + i * interval '1 h' end as w, i % 2 = 0 as b,
        date '2000-01-01' + i as d, int4range(i, i + 3) as r, array[i, null, -i] as a
        from generate_series(-20000, 20000) i""")
    [result] = results(database, "select * from many order by i")
    frame = result.table
    sums = "count(*), sum(i), sum(s), sum(l % 1000003), sum(length(t)), count(w), count(*) filter (where b)"
    expected = database.fetch(f"select {sums} from many").rows[0]
    lengths = [len(text) for text in frame["t"].to_pylist()]
    got = (
        len(frame),
        sum(frame["i"].to_pylist()),
        sum(frame["s"].to_pylist()),
        sum(int(np.fmod(each, 1000003)) for each in frame["l"].to_pylist()),
        sum(lengths),
        len(frame) - frame["w"].null_count,
        sum(frame["b"].to_pylist()),
    )
    assert tuple(map(int, expected)) == got
    printed = rows(database, "select n::text, d::text, r::text, to_json(a)::text from many order by i")
    for (n, d, r, a), row in zip(printed, frame.to_pylist()):
        assert (Decimal(n), d, r, json.loads(a)) == (row["n"], row["d"].isoformat(), row["r"], row["a"])
