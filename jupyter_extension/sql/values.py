"""Turns Python's values into what a parameter of the server's takes, or says why that is not possible."""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import json
import math
import uuid
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, cast
from zoneinfo import ZoneInfo

from .types import DATE_EPOCH

_EPOCH = datetime.datetime(2000, 1, 1)  # what a timestamp without a zone is counted from
_EPOCH_UTC = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)
_FOREVER = 2**63 - 1


class Misfit(Exception):
    """A value is not what its place takes; says so."""


def converted(value: object, type_name: str, zone: str) -> object:
    """The value as asyncpg wants it for a parameter of this type."""
    value = _plain(value)
    if value is None:
        return None
    if type_name.endswith("[]"):
        return [converted(each, _below(type_name, each), zone) for each in _elements(value, type_name)]
    if type_name in ("timestamp", "timestamptz"):
        return _timestamp(value, type_name, zone)
    try:
        return _CONVERTERS.get(type_name, _text)(value)
    except (ValueError, TypeError, OverflowError, decimal.InvalidOperation) as error:
        raise _misfit(value, type_name, str(error)) from None


def _misfit(value: object, type_name: str, why: str = "") -> Misfit:
    kind = type(value).__name__
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    said = f": {why}" if why else ""
    return Misfit(f"{article} {kind} does not go into {type_name}{said}")


def _plain(value: object) -> object:
    """What numpy and pandas wrap, unwrapped; their NaT and NA are NULL."""
    kind = type(value)
    module, name = kind.__module__.partition(".")[0], kind.__name__
    if module == "pandas" and name in ("NAType", "NaTType"):
        return None
    if module == "pandas" and name == "Timestamp":
        return cast("Any", value).to_pydatetime(warn=False)
    if module == "pandas" and name == "Timedelta":
        return cast("Any", value).to_pytimedelta()
    if module == "numpy" and name in ("datetime64", "timedelta64"):
        return cast("Any", value).astype(f"{name}[us]").item()
    if module == "numpy" and hasattr(value, "ndim") and cast("Any", value).ndim == 0:
        return cast("Any", value).item()
    return value


def _elements(value: object, type_name: str) -> Iterable[object]:
    if isinstance(value, (list, tuple, set, frozenset)):
        return cast("Iterable[object]", value)
    module = type(value).__module__.partition(".")[0]
    if module in ("numpy", "pandas", "polars", "pyarrow"):
        source: Any = value
        if hasattr(source, "notna") and source.dtype.kind != "f":
            # What is missing is a float to pandas, even among texts.
            source = source.astype(object).where(source.notna(), None)
        for method in ("to_list", "to_pylist", "tolist"):
            if hasattr(source, method):
                return getattr(source, method)()
    raise _misfit(value, type_name, "give a list")


def _below(type_name: str, element: object) -> str:
    """The type of an element: in an array of arrays, that of an array again."""
    inner = isinstance(element, (list, tuple)) or getattr(element, "ndim", 0) > 0
    return type_name if inner else type_name[:-2]


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise TypeError("give True or False")


def _integer(least: int, most: int) -> Callable[[object], int]:
    def convert(value: object) -> int:
        if isinstance(value, bool):
            raise TypeError("True and False are no numbers in SQL")
        if not isinstance(value, (int, float, decimal.Decimal)) or value != int(value):
            raise TypeError("give a whole number")
        if not least <= value <= most:
            raise ValueError(f"it takes {least} to {most}")
        return int(value)

    return convert


def _float(value: object) -> float:
    if isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool):
        return float(value)
    raise TypeError("give a number")


def _numeric(value: object) -> decimal.Decimal:
    if isinstance(value, bool):
        raise TypeError("True and False are no numbers in SQL")
    if isinstance(value, (int, decimal.Decimal)):
        return decimal.Decimal(value)
    if isinstance(value, float):
        # What Python prints, not what the bits are: 0.1 is 0.1.
        return decimal.Decimal(repr(value))
    raise TypeError("give a number")


def _text(value: object) -> str:
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("Postgres' texts hold no null character")
        return value
    known = (int, float, decimal.Decimal, uuid.UUID, ipaddress.IPv4Address, ipaddress.IPv6Address)
    more = (ipaddress.IPv4Network, ipaddress.IPv6Network, ipaddress.IPv4Interface, ipaddress.IPv6Interface)
    if isinstance(value, (*known, *more)) and not isinstance(value, bool):
        return str(value)
    raise TypeError("give a str")


def _strict_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("give a str")
    return _text(value)


def _bytes(value: object) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(cast("bytes", value))
    raise TypeError("give bytes")


def _json(value: object) -> str:
    """JSON; a str is one, unless it already is the text of something."""
    text = json.dumps(value, default=_json_default, allow_nan=False)
    if "\\u0000" in text:
        raise ValueError("Postgres' JSON holds no null character")
    return text


def _json_default(value: object) -> object:
    plain = _plain(value)
    if plain is not value:
        return plain
    if hasattr(value, "tolist"):
        return cast("Any", value).tolist()
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return float(value) if value != value.to_integral_value() else int(value)
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _date(value: object) -> tuple[int]:
    if isinstance(value, float) and math.isinf(value):
        return (2**31 - 1 if value > 0 else -(2**31),)
    if isinstance(value, str):
        value = _read(datetime.date.fromisoformat, value, "give a date, or a str such as '2020-01-31'")
    if isinstance(value, datetime.datetime):
        value = value.date()
    if isinstance(value, datetime.date):
        return (value.toordinal() - datetime.date(1970, 1, 1).toordinal() - DATE_EPOCH,)
    raise TypeError("give a date")


def _read(reader: Callable[[str], object], text: str, otherwise: str) -> object:
    try:
        return reader(text)
    except ValueError:
        raise ValueError(otherwise) from None


def _timestamp(value: object, type_name: str, zone: str) -> tuple[int]:
    if isinstance(value, float) and math.isinf(value):
        return (_FOREVER if value > 0 else -_FOREVER - 1,)
    try:
        if isinstance(value, str):
            value = datetime.datetime.fromisoformat(value)
    except ValueError:
        raise _misfit(value, type_name, "give a datetime, or a str such as '2020-01-31 12:00'") from None
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime.combine(value, datetime.time())
    if not isinstance(value, datetime.datetime):
        raise _misfit(value, type_name, "give a datetime")
    if type_name == "timestamp":
        if value.tzinfo is not None:
            raise _misfit(value, type_name, "it has a time zone, and the place has none")
        return ((value - _EPOCH) // datetime.timedelta(microseconds=1),)
    if value.tzinfo is None:
        # As the server does: what has no zone is meant in that of the session.
        value = value.replace(tzinfo=ZoneInfo(zone))
    return ((value - _EPOCH_UTC) // datetime.timedelta(microseconds=1),)


def _interval(value: object) -> tuple[int, int, int]:
    if isinstance(value, datetime.timedelta):
        return (0, value.days, value.seconds * 1_000_000 + value.microseconds)
    raise TypeError("give a timedelta")


def _time(value: object) -> tuple[int]:
    if isinstance(value, str):
        value = _read(datetime.time.fromisoformat, value, "give a time, or a str such as '12:00:00'")
    if not isinstance(value, datetime.time):
        raise TypeError("give a time")
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return (seconds * 1_000_000 + value.microsecond,)


def _time_with_zone(value: object) -> str:
    if not isinstance(value, (datetime.time, str)):
        raise TypeError("give a time")
    return str(value)


_CONVERTERS: Mapping[str, Callable[[object], object]] = MappingProxyType({
    **{f"int{size}": _integer(-(2 ** (8 * size - 1)), 2 ** (8 * size - 1) - 1) for size in (2, 4, 8)},
    "oid": _integer(0, 2**32 - 1),
    **dict.fromkeys(("float4", "float8"), _float),
    **dict.fromkeys(("text", "varchar", "bpchar", "name"), _strict_text),
    **dict.fromkeys(("json", "jsonb"), _json),
    "bool": _boolean,
    "bytea": _bytes,
    "date": _date,
    "interval": _interval,
    "numeric": _numeric,
    "time": _time,
    "timetz": _time_with_zone,
    "uuid": lambda value: value if isinstance(value, uuid.UUID) else uuid.UUID(_strict_text(value)),
})  # fmt: skip
