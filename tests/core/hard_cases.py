# ruff: noqa: E501
# One line is one cell.
"""Notebooks that are hard to keep right, by what makes them so. Cells are named `a`, `b`, `c`... from the top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

Sources: TypeAlias = tuple[str, ...]

FRESH: Mapping[str, Sources] = {
    # Aliases
    "an alias sees what is done to the other name": (
        "a = [1]",
        "b = a",
        "b.append(2)",
        "print(a, b)",
    ),
    "a function changes its argument": (
        "a = [1]",
        "def f(x):\n    x.append(2)",
        "f(a)",
        "print(a)",
    ),
    "two names are swapped": (
        "a, b = [1], [2]",
        "a, b = b, a",
        "print(a, b)",
        "a.append(3)",
        "print(a, b)",
    ),
    "containers hold containers": (
        "xs = [[1], [2]]",
        "d = {'k': xs}",
        "d['k'][0].append(3)",
        "t = (xs, d)",
        "t[0][1].clear()",
        "print(xs, d)",
    ),
    "a list holds itself": (
        "l = [1]\nl.append(l)",
        "m = l",
        "m.append(2)",
        "print(len(l), l[1] is l, len(m))",
    ),
    "a dict holds itself and changes through an alias": (
        "d = {}\nd['me'] = d",
        "e = d",
        "e['x'] = 1",
        "e['me']['y'] = 2",
        "print(sorted(map(str, d)), d['me'] is d)",
    ),
    "of two names for one object one is bound anew": (
        "a = [1]",
        "b = a",
        "a = [9]",
        "b.append(2)",
        "print(a, b)",
    ),
    "of two names for one object one gets a longer copy": (
        "a = [1]",
        "b = a",
        "b = b + [3]",
        "a.append(2)",
        "print(a, b)",
    ),
    "a slice is replaced": (
        "x = [1, 2, 3, 4]",
        "x[1:3] = [9]",
        "del x[0]",
        "print(x)",
    ),
    "a dict is updated, merged and defaulted": (
        "d = {'a': 1}",
        "d.update(b=2)",
        "d |= {'c': 3}",
        "d.setdefault('e', []).append(1)",
        "print(d)",
    ),
    "a set grows": (
        "s = {1}",
        "s.add(2)",
        "s |= {3}",
        "print(sorted(s))",
    ),
    "looking up changes a defaultdict": (
        "from collections import defaultdict\nd = defaultdict(list)",
        "d['x']",
        "print(dict(d))",
    ),
    "a counter counts, a deque drops": (
        "from collections import Counter, deque\nc, q = Counter('aab'), deque([1, 2], maxlen=3)",
        "c.update('b')\nq.appendleft(0)\nq.append(3)",
        "print(c, q)",
    ),
    "a mapping stands on another": (
        "from collections import ChainMap, UserDict\nbase = {'a': 1}\nm = ChainMap({}, base)\nu = UserDict(base)",
        "m['b'] = 2\nu['z'] = 1",
        "base['c'] = 3",
        "print(dict(m), u)",
    ),
    "heapq changes a list": (
        "import heapq\nh = [5, 3, 8]",
        "heapq.heapify(h)",
        "heapq.heappush(h, 1)",
        "m = heapq.heappop(h)",
        "print(m, h)",
    ),
    "bisect changes a list": (
        "import bisect\nl = [1, 5]",
        "bisect.insort(l, 3)",
        "print(l)",
    ),
    "a list is sorted and reversed": (
        "l = [3, 1, 2]",
        "l.sort()",
        "l.reverse()",
        "print(l)",
    ),
    "a memoryview writes through": (
        "b = bytearray(b'abc')",
        "m = memoryview(b)",
        "m[0] = 122",
        "print(b)",
    ),
    "a key is told by its identity": (
        "class K: pass\nk = K()\nd = {k: 1}",
        "d[K()] = 2",
        "print(len(d), d[k])",
    ),
    "`is` tells names of one object": (
        "a = [1]\nb = [1]",
        "print(a is b, id(a) == id(a))",
        "b = a",
        "print(a is b)",
    ),
    "functions are kept in a registry": (
        "hooks = {}\ndef hook(f):\n    hooks[f.__name__] = f\n    return f",
        "@hook\ndef one(): return 1",
        "@hook\ndef two(): return 2",
        "print({n: f() for n, f in hooks.items()}, hooks['two'] is two)",
    ),
    "data is nested three thousand deep": (
        "def deep(n):\n    x = []\n    for _ in range(n): x = [x]\n    return x",
        "x = deep(3000)",
        "x.append(1)",
        "print(len(x))",
    ),
    # Arrays
    "a view of an array": (
        "import numpy as np\na = np.arange(5)",
        "v = a[1:3]",
        "v[0] = 100",
        "print(a)",
    ),
    "a view of a view": (
        "import numpy as np\na = np.zeros((2, 2))",
        "v = a.T.reshape(-1)",
        "w = a.T[0]\nw += 1",
        "print(a, v)",
    ),
    "ufuncs in place": (
        "import numpy as np\na = np.ones(3)",
        "a += 1",
        "np.multiply(a, 3, out=a)",
        "print(a)",
    ),
    "a ufunc writes into `out`": (
        "import numpy as np\na = np.ones(3); o = np.zeros(3)",
        "r = np.add(a, a, out=o)",
        "r[0] = -1",
        "print(o, r)",
    ),
    "a ufunc adds at places": (
        "import numpy as np\na = np.zeros(3)",
        "np.add.at(a, [0, 0], 1)",
        "print(a)",
    ),
    "functions that put into arrays": (
        "import numpy as np\na = np.arange(3)",
        "np.put(a, [0], 9)\nnp.fill_diagonal(a.reshape(1, 3), 7)",
        "np.copyto(a[1:], 5)",
        "print(a)",
    ),
    "an array is sorted in place": (
        "import numpy as np\na = np.array([3, 1, 2])",
        "a.sort()",
        "print(a)",
    ),
    "an array is written through `flat`": (
        "import numpy as np\na = np.zeros(3)",
        "a.flat[1] = 4",
        "print(a)",
    ),
    "a record of an array is written": (
        "import numpy as np\na = np.zeros(2, dtype=[('x', 'i4'), ('y', 'i4')])",
        "a['x'] = 3",
        "r = a[0]\nr['y'] = 9",
        "print(a)",
    ),
    # Frames
    "columns and cells of a frame are set": (
        "import pandas as pd\ndf = pd.DataFrame({'x': [1, 2]})",
        "df['y'] = df.x * 2",
        "df.loc[0, 'x'] = 9",
        "print(df.to_dict())",
    ),
    "a column taken out is a copy": (
        "import pandas as pd\ndf = pd.DataFrame({'x': [1, 2]})",
        "s = df['x']",
        "s.iloc[0] = 100",
        "print(df.x.tolist(), s.tolist())",
    ),
    "a frame is changed in place": (
        "import pandas as pd\ndf = pd.DataFrame({'x': [2, 1, None]})",
        "df.dropna(inplace=True)",
        "df.sort_values('x', inplace=True)",
        "print(df.x.tolist())",
    ),
    "columns are inserted and popped": (
        "import pandas as pd\ndf = pd.DataFrame({'x': [2, 1]})",
        "df.insert(0, 'y', 5)",
        "p = df.pop('x')",
        "print(list(df), p.tolist())",
    ),
    "a frame has attributes": (
        "import pandas as pd\ndf = pd.DataFrame({'x': [2, 1]})",
        "df.attrs['unit'] = 'm'",
        "print(df.attrs)",
    ),
    "a frame holds lists": (
        "import pandas as pd\ndf = pd.DataFrame({'x': [[1], [2]]})",
        "df.x[0].append(5)",
        "print(df)",
    ),
    "values are taken out as an array": (
        "import pandas as pd\ndf = pd.DataFrame({'x': [1., 2.]})",
        "v = df.to_numpy(copy=True)",
        "v[0] = 9",
        "print(df, v)",
    ),
    "a frame is bound anew, smaller": (
        "import pandas as pd\ndf = pd.DataFrame({'x': [1, None, 2]})",
        "df = df.dropna()",
        "df = df[df.x > 1]",
        "print(df)",
    ),
    "a groupby sees its frame change": (
        "import pandas as pd\ndf = pd.DataFrame({'k': [1, 1, 2], 'v': [1, 2, 3]})",
        "g = df.groupby('k')",
        "df['v'] = df.v * 10",
        "print(g.v.sum().tolist(), df.v.sum())",
    ),
    "a groupby is asked twice": (
        "import pandas as pd\ndf = pd.DataFrame({'k': [1, 1, 2], 'v': [1, 2, 3]})",
        "g = df.groupby('k')",
        "print(g.sum())",
        "print(g.v.mean())",
    ),
    "an Arrow table is bound anew": (
        "import pyarrow as pa\nt = pa.table({'x': [1, 2]})",
        "t = t.append_column('y', [[3, 4]])",
        "print(t.num_columns, t.to_pydict())",
    ),
    "a frame of polars is written": (
        "import polars as pl\ndf = pl.DataFrame({'x': [1, 2]})",
        "df = df.with_columns(y=pl.col('x') * 2)",
        "df[0, 'x'] = 9",
        "print(df.to_dict(as_series=False))",
    ),
    "a series of polars grows": (
        "import polars as pl\ns = pl.Series('x', [1])",
        "s.append(pl.Series('x', [2]))",
        "print(s.to_list())",
        "e = s\ne.extend(pl.Series('x', [3]))",
        "print(s.to_list())",
    ),
    # Functions and classes
    "a closure counts": (
        "def counter():\n    n = 0\n    def up():\n        nonlocal n\n        n += 1\n        return n\n    return up\nup = counter()",
        "print(up())",
        "print(up(), up())",
    ),
    "a closure keeps a list": (
        "def make():\n    seen = []\n    def add(x):\n        seen.append(x)\n        return seen\n    return add\nadd = make()",
        "r = add(1)",
        "add(2)",
        "print(r)",
    ),
    "a default argument grows": (
        "def f(x, seen=[]):\n    seen.append(x)\n    return seen",
        "print(f(1))",
        "print(f(2))",
    ),
    "a function has attributes": (
        "def f():\n    f.calls += 1\n    return f.calls\nf.calls = 0",
        "f()",
        "print(f())",
        "print(f.calls)",
    ),
    "a function binds a global name": (
        "n = 0\ndef bump():\n    global n\n    n += 1",
        "bump()",
        "bump()",
        "print(n)",
    ),
    "a function appends to a global list": (
        "log = []\ndef note(x):\n    log.append(x)",
        "note(1)",
        "note(2)",
        "print(log)",
    ),
    "a method changes its object": (
        "class O:\n    def __init__(self):\n        self.n = 0\n    def inc(self, k):\n        self.n += k",
        "o = O()",
        "o.inc(5)",
        "print(o.n)",
        "o.inc(1)",
        "print(o.n)",
    ),
    "a bound method does": (
        "class O:\n    n = 0\n    def inc(self):\n        self.n += 1",
        "o = O()\nup = o.inc",
        "up()",
        "print(o.n)",
    ),
    "a class has attributes": (
        "class K:\n    n = 0\n    seen = []",
        "k = K()",
        "K.n = 5\nk.seen.append(1)",
        "print(k.n, K.seen, K().seen)",
    ),
    "a class counts its instances": (
        "class K:\n    made = 0\n    def __init__(self):\n        type(self).made += 1",
        "k = K()",
        "l = K()",
        "print(K.made)",
    ),
    "attributes are set by name": (
        "class K: pass\nk = K()",
        "setattr(k, 'x', 3)",
        "vars(k)['y'] = 4",
        "k.__dict__.update(z=5)",
        "print(vars(k))",
    ),
    "a method is replaced": (
        "class K:\n    def f(self): return 1\nk = K()",
        "K.f = lambda self: 2",
        "print(k.f())",
    ),
    "an object changes its class": (
        "class A: w = 'A'\nclass B: w = 'B'\no = A()",
        "o.__class__ = B",
        "print(o.w)",
    ),
    "a property changes its object when read": (
        "class P:\n    n = 0\n    @property\n    def x(self):\n        self.n += 1\n        return self.n\np = P()",
        "print(p.x)",
        "print(p.x)",
    ),
    "a property sets": (
        "class P:\n    @property\n    def x(self): return self._x\n    @x.setter\n    def x(self, v): self._x = v * 2\np = P()",
        "p.x = 4",
        "print(p.x)",
    ),
    "`repr` changes the object": (
        "class R:\n    n = 0\n    def __repr__(self):\n        self.n += 1\n        return str(self.n)\nr = R()",
        "print(r)",
        "print([r])",
        "x = f'{r}'",
        "print(x, r.n)",
    ),
    "operators change the object": (
        "class V:\n    def __init__(self): self.n = 0\n    def __add__(self, o):\n        self.n += o\n        return self.n\n    def __len__(self):\n        self.n += 1\n        return self.n\n    def __contains__(self, x):\n        self.n += 1\n        return True\nv = V()",
        "print(v + 1)",
        "print(len(v))",
        "print(1 in v)",
        "print(v.n)",
    ),
    "iteration changes the object": (
        "class V:\n    n = 0\n    def __iter__(self):\n        self.n += 1\n        return iter([self.n])\n    def __getitem__(self, i):\n        self.n += 10\n        return self.n\nv = V()",
        "print(list(v))",
        "print(v[0])",
        "[x] = v",
        "print(v.n, x)",
    ),
    "a context manager changes itself": (
        "class M:\n    n = 0\n    def __enter__(self): self.n += 1\n    def __exit__(self, *a): pass\nm = M()",
        "with m: pass",
        "print(m.n)",
    ),
    "a dataclass": (
        "from dataclasses import dataclass, field\n@dataclass\nclass D:\n    x: int = 0\n    ys: list = field(default_factory=list)",
        "d = D()",
        "d.x += 1\nd.ys.append(2)",
        "e = d",
        "e.ys.append(3)",
        "print(d, e)",
    ),
    "a named tuple holds a list": (
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\np = P([1], 2)",
        "p.x.append(2)",
        "print(p)",
    ),
    "a frozen dataclass holds a list": (
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass D:\n    ys: list\nd = D([1])",
        "d.ys.append(3)",
        "object.__setattr__(d, 'ys', [9, *d.ys])",
        "print(d)",
    ),
    "an object with slots": (
        "class S:\n    __slots__ = ('x', 'y')\ns = S()\ns.x = 1",
        "s.x += 1\ns.y = [1]",
        "s.y.append(2)",
        "print(s.x, s.y)",
    ),
    "a namespace object": (
        "from types import SimpleNamespace\no = SimpleNamespace(x=1)",
        "o.x += 1\no.y = 2",
        "print(o)",
    ),
    "a partial function keeps a list": (
        "from functools import partial\nxs = []\nadd = partial(xs.append, 3)",
        "add()",
        "add()",
        "print(xs)",
    ),
    "a cached property": (
        "from functools import cached_property\nclass C:\n    n = 0\n    @cached_property\n    def x(self):\n        C.n += 1\n        return [C.n]\nc = C()",
        "print(c.x)",
        "c.x.append(7)",
        "print(c.x)",
    ),
    "subclasses register with their base": (
        "class Base:\n    kinds = []\n    def __init_subclass__(cls): Base.kinds.append(cls.__name__)",
        "class A(Base): pass",
        "class B(Base): pass",
        "print(Base.kinds)",
    ),
    "a list with attributes": (
        "class L(list):\n    pass\nl = L([1])\nl.tag = 0",
        "l.append(2)\nl.tag += 1",
        "print(l, l.tag)",
    ),
    "a dict makes what it misses": (
        "class D(dict):\n    def __missing__(self, k):\n        self[k] = len(self)\n        return self[k]\nd = D()",
        "d['a']",
        "d['b']",
        "print(d)",
    ),
    "functions read names that are bound later": (
        "fs = [lambda: n for _ in range(2)]",
        "n = 1",
        "print(fs[0]())",
        "n = 2",
        "print(fs[1]())",
    ),
    "an exception is kept": (
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    err = e",
        "err.note = 1",
        "print(repr(err), err.note)",
    ),
    "an exception holds a list": (
        "e = ValueError([1])",
        "e.args[0].append(2)",
        "print(e)",
    ),
    "a recursion comes to its end": (
        "def f(n): return f(n + 1)",
        "try:\n    f(0)\nexcept RecursionError:\n    print('deep')",
        "print('after')",
    ),
    "copying is forbidden": (
        "class U:\n    def __init__(self): self.n = 0\n    def __copy__(self): raise TypeError\n    def __deepcopy__(self, m): raise TypeError\n    def __reduce_ex__(self, p): raise TypeError\nu = U()",
        "u.n += 1",
        "print(u.n)",
    ),
    "`__eq__` says that all are alike": (
        "class L:\n    def __init__(self, v): self.v = v\n    def __eq__(self, o): return True\n    def __hash__(self): return 1\na = L(1)",
        "a.v = 2",
        "print(a.v)",
    ),
    "`__eq__` raises": (
        "class L:\n    def __init__(self, v): self.v = v\n    def __eq__(self, o): raise RuntimeError\n    __hash__ = object.__hash__\na = L(1)\nxs = [a]",
        "xs.append(L(3))",
        "print([x.v for x in xs])",
    ),
    "`__getattr__` raises": (
        "class G:\n    def __getattr__(self, n): raise RuntimeError(n)\ng = G()",
        "g.x = 1",
        "print(g.x)",
    ),
    "a class lies about itself": (
        "class G:\n    @property\n    def __class__(self): return int\n    n = 0\ng = G()",
        "g.n = 4",
        "print(g.n)",
    ),
    # Iterators
    "an iterator": (
        "it = iter([1, 2, 3])",
        "print(next(it))",
        "print(next(it))",
        "print(list(it))",
    ),
    "a generator expression": (
        "g = (n * n for n in range(4))",
        "print(next(g))",
        "print(list(g))",
    ),
    "a generator is sent values": (
        "def gen():\n    total = 0\n    while True:\n        got = yield total\n        total += got or 1\ng = gen()",
        "print(next(g))",
        "print(g.send(5))",
        "print(next(g))",
    ),
    "zip and map": (
        "z = zip([1, 2], 'ab')\nm = map(str, [1, 2])",
        "print(next(z), next(m))",
        "print(list(z), list(m))",
    ),
    "enumerate and count": (
        "import itertools\nc = itertools.count()\ne = enumerate('ab')",
        "print(next(c), next(e))",
        "print(next(c), next(e))",
    ),
    "an iterator of a dict": (
        "d = {'a': 1, 'b': 2}\nit = iter(d.items())",
        "print(next(it))",
        "print(next(it))",
    ),
    "a file in memory": (
        "import io\ns = io.StringIO()",
        "s.write('one')",
        "s.write(' two')",
        "print(s.getvalue(), s.tell())",
    ),
    "`in` uses an iterator up": (
        "it = iter([1, 2, 3, 4])",
        "print(2 in it)",
        "print(list(it))",
    ),
    "unpacking uses an iterator up": (
        "it = iter([1, 2, 3, 4])",
        "a, *b = it",
        "print(a, b, list(it))",
    ),
    "an iterator of one's own": (
        "class N:\n    def __init__(self): self.i = 0\n    def __iter__(self): return self\n    def __next__(self):\n        self.i += 1\n        return self.i\nn = N()",
        "print(next(n))",
        "for x in n:\n    if x > 3: break",
        "print(n.i)",
    ),
    "an open file is read line by line": (
        "f = open('in.txt')",
        "print(f.readline())",
        "print(f.readline())",
        "f.close()",
    ),
    # Random
    "random": (
        "import random\nrandom.seed(7)",
        "a = random.random()",
        "b = random.random()",
        "print(a, b)",
    ),
    "numpy's global generator": (
        "import numpy as np\nnp.random.seed(7)",
        "a = np.random.rand()",
        "b = np.random.randn(2)",
        "print(a, b, np.random.randint(10))",
    ),
    "a generator of numpy": (
        "import numpy as np\nrng = np.random.default_rng(7)",
        "a = rng.random()",
        "b = rng.normal(size=2)",
        "print(a, b, rng.integers(10))",
    ),
    "an old generator of numpy": (
        "import numpy as np\nrng = np.random.RandomState(7)",
        "a = rng.rand()",
        "print(a, rng.rand())",
    ),
    "a generator of random": (
        "import random\nr = random.Random(7)",
        "a = r.random()",
        "print(a, r.random())",
    ),
    "random shuffles a list": (
        "import random\nrandom.seed(1)\nl = list(range(8))",
        "random.shuffle(l)",
        "print(l, random.random())",
    ),
    "a generator shuffles a list": (
        "import random\nr = random.Random(3)\nl = list(range(8))",
        "r.shuffle(l)",
        "print(l)",
        "print(r.random())",
    ),
    "pandas draws": (
        "import numpy as np, pandas as pd\nnp.random.seed(0)\ndf = pd.DataFrame({'x': range(9)})",
        "s = df.sample(3)",
        "t = df.sample(3)",
        "print(s.x.tolist(), t.x.tolist())",
    ),
    "a state is put back": (
        "import random\nrandom.seed(3)\nstate = random.getstate()",
        "print(random.random())",
        "random.setstate(state)",
        "print(random.random())",
    ),
    "seeded again between draws": (
        "import random\nrandom.seed(1)",
        "print(random.random())",
        "random.seed(2)",
        "print(random.random())",
        "print(random.random())",
    ),
    "a function draws": (
        "import random\nrandom.seed(1)\ndef roll(): return random.randint(1, 6)",
        "print([roll() for _ in range(5)])",
        "print(roll())",
    ),
    "scikit-learn draws": (
        "import numpy as np\nfrom sklearn.model_selection import train_test_split\nnp.random.seed(0)",
        "a, b = train_test_split(range(8))",
        "c, d = train_test_split(range(8))",
        "print(a, c)",
    ),
    # Settings
    "environment variables": (
        "import os\nos.environ['HARD'] = '1'",
        "print(os.environ.get('HARD'))",
        "os.environ['HARD'] = '2'",
        "print(os.environ['HARD'])",
        "del os.environ['HARD']",
        "print('HARD' in os.environ)",
    ),
    "environment variables by other ways": (
        "import os",
        "os.environ.setdefault('HARD', 'x')\nos.environ.update(HARD2='y')",
        "print(os.getenv('HARD'), os.getenv('HARD2'))",
    ),
    "the working directory": (
        "import os\nos.makedirs('sub', exist_ok=True)",
        "os.chdir('sub')",
        "print(os.path.basename(os.getcwd()))",
        "os.chdir('..')",
        "print(os.path.basename(os.getcwd()) == 'sub')",
    ),
    "warnings filters": (
        "import warnings\nwarnings.simplefilter('error')",
        "try:\n    warnings.warn('w')\n    print('no')\nexcept UserWarning:\n    print('raised')",
        "warnings.simplefilter('ignore')",
        "warnings.warn('w')\nprint('fine')",
    ),
    "the decimal context": (
        "import decimal",
        "decimal.getcontext().prec = 5",
        "print(decimal.Decimal(1) / 3)",
        "decimal.getcontext().prec = 9",
        "print(decimal.Decimal(1) / 3)",
    ),
    "options of pandas": (
        "import pandas as pd\npd.set_option('display.max_rows', 5)",
        "print(pd.get_option('display.max_rows'))",
        "pd.options.display.max_rows = 7",
        "print(pd.options.display.max_rows)",
    ),
    "options of numpy": (
        "import numpy as np\nnp.set_printoptions(precision=2)",
        "print(np.array([1 / 3]))",
        "np.set_printoptions(precision=5)",
        "print(np.array([1 / 3]))",
    ),
    "settings of matplotlib": (
        "import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt",
        "plt.rcParams['lines.linewidth'] = 4",
        "print(plt.rcParams['lines.linewidth'])",
        "plt.rcParams['lines.linewidth'] = 6",
        "print(plt.rcParams['lines.linewidth'])",
    ),
    "output goes elsewhere for a while": (
        "import contextlib, io\nout = io.StringIO()",
        "with contextlib.redirect_stdout(out):\n    print('hidden')",
        "print(out.getvalue())",
    ),
    # Names
    "exec": (
        "exec('x = 1')",
        "print(x)",
        "exec('x += 1')",
        "print(x)",
    ),
    "eval": (
        "x = 1",
        "print(eval('x + 1'))",
        "x = 5",
        "print(eval('x + 1'))",
    ),
    "del and bound again": (
        "x = 1\ny = 2",
        "del x",
        "x = 3",
        "print(x, y)",
    ),
    "a definition under a condition": (
        "flag = True",
        "x = 1",
        "if flag:\n    x = 2",
        "print(x)",
    ),
    "a star import": (
        "from math import *",
        "print(floor(2.5))",
        "floor = len",
        "print(floor('abc'))",
    ),
    "a builtin is bound anew": (
        "print(sum([1, 2]))",
        "sum = len",
        "print(sum([1, 2, 3]))",
        "del sum",
        "print(sum([5]))",
    ),
    "a name is redefined twice": (
        "x = 1",
        "print(x)",
        "x = x + 1",
        "print(x)",
        "x *= 5",
        "print(x)",
    ),
    "a module under another name": (
        "import os.path as p",
        "print(p.join('a', 'b'))",
        "import posixpath as p",
        "print(p.join('a', 'b'))",
    ),
    "NaN": (
        "x = float('nan')",
        "y = [x]",
        "print(x in y, x == x)",
    ),
    # Libraries
    "an estimator is fitted again": (
        "import numpy as np\nfrom sklearn.linear_model import LinearRegression\nX, y = np.arange(4.).reshape(-1, 1), np.arange(4.)",
        "m = LinearRegression()",
        "m.fit(X, y) and None",
        "print(m.coef_.round(3))",
        "m.fit(X, y * 2) and None",
        "print(m.coef_.round(3))",
    ),
    "an estimator is fitted further": (
        "import numpy as np\nfrom sklearn.linear_model import SGDRegressor\nX, y = np.arange(4.).reshape(-1, 1), np.arange(4.)\nm = SGDRegressor(random_state=0)",
        "m.partial_fit(X, y) and None",
        "print(m.t_)",
        "m.partial_fit(X, y) and None",
        "print(m.t_)",
    ),
    "a graph grows": (
        "import networkx as nx\ng = nx.Graph()",
        "g.add_edge(1, 2)",
        "g.add_edge(2, 3)",
        "print(g.number_of_edges())",
    ),
    "a sparse matrix is written": (
        "import scipy.sparse as sp\nm = sp.lil_array((2, 2))",
        "m[0, 0] = 1",
        "print(m.toarray())",
    ),
    "an object of a module of one's own": (
        "import sys\nsys.path.insert(0, '.')\nfrom own import C\nc = C()",
        "c.x = [1]",
        "c.x.append(2)",
        "print(c.x)",
    ),
    # Files
    "a file is written twice": (
        "open('f.txt', 'w').write('1') and None",
        "print(open('f.txt').read())",
        "open('f.txt', 'w').write('2') and None",
        "print(open('f.txt').read())",
    ),
    "a file is written by its path": (
        "from pathlib import Path\np = Path('f.txt')\np.write_text('1') and None",
        "print(p.read_text())",
    ),
    "a file is renamed": (
        "open('f.txt', 'w').write('1') and None",
        "import os\nos.replace('f.txt', 'g.txt')",
        "print(open('g.txt').read(), os.path.exists('f.txt'))",
    ),
    "a directory is listed": (
        "import os\nos.makedirs('d', exist_ok=True)",
        "open('d/a', 'w').close()",
        "print(sorted(os.listdir('d')))",
        "open('d/b', 'w').close()",
        "print(sorted(os.listdir('d')))",
    ),
    "files are found by a pattern": (
        "from pathlib import Path\nPath('d').mkdir(exist_ok=True)\nPath('d/a.csv').touch()",
        "print(sorted(p.name for p in Path('d').glob('*.csv')))",
        "Path('d/b.csv').touch()",
        "print(sorted(p.name for p in Path('d').glob('*.csv')))",
    ),
    "a file is not flushed yet": (
        "f = open('f.txt', 'w')\nf.write('1') and None",
        "print(repr(open('f.txt').read()))",
        "f.flush()",
        "print(repr(open('f.txt').read()))",
    ),
    "CSV": (
        "import pandas as pd\npd.DataFrame({'x': [1]}).to_csv('f.csv', index=False)",
        "df = pd.read_csv('f.csv')",
        "df['y'] = 3\ndf.to_csv('g.csv', index=False)",
        "print(pd.read_csv('g.csv'))",
    ),
    "Parquet": (
        "import pandas as pd\npd.DataFrame({'x': [1]}).to_parquet('f.pq')",
        "df = pd.read_parquet('f.pq')",
        "print(df)",
    ),
    "arrays are saved": (
        "import numpy as np\nnp.save('a.npy', np.arange(3))",
        "b = np.load('a.npy')",
        "print(b)",
    ),
    "JSON and pickle": (
        "import json, pickle\njson.dump([1], open('a.json', 'w'))\npickle.dump([1], open('a.pkl', 'wb'))",
        "x = json.load(open('a.json')); y = pickle.load(open('a.pkl', 'rb'))",
        "x.append(2)",
        "print(x, y)",
    ),
    "a file is removed": (
        "open('f', 'w').close()",
        "import os\nos.remove('f')",
        "print(os.path.exists('f'))",
    ),
    "a database in a file": (
        "import sqlite3\ndb = sqlite3.connect('x.db')\ndb.executescript('drop table if exists t; create table t (x); insert into t values (1)')\ndb.commit(); db.close()",
        "db = sqlite3.connect('x.db')\nrows = db.execute('select x from t').fetchall()\ndb.close()",
        "print(rows)",
    ),
    "a file is copied": (
        "import shutil\nopen('f', 'w').write('1') and None",
        "shutil.copy('f', 'g') and None",
        "print(open('g').read())",
    ),
    "a program writes a file": (
        "import subprocess\nsubprocess.run(['sh', '-c', 'echo 1 > s.txt']) and None",
        "print(open('s.txt').read())",
    ),
    "a shell writes a file": (
        "import os\nos.system('echo 1 > s.txt') and None",
        "print(open('s.txt').read())",
    ),
    "a file is measured": (
        "import os\nopen('f', 'w').write('123') and None",
        "print(os.path.getsize('f'))",
        "open('f', 'w').write('12') and None",
        "print(os.stat('f').st_size)",
    ),
    "a shelf": (
        "import shelve\nwith shelve.open('s') as s:\n    s['x'] = 1",
        "with shelve.open('s') as s:\n    print(dict(s))",
    ),
    "a class that others register with": (
        "from abc import ABC\nclass A(ABC): pass\nclass B: pass",
        "print(isinstance(B(), A))",
        "A.register(B)",
        "print(isinstance(B(), A))",
    ),
    "a metaclass that keeps a list": (
        "class Meta(type):\n    made = []\n    def __init__(cls, *a):\n        Meta.made.append(cls.__name__)",
        "class A(metaclass=Meta): pass",
        "class B(A): pass",
        "print(Meta.made)",
    ),
    "a module is patched twice": (
        "import math",
        "math.tau = 3",
        "print(math.tau)",
        "math.tau = 4",
        "print(math.tau)",
    ),
    "a module is patched under another name": (
        "import math\nm = math",
        "m.tau = 3",
        "import math as other\nprint(other.tau)",
    ),
    "a module is patched by `setattr`": (
        "import math",
        "setattr(math, 'tau', 3)",
        "print(math.tau)",
    ),
    "a class of a library is patched": (
        "import fractions",
        "fractions.Fraction.note = 5",
        "print(fractions.Fraction(1).note)",
    ),
    "a class of pandas is patched": (
        "import pandas as pd",
        "pd.DataFrame.twice = lambda self: self * 2",
        "print(pd.DataFrame({'x': [1]}).twice())",
    ),
    "the builtins get a name": (
        "import builtins",
        "builtins.HARD = 3",
        "print(getattr(builtins, 'HARD', None))",
    ),
    "a module is put among those imported": (
        "import sys, types\nm = types.ModuleType('hardmod')\nm.x = 1",
        "sys.modules['hardmod'] = m",
        "import hardmod\nprint(hardmod.x)",
    ),
    "a module of one's own counts": (
        "import sys\nsys.path.insert(0, '.')",
        "import own",
        "own.bump() and None",
        "print(own.n)",
    ),
    "a module of one's own counts when it is looked at": (
        "import sys\nsys.path.insert(0, '.')\nimport own",
        "print(own.bump())",
        "print(own.bump())",
    ),
    "a module of one's own keeps a list": (
        "import sys\nsys.path.insert(0, '.')\nimport own",
        "own.add(1)",
        "print(own.xs)",
        "own.add(2)",
        "print(own.xs)",
    ),
    "a list of a module grows": (
        "import sys\nsys.path.insert(0, '.')\nimport own",
        "own.xs.append(1)",
        "print(own.xs)",
    ),
    "a name of a module of one's own is set": (
        "import sys\nsys.path.insert(0, '.')\nimport own",
        "own.n = 10",
        "print(own.bump())",
    ),
    "a function of a module of one's own counts": (
        "import sys\nsys.path.insert(0, '.')\nfrom own import bump",
        "print(bump())",
        "print(bump())",
    ),
    "a list and who changes it come from a module": (
        "import sys\nsys.path.insert(0, '.')\nfrom own import xs, add",
        "add(1)",
        "print(xs)",
    ),
    "a class of a module of one's own counts": (
        "import sys\nsys.path.insert(0, '.')\nfrom own import C",
        "c = C()",
        "d = C()",
        "print(C.made)",
    ),
    "a class of a module of one's own is set": (
        "import sys\nsys.path.insert(0, '.')\nfrom own import C",
        "C.made = 7",
        "print(C.made)",
    ),
    "a lock": (
        "import threading\nlock = threading.Lock()",
        "print(lock.acquire(blocking=False))",
        "print(lock.acquire(blocking=False))",
    ),
    "the level of a logger": (
        "import logging\nlog = logging.getLogger('hard')\nlog.setLevel(10)",
        "print(log.level)",
        "log.setLevel(30)",
        "print(log.level)",
    ),
    "the handlers of a logger": (
        "import logging, io\nout = io.StringIO()\nlog = logging.getLogger('hard')\nlog.addHandler(logging.StreamHandler(out))\nlog.propagate = False",
        "log.warning('one')",
        "log.warning('two')",
        "print(out.getvalue())",
    ),
    "the recursion limit": (
        "import sys",
        "sys.setrecursionlimit(5000)",
        "print(sys.getrecursionlimit())",
        "sys.setrecursionlimit(6000)",
        "print(sys.getrecursionlimit())",
    ),
    "the switch interval": (
        "import sys",
        "print(sys.getswitchinterval())",
        "sys.setswitchinterval(0.02)",
        "print(sys.getswitchinterval())",
    ),
    "a file is written through a handle that stays open": (
        "f = open('f.txt', 'w')",
        "f.write('1') and None",
        "f.close()",
        "print(open('f.txt').read())",
    ),
    "columns are renamed in place": (
        "import pandas as pd\ndf = pd.DataFrame({'x': [2, 1]})",
        "df.columns = ['z']",
        "df.index.name = 'i'",
        "print(df)",
    ),
}

# Where nobody can look: a cell that is marked stale, and a word of the reason.
UNPROVEN: Mapping[str, tuple[Sources, str, str]] = {
    "an array of the standard library": (
        (
            "from array import array\nv = array('i', [1, 2])",
            "v.append(3)",
            "print(v)",
        ),
        "b",
        "`array.array`",
    ),
    "an iterator is doubled": (
        (
            "import itertools\na, b = itertools.tee([1, 2, 3])",
            "print(next(a))",
            "print(list(b), list(a))",
        ),
        "b",
        "_tee",
    ),
    "a reader of CSV": (
        (
            "import csv, io\nr = csv.reader(io.StringIO('a,b\\nc,d\\n'))",
            "print(next(r))",
            "print(next(r))",
        ),
        "b",
        "_csv",
    ),
    "a variable of a context": (
        (
            "from contextvars import ContextVar\nv = ContextVar('v', default=0)",
            "v.set(5)",
            "print(v.get())",
            "v.set(7)",
            "print(v.get())",
        ),
        "b",
        "ContextVar",
    ),
    "a database in memory": (
        (
            "import sqlite3\ndb = sqlite3.connect(':memory:')\ndb.execute('create table t (x)') and None",
            "db.execute('insert into t values (1)') and None",
            "print(db.execute('select count(*) from t').fetchall())",
        ),
        "b",
        "`sqlite3.Connection`",
    ),
    "a cursor of a database": (
        (
            "import sqlite3\ndb = sqlite3.connect(':memory:')\ncur = db.executescript('create table t (x); insert into t values (1), (2)').execute('select x from t')",
            "print(cur.fetchone())",
            "print(cur.fetchone())",
        ),
        "b",
        "`sqlite3.",
    ),
    "a hash is fed": (
        (
            "import hashlib\nh = hashlib.md5()",
            "h.update(b'a')",
            "h.update(b'b')",
            "print(h.hexdigest())",
        ),
        "b",
        "`_hashlib.HASH`",
    ),
    "a compressor is fed": (
        (
            "import zlib\nc = zlib.compressobj()",
            "x = c.compress(b'a')",
            "print(len(c.flush()))",
        ),
        "b",
        "`zlib.Compress`",
    ),
    "matches are found one by one": (
        (
            "import re\nm = re.finditer('a', 'aaa')",
            "print(next(m).start())",
            "print(next(m).start())",
        ),
        "b",
        "nobody can see",
    ),
    "names are set through `globals`": (
        (
            "globals()['x'] = 1",
            "print(x)",
            "globals()['x'] = 2",
            "print(x)",
        ),
        "a",
        "`globals`",
    ),
    "a function sets names through `globals`": (
        (
            "def put(n, v):\n    globals()[n] = v",
            "put('x', 1)",
            "print(x)",
            "put('x', 2)",
            "print(x)",
        ),
        "b",
        "`globals`",
    ),
    "names are listed": (
        (
            "x = 1",
            "print(x)",
            "del x",
            "print('x' in dir())",
        ),
        "d",
        "`dir`",
    ),
    "a file is looked for that a cell below makes": (
        (
            "import os\nprint(os.path.exists('f.txt'))",
            "open('f.txt', 'w').close()",
            "print(os.path.exists('f.txt'))",
        ),
        "a",
        "a cell below has written",
    ),
    "a file in memory is mapped": (
        (
            "import numpy as np\nm = np.memmap('m.bin', dtype='i4', mode='w+', shape=3)\nm[:] = 1\nm.flush()",
            "m[0] = 7\nm.flush()",
            "print(np.fromfile('m.bin', dtype='i4'))",
        ),
        "b",
        "`mmap.mmap`",
    ),
}

# What is wrong and does not say so yet, and why.
# Right, or said not to be known: which of the two depends on what else the notebook does.
HONEST: Mapping[str, Sources] = {
    "a queue": (
        "import queue\nq = queue.Queue()",
        "q.put(1)\nq.put(2)",
        "print(q.get(timeout=0.1))",
        "print(q.qsize())",
    ),
    "an event": (
        "import threading\ne = threading.Event()",
        "print(e.is_set())",
        "e.set()",
        "print(e.is_set())",
    ),
    "a thread's own namespace": (
        "import threading\nlocal = threading.local()\nlocal.x = 1",
        "local.x += 1",
        "print(local.x)",
    ),
    "a socket": (
        "import socket\na, b = socket.socketpair()\nb.settimeout(0.2)",
        "n = a.send(b'xy')",
        "print(b.recv(1))",
        "print(b.recv(1))",
    ),
    "a dict of weak references": (
        "import weakref\nclass K: pass\nk = K()\nw = weakref.WeakValueDictionary()",
        "w['k'] = k",
        "print(len(w))",
    ),
    "a decimal context of one's own": (
        "import decimal\nctx = decimal.Context(prec=3)",
        "print(ctx.divide(decimal.Decimal(1), decimal.Decimal(3)))",
        "ctx.prec = 5",
        "print(ctx.prec)",
    ),
    "a function that tells types apart": (
        "from functools import singledispatch\n@singledispatch\ndef f(x): return 'any'",
        "@f.register\ndef _(x: int): return 'int'",
        "print(f(1))",
    ),
    "a function of a module is patched and put back": (
        "import json\nreal = json.dumps",
        "json.dumps = lambda x: 'patched'",
        "print(json.dumps(1))",
        "json.dumps = real",
        "print(json.dumps(1))",
    ),
    "a module of one's own making has names": (
        "import types\nm = types.ModuleType('m')\nm.xs = []",
        "m.xs.append(1)\nm.y = 2",
        "print(m.xs, m.y)",
    ),
    "a module is loaded again": (
        "import sys, importlib\nsys.path.insert(0, '.')\nimport own",
        "own.add(1)",
        "importlib.reload(own) and None",
        "print(own.xs)",
    ),
    "a module that the notebook writes is loaded again": (
        "from pathlib import Path\nimport sys, importlib\nsys.path.insert(0, '.')\nsys.dont_write_bytecode = True\nPath('gen.py').write_text('v = 1') and None",
        "import gen\nimportlib.reload(gen) and None",
        "print(gen.v)",
        "Path('gen.py').write_text('v = 22') and None\nimportlib.invalidate_caches()",
        "importlib.reload(gen) and None",
        "print(gen.v)",
    ),
    "the module search path": (
        "import sys",
        "sys.path.insert(0, 'here')",
        "print(sys.path[0])",
    ),
}

WRONG: Mapping[str, tuple[Sources, str]] = {
    "a thread that outlives its cell": (
        (
            "import threading\nxs = []\ngo = threading.Event()\nt = threading.Thread(target=lambda: (go.wait(5), xs.append(1)))\nt.start()",
            "go.set()\nt.join()",
            "print(xs)",
        ),
        "what a thread changes, nobody looks at",
    ),
    "a cached function": (
        (
            "from functools import lru_cache\ncalls = []\n@lru_cache\ndef f(x):\n    calls.append(x)\n    return x",
            "f(1)",
            "f(1)",
            "print(calls, f.cache_info())",
        ),
        "the cache is no part of its state",
    ),
    "the current figure": (
        (
            "import matplotlib\nmatplotlib.use('Agg')\nimport matplotlib.pyplot as plt\nplt.figure() and None",
            "plt.plot([1]) and None",
            "plt.plot([2]) and None",
            "print(len(plt.gca().lines), plt.get_fignums())",
        ),
        "the figure that pyplot draws in is no resource",
    ),
    "a frame shares the memory of an array": (
        (
            "import pandas as pd, numpy as np\na = np.arange(3.)",
            "df = pd.DataFrame(a, copy=False)",
            "a[0] = 50",
            "print(df)",
        ),
        "the array of a frame is not looked at",
    ),
}

MODULE = "xs = []\nn = 0\ndef bump():\n    global n\n    n += 1\n    return n\ndef add(x):\n    xs.append(x)\nclass C:\n    made = 0\n    def __init__(self):\n        C.made += 1\n"

# Files that are there from the start: something to read, and a module of one's own.
FILES = {"in.txt": "one\ntwo\nthree\n", "own.py": MODULE}
