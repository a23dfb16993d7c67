"""Makes Arrow of rows that came as Python's values: those of statements that COPY does not take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from .arrow import Array, pa
from .columns import Field, Shape, decode, lists
from .database import Fetched
from .numbers import decimals
from .types import Column, Kind

_PLAIN: Mapping[Kind, Any] = MappingProxyType({
    Kind.BOOL: pa.bool_(), Kind.INT2: pa.int16(), Kind.INT4: pa.int32(), Kind.INT8: pa.int64(),
    Kind.OID: pa.uint32(), Kind.FLOAT4: pa.float32(), Kind.FLOAT8: pa.float64(), Kind.TEXT: pa.string(),
    Kind.BYTES: pa.binary(),
})  # fmt: skip


def arrays_of(fetched: Fetched, notes: dict[str, None]) -> list[Array]:
    """The columns, and notes on what could not be shown as it is."""
    values = list(zip(*fetched.rows)) if fetched.rows else [()] * len(fetched.columns)
    return [_array(column, each, notes) for column, each in zip(fetched.columns, values)]


def _array(column: Column, values: Sequence[Any], notes: dict[str, None]) -> Array:
    if column.kind in _PLAIN:
        return pa.array(values, _PLAIN[column.kind])
    if column.kind is Kind.ARRAY:
        return _lists(column, values, notes)
    array, note = _other(column, values)
    if note:
        notes[f"`{column.name}`: {note}"] = None
    return array


def _other(column: Column, values: Sequence[Any]) -> tuple[Array, str | None]:
    if column.kind is Kind.NUMERIC:
        return decimals(cast("list[Decimal | None]", list(values)))
    encode = _ENCODERS.get(column.kind)
    if encode is None:
        return pa.array([None if value is None else str(value) for value in values], pa.string()), None
    # As COPY would have sent them: what they become is decided in one place.
    sent = [b"" if value is None else encode(value) for value in values]
    lengths = np.array([-1 if value is None else len(each) for value, each in zip(values, sent)], np.int32)
    places = np.concatenate([[0], np.cumsum([len(each) for each in sent])])[:-1].astype(np.int64)
    raw = np.frombuffer(b"".join(sent) + bytes(16), np.uint8)
    return decode(Field(raw, places, lengths, column))


def _lists(column: Column, values: Sequence[Any], notes: dict[str, None]) -> Array:
    assert column.element is not None
    inner = Column(column.name, column.type, column.element)
    flat: list[Any] = []
    shapes = [None if value is None else _flattened(value, flat) for value in values]
    array, note = lists(shapes, _array(inner, flat, notes))
    if note:
        notes[f"`{column.name}`: {note}"] = None
    return array


def _flattened(value: Any, flat: list[Any]) -> Shape:
    """The dimensions of an array, whose elements are put behind the others."""
    if not value or not isinstance(value[0], list):
        flat.extend(value)
        return (len(value),)
    below = [_flattened(each, flat) for each in value]
    return (len(value), *below[0])


def _signed(size: int) -> Callable[[Any], bytes]:
    return lambda value: int(value[0]).to_bytes(size, "big", signed=True)


def _interval(value: Any) -> bytes:
    months, days, micro = value
    parts = ((micro, 8), (days, 4), (months, 4))
    return b"".join(int(part).to_bytes(size, "big", signed=True) for part, size in parts)


_ENCODERS: Mapping[Kind, Callable[[Any], bytes]] = MappingProxyType({
    Kind.DATE: _signed(4),
    Kind.TIMESTAMP: _signed(8),
    Kind.TIMESTAMPTZ: _signed(8),
    Kind.INTERVAL: _interval,
    Kind.TIME: _signed(8),
})  # fmt: skip
