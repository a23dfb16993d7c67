"""The client that nbclient's users name: runs a notebook in dependency order, and fails as nbclient does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jupyter_client.manager import KernelManager
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbclient.util import run_hook, run_sync
from nbformat import NotebookNode

from .cell import CellId
from .notebook import cells_called, set_parameters, with_ids
from .runner import Failure, Message, Options, Result, Runner, kernel_for, spec_of
from .wire import Json


class ReactiveNotebookClient(Runner):
    """`nbclient.NotebookClient`, but each cell runs after those that it needs, and shows its last run.

    It takes what nbclient's client takes, and `parameters`, which are set after the cell tagged
    `parameters`, and `only`, the cells to run, each with what it needs: ids, numbers or tags.
    """

    def __init__(
        self,
        nb: NotebookNode,
        km: KernelManager | None = None,
        *,
        parameters: Mapping[str, object] | None = None,
        only: Iterable[str] | None = None,
        **traits: Any,
    ) -> None:
        with_ids(nb)
        chosen = None if only is None else cells_called(nb, only)
        if parameters:
            set_parameters(nb, parameters)
        if not traits.get("kernel_name") and km is None:
            traits["kernel_name"] = kernel_for(nb)
            spec_of(traits["kernel_name"])
        super().__init__(nb, Options(only=chosen), km, **{"resources": {}, **traits})
        self.result: Result | None = None

    def _forget(self) -> None:
        super()._forget()
        # The cell that runs; cells that have begun or ended, and nobody has been told.
        self._open: CellId | None = None
        self._news: list[tuple[CellId, bool]] = []
        # The cell that took too long.
        self._overdue: CellId | None = None

    async def async_execute(self, reset_kc: bool = False, **kwargs: Any) -> NotebookNode:  # noqa: FBT001, FBT002  # as nbclient has it
        """Execute the notebook; raises what nbclient raises when a cell fails, unless that is allowed."""
        if reset_kc and self.owns_km and self.km is not None:
            await self._async_cleanup_kernel()
        self._starting = kwargs
        self.result = await self.run()
        await self._heard()
        await run_hook(self.on_notebook_complete, notebook=self.nb)
        self._raise_for(self.result)
        return self.nb

    execute = run_sync(async_execute)

    def _seconds_for(self, cell: NotebookNode) -> float | None:
        return self._get_timeout(cell)

    def _may_fail(self, cell: CellId) -> bool:
        if self.force_raise_errors:
            return False
        name = self._errors.get(cell, "").partition(":")[0]
        return name in self.allow_error_names or super()._may_fail(cell)

    async def _start_client(self) -> None:
        await super()._start_client()
        await run_hook(self.on_notebook_start, notebook=self.nb)

    async def _run_out(self) -> None:
        if self._stopped is None:
            self._overdue = self._running
        await super()._run_out()

    # Telling those who listen

    def _begin(self, identity: CellId, index: int, cell: NotebookNode) -> None:
        super()._begin(identity, index, cell)
        self._open = identity
        self._news.append((identity, False))

    def _note(self, content: Json) -> None:
        super()._note(content)
        if self._open is not None and self._statuses[self._open]["activity"] == "idle":
            self._news.append((self._open, True))
            self._open = None

    async def _heard(self) -> None:
        while self._news:
            identity, ended = self._news.pop(0)
            index = self._places[identity]
            tell = self._cell_ended if ended else self._cell_began
            await tell(self.nb.cells[index], index)

    async def _cell_began(self, cell: NotebookNode, index: int) -> None:
        await run_hook(self.on_cell_start, cell=cell, cell_index=index)
        await run_hook(self.on_cell_execute, cell=cell, cell_index=index)

    async def _cell_ended(self, cell: NotebookNode, index: int) -> None:
        error = _error_of(cell)
        status = "ok" if error is None else "error"
        content = {"status": status, "execution_count": cell.execution_count, **(error or {})}
        reply = {"msg_type": "execute_reply", "content": content}
        await run_hook(self.on_cell_complete, cell=cell, cell_index=index)
        await run_hook(self.on_cell_executed, cell=cell, cell_index=index, execute_reply=reply)
        if error is not None:
            await run_hook(self.on_cell_error, cell=cell, cell_index=index, execute_reply=reply)

    # Failing as nbclient does

    def _raise_for(self, result: Result) -> None:
        if result.signal is not None:
            raise KeyboardInterrupt
        if self._overdue is not None and not self.interrupt_on_timeout:
            cell = self.nb.cells[self._places[self._overdue]]
            seconds = int(self._seconds_for(cell) or 0)
            raise CellTimeoutError.error_from_timeout_and_cell(result.stopped or "", seconds, cell)
        if result.stopped is not None and self._overdue is None:
            raise DeadKernelError(result.stopped)
        if result.failed and (self.force_raise_errors or not self.allow_errors):
            raise self._error_for(result.failed[0])

    def _error_for(self, failure: Failure) -> CellExecutionError:
        cell = self.nb.cells[self._places[failure.cell]]
        error = _error_of(cell)
        if error is None:
            return CellExecutionError(str(failure), "Blocked", failure.what)
        raised = CellExecutionError.from_cell_and_msg(cell, error)
        told = "\n".join([raised.traceback, *map(str, failure.blocked)])
        return CellExecutionError(told, raised.ename, raised.evalue)


def _error_of(cell: NotebookNode) -> Message | None:
    """The error that the cell shows."""
    for output in cell.outputs:
        if output.output_type == "error":
            return {"ename": output.ename, "evalue": output.evalue, "traceback": output.traceback}
    return None
