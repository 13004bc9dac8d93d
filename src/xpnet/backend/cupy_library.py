"""CuPy: one CUDA GPU."""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..errors import DeviceError
from . import portable
from .base import Library
from .device import Device

__all__ = ["CupyLibrary"]

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

    def find_in(self, extension: str, name: str) -> Any:
        if name in ("eig", "eigvals"):  # CuPy before 14 lacks them
            return functools.partial(self._eigen, name)
        function = super().find_in(extension, name)
        if name in ("fftfreq", "rfftfreq"):
            return functools.partial(self._create, function)
        if name == "irfftn":
            return self.irfftn
        if name == "solve":
            return functools.partial(self._solve, function)
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

    def setitem(self, x: Any, key: Any, value: Any) -> Any:
        out = self.copy(x)
        return self._on_device(self.write, out, key, value)

    def write(self, out: Any, key: Any, value: Any) -> Any:
        # CuPy leaves open which value stays where a position is named twice
        if getattr(value, "size", 1) > 1 and portable.has_integer_array(key):
            value = portable.last_values(self.module, out, key, value)
        out[key] = value
        return out

    def windows(self, x: Any, *layout: Any) -> Any:
        shape, strides = portable.strided_windows(x.shape, x.strides, *layout)
        return self.cupy.lib.stride_tricks.as_strided(x, shape, strides)

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
            rows = self.module.reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
            out = self._on_device(self.module.matmul, rows, y)
            return self.module.reshape(out, (*x.shape[:-1], y.shape[-1]))
        return self._on_device(self.module.matmul, x, y)

    def irfftn(
        self, x: Any, /, *, s: Any = None, axes: Any = None, norm: str = "backward"
    ) -> Any:
        """Return the real array of half a spectrum, axis by axis.

        cuFFT's own takes for granted that the other half mirrors this one; the standard
        defines the result for every input, and the derivative needs it.
        """
        functions = self.functions
        if axes is None:
            axes = range(-(x.ndim if s is None else len(s)), 0)
        *others, last = axes
        lengths, n = (None, None) if s is None else (tuple(s[:-1]), s[-1])
        if others:
            x = functions["ifftn"](x, s=lengths, axes=tuple(others), norm=norm)
        return functions["irfft"](x, n=n, axis=last, norm=norm)

    def _eigen(self, name: str, x: Any, /) -> Any:
        """Return eigenvalues (and vectors) of square matrices, complex.

        CuPy has them from 14 on, if its cuSOLVER does; else NumPy does it on the host.
        """
        cusolver = importlib.import_module("cupyx.cusolver")
        function = getattr(self.cupy.linalg, name, None)
        if function is not None and x.size and cusolver.check_availability("geev"):
            return self._on_device(function, x)
        out = getattr(np.linalg, name)(self.to_host(x))
        dtype = np.result_type(x.dtype, np.complex64)
        if isinstance(out, tuple):
            return tuple([self.from_host(part.astype(dtype)) for part in out])
        return self.from_host(out.astype(dtype))

    def _solve(self, function: Callable[..., Any], x1: Any, x2: Any, /) -> Any:
        """Return the solution of linear equations; CuPy's batches do not broadcast."""
        if x2.ndim > 1 and x1.shape[:-2] != x2.shape[:-2]:
            shape = np.broadcast_shapes(x1.shape[:-2], x2.shape[:-2])
            x1 = self.cupy.broadcast_to(x1, (*shape, *x1.shape[-2:]))
            x2 = self.cupy.broadcast_to(x2, (*shape, *x2.shape[-2:]))
        return self._on_device(function, x1, x2)

    def memory_of(self, x: Any) -> tuple[Any, int]:
        return x.data.mem.ptr, x.data.mem.size

    def to_host(self, x: Any) -> np.ndarray[Any, Any]:
        host: np.ndarray[Any, Any] = self.cupy.asnumpy(x)
        return host

    def from_host(self, x: np.ndarray[Any, Any], device: Any = None) -> Any:
        return self._create(self.cupy.asarray, x, device=device)
