"""Runs a cell's code once more, in the order in which IPython runs any cell, without reading it anew."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from contextlib import AbstractContextManager, nullcontext
from inspect import signature
from types import CodeType
from typing import Any, Final, cast

from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell

from .compiled import Text
from .event import Run
from .traits import put

# Since then IPython does all in this order; before, it read each text anew in here.
_KNOWN: Final = "transformed_cell" in signature(cast("Any", ExecutionInfo)).parameters
# What runs a cell in IPython. Where somebody has put something else there, that is to run.
_OURS: Final = ("run_cell", "_run_cell", "run_cell_async", "run_ast_nodes", "transform_ast")
_NOTHING: Final = nullcontext()


class _History(HistoryManager):
    """IPython's history, with plain attributes for what it notes at each run."""

    _i: Any = ""
    _ii: Any = ""
    _iii: Any = ""
    _i00: Any = ""
    input_hist_parsed: Any = ()
    input_hist_raw: Any = ()
    db_input_cache: Any = ()


_NOTED: Final = [name for name in vars(_History) if name in HistoryManager.class_trait_names()]


def lighten(history: HistoryManager | None) -> None:
    """What a history notes at each run is checked and announced no more: nobody listens."""
    if type(history) is HistoryManager:
        noted = {name: getattr(history, name) for name in _NOTED}
        history.__class__ = _History
        vars(history).update(noted)


class Again:
    """IPython's way to run a cell, for a text that it has read before."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell: Any = shell
        self._kind: Any = type(shell)
        self._standard: dict[str, object] = {name: getattr(self._kind, name) for name in _OURS}

    @property
    def possible(self) -> bool:
        """Does the shell run cells as it came?"""
        shell = self._shell
        if not _KNOWN or shell.trio_runner is not None or not vars(shell).keys().isdisjoint(_OURS):
            return False
        return all(getattr(self._kind, name) is each for name, each in self._standard.items())

    def run(self, run: Run, text: Text, *, mute: bool) -> ExecutionResult:
        """Run it. `mute`: it can do nothing but bind names."""
        shell, events = self._shell, self._shell.events
        info = ExecutionInfo(run.source, True, False, True, run.cell, {"cellId": run.cell}, text.read)
        result = ExecutionResult(info)
        shell._last_traceback, shell._last_traceback_during_displayhook = None, False
        with self._recorded("stdout", mute=mute), self._recorded("stderr", mute=mute):
            try:
                count = result.execution_count = shell.execution_count
                put(shell, execution_count=count + 1)
                events.trigger("pre_execute")
                events.trigger("pre_run_cell", info)
                shell.history_manager.store_inputs(count, text.read, run.source)
                shell.logger.log(text.read, run.source)
                (self._bind if mute else self._run)(text, result)
                if result.error_in_exec is not None or not mute:
                    self._enter(result)
            finally:
                events.trigger("post_execute")
                events.trigger("post_run_cell", result)
        return result

    def _recorded(self, channel: str, *, mute: bool) -> AbstractContextManager[object]:
        tee = getattr(self._shell, "_tee", None)
        return _NOTHING if mute or tee is None else tee(channel=channel)

    def _run(self, text: Text, result: ExecutionResult) -> None:
        shell = self._shell
        with shell.builtin_trap:
            shell.compile.enter(text, result.execution_count)
            with shell.display_trap:
                put(shell.displayhook, exec_result=result)
                failed = self._execute(text.codes, result)
                put(shell, last_execution_succeeded=not failed, last_execution_result=result)
                put(shell.displayhook, exec_result=None)

    def _bind(self, text: Text, result: ExecutionResult) -> None:
        """Run what shows nothing, and what cannot see what IPython adds to the builtins."""
        shell = self._shell
        shell.compile.enter(text, result.execution_count)
        failed = self._execute(text.codes, result)
        put(shell, last_execution_succeeded=not failed, last_execution_result=result)

    def _execute(self, codes: Sequence[CodeType], result: ExecutionResult) -> bool:
        shell = self._shell
        try:
            return any(_finished(shell.run_code(code, result)) for code in codes)
        except BaseException as error:  # noqa: BLE001  # as IPython does: an interrupt before the first line
            result.error_before_exec = error
            # Of the way there it would show us, and nothing of the user's.
            shell.showtraceback((type(error), error, None))
            return True

    def _enter(self, result: ExecutionResult) -> None:
        """Note in IPython's history what came of it."""
        shell, history = self._shell, self._shell.history_manager
        history.store_output(result.execution_count)
        if result.error_in_exec is not None and hasattr(history, "exceptions"):
            told = shell._format_exception_for_storage(result.error_in_exec)
            history.exceptions[result.execution_count] = told


def _finished(running: Coroutine[Any, Any, bool]) -> bool:
    """Run to its end what awaits nothing."""
    try:
        running.send(None)
    except StopIteration as ended:
        return cast("bool", ended.value)
    running.close()
    raise RuntimeError("A cell that cannot await has awaited something.")
