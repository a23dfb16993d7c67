"""Takes a password out of IPython's memory of what was typed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

_HIDDEN = "***"


def forget(shell: Any, secrets: Sequence[str]) -> None:
    """Put *** for the secrets wherever IPython remembers input: `In`, `_i`, the history and its file."""
    if not secrets:
        return

    def without(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, _HIDDEN)
        return text

    history = shell.history_manager
    for remembered in (history.input_hist_parsed, history.input_hist_raw):
        remembered[:] = [without(text) for text in remembered]
    with history.db_input_cache_lock:
        cache: list[tuple[Any, ...]] = history.db_input_cache
        cache[:] = [
            tuple(without(each) if isinstance(each, str) else each for each in item) for item in cache
        ]
    for name in ("_i00", "_i", "_ii", "_iii"):
        if isinstance(getattr(history, name, None), str):
            setattr(history, name, without(getattr(history, name)))
    for name, value in list(shell.user_ns.items()):
        if name.startswith("_i") and isinstance(value, str):
            shell.user_ns[name] = without(value)
    _forget_on_disk(history, secrets)


def _forget_on_disk(history: Any, secrets: Sequence[str]) -> None:
    """The history's own thread may have written the line already."""
    if not getattr(history, "enabled", False):
        return
    database: sqlite3.Connection = history.db
    with history.db_input_cache_lock, database:
        # What is deleted is overwritten, not only forgotten.
        database.execute("pragma secure_delete = on")
        for secret in secrets:
            changed = "source = replace(source, ?, ?), source_raw = replace(source_raw, ?, ?)"
            database.execute(
                f"update history set {changed} where session = ? and instr(source_raw, ?)",  # noqa: S608  # no value is in it
                (secret, _HIDDEN, secret, _HIDDEN, history.session_number, secret),
            )
