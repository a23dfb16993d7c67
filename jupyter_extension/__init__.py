"""The part of jupyter-reactive beside the kernel: the server extension, its pages, the exporters."""

from reactive_kernel._version import __version__ as __version__


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    # Imported here so that kernels and exporters, which import this package too, load no web server.
    from jupyter_extension.app import ReactiveApp

    return [{"module": "jupyter_extension", "app": ReactiveApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyter-reactive"}]


def _jupyter_nbextension_paths() -> list[dict[str, str]]:
    return [
        {
            "section": "notebook",
            "src": "nbextension",
            "dest": "jupyter-reactive",
            "require": "jupyter-reactive/main",
        }
    ]
