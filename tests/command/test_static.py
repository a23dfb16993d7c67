"""`graph`, `check`, and all that is refused before anything runs."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_raw_cell

from reactive_kernel.command import main
from reactive_kernel.notebook import document, load

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def call(capsys, monkeypatch, desk):
    """The command without a process of its own: code, output, errors."""
    monkeypatch.chdir(desk.place)

    def perform(*arguments):
        try:
            code = main(arguments)
        except SystemExit as left:
            code = left.code
        return code, *capsys.readouterr()

    return perform


# graph


def test_the_graph_is_json(desk, call):
    desk.write(
        "total = double(len(xs))", new_markdown_cell("x = 1"), "def double(x): return x * factor", "xs = []"
    )
    code, out, err = call("graph", "nb.ipynb")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "cells": [
            {"id": "c1", "reads": ["double", "xs"], "writes": ["total"]},
            {"id": "c3", "reads": [], "writes": ["double"]},
            {"id": "c4", "reads": [], "writes": ["xs"]},
        ],
        "edges": [
            {"from": "c3", "to": "c1", "names": ["double"]},
            {"from": "c4", "to": "c1", "names": ["xs"]},
        ],
        "cycles": [],
    }


def test_names_that_a_function_needs_reach_its_caller(desk, call):
    desk.write("f()", "def f(): return b + a", "a = b = 1", "len = sum", "len([])")
    drawn = json.loads(call("graph", "nb.ipynb", "--format", "json")[1])
    assert drawn["edges"] == [
        {"from": "c2", "to": "c1", "names": ["f"]},
        {"from": "c3", "to": "c1", "names": ["a", "b"]},
        {"from": "c4", "to": "c5", "names": ["len"]},
    ]
    assert drawn["cells"][0]["reads"] == ["a", "b", "f"]
    assert [cell["reads"] for cell in drawn["cells"][3:]] == [[], ["len"]]


def test_the_graph_names_cycles(desk, call):
    desk.write("x = y", "y = x")
    drawn = json.loads(call("graph", "nb.ipynb")[1])
    assert drawn["cycles"] == [["c1", "c2"]]


def test_dot_quotes_what_it_shows(desk, call):
    desk.write('text = "a\\n"', "print(text)")
    assert call("graph", "nb.ipynb", "--format", "dot")[1].splitlines() == [
        "digraph notebook {",
        '  node [shape=box, style=rounded, fontname="monospace"];',
        '  "c1" [label="cell 1\\ntext = \\"a\\\\n\\""];',
        '  "c2" [label="cell 2\\nprint(text)"];',
        '  "c1" -> "c2" [label="text"];',
        "}",
    ]


def test_mermaid_takes_nothing_in_a_label_for_its_own(desk, call):
    desk.write("x = y", "y = x[0]")
    assert call("graph", "nb.ipynb", "--format", "mermaid")[1].splitlines() == [
        "flowchart TD",
        '  c1["cell 1<br/>x #61; y"]',
        '  c2["cell 2<br/>y #61; x#91;0#93;"]',
        '  c1 -->|"x"| c2',
        '  c2 -->|"y"| c1',
        "  classDef cycle stroke:#d33",
        "  class c1,c2 cycle",
    ]


def boxes(out: str) -> list[tuple[float, float]]:
    return [(float(box.get("x")), float(box.get("y"))) for box in ET.fromstring(out).iter(f"{SVG}rect")]


def test_svg_puts_readers_right_of_writers_and_no_box_on_another(desk, call):
    desk.write("c = a + b", "a = '<&\x1b>'", "b = a", "d = a", "lonely", *(f"e{n} = a, c" for n in range(30)))
    code, out, _ = call("graph", "nb.ipynb", "--format", "svg")
    assert code == 0
    places = boxes(out)
    assert len(set(places)) == 35
    c, a, b, d, lonely, *readers = [x for x, _ in places]
    assert a == lonely < b == d < c < min(readers)
    columns = {x: sorted(y for other, y in places if other == x) for x, _ in places}
    assert all(low + 44 < high for ys in columns.values() for low, high in pairwise(ys))


def test_svg_needs_nothing_from_elsewhere(desk, call):
    desk.write("x = y", "y = x", "z = x")
    out = call("graph", "nb.ipynb", "--format", "svg")[1]
    assert out.count("http") == 1
    assert "prefers-color-scheme: dark" in out
    texts = [text.text for text in ET.fromstring(out).iter(f"{SVG}text")]
    assert {"cell 1", "x = y", "cell 3", "z = x"} <= set(texts)


def test_a_notebook_without_code_has_an_empty_graph(desk, call):
    desk.write(new_raw_cell("x"))
    assert json.loads(call("graph", "nb.ipynb")[1]) == {"cells": [], "edges": [], "cycles": []}
    assert boxes(call("graph", "nb.ipynb", "--format", "svg")[1]) == []


# check


def test_a_sound_notebook_has_no_problems(desk, call):
    desk.write(
        "print(helper(In), __name__, display)", "%matplotlib inline\ndef helper(x): return [_ for _ in x]"
    )
    assert call("check", "nb.ipynb") == (0, "nb.ipynb: 2 cells, no problems\n", "")


def test_every_problem_is_a_line_with_a_way_out(desk, call):
    desk.write("x = y", "y = x", "df.head()", "def f(): return totl", "total = 1", "n = n + 1", "1 /")
    code, out, err = call("check", "nb.ipynb")
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "cell 7 (c7) cannot be read by Python: invalid syntax (line 1)",
        "cell 3 (c3) reads `df`, which no cell defines; define or import it in one",
        "cell 4 (c4) reads `totl`, which no cell defines; did you mean `total`?",
        "cell 6 (c6) reads `n`, which no other cell defines; define or import it in one",
        "cycle (c1, c2): Cell 1 and cell 2 wait for each other through `x` and `y`; "
        "define one of these names above its first use.",
    ]


def test_what_a_star_import_may_define_is_only_noted(desk, call):
    desk.write("from math import *", "sqrt(2)")
    assert call("check", "nb.ipynb") == (
        0,
        "note: cell 2 (c2) reads `sqrt`, which no cell visibly defines; "
        "cell 1 may (it can bind names that it does not spell out)\n"
        "nb.ipynb: 2 cells, no problems\n",
        "",
    )


def test_the_command_is_a_program(desk):
    desk.write("df")
    done = desk.run("check", "nb.ipynb")
    assert (done.code, done.err) == (1, "")
    assert done.out == "cell 1 (c1) reads `df`, which no cell defines; define or import it in one\n"


# Files


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        ("", "the file is empty"),
        ("import os", "it is not a JSON object, as notebooks are"),
        ("[]", "it is not a JSON object, as notebooks are"),
        ("{'nbformat': 4}", "it is not JSON, as notebooks are"),
        ("{}", "it is not a notebook: its JSON has no `nbformat`"),
        (
            '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": {}}',
            "it is not a notebook: its JSON has no list of `cells`",
        ),
        ('{"nbformat": 9, "cells": []}', "it is not a notebook: Unsupported nbformat version 9"),
        (
            '{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "raw", "source": 1, "metadata": {}}]}',
            "it is not a notebook: its cell 1 has no `source` or no `cell_type`",
        ),
    ],
)
@pytest.mark.parametrize("command", ["run", "graph", "check"])
def test_what_is_no_notebook_is_refused(desk, call, command, content, message):
    if content is not None:
        (desk.place / "nb.ipynb").write_text(content)
    assert call(command, "nb.ipynb") == (2, "", f"jupyter reactive: nb.ipynb: {message}\n")


def test_ids_that_are_missing_or_double_are_the_same_at_every_reading(desk):
    cells = [new_code_cell(source).copy() for source in ("x = 1", "x = 1", "x")]
    for cell, identity in zip(cells, (None, "twin", "twin")):
        cell["id"] = identity
        if identity is None:
            del cell["id"]
    path = desk.place / "nb.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    ids = [cell.id for cell in document(load(path))]
    assert ids[1] == "twin"
    assert len(set(ids)) == 3
    assert ids == [cell.id for cell in document(load(path))]


@pytest.mark.parametrize("version", [3, 4])
def test_older_formats_are_read(desk, call, version):
    code = {"cell_type": "code", "metadata": {}, "outputs": [], "source": ["x = 1\n", "y = x"]}
    old = {"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": [{**code, "execution_count": None}]}
    if version == 3:
        cell = {**code, "input": code["source"], "language": "python", "collapsed": False}
        old = {
            "nbformat": 3,
            "nbformat_minor": 0,
            "metadata": {"name": ""},
            "worksheets": [{"cells": [cell]}],
        }
    (desk.place / "nb.ipynb").write_text(json.dumps(old))
    first, again = call("graph", "nb.ipynb"), call("graph", "nb.ipynb")
    assert first == again
    assert json.loads(first[1])["cells"][0]["writes"] == ["x", "y"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "n"], "'n' is not NAME=VALUE"),
        (["-p", "class=1"], "'class' is not a name that Python could give to a parameter"),
        (["--timeout", "0"], "0 is no time that a cell could take"),
        (["--output", "nowhere/out.ipynb"], "there is no directory nowhere to write out.ipynb to"),
        (
            ["--kernel", "cobol"],
            "there is no kernel 'cobol'; `jupyter kernelspec list` shows those there are",
        ),
    ],
)
def test_a_run_that_makes_no_sense_is_not_begun(desk, call, arguments, message):
    before = desk.write("1").read_bytes()
    code, out, err = call("run", "nb.ipynb", *arguments)
    assert (code, out) == (2, "")
    assert err.endswith(f"{message}\n")
    assert (desk.place / "nb.ipynb").read_bytes() == before


def test_the_help_lists_what_there_is(call):
    code, out, _ = call("--help")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if line.startswith("    ")] == [
        "run",
        "graph",
        "check",
        "verify",
    ]
    assert "written into the notebook itself" in " ".join(call("run", "--help")[1].split())
