"""Notebook files: read with an id for every cell, given parameters, seen as a document, written whole."""

from __future__ import annotations

import hashlib
import keyword
import math
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, cast

import nbformat
from nbformat import NotebookNode, ValidationError, reader

from .cell import Cell, CellId, Mode
from .wire import TARGET, parse_mode

# Cells have had ids since nbformat 4.5.
_MAJOR, _MINOR = 4, 5
# The tag by which Jupyter's own tools keep a cell from being run.
_SKIPPED = "skip-execution"
# The tag by which nbval is told not to compare what a cell shows.
_UNCOMPARED = "nbval-ignore-output"
# The tags that say where a cell runs.
_PLACING = frozenset(("local", "remote"))
_PARAMETERS, _INJECTED = "parameters", "injected-parameters"


class NotANotebook(Exception):
    """The file cannot be read as a notebook, and why."""


class BadParameter(Exception):
    """A parameter cannot be set, and why."""


class NoSuchCell(Exception):
    """Somebody names a cell that is not there."""


def load(path: Path) -> NotebookNode:
    """The notebook in a file, in the current format."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotANotebook("there is no such file") from None
    except OSError as error:
        raise NotANotebook(error.strerror or str(error)) from None
    except UnicodeDecodeError:
        raise NotANotebook("it is not text in UTF-8, as notebooks are") from None
    if not text.strip():
        raise NotANotebook("the file is empty")
    if not text.lstrip().startswith("{"):
        raise NotANotebook("it is not a JSON object, as notebooks are")
    try:
        notebook = _current(reader.reads(text))
    except reader.NotJSONError:
        raise NotANotebook("it is not JSON, as notebooks are") from None
    except (AttributeError, KeyError, TypeError, ValueError, ValidationError) as error:
        raise NotANotebook(f"it is not a notebook: {error}") from None
    return with_ids(notebook)


def _current(notebook: NotebookNode) -> NotebookNode:
    if "nbformat" not in notebook:
        raise ValidationError("its JSON has no `nbformat`")
    had_ids = (notebook["nbformat"], notebook.get("nbformat_minor", 0)) >= (_MAJOR, _MINOR)
    converted = cast("NotebookNode", nbformat.convert(notebook, _MAJOR))
    for number, cell in enumerate(_checked(converted), 1):
        if not isinstance(cell.get("source"), str) or not isinstance(cell.get("cell_type"), str):
            raise ValidationError(f"its cell {number} has no `source` or no `cell_type`")
        cell.setdefault("metadata", NotebookNode())
        if not had_ids:
            cell.pop("id", None)
    return converted


def _checked(notebook: NotebookNode) -> Iterator[NotebookNode]:
    cells: object = notebook.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cast("list[object]", cells)):
        raise ValidationError("its JSON has no list of `cells`")
    yield from cast("list[NotebookNode]", cells)


def with_ids(notebook: NotebookNode) -> NotebookNode:
    """Give an id to every cell that has none, or has that of a cell above.

    The ids come from the text, so that a file without ids gets the same ones each time it is read.
    """
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells):
        identity: object = cell.get("id")
        if not isinstance(identity, str) or not identity or identity in seen:
            cell["id"] = identity = _fresh_id(cell.source, number, seen)
        seen.add(identity)
    notebook.setdefault("metadata", NotebookNode())
    notebook["nbformat_minor"] = max(notebook.get("nbformat_minor", 0), _MINOR)
    return notebook


def _fresh_id(source: str, number: int, taken: set[str]) -> str:
    while True:
        identity = hashlib.sha256(f"{number} {source}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
        if identity not in taken:
            return identity
        number += 1


def save(notebook: NotebookNode, path: Path) -> None:
    """Write the notebook, so that the file is at every moment either the old one or the new one."""
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            nbformat.write(notebook, file)
        if target.exists():
            shutil.copymode(target, name)
        else:
            umask = os.umask(0)
            os.umask(umask)
            Path(name).chmod(0o666 & ~umask)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


# The notebook as a document


def code_cells(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """The code cells and their places among all cells."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            yield index, cell


def tags(cell: NotebookNode) -> tuple[str, ...]:
    found: object = cell.metadata.get("tags")
    return tuple(str(tag) for tag in cast("list[object]", found)) if isinstance(found, list) else ()


def uncompared(cell: NotebookNode) -> str | None:
    """Why nobody wants to know whether the cell shows what it would show in a fresh run, if so."""
    if _UNCOMPARED in tags(cell):
        return f"it has the tag `{_UNCOMPARED}`"
    wanted = _own(cell).get("verify")
    if wanted is False:
        return "its metadata says so"
    return wanted if isinstance(wanted, str) else None


def marked(cell: NotebookNode) -> str | None:
    """How a running kernel that asks has marked the cell."""
    found = _own(cell).get("marked")
    return found if isinstance(found, str) else None


def document(notebook: NotebookNode) -> tuple[Cell, ...]:
    """The code cells as the kernel knows them."""
    cells = [cell for _, cell in code_cells(notebook)]
    return tuple(
        Cell(CellId(cell.id), cell.source, _mode(cell), frozenset(tags(cell)) & _PLACING) for cell in cells
    )


def _mode(cell: NotebookNode) -> Mode | None:
    if _SKIPPED in tags(cell):
        return Mode.OFF
    return parse_mode(_own(cell).get("mode"))


def _own(cell: NotebookNode) -> Mapping[str, object]:
    """What we keep in the cell's metadata."""
    found: object = cell.metadata.get(TARGET)
    return cast("Mapping[str, object]", found) if isinstance(found, Mapping) else {}


def cells_called(notebook: NotebookNode, words: Iterable[str]) -> tuple[CellId, ...]:
    """The code cells that people mean by an id, a number among the code cells, or a tag."""
    cells = [cell for _, cell in code_cells(notebook)]
    found: dict[CellId, None] = {}
    for word in words:
        several = [cell for cell in cells if cell.id == word]
        if not several and word.isdecimal() and 0 < int(word) <= len(cells):
            several = [cells[int(word) - 1]]
        several = several or [cell for cell in cells if word in tags(cell)]
        if not several:
            raise NoSuchCell(f"no code cell has the id, the number or the tag {word!r}")
        found |= dict.fromkeys(CellId(cell.id) for cell in several)
    return tuple(found)


# Parameters


def parameters_in(path: Path) -> dict[str, object]:
    """What a YAML file maps names to; JSON is YAML, too."""
    import yaml  # of this module's many users only this one needs it

    try:
        content: object = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadParameter(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadParameter(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BadParameter(f"{path} does not map names to values")
    return {str(name): value for name, value in cast("dict[object, object]", content).items()}


def set_parameters(notebook: NotebookNode, parameters: Mapping[str, object]) -> CellId:
    """Put a cell that sets the parameters where papermill puts it; answer its id."""
    for name in parameters:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise BadParameter(f"{name!r} is not a name that Python could give to a parameter")
    lines = ["# Parameters", *(f"{name} = {_literal(value)}" for name, value in parameters.items())]
    cell = nbformat.v4.new_code_cell(source="\n".join(lines))
    cell.metadata["tags"] = [_INJECTED]
    injected, defaults = _tagged(notebook, _INJECTED), _tagged(notebook, _PARAMETERS)
    if injected is not None:
        cell["id"] = notebook.cells[injected].id
        notebook.cells[injected] = cell
    else:
        place = 0 if defaults is None else defaults + 1
        cell["id"] = _fresh_id(_INJECTED, place, {other.id for other in notebook.cells})
        notebook.cells.insert(place, cell)
    return CellId(cell.id)


def _tagged(notebook: NotebookNode, tag: str) -> int | None:
    return next((index for index, cell in code_cells(notebook) if tag in tags(cell)), None)


def _literal(value: object) -> str:
    """Source text for the value; `repr` alone has none for `nan` and `inf`, nor for a date of YAML's."""
    if isinstance(value, date):
        return repr(value.isoformat())
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in items) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, cast("list[object]", value))) + "]"
    if isinstance(value, tuple):
        members = cast("tuple[Any, ...]", value)
        return "(" + "".join(f"{_literal(member)}, " for member in members).rstrip() + ")"
    return repr(value)
