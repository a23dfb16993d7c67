"""Which of two messages was sent first: by one clock where there is one, else by how they came."""

import gc
from datetime import datetime, timedelta, timezone

import pytest

from reactive_kernel.cell import Cell, CellId
from reactive_kernel.event import CellEdited, DocumentSynced
from reactive_kernel.overtaking import Overtaking

CELL, OTHER = CellId("c0"), CellId("c1")
NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


def sent(number: int, session: str = "page", after: float | None = None) -> dict[str, object]:
    """The header of a message: that many seconds after noon, if its front end says when."""
    date = {} if after is None else {"date": NOON + timedelta(seconds=after)}
    return {"msg_id": f"{session}-{number}", "session": session, **date}


def come(*headers: dict[str, object]) -> Overtaking:
    known = Overtaking()
    for header in headers:
        known.arrived(header["msg_id"])
    return known


@pytest.mark.parametrize("event", [CellEdited(CELL, "x"), DocumentSynced((Cell(CELL, "x"),))])
def test_of_one_front_end_its_clock_decides(event):
    request, telling = sent(1, after=0), sent(2, after=1)
    # Whichever comes first: a request may have been lost on its way, and sent once more.
    for known in (come(request, telling), come(telling, request)):
        known.told(event, telling)
        assert known.overtook(CELL, request)
        assert not known.overtook(CELL, sent(3, after=2))


def test_of_two_front_ends_those_overtake_that_came_later():
    request, telling, later = sent(1, "one", 5), sent(1, "two", 0), sent(2, "one", 0)
    known = come(request, telling, later)
    known.told(CellEdited(CELL, "x"), telling)
    assert known.overtook(CELL, request)
    assert not known.overtook(CELL, later)


def test_without_dates_it_is_by_how_they_came():
    request, telling, later = sent(1), sent(2), sent(3)
    known = come(request, telling, later)
    known.told(CellEdited(CELL, "x"), telling)
    assert known.overtook(CELL, request)
    assert not known.overtook(CELL, later)


def test_an_edit_is_of_its_cell_and_a_sync_of_all():
    known = Overtaking()
    known.told(CellEdited(CELL, "x"), sent(2, after=1))
    assert not known.overtook(OTHER, sent(1, after=0))
    known.told(DocumentSynced(()), sent(3, after=2))
    assert known.overtook(OTHER, sent(1, after=0))
    assert known.overtook(CELL, sent(4, after=1.5))


def test_what_nobody_takes_in_is_forgotten_and_the_latest_are_not():
    known = Overtaking()
    for number in range(50_000):
        known.arrived(sent(number)["msg_id"])
    assert sum(len(each) for each in gc.get_referents(known.__dict__) if isinstance(each, dict)) <= 20_000
    known.told(CellEdited(CELL, "x"), sent(49_999))
    assert known.overtook(CELL, sent(49_998))
