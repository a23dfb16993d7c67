"""The plainest renderer: what a page knows after a list of messages, by going through all of them."""

from __future__ import annotations

from base64 import b64decode
from copy import deepcopy
from typing import Any

SHOWS = ("stream", "display_data", "execute_result", "error")


def rendered(messages: list[dict[str, Any]]) -> dict[str, Any]:
    return {**shown(outside(messages)), **known(messages)}


def outside(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What no output widget takes."""
    widgets = Widgets()
    return [left for message in messages for left in widgets.take(message)]


def known(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """What there is beside the cells' outputs."""
    beside, widgets = Beside(), Widgets()
    for message in messages:
        beside.take(message)
        widgets.take(message)
    for comm, area in widgets.areas.items():
        beside.comms[comm] |= {"outputs": area["outputs"], "clearing": area["clearing"]}
    return {"comms": beside.comms, "reactive": beside.reactive, "asked": beside.asked}


class Beside:
    """Open comms, the reactive kernel's word, unanswered requests for input: as the process has them."""

    def __init__(self) -> None:
        self.comms: dict[str, Any] = {}
        self.reactive: dict[str, Any] = {"cells": {}, "graph": {}, "rest": {}, "connections": {}}
        self.asked: dict[str, Any] = {}

    def take(self, message: dict[str, Any]) -> None:
        kind, content, run = (
            message["header"]["msg_type"],
            message["content"],
            message["parent_header"].get("msg_id"),
        )
        if kind == "epoch":
            self.__init__()
        elif kind.startswith("comm_"):
            self._comm(kind, content, [b64decode(buffer) for buffer in message["buffers"]])
        elif kind.startswith("reactive_"):
            self._reactive(kind, content)
        elif kind == "input_request":
            self.asked[run] = content
        elif kind == "status" and content["execution_state"] == "idle":
            self.asked.pop(run, None)

    def _comm(self, kind: str, content: dict[str, Any], buffers: list[bytes]) -> None:
        comm, data = content["comm_id"], content["data"]
        if isinstance(data, dict) and data.get("op") == "ready":
            graph = dict(data["graph"])
            self.reactive |= {"cells": dict(data["cells"]), "graph": graph.pop("cells"), "rest": graph}
        if kind == "comm_close":
            self.comms.pop(comm, None)
        elif kind == "comm_open" and "state" in data:
            self.comms[comm] = filled(data["state"], data["buffer_paths"], buffers)
        elif kind == "comm_open":
            self.comms[comm] = [(data, buffers)]
        elif isinstance(self.comms.get(comm), list):
            self.comms[comm].append((data, buffers))
        elif comm in self.comms and isinstance(data, dict) and "update" in data["method"]:
            self.comms[comm] |= filled(data["state"], data["buffer_paths"], buffers)

    def _reactive(self, kind: str, content: dict[str, Any]) -> None:
        if kind == "reactive_connection":
            self.reactive["connections"][content["name"]] = content
            return
        known = self.reactive[kind.removeprefix("reactive_")]
        known |= content["cells"]
        for cell in [cell for cell, value in known.items() if value is None]:
            del known[cell]
        if kind == "reactive_graph":
            self.reactive["rest"] = {"cycles": content["cycles"]}


class Widgets:
    """Output widgets: each takes what is shown under the request that it names, the last one first."""

    def __init__(self) -> None:
        self.areas: dict[str, dict[str, Any]] = {}

    def take(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """What is left for the cells."""
        header, content = message["header"], message["content"]
        kind, display = header["msg_type"], content.get("transient", {}).get("display_id")
        if kind == "epoch":
            self.__init__()
        elif kind.startswith("comm_"):
            self._comm(kind, content)
        run = message["parent_header"].get("msg_id", "")
        takers = [area for area in self.areas.values() if run and area["run"] == run]
        if not takers or kind not in (*SHOWS, "clear_output"):
            return [message]
        _take(takers[-1], kind, {key: value for key, value in content.items() if key != "transient"}, None)
        return [{**message, "header": header | {"msg_type": "update_display_data"}}] if display else []

    def _comm(self, kind: str, content: dict[str, Any]) -> None:
        comm, data = content["comm_id"], content["data"]
        if kind == "comm_close":
            self.areas.pop(comm, None)
        elif kind == "comm_open" and "OutputModel" in data.get("state", {}).values():
            self.areas[comm] = {"run": "", "outputs": [], "clearing": data.get("clearing", False)}
        state = data.get("state", {}) if isinstance(data, dict) and comm in self.areas else {}
        if "outputs" in state:
            clearing = data.get("clearing", False)
            self.areas[comm] |= {"outputs": _joined(state["outputs"]), "clearing": clearing}
        if state.get("msg_id", "") != self.areas.get(comm, {"run": ""})["run"] and "msg_id" in state:
            self.areas[comm] = self.areas.pop(comm) | {"run": state["msg_id"]}


def _joined(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    for output in told:
        content = {key: value for key, value in output.items() if key != "output_type"}
        _add(outputs, output["output_type"], content, None)
    return outputs


def filled(state: dict[str, Any], paths: list[list[Any]], buffers: list[bytes]) -> dict[str, Any]:
    """The state with its binary values in their places, as a widget has it."""
    state = deepcopy(state)
    for path, buffer in zip(paths, buffers):
        place: Any = state
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = buffer
    return state


def shown(messages: list[dict[str, Any]]) -> dict[str, Any]:
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
