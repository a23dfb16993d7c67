"""Where a cell ran last."""

from __future__ import annotations

from ..fixed import fixed


@fixed
class Place:
    """Where a cell ran last, and why there, if it did not run on a worker."""

    elsewhere: bool
    why: str | None = None
