"""The table as a namespace: what rules compute with, and what users import as `xp`."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from ..backend.device import Device, devices, get_default_device
from ..backend.library import (
    EXTENSIONS,
    Library,
    foreign,
    library_for,
    library_of,
)
from ..errors import ConversionError, DeviceError, LibraryError
from . import operators  # noqa: F401 - gives Array its operators
from .array import Array
from .convert import asarray, holds_array, mixed, wrap
from .rule import TABLE
from .table.special import PUBLIC as SPECIAL

__all__ = [
    "API_VERSION",
    "SPACES",
    "Namespace",
    "members",
    "namespace",
    "part_members",
    "recorded_functions",
]

API_VERSION = "2025.12"
_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", API_VERSION)

DTYPES = (
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "float32",
    "float64",
    "complex64",
    "complex128",
)
CONSTANTS = {
    "e": math.e,
    "inf": math.inf,
    "nan": math.nan,
    "newaxis": None,
    "pi": math.pi,
}

_CREATION = ("arange", "empty", "eye", "full", "linspace", "ones", "zeros")
_FREQUENCIES = ("fftfreq", "rfftfreq")
_LIKE = ("empty_like", "full_like", "ones_like", "zeros_like")
_QUESTIONS = ("can_cast", "finfo", "iinfo", "isdtype", "result_type")


class FloatInfo(NamedTuple):
    """What `finfo` tells of a floating-point dtype, as Python numbers."""

    bits: int
    eps: float
    max: float
    min: float
    smallest_normal: float
    dtype: Any


class IntegerInfo(NamedTuple):
    """What `iinfo` tells of an integer dtype, as Python numbers."""

    bits: int
    max: int
    min: int
    dtype: Any


# --- creation: where an array goes is decided by device=, then by an input, then the
# default --


def _place(home: Library | None, device: Any) -> tuple[Library, Any]:
    """Return the library that creates an array, and the device to tell it."""
    if home is None or home.place is not None:
        lib = library_for(device) if device is not None or home is None else home
        return lib, None
    if isinstance(device, Device):
        raise DeviceError(
            f"{device!r} is a device of xpnet.xp; {home.name} has devices of its own."
        )
    return home, device


def _raw_argument(name: str, value: Any) -> Any:
    """Return a creation argument as a Python or raw value (a fill value, say)."""
    if type(value) is not Array:
        return value
    if value.requires_grad:
        raise ConversionError(
            f"{name}: an argument is on the tape, and its gradient would be lost: new "
            "arrays have no past. Use x.detach(), or compute with x: "
            "x * xp.ones(shape)."
        )
    return value.data


def _creator(name: str, home: Library | None) -> Callable[..., Array]:
    def create(*args: Any, device: Any = None, **options: Any) -> Array:
        lib, told = _place(home, device)
        if told is not None:
            options["device"] = told
        out = lib.functions[name](
            *[_raw_argument(name, a) for a in args],
            **{key: _raw_argument(name, value) for key, value in options.items()},
        )
        return wrap(lib, out)

    return _like_row(create, name)


def _liker(name: str) -> Callable[..., Array]:
    def create(x: Any, /, *args: Any, device: Any = None, **options: Any) -> Array:
        x = asarray(x)
        lib = x._lib
        if device is not None and lib.place is not None:
            lib = library_for(device)
            if lib is not x._lib:
                options.setdefault("dtype", x.dtype)
                return _creator(name.removesuffix("_like"), lib)(
                    x.shape, *args, **options
                )
        elif device is not None:
            options["device"] = device
        return wrap(
            lib,
            lib.functions[name](
                x.data,
                *[_raw_argument(name, a) for a in args],
                **{key: _raw_argument(name, value) for key, value in options.items()},
            ),
        )

    return _like_row(create, name)


def _like_row(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    row = TABLE[name]
    function.__name__ = function.__qualname__ = name
    function.__signature__ = inspect.signature(row.function)  # type: ignore
    function.__doc__ = f"{name} of the Array API standard."
    return function


def _asarray_in(home: Library | None) -> Callable[..., Array]:
    if home is None or home.place is not None:
        return asarray

    def convert(
        obj: Any, /, *, dtype: Any = None, device: Any = None, copy: bool | None = None
    ) -> Array:
        """Return an array of this namespace's library."""
        if (
            type(obj) is not Array
            and library_of(obj) is None
            and not isinstance(obj, (list, tuple))
        ):
            return wrap(
                home, home.raw.asarray(obj, dtype=dtype, device=device, copy=copy)
            )
        if isinstance(obj, (list, tuple)):
            if not holds_array(obj):
                return wrap(home, home.raw.asarray(obj, dtype=dtype, device=device))
            obj = TABLE["stack"].function(
                [convert(part, dtype=dtype, device=device) for part in obj]
            )
        out = asarray(obj, dtype=dtype if type(obj) is Array else None, copy=copy)
        if out._lib is not home:
            if out.requires_grad:
                raise mixed(out._lib, home)
            host = out._lib.to_host(out.data)
            out = wrap(home, home.from_host(host, device))
        if dtype is not None and out.dtype != dtype:
            out = TABLE["astype"].function(out, dtype)
        return out if device is None else out.to_device(device)

    return convert


def _from_dlpack(home: Library | None) -> Callable[..., Array]:
    def from_dlpack(
        x: Any, /, *, device: Any = None, copy: bool | None = None
    ) -> Array:
        """Return an array that shares the memory of another library's array."""
        if type(x) is Array:
            x._refuse_tape("from_dlpack")
            x = x.data
        options: dict[str, Any] = {} if copy is None else {"copy": copy}
        lib, told = _place(home, device)
        own = library_of(x)
        if device is None and home is None and own is not None and own.place:
            lib = own  # CuPy's arrays stay where they are
        if told is not None:
            options["device"] = told
        return wrap(lib, lib.functions["from_dlpack"](x, **options))

    return _like_row(from_dlpack, "from_dlpack")


# --- questions about dtypes -----------------------------------------------------------


def _questions(raw_of: Callable[[], Library]) -> dict[str, Callable[..., Any]]:
    def finfo(type: Any, /) -> FloatInfo:
        """Return the machine limits of a floating-point dtype, as Python numbers."""
        lib = raw_of()
        info = lib.raw.finfo(_dtype_of(type))
        dtype = _dtype_object(lib, info.dtype)
        return FloatInfo(
            int(info.bits),
            float(info.eps),
            float(info.max),
            float(info.min),
            float(info.smallest_normal),
            dtype,
        )

    def iinfo(type: Any, /) -> IntegerInfo:
        """Return the machine limits of an integer dtype, as Python numbers."""
        lib = raw_of()
        info = lib.raw.iinfo(_dtype_of(type))
        return IntegerInfo(
            int(info.bits), int(info.max), int(info.min), _dtype_object(lib, info.dtype)
        )

    def can_cast(from_: Any, to: Any, /) -> bool:
        """Tell whether one dtype casts to another by the promotion rules."""
        lib = from_._lib if type(from_) is Array else raw_of()
        return bool(lib.raw.can_cast(_dtype_of(from_), to))

    def isdtype(dtype: Any, kind: Any) -> bool:
        """Tell whether a dtype is of a kind."""
        return bool(raw_of().raw.isdtype(dtype, kind))

    def result_type(*arrays_and_dtypes: Any) -> Any:
        """Return the dtype that an operation on these would give."""
        first = next((a for a in arrays_and_dtypes if type(a) is Array), None)
        lib = raw_of() if first is None else first._lib
        return lib.raw.result_type(
            *[a.data if type(a) is Array else a for a in arrays_and_dtypes]
        )

    return {f.__name__: f for f in (finfo, iinfo, can_cast, isdtype, result_type)}


def _dtype_of(value: Any) -> Any:
    return value.dtype if type(value) is Array else value


def _dtype_object(lib: Library, dtype: Any) -> Any:
    return getattr(lib.raw, dtype) if isinstance(dtype, str) else dtype


# --- what rules compute with when the derivative is itself to be differentiated -------


class Recorded:
    """The functions of the table on recorded arrays, for one library."""

    def __init__(self, lib: Library) -> None:
        self._lib = lib

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        lib = self._lib
        found: Any
        if name in ("is_complex", "device"):
            found = functools.partial(_on_raw, getattr(lib.raw, name))
        elif name in _CREATION or name in _FREQUENCIES:
            found = _creator_on(name, lib)
        elif name in _LIKE:
            found = _liker(name)
        elif name in TABLE and name not in _QUESTIONS:
            found = TABLE[name].function
        elif name == "strong_zero":
            found = _strong_zero
        else:
            found = getattr(lib.raw, name)
        setattr(self, name, found)
        return found


def _on_raw(function: Callable[[Any], Any], x: Any) -> Any:
    return function(x.data if type(x) is Array else x)


def _creator_on(name: str, lib: Library) -> Callable[..., Array]:
    function = getattr(lib.raw, name)
    return lambda *args, **options: wrap(lib, function(*args, **options))


def _strong_zero(part: Array, g: Array, *inputs: Any) -> Array:
    """Apply the strong-zero rule to recorded arrays: flat mask, recorded choice."""
    raw = part._lib.raw
    masked = (g.data == 0) & ~raw.isfinite(part.data)
    for x in inputs:
        value = x.data if type(x) is Array else x
        masked = masked & (value == value)
    where: Any = TABLE["where"].function
    out: Array = where(
        masked, 0.0 if part._lib.scalar_operands else raw.zeros_like(part.data), part
    )
    return out


@functools.cache
def recorded_functions() -> Recorded:
    """Return the recorded functions for code that knows no library yet."""
    return Recorded(library_for("cpu"))


# --- namespaces -----------------------------------------------------------------------


class Info:
    """What ``__array_namespace_info__()`` returns."""

    def __init__(self, home: Library | None) -> None:
        self._home = home

    def capabilities(self) -> dict[str, Any]:
        """Return what the namespace can do."""
        return {
            "boolean indexing": True,
            "data-dependent shapes": True,
            "max dimensions": 64,
        }

    def default_device(self) -> Any:
        """Return where new arrays go."""
        return (
            get_default_device()
            if self._home is None
            else self._info().default_device()
        )

    def devices(self) -> tuple[Any, ...]:
        """Return the devices of the namespace."""
        return (
            devices().available if self._home is None else tuple(self._info().devices())
        )

    def default_dtypes(self, *, device: Any = None) -> dict[str, Any]:
        """Return the dtypes of new arrays by kind."""
        return dict(
            self._info().default_dtypes(device=None if self._home is None else device)
        )

    def dtypes(self, *, device: Any = None, kind: Any = None) -> dict[str, Any]:
        """Return the dtypes of a kind by name."""
        return dict(
            self._info().dtypes(
                device=None if self._home is None else device, kind=kind
            )
        )

    def _info(self) -> Any:
        lib = library_for("cpu") if self._home is None else self._home
        return lib.module.__array_namespace_info__()


_PARTS = {**EXTENSIONS, "special": SPECIAL}
_APART = {n for names in _PARTS.values() for n in names} - {
    "matmul",
    "matrix_transpose",
    "tensordot",
    "vecdot",
}


def part_members(part: str, home: Library | None) -> dict[str, Any]:
    """Return the functions of ``linalg``, ``fft`` or ``special``."""
    names = [name for name in _PARTS[part] if name in TABLE]
    space = {name: TABLE[name].function for name in names}
    for name in _FREQUENCIES:
        if name in space:
            space[name] = _creator(name, home)
    return space


def members(home: Library | None) -> dict[str, Any]:
    """Return a namespace's members, over a foreign library or over CPU and CUDA.

    The parts ``linalg``, ``fft`` and ``special`` are not among them.
    """
    lib = library_for("cpu") if home is None else home
    space: dict[str, Any] = {
        name: row.function
        for name, row in TABLE.items()
        if row.public and name not in _APART
    }
    for name in _CREATION:
        space[name] = _creator(name, home)
    for name in _LIKE:
        space[name] = _liker(name)
    space |= _questions(lambda: lib)
    space["asarray"] = _asarray_in(home)
    space["from_dlpack"] = _from_dlpack(home)
    for name in DTYPES:
        if hasattr(lib.module, name):
            space[name] = getattr(lib.module, name)
    space |= CONSTANTS
    space["__array_api_version__"] = API_VERSION
    space["__array_namespace_info__"] = lambda: Info(home)
    return space


class Namespace:
    """The differentiable Array API namespace over a foreign library."""

    def __init__(self, name: str, values: dict[str, Any]) -> None:
        self.__name__ = name
        self.__dict__.update(values)

    def __repr__(self) -> str:
        return f"<namespace {self.__name__}>"

    def __dir__(self) -> list[str]:
        return sorted(self.__dict__)


SPACES: dict[str, Any] = {}
"""The namespace that arrays of a library belong to, by the library's name."""


def namespace(library: str) -> Any:
    """Return the differentiable namespace over a library, by its name.

    Parameters
    ----------
    library : str
        ``"numpy"`` and ``"cupy"`` give `xpnet.xp` itself; ``"torch"``, ``"jax"`` and
        ``"array_api_strict"`` give the same functions over that library's arrays, with
        its own dtypes and devices.

    Raises
    ------
    LibraryError
        If the name is unknown or the library is not installed.

    Examples
    --------
    >>> namespace("numpy").__array_api_version__
    '2025.12'
    """
    if library not in SPACES:  # of two threads that make one, the first one's stays
        SPACES.setdefault(library, _space_over(foreign(library)))
    return SPACES[library]


def _space_over(home: Library) -> Namespace:
    name = f"xpnet({home.name})"
    parts = {
        part: Namespace(f"{name}.{part}", part_members(part, home)) for part in _PARTS
    }
    return Namespace(name, {**members(home), **parts})


class _Calculus:
    """What the calculus provides to `Library`, which lies below it."""

    recorded = staticmethod(Recorded)

    @staticmethod
    def space(lib: Library, version: str | None) -> Any:
        if version is not None and version not in _VERSIONS:
            raise LibraryError(
                f"version {version!r} of the standard is not supported; use one of "
                f"{_VERSIONS}."
            )
        return namespace(lib.name)


Library.calculus = _Calculus
