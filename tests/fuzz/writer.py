"""Cells at random whose meetings are in names: bindings, functions, classes, builtins, failures."""

from __future__ import annotations

import random
from collections.abc import Callable

NUMBERS = ("a", "b", "c", "n")
LISTS = ("xs", "ys")
FUNCTIONS = ("f", "g", "h")
CLASSES = ("K", "L")
OBJECTS = ("o", "p")


class Writer:
    """Writes the sources of cells."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        # The fewer names there are, the more cells meet in one.
        self._numbers = NUMBERS[: rng.choice((1, 2, 3, 4, 4))]
        self._functions = FUNCTIONS[: rng.choice((2, 3))]
        self._forms: list[tuple[int, Callable[[], str]]] = [
            (10, self._constant),
            (8, self._sum),
            (6, self._step),
            (5, self._list),
            (4, self._comprehension),
            (6, self._branch),
            (4, self._loop),
            (9, self._function),
            (4, self._closure),
            (3, self._recursion),
            (3, self._shared_state),
            (7, self._call),
            (5, self._class),
            (4, self._object),
            (3, self._import),
            (3, self._builtin),
            (3, self._delete),
            (3, self._swap),
            (2, self._attempt),
            (2, self._alias),
            (5, self._show),
            (3, self._failure),
            (1, self._garbage),
        ]

    def cell(self) -> str:
        """One cell; some are put together of two."""
        parts = [self._form() for _ in range(2 if self._rng.random() < 0.25 else 1)]
        if self._rng.random() < 0.5:
            parts.append(self._show())
        return "\n".join(parts)

    def variant(self, source: str) -> str:
        """A small change of a cell."""
        lines = source.split("\n")
        at = self._rng.randrange(len(lines))
        kind = self._rng.randrange(5)
        if kind == 0:
            return "\n".join(
                line if number != at else _other_digit(line, self._rng) for number, line in enumerate(lines)
            )
        if kind == 1:
            return source + "  # the same"
        if kind == 2:
            return source + "\n" + self._failure()
        if kind == 3:
            return source + "\n" + self._form()
        old, new = self._rng.sample(NUMBERS, 2)
        return _renamed(source, old, new)

    def _form(self) -> str:
        weights = [weight for weight, _ in self._forms]
        return self._rng.choices([form for _, form in self._forms], weights)[0]()

    # Words

    def _pick(self, *pool: str) -> str:
        return self._rng.choice(pool)

    def _number(self) -> str:
        return self._pick(*self._numbers)

    def _digit(self) -> str:
        return str(self._rng.randrange(6))

    def _atom(self) -> str:
        return self._pick(self._number(), self._number(), self._digit())

    def _value(self) -> str:
        """An expression that gives a number."""
        return self._pick(
            self._atom(),
            self._atom(),
            f"{self._atom()} + {self._atom()}",
            f"{self._atom()} * 2 % 97",
            f"{self._function_name()}({self._atom()})",
            f"sum({self._list_name()})",
            f"len({self._list_name()})",
            f"{self._pick(*CLASSES)}({self._atom()}).m(1)",
            f"{self._pick(*OBJECTS)}.m({self._atom()})",
        )

    def _list_name(self) -> str:
        return self._pick(*LISTS)

    def _function_name(self) -> str:
        return self._pick(*self._functions)

    # Forms

    def _constant(self) -> str:
        return f"{self._number()} = {self._digit()}"

    def _sum(self) -> str:
        return f"{self._number()} = {self._value()}"

    def _step(self) -> str:
        name, items = self._number(), self._list_name()
        return self._pick(
            f"{name} += 1",
            f"{name} = {name} + {self._atom()}",
            f"{name} -= {self._atom()}",
            f"{items} = {items} + [{self._atom()}]",
            f"{items} = [*{items}, {self._atom()}]",
        )

    def _list(self) -> str:
        return f"{self._list_name()} = [{self._atom()}, {self._atom()}, {self._digit()}]"

    def _comprehension(self) -> str:
        items = self._list_name()
        return self._pick(
            f"{items} = [v + {self._atom()} for v in {self._list_name()}]",
            f"{items} = [v for v in range(4) if v != {self._number()}]",
            f"{items} = sorted({{v % 3 + {self._number()} for v in {self._list_name()}}})",
            f"{self._number()} = sum(v * {self._atom()} for v in {self._list_name()})",
            f"{items} = [{self._function_name()}(v) for v in {self._list_name()}]",
            f"{items} = list({{v: {self._number()} for v in range(2)}}.values())",
            f"{items} = [last := v for v in {self._list_name()}]\nprint(last)",
        )

    def _branch(self) -> str:
        name, test = self._number(), f"{self._number()} > {self._digit()}"
        return self._pick(
            f"if {test}:\n    {name} = {self._value()}",
            f"if {test}:\n    {name} = {self._atom()}\nelse:\n    {self._number()} = {self._atom()}",
            f"if {self._pick('True', 'False')}:\n    {name} = {self._atom()}",
            f"if {test}:\n    def {self._function_name()}(x):\n        return x + {self._atom()}",
            f"if {test}:\n    del {name}",
            f"{name} = {self._atom()} if {test} else {self._value()}",
            f"while {self._digit()} > 3:\n    {name} = {self._atom()}\n    break",
        )

    def _loop(self) -> str:
        name, count = self._number(), self._pick("0", "2", "3")
        return self._pick(
            f"for i in range({count}):\n    {name} = i + {self._atom()}",
            f"{name} = 0\nfor v in {self._list_name()}:\n    {name} += v",
            f"for {name} in {self._list_name()}:\n    pass",
            f"for i in range({count}):\n    {name} += i",
        )

    def _function(self) -> str:
        name, other = self._function_name(), self._function_name()
        return self._pick(
            f"def {name}(x):\n    return x + {self._number()}",
            f"def {name}(x, y={self._atom()}):\n    return x + y + {self._atom()}",
            f"def {name}(x):\n    return {other}(x) + {self._atom()}",
            f"def {name}(x):\n    def inner():\n        return {self._number()}\n    return inner() + x",
            f"{name} = lambda x: x * 2 + {self._number()}",
            f"def {name}(x):\n    return sum([x, {self._atom()}])",
            f"def {name}(x):\n    {self._number()} = x\n    return {self._number()} + x",
            f"def {name}(x):\n    return {self._pick(*CLASSES)}(x).m({self._atom()})",
            f"def {name}(x, *, k=lambda: {self._number()}):\n    return x + k()",
        )

    def _closure(self) -> str:
        name = self._function_name()
        return self._pick(
            f"def make(k):\n    def inner(x):\n        return x + k + {self._number()}\n    return inner\n"
            f"{name} = make({self._atom()})",
            f"{name} = make({self._atom()})",
            f"def twice(w):\n    return lambda x: w(w(x)) + {self._atom()}\n"
            f"{name} = twice({self._function_name()})",
            f"@twice\ndef {name}(x):\n    return x + {self._number()}",
            f"{name} = (lambda k: lambda x: x + k)({self._number()})",
        )

    def _recursion(self) -> str:
        name, other = self._rng.sample(FUNCTIONS, 2)
        return f"def {name}(x):\n    return {other}(x % 7 - 1) + 1 if x % 7 > 0 else {self._atom()}"

    def _shared_state(self) -> str:
        name, number = self._function_name(), self._number()
        return self._pick(
            f"def {name}(x):\n    global {number}\n    {number} = x + {self._digit()}\n    return x",
            f"def {name}(x):\n    global {number}\n    {number} += x\n    return {number}",
        )

    def _call(self) -> str:
        name = self._function_name()
        return self._pick(
            f"print({name}({self._atom()}))",
            f"{self._number()} = {name}({self._atom()})",
            f"print([{name}(v) for v in {self._list_name()}])",
            f"{self._list_name()} = list(map({name}, [1, {self._atom()}]))",
        )

    def _class(self) -> str:
        name = self._pick(*CLASSES)
        base = self._pick("", "", f"({self._pick(*(other for other in CLASSES if other != name))})")
        return self._pick(
            f"class {name}{base}:\n    w = {self._atom()}\n    def __init__(self, x=0):\n        self.x = x\n"
            f"    def m(self, y):\n        return self.x + self.w + y + {self._atom()}",
            f"class {name}{base}:\n    def __init__(self, x=0):\n        self.x = x + {self._number()}\n"
            f"    def m(self, y=1):\n        return {self._function_name()}(y) + self.x",
            f"class {name}{base}:\n    v = {self._number()}\n    t = [v, {self._number()}]\n"
            f"    @property\n    def q(self):\n        return {self._number()}\n"
            f"    def __init__(self, x=0):\n        pass\n    def m(self, y):\n        return self.q + y",
        )

    def _object(self) -> str:
        name = self._pick(*OBJECTS)
        return self._pick(
            f"{name} = {self._pick(*CLASSES)}({self._atom()})",
            f"print({name}.m({self._atom()}))",
            f"{self._number()} = {name}.m({self._atom()})",
            f"{self._function_name()} = {name}.m",
        )

    def _import(self) -> str:
        return self._pick(
            "import math",
            f"{self._number()} = math.floor({self._atom()} / 2)",
            f"from math import floor as {self._function_name()}",
            f"print(math.gcd(12, {self._number()}))",
            f"from operator import neg as {self._function_name()}, add",
            f"def {self._function_name()}(x):\n    return math.floor(x) + {self._atom()}",
        )

    def _builtin(self) -> str:
        return self._pick(
            f"sum = lambda v: {self._atom()}",
            f"def sum(v):\n    return len(v) + {self._number()}",
            "del sum",
            f"def len(v):\n    return {self._digit()}",
            f"print(sum([1, {self._atom()}]))",
            f"if {self._number()} > 2:\n    len = lambda v: {self._atom()}",
            "import builtins\nsum = builtins.sum",
        )

    def _delete(self) -> str:
        return self._pick(
            f"del {self._number()}",
            f"del {self._function_name()}",
            f"{self._number()} = 1\ndel {self._number()}",
            f"del {self._number()}, {self._list_name()}",
        )

    def _swap(self) -> str:
        one, two = self._rng.sample(NUMBERS, 2)
        return self._pick(
            f"{one}, {two} = {two}, {one}",
            f"{one}, *{self._list_name()} = [{self._atom()}, 1, {self._atom()}]",
            f"{one} = {two} = {self._atom()}",
            f"print({one} := {self._atom()})",
        )

    def _attempt(self) -> str:
        name = self._number()
        return self._pick(
            f"try:\n    {name} = {self._value()}\nexcept NameError:\n    {name} = 0",
            f"try:\n    {name} = 1 // {self._atom()}\nexcept ZeroDivisionError as e:\n    print(e)",
            f"try:\n    print({self._value()})\nexcept Exception as e:\n    print(type(e).__name__)",
            f"try:\n    {self._value()}\nfinally:\n    {name} = {self._digit()}",
        )

    def _alias(self) -> str:
        return self._pick(
            f"{self._function_name()} = {self._function_name()}",
            f"{self._number()} = {self._number()}",
            f"{self._list_name()} = {self._list_name()}",
            f"{self._pick(*OBJECTS)} = {self._pick(*OBJECTS)}",
            f"{self._pick(*CLASSES)} = {self._pick(*CLASSES)}",
            f"print([w(1) for w in [{self._function_name()}, {self._function_name()}]])",
        )

    def _show(self) -> str:
        shown = [self._pick(self._number(), self._list_name(), self._value()) for _ in range(2)]
        return f"print({', '.join(shown)})"

    def _failure(self) -> str:
        return self._pick(
            "1 / 0",
            f"{self._number()} = 1 // 0",
            "print(missing)",
            f"{self._number()} = missing",
            f"assert {self._number()} < {self._digit()}",
            f"raise ValueError({self._number()})",
        )

    def _garbage(self) -> str:
        return self._pick(f"{self._number()} = (", f"def {self._function_name()}(:\n    pass", "print(a b)")


def _other_digit(line: str, rng: random.Random) -> str:
    places = [at for at, letter in enumerate(line) if letter.isdigit()]
    if not places:
        return line
    at = rng.choice(places)
    return line[:at] + str(rng.randrange(10)) + line[at + 1 :]


def _renamed(source: str, old: str, new: str) -> str:
    """Another number's name in place of one, wherever it stands by itself."""
    letters = list(f" {source} ")
    for at in range(1, len(letters) - 1):
        alone = not any(letters[near].isalnum() or letters[near] in "_." for near in (at - 1, at + 1))
        if letters[at] == old and alone:
            letters[at] = new
    return "".join(letters[1:-1])
