"""Arrow, which comes without types: whoever takes something out of it says what it is."""

from __future__ import annotations

from typing import Any, TypeAlias

import pyarrow

pa: Any = pyarrow
Array: TypeAlias = Any
Table: TypeAlias = Any
