"""What a checker is told to pass over says why, on the same line or in a comment above."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODES = r"(?:\[[\w, -]+\]|: *[A-Z]+\d+(?:, [A-Z]+\d+)*)?"
PYTHON = re.compile(r"# *(?:(?:type|pyright): *ignore|(?:ruff: *)?noqa)\b" + CODES)
SCRIPT = re.compile(r"(?://|/\*) *(?:prettier-ignore|@ts-\w+|eslint-disable[\w-]*)(?: [\w/, -]+? --)?")


def reasoned(line: str, above: str, pattern: re.Pattern[str]) -> bool:
    told = pattern.sub("", line[pattern.search(line).start() :])
    return bool(re.search("[a-z]{2}", told)) or above.lstrip().startswith(("# ", "// "))


def unreasoned(path: Path, pattern: re.Pattern[str]) -> list[str]:
    lines = path.read_text("utf-8").splitlines()
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for number, (above, line) in enumerate(zip(["", *lines], lines), 1)
        if pattern.search(line) and not reasoned(line, above, pattern)
    ]


@pytest.mark.parametrize(
    ("suffix", "pattern"), [(".py", PYTHON), (".ts", SCRIPT)], ids=["Python", "TypeScript"]
)
def test_every_ignore_has_a_reason(suffix: str, pattern: re.Pattern[str]):
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [ROOT / name for name in listed.splitlines() if name.endswith(suffix)]
    assert paths
    assert [line for path in paths if path.exists() for line in unreasoned(path, pattern)] == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x = y  # noqa: S301", False),
        ("x = y  # type: ignore[arg-type]  # noqa: F401, E402", False),
        ("x = y  # noqa: S301  # pickled above", True),
        ("x = y  # pyright: ignore[reportPrivateUsage]  # documented", True),
    ],
)
def test_codes_are_no_reason(line: str, said: bool):
    assert reasoned(line, "", PYTHON) is said
