"""SQL cells in the reactive kernel's graph, spoken to by its protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from jupyter_extension.sql.database import Database, Target

from .kernels import Kernel, Ran, kernel

ENTRY_POINT = "[reactive_kernel.magics]\nsql = jupyter_extension.sql.facts:facts\n"


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
def shared(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A reactive kernel whose environment has our entry point, installed or not."""
    place = tmp_path_factory.mktemp("site")
    about = place / "sqlcells-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sqlcells\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINT)
    with kernel("reactive_kernel", path=str(place), DATABASE_URL=url) as started:
        started.run("%load_ext jupyter_extension.sql")
        yield started


@pytest.fixture
def document(shared: Kernel) -> Document:
    shared.log.clear()
    return Document(shared)


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


def test_a_front_end_opens_a_connection_and_hears_of_it(document: Document, url: str):
    document.tell(op="connect", url="postgresql://u:hush@/x?host=/nonexistent")
    document.tell(op="connect", url=url, name="viacomm")
    said = [m["content"] for m in document.kernel.log if m["msg_type"] == "reactive_connection"]
    assert [each["status"] for each in said] == ["error", "ok"]
    assert "hush" not in str(said)
    assert document.kernel.run("%%sql --on viacomm\nselect 1").reply["content"]["status"] == "ok"


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
        somebody.execute("insert into public.seen_by_all values (1), (2)")
        document.kernel.until(lambda message: "now 2" in str(message["content"].get("text")))
    finally:
        somebody.close()
