"""Who may import whom, read from the imports themselves."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Each room of the core may know those before it.
CORE = (
    "cell",
    "reason",
    "event",
    "analysis",
    "graph",
    "plan",
    "state",
    "ledger",
    "standing",
    "versions",
    "upkeep",
    "planning",
    "session",
)
# Decisions are values: what waits, measures, guesses or logs has no place in them.
IMPURE = {"IPython", "asyncio", "logging", "random", "threading", "time"}
JUPYTER = {"IPython", "comm", "ipykernel", "jupyter_client", "jupyter_core", "jupyter_server", "nbclient"}
JUPYTER |= {"nbconvert", "nbformat", "tornado", "traitlets", "zmq"}
# The rooms of the kernel's package that speak with Jupyter.
SHELLS = (
    *(
        "__main__",
        "afresh",
        "again",
        "cascade",
        "intake",
        "cell_names",
        "client",
        "command",
        "compiled",
        "delivery",
    ),
    *("elsewhere", "engine", "envelope", "in_ipython", "interrupt", "kernel", "notebook", "outlet"),
    *("own_magic", "publish", "runner", "runs", "sweep", "traits"),
)
SERVER = {"jupyter_server", "tornado", "zmq"}


def modules(package: str) -> list[str]:
    """Every module below a package of ours, by its dotted name."""
    paths = sorted((ROOT / package).rglob("*.py"))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]


def imports(module: str) -> Iterator[str]:
    """The dotted names that a module imports anywhere in it, relative ones resolved."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(module.split(".")[: -node.level]) if node.level else ""
            origin = ".".join(part for part in (base, node.module) if part)
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def roots(module: str) -> set[str]:
    return {name.partition(".")[0] for name in imports(module)}


def room(name: str) -> str:
    """`graph` of `reactive_kernel.graph` and of what is inside it."""
    return [*name.split("."), ""][1]


def core_modules() -> list[str]:
    return [module for module in modules("reactive_kernel") if room(module) in CORE]


def test_the_core_is_found():
    assert {room(module) for module in core_modules()} == set(CORE)


@pytest.mark.parametrize("module", core_modules())
def test_the_core_needs_the_standard_library_alone(module):
    assert roots(module) - set(sys.stdlib_module_names) <= {"reactive_kernel"}
    assert not roots(module) & IMPURE


@pytest.mark.parametrize("module", core_modules())
def test_a_room_of_the_core_knows_only_those_before_it(module):
    known = CORE[: CORE.index(room(module)) + 1]
    ours = {room(name) for name in imports(module) if name.startswith("reactive_kernel.")}
    assert not (ours & set(CORE)) - set(known)
    assert not ours & set(SHELLS)


@pytest.mark.parametrize("module", modules("reactive_kernel"))
def test_only_the_kernels_shells_know_jupyter(module):
    if room(module) not in SHELLS:
        assert not roots(module) & JUPYTER


@pytest.mark.parametrize("module", modules("reactive_kernel"))
def test_the_kernel_never_knows_the_extension(module):
    assert "jupyter_extension" not in roots(module)


@pytest.mark.parametrize("module", modules("jupyter_extension"))
def test_only_the_servers_shells_know_the_server(module):
    if module.rpartition(".")[2] not in ("app", "tap", "activity", "stream"):
        assert not roots(module) & SERVER


@pytest.mark.parametrize("module", modules("jupyter_extension"))
def test_the_database_and_the_recorder_never_meet(module):
    ours = {room(name) for name in imports(module) if name.startswith("jupyter_extension.")}
    assert not (room(module) == "sql" and "replay" in ours)
    assert not (room(module) == "replay" and "sql" in ours)
    assert "asyncpg" not in roots(module) or module == "jupyter_extension.sql.database"
