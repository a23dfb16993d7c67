"""Every type that the server has: generated tables of its values, compared with what the server prints."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from jupyter_extension.sql.database import Database

from .talk import results, rows

Draw = random.Random
NASTY = [
    "\\",
    "'",
    '"',
    "{",
    "}",
    ",",
    "(",
    ")",
    "NULL",
    "null",
    "$1",
    ":x",
    "%s",
    ";",
    "--",
    "/*",
    "\t",
    "\n",
]
BYTES = [b"\0", b"\xff\xff\xff\xff", b"\0\3\0\0\0\4", b"PGCOPY\n\xff\r\n\0", b"\x80", b"\xff\xff", b"\0\1"]


def text(draw: Draw) -> str:
    pool = [*NASTY, "ä", "😀", " ", "a", "Z", "\x01\x03", "\u2028", "\r", "\x7f", ""]
    return "".join(draw.choice(pool) for _ in range(draw.randint(0, 12)))


def bytes_of(draw: Draw) -> str:
    return "\\x" + b"".join(draw.choice(BYTES) for _ in range(draw.randint(0, 6))).hex()


def whole(bits: int) -> Callable[[Draw], str]:
    ends = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0, 1, -1, 255, 256]
    return lambda draw: str(draw.choice([*ends, draw.randint(ends[0], ends[1])]))


def unsigned(bits: int) -> Callable[[Draw], str]:
    return lambda draw: str(draw.choice([0, 1, 2**bits - 1, draw.randint(0, 2**bits - 1)]))


def real(draw: Draw) -> str:
    known = ["NaN", "Infinity", "-Infinity", "0", "-0", "1e-38", "3.4e38", "0.1", "16777217"]
    return draw.choice([*known, repr(draw.uniform(-1e6, 1e6)), repr(draw.uniform(-1, 1) * 1e-30)])


def double(draw: Draw) -> str:
    return draw.choice([real(draw), "5e-324", "1.7976931348623157e308", repr(draw.gauss(0, 1e200))])


def numeric(draw: Draw) -> str:
    digits = draw.choice([1, 4, 5, 9, 17, 20, 33])
    value = Decimal(draw.randint(-(10**digits), 10**digits)).scaleb(-draw.randint(0, 5))
    return format(value, "f")


def any_numeric(draw: Draw) -> str:
    return draw.choice([numeric(draw), "NaN", "Infinity", "-Infinity", "1e100", "-1e-100"])


def day(draw: Draw) -> str:
    known = ["4714-11-24 BC", "0044-03-15 BC", "0001-01-01", "1999-12-31", "2000-02-29", "9999-12-31"]
    return draw.choice([*known, "294276-12-31", f"{draw.randint(1, 9999):04}-{draw.randint(1, 12):02}-15"])


def hour(draw: Draw) -> str:
    whole_day = draw.randint(0, 86_399_999_999)
    seconds, micro = divmod(whole_day, 1_000_000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{micro:06}"


def moment(draw: Draw) -> str:
    found = draw.choice([day(draw), "1969-12-31", "2000-01-01"]).replace("294276", "294246")
    date, _, era = found.partition(" ")
    return f"{date} {draw.choice([hour(draw), '00:00:00', '23:59:59.999999'])} {era}"


def zone(draw: Draw) -> str:
    return draw.choice(["+00", "-11:30", "+14", "+05:45"])


def interval(draw: Draw) -> str:
    return (
        f"{draw.randint(-9999, 9999)} mons {draw.randint(-9999, 9999)} days {draw.choice('+-')}{hour(draw)}"
    )


def address(draw: Draw) -> str:
    four = ".".join(str(draw.randint(0, 255)) for _ in range(4))
    six = ":".join(f"{draw.randint(0, 65535):x}" for _ in range(8))
    return draw.choice([four, f"{four}/{draw.randint(0, 32)}", six, f"{six}/{draw.randint(0, 128)}", "::1"])


def point(draw: Draw) -> str:
    return f"({draw.uniform(-1e3, 1e3)!r},{draw.choice(['0', '-0', '1e300', repr(draw.random())])})"


def points(least: int, form: str) -> Callable[[Draw], str]:
    return lambda draw: form.format(",".join(point(draw) for _ in range(draw.randint(least, least + 2))))


def between(values: Callable[[Draw], str]) -> Callable[[Draw], str]:
    """Ranges of what can be compared as it is drawn, twice the same value."""

    def draw_range(draw: Draw) -> str:
        value = values(draw)
        inner = f'"{value}"'
        return draw.choice(["empty", "(,)", f"[{inner},{inner}]", f"[{inner},)", f"(,{inner}]"])

    return draw_range


def several(ranges: Callable[[Draw], str]) -> Callable[[Draw], str]:
    return lambda draw: "{" + ",".join({ranges(draw) for _ in range(draw.randint(0, 3))}) + "}"


def one_of(*values: str) -> Callable[[Draw], str]:
    return lambda draw: draw.choice(values)


def bits(draw: Draw) -> str:
    return "".join(draw.choice("01") for _ in range(draw.randint(1, 70)))


def small(draw: Draw) -> str:
    return str(draw.randint(-(10**6), 10**6))


JSON = one_of(
    "null",
    "{}",
    "[]",
    '{"a": [1, null, "x\\ny"]}',
    '"\\u00e4\\"{}"',
    "1.50",
    '{"b":1,"a":2, "b":3}',
    "[[[]]]",
)
RANGES = {
    "int4range": small,
    "int8range": small,
    "numrange": small,
    "daterange": one_of("2000-01-01", "1999-12-31"),
    "tsrange": one_of("2000-01-01 00:00:01", "1999-12-31 12:00"),
    "tstzrange": one_of("2000-01-01 00:00:01+05"),
}
MAKERS: dict[str, Callable[[Draw], str]] = {
    "bool": one_of("t", "f"),
    "int2": whole(16),
    "int4": whole(32),
    "int8": whole(64),
    "oid": unsigned(32),
    "float4": real,
    "float8": double,
    "numeric": numeric,
    "money": lambda draw: f"{draw.randint(-(10**9), 10**9)}.25",
    "text": text,
    "varchar": text,
    "bpchar": text,
    "name": lambda draw: text(draw)[:15],
    "bytea": bytes_of,
    "char": one_of("", "a", "\\", '"', "\\377"),
    "json": JSON,
    "jsonb": JSON,
    "jsonpath": one_of("$", "$.a[*] ? (@ > 1)"),
    "date": day,
    "time": hour,
    "timetz": lambda draw: hour(draw) + zone(draw),
    "timestamp": moment,
    "timestamptz": moment,
    "interval": interval,
    "uuid": lambda draw: str(uuid.UUID(int=draw.getrandbits(128))),
    "inet": address,
    "cidr": one_of("10.0.0.0/8", "::/0", "2001:db8::/32"),
    "bit": one_of("1", "0"),
    "varbit": bits,
    "macaddr": one_of("08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"),
    "macaddr8": one_of("08:00:2b:01:02:03:04:05"),
    "point": point,
    "line": one_of("{1,2,3}", "{-1,0.5,1e10}"),
    "lseg": lambda draw: f"[{point(draw)},{point(draw)}]",
    "box": lambda draw: f"{point(draw)},{point(draw)}",
    "path": points(1, "[{}]"),
    "polygon": points(1, "({})"),
    "circle": lambda draw: f"<{point(draw)},{draw.random()!r}>",
    "tsvector": one_of("", "'a b':1A 'c''d':2,3", "x"),
    "tsquery": one_of("", "'a' & !'b c'", "'x' <-> 'y':*AB"),
    "pg_lsn": one_of("0/0", "FFFFFFFF/FFFFFFFF", "16/B374D848"),
    "pg_snapshot": one_of("10:20:10,14,15"),
    "txid_snapshot": one_of("10:20:10,14,15"),
    "tid": one_of("(0,1)", "(42,7)"),
    "xid": unsigned(32),
    "xid8": unsigned(63),
    "cid": unsigned(32),
    "int2vector": one_of("", "1 2 -3"),
    "oidvector": one_of("", "1 2 3"),
    "refcursor": text,
    "aclitem": one_of("=r/postgres", "postgres=arwd*/postgres"),
    "regclass": one_of("pg_class", "pg_type"),
    "regtype": one_of("int4", "timestamptz"),
    "regproc": one_of("pg_sleep", "-"),
    "regprocedure": one_of("pg_sleep(float8)"),
    "regoper": one_of("||/"),
    "regoperator": one_of("+(int4,int4)"),
    "regrole": one_of("postgres"),
    "regnamespace": one_of("pg_catalog"),
    "regconfig": one_of("simple"),
    "regdictionary": one_of("simple"),
    "regcollation": one_of('"C"'),
    **{name: between(value) for name, value in RANGES.items()},
    **{name.replace("range", "multirange"): several(between(value)) for name, value in RANGES.items()},
}
# What cannot be written: the server makes them for itself; and `xml`, which this one was built without.
UNWRITABLE = {
    "xml", "pg_node_tree", "pg_ndistinct", "pg_dependencies", "pg_mcv_list", "pg_brin_bloom_summary",
    "pg_brin_minmax_multi_summary", "gtsvector",
}  # fmt: skip
ALL = """select typname::text from pg_type join pg_namespace space on space.oid = typnamespace
    where nspname = 'pg_catalog' and typtype in ('b', 'r', 'm') and typcategory <> 'A' order by 1"""


def test_every_type_of_the_server_is_in_these_tests(database: Database):
    known = {row[0] for row in database.fetch(ALL).rows}
    assert known - UNWRITABLE <= MAKERS.keys()


# How the server prints what Arrow has another form for, and that form.


def as_it_is(value: Any) -> str:
    return str(value)


def number(value: Any) -> str:
    return format(Decimal(value).normalize(), "f")


def span(value: Any) -> str:
    return f"{value.months} {value.days} {value.nanoseconds // 1000}"


# What arrays of these come apart into; those of all others are texts.
ELEMENT_KINDS = {
    "bool", "bytea", "name", "int8", "int2", "int4", "text", "oid", "json", "float4", "float8", "bpchar",
    "varchar", "date", "time", "timestamp", "timestamptz", "interval", "numeric",
}  # fmt: skip
MICRO = "(extract(epoch from {}) * 1000000)::int8::text"
PRINTED: dict[str, tuple[str, Callable[[Any], str]]] = {
    "bool": ("{}::text", lambda value: str(value).lower()),
    "bytea": ("encode({}, 'hex')", bytes.hex),
    "float4": ("{}::float8::text", lambda value: repr(np.float64(value))),
    "float8": ("{}::text", lambda value: repr(np.float64(value))),
    "numeric": ("{}::text", number),
    "date": ("({} - date '1970-01-01')::text", as_it_is),
    "time": (MICRO, as_it_is),
    "timestamp": (MICRO, as_it_is),
    "timestamptz": (MICRO, as_it_is),
    "interval": (
        "(extract(year from {0}) * 12 + extract(month from {0})) || ' ' || extract(day from {0}) || ' ' "
        "|| ((extract(hour from {0}) * 60 + extract(minute from {0})) * 60000000 "
        "+ extract(microsecond from {0}))",
        span,
    ),
}
AS_NUMBERS = {"date": "int32", "time": "int64", "timestamp": "int64", "timestamptz": "int64"}
READ_BACK: dict[str, Callable[[str], str]] = {
    "float4": lambda said: repr(np.float64(said)),
    "float8": lambda said: repr(np.float64(said)),
    "numeric": number,
}


def made(database: Database, kind: str, seed: int) -> str:
    """A table of so many values of a type, beside a column that imitates rows, and NULLs in between."""
    draw = Draw(f"{kind} {seed}")
    drawn = [MAKERS[kind](draw) if draw.random() < 0.85 else None for _ in range(draw.randint(1, 60))]
    beside = [draw.choice(BYTES) * draw.randint(0, 3) for _ in drawn]
    own = f'"{kind}"'
    database.execute(f"create table made (at int, before bytea, v {own}, a {own}[], after bytea)")
    results(
        database,
        f"insert into made select at, b, t::{own}, array[t, null, t]::{own}[], b "
        "from unnest({drawn}::text[], {beside}::bytea[]) with ordinality as x(t, b, at)",
        {"drawn": drawn, "beside": beside},
    )
    return "select before, v, after from made order by at"


def ours(kind: str, column: Any) -> list[str | None]:
    form = PRINTED.get(kind, ("", as_it_is))[1]
    values = column.cast(AS_NUMBERS[kind]).to_pylist() if kind in AS_NUMBERS else column.to_pylist()
    return [None if value is None else form(value) for value in values]


def theirs(
    database: Database, kind: str, column: str = "v", source: str = "made order by at"
) -> list[str | None]:
    plain = "case when {0} is not null then format('%s', {0}) end"
    printed = PRINTED.get(kind, (plain, as_it_is))[0].format(column)
    read = READ_BACK.get(kind, as_it_is)
    said = [row[0] for row in database.fetch(f"select {printed} from {source}").rows]
    return [None if each is None else read(each) for each in said]


@pytest.mark.parametrize("kind", MAKERS)
def test_generated_values_are_what_the_server_prints(database: Database, kind: str):
    for seed in range(3):
        sql = made(database, kind, seed)
        [copied] = results(database, sql)
        assert copied.notes == ()
        assert ours(kind, copied.table["v"]) == theirs(database, kind)
        assert copied.table["before"].equals(copied.table["after"])
        assert ours("bytea", copied.table["before"]) == theirs(database, "bytea", "before")
        # What COPY does not take comes another way, and is the same.
        [_, _, fetched, *_] = results(
            database, f"begin; declare c cursor for {sql}; fetch all from c; commit"
        )
        assert fetched.table.schema.equals(copied.table.schema)
        assert repr(ours(kind, fetched.table["v"])) == repr(ours(kind, copied.table["v"]))
        assert fetched.table["before"].equals(copied.table["before"])
        assert fetched.notes == copied.notes
        database.execute("drop table made")


@pytest.mark.parametrize("kind", MAKERS)
def test_generated_arrays_are_what_the_server_prints(database: Database, kind: str):
    made(database, kind, 3)
    sql = "select a from made where v is not null order by at"
    [copied] = results(database, sql)
    [_, _, fetched, *_] = results(database, f"begin; declare c cursor for {sql}; fetch all from c; commit")
    if kind not in ELEMENT_KINDS:
        expected = [row[0] for row in rows(database, sql.replace("a ", "a::text ", 1))]
        assert copied.table["a"].to_pylist() == fetched.table["a"].to_pylist() == expected
        return
    source = "made, unnest(a) with ordinality as e(v, n) where made.v is not null order by at, n"
    expected = theirs(database, kind, "e.v", source)
    for result in (copied, fetched):
        assert ours(kind, result.table["a"].combine_chunks().flatten()) == expected
    assert fetched.table.schema.equals(copied.table.schema)


@pytest.mark.parametrize(
    "value",
    [
        "time '24:00'",
        "date 'infinity'",
        "timestamp '-infinity'",
        "interval 'infinity'",
        "array[time '24:00', '01:02:03.000004']",
        "'{infinity,2000-01-01}'::timestamptz[]",
        "a from (values (array['a,b', 'NULL', '', null]), (array[['c', E'd\\\\\"e']])) v(a)",
        "a from (values (array[date '0044-03-15 BC']), (array[[date '2000-01-01']])) v(a)",
        "a from (values (array[true]), (array[[false]])) v(a)",
        "a from (values ('\\x00'::bytea || '{}'::bytea[]), (array[['\\xff'::bytea]])) v(a)",
        "null::int[]",
        "null",
        "'[0:1]={1,2}'::int[]",
        "row(null, row(1, 'x'))",
        "array[row(1, 2)]",
        "null::record",
        "pg_sleep(0)",
    ],
)
def test_what_has_no_form_in_arrow_is_said_the_same_on_both_ways(database: Database, value: str):
    [copied] = results(database, f"select {value}")
    [_, _, fetched, *_] = results(
        database, f"begin; declare c cursor for select {value}; fetch all from c; commit"
    )
    assert fetched.table.equals(copied.table)
    assert fetched.notes == copied.notes


def test_arrays_of_different_dimensions_are_written_as_the_server_does(database: Database):
    values = "(array['a,b', 'NULL', '', null]), (array[['c', E'd\\\\\"e']]), ('{}'), (null)"
    [result] = results(database, f"select a from (values {values}) v(a)")
    printed = rows(database, f"select a::text from (values {values}) v(a)")
    assert result.table["a"].to_pylist() == [row[0] for row in printed]
    assert "different dimensions" in result.notes[0]


@pytest.mark.parametrize("seed", range(5))
def test_numbers_that_are_no_decimals_come_as_the_server_prints_them(database: Database, seed: int):
    draw = Draw(seed)
    drawn = ["NaN", *(any_numeric(draw) for _ in range(30))]
    [result] = results(database, "select x::numeric as v from unnest({drawn}::text[]) x", {"drawn": drawn})
    assert result.table["v"].to_pylist() == [
        row[0] for row in rows(database, "select x::numeric::text from unnest({d}::text[]) x", d=drawn)
    ]


TEXTS = [kind for kind in MAKERS if kind not in ELEMENT_KINDS]


@pytest.mark.parametrize("kind", TEXTS)
def test_what_comes_as_text_goes_in_as_text(database: Database, kind: str):
    made(database, kind, 4)
    given = [row[0] for row in rows(database, "select v::text from made where v is not null order by at")]
    if kind in ("json", "jsonb"):
        return
    sql = f'select x::text as x from unnest({{given}}::"{kind}"[]) x'
    assert [row[0] for row in rows(database, sql, given=given)] == given
    for value in given[:5]:
        assert rows(database, f'select ({{value}}::"{kind}")::text as x', value=value) == [(value,)]


def test_names_of_types_are_no_sql(database: Database):
    database.execute("create table victim as select 'untold' as secret")
    for name in ('"; drop table victim; --', "a'b", "A b", "_y", "{z}", "$1", ":q"):
        quoted = '"' + name.replace('"', '""') + '"'
        database.execute(f"create type {quoted} as enum ('one', 'it''s \"two\"')")
        asked = f"select {{x}}::{quoted} as x, {{l}}::{quoted}[] as l"
        # A cell's text has names in quotes, in which nothing is bound.
        assert rows(database, asked, x='it\'s "two"', l=["one", None, 'it\'s "two"']) == [
            ('it\'s "two"', '{one,NULL,"it\'s \\"two\\""}')
        ]
    assert rows(database, "select secret from victim") == [("untold",)]
