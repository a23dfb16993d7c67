"""What IPython adds to Python, read as IPython reads it."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from importlib import metadata

import pytest

import reactive_kernel
from reactive_kernel import magics
from reactive_kernel.analysis import analyze
from reactive_kernel.analysis.magic import Unreadable, parse, to_python
from reactive_kernel.cell import CellFacts, Latent, Unparsable


def facts(source: str) -> CellFacts:
    found = analyze(source)
    assert found.problem is None
    return found


def reads(source: str) -> set[str]:
    return set(facts(source).reads)


def writes(source: str) -> set[str]:
    return set(facts(source).writes)


# Rewriting

CELLS = [
    "  x = 1\n  y=2",
    "\n\n  %time x = f()\n",
    ">>> x=1\n>>> y=2\n... \n",
    ">>> def f():\n...     return 1\n",
    "    >>> x = 1\n    >>> %ls\n",
    "In [1]: x = 1\n   ...: y = 2",
    "[ins] In [12]: x",
    "%ls -l",
    "%%time\nx=1\ny",
    "  %%time\n  x = 1",
    "%%bash --out x\nls",
    "%%",
    "%%foo?",
    "%%foo\n",
    "!ls {x}",
    "!!ls",
    "x = !ls",
    "x = !!ls",
    "x = %sql select 1",
    "x =%time f()",
    "files = !ls \\\n  -l\ny",
    "%cd \\\n foo",
    "%cd \\",
    "?x",
    "??x",
    "x?",
    "x??",
    "a.b[0].c?",
    "np.*?",
    "??",
    "?",
    "%magic?",
    "%%magic??",
    "!ls foo?",
    "x? # what",
    "# what?\n!ls",
    "x = 1 # ?\n!ls",
    "print('a?')\n!ls",
    "a = {\n 'b': 1 }\nb?\n",
    "a = [\n b?\n]",
    ";f a b",
    ",f a b",
    "/f a b",
    "/",
    "//foo",
    "if a:\n    !ls\n    %cd x\nelse:\n    y = !pwd\n",
    "if 1:\n\t!ls\n\tx=1",
    "x = [\n1,\n]\n!ls",
    "f(\n!ls\n)",
    "s = '''\n!ls\n'''\n%pwd",
    "x = f(a=1) ; y = !ls",
    "f(a='%x')\n!ls",
    "x = a %b\n!ls",
    "x == !ls",
    "x += !ls",
    "x: int = !ls",
    "a.b = !ls",
    "a[0] = %who",
    "a, b = %foo",
    "a = b = %foo",
    "x = !ls # c",
    "x = $foo",
    "x=1;%ls",
    "!echo (\nx = 1",
    "!cat <<EOF\nx",
    "%timeit x?",
    "%",
    "!",
    "def f():\n  '''\n  >>> x\n  '''\n!ls",
    "'''a?'",
    "x = 1\r\n!ls\r\ny = 2\r\n",
    "x = f'{a!r}'\n%pwd",
    "%%writefile a.py\nx = !ls\n",
]


def transformed(source: str) -> str:
    """What IPython makes of a cell."""
    return pytest.importorskip("IPython.core.inputtransformer2").TransformerManager().transform_cell(source)


@pytest.mark.parametrize("source", CELLS)
def test_a_cell_is_rewritten_as_ipython_rewrites_it(source: str):
    assert to_python(source).text == transformed(source)


# An escape before an escape is left out: IPython then rewrites what it has rewritten.
PIECES = [*"xy=%!?()[]{}#\"'\\ \n", "\n", "\n", "%%", "!!", "??", "  ", "\n  ", "x = ", "if x:\n  "]
PIECES += ["ls", "f(", "'a'", "\n,f a b\n", "\n;f a b\n", "\n/f a b\n", ", ", "; ", " / "]


def generated(count: int) -> Iterator[str]:
    chance = random.Random(0)
    for _ in range(count):
        yield "".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 12)))


def test_a_generated_cell_that_ipython_can_run_is_read_as_ipython_reads_it():
    differing: list[str] = []
    valid = 0
    for source in generated(6000):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                expected = transformed(source)
                compile(expected, "<cell>", "exec")
            except SyntaxError:
                continue
        valid += 1
        if source.strip() and to_python(source).text != expected:
            differing.append(source)
    assert valid > 500
    assert differing == []


def test_a_problem_names_the_line_of_the_cell_and_not_of_the_rewritten_one():
    with pytest.raises(Unreadable) as caught:
        parse("\n\n!ls \\\n  -l\nx = = 1\n")
    assert caught.value.line == 5


# Shell lines and line magics


def test_names_put_into_a_line_are_reads():
    assert reads("!cp {source} $target {d['k'] + 1:>3}") == set("d") | {"source", "target"}


def test_dollars_for_the_shell_are_not_reads():
    assert reads("!echo $$HOME") == set()


def test_braces_of_another_language_are_not_python():
    assert reads("!awk '{print $1}' {path}") == set()


def test_a_captured_line_is_a_write():
    assert facts("x = !ls {d}") == CellFacts(reads=frozenset("d"), writes=frozenset("x"))


def test_a_magic_in_a_branch_may_write():
    assert facts("if c:\n  x = %pwd\nx").maybe == {"x"}


def test_a_timed_statement_is_an_ordinary_one():
    assert facts("%time y = f(x)") == facts("y = f(x)") == facts("%%time\ny = f(x)")


def test_a_statement_timed_again_and_again_leaves_nothing():
    assert facts("%timeit -n 3 -r2 y = f(x)") == CellFacts(reads=frozenset("fx"))


def test_what_a_repeated_statement_changes_it_mutates():
    assert facts("%timeit xs.append(1)").mutates == {"xs"}


def test_functions_in_a_repeated_statement_are_called_at_once():
    assert facts("%timeit sorted(xs, key=lambda x: x + a)").reads == {"xs", "a"}


def test_the_options_of_a_profiler_are_no_python():
    assert reads("%prun -l 10 -s cumulative f(x)") == {"f", "x"}


def test_asking_for_help_reads_the_object():
    assert reads("df.head?") == reads("?df.head") == reads("%pinfo df") == {"df"}


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline",
        "%load_ext autoreload\n%autoreload 2",
        "%cd /tmp",
        "%pip install x",
        "pip install x",
    ],
)
def test_magics_for_the_session_touch_no_name(source: str):
    assert facts(source) == CellFacts()


@pytest.mark.parametrize(
    "source",
    ["%run x.py", "%store -r x", "%reset -f", "%who", "%pylab", "%nobody_knows_it", "%%nobody_knows_it\nx"],
)
def test_magics_that_may_touch_any_name_are_dynamic(source: str):
    assert facts(source).dynamic


def test_a_call_of_the_shell_written_out_is_the_same():
    assert facts("x = get_ipython().getoutput('ls {d}')") == facts("x = !ls {d}")


# Cell magics


def test_a_captured_cell_writes_its_output_too():
    assert facts("%%capture out --no-stderr\nx = y") == CellFacts(
        reads=frozenset("y"), writes=frozenset({"x", "out"})
    )


def test_a_repeated_cell_has_its_setup_in_its_first_line():
    assert facts("%%timeit -n 10 a = f()\nb = a + c") == CellFacts(reads=frozenset("fc"))


def test_magics_work_below_a_cell_magic():
    assert facts("%%time\nx = !ls {d}\n%cd {p}") == CellFacts(reads=frozenset("dp"), writes=frozenset("x"))


def test_a_script_writes_the_names_of_its_options():
    assert facts("%%bash -s {x} --out o --err=e\nls {y}") == CellFacts(
        reads=frozenset("x"), writes=frozenset("oe")
    )


@pytest.mark.parametrize("name", ["html", "javascript", "latex", "markdown", "svg"])
def test_text_for_the_browser_names_nothing(name: str):
    assert facts(f"%%{name}\n<b>x</b> = {{y}}") == CellFacts()


def test_writing_a_file_writes_that_resource():
    assert facts("%%writefile a/b.py\nx = 1") == CellFacts(writes=frozenset({"file:a/b.py"}))


def test_appending_to_a_file_reads_it_too():
    file = frozenset({"file:a.py"})
    assert facts("%%writefile -a a.py\nx = 1") == CellFacts(reads=file, writes=file)


def test_a_file_named_at_run_time_is_no_resource_yet():
    assert facts("%%writefile {path}\nx") == CellFacts(reads=frozenset({"path"}))


def test_a_problem_below_a_cell_magic_names_the_line_of_the_cell():
    found = analyze("%%time\nx = 1\nif:\n")
    assert (found.problem, found.writes) == (Unparsable("invalid syntax", 3), {"x"})


# Magics that other packages bring


def sql(line: str, body: str) -> CellFacts:
    """Reads the names in its line, writes those in its body."""
    return CellFacts(
        reads=frozenset({*line.split(), "table:t"}), writes=frozenset({*body.split(), "table:u"}), manual=True
    )


def test_a_registered_magic_says_what_it_touches():
    assert analyze("%%sql a b\nc", {"sql": sql}) == CellFacts(
        reads=frozenset({"a", "b", "table:t"}), writes=frozenset({"c", "table:u"}), manual=True
    )


def test_names_that_the_cell_has_bound_are_not_read_by_its_magics():
    assert analyze("a = 1\nx = %sql a b", {"sql": sql}).reads == {"b", "table:t"}


def test_the_result_of_a_line_magic_is_a_write():
    assert analyze("x = %sql a", {"sql": sql}).writes == {"x", "table:u"}


def test_a_registered_magic_in_a_function_is_deferred():
    found = analyze("def f(a):\n  return %sql a b\n".replace("return ", "x = "), {"sql": sql})
    assert found.latent["f"] == Latent(frozenset({"b", "table:t"}), frozenset({"table:u"}))


def test_a_magic_that_cannot_be_analysed_is_a_problem_that_names_it():
    def broken(line: str, body: str) -> CellFacts:
        raise RuntimeError("no such table")

    found = analyze("x = %sql select", {"sql": broken})
    assert found.dynamic
    assert found.writes == {"x"}
    assert str(found.problem) == "%sql cannot be analysed: RuntimeError: no such table"


def test_a_problem_that_a_magic_reports_is_the_problem_of_the_cell():
    assert analyze(
        "%sql x", {"sql": lambda line, body: CellFacts(problem=Unparsable("bad"))}
    ).problem == Unparsable("bad")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    points = [
        metadata.EntryPoint("good", "test_magic_language:sql", magics.GROUP),
        metadata.EntryPoint("gone", "no_such_module:sql", magics.GROUP),
    ]
    monkeypatch.setattr(metadata, "entry_points", lambda group: points if group == magics.GROUP else [])
    monkeypatch.setattr(
        metadata.EntryPoint, "load", lambda self: sql if self.name == "good" else __import__("no_such_module")
    )
    magics.load.cache_clear()
    yield
    magics.load.cache_clear()


@pytest.mark.usefixtures("installed")
def test_a_magic_that_does_not_load_is_named_and_skipped():
    with pytest.warns(UserWarning, match=r"`gone` \(no_such_module:sql\)"):
        assert set(magics.load()) == {"good"}


@pytest.mark.usefixtures("installed")
def test_magics_are_loaded_when_a_cell_first_has_one():
    assert reactive_kernel.analyze("x = y").reads == {"y"}
    with pytest.warns(UserWarning, match="gone"):
        assert reactive_kernel.analyze("%good a").reads == {"a", "table:t"}
    assert reactive_kernel.analyze("%good b").reads == {"b", "table:t"}
