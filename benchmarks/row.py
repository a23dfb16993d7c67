"""A claim about speed as a value: what was promised, what was measured, whether it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from statistics import median
from typing import Any


class Holds(str, Enum):
    AIM = "aim"
    YES = "yes"
    NO = "NO"
    # Something to see beside the others, of which nothing was promised.
    SHOWN = "-"
    # The measurement could not be made: the detail says why.
    ABSENT = "?"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    measured: float | None
    must: float | None = None
    aim: float | None = None
    detail: str = ""
    unit: str = "x"
    # Whether more is better: "times as fast" is, milliseconds are not.
    larger: bool = False
    issue: int = 0
    group: str = ""
    # By so much it may be off, as its own spread says: what cannot be told from a bound reaches it.
    doubt: float = 0.0

    @property
    def holds(self) -> Holds:
        if self.measured is None:
            return Holds.ABSENT
        if self.must is None:
            return Holds.SHOWN
        if self.aim is not None and self._reaches(self.measured, self.aim):
            return Holds.AIM
        return Holds.YES if self._reaches(self.measured, self.must) else Holds.NO

    def _reaches(self, measured: float, bound: float) -> bool:
        return measured + self.doubt >= bound if self.larger else measured - self.doubt <= bound

    def saved(self) -> dict[str, Any]:
        return {**asdict(self), "holds": self.holds.value}


@dataclass(frozen=True)
class Point:
    """How long one tool took for one document, each time: a point of a line in a picture."""

    shape: str
    cells: int
    tool: str
    seconds: tuple[float, ...]

    @property
    def middle(self) -> float:
        return median(self.seconds)


def absent(what: str, why: str, **known: Any) -> Row:
    """The row of a measurement that could not be made."""
    return Row(what, None, detail=why, **known)


def loaded(saved: Mapping[str, Any]) -> Row:
    """The row that `saved` gave."""
    return Row(**{name: saved[name] for name in Row.__dataclass_fields__ if name in saved})


def of(found: Row | Mapping[str, Any]) -> Row:
    """The row of a module that gives dictionaries; the unit is the last word of what it measures."""
    if isinstance(found, Row):
        return found
    what, _, unit = found["what"].rpartition(", ")
    if unit not in ("ms", "s", "MB", "kB"):
        what, unit = found["what"], "%" if "%" in found["what"] else "x"
    doubt = found.get("doubt", 0.0)
    return Row(what, found["measured"], found["must"], found["aim"], found["detail"], unit, doubt=doubt)


HEADER = f"{'what':<68} {'measured':>11} {'must':>9} {'aim':>9}  holds  detail"


def quantity(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    number = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{number}{unit}" if unit in ("x", "%") else f"{number} {unit}".rstrip()


def line(row: Row) -> str:
    measured, must, aim = (quantity(each, row.unit) for each in (row.measured, row.must, row.aim))
    return f"{row.what:<68} {measured:>11} {must:>9} {aim:>9}  {row.holds.value:<5}  {row.detail}"
