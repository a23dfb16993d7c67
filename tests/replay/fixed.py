"""`python -m tests.replay.fixed -f FILE`: ipykernel, but any two of them answer with the very same bytes."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from ipykernel.kernelapp import IPKernelApp
from jupyter_client.session import Session
from traitlets import default

DATE = "2026-01-01T00:00:00.000000Z"
OWN = {"started", "engine"}  # what replies say of a process


class FixedSession(Session):
    """Names messages after the request that they answer, and knows one moment."""

    said: ClassVar[Counter[tuple[str, str]]] = Counter()

    def msg(self, msg_type: str, content: Any = None, parent: Any = None, *rest: Any, **more: Any) -> Any:
        message = super().msg(msg_type, content, parent, *rest, **more)
        # Broadcasts and replies are counted apart: they are made by two threads.
        asked = message["parent_header"].get("msg_id", ""), msg_type
        self.said[asked] += 1
        fixed = {"msg_id": f"{'-'.join(asked)}-{self.said[asked]}", "date": DATE, "session": "fixed"}
        message["header"] |= fixed
        message |= {"msg_id": fixed["msg_id"]}
        message["metadata"] |= dict.fromkeys(OWN & message["metadata"].keys(), DATE)
        if "engine_info" in message["content"]:
            message["content"]["engine_info"] = DATE
        return message


class FixedKernelApp(IPKernelApp):
    @default("session")
    def _default_session(self) -> FixedSession:
        return FixedSession(parent=self)


if __name__ == "__main__":
    FixedKernelApp.launch_instance()
