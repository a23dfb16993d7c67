"""`jupyter reactive run | graph | check | verify`: what is asked for, and what is printed."""

from __future__ import annotations

import argparse
import ast
import contextlib
import difflib
import hashlib
import importlib.util
import json
import os
import socket
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from nbformat import NotebookNode

from . import analyze, reason
from ._version import __version__
from .afresh import Verified, verify_notebook
from .cell import Cell, CellId
from .drawing import FORMATS, diagram
from .event import DocumentSynced
from .namespace import of_the_session
from .notebook import (
    BadParameter,
    NoSuchCell,
    NotANotebook,
    cells_called,
    document,
    load,
    parameters_in,
    save,
    set_parameters,
)
from .progress import progress
from .runner import CannotRun, Options, Result, execute_notebook, run
from .session import Session
from .sweep import Outcome, Sweep, grid, spread, sweep, write_table

__all__ = ["Result", "execute_notebook", "main"]

_FAILED, _MISUSED = 1, 2
# What a shell adds to the number of the signal that ended a program.
_SIGNALLED = 128


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; answers its exit code."""
    chosen = argument_parser().parse_args(arguments)
    try:
        code: int = chosen.perform(chosen)
    except NotANotebook as error:
        _complain(f"{chosen.notebook}: {error}")
        return _MISUSED
    except (BadParameter, CannotRun, NoSuchCell) as error:
        _complain(str(error))
        return _MISUSED
    except BrokenPipeError:
        # Whoever read the output has seen enough; nothing may be written at the end either.
        sys.stdout = None
        return _FAILED
    return code


def _complain(message: str) -> None:
    sys.stderr.write(f"jupyter reactive: {message}\n")


def argument_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jupyter reactive", description="Notebooks whose cells follow each other."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="execute a notebook in dependency order", description=_RUN))
    graph = commands.add_parser("graph", help="show which cell reads names of which", description=_GRAPH)
    graph.add_argument("--format", choices=sorted(FORMATS), default="json", help="default: json")
    check = commands.add_parser("check", help="find what keeps a notebook from running", description=_CHECK)
    for command, perform in ((graph, _graph), (check, _check)):
        command.set_defaults(perform=perform)
        command.add_argument("notebook", metavar="NB", type=Path, help="a notebook file")
    _add_verify(commands.add_parser("verify", help="compare with a fresh run", description=_VERIFY))
    return parser


_RUN = """Execute a notebook in a fresh reactive kernel, each cell after those whose names it reads. Without
--output the results are written into the notebook itself, also when cells failed. Exit code 1: a cell failed
or could not run; 2: nothing was run; 130: interrupted."""
_GRAPH = "Show which cell reads names of which, from the text alone: nothing is executed."
_CHECK = """Find names that no cell defines, cells that wait for each other, and cells that Python cannot
read, from the text alone: nothing is executed. Exit code 1 if there are any."""


_VERIFY = """Run a notebook in a fresh kernel from top to bottom and compare what its cells show then with the
outputs saved in it, which stay as they are. Cells that are switched off do not run; manual ones do.
Addresses, timings and execution counts may differ, as may what cells show that have the tag
`nbval-ignore-output`. Exit code 0: the same; 1: a cell differs; 2: the run did not come to its end."""


def _add_verify(command: argparse.ArgumentParser) -> None:
    command.set_defaults(perform=_verify)
    _add_common(command, kernel="a kernel other than the notebook's own")
    command.add_argument(
        "--skip-manual", action="store_true", help="leave manual cells, and who needs them, out"
    )
    command.add_argument(
        "--directory", metavar="DIR", type=Path, help="where the kernel starts (default: NB's)"
    )
    # What a running kernel asks about its own document.
    command.add_argument("--own", action="store_true", help=argparse.SUPPRESS)


def _add_run(command: argparse.ArgumentParser) -> None:
    command.set_defaults(perform=_run)
    _add_common(command, kernel="a reactive kernel of another name")
    command.add_argument("--output", metavar="OUT", type=Path, help="write there (default: into NB itself)")
    command.add_argument(
        "--engine",
        metavar="ENGINE",
        default="",
        help="run cells elsewhere that can: `dask` (a local cluster) or `dask://HOST:PORT`",
    )
    command.add_argument(
        "--sweep",
        metavar="DIR",
        type=Path,
        help="run at every point of the grid that `-p n=1..8 -p model=a,b` spans; a notebook for each, and a "
        "table, go to DIR; what is there already is not run again",
    )
    command.add_argument("--table", metavar="FILE", type=Path, help="the table: .csv or .parquet")
    command.add_argument("--jobs", metavar="N", type=int, help="points at a time (default: processors)")
    command.add_argument("--allow-errors", action="store_true", help="exit with 0 also when cells failed")


def _add_common(command: argparse.ArgumentParser, *, kernel: str) -> None:
    """What is asked of a run, whatever it is for."""
    command.add_argument("notebook", metavar="NB", type=Path, help="a notebook file")
    command.add_argument(
        "-p",
        "--parameter",
        metavar="NAME=VALUE",
        dest="parameters",
        action="append",
        type=_parameter,
        default=[],
        help="set a name after the cell tagged `parameters`, or at the top if there is none; the value is a "
        "Python literal, JSON, or else text; may be given more than once",
    )
    command.add_argument(
        "-f",
        "--parameters-file",
        metavar="FILE",
        dest="parameter_files",
        action="append",
        type=Path,
        default=[],
        help="set what a YAML or JSON file maps names to; -p goes before it",
    )
    command.add_argument(
        "--only",
        metavar="CELL",
        nargs="+",
        action="extend",
        help="run these cells and what they need; a cell is called by its id, its number among the code "
        "cells, or a tag",
    )
    command.add_argument("--timeout", metavar="S", type=_seconds, help="seconds that one cell may take")
    command.add_argument("--kernel", metavar="NAME", help=kernel)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{text} is no time that a cell could take")
    return seconds


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name.strip(), value


def _value(text: str) -> object:
    with contextlib.suppress(ValueError, SyntaxError, RecursionError, MemoryError):
        return ast.literal_eval(text.strip())
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text)
    return text


# run


def _run(chosen: argparse.Namespace) -> int:
    source: Path = chosen.notebook
    target: Path = chosen.output or source
    notebook = load(source)
    if not target.parent.is_dir():
        raise CannotRun(f"there is no directory {target.parent} to write {target.name} to")
    only = _chosen_cells(chosen, notebook)
    _reach(chosen.engine)
    if chosen.sweep is not None:
        return _sweep(chosen, notebook)
    _parametrise(chosen, notebook)
    with progress() as told:
        options = Options(str(source.parent), chosen.timeout, chosen.kernel, told, only=only)
        if chosen.engine:
            options = replace(options, engine=chosen.engine, keep=_kept_as(chosen.engine, source))
        result = run(notebook, options)
    if result.stopped is not None and not result.ran:
        _complain(f"{result.stopped} before any cell ran; nothing was written")
        return _FAILED if result.signal is None else _SIGNALLED + result.signal
    try:
        save(result.notebook, target)
    except OSError as error:
        _complain(f"{target} cannot be written: {error.strerror}")
        return _MISUSED
    return _report(result, target, allowed=chosen.allow_errors)


def _warn_of_parameters(setter: CellId, parameters: Iterable[str], seen: Session) -> None:
    """A parameter that does not reach all its readers would be a silent surprise."""
    graph = seen.graph
    for name in parameters:
        takers = list(graph.readers(setter, name))
        for cell in sorted(set(graph.users(name)) - {setter, *takers}, key=graph.rank):
            writer = graph.inputs(cell).get(name)
            if writer is not None and graph.rank(cell) < graph.rank(setter):
                where = f"{seen.label(cell)} takes `{name}` from {seen.label(writer)}, not from -p"
                _complain(f"{where}; move it below the cell tagged `parameters`")
        if not takers and not any(True for _ in graph.users(name)):
            _complain(f"no cell reads `{name}`, which -p sets")


def _chosen_cells(chosen: argparse.Namespace, notebook: NotebookNode) -> tuple[CellId, ...] | None:
    return cells_called(notebook, chosen.only) if chosen.only else None


def _parametrise(chosen: argparse.Namespace, notebook: NotebookNode) -> None:
    """Set what the files say, and then what the options say."""
    parameters: dict[str, object] = {}
    for path in chosen.parameter_files:
        parameters |= parameters_in(path)
    parameters |= {name: _value(text) for name, text in chosen.parameters}
    if parameters:
        _warn_of_parameters(set_parameters(notebook, parameters), parameters, _statically(document(notebook)))


def _reach(engine: str) -> None:
    """Is there a cluster? Whoever asks for one wants no run without it."""
    from .engine.cluster import NoCluster, address  # a plain run starts faster without it

    if not engine:
        return
    if importlib.util.find_spec("distributed") is None:
        raise CannotRun("Dask is not installed: `pip install jupyter-reactive[dask]`")
    if engine == "dask":
        return
    try:
        host, _, port = address(engine).rpartition("//")[2].rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
    except NoCluster as error:
        raise CannotRun(str(error)) from None
    except OSError as error:
        raise CannotRun(f"the scheduler of {engine} cannot be reached: {error.strerror or error}") from None


def _sweep(chosen: argparse.Namespace, notebook: NotebookNode) -> int:
    """Run the notebook at every point; the table has a row for each that has ended."""
    source: Path = chosen.notebook
    place: Path = chosen.sweep
    place.mkdir(parents=True, exist_ok=True)
    fixed: dict[str, list[object]] = {}
    for path in chosen.parameter_files:
        fixed |= {name: [value] for name, value in parameters_in(path).items()}
    points = grid(fixed | {name: spread(text, _value) for name, text in chosen.parameters})
    setter = set_parameters(notebook, points[0].values)
    _warn_of_parameters(setter, points[0].values, _statically(document(notebook)))
    work = Sweep(notebook, points, place, source.stem)
    left = work.take_up()
    sys.stderr.write(f"{len(points)} points, {len(points) - len(left)} of them done before.\n")
    with _cluster_for(chosen.engine) as engine:
        keep = "" if chosen.engine in ("", "dask") else _kept_as(chosen.engine, source)
        options = Options(str(source.parent), chosen.timeout, chosen.kernel, engine=engine, keep=keep)
        failed = _swept(
            work, sweep(work, notebook, left, options, chosen.jobs or os.cpu_count() or 1), len(left)
        )
    table: Path = chosen.table or place / "table.csv"
    write_table(work.rows(), table)
    sys.stderr.write(f"Ran {len(left)} points, {failed} failed; wrote {table}.\n")
    return _FAILED if failed and not chosen.allow_errors else 0


def _swept(work: Sweep, outcomes: Iterator[Outcome], count: int) -> int:
    """Tell of each point as it ends; answer how many failed."""
    failed = 0
    for number, outcome in enumerate(outcomes, 1):
        sys.stderr.write(f"[{number}/{count}] {outcome.point}: {outcome.state}, {outcome.seconds:.1f} s\n")
        for failure in outcome.failures:
            sys.stderr.write(f"  {failure}\n")
        failed += bool(outcome.failures)
    return failed


@contextlib.contextmanager
def _cluster_for(engine: str) -> Generator[str, None, None]:
    """The engine that all kernels of a sweep share; a local one begins and ends with it."""
    if engine != "dask":
        yield engine
        return
    from .engine.cluster import LocalCluster, NoCluster  # a plain run starts faster without it

    try:
        cluster = LocalCluster()
    except NoCluster as error:
        raise CannotRun(str(error)) from None
    try:
        yield cluster.address.replace("tcp://", "dask://")
    finally:
        cluster.close()


def _kept_as(engine: str, notebook: Path) -> str:
    """The name under which a cluster that outlives the run keeps what it computed."""
    if engine == "dask":
        return ""
    return hashlib.sha256(str(notebook.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _tell_places(result: Result) -> None:
    """Say which cells ran on workers, and why the others did not."""
    here: dict[str, list[str]] = {}
    labels = {cell.id: f"cell {number}" for number, cell in enumerate(document(result.notebook), 1)}
    for cell, place in sorted(result.places.items(), key=lambda item: [*labels].index(item[0])):
        if not place.elsewhere:
            here.setdefault(place.why or "it could not be sent", []).append(labels[cell])
    away = sum(place.elsewhere for place in result.places.values())
    sys.stderr.write(f"On workers: {away} of {result.ran}.\n")
    for why, cells in here.items():
        sys.stderr.write(f"  {', '.join(cells)} ran here: {why}\n")


def _report(result: Result, target: Path, *, allowed: bool) -> int:
    for failure in result.failed if result.signal is None else ():
        sys.stderr.write(f"{failure}\n")
    if result.stopped is not None:
        _complain(f"{result.stopped}; what ran until then is in {target}")
    else:
        cells = "1 cell" if result.ran == 1 else f"{result.ran} cells"
        sys.stderr.write(f"Ran {cells}, wrote {target}.\n")
    if result.places:
        _tell_places(result)
    if result.signal is not None:
        return _SIGNALLED + result.signal
    failed = result.stopped is not None or (bool(result.failed) and not allowed)
    return _FAILED if failed else 0


# verify


def _verify(chosen: argparse.Namespace) -> int:
    source: Path = chosen.notebook
    notebook = load(source)
    only = _chosen_cells(chosen, notebook)
    _parametrise(chosen, notebook)
    place: Path = chosen.directory or source.parent
    if not place.is_dir():
        raise CannotRun(f"there is no directory {place} to run {source.name} in")
    program = (sys.executable, "-m", "reactive_kernel", "-f", "{connection_file}") if chosen.own else None
    with progress(always=chosen.own) as told:
        options = Options(str(place), chosen.timeout, chosen.kernel, told, program, only)
        verified = verify_notebook(notebook, options, skip_manual=chosen.skip_manual)
    return _tell_verdict(verified, "This notebook" if chosen.own else str(source))


def _tell_verdict(verified: Verified, called: str) -> int:
    verdict = verified.verdict
    for each in verdict.differences:
        sys.stdout.write(f"{each}\n")
    for note in verdict.notes:
        sys.stdout.write(f"note: {note}\n")
    if verified.stopped is None:
        sys.stdout.write(f"{verdict.summary(called)}\n")
    sys.stdout.flush()
    if verified.stopped is None:
        return _FAILED if verdict.differences else 0
    cells = "1 cell was" if verdict.compared == 1 else f"{verdict.compared} cells were"
    _complain(f"{verified.stopped}; {cells} compared until then")
    return _MISUSED if verified.signal is None else _SIGNALLED + verified.signal


# graph and check


def _statically(cells: tuple[Cell, ...]) -> Session:
    """The document as its text alone shows it."""
    session = Session(analyze)
    session.step(DocumentSynced(cells))
    return session


def _graph(chosen: argparse.Namespace) -> int:
    text = FORMATS[chosen.format](diagram(_statically(document(load(chosen.notebook)))))
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0


def _check(chosen: argparse.Namespace) -> int:
    seen = _statically(document(load(chosen.notebook)))
    problems = [*_unreadable(seen), *_undefined(seen), *_cycles(seen)]
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    for doubt in _doubts(seen):
        sys.stdout.write(f"note: {doubt}\n")
    count = len(seen.cells)
    cells = "1 cell" if count == 1 else f"{count} cells"
    if not problems:
        sys.stdout.write(f"{chosen.notebook}: {cells}, no problems\n")
    sys.stdout.flush()
    return _FAILED if problems else 0


def _called(seen: Session, cell: CellId) -> str:
    return f"{seen.label(cell)} ({cell})"


def _unreadable(seen: Session) -> Iterator[str]:
    for cell in seen.cells:
        if (problem := seen.facts(cell).problem) is not None:
            yield f"{_called(seen, cell)} cannot be read by Python: {problem}"


def _cycles(seen: Session) -> Iterator[str]:
    for cycle in seen.graph.cycles():
        yield f"cycle ({', '.join(cycle.cells)}): {reason.cycle(cycle, seen.label).message}"


def _undefined(seen: Session) -> Iterator[str]:
    if _hiding(seen):
        return
    for cell in seen.cells:
        for name in _unresolved(seen, cell):
            other = "other " if cell in set(seen.graph.writers(name)) else ""
            near = difflib.get_close_matches(name, sorted(seen.graph.written()), n=1, cutoff=0.75)
            way_out = (
                f"did you mean `{near[0]}`?" if near and near != [name] else "define or import it in one"
            )
            yield f"{_called(seen, cell)} reads `{name}`, which no {other}cell defines; {way_out}"


def _doubts(seen: Session) -> Iterator[str]:
    """Names that may be there all the same: a star import binds what no text shows."""
    for cell in seen.cells if (hiding := _hiding(seen)) else ():
        for name in _unresolved(seen, cell):
            what = f"{seen.label(hiding[0])} may (it can bind names that it does not spell out)"
            yield f"{_called(seen, cell)} reads `{name}`, which no cell visibly defines; {what}"


def _hiding(seen: Session) -> list[CellId]:
    return [cell for cell in seen.cells if seen.facts(cell).dynamic]


def _unresolved(seen: Session, cell: CellId) -> list[str]:
    """Names that the cell, or a function that it defines, reads and that nobody could have left there."""
    facts = seen.facts(cell)
    names = (facts.reads - facts.maybe) | facts.defers
    return sorted(
        name
        for name in names
        if ":" not in name and not of_the_session(name) and seen.graph.resolve(name, cell) is None
    )


if __name__ == "__main__":
    sys.exit(main())
