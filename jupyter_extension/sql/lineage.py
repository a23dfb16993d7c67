"""Reads which tables a statement takes rows from and which it changes, as far as its text shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, cast

import pglast
from pglast import ast
from pglast.parser import ParseError

# A statement of these kinds changes nothing that outlives the session, whatever is in it.
_HARMLESS = (
    ast.SelectStmt, ast.VariableShowStmt, ast.VariableSetStmt, ast.FetchStmt, ast.ClosePortalStmt,
    ast.DeallocateStmt, ast.ListenStmt, ast.UnlistenStmt, ast.DiscardStmt, ast.CheckPointStmt,
    ast.ConstraintsSetStmt, ast.LoadStmt, ast.LockStmt,
)  # fmt: skip
_CHANGES_ROWS = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)
_DROPPED = {
    "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE", "OBJECT_SEQUENCE",
}  # fmt: skip


@dataclass(frozen=True, order=True)
class Table:
    """A table as a statement names it."""

    schema: str | None
    name: str


@dataclass(frozen=True)
class Lineage:
    """What a statement does to the database."""

    reads: frozenset[Table] = frozenset()
    writes: frozenset[Table] = frozenset()
    # It leaves something behind in the database: rows, tables, anything.
    changes: bool = False
    # Functions that it calls and that do not come with Postgres: nobody knows what they do.
    functions: frozenset[str] = frozenset()
    # What it changes cannot be known from its text (DO, CALL, EXECUTE, functions).
    unknown: bool = False
    # Its rows would go by a way that a cell has not: those of COPY to and from the client.
    by_copy: str | None = None
    # It orders or groups by a parameter, which is the same for every row.
    ordered_by_values: bool = False


@lru_cache(maxsize=256)
def lineage(sql: str) -> Lineage | None:
    """What one statement does, or None if Postgres' parser does not understand it."""
    try:
        trees = pglast.parse_sql(sql)
    except ParseError:
        return None
    walk = _Walk()
    for tree in trees:
        walk.statement(tree.stmt)
    return Lineage(
        frozenset(walk.reads),
        frozenset(walk.writes),
        walk.changes or bool(walk.writes),
        frozenset(walk.functions),
        walk.unknown or bool(walk.functions),
        walk.by_copy,
        walk.ordered_by_values,
    )


@cache
def _of_postgres() -> frozenset[str]:
    """The functions that come with Postgres and change nothing."""
    return frozenset(Path(__file__).with_name("functions.txt").read_text(encoding="utf-8").split())


@dataclass
class _Walk:
    reads: set[Table] = field(default_factory=set[Table])
    writes: set[Table] = field(default_factory=set[Table])
    functions: set[str] = field(default_factory=set[str])
    changes: bool = False
    unknown: bool = False
    by_copy: str | None = None
    ordered_by_values: bool = False

    def statement(self, node: Any) -> None:
        """A statement that is executed."""
        if isinstance(node, ast.ExplainStmt):
            self._explain(node)
        elif isinstance(node, (ast.DoStmt, ast.CallStmt, ast.ExecuteStmt)):
            self.changes = self.unknown = True
            self._visit(node, frozenset())
        elif isinstance(node, ast.PrepareStmt):
            self.changes = True
        elif isinstance(node, (ast.CopyStmt, ast.CreateTableAsStmt, ast.ViewStmt, ast.DropStmt)):
            self.changes = not isinstance(node, ast.CopyStmt) or bool(node.is_from or node.filename)
            self._named(node)
        elif isinstance(node, ast.TransactionStmt):
            self.changes = True
        else:
            self.changes = self.changes or not isinstance(node, _HARMLESS)
            self._other(node)

    def _explain(self, node: Any) -> None:
        if any(option.defname == "analyze" and not _off(option.arg) for option in node.options or ()):
            self.statement(node.query)
            return
        inner = _Walk()
        inner.statement(node.query)
        self.reads |= inner.reads | inner.writes

    def _named(self, node: Any) -> None:
        nothing = frozenset[str]()
        if isinstance(node, ast.CopyStmt):
            if not node.filename:
                self.by_copy = "from" if node.is_from else "to"
            if node.relation is not None:
                (self.writes if node.is_from else self.reads).add(_table(node.relation))
            self._visit(node.query, nothing)
        elif isinstance(node, ast.CreateTableAsStmt):
            into: Any = node.into
            self.writes.add(_table(into.rel))
            self._visit(node.query, nothing)
        elif isinstance(node, ast.ViewStmt):
            self.writes.add(_table(node.view))
            self._visit(node.query, nothing)
        elif node.removeType.name in _DROPPED:
            self.writes.update(_dotted(name) for name in node.objects)

    def _other(self, node: Any) -> None:
        """Definitions and the like change the table that they name and read those within."""
        nothing = frozenset[str]()
        relation: Any = getattr(node, "relation", None)
        if isinstance(node, ast.TruncateStmt):
            relations: Any = node.relations
            self.writes.update(_table(each) for each in relations)
        elif isinstance(node, ast.VacuumStmt):
            return
        elif isinstance(node, ast.RenameStmt) and relation is not None:
            self.writes |= {_table(relation), Table(relation.schemaname, str(node.newname))}
        elif isinstance(node, (ast.AlterTableStmt, ast.RefreshMatViewStmt, ast.AlterObjectSchemaStmt)):
            if relation is not None:
                self.writes.add(_table(relation))
                self.reads.add(_table(relation))
        elif isinstance(node, ast.CreateStmt):
            self.writes.add(_table(relation))
            self._within(node, nothing, without=("relation",))
        else:
            self._visit(node, nothing)

    def _visit(self, node: Any, known: frozenset[str]) -> None:
        """A query, or anything in one; `known` are the names that WITH has given to queries."""
        if isinstance(node, (list, tuple)):
            for each in node:  # pyright: ignore[reportUnknownVariableType]  # a tree is typed in part
                self._visit(each, known)
        elif isinstance(node, ast.RangeVar):
            if node.schemaname or node.relname not in known:
                self.reads.add(_table(node))
        elif isinstance(node, ast.FuncCall):
            self._function(node)
            self._within(node, known, without=("funcname",))
        elif isinstance(node, ast.Node):
            if isinstance(node, ast.SelectStmt):
                keys = [each.node for each in node.sortClause or ()] + list(node.groupClause or ())
                self.ordered_by_values |= any(isinstance(key, ast.ParamRef) for key in keys)
            self._query(node, known)

    def _query(self, node: Any, known: frozenset[str]) -> None:
        clause: Any = getattr(node, "withClause", None)
        if clause is not None:
            known = self._with(clause, known)
        if isinstance(node, _CHANGES_ROWS):
            target = _table(node.relation)
            self.changes = True
            # The rows that are there already belong to what it leaves.
            self.reads.add(target)
            self.writes.add(target)
        into: Any = getattr(node, "intoClause", None)
        if isinstance(node, ast.SelectStmt) and into is not None:
            self.changes = True
            self.writes.add(_table(into.rel))
        skipped = ("withClause", "intoClause")
        self._within(
            node, known, without=(*skipped, "relation") if isinstance(node, _CHANGES_ROWS) else skipped
        )

    def _with(self, clause: Any, known: frozenset[str]) -> frozenset[str]:
        if clause.recursive:
            known |= {each.ctename for each in clause.ctes}
        for each in clause.ctes:
            self._visit(each.ctequery, known)
            known |= {each.ctename}
        return known

    def _within(self, node: Any, known: frozenset[str], *, without: Sequence[str] = ()) -> None:
        for name in _fields(cast("type[Any]", type(node))):
            if name not in without:
                self._visit(getattr(node, name), known)

    def _function(self, node: Any) -> None:
        parts = [part.sval for part in node.funcname]
        if parts[-1] in _of_postgres() and parts[:-1] in ([], ["pg_catalog"]):
            return
        self.functions.add(".".join(parts))
        self.changes = self.changes or parts[-1] in _CHANGING


# Functions of Postgres that leave something behind.
_CHANGING = frozenset({"nextval", "setval", "lo_import", "lo_create", "lo_unlink", "lo_put", "pg_notify"})


@cache
def _fields(kind: type[Any]) -> tuple[str, ...]:
    return tuple(name for name in kind.__slots__ if not name.startswith("_"))


def _off(value: Any) -> bool:
    said: object = getattr(value, "sval", getattr(value, "boolval", True))
    return said in (False, "off", "false", "0")


def _table(node: Any) -> Table:
    return Table(node.schemaname, node.relname)


def _dotted(name: Iterable[Any]) -> Table:
    parts = [part.sval for part in name]
    return Table(parts[-2] if len(parts) > 1 else None, parts[-1])


def names(tables: Iterable[Table]) -> Iterator[str]:
    for table in sorted(tables, key=lambda each: (each.schema or "", each.name)):
        yield f"{table.schema}.{table.name}" if table.schema else table.name
