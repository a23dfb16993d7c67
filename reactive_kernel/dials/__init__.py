"""Process-wide states that a cell may set for others, and that can be noted and put back cheaply: dials.

A dial is a resource like a name: a run reads it, writes it, or lets it be, and every state has a version.
No dial imports the library that it belongs to; as long as that is not there, neither is the dial.

Modules are imported once in a process, so what an import did to a dial (numpy adds warnings filters) lasts:
no rerun would do it again. Such a change is nobody's write; older states get it when they are put back.
"""

from .dial import FILES_RELATIVE, PERVASIVE, SUBPROCESS, Dial
from .panel import Dials, Turned

__all__ = ["FILES_RELATIVE", "PERVASIVE", "SUBPROCESS", "Dial", "Dials", "Turned"]
