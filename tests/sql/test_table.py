"""How results read: the texts of values, against the long way round."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pyarrow
import pyarrow.compute
import pytest

from jupyter_extension.sql.table import texts_of

pa: Any = pyarrow
pc: Any = pyarrow.compute
# A year before Christ, the last of four digits, one of six.
MOMENTS = (0, -1, 1, 500_000, -62_200_000_000_000_000, 253_402_300_799_000_000, 9 * 10**18, None)


def texts(array: Any) -> list[str | None]:
    [found] = texts_of(pa.table({"a": array}))
    return found


@pytest.mark.parametrize("zone", ["UTC", None])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_moments_read_as_arrow_writes_them_but_for_empty_fractions(unit: str, zone: str | None):
    drawn = random.Random(unit)
    most = 9_223_372_036 * 10 ** {"s": 0, "ms": 3, "us": 6, "ns": 9}[unit]
    some = [drawn.randrange(-most, most) for _ in range(200)]
    whole = [each // 10**9 * 10**9 for each in some]
    array = pa.array([*(each for each in MOMENTS if each is None or abs(each) < most), *some, *whole])
    array = array.cast(pa.timestamp(unit, tz=zone))
    expected = pc.replace_substring_regex(array.cast(pa.string()), r"\.0+(Z?)$", r"\1")
    assert texts(array) == expected.to_pylist()


@pytest.mark.parametrize("kind", [pa.time64("us"), pa.date32(), pa.duration("us")])
def test_times_and_dates_do_so_too(kind: Any):
    wide = pa.date32() if kind == pa.date32() else pa.int64()
    array = pa.array([0, 1, 86_399, None], pa.int32() if wide == pa.date32() else wide).cast(kind)
    expected = pc.replace_substring_regex(array.cast(pa.string()), r"\.0+(Z?)$", r"\1")
    assert texts(array) == expected.to_pylist()


@pytest.mark.parametrize("scale", [0, 2, 7, 30])
def test_decimals_have_no_exponents(scale: int):
    drawn = random.Random(scale)
    unit = Decimal(1).scaleb(-scale)
    values = [drawn.randrange(-(10 ** drawn.randrange(1, 36)), 10**35) * unit for _ in range(200)]
    values += [0 * unit, unit, -unit]
    array = pa.array([*values, None], pa.decimal128(38, scale))
    assert texts(array) == [*(format(each, "f") for each in array.to_pylist()[:-1]), None]
