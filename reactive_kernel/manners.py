"""Says from the words of a cell (`analysis/verbs.py`) that it cannot have changed the objects it reads.

Looking changes nothing. A call does not where what is really behind its name is known to leave its arguments
alone. Whatever is in no table here may have changed everything. The kinds are those of the object walk:

    atom      cannot change
    plain     builtin containers, down to their items, perhaps with a defaultdict among them: it changes when
              an item is looked up that it does not have
    steady    builtin containers without a defaultdict
    array  frame  polars  arrow  figure    of the library's own classes
    module    its own names; what the objects behind them hold is theirs
    iterator  changes when somebody asks it for items
    function  instance  opaque             run or hide code that nobody has read

The tables do not reckon with methods of library classes that somebody has replaced, with accessors that
somebody has added to pandas, nor with formatters that somebody has given to IPython.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import FunctionType, MethodType, ModuleType
from typing import Final

from .analysis.verbs import CALLERS, is_suspect
from .identity import identity

LookUp = Callable[[str], object]

_DATA: Final = frozenset(("plain", "steady", "array", "frame", "polars", "arrow", "figure", "module"))
_QUIET: Final = _DATA | {"iterator"}
_ALL: Final = _QUIET | {"function", "instance", "opaque"}
_NOT_DRAWN: Final = _DATA - {"figure", "plain"}
_NOT_DEFAULTING: Final = _DATA - {"plain"}
_NONE: Final[frozenset[str]] = frozenset()

# Which kinds are left alone by what is no call.
UNHARMED: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys((".", "raise", "show", "yield"), _QUIET),
    **dict.fromkeys(("op", "in", "for", "unpack", "take", "with", "match", "file="), _DATA),
    "[]": _NOT_DEFAULTING,
    "+=": frozenset(("arrow", "figure", "module")),
    **dict.fromkeys(("attr=", "del attr"), frozenset(("plain", "steady", "arrow", "iterator"))),
    **dict.fromkeys(("inplace=", "out=", "copy=False", "overwrite=", "memo=", "**"), frozenset(("module",))),
}

# Functions by module, by which kinds they leave alone. `name:2`: with two positional arguments at most,
# as the next one is what it writes into.
FUNCTIONS: Final[tuple[tuple[frozenset[str], Mapping[str, str]], ...]] = (
    (_ALL, {"builtins": "callable id isinstance issubclass type:1"}),
    (_QUIET, {"builtins": "bool hash len print repr str ascii", "IPython.display": "display"}),
    (
        _DATA,
        {
            "builtins": """abs all any bin bytearray bytes bytes.fromhex chr complex dict dict.fromkeys
                divmod enumerate filter float float.fromhex frozenset hasattr hex int int.from_bytes iter
                list map max memoryview min next object oct open ord pow range reversed round set slice
                sorted sum tuple zip str.capitalize str.casefold str.count str.encode str.endswith str.find
                str.isalpha str.isdigit str.isnumeric str.join str.lower str.lstrip str.maketrans
                str.replace str.rstrip str.split str.startswith str.strip str.title str.upper""",
            "IPython.display": "clear_output",
            "collections": "ChainMap Counter OrderedDict defaultdict deque namedtuple",
            "copy": "copy deepcopy:1",
            "datetime": """date date.fromisoformat date.fromtimestamp date.today datetime datetime.combine
                datetime.fromisoformat datetime.fromtimestamp datetime.now datetime.strptime datetime.today
                datetime.utcnow time timedelta timezone""",
            "decimal": "Decimal",
            "fractions": "Fraction",
            "functools": "reduce",
            "heapq": "merge nlargest nsmallest",
            "itertools": """accumulate chain chain.from_iterable combinations combinations_with_replacement
                compress count cycle dropwhile filterfalse groupby islice permutations product repeat
                starmap takewhile tee zip_longest""",
            "json": "dumps loads",
            "math": """acos acosh asin asinh atan atan2 atanh ceil comb copysign cos cosh degrees dist erf
                erfc exp expm1 fabs factorial floor fmod frexp fsum gamma gcd hypot isclose isfinite isinf
                isnan isqrt lcm ldexp lgamma log log10 log1p log2 modf perm pow prod radians remainder sin
                sinh sqrt tan tanh trunc""",
            "operator": """abs add and_ contains countOf eq floordiv ge gt indexOf invert le lt matmul mul
                ne neg not_ or_ pos pow sub truediv truth xor""",
            "os": "getcwd listdir",
            "os.path": "abspath basename dirname exists getsize isdir isfile join splitext",
            "pathlib": "Path Path.cwd Path.home PurePath",
            "pprint": "pformat pp pprint",
            "re": "compile escape findall finditer fullmatch match search split sub subn",
            "string": "capwords",
            "textwrap": "dedent fill indent shorten wrap",
            "time": "ctime gmtime localtime monotonic perf_counter process_time sleep strftime time time_ns",
        },
    ),
    # Whoever looks items up by their number makes a defaultdict grow.
    (
        _NOT_DEFAULTING,
        {
            "builtins": "format str.format str.format_map",
            "operator": "getitem itemgetter mod",
            "random": """betavariate choice choices expovariate gammavariate gauss getrandbits
                lognormvariate normalvariate paretovariate randint random randrange sample seed triangular
                uniform vonmisesvariate weibullvariate""",
            "statistics": """correlation covariance fmean geometric_mean harmonic_mean linear_regression
                mean median median_grouped median_high median_low mode multimode pstdev pvariance
                quantiles stdev variance""",
            "numpy": """abs:1 absolute:1 arccos:1 arccosh:1 arcsin:1 arcsinh:1 arctan:1 arctanh:1 cbrt:1
                ceil:1 cos:1 cosh:1 deg2rad:1 degrees:1 exp:1 exp2:1 expm1:1 fabs:1 floor:1 invert:1
                isfinite:1 isinf:1 isnan:1 isneginf:1 isposinf:1 log:1 log10:1 log1p:1 log2:1
                logical_not:1 nan_to_num:1 negative:1 positive:1 rad2deg:1 radians:1 reciprocal:1 rint:1
                sign:1 signbit:1 sin:1 sinh:1 sqrt:1 square:1 tan:1 tanh:1 trunc:1 add:2 arctan2:2
                bitwise_and:2 bitwise_or:2 bitwise_xor:2 copysign:2 divide:2 equal:2 float_power:2
                floor_divide:2 fmax:2 fmin:2 fmod:2 gcd:2 greater:2 greater_equal:2 heaviside:2 hypot:2
                lcm:2 left_shift:2 less:2 less_equal:2 logaddexp:2 logical_and:2 logical_or:2
                logical_xor:2 matmul:2 maximum:2 minimum:2 mod:2 multiply:2 not_equal:2 power:2
                remainder:2 right_shift:2 subtract:2 true_divide:2 all:2 amax:2 amin:2 any:2 argmax:2
                argmin:2 around:2 choose:2 clip:3 compress:3 concatenate:2 cumprod:3 cumsum:3 dot:2 max:2
                mean:3 median:2 min:2 nanargmax:2 nanargmin:2 nancumsum:3 nanmax:2 nanmean:3 nanmedian:2
                nanmin:2 nanpercentile:3 nanprod:3 nanquantile:3 nanstd:3 nansum:3 nanvar:3 outer:2
                percentile:3 prod:3 ptp:2 quantile:3 round:2 stack:2 std:3 sum:3 take:3 trace:5 var:3
                allclose angle append apply_along_axis apply_over_axes arange argpartition argsort
                argwhere array array_equal array_equiv array_split asanyarray asarray ascontiguousarray
                asfortranarray atleast_1d atleast_2d atleast_3d average bincount block broadcast_arrays
                broadcast_shapes broadcast_to column_stack convolve copy corrcoef correlate count_nonzero
                cov cross delete diag diag_indices diagflat diagonal diff digitize dsplit dstack ediff1d
                einsum empty empty_like expand_dims extract eye finfo flatnonzero flip fliplr flipud
                fromfunction full full_like geomspace gradient histogram histogram2d histogram_bin_edges
                histogramdd hsplit hstack identity iinfo imag indices inner insert interp intersect1d
                isclose iscomplex isin isreal isscalar ix_ kron lexsort linspace logspace mask_indices
                meshgrid moveaxis ndim nonzero ones ones_like packbits pad partition piecewise poly
                polyadd polyder polyfit polyint polymul polysub polyval ravel ravel_multi_index real
                repeat reshape resize roll rollaxis roots searchsorted select setdiff1d setxor1d shape
                size sort sort_complex split squeeze swapaxes tensordot tile transpose trapezoid tri tril
                tril_indices trim_zeros triu triu_indices union1d unique unpackbits unravel_index unwrap
                vander vdot vsplit vstack where zeros zeros_like bool_ complex128 complex64 datetime64
                dtype float16 float32 float64 int16 int32 int64 int8 str_ timedelta64 uint16 uint32 uint64
                uint8 errstate""",
            "numpy.fft": """fft:4 fft2:4 fftfreq fftshift ifft:4 ifft2:4 ifftshift irfft:4 rfft:4 rfftfreq""",
            "numpy.linalg": """cholesky cond det eig eigh eigvals eigvalsh inv lstsq matrix_power
                matrix_rank norm pinv qr slogdet solve svd""",
            "numpy.random": """beta binomial choice default_rng exponential gamma lognormal
                multivariate_normal normal permutation poisson rand randint randn random random_sample
                seed standard_normal uniform""",
            "pandas": """Categorical CategoricalDtype CategoricalIndex DataFrame DataFrame.from_dict
                DataFrame.from_records DateOffset DatetimeIndex Index Interval IntervalIndex.from_breaks
                MultiIndex.from_arrays MultiIndex.from_frame MultiIndex.from_product
                MultiIndex.from_tuples Period PeriodIndex RangeIndex Series Timedelta Timestamp
                Timestamp.now Timestamp.today array bdate_range concat crosstab cut date_range factorize
                from_dummies get_dummies get_option interval_range isna isnull json_normalize melt merge
                merge_asof merge_ordered notna notnull period_range pivot pivot_table qcut read_clipboard
                read_csv read_excel read_feather read_fwf read_html read_json read_parquet read_table
                reset_option set_option timedelta_range to_datetime to_numeric to_timedelta unique
                wide_to_long""",
            "polars": """DataFrame Series all col concat count date_range element exclude from_dict
                from_dicts from_pandas len lit max max_horizontal mean min read_csv read_json read_parquet
                sum sum_horizontal when""",
        },
    ),
    (
        _NOT_DRAWN,
        {
            "matplotlib.pyplot": """annotate arrow axhline axhspan axis axvline axvspan bar bar_label barh
                boxplot cla clf close colorbar contour contourf errorbar figlegend fignum_exists figtext
                figure fill_between fill_betweenx gca gcf grid hexbin hist hist2d hlines imshow legend
                loglog margins matshow pcolormesh pie plot quiver savefig scatter semilogx semilogy set_cmap
                show stackplot stem step subplot subplot2grid subplot_mosaic subplots subplots_adjust
                suptitle table text tick_params ticklabel_format tight_layout title twinx twiny violinplot
                vlines xlabel xlim xscale xticks ylabel ylim yscale yticks""",
        },
    ),
)

# Methods that leave alone whatever has them, and what they are given; by which kinds.
METHODS: Final[tuple[tuple[frozenset[str], str], ...]] = (
    (
        _DATA,
        # builtins
        """as_integer_ratio bit_length capitalize casefold center copy count decode difference elements
        encode endswith expandtabs find fromhex get hex index intersection is_integer isalnum isalpha
        isascii isdecimal isdigit isdisjoint isidentifier islower isnumeric isspace issubset issuperset
        istitle isupper items join keys ljust lower lstrip most_common removeprefix removesuffix replace
        rfind rindex rjust rsplit rstrip split splitlines startswith strip swapcase symmetric_difference
        title to_bytes total union upper values zfill
        """
        # dates, paths, matches of patterns
        """absolute as_posix astimezone combine ctime date dst end exists findall finditer fullmatch glob
        group groupdict groups is_dir is_file isocalendar isoformat isoweekday iterdir joinpath match
        read_bytes read_text relative_to rename resolve rglob search span start stat strftime sub subn
        time timestamp timetuple toordinal total_seconds utcoffset weekday with_name with_suffix
        """,
    ),
    (
        _NOT_DEFAULTING,
        # numpy
        """all:1 any:1 argmax:1 argmin:1 argpartition argsort astype choose:1 clip:2 compress:2 cumprod:2
        cumsum:2 diagonal dot:1 flatten getfield item max:1 mean:2 min:1 nonzero prod:2 ravel repeat
        reshape round:1 searchsorted squeeze std:2 sum:2 swapaxes take:2 tobytes tolist trace:4 transpose
        var:2 view
        """
        # pandas
        """abs add_prefix add_suffix agg aggregate align apply applymap asfreq asof assign at_time
        autocorr backfill between between_time bfill cat ceil combine_first compare contains
        convert_dtypes corr corrwith cov cumcount cummax cummin day_name describe diff div divide drop
        drop_duplicates droplevel dropna duplicated eq equals eval ewm expanding explode extract
        extractall factorize ffill fillna filter first first_valid_index floor floordiv from_codes ge
        get_dummies get_group get_indexer get_level_values get_loc groupby gt head idxmax idxmin
        infer_objects info interpolate isin isna isnull iterrows itertuples kurt kurtosis last
        last_valid_index le lt mask median melt memory_usage merge mod mode month_name mul multiply ne
        ngroup nlargest normalize notna notnull nsmallest nth nunique ohlc pad pct_change pipe pivot
        pivot_table pow product quantile query radd rank rdiv reindex reindex_like rename_axis
        reorder_levels resample reset_index rfloordiv rmod rmul rolling rpow rsub rtruediv sample select
        select_dtypes sem set_axis set_index shift size skew slice sort_index sort_values stack swaplevel
        tail to_clipboard to_csv to_datetime64 to_dict to_excel to_feather to_frame to_html to_json
        to_latex to_list to_markdown to_numpy to_parquet to_period to_pickle to_pydatetime to_records
        to_series to_string to_timestamp to_xarray transform truediv truncate tz_convert tz_localize
        unique unstack value_counts where xs
        """
        # polars and Arrow
        """alias arg_max arg_min arg_sort cast chunk clone column combine_chunks drop_columns drop_nulls
        entropy estimated_size field fill_nan fill_null from_pandas gather get_column get_columns glimpse
        group_by hash_rows is_between is_duplicated is_empty is_finite is_in is_not_null is_null is_unique
        iter_rows join_asof lazy map_elements map_rows max_horizontal n_unique null_count otherwise over
        partition_by rechunk remove_metadata rename_columns row rows set_column sum_horizontal then
        to_arrow to_batches to_dicts to_dummies to_init_repr to_pandas to_physical to_pydict to_pylist
        to_reader to_struct top_k unnest unpivot validate when with_columns with_row_index write_csv
        write_json write_parquet""",
    ),
    (_NOT_DEFAULTING, "format format_map map translate"),
    # Lists and arrays sort themselves, sets and counters add to themselves, series of polars scatter.
    (frozenset(("polars", "figure", "module")), "sort"),
    (frozenset(("array", "frame", "polars", "arrow", "figure", "module")), "add subtract"),
    (_NOT_DRAWN - {"polars"}, "scatter set"),
    # What draws changes the figure, not what is drawn.
    (
        _NOT_DRAWN,
        """add_artist add_axes add_collection add_gridspec add_line add_patch add_subplot annotate arrow
        autofmt_xdate autoscale axhline axhspan axis axline axvline axvspan bar bar_label barh box boxplot
        cla colorbar contour contourf errorbar fill_between fill_betweenx grid hexbin hist hist2d hlines
        imshow invert_xaxis invert_yaxis kde legend line loglog margins matshow minorticks_off minorticks_on
        pcolormesh pie plot plot_surface plot_wireframe quiver secondary_xaxis secondary_yaxis semilogx
        semilogy set_aspect set_axis_off set_facecolor set_major_formatter set_major_locator
        set_minor_locator set_position set_ticks set_title set_visible set_xlabel set_xlim set_xscale
        set_xticklabels set_xticks set_ylabel set_ylim set_yscale set_yticklabels set_yticks set_zlabel
        stackplot stairs stem step streamplot subplot_mosaic subplots subplots_adjust suptitle supxlabel
        supylabel table text tick_params ticklabel_format tight_layout tricontourf twinx twiny violinplot
        vlines""",
    ),
    # Drawing only works out what the figure has been told.
    (
        _DATA,
        """savefig get_aspect get_axes get_dpi get_facecolor get_figheight get_figwidth get_label
        get_legend_handles_labels get_lines get_size_inches get_title get_visible get_xlabel get_xlim
        get_xscale get_xdata get_ydata get_ylabel get_ylim get_yscale""",
    ),
)


@dataclass(frozen=True)
class _Manner:
    """Which kinds are left alone, with how many positional arguments at most; does it call what it gets?"""

    unharmed: frozenset[str]
    most: int | None
    calls: bool


def _manners(unharmed: frozenset[str], words: str) -> Iterator[tuple[str, _Manner]]:
    for word in words.split():
        name, _, most = word.partition(":")
        yield name, _Manner(unharmed, int(most) if most else None, name.rpartition(".")[2] in CALLERS)


_METHODS: Final = {name: manner for unharmed, words in METHODS for name, manner in _manners(unharmed, words)}
_BY_MODULE: Final[dict[str, dict[str, _Manner]]] = {}
for _unharmed, _modules in FUNCTIONS:
    for _module, _words in _modules.items():
        _BY_MODULE.setdefault(_module, {}).update(_manners(_unharmed, _words))


class _Known:
    """What is known of the callables that are there, by what they are and not by their names."""

    def __init__(self) -> None:
        self._missing = dict(_BY_MODULE)
        self._functions: dict[int, tuple[object, _Manner]] = {}
        self._attributes: dict[tuple[int, str], tuple[object, _Manner]] = {}

    def function(self, value: object) -> _Manner | None:
        """The manners of a function or class."""
        found = self._functions.get(identity(value))
        if found is None and self._learn():
            found = self._functions.get(identity(value))
        return found[1] if found else None

    def attribute(self, owner: type, name: str) -> _Manner | None:
        """The manners of a method of a class, called by the class: `datetime.now`."""
        key = identity(owner), name
        found = self._attributes.get(key)
        if found is None and self._learn():
            found = self._attributes.get(key)
        return found[1] if found else None

    def _learn(self) -> bool:
        """Look at the modules that have been imported meanwhile."""
        news = [name for name in self._missing if name in sys.modules]
        for name in news:
            held = vars(sys.modules[name])
            for word, manner in self._missing.pop(name).items():
                owner, _, attribute = word.rpartition(".")
                value = held.get(owner or attribute)
                if value is None or not _is_genuine(value, name):
                    continue
                # Whoever is remembered stays alive, so nobody else can have the same id.
                if owner:
                    self._attributes[identity(value), attribute] = value, manner
                else:
                    self._functions[identity(value)] = value, manner
        return bool(news)


# What `os.path` is made of.
_OF_PATHS: Final = ("genericpath", "ntpath", "posixpath")


def _is_genuine(value: object, module: str) -> bool:
    """Is a function the library's own, and not one that a cell has put there?"""
    if isinstance(value, MethodType):
        value = value.__func__
    if isinstance(value, FunctionType):
        home = value.__globals__.get("__name__")
        if isinstance(home, str) and home.partition(".")[0] == __package__ and hasattr(value, "__wrapped__"):
            # Ours stand before some, to hear of seeds and files.
            return True
        return (
            isinstance(home, str) and home != "__main__" and _package(home) in (_package(module), *_OF_PATHS)
        )
    return not (isinstance(value, type) and value.__module__ == "__main__")


def _package(module: str) -> str:
    return module.partition(".")[0].lstrip("_")


_known = _Known()


@dataclass(frozen=True)
class _Call:
    """A call by a path: from a global name, or from a module, and then the root ends with a colon."""

    root: str
    path: tuple[str, ...]
    count: int | None

    @property
    def name(self) -> str:
        return self.path[-1] if self.path else self.root


@dataclass(frozen=True)
class _Question:
    """What is left to ask when the words alone are harmless: what the names stand for."""

    kinds: frozenset[str]
    calls: tuple[_Call, ...] = ()
    passed: tuple[_Call, ...] = ()
    # Is something handed to what may call it? Are methods called of what may be a module by another name?
    hands: bool = False
    aliased: bool = False


def harmless(verbs: frozenset[str], kinds: frozenset[str], look_up: LookUp) -> bool:
    """Can a run that did this not have changed any object of these kinds?

    `look_up` says what a global name stands for, or raises LookupError. It is asked for plain names only, and
    only for names that the cell does not bind. Nobody's code is run.
    """
    question = _question(verbs, kinds)
    if question is None:
        return False
    kinds = question.kinds
    for call in question.calls:
        if not _is_harmless_call(call, kinds, look_up):
            return False
    return all(_is_harmless_to_pass(each, kinds, look_up, question) for each in question.passed)


@lru_cache(maxsize=4096)
def _question(verbs: frozenset[str], kinds: frozenset[str]) -> _Question | None:
    """What remains to be asked; None where the words alone say that something may have changed."""
    kinds -= {"atom"}
    if not kinds:
        return _Question(kinds)
    calls: list[_Call] = []
    passed: list[_Call] = []
    others: set[str] = set()
    methods = aliased = False
    for verb in verbs:
        if verb[0] == "&":
            others.add(verb) if verb in ("&()", "&?", "&?.") else passed.append(_parse(verb[1:], None))
        elif verb[-1] == ")" and verb[0] != "?":
            path, _, count = verb[:-1].rpartition("(")
            call = _parse(path, 1 if not count else None if count == "*" else int(count))
            methods = methods or bool(call.path)
            if call.root:
                calls.append(call)
            elif _is_harmless_method(call, kinds):
                aliased = True
            else:
                return None
        elif not kinds <= UNHARMED.get(verb, _NONE):
            return None
    question = _Question(
        kinds, tuple(calls), tuple(passed) if methods or "&()" in others else (), "&()" in others, aliased
    )
    # What a name stood for before the cell bound it anew, nobody can tell any more.
    lost = "&?" in others and (aliased or (methods and "polars" in kinds))
    return None if lost or (question.hands and not others.isdisjoint(("&?", "&?."))) else question


def _parse(path: str, count: int | None) -> _Call:
    module, colon, rest = path.rpartition(":")
    if colon:
        return _Call(f"{module}:", tuple(rest.split(".")) if rest else (), count)
    root, *attributes = path.split(".")
    return _Call(root, tuple(attributes), count)


_NOTHING: Final = object()


def _root(call: _Call, look_up: LookUp) -> object:
    if call.root[-1] == ":":
        return sys.modules.get(call.root[:-1], _NOTHING)
    try:
        return look_up(call.root)
    except LookupError:
        return vars(builtins).get(call.root, _NOTHING)


def _follow(value: object, path: tuple[str, ...]) -> tuple[object, tuple[str, ...]]:
    """Go through modules as far as the path does; return what is there and the rest of the path."""
    for at, name in enumerate(path):
        if not isinstance(value, ModuleType):
            return value, path[at:]
        held = vars(value)
        value = held[name] if name in held else sys.modules.get(f"{held.get('__name__')}.{name}", _NOTHING)
    return value, ()


def _is_harmless_call(call: _Call, kinds: frozenset[str], look_up: LookUp) -> bool:
    value, rest = _follow(_root(call, look_up), call.path)
    if rest and not isinstance(value, type):
        return value is not _NOTHING and _is_harmless_method(call, kinds)
    manner = _manner(value, rest)
    if manner is None:
        return _is_exception(value) and not rest
    # Under another name nobody has seen what it was given to call.
    return _allows(manner, call.count, kinds) and (not manner.calls or call.name in CALLERS)


def _manner(value: object, rest: tuple[str, ...]) -> _Manner | None:
    if not rest:
        return _known.function(value)
    return _known.attribute(value, rest[0]) if isinstance(value, type) and len(rest) == 1 else None


def _is_exception(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException) and value.__module__ == "builtins"


def _is_harmless_method(call: _Call, kinds: frozenset[str]) -> bool:
    manner = _METHODS.get(call.path[-1])
    return manner is not None and _allows(manner, call.count, kinds)


def _allows(manner: _Manner, count: int | None, kinds: frozenset[str]) -> bool:
    if manner.most is not None and (count is None or count > manner.most):
        return False
    return kinds <= manner.unharmed


def _is_harmless_to_pass(passed: _Call, kinds: frozenset[str], look_up: LookUp, question: _Question) -> bool:
    """May a value be passed on, under names that nobody follows?"""
    value, rest = _follow(_root(passed, look_up), passed.path)
    if isinstance(value, ModuleType):
        return not (question.hands or question.aliased)
    if rest and not isinstance(value, type):
        return not (question.hands and is_suspect(rest[-1]))
    if not question.hands or not callable(value):
        return not _is_recipe(value)
    manner = _manner(value, rest)
    if manner is None:
        return isinstance(value, type) and issubclass(value, BaseException) and not rest
    # Nobody has counted the arguments that it will get.
    return manner.most is None and _allows(manner, None, kinds)


def _is_recipe(value: object) -> bool:
    """Is it something of polars that may hold functions, to be called when it is applied?"""
    kind = type(value)
    return (
        kind.__name__ in ("Expr", "LazyFrame", "When", "Then", "ChainedThen")
        and _package(kind.__module__) == "polars"
    )
