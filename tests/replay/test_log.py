"""The record: dense numbers, little memory, a file of its own, and no gap that is not declared."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from jupyter_extension.replay.fold import LOOSE
from jupyter_extension.replay.log import Cursor, Ended, Gap, Limits, Lines, Log, NewEpoch, Nothing, OnDisk
from jupyter_extension.replay.message import Malformed, parse
from jupyter_extension.replay.spill import Spill, sweep

from . import histories
from .client import folded, read, record
from .messages import begins, comments, message, opens, prints, shows, status, wire

MakeLog = Callable[..., Log]


@seed(20261125)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories.histories(), data=st.data(), memory=st.sampled_from([1500, 1 << 23]))
def test_any_cursor_is_resumed_with_exactly_what_follows(make_log: MakeLog, history, data, memory):
    log = make_log(memory=memory)
    said = [message for message in history if not isinstance(message, str)]
    record(log, said)
    seq = data.draw(st.integers(0, len(said)))
    welcome, snapshot, reader = log.open(Cursor("e1", seq))
    assert (welcome.epoch, welcome.seq, welcome.floor, snapshot) == ("e1", len(said), 0, None)
    assert read(reader, 600) == [wire(message) for message in said[seq:]]


def printed(log: Log, count: int, size: int = 100) -> None:
    record(log, [prints("a", "r1", "x" * size) for _ in range(count)])


@pytest.mark.parametrize("cursor", [None, Cursor("e0", 3), Cursor("e1", 6)])
def test_a_cursor_that_is_unknown_gets_a_snapshot(make_log: MakeLog, cursor):
    log = make_log()
    printed(log, 5)
    _, snapshot, reader = log.open(cursor)
    assert snapshot is not None
    assert (snapshot.epoch, snapshot.seq, reader.seq) == ("e1", 5, 5)


def test_memory_stays_within_its_limit_and_nothing_is_lost(make_log: MakeLog):
    log = make_log(memory=100_000)
    for _ in range(50):
        printed(log, 100)
        record(log, [shows("a", "r1", "y" * 5000)])
        assert log.memory < 100_000
    _, _, reader = log.open(Cursor("e1", 0))
    assert len(read(reader)) == 50 * 101
    cells, _ = folded(log.snapshot())
    text = "".join(each["content"].get("text", "") for each in cells["a"]["messages"])
    assert len(text) == 50 * 100 * 100


def test_many_small_outputs_stay_within_the_limit(make_log: MakeLog):
    log = make_log(memory=200_000)
    record(log, [shows("a", "r1", str(number)) for number in range(3000)])
    assert log.memory < 200_000
    assert len(folded(log.snapshot())[0]["a"]["messages"]) == 3000


def test_the_file_is_made_when_it_is_needed_is_nobody_elses_and_goes(tmp_path: Path, make_log: MakeLog):
    log = make_log(memory=10_000)
    printed(log, 1)
    assert list(tmp_path.iterdir()) == []
    printed(log, 100)
    [file] = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    log.close()
    assert list(tmp_path.iterdir()) == []


def test_a_rerun_frees_what_it_replaces(make_log: MakeLog):
    log = make_log(memory=10_000)
    record(log, [begins("a", "r1"), *(shows("a", "r1", "y" * 5000) for _ in range(20))])
    before = log.disk
    record(log, [begins("a", "r2")])
    log.tidy()
    assert log.disk < before - 50_000


MB = 1 << 20


def test_a_large_output_is_written_once_and_outlives_its_record(tmp_path: Path):
    now = [0.0]
    log = Log("e1", spill=Spill(tmp_path / "x"), limits=Limits(2 * MB, age=60), clock=lambda: now[0])
    record(log, [begins("a", "r1"), *(shows("a", "r1", str(number) * MB) for number in range(8))])
    assert 6 * MB < log.disk < 9 * MB
    now[0] = 61
    log.tidy()
    assert log.open(None)[0].floor > 0
    shown = folded(log.snapshot())[0]["a"]["messages"][1:]
    assert [each["content"]["data"]["text/plain"] for each in shown] == [
        str(number) * MB for number in range(8)
    ]
    record(log, [begins("a", "r2")])
    log.tidy()
    assert log.disk < 2 * MB
    log.close()


def test_outputs_that_the_disk_has_no_room_for_are_replaced_by_a_word(tmp_path: Path):
    said: list[str] = []
    log = Log("e1", spill=Spill(tmp_path / "x"), limits=Limits(10_000, 50_000), complain=said.append)
    record(log, [begins("a", "r1"), *(shows("a", "r1", "y" * 5000) for _ in range(40))])
    record(log, [begins("b", "r2"), *(prints("b", "r2", "z" * 100) for _ in range(1000))])
    assert log.disk < 60_000
    cells, _ = folded(log.snapshot())
    for cell in ("a", "b"):
        texts = [each["content"].get("text", "") for each in cells[cell]["messages"]]
        assert any("are not kept" in text for text in texts)
    assert any("are not kept" in sentence for sentence in said)
    log.close()


def test_comms_are_within_the_limit_of_memory(make_log: MakeLog):
    log = make_log(memory=200_000)
    state = {"state": {"image": None}, "buffer_paths": [["image"]]}
    record(log, [opens(f"w{number}", state, b"x" * 10_000) for number in range(50)])
    record(log, [opens("talk", {}), *(comments("talk", "y" * 1000) for _ in range(500))])
    assert log.memory < 200_000
    _, other = folded(log.snapshot())
    assert sum(len(b64decode(buffer)) for each in other for buffer in each["buffers"]) == 50 * 10_000
    assert [each["content"]["data"] for each in other[-500:]] == ["y" * 1000] * 500


def test_the_reactive_state_takes_memory(make_log: MakeLog):
    log, before = make_log(), make_log().memory
    cells = {f"c{number}": {"freshness": "x" * 1000} for number in range(100)}
    record(log, [message("reactive_cells", {"cells": cells}), message("reactive_graph", {"cells": cells})])
    assert log.memory - before > 4 * 100_000
    grown = log.memory
    record(log, [message("reactive_cells", {"cells": dict.fromkeys(cells)})])
    assert log.memory < grown - 80_000


def test_output_without_a_cell_that_is_not_kept_is_said(make_log: MakeLog):
    log = make_log()
    record(log, [prints(None, f"r{number}", "x") for number in range(LOOSE + 3)])
    _, other = folded(log.snapshot())
    assert len(other) == LOOSE + 1
    assert "3 earlier requests" in other[0]["content"]["text"]


def test_what_the_disk_has_no_room_for_is_a_gap(make_log: MakeLog):
    log = make_log(memory=10_000, disk=20_000)
    _, _, reader = log.open(Cursor("e1", 0))
    printed(log, 300)
    gap = reader.step(1)
    assert isinstance(gap, Gap)
    assert gap.first == 1
    welcome, snapshot = reader.turn()
    assert welcome.floor == gap.last
    assert snapshot is not None
    assert snapshot.seq == 300
    assert isinstance(reader.step(1), Nothing)
    _, resumed, _ = log.open(Cursor("e1", welcome.floor))
    assert resumed is None
    _, refused, _ = log.open(Cursor("e1", welcome.floor - 1))
    assert refused is not None


def test_old_records_are_dropped_when_their_time_is_over(tmp_path: Path):
    now = [0.0]
    spill = Spill(tmp_path / "x")
    log = Log("e1", spill=spill, limits=Limits(memory=10_000, age=60), clock=lambda: now[0])
    printed(log, 100)
    assert log.open(None)[0].floor == 0
    now[0] = 61
    log.tidy()
    assert log.open(None)[0].floor > 0
    log.close()


def test_what_nobody_can_know_takes_a_number_and_is_a_gap(make_log: MakeLog):
    log = make_log()
    printed(log, 3)
    _, _, reader = log.open(Cursor("e1", 2))
    log.lose()
    printed(log, 1)
    assert reader.step(1) == Gap(3, 4)
    assert log.cursor == Cursor("e1", 5)


def test_a_disk_that_fails_costs_records_and_says_so(tmp_path: Path):
    (tmp_path / "file").touch()
    said: list[str] = []
    spill = Spill(tmp_path / "file" / "below")
    log = Log("e1", spill=spill, limits=Limits(memory=10_000), complain=said.append)
    printed(log, 100)
    assert log.open(None)[0].floor > 0
    assert "are lost" in said[0]
    assert len(folded(log.snapshot())[0]["a"]["messages"][0]["content"]["text"]) == 100 * 100


def test_files_of_servers_that_were_killed_are_swept_away(tmp_path: Path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    for owner in (gone.pid, os.getpid()):
        (tmp_path / f"a-b-{owner}.sqlite").touch()
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [f"a-b-{os.getpid()}.sqlite"]


def test_a_reader_goes_through_an_old_process_into_the_new_one(make_log: MakeLog):
    log = make_log(memory=10_000)
    _, _, reader = log.open(Cursor("e1", 0))
    printed(log, 200)
    log.begin("e2")
    assert isinstance(reader.step(1), OnDisk)
    printed(log, 2)
    assert len(read(reader)) == 200 + 1 + 2
    assert isinstance(reader.step(1), Nothing)
    log.end()
    assert isinstance(reader.step(1), Ended)


def test_a_reader_that_missed_a_process_gets_a_snapshot(make_log: MakeLog):
    log = make_log()
    printed(log, 2)
    _, _, reader = log.open(Cursor("e1", 0))
    log.begin("e2")
    log.begin("e3")
    printed(log, 2)
    step = reader.step(1 << 20)
    assert isinstance(step, Lines)
    reader.seq += len(step.lines)
    assert isinstance(reader.step(1), NewEpoch)
    welcome, snapshot = reader.turn()
    assert (welcome.epoch, welcome.seq) == ("e3", 2)
    assert snapshot is not None


def test_an_old_process_takes_no_room_once_nobody_reads_it(make_log: MakeLog):
    log = make_log(memory=10_000)
    record(log, [shows(None, "", "x" * 100) for _ in range(200)])
    used = log.disk
    _, _, reader = log.open(Cursor("e1", 0))
    log.begin("e2")
    log.tidy()
    assert 0 < log.disk < used
    reader.close()
    assert log.disk == 0


@pytest.mark.parametrize(
    "frames",
    [
        [],
        [b"{}", b"{}", b"{}"],
        [b"{}", b"{}", b"{}", b"[]"],
        [b"{}", b"{}", b"{}", b'{"a": NaN}'],
        [b"{}", b"{}", b"{}", b'"\xff"'],
        [b"no", b"{}", b"{}", b"{}"],
        [b"{}", b"{}", b"1", b"{}"],
        [b'{"msg_type": "display_data"}', b"{}", b"{}", b"{\xff" + b"x" * 100_000 + b"}"],
        [b'{"msg_type": "display_data"}', b"{}", b"{}", b"x" * 100_000],
        [b"{}", b"{}", b"{}", b"[" * 100_000],
    ],
)
def test_what_is_no_message_is_refused(frames):
    with pytest.raises(Malformed):
        parse("iopub", frames)


def test_a_line_is_the_message_as_it_came(make_log: MakeLog):
    log = make_log()
    said = shows("a", "r1", "é", buffers=(b"\x00",))
    record(log, [said, status("idle", "r1")])
    _, _, reader = log.open(Cursor("e1", 0))
    step = reader.step(1 << 20)
    assert isinstance(step, Lines)
    line = json.loads(step.lines[0])
    assert (line["type"], line["seq"], line["channel"]) == ("message", 1, "iopub")
    assert line["msg"] == {**wire(said), "buffers": ["AA=="]}
