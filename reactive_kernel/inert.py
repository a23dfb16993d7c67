"""Runs that can do nothing but bind names: they run no code but their own, on numbers, text and the like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .around import PATCHED
from .dials import PERVASIVE
from .equality import is_simple
from .event import Run

# Words of `analysis/verbs.py` for what runs no code of others where all that is read is simple.
_CALM: Final = frozenset(("+=", "[]", "&?", "for", "in", "op", "take", "unpack"))
# What every run is said to go by.
_ALWAYS: Final = PERVASIVE | {PATCHED}
_MISSING: Final = object()


def is_inert(run: Run, live: Mapping[str, object]) -> bool:
    """Can the run change nothing but names, and go by nothing but what these stand for?

    Such a run opens no file, turns no dial, starts no thread, imports nothing and prints nothing: nobody need
    look.
    """
    facts = run.facts
    if facts.problem is not None or facts.dynamic or facts.deletes or facts.erases:
        return False
    # A magic is Python's business only as far as its analyser says; an import has no word of its own; and of
    # `~True` newer Pythons warn where it is worked out.
    if "%" in run.source or "import" in run.source or "~" in run.source:
        return False
    return all(map(_is_calm, facts.verbs)) and all(
        is_simple(live.get(name, _MISSING)) for name in run.inputs.keys() - _ALWAYS
    )


def _is_calm(verb: str) -> bool:
    """A name that is only passed on is one that was read, and so is what is behind it."""
    return verb in _CALM or (verb[0] == "&" and verb[1:].isidentifier())
