"""What goes to a worker and what comes back: values, named by what is in them."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from dataclasses import field
from typing import TypeAlias

from .._version import __version__
from ..cell import Resource
from ..fixed import fixed

# What a cell shows: "stdout" and "stderr" with their text, or a message's type with its data and metadata.
Shown: TypeAlias = tuple[str, object, object]


@fixed
class Bundle:
    """Values in bytes: those together that share objects."""

    names: frozenset[Resource]
    blob: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        return hashlib.blake2b(self.blob, digest_size=16).hexdigest()


@fixed
class Task:
    """A cell as a worker has to know it. Its inputs travel beside it: they may be results of other tasks."""

    source: str
    # The texts of cells that import and define what it uses, in the document's order.
    prelude: tuple[str, ...]
    # What it takes from which other task, and from which bundles.
    upstream: tuple[tuple[Resource, str], ...]
    given: tuple[tuple[Resource, str], ...]
    # What it has to leave: a name that cannot travel and that nobody takes may stay behind.
    needed: frozenset[Resource]
    # The names that it needs, itself and through functions, and those that functions may write.
    reads: frozenset[Resource]
    touches: frozenset[Resource]

    @property
    def key(self) -> str:
        """The same name wherever and whenever the same is to be done."""
        told = (self.source, self.prelude, self.upstream, self.given, sorted(self.needed), sorted(self.reads))
        text = repr((__version__, sys.version_info[:2], told, sorted(self.touches)))
        return (
            f"reactive-{hashlib.blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"
        )


@fixed
class Done:
    """A cell did on a worker what it would have done at home."""

    shown: tuple[Shown, ...]
    left: tuple[Bundle, ...]
    # The settings that it goes by, as they are where no cell has changed them.
    goes_by: frozenset[Resource] = frozenset()
    # Names that it bound, that cannot travel, and that nobody takes.
    without: frozenset[Resource] = frozenset()


@fixed
class Home:
    """A cell has to run at home, and why: what it did on the worker does not count."""

    why: str
    # Is it only that a cell that it waits for has to?
    inherited: bool = False


Result: TypeAlias = Done | Home


def holding(bundles: Iterable[Bundle], name: Resource) -> Bundle | None:
    """The bundle that the name is in."""
    return next((bundle for bundle in bundles if name in bundle.names), None)
