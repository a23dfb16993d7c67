"""SQL cells in the reactive kernel's graph, spoken to by its protocol."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from jupyter_extension.sql.database import Database, Target

from .kernels import Kernel, Ran, kernel

ENTRY_POINTS = """
[reactive_kernel.magics]
sql = jupyter_extension.sql.facts:facts
[reactive_kernel.extensions]
sql = jupyter_extension.sql
"""


class Document:
    """A document in a reactive kernel, as a front end keeps it."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.comm = kernel.open("reactive", protocol=1)
        self.cells: dict[str, str] = {}

    def sync(self, cells: Mapping[str, str]) -> list[str]:
        self.cells = dict(cells)
        listed = [{"id": cell, "source": source} for cell, source in self.cells.items()]
        return self.tell(op="sync", cells=listed)

    def tell(self, **request: object) -> list[str]:
        """Send a message, and have the cells that ran because of it, in order."""
        start = len(self.kernel.log)
        sent = self.kernel.send("comm_msg", {"comm_id": self.comm, "data": request})
        self.kernel.until(lambda message: _is_idle(message, sent))
        return _ran(self.kernel.log[start:])

    def run(self, cell: str, source: str | None = None) -> list[str]:
        """Run a cell as its Run button does, and have the cells that ran, in order."""
        if source is not None:
            self.cells[cell] = source
        return _ran(self.run_fully(cell).messages)

    def run_fully(self, cell: str) -> Ran:
        return self.kernel.run(self.cells[cell], cell)

    def graph(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for message in self.kernel.log:
            if message["msg_type"] == "reactive_graph":
                found |= message["content"]["cells"]
        return found

    def status(self, cell: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for message in self.kernel.log:
            if message["msg_type"] == "reactive_cells":
                found |= message["content"]["cells"].get(cell) or {}
        return found


def _is_idle(message: Mapping[str, Any], request: str) -> bool:
    own = message["parent_header"].get("msg_id") == request
    return own and message["msg_type"] == "status" and message["content"]["execution_state"] == "idle"


def _ran(messages: list[dict[str, Any]]) -> list[str]:
    return [message["metadata"]["cellId"] for message in messages if message["msg_type"] == "execute_input"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An environment that has our entry points, installed or not."""
    place = tmp_path_factory.mktemp("site")
    about = place / "sqlcells-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sqlcells\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)
    return str(place)


@pytest.fixture(scope="module")
def shared(url: str, site: str) -> Iterator[Kernel]:
    with kernel("reactive_kernel", path=site, DATABASE_URL=url) as started:
        yield started


def test_a_fresh_kernel_knows_sql_cells_and_imports_nothing_for_others(url: str, site: str):
    with kernel("reactive_kernel", path=site, DATABASE_URL=url) as fresh:
        heavy = "[m for m in ('asyncpg', 'pyarrow', 'pglast', 'duckdb', 'pandas') if m in sys.modules]"
        assert fresh.value(f"import sys; {heavy}") == "[]"
        assert [bundle["text/plain"][:1] for bundle in fresh.sql("select 1 as n").bundles] == ["n"]
        assert fresh.run("7 % 4").result == "3"


def test_a_front_end_may_ask_before_any_sql_has_run(site: str):
    with kernel("reactive_kernel", path=site) as fresh:
        asked = fresh.ask(fresh.open("reactive.sql"), op="catalog", on="default")
        assert asked["content"]["data"] == {"op": "catalog", "on": "default", "connected": False}


@pytest.fixture
def document(shared: Kernel) -> Iterator[Document]:
    shared.log.clear()
    yield Document(shared)
    # What a test that failed had begun would keep the next ones waiting for its tables.
    shared.run("%sql rollback")


def test_a_value_bound_by_a_query_reruns_it(document: Document):
    document.sync({"a": "least = 3", "b": "%%sql rows <<\nselect {least}::int as n", "c": "print(rows.n[0])"})
    for cell in "abc":
        document.run(cell)
    assert document.run("a", "least = 4") == ["a", "b", "c"]
    assert document.graph()["b"]["reads"] == ["least"]
    assert document.graph()["b"]["writes"] == ["rows"]


def test_an_insert_reruns_who_selects_from_the_table(document: Document):
    document.sync({
        "make": "%%sql\ndrop table if exists counted; create table counted (x int)",
        "fill": "%%sql\ninsert into counted values (1)",
        "look": "%%sql rows <<\nselect count(*) as n from counted",
        "show": "print(rows.n[0])",
    })  # fmt: skip
    for cell in ("make", "fill", "look", "show"):
        document.run(cell)
    assert document.run("fill") == ["fill", "look", "show"]
    assert document.kernel.value("int(rows.n[0])") == "2"


def test_what_changes_a_database_runs_only_when_somebody_says_so(document: Document):
    document.sync(
        {"a": "x = 1", "b": "%%sql\ncreate table if not exists once (x int); insert into once values ({x})"}
    )
    document.run("a")
    document.run("b")
    assert document.run("a", "x = 2") == ["a"]
    assert document.status("b")["freshness"] == "stale"
    assert document.run("b") == ["b"]


def test_a_table_is_no_variable_of_the_same_name(document: Document):
    document.sync({"a": "pg_class = 1", "b": "%%sql\nselect count(*) from pg_class"})
    document.run("a")
    document.run("b")
    assert document.run("a", "pg_class = 2") == ["a"]


def test_a_query_that_cannot_be_read_says_where(document: Document):
    document.sync({"a": "%%sql\nselect 1,\n {a + b}"})
    said = document.status("a")
    assert said["reason"]["kind"] == "syntax"
    assert "line 3" in said["reason"]["message"]


def test_a_view_is_followed_to_its_tables(document: Document):
    document.sync(
        {
            "make": "%%sql\ndrop table if exists base cascade; create table base (x int);\n"
            "create view seen as select * from base",
            "fill": "%%sql\ninsert into base values (1)",
            "see": "%%sql rows <<\nselect count(*) as n from seen",
        }
    )
    for cell in ("make", "fill", "see"):
        document.run(cell)
    assert document.run("fill") == ["fill", "see"]
    assert document.status("see")["freshness"] == "fresh"


def test_what_a_function_does_is_said_to_be_unknown(document: Document):
    document.sync(
        {
            "make": "%%sql\ncreate or replace function riddle() returns int volatile return 1",
            "call": "%%sql\nselect riddle()",
        }
    )
    document.run("make")
    document.run("call")
    said = document.status("call")
    assert said["reason"]["kind"] == "unproven"
    assert "riddle" in said["reason"]["message"]


def test_a_stable_function_changes_nothing_but_reads_who_knows_what(document: Document):
    document.sync({
        "make": "%%sql\ncreate or replace function glance() returns int stable return 1;\n"
        "create or replace function twice(int) returns int immutable return $1 * 2",
        "look": "%%sql\nselect glance()",
        "count": "%%sql\nselect twice(2)",
    })  # fmt: skip
    for cell in ("make", "look", "count"):
        document.run(cell)
    assert "It calls `glance`; which tables that reads" in document.status("look")["reason"]["message"]
    assert document.status("count")["freshness"] == "fresh"


@pytest.mark.parametrize(
    "deed",
    ["do $$ begin insert into hidden values (1); end $$", "select slip_in()", "call slip_in_too()"],
)
def test_whoever_reads_a_table_reruns_after_what_may_have_changed_it(document: Document, deed: str):
    document.sync({
        "make": "%%sql\ndrop table if exists hidden cascade; create table hidden (x int);\n"
        "create or replace function slip_in() returns void language sql as 'insert into hidden values (1)';\n"
        "create or replace procedure slip_in_too() language sql as 'insert into hidden values (1)'",
        "deed": f"%%sql\n{deed}",
        "look": "%%sql rows <<\nselect count(*) as n from hidden",
        "show": "print(rows.n[0])",
        "aside": "%%sql\nselect 1",
    })  # fmt: skip
    for cell in ("make", "look", "show", "aside"):
        document.run(cell)
    assert document.run("deed") == ["deed", "look", "show"]
    assert document.kernel.value("int(rows.n[0])") == "1"
    assert [document.status(cell)["freshness"] for cell in ("deed", "look", "show")] == [
        "stale",
        "fresh",
        "fresh",
    ]
    assert document.status("deed")["reason"]["kind"] == "unproven"


def test_a_front_end_opens_a_connection_and_hears_of_it(document: Document, url: str):
    document.tell(op="connect", url="postgresql://u:hush@/x?host=/nonexistent")
    document.tell(op="connect", url=url, name="viacomm")
    document.tell(op="connect", url="postgresql://u:hush@/x?host=/nonexistent", name="viacomm")
    said = [m["content"] for m in document.kernel.log if m["msg_type"] == "reactive_connection"]
    assert [each["status"] for each in said] == ["error", "ok", "error"]
    # The server that is still in use.
    assert said[2]["server"] == said[1]["server"] != ""
    assert "hush" not in str(said)
    assert document.kernel.run("%%sql --on viacomm\nselect 1").reply["content"]["status"] == "ok"


def test_a_connection_that_takes_its_time_holds_nobody_up(document: Document, url: str):
    document.sync({"a": "x = 1", "b": "print(x)"})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        slow = f"postgresql://u:hush@127.0.0.1:{silent.getsockname()[1]}/x"
        data = {"op": "connect", "url": slow, "name": "slow"}
        sent = document.kernel.send("comm_msg", {"comm_id": document.comm, "data": data})
        caller, _ = silent.accept()
        # It has been called, and says nothing.
        assert document.run("a") == ["a", "b"]
        assert document.tell(op="run", cells=["b"]) == ["b"]
        caller.close()
    document.kernel.until(lambda message: message["msg_type"] == "reactive_connection")
    document.kernel.until(lambda message: _is_idle(message, sent))
    [said] = [m["content"] for m in document.kernel.log if m["msg_type"] == "reactive_connection"]
    assert (said["name"], said["status"]) == ("slow", "error")


def test_the_same_table_on_two_connections_is_two_tables(document: Document, url: str):
    owner = Database.open("owner", Target(url))
    try:
        owner.execute("create database elsewhere")
        document.tell(op="connect", url=url.replace("/postgres?", "/elsewhere?"), name="elsewhere")
        body = "drop table if exists twice; create table twice (x int)"
        document.sync({
            "make": f"%%sql\n{body}",
            "make2": f"%%sql --on elsewhere\n{body}",
            "look": "%%sql here <<\nselect count(*) as n from twice",
            "look2": "%%sql there << --on elsewhere\nselect count(*) as n from twice",
            "fill": "%%sql\ninsert into twice values (1)",
            "fill2": "%%sql --on elsewhere\ninsert into twice values (1), (2)",
        })  # fmt: skip
        for cell in ("make", "make2", "look", "look2", "fill", "fill2"):
            document.run(cell)
        # What is above the writers reads what is there, and does not rerun.
        document.sync(
            {cell: document.cells[cell] for cell in ("make", "make2", "fill", "fill2", "look", "look2")}
        )
        assert document.run("fill") == ["fill", "look"]
        assert document.run("fill2") == ["fill2", "look2"]
        assert document.kernel.value("int(here.n[0]), int(there.n[0])") == "(2, 4)"
    finally:
        document.tell(op="connect", url=url, name="elsewhere")
        owner.close()


def test_while_a_transaction_is_open_nothing_on_its_connection_reruns_by_itself(document: Document):
    document.sync({
        "a": "least = 1",
        "open": "%sql begin",
        "b": "%%sql rows <<\nselect {least}::int as n",
        "c": "print(least)",
        "close": "%sql rollback",
    })  # fmt: skip
    for cell in ("a", "b", "c", "open"):
        document.run(cell)
    assert document.run("a", "least = 2") == ["a", "c"]
    assert document.status("b")["freshness"] == "stale"
    assert "A transaction is open on `default`" in document.status("b")["reason"]["message"]
    assert document.run("b") == ["b"]
    assert document.run("close") == ["close"]
    assert document.run("a", "least = 3") == ["a", "b", "c"]


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_what_a_transaction_held_reruns_when_it_is_over(document: Document, end: str):
    document.sync({
        "a": "least = 1",
        "open": "%sql begin",
        "b": "%%sql rows <<\nselect {least}::int as n",
        "c": "print('found', rows.n[0])",
        "d": "%%sql\nselect 1",
        "close": f"%sql {end}",
    })  # fmt: skip
    for cell in ("a", "b", "c", "d", "open"):
        document.run(cell)
    assert document.run("a", "least = 2") == ["a"]
    assert [document.status(cell)["freshness"] for cell in "bcd"] == ["stale", "stale", "fresh"]
    assert document.run("close") == ["close", "b", "c"]
    assert [document.status(cell)["freshness"] for cell in "bcd"] == ["fresh"] * 3
    assert document.kernel.value("int(rows.n[0])") == "2"


def test_a_transaction_that_ends_outside_of_the_document_frees_what_it_held(document: Document):
    document.sync({"a": "least = 1", "b": "%%sql rows <<\nselect {least}::int as n", "open": "%sql begin"})
    for cell in ("a", "b", "open"):
        document.run(cell)
    assert document.run("a", "least = 2") == ["a"]
    document.kernel.start("%sql rollback")
    document.kernel.until(lambda message: message["metadata"].get("cellId") == "b")
    # The kernel is at rest again once it answers.
    assert document.kernel.value("int(rows.n[0])") == "2"
    assert document.status("b")["freshness"] == "fresh"


def test_in_lazy_mode_the_end_of_a_transaction_runs_nothing(document: Document):
    document.sync({
        "a": "least = 1",
        "b": "%%sql rows <<\nselect {least}::int as n",
        "open": "%sql begin",
        "close": "%sql rollback",
    })  # fmt: skip
    for cell in ("a", "b", "open"):
        document.run(cell)
    document.tell(op="configure", mode="lazy")
    try:
        assert document.run("a", "least = 2") == ["a"]
        assert document.run("close") == ["close"]
        assert document.status("b")["freshness"] == "stale"
        assert "transaction" not in document.status("b")["reason"]["message"]
    finally:
        document.tell(op="configure", mode="auto")


@pytest.mark.parametrize(("end", "found"), [("commit", "1"), ("rollback", "0")])
def test_the_end_of_a_transaction_is_when_others_see_its_rows(
    document: Document, url: str, end: str, found: str
):
    document.tell(op="connect", url=url, name="witness")
    document.sync({
        "make": "%%sql\ndrop table if exists pending; create table pending (x int)",
        "fill": "%%sql\nbegin; insert into pending values (1)",
        "inside": "%%sql inside <<\nselect count(*) as n from pending",
        "close": f"%sql {end}",
        "here": "%%sql here <<\nselect count(*) as n from pending",
        "there": "%%sql there << --on witness\nselect count(*) as n from pending",
    })  # fmt: skip
    for cell in ("make", "here", "there", "fill", "inside"):
        document.run(cell)
    assert document.run("here") == ["here"]
    assert document.kernel.value("int(here.n[0]), int(there.n[0])") == "(1, 0)"
    assert document.run("close") == ["close", "here", "there"]
    assert (
        document.kernel.value("int(inside.n[0]), int(here.n[0]), int(there.n[0])") == f"(1, {found}, {found})"
    )


def test_typing_runs_nothing_while_a_transaction_is_open(document: Document):
    document.sync({"open": "%sql begin", "b": "%%sql\nselect 1", "close": "%sql rollback"})

    def may_run() -> bool:
        answer = document.kernel.ask(document.comm, op="edit", id="b", source="%%sql\nselect 2", ask=1)
        return answer["content"]["data"]["auto"]

    assert may_run()
    document.run("open")
    assert not may_run()
    document.run("close")
    assert may_run()


def test_a_line_by_itself_shows_a_table(document: Document):
    document.sync({"a": "%sql select 1 as n\nrows = %sql select 2 as n\n%sql select 3 as n"})
    ran = document.run_fully("a")
    assert [bundle["text/plain"].splitlines()[2] for bundle in ran.bundles] == ["1", "3"]
    assert ran.of_type("execute_result") == []


def test_what_there_is_to_write_is_told_while_a_query_runs(document: Document, url: str):
    kernel, subshell = document.kernel, document.kernel.subshell()
    comm = kernel.open("reactive.sql")
    onlooker = Database.open("onlooker", Target(url))
    try:
        onlooker.execute("create table if not exists public.seen_meanwhile (x int)")
        onlooker.execute("select pg_advisory_lock(4711)")
        request = kernel.start("%%sql\nselect pg_advisory_lock(4711), pg_advisory_unlock(4711)")
        waiting = "select 1 from pg_locks where locktype = 'advisory' and objid = 4711 and not granted"
        while not onlooker.fetch(waiting).rows:
            pass
        answer = kernel.ask(comm, subshell, op="catalog", on="default")["content"]["data"]
        assert "error" not in answer
        assert "seen_meanwhile" in {table["name"] for table in answer["tables"]}
        assert onlooker.fetch(waiting).rows
        onlooker.execute("select pg_advisory_unlock(4711)")
        assert kernel.finish(request).reply["content"]["status"] == "ok"
    finally:
        onlooker.execute("drop table public.seen_meanwhile")
        onlooker.close()


def test_what_there_is_to_write_is_told_anew_when_it_has_changed(document: Document):
    kernel = document.kernel
    document.sync({"a": "%%sql\ndrop table if exists told; create table told (first int, second text[])"})
    document.run("a")
    comm = kernel.open("reactive.sql")

    def tables() -> dict[str, Any]:
        catalog = kernel.ask(comm, op="catalog", on="default", ask=1)["content"]["data"]
        assert catalog["ask"] == 1
        assert {"connected": True, "path": ["public"]}.items() <= catalog.items()
        assert "select" in catalog["keywords"]
        assert "timestamp with time zone" in catalog["types"]
        return {table["name"]: table["columns"] for table in catalog["tables"]}

    assert tables()["told"] == [{"name": "first", "type": "integer"}, {"name": "second", "type": "text[]"}]
    kernel.run("%%sql\nalter table told rename to told_again")
    assert any(m["content"].get("data") == {"op": "changed", "on": "default"} for m in kernel.log)
    assert "told" not in tables()
    assert "told_again" in tables()
    names = kernel.ask(comm, op="names")["content"]["data"]["names"]
    kernel.run("shown_to_all = 1")
    assert {"name": "shown_to_all", "type": "int"} not in names
    assert {"name": "shown_to_all", "type": "int"} in kernel.ask(comm, op="names")["content"]["data"]["names"]
    assert "There is no" not in str(kernel.ask(comm, op="connections")["content"])
    assert kernel.ask(comm, op="nonsense")["content"]["data"]["op"] == "error"


def test_a_watched_table_reruns_its_readers_whoever_changes_it(document: Document, url: str):
    somebody = Database.open("somebody", Target(url))
    try:
        somebody.execute("drop table if exists public.seen_by_all; create table public.seen_by_all (x int)")
        document.sync(
            {
                "watch": "%sql --watch seen_by_all",
                "look": "%%sql rows <<\nselect count(*) as n from seen_by_all",
                "show": "print('now', rows.n[0])",
            }
        )
        for cell in ("watch", "look", "show"):
            document.run(cell)
        assert "watched, by triggers" in str(document.kernel.log)
        said = ""

        def says(message: Mapping[str, Any]) -> bool:
            nonlocal said
            # What a cell prints comes in as many pieces as it likes.
            said += message["content"].get("text", "")
            return "now 2\n" in said

        before = len(document.kernel.log)
        somebody.execute("insert into public.seen_by_all values (1), (2)")
        document.kernel.until(says)
        # Nobody asked for these runs, and a server that culls idle kernels is told of them all the same.
        document.kernel.until(lambda message: message["content"].get("execution_state") == "idle")
        states = [message["content"].get("execution_state") for message in document.kernel.log[before:]]
        assert [state for state in states if state] == ["busy", "idle"]
    finally:
        somebody.close()


def test_a_kernel_that_ends_leaves_no_trigger_behind(site: str, url: str):
    somebody = Database.open("somebody", Target(url))
    try:
        somebody.execute("drop table if exists public.left_alone; create table public.left_alone (x int)")
        triggers = "select count(*)::int from pg_trigger where tgrelid = 'public.left_alone'::regclass"
        with kernel("reactive_kernel", path=site, DATABASE_URL=url) as watching:
            watching.run("%sql --watch left_alone", "a")
            assert somebody.fetch(triggers).rows == [(1,)]
            watching.manager.shutdown_kernel()
        assert somebody.fetch(triggers).rows == [(0,)]
    finally:
        somebody.close()


def test_a_query_over_frames_reruns_with_its_frames_and_values(document: Document):
    document.sync({
        "a": "import pandas as pd\nframe = pd.DataFrame({'n': [1, 2, 3]})",
        "b": "least = 2",
        "c": "%%sql total << --on frames\nselect sum(n) as s from frame where n >= {least}",
        "d": "print(total.s[0])",
    })  # fmt: skip
    for cell in "abcd":
        document.run(cell)
    assert document.run("b", "least = 3") == ["b", "c", "d"]
    assert document.run("a", "import pandas as pd\nframe = pd.DataFrame({'n': [7]})") == ["a", "c", "d"]
    assert document.kernel.value("int(total.s[0])") == "7"
    assert document.graph()["c"]["reads"] == ["frame", "least"]


def test_no_message_log_or_file_tells_a_password_or_a_value(
    guarded: Path, site: str, tmp_path: Path, url: str
):
    secret, value = "marked-secret!", "marked-value"
    typed = f"postgresql://guarded:{secret}@/postgres?host={guarded}"
    nowhere = [
        f"postgresql://guarded:{secret}@/nowhere?host={guarded}",
        f"postgresql://u:{secret}@/x?host=/nonexistent",
    ]
    folders = ("HOME", "IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "TMPDIR")
    own = {name: str(tmp_path / name) for name in folders}
    for folder in own.values():
        Path(folder).mkdir()
    environment = {**own, "DATABASE_URL": typed, "PGPASSWORD": secret, "MARKED": value}
    with kernel("reactive_kernel", path=site, log=tmp_path / "log", **environment) as marked:
        document = Document(marked)
        document.sync({
            "key": "import os, types\nkeys = types.SimpleNamespace(main=os.environ['MARKED'])",
            "bound": "%%sql rows <<\nselect length({keys.main}) as n",
            "kept": "%%sql\ncreate temp table kept (t text); insert into kept values ({keys.main})",
            "wrong": "%%sql\nselect {keys.main}::int",
            "worse": "%%sql\nselect {keys.main}::text, nonsense",
            "connect": f"%sql {typed} --name typed",
            "fail": f"%sql {nowhere[0]} --name typed",
            "away": f"%sql {nowhere[1]}",
            "tell": "%sql\n%sql --on typed\nprint(In, _i, _ih)",
            "watch": "%sql --watch kept",
            "why": "%reactive why wrong\n%history -g -n",
            "write": "get_ipython().history_manager.writeout_cache()",
        })  # fmt: skip
        for cell in list(document.cells):
            document.run(cell)
        document.tell(op="variables")
        for number, address in enumerate([typed, *nowhere]):
            document.tell(op="connect", url=address, name=f"number {number}")
        marked.ask(marked.open("reactive.sql"), op="catalog", on="typed")
        onlooker = Database.open("onlooker", Target(url))
        seen = onlooker.fetch("select query from pg_stat_activity where usename = 'guarded'").rows
        onlooker.close()
        said = [message for message in marked.log if message["msg_type"] != "execute_input"]
        assert {"reactive_connection", "reactive_cells", "error", "stream"} <= {
            each["msg_type"] for each in said
        }
        assert marked.value("int(rows.n[0])") == str(len(value))
    assert len(seen) > 1
    for mark in (secret, value):
        assert [(m["msg_type"], m["content"]) for m in said if mark in str(m)] == []
        assert mark not in str(seen), mark
        files = [path for path in [*tmp_path.rglob("*"), guarded.parent / "log"] if path.is_file()]
        assert {"history.sqlite", "log"} <= {path.name for path in files}
        assert [path for path in files if mark.encode() in path.read_bytes()] == []
