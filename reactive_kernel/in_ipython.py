"""Runs the code of cells in IPython: how it ends, what it breaks, where it is interrupted."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Generator
from contextlib import contextmanager
from inspect import signature
from typing import Any, cast

from ipykernel.jsonutil import json_clean  # pyright: ignore[reportUnknownVariableType]  # typed in part
from IPython.core.history import HistoryManager
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

from .again import Again, lighten
from .cell import Outcome
from .cell_names import name_fast
from .compiled import Compiler
from .delivery import Delivery
from .event import Run
from .guard import keep_builtins, restore_builtins
from .interrupt import Interrupts
from .shield import shielded

# Do IPython's events get to know a cell's metadata? Not before version 9.
_TAKES_META = "cell_meta" in signature(cast("Any", InteractiveShell).run_cell).parameters


class _LateHistory:
    """Keeps what reruns add to IPython's history in memory until the cascade is over.

    Every line would be a transaction on the disk, and the next cell would wait for it.
    """

    def __init__(self) -> None:
        self._held: tuple[HistoryManager, int] | None = None

    def hold(self, manager: HistoryManager | None) -> None:
        if self._held is None and manager is not None:
            self._held = manager, manager.db_cache_size
            manager.db_cache_size = sys.maxsize

    def release(self) -> None:
        if self._held is None:
            return
        (manager, size), self._held = self._held, None
        manager.db_cache_size = size
        if manager.save_flag is not None and len(manager.db_input_cache) >= max(size, 1):
            manager.save_flag.set()


class _PlainCells:
    """What IPython does to every cell, at every request twice, spared where the cell asks for none of it.

    Its search for magics takes a cell apart in Python, and it compiles the cell to know whether that awaits.
    """

    def __init__(self, shell: Any) -> None:
        self._manager = shell.input_transformer_manager
        self._search = self._manager.do_token_transforms
        self._manager.do_token_transforms = self._searched
        self._transform = self._manager.transform_cell
        self._manager.transform_cell = self._transformed
        self._asks = shell.should_run_async
        shell.should_run_async = self._should_run_async
        # The code under way, if it can be read: only IPython knows how to say what is wrong with the rest.
        self._readable: str | None = None
        self._may_await = True

    @contextmanager
    def runs(self, run: Run, *, may_await: bool) -> Generator[None, None, None]:
        """Within, that cell runs."""
        self._readable = run.source if run.facts.problem is None else None
        self._may_await = may_await
        try:
            yield
        finally:
            self._readable, self._may_await = None, True

    def _standard(self) -> bool:
        return self._readable is not None and _transformers(self._manager) == _STANDARD

    def _searched(self, lines: list[str]) -> list[str]:
        if self._standard() and _MAGIC.search("".join(lines)) is None:
            return lines
        return cast("list[str]", self._search(lines))

    def _transformed(self, cell: str) -> str:
        plain = cell is self._readable and cell and self._standard()
        if plain and _MAGIC.search(cell) is None and _ODD.search(cell) is None:
            return cell if cell[-1] == "\n" else f"{cell}\n"
        return cast("str", self._transform(cell))

    def _should_run_async(self, raw_cell: str, **options: Any) -> bool:
        """IPython compiles the cell to know. Code that a cell has it run is another matter."""
        if not self._may_await and raw_cell is self._readable:
            return False
        return cast("bool", self._asks(raw_cell, **options))


class CodeRuns(Delivery):
    """Runs code as ipykernel would, and tells how that ended."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._interrupts = Interrupts(self._turn, self._globals)
        self._error: BaseException | None = None
        # Is a cell rewritten before it is read?
        self._rewritten = True
        # How cells are compiled, if they may run from what they were compiled to before.
        self._way: int | None = None
        self._history = _LateHistory()
        assert self.shell is not None
        self._plain_cells = _PlainCells(self.shell)
        self._compiler = Compiler.take_over(self.shell)
        self._again = Again(self.shell)
        lighten(self.shell.history_manager)
        self.shell.events.register("post_run_cell", self._note_error)
        self._interrupts.attend(cast("Any", self.shell))
        self._claim_before_errors(self.shell)
        keep_builtins()
        name_fast()

    def _globals(self) -> object:
        assert self.shell is not None
        return cast("object", self.shell.user_global_ns)

    def _claim_outputs(self) -> None:
        """What shows from now on shows in the cell that runs; those that show nothing need not say so."""

    def _claim_before_errors(self, shell: Any) -> None:
        show = shell.showtraceback

        def show_as_its_own(*arguments: Any, **named: Any) -> None:
            self._claim_outputs()
            show(*arguments, **named)

        shell.showtraceback = show_as_its_own

    async def _execute(self, run: Run, request: dict[str, Any] | None, *, mute: bool) -> dict[str, Any]:
        """Run the cell's code. `mute`: it can do nothing but bind names."""
        self._error = None
        may_await = self._may_await(run.source)
        try:
            with self._interrupts.run(calm=mute):
                self._interrupts.stop_if_due()
                if request is None and not may_await:
                    reply = self._execute_rerun(run, mute=mute)
                else:
                    with self._plain_cells.runs(run, may_await=may_await):
                        reply = await self._execute_awaiting(run, request)
        except KeyboardInterrupt as interrupt:
            # It struck in IPython's own code, before or after the user's.
            reply = self._fail(interrupt)
        except asyncio.CancelledError as cancelled:
            if not self._interrupts.seen:
                raise
            reply = self._fail(KeyboardInterrupt(*cancelled.args))
        except Exception as error:  # noqa: BLE001  # see below
            # The user's code can break IPython itself: a hook that raises, a stream that is gone.
            reply = self._fail(error)
        if not mute:
            self._catch_up()
        if request is None:
            # Nobody waits for a reply; what was written goes out before anything else is told.
            return reply
        self._deliver(wait=True)
        return cast("dict[str, Any]", json_clean(reply))

    async def _execute_awaiting(self, run: Run, request: dict[str, Any] | None) -> dict[str, Any]:
        """Run a cell that may await, or that somebody waits for a reply from."""
        content: dict[str, Any] = request["content"] if request else {}
        return await self.do_execute(
            run.source,
            silent=False,
            store_history=content.get("store_history", True),
            user_expressions=content.get("user_expressions", {}),
            allow_stdin=content.get("allow_stdin", False),
            cell_meta={"cellId": run.cell},
            cell_id=run.cell,
        )

    def _fail(self, error: BaseException) -> dict[str, Any]:
        """Show what went wrong around the user's code as if it had gone wrong in it."""
        self._error = error
        self._mend()
        assert self.shell is not None
        trace = None if isinstance(error, KeyboardInterrupt) else error.__traceback__
        self.shell.showtraceback((type(error), error, trace))
        message = "" if isinstance(error, KeyboardInterrupt) else str(error)
        reply = refusal(type(error).__name__, message)
        reply["execution_count"] = self.execution_count
        return reply

    def _mend(self) -> None:
        """Put back what user code took away and no code can run without."""
        restore_builtins()
        for name, stream in (("stdout", self._stdout), ("stderr", self._stderr)):
            if not hasattr(getattr(sys, name, None), "write"):
                setattr(sys, name, stream)

    def _may_await(self, source: str) -> bool:
        """Could the cell need the event loop? A transformer of the user's might make any cell need it."""
        return "await" in source or "async" in source or self._rewritten

    def _changes_text(self) -> bool:
        """Is a cell rewritten before it is read, by more than IPython brings?"""
        assert self.shell is not None
        transformed = _transformers(self.shell.input_transformer_manager) != _STANDARD
        return transformed or self.shell.input_transformers_post != []

    def _adds_code(self) -> bool:
        """Is more run with a cell than what stands in it?"""
        shell = cast("Any", self.shell)
        self._rewritten = self._changes_text()
        self._way = self._compiler.way if self._again.possible else None
        return self._rewritten or bool(shell.ast_transformers or shell.custom_exceptions)

    def _execute_rerun(self, run: Run, *, mute: bool) -> dict[str, Any]:
        """Run a cell that cannot await, and that nobody waits for a reply from."""
        shell = self.shell
        assert shell is not None
        self._history.hold(shell.history_manager)
        if mute:
            result = self._run_code(run, mute=True)
        else:
            with self._without_input():
                result = self._run_code(run, mute=False)
        failed = getattr(shell, "_last_traceback_during_displayhook", False) or not result.success
        return {"status": "error" if failed else "ok", "execution_count": shell.execution_count - 1}

    @contextmanager
    def _without_input(self) -> Generator[None, None, None]:
        """Within, nobody can be asked for anything, and what pagers and the like leave for a reply goes."""
        assert self.shell is not None
        self._forward_input(allow_stdin=False)
        try:
            yield
        finally:
            self._restore_input()
            payloads = self.shell.payload_manager
            if payloads is not None and payloads.read_payload():
                payloads.clear_payload()

    def _run_code(self, run: Run, *, mute: bool) -> ExecutionResult:
        text = None if self._way is None else self._compiler.text(run.source, self._way)
        if text is None or not mute:
            self._claim_outputs()
        return self._run_anew(run) if text is None else self._again.run(run, text, mute=mute)

    def _run_anew(self, run: Run) -> ExecutionResult:
        """Run a cell as IPython does, which reads its text first."""
        assert self.shell is not None
        meta = {"cell_meta": {"cellId": run.cell}} if _TAKES_META else {}
        self._compiler.again = run.source
        try:
            with self._plain_cells.runs(run, may_await=False):
                return self.shell.run_cell(run.source, store_history=True, cell_id=run.cell, **meta)
        finally:
            self._compiler.again = None

    def _outcome(self, reply: dict[str, Any]) -> Outcome:
        if reply["status"] == "ok":
            return Outcome.OK
        stopped = isinstance(self._error, KeyboardInterrupt) or (
            self._interrupts.seen and isinstance(self._error, asyncio.CancelledError)
        )
        return Outcome.INTERRUPTED if stopped else Outcome.ERROR

    @shielded
    def _note_error(self, result: Any) -> None:
        self._error = (result.error_before_exec or result.error_in_exec) if result is not None else None

    def _cancel_on_sigint(self, future: asyncio.Future[Any]) -> Any:
        return self._interrupts.awaiting(future)


def _transformers(manager: Any) -> int:
    """How many functions rewrite a cell before it is compiled."""
    return len(manager.cleanup_transforms) + len(manager.line_transforms) + len(manager.token_transformers)


_STANDARD = _transformers(TransformerManager())
# Whatever IPython looks for in tokens begins a line, or follows an assignment, or asks for help.
_MAGIC = re.compile(r"^\s*[%!?,;/]|\?|=\s*[%!]", re.MULTILINE)
# And what it takes away from cells: indents, blanks on empty lines, prompts. It knows other ends of lines.
_ODD = re.compile(
    r"\A\s|^[^\S\n]+$|^\s*(?:>>>|\.\.|In ?\[|\[(?:nav|ins)\])|[\r\v\f\x1c-\x1e\x85\u2028\u2029]", re.MULTILINE
)


def refusal(ename: str, evalue: str) -> dict[str, Any]:
    return {
        "status": "error",
        "ename": ename,
        "evalue": evalue,
        "traceback": [f"{ename}: {evalue}"] if evalue else [ename],
        "user_expressions": {},
        "payload": [],
    }
