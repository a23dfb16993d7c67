"""The shapes of what notebooks hold most: arrays, frames, figures, tensors. Imports none of the libraries."""

from __future__ import annotations

import gc
import pickle
import sys
import weakref
from collections.abc import Callable, Iterable
from operator import is_
from typing import Any, Final

from .exposed import exposed, owner_of
from .fixed import fixed
from .identity import identity
from .memory import same_memory
from .shapes import ATOM, ATOMS, CannotRestore, Extension, Shape, extend, package_of

_OBJECT_CACHE: dict[int, tuple[weakref.ref[Any], bool]] = {}


class _Array(Shape):
    """A numpy array. Whoever owns the memory keeps its contents, a view only how it looks at them."""

    kind = "array"
    changes = True
    restores = True

    def parts(self, value: Any) -> Iterable[object]:
        held: list[object] = [] if value.base is None else [value.base]
        if value.dtype.hasobject:
            held += value.ravel(order="K").tolist() if value.dtype.kind == "O" else value.tolist()
        return [*held, *_fields(value).values()]

    def take(self, value: Any) -> object:
        own = self._owns(value) and value.flags.writeable
        return _layout(value), value.copy(order="K") if own else None, _fields(value).copy()

    def alike(self, value: Any, state: Any) -> bool:
        layout, content, fields = state
        if layout != _layout(value) or not _same(_fields(value), fields):
            return False
        return content is None or same_bits(value, content)

    def put(self, value: Any, state: Any) -> None:
        layout, content, fields = state
        now = _layout(value)
        if now[0] != layout[0] or now[4] != layout[4]:
            # `resize` moved the memory; views of it, if any, are lost.
            raise CannotRestore
        try:
            if now[1:4] != layout[1:4]:
                value.dtype = layout[3]
                value.shape = layout[1]
            if content is not None:
                value[...] = content
        except (ValueError, AttributeError, TypeError):
            raise CannotRestore from None
        if fields:
            _fields(value).clear()
            _fields(value).update(fields)

    def matches(self, one: Any, other: Any) -> bool:
        plain = type(one).__module__ == "numpy" and one.base is None and other.base is None
        return (
            plain
            and one.flags.writeable == other.flags.writeable
            and one.strides == other.strides
            and not one.dtype.hasobject
            and same_bits(one, other)
        )

    def weight(self, state: Any) -> int:
        return 200 + (state[1].nbytes if state[1] is not None else 0)

    @staticmethod
    def _owns(value: Any) -> bool:
        # A base that is no array (a mapped file, Arrow's memory) is nobody else's to look at.
        base = value.base.obj if type(value.base) is memoryview else value.base
        return base is None or not (
            hasattr(base, "__array_interface__") or isinstance(base, (bytes, bytearray))
        )


def _fields(value: Any) -> dict[str, object]:
    """What hangs on an array, or on something else that may have no fields."""
    found: dict[str, object] = getattr(value, "__dict__", {})
    return found


def _layout(value: Any) -> tuple[Any, ...]:
    pointer = value.__array_interface__["data"][0]
    return pointer, value.shape, value.strides, value.dtype, value.nbytes


def _same(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(one.get(name, one) is held for name, held in other.items())


# Of so few bytes a copy costs less than to have numpy compare them.
_SHORT: Final = 1 << 12


def same_bits(one: Any, other: Any) -> bool:
    """Do two arrays hold the same, bit for bit (elements that are objects: the same objects)?"""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    numpy: Any = sys.modules["numpy"]
    if one.dtype.hasobject:
        return one.dtype.kind == "O" and all(
            a is b for a, b in zip(one.ravel().tolist(), other.ravel().tolist())
        )
    if one.nbytes <= _SHORT:
        return bool(one.tobytes() == other.tobytes())
    if one.strides == other.strides and one.flags.forc and other.flags.forc:
        at, there = (each.__array_interface__["data"][0] for each in (one, other))
        return same_memory(at, there, one.nbytes)
    if one.dtype.kind in "iubmM" or not one.size:
        return bool(numpy.array_equal(one.view("i8") if one.dtype.kind in "mM" else one, _as(one, other)))
    flat = [each.ravel() for each in (one, other)]
    unit = "u8" if flat[0].nbytes % 8 == 0 and flat[0].dtype.itemsize % 8 == 0 else "u1"
    return bool(numpy.array_equal(flat[0].view(unit), flat[1].view(unit)))


def _as(one: Any, other: Any) -> Any:
    return other.view("i8") if one.dtype.kind in "mM" else other


class _Draws(Shape):
    """numpy's sources of random numbers."""

    kind = "instance"
    changes = True
    restores = True

    def take(self, value: Any) -> object:
        return pickle.dumps(self._state(value))

    def alike(self, value: Any, state: Any) -> bool:
        return bool(self.take(value) == state)

    def put(self, value: Any, state: Any) -> None:
        held = pickle.loads(state)  # noqa: S301  # pickled above
        if hasattr(value, "set_state"):
            value.set_state(held)
        else:
            value.state = held

    @staticmethod
    def _state(value: Any) -> object:
        return value.get_state(legacy=False) if hasattr(value, "get_state") else value.state

    def weight(self, state: Any) -> int:
        return len(state)


_GENERATOR = Shape(lambda value: (value.bit_generator,), "instance")


def _numpy(kind: type) -> Shape | None:
    name = kind.__name__
    if name == "ndarray":
        return _Array()
    if name == "Generator":
        return _GENERATOR
    if name in ("RandomState", "BitGenerator"):
        return _Draws()
    if name == "generic" or name in ("dtype", "ufunc") or name.startswith("_ArrayFunctionDispatcher"):
        return ATOM
    if name in ("flatiter", "nditer"):
        return None
    return None


# pandas


@fixed
class _Content:
    """What a frame held. Where pandas copies on write, a copy is free, and keeps the arrays as they are."""

    # Not held: whoever counts who holds them would count these.
    arrays: tuple[Callable[[], object], ...]
    axes: tuple[object, ...]
    copy: Any
    attrs: dict[Any, object]
    name: object
    where: object
    # The blocks whose memory others hold, too, and those of them that only states of ours share.
    exposed: frozenset[int]
    kept: frozenset[int]


class _Frame(Shape):
    """A pandas frame or series. Where pandas copies on write, an earlier state costs nothing to keep."""

    kind = "frame"
    changes = True
    restores = True

    def parts(self, value: Any) -> Iterable[object]:
        # First, as whoever holds an array is counted.
        yield from self.lent(value)
        held = value._mgr
        yield from held.axes
        yield from value._attrs.values()
        for block in held.blocks:
            values = block.values
            if not _copies_on_write():
                yield values
            elif getattr(values.dtype, "hasobject", False) and not _plain_objects(values):
                yield from values.ravel().tolist()

    def take(self, value: Any) -> object:
        held = value._mgr
        lent: frozenset[int] = frozenset()
        copy = None
        if _copies_on_write():
            lent = frozenset(at for at, block in enumerate(held.blocks) if exposed(block) is not None)
            copy = held.copy(deep=False)
            if lent:
                copy.blocks = tuple(
                    block.copy(deep=True) if at in lent else made
                    for at, (block, made) in enumerate(zip(held.blocks, copy.blocks))
                )
            _OF_STATES.update(copy.blocks)
        return _Content(
            tuple(_refer(block.values) for block in held.blocks),
            tuple(held.axes),
            copy,
            dict(value._attrs),
            getattr(value, "_name", None),
            _places_of(held),
            lent,
            frozenset(at for at in lent if _is_kept(held.blocks[at])),
        )

    def alike(self, value: Any, state: _Content) -> bool:
        held = value._mgr
        name = getattr(value, "_name", None)
        if not _same(value._attrs, state.attrs) or not (name is state.name or _same_name(value, state.name)):
            return False
        same_axes = len(state.axes) == len(held.axes) and all(map(is_, state.axes, held.axes))
        if same_axes and _places_of(held) == state.where and self._same_arrays(held, state):
            return True
        # What others see of it has a state of its own.
        return state.copy is not None and not state.exposed and _same_contents(held, state.copy)

    @staticmethod
    def _same_arrays(held: Any, state: _Content) -> bool:
        return len(held.blocks) == len(state.arrays) and all(
            block.values is array() for block, array in zip(held.blocks, state.arrays)
        )

    def lent(self, value: Any) -> list[object]:
        if not _copies_on_write():
            return []
        return [owner for block in value._mgr.blocks if (owner := exposed(block)) is not None]

    def torn(self, value: Any, state: Any) -> bool:
        if state.copy is None:
            return False
        now = {identity(owner_of(block)) for block in value._mgr.blocks}
        live = {identity(block.values) for block in value._mgr.blocks}
        for at, block in enumerate(state.copy.blocks):
            if at in state.exposed:
                if at in state.kept and identity(state.arrays[at]()) not in live:
                    return True
            elif identity(owner_of(block)) not in now and exposed(block) is not None:
                return True
        return False

    def leads(self, value: Any, state: _Content) -> bool:
        return self._is_where_it_was(value._mgr, state)

    def _is_where_it_was(self, now: Any, state: _Content) -> bool:
        """Is the memory that others hold still that of the frame?"""
        if not state.exposed:
            return True
        blocks = now.blocks
        return _places_of(now) == state.where and all(
            at < len(blocks) and blocks[at].values is state.arrays[at]() for at in state.exposed
        )

    def put(self, value: Any, state: _Content) -> None:
        if state.copy is None:
            raise CannotRestore
        held = state.copy.copy(deep=False)
        if state.exposed:
            held.blocks = self._blocks(value._mgr, held, state)
        # The names of its axes are theirs: whoever holds one of them sees it change.
        held.axes = list(state.axes)
        object.__setattr__(value, "_mgr", held)
        value._attrs.clear()
        value._attrs.update(state.attrs)
        if hasattr(value, "_name"):
            object.__setattr__(value, "_name", state.name)

    def _blocks(self, now: Any, held: Any, state: _Content) -> tuple[Any, ...]:
        """The blocks of the state; memory that others see, too, is put back by itself."""
        if not self._is_where_it_was(now, state):
            raise CannotRestore
        return tuple(now.blocks[at] if at in state.exposed else block for at, block in enumerate(held.blocks))

    def matches(self, one: Any, other: Any) -> bool:
        return (
            _is_of("pandas", one)
            and _copies_on_write()
            and not (one._attrs or other._attrs)
            and (not hasattr(one, "_name") or _same_name(one, other._name))
            and _same_contents(one._mgr, other._mgr)
            # Whoever holds the memory of one does not see what happens to the other.
            and not any(exposed(block) is not None for each in (one, other) for block in each._mgr.blocks)
        )

    def weight(self, state: Any) -> int:
        blocks = () if state.copy is None else state.copy.blocks
        # What is shared costs nothing; what has been written since, its block.
        return 2000 + sum(int(getattr(block.values, "nbytes", 0)) for block in blocks) // 4


def _places_of(held: Any) -> object:
    """Which column is where in which block."""
    if not hasattr(held, "blknos"):
        return None
    return held.blknos.tobytes(), held.blklocs.tobytes()


# Blocks that are shared only to keep earlier states.
_OF_STATES: weakref.WeakSet[Any] = weakref.WeakSet()


def _is_kept(block: Any) -> bool:
    """Do only states of ours share the memory, and no frame of the notebook?"""
    others = [each for reference in block.refs.referenced_blocks if (each := reference()) is not None]
    others = [each for each in others if each is not block]
    return bool(others) and all(each in _OF_STATES for each in others)


def _refer(values: Any) -> Callable[[], object]:
    try:
        return weakref.ref(values)
    except TypeError:
        return lambda: values


def _same_name(value: Any, name: object) -> bool:
    now = getattr(value, "_name", None)
    return type(now) is type(name) and isinstance(now, (str, int, type(None))) and now == name


def _copies_on_write() -> bool:
    pandas: Any = sys.modules["pandas"]
    if int(pandas.__version__.partition(".")[0]) >= 3:
        return True
    try:
        return pandas.options.mode.copy_on_write is True
    except AttributeError:
        return False


def _plain_objects(values: Any) -> bool:
    """Does an array of objects hold nothing that could change?"""
    known = _OBJECT_CACHE.get(identity(values))
    if known is not None and known[0]() is values:
        return known[1]
    plain = ATOMS.issuperset(map(type, values.ravel().tolist()))
    if isinstance(values, sys.modules["numpy"].ndarray):
        if len(_OBJECT_CACHE) > 1000:
            _OBJECT_CACHE.clear()
        _OBJECT_CACHE[identity(values)] = weakref.ref(values), plain
    return plain


def _same_contents(one: Any, other: Any) -> bool:
    """Do two block managers hold the same, however it is laid out?"""
    if one.shape != other.shape:
        return False
    for a, b in zip(one.axes, other.axes):
        if not _same_index(a, b):
            return False
    if one.ndim == 1:
        return _same_column(one.blocks[0].values, other.blocks[0].values)
    if _same_places(one, other):
        return all(_same_column(a.values, b.values) for a, b in zip(one.blocks, other.blocks))
    return all(_same_column(one.iget_values(at), other.iget_values(at)) for at in range(len(one.items)))


def _same_places(one: Any, other: Any) -> bool:
    """Are the columns of both laid out alike, so that their blocks can be compared?"""
    if len(one.blocks) != len(other.blocks) or not hasattr(one, "blknos"):
        return False
    return _places_of(one) == _places_of(other)


def _no_objects(index: Any) -> bool:
    return not getattr(index.dtype, "hasobject", False) or ATOMS.issuperset(map(type, index))


def _same_column(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, sys.modules["numpy"].ndarray):
        return _layout(one) == _layout(other) or same_bits(one, other)
    return _is_of("pandas", one) and _same_dtype(one.dtype, other.dtype) and _same_memory(one, other)


def _is_of(package: str, value: object) -> bool:
    return package_of(type(value)) == package


def _same_dtype(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    categories = getattr(one, "categories", None)
    if categories is None:
        return bool(one == other)
    return one.ordered is other.ordered and _same_index(categories, other.categories)


# Where pandas' own arrays keep what they hold, and which of their fields follow from that or from the type.
_MEMORY = ("_ndarray", "_data", "_mask", "_pa_array", "_left", "_right", "_sparse_values")
_PLACES = "_sparse_index"


def _same_memory(one: Any, other: Any) -> bool:
    """Do two of pandas' arrays of one type hold the same?"""
    held = [(getattr(one, name), getattr(other, name)) for name in _MEMORY if hasattr(one, name)]
    if hasattr(one, _PLACES):
        held.append(tuple(getattr(each, _PLACES).to_int_index().indices for each in (one, other)))
    return bool(held) and all(_same_part(a, b) for a, b in held)


def _same_part(one: Any, other: Any) -> bool:
    if _is_of("pyarrow", one):
        # Numbers of Arrow are equal where their bits need not be.
        return one is other or (_is_text(one.type) and bool(one.equals(other)))
    if hasattr(one, "_mgr") or hasattr(one, "identical"):
        return _same_index(one, other)
    return _same_column(one, other)


def _is_text(kind: Any) -> bool:
    return str(kind) in ("string", "large_string", "bool", "binary") or str(kind).startswith(("int", "uint"))


def _same_index(one: Any, other: Any) -> bool:
    """Do two indices hold the same? Asks no object of somebody else."""
    if one is other:
        return True
    pandas: Any = sys.modules["pandas"]
    if type(one) is not type(other):
        return False
    # pandas' own way takes long, and these are nearly all.
    if type(one) in (pandas.RangeIndex, pandas.Index) and _is_named(one) and _is_named(other):
        if type(one) is pandas.RangeIndex:
            return bool(one._range == other._range) and _same_name(one, other._name)
        if not getattr(one.dtype, "hasobject", False):
            return _same_name(one, other._name) and _same_column(one._data, other._data)
    return (
        bool(one.dtype == other.dtype)
        and _no_objects(one)
        and _no_objects(other)
        and bool(one.identical(other))
    )


def _is_named(index: Any) -> bool:
    """Has it no name, or one that nobody else could have made up?"""
    return type(index._name) in (str, int, type(None))


class _Index(Shape):
    """A pandas index: only its names can change."""

    kind = "frame"
    changes = True
    restores = True

    def take(self, value: Any) -> object:
        return tuple(value.names)

    def alike(self, value: Any, state: Any) -> bool:
        now = tuple(value.names)
        return len(now) == len(state) and all(
            a is b or (type(a) is type(b) and type(a) in (str, int) and a == b) for a, b in zip(now, state)
        )

    def put(self, value: Any, state: Any) -> None:
        value.names = list(state)

    def matches(self, one: Any, other: Any) -> bool:
        return _same_index(one, other)


class _Groups(Shape):
    """A frame seen in groups. It remembers what it worked out, even when the frame has changed since."""

    kind = "iterator"
    changes = True
    guesses = True

    def parts(self, value: Any) -> Iterable[object]:
        return (value.obj,)

    def alike(self, value: Any, state: Any) -> bool:
        return False


_GROUPS = _Groups()


class _Columnar(Shape):
    """One of pandas' own arrays: its memory is that of arrays of numpy, or of Arrow and then replaced."""

    kind = "array"
    changes = True
    restores = True

    def parts(self, value: Any) -> Iterable[object]:
        return [getattr(value, name) for name in _MEMORY if hasattr(value, name)]

    def take(self, value: Any) -> object:
        return {name: getattr(value, name) for name in (*_MEMORY, "_dtype") if hasattr(value, name)}

    def alike(self, value: Any, state: Any) -> bool:
        return all(getattr(value, name, None) is held for name, held in state.items())

    def put(self, value: Any, state: Any) -> None:
        for name, held in state.items():
            if getattr(value, name, None) is not held:
                setattr(value, name, held)


def _pandas(kind: type) -> Shape | None:
    module, name = kind.__module__, kind.__name__
    if name == "NDFrame":
        return _Frame()
    if name == "Index":
        return _Index()
    if name in ("BaseGroupBy", "GroupBy", "BaseWindow"):
        return _GROUPS
    if name in ("Styler", "ExcelWriter"):
        return None
    if name == "ExtensionArray":
        return _Columnar()
    if name == "NDArrayBacked":
        # What only C code keeps of such an array; the rest is its subclass's to say.
        return None
    if "indexing" in module or "accessor" in module:
        return Shape(lambda value: gc.get_referents(_fields(value)))
    if "_libs" in module or name.endswith("Dtype") or name in ("BaseOffset", "Flags"):
        return ATOM
    return None


# Others


class _Polars(Shape):
    """A polars frame or series: immutable columns in a frame that may change."""

    kind = "polars"
    changes = True
    restores = True

    def take(self, value: Any) -> object:
        return value.clone()

    def alike(self, value: Any, state: Any) -> bool:
        inner = "_df" if hasattr(value, "_df") else "_s"
        if value.shape != state.shape:
            return False
        same_schema = value.schema == state.schema if inner == "_df" else value.dtype == state.dtype
        if inner == "_s":
            return same_schema and value.name == state.name and bool(value.equals(state))
        return bool(same_schema and list(value.columns) == list(state.columns) and value.equals(state))

    def put(self, value: Any, state: Any) -> None:
        inner = "_df" if hasattr(value, "_df") else "_s"
        setattr(value, inner, getattr(state.clone(), inner))

    def weight(self, state: Any) -> int:
        return 1000 + int(state.estimated_size())


def _polars(kind: type) -> Shape | None:
    return _Polars() if kind.__name__ in ("DataFrame", "Series") else ATOM


class _Drawing(Shape):
    """A figure or what is drawn in it. Nobody can say cheaply what changed: whoever may have, did."""

    kind = "figure"
    changes = True
    guesses = True

    def parts(self, value: Any) -> Iterable[object]:
        figure = getattr(value, "figure", None)
        if figure is None or figure is value:
            # A figure changes with anything in it.
            return list(getattr(value, "axes", ())) if hasattr(value, "add_subplot") else ()
        return (figure,)

    def alike(self, value: Any, state: Any) -> bool:
        return False


def _matplotlib(kind: type) -> Shape | None:
    return _Drawing() if any(cls.__name__ == "Artist" for cls in kind.__mro__) else ATOM


class _Tensor(Shape):
    """A torch tensor counts how often it was written."""

    kind = "instance"
    changes = True

    def parts(self, value: Any) -> Iterable[object]:
        return [held for held in (value._base, value.grad if value.is_leaf else None) if held is not None]

    def take(self, value: Any) -> object:
        return value._version, value.data_ptr(), tuple(value.shape), value.requires_grad

    def alike(self, value: Any, state: Any) -> bool:
        return bool(self.take(value) == state)


def _torch(kind: type) -> Shape | None:
    if kind.__name__ == "Tensor":
        return _Tensor()
    return ATOM if kind.__name__ in ("dtype", "device", "Size", "layout") else None


def _arrow(_: type) -> Shape:
    return Shape(kind="arrow")


_LIBRARIES: dict[str, Extension] = {
    "numpy": _numpy,
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _arrow,
    "matplotlib": _matplotlib,
    "mpl_toolkits": _matplotlib,
    "torch": _torch,
}
for _package, _extension in _LIBRARIES.items():
    extend(_package, _extension)
