"""Names as Python's compiler resolves them: one ordered walk over the tree of a cell."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .cell import CellFacts, Latent

# `_` and its kin come and go in `builtins` with the display hook; IPython adds a few names of its own.
BUILTINS = frozenset(name for name in dir(builtins) if name.strip("_")) | {
    "copyright", "credits", "display", "exit", "get_ipython", "help", "license", "quit",
}  # fmt: skip

# Methods that change their object where their result is thrown away (pandas has an `add` and an `append`
# that return a new object, so a call whose result is used proves nothing) ...
MUTATORS = frozenset(
    "add append appendleft clear discard extend extendleft fit insert partial_fit pop popitem popleft remove"
    " reverse rotate setdefault sort update".split()
)
# ... and those that change it wherever they are called.
ALWAYS_MUTATORS = frozenset({"pop", "popitem", "popleft", "setdefault"})
# `list.append(xs, 1)` changes no `list`.
CONTAINER_TYPES = frozenset({"bytearray", "dict", "list", "set"})

# A decorator gets the function and may call it at once; these do not.
CALM_DECORATORS = frozenset(
    "abstractmethod asynccontextmanager cache cached_property classmethod contextmanager dataclass fixture jit"
    " lru_cache njit overload property singledispatch staticmethod total_ordering wraps".split()
)
# Context managers that swallow exceptions: what their block binds may be unbound after it.
SWALLOWING = frozenset({"assertRaises", "raises", "suppress"})

_FUTURE_LAZY = sys.version_info >= (3, 14)
_SHELL_METHODS = frozenset({"getoutput", "run_cell_magic", "run_line_magic", "system"})

# Told about every `get_ipython().run_line_magic(...)` and its kin, with the constant arguments.
ShellCall = Callable[["Scope", str, "tuple[str, ...]"], None]


class Scope:
    """What all scopes answer: a name is loaded, stored, deleted, changed, or left to a function within."""

    __slots__ = ("bound", "breaks", "dead", "depth", "module", "outer", "trail")

    # Whether the order of statements matters: at the top level and in class bodies.
    ordered = True
    # Whether the code runs at once, and not when somebody calls the function around it.
    immediate = True

    def __init__(self, module: Module | None, outer: Scope | None) -> None:
        self.outer = outer
        self.module: Module = module if module is not None else self  # type: ignore[assignment]
        # Names that every path to this point has bound, and the order in which they came, to take back.
        self.bound: set[str] = set()
        self.trail: list[str] = []
        self.dead = False
        self.depth = 0
        self.breaks: list[tuple[int, list[set[str]]]] = []

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
        "annotations", "deletes", "dynamic", "extra", "latent", "loaded", "manual", "mutates", "problem", "reads",
        "record", "shell_call", "unsure", "written",
    )  # fmt: skip

    def __init__(self, shell_call: ShellCall) -> None:
        super().__init__(None, None)
        self.shell_call = shell_call
        self.loaded: set[str] = set()
        self.reads: set[str] = set()
        self.unsure: set[str] = set()
        self.written: set[str] = set()
        self.deletes: set[str] = set()
        self.mutates: set[str] = set()
        # Resources that are no names of Python; their writers bring no whole new value, so they never bind.
        self.extra: set[str] = set()
        self.latent: dict[str, tuple[set[str], set[str]]] = {}
        # Where the functions met now leave their reads and writes; None stands for the anonymous ones.
        self.record: tuple[set[str], set[str]] | None = None
        self.dynamic = False
        self.manual = False
        self.annotations = "deferred" if _FUTURE_LAZY else "evaluated"

    def load(self, name: str) -> None:
        self.loaded.add(name)
        if name not in self.bound:
            # A write in one branch is not a definite write, so the name is still a read.
            (self.unsure if name in self.written else self.reads).add(name)

    def store(self, name: str) -> None:
        self.written.add(name)
        if name not in self.bound:
            self.bound.add(name)
            self.trail.append(name)
        if self.deletes and self.depth == 0:
            self.deletes.discard(name)

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
            deferred |= reads
            latent[name] = Latent(frozenset(reads), frozenset(writes))
        taken = self.reads | self.unsure
        shadowed = (taken | (deferred - self.bound)) & BUILTINS
        shadowed.discard("__debug__")
        reads = taken - BUILTINS
        writes = self.written | self.mutates | self.extra
        # An anonymous function may be called where it stands.
        uses = {name for name in latent if not name or name in self.loaded}
        return CellFacts(
            reads=frozenset(reads),
            writes=frozenset(writes),
            defers=frozenset(deferred - reads - writes - BUILTINS),
            builtins=frozenset(shadowed),
            maybe=frozenset((self.unsure - self.reads) & reads),
            deletes=frozenset(self.deletes),
            mutates=frozenset(self.mutates),
            latent=latent,
            uses=frozenset(uses),
            dynamic=self.dynamic,
            manual=self.manual,
        )


class ClassBody(Scope):
    """A class body: run at once, its names unseen by the functions within."""

    __slots__ = ("globals", "immediate", "lazy", "names", "pending", "prefix")

    def __init__(self, outer: Scope, name: str) -> None:
        module = outer.module
        self.immediate = outer.immediate
        # Functions and classes within see past other class bodies.
        while isinstance(outer, ClassBody):
            outer = outer.outer or module
        super().__init__(module, outer)
        self.prefix = "_" + name.lstrip("_") if name.strip("_") else ""
        self.names: set[str] = set()
        self.globals: set[str] = set()
        self.pending: set[str] = set()
        self.lazy: set[str] = set()

    def mangle(self, name: str) -> str:
        if name.startswith("__") and not name.endswith("__"):
            return self.prefix + name
        return name

    def load(self, name: str) -> None:
        name = self.mangle(name)
        if name in self.globals:
            self._load_global(name)
        elif name in self.bound:
            return
        elif self.immediate:
            self._beyond().load_within(name)
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
        self._beyond().load_within(self.mangle(name))

    def mutate_within(self, name: str) -> None:
        self._beyond().mutate_within(self.mangle(name))

    def defer(self, loads: set[str], mutates: set[str]) -> None:
        loads = {self.mangle(name) for name in loads}
        loads.discard("__class__")
        self._beyond().defer(loads, {self.mangle(name) for name in mutates})

    def declare_global(self, names: Iterable[str]) -> None:
        self.globals.update(map(self.mangle, names))

    def declare_nonlocal(self, names: Iterable[str]) -> None:
        # The function around has bound the name, whatever the class does with it.
        self.bound.update(map(self.mangle, names))

    def finish(self) -> None:
        beyond = self._beyond()
        if self.lazy:
            beyond.defer(self.lazy - self.names, set())
        for name in self.pending:
            # A name bound somewhere in the class is looked up there and then in the module:
            # the function between the two is skipped.
            if name in self.names:
                self._load_global(name)
            else:
                beyond.load_within(name)

    def _beyond(self) -> Scope:
        return self.outer or self.module

    def _load_global(self, name: str) -> None:
        if self.immediate:
            self.module.load(name)
        else:
            self.module.current_record()[0].add(name)


class Inner(Scope):
    """A comprehension, or the scope of type parameters: run at once, with a few names of its own."""

    __slots__ = ("immediate", "names", "ordered", "sees_class")

    def __init__(self, outer: Scope, names: set[str], sees_class: bool = False) -> None:
        super().__init__(outer.module, outer)
        self.immediate = outer.immediate
        self.ordered = outer.ordered
        self.bound = outer.bound
        self.trail = outer.trail
        self.names = names
        self.sees_class = sees_class

    def load(self, name: str) -> None:
        if name not in self.names:
            outer = self.outer or self.module
            (outer.load if self.sees_class else outer.load_within)(name)

    def load_within(self, name: str) -> None:
        if name not in self.names:
            (self.outer or self.module).load_within(name)

    def store(self, name: str) -> None:
        # Its targets are known beforehand.
        pass

    def delete(self, name: str) -> None:
        pass

    def mutate(self, name: str) -> None:
        if name not in self.names:
            (self.outer or self.module).mutate_within(name)

    def leak(self, name: str) -> None:
        (self.outer or self.module).leak(name)

    def defer(self, loads: set[str], mutates: set[str]) -> None:
        (self.outer or self.module).defer(loads - self.names, mutates - self.names)


class Function(Scope):
    """A function or lambda: its body runs when somebody calls it, so order within does not matter."""

    __slots__ = ("globals", "loads", "mutates", "names", "nonlocals")

    ordered = False
    immediate = False

    def __init__(self, outer: Scope, parameters: set[str]) -> None:
        super().__init__(outer.module, outer)
        self.names = parameters
        self.loads: set[str] = set()
        self.mutates: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()

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

    def declare_global(self, names: Iterable[str]) -> None:
        self.globals.update(names)

    def declare_nonlocal(self, names: Iterable[str]) -> None:
        self.nonlocals.update(names)

    def finish(self) -> None:
        if self.globals:
            self._settle_globals()
        names = self.names - self.nonlocals
        (self.outer or self.module).defer(self.loads - names, self.mutates - names)

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
        scope: Scope | None = self.outer
        while scope is not None:
            if isinstance(scope, ClassBody):
                return scope.mangle(name)
            scope = scope.outer
        return name


Handler = Callable[[Scope, Any], None]


def _children(scope: Scope, node: ast.AST) -> None:
    for field in node._fields:
        value = getattr(node, field)
        if isinstance(value, ast.AST):
            HANDLERS[type(value)](scope, value)
        elif isinstance(value, list):
            for item in value:  # type: ignore[reportUnknownVariableType]
                if isinstance(item, ast.AST):
                    HANDLERS[type(item)](scope, item)


class _Handlers(dict[type[ast.AST], Handler]):
    def __missing__(self, kind: type[ast.AST]) -> Handler:
        return self.setdefault(kind, _children)


HANDLERS: Mapping[type[ast.AST], Handler]


def walk(scope: Scope, nodes: Iterable[ast.AST]) -> None:
    for node in nodes:
        HANDLERS[type(node)](scope, node)


def visit(scope: Scope, node: ast.AST | None) -> None:
    if node is not None:
        HANDLERS[type(node)](scope, node)


# Expressions


def _nothing(scope: Scope, node: ast.AST) -> None:
    pass


def _name(scope: Scope, node: ast.Name) -> None:
    kind = type(node.ctx)
    if kind is ast.Load:
        scope.load(node.id)
    elif kind is ast.Store:
        scope.store(node.id)
    else:
        scope.delete(node.id)


def root_name(node: ast.AST) -> str | None:
    """The name that a chain of attributes and subscripts starts from."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _mutate(scope: Scope, node: ast.AST) -> None:
    name = root_name(node)
    if name is not None:
        scope.mutate(name)


def _attribute(scope: Scope, node: ast.Attribute) -> None:
    value = node.value
    HANDLERS[type(value)](scope, value)
    if type(node.ctx) is not ast.Load:
        _mutate(scope, node)


def _subscript(scope: Scope, node: ast.Subscript) -> None:
    value = node.value
    HANDLERS[type(value)](scope, value)
    value = node.slice
    HANDLERS[type(value)](scope, value)
    if type(node.ctx) is not ast.Load:
        _mutate(scope, node)


def _call(scope: Scope, node: ast.Call) -> None:
    func = node.func
    if type(func) is ast.Attribute:
        attr = func.attr
        if attr in _SHELL_METHODS and _shell_call(scope, node):
            return
        if attr in ALWAYS_MUTATORS:
            _mutate_by_call(scope, func)
    HANDLERS[type(func)](scope, func)
    for value in node.args:
        HANDLERS[type(value)](scope, value)
    for keyword in node.keywords:
        value = keyword.value
        HANDLERS[type(value)](scope, value)
        if keyword.arg == "inplace" and type(func) is ast.Attribute and _is_true(value):
            _mutate_by_call(scope, func)


def _mutate_by_call(scope: Scope, func: ast.Attribute) -> None:
    name = root_name(func)
    if name is not None and name not in CONTAINER_TYPES:
        scope.mutate(name)


def _is_true(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _shell_call(scope: Scope, node: ast.Call) -> bool:
    """Hand `get_ipython().run_line_magic("name", "args")` and its kin to whoever knows magics."""
    func = node.func
    assert isinstance(func, ast.Attribute)
    shell = func.value
    if not (isinstance(shell, ast.Call) and isinstance(shell.func, ast.Name) and shell.func.id == "get_ipython"):
        return False
    texts = tuple(
        arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
    )
    wanted = {"run_line_magic": 2, "run_cell_magic": 3}.get(func.attr, 1)
    if len(texts) != wanted or len(node.args) != wanted:
        return False
    scope.module.shell_call(scope, func.attr, texts)
    return True


def _binary(scope: Scope, node: ast.BinOp) -> None:
    # A long sum leans to the left, deeper than Python's stack.
    rights: list[ast.AST] = []
    left: ast.AST = node
    while isinstance(left, ast.BinOp):
        rights.append(left.right)
        left = left.left
    HANDLERS[type(left)](scope, left)
    for right in reversed(rights):
        HANDLERS[type(right)](scope, right)


def _sometimes(scope: Scope, nodes: Iterable[ast.AST]) -> None:
    """Walk what may not be evaluated: what a `:=` binds there is not surely bound."""
    mark = len(scope.trail)
    walk(scope, nodes)
    if len(scope.trail) > mark:
        scope.take_back(mark)


def _boolean(scope: Scope, node: ast.BoolOp) -> None:
    visit(scope, node.values[0])
    _sometimes(scope, node.values[1:])


def _compare(scope: Scope, node: ast.Compare) -> None:
    visit(scope, node.left)
    visit(scope, node.comparators[0])
    if len(node.comparators) > 1:
        _sometimes(scope, node.comparators[1:])


def _conditional(scope: Scope, node: ast.IfExp) -> None:
    visit(scope, node.test)
    _sometimes(scope, (node.body,))
    _sometimes(scope, (node.orelse,))


def _sequence(scope: Scope, node: ast.Tuple | ast.List | ast.Set) -> None:
    for item in node.elts:
        HANDLERS[type(item)](scope, item)


def _dict(scope: Scope, node: ast.Dict) -> None:
    for key, value in zip(node.keys, node.values):
        if key is not None:
            HANDLERS[type(key)](scope, key)
        HANDLERS[type(value)](scope, value)


def _joined(scope: Scope, node: ast.JoinedStr) -> None:
    for item in node.values:
        HANDLERS[type(item)](scope, item)


def _formatted(scope: Scope, node: ast.FormattedValue) -> None:
    visit(scope, node.value)
    visit(scope, node.format_spec)


def _walrus(scope: Scope, node: ast.NamedExpr) -> None:
    visit(scope, node.value)
    scope.leak(node.target.id)


def _comprehension(scope: Scope, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
    _generators(scope, node.generators, (node.elt,))


def _dict_comprehension(scope: Scope, node: ast.DictComp) -> None:
    _generators(scope, node.generators, (node.key, node.value))


def _generators(scope: Scope, generators: Sequence[ast.comprehension], results: Iterable[ast.AST]) -> None:
    # Only the first iterable is evaluated outside, and surely. The body of a generator expression counts as
    # run at once: it mostly is, and nothing tells when it is not.
    visit(scope, generators[0].iter)
    names: set[str] = set()
    for generator in generators:
        _targets(generator.target, names)
    inner = Inner(scope, names)
    mark = len(scope.trail)
    for index, generator in enumerate(generators):
        if index:
            visit(inner, generator.iter)
        if type(generator.target) is not ast.Name:
            visit(inner, generator.target)
        walk(inner, generator.ifs)
    walk(inner, results)
    if len(scope.trail) > mark:
        scope.take_back(mark)


def _targets(node: ast.AST, names: set[str]) -> None:
    if type(node) is ast.Name:
        names.add(node.id)
    elif isinstance(node, (ast.Tuple, ast.List)):
        for item in node.elts:
            _targets(item, names)
    elif isinstance(node, ast.Starred):
        _targets(node.value, names)


# Functions and classes


def _lambda(scope: Scope, node: ast.Lambda) -> None:
    _defaults(scope, node.args)
    function = Function(scope, _parameters(node.args))
    visit(function, node.body)
    function.finish()


def _defaults(scope: Scope, args: ast.arguments) -> None:
    walk(scope, args.defaults)
    for default in args.kw_defaults:
        visit(scope, default)


def _all_args(args: ast.arguments) -> list[ast.arg]:
    found = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    if args.vararg is not None:
        found.append(args.vararg)
    if args.kwarg is not None:
        found.append(args.kwarg)
    return found


def _parameters(args: ast.arguments) -> set[str]:
    return {arg.arg for arg in _all_args(args)}


def _annotations(scope: Scope, nodes: Iterable[ast.AST | None]) -> None:
    """Annotations are read at once, or when somebody asks for them, or never: as this Python has it."""
    how = scope.module.annotations
    if how == "never":
        return
    if how == "evaluated":
        for node in nodes:
            visit(scope, node)
    else:
        _later(scope, nodes)


def _later(scope: Scope, nodes: Iterable[ast.AST | None]) -> None:
    """Walk what is evaluated lazily, but sees the names of a class around it."""
    function = Function(scope, set())
    for node in nodes:
        visit(function, node)
    if isinstance(scope, ClassBody):
        scope.lazy |= {scope.mangle(name) for name in function.loads - function.names}
    else:
        function.finish()


def _type_scope(scope: Scope, node: Any) -> Scope:
    """The scope that holds the type parameters of a function, class or alias."""
    parameters: list[Any] = getattr(node, "type_params", [])
    if not parameters:
        return scope
    inner = Inner(scope, {parameter.name for parameter in parameters}, sees_class=True)
    for parameter in parameters:
        _later(inner, (getattr(parameter, "bound", None), getattr(parameter, "default_value", None)))
    return inner


def _function(scope: Scope, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    decorators = node.decorator_list
    if decorators:
        walk(scope, decorators)
    args = node.args
    _defaults(scope, args)
    module = scope.module
    record = module.record
    if scope is module:
        module.record = module.record_of(node.name)
        _note_decorators(module, node.name, decorators)
    inner = _type_scope(scope, node)
    everything = _all_args(args)
    notes = [arg.annotation for arg in everything if arg.annotation is not None]
    if notes or node.returns is not None:
        _annotations(inner, [*notes, node.returns])
    function = Function(inner, {arg.arg for arg in everything})
    walk(function, node.body)
    function.finish()
    module.record = record
    scope.store(node.name)


def _class(scope: Scope, node: ast.ClassDef) -> None:
    walk(scope, node.decorator_list)
    module = scope.module
    record = module.record
    if scope is module:
        module.record = module.record_of(node.name)
        _note_decorators(module, node.name, node.decorator_list)
    inner = _type_scope(scope, node)
    walk(inner, node.bases)
    for keyword in node.keywords:
        visit(inner, keyword.value)
    body = ClassBody(inner, node.name)
    walk(body, node.body)
    body.finish()
    module.record = record
    scope.store(node.name)


def _note_decorators(module: Module, name: str, decorators: Iterable[ast.AST]) -> None:
    for decorator in decorators:
        if _last_name(decorator) not in CALM_DECORATORS:
            module.loaded.add(name)


def _last_name(node: ast.AST) -> str:
    """`lru_cache` of `functools.lru_cache(maxsize=None)`."""
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _type_alias(scope: Scope, node: Any) -> None:
    _later(_type_scope(scope, node), (node.value,))
    scope.store(node.name.id)


# Simple statements


def _expression(scope: Scope, node: ast.Expr) -> None:
    value = node.value
    HANDLERS[type(value)](scope, value)
    if type(value) is ast.Call:
        func = value.func
        if type(func) is ast.Attribute and func.attr in MUTATORS:
            _mutate_by_call(scope, func)


_DISPLAYS = (ast.Dict, ast.List, ast.Tuple, ast.Set, ast.IfExp, ast.BoolOp, ast.ListComp, ast.DictComp)


def _assign(scope: Scope, node: ast.Assign) -> None:
    value = node.value
    kind = type(value)
    if (kind is ast.Lambda or kind in _DISPLAYS) and scope is scope.module and _holds_lambda(value):
        _assign_functions(scope.module, node.targets, value)
    else:
        HANDLERS[kind](scope, value)
    for target in node.targets:
        HANDLERS[type(target)](scope, target)


def _holds_lambda(value: ast.AST) -> bool:
    """Whether the value is a lambda or a display of some: what it is bound to carries them."""
    if isinstance(value, ast.Lambda):
        return True
    return isinstance(value, _DISPLAYS) and any(map(_holds_lambda, ast.iter_child_nodes(value)))


def _assign_functions(module: Module, targets: Iterable[ast.AST], value: ast.AST) -> None:
    names: set[str] = set()
    for target in targets:
        _targets(target, names)
    if not (isinstance(value, ast.Lambda) and names):
        names.add("")
    record = module.record
    module.record = reads, writes = set[str](), set[str]()
    visit(module, value)
    module.record = record
    for name in sorted(names):
        into = module.record_of(name)
        into[0].update(reads)
        into[1].update(writes)


def _augmented(scope: Scope, node: ast.AugAssign) -> None:
    target = node.target
    if type(target) is ast.Name:
        scope.load(target.id)
        visit(scope, node.value)
        scope.store(target.id)
    else:
        visit(scope, target)
        visit(scope, node.value)


def _annotated(scope: Scope, node: ast.AnnAssign) -> None:
    target = node.target
    if node.value is not None:
        if scope is scope.module and _holds_lambda(node.value):
            _assign_functions(scope.module, (target,), node.value)
        else:
            visit(scope, node.value)
        visit(scope, target)
    elif isinstance(target, ast.Name):
        if isinstance(scope, Function):
            # It binds nothing, but makes the name local.
            scope.store(target.id)
    else:
        walk(scope, ast.iter_child_nodes(target))
    if not isinstance(scope, Function):
        _annotations(scope, (node.annotation,))


def _import(scope: Scope, node: ast.Import) -> None:
    for alias in node.names:
        scope.store(alias.asname or alias.name.partition(".")[0])


def _import_from(scope: Scope, node: ast.ImportFrom) -> None:
    for alias in node.names:
        if alias.name == "*":
            scope.module.dynamic = True
        else:
            scope.store(alias.asname or alias.name)
    if node.module == "__future__" and any(alias.name == "annotations" for alias in node.names):
        scope.module.annotations = "never"


def _global(scope: Scope, node: ast.Global) -> None:
    scope.declare_global(node.names)


def _nonlocal(scope: Scope, node: ast.Nonlocal) -> None:
    scope.declare_nonlocal(node.names)


def _raise(scope: Scope, node: ast.Raise) -> None:
    visit(scope, node.exc)
    visit(scope, node.cause)
    scope.dead = True


def _assert(scope: Scope, node: ast.Assert) -> None:
    visit(scope, node.test)
    if node.msg is not None:
        _sometimes(scope, (node.msg,))


def _continue(scope: Scope, node: ast.Continue) -> None:
    scope.dead = True


def _break(scope: Scope, node: ast.Break) -> None:
    if scope.breaks:
        mark, exits = scope.breaks[-1]
        exits.append(set(scope.trail[mark:]))
    scope.dead = True


# Compound statements: paths part and meet


def _apart(scope: Scope, nodes: Iterable[ast.AST]) -> set[str] | None:
    """Walk one path of several and return what it surely binds, or None if it does not come out."""
    mark = len(scope.trail)
    scope.dead = False
    scope.depth += 1
    walk(scope, nodes)
    scope.depth -= 1
    names = scope.take_back(mark)
    dead, scope.dead = scope.dead, False
    return None if dead else names


def _meet(scope: Scope, paths: Iterable[set[str] | None]) -> None:
    """Go on where paths meet: only what all of them bind is surely bound."""
    live = [path for path in paths if path is not None]
    if live:
        scope.settle(sorted(set.intersection(*live)))
    else:
        scope.dead = True


def _if(scope: Scope, node: ast.If) -> None:
    paths: list[set[str] | None] = []
    tests = 0
    orelse: list[ast.stmt] = [node]
    # A chain of `elif` is as deep as it is long.
    while len(orelse) == 1 and isinstance(branch := orelse[0], ast.If):
        if tests:
            _sometimes(scope, (branch.test,))
        else:
            visit(scope, branch.test)
        tests += 1
        paths.append(_apart(scope, branch.body))
        orelse = branch.orelse
    paths.append(_apart(scope, orelse))
    _meet(scope, paths)


def _loop(scope: Scope, body: Iterable[ast.AST], orelse: Iterable[ast.AST], endless: bool) -> None:
    scope.breaks.append((len(scope.trail), []))
    _apart(scope, body)
    exits: list[set[str] | None] = [*scope.breaks.pop()[1]]
    path = _apart(scope, orelse)
    if not endless:
        exits.append(path)
    _meet(scope, exits)


def _while(scope: Scope, node: ast.While) -> None:
    visit(scope, node.test)
    endless = isinstance(node.test, ast.Constant) and bool(node.test.value)
    _loop(scope, node.body, node.orelse, endless)


def _for(scope: Scope, node: ast.For | ast.AsyncFor) -> None:
    visit(scope, node.iter)
    _loop(scope, (node.target, *node.body), node.orelse, endless=False)


def _with(scope: Scope, node: ast.With | ast.AsyncWith) -> None:
    swallows = False
    for item in node.items:
        visit(scope, item.context_expr)
        visit(scope, item.optional_vars)
        swallows = swallows or _last_name(item.context_expr) in SWALLOWING
    if swallows:
        _apart(scope, node.body)
    else:
        walk(scope, node.body)


def _try(scope: Scope, node: ast.Try) -> None:
    # Any statement of the body may have failed when a handler or `finally` starts.
    paths = [_apart(scope, (*node.body, *node.orelse))]
    paths += [_apart(scope, (handler,)) for handler in node.handlers]
    last = _apart(scope, node.finalbody)
    _meet(scope, paths)
    if last is None:
        scope.dead = True
    else:
        scope.settle(sorted(last))


def _handler(scope: Scope, node: ast.ExceptHandler) -> None:
    visit(scope, node.type)
    name = node.name
    if name is None:
        walk(scope, node.body)
    elif scope.ordered and name not in scope.bound:
        # The name lives as long as the handler. That it also ends what was bound before is seen at run time.
        scope.bound.add(name)
        walk(scope, node.body)
        scope.bound.discard(name)
    else:
        scope.store(name)
        walk(scope, node.body)


def _match(scope: Scope, node: ast.Match) -> None:
    visit(scope, node.subject)
    paths = [_apart(scope, (case.pattern, *([case.guard] if case.guard else ()), *case.body)) for case in node.cases]
    if not any(case.guard is None and _irrefutable(case.pattern) for case in node.cases):
        paths.append(set())
    _meet(scope, paths)


def _irrefutable(pattern: ast.pattern) -> bool:
    if isinstance(pattern, ast.MatchAs):
        return pattern.pattern is None or _irrefutable(pattern.pattern)
    return isinstance(pattern, ast.MatchOr) and any(map(_irrefutable, pattern.patterns))


def _match_name(scope: Scope, node: ast.MatchAs | ast.MatchStar) -> None:
    if isinstance(node, ast.MatchAs):
        visit(scope, node.pattern)
    if node.name is not None:
        scope.store(node.name)


def _match_mapping(scope: Scope, node: ast.MatchMapping) -> None:
    walk(scope, node.keys)
    walk(scope, node.patterns)
    if node.rest is not None:
        scope.store(node.rest)


HANDLERS = _Handlers(
    {
        ast.AnnAssign: _annotated,
        ast.Assert: _assert,
        ast.Assign: _assign,
        ast.AsyncFor: _for,
        ast.AsyncFunctionDef: _function,
        ast.AsyncWith: _with,
        ast.Attribute: _attribute,
        ast.AugAssign: _augmented,
        ast.BinOp: _binary,
        ast.BoolOp: _boolean,
        ast.Break: _break,
        ast.Call: _call,
        ast.ClassDef: _class,
        ast.Compare: _compare,
        ast.Constant: _nothing,
        ast.Continue: _continue,
        ast.Dict: _dict,
        ast.DictComp: _dict_comprehension,
        ast.ExceptHandler: _handler,
        ast.Expr: _expression,
        ast.For: _for,
        ast.FormattedValue: _formatted,
        ast.FunctionDef: _function,
        ast.GeneratorExp: _comprehension,
        ast.Global: _global,
        ast.If: _if,
        ast.IfExp: _conditional,
        ast.Import: _import,
        ast.ImportFrom: _import_from,
        ast.JoinedStr: _joined,
        ast.Lambda: _lambda,
        ast.List: _sequence,
        ast.ListComp: _comprehension,
        ast.Match: _match,
        ast.MatchAs: _match_name,
        ast.MatchMapping: _match_mapping,
        ast.MatchStar: _match_name,
        ast.Name: _name,
        ast.NamedExpr: _walrus,
        ast.Nonlocal: _nonlocal,
        ast.Pass: _nothing,
        ast.Raise: _raise,
        ast.Set: _sequence,
        ast.SetComp: _comprehension,
        ast.Subscript: _subscript,
        ast.Try: _try,
        ast.Tuple: _sequence,
        ast.While: _while,
        ast.With: _with,
    }
)
if sys.version_info >= (3, 11):
    HANDLERS[ast.TryStar] = _try
if sys.version_info >= (3, 12):
    HANDLERS[ast.TypeAlias] = _type_alias
