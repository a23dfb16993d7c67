"""Decodes `numeric`: digits to the base of 10,000, which become decimals with every digit that was there."""

from __future__ import annotations

from contextlib import suppress
from decimal import Context, Decimal
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from .arrow import Array, pa

Mask: TypeAlias = NDArray[np.bool_]

_NEGATIVE = 0x4000
_NAN, _INFINITE, _MINUS_INFINITE = 0xC000, 0xD000, 0xF000
# What fits into 64 bits whatever the digits are.
_SMALL = 18
WIDEST = 76
_EXACT = Context(prec=200_000)


def numerics(
    raw: NDArray[np.uint8], places: NDArray[np.int64], nulls: Mask | None
) -> tuple[Array, str | None]:
    """Decimals of the widest scale among them; texts if some are no decimals."""
    size = len(raw) - 1
    words = np.ndarray((size,), ">u2", cast("Any", raw), strides=(1,))

    def word(offset: int, mask: Mask | None = None) -> NDArray[np.int64]:
        at = places if mask is None else places[mask]
        return words[np.minimum(at + offset, size - 1)].astype(np.int64)

    count, weight, sign, scale = word(0), word(2), word(4), word(6)
    weight -= (weight >= 2**15) * 2**16
    if nulls is not None:
        for each in (count, weight, sign, scale):
            each[nulls] = 0
    most = int(scale.max(initial=0))
    whole = 4 * (int(weight.max(initial=0)) + 1)
    if not len(places) or (whole + most <= _SMALL and int(sign.max(initial=0)) <= _NEGATIVE):
        return _small(count, weight, sign, most, word, nulls), None
    return _any(raw, places, nulls)


def _small(
    count: NDArray[np.int64],
    weight: NDArray[np.int64],
    sign: NDArray[np.int64],
    scale: int,
    word: Any,
    nulls: Mask | None,
) -> Array:
    total = np.zeros(len(count), np.int64)
    for number in range(int(count.max(initial=0))):
        there = count > number
        power = 4 * (weight[there] - number) + scale
        digit = word(8 + 2 * number, there)
        # The last digit may reach beyond the scale, with zeros.
        total[there] += np.where(
            power >= 0, digit * 10 ** np.maximum(power, 0), digit // 10 ** np.maximum(-power, 0)
        )
    total = np.where(sign == _NEGATIVE, -total, total)
    wide = np.empty((len(total), 2), np.int64)
    wide[:, 0], wide[:, 1] = total, total >> 63
    bitmap = None if nulls is None else pa.py_buffer(np.packbits(~nulls, bitorder="little"))
    return pa.Array.from_buffers(pa.decimal128(38, scale), len(total), [bitmap, pa.py_buffer(wide)])


def _any(raw: NDArray[np.uint8], places: NDArray[np.int64], nulls: Mask | None) -> tuple[Array, str | None]:
    """The slow and general way: numbers of any width, NaN and infinity."""
    data = raw.tobytes()
    absent = [False] * len(places) if nulls is None else nulls.tolist()
    values = [None if null else number(data, at) for at, null in zip(places.tolist(), absent)]
    return decimals(values)


def decimals(values: list[Decimal | None]) -> tuple[Array, str | None]:
    known = [value for value in values if value is not None]
    if all(value.is_finite() for value in known):
        scale = max((-int(value.as_tuple().exponent) for value in known), default=0)
        width = max((value.adjusted() + 1 for value in known), default=1) + scale
        if max(width, scale) <= 38:
            return pa.array(values, pa.decimal128(38, scale)), None
        if max(width, scale) <= WIDEST:
            return pa.array(values, pa.decimal256(WIDEST, scale)), None
    texts = [None if value is None else printed(value) for value in values]
    return pa.array(texts, pa.string()), f"NaN, infinity or more than {WIDEST} digits: shown as text"


def printed(value: Decimal) -> str:
    return format(value, "f") if value.is_finite() else str(value)


def number(data: bytes, at: int) -> Decimal:
    """The number whose bytes begin there."""
    head = [int.from_bytes(data[at + offset : at + offset + 2], "big") for offset in (0, 2, 4, 6)]
    count, weight, sign, scale = head
    special = {_NAN: "NaN", _INFINITE: "Infinity", _MINUS_INFINITE: "-Infinity"}.get(sign)
    if special is not None:
        return Decimal(special)
    weight -= (weight >= 2**15) * 2**16
    digits = 0
    for index in range(count):
        digits = digits * 10_000 + int.from_bytes(data[at + 8 + 2 * index : at + 10 + 2 * index], "big")
    value = Decimal(digits).scaleb(4 * (weight - count + 1), _EXACT)
    value = value.quantize(Decimal(1).scaleb(-scale), context=_EXACT)
    return -value if sign == _NEGATIVE else value


def united(chunks: list[Array]) -> list[Array]:
    """The decimals of several blocks at one scale."""
    kinds = {chunk.type for chunk in chunks}
    if len(kinds) <= 1:
        return chunks
    if any(pa.types.is_string(kind) for kind in kinds):
        return [_as_text(chunk) for chunk in chunks]
    scale = max(kind.scale for kind in kinds)
    wide = any(pa.types.is_decimal256(kind) for kind in kinds)
    return _rescaled(chunks, scale, wide=wide)


def _rescaled(chunks: list[Array], scale: int, *, wide: bool) -> list[Array]:
    for kind in ([] if wide else [pa.decimal128(38, scale)]) + [pa.decimal256(WIDEST, scale)]:
        with suppress(pa.ArrowInvalid):
            return [chunk.cast(kind) for chunk in chunks]
    return [_as_text(chunk) for chunk in chunks]


def _as_text(chunk: Array) -> Array:
    if pa.types.is_string(chunk.type):
        return chunk
    return pa.array([None if value is None else printed(value) for value in chunk.to_pylist()], pa.string())
