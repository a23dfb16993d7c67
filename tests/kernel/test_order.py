"""What is told in which order."""

from __future__ import annotations

from .conversation import OUTPUTS, Conversation, Message, cell_of


def events_of(messages: list[Message], cell: str) -> list[str]:
    """What a front end hears of one cell, as it hears it."""
    heard: list[str] = []
    for message in messages:
        if message["msg_type"] == "reactive_cells" and cell in message["content"]["cells"]:
            activity = message["content"]["cells"][cell]["activity"]
            # The reason may be told anew while it waits.
            heard += [activity] if heard[-1:] != [activity] else []
        elif message["msg_type"] in OUTPUTS and cell_of(message) == cell:
            heard.append("output")
    return heard


def test_all_that_a_rerun_shows_comes_before_the_word_that_it_is_over(kernel: Conversation) -> None:
    kernel.document(a="x = 1", b="print(x)", c="import sys; print(x); print(x, file=sys.stderr)", d="x")
    messages = kernel.execute("x = 2", "a").messages
    assert events_of(messages, "b") == ["queued", "running", "output", "idle"]
    assert events_of(messages, "c") == ["queued", "running", "output", "output", "idle"]
    assert events_of(messages, "d") == ["queued", "running", "output", "idle"]


def test_a_request_is_busy_until_its_own_cell_has_run_whoever_comes_later(kernel: Conversation) -> None:
    kernel.sync({"a": "import time; time.sleep(0.3); x = 1", "b": "print(x)", "q": "print('other')"})
    first = kernel.ask("print(x)", "b")
    kernel.until_running("a")
    second = kernel.ask("print('other')", "q")
    exchange = kernel.finish(first)
    assert [cell_of(m) for m in exchange.messages if m["msg_type"] == "stream"][:1] == ["b"]
    kernel.finish(second, since=0)


def states_of(messages: list[Message]) -> dict[str, list[str]]:
    """What the kernel called itself on behalf of each request."""
    told: dict[str, list[str]] = {}
    for message in messages:
        if message["msg_type"] == "status":
            state = message["content"]["execution_state"]
            told.setdefault(message["parent_header"].get("msg_id", ""), []).append(state)
    return told


def test_the_last_word_on_a_plan_that_two_have_followed_is_idle(kernel: Conversation) -> None:
    """All cells are asked for, then an edit is told: who waits for the edit goes on with the plan, too."""
    document = {f"c{at}": f"x{at} = x{at - 1} + 1" if at else "x0 = 0" for at in range(300)}
    kernel.document(**document)
    subshell = kernel.subshell()
    start = len(kernel.log)
    for turn in range(5):
        sent = [kernel.ask(source, cell) for cell, source in document.items()]
        sent.append(kernel.tell({"op": "edit", "id": "c0", "source": f"x0 = {turn}"}, subshell))
        for each in sent:
            kernel.finish(each, since=start)
        # Whatever follows the last of these comes before what this is answered with.
        kernel.execute("pass", silent=True)
    last = {parent: states[-1] for parent, states in states_of(kernel.log[start:]).items()}
    assert set(last.values()) == {"idle"}, last
