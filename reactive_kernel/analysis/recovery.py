"""Guesses what a source that cannot be read would bind, so that those who read it can be found."""

from __future__ import annotations

import re

_NAME = r"[^\W\d]\w*"
_BINDING = re.compile(
    rf"(?P<block>def|class)[ \t]+(?P<defined>{_NAME})"
    rf"|for[ \t]+(?P<loop>[^:]*?)[ \t]in[ \t]"
    rf"|import[ \t]+(?P<modules>[^#;]+)|from[ \t]+\S+[ \t]+import[ \t]+(?P<members>[^#;]+)"
    rf"|(?P<targets>\*?{_NAME}(?:[ \t]*,[ \t]*\*?{_NAME})*)[ \t,]*"
    r"(?::[^=]*)?(?:[-+*/%&|^@]|//|\*\*|<<|>>)?=(?!=)"
)
# What stands before the part of a line that binds, and how much of a line is looked at.
_LEAD = re.compile(r"[ \t]*(?:(?:async|else:|try:)[ \t]+)?")
_WIDTH = 400
_LENGTH = 1_000_000


def bound_names(source: str) -> set[str]:
    """The names bound at the start of lines that are not within a function or class."""
    names: set[str] = set()
    block: int | None = None
    for line in source[:_LENGTH].splitlines():
        indent = len(line) - len(line.lstrip())
        if indent == len(line) or (block is not None and indent > block):
            continue
        block = None
        lead = _LEAD.match(line)
        found = _BINDING.match(line[: indent + _WIDTH], lead.end() if lead else 0)
        if found:
            names |= _bound(found)
            if found["block"]:
                block = indent
    return {name for name in names if name.isidentifier()}


def _bound(found: re.Match[str]) -> set[str]:
    clauses = found["modules"] or found["members"]
    if clauses is None:
        return set(re.findall(_NAME, found["defined"] or found["loop"] or found["targets"] or ""))
    names: set[str] = set()
    for clause in clauses.split(","):
        words = re.findall(_NAME, clause)
        names.update(words[-1:] if "as" in words else words[:1])
    return names
