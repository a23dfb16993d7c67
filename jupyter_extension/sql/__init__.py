"""SQL cells: `%load_ext jupyter_extension.sql` gives `%sql` and `%%sql`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: InteractiveShell) -> None:
    # Facts about SQL cells are asked of this package too, by programs that run none.
    from .magic import load

    load(shell)
