"""Between two cells requests and edits are taken in, and what they make obsolete never runs."""

import pytest

from .conversation import TIMEOUT, Conversation, cell_of, parent_of, synced
from .gate import Gate


# Holds the cascade in a cell until the test has sent what it wants to send: the cell waits for a file.
def chain(length: int, first: str) -> dict[str, str]:
    return {"c0": first, **{f"c{n}": f"x{n} = x{n - 1} + 1" for n in range(1, length)}}


def ran_since(kernel: Conversation, start: int) -> list[str]:
    return [cell_of(m) for m in kernel.log[start:] if m["msg_type"] == "execute_input"]


def test_a_burst_of_requests_runs_every_cell_once(kernel: Conversation, tmp_path):
    gate = Gate(tmp_path / "gate")
    cells = chain(20, gate.source + "x0 = 0")
    kernel.sync(cells)
    start = len(kernel.log)
    requests = [kernel.ask(source, cell) for cell, source in cells.items()]
    gate.open(kernel)
    for request in requests:
        kernel.finish(request, start)
    assert ran_since(kernel, start) == list(cells)
    replies = [kernel.reply_to(request)["content"] for request in requests]
    assert [reply["status"] for reply in replies] == ["ok"] * 20
    counts = [reply["execution_count"] for reply in replies]
    assert counts == sorted(set(counts))


def test_a_burst_over_cells_that_ran_runs_every_cell_once(kernel: Conversation, tmp_path):
    kernel.document(**chain(20, "x0 = 0"))
    gate = Gate(tmp_path / "gate")
    start = len(kernel.log)
    requests = [kernel.ask(source, cell) for cell, source in chain(20, gate.source + "x0 = 100").items()]
    gate.open(kernel)
    for request in requests:
        kernel.finish(request, start)
    assert ran_since(kernel, start) == [f"c{n}" for n in range(20)]
    assert kernel.value("x19") == "119"


def test_a_burst_over_the_comm_runs_every_cell_once(kernel: Conversation, tmp_path):
    gate = Gate(tmp_path / "gate")
    cells = chain(10, gate.source + "x0 = 0")
    kernel.sync(cells)
    start = len(kernel.log)
    messages = [kernel.tell({"op": "run", "cells": [cell]}) for cell in cells]
    gate.open(kernel)
    for message in messages:
        kernel.finish(message, start)
    assert ran_since(kernel, start) == list(cells)


def test_a_request_does_not_wait_for_the_cascade(kernel: Conversation, tmp_path):
    slow = {f"s{n}": f"import time; x; time.sleep(0.02); y{n} = x" for n in range(30)}
    gate = Gate(tmp_path / "gate")
    kernel.document(x="x = 0", **slow, other="z = 1")
    first = kernel.ask(gate.source + "x = 1", "x")
    kernel.until_text("on")
    start = len(kernel.log)
    second = kernel.ask("z = 2; print('answer')", "other")
    gate.open(kernel)
    reply = kernel.reply_to(second)
    kernel.finish(first, start)
    kernel.finish(second, start)
    ended = [m for m in kernel.log[start:] if m["msg_type"] == "execute_input"]
    before = [m for m in ended if m["header"]["date"] < reply["header"]["date"]]
    # The plan goes in document order; what the request needs is all that may have run before it, but for
    # what was left of the first plan, which goes on as part of the second.
    assert [cell_of(m) for m in before][-1] == "other"
    assert sorted(cell_of(m) for m in ended) == sorted([*slow, "other"])
    assert set(kernel.states().values()) == {"fresh ok"}


def test_an_edit_takes_the_edited_cell_out_of_the_plan(kernel: Conversation, tmp_path):
    gate = Gate(tmp_path / "gate")
    kernel.document(x="x = 0", a="a = x", b="b = a", c="c = x")
    run = kernel.ask(gate.source + "x = 1", "x")
    kernel.until_text("on")
    start = len(kernel.log)
    edit = kernel.tell({"op": "edit", "id": "a", "source": "a = x + 1"})
    gate.open(kernel)
    kernel.finish(run, start)
    kernel.finish(edit, start)
    assert ran_since(kernel, start) == ["c"]
    assert (kernel.why("a"), kernel.why("b")) == ("edited", "input-stale")
    assert kernel.run_stale().ran == ["a", "b"]
    assert kernel.value("(a, b, c)") == "(2, 2, 1)"


def test_a_later_run_of_the_same_cell_makes_the_first_cascade_obsolete(kernel: Conversation, tmp_path):
    gate = Gate(tmp_path / "gate")
    kernel.document(x="x = 0", a="print('saw', x)", b="x")
    run = kernel.ask(gate.source + "x = 1", "x")
    kernel.until_text("on")
    start = len(kernel.log)
    again = kernel.ask("x = 2", "x")
    gate.open(kernel)
    kernel.finish(run, start)
    kernel.finish(again, start)
    assert ran_since(kernel, start) == ["x", "a", "b"]
    assert kernel.text("a") == "saw 2\n"
    assert kernel.reply_to(run)["content"]["status"] == "ok"
    assert kernel.reply_to(again)["content"]["status"] == "ok"


def test_deleting_a_planned_cell_takes_it_out(kernel: Conversation, tmp_path):
    gate = Gate(tmp_path / "gate")
    kernel.document(x="x = 0", a="a = x", c="c = x")
    run = kernel.ask(gate.source + "x = 1", "x")
    kernel.until_text("on")
    start = len(kernel.log)
    sync = kernel.tell(synced({"x": gate.source + "x = 1", "c": "c = x"}))
    gate.open(kernel)
    kernel.finish(run, start)
    kernel.finish(sync, start)
    assert ran_since(kernel, start) == ["c"]
    assert kernel.states() == {"x": "fresh ok", "c": "fresh ok"}


def test_deleting_the_running_cell_is_no_harm(kernel: Conversation, tmp_path):
    gate = Gate(tmp_path / "gate")
    kernel.document(a="a = 1", b="print(a)")
    run = kernel.ask(gate.source + "a = 2", "a")
    kernel.until_text("on")
    start = len(kernel.log)
    sync = kernel.tell(synced({"b": "print(a)"}))
    gate.open(kernel)
    kernel.finish(run, start)
    kernel.finish(sync, start)
    assert kernel.reply_to(run)["content"]["status"] == "ok"
    assert list(kernel.cells) == ["b"]
    assert kernel.text("b") == "NameError: name 'a' is not defined"


def test_a_request_whose_cell_is_deleted_before_it_runs_is_answered(kernel: Conversation, tmp_path):
    gate = Gate(tmp_path / "gate")
    kernel.sync({"a": gate.source, "b": "print('never')"})
    subshell = kernel.subshell()
    run = kernel.tell({"op": "run", "cells": ["a"]})
    kernel.until_text("on")
    start = len(kernel.log)
    # The request waits for the main thread; the sync overtakes it over the subshell.
    request = kernel.ask("print('never')", "b")
    sync = kernel.tell(synced({"a": gate.source}), subshell)
    kernel.until(lambda m: m["msg_type"] == "reactive_cells" and m["content"]["cells"].get("b", 1) is None)
    gate.open(kernel)
    kernel.finish(run, start)
    kernel.finish(sync, start)
    kernel.finish(request, start)
    assert kernel.reply_to(request)["content"]["ename"] == "Removed"
    assert ran_since(kernel, start) == []
    assert list(kernel.cells) == ["a"]


def test_cells_behind_a_removed_one_run(kernel: Conversation, tmp_path):
    gate = Gate(tmp_path / "gate")
    kernel.sync({"a": gate.source, "b": "print('never')", "c": "print('c')"})
    subshell = kernel.subshell()
    requests = [kernel.ask(text, cell, stop_on_error=True) for cell, text in (("a", gate.source), ("b", "1"))]
    requests.append(kernel.ask("print('c')", "c", stop_on_error=True))
    kernel.until_text("on")
    start = len(kernel.log)
    kernel.tell(synced({"a": gate.source, "c": "print('c')"}), subshell)
    kernel.until(lambda m: m["msg_type"] == "reactive_cells" and m["content"]["cells"].get("b", 1) is None)
    gate.open(kernel)
    for request in requests:
        kernel.finish(request, start)
    assert [kernel.reply_to(request)["content"]["status"] for request in requests] == ["ok", "error", "ok"]
    assert kernel.text("c") == "c\n"


def test_other_requests_are_served_between_two_cells(kernel: Conversation, tmp_path):
    gate = Gate(tmp_path / "gate")
    kernel.document(x="x = 0", a="import time; x; time.sleep(0.2)", b="x; time.sleep(0.2)")
    run = kernel.ask(gate.source + "x = 1", "x")
    kernel.until_text("on")
    start = len(kernel.log)
    other = kernel.send("is_complete_request", {"code": "x ="})
    gate.open(kernel)
    kernel.finish(other, start)
    exchange = kernel.finish(run, start)
    last = [m for m in exchange.messages if m["msg_type"] == "execute_input"][-1]
    served = next(m for m in exchange.messages if parent_of(m) == other)
    assert served["header"]["date"] < last["header"]["date"]
    assert kernel.reply_to(other)["content"]["status"] == "invalid"


def test_the_kernel_is_busy_again_after_a_request_between_two_cells(kernel: Conversation, tmp_path):
    gate = Gate(tmp_path / "gate")
    kernel.document(x="x = 0", a="import time; x; time.sleep(0.1)", b="x; time.sleep(0.1)")
    run = kernel.ask(gate.source + "x = 1", "x")
    kernel.until_text("on")
    start = len(kernel.log)
    info = kernel.send("kernel_info_request", {})
    edit = kernel.tell({"op": "edit", "id": "a", "source": "pass"})
    gate.open(kernel)
    for message in (info, edit, run):
        kernel.finish(message, start)
    state = "busy"
    for message in kernel.log[start:]:
        if message["msg_type"] == "status":
            state = message["content"]["execution_state"]
        elif message["msg_type"] in ("execute_input", "stream"):
            assert state == "busy"
    assert state == "idle"


def test_a_request_is_idle_when_the_next_one_takes_over(kernel: Conversation, tmp_path):
    gate = Gate(tmp_path / "gate")
    kernel.sync({"a": gate.source, **{f"c{n}": f"print({n})" for n in range(20)}})
    start = len(kernel.log)
    requests = [kernel.ask(gate.source, "a"), *(kernel.ask(f"print({n})", f"c{n}") for n in range(20))]
    kernel.until_text("on")
    gate.open(kernel)
    for request in requests:
        kernel.finish(request, start)
    told = [
        (m["content"]["execution_state"], requests.index(parent_of(m)))
        for m in kernel.log[start:]
        if m["msg_type"] == "status" and parent_of(m) in requests
    ]
    assert told == [(state, n) for n in range(21) for state in ("busy", "idle")]


def test_a_request_waits_for_its_cascade_when_code_of_no_cell_comes_next(kernel: Conversation, tmp_path):
    gate = Gate(tmp_path / "gate")
    kernel.document(x="x = 0", a="print(x)", b="print(x)")
    start = len(kernel.log)
    run = kernel.ask(gate.source + "x = 1", "x")
    kernel.until_text("on")
    scratch = kernel.ask("1 + 1")
    gate.open(kernel)
    kernel.finish(scratch, start)
    exchange = kernel.finish(run, start)
    assert exchange.ran in (["x", "", "a", "b"], ["x", "a", "", "b"])


@pytest.mark.parametrize("code", ["1 / 0", None])
def test_who_does_not_go_on_with_a_plan_leaves_it_to_somebody(
    kernel: Conversation, tmp_path, code: str | None
):
    gate = Gate(tmp_path / "gate")
    kernel.document(x="x = 0", a="print(x)", b="print(x)", other="pass")
    start = len(kernel.log)
    kernel.ask(gate.source + "x = 1", "x")
    kernel.until_text("on")
    # Without code it makes no sense.
    content = {"silent": False, "stop_on_error": True} | ({} if code is None else {"code": code})
    kernel.send("execute_request", content, {"cellId": "other"})
    gate.open(kernel)
    while not all(kernel.text(cell) == "1\n" and kernel.state(cell) == "fresh ok" for cell in "ab"):
        kernel.receive()
    assert ran_since(kernel, start).count("a") == 1


def test_a_comm_message_during_a_cascade_is_idle_when_the_cascade_is_over(kernel: Conversation, tmp_path):
    gate = Gate(tmp_path / "gate")
    kernel.document(x="x = 0", a="print(x)", b="print(x)")
    run = kernel.ask(gate.source + "x = 1", "x")
    kernel.until_text("on")
    start = len(kernel.log)
    edit = kernel.tell({"op": "run", "cells": ["b"]})
    gate.open(kernel)
    kernel.finish(edit, start)
    assert {status["activity"] for status in kernel.cells.values()} == {"idle"}
    kernel.finish(run, start)
    assert kernel.text("b") == "1\n"


def test_an_await_lets_edits_in(kernel: Conversation):
    kernel.document(x="x = 0", a="print(x)")
    source = (
        "import asyncio\nprint('on', flush=True)\nx = 1\n"
        f"for _ in range({int(TIMEOUT)} * 100):\n"
        "    await asyncio.sleep(0.01)\n"
        "    if 'released' in globals(): break\n"
    )
    run = kernel.ask(source, "x")
    kernel.until_text("on")
    start = len(kernel.log)
    edit = kernel.tell({"op": "edit", "id": "a", "source": "print(x + 1)"})
    kernel.until(lambda m: m["msg_type"] == "reactive_cells" and "a" in m["content"]["cells"])
    kernel.interrupt()
    kernel.finish(run, start)
    kernel.finish(edit, start)
    assert kernel.state("a").startswith("stale")


# A text that was sent after a request to run the cell, and came first


def edited_while_it_waits(kernel: Conversation, gate: Gate, edit) -> tuple[int, str]:
    """Ask for a cell while another runs, and then `edit` it; where the log was, and the request."""
    kernel.document(slow="pass", a="print('old')")
    kernel.ask(gate.source, "slow")
    kernel.until_text("on")
    start = len(kernel.log)
    request = kernel.ask("print('asked for')", "a")
    edit()
    gate.open(kernel)
    kernel.finish(request, start)
    return start, request


def shows_what_it_holds(kernel: Conversation, start: int, text: str) -> None:
    """A cell that is fresh shows what its newest text gives, and no other text ran."""
    codes = [m["content"]["code"] for m in kernel.log[start:] if m["msg_type"] == "execute_input"]
    assert codes == [f"print('{text}')"]
    assert (kernel.state("a"), kernel.text("a")) == ("fresh ok", f"{text}\n")


def test_an_edit_that_overtakes_a_request_is_what_runs(kernel: Conversation, tmp_path):
    subshell = kernel.subshell()
    edit = {"op": "edit", "id": "a", "source": "print('new')"}

    def overtakes() -> None:
        kernel.tell(edit, subshell)
        kernel.until(lambda m: m["msg_type"] == "reactive_cells" and "a" in m["content"]["cells"])

    start, request = edited_while_it_waits(kernel, Gate(tmp_path / "gate"), overtakes)
    assert kernel.reply_to(request)["content"]["status"] == "ok"
    shows_what_it_holds(kernel, start, "new")


def test_an_edit_that_goes_the_same_way_as_a_request_is_what_runs(kernel: Conversation, tmp_path):
    # ipykernel dispatches comm messages while it has requests wait.
    edit = {"op": "edit", "id": "a", "source": "print('new')"}
    start, _ = edited_while_it_waits(kernel, Gate(tmp_path / "gate"), lambda: kernel.tell(edit))
    shows_what_it_holds(kernel, start, "new")


def test_a_page_that_comes_later_says_what_a_waiting_cell_holds(kernel: Conversation, tmp_path):
    subshell = kernel.subshell()
    session = kernel.client.session
    gate = Gate(tmp_path / "gate")

    def reloads() -> None:
        session.session, before = "another page's", session.session
        kernel.tell(synced({"slow": gate.source, "a": "print('new')"}), subshell)
        session.session = before
        kernel.until(lambda m: m["msg_type"] == "reactive_cells" and "a" in m["content"]["cells"])

    start, _ = edited_while_it_waits(kernel, gate, reloads)
    shows_what_it_holds(kernel, start, "new")


def test_a_request_that_is_sent_once_more_is_older_than_what_was_told_since(kernel: Conversation):
    kernel.document(a="print('old')")
    session = kernel.client.session
    lost = session.msg(
        "execute_request", {"code": "print('lost')", "silent": False}, metadata={"cellId": "a"}
    )
    kernel.edit("a", "print('new')")
    start = len(kernel.log)
    kernel.client.shell_channel.send(lost)
    kernel.finish(lost["header"]["msg_id"], start)
    shows_what_it_holds(kernel, start, "new")


def test_a_request_that_comes_after_an_edit_brings_its_own_text(kernel: Conversation):
    kernel.document(a="print('old')")
    kernel.edit("a", "print('told')")
    start = len(kernel.log)
    kernel.execute("print('asked for')", "a")
    shows_what_it_holds(kernel, start, "asked for")


def test_a_comm_that_opens_and_closes_while_a_cell_awaits_says_when_that_is_over(kernel: Conversation):
    source = "import asyncio\nprint('on', flush=True)\nwhile True:\n    await asyncio.sleep(0.01)"
    start = len(kernel.log)
    run = kernel.ask(source, "x")
    kernel.until_text("on")
    kernel.open()
    kernel.do({"op": "variables"})
    kernel.finish(kernel.send("comm_close", {"comm_id": kernel.comm, "data": {}}))
    kernel.interrupt()
    kernel.finish(run, start)


# Longer than the kernel waits for what was read and is not handed over.
SLOW = """import time
def slow(comm, message):
    time.sleep(1.5)
get_ipython().kernel.comm_manager.register_target("slow", slow)"""


def test_a_request_that_waits_for_a_slow_comm_is_heard(kernel: Conversation):
    kernel.execute(SLOW)
    start = len(kernel.log)
    kernel.send("comm_open", {"comm_id": "slow", "target_name": "slow", "data": {}})
    first, second = kernel.ask("print('first')", "b"), kernel.ask("print('second')")
    assert kernel.finish(first, start).shown() == "first\n"
    assert kernel.finish(second, start).shown() == "second\n"
