"""A jupyter_client session that stamps what a cell's run publishes with the cell and the run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from json import encoder
from typing import Any, Final, TypeAlias, cast

from jupyter_client.jsonutil import json_default
from jupyter_client.session import Session as JupyterSession
from jupyter_client.session import json_packer

from .cell import CellId
from .envelope import Envelopes
from .shield import shielded

_OUTPUTS = frozenset(
    ("stream", "display_data", "update_display_data", "execute_result", "error", "clear_output")
)
_STAMPED = _OUTPUTS | {"execute_input", "comm_open", "comm_msg", "comm_close", "input_request"}
# So many characters of what cells show are kept, of one cell and in all, for who asks later.
_KEPT, _ALL_KEPT = 4_000_000, 64_000_000
# So many runs are remembered, for threads and tasks that print after their cell has ended.
_REMEMBERED = 20_000


# Made once: `json.dumps` makes one for each message part, which takes longer than what it then does.
_MAKE: Final = getattr(encoder, "c_make_encoder", None)
_CHUNKS: Final[Any] = _MAKE and _MAKE(
    None, json_default, encoder.encode_basestring, None, ": ", ", ", False, False, False
)


def pack(message: Any) -> bytes:
    """What jupyter_client's `json_packer` gives."""
    try:
        return "".join(_CHUNKS(message, 0)).encode("utf8", "surrogateescape")
    except (TypeError, ValueError, RecursionError):
        # It also knows what to do with what is no JSON.
        return json_packer(message)


# The type and the content of a message.
Shown: TypeAlias = tuple[str, dict[str, Any]]


@dataclass
class Publication:
    """The run that messages of one parent belong to."""

    cell: CellId
    run: int
    # Called once, before the first output: puts a heading above output that shows under another cell.
    headline: Callable[[], None] | None = None
    # Does it show under another cell?
    guest: bool = False
    # What it shows; None if that was too much to be kept. And what of that can be updated, by its id.
    shown: list[Shown] | None = field(default_factory=list[Shown])
    displays: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    size: int = 0
    # Does the next output take the place of those before it?
    clearing: bool = False
    # The comms of output widgets that show, instead of the cell, what it publishes.
    captors: set[str] = field(default_factory=set[str])


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
        if self.pack is json_packer and _CHUNKS is not None:
            self.pack = pack
        self._envelopes = Envelopes(self, pack) if self.pack is pack else None
        self._publications: dict[str, Publication] = {}
        # The latest of each cell, the oldest first; those with displays that can be updated; what all keep.
        self._latest: dict[CellId, Publication] = {}
        self._displaying: dict[CellId, Publication] = {}
        self._size = 0

    def latest(self, cell: CellId) -> Publication | None:
        """What the cell's latest run has published."""
        return self._latest.get(cell)

    def publishes(self, parent_id: str, publication: Publication) -> None:
        """From now on, messages with that parent are the publication's."""
        before = self._latest.pop(publication.cell, None)
        if before is not None:
            self._clear(before)
            before.shown = None
        self._latest[publication.cell] = publication
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
        elif type(stream) is Parcel and self.pid == os.getpid():
            return self._post(stream, msg_or_type, *arguments, **options)
        return super().send(cast("Any", stream), cast("Any", msg_or_type), *arguments, **options)

    def _post(
        self,
        parcel: Parcel,
        msg_type: str,
        content: dict[str, Any],
        parent: dict[str, Any],
        ident: bytes,
    ) -> None:
        """Send one of our own messages, as others are sent; it has no buffers to be looked for."""
        if self._envelopes is None:
            parts = self.serialize(self.msg(msg_type, content, parent), ident)
        else:
            metadata = dict(self.metadata)
            if msg_type in _STAMPED:
                self._stamp(metadata, parent["header"])
            parts = self._envelopes.parts(msg_type, content, parent, metadata, ident)
        parcel.send_multipart(parts, copy=max(map(len, parts)) < self.copy_threshold)

    def _stamp(self, metadata: dict[str, Any], parent: Mapping[str, Any]) -> Publication | None:
        """Say whose run it is that the message belongs to, if it is one's."""
        publication = self._publications.get(parent.get("msg_id", ""))
        if publication is not None:
            metadata.update(cellId=publication.cell, run=publication.run)
        return publication

    @shielded
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
            publication = self._stamp(message["metadata"], message["parent_header"])
            if publication is not None:
                if publication.headline is not None and msg_type in _OUTPUTS:
                    headline, publication.headline = publication.headline, None
                    # The heading is no output of the cell's.
                    shown, publication.shown = publication.shown, None
                    headline()
                    publication.shown = shown
                if msg_type == "comm_msg":
                    _heed_captors(publication, message["content"])
                elif msg_type in _OUTPUTS and publication.shown is not None and not publication.captors:
                    self._keep(publication, publication.shown, msg_type, message["content"])
        return message

    # What cells show

    def _keep(
        self, publication: Publication, shown: list[Shown], msg_type: str, content: dict[str, Any]
    ) -> None:
        """Note what the cell shows now."""
        if msg_type == "update_display_data":
            self._update(content)
            return
        if msg_type == "clear_output":
            publication.clearing = True
        if publication.clearing and not content.get("wait"):
            self._clear(publication)
        if msg_type == "clear_output":
            return
        identity = content["transient"].get("display_id") if content.get("transient") else None
        if identity is not None:
            content = dict(content)
            publication.displays.setdefault(identity, []).append(content)
            self._displaying[publication.cell] = publication
        shown.append((msg_type, content))
        size = _size(msg_type, content)
        publication.size += size
        self._size += size
        if publication.size > _KEPT:
            self._clear(publication)
            publication.shown = None
        elif self._size > _ALL_KEPT:
            self._make_room()

    def _update(self, content: dict[str, Any]) -> None:
        for publication in self._displaying.values():
            for display in publication.displays.get(content["transient"]["display_id"], ()):
                display["data"] = content["data"]

    def _clear(self, publication: Publication) -> None:
        if publication.shown is not None:
            publication.shown.clear()
        if publication.displays and self._displaying.get(publication.cell) is publication:
            del self._displaying[publication.cell]
        publication.displays.clear()
        self._size -= publication.size
        publication.size = 0
        publication.clearing = False

    def _make_room(self) -> None:
        for publication in list(self._latest.values()):
            if self._size <= _ALL_KEPT // 2:
                return
            if publication.size:
                self._clear(publication)
                publication.shown = None


def _heed_captors(publication: Publication, content: dict[str, Any]) -> None:
    """Note which output widgets take what the run publishes: those that name its request."""
    state: object = content["data"].get("state") if isinstance(content.get("data"), dict) else None
    if isinstance(state, dict) and "msg_id" in state:
        (publication.captors.add if state["msg_id"] else publication.captors.discard)(content["comm_id"])


def _size(msg_type: str, content: dict[str, Any]) -> int:
    """About how many characters a message keeps in memory."""
    if msg_type == "stream":
        return len(content["text"]) + 100
    if msg_type == "error":
        return sum(map(len, content["traceback"])) + 100
    return sum(len(part) if isinstance(part, str) else 1000 for part in content["data"].values()) + 100
