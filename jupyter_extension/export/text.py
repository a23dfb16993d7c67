"""Python source as text: literals as people write them, comments, blocks."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator


def commented(text: str, why: str) -> str:
    lines = text.strip("\n").split("\n")
    if len(lines) == 1 and why.endswith(":"):
        return f"# {why} {lines[0]}"
    return "\n".join([f"# {why}", *(f"#   {line}".rstrip() for line in lines)])


def quoted(text: str) -> str:
    """A literal as people write it."""
    if "\n" in text and "\\" not in text and '"""' not in text and not text.endswith('"'):
        return f'"""{text}"""' if text.startswith("\n") else f'"""\\\n{text}"""'
    single = repr(text)
    if single.startswith("'") and '"' not in single and "\\'" not in single:
        return f'"{single[1:-1]}"'
    return single


def indented(text: str) -> str:
    """The text within a block; lines inside a string stay where they are."""
    inside = set(_lines_in_strings(text))
    lines = text.strip("\n").split("\n")
    return "\n".join(
        line if number in inside or not line.strip() else f"    {line}"
        for number, line in enumerate(lines, 1)
    )


def _lines_in_strings(text: str) -> Iterator[int]:
    begins: list[int] = []
    start_of = getattr(tokenize, "FSTRING_START", -1)
    end_of = getattr(tokenize, "FSTRING_END", -1)
    for token in tokenize.generate_tokens(io.StringIO(text.strip("\n") + "\n").readline):
        if token.type == start_of:
            begins.append(token.start[0])
        elif token.type == end_of:
            yield from range(begins.pop() + 1, token.end[0] + 1)
        elif token.type == tokenize.STRING:
            yield from range(token.start[0] + 1, token.end[0] + 1)
