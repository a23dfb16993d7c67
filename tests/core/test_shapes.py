"""Each type: what changes it is seen and taken back, what reads it is not seen, and nobody's code runs."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reactive_kernel import libraries
from reactive_kernel.objects import Change, Survey
from reactive_kernel.shapes import shape

from ..fuzz.portrait import portrait

assert libraries

CLASSES = """
import array, collections, dataclasses, functools, io, itertools, random, types
class P:
    def __init__(self, x=1): self.x, self.held = x, [x]
class Q(P): __slots__ = ("own",)
class S: __slots__ = ("a", "b")
class L(list): pass
class D(dict): pass
class T(set): pass
class O(collections.OrderedDict): pass
class N(collections.namedtuple("N", "a b")): pass
class F(float): pass
class Lazy:
    @functools.cached_property
    def worked_out(self): return 1
@dataclasses.dataclass
class R:
    a: int
    b: list = dataclasses.field(default_factory=list)
@dataclasses.dataclass(slots=True)
class V:
    a: int
def shared():
    inner = [1]
    return [inner, {"k": inner}, inner]
def knot():
    own = [1]
    own.append(own)
    return {"own": own, "again": own}
def counter():
    n = 0
    def up():
        nonlocal n
        n += 1
    return up
def keywords(*, held=(1,)): pass
def with_slot(**fields):
    s = S()
    for name, held in fields.items(): setattr(s, name, held)
    return s
def set_all(x, **fields):
    for name, held in fields.items(): setattr(x, name, held)
def generate():
    yield 1
    yield 2
"""

# What changes a value, and can be taken back.
CHANGES = """
[1, 2]                                  | x.append(3)
[1, 2]                                  | x[0] = 1.0
[1, 2]                                  | x[0] = True
[0.0]                                   | x[0] = -0.0
[1, 2]                                  | x.reverse()
[1, 2]                                  | del x[0]
[3, 1, 2]                               | x.sort()
[3, 1, 2]                               | __import__("heapq").heapify(x)
[[1], [2]]                              | x[1].append(3)
[[1], [2]]                              | x[0], x[1] = x[1], x[0]
[[1], [1]]                              | x[1] = x[0]
([1],)                                  | x[0].clear()
{"a": 1}                                | x["b"] = 2
{"a": 1}                                | x["a"] = 1.0
{"a": 1, "b": 2}                        | x["a"] = x.pop("a")
{"a": 1}                                | x.clear()
{"a": 1}                                | x["b"] = x.pop("a")
[{"a": 1}, {"b": 1}]                    | x[0]["c"] = x[0].pop("a")
[P(), P()]                              | x[0].y = vars(x[0]).pop("held")
{1: "a"}                                | x.pop(1); x[1.0] = "a"
{(1, 2): [3]}                           | x[1, 2] += [4]
{frozenset((1,)): {}}                   | x[frozenset((1,))][1] = 2
{1, 2}                                  | x.add(3)
{1, 2}                                  | x.discard(1)
{1}                                     | x.clear(); x.add(1.0)
set(range(100))                         | x -= set(range(50))
bytearray(b"ab")                        | x[0] = 0
bytearray(b"ab")                        | x += b"c"
collections.deque([1, 2])               | x.rotate()
collections.deque([1, 2], maxlen=2)     | x.append(3)
collections.OrderedDict(a=1, b=2)       | x.move_to_end("a")
collections.OrderedDict(a=1, b=2)       | x["a"] = 3
collections.OrderedDict(a=1, b=2)       | x.popitem()
O(a=1, b=2)                             | x.move_to_end("a")
O(a=1, b=2)                             | x.field = 1
collections.Counter("aab")              | x.update("b")
collections.defaultdict(list)           | x["new"]
collections.defaultdict(list, a=[1])    | x["a"].append(2)
collections.defaultdict(list)           | x.default_factory = set
shared()                                | x[0].append(2)
shared()                                | x[1]["k"] = [1]
knot()                                  | x["own"].append(2)
knot()                                  | x["own"][1] = []
P()                                     | x.x = 2
P()                                     | x.held.append(2)
P()                                     | del x.x
P()                                     | x.new = 1
P()                                     | x.__class__ = Q.__mro__[1] if False else type("Z", (P,), {})
Q()                                     | x.own = 1
Q()                                     | x.x = 2
with_slot(a=1)                          | x.a = 2
with_slot(a=1)                          | x.b = 2
with_slot(a=1, b=[])                    | del x.b
[with_slot(a=1), with_slot(b=1)]        | x[1].b = 2
L([1])                                  | x.append(2)
L([1])                                  | x.note = 1
D(a=1)                                  | x["a"] = 2
T([1])                                  | x.add(2)
N(1, [2])                               | x.b.append(3)
F(1)                                    | x.note = 1
R(1)                                    | x.a = 2
R(1)                                    | x.b.append(1)
V(1)                                    | x.a = 2
[P(), P(), P()]                         | x[1].x = 5
[{"a": 1} for _ in range(50)]           | x[30]["a"] = 2
[(1, [2]) for _ in range(50)]           | x[30][1].append(2)
[{1} for _ in range(50)]                | x[30].add(2)
{i: [i] for i in range(50)}             | x[30].append(2)
[R(i) for i in range(50)]               | x[30].b.append(2)
[V(i) for i in range(50)]               | x[30].a = 2
[L([i]) for i in range(50)]             | x[30].append(1)
types.SimpleNamespace(a=1)              | x.a = 2
counter()                               | x()
keywords                                | x.__kwdefaults__["held"] = ()
shared                                  | x.note = 1
shared                                  | x.__defaults__ = (1,)
lambda a=[]: a                          | x().append(1)
functools.partial(max, [1])             | x.args[0].append(2)
functools.partial(max, 1)               | x.note = 2
functools.partial(max, key=len)         | x.keywords["key"] = abs
[].append                               | x(1)
P().__init__                            | x(5)
P                                       | x.shared = 1
P                                       | x.held = [1]; x.held.append(2)
iter([1, 2])                            | next(x)
iter((1, 2))                            | next(x)
iter("ab")                              | next(x)
iter(range(3))                          | next(x)
reversed([1, 2])                        | next(x)
io.StringIO("ab")                       | x.read(1)
io.StringIO("ab")                       | x.write("c")
io.BytesIO(b"ab")                       | x.write(b"c")
random.Random(1)                        | x.random()
random.Random(1)                        | x.seed(2)
"""

# What changes a value, and can be seen only.
SEEN = """
generate()                              | next(x)
[i for i in [generate()]]               | next(x[0])
zip([1], [2])                           | next(x)
map(str, [1, 2])                        | next(x)
map(str, iter([1, 2]))                  | next(x)
filter(None, generate())                | next(x)
enumerate([1, 2])                       | next(x)
itertools.count()                       | next(x)
itertools.cycle([1, 2])                 | next(x)
itertools.chain([1], [2])               | next(x)
iter({1, 2})                            | next(x)
iter({1: 2})                            | next(x)
itertools.tee([1, 2])                   | next(x[0])
itertools.accumulate([1, 1])            | next(x)
itertools.accumulate(iter([0, 0]))      | next(x), next(x)
itertools.islice([1, 2, 3], 1, None)    | next(x)
itertools.islice([1, 2, 3], 0)          | next(x, None)
itertools.takewhile(bool, [0, 1])       | next(x, None)
itertools.dropwhile(bool, [1, 1])       | next(x, None)
itertools.groupby([1, 1])               | next(x)
itertools.pairwise([1, 1, 1])           | next(x)
itertools.zip_longest([1], [1, 1])      | next(x), next(x)
itertools.compress([1, 1], [0, 0])      | next(x, None)
itertools.chain([], [])                 | next(x, None)
collections.deque([1]).__iter__()       | next(x)
array.array("i", [1])                   | x.append(2)
ValueError("a")                         | x.note = 1
"""

# What only looks.
READS = """
[1, [2], {3: 4}]                        | len(x), x[0], x[-1:], sorted(map(str, x)), repr(x), [*x]
{"a": [1]}                              | list(x), list(x.items()), x.get("b"), "a" in x, {**x}
{1, 2, 3}                               | 1 in x, x | {4}, sorted(x), max(x)
collections.deque([1])                  | x[0], list(x)
collections.OrderedDict(a=1)            | list(x), x["a"], repr(x)
collections.Counter("aab")              | x.most_common(), x["none"]
collections.defaultdict(list, a=[1])    | x["a"], x.get("b"), "b" in x
P()                                     | x.x, vars(x), repr(x), x.held
Q()                                     | hasattr(x, "own")
R(1)                                    | repr(x), x == R(1), dataclasses.asdict(x)
V(1)                                    | repr(x), x.a
N(1, [2])                               | x.a, x._asdict(), x._replace(a=2)
[P(), P()]                              | [each.x for each in x]
L([1, 2])                               | sum(x), x.index(1)
counter                                 | x()
itertools.accumulate([1, 2])            | x is None, type(x), [x]
itertools.chain([1], (2,))              | x is None, type(x), [x]
(1, 2.0, "a", None, b"c")               | hash(x)
"""


def rows(table: str) -> list[Any]:
    found: list[Any] = []
    for line in filter(None, table.splitlines()):
        make, act = (part.strip() for part in line.split("|", 1))
        found.append(pytest.param(make, act, id=f"{make}: {act}"))
    return found


def undone(changes: list[Change]) -> bool:
    """Is everything put back? One that cannot be does not stop the others."""
    return False not in [change.undo() for change in changes]


def world() -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(CLASSES, space)
    return space


def carry_out(make: str, act: str) -> tuple[Survey, dict[str, Any], dict[str, str]]:
    """Make the value, look at it, and act; answer with what it was like before."""
    space = world()
    space["x"] = eval(make, space)
    # What the first portrait leaves in classes (`__slotnames__`) is no change either.
    portrait(space, ("x",))
    before = portrait(space, ("x",)) if "random" not in make else {"x": str(space["x"].getstate())}
    survey = Survey((space["x"],))
    assert survey.changes() == []
    exec(act, space)
    return survey, space, before


@pytest.mark.parametrize(("make", "act"), rows(CHANGES))
def test_a_change_is_seen_and_taken_back(make: str, act: str):
    if make == "iter(range(3))" and sys.version_info >= (3, 12):
        pytest.skip("since Python 3.12 such an iterator forgets where it began")
    survey, space, before = carry_out(make, act)
    changes = survey.changes()
    assert changes
    assert undone(changes)
    after = portrait(space, ("x",)) if "random" not in make else {"x": str(space["x"].getstate())}
    assert after == before
    assert survey.changes() == []


@pytest.mark.parametrize(("make", "act"), rows(SEEN))
def test_a_change_is_seen_or_the_object_called_opaque(make: str, act: str):
    survey, *_ = carry_out_unseen(make, act)
    assert survey.changes() or survey.opaque()


def carry_out_unseen(make: str, act: str) -> tuple[Survey, dict[str, Any]]:
    space = world()
    space["x"] = eval(make, space)
    survey = Survey((space["x"],))
    exec(act, space)
    return survey, space


@pytest.mark.parametrize(("make", "act"), rows(READS))
def test_reading_is_no_change(make: str, act: str):
    survey, *_ = carry_out(make, act)
    assert survey.changes() == []
    assert survey.opaque() == []


# Nobody's code

TRAPS = """
def sprung(*_, **__): raise AssertionError("somebody's code ran")
HOOKS = '''eq ne lt le hash repr str format bool len iter next contains getitem setitem delitem getattr
    setattr getattribute dir reduce reduce_ex getstate copy deepcopy sizeof index int float add radd call
    missing reversed length_hint instancecheck subclasscheck'''.split()
SPRUNG = {f"__{name}__": sprung for name in HOOKS}
def trapped(name, *bases, **fields):
    return type(name, bases, {**SPRUNG, **fields, "held": property(sprung), "keys": sprung, "items": sprung,
                              "values": sprung, "copy": sprung, "__module__": "__main__"})
Plain, Slotted = trapped("Plain"), trapped("Slotted", __slots__=("a", "b"))
Mine = [trapped(f"My{base.__name__}", base) for base in (list, dict, set, tuple, frozenset, str, int, float)]
Named = trapped("Named", dict, __slots__=("a",))
Error = trapped("Error", Exception)
# A class may keep its instances from being hashed, and be kept from it itself.
USUAL = {"__call__": type.__call__, "__getattribute__": type.__getattribute__}
Meta = type("Meta", (type,), {**SPRUNG, **USUAL})
Odd = type.__call__(Meta, "Odd", (), {"__module__": "__main__"})
Hidden = type.__call__(type("Hiding", (type,), SPRUNG), "Hidden", (), {"__module__": "__main__"})
def make():
    plain = object.__new__(Plain)
    object.__setattr__(plain, "field", [1])
    mine = [kind.__new__(kind) for kind in Mine]
    list.append(mine[0], [plain])
    dict.__setitem__(mine[1], "key", [plain])
    return [plain, object.__new__(Slotted), *mine, Named.__new__(Named), Error.__new__(Error)]
"""


def trapped() -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(TRAPS, space)
    return space


def test_no_code_of_the_objects_runs():
    space = trapped()
    held = space["make"]()
    survey = Survey((held, {"a": held[0]}, (held[0],), {"more": [held[0]] * 100}))
    assert survey.changes() == []
    held[0].__dict__ if False else list.append(held[2], 1)
    object.__setattr__(held[0], "field", 2)
    assert [id(change.value) for change in survey.changes()] == [id(held[0]), id(held[2])]


@pytest.mark.parametrize("name", ["Odd", "Hidden"])
def test_no_code_of_a_class_of_classes_runs(name: str):
    space = trapped()
    odd, inner = object.__new__(space[name]), [1]
    odd.field = inner
    survey = Survey(([odd, 1, odd, space[name]],))
    assert survey.changes() == []
    inner.append(2)
    assert [change.value for change in survey.changes()] == [[1, 2]]
    assert bool(survey.opaque()) is (name == "Hidden")


# Libraries: who makes it, what reads it, what changes it

ARRAYS = """
np.arange(4)                                      | x[0] = 9
np.arange(4)                                      | x += 1
np.arange(4.0)                                    | x[1] = np.nan
np.array([0.0])                                   | x[0] = -0.0
np.array([np.nan, 1.0])                           | x[1] = np.nan
np.arange(4)                                      | x[1:][0] = 9
np.arange(4)                                      | np.add(x, 1, out=x)
np.arange(4)                                      | x.sort(); x[::-1].sort()
np.arange(4)                                      | np.random.default_rng(3).shuffle(x)
np.arange(4)                                      | x.shape = (2, 2)
np.arange(6).reshape(2, 3)                        | x[1, 2] = 0
np.arange(6).reshape(2, 3)[:, 1:]                 | x[0, 0] = 9
np.arange(6).reshape(2, 3).T                      | x[0, 1] = 9
np.asfortranarray(np.arange(6).reshape(2, 3))     | x[1, 2] = 0
np.arange(10)[::2]                                | x[1] = 9
np.zeros(3, dtype=[("a", "i4"), ("b", "f8")])     | x["b"][1] = 2
np.array([[1], [2], None], dtype=object)          | x[0] = 5
np.array([[1], [2], None], dtype=object)          | x[1].append(5)
np.array(["a", "b"])                              | x[0] = "c"
np.array(["2020-01-01", "NaT"], "M8[ns]")         | x[1] = x[0]
np.array([True, False])                           | x[1] = True
np.array(5)                                       | x[...] = 6
np.arange(6, dtype="i1")                          | x[5] = 0
np.arange(3, dtype="c16")                         | x[1] = 1j
np.ma.masked_array([1, 2, 3], [0, 1, 0])          | x[0] = 9
np.ma.masked_array([1, 2, 3], [0, 1, 0])          | x[0] = np.ma.masked
np.random.default_rng(1)                          | x.random()
np.random.RandomState(1)                          | x.rand()
{"a": np.arange(3), "b": [np.arange(3)]}          | x["b"][0][1] = 9
"""
FRAMES = """
df                              | x["new"] = 1
df                              | x["n"] = x["n"] + 1
df                              | x.loc[0, "n"] = 9
df                              | x.iloc[1, 1] = 9.5
df                              | x.at[0, "n"] = 9
df                              | del x["n"]
df                              | x.drop(columns="n", inplace=True)
df                              | x.sort_values("f", inplace=True, ascending=False)
df                              | x.rename(columns={"n": "m"}, inplace=True)
df                              | x.columns = list("abcd")
df                              | x.index = list("abc")
df                              | x.index.name = "rows"
df                              | x.columns.name = "columns"
df                              | x.attrs["unit"] = "m"
df                              | x.fillna(0, inplace=True)
df                              | x["n"] *= 2
df                              | x.insert(0, "first", 1)
df                              | x.pop("f")
df                              | x.loc[3] = [1, 2.0, "z", "a"]
df                              | x["c"] = x["c"].cat.rename_categories({"a": "A"})
df["n"]                         | x[0] = 9
df["n"]                         | x.name = "m"
df["s"]                         | x.iloc[2] = "other"
df["c"]                         | x.iloc[0] = "b"
pd.Series([[1], [2]])           | x[0] = 3
pd.Series([1, 2], dtype="Int64")| x[0] = pd.NA
pd.Series(["a", None], dtype="string") | x[0] = "b"
pd.Series(pd.date_range("2020", periods=3)) | x[0] = pd.Timestamp("2021")
pd.Series(pd.period_range("2020", periods=3, freq="D")) | x[0] = x[1]
pd.Series(pd.arrays.SparseArray([0, 0, 1]))     | x.name = "s"
[df, df]                        | x[0]["n"] = 0
pd.array([1, 2])                | x[0] = 5
pd.array([1, None])             | x[1] = 5
pd.array(["a", "b"])            | x[0] = "c"
pd.Categorical(["a", "b"])      | x[0] = "b"
pd.array(pd.date_range("2020", periods=2)) | x[0] = x[1]
{"a": {"b": df}}                | x["a"]["b"].loc[0, "n"] = 0
"""
# No earlier state to put back, or parts that are shared with nobody's knowledge.
FRAMES_SEEN = """
pd.Series([[1], [2]])           | x[0].append(3)
pd.DataFrame({"o": [[1], {}]})  | x["o"][1]["k"] = 1
df.groupby("c", observed=True)  | x.obj["n"] = 0
"""
FRAME_READS = """
df                              | x.describe()
df                              | x.describe(include="all")
df                              | repr(x), x._repr_html_()
df                              | x.head(), x.tail(1), x.sample(1, random_state=0)
df                              | x.n.mean(), x.f.sum(), x["s"].str.upper()
df                              | x.groupby("c", observed=True)["n"].sum()
df                              | x.groupby("n").agg({"f": "mean"})
df                              | x[x.n > 1], x.query("n > 1"), x.loc[0], x.iloc[0, 0]
df                              | x.sort_values("n"), x.sort_index()
df                              | x.to_numpy(), x.values, x.n.values
df                              | x.merge(x, on="n"), pd.concat([x, x])
df                              | list(x.iterrows()), list(x.itertuples()), list(x)
df                              | x.info(buf=io.StringIO()), x.dtypes, x.memory_usage(deep=True)
df                              | x.index.get_loc(1), 1 in x.index, x.index.is_unique, x.columns.get_loc("n")
df                              | x.assign(z=1), x.rename(columns=str.upper), x.set_index("n")
df                              | x.isna().sum(), x.dropna(), x.fillna(0)
df                              | x.to_csv(), x.to_dict(), x.T
df                              | x.n.plot(), x.plot(x="n", y="f"), x.n.hist()
df                              | x.pivot_table(index="c", values="n", observed=True)
df                              | x["n"].rolling(2).mean(), x.f.cumsum(), x.n.shift()
df["s"]                         | x.value_counts(), x.unique(), x.map(str), hash(tuple(x))
df["c"]                         | x.cat.categories, x.cat.codes
pd.Series([[1], [2]])           | len(x), x[0], x.map(len)
pd.date_range("2020", periods=3)| x.month, x[0], x.freq, list(x)
"""
POLARS = """
pl.DataFrame({"a": [1, 2]})     | x[0, "a"] = 5
pl.DataFrame({"a": [1, 2]})     | x.insert_column(0, pl.Series("b", [1, 2]))
pl.DataFrame({"a": [1, 2]})     | x.columns = ["z"]
pl.DataFrame({"a": [1, 2]})     | x.extend(pl.DataFrame({"a": [3]}))
pl.Series("a", [1, 2])          | x[0] = 5
pl.Series("a", [1, 2])          | x.append(pl.Series("a", [3]))
"""
POLARS_READS = """
pl.DataFrame({"a": [1, 2]})     | x.describe(), repr(x), x.select(pl.col("a").sum()), x.to_dicts()
pl.Series("a", [1, 2])          | x.sum(), repr(x), x.to_list()
pl.DataFrame({"a": [1]}).lazy() | x.filter(pl.col("a") > 0).collect()
pa.table({"a": [1, 2]})         | x.column("a").to_pylist(), x.to_pydict(), repr(x)
"""
FIGURES = """
plt.figure()                    | x.add_subplot()
plt.subplots()                  | x[1].plot([1, 2])
plt.subplots()[1]               | x.set_title("t")
plt.subplots()[1].plot([1])     | x[0].set_color("red")
"""


def library_world(words: str) -> dict[str, Any]:
    for short, name in {"pl": "polars", "pa": "pyarrow", "plt": "matplotlib", "pd": "pandas"}.items():
        if f"{short}." in words and importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    for name in ("numpy", "pandas"):
        pytest.importorskip(name)
    space = world()
    exec("import numpy as np, pandas as pd", space)
    if "plt." in words or ".plot(" in words:
        exec("import matplotlib; matplotlib.use('agg'); import matplotlib.pyplot as plt", space)
    if "pl." in words:
        exec("import polars as pl", space)
    if "pa." in words:
        exec("import pyarrow as pa", space)
    frame = "df = pd.DataFrame({'n': [1, 2, 3], 'f': [1.5, None, 2.5], 's': list('xyz')})"
    exec(f"{frame}; df['c'] = pd.Categorical(['a', 'b', 'a'])", space)
    return space


@pytest.fixture(autouse=True)
def no_figures() -> Iterator[None]:
    yield
    import sys

    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def is_like(value: Any, copy: Any) -> bool:
    """By pickles, which tell bits and order; those of arrays are not told by what numpy says of equality."""
    import pickle

    return pickle.dumps(value) == pickle.dumps(copy)


@pytest.mark.parametrize(("make", "act"), rows(ARRAYS + FRAMES + POLARS))
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_change_of_what_a_library_made_is_seen_and_taken_back(make: str, act: str):
    space = library_world(f"{make} {act}")
    space["x"] = x = eval(make, space)
    before = told(space, x)
    survey = Survey((x,))
    assert survey.changes() == []
    exec(act, space)
    assert told(space, space["x"]) != before
    changes = survey.changes()
    assert changes
    assert undone(changes)
    assert told(space, x) == before
    assert survey.changes() == []


def told(space: dict[str, Any], value: Any) -> object:
    """What can be told of it, by means of its library."""
    if isinstance(value, (list, tuple)):
        return [told(space, each) for each in value]
    if isinstance(value, dict):
        return {name: told(space, each) for name, each in value.items()}
    np, pd = space["np"], space["pd"]
    if isinstance(value, np.ndarray):
        mask = getattr(value, "mask", None)
        return value.shape, value.dtype, value.tolist().__repr__(), repr(mask)
    if isinstance(value, pd.DataFrame):
        columns = [told(space, value.iloc[:, at]) for at in range(value.shape[1])]
        return columns, list(value.columns), value.columns.name, dict(value.attrs)
    if isinstance(value, pd.Series):
        return value.tolist().__repr__(), value.dtype, repr(value.name), list(value.index), value.index.name
    if hasattr(value, "get_state"):
        return repr(value.get_state())
    if hasattr(value, "bit_generator"):
        return repr(value.bit_generator.state)
    return repr(value)


@pytest.mark.parametrize(("make", "act"), rows(FRAMES_SEEN + FIGURES))
@pytest.mark.filterwarnings("ignore")
def test_a_change_of_what_a_library_made_is_seen(make: str, act: str):
    space = library_world(f"{make} {act}")
    space["x"] = eval(make, space)
    survey = Survey((space["x"],))
    exec(act, space)
    assert survey.changes()


@pytest.mark.parametrize(("make", "act"), rows(FRAME_READS + POLARS_READS))
@pytest.mark.filterwarnings("ignore")
def test_reading_what_a_library_made_is_no_change(make: str, act: str):
    space = library_world(f"{make} {act}")
    space["x"] = eval(make, space)
    survey = Survey((space["x"],))
    exec(act, space)
    assert survey.changes() == []
    assert survey.opaque() == []


def test_an_array_that_is_changed_through_another_view_is_seen():
    np = pytest.importorskip("numpy")
    whole = np.arange(10)
    survey = Survey((whole[2:5],))
    whole[8] = 0
    assert [change.value is whole for change in survey.changes()] == [True]


def test_a_view_comes_back_with_what_it_looks_at():
    np = pytest.importorskip("numpy")
    whole = np.arange(10)
    view = whole[2:5]
    survey = Survey(([view, whole],))
    view[0] = 99
    assert undone(survey.changes())
    assert whole.tolist() == list(range(10))
    view[0] = 7
    assert whole[2] == 7


def test_what_is_written_through_a_mapped_file_is_seen(tmp_path: Path):
    np = pytest.importorskip("numpy")
    mapped = np.memmap(tmp_path / "mapped", dtype="f8", mode="w+", shape=(4,))
    survey = Survey((mapped,))
    mapped[1] = 5
    assert survey.changes() or survey.opaque()


def test_a_tensor_that_is_written_is_seen():
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(3)
    survey = Survey((tensor,))
    assert tensor.sum() == 0
    assert survey.changes() == []
    tensor[0] = 1
    assert survey.changes()


def test_looking_up_the_variables_of_a_generator_is_no_change():
    def rows(held: dict[str, int]):
        yield held

    generator = rows({"a": 1})
    survey = Survey((generator,))
    assert inspect.getgeneratorlocals(generator) == {"held": {"a": 1}}
    assert survey.changes() == []
    next(generator)
    assert survey.changes()


def test_a_debugger_that_follows_a_generator_is_no_part_of_it():
    generator = (each for each in [1, 2])
    next(generator)
    survey = Survey((generator,))
    generator.gi_frame.f_trace = lambda *_: None
    assert survey.changes() == []
    next(generator)
    assert survey.changes()


class Row(list[object]):
    def __len__(self) -> int:
        return 0

    def __getitem__(self, at: object) -> object:
        return []


@pytest.mark.parametrize("kind", [list, Row])
@pytest.mark.parametrize("length", [3, 8192, 20_000])
@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda row: None, False),
        (lambda row: list.__setitem__(row, 0, row[0]) if type(row) is list else None, False),
        (lambda row: list.__setitem__(row, -1, 1000.0), True),
        (lambda row: list.__setitem__(row, 0, 1001.5), True),
        (list.pop, True),
        (lambda row: list.append(row, 1), True),
        (list.reverse, True),
    ],
)
def test_a_long_list_is_seen_as_a_short_one(
    kind: type[list[object]],
    length: int,
    change: Callable[[list[object]], object],
    seen: bool,
):
    row = kind(float(1000 + at) for at in range(length))
    survey = Survey((row,))
    change(row)
    assert [found.value is row for found in survey.changes()] == [True] * seen


def test_a_partial_function_without_fields_is_put_back_without_any():
    """Only of one that has some does another one keep hold."""
    inner = functools.partial(max, 1)
    form = shape(inner)
    before = form.take(inner)
    inner.note = 1
    assert not form.alike(inner, before)
    form.put(inner, before)
    assert form.alike(inner, before)
    assert functools.partial(inner, 2).func is max
