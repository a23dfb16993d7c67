"""What magics and shell lines touch, those that come with IPython and those that other packages bring."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping

from ..cell import CellFacts, MagicAnalyser, Unparsable
from .magic import Unreadable, interpolated, parse
from .recovery import bound_names
from .scope import Function, Scope
from .walk import walk

# Magics that touch no name except those put into their line.
CALM = frozenset({
    "alias", "alias_magic", "autoawait", "autocall", "automagic", "autoreload", "bookmark", "cat", "cd",
    "colors", "conda", "config", "cp", "debug", "dhist", "dirs", "doctest_mode", "env", "gui", "hist",
    "history", "HTML", "html", "javascript", "js", "killbgscripts", "latex", "ldir", "lf", "lk", "ll",
    "load", "load_ext", "loadpy", "logoff", "logon", "logstart", "logstate", "logstop", "ls", "lsmagic",
    "lx", "magic", "mamba", "markdown", "matplotlib", "micromamba", "mkdir", "mv", "notebook", "page",
    "pastebin", "pdb", "pip", "popd", "pprint", "precision", "psearch", "pushd", "pwd", "pycat", "quickref",
    "reactive", "rehashx", "reload_ext", "rm", "rmdir", "save", "set_env", "svg", "SVG", "sx", "system", "tb",
    "unalias", "unload_ext", "uv", "watermark", "xmode",
})  # fmt: skip
# Magics whose line names an object to describe.
DESCRIBE = frozenset({
    "pdef", "pdoc", "pfile", "pinfo", "pinfo2", "psource",
})  # fmt: skip
# Magics that execute Python in the namespace: the options that take a value, for line and for cell.
PYTHON = {"time": "", "prun": "DlsT", "memit": "rtiIo", "lprun": "fmDTuz", "mprun": "fTc", "snakeviz": "f"}
# Cell magics that execute Python as it stands and whose line is none.
PYTHON_BELOW = frozenset({"debug", "pyinstrument", "scalene", "wandb"})
SCRIPTS = frozenset({
    "bash", "perl", "pypy", "python", "python2", "python3", "ruby", "script", "sh",
})  # fmt: skip
# Magics that do nothing but run the Python that they are given, and the one that asks about the document.
_TRANSPARENT = frozenset({"capture", "reactive", "time", "timeit"})
SHELL_CELLS = frozenset({"!", "sx", "system"})

_OPTION_NAMES = re.compile(r"--(?:out|err|proc)[ =]+([^\W\d]\w*)")


class Shell:
    """Tells a scope what the magics and shell lines met in it touch."""

    def __init__(self, magics: Mapping[str, MagicAnalyser]) -> None:
        self._magics = magics

    def __call__(self, scope: Scope, method: str, texts: tuple[str, ...]) -> None:
        if method not in ("run_line_magic", "run_cell_magic") or texts[0] not in _TRANSPARENT:
            scope.module.verbs.add("%")
        if method == "run_line_magic":
            self._line_magic(scope, texts[0], texts[1])
        elif method == "run_cell_magic":
            self._cell_magic(scope, texts[0], texts[1], texts[2])
        else:
            _interpolate(scope, texts[0])

    def _line_magic(self, scope: Scope, name: str, line: str) -> None:
        name = name.lstrip("%")
        if self._registered(scope, name, line, ""):
            return
        if name == "timeit":
            _timed(scope, _after_options(line, "nro"))
        elif name in PYTHON:
            _python(scope, _after_options(line, PYTHON[name]))
        elif name in DESCRIBE:
            _describe(scope, line)
        else:
            _interpolate(scope, line)
            if name not in CALM:
                scope.module.dynamic = True

    def _cell_magic(self, scope: Scope, name: str, line: str, body: str) -> None:
        if self._registered(scope, name, line, body):
            return
        if name == "timeit":
            _timed(scope, f"{_after_options(line, 'nro')}\n{body}", above=0)
        elif name in PYTHON:
            _python(scope, f"{_after_options(line, PYTHON[name])}\n{body}", above=0)
        elif name in PYTHON_BELOW:
            _python(scope, body, above=1)
        elif name == "capture":
            _python(scope, body, above=1)
            _store(scope, re.findall(r"(?:^|\s)([^\W\d]\w*)", line)[:1])
        elif name in SCRIPTS:
            _interpolate(scope, line)
            _store(scope, _OPTION_NAMES.findall(line))
        elif name in SHELL_CELLS:
            _interpolate(scope, body)
        elif name in ("writefile", "file"):
            _write_file(scope, line)
        else:
            _interpolate(scope, line)
            if name not in CALM:
                scope.module.dynamic = True

    def _registered(self, scope: Scope, name: str, line: str, body: str) -> bool:
        analyser = self._magics.get(name)
        if analyser is None:
            return False
        scope.module.verbs.add("%")
        try:
            _adopt(scope, analyser(line, body))
        # Whatever a package raises, the cell is still a cell.
        except Exception as error:  # noqa: BLE001
            module = scope.module
            module.dynamic = True
            sign = "%%" if body else "%"
            module.problem = Unparsable(f"{sign}{name} cannot be analysed: {type(error).__name__}: {error}")
        return True


def _adopt(scope: Scope, facts: CellFacts) -> None:
    """Let a scope read and write what a magic's analyser says."""
    module = scope.module
    module.problem = facts.problem or module.problem
    module.dynamic = module.dynamic or facts.dynamic
    module.manual = module.manual or facts.manual
    module.sessions |= facts.sessions
    reads, others_read = _split(facts.reads | facts.builtins)
    writes, others_written = _split(facts.writes)
    _resources(scope, others_read, others_written)
    for name in reads:
        scope.load(name)
    for name in facts.mutates & writes:
        scope.mutate(name)
    for name in facts.deletes & writes:
        scope.delete(name)
    _store(scope, writes - facts.mutates - facts.deletes)
    module.erases |= facts.erases
    for name, latent in facts.latent.items():
        record = module.record_of(name)
        record[0].update(latent.reads)
        record[1].update(latent.writes)


def _split(resources: Iterable[str]) -> tuple[set[str], set[str]]:
    """Names of Python, and other resources."""
    names = set(resources)
    others = {name for name in names if ":" in name}
    return names - others, others


def _resources(scope: Scope, reads: set[str], writes: set[str]) -> None:
    """Read and write what is no name: a table read after it was written is still the one others wrote to."""
    module = scope.module
    into = (module.reads, module.extra) if scope.immediate else module.current_record()
    into[0].update(reads)
    into[1].update(writes)


def _store(scope: Scope, names: Iterable[str]) -> None:
    """Bind names in the namespace of the session, even from within a function."""
    if scope.immediate:
        for name in names:
            scope.store(name)
    else:
        scope.module.current_record()[1].update(names)


def _interpolate(scope: Scope, text: str) -> None:
    for tree in interpolated(text):
        walk(scope, tree.body)


def _statements(scope: Scope, text: str, above: int | None) -> list[ast.stmt]:
    """The statements of a magic; `above` is the number of lines before them, None within a line."""
    try:
        return parse(text).body
    except Unreadable as error:
        line = error.line + above if error.line is not None and above is not None else None
        scope.module.problem = Unparsable(error.message, line)
        scope.module.verbs.add("%")
        _store(scope, bound_names(text))
        return []


def _python(scope: Scope, text: str, above: int | None = None) -> None:
    walk(scope, _statements(scope, text, above))


def _timed(scope: Scope, text: str, above: int | None = None) -> None:
    """`%timeit` puts its statement into a function and calls that: what it binds stays there."""
    function = Function(scope, set())
    walk(function, _statements(function, text, above))
    module = scope.module
    record = module.record
    module.record = reads, writes = set[str](), set[str]()
    function.finish()
    module.record = record
    for name in reads:
        scope.load(name)
    for name in writes & reads:
        scope.mutate(name)
    _store(scope, writes - reads)


def _describe(scope: Scope, line: str) -> None:
    name = re.match(r"\s*([^\W\d]\w*)", line)
    if name:
        scope.load(name[1])


def _write_file(scope: Scope, line: str) -> None:
    _interpolate(scope, line)
    words = line.split()
    appends = "-a" in words or "--append" in words
    path = " ".join(word for word in words if word not in ("-a", "--append")).strip("'\"")
    if path and not re.search(r"[{$]", path):
        written = {f"file:{path}"}
        _resources(scope, written if appends else set(), written)


def _after_options(line: str, valued: str) -> str:
    """The statement behind the options of a line magic; `valued` are the options that take a value."""
    pattern = r"\s*(?:--[\w-]+(?:=\S+)?(?=\s|$)|-[%s](?:\s*\S+)|-[^\W\d]+(?=\s|$))" % (valued or "-")
    while match := re.match(pattern, line):
        line = line[match.end() :]
    return line.strip()
