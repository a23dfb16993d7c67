"""Knows the open connections by their names. A new one takes the place of an old one only once it works."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from .database import Database, Failed, Target
from .line import DEFAULT

# Who hears of connections: name, server, and what went wrong, if anything.
Hear: TypeAlias = Callable[[str, str, str | None], None]


class Unconnected(Exception):
    """There is no such connection; says which there are."""


class Connections:
    def __init__(self, hear: Hear) -> None:
        self._open: dict[str, Database] = {}
        self._hear = hear

    def __contains__(self, name: str) -> bool:
        return name in self._open

    def connect(self, name: str, target: Target) -> Database:
        """Open a connection. If that fails the old one stays, and everybody hears why."""
        try:
            database = Database.open(name, target)
        except Failed as failed:
            kept = self._open.get(name)
            self._hear(name, kept.server if kept is not None else "", str(failed))
            raise
        before = self._open.get(name)
        self._open[name] = database
        self._hear(name, database.server, None)
        if before is not None:
            # Once the cell that is using it is through with it.
            with before.held():
                before.close()
        return database

    def opened(self, name: str) -> Database | None:
        """The connection of that name, if somebody has opened it."""
        return self._open.get(name)

    def names(self) -> list[str]:
        return list(self._open)

    def get(self, name: str) -> Database:
        """The connection of that name; the default one is opened at its first use."""
        found = self._open.get(name)
        if found is not None:
            return found
        if name != DEFAULT:
            known = ", ".join(f"`{each}`" for each in self._open) or "none"
            raise Unconnected(
                f"There is no connection `{name}`; open: {known}. %sql postgresql://… --name {name} opens it."
            )
        return self.connect(name, Target.of_environment())

    @property
    def in_transaction(self) -> frozenset[str]:
        """Those on which a transaction is open."""
        return frozenset(name for name, database in list(self._open.items()) if database.in_transaction)

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1].close()
