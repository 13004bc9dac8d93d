"""JAX: arrays that are never written to, and tracers that have no values."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from . import portable
from .base import Library

__all__ = ["JaxLibrary"]


class JaxLibrary(Library):
    """JAX: arrays that are never written to."""

    name = "jax"
    mutable = False

    def __init__(self) -> None:
        super().__init__(importlib.import_module("jax.numpy"))
        self.jax: Any = importlib.import_module("jax")
        self.array_type = type(self.module.zeros(()))
        # without jax_enable_x64 there is no int64, and JAX would warn of it each time
        self.functions["int64"] = self.jax.dtypes.canonicalize_dtype(np.int64)
        self.functions["permute_dims"] = self._permute_dims
        self.functions["searchsorted"] = self._searchsorted
        self.functions["from_dlpack"] = self._from_dlpack
        self.functions["pow"] = self._pow
        self.functions["cumulative_prod"] = self._cumulative_prod

    def coerce(self, value: Any) -> Any:
        # a tracer of jax.jit or jax.grad is a jax.Array too
        if isinstance(value, self.jax.Array):
            return value
        return self.module.asarray(value)

    def adopt(self, x: Any) -> Any:
        return x

    def device_of(self, x: Any) -> Any:
        return getattr(x, "device", None)  # a tracer is nowhere: the default will do

    def devices(self) -> tuple[Any, ...]:
        return tuple(self.jax.devices())

    def default_device(self) -> Any:
        return self.module.zeros(()).device

    def from_host(self, x: np.ndarray[Any, Any], device: Any = None) -> Any:
        # JAX may keep NumPy's memory, which somebody else may write to
        return self.module.array(x, device=device, copy=True)

    def _from_dlpack(self, x: Any, /, *, copy: Any = None, **options: Any) -> Any:
        """Copy where that is asked for: JAX 0.10 shares aligned memory all the same."""
        shared = self.module.from_dlpack(x, copy=None if copy else copy, **options)
        return self.copy(shared) if copy else shared

    def _cumulative_prod(self, x: Any, /, *, dtype: Any = None, **options: Any) -> Any:
        """Multiply small integers in the default integer, as `prod` and the sums do."""
        if dtype is None:
            empty = self.module.zeros((0,), dtype=x.dtype)
            dtype = self.module.prod(empty).dtype
        return self.module.cumulative_prod(x, dtype=dtype, **options)

    def _permute_dims(self, x: Any, /, axes: tuple[int, ...]) -> Any:
        """Take negative axes too."""
        return self.module.permute_dims(x, [a + x.ndim if a < 0 else a for a in axes])

    def _pow(self, x: Any, y: Any, /) -> Any:
        """Return 0 where the base is a complex 0, at which JAX gives NaN."""
        out = self.module.pow(x, y)
        if not self.is_complex(out):
            return out
        zero = (x == 0) & (self.module.real(self.module.asarray(y)) > 0)
        return self.module.where(zero, 0, out)

    def _searchsorted(self, x: Any, values: Any, /, **options: Any) -> Any:
        """Return indices of the dtype that all other functions give."""
        found = self.module.searchsorted(x, values, **options)
        return found.astype(self.raw.int64)

    def getitem(self, x: Any, key: Any) -> Any:
        _check_integers(x, key)
        return x[key]

    def setitem(self, x: Any, key: Any, value: Any) -> Any:
        _check_integers(x, key)
        # JAX leaves open which value stays where a position is named twice
        if getattr(value, "ndim", 0) and portable.has_integer_array(key):
            value = portable.last_values(self.module, x, key, value)
        return x.at[key].set(value)

    def write(self, out: Any, key: Any, value: Any) -> Any:
        return self.setitem(out, key, value)

    def add_to(self, out: Any, key: Any, value: Any) -> Any:
        return out.at[key].add(value)

    def on_host(self, x: Any) -> bool:
        try:
            return all(d.platform == "cpu" for d in x.devices())
        except TypeError:  # inside jax.jit there are no values
            return False

    def segment_sum(self, values: Any, ids: Any, count: int) -> Any:
        shape = (count, *values.shape[1:])
        return self.module.zeros(shape, dtype=values.dtype).at[ids].add(values)


def _check_integers(x: Any, key: Any) -> None:
    """Raise for an integer that is out of range, where JAX takes the nearest one."""
    parts = key if isinstance(key, tuple) else (key,)
    used = sum(map(portable.axes_of, parts))
    axis = 0
    for part in parts:
        if type(part) is int and axis < x.ndim:
            n = x.shape[axis]
            if not -n <= part < n:
                raise IndexError(
                    f"index {part} is out of range for axis {axis} of length {n}."
                )
        axis += x.ndim - used if part is Ellipsis else portable.axes_of(part)
