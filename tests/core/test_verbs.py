"""What a cell does beyond looking, in words."""

from __future__ import annotations

import sys

import pytest

from reactive_kernel.analysis import analyze, verbs
from reactive_kernel.cell import CellFacts


def words(source: str) -> set[str]:
    """What is said of a cell, but for what is passed on and what is shown."""
    found = analyze(source)
    assert found.problem is None
    return {verb for verb in found.verbs if verb[0] != "&" and verb != "show"}


def passed(source: str) -> set[str]:
    return {verb for verb in analyze(source).verbs if verb[0] == "&"}


def test_a_cell_that_says_nothing_does_nothing():
    assert CellFacts().verbs == frozenset() == analyze("").verbs


def test_verbs_are_no_part_of_what_facts_are_equal_by():
    assert analyze("x.a()") == analyze("x.b()")


@pytest.mark.parametrize(
    "source",
    [
        "y = x",
        "1",
        "import a, b.c",
        "from a import b",
        "y = [x, (1, 2)]",
        "x is None",
        "pass",
        "y: int = x",
        "def f(a): return a",
        "f = lambda a: a",
        "del x",
        "try: x\nexcept E: pass",
        "global x",
    ],
)
def test_looking_needs_no_words(source):
    assert words(source) == set()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("len(x)", "len()"),
        ("x.mean()", "x.mean()"),
        ("np.random.shuffle(x)", "np.random.shuffle()"),
        ("x.a.b()", "x.a.b()"),
        ("x().b()", "x() .b()"),
        ("f(1)(2)", "f() ?()"),
        ("x[0](1)", "[] ?()"),
        ("f(1, 2)", "f(2)"),
        ("np.add(a, b, out)", "np.add(3)"),
        ("x().f(1, 2)", "x() .f(2)"),
        ("f(*a)", "f(*) unpack"),
        ("f(**a)", "f() **"),
        ("f(a, inplace=True)", "f() inplace="),
        ("f(inplace=b)", "f() inplace="),
        ("f(inplace=False)", "f()"),
        ("f(out=b)", "f() out="),
        ("f(out=None)", "f()"),
        ("f(copy=False)", "f() copy=False"),
        ("f(copy=True)", "f()"),
        ("f(overwrite_input=True)", "f() overwrite="),
        ("print(a, file=b)", "print() file="),
        ("x[0] = 1", "item="),
        ("x[0][1] = 1", "[] item="),
        ("x.a = 1", "attr="),
        ("x.a.b = 1", ". attr="),
        ("x.a: int = 1", "attr="),
        ("del x[0]", "del|item"),
        ("del x.a", "del|attr"),
        ("x += 1", "+= op"),
        ("x[0] += 1", "item= += op"),
        ("x.a += 1", "attr= += op"),
        ("for a in x: pass", "for"),
        ("for a, b in x: pass", "for unpack"),
        ("for x[0] in y: pass", "for item="),
        ("async for a in x: pass", "await"),
        ("[a for a in x]", "for"),
        ("[a for a in x if a]", "for op"),
        ("{a for a in x}", "for op"),
        ("(a for a in x)", "for"),
        ("with x as y: pass", "with"),
        ("async with x: pass", "await"),
        ("await x", "await"),
        ("lambda: (yield x)", "yield"),
        ("def f(): yield from x", "yield for"),
        ("raise x", "raise"),
        ("class C: pass", "class"),
        ("@d\ndef f(): pass", "decorator"),
        ("a, b = x", "unpack"),
        ("a, *b = x", "unpack"),
        ("[a] = x", "unpack"),
        ("y = [*x]", "unpack"),
        ("y = {**x}", "op unpack"),
        ("match x:\n  case 1: pass", "match"),
        ("from x import *", "import|*"),
        ("x + 1", "op"),
        ("x < 1", "op"),
        ("not x", "op"),
        ("-x", "op"),
        ("-1", ""),
        ("x and y", "op"),
        ("x in y", "in"),
        ("x not in y", "in"),
        ("x if y else z", "op"),
        ("if x: pass", "op"),
        ("while x: pass", "op"),
        ("assert x", "op"),
        ("f'{x}'", "op"),
        ("{x: 1}", "op"),
        ("{x}", "op"),
        ("x % y", "op []"),
        ("x[0]", "[]"),
        ("x.a", "."),
        ("!ls", "%"),
        ("%cd x", "%"),
        ("x = %sql y", "%"),
        ("%%bash\nls", "%"),
        ("%time x.a()", "x.a()"),
        ("%%time\nx.a()", "x.a()"),
        ("%timeit x.a()", "x.a()"),
        ("%%capture\nx.a()", "x.a()"),
        ("%%time\nx = = 1", "%"),
        ("df.query('a > 1')", "df.query()"),
        ("df.query('f(a)')", "df.query() ?()"),
        ("df.query(x)", "df.query() ?()"),
        ("x.append", "."),
        ("x().append", "x() . ?()"),
        ("x().__setitem__", "x() . ?()"),
    ],
)
def test_each_doing_has_its_word(source, said):
    found = {verb for verb in analyze(source).verbs if verb[0] != "&" and verb != "show"}
    assert found == {word.replace("|", " ") for word in said.split()}


# What names stand for


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import numpy as np\nnp.mean(x)", "numpy:mean()"),
        ("import numpy\nnumpy.random.rand()", "numpy:random.rand()"),
        ("import a.b\na.b.f()", "a:b.f()"),
        ("import a.b as c\nc.f()", "a.b:f()"),
        ("from a.b import c as d\nd(1, 2)", "a.b:c(2)"),
        ("from a import b\nb.c()", "a:b.c()"),
        ("from . import b\nb.c()", ".None:b.c()"),
        ("import a\ndef f(): return a.b()\nf()", "a:b()"),
    ],
)
def test_what_the_cell_imports_has_a_path_of_its_own(source, said):
    assert words(source) == {said}


def test_a_name_bound_to_something_unknown_says_nothing():
    assert words("np = x\nnp.mean(y)") == {".mean()"}
    assert words("f = x\nf(y)") == {"?()"}
    assert words("try: import np\nexcept E: np = x\nnp.mean(y)") == {".mean()"}


def test_a_name_called_before_it_is_bound_cannot_be_looked_up_afterwards():
    assert words("f(x); f = 1") == {"?()"}
    assert words("df = df.dropna()") == {".dropna()"}


def test_parameters_and_targets_say_nothing():
    assert words("def f(np): np.sort(a)") == {".sort()"}
    assert words("def f(g): g(a)") == {"?()"}
    assert words("lambda np: np.sort(a)") == {".sort()"}
    assert words("[np.sort() for np in x]") == {".sort()", "for"}
    assert words("def f():\n  np = x\n  def g(): np.sort()") == {".sort()"}
    assert words("def f():\n  global np\n  np.sort()") == {"np.sort()"}


def test_bodies_of_functions_are_included():
    assert words("def f(a): a.append(b)") == {".append()"}
    assert words("lambda a: a.append(b)") == {".append()"}
    assert words("def f(): return np.mean(x)") == {"np.mean()"}


def test_calls_of_functions_of_the_cell_are_left_out():
    assert words("def f(a): return a\nf(x)") == set()
    assert words("f = lambda a: a\nf(x)") == set()
    assert words("def f(a): return a\nf = g\nf(x)") == {"?()"}
    assert words("if c:\n  def f(a): return a\nf(x)") == {"?()", "op"}
    assert words("def g(): f(x)\ndef f(a): return a\ng()") == {"?()"}
    assert words("def f(a): return a\nf.cache_clear()") == {".cache_clear()"}


# What the cell made itself


@pytest.mark.parametrize(
    "source",
    [
        "xs = []\nxs.append(x)",
        "xs = {}\nxs[0] = x",
        "xs = [a]\ndel xs[0]",
        "n = 0\nn += x",
        "s = ''\ns += x",
        "ys = xs.copy()\nys.append(1)",
        "df2 = df.copy()\ndf2['a'] = 1",
        "df2 = df.copy()\ndf2.loc[0, 'a'] = 1",
        "df2 = df.copy()\ndf2.drop(columns='a', inplace=True)",
        "xs = [1]\nxs.extend(y)",
        "xs = a + b\nxs[0] = 1",
        "xs = []\ndef f(): xs.append(1)\nf()",
    ],
)
def test_what_changes_only_the_cells_own_takes_at_most(source):
    assert words(source) <= {"take", "op", ".", "xs.copy()", "df.copy()", ".drop()"}
    assert "take" in words(source)


@pytest.mark.parametrize(
    "source",
    [
        "if c: xs = []\nxs.append(1)",
        "xs = []\nxs = x\nxs.append(1)",
        "xs = [x]\nxs[0].append(1)",
        "xs = x\nxs.append(1)",
        "xs = []\nfor xs in x: pass\nxs.append(1)",
        "def f(xs): xs.append(1)\nxs = []",
        "[xs.append(1) for xs in x]\nxs = []",
        "xs = []\ndef f():\n  global xs\n  xs = x\nxs.append(1)",
        "if c: xs = []\nxs += y\nxs.append(1)",
        "xs = []\n(xs := x)\nxs.append(1)",
        "xs = []\nwith x as xs: pass\nxs.append(1)",
        "xs = ys = []\nxs.append(1)",
        "def f():\n  global xs\n  xs = x\nxs = []\nf()\nxs.append(1)",
        "xs = []\nimport xs\nxs.append(1)",
        "xs = []\ndel xs\nxs.append(1)",
        "xs = []\ntry: pass\nexcept E as xs: pass\nxs.append(1)",
        "class C:\n  global xs\n  xs = x\nxs = []\nxs.append(1)",
    ],
)
def test_what_may_be_another_ones_is_said(source):
    assert {"xs.append()", ".append()"} & words(source)


@pytest.mark.parametrize(
    "source", ["d = {}\nd[0] += x", "xs = [x]\nxs[0] += y", "o = []\no[0].a = 1", "d = {}\nd.a.b = 1"]
)
def test_what_the_cells_own_holds_may_be_another_ones(source):
    assert {"+=", "attr="} & words(source)


# What is passed on


def test_names_and_paths_that_are_not_called_are_passed_on():
    assert passed("y = x") == {"&x"}
    assert passed("f(x, np.pi)") == {"&x", "&np.pi"}
    assert passed("x[0]; x.f(); x + 1; x < y") == set()
    assert passed("import a\nf(a, a.b)") == {"&a:", "&a:b"}
    assert passed("def f(a): return a\ny = f") == set()


def test_what_a_rebound_name_stood_for_is_lost():
    assert passed("y = x; x = 1") == {"&?"}
    assert passed("y = x.a; x = 1") == {"&?."}


def test_imports_of_functions_are_not_followed():
    assert passed("def f(): import a") == {"&?"}
    assert passed("import a\na = 1") == {"&?"}


@pytest.mark.parametrize(
    "argument", ["g", "a.b", "*a", "a[0]", "[g]", "{'a': g}", "[f for f in x]", "g if a else b"]
)
def test_something_is_given_to_what_may_call_it(argument):
    assert "&()" in passed(f"map({argument})")
    assert "&()" not in passed(f"len({argument})")


@pytest.mark.parametrize("argument", ["lambda a: a", "'sum'", "['a']", "{'a': 'sum'}", "a + 1", "f(x)", "-1"])
def test_what_is_written_out_needs_no_word(argument):
    assert "&()" not in passed(f"df.agg({argument})")


def test_an_index_may_be_called():
    assert "&()" in passed("df[x]")
    assert "&()" not in passed("df['x']") | passed("df[1:2]") | passed("df[df.x > 1]")


# The end of the cell, and broken cells


def test_the_last_value_is_shown():
    assert "show" in analyze("x").verbs
    assert "show" not in analyze("x; y = 1").verbs


@pytest.mark.parametrize("source", ["x = = 1", "-" * 5000 + "1", "x." * 3000 + "y", "\0"])
def test_a_cell_that_cannot_be_read_may_do_anything(source):
    facts = analyze(source)
    # Some versions of Python read deeper nests than others.
    assert "?()" in facts.verbs or facts.problem is None


def test_a_magic_with_an_analyser_may_do_anything():
    assert "%" in analyze("%sql x", {"sql": lambda line, body: CellFacts()}).verbs


def test_deep_sums_and_chains_are_read():
    assert words(" + ".join(["x"] * 300)) == {"op"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters came with 3.12")
def test_type_parameters_are_no_doing():
    assert words("def f[T](a: T) -> T: return a\nf(x)") == set()


def test_what_changes_its_object_calls_nothing_but_texts_and_files():
    assert not verbs.MUTATORS & verbs.CALLERS - {"dump", "eval", "load", "query"}
