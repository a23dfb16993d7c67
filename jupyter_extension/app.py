"""The server extension: configuration and wiring, nothing else."""

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.extension.application import ExtensionApp
from tornado import web

from reactive_kernel._version import __version__

PROTOCOL = 1


class VersionHandler(APIHandler):
    """What is installed here: external programs ask before they speak the protocol."""

    # Whoever may look at kernels may know which protocol they speak.
    auth_resource = "kernels"

    @web.authenticated
    @authorized
    def get(self) -> None:
        self.finish({"version": __version__, "protocol": PROTOCOL})


class ReactiveApp(ExtensionApp):
    """Everything that jupyter-reactive serves, under `/reactive/`."""

    name = "jupyter_extension"
    extension_url = "/reactive/version"
    load_other_extensions = True

    def initialize_handlers(self) -> None:
        self.handlers.append((r"/reactive/version", VersionHandler))
