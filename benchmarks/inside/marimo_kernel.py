"""marimo's kernel without its server: a program for marimo's own environment, which answers lines of JSON."""

from __future__ import annotations

import asyncio
import json
import queue
import sys
import time
from typing import Any

from marimo._config.config import DEFAULT_CONFIG
from marimo._messaging.types import KernelStreams, NoopStream
from marimo._runtime.commands import (
    AppMetadata,
    CreateNotebookCommand,
    ExecuteCellCommand,
    ExecuteCellsCommand,
    UpdateUIElementCommand,
)
from marimo._runtime.kernel_lifecycle import KernelArgs, kernel_session
from marimo._session.model import SessionMode


def arguments() -> KernelArgs:
    return KernelArgs(
        streams=KernelStreams(stream=NoopStream(), stdout=None, stderr=None, stdin=None),
        debugger=None,
        configs={},
        app_metadata=AppMetadata(query_params={}, cli_args={}, app_config=_app(), filename=None),
        user_config=DEFAULT_CONFIG,
        mode=SessionMode.EDIT,
        control_queue=queue.Queue(),
        set_ui_element_queue=queue.Queue(),
        virtual_file_storage=None,
    )


def _app() -> Any:
    from marimo._ast.app_config import _AppConfig

    return _AppConfig()


def opened(cells: list[tuple[str, str]]) -> CreateNotebookCommand:
    return CreateNotebookCommand(
        execution_requests=tuple(ExecuteCellCommand(cell_id=cell, code=code) for cell, code in cells),
        cell_ids=tuple(cell for cell, _ in cells),
        set_ui_element_value_request=UpdateUIElementCommand(object_ids=[], values=[]),
        auto_run=True,
    )


async def answer(kernel: Any, question: dict[str, Any]) -> object:
    if "open" in question:
        return await timed(kernel, opened(question["open"]))
    if "rerun" in question:
        code = f"x0 = {question['rerun']}"
        return await timed(kernel, ExecuteCellsCommand(cell_ids=["c0"], codes=[code]))
    return kernel.globals[question["name"]]


async def timed(kernel: Any, command: object) -> float:
    start = time.perf_counter()
    await kernel.handle_message(command)
    return time.perf_counter() - start


async def main() -> None:
    with kernel_session(arguments()) as (kernel, _):
        for line in sys.stdin:
            sys.__stdout__.write(json.dumps({"answer": await answer(kernel, json.loads(line))}) + "\n")
            sys.__stdout__.flush()


if __name__ == "__main__":
    asyncio.run(main())
