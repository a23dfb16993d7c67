"""What every test gets: a home of its own, so that no test reads or writes the developer's."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from . import ports

# Where Jupyter and IPython look besides the home directory.
PLACES = {
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "MPLCONFIGDIR": "matplotlib",
}
UNWANTED = ("JUPYTER_PATH", "JUPYTER_TOKEN", "PYTHONSTARTUP")
# It shares each notebook between all pages, where the tests for that do not take this away again.
COLLABORATION = ("jupyter_server_ydoc", "jupyter_server_fileid")
SHARING = ("@jupyter/collaboration-extension", "@jupyter/docprovider-extension")


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Started in the background or beside others, a program ignores what Ctrl+C sends."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def developer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment as it was outside of the tests, for those that install something."""
    outside = dict(os.environ)
    home = tmp_path_factory.mktemp("home")
    os.environ["HOME"] = str(home)
    os.environ["JUPYTER_PLATFORM_DIRS"] = "1"
    for name, place in PLACES.items():
        os.environ[name] = str(home / place)
    for name in UNWANTED:
        os.environ.pop(name, None)
    os.environ["JUPYTER_CONFIG_PATH"] = str(_alone(home / "alone"))
    yield outside
    os.environ.clear()
    os.environ.update(outside)


@pytest.fixture(scope="session", autouse=True)
def followed_hooks() -> None:
    """Python follows nobody into an audit hook that does not say so, and whoever counts lines has to."""
    if "coverage" not in sys.modules:
        return
    add = sys.addaudithook

    def add_followed(hook: Callable[[str, tuple[object, ...]], None]) -> None:
        setattr(hook, "__cantrace__", True)  # noqa: B010  # not an attribute of its type
        add(hook)

    sys.addaudithook = add_followed


@pytest.fixture(scope="session", autouse=True)
def own_ports() -> None:
    ports.taken_here()


def _alone(place: Path) -> Path:
    """Settings that come before those of the installation."""
    (place / "labconfig").mkdir(parents=True)
    off = {"jpserver_extensions": dict.fromkeys(COLLABORATION, False)}
    (place / "jupyter_server_config.json").write_text(json.dumps({"ServerApp": off}))
    # The servers that tests start are processes of their own.
    taking = f"import runpy\nrunpy.run_path({ports.__file__!r})['taken_here']()\n"
    (place / "jupyter_server_config.py").write_text(taking)
    page = {"disabledExtensions": dict.fromkeys(SHARING, True)}
    (place / "labconfig" / "page_config.json").write_text(json.dumps(page))
    return place
