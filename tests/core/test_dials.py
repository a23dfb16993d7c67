"""Every dial: a run that turns it is seen to, and its state comes back exactly."""

from __future__ import annotations

import copy
import decimal
import importlib
import inspect
import itertools
import locale
import logging
import math
import os
import pickle
import random
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CellType, ModuleType

import pytest

from reactive_kernel.cell import Resource
from reactive_kernel.dials import Dials, Turned, loggers, settings
from reactive_kernel.dials.stamps import STAMPED

RANDOM, NUMPY_RANDOM, PANDAS, MATPLOTLIB = (
    "random:random",
    "random:numpy",
    "options:pandas",
    "options:matplotlib",
)
LIBRARIES = ("numpy", "pandas", "matplotlib")
EVERY = (RANDOM, NUMPY_RANDOM, "cwd:", "environ:", "path:", "warnings:", "locale:", "decimal:")
EVERY += (PANDAS, MATPLOTLIB, "options:numpy")

# One cell for each state, and one more that turns what is in the state in its place.
TURNS: Mapping[str, tuple[Resource, str]] = {
    "cwd": ("cwd:", "import os; os.chdir(folder)"),
    "a variable": ("environ:", "import os; os.environ['DIAL'] = '1'"),
    "a variable less": ("environ:", "import os; del os.environ['HOME']"),
    "path": ("path:", "import sys; sys.path.insert(0, folder)"),
    "path anew": ("path:", "import sys; sys.path = [*sys.path, folder]"),
    "filters": ("warnings:", "import warnings; warnings.filterwarnings('ignore', message='dial')"),
    "locale": ("locale:", "import locale; locale.setlocale(locale.LC_COLLATE, other_locale)"),
    "decimal": ("decimal:", "import decimal; decimal.getcontext().prec = 7"),
    "decimal trap": ("decimal:", "import decimal; decimal.getcontext().traps[decimal.Inexact] = True"),
    "decimal context": ("decimal:", "import decimal; decimal.setcontext(decimal.Context(prec=3))"),
    "pandas": (PANDAS, "import pandas; pandas.options.display.max_rows = 7"),
    "pandas format": (PANDAS, "import pandas; pandas.set_option('display.float_format', '{:.1f}'.format)"),
    "matplotlib": (MATPLOTLIB, "import matplotlib; matplotlib.rcParams['lines.linewidth'] = 7"),
    "matplotlib list": (MATPLOTLIB, "import matplotlib; matplotlib.rcParams['font.serif'].insert(0, 'Dial')"),
    "matplotlib cycle": (MATPLOTLIB, "import matplotlib; matplotlib.rcParams['axes.prop_cycle'] *= cycle"),
    "matplotlib style": (MATPLOTLIB, "import matplotlib.style; matplotlib.style.use('ggplot')"),
    "numpy print": ("options:numpy", "import numpy; numpy.set_printoptions(precision=2)"),
    "numpy formatter": ("options:numpy", "import numpy; numpy.set_printoptions(formatter={'int': hex})"),
    "numpy errors": ("options:numpy", "import numpy; numpy.seterr(divide='ignore')"),
    "numpy call": ("options:numpy", "import numpy; numpy.seterrcall(print)"),
    "numpy buffer": ("options:numpy", "import numpy; numpy.setbufsize(16000)"),
    "random": (RANDOM, "import random; random.random()"),
    "random normal": (RANDOM, "import random; random.gauss(0, 1)"),
    "numpy random": (NUMPY_RANDOM, "import numpy; numpy.random.rand()"),
    "numpy normal": (NUMPY_RANDOM, "import numpy; numpy.random.randn()"),
    "numpy generator": (NUMPY_RANDOM, "import numpy; numpy.random.set_bit_generator(numpy.random.PCG64(1))"),
}


@pytest.fixture
def dials() -> Iterator[Dials]:
    """All dials. What a test turned is put back by others, which know of no import that is to last."""
    for name in ("numpy.random", "pandas", "matplotlib"):
        with suppress(ImportError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(name)
    others = Dials()
    states = {resource: others.read(resource) for resource in EVERY}
    yield Dials()
    for resource, state in states.items():
        others.write(resource, state)


def need(source: str) -> None:
    for library in LIBRARIES:
        if library in source:
            pytest.importorskip(f"{library}.random" if library == "numpy" else library)


def run(dials: Dials, source: str, *modules: str, used: tuple[str, ...] = (), **names: object) -> Turned:
    """A run of a cell."""
    dials.start()
    try:
        exec(source, names)
    finally:
        turned = dials.stop(modules, used)
    return turned


def names_for(turn: str, folder: Path) -> dict[str, object]:
    names: dict[str, object] = {"folder": str(folder)}
    if turn == "locale":
        names["other_locale"] = other_locale()
    if turn == "matplotlib cycle":
        names["cycle"] = importlib.import_module("cycler").cycler(lw=[1, 2])
    return names


def other_locale() -> str:
    """A locale that is not the present one."""
    now = locale.setlocale(locale.LC_COLLATE)
    for name in ("C", "C.UTF-8", "POSIX"):
        try:
            different = locale.setlocale(locale.LC_COLLATE, name) != now
        except locale.Error:
            continue
        finally:
            locale.setlocale(locale.LC_COLLATE, now)
        if different:
            return name
    return pytest.skip("there is one locale only")


def seen_state(resource: Resource) -> object:
    """The state as its owner tells it."""
    numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
    asked: dict[Resource, Callable[[], object]] = {
        RANDOM: random.getstate,
        NUMPY_RANDOM: lambda: repr(numpy.random.get_state(legacy=False)),
        "cwd:": os.getcwd,
        "environ:": lambda: list(os.environ.items()),
        "path:": lambda: list(sys.path),
        "warnings:": lambda: list(warnings.filters),
        "locale:": lambda: locale.setlocale(locale.LC_ALL),
        "decimal:": lambda: (
            repr(decimal.getcontext()).partition("flags")[0] + str(decimal.getcontext().traps)
        ),
        PANDAS: lambda: repr(pandas._config.config._global_config),
        MATPLOTLIB: lambda: repr(sorted(dict.items(sys.modules["matplotlib"].rcParams))),
        "options:numpy": lambda: (
            numpy.get_printoptions(),
            numpy.geterr(),
            numpy.geterrcall(),
            numpy.getbufsize(),
        ),
    }
    return copy.copy(asked[resource]())


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_dial_is_written_and_read_and_comes_back(dials: Dials, tmp_path: Path, turn: str):
    resource, source = TURNS[turn]
    need(source)
    names = names_for(turn, tmp_path)
    # What the cell imports is there, so that it does nothing but turn.
    exec(source.partition(";")[0])
    before, state = seen_state(resource), dials.read(resource)
    turned = run(dials, source, **names)
    assert (turned.writes, turned.reads) == ({resource}, {resource})
    after, later = seen_state(resource), dials.read(resource)
    assert after != before
    assert not dials.alike(resource, state, later)
    dials.write(resource, state)
    assert seen_state(resource) == before
    assert dials.alike(resource, state, dials.read(resource))
    dials.write(resource, later)
    assert seen_state(resource) == after


@pytest.mark.parametrize("turn", [turn for turn in TURNS if "random" not in turn and "normal" not in turn])
def test_turning_again_leaves_a_state_that_is_alike(dials: Dials, tmp_path: Path, turn: str):
    resource, source = TURNS[turn]
    need(source)
    names = names_for(turn, tmp_path)
    if turn == "numpy generator":
        pytest.skip("each generator is another")
    state = dials.read(resource)
    run(dials, source, **names)
    once = dials.read(resource)
    dials.write(resource, state)
    run(dials, source, **names)
    assert dials.alike(resource, once, dials.read(resource))


@pytest.mark.parametrize("source", ["pass", "1 + 1", "import json; json.loads('[1]')"])
def test_a_run_that_turns_nothing_tells_nothing(dials: Dials, source: str):
    assert run(dials, source) == Turned()


def test_drawing_a_figure_turns_nothing(dials: Dials):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    turned = run(dials, "f, a = plt.subplots(); a.plot([1, 2]); f.canvas.draw(); plt.close(f)", plt=pyplot)
    # It may ask whether it should log.
    assert turned in (Turned(), Turned(reads=frozenset(("logging:",))))


def test_whoever_logs_goes_by_the_loggers(dials: Dials):
    assert run(dials, "import logging\nlogging.getLogger('dials').debug('no')").reads == {"logging:"}


def test_a_loggers_level_is_put_back(dials: Dials):
    log = logging.getLogger("dials.level")
    before = dials.read("logging:")
    assert run(dials, "log.setLevel(10)", log=log).writes == {"logging:"}
    assert log.isEnabledFor(10)
    dials.write("logging:", before)
    assert not log.isEnabledFor(10)


def test_a_handler_made_anew_is_as_good_as_the_old_one(dials: Dials):
    log = logging.getLogger("dials.handler")
    log.addHandler(logging.StreamHandler(sys.stderr))
    before = dials.read("logging:")
    log.handlers[:] = [logging.StreamHandler(sys.stderr)]
    assert dials.alike("logging:", before, dials.read("logging:"))
    log.handlers[0].setLevel(30)
    assert not dials.alike("logging:", before, dials.read("logging:"))
    log.handlers.clear()


def test_the_recursion_limit_is_put_back(dials: Dials):
    before, limit = dials.read("interpreter:"), sys.getrecursionlimit()
    assert run(dials, f"import sys\nsys.setrecursionlimit({limit + 5})").writes == {"interpreter:"}
    dials.write("interpreter:", before)
    assert sys.getrecursionlimit() == limit


def test_choosing_a_backend_is_the_sessions_business(dials: Dials):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    assert not run(dials, "plt.switch_backend('svg')", plt=pyplot).writes


def test_computing_with_decimals_turns_nothing(dials: Dials):
    decimal.getcontext().clear_flags()
    assert run(dials, "Decimal(1) / Decimal(3)", Decimal=decimal.Decimal) == Turned()
    assert decimal.getcontext().flags[decimal.Inexact]


# What a run reads


@pytest.mark.parametrize(
    ("hint", "resource"),
    [
        ("files.relative", "cwd:"),
        ("process", "cwd:"),
        ("process", "environ:"),
        ("imports", "path:"),
    ],
)
def test_what_a_run_uses_is_a_read_of_the_state_behind(dials: Dials, hint: str, resource: Resource):
    assert resource in run(dials, "", used=(hint,)).reads
    assert not run(dials, "", used=(hint,)).writes


@pytest.mark.parametrize(
    ("module", "resources"),
    [
        ("os", {"cwd:", "environ:"}),
        ("warnings", {"warnings:"}),
        ("decimal", {"decimal:"}),
        ("math", set()),
    ],
)
def test_a_module_among_the_inputs_is_a_read_of_its_states(
    dials: Dials, module: str, resources: set[Resource]
):
    assert run(dials, "", module).reads == resources


def test_pandas_reads_the_options_of_all_three(dials: Dials):
    need("pandas matplotlib")
    assert run(dials, "", "pandas").reads >= {PANDAS, MATPLOTLIB, "options:numpy"}
    assert run(dials, "", "seaborn").reads == {MATPLOTLIB}
    assert run(dials, "", "numpy").reads == {"options:numpy"}


def test_a_first_import_is_a_read_of_the_path(dials: Dials, tmp_path: Path):
    with library(tmp_path, "first_dial_import", ""):
        assert run(dials, "import first_dial_import").reads == {"path:"}
        assert run(dials, "import first_dial_import").reads == set()


# Randomness

DRAWS = {
    RANDOM: "import random; x = [random.random(), random.gauss(0, 1), random.randint(1, 9)]",
    NUMPY_RANDOM: "import numpy; x = [numpy.random.rand(), numpy.random.randn(), numpy.random.randint(9)]",
}
SEEDS = {RANDOM: "import random; random.seed(3)", NUMPY_RANDOM: "import numpy; numpy.random.seed(3)"}
generators = pytest.mark.parametrize("resource", [RANDOM, NUMPY_RANDOM])


def drawn(source: str) -> list[float]:
    names: dict[str, list[float]] = {}
    exec(source, names)
    return names["x"]


@generators
def test_draws_repeat_after_a_write(dials: Dials, resource: Resource):
    need(DRAWS[resource])
    # The first draw of normal numbers leaves one in store, which the state holds, too.
    for _ in range(3):
        state = dials.read(resource)
        numbers = drawn(DRAWS[resource])
        dials.write(resource, state)
        assert drawn(DRAWS[resource]) == numbers


@pytest.mark.parametrize(
    ("resource", "draw"),
    [(RANDOM, "import random; random.gauss(0, 1)"), (NUMPY_RANDOM, "import numpy; numpy.random.randn()")],
)
def test_taking_the_stored_normal_number_is_a_draw(dials: Dials, resource: Resource, draw: str):
    need(draw)
    exec(SEEDS[resource])
    assert run(dials, draw).drew == {resource}
    assert run(dials, draw).drew == {resource}


@generators
def test_states_are_the_same_where_memory_cannot_be_looked_at(
    dials: Dials, monkeypatch: pytest.MonkeyPatch, resource: Resource
):
    need(DRAWS[resource])
    monkeypatch.setattr("ctypes.string_at", lambda address, size: b"\0" * size)
    slow = Dials()
    state, turned = slow.read(resource), run(slow, DRAWS[resource])
    monkeypatch.undo()
    assert turned.drew == {resource}
    assert not dials.alike(resource, state, dials.read(resource))
    dials.write(resource, state)
    assert dials.alike(resource, state, dials.read(resource))


@pytest.mark.parametrize(
    "put_back", ["np.random.set_state(stored)", "np.random.mtrand._rand.set_state(stored)"]
)
def test_a_stored_normal_number_that_comes_back_is_seen(dials: Dials, put_back: str):
    numpy = pytest.importorskip("numpy.random")
    numpy.seed(1)
    numpy.randn()
    stored, state = numpy.get_state(), dials.read(NUMPY_RANDOM)
    numpy.randn()
    taken = dials.read(NUMPY_RANDOM)
    assert run(dials, put_back, np=sys.modules["numpy"], stored=stored).writes == {NUMPY_RANDOM}
    assert dials.alike(NUMPY_RANDOM, state, dials.read(NUMPY_RANDOM))
    dials.write(NUMPY_RANDOM, taken)
    assert dials.alike(NUMPY_RANDOM, taken, dials.read(NUMPY_RANDOM))
    dials.write(NUMPY_RANDOM, state)
    assert dials.alike(NUMPY_RANDOM, state, dials.read(NUMPY_RANDOM))


@generators
def test_a_run_that_draws_reads_and_writes(dials: Dials, resource: Resource):
    need(DRAWS[resource])
    turned = run(dials, DRAWS[resource])
    assert turned == Turned(frozenset((resource,)), frozenset((resource,)), drew=frozenset((resource,)))


@generators
def test_a_run_that_seeds_and_draws_does_not_read(dials: Dials, resource: Resource):
    need(DRAWS[resource])
    turned = run(dials, f"{SEEDS[resource]}; {DRAWS[resource]}")
    assert turned == Turned(writes=frozenset((resource,)), seeded=frozenset((resource,)))


@generators
def test_a_run_that_draws_before_it_seeds_reads(dials: Dials, resource: Resource):
    need(DRAWS[resource])
    one = frozenset((resource,))
    assert run(dials, f"{DRAWS[resource]}; {SEEDS[resource]}") == Turned(one, one, one, seeded=one)


@generators
def test_seeding_again_the_same_is_a_write(dials: Dials, resource: Resource):
    need(DRAWS[resource])
    exec(SEEDS[resource])
    state = dials.read(resource)
    assert run(dials, SEEDS[resource]) == Turned(frozenset((resource,)), seeded=frozenset((resource,)))
    assert dials.alike(resource, state, dials.read(resource))


@pytest.mark.parametrize(
    ("resource", "source"),
    [
        (RANDOM, "import random; random.seed()"),
        (RANDOM, "import random; random.seed(None)"),
        (RANDOM, "import random; random.seed(a=None, version=2)"),
        (RANDOM, "import random; random.seed(1); random.seed()"),
        (NUMPY_RANDOM, "import numpy; numpy.random.seed()"),
        (NUMPY_RANDOM, "import numpy; numpy.random.seed(seed=None)"),
    ],
)
def test_entropy_is_no_seed(dials: Dials, resource: Resource, source: str):
    need(source)
    assert run(dials, source) == Turned(frozenset((resource,)), unseeded=frozenset((resource,)))


@pytest.mark.parametrize(
    ("resource", "source"),
    [
        (RANDOM, "import random; random.seed(a=0)"),
        (RANDOM, "from random import seed; seed('a')"),
        (RANDOM, "import random; random.setstate(state)"),
        (NUMPY_RANDOM, "from numpy.random import seed; seed(0)"),
        (NUMPY_RANDOM, "import numpy; numpy.random.seed([1, 2])"),
        (NUMPY_RANDOM, "import numpy; numpy.random.set_state(state)"),
    ],
)
def test_every_way_of_seeding_is_one(dials: Dials, resource: Resource, source: str):
    need(source)
    state = random.getstate() if resource == RANDOM else sys.modules["numpy"].random.get_state()
    assert run(dials, source, state=state).seeded == {resource}


def test_asking_for_the_state_is_a_read(dials: Dials):
    assert run(dials, "import random; random.getstate()") == Turned(reads=frozenset((RANDOM,)))


def test_a_seeding_that_fails_is_none(dials: Dials):
    turned = run(dials, "import random\ntry: random.setstate(1)\nexcept TypeError: pass")
    assert turned == Turned()


def test_a_generator_of_ones_own_is_no_dial(dials: Dials):
    assert run(dials, "r = random.Random(1); r.seed(2); r.random()", random=random) == Turned()
    if "numpy" in sys.modules:
        source = "r = np.random.RandomState(1); r.seed(2); r.rand(); np.random.default_rng().random()"
        assert run(dials, source, np=sys.modules["numpy"]) == Turned()


def test_seeding_through_the_object_is_seen_as_a_change(dials: Dials):
    turned = run(dials, "random._inst.seed(3)", random=random)
    assert (turned.writes, turned.reads) == ({RANDOM}, {RANDOM})


def signature(function: Callable[..., object]) -> object:
    try:
        return inspect.signature(function)
    except ValueError:
        return "not told"


@pytest.mark.parametrize(
    ("module", "name"), [("random", "seed"), ("random", "setstate"), ("numpy.random", "seed")]
)
def test_a_wrapped_function_looks_like_itself(dials: Dials, module: str, name: str):
    home = pytest.importorskip(module)
    run(dials, "")
    function = getattr(home, name)
    run(dials, "")
    assert getattr(home, name) is function
    assert not hasattr(function.__wrapped__, "__wrapped__")
    assert pickle.loads(pickle.dumps(function)) is function
    assert function.__name__ == name
    assert function.__doc__ == function.__wrapped__.__doc__
    assert signature(function) == signature(function.__wrapped__)


def test_what_somebody_else_put_there_stays(dials: Dials, monkeypatch: pytest.MonkeyPatch):

    def theirs(value: object) -> None: ...

    monkeypatch.setattr(random, "seed", theirs)
    run(dials, "")
    assert random.seed is theirs


# Exactness


def test_the_environment_reaches_a_child(dials: Dials):
    show = (sys.executable, "-c", "import os; print(os.environ.get('DIAL'))")

    def ask() -> str:
        return subprocess.run(show, capture_output=True, text=True, check=True).stdout.strip()

    state = dials.read("environ:")
    os.environ["DIAL"] = "set"
    later = dials.read("environ:")
    assert ask() == "set"
    dials.write("environ:", state)
    assert ask() == "None"
    dials.write("environ:", later)
    assert ask() == "set"


def test_variables_come_back_in_their_order(dials: Dials):
    os.environ.update(DIAL_A="1", DIAL_B="2")
    names, state = list(os.environ), dials.read("environ:")
    os.environ["DIAL_A"] = os.environ.pop("DIAL_A")
    assert not dials.alike("environ:", state, dials.read("environ:"))
    dials.write("environ:", state)
    assert list(os.environ) == names


def test_a_variable_of_another_name_is_another(dials: Dials):
    os.environ["DIAL_A"] = "1"
    assert run(dials, "import os; os.environ['DIAL_B'] = os.environ.pop('DIAL_A')").writes == {"environ:"}


def test_lists_stay_the_lists_that_others_hold(dials: Dials):
    path, filters = sys.path, warnings.filters
    for resource, extra in (("path:", path), ("warnings:", filters)):
        state = dials.read(resource)
        extra.append(extra[0])
        dials.write(resource, state)
    assert sys.path is path
    assert warnings.filters is filters


def test_filters_that_come_back_are_heeded(dials: Dials, monkeypatch: pytest.MonkeyPatch):
    heard: list[str] = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_: heard.append(str(message)))
    place = {"__name__": "dial", "__warningregistry__": {}}
    warnings.simplefilter("always")
    state = dials.read("warnings:")
    warnings.simplefilter("default")
    for _ in range(2):
        exec("import warnings; warnings.warn('dial')", place)
    assert heard == ["dial"]
    dials.write("warnings:", state)
    exec("import warnings; warnings.warn('dial')", place)
    assert heard == ["dial", "dial"]


def test_a_removed_directory_is_no_state(dials: Dials, tmp_path: Path):
    gone = tmp_path / "gone"
    gone.mkdir()
    state = dials.read("cwd:")
    os.chdir(gone)
    there = dials.read("cwd:")
    gone.rmdir()
    nowhere = dials.read("cwd:")
    assert not dials.alike("cwd:", there, nowhere)
    dials.write("cwd:", state)
    dials.write("cwd:", nowhere)
    with pytest.raises(FileNotFoundError):
        dials.write("cwd:", there)


def test_numbers_that_are_equal_but_not_the_same_are_told_apart(dials: Dials):
    rc = pytest.importorskip("matplotlib").rcParams
    states = []
    for value in (0.0, -0.0, 0, False, math.nan, math.nan):
        dict.__setitem__(rc, "lines.linewidth", value)
        states.append(dials.read(MATPLOTLIB))
    pairs = [(a, b) for a in range(6) for b in range(a) if dials.alike(MATPLOTLIB, states[a], states[b])]
    assert pairs == [(5, 4)]


@pytest.mark.parametrize("kind", [object, CellType, bytearray])
def test_an_opaque_value_counts_by_its_identity(dials: Dials, kind: Callable[[], object]):
    rc = pytest.importorskip("matplotlib").rcParams
    one, other, states = kind(), kind(), []
    for value in (one, one, other):
        dict.__setitem__(rc, "lines.linewidth", value)
        states.append(dials.read(MATPLOTLIB))
    assert dials.alike(MATPLOTLIB, states[0], states[1])
    assert not dials.alike(MATPLOTLIB, states[0], states[2])


class Shown:
    def __init__(self, digits: int) -> None:
        self.digits = digits

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None

    def __call__(self, value: float) -> str:
        return f"{value:.{self.digits}f}"


class Slotted:
    __slots__ = ("__dict__", "digits")

    __init__ = Shown.__init__
    __call__ = Shown.__call__


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (Shown(1), Shown(1), True),
        (Shown(1), Shown(2), False),
        (Slotted(1), Slotted(2), False),
        ((1).__add__, (1).__add__, False),
        (partial(round, ndigits=1), partial(round, ndigits=2), False),
        ("{:.1f}".format, "{:.1f}".format, True),
        ("{:.1f}".format, "{:.2f}".format, False),
        ([1].count, [1].count, False),
        (str, str, True),
    ],
)
def test_formatters_are_alike_by_what_they_hold(dials: Dials, one: object, other: object, alike: bool):
    set_option = pytest.importorskip("pandas").set_option
    states: list[object] = []
    for formatter in (one, other):
        set_option("display.float_format", formatter)
        states.append(dials.read(PANDAS))
    assert dials.alike(PANDAS, *states) is alike


def test_a_formatter_that_changed_comes_back(dials: Dials):
    shown = Shown(1)
    pytest.importorskip("pandas").set_option("display.float_format", shown)
    state = dials.read(PANDAS)
    assert run(dials, "shown.digits = 2", shown=shown).writes == {PANDAS}
    dials.write(PANDAS, state)
    assert shown.digits == 1


def test_a_list_in_the_settings_stays_the_list_that_others_hold(dials: Dials):
    rc = pytest.importorskip("matplotlib").rcParams
    serif = rc["font.serif"]
    held, state = list(serif), dials.read(MATPLOTLIB)
    serif.clear()
    dials.write(MATPLOTLIB, state)
    assert rc["font.serif"] is serif
    assert serif == held


@pytest.mark.parametrize("stamped", [False, STAMPED])
def test_settings_are_seen_by_stamps_and_without(
    dials: Dials,
    monkeypatch: pytest.MonkeyPatch,
    stamped: bool,
):
    pandas = pytest.importorskip("pandas")
    monkeypatch.setattr(settings, "STAMPED", stamped)
    rows = pandas.options.display.max_rows
    os.environ["DIAL"] = "1"
    for source, written in (
        ("os.environ['DIAL'] = '2'", {"environ:"}),
        ("os.environ['DIAL'] = '2'", set()),
        ("del os.environ['DIAL']; os.environ['DIAL'] = '2'", set()),
        (f"pandas.options.display.max_rows = {rows} + 1", {PANDAS}),
        (f"pandas.options.display.max_rows = {rows} + 1; pandas.options.display.max_rows", set()),
        ("pandas.options.display.d['max_rows'] = 3", {PANDAS}),
    ):
        assert run(dials, source, os=os, pandas=pandas).writes == written


NUMBERS = itertools.count()


@pytest.mark.parametrize("stamped", [False, STAMPED])
def test_a_logger_that_comes_is_followed(
    dials: Dials,
    monkeypatch: pytest.MonkeyPatch,
    stamped: bool,
):
    monkeypatch.setattr(loggers, "STAMPED", stamped)
    name = f"dial.comes.{next(NUMBERS)}"
    run(dials, "logging.getLogger(name)", logging=logging, name=name)
    source = "logging.getLogger(name).addFilter(print)"
    assert run(dials, source, logging=logging, name=name).writes == {"logging:"}


def test_settings_come_back_without_a_word(dials: Dials):
    matplotlib, pandas = pytest.importorskip("matplotlib"), pytest.importorskip("pandas")
    states = {resource: dials.read(resource) for resource in (PANDAS, MATPLOTLIB)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in matplotlib.rcParams:
            if name.startswith(("text.", "toolbar", "figure.", "savefig.", "svg.")):
                dict.__setitem__(matplotlib.rcParams, name, "odd")
        for name, option in pandas._config.config._registered_options.items():
            if isinstance(option.defval, bool) and option.cb is None:
                pandas.set_option(name, not pandas.get_option(name))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        for resource, state in states.items():
            dials.write(resource, state)
    assert not heard
    assert "odd" not in dict.values(matplotlib.rcParams)


def test_what_pandas_does_at_an_option_it_does_when_that_comes_back(dials: Dials):
    pandas = pytest.importorskip("pandas")
    config, called = pandas._config.config, []
    if "dial.heard" not in config._registered_options:
        config.register_option("dial.heard", 1)
    option = config._registered_options["dial.heard"]
    config._registered_options["dial.heard"] = option._replace(cb=called.append)
    state = dials.read(PANDAS)
    pandas.set_option("dial.heard", 2)
    dials.write(PANDAS, state)
    assert called == ["dial.heard", "dial.heard"]
    assert pandas.get_option("dial.heard") == 1


def test_a_list_among_the_options_that_grew_comes_back(dials: Dials):
    config = pytest.importorskip("pandas")._config.config
    if "dial.far.down.listed" not in config._registered_options:
        config.register_option("dial.far.down.listed", [1])
    listed = config.get_option("dial.far.down.listed")
    state = dials.read(PANDAS)
    assert run(dials, "listed.append(2)", listed=listed).writes == {PANDAS}
    dials.write(PANDAS, state)
    assert listed == [1]


def test_an_option_that_was_registered_later_comes_back_to_its_default(dials: Dials):
    pandas = pytest.importorskip("pandas")
    config = pandas._config.config
    state = dials.read(PANDAS)
    config.register_option("dial.later.one", 1)
    assert dials.alike(PANDAS, state, dials.read(PANDAS))
    pandas.set_option("dial.later.one", 2)
    assert not dials.alike(PANDAS, state, dials.read(PANDAS))
    dials.write(PANDAS, state)
    assert pandas.get_option("dial.later.one") == 1


# Imports


@contextmanager
def library(folder: Path, name: str, source: str) -> Iterator[None]:
    """A module that can be imported, once."""
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    sys.path.append(str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(name, None)


IMPORTED = """
import os, sys, warnings
os.environ["DIAL_IMPORT"] = "1"
warnings.filterwarnings("ignore", message="of the import")
sys.path.append("/of/the/import")
"""


def test_what_an_import_did_is_nobodys_write_and_stays(dials: Dials, tmp_path: Path):
    with library(tmp_path, "dial_import", IMPORTED):
        lasting = ("environ:", "warnings:", "path:")
        before = {resource: dials.read(resource) for resource in lasting}
        turned = run(
            dials, "import os; os.environ['DIAL'] = '1'; import dial_import; os.environ['DIAL'] = '2'"
        )
        assert turned.writes == {"environ:"}
        for resource, state in before.items():
            dials.write(resource, state)
        assert os.environ["DIAL_IMPORT"] == "1"
        assert "DIAL" not in os.environ
        assert sys.path[-1] == "/of/the/import"
        assert any(each[1] and each[1].pattern == "of the import" for each in warnings.filters)
        assert dials.alike("path:", before["path:"], dials.read("path:"))


def test_what_a_cell_set_before_an_import_is_its_write(dials: Dials, tmp_path: Path):
    with library(tmp_path, "dial_import_after", IMPORTED):
        turned = run(dials, "import os; os.environ['DIAL'] = '1'; import dial_import_after")
        assert turned.writes == {"environ:"}


def test_what_a_cell_set_after_an_import_is_put_back(dials: Dials, tmp_path: Path):
    with library(tmp_path, "dial_import_again", IMPORTED):
        run(dials, "import dial_import_again")
        state = dials.read("environ:")
        turned = run(dials, "import os; del os.environ['DIAL_IMPORT']")
        removed = dials.read("environ:")
        assert turned.writes == {"environ:"}
        dials.write("environ:", state)
        assert os.environ["DIAL_IMPORT"] == "1"
        dials.write("environ:", removed)
        assert "DIAL_IMPORT" not in os.environ


def test_an_import_that_fails_ends(dials: Dials, tmp_path: Path):
    with library(tmp_path, "dial_broken", IMPORTED + "1 / 0"):
        source = (
            "try: import dial_broken\nexcept ZeroDivisionError: pass\nimport os; os.environ['DIAL'] = '1'"
        )
        assert run(dials, source).writes == {"environ:"}


def test_loading_a_module_again_is_the_cells_doing(dials: Dials, tmp_path: Path):
    with library(tmp_path, "dial_reload", IMPORTED):
        run(dials, "import dial_reload")
        os.environ.pop("DIAL_IMPORT")
        turned = run(
            dials,
            "importlib.reload(dial_reload)",
            importlib=importlib,
            dial_reload=sys.modules["dial_reload"],
        )
        assert "environ:" in turned.writes
        assert type(sys.modules["dial_reload"].__spec__) is ModuleSpec


def test_no_finder_stays_and_specs_are_themselves(dials: Dials, tmp_path: Path):
    finders = list(sys.meta_path)
    with library(tmp_path, "dial_spec", ""):
        run(dials, "import dial_spec")
        spec = sys.modules["dial_spec"].__spec__
        assert type(spec) is ModuleSpec
        assert vars(spec).keys() == vars(inspect.__spec__).keys()
    assert sys.meta_path == finders


def test_a_failing_import_shows_its_own_lines_only(dials: Dials, tmp_path: Path):
    with library(tmp_path, "dial_fails", "1 / 0"):
        with pytest.raises(ZeroDivisionError) as failed:
            run(dials, "import dial_fails")
        files = [Path(str(entry.path)).name for entry in failed.traceback]
        assert files == ["test_dials.py", "test_dials.py", "<string>", "dial_fails.py"]


def test_a_look_for_a_module_is_no_import(dials: Dials, tmp_path: Path):
    with library(tmp_path, "dial_looked_for", IMPORTED):
        source = (
            "import importlib.util, os; importlib.util.find_spec('dial_looked_for'); os.environ['DIAL'] = '1'"
        )
        assert run(dials, source).writes == {"environ:"}
        assert "DIAL_IMPORT" not in os.environ


def test_an_import_inside_an_import_belongs_to_it(dials: Dials, tmp_path: Path):
    inner = "import os, dial_inner; assert 'DIAL_IMPORT' in os.environ; os.environ['DIAL_OUTER'] = '1'"
    with library(tmp_path, "dial_inner", IMPORTED), library(tmp_path, "dial_outer", inner):
        state = dials.read("environ:")
        assert not run(dials, "import dial_outer").writes
        dials.write("environ:", state)
        assert {"DIAL_IMPORT", "DIAL_OUTER"} <= os.environ.keys()


def test_an_interrupted_import_ends(dials: Dials, tmp_path: Path):
    with (
        library(tmp_path, "dial_interrupted", "raise KeyboardInterrupt"),
        library(tmp_path, "dial_next", IMPORTED),
    ):
        source = "try: import dial_interrupted\nexcept KeyboardInterrupt: pass\nimport dial_next"
        assert not run(dials, source).writes


def in_fresh_process(source: str) -> str:
    """What a process prints whose first runs these are."""
    head = "import sys\nfrom reactive_kernel.dials import Dials\ndials = Dials()\n"
    head += "def run(source, *modules):\n dials.start()\n exec(source, {})\n return dials.stop(modules, ())\n"
    command = (sys.executable, "-c", head + source)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_no_library_is_imported():
    source = "run('pass', 'numpy', 'pandas', 'matplotlib')\n"
    assert in_fresh_process(source + f"print(sys.modules.keys() & {set(LIBRARIES)})") == "set()"


def test_no_library_is_needed():
    source = """
class Nobody:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in ('numpy', 'pandas', 'matplotlib'): raise ImportError(name)
sys.meta_path.insert(0, Nobody())
states = {each: dials.read(each) for each in dials._dials}
turned = run('import random; random.seed(1)')
for each, state in states.items(): dials.write(each, state); assert dials.alike(each, state, dials.read(each))
print(*turned.writes, *turned.reads, 'options:pandas' in states)
"""
    assert in_fresh_process(source) == "random:random True"


@pytest.mark.parametrize("library", LIBRARIES)
def test_half_a_library_is_none(dials: Dials, monkeypatch: pytest.MonkeyPatch, library: str):
    names = [name for name in sys.modules if name.partition(".")[0] == library]
    for name in names:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, library, ModuleType(library))
    fresh = Dials()
    assert run(fresh, "pass") == Turned()
    fresh.write(f"options:{library}", fresh.read(f"options:{library}"))


def test_a_library_that_comes_is_no_write():
    need("numpy pandas matplotlib")
    source = (
        "for each in ('numpy', 'pandas', 'matplotlib.pyplot'): print(*run('import ' + each).writes, end='.')"
    )
    assert in_fresh_process(source) == "..."


def test_the_cell_that_imports_numpy_may_seed():
    need("numpy")
    source = "t = run('import numpy as np; np.random.seed(0); np.random.rand()')\n"
    source += "print(*t.writes, *t.reads, *t.seeded)"
    assert in_fresh_process(source) == "random:numpy path: random:numpy"


def test_the_cell_that_imports_a_library_may_set_its_options():
    need("pandas matplotlib")
    source = """
before = {each: dials.read(each) for each in ('options:pandas', 'options:matplotlib')}
cell = 'import pandas, matplotlib as m; pandas.options.display.max_rows = 5; m.rcParams["figure.dpi"] = 7'
print(*sorted(run(cell).writes), end=' ')
import pandas, matplotlib
for each, state in before.items(): dials.write(each, state)
print(pandas.options.display.max_rows, matplotlib.rcParams['figure.dpi'])
"""
    assert in_fresh_process(source) == "options:matplotlib options:pandas 60 100.0"


# Everything at once


def test_every_dial_is_known_and_nothing_else(dials: Dials):
    assert all(map(dials.known, EVERY))
    assert not dials.known("x")
    assert not dials.known("random:torch")


def test_states_that_nobody_turned_are_alike(dials: Dials):
    for resource in EVERY:
        assert dials.alike(resource, dials.read(resource), dials.read(resource))


@pytest.mark.parametrize("resource", ["environ:", NUMPY_RANDOM, PANDAS, MATPLOTLIB])
def test_a_state_that_nobody_turned_is_not_copied_again(dials: Dials, resource: Resource):
    need({NUMPY_RANDOM: "numpy"}.get(resource, resource))
    exec("import numpy; numpy.random.seed(1)" if resource == NUMPY_RANDOM else "")
    assert dials.read(resource).state is dials.read(resource).state
