"""What a cell takes from outside and leaves behind."""

from __future__ import annotations

import sys

import pytest

from reactive_kernel.analysis import LONGEST, analyze, scope
from reactive_kernel.cell import CellFacts, Latent

lazy_annotations = sys.version_info >= (3, 14)
needs_type_parameters = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="type parameters came with 3.12"
)


def facts(source: str) -> CellFacts:
    found = analyze(source)
    assert found.problem is None
    return found


def names(text: str) -> set[str]:
    return set(text.split())


def reads(source: str) -> set[str]:
    return set(facts(source).reads)


def writes(source: str) -> set[str]:
    return set(facts(source).writes)


def defers(source: str) -> set[str]:
    return set(facts(source).defers)


def latent(source: str, name: str) -> Latent:
    return facts(source).latent[name]


# Order


def test_a_name_written_first_is_not_a_read():
    assert facts("x = 1; y = x") == CellFacts(writes=frozenset("xy"))


def test_a_name_read_first_is_a_read_and_a_write():
    assert facts("y = x; x = 1") == CellFacts(reads=frozenset("x"), writes=frozenset("xy"))


def test_an_empty_cell_has_no_facts():
    assert facts("") == facts("# nothing\n") == CellFacts()


def test_an_augmented_assignment_reads_and_writes():
    assert facts("x += 1") == CellFacts(reads=frozenset("x"), writes=frozenset("x"))


def test_an_augmented_assignment_reads_its_target_before_its_value():
    assert reads("x += (x := 1)") == {"x"}


def test_deleting_a_name_reads_writes_and_deletes_it():
    assert facts("del x") == CellFacts(reads=frozenset("x"), writes=frozenset("x"), deletes=frozenset("x"))


def test_a_name_deleted_by_the_cell_is_not_read_from_outside():
    assert reads("x = 1; del x; print(x)") == set()


def test_a_name_bound_again_after_it_was_deleted_is_not_deleted():
    assert facts("del x; x = 1").deletes == set()


def test_a_name_bound_again_in_a_branch_may_still_be_deleted():
    assert facts("del x\nif c: x = 1").deletes == {"x"}


def test_targets_in_tuples_lists_and_stars_are_writes():
    assert writes("a, [b, *c] = (d) = e") == names("a b c d")


def test_a_walrus_writes():
    assert facts("y = (x := z) + x") == CellFacts(reads=frozenset("z"), writes=frozenset("xy"))


def test_a_bare_annotation_does_nothing_to_its_name():
    assert facts("x: int") == CellFacts(
        builtins=frozenset() if lazy_annotations else frozenset({"int"}),
        latent=({"": Latent(reads=frozenset({"int"}))} if lazy_annotations else {}),
    )


def test_a_bare_annotation_of_an_attribute_reads_its_object():
    assert "o" in reads("o.a: 1")
    assert writes("o.a: 1") == set()


def test_imports_bind_the_first_part_of_the_name():
    assert writes("import a.b, c.d as e") == names("a e")


def test_imports_from_bind_what_they_name():
    assert writes("from a.b import c, d as e") == names("c e")


def test_an_fstring_reads_what_is_in_it_also_in_its_format():
    assert reads("f'{a!r:>{width}} {b[c]}'") == names("a width b c")


def test_awaiting_at_the_top_level_is_ordinary():
    assert reads("x = await f(y)\nasync for i in g: pass\nasync with h as k: pass") == names("f y g h")


# Branches


def test_a_name_written_in_one_branch_is_still_a_read():
    found = facts("if c: x = 1\nprint(x)")
    assert (found.reads, found.maybe) == ({"c", "x"}, {"x"})


def test_a_name_written_in_all_branches_is_no_read():
    assert reads("if a: x = 1\nelif b: x = 2\nelse: x = 3\nprint(x)") == names("a b")


def test_a_name_surely_read_before_a_branch_writes_it_is_not_maybe():
    assert facts("print(x)\nif c: x = 1\nprint(x)").maybe == set()


def test_a_branch_that_raises_does_not_count():
    assert reads("if c: x = 1\nelse: raise E\nprint(x)") == names("c E")


def test_what_the_tests_of_a_chain_bind_its_later_branches_have():
    assert reads("if a: pass\nelif (m := f()): m\nelse: m") == names("a f")


def test_what_a_later_test_of_a_chain_binds_is_not_sure_after_it():
    assert reads("if a: pass\nelif (m := f()): pass\nm") == names("a f m")


def test_a_long_chain_of_elif_is_read():
    source = "if a0: x = 0\n" + "".join(f"elif a{n}: x = {n}\n" for n in range(1, 400)) + "else: x = 1\nx"
    assert "x" not in reads(source)
    assert len(reads(source)) == 400


def test_what_a_loop_binds_may_be_unbound_after_it():
    assert reads("for i in r: x = i\nprint(x, i)") == names("r x i")


def test_what_a_loop_over_something_binds_is_bound_after_it():
    assert reads("for i in range(3):\n  x = i\n  if c: break\nx, i") == names("c")


def test_a_round_that_a_loop_skips_binds_only_what_came_before():
    assert reads("for i in range(3):\n  if c: continue\n  x = i\nx, i") == names("c x")


def test_an_endless_loop_is_left_where_it_breaks():
    assert reads("while True:\n  x = f()\n  if x: break\n  y = 1\nprint(x, y)") == names("f y")


def test_a_loop_left_only_by_break_binds_what_came_before_it():
    assert reads("for i in r:\n  x = i\n  break\nelse: raise E\nx") == names("r E")


def test_the_test_of_a_while_is_surely_evaluated():
    assert reads("while (x := f()): pass\nx") == {"f"}


def test_what_a_try_binds_its_handlers_may_lack():
    found = facts("try: x = f()\nexcept E: print(x)")
    assert (found.reads, found.maybe) == (names("f E x"), {"x"})


def test_what_a_try_and_its_handlers_bind_is_bound():
    assert reads("try: import json\nexcept ImportError: json = None\njson") == set()


def test_what_a_finally_binds_is_bound():
    assert reads("try: f()\nfinally: x = 1\nx") == {"f"}


def test_what_a_try_binds_is_bound_when_its_handlers_raise():
    assert reads("try: x = f()\nexcept E: raise\nx") == names("f E")


def test_the_else_of_a_try_has_what_the_try_binds():
    assert reads("try: x = f()\nexcept E: pass\nelse: x") == names("f E")


def test_an_except_clause_leaves_no_name():
    # It binds and deletes the name. That it also ends an older `e` is seen when the cell runs.
    left = CellFacts(reads=frozenset(names("f E log")), erases=frozenset("e"))
    assert facts("try: f()\nexcept E as e: log(e)") == left


def test_an_except_clause_does_not_bind_for_those_after_it():
    assert reads("try: f()\nexcept E as e: pass\nprint(e)") == names("f E e")


def test_what_a_with_binds_is_bound_after_it():
    assert reads("with open(p) as f: x = f.read()\nx, f") == {"p"}


def test_what_a_with_that_swallows_errors_binds_is_not_sure():
    assert facts("with suppress(E): x = f()\nx").maybe == {"x"}


def test_match_reads_values_and_classes_and_writes_captures():
    found = facts("match v:\n  case C(a=1, b=[x, *ys]) | {'k': x, **ys} if g: pass\n  case m.K as z: pass")
    assert (found.reads, found.writes) == (names("v C g m"), names("x ys z"))


def test_a_match_with_a_case_for_everything_binds_what_all_cases_bind():
    assert reads("match v:\n  case 1: x = 1\n  case _: x = 2\nx") == {"v"}


def test_a_match_may_find_no_case():
    assert facts("match v:\n  case 1: x = 1\nx").maybe == {"x"}


def test_what_may_not_be_evaluated_does_not_surely_bind():
    assert reads("a and (x := 1)\nx") == names("a x")
    assert reads("(x := 1) if a else 0\nx") == names("a x")
    assert reads("[(x := 1) for i in r]\nx") == names("r x")
    assert reads("a < b < (x := c)\nx") == names("a b c x")


def test_what_comes_before_in_a_condition_is_bound_in_the_rest_of_it():
    assert reads("if (m := f()) and m.ok: m") == {"f"}


# Comprehensions


def test_the_targets_of_a_comprehension_are_its_own():
    assert facts("[x for x, y in r if y]") == CellFacts(reads=frozenset("r"))


def test_the_first_iterable_is_evaluated_outside():
    assert reads("[x for x in x]") == {"x"}
    assert reads("[x for y in z for x in x]") == {"z"}


def test_a_walrus_leaks_out_of_a_comprehension():
    assert writes("[y for x in r if (y := x)]") == {"y"}


def test_a_generator_expression_is_read_at_once():
    assert reads("g = (x + a for x in r)") == names("a r")


def test_a_comprehension_in_a_comprehension_sees_the_outer_targets():
    assert reads("{k: [x + a for x in k] for k in r}") == names("a r")


def test_a_lambda_in_a_comprehension_defers():
    found = facts("[lambda: x + a for x in r]")
    assert (found.reads, found.defers, found.latent) == ({"r"}, {"a"}, {"": Latent(reads=frozenset("a"))})


# Functions


def test_a_function_defers_what_its_body_reads():
    found = facts("def f(a, *b, c=d, **e): return a, b, c, e, g")
    assert (found.reads, found.defers) == ({"d"}, {"g"})


def test_decorators_defaults_and_annotations_are_evaluated_outside():
    found = facts("@d\ndef f(a: t = v) -> u: pass")
    lazily, at_once = (names("t u"), names("d v")) if lazy_annotations else (set(), names("d v t u"))
    assert (found.reads, found.defers) == (at_once, lazily)


def test_annotations_are_not_evaluated_where_the_future_says_so():
    found = facts("from __future__ import annotations\ndef f(a: t) -> u: pass\nx: v = 1\nclass C: y: w")
    assert (found.reads, found.defers) == (set(), set())


def test_annotations_are_deferred_where_python_evaluates_them_lazily(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scope, "LAZY_ANNOTATIONS", True)
    found = facts("def f(a: t) -> u: pass\nx: v = 1\nclass C:\n  w = 1\n  y: w = z")
    assert (found.reads, found.defers) == ({"z"}, names("t u v"))


def test_variable_annotations_in_functions_are_not_evaluated():
    assert defers("def f():\n  x: t = 1\n  y: u\n  return x, y") == set()


def test_a_bare_annotation_makes_a_name_local_but_not_in_parentheses():
    assert defers("def f():\n  x: t\n  (y): t\n  return x, y") == {"y"}


def test_a_name_assigned_anywhere_in_a_function_is_local_everywhere():
    assert defers("def f():\n  print(x)\n  x = 1") == set()


def test_a_function_sees_the_locals_of_those_around_it():
    assert defers("def f(a):\n  b = 1\n  def g(): return a, b, c\n  return g") == {"c"}


def test_nonlocal_binds_the_name_of_the_function_around():
    assert facts("def f():\n  x = 1\n  def g():\n    nonlocal x\n    x += y").latent == {
        "f": Latent(frozenset("y"))
    }


def test_a_global_store_belongs_to_the_run_that_calls_the_function():
    found = facts("def f():\n  global x\n  x = 1")
    assert (found.writes, found.latent) == ({"f"}, {"f": Latent(writes=frozenset("x"))})


def test_a_global_declared_around_is_global_within():
    assert facts("def f():\n  global x\n  x = 1\n  def g(): return x").latent["f"] == Latent(
        frozenset("x"), frozenset("x")
    )


def test_a_global_statement_at_the_top_level_changes_nothing():
    assert facts("global x\nx += 1") == facts("x += 1")


def test_a_function_keeps_its_own_names_and_builtins_among_what_it_will_read():
    assert latent("def f(n): return g(n) or f(len(n))\ndef g(n): return a", "f").reads == names("f g len")


def test_defers_leave_out_what_the_cell_writes_or_reads_and_builtins():
    found = facts("x = 1\ndef f(): return x, y, z, len\nprint(y)")
    assert (found.defers, found.reads, found.builtins) == ({"z"}, {"y"}, names("len print"))


def test_a_lambda_bound_to_a_name_travels_with_it():
    assert facts("f = g = lambda x: x + a").latent == {
        "f": Latent(reads=frozenset("a")),
        "g": Latent(reads=frozenset("a")),
    }


def test_other_lambdas_are_anonymous():
    assert facts("d = {'k': lambda: a}; s = sorted(r, key=lambda i: b[i])").latent == {
        "": Latent(reads=frozenset("ab"))
    }


def test_lambdas_in_decorators_are_anonymous():
    assert set(facts("@d(lambda: a)\ndef f(): return b").latent) == {"", "f"}


def test_what_a_function_visibly_changes_it_will_read_and_write():
    source = "def f(o):\n  xs.append(1)\n  cfg['a'] = 1\n  m.a.b = 2\n  o.x = 1\n  ys = []\n  ys.append(1)"
    assert latent(source, "f") == Latent(frozenset(names("xs cfg m")), frozenset(names("xs cfg m")))


def test_a_function_defined_in_two_branches_may_be_either():
    assert latent("if c:\n  def f(): return a\nelse:\n  def f(): return b", "f").reads == names("a b")


def test_a_nested_function_counts_to_the_one_around_it():
    assert facts("def f():\n  def g(): return a\n  return lambda: b").latent == {"f": Latent(frozenset("ab"))}


def test_own_functions_that_the_top_level_reads_are_used():
    assert facts("def f(): return a\ndef g(): return b\nx = f()\n").uses == {"f"}


def test_a_function_handed_to_a_decorator_may_be_called_at_once():
    assert facts("@main.command\ndef f(): return a").uses == {"f"}


def test_well_known_decorators_call_nothing():
    assert facts("@functools.lru_cache(maxsize=None)\ndef f(n): return g(n)").uses == set()


# Classes


def test_a_class_body_is_evaluated_at_once_and_its_methods_later():
    found = facts("class C(B, metaclass=M):\n  a = x\n  def m(self): return a, y")
    assert (found.reads, found.defers, found.writes) == (names("B M x"), names("a y"), {"C"})


def test_a_class_body_may_bind_a_name_from_the_module_of_the_same_name():
    assert reads("class C:\n  x = x") == {"x"}


def test_a_class_body_sees_its_own_names():
    assert reads("class C:\n  x = 1\n  y = x") == set()


def test_methods_and_comprehensions_do_not_see_the_names_of_the_class():
    found = facts("class C:\n  x = y = 1\n  z = [x for i in y]\n  def m(self): return y")
    assert (found.reads, found.defers) == ({"x"}, {"y"})


def test_a_class_in_a_function_looks_up_what_it_binds_in_the_module():
    assert defers("def f():\n  x = y = 1\n  class C:\n    x = x\n    z = y") == {"x"}


def test_a_global_store_in_a_class_body_is_a_write_of_the_cell():
    assert writes("class C:\n  global x\n  x = 1") == names("C x")


def test_private_names_are_mangled():
    found = facts(
        "class _C:\n  a = __x\n  def m(self): return __y, __z__\n  def n(self):\n    global __w\n    __w = 1"
    )
    assert (found.reads, found.defers) == ({"_C__x"}, names("_C__y __z__"))
    assert found.latent["_C"].writes == {"_C__w"}


def test_super_and_the_class_of_a_method_come_from_nowhere():
    found = facts("class C:\n  def m(self):\n    __class__.n += 1\n    return super().m(), __class__")
    assert (found.defers, found.latent["C"]) == (set(), Latent(frozenset({"super"})))


# Type parameters


@needs_type_parameters
def test_type_parameters_are_local():
    assert reads("def f[T](x: list[T]) -> T: return x") == set()
    assert reads("class C[T](B[T]):\n  def m(self, x: T) -> T: return T") == {"B"}
    assert facts("class C[__T]:\n  x: __T = __T\n  def m(self): return __T") == CellFacts(
        writes=frozenset("C"), latent={"C": Latent()}
    )


@needs_type_parameters
def test_bounds_and_type_aliases_are_evaluated_lazily():
    found = facts("type X[T: A] = dict[T, V]")
    assert (found.reads, found.defers, found.writes) == (set(), names("A V"), {"X"})


# Mutations


@pytest.mark.parametrize(
    "source",
    [
        "o.a = 1",
        "o.a.b += 1",
        "del o.a",
        "o['k'] = 1",
        "o.loc[1, 'c'] = 2",
        "o['a']['b'] = 2",
        "del o['k']",
        "o.append(1)",
        "o.a.b['c'].update(d=1)",
        "o.drop(columns=['a'], inplace=True)",
        "o.fit(1, 2)",
        "x = o.pop()",
        "for o.a in (): pass",
    ],
)
def test_a_visible_change_reads_writes_and_mutates(source: str):
    found = facts(source)
    assert "o" in found.reads & found.writes & found.mutates


@pytest.mark.parametrize(
    "source",
    [
        "o.copy()",
        "x = o.append(1)",
        "x = o.add(1)",
        "f(o).append(1)",
        "o.drop(inplace=False)",
        "o[1]",
        "[].append(o)",
    ],
)
def test_what_may_change_nothing_does_not_mutate(source: str):
    assert facts(source).mutates == set()
    assert "o" not in writes(source)


def test_what_the_cell_itself_has_bound_it_does_not_mutate():
    assert facts("xs = []; xs.append(1); xs[0] = 2") == CellFacts(writes=frozenset({"xs"}))


def test_what_the_cell_may_have_bound_it_may_mutate():
    found = facts("if c: xs = []\nxs.append(1)")
    assert (found.mutates, found.maybe) == ({"xs"}, {"xs"})


def test_a_method_called_through_its_type_does_not_change_the_type():
    assert facts("list.append(xs, 1)") == CellFacts(reads=frozenset({"xs"}), builtins=frozenset({"list"}))


# Builtins


def test_builtins_are_kept_apart():
    assert facts("print(sum(x), display, get_ipython)").builtins == names("print sum display get_ipython")


def test_a_builtin_that_the_cell_has_rebound_is_its_own():
    assert facts("sum = 1; print(sum)") == CellFacts(writes=frozenset({"sum"}), builtins=frozenset({"print"}))


def test_a_builtin_rebound_in_a_branch_may_still_be_the_builtin():
    assert facts("if c: sum = f\nsum(x)").builtins == {"sum"}


def test_a_function_reads_a_builtin_that_the_cell_rebinds_as_its_own():
    assert facts("sum = 1\ndef f(): return sum").builtins == set()


def test_a_constant_of_the_compiler_is_no_name():
    assert facts("if __debug__: pass") == CellFacts()


def test_the_last_result_is_an_ordinary_read():
    assert reads("x = _ + Out[1]") == names("_ Out")


# Names that the source does not spell out


@pytest.mark.parametrize(
    "source",
    [
        "exec(s)",
        "x = eval('y')",
        "globals()['x'] = 1",
        "locals()",
        "f(vars())",
        "dir()",
        "from m import *",
        "def f(): exec(s)",
        "get_ipython().magic('x')",
        "from IPython import get_ipython",
        "f = eval",
    ],
)
def test_code_that_reaches_any_name_is_dynamic(source: str):
    assert facts(source).dynamic


@pytest.mark.parametrize(
    "source",
    [
        "vars(x)",
        "dir(x)",
        "def f(): return locals()",
        "def exec(): pass\nexec()",
        "importlib.reload(m)",
        "df.eval('a + b')",
    ],
)
def test_code_that_reaches_only_what_it_spells_out_is_not_dynamic(source: str):
    assert not facts(source).dynamic


# Sources that cannot be read


def test_a_problem_names_the_line():
    problem = analyze("x = 1\ny = = 2").problem
    assert problem is not None
    assert (problem.message, problem.line) == ("invalid syntax", 2)


def test_a_broken_cell_still_says_what_it_would_bind():
    source = "import a.b, c as d\nfrom e import (f, g as h\nx, y = 1, 2\nz += 1\nw: t = 3\n"
    source += "for i, j in r:\n  k = 1\n= ="
    assert set(analyze(source).writes) == names("a d f h x y z w i j k")


def test_a_broken_cell_binds_no_names_of_its_functions():
    assert set(
        analyze("def f():\n    x = 1\n    return (\nasync def g(): pass\nclass C:\n  y = 1").writes
    ) == names("f g C")


@pytest.mark.parametrize(
    "source",
    [
        "\0",
        "x = '\ud800'",
        "(" * 5000,
        "[" * 100_000,
        "-" * 100_000 + "1",
        "x" * (LONGEST + 1),
        "x = 1 +\n" + "a, " * 600_000,
        "\tx = 1\n        y = 2\n   z",
        "f'{'",
        "'''",
        "\\",
        "%%time\nif:",
        "%",
        "%%",
        "!",
        "?" * 1000,
        "x = \x0c!ls\r\n%",
        "if 1:\n%",
        "\ufeff%ls",
        "\u2028%%\u2028",
    ],
)
def test_no_source_makes_the_analysis_raise(source: str):
    assert isinstance(analyze(source), CellFacts)


def test_code_nested_too_deeply_for_the_walk_is_read_all_the_same():
    found = facts("import m\ny = x" + ".a()" * 900)
    assert (found.reads, found.writes, found.dynamic) == ({"x"}, {"m", "y"}, True)


def test_a_long_sum_is_read():
    assert len(reads("+".join(f"a{n}" for n in range(800)))) == 800


def test_reading_a_cell_prints_no_warnings(recwarn: pytest.WarningsRecorder):
    facts(r"x = '\d'; y = 1if x else 2")
    assert not recwarn.list
