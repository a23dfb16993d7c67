"""Whatever a cell does, the message is clear, and kernel and graph are right afterwards."""

from collections.abc import Iterator

import pytest

from .conversation import Conversation, check, plain


@pytest.fixture(autouse=True)
def _right_afterwards(kernel: Conversation) -> Iterator[None]:
    yield
    check(kernel)


def traceback(kernel: Conversation, cell: str) -> str:
    (error,) = [m for m in kernel.outputs[cell] if m["msg_type"] == "error"]
    return plain("\n".join(error["content"]["traceback"]))


def test_a_cell_that_does_not_parse_harms_only_its_readers(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)", c="print('other')")
    kernel.execute("x = (", "a")
    assert kernel.states() == {"a": "fresh error", "b": "stale blocked", "c": "fresh ok"}
    assert (kernel.why("a"), kernel.why("b")) == ("syntax", "input-failed")
    assert "SyntaxError" in traceback(kernel, "a")


def test_source_with_null_bytes(kernel: Conversation):
    kernel.sync({"a": "x = 1\0", "b": "y = 1", "c": "print('other')"})
    kernel.run("a", "b", "c")
    assert kernel.text("c") == "other\n"
    assert kernel.state("a") == "fresh error"


def test_an_empty_cell_and_one_of_comments(kernel: Conversation):
    exchange = kernel.document(a="", b="# nothing", c="   \n\t\n")
    assert exchange.ran == ["a", "b", "c"]
    assert set(kernel.states().values()) == {"fresh ok"}


def test_sys_exit_is_an_error_and_the_kernel_lives(kernel: Conversation):
    kernel.document(a="import sys; x = 1; sys.exit('enough')", b="print(x)", c="print('other')")
    assert kernel.state("a") == "fresh error"
    assert "SystemExit: enough" in kernel.text("a")
    assert kernel.state("b").endswith("blocked")
    assert kernel.text("c") == "other\n"


def test_a_forked_child_that_exits_is_no_harm(kernel: Conversation):
    fork = (
        "import os\nif (child := os.fork()) == 0:\n    os._exit(3)\n"
        "status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])"
    )
    kernel.document(a=fork, b="print(status)")
    assert kernel.text("b") == "3\n"


def test_a_forked_child_that_prints_and_exits_is_no_harm(kernel: Conversation):
    fork = (
        "import os\nif (child := os.fork()) == 0:\n    print('child'); os._exit(0)\n"
        "os.waitpid(child, 0); done = 1"
    )
    kernel.document(a=fork, b="print(done)")
    assert kernel.text("b") == "1\n"


def test_a_recursion_error(kernel: Conversation):
    kernel.document(a="def f(n): return f(n + 1)", b="x = f(0)", c="print(x)", d="print('other')")
    assert "RecursionError" in kernel.text("b")
    assert kernel.state("c") == "new blocked"
    assert kernel.text("d") == "other\n"


def test_source_too_deep_for_the_parser(kernel: Conversation):
    kernel.document(a="x = " + "(" * 5000 + ")" * 5000, b="y = " + "-" * 50_000 + "1", c="print('other')")
    assert kernel.text("c") == "other\n"
    assert kernel.state("a").endswith("error")


def test_a_value_too_deep_to_walk(kernel: Conversation):
    kernel.document(a="deep = []\nfor _ in range(100_000): deep = [deep]", b="print(len(deep))")
    assert kernel.text("b") == "1\n"
    kernel.run("a")


def test_a_value_whose_code_raises(kernel: Conversation):
    source = (
        "class Bad:\n"
        "    def __eq__(self, other): raise RuntimeError('eq')\n"
        "    def __bool__(self): raise RuntimeError('bool')\n"
        "    def __hash__(self): raise RuntimeError('hash')\n"
        "    def __getattr__(self, name): raise RuntimeError(name)\n"
        "    def __repr__(self): raise RuntimeError('repr')\n"
        "bad = Bad()"
    )
    kernel.document(a=source, b="print(type(bad).__name__)")
    kernel.run("a")
    assert kernel.text("b") == "Bad\n"


def test_rebinding_print(kernel: Conversation):
    kernel.document(a="print('before')", b="def print(*args): display(args)", c="print('after')")
    assert kernel.text("a") == "before\n"
    assert kernel.text("c") == "('after',)"
    kernel.run("a")
    assert kernel.text("a") == "before\n"


def test_deleting_a_builtin_is_refused_by_name(kernel: Conversation):
    kernel.document(a="import builtins; del builtins.len", c="print(len('abc'))")
    assert "The builtin `len` cannot be deleted: the kernel itself runs on it." in kernel.text("a")
    assert kernel.text("c") == "3\n"


def test_a_builtin_taken_out_by_hand_is_back_after_the_cell(kernel: Conversation):
    kernel.document(a="import builtins; vars(builtins).pop('ascii');", c="print(ascii('x'))")
    assert kernel.text("c") == "'x'\n"


def test_deleting_the_builtins_module(kernel: Conversation):
    kernel.document(a="x = 1", b="try:\n    del __builtins__\nexcept NameError: pass", c="print(x)")
    assert kernel.text("c") == "1\n"


def test_names_put_into_the_namespace_by_hand(kernel: Conversation):
    kernel.document(a="get_ipython().user_ns['hidden'] = 1", b="print(hidden)")
    assert kernel.text("b") == "1\n"
    kernel.execute("get_ipython().user_ns['hidden'] = 2", "a")
    assert kernel.text("b") == "2\n"


def test_names_pushed(kernel: Conversation):
    kernel.document(a="get_ipython().push({'pushed': 1})", b="print(pushed)")
    assert kernel.text("b") == "1\n"
    kernel.execute("get_ipython().push({'pushed': 2})", "a")
    assert kernel.text("b") == "2\n"


def test_names_taken_out_of_the_namespace_by_hand(kernel: Conversation):
    kernel.document(a="x = 1", b="del get_ipython().user_ns['x']", c="x")
    assert kernel.text("c") == "NameError: name 'x' is not defined"
    kernel.run("a")
    assert kernel.text("c") == "NameError: name 'x' is not defined"


def test_a_cleared_namespace(kernel: Conversation):
    kernel.document(a="x = 1", b="get_ipython().user_ns.clear()")
    kernel.execute("%reset -f")
    assert kernel.execute("1 + 1").shown() == "2"


def test_reset_in_a_cell(kernel: Conversation):
    kernel.document(a="x = 1", b="%reset -f", c="y = 2")
    kernel.run("a")
    assert kernel.value("y") == "2"


def test_a_replaced_namespace(kernel: Conversation):
    kernel.document(a="x = 1", b="shell = get_ipython(); shell.user_ns = dict(shell.user_ns)", c="print(x)")
    assert kernel.text("c") == "1\n"
    kernel.execute("x = 2", "a")
    assert kernel.text("c") == "2\n"


def test_a_replaced_stdout(kernel: Conversation):
    kernel.document(a="import io, sys; kept = sys.stdout; sys.stdout = io.StringIO()", b="print('unseen')")
    kernel.execute("sys.stdout = kept; print('seen')")
    assert kernel.execute("print('back')").shown() == "back\n"


def test_stdout_that_is_gone(kernel: Conversation):
    kernel.document(a="import sys; kept = sys.stdout; sys.stdout = None", b="x = 1")
    assert kernel.state("b") == "fresh ok"
    assert kernel.execute("print('back')").shown() == "back\n"


def test_a_closed_stdout(kernel: Conversation):
    kernel.document(a="import sys; kept = sys.stdout; sys.stdout.flush()", b="x = 1")
    assert kernel.state("b") == "fresh ok"


def test_a_cell_that_sets_a_signal_handler(kernel: Conversation):
    kernel.document(a="import signal; signal.signal(signal.SIGINT, signal.SIG_IGN);", b="x = 1")
    msg_id = kernel.ask("print('on', flush=True)\nwhile True: pass", "c")
    kernel.until_text("on")
    kernel.interrupt()
    kernel.finish(msg_id)
    assert kernel.state("c") == "stale interrupted"


def test_a_cell_that_raises_what_is_no_exception(kernel: Conversation):
    kernel.document(
        a="class Odd(BaseException): pass\nx = 1\nraise Odd('odd')", b="print(x)", c="print('other')"
    )
    assert kernel.text("a") == "Odd: odd"
    assert kernel.text("c") == "other\n"


def test_a_cell_that_raises_a_cancellation(kernel: Conversation):
    kernel.document(a="import asyncio; raise asyncio.CancelledError", b="print('other')")
    assert kernel.state("a") == "fresh error"
    assert kernel.text("b") == "other\n"


def test_an_async_cell_that_raises_a_cancellation(kernel: Conversation):
    kernel.document(
        a="import asyncio; await asyncio.sleep(0); raise asyncio.CancelledError", b="print('other')"
    )
    assert kernel.state("a") == "fresh error"
    assert kernel.text("b") == "other\n"


def test_an_exception_that_cannot_be_shown(kernel: Conversation):
    source = (
        "class Bad(Exception):\n    def __str__(self): raise RuntimeError('no')\n"
        "    __repr__ = __str__\nraise Bad"
    )
    kernel.document(a=source, b="print('other')")
    assert kernel.text("b") == "other\n"


def test_a_post_run_hook_that_raises(kernel: Conversation):
    hook = "def hook(*args): raise RuntimeError('hook')\nget_ipython().events.register('post_run_cell', hook)"
    kernel.document(a=hook, b="x = 1")
    kernel.execute("get_ipython().events.unregister('post_run_cell', hook)")
    # It ran; what the hook did beside it nobody knows.
    assert (kernel.state("b"), kernel.why("b")) == ("stale ok", "unproven")


def test_a_cell_with_an_odd_id(kernel: Conversation):
    odd = "🦀 a\nb'\"</script>" + "x" * 500
    kernel.document(**{odd: "x = 1", "b": "print(x)"})
    assert kernel.graph["b"]["parents"] == [odd]


def test_metadata_of_the_wrong_shape(kernel: Conversation):
    content = {"code": "print(1)", "silent": False, "store_history": True, "allow_stdin": False}
    for metadata in ({"cellId": 1}, {"cellId": ["a"]}, {"cellId": ""}, {"cellId": "a", "reactive": 7}):
        exchange = kernel.finish(kernel.send("execute_request", content, metadata))
        assert exchange.shown() == "1\n"
    mode = {"cellId": "a", "reactive": {"mode": ["off"]}}
    assert kernel.finish(kernel.send("execute_request", content, mode)).shown() == "1\n"


def test_a_cell_that_runs_a_cell(kernel: Conversation):
    kernel.document(a="get_ipython().run_cell('inner = 1');", b="print(inner)")
    assert kernel.text("b") == "1\n"
