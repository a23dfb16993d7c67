"""Exporters for nbconvert that run the notebook first: `jupyter nbconvert --to reactive_html`."""

from typing import Any

from nbconvert.exporters import HTMLExporter, NotebookExporter, PythonExporter
from nbconvert.utils.exceptions import ConversionException
from nbformat import NotebookNode
from traitlets import Bool, Float
from traitlets.config import Configurable

# nbconvert's own word for it: a mapping that exporters hand on and add to.
Resources = dict[str, Any]


class Execution(Configurable):
    """Executes in dependency order what the exporter beside it then exports."""

    allow_errors = Bool(False, help="Export also when cells failed.").tag(config=True)
    timeout = Float(None, allow_none=True, help="Seconds that one cell may take.").tag(config=True)

    def executed(self, nb: NotebookNode, resources: Resources | None) -> NotebookNode:
        # nbconvert loads every exporter to list it; the engine is needed only to run one.
        from reactive_kernel.runner import CannotRun, execute_notebook

        directory: str = (resources or {}).get("metadata", {}).get("path", "")
        try:
            result = execute_notebook(nb, path=directory, timeout=self.timeout)
        except CannotRun as error:
            raise ConversionException(str(error)) from error
        problems = [result.stopped] if result.stopped else []
        if not self.allow_errors:
            problems += [str(failure) for failure in result.failed]
        if problems:
            raise ConversionException("\n".join(problems))
        return result.notebook


class ReactiveNotebookExporter(Execution, NotebookExporter):
    """`--to reactive_notebook`: the executed notebook."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: Resources | None = None, **kw: Any
    ) -> tuple[str, Resources]:
        return NotebookExporter.from_notebook_node(self, self.executed(nb, resources), resources, **kw)


class ReactiveHTMLExporter(Execution, HTMLExporter):
    """`--to reactive_html`: the executed notebook as a page."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: Resources | None = None, **kw: Any
    ) -> tuple[str, Resources]:
        return HTMLExporter.from_notebook_node(self, self.executed(nb, resources), resources, **kw)


class ReactiveScriptExporter(Execution, PythonExporter):
    """`--to reactive_script`: the code, once it is known to run."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: Resources | None = None, **kw: Any
    ) -> tuple[str, Resources]:
        return PythonExporter.from_notebook_node(self, self.executed(nb, resources), resources, **kw)
