"""Every way in which the stock server loses output, with a real server and real kernels: nothing is lost."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from .server import PATIENT, Page, Server, running

# A file that the kernel waits for: the test says when it may go on.
WAIT = """
import os, time
def wait(path):
    while not os.path.exists(path):
        time.sleep(0.005)
"""


@pytest.fixture
def kernel(server: Server) -> Iterator[str]:
    kernel = server.kernel()
    yield kernel
    server.ask("DELETE", f"/api/kernels/{kernel}")


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "gate"


def halves(gate: Path, count: int = 50) -> str:
    """Code that prints half of its lines, waits, and prints the others."""
    return f"{WAIT}\nfor i in range({count}):\n    if i == {count // 2}: wait({str(gate)!r})\n    print(i)"


def lines(count: int) -> str:
    return "".join(f"{number}\n" for number in range(count))


def reads(text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda message: message["header"]["msg_type"] == "stream" and text in message["content"]["text"]


def test_a_new_session_in_the_middle_of_a_run(server: Server, kernel: str, gate: Path):
    page = server.page(kernel)
    run = page.run(halves(gate))
    page.until(reads("24"))
    page.close()
    stream = server.stream(kernel)
    gate.touch()
    stream.until_replied(run)
    assert stream.shown() == lines(50)
    stream.close()


def test_a_run_that_finished_while_nobody_was_there(server: Server, kernel: str, gate: Path):
    page = server.page(kernel)
    run = page.run(halves(gate))
    page.until(reads("24"))
    page.close()
    gate.touch()
    watch = server.stream(kernel)
    watch.until_over(run)
    watch.close()
    stream = server.stream(kernel)
    assert stream.records == []
    assert stream.shown() == lines(50)
    assert stream.welcomes[0]["execution_state"] == "idle"
    assert stream.until_snapshot()["seq"] == stream.welcomes[0]["seq"]
    stream.close()


def test_a_socket_that_is_half_open(server: Server, kernel: str, gate: Path):
    page, lost = server.page(kernel), server.stream(kernel)
    run = page.run(halves(gate))
    lost.until(lambda message: "24" in json.dumps(message))
    # From here on neither of them reads or says anything; nobody has closed.
    gate.touch()
    again = server.stream(kernel, lost.cursor)
    again.until_idle(run)
    assert lost.text + again.text == lines(50)
    assert again.gaps == []
    for each in (lost, again, page):
        each.close()


def test_another_tab_that_visits(server: Server, kernel: str, gate: Path):
    page, visitor = server.page(kernel), server.page(kernel)
    run = page.run(halves(gate))
    page.until(reads("24"))
    page.close()
    gate.touch()
    visitor.until_idle(run)
    visitor.close()
    stream = server.stream(kernel)
    stream.until_shown(lines(50))
    stream.close()


@pytest.mark.parametrize("leave", [Page.close, Page.vanish])
def test_the_same_session_that_comes_again(
    server: Server, kernel: str, gate: Path, leave: Callable[[Page], None]
):
    page, stream = server.page(kernel), server.stream(kernel)
    run = page.run(halves(gate))
    page.until(reads("24"))
    leave(page)
    gate.touch()
    stream.until_idle(run)
    again = server.page(kernel, page.session)
    stream.until_replied(again.execute("print('end')", "d"))
    replies = [record for record in stream.records if record["channel"] == "shell"]
    ids = [record["msg"]["header"]["msg_id"] for record in replies]
    assert len(ids) == len(set(ids))
    assert stream.text == lines(50) + "end\n"
    again.close()
    stream.close()


@pytest.fixture
def talkative() -> Iterator[None]:
    """Every kernel prints while it starts."""
    startup = Path(os.environ["IPYTHONDIR"]) / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    file = startup / "00.py"
    file.write_text("for i in range(20): print('start', i, flush=True)")
    yield
    file.unlink()


STARTED = "".join(f"start {number}\n" for number in range(20))


@pytest.mark.usefixtures("talkative")
def test_output_at_the_start_of_a_kernel_and_at_its_restart(server: Server):
    kernel = server.kernel()
    stream = server.stream(kernel)
    told = "".join(message["content"].get("text", "") for message in stream.other)
    while told + stream.text != STARTED:
        assert stream.next() is not None
    server.ask("POST", f"/api/kernels/{kernel}/restart")
    stream.records.clear()
    stream.until(lambda message: "start 19" in json.dumps(message))
    fresh = [record for record in stream.records if record["epoch"] == stream.welcomes[-1]["epoch"]]
    assert len(stream.welcomes) == 2
    assert stream.welcomes[1]["epoch"] != stream.welcomes[0]["epoch"]
    assert (stream.welcomes[1]["seq"], fresh[0]["seq"]) == (0, 1)
    assert "".join(record["msg"]["content"].get("text", "") for record in fresh) == STARTED
    stream.close()
    server.ask("DELETE", f"/api/kernels/{kernel}")


FLOOD = f"""{PATIENT}
import sys
for i in range(60_000):
    sys.stdout.write(f"{{i}}\\n")
    sys.stdout.flush()
"""


def test_sixty_thousand_messages_while_the_loop_is_blocked(server: Server, kernel: str):
    page = server.page(kernel)
    run = page.run(FLOOD)
    page.until(lambda message: message["header"]["msg_type"] == "execute_input")
    blocker = Thread(target=server.ask, args=("POST", "/block?seconds=5"))
    blocker.start()
    page.close()
    blocker.join()
    stream = server.stream(kernel)
    stream.until_over(run)
    assert stream.shown() == lines(60_000)
    everything = server.stream(kernel, {"epoch": stream.welcomes[0]["epoch"], "seq": 0})
    everything.until_idle(run)
    assert everything.text == lines(60_000)
    assert [record["seq"] for record in everything.records] == list(range(1, len(everything.records) + 1))
    stream.close()
    everything.close()


# More than the system and the kernel keep together for a listener that does not come.
SAID = 3000
DROPS = f"""{WAIT}
import sys
wait("{{gate}}")
for i in range({SAID}):
    sys.stdout.write(str(i).ljust(20_000, ".") + "\\n")
    sys.stdout.flush()
open("{{gate}}.done", "w").close()
"""


def test_what_the_kernel_itself_drops_is_counted_and_declared(server: Server, kernel: str, gate: Path):
    page = server.page(kernel)
    page.run(DROPS.format(gate=gate))
    page.until(lambda message: message["header"]["msg_type"] == "execute_input")
    page.close()
    server.process.suspend()
    try:
        gate.touch()
        server.until(Path(f"{gate}.done").exists, "the kernel does not go on")
    finally:
        server.process.resume()
    # What is heard of it next tells by its number how much is missing.
    page = server.page(kernel)

    def counted() -> int:
        page.execute("1", "next")
        return sum(map(int, re.findall(rf"{kernel} dropped about (\d+)", server.log.read_text())))

    server.until(lambda: counted() > 0, "nothing tells what is missing")
    watch = server.stream(kernel)
    shown = "".join(each["content"].get("text", "") for each in watch.cells["c"]["messages"])
    lost = SAID - len(re.findall(r"^\d+\.+$", shown, re.MULTILINE))
    assert lost > 0
    # The run's reply and its end have numbers, too, and so may have those of what was asked next.
    assert 0 <= counted() - lost < 20
    assert "messages of the kernel were lost" in shown
    for each in (page, watch):
        each.close()


def test_input_that_is_asked_for_while_nobody_is_there(server: Server, kernel: str, gate: Path):
    page = server.page(kernel)
    page.run(f"{WAIT}\nwait({str(gate)!r})\nname = input('who? ')\nprint('it is', name)", stdin=True)
    page.until(lambda message: message["header"]["msg_type"] == "execute_input")
    page.close()
    gate.touch()
    stream = server.stream(kernel)
    if not stream.other or stream.other[-1]["header"]["msg_type"] != "input_request":
        stream.until(lambda message: message.get("channel") == "stdin")
    late = server.stream(kernel)
    request = late.other[-1]
    assert (request["header"]["msg_type"], request["content"]["prompt"]) == ("input_request", "who? ")
    assert request["metadata"]["cellId"] == "c"
    answering = server.page(kernel)
    answering.send("input_reply", {"value": "Ann", "status": "ok"}, "stdin", parent_header=request["header"])
    stream.until(lambda message: "it is Ann" in json.dumps(message))
    last = server.stream(kernel)
    assert "input_request" not in [message["header"]["msg_type"] for message in last.other]
    for each in (stream, late, answering, last):
        each.close()


def test_input_and_reply_for_a_tab_that_has_gone_while_another_is_there(
    server: Server, kernel: str, gate: Path
):
    page, visitor, stream = server.page(kernel), server.page(kernel), server.stream(kernel)
    run = page.run(f"{WAIT}\nwait({str(gate)!r})\nprint('it is', input('who? '))", stdin=True)
    page.until(lambda message: message["header"]["msg_type"] == "execute_input")
    page.close()
    gate.touch()
    request = stream.until(lambda message: message.get("channel") == "stdin")["msg"]
    visitor.send("input_reply", {"value": "Bo", "status": "ok"}, "stdin", parent_header=request["header"])
    stream.until_replied(run)
    assert stream.text == "it is Bo\n"
    again = server.page(kernel, page.session)
    again.execute("1")
    for each in (visitor, stream, again):
        each.close()


def test_output_of_a_thread_whose_cell_is_over(server: Server, kernel: str, gate: Path):
    page = server.page(kernel)
    code = f"{WAIT}\nimport threading\ndef later():\n    wait({str(gate)!r}); print('late')\n"
    page.execute(code + "threading.Thread(target=later).start()", "thread")
    page.execute("1", "other")
    page.close()
    stream = server.stream(kernel)
    gate.touch()
    late = stream.until(lambda message: "late" in json.dumps(message))
    assert late["msg"]["metadata"]["cellId"] in ("thread", "other")  # as the kernel's parent header says
    stream.close()


def test_tracebacks_are_kept_from_clients_where_the_server_says_so(tmp_path: Path):
    with running(tmp_path / "server", "--MappingKernelManager.allow_tracebacks=False") as server:
        kernel = server.kernel()
        page, stream = server.page(kernel), server.stream(kernel)
        run = page.run("secret = 'swordfish'\nraise ValueError(secret * 2)")
        stream.until_replied(run)
        told = [said for said in stream.said if said["header"]["msg_type"] != "execute_input"]
        assert "error" in [said["header"]["msg_type"] for said in told]
        assert "swordfish" not in json.dumps(told)
        page.close()
        stream.close()
