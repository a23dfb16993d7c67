"""A server extension for the tests: every process of a kernel gets other ports, as on other machines."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

from jupyter_client.connect import port_names
from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

NAME = "local-provisioner"


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "tests.replay.moving"}]


def _load_jupyter_server_extension(server: Any) -> None:
    factory = KernelProvisionerFactory.instance(parent=server)
    factory.provisioners[NAME] = EntryPoint(NAME, "tests.replay.moving:Moving", factory.GROUP_NAME)


class Moving(LocalProvisioner):
    async def pre_launch(self, **options: Any) -> dict[str, Any]:
        manager = self.parent
        manager.cleanup_connection_file()
        for name in port_names:
            setattr(manager, name, 0)
        self.ports_cached = False
        found = await super().pre_launch(**options)
        manager.log.info("A process of %s speaks on port %d.", manager.kernel_id, manager.iopub_port)
        return found
