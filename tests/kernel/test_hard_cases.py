# One line is one cell.
# ruff: noqa: E501
"""Hard cases that only IPython and its kernel have: magics, what cells show, widgets, tasks between cells."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import pytest

from ..core.nursery import Fresh, Nursery, lay_out, nursery
from ..fuzz.execution import Shown
from ..fuzz.world import contents
from .conversation import Conversation

Sources: TypeAlias = tuple[str, ...]

FRESH: Mapping[str, Sources] = {
    "what a cell shows is captured": (
        "%%capture out\nprint('hidden')",
        "print(repr(out.stdout))",
        "print('x' + out.stdout)",
    ),
    "a command's output is assigned": (
        "n = 3",
        "x = %sx echo $n",
        "print(x)",
    ),
    "a command writes a file": (
        "!echo 1 > f.txt",
        "print(open('f.txt').read())",
        "!echo 2 > f.txt",
        "print(open('f.txt').read())",
    ),
    "a command takes a name": (
        "name = 'f1.txt'",
        "!echo hi > {name}",
        "print(open(name).read())",
    ),
    "a script is run": (
        "%%writefile script.py\nvalue = 5\ndef helper(): return value",
        "%run script.py",
        "print(value, helper())",
    ),
    "a cell is timed": (
        "%%time\nx = 1",
        "%time y = x + 1",
        "print(x, y)",
    ),
    "an expression is timed": (
        "x = [3, 1]",
        "%timeit -q -n 1 -r 1 x.append(1)",
        "print(len(x))",
    ),
    "another shell's cell writes a file": (
        "%%bash\necho 1 > b.txt",
        "print(open('b.txt').read())",
    ),
    "another shell's cell leaves a name": (
        "%%bash --out got\necho hi",
        "print(got)",
    ),
    "an object is shown, changed and shown": (
        "xs = [1]",
        "xs.append(2)\nxs",
        "xs",
        "xs.append(3)",
        "xs",
    ),
    "a frame is shown, sorted and shown": (
        "import pandas as pd\ndf = pd.DataFrame({'x': [2, 1]})",
        "df",
        "df = df.sort_values('x')",
        "df",
    ),
    "a cell waits for a coroutine": (
        "import asyncio\nasync def f(): return 3",
        "x = await f()",
        "print(x)",
    ),
    "threads of a pool": (
        "from concurrent.futures import ThreadPoolExecutor\nseen = []",
        "with ThreadPoolExecutor() as p:\n    f = p.submit(seen.append, 1)",
        "print(seen, f.done())",
    ),
    "names are deleted by magic": (
        "x = 1\ny = 2",
        "%reset_selective -f x",
        "print('y', y)",
        "print(x)",
    ),
    "IPython runs code": (
        "get_ipython().run_cell('x = 4') and None",
        "print(x)",
    ),
    "a magic called as a function": (
        "get_ipython().run_line_magic('time', 'x = 4')",
        "print(x)",
    ),
    "a figure is kept": (
        "import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nplt.close(fig)",
        "ax.plot([1]);",
        "print(len(ax.lines))",
        "ax.plot([2]);",
        "print(len(ax.lines))",
    ),
    "an object of traitlets": (
        "from traitlets import HasTraits, Int\nclass T(HasTraits):\n    x = Int()\nt = T()",
        "t.x += 1",
        "print(t.x)",
    ),
    "showing changes what is shown": (
        "class R:\n    n = 0\n    def _repr_html_(self):\n        self.n += 1\n        return str(self.n)\nr = R()",
        "r",
        "r",
        "print(r.n)",
    ),
    "an object is pickled": (
        "import pickle\nclass P:\n    def __init__(self): self.x = 1\np = P()",
        "q = pickle.loads(pickle.dumps(p))",
        "q.x = 2",
        "print(p.x, q.x, type(q) is P)",
    ),
    "the notebook as a module": (
        "import __main__\nx = 1",
        "__main__.y = 5",
        "print(y)",
    ),
    "an expression is profiled": (
        "x = []",
        "%prun -q x.append(1)",
        "print(x)",
    ),
}

# Where nobody can look: a cell that is marked stale, and a word of the reason.
UNPROVEN: Mapping[str, tuple[Sources, str, str]] = {
    "files are listed by a command": (
        (
            "open('one.txt', 'w').close()",
            "files = !ls *.txt",
            "print(files.s)",
            "open('two.txt', 'w').close()",
        ),
        "b",
        "a cell below has written",
    ),
    "the last result": (
        (
            "1 + 1",
            "print(_)",
        ),
        "b",
        "`_`",
    ),
    "all results": (
        (
            "1 + 1",
            "print(list(Out.values()))",
        ),
        "b",
        "`Out`",
    ),
    "all inputs": (("print(len(In))",), "a", "`In`"),
    "a task is awaited in a later cell": (
        (
            "import asyncio\nseen = []\nasync def work():\n    seen.append(1)\n    await asyncio.sleep(0)\n    seen.append(2)\n    return 5",
            "task = asyncio.create_task(work())",
            "print(await task, seen)",
        ),
        "c",
        "Task",
    ),
    "a generator that waits": (
        (
            "async def g():\n    yield 1\n    yield 2\na = g()",
            "print(await a.__anext__())",
            "print(await a.__anext__())",
        ),
        "b",
        "async_generator",
    ),
    "a task outlives its cell": (
        (
            "import asyncio\nseen = []\nasync def work():\n    await asyncio.sleep(0.01)\n    seen.append(1)\ntask = asyncio.create_task(work())",
            "await asyncio.sleep(0.05)",
            "print(seen)",
        ),
        "a",
        "Await it in this cell",
    ),
    "a thread outlives its cell": (
        (
            "import threading\nseen, go = [], threading.Event()\ndef work():\n    go.wait(60)\n    seen.append(1)",
            "t = threading.Thread(target=work, daemon=True)\nt.start()",
            "print(seen)",
        ),
        "b",
        "Wait for it in this cell",
    ),
    "the current figure of pyplot": (
        (
            "import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt",
            "plt.close('all')\nf = plt.figure()",
            "plt.plot([1]);",
            "print(len(plt.gca().lines))",
        ),
        "c",
        "hold it in names",
    ),
    "names are set through `user_ns`": (
        (
            "get_ipython().user_ns['x'] = 1",
            "print(x)",
        ),
        "a",
        "`user_ns`",
    ),
}

# Right, or said not to be known.
HONEST: Mapping[str, Sources] = {
    "the value of a widget is set": (
        "import ipywidgets as w\ns = w.IntSlider(3)",
        "print(s.value)",
        "s.value = 7",
        "print(s.value)",
    ),
    "a thread is started in a later cell": (
        "import threading\nseen = []\nt = threading.Thread(target=seen.append, args=(1,))",
        "t.start(); t.join()",
        "print(seen)",
    ),
    "an environment variable is set by magic": (
        "%env HARD=1",
        "import os\nprint(os.environ['HARD'])",
        "%env HARD=2",
        "print(os.environ['HARD'])",
    ),
    "a precision is set by magic": (
        "%precision 2",
        "3.14159",
        "%precision 4",
        "3.14159",
    ),
    "a magic is defined": (
        "from IPython.core.magic import register_line_magic\n@register_line_magic\ndef hard(line): return line * 2",
        "x = %hard ab",
        "print(x)",
    ),
    "a formatter is defined": (
        "class R: pass\nget_ipython().display_formatter.formatters['text/plain'].for_type(R, lambda o, p, c: p.text('one')) and None",
        "R()",
        "get_ipython().display_formatter.formatters['text/plain'].for_type(R, lambda o, p, c: p.text('two')) and None",
        "R()",
    ),
    "a script that shares the names is run": (
        "from pathlib import Path\nPath('script.py').write_text('total = base + 1') and None",
        "base = 2",
        "%run -i script.py",
        "print(total)",
    ),
    "a function sets the value of a widget": (
        "import ipywidgets as w\ns = w.IntSlider(3)\ndef up(x): x.value += 1",
        "up(s)",
        "print(s.value)",
        "up(s)",
        "print(s.value)",
    ),
    "a widget is observed": (
        "import ipywidgets as w\nseen = []\ns = w.IntSlider(3)",
        "s.observe(lambda c: seen.append(c['new']), 'value')",
        "s.value = 9",
        "print(seen)",
    ),
    "a hook is registered": (
        "n = []\nget_ipython().events.register('pre_run_cell', lambda info: n.append(1))",
        "print(len(n))",
        "n.append(2)",
        "print(n)",
    ),
}


@pytest.fixture(scope="module")
def home() -> Iterator[Nursery]:
    modules = ("IPython.core.interactiveshell", "ipywidgets")
    with tempfile.TemporaryDirectory(prefix="hard") as place, nursery(Path(place), *modules) as found:
        yield found


class Notebook:
    """A document in the kernel; whatever is done, fresh cells show what a fresh IPython shows."""

    def __init__(self, kernel: Conversation, home: Nursery, place: Path, sources: Sources) -> None:
        self.kernel, self._home, self._place = kernel, home, place
        self.cells = dict(zip("abcdefgh", sources))
        self._directory = place / "notebook"
        lay_out(self._directory, {})
        kernel.execute(f"__import__('os').chdir({str(self._directory)!r})")

    def exercise(self) -> Notebook:
        """Run it; run each cell again, upwards; take each text away and put it back."""
        self._check(self.kernel.document(**self.cells).ran)
        for cell in reversed(self.cells):
            self._check(self.kernel.run(cell).ran)
        for cell, source in tuple(self.cells.items())[:-1]:
            self._enter(cell, "pass")
            self._enter(cell, source)
        self._check(self.kernel.run_stale().ran)
        return self

    def _enter(self, cell: str, source: str) -> None:
        self.cells[cell] = source
        self._check(self.kernel.execute(source, cell).ran)

    def amiss(self) -> dict[str, str]:
        """The cells that are not fresh, and why."""
        reasons = {cell: self.kernel.cells[cell]["reason"] for cell in self.cells if not self._is_fresh(cell)}
        return {cell: f"{reason['kind']}: {reason['message']}" for cell, reason in reasons.items()}

    def _is_fresh(self, cell: str) -> bool:
        return self.kernel.cells[cell]["freshness"] == "fresh"

    def _check(self, ran: list[str]) -> None:
        worlds = [contents(frozenset()), contents(frozenset(("files",)), str(self._directory))]
        answers = [self._fresh(world) for world in worlds]
        for cell in self.cells:
            have = told(self.kernel.text(cell))
            wanted = [answer.cells[cell].shown for answer in answers]
            assert not self._is_fresh(cell) or any(is_as(have, want) for want in wanted), (
                f"after {ran}: {cell} is fresh and shows {have!r}; a fresh process shows {wanted[0]}"
            )

    def _fresh(self, files: Mapping[str, bytes | None]) -> Fresh:
        return self._home.fresh("ipython", self.cells, files, self._place)


def told(text: str) -> str:
    """Without addresses and timings."""
    return re.sub(r"(?m)^(CPU times|Wall time).*\n", "", re.sub(r"0x[0-9a-f]+", "0x", text))


def is_as(have: str, want: Shown) -> bool:
    if want.error is None:
        # A script that fails shows it, and `%run` does not.
        failed = re.match(r"\w+Error: ", have) is not None and want.text.rstrip().endswith(have)
        return failed or have == told(want.text)
    # Where no cell above binds a name, a cell below may; a run from top to bottom knows nothing of that.
    return want.error.startswith("NameError") or have.rstrip().endswith(want.error)


@pytest.fixture
def exercised(kernel: Conversation, home: Nursery, tmp_path: Path) -> Iterator[Callable[[Sources], Notebook]]:
    kernel.execute("__import__('warnings').simplefilter('ignore')")
    yield lambda sources: Notebook(kernel, home, tmp_path, sources).exercise()
    kernel.execute(f"__import__('os').chdir({str(Path(__file__).parent)!r})")


Exercised: TypeAlias = Callable[[Sources], Notebook]


@pytest.mark.parametrize("sources", FRESH.values(), ids=FRESH)
def test_every_cell_shows_what_a_fresh_process_shows(exercised: Exercised, sources: Sources):
    assert exercised(sources).amiss() == {}


@pytest.mark.parametrize(("sources", "cell", "word"), UNPROVEN.values(), ids=UNPROVEN)
def test_what_nobody_can_see_is_stale_and_says_why(
    exercised: Exercised, sources: Sources, cell: str, word: str
):
    reason = exercised(sources).amiss()[cell]
    assert reason.startswith("unproven: ")
    assert word in reason


@pytest.mark.parametrize("sources", HONEST.values(), ids=HONEST)
def test_a_cell_is_right_or_says_that_nobody_knows(exercised: Exercised, sources: Sources):
    amiss = exercised(sources).amiss().values()
    assert not amiss or any(reason.startswith("unproven: ") for reason in amiss)


def test_the_directory_is_changed_by_magic(alone: Conversation, home: Nursery, tmp_path: Path):
    alone.open()
    sources = (
        "import os\nos.makedirs('sub', exist_ok=True)",
        "%cd -q sub",
        "print(os.path.basename(os.getcwd()))",
    )
    assert Notebook(alone, home, tmp_path, sources).exercise().amiss() == {}
    assert alone.text("c") == "sub\n"


def test_a_display_handle_changes_what_an_earlier_cell_shows(kernel: Conversation):
    kernel.document(a="h = display('one', display_id=True)", b="h.update('two')", c="print('three')")
    updates = [
        m["content"]["data"]["text/plain"] for m in kernel.log if m["msg_type"] == "update_display_data"
    ]
    assert updates[-1] == "'two'"
    assert kernel.states() == {"a": "fresh ok", "b": "fresh ok", "c": "fresh ok"}


def test_an_interrupt_in_the_middle_of_writing_leaves_nothing(kernel: Conversation):
    wait = "import time\nxs.append(2)\nprint('half way', flush=True)\nif slow:\n    time.sleep(60)"
    kernel.sync({"slow": "slow = True", "a": "xs = [1]", "b": wait, "c": "print(xs)"})
    asked = kernel.tell({"op": "run", "cells": ["b"]})
    kernel.until_text("half way")
    kernel.interrupt()
    kernel.finish(asked, 0)
    assert kernel.state("b") == "stale interrupted"
    assert not kernel.state("c").startswith("fresh")
    kernel.execute("slow = False", "slow")
    kernel.run_stale()
    assert kernel.text("c") == "[1, 2]\n"
    assert set(kernel.states().values()) == {"fresh ok"}
