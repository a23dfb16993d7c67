"""A jupyter_client session that stamps what a cell's run publishes with the cell and the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from jupyter_client.session import Session as JupyterSession

from .cell import CellId

_OUTPUTS = frozenset(
    ("stream", "display_data", "update_display_data", "execute_result", "error", "clear_output")
)
_STAMPED = _OUTPUTS | {"execute_input", "comm_open", "comm_msg", "comm_close", "input_request"}
# So many runs are remembered, for threads and tasks that print after their cell has ended.
_REMEMBERED = 20_000


@dataclass
class Publication:
    """The run that messages of one parent belong to."""

    cell: CellId
    run: int
    # Called once, before the first output: puts a heading above output that shows under another cell.
    headline: Callable[[], None] | None = None
    # Does it show under another cell?
    guest: bool = False


class Parcel:
    """Messages that go out together: a socket for the session to send to, which hands them on later."""

    def __init__(self) -> None:
        self._messages: list[tuple[list[Any], dict[str, Any]]] = []

    @property
    def empty(self) -> bool:
        return not self._messages

    def send_multipart(self, message: list[Any], **options: Any) -> None:
        self._messages.append((message, options))

    def send(self, post: Callable[..., object]) -> None:
        for message, options in self._messages:
            post(message, **options)


class StampingSession(JupyterSession):
    """Puts `cellId` and `run` into the metadata of messages whose parent is a cell's run."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._publications: dict[str, Publication] = {}

    def publishes(self, parent_id: str, publication: Publication) -> None:
        """From now on, messages with that parent are the publication's."""
        self._publications.pop(parent_id, None)
        self._publications[parent_id] = publication
        if len(self._publications) > _REMEMBERED:
            del self._publications[next(iter(self._publications))]

    def send(self, stream: Any, msg_or_type: Any, *arguments: Any, **options: Any) -> Any:
        """A run that shows under another cell clears nothing: it would take that cell's own output away."""
        if isinstance(msg_or_type, dict):
            message = cast("dict[str, Any]", msg_or_type)
            publication = self._publications.get(message["parent_header"].get("msg_id", ""))
            if message["msg_type"] == "clear_output" and publication is not None and publication.guest:
                return None
        return super().send(stream, cast("Any", msg_or_type), *arguments, **options)

    def msg(
        self,
        msg_type: str,
        content: dict[str, Any] | None = None,
        parent: dict[str, Any] | None = None,
        header: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        message = super().msg(msg_type, content, parent, header, metadata)
        if msg_type in _STAMPED:
            publication = self._publications.get(message["parent_header"].get("msg_id", ""))
            if publication is not None:
                message["metadata"].update(cellId=publication.cell, run=publication.run)
                if publication.headline is not None and msg_type in _OUTPUTS:
                    headline, publication.headline = publication.headline, None
                    headline()
        return message
