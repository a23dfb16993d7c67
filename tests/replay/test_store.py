"""What every store of records promises, asked of each; a copy of a record shows what the record shows."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from jupyter_extension.replay.log import Cursor, Ended, Log, NewEpoch
from jupyter_extension.replay.mirror import Mirror
from jupyter_extension.replay.replica import Replica
from jupyter_extension.replay.store import (
    Astray,
    NoStore,
    Shared,
    Store,
    StoreLost,
    Terms,
    opened,
    place_of,
)

from . import histories
from .client import folded, read, record
from .messages import begins, prints, shows, status, wire
from .redis_server import RedisServer, redis_server
from .server import until

MakeLog = Callable[..., Log]
LINES = [b'{"seq": %d}' % number for number in range(1, 8)]
PARTS = [b'{"one": 1}', b'{"two": 2}']


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["SQLite", "Redis"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "SQLite":
        return f"sqlite:{tmp_path}/below/records.sqlite"
    return request.getfixturevalue("redis").url


@pytest.fixture
def store(address: str, request: pytest.FixtureRequest) -> Iterator[Store]:
    found = opened(address, request.node.name, 600)
    yield found
    found.close()


def test_what_is_appended_is_read_from_any_number_on(store: Store):
    store.trim("k", Cursor("e.1", 0), PARTS)
    store.append("k", "e.1", 1, LINES[:3])
    store.append("k", "e.1", 4, LINES[3:])
    for after in range(len(LINES) + 1):
        assert store.read("k", "e.1", after) == LINES[after:]
    assert store.read("k", "e.2", 0) == []
    assert store.read("other", "e.1", 0) == []
    assert store.past("k") == PARTS


def test_to_append_again_changes_nothing(store: Store):
    store.trim("k", Cursor("e.1", 0), [])
    for first, last in ((1, 3), (1, 3), (2, 5), (1, 7), (7, 7)):
        store.append("k", "e.1", first, LINES[first - 1 : last])
    assert store.read("k", "e.1", 0) == LINES


def test_what_does_not_follow_is_refused(store: Store):
    with pytest.raises(Astray):
        store.append("k", "e.1", 1, LINES)
    store.trim("k", Cursor("e.1", 2), [])
    with pytest.raises(Astray):
        store.append("k", "e.1", 4, LINES[3:])
    with pytest.raises(Astray):
        store.append("k", "e.2", 3, LINES[2:])
    store.append("k", "e.1", 3, LINES[2:])
    assert store.read("k", "e.1", 2) == LINES[2:]


def test_it_is_trimmed_to_what_the_records_amount_to(store: Store):
    store.trim("k", Cursor("e.1", 0), [])
    store.append("k", "e.1", 1, LINES[:5])
    store.trim("k", Cursor("e.1", 6), PARTS)
    assert store.read("k", "e.1", 0) == []
    store.append("k", "e.1", 7, LINES[6:])
    held = store.held("k")
    assert held is not None
    assert (held.epoch, held.base, held.seq, store.past("k")) == ("e.1", 6, 7, PARTS)
    store.trim("k", Cursor("e.2", 0), [])
    assert store.read("k", "e.1", 0) == []


def test_a_tail_waits_for_what_follows(address: str, store: Store):
    store.trim("k", Cursor("e.1", 0), [])
    found: list[list[bytes]] = []
    thread = Thread(target=lambda: found.append(store.tail("k", "e.1", 0, 60)))
    thread.start()
    other = opened(address, store_prefix(store), 600)
    other.append("k", "e.1", 1, LINES)
    other.close()
    thread.join()
    assert found == [LINES]
    assert store.tail("k", "e.1", 7, 0.01) == []


def store_prefix(store: Store) -> str:
    return str(getattr(store, "_prefix", ""))


def test_it_knows_who_is_at_work_and_forgets_who_is_silent(store: Store):
    assert not store.hold("k", "e", 60)
    store.trim("k", Cursor("e.1", 0), [])
    assert keeper(store) == ""
    assert store.hold("k", "e", 60)
    store.trim("k", Cursor("e.1", 3), [])
    assert keeper(store) == "e"
    store.hold("k", "e", 0.05)
    until(lambda: keeper(store) == "", "it is never forgotten")
    store.hold("k", "e", 60)
    store.hold("k", "", 0)
    assert keeper(store) == ""


def keeper(store: Store) -> str:
    held = store.held("k")
    assert held is not None
    return held.keeper


def test_it_says_that_a_kernel_has_ended(store: Store):
    store.trim("k", Cursor("e.1", 0), PARTS)
    store.append("k", "e.1", 1, LINES)
    store.end("k")
    held = store.held("k")
    assert held is not None
    assert held.ended
    assert store.read("k", "e.1", 0) == LINES


@pytest.mark.parametrize("address", ["SQLite", "Redis"], indirect=True)
def test_what_nobody_holds_any_more_goes(address: str, request: pytest.FixtureRequest):
    brief = opened(address, request.node.name, 0.2)
    brief.trim("k", Cursor("e.1", 0), PARTS)
    brief.append("k", "e.1", 1, LINES)
    until(lambda: brief.held("k") is None, "it stays")
    brief.close()


def test_a_store_that_is_not_there_says_so_without_the_password(tmp_path: Path):
    (tmp_path / "file").touch()
    for url in ("redis://ann:swordfish@127.0.0.1:9/1", f"sqlite:{tmp_path}/file/below"):
        store = opened(url, "p", 60)
        with pytest.raises(StoreLost) as lost:
            store.held("k")
        assert "swordfish" not in str(lost.value)
        assert str(lost.value)
    assert place_of("redis://ann:swordfish@127.0.0.1:9/1?x=swordfish") == "redis://127.0.0.1:9/1"
    assert place_of("sqlite:/a/b") == "sqlite:/a/b"
    assert place_of("unix://ann:swordfish@/a/b?password=swordfish") == "unix:/a/b"
    assert "sword" not in place_of("redis://:12/swordfish@host:6379/1")


@pytest.mark.parametrize(
    "url", ["nonsense", "http://x", "sqlite:", "redis://x:y/0", "redis://:swordfish/x@y"]
)
def test_what_is_no_store_is_refused(url):
    with pytest.raises(NoStore) as refused:
        opened(url, "p", 60)
    assert "swordfish" not in str(refused.value)


def test_the_file_is_nobody_elses(tmp_path: Path):
    store = opened(f"sqlite:{tmp_path}/records", "", 60)
    store.trim("k", Cursor("e.1", 0), [])
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600] * 3
    store.close()


# Copies


@seed(20261121)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories.histories(), data=st.data(), memory=st.sampled_from([1500, 1 << 23]))
def test_a_log_restored_in_the_middle_shows_what_the_whole_one_shows(
    make_log: MakeLog, history, data, memory
):
    cut = data.draw(st.integers(0, len(history)))
    whole, other = make_log(memory=memory), make_log("", memory=memory)
    record(whole, history[:cut])
    snapshot = whole.snapshot()
    other.restore(Cursor(snapshot.epoch, snapshot.seq), snapshot.parts())
    assert shown(other) == shown(whole)
    assert other.cursor == whole.cursor
    for log in (whole, other):
        record(log, history[cut:])
    assert shown(other) == shown(whole)


def shown(log: Log) -> object:
    """What its cells show, and what else there is, in whatever order."""
    cells, other = folded(log.snapshot())
    return cells, sorted(map(json.dumps, other))


TERMS = Terms(lease=60, limit=20_000)


def followed(make_log: MakeLog, shared: Shared, warned: list[str]) -> Replica:
    replica = Replica("k", make_log(""), shared, warned.append)
    held = shared.store.held("k")
    assert held is not None
    replica.load(held)
    replica.follow()
    return replica


def test_a_copy_has_what_the_record_has_and_gets_what_follows(make_log: MakeLog, store: Store):
    log, shared, warned = make_log("r.1"), Shared(store, TERMS), list[str]()
    record(log, [begins("a", "r1"), prints("a", "r1", "one"), shows("a", "r1", "two")])
    mirror = Mirror("k", log, shared, warned.append)
    until(lambda: store.held("k") is not None, "nothing is shared")
    replica = followed(make_log, shared, warned)
    _, _, reader = replica.log.open(Cursor("r.1", 3))
    for number in range(400):
        record(log, [prints("a", "r1", f"{number} " + "x" * 100)])
    record(log, [status("idle", "r1")])
    log.announce()
    until(lambda: replica.log.cursor == log.cursor, "the copy stays behind")
    assert shown(replica.log) == shown(log)
    reader.close()
    log.begin("r.2")
    record(log, [prints("b", "r2", "new")])
    log.announce()
    until(lambda: replica.log.cursor == log.cursor, "the copy stays behind")
    assert shown(replica.log) == shown(log)
    _, _, reader = replica.log.open(replica.log.cursor)
    log.end()
    mirror.end()
    until(lambda: isinstance(reader.step(1), Ended), "the copy goes on for ever")
    assert warned == []
    reader.close()
    replica.close()


def test_a_recorder_that_is_gone_is_missed(make_log: MakeLog, store: Store):
    log, shared, warned = make_log("r.1"), Shared(store, TERMS), list[str]()
    record(log, [prints("a", "r1", "one")])
    mirror = Mirror("k", log, shared, warned.append)
    until(lambda: store.held("k") is not None, "nothing is shared")
    replica = followed(make_log, shared, warned)
    _, _, reader = replica.log.open(Cursor("r.1", 1))
    mirror.leave()
    log.end()
    mirror.join()
    until(lambda: isinstance(reader.step(1), NewEpoch), "nobody misses it")
    assert read(reader)[-1]["content"] == {"execution_state": "dead"}
    assert isinstance(reader.step(1), Ended)
    assert warned == ["the server that recorded it is gone"]
    reader.close()
    replica.close()


def test_a_redis_that_comes_back_empty_gets_everything(make_log: MakeLog, tmp_path: Path):
    warned: list[str] = []
    with redis_server(tmp_path) as server:
        store = opened(server.url, "back", 600)
        shared = Shared(store, TERMS)
        log = make_log("r.1")
        record(log, [prints("a", "r1", "one")])
        mirror = Mirror("k", log, shared, warned.append)
        until(lambda: store.held("k") is not None, "nothing is shared")
        replica = followed(make_log, shared, warned)
        server.kill()
        record(log, [prints("a", "r1", "two")])
        log.announce()
        until(lambda: len(warned) == 2, "nobody says that it is gone")
        server.start()
        until(lambda: replica.log.cursor == log.cursor, "the copy stays behind")
        assert shown(replica.log) == shown(log)
        assert min(warned).startswith("its records are not shared for now")
        assert "what another server records of it cannot be read for now" in max(warned)
        assert "its records are shared again" in warned
        assert "swordfish" not in "".join(warned)
        log.end()
        mirror.end()
        mirror.join()
        replica.close()
        store.close()


def test_lines_are_the_same_on_the_way(make_log: MakeLog, store: Store):
    log, shared = make_log("r.1"), Shared(store, TERMS)
    said = shows("a", "r1", "é", buffers=(b"\x00\xff",))
    record(log, [said])
    mirror = Mirror("k", log, shared, list[str]().append)
    record(log, [said])
    log.announce()
    until(lambda: (held := store.held("k")) is not None and held.seq == 2, "nothing is shared")
    replica = followed(make_log, shared, [])
    log.end()
    mirror.end()
    mirror.join()
    assert folded(replica.log.snapshot())[0]["a"]["messages"] == [wire(said), wire(said)]
    replica.close()
