"""Array libraries behind one face: the standard's functions on raw arrays.

A `Library` is one array package on one of *our* devices: NumPy is the CPU, CuPy on the
first GPU is ``cuda:0``, CuPy on the second is another library. Two arrays fit together
exactly when they hold the same library, which is one identity test per operation.
PyTorch, JAX and array-api-strict keep their own devices and are one library each.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from ..errors import DeviceError, LibraryError
from . import portable
from .device import Device, resolve

__all__ = ["ADDITIONS", "Library", "foreign", "library_for", "library_of"]

ADDITIONS: dict[str, Callable[..., Any]] = {}
"""Functions that the standard lacks: ``f(xp, *args)`` over raw functions."""


class _Functions(dict[str, Any]):
    """Functions by name; one that is not there yet is looked up once and kept."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def __missing__(self, name: str) -> Any:
        if name in ADDITIONS:
            found: Any = functools.partial(ADDITIONS[name], self.library.raw)
        else:
            try:
                found = self.library.find(name)
            except AttributeError:
                raise LibraryError(
                    f"{self.library.name} has no function {name!r}."
                ) from None
        self[name] = found
        return found


class Raw:
    """The functions of a library as attributes: the `xp` that a rule receives."""

    def __init__(self, functions: _Functions) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = self._functions[name]
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
        self.functions = _Functions(self)
        self.raw = Raw(self.functions)
        self.functions |= {
            "is_complex": self.is_complex,
            "device": self.device_of,
            "getitem": self.getitem,
            "setitem": self.setitem,
            "segment_sum": self.segment_sum,
            "copy": self.copy,
            "clip": self.clip,
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

    def getitem(self, x: Any, key: Any) -> Any:
        """Return ``x[key]``."""
        return x[key]

    def setitem(self, x: Any, key: Any, value: Any) -> Any:
        """Return a copy of `x` in which ``x[key]`` is `value`."""
        out = self.copy(x)
        out[key] = value
        return out

    def segment_sum(self, values: Any, ids: Any, count: int) -> Any:
        """Return `count` sums; the k-th adds ``values[i]`` where ``ids[i] == k``."""
        return portable.segment_sum(self.module, values, ids, count)

    def to_host(self, x: Any) -> np.ndarray[Any, Any]:
        """Return a raw array as a NumPy array."""
        return np.asarray(x)

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

    def quiet(self) -> contextlib.AbstractContextManager[Any]:
        """Return a context in which the package gives no floating-point warnings."""
        return contextlib.nullcontext()


def _keeps(x: Any, bound: Any) -> bool:
    return bound is None or type(bound) in (int, float) or bound.dtype == x.dtype


# --- NumPy ----------------------------------------------------------------------------


class NumpyLibrary(Library):
    """NumPy: the CPU."""

    name = "numpy"
    has_views = True
    array_type = np.ndarray
    place = Device("cpu")

    def __init__(self) -> None:
        super().__init__(np)
        self.functions |= {
            "device": lambda x: "cpu",  # what NumPy itself takes as device=
            "is_complex": _has_complex_kind,
            "strong_zero": _numpy_strong_zero,
            "argsort": _numpy_argsort,
            "sort": _numpy_sort,
            "take_along_axis": _numpy_take_along_axis,
        }

    def find(self, name: str) -> Any:
        # NumPy 2.1 has the standard's functions; array-api-compat fills in for 2.0, and
        # is
        # loaded only then, because it loads all of NumPy's lazy parts
        if np.lib.NumpyVersion(np.__version__) < "2.1.0":
            return getattr(importlib.import_module("array_api_compat.numpy"), name)
        return getattr(np, name)

    def coerce(self, value: Any) -> Any:
        return np.asarray(value)

    def is_complex(self, x: Any) -> bool:
        return bool(x.dtype.kind == "c")

    def is_floating(self, dtype: Any) -> bool:
        return dtype.kind in "fc"

    def one_like(self, x: Any) -> Any:
        return _numpy_one(x.dtype) if x.ndim == 0 else np.ones_like(x)

    def copy(self, x: Any) -> Any:
        return np.array(x)

    def segment_sum(self, values: Any, ids: Any, count: int) -> Any:
        kind = values.dtype.kind
        if kind == "f":  # bincount adds in float64, in the order of the elements
            return np.bincount(ids, values, count).astype(values.dtype, copy=False)
        if kind == "c":
            total = np.empty(count, dtype=values.dtype)  # real + 1j * inf has a NaN
            total.real = np.bincount(ids, values.real, count)
            total.imag = np.bincount(ids, values.imag, count)
            return total
        out = np.zeros(count, dtype=values.dtype)
        np.add.at(out, ids, values)
        return out

    def quiet(self) -> contextlib.AbstractContextManager[Any]:
        return np.errstate(all="ignore")


@functools.cache
def _numpy_one(dtype: Any) -> Any:
    one = np.ones((), dtype)
    one.flags.writeable = False
    return one


def _has_complex_kind(x: Any) -> Any:
    return x.dtype.kind == "c"


def _numpy_strong_zero(part: Any, g: Any, *inputs: Any) -> Any:
    if (
        np.count_nonzero(np.isfinite(part)) == part.size
    ):  # nearly always: one cheap pass
        return part
    return ADDITIONS["strong_zero"](np, part, g, *inputs)


def _numpy_argsort(
    x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Any:
    kind: Any = "stable" if stable else None
    if not descending:
        return np.argsort(x, axis=axis, kind=kind)
    # equal elements keep their order: sort the reversed array, and count from its end
    order = np.flip(np.argsort(np.flip(x, axis=axis), axis=axis, kind=kind), axis=axis)
    return x.shape[axis] - 1 - order


def _numpy_sort(
    x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Any:
    out = np.sort(x, axis=axis, kind="stable" if stable else None)
    return np.flip(out, axis=axis) if descending else out


def _numpy_take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
    return np.take_along_axis(x, indices, axis=axis)


# --- CuPy -----------------------------------------------------------------------------

_CREATION = (
    "arange",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "linspace",
    "ones",
    "ones_like",
    "zeros",
    "zeros_like",
)


class CupyLibrary(Library):
    """CuPy on one GPU; unlike array-api-compat's, creation honours ``device=``."""

    name = "cupy"
    has_views = True

    def __init__(self, place: Device) -> None:
        self.cupy: Any = importlib.import_module("cupy")
        self.place = place
        # with one GPU the current device is always the right one
        self.alone = int(self.cupy.cuda.runtime.getDeviceCount()) == 1
        self.array_type = self.cupy.ndarray
        super().__init__(importlib.import_module("array_api_compat.cupy"))
        self.functions["matmul"] = self.matmul

    def find(self, name: str) -> Any:
        function = getattr(self.module, name)
        if not callable(function) or isinstance(function, type):  # a constant or dtype
            return function
        if name in _CREATION or name == "asarray":
            return functools.partial(self._create, function)
        return function if self.alone else functools.partial(self._on_device, function)

    def _on_device(
        self, function: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        assert self.place is not None
        with self.cupy.cuda.Device(self.place.index):
            return function(*args, **options)

    def _create(
        self,
        function: Callable[..., Any],
        *args: Any,
        device: Any = None,
        **options: Any,
    ) -> Any:
        if device is not None and device != self.place:
            raise DeviceError(
                f"this is cupy on {self.place}; it cannot make an array on {device}."
            )
        return self._on_device(function, *args, **options)

    def coerce(self, value: Any) -> Any:
        return self._on_device(self.cupy.asarray, value)

    def is_complex(self, x: Any) -> bool:
        return bool(x.dtype.kind == "c")

    def is_floating(self, dtype: Any) -> bool:
        return dtype.kind in "fc"

    def copy(self, x: Any) -> Any:
        return self._on_device(self.cupy.array, x)

    def segment_sum(self, values: Any, ids: Any, count: int) -> Any:
        # no atomic additions: the same bits every time
        reduceat = self.cupy.add.reduceat
        return self._on_device(
            portable.sorted_segment_sum, self.module, reduceat, values, ids, count
        )

    def matmul(self, x: Any, y: Any, /) -> Any:
        """Return the matrix product; a batch times one matrix as one product.

        CuPy's product of more than two dimensions is slow, ignores TF32 and goes wrong
        in low precision.
        """
        if x.ndim > 2 and y.ndim == 2:
            rows = self.module.reshape(x, (-1, x.shape[-1]))
            out = self._on_device(self.module.matmul, rows, y)
            return self.module.reshape(out, (*x.shape[:-1], y.shape[-1]))
        return self._on_device(self.module.matmul, x, y)

    def to_host(self, x: Any) -> np.ndarray[Any, Any]:
        host: np.ndarray[Any, Any] = self.cupy.asnumpy(x)
        return host

    def from_host(self, x: np.ndarray[Any, Any], device: Any = None) -> Any:
        return self._create(self.cupy.asarray, x, device=device)


# --- libraries with devices of their own ----------------------------------------------


class StrictLibrary(Library):
    """array-api-strict: nothing but the standard, with several pretended devices."""

    name = "array_api_strict"

    def __init__(self) -> None:
        super().__init__(importlib.import_module("array_api_strict"))
        self.array_type = type(self.module.zeros(()))

    def find(self, name: str) -> Any:
        return getattr(self.module, name)

    def move(self, x: Any, device: Any) -> Any:
        return x.to_device(device)

    def setitem(self, x: Any, key: Any, value: Any) -> Any:
        if portable.has_integer_array(key):
            return portable.set_positions(self.module, x, key, value)
        return super().setitem(x, key, value)

    def to_host(self, x: Any) -> np.ndarray[Any, Any]:
        return np.asarray(x.to_device(self.module.Device("CPU_DEVICE")))


class TorchLibrary(Library):
    """PyTorch through array-api-compat; its own autograd is not used."""

    name = "torch"
    has_views = True
    scalar_operands = False  # torch.maximum(x, 0.0) and others refuse a Python scalar

    def __init__(self) -> None:
        super().__init__(importlib.import_module("array_api_compat.torch"))
        self.torch: Any = importlib.import_module("torch")
        self.array_type = self.torch.Tensor

    def coerce(self, value: Any) -> Any:
        return self.torch.as_tensor(value)

    def adopt(self, x: Any) -> Any:
        x = self.coerce(x)
        return x.detach() if x.requires_grad else x

    def copy(self, x: Any) -> Any:
        return x.clone(memory_format=self.torch.contiguous_format)

    def move(self, x: Any, device: Any) -> Any:
        return x.to(device)

    def is_complex(self, x: Any) -> bool:
        return bool(x.is_complex())

    def segment_sum(self, values: Any, ids: Any, count: int) -> Any:
        out = self.torch.zeros(count, dtype=values.dtype, device=values.device)
        return out.index_add_(0, ids, values)

    def to_host(self, x: Any) -> np.ndarray[Any, Any]:
        host: np.ndarray[Any, Any] = x.detach().cpu().numpy()
        return host


class JaxLibrary(Library):
    """JAX: arrays that are never written to."""

    name = "jax"
    mutable = False

    def __init__(self) -> None:
        super().__init__(importlib.import_module("jax.numpy"))
        self.array_type = type(self.module.zeros(()))

    def setitem(self, x: Any, key: Any, value: Any) -> Any:
        return x.at[key].set(value)

    def segment_sum(self, values: Any, ids: Any, count: int) -> Any:
        return self.module.zeros(count, dtype=values.dtype).at[ids].add(values)


# --- finding one ----------------------------------------------------------------------

_NUMPY = NumpyLibrary()

_FOREIGN: dict[str, Callable[[], Library]] = {
    "torch": TorchLibrary,
    "jax": JaxLibrary,
    "array_api_strict": StrictLibrary,
}


@functools.cache
def _cupy(index: int) -> Library:
    return CupyLibrary(Device(f"cuda:{index}"))


@functools.cache
def foreign(name: str) -> Library:
    """Return the library of a package that keeps devices of its own, by its name.

    Raises
    ------
    LibraryError
        If the name is unknown or the package is not installed.
    """
    if name not in _FOREIGN:
        raise LibraryError(
            f"{name!r} is not a known array library: use one of {sorted(_FOREIGN)}."
        )
    try:
        return _FOREIGN[name]()
    except ImportError as error:
        raise LibraryError(
            f"{name} cannot be used: {error}. Install it first."
        ) from error


def library_for(device: str | Device | None) -> Library:
    """Return the library of a device of ours; None is the default device."""
    found = resolve(device)
    return _NUMPY if found.kind == "cpu" else _cupy(found.index)


def library_of(x: Any) -> Library | None:
    """Return the library that a raw array belongs to, or None when `x` is no array.

    Nothing is imported: an array's package is already loaded.
    """
    kind = type(x)
    if kind is np.ndarray or isinstance(x, (np.ndarray, np.generic)):
        if isinstance(x, np.ma.MaskedArray):
            raise LibraryError(
                "a masked array would lose its mask. Pass x.filled(...) or "
                "x.compressed()."
            )
        return None if x.dtype.kind not in "biufc" else _NUMPY
    package = kind.__module__.partition(".")[0]
    if package == "cupy" and isinstance(x, sys.modules["cupy"].ndarray):
        return _cupy(int(x.device.id))
    if package in ("jax", "jaxlib"):
        return foreign("jax") if hasattr(x, "__array_namespace__") else None
    if package in _FOREIGN and hasattr(x, "shape") and hasattr(x, "dtype"):
        return foreign(package)
    return None
