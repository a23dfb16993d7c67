"""Which of two messages to the kernel was sent first: on different ways they overtake each other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import count, islice
from typing import TypeAlias

from .cell import CellId
from .event import CellEdited, DocumentSynced
from .fixed import fixed

Header: TypeAlias = Mapping[str, object]

# So many messages may wait without being forgotten.
_WAITING = 10_000


@fixed
class _Sent:
    """A message: from whom, when by their clock, and as which of all messages that came."""

    session: object
    date: datetime | None
    place: int

    def before(self, other: _Sent) -> bool:
        if self.session == other.session and self.date and other.date and self.date != other.date:
            # One clock tells the order also of what was lost on its way and said once more.
            return self.date < other.date
        return self.place < other.place


class Overtaking:
    """Remembers when front ends told what cells hold: a request to run one may have been sent before.

    Edits are taken in at once, while requests wait for the main thread.
    """

    def __init__(self) -> None:
        self._places = count(1)
        # In the order in which they came.
        self._waiting: dict[object, int] = {}
        # Who told the whole document, and since then the texts of single cells.
        self._document: _Sent | None = None
        self._cells: dict[CellId, _Sent] = {}

    def arrived(self, message: object) -> None:
        """A message has come to the kernel, whoever is to take it in."""
        self._waiting[message] = next(self._places)
        if len(self._waiting) > 2 * _WAITING:
            # Nobody takes in what is aborted.
            for old in list(islice(self._waiting, _WAITING)):
                self._waiting.pop(old, None)

    def told(self, event: object, header: Header) -> None:
        """What a message has told of the document is taken in."""
        if isinstance(event, DocumentSynced):
            self._document = self._sent(header)
            self._cells.clear()
        elif isinstance(event, CellEdited):
            self._cells[event.cell] = self._sent(header)

    def overtook(self, cell: CellId, header: Header) -> bool:
        """Does what is known of the cell come from a message that was sent after this one?"""
        known = self._cells.get(cell, self._document)
        return known is not None and self._sent(header).before(known)

    def _sent(self, header: Header) -> _Sent:
        place = self._waiting.pop(header.get("msg_id"), 0)
        date = header.get("date")
        when = date if isinstance(date, datetime) else None
        return _Sent(header.get("session"), when, place or next(self._places))
