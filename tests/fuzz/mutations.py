"""Cells at random whose meetings are in objects: what they share, change in place, use up, write and draw.

Each theme has names with what defines them, and lines that change or read them. In a line, `<list>` stands
for one of the story's lists, `<0-5>` for a digit; a `;;` ends a line of the cell.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .writer import Writer


@dataclass(frozen=True)
class Theme:
    """Names of a kind, what defines them, and what is done with them."""

    names: Mapping[str, tuple[str, ...]]
    defines: Mapping[str, tuple[str, ...]]
    acts: tuple[str, ...]
    reads: tuple[str, ...]
    imports: tuple[str, ...] = ()
    # Kinds of other themes that its lines name.
    needs: tuple[str, ...] = ()


LISTS = Theme(
    names={"num": ("a", "b", "n"), "list": ("xs", "ys", "zs")},
    defines={
        "num": ("<num> = <0-5>",),
        "list": (
            "<list> = [1, 2, <0-5>]",
            "<list> = [<0-5>]",
            "<list> = list(range(<0-5>))",
            "<list> = [<num>, 3]",
        ),
    },
    acts=(
        "<list>.append(<0-5>)",
        "<list>.append(<num>)",
        "<list>.extend([<0-5>, <num>])",
        "<list>.extend(<list>[:2])",
        "<list>.insert(0, <0-5>)",
        "<list>.pop()",
        "<list>.remove(<0-5>)",
        "<list>.sort()",
        "<list>.reverse()",
        "<list>.clear()",
        "<list>[0] = <0-5>",
        "<list>[-1] += 1",
        "<list>[1:2] = [<0-5>, <0-5>]",
        "<list>[:] = [v + 1 for v in <list>]",
        "del <list>[0]",
        "del <list>[1:]",
        "<list> += [<0-5>]",
        "<list>[:] = (2 * <list>)[:6]",
        "heapq.heapify(<list>);;heapq.heappush(<list>, <0-5>)",
        "<num> = heapq.heappop(<list>)",
        "bisect.insort(<list>, <0-5>)",
        "<list> = <list>",
        "<list> = <list>[:]",
        "<list> = <list> + [<0-5>]",
        "<list>, <list> = <list>, <list>",
        "<list> = sorted(<list>)",
        "<num> = <list>.pop()",
        "<num> = len(<list>)",
        "<num> += 1",
        "for v in <list>:;;    <num> += v",
        "for v in <list>[:3]:;;    <list>.append(v)",
        "while len(<list>) > 4:;;    <list>.pop()",
        "if <list>:;;    <list>.append(len(<list>))",
        "(<list> if <num> > <0-5> else <list>).append(<0-5>)",
        "[<list>.append(v) for v in range(2)]",
        "del <list>",
        "for w in (<list>, <list>):;;    w.append(<0-5>)",
        "w = <list>;;w.append(<0-5>)",
        "(lambda v: v.append(<0-5>))(<list>)",
    ),
    reads=(
        "print(<list>)",
        "print(<list>, <list>)",
        "print(sum(<list>), <num>)",
        "print(<list> is <list>)",
        "<num> = sum(<list>)",
        "print(len(<list>), <list>[0])",
    ),
    imports=("import heapq, bisect", "import bisect;;import heapq"),
)

DICTS = Theme(
    names={"dict": ("d", "e"), "set": ("s", "t")},
    defines={
        "dict": (
            "<dict> = {'k': [<0-5>], 'm': {}}",
            "<dict> = {'k': <list>}",
            "<dict> = dict(k=[], m={'q': <0-5>})",
            "<dict> = {'k': <list>, 'l': <list>}",
        ),
        "set": ("<set> = {1, <0-5>}", "<set> = set(<list>)"),
    },
    acts=(
        "<dict>['k'] = <list>",
        "<dict>['k'].append(<0-5>)",
        "<dict>['k'] = <0-5>",
        "<dict>['m'] = <dict>",
        "<dict>['m'] = {'q': <0-5>}",
        "<dict>.update(n=<num>)",
        "<dict> |= {'z': <0-5>}",
        "<dict>.setdefault('l', []).append(<0-5>)",
        "<dict>.pop('k')",
        "del <dict>['k']",
        "<dict>.clear()",
        "<dict>.setdefault('m', {})['q'] = <0-5>",
        "<dict> = <dict>",
        "<dict> = dict(<dict>)",
        "<list> = <dict>['k']",
        "<list> = <dict>.get('l', <list>)",
        "for v in <dict>.values():;;    if isinstance(v, list):;;        v.append(<0-5>)",
        "<set>.add(<0-5>)",
        "<set>.discard(<0-5>)",
        "<set> |= {<0-5>, <num>}",
        "<set>.update(<list>)",
        "<set> = <set>",
        "<set> &= {1, 2, <0-5>}",
        "<dict>['s'] = <set>",
        "exec('<list>.append(<0-5>)')",
        "exec('<dict>[\"x\"] = <0-5>')",
    ),
    reads=(
        "print(<dict>)",
        "print(<dict>.get('k') is <list>)",
        "print(sorted(<dict>))",
        "print(sorted(<set>))",
        "print(<set> is <set>, len(<set>))",
        "print(<dict>.get('m'))",
    ),
    needs=("num", "list"),
)

NESTED = Theme(
    names={"nest": ("nn", "mm"), "tup": ("tt",)},
    defines={
        "nest": ("<nest> = [<list>, [<0-5>]]", "<nest> = [[1], [2, <0-5>]]", "<nest> = [<list>, <list>]"),
        "tup": ("<tup> = (<list>, [<0-5>])", "<tup> = (<list>, <list>)"),
    },
    acts=(
        "<nest>[0].append(<0-5>)",
        "<nest>[-1] = <list>",
        "<nest>.append(<list>)",
        "<nest>.append(<nest>)",
        "<nest>[0], <nest>[1] = <nest>[1], <nest>[0]",
        "<nest>.append([])",
        "<nest> = <nest>",
        "<nest> = [v for v in <nest>]",
        "<nest> = list(<nest>)",
        "<nest> = [[]] * 2",
        "<nest> = [<list>, <list>]",
        "for v in <nest>[:2]:;;    v.append(<0-5>)",
        "<nest>.reverse()",
        "del <nest>[0]",
        "<list> = <nest>[0]",
        "<tup>[0].append(<0-5>)",
        "<tup> = (<list>, <list>)",
        "<tup> = (<nest>, <list>)",
        "<list>, <list> = <tup>",
        "<tup>[1].clear()",
    ),
    reads=(
        "print(<nest>)",
        "print(<nest>[0] is <list>)",
        "print(<nest>[0] is <nest>[-1])",
        "print(<tup>)",
        "print(<tup>[0] is <list>)",
        "print(len(<nest>))",
    ),
    needs=("num", "list"),
)

OBJECTS = Theme(
    names={"class": ("K", "L"), "obj": ("o", "p")},
    defines={
        "class": (
            "class <class>:;;    count = 0;;    items = [];;    def __init__(self, x=0):;;        self.x = x"
            ";;        self.own = [];;    def m(self, y=1):;;        self.x += y;;        return self.x",
            "class <class>:;;    count = <0-5>;;    items = [<0-5>];;    __slots__ = ('x', 'own')"
            ";;    def __init__(self, x=0):;;        self.x = x;;        self.own = <list>"
            ";;    def m(self, y=1):;;        self.own.append(y);;        return len(self.own)",
            "class <class>:;;    count = 0;;    items = <list>;;    def __init__(self, x=0):"
            ";;        self._x = x"
            ";;        self.own = [x];;        <class>.count += 1;;    @property;;    def x(self):"
            ";;        return self._x;;    @x.setter;;    def x(self, v):;;        self.own.append(v)"
            ";;        self._x = v;;    def m(self, y=1):;;        self.items.append(y)"
            ";;        return self.count",
            "class Base:;;    count = 0;;    items = [];;    def m(self, y=1):;;        self.items.append(y)"
            ";;        return len(self.items);;    @classmethod;;    def up(cls):;;        cls.count += 1"
            ";;class <class>(Base):;;    def __init__(self, x=0):;;        self.x = x"
            ";;        self.own = <list>",
            "@dataclass;;class <class>:;;    x: int = 0;;    own: list = field(default_factory=list)"
            ";;    count = 0;;    items = [];;    def m(self, y=1):;;        self.own.append(y)"
            ";;        return self.x",
        ),
        "obj": ("<obj> = <class>(<0-5>)", "<obj> = <class>(<num>)", "<obj> = <class>()"),
    },
    acts=(
        "<obj>.x = <0-5>",
        "<obj>.x += 1",
        "<obj>.m(<0-5>)",
        "<num> = <obj>.m()",
        "<obj>.own.append(<0-5>)",
        "<obj>.own = <list>",
        "<obj>.items.append(<0-5>)",
        "<list> = <obj>.own",
        "<class>.count += 1",
        "<class>.items.append(<0-5>)",
        "<class>.items = <list>",
        "<class>.count = <num>",
        "<obj> = <obj>",
        "<obj> = <class>(<0-5>)",
        "setattr(<obj>, 'x', <0-5>)",
        "<list>.append(<obj>.x)",
        "del <obj>.own",
        "<class>.m = lambda self, y=1: <0-5>",
        "def go(v):;;    v.own.append(<0-5>);;go(<obj>)",
        "for v in (<obj>, <obj>):;;    v.m(<0-5>)",
        "<class>.up()",
        "<obj>.__dict__['x'] = <0-5>",
        "vars(<obj>)['own'] = <list>",
        "<obj>.own = <obj>",
        "<obj>.pal = <obj>",
        "<list>.append(<obj>)",
        "<obj> = copy.copy(<obj>)",
        "<obj> = copy.deepcopy(<obj>)",
        "<obj> = SimpleNamespace(x=<0-5>, own=<list>, items=[], count=0)",
        "<obj>.__class__ = <class>",
    ),
    reads=(
        "print(<obj>.x, <obj>.own)",
        "print(<class>.count, <class>.items)",
        "print(<obj>.own is <list>)",
        "print(<obj> is <obj>, <obj>.x)",
        "print(<obj>.count, <obj>.items)",
    ),
    imports=("import copy;;from dataclasses import dataclass, field;;from types import SimpleNamespace",),
    needs=("num", "list"),
)

FUNCTIONS = Theme(
    names={"fn": ("f", "g", "h")},
    defines={
        "fn": (
            "def <fn>(v=1):;;    <list>.append(v);;    return v",
            "def <fn>(v=1, memo=[]):;;    memo.append(v);;    return len(memo)",
            "def <fn>(v=1, memo=<list>):;;    memo.append(v);;    return sum(memo)",
            "def make():;;    k = <0-5>;;    def inner(v=1):;;        nonlocal k;;        k += v"
            ";;        return k"
            ";;    return inner;;<fn> = make()",
            "def keep(w):;;    def inner(v=1):;;        w.append(v);;        return len(w);;    return inner"
            ";;<fn> = keep(<list>)",
            "def <fn>(v=1):;;    global <num>;;    <num> = v + <0-5>;;    return <num>",
            "def <fn>(v=1):;;    return v + <num> + len(<list>)",
            "def <fn>(v=1):;;    <fn>.calls = getattr(<fn>, 'calls', 0) + v;;    return <fn>.calls",
            "<fn> = lambda v=1: <list>.append(v)",
            "def pair():;;    k = [];;    return k.append, lambda v=1: len(k);;<fn>, <fn> = pair()",
            "<fn> = <list>.append",
            "class Call:;;    def __init__(self, k):;;        self.k = k;;    def __call__(self, v=1):"
            ";;        self.k.append(v);;        return len(self.k);;<fn> = Call(<list>)",
            "def <fn>(v=1, *, d={'k': <list>}):;;    d['k'] = d['k'] + [v];;    return len(d['k'])",
        ),
    },
    acts=(
        "<fn>(<0-5>)",
        "<fn>(<num>)",
        "<num> = <fn>(<0-5>)",
        "<fn> = <fn>",
        "def change(v):;;    v.append(<0-5>);;change(<list>)",
        "def change(v):;;    v[:] = v[:1];;change(<list>)",
        "change(<list>)",
        "<list>.append(<fn>(<0-5>))",
        "for i in range(2):;;    <fn>(i)",
        "<list> = list(map(<fn>, [1, 2]))",
        "<num> = (lambda v: v(1))(<fn>)",
        "<fn> = functools.partial(<fn>, <0-5>)",
        "<fn>.note = <list>",
        "<list> = list(filter(<fn>, [1, 0]))",
        "<list>.sort(key=<fn>)",
        "globals()['<num>'] = <0-5>",
    ),
    reads=("print(<fn>(<0-5>))", "print(<fn>(1), <list>)", "print(<fn> is <fn>)", "print(callable(<fn>))"),
    imports=("import functools",),
    needs=("num", "list"),
)

ITERATORS = Theme(
    names={"it": ("it", "ju")},
    defines={
        "it": (
            "<it> = iter(<list>)",
            "<it> = iter([1, 2, 3, <0-5>])",
            "<it> = iter(range(<0-5>, 9))",
            "<it> = zip(<list>, range(5))",
            "<it> = map(str, [4, 5, 6, <0-5>])",
            "<it> = enumerate(<list>)",
            "<it> = (v + <0-5> for v in [1, 2, 3])",
            "<it> = (v for v in <list>)",
            "<it> = itertools.count(<0-5>)",
            "<it> = itertools.cycle([1, <0-5>])",
            "def gen():;;    for i in range(4):;;        <list>.append(i);;        yield i;;<it> = gen()",
            "def gen(k):;;    while k < 9:;;        k += 1;;        yield k;;<it> = gen(<0-5>)",
            "<it> = reversed(<list>)",
            "<it> = itertools.chain(<list>, [<0-5>])",
            "<it> = filter(None, <list>)",
            "class Steps:;;    def __init__(self, n):;;        self.n = n;;    def __iter__(self):"
            ";;        return self;;    def __next__(self):;;        self.n += 1;;        if self.n > 7:"
            ";;            raise StopIteration;;        return self.n;;<it> = Steps(<0-5>)",
            "<it> = itertools.accumulate(<list>)",
            "<it> = map(lambda v: <list>.append(v), [1, 2])",
        ),
    },
    acts=(
        "next(<it>, None)",
        "<num> = len(str(next(<it>, 0)))",
        "w = next(<it>, 0)",
        "<it> = <it>",
        "for v in <it>:;;    break",
        "<list> = [v for v, _ in zip(range(2), <it>)]",
        "<it> = itertools.islice(<it>, 3)",
        "<list>.append(len(str(next(<it>, 7))))",
    ),
    reads=(
        "print(next(<it>, None))",
        "print(list(itertools.islice(<it>, 2)))",
        "print(<it> is <it>)",
        "print(next(<it>, 'end'), next(<it>, 'end'))",
    ),
    imports=("import itertools",),
    needs=("num", "list"),
)

COLLECTIONS = Theme(
    names={"coll": ("q", "dd", "cc", "od", "ba")},
    defines={
        "coll": (
            "q = deque([1, <0-5>], maxlen=4);;dd = defaultdict(list);;cc = Counter('abca')"
            ";;od = OrderedDict(a=1, b=<list>);;ba = bytearray(b'ab')",
        ),
    },
    acts=(
        "q.append(<0-5>)",
        "q.appendleft(<num>)",
        "q.popleft()",
        "q.rotate(1)",
        "q.extend(<list>)",
        "dd[<0-5>].append(<num>)",
        "dd['k'].append(<0-5>)",
        "dd['k'] = <list>",
        "<list> = dd['k']",
        "cc.update('a')",
        "cc['b'] += <0-5>",
        "cc.subtract(a=1)",
        "od.move_to_end('a')",
        "od['c'] = <list>",
        "od.popitem(last=False)",
        "ba.extend(b'c')",
        "ba[0] = 9<0-5>",
        "mv = memoryview(ba);;mv[0] = 65;;del mv",
        "od['q'] = q",
        "dd[1]",
    ),
    reads=(
        "print(list(q))",
        "print(dict(dd))",
        "print(sorted(cc.items()))",
        "print(list(od), list(od.values()))",
        "print(bytes(ba))",
        "print(dd['k'] is <list>, len(dd))",
    ),
    imports=("from collections import *", "from collections import deque, defaultdict, Counter, OrderedDict"),
    needs=("num", "list"),
)

NAMES = Theme(
    names={"any": ("u", "w")},
    defines={"any": ("<any> = <list>", "<any> = <0-5>", "<any> = {'k': <list>}")},
    acts=(
        "exec('<list>.append(<0-5>)')",
        "exec('<any> = <0-5>')",
        "exec('def f(v=1):\\n    <list>.append(v)\\n    return v')",
        "globals()['<any>'] = <0-5>",
        "globals()['<list>'].append(<0-5>)",
        "from math import *;;<num> = floor(<0-5>.5)",
        "from operator import *",
        "<any> = <list>",
        "<any> = <num>",
        "del <any>",
        "<any>, <list> = <list>, <any>",
        "try:;;    <list>.append(1 // 0);;except ZeroDivisionError as error:;;    <any> = error",
        "try:;;    <list>[9] += 1;;except IndexError as <any>:;;    <list>.append(<0-5>)",
        "with contextlib.suppress(Exception):;;    <list>.append(<0-5>);;    <list>.append(1 // 0)",
        "<any> = copy.deepcopy(<any>)",
        "match <list>:;;    case [<any>, *_]:;;        <list>.append(<any>);;    case _:;;        <any> = 0",
        "os.environ['FUZZ_A'] = '<0-5>'",
        "os.environ.pop('FUZZ_A', None)",
        "eval('<list>.append(<0-5>)')",
        "<list> = eval('[<num>, <0-5>]')",
    ),
    reads=(
        "print(<any>)",
        "print(<any> is <list>)",
        "print(os.environ.get('FUZZ_A'))",
        "print(eval('<any>'))",
        "print(repr(<any>))",
        "print(floor(<0-5>.5))",
    ),
    imports=("import contextlib, copy, os", "import contextlib, copy, math, os"),
    needs=("num", "list"),
)

NUMPY = Theme(
    names={"arr": ("A", "B", "V")},
    defines={
        "arr": (
            "<arr> = np.arange(6)",
            "<arr> = np.array([3, 1, 2, 5, 4, <0-5>])",
            "<arr> = np.zeros(6, dtype=int)",
            "<arr> = <arr>[1:]",
        ),
    },
    acts=(
        "<arr> = np.arange(6)",
        "<arr> = <arr>[1:4]",
        "<arr> = <arr>[::-1]",
        "<arr> = <arr>.reshape(2, -1)",
        "<arr> = <arr>.ravel()",
        "<arr> = <arr>.T",
        "<arr> = <arr>.copy()",
        "<arr> = <arr>",
        "<arr>[0] = <0-5>",
        "<arr>[1:3] = <0-5>",
        "<arr>[[0, 1]] = <0-5>",
        "<arr>[<arr> > 2] = <0-5>",
        "<arr> += 1",
        "<arr> *= 2",
        "np.add(<arr>, 1, out=<arr>)",
        "np.negative(<arr>, out=<arr>)",
        "<arr>.sort()",
        "<arr>.fill(<0-5>)",
        "np.clip(<arr>, 0, 4, out=<arr>)",
        "np.put(<arr>, [0], <0-5>)",
        "np.copyto(<arr>, <0-5>)",
        "np.multiply.at(<arr>, [0], 2)",
        "<arr>[...] = <arr>[::-1]",
        "<arr>.shape = (-1,)",
        "<arr>.partition(1)",
        "<arr> = <arr>.view()",
        "<arr> = <arr>.astype(float)",
        "<arr> = np.frombuffer(bytearray(b'abcdef'), dtype='uint8')",
        "<arr> = np.array([<list>, <list>], dtype=object)",
        # No lists: one that came to stand in itself ends the process when numpy makes an array of it.
        "<list>[:] = [w for w in <arr>.tolist() if not isinstance(w, list)][:4]",
        "<arr>.flat[0] = <0-5>",
        "<list>.append(<arr>)",
        "<list>[0] = int(<arr>.sum())",
        "<arr> = np.asarray(<arr>)",
        "<num> = int(<arr>.max())",
        "for w in (<arr>, <arr>):;;    w += 1",
    ),
    reads=(
        "print(<arr>)",
        "print(<arr>.sum(), <arr>.shape)",
        "print(np.shares_memory(<arr>, <arr>))",
        "print(<arr> is <arr>, <arr>.tolist())",
    ),
    imports=("import numpy as np",),
    needs=("num", "list"),
)

PANDAS = Theme(
    names={"frame": ("df", "ef"), "series": ("sr",), "group": ("gb",)},
    defines={
        "frame": (
            "<frame> = pd.DataFrame({'x': [3, 1, <0-5>], 'y': [1.5, 2.5, <0-5>], 'k': ['a', 'b', 'a']})",
            "<frame> = pd.DataFrame({'x': [1, 2, 3], 'y': <0-5>, 'k': list('aba')})",
        ),
        "series": ("<series> = <frame>['x']", "<series> = <frame>['x'] + 1"),
        "group": ("<group> = <frame>.groupby('k')", "<group> = <frame>.groupby('k')['x']"),
    },
    acts=(
        "<frame>['z'] = <frame>['x'] + <0-5>",
        "<frame>['x'] = <0-5>",
        "<frame>['x'] += 1",
        "<frame>.loc[0, 'x'] = <0-5>",
        "<frame>.loc[<frame>['x'] > 1, 'y'] = <0-5>",
        "<frame>.iloc[-1, 0] = <0-5>",
        "<frame>.sort_values('x', inplace=True)",
        "<frame>.drop(columns=['y'], inplace=True)",
        "<frame>.drop(index=0, inplace=True)",
        "<frame>.rename(columns={'y': 'w'}, inplace=True)",
        "<frame>.columns = [str(c).lower() for c in <frame>.columns]",
        "<frame>.index = <frame>.index + 1",
        "<frame>.reset_index(drop=True, inplace=True)",
        "<frame>.insert(0, 'i<0-5>', 7)",
        "del <frame>['y']",
        "<frame>.pop('x')",
        "<frame> = <frame>",
        "<frame> = <frame>.copy()",
        "<frame> = <frame>[<frame>['x'] > 1]",
        "<frame> = <frame>.assign(v=<0-5>)",
        "<frame> = <frame>.dropna()",
        "<frame>.fillna(0, inplace=True)",
        "<frame>.loc[len(<frame>)] = 0",
        "<frame>.iloc[0] = 0",
        "<frame>.eval('e = x + 1', inplace=True)",
        "<frame>.set_index('k', inplace=True)",
        "<frame>.sort_index(inplace=True)",
        "<frame>.where(<frame> != 1, 9, inplace=True)",
        "<frame>['k'] = <frame>['k'].astype('category')",
        "<frame> = pd.concat([<frame>, <frame>])",
        "<frame> = <frame>.merge(<frame>, on='k')",
        "<series>.sort_values(inplace=True)",
        "for k, v in <group>:;;    <list>.append(len(v))",
        "<frame>.at[1, 'x'] = <num>",
        "<series> = <frame>['x']",
        "<series>[0] = <0-5>",
        "<series> += 1",
        "<series>.iloc[0] = <0-5>",
        "<series>.name = 'n<0-5>'",
        "<frame>['s'] = <series>",
        "<group> = <frame>.groupby('k')",
        "<list>.append(int(<frame>['x'].sum()))",
        "<dict>['k'] = <frame>",
        "vv = <frame>['x'].to_numpy()",
        "<frame>.attrs['u'] = <0-5>",
    ),
    reads=(
        "print(<frame>.to_dict('list'))",
        "print(list(<frame>.columns), list(<frame>.index))",
        "print(<series>.tolist(), <series>.name)",
        "print(<group>.size().to_dict())",
        "print(<group>.sum().to_dict())",
        "print(<frame>['x'].sum())",
        "print(<frame> is <frame>)",
        "print(vv)",
    ),
    imports=("import pandas as pd",),
    needs=("num", "list", "dict"),
)

DRAWS = Theme(
    names={"rng": ("r",), "gen": ("rg",)},
    defines={
        "rng": ("random.seed(<0-5>);;r = random.Random(<0-5>)",),
        "gen": ("rg = random.Random(<0-5>)",),
    },
    acts=(
        "random.seed(<0-5>)",
        "<num> = random.randrange(9)",
        "<num> = r.randrange(9)",
        "random.shuffle(<list>)",
        "r.shuffle(<list>)",
        "<list> = random.sample(range(9), 3)",
        "<list>.append(random.randrange(9))",
        "r.random()",
        "random.random()",
        "r.seed(<0-5>)",
        "rg = r",
        "st = random.getstate()",
        "random.setstate(st)",
        "if <num> > 2:;;    random.random()",
        "def roll():;;    return random.randrange(9);;<num> = roll()",
        "<num> = roll()",
    ),
    reads=(
        "print(random.randrange(99))",
        "print(r.randrange(99))",
        "print(rg.randrange(99), rg is r)",
        "print(random.choice([1, 2, 3, 4]))",
    ),
    imports=("import random",),
    needs=("num", "list"),
)

NUMPY_DRAWS = Theme(
    names={"nrg": ("ng",)},
    defines={"nrg": ("np.random.seed(<0-5>);;ng = np.random.default_rng(<0-5>)",)},
    acts=(
        "np.random.seed(<0-5>)",
        "<arr> = np.random.randint(0, 9, 6)",
        "<arr> = ng.integers(0, 9, 6)",
        "np.random.shuffle(<arr>)",
        "ng.shuffle(<arr>)",
        "<num> = int(np.random.rand() * 9)",
        "np.random.rand()",
    ),
    reads=("print(np.random.randint(0, 99))", "print(ng.integers(0, 99))"),
    needs=("num", "arr"),
)

FILES = Theme(
    names={"file": ("one.txt", "two.txt")},
    defines={
        "file": (
            "with open('<file>', 'w') as out:;;    out.write('<0-5>')",
            "with open('<file>', 'w') as out:;;    out.write(str(<list>))",
        ),
    },
    acts=(
        "with open('<file>', 'w') as out:;;    out.write('<0-5>')",
        "with open('<file>', 'w') as out:;;    out.write(str(<num>))",
        "Path('<file>').write_text(str(<list>))",
        "Path('<file>').write_text(Path('<file>').read_text() + '<0-5>')",
        "with open('one.txt', 'w') as out:;;    out.write('p')"
        ";;with open('one.txt', 'a') as out:;;    out.write('<0-5>')",
        "os.rename('<file>', '<file>')",
        "os.replace('<file>', '<file>')",
        "os.remove('<file>')",
        "shutil.copy('<file>', 'three.txt')",
        "os.makedirs('sub', exist_ok=True)",
        "Path('sub').mkdir(exist_ok=True);;Path('sub/in.txt').write_text('<0-5>')",
        "if os.path.exists('<file>'):;;    <num> = <0-5>",
        "<list>.append(len(os.listdir()))",
        "<num> = len(Path('<file>').read_text())",
        "Path('<file>').unlink(missing_ok=True)",
        "shutil.rmtree('sub', ignore_errors=True)",
        "json.dump(<list>, open('<file>', 'w'))",
        "<list> = json.loads(Path('<file>').read_text())",
        "with open('<file>') as src:;;    <list> = [len(line) for line in src]",
    ),
    reads=(
        "with open('<file>') as src:;;    print(src.readline())",
        "with open('<file>') as src:;;    print(src.read())",
        "print(sorted(os.listdir()))",
        "print(os.path.exists('<file>'))",
        "print(Path('<file>').exists(), Path('three.txt').exists())",
        "print(Path('<file>').read_text())",
        "print(sorted(p.name for p in Path('.').iterdir()))",
    ),
    imports=("import json, os, shutil;;from pathlib import Path",),
    needs=("num", "list"),
)

CORE = (LISTS, DICTS, NESTED, OBJECTS, FUNCTIONS, ITERATORS, COLLECTIONS, NAMES)
# How often a story has them beside the others.
SOMETIMES: tuple[tuple[float, tuple[Theme, ...]], ...] = (
    (0.08, (NUMPY,)),
    (0.07, (DICTS, PANDAS)),
    (0.1, (FILES,)),
    (0.08, (DRAWS,)),
    (0.02, (NUMPY, NUMPY_DRAWS)),
)
# A loop over a list that calls a function which appends to it would not end.
_ENDLESS = re.compile(r"in (xs|ys)\b")
_MARK = re.compile(r"<([a-z]+|0-5)>")


@dataclass
class Mutator:
    """Writes the cells of one story."""

    rng: random.Random
    themes: list[Theme] = field(default_factory=list)
    pools: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.themes = [LISTS]
        core = self.rng.sample(CORE[1:], self.rng.choice((0, 1, 1, 2)))
        extra = [theme for chance, themes in SOMETIMES if self.rng.random() < chance for theme in themes]
        for theme in (*core, *extra):
            if theme not in self.themes:
                self.themes.append(theme)
        for theme in self.themes:
            for kind, names in theme.names.items():
                # The fewer names there are, the more cells meet in one.
                whole = kind in ("coll", "file")
                count = len(names) if whole else self.rng.randrange(1, len(names) + 1)
                self.pools[kind] = names[:count]
        self._old = Writer(self.rng)

    def beginning(self) -> list[str]:
        """Cells that define every name of the story before anything uses it."""
        parts = [self._fill(self.rng.choice(theme.imports)) for theme in self.themes if theme.imports]
        for theme in self.themes:
            for kind, forms in theme.defines.items():
                for name in self.pools[kind][:1] if kind == "coll" else self.pools[kind]:
                    fitting = [form for form in forms if form != "<arr> = <arr>[1:]" or name != "A"]
                    parts.append(self._define(kind, name, self.rng.choice(fitting)))
        cells: list[str] = []
        while parts:
            count = self.rng.choice((1, 1, 2, 3))
            cells.append("\n".join(parts[:count]))
            del parts[:count]
        return cells

    def cell(self) -> str:
        """One cell: what it changes, and mostly what it shows."""
        chance = self.rng.random()
        if chance < 0.08:
            return _ENDLESS.sub(r"in \1[:4]", self._old.cell())
        if chance < 0.16:
            theme = self.rng.choice(self.themes)
            kind = self.rng.choice(list(theme.defines))
            return self._define(kind, self.rng.choice(self.pools[kind]), self.rng.choice(theme.defines[kind]))
        parts = [self._act() for _ in range(self.rng.choice((0, 1, 1, 1, 1, 2)))]
        if not parts or self.rng.random() < 0.5:
            parts.insert(self.rng.choice((len(parts), len(parts), 0)), self._read())
        return self._wrapped("\n".join(parts))

    def variant(self, source: str) -> str:
        """A small change of a cell."""
        kind = self.rng.randrange(6)
        if kind == 0:
            return _other_digit(source, self.rng)
        if kind == 1:
            return source + "  # the same"
        if kind == 2:
            return source + "\n1 / 0"
        if kind == 3:
            return f"{source}\n{self._act()}"
        if kind == 4:
            return f"{self._act()}\n{source}"
        return f"{source}\n{self._read()}"

    def _wrapped(self, source: str) -> str:
        chance = self.rng.random()
        indented = source.replace("\n", "\n    ")
        if "import *" in source:
            return source
        if chance < 0.05:
            return f"{source}\n1 / 0"
        if chance < 0.08:
            return self._fill(f"if <num> > <0-5>:\n    {indented}")
        if chance < 0.1:
            return f"for i in range({self.rng.randrange(3)}):\n    {indented}"
        if chance < 0.12:
            return f"try:\n    {indented}\n    1 / 0\nexcept ZeroDivisionError as error:\n    print(error)"
        if chance < 0.14:
            return f"def body():\n    {indented}\nbody()"
        return source

    def _theme(self) -> Theme:
        # The story's own themes come before the lists that all of them share.
        weights = [2] * len(self.themes) if len(self.themes) == 1 else [1, *([2] * (len(self.themes) - 1))]
        return self.rng.choices(self.themes, weights)[0]

    def _act(self) -> str:
        return self._fill(self.rng.choice(self._theme().acts))

    def _read(self) -> str:
        return self._fill(self.rng.choice(self._theme().reads))

    def _define(self, kind: str, name: str, form: str) -> str:
        # The defined name stands first; the others of its kind are whichever there are.
        return self._fill(form.replace(f"<{kind}>", name, -1 if kind in ("fn", "class") else 1))

    def _fill(self, form: str) -> str:
        def word(mark: re.Match[str]) -> str:
            kind = mark[1]
            return str(self.rng.randrange(6)) if kind == "0-5" else self.rng.choice(self.pools[kind])

        return _MARK.sub(word, form.replace(";;", "\n"))


def _other_digit(source: str, rng: random.Random) -> str:
    places = [at for at, letter in enumerate(source) if letter.isdigit() and not source[at - 1].isalnum()]
    if not places:
        return source + "\n"
    at = rng.choice(places)
    return source[:at] + str(rng.randrange(6)) + source[at + 1 :]
