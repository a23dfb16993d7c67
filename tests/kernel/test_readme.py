"""The README's first screen happens as it says."""

from __future__ import annotations

import re
from pathlib import Path

from .conversation import Conversation, text_of

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_three_cells_behave_as_the_transcript_says(kernel: Conversation) -> None:
    cells = dict(zip(("1", "2", "3"), (block.strip() for block in BLOCKS[:3]), strict=True))
    kernel.sync(cells)

    assert kernel.execute("price = 20", "1").ran == ["1", "2", "3"]
    assert "".join(map(text_of, kernel.outputs["3"])) == "60 euros\n"

    kernel.edit("1", "price = 25")
    assert {cell: kernel.cells[cell]["freshness"] for cell in cells} == dict.fromkeys(cells, "stale")

    assert kernel.execute("price = 25", "1").ran == ["1", "2", "3"]
    assert "".join(map(text_of, kernel.outputs["3"])) == "75 euros\n"

    assert kernel.execute("price = 20 + 5", "1").ran == ["1"]

    assert kernel.execute("price = 1 / 0", "1").ran == ["1"]
    assert [kernel.cells[cell]["outcome"] for cell in cells] == ["error", "blocked", "blocked"]
    assert kernel.cells["2"]["reason"]["cells"] == ["1"]


def test_the_python_example_holds() -> None:
    exec(compile(BLOCKS[3], "README.md", "exec"), {})
