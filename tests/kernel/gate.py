"""A cell that waits for the test."""

from pathlib import Path

from .conversation import Conversation

HELD = "import os, time\nprint('on', flush=True)\nwhile os.path.exists({path!r}): time.sleep(0.005)\n"


class Gate:
    """A cell that waits until the test lets it go on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_text("")

    @property
    def source(self) -> str:
        return HELD.format(path=str(self.path))

    def open(self, kernel: Conversation) -> None:
        """Let it go on, with all before it that was sent to the kernel."""
        kernel.delivered()
        self.path.unlink()
