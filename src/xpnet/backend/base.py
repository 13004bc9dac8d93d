"""What every array library shares: the standard's functions on raw arrays."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import LibraryError
from . import extensions, portable
from .device import Device
from .native_special import native_special
from .special import FALLBACKS

__all__ = ["ADDITIONS", "EXTENSIONS", "Functions", "Library", "Raw"]

EXTENSIONS: dict[str, tuple[str, ...]] = {
    "linalg": tuple(
        """cholesky cross det diagonal eig eigh eigvals eigvalsh inv matmul matrix_norm
        matrix_power matrix_rank matrix_transpose outer pinv qr slogdet solve svd
        svdvals tensordot trace vecdot vector_norm""".split()
    ),
    "fft": tuple(
        """fft ifft fftn ifftn rfft irfft rfftn irfftn hfft ihfft fftfreq rfftfreq
        fftshift ifftshift""".split()
    ),
}
"""The functions of the standard's extensions, by the extension's name."""

_IN_MAIN = frozenset({"matmul", "matrix_transpose", "tensordot", "vecdot"})
_EXTENSION_OF = {
    name: extension
    for extension, names in EXTENSIONS.items()
    for name in names
    if name not in _IN_MAIN
}

ADDITIONS: dict[str, Callable[..., Any]] = dict(FALLBACKS)
"""Functions that the standard lacks: ``f(xp, *args)`` over raw functions."""


class Functions(dict[str, Any]):
    """Functions by name; one that is not there yet is looked up once and kept."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def __missing__(self, name: str) -> Any:
        if name in ADDITIONS:
            found: Any = native_special(self.library, name)
            if found is None:
                found = functools.partial(ADDITIONS[name], self.library.raw)
        else:
            try:
                extension = _EXTENSION_OF.get(name)
                if extension is None:
                    found = self.library.find(name)
                else:
                    found = self.library.find_in(extension, name)
            except AttributeError:
                raise LibraryError(
                    f"{self.library.name} has no function {name!r}."
                ) from None
        self[name] = found
        return found


class Raw:
    """The functions of a library as attributes: the `xp` that a rule receives."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = dict.__getitem__(self._functions, name)  # what is kept is the function
        setattr(self, name, found)
        return found


class Library:
    """One array package, on one device of ours or with devices of its own.

    Attributes
    ----------
    name : str
        ``"numpy"``, ``"cupy"``, ``"torch"``, ``"jax"`` or ``"array_api_strict"``.
    functions : mapping of str to function
        The standard's functions on raw arrays, bound directly to the package.
    raw : Raw
        The same functions as attributes.
    array_type : type
        The class of the package's arrays.
    place : Device or None
        Our device, where the library stands for one.
    mutable : bool
        Whether an array can be written to in place.
    has_views : bool
        Whether a slice shares its memory with the array, so that writing to one changes
        the other.
    """

    name: str
    array_type: type
    place: Device | None = None
    mutable = True
    has_views = False
    scalar_operands = True  # do binary functions take Python scalars?

    def __init__(self, module: ModuleType) -> None:
        self.module = module
        self.functions = Functions(self)
        self.raw = Raw(self.functions)
        self.functions |= {
            "is_complex": self.is_complex,
            "device": self.device_of,
            "getitem": self.getitem,
            "setitem": self.setitem,
            "write": self.write,
            "add_to": self.add_to,
            "windows": self.windows,
            "on_host": self.on_host,
            "segment_sum": self.segment_sum,
            "copy": self.copy,
            "clip": self.clip,
            "vector_norm": self.vector_norm,
            "matrix_rank": functools.partial(extensions.matrix_rank, self),
        }

    calculus: Any = None  # set by the layer above

    @functools.cached_property
    def recorded(self) -> Any:
        """The functions on recorded arrays: the `xp` of a rule that is recorded."""
        return self.calculus.recorded(self)

    def space(self, version: str | None = None) -> Any:
        """Return the public namespace of this library's arrays."""
        return self.calculus.space(self, version)

    def __repr__(self) -> str:
        return (
            f"<Library {self.name} on {self.place}>"
            if self.place
            else f"<Library {self.name}>"
        )

    def find(self, name: str) -> Any:
        """Return the package's function of that name."""
        return getattr(self.module, name)

    def find_in(self, extension: str, name: str) -> Any:
        """Return the package's function of an extension: ``linalg`` or ``fft``."""
        return getattr(getattr(self.module, extension), name)

    def coerce(self, value: Any) -> Any:
        """Return a function's result as an array of `array_type`."""
        return (
            value if isinstance(value, self.array_type) else self.module.asarray(value)
        )

    def adopt(self, x: Any) -> Any:
        """Return an array that a person gave as one of `array_type`, without a copy."""
        return x if type(x) is self.array_type else self.coerce(x)

    def device_of(self, x: Any) -> Any:
        """Return our device of a raw array, or the package's own device object."""
        return self.place if self.place is not None else x.device

    def is_complex(self, x: Any) -> bool:
        """Tell whether a raw array is of complex dtype."""
        return bool(self.module.isdtype(x.dtype, "complex floating"))

    def is_floating(self, dtype: Any) -> bool:
        """Tell whether a dtype can carry a gradient: real or complex floating point."""
        return bool(self.module.isdtype(dtype, ("real floating", "complex floating")))

    def copy(self, x: Any) -> Any:
        """Return a contiguous copy of a raw array, on its device."""
        return self.module.asarray(x, copy=True)

    def clip(self, x: Any, /, min: Any = None, max: Any = None) -> Any:
        """Return `x` with values below `min` and above `max` replaced by the bound.

        Two calls, no boolean mask and so no wait for a GPU. Bounds that would change
        the dtype of `x` go to the package's own function.
        """
        if not (self.is_floating(x.dtype) and _keeps(x, min) and _keeps(x, max)):
            return self.module.clip(x, min, max)
        if min is None and max is None:
            return self.copy(x)
        if min is not None:
            x = self.module.maximum(x, self.operand(min, x))
        return x if max is None else self.module.minimum(x, self.operand(max, x))

    def vector_norm(
        self, x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2
    ) -> Any:
        """Return the norm of vectors (see `extensions.vector_norm`)."""
        if not self.is_floating(x.dtype):  # outside the standard: as the package has it
            function = self.find_in("linalg", "vector_norm")
            return function(x, axis=axis, keepdims=keepdims, ord=ord)
        return extensions.vector_norm(self.raw, x, axis, keepdims, ord)

    def operand(self, value: Any, like: Any) -> Any:
        """Return a Python scalar as what a binary function of the package takes."""
        if self.scalar_operands or not isinstance(value, (bool, int, float, complex)):
            return value
        return self.number(value, like)

    def number(self, value: complex, like: Any) -> Any:
        """Return a Python scalar as an array without axes, beside a raw array.

        It has the dtype of `like` where that can hold it: 0.5 beside integers stays 0.5
        and is not cut off.
        """
        dtype = like.dtype if self._holds(like, value) else None
        return self.raw.full((), value, dtype=dtype, device=self.raw.device(like))

    def _holds(self, x: Any, value: complex) -> bool:
        """Tell whether the dtype of a raw array is of the kind of a Python scalar."""
        if type(value) is complex:
            return self.is_complex(x)
        if type(value) is float:
            return self.is_floating(x.dtype)
        return type(value) is bool or not self.module.isdtype(x.dtype, "bool")

    def one_like(self, x: Any) -> Any:
        """Return ones of the shape of `x`: where a backward pass starts."""
        return self.raw.ones_like(x)

    def index(self, part: Any, near: Any) -> Any:
        """Return a list or a NumPy array as an array of positions, or a mask.

        Positions without axes are a Python integer. An empty list holds positions.
        """
        host = np.asarray(part)
        if host.size == 0 and not hasattr(part, "dtype"):
            host = host.astype(np.int64)
        if host.ndim == 0 and host.dtype.kind in "iu":
            return int(host)
        return self.from_host(host, self.raw.device(near))

    def getitem(self, x: Any, key: Any) -> Any:
        """Return ``x[key]``."""
        return x[key]

    def setitem(self, x: Any, key: Any, value: Any) -> Any:
        """Return a copy of `x` in which ``x[key]`` is `value`."""
        out = self.copy(x)
        out[key] = value
        return out

    def write(self, out: Any, key: Any, value: Any) -> Any:
        """Write into a new array that nobody else holds, and return it."""
        out[key] = value
        return out

    def add_to(self, out: Any, key: Any, value: Any) -> Any:
        """Add at slices of a new array that nobody else holds, and return it."""
        out[key] += value
        return out

    def windows(self, x: Any, *layout: Any) -> Any:
        """Return the sliding windows of `x` (see `portable.windows`)."""
        return portable.windows(self.raw, x, *layout)

    def on_host(self, x: Any) -> bool:
        """Tell whether the values of a raw array can be looked at without a wait."""
        return self.place is None or self.place.kind == "cpu"

    def segment_sum(self, values: Any, ids: Any, count: int) -> Any:
        """Return `count` sums; the k-th adds ``values[i]`` where ``ids[i] == k``.

        The values may be rows of any shape: ``values[i, ...]``.
        """
        return portable.segment_sum(self.module, values, ids, count)

    def to_host(self, x: Any) -> np.ndarray[Any, Any]:
        """Return a raw array as a NumPy array."""
        return np.asarray(x)

    def memory_of(self, x: Any) -> tuple[Any, int]:
        """Return what identifies the memory of a raw array, and its bytes.

        Arrays that share memory give the same.
        """
        return id(x), int(x.nbytes)

    def from_host(self, x: np.ndarray[Any, Any], device: Any = None) -> Any:
        """Return a NumPy array as a raw array of this library, on `device`."""
        return self.module.asarray(x, device=device)

    def move(self, x: Any, device: Any) -> Any:
        """Return a raw array on another of the package's own devices."""
        return (
            self.module.to_device(x, device)
            if hasattr(self.module, "to_device")
            else x.to_device(device)
        )

    def devices(self) -> tuple[Any, ...]:
        """Return the package's own devices."""
        return tuple(self.module.__array_namespace_info__().devices())

    def default_device(self) -> Any:
        """Return the package's own device for new arrays."""
        return self.module.__array_namespace_info__().default_device()

    def quiet(self) -> contextlib.AbstractContextManager[Any]:
        """Return a context in which the package gives no floating-point warnings."""
        return contextlib.nullcontext()


def _keeps(x: Any, bound: Any) -> bool:
    return bound is None or type(bound) in (int, float) or bound.dtype == x.dtype
