"""array-api-strict: the standard and nothing else."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from . import extensions, portable
from .base import Library

__all__ = ["StrictLibrary"]


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
        if type(x) is self.array_type:
            options.setdefault("device", self.device_of(x))
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
