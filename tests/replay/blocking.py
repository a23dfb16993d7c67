"""A server extension for the tests: it blocks the server's loop, as badly written ones do."""

from __future__ import annotations

import time
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado import web


class BlockHandler(APIHandler):
    @web.authenticated
    def post(self) -> None:
        time.sleep(float(self.get_argument("seconds")))
        self.finish({})


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "tests.replay.blocking"}]


def _load_jupyter_server_extension(server: Any) -> None:
    server.web_app.add_handlers(".*", [(server.base_url + "block", BlockHandler)])
