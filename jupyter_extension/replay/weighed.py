"""A JSON object that grows key by key, and about how much memory it takes."""

from __future__ import annotations

from .message import Json


class Weighed:
    """Each key weighs its share of the text that brought it: to measure more costs more."""

    def __init__(self) -> None:
        self._values: Json = {}
        self._weights: dict[str, int] = {}
        self.size = 0

    def update(self, values: Json, text: int) -> None:
        """Take these in, which came in so many bytes."""
        share = text // (len(values) or 1)
        for key, value in values.items():
            self._values[key] = value
            self.size += share - self._weights.get(key, 0)
            self._weights[key] = share

    def drop(self, key: str) -> None:
        self._values.pop(key, None)
        self.size -= self._weights.pop(key, 0)

    def values(self) -> Json:
        """As they are now: later updates replace values, and never change one."""
        return dict(self._values)
