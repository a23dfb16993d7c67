"""A notebook of a few cells: what people do with it, and whether it is ever wrong without saying so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from ..fuzz.execution import Shown
from .nursery import Fresh, Nursery, State, Told, lay_out


class Notebook:
    """Named cells in a process of their own; fresh ones always show what a fresh process shows."""

    def __init__(
        self,
        nursery: Nursery,
        place: Path,
        cells: Mapping[str, str],
        *,
        files: Mapping[str, str] | None = None,
        modes: Mapping[str, str] | None = None,
    ) -> None:
        self._nursery, self._place = nursery, place
        self._files = {name: text.encode() for name, text in (files or {}).items()}
        self.cells = dict(cells)
        directory = place / "notebook"
        lay_out(directory, self._files)
        self._link = nursery.call("bench", str(directory), self.cells, modes or {})
        self.state: State = self._state()

    def close(self) -> None:
        self._link.close()

    # What people do

    def run(self, *names: str) -> Notebook:
        """Run cells, or all of them."""
        return self._done("run", *names)

    def run_stale(self) -> Notebook:
        return self._done("run_stale")

    def edit(self, name: str, source: str) -> Notebook:
        """Change a text and do not run it."""
        self.cells[name] = source
        return self._done("edit", name, source)

    def enter(self, name: str, source: str) -> Notebook:
        """Change a text and run it."""
        self.cells[name] = source
        return self._done("enter", name, source)

    def delete(self, name: str) -> Notebook:
        del self.cells[name]
        return self._done("arrange", self.cells)

    def insert(self, place: int, name: str, source: str) -> Notebook:
        """Insert a cell and do not run it."""
        cells = list(self.cells.items())
        self.cells = dict([*cells[:place], (name, source), *cells[place:]])
        return self._done("arrange", self.cells)

    def move(self, name: str, place: int) -> Notebook:
        source = self.cells.pop(name)
        return self.insert(place, name, source)

    def interrupt(self, name: str, line: int) -> Notebook:
        """Run a cell; an interrupt strikes before that line of it."""
        return self._done("interrupt", name, line)

    def exercise(self) -> Notebook:
        """Run it; run each cell again, downwards and upwards; take each cell's text away and put it back."""
        self.run()
        for name in (*self.cells, *reversed(self.cells)):
            self.run(name)
        for name, source in tuple(self.cells.items()):
            self.enter(name, "pass")
            self.enter(name, source)
        return self.run_stale()

    # What they see

    def shown(self, name: str) -> str:
        told = self.state.cells[name]
        return told.shown.text + (told.shown.error or "")

    def status(self, name: str) -> Told:
        return self.state.cells[name]

    def value(self, expression: str) -> str:
        """What code of no cell sees."""
        return str(self._ask("value", expression))

    # What has to be true

    def holds(self, *order: str) -> bool:
        """All cells are fresh, and outputs and names are those of a fresh process; or it says where not."""
        amiss = {name: told for name, told in self.state.cells.items() if not told.is_fresh}
        assert not amiss, f"not fresh: {amiss}"
        fresh = self.fresh(*order)
        names = cast("dict[str, str]", self._ask("names"))
        assert names == fresh.names, _differing(names, fresh.names)
        return True

    def doubts(self, name: str, *words: str) -> bool:
        """The cell is stale because nobody can prove it fresh, and the reason has those words in it."""
        told = self.state.cells[name]
        assert (told.freshness, told.kind) == ("stale", "unproven"), told
        assert all(word in told.reason for word in words), told.reason
        return True

    def is_honest(self) -> bool:
        """All holds, or some cells are stale as nobody can prove them fresh, and others because of those."""
        amiss = {told.kind for told in self.state.cells.values() if not told.is_fresh}
        if not amiss:
            return self.holds()
        assert "unproven" in amiss, self.state.cells
        assert amiss <= {"unproven", "input-stale"}, self.state.cells
        return True

    def fresh(self, *order: str) -> Fresh:
        """What a fresh process makes of it, top to bottom or in another order."""
        cells = {name: self.cells[name] for name in order or self.cells}
        return self._nursery.fresh("plain", cells, self._files, self._place)

    def _done(self, method: str, *arguments: object) -> Notebook:
        self._ask(method, *arguments)
        self.state = self._state()
        self._check(f"after {method} {arguments}")
        return self

    def _state(self) -> State:
        state = self._ask("state")
        assert isinstance(state, State)
        return state

    def _ask(self, method: str, *arguments: object) -> object:
        self._link.send((method, arguments))
        answer = self._link.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _check(self, when: str) -> None:
        """No cell is wrong and says that it is fresh."""
        claims = {name: told.shown for name, told in self.state.cells.items() if told.is_fresh}
        answers = self._answers() if claims else []
        for name, shown in claims.items():
            wanted = [fresh.cells[name].shown for fresh in answers]
            assert any(shown == want or _is_taken_from_below(want) for want in wanted), (
                f"{when}: {name} is fresh and shows {shown}; a fresh process shows {wanted[0]}"
            )

    def _answers(self) -> list[Fresh]:
        """What fresh processes show: with the files of the beginning, and with those that are there now."""
        cells = {name: self.cells[name] for name in self.order or self.cells}
        worlds = [self._files, *([self.state.files] if self.state.files != self._files else [])]
        return [self._nursery.fresh("plain", cells, files, self._place) for files in worlds]

    # Of a notebook that needs another order than from top to bottom: its cells in that order.
    order: tuple[str, ...] = ()


def _is_taken_from_below(shown: Shown) -> bool:
    """Where no cell above binds a name, a cell below may; a run from top to bottom knows nothing of that."""
    return shown.error is not None and shown.error.startswith("NameError")


def _differing(names: Mapping[str, str], fresh: Mapping[str, str]) -> str:
    return "\n".join(
        f"{name} is {names.get(name)}; in a fresh process {fresh.get(name)}"
        for name in sorted(names.keys() | fresh.keys())
        if names.get(name) != fresh.get(name)
    )
