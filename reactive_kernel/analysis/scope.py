"""Names as Python's compiler resolves them, scope by scope."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from ..cell import BUILTINS, CellFacts, Latent, Unparsable, kept
from .verbs import UNKNOWN, of_origin, rebound, unrooted

# The compiler puts in the value of these.
_CONSTANTS = frozenset({"__debug__"})

# From 3.14 on, annotations are evaluated when somebody asks for them.
LAZY_ANNOTATIONS = sys.version_info >= (3, 14)

# Told about every `get_ipython().run_line_magic(...)` and its kin, with the constant arguments.
ShellCall = Callable[["Scope", str, "tuple[str, ...]"], None]


class Loop:
    """What is surely bound, beyond what was at `mark`, where a round ends and where the loop is left.

    None stands for a way that is not taken.
    """

    __slots__ = ("exits", "mark", "rounds")

    def __init__(self, mark: int) -> None:
        self.mark = mark
        self.rounds: list[set[str] | None] = []
        self.exits: list[set[str] | None] = []


class Scope:
    """What all scopes answer: a name is loaded, stored, deleted, changed, or left to a function within."""

    __slots__ = ("bound", "dead", "depth", "loops", "module", "outer", "trail")

    # Whether the order of statements matters: at the top level and in class bodies.
    ordered = True
    # Whether the code runs at once, and not when somebody calls the function around it.
    immediate = True

    module: Module

    def __init__(self, outer: Scope) -> None:
        self.outer = outer
        self.module = outer.module
        # Names that every path to this point has bound, and the order in which they came, to take back.
        self.bound: set[str] = set()
        self.trail: list[str] = []
        self.dead = False
        self.depth = 0
        self.loops: list[Loop] = []

    def load(self, name: str) -> None:
        raise NotImplementedError

    def store(self, name: str) -> None:
        raise NotImplementedError

    def delete(self, name: str) -> None:
        raise NotImplementedError

    def mutate(self, name: str) -> None:
        raise NotImplementedError

    def load_within(self, name: str) -> None:
        """Load from a comprehension, which does not see the names of a class around it."""
        self.load(name)

    def mutate_within(self, name: str) -> None:
        self.mutate(name)

    def leak(self, name: str) -> None:
        """Bind the target of a `:=`, which leaves its comprehension."""
        self.store(name)

    def defer(self, loads: set[str], mutates: set[str]) -> None:
        """Take over the names that a function within leaves unbound."""
        raise NotImplementedError

    def say(self, root: str, verb: str) -> None:
        """Note what is done by way of a name."""
        raise NotImplementedError

    def originate(self, name: str, origin: str) -> None:
        """Bind a name to what is known."""
        self.store(name)

    def declare_global(self, names: Iterable[str]) -> None:
        pass

    def declare_nonlocal(self, names: Iterable[str]) -> None:
        pass

    def settle(self, names: Iterable[str]) -> None:
        """Count names as bound on every path."""
        bound = self.bound
        for name in names:
            if name not in bound:
                bound.add(name)
                self.trail.append(name)

    def take_back(self, mark: int) -> set[str]:
        """Forget that the names bound since `mark` are bound, and return them."""
        names = set(self.trail[mark:])
        if names:
            del self.trail[mark:]
            self.bound -= names
        return names


class Module(Scope):
    """The top level of the cell."""

    __slots__ = (
        "annotations", "bare", "deletes", "dynamic", "erases", "extra", "latent", "loaded", "manual",
        "mutates", "origins", "problem", "reads", "record", "said", "said_of_own", "sessions", "shell_call",
        "unsure", "verbs", "written",
    )  # fmt: skip

    def __init__(self, shell_call: ShellCall) -> None:
        self.module = self
        super().__init__(self)
        self.shell_call = shell_call
        self.loaded: set[str] = set()
        self.reads: set[str] = set()
        self.unsure: set[str] = set()
        self.written: set[str] = set()
        self.deletes: set[str] = set()
        self.erases: set[str] = set()
        self.mutates: set[str] = set()
        # Resources that are no names of Python; their writers bring no whole new value, so they never bind.
        self.extra: set[str] = set()
        self.latent: dict[str, tuple[set[str], set[str]]] = {}
        # Where the functions met now leave their reads and writes; None stands for the anonymous ones.
        self.record: tuple[set[str], set[str]] | None = None
        self.dynamic = False
        self.manual = False
        self.sessions: set[str] = set()
        self.problem: Unparsable | None = None
        self.annotations = "deferred" if LAZY_ANNOTATIONS else "evaluated"
        self.verbs: set[str] = set()
        # What is done by way of names: of those that are bound by then, and of others.
        self.said_of_own: list[tuple[str, str]] = []
        self.said: list[tuple[str, str]] = []
        # What is behind the names that are bound once, or always to the like.
        self.origins: dict[str, str] = {}
        # Names loaded for what they stand for, not for an attribute, an item or a call.
        self.bare: set[str] = set()

    def load(self, name: str) -> None:
        self.loaded.add(name)
        if name not in self.bound:
            # A write in one branch is not a definite write, so the name is still a read.
            (self.unsure if name in self.written else self.reads).add(name)

    def store(self, name: str) -> None:
        if name in self.origins:
            self._confuse(name)
        self.written.add(name)
        if name not in self.bound:
            self.bound.add(name)
            self.trail.append(name)
        if self.deletes and self.depth == 0:
            self.deletes.discard(name)

    def originate(self, name: str, origin: str) -> None:
        origins = self.origins
        known = origins.get(name, None if name in self.written else origin)
        self.store(name)
        if known == origin:
            origins[name] = origin
        elif ":" in origin:
            self.verbs.add("&?")

    def _confuse(self, name: str) -> None:
        """Forget what was known of a name that is bound again."""
        if ":" in self.origins[name]:
            self.verbs.add("&?")
        self.origins[name] = UNKNOWN

    def say(self, root: str, verb: str) -> None:
        (self.said_of_own if root in self.bound else self.said).append((root, verb))

    def delete(self, name: str) -> None:
        self.load(name)
        # What is read after `del` is not what was there before the cell, so the name counts as decided.
        self.store(name)
        self.deletes.add(name)

    def mutate(self, name: str) -> None:
        self.load(name)
        if name not in self.bound:
            self.mutates.add(name)

    def defer(self, loads: set[str], mutates: set[str]) -> None:
        reads, writes = self.current_record()
        reads |= loads
        reads |= mutates
        writes |= mutates

    def current_record(self) -> tuple[set[str], set[str]]:
        return self.record if self.record is not None else self.record_of("")

    def record_of(self, name: str) -> tuple[set[str], set[str]]:
        return self.latent.setdefault(name, (set(), set()))

    def facts(self) -> CellFacts:
        deferred: set[str] = set()
        latent: dict[str, Latent] = {}
        for name, (reads, writes) in self.latent.items():
            latent[name] = Latent(kept(reads - _CONSTANTS), kept(writes))
            deferred |= latent[name].reads
        taken = self.reads | self.unsure
        outside = taken | (deferred - self.bound)
        shadowed = outside & BUILTINS
        shadowed -= _CONSTANTS
        reads = taken - BUILTINS
        writes = self.written | self.mutates | self.extra
        return CellFacts(
            reads=kept(reads),
            writes=kept(writes),
            defers=kept(deferred - reads - writes - BUILTINS),
            builtins=kept(shadowed),
            maybe=kept((self.unsure - self.reads) & reads),
            deletes=kept(self.deletes),
            erases=kept(self.erases),
            mutates=kept(self.mutates),
            latent=latent,
            uses=kept(self.loaded.intersection(latent)),
            dynamic=self.dynamic,
            manual=self.manual,
            sessions=kept(self.sessions),
            problem=self.problem,
            verbs=self._verbs(outside),
        )

    def _verbs(self, outside: set[str]) -> frozenset[str]:
        verbs, written, origins = self.verbs, self.written, self.origins
        for root, verb in self.said:
            if root not in written:
                verbs.add(verb)
            # What the name stood for at that time, nobody can look up afterwards.
            elif found := rebound(verb):
                verbs.add(found)
        for root, verb in self.said_of_own:
            if found := of_origin(verb, root, origins.get(root, UNKNOWN)):
                verbs.add(found)
        for name in self.bare:
            if name in outside:
                verbs.add("&?" if name in written else f"&{name}")
            elif (origin := origins.get(name)) and (found := of_origin(f"&{name}", name, origin)):
                verbs.add(found)
        return kept(verbs)


def mangled(owner: str, name: str) -> str:
    """The name that the compiler puts in the place of a private one in the class `owner`."""
    private = name.startswith("__") and not name.endswith("__") and owner.strip("_")
    return f"_{owner.lstrip('_')}{name}" if private else name


class ClassBody(Scope):
    """A class body: run at once, its names unseen by the functions within."""

    __slots__ = ("globals", "immediate", "lazy", "name", "names", "pending")

    def __init__(self, outer: Scope, name: str) -> None:
        # What is within sees past other class bodies.
        while isinstance(outer, ClassBody):
            outer = outer.outer
        super().__init__(outer)
        self.immediate = outer.immediate
        self.name = name
        self.names: set[str] = set()
        self.globals: set[str] = set()
        self.pending: set[str] = set()
        self.lazy: set[str] = set()

    def mangle(self, name: str) -> str:
        return mangled(self.name, name) if name.startswith("__") else name

    def load(self, name: str) -> None:
        name = self.mangle(name)
        if name in self.globals:
            self._load_global(name)
        elif name in self.bound:
            return
        elif self.immediate:
            self.outer.load_within(name)
        else:
            self.pending.add(name)

    def store(self, name: str) -> None:
        name = self.mangle(name)
        if name not in self.globals:
            self.names.add(name)
            if name not in self.bound:
                self.bound.add(name)
                self.trail.append(name)
        elif self.immediate:
            # Branches of a class body are not followed for names of the module.
            self.module.written.add(name)
        else:
            self.module.current_record()[1].add(name)

    def delete(self, name: str) -> None:
        self.load(name)
        self.store(name)

    def mutate(self, name: str) -> None:
        name = self.mangle(name)
        if name not in self.bound:
            self.mutate_within(name)

    def load_within(self, name: str) -> None:
        self.outer.load_within(self.mangle(name))

    def mutate_within(self, name: str) -> None:
        self.outer.mutate_within(self.mangle(name))

    def defer(self, loads: set[str], mutates: set[str]) -> None:
        loads = {self.mangle(name) for name in loads}
        mutates = {self.mangle(name) for name in mutates}
        # The class that `super()` needs is the function's own affair.
        loads.discard("__class__")
        mutates.discard("__class__")
        self.outer.defer(loads, mutates)

    def say(self, root: str, verb: str) -> None:
        # That there is a class says enough.
        pass

    def declare_global(self, names: Iterable[str]) -> None:
        names = [self.mangle(name) for name in names]
        self.globals.update(names)
        self.module.origins.update(dict.fromkeys(names, UNKNOWN))

    def declare_nonlocal(self, names: Iterable[str]) -> None:
        # The function around has bound the name, whatever the class does with it.
        self.bound.update(map(self.mangle, names))

    def finish(self) -> None:
        if self.lazy:
            self.outer.defer(self.lazy - self.names, set())
        for name in self.pending:
            # A name bound somewhere in the class is looked up there and then in the module:
            # the function between the two is skipped.
            if name in self.names:
                self._load_global(name)
            else:
                self.outer.load_within(name)

    def _load_global(self, name: str) -> None:
        if self.immediate:
            self.module.load(name)
        else:
            self.module.current_record()[0].add(name)


class Inner(Scope):
    """A comprehension, or the scope of type parameters: run at once, with a few names of its own."""

    __slots__ = ("immediate", "names", "ordered", "sees_class")

    def __init__(self, outer: Scope, names: set[str], *, sees_class: bool = False) -> None:
        super().__init__(outer)
        self.immediate = outer.immediate
        self.ordered = outer.ordered
        self.bound = outer.bound
        self.trail = outer.trail
        self.names = names
        self.sees_class = sees_class

    def load(self, name: str) -> None:
        if name not in self.names:
            (self.outer.load if self.sees_class else self.outer.load_within)(name)

    def load_within(self, name: str) -> None:
        if name not in self.names:
            self.outer.load_within(name)

    def store(self, name: str) -> None:
        # Its targets are known beforehand.
        pass

    def delete(self, name: str) -> None:
        pass

    def mutate(self, name: str) -> None:
        if name not in self.names:
            self.outer.mutate_within(name)

    def leak(self, name: str) -> None:
        self.outer.leak(name)

    def defer(self, loads: set[str], mutates: set[str]) -> None:
        self.outer.defer(loads - self.names, mutates - self.names)

    def say(self, root: str, verb: str) -> None:
        if root not in self.names:
            self.outer.say(root, verb)
        elif found := unrooted(verb):
            self.module.verbs.add(found)


class Function(Scope):
    """A function or lambda: its body runs when somebody calls it, so order within does not matter."""

    __slots__ = ("globals", "loads", "mutates", "names", "nonlocals", "said")

    ordered = False
    immediate = False

    def __init__(self, outer: Scope, parameters: set[str]) -> None:
        super().__init__(outer)
        self.names = parameters
        self.loads: set[str] = set()
        self.mutates: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.said: list[tuple[str, str]] = []

    def load(self, name: str) -> None:
        self.loads.add(name)

    def store(self, name: str) -> None:
        self.names.add(name)

    def delete(self, name: str) -> None:
        self.names.add(name)
        self.loads.add(name)

    def mutate(self, name: str) -> None:
        self.loads.add(name)
        self.mutates.add(name)

    def defer(self, loads: set[str], mutates: set[str]) -> None:
        self.loads |= loads
        self.mutates |= mutates

    def say(self, root: str, verb: str) -> None:
        self.said.append((root, verb))

    def declare_global(self, names: Iterable[str]) -> None:
        names = list(names)
        self.globals.update(names)
        self.module.origins.update(dict.fromkeys(names, UNKNOWN))

    def declare_nonlocal(self, names: Iterable[str]) -> None:
        self.nonlocals.update(names)

    def finish(self) -> None:
        if self.globals:
            self._settle_globals()
        names = self.names - self.nonlocals
        self.outer.defer(self.loads - names, self.mutates - names)
        mine = names | self.nonlocals
        for root, verb in self.said:
            if root in self.globals:
                self.module.say(root, verb)
            elif root not in mine:
                self.outer.say(root, verb)
            elif found := unrooted(verb):
                self.module.verbs.add(found)

    def _settle_globals(self) -> None:
        reads, writes = self.module.current_record()
        mine = {self._mangled(name): name for name in self.globals}
        for mangled, name in mine.items():
            if name in self.loads:
                reads.add(mangled)
            if name in self.names or name in self.mutates:
                writes.add(mangled)
        self.loads -= self.globals
        self.mutates -= self.globals

    def _mangled(self, name: str) -> str:
        scope = self.outer
        while scope is not self.module:
            if isinstance(scope, ClassBody):
                return scope.mangle(name)
            scope = scope.outer
        return name
