"""Whoever is called harmless leaves what it gets as it was."""

from __future__ import annotations

import collections
import contextlib
import datetime
import importlib
import logging
import os
import pathlib
import pickle
import random
import re
import sys
import warnings
from collections.abc import Callable, Iterator

import pytest

from reactive_kernel.analysis import analyze
from reactive_kernel.analysis.verbs import CALLERS
from reactive_kernel.dials import Dials
from reactive_kernel.harmless import harmless, turns_nothing
from reactive_kernel.manners import FUNCTIONS, METHODS, TURNING, TURNING_METHODS

Names = dict[str, object]
EVERY = ("plain", "steady", "array", "frame", "polars", "arrow", "figure", "module", "iterator")
HIDDEN = ("function", "instance", "opaque")


def lookup(names: Names) -> Callable[[str], object]:
    def look_up(name: str) -> object:
        return names[name]

    return look_up


def is_harmless(source: str, *kinds: str, **names: object) -> bool:
    return harmless(analyze(source).verbs, frozenset(kinds), lookup(names))


# Words


@pytest.mark.parametrize(
    "source",
    [
        "y = x",
        "import os",
        "x is None",
        "f'{x}'",
        "x.attribute",
        "[a for a in x]",
        "x + 1 < 2",
        "assert x",
        "x[0]",
    ],
)
def test_looking_is_harmless(source):
    assert is_harmless(source, "steady", "array", "frame", "polars", "arrow", "module")


def test_atoms_cannot_be_changed():
    assert is_harmless("f(x); x += 1; del x[0]", "atom")


def test_no_kinds_cannot_be_changed():
    assert is_harmless("f(x)")


def test_an_unknown_kind_may_be_anything():
    assert not is_harmless("x.a", "unheard_of")


def test_an_unknown_word_may_mean_anything():
    assert not harmless(frozenset({"sing"}), frozenset({"plain"}), lookup({}))


def test_a_defaultdict_changes_when_an_item_is_looked_up():
    assert not is_harmless("d['a']", "plain")
    assert not is_harmless("'%(a)s' % d", "plain")
    assert not is_harmless("'{0[a]}'.format(d)", "plain")
    assert not is_harmless("s.map(d)", "plain", "frame", s=1, d={})
    assert not is_harmless("import numpy\nnumpy.array(d)", "plain")
    assert is_harmless("d['a']", "steady")


@pytest.mark.parametrize("kind", HIDDEN)
@pytest.mark.parametrize(
    "source", ["x + 1", "x.a", "f'{x}'", "x[0]", "print(x)", "for a in x: pass", "x", "len(x)"]
)
def test_user_code_may_run_in_the_simplest_things(source, kind):
    assert not is_harmless(source, kind)


@pytest.mark.parametrize("kind", HIDDEN)
@pytest.mark.parametrize(
    "source", ["y = x", "y = isinstance(x, int)", "type(x) is int", "y = id(x)", "callable(x);0"]
)
def test_asking_for_type_and_identity_runs_no_user_code(source, kind):
    assert harmless(analyze(source).verbs - {"show"}, frozenset({kind}), lookup({}))


@pytest.mark.parametrize(
    "source",
    [
        "for a in it: pass",
        "[a for a in it]",
        "a, b = it",
        "a, *b = it",
        "f = [*it]",
        "1 in it",
        "next(it)",
        "list(it)",
        "sum(it)",
        "zip(it)",
        "sorted(it)",
        "dict(it)",
        "''.join(it)",
        "xs[:] = it",
        "print(1, file=it)",
        "y = []; y += it",
        "y = []; y.extend(it)",
        "y = iter(it)",
        "df['a'] = it",
        "yield_ = (a for a in it)",
    ],
)
def test_taking_from_an_iterator_changes_it(source):
    assert not is_harmless(source, "iterator")


@pytest.mark.parametrize(
    "source", ["y = it", "print(it)", "it", "y = it is None", "raise it", "y = it.gi_frame"]
)
def test_looking_at_an_iterator_leaves_it(source):
    assert is_harmless(source, "iterator")


# What is behind the names


def shuffle(values: list[object]) -> None:
    values.sort()


def test_a_name_is_what_it_stands_for():
    assert is_harmless("len(x)", "steady")
    assert not is_harmless("len(x)", "steady", len=shuffle)
    assert is_harmless("count(x)", "steady", count=len)
    assert not is_harmless("mean(x)", "steady", mean=random.shuffle)
    assert not is_harmless("missing(x)", "steady")


def test_a_path_is_followed_through_modules():
    import statistics

    assert is_harmless("s.mean(x)", "steady", "module", s=statistics)
    assert not is_harmless("s.shuffle(x)", "steady", "module", s=random)
    assert not is_harmless("s.mean.cache(x)", "steady", "module", s=statistics)
    assert not is_harmless("s.nothing(x)", "steady", "module", s=statistics)
    assert is_harmless("import statistics as s\ns.mean(x)", "steady", "module")
    assert not is_harmless("from random import shuffle as len\nlen(x)", "steady")


def test_a_function_put_into_a_library_is_not_the_librarys(monkeypatch):
    import statistics

    monkeypatch.setattr(statistics, "median", shuffle)
    assert not is_harmless("s.median(x)", "steady", s=statistics)


def test_methods_of_classes_are_known_by_their_class():
    assert is_harmless("datetime.now()", "steady", datetime=datetime.datetime)
    assert not is_harmless("list.append(x, 1)", "steady")
    assert not is_harmless("C.now()", "steady", C=type("C", (), {}))


def test_a_known_exception_is_raised_with_impunity():
    assert is_harmless("raise ValueError(x)", "steady")
    assert not is_harmless("raise E(x)", "steady", E=type("E", (Exception,), {}))


def test_a_module_by_another_name_hides_what_is_called():
    assert not is_harmless("m = np\nm.mean(x)", "steady", "module", np=random)
    assert not is_harmless("import random as r\nm = r\nm.mean(x)", "steady")
    assert not is_harmless("def f(m): m.mean(x)\nf(np)", "steady", np=random)
    assert not is_harmless("def f():\n  import mine as m\n  m.mean(x)\nf()", "steady")


@pytest.mark.parametrize(
    "source",
    [
        "list(map(xs.append, ys))",
        "sorted(ys, key=xs.append)",
        "list(filter(xs.append, ys))",
        "df[xs.append]",
        "df.loc[xs.append]",
        "df.apply(xs.append)",
        "df.agg({'a': xs.append})",
        "f = xs.append\nlist(map(f, ys))",
        "df.agg([xs.append])",
        "iter(xs.pop, None)",
        "max(ys, key=heapq.heapify)",
        "list(map(shuffle, ys))",
        "g = lambda f: f(1)\ng(xs.append)",
        "class C: __add__ = xs.append\nC() + 1",
        "list(map(xs.__delitem__, ys))",
        "fs = [xs.append]\nlist(map(*fs, ys))",
        "re.sub('a', xs.append, 'a')",
        "f = xs.append\nf(1)",
        "from random import shuffle as f\nlist(map(f, ys))",
        "df.pipe(*[shuffle])",
        "list(map(list.sort, ys))",
        "getattr(xs, 'append')(1)",
        "with xs.append as f: list(map(f, ys))",
        "reduce(shuffle, ys)",
        "from operator import methodcaller as f\nlist(map(f('sort'), ys))",
        "list(map(np.sqrt, a, b))",
        "f = shuffle\nshuffle = 1\nlist(map(f, ys))",
        "f = heapq.heapify\nheapq = 1\nlist(map(f, ys))",
    ],
)
def test_what_may_be_called_by_others_counts_as_called(source):
    import functools
    import heapq

    numpy = pytest.importorskip("numpy")
    names = {"shuffle": random.shuffle, "heapq": heapq, "re": re, "xs": [], "ys": [], "np": numpy}
    assert not is_harmless(source, "steady", "frame", "array", **names, reduce=functools.reduce)


@pytest.mark.parametrize(
    "source",
    [
        "list(map(len, xs))",
        "sorted(xs, key=lambda x: x[0])",
        "df.groupby(key).agg('sum')",
        "df.assign(a=df.b)",
        "df.agg(['sum', len])",
        "df[mask]",
        "isinstance(df, C)",
        "df.apply(lambda r: r.a)",
        "list(map(str.upper, xs))",
        "def f(a): return a\nlist(map(f, xs))",
        "df.loc[mask, columns]",
        "df.sort_values(key)",
    ],
)
def test_what_is_known_may_be_passed_on(source):
    assert is_harmless(source, "steady", "frame", df=1, xs=[], key="a", mask=[], columns=[], C=list)


# Statements that change something: none may be called harmless

MUTATIONS = {
    "plain": """
        x.append(1); x.sort(); x.extend(y); x.insert(0, 1); x.remove(1); x.reverse(); x.clear(); x.pop()
        x[0] = 1; del x[0]; x += [1]; x |= {1}; x *= 2; x[0] += 1; x[1:] = []; (a, x[0]) = 1, 2
        for x[0] in y: pass
        with open(y) as x[0]: pass
        [x.append(i) for i in y]; (lambda: x.append(1))()
        heapq.heappush(x, 1); heapq.heapify(x); heapq.heappop(x); bisect.insort(x, 1); random.shuffle(x)
        list.append(x, 1); list.sort(x); setattr(x, 'a', 1); delattr(x, 'a'); operator.setitem(x, 0, 1)
        operator.delitem(x, 0); operator.iadd(x, [1]); d.setdefault(1, 2); d.pop(1); d.popitem(); d.update(y)
        d.clear(); d.move_to_end(1); s.add(1); s.discard(1); s.update(y); s.difference_update(y)
        q.appendleft(1); q.popleft(); q.rotate(1); q.extendleft(y); c.subtract(y); d[1][2] = 3; d[1].append(2)
        y = x\\ny.append(1)
        y = x\\ny += [1]
        if y: z = []\\nelse: z = x\\nz.append(1)
        if y: z = []\\nz.append(1)
        def f(a): a.append(1)
        def f(a=x): a[0] = 1
        class C: x[0] = 1
        f(x); f(x)(1); x.f(1); get(x).append(1); exec('x.append(1)'); eval('x.append(1)')
        globals()['x'].append(1)
        %run other.py
        !ls
        from other import *
        await f(x)
        x.__setitem__(0, 1); x.__iadd__([1]); next(iter([x.append(1)])); copy.deepcopy(x, x)
        copy.copy(*x, memo=x)
        for z in [x]: z.append(1)
        match x: case z: z.append(1)
        (z := x).append(1); z = y = x; y[0] = 1
        z = [x]\\nz[0].append(1)
        z = {'a': x}\\nz['a'] += [1]
        z = {'a': x}\\nz['a'].append(1)
        z = []\\nz = x\\nz.append(1)
        z = []\\nfor i in y: z.append(1); z = x
        z = {}\\nfor z['a'] in [x]: z['a'].sort()
        def f():\\n  global z\\n  z = x\\nz = []\\nf()\\nz.append(1)
        if y: z = []\\nz += [1]\\nz.append(1)
        [z.append(1) for z in [x]]; df.query('@x.append(1)'); df.eval(text)
        try: z = []\\nexcept E: z = x\\nz.append(1)
        random.Random(1).shuffle(x); json.load(x); pickle.load(x); gc.get_referents(y)[0].append(1)
        """,
    "array": """
        a.sort(); a.fill(0); a.put(0, 1); a.resize(3); a.partition(1); a.itemset(0, 1)
        a.setflags(write=False)
        a.byteswap(True); a.setfield(1, int); a.conj(b); a[0] = 1; a[1:] += 1; a += 1; a.flat[0] = 1
        a.T[0] = 1
        a.shape = 3, 1; a.dtype = int; a.real = 1; del a[0]
        b = a[1:]\\nb += 1
        v = a.reshape(-1)\\nv[0] = 1
        np.put(a, 0, 1); np.place(a, a > 1, 0); np.copyto(a, 1); np.fill_diagonal(a, 1); np.putmask(a, a, 1)
        np.random.shuffle(a); np.add(a, 1, out=a); np.add(a, 1, a); np.sqrt(a, a); np.sum(a, 0, None, b)
        a.sum(0, None, b); a.mean(axis=0, out=b); a.round(2, b); a.clip(0, 1, b); a.dot(b, a); a.max(0, b)
        np.nan_to_num(a, copy=False); np.nan_to_num(a, False); np.median(a, overwrite_input=True)
        np.add.at(a, 0, 1)
        np.add.reduce(a, 0, None, b); np.add.accumulate(a, 0, None, b); np.random.default_rng(1).shuffle(a)
        np.put_along_axis(a, b, 1, 0); np.nditer(a, op_flags=['readwrite']); np.apply_over_axes(np.put, a, 0)
        np.apply_along_axis(np.random.shuffle, 0, a); np.lib.stride_tricks.as_strided(a)[0] = 1
        np.sum(a, **y); np.sum(*y); np.clip(a, 0, 1, a); np.cumsum(a, 0, None, a); np.take(a, 0, 0, a)
        list(map(np.sqrt, a, a)); np.vectorize(f)(a); np.ndarray.sort(a); random.shuffle(a); a.view()[0] = 1
        b = a\\nb += 1
        def f(np): np.sort(a)
        def f(np): np.sort()\\nf(a)
        np.matmul(a, a, a); np.trace(a, 0, 0, 1, None, b); np.concatenate([a, a], 0, b); np.dot(a, a, b)
        for i in range(3): a[i] = i
        """,
    "frame": """
        df.insert(0, 'b', 1); df.pop('a'); df.update(df); df['b'] = 1; del df['a']; df.loc[0, 'a'] = 1
        df.iat[0, 0] = 1
        df.at[0, 'a'] = 1; df.iloc[0] = 1; df.drop(columns='a', inplace=True); df.columns = ['b']
        df.index.name = 'i'
        df += 1; df['a'] += 1; df.a = 1; df.a[0] = 1; df.attrs['a'] = 1; df.fillna(0, inplace=flag)
        df.isetitem(0, 1)
        df.eval('b = a', inplace=True); df.query('f(a)'); df.a.update(df.a); df.a.values[0] = 1
        df.values.sort()
        df.set_flags(copy=False); df.groupby('a').obj.pop('a'); df.mean(**y); setattr(df, 'a', 1); f(df)
        df.pipe(f)
        df.apply(f); df.a.map(f); df.loc[f]
        g = df\\ng['b'] = 1
        g = df[['a']]\\ng.insert(0, 'c', 1)
        random.shuffle(df); np.put(df, 0, 1); pd.DataFrame.insert(df, 0, 'b', 1)
        pd.eval('df.b = 1', target=df)
        for c in df: df[c] = 0
        df.sort_values('a', inplace=True, ignore_index=True); df.a.replace(1, 2, inplace=not 0)
        """,
    "polars": """
        p.insert_column(0, s); p.drop_in_place('a'); p[0, 0] = 1; p.replace_column(0, s); p.extend(p)
        p.hstack([s], in_place=True)
        p.columns = ['b']; s.append(s); s.extend(s); s.scatter(0, 1); s[0] = 1; p.rechunk(in_place=True)
        s.set(s, 1)
        s.sort(in_place=True); s.rename('b', in_place=True); f(p); p.map_rows(f); p.select(udf)
        e = udf\\np.select(e)
        """,
    "figure": """
        ax.plot(y); ax.set_title('a'); fig.tight_layout(); ax.clear(); ax.legend(); fig.suptitle('a')
        ax.set(xlabel='a')
        ax.scatter(y, y); ax.bar(y, y); plt.plot(y); plt.title('a'); plt.close(); df.plot(ax=ax)
        df.hist(ax=ax)
        fig.x = 1; ax.lines[0].set_color('r'); ax.cla(); plt.savefig('a'); plt.figure(); f(ax)
        fig.axes[0].axhline(1)
        sns.lineplot(y, ax=ax)
        """,
    "module": """
        m.x = 1; del m.x; setattr(m, 'x', 1); importlib.reload(m); f(m); vars(m)['x'] = 1
        m.__dict__.update(x=1)
        m.set_x(1); m.data.append(1)
        n = m\\nn.x = 1
        """,
}


def statements(text: str) -> Iterator[str]:
    """The lines of a text; those that are no compound statements hold several."""
    for line in map(str.strip, text.strip().splitlines()):
        compound = re.match(r"(if|for|with|def|class|try|match|y =|z =|b =|v =|g =|n =|%|!|\()", line)
        yield from [line] if compound else line.split("; ")


def mutations() -> Iterator[tuple[str, str]]:
    for kind, text in MUTATIONS.items():
        for statement in statements(text):
            yield kind, statement.replace("\\n", "\n").replace("match x: case", "match x:\n  case")


def everything() -> Names:
    names: Names = {"x": [[1]], "y": [1], "d": {1: {}}, "z": [1], "df": 1, "f": shuffle}
    for short, name in {"np": "numpy", "pd": "pandas", "plt": "matplotlib.pyplot", "m": "statistics"}.items():
        names[short] = importlib.import_module(name)
    for name in ("heapq", "bisect", "random", "operator", "copy", "json", "pickle", "gc", "importlib"):
        names[name] = importlib.import_module(name)
    if "polars" in sys.modules:
        names["udf"] = sys.modules["polars"].col("a")
    return names


@pytest.mark.parametrize(("kind", "source"), list(mutations()))
def test_a_statement_that_may_change_something_is_not_harmless(kind, source):
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    if kind == "polars":
        pytest.importorskip("polars")
    assert analyze(source).problem is None
    kinds = [kind, "steady"] if kind == "plain" else [kind]
    assert [each for each in kinds if is_harmless(source, each, **everything())] == []


# What the whole process goes by


def is_still(source: str, *kinds: str) -> bool:
    """Is it known of the cell that it neither sets nor draws from that?"""
    names: Names = {"df": 1, "xs": [1]}
    for short, name in {"np": "numpy", "pd": "pandas", "plt": "matplotlib.pyplot"}.items():
        names[short] = pytest.importorskip(name)
    names |= {each.__name__: each for each in (random, os, warnings, logging)}
    names["rand"] = names["np"].random.rand
    facts = analyze(source)
    assert facts.problem is None
    return turns_nothing(facts.verbs, frozenset(kinds), names.__getitem__, imports="import" in source)


@pytest.mark.parametrize(
    "source",
    [
        "df.groupby('a')['b'].mean().sort_values()",
        "df['total'] = df['price'] * np.sqrt(2)",
        "df.loc[df.a > 1, 'b'] = np.nan",
        "del df['a']",
        "c = pd.concat([df, df]).head(3)\nc['new'] = 0",
        "import numpy as np\nimport pandas as pd",
        "rng = np.random.default_rng(0)",
        "with np.errstate(all='ignore'):\n    df / 0",
    ],
)
def test_work_on_frames_turns_nothing(source):
    assert is_still(source, "frame", "atom")


@pytest.mark.parametrize(
    "source",
    """
    np.random.seed(1)
    np.random.rand(3)
    rand()
    [rand() for _ in xs]
    random.random()
    random.shuffle(xs)
    df.sample(3)
    f = df.sample\\nf()
    list(map(np.random.rand, [1]))
    df.apply(np.random.permutation)
    df.eval('@np.random.rand()')
    getattr(np, 'random').rand()
    from numpy.random import rand as r\\nr()
    from random import random as r\\nr()
    pd.set_option('display.width', 10)
    pd.options.display.width = 10
    options = pd.options\\noptions.x = 1
    np.set_printoptions(precision=2)
    np.seterr(all='raise')
    np.foo = 1
    df.plot()
    df.plot.scatter('a', 'b')
    plt.plot(df)
    plt.rcParams['figure.dpi'] = 10
    settings = plt.rcParams\\nsettings['figure.dpi'] = 1
    from matplotlib import rcParams as r\\nr['figure.dpi'] = 1
    plt.style.use('x')
    os.environ['A'] = 'b'
    del os.environ['A']
    os.environ.pop('A')
    import os as o\\no.environ['A'] = 'b'
    os.chdir('/')
    os.putenv('A', 'b')
    warnings.simplefilter('ignore')
    warnings.filters.clear()
    logging.warning('a')
    x = yet_unknown(df)
    eval('1')
    """.strip().splitlines(),
)
def test_who_may_set_or_draw_is_watched(source):
    assert not is_still(source.strip().replace("\\n", "\n"), "frame", "atom")


@pytest.mark.parametrize(
    "kind", ["function", "instance", "opaque", "iterator", "figure", "plain", "unheard of"]
)
def test_what_may_run_the_notebooks_code_is_watched(kind):
    assert not is_still("df.mean()", "frame", kind)


def test_a_list_that_is_changed_may_be_a_setting():
    assert is_still("xs[0]", "steady")
    assert not is_still("xs[0] = 1", "steady")
    assert not is_still("xs.append(1)", "steady")


# The proof: whatever the tables name is applied, and its subject compared


def samples(kind: str) -> list[object]:
    """Objects of a kind, each made anew."""
    if kind in ("plain", "steady"):
        containers: list[object] = [
            [3, 1, 2],
            {"a": 1, "b": [2]},
            {1, 2},
            (1, [2]),
            frozenset({1}),
            bytearray(b"ab"),
        ]
        containers += [
            collections.deque([1, 2]),
            collections.OrderedDict(a=1),
            collections.Counter("aab"),
            {}.items(),
        ]
        missing = [collections.defaultdict(list, a=[1])] if kind == "plain" else []
        return containers + missing + [["b", "a"], [[1, 2], [3, 4]], {"a": {"b": 1}}]
    if kind == "array":
        np = pytest.importorskip("numpy")
        floats = np.array([[4.0, 1.0], [2.0, 3.0]])
        arrays = [floats, np.array([3, 1, 2]), np.array([True, False]), np.array(["b", "a"]), floats.T[::-1]]
        return [*arrays, np.array([1 + 2j]), np.float64(1.5), np.array(["2020-01-01"], "M8[D]"), np.array(5)]
    if kind == "frame":
        return frames()
    if kind == "polars":
        pl = pytest.importorskip("polars")
        frame = pl.DataFrame({"a": [2, 1, 2], "b": ["x", None, "z"], "c": [1.5, float("nan"), 2.5]})
        numbers = pl.DataFrame({"n": [1, 2], "m": [2, 3]})
        return [
            frame,
            frame["a"],
            frame["b"],
            frame["c"],
            frame.group_by("a"),
            numbers,
            pl.Series([True, False]),
        ]
    if kind == "arrow":
        pa = pytest.importorskip("pyarrow")
        return [pa.table({"a": [2, 1], "b": ["x", None]}), pa.array([2, None]), pa.chunked_array([[1], [2]])]
    if kind == "figure":
        pyplot = pytest.importorskip("matplotlib.pyplot")
        figure, axes = pyplot.subplots()
        (line,) = axes.plot([3, 1, 2], label="a")
        axes.legend()
        axes.set_title("t")
        return [figure, axes, line, axes.xaxis]
    raise AssertionError(kind)


def frames() -> list[object]:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [2.0, 1.0, None], "b": ["x", "y", "x"], "c": [3, 1, 2]}, index=[5, 3, 4])
    times = pd.Series(pd.to_datetime(["2020-01-02", "2020-01-01"]), name="t")
    dated = pd.DataFrame({"v": [1, 2]}, index=pd.date_range("2020-01-01", periods=2))
    pairs = pd.DataFrame(
        {"v": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", "l"])
    )
    categories = frame["b"].astype("category")
    found: list[object] = [
        frame,
        frame["a"],
        frame["b"],
        frame["c"],
        frame.index,
        frame.columns,
        times,
        times.dt,
    ]
    found += [dated, dated["v"], dated.index, pairs, pairs.index, categories, categories.cat, frame["b"].str]
    found += [frame.groupby("b"), frame.groupby("b")["c"], frame["c"].rolling(2), frame[["c"]].expanding()]
    found += [
        frame["c"].ewm(2),
        dated.resample("D"),
        pd.Timestamp(0),
        pd.Period("2020"),
        pd.Interval(0, 1),
        pd.Timestamp(0, tz="UTC"),
    ]
    return [
        *found,
        pd.Timedelta(1),
        times.dt.tz_localize("UTC"),
        dated.index.tz_localize("UTC"),
        categories.array,
    ]


def portrait(value: object) -> object:
    """All that can be seen of an object, to be compared."""
    module = type(value).__module__.partition(".")[0]
    for held in ("obj", "_obj", "_parent", "_data", "df", "_s"):
        # Accessors and groups show what they are taken from.
        if (module == "pandas" or held == "df") and held in getattr(value, "__dict__", {}):
            return portrait(vars(value)[held])
    if module == "matplotlib":
        return portrait_of_artist(value)
    if module == "pandas":
        return portrait_of_frame(value)
    if module == "numpy":
        return type(value), value.dtype, value.shape, value.strides, value.tobytes(), str(value.flags)
    if module in ("polars", "pyarrow"):
        return str(value), str(getattr(value, "schema", None)), repr(getattr(value, "to_pylist", list)())
    return type(value), repr(value), pickle.dumps(value) if not isinstance(value, type({}.items())) else None


def portrait_of_frame(value: object) -> object:
    seen: list[object] = [type(value)]
    for name in ("index", "columns", "values", "_codes", "_values"):
        held = getattr(value, name, None)
        seen += [repr(held.tolist()) if hasattr(held, "tolist") else repr(held)]
    for name in ("dtype", "dtypes", "name", "names", "freq", "attrs", "flags", "tz"):
        seen.append(repr(getattr(value, name, None)))
    return [*seen, portrait_of_frame(value.index) if hasattr(value, "index") else repr(value)]


def portrait_of_artist(value: object) -> object:
    figure = getattr(value, "figure", value)
    parts = [(type(each).__name__, each.get_visible(), each.get_label()) for each in figure.findobj()]
    lines = [line.get_xydata().tolist() for axes in figure.axes for line in axes.lines]
    limits = [(each.get_xlim(), each.get_ylim(), each.get_position().bounds) for each in figure.axes]
    titles = [(each.get_title(), each.get_xlabel(), each.get_ylabel()) for each in figure.axes]
    return len(parts), lines, limits, titles, figure.get_size_inches().tolist()


ARGUMENTS: tuple[tuple[object, ...], ...] = (
    (), (0,), (1,), ("a",), ("b",), ("c",), ([1, 0],), (["a", "c"],), ({"a": "d"},), ("x",), (len,), ("D",),
    (float,), (0, 1), ("a", "b"), (1, 2), (lambda *each: each[0],), (max,), ("UTC",), (b"a",), (b"a", b"b"),
    ([b"a"],), ("00",), ("a", "b", 1), ((1, 2),),
    ("int64",), ("k",), ("2020-01-01",), ("00:00",), ("00:00", "01:00"), ("sum",), ("index",),
    (slice(0, 1),), ([True, False, True],), (datetime.time(0),), ({1},), ("a > 1",), ({"a": 1.0},),
    (3, 4, 5), (2, "big"), (None,), ("ascii",), ("v",), (["b", "c", "a"],), (lambda each: each, max),
    ("%Y",), (["b"],), ([3, 4, 5],), ((3, 1),), (10, 2), ([0, 1], 0), ([True, False],), ([4, 3, 5],),
    ([1, 0], ["k"]), ("a", 1, "b"), (["d", "e", "f"],), ("c", "a"), ("l",), ("y",), (["k", "l"],), (2.0,),
    (True,), (0.5,), ([5],), (["a"], ["b"]), (5,), (["l", "k"],), ("b", "c"), ({2: "a"},),
)  # fmt: skip


# What suits few.
PARTICULAR: dict[str, list[tuple[object, ...]]] = {
    "combine": [(datetime.date(2020, 1, 1), datetime.time()), ([1, 2, 3], max)],
    "extract": [("(x)",)],
    "extractall": [("(x)",)],
    "from_codes": [([0], ["a"])],
    "index": [("",)],
    "rindex": [("",)],
    "set_column": [(0, "c", [[1, 2]])],
    "swapaxes": [(0, 0)],
}
WRITERS = ("to_", "write_", "save", "info")


def attempts(subject: object, other: object, name: str, path: pathlib.Path) -> Iterator[tuple[object, ...]]:
    """Arguments that a method might take: some that suit many, itself, one of its kind, a file."""
    yield from ((subject,), (other,), (other, "a"))
    if name.startswith(WRITERS):
        # Who writes to files takes a small number for one that is open already.
        yield from ((), (path,), ("index",), ("a",), ("UTC",), ("D",))
    else:
        yield from PARTICULAR.get(name, ())
        yield from ARGUMENTS


def failures() -> tuple[type[BaseException], ...]:
    """What fails in Rust is no Exception."""
    polars = sys.modules.get("polars.exceptions")
    return (Exception, polars.PanicException) if polars else (Exception,)


def apply(subject: object, name: str, arguments: tuple[object, ...]) -> bool:
    """Call a method and use up what it answers; tell whether it could be called."""
    try:
        answer = getattr(subject, name)(*arguments)
        if hasattr(type(answer), "__next__") or type(answer).__name__ in ("map", "filter", "zip"):
            list(answer)
    except failures():
        return False
    return True


def methods_of(kind: str) -> list[str]:
    return sorted(
        {each.partition(":")[0] for unharmed, text in METHODS if kind in unharmed for each in text.split()}
    )


# Needs what is not installed everywhere, or arguments by keyword.
ELSEWHERE = {
    "bar",
    "barh",
    "box",
    "boxplot",
    "decode",
    "hexbin",
    "hist",
    "join_asof",
    "kde",
    "line",
    "pie",
    "pivot",
    "plot",
    "rolling",
    "to_clipboard",
    "to_excel",
    "to_feather",
    "to_latex",
    "to_markdown",
    "to_parquet",
    "to_xarray",
    "unstack",
}


@pytest.mark.parametrize("kind", ["plain", "steady", "array", "frame", "polars", "arrow", "figure"])
@pytest.mark.filterwarnings("ignore")
def test_a_method_in_the_tables_leaves_alone_whatever_has_it(kind, tmp_path, monkeypatch):
    """Each is called with everything that might suit it; also a call that fails must have changed nothing."""
    monkeypatch.chdir(tmp_path)
    unproven: list[str] = []
    changed: list[str] = []
    turning: list[str] = []
    before = [portrait(each) for each in samples(kind)]
    subjects, others = samples(kind), samples(kind)
    dials = Dials()
    for name in methods_of(kind):
        called = there = False
        dials.start()
        for at, subject in enumerate(subjects):
            if not callable(safe(subject, name)):
                continue
            there = True
            suited = 0
            for arguments in attempts(subject, others[at], name, tmp_path / "file"):
                suited += apply(subject, name, arguments)
                if suited == 3:
                    break
            called = called or suited > 0
            if portrait(subject) != before[at]:
                changed.append(f"{type(subject).__name__}.{name}")
                subjects[at] = samples(kind)[at]
        if turned(dials) and name not in TURNING_METHODS and kind != "figure":
            turning.append(name)
        if there and not called and name not in ELSEWHERE:
            unproven.append(name)
    assert (changed, unproven, turning) == ([], [], [])


def turned(dials: Dials) -> set[str]:
    """What was set or drawn from of what the whole process goes by; and loggers, who may have been told."""
    found = dials.stop((), ())
    return set(found.writes | found.drew) | ({"logging:"} & found.reads)


def safe(subject: object, name: str) -> object:
    try:
        return getattr(subject, name, None)
    except Exception:  # noqa: BLE001  # whatever a property raises
        return None


def functions() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Each function of the tables: its module, its name there, which kinds it leaves alone."""
    for unharmed, modules in FUNCTIONS:
        for module, words in modules.items():
            for word in words.split():
                yield module, word.partition(":")[0], unharmed


def resolved(module: str, path: str) -> object:
    found: object = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("module", sorted({module for module, _, _ in functions()}))
def test_every_function_in_the_tables_is_recognised(module):
    """Of the versions at hand; `harmless` must find each under any name."""
    pytest.importorskip(module)
    missing = []
    for path, unharmed in [(path, unharmed) for home, path, unharmed in functions() if home == module]:
        name = path.rpartition(".")[2]
        source = (
            f"import {module} as m\nm.{path}(x)"
            if module != "os.path"
            else f"import os as m\nm.path.{path}(x)"
        )
        if name in CALLERS:
            source = source.replace("(x)", "()")
        if not is_harmless(source, min(unharmed)):
            missing.append(path)
    assert missing == []


MOST = {
    (module, name): int(most)
    for _, modules in FUNCTIONS
    for module, words in modules.items()
    for name, _, most in (word.partition(":") for word in words.split())
    if most
}
# These wait, write to the screen, or take a small number for an open file.
NOT_APPLIED = {"builtins.open", "time.sleep", "IPython.display.display", "IPython.display.clear_output"}


@pytest.mark.parametrize("kind", ["plain", "array", "frame", "polars", "arrow"])
@pytest.mark.filterwarnings("ignore")
def test_a_function_in_the_tables_leaves_alone_what_it_gets(kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    before = [portrait(each) for each in samples(kind)]
    subjects, others = samples(kind), samples(kind)
    changed: list[str] = []
    turning: list[str] = []
    dials = Dials()
    for module, path, unharmed in functions():
        skipped = (
            f"{module}.{path}" in NOT_APPLIED or module == "matplotlib.pyplot" or path.startswith("read_")
        )
        if skipped or kind not in unharmed:
            continue
        pytest.importorskip(module)
        dials.start()
        for at, subject in enumerate(subjects):
            use(resolved(module, path), subject, others[at], MOST.get((module, path), 9))
            if portrait(subject) != before[at]:
                changed.append(f"{module}.{path}({type(subject).__name__})")
                subjects[at] = samples(kind)[at]
        if turned(dials) and path not in TURNING.get(module, ()):
            turning.append(f"{module}.{path}")
    assert (changed, turning) == ([], [])


def use(function: object, subject: object, other: object, most: int) -> None:
    """Give the subject to a function in several places; use up what it answers."""
    for arguments in (
        (subject,),
        (subject, other),
        (other, subject),
        (len, subject),
        (subject, 1),
        ("a", subject),
    ):
        with contextlib.suppress(*failures()):
            answer = function(*arguments[:most])  # type: ignore[operator]  # what takes nothing raises
            if type(answer).__module__ in ("builtins", "itertools") and hasattr(type(answer), "__next__"):
                list(zip(range(50), answer))


# Random cells

PIECES = """
    y = xs; ys = xs[1:]; n = len(xs); n = sum(ns); t = sorted(xs, key=len); xs.append([1]); xs.sort()
    ns.sort()
    d['a'].append(1); z = d['a']; z.append(2); z = []; z.append(3); z += [4]; z += xs; z = xs; d['b'] = 1
    d.setdefault('c', []); e = dict(d); e['a'] = 0; e['a'] += [1]; e = d.copy(); e['a'] = 0
    e['a'].append(5)
    a, *b = ns; [v.append(1) for v in xs]; [v for v in xs]; w = [v for v in xs]; w[0].append(9)
    w.append(0); w[0] = 7
    f = lambda q: q.append(1); f(xs); g = lambda q: len(q); g(xs); list(map(len, xs)); list(map(f, xs))
    list(map(ns.append, [1])); h = ns.append; h(2); list(map(h, [3])); k = ns.pop; s.add(9); s | {4}
    s.discard(1)
    q = heapq; q.heappush(ns, 0); heapq.nlargest(2, ns); heapq.heapify(ns); random.shuffle(ns)
    bisect.insort(ns, 1)
    del xs[0]; del d['a']; ns[0] += 1; ns *= 2; n = 0; n += 1; ns = ns + [1]; ns += [1]; m = ns; m += [2]
    m[0] = 5
    def p(r): return r[0]; p(xs); u = p(xs); u.append(1); it = iter(ns); next(it); list(it); dd['new']
    dd.get('x')
    '%(no)s' % dd; c = dd; c['no2']; [*xs]; {**d}; max(xs, key=len); min(xs, key=lambda v: v.append(0) or 0)
    if ns: z = xs; o = [xs]; o[0].append(1); o[0] = 1; o.append(xs); o.extend(xs); for v in xs: v += [1]
    for v in xs: n += len(v); for z in xs: z.append(1); for o[0] in xs: pass
    xs[0], n = [1], 2; ba[0] = 1; ba + b'1'
    setattr(o, 'x', 1); getattr(ns, 'append')(1); x = (y := xs); y.append(1); list.append(ns, 1); str(xs)
    repr(d)
    exec('ns.append(1)'); functools.reduce(lambda a, b: a + b, xs)
    functools.reduce(lambda a, b: a.extend(b) or a, xs)
    functools.reduce(operator.iadd, xs); functools.reduce(operator.add, xs); dq.rotate(1); dq.copy()
    list(dq)
    r = dq.copy(); r.append(1); r = dq; r.append(1); len = list.clear; len(ns); sum(xs, []); print(xs)
    f'{d}'
    """


def inputs() -> Names:
    return {
        "xs": [[1], [2, 3]], "ns": [3, 1, 2], "d": {"a": [1], "b": 2}, "s": {1, 2}, "ba": bytearray(b"ab"),
        "dd": collections.defaultdict(list, a=[1]), "dq": collections.deque([1, 2]), "z": [0],
        "e": {"a": [1]}, "o": [[]], "m": [1], "y": [1], "w": [[1]], "n": 1, "u": [1],
    }  # fmt: skip


def libraries() -> Names:
    return {
        name: importlib.import_module(name) for name in ("heapq", "random", "bisect", "functools", "operator")
    }


@pytest.mark.parametrize("seed", range(20))
def test_a_random_cell_called_harmless_leaves_its_inputs(seed, capsys):
    rng = random.Random(seed)
    pieces = [piece.strip() for piece in re.split(r";\s|\n", PIECES) if piece.strip()]
    called = 0
    for _ in range(200):
        source = "\n".join(rng.choices(pieces, k=rng.randint(1, 4)))
        verbs = analyze(source).verbs
        names = {**inputs(), **libraries()}
        held = dict(names)
        run(source, names)
        if not harmless(verbs, frozenset({"plain", "module"}), lookup({**names, **libraries()})):
            # Without a defaultdict among them, more is harmless.
            held.pop("dd")
            if re.search(r"\b(dd|c)\b", source):
                continue
            if not harmless(verbs, frozenset({"steady", "module"}), lookup({**names, **libraries()})):
                continue
        called += 1
        fresh = inputs()
        assert {
            name: (held[name], fresh[name])
            for name in fresh.keys() & held.keys()
            if held[name] != fresh[name]
        } == {}, source
    assert called > 5


def run(source: str, names: Names) -> None:
    try:
        exec(compile(source, "<cell>", "exec"), names)
    except Exception:  # noqa: BLE001  # whatever a cell raises
        return
