"""Every block of code on the pages that people read runs as it stands there; some do so in other tests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from ..sql.conftest import new_place
from ..sql.kernels import kernel

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```([a-z]+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    page: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: {self.text.splitlines()[0]}"


def blocks() -> Iterator[Block]:
    for page in PAGES:
        for language, text in BLOCK.findall(page.read_text("utf-8")):
            yield Block(str(page.relative_to(ROOT)), language, text)


ALL = list(blocks())
# Whole pages, and single blocks by how they begin, that other tests run.
ELSEWHERE = {
    "README.md: price = 20": "tests/kernel/test_readme.py",
    "README.md: total = price * 3": "tests/kernel/test_readme.py",
    'README.md: print(f"{total} euros")': "tests/kernel/test_readme.py",
    "README.md: from reactive_kernel import analyze": "tests/kernel/test_readme.py",
    "README.md: pip install": "tests/package/test_fresh_install.py",
    "docs/extending.md": "tests/kernel/test_extending.py",
}


def elsewhere(block: Block) -> str | None:
    return next((test for start, test in ELSEWHERE.items() if str(block).startswith(start)), None)


def of(language: str, page: str = "") -> list[Block]:
    return [b for b in ALL if b.language == language and b.page.startswith(page) and not elsewhere(b)]


def test_no_block_is_of_a_language_that_nothing_here_runs():
    assert {block.language for block in ALL if not elsewhere(block)} <= {
        "python",
        "bash",
        "sql",
        "json",
        "toml",
    }
    assert {block.page for block in of("sql")} <= {"docs/sql.md"}


def test_who_runs_a_block_elsewhere_reads_its_page():
    for start, test in ELSEWHERE.items():
        page = start.partition(":")[0]
        assert any(str(block).startswith(start) for block in ALL), start
        told = (ROOT / test).read_text("utf-8")
        assert page.rpartition("/")[2] in told or "install" in test


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A directory with the notebooks that the pages speak of, run and saved."""
    cells = [
        new_code_cell("year = 2025", execution_count=1, metadata={"tags": ["parameters"]}),
        new_code_cell(
            "print(f'in {year}')", execution_count=2, outputs=[new_output("stream", text="in 2025\n")]
        ),
    ]
    spec = {"name": "reactive", "display_name": "Python 3 (Reactive)", "language": "python"}
    for name in ("notebook.ipynb", "prices.ipynb"):
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": spec}), tmp_path / name)
    # `jupyter reactive`, also where it is not installed.
    script = tmp_path / "bin" / "jupyter-reactive"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reactive_kernel.command "$@"\n')
    script.chmod(0o755)
    return tmp_path


def run(command: list[str], desk: Path) -> str:
    places = (desk / "bin", Path(sys.executable).parent, os.environ["PATH"])
    programs = os.pathsep.join(map(str, places))
    environment = {**os.environ, "PATH": programs, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        command, cwd=desk, env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


COMMANDS = [line.strip() for block in of("bash") for line in block.text.splitlines() if line.strip()]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_does_what_it_says(command: str, desk: Path):
    run(["sh", "-c", command], desk)
    for made in re.findall(r"\b(?:done|out)\.ipynb", command):
        [_, shown] = nbformat.read(desk / made, as_version=4).cells[-2:]
        assert shown.outputs[0].text == f"in {2026 if '2026' in command else 2025}\n"


# What a file of settings finds.
CONFIGURED = """
from traitlets.config import Config
c = Config()
get_config = lambda: c
"""


@pytest.mark.parametrize("page", sorted({block.page for block in of("python")} - {"docs/sql.md"}))
def test_the_python_of_a_page_runs_from_top_to_bottom(page: str, desk: Path):
    program = "\n".join(["import papermill", CONFIGURED, *(block.text for block in of("python", page))])
    run([sys.executable, "-c", program], desk)


@pytest.mark.parametrize("block", of("json"), ids=str)
def test_an_example_of_json_is_json(block: Block):
    assert json.loads(block.text)


PREPARED = """%%sql
create table residents (city text, moved_in date);
insert into residents values ('Bern', '2021-05-01'), ('Basel', '2022-01-01'), ('Chur', '2019-01-01')"""


def test_the_page_of_sql_cells_runs_from_top_to_bottom():
    with new_place() as place, kernel(REACTIVE_POSTGRES_DIR=str(place)) as sql:
        sql.run("%load_ext jupyter_extension.sql\nimport datetime")
        sql.run("orders = [{'city': 'Bern', 'price': 3}, {'city': 'Bern', 'price': 4}]")
        sql.run(PREPARED)
        for block in ALL:
            if block.page == "docs/sql.md" and block.language in ("python", "sql"):
                assert sql.run(block.text.rstrip()).reply["content"]["status"] == "ok", block.text
        assert sql.value("len(recent), totals.values.tolist()") == "(2, [['Bern', Decimal('7')]])"
