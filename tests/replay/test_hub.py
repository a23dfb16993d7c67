"""JupyterHub as the page on scaling sets it up, with two people: each has their own streams, and no other."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import websocket

from .server import ROOT, Server, free_port, hang_up, started, until
from .test_losses import halves, lines

BASE = "/some/where"

# What a test has instead of what people have: names without accounts, a proxy without Node.js.
TESTING = """
import sys
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {home!r} + "/{{username}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.environment = {{"PYTHONPATH": {root!r}}}
extension = "--ServerApp.jpserver_extensions=jupyter_extension=True"
c.Spawner.args = [*c.Spawner.args, "--allow-root", extension]
c.Spawner.start_timeout = c.Spawner.http_timeout = 120
proxy = "from configurable_http_proxy.cli import main; main()"
c.ConfigurableHTTPProxy.command = [sys.executable, "-c", proxy]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.JupyterHub.hub_port = {hub}
c.JupyterHub.bind_url = "http://127.0.0.1:{port}{base}/"
c.JupyterHub.services = [{{"name": "test", "api_token": {token!r}}}]
scopes = ["admin:users", "admin:servers", "tokens"]
c.JupyterHub.load_roles = [{{"name": "test", "services": ["test"], "scopes": scopes}}]
"""


def told() -> str:
    """What people are told to write."""
    [found] = re.findall(
        r"```python\n(# jupyterhub_config.py\n.*?)```", (ROOT / "docs/scale.md").read_text(), re.DOTALL
    )
    return found


@contextmanager
def hub_in(place: Path, instead_of: Server | None = None) -> Iterator[Server]:
    """A hub, until the end of the block; in the place of one that has gone, with the same settings."""
    config = place / "jupyterhub_config.py"

    def command(port: int, token: str) -> list[str]:
        if not config.exists():
            ports = {"port": port, "hub": free_port(), "api": free_port()}
            testing = TESTING.format(home=str(place), root=str(ROOT), token=token, base=BASE, **ports)
            config.write_text(told() + testing)
        return [sys.executable, "-m", "jupyterhub", "-f", str(config)]

    with started(place, command, instead_of, f"{BASE}/hub") as hub:
        yield hub


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with hub_in(tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="module")
def people(hub: Server) -> dict[str, Server]:
    """Each one's own server, begun by the hub and reached through its proxy."""
    return {name: _server_of(hub, name) for name in ("ann", "bo")}


def _server_of(hub: Server, name: str) -> Server:
    hub.ask("POST", f"/api/users/{name}")
    hub.ask("POST", f"/api/users/{name}/server")
    until(lambda: hub.ask("GET", f"/api/users/{name}")["server"] is not None, hub.log.read_text())
    token = hub.ask("POST", f"/api/users/{name}/tokens", {})["token"]
    url = hub.url.replace("/hub", f"/user/{name}")
    return Server(url, token, hub.process, hub.runtime, hub.log)


def test_who_comes_back_finds_everything(people: dict[str, Server], tmp_path: Path):
    server, gate = people["ann"], tmp_path / "gate"
    kernel = server.kernel()
    page, stream = server.page(kernel), server.stream(kernel)
    run = page.run(halves(gate))
    while stream.shown() != lines(25):
        assert stream.next() is not None
    page.close()
    stream.close()
    gate.touch()
    again = server.stream(kernel, stream.cursor)
    again.until_idle(run)
    assert stream.text + again.text == lines(50)
    assert again.gaps == []
    again.close()


def test_a_hub_that_is_killed_and_started_again_costs_nothing(tmp_path: Path):
    gate = tmp_path / "gate"
    with hub_in(tmp_path) as hub:
        server = _server_of(hub, "cy")
        kernel = server.kernel()
        page, stream = server.page(kernel), server.stream(kernel)
        run = page.run(halves(gate))
        while stream.shown() != lines(25):
            assert stream.next() is not None
        left = hub.process.children(recursive=True)
        hub.process.kill()
        hub.process.wait()
        try:
            with hub_in(tmp_path, hub):
                page.close()
                stream.close()
                gate.touch()
                again = server.stream(kernel, stream.cursor)
                again.until_idle(run)
                again.close()
        finally:
            for process in left:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
    assert stream.text + again.text == lines(50)
    assert again.gaps == []


def test_nobody_is_led_to_the_extension_instead_of_the_front_end(hub: Server, people: dict[str, Server]):
    assert people
    assert "from server extension jupyter_extension" not in hub.log.read_text()


def test_nobody_reads_what_is_somebody_elses(people: dict[str, Server]):
    ann, bo = people["ann"], people["bo"]
    kernel = ann.kernel()
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        hang_up(ann.connect(f"/reactive/kernels/{kernel}/stream", token=bo.token))
    assert refused.value.status_code == 403
    assert bo.ask("GET", f"/reactive/kernels/{kernel}/stream") == 404
    assert kernel in ann.ask("GET", "/reactive/metrics")
    assert kernel not in bo.ask("GET", "/reactive/metrics")
