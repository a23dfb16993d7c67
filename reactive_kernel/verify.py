"""Compares what a cell shows with what a fresh run shows, and says in words what is different.

Two runs of one program differ in what says nothing of it: addresses, timings, execution counts, the order
of a set of strings, the names that libraries give to parts of a picture. All of that is taken out first.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import html
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from .fixed import fixed

# Set in a process that a notebook is run afresh in: what verifies must not verify itself.
MARK = "REACTIVE_VERIFYING"

# An output as nbformat stores it.
Output = Mapping[str, Any]

_PICTURE = "the picture"
# Of a difference so many lines are shown, and of a line so many characters.
_LINES, _WIDTH = 40, 300

# What the kernel answers for a cell that cannot run: a fresh run does not run it either.
_BLOCKED = "Blocked:"
_TEXTS = ("text/markdown", "text/latex", "text/html")
# What holds nothing but references into a session.
_UNCOMPARED = ("application/vnd.jupyter.widget-view+json", "application/vnd.jupyter-reactive.table+json")
_UNCOMPARED_KINDS = ("application/javascript", "application/vnd.bokehjs")


@fixed
class Change:
    """How two runs of a cell differ: in words, and line by line."""

    words: tuple[str, ...]
    diff: tuple[str, ...] = ()


def compare(now: Sequence[Output], fresh: Sequence[Output]) -> Change | None:
    """What is different between what a cell shows now and what a fresh run of it shows."""
    old, new = _seen(now), _seen(fresh)
    if old == new:
        return None
    words = list(_of_errors(old.error, new.error))
    diff = tuple(_diff(old.lines, new.lines))
    if diff and not words:
        words = ["shows something else in a fresh run"]
    # Where its text differs, an object's other shapes do, too.
    told = (each for each in _of_others(old.others, new.others) if not diff or each.startswith(_PICTURE))
    return Change((*words, *told) if old.error == new.error else tuple(words), diff)


def _of_errors(old: str | None, new: str | None) -> Iterator[str]:
    if new is not None and new != old:
        yield f"fails in a fresh run ({new})"
    elif old is not None and new is None:
        yield f"does not fail in a fresh run, as it does here ({old})"


def _of_others(old: Sequence[_Other], new: Sequence[_Other]) -> Iterator[str]:
    """Words for what is no text; of each kind only the first difference is told."""
    before, after = Counter(each.what for each in old), Counter(each.what for each in new)
    for what in before | after:
        if before[what] > after[what]:
            yield f"{what} is missing in a fresh run"
        elif before[what] < after[what]:
            yield f"{what} is there only in a fresh run"
        elif [each for each in old if each.what == what] != [each for each in new if each.what == what]:
            yield f"{what} differs"


def _diff(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    lines = list(difflib.unified_diff(old, new, "shown now", "a fresh run", n=2, lineterm=""))
    yield from (line if len(line) <= _WIDTH else f"{line[:_WIDTH]}…" for line in lines[:_LINES])
    if len(lines) > _LINES:
        yield f"… and {len(lines) - _LINES} more lines"


# What can be compared of what a cell shows


@fixed
class _Other:
    """A part that is no text: what people call it, and something that equals that of the same part."""

    what: str
    token: object


@fixed
class _Seen:
    lines: tuple[str, ...]
    error: str | None
    others: tuple[_Other, ...]


def _seen(outputs: Sequence[Output]) -> _Seen:
    """What people see. Printed text comes first, by stream: how streams mix depends on the time of day."""
    lines: list[str] = []
    for name in ("stdout", "stderr"):
        texts = [_text(each["text"]) for each in outputs if _is_stream(each, name)]
        lines += _lines(_folded("".join(texts)))
    error: str | None = None
    others: list[_Other] = []
    for output in outputs:
        if output["output_type"] == "error":
            error = alike(f"{output['ename']}: {output['evalue']}".rstrip(": "))
        elif output["output_type"] != "stream":
            bundle = cast("Mapping[str, object]", output["data"])
            lines += _lines(_words_of(bundle))
            others += _others(bundle)
    return _Seen(tuple(lines), error, tuple(others))


def _is_stream(output: Output, name: str) -> bool:
    return output["output_type"] == "stream" and output.get("name", "stdout") == name


def _text(value: object) -> str:
    return "".join(cast("Iterable[str]", value)) if isinstance(value, list) else str(value)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in alike(text).rstrip("\n").split("\n")] if text.strip() else []


def _folded(text: str) -> str:
    """What a terminal shows of lines that a carriage return has written anew."""
    if "\r" not in text:
        return text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


_OPAQUE = re.compile(r"<[^<>\n]*(?: object| at 0x[0-9a-fA-F]+)>|<Figure size .*>")


def _words_of(bundle: Mapping[str, object]) -> str:
    """A displayed object's text: its plain one, or another if that names nothing but the object."""
    plain = _text(bundle.get("text/plain", ""))
    if plain and not _OPAQUE.fullmatch(plain.strip()):
        return plain
    kind = next((kind for kind in _TEXTS if kind in bundle), None)
    if kind is None:
        return plain
    text = _text(bundle[kind])
    return _without_tags(text) if kind == "text/html" else text


def _without_tags(text: str) -> str:
    text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", "", text)
    lines = (line.strip() for line in html.unescape(re.sub(r"<[^>]*>", "\n", text)).split("\n"))
    return "\n".join(line for line in lines if line)


def _others(bundle: Mapping[str, object]) -> Iterator[_Other]:
    for kind, value in sorted(bundle.items()):
        if kind == "text/plain" or kind in _UNCOMPARED or kind.startswith(_UNCOMPARED_KINDS):
            continue
        if kind == "image/svg+xml":
            yield _Other(_PICTURE, _of_svg(_text(value)))
        elif kind.startswith("image/"):
            yield _Other(_PICTURE, _of_picture(_text(value)))
        elif kind == "text/html":
            yield _Other("its HTML", _of_html(_text(value)))
        elif kind.startswith("text/"):
            yield _Other(f"its {kind.partition('/')[2]}", alike(_text(value)))
        else:
            yield _Other(f"its `{kind}`", alike(json.dumps(value, sort_keys=True, default=str)))


_UUID = re.compile(r"\b[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\b")
# How pandas' styler, scikit-learn and others number the elements that they make.
_NUMBERED = re.compile(r"\bT_[0-9a-f]{5,}|\bsk-(?:container-id|estimator-id)-\d+")


def _of_html(text: str) -> str:
    return alike(_NUMBERED.sub("…", _UUID.sub("…", text)))


# matplotlib names its parts by chance, and writes the date.
_NAMED_BY_CHANCE = re.compile(r"\b[a-z][0-9a-f]{10}\b|<dc:date>.*?</dc:date>", re.DOTALL)


def _of_svg(text: str) -> str:
    return _NAMED_BY_CHANCE.sub("…", _UUID.sub("…", text))


_PNG = b"\x89PNG\r\n\x1a\n"


def _of_picture(text: str) -> object:
    """The pixels of a PNG without the words that a library writes beside them; else the bytes."""
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
        return tuple(_pixels(content)) if content.startswith(_PNG) else content
    except (binascii.Error, ValueError, zlib.error):
        return text


def _pixels(png: bytes) -> Iterator[bytes]:
    packed: list[bytes] = []
    at = len(_PNG)
    while at + 8 <= len(png):
        length, kind = int.from_bytes(png[at : at + 4], "big"), png[at + 4 : at + 8]
        chunk = png[at + 8 : at + 8 + length]
        if kind == b"IDAT":
            packed.append(chunk)
        elif kind in (b"IHDR", b"PLTE", b"tRNS"):
            yield chunk
        at += length + 12
    yield zlib.decompress(b"".join(packed))


# Text that says nothing of the program


def _sorted_set(found: re.Match[str]) -> str:
    return "{" + ", ".join(sorted(re.findall(_QUOTED, found[0]))) + "}"


_QUOTED = r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*\""""
_DURATION = r"[\d.,]+ ?(?:ns|[µμu]s|ms|s|min|h)\b"
_ALIKE: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\x1b\[[0-9;?]*[A-Za-z]"), ""),
    (re.compile(r"\bat 0x[0-9a-fA-F]+"), "at 0x…"),
    (re.compile(r"\bdisplay_id=[0-9a-f]{32}\b"), "display_id=…"),
    (re.compile(r"[^\s:]*ipykernel_\d+[/\\]\d+\.py|<ipython-input-[^>]*>"), "<cell>"),
    (re.compile(r"\b(Cell )?In ?\[\d+\]"), "In […]"),
    # %%time, %timeit.
    (re.compile(r"(?m)^(CPU times|Wall time|Compiler *|Parser *):.*$"), r"\1: …"),
    (re.compile(rf"(?m)^{_DURATION} ± .* per loop .*$"), "… per loop"),
    (re.compile(rf"(?m)^\d+ loops?, best of \d+: {_DURATION} per loop$"), "… per loop"),
    (re.compile(r"(?m)^The slowest run took .*\n|^This could mean that an intermediate .*\n"), ""),
    # Progress bars.
    (re.compile(r"\[\d[\d:]*<[\d:?]+, [^\]\n]*\]"), "[…]"),
    # Strings hash differently in every process.
    (re.compile(rf"\{{(?:{_QUOTED})(?:, (?:{_QUOTED}))+\}}"), _sorted_set),
)


def alike(text: str) -> str:
    """The text without what differs between two runs of one program."""
    for pattern, instead in _ALIKE:
        text = pattern.sub(instead, text)
    return text


# The whole notebook


@fixed
class Difference:
    """A cell that shows something else than a fresh run: how people call it, what is different."""

    called: str
    words: str
    diff: tuple[str, ...] = ()
    # What the kernel that asks says of the cell.
    marked: str | None = None

    def __str__(self) -> str:
        marked = f", marked {self.marked}," if self.marked is not None else ""
        end = ":" if self.diff else "."
        heading = f"{self.called}{marked} {self.words.rstrip('.')}{end}"
        return "\n".join([heading, *(f"  {line}" for line in self.diff)])


@fixed
class Verdict:
    """What came of the comparison."""

    differences: tuple[Difference, ...]
    compared: int
    notes: tuple[str, ...] = ()

    def summary(self, notebook: str) -> str:
        cells = "1 cell" if self.compared == 1 else f"{self.compared} cells"
        count = len(self.differences)
        if not count:
            verb = "shows" if self.compared == 1 else "show"
            return f"{notebook}: {cells} {verb} what a fresh run shows."
        verb = "differs" if count == 1 else "differ"
        return f"{notebook}: {count} of {cells} {verb} from a fresh run."


def difference(
    called: str, now: Sequence[Output], fresh: Sequence[Output] | str, *, ran: bool
) -> Difference | None:
    """How a cell differs from its fresh run, or from why there was none; did the cell ever run here?"""
    if isinstance(fresh, str):
        return _without_run(called, _seen(now), fresh)
    change = compare(now, fresh)
    if change is None:
        return None
    words = "; ".join(change.words)
    return Difference(called, words if ran else f"has not run here; it {words}", change.diff)


def _without_run(called: str, now: _Seen, why: str) -> Difference | None:
    if now == _seen(()) or (now.error or "").startswith(_BLOCKED):
        return None
    return Difference(called, f"does not run in a fresh run: {why}", tuple(_diff(now.lines, ())))
