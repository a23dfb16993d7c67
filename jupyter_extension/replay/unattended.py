"""Writes outputs into the notebook when no front end is there, and never over somebody else's change."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from logging import Logger
from typing import Any

from jupyter_core.utils import ensure_async

from .entries import outputs_of
from .log import Cursor, Snapshot
from .message import Json
from .recording import Recording


def fill(notebook: Json, cells: Json) -> bool:
    """Put what ran into the cells whose source is what ran; whether that changed anything."""
    changed = False
    for cell in notebook.get("cells", []):
        run = cells.get(cell.get("id"))
        if run is None or cell["cell_type"] != "code" or not run["messages"]:
            continue
        begin: Json = run["messages"][0]
        if begin["header"]["msg_type"] != "execute_input" or begin["content"]["code"] != cell["source"]:
            continue
        new = {"outputs": outputs_of(run["messages"]), "execution_count": begin["content"]["execution_count"]}
        if any(cell.get(part) != value for part, value in new.items()):
            cell.update(new)
            changed = True
    return changed


def cells_of(snapshot: Snapshot) -> Json:
    cells: Json = {}
    for part in snapshot.parts():
        cells |= json.loads(part)["cells"]
    return cells


class Saver:
    """Looks now and then whether a kernel has said something that nobody is there to save."""

    def __init__(
        self, sessions: Any, contents: Any, attended: Callable[[Recording], bool], log: Logger
    ) -> None:
        self._sessions = sessions
        self._contents = contents
        self._attended = attended
        self._log = log
        # Since when nobody is there, or when we wrote: what is newer on disk is somebody else's.
        self._known: dict[str, datetime] = {}
        self._saved: dict[str, Cursor] = {}

    async def look(self, recordings: dict[str, Recording]) -> None:
        self._known = {name: known for name, known in self._known.items() if name in recordings}
        for name, recording in recordings.items():
            if self._attended(recording):
                self._known.pop(name, None)
                self._saved.pop(name, None)
                continue
            self._known.setdefault(name, datetime.now(timezone.utc))
            if self._saved.get(name) != recording.log.cursor:
                self._saved[name] = recording.log.cursor
                await self._save(name, recording)

    async def _save(self, kernel: str, recording: Recording) -> None:
        for session in await ensure_async(self._sessions.list_sessions()):
            if session["kernel"]["id"] == kernel and session["type"] == "notebook":
                await self._write(kernel, session["path"], recording)

    async def _write(self, kernel: str, path: str, recording: Recording) -> None:
        model: Json = await ensure_async(self._contents.get(path, content=True, type="notebook"))
        if model["last_modified"] > self._known[kernel]:
            self._log.info("Outputs of kernel %s stay out of %s: somebody has changed it.", kernel, path)
            return
        if not fill(model["content"], cells_of(recording.log.snapshot())):
            return
        now: Json = await ensure_async(self._contents.get(path, content=False))
        if now["last_modified"] == model["last_modified"]:
            notebook = {"type": "notebook", "format": "json", "content": model["content"]}
            saved: Json = await ensure_async(self._contents.save(notebook, path))
            self._known[kernel] = saved["last_modified"]
            self._log.info("Outputs of kernel %s were saved in %s: nobody was there to do it.", kernel, path)
