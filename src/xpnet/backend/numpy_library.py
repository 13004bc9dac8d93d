"""NumPy: the CPU."""

from __future__ import annotations

import contextlib
import functools
import importlib
from typing import Any

import numpy as np

from . import extensions, portable
from .base import ADDITIONS, Library
from .device import Device

__all__ = ["NumpyLibrary"]


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
            "matmul": _numpy_matmul,
            "top_places": _numpy_top_places,
            "sort": _numpy_sort,
            "take_along_axis": _numpy_take_along_axis,
            "unique_values": _numpy_unique_values,
        }

    def find(self, name: str) -> Any:
        # NumPy 2.1 has the standard's functions; array-api-compat fills in for 2.0. It
        # is loaded only then, because it loads all of NumPy's lazy parts.
        if np.lib.NumpyVersion(np.__version__) < "2.1.0":
            return getattr(importlib.import_module("array_api_compat.numpy"), name)
        return getattr(np, name)

    def find_in(self, extension: str, name: str) -> Any:
        function = super().find_in(extension, name)
        if name in extensions.OVER_AXES:
            return extensions.with_axes(function)  # NumPy 2 wants the axes beside s=
        if name in ("fftfreq", "rfftfreq"):
            return functools.partial(_numpy_frequencies, function)
        if name in ("eig", "eigvals"):
            return functools.partial(_numpy_complex, function)
        # without rtol NumPy cuts off at 1e-15, with None where the standard does
        return functools.partial(function, rtol=None) if name == "pinv" else function

    def vector_norm(
        self, x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2
    ) -> Any:
        if ord == 2 and x.dtype.kind in "fc" and x.size:
            with np.errstate(all="ignore"):
                out = np.linalg.vector_norm(x, axis=axis, keepdims=keepdims)
            limits = _numpy_safe_norms(out.dtype)
            if np.all((out > limits[0]) & (out < limits[1])):  # one pass and no scaling
                return out
        return super().vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)

    def coerce(self, value: Any) -> Any:
        return np.asarray(value)

    def adopt(self, x: Any) -> Any:
        x = np.asarray(x)
        return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))

    def is_complex(self, x: Any) -> bool:
        return bool(x.dtype.kind == "c")

    def is_floating(self, dtype: Any) -> bool:
        return dtype.kind in "fc"

    def one_like(self, x: Any) -> Any:
        return _numpy_one(x.dtype) if x.ndim == 0 else np.ones_like(x)

    def copy(self, x: Any) -> Any:
        return np.array(x)

    def segment_sum(self, values: Any, ids: Any, count: int) -> Any:
        if values.ndim > 1:
            return _numpy_segment_rows(values, ids, count)
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

    def windows(self, x: Any, *layout: Any) -> Any:
        shape, strides = portable.strided_windows(x.shape, x.strides, *layout)
        return np.lib.stride_tricks.as_strided(x, shape, strides, writeable=False)

    def memory_of(self, x: Any) -> tuple[Any, int]:
        while isinstance(x.base, np.ndarray):  # a view's
            x = x.base
        return x.__array_interface__["data"][0], x.nbytes

    def quiet(self) -> contextlib.AbstractContextManager[Any]:
        return np.errstate(all="ignore")


def _numpy_segment_rows(values: Any, ids: Any, count: int) -> Any:
    """Return the sums of rows over equal `ids`: sort by id, add each run in order."""
    out = np.zeros((count, *values.shape[1:]), dtype=values.dtype)
    if len(ids) == 0:
        return out
    order = np.argsort(ids, kind="stable")
    ids = ids[order]
    starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    out[ids[starts]] = np.add.reduceat(values[order], starts, axis=0)
    return out


def _numpy_complex(function: Any, x: Any, /) -> Any:
    """Return eigenvalues (and vectors) as complex numbers, also if they are real."""
    dtype = np.result_type(x.dtype, np.complex64)
    out = function(x)
    if isinstance(out, tuple):
        return tuple([part.astype(dtype, copy=False) for part in out])
    return out.astype(dtype, copy=False)


@functools.cache
def _numpy_safe_norms(dtype: Any) -> tuple[float, float]:
    """Return between which norms the sum of squares has lost no digit."""
    info = np.finfo(dtype)
    return float(np.sqrt(info.smallest_normal / info.eps)), float(info.max)


def _numpy_frequencies(
    function: Any,
    n: int,
    /,
    *,
    d: float = 1.0,
    dtype: Any = None,
    device: Any = None,
) -> Any:
    out = function(n, d, device=device)
    return out if dtype is None else out.astype(dtype, copy=False)


@functools.cache
def _numpy_one(dtype: Any) -> Any:
    one = np.ones((), dtype)
    one.flags.writeable = False
    return one


def _numpy_unique_values(x: Any) -> Any:
    """Return the different values in growing order, as unique_all does.

    NumPy's own unique_values leaves them as its hash table has them.
    """
    return np.unique(x, equal_nan=False)


def _has_complex_kind(x: Any) -> Any:
    return x.dtype.kind == "c"


def _numpy_strong_zero(part: Any, g: Any, *inputs: Any) -> Any:
    # nearly always: one cheap pass
    if np.count_nonzero(np.isfinite(part)) == part.size:
        return part
    return ADDITIONS["strong_zero"](np, part, g, *inputs)


def _numpy_matmul(x1: Any, x2: Any, /) -> Any:
    # NumPy multiplies float16 without the BLAS, a hundred times slower; it too sums in
    # float32 and rounds once
    if x1.dtype.char == "e" and x2.dtype.char == "e":
        single = np.matmul(x1.astype(np.float32), x2.astype(np.float32))
        return single.astype(np.float16)
    return np.matmul(x1, x2)


def _numpy_argsort(
    x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Any:
    kind: Any = "stable" if stable else None
    if not descending:
        return np.argsort(x, axis=axis, kind=kind)
    # equal elements keep their order: sort the reversed array, and count from its end
    order = np.flip(np.argsort(np.flip(x, axis=axis), axis=axis, kind=kind), axis=axis)
    return x.shape[axis] - 1 - order


def _numpy_top_places(x: Any, k: int, axis: int, largest: bool) -> Any:
    """Return the positions of the first `k` elements in sorted order.

    The k-th element splits each row, without a sort of the whole row; of the elements
    that equal it as many as are missing are taken, the first ones.
    """
    n = x.shape[axis]
    if x.size == 0 or not 0 < 4 * k < n or (x != x).any():
        order = _numpy_argsort(x, axis=axis, descending=largest)
        return np.moveaxis(np.moveaxis(order, axis, 0)[:k], 0, axis)
    rows = np.moveaxis(x, axis, -1)
    shape = (*rows.shape[:-1], k)
    rows = rows.reshape(-1, n)
    at = n - k if largest else k - 1
    border = np.partition(rows, at, axis=1)[:, at, None]
    inside = rows > border if largest else rows < border
    equal = rows == border
    missing = k - np.count_nonzero(inside, axis=1)[:, None]
    inside |= equal & (np.cumsum(equal, axis=1) <= missing)
    places = np.nonzero(inside)[1].reshape(-1, k)
    values = np.take_along_axis(rows, places, axis=1)
    order = _numpy_argsort(values, axis=1, descending=largest)
    places = np.take_along_axis(places, order, axis=1)
    return np.moveaxis(places.reshape(shape), -1, axis)


def _numpy_sort(
    x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True
) -> Any:
    out = np.sort(x, axis=axis, kind="stable" if stable else None)
    return np.flip(out, axis=axis) if descending else out


def _numpy_take_along_axis(x: Any, indices: Any, /, *, axis: int = -1) -> Any:
    return np.take_along_axis(x, indices, axis=axis)
