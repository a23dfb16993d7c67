"""What people can set, say or send is on the page where they look for it, and the pages name nothing else."""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from traitlets import HasTraits

import jupyter_extension
import reactive_kernel
from jupyter_extension.replay.asked import Refused, asked
from jupyter_extension.replay.metrics import SERIES
from jupyter_extension.sql import line
from jupyter_extension.sql.magic import SqlMagics
from reactive_kernel import own_magic, wire
from reactive_kernel.command import argument_parser

ROOT = Path(__file__).parents[2]
OURS = (reactive_kernel, jupyter_extension)
# How a fresh run knows that it is one: nobody sets it.
INTERNAL = {"REACTIVE_VERIFYING"}


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text("utf-8")


def section(name: str, heading: str) -> str:
    """What stands below a heading, up to the next of its rank or above."""
    _, _, rest = page(name).partition(f"\n{heading}\n")
    assert rest, heading
    rank = len(heading) - len(heading.lstrip("#"))
    return re.split(rf"^#{{1,{rank}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> set[str]:
    """The words in backticks in the first column of every table, but for the heads."""
    rows = re.findall(r"^\| *(`[^|]*`[^|]*)\|", text, re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)} - {"op"}


def sources(*suffixes: str, under: str) -> str:
    paths = (path for path in (ROOT / under).rglob("*") if path.suffix in suffixes)
    return "\n".join(path.read_text("utf-8") for path in sorted(paths) if "node_modules" not in path.parts)


def commands() -> dict[str, set[str]]:
    """The options of each subcommand that its help tells of."""
    [chosen] = [each for each in argument_parser()._actions if isinstance(each, argparse._SubParsersAction)]
    return {
        name: {
            option
            for action in command._actions
            for option in action.option_strings
            if action.help != argparse.SUPPRESS and option not in ("-h", "--help")
        }
        for name, command in chosen.choices.items()
    }


@pytest.mark.parametrize("command", commands())
def test_a_command_and_its_options_are_on_the_page(command: str):
    # What goes with a cluster, and with many values, stands on a page of its own.
    told = page("command-line") + page("scale")
    assert f"jupyter reactive {command}" in told
    assert {option for option in commands()[command] if not re.search(rf"`[^`]*{option}\b", told)} == set()


def test_the_page_of_commands_names_no_other():
    told = re.sub(r"^papermill .*$", "", page("command-line"), flags=re.MULTILINE)
    known = set().union(*commands().values()) | {"--version"}
    assert set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*\b", told)) - known - {"-c"} == set()
    assert set(re.findall(r"jupyter reactive (\w+)", told)) == set(commands())


def test_every_word_of_the_reactive_magic_is_on_the_page_and_no_other():
    words = set(re.findall(r"^%reactive ([a-z]+)", own_magic.HELP, re.MULTILINE))
    told = section("command-line", "## In the notebook: `%reactive`")
    assert words == set(re.findall(r"`%reactive ([a-z]+)", told))
    assert set(re.findall(r"--[a-z][a-z-]*", own_magic.HELP)) == set(re.findall(r"--[a-z][a-z-]*", told))
    everywhere = "".join(
        path.read_text("utf-8") for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    )
    assert set(re.findall(r"%reactive ([a-z]+)\b", everywhere)) - words == set()


def test_every_option_of_the_sql_magic_is_on_the_page_and_no_other():
    assert set(re.findall(r"--([a-z]+)\b", page("sql"))) == set(line.OPTIONS)


def test_every_magic_of_sql_is_on_the_page():
    magics = {f"%{name}" for name in SqlMagics.magics["line"]} | {
        f"%%{name}" for name in SqlMagics.magics["cell"]
    }
    assert magics == set(re.findall(r"`(%+[a-z]+)\b", page("sql"))) - {"%load_ext"}


def settable() -> Iterator[str]:
    for package in OURS:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    waiting: list[type[HasTraits]] = [HasTraits]
    while waiting:
        known = waiting.pop()
        waiting += known.__subclasses__()
        if known.__module__.startswith(tuple(package.__name__ for package in OURS)):
            yield from known.class_own_traits(config=True)


def test_every_trait_is_on_the_page_of_settings():
    found = set(settable())
    assert {"version_memory", "memory_limit"} <= found
    assert {name for name in found if f".{name}`" not in page("settings")} == set()


def test_every_variable_of_the_environment_is_on_the_page_of_settings():
    text = sources(".py", under="reactive_kernel") + sources(".py", under="jupyter_extension")
    used = set(re.findall(r"\bREACTIVE_[A-Z_]+[A-Z]\b", text)) - INTERNAL
    assert used == set(re.findall(r"\bREACTIVE_[A-Z_]+[A-Z]\b", page("settings")))


def test_every_command_of_the_front_end_is_on_its_page_and_no_other():
    text = sources(".ts", under="labextension/src")
    made = set(re.findall(r"^(?:export )?const [A-Z_]+ = '(reactive:[a-z-]+)'", text, re.MULTILINE))
    told = set(re.findall(r"`(reactive:[a-z-]+)`", page("front-ends")))
    assert {"reactive:run-stale", "reactive:go-to-cause"} <= made
    assert made == told


def test_every_operation_on_a_comm_is_on_the_page_and_no_other():
    nonsense = wire.parse({"op": "?"}, None)  # type: ignore[arg-type]  # nobody asks it anything
    assert isinstance(nonsense, wire.Malformed)
    reactive = set(re.findall(r"`(\w+)`", nonsense.message)) - {"op"}
    told = section("protocol", "## From a front end to the kernel: the comm `reactive`").partition("###")[0]
    assert reactive == first_cells(told)


@pytest.mark.parametrize(
    ("heading", "module"),
    [
        ("### Its rows: the comm `reactive.table`", "pages.py"),
        ("### What there is to write: the comm `reactive.sql`", "magic.py"),
    ],
)
def test_every_operation_on_a_comm_of_sql_is_on_the_page_and_no_other(heading: str, module: str):
    text = (ROOT / "jupyter_extension" / "sql" / module).read_text("utf-8")
    assert set(re.findall(r'operation == "(\w+)"', text)) == first_cells(section("protocol", heading))


def test_every_type_of_message_on_the_stream_is_on_the_page_and_no_other():
    text = sources(".py", under="jupyter_extension/replay")
    said = set(
        re.findall(r'\{"type": "([a-z]+)", "(?:seq|epoch|from|message)"|_say\(\{"type": "(\w+)"', text)
    )
    with pytest.raises(Refused) as refusal:
        asked(json.dumps({"type": "?"}))
    heard = set(re.findall(r"hello|forget|ping", str(refusal.value)))
    told = set(re.findall(r'"type": "(\w+)"', section("protocol", "## From the server: the stream")))
    assert {one or other for one, other in said} | heard == told


def test_every_series_of_the_metrics_is_on_the_page_and_no_other():
    made = {f"reactive_{name}" for _, _, name, _ in SERIES} | {"reactive_kernels"}
    assert made == first_cells(section("replay", "## Watching it"))
