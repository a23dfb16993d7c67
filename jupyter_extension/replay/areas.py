"""Output widgets: what is shown under the request that one of them asks for is the widget's, not a cell's."""

from __future__ import annotations

from .comms import data_of, state_of
from .entries import Run
from .message import Message, text


class Areas:
    """Who takes what, and what each has taken since its kernel last set what it shows."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self._asked: dict[str, str] = {}
        # By request; of several widgets that ask for the same the last one takes it, as in JupyterLab.
        self._takers: dict[str, list[str]] = {}

    @property
    def asking(self) -> list[str]:
        """The widgets that take what is shown, the one that asked last at the end."""
        return [comm for comm, request in self._asked.items() if request]

    def taker(self, request: str) -> str | None:
        takers = self._takers.get(request)
        return takers[-1] if takers else None

    def take(self, message: Message) -> Run | None:
        """Follow what the kernel says of its widgets; answers what one of them does not show any more."""
        comm = text(message.body.get("comm_id"))
        state = state_of(message) or {}
        if message.kind != "comm_msg":
            self._ask(comm, "")
            self._asked.pop(comm, None)
            if message.kind == "comm_open" and state.get("_model_name") == "OutputModel":
                self._ask(comm, text(state.get("msg_id")))
            return self.runs.pop(comm, None)
        if comm not in self._asked:
            return None
        if "msg_id" in state:
            self._ask(comm, text(state["msg_id"]))
        return self.runs.pop(comm, None) if "outputs" in state and _sets(message) else None

    def _ask(self, comm: str, request: str) -> None:
        before = self._asked.get(comm)
        if request == before:
            return
        self._asked.pop(comm, None)
        self._asked[comm] = request
        if before:
            takers = [other for other in self._takers.pop(before) if other != comm]
            if takers:
                self._takers[before] = takers
        if request:
            self._takers.setdefault(request, []).append(comm)


def _sets(message: Message) -> bool:
    """Whether the kernel sets something; a page tells what it had taken so far, and so does a whole state."""
    return data_of(message).get("method") == "update" and "_model_name" not in (state_of(message) or {})
