"""Objects that a later cell has changed: put back by a rerun of their maker, or said not to be."""

from __future__ import annotations

from .conversation import Conversation


def test_a_mutation_run_again_and_again_is_one_mutation(kernel: Conversation) -> None:
    kernel.document(make="xs = [1]", change="xs.append(2); print(xs)", read="print(sum(xs))")
    for _ in range(3):
        kernel.run("change")
    assert (kernel.text("change"), kernel.text("read")) == ("[1, 2]\n", "3\n")


def test_what_can_be_put_back_is_put_back_without_a_rerun(kernel: Conversation) -> None:
    kernel.sync({"make": "xs = [1]", "change": "xs.append(2)", "read": "print(len(xs))"}, make="manual")
    kernel.run("make", "change")
    runs = kernel.cells["make"]["run"]
    kernel.run("change")
    assert kernel.text("read") == "2\n"
    assert [kernel.cells[cell]["freshness"] for cell in ("make", "change", "read")] == ["fresh"] * 3
    assert kernel.cells["make"]["run"] == runs


def test_a_cell_is_stale_if_its_input_could_not_be_put_back(kernel: Conversation) -> None:
    kernel.sync(
        {"make": "it = (v for v in range(9))", "change": "n = next(it)", "read": "print(n)"}, make="manual"
    )
    kernel.run("make", "change")
    kernel.run("change")
    assert kernel.why("change") == "unproven"
    assert "cell 1 could not run again" in kernel.cells["change"]["reason"]["message"]
    kernel.run("make")
    assert [kernel.cells[cell]["freshness"] for cell in ("make", "change", "read")] == ["fresh"] * 3


def test_a_generator_is_made_again_for_who_reads_it_first(kernel: Conversation) -> None:
    kernel.document(make="it = (v for v in range(9))", one="print(next(it))", two="print(next(it))")
    kernel.run("one")
    assert (kernel.text("one"), kernel.text("two")) == ("0\n", "1\n")
    kernel.edit("one", "print(next(it), next(it))")
    kernel.run("one")
    assert (kernel.text("one"), kernel.text("two")) == ("0 1\n", "2\n")


def test_a_reader_above_sees_what_it_reads_as_it_was(kernel: Conversation) -> None:
    kernel.document(make="xs = [1]", read="print(xs, late)", change="xs.append(2)", below="late = len(xs)")
    assert (kernel.state("read"), kernel.text("read")) == ("fresh ok", "[1] 2\n")


def test_what_a_console_changes_in_place_is_not_the_documents(kernel: Conversation) -> None:
    kernel.document(make="xs = [1]", read="print(xs)")
    kernel.execute("xs.append(5)")
    assert kernel.why("read") == "input-changed"
    kernel.run("read")
    assert (kernel.state("read"), kernel.text("read")) == ("fresh ok", "[1]\n")


def test_a_console_that_only_looks_changes_nothing(kernel: Conversation) -> None:
    kernel.document(make="xs = [[1], {2: 3}]", read="print(xs)")
    kernel.execute("print(xs, len(xs), xs[0]); [v for v in xs]")
    assert kernel.state("read") == "fresh ok"
