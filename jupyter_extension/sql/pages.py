"""Serves what a front end asks of a shown table: pages, order, filters, summaries, files; no new query."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pyarrow.compute

from .arrow import Table, pa
from .table import stream, texts_of

# How many results are kept for those who want to turn their pages.
_KEPT = 32
_MOST = 10_000
_FREQUENT = 10

pc: Any = pyarrow.compute


class Nonsense(Exception):
    """A request that cannot be answered; says why."""


class Tables:
    """The results that can still be asked for, the oldest forgotten first."""

    def __init__(self) -> None:
        self._tables: OrderedDict[str, Table] = OrderedDict()

    def keep(self, name: str, table: Table) -> None:
        self._tables[name] = table
        while len(self._tables) > _KEPT:
            self._tables.popitem(last=False)

    def answer(self, request: Mapping[str, object]) -> tuple[dict[str, object], list[bytes]]:
        """The answer to a message, and the bytes that go with it."""
        operation = request.get("op")
        name = str(request.get("id"))
        table = self._tables.get(name)
        head: dict[str, object] = {"op": operation, "id": name}
        if table is None:
            raise Nonsense("This result is no longer in memory; run its cell again.")
        if operation == "summary":
            return head | summary(filtered(table, request.get("filter")), str(request.get("column"))), []
        chosen = ordered(filtered(table, request.get("filter")), request.get("sort"))
        if operation == "page":
            start, count = _number(request, "start"), min(_number(request, "count"), _MOST)
            page = chosen.slice(start, count)
            found = head | {"start": start, "count": page.num_rows, "rows": chosen.num_rows}
            if request.get("as") == "texts":
                return found | {"texts": texts_of(page)}, []
            return found, [stream(page)]
        if operation == "export":
            form = str(request.get("format"))
            return head | {"format": form}, [exported(chosen, form)]
        raise Nonsense(f"{operation!r} is not known; there are page, summary and export.")


def _number(request: Mapping[str, object], name: str) -> int:
    value = request.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Nonsense(f"`{name}` is a number of rows, not {value!r}.")
    return value


def _column(table: Table, name: object) -> Any:
    if name not in table.column_names:
        raise Nonsense(f"There is no column {name!r}.")
    return table[name]


def _listed(value: object) -> list[Mapping[str, object]]:
    if value is None:
        return []
    items = cast("Sequence[object]", value) if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in items):
        raise Nonsense("`sort` and `filter` are lists of objects.")
    return cast("list[Mapping[str, object]]", list(items))


def ordered(table: Table, sort: object) -> Table:
    """The rows in another order; NULLs last."""
    keys = [
        (str(each.get("column")), "descending" if each.get("descending") else "ascending")
        for each in _listed(sort)
    ]
    for name, _ in keys:
        _column(table, name)
    return table.take(pc.sort_indices(table, sort_keys=keys)) if keys else table


def filtered(table: Table, conditions: object) -> Table:
    """The rows that meet every condition."""
    for each in _listed(conditions):
        column = _column(table, each.get("column"))
        table = table.filter(_mask(column, str(each.get("is")), each.get("value")))
    return table


def _mask(column: Any, relation: str, value: object) -> Any:
    if relation in ("null", "not null"):
        mask = pc.is_null(column)
        return mask if relation == "null" else pc.invert(mask)
    if relation == "contains":
        return pc.match_substring(column.cast(pa.string()), str(value), ignore_case=True)
    compare = _COMPARISONS.get(relation)
    if compare is None:
        raise Nonsense(f"{relation!r} is no condition; there are {', '.join([*_COMPARISONS, 'contains'])}.")
    try:
        return compare(column, pa.scalar(str(value)).cast(column.type))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Nonsense(f"{value!r} cannot be compared with this column: {error}") from None


_COMPARISONS: Mapping[str, Any] = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


def summary(table: Table, name: str) -> dict[str, object]:
    """What is in a column: how many, how many different ones, the least, the greatest, the most frequent."""
    column = _column(table, name)
    found: dict[str, object] = {"column": name, "rows": len(column), "nulls": column.null_count}
    try:
        counts = pc.value_counts(column)
        found["distinct"] = len(counts)
        order = pc.sort_indices(counts.field("counts"), sort_keys=[("", "descending")])[:_FREQUENT]
        most = counts.take(order).to_pylist()
        found["frequent"] = [{"value": _said(each["values"]), "count": each["counts"]} for each in most]
        ends = pc.min_max(column).as_py()
        found |= {"min": _said(ends["min"]), "max": _said(ends["max"])}
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        # Lists, intervals: nobody orders them.
        pass
    return found


def _said(value: object) -> str | None:
    return None if value is None else str(value)


def exported(table: Table, form: str) -> bytes:
    """The rows as a file."""
    sink = pa.BufferOutputStream()
    if form == "csv":
        from pyarrow import csv  # seldom wanted

        flat = [column if _flat(column.type) else _as_text(column) for column in table.columns]
        csv.write_csv(pa.table(flat, names=table.column_names), sink)
    elif form == "parquet":
        from pyarrow import parquet  # seldom wanted, and takes long to import

        cast("Any", parquet).write_table(table, sink)
    else:
        raise Nonsense(f"{form!r} is no format; there are csv and parquet.")
    return sink.getvalue().to_pybytes()


def _flat(kind: Any) -> bool:
    return not (pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_interval(kind))


def _as_text(column: Any) -> Any:
    return pa.array([_said(value) for value in column.to_pylist()], pa.string())
