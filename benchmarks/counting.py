"""What is done, counted: nobody's clock decides, so that a test can.

`with counting(*CORE) as counts:` counts calls as long as it lasts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

from reactive_kernel import objects
from reactive_kernel.graph import Graph
from reactive_kernel.session import Session
from reactive_kernel.standing import Standing

# How many of it one call does, by its arguments and its answer.
Amount = Callable[[tuple[Any, ...], Any], int]


def once(_arguments: tuple[Any, ...], _answer: object) -> int:
    return 1


def of_survey(count: Callable[[Any, list[Any], list[Any]], int]) -> Amount:
    """Counts over the groups of objects that were noted: their shape, they themselves, their states."""

    def amount(arguments: tuple[Any, ...], _answer: object) -> int:
        groups = arguments[0]._groups
        return sum(count(group.shape, group.values, group.states) for group in groups)

    return amount


@dataclass(frozen=True)
class Call:
    """A function that counts under a word of its own."""

    word: str
    owner: Any
    name: str
    amount: Amount = once


# What the graph and the session do.
CORE = (
    Call("cells traced", Graph, "_trace"),
    Call("cells compared", Session, "_compare"),
    Call("statuses worked out", Standing, "status"),
    Call("edges worked out", Standing, "edges"),
)
# What is looked at and copied to see what a run changed.
OBSERVATION = (
    Call("surveys", objects.Survey, "__init__"),
    Call("objects noted", objects.Survey, "__init__", of_survey(lambda shape, values, states: len(values))),
    Call(
        "bytes copied",
        objects.Survey,
        "__init__",
        of_survey(lambda shape, values, states: sum(map(shape.weight, states))),
    ),
    Call("walks", objects._Walk, "__init__"),
)


@contextmanager
def counting(*calls: Call) -> Generator[Counter[str], None, None]:
    counts: Counter[str] = Counter()
    originals = {(call.owner, call.name): getattr(call.owner, call.name) for call in calls}
    for (owner, name), original in originals.items():
        due = [call for call in calls if (call.owner, call.name) == (owner, name)]
        setattr(owner, name, _counted(original, due, counts))
    try:
        yield counts
    finally:
        for (owner, name), original in originals.items():
            setattr(owner, name, original)


def _counted(original: Callable[..., Any], due: list[Call], counts: Counter[str]) -> Callable[..., Any]:
    @wraps(original)
    def counted(*arguments: Any, **named: Any) -> Any:
        answer = original(*arguments, **named)
        for call in due:
            counts[call.word] += call.amount(arguments, answer)
        return answer

    return counted
