"""The files in `tests/wire` are what real kernels said; the front ends' tests read them, too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_extension.replay.fold import Fold
from jupyter_extension.replay.message import parse, parts_of

FILES = sorted((Path(__file__).parent.parent / "wire").glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_record_folds_to_the_snapshot_that_was_sent(path: Path):
    recording = json.loads(path.read_text())
    fold = Fold()
    for frame in recording["live"]:
        if frame["type"] == "message":
            fold.take(parse(frame["channel"], parts_of(frame["msg"])))
    sent = recording["late"][1]["cells"]
    assert drawn(fold) == {cell: told(run) for cell, run in sent.items()}


def drawn(fold: Fold) -> dict[str, Any]:
    runs = json.loads(b"{%b}" % b", ".join(run.drawn() for run in fold.frozen().cells))
    return {cell: told(run) for cell, run in runs.items()}


def told(run: dict[str, Any]) -> tuple[Any, ...]:
    """What matters of a run: whose it is, whether it is over, what it shows."""
    shown = [(message["header"]["msg_type"], message["content"]) for message in run["messages"]]
    return run["run"], run["msg_id"], run["over"], shown
