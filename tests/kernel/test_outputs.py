"""What a run displays appears in its own cell, whoever caused it and however late it comes."""

import pytest

from .conversation import Conversation, cell_of


def shown_by(kernel: Conversation, cell: str) -> list[str]:
    """The kinds of output that the cell's latest run shows."""
    return [m["msg_type"] for m in kernel.outputs.get(cell, [])]


def test_text_and_errors_of_a_rerun(kernel: Conversation):
    kernel.document(a="n = 1", b="import sys; print(n); print('e', file=sys.stderr); 1 / (n - 2)")
    kernel.execute("n = 2", "a")
    assert kernel.text("b") == "2\ne\nZeroDivisionError: division by zero"
    assert shown_by(kernel, "a") == []


def test_figures_of_a_rerun(kernel: Conversation):
    kernel.document(
        m="%matplotlib inline\nimport matplotlib.pyplot as plt",
        a="n = 1",
        b="plt.plot([n]);",
        c="plt.plot([n, n])",
    )
    kernel.execute("n = 2", "a")
    assert shown_by(kernel, "b") == ["display_data"]
    assert shown_by(kernel, "c") == ["execute_result", "display_data"]
    assert "image/png" in kernel.outputs["b"][0]["content"]["data"]


def test_tables_of_a_rerun(kernel: Conversation):
    kernel.document(p="import pandas as pd", a="n = 1", b="pd.DataFrame({'n': [n]})")
    kernel.execute("n = 2", "a")
    (table,) = kernel.outputs["b"]
    assert "<td>2</td>" in table["content"]["data"]["text/html"]


def test_widgets_of_a_rerun(kernel: Conversation):
    kernel.document(w="import ipywidgets", a="n = 1", b="ipywidgets.IntText(n)")
    exchange = kernel.execute("n = 2", "a")
    opened = exchange.of_type("comm_open")
    assert {cell_of(m) for m in opened} == {"b"}
    assert shown_by(kernel, "b") == ["execute_result"]


def test_an_update_of_a_display_is_the_updating_runs(kernel: Conversation):
    kernel.document(
        d="from IPython.display import display, update_display",
        a="n = 1",
        b="handle = display('empty', display_id='here')",
        c="update_display(n, display_id='here')",
    )
    exchange = kernel.execute("n = 2", "a")
    (update,) = exchange.of_type("update_display_data")
    assert cell_of(update) == "c"
    assert update["content"]["data"]["text/plain"] == "2"
    assert update["content"]["transient"] == {"display_id": "here"}


def test_a_shell_command_of_a_rerun(kernel: Conversation):
    kernel.document(a="word = 'one'", b="!echo {word}")
    kernel.execute("word = 'two'", "a")
    assert kernel.text("b").strip() == "two"


def test_what_a_child_process_prints(kernel: Conversation):
    kernel.document(a="word = 'one'", b="import subprocess; subprocess.run(['echo', word]);")
    kernel.execute("word = 'two'", "a")
    while "two" not in kernel.text("b"):
        kernel.receive()


LATE = {
    "a thread": (
        "import threading\ndef late():\n    gate.wait(); print('late')\nthreading.Thread(target=late).start()"
    ),
    "a thread of a thread": (
        "import threading\ndef late():\n    gate.wait(); print('late')\n"
        "threading.Thread(target=lambda: threading.Thread(target=late).start()).start()"
    ),
    "a pool": (
        "from concurrent.futures import ThreadPoolExecutor\ndef late():\n    gate.wait(); print('late')\n"
        "ThreadPoolExecutor().submit(late);"
    ),
    "a task": (
        "import asyncio\nasync def late():\n"
        "    while not gate.is_set(): await asyncio.sleep(0.01)\n"
        "    print('late')\ntask = asyncio.get_running_loop().create_task(late())"
    ),
    "a timer": (
        "import asyncio\ndef late():\n"
        "    print('late') if gate.is_set() else asyncio.get_running_loop().call_later(0.01, late)\n"
        "asyncio.get_running_loop().call_later(0.01, late);"
    ),
}


@pytest.mark.parametrize("title", LATE)
def test_what_comes_late_is_its_own_cells(kernel: Conversation, title: str):
    kernel.document(g="import threading; gate = threading.Event()", late=LATE[title])
    run = kernel.cells["late"]["run"]
    kernel.sync(
        {"g": "import threading; gate = threading.Event()", "late": LATE[title], "o": "print('other')"}
    )
    kernel.run("o")
    kernel.send("execute_request", {"code": "gate.set()", "silent": False}, {})
    late = kernel.until_text("late")
    assert late["metadata"] == {"cellId": "late", "run": run}


@pytest.mark.parametrize("title", LATE)
def test_what_comes_late_of_a_rerun_is_its_own_cells(kernel: Conversation, title: str):
    source = f"n\n{LATE[title]}"
    kernel.document(n="n = 1", g="import threading; n; gate = threading.Event()", late=source)
    kernel.execute("gate.set()")
    kernel.execute("n = 2", "n")
    run = kernel.cells["late"]["run"]
    kernel.execute("print('other')", "o")
    kernel.send("execute_request", {"code": "gate.set()", "silent": False}, {})
    late = kernel.until(lambda m: m["msg_type"] == "stream" and m["metadata"].get("run") == run)
    assert late["metadata"] == {"cellId": "late", "run": run}


def slide(kernel: Conversation, widget: str, value: int):
    """What the browser sends when somebody moves the slider."""
    data = {"method": "update", "state": {"value": value}, "buffer_paths": []}
    return kernel.finish(kernel.send("comm_msg", {"comm_id": widget, "data": data}))


def slider(kernel: Conversation, **cells: str) -> str:
    kernel.document(w="import ipywidgets; slider = ipywidgets.IntSlider(value=1)", **cells)
    return kernel.value("slider.comm.comm_id")


def test_a_moved_slider_reruns_its_readers_and_not_its_own_cell(kernel: Conversation):
    widget = slider(kernel, r="print(slider.value)", o="print('other')")
    assert kernel.text("r") == "1\n"
    assert slide(kernel, widget, 5).ran == ["r"]
    assert kernel.text("r") == "5\n"
    assert slide(kernel, widget, 7).ran == ["r"]
    assert kernel.text("r") == "7\n"
    assert set(kernel.states().values()) == {"fresh ok"}


def test_the_slider_is_busy_until_the_readers_are_done(kernel: Conversation):
    widget = slider(kernel, r="print(slider.value)")
    exchange = slide(kernel, widget, 5)
    assert exchange.statuses == [("own", "busy"), ("own", "idle")]


def test_a_slider_that_stays_where_it_was_reruns_nothing(kernel: Conversation):
    widget = slider(kernel, r="print(slider.value)")
    slide(kernel, widget, 5)
    assert slide(kernel, widget, 5).ran == []


def test_a_moved_slider_goes_through_to_readers_of_readers(kernel: Conversation):
    widget = slider(kernel, r="double = slider.value * 2", s="print(double)")
    assert slide(kernel, widget, 5).ran == ["r", "s"]
    assert kernel.text("s") == "10\n"


def test_a_slider_set_by_its_own_cell_reruns_as_a_write(kernel: Conversation):
    slider(kernel, r="print(slider.value)")
    kernel.execute("import ipywidgets; slider = ipywidgets.IntSlider(value=9)", "w")
    assert kernel.text("r") == "9\n"


def test_a_slider_in_lazy_mode_marks(kernel: Conversation):
    widget = slider(kernel, r="print(slider.value)")
    kernel.do({"op": "configure", "mode": "lazy"})
    assert slide(kernel, widget, 5).ran == []
    assert kernel.state("r") == "stale ok"


def test_a_slider_of_a_rerun_cell_is_the_new_one(kernel: Conversation):
    kernel.document(
        n="n = 1", w="import ipywidgets; slider = ipywidgets.IntSlider(value=n)", r="print(slider.value)"
    )
    kernel.execute("n = 3", "n")
    assert kernel.text("r") == "3\n"
    assert slide(kernel, kernel.value("slider.comm.comm_id"), 5).ran == ["r"]
    assert kernel.text("r") == "5\n"


def test_a_callback_of_a_widget_that_prints_is_no_harm(kernel: Conversation):
    callback = "slider.observe(lambda change: print('called'), 'value')"
    widget = slider(kernel, c=callback, r="print(slider.value)")
    exchange = slide(kernel, widget, 5)
    assert "r" in exchange.ran
    assert any("called" in m["content"]["text"] for m in exchange.of_type("stream"))
