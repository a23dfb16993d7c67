"""A real Redis, of this test alone: on a port of its own, and gone when it is over."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import ConnectionError as NotThere
from redis import Redis

from .server import free_port, until

PASSWORD = "swordfish"


class RedisServer:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.port = free_port()
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, with nothing in it."""
        program = shutil.which("redis-server")
        assert program is not None
        options = {"port": self.port, "bind": "127.0.0.1", "requirepass": PASSWORD, "dir": self._directory}
        given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        command = [program, *given, "--save", "", "--appendonly", "no"]
        with (self._directory / "redis.log").open("ab") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=out)
        until(self._answers, "Redis does not start")

    def _answers(self) -> bool:
        with Redis.from_url(self.url) as client:
            try:
                return bool(client.ping())
            except NotThere:
                return False

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def redis_server(directory: Path) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        # `.ci/run` installs it: there it is missed, elsewhere it may be.
        assert not os.environ.get("CI"), "there is no redis-server"
        pytest.skip("there is no redis-server")
    server = RedisServer(directory)
    server.start()
    try:
        yield server
    finally:
        server.kill()
