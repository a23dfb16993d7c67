"""The plainest renderer: what each cell shows after a list of messages, by going through all of them."""

from __future__ import annotations

from typing import Any

SHOWS = ("stream", "display_data", "execute_result", "error")


def rendered(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """For each cell the last run, its input, its outputs, and whether the next one clears them."""
    cells: dict[str, dict[str, Any]] = {}
    for message in messages:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "epoch":
            _settle(cells)
            continue
        display = content.get("transient", {}).get("display_id")
        if display and kind in ("display_data", "update_display_data"):
            _update(cells, display, content)
        cell, run = message["metadata"].get("cellId"), message["parent_header"].get("msg_id", "")
        if cell is None or kind not in (*SHOWS, "execute_input", "clear_output"):
            continue
        if kind == "execute_input" or cell not in cells:
            cells[cell] = {"run": run, "count": None, "code": None, "clearing": False, "outputs": []}
        if cells[cell]["run"] == run:
            _take(cells[cell], kind, content, display)
    return {cell: _shown(area) for cell, area in cells.items()}


def _take(area: dict[str, Any], kind: str, content: dict[str, Any], display: str | None) -> None:
    if kind == "execute_input":
        area["count"], area["code"] = content["execution_count"], content["code"]
    elif kind == "clear_output" and content["wait"]:
        area["clearing"] = True
    elif kind == "clear_output":
        area["outputs"], area["clearing"] = [], False
    else:
        if area["clearing"]:
            area["outputs"], area["clearing"] = [], False
        _add(area["outputs"], kind, content, display)


def _add(outputs: list[dict[str, Any]], kind: str, content: dict[str, Any], display: str | None) -> None:
    last = outputs[-1] if outputs else {}
    if kind == "stream" and last.get("name") == content["name"]:
        last["text"] += content["text"]
    elif kind == "stream":
        outputs.append(dict(content))
    else:
        outputs.append({"kind": kind, "display": display if kind == "display_data" else None, **content})


def _update(cells: dict[str, Any], display: str, content: dict[str, Any]) -> None:
    for output in (output for area in cells.values() for output in area["outputs"]):
        if output.get("display") == display:
            output.update(data=content["data"], metadata=content["metadata"])


def _settle(cells: dict[str, Any]) -> None:
    for output in (output for area in cells.values() for output in area["outputs"]):
        output["display"] = None


def _shown(area: dict[str, Any]) -> dict[str, Any]:
    hidden = ("display", "transient")
    outputs = [{key: output[key] for key in output if key not in hidden} for output in area["outputs"]]
    return {**area, "outputs": outputs}
