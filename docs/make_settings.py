"""Prints docs/settings.md from the code: `python docs/make_settings.py > docs/settings.md`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

from traitlets import HasTraits, TraitType

from jupyter_extension.app import ReplayApp
from jupyter_extension.export.exporters import Execution, ReactiveHTMLExporter
from reactive_kernel.kernel import ReactiveKernel

OURS = ("jupyter_extension", "reactive_kernel")
SCHEMA = Path(__file__).parents[1] / "labextension" / "schema" / "plugin.json"

HEAD = """\
# Settings

Made from the code by `python docs/make_settings.py`; a test compares.

## JupyterLab and Notebook 7
*Settings → Settings Editor → Reactive notebooks*, or the JSON of the plugin `jupyter-reactive:plugin`.
"""

KERNEL = """\
## The kernel
In `ipython_kernel_config.py` (`ipython profile create` makes one), for instance `c.ReactiveKernel.version_memory = 2**30`.
"""

SERVER = """\
## The server
In `jupyter_server_config.py` (`c.ReplayApp.memory_limit = 2**24`) or on the command line (`--ReplayApp.memory_limit=16777216`).
"""

EXPORTS = """\
## Exports
For each of the exporters `ReactiveNotebookExporter`, `ReactiveHTMLExporter` and `ReactiveScriptExporter`, in
`jupyter_nbconvert_config.py` or on the command line of `jupyter nbconvert`.
"""

METADATA = """\
## In the notebook
| metadata | meaning |
|---|---|
| cell: `"reactive": {"mode": "auto"}` | runs when what it reads has changed (the default, but for cells that change a database) |
| cell: `"reactive": {"mode": "manual"}` | goes stale, and runs only when somebody runs it |
| cell: `"reactive": {"mode": "off"}` | never runs; what depends on it is blocked |
| cell: `"reactive": {"verify": false}`, or the tag `nbval-ignore-output` | its output is not compared by `verify` |
| cell: the tags `remote` and `local` | may run, or must not run, on a [cluster](scale.md) |
| cell: the tag `parameters` | `jupyter reactive run -p name=value` sets names after it |

## The environment
| variable | meaning |
|---|---|
| `REACTIVE_DATABASE_URL`, else `DATABASE_URL`, else `PGHOST`, `PGUSER` and the other variables of Postgres | where SQL cells connect to; with none of them a Postgres of your own starts |
| `REACTIVE_POSTGRES_DIR` | where the embedded Postgres keeps its data; else below Jupyter's data directory |
"""


class Property(TypedDict):
    title: str
    description: str
    type: str
    default: object


def page() -> str:
    parts = [HEAD, settings(), KERNEL, traits(ReactiveKernel), SERVER, traits(ReplayApp), EXPORTS]
    parts += [traits(Execution, ReactiveHTMLExporter), METADATA]
    return "\n".join(parts)


def settings() -> str:
    properties: dict[str, Property] = json.loads(SCHEMA.read_text("utf-8"))["properties"]
    rows = (
        (f"`{name}`", f"`{json.dumps(each['default'])}`", f"**{each['title']}.** {each['description']}")
        for name, each in properties.items()
    )
    return table(("setting", "default", "meaning"), rows)


def traits(owner: type[HasTraits], called: type[HasTraits] | None = None) -> str:
    """The options of a class that are ours; `called`: the class that users name."""
    found: dict[str, TraitType[Any, Any]] = owner.class_traits(config=True)
    rows = (
        (f"`{(called or owner).__name__}.{name}`", f"`{trait.default_value_repr()}`", str(trait.help))
        for name, trait in sorted(found.items())
        if str(trait.this_class.__module__).partition(".")[0] in OURS
    )
    return table(("option", "default", "meaning"), rows)


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
