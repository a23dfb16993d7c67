"""`%sql` and `%%sql` in a plain ipykernel, as a front end meets them."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from jupyter_extension.sql.database import Database, Target
from jupyter_extension.sql.table import MIME

from .conftest import new_place
from .kernels import REPOSITORY, Kernel, kernel


@pytest.fixture(scope="module")
def shared(url: str) -> Iterator[Kernel]:
    with kernel(DATABASE_URL=url) as started:
        started.run("%load_ext jupyter_extension.sql")
        yield started


@pytest.fixture
def sql(shared: Kernel) -> Kernel:
    """The module's kernel; a transaction that a test left open is none of the next one's business."""
    shared.run("%sql rollback")
    return shared


# Results


def test_a_result_is_one_bundle_of_three_forms(sql: Kernel):
    [bundle] = sql.sql("select 1 as n, 'x' as t").bundles
    assert list(bundle) == [MIME, "text/html", "text/plain"]
    grid = bundle[MIME]
    assert grid["schema"] == [
        {"name": "n", "type": "int4", "arrow": "int32"},
        {"name": "t", "type": "text", "arrow": "string"},
    ]
    assert (grid["version"], grid["rows"], grid["first"], grid["cut"], grid["coming"]) == (
        1,
        1,
        1,
        False,
        False,
    )
    rows = pa.ipc.open_stream(base64.b64decode(grid["arrow"])).read_all()
    assert rows.to_pylist() == [{"n": 1, "t": "x"}]
    assert bundle["text/plain"].splitlines()[:3] == ["n | t", "--+--", "1 | x"]


def test_every_statement_shows_its_own_result(sql: Kernel):
    ran = sql.sql(
        "create temp table several (x int); insert into several values (1), (2); table several; select 7"
    )
    assert [bundle[MIME]["rows"] for bundle in ran.bundles] == [2, 1]
    assert [line.split(" · ")[0] for line in ran.text().splitlines()] == ["CREATE TABLE", "INSERT 0 2"]


def test_nothing_in_a_result_is_markup(sql: Kernel):
    [bundle] = sql.sql("select '<script>alert(1)</script>' as \"<img src=x onerror=alert(1)>\"").bundles
    assert "<script" not in bundle["text/html"]
    assert "<img" not in bundle["text/html"]
    assert "&lt;script&gt;" in bundle["text/html"]


def test_what_is_left_out_is_said(sql: Kernel):
    [bundle] = sql.sql("select generate_series(1, 1000) as n").bundles
    assert "Showing 100 of 1,000 rows." in bundle["text/html"]
    assert "Showing 20 of 1,000 rows." in bundle["text/plain"]
    [bundle] = sql.sql("select generate_series(1, 1000) as n", "--limit 5").bundles
    assert bundle[MIME]["cut"] is True
    assert "The query has more rows; --limit left them out after 5." in bundle["text/plain"]
    [bundle] = sql.sql("select generate_series(1, 5) as n", "--limit 5").bundles
    assert bundle[MIME]["cut"] is False


def test_a_null_is_told_from_a_text(sql: Kernel):
    [bundle] = sql.sql("select null as a, 'NULL' as b").bundles
    assert bundle["text/html"].count("<i ") == 1


def test_the_first_rows_are_shown_while_the_rest_is_on_its_way(sql: Kernel):
    rows = "select a, repeat('x', 200) from generate_series(1, 300) a, generate_series(1, 3000) b"
    ran = sql.sql(f"{rows} union all select 0, pg_sleep(0.4)::text")
    [first, *_] = ran.of_type("display_data")
    assert first["content"]["data"][MIME]["coming"] is True
    assert "rows so far" in first["content"]["data"]["text/plain"]
    [bundle] = ran.bundles
    assert (bundle[MIME]["coming"], bundle[MIME]["rows"]) == (False, 900_001)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("", "pandas.DataFrame"),
        ("--as pandas", "pandas.DataFrame"),
        ("--as arrow", "pyarrow.lib.Table"),
        ("--as polars", "polars.dataframe.frame.DataFrame"),
    ],
)
def test_the_rows_are_what_was_asked_for(sql: Kernel, line: str, kind: str):
    sql.sql("select 1 as n", f"rows << {line}")
    assert kind in sql.value("type(rows)").replace("core.frame.", "")
    assert sql.value("len(rows)") == "1"


def test_a_name_gets_the_last_statements_rows(sql: Kernel):
    sql.sql("select 1 as n; select 2 as n", "rows <<")
    assert sql.value("rows.n.tolist()") == "[2]"


def test_one_line_is_a_value(sql: Kernel):
    assert sql.run("least = 3\nrows = %sql select generate_series(1, 5) as n limit {least}").bundles == []
    assert sql.value("rows.n.tolist()") == "[1, 2, 3]"


def test_ipython_puts_nothing_into_a_line(sql: Kernel):
    sql.run("evil = \"1; drop table x\"\nrows = %sql select {evil}::text as t, '$evil' as u")
    assert sql.value("rows.values.tolist()") == "[['1; drop table x', '$evil']]"


def test_values_are_bound_by_name(sql: Kernel):
    sql.run("import types\nlow, box = 2, types.SimpleNamespace(high=4)")
    sql.sql("select n from generate_series(1, 9) n where n >= :low and n < {box.high}", "rows <<")
    assert sql.value("rows.n.tolist()") == "[2, 3]"


# What goes wrong


def test_an_error_shows_state_hint_and_a_caret_in_the_users_own_text(sql: Kernel):
    sql.run("some = 1")
    ran = sql.sql("select 1;\nselect {some}::int,\n  nope from pg_class")
    assert ran.error.splitlines()[:3] == [
        'column "nope" does not exist (SQLSTATE 42703)',
        "LINE 3:   nope from pg_class",
        "          ^",
    ]
    [error] = ran.of_type("error")
    assert "jupyter_extension" not in "\n".join(error["content"]["traceback"])
    assert ran.reply["content"]["status"] == "error"
    assert len(ran.bundles) == 1


@pytest.fixture
def mistaken(sql: Kernel) -> Kernel:
    """With a table and variables to make mistakes with."""
    sql.sql(
        "create table if not exists residents (x int); create schema if not exists apart;"
        "create table if not exists apart.elsewhere (x int)"
    )
    sql.run("word, many = 'word', [1, 2]")
    return sql


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("%%sql\nselect {unheard_of}", "`unheard_of` is not defined"),
        ("%%sql\nselect {a + b}", "neither a name nor an attribute"),
        ("%%sql\nselect 'open", "unterminated"),
        ("%%sql --colour red\nselect 1", "--colour is not known"),
        ("%%sql --limit many\nselect 1", "--limit is a number"),
        ("%%sql --on nowhere\nselect 1", "no connection `nowhere`"),
        ("%%sql select 1\nselect 1", "not understood"),
        ("%%sql\n-- nothing", "no statement"),
        ("%sql postgresql://nobody@/nowhere?host=/nonexistent", "cannot be reached"),
        ("%sql postgresql://u:pw@127.0.0.1:1/db", "Is the server running, and is that its port?"),
        (
            "%sql postgresql://u:pw@nohost.invalid/db",
            "u:***@nohost.invalid/db cannot be reached: there is no host",
        ),
        ("%sql postgresql://u@h:x/d", "postgresql://u@h:x/d cannot be read"),
        ("%sql mysql://u@h/d", "mysql:// is no Postgres. It is %sql postgresql://"),
        ("%sql --nam other postgresql://u@h/d", "--nam is not known; there are --on, --as, --limit, --name"),
        ("%%sql\nselect * from residetns", "HINT: There is `residents`."),
        ("%%sql\nselect * from elsewhere", "HINT: There is `apart.elsewhere`."),
        ("%%sql\nselect * from residents where x = :missing", "HINT: There is no variable `missing`"),
        ("%%sql\nselect * from residents where x in {many}", "near {many} (SQLSTATE 42601)"),
        ("%%sql\nselect * from residents where x in {many}", "HINT: A list goes in as `= any({many})`."),
        ("%%sql\nselect * from residents where x in ({many})", "HINT: A list goes in as `= any({many})`."),
        ("%%sql\nselect * from {word}", "table or a column goes in as {word!i}"),
        ("%%sql\nselect {word} is null", "parameter {word} (SQLSTATE 42P18)\nLINE 1: select {word}"),
        ("%%sql\nselect {word} is null", "HINT: Say of what type it is, as in {word}::text."),
        ("%%sql\nselect $1", "HINT: A value of Python's goes in as {name}."),
        ("%%sql\nselect * from residents where x = %s", "HINT: A value of Python's goes in as {name}."),
        ("%%sql\n\\d residents", "HINT: Commands of psql's are no SQL."),
        (
            "%%sql\nselect * from residents where x = {word}",
            "`word`: a str does not go into int4: give a whole",
        ),
        ("%%sql\nselect {word}::date", "give a date, or a str such as '2020-01-31'"),
        ("%%sql\ncopy residents from stdin", "waits for rows that nobody here sends"),
        ("%%sql\ncopy residents to stdout", "SELECT the rows"),
        ("%%sql\nbegin; select 1/0", "division by zero"),
        (
            "%%sql --on frames\nselect * from word",
            "`word` is no data frame that can be read; its type is str",
        ),
    ],
)
def test_a_mistake_is_a_sentence(mistaken: Kernel, source: str, said: str):
    assert said in mistaken.run(source).error


def test_a_failed_transaction_says_how_it_ends(sql: Kernel):
    sql.sql("begin; select 1/0")
    assert "HINT: ROLLBACK ends the transaction" in sql.sql("select 1").error


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("select '{word}'", "`{word}` in quotes is text."),
        ("select 1 where 'x' like '%{word}%'", "'%' || {word} || '%'"),
        ("select 1 as x order by {word}", "To order or group by a value does nothing"),
        ("select count(*) group by :word", "To order or group by a value does nothing"),
    ],
)
def test_what_is_probably_not_meant_is_said_beside_the_result(mistaken: Kernel, body: str, said: str):
    [bundle] = mistaken.sql(body).bundles
    assert said in " ".join(bundle[MIME]["notes"])


@pytest.mark.parametrize(
    "body",
    [
        "select '{\"a\": 1}'::jsonb",
        "select '{word2}'",
        "select $${word}$$",
        "select {word} || '%'",
        "select 1 order by 1",
    ],
)
def test_nothing_is_said_beside_a_result_that_is_as_it_should_be(mistaken: Kernel, body: str):
    [bundle] = mistaken.sql(body).bundles
    assert bundle[MIME]["notes"] == []


def test_a_failed_connection_leaves_the_old_one(sql: Kernel):
    sql.run("%sql postgresql://nobody@/nowhere?host=/nonexistent")
    assert len(sql.sql("select 1").bundles) == 1


def test_notices_are_told(sql: Kernel):
    ran = sql.sql("do $$ begin raise notice 'look %', 7; end $$")
    assert ran.text("stderr") == "NOTICE:  look 7\n"


# State


def test_an_open_transaction_is_visible(sql: Kernel):
    assert "a transaction is open" in sql.sql("begin").text()
    assert "a transaction is open" in sql.sql("select 1").bundles[0]["text/plain"]
    assert "; a transaction is open" in sql.run("%sql").text()
    assert "transaction" not in sql.sql("rollback").text()
    assert "no transaction is open" in sql.run("%sql").text()


def test_a_second_connection_has_a_name(sql: Kernel, url: str):
    assert sql.run(f"%sql {url} --name second").text().startswith("second: PostgreSQL")
    first, second = (sql.sql("select pg_backend_pid() as p", line).bundles[0] for line in ("", "--on second"))
    assert first[MIME]["arrow"] != second[MIME]["arrow"]


def test_frames_are_tables(sql: Kernel):
    sql.run("import pandas as pd\nframe = pd.DataFrame({'n': [1, 2, 3]})\nleast = 2")
    sql.sql("select sum(n) as s from frame where n >= {least}", "total << --on frames")
    assert sql.value("int(total.s[0])") == "5"
    assert "`missing` is not defined" in sql.sql("select * from missing", "--on frames").error


def test_rows_that_had_come_before_an_error_are_not_called_so_far(sql: Kernel):
    rows = "select a, repeat('x', 200) from generate_series(1, 300) a, generate_series(1, 3000) b"
    ran = sql.sql(f"{rows} union all select 1 / (case when pg_sleep(0.4) is null then 1 else 0 end), ''")
    assert "division by zero" in ran.error
    [bundle] = ran.bundles
    assert bundle[MIME]["coming"] is False
    assert "when it was stopped" in bundle["text/plain"]


def test_an_interrupt_reaches_the_server(sql: Kernel, url: str):
    other = Database.open("other", Target(url))
    try:
        request = sql.start("%%sql\nselect pg_sleep(100), 'this very one'")
        looking = (
            "select pid from pg_stat_activity where state = 'active' and query like '%this very' || ' one%'"
        )
        looking += " and query like 'COPY%'"
        while not (found := other.fetch(looking).rows):
            pass
        sql.manager.interrupt_kernel()
        ran = sql.finish(request)
        [error] = ran.of_type("error")
        assert error["content"]["ename"] == "KeyboardInterrupt"
        # Without a line of ours.
        assert error["content"]["traceback"] == [
            "KeyboardInterrupt: The statement was cancelled on the server."
        ]
        states = other.fetch("select state from pg_stat_activity where pid = $1", [found[0][0]]).rows
        assert states == [("idle",)]
        assert len(sql.sql("select 1").bundles) == 1
    finally:
        other.close()


# The comm of tables


def test_pages_order_and_filters_come_from_memory(sql: Kernel):
    [bundle] = sql.sql("select n, n % 3 as r, 'Text ' || n as t from generate_series(1, 2000) n").bundles
    comm, table = sql.open("reactive.table"), bundle[MIME]["id"]

    def page(**request: object) -> tuple[int, list[int]]:
        answer = sql.ask(comm, op="page", id=table, **request)
        [buffer] = answer["buffers"]
        rows = pa.ipc.open_stream(buffer).read_all()
        return answer["content"]["data"]["rows"], rows["n"].to_pylist()

    assert page(start=1500, count=3) == (2000, [1501, 1502, 1503])
    sort = [{"column": "r", "descending": True}, {"column": "n", "descending": True}]
    assert page(start=0, count=2, sort=sort) == (2000, [2000, 1997])
    assert page(start=0, count=9, filter=[{"column": "n", "is": ">", "value": 1998}]) == (2, [1999, 2000])
    both = [{"column": "t", "is": "contains", "value": "TEXT 77"}, {"column": "r", "is": "=", "value": "2"}]
    assert page(start=0, count=9, filter=both) == (5, [77, 770, 773, 776, 779])


def test_a_column_is_summed_up(sql: Kernel):
    [bundle] = sql.sql("select n, nullif(n % 3, 0) as r from generate_series(1, 9) n").bundles
    comm, table = sql.open("reactive.table"), bundle[MIME]["id"]
    found = sql.ask(comm, op="summary", id=table, column="r")["content"]["data"]
    assert (found["rows"], found["nulls"], found["distinct"]) == (9, 3, 3)
    assert (found["min"], found["max"]) == ("1", "2")


def test_rows_are_exported(sql: Kernel):
    [bundle] = sql.sql("select 1 as n, array[1,2] as a, '\"x\"' as t").bundles
    comm, table = sql.open("reactive.table"), bundle[MIME]["id"]
    [csv] = sql.ask(comm, op="export", id=table, format="csv")["buffers"]
    assert bytes(csv).decode() == '"n","a","t"\n1,"[1, 2]","""x"""\n'
    [parquet] = sql.ask(comm, op="export", id=table, format="parquet")["buffers"]
    assert bytes(parquet)[:4] == b"PAR1"


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"op": "page", "id": "gone", "start": 0, "count": 1}, "no longer in memory"),
        ({"op": "dance"}, "dance"),
        ({"op": "page", "start": -1, "count": 1}, "`start`"),
        ({"op": "page", "start": 0, "count": 1, "sort": [{"column": "x"}]}, "no column 'x'"),
        (
            {"op": "page", "start": 0, "count": 1, "filter": [{"column": "n", "is": "~", "value": 1}]},
            "no condition",
        ),
        (
            {"op": "page", "start": 0, "count": 1, "filter": [{"column": "n", "is": "=", "value": "x"}]},
            "compared",
        ),
    ],
)
def test_nonsense_is_answered(sql: Kernel, request_: dict[str, object], said: str):
    [bundle] = sql.sql("select 1 as n").bundles
    comm = sql.open("reactive.table")
    answer = sql.ask(comm, **{"id": bundle[MIME]["id"], **request_})["content"]["data"]
    assert answer["op"] == "error"
    assert said in answer["message"]


def test_every_field_that_is_sent_is_described(sql: Kernel):
    page = (REPOSITORY / "docs" / "protocol.md").read_text("utf-8")
    told = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`]*`", page))))
    [bundle] = sql.sql("select n, n % 2 as r from generate_series(1, 9) n").bundles
    rows, names, own = sql.open("reactive.table"), sql.open("reactive.sql"), {"id": bundle[MIME]["id"]}
    answers = [
        sql.ask(rows, op="page", start=0, count=3, ask=1, **own),
        sql.ask(rows, op="page", start=0, count=3, **{"as": "texts"}, **own),
        sql.ask(rows, op="summary", column="r", **own),
        sql.ask(rows, op="export", format="csv", **own),
        sql.ask(rows, op="nonsense", **own),
        sql.ask(names, op="catalog", on="default"),
        sql.ask(names, op="names"),
        sql.ask(names, op="connections"),
    ]
    sql.sql("create table if not exists described (x int)")
    unasked = [message for message in sql.log if message["msg_type"] == "comm_msg"]
    for sent in [bundle[MIME], *(answer["content"]["data"] for answer in [*answers, *unasked])]:
        assert set(_fields(sent)) - told == set()


def _fields(sent: object) -> Iterator[str]:
    if isinstance(sent, dict):
        for name, value in sent.items():
            yield name
            yield from _fields(value)
    elif isinstance(sent, list):
        for each in sent:
            yield from _fields(each)


# From nothing, and without a trace


def test_without_any_set_up_there_is_a_database(tmp_path: Path):
    with new_place() as place, kernel(REACTIVE_POSTGRES_DIR=str(place)) as fresh:
        fresh.run("%load_ext jupyter_extension.sql")
        assert (
            fresh.sql("select split_part(version(), ' ', 1) as v")
            .bundles[0]["text/plain"]
            .count("PostgreSQL")
            == 1
        )


def test_a_password_is_nowhere_but_in_the_echo_of_the_cell(tmp_path: Path, guarded: Path):
    secret = "marked-secret!"
    home = tmp_path / "home"
    places = {"HOME": home, "IPYTHONDIR": home / "ipython", "JUPYTER_DATA_DIR": home / "data"}
    own = {name: str(where) for name, where in places.items()}
    home.mkdir()
    with kernel(**own) as typed:
        typed.run("%load_ext jupyter_extension.sql")
        typed.run(f"%sql postgresql://guarded:{secret}@/postgres?host={guarded}")
        typed.run("%xmode Verbose")
        typed.run(f"%sql postgresql://guarded:{secret}@/nowhere?host={guarded}")
        typed.run(f"%sql postgresql://nobody:{secret}@/nowhere?host=/nonexistent --name other")
        typed.sql("select current_user")
        typed.sql("select nonsense")
        typed.run("%sql")
        typed.run(
            "print(In, _i, _ih, [value for name, value in dict(globals()).items() if name[:2] == '_i'])"
        )
        typed.run("%history -g -n")
        typed.run("get_ipython().history_manager.writeout_cache()")
        said = [message for message in typed.log if message["msg_type"] != "execute_input"]
        assert len(said) > 20
        assert secret not in str(said)
        assert "guarded" in str(said)
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.name == "history.sqlite" for path in files)
    for path in [*files, guarded.parent / "log"]:
        assert secret.encode() not in path.read_bytes(), path
    assert "PGPASSWORD" not in os.environ
