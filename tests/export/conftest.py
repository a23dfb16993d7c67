"""The kernel `reactive` as it is in this checkout, for the exporters and for nbconvert itself."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def kernelspec(developer: object) -> None:
    place = Path(os.environ["JUPYTER_DATA_DIR"], "kernels", "reactive")
    place.mkdir(parents=True, exist_ok=True)
    spec = json.loads((REPOSITORY / "reactive_kernel/kernelspec/kernel.json").read_text())
    spec["argv"][0] = sys.executable
    spec["env"] = {"PYTHONPATH": os.pathsep.join((str(REPOSITORY), "${PYTHONPATH}"))}
    (place / "kernel.json").write_text(json.dumps(spec))
