"""What generated programs read when they are executed, the analysis has seen in their source."""

from __future__ import annotations

import ast
import builtins
import random
import re
from typing import Any

import pytest

from reactive_kernel.analysis import analyze

PROGRAMS = 40
RUNS = 5
DEPTH = 4
STEPS = 300

# What a program consists of; `NAME` is one of a few names, so that they meet.
STRAIGHT = {
    "program": ["<simple>\n<simple>\n<simple>\n<simple>\n<simple>"],
    "simple": [
        "NAME = <value>",
        "NAME = <value>",
        "NAME, NAME = <value>, <value>",
        "NAME ^= <value>",
        "NAME: 1 = <value>",
        "NAME: 1",
        "del NAME",
        "<value>",
        "class k: NAME = NAME; j = NAME",
        "import sys as NAME",
    ],
    "value": [
        "1",
        "NAME",
        "NAME",
        "len([<value>, NAME])",
        "len(f'{NAME!r:>{NAME}} {<value>}')",
        "(NAME := <value>)",
        "len((<value>, <value>))",
        "len([NAME for NAME in (1, 2)])",
    ],
}
BRANCHING = {
    "program": ["<statement>\n<statement>\n<statement>\n<statement>"],
    "simple": STRAIGHT["simple"],
    "value": [
        *STRAIGHT["value"],
        "(<value> and <value>)",
        "(<value> or <value>)",
        "(<value> if <value> else <value>)",
        "(0 <= len([NAME]) < <value>)",
        # A name of its own: the compiler stores what leaks in a way that the namespace does not see.
        "len([NAME for j in many if (leaked := NAME)])",
        "leaked",
        "len({NAME: NAME for NAME in many for j in many if NAME})",
        "len([lambda: NAME for NAME in many])",
    ],
    "statement": [
        "<simple>",
        "<simple>",
        "<simple>",
        "if <value>:\n  <block>",
        "if <value>:\n  <block>\nelif <value>:\n  <block>\nelse:\n  <block>",
        "for NAME in many:\n  <body>",
        "for NAME in range(2):\n  <body>\nelse:\n  <block>",
        "for NAME in (1, <value>):\n  <body>",
        "while True:\n  tick\n  <body>\n  if maybe: break",
        "while <value>:\n  tick\n  <body>\nelse:\n  <block>",
        "with block as NAME:\n  <block>",
        "try:\n  <block>\nfinally:\n  <block>",
        "try:\n  <block>\nexcept Failure as NAME:\n  <block>\nelse:\n  <block>",
        "try:\n  <block>\nexcept (Failure, NameError):\n  <block>\nfinally:\n  <block>",
        "match <value>:\n  case 0 if <value>:\n    <block>\n  case NAME if <value>:\n    <block>",
        "match <value>:\n  case 0 if <value>:\n    <block>\n  case _:\n    <block>",
        "match <value>:\n  case 1:\n    <block>\n  case NAME:\n    <block>",
        "match <value>:\n  case [NAME, *_] | int() as NAME:\n    <block>",
    ],
    "block": ["<statement>", "<statement>\n<statement>", "<simple>\nif maybe: raise Failure\n<statement>"],
    "body": [
        "<block>",
        "<statement>\nif <value>: break\n<statement>",
        "<statement>\nif <value>: continue\n<statement>",
        "<statement>\nif <value>:\n  <simple>\n  break\nelse:\n  <statement>",
        "try:\n  <simple>\n  break\nexcept Failure:\n  continue",
    ],
}
# What takes the place of a rule where a program is deep enough.
LEAVES = {"value": "NAME", "statement": "NAME = NAME", "block": "NAME = NAME", "body": "NAME = NAME"}


def grow(rules: dict[str, list[str]], rule: str, chance: random.Random, depth: int = DEPTH) -> str:
    text = LEAVES[rule] if depth < 0 and rule in LEAVES else chance.choice(rules[rule])

    def filled(match: re.Match[str]) -> str:
        below = depth - 1 if rule != "program" else depth
        return grow(rules, match[2], chance, below).replace("\n", "\n" + match[1]).join((match[1], ""))

    text = re.sub(r"(?m)(^ *|)<(\w+)>", filled, text)
    return re.sub("NAME", lambda _: chance.choice("abcde"), text)


class Stop(Exception):
    """A program has run for long enough."""


class Failure(Exception):
    """What programs raise and catch."""


class Block:
    def __enter__(self) -> int:
        return 1

    def __exit__(self, *_: object) -> None:
        pass


class Namespace(dict[str, Any]):
    """A namespace that makes up what it does not hold, and notes what it was asked for."""

    def __init__(self, chance: random.Random) -> None:
        known: dict[str, Any] = {"len": len, "range": range, "int": int, "NameError": NameError}
        known |= {"__name__": "program", "__annotations__": {}, "__conditional_annotations__": set()}
        super().__init__(known, __builtins__=vars(builtins).copy())
        self.chance = chance
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.steps = 0
        self.completed = False

    def __missing__(self, name: str) -> object:
        self.steps += 1
        if self.steps > STEPS:
            raise Stop
        # What the program has bound or deleted itself is not what was there before it.
        if name not in self.writes:
            self.reads.add(name)
        if name == "Failure":
            return Failure
        if name == "many":
            return range(self.chance.randrange(3))
        return Block() if name == "block" else self.chance.randrange(2)

    def __setitem__(self, name: str, value: object) -> None:
        self.writes.add(name)
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        # As if it had been there: to delete a name is to read it.
        self[name] = self[name]
        super().__delitem__(name)


def executed(source: str, chance: random.Random) -> Namespace:
    namespace = Namespace(chance)
    try:
        exec(compile(source, "<program>", "exec"), namespace)
        namespace.completed = True
    # Values are made up, so a program may fail anywhere; what it read until then still counts.
    except (ArithmeticError, Failure, NameError, Stop, TypeError, ValueError):
        pass
    return namespace


def programs(rules: dict[str, list[str]], seed: int) -> list[str]:
    chance = random.Random(seed)
    found: list[str] = []
    while len(found) < PROGRAMS:
        source = grow(rules, "program", chance)
        try:
            compile(source, "<program>", "exec")
        except SyntaxError:
            continue
        found.append(source)
    return found


def caught(source: str) -> set[str | None]:
    """The names of except clauses, which leave nothing."""
    return {node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ExceptHandler)}


@pytest.mark.parametrize("seed", range(8))
def test_a_straight_program_reads_exactly_what_its_source_says(seed: int):
    completed = 0
    for source in programs(STRAIGHT, seed):
        facts, seen = analyze(source), executed(source, random.Random(seed))
        assert seen.reads <= facts.reads, source
        if seen.completed:
            completed += 1
            assert (seen.reads, seen.writes) == (facts.reads, facts.writes), source
    assert completed > PROGRAMS // 4


@pytest.mark.parametrize("seed", range(16))
def test_a_branching_program_reads_and_writes_no_more_than_its_source_says(seed: int):
    for source in programs(BRANCHING, seed):
        facts = analyze(source)
        for chance in range(RUNS):
            seen = executed(source, random.Random(chance))
            assert seen.reads <= facts.reads, source
            assert seen.writes <= facts.writes | caught(source), source
