"""What a run did to the names: what it bound, took away, looked up; not yet what is behind them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Final, cast

from .cell import NOTHING, Observation, Resource
from .event import Run
from .executed import executed
from .fixed import fixed
from .functions import latent_of
from .namespace import of_the_session
from .objects import Looked

_ABSENT: Final = object()
# Builtins through which code reaches names that it does not spell out.
_REFLECTIVE = frozenset(("eval", "exec", "globals", "get_ipython"))
# Those of them (the last three: at a cell's own top level) whose reads nobody can see.
_UNSEEN = frozenset(("globals",))
_UNSEEN_AT_TOP = frozenset(("dir", "locals", "vars"))


def looks_up_names(run: Run) -> bool:
    """May the run reach names that no source spells out?"""
    return run.facts.dynamic or not _REFLECTIVE.isdisjoint(run.inputs)


@fixed
class Watch:
    """What stood in the namespace when a run began, as far as the run is expected to touch it."""

    before: Mapping[Resource, object]
    # The newest name that stays: whatever the run adds comes after it.
    newest: str | None
    everything: bool


def watch(live: dict[str, object], run: Run) -> Watch:
    """Look at the namespace before a run."""
    if looks_up_names(run):
        executed.start(live)
        return Watch(dict(live), None, True)
    expected = run.facts.writes | run.touches | run.facts.reads | run.facts.erases
    # A name that the run may delete or bind anew would not stay where it is.
    newest = next((name for name in reversed(live) if name not in expected and _stays(name)), None)
    return Watch({name: live.get(name, _ABSENT) for name in expected}, newest, False)


def _stays(name: str) -> bool:
    """Does a run leave it that does not speak of it? IPython forgets what cells showed, not their texts."""
    return not of_the_session(name) or (name[:2] == "_i" and name[2:].isdecimal())


# Kinds of values behind which no function of the notebook can stand.
_SILENT = frozenset(("atom", "steady", "plain", "array", "frame", "polars", "arrow"))


def _may_call(values: Mapping[Resource, object], looked: Looked) -> dict[Resource, object]:
    found: dict[Resource, object] = {}
    for name, value in values.items():
        behind = looked.reach(value)
        if behind.vast or not behind.kinds <= _SILENT:
            found[name] = value
    return found


def observe(
    seen: Watch, live: dict[str, object], run: Run, error: BaseException | None, looked: Looked
) -> Observation:
    """Compare the namespace after a run with what stood there before: names, not yet what is behind them."""
    facts = run.facts
    promised = (facts.writes - facts.mutates - facts.deletes) | _starred(run.source)
    # Names that it may have bound itself before it took them away.
    gone = facts.deletes | (facts.erases & facts.writes)
    loaded, stored = executed.stop()
    bound = {name for name in promised | stored if name in live}
    for name, value in _current(seen, live):
        if seen.before.get(name, _ABSENT) is not value and not of_the_session(name):
            bound.add(name)
    deleted = {
        name
        for name, value in seen.before.items()
        if name not in live and (value is not _ABSENT or name in gone) and not of_the_session(name)
    }
    missed = _missed(error)
    vain = frozenset(name for name in missed if seen.before.get(name, _ABSENT) is not _ABSENT)
    missed -= vain
    return Observation(
        bound=frozenset(bound),
        deleted=frozenset(deleted),
        # What the graph knew already it knows better: through which function, and so for how long.
        reads=(missed | loaded) - run.inputs.keys(),
        early=missed & run.inputs.keys() & run.facts.writes,
        vain=vain,
        untried=_untried(seen, live, run),
        latent=latent_of(_may_call({name: live[name] for name in bound}, looked), live, facts),
        unproven=unproven(run),
    )


def _current(seen: Watch, live: dict[str, object]) -> Iterator[tuple[str, object]]:
    """The names whose binding may be another than before."""
    if seen.everything:
        yield from live.items()
        return
    for name in seen.before:
        if name in live:
            yield name, live[name]
    for name in reversed(live):
        if name == seen.newest:
            return
        yield name, live[name]


_STAR = re.compile(r"^\s*from\s+([\w.]+)\s+import\s+\*", re.MULTILINE)


def _starred(source: str) -> frozenset[Resource]:
    """The names that star imports bind, also to what they were bound to before."""
    found: set[Resource] = set()
    for name in _STAR.findall(source) if "*" in source else ():
        module = sys.modules.get(name)
        held = vars(module) if module is not None else {}
        public = cast("list[str] | None", held.get("__all__"))
        found.update([name for name in held if name[0] != "_"] if public is None else public)
    return frozenset(found)


def _missed(error: BaseException | None) -> frozenset[Resource]:
    """A name that the run looked for in vain is a read of it."""
    name = error.name if type(error) is NameError else None
    return frozenset((name,)) if isinstance(name, str) else NOTHING


def _untried(seen: Watch, live: Mapping[str, object], run: Run) -> frozenset[Resource]:
    """Names of which nobody could see whether the run takes them away, for want of a value."""
    absent = (name for name in run.facts.erases if seen.before.get(name, _ABSENT) is _ABSENT)
    return frozenset(name for name in absent if name not in live and not of_the_session(name))


def unproven(run: Run) -> str | None:
    """Why nobody can say what the run read, if so."""
    session = sorted(name for name, maker in run.inputs.items() if maker is None and _of_history(name))
    if session:
        return f"It reads `{session[0]}`, which belongs to this session and not to the notebook."
    if "__subclasses__" in run.source:
        return "It asks for `__subclasses__`, among which there may be classes that are used no more."
    unseen = _UNSEEN & run.inputs.keys()
    if run.facts.dynamic:
        unseen |= _UNSEEN_AT_TOP & run.facts.builtins
    if not unseen and "get_ipython" in run.inputs and "user_ns" in run.source:
        unseen = frozenset(("user_ns",))
    if not unseen:
        return None
    return (
        f"It looks names up with `{min(unseen)}`: nobody can say what it reads. Name what it needs instead."
    )


def _of_history(name: Resource) -> bool:
    return of_the_session(name) and not name.startswith("__")
