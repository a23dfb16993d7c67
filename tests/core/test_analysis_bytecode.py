"""The analysis and the compiler agree on every statement of the standard library."""

from __future__ import annotations

import ast
import dis
import os
import sys
import sysconfig
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType

import pytest

from reactive_kernel.analysis import analyze
from reactive_kernel.cell import CellFacts

FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
# Names that only the compiler spells out: it fills in what classes and annotations need.
IMPLICIT = {
    ".defaults", ".generic_base", ".kwdefaults", ".type_params", "__annotate__", "__annotate_func__",
    "__annotations__", "__classcell__", "__classdict__", "__classdictcell__", "__conditional_annotations__",
    "__doc__", "__firstlineno__", "__module__", "__name__", "__qualname__", "__static_attributes__",
    "__type_params__",
}  # fmt: skip
COMPREHENSIONS = frozenset({"<dictcomp>", "<genexpr>", "<listcomp>", "<setcomp>"})
LOADS = frozenset({"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"})
STORES = frozenset({"STORE_NAME", "STORE_GLOBAL", "DELETE_NAME", "DELETE_GLOBAL"})
SHIFTED = {"LOAD_GLOBAL"} if sys.version_info >= (3, 11) else set[str]()
CODES = {dis.opmap[name]: name for name in LOADS | STORES if name in dis.opmap}


UNEXPLAINED = ""
EXCEPT = "`except ... as e` binds a name and deletes it: nothing is left"
CONSTANT = "the compiler leaves out a branch on a constant"
UNREACHED = "the compiler leaves out what follows a `raise` or `return`"


@dataclass
class Compiled:
    """The names that the bytecode of a piece touches."""

    loads: set[str] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)
    later_loads: set[str] = field(default_factory=set)
    later_stores: set[str] = field(default_factory=set)
    # Names that a class body both binds and reads: which of the two comes first, bytecode does not say.
    unclear: set[str] = field(default_factory=set)


@dataclass
class Census:
    """How many statements were compared, and where they differ."""

    total: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)

    def count(self, name: str, piece: str) -> None:
        try:
            found = differences(piece)
        except SyntaxError:
            # Some files are there not to compile.
            return
        self.total += 1
        reason = explained(piece, found) if found else None
        if reason:
            self.reasons[reason] += 1
        elif reason is not None:
            self.unexplained.append(f"{name}: {found}\n{piece[:2000]}")


def named(code: CodeType) -> Iterator[tuple[str, str]]:
    """The instructions of a code object that name names (several times faster than `dis`)."""
    text, high = code.co_code, 0
    for at in range(0, len(text), 2):
        operation, argument = text[at], text[at + 1] | high
        high = argument << 8 if operation == dis.EXTENDED_ARG else 0
        name = CODES.get(operation)
        if name is not None:
            yield name, code.co_names[argument >> 1 if name in SHIFTED else argument]


def collect(code: CodeType, into: Compiled, kind: str = "module") -> None:
    loads, stores = (into.later_loads, into.later_stores) if kind == "later" else (into.loads, into.stores)
    is_class = kind != "module" and not code.co_flags & 1
    bound = {name for operation, name in named(code) if operation == "STORE_NAME"} if is_class else set[str]()
    for operation, name in named(code):
        if operation in LOADS:
            (into.unclear if name in bound else loads).add(name)
        elif not (is_class and operation.endswith("NAME")):
            stores.add(name)
            # To delete a name is to read it.
            if operation.startswith("DELETE"):
                into.unclear.add(name)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            at_once = constant.co_name in COMPREHENSIONS or not constant.co_flags & 1
            # The scope of type parameters is a function that the compiler calls at once.
            at_once = at_once or constant.co_name.startswith("<generic parameters of ")
            collect(constant, into, "inner" if at_once and kind != "later" else "later")


def pieces(path: Path) -> Iterator[str]:
    """The top-level statements of a module, those that share a line together."""
    text = path.read_bytes()
    try:
        tree = ast.parse(text)
        lines = text.decode().splitlines(keepends=True)
    except (SyntaxError, ValueError):
        return
    spans: list[list[int]] = []
    for node in tree.body:
        first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))])
        if spans and first <= spans[-1][1]:
            spans[-1][1] = node.end_lineno or first
        else:
            spans.append([first, node.end_lineno or first])
    for first, last in spans:
        yield "".join(lines[first - 1 : last])


def differences(piece: str) -> dict[str, set[str]]:
    """By kind, the names on which the analysis and the compiler do not agree."""
    compiled = Compiled()
    collect(compile(piece, "<piece>", "exec", FLAGS, dont_inherit=True, optimize=0), compiled)
    facts = analyze(piece)
    assert facts.problem is None, piece
    taken = facts.reads | facts.builtins | facts.defers
    latent_reads = {name for latent in facts.latent.values() for name in latent.reads}
    latent_writes = {name for latent in facts.latent.values() for name in latent.writes}
    loads = compiled.loads | compiled.later_loads
    maybe = compiled.unclear | IMPLICIT
    found = {
        "missed write": compiled.stores - facts.writes,
        "extra write": facts.writes - facts.mutates - compiled.stores,
        "missed read": loads - taken - facts.writes - maybe,
        "extra read": taken - loads - maybe,
        "missed latent read": compiled.later_loads - latent_reads - maybe,
        "extra latent read": latent_reads - compiled.later_loads - maybe,
        "missed latent write": compiled.later_stores - latent_writes,
        "extra latent write": latent_writes - compiled.later_stores - latent_reads,
    }
    return {kind: names - IMPLICIT for kind, names in found.items() if names - IMPLICIT}


def explained(piece: str, found: dict[str, set[str]]) -> str:
    """Why the two differ, where that is as it should be."""
    tree = ast.parse(piece)
    caught = {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)}
    if found.keys() <= {"missed write", "missed read"} and set().union(*found.values()) <= caught:
        return EXCEPT
    extra = all(kind.startswith("extra") for kind in found)
    if extra and any(map(is_decided, ast.walk(tree))):
        return CONSTANT
    return UNREACHED if extra and any(map(is_cut_short, ast.walk(tree))) else UNEXPLAINED


def is_decided(node: ast.AST) -> bool:
    """Whether a condition is a constant, or hangs on one."""
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        tests = [node.test]
    else:
        tests = node.values if isinstance(node, ast.BoolOp) else []
    tests = [test.operand if isinstance(test, ast.UnaryOp) else test for test in tests]
    return any(isinstance(test, ast.Constant) or getattr(test, "id", "") == "__debug__" for test in tests)


def is_cut_short(node: ast.AST) -> bool:
    body = getattr(node, "body", None)
    if not isinstance(body, list):
        return False
    followed = body if isinstance(node, ast.Try) and node.orelse else body[:-1]
    return any(isinstance(line, (ast.Raise, ast.Return)) for line in followed)


def modules() -> list[Path]:
    """The files of the standard library, with its own tests: they hold its strangest statements."""
    library = Path(sysconfig.get_path("stdlib"))
    files = sorted(library.rglob("*.py"), key=lambda path: (path.stat().st_size, path))
    files = [path for path in files if not {"lib2to3", "site-packages"} & set(path.parts)]
    # Every so many by size, so that a sample has small and large ones; STDLIB_STEP=1 asks for all.
    return files[:: int(os.environ.get("STDLIB_STEP", "4"))]


@pytest.fixture(scope="module")
def census() -> Census:
    found = Census()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in modules():
            for piece in pieces(path):
                found.count(path.name, piece)
    return found


def test_every_name_that_a_statement_binds_is_a_write(census: Census):
    assert census.total > 1000
    assert [line for line in census.unexplained if "missed write" in line] == []


def test_no_difference_between_analysis_and_compiler_is_left_unexplained(census: Census):
    assert census.unexplained == []


def test_explained_differences_are_rare(census: Census):
    assert census.reasons.keys() <= {EXCEPT, CONSTANT, UNREACHED}
    assert census.reasons.total() < 0.003 * census.total
    print(f"{census.total} statements; {dict(census.reasons)}")


@pytest.mark.parametrize(
    ("piece", "kind"),
    [("x = 1", "missed write"), ("x", "missed read"), ("def f(): return x", "missed latent read")],
)
def test_a_difference_would_be_found(piece: str, kind: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(globals(), "analyze", lambda source: CellFacts())
    assert kind in differences(piece)
