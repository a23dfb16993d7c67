"""What all who take part have in common."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from ..shapes import Cells

# No answer takes longer, unless something hangs.
PATIENCE = 180.0


class Contestant(Protocol):
    """A document whose cells all have run."""

    def rerun(self, head: int) -> float:
        """Give the first cell the text `x0 = head`; seconds until all that follow from it are done."""
        ...

    def last(self, name: str) -> object:
        """What the name stands for now."""
        ...


Opening = Callable[[Cells], AbstractContextManager[Contestant]]


class WrongAnswer(Exception):
    """Somebody was done before the last cell had run."""


class Inside:
    """A program in the contestant's own environment that answers lines of JSON, and times itself."""

    def __init__(self, command: Sequence[str], home: Path) -> None:
        environment = {**os.environ, "XDG_CONFIG_HOME": str(home), "XDG_STATE_HOME": str(home)}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def ask(self, **question: object) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            # Anything else is a word of the libraries.
            if line.startswith("{"):
                return json.loads(line)["answer"]
        raise RuntimeError(f"{self._process.args!r} has ended.")

    def rerun(self, head: int) -> float:
        return self.ask(rerun=head)

    def last(self, name: str) -> object:
        return self.ask(name=name)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
