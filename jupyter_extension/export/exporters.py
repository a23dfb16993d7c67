"""The exporters: the engine's run before what nbconvert does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jinja2 import pass_context
from nbconvert.exporters import HTMLExporter, NotebookExporter, PythonExporter
from nbconvert.filters.markdown_mistune import MarkdownWithMath
from nbconvert.preprocessors import ExecutePreprocessor
from nbconvert.utils.exceptions import ConversionException
from nbformat import NotebookNode
from traitlets import Bool, Float, Unicode, default
from traitlets.config import Configurable

if TYPE_CHECKING:
    from reactive_kernel.runner import Result

# nbconvert's own word for it: a mapping that exporters hand on and add to.
Resources = dict[str, Any]


class Execution(Configurable):
    """Executes in dependency order what the exporter beside it then exports."""

    allow_errors = Bool(help="Export also when cells failed (--allow-errors).").tag(config=True)
    timeout = Float(allow_none=True, help="Seconds that one cell may take.").tag(config=True)
    kernel_name = Unicode(help="A reactive kernel of another name.").tag(config=True)

    # What users know from `--execute` holds here, too.

    @default("allow_errors")
    def _default_allow_errors(self) -> bool:
        return bool(self._known("allow_errors", default=False))

    @default("timeout")
    def _default_timeout(self) -> float | None:
        seconds = self._known("timeout", default=None)
        return None if seconds is None or float(seconds) < 0 else float(seconds)

    @default("kernel_name")
    def _default_kernel_name(self) -> str:
        return str(self._known("kernel_name", default=""))

    def _known(self, option: str, *, default: Any) -> Any:
        return cast("Any", self.config).ExecutePreprocessor.get(option, default)

    def _executed(self, nb: NotebookNode, resources: Resources | None) -> Result:
        # nbconvert loads every exporter to list it; the engine is needed only to run one.
        from reactive_kernel.progress import progress
        from reactive_kernel.runner import CannotRun, execute_notebook

        directory: str = (resources or {}).get("metadata", {}).get("path", "")
        try:
            with progress() as told:
                result = execute_notebook(
                    nb, path=directory, timeout=self.timeout, kernel=self.kernel_name or None, progress=told
                )
        except CannotRun as error:
            raise ConversionException(str(error)) from error
        problems = [result.stopped] if result.stopped else []
        if not self.allow_errors:
            problems += [str(failure) for failure in result.failed]
        if problems:
            raise ConversionException("\n".join(problems))
        return result

    def register_preprocessor(self, preprocessor: Any, enabled: bool = False) -> Any:  # noqa: FBT001, FBT002  # as nbconvert has it
        """With `--execute` nothing is run a second time, from top to bottom."""
        if isinstance(preprocessor, str) and preprocessor.endswith(".ExecutePreprocessor"):
            return None
        if isinstance(preprocessor, type) and issubclass(preprocessor, ExecutePreprocessor):
            return None
        exporter: Any = super()  # it stands beside one
        return exporter.register_preprocessor(preprocessor, enabled)


class ReactiveNotebookExporter(Execution, NotebookExporter):
    """`--to reactive_notebook`: the executed notebook."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: Resources | None = None, **kw: Any
    ) -> tuple[str, Resources]:
        result = self._executed(nb, resources)
        return NotebookExporter.from_notebook_node(self, result.notebook, resources, **kw)


class ReactiveHTMLExporter(Execution, HTMLExporter):
    """`--to reactive_html`: the executed notebook as a page that says how its cells hang together."""

    @default("template_name")
    def _template_name_default(self) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]  # theirs is untyped
        return "reactive"

    @default("extra_template_basedirs")
    def _default_extra_template_basedirs(self) -> list[str]:
        own: list[str] = super()._default_extra_template_basedirs()
        return [*own, str(Path(__file__).parent / "templates")]

    @default("embed_images")
    def _default_embed_images(self) -> bool:
        return True

    def default_filters(self) -> Iterator[Any]:  # pyright: ignore[reportIncompatibleMethodOverride]  # theirs is untyped
        from . import mathml  # its parser is needed only where there is something to export

        yield from super().default_filters()
        yield "latex2mathml", mathml.of_output

    @pass_context
    def markdown2html(self, context: Any, source: str) -> str:
        """As nbconvert does it, with formulas that need no script."""
        from . import mathml

        renderer = mathml.Renderer(
            escape=False,
            attachments=context.get("cell", {}).get("attachments", {}),
            embed_images=self.embed_images,
            path=context.get("resources", {}).get("metadata", {}).get("path", ""),
            anchor_link_text=self.anchor_link_text,
            exclude_anchor_links=self.exclude_anchor_links,
        )
        return MarkdownWithMath(renderer=renderer).render(source)

    def from_notebook_node(
        self, nb: NotebookNode, resources: Resources | None = None, **kw: Any
    ) -> tuple[str, Resources]:
        from .page import page_of

        result = self._executed(nb, resources)
        told = {
            "reactive": page_of(result, dark=self.theme == "dark"),
            "reactive_scripts": _needs_scripts(result.notebook),
        }
        return HTMLExporter.from_notebook_node(self, result.notebook, {**(resources or {}), **told}, **kw)


def _needs_scripts(notebook: NotebookNode) -> bool:
    """Does anything that a cell shows bring a script?"""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            bundle = output.get("data", {})
            if any("javascript" in kind or "widget-view" in kind for kind in bundle):
                return True
            if "<script" in str(bundle.get("text/html", "")):
                return True
    return False


class ReactiveScriptExporter(Execution, PythonExporter):
    """`--to reactive_script`: the code as plain Python, once it is known to run, in an order that runs."""

    def from_notebook_node(
        self, nb: NotebookNode, resources: Resources | None = None, **kw: Any
    ) -> tuple[str, Resources]:
        from .script import script_of

        result = self._executed(nb, resources)
        _, resources = PythonExporter.from_notebook_node(self, result.notebook, resources, **kw)
        return script_of(result), resources
