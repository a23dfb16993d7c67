"""Which runs can do nothing but bind names, and that nobody looks beyond names then."""

from __future__ import annotations

import pytest

from benchmarks.counting import Call, counting
from benchmarks.inside.reactive_document import Document
from reactive_kernel.analysis import analyze
from reactive_kernel.cell import CellId
from reactive_kernel.dials import Dials
from reactive_kernel.event import Run
from reactive_kernel.files import Files
from reactive_kernel.inert import is_inert


class Loud:
    """Anything at all may happen when it is added."""


VALUES: dict[str, object] = {
    "n": 3,
    "text": "abc",
    "nothing": None,
    "span": range(3),
    "listed": [1],
    "loud": Loud(),
    "call": print,
    "os": __import__("os"),
}


def inert(source: str, **more: object) -> bool:
    facts = analyze(source)
    live = {**VALUES, **more}
    inputs = dict.fromkeys((*facts.reads, *facts.builtins, "around:", "interpreter:"))
    return is_inert(Run(CellId("a"), 1, source, facts, inputs, frozenset()), live)


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        "x = n + 1",
        "x, y = n, text",
        "x = [n, text]\nx += [nothing]",
        "total = 0\nfor each in span:\n    total += each",
        "x = text[0] if n > 2 else f'{n:>3}{text!r}'",
        "x = {each: n for each in text if each in 'ab'}",
        "def double(a):\n    return a * 2\nx = double(n)",
        "x = n / 0",
    ],
)
def test_cells_that_only_bind_names(source: str) -> None:
    assert inert(source)


@pytest.mark.parametrize(
    "source",
    [
        "n",
        "x = loud + 1",
        "x = listed + [1]",
        "x = missing",
        "x = len(text)",
        "x = call(n)",
        "x = text.upper()",
        "x = text.real",
        "os.environ['A'] = text",
        "import random",
        "def f():\n    import random\nf()",
        "del n",
        "class A: pass",
        "with loud: pass",
        "x = await loud",
        "x = !ls",
        "%cd ..",
        "cd ..",
        "text?",
        "x = '%s' % loud",
        "exec(text)",
        "def f():\n    return open(text)\nx = f()",
        "f = lambda: call(n)\nf()",
        "@call\ndef f(): pass",
        "match loud:\n    case 3: x = 1",
        "x: loud = 1",
        "raise n",
        "x = ~n",
        "try:\n    x = n\nexcept loud as error: pass",
        "x = n +",
    ],
)
def test_cells_of_which_more_is_to_be_seen(source: str) -> None:
    assert not inert(source)


def test_what_a_run_reads_besides_names_is_to_be_seen() -> None:
    run = Run(CellId("a"), 1, "x = 1", analyze("x = 1"), {"file:/a": None}, frozenset())
    assert not is_inert(run, VALUES)


def test_nobody_looks_beyond_names_where_nothing_else_can_change() -> None:
    document = Document()
    document.open([("a", "n = 1"), ("b", "m = n + 1"), ("c", "k = max(m, 2)")])
    with counting(Call("dials", Dials, "start"), Call("files", Files, "start")) as counts:
        document.edit(CellId("b"), "m = n + 1.0")
        # The call of the last cell might do anything.
        assert counts == {"dials": 1, "files": 1}
