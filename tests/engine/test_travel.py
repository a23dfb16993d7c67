"""What travels means the same when it arrives; of everything else it is said why it does not."""

from __future__ import annotations

import datetime
import io
import threading

import numpy as np
import pandas as pd
import pytest

from reactive_kernel.engine.travel import bundled, loads


def there(**values: object) -> dict[str, object]:
    """The values as they arrive."""
    bundles, refused = bundled(values)
    assert not refused
    return {name: value for bundle in bundles for name, value in loads(bundle.blob).items()}


def refusal(value: object) -> str:
    return bundled({"x": value})[1].get("x", "")


@pytest.mark.parametrize(
    "value",
    [1, -0.0, "text", b"bytes", None, (1, [2, {3}]), {"k": [1]}, datetime.date(2026, 1, 1), np, range(3)],
)
def test_plain_values_arrive_as_they_were(value):
    arrived = there(x=value)["x"]
    assert type(arrived) is type(value)
    assert repr(arrived) == repr(value)


def test_an_array_arrives_as_the_owner_of_its_memory():
    arrived = there(x=np.zeros(3))["x"]
    assert arrived.base is None
    arrived.resize(5)
    assert arrived.tolist() == [0, 0, 0, 0, 0]


def test_arrays_that_share_memory_share_it_there():
    table = np.arange(9).reshape(3, 3)
    arrived = there(table=table, row=table[1])
    arrived["row"][0] = 99
    assert arrived["table"][1, 0] == 99


def test_frames_that_share_memory_do_not_see_each_others_changes():
    frame = pd.DataFrame({"a": [1, 2]})
    arrived = there(both=[frame, frame["a"]])["both"]
    arrived[0].loc[0, "a"] = 99
    assert arrived[1].tolist() == [1, 2]


def test_names_of_one_object_arrive_as_names_of_one_object():
    shared = [1]
    arrived = there(a=shared, b={"k": shared})
    assert arrived["a"] is arrived["b"]["k"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (iter([1]), "an iterator"),
        ((each for each in [1]), "it holds"),
        (lambda: 1, "a function"),
        (object(), "belongs to its process"),
        (io.StringIO("text"), "a file"),
        ([threading.Lock()], "cannot be put into bytes"),
        (np.arange(1000)[:2], "a small part of something larger"),
        (pd.DataFrame({"a": [[1], [2]]}), "objects that can change"),
    ],
)
def test_what_would_be_something_else_there_does_not_travel(value, words):
    assert words in refusal(value)


def test_objects_of_the_notebooks_own_classes_do_not_travel():
    own = type("Own", (), {"__module__": "__main__"})
    assert refusal([own()])
