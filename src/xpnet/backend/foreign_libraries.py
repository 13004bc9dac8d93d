"""Libraries with devices of their own: array-api-strict, PyTorch and JAX."""

from __future__ import annotations

import functools
import importlib
from typing import Any

import numpy as np

from ..errors import LibraryError
from . import extensions, portable
from .base import Library

__all__ = ["JaxLibrary", "StrictLibrary", "TorchLibrary"]


class StrictLibrary(Library):
    """array-api-strict: nothing but the standard, with several pretended devices."""

    name = "array_api_strict"

    def __init__(self) -> None:
        super().__init__(importlib.import_module("array_api_strict"))
        self.array_type = type(self.module.zeros(()))
        self.functions["from_dlpack"] = self._from_dlpack

    def find(self, name: str) -> Any:
        return getattr(self.module, name)

    def _from_dlpack(self, x: Any, /, **options: Any) -> Any:
        """Leave an array of its own on its device, which DLPack knows nothing of."""
        if isinstance(x, self.array_type):
            options.setdefault("device", x.device)
        return self.module.from_dlpack(x, **options)

    def find_in(self, extension: str, name: str) -> Any:
        function = super().find_in(extension, name)
        over_axes = name in extensions.OVER_AXES
        return extensions.with_axes(function) if over_axes else function

    def move(self, x: Any, device: Any) -> Any:
        return x.to_device(device)

    def setitem(self, x: Any, key: Any, value: Any) -> Any:
        if portable.has_integer_array(key):
            return portable.set_positions(self.module, x, key, value)
        return super().setitem(x, key, value)

    def to_host(self, x: Any) -> np.ndarray[Any, Any]:
        return np.asarray(x.to_device(self.module.Device("CPU_DEVICE")))

    def memory_of(self, x: Any) -> tuple[Any, int]:
        return id(x), self.to_host(x).nbytes


class TorchLibrary(Library):
    """PyTorch through array-api-compat; its own autograd is not used."""

    name = "torch"
    has_views = True
    scalar_operands = False  # torch.maximum(x, 0.0) and others refuse a Python scalar

    def __init__(self) -> None:
        super().__init__(importlib.import_module("array_api_compat.torch"))
        self.torch: Any = importlib.import_module("torch")
        self.array_type = self.torch.Tensor
        self.functions |= {
            "max": functools.partial(self._extreme, self.module.max),
            "min": functools.partial(self._extreme, self.module.min),
            "count_nonzero": self._count_nonzero,
            "std": self._std,
        }

    def _extreme(self, function: Any, x: Any, /, *, axis: Any = None, **kw: Any) -> Any:
        """Leave `x` as it is where there are no axes to reduce."""
        return self.copy(x) if axis == () else function(x, axis=axis, **kw)

    def _count_nonzero(self, x: Any, /, *, axis: Any = None, **options: Any) -> Any:
        """Count each element by itself where there are no axes to reduce."""
        if axis == ():
            return (x != 0).to(self.torch.int64)
        return self.module.count_nonzero(x, axis=axis, **options)

    def _std(self, x: Any, /, **options: Any) -> Any:
        """Take a fractional correction, as the variance does."""
        return self.torch.sqrt(self.module.var(x, **options))

    def coerce(self, value: Any) -> Any:
        return self.torch.as_tensor(value)

    def find_in(self, extension: str, name: str) -> Any:
        function = super().find_in(extension, name)
        if extension == "fft" and not name.endswith("freq"):
            return functools.partial(self._transform, function)
        return function

    def _transform(self, function: Any, x: Any, /, **options: Any) -> Any:
        """Call a Fourier transform; where there is no element, only its shape."""
        if x.numel():
            return function(x, **options)
        like = function(x.to("meta"), **options)
        return self.torch.zeros(like.shape, dtype=like.dtype, device=x.device)

    def adopt(self, x: Any) -> Any:
        x = self.coerce(x)
        if x.layout is not self.torch.strided:
            raise LibraryError(
                f"a tensor of layout {x.layout} has no functions of the standard. Pass "
                "x.to_dense()."
            )
        return x.detach() if x.requires_grad else x

    def from_host(self, x: np.ndarray[Any, Any], device: Any = None) -> Any:
        # PyTorch takes no negative steps, no foreign byte order, nothing read-only
        forward = all(step >= 0 for step in x.strides)
        if not (forward and x.flags.writeable and x.dtype.isnative):
            x = np.array(x, dtype=x.dtype.newbyteorder("="), order="C")
        return self.module.asarray(x, device=device)

    def copy(self, x: Any) -> Any:
        return x.clone(memory_format=self.torch.contiguous_format)

    def move(self, x: Any, device: Any) -> Any:
        return x.to(device)

    def is_complex(self, x: Any) -> bool:
        return bool(x.is_complex())

    def getitem(self, x: Any, key: Any) -> Any:
        if type(key) is int:
            return x[key]
        key, part, flips = self._prepared(x, key)
        return (x[part].flip(flips) if flips else x)[key]

    def setitem(self, x: Any, key: Any, value: Any) -> Any:
        return self.write(self.copy(x), key, value)

    def write(self, out: Any, key: Any, value: Any) -> Any:
        key, part, flips = self._prepared(out, key)
        target = out[part].flip(flips) if flips else out
        # PyTorch leaves open which value stays where a position is named twice
        if getattr(value, "ndim", 0) and portable.has_integer_array(key):
            value = portable.last_values(self.module, target, key, value)
        target[key] = value
        if flips:
            out[part] = target.flip(flips)
        return out

    def _prepared(self, x: Any, key: Any) -> tuple[Any, Any, list[int]]:
        """Return a key that PyTorch reads as NumPy would: ``x[part].flip(flips)[key]``.

        Slices with a negative step become slices of a reversed array. Positions become
        int64. Beside an array an integer counts as an array, which decides where the
        axes of the result stand.
        """
        parts = list(key) if isinstance(key, tuple) else [key]
        arrays = any(isinstance(p, self.torch.Tensor) and p.ndim for p in parts)
        used = sum(_axes_of(p) for p in parts)
        before: list[Any] = [slice(None)] * x.ndim
        flips: list[int] = []
        axis = 0
        for i, p in enumerate(parts):
            if type(p) is slice and p.step is not None and p.step < 0:
                if axis < x.ndim:
                    before[axis], parts[i] = _forward(p, x.shape[axis]), slice(None)
                    flips.append(axis)
            elif isinstance(p, self.torch.Tensor) and p.dtype is not self.torch.bool:
                long = p.to(self.torch.int64)
                parts[i] = long.reshape(1) if arrays and p.ndim == 0 else long
            elif arrays and type(p) is int:
                parts[i] = self.torch.tensor([p], device=x.device)
            axis += x.ndim - used if p is Ellipsis else _axes_of(p)
        return tuple(parts), tuple(before), flips

    def segment_sum(self, values: Any, ids: Any, count: int) -> Any:
        shape = (count, *values.shape[1:])
        out = self.torch.zeros(shape, dtype=values.dtype, device=values.device)
        if values.device.type == "cpu":
            return out.index_add_(0, ids, values)
        # elsewhere index_add_ adds in any order; this one sorts first
        return out.index_put_((ids,), values, accumulate=True)

    def windows(self, x: Any, *layout: Any) -> Any:
        shape, strides = portable.strided_windows(tuple(x.shape), x.stride(), *layout)
        return self.torch.as_strided(x, shape, strides, x.storage_offset())

    def on_host(self, x: Any) -> bool:
        return bool(x.device.type == "cpu")

    def to_host(self, x: Any) -> np.ndarray[Any, Any]:
        plain = x.detach().resolve_conj().resolve_neg()  # PyTorch puts both off
        host: np.ndarray[Any, Any] = plain.cpu().numpy()
        return host

    def memory_of(self, x: Any) -> tuple[Any, int]:
        storage = x.untyped_storage()
        return storage.data_ptr(), storage.nbytes()


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

    def _permute_dims(self, x: Any, /, axes: tuple[int, ...]) -> Any:
        """Take negative axes too."""
        return self.module.permute_dims(x, [a + x.ndim if a < 0 else a for a in axes])

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


def _axes_of(part: Any) -> int:
    """Return how many axes of the array one part of a key stands for."""
    if part is None or part is Ellipsis or type(part) is bool:
        return 0
    boolean = "bool" in str(getattr(part, "dtype", ""))
    return int(part.ndim) if boolean else 1


def _forward(part: slice, n: int) -> slice:
    """Return the slice with a positive step that names the same elements."""
    places = range(n)[part]
    if not places:
        return slice(0, 0)
    return slice(places[-1], places[0] + 1, -places.step)


def _check_integers(x: Any, key: Any) -> None:
    """Raise for an integer that is out of range, where JAX takes the nearest one."""
    parts = key if isinstance(key, tuple) else (key,)
    used = sum(map(_axes_of, parts))
    axis = 0
    for part in parts:
        if type(part) is int and axis < x.ndim:
            n = x.shape[axis]
            if not -n <= part < n:
                raise IndexError(
                    f"index {part} is out of range for axis {axis} of length {n}."
                )
        axis += x.ndim - used if part is Ellipsis else _axes_of(part)
