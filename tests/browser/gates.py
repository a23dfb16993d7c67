"""Cells that print until a gate, and go on when a test opens it: no test waits for time to pass."""

from pathlib import Path

from playwright.sync_api import Page

GATED = """
import pathlib, time
for i in range({lines}):
    print('line', i)
    while i == {stop} and not pathlib.Path({gate!r}).exists():
        time.sleep(0.01)
pathlib.Path({done!r}).touch()
"""


class Gate:
    """A place in a cell's run at which it waits."""

    def __init__(self, root: Path, name: str, *, lines: int = 30, stop: int = 9) -> None:
        self._gate, self._done = root / f"{name}.gate", root / f"{name}.done"
        self.lines, self.stop = lines, stop
        self.source = GATED.format(lines=lines, stop=stop, gate=str(self._gate), done=str(self._done)).strip()

    def open(self) -> None:
        self._gate.touch()

    def is_past(self, page: Page) -> None:
        """Wait until the cell has run to its end, whoever looks on."""
        while not self._done.exists():
            page.wait_for_timeout(20)

    @property
    def half(self) -> str:
        return self._text(self.stop + 1)

    @property
    def whole(self) -> str:
        return self._text(self.lines)

    def _text(self, lines: int) -> str:
        return "".join(f"line {number}\n" for number in range(lines))
