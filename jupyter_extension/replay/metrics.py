"""What operators may watch, in Prometheus' text form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figures:
    """One kernel's."""

    kernel: str
    records: int
    bytes: int
    gaps: int
    memory: int
    disk: int
    clients: int
    lag: int
    unshared: int


SERIES = (
    ("records", "counter", "records_total", "Messages recorded."),
    ("bytes", "counter", "bytes_total", "Bytes recorded."),
    ("gaps", "counter", "gaps_total", "Times that records were thrown away."),
    ("memory", "gauge", "memory_bytes", "Bytes of records and outputs in memory."),
    ("disk", "gauge", "disk_bytes", "Bytes of records and outputs on disk."),
    ("clients", "gauge", "clients", "Clients of the stream."),
    ("lag", "gauge", "lag_records", "Records that the slowest client has yet to get."),
    ("unshared", "gauge", "unshared_records", "Records that the shared store has yet to get."),
)


def exposition(kernels: Iterable[Figures]) -> str:
    return "".join(f"{line}\n" for line in _lines(list(kernels)))


def _lines(kernels: list[Figures]) -> Iterator[str]:
    yield "# HELP reactive_kernels Kernels that are recorded."
    yield "# TYPE reactive_kernels gauge"
    yield f"reactive_kernels {len(kernels)}"
    for field, kind, name, meaning in SERIES:
        yield f"# HELP reactive_{name} {meaning}"
        yield f"# TYPE reactive_{name} {kind}"
        for figures in kernels:
            yield f'reactive_{name}{{kernel="{figures.kernel}"}} {getattr(figures, field)}'
