"""What the names stand for, told to front ends that ask."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from reactive_kernel import wire

from .conversation import Conversation, parent_of

PAGE = Path(__file__).parents[2] / "docs/protocol.md"


def variables(kernel: Conversation, subshell: str | None = None) -> dict[str, dict[str, Any]]:
    exchange = kernel.do({"op": "variables"}, subshell)
    [answer] = [each for each in exchange.answers if each["op"] == "variables"]
    names = [each["name"] for each in answer["variables"]]
    assert names == sorted(names)
    return {each.pop("name"): each for each in answer["variables"]}


def test_each_name_says_what_it_is_who_made_it_and_who_reads_it(kernel: Conversation):
    kernel.document(a="xs = [1, 'two', [3]]", b="n = len(xs)", c="print(xs, n)")
    found = variables(kernel)
    size = found["xs"].pop("size")
    assert 0 < size < 1000
    assert found["xs"] == {
        "type": "list",
        "shape": [3],
        "summary": "[1, 'two', […]]",
        "cell": "a",
        "readers": ["b", "c"],
    }
    assert (found["n"]["summary"], found["n"]["cell"], found["n"]["readers"]) == ("3", "b", ["c"])


def test_a_name_has_the_value_of_the_documents_end(kernel: Conversation):
    kernel.document(a="n = 1", b="print(n)", c="n = n + 1", d="print(n)")
    kernel.run("b")
    assert variables(kernel)["n"]["summary"] == "2"
    assert (variables(kernel)["n"]["cell"], variables(kernel)["n"]["readers"]) == ("c", ["b", "c", "d"])


def test_what_a_console_bound_is_nobodys_and_modules_are_left_out(kernel: Conversation):
    kernel.document(a="import math", b="y = math.pi")
    kernel.execute("scratched = 1")
    found = variables(kernel)
    assert found["scratched"]["cell"] is None
    assert "math" not in found
    assert not {name for name in found if name[0] == "_"} & {"_", "__", "_i", "_ih", "_oh", "_dh"}
    assert not {"In", "Out", "exit", "quit", "get_ipython", "open"} & found.keys()


def test_data_say_their_shape(kernel: Conversation):
    kernel.document(
        a="import numpy, pandas\narray = numpy.zeros((2, 3))\nfew = numpy.arange(3)",
        b="frame = pandas.DataFrame({'x': [1, 2], 'y': ['a', 'b']})\ncolumn = frame['x']",
        c="def area(width, *, height=1): return width * height\nclass Room: pass",
        d="big = 10 ** 5000\ntext = 'a' * 1000\npairs = {'a': 1}\nnothing = None\none = (1,)",
    )
    found = {name: (each["type"], each["shape"], each["summary"]) for name, each in variables(kernel).items()}
    assert found["array"] == ("ndarray", [2, 3], "float64")
    assert found["few"] == ("ndarray", [3], "int64: [0, 1, 2]")
    assert found["frame"] == ("DataFrame", [2, 2], "x, y")
    assert found["column"] == ("Series", [2], "'x': int64")
    assert found["area"] == ("function", None, "area(width, height)")
    assert found["Room"] == ("type", None, "class Room")
    assert found["big"] == ("int", None, "a number of 16610 bits")
    assert found["text"][:2] == ("str", [1000])
    assert len(found["text"][2]) == 120
    assert found["pairs"] == ("dict", [1], "{'a': 1}")
    assert found["nothing"] == ("NoneType", None, "None")
    assert found["one"] == ("tuple", [1], "(1,)")


HOSTILE = """
ran = []
class Kind(type):
    def __getattribute__(cls, name): ran.append(name); return type.__getattribute__(cls, name)
class Meddler(list, metaclass=Kind):
    def __repr__(self): ran.append("repr"); return "?"
    def __len__(self): ran.append("len"); return 3
    def __getattribute__(self, name): ran.append(name); return list.__getattribute__(self, name)
    def __hash__(self): ran.append("hash"); return 1
    def __eq__(self, other): ran.append("eq"); return True
m = Meddler()
inside = [m, {m: m}, (m,)]
ran.clear()
"""


def test_nobodys_code_runs(kernel: Conversation):
    kernel.execute(HOSTILE)
    found = variables(kernel)
    assert (found["m"]["type"], found["m"]["shape"], found["m"]["summary"]) == ("Meddler", None, "")
    assert found["inside"]["summary"] == "[<Meddler>, {…}, (…)]"
    assert kernel.value("ran") == "[]"
    kernel.execute("del m, inside, Meddler, Kind, ran")


def test_a_cell_that_runs_is_not_waited_for_and_nothing_reruns(kernel: Conversation):
    kernel.document(a="xs = [1]", b="xs.append(2)", c="print(xs)")
    subshell = kernel.subshell()
    asked = kernel.ask("import time\nprint('on', flush=True)\nwhile not xs[2:]: time.sleep(0.01)", "d")
    kernel.until_text("on")
    start = len(kernel.log)
    found = variables(kernel, subshell)
    assert found["xs"]["summary"] == "[1, 2]"
    kernel.interrupt()
    kernel.finish(asked, start)
    assert {"a", "b", "c"} <= {cell for cell, state in kernel.states().items() if state == "fresh ok"}
    assert not [m for m in kernel.log[start:] if m["msg_type"] == "execute_input" and parent_of(m) != asked]
    assert kernel.run("c").ran == ["c"]


def test_thousands_of_names_are_too_many(kernel: Conversation):
    kernel.document(a="globals().update({f'many{n}': n for n in range(3000)})")
    assert len(variables(kernel)) <= 2000
    kernel.execute("for n in range(3000): del globals()[f'many{n}']")


def test_every_operation_reason_and_type_of_message_is_on_the_page():
    page = PAGE.read_text()
    sources = "".join(path.read_text() for path in Path(wire.__file__).parent.rglob("*.py"))
    answer = wire.parse({"op": "?"}, None)  # type: ignore[arg-type]  # nobody asks it anything
    assert isinstance(answer, wire.Malformed)
    words = set(re.findall(r"`(\w+)`", answer.message)) - {"op"}
    words |= set(re.findall(r'Reason\(\s*"([a-z-]+)"', sources))
    words |= set(re.findall(r'"(reactive_[a-z]+)"', sources)) - {"reactive_kernel"}
    assert {"variables", "edited", "reactive_cells"} <= words
    assert {word for word in words if f"`{word}`" not in page} == set()
