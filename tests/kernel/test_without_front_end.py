"""Front ends that do not know the protocol: nothing is lost, and without cell ids all is as in ipykernel."""

from itertools import groupby

import pytest

from .conversation import Conversation, cell_of, parent_of


@pytest.fixture
def stock(shared: Conversation) -> Conversation:
    """A front end that sends cell ids and never opened the comm."""
    shared.open()
    shared.sync({})
    shared.close()
    return shared


def test_a_reruns_output_appears_under_its_cause_below_a_heading(stock: Conversation):
    stock.execute("x = 1", "a")
    stock.execute("print('x is', x)", "b")
    exchange = stock.execute("x = 2", "a")
    assert exchange.shown() == "── cell 2 ran again ──\nx is 2\n"


def test_every_rerun_has_its_heading_once(stock: Conversation):
    stock.execute("x = 1", "a")
    stock.execute("print(x); print(x)", "b")
    stock.execute("import sys; print(x, file=sys.stderr); x", "c")
    exchange = stock.execute("x = 2; print('own')", "a")
    shown = [
        (m["content"].get("name", m["msg_type"]), m["content"].get("text", ""))
        for m in exchange.messages
        if m["msg_type"] in ("stream", "execute_result")
    ]
    # What is printed may come in pieces.
    pieces = groupby(shown, key=lambda each: each[0])
    assert [(channel, "".join(text for _, text in each)) for channel, each in pieces] == [
        ("stdout", "own\n── cell 2 ran again ──\n2\n2\n── cell 3 ran again ──\n"),
        ("stderr", "2\n"),
        ("execute_result", ""),
    ]


def test_a_rerun_without_output_has_no_heading(stock: Conversation):
    stock.execute("x = 1", "a")
    stock.execute("y = x", "b")
    assert stock.execute("x = 2", "a").shown() == ""


def test_a_hidden_rerun_sends_no_input_and_is_stamped(stock: Conversation):
    stock.execute("x = 1", "a")
    stock.execute("print(x)", "b")
    exchange = stock.execute("x = 2", "a")
    assert exchange.ran == ["a"]
    texts = exchange.of_type("stream")
    assert {parent_of(m) for m in texts} == {exchange.msg_id}
    assert cell_of(texts[-1]) == "b"


def test_a_hidden_reruns_error_is_shown(stock: Conversation):
    stock.execute("x = 1", "a")
    stock.execute("1 / x", "b")
    exchange = stock.execute("x = 0", "a")
    assert exchange.shown() == "── cell 2 ran again ──\nZeroDivisionError: division by zero"
    assert exchange.content["status"] == "ok"


def test_a_hidden_reruns_figure_is_shown(stock: Conversation):
    stock.execute("%matplotlib inline\nimport matplotlib.pyplot as plt; n = 1", "a")
    stock.execute("plt.plot([n]);", "b")
    exchange = stock.execute("%matplotlib inline\nimport matplotlib.pyplot as plt; n = 2", "a")
    assert len(exchange.of_type("display_data")) == 1


def test_what_a_hidden_rerun_clears_is_its_own_cells(stock: Conversation):
    """Clearing would take the causing cell's own output away."""
    stock.execute("x = 1", "a")
    stock.execute("from IPython.display import clear_output; clear_output(); print(x)", "b")
    exchange = stock.execute("x = 2; print('own')", "a")
    assert exchange.of_type("clear_output") == []
    assert exchange.shown() == "own\n── cell 2 ran again ──\n2\n"


def test_a_hidden_rerun_that_updates_its_display_appears(stock: Conversation):
    """The display stands in a cell that ran before; its update replaces it there, as the front end can."""
    stock.execute("x = 1", "a")
    stock.execute(
        "from IPython.display import display; h = display(x, display_id='shown'); h.update(x * 10)", "b"
    )
    exchange = stock.execute("x = 2", "a")
    assert "2" in exchange.shown()
    assert exchange.of_type("update_display_data")[0]["content"]["data"]["text/plain"] == "20"


def test_a_failed_ancestor_is_shown_and_the_reply_says_blocked(stock: Conversation):
    stock.execute("x = 1 / 0", "a")
    exchange = stock.execute("print(x)", "b")
    assert exchange.content["ename"] == "Blocked"
    assert "ZeroDivisionError" in exchange.shown()
    assert "Blocked: It needs `x` from cell 1" in exchange.shown()


def test_a_front_end_that_opens_the_comm_later_gets_everything(stock: Conversation):
    stock.execute("x = 1", "a")
    stock.execute("print(x)", "b")
    stock.open()
    assert stock.states() == {"a": "fresh ok", "b": "fresh ok"}
    stock.execute("x = 2", "a")
    assert stock.text("b") == "2\n"


def test_requests_without_ids_are_a_growing_document(alone: Conversation):
    alone.execute("x = 1")
    assert alone.execute("print(x)").shown() == "1\n"
    exchange = alone.execute("x = 2")
    assert exchange.of_type("execute_input")[0]["metadata"] == {}
    assert [m["msg_type"] for m in exchange.messages] == ["status", "execute_input", "status"]
    assert alone.execute("x").shown() == "2"
    assert alone.execute("_ + Out[4]").shown() == "4"


def test_an_open_comm_alone_makes_no_document(alone: Conversation):
    alone.open()
    alone.execute("x = 1")
    assert alone.execute("print(x)").shown() == "1\n"
    assert alone.execute("x = 5").of_type("reactive_cells") == []


def test_cells_read_what_code_without_a_cell_bound_before(alone: Conversation):
    alone.execute("x = 1")
    assert alone.execute("print(x)", "a").shown() == "1\n"
    alone.open()
    alone.document(a="print(x + 1)")
    assert alone.text("a") == "2\n"


def test_silent_requests_leave_no_trace(alone: Conversation):
    alone.open()
    alone.document(a="x = 1")
    exchange = alone.execute("x", "a", silent=True, store_history=False)
    assert exchange.ran == []
    assert alone.execute("print(2)", "b").content["execution_count"] == 2


def test_user_expressions_alone(alone: Conversation):
    alone.execute("x = 41", "a")
    content = alone.execute("", silent=True, user_expressions={"y": "x + 1"}).content
    assert content["user_expressions"]["y"]["data"]["text/plain"] == "42"


def test_input_goes_to_who_asks(alone: Conversation):
    alone.open()
    msg_id = alone.ask("name = input('who? ')", "a", allow_stdin=True)
    request = alone.client.get_stdin_msg(timeout=30)
    assert request["content"]["prompt"] == "who? "
    assert parent_of(request) == msg_id
    assert request["metadata"]["cellId"] == "a"
    alone.client.input("Ada")
    alone.finish(msg_id)
    assert alone.value("name") == "Ada"
