"""PyTorch, as one array library among others."""

from __future__ import annotations

import functools
import importlib
from typing import Any

import numpy as np

from ..errors import LibraryError
from . import portable
from .base import Library

__all__ = ["TorchLibrary"]


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
            "roll": self._roll,
        }

    def _extreme(self, function: Any, x: Any, /, *, axis: Any = None, **kw: Any) -> Any:
        """Leave `x` as it is where there are no axes to reduce."""
        return self.copy(x) if axis == () else function(x, axis=axis, **kw)

    def _count_nonzero(self, x: Any, /, *, axis: Any = None, **options: Any) -> Any:
        """Count each element by itself where there are no axes to reduce."""
        if axis == ():
            return (x != 0).to(self.torch.int64)
        return self.module.count_nonzero(x, axis=axis, **options)

    def _roll(self, x: Any, /, shift: Any, *, axis: Any = None) -> Any:
        """Take one shift for several axes."""
        if isinstance(axis, tuple) and isinstance(shift, int):
            shift = (shift,) * len(axis)
        return self.module.roll(x, shift, axis=axis)

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
        used = sum(portable.axes_of(p) for p in parts)
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
            axis += x.ndim - used if p is Ellipsis else portable.axes_of(p)
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


def _forward(part: slice, n: int) -> slice:
    """Return the slice with a positive step that names the same elements."""
    places = range(n)[part]
    if not places:
        return slice(0, 0)
    return slice(places[-1], places[0] + 1, -places.step)
