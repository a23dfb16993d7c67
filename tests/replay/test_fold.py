"""A snapshot and what follows it show what the whole record shows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from jupyter_extension.replay.log import Log

from . import histories
from .client import EPOCH, folded, read, record, shuffled
from .conftest import Render
from .messages import (
    asks,
    begins,
    clears,
    closes,
    comments,
    fails,
    message,
    opens,
    prints,
    results,
    shows,
    status,
    updates,
    wire,
)
from .plain import known, outside, rendered

MakeLog = Callable[..., Log]


def whole(history: list[Any]) -> list[dict[str, Any]]:
    return [EPOCH if isinstance(said, str) else wire(said) for said in history]


def agree(log: Log, history: list[Any], cut: int, render: Render, size: int) -> None:
    """A client that takes a snapshot after `cut` messages shows what one shows that saw them all."""
    record(log, history[:cut])
    _, snapshot, reader = log.open(None)
    assert snapshot is not None
    early = shuffled(snapshot, seed=cut)
    record(log, history[cut:])
    got = read(reader, size, early)
    reader.close()
    assert render(got) == render(whole(history))


FIXTURES = [HealthCheck.function_scoped_fixture]


@seed(20261121)
@settings(max_examples=400, deadline=None, suppress_health_check=FIXTURES)
@given(history=histories.histories(), data=st.data(), size=st.sampled_from([1, 700, 1 << 20]))
def test_a_snapshot_and_its_tail_render_as_the_whole_log(make_log: MakeLog, history, data, size):
    cut = data.draw(st.integers(0, len(history)))
    agree(make_log(memory=1 << 23), history, cut, rendered, size)


@seed(20261122)
@settings(max_examples=150, deadline=None, suppress_health_check=FIXTURES)
@given(history=histories.histories(), data=st.data())
def test_so_it_does_from_disk(make_log: MakeLog, history, data):
    agree(make_log(memory=2000), history, data.draw(st.integers(0, len(history))), rendered, 500)


@seed(20261123)
@settings(max_examples=200, deadline=None, suppress_health_check=FIXTURES)
@given(history=histories.histories(), data=st.data(), memory=st.sampled_from([2000, 1 << 23]))
def test_so_it_does_in_jupyterlab(make_log: MakeLog, lab: Render, history, data, memory):
    def render(messages: list[dict[str, Any]]) -> dict[str, Any]:
        return {**lab(outside(messages)), **known(messages)}

    agree(make_log(memory=memory), history, data.draw(st.integers(0, len(history))), render, 1 << 20)


@seed(20261124)
@settings(max_examples=100, deadline=None, suppress_health_check=FIXTURES)
@given(history=histories.histories())
def test_two_snapshots_of_the_same_moment_are_the_same(make_log: MakeLog, history):
    log = make_log(memory=2000)
    record(log, history)
    assert list(log.snapshot().parts()) == list(log.snapshot().parts())


@pytest.fixture
def shown(make_log: MakeLog) -> Callable[..., tuple[list[str], list[dict[str, Any]]]]:
    """What a snapshot has after these messages: the kinds in cell `a`, and all messages there."""

    def shown(*history: Any) -> tuple[list[str], list[dict[str, Any]]]:
        log = make_log()
        record(log, list(history))
        cells, _ = folded(log.snapshot())
        messages = cells["a"]["messages"] if "a" in cells else []
        return [each["header"]["msg_type"] for each in messages], messages

    return shown


@pytest.fixture
def others(make_log: MakeLog) -> Callable[..., list[dict[str, Any]]]:
    """What a snapshot has beside the cells."""

    def others(*history: Any) -> list[dict[str, Any]]:
        log = make_log()
        record(log, list(history))
        return folded(log.snapshot())[1]

    return others


START = begins("a", "r1")


def test_text_is_joined_with_its_control_characters(shown):
    kinds, messages = shown(START, prints("a", "r1", "10%\r"), prints("a", "r1", "20%\b"))
    assert kinds == ["execute_input", "stream"]
    assert messages[1]["content"] == {"name": "stdout", "text": "10%\r20%\b"}


def test_what_is_between_two_texts_keeps_them_apart(shown):
    kinds, _ = shown(START, prints("a", "r1", "x"), shows("a", "r1", "-"), prints("a", "r1", "y"))
    assert kinds == ["execute_input", "stream", "display_data", "stream"]


def test_an_update_from_another_cell_changes_the_display_in_its_place(shown):
    _, messages = shown(
        START,
        shows("a", "r1", "old", "d"),
        prints("a", "r1", "x"),
        begins("b", "r2"),
        updates("b", "r2", "new", "d"),
    )
    assert messages[1]["header"]["msg_type"] == "display_data"
    assert messages[1]["content"]["data"] == {"text/plain": "new"}


def test_a_display_can_be_updated_when_all_around_it_has_gone_to_disk(make_log: MakeLog):
    log = make_log(memory=2000)
    record(log, [START, shows("a", "r1", "old", "d"), *(results("a", "r1", "y") for _ in range(5))])
    assert log.disk > 0
    record(log, [updates("a", "r1", "new", "d")])
    shown = [
        each["content"].get("data", {}).get("text/plain")
        for each in folded(log.snapshot())[0]["a"]["messages"]
    ]
    assert shown == [None, "new", *"yyyyy"]


def test_an_update_leaves_later_displays_alone(shown):
    _, messages = shown(START, updates("a", "r1", "early", "d"), shows("a", "r1", "late", "d"))
    assert [each["content"].get("data") for each in messages] == [None, {"text/plain": "late"}]


def test_a_clear_that_waits_is_kept_and_one_that_does_not_is_carried_out(shown):
    assert shown(START, prints("a", "r1", "x"), clears("a", "r1", wait=False))[0] == ["execute_input"]
    kinds, _ = shown(START, prints("a", "r1", "x"), clears("a", "r1", wait=True))
    assert kinds == ["execute_input", "stream", "clear_output"]
    kinds, _ = shown(START, prints("a", "r1", "x"), clears("a", "r1", wait=True), results("a", "r1", "y"))
    assert kinds == ["execute_input", "execute_result"]


def test_the_previous_run_is_shown_until_the_next_begins(shown):
    first = (START, prints("a", "r1", "x"), status("idle", "r1"), status("busy", "r2"))
    assert shown(*first)[0] == ["execute_input", "stream"]
    assert shown(*first, begins("a", "r2"))[0] == ["execute_input"]


def test_a_late_word_of_a_former_run_changes_nothing(shown):
    assert shown(START, begins("a", "r2"), prints("a", "r1", "late"))[0] == ["execute_input"]


def test_cells_of_the_former_process_stay_until_they_run_again(shown):
    kinds, _ = shown(START, prints("a", "r1", "x"), histories.EPOCH)
    assert kinds == ["execute_input", "stream"]
    assert shown(START, prints("a", "r1", "x"), histories.EPOCH, begins("a", "r2"))[0] == ["execute_input"]


def test_buffers_are_kept(shown):
    _, messages = shown(START, shows("a", "r1", "x", buffers=(b"\x00\xff",)))
    assert messages[1]["buffers"] == ["AP8="]


@pytest.mark.parametrize(
    ("history", "state"),
    [
        ([], "starting"),
        ([status("starting")], "starting"),
        ([status("starting"), status("busy", "i", "kernel_info_request")], "idle"),
        ([status("busy", "r1")], "busy"),
        ([status("busy", "r1"), status("idle", "r1")], "idle"),
        ([status("busy", "r1"), status("idle", "i", "kernel_info_request")], "busy"),
        ([status("busy", "r1"), status("busy", "s", "comm_msg"), status("idle", "s", "comm_msg")], "busy"),
        ([status("busy", "r1"), status("idle", "r1"), status("busy", "d", "debug_request")], "idle"),
        ([status("busy", "r1"), status("restarting")], "restarting"),
        ([status("busy", "r1"), status("dead")], "dead"),
        ([status("busy", "r1"), status("idle", "lost")], "idle"),
    ],
)
def test_the_state_is_the_shells(make_log: MakeLog, history, state):
    log = make_log()
    record(log, history)
    assert log.execution_state == state
    told = [each["content"] for each in folded(log.snapshot())[1] if each["header"]["msg_type"] == "status"]
    assert told == ([{"execution_state": state}] if history else [])


def test_a_request_for_input_is_kept_until_its_run_is_over(others):
    assert [each["header"]["msg_type"] for each in others(START, asks("a", "r1"))] == ["input_request"]
    kinds = [each["header"]["msg_type"] for each in others(START, asks("a", "r1"), status("idle", "r1"))]
    assert kinds == ["status"]


def test_a_request_for_input_that_was_answered_is_gone(make_log: MakeLog):
    log = make_log()
    record(log, [START, asks("a", "r1")])
    log.answered("r1")
    assert folded(log.snapshot())[1] == []


def comm(kind: str, buffers: tuple[bytes, ...] = (), **content: Any):
    return message(kind, {"comm_id": "w", **content}, buffers=buffers)


def test_a_widget_is_one_opening_with_its_state_of_now(others):
    opening = {"state": {"value": 1, "image": None, "min": 0}, "buffer_paths": [["image"]]}
    [opened] = others(
        comm("comm_open", (b"old",), target_name="jupyter.widget", data=opening),
        comm("comm_msg", data={"method": "update", "state": {"value": 2}}),
        comm("comm_msg", (b"new",), data={"method": "update", "state": {}, "buffer_paths": [["image"]]}),
        comm("comm_msg", data={"method": "custom", "content": {}}),
    )
    assert opened["header"]["msg_type"] == "comm_open"
    assert opened["content"]["target_name"] == "jupyter.widget"
    assert opened["content"]["data"]["state"] == {"value": 2, "image": None, "min": 0}
    assert opened["content"]["data"]["buffer_paths"] == [["image"]]
    assert opened["buffers"] == ["bmV3"]


def test_other_comms_are_told_whole_and_closed_ones_not_at_all(others):
    said = (comm("comm_open", target_name="t", data={}), comm("comm_msg", data=1), comm("comm_msg", data=2))
    assert [each["content"].get("data") for each in others(*said)] == [{}, 1, 2]
    assert others(*said, comm("comm_close", data={})) == []


def outputs(*texts: str) -> list[dict[str, Any]]:
    return [{"output_type": "stream", "name": "stdout", "text": text} for text in texts]


def area(comm: str, **state: Any) -> Any:
    """An output widget is opened."""
    return opens(comm, {"state": {"_model_name": "OutputModel", "msg_id": "", "outputs": [], **state}})


def sets(comm: str, method: str = "update", **state: Any) -> Any:
    return comments(comm, {"method": method, "state": state})


@pytest.fixture
def taken(make_log: MakeLog) -> Callable[..., tuple[list[str], dict[str, Any]]]:
    """What cell `a` shows after these messages, as texts, and what is told of the widget `o`."""

    def taken(*history: Any) -> tuple[list[str], dict[str, Any]]:
        log = make_log()
        record(log, [START, area("o"), *history])
        cells, other = folded(log.snapshot())
        [told] = [each["content"]["data"] for each in other if each["content"].get("comm_id") == "o"]
        texts = [said["content"].get("text") for said in cells["a"]["messages"]]
        return [text for text in texts if text is not None], told

    return taken


def test_an_output_widget_has_what_was_shown_under_the_request_that_it_names(taken):
    within = (prints("a", "r1", "b"), prints("a", "r1", "c"), results("a", "r1", "d"), fails("a", "r1", "e"))
    shown, told = taken(
        prints("a", "r1", "a"), sets("o", msg_id="r1"), *within, sets("o", msg_id=""), prints("a", "r1", "f")
    )
    assert shown == ["af"]
    result = {
        "output_type": "execute_result",
        "data": {"text/plain": "d"},
        "metadata": {},
        "execution_count": 1,
    }
    error = {"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["e"]}
    assert told["state"]["outputs"] == [*outputs("bc"), result, error]


def test_what_the_kernel_knows_of_it_is_told_until_it_is_the_same(taken):
    within = (sets("o", msg_id="r1"), prints("a", "r1", "a"), prints("a", "r1", "b"))
    _, told = taken(*within, sets("o", "echo_update", outputs=outputs("a")))
    assert told["state"]["outputs"] == outputs("ab")
    assert told["behind"] == {"outputs": outputs("a")}
    _, told = taken(*within, sets("o", "echo_update", outputs=outputs("ab")))
    assert told["state"]["outputs"] == outputs("ab")
    assert "behind" not in told


def test_what_the_kernel_sets_takes_the_place_of_what_was_taken(taken):
    within = (sets("o", msg_id="r1"), prints("a", "r1", "a"))
    _, told = taken(*within, sets("o", outputs=outputs("b")))
    assert told["state"]["outputs"] == outputs("b")
    _, told = taken(*within, sets("o", outputs=outputs("b")), prints("a", "r1", "c"))
    assert told["state"]["outputs"] == outputs("bc")


def test_a_whole_state_that_somebody_asked_for_sets_nothing(taken):
    whole = sets("o", _model_name="OutputModel", msg_id="r1", outputs=[])
    _, told = taken(sets("o", msg_id="r1"), prints("a", "r1", "a"), whole, prints("a", "r1", "b"))
    assert told["state"]["outputs"] == outputs("ab")


def test_what_a_page_sets_counts_where_nothing_was_taken(taken):
    _, told = taken(sets("o", "echo_update", outputs=outputs("a")))
    assert told["state"]["outputs"] == outputs("a")
    assert "behind" not in told


def test_clearing_within_an_output_widget_leaves_the_cell_alone(taken):
    within = (prints("a", "r1", "a"), sets("o", msg_id="r1"), prints("a", "r1", "b"))
    assert taken(*within, clears("a", "r1", wait=False))[1]["state"]["outputs"] == []
    later = (*within, clears("a", "r1", wait=True))
    shown, told = taken(*later)
    assert (shown, told["state"]["outputs"]) == (["a"], outputs("b"))
    shown, told = taken(*later, prints("a", "r1", "c"))
    assert (shown, told["state"]["outputs"]) == (["a"], outputs("c"))


def test_of_output_widgets_within_each_other_the_last_one_takes_it(taken):
    inner = (area("i"), sets("o", msg_id="r1"), sets("i", msg_id="r1"), prints("a", "r1", "inner"))
    assert taken(*inner)[1]["state"]["outputs"] == []
    shown, told = taken(*inner, sets("i", msg_id=""), prints("a", "r1", "outer"))
    assert (shown, told["state"]["outputs"]) == ([], outputs("outer"))
    assert taken(*inner, closes("i"), prints("a", "r1", "outer"))[1]["state"]["outputs"] == outputs("outer")


def test_a_new_process_has_none_of_the_old_ones_output_widgets(make_log: MakeLog):
    log = make_log()
    before = log.memory
    history = [area("o"), sets("o", msg_id="r1"), prints(None, "r1", "x" * 1000), histories.EPOCH]
    record(log, history)
    assert log.memory == before
    record(log, [START, prints("a", "r1", "x")])
    assert folded(log.snapshot())[0]["a"]["messages"][1]["content"]["text"] == "x"


def test_what_an_output_widget_has_taken_costs_the_memory_that_a_cell_does(make_log: MakeLog):
    said = [(prints("a", "r1", f"{number}\n" * 999), results("a", "r1", "x")) for number in range(50)]
    asks = [START, area("o"), sets("o", msg_id="r1")]
    within, without = make_log(memory=20_000), make_log(memory=20_000)
    record(without, [*asks[:2], *chain(*said)])
    record(within, [*asks, *chain(*said)])
    assert within.memory < without.memory + 2000
    assert within.disk > 0
    [told] = [each["content"]["data"] for each in folded(within.snapshot())[1]]
    texts = [each.get("text", "x") for each in told["state"]["outputs"]]
    assert texts == list(chain(*((f"{number}\n" * 999, "x") for number in range(50))))


def test_the_other_fold_goes_on_with_an_output_widget(make_log: MakeLog):
    one, other = make_log("one"), make_log("other")
    early = (area("o"), area("i"), sets("i", msg_id="r1"), sets("o", msg_id="r1"), prints("a", "r1", "a"))
    late = (prints("a", "r1", "b"), sets("o", "echo_update", outputs=outputs("a")))
    record(one, [START, *early, clears("a", "r1", wait=True)])
    other.restore(one.cursor, one.snapshot().parts())
    record(one, [*late])
    record(other, [*late])
    assert folded(other.snapshot()) == folded(one.snapshot())


def test_the_reactive_state_is_merged(others):
    [cells, graph] = others(
        message("reactive_cells", {"cells": {"a": {"freshness": "new"}, "b": {"freshness": "new"}}}),
        message("reactive_graph", {"cells": {"a": {"reads": []}}, "cycles": [["a"]]}),
        message("reactive_cells", {"cells": {"a": {"freshness": "fresh"}, "b": None}}),
        message("reactive_graph", {"cells": {"b": {"reads": ["x"]}}, "cycles": []}),
    )
    assert cells["content"] == {"cells": {"a": {"freshness": "fresh"}}}
    assert graph["content"] == {"cells": {"a": {"reads": []}, "b": {"reads": ["x"]}}, "cycles": []}


def test_output_without_a_cell_is_folded_beside_the_cells(others):
    told = others(prints(None, "", "a"), prints(None, "", "b"), prints(None, "t", "c"))
    assert [each["content"]["text"] for each in told] == ["ab", "c"]


def test_what_was_forgotten_stays_away_and_what_is_said_later_is_shown(make_log: MakeLog):
    log = make_log()
    record(log, [START, prints("a", "r1", "x"), status("idle", "r1"), begins("b", "r2")])
    log.forget(["a", "nobody"])
    assert list(folded(log.snapshot())[0]) == ["b"]
    record(log, [prints("a", "r1", "later")])
    messages = folded(log.snapshot())[0]["a"]["messages"]
    assert [each["content"].get("text") for each in messages] == [None, "later"]


def test_a_large_snapshot_comes_in_parts(make_log: MakeLog):
    log = make_log()
    for number in range(5):
        record(log, [begins(f"c{number}", f"r{number}"), prints(f"c{number}", f"r{number}", "x" * 600_000)])
    assert len(list(log.snapshot().parts())) == 5
    assert len(folded(log.snapshot())[0]) == 5


def test_an_empty_record_has_an_empty_snapshot(make_log: MakeLog):
    assert folded(make_log().snapshot()) == ({}, [])
