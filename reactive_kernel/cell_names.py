"""ipykernel's names of cells in tracebacks, worked out twice as fast: for long cells that shows."""

from __future__ import annotations

from struct import unpack
from typing import Final

from ipykernel import compiler

_FACTOR: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF


def murmur2(text: str, seed: int) -> int:
    """The hash that debuggers know cells by, as `ipykernel.compiler.murmur2_x86` has it."""
    data = text.encode()
    found, whole = seed ^ len(data), len(data) & ~3
    for word in unpack(f"<{whole >> 2}I", data[:whole]):
        mixed = word * _FACTOR & _WORD
        found = (found * _FACTOR & _WORD) ^ ((mixed ^ mixed >> 24) * _FACTOR & _WORD)
    if rest := data[whole:]:
        found = (found ^ int.from_bytes(rest, "little")) * _FACTOR & _WORD
    found = (found ^ found >> 13) * _FACTOR & _WORD
    return found ^ found >> 15


def name_fast() -> None:
    """From now on cells are named so."""
    compiler.murmur2_x86 = murmur2
