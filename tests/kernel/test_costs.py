"""What a rerun costs on the wire: the same for every cell, however many there are."""

from collections import Counter

import pytest

from .conversation import Conversation


@pytest.mark.parametrize("number", [4, 40])
def test_a_rerun_that_shows_nothing_is_told_in_two_messages(kernel: Conversation, number: int):
    kernel.document(x0="x0 = 0", **{f"x{i}": f"x{i} = x{i - 1} + 1" for i in range(1, number)})
    exchange = kernel.execute("x0 = 1", "x0")
    kinds = Counter(message["msg_type"] for message in exchange.messages)
    # The edited cell's entry, that all are queued, and the end.
    beyond = kinds["reactive_cells"] - number
    assert beyond <= 3
    assert dict(kinds - Counter(reactive_cells=kinds["reactive_cells"])) == {
        "status": 2,
        "execute_input": number,
    }


def test_a_message_tells_of_the_cells_that_changed(kernel: Conversation):
    kernel.document(x0="x0 = 0", **{f"x{i}": f"x{i} = x{i - 1} + 1" for i in range(1, 10)}, other="o = 1")
    exchange = kernel.execute("x0 = 1", "x0")
    sizes = [len(message["content"]["cells"]) for message in exchange.of_type("reactive_cells")]
    # The whole plan once; then the cell that ended and the one that begins.
    assert sorted(sizes)[-2] <= 2
    assert "other" not in exchange.changes()
