"""What the text of a SQL cell says: its statements, and where values go in."""

from __future__ import annotations

import pytest

from jupyter_extension.sql.query import Unquotable, Unreadable, pointed, quoted, rewrite, statements


def texts(sql: str) -> list[str]:
    return [statement.text for statement in statements(sql)]


def places(sql: str) -> list[str]:
    return [str(place) for statement in statements(sql) for place in statement.places]


def sent(sql: str, *known: str, **identifiers: str) -> str:
    [statement] = statements(sql)
    named = {(name,): value for name, value in identifiers.items()}
    return " ".join(rewrite(statement, known.__contains__, named).sql.split())


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1", ["select 1"]),
        ("select 1;", ["select 1"]),
        ("select 1; select 2", ["select 1", "select 2"]),
        (";; select 1 ;;", ["select 1"]),
        ("", []),
        ("-- nothing\n/* at all; */", []),
        ("select ';', $$;$$, \";\" -- ;\n", ["select ';', $$;$$, \";\""]),
        ("select $a$ ; $b$ ; $a$; select 2", ["select $a$ ; $b$ ; $a$", "select 2"]),
        ("select E'\\';'; select 2", ["select E'\\';'", "select 2"]),
        ("do $$ begin null; end $$; select 2", ["do $$ begin null; end $$", "select 2"]),
        (
            "create rule r as on insert to t do also (select 1; select 2); select 3",
            ["create rule r as on insert to t do also (select 1; select 2)", "select 3"],
        ),
        (
            "create function f() returns int begin atomic select case when true then 1 end; end; select 3",
            [
                "create function f() returns int begin atomic select case when true then 1 end; end",
                "select 3",
            ],
        ),
        (
            "begin; select case when true then 1 end; end",
            ["begin", "select case when true then 1 end", "end"],
        ),
        ("/* a /* nested; */ b; */ select 1", ["select 1"]),
    ],
)
def test_a_cell_falls_into_statements_where_postgres_says(sql: str, expected: list[str]):
    assert texts(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select {a}", ["a"]),
        ("select {a.b.c}", ["a.b.c"]),
        ("select { a }", ["a"]),
        ("select :a", ["a"]),
        ("select -:d", ["d"]),
        ("select :j::jsonb", ["j"]),
        ("select t<:end", ["end"]),
        ("select :é, {ü}", ["é", "ü"]),
        ("select '😀', {a}", ["a"]),
        ("select a[:n]", []),
        ("select a[x:y], a[1:2][b:c]", []),
        ("select a::int", []),
        ("select '{a}', ':a'", []),
        ("select E'\\'{a}', U&'{a}', \"{a}\", $${a}$$, $x${a} $$ :b$x$, B'1' -- {a} :a", []),
        ("/* {a} /* :b */ {c} */ select 1", []),
        ("do $$ begin perform {a}; end $$", []),
        ("select '{\"a\": 1}'::jsonb, '{1,2}'::int[]", []),
        ("select * from {table!i}.{b.c!i}", ["table", "b.c"]),
        ("select 'a' 'b{c}'", []),
        ("select x := 1, f(a => :b)", ["b"]),
    ],
)
def test_a_value_goes_in_where_the_lexer_sees_a_place(sql: str, expected: list[str]):
    assert places(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "select {a+b}",
        "select {f()}",
        "select {y:.2f}",
        "select {a['k']}",
        "select {",
        "select {a!r}",
        "select {}",
    ],
)
def test_anything_but_a_path_in_braces_is_refused(sql: str):
    with pytest.raises(Unreadable):
        statements(sql)


@pytest.mark.parametrize("sql", ["select 'open", "select $$open", 'select "open', "select /* open"])
def test_what_has_no_end_says_so(sql: str):
    with pytest.raises(Unreadable, match="unterminated"):
        statements(sql)


def test_a_number_of_the_users_own_cannot_be_confused_with_ours():
    with pytest.raises(Unreadable, match=r"use \{name\}"):
        statements("select $1, {a}")
    assert texts("prepare p as select $1") == ["prepare p as select $1"]


def test_values_are_numbered_and_the_same_name_has_the_same_number():
    assert sent("select {a}, {b}, {a}, {a.c}") == "select $1 , $2 , $1 , $3"


def test_a_colon_is_a_value_only_if_somebody_knows_the_name():
    assert sent("select :a, :b", "a") == "select $1 , :b"


def test_an_identifier_is_quoted():
    assert sent("select * from {t!i}", t='we"ird; drop') == 'select * from "we""ird; drop"'


@pytest.mark.parametrize("sql", ["select U&{t!i}", "select x{t!i}", "select 1{t}", "select E{t!i}y"])
def test_what_goes_in_does_not_grow_together_with_its_neighbours(sql: str):
    inserted = sent(sql, t="a").split()
    assert '"a"' in inserted or "$1" in inserted


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 64])
def test_what_is_no_identifier_is_refused(name: str):
    with pytest.raises(Unquotable):
        quoted(name)


def test_every_position_leads_back_to_the_users_own_text():
    text = "select 1;\nselect {abc}, x, :d, {t!i} from y"
    rewritten = rewrite(statements(text)[1], {"d"}.__contains__, {("t",): "anything long"})
    for word in ("select", "x", "from", "y"):
        there = rewritten.origin(rewritten.sql.rindex(word))
        assert text[there:].startswith(word)
    within = rewritten.origin(rewritten.sql.index("thing"))
    assert text[:within].endswith("{t!i}")


def test_a_caret_stands_below_the_place_in_the_users_own_line():
    assert pointed("select 1;\n\tselect oops", 18) == "LINE 2: \tselect oops\n        \t       ^"
