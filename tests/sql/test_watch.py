"""Watched tables: whoever changes one is heard, once for a transaction, and nothing stays behind."""

from __future__ import annotations

import queue
import uuid
from collections.abc import Iterator

import pytest

from jupyter_extension.sql.database import Database, Target
from jupyter_extension.sql.watch import Unwatchable, Watcher

Heard = queue.Queue[frozenset[str]]
TRIGGERS = "select count(*)::int from pg_trigger where tgname like 'reactive%'"


@pytest.fixture
def table(url: str) -> Iterator[str]:
    owner = Database.open("owner", Target(url))
    name = f"watched_{uuid.uuid4().hex}"
    owner.execute(f"create table public.{name} (x int)")
    yield name
    owner.execute(f"drop table public.{name}")
    owner.close()


@pytest.fixture
def somebody(url: str) -> Iterator[Database]:
    somebody = Database.open("somebody", Target(url))
    yield somebody
    somebody.close()


def watching(url: str, table: str) -> tuple[Watcher, Heard, str]:
    heard: Heard = queue.Queue()
    watcher = Watcher(Target(url), heard.put)
    [resource] = watcher.add([table])
    return watcher, heard, resource


def test_a_change_of_somebody_elses_is_heard(url: str, table: str, somebody: Database):
    watcher, heard, resource = watching(url, table)
    try:
        assert watcher.by_triggers
        assert resource == f"table:{somebody.place}/public.{table}"
        for sql in ("insert into {} values (1), (2)", "update {} set x = 3", "delete from {}", "truncate {}"):
            somebody.execute(sql.format(f"public.{table}"))
            assert heard.get(timeout=30) == {resource}
    finally:
        watcher.close()


def test_a_transaction_is_heard_once_and_only_when_it_is_committed(url: str, table: str, somebody: Database):
    watcher, heard, resource = watching(url, table)
    try:
        somebody.execute(f"begin; insert into public.{table} values (1)")
        somebody.execute("rollback")
        somebody.execute("begin")
        for number in range(100):
            somebody.execute(f"insert into public.{table} values ({number})")
        somebody.execute("commit")
        assert heard.get(timeout=30) == {resource}
    finally:
        watcher.close()
    assert heard.empty()


def test_no_trigger_is_left_behind(url: str, table: str, somebody: Database):
    watcher, _, _ = watching(url, table)
    assert somebody.fetch(TRIGGERS).rows == [(1,)]
    watcher.close()
    assert somebody.fetch(TRIGGERS).rows == [(0,)]


def test_a_watcher_that_was_cut_off_comes_back_and_says_that_anything_may_have_changed(
    url: str, table: str, somebody: Database
):
    watcher, heard, resource = watching(url, table)
    try:
        somebody.fetch("select pg_terminate_backend($1)", [watcher.backend])
        assert heard.get(timeout=30) == {resource}
        somebody.execute(f"insert into public.{table} values (1)")
        assert heard.get(timeout=30) == {resource}
        assert somebody.fetch(TRIGGERS).rows == [(1,)]
    finally:
        watcher.close()


def test_without_the_right_to_make_triggers_it_looks_at_the_counts(url: str, table: str, somebody: Database):
    somebody.execute(f"create role humble login; grant select on public.{table} to humble")
    watcher, heard, resource = watching(url.replace("//postgres@", "//humble@"), table)
    try:
        assert not watcher.by_triggers
        somebody.execute(f"insert into public.{table} values (1)")
        assert heard.get(timeout=30) == {resource}
    finally:
        watcher.close()
        somebody.execute(f"revoke all on public.{table} from humble; drop role humble")


def test_a_table_that_is_not_there_is_named(url: str):
    watcher = Watcher(Target(url), lambda names: None)
    try:
        with pytest.raises(Unwatchable, match="no table `nothing`"):
            watcher.add(["nothing"])
    finally:
        watcher.close()
