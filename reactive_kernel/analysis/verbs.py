"""Says in short exact words what a cell does beyond looking at the objects it reads.

Looking is loading names, attributes and items, and binding names. The words:

    np.mean()  f()       a call by a path from a global name; (2), (3) with so many positional arguments, (*)
                         with a starred one
    numpy:mean()         the same, where the cell itself imports the module
    .mean()              a method of whatever stands before the dot
    ?()                  a call of something else
    &x  &np.put          a global name or path that is passed on instead of called
    &?  &?.              the same with a name that the cell binds anew, or imports where nobody follows
    []                   an item is looked up
    &()                  what may be a function is given to something that may call it
    .  op  in            attributes are looked up; operators, tests and formatting; `in`
    for  unpack          something is iterated
    take                 an object of the cell's own is given something: keys to hash, an iterable
    item=  del item  attr=  del attr  +=  out=  inplace=  copy=False  overwrite=  memo=  file=  **
    with  await  yield  raise  class  decorator  match  import *  show  %

What reaches only objects that the cell made itself is left out, as are calls of functions that it defines:
their bodies say what they do.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Final

# What is behind a name that the cell binds: an import ("module:path"), or one of these.
OWN: Final = "own"
FRESH: Final = "fresh"
UNKNOWN: Final = ""

# Methods that change their object: a reference to one, passed on, may be called where no call is seen.
MUTATORS: Final = frozenset({
    # builtins
    "add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert",
    "intersection_update", "move_to_end", "pop", "popitem", "popleft", "remove", "reverse", "rotate",
    "setdefault", "sort", "subtract", "symmetric_difference_update", "update", "release",
    # iterators and files
    "close", "readinto", "readline", "readlines", "seek", "send", "throw", "truncate", "write", "writelines",
    # numpy
    "byteswap", "conj", "conjugate", "dump", "fill", "harden_mask", "itemset", "partition", "put", "resize",
    "set_fill_value", "setfield", "setflags", "shrink_mask", "soften_mask", "unshare_mask",
    # pandas, polars
    "drop_in_place", "eval", "insert_column", "isetitem", "load", "put_along", "query", "replace_column",
    "scatter", "set", "set_flags",
})  # fmt: skip

# Methods through which a container that the cell made takes or gives items; others may do more.
_OF_CONTAINERS: Final = MUTATORS - {"sort", "set", "eval", "query", "load", "dump", "release"}
_CALM_DUNDERS: Final = frozenset({"__doc__", "__file__", "__name__", "__qualname__", "__version__"})

# Functions and methods that call what they are given.
CALLERS: Final = frozenset({
    "accumulate", "agg", "aggregate", "apply", "apply_along_axis", "apply_over_axes", "applymap",
    "array2string", "assign", "bar_label", "boxplot", "combine", "corr", "corrwith", "crosstab",
    "defaultdict", "dropwhile", "dump", "dumps", "eval", "filter", "filterfalse", "from_records",
    "fromfunction", "fromiter", "frompyfunc", "genfromtxt", "groupby", "groupby_dynamic", "hexbin",
    "hist", "info", "interpolate", "iter", "json_normalize", "kde", "load", "loads", "loadtxt", "map",
    "map_batches", "map_elements", "map_groups", "map_rows", "mask", "max", "merge", "min", "nlargest",
    "nsmallest", "open", "option_context", "pad", "pie", "piecewise", "pipe", "pivot", "pivot_table",
    "plot", "printoptions", "query", "read_csv", "read_excel", "read_fwf", "read_html", "read_json",
    "read_table", "reduce", "rename", "rename_axis", "replace", "rolling", "rolling_map",
    "secondary_xaxis", "secondary_yaxis", "set_major_formatter", "set_option", "set_xscale",
    "set_yscale", "sort_index", "sort_values", "sorted", "starmap", "sub", "subn", "takewhile",
    "to_csv", "to_dict", "to_excel", "to_html", "to_json", "to_latex", "to_markdown", "to_string",
    "transform", "vectorize", "violinplot", "where", "xscale", "yscale",
})  # fmt: skip

_REFERENCES: Final = frozenset({
    ast.Attribute, ast.BoolOp, ast.DictComp, ast.GeneratorExp, ast.IfExp, ast.ListComp, ast.Name,
    ast.NamedExpr, ast.SetComp, ast.Starred, ast.Subscript, ast.Tuple,
})  # fmt: skip
_INDEXERS: Final = frozenset({"at", "iat", "iloc", "loc"})
_MAKERS: Final = frozenset({
    ast.BinOp, ast.Constant, ast.Dict, ast.DictComp, ast.JoinedStr, ast.List, ast.ListComp, ast.Set,
    ast.SetComp,
})  # fmt: skip
# Keyword arguments that ask for a change in place; None stands for those of a `**`.
ASKING: Final[Mapping[str | None, str]] = {
    None: "**", "file": "file=", "copy": "copy=False", "inplace": "inplace=", "in_place": "inplace=",
    "memo": "memo=", "out": "out=",
    **{f"overwrite_{name}": "overwrite=" for name in ("a", "ab", "b", "c", "data", "input", "x")},
}  # fmt: skip


def makes(node: ast.AST) -> bool:
    """Is the value an object that nobody else has: a display, the result of an operator, a copy?"""
    if type(node) is ast.Call:
        func = node.func
        return type(func) is ast.Attribute and func.attr == "copy" and not (node.args or node.keywords)
    if type(node) is ast.UnaryOp:
        return type(node.operand) is ast.Constant
    return type(node) in _MAKERS


def arguments(args: Sequence[ast.expr]) -> str:
    """How many positional arguments a call has, as the end of its word."""
    count = len(args)
    if count == 0 or (count == 1 and type(args[0]) is not ast.Starred):
        return "()"
    return "(*)" if any(type(arg) is ast.Starred for arg in args) else f"({count})"


def asked(keyword: ast.keyword) -> str | None:
    """What a keyword argument asks for."""
    name = keyword.arg
    if name == "copy":
        return None if _is_constant(keyword.value, (True, None)) else "copy=False"
    return None if name is not None and _is_constant(keyword.value, (False, None)) else ASKING[name]


def _is_constant(node: ast.AST, values: tuple[object, ...]) -> bool:
    return type(node) is ast.Constant and any(node.value is value for value in values)


def _runs_text(node: ast.Call) -> bool:
    """Does a method such as `df.query` get a text that may call something?"""
    text = node.args[0] if node.args else None
    return not (isinstance(text, ast.Constant) and isinstance(text.value, str) and "(" not in text.value)


def may_be_called(value: ast.AST) -> bool:
    """May an index or argument be a function, or hold one? What is written out, its body says."""
    if type(value) in _REFERENCES:
        return True
    if isinstance(value, ast.Dict):
        return any(map(may_be_called, value.values))
    return isinstance(value, (ast.List, ast.Set)) and any(map(may_be_called, value.elts))


def handed_over(name: str, node: ast.Call) -> str | None:
    """Whether a call of one of CALLERS gets something that it may call."""
    if name in ("eval", "query"):
        return "?()" if _runs_text(node) else None
    for value in node.args:
        if may_be_called(value):
            return "&()"
    for keyword in node.keywords:
        if may_be_called(keyword.value):
            return "&()"
    return None


def changed_root(node: ast.AST) -> str | None:
    """The name whose own object changes where `node` gets an item: `x` of `x[0]` and of `x.loc[0]`."""
    if type(node) is ast.Attribute and node.attr in _INDEXERS:
        node = node.value
    return node.id if type(node) is ast.Name else None


def is_suspect(attr: str) -> bool:
    """May calling what the attribute names change the object that has it?"""
    return attr in MUTATORS or (attr.startswith("__") and attr not in _CALM_DUNDERS)


def unrooted(verb: str) -> str | None:
    """The word where nothing is known of the name that it starts with."""
    path, dot, last = verb.rpartition(".")
    if verb[0] == "&":
        return "?()" if dot and is_suspect(last) else None
    if verb[-1] != ")":
        return verb
    return f".{last}" if path else f"?{verb[verb.index('(') :]}"


def rebound(verb: str) -> str | None:
    """The word where the name that it starts with stands for something else later on."""
    found = unrooted(verb)
    return found if found or verb[0] != "&" else "&?."


def of_origin(verb: str, root: str, origin: str) -> str | None:
    """The word, knowing what is behind the name that the verb starts with."""
    if origin == FRESH:
        return _of_fresh(verb, root)
    if origin and (verb[-1] == ")" or verb[0] == "&"):
        if origin != OWN:
            return _absolute(verb, root, origin)
        if "." not in verb:
            return None
    return unrooted(verb)


def _absolute(verb: str, root: str, origin: str) -> str:
    """`numpy:mean()` of `np.mean()`, where the cell has said `import numpy as np`."""
    sign = "&" if verb[0] == "&" else ""
    rest = verb[len(sign) + len(root) :]
    return f"{sign}{origin}{rest[1:] if origin[-1] == ':' and rest[:1] == '.' else rest}"


def _of_fresh(verb: str, root: str) -> str | None:
    """What changes an object of the cell's own only takes what it is given: items of iterables, hashes."""
    if verb[-1] == "=" or verb[:4] == "del ":
        return "take"
    if verb[-1] == ")" and verb[0] != "&" and verb[len(root) + 1 : verb.index("(")] in _OF_CONTAINERS:
        return "take"
    return unrooted(verb)
