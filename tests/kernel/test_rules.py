"""The rules of the document, one by one, as a front end sees them."""

from .conversation import Conversation, plain


def test_a_read_takes_the_nearest_writer_above(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)", c="x = 2", d="print(x)")
    assert (kernel.text("b"), kernel.text("d")) == ("1\n", "2\n")
    kernel.run("b")
    assert kernel.text("b") == "1\n"


def test_a_helper_may_stand_below(kernel: Conversation):
    kernel.document(a="print(helper(2))", b="def helper(n): return n * 10")
    assert kernel.text("a") == "20\n"
    assert kernel.graph["a"]["parents"] == ["b"]


def test_a_builtin_is_read_only_where_a_cell_above_writes_it(kernel: Conversation):
    kernel.document(a="print(sum([1]))", b="sum = len", c="print(sum([5, 6, 7]))")
    assert (kernel.text("a"), kernel.text("c")) == ("1\n", "3\n")
    kernel.run("a")
    assert kernel.text("a") == "1\n"
    assert kernel.graph["a"]["parents"] == []


def test_a_name_without_writer_is_pythons_business(kernel: Conversation):
    kernel.document(a="nobody_wrote_this")
    assert kernel.text("a") == "NameError: name 'nobody_wrote_this' is not defined"
    assert kernel.state("a") == "fresh error"


def test_a_name_that_appears_releases_its_reader(kernel: Conversation):
    kernel.document(a="print(late)")
    kernel.sync({"n": "late = 5", "a": "print(late)"})
    assert kernel.state("a").startswith("stale")
    kernel.run("n")
    assert kernel.text("a") == "5\n"


def test_cells_on_a_cycle_do_not_run_and_say_so(kernel: Conversation):
    ran = kernel.document(a="x = y", b="y = x", c="print(1)").ran
    assert ran == ["c"]
    assert kernel.cycles == [["a", "b"]]
    assert (kernel.why("a"), kernel.why("b")) == ("cycle", "cycle")
    assert kernel.cells["a"]["reason"]["cells"] == ["a", "b"]
    assert kernel.cells["a"]["reason"]["names"] == ["x", "y"]


def test_a_mended_cycle_runs(kernel: Conversation):
    kernel.document(a="x = y", b="y = x")
    kernel.execute("y = 3", "b")
    assert kernel.states() == {"a": "fresh ok", "b": "fresh ok"}
    assert kernel.cycles == []


def test_a_cycle_is_over_when_its_cells_are_deleted(kernel: Conversation):
    kernel.document(a="x = y", b="y = x")
    kernel.sync({})
    kernel.document(a="x = 1", b="print(x)")
    assert kernel.cycles == []
    assert kernel.text("b") == "1\n"


def test_mutual_recursion_is_no_cycle(kernel: Conversation):
    kernel.document(
        a="def even(n): return n == 0 or odd(n - 1)",
        b="def odd(n): return n > 0 and even(n - 1)",
        c="print(even(10))",
    )
    assert kernel.text("c") == "True\n"
    assert kernel.cycles == []


def test_running_a_cell_runs_its_stale_ancestors_first(kernel: Conversation):
    kernel.sync({"a": "x = 1", "b": "y = x", "c": "print(y)"})
    assert kernel.run("c").ran == ["a", "b", "c"]


def test_running_a_cell_reruns_whose_inputs_changed(kernel: Conversation):
    kernel.document(a="x = 1", b="y = x * 0", c="print(y)", d="print(x)")
    assert kernel.execute("x = 2", "a").ran == ["a", "b", "d"]


def test_lazy_mode_marks_what_it_does_not_run(kernel: Conversation):
    kernel.document(a="x = 1", b="y = x", c="print(y)")
    kernel.do({"op": "configure", "mode": "lazy"})
    assert kernel.execute("x = 2", "a").ran == ["a"]
    assert kernel.state("b") == "stale ok"
    assert (kernel.why("b"), kernel.why("c")) == ("input-changed", "input-stale")
    assert kernel.run("c").ran == ["b", "c"]
    assert kernel.text("c") == "2\n"


def test_run_stale_brings_everything_up_to_date(kernel: Conversation):
    kernel.document(a="x = 1", b="y = x", c="print(y)")
    kernel.do({"op": "configure", "mode": "lazy"})
    kernel.execute("x = 2", "a")
    assert kernel.run_stale().ran == ["b", "c"]
    assert set(kernel.states().values()) == {"fresh ok"}


def test_running_again_is_running_once(kernel: Conversation):
    kernel.document(a="n = 1", b="n += 1", c="print(n)")
    for _ in range(3):
        kernel.run("b")
    assert kernel.text("c") == "2\n"
    assert kernel.value("n") == "2"


def test_after_a_plan_names_are_as_at_the_end(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)", c="x = 2")
    kernel.run("b")
    assert kernel.value("x") == "2"


def test_a_failed_cell_blocks_its_readers_and_nobody_else(kernel: Conversation):
    kernel.document(a="x = 1 / 0", b="y = x", c="print('other')", d="print(y)")
    assert kernel.states() == {"a": "fresh error", "b": "new blocked", "c": "fresh ok", "d": "new blocked"}
    assert kernel.why("b") == "input-failed"
    assert kernel.cells["b"]["reason"]["cells"] == ["a"]
    assert kernel.cells["b"]["reason"]["names"] == ["x"]


def test_repairing_releases_what_was_blocked(kernel: Conversation):
    kernel.document(a="x = 1 / 0", b="y = x", d="print(y)")
    assert kernel.execute("x = 7", "a").ran == ["a", "b", "d"]
    assert kernel.text("d") == "7\n"


def test_a_failed_cell_leaves_nothing_to_read_but_scratch_code_may_look(kernel: Conversation):
    kernel.document(b="x = 2; 1 / 0", c="print(x)")
    assert kernel.state("c") == "new blocked"
    assert kernel.value("x") == "2"


def test_run_stale_does_not_repeat_a_failed_cell(kernel: Conversation):
    kernel.document(a="x = 1", b="x / 0")
    assert kernel.run_stale().ran == []


def test_a_blocked_cell_run_by_hand_tries_what_failed_again(kernel: Conversation):
    kernel.document(a="fuse.append(1); x = 1 / (len(fuse) - 1)", b="print(x)", z="fuse = []")
    exchange = kernel.execute("print(x)", "b")
    assert "a" in exchange.ran


def test_a_cell_that_stays_blocked_replies_by_what(kernel: Conversation):
    kernel.document(a="x = 1 / 0", b="print(x)")
    exchange = kernel.execute("print(x)", "b")
    assert exchange.ran == ["a"]
    assert exchange.content["status"] == "error"
    assert exchange.content["ename"] == "Blocked"
    assert exchange.content["evalue"] == "It needs `x` from cell 1, which failed; repair that first."
    assert exchange.shown() == "Blocked: It needs `x` from cell 1, which failed; repair that first."


def test_a_cell_that_is_off_replies_so(kernel: Conversation):
    kernel.sync({"a": "x = 1", "b": "print(x)"}, a="off")
    content = kernel.execute("x = 1", "a").content
    assert (content["ename"], content["evalue"]) == (
        "Blocked",
        "This cell is switched off; set its mode to auto or manual to run it.",
    )
    assert kernel.execute("print(x)", "b").content["ename"] == "Blocked"


def test_a_cell_on_a_cycle_replies_with_the_cycle(kernel: Conversation):
    kernel.sync({"a": "x = y", "b": "y = x"})
    content = kernel.execute("x = y", "a").content
    assert content["ename"] == "Blocked"
    assert "Cell 1 and cell 2 wait for each other through `x` and `y`" in content["evalue"]


def test_deleting_a_writer_gives_readers_the_earlier_one(kernel: Conversation):
    kernel.document(a="x = 1", b="x = 2", c="print(x)")
    assert kernel.sync({"a": "x = 1", "c": "print(x)"}).ran == ["c"]
    assert kernel.text("c") == "1\n"


def test_deleting_the_only_writer_takes_the_name_away(kernel: Conversation):
    kernel.document(a="x = 1", c="print(x)")
    kernel.sync({"c": "print(x)"})
    assert kernel.text("c") == "NameError: name 'x' is not defined"
    assert kernel.value("'x' in globals()") == "False"


def test_moving_a_writer_reruns_whose_input_is_another(kernel: Conversation):
    kernel.document(a="x = 1", b="x = 2", c="print(x)")
    assert kernel.sync({"b": "x = 2", "a": "x = 1", "c": "print(x)"}).ran == ["c"]
    assert kernel.text("c") == "1\n"


def test_inserting_a_writer_makes_the_reader_stale(kernel: Conversation):
    kernel.document(a="x = 1", c="print(x)")
    assert kernel.sync({"a": "x = 1", "b": "x = 2", "c": "print(x)"}).ran == []
    assert kernel.state("c") == "stale ok"
    assert kernel.run("b").ran == ["b", "c"]
    assert kernel.text("c") == "2\n"


def test_renaming_a_name_reruns_both_kinds_of_readers(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)", c="print(y)")
    kernel.execute("y = 1", "a")
    assert kernel.text("b") == "NameError: name 'x' is not defined"
    assert kernel.text("c") == "1\n"


def test_renaming_a_name_by_an_edit_reruns_its_readers_when_the_edit_runs(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)")
    assert kernel.edit("a", "y = 1").ran == []
    assert kernel.why("b") == "input-changed"
    assert kernel.run("a").ran == ["a", "b"]


def test_a_manual_cell_goes_stale_and_runs_when_asked(kernel: Conversation):
    kernel.sync({"a": "x = 1", "b": "print(x)"}, b="manual")
    kernel.run("a", "b")
    assert kernel.execute("x = 2", "a").ran == ["a"]
    assert kernel.state("b") == "stale ok"
    assert kernel.run_stale().ran == []
    assert kernel.run("b").ran == ["b"]


def test_a_cells_metadata_names_its_mode(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)")
    content = {"code": "print(x)", "silent": False, "store_history": True, "allow_stdin": False}
    metadata = {"cellId": "b", "reactive": {"mode": "manual"}}
    kernel.finish(kernel.send("execute_request", content, metadata))
    assert kernel.execute("x = 2", "a").ran == ["a"]


def test_the_code_of_a_request_is_the_cells_text(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)")
    kernel.execute("x = 5", "a")
    assert kernel.run("a").of_type("execute_input")[0]["content"]["code"] == "x = 5"


def test_an_unknown_cell_is_appended(kernel: Conversation):
    kernel.document(a="x = 1")
    kernel.execute("print(x)", "new")
    assert kernel.text("new") == "1\n"
    assert kernel.graph["new"]["parents"] == ["a"]


def test_scratch_code_sees_the_end_and_may_bind_new_names(kernel: Conversation):
    kernel.document(a="x = 1", b="x = 2")
    exchange = kernel.execute("mine = x * 10; print(mine)")
    assert exchange.shown() == "20\n"
    assert exchange.changes() == {}
    kernel.run("a")
    assert kernel.value("mine") == "20"


def test_scratch_code_that_rebinds_a_cells_name_marks_the_readers(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)")
    exchange = kernel.execute("x = 99")
    assert exchange.ran == [""]
    assert kernel.state("b") == "stale ok"
    assert kernel.run("b").ran == ["b"]
    assert kernel.text("b") == "1\n"
    assert kernel.state("b") == "fresh ok"


def test_scratch_outputs_belong_to_no_cell(kernel: Conversation):
    kernel.document(a="x = 1")
    exchange = kernel.execute("print(x)")
    streams = [m for m in exchange.messages if m["msg_type"] == "stream"]
    assert "".join(m["content"]["text"] for m in streams) == "1\n"
    assert all(m["metadata"] == {} for m in streams)


def test_underscore_and_out_are_the_sessions(kernel: Conversation):
    kernel.document(a="1 + 1", b="7 * 6")
    assert kernel.value("_") == "42"
    assert "a" not in kernel.graph.get("b", {}).get("parents", [])


def test_exec_binds_names_that_join_the_graph(kernel: Conversation):
    kernel.document(a="exec('hidden = 1')", b="print(hidden)")
    assert kernel.text("b") == "1\n"
    kernel.execute("exec('hidden = 2')", "a")
    assert kernel.text("b") == "2\n"


def test_a_timed_cell_is_python(kernel: Conversation):
    kernel.document(a="%%time\nx = 1", b="print(x)")
    kernel.execute("%%time\nx = 2", "a")
    assert kernel.text("b") == "2\n"


def test_what_capture_catches_is_a_name(kernel: Conversation):
    kernel.document(a="%%capture out\nprint('caught')", b="print(out.stdout.upper())")
    assert kernel.text("b") == "CAUGHT\n\n"
    kernel.execute("%%capture out\nprint('again')", "a")
    assert kernel.text("b") == "AGAIN\n\n"


def test_what_a_shell_command_prints_is_a_name(kernel: Conversation):
    kernel.document(a="lines = !echo one", b="print(lines)", c="!echo {lines[0]} more")
    assert (kernel.text("b"), kernel.text("c").strip()) == ("['one']\n", "one more")
    kernel.execute("lines = !echo two", "a")
    assert (kernel.text("b"), kernel.text("c").strip()) == ("['two']\n", "two more")


def test_a_cell_that_does_not_parse_says_why_and_its_readers_too(kernel: Conversation):
    kernel.document(a="x = 1", b="print(x)", c="print('other')")
    kernel.execute("x = = 1", "a")
    assert kernel.why("a") == "syntax"
    assert "SyntaxError" in plain(kernel.text("a"))
    assert kernel.state("b").endswith("blocked")
    assert kernel.state("c") == "fresh ok"
    kernel.execute("x = 3", "a")
    assert kernel.text("b") == "3\n"
