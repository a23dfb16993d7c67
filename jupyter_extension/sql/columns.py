"""Decodes the rows of a binary COPY, column by column, into Arrow.

A row is the number of its fields, and for each field its length (-1: NULL) and its bytes. Where rows begin is
found for many at once: every place that looks like a beginning is followed through its fields, and those that
the first row leads to, one after the other, are the rows. Bytes that imitate a beginning lead nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from .arrow import Array, pa
from .numbers import numerics
from .types import DATE_EPOCH, TIMESTAMP_EPOCH, WIDTHS, Column, Kind

Bytes: TypeAlias = NDArray[np.uint8]
Places: TypeAlias = NDArray[np.int64]
Lengths: TypeAlias = NDArray[np.int32]
Mask: TypeAlias = NDArray[np.bool_]
# The dimensions of an array; (0,) of one that is empty.
Shape: TypeAlias = tuple[int, ...]

HEADER = b"PGCOPY\n\xff\r\n\0"
_TRAILER = b"\xff\xff"
# Bytes beyond the end let every look at a number be made without asking whether it is there.
_MARGIN = bytes(16)
_DAY = 86_400_000_000


class Garbled(Exception):
    """The stream is not what Postgres sends."""


@dataclass(frozen=True)
class Field:
    """The bytes of one column: where each value is, and how long (-1: NULL)."""

    raw: Bytes
    places: Places
    lengths: Lengths
    column: Column

    @property
    def nulls(self) -> Mask | None:
        nulls = self.lengths < 0
        return nulls if bool(nulls.any()) else None


class Decoder:
    """Takes the stream in pieces; gives the columns of all rows that are complete."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._rest = b""
        self._begun = False
        # What could not be shown as it is, for people.
        self.notes: dict[str, None] = {}

    def feed(self, pieces: Sequence[bytes]) -> tuple[list[Array], int]:
        """The arrays of the rows that are complete now, and how many rows those are."""
        data = b"".join([self._rest, *pieces, _MARGIN])
        size = len(data) - len(_MARGIN)
        start = 0
        if not self._begun:
            if size < 19:
                self._rest = data[:size]
                return [], 0
            start = _header(data)
            self._begun = True
        raw = np.frombuffer(data, np.uint8)[start:]
        places, lengths, rows, end = find_rows(raw, size - start, self._columns)
        self._rest = data[start + end : size]
        if not rows:
            return [], 0
        return [self._decode(Field(raw, *field)) for field in zip(places, lengths, self._columns)], rows

    def finish(self) -> None:
        if self._begun and self._rest not in (_TRAILER, b""):
            raise Garbled(f"{len(self._rest)} bytes are left that are no row.")

    def _decode(self, field: Field) -> Array:
        array, note = decode(field)
        if note:
            self.notes[f"`{field.column.name}`: {note}"] = None
        return array


def _header(data: bytes) -> int:
    if not data.startswith(HEADER):
        raise Garbled("This is no binary COPY.")
    return 19 + int.from_bytes(data[15:19], "big")


# Where rows begin


def find_rows(
    raw: Bytes, size: int, columns: Sequence[Column]
) -> tuple[list[Places], list[Lengths], int, int]:
    """Where the fields of the complete rows are, how many rows those are, and where they end."""
    if not columns:
        rows = int(np.count_nonzero(raw[: size // 2 * 2].view(">i2") == 0))
        return [], [], rows, rows * 2
    lengths_at = _everywhere(raw, ">i4")
    starts = _candidates(raw, size, len(columns))
    ends, places, lengths = starts + 2, list[Places](), list[Lengths]()
    for column in columns:
        length = lengths_at[np.minimum(ends, size)].astype(np.int32)
        ends = ends + 4
        possible = _possible(length, column, size)
        if possible is not None:
            starts, ends, length = starts[possible], ends[possible], length[possible]
            places = [each[possible] for each in places]
            lengths = [each[possible] for each in lengths]
        places.append(ends)
        lengths.append(length)
        ends = ends + np.maximum(length, 0)
    kept = _chain(starts, ends, size)
    rows = kept if isinstance(kept, int) else len(kept)
    chosen: slice | Places = slice(rows) if isinstance(kept, int) else kept
    last = int(ends[chosen][-1]) if rows else 0
    return [each[chosen] for each in places], [each[chosen] for each in lengths], rows, last


def _everywhere(raw: Bytes, kind: str) -> NDArray[Any]:
    """The number that would begin at every byte."""
    dtype = np.dtype(kind)
    return np.ndarray((len(raw) - dtype.itemsize + 1,), dtype, cast("Any", raw), strides=(1,))


def _candidates(raw: Bytes, size: int, width: int) -> Places:
    if size < 2:
        return np.empty(0, np.int64)
    high, low = divmod(width, 256)
    return np.flatnonzero((raw[: size - 1] == high) & (raw[1:size] == low))


def _possible(length: Lengths, column: Column, size: int) -> Mask | None:
    """Which of these can be lengths of a field in this column; None if all can."""
    width = WIDTHS.get(column.kind)
    possible = (length >= -1) & (length <= size) if width is None else (length == width) | (length == -1)
    return None if bool(possible.all()) else possible


def _chain(starts: Places, ends: Places, size: int) -> int | Places:
    """Which candidates are complete rows: the first so many, or those listed."""
    if not len(starts) or starts[0] != 0:
        return 0
    apart = np.flatnonzero(starts[1:] != ends[:-1])
    until = len(starts) if not len(apart) else int(apart[0]) + 1
    whole = int(np.searchsorted(ends[:until] > size, v=True))
    if whole < until or until == len(starts):
        return whole
    return _followed(starts, ends, size)


def _followed(starts: Places, ends: Places, size: int) -> Places:
    following = np.searchsorted(starts, ends).tolist()
    begin, end = starts.tolist(), ends.tolist()
    kept: list[int] = []
    at = 0
    while at < len(begin) and end[at] <= size:
        kept.append(at)
        here, at = at, following[at]
        if at < len(begin) and begin[at] != end[here]:
            break
    return np.array(kept, np.int64)


# What the bytes of a column are


def decode(field: Field) -> tuple[Array, str | None]:
    """The array of a column, and what people should know about it."""
    return _DECODERS[field.column.kind](field)


def _numbers(field: Field, kind: str) -> NDArray[Any]:
    """A number at every place; anything at those of NULLs."""
    found = _everywhere(field.raw, kind)[np.minimum(field.places, len(field.raw) - 16)]
    return found.astype(cast("Any", np.dtype(kind).newbyteorder("=")))


def _array(kind: Any, values: NDArray[Any], nulls: Mask | None) -> Array:
    bitmap = None if nulls is None else pa.py_buffer(np.packbits(~nulls, bitorder="little"))
    return pa.Array.from_buffers(kind, len(values), [bitmap, pa.py_buffer(np.ascontiguousarray(values))])


def _plain(kind: str, arrow: Any) -> Callable[[Field], tuple[Array, None]]:
    return lambda field: (_array(arrow, _numbers(field, kind), field.nulls), None)


def _bool(field: Field) -> tuple[Array, None]:
    values = _numbers(field, "u1").astype(np.bool_)
    nulls = field.nulls
    bitmap = None if nulls is None else pa.py_buffer(np.packbits(~nulls, bitorder="little"))
    bits = pa.py_buffer(np.packbits(values, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [bitmap, bits]), None


def _date(field: Field) -> tuple[Array, str | None]:
    values = _numbers(field, ">i4").astype(np.int64)
    outside = np.abs(values) >= 2**31 - 1 - DATE_EPOCH
    shifted = np.where(outside, 0, values + DATE_EPOCH).astype(np.int32)
    return _without(pa.date32(), shifted, outside, field, "dates")


def _timestamp(zone: str | None) -> Callable[[Field], tuple[Array, str | None]]:
    arrow = pa.timestamp("us", tz=zone)

    def decode_timestamp(field: Field) -> tuple[Array, str | None]:
        values = _numbers(field, ">i8")
        outside = (values > 2**63 - 1 - TIMESTAMP_EPOCH) | (values == -(2**63))
        return _without(arrow, np.where(outside, 0, values) + TIMESTAMP_EPOCH, outside, field, "times")

    return decode_timestamp


def _time(field: Field) -> tuple[Array, str | None]:
    values = _numbers(field, ">i8")
    return _without(pa.time64("us"), values, values >= _DAY, field, "times")


_DURATION = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])


def _interval(field: Field) -> tuple[Array, str | None]:
    micro = _numbers(field, ">i8")
    beside = Field(field.raw, field.places + 8, field.lengths, field.column)
    months = Field(field.raw, field.places + 12, field.lengths, field.column)
    values = np.empty(len(micro), _DURATION)
    values["days"], values["months"] = _numbers(beside, ">i4"), _numbers(months, ">i4")
    limit = (2**63 - 1) // 1000
    outside = (micro > limit) | (micro < -limit)
    values["nanoseconds"] = np.where(outside, 0, micro) * 1000
    return _without(pa.month_day_nano_interval(), values, outside, field, "intervals")


def _without(
    arrow: Any, values: NDArray[Any], outside: Mask, field: Field, what: str
) -> tuple[Array, str | None]:
    """The array with NULL for those that Arrow has no value for, and a word about it."""
    nulls = field.nulls
    lost = outside if nulls is None else outside & ~nulls
    count = int(np.count_nonzero(lost))
    if not count:
        return _array(arrow, values, nulls), None
    absent = lost if nulls is None else lost | nulls
    return _array(arrow, values, absent), f"{what} at infinity, or too far for Arrow, are shown as NULL"


def _slices(field: Field, arrow: Any) -> Array:
    """Texts or bytes: gaps and values in turn are an array over the raw bytes, and the values are taken."""
    count = len(field.places)
    bounds = np.empty(2 * count + 1, np.int32)
    bounds[0:-1:2] = field.places
    bounds[1::2] = field.places + np.maximum(field.lengths, 0)
    bounds[-1] = bounds[-2] if count else 0
    bitmap = None
    nulls = field.nulls
    if nulls is not None:
        valid = np.ones(2 * count, np.bool_)
        valid[0::2] = ~nulls
        bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    buffers = [bitmap, pa.py_buffer(bounds), pa.py_buffer(field.raw)]
    both = pa.Array.from_buffers(arrow, 2 * count, buffers)
    # Made of a buffer: to look at an array of numpy's, Arrow would import pandas.
    return both.take(_array(pa.int32(), np.arange(0, 2 * count, 2, dtype=np.int32), None))


def _text(field: Field) -> tuple[Array, str | None]:
    array = _slices(field, pa.binary())
    try:
        return array.cast(pa.string()), None
    except pa.ArrowInvalid:
        # A database in SQL_ASCII keeps what it was given.
        texts = [
            each if each is None else each.decode("utf-8", "backslashreplace") for each in array.to_pylist()
        ]
        return pa.array(texts, pa.string()), "bytes that are no UTF-8 are shown as \\x.."


def _bytes(field: Field) -> tuple[Array, None]:
    return _slices(field, pa.binary()), None


def _numeric(field: Field) -> tuple[Array, str | None]:
    return numerics(field.raw, field.places, field.nulls)


# Arrays


def _lists(field: Field) -> tuple[Array, str | None]:
    """Arrays: their elements are fields like any other, decoded all at once."""
    walk = _Elements()
    data = field.raw.tobytes()
    for place, length in zip(field.places.tolist(), field.lengths.tolist()):
        walk.add(data, place, length)
    element = field.column.element
    assert element is not None
    inner = Column(field.column.name, field.column.type, element)
    places, lengths = np.array(walk.places, np.int64), np.array(walk.lengths, np.int32)
    flat, note = decode(Field(field.raw, places, lengths, inner))
    array, unlike = lists(walk.shapes, flat)
    return array, unlike or note


def lists(shapes: Sequence[Shape | None], flat: Array) -> tuple[Array, str | None]:
    """Arrays of these dimensions (None: NULL), whose elements follow one another."""
    depths = {len(shape) for shape in shapes if shape is not None and shape != (0,)}
    if len(depths) > 1:
        nested = _nested(shapes, _texts(flat))
        texts = [None if each is None else _printed(each) for each in nested]
        return pa.array(texts, pa.string()), "arrays of different dimensions are shown as text"
    return _offsets(shapes, flat, next(iter(depths), 1)), None


class _Elements:
    """Where the elements of arrays are."""

    def __init__(self) -> None:
        self.places: list[int] = []
        self.lengths: list[int] = []
        # The dimensions of every array; None for NULL.
        self.shapes: list[Shape | None] = []

    def add(self, data: bytes, place: int, length: int) -> None:
        if length < 0:
            self.shapes.append(None)
            return
        depth = _int(data, place)
        shape = tuple(_int(data, place + 12 + 8 * number) for number in range(depth))
        self.shapes.append(shape or (0,))
        at, end = place + 12 + 8 * depth, place + length
        while at < end:
            size = _int(data, at)
            self.places.append(at + 4)
            self.lengths.append(size)
            at += 4 + max(size, 0)


def _int(data: bytes, place: int) -> int:
    return int.from_bytes(data[place : place + 4], "big", signed=True)


def _offsets(shapes: Sequence[Shape | None], flat: Array, depth: int) -> Array:
    """Lists of lists, as deep as the arrays are."""
    array = flat
    for level in range(depth - 1, 0, -1):
        counts = [
            shape[level]
            for shape in shapes
            if shape is not None and len(shape) == depth
            for _ in range(int(np.prod(shape[:level])))
        ]
        array = pa.ListArray.from_arrays(_sums(counts), array)
    counts = [0 if shape is None else shape[0] for shape in shapes]
    nulls = [shape is None for shape in shapes]
    mask = pa.array(nulls) if any(nulls) else None
    return pa.ListArray.from_arrays(_sums(counts), array, mask=mask)


def _sums(counts: Sequence[int]) -> Array:
    return pa.array(np.concatenate([[0], np.cumsum(np.array(counts, np.int64))]).astype(np.int32))


def _nested(shapes: Sequence[Shape | None], flat: Sequence[object]) -> list[object]:
    found: list[object] = []
    at = 0
    for shape in shapes:
        if shape is None:
            found.append(None)
            continue
        size = int(np.prod(shape))
        part: list[object] = list(flat[at : at + size])
        for width in reversed(shape[1:]):
            part = [part[start : start + width] for start in range(0, len(part), width)]
        found.append(part)
        at += size
    return found


def _texts(flat: Array) -> list[str | None]:
    """What is in arrays, as texts; Python's own dates would end at the year 9999."""
    if pa.types.is_boolean(flat.type):
        return [None if value is None else "ft"[value] for value in flat.to_pylist()]
    if pa.types.is_binary(flat.type):
        return [None if value is None else "\\x" + value.hex() for value in flat.to_pylist()]
    if pa.types.is_interval(flat.type):
        return [None if value is None else str(value) for value in flat.to_pylist()]
    return flat.cast(pa.string()).to_pylist()


def _printed(value: object) -> str:
    """An array as the server writes it."""
    if isinstance(value, list):
        return "{" + ",".join(_printed(each) for each in cast("list[object]", value)) + "}"
    if value is None:
        return "NULL"
    text = str(value)
    if text and text.lower() != "null" and not _SPECIAL.search(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_SPECIAL = re.compile(r'[{}",\\\s]')


_DECODERS: Mapping[Kind, Callable[[Field], tuple[Array, str | None]]] = MappingProxyType({
    Kind.BOOL: _bool,
    Kind.INT2: _plain(">i2", pa.int16()),
    Kind.INT4: _plain(">i4", pa.int32()),
    Kind.INT8: _plain(">i8", pa.int64()),
    Kind.OID: _plain(">u4", pa.uint32()),
    Kind.FLOAT4: _plain(">f4", pa.float32()),
    Kind.FLOAT8: _plain(">f8", pa.float64()),
    Kind.NUMERIC: _numeric,
    Kind.DATE: _date,
    Kind.TIME: _time,
    Kind.TIMESTAMP: _timestamp(None),
    Kind.TIMESTAMPTZ: _timestamp("UTC"),
    Kind.INTERVAL: _interval,
    Kind.TEXT: _text,
    Kind.BYTES: _bytes,
    Kind.ARRAY: _lists,
    Kind.PRINTED: _text,
})  # fmt: skip
