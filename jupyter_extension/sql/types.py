"""Which types of Postgres become which columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

# Postgres counts days and microseconds from the year 2000, Arrow from 1970.
DATE_EPOCH = 10957
TIMESTAMP_EPOCH = DATE_EPOCH * 86_400_000_000


class Kind(str, Enum):
    """What the bytes of a field are."""

    BOOL = "bool"
    INT2 = "int2"
    INT4 = "int4"
    INT8 = "int8"
    OID = "oid"
    FLOAT4 = "float4"
    FLOAT8 = "float8"
    NUMERIC = "numeric"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    TIMESTAMPTZ = "timestamptz"
    INTERVAL = "interval"
    TEXT = "text"
    BYTES = "bytea"
    ARRAY = "array"
    # Any other type comes as the text that the server prints.
    PRINTED = "printed"


KINDS: Mapping[int, Kind] = MappingProxyType({
    16: Kind.BOOL, 17: Kind.BYTES, 19: Kind.TEXT, 20: Kind.INT8, 21: Kind.INT2, 23: Kind.INT4, 25: Kind.TEXT,
    26: Kind.OID, 114: Kind.TEXT, 700: Kind.FLOAT4, 701: Kind.FLOAT8, 705: Kind.TEXT, 1042: Kind.TEXT,
    1043: Kind.TEXT, 1082: Kind.DATE, 1083: Kind.TIME, 1114: Kind.TIMESTAMP, 1184: Kind.TIMESTAMPTZ,
    1186: Kind.INTERVAL, 1700: Kind.NUMERIC,
})  # fmt: skip

# Types of arrays, and the types of their elements.
ELEMENTS: Mapping[int, int] = MappingProxyType({
    1000: 16, 1001: 17, 1003: 19, 1016: 20, 1005: 21, 1007: 23, 1009: 25, 1028: 26, 199: 114, 1021: 700,
    1022: 701, 1014: 1042, 1015: 1043, 1182: 1082, 1183: 1083, 1115: 1114, 1185: 1184, 1187: 1186, 1231: 1700,
})  # fmt: skip

# How many bytes a value takes, where that is always the same.
WIDTHS: Mapping[Kind, int] = MappingProxyType({
    Kind.BOOL: 1, Kind.INT2: 2, Kind.INT4: 4, Kind.INT8: 8, Kind.OID: 4, Kind.FLOAT4: 4, Kind.FLOAT8: 8,
    Kind.DATE: 4, Kind.TIME: 8, Kind.TIMESTAMP: 8, Kind.TIMESTAMPTZ: 8, Kind.INTERVAL: 16,
})  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column of a result: its name, its type as Postgres calls it, and what its bytes are."""

    name: str
    type: str
    kind: Kind
    # Of arrays: what their elements are.
    element: Kind | None = None


def column(name: str, oid: int, type_name: str) -> Column:
    """How a column of this type is read."""
    if oid in ELEMENTS:
        return Column(name, type_name, Kind.ARRAY, KINDS[ELEMENTS[oid]])
    return Column(name, type_name, KINDS.get(oid, Kind.PRINTED))
