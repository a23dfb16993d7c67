"""Our own messages as bytes: what jupyter_client makes of them, with what is always the same made once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from json import dumps
from typing import Any, Final

from jupyter_client._version import protocol_version
from jupyter_client.session import DELIM
from jupyter_client.session import Session as JupyterSession

# So many headers of requests are known as bytes: that of who set a cascade off, and that of its latest run.
_KNOWN: Final = 4


class Envelopes:
    """Packs messages that have no buffers, for a session that speaks JSON."""

    def __init__(self, session: JupyterSession, pack: Callable[[Any], bytes]) -> None:
        self._session = session
        self._pack = pack
        # What every header begins and ends with, and who signs.
        self._begin = self._end = ""
        self._signer: Any = None
        self._headers: list[tuple[object, bytes]] = []
        session.observe(self._know, ["session", "username", "auth"])
        self._know()

    def _know(self, _: object = None) -> None:
        """Note whose messages those are."""
        session, user = self._session.session, self._session.username
        self._begin = f'{{"msg_id": {dumps(f"{session}_{os.getpid()}_")[:-1]}'
        by = f'"username": {dumps(user)}, "session": {dumps(session)}'
        self._end = f'Z", {by}, "version": "{protocol_version}"}}'
        self._signer = self._session.auth

    def parts(
        self,
        msg_type: str,
        content: Mapping[str, object],
        parent: Mapping[str, Any],
        metadata: Mapping[str, object],
        ident: bytes,
    ) -> list[bytes]:
        """The message as `Session.serialize` gives it."""
        pack = self._pack
        message = (
            self._header(msg_type),
            self._parent(parent.get("header")),
            pack(metadata) if metadata else b"{}",
            pack(content),
        )
        signature = b""
        if self._signer is not None:
            signer = self._signer.copy()
            signer.update(b"".join(message))
            signature = signer.hexdigest().encode()
        return [ident, DELIM, signature, *message]

    def _header(self, msg_type: str) -> bytes:
        number = self._session.message_count
        self._session.message_count = number + 1
        now = datetime.now(timezone.utc).isoformat(timespec="microseconds")[:-6]
        return f'{self._begin}{number}", "msg_type": "{msg_type}", "date": "{now}{self._end}'.encode()

    def _parent(self, header: object) -> bytes:
        """Nobody changes the header of a request: the same one is the same bytes."""
        if not header:
            return b"{}"
        for known, packed in self._headers:
            if known is header:
                return packed
        packed = self._pack(header)
        self._headers = [(header, packed), *self._headers[: _KNOWN - 1]]
        return packed
