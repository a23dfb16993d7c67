"""Answers what front ends ask over comms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, TypeAlias, cast

from .pages import Nonsense

# What answers a request: its content, and the bytes that go with it.
Answer: TypeAlias = Callable[[Mapping[str, object]], tuple[dict[str, object], list[bytes]]]

_OF_THE_SHELL = {"In", "Out", "exit", "quit", "get_ipython", "open"}


def answering(comm: Any, answer: Answer) -> Callable[[Mapping[str, Any]], None]:
    """What is to be done with each message on a comm."""
    # ipykernel hands what comes on a comm to the subshell that last answered on it; ours goes where it says.
    setattr(comm, "_reply_subshell_for", _as_addressed)  # noqa: B010  # not an attribute of its type

    def hear(message: Mapping[str, Any]) -> None:
        request: object = message["content"].get("data")
        known = cast("dict[str, object]", request) if isinstance(request, dict) else {}
        buffers: list[bytes] = []
        try:
            if request is not known:
                raise Nonsense("A request is an object.")
            content, buffers = answer(known)
        except Nonsense as problem:
            content = {"op": "error", "message": str(problem), "about": cast("object", request)}
        # Whoever numbers questions can tell the answers apart.
        comm.send(content | ({"ask": known["ask"]} if "ask" in known else {}), buffers=buffers)

    return hear


def _as_addressed(content: object, subshell: str | None) -> str | None:
    return subshell


def variables(namespace: Mapping[str, object]) -> list[dict[str, str]]:
    """What a cell may put into braces: the user's own names, and what kind of value each has."""
    return [
        {"name": name, "type": type(value).__name__}
        for name, value in sorted(dict(namespace).items())
        if not (name.startswith("_") or name in _OF_THE_SHELL or isinstance(value, ModuleType))
    ]
