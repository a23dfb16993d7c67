"""Lines in one piece of bytes, and out of it again."""

from __future__ import annotations

from array import array


def packed(lines: list[bytes]) -> bytes:
    lengths = array("Q", [len(lines), *map(len, lines)])
    return b"".join([lengths.tobytes(), *lines])


def unpacked(piece: bytes) -> list[bytes]:
    count = array("Q", piece[:8])[0]
    lengths = array("Q", piece[8 : 8 * (count + 1)])
    lines: list[bytes] = []
    start = 8 * (count + 1)
    for length in lengths:
        lines.append(piece[start : start + length])
        start += length
    return lines
