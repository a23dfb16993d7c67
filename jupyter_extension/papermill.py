"""papermill's engine `reactive`: each cell runs after those that it needs, and shows its last run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, cast

from nbformat import NotebookNode
from traitlets import Any as AnyTrait
from traitlets import Bool

from reactive_kernel.client import ReactiveNotebookClient
from reactive_kernel.runner import Message

# What papermill hands on to engines, and is not for the client.
_OTHERS = ("input_path", "timeout", "startup_timeout")


def _inherited(name: str) -> Any:
    """A class method of papermill's engines."""

    def call(cls: type, *arguments: Any, **named: Any) -> Any:
        from papermill.engines import Engine

        return getattr(Engine, name).__func__(cls, *arguments, **named)

    return cast("Any", classmethod(call))


class ReactiveEngine:
    """`papermill --engine reactive`.

    Nothing of papermill is imported with this module: papermill, as soon as it is, looks for the engine here.
    """

    execute_notebook = _inherited("execute_notebook")
    nb_kernel_name = _inherited("nb_kernel_name")
    nb_language = _inherited("nb_language")

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,  # noqa: FBT001, FBT002  # as papermill calls it
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        **kwargs: Any,
    ) -> NotebookNode:
        """Run the notebook, and have papermill's own manager keep account of it."""
        options = {name: value for name, value in kwargs.items() if name not in _OTHERS}
        client = _Client(
            nb_man,
            kernel_name=kernel_name,
            timeout=execution_timeout or kwargs.get("timeout"),
            startup_timeout=start_timeout,
            log_output=log_output,
            log=logging.getLogger("papermill"),
            **options,
        )
        return client.execute()


class _Client(ReactiveNotebookClient):
    """Tells papermill's manager of each cell, and logs outputs as papermill's own client does."""

    log_output = Bool(False)
    stdout_file: Any = AnyTrait(None)
    stderr_file: Any = AnyTrait(None)

    def __init__(self, manager: Any, **traits: Any) -> None:
        super().__init__(manager.nb, **traits)
        self._manager = manager
        self._counted: set[int] = set()

    def execute(self, **kwargs: Any) -> NotebookNode:
        # What fails is in the notebook, where papermill looks for it once the notebook is saved.
        self.allow_errors = True
        for index, cell in enumerate(self.nb.cells):
            if index not in self._places.values():
                self._manager.cell_start(cell, index)
                self._complete(cell, index)
        super().execute(**kwargs)
        failures = self.result.failed if self.result is not None else ()
        if failures and not any(output.output_type == "error" for output in self._outputs()):
            raise self._error_for(failures[0])
        return self.nb

    def _outputs(self) -> Iterator[NotebookNode]:
        for index in self._places.values():
            yield from self.nb.cells[index].outputs

    async def _cell_began(self, cell: NotebookNode, index: int) -> None:
        await super()._cell_began(cell, index)
        self._manager.cell_start(cell, index)

    async def _cell_ended(self, cell: NotebookNode, index: int) -> None:
        await super()._cell_ended(cell, index)
        if any(output.output_type == "error" for output in cell.outputs):
            self._manager.cell_exception(cell, cell_index=index)
        self._complete(cell, index)

    def _complete(self, cell: NotebookNode, index: int) -> None:
        """A cell counts once in papermill's progress, however often it runs."""
        bar = self._manager.pbar
        if index in self._counted:
            self._manager.pbar = None
        try:
            self._manager.cell_complete(cell, cell_index=index)
        finally:
            self._manager.pbar = bar
        self._counted.add(index)

    def process_message(self, msg: Message, cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        output = super().process_message(msg, cell, cell_index)
        if output and (self.log_output or self.stdout_file or self.stderr_file):
            from papermill.clientwrap import PapermillNotebookClient

            cast("Any", PapermillNotebookClient).log_output_message(self, output)
        return output
