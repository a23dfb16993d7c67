"""How much of what objects were is kept, and what happens to the rest."""

from __future__ import annotations

from reactive_kernel.cell import CellId
from reactive_kernel.identity import identity
from reactive_kernel.namespace import Namespace
from reactive_kernel.objects import Survey

MAKER, CHANGER, OTHER = CellId("maker"), CellId("changer"), CellId("other")


def bench(memory: int, **names: object) -> Namespace:
    """A namespace in which a cell has made those names."""
    space = Namespace(dict(names))
    space.memory = memory
    space.capture(MAKER, names)
    return space


def change(space: Namespace, name: str, cell: CellId) -> None:
    """Let a cell append to the list behind the name."""
    survey = Survey([space.live[name]])
    space.live[name].append(0)  # type: ignore[attr-defined]  # a list
    space.note(survey.changes(), lambda at, weight: True)
    space.capture(cell, [name])


def test_a_state_that_is_kept_is_put_back():
    space = bench(1 << 20, xs=[1])
    change(space, "xs", CHANGER)
    space.stage({"xs": MAKER})
    assert (space.live["xs"], space.lost()) == ([1], set())


def test_it_is_the_same_object_in_either_state():
    space = bench(1 << 20, xs=[1])
    held = space.live["xs"]
    change(space, "xs", CHANGER)
    space.stage({"xs": MAKER})
    assert space.live["xs"] is held
    space.settle(lambda name: CHANGER)
    assert (space.live["xs"] is held, held) == (True, [1, 0])


def test_a_state_too_large_to_keep_is_spent():
    space = bench(1000, xs=list(range(10_000)))
    change(space, "xs", CHANGER)
    assert space.lost() == {(MAKER, "xs")}


def test_the_oldest_states_of_the_heaviest_object_go_first():
    space = bench(150_000, xs=list(range(10_000)), ys=[1])
    change(space, "ys", CHANGER)
    change(space, "xs", CHANGER)
    assert space.lost() == set()
    change(space, "xs", OTHER)
    assert space.lost() == {(MAKER, "xs")}


def test_what_nobody_means_any_more_is_let_go():
    space = bench(1 << 20, xs=[1])
    change(space, "xs", CHANGER)
    space.keep_only(())
    space.clean()
    assert space.tokens([identity(space.live.get("xs"))]) == frozenset()
