"""Every message of the protocol's kernel half, field by field."""

import time
import uuid
from typing import Any

import psutil
import pytest

from .conversation import Conversation, Message, cell_of, parent_of, synced

NEW = {
    "freshness": "new",
    "activity": "idle",
    "outcome": None,
    "run": None,
    "execution_count": None,
    "reason": None,
}


def test_ready_tells_the_whole_state(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)")
    kernel.close()
    exchange = kernel.open()
    (ready,) = exchange.answers
    assert sorted(ready) == ["cells", "graph", "mode", "op", "protocol"]
    assert (ready["op"], ready["protocol"], ready["mode"]) == ("ready", 1, "auto")
    run, count = ready["cells"]["a"]["run"], ready["cells"]["a"]["execution_count"]
    fresh = {**NEW, "freshness": "fresh", "outcome": "ok"}
    assert ready["cells"] == {
        "a": {**fresh, "run": run, "execution_count": count},
        "b": {**fresh, "run": run + 1, "execution_count": count + 1},
    }
    assert ready["graph"] == {
        "cells": {
            "a": {"reads": [], "writes": ["x"], "parents": [], "children": ["b"]},
            "b": {"reads": ["x"], "writes": [], "parents": ["a"], "children": []},
        },
        "cycles": [],
    }


def test_ready_is_the_answer_to_the_open_and_comes_on_its_comm(kernel: Conversation):
    exchange = kernel.open()
    (message,) = exchange.of_type("comm_msg")
    assert parent_of(message) == exchange.msg_id
    assert message["content"]["comm_id"] == kernel.comm


def test_ready_says_lazy(kernel: Conversation):
    kernel.do({"op": "configure", "mode": "lazy"})
    assert kernel.open().answers[0]["mode"] == "lazy"


def test_nothing_of_ours_is_sent_before_the_comm_is_open(kernel: Conversation):
    kernel.close()
    exchange = kernel.execute("x = 1", "a")
    assert [m["msg_type"] for m in exchange.messages if m["msg_type"].startswith("reactive")] == []


def test_another_protocol_is_refused_and_its_comm_closed(kernel: Conversation):
    kernel.close()
    for data in ({"protocol": 2}, {}, [], {"protocol": True}):
        exchange = kernel.open(data)
        (answer,) = exchange.answers
        assert answer == {"op": "error", "message": answer["message"], "about": data}
        assert "protocol 1" in answer["message"]
        assert [m["content"]["comm_id"] for m in exchange.of_type("comm_close")] == [kernel.comm]
    kernel.open()


def test_two_front_ends_hear_the_same(kernel: Conversation):
    first = kernel.comm
    kernel.open()
    exchange = kernel.sync({"a": "x = 1"})
    assert len(exchange.of_type("reactive_cells")) == 1
    kernel.comm = first
    assert len(kernel.sync({"b": "x = 1"}).of_type("reactive_cells")) == 1


def test_a_sync_tells_what_is_new(kernel: Conversation):
    exchange = kernel.sync({"a": "x = 1", "b": "print(x)"})
    (cells,) = exchange.of_type("reactive_cells")
    (graph,) = exchange.of_type("reactive_graph")
    assert cells["content"] == {"cells": {"a": NEW, "b": NEW}}
    assert graph["content"] == {
        "cells": {
            "a": {"reads": [], "writes": ["x"], "parents": [], "children": ["b"]},
            "b": {"reads": ["x"], "writes": [], "parents": ["a"], "children": []},
        },
        "cycles": [],
    }
    assert parent_of(cells) == parent_of(graph) == exchange.msg_id


def test_the_same_sync_again_says_nothing(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)")
    again = kernel.sync({"a": "x = 1", "b": "print(x)"})
    assert [m["msg_type"] for m in again.messages] == ["status", "status"]


def test_only_what_changed_is_told(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)", c="z = 1")
    exchange = kernel.edit("b", "print(x, x)")
    (message,) = exchange.of_type("reactive_cells")
    assert list(message["content"]["cells"]) == ["b"]
    assert exchange.of_type("reactive_graph") == []
    assert message["content"]["cells"]["b"]["reason"] == {
        "kind": "edited",
        "message": "The text was changed after the last run.",
        "cells": [],
        "names": [],
    }


def test_a_removed_cell_is_null(kernel: Conversation):
    kernel.document(a="x = 1", b="y = 1")
    exchange = kernel.sync({"b": "y = 1"})
    assert exchange.changes() == {"a": [None]}
    (graph,) = exchange.of_type("reactive_graph")
    assert graph["content"] == {"cells": {"a": None}, "cycles": []}


def test_a_removed_cell_that_never_ran_is_null(kernel: Conversation):
    kernel.sync({"a": "x = 1"})
    exchange = kernel.sync({})
    assert exchange.changes() == {"a": [None]}


def test_a_changed_edge_is_told_for_both_ends(kernel: Conversation):
    kernel.sync({"a": "x = 1", "b": "y = 1", "c": "print(x)"})
    (graph,) = kernel.edit("c", "print(y)").of_type("reactive_graph")
    assert graph["content"]["cells"] == {
        "a": {"reads": [], "writes": ["x"], "parents": [], "children": []},
        "b": {"reads": [], "writes": ["y"], "parents": [], "children": ["c"]},
        "c": {"reads": ["y"], "writes": [], "parents": ["b"], "children": []},
    }


def test_cycles_are_told(kernel: Conversation):
    (graph,) = kernel.sync({"a": "x = y", "b": "y = x"}).of_type("reactive_graph")
    assert graph["content"]["cycles"] == [["a", "b"]]
    (graph,) = kernel.edit("b", "y = 1").of_type("reactive_graph")
    assert graph["content"]["cycles"] == []


def test_a_sync_may_set_modes(kernel: Conversation):
    kernel.sync({"a": "x = 1", "b": "print(x)"}, b="off")
    assert kernel.run("a").ran == ["a"]


def test_a_run_of_cells_and_what_it_tells(kernel: Conversation):
    kernel.sync({"a": "x = 1", "b": "y = x"})
    exchange = kernel.run("a", "b")
    assert exchange.ran == ["a", "b"]
    said = exchange.changes()
    assert [status["activity"] for status in said["a"]] == ["queued", "running", "idle"]
    assert [status["activity"] for status in said["b"]] == ["queued", "running", "idle"]
    assert said["a"][-1]["freshness"] == "fresh"
    inputs = {cell_of(m): m for m in exchange.of_type("execute_input")}
    assert said["a"][-1]["run"] == inputs["a"]["metadata"]["run"]
    assert said["a"][-1]["execution_count"] == inputs["a"]["content"]["execution_count"]


def test_the_whole_plan_is_queued_before_its_first_cell_runs(kernel: Conversation):
    kernel.document(a="x = 1", b="y = x", c="z = y")
    exchange = kernel.execute("x = 2", "a")
    first = exchange.of_type("reactive_cells")[0]["content"]["cells"]
    assert {cell: first[cell]["activity"] for cell in ("b", "c")} == {"b": "queued", "c": "queued"}
    kinds = [m["msg_type"] for m in exchange.messages]
    assert kinds.index("reactive_cells") < kinds.index("execute_input")


def test_statuses_have_every_field(kernel: Conversation):
    exchange = kernel.document(a="x = 1", b="print(x)", c="1 / 0", d="print(missing_from_a)")
    for statuses in exchange.changes().values():
        for status in statuses:
            assert list(status) == list(NEW)


def test_runs_are_numbered_upwards(kernel: Conversation):
    first = kernel.document(a="x = 1", b="print(x)")
    second = kernel.run("a", "b")
    numbers = [m["metadata"]["run"] for m in (*first.messages, *second.messages) if "run" in m["metadata"]]
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == 4


LONG = {
    "a loop in C": "total = sum(range(6 * 10**7))",
    "a regular expression": "import re; re.match('(a+)+$', 'a' * 25 + 'b')",
}


@pytest.mark.parametrize("title", LONG)
def test_a_cell_is_running_on_the_wire_before_its_first_line_runs(kernel: Conversation, title: str):
    kernel.sync({"a": LONG[title]})
    msg_id = kernel.tell({"op": "run", "cells": ["a"]})
    sent = time.monotonic()
    running = kernel.until_running("a")["arrived"] - sent
    kernel.finish(msg_id)
    over = kernel.log[-1]["arrived"] - sent
    assert running < over / 2, f"running after {running:.2f} s of {over:.2f} s"


def test_a_rerun_that_holds_the_interpreter_is_running_on_the_wire(kernel: Conversation):
    kernel.document(n="n = 10", a="total = sum(range(n))")
    msg_id = kernel.ask("n = 6 * 10**7", "n")
    sent = time.monotonic()
    running = kernel.until_running("a")["arrived"] - sent
    kernel.finish(msg_id)
    assert running < (kernel.log[-1]["arrived"] - sent) / 2


def test_every_message_of_a_run_is_stamped(kernel: Conversation):
    source = (
        "import sys\nfrom IPython.display import display, clear_output\n"
        "print('out'); print('err', file=sys.stderr); handle = display('shown', display_id=True)\n"
        "handle.update('new'); clear_output(); 42"
    )
    exchange = kernel.execute(source, "a")
    stamped = [
        m for m in exchange.messages if m["msg_type"] not in ("status", "reactive_cells", "reactive_graph")
    ]
    kinds = {m["msg_type"] for m in stamped}
    assert kinds == {
        *("execute_input", "stream", "display_data"),
        *("update_display_data", "clear_output", "execute_result"),
    }
    run = kernel.cells["a"]["run"]
    assert {(m["metadata"]["cellId"], m["metadata"]["run"]) for m in stamped} == {("a", run)}


def test_an_error_is_stamped(kernel: Conversation):
    exchange = kernel.execute("1 / 0", "a")
    (error,) = exchange.of_type("error")
    assert error["metadata"]["cellId"] == "a"
    assert error["metadata"]["run"] == kernel.cells["a"]["run"]


def test_a_rerun_has_a_request_of_its_own_that_nobody_made(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)")
    exchange = kernel.execute("x = 2", "a")
    rerun = [m for m in exchange.messages if cell_of(m) == "b"]
    assert [m["msg_type"] for m in rerun] == ["execute_input", "stream"]
    (parent,) = {parent_of(m) for m in rerun}
    assert parent not in ("", exchange.msg_id)
    assert {m["parent_header"]["msg_type"] for m in rerun} == {"execute_request"}
    assert parent not in {whose for whose, _ in exchange.statuses}


def test_reruns_have_different_requests(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)", c="print(x)")
    exchange = kernel.execute("x = 2", "a")
    parents = [parent_of(m) for m in exchange.of_type("execute_input")]
    assert len(set(parents)) == 3
    assert parents[0] == exchange.msg_id


def test_the_kernel_is_busy_for_the_request_until_the_cascade_is_over(kernel: Conversation):
    kernel.document(a="x = 1", b="y = x", c="print(y)")
    for exchange in (kernel.execute("x = 2", "a"), kernel.do({"op": "run", "cells": ["a", "b", "c"]})):
        assert exchange.statuses == [("own", "busy"), ("own", "idle")]
        assert exchange.messages[-1]["msg_type"] == "status"
        last = [m for m in exchange.messages if m["msg_type"] == "reactive_cells"][-1]
        assert last["content"]["cells"]["c"]["activity"] == "idle"


def test_the_reply_comes_when_the_requested_cell_is_done(kernel: Conversation):
    kernel.document(a="x = 1", b="import time; x; time.sleep(0.3); print('rerun')")
    msg_id = kernel.ask("x = 2", "a")
    reply = kernel.reply_to(msg_id)
    exchange = kernel.finish(msg_id)
    assert reply["content"]["status"] == "ok"
    (rerun,) = [m for m in exchange.of_type("stream") if cell_of(m) == "b"]
    assert reply["header"]["date"] < rerun["header"]["date"]


def test_a_reply_is_as_ipykernels(kernel: Conversation):
    reply = kernel.execute("x = 1; x", "a", user_expressions={"y": "x + 1"}).reply
    assert reply is not None
    content = reply["content"]
    assert sorted(content) == ["execution_count", "payload", "status", "user_expressions"]
    assert content["status"] == "ok"
    assert content["user_expressions"]["y"]["data"]["text/plain"] == "2"
    assert reply["metadata"]["status"] == "ok"
    assert "started" in reply["metadata"]


def test_an_error_reply_is_as_ipykernels(kernel: Conversation):
    content = kernel.execute("1 / 0", "a").content
    assert (content["status"], content["ename"], content["evalue"]) == (
        "error",
        "ZeroDivisionError",
        "division by zero",
    )
    assert content["traceback"]


NONSENSE: dict[str, Any] = {
    "no object": [1],
    "null": None,
    "no op": {"cells": []},
    "an op that is no string": {"op": ["sync"]},
    "an unknown op": {"op": "explode"},
    "a sync without cells": {"op": "sync"},
    "a sync whose cells are no list": {"op": "sync", "cells": {"a": "x"}},
    "a sync of no object": {"op": "sync", "cells": ["a"]},
    "a sync without an id": {"op": "sync", "cells": [{"source": "x = 1"}]},
    "a sync with an empty id": {"op": "sync", "cells": [{"id": "", "source": "x = 1"}]},
    "a sync with a number for an id": {"op": "sync", "cells": [{"id": 1, "source": "x = 1"}]},
    "a sync without a source": {"op": "sync", "cells": [{"id": "a"}]},
    "a sync with lines for a source": {"op": "sync", "cells": [{"id": "a", "source": ["x = 1"]}]},
    "a sync with an unknown mode": {"op": "sync", "cells": [{"id": "a", "source": "", "mode": "never"}]},
    "a sync with a list for a mode": {"op": "sync", "cells": [{"id": "a", "source": "", "mode": []}]},
    "a sync with the same id twice": {
        "op": "sync",
        "cells": [{"id": "q", "source": "x = 1"}, {"id": "q", "source": "x = 2"}],
    },
    "an edit without id": {"op": "edit", "source": "x = 1"},
    "an edit without source": {"op": "edit", "id": "a"},
    "an edit of an unknown cell": {"op": "edit", "id": "nobody", "source": "x = 1"},
    "a run of an unknown cell": {"op": "run", "cells": ["a", "nobody"]},
    "a run of no list": {"op": "run", "cells": "a"},
    "a run of numbers": {"op": "run", "cells": [1]},
    "a run of nothing": {"op": "run"},
    "a run of stale that is not true": {"op": "run", "stale": "yes"},
    "a configuration without mode": {"op": "configure"},
    "a configuration with another mode": {"op": "configure", "mode": "eager"},
    "a configuration with a list": {"op": "configure", "mode": ["lazy"]},
    "a connection without url": {"op": "connect"},
    "a connection with a number for a name": {"op": "connect", "url": "postgresql://h/d", "name": 1},
}


@pytest.mark.parametrize("title", NONSENSE)
def test_nonsense_is_answered_and_changes_nothing(kernel: Conversation, title: str):
    kernel.document(a="x = 1", b="print(x)")
    exchange = kernel.do(NONSENSE[title])
    (answer,) = exchange.answers
    assert sorted(answer) == ["about", "message", "op"]
    assert answer["op"] == "error"
    assert answer["about"] == NONSENSE[title]
    assert len(answer["message"]) > 10
    assert [m["msg_type"] for m in exchange.messages] == ["status", "comm_msg", "status"]
    assert kernel.open().answers[0]["mode"] == "auto"
    assert kernel.states() == {"a": "fresh ok", "b": "fresh ok"}


def test_the_error_names_the_duplicate_id(kernel: Conversation):
    (answer,) = kernel.do(NONSENSE["a sync with the same id twice"]).answers
    assert "'q'" in answer["message"]


def test_a_run_of_an_empty_list_runs_nothing(kernel: Conversation):
    exchange = kernel.run()
    assert [m["msg_type"] for m in exchange.messages] == ["status", "status"]


def test_a_connection_is_answered_without_the_password(kernel: Conversation):
    exchange = kernel.do({"op": "connect", "url": "postgresql://me:hunter2@localhost:1/db", "name": "prod"})
    (message,) = exchange.of_type("reactive_connection")
    content = message["content"]
    assert sorted(content) == ["error", "name", "server", "status"]
    assert (content["name"], content["status"]) == ("prod", "error")
    assert isinstance(content["server"], str)
    assert isinstance(content["error"], str)
    assert "hunter2" not in str(exchange.messages)


def test_a_message_for_an_unknown_comm_is_no_harm(kernel: Conversation):
    content = {"comm_id": uuid.uuid4().hex, "data": {"op": "run", "stale": True}}
    assert kernel.finish(kernel.send("comm_msg", content)).answers == []


def test_a_request_without_code_is_no_harm(kernel: Conversation):
    kernel.finish(kernel.send("execute_request", {"silent": False}, {"cellId": "a"}))
    assert kernel.execute("print(1)", "a").shown() == "1\n"


def test_ten_thousand_cells_sync_in_time_that_grows_with_their_number(kernel: Conversation):
    def seconds(number: int) -> float:
        kernel.sync({})
        document = {f"c{n}": f"x{n} = x{n - 1} + 1" if n else "x0 = 1" for n in range(number)}
        began = sum(process.cpu_times()[:2])
        kernel.sync(document)
        return sum(process.cpu_times()[:2]) - began

    process = psutil.Process(int(kernel.value("__import__('os').getpid()")))
    seconds(100)
    small, large = sum(seconds(1_000) for _ in range(5)) / 5, seconds(10_000)
    kernel.sync({})
    # In proportion to the square it would be a hundred times as much: far from here on the busiest machine.
    assert large < 50 * small, f"{small:.2f} s for 1,000 and {large:.2f} s for 10,000"


def test_a_source_of_ten_megabytes(kernel: Conversation):
    source = "text = '''" + "lorem ipsum\n" * 900_000 + "'''\nsize = len(text)"
    kernel.sync({"a": source, "b": "print(size)"})
    assert kernel.why("a") == "syntax"
    assert "2,000,000 characters" in kernel.cells["a"]["reason"]["message"]
    kernel.run("a", "b")
    assert kernel.text("b") == "10800000\n"
    assert kernel.graph["b"]["parents"] == ["a"]


def subshell_message(kernel: Conversation, data: Message) -> str:
    return kernel.tell(data, kernel.subshell())


def test_a_comm_message_over_a_subshell_is_taken_in_while_code_runs(kernel: Conversation):
    kernel.sync({"a": "import time; print('on', flush=True); time.sleep(1); print('off')", "b": "y = 1"})
    subshell = kernel.subshell()
    run = kernel.tell({"op": "run", "cells": ["a"]})
    kernel.until_text("on")
    start = len(kernel.log)
    synced_id = kernel.tell(synced({"a": "import time; time.sleep(1)", "b": "y = 1", "c": "z = 1"}), subshell)
    kernel.until(lambda m: m["msg_type"] == "reactive_cells" and "c" in m["content"]["cells"])
    assert not any(m["msg_type"] == "stream" for m in kernel.log[start:])
    kernel.finish(run, start)
    kernel.finish(synced_id, start)


def test_user_code_runs_in_the_main_thread_whoever_asks(kernel: Conversation):
    kernel.sync({"a": "import threading; print(threading.current_thread() is threading.main_thread())"})
    exchange = kernel.do({"op": "run", "cells": ["a"]}, kernel.subshell())
    assert kernel.text("a") == "True\n"
    assert exchange.statuses == [("own", "busy"), ("own", "idle")]


def test_nonsense_over_a_subshell_is_answered_under_it(kernel: Conversation):
    exchange = kernel.do({"op": "explode"}, kernel.subshell())
    assert exchange.answers[0]["op"] == "error"


def test_the_comm_may_be_opened_over_a_subshell(kernel: Conversation):
    kernel.comm = uuid.uuid4().hex
    content = {"comm_id": kernel.comm, "target_name": "reactive", "data": {"protocol": 1}}
    exchange = kernel.finish(kernel.send("comm_open", content, subshell=kernel.subshell()))
    assert exchange.answers[0]["op"] == "ready"


@pytest.mark.parametrize(
    ("source", "unasked"), [("x = 2", True), ("x = (", False), ("%%sql\nDELETE FROM t", False)]
)
def test_an_edit_that_asks_is_told_whether_the_cell_may_run_unasked(
    kernel: Conversation, source: str, *, unasked: bool
):
    kernel.document(a="x = 1")
    exchange = kernel.do({"op": "edit", "id": "a", "source": source, "ask": 7})
    (answer,) = exchange.answers
    assert (answer["op"], answer["ask"], answer["auto"]) == ("edit", 7, unasked)
    assert answer["cell"]["freshness"] == "stale"


def test_an_edit_that_asks_nothing_is_answered_by_statuses_alone(kernel: Conversation):
    kernel.document(a="x = 1")
    assert kernel.do({"op": "edit", "id": "a", "source": "x = 2"}).answers == []


def test_who_changes_the_mode_and_everybody_else_is_told(kernel: Conversation):
    told = kernel.do({"op": "configure", "mode": "lazy"}).answers
    assert {(answer["op"], answer["mode"]) for answer in told} == {("ready", "lazy")}
