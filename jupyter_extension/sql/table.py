"""Shows a result as one MIME bundle: our own grid, static HTML, and text. Nothing in it is run."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from .arrow import Table, pa
from .types import Column, Kind

MIME = "application/vnd.jupyter-reactive.table+json"
# How many rows go into each form of a result.
_GRID, _HTML, _TEXT = 200, 100, 20
# How much of a value is shown where nobody can scroll in it.
_WIDTH = 200

_NUMBERS = frozenset({Kind.INT2, Kind.INT4, Kind.INT8, Kind.OID, Kind.FLOAT4, Kind.FLOAT8, Kind.NUMERIC})
_HEAD = '<table border="1" style="border-collapse:collapse">'
_RIGHT = ' style="text-align:right"'
_NULL = '<i style="opacity:.5">NULL</i>'

Texts: TypeAlias = list[str | None]


@dataclass(frozen=True)
class Shown:
    """What is to be said about a result, beside its rows."""

    id: str
    columns: tuple[Column, ...]
    rows: int
    summary: str
    notes: tuple[str, ...] = ()
    # There were more rows than were asked for.
    cut: bool = False
    # More rows are still on their way.
    coming: bool = False


def bundle(shown: Shown, table: Table) -> dict[str, object]:
    """The forms of a result, from the richest to the plainest."""
    part = table.slice(0, _HTML)
    texts = texts_of(part)
    return {
        MIME: {**_grid(shown, table), "texts": texts},
        "text/html": _html(shown, table.column_names, texts, part.num_rows),
        "text/plain": _text(shown, table.column_names, texts, part.num_rows),
    }


def _grid(shown: Shown, table: Table) -> dict[str, object]:
    first = table.slice(0, _GRID)
    fields = [
        {"name": field.name, "type": column.type, "arrow": str(field.type)}
        for field, column in zip(table.schema, shown.columns)
    ]
    return {
        "version": 1,
        "id": shown.id,
        "schema": fields,
        "rows": shown.rows,
        "first": first.num_rows,
        "cut": shown.cut,
        "coming": shown.coming,
        "summary": shown.summary,
        "notes": list(shown.notes),
        "arrow": base64.b64encode(stream(first)).decode("ascii"),
    }


def stream(table: Table) -> bytes:
    """A table as Arrow's own stream."""
    sink = pa.BufferOutputStream()
    # A slice would bring everything along that it was cut from.
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue().to_pybytes()


def texts_of(table: Table) -> list[Texts]:
    """The columns as people read them; None for NULL."""
    return [_texts(column) for column in table.columns]


def _said(shown: Shown, number: int) -> list[str]:
    """What was left out, and what else is to be said, in whole sentences."""
    said = [shown.summary]
    if shown.cut:
        said.append(f"The query has more rows; --limit left them out after {shown.rows:,}.")
    if number < shown.rows:
        said.append(f"Showing {number:,} of {shown.rows:,} rows.")
    return [*said, *shown.notes]


def _html(shown: Shown, names: Sequence[str], texts: Sequence[Texts], count: int) -> str:
    sides = [_RIGHT if column.kind in _NUMBERS else "" for column in shown.columns]
    row = f"<tr>{''.join(f'<td{side}>%s</td>' for side in sides)}</tr>"
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    # Row by row, with one format for all.
    rows = "".join([row % cells for cells in zip(*map(_escaped, texts))])
    said = "<br>".join(html.escape(each) for each in _said(shown, count))
    return f"{_HEAD}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table><small>{said}</small>"


def _escaped(texts: Texts) -> Texts:
    whole = "".join([text for text in texts if text is not None])
    if html.escape(whole) != whole:
        texts = [text if text is None else html.escape(text) for text in texts]
    return [_NULL if text is None else text for text in texts] if None in texts else texts


def _text(shown: Shown, names: Sequence[str], texts: Sequence[Texts], count: int) -> str:
    count = min(count, _TEXT)
    columns = [["NULL" if text is None else _one_line(text) for text in column[:count]] for column in texts]
    widths = [max(map(len, [name, *column])) for name, column in zip(names, columns)]
    lines = [_line(names, widths), "-+-".join("-" * width for width in widths)]
    lines += [_line(row, widths) for row in zip(*columns)]
    return "\n".join([*lines, *_said(shown, count)])


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    return " | ".join([text.ljust(width) for text, width in zip(texts, widths)]).rstrip()


def _one_line(text: str) -> str:
    return text.replace("\n", "⏎").replace("\t", " ")[: _WIDTH // 4]


def _texts(column: Table) -> Texts:
    """The values as texts, none of them endless. Python's own dates would end at the year 9999."""
    kind = column.type
    if pa.types.is_string(kind):
        return [_shortened(text) for text in column.to_pylist()]
    if kind in _CAST:
        return column.cast(pa.string()).to_pylist()
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        return _moments(column)
    if pa.types.is_decimal(kind):
        # Arrow writes very small numbers with an exponent.
        texts = column.cast(pa.string()).to_pylist()
        return [format(Decimal(text), "f") if text and "E" in text else text for text in texts]
    return [_shortened(_printed(value)) for value in column.to_pylist()]


_CAST = frozenset({pa.bool_(), pa.int16(), pa.int32(), pa.int64(), pa.uint32(), pa.float32(), pa.float64()})


def _moments(column: Table) -> Texts:
    """Times and dates; those of whole seconds need not say so."""
    kind, zone = column.type, ""
    if pa.types.is_timestamp(kind) and kind.tz == "UTC":
        # Arrow looks the zone up for each of them.
        column, zone = column.cast(pa.timestamp(kind.unit)), "Z"
    nothing = f".{'0' * _DIGITS[kind.unit]}" if hasattr(kind, "unit") else "."
    texts = column.cast(pa.string()).to_pylist()
    return [text if text is None else text.removesuffix(nothing) + zone for text in texts]


_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def _printed(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return "\\x" + value[:_WIDTH].hex()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _shortened(text: str | None) -> str | None:
    return text if text is None or len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
