"""Answers to *why*: what a cell read and at which versions, who wrote a name, what a document is waiting for.

Everything here is asked of a `Session`; nothing is changed. Code stands between backquotes.
"""

from __future__ import annotations

import builtins
import difflib
import html
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from .cell import Activity, CellId, Freshness, Mode, Outcome, Resource
from .event import Status
from .fixed import fixed
from .graph import plain
from .namespace import of_the_session
from .reason import called
from .session import Session
from .state import Stamp
from .versions import UNSEEN, UNSURE

# So many cells, names or lines are listed; the rest is counted.
_LISTED = 12


@fixed
class Part:
    """A sentence, or a heading and what stands below it."""

    text: str
    items: tuple[str, ...] = ()


@fixed
class Explanation:
    """What to tell somebody, as plain text and as HTML."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return "\n".join(
            line for part in self.parts for line in (part.text, *(f"  {item}" for item in part.items))
        )

    def html(self) -> str:
        """The same, for front ends that show HTML."""
        return f"<div>{''.join(_html(part) for part in self.parts)}</div>"


def _html(part: Part) -> str:
    items = "".join(f"<li>{_coded(item)}</li>" for item in part.items)
    listed = f'<ul style="margin: 0 0 0.4em">{items}</ul>' if items else ""
    return f'<p style="margin: 0 0 0.2em">{_coded(part.text)}</p>{listed}'


def _coded(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


def why(
    document: Session,
    asked: str,
    live: Collection[str],
    place: Callable[[CellId], str | None] = lambda cell: None,
) -> Explanation:
    """Explain a cell (by number or id) or a name.

    `live` are the names that are bound now, `place` says where a cell ran, and why there.
    """
    asked = asked.strip().strip("`")
    cell, resource = _cell_called(document, asked), _resource_called(document, asked)
    if cell is not None and (resource is None or asked == cell):
        where = place(cell)
        return Explanation((*_of_cell(document, cell, live), *((Part(where),) if where else ())))
    if resource is not None:
        return Explanation(tuple(_of_resource(document, resource, live)))
    return Explanation((Part(_of_nothing(document, asked, live)),))


def overview(document: Session) -> Explanation:
    """How the document is, and which of its cells are not as a fresh run would show them."""
    # The cell that asks is running, and nobody asks about that one.
    cells = [cell for cell in document.cells if cell != document.running]
    counts: dict[str, int] = {}
    amiss: list[str] = []
    for cell in cells:
        status = document.status(cell)
        state = _state(status)
        counts[state] = counts.get(state, 0) + 1
        if state != "fresh" or status.outcome is Outcome.ERROR:
            amiss.append(f"{document.label(cell)}{_line(document, cell)} {_predicate(status)}")
    mode = "auto mode: cells run again when their inputs change" if document.auto else "lazy mode: cells wait"
    told = ", ".join(
        f"{counts[state]} {state}" for state in ("fresh", "stale", "blocked", "new") if state in counts
    )
    number = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
    return Explanation(
        (
            Part(f"{number}: {told or 'nothing to tell'} ({mode}).", _cut(amiss)),
            Part("Ask `%reactive why NAME` or `%reactive why CELL`; `%reactive help` lists the rest."),
        )
    )


# What is asked for


def _cell_called(document: Session, asked: str) -> CellId | None:
    """The cell of that number, id, or beginning of an id."""
    number = re.fullmatch(r"(?:cell\s*)?#?(\d+)", asked, re.IGNORECASE)
    if number is not None and 0 < int(number[1]) <= len(document.cells):
        return document.cells[int(number[1]) - 1]
    if CellId(asked) in document:
        return CellId(asked)
    begun = [cell for cell in document.cells if len(asked) >= 4 and cell.startswith(asked)]
    return begun[0] if len(begun) == 1 else None


def _resource_called(document: Session, asked: str) -> Resource | None:
    """The resource, the file of that path, or the name that an expression like `df.x` begins with."""
    if not asked:
        return None
    written = document.graph.written()
    files = sorted(name for name in written if name.startswith("file:") and name.endswith(f"/{asked}"))
    root = re.match(r"[^\W\d]\w*", asked)
    for name in (asked, f"file:{asked}", f"dir:{asked}", *files[:1], root[0] if root else asked):
        if name in written or any(True for _ in _users(document, name)):
            return name
    return None


def _users(document: Session, name: Resource) -> Iterator[CellId]:
    """The cells that read the name, but for those to whom it is only a builtin's, or Python's own state."""
    for cell in document.graph.users(name):
        if name in document.edges(cell).reads:
            yield cell


def _of_nothing(document: Session, asked: str, live: Collection[str]) -> str:
    if not asked:
        return "`%reactive why` takes a name, or a cell's number or id."
    if re.fullmatch(r"(?:cell\s*)?#?\d+", asked, re.IGNORECASE):
        count = len(document.cells)
        return f"There is no cell {re.sub('[^0-9]', '', asked)}: the document has {count} code cells."
    if of_the_session(asked):
        return f"`{asked}` belongs to this session and not to the notebook."
    if asked in live:
        return f"No cell writes or reads `{asked}`; it was bound outside of the document."
    if hasattr(builtins, asked):
        return f"`{asked}` is Python's own; no cell writes it."
    known = sorted({*document.graph.written(), *(name for name in live if not of_the_session(name))})
    near = [f"`{name}`" for name in difflib.get_close_matches(asked, known, n=3, cutoff=0.6)]
    return f"No cell writes or reads `{asked}`." + (
        f" Did you mean {_enumerated(near, 'or')}?" if near else ""
    )


# A cell


def _of_cell(document: Session, cell: CellId, live: Collection[str]) -> Iterator[Part]:
    status = document.status(cell)
    yield Part(f"{document.label(cell)}{_line(document, cell)} {_predicate(status)}")
    if status.activity is Activity.QUEUED:
        yield Part("It is queued: it runs soon.")
    if document.mode(cell) is Mode.MANUAL:
        yield Part("It is manual: it runs only when somebody asks for it.")
    if reads := tuple(_reads(document, cell, live)):
        yield Part("It reads", _cut(reads))
    else:
        yield Part("It reads nothing that a cell could write.")
    if gone := tuple(_former_reads(document, cell)):
        yield Part("Its latest run also read", _cut(gone))
    if writes := tuple(_writes(document, cell)):
        yield Part("It writes", _cut(writes))
    yield Part(_consequences(document, cell))
    if unseen := tuple(_unseen(document, cell, status)):
        yield Part("What the kernel cannot see", unseen)


def _line(document: Session, cell: CellId) -> str:
    line = next((each.strip() for each in document.cell(cell).source.splitlines() if each.strip()), "")
    line = line.replace("`", "'")
    return f" `{line[:57]}…`" if len(line) > 60 else f" `{line}`" if line else ""


def _state(status: Status) -> str:
    return "blocked" if status.outcome is Outcome.BLOCKED else status.freshness.value


def _predicate(status: Status) -> str:
    """What to say of the cell's state, and why."""
    because = f": {_lowered(status.reason.message)}" if status.reason is not None else "."
    if status.activity is Activity.RUNNING:
        return f"is running now, as run {status.run}."
    if status.outcome is Outcome.BLOCKED:
        return f"is blocked{because}"
    if status.freshness is Freshness.NEW:
        return f"has never run{because}"
    if status.freshness is Freshness.STALE:
        return f"is stale{because}"
    if status.outcome is Outcome.ERROR:
        return f"failed in run {status.run}, and neither it nor what it reads has changed since."
    return f"is fresh: nothing that it reads has changed since it ran (run {status.run})."


def _lowered(sentence: str) -> str:
    first = sentence.partition(" ")[0]
    return (
        sentence[0].lower() + sentence[1:] if first.isalpha() and first not in ("Python", "I") else sentence
    )


def _reads(document: Session, cell: CellId, live: Collection[str]) -> Iterator[str]:
    account = document.account(cell)
    taken: Mapping[Resource, Stamp | None] = account.reads if account is not None else {}
    for name in document.edges(cell).reads:
        how = _how_known(document, cell, name)
        writer = document.graph.inputs(cell).get(name)
        if writer is None:
            outside = "; it was bound outside of the document" if name in live else ""
            yield f"{called(name)}, which no cell writes{outside}"
            continue
        maker = document.versions.source_of(name, cell)
        now = _stamp(document, maker, name)
        before = taken.get(name)
        origin = f"{called(name)} from {document.label(maker or writer)}"
        if now is None:
            yield f"{called(name)} from {document.label(writer)}, which {_lacks(document, writer)}{how}"
        elif maker != writer:
            nearer = f"{document.label(writer)}, which is to write it, {_lacks(document, writer)}"
            yield f"{origin}, run {now}; {nearer}{how}"
        elif account is None or before == now:
            yield f"{origin}, run {now}{how}"
        else:
            yield f"{origin}, now run {now}; it read {_version(document, name, before)}{how}"


def _how_known(document: Session, cell: CellId, name: Resource) -> str:
    facts = document.facts(cell)
    if ":" in name or name in facts.reads | facts.builtins:
        return ""
    if name in document.graph.entry(cell).reads:
        return " (seen when it ran)"
    return " (through a function that it calls)"


def _stamp(document: Session, maker: CellId | None, name: Resource) -> Stamp | None:
    account = (
        document.account(maker) if maker is not None and document.versions.provides(maker, name) else None
    )
    return account.left.get(name) if account is not None else None


def _lacks(document: Session, writer: CellId) -> str:
    status = document.status(writer)
    if status.freshness is Freshness.NEW:
        return "has not run"
    if status.outcome is Outcome.OK:
        return "left none in its latest run"
    return "is blocked" if status.outcome is Outcome.BLOCKED else "failed"


def _version(document: Session, name: Resource, stamp: Stamp | None) -> str:
    """The version that a run read, with the cell that made it if that is still to be found."""
    if stamp is None:
        return "none"
    if stamp == UNSEEN:
        return "one that was not noted, as its run failed"
    if stamp == UNSURE:
        return "one that is not there any more"
    if stamp < 0:
        return "what a failed cell had left"
    for maker in document.graph.writers(name):
        account = document.account(maker)
        if account is not None and account.left.get(name) == stamp:
            return f"run {stamp} of {document.label(maker)}"
    return f"run {stamp}"


def _former_reads(document: Session, cell: CellId) -> Iterator[str]:
    account = document.account(cell)
    inputs = document.graph.inputs(cell)
    for name, stamp in sorted(account.reads.items()) if account is not None else ():
        if stamp is not None and name not in inputs and name == plain(name):
            yield f"{called(name)}, {_version(document, name, stamp)}"


def _writes(document: Session, cell: CellId) -> Iterator[str]:
    account, facts = document.account(cell), document.facts(cell)
    entry = document.graph.entry(cell)
    for name in sorted(entry.writes | entry.may):
        stamp = _stamp(document, cell, name)
        changed = account is not None and name in account.changed
        place = ", changed in place" if changed or (stamp is None and name in facts.mutates) else ""
        place = ", deleted" if name in facts.deletes else place
        left = f" (run {stamp})" if stamp is not None else " (perhaps)" if name in entry.may else " (not yet)"
        readers = document.graph.readers(cell, name)
        yield f"{called(name)}{left}{place}{_read_by(document, readers)}"


def _read_by(document: Session, readers: Iterable[CellId]) -> str:
    ordered = sorted(readers, key=document.graph.rank)
    return f", read by {_several(document, ordered)}" if ordered else ""


def _consequences(document: Session, cell: CellId) -> str:
    below = document.graph.reach([cell], document.graph.children, lambda _: True) - {cell}
    if not below:
        return "No cell depends on it."
    ordered = sorted(below, key=document.graph.rank)
    running = [each for each in ordered if document.mode(each) is Mode.AUTO and document.auto]
    marked = [each for each in ordered if each not in running]
    told: list[str] = []
    if running:
        verb = "runs" if len(running) == 1 else "run"
        far = "" if len(running) == 1 else " as far as the change reaches"
        told.append(f"{_several(document, running)} {verb} again{far}")
    if marked:
        verb = "is" if len(marked) == 1 else "are"
        told.append(f"{_several(document, marked)} {verb} marked stale")
    return f"If what it writes changes, {'; '.join(told)}."


def _unseen(document: Session, cell: CellId, status: Status) -> Iterator[str]:
    account, facts = document.account(cell), document.facts(cell)
    if (
        account is not None
        and account.unproven
        and (status.reason is None or status.reason.kind != "unproven")
    ):
        yield account.unproven
    if facts.dynamic:
        yield "It may touch names that its text does not spell out; those are known only after a run."
    if facts.manual:
        yield "It changes a world that is never put back: when it runs again it meets what it left there."


# A name or another resource


def _of_resource(document: Session, name: Resource, live: Collection[str]) -> Iterator[Part]:
    writers = tuple(document.graph.writers(name))
    yield Part(f"{_capital(called(name))} {_at_the_end(document, name, writers, live)}")
    if writers:
        yield Part("Written by", _cut([_as_writer(document, cell, name) for cell in writers]))
    lost = [cell for cell in _users(document, name) if document.graph.inputs(cell)[name] is None]
    if lost:
        yield Part(f"Read, and not found, by {_several(document, lost)}.")


def _at_the_end(document: Session, name: Resource, writers: Sequence[CellId], live: Collection[str]) -> str:
    if not writers:
        return f"is written by no cell{'; it was bound outside of the document' if name in live else ''}."
    maker = document.versions.source_of(name, None)
    stamp = _stamp(document, maker, name)
    last = f"{document.label(writers[-1])}, which is to write it last,"
    if maker is None or stamp is None:
        return f"has no version yet: {last} {_lacks(document, writers[-1])}."
    status = document.status(maker)
    doubt = "" if status.freshness is Freshness.FRESH else f" ({_state(status)} now)"
    if maker == writers[-1]:
        return f"is, at the document's end, what {document.label(maker)} left in run {stamp}{doubt}."
    missing = _lacks(document, writers[-1])
    return f"is what {document.label(maker)} left in run {stamp}{doubt}: {last} {missing}."


def _as_writer(document: Session, cell: CellId, name: Resource) -> str:
    account, facts = document.account(cell), document.facts(cell)
    stamp = _stamp(document, cell, name)
    if name in facts.deletes:
        does = "deletes it"
    elif (account is not None and name in account.changed) or (stamp is None and name in facts.mutates):
        does = "changes it in place"
    elif name in document.graph.entry(cell).may:
        does = "may write it, through a function that it calls"
    else:
        does = "writes it" if ":" in name else "binds it"
    when = f" in run {stamp}" if stamp is not None else ""
    return f"{document.label(cell)}{_line(document, cell)} {does}{when}{_taken(document, cell, name)}"


def _taken(document: Session, cell: CellId, name: Resource) -> str:
    """Whose version the writer itself starts from, and who reads what it leaves."""
    above = document.graph.inputs(cell).get(name)
    start = f", from what {document.label(above)} left" if above is not None and above != cell else ""
    return f"{start}{_read_by(document, document.graph.readers(cell, name))}"


# Words


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]


def _several(document: Session, cells: Sequence[CellId]) -> str:
    """As in `cells 2, 3 and 7`."""
    if len(cells) == 1:
        return document.label(cells[0])
    shown = [document.label(cell).removeprefix("cell ") for cell in cells[:_LISTED]]
    if len(cells) > _LISTED:
        shown.append(f"{len(cells) - _LISTED} more")
    return f"cells {_enumerated(shown, 'and')}"


def _enumerated(words: Sequence[str], last: str) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _cut(items: Sequence[str]) -> tuple[str, ...]:
    if len(items) <= _LISTED:
        return tuple(items)
    return (*items[:_LISTED], f"and {len(items) - _LISTED} more")
