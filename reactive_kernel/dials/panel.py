"""All dials: what a run did with them, and their states."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, cast

from ..cell import NOTHING, Resource
from ..fixed import fixed
from ..shield import shielded
from .dial import IMPORTS, Dial, Lasting
from .generators import NumpyRandom, Random
from .imports import Imports
from .lists import SearchPath, Warnings
from .loggers import Loggers
from .seeding import NUMPY_RANDOM, RANDOM, SETTERS, seedings
from .settings import Environ, Matplotlib, Pandas
from .values import Decimal, Directory, Interpreter, Locale, NumpyOptions


@fixed
class Turned:
    """What a run did with the dials."""

    # Changed, or set to what they were already.
    writes: frozenset[Resource] = NOTHING
    reads: frozenset[Resource] = NOTHING
    # Generators that the run drew from as it found them: reads and writes. Where no seeding is in force
    # above, the draw is no function of the document, and no version of the state is worth keeping.
    drew: frozenset[Resource] = NOTHING
    # Generators that the run left in a state which its source and inputs determine, whatever was there.
    seeded: frozenset[Resource] = NOTHING
    # Generators that the run seeded from the system's entropy: no seeding above is in force below.
    unseeded: frozenset[Resource] = NOTHING


ABSENT: Final = object()


@dataclass(frozen=True, eq=False)
class _Noted:
    """A state, and how many changes had come to stay when it was noted."""

    state: object
    age: int


class Dials:
    """All dials: what a run did with them, and their states.

    Printing options of numpy and decimal's context belong to the context: whoever starts, stops, reads and
    writes does so where cells run. What a cell with `await` at its top does to them ends with the cell.
    """

    def __init__(self, arrived: Callable[[], None] = lambda: None) -> None:
        # To be told when an import is over.
        self._tell_of_import = arrived
        everything = (
            Random,
            NumpyRandom,
            Directory,
            Environ,
            SearchPath,
            Warnings,
            Locale,
            Decimal,
            Interpreter,
        )
        options = (Pandas, Matplotlib, NumpyOptions)
        self._loggers = Loggers()
        self._dials: dict[Resource, Dial] = {each.resource: each() for each in everything + options}
        self._dials[self._loggers.resource] = self._loggers
        # Changes that came to stay: imports made them, or brought the dial.
        self._stayed: list[tuple[Resource, object, object]] = []
        self._arrived: set[Resource] = set()
        self._imports = Imports(self._before_import, self._after_import)
        self._begin()

    def _begin(self) -> None:
        self._noted: dict[Resource, object] = {}
        self._changed: set[Resource] = set()
        self._asked: set[Resource] = set()
        self._drew: set[Resource] = set()
        # How a generator was last set: by something that determines its state?
        self._set: dict[Resource, bool] = {}
        # Is it known of the run that it turns nothing?
        self._still = False

    def add(self, dial: Dial) -> None:
        """One more."""
        self._dials[dial.resource] = dial

    # A run

    def start(self, *, still: bool = False) -> None:
        """Note all states before a run, in the thread and the context in which it will run.

        Of a `still` one it is known that it turns nothing, unless it imports something.
        """
        self._begin()
        self._still = still
        if not still:
            self._note_all()
            seedings.listener = self
        self._imports.start()

    def _note_all(self) -> None:
        noted = self._noted = {
            resource: dial.read() for resource, dial in self._dials.items() if dial.available()
        }
        if not self._arrived.issuperset(noted):
            for resource, state in noted.items():
                self._note(resource, state)
        seedings.attend(RANDOM)
        if NUMPY_RANDOM in self._noted:
            seedings.attend(NUMPY_RANDOM)
        if self._loggers.resource in self._noted:
            self._loggers.forget()

    def stop(self, modules: Collection[str], used: Collection[str]) -> Turned:
        """What the run did: `modules` are those behind its inputs, `used` says what else it touched."""
        self._imports.stop()
        seedings.listener = None
        hints = {*modules, *used, *((IMPORTS,) if self._imports.seen else ())}
        if self._still:
            return Turned(reads=frozenset(self._read_under(hints)))
        for resource, dial in self._dials.items():
            if self._is_changed(resource, dial):
                self._changed.add(resource)
        generators = SETTERS.keys()
        drew = self._drew | (self._changed & generators - self._set.keys())
        # A new state of settings is the old one but for what was set.
        reads = drew | self._asked | (self._changed - generators)
        if self._loggers.resource in self._noted and self._loggers.asked():
            reads |= {self._loggers.resource}
        reads |= self._read_under(hints) & self._noted.keys()
        return Turned(
            writes=frozenset(self._changed | self._set.keys()),
            reads=frozenset(reads),
            drew=frozenset(drew),
            seeded=frozenset(each for each, determined in self._set.items() if determined),
            unseeded=frozenset(each for each, determined in self._set.items() if not determined),
        )

    def _read_under(self, hints: Collection[str]) -> set[Resource]:
        """The dials that matter to what those stand for."""
        return {
            resource
            for resource, dial in self._dials.items()
            if not dial.read_under.isdisjoint(hints) and dial.available()
        }

    def _note(self, resource: Resource, state: object) -> None:
        self._noted[resource] = state
        if resource not in self._arrived:
            self._arrived.add(resource)
            self._stayed.append((resource, ABSENT, state))

    def _is_changed(self, resource: Resource, dial: Dial) -> bool:
        before = self._noted.get(resource, ABSENT)
        if not dial.available():
            return before is not ABSENT
        now = dial.read()
        if before is not ABSENT:
            return now is not before and not dial.alike(before, now)
        # It came with an import that nobody saw, so what was done with it since is unknown.
        self._note(resource, now)
        return True

    # What the run's calls tell

    @shielded
    def state_asked(self, resource: Resource) -> None:
        """The run got hold of a generator's state."""
        self._asked.add(resource)

    @shielded
    def before_setting(self, resource: Resource) -> None:
        """The run is about to set a generator's state: has it drawn from the old one?"""
        before = self._noted.get(resource, ABSENT)
        dial = self._dials[resource]
        if resource not in self._set and before is not ABSENT and not dial.alike(before, dial.read()):
            self._drew.add(resource)

    @shielded
    def after_setting(self, resource: Resource, given: object) -> None:
        """The run has set a generator's state; without anything given, the system's entropy did."""
        self._set[resource] = given is not None

    # Imports

    @shielded
    def _before_import(self) -> None:
        if self._still:
            # So far it has turned nothing; nobody knows what it does with what comes now.
            self._still = False
            self._note_all()
            seedings.listener = self
        self._at_import: dict[Resource, object] = {}
        for resource, dial in self._dials.items():
            if isinstance(dial, Lasting) and resource in self._noted and dial.available():
                self._at_import[resource] = dial.read()

    @shielded
    def _after_import(self) -> None:
        for resource, dial in self._dials.items():
            if not dial.available():
                continue
            if resource not in self._noted:
                self._note(resource, dial.read())
            elif resource in self._at_import:
                self._stay(resource, cast("Lasting", dial), self._at_import[resource])
        if NUMPY_RANDOM in self._noted:
            seedings.attend(NUMPY_RANDOM)
        self._tell_of_import()

    def _stay(self, resource: Resource, dial: Lasting, before: object) -> None:
        """What the import changed is not what the run changed."""
        after = dial.read()
        if dial.alike(before, after):
            return
        if not dial.alike(self._noted[resource], before):
            self._changed.add(resource)
        self._stayed.append((resource, before, after))
        self._noted[resource] = after

    # States

    def known(self, resource: Resource) -> bool:
        """Is there a dial of that name, whether or not its library is there by now?"""
        return resource in self._dials

    def read(self, resource: Resource) -> object:
        """The state now, to be kept, compared and written back."""
        dial = self._dials[resource]
        return _Noted(dial.read() if dial.available() else ABSENT, len(self._stayed))

    def before(self, resource: Resource) -> object:
        """The state that the latest run found."""
        return _Noted(self._noted.get(resource, ABSENT), len(self._stayed))

    def write(self, resource: Resource, state: object) -> None:
        """Put a state back. Raises OSError where that is a directory which is gone."""
        dial = self._dials[resource]
        wanted = self._now(resource, cast("_Noted", state))
        if wanted is not ABSENT and dial.available():
            dial.write(wanted)

    def alike(self, resource: Resource, old: object, new: object) -> bool:
        """Would two states be the same if they were put back now?"""
        one, other = (self._now(resource, cast("_Noted", each)) for each in (old, new))
        if one is ABSENT or other is ABSENT:
            return one is other
        return self._dials[resource].alike(one, other)

    def _now(self, resource: Resource, noted: _Noted) -> object:
        """A state with the changes that have come to stay since."""
        state, dial = noted.state, self._dials[resource]
        for changed, before, after in self._stayed[noted.age :]:
            if changed != resource:
                continue
            if state is ABSENT:
                state = after
            elif isinstance(dial, Lasting) and before is not ABSENT:
                state = dial.carry(state, before, after)
        return state
