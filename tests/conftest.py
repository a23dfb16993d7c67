"""What every test gets: a home of its own, so that no test reads or writes the developer's."""

import os
import signal
from collections.abc import Iterator, Mapping

import pytest

# Where Jupyter and IPython look besides the home directory.
PLACES = {
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "MPLCONFIGDIR": "matplotlib",
}
UNWANTED = ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH", "JUPYTER_TOKEN", "PYTHONSTARTUP")


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
    yield outside
    os.environ.clear()
    os.environ.update(outside)
