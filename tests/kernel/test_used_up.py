"""Objects that a later cell has changed: put back by a rerun of their maker, or said not to be."""

from __future__ import annotations

from .conversation import Conversation


def test_a_mutation_run_again_and_again_is_one_mutation(kernel: Conversation) -> None:
    kernel.document(make="xs = [1]", change="xs.append(2); print(xs)", read="print(sum(xs))")
    for _ in range(3):
        kernel.run("change")
    assert (kernel.text("change"), kernel.text("read")) == ("[1, 2]\n", "3\n")


def test_a_cell_is_stale_if_its_input_could_not_be_put_back(kernel: Conversation) -> None:
    kernel.sync({"make": "xs = [1]", "change": "xs.append(2)", "read": "n = len(xs)"}, make="manual")
    kernel.run("make", "change")
    kernel.run("change")
    assert kernel.why("change") == "unproven"
    assert "cell 1 could not run again" in kernel.cells["change"]["reason"]["message"]
    kernel.run("make")
    assert [kernel.cells[cell]["freshness"] for cell in ("make", "change", "read")] == ["fresh"] * 3


def test_a_reader_that_can_never_have_its_input_back_is_stale(kernel: Conversation) -> None:
    kernel.document(make="xs = [1]", read="print(xs, late)", change="xs.append(2)", below="late = len(xs)")
    assert kernel.why("read") == "unproven"
