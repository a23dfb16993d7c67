"""An interrupt stops the running cell, at any instant, and ends the plan."""

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from .conversation import Conversation, check, parent_of
from .gate import Gate

# A module for the kernel: from the moment a run is prepared it counts the lines of Python that the main
# thread comes to, and interrupts at one of them.
PRICK = """
import signal, sys

class Prick:
    def __init__(self, at):
        self.at, self.count, self.begun = at, 0, False

    def __call__(self, frame, event, argument):
        if not self.begun:
            code = frame.f_code
            if code.co_name != "begin" or not code.co_filename.endswith("observe.py"):
                return None
            self.begun = True
        if event == "line":
            self.count += 1
            if self.count == self.at:
                sys.settrace(None)
                signal.raise_signal(signal.SIGINT)
        return self

prick = None

def arm(at):
    global prick
    prick = Prick(at)
    sys.settrace(prick)

def between():
    # Strikes before the next statement of the cell begins.
    frame = sys._getframe()
    while frame.f_code.co_name != "run_ast_nodes":
        frame = frame.f_back

    def strike(frame, event, argument):
        sys.settrace(None)
        frame.f_trace = None
        signal.raise_signal(signal.SIGINT)

    frame.f_trace = strike
    sys.settrace(lambda *_: None)

def disarm():
    sys.settrace(None)
    return prick.count
"""


@pytest.fixture(autouse=True)
def _right_afterwards(kernel: Conversation) -> Iterator[None]:
    yield
    check(kernel)


def test_a_loop_stops(kernel: Conversation):
    kernel.sync({"a": "print('on', flush=True)\nwhile True: pass"})
    msg_id = kernel.tell({"op": "run", "cells": ["a"]})
    kernel.until_text("on")
    kernel.interrupt()
    kernel.finish(msg_id)
    assert kernel.state("a") == "stale interrupted"
    assert kernel.why("a") == "interrupted"
    assert "KeyboardInterrupt" in kernel.text("a")


def test_the_reply_to_an_interrupted_request_says_so(kernel: Conversation):
    msg_id = kernel.ask("print('on', flush=True)\nwhile True: pass", "a")
    kernel.until_text("on")
    kernel.interrupt()
    kernel.finish(msg_id)
    assert kernel.reply_to(msg_id)["content"]["ename"] == "KeyboardInterrupt"


def test_an_await_stops_at_once(kernel: Conversation):
    msg_id = kernel.ask("import asyncio; print('on', flush=True); await asyncio.sleep(60)", "a")
    kernel.until_text("on")
    kernel.interrupt()
    kernel.finish(msg_id)
    assert kernel.state("a") == "stale interrupted"


def test_a_loop_in_an_async_cell_stops(kernel: Conversation):
    msg_id = kernel.ask(
        "import asyncio; await asyncio.sleep(0)\nprint('on', flush=True)\nwhile True: pass", "a"
    )
    kernel.until_text("on")
    kernel.interrupt()
    kernel.finish(msg_id)
    assert kernel.state("a") == "stale interrupted"


def test_a_loop_in_a_task_of_the_cell_stops(kernel: Conversation):
    source = (
        "import asyncio\nasync def spin():\n    print('on', flush=True)\n"
        "    while True: pass\nawait asyncio.gather(spin())"
    )
    msg_id = kernel.ask(source, "a")
    kernel.until_text("on")
    kernel.interrupt()
    kernel.finish(msg_id)
    assert kernel.state("a") == "stale interrupted"


def test_the_rest_of_the_plan_is_dropped_and_stale(kernel: Conversation):
    kernel.document(n="n = 0", b="print('on', n, flush=True)\nwhile n: pass\nm = n", c="print(m, n)")
    kernel.outputs.clear()
    msg_id = kernel.ask("n = 1", "n")
    kernel.until_text("on 1")
    kernel.interrupt()
    exchange = kernel.finish(msg_id)
    assert "c" not in exchange.ran
    assert kernel.states() == {"n": "fresh ok", "b": "stale interrupted", "c": "stale ok"}
    assert (kernel.why("b"), kernel.why("c")) == ("interrupted", "interrupted")


def test_cells_that_never_ran_stay_new(kernel: Conversation):
    kernel.sync({"a": "print('on', flush=True)\nwhile True: pass", "b": "y = 1", "c": "z = y"})
    msg_id = kernel.tell({"op": "run", "cells": ["a", "b", "c"]})
    kernel.until_text("on")
    kernel.interrupt()
    kernel.finish(msg_id)
    assert (kernel.state("b"), kernel.state("c")) == ("new -", "new -")


def test_run_stale_goes_on_where_an_interrupt_stopped(kernel: Conversation):
    kernel.sync({"a": "print('on', flush=True)\nwhile True: pass", "b": "print(2)"})
    msg_id = kernel.tell({"op": "run", "cells": ["a", "b"]})
    kernel.until_text("on")
    kernel.interrupt()
    kernel.finish(msg_id)
    kernel.edit("a", "print(1)")
    assert kernel.run_stale().ran == ["a", "b"]


def test_an_interrupt_right_at_the_start(kernel: Conversation):
    for number in range(10):
        kernel.sync({"a": f"import time\n{number}\nfor _ in range(3000): time.sleep(0.01)", "b": "z = 1"})
        msg_id = kernel.tell({"op": "run", "cells": ["a", "b"]})
        kernel.until_running("a")
        kernel.interrupt()
        kernel.finish(msg_id)
        assert kernel.cells["a"]["outcome"] == "interrupted"
        assert kernel.cells["b"]["freshness"] != "fresh"
        assert kernel.cells["b"]["activity"] == "idle"


def test_interrupts_at_any_instant_of_a_cascade(kernel: Conversation):
    cells = {f"c{n}": f"x{n} = x{n - 1} + 1" for n in range(1, 60)}
    kernel.document(c0="x0 = 0", **cells)
    for stop in range(1, 50, 7):
        msg_id = kernel.ask(f"x0 = {stop}", "c0")
        kernel.until_running(f"c{stop}")
        kernel.interrupt()
        kernel.finish(msg_id)
        assert {status["activity"] for status in kernel.cells.values()} == {"idle"}
        fresh = [cell for cell, status in kernel.cells.items() if status["freshness"] == "fresh"]
        values = kernel.value(str([f"x{cell[1:]}" for cell in fresh]).replace("'", ""))
        assert values == str([stop + int(cell[1:]) for cell in fresh])
        kernel.run_stale()
        assert kernel.value("x59") == str(stop + 59)


def test_an_idle_kernel_shrugs_at_an_interrupt(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)")
    kernel.interrupt()
    assert kernel.execute("x = 2", "a").ran == ["a", "b"]
    assert kernel.text("b") == "2\n"


def test_scratch_code_can_be_interrupted(kernel: Conversation):
    kernel.document(a="x = 1")
    msg_id = kernel.ask("print('on', flush=True)\nwhile True: pass")
    kernel.until_text("on")
    kernel.interrupt()
    kernel.finish(msg_id)
    assert kernel.state("a") == "fresh ok"


def test_a_run_asked_for_over_a_subshell_can_be_interrupted(kernel: Conversation):
    kernel.sync({"a": "print('on', flush=True)\nwhile True: pass"})
    msg_id = kernel.tell({"op": "run", "cells": ["a"]}, kernel.subshell())
    kernel.until_text("on")
    kernel.interrupt()
    kernel.finish(msg_id)
    assert kernel.state("a") == "stale interrupted"


def test_requests_behind_an_interrupted_one_are_aborted(kernel: Conversation):
    """As in ipykernel: Run All ends with the cell that was stopped."""
    first = kernel.ask("print('on', flush=True)\nwhile True: pass", "a", stop_on_error=True)
    second = kernel.ask("print('never')", "b", stop_on_error=True)
    kernel.until_text("on")
    start = len(kernel.log)
    kernel.interrupt()
    kernel.finish(first, start)
    kernel.finish(second, start)
    assert kernel.reply_to(second)["content"]["status"] == "aborted"
    assert not [m for m in kernel.log if parent_of(m) == second and m["msg_type"] == "stream"]


def test_an_interrupt_at_any_instant_of_run_all_ends_it(kernel: Conversation, tmp_path: Path):
    cells = {f"c{n}": f"x{n} = x{n - 1} + 1" for n in range(1, 150)}
    # Whoever comes so far waits for the interrupt.
    cells["end"] = "import time\nfor _ in range(3000): time.sleep(0.01)"
    for stop in range(1, 60, 2):
        gate = Gate(tmp_path / f"gate {stop}")
        document = {"c0": gate.source + "x0 = 0", **cells}
        kernel.sync({})
        kernel.sync(document)
        start = len(kernel.log)
        requests = [kernel.ask(source, cell, stop_on_error=True) for cell, source in document.items()]
        kernel.until_text("on")
        gate.open(kernel)
        kernel.until_running(f"c{stop}")
        kernel.interrupt()
        for request in requests:
            kernel.finish(request, start)
        stopped = [kernel.reply_to(request)["content"]["status"] != "ok" for request in requests]
        assert stopped == sorted(stopped), stop
        assert stopped[-1], stop
        assert {status["activity"] for status in kernel.cells.values()} == {"idle"}
    assert kernel.execute("x0 = 1", "c0").content["status"] == "ok"


def test_what_waits_for_its_turn_does_not_save_the_plan(kernel: Conversation):
    kernel.sync({"a": "print('on', flush=True)\nwhile True: pass", "b": "y = 1", "c": "z = y", "d": "1"})
    first = kernel.tell({"op": "run", "cells": ["a", "b", "c"]})
    kernel.until_text("on")
    start = len(kernel.log)
    edit = kernel.tell({"op": "edit", "id": "d", "source": "2"})
    info = kernel.send("kernel_info_request", {})
    kernel.interrupt()
    for message in (first, edit, info):
        kernel.finish(message, start)
    assert (kernel.state("b"), kernel.state("c")) == ("new -", "new -")


def test_a_cell_that_catches_the_interrupt_ran(kernel: Conversation):
    source = (
        "try:\n    print('on', flush=True)\n    while True: pass\nexcept KeyboardInterrupt: print('caught')"
    )
    msg_id = kernel.ask(source, "a")
    kernel.until_text("on")
    kernel.interrupt()
    kernel.finish(msg_id)
    assert kernel.text("a") == "on\ncaught\n"
    assert {status["activity"] for status in kernel.cells.values()} == {"idle"}


# Instants out of thousands: other ones each time.
SEED = random.SystemRandom().randrange(1_000_000)


@pytest.fixture
def pricked(
    starter: Callable[..., AbstractContextManager[Conversation]], tmp_path: Path
) -> Iterator[Conversation]:
    (tmp_path / "pricking.py").write_text(PRICK)
    with starter(str(tmp_path)) as kernel:
        kernel.open()
        kernel.execute("import pricking")
        yield kernel


def _count(kernel: Conversation, act: Callable[[], object]) -> int:
    """How many lines the main thread comes to from a run's preparation to its end."""
    kernel.execute("pricking.arm(0)")
    act()
    return int(kernel.value("pricking.disarm()"))


def _prick(kernel: Conversation, at: int, act: Callable[[], object]) -> None:
    kernel.execute(f"pricking.arm({at})")
    act()
    kernel.execute("pricking.disarm();")


def test_an_interrupt_at_any_instant_before_the_first_line_stops_the_cell(pricked: Conversation):
    pricked.document(a="import time", b="time.sleep(0)")
    lines = _count(pricked, lambda: pricked.run("b"))
    assert lines > 500
    # Some of them are in the code itself, which would go on for half a minute.
    instants = random.Random(SEED).sample(range(1, lines // 4), 25)
    for number, at in enumerate(instants):
        source = f"print({number})\nfor _ in range(3000): time.sleep(0.01)"
        _prick(pricked, at, lambda source=source: pricked.execute(source, "b"))
        assert pricked.state("b") == "stale interrupted", f"seed {SEED}: at line {at}"
        assert pricked.text("b").endswith("KeyboardInterrupt: ")


def test_an_interrupt_between_two_statements_of_a_cell_that_awaits_stops_it(pricked: Conversation):
    """Nothing is awaited then that could be cancelled."""
    source = "import asyncio, pricking\nawait asyncio.sleep(0)\npricking.between()\nwhile True: pass"
    pricked.execute(source, "a")
    assert pricked.state("a") == "stale interrupted"


CASCADE = {
    "n": "n = 0",
    "xs": "xs = [n]",
    "more": "xs.append(n + 1)\nwith open(f'{place}/kept', 'w') as kept: _ = kept.write(str(xs))",
    "seed": "import random; random.seed(n); drawn = random.randrange(1000)",
    "read": "with open(f'{place}/kept') as kept: text = kept.read()",
    "swap": "xs, ys = list(xs), xs\nys.append(drawn)",
    "end": "print(n, xs, ys, text, drawn, random.randrange(1000))",
}


def _fresh(start: int) -> str:
    generator = random.Random(start)
    drawn, xs = generator.randrange(1000), [start, start + 1]
    return f"{start} {xs} {[*xs, drawn]} {xs} {drawn} {generator.randrange(1000)}\n"


def test_after_an_interrupt_at_any_instant_of_a_cascade_everything_is_as_it_says(
    pricked: Conversation, tmp_path: Path
):
    """Also while cells are prepared, while what they did is looked at, and between two of them."""
    pricked.execute(f"place = {str(tmp_path)!r}")
    pricked.document(**CASCADE)
    lines = _count(pricked, lambda: pricked.execute("n = 1", "n"))
    assert pricked.text("end") == _fresh(1)
    for start, at in enumerate(random.Random(SEED).sample(range(1, lines), 25), 2):
        where = f"seed {SEED}: at line {at} of {lines}"
        _prick(pricked, at, lambda start=start: pricked.execute(f"n = {start}", "n"))
        assert {status["activity"] for status in pricked.cells.values()} == {"idle"}, where
        if pricked.state("end") == "fresh ok":
            assert pricked.text("end") == _fresh(start), where
        pricked.run_stale()
        assert set(pricked.states().values()) == {"fresh ok"}, where
        assert pricked.text("end") == _fresh(start), where
        assert pricked.value("n, xs") == f"{start} {[start, start + 1]}", where
