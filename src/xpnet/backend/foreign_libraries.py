"""Libraries with devices of their own: array-api-strict, PyTorch and JAX."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from . import portable
from .base import Library

__all__ = ["JaxLibrary", "StrictLibrary", "TorchLibrary"]


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

    def memory_of(self, x: Any) -> tuple[Any, int]:
        storage = x.untyped_storage()
        return storage.data_ptr(), storage.nbytes()


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
