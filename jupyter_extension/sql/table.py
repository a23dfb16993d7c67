"""Shows a result as one MIME bundle: our own grid, static HTML, and text. Nothing in it is run."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

from .arrow import Table, pa
from .types import Column, Kind

MIME = "application/vnd.jupyter-reactive.table+json"
# How many rows go into each form of a result.
_GRID, _HTML, _TEXT = 500, 100, 20
# How much of a value is shown where nobody can scroll in it.
_WIDTH = 200

_NUMBERS = frozenset({Kind.INT2, Kind.INT4, Kind.INT8, Kind.OID, Kind.FLOAT4, Kind.FLOAT8, Kind.NUMERIC})
_CELL = "padding:2px 8px;text-align:"
_HEAD = '<table border="1" style="border-collapse:collapse;font-size:12px">'


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
    return {
        MIME: _grid(shown, table),
        "text/html": _html(shown, table),
        "text/plain": _text(shown, table),
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


def _said(shown: Shown, number: int) -> list[str]:
    """What was left out, and what else is to be said, in whole sentences."""
    said = [shown.summary]
    if shown.cut:
        said.append(f"The query has more rows; --limit left them out after {shown.rows:,}.")
    if number < shown.rows:
        said.append(f"Showing {number:,} of {shown.rows:,} rows.")
    return [*said, *shown.notes]


def _html(shown: Shown, table: Table) -> str:
    part = table.slice(0, _HTML)
    sides = ["right" if column.kind in _NUMBERS else "left" for column in shown.columns]
    head = "".join(f"<th>{html.escape(name)}</th>" for name in table.column_names)
    opens = [f'<td style="{_CELL}{side}">' for side in sides]
    rows = [
        "<tr>" + "".join(f"{begin}{text}</td>" for begin, text in zip(opens, row)) + "</tr>"
        for row in zip(*([_escaped(text) for text in column] for column in _columns(part)))
    ]
    said = "<br>".join(html.escape(each) for each in _said(shown, part.num_rows))
    body = f"{_HEAD}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'{body}<div style="font-size:11px;opacity:.7">{said}</div>'


def _escaped(text: str | None) -> str:
    return '<i style="opacity:.5">NULL</i>' if text is None else html.escape(text)


def _text(shown: Shown, table: Table) -> str:
    part = table.slice(0, _TEXT)
    columns = [["NULL" if text is None else _one_line(text) for text in column] for column in _columns(part)]
    widths = [max(map(len, [name, *column])) for name, column in zip(table.column_names, columns)]
    lines = [_line(table.column_names, widths), "-+-".join("-" * width for width in widths)]
    lines += [_line(row, widths) for row in zip(*columns)]
    return "\n".join([*lines, *_said(shown, part.num_rows)])


def _line(texts: Sequence[str], widths: Sequence[int]) -> str:
    return " | ".join(text.ljust(width) for text, width in zip(texts, widths)).rstrip()


def _one_line(text: str) -> str:
    return text.replace("\n", "⏎").replace("\t", " ")[: _WIDTH // 4]


def _columns(part: Table) -> list[list[str | None]]:
    return [[_printed(value) for value in _values(column)] for column in part.columns]


def _values(column: Table) -> list[object]:
    kind = column.type
    if pa.types.is_temporal(kind) and not pa.types.is_interval(kind):
        # Python's own dates end at the year 9999, and begin with 1.
        return column.cast(pa.string()).to_pylist()
    return column.to_pylist()


def _printed(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        text = "\\x" + value[:_WIDTH].hex()
    else:
        text = format(value, "f") if type(value).__name__ == "Decimal" else str(value)
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
