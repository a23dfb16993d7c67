"""What counts as the same between two runs of a cell, and what does not."""

from __future__ import annotations

import base64
import zlib

import pytest
from nbformat.v4 import new_output

from reactive_kernel.cell import Cell, CellId
from reactive_kernel.progress import Slow
from reactive_kernel.verify import Difference, alike, compare, difference


def printed(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def displayed(plain="<Thing object>", **kinds):
    named = {
        "html": "text/html",
        "svg": "image/svg+xml",
        "png": "image/png",
        "plot": "application/x.plot+json",
    }
    return new_output(
        "display_data", {"text/plain": plain, **{named[kind]: each for kind, each in kinds.items()}}
    )


def png(pixels, words=b""):
    """A picture of one grey row, with words beside it."""
    chunks = ((b"IHDR", b"size"), (b"tEXt", words), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    body = b"".join(len(data).to_bytes(4, "big") + kind + data + b"sums" for kind, data in chunks)
    return base64.encodebytes(b"\x89PNG\r\n\x1a\n" + body).decode()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<__main__.A object at 0x7f0001>", "<__main__.A object at 0x7fabcd>"),
        (
            "CPU times: user 1 ms, sys: 0 ns\nWall time: 2 ms",
            "CPU times: user 2 s, sys: 0 ns\nWall time: 3 s",
        ),
        ("12.3 ns ± 0.1 ns per loop (mean ± std. dev.)", "1.1 µs ± 20 ns per loop (mean ± std. dev.)"),
        ("{'a', 'b'}", "{'b', 'a'}"),
        ("[{\"it's\", 'b'}]", "[{'b', \"it's\"}]"),
        ("/tmp/ipykernel_12/34.py:1: UserWarning", "/tmp/ipykernel_56/78.py:1: UserWarning"),
        ("100%|##| 9/9 [00:01<00:00, 8.5it/s]", "100%|##| 9/9 [00:02<00:00, 4.2it/s]"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("Cell In[3], line 1", "Cell In[12], line 1"),
    ],
)
def test_what_says_nothing_of_the_program_may_differ(one, other):
    assert alike(one) == alike(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0xff", "0xfe"),
        ("1.5 ms", "1.6 ms"),
        ("{'a', 'b'}", "{'a', 'c'}"),
        ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}"),
        ("['a', 'b']", "['b', 'a']"),
        ("2024-01-01", "2024-01-02"),
        ("a  b", "a b"),
    ],
)
def test_what_may_be_a_result_may_not(one, other):
    assert alike(one) != alike(other)


@pytest.mark.parametrize(
    ("now", "fresh"),
    [
        ([printed("a"), printed("b", "stderr"), printed("c")], [printed("ac"), printed("b", "stderr")]),
        ([printed("1%\r2%\r\n")], [printed("2%\n")]),
        ([printed(["a\n", "b"])], [printed("a\nb\n")]),
        ([new_output("execute_result", {"text/plain": "1"}, execution_count=3)], [displayed("1")]),
        ([displayed(png=png(b"row", b"version 1"))], [displayed(png=png(b"row", b"version 2"))]),
        ([displayed(html='<i id="T_0a1b2c">x</i>')], [displayed(html='<i id="T_9f8e7d">x</i>')]),
        ([displayed(svg='<a id="m0123456789">')], [displayed(svg='<a id="mabcdef0123">')]),
        ([new_output("error", ename="E", evalue="x", traceback=["1"])],) * 2,
    ],
)
def test_outputs_that_show_the_same(now, fresh):
    assert compare(now, fresh) is None


@pytest.mark.parametrize(
    ("now", "fresh", "words"),
    [
        ([printed("a")], [printed("b")], ("shows something else in a fresh run",)),
        ([printed("a")], [printed("a"), printed("b", "stderr")], ("shows something else in a fresh run",)),
        ([displayed(png=png(b"row"))], [displayed(png=png(b"low"))], ("the picture differs",)),
        ([displayed(svg="<a/>")], [displayed(svg="<b/>")], ("the picture differs",)),
        ([displayed(png=png(b"row"))], [displayed()], ("the picture is missing in a fresh run",)),
        ([displayed()], [displayed(png="no base64")], ("the picture is there only in a fresh run",)),
        ([displayed("x", html="<b>x</b>")], [displayed("x", html="<i>x</i>")], ("its HTML differs",)),
        (
            [displayed(plot={"y": [1]})],
            [displayed(plot={"y": [2]})],
            ("its `application/x.plot+json` differs",),
        ),
        (
            [printed("a"), displayed(png=png(b"row"))],
            [printed("b"), displayed(png=png(b"low"))],
            ("shows something else in a fresh run", "the picture differs"),
        ),
        ([], [new_output("error", ename="E", evalue="x", traceback=[])], ("fails in a fresh run (E: x)",)),
    ],
)
def test_each_difference_has_its_words(now, fresh, words):
    change = compare(now, fresh)
    assert change is not None
    assert change.words == words


def test_a_long_difference_is_cut():
    change = compare([printed("x\n" * 100)], [printed("y\n" * 100)])
    assert change is not None
    assert (len(change.diff), change.diff[-1]) == (41, "… and 163 more lines")


def test_a_cell_that_was_blocked_here_too_is_no_difference():
    blocked = [new_output("error", ename="Blocked", evalue="It needs `x`.", traceback=[])]
    assert difference("cell 2", blocked, "It needs `x` from cell 1.", ran=True) is None
    assert difference("cell 2", [printed("1")], "It needs `x`.", ran=True) == Difference(
        "cell 2",
        "does not run in a fresh run: It needs `x`.",
        ("--- shown now", "+++ a fresh run", "@@ -1 +0,0 @@", "-1"),
    )


def test_a_log_hears_of_slow_cells_less_and_less_often(capsys):
    tell = Slow()
    for seconds in [0, *range(1, 130)]:
        tell(1, 2, Cell(CellId("c"), "fit()\nshow()"), seconds)
    for seconds in (0, 29, 31):
        tell(2, 2, Cell(CellId("d"), "plot()"), seconds)
    assert capsys.readouterr().err.splitlines() == [
        "[1/2] 30 s fit()",
        "[1/2] 60 s fit()",
        "[1/2] 120 s fit()",
        "[2/2] 31 s plot()",
    ]


def test_a_log_hears_of_a_long_run_of_quick_cells_once_a_minute(capsys):
    clock = iter(range(0, 200, 25))
    tell = Slow(lambda: next(clock))
    for number in range(1, 6):
        tell(number, 9, Cell(CellId("c"), f"step({number})"), 0)
    assert capsys.readouterr().err.splitlines() == ["[3/9] step(3)"]
