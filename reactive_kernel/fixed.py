"""Values that nobody changes: classes of them, and values like others but for some of their fields."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda function: function


_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def fixed(kind: type[_T]) -> type[_T]:
    """A dataclass of which the type checker sees that nobody sets a field.

    To have Python look at that, too, and to make each a `__repr__`, would take half of the time in which
    a kernel imports all of this, and half of that in which such a value is made.
    """
    made = dataclass(unsafe_hash=True, repr=False)(kind)
    if "__repr__" not in vars(made):
        made.__repr__ = _told
    return made


def _told(self: Any) -> str:
    parts = [f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr]
    return f"{type(self).__qualname__}({', '.join(parts)})"


def altered(value: _T, **changes: Any) -> _T:
    """What `dataclasses.replace` gives, but fast; no slots, and no `__post_init__`."""
    made = object.__new__(type(value))
    inner = made.__dict__
    inner.update(value.__dict__)
    inner.update(changes)
    return made
