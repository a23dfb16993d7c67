"""Graphs of objects: what a run has changed in them is found, all of it and nothing else."""

from __future__ import annotations

import copy
import gc
import random
import sys
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

import pytest

from reactive_kernel import objects
from reactive_kernel.identity import identity
from reactive_kernel.objects import NOWHERE, Survey, reach

from ..fuzz.portrait import portrait

DEEP = 100_000


class Plain:
    """An instance with fields."""


def changed(survey: Survey) -> set[int]:
    return {identity(change.value) for change in survey.changes()}


def undone(survey: Survey) -> bool:
    """Is everything put back? One that cannot be does not stop the others."""
    return False not in [change.undo() for change in survey.changes()]


# What is reached


def test_an_atom_leads_nowhere():
    assert [reach(value).ids for value in (1, "a", None, 1.5, b"", (1, ("a",)))] == [NOWHERE.ids] * 6


def test_every_container_on_the_way_is_reached():
    inner: list[object] = [1]
    middle = {"k": (inner, frozenset((1,)))}
    outer = [middle, inner]
    assert reach(outer).ids == {identity(outer), identity(middle), identity(inner)}


def test_keys_lead_on():
    held: list[int] = [1]
    key = Plain()
    key.__dict__["held"] = held
    assert identity(held) in reach({(key, 1): 2}).ids


def test_a_container_that_holds_itself_is_looked_at_once():
    own: list[object] = []
    own += [own, {"own": own}]
    assert len(reach(own).ids) == 2
    survey = Survey((own,))
    assert survey.changes() == []
    own.append(own)
    assert changed(survey) == {identity(own)}


def test_values_that_share_objects_are_looked_at_together():
    shared = [1]
    survey = Survey(([shared], {"a": shared}, (shared, shared)))
    shared.append(2)
    assert len(survey.changes()) == 1


def test_what_stands_alone_is_looked_at_once_and_no_further():
    alone, inner = [1, 2], [3]
    survey = Survey(([alone],), (), (alone, [inner], 5))
    alone.append(3)
    inner.append(4)
    assert [change.value is alone for change in survey.changes()] == [True]


def test_the_kinds_of_everything_are_told():
    assert reach([Plain(), max, iter([1])]).kinds >= {"steady", "instance", "function", "iterator"}


def test_modules_are_looked_at_when_asked_for():
    module = type(sys)("mine")
    survey = Survey((), (module,))
    module.new = 1
    assert changed(survey) == {identity(module)}
    assert survey.changes()[0].undo()
    assert not hasattr(module, "new")


# How much


def nested(make: Callable[[Any], Any]) -> Any:
    value: Any = [0]
    for _ in range(DEEP):
        value = make(value)
    return value


def taken_apart(value: Any) -> None:
    """What is nested so deeply is let go from the outside in: its own deallocation would recurse."""
    while isinstance(value, Plain):
        value = value.__dict__.pop("held")


def plain(value: Any) -> Plain:
    made = Plain()
    made.__dict__["held"] = value
    return made


@pytest.mark.parametrize(
    "make", [lambda x: [x], lambda x: {"a": x}, lambda x: (x,), lambda x: {0: [x, 1]}, plain]
)
def test_what_is_nested_deeply_is_no_recursion(make: Callable[[Any], Any]):
    innermost: Any = [0]
    value: Any = innermost
    for _ in range(DEEP):
        value = make(value)
    survey = Survey((value,))
    assert not survey.vast
    innermost.append(1)
    assert changed(survey) == {identity(innermost)}
    assert not reach(value).vast
    del survey
    taken_apart(value)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: [[i] for i in range(n)],
        lambda n: {i: [i] for i in range(n)},
        lambda n: [{"a": i} for i in range(n)],
        lambda n: [(i,) for i in range(n)],
        lambda n: deque([i] for i in range(n)),
        lambda n: OrderedDict((i, [i]) for i in range(n)),
    ],
)
def test_a_vast_graph_is_cut_and_says_so(make: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(objects._Walk.__init__, "__defaults__", (10_000,))
    value = make(9_000)
    assert not reach(value).vast
    assert not Survey((value,)).vast
    value = make(30_000)
    assert reach(value).vast
    assert Survey((value,)).vast
    assert len(reach(value).ids) <= 10_000 + objects._AT_ONCE


def test_many_objects_in_one_place_are_no_vast_graph():
    assert not reach(list(range(objects.MOST * 2))).vast


@pytest.mark.parametrize("at", [0, 1, objects._AT_ONCE - 1, objects._AT_ONCE, 3 * objects._AT_ONCE + 5, -1])
def test_one_of_very_many_is_found(at: int):
    value = [{"a": i} for i in range(4 * objects._AT_ONCE)]
    survey = Survey((value,))
    value[at]["a"] = "new"
    assert changed(survey) == {identity(value[at])}


def test_equal_objects_that_change_places_are_told_apart():
    value = [[1], [1], [1]]
    survey = Survey((value,))
    value[0], value[1] = value[1], value[0]
    assert changed(survey) == {identity(value)}


def test_what_moves_from_one_neighbour_to_the_next_is_seen():
    value = [[1, 2], [3]]
    survey = Survey((value,))
    value[1].insert(0, value[0].pop())
    assert changed(survey) == {identity(value[0]), identity(value[1])}


def test_a_key_that_moves_from_one_neighbour_to_the_next_is_seen():
    value = [{"a": 1, "b": 1}, {"c": 1}]
    survey = Survey((value,))
    value[0].pop("b")
    value[1].clear()
    value[1].update(b=1, c=1)
    assert len(changed(survey)) == 2


# What is kept


def test_a_reach_keeps_nothing_alive():
    value = Plain()
    gone = weakref.ref(value)
    found = reach([value])
    del value
    assert gone() is None
    assert found.ids


def test_a_survey_keeps_nothing_alive_once_it_is_dropped():
    kind = type("Local", (), {"__module__": "__main__"})
    value = kind()
    value.held = [Plain()]
    gone = [weakref.ref(each) for each in (value, value.held[0], kind)]
    survey = Survey((value,))
    value.held = None
    assert len(survey.changes()) == 1
    del value, kind, survey
    gc.collect()
    assert [each() for each in gone] == [None] * 3


def test_what_is_deleted_meanwhile_can_be_put_back():
    value = {"held": [1, 2]}
    survey = Survey((value,))
    value.clear()
    assert undone(survey)
    assert value == {"held": [1, 2]}


def test_garbage_collection_goes_on_as_before():
    assert gc.isenabled()
    reach([[1]])
    Survey(([1],)).changes()
    assert gc.isenabled()
    gc.disable()
    try:
        reach([[1]])
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_no_finalizer_runs_while_somebody_looks():
    ran: list[str] = []

    class Loud:
        def __del__(self) -> None:
            # What waited for the look to end may run where it ends.
            looks = [frame for frame in _frames() if frame.f_globals.get("__name__") == objects.__name__]
            if any(frame.f_code.co_name != "looking" for frame in looks):
                ran.append("del")

    for _ in range(50):
        knot = Loud()
        knot.__dict__["own"] = knot
        del knot
        Survey(([[i] for i in range(2000)],))
    gc.collect()
    assert ran == []


def _frames() -> list[Any]:
    found: list[Any] = []
    frame: Any = sys._getframe()
    while frame is not None:
        found.append(frame)
        frame = frame.f_back
    return found


def test_a_thread_that_goes_on_changing_does_not_stop_the_look():
    value: dict[int, list[int]] = {i: [i] for i in range(20_000)}
    done = threading.Event()

    def change() -> None:
        n = 20_000
        while not done.is_set():
            value[n] = [n]
            value.pop(n - 10_000, None)
            n += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(20):
            Survey((value,)).changes()
            reach(value)
    finally:
        done.set()
        thread.join()


# Any graph, any changes: the judge is a copy of everything


class Node:
    """An instance for the graphs below."""

    def __init__(self) -> None:
        self.held: list[object] = []


class Slot:
    """One with slots, of which some may be empty."""

    __slots__ = ("first", "second")


MAKERS: tuple[Callable[[], Any], ...] = (
    list,
    dict,
    set,
    deque,
    OrderedDict,
    bytearray,
    Node,
    Slot,
    lambda: [1, "a", 2.5],
    lambda: {"a": 1},
)


def graph(rng: random.Random, size: int) -> list[Any]:
    """Objects that hold each other in any way; all of them."""
    every = [rng.choice(MAKERS)() for _ in range(size)]
    for value in every:
        for _ in range(rng.randrange(4)):
            put_in(rng, value, rng.choice((rng.choice(every), (rng.choice(every), 1), rng.randrange(9))))
    return every


def put_in(rng: random.Random, value: Any, held: Any) -> None:
    if isinstance(value, (list, deque)):
        value.append(held)
    elif isinstance(value, dict):
        value[rng.choice("abcd")] = held
    elif isinstance(value, set):
        value.add(rng.randrange(9))
    elif isinstance(value, bytearray):
        value.append(rng.randrange(9))
    else:
        setattr(value, rng.choice(("first", "second")), held)


def take_out(rng: random.Random, value: Any) -> None:
    if isinstance(value, (list, deque, bytearray)):
        if value:
            value.pop()
    elif isinstance(value, OrderedDict):
        if value:
            value.move_to_end(rng.choice(list(value)), last=False)
    elif isinstance(value, (dict, set)):
        value.clear()
    else:
        for name in ("first", "second"):
            if hasattr(value, name):
                delattr(value, name)
                return


def own_state(value: Any) -> object:
    """What one object holds, by identity, and in its order."""
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, dict):
        return [(key, identity(held)) for key, held in value.items()]
    if isinstance(value, set):
        return list(value)
    if isinstance(value, (list, deque)):
        return list(map(identity, value))
    fields = [(name, identity(getattr(value, name))) for name in ("first", "second") if hasattr(value, name)]
    return sorted(fields), [(name, identity(held)) for name, held in getattr(value, "__dict__", {}).items()]


@pytest.mark.parametrize("seed", range(150))
def test_any_change_of_any_graph_is_found_and_taken_back(seed: int):
    rng = random.Random(seed)
    every = graph(rng, rng.choice((3, 10, 40)))
    before = copy.deepcopy(every)
    states = [own_state(value) for value in every]
    kept = [list(value) if isinstance(value, (list, deque)) else copy.copy(value) for value in every]
    survey = Survey((every,))
    for _ in range(rng.randrange(4)):
        value = rng.choice(every)
        rng.choice((put_in, lambda r, v, h: take_out(r, v)))(
            rng, value, rng.choice((rng.choice(every), [1], 5))
        )
    expected = {identity(value) for value, state in zip(every, states) if own_state(value) != state}
    assert changed(survey) == expected
    assert undone(survey)
    assert [own_state(value) for value in every] == states
    assert portrait({"x": every}) == portrait({"x": before})
    assert survey.changes() == []
    assert len(kept) == len(every)
