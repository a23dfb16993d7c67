"""What `pip install .` promises: every part is there, found, enabled, and at peace with the rest."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points, version
from itertools import takewhile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = [ROOT / "labextension" / "yarn.lock"]


def output(*command: str) -> str:
    """What a program of this environment prints, on both streams; it has to succeed."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Else one stream comes before the other.
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def json_output(*command: str) -> object:
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_kernelspec_is_found():
    spec = json_output("jupyter", "kernelspec", "list", "--json")["kernelspecs"]["reactive"]["spec"]
    assert spec["display_name"] == "Python 3 (Reactive)"
    assert spec["language"] == "python"
    assert spec["argv"][1:] == ["-m", "reactive_kernel", "-f", "{connection_file}"]
    assert spec["metadata"] == {"debugger": True}


def test_the_kernelspec_has_its_logos():
    place = json_output("jupyter", "kernelspec", "list", "--json")["kernelspecs"]["reactive"]["resource_dir"]
    logos = {"kernel.json", "logo-32x32.png", "logo-64x64.png", "logo-svg.svg"}
    assert {path.name for path in Path(place).iterdir()} == logos


def test_our_kernelspec_speaks_the_protocol_of_ipykernels():
    specs = json_output("jupyter", "kernelspec", "list", "--json")["kernelspecs"]
    ours, theirs = (specs[name]["spec"]["kernel_protocol_version"] for name in ("reactive", "python3"))
    assert ours == theirs


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("server extension list", "jupyter_extension"),
        ("labextension list", "jupyter-reactive"),
        ("nbclassic-extension list", "jupyter-reactive/main"),
    ],
)
def test_an_extension_is_enabled_and_valid(command, name):
    # The listing colours its words, and puts the verdict on the line or below, with what it has to say of it.
    lines = output("jupyter", *command.split()).splitlines()
    place = next(place for place, line in enumerate(lines) if name in line)
    assert "enabled" in lines[place]
    said = takewhile(lambda line: "abled" not in line, lines[place + 1 :])
    assert any("OK" in line for line in (lines[place], *said))


def test_the_lab_extension_says_who_installed_it():
    listed = output("jupyter", "labextension", "list")
    assert f"jupyter-reactive v{version('jupyter-reactive')}" in listed


@pytest.mark.parametrize("name", ["reactive_notebook", "reactive_html", "reactive_script"])
def test_an_exporter_is_found(name):
    (point,) = entry_points(group="nbconvert.exporters", name=name)
    assert point.load().__module__ == "jupyter_extension.export.exporters"


def test_the_requirements_agree_with_each_other():
    assert "No broken requirements" in output("pip", "check")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_names_no_host(lock):
    assert "://" not in lock.read_text(encoding="utf-8")


def test_the_versions_are_one():
    package = json.loads((ROOT / "labextension" / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == version("jupyter-reactive")
