"""A clean clone, a new virtual environment, no Node.js: `pip install .` is the only step."""

import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE = {"node", "nodejs", "npm", "npx", "corepack", "yarn"}

pytestmark = [pytest.mark.install, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Installation:
    """A clone, and the virtual environment that it was installed into."""

    clone: Path
    venv: Path
    environment: Mapping[str, str]

    def run(self, program: str, *arguments: str) -> str:
        return run([str(self.venv / "bin" / program), *arguments], self.clone, self.environment)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, developer: Mapping[str, str]) -> Installation:
    place = tmp_path_factory.mktemp("fresh")
    clone, venv = place / "clone", place / "venv"
    run(["git", "clone", "--quiet", str(ROOT), str(clone)], place, developer)
    run([sys.executable, "-m", "venv", str(venv)], place, developer)
    fresh = Installation(clone, venv, without_node(developer, place / "bin"))
    fresh.run("pip", "install", "--quiet", ".")
    return fresh


def without_node(environment: Mapping[str, str], place: Path) -> Mapping[str, str]:
    """The same environment, its programs but for Node.js linked into one directory."""
    place.mkdir()
    for directory in environment["PATH"].split(os.pathsep):
        for program in sorted(Path(directory).glob("*")):
            link = place / program.name
            # The first on PATH wins, as always.
            if program.name not in NODE and not link.is_symlink():
                link.symlink_to(program)
    return {**environment, "PATH": str(place)}


def run(command: list[str], where: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=where,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_kernel_and_extensions_are_there(installation):
    assert "reactive" in installation.run("jupyter", "kernelspec", "list")
    listed = installation.run("jupyter", "server", "extension", "list")
    assert "jupyter_extension" in listed
    assert "OK" in listed
    share = installation.venv / "share" / "jupyter"
    assert (share / "labextensions" / "jupyter-reactive" / "static" / "style.js").exists()
    assert (share / "labextensions" / "jupyter-reactive" / "install.json").exists()
    assert (share / "nbextensions" / "jupyter-reactive" / "main.js").exists()


def test_nothing_is_shipped_twice(installation):
    (packages,) = installation.venv.glob("lib/python*/site-packages")
    assert not (packages / "jupyter_extension" / "labextension").exists()
    assert not (packages / "reactive_kernel" / "kernelspec").exists()


def test_the_requirements_agree_with_each_other(installation):
    installation.run("pip", "check")


def test_the_kernel_runs_code(installation):
    script = (
        "from jupyter_client.manager import run_kernel\n"
        "with run_kernel(kernel_name='reactive') as client:\n"
        "    reply = client.execute_interactive('assert 1 + 1 == 2', timeout=60)\n"
        "    print(reply['content']['status'])\n"
    )
    assert installation.run("python", "-c", script).splitlines()[-1] == "ok"


def test_the_sdist_carries_the_built_front_ends(installation, tmp_path):
    run(
        [sys.executable, "-m", "build", "--sdist", "--outdir", str(tmp_path), str(installation.clone)],
        tmp_path,
        installation.environment,
    )
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert "jupyter_extension/labextension/static/style.js" in names
    assert "jupyter_extension/nbextension/main.js" in names
    assert not any(name.startswith("labextension/node_modules") for name in names)
