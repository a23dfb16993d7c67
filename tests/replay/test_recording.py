"""What a recording makes of what it hears: processes, cells, and what the kernel itself has lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from jupyter_extension.replay.log import Gap, Log
from jupyter_extension.replay.recording import HOLE, Recording

from .client import folded

Make = Callable[..., Recording]


@pytest.fixture
def said() -> list[str]:
    """What operators read."""
    return []


@pytest.fixture
def make(make_log: Callable[..., Log], said: list[str]) -> Make:
    def make(**options: Any) -> Recording:
        return Recording(
            "k", make_log, instead_of_tracebacks=None, note=said.append, warn=said.append, **options
        )

    return make


def frames(
    number: int, kind: str, session: str = "s", cell: str | None = None, **content: Any
) -> list[bytes]:
    header = {"msg_id": f"{session}_1_{number}", "msg_type": kind, "session": session}
    metadata = {} if cell is None else {"cellId": cell}
    return [json.dumps(part).encode() for part in (header, {"msg_id": "r"}, metadata, content)]


def printed(number: int) -> list[bytes]:
    return frames(number, "stream", cell="a", name="stdout", text="x")


def test_what_the_kernel_dropped_is_a_gap_and_is_said_in_the_cell(make: Make, said: list[str]):
    recording = make()
    recording.heard(printed(1))
    recording.heard(printed(2 + HOLE))
    _, _, reader = recording.log.open(None)
    assert reader.seq == 4
    texts = [each["content"]["text"] for each in folded(recording.log.snapshot())[0]["a"]["messages"]]
    assert texts == [
        "x",
        f"[About {HOLE} messages of the kernel were lost before they could be recorded.]\n",
        "x",
    ]
    assert recording.log.gaps == 1
    assert "dropped about" in said[0]


def test_what_was_dropped_at_the_end_of_a_run_is_said_in_its_cell(make: Make):
    recording = make()
    recording.heard(printed(1))
    recording.heard(frames(2 + HOLE, "status", cell="b", execution_state="busy"))
    recording.heard(frames(3 + HOLE, "status", cell="b", execution_state="idle"))
    recording.heard(frames(4 + 2 * HOLE, "stream", cell="d", name="stdout", text="x"))
    cells = folded(recording.log.snapshot())[0]
    texts = {cell: [each["content"]["text"] for each in run["messages"]] for cell, run in cells.items()}
    notice = f"[About {HOLE} messages of the kernel were lost before they could be recorded.]\n"
    assert texts == {"a": ["x", notice], "d": [notice, "x"]}


def test_replies_to_others_are_no_loss(make: Make, said: list[str]):
    recording = make()
    for number in (1, HOLE, 2, HOLE + 1):
        recording.heard(printed(number))
    recording.heard(frames(1, "stream", session="fork", name="stdout", text="x"))
    assert (recording.log.gaps, said) == (0, [])


def started(session: str, number: int = 1) -> list[bytes]:
    return frames(number, "status", session, execution_state="starting")


def test_behind_a_gateway_a_process_that_is_heard_from_its_start_has_no_gap(make: Make):
    recording = make(elsewhere=True)
    recording.heard(started("s"))
    recording.restarting()
    recording.relaunched()
    recording.heard(started("t"))
    assert (recording.log.gaps, recording.log.cursor.seq, recording.expects) == (0, 1, False)


def test_behind_a_gateway_the_first_words_of_a_process_may_be_lost_and_that_is_a_gap(make: Make):
    recording = make(elsewhere=True)
    recording.heard(started("s"))
    recording.restarting()
    recording.relaunched()
    _, _, reader = recording.log.open(None)
    # The answer to the server's question is the first that is heard of it.
    recording.met(frames(5, "kernel_info_reply", "t"))
    assert recording.expects
    reader.turn()
    recording.heard(frames(9, "status", "t", execution_state="busy"))
    assert reader.step(1) == Gap(1, 1)
    assert not recording.expects


def test_an_answer_of_the_old_process_begins_nothing(make: Make):
    recording = make(elsewhere=True)
    recording.heard(started("s"))
    epoch = recording.log.cursor.epoch
    recording.restarting()
    recording.met(frames(2, "kernel_info_reply", "s"))
    assert recording.log.cursor.epoch == epoch
    recording.met(frames(1, "kernel_info_reply", "t"))
    recording.heard(frames(3, "status", "s", execution_state="idle"))  # late
    recording.heard(started("t", 2))
    assert recording.log.cursor.epoch == f"{recording.id}.2"
