"""Says what the server means in the words of the cell, and how what somebody probably wanted is done."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches

from .database import Database, Failed, Refusal
from .lineage import Lineage
from .query import Rewritten, Statement, scan

_PARAMETER = re.compile(r'(")?\$(\d+)(?(1)")')
_LIST_AFTER = re.compile(r"\bin\s*\Z", re.IGNORECASE)
_MISSING = re.compile(r'"([^"]+)"')
_IN_A_STRING = re.compile(r"\{\s*([^\W\d]\w*)\s*(?:[.!][\w.!]*\s*)?\}")
_SYNTAX, _UNDECIDED, _NO_PARAMETER, _NO_TABLE, _ABORTED = "42601", "42P18", "42P02", "42P01", "25P02"
_BINDING = "A value of Python's goes in as {name}."
_TABLES = """
select space.nspname::text, class.relname::text, pg_catalog.pg_table_is_visible(class.oid)
from pg_catalog.pg_class as class join pg_catalog.pg_namespace as space on space.oid = class.relnamespace
where class.relkind in ('r', 'p', 'v', 'm', 'f') and space.nspname <> 'information_schema'
    and space.nspname not like 'pg\\_%' order by 3 desc, 1, 2 limit 3000
"""


def in_own_words(message: str, rewritten: Rewritten) -> str:
    """The message with `{name}` for the `$1` that nobody has written."""

    def own(match: re.Match[str]) -> str:
        number = int(match[2])
        known = 0 < number <= len(rewritten.paths)
        return f"{{{'.'.join(rewritten.paths[number - 1])}}}" if known else match[0]

    return _PARAMETER.sub(own, message)


def meant(statement: Statement, rewritten: Rewritten, refusal: Refusal) -> int | None:
    """Where in the cell's text the server found fault."""
    if refusal.position is not None:
        at = rewritten.origin(refusal.position)
        return next((place.start for place in statement.places if place.start <= at < place.end), at)
    number = _PARAMETER.search(refusal.message) if refusal.state == _UNDECIDED else None
    path = rewritten.paths[int(number[2]) - 1 : int(number[2])] if number else ()
    return next((place.start for place in statement.places if place.path in path), None)


def advice(statement: Statement, refusal: Refusal, at: int | None) -> str | None:
    """How it is done right, if that can be guessed."""
    if refusal.state == _NO_PARAMETER:
        return _BINDING
    if refusal.state == _ABORTED:
        return "ROLLBACK ends the transaction; nothing of it is kept."
    if at is None or refusal.state not in (_SYNTAX, _UNDECIDED):
        return None
    place = next((each for each in statement.places if each.start == at and not each.identifier), None)
    before, after = statement.text[: at - statement.start], statement.text[at - statement.start :]
    if place is None:
        unknown = re.match(r":([^\W\d]\w*)", after)
        if unknown:
            return f"There is no variable `{unknown[1]}`, so :{unknown[1]} is no value."
        if after.startswith("\\"):
            return "Commands of psql's are no SQL. SELECT * FROM information_schema.tables lists the tables."
        return _BINDING if after[:1] in ("%", "?", "$") else None
    if refusal.state == _UNDECIDED:
        return f"Say of what type it is, as in {{{place}}}::text."
    if _LIST_AFTER.search(before):
        return f"A list goes in as `= any({{{place}}})`."
    return f"No value can stand here. The name of a table or a column goes in as {{{place}!i}}."


def tables_like(database: Database, refusal: Refusal) -> str | None:
    """Which tables somebody may have meant by one that is not there."""
    missing = _MISSING.search(refusal.message) if refusal.state == _NO_TABLE else None
    if missing is None or database.lost:
        return None
    try:
        rows = database.fetch(_TABLES).rows
    except Failed:
        return None
    names = {str(name) if visible else f"{space}.{name}": str(name) for space, name, visible in rows}
    wanted = missing[1].rpartition(".")[2]
    close = get_close_matches(wanted, set(names.values()), 3)
    found = [f"`{shown}`" for name in close for shown in names if names[shown] == name][:3]
    return f"There is {' and '.join(found)}." if found else None


def remarks(statement: Statement, lineage: Lineage | None, knows: Callable[[str], bool]) -> Iterator[str]:
    """What a statement that went well probably does not do as it was meant."""
    if lineage is not None and lineage.ordered_by_values:
        yield "To order or group by a value does nothing; the name of a column goes in as {name!i}."
    for name in _quoted_places(statement):
        if knows(name):
            own = f"{{{name}}}"
            yield f"`{own}` in quotes is text. A value goes in without them, as in '%' || {own} || '%'."


def _quoted_places(statement: Statement) -> Sequence[str]:
    if "{" not in statement.text or "'" not in statement.text:
        return ()
    strings = [token for token in scan(statement.text) if token.name == "SCONST"]
    texts = [statement.text[token.start : token.end + 1] for token in strings]
    return list(dict.fromkeys(name for text in texts for name in _IN_A_STRING.findall(text)))
