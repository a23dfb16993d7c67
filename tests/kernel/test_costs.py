"""What a rerun costs on the wire: the same for every cell, however many there are."""

import json
from collections import Counter

import pytest

from .conversation import Conversation, Exchange


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


def size(exchange: Exchange) -> int:
    """Bytes of all that is said, but for headers, which are always as long."""
    return sum(len(json.dumps([each["content"], each["metadata"]])) for each in exchange.messages)


def test_what_is_said_of_one_cell_does_not_grow_with_the_document(kernel: Conversation):
    sizes: list[int] = []
    for number in (5, 50):
        kernel.document(**{f"x{i:02}": f"x{i:02} = {i}" for i in range(number)})
        kernel.edit("x03", "x03 = 33")
        sizes.append(size(kernel.execute("x03 = 33", "x03")))
    few, many = sizes
    # Numbers of runs may have more digits.
    assert 0 < few <= many <= few + 50


def test_opening_a_notebook_takes_as_many_messages_however_long_it_is(kernel: Conversation):
    counts: list[int] = []
    for number in (5, 50):
        kernel.sync({})
        counts.append(len(kernel.sync({f"y{i}": f"y{i} = {i}" for i in range(number)}).messages))
    assert counts[0] == counts[1] <= 5
