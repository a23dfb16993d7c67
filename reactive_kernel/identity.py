"""What tells an object from all others for as long as it is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

# What `id` says, turned by four bits. Python reports every call of `id` to whoever listens for what a process
# does (`sys.addaudithook`), as we do for files: that takes longer than all else that is done to an object.
identity: Final[Callable[[object], int]] = object.__hash__
