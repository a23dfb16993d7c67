"""The server extension: configuration and wiring, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import zmq
from jupyter_core.paths import jupyter_runtime_dir
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.gateway.gateway_client import GatewayClient
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.httpclient import HTTPRequest
from tornado.ioloop import IOLoop, PeriodicCallback
from traitlets import Bool, Float, Int, Unicode, default
from traitlets.config import LoggingConfigurable

from reactive_kernel._version import __version__

from .replay import heap
from .replay.log import Limits
from .replay.metrics import Figures, exposition
from .replay.overhear import overhearing
from .replay.recorders import Keeping, Listens, Recorders
from .replay.recording import Recording
from .replay.store import NoStore, Shared, Terms, opened, place_of
from .replay.stream import StreamHandler, Streams
from .replay.tap import Address, GatewayTap, Tap
from .replay.unattended import Saver

PROTOCOL = 1
CONNECTION_CLASS = "kernel_websocket_connection_class"


class VersionHandler(APIHandler):
    """What is installed here: external programs ask before they speak the protocol."""

    # Whoever may look at kernels may know which protocol they speak.
    auth_resource = "kernels"

    @web.authenticated
    @authorized
    def get(self) -> None:
        self.finish({"version": __version__, "protocol": PROTOCOL})


class MetricsHandler(APIHandler):
    """What operators watch."""

    auth_resource = "kernels"

    def initialize(self, replay: ReplayApp) -> None:
        self._replay = replay

    @web.authenticated
    @authorized
    def get(self) -> None:
        kind = "text/plain; version=0.0.4"
        self.finish(exposition(self._replay.figures()), set_content_type=kind)


class ReplayApp(LoggingConfigurable):
    """The recording of kernels, and its replay to front ends."""

    memory_limit = Int(
        8 << 20,
        help="Bytes of a kernel's records and outputs, open comms included, that stay in memory; the others "
        "go to disk. A widget's state and a display that may still be updated stay in any case.",
    ).tag(config=True)
    disk_limit = Int(
        1 << 30,
        help="Bytes of a kernel's records and outputs that stay on disk. Beyond it the oldest records are "
        "dropped, and clients told so by a gap; then the oldest outputs, with a line in their place.",
    ).tag(config=True)
    age_limit = Float(
        24 * 3600.0,
        help="Seconds that records stay on disk. What cells show stays as long as they show it.",
    ).tag(config=True)
    directory = Unicode(
        help="Where records go that do not fit into memory: one file for each kernel, which only the "
        "server's user can read, deleted with the kernel. By default `reactive-replay` in Jupyter's runtime "
        "directory.",
    ).tag(config=True)

    store = Unicode(
        help="Where other servers find the records, too: `redis://HOST:PORT/NUMBER`, `rediss://...`, "
        "`unix://PATH` (all three take `jupyter-reactive[redis]`) or `sqlite:PATH`. Empty: nowhere. Whoever "
        "may read that may read all outputs."
    ).tag(config=True)
    store_prefix = Unicode(
        "reactive", help="What all names in Redis begin with: an access list can go by it."
    ).tag(config=True)
    store_limit = Int(
        64 << 20,
        help="Bytes of a kernel's records in the store after which what cells show is kept in their place.",
    ).tag(config=True)
    store_lease = Float(
        15.0,
        help="Seconds without a sign of life after which other servers of the store count this one as gone.",
    ).tag(config=True)

    silence_limit = Float(
        30.0,
        help="Seconds without a sign of life after which a client of the stream is given up. It is pinged "
        "six times meanwhile, whatever the server's own ping settings are.",
    ).tag(config=True)
    save_unattended = Bool(
        False,
        help="Write outputs into the notebook when no front end is there to do it: only into cells whose "
        "source is what ran, and never into a file that somebody has changed since the last front end left.",
    ).tag(config=True)
    unattended_interval = Float(
        5.0,
        help="Seconds between two looks for outputs that nobody is there to save.",
    ).tag(config=True)

    @default("directory")
    def _runtime_directory(self) -> str:
        return str(Path(jupyter_runtime_dir()) / "reactive-replay")

    _saving: PeriodicCallback | None = None

    def start(self, server: ServerApp) -> Streams:
        """Record every kernel of the server, from now on."""
        heap.share()
        self._context, self._alone = _context(server)
        limits = Limits(self.memory_limit, self.disk_limit, self.age_limit)
        self.recorders = Recorders(
            server.kernel_manager,
            self._make_tap(server),
            keeping=Keeping(Path(self.directory), limits, self._shared()),
            log=self.log,
            adopts=self._gateway(server) is not None,
        )
        self.recorders.follow()
        self.streams = Streams(self.recorders, self.silence_limit)
        if self.save_unattended:
            self._saving = self._saver(server)
            IOLoop.current().add_callback(self._saving.start)
        return self.streams

    def _shared(self) -> Shared | None:
        """Where other servers find the records, if they are to."""
        if not self.store:
            return None
        try:
            store = opened(self.store, self.store_prefix, self.age_limit)
        except NoStore as error:
            self.log.error("Records stay here, `ReplayApp.store` cannot be used: %s", error)  # noqa: TRY400  # a mistake in settings
            return None
        self.log.info("Records are shared through %s.", place_of(self.store))
        return Shared(store, Terms(self.store_lease, self.store_limit))

    def _saver(self, server: ServerApp) -> PeriodicCallback:
        saver = Saver(server.session_manager, server.contents_manager, self._attended, self.log)

        async def look() -> None:
            await saver.look(self.recorders.all)

        return PeriodicCallback(look, 1000 * self.unattended_interval)

    def _attended(self, recording: Recording) -> bool:
        return recording.pages > 0 or self.streams.clients(recording.log) > 0

    @staticmethod
    def _gateway(server: ServerApp) -> GatewayClient | None:
        gateway: GatewayClient = server.gateway_config
        return gateway if gateway.gateway_enabled else None

    def _make_tap(self, server: ServerApp) -> Callable[[Recording, Any], Listens]:
        gateway = self._gateway(server)
        if gateway is None:
            return lambda recording, kernel: Tap(self._context, recording, Address.of(kernel))
        return lambda recording, _: GatewayTap(recording, partial(_request, gateway, recording))

    def figures(self) -> list[Figures]:
        return [self._figures(name, recording) for name, recording in self.recorders.all.items()]

    def _figures(self, name: str, recording: Recording) -> Figures:
        log = recording.log
        return Figures(
            kernel=name,
            records=log.records,
            bytes=log.bytes,
            gaps=log.gaps,
            memory=log.memory,
            disk=log.disk,
            clients=self.streams.clients(log),
            lag=max(self.streams.behind(log), default=0),
            unshared=self.recorders.unshared(name),
        )

    def stop(self) -> None:
        """Leave no thread, socket or file behind."""
        if self._saving is not None:
            self._saving.stop()
        self.streams.close()
        self.recorders.close()
        if self._alone:
            self._context.term()


def _context(server: ServerApp) -> tuple[zmq.Context[Any], bool]:
    """Where the recorders' sockets live, and whether nobody else's do.

    In the server's own context one thread reads from the network what a kernel says to the server and to its
    recorder. A second one, woken for each message as well, costs the kernel a quarter of its speed.
    """
    theirs: object = getattr(server.kernel_manager, "context", None)
    if not isinstance(theirs, zmq.Context):
        return zmq.Context(), True
    shadow = cast("Callable[[int], zmq.Context[Any]]", zmq.Context.shadow)
    return shadow(theirs.underlying), False


def _request(gateway: GatewayClient, recording: Recording) -> HTTPRequest:
    """One session for all attempts: a gateway keeps for it what it could not tell."""
    recording.is_client(recording.id)
    path = url_path_join(str(gateway.ws_url), gateway.kernels_endpoint, recording.name, "channels")
    options: dict[str, Any] = gateway.load_connection_args()  # pyright: ignore[reportUnknownVariableType]  # typed in part
    return HTTPRequest(f"{path}?session_id={recording.id}", **options)


class ReactiveApp(ExtensionApp):
    """Everything that jupyter-reactive serves, under `/reactive/`."""

    name = "jupyter_extension"
    load_other_extensions = True
    classes = [ServerApp, ReplayApp]  # noqa: RUF012  # traitlets' own way to list what can be configured

    def initialize_settings(self) -> None:
        assert self.serverapp is not None
        self.replay = ReplayApp(parent=self)
        self.replay.start(self.serverapp)
        # Whatever is configured goes on doing its work: it is read anew for each websocket.
        base = self.settings[CONNECTION_CLASS]
        self.settings[CONNECTION_CLASS] = overhearing(base, self.replay.recorders.recording)

    def initialize_handlers(self) -> None:
        self.handlers.append((r"/reactive/version", VersionHandler))
        self.handlers.append((r"/reactive/metrics", MetricsHandler, {"replay": self.replay}))
        stream = r"/reactive/kernels/(?P<kernel_id>[^/]+)/stream"
        self.handlers.append((stream, StreamHandler, {"streams": self.replay.streams}))

    async def stop_extension(self) -> None:
        self.replay.stop()
